// Package accept answers one question: which of what a server can send does a client want most (RFC 9110 section 12.5)?
package accept

import (
	"slices"
	"strconv"
	"strings"
)

// Encodings returns those of offers that a client takes, which sent these values of Accept-Encoding: the one that it prefers
// first, and the earlier offer among equals. Offers are names of content codings in lower case, without "identity": that is what a
// client gets for which there is none here, also one that prefers it. Without the field the answer is none (RFC 9110 section
// 12.5.3). The result may be kept. It is safe for concurrent use and costs nothing for a client without the field.
func Encodings(fields []string, offers ...string) []string {
	if len(fields) == 0 {
		return nil
	}
	w := parse(fields)
	identity, _ := w.explicit("identity")
	var kept []string
	for _, offer := range offers {
		if q := w.of(offer); q > 0 && q >= identity {
			kept = append(kept, offer)
		}
	}
	slices.SortStableFunc(kept, func(a, b string) int { return w.of(b) - w.of(a) })
	return kept
}

// weights are what a client says about codings, in the order in which it does; a weight is in thousandths.
type weights []weight

type weight struct {
	coding string
	q      int
}

// parse reads the values of the field: codings with perhaps a weight, separated by commas. A member with a weight that is none is
// left out: it says nothing that could be relied on. Members beyond the bound are not looked at; there are not so many codings.
func parse(fields []string) weights {
	const most = 32
	var w weights
	for _, field := range fields {
		for member := range strings.SplitSeq(field, ",") {
			coding, parameter, _ := strings.Cut(member, ";")
			coding = strings.ToLower(trim(coding))
			if q, ok := parseWeight(trim(parameter)); ok && coding != "" && len(w) < most {
				w = append(w, weight{coding, q})
			}
		}
	}
	return w
}

// trim takes off the white space of RFC 9110 section 5.6.3.
func trim(s string) string { return strings.Trim(s, " \t") }

// parseWeight reads "q=0.5" (RFC 9110 section 12.4.2) in thousandths. None at all is 1.
func parseWeight(parameter string) (q int, ok bool) {
	if parameter == "" {
		return 1000, true
	}
	name, value, _ := strings.Cut(parameter, "=")
	whole, fraction, _ := strings.Cut(value, ".")
	if !strings.EqualFold(name, "q") || whole != "0" && whole != "1" || len(fraction) > 3 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+(fraction + "000")[:3], 10, 16)
	return int(n), err == nil && n <= 1000
}

// of is the weight of a coding: its own, or that of "*", or none. "x-gzip" is another name of gzip (RFC 9110 section 8.4.1.3).
func (w weights) of(coding string) int {
	if q, ok := w.explicit(coding); ok {
		return q
	}
	if coding == "gzip" {
		if q, ok := w.explicit("x-gzip"); ok {
			return q
		}
	}
	q, _ := w.explicit("*")
	return q
}

// explicit is the weight that the client has given to a coding by name. If it has done so twice, the first one counts.
func (w weights) explicit(coding string) (q int, ok bool) {
	for _, given := range w {
		if given.coding == coding {
			return given.q, true
		}
	}
	return 0, false
}
