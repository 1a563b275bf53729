package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// documented is a site with error documents below /document, and ways to need one.
func documented(w http.ResponseWriter, r *http.Request) {
	x := From(w)
	switch path := r.URL.Path; path {
	case "/document":
		fmt.Fprint(w, "document ", x.Variables())
	case "/document/redirected":
		x.redirectInternally("/document")
	case "/document/moved":
		w.Header().Set("Location", "/document")
		w.WriteHeader(http.StatusFound)
		fmt.Fprint(w, "moved")
	case "/document/refused":
		x.Error(http.StatusForbidden)
	case "/document/circle":
		x.redirectInternally(path)
	case "/document/panics":
		panic("in the document")
	case "/document/late":
		fmt.Fprint(w, "begun")
		x.Flush()
		x.Abort(errors.New("in the document"))
	case "/panic":
		panic("in the application")
	case "/abort":
		x.Abort(errors.New("in the application"))
	case "/endless":
		w.Header().Set("Www-Authenticate", "Basic")
		w.Header().Set("Retry-After", "5")
		x.Override(http.StatusGone)
		for _, err := fmt.Fprint(w, "x"); err == nil; {
			_, err = fmt.Fprint(w, strings.Repeat("secret", 1000))
			x.Flush()
		}
		x.Abort(errors.New("what is dropped has an end"))
	case "/unavailable":
		x.Unavailable(time.Minute)
	default:
		status := 0
		if n, _ := fmt.Sscanf(path, "/%d", &status); n == 1 {
			x.Error(status)
		}
	}
}

func TestErrorDocuments(t *testing.T) {
	s := start(t, documented, func(o *Options) {
		o.ErrorDocuments = map[int]string{404: "/document?n=1", 405: "/document/redirected", 406: "/document/moved", 407: "/document/refused",
			408: "/document/circle", 409: "/document/panics", 411: "/document/late", 500: "/document", 503: "/document"}
	})
	cases := []struct{ path, want string }{
		{"/404", "404 document [{REDIRECT_URL /404} {REDIRECT_STATUS 404} {REDIRECT_REQUEST_METHOD GET}]"},
		{"/405", "405 document [{REDIRECT_REDIRECT_URL /405} {REDIRECT_REDIRECT_STATUS 405} {REDIRECT_REDIRECT_REQUEST_METHOD GET} {REDIRECT_URL /document/redirected} {REDIRECT_STATUS 405}]"},
		{"/406", "406 page"},
		{"/407", "407 page"},
		{"/408", "408 page"},
		{"/409", "409 page"},
		{"/411", "411 begun torn"},
		{"/402", "402 page"},
		{"/panic", "500 document [{REDIRECT_URL /panic} {REDIRECT_STATUS 500} {REDIRECT_REQUEST_METHOD GET}]"},
		{"/abort", "500 document [{REDIRECT_URL /abort} {REDIRECT_STATUS 500} {REDIRECT_REQUEST_METHOD GET}]"},
		{"/unavailable", "503 document [{REDIRECT_URL /unavailable} {REDIRECT_STATUS 503} {REDIRECT_REQUEST_METHOD GET}] retry 60"},
		{"/endless", "410 page retry 5"},
		{"/%2f", "404 document [{REDIRECT_URL //} {REDIRECT_STATUS 404} {REDIRECT_REQUEST_METHOD GET}]"},
	}
	for _, c := range cases {
		t.Run(c.path, func(t *testing.T) {
			response, err := http.Get("http://" + s.addr + c.path)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if got := inWords(response); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if v := response.Header.Get("Www-Authenticate") + response.Header.Get("Location"); v != "" {
				t.Errorf("a field of the handler was sent: %q", v)
			}
		})
	}
	for _, want := range []string{
		"The error document for 406, '/document/moved', was itself answered with 302 Found",
		"The error document for 407, '/document/refused', was itself answered with 403 Forbidden",
		"The request exceeded the limit of 10 internal redirects",
		"The error document for 408, '/document/circle', was itself answered with 500 Internal Server Error",
		"The error document for 409, '/document/panics', was itself answered with 500 Internal Server Error",
	} {
		if !strings.Contains(s.log.text(), want) {
			t.Errorf("the log lacks %q:\n%s", want, s.log.text())
		}
	}
}

// inWords is a response in a line: a page of the server is "page".
func inWords(response *http.Response) string {
	body, err := io.ReadAll(response.Body)
	text := string(body)
	if strings.HasPrefix(text, "<!DOCTYPE") {
		text = "page"
	}
	if retry := response.Header.Get("Retry-After"); retry != "" {
		text += " retry " + retry
	}
	if err != nil {
		text += " torn"
	}
	return fmt.Sprint(response.StatusCode, " ", text)
}
