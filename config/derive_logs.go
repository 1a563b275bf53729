package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// logs finds out where each log goes.
func (r *request) logs() {
	if r.given["--log-directory"] && r.Log.ToTerminal {
		r.warn("--log-to-terminal", "ignored, because --log-directory says where the logs go")
		r.Log.ToTerminal = false
	}
	if r.Log.Directory == "" {
		r.Log.Directory = r.ServerRoot
	}
	r.Log.AccessFormat = nickname(r.accessFormat)
	if !r.Log.ToTerminal {
		r.Log.ErrorLog = r.logfile(r.errorLogName)
	}
	if r.accessLog {
		r.Log.AccessLog = r.logfile(r.accessLogName)
	}
	if r.accessLog && r.Log.ToTerminal {
		r.Log.AccessLog = "-"
	}
	if r.startupLog {
		r.Log.StartupLog = r.logfile(r.startupLogName)
	}
	r.rotation()
	r.sameLog()
	for _, option := range []string{"--error-log-name", "--access-log-name"} {
		if r.given[option] && r.Log.ToTerminal {
			r.warn(option, "without effect, because --log-to-terminal is given")
		}
	}
	if r.accessLog && !strings.Contains(r.Log.AccessFormat, "%") && r.Log.AccessFormat != "json" {
		r.warn("--access-log-format", "'%s' has no directive in it, so every line is the same; the formats that have names are common, combined and json",
			r.Log.AccessFormat)
	}
	r.pointless("--access-log-name", "--access-log")
	r.pointless("--access-log-format", "--access-log")
	r.pointless("--startup-log-name", "--startup-log")
}

// rotation finds out whether the logs are rotated. On a terminal there is nothing to rotate.
func (r *request) rotation() {
	if r.rotateLogs && r.Log.ToTerminal {
		r.warn("--rotate-logs", "without effect, because --log-to-terminal is given")
		r.rotateLogs = false
	}
	if !r.rotateLogs {
		r.Log.Rotate, r.Log.Keep = 0, 0
	}
	r.pointless("--max-log-size", "--rotate-logs")
	r.pointless("--keep-logs", "--rotate-logs")
}

// sameLog complains of two logs in one file: they are rotated and reopened one by one.
func (r *request) sameLog() {
	logs := map[string]string{}
	for _, log := range []struct{ option, file string }{
		{"--error-log-name", r.Log.ErrorLog}, {"--access-log-name", r.Log.AccessLog}, {"--startup-log-name", r.Log.StartupLog},
	} {
		if other := logs[log.file]; other != "" && log.file != "" {
			r.complain(log.option, fmt.Errorf("'%s' is the file of %s, too; each log needs one of its own", log.file, other))
		}
		logs[log.file] = log.option
	}
}

// logfile is the path of a log: its name in the log directory, or a path of its own.
func (r *request) logfile(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(r.Log.Directory, name)
}

// nickname expands the two names Apache's default configuration gives to formats of the access log. What is not made by a format is
// left: json.
func nickname(format string) string {
	const common = `%h %l %u %t "%r" %>s %b`
	switch format {
	case "common":
		return common
	case "combined":
		return common + ` "%{Referer}i" "%{User-agent}i"`
	}
	return format
}
