package config

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// saysModule finds where Go code gives a record of the error log its module.
var saysModule = regexp.MustCompile(`(?:Module: +|logs\.[A-Z][a-z0-9]*, +)"([a-z0-9_]+)"`)

// TestLogModules: --log-level knows each module that a record may have.
func TestLogModules(t *testing.T) {
	found := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile("../" + path)
		for _, match := range saysModule.FindAllSubmatch(text, -1) {
			found++
			if !slices.Contains(logModules, string(match[1])) {
				t.Errorf("%s logs as %q, which --log-level refuses", path, match[1])
			}
		}
		return err
	})
	if err != nil || found < 20 {
		t.Errorf("%d places found, %v", found, err)
	}
}
