package config

import (
	"crypto/tls"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// protocol is a version of TLS by Apache's name.
type protocol struct {
	name       string
	broken     bool // crypto/tls does not have it (RFC 6176, RFC 7568)
	deprecated bool // RFC 8996
}

// protocols are the words of Apache's SSLProtocol, the oldest first.
var protocols = []protocol{
	{"SSLv2", true, true},
	{"SSLv3", true, true},
	{"TLSv1", false, true},
	{"TLSv1.1", false, true},
	{"TLSv1.2", false, false},
	{"TLSv1.3", false, false},
}

// parseProtocols reads a list in the manner of Apache's SSLProtocol, with spaces or commas between the words: a word
// alone or with + adds a version, one with - takes it away, and "all" is those that are not deprecated. The words are
// obeyed in order. The answer is the least and the greatest version; there can be none missing between.
func parseProtocols(list string) (least, greatest string, err error) {
	chosen := make([]bool, len(protocols))
	for word := range listed(list) {
		if err := chooseProtocol(chosen, word); err != nil {
			return "", "", err
		}
	}
	first := slices.Index(chosen, true)
	if first < 0 {
		return "", "", fmt.Errorf("'%s' leaves no version; begin with those you want, such as 'all -TLSv1.2'", list)
	}
	last := first
	for i := range chosen {
		switch {
		case chosen[i] && i > last+1:
			return "", "", fmt.Errorf("'%s' leaves out %s, which is between others; a range without gaps can be had", list, protocols[last+1].name)
		case chosen[i]:
			last = i
		}
	}
	return protocols[first].name, protocols[last].name, nil
}

// chooseProtocol obeys one word.
func chooseProtocol(chosen []bool, word string) error {
	name, found := strings.TrimLeft(word, "+-"), false
	add := !strings.HasPrefix(word, "-")
	for i, p := range protocols {
		all := strings.EqualFold(name, "all") && !(add && p.deprecated) // "-all" takes everything away
		if !all && !strings.EqualFold(name, p.name) {
			continue
		}
		if add && p.broken {
			return fmt.Errorf("%s is refused, because it is broken (RFC 7568) and cannot be spoken; TLSv1.2 and TLSv1.3 are on without the option", p.name)
		}
		chosen[i], found = add, true
	}
	if !found {
		return fmt.Errorf("'%s' is none of all, TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, with + or - in front or without", word)
	}
	return nil
}

// isDeprecated says whether RFC 8996 has done away with a version.
func isDeprecated(name string) bool {
	return slices.ContainsFunc(protocols, func(p protocol) bool { return p.name == name && p.deprecated })
}

// parseCiphers reads names of cipher suites of TLS 1.2 and below, those of OpenSSL or of IANA, with colons, commas or
// spaces between them. The answer is IANA's, each once, in the order given, which has no effect: crypto/tls has its own.
func parseCiphers(list string) ([]string, error) {
	var names []string
	for word := range listed(strings.ReplaceAll(list, ":", " ")) {
		suite, err := findCipher(word)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, suite.Name) {
			names = append(names, suite.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no cipher suite in '%s'; there are %s", list, cipherNames())
	}
	return names, nil
}

// findCipher is the suite of that name.
func findCipher(word string) (*tls.CipherSuite, error) {
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !strings.EqualFold(word, suite.Name) && !strings.EqualFold(word, openSSLName(suite.Name)) {
			continue
		}
		if isTLS13(suite) {
			return nil, fmt.Errorf("'%s' is of TLS 1.3, whose suites are all on, always; the option is about those of TLS 1.2", word)
		}
		return suite, nil
	}
	if strings.ContainsAny(word[:1], "!+-@") || !strings.ContainsAny(word, "-_") {
		return nil, fmt.Errorf("'%s' is no cipher suite; keywords of OpenSSL that stand for several are not known here; there are %s", word, cipherNames())
	}
	return nil, fmt.Errorf("there is no cipher suite '%s'; there are %s", word, cipherNames())
}

// isTLS13 says whether a suite is of TLS 1.3 alone.
func isTLS13(suite *tls.CipherSuite) bool {
	return !slices.Contains(suite.SupportedVersions, tls.VersionTLS12)
}

// cipherNames lists the suites that may be chosen without a warning.
func cipherNames() string {
	var names []string
	for _, suite := range tls.CipherSuites() {
		if !isTLS13(suite) {
			names = append(names, openSSLName(suite.Name))
		}
	}
	return strings.Join(names, ", ")
}

// openSSLName is OpenSSL's name for a suite of crypto/tls, from IANA's: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is
// ECDHE-RSA-AES128-GCM-SHA256 there, TLS_RSA_WITH_AES_128_CBC_SHA is AES128-SHA.
func openSSLName(name string) string {
	exchange, cipher, _ := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	cipher = strings.NewReplacer("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", "3DES_EDE_CBC", "DES-CBC3", "AES_", "AES",
		"RC4_128", "RC4", "_CBC_", "-", "_", "-").Replace(cipher)
	if exchange == "RSA" {
		return cipher
	}
	return strings.ReplaceAll(exchange, "_", "-") + "-" + cipher
}

// insecureCiphers are those among names that have known weaknesses.
func insecureCiphers(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return !slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return s.Name == name })
	})
}

// isForHTTP2 says whether HTTP/2 may be spoken with a suite of TLS 1.2: ephemeral keys and an AEAD (RFC 9113 9.2.2).
func isForHTTP2(name string) bool {
	return strings.HasPrefix(name, "TLS_ECDHE_") && (strings.Contains(name, "_GCM_") || strings.Contains(name, "_POLY1305_"))
}

// listed is the words of a list with commas or blanks between them.
func listed(list string) iter.Seq[string] {
	return strings.FieldsFuncSeq(list, func(c rune) bool { return strings.ContainsRune(blanks+",", c) })
}
