// Package pagestyle answers one question: what do the pages of gild itself look like? All of them have the same style sheet, in the
// page, so that nothing else has to be loaded: error pages, listings of directories, the status, the welcome page.
package pagestyle

import "strings"

// CSS is the style sheet, without newlines. Its classes are "code" for the large number of an error page, "soft" for what matters
// less, "number" for cells of a table with numbers, "wide" for a main element with a table.
var CSS = strings.NewReplacer("\n", "", ": ", ":", ", ", ",", " {", "{", "; ", ";", "    ", "").Replace(sheet)

// sheet has two palettes; what a reader's system prefers is used. Letters have a contrast of 4.5:1 at least in both (WCAG 2.1 AA).
const sheet = `
:root {color-scheme: light dark; --ink: #1c2230; --soft: #596275; --line: #dfe3ea; --paper: #fff; --tint: #f4f6f9; --link: #1d56c4}
@media(prefers-color-scheme:dark) {:root {--ink: #e7e9ee; --soft: #a0a9b8; --line: #333a46; --paper: #14171d; --tint: #1d222b; --link: #8db4ff}}
* {box-sizing: border-box}
body {margin: 0; padding: min(12vh, 6rem) 1.5rem 3rem; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif}
main {max-width: 40rem; margin: auto}
main.wide {max-width: 72rem; overflow-x: auto}
h1 {margin: 0 0 .8rem; font-size: 1.8rem; line-height: 1.2}
h2 {margin: 2rem 0 .6rem; font-size: 1.15rem}
p {margin: 0 0 1rem}
a {color: var(--link)}
.code {margin: 0; color: var(--soft); font-weight: 600; letter-spacing: .05em}
.soft {color: var(--soft)}
footer {margin-top: 2.5rem; padding-top: .8rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .875rem}
code, pre {font: .9em/1.5 ui-monospace, monospace}
code {overflow-wrap: anywhere}
pre {padding: .8rem 1rem; background: var(--tint); border: 1px solid var(--line); border-radius: .5rem; overflow-x: auto}
table {width: 100%; margin: 0 0 1.5rem; border-collapse: collapse}
th, td {padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left}
.number {text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap}
`

// Begin is the beginning of a page as far as the first element in main. The title is HTML.
func Begin(title string) string { return begin(title, "") + "<main>\n" }

// BeginWide is Begin for a page with a table, which may add to the style sheet.
func BeginWide(title, css string) string { return begin(title, css) + "<main class=\"wide\">\n" }

func begin(title, css string) string {
	return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
		title + "</title>\n<style>" + CSS + css + "</style>\n</head>\n<body>\n"
}

// End ends a page that began with Begin.
const End = "</main>\n</body>\n</html>\n"
