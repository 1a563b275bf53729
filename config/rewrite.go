package config

// Rewrite is a file with rules of mod_rewrite for the directory of the document root.
type Rewrite struct {
	File string // absolute path, for messages; "": there is none
	Text string // what is in it
}
