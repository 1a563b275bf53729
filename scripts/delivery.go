package scripts

import (
	"io"
	"os"
	"time"

	"gild/cpython"
	"gild/logs"
	"gild/server"

	"github.com/pkg/errors"
)

// A delivery brings a response from its slot to its client. Neither the thread of Python nor the slot is to wait for a slow
// client: what the window holds is copied before it is written, and when a write is found to last, another goroutine, the
// relief, empties the window into a spool, up to --response-buffer-size or, if other requests wait for a thread, more. The
// delivery then goes on from the spool.
//
// Its methods are for the goroutine of the handler, or for the relief where that is said.
type delivery struct {
	engine  *Engine
	group   *group
	slot    *cpython.Request // belongs to the relief once that was called
	body    *body
	x       *server.Exchange
	flusher flusher
	begun   bool // the head was passed on

	settled bool     // the slot was released
	result  error    // of the application, once settled
	file    *os.File // that follows the body, once settled; nil: none
	length  int64    // bytes of it to be sent

	timer    *time.Timer   // calls the relief
	called   bool          // it was
	spool    *spool        // of the relief; nil: nothing had to be waited for yet
	relieved chan struct{} // closed when the relief has ended
}

// deliver passes the response on until it is complete, and releases the slot as soon as that is possible, in any case before
// it returns. An error says that the response is not complete.
func (e *Engine) deliver(g *group, slot *cpython.Request, x *server.Exchange, b *body) error {
	d, ok := e.deliveries.Get().(*delivery) // for their timers
	if !ok {
		d = new(delivery)
	}
	*d = delivery{engine: e, group: g, slot: slot, x: x, body: b, flusher: flusher{group: g}, timer: d.timer}
	err := d.run()
	d.dismiss()
	d.settle()
	if d.file != nil {
		_ = d.file.Close() // it was only read
	}
	*d = delivery{timer: d.timer}
	e.deliveries.Put(d)
	return err
}

// stalled is how long a write may last before the relief is called: a little more than it takes to find out that it does.
const stalled = time.Millisecond

// run passes the response on as it comes, until it is complete or the relief takes it from the slot.
func (d *delivery) run() error {
	for !d.called {
		if over, err := d.step(); over || err != nil {
			return err
		}
	}
	return d.drain()
}

// step passes on what there is, and waits for more. It reports true when that was all.
func (d *delivery) step() (over bool, err error) {
	done := d.slot.Done() // looked at first: what was written before it is then visible
	if done && d.slot.Verdict() != 0 {
		return false, d.engine.judge(d.group, d.slot, d.x, d.begun)
	}
	if err := d.begin(); err != nil {
		return false, err
	}
	if err := d.pass(done); err != nil || d.called {
		return false, err
	}
	if done {
		return true, d.end()
	}
	return false, d.flusher.wait(d.slot, d)
}

// begin passes the head on, as soon as there is one.
func (d *delivery) begin() error {
	if d.begun {
		return nil
	}
	head, err := d.slot.Head()
	if head == nil || err != nil {
		return err
	}
	if err := checkHead(d.group, head); err != nil {
		return err
	}
	d.begun = true
	d.flusher.passed(1)
	d.engine.begin(d.slot, d.x, head, d.slot.Done())
	return nil
}

// small is how many bytes net/http keeps in any case, so that to write them takes no time.
const small = 2 << 10

// pass passes on what is in the window.
func (d *delivery) pass(done bool) error {
	for d.begun && !d.called && !d.settled {
		piece, err := d.slot.Output()
		switch {
		case err != nil:
			return err
		case len(piece) == 0:
			return nil
		case d.flusher.pending+len(piece) <= small:
			err = d.write(piece)
			d.slot.Advance(len(piece))
		default:
			err = d.passCopy(piece, done)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// passCopy passes on as much of a piece as can be copied. With the last of a complete response the slot is not needed any more.
func (d *delivery) passCopy(piece []byte, done bool) error {
	copied := d.engine.copies.borrow(len(piece))
	defer d.engine.copies.giveBack(copied)
	n := copy(*copied, piece)
	d.slot.Advance(n)
	if done && n == len(piece) {
		rest, err := d.slot.Output() // the window is a ring
		if err != nil {
			return err
		}
		if len(rest) == 0 {
			d.settle()
			return d.write((*copied)[:n])
		}
	}
	return d.watch((*copied)[:n])
}

func (d *delivery) write(p []byte) error {
	_, err := d.x.Write(p)
	d.flusher.passed(len(p))
	return err
}

// flush sends what net/http has kept.
func (d *delivery) flush() error { return d.watch(nil) }

// watch writes p, or flushes if there is none, and calls the relief if the client does not take it soon.
func (d *delivery) watch(p []byte) (err error) {
	if !d.called {
		d.startTimer()
	}
	if p != nil {
		err = d.write(p)
	} else {
		err = d.x.FlushError()
	}
	d.called = d.called || !d.timer.Stop()
	return err
}

// startTimer has the relief called in a moment.
func (d *delivery) startTimer() {
	if d.spool == nil {
		d.spool = newSpool(&d.engine.store, max(d.group.ResponseBufferSize, blockSize), d.group.hasWaiting)
		d.relieved = make(chan struct{})
	}
	if d.timer == nil {
		d.timer = time.AfterFunc(stalled, d.relieve)
	} else {
		d.timer.Reset(stalled)
	}
}

// relieve is the relief: it takes the response from the slot, which it then owns, as far as that is possible without the client.
func (d *delivery) relieve() {
	defer close(d.relieved)
	err := d.empty()
	if err == errFull {
		logs.Printf(d.engine.log, logs.Info, "wsgi", "A response to %s is cut off: %v.", d.x.Request.RemoteAddr, err)
		d.settle() // the thread must not wait, however long the client goes on with what it has
	}
	d.spool.end(err)
}

// empty empties the window until Python is through, for the relief.
func (d *delivery) empty() error {
	for {
		done := d.slot.Done()
		if done && d.slot.Verdict() != 0 {
			return d.engine.judge(d.group, d.slot, d.x, true)
		}
		if err := d.move(); err != nil {
			return err
		}
		if done {
			d.settle()
			return d.result
		}
		if d.spool.isClosed() {
			return errLeft
		}
		d.slot.Wait()
	}
}

// move moves what is in the window to the spool, for the relief.
func (d *delivery) move() error {
	for {
		piece, err := d.slot.Output()
		if len(piece) == 0 || err != nil {
			return err
		}
		if err := d.spool.put(piece); err != nil {
			return err
		}
		d.slot.Advance(len(piece))
	}
}

// drain passes on what the relief has taken, until it is through.
func (d *delivery) drain() error {
	copied := d.engine.copies.borrow(blockSize)
	defer d.engine.copies.giveBack(copied)
	for {
		n, ended, err := d.spool.take(*copied)
		switch {
		case err != nil:
			return err
		case ended:
			<-d.relieved
			return d.sendFile()
		case n > 0:
			err = d.write((*copied)[:n])
		default:
			err = d.flusher.wait(d.spool, d)
		}
		if err != nil {
			return err
		}
	}
}

// dismiss ends the relief, and with it its claim to the slot.
func (d *delivery) dismiss() {
	if !d.called {
		return
	}
	d.spool.close()
	d.slot.Interrupt()
	<-d.relieved
}

// end concludes a response after Python is through.
func (d *delivery) end() error {
	d.settle()
	switch {
	case d.result != nil:
		return d.result
	case !d.begun:
		return errors.New("the application ended without a response")
	}
	return d.sendFile()
}

// errTorn is a response that the application did not finish; its log has the reason.
var errTorn = errors.New("the application failed while it answered")

// settle takes from the slot what is still of use, and gives it back. It has no effect the second time. The relief may call it.
func (d *delivery) settle() {
	if d.settled {
		return
	}
	d.settled = true
	d.body.release()
	if d.slot.Done() && d.slot.Verdict() == 0 {
		d.result = d.conclude()
	}
	d.x.TID = d.slot.TID()
	times := d.slot.Times()
	d.x.Times = server.Times{Queue: times.Queue, GIL: times.GIL, Application: times.Application}
	d.slot.Release()
}

// conclude looks at the end of the response, and takes the file that wsgi.file_wrapper may have left.
func (d *delivery) conclude() (err error) {
	if d.slot.End() != cpython.Complete {
		return errTorn
	}
	d.file, d.length, err = d.slot.File()
	return err
}

// sendFile sends the file, with sendfile(2) where the connection allows it.
func (d *delivery) sendFile() error {
	if d.file == nil {
		return nil
	}
	n, err := io.CopyN(d.x, d.file, d.length)
	if err == io.EOF {
		err = errors.Errorf("the file became shorter while it was sent: %d of %d bytes", n, d.length)
	}
	return err
}
