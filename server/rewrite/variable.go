package rewrite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Request is what the rules look at.
type Request struct {
	Path      string // decoded, begins with a slash
	Query     string // as it came
	Base      string // URL path of the directory, "/" or without a slash at its end: where the rules are relative to
	Origin    string // scheme, host and port of the site as clients see it, such as "https://www.example.com"
	Directory string // absolute path of the directory; "": there is none, and no file is found in it

	// Variable looks up what this package does not know: mod_rewrite's variables of the request and the connection, such as
	// REMOTE_ADDR; "HTTP:Name" for a header field, "ENV:NAME" and "SSL:NAME". It returns "" for what is not there.
	Variable func(name string) string
}

// known are the variables without a prefix. Those of the time, of the file and of the address are made here, the others asked for.
var known = []string{
	"HTTP_USER_AGENT", "HTTP_REFERER", "HTTP_COOKIE", "HTTP_FORWARDED", "HTTP_HOST", "HTTP_PROXY_CONNECTION", "HTTP_ACCEPT",
	"AUTH_TYPE", "CONN_REMOTE_ADDR", "CONTEXT_PREFIX", "CONTEXT_DOCUMENT_ROOT", "IPV6", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "REMOTE_HOST",
	"REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER", "REQUEST_METHOD", "SCRIPT_FILENAME", "DOCUMENT_ROOT", "SCRIPT_GROUP",
	"SCRIPT_USER", "SERVER_ADDR", "SERVER_ADMIN", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE",
	"TIME_YEAR", "TIME_MON", "TIME_DAY", "TIME_HOUR", "TIME_MIN", "TIME_SEC", "TIME_WDAY", "TIME",
	"API_VERSION", "CONN_REMOTE_ADDR", "HTTPS", "IS_SUBREQ", "REQUEST_FILENAME", "REQUEST_SCHEME", "REQUEST_URI", "THE_REQUEST",
}

// checkVariable complains about a name that is none of mod_rewrite's.
func checkVariable(name string) error {
	prefix, rest, found := strings.Cut(name, ":")
	switch {
	case !found && slices.Contains(known, name):
		return nil
	case found && rest != "" && (prefix == "HTTP" || prefix == "ENV" || prefix == "SSL"):
		return nil
	case prefix == "LA-U" || prefix == "LA-F":
		return fmt.Errorf("%%{%s}: gild does not look ahead; what is asked for here is known already, leave out %s", name, prefix+":")
	case strings.HasPrefix(name, "SSL_"):
		return fmt.Errorf("%%{%s} is no variable of rewrite rules; %%{SSL:%s} is meant", name, name)
	}
	return fmt.Errorf("%%{%s} is no variable of rewrite rules; for an environment variable write %%{ENV:%s}, for a header field %%{HTTP:Name}", name, name)
}

// variable is the value of a variable now.
func (s *state) variable(name string) string {
	switch name {
	case "REQUEST_URI":
		return s.path()
	case "QUERY_STRING":
		return s.query
	case "REQUEST_FILENAME", "SCRIPT_FILENAME":
		file, _ := s.file()
		return file
	case "PATH_INFO":
		_, info := s.file()
		return info
	case "DOCUMENT_ROOT", "CONTEXT_DOCUMENT_ROOT":
		return s.request.Directory
	case "IS_SUBREQ":
		return "false"
	}
	if rest, ok := strings.CutPrefix(name, "TIME"); ok {
		return clock(rest, time.Now())
	}
	return s.lookup(name)
}

// lookup asks the request, unless a rule has just set or unset the variable; and notes which header fields have been looked at.
func (s *state) lookup(name string) string {
	if env, ok := strings.CutPrefix(name, "ENV:"); ok {
		for _, v := range s.outcome.Variables {
			if v.Name == env {
				return v.Value
			}
		}
	}
	if field := fieldOf(name); field != "" && !slices.Contains(s.fields, field) {
		s.fields = append(s.fields, field)
	}
	return s.request.Variable(name)
}

// fieldOf is the header field behind a variable, "" if there is none. A response that depends on Host is none that caches could mix up.
func fieldOf(name string) string {
	if field, ok := strings.CutPrefix(name, "HTTP:"); ok {
		return field
	}
	switch name {
	case "HTTP_USER_AGENT":
		return "User-Agent"
	case "HTTP_REFERER", "HTTP_COOKIE", "HTTP_FORWARDED", "HTTP_PROXY_CONNECTION", "HTTP_ACCEPT":
		return strings.ReplaceAll(name[len("HTTP_"):len("HTTP_")+1]+strings.ToLower(name[len("HTTP_")+1:]), "_", "-")
	}
	return ""
}

// file is the file that the path stands for, and what follows it: the first component that does not exist, or is no directory,
// ends the name of the file.
func (s *state) file() (file, info string) {
	path := s.path()
	root := s.request.Directory
	if root == "" {
		return path, ""
	}
	rel := strings.TrimPrefix(strings.TrimPrefix(path, strings.TrimSuffix(s.request.Base, "/")), "/")
	file = root
	for rel != "" {
		component, rest, more := strings.Cut(rel, "/")
		file += "/" + component
		if stat, err := os.Stat(file); err != nil || !stat.IsDir() {
			return filepath.Clean(file), rel[len(component):]
		}
		if rel = rest; more && rest == "" {
			file += "/"
		}
	}
	return file, ""
}

// clock is a variable of the time, by what follows TIME in its name; local time as httpd's.
func clock(which string, now time.Time) string {
	layout := map[string]string{"": "20060102150405", "_YEAR": "2006", "_MON": "01", "_DAY": "02", "_HOUR": "15", "_MIN": "04", "_SEC": "05"}
	if which == "_WDAY" {
		return strconv.Itoa(int(now.Weekday()))
	}
	return now.Format(layout[which])
}
