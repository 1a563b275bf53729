package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// rewriteDefault is the file in the server root that is read when no other is given, as mod_wsgi-express has it.
const rewriteDefault = "rewrite.conf"

// rewriting reads the file with rewrite rules. Whether it has any sense is for those to say who apply them.
func (r *request) rewriting() {
	if r.Rewrite.File == "" {
		file := filepath.Join(r.ServerRoot, rewriteDefault)
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			return
		}
		r.Rewrite.File = file
	}
	text, err := readText(r.Rewrite.File)
	if err != nil {
		r.complain("--rewrite-rules", err)
		return
	}
	r.Rewrite.Text = text
}

// readText is the text of a file that people write. Only a regular file of a sensible size will do: it is read again when the
// configuration is reloaded.
func readText(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("the file cannot be read: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("'%s' is not a regular file", path)
	case info.Size() > largestFile:
		return "", fmt.Errorf("'%s' has %d bytes, the most is %d", path, info.Size(), largestFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the file cannot be read: %w", err)
	}
	return string(text), nil
}
