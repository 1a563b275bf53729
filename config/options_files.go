package config

func staticOptions() []row {
	return []row{
		{name: "--document-root", values: "DIRECTORY-PATH", since: "4.1.0",
			set:  pathname(func(r *request) *string { return &r.Files.DocumentRoot }),
			help: "Directory whose files are sent in the place of the application, if there is one at the path. Default: htdocs in the server root. Names that begin with a dot are not found in it."},
		{name: "--url-alias", values: "URL-PATH FILE-PATH/DIRECTORY-PATH", repeat: true, since: "4.1.0",
			set:  addAlias,
			help: "File or directory that is at a URL path. The longest path that fits counts; the application gets nothing below it."},
		{name: "--directory-index", values: "FILE-NAME", since: "4.3.0",
			set:  setIndex,
			help: "File that is sent for a directory. With it, directories of the document root are not the application's any more, also those without the file."},
		{name: "--directory-listing", since: "4.4.10",
			set:  on(func(r *request) *bool { return &r.Files.Listing }),
			help: "List directories of the document root that have no index and are not the application's."},
		{name: "--mime-types", values: "FILE-PATH", since: "4.1.0",
			set:  pathname(func(r *request) *string { return &r.Files.MimeTypes }),
			help: "File with the media types of extensions, like Debian's /etc/mime.types. Default: a table of gild's own."},
	}
}
