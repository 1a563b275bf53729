package cpython

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A shelf lends things: slots, permits, seats. What came back last is lent
// first, because its memory is warm; who came first is served first. The zero
// value is empty. Any goroutine may use it.
type shelf[T comparable] struct {
	mu      sync.Mutex
	free    []T // a stack
	waiting []chan T
}

// errPatience is the end of a wait that was bounded.
var errPatience = errors.New("cpython: waited for too long")

// take returns a thing, waiting for one until the context ends, or for at most
// patience unless that is 0.
func (s *shelf[T]) take(ctx context.Context, patience time.Duration) (T, error) {
	s.mu.Lock()
	if n := len(s.free); n > 0 {
		thing := s.free[n-1]
		s.free = s.free[:n-1]
		s.mu.Unlock()
		return thing, nil
	}
	turn := make(chan T, 1)
	s.waiting = append(s.waiting, turn)
	s.mu.Unlock()
	return s.await(ctx, turn, patience)
}

func (s *shelf[T]) await(ctx context.Context, turn chan T, patience time.Duration) (none T, err error) {
	var timeout <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case thing := <-turn:
		return thing, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timeout:
		err = errPatience
	}
	s.giveUp(turn)
	return none, err
}

// try returns a thing if one can be had at once.
func (s *shelf[T]) try() (thing T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		thing, ok = s.free[n-1], true
		s.free = s.free[:n-1]
	}
	return thing, ok
}

// giveUp takes a waiter out of the queue, or passes on what it was just given.
func (s *shelf[T]) giveUp(turn chan T) {
	s.mu.Lock()
	for i, w := range s.waiting {
		if w == turn {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.mu.Unlock()
			return
		}
	}
	s.mu.Unlock()
	s.put(<-turn)
}

// put gives a thing back, or adds one.
func (s *shelf[T]) put(thing T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 {
		s.waiting[0] <- thing
		s.waiting = s.waiting[1:]
		return
	}
	s.free = append(s.free, thing)
}

// drop takes what the function picks off the shelf for good.
func (s *shelf[T]) drop(pick func(T) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.free[:0]
	for _, thing := range s.free {
		if !pick(thing) {
			kept = append(kept, thing)
		}
	}
	clear(s.free[len(kept):])
	s.free = kept
}

// counts returns how many things are free and how many takers wait.
func (s *shelf[T]) counts() (free, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.free), len(s.waiting)
}
