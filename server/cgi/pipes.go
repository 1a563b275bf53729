package cgi

import "os"

// The standard streams, by their descriptors.
const (
	stdin = iota
	stdout
	stderr
	streams
)

// pipes are those between a program and us, by the stream of the program; nil is none.
type pipes struct {
	ours, theirs [streams]*os.File
}

// openPipes makes them; the one for standard input only if there is a body.
func openPipes(body bool) (*pipes, error) {
	p := &pipes{}
	for stream := range streams {
		if stream == stdin && !body {
			continue
		}
		r, w, err := os.Pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		p.ours[stream], p.theirs[stream] = r, w
		if stream == stdin {
			p.ours[stream], p.theirs[stream] = w, r
		}
	}
	return p, nil
}

// close closes all ends.
func (p *pipes) close() {
	closeAll(p.ours[:])
	closeAll(p.theirs[:])
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
