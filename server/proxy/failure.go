package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// A Failure says why a request could not be passed on, or its response not passed back.
type Failure struct {
	Status int    // 502 or 504, for a client that was told nothing so far; 400 if it is to blame itself
	Client bool   // the client has left, or its request has failed: nothing is wrong with the backend
	Reason string // what happened, in words for the log
	Err    error  // never nil
}

// Error says both.
func (f *Failure) Error() string { return f.Reason + ": " + f.Err.Error() }

// Unwrap gives the cause to errors.Is.
func (f *Failure) Unwrap() error { return f.Err }

// blame is a Failure of the client.
func blame(reason string, err error) *Failure {
	return &Failure{Status: http.StatusBadRequest, Client: true, Reason: reason, Err: err}
}

// explain finds out what an error before the response means.
func (b *Backend) explain(err error) *Failure {
	if isTimeout(err) {
		return &Failure{Status: http.StatusGatewayTimeout, Reason: b.explainTimeout(err), Err: err}
	}
	return &Failure{Status: http.StatusBadGateway, Reason: explainError(err), Err: err}
}

// explainTorn is explain for the body of a response.
func (b *Backend) explainTorn(d *download) *Failure {
	if d.late.Load() {
		return &Failure{Status: http.StatusGatewayTimeout, Err: context.DeadlineExceeded,
			Reason: fmt.Sprintf("it has sent no more of its answer for %v, --proxy-timeout", b.timeout)}
	}
	return &Failure{Status: http.StatusBadGateway, Reason: "its answer is not complete", Err: d.err}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// explainTimeout tells what the backend has not done in time.
func (b *Backend) explainTimeout(err error) string {
	var op *net.OpError
	what := "it has not begun to answer"
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		what = "it has accepted no connection"
	case errors.As(err, &op) && op.Op == "write":
		what = "it has taken no more of the request"
	case strings.Contains(err.Error(), "TLS handshake"):
		what = "it has not finished the TLS handshake"
	}
	return fmt.Sprintf("%s for %v, --proxy-timeout", what, b.timeout)
}

// explainError names the failures that an administrator can do something about.
func explainError(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch dial := errors.As(err, &op) && op.Op == "dial"; {
	case errors.As(err, &dns):
		return "its name has no address"
	case dial && errors.Is(err, syscall.ECONNREFUSED):
		return "it accepts no connections"
	case dial && errors.Is(err, fs.ErrNotExist):
		return "there is no such socket"
	case dial:
		return "it cannot be reached"
	case errors.As(err, &certificate):
		return "its certificate is not to be trusted"
	case errors.As(err, &record):
		return "it speaks no TLS"
	case isEnd(err):
		return "it has closed the connection before it answered"
	case strings.Contains(err.Error(), "tls: "):
		return "TLS has failed"
	}
	return "it has not answered as HTTP says"
}

// isEnd reports whether the backend has ended the connection. http.Transport has words of its own for one that was idle.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || strings.Contains(err.Error(), "server closed idle connection")
}
