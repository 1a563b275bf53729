package scripts

import (
	"context"
	"os"
	"time"

	"gild/logs"

	"github.com/fsnotify/fsnotify"
)

const (
	// watchInterval is how long it takes at most until a change is found that the system tells of, or whose file is polled.
	watchInterval = time.Second
	// slowCheck is every how many intervals all files are looked at, for the changes that no system tells of: a directory
	// that became another by a symbolic link, a file system of another machine.
	slowCheck = 5
)

// A watcher finds changes of files. All of it belongs to the goroutine of run.
type watcher struct {
	list    func() ([]string, error)
	log     logs.Logger
	changed chan string

	files       map[string]*watchedFile
	directories directories
	looks       int  // how often it has looked
	everything  bool // the next look is at all files
	listless    bool // list has failed, and the log knows
}

// Watch watches files until ctx ends, and returns a channel of changes. list is called every second and returns the files of
// the moment, such as those of all loaded modules; after an error those of the call before stay. What is not a regular file
// is ignored; in place of a .pyc file its .py file is watched, if there is one.
//
// A change is another time of modification, size or inode, the end of a file, or its return. Of several files that changed at
// once the first path is sent. One change waits in the channel until it is received; those after it are only logged.
// Watching goes on after a change: the process may have to stay when the changed code does not work.
func Watch(ctx context.Context, list func() ([]string, error), log logs.Logger) <-chan string {
	w := newWatcher(list, log, newDirectories(fsnotify.NewWatcher))
	go func() {
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		w.run(ctx, ticker.C)
	}()
	return w.changed
}

// newWatcher returns a watcher that has not looked yet.
func newWatcher(list func() ([]string, error), log logs.Logger, d directories) *watcher {
	w := &watcher{list: list, log: log, changed: make(chan string, 1), files: map[string]*watchedFile{}, directories: d}
	w.complain(d.err)
	return w
}

// run looks at once, and whenever the clock ticks.
func (w *watcher) run(ctx context.Context, clock <-chan time.Time) {
	defer w.directories.close()
	w.begin()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.directories.events:
			w.directories.mark(event)
		case <-w.directories.errors: // the kernel's queue was too short
			w.everything = true
		case <-clock:
			w.look()
		}
	}
}

// begin is the first look. The log says that it has started only when a change would be noticed.
func (w *watcher) begin() {
	w.look()
	w.say(logs.Notice, "Starting change monitor.")
}

// look asks which files there are and compares those that may have changed.
func (w *watcher) look() {
	w.follow()
	w.everything = w.everything || w.looks%slowCheck == 0
	w.looks++
	first := ""
	for _, path := range w.sorted() {
		f := w.files[path]
		if (w.everything || f.isSuspect()) && f.hasChanged() && first == "" {
			first = path
		}
	}
	w.everything = false
	w.directories.clear()
	if first != "" {
		w.report(first)
	}
}

// report tells of a change.
func (w *watcher) report(path string) {
	w.say(logs.Notice, "Change detected to \"%s\".", path)
	w.say(logs.Notice, "Triggering process restart.")
	select {
	case w.changed <- path:
	default: // the change before has not been received; it asks for the same
	}
}

// say logs for the monitor, with the words before it that mod_wsgi-express has.
func (w *watcher) say(level logs.Level, format string, args ...any) {
	logs.Printf(w.log, level, "wsgi", "monitor (pid=%d): "+format, append([]any{os.Getpid()}, args...)...)
}

// complain says why changes are found by polling, if they are.
func (w *watcher) complain(err error) {
	if err != nil {
		w.say(logs.Warn, "Changes are looked for every second, since the system cannot tell of them: %v", err)
	}
}
