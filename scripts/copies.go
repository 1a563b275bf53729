package scripts

import (
	"sync"
	"sync/atomic"

	"gild/cpython"
)

// copies lends the buffers that windows are copied to. A whole window is best copied and written at once, but since slow
// clients keep what they have for long, only so many large buffers are lent; who comes later gets one of blockSize. The zero
// value is ready.
type copies struct {
	small, large sync.Pool // of *[]byte
	lent         atomic.Int32
}

// mostLarge is how many large buffers are lent at once: 16 MB.
const mostLarge = 64

// borrow returns a buffer, for n bytes if possible. It has to be given back.
func (c *copies) borrow(n int) *[]byte {
	if n > blockSize {
		if c.lent.Add(1) <= mostLarge {
			return buffer(&c.large, cpython.OutputSize)
		}
		c.lent.Add(-1)
	}
	return buffer(&c.small, blockSize)
}

func (c *copies) giveBack(p *[]byte) {
	if len(*p) == blockSize {
		c.small.Put(p)
		return
	}
	c.large.Put(p)
	c.lent.Add(-1)
}

func buffer(from *sync.Pool, size int) *[]byte {
	if p, ok := from.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, size)
	return &p
}
