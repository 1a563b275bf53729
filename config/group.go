package config

import "time"

// ProcessGroup is the processes that run an application: how many there are, as whom, and what they may use up before
// they are replaced. It is what mod_wsgi calls a daemon process group. The command line makes exactly one. In embedded
// mode its processes are the workers, and what has a meaning for daemon processes only is zero.
type ProcessGroup struct {
	Name           string // mod_wsgi.process_group of daemon processes; "HOST:PORT" unless --process-group is given
	DisplayName    string // argv[0] of daemon processes
	Permission     bool   // the group runs the permission script of automatic certificates, and no application
	Access         bool   // the group runs the scripts of Config.Access, and no application
	Processes      int    // how many are started at first, 1..1024; under event and worker also how many there are
	ProcessesGiven bool   // --processes was there, with whatever number; see Multiprocess
	Threads        int    // Python threads of each process, 1..4096; 1 under prefork

	MinimumProcesses int // the group does not shrink below, 1..Processes; Processes except under prefork
	MaximumProcesses int // the group does not grow above, Processes..1024; Processes except under prefork
	MinimumSpare     int // idle processes below which prefork starts more; 0: it neither grows nor shrinks
	MaximumSpare     int // idle processes above which prefork ends some, more than MinimumSpare; 0: see there

	User        string      // as in Config
	Group       string      // as in Config
	UserHome    string      // home directory of User by the user database; "": not known
	Credential  *Credential // whom the processes must become; nil: they stay what the supervisor is
	Chroot      string      // absolute path of the directory that is "/" to the processes; "": they see everything
	Home        string      // current directory of the processes, as they see it in Chroot
	Umask       *int        // 0..0777; nil: inherited
	CPUPriority int         // nice value, -20..19; 0: inherited

	MaximumRequests       int           // after so many a process is replaced; 0: never
	MaximumRequestsJitter int           // up to so many fewer, by chance, 0..MaximumRequests
	RestartInterval       time.Duration // age at which a process is replaced; 0: never
	CPUTimeLimit          time.Duration // CPU time after which a process is replaced, RLIMIT_CPU; 0: none
	RSSLimit              int64         // bytes of memory in use at which a process is replaced; 0: none
	MemoryLimit           int64         // bytes, RLIMIT_DATA; 0: none
	VirtualMemoryLimit    int64         // bytes, RLIMIT_AS; 0: none

	Backlog            int           // requests that may wait for a thread, 1..65535; more are answered 503
	HeaderBufferSize   int           // bytes of the longest header line of a response; a longer one is answered 500
	ResponseBufferSize int           // bytes of a response sent without a flush
	ResponseFlushDelay time.Duration // how long to wait for more of a response before what there is is flushed
	IgnoreActivity     []string      // URL paths whose requests do not count against Timeouts.Inactivity
	Timeouts           GroupTimeouts
}

// GroupTimeouts are how long the processes of a group may take. 0 is "never" unless said otherwise.
type GroupTimeouts struct {
	Request    time.Duration // a request runs: T x (1 + ln Threads), then the process is replaced
	Interrupt  time.Duration // a request that got mod_wsgi.RequestTimeout goes on; 0: none is raised
	Queue      time.Duration // a request waits for a thread; then 504
	Connect    time.Duration // no process of the group is there to take a request; then 503; 0: 503 at once
	Socket     time.Duration // nothing comes from the application, or from the client; not 0
	Startup    time.Duration // the application is loaded
	Shutdown   time.Duration // requests run after the process was told to stop; 0: they are aborted at once
	Graceful   time.Duration // requests run in a process that is replaced; 0: as Shutdown
	Eviction   time.Duration // the same after SIGUSR1; Graceful where 0 was asked for
	Deadlock   time.Duration // the GIL cannot be obtained
	Inactivity time.Duration // no request comes
}

// Asked reports whether the group runs scripts that gild asks for itself, and serves no clients.
func (g *ProcessGroup) Asked() bool { return g.Permission || g.Access }

// Multiprocess is wsgi.multiprocess: another process may be serving the same application.
func (g *ProcessGroup) Multiprocess() bool { return g.ProcessesGiven || g.MaximumProcesses > 1 }

// Multithread is wsgi.multithread: another thread of the process may be serving the same application.
func (g *ProcessGroup) Multithread() bool { return g.Threads > 1 }

// RunOnce is wsgi.run_once: a process serves one request in its life.
func (g *ProcessGroup) RunOnce() bool { return g.Threads == 1 && g.MaximumRequests == 1 }
