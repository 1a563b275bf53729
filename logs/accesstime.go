package logs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// units are the arguments of Apache's %T.
var units = map[string]time.Duration{"": time.Second, "s": time.Second, "ms": time.Millisecond, "us": time.Microsecond}

// parts are what %{part:unit}T can tell of the time a request took, in the order in which they come. Known is false where the
// request never came so far.
var parts = map[string]func(e *Entry) (spent time.Duration, known bool){
	"queue":       func(e *Entry) (time.Duration, bool) { return e.Timings.Queue, e.Timings != Timings{} },
	"gil":         func(e *Entry) (time.Duration, bool) { return e.Timings.GIL, e.Timings != Timings{} },
	"application": func(e *Entry) (time.Duration, bool) { return e.Timings.Application, e.Timings != Timings{} },
	"first-byte":  func(e *Entry) (time.Duration, bool) { return e.FirstByte, e.FirstByte != 0 },
	"total":       func(e *Entry) (time.Duration, bool) { return e.Duration, true },
}

// durationItem is %T and %{unit}T, and an addition to Apache: %{part:unit}T, as %{begin:format}t chooses a moment. Times are
// cut to whole units, so a part needs a unit: in seconds nearly all of them would be 0.
func durationItem(arg string) (item, error) {
	name, unit, partial := strings.Cut(arg, ":")
	if !partial {
		name, unit = "total", arg
	}
	in, ok := units[unit]
	if part := parts[name]; part != nil && ok && (!partial || unit != "") {
		return func(dst []byte, e *Entry) []byte { return appendDuration(dst, e, part, in) }, nil
	}
	return nil, fmt.Errorf("{%s} is not a unit: give s, ms or us, alone or behind one of queue, gil, application, first-byte and total, as in queue:us", arg)
}

func appendDuration(dst []byte, e *Entry, part func(*Entry) (time.Duration, bool), unit time.Duration) []byte {
	spent, known := part(e)
	if !known {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, int64(spent/unit), 10)
}
