// Package integration answers one question: does the gild that was built do what was promised, seen from outside?
//
// It has tests only. They run the binary, talk to it as clients do, and read its logs. The binary is built once from the
// working tree, with cgo's flags from the environment (make test sets them; eval "$(make -s env)" does for plain go
// test), or taken from $GILD.
//
// # Stories
//
// Most tests are stories: a txtar file in testdata for each subject. The text at the top says what the story proves and
// which rule says so. Then come sections, and they happen in the order in which they stand:
//
//	-- app.wsgi --           a file, written to the story's directory; a second one of the same name is an edit.
//	                         One that begins with #! can be executed
//	-- request NAME --       a request, sent on the connection NAME
//	-- response NAME --      its answer
//	-- log --                lines that the error log must get
//
// gild is started before the first section that is not a file, with a free port of 127.0.0.1 and a server root of its own;
// at the end of the story it gets TERM, must end with status 0, and none of its processes may be left.
//
// A connection is opened when its name first appears. Two requests on one connection are keep-alive, two requests on two
// connections without a response between them are concurrent: a story needs no other means to tell about time, and no
// story sleeps or measures. If something has to happen first, the application waits for it.
//
// # Sections
//
// These say how the story is played; their place does not matter:
//
//	cmd        the command line after "gild"; "start-server app.wsgi" without this section. Quotes as in a shell;
//	           $DIR is the story's directory, $PORT its port, $HTTPS the one for HTTPS, $BUSY a port that is taken. The
//	           certificate $DIR/site, for localhost, gild.example and 127.0.0.1, is there if it is asked for with $HTTPS, and
//	           so is ca.pem, of the authority that has signed it
//	env        NAME=value lines, added to the environment
//	with       settings: "processes 1 2" plays the story once with each number of processes, "protocols tls h2" with each
//	           of those protocols and the options that they need, "placement embedded" only in that placement (by default
//	           in each of the table in process_test.go), "python 3.12" not on an older one, "framework django" with the
//	           virtual environment $VENV that has it, "user root" only for root, in a
//	           directory that other users can read; "user nobody" likewise, but gild is started by nobody; "program php-cgi" only where
//	           that is on PATH
//
// These happen:
//
//	request C  method and target, header fields, an empty line, a body without the newlines at its end. HTTP/1.1, Host,
//	           Content-Length are added where they are missing; with Transfer-Encoding: chunked each line of the
//	           body is a chunk. \r \n \x00 are escapes in a body; the body "(1000 bytes)" is that many bytes. The header
//	           line "(headers 90)" is ninety fields, "(header of 9000 bytes)" one of that size; (300 letters) in the first line is x
//	           three hundred times; "(path /%zz)" is what a stream sends in the place of the path, though none can be written so
//	send C     raw bytes: the lines joined, escapes resolved
//	response C status line, header fields that must be there, "!Name" for one that must not, an empty line, the whole
//	           body. In the place of a field: "(torn)", the body does not end as HTTP says; "(closed)", the
//	           server closes the connection afterwards; "(eventually)", the request is repeated until it is answered so;
//	           "(decoded)", the body is what its Content-Encoding makes of it
//	refused C  there is no answer: the server resets the stream, with an error of this text
//	head C     status line and header fields only; then
//	body C     exactly these bytes of the body, or of what follows a 101, as soon as they are there; and
//	end C      all the rest of the body, after "(torn)" if it ends too soon
//	closed C   the server closes the connection without another byte
//	close C, shut C, reset C
//	           the client closes the connection, only its sending half, or breaks it
//	connect C  how the connection is made, below
//	certificate STUB
//	           writes STUB.crt and STUB.key, below; a second one replaces them
//	log, access, stdout, stderr
//	           lines that come, in this order and after those of earlier sections of the kind: a part of the line, or
//	           all of it after "^". "!part" is on no line of the error log until the story has ended. "log anywhere" is
//	           for those whose order is not certain, and may be before other sections' lines; so are the lines of access.
//	           Each line of a log is one of those that sections of a kind name, and not another as well
//	signal     TERM, KILL, HUP... and "supervisor", "front", "daemon", "daemons", "python" (whatever runs the application) or
//	           a captured process number
//	processes  gild has exactly these processes besides the supervisor, the oldest first: "front {f}", "daemon {d}", "worker {w}"
//	gone {P}   the process of that number has ended
//	touch F, remove F
//	           the file F gets another time of change, or is deleted
//	asked B    a backend has got this request on its connection B, the next one to come if the name is new, below: request line,
//	           header fields and body as in a response section. Without a body the body is left to read
//	got B      exactly these bytes of a body, or of what follows an upgrade
//	answer B   the backend answers: status line and header fields, an empty line, raw bytes. With 101 Sec-WebSocket-Accept is added
//	say B      the backend says these raw bytes more
//	leave B, left B
//	           the backend ends the connection; gild does
//	gild ARGS  the binary, run with ARGS and the options by which it finds the story's gild, prints this; it is run until
//	           it does. "(exit N)" in the first line stands for an exit status other than 0
//	exit       gild ends by itself, with this status
//
// # Protocols
//
// A connection whose name begins with one, such as "h2:a", speaks this protocol: http, tls (HTTP/1.1 over TLS), h2c (HTTP/2
// with prior knowledge), h2, h3. Others speak the one that the story is played with, and that is http unless "with" says so.
// With HTTP/2 and HTTP/3, "a.1" and "a.2" are streams of one connection, each of which carries one request after the other;
// with HTTP/1 they are two connections. What is sent has the form of HTTP/1 always and is translated. "(torn)" is the reset
// of a stream, and "reset C" one by the client. A request with an Upgrade field becomes an extended CONNECT (RFC 8441, RFC 9220).
//
// The lines of a connect section are some of these, in any order:
//
//	name HOST          for SNI and Host; localhost otherwise
//	offer P...         what the client offers by ALPN
//	version V          the only version of TLS that it knows, such as TLSv1.2
//	suites S...        the cipher suites, likewise
//	certificate STUB   which it shows
//	trust FILE         the authorities by which it judges, instead of the story's
//	to https, to http  the port, for who mistakes it
//	at ADDRESS         of gild; outside is one by which other machines reach this one
//	at ADDRESS         where to connect to, with "--host any" in cmd, which leaves --host out
//	from ADDRESS       the address of the client's end, such as 127.0.0.2
//	first BYTES        sent before the protocol, with escapes: a header of the PROXY protocol
//
// and after an empty line what comes of it: "(eventually)", then version, protocol, kind of key and first name of the server's
// certificate, "(another name)" if it is not for HOST, "(not trusted)" if it is not valid; or "refused: " and the error.
//
// Those of a certificate section: "names N...", "rsa" instead of an elliptic curve, "valid -9 -1" in days from now, "chained" by an
// intermediate authority, whose certificate is in STUB.chain, "client" for clients, "stranger" if nobody knows who has signed it,
// "mismatched" with the key of another, "mode 600" of the key.
//
// In what is expected, "*" stands for any characters of a line, a line that is just "*" for any lines, and \* for a star.
// {name} keeps what stands there and must from then on be the same; {not name} must differ. {dir}, {port}, {https} and {busy}
// are known from the start; so are {scheme}, {version} of HTTP and {own}, the port, of the protocol that the story is played with. What is sent may contain {name} too.
//
// # Backends
//
// The story plays the server that gild passes requests on to: on $BACKEND, a port, if the command line has it; on $TLSBACKEND, with
// TLS and the certificate of the section "certificate tlsbackend"; on the Unix socket $DIR/backend. The connections "tls:b" and
// "unix:b" are of the latter two.
//
// # Running
//
//	go test ./integration -run TestStories/close_once      one story
//	go test ./integration -run TestStories/close_once -u   and take its answers for right; read the diff
//
// Failures print what was received, the error log and standard error.
//
// # Losses
//
// The tests of lost_test.go set a crowd of clients on a gild whose processes are restarted, reloaded or killed meanwhile, and
// account for each request: the clients never repeat one, and the application writes down which it began. make test does
// that a few times, make soak for minutes.
//
// # Frameworks
//
// Other tests need more than requests and answers: wsgiref.validate around every kind of request, and a Flask and a
// Django site of current releases, driven as a browser would drive them. Those come from PyPI, pinned in requirements.txt;
// make test installs them into a virtual environment and names it in GILD_TEST_VENV. Without it they are skipped, but not in
// CI: there a missing environment is a failure.
//
// # Programs of others
//
// HTTPS is tested with programs that share no code with gild: h2spec (conformance of HTTP/2), aioquic (a client for HTTP/3),
// Chromium, testssl.sh, slowhttptest (in make soak), and Pebble, the certificate authority that Let's Encrypt made for tests. build/tools.sh installs
// them, make test calls it; GILD_TOOLS and GILD_CLIENTS name two directories of them. Each that is missing skips its tests, but
// not in CI. What they find and gild does on purpose is in testdata/h2spec.txt and testdata/testssl.txt, with the reasons; what
// stands there and is not found fails, too.
package integration
