package server

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// stampLayout shows points in time to people.
const stampLayout = "2006-01-02 15:04:05"

// WriteStatus writes s for a terminal, as `gild status` shows it. The error is that of w.
func WriteStatus(w io.Writer, s Status) error {
	var b bytes.Buffer
	for _, line := range summary(&s) {
		fmt.Fprintln(&b, line)
	}
	writeCertificates(&b, &s)
	for i := range s.Groups {
		writeGroup(&b, &s, &s.Groups[i])
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeCertificates lists certificates, and below them what is wrong with them.
func writeCertificates(b *bytes.Buffer, s *Status) {
	shown, others := s.notable()
	if len(shown) == 0 {
		return
	}
	fmt.Fprintln(b, "\nCertificates:")
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	writeRow(t, certificateColumns)
	for _, c := range shown {
		writeRow(t, certificateCells(s, c))
	}
	_ = t.Flush() // into memory
	if others > 0 {
		fmt.Fprintln(b, "  "+othersLine(others))
	}
	for _, c := range shown {
		if trouble := c.trouble(); trouble != "" {
			fmt.Fprintf(b, "  %s: %s\n", printableText(c.Names[0]), printableText(trouble))
		}
	}
}

func writeGroup(b *bytes.Buffer, s *Status, g *GroupStatus) {
	fmt.Fprintf(b, "\nProcess group %s: %s\n", printableText(g.Name), groupLine(g))
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	writeRow(t, processColumns)
	for i := range g.Processes {
		writeRow(t, processCells(s, &g.Processes[i]))
	}
	_ = t.Flush() // into memory
	writeThreads(b, g)
	for i := len(g.Restarts.Last) - 1; i >= 0; i-- {
		r := &g.Restarts.Last[i]
		fmt.Fprintf(b, "  %s  process %d gone: %s\n", r.When.Format(stampLayout), r.PID, printableText(r.Reason))
	}
}

// writeThreads lists what the threads do that do something.
func writeThreads(b *bytes.Buffer, g *GroupStatus) {
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	heading := threadColumns
	for i := range g.Processes {
		for j := range g.Processes[i].Threads {
			if thread := &g.Processes[i].Threads[j]; thread.State != "idle" {
				writeRow(t, heading)
				heading = nil
				writeRow(t, append([]string{strconv.Itoa(g.Processes[i].PID)}, threadCells(thread)...))
			}
		}
	}
	_ = t.Flush()
}

// writeRow adds a row to a table, indented by two; nil is none.
func writeRow(t *tabwriter.Writer, cells []string) {
	if cells == nil {
		return
	}
	shown := make([]string, len(cells))
	for i, cell := range cells {
		shown[i] = printableText(cell)
	}
	fmt.Fprintln(t, "  "+strings.Join(shown, "\t"))
}

// summary is the server in three lines, or four with HTTPS.
func summary(s *Status) []string {
	busy, idle, graceful := s.workers()
	c := s.Connections
	lines := []string{
		fmt.Sprintf("gild %s, generation %d, up %s since %s", s.Version, s.Generation, words(s.uptime()), s.Started.Format(stampLayout)),
		fmt.Sprintf("%d requests, %.1f a second; %s sent, %s received; %d server errors (5xx)",
			s.Requests, s.Rate, bytesText(s.Sent), bytesText(s.Received), s.Statuses[5]),
		fmt.Sprintf("%d of %d connections: %d in a request, %d kept; threads: %d busy, %d idle, %d finishing",
			c.Open, c.Limit, c.Active, c.Idle, busy, idle, graceful),
	}
	if s.speaksTLS() {
		lines = append(lines, protocolsLine(s))
	}
	return lines
}

// groupLine is a process group in one line.
func groupLine(g *GroupStatus) string {
	return fmt.Sprintf("MPM %s, %d of %d requests queued, %d restarts", g.MPM, g.Queued, g.Backlog, g.Restarts.Total)
}

var (
	processColumns = []string{"PID", "Record", "Generation", "State", "Up", "Requests", "Busy", "Idle", "Memory", "CPU", "GIL wait"}
	threadColumns  = []string{"PID", "Thread", "TID", "State", "Since", "Requests", "Request"}
)

func processCells(s *Status, p *ProcessStatus) []string {
	return []string{strconv.Itoa(p.PID), strconv.Itoa(p.Record), strconv.Itoa(p.Generation), p.State,
		max(0, s.Now.Sub(p.Started)).Round(time.Second).String(), strconv.FormatUint(p.Requests, 10),
		strconv.Itoa(p.Busy), strconv.Itoa(p.Idle), bytesText(uint64(max(0, p.RSS))), seconds(p.CPU) + " s", seconds(p.GILWait) + " s"}
}

// threadCells is a thread without its process.
func threadCells(t *ThreadStatus) []string {
	return []string{strconv.Itoa(t.Number), strconv.Itoa(t.TID), t.State, seconds(t.Since) + " s",
		strconv.FormatUint(t.Requests, 10), t.Request}
}

// seconds are shown with as many digits as matter to people.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// words is a length of time as mod_status writes it: "1 day 1 second".
func words(d time.Duration) string {
	rest := int64(d.Seconds())
	var parts []string
	for _, unit := range []struct {
		name    string
		seconds int64
	}{{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}} {
		n := rest / unit.seconds
		rest %= unit.seconds
		switch {
		case n == 1:
			parts = append(parts, "1 "+unit.name)
		case n > 1 || unit.seconds == 1 && parts == nil:
			parts = append(parts, fmt.Sprintf("%d %ss", n, unit.name))
		}
	}
	return strings.Join(parts, " ")
}

// bytesText is a number of bytes with its unit: powers of 1000.
func bytesText(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= 1000 && unit < len(" kMGTPE")-1 {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, " kMGTPE"[unit])
}

// printableText makes text of clients safe for a line of a terminal or of a format: control characters are escaped.
func printableText(s string) string {
	strange := func(r rune) bool { return !strconv.IsPrint(r) || r == '\uFFFD' } // which also stands for bad UTF-8
	if strings.IndexFunc(s, strange) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
