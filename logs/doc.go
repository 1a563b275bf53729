// Package logs answers: how does a thing that happened become a line in a file?
//
// There is one writer per file. The supervisor owns the files and runs a [Writer]; a worker has a [Client], which sends
// frames (see [Frame]) over a SOCK_SEQPACKET socket. What a worker has sent survives its crash, because it is in the
// kernel by then, and two workers never write into each other's lines.
//
// The error log holds [Record]s, printed in the shape of Apache's ErrorLogFormat ([ParseErrorFormat]); [Levels] say which
// are kept. The access log holds one line per request, made from an [Entry] by a compiled LogFormat ([ParseAccessFormat]) in
// the worker, so that the supervisor only appends blocks of finished lines.
//
//	worker                                          supervisor
//	Client.Log(Record)    ---- error frame ----->   Writer: format, append to the error log
//	AccessLog.Log(*Entry) -- block of lines ---->   Writer: append to the access log
//
// Files are rotated by size (rotate.go), opened anew after somebody has moved them, and replaced by others while the server
// runs ([Writer.Configure]). A disk that is full costs the lines of that time and nothing else (file.go). What a client chose
// is escaped in every format (escape.go, json.go): no request forges a line.
package logs
