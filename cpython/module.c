/* The mod_wsgi module: what an application can import. One for each
 * interpreter (PEP 489), with types of its own. */
#include "internal.h"

#include <string.h>

/* ---- Restricted ----------------------------------------------------------------- */

static PyObject *
restricted_getattr(PyObject *object, PyObject *name)
{
    if (PyUnicode_Check(name)
        && PyUnicode_CompareWithASCIIString(name, "__class__") == 0) {
        return PyObject_GenericGetAttr(object, name);
    }
    PyErr_SetString(PyExc_OSError, "sys.stdin access restricted by mod_wsgi");
    return NULL;
}

static PyType_Slot restricted_slots[] = {
    {Py_tp_getattro, restricted_getattr},
    {Py_tp_doc, "sys.stdin of a server process: there is nobody to type."},
    {0, NULL}
};

PyType_Spec gild_restricted_spec = {
    .name = "mod_wsgi.Restricted",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = restricted_slots,
};

/* ---- signal.signal --------------------------------------------------------------- */

/* The stack of the caller, so that the log says who it was. */
static void
log_ignored_signal(long number)
{
    PyObject *traceback = PyImport_ImportModule("traceback");
    PyObject *stack = traceback == NULL ? NULL
        : PyObject_CallMethod(traceback, "format_stack", NULL);
    PyObject *empty = PyUnicode_FromString("");
    PyObject *text = stack == NULL || empty == NULL ? NULL
                     : PyUnicode_Join(empty, stack);
    const char *utf8 = text == NULL ? NULL : PyUnicode_AsUTF8(text);

    gild_log(GILD_INFO, gild_self == NULL ? NULL : gild_self->slot,
             "Ignoring Python signal handler registration for signal %ld in "
             "WSGI process; mod_wsgi manages signals.\n%s", number,
             utf8 == NULL ? "" : utf8);
    PyErr_Clear();
    Py_XDECREF(traceback);
    Py_XDECREF(stack);
    Py_XDECREF(empty);
    Py_XDECREF(text);
}

/* In place of signal.signal. In a child that the application forked the real
 * function is called (S59): there, signals are the child's business. */
static PyObject *
intercept_signal(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"signalnum", "handler", NULL};
    gild_module_state *state = gild_module_state_get(module);
    PyObject *handler;
    long number;

    if (state == NULL) {
        return NULL;
    }
    if (gild_in_forked_child() && state->signal_handler != NULL) {
        return PyObject_Call(state->signal_handler, arguments, keywords);
    }
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "lO:signal", names,
                                     &number, &handler)) {
        return NULL;
    }
    log_ignored_signal(number);
    return Py_NewRef(handler);
}

/* Called by the prelude with signal.signal; returns what to put there. */
static PyObject *
restrict_signal(PyObject *module, PyObject *real)
{
    gild_module_state *state = gild_module_state_get(module);

    if (state == NULL) {
        return NULL;
    }
    Py_XSETREF(state->signal_handler, Py_NewRef(real));
    return PyObject_GetAttrString(module, "_intercept_signal");
}

/* ---- the module ------------------------------------------------------------------- */

/* For what the module does not have (PEP 562). */
static PyObject *
module_getattr(PyObject *module, PyObject *name)
{
    if (PyUnicode_Check(name)
        && PyUnicode_CompareWithASCIIString(name, "active_requests") == 0) {
        return gild_active_requests(module);
    }
    PyErr_Format(PyExc_AttributeError, "module 'mod_wsgi' has no attribute %R",
                 name);
    return NULL;
}

static PyMethodDef module_methods[] = {
    {"_intercept_signal", (PyCFunction)(void (*)(void))intercept_signal,
     METH_VARARGS | METH_KEYWORDS,
     "signal(signalnum, handler)\n--\n\nLogs and ignores the registration."},
    {"_restrict_signal", restrict_signal, METH_O,
     "_restrict_signal(real)\n--\n\nThe replacement for signal.signal."},
    {"__getattr__", module_getattr, METH_O,
     "__getattr__(name)\n--\n\nMakes active_requests when it is needed."},
    {"subscribe_events", gild_subscribe_events, METH_O,
     "subscribe_events(callback)\n--\n\nCalls it for each event."},
    {"subscribe_shutdown", gild_subscribe_shutdown, METH_O,
     "subscribe_shutdown(callback)\n--\n\nCalls it when the process stops."},
    {"subscribe_signals", gild_subscribe_signals, METH_O,
     "subscribe_signals(callback)\n--\n\nCalls it for SIGHUP and SIGUSR2."},
    {"request_data", gild_module_request_data, METH_NOARGS,
     "request_data()\n--\n\nA dict for this request."},
    {"_log", gild_log_record, METH_VARARGS,
     "_log(level, message)\n--\n\nWrites a record to the error log."},
    {"_publish", gild_module_publish, METH_VARARGS,
     "_publish(name, event)\n--\n\nPublishes an event of the process."},
    {"_threads", gild_threads, METH_NOARGS,
     "_threads()\n--\n\nWhat the threads of this interpreter do."},
    {"_start_counting", gild_start_counting, METH_NOARGS,
     "_start_counting()\n--\n\nHas requests counted."},
    {"_counters", gild_counters, METH_NOARGS,
     "_counters()\n--\n\nThe counters of each thread."},
    {"_usage", gild_usage, METH_NOARGS,
     "_usage()\n--\n\nCPU time and peak memory of the process."},
    {"_own_threads", gild_own_threads, METH_NOARGS,
     "_own_threads()\n--\n\nWhat each request thread has done."},
    {"_scoreboard", gild_scoreboard, METH_NOARGS,
     "_scoreboard()\n--\n\nThe processes of the group and their threads."},
    {NULL, NULL, 0, NULL}
};

static int
add_type(PyObject *module, PyType_Spec *spec, const char *name,
         PyTypeObject **type)
{
    *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (*type == NULL) {
        return -1;
    }
    return name == NULL ? 0
           : PyModule_AddObjectRef(module, name, (PyObject *)*type);
}

static int
add_request_timeout(PyObject *module, gild_module_state *state)
{
    state->request_timeout = PyErr_NewExceptionWithDoc(
        "mod_wsgi.RequestTimeout",
        "Raised in a request that has run for too long.",
        PyExc_BaseException, NULL);
    if (state->request_timeout == NULL) {
        return -1;
    }
    return PyModule_AddObjectRef(module, "RequestTimeout",
                                 state->request_timeout);
}

static int
add_list(PyObject *module, const char *name, PyObject **list)
{
    *list = PyList_New(0);
    return *list == NULL ? -1 : PyModule_AddObjectRef(module, name, *list);
}

/* The version is the one of mod_wsgi whose behaviour is offered: applications
 * and agents ask for it. */
static int
add_version(PyObject *module)
{
    PyObject *version = Py_BuildValue("(iii)", 6, 0, 5);

    if (version == NULL) {
        return -1;
    }
    int result = PyModule_AddObjectRef(module, "version", version);
    Py_DECREF(version);
    return result;
}

static int
module_exec(PyObject *module)
{
    gild_module_state *state = PyModule_GetState(module);

    if (add_type(module, &gild_input_spec, NULL, &state->input_type) < 0
        || add_type(module, &gild_response_spec, NULL,
                    &state->response_type) < 0
        || add_type(module, &gild_log_spec, NULL, &state->log_type) < 0
        || add_type(module, &gild_restricted_spec, NULL,
                    &state->restricted_type) < 0
        || add_type(module, &gild_file_wrapper_spec, "FileWrapper",
                    &state->file_wrapper_type) < 0
        || add_request_timeout(module, state) < 0
        || add_list(module, "event_callbacks", &state->event_callbacks) < 0
        || add_list(module, "shutdown_callbacks",
                    &state->shutdown_callbacks) < 0
        || add_list(module, "signal_callbacks", &state->signal_callbacks) < 0
        || add_version(module) < 0) {
        return -1;
    }
    return 0;
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    gild_module_state *state = PyModule_GetState(module);

    Py_VISIT(state->input_type);
    Py_VISIT(state->response_type);
    Py_VISIT(state->log_type);
    Py_VISIT(state->file_wrapper_type);
    Py_VISIT(state->restricted_type);
    Py_VISIT(state->request_timeout);
    Py_VISIT(state->signal_handler);
    Py_VISIT(state->event_callbacks);
    Py_VISIT(state->shutdown_callbacks);
    Py_VISIT(state->signal_callbacks);
    Py_VISIT(state->active_requests);
    return 0;
}

static int
module_clear(PyObject *module)
{
    gild_module_state *state = PyModule_GetState(module);

    Py_CLEAR(state->input_type);
    Py_CLEAR(state->response_type);
    Py_CLEAR(state->log_type);
    Py_CLEAR(state->file_wrapper_type);
    Py_CLEAR(state->restricted_type);
    Py_CLEAR(state->request_timeout);
    Py_CLEAR(state->signal_handler);
    Py_CLEAR(state->event_callbacks);
    Py_CLEAR(state->shutdown_callbacks);
    Py_CLEAR(state->signal_callbacks);
    Py_CLEAR(state->active_requests);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "mod_wsgi",
    .m_doc = "What gild offers to the application that it runs.",
    .m_size = sizeof(gild_module_state),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC
PyInit_mod_wsgi(void)
{
    return PyModuleDef_Init(&module_definition);
}

gild_module_state *
gild_module_state_get(PyObject *module)
{
    if (PyModule_GetDef(module) != &module_definition) {
        PyErr_SetString(PyExc_ImportError, "a module named mod_wsgi hides the "
                        "one of the server");
        return NULL;
    }
    return PyModule_GetState(module);
}
