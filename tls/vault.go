package tls

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"gild/config"
	"gild/logs"
)

// secrets are drawn by the Keeper.
type secrets struct {
	Tickets      [][32]byte // keys of session tickets, the one that encrypts first
	Reset, Token [32]byte   // of QUIC, RFC 9000 sections 10.3.2 and 8.1.3
}

// contents are what a vault holds.
type contents struct {
	secrets
	Pairs     []pair // certificates from files, in the order of the configuration
	ClientCA  []byte // PEM
	ACMERoots []byte // PEM
	Fault     fault
}

// fault is what is wrong with files that have changed. As long as there is any, none of the changes is in use.
type fault struct {
	Reason      string // "": nothing
	Since, Last time.Time
}

// again is the fault after another one was found.
func (f fault) again(reason error, now time.Time) fault {
	if f.Reason == "" {
		f.Since = now
	}
	f.Reason, f.Last = reason.Error(), now
	return f
}

// The file of a vault: a version that grows with each change, the length of the body, a checksum of version and body; the
// body is JSON. Numbers are little-endian.
const (
	versionSize  = 8
	headSize     = versionSize + 8 + sha256.Size
	maxVaultSize = 4 << 20 // bytes of a body; a hundred certificates have a tenth of that
)

// Vault is the secrets of one configuration, in memory that its processes share. It belongs to a [Keeper].
type Vault struct {
	keeper *Keeper
	log    logs.Logger
	config *config.Config

	memory  *os.File // for writing
	file    *os.File // for reading only
	version uint64
	files   files
	seen    []stamp // of the files as they were read
	doubted []stamp // of files that were wrong at the last look
	fault   fault   // since they were wrong again at the next
}

// newVault reads the files of c into a vault that has not been written yet.
func newVault(log logs.Logger, c *config.Config) (*Vault, error) {
	v := &Vault{log: log, config: c, seen: stamps(c.HTTPS)}
	var err error
	if v.files, err = readFiles(c.HTTPS); err != nil {
		return nil, err
	}
	if v.memory, v.file, err = newMemory(); err != nil {
		return nil, fmt.Errorf("cannot make the memory that passes certificates to the processes: %w", err)
	}
	v.warn(time.Now())
	return v, nil
}

// newMemory makes a file in memory, with a second descriptor through which it can only be read. Its mode keeps a process
// of another user from opening it again for writing.
func newMemory() (memory, reader *os.File, err error) {
	fd, err := unix.MemfdCreate("gild-vault", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, os.NewSyscallError("memfd_create", err)
	}
	memory = os.NewFile(uintptr(fd), "vault")
	if err = memory.Chmod(0o600); err == nil {
		reader, err = os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	}
	if err != nil {
		memory.Close()
		return nil, nil, err
	}
	return memory, reader, nil
}

// File is what the processes get: readable, and always the newest contents. It belongs to the vault.
func (v *Vault) File() *os.File { return v.file }

// Close ends the watch over the files. Processes that have the file keep what was in it last.
func (v *Vault) Close() error {
	v.keeper.mu.Lock()
	defer v.keeper.mu.Unlock()
	delete(v.keeper.vaults, v)
	return v.close()
}

func (v *Vault) close() error {
	err := v.file.Close()
	if err2 := v.memory.Close(); err == nil {
		err = err2
	}
	return err
}

// refresh reads the files again if they have changed, and says whether there is anything new to write. Files that
// are wrong get a second chance at the next look, since a certificate and its key are seldom replaced in one step;
// then it is logged, once, and what was there before stays in use.
func (v *Vault) refresh() bool {
	now := stamps(v.config.HTTPS)
	if slices.Equal(now, v.seen) {
		return false
	}
	read, err := readFiles(v.config.HTTPS)
	switch {
	case err == nil:
		v.files, v.seen, v.doubted, v.fault = read, now, nil, fault{}
		logs.Printf(v.log, logs.Notice, module, "changed certificates have been read and are in use")
		v.warn(time.Now())
		return true
	case slices.Equal(now, v.doubted):
		v.seen, v.doubted, v.fault = now, nil, v.fault.again(err, time.Now())
		logs.Printf(v.log, logs.Error, module, "changed certificates cannot be used: %v; those from before stay in use", err)
		return true // the processes say so to who asks for their status
	default:
		v.doubted = now
	}
	return false
}

// warn logs what is strange about the certificates, but no reason to refuse them.
func (v *Vault) warn(now time.Time) {
	for _, line := range v.files.warnings(v.config, now) {
		logs.Printf(v.log, logs.Warn, module, "%s", line)
	}
}

// write makes the files and s the contents. The head comes last: a reader that sees a part of it finds that the
// checksum is wrong, and reads again.
func (v *Vault) write(s secrets) error {
	body, err := json.Marshal(contents{secrets: s, Pairs: v.files.pairs, ClientCA: v.files.clientCA, ACMERoots: v.files.acmeRoots, Fault: v.fault})
	if err != nil {
		return err
	}
	if len(body) > maxVaultSize {
		return fmt.Errorf("the certificates take %d bytes, and no more than %d can be passed on", len(body), maxVaultSize)
	}
	v.version++
	if _, err := v.memory.WriteAt(body, headSize); err != nil {
		return err
	}
	_, err = v.memory.WriteAt(vaultHead(v.version, body), 0)
	return err
}

// vaultHead is what stands before body.
func vaultHead(version uint64, body []byte) []byte {
	head := binary.LittleEndian.AppendUint64(nil, version)
	sum := sha256.New()
	sum.Write(head)
	sum.Write(body)
	head = binary.LittleEndian.AppendUint64(head, uint64(len(body)))
	return sum.Sum(head)
}

// vaultVersion is the version of what is in the file, which is cheap to ask for.
func vaultVersion(file io.ReaderAt) (uint64, error) {
	var head [versionSize]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return 0, fmt.Errorf("cannot read the vault: %w", err)
	}
	return binary.LittleEndian.Uint64(head[:]), nil
}

// readVault returns the contents and their version. One that is being written is read again, up to a tenth of a second.
func readVault(file io.ReaderAt) (c *contents, version uint64, err error) {
	for range 100 {
		if c, version, err = readVaultOnce(file); err == nil {
			return c, version, nil
		}
		time.Sleep(time.Millisecond)
	}
	return nil, 0, err
}

// readVaultOnce fails if the vault is being written.
func readVaultOnce(file io.ReaderAt) (*contents, uint64, error) {
	head := make([]byte, headSize)
	if _, err := file.ReadAt(head, 0); err != nil {
		return nil, 0, fmt.Errorf("cannot read the vault: %w", err)
	}
	version, length := binary.LittleEndian.Uint64(head), binary.LittleEndian.Uint64(head[versionSize:])
	if length > maxVaultSize {
		return nil, 0, fmt.Errorf("the vault claims to hold %d bytes", length)
	}
	body := make([]byte, length)
	if _, err := file.ReadAt(body, headSize); err != nil {
		return nil, 0, fmt.Errorf("cannot read the vault: %w", err)
	}
	if string(vaultHead(version, body)) != string(head) {
		return nil, 0, fmt.Errorf("the checksum of the vault is wrong")
	}
	c := new(contents)
	if err := json.Unmarshal(body, c); err != nil {
		return nil, 0, fmt.Errorf("cannot understand the vault: %w", err)
	}
	return c, version, nil
}
