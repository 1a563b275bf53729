package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// Where bench/setup unpacks the proxies: they are not installed, because their packages would start them with the
// machine.
const (
	nginxBinary = "bench/scratch/debian/usr/sbin/nginx"
	caddyBinary = "bench/scratch/debian/usr/bin/caddy"
)

// proxies are TLS in front of gunicorn, as people deploy it: on the same machine, over a socket file.
func proxies() []server {
	return []server{
		proxy(server{
			Name: "nginx", About: "as many workers as cores, in front of gunicorn (gthread, 1 worker, 5 threads)",
			Needs:   []string{nginxBinary},
			Version: []string{"sh", "-c", nginxBinary + " -v 2>&1"},
			Command: func(s site) []string {
				return []string{filepath.Join(s.Root, nginxBinary), "-e", filepath.Join(s.Dir, "error.log"), "-c", filepath.Join(s.Dir, "nginx.conf")}
			},
			Without: map[string]string{"h3": "Debian's nginx has no HTTP/3"},
		}, "nginx.conf", nginxConfig),
		proxy(server{
			Name: "caddy", About: "as it comes, in front of gunicorn (gthread, 1 worker, 5 threads)",
			Needs:   []string{caddyBinary},
			Version: []string{caddyBinary, "version"},
			Command: func(s site) []string {
				return []string{"env", "XDG_CONFIG_HOME=" + s.Dir, "XDG_DATA_HOME=" + s.Dir, filepath.Join(s.Root, caddyBinary),
					"run", "--config", filepath.Join(s.Dir, "Caddyfile")}
			},
		}, "Caddyfile", caddyConfig),
	}
}

// proxy completes a server that passes its requests on to gunicorn and has a configuration file.
func proxy(srv server, file string, config func(s site, root bool) string) server {
	srv.Secure = true
	srv.Needs = append(srv.Needs, "bench/scratch/venv/bin/gunicorn")
	srv.Behind = func(s site) []string { return gunicornCommand(s, "unix:"+s.socket(), gthread) }
	srv.Prepare = func(s site) error {
		if err := writeCertificate(s); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(s.Dir, file), []byte(config(s, os.Geteuid() == 0)), 0o644)
	}
	return srv
}

// nginxConfig is what gunicorn's documentation gives, to the advantage of nginx: connections to gunicorn are kept, and
// those of clients for any number of requests. The numbers of workers and of their connections are Debian's and what
// the crowd of idle connections needs. Started by root, its workers run as www-data.
func nginxConfig(s site, root bool) string {
	return fmt.Sprintf(`%[1]s    ssl_certificate %[2]s;
    ssl_certificate_key %[3]s;
    ssl_protocols TLSv1.2 TLSv1.3;
    upstream application {
        server unix:%[4]s fail_timeout=0;
        keepalive 32;
    }
    server {
        listen %[5]s ssl http2;
        location / {
            proxy_pass http://application;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_redirect off;
        }
    }
}
`, nginxHead(s, root), s.certificate(), s.key(), s.socket(), s.address())
}

// nginxHead is a configuration down to the settings of HTTP. Started by root, its workers run as www-data.
func nginxHead(s site, root bool) string {
	user := ""
	if root {
		user = "user www-data;\n"
	}
	return fmt.Sprintf(`%[1]sdaemon off;
worker_processes auto;
worker_rlimit_nofile 16384;
pid %[2]s/nginx.pid;
error_log %[2]s/error.log warn;
events {
    worker_connections 8192;
}
http {
    access_log off;
    client_body_temp_path %[2]s/body;
    proxy_temp_path %[2]s/proxy;
    fastcgi_temp_path %[2]s/fastcgi;
    uwsgi_temp_path %[2]s/uwsgi;
    scgi_temp_path %[2]s/scgi;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
`, user, s.Dir)
}

// caddyConfig is Caddy's reverse proxy as it comes, but for certificates of its own.
func caddyConfig(s site, _ bool) string {
	return caddyHead(s, "disable_redirects") + fmt.Sprintf(`https://%[1]s {
	bind 127.0.0.1
	tls %[2]s %[3]s
	reverse_proxy unix/%[4]s
}
`, s.address(), s.certificate(), s.key(), s.socket())
}

// caddyHead turns off what Caddy would do beyond the port: other ports, a control interface.
func caddyHead(s site, autoHTTPS string) string {
	return fmt.Sprintf(`{
	admin off
	auto_https %[2]s
	log {
		output file %[1]s/error.log
		level WARN
	}
}
`, s.Dir, autoHTTPS)
}
