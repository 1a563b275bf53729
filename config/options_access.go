package config

import "time"

func accessOptions() []row {
	return []row{
		{name: "--host-access-script", values: "SCRIPT-PATH", since: "4.4.1",
			set:  pathname(func(r *request) *string { return &r.Access.HostScript }),
			help: "Python script with a function allow_access(environ, host). Clients for whose host it returns False are answered 403; host is the name of the client's address, or the address if it has none."},
		{name: "--auth-user-script", values: "SCRIPT-PATH", since: "4.3.0",
			set:  pathname(func(r *request) *string { return &r.Access.UserScript }),
			help: "Python script that knows the users, with check_password(environ, user, password) for Basic or get_realm_hash(environ, user, realm) for Digest. The whole site is for users then; others are answered 401."},
		{name: "--auth-type", values: "TYPE", since: "4.3.0", preset: Basic,
			set:  oneOf([]choice{{name: Basic}, {name: Digest}}, func(r *request) *string { return &r.Access.Type }),
			help: "How users show who they are: Basic or Digest."},
		{name: "--auth-group-script", values: "SCRIPT-PATH", since: "4.3.0",
			set:  pathname(func(r *request) *string { return &r.Access.GroupScript }),
			help: "Python script with a function groups_for_user(environ, user). Users have to be in the group of --auth-group."},
		{name: "--auth-group", values: "NAME", since: "4.3.0", preset: "wsgi",
			set:  setAuthGroup,
			help: "Group that users have to be in, as the --auth-group-script tells."},
		{name: "--auth-digest-algorithm", values: "NAME", repeat: true,
			set:  addDigestAlgorithm,
			help: "Algorithm of Digest: MD5 or SHA-256. Given for both, clients get the choice, SHA-256 first. get_realm_hash() is told by environ['gild.digest_algorithm'] which hash of 'user:realm:password' to return. Default: MD5, which is what scripts for mod_wsgi return."},
		{name: "--auth-cache", values: "SECONDS", preset: "0",
			set:  seconds(0, func(r *request) *time.Duration { return &r.Access.Cache }),
			help: "How long the passwords, hashes and groups that the scripts have confirmed are remembered, until a script changes. They are then confirmed whatever the request is, also where a script would look at its environ. 0 asks for each request."},
		{name: "--auth-timeout", values: "SECONDS", preset: "30",
			set:  seconds(0.001, func(r *request) *time.Duration { return &r.Access.Timeout }),
			help: "How long a script of this section may take for an answer. After that it counts as failed: 403 for --host-access-script, 500 for --auth-user-script, 401 for --auth-group-script."},
	}
}
