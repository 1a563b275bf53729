package config

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The setters of the table. Each is made for a field, reads the words that followed the option, and says what would
// have been right when they cannot be used. The parser adds the place to what they return.

type setter = func(r *request, values []string) error

// on sets a field to true.
func on(field func(*request) *bool) setter {
	return func(r *request, _ []string) error {
		*field(r) = true
		return nil
	}
}

// off sets a field to false.
func off(field func(*request) *bool) setter {
	return func(r *request, _ []string) error {
		*field(r) = false
		return nil
	}
}

// text takes any word but the empty one.
func text(field func(*request) *string) setter {
	return func(r *request, v []string) error {
		if v[0] == "" {
			return fmt.Errorf("the value is empty")
		}
		*field(r) = v[0]
		return nil
	}
}

// pathname makes the path absolute against the directory gild was started in.
func pathname(field func(*request) *string) setter {
	return func(r *request, v []string) error {
		if v[0] == "" {
			return fmt.Errorf("the path is empty")
		}
		*field(r) = r.absolute(v[0])
		return nil
	}
}

// number takes a whole number of that range.
func number[T int | int64](low, high int64, field func(*request) *T) setter {
	return func(r *request, v []string) error {
		n, err := integer(v[0], low, high)
		if err == nil {
			*field(r) = T(n)
		}
		return err
	}
}

// integer reads a number as optparse does: decimal, 0x hexadecimal, 0b binary, and octal after a leading 0.
func integer(word string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(word), 0, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("invalid integer value: '%s'; it is a whole number, %s", word, span(low, high))
	case n < low:
		return 0, fmt.Errorf("%d is too small, the least is %d", n, low)
	case n > high:
		return 0, fmt.Errorf("%d is too large, the most is %d", n, high)
	}
	return n, nil
}

// span is a range of numbers in words.
func span(low, high int64) string {
	if high == math.MaxInt64 {
		return fmt.Sprintf("at least %d", low)
	}
	return fmt.Sprintf("from %d to %d", low, high)
}

// longest is the most seconds any timeout may have: a day. More is a mistake of units, and no different from for ever.
// oldest is the same for what may become of a process: ten years.
const longest, oldest = 24 * 60 * 60, 10 * 365 * 24 * 60 * 60

// seconds takes a time of at least low seconds; mod_wsgi-express has whole ones, fractions are an addition.
func seconds(low float64, field func(*request) *time.Duration) setter {
	return duration(low, longest, field)
}

// age takes a time a process may live or spend, 0 for no limit.
func age(field func(*request) *time.Duration) setter { return duration(0, oldest, field) }

// duration takes seconds of that range.
func duration(low, high float64, field func(*request) *time.Duration) setter {
	return func(r *request, v []string) error {
		s, err := fraction(v[0])
		if err != nil {
			return fmt.Errorf("invalid number of seconds: '%s'; it is a number such as 90 or 0.5", v[0])
		}
		if s < low || s > high {
			return fmt.Errorf("%s seconds are out of range, it is from %v to %.0f", v[0], low, high)
		}
		*field(r) = time.Duration(math.Round(s * float64(time.Second)))
		return nil
	}
}

// share takes a part of the whole, which is 1. The words are those of mod_wsgi-express.
func share(field func(*request) **float64) setter {
	return func(r *request, v []string) error {
		f, err := fraction(v[0])
		if err != nil {
			return err
		}
		if f < 0 || f > 1 {
			return complain("", "%s is out of range, option value needs to be within the range 0 to 1.", v[0])
		}
		*field(r) = &f
		return nil
	}
}

// fraction reads a number that need not be whole, in the notations of integer as well.
func fraction(word string) (float64, error) {
	if n, err := integer(word, math.MinInt64, math.MaxInt64); err == nil {
		return float64(n), nil
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("invalid floating-point value: '%s'; it is a number such as 0.5", word)
	}
	return f, nil
}

// oneOf takes one of some words. A word that stands for a feature of later versions has the feature's name here.
func oneOf(choices []choice, field func(*request) *string) setter {
	return func(r *request, v []string) error {
		name, err := choose(choices, v[0])
		if err == nil {
			*field(r) = name
		}
		return err
	}
}

// choice is a word an option accepts.
type choice struct {
	name  string
	later string // not "": the feature it needs, which is not in this version
}

// choose finds a word among the choices, whatever its case.
func choose(choices []choice, word string) (string, error) {
	var names []string
	for _, c := range choices {
		if !strings.EqualFold(c.name, word) {
			names = append(names, c.name)
			continue
		}
		if c.later != "" {
			return "", fmt.Errorf("%s is refused, because %s %s", c.name, notYet, c.later)
		}
		return c.name, nil
	}
	return "", fmt.Errorf("'%s' is none of %s", word, strings.Join(names, ", "))
}

// notYet begins what is said about a feature that comes later.
const notYet = "this version of gild does not have"

// absolute is path against the directory gild was started in.
func (r *request) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.env.Dir, path)
}
