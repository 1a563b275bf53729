package main

import (
	"bytes"
	"fmt"
	"strings"
)

// A workload is one application of bench/apps and the request that is sent to it over and over.
type workload struct {
	Name  string
	App   string // module in bench/apps
	About string // one line for the table
	Request
	Want        []byte // the body every server must answer before it is measured
	Connections []int  // how many wrk keeps open, each a cell of its own, unless -conns says otherwise
	Counted     string // what the rate is of; "" = request
}

func (w workload) name() string { return w.Name }

// Request is what is sent, by wrk and by the probe alike.
type Request struct {
	Path   string
	Header []string // "Name: value", in order
	Post   int      // length of the body in bytes; 0 = a GET
}

// workloads are the cases of the table.
func workloads() []workload {
	hello := []byte("Hello World!")
	usual, crowd := []int{1, 64}, []int{1, 64, 512} // the crowd where something new shows: each cell lengthens the run
	return []workload{
		{"hello", "hello", "12 bytes", Request{Path: "/"}, hello, crowd, ""},
		{"headers", "headers", "a request with 30 headers, two of them answered", Request{Path: "/", Header: thirtyHeaders()},
			[]byte("value of the header no. 01value of the header no. 30"), usual, ""},
		{"post", "post", "a body of 64 KiB is read, its length answered", Request{Path: "/", Post: 64 << 10}, []byte("65536"), usual, ""},
		{"stream", "stream", "1 MiB yielded as 16 blocks of 64 KiB", Request{Path: "/"}, bytes.Repeat([]byte("x"), 1<<20), crowd, ""},
		{"flask", "flask_hello", "12 bytes from a Flask view", Request{Path: "/"}, hello, usual, ""},
		{"django", "django_hello", "12 bytes from a Django view below the usual middleware", Request{Path: "/"}, hello, usual, ""},
	}
}

func thirtyHeaders() []string {
	var list []string
	for i := range 30 {
		list = append(list, fmt.Sprintf("X-Bench-%02d: value of the header no. %02d", i+1, i+1))
	}
	return list
}

// raw is the request as bytes; connection is what becomes of it: close or keep-alive.
func (r Request) raw(host, connection string) []byte {
	method, length := "GET", ""
	if r.Post > 0 {
		method, length = "POST", fmt.Sprintf("Content-Length: %d\r\n", r.Post)
	}
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: %s\r\n%s", method, r.Path, host, connection, length)
	for _, line := range r.Header {
		head += line + "\r\n"
	}
	return []byte(head + "\r\n" + strings.Repeat("x", r.Post))
}
