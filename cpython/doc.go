// Package cpython answers one question: how does a request reach Python, and how does the response come back,
// without Go and Python ever standing on the same thread?
//
// Between them is the Arena: one region of memory with a slot for every request in flight, a submission ring for
// each GIL, and a completion set. The front's side of it is the Pool: Go fills a slot and pushes its number.
// Python's side is Python: C threads pop the number, call the WSGI application, write the response into the same
// slot and mark it in the completion set. No cgo call and no callback is made on behalf of a request. The arena is
// laid out with offsets, lock-free words and process-shared futexes only, so that the two sides may be in one
// process or in several; and a front with several processes behind it goes on when any of them dies.
//
// The package knows WSGI (PEP 3333) and nothing of HTTP servers, options or files: what a script means is told
// to it by package scripts, as Python source (Config.Prelude) that runs once in each interpreter.
//
// This is the only package that imports "C". Names say the direction: gild_x is C called by Go or by C; nothing
// in C calls Go.
package cpython
