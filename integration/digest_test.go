package integration

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"hash"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// digestApp are a user script, which knows spy with the password secret, and an application that says who the user is.
var digestApp = map[string]string{
	"auth.py": `
import hashlib

def get_realm_hash(environ, user, realm):
    algorithm = {'MD5': hashlib.md5, 'SHA-256': hashlib.sha256}[environ['gild.digest_algorithm']]
    answers = {'spy': algorithm(f'spy:{realm}:secret'.encode()).hexdigest(), 'bytes': algorithm(f'bytes:{realm}:secret'.encode()).hexdigest().encode(),
               'empty': '', 'number': 1, 'short': '00'}
    return answers.get(user)
`,
	"app.wsgi": `
def application(environ, start_response):
    start_response('200 OK', [])
    body = environ['wsgi.input'].read()
    return [' '.join([environ['REMOTE_USER'], environ['AUTH_TYPE'], environ['HTTP_AUTHORIZATION'][:6], str(len(body))]).encode()]
`,
}

// startDigest starts gild with them.
func startDigest(t *testing.T, args ...string) *gild {
	t.Helper()
	dir := t.TempDir()
	for name, content := range digestApp {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--auth-user-script", "auth.py", "--auth-type", "Digest"}, args...))
}

// TestDigestCurl: curl, which knows both algorithms, gets in with either, and with a body; a wrong password does not.
func TestDigestCurl(t *testing.T) {
	curl := program(t, "curl")
	for _, place := range placements {
		for _, algorithms := range [][]string{{"MD5"}, {"SHA-256"}, {"MD5", "SHA-256"}} {
			args := place.args
			for _, a := range algorithms {
				args = append(args[:len(args):len(args)], "--auth-digest-algorithm", a)
			}
			g := startDigest(t, args...)
			for _, c := range []struct {
				user, want string
				more       []string
			}{
				{"spy:secret", "spy Digest Digest 0 200", nil},
				{"bytes:secret", "bytes Digest Digest 0 200", nil},
				{"spy:secret", "spy Digest Digest 5 200", []string{"-d", "x=abc"}},
				{"spy:wrong", "401", nil},
				{"nobody:secret", "401", nil},
				{"empty:secret", "500", nil},
				{"number:secret", "500", nil},
				{"short:secret", "500", nil},
			} {
				args := append([]string{"-m", "20", "-sS", "--digest", "-u", c.user, "-w", " %{http_code}"}, c.more...)
				out, err := exec.CommandContext(t.Context(), curl, append(args, g.url("/a?b=%20c,d"))...).CombinedOutput()
				if err != nil || !strings.HasSuffix(string(out), c.want) {
					t.Errorf("%s, %v, %s: %v %s, want %s", place.name, algorithms, c.user, err, out, c.want)
				}
			}
			g.logged("Password mismatch for user 'spy' in executing authentication script")
			g.logged("User 'nobody' not found in executing authentication script")
			g.logged("get_realm_hash() returned an empty string")
			g.logged("get_realm_hash() must return the hash as string, or None, not int")
			g.logged("hexadecimal digits for the algorithm")
		}
	}
}

// urllibDigest is a client that shares no code with curl.
const urllibDigest = `
import sys, urllib.request
passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, sys.argv[1], 'spy', 'secret')
opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))
for _ in range(3):
    print(opener.open(sys.argv[1], timeout=20).read().decode())
`

// TestDigestUrllib: Python's own client gets in, several times with one nonce, and by a hash that is remembered.
func TestDigestUrllib(t *testing.T) {
	g := startDigest(t, "--auth-cache", "1000")
	out, err := exec.CommandContext(t.Context(), os.Getenv("GILD_PYTHON"), "-c", urllibDigest, g.url("/a?b=c")).CombinedOutput()
	if want := strings.Repeat("spy Digest Digest 0\n", 3); err != nil || string(out) != want {
		t.Errorf("%v %s, want %s", err, out, want)
	}
}

// A digester is a client that can do wrong.
type digester struct {
	g                *gild
	algorithm, nonce string
}

// challenged takes the nonce for the algorithm out of a 401.
func (d *digester) challenged(r *http.Response) (stale bool) {
	d.g.t.Helper()
	if r.StatusCode != http.StatusUnauthorized {
		d.g.t.Fatalf("got %s, want 401", r.Status)
	}
	for _, challenge := range r.Header["Www-Authenticate"] {
		if !strings.Contains(challenge, "algorithm="+d.algorithm+",") {
			continue
		}
		_, rest, _ := strings.Cut(challenge, `nonce="`)
		d.nonce, _, _ = strings.Cut(rest, `"`)
		return strings.HasSuffix(challenge, ", stale=true")
	}
	d.g.t.Fatalf("no challenge for %s in %q", d.algorithm, r.Header)
	return false
}

func (d *digester) hash(parts ...string) string {
	h := map[string]func() hash.Hash{"MD5": md5.New, "SHA-256": sha256.New}[d.algorithm]()
	h.Write([]byte(strings.Join(parts, ":")))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// get sends a request on a connection of its own, as the count-th with the nonce; 0 is one without credentials. It checks what the server shows
// in return.
func (d *digester) get(count int) *http.Response {
	d.g.t.Helper()
	r, err := http.NewRequestWithContext(d.g.t.Context(), http.MethodGet, d.g.url("/x"), nil)
	if err != nil {
		d.g.t.Fatal(err)
	}
	r.Close = true
	nc := fmt.Sprintf("%08x", count)
	realm := fmt.Sprintf("127.0.0.1:%d", d.g.port)
	secret := d.hash("spy", realm, "secret")
	if count > 0 {
		r.Header.Set("Authorization", fmt.Sprintf(`Digest username="spy",realm=%q,nonce=%q,uri="/x",qop=auth,nc=%s,cnonce="mine",algorithm=%s,response=%q`,
			realm, d.nonce, nc, d.algorithm, d.hash(secret, d.nonce, nc, "mine", "auth", d.hash("GET", "/x"))))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		d.g.t.Fatal(err)
	}
	response.Body.Close()
	want := fmt.Sprintf(`rspauth=%q, qop=auth, nc=%s, cnonce="mine"`, d.hash(secret, d.nonce, nc, "mine", "auth", d.hash("", "/x")), nc)
	if got := response.Header.Get("Authentication-Info"); response.StatusCode == http.StatusOK && got != want {
		d.g.t.Errorf("Authentication-Info: %s, want %s", got, want)
	}
	return response
}

// restale repeats a request and takes the nonce that it gets for that.
func (d *digester) restale(count int) {
	d.g.t.Helper()
	if !d.challenged(d.get(count)) {
		d.g.t.Error("a nonce that was used is not stale")
	}
}

// speaker is the role of the processes that speak HTTP, by placement.
var speaker = map[string]string{"daemon": "front", "embedded": "worker"}

// TestDigestReplay: a request that somebody has recorded is refused, whichever process gets it and also by those that start after it;
// counts may come out of order.
func TestDigestReplay(t *testing.T) {
	for _, place := range placements {
		g := startDigest(t, append([]string{"--auth-digest-algorithm", "SHA-256", "--processes", "3"}, place.args...)...)
		d := digester{g: g, algorithm: "SHA-256"}
		if d.challenged(d.get(0)) {
			t.Error("the first challenge is stale")
		}
		expect := func(count, want int) {
			t.Helper()
			if r := d.get(count); r.StatusCode != want {
				t.Fatalf("%s: count %d: %s, want %d", place.name, count, r.Status, want)
			}
		}
		for _, count := range []int{1, 3, 2, 40} {
			expect(count, 200)
		}
		for range 10 { // each comes to another worker
			for _, count := range []int{1, 2, 3, 4, 40} {
				expect(count, 401)
			}
		}
		d.restale(40)
		expect(1, 200)
		before := g.members(speaker[place.name])
		for _, pid := range before {
			g.tell(syscall.SIGKILL, strconv.Itoa(pid))
		}
		g.until("the processes that speak HTTP are others", func() bool {
			now := g.members(speaker[place.name])
			return len(now) == len(before) && !slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(before, pid) })
		})
		d.restale(1)
		expect(1, 200)
	}
}
