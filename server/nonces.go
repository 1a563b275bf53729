package server

import (
	"os"

	"gild/server/auth"
)

// Nonces are those of Digest, see [auth.Nonces].
type Nonces = auth.Nonces

// NewNonceFile makes the memory that all servers of a site share for their nonces. The caller owns the file.
func NewNonceFile() (*os.File, error) { return auth.NewNonceFile() }

// OpenNonces maps that memory for the life of the process. The file is not needed after it.
func OpenNonces(f *os.File) (*Nonces, error) { return auth.OpenNonces(f) }
