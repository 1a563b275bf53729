package config

func responseOptions() []row {
	return []row{
		{name: "--compress-responses", since: "4.3.0",
			set:  on(func(r *request) *bool { return &r.Responses.Compress }),
			help: "Compress responses of text, JSON and XML for clients that accept zstd, gzip or br."},
		{name: "--error-document", values: "STATUS URL-PATH", repeat: true, since: "4.1.0",
			set:  setErrorDocument,
			help: "Serve a path of this site, with that status, where the server itself refuses a request or fails."},
		{name: "--error-override", since: "4.1.0",
			set:  on(func(r *request) *bool { return &r.Responses.ErrorOverride }),
			help: "Replace responses of the application with a status of 400 or more by error documents, or by pages of the server."},
	}
}
