package config

import (
	"errors"
	"fmt"
	"time"
)

// permissionName is the name of the process group that runs the permission script.
const permissionName = "certificates"

// permissionTimeout is how long the permission script may take for one name: a client is waiting for its handshake.
const permissionTimeout = 15 * time.Second

// permissionGroup adds the process group that runs the permission script, so that neither can disturb the other: it
// belongs to the user of the application and sees the same files. In embedded mode the workers do it.
func (r *request) permissionGroup() {
	if r.HTTPS == nil || r.HTTPS.Automatic == nil || r.HTTPS.Automatic.PermissionScript == "" || r.Embedded {
		return
	}
	application := r.group()
	if application.Name == permissionName {
		r.complain("--process-group", errors.New("'"+permissionName+"' is the name of the process that runs the permission script; choose another"))
	}
	r.Groups = append(r.Groups, ProcessGroup{
		Name: permissionName, DisplayName: fmt.Sprintf("(wsgi:%s:%d)", permissionName, r.env.UID), Permission: true,
		Processes: 1, MinimumProcesses: 1, MaximumProcesses: 1, Threads: 1,
		User: application.User, Group: application.Group, UserHome: application.UserHome, Credential: application.Credential,
		Chroot: application.Chroot, Home: application.Home, Umask: application.Umask, CPUPriority: application.CPUPriority,
		Backlog: application.Backlog, HeaderBufferSize: application.HeaderBufferSize,
		ResponseBufferSize: application.ResponseBufferSize, ResponseFlushDelay: application.ResponseFlushDelay,
		Timeouts: permissionTimeouts(application.Timeouts),
	})
}

// permissionTimeouts are those of the application, as far as they are about processes.
func permissionTimeouts(t GroupTimeouts) GroupTimeouts {
	t.Request, t.Interrupt, t.Queue = permissionTimeout, 0, permissionTimeout
	t.Inactivity = 0
	return t
}
