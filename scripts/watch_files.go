package scripts

import (
	"maps"
	"slices"
	"strings"

	"gild/logs"

	"golang.org/x/sys/unix"
)

// watchedFile is a file that was there when it was first listed.
type watchedFile struct {
	path        string
	stamp       stamp
	directories []*directory // where changes of it are told of
	listed      bool         // the last list had it
}

// stamp is what changes with a file. The zero stamp is that of no file.
type stamp struct {
	modified, size int64
	device, inode  uint64
}

// stampOf returns the stamp of a regular file; a file that cannot be looked at is none.
func stampOf(path string) stamp {
	var s unix.Stat_t
	if unix.Stat(path, &s) != nil || s.Mode&unix.S_IFMT != unix.S_IFREG {
		return stamp{}
	}
	return stamp{modified: s.Mtim.Nano(), size: s.Size, device: uint64(s.Dev), inode: s.Ino}
}

// isSuspect says whether the file may have changed since the last look.
func (f *watchedFile) isSuspect() bool {
	return slices.ContainsFunc(f.directories, func(d *directory) bool { return d.polled || d.dirty })
}

// hasChanged compares the file with what it was at the last call.
func (f *watchedFile) hasChanged() bool {
	before := f.stamp
	f.stamp = stampOf(f.path)
	return f.stamp != before
}

// follow takes new files in, and forgets those that are not listed any more.
func (w *watcher) follow() {
	names, err := w.list()
	if err != nil {
		if !w.listless {
			w.say(logs.Warn, "The files to watch cannot be listed; those known before are watched: %v", err)
		}
		w.listless = true
		return
	}
	w.listless = false
	for _, f := range w.files {
		f.listed = false
	}
	for _, name := range names {
		w.take(sourceOf(name))
	}
	maps.DeleteFunc(w.files, func(_ string, f *watchedFile) bool { return !f.listed })
}

// take has a file watched that is listed.
func (w *watcher) take(path string) {
	f := w.files[path]
	if f == nil {
		if stampOf(path) == (stamp{}) {
			return // a module in an archive, or a name that was made up
		}
		on, err := w.directories.of(path)
		w.complain(err)
		f = &watchedFile{path: path, stamp: stampOf(path), directories: on} // its changes are told of from here on
		w.files[path] = f
	}
	f.listed = true
}

// sorted returns the paths in an order that is always the same.
func (w *watcher) sorted() []string { return slices.Sorted(maps.Keys(w.files)) }

// sourceOf returns the file whose change matters: that with the source of compiled code, if there is one.
func sourceOf(path string) string {
	for _, compiled := range []string{".pyc", ".pyo"} {
		stem, ok := strings.CutSuffix(path, compiled)
		if ok && stampOf(stem+".py") != (stamp{}) {
			return stem + ".py"
		}
	}
	return path
}
