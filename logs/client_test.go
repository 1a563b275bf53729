package logs

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// packetPairB is packetPair for benchmarks.
func packetPairB(b *testing.B) (fd int, supervisor *os.File) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	_ = unix.SetNonblock(fds[1], true)
	return fds[0], os.NewFile(uintptr(fds[1]), "supervisor")
}

// drainAll reads frames until end of file.
func drainAll(supervisor *os.File) (frames []Frame, err error) {
	for b := make([]byte, MaxFrame+1); ; {
		n, err := supervisor.Read(b)
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		f, err := ParseFrame(b[:n])
		if err != nil {
			return frames, err
		}
		frames = append(frames, f)
	}
}

// sent runs f with a client and returns the frames that it sent.
func sent(t *testing.T, level Level, f func(c *Client)) []Frame {
	t.Helper()
	fd, supervisor := packetPair(t)
	defer supervisor.Close()
	result := make(chan []Frame)
	go func() {
		frames, err := drainAll(supervisor)
		if err != nil {
			t.Error(err)
		}
		result <- frames
	}()
	c := NewClient(fd, Levels{Level: level})
	f(c)
	c.Close()
	_ = unix.Shutdown(fd, unix.SHUT_WR)
	return <-result
}

func TestClientRecords(t *testing.T) {
	frames := sent(t, Warn, func(c *Client) {
		c.Log(Record{Level: Error, Module: "wsgi", Client: "192.0.2.7:1", ID: "id", Message: "first\nsecond"})
		c.Log(Record{Level: Info, Message: "not kept"})
		Printf(c, Warn, "core", "%d of %d", 1, 2)
		Printf(c, Info, "core", "%d", 3)
	})
	if len(frames) != 2 || frames[0].Message != "first\nsecond" || frames[1].Message != "1 of 2" {
		t.Fatalf("got %+v", frames)
	}
	if f := frames[0]; f.PID != uint32(os.Getpid()) || f.TID == 0 || f.Time == 0 || f.Client != "192.0.2.7:1" || f.ID != "id" {
		t.Errorf("incomplete: %+v", f)
	}
}

func TestClientSplitsLongMessages(t *testing.T) {
	line := strings.Repeat("x", 999)
	message := strings.TrimSuffix(strings.Repeat(line+"\n", 150), "\n")
	frames := sent(t, Warn, func(c *Client) {
		c.Log(Record{Message: message, Module: "wsgi"})
		c.Log(Record{Message: strings.Repeat("y", room+1), ID: strings.Repeat("i", 5000)})
	})
	var got []string
	for _, f := range frames[:3] {
		got = append(got, f.Message)
	}
	if joined := strings.Join(got, "\n"); joined != message {
		t.Errorf("the parts of %d bytes make %d", len(message), len(joined))
	}
	rest := ""
	for _, f := range frames[3:] {
		rest += f.Message
	}
	if rest != strings.Repeat("y", room+1) {
		t.Errorf("the parts of one long line make %d bytes", len(rest))
	}
}

func TestClientBatchesAccessLines(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	frames := sent(t, Warn, func(c *Client) {
		for range 200 {
			c.Access([]byte(line))
		}
	})
	if len(frames) >= 200 {
		t.Errorf("%d frames for 200 lines", len(frames))
	}
	total := ""
	for _, f := range frames {
		if f.Kind != KindAccess || len(f.Message) >= 2*flushSize {
			t.Errorf("kind %d, %d bytes", f.Kind, len(f.Message))
		}
		total += f.Message
	}
	if total != strings.Repeat(line, 200) {
		t.Errorf("%d bytes arrived, want %d", len(total), 200*len(line))
	}
}

// A block that nobody flushes leaves by itself.
func TestClientFlushesInTime(t *testing.T) {
	fd, supervisor := packetPair(t)
	defer supervisor.Close()
	NewClient(fd, Levels{Level: Warn}).Access([]byte("line\n"))
	b := make([]byte, MaxFrame)
	n, err := supervisor.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := ParseFrame(b[:n]); err != nil || f.Message != "line\n" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestClientCutsEndlessLine(t *testing.T) {
	frames := sent(t, Warn, func(c *Client) {
		c.Access([]byte("short\n"))
		c.Access([]byte(strings.Repeat("x", 2*MaxFrame) + "\n"))
	})
	if len(frames) != 2 || frames[0].Message != "short\n" || frames[1].Message != strings.Repeat("x", room-1)+"\n" {
		t.Errorf("%d frames", len(frames))
	}
}

// A supervisor that does not read costs records, never a request; what was lost is told when it reads again.
func TestClientDropsWhenFull(t *testing.T) {
	fd, supervisor := packetPair(t)
	defer supervisor.Close()
	c := NewClient(fd, Levels{Level: Warn})
	c.wait = 0
	big := Record{Message: strings.Repeat("x", 50000)}
	for range 100 {
		c.Log(big)
	}
	if c.dropped == 0 || c.dropped == 100 {
		t.Fatalf("%d of 100 dropped", c.dropped)
	}
	lost := c.dropped
	arrived := 100 - int(lost)
	b := make([]byte, MaxFrame)
	for range arrived {
		if _, err := supervisor.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	c.Log(Record{Message: "after"})
	_ = unix.Shutdown(fd, unix.SHUT_WR)
	frames, err := drainAll(supervisor)
	if err != nil || len(frames) != 2 || frames[0].Message != "after" || !strings.Contains(frames[1].Message, "records or blocks") {
		t.Errorf("got %+v, %v", frames, err)
	}
}

func TestClientSurvivesSupervisor(t *testing.T) {
	fd, supervisor := packetPair(t)
	_ = supervisor.Close()
	c := NewClient(fd, Levels{Level: Warn})
	c.Log(Record{Message: "to nobody"}) // SIGPIPE would end the test
	c.Access([]byte("line\n"))
	c.Close()
	if c.dropped != 2 {
		t.Errorf("%d dropped, want 2", c.dropped)
	}
}
