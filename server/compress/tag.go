package compress

import "strings"

// Weaken returns the entity tag of a response that is compressed on the fly, made of the one that it had: "x" becomes
// W/"x-gzip". The suffix is Apache's: each coding of a resource is another representation (RFC 9110 section 8.8.3.3). It is weak,
// because two runs of an encoder need not give the same bytes, which is what a strong tag would promise (section 8.8.1). What is
// no entity tag is returned as it is.
func Weaken(tag, coding string) string {
	quoted := strings.TrimPrefix(tag, "W/")
	if len(quoted) < 2 || quoted[0] != '"' || strings.IndexByte(quoted[1:], '"') != len(quoted)-2 {
		return tag
	}
	return "W/" + quoted[:len(quoted)-1] + "-" + coding + `"`
}

// Restore returns a list of entity tags, a value of If-None-Match or If-Match, with those that Weaken has made as they were
// before, and pairs of both: made[i] has become given[i]. So whoever gave the tag can compare it. All of them become strong: a
// comparison for If-None-Match does not look at that (RFC 9110 section 13.1.2).
func Restore(list string) (restored string, given, made []string) {
	var b strings.Builder
	rest := list
	for {
		i := strings.Index(rest, `W/"`)
		if i < 0 {
			break
		}
		tag, after, closed := strings.Cut(rest[i+len(`W/"`):], `"`)
		if !closed {
			break
		}
		b.WriteString(rest[:i])
		rest = after
		whole := `W/"` + tag + `"`
		if before, ok := cutCoding(tag); ok {
			given, made = append(given, `"`+before+`"`), append(made, whole)
			whole = `"` + before + `"`
		}
		b.WriteString(whole)
	}
	if len(made) == 0 {
		return list, nil, nil
	}
	return b.String() + rest, given, made
}

// cutCoding takes the suffix of Weaken off.
func cutCoding(tag string) (before string, ok bool) {
	for _, coding := range Offers {
		if before, ok := strings.CutSuffix(tag, "-"+coding); ok {
			return before, true
		}
	}
	return tag, false
}
