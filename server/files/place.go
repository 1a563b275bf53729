package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gild/logs"
)

// A place is a part of the site: the document root, or a URL alias. What is at its path is looked at again once a second, so that a
// directory is found that comes later, or another one in its place: deployments exchange a symbolic link.
type place struct {
	urlPath string // what paths of the site begin with; without a slash at the end, so "" is all of the site
	path    string // absolute
	alias   bool
	log     logs.Logger

	again atomic.Int64 // when to look again, as of clock
	mu    sync.Mutex   // held while somebody looks
	seen  atomic.Pointer[seen]
}

// seen is what was at the path of a place. It is not changed.
type seen struct {
	root *root // of a directory
	file bool  // it is a regular file
	info fs.FileInfo
	err  error // why it is none of these; nil: there is nothing
}

func newPlace(urlPath, path string, alias bool, log logs.Logger) *place {
	p := &place{urlPath: strings.TrimSuffix(urlPath, "/"), path: path, alias: alias, log: log}
	p.seen.Store(new(seen))
	p.refresh()
	return p
}

// lookEvery is how long what was seen is believed.
const lookEvery = time.Second

// clock is monotonic.
func clock() int64 { return int64(time.Since(epoch)) }

var epoch = time.Now()

// look returns what is there now, or was a second ago. It may be called by any number of goroutines, one of which looks again when
// it is time.
func (p *place) look() *seen {
	if clock() >= p.again.Load() && p.mu.TryLock() {
		p.refresh()
		p.mu.Unlock()
	}
	return p.seen.Load()
}

func (p *place) refresh() {
	last := p.seen.Load()
	next := p.peek(last)
	if next.err != nil && (last.err == nil || last.err.Error() != next.err.Error()) {
		logs.Printf(p.log, logs.Error, "core", "No files of '%s' are served: %v", p.path, next.err)
	}
	p.seen.Store(next)
	p.again.Store(clock() + int64(lookEvery))
}

// peek looks at the path. It returns last if that is still so.
func (p *place) peek(last *seen) *seen {
	info, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return new(seen)
	case err != nil:
		return &seen{err: err}
	case last.root != nil && os.SameFile(last.info, info):
		return last
	case info.IsDir():
		return openPlace(p.path)
	case info.Mode().IsRegular() && p.alias:
		return &seen{file: true}
	}
	return &seen{err: fmt.Errorf("it is neither a file nor a directory, but %s", info.Mode())}
}

func openPlace(path string) *seen {
	root, err := openRoot(path)
	if err != nil {
		return &seen{err: err}
	}
	info, err := root.Stat(".") // of what was opened
	if err != nil {
		return &seen{err: err}
	}
	return &seen{root: root, info: info}
}

// rest is what follows the place in a path of the site: "" or a path that begins with a slash. It reports false for a path that is
// not of this place.
func (p *place) rest(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, p.urlPath)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// filename is where the rest of a path would be on this machine, whether there is something or not.
func (p *place) filename(rest string) string {
	return filepath.Join(p.path, filepath.FromSlash(rest))
}
