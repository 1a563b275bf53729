// Package files answers one question: which file of this machine is at a path of the site, and how is it sent?
//
// A [Tree] is the document root and the URL aliases of a site. [Tree.Find] says what lies at a path, and what it has found sends
// itself: with validators, ranges, a compressed form that lies beside it, or as the listing of a directory.
//
// # What is not found
//
// No path leads out of the directory it is in: each is an [os.Root], or what the kernel does in its place, which follows symbolic links that stay inside and refuses
// those that leave it, and absolute ones, which are answered 404 with a line in the log. Names that begin with a dot do not exist,
// neither for clients nor in listings: editors, version control and deployment tools leave there what nobody meant to publish.
// Only "/.well-known/" (RFC 8615) does. What is neither a file nor a directory, such as a FIFO, is refused with 403, and so is what
// this process may not read.
package files
