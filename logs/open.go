package logs

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// OpenAppend opens the log at path for appending, and creates it with mode 0644 if it is missing.
//
// The supervisor may be root while the directory of the logs belongs to the user who runs the application. That user could put a
// link in the place of a log, and root would append to /etc/passwd. So a link on the way, or at its end, is followed only
// where nobody else can have put it; a link to /dev/stdout, or a log directory on another disk, goes on working.
func OpenAppend(path string) (*os.File, error) {
	// A FIFO must not hold the supervisor until somebody reads it.
	fd, err := openPath(-1, path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_NONBLOCK, mostLinks)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// mostLinks is how many links are followed, one behind the other, as by the kernel.
const mostLinks = 40

// openPath opens what is at path, which begins in the directory dir unless it begins with a slash. The directories on the way are
// opened one by one, so that nobody can put a link between them after they were looked at.
func openPath(dir int, path string, flags, links int) (int, error) {
	names := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	start := "."
	if strings.HasPrefix(path, "/") {
		dir, start = unix.AT_FDCWD, "/"
	}
	if len(names) == 0 {
		return openRetrying(dir, start, flags)
	}
	at, err := openRetrying(dir, start, unix.O_PATH|unix.O_DIRECTORY)
	for _, name := range names[:len(names)-1] {
		if err != nil {
			return -1, err
		}
		above := at
		at, err = openat(above, name, unix.O_PATH|unix.O_DIRECTORY, links)
		_ = unix.Close(above)
	}
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	return openat(at, names[len(names)-1], flags, links)
}

// openat opens name in the directory dir. A link is followed only if it can be trusted, and so are those to which it leads.
func openat(dir int, name string, flags, links int) (int, error) {
	fd, err := openRetrying(dir, name, flags|unix.O_NOFOLLOW)
	// ENOTDIR: a link where O_DIRECTORY wants a directory. EACCES: fs.protected_symlinks has looked at it before us.
	if err != unix.ELOOP && err != unix.ENOTDIR && err != unix.EACCES {
		return fd, err
	}
	if problem := distrust(dir, name); problem != nil {
		return -1, problem
	}
	target := make([]byte, unix.PathMax)
	n, notLink := unix.Readlinkat(dir, name, target)
	switch {
	case notLink != nil, isProc(dir):
		return openRetrying(dir, name, flags)
	case links == 0:
		return -1, unix.ELOOP
	}
	return openPath(dir, string(target[:n]), flags, links-1)
}

// isProc reports whether a directory is one of /proc, whose links the kernel alone can follow, such as fd/1.
func isProc(dir int) bool {
	var system unix.Statfs_t
	return unix.Fstatfs(dir, &system) == nil && system.Type == unix.PROC_SUPER_MAGIC
}

// openRetrying is openat(2); what it makes has mode 0644.
func openRetrying(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0o644)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// distrust says why a link is not followed; nil: it is. Whoever owns a directory puts into it what he likes; where others may
// write, it is the owner of the link that counts.
func distrust(dir int, name string) error {
	var above, link unix.Stat_t
	if err := unix.Fstat(dir, &above); err != nil {
		return err
	}
	if err := unix.Fstatat(dir, name, &link, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	const writable = unix.S_IWGRP | unix.S_IWOTH
	switch {
	case link.Mode&unix.S_IFMT != unix.S_IFLNK:
		return nil // opening it again says what is wrong
	case !ownedByUs(above.Uid):
		return fmt.Errorf("'%s' is a link in a directory of the user with id %d, who could have it lead anywhere", name, above.Uid)
	case above.Mode&writable != 0 && !ownedByUs(link.Uid):
		return fmt.Errorf("'%s' is a link of the user with id %d, who could have it lead anywhere", name, link.Uid)
	}
	return nil
}

// ownedByUs reports whether an owner is one who may decide where logs go: root, or the user who runs the supervisor.
func ownedByUs(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }
