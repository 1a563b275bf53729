package tls

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/mholt/acmez/v3/acme"

	"gild/logs"
)

// storedAccount is an account as it is kept: one file, so that account and key always belong together.
type storedAccount struct {
	Account acme.Account `json:"account"`
	Key     []byte       `json:"key"` // SEC 1, DER
}

// accountKey is where the account is kept. There is one for each contact.
func (a *authority) accountKey() string {
	contact := "nobody"
	if a.email != "" {
		contact = strings.ToLower(strings.ReplaceAll(a.email, "/", "-"))
	}
	return path.Join("acme", a.key, contact+".json")
}

// account returns the account with the authority, which is registered when it is needed for the first time.
func (a *authority) account(ctx context.Context) (acme.Account, error) {
	account, err := a.loadAccount(ctx)
	if !errors.Is(err, fs.ErrNotExist) {
		return account, err
	}
	lock := "account_" + a.key
	if err := a.storage.Lock(ctx, lock); err != nil {
		return acme.Account{}, fmt.Errorf("cannot lock the account: %w", err)
	}
	defer a.storage.Unlock(context.WithoutCancel(ctx), lock) // a lock that is left behind goes stale
	if account, err = a.loadAccount(ctx); !errors.Is(err, fs.ErrNotExist) {
		return account, err // another process was quicker
	}
	return a.register(ctx)
}

// renewAccount takes the place of an account that the authority does not know any more.
func (a *authority) renewAccount(ctx context.Context) (acme.Account, error) {
	if err := a.storage.Delete(ctx, a.accountKey()); err != nil {
		return acme.Account{}, err
	}
	return a.account(ctx)
}

func (a *authority) loadAccount(ctx context.Context) (acme.Account, error) {
	text, err := a.storage.Load(ctx, a.accountKey())
	if err != nil {
		return acme.Account{}, err
	}
	var stored storedAccount
	if err := json.Unmarshal(text, &stored); err != nil {
		return acme.Account{}, fmt.Errorf("the account in %s is damaged (%w): delete that file, and a new one is made", a.accountKey(), err)
	}
	key, err := x509.ParseECPrivateKey(stored.Key)
	if err != nil {
		return acme.Account{}, fmt.Errorf("the key in %s is damaged (%w): delete that file, and a new one is made", a.accountKey(), err)
	}
	stored.Account.PrivateKey = key
	return stored.Account, nil
}

// register makes an account (RFC 8555, section 7.3) and keeps it.
func (a *authority) register(ctx context.Context) (acme.Account, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return acme.Account{}, err
	}
	account := acme.Account{TermsOfServiceAgreed: true, PrivateKey: key}
	if a.email != "" {
		account.Contact = []string{"mailto:" + a.email}
	}
	if account, err = a.client.NewAccount(ctx, account); err != nil {
		return acme.Account{}, fmt.Errorf("cannot make an account: %w", err)
	}
	a.sayTerms(ctx)
	return account, a.storeAccount(ctx, account, key)
}

func (a *authority) storeAccount(ctx context.Context, account acme.Account, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(storedAccount{Account: account, Key: der}, "", "\t")
	if err != nil {
		return err
	}
	return a.storage.Store(ctx, a.accountKey(), text)
}

// sayTerms tells what has been agreed to.
func (a *authority) sayTerms(ctx context.Context) {
	terms := ""
	if directory, err := a.client.GetDirectory(ctx); err == nil && directory.Meta != nil && directory.Meta.TermsOfService != "" {
		terms = "; its use means agreeing to " + directory.Meta.TermsOfService
	}
	logs.Printf(a.log, logs.Notice, module, "made an account with %s%s", a.directory, terms)
}
