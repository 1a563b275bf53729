package integration

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"
)

// protocol is what the connections of a story speak, and which options gild needs for it.
type protocol struct {
	name    string
	version string // of HTTP, as in SERVER_PROTOCOL
	args    []string
	alpn    string // what a client offers in the handshake; "": there is none
}

var withHTTPS = []string{"--https-port", "$HTTPS", "--ssl-certificate", "$DIR/site"}

// protocols are all there are. The first one is spoken where a story names none.
var protocols = []protocol{
	{name: "http", version: "HTTP/1.1"},
	{name: "tls", version: "HTTP/1.1", args: withHTTPS, alpn: "http/1.1"},
	{name: "h2c", version: "HTTP/2.0", args: []string{"--http2"}},
	{name: "h2", version: "HTTP/2.0", args: withHTTPS, alpn: "h2"},
	{name: "h3", version: "HTTP/3.0", args: withHTTPS, alpn: "h3"},
}

// findProtocol is the protocol of a name, nil if there is none.
func findProtocol(name string) *protocol {
	at := slices.IndexFunc(protocols, func(p protocol) bool { return p.name == name })
	if at < 0 {
		return nil
	}
	return &protocols[at]
}

// way is how a connection is made.
type way struct {
	*protocol
	host  string // without a port
	wrong bool   // to the port of the other scheme
	tls   *tls.Config
	roots *x509.CertPool // nil: the story's authority
	at    string         // address to connect to; "": where gild listens
	first []byte         // sent before anything else
	from  net.Addr       // the client's end; nil: any
}

// address is where to connect.
func (w *way) address(g *gild) string {
	address := g.address()
	if w.secure() != w.wrong {
		address = g.secure()
	}
	if w.at != "" {
		_, port, _ := net.SplitHostPort(address)
		address = net.JoinHostPort(w.at, port)
	}
	return address
}

// way is what a connect section has said about a connection, or what goes without saying.
func (s *story) way(name string) (*way, error) {
	if w := s.ways[name]; w != nil {
		return w, nil
	}
	kind, _, ok := strings.Cut(name, ":")
	if !ok {
		kind = s.protocol
	}
	p := findProtocol(kind)
	if p == nil {
		return nil, fmt.Errorf("%q is not a protocol", kind)
	}
	w := &way{protocol: p, host: "localhost", tls: &tls.Config{InsecureSkipVerify: true}} // describe verifies
	w.tls.NextProtos = []string{p.alpn}
	s.ways[name] = w
	return w, nil
}

// secure reports whether the connection begins with a handshake.
func (p *protocol) secure() bool { return p.alpn != "" }

// tell makes known what differs between the protocols that a story may be played with.
func (s *story) tell(p *protocol) {
	s.known["version"], s.known["scheme"], s.known["own"] = p.version, "http", s.known["port"]
	if p.secure() {
		s.known["scheme"], s.known["own"] = "https", s.known["https"]
	}
}

// host is the Host of requests on a connection.
func (s *story) host(name string) string {
	w, err := s.way(name)
	if err != nil || !w.secure() {
		return s.gild.address()
	}
	return fmt.Sprintf("%s:%d", w.host, s.gild.https)
}

// connection is the one called name, opened if the story has not used it yet. "a.1" and "a.2" are two streams of one
// connection where the protocol has streams, else two connections.
func (s *story) connection(name string) (talk, error) {
	if name == "" {
		return nil, errors.New("a connection needs a name")
	}
	if c := s.connections[name]; c != nil {
		return c, nil
	}
	c, _, err := s.open(name)
	return c, err
}

// open makes a connection, and says what the handshake has agreed on.
func (s *story) open(name string) (talk, *tls.ConnectionState, error) {
	w, err := s.way(name)
	if err != nil {
		return nil, nil, err
	}
	w.tls.ServerName = w.host
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if strings.HasPrefix(w.name, "h") && w.name != "http" {
		return s.openStream(ctx, name, w)
	}
	c, state, err := s.dial(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	s.connections[name] = converse(c)
	return s.connections[name], state, nil
}

// dial connects by TCP, with a handshake if the way wants one.
func (s *story) dial(ctx context.Context, w *way) (net.Conn, *tls.ConnectionState, error) {
	c, err := w.dialPlain(ctx, w.address(s.gild))
	if err != nil || !w.secure() {
		return c, nil, err
	}
	t := tls.Client(c, w.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = c.Close() // the handshake's failure is the news
		return nil, nil, err
	}
	state := t.ConnectionState()
	return t, &state, nil
}

// dialPlain connects by TCP and sends what comes before the protocol.
func (w *way) dialPlain(ctx context.Context, address string) (net.Conn, error) {
	c, err := (&net.Dialer{LocalAddr: w.from}).DialContext(ctx, "tcp", address)
	if err == nil && len(w.first) > 0 {
		_, err = c.Write(w.first)
	}
	return c, err
}

// openStream makes a stream, and the connection that carries it if there is none yet.
func (s *story) openStream(ctx context.Context, name string, w *way) (talk, *tls.ConnectionState, error) {
	whole, _, _ := strings.Cut(name, ".")
	on := s.sessions[whole]
	if on == nil {
		var err error
		if on, err = s.openSession(ctx, w); err != nil {
			return nil, nil, err
		}
		s.sessions[whole] = on
	}
	s.connections[name] = newStream(on)
	return s.connections[name], &on.state, nil
}

func (s *story) openSession(ctx context.Context, w *way) (*session, error) {
	if w.name == "h3" {
		return newH3Session(ctx, s.gild.secure(), w.tls)
	}
	c, _, err := s.dial(ctx, w)
	if err != nil {
		return nil, err
	}
	return newH2Session(c)
}

// hangUp ends a connection, with all its streams, so that the next section opens another.
func (s *story) hangUp(name string) {
	if c := s.connections[name]; c != nil {
		c.Close()
		delete(s.connections, name)
	}
	whole, _, _ := strings.Cut(name, ".")
	if on := s.sessions[whole]; on != nil {
		on.Close()
		delete(s.sessions, whole)
	}
}

// connect opens a connection in the way that the section tells, and compares the outcome with the text after the empty line.
func (s *story) connect(name string, section *txtar.File) error {
	how, want, _ := strings.Cut("\n"+string(section.Data), "\n\n")
	want, eventually := strings.CutPrefix(strings.TrimRight(want, "\n"), "(eventually)\n")
	w, err := s.way(name)
	if err != nil {
		return err
	}
	for line := range strings.Lines(strings.TrimLeft(how, "\n")) {
		words := strings.Fields(line)
		if rest, ok := strings.CutPrefix(line, "first "); ok {
			words = []string{"first", strings.TrimSuffix(rest, "\n")}
		}
		if err := s.adjust(w, words); err != nil {
			return err
		}
	}
	try := func() error { return s.reach(name, want) }
	if eventually {
		return retry(try)
	}
	return try()
}

// reach opens a connection anew and compares the outcome, if one is wanted.
func (s *story) reach(name, want string) error {
	s.hangUp(name)
	_, state, err := s.open(name)
	switch {
	case err != nil && want == "":
		return err
	case err != nil:
		return s.outcomeDiffers(want, "refused: "+err.Error())
	case want != "" && state != nil:
		return s.outcomeDiffers(want, s.describe(s.ways[name], state))
	}
	return nil
}

func (s *story) outcomeDiffers(want, got string) error {
	if !compile(want, s.known).whole(got, s.known) {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}

// describe is what a handshake has agreed on: version, protocol, kind of the certificate and a name in it, and what is wrong with
// that.
func (s *story) describe(w *way, state *tls.ConnectionState) string {
	leaf := state.PeerCertificates[0]
	subject := strings.Join(append([]string{leaf.Subject.CommonName}, leaf.DNSNames...), " ")
	text := fmt.Sprintf("%s %s %s %s", versionName(state.Version), state.NegotiatedProtocol, leaf.PublicKeyAlgorithm, strings.Fields(subject)[0])
	if leaf.VerifyHostname(w.host) != nil {
		text += " (another name)"
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	roots := w.roots
	if roots == nil {
		roots = s.issuer().pool
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		text += " (not trusted)"
	}
	return text
}

// versionName is Apache's name of a version of TLS.
func versionName(version uint16) string {
	return strings.TrimSuffix(strings.ReplaceAll(tls.VersionName(version), " ", "v"), ".0")
}

// adjust takes one line of a connect section.
func (s *story) adjust(w *way, words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("%q has no value", words)
	}
	switch words[0] {
	case "name":
		w.host = words[1]
	case "trust":
		text, err := os.ReadFile(filepath.Join(s.dir, words[1]))
		w.roots = x509.NewCertPool()
		w.roots.AppendCertsFromPEM(text)
		return err
	case "to":
		w.wrong = words[1] != "https" == w.secure()
	case "first":
		var err error
		w.first, err = unescape(words[1])
		return err
	case "at":
		w.at = words[1]
		if words[1] == "outside" {
			w.at = s.outside()
		}
	case "from":
		w.from = &net.TCPAddr{IP: net.ParseIP(words[1])}
	case "offer":
		w.tls.NextProtos = words[1:]
	case "version":
		at := slices.IndexFunc(versions, func(v uint16) bool { return versionName(v) == words[1] })
		if at < 0 {
			return fmt.Errorf("%q is not a version", words[1])
		}
		w.tls.MinVersion, w.tls.MaxVersion = versions[at], versions[at]
	case "suites":
		return s.offerSuites(w, words[1:])
	case "certificate":
		stub := filepath.Join(s.dir, words[1])
		c, err := tls.LoadX509KeyPair(stub+".crt", stub+".key")
		// what the server says about its authorities does not matter: this client has one certificate, and shows it
		w.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }
		return err
	default:
		return fmt.Errorf("%q is not known in a connect section", words[0])
	}
	return nil
}

// outside is an address of this machine by which others reach it. A story that needs one is skipped where there is none.
func (s *story) outside() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, address := range addresses {
		if n, ok := address.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	s.t.Skip("this machine has no address but its own")
	return ""
}

var versions = []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}

// offerSuites lets the client know only these cipher suites of TLS 1.2.
func (s *story) offerSuites(w *way, names []string) error {
	w.tls.CipherSuites = nil
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if slices.Contains(names, suite.Name) {
			w.tls.CipherSuites = append(w.tls.CipherSuites, suite.ID)
		}
	}
	if len(w.tls.CipherSuites) != len(names) {
		return fmt.Errorf("not all of %q are cipher suites", names)
	}
	return nil
}
