package files

import (
	"cmp"
	"slices"

	"gild/logs"
)

// Options say what is in a Tree.
type Options struct {
	Root    string      // absolute path of the document root; "": there is none. It need not exist
	Aliases []Alias     // of which the longest one counts for a path
	Index   string      // name of the file that is sent for a directory; "": none is
	Listing bool        // directories below the document root that have no index are listed
	Types   *Types      // nil: BuiltinTypes
	Log     logs.Logger // where it is said what keeps a directory from being served; required

	// Scripts reports whether files of that name are scripts, which are found for longer paths as well: "/a.php/b" is the script
	// "/a.php" with the path info "/b". nil: there are none.
	Scripts func(name string) bool
}

// An Alias is a file or a directory with a path of its own in the site. What does not exist counts as a directory.
type Alias struct {
	URLPath string // begins with a slash
	Path    string // absolute
}

// A Tree is the files of a site. It is safe for concurrent use.
type Tree struct {
	root    *place   // nil: there is none
	aliases []*place // the longest first
	index   string
	listing bool
	types   *Types
	scripts func(name string) bool

	listings chan struct{} // has one for each large directory that is being listed
}

// New returns the files that o describes.
func New(o Options) *Tree {
	t := &Tree{index: o.Index, listing: o.Listing, types: o.Types, scripts: o.Scripts, listings: make(chan struct{}, mostListings)}
	if t.types == nil {
		t.types = BuiltinTypes()
	}
	if o.Root != "" {
		t.root = newPlace("", o.Root, false, o.Log)
	}
	for _, a := range o.Aliases {
		t.aliases = append(t.aliases, newPlace(a.URLPath, a.Path, true, o.Log))
	}
	slices.SortStableFunc(t.aliases, func(a, b *place) int { return cmp.Compare(len(b.urlPath), len(a.urlPath)) })
	return t
}

// placeOf finds the place of a normalized path and what follows there; nil: it is in none.
func (t *Tree) placeOf(path string) (p *place, rest string) {
	for _, a := range t.aliases {
		if rest, ok := a.rest(path); ok {
			return a, rest
		}
	}
	return t.root, path
}

// Root is the absolute path of the document root, or "".
func (t *Tree) Root() string {
	if t.root == nil {
		return ""
	}
	return t.root.path
}

// Aliased reports whether a normalized path is an alias, or below one.
func (t *Tree) Aliased(path string) bool {
	p, _ := t.placeOf(path)
	return p != nil && p != t.root
}
