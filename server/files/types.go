package files

import (
	_ "embed"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
)

// Types maps extensions of files to media types. It is not changed after it was made.
type Types struct {
	byExtension map[string]mediaType // without the dot, in lower case
}

// A mediaType is the value of Content-Type, which all responses share, and whether files of the type are worth compressing.
type mediaType struct {
	field        []string
	compressible bool
}

//go:embed mime.types
var builtinTypes string

// BuiltinTypes is the table that is compiled in: what IANA has registered, and what is in use without.
var BuiltinTypes = sync.OnceValue(func() *Types {
	t, err := ParseTypes("mime.types", builtinTypes)
	if err != nil {
		panic(err) // the table is part of the program, and a test reads it
	}
	return t
})

// ParseTypes reads a table in the syntax of Apache's TypesConfig: in each line a media type, which may have parameters without
// spaces, and its extensions; a "#" begins a comment. Of several types for an extension the last one counts. Types of text get
// "charset=utf-8" unless they say otherwise. The error has a line for each mistake, which begins with name and the number of the line.
func ParseTypes(name, text string) (*Types, error) {
	t := &Types{byExtension: map[string]mediaType{}}
	var errs []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if err := t.add(strings.Fields(line)); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, number, err))
		}
	}
	return t, errors.Join(errs...)
}

// add takes the words of a line.
func (t *Types) add(words []string) error {
	if len(words) == 0 {
		return nil
	}
	if !isMediaType(words[0]) {
		return fmt.Errorf("%.100q is not a media type; a line is a type and its extensions, like: image/png png", words[0])
	}
	m := newMediaType(words[0])
	for _, extension := range words[1:] {
		if strings.ContainsAny(extension, "./") {
			return fmt.Errorf("%.100q is not an extension; extensions have no dots and no slashes", extension)
		}
		t.byExtension[strings.ToLower(extension)] = m
	}
	return nil
}

// isMediaType reports whether s is one, with parameters or not. Those are not looked into, only that nothing is in them that cannot be
// in a header field.
func isMediaType(s string) bool {
	essence, parameters, _ := strings.Cut(s, ";")
	kind, subtype, ok := strings.Cut(essence, "/")
	for _, c := range []byte(parameters) {
		ok = ok && c > ' ' && c < 0x7f
	}
	return ok && isToken(kind) && isToken(subtype)
}

// isToken is RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

func newMediaType(name string) mediaType {
	essence, _, parameters := strings.Cut(strings.ToLower(name), ";")
	if strings.HasPrefix(essence, "text/") && !parameters {
		name += "; charset=utf-8"
	}
	return mediaType{field: []string{name}, compressible: isCompressible(essence)}
}

// compressible are types beside those of text, XML and JSON that shrink when they are compressed; most others are compressed
// already.
var compressible = map[string]bool{
	"application/javascript": true, "application/json": true, "application/xml": true, "application/wasm": true,
	"application/yaml": true, "application/toml": true, "application/sql": true, "application/rtf": true,
	"application/x-ndjson": true, "application/jsonl": true, "application/vnd.apple.mpegurl": true,
	"application/vnd.ms-fontobject": true, "font/ttf": true, "font/otf": true, "font/collection": true,
	"image/bmp": true, "image/vnd.microsoft.icon": true, "image/x-icon": true,
}

func isCompressible(essence string) bool {
	return strings.HasPrefix(essence, "text/") || strings.HasSuffix(essence, "+xml") || strings.HasSuffix(essence, "+json") || compressible[essence]
}

// of is the type of a file by the last extension of its name, whatever its case. Without a known one it is the zero mediaType: nobody
// can say better than the reader what is in such a file, so there is no Content-Type then, as with Apache.
func (t *Types) of(name string) mediaType {
	extension := path.Ext(name)
	if extension == "" {
		return mediaType{}
	}
	return t.byExtension[strings.ToLower(extension[1:])]
}
