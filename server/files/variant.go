package files

import (
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"gild/server/accept"
)

// A variant is what a file is sent as: the file itself, or a compressed form that lies beside it.
type variant struct {
	file     *os.File
	at       int64 // where the next read of file begins
	size     int64
	modified time.Time // as Last-Modified has it, without fractions of a second
	etag     string    // with its quotes
	weak     bool      // the file is so young that it may still change without a trace
	coding   string    // Content-Encoding; ""
	varies   bool      // another client may get another variant
}

// siblings are the content codings of files that lie beside others, and the extensions that they add to their names. Where a client
// has no preference, the one that is usually the smallest goes first.
var (
	codings    = []string{"br", "zstd", "gzip"}
	extensions = map[string]string{"br": ".br", "zstd": ".zst", "gzip": ".gz"}
)

// choose finds the variant for a request. Looking for siblings costs a system call each, so only those are looked for that the client
// takes, beside files of types that compress. Hence a client that takes none gets the file without Vary: it is right for every other
// client, too.
func (f *Found) choose(r *http.Request, m mediaType, now time.Time) variant {
	if m.compressible {
		for _, coding := range accept.Encodings(r.Header["Accept-Encoding"], codings...) {
			if file, info := f.sibling(extensions[coding]); file != nil {
				f.Close()
				f.file, f.info = file, info
				v := newVariant(file, info, now)
				v.coding, v.varies = coding, true
				return v
			}
		}
	}
	return newVariant(f.file, f.info, now)
}

// sibling opens the regular file whose name is longer by an extension; nil: there is none.
func (f *Found) sibling(extension string) (*os.File, fs.FileInfo) {
	var file *os.File
	var err error
	if f.root == nil {
		file, err = os.OpenFile(f.place.path+extension, openFlags, 0)
	} else {
		file, err = f.root.open(f.name + extension)
	}
	if err != nil {
		return nil, nil
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = file.Close()
		return nil, nil
	}
	return file, info
}

func newVariant(file *os.File, info fs.FileInfo, now time.Time) variant {
	v := variant{file: file, size: info.Size(), modified: info.ModTime().Truncate(time.Second)}
	if v.modified.After(now) {
		v.modified = now.Truncate(time.Second) // RFC 9110 section 8.8.2.1
	}
	v.weak = info.ModTime().After(now.Add(-time.Second))
	v.etag = entityTag(info, v.weak)
	return v
}

// entityTag is what Apache makes under "FileETag INode MTime Size". The inode tells files apart that a build has given one size and
// one time. A file that was changed within this second can be changed again without another time, the clock of a file system being
// what it is, so its tag is weak (RFC 9110 section 8.8.1), which Apache does as well.
func entityTag(info fs.FileInfo, weak bool) string {
	b := make([]byte, 0, 64)
	if weak {
		b = append(b, "W/"...)
	}
	b = append(b, '"')
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		b = append(strconv.AppendUint(b, stat.Ino, 16), '-')
	}
	b = append(strconv.AppendInt(b, info.Size(), 16), '-')
	b = strconv.AppendUint(b, uint64(info.ModTime().UnixNano()), 16)
	return string(append(b, '"'))
}
