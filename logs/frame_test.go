package logs

import (
	"bytes"
	"strings"
	"testing"
)

var frames = []Frame{
	{Kind: KindError, Record: Record{Level: Error, Module: "wsgi", Client: "192.0.2.7:51234", ID: "abc", Message: "Traceback\n  line",
		PID: 123, TID: 456, Time: 1700000000123456789}},
	{Kind: KindError, Record: Record{Level: Trace8}},
	{Kind: KindAccess, Record: Record{Message: "one\ntwo\n", PID: 1<<32 - 1, TID: 1<<32 - 1, Time: -1}},
	{Kind: KindError, Record: Record{Message: strings.Repeat("x", room)}},
}

func TestFrameRoundTrip(t *testing.T) {
	for _, want := range frames {
		b, err := AppendFrame([]byte("before"), &want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFrame(b[len("before"):])
		if err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestFrameTooLong(t *testing.T) {
	for _, r := range []Record{
		{Message: strings.Repeat("x", room+1)},
		{Module: strings.Repeat("x", 70000)},
		{ID: "y", Message: strings.Repeat("x", room)},
	} {
		if b, err := AppendFrame(nil, &Frame{Kind: KindError, Record: r}); err == nil || b != nil {
			t.Errorf("a frame of %d bytes was accepted", len(b))
		}
	}
}

// The frame of the documentation, byte by byte: C code writes it too.
func TestFrameLayout(t *testing.T) {
	got, _ := AppendFrame(nil, &Frame{Kind: KindError, Record: Record{Level: Warn, Module: "wsgi", Client: "c", ID: "id", Message: "m",
		PID: 0x01020304, TID: 0x05060708, Time: 0x1112131415161718}})
	want := []byte{1, 4, 4, 0, 1, 0, 2, 0, 4, 3, 2, 1, 8, 7, 6, 5, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11}
	want = append(want, "wsgicidm"...)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestParseFrameRefuses(t *testing.T) {
	good, _ := AppendFrame(nil, &frames[0])
	with := func(i int, v byte) []byte { b := bytes.Clone(good); b[i] = v; return b }
	for name, b := range map[string][]byte{
		"empty":       nil,
		"short head":  good[:frameHead-1],
		"short text":  good[:frameHead+3],
		"kind 0":      with(0, 0),
		"kind 3":      with(0, 3),
		"level 16":    with(1, 16),
		"long module": with(3, 0xff),
		"long client": with(5, 0xff),
		"long id":     with(7, 0xff),
		"too long":    make([]byte, MaxFrame+1),
	} {
		if f, err := ParseFrame(b); err == nil {
			t.Errorf("%s: accepted as %+v", name, f)
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	for i := range frames {
		b, _ := AppendFrame(nil, &frames[i])
		f.Add(b)
		f.Add(b[:min(len(b), 30)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := ParseFrame(b)
		if err != nil {
			return
		}
		again, err := AppendFrame(nil, &frame)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q parsed and appended is %q, %v", b, again, err)
		}
	})
}

func TestParseLevel(t *testing.T) {
	for l := Emerg; l <= Trace8; l++ {
		if got, err := ParseLevel(strings.ToUpper(l.String())); err != nil || got != l {
			t.Errorf("ParseLevel(%q) = %v, %v", l, got, err)
		}
	}
	if _, err := ParseLevel("loud"); err == nil || !strings.Contains(err.Error(), "emerg, alert") {
		t.Errorf("unknown level: %v", err)
	}
	if Level(16).String() != "level(16)" {
		t.Error(Level(16).String())
	}
}
