package files

import (
	"context"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds of listings. One of the most entries takes a third of a second and 10 MB until the client has read it, who may be slow.
const (
	mostEntries  = 100_000 // of a listing; what comes beyond is counted as "more"
	fewEntries   = 1000    // a directory of so many is listed at once
	mostListings = 8       // of directories with more, at the same time; further ones wait
)

// list answers with the listing of a directory. It is not kept by caches for long and has no validators: when something in a
// directory changes, its own time need not.
func (f *Found) list(w http.ResponseWriter, r *http.Request) (int, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return answerOther(w, r, "GET, HEAD, OPTIONS"), nil
	}
	h := w.Header()
	h["Content-Type"] = []string{"text/html; charset=utf-8"}
	h["Content-Security-Policy"] = []string{"default-src 'none'; style-src 'unsafe-inline'"} // names come from anybody
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return 0, nil
	}
	l := listing{urlPath: f.URLPath, order: parseOrder(r.URL.RawQuery), most: mostEntries}
	defer l.release()
	if err := l.read(r.Context(), f); err != nil {
		return 0, err
	}
	l.order.sort(l.entries)
	return 0, l.write(w)
}

// A listing is a directory as it is shown.
type listing struct {
	urlPath string // begins and ends with a slash
	order   order
	entries []entry
	most    int           // entries
	more    bool          // there are more than these
	turn    chan struct{} // of Tree.listings, if it is the turn of this large one; else nil
}

// An entry is a file or a directory in a listing.
type entry struct {
	name      string
	directory bool
	size      int64 // bytes
	modified  int64 // seconds since 1970
}

// read finds the entries: those that would be found by their path as well.
func (l *listing) read(ctx context.Context, f *Found) error {
	for {
		names, err := f.file.Readdirnames(fewEntries)
		for _, name := range names {
			if e, ok := f.entry(name); ok {
				l.entries = append(l.entries, e)
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case len(l.entries) > l.most:
			l.entries, l.more = l.entries[:l.most], true
			return nil
		case len(l.entries) >= fewEntries && l.turn == nil:
			if err := l.wait(ctx, f.tree.listings); err != nil {
				return err
			}
		}
	}
}

// wait waits until one more large directory may be listed.
func (l *listing) wait(ctx context.Context, turn chan struct{}) error {
	select {
	case turn <- struct{}{}:
		l.turn = turn
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release lets the next large directory be listed.
func (l *listing) release() {
	if l.turn != nil {
		<-l.turn
	}
}

// entry looks at what is in the directory under that name. It is not ok for what is hidden, neither file nor directory, gone, or a
// link that leads out.
func (f *Found) entry(name string) (e entry, ok bool) {
	if strings.HasPrefix(name, ".") {
		return e, false
	}
	e.name = name
	var stat unix.Stat_t
	if err := statAt(f.file, name, &stat); err != nil {
		return e, false
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		e.directory, e.size, e.modified = stat.Mode&unix.S_IFMT == unix.S_IFDIR, stat.Size, stat.Mtim.Sec
		return e, e.directory || stat.Mode&unix.S_IFMT == unix.S_IFREG
	}
	info, err := f.root.Stat(path.Join(f.name, name))
	if err != nil {
		return e, false
	}
	e.directory, e.size, e.modified = info.IsDir(), info.Size(), info.ModTime().Unix()
	return e, e.directory || info.Mode().IsRegular()
}

// statAt is lstat(2) of a name in an open directory.
func statAt(directory *os.File, name string, stat *unix.Stat_t) error {
	raw, err := directory.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.Fstatat(int(fd), name, stat, unix.AT_SYMLINK_NOFOLLOW)
	}); err != nil {
		return err
	}
	return failed
}
