package integration

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// items are the things that were promised about the site around the application, numbered as the stories cite them.
var items = map[int]string{
	1:   "group authorisation is enforced",
	2:   "only users who are known are asked about for a group",
	3:   "names of header fields that reach the application",
	4:   "and those that reach scripts of access and authentication",
	5:   "the working directory is on sys.path as itself",
	6:   "Django without BASE_DIR",
	7:   "no other kind of group lets anybody in",
	8:   "check_password may rename the user",
	16:  "--auth-user-script",
	17:  "--auth-type",
	18:  "--auth-group-script",
	19:  "--auth-group",
	20:  "--directory-index",
	21:  "--with-php5",
	22:  "--server-name",
	23:  "the redirect to www.",
	24:  "--server-alias",
	25:  "--allow-localhost",
	26:  "--rotate-logs",
	27:  "--max-log-size",
	28:  "--rotatelogs-executable",
	29:  "--ssl-port, --ssl-certificate",
	30:  "--https-only",
	31:  "localhost is exempt from it",
	32:  "--setenv",
	33:  "--passenv",
	34:  "the application sees GET for HEAD",
	35:  "--map-head-to-get",
	36:  "--compress-responses",
	38:  "--header-timeout",
	39:  "--header-max-timeout, --header-min-rate",
	40:  "--body-timeout",
	41:  "--body-max-timeout, --body-min-rate",
	47:  "a client that leaves is no error",
	53:  "--host-access-script",
	57:  "--proxy-mount-point",
	58:  "its redirect, and the fields of a proxy",
	62:  "--hsts-policy",
	63:  "only listed fields of a proxy are believed",
	64:  "the others of their kind are removed",
	65:  "the scheme, as a word",
	66:  "the scheme, as a switch",
	67:  "the host",
	68:  "the server",
	69:  "the port",
	70:  "the client",
	71:  "the script name",
	72:  "--trust-proxy",
	73:  "--trust-proxy-header",
	74:  "many header fields",
	89:  "where gild listens",
	90:  "where it logs",
	91:  "--access-log",
	92:  "Authorization reaches the application",
	93:  "--document-root",
	94:  "--url-alias",
	103: "--limit-request-body",
}

// span is a range of items.
var span = regexp.MustCompile(`\bS\d+ ?(-|–|to) ?S?\d+`)

// TestItems wants each item in the first sentence of a story: that is what the story is about.
func TestItems(t *testing.T) {
	proved := map[int]bool{}
	for name, sentence := range firstSentences(t) {
		if found := span.FindString(sentence); found != "" {
			t.Errorf("%s: %q does not say which items are proved", name, found)
		}
		for n := range items {
			if mention(sentence, n) {
				proved[n] = true
			}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(items)) {
		if !proved[n] {
			t.Errorf("no story in testdata names S%d in its first sentence: %s", n, items[n])
		}
	}
}

// firstSentences are the beginnings of the texts of all stories.
func firstSentences(t *testing.T) map[string]string {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories in testdata: ", err)
	}
	sentences := map[string]string{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(string(archive.Comment)), " ")
		sentences[filepath.Base(file)], _, _ = strings.Cut(text, ". ")
	}
	return sentences
}

// mention reports whether a sentence names item n, and not one whose number only begins like it.
func mention(sentence string, n int) bool {
	return regexp.MustCompile(fmt.Sprintf(`\bS%d\b`, n)).MatchString(sentence)
}
