package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gild/config"
)

// tenant is the user for whom the tests keep certificates; stranger is another one.
const tenant, stranger = 65534, 65533

// TestPrivateStore makes the directory of certificates, and finds it as it is the next time.
func TestPrivateStore(t *testing.T) {
	requireRoot(t)
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	storage := filepath.Join(t.TempDir(), "above", "kept")
	for _, written := range []string{"first", "second"} {
		store := mustOpenStore(t, storage)
		if _, err := os.ReadFile(filepath.Join(storage, "private/store/first")); (err == nil) != (written == "second") {
			t.Errorf("%s: %v", written, err)
		}
		// The descriptor leads to the directory of that name, see tls.Options.
		if err := os.WriteFile(throughDescriptor(store, written), nil, 0o600); err != nil {
			t.Error(err)
		}
		hasOwner(t, storage, 0, 0o711)
		hasOwner(t, filepath.Join(storage, "private"), 0, 0o700)
		hasOwner(t, filepath.Join(storage, "private/store"), tenant, 0o700)
		hasOwner(t, filepath.Join(storage, "local"), tenant, 0o755)
	}
	if left, _ := filepath.Glob(filepath.Join(storage, "private/.new*")); left != nil {
		t.Errorf("%q were left behind", left)
	}
}

// TestPrivateStoreTogether has several gilds make the same directory at the same time: all get the same one.
func TestPrivateStoreTogether(t *testing.T) {
	requireRoot(t)
	storage := t.TempDir()
	inodes := make([]uint64, 8)
	var group sync.WaitGroup
	for i := range inodes {
		group.Go(func() {
			store, err := privateStore(storage, &config.Credential{UID: tenant, GID: tenant})
			if err != nil {
				t.Error(err)
				return
			}
			defer store.Close()
			inodes[i] = statOf(t, throughDescriptor(store, ".")).Ino
		})
	}
	group.Wait()
	for _, inode := range inodes {
		if inode != inodes[0] {
			t.Fatalf("the stores are %d", inodes)
		}
	}
}

// TestPrivateStorePlanted finds what somebody else has put there before: it is neither used nor given away.
func TestPrivateStorePlanted(t *testing.T) {
	requireRoot(t)
	for _, planted := range []struct {
		name, complaint string
		put             func(t *testing.T, storage string)
	}{
		{"directory", "private belongs to the user with id 65533", func(t *testing.T, storage string) {
			mkdir(t, filepath.Join(storage, "private"), stranger, 0o700)
		}},
		{"open directory", "private belongs to the user with id 0 and has the mode 0777", func(t *testing.T, storage string) {
			mkdir(t, filepath.Join(storage, "private"), 0, 0o777)
		}},
		{"link", "private: not a directory", func(t *testing.T, storage string) {
			mkdir(t, filepath.Join(storage, "elsewhere"), 0, 0o700)
			must(t, os.Symlink("elsewhere", filepath.Join(storage, "private")))
		}},
		{"store of another", "store belongs to the user with id 65533", func(t *testing.T, storage string) {
			mkdir(t, filepath.Join(storage, "private"), 0, 0o700)
			mkdir(t, filepath.Join(storage, "private/store"), stranger, 0o700)
		}},
		{"local", "", func(t *testing.T, storage string) {
			mkdir(t, filepath.Join(storage, "elsewhere"), 0, 0o755)
			must(t, os.Symlink("elsewhere", filepath.Join(storage, "local")))
		}},
	} {
		t.Run(planted.name, func(t *testing.T) {
			storage := t.TempDir()
			must(t, os.Chown(storage, tenant, tenant))
			planted.put(t, storage)
			store, err := privateStore(storage, &config.Credential{UID: tenant, GID: tenant})
			if err == nil {
				store.Close()
			}
			if planted.complaint == "" && err != nil || planted.complaint != "" && (err == nil || !strings.Contains(err.Error(), planted.complaint)) {
				t.Errorf("%v; want %q", err, planted.complaint)
			}
			if elsewhere := filepath.Join(storage, "elsewhere"); exists(elsewhere) {
				hasOwner(t, elsewhere, 0, statOf(t, elsewhere).Mode&0o7777)
			}
		})
	}
}

// TestOpenStorageOfOne: where all are one user, the directory is that user's and no descriptor is needed.
func TestOpenStorageOfOne(t *testing.T) {
	storage := filepath.Join(t.TempDir(), "kept")
	c := &config.Config{HTTPS: &config.HTTPS{Automatic: &config.Automatic{Storage: storage}}}
	for _, c.Credential = range []*config.Credential{nil, {UID: 0, GID: uint32(os.Getgid())}} {
		if c.Credential != nil && os.Getuid() != 0 {
			continue
		}
		must(t, os.RemoveAll(storage))
		if store, err := openStorage(c, nil); store != nil || err != nil {
			t.Errorf("%+v: %v, %v", c.Credential, store, err)
		}
		if exists(filepath.Join(storage, "private")) || !exists(storage) {
			t.Errorf("%+v: it is not as it should be", c.Credential)
		}
	}
}

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

func mustOpenStore(t *testing.T, storage string) *os.File {
	t.Helper()
	store, err := privateStore(storage, &config.Credential{UID: tenant, GID: tenant})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	return store
}

// throughDescriptor is the path of a file in a directory that is open.
func throughDescriptor(dir *os.File, name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string, owner int, mode fs.FileMode) {
	t.Helper()
	must(t, os.Mkdir(path, 0o700))
	must(t, os.Chmod(path, mode))
	must(t, os.Chown(path, owner, owner))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func statOf(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	var stat syscall.Stat_t
	if err := syscall.Stat(path, &stat); err != nil {
		t.Error(err)
	}
	return &stat
}

// hasOwner checks the owner and the mode of a directory.
func hasOwner(t *testing.T, path string, owner int, mode uint32) {
	t.Helper()
	if stat := statOf(t, path); int(stat.Uid) != owner || stat.Mode&0o7777 != mode {
		t.Errorf("%s belongs to %d with mode %04o, want %d and %04o", path, stat.Uid, stat.Mode&0o7777, owner, mode)
	}
}
