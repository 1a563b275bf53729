package scripts

import (
	"os"
	"sync"

	"gild/logs"

	"golang.org/x/sys/unix"
)

// A store keeps what slow clients have not taken yet, for all responses of a process: in memory at first, and in a file when
// that is used up. It may be used by many goroutines.
type store struct {
	log logs.Logger

	mu      sync.Mutex
	memory  int      // bytes of pieces in memory
	file    *os.File // has no name any more; nil: it was not needed yet
	free    []int64  // blocks of the file that are not in use
	blocks  int64    // of the file, in use or not
	most    int64    // of those there may be
	failed  bool     // the file cannot be used: it was said in the log
	crowded bool     // all blocks are in use: likewise
}

// What a store holds at most. Beyond it, responses whose clients take nothing are cut off.
const (
	storeMemory = 64 << 20
	storeFile   = 8 << 30  // and no more than a quarter of what is free on the disk
	blockSize   = 32 << 10 // bytes of a block of the file, which belongs to one piece
)

// A kept is a piece of a response in the store.
type kept struct {
	memory []byte // nil: it is in the file
	block  int64  // there
	size   int    // bytes
	read   int    // of which so many were taken
}

// keep takes a copy of p, of at most blockSize bytes. It reports false when there is no room; must keeps it all the same.
func (s *store) keep(p []byte, must bool) (kept, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.memory+len(p) > storeMemory {
		if k, ok := s.keepInFile(p); ok || !must {
			return k, ok
		}
	}
	s.memory += len(p)
	return kept{memory: append([]byte(nil), p...), size: len(p)}, true
}

// keepInFile is keep for the file.
func (s *store) keepInFile(p []byte) (k kept, ok bool) {
	if !s.takeBlock(&k) {
		return kept{}, false
	}
	if !s.write(&k, p) {
		s.free = append(s.free, k.block)
		return kept{}, false
	}
	return k, true
}

// grow adds p to a piece, so that many small ones do not become many. It reports false when k has no room for it.
func (s *store) grow(k *kept, p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case k.size+len(p) > blockSize:
		return false
	case k.memory == nil:
		return s.write(k, p)
	case s.memory+len(p) > storeMemory:
		return false
	}
	s.memory += len(p)
	k.memory = append(k.memory, p...)
	k.size += len(p)
	return true
}

// write adds p to a piece in the file.
func (s *store) write(k *kept, p []byte) bool {
	if _, err := s.file.WriteAt(p, k.block*blockSize+int64(k.size)); err != nil {
		s.complain(err)
		return false
	}
	k.size += len(p)
	return true
}

// takeBlock finds a block of the file for k.
func (s *store) takeBlock(k *kept) bool {
	if n := len(s.free); n > 0 {
		k.block, s.free = s.free[n-1], s.free[:n-1]
		return true
	}
	if !s.open() {
		return false
	}
	if s.blocks >= s.most {
		if !s.crowded {
			logs.Printf(s.log, logs.Warn, "wsgi", "Slow clients have left so much of their responses that %d MB are kept for them; who takes nothing is cut off.",
				s.most*blockSize>>20)
		}
		s.crowded = true
		return false
	}
	k.block = s.blocks
	s.blocks++
	return true
}

// open makes the file, and takes its name away: it ends with the process.
func (s *store) open() bool {
	if s.file != nil {
		return true
	}
	file, err := os.CreateTemp("", "gild-responses-*")
	if err == nil {
		err = os.Remove(file.Name())
	}
	var disk unix.Statfs_t
	if err == nil {
		err = unix.Fstatfs(int(file.Fd()), &disk)
	}
	if err != nil {
		s.complain(err)
		return false
	}
	s.file, s.most = file, min(storeFile, int64(disk.Bavail)*disk.Bsize/4)/blockSize
	return true
}

// complain says once that there is only memory.
func (s *store) complain(err error) {
	if !s.failed {
		logs.Printf(s.log, logs.Warn, "wsgi", "Responses that slow clients have not taken yet cannot be kept in a temporary file: %v. "+
			"Beyond %d MB they are cut off; make room in the directory of TMPDIR.", err, storeMemory>>20)
	}
	s.failed = true
}

// take moves bytes of k to p, and returns how many; all of them if p has room for a whole piece.
func (s *store) take(k *kept, p []byte) (int, error) {
	p = p[:min(len(p), k.size-k.read)]
	at := k.read
	if k.memory != nil {
		copy(p, k.memory[at:])
	} else if _, err := s.file.ReadAt(p, k.block*blockSize+int64(at)); err != nil {
		return 0, err
	}
	k.read += len(p)
	return len(p), nil
}

// drop gives the room of k back, and forgets it: a slice of pieces would keep the memory of those that were taken.
func (s *store) drop(k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dropped := *k
	*k = kept{}
	if dropped.memory != nil {
		s.memory -= dropped.size
		return
	}
	s.free = append(s.free, dropped.block)
	if int64(len(s.free)) == s.blocks {
		s.shrink()
	}
}

// shrink gives the space on the disk back when no block is in use.
func (s *store) shrink() {
	if err := s.file.Truncate(0); err == nil {
		s.free, s.blocks, s.crowded, s.failed = nil, 0, false, false
	}
}
