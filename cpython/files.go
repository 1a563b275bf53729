package cpython

// #include "arena.h"
import "C"

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// passed is a descriptor that came through the file socket for a request.
type passed struct {
	serial uint32
	file   *os.File
}

// File returns the file that follows the body, if there is one: an open file
// at the right offset, and how many bytes of it to send. The caller closes it.
// Only once Done has returned true.
func (r *Request) File() (*os.File, int64, error) {
	f, err := r.takeFile()
	if f == nil || err != nil {
		return nil, 0, err
	}
	offset, length := int64(r.slot.file_offset), int64(r.slot.file_length)
	if offset < 0 || length < 0 {
		f.Close()
		return nil, 0, r.corrupt(fmt.Sprintf("slot %d has %d bytes of a file from %d on", r.number, length, offset))
	}
	if _, err := f.Seek(offset, 0); err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("cpython: the file of the response cannot be positioned: %w", err)
	}
	return f, length, nil
}

// takeFile takes over the descriptor of the response. A number in the slot
// means something only if Python is in this process.
func (r *Request) takeFile() (*os.File, error) {
	fd := int(r.slot.file)
	r.slot.file = -1
	switch {
	case fd == -1:
		return nil, nil
	case fd == C.GILD_FILE_SENT:
		return r.pool.receiveFile(r)
	case fd >= 0 && !r.pool.arena.shared:
		return os.NewFile(uintptr(fd), "response"), nil
	}
	return nil, r.corrupt(fmt.Sprintf("slot %d has the file %d", r.number, fd))
}

// closeFile closes what File did not return.
func (r *Request) closeFile() {
	if r.slot.file == -1 || !r.flies.Load() || r.lost.Load() {
		return // what a dead process has sent is closed when the slot has its next file
	}
	if f, err := r.takeFile(); err == nil && f != nil {
		f.Close()
	}
}

// receiveFile reads the file socket until the descriptor of the request is
// there. It was sent before the slot was done, so there is nothing to wait for.
func (p *Pool) receiveFile(r *Request) (*os.File, error) {
	p.fileMu.Lock()
	defer p.fileMu.Unlock()
	for {
		if f, ok := p.files[r.number]; ok && f.serial == r.serial {
			delete(p.files, r.number)
			return f.file, nil
		}
		if err := p.readFile(); err != nil {
			return nil, r.corrupt(fmt.Sprintf("the file of slot %d did not come: %v", r.number, err))
		}
	}
}

// readFile reads one message of the file socket and keeps its descriptor for
// the slot it names.
func (p *Pool) readFile() error {
	text := make([]byte, 2*4)
	rights := make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := unix.Recvmsg(int(descriptor(p.arena.files[0])), text, rights, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("recvmsg", err)
	}
	fd, err := descriptorOf(rights[:m])
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "response")
	if n != len(text) || !isRegular(f) {
		f.Close()
		return nil // of no use, and somebody else's mistake
	}
	p.keepFile(int(binary.NativeEndian.Uint32(text)), passed{binary.NativeEndian.Uint32(text[4:]), f})
	return nil
}

// keepFile closes what is not for the present request of a slot. The serial is
// read from the arena: it only says which file is given to whom.
func (p *Pool) keepFile(slot int, f passed) {
	if slot >= len(p.all) || f.serial != atomic.LoadUint32(word(&p.all[slot].slot.serial)) {
		f.file.Close()
		return
	}
	if old, ok := p.files[slot]; ok {
		old.file.Close()
	}
	p.files[slot] = f
}

// descriptorOf returns the one descriptor in a control message. Several, for
// which there is room because of its alignment, are closed.
func descriptorOf(rights []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return 0, fmt.Errorf("a message without a file")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		return 0, fmt.Errorf("a message with %d files", len(fds))
	}
	return fds[0], nil
}

func isRegular(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}
