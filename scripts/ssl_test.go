package scripts

import (
	"crypto/tls"
	"runtime"
	"testing"
	"time"

	"gild/config"
)

// TestSSLEnviron: the variables of a connection are made once, and go with the connection.
func TestSSLEnviron(t *testing.T) {
	calls := 0
	s := &sslEnviron{variables: func(state *tls.ConnectionState, add func(key, value string)) {
		calls++
		add("SSL_TLS_SNI", state.ServerName)
	}}
	one, other := &tls.ConnectionState{ServerName: "one"}, &tls.ConnectionState{ServerName: "other"}
	if block := s.block(one); s.block(other) == block || s.block(one) != block || calls != 2 {
		t.Errorf("of two connections with two and one request the variables were made %d times", calls)
	}
	runtime.KeepAlive(other)
	for deadline := time.Now().Add(20 * time.Second); s.known() != 1; {
		if time.Now().After(deadline) {
			t.Fatalf("variables of %d connections are kept, one is open", s.known())
		}
		runtime.GC()
	}
	runtime.KeepAlive(one)
}

func (s *sslEnviron) known() (n int) {
	s.blocks.Range(func(any, any) bool { n++; return true })
	return n
}

// TestSetVariables: nothing is made that --ssl-environment did not ask for.
func TestSetVariables(t *testing.T) {
	nothing := func(*tls.ConnectionState, func(key, value string)) {}
	for _, c := range []struct {
		what      string
		https     *config.HTTPS
		variables Variables
		want      bool
	}{
		{"no HTTPS", nil, nothing, false},
		{"not asked for", &config.HTTPS{}, nothing, false},
		{"asked for", &config.HTTPS{Environment: true}, nothing, true},
		{"nobody knows any", &config.HTTPS{Environment: true}, nil, false},
	} {
		e := NewEngine(&config.Config{HTTPS: c.https}, nil, testLog)
		e.SetVariables(c.variables)
		if got := e.ssl != nil; got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
