// Package auth answers: who is the client? It reads what clients say of themselves with HTTP authentication (Basic, RFC 7617;
// Digest, RFC 7616), makes the challenges that they answer, keeps account of the nonces of Digest, and finds the names of
// addresses. Who is believed, and what becomes of the request, is for package server.
package auth
