package mpm

import (
	"bytes"
	"errors"
	"slices"
	"syscall"
	"testing"
)

// The largest configuration that New accepts fits into the socket before anybody reads.
func TestLargestConfig(t *testing.T) {
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer theirs.Close()
	e := envelope{Files: maxFiles, Group: 1 << 30, Record: 1 << 30, Generation: 1 << 62}
	config := bytes.Repeat([]byte("x"), maxConfig)
	if err := send(ours, e.seal(config)); err != nil {
		t.Fatal(err)
	}
	for i := range 100 { // what a front may be told of before it reads
		if err := send(ours, []byte(Process{0, i, 1 << 22, "starting", "terminated by signal 11 (SIGSEGV)"}.String())); err != nil {
			t.Fatal(i, err)
		}
	}
	fd, err := descriptor(theirs)
	if err != nil {
		t.Fatal(err)
	}
	message, err := receive(int(fd))
	if err != nil {
		t.Fatal(err)
	}
	if gotE, got, err := unseal(message); err != nil || gotE != e || !bytes.Equal(got, config) {
		t.Errorf("%+v, %d bytes, %v", gotE, len(got), err)
	}
}

func TestLastWins(t *testing.T) {
	got := lastWins([]string{"LANG=C", "A=1=2", "LANG=C.UTF-8", "EMPTY=", "A=3"})
	if want := []string{"LANG=C.UTF-8", "EMPTY=", "A=3"}; !slices.Equal(got, want) {
		t.Errorf("got %q want %q", got, want)
	}
}

func TestPlanCheck(t *testing.T) {
	role := Role{Name: "g", Args: []string{"x"}, Config: []byte("{}")}
	long := role
	long.Config = bytes.Repeat([]byte("x"), maxConfig+1)
	for name, p := range map[string]Plan{
		"no group":                        {},
		"no process":                      {Groups: []Group{{Role: role}}},
		"no name":                         {Groups: []Group{{Processes: 1}}},
		"long configuration":              {Groups: []Group{{Role: long, Processes: 1}}},
		"long configuration of the front": {Front: &long, Groups: []Group{{Role: role, Processes: 1}}},
		"fewer than minimum":              {Groups: []Group{{Role: role, Processes: 1, Minimum: 2, Maximum: 3}}},
		"more than maximum":               {Groups: []Group{{Role: role, Processes: 4, Minimum: 2, Maximum: 3}}},
		"fewer records":                   {Front: &role, Groups: []Group{{Role: role, Processes: 2, Records: 1}}},
		"negative timeout":                {Groups: []Group{{Role: role, Processes: 1, Graceful: -1}}},
	} {
		if p.check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	good := Plan{Front: &role, Groups: []Group{{Role: role, Processes: 2, Records: 2}}}
	if err := good.check(); err != nil {
		t.Error(err)
	}
}

// Who does not receive is not forgotten, and what was said last arrives after the end.
func TestQueue(t *testing.T) {
	in, out := make(chan string), make(chan string)
	go queue(in, out)
	for _, message := range []string{"accept", "process 0 0 1 ready", "stop 5"} {
		in <- message
	}
	close(in)
	var got []string
	for message := range out {
		got = append(got, message)
	}
	if want := []string{"accept", "process 0 0 1 ready", "stop 5"}; !slices.Equal(got, want) {
		t.Errorf("got %q want %q", got, want)
	}
}

// A child that does not read makes sending fail, and not wait.
func TestSendToTheDeaf(t *testing.T) {
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer theirs.Close()
	for range 1 << 20 {
		if err = send(ours, []byte("accept")); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("%v", err)
	}
}
