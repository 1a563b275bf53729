package server

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

func tcpSocket(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// ids are makers of two processes that share a socket.
func twoMakers() (a, b *idMaker) {
	a, b = new(idMaker), new(idMaker)
	a.tag.Store(2)
	b.tag.Store(5)
	return a, b
}

func TestIDsTellWhose(t *testing.T) {
	a, b := twoMakers()
	stranger := new(idMaker)
	stranger.secret[3] = 1
	stranger.tag.Store(5)
	short := func(id []byte) []byte { return append(append([]byte{0x40}, id...), "payload"...) }
	long := func(id []byte) []byte {
		return append(append([]byte{0xc0, 0, 0, 0, 1, byte(len(id))}, id...), "payload"...)
	}
	changed := b.next()
	changed[4] ^= 1
	for _, c := range []struct {
		name   string
		packet []byte
		tag    int
	}{
		{"empty", nil, -1},
		{"too short", short(b.next())[:idSize], -1},
		{"other's", short(b.next()), 5},
		{"other's, long header", long(b.next()), 5},
		{"just the ID", short(b.next())[:1+idSize], 5},
		{"own", short(a.next()), -1},
		{"own, long header", long(a.next()), -1},
		{"of another server", short(stranger.next()), -1},
		{"changed", short(changed), -1},
		{"made up by a client", long([]byte("12345678")), -1},
		{"made up with our length", long([]byte("\x05abcdefghijk")), -1},
		{"cut", long(b.next())[:6+idSize-1], -1},
	} {
		if tag := a.foreignTag(c.packet); tag != c.tag {
			t.Errorf("%s: tag %d, want %d", c.name, tag, c.tag)
		}
	}
}

func FuzzDestination(f *testing.F) {
	a, b := twoMakers()
	f.Add(append([]byte{0x40}, b.next()...))
	f.Add(append([]byte{0xe0, 0, 0, 0, 1, idSize}, b.next()...))
	f.Fuzz(func(t *testing.T, packet []byte) {
		id := destination(packet)
		if id != nil && (len(id) != idSize || !bytes.Contains(packet, id)) {
			t.Errorf("%x has the ID %x", packet, id)
		}
		if tag := a.foreignTag(packet); tag >= 0 && !bytes.Equal(id[idBody:], b.check(id)) {
			t.Errorf("%x is taken for one of tag %d", packet, tag)
		}
	})
}

func TestRelayMessage(t *testing.T) {
	for _, c := range []struct {
		from *net.UDPAddr
		want string
	}{
		{&net.UDPAddr{IP: net.IPv4(192, 0, 2, 1).To4(), Port: 443}, "192.0.2.1:443"},
		{&net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 65535}, "192.0.2.1:65535"},
		{&net.UDPAddr{IP: net.ParseIP("2001:db8::1"), Port: 1}, "[2001:db8::1]:1"},
		{&net.UDPAddr{IP: net.ParseIP("fe80::1"), Port: 1, Zone: "lo"}, "[fe80::1%lo]:1"},
		{&net.UDPAddr{IP: net.ParseIP("fe80::1"), Port: 1, Zone: "4000000"}, "[fe80::1%4000000]:1"},
	} {
		message, ok := appendRelayed(nil, c.from, []byte("control"))
		p, err := parseRelayed(append(message, "payload"...))
		if !ok || err != nil || p.client.String() != c.want || string(p.control)+string(p.payload) != "controlpayload" {
			t.Errorf("%s: %s %q %q, error %v", c.want, p.client, p.control, p.payload, err)
		}
	}
	if _, ok := appendRelayed(nil, &net.UDPAddr{IP: net.IPv4zero}, make([]byte, relayControl+1)); ok {
		t.Error("too many control messages were taken")
	}
	if _, ok := appendRelayed(nil, &net.UnixAddr{}, nil); ok {
		t.Error("an address that is none of UDP was taken")
	}
}

func FuzzRelayMessage(f *testing.F) {
	message, _ := appendRelayed(nil, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, []byte("control"))
	f.Add(append(message, "payload"...))
	f.Add(message[:relayHead-1])
	f.Fuzz(func(t *testing.T, message []byte) {
		p, err := parseRelayed(message)
		if err != nil {
			return
		}
		if len(p.control)+len(p.payload) != len(message)-relayHead {
			t.Fatalf("%d bytes of control messages and %d of payload out of %d", len(p.control), len(p.payload), len(message))
		}
		again, ok := appendRelayed(nil, p.client, p.control)
		if ok != (len(p.control) <= relayControl) {
			t.Errorf("%d bytes of control messages: %t", len(p.control), ok)
		}
		if ok && p.client.Zone == "" { // a scope without a meaning for its address is not kept
			copy(message[18:22], []byte{0, 0, 0, 0})
			if again = append(again, p.payload...); !bytes.Equal(again, message) {
				t.Errorf("%x became %x", message, again)
			}
		}
	})
}

// TestShareForwards: a datagram for a living process goes into its relay with all that the kernel said about it, one
// for a dead process stays, and one that finds no room is dropped.
func TestShareForwards(t *testing.T) {
	udp, files := shareSocket(t, "127.0.0.1:0")
	s, err := OpenPacketShare(socketFile(t, udp), files)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	other := &idMaker{secret: s.ids.secret}
	other.tag.Store(3)
	s.ids.tag.Store(0)
	from := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	packet := func() ipv4.Message {
		p := append([]byte{0x40}, other.next()...)
		return ipv4.Message{Buffers: [][]byte{p}, N: len(p), OOB: []byte("control"), NN: 7, Addr: from}
	}
	batch := []ipv4.Message{packet()}
	s.forward(batch)
	if batch[0].N == 0 {
		t.Error("the datagram of a dead process is gone")
	}
	s.life[3] = sighting{at: time.Now().Add(time.Hour), alive: true}
	batch = []ipv4.Message{packet(), {Buffers: [][]byte{[]byte("own")}, N: 3}, packet()}
	s.forward(batch)
	if batch[0].N != 0 || batch[1].N != 3 || batch[2].N != 0 || s.forwarded.Load() != 2 {
		t.Errorf("%d, %d and %d bytes are left, %d forwarded", batch[0].N, batch[1].N, batch[2].N, s.forwarded.Load())
	}
	buf := make([]byte, 2048)
	n, err := s.in[3].Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseRelayed(buf[:n])
	if err != nil || p.client.String() != from.String() || string(p.control) != "control" || len(p.payload) != 1+idSize {
		t.Errorf("the relay has %v, error %v", p, err)
	}
	for range 100000 {
		batch = []ipv4.Message{packet()}
		if s.forward(batch); s.dropped.Load() > 0 {
			return
		}
	}
	t.Error("a relay that nobody reads takes everything")
}

// TestOpenPacketShareRefuses: wrong files are refused with a reason.
func TestOpenPacketShareRefuses(t *testing.T) {
	udp, files := shareSocket(t, "127.0.0.1:0")
	if _, err := OpenPacketShare(socketFile(t, udp), files[:3]); err == nil {
		t.Error("too few files were taken")
	}
	_, files = shareSocket(t, "127.0.0.1:0")
	tcp := tcpSocket(t)
	if _, err := OpenPacketShare(socketFile(t, tcp.(*net.TCPListener)), files); err == nil {
		t.Error("a TCP socket was taken")
	}
	_, files = shareSocket(t, "127.0.0.1:0")
	files[0].Close()
	files[0], _ = os.Open(os.DevNull)
	if _, err := OpenPacketShare(socketFile(t, udp), files); err == nil {
		t.Error("a file of locks without a secret was taken")
	}
}

// TestEnlargePacketBuffers: with the privilege the kernel's limits do not count, and without it there is an error.
func TestEnlargePacketBuffers(t *testing.T) {
	udp, _ := shareSocket(t, "127.0.0.1:0")
	f := socketFile(t, udp)
	defer f.Close()
	err := EnlargePacketBuffers(f)
	size, sizeErr := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_RCVBUF)
	if sizeErr != nil {
		t.Fatal(sizeErr)
	}
	if (err == nil) != (size >= packetBuffer) {
		t.Errorf("the buffer has %d bytes, error %v", size, err)
	}
}

// TestShareLocksMode: nobody but who is given a descriptor may take the locks.
func TestShareLocksMode(t *testing.T) {
	files, err := NewPacketShareFiles()
	if err != nil {
		t.Fatal(err)
	}
	defer closeFiles(files)
	info, err := files[0].Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, error %v", info.Mode(), err)
	}
}

// TestLockFileClosed: a lock that is wanted while the file is closed is none of the file that gets its descriptor next. With the race
// detector, the two goroutines would be found as well.
func TestLockFileClosed(t *testing.T) {
	files, err := NewPacketShareFiles()
	if err != nil {
		t.Fatal(err)
	}
	defer closeFiles(files[1:])
	locks, failed := lockFile{files[0]}, make(chan error)
	go func() {
		for {
			if err := locks.unlock(nextByte); err != nil {
				failed <- err
				return
			}
		}
	}()
	_ = locks.unlock(ownerByte)
	_ = locks.Close()
	if err := <-failed; !errors.Is(err, os.ErrClosed) {
		t.Errorf("the error is %v", err)
	}
}
