// Package scripts answers: what does a script mean?
//
// It turns what the configuration says of applications into what package cpython runs (Python source that loads a
// script or imports a module, one interpreter for each application group), and it is the http.Handler that carries a
// request from package server to Python and the response back: environ, request body, response.
//
// Beside the application there may be scripts that are asked: the permission script of automatic certificates, which package tls asks
// through [Engine.Permit], and those of access and authentication, which package server asks through an [Authority].
//
// Scripts that answer for files with an extension (--add-handler) are applications of their own, in the processes of the application;
// package server says with Exchange.Resource that a request is for one.
//
// Slow clients keep no thread of Python: a small body is there before the call (smallbody.go), and what they have not taken of a
// response is kept for them (delivery.go, spool.go, store.go).
//
// The rules of WSGI that need Python's objects are in cpython; the rules that need HTTP are here.
package scripts
