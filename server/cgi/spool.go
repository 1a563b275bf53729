package cgi

import (
	"bytes"
	"io"
	"os"

	"github.com/pkg/errors"
)

// SpoolMemory is how many bytes of a body are kept in memory.
const SpoolMemory = 64 << 10

// A Spooled is a whole body, in memory or in a temporary file that no other process can open. Close it.
type Spooled struct {
	io.Reader
	Length int64
	file   *os.File // nil: it is in memory
}

// Spool reads a body to its end, since programs have to be told its length (RFC 3875 section 4.1.2). The error is that of the body,
// or of the directory for temporary files.
func Spool(body io.Reader) (*Spooled, error) {
	var head bytes.Buffer
	n, err := io.CopyN(&head, body, SpoolMemory)
	if err == io.EOF {
		return &Spooled{Reader: &head, Length: n}, nil
	}
	if err != nil {
		return nil, err
	}
	return spoolFile(io.MultiReader(&head, body))
}

// spoolFile writes a body to a file without a name.
func spoolFile(body io.Reader) (*Spooled, error) {
	f, err := os.CreateTemp("", "gild-body-")
	if err != nil {
		return nil, errors.Wrap(err, "a request body cannot be kept")
	}
	s := &Spooled{Reader: f, file: f}
	if err = os.Remove(f.Name()); err == nil {
		s.Length, err = io.Copy(f, body)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return s, nil
}

// Close frees the file.
func (s *Spooled) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
