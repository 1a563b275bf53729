package tls

import (
	"bytes"
	"context"
	crypto "crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"golang.org/x/crypto/ocsp"
)

// responder says by OCSP (RFC 6960) what a Pebble knows about its certificates, in its name.
type responder struct{ pebble *pebble }

func (r *responder) ServeHTTP(w http.ResponseWriter, question *http.Request) {
	answer, err := r.answer(question)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(answer)
}

func (r *responder) answer(question *http.Request) ([]byte, error) {
	body, err := io.ReadAll(question.Body)
	if err != nil {
		return nil, err
	}
	request, err := ocsp.ParseRequest(body)
	if err != nil {
		return nil, err
	}
	status, err := r.pebble.get(fmt.Sprintf("/cert-status-by-serial/%x", request.SerialNumber))
	if err != nil {
		return nil, err
	}
	template := ocsp.Response{Status: ocsp.Good, SerialNumber: request.SerialNumber, ThisUpdate: time.Now(), NextUpdate: time.Now().Add(2 * time.Second)}
	if strings.Contains(string(status), "Revoked") {
		template.Status, template.RevokedAt, template.RevocationReason = ocsp.Revoked, time.Now(), ocsp.KeyCompromise
	}
	return r.sign(template)
}

// sign answers as the authority itself.
func (r *responder) sign(template ocsp.Response) ([]byte, error) {
	text, err := r.pebble.get("/intermediates/0")
	if err != nil {
		return nil, err
	}
	issuer, err := parseCertificates(text, "")
	if err != nil {
		return nil, err
	}
	if text, err = r.pebble.get("/intermediate-keys/0"); err != nil {
		return nil, err
	}
	_, key, err := parseKey(text, "")
	if err != nil {
		return nil, err
	}
	return ocsp.CreateResponse(issuer[0], issuer[0], template, key)
}

// What the authority says about a certificate is stapled to handshakes; a certificate that it has revoked is replaced, and
// its key with it.
func TestAutomaticRevoked(t *testing.T) {
	t.Parallel()
	r := new(responder)
	server := httptest.NewServer(r)
	defer server.Close()
	a := newAutomaticSite(t, []string{"www.revoked.test", "revoked.test"}, pebbleConfig{ocsp: server.URL},
		settings{ocsp: 200 * time.Millisecond, rest: time.Millisecond}, nil)
	r.pebble = a.pebble
	a.pebble.start()
	a.manager.Start()
	client := &crypto.Config{ServerName: "revoked.test", InsecureSkipVerify: true}
	var before crypto.ConnectionState
	eventually(t, "a staple", func() bool {
		var err error
		before, _, err = visit(a.https, client)
		return err == nil && len(before.OCSPResponse) > 0
	})
	a.revoke(before)
	eventually(t, "another certificate", func() bool {
		state, _, err := visit(a.https, client)
		return err == nil && serial(state.PeerCertificates[0]) != serial(before.PeerCertificates[0])
	})
	after, _, err := visit(a.https, client)
	must(t, err)
	if bytes.Equal(before.PeerCertificates[0].RawSubjectPublicKeyInfo, after.PeerCertificates[0].RawSubjectPublicKeyInfo) {
		t.Error("the compromised key is still in use")
	}
	if got := a.names("www.revoked.test"); got != "revoked.test www.revoked.test" {
		t.Errorf("the replacement is for %q", got)
	}
}

// revoke has the authority revoke the certificate of a connection.
func (a *automaticSite) revoke(s crypto.ConnectionState) {
	a.t.Helper()
	authority := a.manager.automatic.authority
	account, err := authority.account(context.Background())
	must(a.t, err)
	must(a.t, authority.client.RevokeCertificate(context.Background(), account, s.PeerCertificates[0], account.PrivateKey, acme.ReasonKeyCompromise))
}
