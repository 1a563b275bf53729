package accept

import (
	"slices"
	"strings"
	"testing"
)

// TestEncodings: values of Accept-Encoding, separated by "|", and what a server gets to choose from that offers br, zstd and gzip.
func TestEncodings(t *testing.T) {
	for field, want := range map[string]string{
		"":                                    "",
		"gzip":                                "gzip",
		"gzip, deflate, br, zstd":             "br zstd gzip",
		"GZIP;Q=0.5,\tbr ; q=0.2":             "gzip br",
		"gzip|br":                             "br gzip",
		"x-gzip":                              "gzip",
		"x-gzip;q=0.1, zstd;q=0.2":            "zstd gzip",
		"*":                                   "br zstd gzip",
		"*;q=0.1, gzip":                       "gzip br zstd",
		"*, br;q=0":                           "zstd gzip",
		"gzip;q=0":                            "",
		"gzip;q=0.000":                        "",
		"gzip;q=0.001":                        "gzip",
		"gzip;q=1.000":                        "gzip",
		"gzip;q=1.001":                        "",
		"gzip;q=0.0001":                       "",
		"gzip;q=-1":                           "",
		"gzip;q=+1":                           "",
		"gzip;q":                              "",
		"gzip;level=1":                        "",
		"gzip;q=0.5;x=y":                      "",
		"gzip, gzip;q=0":                      "gzip",
		"identity":                            "",
		"identity, gzip":                      "gzip",
		"identity, gzip;q=0.5":                "",
		"identity;q=0.5, gzip;q=0.6, br;q=.1": "gzip",
		"identity;q=0":                        "",
		"*;q=0":                               "",
		"deflate":                             "",
		",,;,":                                "",
		strings.Repeat("a,", 40) + "gzip":     "",
	} {
		var fields []string
		if field != "" {
			fields = strings.Split(field, "|")
		}
		if got := strings.Join(Encodings(fields, "br", "zstd", "gzip"), " "); got != want {
			t.Errorf("%q: got %q, want %q", field, got, want)
		}
	}
}

// FuzzEncodings: what is taken was offered, once, and is in the field by name or by a star.
func FuzzEncodings(f *testing.F) {
	for _, seed := range []string{"gzip, br;q=0.5", "*;q=0", "identity", "x-gzip;q=1."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		offers := []string{"br", "zstd", "gzip"}
		got := Encodings([]string{field}, offers...)
		for i, coding := range got {
			named := strings.Contains(strings.ToLower(field), coding) || strings.Contains(field, "*")
			if !slices.Contains(offers, coding) || slices.Contains(got[:i], coding) || !named {
				t.Errorf("%q: got %q", field, got)
			}
		}
	})
}
