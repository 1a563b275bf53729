package files

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A byteRange is a part of a file.
type byteRange struct{ start, length int64 }

// contentRange is the value of Content-Range for a part of so many bytes.
func (b byteRange) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", b.start, b.start+b.length-1, size)
}

// mostRanges is how many parts a response has at most. Apache sends up to 200; nobody needs them.
const mostRanges = 100

// parseRange reads a Range field for so many bytes (RFC 9110 section 14.1.2). No parts and ok mean that there is nothing to send in
// parts: another unit, a field that cannot be read, or one that asks for more than the whole, by many parts or by parts that
// overlap, which costs more than it can be worth (section 14.2, CVE-2011-3192). It is not ok when there is nothing in the
// file of what is asked for, which is 416.
func parseRange(field string, size int64) (parts []byteRange, ok bool) {
	list, found := strings.CutPrefix(field, "bytes=")
	if !found {
		return nil, true
	}
	asked, total := 0, int64(0)
	for member := range strings.SplitSeq(list, ",") {
		if member = trim(member); member == "" {
			continue
		}
		part, valid := parsePart(member, size)
		if asked++; !valid || asked > mostRanges {
			return nil, true
		}
		if part.length > size-total {
			return nil, true
		}
		if total += part.length; part.length > 0 {
			parts = append(parts, part)
		}
	}
	if asked > 0 && len(parts) == 0 {
		return nil, size == 0 // all of an empty file is what any range of it is
	}
	return parts, true
}

// parsePart reads "first-last", "first-" or "-suffix length". A part of no bytes is one that is outside of the file.
func parsePart(s string, size int64) (part byteRange, valid bool) {
	first, last, found := strings.Cut(s, "-")
	if !found || first == "" && last == "" {
		return part, false
	}
	if first == "" {
		n, valid := position(last)
		n = min(n, size)
		return byteRange{size - n, n}, valid
	}
	start, valid := position(first)
	end := int64(math.MaxInt64 - 1)
	if last != "" && valid {
		end, valid = position(last)
		valid = valid && start <= end
	}
	if !valid || start >= size {
		return byteRange{}, valid
	}
	return byteRange{start, min(end+1, size) - start}, true
}

// position is a number of digits; one too large for any file stands for the largest.
func position(s string) (n int64, valid bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n == math.MaxInt64 {
		n = math.MaxInt64 - 1
	}
	return n, s != ""
}
