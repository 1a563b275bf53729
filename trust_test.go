package main

import (
	"slices"
	"testing"

	"gild/config"
	"gild/server/trust"
)

// TestTrustedHeaders: an option takes each header field that the server knows what to make of, and warns of others.
func TestTrustedHeaders(t *testing.T) {
	env, err := config.SystemEnv("3.11", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(trust.Known(), "X-Other") {
		c, err := config.Parse("start-server", []string{"--trust-proxy-header", name, "--trust-proxy", "::1"}, env)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := slices.Contains(c.Trust.Headers, name), name != "X-Other"; got != want {
			t.Errorf("%s is taken: %t", name, got)
		}
	}
}
