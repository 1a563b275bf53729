package tls

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// checkStorage sees that everything in the hoard can be read and written by this process, which has the rights of user
// by now. The error says which path cannot, and what to do.
func checkStorage(h hoard, user string) error {
	err := filepath.WalkDir(h.top(), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return access(name, entry.IsDir())
	})
	if err == nil {
		err = probe(h.path)
	}
	if err != nil {
		return fmt.Errorf("certificates cannot be kept in %s: %w; the directory and all in it must belong to the user %s (chown -R %s %s), or choose another one with --certificate-directory", h.name, err, user, user, h.name)
	}
	return nil
}

// access fails if a file or directory cannot be read and written. One that has just gone is fine: processes share the storage.
func access(name string, directory bool) error {
	var mode uint32 = unix.R_OK | unix.W_OK
	if directory {
		mode |= unix.X_OK
	}
	if err := unix.Access(name, mode); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "access", Path: name, Err: err}
	}
	return nil
}

// probe writes a file, since a file system may be full or mounted for reading only.
func probe(directory string) error {
	f, err := os.CreateTemp(directory, ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString("can this be written?\n"); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// settings are what tests change.
type settings struct {
	renewal  time.Duration                    // between two looks for certificates that are due
	ocsp     time.Duration                    // between two looks for revoked ones and staples
	window   float64                          // part of a certificate's life that is left when it is due
	retry    func(failures int) time.Duration // after so many failures before
	rest     time.Duration                    // after a certificate, before the next for the same names
	answers  time.Duration                    // see demand.life
	patience time.Duration                    // of a handshake with a certificate that is being made

	challenges []string         // types that are used; none: all
	now        func() time.Time // what the clock says
}

// complete gives fields that are zero the values that gild has.
func (s settings) complete() settings {
	s.renewal = orElse(s.renewal, 10*time.Minute)
	s.ocsp = orElse(s.ocsp, time.Hour)
	s.window = orElse(s.window, 1.0/3)
	s.rest = orElse(s.rest, time.Hour)
	s.answers = orElse(s.answers, answerLife)
	s.patience = orElse(s.patience, maxPatience)
	if s.retry == nil {
		s.retry = retry
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// retry is a minute after the first failure, longer after each, and never more than six hours. Chance keeps machines that
// failed together from coming back together.
func retry(failures int) time.Duration {
	steps := []time.Duration{1, 2, 5, 10, 20, 30, 60, 120, 180, 360}
	wait := steps[min(failures, len(steps)-1)] * time.Minute
	return wait + rand.N(wait/4)
}

// sleep waits, and says whether ctx was not done before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
