package files

import (
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Allow is the Allow field for a file: POST is answered like GET, as Apache does.
const Allow = "GET, HEAD, POST, OPTIONS"

// Send answers a request with what was found: a File or a Directory. The status is that of an answer which the caller has to make,
// with the header fields set so far: 405, 412, 416; 0 when Send has answered. An error is about a response that cannot be completed: it
// is to be torn. If it is an *fs.PathError the file is to blame, which became shorter or cannot be read; else the client has left.
func (f *Found) Send(w http.ResponseWriter, r *http.Request) (status int, err error) {
	if f.Kind == Directory {
		return f.list(w, r)
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return f.send(w, r)
	}
	return answerOther(w, r, Allow), nil
}

// answerOther answers OPTIONS, and says what is allowed instead of others.
func answerOther(w http.ResponseWriter, r *http.Request, allow string) int {
	h := w.Header()
	h["Allow"] = []string{allow}
	if r.Method != http.MethodOptions {
		return http.StatusMethodNotAllowed
	}
	h["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusOK)
	return 0
}

func (f *Found) send(w http.ResponseWriter, r *http.Request) (int, error) {
	m := f.mediaType()
	v := f.choose(r, m, time.Now())
	if status := v.precondition(r); status != 0 {
		return v.sendStatus(w, status), nil
	}
	parts, ok := v.parts(r)
	if !ok {
		w.Header()["Content-Range"] = []string{fmt.Sprintf("bytes */%d", v.size)}
		return http.StatusRequestedRangeNotSatisfiable, nil
	}
	v.describe(w.Header())
	v.describeBody(w.Header(), m)
	return 0, v.write(w, r, parts)
}

// mediaType is that of the file. An alias of a file may have any path, so the name of the file counts.
func (f *Found) mediaType() mediaType {
	if f.root == nil {
		return f.tree.types.of(f.place.path)
	}
	return f.tree.types.of(f.name)
}

// sendStatus answers with 304. Any other status is for the caller to answer with.
func (v *variant) sendStatus(w http.ResponseWriter, status int) int {
	if status != http.StatusNotModified {
		return status
	}
	v.describe(w.Header())
	w.WriteHeader(status)
	return 0
}

// describeBody sets the fields that only an answer with the file has.
func (v *variant) describeBody(h http.Header, m mediaType) {
	h["Accept-Ranges"] = acceptRanges
	if m.field != nil {
		h["Content-Type"] = m.field
	}
	if v.coding != "" {
		h["Content-Encoding"] = []string{v.coding}
	}
}

// acceptRanges is shared by all responses.
var acceptRanges = []string{"bytes"}

// describe sets the fields that 304 has as well (RFC 9110 section 15.4.5).
func (v *variant) describe(h http.Header) {
	h["Etag"] = []string{v.etag}
	h["Last-Modified"] = []string{v.modified.UTC().Format(http.TimeFormat)}
	if v.varies {
		h["Vary"] = []string{"Accept-Encoding"}
	}
}

// parts are those that the client wants, none for the whole. Ranges are for GET only (RFC 9110 section 14.2).
func (v *variant) parts(r *http.Request) (parts []byteRange, ok bool) {
	fields := r.Header["Range"]
	if r.Method != http.MethodGet || len(fields) != 1 || !v.wantsPart(r) {
		return nil, true
	}
	return parseRange(fields[0], v.size)
}

// write sends the head and the body.
func (v *variant) write(w http.ResponseWriter, r *http.Request, parts []byteRange) error {
	h := w.Header()
	switch len(parts) {
	case 0:
		h["Content-Length"] = []string{strconv.FormatInt(v.size, 10)}
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodHead {
			return nil
		}
		return v.copy(w, byteRange{0, v.size})
	case 1:
		h["Content-Range"] = []string{parts[0].contentRange(v.size)}
		h["Content-Length"] = []string{strconv.FormatInt(parts[0].length, 10)}
		w.WriteHeader(http.StatusPartialContent)
		return v.copy(w, parts[0])
	}
	return v.writeParts(w, parts)
}

// smallPart is up to how many bytes a part is read and written: together with the head that is one system call less, and a copy of so
// little costs less than sendfile(2) does.
const smallPart = 16 << 10

var smallParts = sync.Pool{New: func() any { return new([smallPart]byte) }}

// copy sends a part of the file, with sendfile(2) where w allows it and it is worth it.
func (v *variant) copy(w io.Writer, part byteRange) error {
	if part.length <= smallPart {
		return v.copySmall(w, part)
	}
	if part.start != v.at {
		if _, err := v.file.Seek(part.start, io.SeekStart); err != nil {
			return err
		}
	}
	n, err := io.CopyN(w, v.file, part.length)
	v.at = part.start + n
	if err == io.EOF {
		err = v.shorter(n, part)
	}
	return err
}

// copySmall sends a part by way of a buffer, which is not used again after an error: an engine may be sending from it still.
func (v *variant) copySmall(w io.Writer, part byteRange) error {
	buffer := smallParts.Get().(*[smallPart]byte)
	n, err := v.file.ReadAt(buffer[:part.length], part.start)
	if err == io.EOF {
		err = v.shorter(int64(n), part)
	}
	if _, failed := w.Write(buffer[:n]); failed != nil {
		return failed
	}
	smallParts.Put(buffer)
	return err
}

// shorter is the error of a file that has fewer bytes than it had.
func (v *variant) shorter(n int64, part byteRange) error {
	return &fs.PathError{Op: "read", Path: v.file.Name(), Err: fmt.Errorf("the file became shorter while it was sent: %d of %d bytes", n, part.length)}
}

// writeParts sends several parts as multipart/byteranges (RFC 9110 section 14.6).
func (v *variant) writeParts(w http.ResponseWriter, parts []byteRange) error {
	h := w.Header()
	boundary := rand.Text() // which nobody can put into a file before
	heads, length := v.partHeads(parts, boundary, h["Content-Type"])
	end := "\r\n--" + boundary + "--\r\n"
	h["Content-Type"] = []string{"multipart/byteranges; boundary=" + boundary}
	h["Content-Length"] = []string{strconv.FormatInt(length+int64(len(end)), 10)}
	w.WriteHeader(http.StatusPartialContent)
	for i, part := range parts {
		if _, err := io.WriteString(w, heads[i]); err != nil {
			return err
		}
		if err := v.copy(w, part); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, end)
	return err
}

// partHeads are what stands before each part, and the length of all parts with it.
func (v *variant) partHeads(parts []byteRange, boundary string, contentType []string) (heads []string, length int64) {
	kind := ""
	if len(contentType) > 0 {
		kind = "Content-Type: " + contentType[0] + "\r\n"
	}
	for i, part := range parts {
		head := "--" + boundary + "\r\n" + kind + "Content-Range: " + part.contentRange(v.size) + "\r\n\r\n"
		if i > 0 {
			head = "\r\n" + head
		}
		heads = append(heads, head)
		length += int64(len(head)) + part.length
	}
	return heads, length
}
