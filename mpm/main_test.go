package mpm

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("u", false, "rewrite the stories with what the supervisor does")

// TestMain lets the test binary be the supervisor and the children of the tests that need processes.
func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "supervisor":
		supervisorMain()
	case "child":
		childMain()
	default:
		os.Exit(m.Run())
	}
}
