// Package mpm answers: which processes exist?
//
// A [Supervisor] starts the workers by exec of this binary, replaces what dies, hands over from an old worker to a new
// one, and stops everything. The worker's side of the same conversation is [Inherit]. The package knows neither HTTP nor Python.
//
// A worker gets these descriptors and nothing else:
//
//	0     /dev/null
//	1, 2  a pipe whose lines become records of the error log
//	3     control, a SOCK_SEQPACKET pair: down come the configuration and then "stop", up go "ready" or "failed TEXT"
//	4     the log socket (package logs)
//	5...  the listening sockets
//
// End of file on the control socket is the only question "are you alive?", in both directions: a worker whose supervisor
// is gone, even by SIGKILL, leaves.
//
// The supervisor is one loop ([Supervisor.Run]) that owns all state. Signals, messages of workers and timers come to it
// through channels; the operating system is asked through a struct of functions, so that the policy is tested without
// processes.
package mpm
