package files

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags do not wait for the other end of a FIFO.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK

// beneath has openat2(2) refuse what os.Root refuses: paths and symbolic links that lead out, and absolute links.
var beneath = unix.OpenHow{
	Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_LARGEFILE,
	Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
}

// A root is an open directory, out of which no name leads. It is closed when nobody uses it any more, by its finalizers.
type root struct {
	*os.Root
	directory *os.File // the same, for its descriptor
	fd        int
}

func openRoot(path string) (*root, error) {
	r, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	directory, err := r.Open(".")
	if err != nil {
		return nil, err
	}
	return &root{r, directory, int(directory.Fd())}, nil
}

// open opens a name as os.Root does, which needs two system calls for each directory of the name; openat2(2) is one for all of them.
// Only what that plainly finds or does not find is believed: for anything else, an old kernel or one that forbids the call as well,
// os.Root decides.
func (r *root) open(name string) (*os.File, error) {
	fd, err := unix.Openat2(r.fd, name, &beneath)
	runtime.KeepAlive(r)
	switch err {
	case nil:
		return os.NewFile(uintptr(fd), name), nil
	case unix.ENOENT, unix.ENOTDIR:
		return nil, err
	}
	return r.OpenFile(name, openFlags, 0)
}
