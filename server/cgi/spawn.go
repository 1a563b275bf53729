package cgi

import (
	"os/exec"
	"runtime"
	"sync"
)

// A spawner starts programs from one thread that lives as long as the process. The kernel sends a program the signal that it asked
// for (PR_SET_PDEATHSIG) when the thread ends that has started it, and Go ends threads as it likes.
type spawner struct {
	once   sync.Once
	orders chan order
}

type order struct {
	command *exec.Cmd
	result  chan error
}

// start is command.Start.
func (s *spawner) start(command *exec.Cmd) error {
	s.once.Do(func() {
		s.orders = make(chan order)
		go s.serve()
	})
	result := make(chan error)
	s.orders <- order{command, result}
	return <-result
}

// serve ends with its thread, and that is with the process.
func (s *spawner) serve() {
	runtime.LockOSThread()
	for o := range s.orders {
		o.result <- o.command.Start()
	}
}
