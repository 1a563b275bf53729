package logs

import (
	"net"
	"os"
	"strconv"
	"syscall"
)

// Directives about who talks to whom: addresses, ports, processes.

// addressItem is %a and %h, where {c} asks for the other end of the connection instead of the client.
func addressItem(client, peer func(*Entry) string) func(string) (item, error) {
	return func(arg string) (item, error) {
		return oneOf(arg, map[string]item{
			"":  func(dst []byte, e *Entry) []byte { return appendText(dst, client(e)) },
			"c": func(dst []byte, e *Entry) []byte { return appendText(dst, peer(e)) },
		})
	}
}

// portItem is %p, %{canonical}p, %{local}p and %{remote}p.
func portItem(arg string) (item, error) {
	local := func(dst []byte, e *Entry) []byte { _, port := splitAddr(localAddr(e)); return appendText(dst, port) }
	canonical := func(dst []byte, e *Entry) []byte {
		if e.Port == 0 {
			return local(dst, e)
		}
		return strconv.AppendInt(dst, int64(e.Port), 10)
	}
	remote := func(dst []byte, e *Entry) []byte { _, port := splitAddr(peerAddr(e)); return appendText(dst, port) }
	return oneOf(arg, map[string]item{"": canonical, "canonical": canonical, "local": local, "remote": remote})
}

// processItem is %P, %{pid}P, %{tid}P and %{hextid}P.
func processItem(arg string) (item, error) {
	pid := strconv.Itoa(os.Getpid())
	thread := func(base int) item {
		return func(dst []byte, e *Entry) []byte { return strconv.AppendUint(dst, threadID(e), base) }
	}
	process := func(dst []byte, _ *Entry) []byte { return append(dst, pid...) }
	return oneOf(arg, map[string]item{"": process, "pid": process, "tid": thread(10), "hextid": thread(16)})
}

// threadID is the thread of the application, or the one that logs.
func threadID(e *Entry) uint64 {
	if e.TID != 0 {
		return uint64(e.TID)
	}
	return uint64(syscall.Gettid())
}

// clientAddr, peerAddr and localAddr apply the defaults that Entry documents.
func clientAddr(e *Entry) string {
	if e.ClientAddr != "" {
		return e.ClientAddr
	}
	return e.Request.RemoteAddr
}

func peerAddr(e *Entry) string {
	if e.PeerAddr != "" {
		return e.PeerAddr
	}
	return clientAddr(e)
}

func localAddr(e *Entry) string {
	if e.LocalAddr == nil {
		return ""
	}
	return e.LocalAddr.String()
}

func clientHost(e *Entry) string { host, _ := splitAddr(clientAddr(e)); return host }
func peerHost(e *Entry) string   { host, _ := splitAddr(peerAddr(e)); return host }

// splitAddr splits "host:port"; what is not of that form is all host.
func splitAddr(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, ""
	}
	return host, port
}

// hostName is a Host header without its port.
func hostName(hostport string) string {
	host, _ := splitAddr(hostport)
	return host
}
