package config

import (
	"fmt"
	"math"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// mpms are the models of which process serves what, in the order of preference.
var mpms = []choice{{name: Event}, {name: Worker}, {name: Prefork}}

// addMPM notes a preference. As in mod_wsgi-express several of them are a filter, not a ranking (S49).
func addMPM(r *request, v []string) error {
	name, err := choose(mpms, v[0])
	if err == nil {
		r.mpms = append(r.mpms, name)
	}
	return err
}

// chooseMPM takes the first model of ours that was named, or simply the first.
func (r *request) chooseMPM() {
	for _, m := range mpms {
		if r.MPM == "" && (len(r.mpms) == 0 || slices.Contains(r.mpms, m.name)) {
			r.MPM = m.name
		}
	}
}

// setUmask reads octal digits, with or without Python's 0o.
func setUmask(r *request, v []string) error {
	digits := strings.TrimPrefix(v[0], "0o")
	n, err := strconv.ParseUint(digits, 8, 16)
	if err != nil || n > 0o777 {
		return fmt.Errorf("'%s' is not an octal number from 000 to 777", v[0])
	}
	mask := int(n)
	r.group().Umask = &mask
	return nil
}

// setProcessGroup takes a name that is the same for every request.
func setProcessGroup(r *request, v []string) error {
	switch {
	case v[0] == "%{GLOBAL}":
		return fmt.Errorf("%%{GLOBAL} are the processes that speak HTTP; use --embedded-mode for these")
	case v[0] == "" || strings.Contains(v[0], "%{") || strings.ContainsFunc(v[0], unicode.IsControl):
		return fmt.Errorf("'%s' is not the name of a process group; a plain name is", v[0])
	}
	r.group().Name = v[0]
	return nil
}

// setSupplementaryGroups keeps the list until it is known who asks for it.
func setSupplementaryGroups(r *request, v []string) error {
	r.supplementary = &v[0]
	return nil
}

// atLeast checks a size in bytes where 0 is the system's default.
func atLeast(least int64) func(string) error {
	return func(value string) error {
		n, err := integer(value, 0, math.MaxInt32)
		if err == nil && n != 0 && n < least {
			err = fmt.Errorf("%d bytes are too small, the least is %d; 0 is the default", n, least)
		}
		return err
	}
}

// bufferSize takes bytes; 0 stands for a size of its own.
func bufferSize(least, zero int64, field func(*request) *int) setter {
	check := atLeast(least)
	return func(r *request, v []string) error {
		if err := check(v[0]); err != nil {
			return err
		}
		n, err := integer(v[0], 0, math.MaxInt32)
		if n == 0 {
			n = zero
		}
		*field(r) = int(n)
		return err
	}
}

// setFlushDelay takes milliseconds, up to a minute: nobody waits longer for the first bytes of a page on purpose.
func setFlushDelay(r *request, v []string) error {
	n, err := integer(v[0], 0, 60000)
	r.group().ResponseFlushDelay = time.Duration(n) * time.Millisecond
	return err
}

// units are what a number of bytes may end with. As in Python and in ulimit a kilobyte has 1024 of them.
var units = map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

// leastMemory is below what Python needs to start: less is a mistake of units, and no process would ever come up.
const leastMemory = 16 << 20

// memory takes a limit of memory, 0 for none.
func memory(field func(*request) *int64) setter {
	return func(r *request, v []string) error {
		word, unit := strings.TrimSpace(v[0]), int64(1)
		if last := len(word) - 1; last >= 0 {
			if size, ok := units[strings.ToUpper(word[last:])]; ok {
				word, unit = word[:last], size
			}
		}
		n, err := integer(word, 0, math.MaxInt64/unit)
		if err != nil && n == 0 {
			err = fmt.Errorf("invalid number of bytes: '%s'; it is a number such as 1000000000, 500M or 2G", v[0])
		}
		if err == nil && n != 0 && n*unit < leastMemory {
			err = fmt.Errorf("'%s' are %d bytes, too few for Python to start; the least is 16M, and 0 is no limit", v[0], n*unit)
		}
		*field(r) = n * unit
		return err
	}
}

// addIgnoreActivity adds a URL path in the form of --mount-point.
func addIgnoreActivity(r *request, v []string) error {
	if v[0] == "" || strings.ContainsAny(v[0], "?#%") {
		return fmt.Errorf("'%s' is not the decoded path of a URL", v[0])
	}
	r.group().IgnoreActivity = append(r.group().IgnoreActivity, path.Clean("/"+v[0]))
	return nil
}

// setMetricsAddress takes an address and a port; without the address it is every interface.
func setMetricsAddress(r *request, v []string) error {
	host, port, err := net.SplitHostPort(v[0])
	if err != nil {
		return fmt.Errorf("'%s' is not an address and a port, such as 127.0.0.1:9100", v[0])
	}
	if _, err := integer(port, 1, 65535); err != nil {
		return fmt.Errorf("the port: %w", err)
	}
	r.MetricsAddress = net.JoinHostPort(host, port)
	return nil
}
