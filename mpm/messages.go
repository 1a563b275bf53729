package mpm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// envelope is the line before the configuration in the first message.
type envelope struct {
	Files      int `json:"files"`      // descriptors from 5 up
	Group      int `json:"group"`      // index in Plan.Groups; -1 for the front
	Record     int `json:"record"`     // in the arena of the group; -1 without one
	Generation int `json:"generation"` // Plan.Generation
}

// seal returns the first message.
func (e envelope) seal(config []byte) []byte {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // four numbers
	}
	return slices.Concat(line, []byte("\n"), config)
}

// unseal is the reverse of seal; config is part of message.
func unseal(message []byte) (e envelope, config []byte, err error) {
	line, config, found := bytes.Cut(message, []byte("\n"))
	if !found || len(line) > maxEnvelope {
		return e, nil, errors.New("the first message has no envelope")
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, nil, fmt.Errorf("the envelope of the first message: %w", err)
	}
	if e.Files < 0 || e.Files > maxFiles {
		return e, nil, fmt.Errorf("the envelope of the first message announces %d files", e.Files)
	}
	return e, config, nil
}

// maxFiles is more files than any child gets.
const maxFiles = 4096

// A Process is what the front is told of a process of a group.
type Process struct {
	Group, Record, PID int
	State              string // "starting", "ready", "failed", "draining" or "dead"
	Reason             string // why, in words; of one that is starting, why another was not enough; may be empty
}

// ParseProcess parses the message "process G R PID STATE REASON". The numbers are not negative; whether they exist is for the caller
// to check.
func ParseProcess(message string) (p Process, err error) {
	rest, isProcess := strings.CutPrefix(message, "process ")
	if !isProcess {
		return p, fmt.Errorf("%.40q does not tell of a process", message)
	}
	rest, err = numbers(rest, &p.Group, &p.Record, &p.PID)
	if err != nil {
		return p, err
	}
	p.State, p.Reason, _ = strings.Cut(rest, " ")
	if !slices.Contains([]string{"starting", "ready", "failed", "draining", "dead"}, p.State) {
		return p, fmt.Errorf("%.40q is no state of a process", p.State)
	}
	return p, nil
}

// String is the reverse of ParseProcess. The reason loses its line ends and whatever makes it longer than 1000 bytes.
func (p Process) String() string {
	reason := strings.ToValidUTF8(strings.Join(strings.Fields(p.Reason), " "), "?")
	text := fmt.Sprintf("process %d %d %d %s %s", p.Group, p.Record, p.PID, p.State, reason[:min(len(reason), 1000)])
	return strings.TrimRight(text, " ")
}

// Seconds parses the decimal number behind "stop" and "drain": neither negative nor more than a hundred years.
func Seconds(text string) (time.Duration, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > 100*365*24*3600 {
		return 0, fmt.Errorf("%.40q is no number of seconds", text)
	}
	return time.Duration(n * float64(time.Second)), nil
}

// seconds is the reverse of Seconds.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// numbers takes a number for each of the places from the front of text, separated by single spaces, and returns what follows.
func numbers(text string, places ...*int) (rest string, err error) {
	for _, place := range places {
		word, rest, _ := strings.Cut(text, " ")
		n, err := strconv.ParseUint(word, 10, 31)
		if err != nil {
			return "", fmt.Errorf("%.40q is no number", word)
		}
		*place, text = int(n), rest
	}
	return text, nil
}
