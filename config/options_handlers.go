package config

// Programs and scripts that answer for files.

func handlerOptions() []row {
	return []row{
		{name: "--add-handler", values: "EXTENSION SCRIPT-PATH", repeat: true, since: "4.3.1",
			set:  addHandler,
			help: "Python script that answers for the files with an extension, such as .md: its handle_request(environ, start_response), or application if there is none. SCRIPT_FILENAME is the file. A handler runs in the processes of the application, in the main interpreter."},
		{name: "--with-cgi", since: "4.4.14",
			set:  on(func(r *request) *bool { return &r.Files.CGI }),
			help: "Run the .cgi files below the document root: each is started for each request, as the user of gild."},
		{name: "--cgi-processes", values: "NUMBER", preset: "20",
			set:  number(1, 10000, func(r *request) *int { return &r.Files.CGIProcesses }),
			help: "How many .cgi files run at once, in each process that speaks HTTP; further requests wait, for --socket-timeout at most."},
		{name: "--with-php",
			set:  on(func(r *request) *bool { return &r.withPHP }),
			help: "Run the .php files below the document root, with the php-cgi that is on PATH: gild starts it, and speaks FastCGI with it."},
		{name: "--with-php5", since: "4.3.0", hidden: true,
			set:  on(func(r *request) *bool { return &r.withPHP }),
			help: "Former name of --with-php."},
		{name: "--php-processes", values: "NUMBER", preset: "5",
			set:  number(1, 1000, func(r *request) *int { return &r.Files.PHPProcesses }),
			help: "How many .php files run at once, in each process that speaks HTTP; further requests wait, for --socket-timeout at most."},
	}
}
