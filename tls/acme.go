package tls

import (
	"context"
	gocrypto "crypto"
	crypto "crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"gild/logs"
)

// What an authority says about a certificate and its renewal (RFC 9773).
type (
	issued      = acme.Certificate
	renewalInfo = acme.RenewalInfo
)

// acmeLogger is the name under which acmez logs.
const acmeLogger = "acme"

// rehearsals are the directories where the proofs for an order may be tried without using up the limits of another,
// which for Let's Encrypt are five failures for a name and hour.
var rehearsals = map[string]string{
	"https://acme-v02.api.letsencrypt.org/directory": "https://acme-staging-v02.api.letsencrypt.org/directory",
}

// authority issues certificates by ACME, RFC 8555.
type authority struct {
	directory string // URL
	key       string // its name in the storage
	email     string // contact of the account; "": none
	storage   storage
	log       logs.Logger
	http      *http.Client
	client    acmez.Client
	rehearsal *authority // nil: there is none
}

// newAuthority is the authority of a directory. Roots are those that its own certificate is checked against; nil:
// the system's.
func newAuthority(directory, email string, roots *x509.CertPool, c *challenges, s settings, log *slog.Logger) *authority {
	a := &authority{directory: directory, key: authorityKey(directory), email: email, storage: c.storage, log: c.log}
	a.http = &http.Client{Timeout: 30 * time.Second, Transport: clockCheck{now: s.now, next: newTransport(roots)}}
	a.client = acmez.Client{
		Client:           &acme.Client{Directory: directory, UserAgent: "gild", HTTPClient: a.http, Logger: log},
		ChallengeSolvers: c.solvers(s.challenges),
	}
	if other := rehearsals[directory]; other != "" {
		a.rehearsal = newAuthority(other, email, roots, c, s, log)
	}
	return a
}

func newTransport(roots *x509.CertPool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &crypto.Config{RootCAs: roots}
	return t
}

// authorityKey is a file name that stands for the directory.
func authorityKey(directory string) string {
	u, err := url.Parse(directory)
	if err != nil {
		return fingerprint(directory)
	}
	return strings.Trim(u.Host+strings.ReplaceAll(u.Path, "/", "-"), "-")
}

// order is a wish for a certificate.
type order struct {
	names    []string
	key      gocrypto.Signer
	replaces *x509.Certificate // tells the authority that this is a renewal (RFC 9773, section 5); nil: none
	rehearse bool              // something has failed before
}

// obtain has a certificate issued. It takes seconds, or minutes.
func (a *authority) obtain(ctx context.Context, o order) (issued, error) {
	if o.rehearse && a.rehearsal != nil {
		trial := order{names: o.names, key: o.key}
		if _, err := a.rehearsal.obtain(ctx, trial); err != nil {
			return issued{}, err
		}
	}
	account, err := a.account(ctx)
	if err != nil {
		return issued{}, err
	}
	chain, err := a.place(ctx, account, o)
	if isProblem(err, acme.ProblemTypeAccountDoesNotExist) {
		// An authority may have been set up anew, which is usual with those inside an organisation.
		if account, err = a.renewAccount(ctx); err == nil {
			chain, err = a.place(ctx, account, o)
		}
	}
	return chain, err
}

// place goes through one order with the account.
func (a *authority) place(ctx context.Context, account acme.Account, o order) (issued, error) {
	request, err := acmez.NewCSR(o.key, o.names)
	if err != nil {
		return issued{}, err
	}
	parameters, err := acmez.OrderParametersFromCSR(account, request)
	if err != nil {
		return issued{}, err
	}
	parameters.Replaces = o.replaces
	chains, err := a.client.ObtainCertificate(ctx, parameters)
	if err != nil {
		return issued{}, err
	}
	if len(chains) == 0 {
		return issued{}, errors.New("the authority has issued a certificate, but hands none out")
	}
	return chains[0], nil
}

// isProblem says whether err is the problem document of that type (RFC 8555, section 6.7).
func isProblem(err error, kind string) bool {
	var problem acme.Problem
	return errors.As(err, &problem) && problem.Type == kind
}

// remedies say what to do about problems of RFC 8555, section 6.7.
var remedies = map[string]string{
	acme.ProblemTypeConnection:              "ports 80 and 443 of that name must be reachable from the internet and lead to gild's; look at firewalls, port forwarding and the AAAA records",
	acme.ProblemTypeDNS:                     "the name needs an A or AAAA record with the address of this machine",
	acme.ProblemTypeUnauthorized:            "another server answers for that name; look where its A and AAAA records lead, and at proxies in front of gild",
	acme.ProblemTypeIncorrectResponse:       "another server answers for that name; look where its A and AAAA records lead, and at proxies in front of gild",
	acme.ProblemTypeTLS:                     "another server answers on port 443 of that name; look where its A and AAAA records lead",
	acme.ProblemTypeCAA:                     "a CAA record of that name, or of one above it, forbids this authority to issue for it",
	acme.ProblemTypeRateLimited:             "the authority's limits are used up; they come back with time, sooner if gild is not restarted",
	acme.ProblemTypeRejectedIdentifier:      "the authority issues no certificates for that name; is it a name of the public DNS?",
	acme.ProblemTypeInvalidContact:          "give a mail address that works with --acme-email",
	acme.ProblemTypeUnsupportedContact:      "give a mail address that works with --acme-email",
	acme.ProblemTypeExternalAccountRequired: "this authority wants an account that was made elsewhere, which gild cannot do; choose another with --acme-directory",
}

// remedy is what to do about an error of obtain; "": nobody knows.
func remedy(err error) string {
	var problem acme.Problem
	var unknown x509.UnknownAuthorityError
	var network *url.Error
	switch {
	case errors.As(err, &problem):
		return remedies[problem.Type]
	case errors.As(err, &unknown):
		return "the authority's server is not one of those that this machine trusts; if it is yours, give the certificate of its authority with --acme-ca-root"
	case errors.As(err, &network):
		return "the authority cannot be reached; look at the network of this machine and at --acme-directory"
	}
	return ""
}

// maxSkew is how wrong a clock may be. Authorities let certificates begin an hour early.
const maxSkew = time.Hour

// clockCheck refuses to speak with an authority whose clock says something else: the certificate would not be valid here,
// or would seem to need renewal at once, again and again.
type clockCheck struct {
	now  func() time.Time
	next http.RoundTripper
}

// RoundTrip is http.RoundTripper.
func (c clockCheck) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	theirs, err := http.ParseTime(response.Header.Get("Date"))
	if ours := c.now(); err == nil && ours.Sub(theirs).Abs() > maxSkew {
		response.Body.Close()
		return nil, fmt.Errorf("the clock of this machine says %s, the authority's says %s: set this one right", date(ours), date(theirs))
	}
	return response, nil
}
