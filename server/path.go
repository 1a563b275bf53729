package server

import "strings"

// hasEncodedSlash reports whether an escaped path holds %2F.
func hasEncodedSlash(raw string) bool {
	return strings.Contains(raw, "%2F") || strings.Contains(raw, "%2f")
}

// normalize merges repeated slashes and removes the segments "." and ".." of a decoded path that begins with a slash
// (RFC 3986 section 5.2.4). It fails when the path leads above the root. An ordinary path is returned as it is.
func normalize(path string) (string, bool) {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path, true
	}
	var kept []string
	directory := false // the path so far ends in a slash
	for segment := range strings.SplitSeq(path[1:], "/") {
		directory = segment == "" || segment == "." || segment == ".."
		switch {
		case segment == ".." && len(kept) == 0:
			return "", false
		case segment == "..":
			kept = kept[:len(kept)-1]
		case !directory:
			kept = append(kept, segment)
		}
	}
	path = "/" + strings.Join(kept, "/")
	if directory && path != "/" {
		path += "/"
	}
	return path, true
}
