package tls

import (
	crypto "crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
)

// askClients makes c ask for client certificates of the authorities in text, which is PEM; "" asks for none.
//
// If they are needed everywhere, a handshake without a good one fails. If they are needed below some paths only, a client
// may come without; TLS 1.3 and HTTP/2 have no way to ask later, when the path is known (RFC 9113,
// section 9.2.3), so all clients are asked and those without a certificate are refused there. One that is given must be good in
// either case: a client that offers a bad one is told so by an alert, instead of wondering why it gets 403. So a
// connection has been verified if, and only if, its ConnectionState has VerifiedChains.
func askClients(c *crypto.Config, text []byte, everywhere bool) error {
	if len(text) == 0 {
		return nil
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return errors.New("there is no certificate of an authority for client certificates")
	}
	c.ClientAuth = crypto.VerifyClientCertIfGiven
	if everywhere {
		c.ClientAuth = crypto.RequireAndVerifyClientCert
	}
	c.VerifyConnection = verifyDepth
	return nil
}

// verifyDepth is SSLVerifyDepth 1, which mod_wsgi-express sets: a client certificate is issued by one of the
// authorities themselves, or is listed among them.
func verifyDepth(s crypto.ConnectionState) error {
	direct := func(chain []*x509.Certificate) bool { return len(chain) <= 2 }
	if len(s.VerifiedChains) > 0 && !slices.ContainsFunc(s.VerifiedChains, direct) {
		return errors.New("the client certificate is not issued by one of the authorities of --ssl-ca-certificate-file itself: add the authority in between to that file")
	}
	return nil
}
