package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestRowsAreComplete: each row has a name of its own, a help text, and exactly one fate.
func TestRowsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range rows(table()) {
		if seen[o.name] {
			t.Errorf("%s is there twice", o.name)
		}
		seen[o.name] = true
		if !strings.HasPrefix(o.name, "--") || !strings.HasSuffix(o.help, ".") {
			t.Errorf("%s: name or help is not complete: %q", o.name, o.help)
		}
		fates := 0
		for _, is := range []bool{o.set != nil, o.always != "", o.dropped != "", o.later != ""} {
			if is {
				fates++
			}
		}
		if fates != 1 {
			t.Errorf("%s has %d of set, always, dropped and later, it must have one", o.name, fates)
		}
		if o.preset != "" && o.set == nil {
			t.Errorf("%s has a default that nothing uses", o.name)
		}
	}
}

// TestEveryOptionOfModWSGI: the table has all 152 options of mod_wsgi-express 6.0.5, besides --help.
func TestEveryOptionOfModWSGI(t *testing.T) {
	current := 0
	for _, o := range rows(table()) {
		if o.current() && o.name != "--help" {
			current++
		}
	}
	if current != 152 {
		t.Errorf("the table has %d options of mod_wsgi-express 6.0.5, it has 152", current)
	}
}

// uses is for each option that sets something a use that makes a difference, and the fields in which it shows.
var uses = []struct {
	args   string
	fields string
}{
	{"--application-type module", "Application.Type"},
	{"--entry-point some.wsgi", "Application.Target"},
	{"--callable-object app", "Application.Callable"},
	{"--rewrite-rules rules", "Rewrite.File Rewrite.Text"},
	{"--mount-point /shop", "Application.MountPoint"},
	{"--application-group shop", "Application.Group"},
	{"--working-directory /", "WorkingDirectory Groups.Home"},
	{"--setenv KEY value", "SetEnv"},
	{"--passenv HOME", "SetEnv"},
	{"--python-home prefix", "Python.Home Python.Executable"},
	{"--python-path /", "Python.Path"},
	{"--python-warnings error", "Python.Warnings"},
	{"--switch-interval 0.01", "Python.SwitchInterval"},
	{"--stack-size 0x100000", "Python.StackSize"},
	{"--per-interpreter-gil", "Python.OwnGIL"},
	{"--free-threading", "Python.FreeThreading"},
	{"--orphan-interpreter", "Python.DestroyInterpreter"},
	{"--host 127.0.0.1", "Host ServerRoot PidFile Log.Directory Log.ErrorLog"},
	{"--port 80", "Port"},
	{"--server-backlog 10", "ServerBacklog"},
	{"--max-clients 10", "MaxClients"},
	{"--keep-alive-timeout 0", "Timeouts.KeepAlive"},
	{"--limit-request-body 1", "LimitRequestBody"},
	{"--limit-request-fields 1", "LimitRequestFields"},
	{"--limit-request-field-size 2048", "LimitRequestFieldSize"},
	{"--processes 2", "Groups.Processes Groups.ProcessesGiven"},
	{"--threads 2", "Groups.Threads"},
	{"--user #1000", "User Credential Groups.User Groups.Credential"},
	{"--group staff", "Group Credential Groups.Group Groups.Credential"},
	{"--umask 027", "Groups.Umask"},
	{"--process-name shop", "ProcessName"},
	{"--header-timeout 1", "Timeouts.Header.Timeout"},
	{"--header-max-timeout 20", "Timeouts.Header.Max"},
	{"--header-min-rate 1", "Timeouts.Header.MinRate"},
	{"--body-timeout 1", "Timeouts.Body.Timeout"},
	{"--body-max-timeout 20", "Timeouts.Body.Max"},
	{"--body-min-rate 1", "Timeouts.Body.MinRate"},
	{"--socket-timeout 1", "Timeouts.Socket Groups.Timeouts.Socket"},
	{"--response-socket-timeout 1", "Timeouts.ResponseSocket"},
	{"--map-head-to-get On", "Responses.HEADToGET"},
	{"--compress-responses", "Responses.Compress Responses.HEADToGET"},
	{"--error-document 404 /404.html", "Responses.ErrorDocuments"},
	{"--error-override", "Responses.ErrorOverride"},
	{"--process-group shop", "Groups.Name Groups.DisplayName"},
	{"--supplementary-groups staff", "Credential Groups.Credential"},
	{"--chroot /", "Groups.Chroot"},
	{"--cpu-priority 5", "Groups.CPUPriority"},
	{"--server-mpm prefork", "MPM Groups.Threads Groups.MaximumProcesses Groups.MinimumSpare Groups.MaximumSpare"},
	{"--initial-workers 1 --server-mpm prefork", "Groups.Processes Groups.MinimumProcesses"},
	{"--minimum-spare-workers 0.5 --server-mpm prefork", "Groups.MinimumSpare"},
	{"--maximum-spare-workers 1 --server-mpm prefork", "Groups.MaximumSpare"},
	{"--daemon-backlog 1", "Groups.Backlog"},
	{"--header-buffer-size 8192", "Groups.HeaderBufferSize"},
	{"--response-buffer-size 65536", "Groups.ResponseBufferSize"},
	{"--response-flush-delay 1", "Groups.ResponseFlushDelay"},
	{"--maximum-requests 1000 --processes 2", "Groups.MaximumRequests Groups.MaximumRequestsJitter"},
	{"--maximum-requests-jitter 1 --maximum-requests 1", "Groups.MaximumRequestsJitter"},
	{"--restart-interval 1", "Groups.RestartInterval"},
	{"--cpu-time-limit 1", "Groups.CPUTimeLimit"},
	{"--rss-limit 1G", "Groups.RSSLimit"},
	{"--memory-limit 1G", "Groups.MemoryLimit"},
	{"--virtual-memory-limit 1G", "Groups.VirtualMemoryLimit"},
	{"--request-timeout 1", "Groups.Timeouts.Request"},
	{"--interrupt-timeout 1", "Groups.Timeouts.Interrupt"},
	{"--queue-timeout 1", "Groups.Timeouts.Queue"},
	{"--connect-timeout 1", "Groups.Timeouts.Connect"},
	{"--startup-timeout 1", "Groups.Timeouts.Startup"},
	{"--shutdown-timeout 1", "Groups.Timeouts.Shutdown"},
	{"--graceful-timeout 1", "Groups.Timeouts.Graceful Groups.Timeouts.Eviction"},
	{"--proxy-timeout 1 --proxy-mount-point /a http://b", "Timeouts.Proxy"},
	{"--proxy-mount-point /a http://b", "Proxies"},
	{"--proxy-url-alias /c http://d", "Proxies"},
	{"--proxy-virtual-host e http://f", "Proxies"},
	{"--eviction-timeout 1", "Groups.Timeouts.Eviction"},
	{"--deadlock-timeout 1", "Groups.Timeouts.Deadlock"},
	{"--inactivity-timeout 1", "Groups.Timeouts.Inactivity"},
	{"--ignore-activity /ping --inactivity-timeout 1", "Groups.IgnoreActivity"},
	{"--disable-reloading", "ScriptReloading"},
	{"--add-handler .md render.py", "Files.Handlers"},
	{"--with-cgi", "Files.CGI"},
	{"--cgi-processes 3 --with-cgi", "Files.CGIProcesses"},
	{"--with-php", "Files.PHP"},
	{"--with-php5", "Files.PHP"},
	{"--php-processes 3 --with-php", "Files.PHPProcesses"},
	{"--reload-on-changes", "ReloadOnChanges"},
	{"--server-status", "ServerStatus"},
	{"--server-metrics", "ServerMetrics"},
	{"--metrics-address :9100", "MetricsAddress"},
	{"--log-directory /logs", "Log.Directory"},
	{"--log-level debug", "Log.Level"},
	{"--rotate-logs", "Log.Rotate"},
	{"--max-log-size 1 --rotate-logs", "Log.Rotate"},
	{"--keep-logs 3 --rotate-logs", "Log.Keep"},
	{"--log-to-terminal", "Log.ToTerminal Log.ErrorLog"},
	{"--error-log-name e", "Log.ErrorLog"},
	{"--error-log-format %M", "Log.ErrorFormat"},
	{"--access-log", "Log.AccessLog"},
	{"--access-log-name a --access-log", "Log.AccessLog"},
	{"--access-log-format %h --access-log", "Log.AccessFormat"},
	{"--startup-log", "Log.StartupLog"},
	{"--startup-log-name s --startup-log", "Log.StartupLog"},
	{"--server-root /srv/server", "ServerRoot PidFile StatusSocket"},
	{"--pid-file /run/gild.pid", "PidFile"},
	{"--locale de_DE.UTF-8", "Locale"},
	{"--lang de_DE.UTF-8", "Locale"},
	{"--http2", "HTTP2"},
	{"--document-root /srv/www", "Files.DocumentRoot"},
	{"--url-alias /static /srv/static", "Files.Aliases"},
	{"--directory-index index.html", "Files.Index"},
	{"--directory-listing", "Files.Listing"},
	{"--mime-types prefix/bin/python", "Files.MimeTypes Files.MimeDigest"},
	{"--trust-proxy-header Forwarded", "Trust.Headers"},
	{"--trust-proxy 10.0.0.0/8", "Trust.Proxies"},
	{"--proxy-protocol", "Trust.ProxyProtocol"},
	{"--https-only --trust-proxy-header X-Forwarded-Proto", "Trust.HTTPSOnly"},
	{"--hsts-policy max-age=1 --https-only --trust-proxy-header X-Forwarded-Proto", "Trust.HSTS"},
	{"--server-name www.shop.org", "ServerName"},
	{"--server-alias *.shop.org --server-name shop.org", "ServerAliases"},
	{"--allow-localhost --server-name shop.org", "AllowLocalhost"},
	{"--https-port 444 --server-name localhost", "HTTPS.Port HTTPS.MinimumVersion HTTPS.MaximumVersion HTTPS.HTTP3 HTTPS.Automatic.LocalNames HTTPS.Automatic.Directory HTTPS.Automatic.Storage"},
	{"--ssl-port 444 --server-name localhost", "HTTPS.Port"},
	{"--ssl-certificate stub", "Port HTTPS.Port HTTPS.Certificates"},
	{"--ssl-certificate-file file", "HTTPS.Certificates"},
	{"--ssl-certificate-key-file key --ssl-certificate-file file", "HTTPS.Certificates"},
	{"--ssl-certificate-chain-file chain --ssl-certificate-file file", "HTTPS.Certificates"},
	{"--ssl-ca-certificate-file ca --ssl-certificate-file file", "HTTPS.ClientCA"},
	{"--ssl-verify-client /admin --ssl-certificate-file file --ssl-ca-certificate-file ca", "HTTPS.VerifyClient"},
	{"--ssl-environment --ssl-certificate-file file", "HTTPS.Environment"},
	{"--https-only --ssl-certificate-file file", "HTTPS.Only"},
	{"--hsts-policy max-age=1 --https-only --ssl-certificate-file file", "HTTPS.HSTS"},
	{"--ssl-protocols TLSv1.2 --ssl-certificate-file file", "HTTPS.MaximumVersion"},
	{"--ssl-ciphers ECDHE-RSA-AES128-GCM-SHA256 --ssl-certificate-file file", "HTTPS.Ciphers"},
	{"--acme-email you@shop.org --server-name shop.org", "HTTPS.Automatic.Email HTTPS.Automatic.Names"},
	{"--acme-agreed --server-name shop.org", "HTTPS.Automatic.Agreed"},
	{"--acme-directory https://ca.shop.org/directory --server-name shop.org", "HTTPS.Automatic.Directory"},
	{"--acme-ca-root root.pem --server-name shop.org", "HTTPS.Automatic.CARoot"},
	{"--acme-permission-script permit.py", "HTTPS.Automatic.PermissionScript"},
	{"--host-access-script access.py", "Access.HostScript"},
	{"--auth-user-script auth.py", "Access.UserScript Access.Realm"},
	{"--auth-type digest --auth-user-script auth.py", "Access.Type Access.Algorithms"},
	{"--auth-group-script groups.py --auth-user-script auth.py", "Access.GroupScript"},
	{"--auth-group staff --auth-group-script groups.py --auth-user-script auth.py", "Access.Group"},
	{"--auth-digest-algorithm sha-256 --auth-type Digest --auth-user-script auth.py", "Access.Algorithms"},
	{"--auth-cache 5", "Access.Cache"},
	{"--auth-timeout 5", "Access.Timeout"},
	{"--certificate-directory kept --https-only --server-name www.shop.org", "HTTPS.Automatic.Storage HTTPS.Automatic.Parent"},
}

// alreadySo are options that set something to what it is anyway, as this version has no other; golden files show them.
var alreadySo = []string{"--embedded-mode", "--help", "--options-file", "--disable-http3"}

// derived are fields no option stands for alone.
var derived = []string{"Embedded", "CommandLine", "Warnings", "Application.ProcessGroup", "Groups.UserHome", "Groups.Permission", "Groups.Access",
	"Timeouts.Shutdown", "Timeouts.Graceful"}

// richEnv is a world in which every use above is possible.
func richEnv(t *testing.T) Env {
	dir := t.TempDir()
	for _, file := range []string{"prefix/lib/python3.13t/os.py", "prefix/bin/python"} {
		write(t, dir, file, "")
	}
	write(t, dir, "rules", "RewriteEngine On")
	if err := os.WriteFile(filepath.Join(dir, "php-cgi"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	env := testEnv(dir, map[string]string{"HOME": "/home/somebody", "PATH": dir})
	env.UID, env.GID, env.PythonVersion, env.PythonFreeThreaded = 0, 0, "3.13", true
	return env
}

// TestOptionsShow: each option that sets something changes just the field it stands for, and it is in uses.
func TestOptionsShow(t *testing.T) {
	env := richEnv(t)
	base := flatten("", reflect.ValueOf(*mustParse(t, env)))
	used := slices.Clone(alreadySo)
	for _, use := range uses {
		args := strings.Fields(use.args)
		used = append(used, args[0])
		after := flatten("", reflect.ValueOf(*mustParse(t, env, args...)))
		for _, field := range strings.Fields(use.fields) {
			if reflect.DeepEqual(base[field], after[field]) {
				t.Errorf("%s does not change %s", use.args, field)
			}
		}
	}
	for _, o := range rows(table()) {
		if o.set != nil && !slices.Contains(used, o.name) {
			t.Errorf("%s sets something, and no use in this test shows it", o.name)
		}
	}
}

// TestFieldsAreReached: each field of Config is set by an option or known to be derived. A new field fails here.
func TestFieldsAreReached(t *testing.T) {
	reached := slices.Clone(derived)
	for _, use := range uses {
		reached = append(reached, strings.Fields(use.fields)...)
	}
	all := flatten("", reflect.ValueOf(Config{Groups: make([]ProcessGroup, 1)}))
	for field := range all {
		if !slices.Contains(reached, field) {
			t.Errorf("no option sets Config.%s, and it is not listed as derived", field)
		}
	}
	for _, field := range reached {
		if _, ok := all[field]; !ok {
			t.Errorf("Config has no field %s any more", field)
		}
	}
}

// flatten is a struct with its nested structs as "Outer.Inner".
func flatten(prefix string, v reflect.Value) map[string]any {
	all := map[string]any{}
	for i := range v.NumField() {
		name, field := prefix+v.Type().Field(i).Name, v.Field(i)
		switch {
		case name == "Groups":
			field = field.Index(0) // a command line is about the first
		case name != "HTTPS" && name != "HTTPS.Automatic":
		case field.IsNil():
			field = reflect.Zero(field.Type().Elem())
		default:
			field = field.Elem()
		}
		if field.Kind() != reflect.Struct {
			all[name] = field.Interface()
			continue
		}
		for key, value := range flatten(name+".", field) {
			all[key] = value
		}
	}
	return all
}

// unset are fields that are zero when every use above is made, and "Log.", because --log-directory and --log-to-terminal
// exclude each other.
var unset = []string{"Timeouts.KeepAlive", "Python.DestroyInterpreter", "ScriptReloading", "ReloadOnChanges", "Embedded", "Application.ProcessGroup",
	"Groups.Permission", "Groups.Access", "HTTPS.HTTP3", "Log.", "Timeouts.Shutdown", "Timeouts.Graceful", "Trust.HTTPSOnly", "Trust.HSTS"}

// TestJSONRoundTrip: a Config with every field set arrives as it was sent. Certificates come from files or are obtained,
// so there are two.
func TestJSONRoundTrip(t *testing.T) {
	for without, zero := range map[string]string{"--ssl-certificate": "HTTPS.Certificates", "--acme": "HTTPS.Automatic."} {
		env := richEnv(t)
		var args []string
		for _, use := range uses {
			if !strings.Contains(use.args, without) {
				args = append(args, strings.Fields(use.args)...)
			}
		}
		args = append(args, "--ssl-ca-certificate-file", "ca", "--ssl-verify-client=/a", "--ssl-environment", "--https-only", "--hsts-policy=x", "--ssl-ciphers=AES128-SHA")
		sent := mustParse(t, env, args...)
		for field, value := range flatten("", reflect.ValueOf(*sent)) {
			isUnset := func(name string) bool { return name != "" && strings.HasPrefix(field, name) }
			if reflect.ValueOf(value).IsZero() && !slices.ContainsFunc(unset, isUnset) && !isUnset(zero) {
				t.Errorf("without %s, the test does not set %s", without, field)
			}
		}
		arrives(t, sent)
	}
}

// arrives compares a Config with itself after a journey.
func arrives(t *testing.T, sent *Config) {
	t.Helper()
	data, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, sent) {
		t.Errorf("got %+v, sent %+v", got, sent)
	}
}

// TestPrefixes: an abbreviation finds the option that mod_wsgi-express would find; its full name always finds itself.
func TestPrefixes(t *testing.T) {
	all := rows(table())
	for _, o := range all {
		for n := len("--x"); n <= len(o.name); n++ {
			prefix := o.name[:n]
			found, err := find(all, prefix)
			candidates := express(all, prefix)
			switch {
			case n == len(o.name) && found != o:
				t.Errorf("%s does not find itself", o.name)
			case n == len(o.name) || named(all, prefix):
			case len(candidates) == 1 && found != candidates[0]:
				t.Errorf("%s finds %v, in mod_wsgi-express it is %s", prefix, found, candidates[0].name)
			case len(candidates) > 1 && err == nil:
				t.Errorf("%s finds %s, in mod_wsgi-express it is ambiguous", prefix, found.name)
			}
		}
	}
}

// express are the options of mod_wsgi-express 6.0.5 that begin so.
func express(all []*row, prefix string) []*row {
	var list []*row
	for _, o := range all {
		if o.current() && strings.HasPrefix(o.name, prefix) {
			list = append(list, o)
		}
	}
	return list
}

// named says whether there is an option of just that name.
func named(all []*row, name string) bool {
	return slices.ContainsFunc(all, func(o *row) bool { return o.name == name })
}

// TestLaterOptionsAreRefused: each option of a later version is refused with the name of its feature; each that has no
// meaning is accepted with one line.
func TestLaterOptionsAreRefused(t *testing.T) {
	env := testEnv(t.TempDir(), nil)
	for _, o := range rows(table()) {
		if o.set != nil {
			continue
		}
		args := append([]string{o.name}, strings.Fields(o.values)...)
		if o.check != nil {
			args = []string{o.name, "512"}
		}
		c, err := Parse("start-server", append(args, args...), env)
		switch {
		case o.later != "" && err == nil:
			t.Errorf("%s is accepted, and the feature %s does not exist", o.name, o.later)
		case o.later != "" && strings.Count(err.Error(), o.name+": refused, because "+notYet+" "+o.later) != 1:
			t.Errorf("%s is not refused with one clear sentence: %v", o.name, err)
		case o.later == "" && (err != nil || len(c.Warnings) != 1):
			t.Errorf("%s must be accepted with one line of warning: %v", o.name, err)
		}
	}
}

// TestClientsPerProcess: the shares of the processes add up to at least the whole.
func TestClientsPerProcess(t *testing.T) {
	for _, c := range []struct{ clients, processes, want int }{{16384, 1, 16384}, {10, 3, 4}, {9, 3, 3}, {1, 4, 1}} {
		config := Config{MaxClients: c.clients, Embedded: true, Groups: []ProcessGroup{{MaximumProcesses: c.processes}}}
		if got := config.ClientsPerProcess(); got != c.want {
			t.Errorf("%d clients for %d processes: got %d each, want %d", c.clients, c.processes, got, c.want)
		}
	}
}

// TestClientsOfTheFront: there is one front, so it may have all connections.
func TestClientsOfTheFront(t *testing.T) {
	c := Config{MaxClients: 10, Groups: []ProcessGroup{{MaximumProcesses: 3}}}
	if got := c.ClientsPerProcess(); got != 10 {
		t.Errorf("10 clients for the front: got %d", got)
	}
}

// TestWSGIFlags: wsgi.multiprocess, wsgi.multithread and wsgi.run_once follow from the options.
func TestWSGIFlags(t *testing.T) {
	env := testEnv(t.TempDir(), nil)
	for args, want := range map[string][3]bool{
		"":                                 {false, true, false},
		"--processes 1":                    {true, true, false},
		"--processes 2":                    {true, true, false},
		"--threads 1":                      {false, false, false},
		"--maximum-requests 1":             {false, true, false},
		"--server-mpm prefork":             {true, false, false},
		"--server-mpm worker":              {false, true, false},
		"--embedded-mode":                  {false, true, false},
		"--threads 1 --maximum-requests 1": {false, false, true},
		"--server-mpm prefork --threads 1": {false, false, false},
		"--server-mpm prefork --maximum-requests 1":        {true, false, true},
		"--threads 1 --maximum-requests 1 --embedded-mode": {false, false, false},
		"--server-mpm prefork --embedded-mode --threads 3": {true, false, false},
	} {
		g := mustParse(t, env, strings.Fields(args)...).Groups[0]
		if got := [3]bool{g.Multiprocess(), g.Multithread(), g.RunOnce()}; got != want {
			t.Errorf("%s: multiprocess, multithread, run_once are %v, want %v", args, got, want)
		}
	}
}

// TestHTTPSListeners: HTTPS has a socket of TCP after that of HTTP, and one of UDP for HTTP/3.
func TestHTTPSListeners(t *testing.T) {
	c := Config{Host: "::1", Port: 80, HTTPS: &HTTPS{Port: 443, HTTP3: true}}
	if got, want := c.Listeners(), []Listener{{"tcp", "[::1]:80", "http"}, {"tcp", "[::1]:443", "https"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := c.PacketListeners(), []Listener{{"udp", "[::1]:443", "https"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c.HTTPS.HTTP3 = false
	if got := c.PacketListeners(); got != nil {
		t.Errorf("without HTTP/3: got %v", got)
	}
}

// TestListeners: the address is one that net.Listen takes.
func TestListeners(t *testing.T) {
	for host, want := range map[string]string{"": ":80", "::1": "[::1]:80", "127.0.0.1": "127.0.0.1:80"} {
		config := Config{Host: host, Port: 80}
		if got := config.Listeners(); !reflect.DeepEqual(got, []Listener{{"tcp", want, "http"}}) {
			t.Errorf("host %q: got %v, want %s", host, got, want)
		}
	}
}

// TestSystemEnv: the real world can be described, and a Config made in it.
func TestSystemEnv(t *testing.T) {
	env, err := SystemEnv("3.11", false)
	if err != nil {
		t.Fatal(err)
	}
	variables := env.Lookup
	env.Lookup = func(name string) (string, bool) { // whatever virtual environment the tests run in
		if name == "VIRTUAL_ENV" {
			return "", false
		}
		return variables(name)
	}
	if c := mustParse(t, env, "golden_test.go"); !isFile(c.Application.Target) || c.User == "" || c.Group == "" {
		t.Errorf("the world is not described: %+v", c)
	}
}
