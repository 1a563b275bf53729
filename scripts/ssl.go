package scripts

import (
	"crypto/tls"
	"runtime"
	"sync"
	"weak"

	"gild/cpython"
	"gild/server"
)

// Variables calls add for each SSL_ variable that mod_ssl's StdEnvVars would give a request of a connection.
type Variables func(connection *tls.ConnectionState, add func(key, value string))

// An sslEnviron is the SSL_ variables of the connections that are open, each made when its first request comes: describing
// certificates takes longer than many a request. The state of a connection is what all its requests have in common, on all
// protocols; an entry goes when that is garbage.
type sslEnviron struct {
	variables Variables
	blocks    sync.Map // weak.Pointer[tls.ConnectionState] -> *cpython.Block
}

// add adds those of the connection of x, unless there is no TLS or --ssl-environment did not ask for them.
func (s *sslEnviron) add(slot *cpython.Request, x *server.Exchange) {
	if state := x.TLS(); s != nil && state != nil {
		slot.AddBlock(s.block(state))
	}
}

func (s *sslEnviron) block(state *tls.ConnectionState) *cpython.Block {
	key := weak.Make(state)
	if block, ok := s.blocks.Load(key); ok {
		return block.(*cpython.Block)
	}
	made := new(cpython.Block)
	s.variables(state, made.Add)
	block, known := s.blocks.LoadOrStore(key, made)
	if !known {
		runtime.AddCleanup(state, s.forget, key)
	}
	return block.(*cpython.Block)
}

func (s *sslEnviron) forget(key weak.Pointer[tls.ConnectionState]) { s.blocks.Delete(key) }

// SetVariables says where the SSL_ variables come from that --ssl-environment has put into the environ. Without it there are
// none. Call it before the first request.
func (e *Engine) SetVariables(v Variables) {
	if h := e.config.HTTPS; h != nil && h.Environment && v != nil {
		e.ssl = &sslEnviron{variables: v}
	}
	if v != nil {
		e.lookup = &sslEnviron{variables: packed(v)}
	}
}
