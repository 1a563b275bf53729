package scripts

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"gild/config"
	"gild/cpython"
	"gild/server"
)

// What scripts say about requests (section 7.8 of the reference), as the [server.Authority]. A script that fails, is not there,
// or returns something else than it should, counts as refusal: 403, 500 or 401, whatever its question is.

// An Authority asks the scripts of Config.Access. Make it with [Engine.Authority].
type Authority struct {
	engine  *Engine
	config  *config.Access
	patient time.Duration
	cache   *answerCache // nil: nothing is remembered
}

var _ server.Authority = (*Authority)(nil)

// Authority returns the one of the configuration's scripts; nil if there are none.
func (e *Engine) Authority() *Authority {
	c := &e.config.Access
	if !c.Scripted() {
		return nil
	}
	return &Authority{engine: e, config: c, patient: c.Timeout, cache: newAnswerCache(c.Cache)}
}

// An inquiry is a question about a request.
type inquiry struct {
	question  string
	arguments []argument
	status    int  // of a request for which there is no answer
	keep      bool // an answer in the client's favour may be remembered
}

// An argument is what the function of a script gets besides the environ, under the key that questions.py knows.
type argument struct{ key, value string }

// AllowAccess asks allow_access(environ, host) (S53): only False is a refusal; None leaves it to others, and there are none.
func (a *Authority) AllowAccess(x *server.Exchange, host string) server.Ruling {
	q := inquiry{question: askHost, arguments: []argument{{"gild.host", host}}, status: http.StatusForbidden}
	if x.Client() != host {
		q.arguments = append(q.arguments, argument{"REMOTE_HOST", host})
	}
	answer, ruling := a.ask(x, q)
	if ruling.Status == 0 && answer.word == answerFalse {
		return a.refusal(x, askHost, http.StatusForbidden, "Client '%s' is denied by", host)
	}
	return ruling
}

// CheckPassword asks check_password(environ, user, password) (S8).
func (a *Authority) CheckPassword(x *server.Exchange, user, password string) (string, server.Ruling) {
	answer, ruling := a.ask(x, inquiry{question: askPassword, status: http.StatusInternalServerError, keep: true,
		arguments: []argument{{"gild.user", user}, {"gild.password", password}}})
	switch {
	case ruling.Status != 0:
		return "", ruling
	case answer.word == answerTrue:
		return user, ruling
	case answer.word == answerText:
		return answer.text, ruling
	case answer.word == answerNone:
		return "", a.notFound(x, askPassword, user)
	}
	return "", a.PasswordMismatch(x, user)
}

// RealmHash asks get_realm_hash(environ, user, realm) (S17). What the hash has to be is in environ['gild.digest_algorithm'].
func (a *Authority) RealmHash(x *server.Exchange, user, realm, algorithm string) (string, server.Ruling) {
	answer, ruling := a.ask(x, inquiry{question: askDigest, status: http.StatusInternalServerError, keep: true,
		arguments: []argument{{"gild.user", user}, {"gild.realm", realm}, {"gild.digest_algorithm", algorithm}}})
	switch {
	case ruling.Status != 0:
		return "", ruling
	case answer.word == answerNone:
		return "", a.notFound(x, askDigest, user)
	}
	return answer.text, ruling
}

// PasswordMismatch is the ruling about a wrong password.
func (a *Authority) PasswordMismatch(x *server.Exchange, user string) server.Ruling {
	question := askPassword
	if a.config.Type == config.Digest {
		question = askDigest
	}
	return a.refusal(x, question, http.StatusUnauthorized, "Password mismatch for user '%s' in executing", user)
}

func (a *Authority) notFound(x *server.Exchange, question, user string) server.Ruling {
	return a.refusal(x, question, http.StatusUnauthorized, "User '%s' not found in executing", user)
}

// CheckGroup asks groups_for_user(environ, user) (S1, S18). The name of the group is Latin-1, as what the script returns.
func (a *Authority) CheckGroup(x *server.Exchange, user, group string) server.Ruling {
	answer, ruling := a.ask(x, inquiry{question: askGroup, status: http.StatusUnauthorized, keep: true,
		arguments: []argument{{"gild.user", user}, {"gild.group", latin1(group)}}})
	if ruling.Status != 0 || answer.word == answerTrue {
		return ruling
	}
	which := "designated"
	if answer.word == answerNone {
		which = "any"
	}
	return server.Ruling{Status: http.StatusUnauthorized, Reason: fmt.Sprintf(
		"Authorization of user '%s' to access '%s' failed. User is not a member of %s groups.", user, x.Request.URL.Path, which)}
}

// refusal is a ruling in mod_wsgi's words; what ends before the script's name.
func (a *Authority) refusal(x *server.Exchange, question string, status int, what string, about string) server.Ruling {
	q := a.engine.questions[question]
	return server.Ruling{Status: status, Reason: fmt.Sprintf(what+" %s '%s', for uri '%s'.", about, q.name, q.path, x.Request.URL.Path)}
}

// ask returns the answer, or the ruling that stands for none.
func (a *Authority) ask(x *server.Exchange, q inquiry) (answer, server.Ruling) {
	to := a.engine.questions[q.question]
	key := a.cache.key(to, q)
	if known, ok := a.cache.get(key); ok {
		return known, server.Ruling{}
	}
	ctx, cancel := context.WithTimeout(x.Request.Context(), a.patient)
	defer cancel()
	flags := a.engine.flags(to.group, x) & cpython.HTTPS
	said, err := to.ask(ctx, a.engine.log, connectionOf(x), flags, func(slot *cpython.Request) { a.engine.questionEnviron(slot, x, q.arguments) })
	switch {
	case err == cpython.ErrEnvironTooLarge:
		return said, server.Ruling{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "The header of the request does not fit the environ of a script."}
	case x.Request.Context().Err() != nil:
		return said, server.Ruling{Status: q.status} // the client has left
	case err != nil:
		return said, server.Ruling{Status: q.status, Reason: fmt.Sprintf("%s '%s' gave no answer for uri '%s': %v.", to.title(), to.path, x.Request.URL.Path, err)}
	}
	if q.keep && (said.word == answerTrue || said.word == answerText) {
		a.cache.put(key, said)
	}
	return said, server.Ruling{}
}

// latin1 makes UTF-8 text, which has no other characters, Latin-1.
func latin1(text string) string {
	b := make([]byte, 0, len(text))
	for _, c := range text {
		b = append(b, byte(c))
	}
	return string(b)
}
