package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCertificatesMany: people are shown a bounded number of certificates, and those with trouble first; machines get all.
func TestCertificatesMany(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	s := &Status{Now: now}
	for i := range 300 {
		c := CertificateStatus{Names: []string{fmt.Sprintf("n%d.example", i)}, Source: "Let's Encrypt", NotBefore: now, NotAfter: now.AddDate(0, 2, 0)}
		if i == 299 {
			c = CertificateStatus{Names: c.Names, Missing: c.Names, Source: c.Source, Since: now, Error: "it is away"}
		}
		s.Certificates = append(s.Certificates, c)
	}
	var terminal bytes.Buffer
	if err := WriteStatus(&terminal, *s); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"terminal": terminal.String(), "page": string(renderStatusPage(s))} {
		if n := strings.Count(text, "Let&#39;s Encrypt") + strings.Count(text, "Let's Encrypt"); n != shownCertificates {
			t.Errorf("%s: %d certificates are shown", name, n)
		}
		if !strings.Contains(text, "and 250 more") || strings.Index(text, "n299.example") > strings.Index(text, "n0.example") {
			t.Errorf("%s: %s", name, text)
		}
	}
	samples, _, err := parseMetrics(string(renderMetrics(s)))
	if got, given := samples[`gild_certificate_ready{name="n299.example",source="Let's Encrypt"}`]; err != nil || !given || got != 0 {
		t.Errorf("n299.example is ready: %v, %t, %v", got, given, err)
	}
	if n := strings.Count(string(renderStatusAuto(s)), "Names: "); n != 300 {
		t.Errorf("?auto has %d certificates", n)
	}
}

// TestSomeNames: a long list is cut where that saves anything.
func TestSomeNames(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f"}
	for n, want := range map[int]string{1: "a", 4: "a, b, c, d", 5: "a, b, c and 2 more", 6: "a, b, c and 3 more"} {
		if got := some(names[:n]); got != want {
			t.Errorf("%d names are %q, want %q", n, got, want)
		}
	}
}
