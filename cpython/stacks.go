package cpython

// #include "engine.h"
import "C"

// DumpWithoutGIL writes the Python stacks of the threads of one interpreter,
// that of the oldest request, to descriptor 2 although the GIL cannot be had,
// and a line for each request in service into the log. It returns at once, the
// writing takes place in a signal handler. Any goroutine may call it after
// Start.
func (p *Python) DumpWithoutGIL() { C.gild_dump_without_gil() }
