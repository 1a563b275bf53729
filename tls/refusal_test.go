package tls

import (
	crypto "crypto/tls"
	"errors"
	"testing"
)

// broken is a source that has certificates for nobody.
type broken struct {
	source
	err error
}

func (b broken) certificate(*crypto.ClientHelloInfo) (*crypto.Certificate, error) { return nil, b.err }

// TestChoose: a refusal is in the log, with its reason, and neither a certificate nor an error for crypto/tls. Any other error is one.
func TestChoose(t *testing.T) {
	log := newDiary(t)
	m := &Manager{options: Options{Log: log}}
	c, err := m.choose(&automatic{})(&crypto.ClientHelloInfo{})
	if c != nil || err != nil {
		t.Errorf("a client that names no host gets %v, error %v", c, err)
	}
	if log.count(`Handshake for "" refused: there is no certificate for this name: the client named no host`) != 1 {
		t.Error("the refusal is not in the log")
	}
	other := errors.New("there is no certificate yet")
	if _, err := m.choose(broken{err: other})(&crypto.ClientHelloInfo{}); err != other {
		t.Errorf("another error became %v", err)
	}
}
