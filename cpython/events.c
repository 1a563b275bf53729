/* Events: what an application, or an agent inside it, can have itself told
 * about requests and the process (mod_wsgi.subscribe_events and the like). The
 * callbacks of an interpreter are lists of its mod_wsgi module. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* ---- publishing ----------------------------------------------------------------- */

static void
log_callback(gild_module_state *state, const char *name)
{
    if (PyErr_ExceptionMatches(PyExc_SystemExit)) {
        gild_log_exception(state->interpreter, "SystemExit exception raised "
                           "by a callback for event '%s'; ignored.", name);
        return;
    }
    gild_log_exception(state->interpreter, "Exception occurred in a callback "
                       "for event '%s'.", name);
}

/* What a callback returns is for those after it. */
static int
merge(PyObject *event, PyObject *result)
{
    return PyDict_Check(result) ? PyDict_Update(event, result) : 0;
}

static void
call_subscriber(gild_module_state *state, PyObject *callback,
                PyObject *arguments, const char *name, PyObject *event)
{
    PyObject *result = PyObject_Call(callback, arguments, event);

    if (result == NULL || merge(event, result) < 0) {
        log_callback(state, name);
    }
    Py_XDECREF(result);
}

/* The list may change meanwhile: a callback may subscribe another. */
void
gild_publish(gild_module_state *state, PyObject *callbacks, const char *name,
             PyObject *event)
{
    PyObject *arguments = Py_BuildValue("(s)", name);
    PyObject *all = arguments == NULL ? NULL : PySequence_Tuple(callbacks);

    if (all == NULL) {
        log_callback(state, name);
    }
    for (Py_ssize_t i = 0; all != NULL && i < PyTuple_GET_SIZE(all); i++) {
        call_subscriber(state, PyTuple_GET_ITEM(all, i), arguments, name,
                        event);
    }
    Py_XDECREF(all);
    Py_XDECREF(arguments);
}

/* ---- the request of a thread ------------------------------------------------------ */

/* The id that the front gave it, or one that no other request has: when it
 * came and where it lies. */
static PyObject *
new_id(gild_slot *slot)
{
    char id[128];

    gild_environ_value(slot, "mod_wsgi.request_id", id, sizeof(id));
    if (id[0] == '\0') {
        snprintf(id, sizeof(id), "%llx-%x-%x",
                 (unsigned long long)slot->started, gild_slot_number(slot),
                 slot->serial);
    }
    return PyUnicode_DecodeLatin1(id, (Py_ssize_t)strlen(id), NULL);
}

PyObject *
gild_request_id(gild_worker *worker)
{
    if (worker->service.id == NULL) {
        worker->service.id = new_id(worker->slot);
    }
    return worker->service.id;
}

PyObject *
gild_request_data(gild_worker *worker, gild_module_state *state)
{
    gild_service *service = &worker->service;

    if (service->data != NULL || gild_request_id(worker) == NULL) {
        return service->data;
    }
    service->data = PyDict_New();
    if (service->data != NULL && state->active_requests != NULL
        && PyDict_SetItem(state->active_requests, service->id, service->data)
           < 0) {
        Py_CLEAR(service->data);
    }
    return service->data;
}

void
gild_service_begin(gild_worker *worker, gild_module_state *state)
{
    if (state->active_requests != NULL
        && gild_request_data(worker, state) == NULL) {
        gild_log_exception(state->interpreter, "No memory for the data of a "
                           "request.");
    }
}

/* The application may have taken the entry out of the dict itself. */
void
gild_service_end(gild_worker *worker, gild_module_state *state)
{
    gild_service *service = &worker->service;

    if (service->id != NULL && state->active_requests != NULL
        && PyDict_DelItem(state->active_requests, service->id) < 0) {
        PyErr_Clear();
    }
    Py_CLEAR(service->id);
    Py_CLEAR(service->data);
}

/* ---- events of requests -------------------------------------------------------------- */

static gild_worker *
worker_of(const gild_slot *slot)
{
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        if (gild.workers[i].slot == slot) {
            return &gild.workers[i];
        }
    }
    return NULL;
}

/* A new event with what all events of a request have. */
static PyObject *
new_event(gild_worker *worker, gild_module_state *state)
{
    PyObject *data = gild_request_data(worker, state);

    return data == NULL ? NULL
           : Py_BuildValue("{s:O, s:O}", "request_id", worker->service.id,
                           "request_data", data);
}

/* Adds the items of *more*, a new reference or NULL, to the event; on failure
 * the event goes and NULL is returned. */
static PyObject *
extended(PyObject *event, PyObject *more)
{
    if (event != NULL && (more == NULL || PyDict_Update(event, more) < 0)) {
        Py_CLEAR(event);
    }
    Py_XDECREF(more);
    return event;
}

/* Publishes the event, which may be NULL with an exception. */
static void
publish(gild_module_state *state, const char *name, PyObject *event)
{
    if (event == NULL) {
        log_callback(state, name);
        return;
    }
    gild_publish(state, state->event_callbacks, name, event);
}

static double
seconds(int64_t nanoseconds)
{
    return (double)nanoseconds / 1e9;
}

/* Seconds of the epoch, as in the environ; for what does not exist in embedded
 * mode 0. */
static PyObject *
timing(const gild_worker *worker)
{
    const gild_slot *slot = worker->slot;
    int64_t epoch = worker->service.epoch;

    return Py_BuildValue(
        "{s:I, s:d, s:d, s:d, s:d}", "thread_id", worker->index + 1,
        "request_start", seconds(slot->started),
        "queue_start", seconds(epoch + slot->queued),
        "daemon_start", gild_is_daemon() ? seconds(epoch + slot->picked_up)
                                         : 0.0,
        "application_start", seconds(epoch + slot->application_start));
}

/* A value of the environ, a new reference; None if the application has taken it
 * out. */
static PyObject *
environ_value(PyObject *environ, const char *key)
{
    PyObject *value = PyDict_GetItemString(environ, key);

    return Py_NewRef(value == NULL ? Py_None : value);
}

static PyObject *
started_event(gild_worker *worker, gild_module_state *state, PyObject *environ,
              PyObject *callable)
{
    PyObject *event = extended(new_event(worker, state), timing(worker));

    return extended(event, event == NULL ? NULL : Py_BuildValue(
        "{s:O, s:O, s:N, s:N, s:i, s:i}", "request_environ", environ,
        "application_object", callable, "callable_object",
        environ_value(environ, "mod_wsgi.callable_object"), "server_pid",
        environ_value(environ, "mod_wsgi.server_pid"), "daemon_connects",
        gild_is_daemon(), "daemon_restarts", 0));
}

PyObject *
gild_publish_started(gild_worker *worker, gild_module_state *state,
                     PyObject *environ, PyObject *callable)
{
    PyObject *event = started_event(worker, state, environ, callable);

    publish(state, "request_started", event);
    PyObject *replaced = event == NULL ? NULL
        : PyDict_GetItemString(event, "application_object");
    PyObject *result = Py_NewRef(replaced == NULL ? callable : replaced);
    Py_XDECREF(event);
    return result;
}

void
gild_publish_response(gild_module_state *state, const gild_slot *slot,
                      PyObject *status, PyObject *headers, PyObject *exc_info)
{
    gild_worker *worker = worker_of(slot);

    if (worker == NULL) {
        return;     /* the request is over: a thread of it came late */
    }
    PyObject *event = extended(new_event(worker, state), Py_BuildValue(
        "{s:O, s:O, s:O}", "response_status", status, "response_headers",
        headers, "exception_info", exc_info));
    publish(state, "response_started", event);
    Py_XDECREF(event);
}

void
gild_publish_exception(gild_worker *worker, gild_module_state *state)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *event = extended(new_event(worker, state), Py_BuildValue(
        "{s:(OOO)}", "exception_info", type, value == NULL ? Py_None : value,
        traceback == NULL ? Py_None : traceback));
    publish(state, "request_exception", event);
    Py_XDECREF(event);
    PyErr_Restore(type, value, traceback);
}

static PyObject *
use_of_request(const gild_worker *worker, const gild_figures *f)
{
    const gild_slot *slot = worker->slot;

    return Py_BuildValue(
        "{s:d, s:d, s:K, s:K, s:d, s:K, s:K, s:d, s:i}",
        "application_finish", seconds(worker->service.epoch + f->finished),
        "application_time", seconds(f->finished - slot->application_start),
        "input_reads", (unsigned long long)f->input.reads,
        "input_length", (unsigned long long)f->input.bytes,
        "input_time", seconds(f->input.waited),
        "output_writes", (unsigned long long)f->writes,
        "output_length", (unsigned long long)f->written,
        "output_time", seconds(f->write_waited), "status", f->status);
}

static PyObject *
processor_time(const gild_worker *worker, const gild_figures *f)
{
    const gild_slot *slot = worker->slot;

    return Py_BuildValue(
        "{s:d, s:d, s:d, s:d, s:i}", "cpu_user_time", seconds(f->cpu_user),
        "cpu_system_time", seconds(f->cpu_system),
        "cpu_time", seconds(f->cpu_user + f->cpu_system),
        "gil_wait_time", seconds(slot->gil - slot->picked_up),
        "gil_wait_count", 1);
}

void
gild_publish_finished(gild_worker *worker, gild_module_state *state,
                      const gild_figures *figures)
{
    PyObject *event = extended(new_event(worker, state), timing(worker));

    event = event == NULL ? NULL
            : extended(event, use_of_request(worker, figures));
    event = event == NULL ? NULL
            : extended(event, processor_time(worker, figures));
    publish(state, "request_finished", event);
    Py_XDECREF(event);
}

/* ---- what the application calls -------------------------------------------------------- */

static PyObject *
subscribe(PyObject *list, PyObject *callback)
{
    return PyList_Append(list, callback) < 0 ? NULL : Py_NewRef(callback);
}

PyObject *
gild_subscribe_events(PyObject *module, PyObject *callback)
{
    gild_module_state *state = PyModule_GetState(module);

    return subscribe(state->event_callbacks, callback);
}

PyObject *
gild_subscribe_shutdown(PyObject *module, PyObject *callback)
{
    gild_module_state *state = PyModule_GetState(module);

    return subscribe(state->shutdown_callbacks, callback);
}

PyObject *
gild_subscribe_signals(PyObject *module, PyObject *callback)
{
    gild_module_state *state = PyModule_GetState(module);

    return subscribe(state->signal_callbacks, callback);
}

/* _publish(name, event), for the events of the process, which the prelude
 * makes: to all subscribers, and to those of just this kind. */
PyObject *
gild_module_publish(PyObject *module, PyObject *arguments)
{
    gild_module_state *state = PyModule_GetState(module);
    const char *name;
    PyObject *event;

    if (!PyArg_ParseTuple(arguments, "sO!:_publish", &name, &PyDict_Type,
                          &event)) {
        return NULL;
    }
    gild_publish(state, state->event_callbacks, name, event);
    if (strcmp(name, "process_stopping") == 0) {
        gild_publish(state, state->shutdown_callbacks, name, event);
    }
    if (strcmp(name, "process_signal") == 0) {
        gild_publish(state, state->signal_callbacks, name, event);
    }
    Py_RETURN_NONE;
}

PyObject *
gild_module_request_data(PyObject *module, PyObject *Py_UNUSED(unused))
{
    if (gild_self == NULL || gild_self->slot == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "mod_wsgi.request_data() called "
                        "on a thread that serves no request");
        return NULL;
    }
    return Py_XNewRef(gild_request_data(gild_self, PyModule_GetState(module)));
}

/* The requests in service: of this interpreter, whose GIL we hold. Without a
 * GIL only our own can be touched. */
static int
add_active(gild_module_state *state)
{
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        gild_worker *worker = &gild.workers[i];
        if (worker != gild_self
            && (gild.gil_disabled || worker->attached != state->interpreter)) {
            continue;
        }
        if (worker->slot == NULL || worker->service.interruptible == 0) {
            continue;
        }
        PyObject *data = gild_request_data(worker, state);
        if (data == NULL
            || PyDict_SetItem(state->active_requests, worker->service.id,
                              data) < 0) {
            return -1;
        }
    }
    return 0;
}

/* mod_wsgi.active_requests is made when it is first looked at; from then on
 * each request costs an entry in it. */
PyObject *
gild_active_requests(PyObject *module)
{
    gild_module_state *state = PyModule_GetState(module);

    if (state->active_requests == NULL) {
        state->active_requests = PyDict_New();
        if (state->active_requests == NULL || add_active(state) < 0
            || PyModule_AddObjectRef(module, "active_requests",
                                     state->active_requests) < 0) {
            Py_CLEAR(state->active_requests);
            return NULL;
        }
    }
    return Py_NewRef(state->active_requests);
}
