package tls

import (
	crypto "crypto/tls"
	"errors"
	"fmt"

	"gild/logs"
)

// choose has source answer handshakes. crypto/tls sends the alert unrecognized_name (RFC 6066 section 3) if it gets neither a
// certificate nor an error, and then calls that "no certificates configured", whatever the reason was: so it is logged here.
func (m *Manager) choose(from source) func(*crypto.ClientHelloInfo) (*crypto.Certificate, error) {
	return func(hello *crypto.ClientHelloInfo) (*crypto.Certificate, error) {
		c, err := from.certificate(hello)
		if !errors.Is(err, errRefused) {
			return c, err
		}
		m.noteRefusal(hello, err)
		return nil, nil
	}
}

// noteRefusal logs, at the level of failed handshakes, which name was asked for and why it has no certificate.
func (m *Manager) noteRefusal(hello *crypto.ClientHelloInfo, why error) {
	log := m.options.Log
	if !log.Enabled(logs.Info) {
		return
	}
	r := logs.Record{Level: logs.Info, Module: module, Message: fmt.Sprintf("Handshake for %.255q refused: %v", hello.ServerName, why)}
	if hello.Conn != nil {
		r.Client = hello.Conn.RemoteAddr().String()
	}
	log.Log(r)
}
