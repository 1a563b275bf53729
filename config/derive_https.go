package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// asked is the first option given that has that tie, in the order of the table, or "". Behind a proxy that speaks TLS
// --https-only asks for nothing of gild's own.
func (r *request) asked(how tie) string {
	for _, o := range r.all {
		if o.https == how && r.given[o.name] && !(o.name == "--https-only" && r.tlsInFront()) {
			return o.name
		}
	}
	return ""
}

// ports chooses those that were not given. With HTTPS on its own port HTTP goes to its own, too: that is where clients
// and authorities look. An explicit --https-port leaves --port at its default, as in mod_wsgi-express.
func (r *request) ports() {
	if r.asked(asksHTTPS) == "" || r.given["--https-port"] || r.given["--ssl-port"] {
		return
	}
	r.https.Port = 443
	if !r.given["--port"] {
		r.Port = 80
	}
}

// secure finds out what there is of HTTPS, and whom the site is for.
func (r *request) secure() {
	r.aliases()
	asked := r.asked(asksHTTPS)
	if asked == "" {
		r.insecure()
		return
	}
	r.HTTPS = &r.https
	if r.HTTPS.Port == r.Port {
		r.complain(asked, fmt.Errorf("port %d cannot be the one of HTTP and of HTTPS; choose another with --port or --https-port", r.Port))
	}
	r.source(asked)
	r.clientCertificates()
	r.hsts()
	r.protocols()
	r.ciphers()
}

// aliases go with a server name only; without one, every name is served.
func (r *request) aliases() {
	r.pointless("--server-alias", "--server-name")
	r.pointless("--allow-localhost", "--server-name")
	if !r.given["--server-name"] {
		r.ServerAliases, r.AllowLocalhost = nil, false
	}
	r.ServerAliases = slices.DeleteFunc(r.ServerAliases, func(alias string) bool { return alias == r.ServerName })
}

// insecure says which options need HTTPS. Those that were to keep somebody out are not just pointless.
func (r *request) insecure() {
	for _, o := range r.all {
		switch {
		case o.https != needsHTTPS || !r.given[o.name]:
		case o.name == "--hsts-policy" && r.https.Only: // a proxy speaks TLS
		case o.name == "--ssl-ca-certificate-file" || o.name == "--ssl-verify-client":
			r.complain(o.name, errors.New("only over HTTPS do clients show certificates; add --https-port or --https-only"))
		default:
			r.warn(o.name, "without effect, because there is no HTTPS; --https-port or --https-only ask for it")
		}
	}
}

// source is where certificates come from: files if there are any, else they are obtained for the names of the site.
func (r *request) source(asked string) {
	files := []string{"--ssl-certificate", "--ssl-certificate-file", "--ssl-certificate-key-file", "--ssl-certificate-chain-file"}
	switch given := func(name string) bool { return r.given[name] }; {
	case slices.ContainsFunc(files, given):
		r.pairs()
		r.notObtained()
	case given("--server-name") || given("--acme-permission-script"):
		r.obtain(asked)
	default:
		r.complain(asked, errors.New(noSource))
	}
}

// noSource names the three ways to get a certificate.
const noSource = "there is no certificate. There are three ways to get one: --ssl-certificate STUB names files of yours, STUB.crt and STUB.key; " +
	"--server-name with a public name of this machine lets gild obtain one from Let's Encrypt; --server-name localhost lets gild issue one itself"

// pairs gives each certificate its key and its chain.
func (r *request) pairs() {
	certificates, keys := r.https.Certificates, r.privateKeys
	for i := range certificates {
		c := &certificates[i]
		switch {
		case c.Key != "": // by its stub
		case len(keys) == 0:
			c.Key = c.File
		default:
			c.Key, keys = keys[0], keys[1:]
		}
		if i < len(r.chains) {
			c.Chain = r.chains[i]
		}
	}
	if len(keys) > 0 {
		r.complain("--ssl-certificate-key-file", fmt.Errorf("there is no --ssl-certificate-file for '%s'", keys[0]))
	}
	if n := len(certificates); len(r.chains) > n {
		r.complain("--ssl-certificate-chain-file", fmt.Errorf("there is no certificate for '%s'", r.chains[n]))
	}
}

// notObtained says which options are about certificates that are not obtained.
func (r *request) notObtained() {
	for _, o := range certificateOptions() {
		if r.given[o.name] {
			r.warn(o.name, "without effect, because the certificates come from files")
		}
	}
}

// clientCertificates makes sure that a wish to see them is not without consequence.
func (r *request) clientCertificates() {
	if r.given["--ssl-verify-client"] && !r.given["--ssl-ca-certificate-file"] {
		r.complain("--ssl-verify-client", errors.New("--ssl-ca-certificate-file has to name the authorities that sign the certificates of clients"))
	}
	if r.https.ClientCA != "" && !r.https.Only {
		r.warn("--ssl-ca-certificate-file", "over HTTP, what needs a client certificate is answered 403; --https-only redirects to HTTPS")
	}
}

// hsts is a promise that only --https-only keeps (S62).
func (r *request) hsts() {
	r.pointless("--hsts-policy", "--https-only")
	if !r.https.Only {
		r.https.HSTS = ""
	}
}

// protocols warns of old ones; HTTP/3 has TLS 1.3 in it (RFC 9001).
func (r *request) protocols() {
	h := &r.https
	if isDeprecated(h.MinimumVersion) {
		r.warn("--ssl-protocols", "TLSv1 and TLSv1.1 are deprecated (RFC 8996), because what they protect can be attacked")
	}
	if h.MaximumVersion == "TLSv1.3" {
		return
	}
	if h.HTTP3 {
		r.warn("--ssl-protocols", "without TLSv1.3 there is no HTTP/3")
	}
	h.HTTP3 = false
}

// ciphers warns of those with consequences.
func (r *request) ciphers() {
	h := &r.https
	if len(h.Ciphers) == 0 {
		return
	}
	if h.MinimumVersion == "TLSv1.3" {
		r.warn("--ssl-ciphers", "without effect, because --ssl-protocols leaves TLSv1.3 alone, whose suites cannot be chosen")
		h.Ciphers = nil
		return
	}
	if weak := insecureCiphers(h.Ciphers); len(weak) > 0 {
		r.warn("--ssl-ciphers", "these have known weaknesses: %s", strings.Join(weak, ", "))
	}
	if !slices.ContainsFunc(h.Ciphers, isForHTTP2) {
		r.warn("--ssl-ciphers", "none of them may be used with HTTP/2 (RFC 9113 9.2.2), so it is spoken over TLSv1.3 only; ECDHE-RSA-AES128-GCM-SHA256 may")
	}
}

// obtain says for which names certificates are obtained, and where they are kept.
func (r *request) obtain(asked string) {
	a := &r.automatic
	r.HTTPS.Automatic = a
	r.certify("--server-name", r.ServerName)
	for _, alias := range r.ServerAliases {
		r.certify("--server-alias", alias)
	}
	r.certifyParent()
	if r.AllowLocalhost {
		r.certify("--allow-localhost", "localhost")
	}
	r.keep()
	if len(a.Names) > 0 && a.Directory == letsEncrypt && r.Port != 80 && r.HTTPS.Port != 443 {
		r.warn(asked, "Let's Encrypt looks at the ports 80 and 443 of '%s', and gild listens on %d and %d; one of these has to be reached there",
			r.ServerName, r.Port, r.HTTPS.Port)
	}
}

// certifyParent is about the name whose requests are redirected to the server name (S23). Nobody has asked for it, so it must
// not keep the others from their certificate, and is left out without a word if nobody would issue for it.
func (r *request) certifyParent() {
	a := &r.automatic
	parent, ok := strings.CutPrefix(r.ServerName, "www.")
	switch {
	case !ok || slices.Contains(a.Names, parent) || slices.Contains(a.LocalNames, parent):
	case isLocal(parent):
		a.LocalNames = append(a.LocalNames, parent)
	case a.Directory != letsEncrypt || isPublic(parent):
		a.Parent = parent
	}
}

// certify puts a name among those of the certificates, if there can be one for it.
func (r *request) certify(option, name string) {
	a := &r.automatic
	if name == "" || slices.Contains(a.Names, name) || slices.Contains(a.LocalNames, name) {
		return
	}
	private := a.Directory == letsEncrypt && !isPublic(name)
	switch {
	case hasWildcard(name):
		r.wildcard(option, name)
	case isLocal(name):
		a.LocalNames = append(a.LocalNames, name)
	case private && option == "--server-name":
		r.complain(option, fmt.Errorf("'%s' is no name on the Internet, so Let's Encrypt issues no certificate for it; give one in files with --ssl-certificate, name an authority of your own with --acme-directory, or choose a name that ends with .localhost", name))
	case private:
		r.warn(option, "'%s' is not in the certificate, because it is no name on the Internet", name)
	default:
		a.Names = append(a.Names, name)
	}
}

// wildcard says why there is no certificate for one. With a permission script there is one for each name that is used.
func (r *request) wildcard(option, name string) {
	if r.automatic.PermissionScript == "" {
		r.warn(option, "'%s' is not in the certificate, because authorities issue wildcards by the DNS-01 challenge only, which gild does not do; --acme-permission-script lets it obtain one for each name that is asked for", name)
	}
}

// keep finds the directory of certificates. Authorities limit how many one may have in a week, so it must be one that
// lasts.
func (r *request) keep() {
	a := &r.automatic
	if a.Storage == "" {
		a.Storage = filepath.Join(r.ServerRoot, "certificates")
	}
	public := len(a.Names) > 0 || a.PermissionScript != ""
	if public && strings.HasPrefix(a.Storage, r.absolute(r.temporary())+"/") {
		r.warn("--certificate-directory", "certificates are kept in '%s', which may be emptied at the next start of the machine, and authorities limit how many they issue; name a directory that lasts", a.Storage)
	}
}
