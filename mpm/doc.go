// Package mpm answers: which processes exist?
//
// A [Supervisor] carries out a [Plan]: it starts the processes by exec of this binary, replaces what dies, hands over from an old
// process to a new one without losing a request, and stops everything. The child's side of the same conversation is
// [Inherit]. The package knows neither HTTP nor Python.
//
// A plan has a front, which owns the connections, and groups of daemons, which run the application; or, embedded, groups of
// workers that do both. A generation is a plan that has been started. When the configuration changes the next generation is
// ready before the one that serves is told to finish.
//
// A child gets these descriptors and nothing else:
//
//	0     /dev/null
//	1, 2  a pipe whose lines become records of the error log
//	3     control, a SOCK_SEQPACKET pair; one message is one line of text
//	4     the log socket (package logs)
//	5...  Role.Files, in their order
//
// The first message down is an envelope, a line of JSON, and after it the configuration. The others, with SECONDS a decimal number,
// G the index of a group, R the record of a process in the arena of its group, and REASON words that may be missing:
//
//	to the front     process G R PID STATE REASON   a process is starting, ready, failed, draining or dead
//	                 accept                         accept connections
//	                 drain SECONDS TEXT             accept no more, answer what connections send, leave: others accept. TEXT, which may
//	                                                be missing, is of Options.Adopt: mpm does not know what it says
//	                 stop SECONDS                   accept no more, answer the requests that run, leave
//	from the front   ready                          it could accept connections
//	                 buried G R                     what the dead process had is settled: the record may be used again
//	                 kill G R PID REASON            that process broke the protocol between them
//	                 load G BUSY IDLE WAITING       how many seats are taken and free, and how many clients wait for one
//	to a daemon      drain SECONDS                  take no more requests, finish what runs, leave
//	                 resume                         the wish to be replaced failed: take requests again
//	                 stop                           leave
//	to a worker      drain SECONDS TEXT, stop SECONDS  as to the front
//	from both        ready                          the application is loaded
//	                 failed TEXT                    it cannot be; requests are answered with an error
//	                 renew REASON                   it wants to be replaced, and will be drained when the other is ready
//	                 leaving REASON                 it has begun to leave by itself
//
// End of file on the control socket is the only question "are you alive?", in both directions: a child whose supervisor
// is gone, even by SIGKILL, leaves.
//
// The supervisor is one loop ([Supervisor.Run]) that owns all state. Signals, messages of children and timers come to it
// through channels; the operating system is asked through a struct of functions, so that the policy is tested without
// processes.
package mpm
