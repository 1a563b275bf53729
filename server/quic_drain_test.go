package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// TestQUICShutdown: a running request is finished, and a connection whose client ignores GOAWAY is closed without an
// error.
func TestQUICShutdown(t *testing.T) {
	running, release := make(chan bool), make(chan bool)
	r := startQUIC(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(running)
			<-release
		}
		hello(w, r)
	}, nil)
	deaf := r.dialQUIC(t)
	got := make(chan error)
	go func() {
		resp, err := r.client.Get("https://" + r.address + "/slow")
		if err == nil {
			var text []byte
			if text, err = io.ReadAll(resp.Body); string(text) != string(helloBody) {
				err = errors.Join(err, errors.New("got "+string(text)))
			}
			resp.Body.Close()
		}
		got <- err
	}()
	<-running
	down := make(chan bool)
	go func() { r.close(t); close(down) }()
	<-deaf.Context().Done()
	var closed *quic.ApplicationError
	if _, err := deaf.OpenStream(); !errors.As(err, &closed) || closed.ErrorCode != h3NoError || !closed.Remote {
		t.Errorf("the connection ended with %v", err)
	}
	select {
	case <-down:
		t.Fatal("Shutdown has not waited for the request")
	default:
	}
	close(release)
	if err := <-got; err != nil {
		t.Errorf("the running request: %v", err)
	}
	<-down
}

// TestQUICDrainBeforeServe: what was never served ends, too.
func TestQUICDrainBeforeServe(t *testing.T) {
	certificate, key := quicIdentity(t)
	config, err := quicTLS(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	udp, files := shareSocket(t, "127.0.0.1:0")
	share, err := OpenPacketShare(socketFile(t, udp), files)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Listeners: []Listener{{Socket: tcpSocket(t)}}, Handler: http.HandlerFunc(hello), ErrorLog: &testLog{},
		QUIC: &QUIC{Share: share, TLS: config}})
	if err := s.Drain(t.Context()); err != nil {
		t.Errorf("Drain: %v", err)
	}
	if err := s.Serve(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestQUICStalled: a stream that does not become a request does not keep its connection, and a request that runs does.
func TestQUICStalled(t *testing.T) {
	running, release := make(chan bool), make(chan bool)
	r := startQUIC(t, func(w http.ResponseWriter, r *http.Request) {
		close(running)
		<-release
		hello(w, r)
	}, nil)
	got := make(chan error)
	go func() {
		resp, err := r.client.Get("https://" + r.address + "/")
		if err == nil {
			resp.Body.Close()
		}
		got <- err
	}()
	<-running
	stalled := r.dialQUIC(t)
	stream, err := stalled.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = stream.Write([]byte{1, 100}) // a HEADERS frame of 100 bytes, which do not come
	for len(r.quic.quietFor(time.Now(), 0)) == 0 {
		time.Sleep(time.Millisecond)
	}
	r.quic.closeStalled(time.Now())
	if err := stalled.Context().Err(); err != nil {
		t.Errorf("the connection was closed at once: %v", context.Cause(stalled.Context()))
	}
	r.quic.closeStalled(time.Now().Add(time.Hour))
	<-stalled.Context().Done()
	close(release)
	if err := <-got; err != nil {
		t.Errorf("the running request: %v", err)
	}
}

// TestQUICRejects: a request that was sent before its client knew of GOAWAY is refused in a way that lets it be repeated.
func TestQUICRejects(t *testing.T) {
	r := startQUIC(t, hello, nil)
	r.get(t, "/")
	deaf := r.dialQUIC(t)
	down := make(chan bool)
	go func() { r.close(t); close(down) }()
	for r.quic.goneAway.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	stream, err := deaf.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = stream.Write([]byte{1})
	_, err = stream.Read(make([]byte, 1))
	var rejected *quic.StreamError
	if !errors.As(err, &rejected) || rejected.ErrorCode != quic.StreamErrorCode(http3.ErrCodeRequestRejected) {
		t.Errorf("the request ended with %v", err)
	}
	<-down
}
