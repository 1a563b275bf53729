package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gild/config"
	"gild/logs"

	"golang.org/x/sys/unix"
)

// The directory of certificates that are obtained, where the supervisor is root and others are not (config.Config.Separated):
//
//	STORAGE                root's, others may go through
//	STORAGE/private        root's, closed
//	STORAGE/private/store  the user's; whoever speaks HTTP gets a descriptor of it, as there is no way by name
//	STORAGE/local          the user's, for the certificate that clients of local names need
//
// STORAGE may lie in a directory of the user's, such as the server root, and so may be moved away and replaced at any time by the
// application, which is that user too. So nothing that is found is given away or trusted, unless it is in a directory that only root
// can have made; whoever moves it away gets an empty one, and no key.

// openStorage makes the directory of certificates that are obtained, if it is not there. It returns a descriptor of the store for those who
// speak HTTP, which the caller closes; nil: they need none.
func openStorage(c *config.Config, log logs.Logger) (*os.File, error) {
	if c.HTTPS == nil || c.HTTPS.Automatic == nil {
		return nil, nil
	}
	a := c.HTTPS.Automatic
	if !c.Separated() {
		return nil, makeDirectory(a.Storage, c.Credential)
	}
	store, err := privateStore(a.Storage, c.Credential)
	if err != nil {
		return nil, fmt.Errorf("--certificate-directory: %w", err)
	}
	if old := exposed(a.Storage); len(old) > 0 {
		logs.Printf(log, logs.Warn, "ssl", "in %s, %s: keys that the application could read, from a gild that was not started as root with --user; they are not used any more: remove them (new ones are in %s)",
			a.Storage, strings.Join(old, ", "), a.PrivateStorage())
	}
	return store, nil
}

// privateStore opens the store, which is made if need be.
func privateStore(storage string, owner *config.Credential) (*os.File, error) {
	top, err := openTop(storage)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	private, err := openPrivate(top)
	if err != nil {
		return nil, err
	}
	defer private.Close()
	// Several gilds may share the directory. The lock ends with the descriptor.
	if err := unix.Flock(int(private.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", private.Name(), err)
	}
	if err := give(private, top, "local", 0o755, owner); err != nil {
		return nil, err
	}
	if err := give(private, private, "store", 0o700, owner); err != nil {
		return nil, err
	}
	return openStore(private, owner)
}

// openTop opens the directory of certificates. One that is made here lets others through, whatever the umask says.
func openTop(storage string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(storage), 0o755); err != nil {
		return nil, err
	}
	err := os.Mkdir(storage, 0o711)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	made := err == nil
	top, err := os.Open(storage)
	if err != nil || !made {
		return top, err
	}
	// What somebody has moved here just now may be opened to others only if there is nothing in it.
	if _, err := top.Readdirnames(1); err != io.EOF {
		return top, nil
	}
	if err := top.Chmod(0o711); err != nil {
		top.Close()
		return nil, err
	}
	return top, nil
}

// openPrivate opens the directory that is closed to all but root, or makes it. One that anybody else could have made is refused.
func openPrivate(top *os.File) (*os.File, error) {
	if err := unix.Mkdirat(int(top.Fd()), "private", 0o700); err != nil && err != unix.EEXIST {
		return nil, &fs.PathError{Op: "mkdir", Path: filepath.Join(top.Name(), "private"), Err: err}
	}
	private, err := openDirectory(top, "private", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if err := mustBe(private, os.Geteuid(), 0o700, "remove it"); err != nil {
		private.Close()
		return nil, err
	}
	return private, nil
}

// openStore opens the directory of the user's in private. O_PATH is enough to pass through it.
func openStore(private *os.File, owner *config.Credential) (*os.File, error) {
	store, err := openDirectory(private, "store", unix.O_PATH)
	if err != nil {
		return nil, err
	}
	if err := mustBe(store, int(owner.UID), 0o700, "give it to that user (chown -R) if it was kept for another before"); err != nil {
		store.Close()
		return nil, err
	}
	return store, nil
}

// openDirectory opens a directory in another, and no link.
func openDirectory(at *os.File, name string, flags int) (*os.File, error) {
	path := filepath.Join(at.Name(), name)
	fd, err := unix.Openat(int(at.Fd()), name, flags|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// mustBe complains about a directory that has another owner or mode, and says what to do.
func mustBe(dir *os.File, uid int, mode uint32, remedy string) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &stat); err != nil {
		return &fs.PathError{Op: "stat", Path: dir.Name(), Err: err}
	}
	if int(stat.Uid) == uid && stat.Mode&0o7777 == mode {
		return nil
	}
	return fmt.Errorf("%s belongs to the user with id %d and has the mode %04o, but has to belong to %d with %04o so that nobody else gets at the keys in it; %s, or choose another directory",
		dir.Name(), stat.Uid, stat.Mode&0o7777, uid, mode, remedy)
}

// give makes a directory of the user's in at, unless there is something of that name. It is made in private, where nobody can
// put another in its place before it is given away.
func give(private, at *os.File, name string, mode uint32, owner *config.Credential) error {
	var stat unix.Stat_t
	if unix.Fstatat(int(at.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW) == nil {
		return nil
	}
	in, made := int(private.Fd()), ".new-"+rand.Text()
	err := unix.Mkdirat(in, made, 0o700)
	if err == nil {
		err = unix.Fchmodat(in, made, mode, 0)
	}
	if err == nil {
		err = unix.Fchownat(in, made, int(owner.UID), int(owner.GID), unix.AT_SYMLINK_NOFOLLOW)
	}
	if err == nil {
		err = unix.Renameat(in, made, int(at.Fd()), name)
	}
	if err != nil {
		_ = unix.Unlinkat(in, made, unix.AT_REMOVEDIR) // the error before is the one that counts
		return &fs.PathError{Op: "mkdir", Path: filepath.Join(at.Name(), name), Err: err}
	}
	return nil
}

// exposed is what lies in a directory of certificates where the application can read it.
func exposed(storage string) (names []string) {
	for _, name := range []string{"acme", "certificates", "local/root.key"} {
		if _, err := os.Lstat(filepath.Join(storage, name)); err == nil {
			names = append(names, name)
		}
	}
	return names
}
