// Package scripts answers: what does a script mean?
//
// It turns what the configuration says of applications into what package cpython runs (Python source that loads a
// script or imports a module, one interpreter for each application group), and it is the http.Handler that carries a
// request from package server to Python and the response back: environ, request body, response.
//
// Beside the application there may be the permission script of automatic certificates, which package tls asks through
// [Engine.Permit].
//
// The rules of WSGI that need Python's objects are in cpython; the rules that need HTTP are here.
package scripts
