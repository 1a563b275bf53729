package mpm

import (
	"bytes"
	"os"
	"slices"
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
	config := bytes.Repeat([]byte("x"), maxConfig)
	if err := send(ours, config); err != nil {
		t.Fatal(err)
	}
	fd, err := descriptor(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := receiveConfig(int(fd)); err != nil || !bytes.Equal(got, config) {
		t.Errorf("%d bytes, %v, want %d", len(got), err, len(config))
	}
	o := Options{Args: []string{"x"}, Workers: 1, Log: &world{}, ServeLog: func(*os.File) error { return nil }, Config: append(config, 'x')}
	if _, err := New(o); err == nil {
		t.Error("a configuration that may not fit was accepted")
	}
}

func TestLastWins(t *testing.T) {
	got := lastWins([]string{"LANG=C", "A=1=2", "LANG=C.UTF-8", "EMPTY=", "A=3"})
	if want := []string{"LANG=C.UTF-8", "EMPTY=", "A=3"}; !slices.Equal(got, want) {
		t.Errorf("got %q want %q", got, want)
	}
}
