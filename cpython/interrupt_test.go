package cpython

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func init() {
	stories["interrupt"] = func() { storyInterrupt(inMain) }
	stories["interrupt-second"] = func() { storyInterrupt(inSecond) }
	stories["interrupt-own"] = func() { storyInterrupt(inOwn) }
	stories["interrupt-late"] = storyInterruptLate
}

// oneThread has each request served by the same thread, which others cannot replace.
func oneThread(c *Config) { c.Threads, c.ProcessGroup = 1, "group" }

// interruptThis interrupts a request that runs, and prints what became of it.
func interruptThis(application int, function string, more ...string) {
	var t story
	started, ready := pipe(t)
	r := begin(t, storyPython, function, append(more, "READY", number(ready)))
	r.EndInput(Complete)
	submit(t, r, application)
	serial := uint32(r.slot.serial)
	storyPython.Interrupt(0, serial+1)
	storyPython.Interrupt(1, serial) // there is no such thread
	if _, err := started.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	storyPython.Interrupt(0, serial)
	a := read(t, r, 1<<20)
	fmt.Println("answer:", a.status, a.body, "verdict", r.Verdict(), "end", a.end)
	r.Release()
	for _, message := range storyJournal.take() {
		fmt.Println("log:", message)
	}
}

func storyInterrupt(application int) {
	storyPool(oneThread)
	interruptThis(application, "never_ends")
	interruptThis(application, "never_ends", "HEAD", "1")
	interruptThis(application, "catches")
	playIn(application, "hello")
}

// TestInterrupt: the thread is freed of its request, whatever interpreter it is in, and the client gets 504 or sees that
// the response broke off; one that catches the exception answers as it likes.
func TestInterrupt(t *testing.T) {
	const want = `answer: 0  verdict 504 end 2
log: Injected RequestTimeout into thread 1 of daemon process 'group'.
log: Request interrupted by RequestTimeout; thread recovered.
answer: 200 begun  verdict 0 end 2
log: Injected RequestTimeout into thread 1 of daemon process 'group'.
log: Request interrupted by RequestTimeout after headers sent; response truncated.
answer: 200 BaseException verdict 0 end 1
log: Injected RequestTimeout into thread 1 of daemon process 'group'.
answer: 200 hello
`
	stories := []string{"interrupt", "interrupt-second"}
	if HasOwnGIL() {
		stories = append(stories, "interrupt-own")
	}
	for _, name := range stories {
		if out, state := tell(t, name); out != want || !state.Success() {
			t.Errorf("%s: %v: %s\nwant %s", name, state, out, want)
		}
	}
}

// storyInterruptLate interrupts a request that executes no Python code any more.
func storyInterruptLate() {
	storyPool(oneThread)
	var t story
	r := begin(t, storyPython, "large", nil)
	r.EndInput(Complete)
	submit(t, r, inMain)
	for head, err := r.Head(); head == nil && err == nil; head, err = r.Head() {
		r.Wait()
	}
	storyPython.Interrupt(0, uint32(r.slot.serial))
	if _, err := storyPython.Ask("process_event", "", time.Minute); err != nil { // which comes after the interruption
		fmt.Println("error:", err)
	}
	var a response
	var body strings.Builder
	for a.begun = true; !r.Done() || readPiece(t, r, 1<<20, &body); {
		readPiece(t, r, 1<<20, &body)
	}
	fmt.Println("answer:", body.Len(), r.Verdict(), r.End())
	r.Release()
	play("hello")
}

// TestInterruptLate: what was not delivered in the request does not reach the next one.
func TestInterruptLate(t *testing.T) {
	const want = "answer: 1000000 0 1\nanswer: 200 hello\nlog: Injected RequestTimeout into thread 1 of daemon process 'group'.\n"
	if out, state := tell(t, "interrupt-late"); out != want || !state.Success() {
		t.Errorf("%v: %s\nwant %s", state, out, want)
	}
}
