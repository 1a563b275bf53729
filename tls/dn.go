package tls

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// distinguishedName is a Name of RFC 5280, section 4.1.2.4, in the order of the certificate: relative names, each of one or
// more attributes.
type distinguishedName [][]attribute

// attribute is a type with its value.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// parseName returns nil for a name that is damaged, which crypto/x509 would have refused.
func parseName(der []byte) distinguishedName {
	var relative []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &relative); err != nil {
		return nil
	}
	var name distinguishedName
	for _, set := range relative {
		var attributes []attribute
		if _, err := asn1.UnmarshalWithParams(set.FullBytes, &attributes, "set"); err != nil {
			return nil
		}
		name = append(name, attributes)
	}
	return name
}

// rfc2253 prints the name as OpenSSL does with the flags of mod_ssl: RFC 2253, but characters beyond ASCII as they are.
func (n distinguishedName) rfc2253() string {
	var relative []string
	for _, set := range slices.Backward(n) {
		var attributes []string
		for _, a := range slices.Backward(set) {
			attributes = append(attributes, a.rfc2253())
		}
		relative = append(relative, strings.Join(attributes, "+"))
	}
	return strings.Join(relative, ",")
}

// rfc2253 prints type=value. A type without a name has a value in hexadecimal, section 2.4.
func (a attribute) rfc2253() string {
	name, known := shortNames[a.Type.String()]
	text, isText := a.text()
	switch {
	case !known:
		return fmt.Sprintf("%s=#%X", a.Type, a.Value.FullBytes)
	case !isText:
		return fmt.Sprintf("%s=#%X", name, a.Value.FullBytes)
	}
	return name + "=" + escape(text)
}

// text is the value in UTF-8, if it is one of the types of strings.
func (a attribute) text() (string, bool) {
	var value any
	if _, err := asn1.Unmarshal(a.Value.FullBytes, &value); err != nil {
		return "", false
	}
	text, ok := value.(string)
	return text, ok
}

// escape is section 2.4 of RFC 2253, with control characters in hexadecimal.
func escape(text string) string {
	var out strings.Builder
	for i, r := range text {
		switch {
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&out, `\%02X`, r)
		case strings.ContainsRune(`,+"\<>;`, r), r == '#' && i == 0, r == ' ' && (i == 0 || i == len(text)-1):
			out.WriteString(`\` + string(r))
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// components calls add for each attribute that has a tag in mod_ssl; the second of a tag is TAG_1, and so on.
func (n distinguishedName) components(add func(tag, value string)) {
	seen := map[string]int{}
	for _, a := range slices.Concat(n...) {
		tag := tags[a.Type.String()]
		text, ok := a.text()
		if tag == "" || !ok {
			continue
		}
		number := seen[tag]
		seen[tag]++
		if number > 0 {
			tag = fmt.Sprintf("%s_%d", tag, number)
		}
		add(tag, text)
	}
}

// tags are the types of which mod_ssl makes variables.
var tags = map[string]string{
	"2.5.4.6":                   "C",
	"2.5.4.8":                   "ST",
	"2.5.4.7":                   "L",
	"2.5.4.10":                  "O",
	"2.5.4.11":                  "OU",
	"2.5.4.3":                   "CN",
	"2.5.4.12":                  "T",
	"2.5.4.43":                  "I",
	"2.5.4.42":                  "G",
	"2.5.4.4":                   "S",
	"2.5.4.13":                  "D",
	"0.9.2342.19200300.100.1.1": "UID",
	"1.2.840.113549.1.9.1":      "Email",
}

// shortNames are OpenSSL's for the types that occur in certificates.
var shortNames = map[string]string{
	"2.5.4.3":                    "CN",
	"2.5.4.4":                    "SN",
	"2.5.4.5":                    "serialNumber",
	"2.5.4.6":                    "C",
	"2.5.4.7":                    "L",
	"2.5.4.8":                    "ST",
	"2.5.4.9":                    "street",
	"2.5.4.10":                   "O",
	"2.5.4.11":                   "OU",
	"2.5.4.12":                   "title",
	"2.5.4.13":                   "description",
	"2.5.4.15":                   "businessCategory",
	"2.5.4.16":                   "postalAddress",
	"2.5.4.17":                   "postalCode",
	"2.5.4.18":                   "postOfficeBox",
	"2.5.4.20":                   "telephoneNumber",
	"2.5.4.41":                   "name",
	"2.5.4.42":                   "GN",
	"2.5.4.43":                   "initials",
	"2.5.4.44":                   "generationQualifier",
	"2.5.4.45":                   "x500UniqueIdentifier",
	"2.5.4.46":                   "dnQualifier",
	"2.5.4.65":                   "pseudonym",
	"2.5.4.72":                   "role",
	"2.5.4.97":                   "organizationIdentifier",
	"0.9.2342.19200300.100.1.1":  "UID",
	"0.9.2342.19200300.100.1.3":  "mail",
	"0.9.2342.19200300.100.1.25": "DC",
	"1.2.840.113549.1.9.1":       "emailAddress",
	"1.2.840.113549.1.9.2":       "unstructuredName",
	"1.3.6.1.4.1.311.60.2.1.1":   "jurisdictionL",
	"1.3.6.1.4.1.311.60.2.1.2":   "jurisdictionST",
	"1.3.6.1.4.1.311.60.2.1.3":   "jurisdictionC",
}

// Names of other types than RFC 5280 has, of which mod_ssl makes variables.
var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidUPN            = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3} // Microsoft's user principal name
	oidSRV            = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 7}       // RFC 4985
)

// otherNames are the otherName entries of a type among the subject's alternative names (RFC 5280, section 4.2.1.6).
func otherNames(c *x509.Certificate, kind asn1.ObjectIdentifier) (names []string) {
	at := slices.IndexFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidSubjectAltName) })
	if at < 0 {
		return nil
	}
	var general []asn1.RawValue
	if _, err := asn1.Unmarshal(c.Extensions[at].Value, &general); err != nil {
		return nil
	}
	for _, name := range general {
		var other attribute
		if _, err := asn1.UnmarshalWithParams(name.FullBytes, &other, "tag:0"); err != nil || !other.Type.Equal(kind) {
			continue
		}
		other.Value.FullBytes = other.Value.Bytes // inside of its own tag
		if text, ok := other.text(); ok {
			names = append(names, text)
		}
	}
	return names
}
