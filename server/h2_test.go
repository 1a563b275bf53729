package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/tools/txtar"

	"gild/logs"
)

// TestH2Frames sends the frames of testdata/h2/*.txtar and compares what comes back. A file starts with what it proves and
// an "options:" line as in TestRaw. Then follow cases of two parts:
//
//	-- NAME: client --  a frame a line, after the preface and the first SETTINGS, which are sent before:
//	                      headers ID METHOD PATH [name=value...] [open|more]   open: a body follows; more: a CONTINUATION
//	                      continuation ID [end] [name=value...]
//	                      trailers ID name=value...
//	                      data ID LENGTH [end]                     padding ID LENGTH
//	                      rst ID CODE     ping     settings ID=VALUE...     window ID INCREMENT     priority ID
//	                      goaway          raw TYPE ID LENGTH
//	                      N * FRAME ; ... the same many times; {} in it are the next odd numbers from 1
//	                      until TEXT      reads until a frame that contains TEXT
//	-- NAME: server --  what came, a frame a line, until the server has closed the connection, or what the last "until" names.
//	                    "..." stands for more of the same.
func TestH2Frames(t *testing.T) {
	files, err := filepath.Glob("testdata/h2/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runFrames(t, file) })
	}
}

func runFrames(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	set := optionsOf(t, string(archive.Comment))
	for i := 0; i+1 < len(archive.Files); i += 2 {
		client, server := &archive.Files[i], &archive.Files[i+1]
		name, ok := strings.CutSuffix(client.Name, ": client")
		if !ok || server.Name != name+": server" {
			t.Fatalf("%s: want pairs of client and server, got %q and %q", file, client.Name, server.Name)
		}
		t.Run(name, func(t *testing.T) {
			s := start(t, converse, func(o *Options) { o.H2C = true; set(o) })
			f := newFraming(t, s.dial(t)).greet()
			f.play(string(client.Data))
			if got := withoutSizes(f.seen.String()); *update {
				server.Data = []byte(got)
			} else if want := string(server.Data); got != want {
				t.Errorf("got:\n%s\nwant:\n%s\nthe log has\n%s", got, want, s.log.text())
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// ownFrames are those of a page of the server, or its head if nobody waited for more.
var ownFrames = regexp.MustCompile(`(:status=[345]\d\d) length=(\d{4})((\nDATA \d+ )(\d{4}) bytes end)?`)

// withoutSizes leaves out how large a page of the server is, if its head says the same.
func withoutSizes(frames string) string {
	return ownFrames.ReplaceAllStringFunc(frames, func(s string) string {
		switch m := ownFrames.FindStringSubmatch(s); m[5] {
		case "":
			return m[1]
		case m[2]:
			return m[1] + m[4] + "page end"
		}
		return s
	})
}

// A framing is a client of frames.
type framing struct {
	*testing.T
	*http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	seen    strings.Builder
	last    string // line of seen
	ended   bool
}

// newFraming sends the preface, and reads what every server begins with.
func newFraming(t *testing.T, c net.Conn) *framing {
	f := &framing{T: t, Framer: http2.NewFramer(c, c)}
	f.encoder = hpack.NewEncoder(&f.block)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.AllowIllegalWrites = true
	_, err := io.WriteString(c, http2.ClientPreface)
	f.must(err)
	f.must(f.WriteSettings())
	return f
}

// greet reads what comes in any order after the preface: settings, their acknowledgement and a larger window.
func (f *framing) greet() *framing {
	for n := 0; n < 3; {
		line := f.next()
		switch {
		case f.ended:
			f.Fatalf("the server begins with %s", line)
		case strings.HasPrefix(line, "SETTINGS"), strings.HasPrefix(line, "WINDOW_UPDATE 0 64"):
			n++
		default:
			f.seen.WriteString(line + "\n")
		}
	}
	return f
}

func (f *framing) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// play goes through a script, and reads to the end unless the script does not.
func (f *framing) play(script string) {
	f.run(script)
	if lines := strings.Split(strings.TrimSpace(script), "\n"); !strings.HasPrefix(lines[len(lines)-1], "until ") {
		f.until("")
	}
}

// run goes through a script.
func (f *framing) run(script string) {
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "until "); ok {
			f.until(text)
			continue
		}
		times, frame, repeated := strings.Cut(line, " * ")
		if !repeated {
			f.must(f.send(line))
			continue
		}
		for i := range number(f.T, times) {
			for one := range strings.SplitSeq(strings.ReplaceAll(frame, "{}", fmt.Sprint(2*i+1)), " ; ") {
				_ = f.send(one) // the server may close the connection in the middle of a flood
			}
		}
	}
}

// until reads frames up to one that contains text, or the end.
func (f *framing) until(text string) {
	for !f.ended {
		line := f.next()
		if line != f.last {
			f.last = line
			f.seen.WriteString(line + "\n")
		} else if !strings.HasSuffix(f.seen.String(), "...\n") {
			f.seen.WriteString("...\n")
		}
		if text != "" && strings.Contains(line, text) {
			return
		}
	}
}

// next describes the next frame.
func (f *framing) next() string {
	frame, err := f.ReadFrame()
	if err != nil {
		f.ended = true
		if errors.Is(err, os.ErrDeadlineExceeded) {
			f.Error("the server has not closed the connection")
		}
		return "end"
	}
	h := frame.Header()
	line := fmt.Sprintf("%v %d", h.Type, h.StreamID)
	switch frame := frame.(type) {
	case *http2.MetaHeadersFrame:
		line += fmt.Sprintf(" :status=%s length=%s", frame.PseudoValue("status"), fieldOf(frame, "content-length"))
	case *http2.DataFrame:
		line += fmt.Sprintf(" %d bytes", len(frame.Data()))
	case *http2.RSTStreamFrame:
		line += " " + frame.ErrCode.String()
	case *http2.GoAwayFrame:
		line += fmt.Sprintf(" last=%d %v", frame.LastStreamID, frame.ErrCode)
	case *http2.WindowUpdateFrame:
		line += fmt.Sprintf(" %d", frame.Increment)
	case *http2.SettingsFrame:
		if !frame.IsAck() {
			line += describeSettings(frame)
			break
		}
		line += " ack"
	}
	if h.Type <= http2.FrameHeaders && h.Flags.Has(http2.FlagDataEndStream) {
		line += " end"
	}
	return line
}

func fieldOf(f *http2.MetaHeadersFrame, name string) string {
	for _, field := range f.RegularFields() {
		if field.Name == name {
			return field.Value
		}
	}
	return "-"
}

func describeSettings(f *http2.SettingsFrame) (line string) {
	_ = f.ForeachSetting(func(s http2.Setting) error {
		line += " " + s.String()
		return nil
	})
	return line
}

// send sends the frame of a line.
func (f *framing) send(line string) error {
	words := strings.Fields(line)
	id := uint32(0)
	if len(words) > 1 && !strings.Contains(words[1], "=") && words[0] != "raw" {
		id = uint32(number(f.T, words[1]))
	}
	switch words[0] {
	case "headers":
		pseudo := []string{":method=" + words[2], ":scheme=http", ":path=" + words[3], ":authority=h"}
		flags, fields := flagsOf(words[4:])
		return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.encode(append(pseudo, fields...)),
			EndStream: !flags["open"], EndHeaders: !flags["more"]})
	case "continuation":
		flags, fields := flagsOf(words[2:])
		return f.WriteContinuation(id, flags["end"], f.encode(fields))
	case "trailers":
		_, fields := flagsOf(words[2:])
		return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.encode(fields), EndStream: true, EndHeaders: true})
	case "data":
		flags, _ := flagsOf(words[3:])
		return f.WriteData(id, flags["end"], make([]byte, number(f.T, words[2])))
	case "padding":
		return f.WriteDataPadded(id, false, nil, make([]byte, number(f.T, words[2])))
	case "rst":
		return f.WriteRSTStream(id, http2.ErrCode(number(f.T, words[2])))
	case "ping":
		return f.WritePing(false, [8]byte{})
	case "settings":
		return f.WriteSettings(settingsOf(f.T, words[1:])...)
	case "window":
		return f.WriteWindowUpdate(id, uint32(number(f.T, words[2])))
	case "priority":
		return f.WritePriority(id, http2.PriorityParam{Weight: 1})
	case "goaway":
		return f.WriteGoAway(0, http2.ErrCodeNo, nil)
	case "raw":
		return f.WriteRawFrame(http2.FrameType(id8(f.T, words[1])), 0, uint32(number(f.T, words[2])), make([]byte, number(f.T, words[3])))
	}
	f.Fatalf("unknown frame %q", line)
	return nil
}

func id8(t *testing.T, s string) uint8 { return uint8(number(t, s)) }

// flagsOf tells words from name=value.
func flagsOf(words []string) (map[string]bool, []string) {
	flags, fields := map[string]bool{}, []string(nil)
	for _, w := range words {
		if strings.Contains(w, "=") {
			fields = append(fields, w)
		} else {
			flags[w] = true
		}
	}
	return flags, fields
}

func settingsOf(t *testing.T, words []string) (settings []http2.Setting) {
	for _, w := range words {
		id, value, _ := strings.Cut(w, "=")
		settings = append(settings, http2.Setting{ID: http2.SettingID(number(t, id)), Val: uint32(number(t, value))})
	}
	return settings
}

// encode compresses fields of the form name=value; \{N:x} in a value is N times x.
func (f *framing) encode(fields []string) []byte {
	f.block.Reset()
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		f.must(f.encoder.WriteField(hpack.HeaderField{Name: name, Value: unescape(f.T, value)}))
	}
	return bytes.Clone(f.block.Bytes())
}

// TestFrames: the watcher sees the same heads in whatever pieces the bytes come.
func TestFrames(t *testing.T) {
	var stream bytes.Buffer
	framer := http2.NewFramer(&stream, nil)
	for i := range 50 {
		if err := framer.WriteData(uint32(2*i+1), i%2 == 0, make([]byte, i*i)); err != nil {
			t.Fatal(err)
		}
	}
	for size := 1; size < 40; size++ {
		var w frames
		var got []frame
		for p := range slices.Chunk(stream.Bytes(), size) {
			for f, rest, ok := w.next(p); ok; f, rest, ok = w.next(rest) {
				got = append(got, f)
			}
		}
		for i, f := range got {
			if want := (frame{i * i, frameData, byte((i + 1) % 2), uint32(2*i + 1)}); f != want {
				t.Fatalf("in pieces of %d: frame %d is %+v, want %+v", size, i, f, want)
			}
		}
		if len(got) != 50 || !w.between() {
			t.Fatalf("in pieces of %d: %d frames, between %t", size, len(got), w.between())
		}
	}
}

// FuzzFrames: bytes in one piece are the same frames as bytes in two.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x01"), 5)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		var whole, halves frames
		cut = min(max(cut, 0), len(p))
		one := headsOf(&whole, p)
		two := append(headsOf(&halves, p[:cut]), headsOf(&halves, p[cut:])...)
		if fmt.Sprint(one) != fmt.Sprint(two) || whole != halves {
			t.Errorf("%v and %v, %+v and %+v", one, two, whole, halves)
		}
	})
}

func headsOf(w *frames, p []byte) (all []frame) {
	for f, rest, ok := w.next(p); ok; f, rest, ok = w.next(rest) {
		all = append(all, f)
	}
	return all
}

// TestH2Stalls: a client that opens no window, or sends no body, does not keep a handler; and the rest of the connection
// does not notice.
func TestH2Stalls(t *testing.T) {
	ended := make(chan string, 10)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		converse(w, r)
		ended <- r.URL.Path
	}, func(o *Options) {
		o.H2C = true
		o.Timeouts.Body.Timeout, o.Timeouts.Write = 500*time.Millisecond, 500*time.Millisecond
	})
	f := newFraming(t, s.dial(t)).greet()
	f.play("settings 4=0\nheaders 1 GET /stream\nheaders 3 POST /read-fail open\nheaders 5 GET /hello\nuntil RST_STREAM 5\nuntil RST_STREAM 1\n")
	for range 3 {
		<-ended
	}
	f.play("window 0 1000\nsettings 4=1000\nheaders 7 GET /hello\nuntil DATA 7")
	for _, want := range []string{"RST_STREAM 1 INTERNAL_ERROR\n", "HEADERS 3 :status=408", "RST_STREAM 5 INTERNAL_ERROR\n", "DATA 7 12 bytes end\n"} {
		if !strings.Contains(f.seen.String(), want) {
			t.Errorf("no %q in\n%s", want, f.seen.String())
		}
	}
}

// h2Floods are frames that cost the client nothing, and what the log says of them; "" is nothing, when net/http is first.
var h2Floods = []struct{ script, log string }{
	{"3000 * headers {} GET /hello open ; rst {} 8", "control frames"},
	{"3000 * ping", "control frames"},
	{"3000 * settings 3=100", "control frames"},
	{"3000 * window 0 1", "control frames"},
	{"3000 * priority 1", "control frames"},
	{"3000 * raw 99 0 0", "control frames"},
	{"headers 1 POST /echo open\n3000 * data 1 0", "control frames"},
	{"headers 1 POST /echo open\n3000 * padding 1 3", "control frames"},
	{"headers 1 GET /hello more\n3000 * continuation 1", "control frames"},
	{"headers 1 GET /hello more x-a=1\n3000 * continuation 1 x-b=\\{1000:b}", ""},
}

// TestH2Floods: each ends the connection, and no other.
func TestH2Floods(t *testing.T) {
	for _, c := range h2Floods {
		s := start(t, converse, func(o *Options) { o.H2C = true })
		conn := s.dial(t)
		other := newFraming(t, conn).greet()
		f := newFraming(t, s.dial(t)).greet()
		f.play(c.script)
		other.run("headers 1 GET /hello\nuntil DATA 1 12 bytes end")
		conn.Close()
		s.close(t)
		if log := s.log.text(); !strings.Contains(log, c.log) {
			t.Errorf("%s: the log has\n%s", c.script, log)
		}
	}
}

// honest is what clients do that looks like a flood: a download with a window update for every piece, and requests that are
// given up once their response has begun.
const honest = "headers 1 GET /stream\n" +
	"300 * window 0 10000 ; window 1 10000 ; ping\nuntil DATA 1 0 bytes end\n"

// TestH2Honest: who takes what is sent may speak often.
func TestH2Honest(t *testing.T) {
	s := start(t, converse, func(o *Options) { o.H2C = true })
	f := newFraming(t, s.dial(t)).greet()
	f.play(honest)
	for id := 3; id < 3000; id += 2 {
		f.run(fmt.Sprintf("headers %[1]d GET /twice\nuntil HEADERS %[1]d\nrst %[1]d 8", id))
	}
	f.play("headers 3001 GET /hello\nuntil DATA 3001")
}

// TestH2Log: the log tells a response that was cut off from one that has no more to it.
func TestH2Log(t *testing.T) {
	format, err := logs.ParseAccessFormat(accessFormat)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10)
	s := start(t, answer, func(o *Options) {
		o.H2C = true
		o.AccessLog = logs.NewAccessLog(format, func(line []byte) { lines <- string(line) })
	})
	f := newFraming(t, s.dial(t)).greet()
	f.run("headers 101 GET /wait\nrst 101 8")
	if line, want := <-lines, `"GET /wait HTTP/2.0" 400 (page) 0 X - "-" - -`; line != withLengths(want)+"\n" {
		t.Errorf("reset by the client: got\n%swant\n%s", line, want)
	}
	for i, c := range []struct{ request, want string }{
		{"GET /twice", `"GET /twice HTTP/2.0" 200 8 1 + - "-" - -`},
		{"HEAD /twice", `"HEAD /twice HTTP/2.0" 200 - 2 + - "-" - -`},
		{"GET /abort-late", `"GET /abort-late HTTP/2.0" 200 4 3 X - "-" - -`},
		{"GET /switch", `"GET /switch HTTP/2.0" 500 (page) 4 + - "-" - -`},
	} {
		f.must(f.send(fmt.Sprintf("headers %d %s", 2*i+103, c.request)))
		if line := <-lines; line != withLengths(c.want)+"\n" {
			t.Errorf("%s: got\n%swant\n%s", c.request, line, c.want)
		}
	}
}

// TestH2Preface: it is recognised in whatever pieces it comes, and what only begins like it is HTTP/1.
func TestH2Preface(t *testing.T) {
	s := start(t, hello, func(o *Options) { o.H2C = true })
	c := s.dial(t)
	f := newFraming(t, &slowConn{Conn: c}).greet()
	f.run("headers 1 GET /\nuntil DATA 1 12 bytes end")
	c = s.dial(t)
	if _, err := io.WriteString(&slowConn{Conn: c}, "PRI / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := readHello(bufio.NewReader(c)); err != nil {
		t.Error(err)
	}
}

// A slowConn sends the first bytes one by one.
type slowConn struct {
	net.Conn
	sent int
}

func (c *slowConn) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil && c.sent < 100 {
		_, err = c.Conn.Write(p[n : n+1])
		n, c.sent = n+1, c.sent+1
		time.Sleep(100 * time.Microsecond)
	}
	m, err := c.Conn.Write(p[n:])
	return n + m, err
}

// TestH2Inadequate: HTTP/2 needs more of TLS than HTTP/1.
func TestH2Inadequate(t *testing.T) {
	s := start(t, hello, func(o *Options) {
		overTLS(o)
		o.TLS.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	})
	config := tlsClient("h2")
	config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	f := newFraming(t, s.handshake(t, config))
	f.play("")
	if want := "SETTINGS 0\nGOAWAY 0 last=0 INADEQUATE_SECURITY\nend\n"; f.seen.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", f.seen.String(), want)
	}
}

// TestH2Counters: what the network has seen is counted to the last byte, and connections as with HTTP/1.
func TestH2Counters(t *testing.T) {
	s := start(t, hello, func(o *Options) { o.H2C = true })
	c := s.dial(t)
	counted := &countingConn{Conn: c}
	f := newFraming(t, counted).greet()
	f.play("headers 1 GET /\nuntil DATA 1 12 bytes end\nheaders 3 GET /\nuntil DATA 3")
	n := s.Counters()
	if n.Connections.Open != 1 || n.Requests != 2 || n.Statuses[2] != 2 {
		t.Errorf("%+v", n)
	}
	f.must(c.(*net.TCPConn).CloseWrite())
	f.until("")
	s.close(t)
	if n := s.Counters(); n.Sent != uint64(counted.in) || n.Received != uint64(counted.out) || n.Connections.Open != 0 {
		t.Errorf("%+v, and the client has read %d and written %d bytes", n, counted.in, counted.out)
	}
}

// A countingConn counts for one goroutine.
type countingConn struct {
	net.Conn
	in, out int
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in += n
	return n, err
}

func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out += n
	return n, err
}
