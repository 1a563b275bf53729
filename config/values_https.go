package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
)

// Setters that belong to one option each: the names of the site, HTTPS, certificates.

// setServerName takes the name of the site (S22).
func setServerName(r *request, v []string) error {
	name, err := parseHostname(v[0], false)
	r.ServerName = name
	return err
}

// addServerAlias adds a further name, each once (S24).
func addServerAlias(r *request, v []string) error {
	name, err := parseHostname(v[0], true)
	if err == nil && !slices.Contains(r.ServerAliases, name) {
		r.ServerAliases = append(r.ServerAliases, name)
	}
	return err
}

// addPathname adds an absolute path to a list.
func addPathname(field func(*request) *[]string) setter {
	return func(r *request, v []string) error {
		var added string
		err := pathname(func(*request) *string { return &added })(r, v)
		if err == nil {
			*field(r) = append(*field(r), added)
		}
		return err
	}
}

// addCertificateStub adds two files by what their names have in common (S29).
func addCertificateStub(r *request, v []string) error {
	if v[0] == "" {
		return errors.New("the path is empty")
	}
	stub := r.absolute(v[0])
	if strings.HasSuffix(stub, ".crt") && !isFile(stub+".crt") {
		return fmt.Errorf("'%s' is the name of a file; leave .crt out, or use --ssl-certificate-file", v[0])
	}
	r.https.Certificates = append(r.https.Certificates, Certificate{File: stub + ".crt", Key: stub + ".key"})
	return nil
}

// addCertificateFile adds a certificate that gets its key later.
func addCertificateFile(r *request, v []string) error {
	if v[0] == "" {
		return errors.New("the path is empty")
	}
	r.https.Certificates = append(r.https.Certificates, Certificate{File: r.absolute(v[0])})
	return nil
}

// addVerifyClient adds a URL path in the form of --mount-point. One that has no slash in front is refused, because it
// would be a mistake that leaves something open.
func addVerifyClient(r *request, v []string) error {
	if !strings.HasPrefix(v[0], "/") || strings.ContainsAny(v[0], "?#%") {
		return fmt.Errorf("'%s' is not the decoded path of a URL, which begins with a slash", v[0])
	}
	r.https.VerifyClient = append(r.https.VerifyClient, path.Clean(v[0]))
	return nil
}

// setHSTS takes any text that can be the value of a header field; what it means is for browsers (RFC 6797).
func setHSTS(r *request, v []string) error {
	policy := strings.TrimSpace(v[0])
	if policy == "" || strings.ContainsFunc(policy, unicode.IsControl) {
		return fmt.Errorf("'%s' cannot be the value of a header field", v[0])
	}
	r.https.HSTS = policy
	return nil
}

// setProtocols takes the words of SSLProtocol.
func setProtocols(r *request, v []string) error {
	var err error
	r.https.MinimumVersion, r.https.MaximumVersion, err = parseProtocols(v[0])
	return err
}

// setCiphers takes names of cipher suites.
func setCiphers(r *request, v []string) error {
	var err error
	r.https.Ciphers, err = parseCiphers(v[0])
	return err
}

// setEmail takes an address without a name around it, as the authority gets it behind mailto: (RFC 8555 7.3).
func setEmail(r *request, v []string) error {
	address, err := mail.ParseAddress(v[0])
	if err != nil || address.Address != v[0] {
		return fmt.Errorf("'%s' is not an address such as you@example.com", v[0])
	}
	r.automatic.Email = v[0]
	return nil
}

// letsEncrypt is the directory of the authority that certificates come from if no other is named.
const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// setDirectory takes a URL of HTTPS, as RFC 8555 6.1 requires: what the authority says decides who gets certificates.
func setDirectory(r *request, v []string) error {
	u, err := url.Parse(v[0])
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("'%s' is not the URL of a directory, such as %s", v[0], letsEncrypt)
	case u.Scheme != "https":
		return fmt.Errorf("'%s' is refused, because a directory is read over https only; --acme-ca-root names whom to believe if the authority is your own", v[0])
	}
	r.automatic.Directory = v[0]
	return nil
}
