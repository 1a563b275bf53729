package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// What is around an application, without one: files, and requests that are for another server.

// siteCases are measured one after another on a server that was started once.
func siteCases() []loadCase {
	get := func(name, about, path string, want []byte) loadCase {
		return loadCase{workload{name, "hello", about, Request{Path: path}, want, []int{goalConnections}, ""}, load.run}
	}
	return []loadCase{
		get("file", "a file of 1 kB", "/small.txt", content(smallFile)),
		get("image", "a file of 100 kB", "/image.bin", content(largeFile)),
		get("proxied", "12 bytes from another server, over a socket file and connections that are kept", "/other/", []byte(helloBody)),
	}
}

// Sizes of the files in bytes.
const smallFile, largeFile = 1 << 10, 100 << 10

func content(size int) []byte { return bytes.Repeat([]byte("x"), size) }

// siteServers are the rows. What they pass requests on to is the yardstick, since it costs little and the same everywhere.
func siteServers() []server {
	around := server{
		Name: daemon, About: "a front, and no Python", Needs: []string{"bench/scratch/gild"}, Version: []string{"bench/scratch/gild", "--version"},
		Command: func(s site) []string {
			return []string{s.Gild, "start-server", "--application-type", "static", s.documents(), "--host", "127.0.0.1", "--port", s.Port,
				"--server-root", s.Dir, "--log-to-terminal", "--keep-alive-timeout", "75", "--proxy-mount-point", "/other/", "unix:" + s.socket() + "|http://localhost/"}
		},
	}
	list := []server{withDocuments(around, "", nil)}
	for _, srv := range proxies() {
		srv.Secure, srv.Without = false, nil
		switch srv.Name {
		case "nginx":
			srv.About = "as many workers as cores"
			srv = withDocuments(srv, "nginx.conf", nginxSite)
		case "caddy":
			srv.About = "as it comes"
			srv = withDocuments(srv, "Caddyfile", caddySite)
		}
		list = append(list, srv)
	}
	return append(list, withDocuments(server{
		Name: "apache", About: "event with Debian's settings", Needs: []string{apacheBinary}, Version: []string{apacheBinary, "-v"},
		Command: func(s site) []string {
			return []string{apacheBinary, "-f", filepath.Join(s.Dir, "httpd.conf"), "-DFOREGROUND"}
		},
	}, "httpd.conf", apacheSite))
}

// withDocuments has the files, the configuration and the other server made before the server starts.
func withDocuments(srv server, file string, config func(s site, root bool) string) server {
	srv.Needs = []string{srv.Needs[0], "bench/scratch/bench"}
	srv.Behind = func(s site) []string {
		return []string{filepath.Join(s.Work, "bench"), yardstickVerb, "unix:" + s.socket(), s.App}
	}
	srv.Prepare = func(s site) error {
		if err := writeDocuments(s.documents()); err != nil || config == nil {
			return err
		}
		return os.WriteFile(filepath.Join(s.Dir, file), []byte(config(s, os.Geteuid() == 0)), 0o644)
	}
	return srv
}

// documents is the directory of the files.
func (s site) documents() string { return filepath.Join(s.Dir, "documents") }

func writeDocuments(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for name, size := range map[string]int{"small.txt": smallFile, "image.bin": largeFile} {
		if err := os.WriteFile(filepath.Join(dir, name), content(size), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// measureSite visits every server once in each round.
func (b *bench) measureSite(ctx context.Context, present []server, out *results) {
	for round := range b.Rounds {
		for i := range present {
			out.Samples = append(out.Samples, b.visitAll(ctx, present[(i+round)%len(present)], round, siteCases())...)
		}
	}
}

// noPrograms: wrk is on every page.
func noPrograms() []version { return nil }

// around is the part about what is around an application.
func (p *page) around(r *results) {
	p.line("%s", howToReadSite)
	for _, c := range siteCases() {
		p.cells(r, c.workload, siteServers())
	}
}

const howToReadSite = `
No Python runs here: files are served by the process that speaks HTTP, and what is for another server is passed on by it. That
other server is Go's net/http, and the same everywhere; its CPU is part of the figures. The columns are those of the first part;
there is one row for gild, since both placements do the same.`

// nginxSite caches descriptors of files, as tuned sites have it: to the advantage of nginx.
func nginxSite(s site, root bool) string {
	return fmt.Sprintf(`%[1]s    open_file_cache max=1000;
    upstream other {
        server unix:%[2]s fail_timeout=0;
        keepalive 64;
    }
    server {
        listen %[3]s;
        root %[4]s;
        location /other/ {
            proxy_pass http://other/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }
    }
}
`, nginxHead(s, root), s.socket(), s.address(), s.documents())
}

func caddySite(s site, _ bool) string {
	return caddyHead(s, "off") + fmt.Sprintf(`http://%[1]s {
	bind 127.0.0.1
	root * %[2]s
	handle_path /other/* {
		reverse_proxy unix/%[3]s
	}
	file_server
}
`, s.address(), s.documents(), s.socket())
}

func apacheSite(s site, root bool) string {
	return apacheHead(s, root) + fmt.Sprintf(`LoadModule proxy_module %[1]smod_proxy.so
LoadModule proxy_http_module %[1]smod_proxy_http.so
EnableSendfile On
DocumentRoot %[2]s
ProxyPass /other/ unix:%[3]s|http://localhost/
<Directory %[2]s>
Require all granted
</Directory>
`, apacheModules, s.documents(), s.socket())
}
