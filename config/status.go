package config

// StatusSocket is the path of the socket of a running server, found out of the options it was started with: of
// --server-root, --host, --port, those that ask for HTTPS (without --port they decide about the port) and --options-file,
// in the same words. The other options of start-server are read and not used. The server root depends on the user as well, so whoever is not the one that started the server has to give
// --server-root. The error is ErrHelp or a *UsageError.
func StatusSocket(args []string, env Env) (string, error) {
	r := newRequest("status", args, env)
	if err := r.read(r.expanded(plain(args))); err != nil {
		return "", r.fatal(err)
	}
	r.ports()
	r.paths()
	if r.StatusSocket == "" {
		r.complain("--server-root", socketTooLong(r.ServerRoot))
	}
	if len(r.complaints) > 0 {
		return "", r.refusal()
	}
	return r.StatusSocket, nil
}
