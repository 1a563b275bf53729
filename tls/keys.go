package tls

import (
	gocrypto "crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"sync"
)

// keys makes the keys of certificates and remembers each until it has been used: certmagic hands an issuer only its
// own request, which has one name, and a request for several must be signed by the same key. It is certmagic.KeyGenerator.
type keys struct{ open sync.Map }

// GenerateKey returns a new key.
func (k *keys) GenerateKey() (gocrypto.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	name, err := keyName(key.Public())
	if err == nil {
		k.open.Store(name, key)
	}
	return key, err
}

// take returns the key of the public key, and forgets it.
func (k *keys) take(public gocrypto.PublicKey) (gocrypto.Signer, error) {
	name, err := keyName(public)
	if err != nil {
		return nil, err
	}
	key, ok := k.open.LoadAndDelete(name)
	if !ok {
		return nil, errors.New("a request was signed by a key that is not ours")
	}
	return key.(gocrypto.Signer), nil
}

func keyName(public gocrypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	return string(der), err
}
