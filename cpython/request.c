/* The WSGI call: from a claimed slot to a finished one (PEP 3333). */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How the call went. */
typedef enum {
    SERVED,
    CLIENT_GONE,
    RAISED,                     /* an exception is set */
} outcome;

typedef struct {
    gild_worker *worker;
    gild_interpreter *interpreter;
    gild_application *application;
    gild_slot *slot;
    gild_response *response;
    PyObject *input;
} call;

/* ---- the end of a slot ---------------------------------------------------------- */

/* After this the slot belongs to Go again. The thread announces it when it sees
 * fit: see announce() in thread.c. */
static void
finish(gild_slot *slot, enum gild_end end)
{
    gild_self->finished = slot->done = gild_now();
    __atomic_store_n(&slot->output_end, end, __ATOMIC_SEQ_CST);
    __atomic_store_n(&slot->state, GILD_SLOT_DONE, __ATOMIC_SEQ_CST);
    gild_mark(slot);
}

/* With no head, a torn response is an error page of the front. */
void
gild_refuse(gild_slot *slot)
{
    finish(slot, GILD_TORN);
}

/* ---- the body --------------------------------------------------------------------- */

static outcome
send_item(gild_response *response, PyObject *item)
{
    if (!PyBytes_Check(item)) {
        PyErr_Format(PyExc_TypeError, "response iterable must yield bytes, "
                     "not %s", Py_TYPE(item)->tp_name);
        return RAISED;
    }
    if (PyBytes_GET_SIZE(item) == 0) {
        return SERVED;  /* does not send the head either */
    }
    int result = gild_response_write(response, item);
    return result < 0 ? RAISED : result > 0 ? CLIENT_GONE : SERVED;
}

/* A child that the application forked has come back from its request: what it
 * would do next belongs to the parent. Asked after each piece of the
 * application's code that can end so. */
static void
leave_forked_child(void)
{
    if (!gild_in_forked_child()) {
        return;
    }
    gild_log(GILD_ERROR, NULL, "a forked child (pid %d) returned from the "
             "request of its parent; it exits. A child must end with "
             "os._exit().", (int)getpid());
    _exit(1);
}

/* All is there already: no need to tell the front of each piece. */
static outcome
send_sequence(gild_response *response, PyObject *sequence)
{
    outcome result = SERVED;

    for (Py_ssize_t i = 0;
         result == SERVED && i < PySequence_Fast_GET_SIZE(sequence); i++) {
        PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(sequence, i));
        result = send_item(response, item);
        Py_DECREF(item);
    }
    return result;
}

/* Each piece is visible to the front before the next one is asked for. */
static outcome
send_iterator(gild_response *response, PyObject *iterator)
{
    outcome result = SERVED;
    PyObject *item;

    while (result == SERVED && (item = PyIter_Next(iterator)) != NULL) {
        leave_forked_child();
        int empty = PyBytes_Check(item) && PyBytes_GET_SIZE(item) == 0;
        result = send_item(response, item);
        Py_DECREF(item);
        if (result == SERVED && !empty) {
            gild_response_flush(response);
        }
    }
    return result == SERVED && PyErr_Occurred() ? RAISED : result;
}

static outcome
send_iterable(gild_response *response, PyObject *iterable)
{
    if (PyList_CheckExact(iterable) || PyTuple_CheckExact(iterable)) {
        return send_sequence(response, iterable);
    }
    PyObject *iterator = PyObject_GetIter(iterable);
    if (iterator == NULL) {
        return RAISED;
    }
    outcome result = send_iterator(response, iterator);
    Py_DECREF(iterator);
    return result;
}

static outcome
send_result(call *c, PyObject *iterable)
{
    int is_file = gild_send_file(c->interpreter, c->response, iterable);
    if (is_file < 0) {
        return RAISED;
    }
    outcome result = is_file ? SERVED : send_iterable(c->response, iterable);
    if (result == SERVED && gild_response_head(c->response) < 0) {
        return RAISED;
    }
    return result;
}

/* ---- exceptions -------------------------------------------------------------------- */

/* The interruption of a request that took too long came all the way up. 504 if
 * the client has seen nothing yet. */
static void
note_interrupted(call *c)
{
    PyErr_Clear();
    if (c->response->head_sent) {
        gild_log(GILD_INFO, c->slot, "Request interrupted by RequestTimeout "
                 "after headers sent; response truncated.");
        return;
    }
    c->slot->verdict = 504;
    gild_log(GILD_INFO, c->slot, "Request interrupted by RequestTimeout; "
             "thread recovered.");
}

static void
log_raised(call *c)
{
    char buffer[256];
    const char *where = gild_context(c->interpreter, buffer, sizeof(buffer));
    const char *script = c->application->name;

    if (PyErr_ExceptionMatches(PyExc_SystemExit)) {
        gild_log_exception(c->interpreter, "SystemExit exception raised by "
                           "WSGI script '%s' for %s; ignored.", script, where);
        return;
    }
    PyObject *type = PyErr_Occurred();
    gild_log_exception(c->interpreter, "%s exception raised processing WSGI "
                       "script '%s' for %s.",
                       ((PyTypeObject *)type)->tp_name, script, where);
}

/* Calls close() of the iterable, with no exception set before or after: what
 * it raises is logged and changes nothing for the client. */
static void
close_iterable(call *c, PyObject *iterable)
{
    PyObject *type, *value, *traceback;

    if (PyList_CheckExact(iterable) || PyTuple_CheckExact(iterable)) {
        return;
    }
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *close = NULL;
    if (PyObject_HasAttr(iterable, c->interpreter->names.close)) {
        close = PyObject_GetAttr(iterable, c->interpreter->names.close);
    }
    PyObject *result = close == NULL ? NULL : PyObject_CallNoArgs(close);
    if (result == NULL && PyErr_Occurred()) {
        gild_log_exception(c->interpreter, "Exception occurred in close() of "
                           "the response of WSGI script '%s'.",
                           c->application->name);
    }
    Py_XDECREF(close);
    Py_XDECREF(result);
    PyErr_Restore(type, value, traceback);
}

/* ---- the call ------------------------------------------------------------------------ */

/* What is to be called: a subscriber to request_started may put something in
 * front of the application. A new reference: it may be reloaded meanwhile. */
static PyObject *
target(call *c, PyObject *environ)
{
    gild_module_state *module = c->interpreter->module;
    PyObject *callable = c->application->callable;

    if (gild_has_subscribers(module)) {
        return gild_publish_started(c->worker, module, environ, callable);
    }
    return Py_NewRef(callable);
}

static PyObject *
call_application(call *c)
{
    gild_names *names = &c->interpreter->names;
    PyObject *environ = gild_environ(c->worker, c->interpreter, c->slot);
    PyObject *start = gild_response_start((PyObject *)c->response);
    PyObject *result = NULL;

    if (environ != NULL && start != NULL
        && PyDict_SetItem(environ, names->wsgi_input, c->input) == 0) {
        PyObject *arguments[] = {environ, start};
        PyObject *callable = target(c, environ);    /* never NULL */
        result = PyObject_Vectorcall(callable, arguments, 2, NULL);
        Py_DECREF(callable);
    }
    Py_XDECREF(environ);
    Py_XDECREF(start);
    return result;
}

static outcome
run(call *c)
{
    PyObject *iterable = call_application(c);
    leave_forked_child();
    if (iterable == NULL) {
        return RAISED;
    }
    outcome result = send_result(c, iterable);
    close_iterable(c, iterable);
    Py_DECREF(iterable);
    return result;
}

static enum gild_end
conclude(call *c, outcome result)
{
    if (result == RAISED && c->response->gone) {
        PyErr_Clear();      /* write() told the application; that is enough */
        result = CLIENT_GONE;
    }
    if (result == RAISED && gild_has_subscribers(c->interpreter->module)) {
        gild_publish_exception(c->worker, c->interpreter->module);
    }
    if (result == RAISED && PyErr_ExceptionMatches(
            c->interpreter->module->request_timeout)) {
        note_interrupted(c);
    }
    else if (result == RAISED) {
        log_raised(c);
    }
    if (result == CLIENT_GONE) {
        gild_log(GILD_DEBUG, c->slot, "Client closed connection.");
    }
    return result == SERVED ? GILD_COMPLETE : GILD_TORN;
}

/* What the client sees: also of a request that failed before it had a head. */
static int
status_of(const call *c, enum gild_end end)
{
    if (end != GILD_COMPLETE && !c->response->head_sent) {
        return c->slot->verdict != 0 ? (int)c->slot->verdict : 500;
    }
    return c->response->status;
}

/* Everything but the end, which may wait for subscribers, is with the client
 * before they are called. */
static void
account(call *c, enum gild_end end)
{
    gild_module_state *module = c->interpreter->module;
    gild_figures figures;

    if (!c->worker->service.measured) {
        return;
    }
    gild_measure_end(c->worker, c->response, c->input, status_of(c, end),
                     &figures);
    gild_count(c->worker, &figures);
    if (gild_has_subscribers(module)) {
        gild_response_flush(c->response);
        gild_publish_finished(c->worker, module, &figures);
    }
}

static enum gild_end
serve(call *c)
{
    gild_module_state *module = c->interpreter->module;

    gild_measure_begin(c->worker, module);
    gild_interruptible(c->worker, c->slot->serial);
    gild_service_begin(c->worker, module);
    outcome result = run(c);
    gild_uninterruptible(c->worker);
    leave_forked_child();
    enum gild_end end = conclude(c, result);
    account(c, end);
    gild_service_end(c->worker, module);
    return end;
}

void
gild_serve(gild_worker *worker, gild_interpreter *interpreter, gild_slot *slot)
{
    call c = {worker, interpreter, &gild.applications[slot->application], slot,
              NULL, NULL};

    c.response = (gild_response *)gild_response_new(interpreter, slot);
    c.input = gild_input_new(interpreter, slot);
    if (c.response == NULL || c.input == NULL) {
        gild_log_exception(interpreter, "No memory for a request.");
        Py_XDECREF(c.response);
        Py_XDECREF(c.input);
        finish(slot, GILD_TORN);
        return;
    }
    enum gild_end end = serve(&c);
    gild_log_flush_thread(interpreter);
    /* First: who sees a head that comes only now can tell that all of the
     * response comes with it. */
    __atomic_store_n(&slot->output_end, end, __ATOMIC_SEQ_CST);
    gild_response_end(c.response);
    gild_input_end(c.input);
    finish(slot, end);
    Py_DECREF(c.response);
    Py_DECREF(c.input);
}
