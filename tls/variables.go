package tls

import (
	crypto "crypto/tls"
	"crypto/x509"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Variables calls add with each variable that Apache's mod_ssl has for the connection s with SSLOptions +StdEnvVars, in a
// fixed order; those that are empty are left out, as there. Values are UTF-8. It can be called from any goroutine.
//
// What crypto/tls does not tell is missing: SSL_SESSION_ID. HTTPS is not among them, since mod_wsgi turns it into
// wsgi.url_scheme (S29). Of several certificates for one name, SSL_SERVER_ describes the one whose algorithm the cipher
// suite names; those of TLS 1.3 name none, and then it is the first, which nearly all clients get.
func (m *Manager) Variables(s *crypto.ConnectionState, add func(key, value string)) {
	variables(s, m.state.Load().source.leaf(s), time.Now(), func(key, value string) {
		if value != "" {
			add(key, value)
		}
	})
}

// variables are those of a connection with the server's certificate, or nil.
func variables(s *crypto.ConnectionState, server *x509.Certificate, now time.Time, add func(key, value string)) {
	add("SSL_VERSION_INTERFACE", "gild")
	add("SSL_VERSION_LIBRARY", "Go/"+strings.TrimPrefix(runtime.Version(), "go"))
	add("SSL_PROTOCOL", protocolName(s.Version))
	add("SSL_SECURE_RENEG", "true") // crypto/tls renegotiates with nobody
	add("SSL_COMPRESS_METHOD", "NULL")
	cipherVariables(s.CipherSuite, add)
	add("SSL_TLS_SNI", s.ServerName)
	add("SSL_SESSION_RESUMED", resumed(s.DidResume))
	add("SSL_CLIENT_VERIFY", verified(s))
	if len(s.PeerCertificates) > 0 {
		client := s.PeerCertificates[0]
		certificateVariables("SSL_CLIENT_", client, add)
		add("SSL_CLIENT_V_REMAIN", daysUntil(client.NotAfter, now))
		add("SSL_CLIENT_CERT_RFC4523_CEA", exactAssertion(client))
		nameVariables("SSL_CLIENT_SAN_OTHER_msUPN_", otherNames(client, oidUPN), add)
	}
	if server != nil {
		certificateVariables("SSL_SERVER_", server, add)
		nameVariables("SSL_SERVER_SAN_OTHER_dnsSRV_", otherNames(server, oidSRV), add)
	}
}

// certificateVariables are those that clients' and servers' certificates have in common.
func certificateVariables(prefix string, c *x509.Certificate, add func(key, value string)) {
	add(prefix+"M_VERSION", strconv.Itoa(c.Version))
	add(prefix+"M_SERIAL", hexadecimal(c))
	add(prefix+"V_START", opensslTime(c.NotBefore))
	add(prefix+"V_END", opensslTime(c.NotAfter))
	add(prefix+"A_KEY", keyAlgorithms[c.PublicKeyAlgorithm])
	add(prefix+"A_SIG", signatureAlgorithms[c.SignatureAlgorithm])
	for _, dn := range []struct {
		letter string
		der    []byte
	}{{"S", c.RawSubject}, {"I", c.RawIssuer}} {
		name := parseName(dn.der)
		add(prefix+dn.letter+"_DN", name.rfc2253())
		name.components(func(tag, value string) { add(prefix+dn.letter+"_DN_"+tag, value) })
	}
	nameVariables(prefix+"SAN_Email_", c.EmailAddresses, add)
	nameVariables(prefix+"SAN_DNS_", c.DNSNames, add)
}

// nameVariables number names from 0.
func nameVariables(prefix string, names []string, add func(key, value string)) {
	for i, name := range names {
		add(prefix+strconv.Itoa(i), name)
	}
}

// protocolName is OpenSSL's.
func protocolName(version uint16) string {
	for name, number := range versions {
		if number == version {
			return name
		}
	}
	return fmt.Sprintf("unknown (%#04x)", version)
}

func resumed(did bool) string {
	if did {
		return "Resumed"
	}
	return "Initial"
}

// verified is SUCCESS for a client certificate that was verified; see askClients for why FAILED cannot happen.
func verified(s *crypto.ConnectionState) string {
	switch {
	case len(s.VerifiedChains) > 0:
		return "SUCCESS"
	case len(s.PeerCertificates) > 0:
		return "FAILED:unable to verify the first certificate"
	}
	return "NONE"
}

// hexadecimal is the serial number as OpenSSL prints it: whole bytes, in upper case.
func hexadecimal(c *x509.Certificate) string {
	if c.SerialNumber.Sign() == 0 {
		return "00"
	}
	text := fmt.Sprintf("%X", c.SerialNumber.Bytes())
	if c.SerialNumber.Sign() < 0 {
		return "-" + text
	}
	return text
}

// opensslTime is ASN1_TIME_print's form.
func opensslTime(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }

// daysUntil counts as mod_ssl does: the day of the end is a whole one.
func daysUntil(end, now time.Time) string {
	days := int(end.Add(24*time.Hour).Sub(now) / (24 * time.Hour))
	return strconv.Itoa(max(days, 0))
}

// exactAssertion is a CertificateExactAssertion in the string form of RFC 4523, appendix A.1.
func exactAssertion(c *x509.Certificate) string {
	return fmt.Sprintf("{ serialNumber %d, issuer rdnSequence:\"%s\" }", c.SerialNumber, parseName(c.RawIssuer).rfc2253())
}

// cipherVariables describe a cipher suite in OpenSSL's words.
func cipherVariables(id uint16, add func(key, value string)) {
	c, known := ciphers[id]
	if !known {
		c.name = crypto.CipherSuiteName(id)
	}
	add("SSL_CIPHER", c.name)
	add("SSL_CIPHER_EXPORT", "false") // crypto/tls has none
	if known {
		add("SSL_CIPHER_USEKEYSIZE", strconv.Itoa(c.bits))
		add("SSL_CIPHER_ALGKEYSIZE", strconv.Itoa(max(c.bits, c.algorithmBits)))
	}
}

// cipher is what OpenSSL calls a suite, and the bits of its key. 3DES uses 112 of its 168.
type cipher struct {
	name                string
	bits, algorithmBits int
}

// ciphers are all suites of crypto/tls.
var ciphers = map[uint16]cipher{
	crypto.TLS_AES_128_GCM_SHA256:                        {name: "TLS_AES_128_GCM_SHA256", bits: 128},
	crypto.TLS_AES_256_GCM_SHA384:                        {name: "TLS_AES_256_GCM_SHA384", bits: 256},
	crypto.TLS_CHACHA20_POLY1305_SHA256:                  {name: "TLS_CHACHA20_POLY1305_SHA256", bits: 256},
	crypto.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       {name: "ECDHE-ECDSA-AES128-GCM-SHA256", bits: 128},
	crypto.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         {name: "ECDHE-RSA-AES128-GCM-SHA256", bits: 128},
	crypto.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       {name: "ECDHE-ECDSA-AES256-GCM-SHA384", bits: 256},
	crypto.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         {name: "ECDHE-RSA-AES256-GCM-SHA384", bits: 256},
	crypto.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: {name: "ECDHE-ECDSA-CHACHA20-POLY1305", bits: 256},
	crypto.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   {name: "ECDHE-RSA-CHACHA20-POLY1305", bits: 256},
	crypto.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:          {name: "ECDHE-ECDSA-AES128-SHA", bits: 128},
	crypto.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:          {name: "ECDHE-ECDSA-AES256-SHA", bits: 256},
	crypto.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256:       {name: "ECDHE-ECDSA-AES128-SHA256", bits: 128},
	crypto.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA:            {name: "ECDHE-RSA-AES128-SHA", bits: 128},
	crypto.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:            {name: "ECDHE-RSA-AES256-SHA", bits: 256},
	crypto.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256:         {name: "ECDHE-RSA-AES128-SHA256", bits: 128},
	crypto.TLS_RSA_WITH_AES_128_GCM_SHA256:               {name: "AES128-GCM-SHA256", bits: 128},
	crypto.TLS_RSA_WITH_AES_256_GCM_SHA384:               {name: "AES256-GCM-SHA384", bits: 256},
	crypto.TLS_RSA_WITH_AES_128_CBC_SHA:                  {name: "AES128-SHA", bits: 128},
	crypto.TLS_RSA_WITH_AES_256_CBC_SHA:                  {name: "AES256-SHA", bits: 256},
	crypto.TLS_RSA_WITH_AES_128_CBC_SHA256:               {name: "AES128-SHA256", bits: 128},
	crypto.TLS_RSA_WITH_3DES_EDE_CBC_SHA:                 {name: "DES-CBC3-SHA", bits: 112, algorithmBits: 168},
	crypto.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA:           {name: "ECDHE-RSA-DES-CBC3-SHA", bits: 112, algorithmBits: 168},
	crypto.TLS_RSA_WITH_RC4_128_SHA:                      {name: "RC4-SHA", bits: 128},
	crypto.TLS_ECDHE_RSA_WITH_RC4_128_SHA:                {name: "ECDHE-RSA-RC4-SHA", bits: 128},
	crypto.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA:              {name: "ECDHE-ECDSA-RC4-SHA", bits: 128},
}

// OpenSSL's long names of algorithms.
var (
	keyAlgorithms = map[x509.PublicKeyAlgorithm]string{
		x509.UnknownPublicKeyAlgorithm: "UNKNOWN",
		x509.RSA:                       "rsaEncryption",
		x509.DSA:                       "dsaEncryption",
		x509.ECDSA:                     "id-ecPublicKey",
		x509.Ed25519:                   "ED25519",
	}
	signatureAlgorithms = map[x509.SignatureAlgorithm]string{
		x509.UnknownSignatureAlgorithm: "UNKNOWN",
		x509.MD2WithRSA:                "md2WithRSAEncryption",
		x509.MD5WithRSA:                "md5WithRSAEncryption",
		x509.SHA1WithRSA:               "sha1WithRSAEncryption",
		x509.SHA256WithRSA:             "sha256WithRSAEncryption",
		x509.SHA384WithRSA:             "sha384WithRSAEncryption",
		x509.SHA512WithRSA:             "sha512WithRSAEncryption",
		x509.DSAWithSHA1:               "dsaWithSHA1",
		x509.DSAWithSHA256:             "dsa_with_SHA256",
		x509.ECDSAWithSHA1:             "ecdsa-with-SHA1",
		x509.ECDSAWithSHA256:           "ecdsa-with-SHA256",
		x509.ECDSAWithSHA384:           "ecdsa-with-SHA384",
		x509.ECDSAWithSHA512:           "ecdsa-with-SHA512",
		x509.SHA256WithRSAPSS:          "rsassaPss",
		x509.SHA384WithRSAPSS:          "rsassaPss",
		x509.SHA512WithRSAPSS:          "rsassaPss",
		x509.PureEd25519:               "ED25519",
	}
)
