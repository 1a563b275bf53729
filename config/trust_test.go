package config

import "testing"

// TestClaimsHTTPS: on and 1 do, in the spelling of the key that Apache knows.
func TestClaimsHTTPS(t *testing.T) {
	for _, c := range []struct {
		list []Pair
		want bool
	}{
		{nil, false},
		{[]Pair{{Key: "HTTPS", Value: "1"}}, true},
		{[]Pair{{Key: "A", Value: "1"}, {Key: "HTTPS", Value: "On"}}, true},
		{[]Pair{{Key: "HTTPS", Value: "off"}}, false},
		{[]Pair{{Key: "https", Value: "on"}}, false},
	} {
		if got := (&Config{SetEnv: c.list}).ClaimsHTTPS(); got != c.want {
			t.Errorf("%v is %v", c.list, got)
		}
	}
}
