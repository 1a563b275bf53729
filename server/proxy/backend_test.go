package proxy

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// recorder is a Client that keeps the response.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) StopBody()                     {}
func (recorder) FullDuplex() error             { return nil }
func (recorder) Tunnel() (ClientTunnel, error) { return nil, http.ErrNotSupported }

// TestInterimKeepsHeader: what was in the response before it was asked for, such as Authentication-Info, is there also after an
// interim response, which begins with an empty header (RFC 9110 section 15.2).
func TestInterimKeepsHeader(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("X-Backend", "yes")
	}))
	defer server.Close()
	b, err := New(Options{URL: server.URL, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer b.transport.CloseIdleConnections()
	w := recorder{httptest.NewRecorder()}
	w.Header().Set("Authentication-Info", "qop=auth")
	if err := b.Forward(w, httptest.NewRequest("GET", "/", nil), &Origin{Client: "192.0.2.1", Scheme: "http"}); err != nil {
		t.Fatal(err)
	}
	h := w.Header()
	if h.Get("Authentication-Info") == "" || h.Get("X-Backend") == "" || h.Get("Link") != "" {
		t.Errorf("the header is %v", h)
	}
}
