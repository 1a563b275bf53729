// Package cgi answers one question: how do programs of other languages answer requests?
//
// There are two ways, which look alike from outside: a [Runner] starts a program for each request (CGI, RFC 3875), and [PHP] has
// processes of php-cgi that stay, and speaks FastCGI with them. Both are a [Gateway]: it gets the variables and the body of a
// request, and returns what the program prints. [ReadResponse] makes a response of that.
//
// Nothing here knows connections or clients; package server makes the variables, and sends the response.
//
// This is the one package of the server that starts programs. They run as the user of the process that speaks HTTP, which is never
// root where another user is asked for. They get none of its descriptors, and of its environment what [Environment] lets through.
package cgi
