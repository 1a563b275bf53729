package main

import (
	"os"
	"testing"
)

// TestMain lets the tests' program be the client that the load functions start.
func TestMain(m *testing.M) {
	if part, err := otherPart(os.Args[1:]); part {
		exitOn(err)
		return
	}
	os.Exit(m.Run())
}
