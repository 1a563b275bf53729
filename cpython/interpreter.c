/* The interpreters of the process: their start, what each one is given, their
 * end. All of it runs on the initialisation thread, which is Python's main
 * thread for life and never serves a request. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors --------------------------------------------------------------- */

PyObject *
gild_prelude_function(gild_interpreter *interpreter, const char *name)
{
    return interpreter->prelude == NULL ? NULL
           : PyDict_GetItemString(interpreter->prelude, name);
}

const char *
gild_context(const gild_interpreter *interpreter, char *buffer, size_t size)
{
    char place[160] = "in embedded mode";

    if (gild_is_daemon()) {
        snprintf(place, sizeof(place), "of daemon process '%s'", gild_group());
    }
    if (interpreter->name[0] == '\0') {
        snprintf(buffer, size, "main interpreter %s", place);
    }
    else {
        snprintf(buffer, size, "sub-interpreter '%s' %s", interpreter->name,
                 place);
    }
    return buffer;
}

/* The traceback module is imported only now: most interpreters never need it. */
static PyObject *
call_format_exception(gild_interpreter *interpreter, PyObject *type,
                      PyObject *value, PyObject *traceback)
{
    PyObject *format = gild_prelude_function(interpreter, "format_exception");

    if (format == NULL) {
        return PyObject_Str(value != NULL ? value : type);
    }
    return PyObject_CallFunctionObjArgs(
        format, type, value != NULL ? value : Py_None,
        traceback != NULL ? traceback : Py_None, NULL);
}

PyObject *
gild_format_exception(gild_interpreter *interpreter)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) {
        return PyUnicode_FromString("no exception was set");
    }
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *text = call_format_exception(interpreter, type, value,
                                           traceback);
    if (text == NULL) {
        PyErr_Clear();
        text = PyUnicode_FromFormat("%s (its traceback cannot be formatted)",
                                    ((PyTypeObject *)type)->tp_name);
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return text;
}

/* The text for a log, where a surrogate that came alone must not hide it. Takes
 * over the reference to the str; the bytes are given: free them. */
static char *
log_text(PyObject *text)
{
    PyObject *bytes = text == NULL ? NULL
        : PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    char *copy = strdup(bytes == NULL ? "(no memory for the traceback)"
                                      : PyBytes_AS_STRING(bytes));

    PyErr_Clear();
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    return copy;
}

void
gild_log_exception(gild_interpreter *interpreter, const char *format, ...)
{
    char prefix[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);
    char *text = log_text(gild_format_exception(interpreter));
    gild_log(GILD_ERROR, gild_self == NULL ? NULL : gild_self->slot, "%s\n%s",
             prefix, text == NULL ? "" : text);
    free(text);
}

/* ---- configuration of Python ---------------------------------------------- */

static PyStatus
set_string(PyConfig *config, wchar_t **field, const char *value)
{
    return value == NULL ? PyStatus_Ok()
                         : PyConfig_SetBytesString(config, field, value);
}

static PyStatus
set_warnings(PyConfig *config)
{
    PyStatus status = PyStatus_Ok();

    for (uint32_t i = 0; i < gild.config.warning_count; i++) {
        wchar_t *option = Py_DecodeLocale(gild.config.warnings[i], NULL);
        if (option == NULL) {
            return PyStatus_NoMemory();
        }
        status = PyWideStringList_Append(&config->warnoptions, option);
        PyMem_RawFree(option);
        if (PyStatus_Exception(status)) {
            break;
        }
    }
    return status;
}

/* Go owns the signals: Python must not install handlers (PEP 587). */
static PyStatus
configure(PyConfig *config)
{
    char *argv[] = {"mod_wsgi"};
    PyStatus status;

    config->install_signal_handlers = 0;
    config->parse_argv = 0;
#ifdef Py_GIL_DISABLED
    config->enable_gil = gild.config.free_threading ? 0 : 1;
#endif
    status = PyConfig_SetBytesArgv(config, 1, argv);
    if (!PyStatus_Exception(status)) {
        status = set_string(config, &config->program_name,
                            gild.config.executable);
    }
    if (!PyStatus_Exception(status)) {
        status = set_string(config, &config->executable,
                            gild.config.executable);
    }
    if (!PyStatus_Exception(status)) {
        status = set_string(config, &config->home, gild.config.home);
    }
    if (!PyStatus_Exception(status)) {
        status = set_warnings(config);
    }
    return status;
}

static int
start_python(char *error, size_t size)
{
    PyConfig config;
    PyStatus status;

    if (PyImport_AppendInittab("mod_wsgi", PyInit_mod_wsgi) < 0) {
        snprintf(error, size, "no memory for the table of modules");
        return -1;
    }
    PyConfig_InitPythonConfig(&config);
    status = configure(&config);
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        snprintf(error, size, "Python cannot start: %s%s%s",
                 status.func == NULL ? "" : status.func,
                 status.func == NULL ? "" : ": ",
                 status.err_msg == NULL ? "it exited" : status.err_msg);
        return -1;
    }
    return 0;
}

/* ---- one interpreter ------------------------------------------------------- */

/* Makes the thread state of a new sub-interpreter current. */
static PyThreadState *
new_subinterpreter(const gild_interpreter *interpreter)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (interpreter->own_gil) {
        const PyInterpreterConfig config = {
            .use_main_obmalloc = 0,
            .allow_fork = 0,
            .allow_exec = 0,
            .allow_threads = 1,
            .allow_daemon_threads = 0,
            .check_multi_interp_extensions = 1,
            .gil = PyInterpreterConfig_OWN_GIL,
        };
        PyThreadState *tstate = NULL;
        PyStatus status = Py_NewInterpreterFromConfig(&tstate, &config);
        return PyStatus_Exception(status) ? NULL : tstate;
    }
#else
    (void)interpreter;
#endif
    return Py_NewInterpreter();
}

#define INTERN(field, text) \
    ((names->field = PyUnicode_InternFromString(text)) == NULL)

static int
intern_names(gild_names *names)
{
    if (INTERN(close, "close") || INTERN(fileno, "fileno")
        || INTERN(tell, "tell")
        || INTERN(wsgi_input, "wsgi.input")
        || INTERN(wsgi_url_scheme, "wsgi.url_scheme")
        || INTERN(request_start, "mod_wsgi.request_start")
        || INTERN(queue_start, "mod_wsgi.queue_start")
        || INTERN(daemon_start, "mod_wsgi.daemon_start")
        || INTERN(application_start, "mod_wsgi.application_start")
        || INTERN(thread_id, "mod_wsgi.thread_id")
        || INTERN(https, "https") || INTERN(http, "http")) {
        return -1;
    }
    return 0;
}

/* Replaces one of the standard streams of the interpreter. */
static int
open_log(gild_interpreter *interpreter, int which, const char *attribute,
         const char *name)
{
    PyObject *stream = gild_log_stream(interpreter->module, name,
                                       &interpreter->logs[which]);

    if (stream == NULL) {
        return -1;
    }
    int result = 0;
    if (attribute != NULL) {
        result = PySys_SetObject(attribute, stream);
    }
    else {
        result = PyDict_SetItemString(interpreter->prototype, "wsgi.errors",
                                      stream);
    }
    Py_DECREF(stream);
    return result;
}

static int
restrict_stdin(gild_interpreter *interpreter)
{
    PyTypeObject *type = interpreter->module->restricted_type;
    PyObject *restricted = PyObject_CallNoArgs((PyObject *)type);
    int result = -1;

    if (restricted != NULL) {
        result = PySys_SetObject("stdin", restricted);
        Py_DECREF(restricted);
    }
    return result;
}

/* The arena has records for more processes than a group ever has at work: old
 * and new ones overlap. */
static long
maximum_processes(void)
{
    return gild.config.maximum_processes == 0
           ? 1 : (long)gild.config.maximum_processes;
}

static int
import_mod_wsgi(gild_interpreter *interpreter)
{
    PyObject *module = PyImport_ImportModule("mod_wsgi");
    int result = -1;

    if (module == NULL) {
        return -1;
    }
    interpreter->module = gild_module_state_get(module);
    if (interpreter->module != NULL
        && PyModule_AddStringConstant(module, "application_group",
                                      interpreter->name) == 0
        && PyModule_AddStringConstant(module, "process_group",
                                      gild_group()) == 0
        && PyModule_AddIntConstant(module, "threads_per_process",
                                   gild.config.threads) == 0
        && PyModule_AddIntConstant(module, "maximum_processes",
                                   maximum_processes()) == 0) {
        interpreter->module->interpreter = interpreter;
        result = 0;
    }
    Py_DECREF(module);  /* sys.modules keeps it */
    return result;
}

static int
run_prelude(gild_interpreter *interpreter)
{
    PyObject *code = Py_CompileString(gild.config.prelude, "<gild>",
                                      Py_file_input);
    if (code == NULL) {
        return -1;
    }
    PyObject *namespace = PyDict_New();
    PyObject *settings = PyUnicode_DecodeFSDefault(gild.config.settings);
    PyObject *result = NULL;
    if (namespace != NULL && settings != NULL
        && PyDict_SetItemString(namespace, "__builtins__",
                                PyEval_GetBuiltins()) == 0
        && PyDict_SetItemString(namespace, "settings_text", settings) == 0) {
        result = PyEval_EvalCode(code, namespace, namespace);
    }
    interpreter->prelude = namespace;
    Py_XDECREF(settings);
    Py_DECREF(code);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* The interpreter's thread state is current. */
static int
furnish(gild_interpreter *interpreter)
{
    interpreter->tstate = PyThreadState_Get();
    interpreter->interp = PyThreadState_GetInterpreter(interpreter->tstate);
    if (intern_names(&interpreter->names) < 0
        || import_mod_wsgi(interpreter) < 0
        || gild_prototype(interpreter) < 0
        || open_log(interpreter, 0, "stdout", "<stdout>") < 0
        || open_log(interpreter, 1, "stderr", "<stderr>") < 0
        || open_log(interpreter, 2, NULL, "<wsgi.errors>") < 0) {
        return -1;
    }
    if (gild.config.restrict_stdin && restrict_stdin(interpreter) < 0) {
        return -1;
    }
    return run_prelude(interpreter);
}

static int
furnish_or_explain(gild_interpreter *interpreter, char *error, size_t size)
{
    if (furnish(interpreter) == 0) {
        return 0;
    }
    char *text = log_text(gild_format_exception(interpreter));
    snprintf(error, size, "interpreter '%s' cannot be prepared: %s",
             interpreter->name, text == NULL ? "no memory" : text);
    free(text);
    return -1;
}

/* ---- applications ---------------------------------------------------------- */

PyObject *
gild_application_callable(gild_application *application)
{
    PyObject *load = gild_prelude_function(application->interpreter, "load");

    if (load == NULL) {
        PyErr_SetString(PyExc_SystemError, "the prelude has no load()");
        return NULL;
    }
    PyObject *spec = PyUnicode_DecodeFSDefault(application->spec);
    if (spec == NULL) {
        return NULL;
    }
    PyObject *callable = PyObject_CallOneArg(load, spec);
    Py_DECREF(spec);
    return callable;
}

/* A failure is kept and logged: requests are answered 500, and it is for the
 * process to be replaced, never to load twice. */
void
gild_application_load(gild_application *application)
{
    gild_interpreter *interpreter = application->interpreter;
    char buffer[256];

    gild_log(GILD_INFO, NULL, "Loading WSGI script '%s' into %s.",
             application->name,
             gild_context(interpreter, buffer, sizeof(buffer)));
    application->callable = gild_application_callable(application);
    if (application->callable == NULL) {
        application->error = log_text(gild_format_exception(interpreter));
    }
    gild_reload_watch(application);
}

static void
load_applications_of(gild_interpreter *interpreter)
{
    for (uint32_t i = 0; i < gild.config.application_count; i++) {
        gild_application *application = &gild.applications[i];
        if (application->interpreter == interpreter) {
            gild_application_load(application);
        }
    }
}

/* ---- all of them ----------------------------------------------------------- */

static int
start_subinterpreter(gild_interpreter *interpreter, char *error, size_t size)
{
    PyThreadState *main_tstate = gild.interpreters[0].tstate;
    PyThreadState *tstate = new_subinterpreter(interpreter);

    if (tstate == NULL) {
        PyErr_Clear();
        snprintf(error, size, "interpreter '%s' cannot be created",
                 interpreter->name);
        PyThreadState_Swap(main_tstate);
        return -1;
    }
    int result = furnish_or_explain(interpreter, error, size);
    if (result == 0) {
        load_applications_of(interpreter);
    }
    PyEval_SaveThread();
    PyEval_RestoreThread(main_tstate);
    return result;
}

/* Holds no GIL on return. */
int
gild_interpreters_start(char *error, size_t size)
{
    gild_interpreter *first = &gild.interpreters[0];

    if (start_python(error, size) < 0) {
        return -1;
    }
    if (furnish_or_explain(first, error, size) < 0) {
        return -1;
    }
    if (gild_crash_handlers() < 0) {
        PyErr_Clear();
        gild_log(GILD_WARN, NULL, "the crash handlers cannot be installed: "
                 "a crash in an extension module will not be explained");
    }
    load_applications_of(first);
    for (uint32_t i = 1; i < gild.config.interpreter_count; i++) {
        if (start_subinterpreter(&gild.interpreters[i], error, size) < 0) {
            return -1;
        }
    }
#ifdef Py_GIL_DISABLED
    gild.gil_disabled = gild.config.free_threading;
#endif
    PyEval_SaveThread();
    return 0;
}

/* ---- the end --------------------------------------------------------------- */

/* Calls the prelude's shutdown(): joins non-daemon threads, runs atexit. */
static void
call_shutdown(gild_interpreter *interpreter)
{
    PyObject *shutdown = gild_prelude_function(interpreter, "shutdown");
    PyObject *result = shutdown == NULL ? NULL : PyObject_CallNoArgs(shutdown);

    if (result == NULL && PyErr_Occurred()) {
        gild_log_exception(interpreter, "Exception occurred while stopping "
                           "interpreter '%s'.", interpreter->name);
    }
    Py_XDECREF(result);
    gild_log_flush_thread(interpreter);
}

static void
release(gild_interpreter *interpreter)
{
    for (int i = 0; i < 3; i++) {
        Py_CLEAR(interpreter->logs[i]);
    }
    for (uint32_t i = 0; i < gild.config.application_count; i++) {
        if (gild.applications[i].interpreter == interpreter) {
            Py_CLEAR(gild.applications[i].callable);
            gild_reload_clear(&gild.applications[i]);
        }
    }
    Py_CLEAR(interpreter->prototype);
    Py_CLEAR(interpreter->prelude);
}

/* Py_EndInterpreter ends the process if another thread still has a state in
 * the interpreter, which an application's daemon thread may. */
static int
is_alone(gild_interpreter *interpreter)
{
    PyThreadState *head = PyInterpreterState_ThreadHead(interpreter->interp);

    return head == interpreter->tstate && PyThreadState_Next(head) == NULL;
}

static int
stop_subinterpreter(gild_interpreter *interpreter)
{
    PyEval_RestoreThread(interpreter->tstate);
    call_shutdown(interpreter);
    release(interpreter);
    if (!is_alone(interpreter)) {
        gild_log(GILD_NOTICE, NULL, "interpreter '%s' still has threads; it "
                 "is left as it is", interpreter->name);
        PyEval_SaveThread();
        return -1;
    }
    Py_EndInterpreter(interpreter->tstate);
#if PY_VERSION_HEX < 0x030C0000
    /* Until 3.12 the GIL stays held, by nobody. */
    PyThreadState_Swap(gild.interpreters[0].tstate);
    PyEval_SaveThread();
#endif
    return 0;
}

/* The threads that served requests are gone. */
void
gild_interpreters_stop(void)
{
    int left = 0;

    for (uint32_t i = 1; i < gild.config.interpreter_count; i++) {
        left += stop_subinterpreter(&gild.interpreters[i]) < 0;
    }
    PyEval_RestoreThread(gild.interpreters[0].tstate);
    call_shutdown(&gild.interpreters[0]);
    if (left > 0) {
        PyEval_SaveThread();
        return;
    }
    release(&gild.interpreters[0]);
    Py_FinalizeEx();
}
