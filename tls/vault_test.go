package tls

import (
	"bytes"
	"reflect"
	"sync"
	"testing"

	"gild/config"
)

// A reader never sees one half of two contents, however often they change.
func TestVaultTornRead(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	c := a.files(directory, "site", key, a.leaf(key, []string{"a.example"}, nil))
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{c}})
	short := s.vault.files.pairs[0].Chain
	long := bytes.Repeat(short, 30)
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			s.vault.files.pairs[0].Chain = [][]byte{short, long}[i%2]
			if err := s.vault.write(s.keeper.secrets()); err != nil {
				t.Error(err)
			}
		}
	})
	for range 300 {
		read, _, err := readVault(s.vault.File())
		if err != nil {
			t.Error(err)
			break
		}
		if got := read.Pairs[0].Chain; !bytes.Equal(got, short) && !bytes.Equal(got, long) {
			t.Error("contents of two writes")
			break
		}
	}
	close(stop)
	writer.Wait()
}

// What is written is what is read.
func TestVaultRoundTrip(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	c := a.files(directory, "site", key, a.leaf(key, []string{"a.example"}, nil))
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{c}, ClientCA: c.File})
	got, version, err := readVault(s.vault.File())
	must(t, err)
	want := &contents{secrets: s.keeper.secrets(), Pairs: s.vault.files.pairs, ClientCA: s.vault.files.clientCA}
	if version != 1 || !reflect.DeepEqual(got, want) {
		t.Errorf("version %d: got %+v, want %+v", version, got, want)
	}
}

// The reader of a vault takes whatever a broken supervisor leaves, and what it accepts has the right checksum.
func FuzzReadVault(f *testing.F) {
	body := []byte(`{"Tickets":[[1,2,3]],"Pairs":[{"File":"x","Chain":"QQ==","Key":"QQ=="}]}`)
	f.Add(append(vaultHead(1, body), body...))
	f.Add(append(vaultHead(1, body), body[1:]...))
	f.Add(vaultHead(1<<63, nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		c, version, err := readVaultOnce(bytes.NewReader(file))
		if err != nil {
			return
		}
		if c == nil || !bytes.HasPrefix(file, vaultHead(version, file[headSize:])) && len(file) < headSize {
			t.Error("accepted without a checksum")
		}
	})
}
