package cpython

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestShelf: last in, first out.
func TestShelf(t *testing.T) {
	var s shelf[int]
	if _, ok := s.try(); ok {
		t.Error("an empty shelf gave something")
	}
	for i := range 3 {
		s.put(i)
	}
	first, _ := s.try()
	second, err := s.take(t.Context(), 0)
	if first != 2 || second != 1 || err != nil {
		t.Errorf("it gave %d, %d, %v", first, second, err)
	}
	s.put(7)
	s.drop(func(n int) bool { return n == 0 })
	if free, waiting := s.counts(); free != 1 || waiting != 0 {
		t.Errorf("%d are free, %d wait", free, waiting)
	}
}

// TestShelfIsFair: who waits is served in the order of coming, those who lost patience are passed over, and nothing that
// is given to them at that moment is lost.
func TestShelfIsFair(t *testing.T) {
	var s shelf[int]
	var group sync.WaitGroup
	errs := make([]error, 9)
	got := make(chan [2]int, len(errs))
	hasty, cancel := context.WithCancel(t.Context())
	for i := range errs {
		ctx := t.Context()
		if i%3 == 1 {
			ctx = hasty
		}
		group.Go(func() {
			thing, err := s.take(ctx, 0)
			if errs[i] = err; err == nil {
				got <- [2]int{thing, i}
			}
		})
		if err := until(func() bool { _, n := s.counts(); return n == i+1 }); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	_ = until(func() bool { _, n := s.counts(); return n == 6 })
	var order []int
	for i := range 6 {
		s.put(i)
		order = append(order, (<-got)[1])
	}
	group.Wait()
	if want := []int{0, 2, 3, 5, 6, 8}; !slices.Equal(order, want) {
		t.Errorf("they were served in the order %v, want %v", order, want)
	}
	for i, err := range errs {
		if (err == context.Canceled) != (i%3 == 1) {
			t.Errorf("taker %d: %v", i, err)
		}
	}
}

// TestShelfLosesNothing: giving up and being given coincide.
func TestShelfLosesNothing(t *testing.T) {
	const things, takers, times = 3, 8, 200
	var s shelf[int]
	for i := range things {
		s.put(i)
	}
	var held [things]sync.Mutex
	var group sync.WaitGroup
	for range takers {
		group.Go(func() {
			for range times {
				thing, err := s.take(t.Context(), time.Microsecond)
				if err == errPatience {
					continue
				}
				if !held[thing].TryLock() {
					t.Errorf("%d was lent to two", thing)
					return
				}
				held[thing].Unlock()
				s.put(thing)
			}
		})
	}
	group.Wait()
	if free, waiting := s.counts(); free != things || waiting != 0 {
		t.Errorf("%d of %d came back, %d wait", free, things, waiting)
	}
}
