package cpython

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// acquireAll takes every free slot.
func acquireAll(t *testing.T, p *both) []*Request {
	t.Helper()
	var all []*Request
	for range testRequests {
		r, err := p.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// untilWaiting returns when n callers of Acquire wait.
func untilWaiting(p *both, n int) {
	for {
		if _, waiting := p.free.counts(); waiting == n {
			return
		}
		runtime.Gosched()
	}
}

// TestAcquireInOrder: when all slots are taken, they go to those who wait in the order in which they came.
func TestAcquireInOrder(t *testing.T) {
	p := python()
	all := acquireAll(t, p)
	const waiters = 5
	var order []int
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range waiters {
		group.Go(func() {
			r, err := p.Acquire(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			r.Release()
		})
		untilWaiting(p, i+1)
	}
	all[0].Release() // and each of them passes it on
	group.Wait()
	if !slices.IsSorted(order) || len(order) != waiters {
		t.Errorf("the order was %v", order)
	}
	for _, r := range all[1:] {
		r.Release()
	}
}

// TestAcquireGivesUp: who gives up is no longer in the way of the others.
func TestAcquireGivesUp(t *testing.T) {
	p := python()
	all := acquireAll(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := p.Acquire(ctx)
		first <- err
	}()
	untilWaiting(p, 1)
	go func() {
		r, err := p.Acquire(t.Context())
		if err == nil {
			r.Release()
		}
		second <- err
	}()
	untilWaiting(p, 2)
	cancel()
	if err := <-first; err != context.Canceled {
		t.Errorf("the one who gave up got %v", err)
	}
	all[0].Release()
	if err := <-second; err != nil {
		t.Errorf("the other one got %v", err)
	}
	for _, r := range all[1:] {
		r.Release()
	}
}

// TestAcquireRaces: slots are neither lost nor given out twice when giving up and getting one coincide.
func TestAcquireRaces(t *testing.T) {
	p := python()
	var held sync.Map
	var group sync.WaitGroup
	for range 4 * testRequests {
		group.Go(func() {
			for range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				go cancel()
				r, err := p.Acquire(ctx)
				if err != nil {
					continue
				}
				if _, twice := held.LoadOrStore(r.number, true); twice {
					t.Errorf("slot %d was given out twice", r.number)
				}
				runtime.Gosched()
				held.Delete(r.number)
				r.Release()
			}
		})
	}
	group.Wait()
	for _, r := range acquireAll(t, p) {
		defer r.Release()
	}
}

// TestCrowd has more requests than slots, in every interpreter at once, and counts the answers.
func TestCrowd(t *testing.T) {
	var group sync.WaitGroup
	for i := range 4 * testRequests {
		group.Go(func() {
			for j := range 20 {
				list := applications()
				r, err := python().Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				r.Add("PATH_INFO", "pieces")
				r.Add("SIZES", "[100, 0, 400000, 20]")
				r.EndInput(Complete)
				submit(t, r, list[(i+j)%len(list)])
				if a := read(t, r, 70_001); a.body != pattern(400120) || a.end != Complete {
					t.Errorf("%d bytes, end %d", len(a.body), a.end)
				}
				r.Release()
			}
		})
	}
	group.Wait()
	if n := python().Queued(); n != 0 {
		t.Errorf("%d requests wait in the end", n)
	}
}
