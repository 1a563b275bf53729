package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// published is the page: the parts of the groups that were run, by their names, and of the others what stood there
// before.
func published(before string, parts map[string]string) string {
	var list []string
	for _, g := range groups() {
		part, run := parts[g.Name]
		if !run {
			part = partOf(before, g.Title)
		}
		if part != "" {
			list = append(list, part)
		}
	}
	return strings.Join(list, "\n")
}

// partOf finds the part of a page below a heading of the first level; "" if there is none.
func partOf(text, title string) string {
	var part strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "# ") {
			inside = strings.TrimSpace(line) == "# "+title
		}
		if inside {
			part.WriteString(line)
		}
	}
	if part.Len() == 0 {
		return ""
	}
	return strings.TrimRight(part.String(), "\n") + "\n"
}

// publish writes the parts where the options want them. The page of the checkout keeps what was not run.
func publish(o options, at places, parts map[string]string) error {
	out, before := o.out(at), []byte(nil)
	if o.Out == "" && !o.narrowed {
		before, _ = os.ReadFile(out) // absent is as good as empty
	}
	text := published(string(before), parts)
	if err := os.WriteFile(out, []byte(text), 0o644); err != nil {
		return err
	}
	for _, g := range groups() {
		fmt.Print(parts[g.Name])
	}
	fmt.Fprintln(os.Stderr, "bench: written to", out)
	return nil
}

// kept is where the raw figures of a group lie until its next run.
func (at places) kept(g group) string { return filepath.Join(at.Work, g.Name+".json") }
