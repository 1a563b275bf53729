package cpython

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// A story is what the helpers of the tests see of a test where there is none: an error ends the process.
type story struct{ testing.TB }

func (story) Helper()                  {}
func (story) Context() context.Context { return context.Background() }
func (story) Cleanup(func())           {}
func (story) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(1)
}
