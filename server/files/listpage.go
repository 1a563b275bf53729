package files

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"net/url"
	"strings"
	"time"

	"gild/server/pagestyle"
)

// listStyle is what a listing adds to the style of pages. On a phone there is room for names and sizes.
const listStyle = `body{padding-top:6vh}h1{font-size:1.4rem;overflow-wrap:anywhere}td{vertical-align:baseline}footer{margin-top:0;border:0}` +
	`h1 a,td a,th a{text-decoration:none}a:hover,a:focus{text-decoration:underline}` +
	`th a{color:inherit}[aria-sort] a::after{content:" \2191"}[aria-sort=descending] a::after{content:" \2193"}` +
	`tbody tr:hover{background:var(--tint)}td:first-child{overflow-wrap:anywhere;width:99%}` +
	`td+td,th{white-space:nowrap}td+td{color:var(--soft)}th:last-child,td:last-child{padding-right:0}` +
	`@media(max-width:40rem){.date{display:none}}`

// columns are those of the table: the letter of the order, the class of its cells, and the heading.
var columns = []struct {
	letter      byte
	class, text string
}{{'N', "", "Name"}, {'M', ` class="date"`, "Last modified (UTC)"}, {'S', ` class="number"`, "Size"}}

// write sends the page, piece by piece: of a large directory it is large.
func (l *listing) write(w io.Writer) error {
	b := bufio.NewWriterSize(w, 32<<10)
	title := "Index of " + html.EscapeString(strings.ToValidUTF8(l.urlPath, "\ufffd"))
	b.WriteString(pagestyle.BeginWide(title, listStyle) + "<h1>Index of " + breadcrumbs(l.urlPath) + "</h1>\n<table>\n<thead>\n<tr>")
	for _, c := range columns {
		fmt.Fprintf(b, `<th%s%s><a href="%s">%s</a></th>`, c.class, l.order.aria(c.letter), l.order.query(c.letter), c.text)
	}
	b.WriteString("</tr>\n</thead>\n<tbody>\n")
	if l.urlPath != "/" {
		b.WriteString(`<tr><td><a href="../">../</a></td><td class="date"></td><td></td></tr>` + "\n")
	}
	for i := range l.entries {
		l.entries[i].write(b)
	}
	b.WriteString("</tbody>\n</table>\n<footer>" + l.summary() + "</footer>\n" + pagestyle.End)
	return b.Flush()
}

// write adds the row of an entry.
func (e *entry) write(b *bufio.Writer) {
	name, href, size := e.name, link(e.name), ""
	if e.directory {
		name, href = name+"/", href+"/"
	} else {
		size = humanSize(e.size)
	}
	var stamp [16]byte
	b.WriteString(`<tr><td><a href="` + href + `">`)
	b.WriteString(html.EscapeString(strings.ToValidUTF8(name, "\ufffd")))
	b.WriteString(`</a></td><td class="date">`)
	b.Write(time.Unix(e.modified, 0).UTC().AppendFormat(stamp[:0], "2006-01-02 15:04"))
	b.WriteString(`</td><td class="number">` + size + "</td></tr>\n")
}

// link is a name as a relative reference in an attribute. With "./" before it, no name is taken for a scheme (RFC 3986 section 4.2).
func link(name string) string {
	href := html.EscapeString(url.PathEscape(name))
	if strings.Contains(href, ":") {
		href = "./" + href
	}
	return href
}

// breadcrumbs are the names of a path, each a link to its directory but the last. The links are relative, so that they are right behind a
// proxy that serves the site below another path.
func breadcrumbs(urlPath string) string {
	names := strings.Split(strings.Trim(urlPath, "/"), "/")
	if urlPath == "/" {
		return "/"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<a href="%s">/</a>`, strings.Repeat("../", len(names)))
	for i, name := range names {
		text := html.EscapeString(strings.ToValidUTF8(name, "\ufffd"))
		if up := len(names) - 1 - i; up > 0 {
			text = fmt.Sprintf(`<a href="%s">%s</a>`, strings.Repeat("../", up), text)
		}
		b.WriteString(text + "/")
	}
	return b.String()
}

// humanSize is a number of bytes in three digits or so.
func humanSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n), 0
	for size >= 1023.5 {
		size /= 1024
		unit++
	}
	if size < 9.95 {
		return fmt.Sprintf("%.1f %ciB", size, "BKMGTPE"[unit])
	}
	return fmt.Sprintf("%.0f %ciB", size, "BKMGTPE"[unit])
}

// summary is how much there is.
func (l *listing) summary() string {
	directories := 0
	for i := range l.entries {
		if l.entries[i].directory {
			directories++
		}
	}
	text := count(directories, "directory", "directories") + ", " + count(len(l.entries)-directories, "file", "files")
	if l.more {
		text += ". The directory has more than this; not all of it is listed."
	}
	return text
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
