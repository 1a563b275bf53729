package server

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A statusKey is a line of ?auto. No name and no number has a colon, so that a line can be cut at the first one.
type statusKey[T any] struct {
	name  string
	value func(*T) any
}

// statusKeys are mod_status' for what means the same here, in its order. ConnsLimit, ConnsActive, CurrentReqPerSec and what
// follows are ours.
var statusKeys = []statusKey[Status]{
	{"ServerVersion", func(s *Status) any { return "gild/" + printableText(s.Version) }},
	{"CurrentTime", func(s *Status) any { return s.Now.Format(time.RFC1123) }},
	{"RestartTime", func(s *Status) any { return s.Started.Format(time.RFC1123) }},
	{"ParentServerConfigGeneration", func(s *Status) any { return s.Generation }},
	{"ServerUptimeSeconds", func(s *Status) any { return int64(s.uptime().Seconds()) }},
	{"ServerUptime", func(s *Status) any { return words(s.uptime()) }},
	{"Total Accesses", func(s *Status) any { return s.Requests }},
	{"Total kBytes", func(s *Status) any { return s.Sent / 1024 }},
	{"CPULoad", func(s *Status) any { return decimal(100*s.cpu().Seconds(), s.uptime().Seconds()) }},
	{"Uptime", func(s *Status) any { return int64(s.uptime().Seconds()) }},
	{"ReqPerSec", func(s *Status) any { return decimal(float64(s.Requests), s.uptime().Seconds()) }},
	{"BytesPerSec", func(s *Status) any { return decimal(float64(s.Sent), s.uptime().Seconds()) }},
	{"BytesPerReq", func(s *Status) any { return decimal(float64(s.Sent), float64(s.Requests)) }},
	{"BusyWorkers", func(s *Status) any { busy, _, _ := s.workers(); return busy }},
	{"GracefulWorkers", func(s *Status) any { _, _, graceful := s.workers(); return graceful }},
	{"IdleWorkers", func(s *Status) any { _, idle, _ := s.workers(); return idle }},
	{"ConnsTotal", func(s *Status) any { return s.Connections.Open }},
	{"ConnsLimit", func(s *Status) any { return s.Connections.Limit }},
	{"ConnsActive", func(s *Status) any { return s.Connections.Active }},
	{"ConnsAsyncKeepAlive", func(s *Status) any { return s.Connections.Idle }},
	{"CurrentReqPerSec", func(s *Status) any { return decimal(s.Rate, 1) }},
	{"ConnsTLS", func(s *Status) any { return s.Connections.TLS }},
	{"ConnsQUIC", func(s *Status) any { return s.Connections.QUIC }},
	{"HTTP1Accesses", func(s *Status) any { return s.Protocols.HTTP1 }},
	{"HTTP2Accesses", func(s *Status) any { return s.Protocols.HTTP2 }},
	{"HTTP3Accesses", func(s *Status) any { return s.Protocols.HTTP3 }},
	{"HandshakeFailures", func(s *Status) any { return s.HandshakeFailures }},
}

// certificateKeys follow for each certificate, behind its number: "Certificate0NotAfter". What is not known has an empty
// value.
var certificateKeys = []statusKey[CertificateStatus]{
	{"Names", func(c *CertificateStatus) any { return printableText(strings.Join(c.Names, ", ")) }},
	{"Missing", func(c *CertificateStatus) any { return printableText(strings.Join(c.Missing, ", ")) }},
	{"Source", func(c *CertificateStatus) any { return printableText(c.Source) }},
	{"Issuer", func(c *CertificateStatus) any { return printableText(c.Issuer) }},
	{"Key", func(c *CertificateStatus) any { return printableText(c.Key) }},
	{"NotBefore", func(c *CertificateStatus) any { return timeOf(c.NotBefore) }},
	{"NotAfter", func(c *CertificateStatus) any { return timeOf(c.NotAfter) }},
	{"Error", func(c *CertificateStatus) any { return printableText(c.Error) }},
	{"NextAttempt", func(c *CertificateStatus) any { return timeOf(c.Next) }},
}

// timeOf is empty for an unknown time.
func timeOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC1123)
}

// groupKeys follow for each group, behind its number: "Group0Queued".
var groupKeys = []statusKey[GroupStatus]{
	{"Name", func(g *GroupStatus) any { return printableText(g.Name) }},
	{"MPM", func(g *GroupStatus) any { return printableText(g.MPM) }},
	{"Queued", func(g *GroupStatus) any { return g.Queued }},
	{"Backlog", func(g *GroupStatus) any { return g.Backlog }},
	{"Restarts", func(g *GroupStatus) any { return g.Restarts.Total }},
	{"Processes", func(g *GroupStatus) any { return len(g.Processes) }},
}

// renderStatusAuto is the status for programs that read mod_status' ?auto. The scoreboard is the last line, as there.
func renderStatusAuto(s *Status) []byte {
	var b bytes.Buffer
	for _, key := range statusKeys {
		fmt.Fprintf(&b, "%s: %v\n", key.name, key.value(s))
	}
	for i := range s.Certificates {
		for _, key := range certificateKeys {
			fmt.Fprintf(&b, "Certificate%d%s: %v\n", i, key.name, key.value(&s.Certificates[i]))
		}
	}
	for i := range s.Groups {
		for _, key := range groupKeys {
			fmt.Fprintf(&b, "Group%d%s: %v\n", i, key.name, key.value(&s.Groups[i]))
		}
	}
	fmt.Fprintf(&b, "Scoreboard: %s\n", s.scoreboard())
	return b.Bytes()
}

// decimal is a/b without an exponent, or 0 where that is no number.
func decimal(a, b float64) string {
	if b <= 0 {
		return "0"
	}
	return strconv.FormatFloat(a/b, 'f', 3, 64)
}
