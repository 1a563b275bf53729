package cpython

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func init() {
	stories["events"] = storyEvents
	stories["active"] = storyActive
	stories["process-events"] = storyProcessEvents
}

// storyEvents subscribes in the main interpreter only, and then makes requests of all kinds.
func storyEvents() {
	storyPool(func(c *Config) { c.ProcessGroup = "group" })
	play("subscribe")
	play("added", "WRAP", "1", "mod_wsgi.callable_object", "name", "mod_wsgi.server_pid", "17")
	play("events_kept")
	play("use_data", "mod_wsgi.request_id", "given")
	play("use_data", "RAISE", "1")
	play("raises_after")
	play("events_kept")
	playIn(inSecond, "added")
}

// An event is what a subscriber got.
type event struct {
	name string
	keys map[string]any
}

func (e *event) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.name, &e.keys})
}

// keptEvents are those of the answer number i of a story that are about a request.
func keptEvents(t *testing.T, out string, i int) []event {
	t.Helper()
	var events []event
	lines := slices.DeleteFunc(strings.Split(out, "\n"), func(line string) bool { return !strings.HasPrefix(line, "answer: 200 [[") })
	if i >= len(lines) {
		t.Fatalf("no answer %d in %s", i, out)
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(lines[i], "answer: 200 ")), &events); err != nil {
		t.Fatal(err)
	}
	return events
}

func names(events []event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%s ", e.name)
	}
	return b.String()
}

// sorted are the keys of an event.
func (e *event) sorted() string {
	var list []string
	for key := range e.keys {
		list = append(list, key)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestEvents: the events of a request come in order, with the keys of section 5.5; a subscriber can change the environ and
// the application, and one that fails is logged and harms nobody.
func TestEvents(t *testing.T) {
	out, state := tell(t, "events")
	if !state.Success() || !strings.Contains(out, "answer: 200 wrapped: by a subscriber\n") || !strings.HasSuffix(out, "answer: 200 nothing\n") {
		t.Fatalf("%v: %s", state, out)
	}
	for _, line := range []string{
		"log: Exception occurred in a callback for event 'request_finished'.\n",
		"log: SystemExit exception raised by a callback for event 'response_started'; ignored.\n",
		"ValueError: of a subscriber\n",
		"log: KeyError exception raised processing WSGI script 'main.wsgi' for main interpreter of daemon process 'group'.\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in %s", line, out)
		}
	}
	checkFirst(t, keptEvents(t, out, 0))
	checkFailures(t, keptEvents(t, out, 1))
}

// checkFirst looks at a request that went well, after the one that subscribed, which is not followed to its end. plain()
// has taken request_environ out.
func checkFirst(t *testing.T, events []event) {
	t.Helper()
	if got, want := names(events), "response_started request_started response_started request_finished "; got != want {
		t.Fatalf("the events were %s, want %s", got, want)
	}
	const (
		started  = "application_object application_start callable_object daemon_connects daemon_restarts daemon_start merged queue_start request_data request_id request_start server_pid thread_id"
		response = "exception_info merged request_data request_id response_headers response_status"
		finished = "application_finish application_start application_time cpu_system_time cpu_time cpu_user_time daemon_start gil_wait_count gil_wait_time input_length input_reads input_time merged output_length output_time output_writes queue_start request_data request_id request_start status thread_id"
	)
	for i, want := range map[int]string{1: started, 2: response, 3: finished} {
		if got := events[i].sorted(); got != want {
			t.Errorf("%s has %s, want %s", events[i].name, got, want)
		}
	}
	begin, end := events[1].keys, events[3].keys
	if begin["callable_object"] != "name" || begin["server_pid"] != "17" || begin["daemon_connects"] != 1.0 || begin["merged"] != "request_started" {
		t.Errorf("request_started: %v", begin)
	}
	if e := events[2].keys; e["response_status"] != "200 OK" || e["exception_info"] != nil {
		t.Errorf("response_started: %v", e)
	}
	if end["status"] != 200.0 || end["output_length"] != float64(len("wrapped: by a subscriber")) || end["output_writes"] != 2.0 {
		t.Errorf("request_finished: %v", end)
	}
	if begin["request_id"] != end["request_id"] || events[0].keys["request_id"] == end["request_id"] {
		t.Error("the id of a request changed, or is that of another one")
	}
	times := []float64{0}
	for _, key := range []string{"request_start", "queue_start", "daemon_start", "application_start", "application_finish"} {
		times = append(times, end[key].(float64))
	}
	if !slices.IsSorted(times[2:]) || time.Since(time.Unix(int64(times[1]), 0)) > time.Hour {
		t.Errorf("the times are %f", times)
	}
}

// checkFailures looks at requests that failed, before and after their head; the first event is the end of events_kept.
func checkFailures(t *testing.T, events []event) {
	t.Helper()
	const want = "response_started request_finished request_started response_started request_finished " +
		"request_started request_exception request_finished request_started response_started request_exception request_finished "
	if got := names(events); got != want {
		t.Fatalf("the events were %s, want %s", got, want)
	}
	if e := events[4].keys; e["request_id"] != "given" || e["request_data"].(map[string]any)["mine"] != "kept" || e["input_reads"] != 1.0 {
		t.Errorf("request_finished: %v", e)
	}
	if e := events[6].keys; fmt.Sprint(e["exception_info"]) != "[type KeyError traceback]" || e["request_data"].(map[string]any)["mine"] != "kept" {
		t.Errorf("request_exception: %v", e)
	}
	if a, b := events[7].keys["status"], events[11].keys["status"]; a != 500.0 || b != 200.0 {
		t.Errorf("a request that failed before its head has status %v, one that failed after it %v", a, b)
	}
}

// storyActive asks for the active requests, twice: their dict is made at the first time.
func storyActive() {
	storyPool(nil)
	play("active", "NAME", "one")
	play("active", "NAME", "two")
}

func TestActiveRequests(t *testing.T) {
	const outside = `["RuntimeError: mod_wsgi.request_data() called on a thread that serves no request"]`
	want := fmt.Sprintf("answer: 200 [[{\"name\": \"one\"}], %s]\nanswer: 200 [[{\"name\": \"two\"}], %[1]s]\n", outside)
	if out, state := tell(t, "active"); out != want || !state.Success() {
		t.Errorf("%v: %s\nwant %s", state, out, want)
	}
}

// storyProcessEvents publishes from the prelude, as a process does with a signal or at its end.
func storyProcessEvents() {
	storyPool(nil)
	play("subscribe_process")
	for _, name := range []string{"process_signal", "process_stopping"} {
		if _, err := storyPython.Ask("process_event", name, time.Minute); err != nil {
			fmt.Println("error:", err)
		}
	}
	play("process_events")
}

func TestProcessEvents(t *testing.T) {
	const want = `answer: 200 [["event", "process_signal", "process_signal"], ["signal", "process_signal", "process_signal"], ` +
		`["event", "process_stopping", "process_stopping"], ["shutdown", "process_stopping", "process_stopping"]]`
	if out, state := tell(t, "process-events"); !strings.Contains(out, want) || !state.Success() {
		t.Errorf("%v: %s\nwant %s", state, out, want)
	}
}
