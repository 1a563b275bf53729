package tls

import (
	"fmt"
	"path/filepath"
	"regexp"

	"gild/logs"
)

// hoard is the directory of accounts, keys and certificates. One that the supervisor keeps from other processes is reached by
// a descriptor only; people still have to be told its name.
type hoard struct {
	path string         // for system calls
	name string         // for people
	own  *regexp.Regexp // matches path in a text; nil: path is name
}

// newHoard is the directory that o names. Its descriptor must stay open.
func newHoard(o Options) hoard {
	a := o.Config.HTTPS.Automatic
	if o.Storage == nil {
		return hoard{path: a.Storage, name: a.Storage}
	}
	path := fmt.Sprintf("/proc/self/fd/%d", o.Storage.Fd())
	return hoard{path: path, name: a.PrivateStorage(), own: regexp.MustCompile(path + `\b`)}
}

// plain is a text with names of files as people know them.
func (h hoard) plain(text string) string {
	if h.own == nil {
		return text
	}
	return h.own.ReplaceAllLiteralString(text, h.name)
}

// top is the path for a walk, which follows no link.
func (h hoard) top() string {
	if h.own == nil {
		return h.path
	}
	return h.path + "/"
}

// local is where the local authority keeps its certificate and key.
func (h hoard) local() string { return filepath.Join(h.path, localKey) }

// plainLog is a log of which people understand the names of files.
type plainLog struct {
	logs.Logger
	hoard hoard
}

// Log keeps r.
func (l plainLog) Log(r logs.Record) {
	r.Message = l.hoard.plain(r.Message)
	l.Logger.Log(r)
}
