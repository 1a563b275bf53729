package mpm

import "testing"

func TestScaleWant(t *testing.T) {
	g := &Group{Minimum: 2, Maximum: 100, MinSpare: 5, MaxSpare: 40}
	for _, test := range []struct {
		name              string
		rate, free, total int
		want, after       int // processes, and the rate then
	}{
		{"few", 0, 4, 10, 1, 1},
		{"still few", 1, 4, 10, 2, 2},
		{"for long", 32, 0, 10, 32, 32},
		{"clients wait", 32, -50, 10, 32, 32},
		{"near the maximum", 8, 0, 97, 3, 16},
		{"at the maximum", 8, 0, 100, 0, 0},
		{"no more than MaxSpare", 32, 4, 50, 32, 32},
		{"enough", 8, 5, 10, 0, 0},
		{"as many as may be", 0, 40, 50, 0, 0},
		{"too many", 4, 41, 50, -1, 0},
		{"too many but the minimum", 0, 41, 2, 0, 0},
	} {
		s := scale{rate: test.rate}
		if got := s.want(g, test.free, test.total); got != test.want || s.rate != test.after {
			t.Errorf("%s: %d, then %d; want %d, then %d", test.name, got, s.rate, test.want, test.after)
		}
	}
	narrow := &Group{Minimum: 1, Maximum: 100, MinSpare: 2, MaxSpare: 3}
	if got := (&scale{rate: 16}).want(narrow, 1, 10); got != 2 {
		t.Errorf("%d were started, of which some would be drained again", got)
	}
}

// Under any constant load the number of processes comes to rest, and within the bounds.
func TestScaleRests(t *testing.T) {
	g := Group{Processes: 3, Minimum: 1, Maximum: 60, MinSpare: 3, MaxSpare: 3}.normal()
	for busy := range 70 {
		total, changes := 30, 0
		var s scale
		for range 200 {
			n := s.want(&g, total-busy, total)
			total += n
			if changes++; n == 0 {
				changes = 0
			}
		}
		if changes != 0 || total < g.Minimum || total > g.Maximum {
			t.Errorf("%d busy: %d processes, and %d changes at the end", busy, total, changes)
		}
		if free := total - busy; total < g.Maximum && free < g.MinSpare || total > g.Minimum && free > g.MaxSpare {
			t.Errorf("%d busy: %d free", busy, free)
		}
	}
}
