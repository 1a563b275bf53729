package integration

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// loot is what the application of apps/spy has found.
type loot struct {
	Storage       []string // files below the directory of certificates
	Front, Itself []string // of /proc/PID
	Fronts        int
	Caught, Looks int // at the descriptors of a front, at any time
}

// prepareSpied is a gild whose application looks for its keys, and the options with which it is run as root.
func prepareSpied(t *testing.T) (o *obtaining, args []string) {
	t.Helper()
	o = prepareObtaining(t)
	requireRoot(t, o.dir)
	text, err := os.ReadFile("apps/spy/app.wsgi")
	if err != nil {
		t.Fatal(err)
	}
	write(t, o.dir, "app.wsgi", string(text))
	o.pebble.start()
	return o, []string{"--user", "nobody", "--server-alias", "localhost", "--setenv", "STORAGE", "$DIR/server/certificates"}
}

// spied is what the application finds now.
func (o *obtaining) spied(client *http.Client) (found loot) {
	o.t.Helper()
	text, err := fetch(client, fmt.Sprintf("https://a.example.test:%d/", o.https))
	if err == nil {
		err = json.Unmarshal([]byte(text), &found)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return found
}

// TestKeys has an application look for the keys of a gild that was started as root with --user: it gets at nothing but the
// certificate that is for everybody, not even while a front starts. Certificates are there after a restart all the same.
func TestKeys(t *testing.T) {
	t.Parallel()
	o, args := prepareSpied(t)
	client := o.pebble.visitor()
	o.begin(args...)
	leaf := o.certificate(client, "a.example.test", covers("a.example.test"))
	root := filepath.Join(o.dir, "server/certificates/local/root.crt")
	o.until("root of its own", func() bool { _, err := os.Stat(root); return err == nil })
	o.findsNothing(o.spied(client))
	for range 5 {
		o.replaceFront()
		o.certificate(client, "a.example.test", anyCertificate)
	}
	o.findsNothing(o.spied(client))
	o.certificate(trusting(t, poolOf(t, root)), "localhost", covers("localhost"))
	o.gild = o.ends()
	o.begin(args...)
	if now := o.certificate(client, "a.example.test", anyCertificate); !now.Equal(leaf) || o.pebble.issued() != 1 {
		t.Errorf("after a restart there is another certificate; %d were issued", o.pebble.issued())
	}
	o.findsNothing(o.spied(client))
}

// replaceFront kills the front and waits for another.
func (o *obtaining) replaceFront() {
	o.t.Helper()
	old := o.members("front")
	o.tell(syscall.SIGKILL, "front")
	o.until("another front", func() bool { now := o.members("front"); return len(now) == 1 && !slices.Equal(now, old) })
}

// findsNothing checks that the application knows where to look, and has not found what it must not.
func (o *obtaining) findsNothing(found loot) {
	o.t.Helper()
	if all := []string{"environ", "exe", "cwd", "fd", "fd/0", "mem"}; !slices.Equal(found.Itself, all) || found.Fronts != 1 || found.Looks == 0 {
		o.t.Errorf("the application looks in the wrong places: %+v", found)
	}
	if len(found.Front) > 0 || found.Caught > 0 || !slices.Equal(found.Storage, []string{"local/root.crt"}) {
		o.t.Fatalf("the application has found %+v", found)
	}
}

// TestKeysShared has two such gilds share the directory of certificates, which somebody else has made, and in which keys from
// before are left alone.
func TestKeysShared(t *testing.T) {
	t.Parallel()
	o, args := prepareSpied(t)
	second := &obtaining{gild: prepareGild(t), pebble: o.pebble}
	requireRoot(t, second.dir)
	shared := t.TempDir()
	requireRoot(t, shared)
	old := filepath.Join(shared, "certificates/old.key")
	if err := os.Mkdir(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, shared, "certificates/old.key", "known to everybody")
	args = append(args, "--certificate-directory", shared)
	o.begin(args...)
	second.begin(args...)
	client := o.pebble.visitor()
	if one := o.certificate(client, "a.example.test", anyCertificate); !one.Equal(second.certificate(client, "a.example.test", anyCertificate)) {
		t.Error("the two have different certificates")
	}
	if n := o.pebble.issued(); n != 1 {
		t.Errorf("%d certificates were issued, want 1", n)
	}
	o.until("warning", func() bool {
		return strings.Contains(o.log(), "in "+shared+", certificates: keys that the application could read")
	})
	if _, err := os.Stat(old); err != nil {
		t.Error(err)
	}
}

// TestKeysEmbedded changes the placement of the processes: the certificate stays the same.
func TestKeysEmbedded(t *testing.T) {
	t.Parallel()
	g := prepareGild(t)
	requireRoot(t, g.dir)
	root := filepath.Join(g.dir, "server/certificates/local/root.crt")
	var first *x509.Certificate
	for _, place := range append(placements, placements[0]) {
		args := []string{"start-server", "app.wsgi", "--server-name", "localhost", "--https-port", "$HTTPS", "--user", "nobody"}
		g.run(nil, append(args, place.args...))
		t.Cleanup(g.stop)
		g.until("root of its own", func() bool { _, err := os.Stat(root); return err == nil })
		leaf := g.certificate(trusting(t, poolOf(t, root)), "localhost", covers("localhost"))
		if first == nil {
			first = leaf
		}
		if !leaf.Equal(first) {
			t.Errorf("%s: another certificate", place.name)
		}
		g = g.ends()
	}
}

// TestKeysPlanted has the user of the application put a directory of his own in the place where the keys will be: gild does not
// start, and says why.
func TestKeysPlanted(t *testing.T) {
	t.Parallel()
	g := prepareGild(t)
	requireRoot(t, g.dir)
	private := filepath.Join(g.dir, "kept/private")
	if err := os.MkdirAll(filepath.Join(private, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Dir(private), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, int(nobody.Credential.Uid), int(nobody.Credential.Gid))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(private), 0o755); err != nil {
		t.Fatal(err)
	}
	g.run(nil, []string{"start-server", "app.wsgi", "--https-port", "$HTTPS", "--server-name", "localhost", "--user", "nobody",
		"--certificate-directory", filepath.Dir(private)})
	t.Cleanup(g.stop)
	status, err := g.wait()
	if want := private + " belongs to the user with id 65534"; err != nil || status != "1" || !strings.Contains(g.stderr.String(), want) {
		t.Errorf("exit status %s, %v; want 1 and %q; it said\n%s", status, err, want, g.stderr.String())
	}
}
