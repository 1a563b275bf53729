package integration

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSlowCrowd has more clients than there are slots in an arena begin a body and leave it at that: another one is served.
func TestSlowCrowd(t *testing.T) {
	const slots = 1024
	everywhere(t, func(t *testing.T, args []string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "app.wsgi"), []byte(soakApplication), 0o666); err != nil {
			t.Fatal(err)
		}
		g := start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--threads", "1",
			"--body-timeout", "3600", "--body-min-rate", "0"}, args...))
		for range slots + 100 {
			c, err := dial(g.address())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.send([]byte("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")); err != nil {
				t.Fatal(err)
			}
		}
		c, err := dial(g.address())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := soakRequest(c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"); err != nil {
			t.Errorf("another client: %v", err)
		}
	})
}
