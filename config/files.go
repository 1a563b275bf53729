package config

// Files says which files are served besides the application, and how.
type Files struct {
	DocumentRoot string    // absolute path of the directory whose files are served in the place of the application; it need not exist
	Aliases      []Alias   // URL paths that are files or directories, the longest first
	Index        string    // name of the file that is served for a directory; "": none is
	Listing      bool      // directories without an index are listed
	MimeTypes    string    // absolute path of a file in the form of mime.types; "": the table that is built in
	MimeDigest   string    // SHA-256 of that file in hex, so that another text in it is another configuration; "" if it cannot be read
	Handlers     []Handler // Python scripts that answer for files with an extension
	CGI          bool      // .cgi files below DocumentRoot are run
	CGIProcesses int       // at once, at least 1
	PHP          string    // absolute path of the php-cgi that runs .php files below DocumentRoot; "": none does
	PHPProcesses int       // at once, at least 1
}

// Alias is a file or directory with a URL path of its own.
type Alias struct {
	URLPath string // begins with a slash and does not end with one, except "/"
	Path    string // absolute
}

// Handler is a script that answers for files with an extension.
type Handler struct {
	Extension string // with its dot, in lower case
	Script    string // absolute path
}
