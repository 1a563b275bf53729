package config

import (
	"fmt"
	"strings"
)

// Help is the text for --help of start-server, printed from the table the parser reads, or of status. It ends with a line
// feed.
func Help(verb string) string {
	var b strings.Builder
	if verb == "status" {
		return usage(verb) + "\n\n" + wrap(statusHelp, "", 80)
	}
	b.WriteString(usage(verb) + "\n\n")
	b.WriteString(wrap("Serves a WSGI application over HTTP and HTTPS. Options and the script may come in any order; an option can be abbreviated, and its value follows as the next word or after '='. $NAME is replaced by the environment variable.", "", 80))
	sections := table()
	for _, s := range sections {
		b.WriteString(optionsHelp(s))
	}
	b.WriteString(laterHelp(rows(sections)))
	b.WriteString(droppedHelp(rows(sections)))
	return b.String()
}

// statusHelp is what there is to know about gild status.
const statusHelp = `Shows what a running server is doing: its processes and threads, what waits, and which processes were replaced and
why. The options are those the server was started with; --server-root, --host, --port, those about HTTPS and
--options-file say which server is meant, the others are not used. 'gild start-server --help' describes them. The server root depends on the user as well:
whoever did not start the server has to give --server-root.`

// optionsHelp describes the options of a section that do something.
func optionsHelp(s section) string {
	var b strings.Builder
	for _, o := range s.rows {
		if o.hidden || o.later != "" || o.dropped != "" {
			continue
		}
		b.WriteString("  " + o.name + metavar(o.values) + "\n")
		b.WriteString(wrap(o.description(), "        ", 80))
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + s.title + ":\n" + b.String()
}

// metavar is how the values look behind the name.
func metavar(values string) string {
	if values == "" {
		return ""
	}
	return "=" + values
}

// description is the help of a row with what can be told from its other cells.
func (o *row) description() string {
	text := o.help
	if o.preset != "" {
		text += " Default: " + o.preset + "."
	}
	if o.repeat {
		text += " May be repeated."
	}
	if o.always != "" {
		text += " Always so here."
	}
	return text
}

// laterHelp lists the options that are refused, by the feature they wait for.
func laterHelp(all []*row) string {
	var features []string
	options := map[string][]string{}
	for _, o := range all {
		if o.later == "" {
			continue
		}
		if options[o.later] == nil {
			features = append(features, o.later)
		}
		options[o.later] = append(options[o.later], o.name)
	}
	var b strings.Builder
	b.WriteString("\nRefused, because " + notYet + ":\n")
	for _, f := range features {
		b.WriteString(wrap(f+": "+strings.Join(options[f], " "), "  ", 80))
	}
	return b.String()
}

// droppedHelp lists the options that are accepted for the sake of existing command lines.
func droppedHelp(all []*row) string {
	var names []string
	for _, o := range all {
		if o.dropped != "" {
			names = append(names, o.name)
		}
	}
	return "\nAccepted with a warning, without effect:\n" + wrap(strings.Join(names, " "), "  ", 80)
}

// wrap breaks text into lines of at most width columns, each with the indent.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line) > len(indent) && len(line)+1+len(word) > width {
			fmt.Fprintln(&b, line)
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(&b, line)
	return b.String()
}
