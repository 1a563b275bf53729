package tls

import (
	"context"
	crypto "crypto/tls"
	"errors"
	"fmt"
	"testing"
	"time"

	"gild/config"
)

// There is one flight for a name, however many join it, and no more names than there is room for.
func TestFlights(t *testing.T) {
	var f flights
	land := make(chan struct{})
	work := func() (*crypto.Certificate, error) { <-land; return nil, errors.New("landed") }
	first := f.join("a", work)
	if f.join("a", work) != first {
		t.Error("two flights for one name")
	}
	for i := range maxFlights - 1 {
		if f.join(fmt.Sprint(i), work) == nil {
			t.Fatalf("no room for name %d", i)
		}
	}
	if f.join("one more", work) != nil {
		t.Error("more names than there is room for")
	}
	close(land)
	if <-first.done; first.err == nil {
		t.Error("the result is lost")
	}
	eventually(t, "room", func() bool { return f.join("a", work) != nil })
}

// A handshake waits for a flight no longer than it may, and what it finds then is no refusal of the name.
func TestAwait(t *testing.T) {
	a := &automatic{settings: settings{patience: time.Hour}}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.await(ctx, &flight{done: make(chan struct{})}, "a"); err == nil {
		t.Error("a flight that has not landed has a result")
	}
	a.settings.patience = time.Millisecond
	if _, err := a.await(context.Background(), &flight{done: make(chan struct{})}, "a"); err == nil {
		t.Error("a flight that has not landed has a result")
	}
}

// TestFlightHello: when certmagic has nothing to say it logs who asked, as it does when its cache has lost a certificate that
// a flight has waited for.
func TestFlightHello(t *testing.T) {
	s := newSite(t, &config.HTTPS{Automatic: &config.Automatic{LocalNames: []string{"localhost"}, Storage: t.TempDir()}})
	_, err := s.manager.automatic.groups[0].config.GetCertificateWithContext(t.Context(), newHello("www.example.com"))
	if err == nil {
		t.Error("a certificate out of nowhere")
	}
}
