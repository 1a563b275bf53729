package config

import (
	"errors"
	"fmt"
	"time"
)

// Scripts that gild asks, and that are not the application, run in process groups of their own, so that neither can disturb the
// other: in embedded mode, where there is one process, the workers run them.

// Names of the process groups that run such scripts.
const (
	permissionName = "certificates"
	accessName     = "access"
)

// permissionTimeout is how long the permission script may take for one name: a client is waiting for its handshake.
const permissionTimeout = 15 * time.Second

// accessThreads is how many requests can be looked at by scripts at once: they may wait for a database.
const accessThreads = 16

// questionGroups adds those process groups.
func (r *request) questionGroups() {
	if r.Embedded {
		return
	}
	if r.HTTPS != nil && r.HTTPS.Automatic != nil && r.HTTPS.Automatic.PermissionScript != "" {
		r.addQuestionGroup(ProcessGroup{Name: permissionName, Permission: true, Threads: 1}, permissionTimeout)
	}
	if r.Access.Scripted() {
		r.addQuestionGroup(ProcessGroup{Name: accessName, Access: true, Threads: accessThreads}, r.Access.Timeout)
	}
}

// addQuestionGroup adds a group of one process, which belongs to the user of the application and sees the same files. A script
// may take up to patience.
func (r *request) addQuestionGroup(g ProcessGroup, patience time.Duration) {
	application := r.group()
	if application.Name == g.Name {
		r.complain("--process-group", errors.New("'"+g.Name+"' is the name of the process that runs scripts beside the application; choose another"))
	}
	g.DisplayName = fmt.Sprintf("(wsgi:%s:%d)", g.Name, r.env.UID)
	g.Processes, g.MinimumProcesses, g.MaximumProcesses = 1, 1, 1
	g.User, g.Group, g.UserHome, g.Credential = application.User, application.Group, application.UserHome, application.Credential
	g.Chroot, g.Home, g.Umask, g.CPUPriority = application.Chroot, application.Home, application.Umask, application.CPUPriority
	g.Backlog, g.HeaderBufferSize = application.Backlog, application.HeaderBufferSize
	g.ResponseBufferSize, g.ResponseFlushDelay = application.ResponseBufferSize, application.ResponseFlushDelay
	g.Timeouts = questionTimeouts(application.Timeouts, patience)
	r.Groups = append(r.Groups, g)
}

// questionTimeouts are those of the application, as far as they are about processes.
func questionTimeouts(t GroupTimeouts, patience time.Duration) GroupTimeouts {
	t.Request, t.Interrupt, t.Queue = patience, 0, patience
	t.Inactivity = 0
	return t
}
