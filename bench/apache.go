package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const (
	apacheBinary  = "/usr/sbin/apache2"
	apacheModules = "/usr/lib/apache2/modules/"
)

// apaches are Apache's event MPM with mod_wsgi in its three usual shapes.
func apaches() []server {
	daemon := func(threads int) string {
		return fmt.Sprintf("WSGIRestrictEmbedded On\nWSGIDaemonProcess bench processes=1 threads=%d python-home=%%s python-path=%%s\n"+
			"WSGIProcessGroup bench\n", threads)
	}
	return []server{
		apache("apache-embedded", "event with Debian's settings (2 to 6 processes of 25 threads), Python in each",
			"WSGIPythonHome %s\nWSGIPythonPath %s\n"),
		apache("apache-daemon-15", "event, daemon process group of 1 process, 15 threads (mod_wsgi's default)", daemon(15)),
		apache("apache-daemon-5", "event, daemon process group of 1 process, 5 threads", daemon(5)),
	}
}

// apache takes the lines that say where Python runs; %s in them are the virtual environment and the applications.
func apache(name, about, placement string) server {
	return server{
		Name: name, About: about,
		Needs:   []string{apacheBinary, apacheModules + "mod_wsgi.so"},
		Version: []string{apacheBinary, "-v"},
		Prepare: func(s site) error {
			text := apacheConfig(s, os.Geteuid() == 0) + fmt.Sprintf(placement, s.Venv, s.Apps)
			return os.WriteFile(filepath.Join(s.Dir, "httpd.conf"), []byte(text), 0o644)
		},
		Command: func(s site) []string {
			return []string{apacheBinary, "-f", filepath.Join(s.Dir, "httpd.conf"), "-DFOREGROUND"}
		},
	}
}

// apacheConfig has the application answer for everything.
func apacheConfig(s site, root bool) string {
	return apacheHead(s, root) + fmt.Sprintf(`LoadModule wsgi_module %[1]smod_wsgi.so
WSGISocketPrefix %[2]s/wsgi
WSGIApplicationGroup %%{GLOBAL}
WSGIScriptAlias / %[3]s
<Directory %[4]s>
Require all granted
</Directory>
`, apacheModules, s.Dir, s.script(), s.Apps)
}

// apacheHead is a private server: nothing of the system's configuration is read. Connections are kept for any number of
// requests, to Apache's advantage. Started by root, its processes run as www-data, because Apache refuses to serve as root.
func apacheHead(s site, root bool) string {
	user := ""
	if root {
		user = "User www-data\nGroup www-data\n"
	}
	return fmt.Sprintf(`ServerRoot %[1]s
DefaultRuntimeDir %[1]s
PidFile %[1]s/apache.pid
ErrorLog %[1]s/error.log
LogLevel warn
ServerName 127.0.0.1
Listen %[2]s
LoadModule mpm_event_module %[3]smod_mpm_event.so
LoadModule authz_core_module %[3]smod_authz_core.so
%[4]s%[5]s`, s.Dir, s.address(), apacheModules, user, apacheNumbers)
}

// apacheNumbers are those of Debian's mods-available/mpm_event.conf, and connections that are kept.
const apacheNumbers = `StartServers 2
MinSpareThreads 25
MaxSpareThreads 75
ThreadLimit 64
ThreadsPerChild 25
MaxRequestWorkers 150
MaxConnectionsPerChild 0
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 0
`
