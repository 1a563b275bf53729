package cpython

// #include "engine.h"
import "C"

// Version returns the version of the Python inside, as sys.version has it.
// Callable at any time.
func Version() string { return C.GoString(C.gild_python_version()) }

// ShortVersion returns the version that the program was built for, such as
// "3.11". Callable at any time.
func ShortVersion() string { return C.GoString(C.gild_python_short_version()) }

// Library returns the path of the Python library in use, or "".
func Library() string { return C.GoString(C.gild_python_library()) }

// IsFreeThreaded reports whether the build of Python can run without a GIL.
func IsFreeThreaded() bool { return C.gild_python_is_free_threaded() != 0 }

// HasOwnGIL reports whether an interpreter can have a GIL of its own.
func HasOwnGIL() bool { return C.gild_python_has_own_gil() != 0 }
