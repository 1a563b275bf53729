// Package cpython answers one question: how does a request reach Python, and how does the response come back,
// without Go and Python ever standing on the same thread?
//
// It holds CPython in the process, a pool of C threads that run it, and the arena: one region of memory with a
// slot for every request in flight, a submission ring for each lane, and a completion set. Go fills a slot and
// pushes its number; a C thread pops it, calls the WSGI application, writes the response into the same slot and
// marks it in the completion set. No cgo call and no callback is made on behalf of a request. The arena is laid
// out with offsets, lock-free words and process-shared futexes only, so that the threads may as well live in
// another process than the slots' owner.
//
// The package knows WSGI (PEP 3333) and nothing of HTTP servers, options or files: what a script means is told
// to it by package scripts, as Python source (Config.Prelude) that runs once in each interpreter.
//
// This is the only package that imports "C". Names say the direction: gild_x is C called by Go or by C; nothing
// in C calls Go.
package cpython
