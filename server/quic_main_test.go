package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// quicIdentity makes a certificate for the loopback addresses and its key, in PEM.
func quicIdentity(t testing.TB) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := func(what string, bytes []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: what, Bytes: bytes})
	}
	return inPEM("CERTIFICATE", der), inPEM("PRIVATE KEY", encoded)
}

// quicTLS is what a server has from such an identity. The ticket keys are always the same, as they are among the
// processes of a site, and the configuration comes from GetConfigForClient, as that of changing certificates does.
func quicTLS(certificate, key []byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	config.SetSessionTicketKeys([][32]byte{{1}})
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }}, nil
}

// h3ClientTLS trusts a certificate in PEM.
func h3ClientTLS(certificate []byte) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	return &tls.Config{RootCAs: roots}
}

// A quicRunning is a server under test that speaks HTTP/3, too.
type quicRunning struct {
	*running
	address string // of UDP
	client  *http.Client
	h3      *http3.Transport
	tls     *tls.Config // of clients
}

// startQUIC is start with HTTP/3 on a UDP port of the system's choice.
func startQUIC(t testing.TB, handler http.HandlerFunc, change func(*Options)) *quicRunning {
	t.Helper()
	certificate, key := quicIdentity(t)
	config, err := quicTLS(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	udp, files := shareSocket(t, "127.0.0.1:0")
	address := udp.LocalAddr().String()
	share, err := OpenPacketShare(socketFile(t, udp), files)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	r := &quicRunning{address: address, tls: h3ClientTLS(certificate)}
	r.running = start(t, handler, func(o *Options) {
		o.QUIC = &QUIC{Share: share, TLS: config, ResetKey: [32]byte{1}, TokenKey: [32]byte{2},
			Info: Info{Host: "127.0.0.1", Port: port, Scheme: "https", Addr: udp.LocalAddr()}}
		if change != nil {
			change(o)
		}
	})
	r.h3 = &http3.Transport{TLSClientConfig: r.tls}
	r.client = &http.Client{Transport: r.h3, Timeout: 20 * time.Second}
	t.Cleanup(func() { r.h3.Close() })
	return r
}

// shareSocket opens a UDP socket and the files to share it.
func shareSocket(t testing.TB, address string) (*net.UDPConn, []*os.File) {
	t.Helper()
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	files, err := NewPacketShareFiles()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.UDPConn), files
}

func socketFile(t testing.TB, c interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// get asks for a path and returns the response with its body.
func (r *quicRunning) get(t testing.TB, path string) (*http.Response, string) {
	t.Helper()
	return r.do(t, http.MethodGet, path, nil)
}

func (r *quicRunning) do(t testing.TB, method, path string, body io.Reader) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, "https://"+r.address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: body: %v", method, path, err)
	}
	return resp, string(text)
}

// dialQUIC opens a connection for HTTP/3 that is closed with the test.
func (r *quicRunning) dialQUIC(t testing.TB) *quic.Conn {
	t.Helper()
	c, err := quic.DialAddr(t.Context(), r.address, r.h3ClientTLS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseWithError(0x100, "") })
	return c
}

// dialFrom is dialQUIC from a socket, and for early data.
func (r *quicRunning) dialFrom(t testing.TB, socket net.PacketConn) *quic.Conn {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := quic.DialEarly(t.Context(), socket, to, r.h3ClientTLS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseWithError(0x100, "") })
	return c
}

func (r *quicRunning) h3ClientTLS() *tls.Config {
	config := r.tls.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	return config
}
