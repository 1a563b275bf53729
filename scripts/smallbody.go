package scripts

import (
	"io"

	"gild/cpython"
	"gild/server"
)

// A smallBody is a request body that fits the window of a slot, and is read before there is one: slots are few, and clients that
// send next to nothing may be many. It takes no more memory than has come.
type smallBody struct {
	bytes []byte
	end   cpython.End
}

// usualBody is the room for the body of a form, in bytes. Bodies of this size are used again.
const usualBody = 4 << 10

// readSmall reads a body of a known length that fits the window; nil: it is another. An error is that of the client. A body that
// ends early is none: that is for the application to find out, which reads what there is and then gets an OSError.
func (e *Engine) readSmall(x *server.Exchange) (*smallBody, error) {
	r := x.Request
	if r.ContentLength <= 0 || r.ContentLength > cpython.InputSize || holdsBack(r) && r.ProtoMajor < 3 {
		return nil, nil
	}
	expected(x)
	b, ok := e.smallBodies.Get().(*smallBody)
	if !ok {
		b = &smallBody{bytes: make([]byte, 0, usualBody)}
	}
	b.bytes, b.end = b.bytes[:0], cpython.Complete
	err := b.read(r.Body, int(r.ContentLength))
	if err != nil && endOf(err) != cpython.Torn {
		e.closeSmall(b)
		return nil, err
	}
	if err != nil {
		b.end = cpython.Torn
	}
	return b, nil
}

// read reads length bytes.
func (b *smallBody) read(from io.Reader, length int) error {
	for len(b.bytes) < length {
		if len(b.bytes) == cap(b.bytes) {
			b.grow(length)
		}
		n, err := from.Read(b.bytes[len(b.bytes):min(cap(b.bytes), length)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if err != nil && len(b.bytes) < length {
			return err
		}
	}
	return nil
}

// grow makes room for twice as much as has come.
func (b *smallBody) grow(most int) {
	larger := make([]byte, len(b.bytes), min(2*cap(b.bytes), max(most, usualBody)))
	copy(larger, b.bytes)
	b.bytes = larger
}

// pour puts the body into a slot.
func (b *smallBody) pour(slot *cpython.Request) {
	slot.CommitInput(copy(slot.Input(), b.bytes))
	slot.EndInput(b.end)
}

// closeSmall gives up the memory of a body, or of none.
func (e *Engine) closeSmall(b *smallBody) {
	if b != nil && cap(b.bytes) == usualBody {
		e.smallBodies.Put(b)
	}
}
