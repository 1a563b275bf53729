package server

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// metricsType is the media type of Prometheus' text exposition format, version 0.0.4.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// MetricsHandler serves what source says at the moment to Prometheus, whatever the path: text format 0.0.4. It answers
// every client, so it belongs on an [ExtraListener]. source is called by the goroutine of each request.
func MetricsHandler(source func() Status) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isReading(w, r) {
			return
		}
		status := source()
		sendFresh(w, metricsType, renderMetrics(&status))
	})
}

// A metric is one family: its samples are all that emit is called with, labels being names and values in turn.
type metric struct {
	name, kind, help string
	samples          func(s *Status, emit emitter)
}

type emitter func(value float64, labels ...string)

// metrics in the order they are served. Times are in seconds and sizes in bytes, as Prometheus has it.
var metrics = []metric{
	{"gild_build_info", "gauge", "Always 1; the label is the version of gild.",
		func(s *Status, emit emitter) { emit(1, "version", s.Version) }},
	{"gild_start_time_seconds", "gauge", "When this generation was started, in seconds since 1970.",
		forServer(func(s *Status) float64 { return unixTime(s.Started) })},
	{"gild_generation", "gauge", "Number of the generation; a changed configuration starts the next one.",
		forServer(func(s *Status) float64 { return float64(s.Generation) })},
	{"gild_requests_total", "counter", "Requests answered, by the first digit of the status.", emitStatuses},
	{"gild_protocol_requests_total", "counter", "Requests answered, by the protocol.", emitProtocols},
	{"gild_sent_bytes_total", "counter", "Bytes sent to clients, heads included.",
		forServer(func(s *Status) float64 { return float64(s.Sent) })},
	{"gild_received_bytes_total", "counter", "Bytes received from clients, heads included.",
		forServer(func(s *Status) float64 { return float64(s.Received) })},
	{"gild_connections", "gauge", "Open connections, by what they do.", emitConnections},
	{"gild_connections_limit", "gauge", "Connections that may be open at once.",
		forServer(func(s *Status) float64 { return float64(s.Connections.Limit) })},
	{"gild_tls_connections", "gauge", "Open connections on a port of HTTPS, by the transport.", emitSecure},
	{"gild_tls_handshake_failures_total", "counter", "Connections that ended in the handshake of TLS or QUIC.",
		forServer(func(s *Status) float64 { return float64(s.HandshakeFailures) })},
	{"gild_certificate_ready", "gauge", "1 if there is a certificate that is valid now for all the names.",
		forCertificates(func(s *Status, c *CertificateStatus) (float64, bool) { return oneIf(c.serves(s.Now)), true })},
	{"gild_certificate_expiry_timestamp_seconds", "gauge", "When the certificate ends, in seconds since 1970.",
		forCertificates(func(_ *Status, c *CertificateStatus) (float64, bool) {
			return unixTime(c.NotAfter), !c.NotAfter.IsZero()
		})},

	{"gild_group_queued_requests", "gauge", "Requests that wait for a thread.",
		forGroups(func(g *GroupStatus) float64 { return float64(g.Queued) })},
	{"gild_group_backlog", "gauge", "Requests that may wait for a thread.",
		forGroups(func(g *GroupStatus) float64 { return float64(g.Backlog) })},
	{"gild_group_restarts_total", "counter", "Processes that are gone, by reason.", emitRestarts},

	{"gild_process_ready", "gauge", "1 if the process takes requests.",
		forProcesses(func(p *ProcessStatus) float64 { return oneIf(p.State == "ready") })},
	{"gild_process_start_time_seconds", "gauge", "When the process was started, in seconds since 1970.",
		forProcesses(func(p *ProcessStatus) float64 { return unixTime(p.Started) })},
	{"gild_process_requests_total", "counter", "Requests served by the process.",
		forProcesses(func(p *ProcessStatus) float64 { return float64(p.Requests) })},
	{"gild_process_threads", "gauge", "Threads of the process, by what they do.", emitThreads},
	{"gild_process_resident_memory_bytes", "gauge", "Resident memory of the process.",
		forProcesses(func(p *ProcessStatus) float64 { return float64(p.RSS) })},
	{"gild_process_cpu_seconds_total", "counter", "User and system time of the process.",
		forProcesses(func(p *ProcessStatus) float64 { return p.CPU.Seconds() })},
	{"gild_process_gil_wait_seconds_total", "counter", "Time the threads of the process have waited for the GIL.",
		forProcesses(func(p *ProcessStatus) float64 { return p.GILWait.Seconds() })},
}

func forServer(value func(*Status) float64) func(*Status, emitter) {
	return func(s *Status, emit emitter) { emit(value(s)) }
}

// forCertificates names a certificate by its first name and its source, which are the same for the one that it is replaced by. value
// reports false when there is nothing to say.
func forCertificates(value func(*Status, *CertificateStatus) (float64, bool)) func(*Status, emitter) {
	return func(s *Status, emit emitter) {
		emitted := map[[2]string]bool{}
		for i := range s.Certificates {
			c := &s.Certificates[i]
			key := [2]string{c.Names[0], c.Source}
			if v, known := value(s, c); known && !emitted[key] { // a file that is given twice would be a sample twice
				emitted[key] = true
				emit(v, "name", key[0], "source", key[1])
			}
		}
	}
}

func forGroups(value func(*GroupStatus) float64) func(*Status, emitter) {
	return func(s *Status, emit emitter) {
		for i := range s.Groups {
			emit(value(&s.Groups[i]), "group", s.Groups[i].Name)
		}
	}
}

func forProcesses(value func(*ProcessStatus) float64) func(*Status, emitter) {
	return func(s *Status, emit emitter) {
		s.processes(func(g *GroupStatus, p *ProcessStatus) { emit(value(p), processLabels(g, p)...) })
	}
}

// processLabels name a process by its place and not by its number, so that a replacement goes on with the series.
func processLabels(g *GroupStatus, p *ProcessStatus) []string {
	return []string{"group", g.Name, "generation", strconv.Itoa(p.Generation), "process", strconv.Itoa(p.Record)}
}

func emitStatuses(s *Status, emit emitter) {
	for class, n := range s.Statuses {
		name := strconv.Itoa(class) + "xx"
		if class == 0 {
			name = "other"
		}
		emit(float64(n), "status", name)
	}
}

func emitProtocols(s *Status, emit emitter) {
	emit(float64(s.Protocols.HTTP1), "protocol", "HTTP/1")
	emit(float64(s.Protocols.HTTP2), "protocol", "HTTP/2")
	emit(float64(s.Protocols.HTTP3), "protocol", "HTTP/3")
}

func emitSecure(s *Status, emit emitter) {
	emit(float64(s.Connections.TLS), "transport", "tcp")
	emit(float64(s.Connections.QUIC), "transport", "quic")
}

func emitConnections(s *Status, emit emitter) {
	c := s.Connections
	emit(float64(c.Active), "state", "active")
	emit(float64(c.Idle), "state", "idle")
	emit(float64(max(0, c.Open-c.Active-c.Idle)), "state", "new")
}

func emitRestarts(s *Status, emit emitter) {
	for i := range s.Groups {
		g := &s.Groups[i]
		for _, reason := range slices.Sorted(maps.Keys(g.Restarts.Reasons)) {
			emit(float64(g.Restarts.Reasons[reason]), "group", g.Name, "reason", reason)
		}
	}
}

func emitThreads(s *Status, emit emitter) {
	s.processes(func(g *GroupStatus, p *ProcessStatus) {
		emit(float64(p.Busy), append(processLabels(g, p), "state", "busy")...)
		emit(float64(p.Idle), append(processLabels(g, p), "state", "idle")...)
	})
}

// renderMetrics writes each family with its samples.
func renderMetrics(s *Status) []byte {
	var b bytes.Buffer
	for _, m := range metrics {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		m.samples(s, func(value float64, labels ...string) { writeSample(&b, m.name, value, labels) })
	}
	return b.Bytes()
}

func writeSample(b *bytes.Buffer, name string, value float64, labels []string) {
	b.WriteString(name)
	separator := byte('{')
	for i := 0; i < len(labels); i += 2 {
		b.WriteByte(separator)
		fmt.Fprintf(b, `%s="%s"`, labels[i], labelEscapes.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")))
		separator = ','
	}
	if len(labels) > 0 {
		b.WriteByte('}')
	}
	b.WriteByte(' ')
	b.WriteString(strconv.FormatFloat(value, 'f', -1, 64))
	b.WriteByte('\n')
}

// labelEscapes is what the format wants inside the quotes of a label.
var labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// unixTime is 0 for an unknown time.
func unixTime(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
