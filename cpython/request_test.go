package cpython

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAnswer(t *testing.T) {
	for _, application := range applications() {
		a := get(t, application, "hello")
		want := []Header{{"X-Name", "value"}, {"X-Empty", ""}}
		if a.status != 200 || a.reason != "OK" || !slices.Equal(a.headers, want) || a.body != "hello" || a.end != Complete {
			t.Errorf("application %d answered %v with headers %q", application, a.String(), a.headers)
		}
	}
}

// applications are the numbers of those that work with this Python.
func applications() []int {
	if HasOwnGIL() {
		return []int{inMain, inSecond, inOwn}
	}
	return []int{inMain, inSecond}
}

// TestStatus are status lines and what the front gets: status and reason, or the words of the exception.
func TestStatus(t *testing.T) {
	for _, c := range []struct{ status, want string }{
		{"200 OK", `200 "OK"`},
		{"200", `200 ""`},
		{"200 ", `200 ""`},
		{"404 Not \xff Found", `404 "Not \xff Found"`},
		{"999 Last", `999 "Last"`},
		{"100 Continue", "ValueError: status code must not be informational"},
		{"20 OK", "ValueError: status code must be a 3 digit integer"},
		{"2000 OK", "ValueError: status code must be a 3 digit integer"},
		{"200OK", "ValueError: no space following status code"},
		{"200 O\nK", "ValueError: control character in status reason phrase"},
		{"", "ValueError: status code must be a 3 digit integer"},
	} {
		testJournal.take()
		a := get(t, inMain, "status", "STATUS", c.status)
		got := fmt.Sprintf("%d %q", a.status, a.reason)
		if !a.begun {
			got = strings.Join(testJournal.take(), "\n")
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%q came out as %s, not %s", c.status, got, c.want)
		}
	}
}

func TestStartResponseArguments(t *testing.T) {
	for _, c := range []struct{ arguments, want string }{
		{"[]", "TypeError: start_response() takes status"},
		{"['200 OK']", "TypeError: start_response() takes status"},
		{"[b'200 OK', []]", "TypeError: status must be str, not bytes"},
		{"['200 OK', ()]", "TypeError: start_response() argument 2 must be list, not tuple"},
		{"['200 OK', ['A: b']]", "TypeError: each header must be a 2-tuple, not str"},
		{"['200 OK', [('A',)]]", "ValueError: each header must be a 2-tuple, got length 1"},
		{"['200 OK', [('A', 1)]]", "TypeError: header value must be str, not int"},
		{"['200 OK', [('', 'x')]]", "ValueError: header name is empty"},
		{"['200 OK', [('A b', 'x')]]", "ValueError: space character in header name"},
		{"['200 OK', [('A\\n', 'x')]]", "ValueError: control character in header name"},
		{"['200 OK', [('A:', 'x')]]", "ValueError: invalid character in header name"},
		{"['200 OK', [('A\\xe9', 'x')]]", "ValueError: invalid character in header name"},
		{"['200 OK', [('A', 'x\\r\\ny')]]", "ValueError: carriage return/line feed character in header value"},
		{"['200 OK', [('A', 'x\\0')]]", "ValueError: null character in header value"},
		{"['200 OK', [('A', '\\u0100')]]", "UnicodeEncodeError: "},
		{"['200 OK', [('A' * 65536, '')]]", "ValueError: header name has 65536 bytes"},
		{"['200 OK', [('A', 'x' * 300000)]]", "ValueError: the response headers have 300"},
		{"['200 OK', [('Content-Length', '-1')]]", "ValueError: invalid Content-Length header value: '-1'"},
		{"['200 OK', [('content-length', '')]]", "ValueError: invalid Content-Length header value: ''"},
		{"['200 OK', [('Content-Length', '1' * 19)]]", "ValueError: invalid Content-Length header value"},
		{"['200 OK', [], 'x']", "RuntimeError: start_response() argument 'exc_info' must be a 3-tuple or None"},
		{"['200 OK', [], (1, 2)]", "RuntimeError: start_response() argument 'exc_info' must be a 3-tuple or None"},
		{"['200 OK', [], None, 4]", "TypeError: start_response() takes status"},
		{"['200 OK', [], (1, 2, 3)]", "<built-in"},
	} {
		if a := get(t, inMain, "bad_start", "ARGUMENTS", c.arguments); !strings.HasPrefix(a.body, c.want) {
			t.Errorf("start_response(*%s) came to %s, not %s", c.arguments, a.body, c.want)
		}
	}
}

func TestStartResponseAgain(t *testing.T) {
	a := get(t, inMain, "replaced")
	if a.status != 404 || !slices.Equal(a.headers, []Header{{"X-Second", "2"}}) {
		t.Errorf("before the body: %v with headers %q", a.String(), a.headers)
	}
	a = get(t, inMain, "started_twice")
	var said []string
	if err := json.Unmarshal([]byte(strings.TrimPrefix(a.body, "first ")), &said); err != nil {
		t.Fatalf("%v in %v", err, a.String())
	}
	const again = "RuntimeError: start_response() called more than once without exc_info"
	if want := []string{again, again, again, "KeyError: 'mine'"}; !slices.Equal(said, want) {
		t.Errorf("after the head was sent: %q, want %q", said, want)
	}
}

func TestHeadersAreKept(t *testing.T) {
	var pairs [][2]string
	for i := range 1000 {
		pairs = append(pairs, [2]string{fmt.Sprintf("X-%d", i), strings.Repeat("v", i%200)})
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	r := begin(t, python(), "headers", environ{"HEADERS", string(text)})
	r.EndInput(Complete)
	submit(t, r, inMain)
	a := read(t, r, 1<<20)
	r.Release()
	if len(a.headers) != len(pairs) {
		t.Fatalf("%d headers of %d arrived: %v", len(a.headers), len(pairs), a.String())
	}
	for i, h := range a.headers {
		if h.Name != pairs[i][0] || h.Value != pairs[i][1] {
			t.Fatalf("header %d is %q, not %q", i, h, pairs[i])
		}
	}
}

func TestDescribed(t *testing.T) {
	r := begin(t, python(), "described", nil)
	r.EndInput(Complete)
	if err := r.Submit(t.Context(), inSecond, HTTPS, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	a := read(t, r, 1<<20)
	r.Release()
	want := `{"wsgi.version": [1, 0], "wsgi.url_scheme": "https", "wsgi.multithread": true, "wsgi.multiprocess": false, ` +
		`"wsgi.run_once": false, "wsgi.input_terminated": true, "mod_wsgi.application_group": "second", "SERVER_SOFTWARE": "test/1.0"}`
	if a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	if a := get(t, inSecond, "module"); a.body != `[[6, 0, 5], "second", 4, 1]` {
		t.Errorf("the mod_wsgi module says %s", a.body)
	}
	if a := get(t, inMain, "instances"); a.body != "['TypeError', 'TypeError', 'TypeError']" {
		t.Errorf("types of a request's objects can be called: %s", a.body)
	}
}

// ---- environ ------------------------------------------------------------------

// lookUp sends a value through the environ and returns what came out.
func lookUp(tb testing.TB, key, value string) string {
	tb.Helper()
	a := get(tb, inMain, "look_up", "QUERY_STRING", hex.EncodeToString([]byte(key)), key, value)
	b, err := hex.DecodeString(a.body)
	if err != nil || !a.begun {
		tb.Fatalf("key %q: %v", key, a.String())
	}
	return string(b)
}

func FuzzEnviron(f *testing.F) {
	for _, s := range []string{"", "x", "é", "\x00\xff\xfe", strings.Repeat("long", 10000), "=\n\r"} {
		f.Add("key", s)
		f.Add(s, "value")
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		if len(key) > 20000 || len(value) > 60000 {
			t.Skip("larger than the block, which is another test")
		}
		key = "fuzz." + key // not one of the keys that matter
		if got := lookUp(t, key, value); got != value {
			t.Errorf("%q under %q came out as %q", value, key, got)
		}
		if strings.ContainsRune(value, 0) {
			return // no name of a file
		}
		r := begin(t, python(), "look_up_path", nil)
		r.AddPath("NAME", value)
		r.EndInput(Complete)
		submit(t, r, inMain)
		a := read(t, r, 1<<20)
		r.Release()
		if a.body != hex.EncodeToString([]byte(value)) {
			t.Errorf("the path %q came out as %s", value, a.String())
		}
	})
}

// FuzzEnvironBlock hands C a block that Go never writes. Whatever the application makes of it, the request ends.
func FuzzEnvironBlock(f *testing.F) {
	f.Add([]byte{}, uint32(0))
	f.Add([]byte("\x00\x00\x09\x00\x05\x00\x00\x00PATH_INFOhello"), uint32(22))
	f.Add([]byte("\x00\x00\xff\xff\xff\xff\xff\xff"), uint32(8))
	f.Add([]byte("\x01\x00\x01\x00\xff\xff\x00\x00k"), uint32(1<<31))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00"), uint32(MaxEnviron+1))
	f.Fuzz(func(t *testing.T, block []byte, length uint32) {
		r, err := python().Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		clear(r.environ)
		copy(r.environ, block)
		r.length = int(length)
		r.EndInput(Complete)
		submit(t, r, inSecond)
		if a := read(t, r, 1<<20); a.end == Open {
			t.Errorf("the request ended open: %v", a.String())
		}
		r.Release()
		testJournal.take()
	})
}

// TestManyKeys fills the cache of keys of a thread and goes on.
func TestManyKeys(t *testing.T) {
	for i := range 2000 {
		key := fmt.Sprintf("HTTP_INVENTED_%d", i%1500)
		if got := lookUp(t, key, key); got != key {
			t.Fatalf("%s came out as %q", key, got)
		}
	}
}

func TestJoinedAndBlock(t *testing.T) {
	var block Block
	block.Add("HTTP_BLOCK", "from the block")
	block.Add(strings.Repeat("k", 1<<16), "left out")
	for key, want := range map[string]string{"HTTP_BLOCK": "from the block", "HTTP_JOINED": "a; b; ", "HTTP_NONE": "one"} {
		r := begin(t, python(), "look_up", environ{"QUERY_STRING", hex.EncodeToString([]byte(key))})
		r.AddBlock(&block)
		r.AddJoined("HTTP_JOINED", []string{"a", "b", ""}, "; ")
		r.AddJoined("HTTP_NONE", []string{"one"}, "; ")
		r.EndInput(Complete)
		submit(t, r, inMain)
		if a := read(t, r, 1<<20); a.body != hex.EncodeToString([]byte(want)) {
			t.Errorf("%s is %s, not %q", key, a.String(), want)
		}
		r.Release()
	}
}

func TestEnvironTooLarge(t *testing.T) {
	half := strings.Repeat("x", MaxEnviron/2)
	add := map[string]func(r *Request){
		"value":  func(r *Request) { r.Add("B", half) },
		"path":   func(r *Request) { r.AddPath("B", half) },
		"joined": func(r *Request) { r.AddJoined("B", []string{half[:10], half[10:]}, ", ") },
		"key":    func(r *Request) { r.Add(strings.Repeat("k", 1<<16), "") },
		"block": func(r *Request) {
			var b Block
			b.Add("B", half)
			r.AddBlock(&b)
		},
	}
	for name, add := range add {
		r := begin(t, python(), "hello", environ{"A", half})
		add(r)
		r.Add("AFTER", "what fits again does not help")
		if err := r.Submit(t.Context(), inMain, 0, time.Now(), nil); err != ErrEnvironTooLarge || !r.Done() {
			t.Errorf("%s: Submit returned %v, done is %v", name, err, r.Done())
		}
		if r.WaitInput(true) {
			t.Errorf("%s: the body of a request that was not submitted is wanted", name)
		}
		r.Release()
	}
	if a := get(t, inMain, "hello"); a.body != "hello" {
		t.Errorf("afterwards: %v", a.String())
	}
}

// ---- times and cost ------------------------------------------------------------

func TestTimes(t *testing.T) {
	r := begin(t, python(), "hello", nil)
	r.EndInput(Complete)
	before := time.Now()
	submit(t, r, inMain)
	read(t, r, 1<<20)
	took, times := time.Since(before), r.Times()
	r.Release()
	sum := times.Queue + times.GIL + times.Application
	if times.Queue <= 0 || times.GIL <= 0 || times.Application <= 0 || times.FirstByte <= 0 || sum > took || times.FirstByte > took {
		t.Errorf("a request of %v has %+v", took, times)
	}
}

func TestBrokenApplication(t *testing.T) {
	text := python().ApplicationError(broken)
	if !strings.HasPrefix(text, "Traceback (most recent call last):\n") || !strings.HasSuffix(text, "ValueError: the application is broken") {
		t.Errorf("the error is %q", text)
	}
	if text := python().ApplicationError(inMain); text != "" {
		t.Errorf("a good application has the error %q", text)
	}
	r := begin(t, python(), "hello", nil)
	r.EndInput(Complete)
	submit(t, r, broken)
	a := read(t, r, 1<<20)
	times := r.Times()
	r.Release()
	if a.begun || a.end != Torn {
		t.Errorf("it answered %v", a.String())
	}
	if times.Application != 0 || times.GIL != 0 || times.FirstByte != 0 {
		t.Errorf("it was never called, and took %+v", times)
	}
}

// allocations of Go for one request whose head has strings in it: the copy of the head block. Measured 2026-11-20.
const allocations = 1

func TestAllocations(t *testing.T) {
	p := python()
	context := t.Context()
	one := func() {
		r, err := p.Acquire(context)
		if err != nil {
			t.Fatal(err)
		}
		r.Add("PATH_INFO", "hello")
		r.EndInput(Complete)
		if err := r.Submit(t.Context(), inMain, 0, time.Time{}, nil); err != nil {
			t.Fatal(err)
		}
		for !r.Done() {
			r.Wait()
		}
		if head, err := r.Head(); head == nil || err != nil {
			t.Fatal(head, err)
		}
		if b, err := r.Output(); len(b) != len("hello") || err != nil {
			t.Fatal(b, err)
		}
		r.Release()
	}
	if got := testing.AllocsPerRun(2000, one); got > allocations {
		t.Errorf("%v allocations for one request, %v were measured", got, allocations)
	}
}

func BenchmarkRequest(b *testing.B) {
	p := python()
	context := b.Context()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := p.Acquire(context)
			if err != nil {
				b.Fatal(err)
			}
			r.Add("PATH_INFO", "hello")
			r.EndInput(Complete)
			submit(b, r, inMain)
			for !r.Done() {
				r.Wait()
			}
			r.Release()
		}
	})
}
