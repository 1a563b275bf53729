package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"gild/config"

	"golang.org/x/sys/unix"
)

// errRoot is what is said when the user that was asked for is root. An application that should run as root is one for which
// no user is asked.
var errRoot = errors.New("--user: WSGI process blocked from running as root; without --user it may")

// enter gives up the rights of root for good, in a process that was started as root because of root, the directory of a
// chroot. From then on the process is who the credential says, sees nothing outside of root, and works in the directory home,
// which is a path inside of root; "" is root itself. It holds for every thread of the process.
//
// Call it before Python starts, and open before whatever is outside of root. After an error the process is in an
// undefined state and must end.
func enter(root, home string, who config.Credential) error {
	if who.UID == 0 {
		return errRoot
	}
	if err := syscall.Chroot(root); err != nil {
		return fmt.Errorf("--chroot %s: %w", root, err)
	}
	// The directory the process was in is outside, and would be a way out.
	if err := syscall.Chdir("/"); err != nil {
		return fmt.Errorf("--chroot %s: chdir: %w", root, err)
	}
	if err := become(who); err != nil {
		return fmt.Errorf("--user: %w", err)
	}
	// Only now, so that it is a directory which the user may enter.
	if home == "" {
		return nil
	}
	if err := os.Chdir(home); err != nil {
		return fmt.Errorf("--working-directory, inside of --chroot %s: %w", root, err)
	}
	return nil
}

// seclude makes a front that was started as root the user's, and keeps other processes of that user, which the application is, from
// its memory and descriptors: keys, and requests for others. They cannot trace it, nor read /proc/PID/fd, mem and environ (ptrace(2),
// PR_SET_DUMPABLE of prctl(2)). It leaves no core either. A process that the kernel makes the user's before exec would be open to them
// until it gets here. Where all are one user that is not root, there is nothing to keep.
func seclude(c *config.Config) error {
	if !c.Separated() {
		return nil
	}
	if err := become(*c.Credential); err != nil {
		return fmt.Errorf("--user: %w", err)
	}
	// The change of the user has done it already, unless fs.suid_dumpable says otherwise.
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

// become changes user and groups. The groups come first: who is not root any more cannot change them. It does not trust
// the system calls, some of which have been known to succeed in part.
func become(who config.Credential) error {
	groups := make([]int, len(who.Groups))
	for i, id := range who.Groups {
		groups[i] = int(id)
	}
	uid, gid := int(who.UID), int(who.GID)
	if err := syscall.Setgroups(groups); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return os.NewSyscallError("setresgid", err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return os.NewSyscallError("setresuid", err)
	}
	return verify(uid, gid, groups)
}

// verify says whether the process is who it should be, and cannot become root again.
func verify(uid, gid int, groups []int) error {
	ruid, euid, suid := unix.Getresuid()
	rgid, egid, sgid := unix.Getresgid()
	if got := [6]int{ruid, euid, suid, rgid, egid, sgid}; got != [6]int{uid, uid, uid, gid, gid, gid} {
		return fmt.Errorf("the process should have user %d and group %d, but has (real, effective, saved) %v", uid, gid, got)
	}
	got, err := syscall.Getgroups()
	if err != nil {
		return os.NewSyscallError("getgroups", err)
	}
	if !slices.Equal(sorted(got), sorted(groups)) {
		return fmt.Errorf("the process should have the supplementary groups %v, but has %v", groups, got)
	}
	if syscall.Setuid(0) == nil {
		return fmt.Errorf("user %d was able to become root again", uid)
	}
	return nil
}

// sorted returns the numbers in order, each once.
func sorted(numbers []int) []int { return slices.Compact(slices.Sorted(slices.Values(numbers))) }
