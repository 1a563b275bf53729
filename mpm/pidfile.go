package mpm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gild/logs"
)

// pidFile is a file with the process id of the supervisor. The file is locked as long as the supervisor lives: a number alone
// would not tell a living server from the one before the last boot, or from another container's.
type pidFile struct {
	path string
	lock *os.File // nil = there is no file
}

// claimPidFile writes the process id to path, if it is not empty, as one line. The file appears complete or not at all. What another
// gild that is gone has left there, or anything else, is overwritten with a notice; a file of a living one is an error.
func claimPidFile(path string, log logs.Logger) (*pidFile, error) {
	if path == "" {
		return &pidFile{}, nil
	}
	if err := inspectPidFile(path, log); err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("cannot write the pid file: %w; choose another place with --pid-file", err)
	}
	if err := fillPidFile(temp, path); err != nil {
		_ = temp.Close()
		_ = os.Remove(temp.Name())
		return nil, fmt.Errorf("cannot write the pid file: %w; choose another place with --pid-file", err)
	}
	return &pidFile{path: path, lock: temp}, nil
}

// fillPidFile writes temp, locks it, and gives it the name path.
func fillPidFile(temp *os.File, path string) error {
	if _, err := fmt.Fprintln(temp, os.Getpid()); err != nil {
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		return err
	}
	if err := tryLock(temp); err != nil && !errors.Is(err, unix.ENOTSUP) { // not every file system has locks
		return err
	}
	return os.Rename(temp.Name(), path)
}

// inspectPidFile refuses the file of a living gild, and logs what will be overwritten.
func inspectPidFile(path string, log logs.Logger) error {
	old, err := os.Open(path)
	if err != nil {
		return nil // there is none, or creating another will say what is wrong
	}
	defer old.Close()
	said, _ := io.ReadAll(io.LimitReader(old, 100))
	text := strings.TrimSpace(string(said))
	if errors.Is(tryLock(old), unix.EWOULDBLOCK) {
		return fmt.Errorf("the pid file %s belongs to a gild that runs, with process id %.20q; stop that, or choose another place with --pid-file",
			path, text)
	}
	logs.Printf(log, logs.Notice, "mpm", "Overwriting the pid file %s, which said %.20q.", path, text)
	return nil
}

// tryLock locks f until it is closed, or says that somebody else has. What is executed meanwhile does not inherit the lock.
func tryLock(f *os.File) error {
	fd, err := descriptor(f)
	if err != nil {
		return err
	}
	return ignoringEINTR(func() error { return unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) })
}

// remove removes the file if it is still ours.
func (p *pidFile) remove() {
	if p.lock == nil {
		return
	}
	text, err := os.ReadFile(p.path)
	if err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(os.Getpid()) {
		_ = os.Remove(p.path)
	}
	_ = p.lock.Close()
}
