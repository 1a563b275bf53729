package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gild/server/pagestyle"

	"golang.org/x/tools/txtar"
)

// renderings are all ways to show a Status.
var renderings = []struct {
	name   string
	render func(*Status) []byte
}{
	{"terminal", func(s *Status) []byte {
		var b bytes.Buffer
		_ = WriteStatus(&b, *s)
		return b.Bytes()
	}},
	{"auto", renderStatusAuto},
	{"metrics", renderMetrics},
	{"page.html", func(s *Status) []byte {
		return bytes.Replace(renderStatusPage(s), []byte(pagestyle.CSS), []byte("(the style of all pages)"), 1)
	}},
	{"again.json", renderStatusJSON},
}

// TestStatusRenderings renders the status.json of each file of testdata/status and compares with the other parts.
func TestStatusRenderings(t *testing.T) {
	files, err := filepath.Glob("testdata/status/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { renderFile(t, file) })
	}
}

func renderFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	status := decodeStatus(t, archive)
	got := &txtar.Archive{Comment: archive.Comment, Files: archive.Files[:1:1]}
	for _, r := range renderings {
		got.Files = append(got.Files, txtar.File{Name: r.name, Data: r.render(status)})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if len(archive.Files) != len(got.Files) {
		t.Fatalf("%s has %d parts, want %d", file, len(archive.Files), len(got.Files))
	}
	for i, want := range archive.Files {
		if f := got.Files[i]; f.Name != want.Name || string(f.Data) != string(want.Data) {
			t.Errorf("%s: got\n%s\nwant %s:\n%s", f.Name, f.Data, want.Name, want.Data)
		}
	}
}

// decodeStatus reads the first part of an archive.
func decodeStatus(t *testing.T, archive *txtar.Archive) *Status {
	t.Helper()
	status := new(Status)
	decoder := json.NewDecoder(bytes.NewReader(archive.Files[0].Data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(status); err != nil {
		t.Fatalf("%s: %v", archive.Files[0].Name, err)
	}
	return status
}

// exampleStatus is the status of a file of testdata/status.
func exampleStatus(t *testing.T, name string) *Status {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/status/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	return decodeStatus(t, archive)
}

// TestStatusJSON: what a client of the status socket reads is what was there.
func TestStatusJSON(t *testing.T) {
	for _, name := range []string{"busy", "fresh", "hostile", "secure"} {
		want, got := exampleStatus(t, name), new(Status)
		if err := json.Unmarshal(renderStatusJSON(want), got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, error %v, want %+v", name, got, err, want)
		}
	}
}

// TestStatusLines: whatever a name holds, no line of ours can be forged and no terminal be told anything.
func TestStatusLines(t *testing.T) {
	s := exampleStatus(t, "hostile")
	for _, r := range renderings[:3] {
		text := string(r.render(s))
		if i := strings.IndexAny(text, "\x1b\t\u202e"); i >= 0 && r.name != "metrics" {
			t.Errorf("%s has a control character at %d:\n%s", r.name, i, text)
		}
		if n := strings.Count("\n"+text, "\nScoreboard: "); n > 1 {
			t.Errorf("%s has %d scoreboards:\n%s", r.name, n, text)
		}
	}
	if page := string(renderStatusPage(s)); strings.Contains(page, "<script") || strings.Contains(page, "<b>") {
		t.Errorf("the page is not escaped:\n%s", page)
	}
}

// TestRestarts: the last twenty are kept, all are counted, and reasons have a bound.
func TestRestarts(t *testing.T) {
	var r Restarts
	for i := range 100 {
		r.Add(Restart{When: time.Unix(int64(i), 0), PID: i, Reason: fmt.Sprint("reason ", i%50)})
	}
	before := r.Copy()
	r.Add(Restart{PID: 100, Reason: "reason 0"})
	if r.Total != 101 || len(r.Last) != 20 || r.Last[0].PID != 81 || r.Last[19].PID != 100 {
		t.Errorf("%d in total, kept %v", r.Total, r.Last)
	}
	if len(r.Reasons) != restartReasons+1 || r.Reasons["reason 0"] != 3 || r.Reasons[otherReason] != 40 {
		t.Errorf("%d reasons: %v", len(r.Reasons), r.Reasons)
	}
	if before.Total != 100 || before.Last[19].PID != 99 || before.Reasons["reason 0"] != 2 {
		t.Errorf("the copy has changed: %+v", before)
	}
}

// TestSizes: units change where they should.
func TestSizes(t *testing.T) {
	sizes := []uint64{0, 999, 1000, 48234496, 1 << 63}
	var got []string
	for _, n := range sizes {
		got = append(got, bytesText(n))
	}
	if want := []string{"0 B", "999 B", "1.0 kB", "48.2 MB", "9.2 EB"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	got = nil
	for _, d := range []time.Duration{0, time.Second, time.Minute, 25*time.Hour + 61*time.Second} {
		got = append(got, words(d))
	}
	if want := []string{"0 seconds", "1 second", "1 minute", "1 day 1 hour 1 minute 1 second"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
