package scripts

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// directories are those that watched files are in. Directories are watched, and not the files themselves, because an editor
// saves by renaming: the file that is watched is then another one, and the name is what counts.
type directories struct {
	known  map[string]*directory
	native *fsnotify.Watcher // nil: all of them are polled
	err    error             // why there is none
	told   bool              // somebody knows that a directory is polled

	events chan fsnotify.Event
	errors chan error
}

// directory is one of them.
type directory struct {
	polled bool // nobody tells of changes in it
	dirty  bool // something in it has changed since the last look
}

// newDirectories returns none yet. open starts what tells of changes; when it cannot, everything is polled.
func newDirectories(open func() (*fsnotify.Watcher, error)) directories {
	d := directories{known: map[string]*directory{}}
	native, err := open()
	if err != nil {
		d.err, d.told = advised(err), true
		return d
	}
	d.native, d.events, d.errors = native, native.Events, native.Errors
	return d
}

// of returns the directories to watch for a file: the one that has its name, and the one it is in when the name is a symbolic
// link. Both without links themselves, since the kernel knows a directory by one name only. The error, which comes once
// only, says why one of them has to be polled.
func (d *directories) of(path string) (list []*directory, err error) {
	names := []string{realPath(filepath.Dir(path)), filepath.Dir(realPath(path))}
	for _, name := range slices.Compact(names) {
		if d.known[name] == nil {
			failure := d.add(name)
			if failure != nil && !d.told {
				d.told, err = true, failure
			}
		}
		list = append(list, d.known[name])
	}
	return list, err
}

// realPath is the path without symbolic links, as far as that can be found out.
func realPath(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}

// add begins to watch a directory, or to poll it.
func (d *directories) add(name string) error {
	entry := &directory{polled: true}
	d.known[name] = entry
	switch {
	case d.native == nil:
		return nil // said before
	case isRemote(name):
		return fmt.Errorf("%s is on a file system that other machines may change", name)
	}
	if err := d.native.Add(name); err != nil {
		return advised(fmt.Errorf("%s: %w", name, err))
	}
	entry.polled = false
	return nil
}

// advised adds to an error of inotify(7) what can be done about it.
func advised(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%w; /proc/sys/fs/inotify/max_user_watches says how many directories a user can watch", err)
	case errors.Is(err, unix.EMFILE):
		return fmt.Errorf("%w; /proc/sys/fs/inotify/max_user_instances says how many processes of a user can watch", err)
	}
	return err
}

// isRemote says whether the directory is on a file system on which others make changes the kernel here does not see.
func isRemote(name string) bool {
	var s unix.Statfs_t
	if unix.Statfs(name, &s) != nil {
		return false
	}
	switch uint32(s.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC:
		return true
	}
	return false
}

// mark notes that something has changed. When a directory itself has gone nobody tells of changes in the next one of its
// name.
func (d *directories) mark(event fsnotify.Event) {
	if itself := d.known[event.Name]; itself != nil {
		itself.dirty = true
		itself.polled = itself.polled || event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)
	}
	if around := d.known[filepath.Dir(event.Name)]; around != nil {
		around.dirty = true
	}
}

// clear notes that everything has been looked at.
func (d *directories) clear() {
	for _, entry := range d.known {
		entry.dirty = false
	}
}

// close ends the watching.
func (d *directories) close() {
	if d.native != nil {
		_ = d.native.Close()
	}
}
