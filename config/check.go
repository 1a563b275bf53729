package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Check looks at everything on this machine that can be known before sockets and logs are opened: the directories, and that files are what
// they should be; whether a key belongs to its certificate is for package tls to find out.
// It changes nothing. The error holds an *Error for each complaint; errors.Join made it, so its text has a line each.
// Call it as the user who will open the files, before privileges are dropped.
func (c *Config) Check() error {
	return errors.Join(
		c.groupDirectories(),
		writable("--server-root", c.ServerRoot),
		ours("--server-root", c.ServerRoot),
		c.logFiles(),
		parent("--pid-file", c.PidFile),
		c.httpsFiles(),
		c.fileDirectories(),
		c.accessFiles(),
	)
}

// groupDirectories checks where the processes of the application are to be.
func (c *Config) groupDirectories() error {
	var errs []error
	for i := range c.Groups {
		g := &c.Groups[i]
		if g.Chroot != "" && !isDir(g.Chroot) {
			errs = append(errs, directory("--chroot", g.Chroot))
			continue
		}
		errs = append(errs, directory("--working-directory", filepath.Join(g.Chroot, g.Home)))
	}
	return errors.Join(errs...)
}

// logFiles checks the places of those logs that are files.
func (c *Config) logFiles() error {
	if info, err := os.Stat(c.Log.Directory); err == nil && !info.IsDir() && c.Log.Directory != c.ServerRoot {
		return complain("--log-directory", "'%s' is not a directory", c.Log.Directory)
	}
	var errs []error
	if c.Log.ErrorLog != "" {
		errs = append(errs, parent("--error-log-name", c.Log.ErrorLog))
	}
	if c.Log.AccessLog != "" && c.Log.AccessLog != "-" {
		errs = append(errs, parent("--access-log-name", c.Log.AccessLog))
	}
	if c.Log.StartupLog != "" {
		errs = append(errs, parent("--startup-log-name", c.Log.StartupLog))
	}
	return errors.Join(errs...)
}

// directory complains if dir is not one.
func directory(place, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return complain(place, "there is no directory '%s'", dir)
	case err != nil:
		return complain(place, "the directory cannot be used: %s", err)
	case !info.IsDir():
		return complain(place, "'%s' is not a directory", dir)
	}
	return nil
}

// parent complains if the file cannot be made where it should be.
func parent(place, file string) error {
	if isDir(file) {
		return complain(place, "'%s' is a directory, it should be a file", file)
	}
	return writable(place, filepath.Dir(file))
}

// writable complains if there can be no files in dir. A missing directory is made when it is needed; what counts then
// is the nearest one above that exists.
func writable(place, dir string) error {
	at := dir
	for {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	if err := directory(place, at); err != nil {
		return err
	}
	const wantWriteSearch = 2 | 1 // W_OK | X_OK of access(2)
	if err := syscall.Access(at, wantWriteSearch); err != nil {
		return complain(place, "no files can be made in '%s': %s", at, err)
	}
	return nil
}

// ours complains about a directory in a place like /tmp that somebody else made first: its name can be guessed, and
// whoever owns it could have the logs and the pid file written anywhere.
func ours(place, dir string) error {
	above, err := os.Stat(filepath.Dir(dir))
	if err != nil || above.Mode()&fs.ModeSticky == 0 {
		return nil
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil // it is still to be made, or writable complains
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && stat.Uid != 0 && int(stat.Uid) != uid {
		return complain(place, "'%s' belongs to the user with id %d, not to this one (%d); remove it or choose another directory", dir, stat.Uid, uid)
	}
	return nil
}
