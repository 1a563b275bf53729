package scripts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// An answerCache remembers for a while what scripts have confirmed, so that a site that is looked at a lot need not compute the
// hash of a password for each picture. Refusals are not in it: who has just got a password need not wait, and who tries many does not
// push out those who know theirs. Passwords are not in it either, just a MAC of each question; hashes of Digest are. A nil cache remembers nothing.
type answerCache struct {
	life   time.Duration
	secret []byte

	mu    sync.Mutex
	known map[answerKey]remembered
}

// An answerKey stands for a question, its arguments, and the file of the script as it is.
type answerKey [sha256.Size]byte

type remembered struct {
	answer  answer
	expires time.Time
}

// mostAnswers bounds a cache; it is emptied when it is full, which costs a question each.
const mostAnswers = 10000

// newAnswerCache returns one that remembers answers for so long; nil for 0.
func newAnswerCache(life time.Duration) *answerCache {
	if life == 0 {
		return nil
	}
	c := &answerCache{life: life, secret: make([]byte, sha256.Size), known: map[answerKey]remembered{}}
	_, _ = rand.Read(c.secret) // never fails
	return c
}

// key is that of a question. A changed script makes all its keys others.
func (c *answerCache) key(to *question, q inquiry) (k answerKey) {
	if c == nil || !q.keep {
		return k
	}
	h := hmac.New(sha256.New, c.secret)
	write := func(text string) {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	write(q.question)
	for _, a := range q.arguments {
		write(a.value)
	}
	write(fmt.Sprint(stampOf(filepath.Join(to.Chroot, to.path))))
	h.Sum(k[:0])
	return k
}

func (c *answerCache) get(k answerKey) (answer, bool) {
	if c == nil || k == (answerKey{}) {
		return answer{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.known[k]
	return r.answer, ok && time.Now().Before(r.expires)
}

func (c *answerCache) put(k answerKey, a answer) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= mostAnswers {
		clear(c.known)
	}
	c.known[k] = remembered{a, time.Now().Add(c.life)}
}
