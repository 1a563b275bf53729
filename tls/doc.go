// Package tls answers: which certificate does a connection get, and where does it come from?
//
// Two sides, because of privileges. The supervisor, which may be root, has a [Keeper]: it reads the files that the
// configuration names, draws the keys of session tickets and of QUIC, and puts all of it into a [Vault], a file in
// memory of which the processes that speak TLS get a read-only descriptor. Those have a [Manager], made by [Open]: it
// follows the vault, chooses certificates, and obtains and renews them if the configuration asks for that.
//
//	supervisor                             front or worker
//	Keeper ── files.go  reads, checks      Manager ── policy.go     versions, suites, ALPN
//	   └── Vault ── vault.go ── memfd ────────┤        clients.go    client certificates
//	                                          ├─ pairs.go            certificates from files, by ClientHello
//	                                          └─ automatic.go        certificates that are obtained (certmagic),
//	                                               hoard.go          kept in a directory, which may be for us only,
//	                                               manage.go         from the first one on, chosen in lookup.go
//	                                               acme.go           from an authority by ACME (acmez), RFC 8555
//	                                               challenges.go     how the authority is shown that the names are ours
//	                                               local.go          localhost and addresses: issued by gild itself
//	                                               demand.go         further names, if the site's script permits them
//
// Whatever changes while connections are open concerns new handshakes only. Variables ([Manager.Variables]) are what an
// application is told about a connection, in the words of Apache's mod_ssl.
//
// Inside this package the standard library's crypto/tls is called crypto.
package tls
