// Package trust decides what a server believes of what is said in front of it: by the header fields that proxies add to
// requests (X-Forwarded-For and its kin, and Forwarded of RFC 7239), and by the header of the PROXY protocol that begins a
// connection. It knows headers and addresses, and nothing of servers.
//
// Every client can send these fields, too. So a [Policy] says which fields are believed and from whom, an [Account] is what
// comes of it, and whatever is not believed is removed: nothing behind a Policy sees it.
package trust
