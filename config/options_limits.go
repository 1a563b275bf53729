package config

import "time"

// What a process may use up, and how long it may take, before it is replaced.

// timeout is the setter of a time of the process group.
func timeout(field func(*GroupTimeouts) *time.Duration) setter {
	return seconds(0, func(r *request) *time.Duration { return field(&r.group().Timeouts) })
}

func limitOptions() []row {
	return []row{
		{name: "--maximum-requests", values: "NUMBER", preset: "0", since: "4.1.0", daemon: true,
			set:  number(0, 1<<31-1, func(r *request) *int { return &r.group().MaximumRequests }),
			help: "Requests after which a process is replaced; 0: never."},
		{name: "--maximum-requests-jitter", values: "NUMBER", daemon: true,
			set:  number(0, 1<<31-1, func(r *request) *int { return &r.group().MaximumRequestsJitter }),
			help: "A process is replaced up to so many requests earlier, by chance, so that not all are at once. Default: a tenth of --maximum-requests if there is more than one process, else 0."},
		{name: "--restart-interval", values: "SECONDS", preset: "0", since: "4.5.12", daemon: true,
			set:  age(func(r *request) *time.Duration { return &r.group().RestartInterval }),
			help: "Age at which a process is replaced; 0: never."},
		{name: "--cpu-time-limit", values: "SECONDS", preset: "0", since: "4.6.0", daemon: true,
			set:  age(func(r *request) *time.Duration { return &r.group().CPUTimeLimit }),
			help: "CPU time after which a process is replaced; 0: none."},
		{name: "--rss-limit", values: "BYTES", preset: "0", daemon: true,
			set:  memory(func(r *request) *int64 { return &r.group().RSSLimit }),
			help: "Memory in use at which a process is replaced, such as 500M; 0: none. K, M and G are units of 1024."},
		{name: "--memory-limit", values: "BYTES", preset: "0", daemon: true,
			set:  memory(func(r *request) *int64 { return &r.group().MemoryLimit }),
			help: "Data a process may have (RLIMIT_DATA), of which gild itself reserves up to 256M; beyond it the application gets MemoryError. 0: no limit."},
		{name: "--virtual-memory-limit", values: "BYTES", preset: "0", daemon: true,
			set:  memory(func(r *request) *int64 { return &r.group().VirtualMemoryLimit }),
			help: "Address space a process may have (RLIMIT_AS), of which gild itself reserves up to 2560M. 0: no limit."},
		{name: "--request-timeout", values: "SECONDS", preset: "60", since: "4.1.0", daemon: true,
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Request }),
			help: "How long a request may run before its process is replaced, times 1 + ln(threads); 0: for ever."},
		{name: "--interrupt-timeout", values: "SECONDS", preset: "0", since: "6.0.0", daemon: true,
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Interrupt }),
			help: "At --request-timeout, first raise mod_wsgi.RequestTimeout in the thread, and replace the process only if the request runs that much longer; 0: do not raise it."},
		{name: "--queue-timeout", values: "SECONDS", preset: "45", since: "4.1.0", daemon: true,
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Queue }),
			help: "How long a request may wait for a thread before it is answered 504; 0: for ever."},
		{name: "--connect-timeout", values: "SECONDS", preset: "15", since: "4.1.0", daemon: true,
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Connect }),
			help: "How long a request may wait while there is no process that could serve it; then it is answered 503."},
		{name: "--startup-timeout", values: "SECONDS", preset: "15", since: "4.5.6", daemon: true,
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Startup }),
			help: "How long the application may take to load; 0: for ever."},
		{name: "--shutdown-timeout", values: "SECONDS", preset: "5", since: "4.1.0",
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Shutdown }),
			help: "How long requests that run may go on when a process is stopped, before it is killed."},
		{name: "--graceful-timeout", values: "SECONDS", preset: "15", since: "4.1.0",
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Graceful }),
			help: "How long requests that run may go on in a process that is replaced, before it is stopped."},
		{name: "--eviction-timeout", values: "SECONDS", preset: "0", since: "4.4.7", daemon: true,
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Eviction }),
			help: "The same when SIGUSR1 is the reason; 0: --graceful-timeout."},
		{name: "--deadlock-timeout", values: "SECONDS", preset: "60", since: "4.1.0", daemon: true,
			set:  timeout(func(t *GroupTimeouts) *time.Duration { return &t.Deadlock }),
			help: "How long the GIL may be out of reach before the process is replaced; 0: for ever."},
		{name: "--inactivity-timeout", values: "SECONDS", preset: "0", since: "4.1.0", daemon: true,
			set:  age(func(r *request) *time.Duration { return &r.group().Timeouts.Inactivity }),
			help: "Time without a request after which a process is replaced; 0: never."},
		{name: "--ignore-activity", values: "URL-PATH", repeat: true, since: "4.5.8", daemon: true,
			set:  addIgnoreActivity,
			help: "URL path whose requests do not count for --inactivity-timeout, and all below it."},
	}
}
