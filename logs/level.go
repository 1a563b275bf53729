package logs

import (
	"fmt"
	"strings"
)

// Level is the severity of a record: Apache's levels and numbers, the most severe first.
type Level uint8

// The levels of Apache's LogLevel directive. A log set to a level keeps that level and all more severe ones.
const (
	Emerg Level = iota
	Alert
	Crit
	Error
	Warn
	Notice
	Info
	Debug
	Trace1
	Trace2
	Trace3
	Trace4
	Trace5
	Trace6
	Trace7
	Trace8
)

var levelNames = [...]string{
	"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
	"trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8",
}

// String returns Apache's name of the level, or "level(N)" for a number that is none.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// ParseLevel returns the level called name, in either case, as Apache's LogLevel takes it. The error lists the names.
func ParseLevel(name string) (Level, error) {
	for i, known := range levelNames {
		if strings.EqualFold(name, known) {
			return Level(i), nil
		}
	}
	return 0, fmt.Errorf("unknown log level %q: give one of %s", name, strings.Join(levelNames[:], ", "))
}
