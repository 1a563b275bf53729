package trust

import (
	"errors"
	"fmt"
	"strings"
)

// An element is what one proxy says in a Forwarded field (RFC 7239 section 4) about the request that it got. Parameters that nobody
// asks for are left out.
type element struct {
	text  string // as it stands in the field
	node  string // for=
	host  string
	proto string
}

// readForwarded believes what the last proxy of ours has got, and of the scheme and host what the furthest of ours says that does
// say it.
func readForwarded(r *reading, name string) error {
	list, err := parseForwarded(r.header[name])
	if err != nil || len(list) == 0 {
		return err
	}
	first := 0
	if len(r.policy.proxies) > 0 {
		first = r.policy.furthest(len(list), func(i int) string { return list[i].node })
		r.header[name] = []string{joined(list[first:])}
	}
	if node := list[first].node; node != "" {
		r.account.setClient(node)
		r.apply(name, client)
	}
	r.readProto(name, told(list[first:], func(e *element) string { return e.proto }))
	if value := told(list[first:], func(e *element) string { return e.host }); value != "" {
		r.account.Host = value
		r.apply(name, host)
	}
	return nil
}

func (r *reading) readProto(name, value string) {
	switch word := strings.ToLower(value); word {
	case "":
	case "http", "https":
		r.account.Scheme = word
		r.apply(name, scheme)
	default:
		r.remark(name, value, "proto is neither https nor http")
	}
}

// told is what the first element says that says something.
func told(list []element, what func(*element) string) string {
	for i := range list {
		if value := what(&list[i]); value != "" {
			return value
		}
	}
	return ""
}

// joined writes elements as one field.
func joined(list []element) string {
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = list[i].text
	}
	return strings.Join(texts, ", ")
}

// parseForwarded reads the lines of a Forwarded field. Other than the RFC has it, spaces may stand around semicolons, and colons and
// brackets in a value without quotes, as many proxies write it: nothing else can be meant.
func parseForwarded(lines []string) ([]element, error) {
	var list []element
	for _, line := range lines {
		for rest := line; rest != ""; {
			e, after, err := parseElement(rest)
			if err != nil {
				return nil, fmt.Errorf("the field Forwarded cannot be read (RFC 7239 section 4): %w", err)
			}
			if e.text != "" {
				list = append(list, e)
			}
			rest = after
		}
	}
	return list, nil
}

// parseElement reads up to a comma, and returns what follows it. An element may be empty.
func parseElement(text string) (e element, rest string, err error) {
	seen := map[string]bool{}
	for rest = text; ; rest = rest[1:] {
		rest = strings.TrimLeft(rest, blank)
		if rest != "" && rest[0] != ',' && rest[0] != ';' {
			if rest, err = e.parsePair(rest, seen); err != nil {
				return e, "", err
			}
		}
		if rest == "" || rest[0] == ',' {
			break
		}
	}
	e.text = strings.Trim(text[:len(text)-len(rest)], blank+";")
	return e, strings.TrimPrefix(rest, ","), nil
}

// parsePair reads "name=value" and the spaces behind it, and returns what follows: nothing, or what begins with a comma or a
// semicolon.
func (e *element) parsePair(text string, seen map[string]bool) (rest string, err error) {
	name, rest, ok := strings.Cut(text, "=")
	name = strings.ToLower(name)
	if !ok || strings.ContainsAny(name, blank+`,;"`) || name == "" {
		return "", errors.New("there is no name=value")
	}
	if seen[name] {
		return "", fmt.Errorf("%s is there twice", name)
	}
	seen[name] = true
	value, rest, err := parseValue(rest)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	e.set(name, value)
	return rest, nil
}

// set keeps a parameter.
func (e *element) set(name, value string) {
	switch name {
	case "for":
		e.node = value
	case "host":
		e.host = value
	case "proto":
		e.proto = value
	}
}

const blank = " \t"

// parseValue reads a value, quoted or not, and the spaces behind it.
func parseValue(text string) (value, rest string, err error) {
	if strings.HasPrefix(text, `"`) {
		value, rest, err = parseQuoted(text[1:])
	} else if end := strings.IndexAny(text, blank+`,;"`); end >= 0 {
		value, rest = text[:end], text[end:]
	} else {
		value = text
	}
	rest = strings.TrimLeft(rest, blank)
	switch {
	case err != nil:
		return "", "", err
	case value == "":
		return "", "", errors.New("there is no value")
	case rest != "" && rest[0] != ',' && rest[0] != ';':
		return "", "", errors.New("there is something behind the value")
	}
	return value, rest, nil
}

// parseQuoted reads a quoted string (RFC 9110 section 5.6.4) behind its first quote.
func parseQuoted(text string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], nil
		case '\\':
			if i++; i == len(text) {
				return "", "", errUnclosed
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", errUnclosed
}

var errUnclosed = errors.New("a quote is not closed")
