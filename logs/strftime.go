package logs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// clfTime is the time format of the common log format.
const clfTime = "[02/Jan/2006:15:04:05 -0700]"

// A timeItem appends something about a moment.
type timeItem func(dst []byte, t time.Time) []byte

// timeDirective is %t and %{format}t: CLF time, or one of Apache's words (sec, msec, usec, msec_frac, usec_frac), or a
// strftime(3) format, behind an optional "begin:" (the default) or "end:".
func timeDirective(arg string) (item, error) {
	format, atEnd := strings.CutPrefix(arg, "end:")
	if !atEnd {
		format = strings.TrimPrefix(arg, "begin:")
	}
	show, err := compileTime(format)
	if err != nil {
		return nil, err
	}
	if atEnd {
		return func(dst []byte, e *Entry) []byte { return show(dst, e.Start.Add(e.Duration)) }, nil
	}
	return func(dst []byte, e *Entry) []byte { return show(dst, e.Start) }, nil
}

// compileTime returns the item for what stands behind begin: or end:.
func compileTime(format string) (timeItem, error) {
	switch format {
	case "":
		return layout(clfTime), nil
	case "sec":
		return count(time.Time.Unix, 0), nil
	case "msec":
		return count(time.Time.UnixMilli, 0), nil
	case "usec":
		return count(time.Time.UnixMicro, 0), nil
	case "msec_frac":
		return count(func(t time.Time) int64 { return int64(t.Nanosecond() / 1e6) }, 3), nil
	case "usec_frac":
		return count(func(t time.Time) int64 { return int64(t.Nanosecond() / 1e3) }, 6), nil
	}
	return compileStrftime(format)
}

// layout is an item in Go's notation.
func layout(layout string) timeItem {
	return func(dst []byte, t time.Time) []byte { return t.AppendFormat(dst, layout) }
}

// count is an item that prints a number, padded with zeros to width.
func count(value func(time.Time) int64, width int) timeItem { return padded(value, width, '0') }

// padded is count with another padding.
func padded(value func(time.Time) int64, width int, pad byte) timeItem {
	return func(dst []byte, t time.Time) []byte {
		var digits [20]byte
		text := strconv.AppendInt(digits[:0], value(t), 10)
		for n := len(text); n < width; n++ {
			dst = append(dst, pad)
		}
		return append(dst, text...)
	}
}

// strftime has the conversions of C99's strftime and those of POSIX and glibc in common use, in the C locale.
var strftime = map[byte]timeItem{
	'a': layout("Mon"), 'A': layout("Monday"), 'b': layout("Jan"), 'h': layout("Jan"), 'B': layout("January"),
	'c': layout("Mon Jan _2 15:04:05 2006"), 'D': layout("01/02/06"), 'x': layout("01/02/06"), 'F': layout("2006-01-02"),
	'd': layout("02"), 'e': layout("_2"), 'm': layout("01"), 'y': layout("06"), 'Y': layout("2006"), 'j': layout("002"),
	'H': layout("15"), 'I': layout("03"), 'M': layout("04"), 'S': layout("05"), 'p': layout("PM"), 'P': layout("pm"),
	'r': layout("03:04:05 PM"), 'R': layout("15:04"), 'T': layout("15:04:05"), 'X': layout("15:04:05"),
	'z': layout("-0700"), 'Z': layout("MST"),
	'C': count(func(t time.Time) int64 { return int64(t.Year() / 100) }, 2),
	'g': count(func(t time.Time) int64 { year, _ := t.ISOWeek(); return int64(year % 100) }, 2),
	'G': count(func(t time.Time) int64 { year, _ := t.ISOWeek(); return int64(year) }, 4),
	'V': count(func(t time.Time) int64 { _, week := t.ISOWeek(); return int64(week) }, 2),
	'U': count(func(t time.Time) int64 { return int64(t.YearDay()+6-int(t.Weekday())) / 7 }, 2),
	'W': count(func(t time.Time) int64 { return int64(t.YearDay()+6-int(t.Weekday()+6)%7) / 7 }, 2),
	'u': count(func(t time.Time) int64 { return int64(t.Weekday()+6)%7 + 1 }, 1),
	'w': count(func(t time.Time) int64 { return int64(t.Weekday()) }, 1),
	'k': padded(func(t time.Time) int64 { return int64(t.Hour()) }, 2, ' '),
	'l': padded(func(t time.Time) int64 { return int64(t.Hour()+11)%12 + 1 }, 2, ' '),
	's': count(time.Time.Unix, 0),
	'n': literalTime("\n"), 't': literalTime("\t"), '%': literalTime("%"),
}

// literalTime is an item that ignores the time.
func literalTime(text string) timeItem {
	return func(dst []byte, _ time.Time) []byte { return append(dst, text...) }
}

// compileStrftime compiles a strftime format; a conversion that is not in the table is an error.
func compileStrftime(format string) (timeItem, error) {
	var items []timeItem
	for rest := format; rest != ""; {
		text, conversion, found := strings.Cut(rest, "%")
		items = append(items, literalTime(text))
		if !found {
			break
		}
		if conversion == "" {
			return nil, errors.New("the time format ends in %")
		}
		show, known := strftime[conversion[0]]
		if !known {
			return nil, fmt.Errorf("%%%c is not a conversion of strftime", conversion[0])
		}
		items, rest = append(items, show), conversion[1:]
	}
	return func(dst []byte, t time.Time) []byte {
		for _, show := range items {
			dst = show(dst, t)
		}
		return dst
	}, nil
}
