package integration

import (
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// attack is one of the four modes of slowhttptest, a Debian package.
type attack struct{ name, flags, path string }

var attacks = []attack{
	{"slow headers", "-H -i 5 -x 24", "/"},
	{"slow bodies", "-B -i 5 -x 10 -s 8192", "/"},
	{"ranges", "-R -a 1 -b 3000", "/large"},
	{"slow reading", "-X -n 5 -w 1 -y 16 -z 32", "/large"},
}

// slowApplication has a response of a megabyte, and small ones.
const slowApplication = `def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'x' * 1000000 if environ['PATH_INFO'] == '/large' else environ['wsgi.input'].read()]
`

const (
	attackers     = 1000
	attackersCome = 5  // seconds, until they are all there
	attackLasts   = 40 // seconds, at most
	attackWindows = 5  // in which latencies are measured
	attackWindow  = 3 * time.Second
)

// TestSoakSlow sets a thousand attackers on a gild, by HTTP and by HTTPS. Beside it there is another gild, which nobody attacks, so that what the
// attackers themselves cost this machine shows in the latencies of both. Those of other clients must not differ by more
// than a fifth, memory is bounded, and when it is over nothing is left.
func TestSoakSlow(t *testing.T) {
	soak(t)
	for _, scheme := range []string{"http", "https"} {
		for _, a := range attacks {
			t.Run(scheme+"/"+a.name, func(t *testing.T) { soakSlow(t, a, scheme) })
		}
	}
}

func soakSlow(t *testing.T, a attack, scheme string) {
	slowhttptest := program(t, "slowhttptest")
	attacked, calm := startSecureApplication(t, slowApplication), startSecureApplication(t, slowApplication)
	victims := []*secure{calm, attacked}
	before := measureLatencies(t, victims, scheme)
	files := descriptors(t, attacked.gild)
	target := map[string]string{"http": attacked.address(), "https": attacked.secure()}[scheme]
	flags := fmt.Sprintf("-c %d -r %d -l %d -p 5 -u %s://%s%s %s", attackers, attackers/attackersCome, attackLasts, scheme, target, a.path, a.flags)
	crowd := accompany(t, exec.Command(slowhttptest, strings.Fields(flags)...))
	time.Sleep((attackersCome + 2) * time.Second) // until they are all there
	var p50s, p99s []float64
	for range attackWindows {
		now := measureLatencies(t, victims, scheme)
		p50s = append(p50s, float64(now[1].p50)/float64(now[0].p50))
		p99s = append(p99s, float64(now[1].p99)/float64(now[0].p99))
		t.Logf("calm %v, attacked %v; before the attack %v, %v; memory %v", now[0], now[1], before[0], before[1], resident(t, attacked.gild))
	}
	compareLatencies(t, p50s, p99s)
	boundMemory(t, attacked)
	attacked.untilLate(2*time.Minute, "end of the attack", func() bool { return crowd.alive() != nil })
	attacked.untilLate(time.Minute, "end of its connections", func() bool {
		for process, n := range descriptors(t, attacked.gild) {
			if n > files[process]+5 { // a file for what is kept, and what is just being measured
				return false
			}
		}
		return true
	})
}

// compareLatencies fails if those of the one that is attacked are a fifth longer in the middle of all windows. Chance has more part in
// the longest of them.
func compareLatencies(t *testing.T, p50s, p99s []float64) {
	slices.Sort(p50s)
	slices.Sort(p99s)
	p50, p99 := p50s[len(p50s)/2], p99s[len(p99s)/2]
	t.Logf("attacked against calm: p50 %.2f, p99 %.2f", p50, p99)
	if p50 > 1.2 || p99 > 1.5 {
		t.Errorf("latencies are longer under attack: p50 %.2f times %.2f, p99 %.2f times %.2f", p50, p50s, p99, p99s)
	}
}

// boundMemory fails if a process has more of its own than the attackers are worth: 200 KB each, for what they have not taken, with
// buffers and goroutines, and as much again for the garbage collector.
func boundMemory(t *testing.T, attacked *secure) {
	for process, size := range memoryOf(t, attacked.gild, "RssAnon:") {
		t.Logf("%s %d has %d MB under attack", process.role, process.pid, size>>20)
		if size > 100<<20+attackers*(400<<10) {
			t.Errorf("%d MB are too much", size>>20)
		}
	}
}

// latency is that of many requests.
type latency struct{ p50, p99 time.Duration }

func (l latency) String() string { return fmt.Sprintf("p50 %v p99 %v", l.p50, l.p99) }

// measureLatencies asks each of the victims in turn, on a new connection each time, for a window's time.
func measureLatencies(t *testing.T, victims []*secure, scheme string) []latency {
	t.Helper()
	took := make([][]time.Duration, len(victims))
	for began := time.Now(); time.Since(began) < attackWindow; time.Sleep(2 * time.Millisecond) {
		first := len(took[0]) % len(victims) // who is second finds everything warm
		for n := range victims {
			i := (first + n) % len(victims)
			start := time.Now()
			if err := victims[i].askAnew(scheme); err != nil {
				t.Fatalf("another client, in turn %d: %v", len(took[i]), err)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	result := make([]latency, len(victims))
	for i, list := range took {
		slices.Sort(list)
		result[i] = latency{list[len(list)/2], list[len(list)*99/100]}
	}
	return result
}

// askAnew asks once, on a connection of its own.
func (s *secure) askAnew(scheme string) error {
	address := s.address()
	if scheme == "https" {
		address = s.secure()
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if scheme == "https" {
		c = tls.Client(c, s.trusted())
	}
	return soakRequest(converse(c), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
}
