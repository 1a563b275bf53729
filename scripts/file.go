package scripts

import (
	"io"

	"gild/cpython"
	"gild/server"

	"github.com/pkg/errors"
)

// sendFile sends the file that wsgi.file_wrapper left, with sendfile(2) where the connection allows it.
func (e *Engine) sendFile(slot *cpython.Request, x *server.Exchange) error {
	file, length, err := slot.File()
	if file == nil {
		return err
	}
	defer file.Close()
	n, err := io.CopyN(x, file, length)
	if err == io.EOF {
		err = errors.Errorf("the file became shorter while it was sent: %d of %d bytes", n, length)
	}
	return err
}
