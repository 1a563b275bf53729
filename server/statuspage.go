package server

import (
	"bytes"
	"fmt"
	"html"
	"strconv"

	"gild/server/pagestyle"
)

// markup builds a page. All it is given as values is escaped.
type markup struct{ bytes.Buffer }

// raw adds text of our own with values of anybody's.
func (m *markup) raw(format string, values ...string) {
	escaped := make([]any, len(values))
	for i, v := range values {
		escaped[i] = html.EscapeString(printableText(v))
	}
	fmt.Fprintf(m, format, escaped...)
}

// row adds a row of cells in the given element, "td" or "th".
func (m *markup) row(element string, cells ...string) {
	m.WriteString("<tr>")
	for _, cell := range cells {
		m.raw("<"+element+">%s</"+element+">", cell)
	}
	m.WriteString("</tr>\n")
}

// boardStyle lets the scoreboard, a letter for each thread, be as many lines as it needs.
const boardStyle = ".board{white-space:pre-wrap;word-break:break-all}th{white-space:nowrap}"

// renderStatusPage is the page for people.
func renderStatusPage(s *Status) []byte {
	var m markup
	m.WriteString(pagestyle.BeginWide("gild status", boardStyle) + "<h1>gild status</h1>\n<ul>\n")
	for _, line := range summary(s) {
		m.raw("<li>%s</li>\n", line)
	}
	m.WriteString("</ul>\n")
	if len(s.Groups) > 0 {
		m.raw("<pre class=\"board\">%s</pre>\n<p>%s</p>\n", s.scoreboard(), letters)
	}
	m.certificates(s)
	for i := range s.Groups {
		m.group(s, &s.Groups[i])
	}
	m.WriteString(pagestyle.End)
	return m.Bytes()
}

// certificates adds a table of them, with what is wrong behind each.
func (m *markup) certificates(s *Status) {
	shown, others := s.notable()
	if len(shown) == 0 {
		return
	}
	m.WriteString("<h2>Certificates</h2>\n<table>\n")
	m.row("th", append(certificateColumns[:len(certificateColumns):len(certificateColumns)], "Trouble")...)
	for _, c := range shown {
		m.row("td", append(certificateCells(s, c), c.trouble())...)
	}
	m.WriteString("</table>\n")
	if others > 0 {
		m.raw("<p>%s</p>\n", othersLine(others))
	}
}

// group adds what is known of a process group.
func (m *markup) group(s *Status, g *GroupStatus) {
	m.raw("<h2>Process group %s</h2>\n<p>%s</p>\n", g.Name, groupLine(g))
	m.WriteString("<table>\n")
	m.row("th", processColumns...)
	for i := range g.Processes {
		m.row("td", processCells(s, &g.Processes[i])...)
	}
	m.WriteString("</table>\n<table>\n")
	m.row("th", threadColumns...)
	for i := range g.Processes {
		for j := range g.Processes[i].Threads {
			m.row("td", append([]string{strconv.Itoa(g.Processes[i].PID)}, threadCells(&g.Processes[i].Threads[j])...)...)
		}
	}
	m.WriteString("</table>\n")
	m.restarts(&g.Restarts)
}

// restarts adds the last restarts of a group, the newest first.
func (m *markup) restarts(r *Restarts) {
	if len(r.Last) == 0 {
		return
	}
	m.WriteString("<h3>Last restarts</h3>\n<table>\n")
	m.row("th", "When", "PID", "Reason")
	for i := len(r.Last) - 1; i >= 0; i-- {
		m.row("td", r.Last[i].When.Format(stampLayout), strconv.Itoa(r.Last[i].PID), r.Last[i].Reason)
	}
	m.WriteString("</table>\n")
}
