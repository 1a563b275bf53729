package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Rotation as by Apache's rotatelogs: the name of a log file ends with the moment at which it was opened, in UTC, and a file
// that has reached its limit is followed by another. The limit is looked at before a write, so that no line is in two files; a file
// exceeds it by what was written at once. Nobody else writes into them, hence nothing is lost on the way from one to the next.

// dated is the end of a name, behind a dot, in Go's notation.
const dated = "2006-01-02-15_04_05"

// nextName is the path of the file to open now.
func (f *file) nextName() string {
	if f.limit == 0 {
		return f.path
	}
	return f.path + "." + f.now().UTC().Format(dated)
}

// rotate begins another file if this one is full. Two of one second would have one name: as with rotatelogs it goes on
// to grow until the next. The caller holds mu.
func (f *file) rotate() []news {
	if f.limit == 0 || f.size < f.limit || f.rest != nil {
		return nil
	}
	name := f.nextName()
	if name == f.name {
		return nil
	}
	if err := f.open(name); err != nil {
		told := f.stuck
		f.stuck = true
		if told {
			return nil
		}
		return []news{{Error, fmt.Sprintf("%v; the log goes on in %s, which is full.", err, f.name)}}
	}
	f.stuck = false
	return f.prune()
}

// inPlace reports whether the open file is still the one of its name. The caller holds mu.
func (f *file) inPlace() bool {
	open, err := f.opened.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(f.name)
	return err == nil && os.SameFile(open, named)
}

// prune removes all but the newest files of this log, and never the open one, which is not the newest by its name when the clock was
// set back. The caller holds mu.
func (f *file) prune() []news {
	if f.keep == 0 {
		return nil
	}
	old := f.rotated()
	var told []news
	for _, name := range old[:max(0, len(old)-f.keep)] {
		if name == f.name {
			continue
		}
		if err := os.Remove(name); err != nil {
			told = append(told, news{Warn, fmt.Sprintf("Cannot remove an old log file: %v", err)})
		}
	}
	return told
}

// rotated are the paths of the files of this log, the oldest first.
func (f *file) rotated() []string {
	dir, prefix := filepath.Dir(f.path), filepath.Base(f.path)+"."
	entries, _ := os.ReadDir(dir) // what cannot be listed cannot be removed either
	var paths []string
	for _, entry := range entries {
		suffix, ours := strings.CutPrefix(entry.Name(), prefix)
		if _, err := time.Parse(dated, suffix); ours && err == nil && entry.Type().IsRegular() {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	slices.Sort(paths)
	return paths
}
