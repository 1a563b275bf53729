package logs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// defaultErrorFormat is the shape of Apache's own default, less what a record of gild never has, and with the id of the request: the
// pages of the server show it, so that a user can quote it.
const defaultErrorFormat = `[%{u}t] [%-m:%l] [pid %P:tid %T] [client\ %a] [id\ %L] %M`

// ErrorFormat is a compiled ErrorLogFormat. It does not change and may be used from any goroutine.
type ErrorFormat struct {
	items []errorItem
	json  bool // then there are no items
}

// errorItem is one step of the format.
type errorItem struct {
	show      func(dst []byte, r *Record, line string) []byte
	separator bool  // begins a new field
	required  bool  // '+': without it the line is not written
	hyphen    bool  // '-': print "-" for nothing
	from      Level // only for records at least as chatty as this
}

// ParseErrorFormat compiles Apache's ErrorLogFormat; the empty string is the default format. A space separates fields, and a
// field one of whose items prints nothing is left out whole, unless the item is written %-x (print "-") or %+x (leave out the
// line); "\ " is a space inside a field, "% " an invisible separator, %7x an item for records of level 7 and up only. Items
// that a record never carries (%E, %F, %v, %V, %A, %k, %{name}e, %{name}i, %{name}n) are understood and print nothing, as in
// Apache for a record that belongs to no request. "json" is an object for each record, see appendRecordJSON. The error names the
// position, counted in bytes from 1.
func ParseErrorFormat(format string) (*ErrorFormat, error) {
	switch format {
	case "":
		format = defaultErrorFormat
	case "json":
		return &ErrorFormat{json: true}, nil
	}
	p := errorParser{text: format}
	for p.pos < len(p.text) {
		if err := p.step(); err != nil {
			return nil, fmt.Errorf("error log format %q: %w", format, err)
		}
	}
	p.endLiteral()
	return &ErrorFormat{items: p.items}, nil
}

// Append appends r to dst: one line with '\n' for each line of its message, or for all of it in JSON.
func (f *ErrorFormat) Append(dst []byte, r *Record) []byte {
	if f.json {
		return append(appendRecordJSON(dst, r), '\n')
	}
	for line := range strings.SplitSeq(strings.TrimRight(r.Message, "\n"), "\n") {
		dst = f.line(dst, r, strings.TrimSuffix(line, "\r"))
	}
	return dst
}

// line appends one line. It follows ap_log_error: field is where the current field began, and skipping drops what is left of
// a field that turned out empty.
func (f *ErrorFormat) line(dst []byte, r *Record, text string) []byte {
	start, field, skipping := len(dst), len(dst), false
	for i := range f.items {
		it := &f.items[i]
		if it.separator {
			field, skipping = len(dst), false
		}
		if skipping {
			continue
		}
		before := len(dst)
		if it.from <= r.Level {
			dst = it.show(dst, r, text)
		}
		switch {
		case len(dst) > before || it.separator:
		case it.required:
			return dst[:start]
		case it.hyphen:
			dst = append(dst, '-')
		default:
			dst, skipping = dst[:field], true
		}
	}
	if len(dst) == start {
		return dst // Apache writes no empty lines either
	}
	return append(dst, '\n')
}

// errorParser goes through a format once. literal gathers text up to the next item; opens says it begins with a separator.
type errorParser struct {
	text    string
	pos     int
	literal []byte
	opens   bool
	items   []errorItem
}

// step takes one character, escape or item.
func (p *errorParser) step() error {
	rest := p.text[p.pos:]
	switch {
	case strings.HasPrefix(rest, `\ `), strings.HasPrefix(rest, `\\`), strings.HasPrefix(rest, `\"`), strings.HasPrefix(rest, "%%"):
		p.literal = append(p.literal, rest[1])
		p.pos += 2
	case strings.HasPrefix(rest, "% "):
		p.separate()
		p.pos += 2
	case rest[0] == '%':
		return p.item()
	default:
		if rest[0] == ' ' {
			p.separate()
		}
		p.literal = append(p.literal, rest[0])
		p.pos++
	}
	return nil
}

// separate begins a new field.
func (p *errorParser) separate() {
	p.endLiteral()
	p.opens = true
}

// endLiteral turns the gathered text into an item.
func (p *errorParser) endLiteral() {
	if len(p.literal) == 0 && !p.opens {
		return
	}
	text := string(p.literal)
	p.items = append(p.items, errorItem{separator: p.opens,
		show: func(dst []byte, _ *Record, _ string) []byte { return append(dst, text...) }})
	p.literal, p.opens = p.literal[:0], false
}

// item takes what begins with '%': flags, level and {argument} in any order, then one letter.
func (p *errorParser) item() error {
	p.endLiteral()
	start, arg, it := p.pos, "", errorItem{}
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '-':
			it.hyphen = true
		case c == '+':
			it.required = true
		case c >= '0' && c <= '9':
			it.from = min(it.from*10+Level(c-'0'), Trace8)
		case c == '{':
			length := strings.IndexByte(p.text[p.pos:], '}')
			if length < 0 {
				return fmt.Errorf("the { at character %d has no }", p.pos+1)
			}
			arg = p.text[p.pos+1 : p.pos+length]
			p.pos += length
		default:
			p.pos++
			return p.finish(it, p.text[start:p.pos], c, arg, start+1)
		}
	}
	return fmt.Errorf("%q at character %d is not complete", p.text[start:], start+1)
}

// finish looks up the item and keeps it.
func (p *errorParser) finish(it errorItem, text string, letter byte, arg string, position int) error {
	it.show = errorItems[errorKey{letter, arg}]
	if it.show == nil && arg != "" && strings.IndexByte("ein", letter) >= 0 {
		it.show = appendNothing
	}
	if it.show == nil {
		return fmt.Errorf("%q at character %d is not an item of ErrorLogFormat; the usual ones are %%t %%m %%l %%P %%T %%a %%M, and a percent sign is %%%%", text, position)
	}
	p.items = append(p.items, it)
	return nil
}

// errorKey is an item's letter and argument.
type errorKey struct {
	letter byte
	arg    string
}

// errorItems is the table of items. The documentation of Apache's ErrorLogFormat is the specification.
var errorItems = map[errorKey]func(dst []byte, r *Record, line string) []byte{
	{'t', ""}:   recordTime("Mon Jan 02 15:04:05 2006"),
	{'t', "u"}:  recordTime("Mon Jan 02 15:04:05.000000 2006"),
	{'t', "c"}:  recordTime("2006-01-02 15:04:05"),
	{'t', "cu"}: recordTime("2006-01-02 15:04:05.000000"),
	{'t', "uc"}: recordTime("2006-01-02 15:04:05.000000"),
	{'m', ""}:   func(dst []byte, r *Record, _ string) []byte { return appendPlain(dst, r.Module) },
	{'l', ""}:   func(dst []byte, r *Record, _ string) []byte { return append(dst, r.Level.String()...) },
	{'a', ""}:   func(dst []byte, r *Record, _ string) []byte { return appendPlain(dst, r.Client) },
	{'a', "c"}:  func(dst []byte, r *Record, _ string) []byte { return appendPlain(dst, r.Client) },
	{'L', ""}:   func(dst []byte, r *Record, _ string) []byte { return appendPlain(dst, r.ID) },
	{'P', ""}:   func(dst []byte, r *Record, _ string) []byte { return strconv.AppendUint(dst, uint64(r.PID), 10) },
	{'T', ""}:   recordThread,
	{'T', "g"}:  recordThread,
	{'M', ""}:   func(dst []byte, _ *Record, line string) []byte { return appendPlain(dst, line) },
	{'L', "c"}:  appendNothing, {'L', "C"}: appendNothing, {'A', ""}: appendNothing, {'E', ""}: appendNothing,
	{'F', ""}: appendNothing, {'k', ""}: appendNothing, {'v', ""}: appendNothing, {'V', ""}: appendNothing,
}

// appendNothing is an item that a record never carries.
func appendNothing(dst []byte, _ *Record, _ string) []byte { return dst }

// recordTime is an item that prints the record's time in Go's notation.
func recordTime(layout string) func([]byte, *Record, string) []byte {
	return func(dst []byte, r *Record, _ string) []byte { return time.Unix(0, r.Time).AppendFormat(dst, layout) }
}

// recordThread prints the kernel's thread id; gild has no other numbers for threads.
func recordThread(dst []byte, r *Record, _ string) []byte {
	return strconv.AppendUint(dst, uint64(r.TID), 10)
}
