package auth_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gild/server/auth"

	"golang.org/x/tools/txtar"
)

// TestParseBasic has values of Authorization, and user and password.
func TestParseBasic(t *testing.T) {
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for value, want := range map[string]string{
		"Basic " + encode("spy:secret"):           `"spy" "secret"`,
		"bASIC   " + encode("spy:a:b") + " ":      `"spy" "a:b"`,
		"Basic " + encode("spy:"):                 `"spy" ""`,
		"Basic " + encode("\xe9:\xff "):           `"\xe9" "\xff "`,
		"Basic c3B5OnNlY3JldA":                    `"spy" "secret"`, // no padding
		"Basic":                                   "",
		"Basic ":                                  "",
		"Basic !":                                 "",
		"Basic c3B5OnN=ZWNyZXQ=":                  "",
		"Basic " + encode("no colon"):             "",
		"Basic " + encode(":no user"):             "",
		"Basic " + encode("sp\ny:x"):              "",
		"Basic " + encode("spy:\x00"):             "",
		"Basic " + encode("spy:\x7f"):             "",
		"Bearer " + encode("spy:secret"):          "",
		"Basic\t" + encode("spy:secret"):          "",
		"Basic " + encode("a:b") + ", Basic eA==": "",
	} {
		user, password, ok := auth.ParseBasic(value)
		if got := fmt.Sprintf("%q %q", user, password); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s %v, want %s", value, got, ok, want)
		}
	}
}

// TestParseDigest runs the cases of testdata/digest.txtar: "value NAME" is the value of an Authorization field, "want NAME" what is
// read in it; without one it is refused.
func TestParseDigest(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/digest.txtar")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "want "); ok {
			want[name] = strings.TrimSpace(string(f.Data))
		}
	}
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, "value ")
		if !ok {
			continue
		}
		got := ""
		if c, ok := auth.ParseDigest(strings.ReplaceAll(strings.TrimSuffix(string(f.Data), "\n"), "\n", " ")); ok {
			got = fmt.Sprintf("%q %q %q %q %s %d", c.User, c.Realm, c.Nonce, c.URI, c.Algorithm, c.Count)
		}
		if got != want[name] {
			t.Errorf("%s: %s, want %s", name, got, want[name])
		}
	}
}

// TestDigestOfTheRFC is the example of RFC 7616 section 3.9.1.
func TestDigestOfTheRFC(t *testing.T) {
	for _, c := range []struct{ algorithm, response, hash string }{
		{"MD5", "8ca523f5e9506fed4657c9700eebdbec", "3d78807defe7de2157e2b0b6573a855f"},
		{"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
			"7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"},
	} {
		value := `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=` + c.algorithm + `,
 nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
 qop=auth, response="` + c.response + `", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
		credentials, ok := auth.ParseDigest(strings.ReplaceAll(value, "\n", ""))
		if !ok || !credentials.Matches(c.hash, "GET") {
			t.Errorf("%s: the response of the RFC is refused", c.algorithm)
		}
		if credentials.Matches(c.hash, "POST") || credentials.Matches(c.hash[1:]+"0", "GET") {
			t.Errorf("%s: another method, or another password, is accepted", c.algorithm)
		}
	}
}

func TestChallenges(t *testing.T) {
	for got, want := range map[string]string{
		auth.BasicChallenge("localhost:8000"):                     `Basic realm="localhost:8000"`,
		auth.BasicChallenge(`a "b" \c`):                           `Basic realm="a \"b\" \\c"`,
		auth.DigestChallenge("[::1]:80", "n", auth.SHA256, false): `Digest realm="[::1]:80", qop="auth", algorithm=SHA-256, nonce="n"`,
		auth.DigestChallenge("r", "n", auth.MD5, true):            `Digest realm="r", qop="auth", algorithm=MD5, nonce="n", stale=true`,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// open returns the nonces of a new site, and the same ones as another process has them.
func open(t *testing.T) (first, second *auth.Nonces) {
	t.Helper()
	file, err := auth.NewNonceFile()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, n := range []**auth.Nonces{&first, &second} {
		if *n, err = auth.OpenNonces(file); err != nil {
			t.Fatal(err)
		}
	}
	return first, second
}

func TestNonceAge(t *testing.T) {
	n, other := open(t)
	stranger, _ := open(t)
	now := time.Now()
	nonce := n.New(now)
	for what, c := range map[string]struct {
		nonce string
		at    time.Time
		fresh bool
	}{
		"at once":            {nonce, now, true},
		"at its end":         {nonce, now.Add(auth.NonceLife), true},
		"after its end":      {nonce, now.Add(auth.NonceLife + 1), false},
		"before it was made": {nonce, now.Add(-time.Second), false},
		"changed":            {"B" + nonce[1:], now, false},
		"another's":          {stranger.New(now), now, false},
		"too short":          {nonce[1:], now, false},
		"too long":           {nonce + "AAAA", now, false},
		"nothing":            {"", now, false},
		"not base64":         {"!", now, false},
	} {
		if n.Fresh(c.nonce, c.at) != c.fresh || other.Fresh(c.nonce, c.at) != c.fresh {
			t.Errorf("%s: fresh is not %v", what, c.fresh)
		}
	}
	if n.New(now) == nonce || other.New(now) == nonce {
		t.Error("a nonce came twice")
	}
}

// TestNonceUse has the counts that come with one nonce, and whether each is believed to be new.
func TestNonceUse(t *testing.T) {
	for counts, want := range map[string]string{
		"1 2 3":             "+++",
		"1 1 1":             "+--",
		"1 3 2 2 3":         "+++--",
		"5 4 3 2 1 5 1":     "+++++--",
		"40 9 8 39 41 9":    "++-++-", // 32 counts are remembered
		"100 1 99 200 100":  "+-++-",
		"65535 65536 65504": "+-+",
		"65535 65503":       "+-",
		"0 1":               "-+",
		"4294967295 1":      "-+",
	} {
		first, second := open(t)
		nonce := first.New(time.Now())
		got := ""
		for i, word := range strings.Fields(counts) {
			var count uint32
			if _, err := fmt.Sscan(word, &count); err != nil {
				t.Fatal(err)
			}
			by := first
			if i%2 == 1 {
				by = second
			}
			if by.Use(nonce, count) {
				got += "+"
			} else {
				got += "-"
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", counts, got, want)
		}
	}
	first, _ := open(t)
	if first.Use("strange", 1) {
		t.Error("a nonce that is not ours is used")
	}
}

// TestNonceIsDisplaced: a nonce that has lost its place to a newer one cannot be used any more, nor repeated.
func TestNonceIsDisplaced(t *testing.T) {
	n, _ := open(t)
	now := time.Now()
	nonce := n.New(now)
	for range 1<<16 - 1 {
		n.New(now)
	}
	newer := n.New(now)
	if !n.Use(nonce, 1) || !n.Use(newer, 1) || n.Use(nonce, 2) || n.Use(nonce, 1) || !n.Use(newer, 2) {
		t.Error("the older nonce can still be used, or the newer one cannot")
	}
}

// TestNonceTogether: of many who come with the same count, one is let in.
func TestNonceTogether(t *testing.T) {
	first, second := open(t)
	nonce := first.New(time.Now())
	var group sync.WaitGroup
	var mu sync.Mutex
	admitted := map[uint32]int{}
	for i := range 8 {
		by := []*auth.Nonces{first, second}[i%2]
		group.Go(func() {
			for count := uint32(1); count <= 30; count++ {
				if by.Use(nonce, count) {
					mu.Lock()
					admitted[count]++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	for count := uint32(1); count <= 30; count++ {
		if admitted[count] != 1 {
			t.Errorf("count %d was admitted %d times", count, admitted[count])
		}
	}
}

func TestOpenNonces(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/short")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := auth.OpenNonces(file); err == nil || !strings.Contains(err.Error(), "its size is another") {
		t.Errorf("a file that is too short: %v", err)
	}
}

// TestNames: an address without a name, here one that is nobody's (RFC 5737) asked by somebody without time, is its own name, and an
// address of IPv4 in the form of IPv6 is the one of IPv4.
func TestNames(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	var names auth.Names
	for address, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.2": "192.0.2.2", "2001:db8::1": "2001:db8::1"} {
		if got := names.Of(gone, netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	// What /etc/hosts says of this machine is not for a test to know; but an answer comes, and stays.
	first := names.Of(t.Context(), netip.MustParseAddr("127.0.0.1"))
	if again := names.Of(t.Context(), netip.MustParseAddr("::ffff:127.0.0.1")); first == "" || again != first {
		t.Errorf("127.0.0.1 is %q and then %q", first, again)
	}
}

// FuzzParseDigest: what is accepted has what the server goes by, and no challenge or answer made of it breaks out of its quotes.
func FuzzParseDigest(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/digest.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		f.Add(string(file.Data))
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, ok := auth.ParseDigest(value)
		if !ok {
			return
		}
		if c.User == "" || c.Nonce == "" || c.URI == "" || c.Count == 0 || c.Algorithm != auth.MD5 && c.Algorithm != auth.SHA256 {
			t.Errorf("%q: %+v", value, c)
		}
		if info := c.Info("hash"); strings.ContainsAny(info, "\r\n\x00") {
			t.Errorf("%q: %q cannot be a field", value, info)
		}
	})
}

// FuzzParseBasic: what is accepted can be sent again and is read the same.
func FuzzParseBasic(f *testing.F) {
	f.Add("Basic c3B5OnNlY3JldA==")
	f.Fuzz(func(t *testing.T, value string) {
		user, password, ok := auth.ParseBasic(value)
		if !ok {
			return
		}
		again := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
		if u, p, ok := auth.ParseBasic(again); !ok || u != user || p != password {
			t.Errorf("%q: %q %q, and again %q %q %v", value, user, password, u, p, ok)
		}
	})
}
