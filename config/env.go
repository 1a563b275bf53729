package config

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
)

// Env is what Parse may know of the world outside the command line. Tests make one up; gild uses SystemEnv.
type Env struct {
	Lookup             func(name string) (value string, ok bool) // environment variables
	Dir                string                                    // current directory, absolute
	UID, GID           int                                       // of this process
	Executable         string                                    // path of this gild, absolute
	PythonVersion      string                                    // of the libpython linked in, such as "3.11"
	PythonFreeThreaded bool                                      // that libpython can run without the GIL

	LookupUser    func(name string) (*user.User, error)
	LookupUserID  func(uid string) (*user.User, error)
	LookupGroup   func(name string) (*user.Group, error)
	LookupGroupID func(gid string) (*user.Group, error)
	GroupIDs      func(*user.User) ([]string, error)
}

// SystemEnv is the Env of this process. The caller says which Python is linked in, because only package cpython knows.
// The error is an *Error.
func SystemEnv(pythonVersion string, freeThreaded bool) (Env, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Env{}, complain("", "the current directory cannot be determined: %s", err)
	}
	exe, err := executable()
	if err != nil {
		return Env{}, complain("", "the path of gild itself cannot be determined: %s", err)
	}
	return Env{
		Lookup: os.LookupEnv, Dir: dir, UID: os.Geteuid(), GID: os.Getegid(), Executable: exe,
		PythonVersion: pythonVersion, PythonFreeThreaded: freeThreaded,
		LookupUser: user.Lookup, LookupUserID: user.LookupId,
		LookupGroup: user.LookupGroup, LookupGroupID: user.LookupGroupId,
		GroupIDs: (*user.User).GroupIds,
	}, nil
}

// executable is the path by which gild was called: a link to gild in a virtual environment belongs to that
// environment, as a link to python does. The kernel's own answer has all links resolved; it is the fallback.
func executable() (string, error) {
	real, err := os.Executable()
	if err != nil {
		return "", err
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil || !sameFile(called, real) {
		return real, nil
	}
	return filepath.Abs(called)
}

// sameFile says whether two paths lead to one file.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
