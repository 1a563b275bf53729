// Package fastcgi answers one question: how does a request reach an application that speaks FastCGI?
//
// It is a client of version 1 of the protocol (FastCGI Specification, Open Market 1996) in the role of a responder. A [Pool] has
// a bounded number of connections to one application, keeps them open between requests, and sends one request at a time on
// each, as php-cgi wants it. Bodies are streamed both ways.
//
// What the bytes of the response mean is the business of package cgi.
package fastcgi
