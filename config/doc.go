// Package config answers one question: what was asked of gild?
//
// The answer is a [Config]: plain data, complete, with every default filled in and every path absolute. It is made
// once, from the command line by [Parse], and travels to the other processes as JSON. Nothing that runs after Parse
// reads text, an environment variable or the current directory to find out what to do.
//
// The command line is a table. A row says all there is to say about one option: its name, how many values it takes,
// its default, its help text, and what becomes of it: it sets something, it is always so, it has no meaning without
// Apache, or its feature is not part of this version and the option is refused. The parser, the help and the tests
// know rows, not options. Names, defaults and parsing rules are those of mod_wsgi-express 6.0.5, so that a command
// line written for it means the same here.
//
// A complaint is an [Error]: a place (the option, and the line of the file it is in) and a sentence. Complaints about the
// command line itself come back from Parse as a [UsageError] and end the program with status 2, as mod_wsgi-express
// does; what [Config.Check] finds on this machine (a directory that does not exist) ends it with status 1.
//
// The package has no state. Its functions may be called from any goroutine; a Config is not changed after Check and
// may then be read from any number of them.
package config
