package mpm

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gild/logs"
)

// writePidFile writes the process id to path as one line. The file appears complete or not at all. One that is there already is
// overwritten with a notice: the listening socket, not this file, is what keeps two servers apart.
func writePidFile(path string, log logs.Logger) error {
	if path == "" {
		return nil
	}
	if old, err := os.ReadFile(path); err == nil {
		logs.Printf(log, logs.Notice, "mpm", "Overwriting the pid file %s, which said %.20q.", path, strings.TrimSpace(string(old)))
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("cannot write the pid file: %w; choose another place with --pid-file", err)
	}
	_, err = fmt.Fprintln(temp, os.Getpid())
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fmt.Errorf("cannot write the pid file: %w; choose another place with --pid-file", err)
	}
	return nil
}

// removePidFile removes the file if it is still ours.
func removePidFile(path string) {
	text, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(os.Getpid()) {
		_ = os.Remove(path)
	}
}
