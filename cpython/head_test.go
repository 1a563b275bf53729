package cpython

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// headBlock is what response.c writes for a head.
func headBlock(h *Head) string {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(h.Status))
	b = le.AppendUint16(b, uint16(len(h.Reason)))
	b = le.AppendUint32(b, uint32(len(h.Headers)))
	b = append(b, h.Reason...)
	for _, header := range h.Headers {
		b = le.AppendUint16(b, uint16(len(header.Name)))
		b = le.AppendUint16(b, 0)
		b = le.AppendUint32(b, uint32(len(header.Value)))
		b = append(b, header.Name...)
		b = append(b, header.Value...)
	}
	return string(b)
}

func sameHead(a, b *Head) bool {
	return a.Status == b.Status && a.Reason == b.Reason && slices.Equal(a.Headers, b.Headers)
}

func randomHead(dice *rand.Rand) *Head {
	text := func(least, most int) string { return pattern(least + dice.IntN(most-least)) }
	h := &Head{Status: 200 + dice.IntN(800), Reason: text(0, 50)}
	for range dice.IntN(20) {
		h.Headers = append(h.Headers, Header{text(1, 40), text(0, 300)})
	}
	return h
}

// TestParseHead: what was written is read, and nothing that is shorter or longer.
func TestParseHead(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	into := Head{Headers: []Header{{"left", "over"}}}
	for range 200 {
		h := randomHead(dice)
		block := headBlock(h)
		if err := parseHead(block, &into); err != nil || !sameHead(h, &into) {
			t.Fatalf("%+v came out as %+v, %v", h, into, err)
		}
		if parseHead(block+"x", &into) == nil {
			t.Fatalf("%q is accepted with a byte after it", block)
		}
		for i := range block {
			if parseHead(block[:i], &into) == nil {
				t.Fatalf("%q is accepted without its last %d bytes", block, len(block)-i)
			}
		}
	}
}

func TestParseHeadRefuses(t *testing.T) {
	le := binary.LittleEndian
	for name, change := range map[string]func(b []byte){
		"an informational status":            func(b []byte) { le.PutUint16(b, 199) },
		"a status of four digits":            func(b []byte) { le.PutUint16(b, 1000) },
		"a reason longer than the block":     func(b []byte) { le.PutUint16(b[2:], 0xffff) },
		"one header less":                    func(b []byte) { le.PutUint32(b[4:], 1) },
		"one header more":                    func(b []byte) { le.PutUint32(b[4:], 3) },
		"more headers than memory":           func(b []byte) { le.PutUint32(b[4:], 0xffffffff) },
		"a header without a name":            func(b []byte) { le.PutUint16(b[10:], 0); le.PutUint32(b[14:], 4) },
		"a value longer than the block":      func(b []byte) { le.PutUint32(b[14:], 0xffffffff) },
		"a name that reaches into the value": func(b []byte) { le.PutUint16(b[10:], 2) },
	} {
		block := []byte(headBlock(&Head{200, "OK", []Header{{"A", "bcd"}, {"E", "f"}}}))
		change(block)
		if err := parseHead(string(block), new(Head)); err != errHead {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParseHead: any bytes are refused or are the one way to write what they say, but for the two reserved bytes.
func FuzzParseHead(f *testing.F) {
	f.Add("")
	f.Add(headBlock(&Head{200, "OK", nil}))
	f.Add(headBlock(&Head{999, "", []Header{{"Name", "value"}, {"Empty", ""}}}))
	f.Fuzz(func(t *testing.T, block string) {
		var h, again Head
		if err := parseHead(block, &h); err != nil {
			return
		}
		if len(headBlock(&h)) != len(block) {
			t.Errorf("%q was read as %+v, which has another length", block, h)
		}
		if err := parseHead(headBlock(&h), &again); err != nil || !sameHead(&h, &again) {
			t.Errorf("%+v came out as %+v, %v", h, again, err)
		}
	})
}

// TestCorruptSlot: the front believes no number that it reads in the arena.
func TestCorruptSlot(t *testing.T) {
	for name, corrupt := range map[string]func(r *Request) bool{
		"a head longer than the window": func(r *Request) bool {
			r.slot.head_length = OutputSize + 1
			_, err := r.Head()
			return err != nil
		},
		"a head that is none": func(r *Request) bool {
			r.slot.head_length = 100
			_, err := r.Head()
			return err != nil
		},
		"more unread than the window holds": func(r *Request) bool {
			r.slot.output_written = OutputSize + 1
			_, err := r.Output()
			_, known := r.BodyLength()
			return err != nil && !known
		},
		"less written than read": func(r *Request) bool {
			r.read = 1
			_, err := r.Output()
			return err != nil
		},
		"a file of negative length": func(r *Request) bool {
			r.slot.file, r.slot.file_length = 1<<30, -1
			_, known := r.BodyLength()
			r.slot.file = -1
			return !known
		},
		"more body read than written": func(r *Request) bool {
			r.slot.input_read = 1
			return len(r.Input()) == 0
		},
	} {
		r := begin(t, python(), "hello", nil)
		clear(window(r.slot, outputOffset, 200))
		r.slot.state, r.slot.output_end = slotDone, 1
		if !r.Done() {
			t.Fatal("the constants of the tests are not those of arena.h")
		}
		if !corrupt(r) {
			t.Errorf("%s was believed", name)
		}
		r.Release()
	}
}
