// Command bench answers one question: what does a request cost in gild, beside what it costs in the servers gild
// replaces?
//
// Each server serves the same seven applications (bench/apps) on a loopback port, one server at a time, in
// interleaved rounds: round by round every case visits every server, and the order of the servers rotates, so that
// whatever else the machine does in an afternoon falls on all of them. wrk makes the load; beside it a probe opens
// a new connection every 100 ms, because a server that looks fast on the connections it has may leave the others
// waiting. The table holds medians over the rounds, and ratios taken inside one round.
//
// A second group of tables is about HTTPS: handshakes, requests over HTTP/1.1, HTTP/2 and HTTP/3, and the memory of
// connections that wait, beside what people put in front of gunicorn today. Each group is a part of the page, and can
// be run alone. A third one is about what is around an application: files, and requests for other servers.
//
// Three comparisons show what gild's processes are good for: one process and two on two cores, one queue for all processes
// and connections that belong to one, and what clients notice of processes that are renewed under load.
//
// Started by bench/run, which first lets bench/setup install what is missing:
//
//	bench/run                                     everything, writes bench/RESULTS.md
//	bench/run -groups tls                         the tables of HTTPS, writes their part of it
//	bench/run -quick                              a minute or two: the telling cases, no file of the checkout written
//	bench/run -servers gild-daemon,uwsgi -cases hello -conns 1,64 -rounds 5
//	bench/run -render                             the last run's figures as a table again, without measuring
package main
