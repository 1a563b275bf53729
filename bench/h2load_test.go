package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseH2load(t *testing.T) {
	text, err := os.ReadFile("testdata/h2load.txt")
	if err != nil {
		t.Fatal(err)
	}
	log := "1795188186442157\t200\t345\n1795188186442179\t200\t460\n1795188186442529\t503\t9000\n1795188186442530\t200\t133\n"
	got, err := parseH2load(string(text), log)
	us := time.Microsecond
	want := tally{Requests: 18208, Bad: 2, Read: 3, TimedOut: 1, P50: 345 * us, P99: 345 * us, Worst: 460 * us}
	if err != nil || got != want {
		t.Errorf("parseH2load = %+v, %v; want %+v", got, err, want)
	}
}

func TestParseH2loadRefusesWhatIsNoMeasurement(t *testing.T) {
	text, err := os.ReadFile("testdata/h2load.txt")
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	for about, c := range map[string]struct{ printed, log string }{
		"another protocol": {strings.Replace(good, "protocol: h2", "protocol: http/1.1", 1), ""},
		"no protocol":      {strings.Replace(good, "Application protocol: h2\n", "", 1), ""},
		"no requests":      {"Application protocol: h2\n", ""},
		"two fields":       {good, "1795188186442157\t200\n"},
		"no number":        {good, "1795188186442157\t200\tx\n"},
	} {
		if got, err := parseH2load(c.printed, c.log); err == nil {
			t.Errorf("%s: %+v without an error", about, got)
		}
	}
}
