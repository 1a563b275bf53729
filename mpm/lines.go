package mpm

import (
	"bufio"
	"os"

	"gild/logs"
)

// maxLine is where a line that a child writes to its standard output or error is broken: Apache's MAX_STRING_LEN.
const maxLine = 8192

// logLines makes a record of each line that arrives on the output pipe of the child pid, and closes the pipe at its end. What
// comes here was not said through Python's sys.stderr but beneath it: by C code, by the interpreter when it dies, by
// processes that the application has started.
func logLines(pipe *os.File, log logs.Logger, pid int) {
	defer pipe.Close()
	lines := bufio.NewReaderSize(pipe, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			if line[len(line)-1] == '\n' {
				line = line[:len(line)-1]
			}
			log.Log(logs.Record{Level: logs.Error, Module: "wsgi", PID: uint32(pid), TID: uint32(pid), Message: string(line)})
		}
		if err != nil && err != bufio.ErrBufferFull {
			return // end of file, or as good as
		}
	}
}
