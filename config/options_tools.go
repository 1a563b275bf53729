package config

import "strings"

// Logs, the server root, and what helps to look inside.

func logOptions() []row {
	return []row{
		{name: "--log-directory", values: "DIRECTORY-PATH", since: "4.1.0",
			set:  pathname(func(r *request) *string { return &r.Log.Directory }),
			help: "Directory of the logs; made if need be. Default: the server root."},
		{name: "--log-level", values: "NAME", preset: "warn", since: "4.1.0",
			set:  setLogLevel,
			help: "What is logged: emerg, alert, crit, error, warn, notice, info, debug, or trace1 to trace8; notices always. As with Apache's LogLevel parts may have a level of their own: 'warn wsgi:info'. There are " + strings.Join(logModules, ", ") + "."},
		{name: "--log-to-terminal", since: "4.4.0",
			set:  on(func(r *request) *bool { return &r.Log.ToTerminal }),
			help: "Errors to standard error and accesses to standard output, instead of files. --log-directory overrides it."},
		{name: "--error-log-name", values: "FILE-NAME", preset: "error_log", since: "4.4.8",
			set:  text(func(r *request) *string { return &r.errorLogName }),
			help: "Name of the error log in the log directory."},
		{name: "--error-log-format", values: "FORMAT", since: "4.5.4",
			set:  text(func(r *request) *string { return &r.Log.ErrorFormat }),
			help: "Shape of a line of the error log, as Apache's ErrorLogFormat; or json, an object for each record."},
		{name: "--access-log", since: "4.1.0",
			set:  on(func(r *request) *bool { return &r.accessLog }),
			help: "Log requests."},
		{name: "--access-log-name", values: "FILE-NAME", preset: "access_log", since: "4.4.8",
			set:  text(func(r *request) *string { return &r.accessLogName }),
			help: "Name of the access log in the log directory."},
		{name: "--access-log-format", values: "FORMAT", preset: "common", since: "4.4.0",
			set:  text(func(r *request) *string { return &r.accessFormat }),
			help: "Shape of a line of the access log: common, combined, json (an object a line), or as Apache's LogFormat. Where the time goes is shown by %{queue:us}T (until a thread is free), %{gil:us}T (until it has the GIL), %{application:us}T, %{first-byte:us}T and %{total:us}T, in s, ms or us."},
		{name: "--startup-log", since: "4.1.0",
			set:  on(func(r *request) *bool { return &r.startupLog }),
			help: "Log what happens before the error log is open."},
		{name: "--startup-log-name", values: "FILE-NAME", preset: "startup_log", since: "4.4.8",
			set:  text(func(r *request) *string { return &r.startupLogName }),
			help: "Name of the startup log in the log directory."},
		{name: "--rotate-logs", since: "4.3.0",
			set:  on(func(r *request) *bool { return &r.rotateLogs }),
			help: "Start new log files when they have grown large. The name of each ends with the time of its start in UTC: error_log.2026-01-31-23_59_59. The startup log is not rotated."},
		{name: "--max-log-size", values: "MB", preset: "5", since: "4.3.0",
			set:  setMaxLogSize,
			help: "Size at which a new log file is started, with --rotate-logs."},
		{name: "--keep-logs", values: "NUMBER", preset: "0",
			set:  number(0, 1000000, func(r *request) *int { return &r.Log.Keep }),
			help: "How many files of each log are kept with --rotate-logs, the newest; 0 keeps all, as mod_wsgi-express does."},
		{name: "--rotatelogs-executable", values: "FILE-PATH", since: "4.3.0",
			dropped: "ignored, because gild needs no rotatelogs program", help: "Apache's rotatelogs program."},
		{name: "--verbose-debugging", since: "4.5.2", hidden: true,
			dropped: "ignored, it has no effect in mod_wsgi either; --log-level debug says more", help: "Log more of what mod_wsgi does."},
	}
}

func serverRootOptions() []row {
	return []row{
		{name: "--server-root", values: "DIRECTORY-PATH", since: "4.1.0",
			set:  pathname(func(r *request) *string { return &r.ServerRoot }),
			help: "Directory for logs and pid file; made if need be. Default: gild-HOST:PORT:UID in $TMPDIR or /tmp, so that servers of different users and ports never share one."},
		{name: "--pid-file", values: "FILE-PATH", since: "4.1.0",
			set:  pathname(func(r *request) *string { return &r.PidFile }),
			help: "File with the process id of the supervisor. Default: gild.pid in the server root, not httpd.pid, so that no tool takes gild for an httpd."},
		{name: "--options-file", values: "FILE-PATH", repeat: true,
			set:  readOptionsFile,
			help: "Further options, read as if they stood here: words in the manner of a shell, in any number of lines, # begins a comment. The file is read again on SIGHUP."},
		{name: "--locale", values: "NAME", since: "4.1.0",
			set:  text(func(r *request) *string { return &r.Locale }),
			help: "Locale of the application. Default: that of the environment, C.UTF-8 instead of C or POSIX."},
		{name: "--lang", values: "NAME", since: "4.1.0", hidden: true,
			set:  text(func(r *request) *string { return &r.Locale }),
			help: "Former name of --locale."},
		{name: "--help", since: "4.1.0",
			set:  func(*request, []string) error { return ErrHelp },
			help: "Print this text. -h does the same."},
		{name: "--setup-only", since: "4.2.4", later: "setup-server", help: "Write the files of the server and end."},
		{name: "--envvars-script", values: "FILE-PATH", since: "4.1.0", later: "setup-server", help: "Shell script run before the server starts."},
		{name: "--httpd-executable", values: "FILE-PATH", since: "4.1.0",
			dropped: "ignored, because gild runs without Apache", help: "Apache's program."},
		{name: "--modules-directory", values: "DIRECTORY-PATH", since: "4.1.0",
			dropped: "ignored, because gild runs without Apache", help: "Apache's modules."},
		{name: "--shell-executable", values: "FILE-PATH", since: "4.6.6",
			dropped: "ignored, because gild writes no control script", help: "Shell of the control script."},
		{name: "--enable-docs", since: "4.1.0", later: "built-in documentation", help: "Serve the documentation below /__wsgi__/docs."},
	}
}

func debugOptions() []row {
	return []row{
		{name: "--debug-mode", since: "4.3.0", later: debugging, help: "Run everything in one process on the terminal."},
		{name: "--enable-debugger", since: "4.4.0", later: debugging, help: "Start pdb when an exception is not caught."},
		{name: "--debugger-startup", since: "4.4.1", later: debugging, help: "Start pdb before the first request."},
		{name: "--enable-coverage", since: "4.4.0", later: debugging, help: "Report the coverage of the application."},
		{name: "--coverage-directory", values: "DIRECTORY-PATH", since: "4.4.0", later: debugging, help: "Where the report goes."},
		{name: "--enable-profiler", since: "4.4.0", later: debugging, help: "Profile the application."},
		{name: "--profiler-directory", values: "DIRECTORY-PATH", since: "4.4.1", later: debugging, help: "Where profiles go."},
		{name: "--enable-recorder", since: "4.4.1", later: debugging, help: "Record requests and responses."},
		{name: "--recorder-directory", values: "DIRECTORY-PATH", since: "4.4.1", later: debugging, help: "Where recordings go."},
		{name: "--enable-gdb", since: "4.4.6", later: debugging, help: "Run the server under gdb."},
		{name: "--gdb-executable", values: "FILE-PATH", since: "4.4.6", later: debugging, help: "The gdb program."},
	}
}

func serviceOptions() []row {
	return []row{
		{name: "--service-script", values: "SERVICE SCRIPT-PATH", repeat: true, since: "4.4.7", later: services,
			help: "Script run in a process of its own."},
		{name: "--service-user", values: "SERVICE USERNAME", repeat: true, since: "4.4.7", later: services, help: "User it runs as."},
		{name: "--service-group", values: "SERVICE GROUP", repeat: true, since: "4.4.7", later: services, help: "Group it runs as."},
		{name: "--service-log-file", values: "SERVICE FILE-NAME", repeat: true, since: "4.4.11", later: services, help: "Log of its own."},
		{name: "--server-status", since: "4.1.0",
			set:  on(func(r *request) *bool { return &r.ServerStatus }),
			help: "Serve a page about the state of the server at /server-status, to clients on this machine only. 'gild status' shows the same without it."},
		{name: "--server-metrics", since: "4.2.0",
			set:  on(func(r *request) *bool { return &r.ServerMetrics }),
			help: "Let the application see the state of the server: mod_wsgi.server_metrics()."},
		{name: "--metrics-address", values: "HOST:PORT",
			set:  setMetricsAddress,
			help: "Serve figures about the server in the text format of Prometheus there, at /metrics. Whoever reaches the address can read them."},
		{name: "--enable-telemetry", since: "6.0.0", later: telemetry, help: "Collect and show figures about the server."},
		{name: "--telemetry-service", values: "TARGET", since: "6.0.0", later: telemetry, help: "Where figures are sent."},
		{name: "--telemetry-ui-port", values: "NUMBER", since: "6.0.0", later: telemetry, help: "Port of the page with the figures."},
		{name: "--telemetry-interval", values: "SECONDS", since: "6.0.0", later: telemetry, help: "How often figures are taken."},
		{name: "--telemetry-options", values: "ARGS", repeat: true, since: "6.0.0", later: telemetry, help: "Further settings of telemetry."},
		{name: "--slow-requests", values: "SECONDS", since: "6.0.0", later: telemetry, help: "Requests slower than this are reported."},
	}
}

// formerOptions are those mod_wsgi-express had once. Start scripts that still have them go on working.
func formerOptions() []row {
	const newRelic = "ignored, because mod_wsgi-express has had no support for New Relic since 5.0.2; start its agent in the application"
	return []row{
		{name: "--with-newrelic", since: "4.1.0", until: "5.0.2", dropped: newRelic, help: "New Relic, agent and platform."},
		{name: "--with-newrelic-agent", since: "4.1.0", until: "5.0.2", dropped: newRelic, help: "New Relic agent."},
		{name: "--with-newrelic-platform", since: "4.1.0", until: "5.0.2", dropped: newRelic, help: "New Relic platform."},
		{name: "--newrelic-config-file", values: "FILE-PATH", since: "4.1.0", until: "5.0.2", dropped: newRelic, help: "New Relic configuration."},
		{name: "--newrelic-environment", values: "NAME", since: "4.1.0", until: "5.0.2", dropped: newRelic, help: "New Relic environment."},
		{name: "--with-wdb", since: "4.3.0", until: "4.3.2",
			dropped: "ignored, because mod_wsgi-express has had no support for wdb since 4.3.2", help: "The wdb debugger."},
		{name: "--profiler-output-file", values: "FILE-PATH", since: "4.4.0", until: "4.4.0",
			dropped: "ignored, --profiler-directory replaced it in mod_wsgi 4.4.1", help: "Where a profile goes."},
		{name: "--proxy-buffer-size", values: "NUMBER", since: "4.3.1", until: "4.4.6",
			dropped: "ignored, --response-buffer-size replaced it in mod_wsgi 4.4.7", help: "Bytes of a response kept before they are sent."},
		{name: "--isatty", since: "4.6.0", until: "4.7.0",
			dropped: "ignored, because gild needs no telling whether it is on a terminal", help: "Standard input is a terminal."},
	}
}
