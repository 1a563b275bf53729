package scripts

import (
	"context"
	"net/http"
	"strings"
	"time"

	"gild/cpython"
	"gild/logs"

	"github.com/pkg/errors"
)

// An answer is what a function of a script has returned.
type answer struct {
	word string // one of the constants
	text string // after answerText: the string
}

// What a function may have returned, in the words of questions.py. What is wrong with anything else is an error.
const (
	answerTrue  = "True"
	answerFalse = "False"
	answerNone  = "None"
	answerText  = "str"
	answerWrong = "wrong"
)

// ask puts the question, which is a request without a client. flags are those of Submit; fill adds what the function gets to the
// environ. caller is the connection whose seat is used where there are seats. The error says why there is no answer, without the name of the script.
func (q *question) ask(ctx context.Context, log logs.Logger, caller *connection, flags uint32, fill func(*cpython.Request)) (answer, error) {
	seat, err := q.seat(ctx, caller)
	if err != nil {
		return answer{}, err
	}
	slot, err := q.pool.Acquire(ctx)
	if err != nil {
		return answer{}, err
	}
	defer slot.Release()
	fill(slot)
	slot.EndInput(cpython.Complete)
	if err := slot.Submit(ctx, q.application, flags, time.Now(), seat); err != nil {
		return answer{}, err
	}
	if err := q.await(ctx, log, slot, caller); err != nil {
		return answer{}, err
	}
	return q.read(slot)
}

// await waits until Python is through, and asks another process where one was about to go.
func (q *question) await(ctx context.Context, log logs.Logger, slot *cpython.Request, caller *connection) error {
	for {
		for !slot.Done() {
			slot.WaitContext(ctx)
		}
		switch verdict := slot.Verdict(); verdict {
		case 0:
			return nil
		case cpython.Retry:
			if err := q.retry(ctx, log, slot, caller); err != nil {
				return err
			}
		default:
			return unanswered(ctx, verdict)
		}
	}
}

// unanswered says why the script did not come to an answer.
func unanswered(ctx context.Context, verdict int) error {
	switch {
	case ctx.Err() == context.Canceled:
		return errors.New("the client did not wait for the answer")
	case verdict == http.StatusGatewayTimeout:
		return errors.New("it took too long")
	case verdict == http.StatusServiceUnavailable:
		return errors.New("no process is there to run it")
	}
	return errors.New("its process died, or broke the protocol")
}

// read takes the answer out of the response that questions.py made of it.
func (q *question) read(slot *cpython.Request) (answer, error) {
	head, err := slot.Head()
	switch {
	case err != nil:
		return answer{}, err
	case head == nil || slot.End() != cpython.Complete:
		return answer{}, errors.New("it failed, or could not be loaded; the log has the reason")
	}
	body, err := slot.Output()
	if err != nil {
		return answer{}, err
	}
	word, text, _ := strings.Cut(string(body), " ")
	if word == answerWrong {
		return answer{}, errors.New(text)
	}
	return answer{word, text}, nil
}
