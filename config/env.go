package config

import (
	"os"
	"os/user"
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
}

// SystemEnv is the Env of this process. The caller says which Python is linked in, because only package cpython knows.
func SystemEnv(pythonVersion string, freeThreaded bool) (Env, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Env{}, &Error{Message: "the current directory cannot be determined: " + err.Error()}
	}
	exe, err := os.Executable()
	if err != nil {
		return Env{}, &Error{Message: "the path of gild itself cannot be determined: " + err.Error()}
	}
	return Env{
		Lookup: os.LookupEnv, Dir: dir, UID: os.Geteuid(), GID: os.Getegid(), Executable: exe,
		PythonVersion: pythonVersion, PythonFreeThreaded: freeThreaded,
		LookupUser: user.Lookup, LookupUserID: user.LookupId,
		LookupGroup: user.LookupGroup, LookupGroupID: user.LookupGroupId,
	}, nil
}
