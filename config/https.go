package config

import (
	"net"
	"path/filepath"
	"strconv"
)

// HTTPS is what was asked about it. The certificates come from files or are obtained: exactly one of Certificates and
// Automatic is set.
type HTTPS struct {
	Port         int           // 1..65535, of TCP and of UDP
	Certificates []Certificate // from files
	Automatic    *Automatic    // obtained

	ClientCA     string   // PEM file of the authorities whose client certificates are accepted; "": none are asked for
	VerifyClient []string // URL paths, clean, for which and below which a client certificate is needed; none: everywhere, if there is a ClientCA
	Environment  bool     // SSL_ variables in the environ of requests

	Only bool   // requests over HTTP are redirected
	HSTS string // value of Strict-Transport-Security, if Only; "" is no such field

	MinimumVersion string   // "TLSv1", "TLSv1.1", "TLSv1.2" or "TLSv1.3"; the first two only if they were named
	MaximumVersion string   // the same, not below MinimumVersion
	Ciphers        []string // IANA names of the cipher suites of TLS 1.2 and below; none: those with ephemeral keys and authenticated encryption
	HTTP3          bool     // HTTP/3 on the UDP port of the same number; MaximumVersion is TLSv1.3
}

// Certificate is files in PEM: a certificate and its key. All paths are absolute.
type Certificate struct {
	File  string // the certificate, maybe followed by its chain
	Key   string // the same as File if the key is in there
	Chain string // intermediate certificates; "": none but those in File
}

// Automatic says how certificates are obtained. Names and LocalNames are host names as in Config.ServerName, without
// wildcards, each once; both are empty only if there is a PermissionScript.
type Automatic struct {
	Names            []string // in one certificate of the authority, the first one is its subject
	Parent           string   // ServerName without its "www.", whose requests are redirected: in a certificate of its own, because it may lead to another machine; "": none
	LocalNames       []string // localhost, names below it and addresses: gild issues their certificate itself
	Agreed           bool     // consent to the authority's terms was given with an option; otherwise serving is consent, and the banner says so
	Email            string   // account's contact at the authority; "": none
	Directory        string   // URL of the authority's ACME directory
	CARoot           string   // PEM file of the authorities that the directory's own certificate is checked against; "": the system's
	Storage          string   // absolute path of the directory that keeps accounts, keys and certificates, see PrivateStorage
	PermissionScript string   // absolute path of the script that permits further names; "": there are none
}

// LocalRoot is the path of the certificate, in PEM, of the authority by which LocalNames are issued: what a client has to
// be given so that it trusts them.
func (a *Automatic) LocalRoot() string { return filepath.Join(a.Storage, "local", "root.crt") }

// PrivateStorage is the path of the directory in Storage that keeps accounts, keys and certificates where the processes become
// another user than the supervisor (Config.Separated). That user owns it, but the one above it is closed to all but root: nobody
// gets there who has not been given a descriptor of it.
func (a *Automatic) PrivateStorage() string { return filepath.Join(a.Storage, "private", "store") }

// PacketListeners are the UDP sockets, in the order in which they are passed after those of Listeners.
func (c *Config) PacketListeners() []Listener {
	if c.HTTPS == nil || !c.HTTPS.HTTP3 {
		return nil
	}
	return []Listener{{Network: "udp", Address: net.JoinHostPort(c.Host, strconv.Itoa(c.HTTPS.Port)), Scheme: "https"}}
}
