package files

import (
	"cmp"
	"slices"
	"strings"
)

// An order of a listing: the query of mod_autoindex, "C=M;O=D".
type order struct {
	column     byte // 'N' name, 'M' last modified, 'S' size
	descending bool
}

// parseOrder reads a query. What it does not know it leaves: the listing is by name then.
func parseOrder(query string) order {
	o := order{column: 'N'}
	for part := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == ';' || c == '&' }) {
		switch part {
		case "C=N", "C=M", "C=S":
			o.column = part[2]
		case "O=A", "O=D":
			o.descending = part == "O=D"
		}
	}
	return o
}

// query is the order that a click on the heading of a column asks for: it turns the order around.
func (o order) query(column byte) string {
	if o.column == column && !o.descending {
		return "?C=" + string(column) + ";O=D"
	}
	return "?C=" + string(column) + ";O=A"
}

// aria says how a column is sorted, for who hears the page, and for its arrow.
func (o order) aria(column byte) string {
	switch {
	case o.column != column:
		return ""
	case o.descending:
		return ` aria-sort="descending"`
	}
	return ` aria-sort="ascending"`
}

// sort puts directories first, whatever the order. What is equal otherwise is by name.
func (o order) sort(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int {
		if a.directory != b.directory {
			if a.directory {
				return -1
			}
			return 1
		}
		c := o.compare(&a, &b)
		if o.descending {
			c = -c
		}
		return cmp.Or(c, byName(&a, &b))
	})
}

func (o order) compare(a, b *entry) int {
	switch o.column {
	case 'M':
		return cmp.Compare(a.modified, b.modified)
	case 'S':
		if a.directory {
			return 0 // the size of a directory says nothing
		}
		return cmp.Compare(a.size, b.size)
	}
	return byName(a, b)
}

// byName is the order of people: upper and lower case are one letter.
func byName(a, b *entry) int {
	return cmp.Or(compareFold(a.name, b.name), cmp.Compare(a.name, b.name))
}

// compareFold compares without regard to the case of ASCII letters, and without making copies.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(lower(a[i]), lower(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
