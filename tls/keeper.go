package tls

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"

	"gild/config"
	"gild/logs"
)

// module is who speaks in the error log, as Apache's mod_ssl does.
const module = "ssl"

// Session tickets as crypto/tls keeps them by itself: a key encrypts for a day and decrypts for a week (RFC 8446,
// section 4.6.1, allows no more than seven days).
const (
	ticketPeriod = 24 * time.Hour
	ticketKeys   = 7
)

// Keeper has the secrets of the supervisor's life and watches the files of its vaults. The keys of session tickets are the
// same in all generations and all processes, so that a session is resumed wherever a connection lands. The methods
// may be called from any goroutine.
type Keeper struct {
	log    logs.Logger
	period time.Duration // between two looks at the files

	mu           sync.Mutex
	reset, token [32]byte
	tickets      [][32]byte // the first one encrypts
	drawn        time.Time  // when the first one was drawn
	vaults       map[*Vault]struct{}
}

// NewKeeper draws the secrets. What is wrong with files later is logged to log.
func NewKeeper(log logs.Logger) *Keeper {
	k := &Keeper{log: log, period: 2 * time.Second, vaults: map[*Vault]struct{}{}}
	rand.Read(k.reset[:])
	rand.Read(k.token[:])
	k.draw(time.Now())
	return k
}

// Run looks at the files of all vaults every two seconds, and after the tickets, until ctx is done.
func (k *Keeper) Run(ctx context.Context) {
	ticker := time.NewTicker(k.period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			k.look(now)
		}
	}
}

// Vault reads the files that c names and keeps what is in them, for the processes of the generation of c. The error
// says which file is wrong, how, and what to do; it is a reason to refuse the configuration. Close it when the last
// of those processes has gone.
func (k *Keeper) Vault(c *config.Config) (*Vault, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, err := newVault(k.log, c)
	if err != nil {
		return nil, err
	}
	if err := v.write(k.secrets()); err != nil {
		v.close()
		return nil, err
	}
	v.keeper = k
	k.vaults[v] = struct{}{}
	return v, nil
}

// look brings all vaults up to date.
func (k *Keeper) look(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh := now.Sub(k.drawn) >= ticketPeriod
	if fresh {
		k.draw(now)
	}
	for _, v := range slices.Collect(maps.Keys(k.vaults)) {
		changed := v.refresh()
		if fresh {
			v.warn(now)
		}
		if !changed && !fresh {
			continue
		}
		if err := v.write(k.secrets()); err != nil {
			logs.Printf(k.log, logs.Error, module, "cannot pass changed certificates on: %v; those from before stay in use", err)
		}
	}
}

// draw makes a new ticket key the first one.
func (k *Keeper) draw(now time.Time) {
	var key [32]byte
	rand.Read(key[:])
	k.tickets = append([][32]byte{key}, k.tickets[:min(len(k.tickets), ticketKeys-1)]...)
	k.drawn = now
}

// secrets are the contents of every vault that come from the keeper.
func (k *Keeper) secrets() secrets {
	return secrets{Tickets: k.tickets, Reset: k.reset, Token: k.token}
}
