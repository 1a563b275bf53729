package files

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"
)

// A Kind of what lies at a path.
type Kind int

const (
	Absent    Kind = iota // nothing that a Tree has to do with: somebody else may answer
	Refused               // there is, or could be, something, and it is not sent: see Status
	File                  // a regular file
	Directory             // a directory that is to be listed
	Unslashed             // a directory, and the path lacks the slash at its end
)

// Found is what lies at a path. Whoever gets it calls Close.
type Found struct {
	Kind     Kind
	Status   int    // of the answer, when Kind is Refused
	Reason   string // the same in words for the log; "": it is not worth a line
	URLPath  string // path of the site that leads to what was found: with the name of an index, without PathInfo
	PathInfo string // what follows the path of a script, "" or beginning with a slash
	Alias    bool   // it is below an alias

	tree  *Tree
	place *place
	root  *root  // the place's directory; nil if that is a file
	name  string // relative to root
	file  *os.File
	info  fs.FileInfo
}

// Path is where it is on this machine; absolute.
func (f *Found) Path() string { return f.place.filename(f.name) }

// Close closes the file.
func (f *Found) Close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}

// wellKnown is the one directory whose name begins with a dot and that is meant to be seen, RFC 8615.
const wellKnown = "/.well-known/"

// hidden reports whether a path has a name in it that begins with a dot. The caller has removed "." and "..".
func hidden(path string) bool { return strings.Contains(path, "/.") }

// Find looks up a path that is decoded and normalized: it begins with a slash and has no empty, "." or ".." segments and no NUL. If
// yield is true, directories belong to somebody else, unless there is an index; without, one that is neither listed nor has an
// index is not found at all. Below an alias, nothing is anybody else's. It costs one system call if there is nothing, and none at
// all for a path that ends in a slash if there is no index and nothing is listed.
func (t *Tree) Find(path string, yield bool) Found {
	p, rest := t.placeOf(path)
	if p == nil {
		return Found{}
	}
	l := lookup{tree: t, place: p, seen: p.look(), path: path, rest: rest, yield: yield && !p.alias}
	f := l.find()
	f.tree, f.place, f.root, f.Alias = t, p, l.seen.root, p.alias
	if f.Kind == Absent && p.alias {
		f.Kind, f.Status = Refused, http.StatusNotFound
	}
	return f
}

// lookup is one Find.
type lookup struct {
	tree  *Tree
	place *place
	seen  *seen
	path  string // of the site
	rest  string // of path, within the place
	yield bool
}

func (l *lookup) find() Found {
	switch {
	case l.seen.err != nil && l.place.alias:
		return l.refuse(http.StatusForbidden, l.seen.err)
	case l.seen.file:
		return l.single()
	case l.seen.root == nil:
		return Found{}
	}
	f := l.named()
	if f.Kind == Absent && l.tree.scripts != nil {
		f = l.script()
	}
	return f
}

// named finds what the whole path names.
func (l *lookup) named() Found {
	visible := l.rest
	if !l.place.alias && strings.HasPrefix(visible, wellKnown) {
		visible = visible[len(wellKnown)-1:]
	}
	switch {
	case hidden(visible):
		return Found{}
	case l.rest == "" || strings.HasSuffix(l.rest, "/"):
		return l.directory()
	}
	f := l.open(l.rest[1:])
	f.URLPath = l.path
	return f
}

// single finds the file of an alias, which is all that there is.
func (l *lookup) single() Found {
	if l.rest != "" && (l.tree.scripts == nil || !l.tree.scripts(path.Base(l.place.path))) {
		return Found{}
	}
	f := l.take(os.OpenFile(l.place.path, openFlags, 0))
	f.URLPath, f.PathInfo = l.place.urlPath, l.rest
	return f
}

// script finds a script at the beginning of the path. What follows it is no name of a file, so it may have dots.
func (l *lookup) script() Found {
	for i, c := range l.rest {
		before := l.rest[:i]
		if c != '/' || i == 0 || !l.tree.scripts(path.Base(before)) {
			continue
		}
		if hidden(before) {
			break
		}
		f := l.open(before[1:])
		if f.Kind == File {
			f.URLPath, f.PathInfo = strings.TrimSuffix(l.path, l.rest[i:]), l.rest[i:]
			return f
		}
		f.Close()
	}
	return Found{}
}

// open finds the file of that name. A directory is none.
func (l *lookup) open(name string) Found {
	f := l.take(l.seen.root.open(name))
	f.name = name
	return f
}

// take makes a Found of what was opened, or of why it was not.
func (l *lookup) take(file *os.File, err error) Found {
	if err != nil {
		return l.failed(err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		_ = file.Close()
		return l.failed(err)
	case info.Mode().IsRegular():
		return Found{Kind: File, file: file, info: info}
	}
	_ = file.Close()
	if info.IsDir() {
		return l.unslashed()
	}
	return l.refuse(http.StatusForbidden, errors.New("it is neither a file nor a directory"))
}

// unslashed is for a directory whose path lacks its slash. Only if there is something to be seen with it, it is asked for.
func (l *lookup) unslashed() Found {
	if l.tree.index == "" && !l.lists() {
		return Found{}
	}
	return Found{Kind: Unslashed}
}

// lists reports whether the directory would be listed.
func (l *lookup) lists() bool { return l.tree.listing && !l.place.alias && !l.yield }

// directory finds the index of a directory, or the directory itself. The path may lack its slash only where a place begins.
func (l *lookup) directory() Found {
	switch name := strings.Trim(l.rest, "/"); {
	case l.rest == "":
		return l.unslashed()
	case l.tree.index != "":
		f := l.open(path.Join(name, l.tree.index))
		f.URLPath = l.path + l.tree.index
		if f.Kind == File || f.Kind == Refused {
			return f
		}
		return l.openDirectory(name)
	case l.lists():
		return l.openDirectory(name)
	}
	return Found{}
}

// openDirectory finds a directory that has no index.
func (l *lookup) openDirectory(name string) Found {
	name = path.Clean(name) // "." for the place itself
	file, err := l.seen.root.OpenFile(name, openFlags|syscall.O_DIRECTORY, 0)
	if err != nil {
		return l.failed(err)
	}
	if !l.tree.listing || l.place.alias {
		_ = file.Close()
		return l.refuse(http.StatusNotFound, fmt.Errorf("it has no %s, and is not listed", l.tree.index))
	}
	return Found{Kind: Directory, URLPath: l.path, name: name, file: file}
}

// failed says what an error of open(2) means: something that is there but cannot be had is not the application's.
func (l *lookup) failed(err error) Found {
	var number syscall.Errno
	errors.As(err, &number)
	switch number {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG:
		return Found{}
	case syscall.EACCES, syscall.EPERM, syscall.ENXIO, syscall.ENODEV: // the last two are sockets and devices
		return l.refuse(http.StatusForbidden, err)
	case 0: // os.Root's own error, "path escapes from parent"
		return l.refuse(http.StatusNotFound, fmt.Errorf("a symbolic link leads out of '%s', or is absolute", l.place.path))
	case syscall.ELOOP:
		return l.refuse(http.StatusNotFound, err)
	}
	return l.refuse(http.StatusInternalServerError, err)
}

func (l *lookup) refuse(status int, err error) Found {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return Found{Kind: Refused, Status: status, Reason: fmt.Sprintf("'%s': %v", l.place.filename(l.rest), err)}
}
