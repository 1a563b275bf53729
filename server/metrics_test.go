package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// What Prometheus' text format 0.0.4 allows in a line.
var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S[^\\]*$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	labelPair  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)`)
)

// parseMetrics reads an exposition strictly: each family once and whole, HELP before TYPE before its samples, no sample
// twice, counters named _total and not negative. It returns the samples by name and labels, as in `name{a="b"}`, and the
// values of all labels.
func parseMetrics(text string) (samples map[string]float64, labels []string, err error) {
	samples = map[string]float64{}
	kinds := map[string]string{}
	helped, current := "", ""
	if !utf8.ValidString(text) || !strings.HasSuffix(text, "\n") {
		return nil, nil, fmt.Errorf("not lines of UTF-8")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if m := helpLine.FindStringSubmatch(line); m != nil {
			helped = m[1]
		} else if m := typeLine.FindStringSubmatch(line); m != nil {
			if current = m[1]; helped != current || kinds[current] != "" {
				return nil, nil, fmt.Errorf("TYPE without HELP, or twice: %q", line)
			}
			if kinds[current] = m[2]; (m[2] == "counter") != strings.HasSuffix(current, "_total") {
				return nil, nil, fmt.Errorf("the name does not fit: %q", line)
			}
		} else if values, err := parseSample(line, current, kinds[current], samples); err == nil {
			labels = append(labels, values...)
		} else {
			return nil, nil, err
		}
	}
	return samples, labels, nil
}

// parseSample adds a sample of the family name and returns the values of its labels.
func parseSample(line, name, kind string, samples map[string]float64) (labels []string, err error) {
	m := sampleLine.FindStringSubmatch(line)
	if m == nil || m[1] != name {
		return nil, fmt.Errorf("no sample of %s: %q", name, line)
	}
	for rest := m[2]; rest != ""; {
		pair := labelPair.FindStringSubmatch(rest)
		if pair == nil {
			return nil, fmt.Errorf("bad labels: %q", line)
		}
		labels = append(labels, strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(pair[2]))
		rest = rest[len(pair[0]):]
	}
	value, err := strconv.ParseFloat(m[3], 64)
	key := strings.TrimSuffix(line, " "+m[3])
	if _, twice := samples[key]; err != nil || twice || kind == "counter" && value < 0 {
		return nil, fmt.Errorf("bad value, or twice: %q", line)
	}
	samples[key] = value
	return labels, nil
}

func TestMetrics(t *testing.T) {
	for _, name := range []string{"busy", "fresh", "hostile", "secure"} {
		if _, _, err := parseMetrics(string(renderMetrics(exampleStatus(t, name)))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	samples, _, err := parseMetrics(string(renderMetrics(exampleStatus(t, "busy"))))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		`gild_requests_total{status="2xx"}`:                                                      120000,
		`gild_connections{state="new"}`:                                                          2,
		`gild_group_restarts_total{group="localhost:8000",reason="maximum_requests"}`:            2,
		`gild_process_threads{group="localhost:8000",generation="3",process="0",state="busy"}`:   1,
		`gild_process_gil_wait_seconds_total{group="localhost:8000",generation="3",process="0"}`: 1.5,
		`gild_process_resident_memory_bytes{group="localhost:8000",generation="3",process="0"}`:  48234496,
		`gild_process_ready{group="localhost:8000",generation="3",process="1"}`:                  0,
		`gild_start_time_seconds`: 1795168800,
	} {
		if got, given := samples[name]; !given || got != want {
			t.Errorf("%s is %v, given %t, want %v", name, got, given, want)
		}
	}
}

// TestMetricsHTTPS: there is an end for each certificate that is there, and for each that is not, that it is not.
func TestMetricsHTTPS(t *testing.T) {
	samples, _, err := parseMetrics(string(renderMetrics(exampleStatus(t, "secure"))))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		`gild_protocol_requests_total{protocol="HTTP/3"}`:                                                     20,
		`gild_tls_connections{transport="quic"}`:                                                              3,
		`gild_tls_handshake_failures_total`:                                                                   3,
		`gild_certificate_ready{name="f.example.com",source="acme.example.com"}`:                              0,
		`gild_certificate_ready{name="old.example.com",source="file /etc/site/old.crt"}`:                      0,
		`gild_certificate_ready{name="renew.example.com",source="Let's Encrypt"}`:                             1,
		`gild_certificate_expiry_timestamp_seconds{name="localhost",source="gild itself"}`:                    1800439200,
		`gild_certificate_expiry_timestamp_seconds{name="www.example.com",source="file /etc/site/ecdsa.crt"}`: 1800439200,
	} {
		if got, given := samples[name]; !given || got != want {
			t.Errorf("%s is %v, given %t, want %v", name, got, given, want)
		}
	}
	if end, given := samples[`gild_certificate_expiry_timestamp_seconds{name="f.example.com",source="acme.example.com"}`]; given {
		t.Errorf("a certificate that is not there ends at %v", end)
	}
}

// TestParseMetrics shows that the parser of these tests can refuse.
func TestParseMetrics(t *testing.T) {
	const head = "# HELP a_total Words.\n# TYPE a_total counter\n"
	for _, text := range []string{"", "a_total 1\n", head + "a_total 1", head + "b_total 1\n", head + "a_total{x=\"1} 1\n",
		head + "a_total{x=\"\\q\"} 1\n", head + "a_total one\n", head + "a_total 1\na_total 1\n", head + head,
		"# HELP a Words.\n# TYPE a counter\n", head + "a_total -1\n", "# TYPE a_total counter\n", head + "a_total{x=\"\xff\"} 1\n"} {
		if _, _, err := parseMetrics(text); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

// FuzzMetrics: whatever a group is called, the exposition can be read, and the name found in it.
func FuzzMetrics(f *testing.F) {
	for _, name := range []string{"localhost:8000", `a"b\c`, "line\nend", "\xff", `\n`, `{,}=" 1`, "\r"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s := &Status{Groups: []GroupStatus{{Name: name}}}
		_, labels, err := parseMetrics(string(renderMetrics(s)))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(name, "\uFFFD"); !slices.Contains(labels, want) {
			t.Fatalf("labels %q, want %q among them", labels, want)
		}
	})
}

// TestMetricsHandler: the media type is what Prometheus wants.
func TestMetricsHandler(t *testing.T) {
	h := MetricsHandler(func() Status { return Status{} })
	for method, want := range map[string]int{http.MethodGet: 200, http.MethodPost: 405} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/metrics", nil))
		if w.Code != want || want == 200 && w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}
