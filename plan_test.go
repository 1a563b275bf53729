package main

import (
	"os"
	"testing"

	"gild/config"
	"gild/mpm"
)

// TestAdopt: when another plan serves, the TCP sockets that it has not are closed, and the processes of the one before are told which
// these are, except that of systemd. UDP sockets stay.
func TestAdopt(t *testing.T) {
	store := newSocketStore(nil)
	open := func(key string) *os.File {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		store.files[key] = f
		return f
	}
	both := &config.Config{HTTPS: &config.HTTPS{}}
	http, https, udp, metrics := open("tcp http"), open("tcp https"), open("udp https"), open("tcp metrics")
	p := newPlanner(store, nil, nil)
	first, second, third := &mpm.Plan{}, &mpm.Plan{}, &mpm.Plan{}
	p.made[first] = &made{config: both, sockets: []*os.File{http, https, udp, metrics}}
	p.made[second] = &made{config: &config.Config{}, sockets: []*os.File{http}}
	p.made[third] = &made{config: &config.Config{}, sockets: []*os.File{open("tcp other")}}
	if got := p.adopt(second, first); got != "1" {
		t.Errorf("the first plan's processes are told %q", got)
	}
	for f, open := range map[*os.File]bool{http: true, https: false, udp: true, metrics: false} {
		if _, err := f.Stat(); (err == nil) != open {
			t.Errorf("socket %d: %v", f.Fd(), err)
		}
	}
	store.systemd = append(store.systemd, http)
	if got := p.adopt(third, second); got != "" {
		t.Errorf("of systemd's socket it is said %q", got)
	}
	p.retire(first)
	if _, err := udp.Stat(); err == nil {
		t.Error("the UDP socket of a plan that is gone is open")
	}
}
