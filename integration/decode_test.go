package integration

import (
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// decode takes the content coding off the body of an answer. It has to have one, and only one.
func decode(a answer) (string, error) {
	raw := strings.NewReader(a.body)
	var plain io.Reader
	var err error
	switch coding := value(append([]string{a.status}, a.fields...), "Content-Encoding"); coding {
	case "gzip":
		plain, err = gzip.NewReader(raw)
	case "br":
		plain = brotli.NewReader(raw)
	case "zstd":
		plain, err = zstd.NewReader(raw)
	default:
		err = fmt.Errorf("no decoder for the Content-Encoding %q", coding)
	}
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(plain)
	return strings.TrimRight(string(text), "\n"), err
}
