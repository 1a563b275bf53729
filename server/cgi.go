package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"gild/logs"
	"gild/server/cgi"
)

// Programs are what has files answered by programs: each finds the one of the request in Exchange.Resource. As an http.Handler it
// belongs into Options.Handlers.
type Programs struct {
	Gateway     cgi.Gateway
	Name        string   // of the handler, for the log's %R: "cgi-script"
	Module      string   // of its records in the error log: "cgi"
	Environ     []string // variables of every request, each NAME=value (--setenv)
	Certificate bool     // with TLS there are the SSL_ variables, too (--ssl-environment)
	Spool       bool     // a program gets a request when all of its body is there, so that slow clients keep none from others
}

// ServeHTTP implements http.Handler. Source below an alias is refused: an alias is for files as they are, and nobody wants to see
// these (Apache lacks ExecCGI there).
func (p *Programs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := From(w)
	x.Handler, x.Filename = p.Name, x.Resource.File
	if x.Resource.Alias {
		x.logAs(p.Module, logs.Error, "scripts are run below the document root only: "+x.Resource.File)
		x.Error(http.StatusForbidden)
		return
	}
	body, err := p.takeBody(x)
	if err != nil {
		p.blame(x, err)
		return
	}
	defer body.close()
	out, err := p.Gateway.Run(r.Context(), p.request(x, body))
	if err != nil {
		p.refuse(x, err)
		return
	}
	p.answer(x, out, body)
}

// request is what the program is told. What it writes to its error stream may come when the Exchange is another request's.
func (p *Programs) request(x *Exchange, body *programBody) *cgi.Request {
	log, module, client, id := x.server.errorLog, p.Module, x.Request.RemoteAddr, x.ID()
	return &cgi.Request{
		File:       x.Resource.File,
		Environ:    p.environ(x, body.length),
		Body:       body.reader(),
		Idempotent: isSafe(x.Request.Method),
		Stderr: func(line string) {
			log.Log(logs.Record{Level: logs.Error, Module: module, Client: client, ID: id, Message: line})
		},
	}
}

// isSafe reports whether a method asks for nothing but to read (RFC 9110 section 9.2.1).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// answer makes a response of the output, which it closes.
func (p *Programs) answer(x *Exchange, out cgi.Output, body *programBody) {
	response, err := cgi.ReadResponse(out)
	switch {
	case err != nil:
		p.refuse(x, err)
	case response.Local != "":
		x.getInternally(response.Local)
	default:
		p.begin(x, response)
		if err := x.pass(response); err != nil {
			p.tear(x, err)
		}
	}
	body.stop() // before Close waits for who reads it
	_ = out.Close()
}

// begin sends the head.
func (p *Programs) begin(x *Exchange, response *cgi.Response) {
	if len(response.Dropped) > 0 {
		x.logAs(p.Module, logs.Warn, fmt.Sprintf("%s sets %s, which is the server's business and is left out",
			x.Resource.File, strings.Join(response.Dropped, ", ")))
	}
	for name, values := range response.Header {
		x.header[name] = values
	}
	x.Reason = response.Reason
	x.WriteHeader(response.Status)
}

// errLess is a response that ended before its Content-Length.
var errLess = errors.New("the script printed less than its Content-Length says")

// pass sends a body as it comes.
func (x *Exchange) pass(response *cgi.Response) error {
	buffer := make([]byte, 16<<10)
	declared, total := int64(-1), int64(0)
	if n := response.Header.Get("Content-Length"); n != "" && !x.bodyless {
		declared, _ = strconv.ParseInt(n, 10, 64) // ReadResponse has seen to it
	}
	for {
		n, err := response.Read(buffer)
		total += int64(n)
		if err := x.passPiece(buffer[:n], response.Buffered() == 0 && err == nil); err != nil {
			return &clientError{err}
		}
		switch {
		case err == io.EOF && total < declared:
			return errLess
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// passPiece writes a piece of a body, and sees that the client gets it if nothing follows at once.
func (x *Exchange) passPiece(piece []byte, flush bool) error {
	if len(piece) == 0 {
		return nil
	}
	if _, err := x.Write(piece); err != nil {
		return err
	}
	if flush {
		return x.FlushError()
	}
	return nil
}

// A clientError is one of the client's connection, and none of the script.
type clientError struct{ error }

// tear gives up a response that has begun.
func (p *Programs) tear(x *Exchange, err error) {
	var gone *clientError
	if !errors.As(err, &gone) && !errors.Is(err, context.Canceled) {
		x.logAs(p.Module, logs.Error, fmt.Sprintf("the response of %s is incomplete: %v", x.Resource.File, err))
	}
	x.Abort(err)
}

// refuse answers a request that no program has answered.
func (p *Programs) refuse(x *Exchange, err error) {
	var e *cgi.Error
	if !errors.As(err, &e) {
		p.blame(x, err)
		return
	}
	x.logAs(p.Module, logs.Error, fmt.Sprintf("%s: %s", e.Message, x.Resource.File))
	x.Error(e.Status)
}

// blame answers a request whose client did not send its body, or has left. What is not the client's fault is logged.
func (p *Programs) blame(x *Exchange, err error) {
	if x.body.status() == 0 && !errors.Is(err, context.Canceled) {
		x.logAs(p.Module, logs.Error, fmt.Sprintf("%s cannot be asked: %v", x.Resource.File, err))
	}
	x.Abort(err)
}
