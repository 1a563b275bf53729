package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// policy is the picture of ARCHITECTURE.md: what each package may import besides the standard library. A word is a
// package of ours, a module, or with a minus a package of the standard library that is refused. What is not listed is
// refused; a package of ours that has no line is refused too.
//
// "C" is cgo: only cpython speaks to C.
const policy = `
gild              config mpm server server/files server/rewrite server/auth server/trust server/cgi server/proxy tls scripts cpython logs golang.org/x/sys github.com/pkg/errors github.com/coreos/go-systemd/v22

gild/scripts      config server server/cgi server/pagestyle cpython logs golang.org/x/sys github.com/pkg/errors github.com/fsnotify/fsnotify -os/exec
gild/server  config logs server/accept server/auth server/cgi server/compress server/files server/proxy server/rewrite server/trust golang.org/x/sys golang.org/x/net github.com/pkg/errors github.com/quic-go/quic-go server/pagestyle github.com/pires/go-proxyproto -os/exec
gild/server/accept                                                                    -net/http -os/exec
gild/server/auth  golang.org/x/sys golang.org/x/net                                   -net/http -os/exec
gild/server/cgi  logs server/cgi/fastcgi golang.org/x/sys github.com/pkg/errors -net/http/httputil
gild/server/cgi/fastcgi  github.com/pkg/errors -os/exec -net/http
gild/server/compress github.com/klauspost/compress github.com/andybalholm/brotli     -os/exec
gild/server/files logs server/accept server/pagestyle golang.org/x/sys                                 -os/exec
gild/server/pagestyle                                                                 -net/http -os/exec
gild/server/proxy golang.org/x/net                                                    -os/exec
gild/server/rewrite github.com/dlclark/regexp2                                        -os/exec
gild/server/trust                                                                     -net/http/httputil -os/exec
gild/tls          config logs golang.org/x/sys github.com/caddyserver/certmagic github.com/mholt/acmez go.uber.org/zap -os/exec
gild/mpm          logs golang.org/x/sys github.com/pkg/errors                         -net/http
gild/cpython      C golang.org/x/sys                                                  -net/http -os/exec
gild/logs         golang.org/x/sys                                                    -os/exec
gild/config       golang.org/x/net github.com/pkg/errors                              -net/http

gild/integration  golang.org/x/sys golang.org/x/net github.com/quic-go/quic-go github.com/klauspost/compress github.com/andybalholm/brotli
gild/bench        golang.org/x/sys github.com/quic-go/quic-go
`

// testsOnly may be imported by the tests of every package.
var testsOnly = []string{"golang.org/x/tools/txtar", "golang.org/x/crypto", "golang.org/x/sys", "github.com/klauspost/compress", "github.com/andybalholm/brotli", "github.com/pkg/errors", "gild/logs"}

// goPackage is the part of the output of `go list -json` that the picture is about.
type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportsFollowThePicture(t *testing.T) {
	allowed := parsePolicy(policy)
	for _, p := range listPackages(t) {
		rules, listed := allowed[p.ImportPath]
		if !listed {
			t.Errorf("%s has no line in the policy of imports_test.go", p.ImportPath)
		}
		for _, path := range p.Imports {
			if !permits(rules, path) {
				t.Errorf("%s must not import %q", p.ImportPath, path)
			}
		}
		for _, path := range append(p.TestImports, p.XTestImports...) {
			if !permits(slices.Concat(rules, testsOnly, []string{p.ImportPath}), path) && !isStandard(path) {
				t.Errorf("a test of %s must not import %q", p.ImportPath, path)
			}
		}
	}
}

// TestImportsPolicyRefuses shows that the check can fail: each of these would be a new arrow.
func TestImportsPolicyRefuses(t *testing.T) {
	allowed := parsePolicy(policy)
	for from, path := range map[string]string{
		"gild/server":  "gild/cpython",
		"gild/mpm":     "net/http",
		"gild/config":  "gild/logs",
		"gild/scripts": "C",
		"gild/cpython": "github.com/pkg/errors",
		"gild/logs":    "golang.org/x/system",
	} {
		if permits(allowed[from], path) {
			t.Errorf("the policy lets %s import %q", from, path)
		}
	}
}

// parsePolicy turns the text into import path -> words, with ours written in full.
func parsePolicy(text string) map[string][]string {
	rules := map[string][]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		rules[words[0]] = []string{}
		for _, word := range words[1:] {
			if isOurs(word) {
				word = "gild/" + word
			}
			rules[words[0]] = append(rules[words[0]], word)
		}
	}
	return rules
}

// isOurs says whether a word of the policy is short for a package of ours.
func isOurs(word string) bool {
	return word != "C" && !strings.HasPrefix(word, "-") && !strings.Contains(word, ".")
}

// permits says whether the words of a line allow the import.
func permits(words []string, path string) bool {
	if slices.Contains(words, "-"+path) {
		return false
	}
	return isStandard(path) || slices.ContainsFunc(words, func(word string) bool {
		return path == word || strings.HasPrefix(path, word+"/") && strings.Contains(word, ".")
	})
}

// isStandard says whether the path is of the standard library: its first element has no dot and is not ours.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return path != "C" && first != "gild" && !strings.Contains(first, ".")
}

// listPackages asks the go command for the packages of this module.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list -json: %v", err)
		}
		packages = append(packages, p)
	}
}
