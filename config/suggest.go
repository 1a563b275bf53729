package config

import "strings"

// unknown is the complaint about an option that does not exist, with the one that may have been meant.
func unknown(all []*row, word string) *Error {
	if near := nearest(all, word); near != "" {
		return complain("", "no such option: %s (did you mean %s?)", word, near)
	}
	return complain("", "no such option: %s (gild start-server --help lists them all)", word)
}

// nearest is the option at the smallest edit distance from word, if at most a third of word is wrong. Hidden options
// are not advertised.
func nearest(all []*row, word string) string {
	best, name := len(word)/3+1, ""
	for _, o := range all {
		if o.hidden || o.until != "" {
			continue
		}
		if d := distance(strings.ReplaceAll(word, "_", "-"), o.name); d < best {
			best, name = d, o.name
		}
	}
	return name
}

// distance is how many letters have to be inserted, removed or replaced to make a into b (Levenshtein).
func distance(a, b string) int {
	previous := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		current := make([]int, len(b)+1)
		current[0] = i + 1
		for j := range len(b) {
			replace := previous[j]
			if a[i] != b[j] {
				replace++
			}
			current[j+1] = min(replace, previous[j+1]+1, current[j]+1)
		}
		previous = current
	}
	return previous[len(b)]
}
