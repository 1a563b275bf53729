package scripts

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
)

// pattern is n bytes in which those that are lost or exchanged are noticed.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i) ^ byte(i>>8) ^ byte(i>>16)
	}
	return p
}

// nobody waits for a thread.
func nobody() bool { return false }

// through puts p into a spool in pieces of random sizes and returns what another goroutine takes.
func through(t *testing.T, s *spool, p []byte, dice *rand.Rand) []byte {
	sizes := make([]int, 0, 100)
	for n := 0; n < len(p); n += sizes[len(sizes)-1] {
		sizes = append(sizes, min(len(p)-n, dice.IntN(1<<dice.IntN(16))))
	}
	go func() {
		for _, n := range sizes {
			for s.put(p[:n]) == errFull { // and the other goroutine has not been quick enough
			}
			p = p[n:]
		}
		s.end(nil)
	}()
	var got bytes.Buffer
	buf := make([]byte, 50_000)
	for {
		n, ended, err := s.take(buf)
		if err != nil {
			t.Fatal(err)
		}
		if ended {
			return got.Bytes()
		}
		if n == 0 {
			s.Wait()
		}
		got.Write(buf[:n])
	}
}

// TestSpool: what is put is taken, in memory, in the file, and where there is room for nothing but one piece; and nothing is left.
func TestSpool(t *testing.T) {
	for _, c := range []struct {
		name    string
		memory  int   // bytes in use by others
		blocks  int64 // likewise
		noFile  bool
		inFile  bool // the file is used
		spoolOf int
	}{
		{"memory", 0, 0, false, false, 8 << 20},
		{"small", 0, 0, false, false, blockSize},
		{"some memory", storeMemory - 200_000, 0, false, true, 8 << 20},
		{"file", storeMemory, 0, false, true, 8 << 20},
		{"some of the file", storeMemory, storeFile/blockSize - 2, false, true, 8 << 20},
		{"nothing", storeMemory, storeFile / blockSize, false, true, 8 << 20},
		{"no file", storeMemory, 0, true, false, 8 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.noFile {
				t.Setenv("TMPDIR", t.TempDir()+"/missing")
			}
			log := new(listLogger)
			st := &store{log: log, memory: c.memory, blocks: c.blocks}
			dice := rand.New(rand.NewPCG(1, 2))
			var all sync.WaitGroup
			for range 4 {
				size := dice.IntN(3 << 20)
				seed := dice.Uint64()
				all.Go(func() {
					p := pattern(size)
					if got := through(t, newSpool(st, c.spoolOf, nobody), p, rand.New(rand.NewPCG(seed, 1))); !bytes.Equal(got, p) {
						t.Errorf("%d bytes came out of %d, or others", len(got), size)
					}
				})
			}
			all.Wait()
			if st.memory != c.memory || st.file != nil != c.inFile || st.failed != c.noFile {
				t.Errorf("in the end %d bytes of memory, file %v, failed %t", st.memory, st.file, st.failed)
			}
			if st.file != nil {
				st.file.Close()
			}
		})
	}
}

// TestSpoolGivesBack: an abandoned spool leaves nothing behind, whoever waits is told, and a file that is not used takes no space.
func TestSpoolGivesBack(t *testing.T) {
	st := &store{log: new(listLogger), memory: storeMemory}
	s := newSpool(st, 4*blockSize, nobody)
	ended := make(chan error)
	go func() { ended <- s.put(pattern(1 << 20)) }()
	for full := false; !full; {
		s.Wait()
		s.mu.Lock()
		full = s.unread == s.limit
		s.mu.Unlock()
	}
	s.close()
	if err := <-ended; err != errLeft {
		t.Errorf("a spool that is closed says %v", err)
	}
	info, err := st.file.Stat()
	if err != nil || info.Size() != 0 || st.memory != storeMemory || st.blocks != 0 {
		t.Errorf("the file has %d bytes, %d blocks; memory %d; error %v", info.Size(), st.blocks, st.memory, err)
	}
	st.file.Close()
}

// TestSpoolFull: when there is no room for anybody, who takes nothing is not waited for.
func TestSpoolFull(t *testing.T) {
	s := newSpool(&store{log: new(listLogger), memory: storeMemory, blocks: storeFile / blockSize}, 1<<20, nobody)
	if err := s.put(pattern(blockSize)); err != nil {
		t.Errorf("the first piece: %v", err)
	}
	if err := s.put(pattern(blockSize)); err != errFull {
		t.Errorf("the second piece: %v", err)
	}
}

// TestSpoolStretches: while others wait for the thread, a spool takes more than its limit, but not all there is.
func TestSpoolStretches(t *testing.T) {
	const limit = 4 * blockSize
	s := newSpool(&store{log: new(listLogger)}, limit, func() bool { return true })
	for range stretch * limit / blockSize {
		if err := s.add(pattern(blockSize)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.add([]byte("x")); err != errLimit {
		t.Errorf("more than %d times the limit: %v", stretch, err)
	}
	s.wanted = nobody
	if err := s.add([]byte("x")); err != errLimit {
		t.Errorf("when nobody waits: %v", err)
	}
}

// TestSpoolForgets: the memory of what was taken is not kept by what is still to come.
func TestSpoolForgets(t *testing.T) {
	s := newSpool(&store{}, 4*blockSize, func() bool { return false })
	for range 4 {
		if err := s.put(make([]byte, blockSize)); err != nil {
			t.Fatal(err)
		}
	}
	pieces := s.pieces
	if n, _, err := s.take(make([]byte, blockSize)); n != blockSize || err != nil || pieces[0].memory != nil {
		t.Errorf("%d bytes were taken, error %v; %d are kept", n, err, len(pieces[0].memory))
	}
}
