package tls

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What no authority issues for is refused without asking anybody.
func TestDemandNames(t *testing.T) {
	d := newDemand(func(context.Context, string) error { return nil }, newDiary(t), time.Minute)
	for name, good := range map[string]bool{
		"www.example.com": true, "xn--bcher-kva.example": true, "a_b.example.com": true,
		"": false, "nodots": false, "localhost": false, "app.localhost": false, "192.0.2.1": false, "::1": false, "*.example.com": false,
		"a..example.com": false, ".example.com": false, "../../etc/passwd": false, "a b.example.com": false, strings.Repeat("a.", 130) + "com": false,
		strings.Repeat("a", 64) + ".com": false,
	} {
		if err := d.allow(context.Background(), name); (err == nil) != good || err != nil && !errors.Is(err, errRefused) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A flood of handshakes for one name costs one call, one for many names no more than may run at a time, and what is
// remembered has a limit.
func TestDemandFlood(t *testing.T) {
	var calls, running, most atomic.Int32
	d := newDemand(func(context.Context, string) error {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		calls.Add(1)
		time.Sleep(100 * time.Microsecond)
		return errors.New("no")
	}, newDiary(t), time.Hour)
	var crowd sync.WaitGroup
	for range 50 {
		crowd.Go(func() { d.allow(context.Background(), "one.example.com") })
	}
	crowd.Wait()
	if n := calls.Load(); n < 1 || n > maxPermits {
		t.Errorf("%d calls for one name", n)
	}
	for i := range maxNotes + 100 {
		crowd.Go(func() { d.allow(context.Background(), fmt.Sprintf("n%d.example.com", i)) })
	}
	crowd.Wait()
	if n := most.Load(); n > maxPermits {
		t.Errorf("%d calls at a time", n)
	}
	if n := len(d.answers.all); n > maxNotes {
		t.Errorf("%d names are remembered", n)
	}
}

// Each failure doubles the time for which a name is left alone, although it is permitted.
func TestDemandFailures(t *testing.T) {
	d := newDemand(func(context.Context, string) error { return nil }, newDiary(t), time.Minute)
	const name = "www.example.com"
	pause := func() time.Duration { f, _ := d.failures.get(name); return f.pause }
	for _, want := range []time.Duration{1, 2, 4, 8} {
		d.failed(name, errors.New("failed"))
		if got := pause(); got != want*time.Minute {
			t.Errorf("left alone for %v, and not %v minutes", got, int(want))
		}
	}
	for range 20 {
		d.failed(name, errors.New("failed"))
	}
	if got := pause(); got != longFailure {
		t.Errorf("left alone for %v", got)
	}
	if err := d.allow(context.Background(), name); !errors.Is(err, errRefused) {
		t.Errorf("it is tried again at once: %v", err)
	}
	if err := d.permitted(context.Background(), name); err != nil {
		t.Errorf("it is not the site's any more: %v", err)
	}
}

// An answer holds for a while, whichever it is; none is an answer that somebody did not wait for.
func TestDemandAnswers(t *testing.T) {
	answer, calls := errors.New("no"), 0
	d := newDemand(func(context.Context, string) error { calls++; return answer }, newDiary(t), time.Hour)
	ctx, cancel := context.WithCancel(context.Background())
	for range 3 {
		if err := d.permitted(ctx, "refused.example.com"); !errors.Is(err, answer) || !errors.Is(err, errRefused) {
			t.Error(err)
		}
	}
	answer = nil
	for range 3 {
		if err := d.permitted(ctx, "permitted.example.com"); err != nil {
			t.Error(err)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls for two names", calls)
	}
	d.permit = func(context.Context, string) error { cancel(); return errors.New("too slow") }
	if err := d.permitted(ctx, "slow.example.com"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, ok := d.answers.get("slow.example.com"); ok {
		t.Error("remembered that there was no time")
	}
}

// Who has no time left does not wait for the script.
func TestDemandCanceled(t *testing.T) {
	d := newDemand(func(context.Context, string) error { return nil }, newDiary(t), time.Minute)
	for range maxPermits {
		d.calls <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := d.allow(ctx, "www.example.com"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for range maxAsking {
		d.asking <- struct{}{}
	}
	if err := d.allow(context.Background(), "www.example.com"); !errors.Is(err, errRefused) {
		t.Error(err)
	}
}
