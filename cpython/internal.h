/* Shared by the C files of the engine, unknown to Go. */
#ifndef GILD_INTERNAL_H
#define GILD_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define PY_SSIZE_T_CLEAN
#if !defined(__has_include) || !__has_include(<Python.h>)
#error "no Python.h: build with 'make build', or run 'eval $(make -s env)' before plain go commands"
#endif
#include <Python.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "engine.h"

/* Apache's log levels. */
enum gild_level {
    GILD_EMERG, GILD_ALERT, GILD_CRIT, GILD_ERROR, GILD_WARN, GILD_NOTICE,
    GILD_INFO, GILD_DEBUG, GILD_TRACE1,
    GILD_TRACE8 = 15
};

/* ---- what an interpreter has (state.c) ---------------------------------- */

typedef struct gild_interpreter gild_interpreter;

/* State of the mod_wsgi module, one for each interpreter. */
typedef struct {
    gild_interpreter *interpreter;
    PyTypeObject *input_type;
    PyTypeObject *response_type;
    PyTypeObject *log_type;
    PyTypeObject *file_wrapper_type;
    PyTypeObject *restricted_type;
    PyObject *request_timeout;  /* exception */
    PyObject *signal_handler;   /* the real signal.signal */
    PyObject *event_callbacks;  /* lists; the application may change them */
    PyObject *shutdown_callbacks;
    PyObject *signal_callbacks;
    PyObject *active_requests;  /* dict; NULL until the application looks */
} gild_module_state;

/* Around code that has an object to itself while it holds the GIL, waits
 * excepted. Builds without a GIL have a lock in the object for that, which the
 * waits let go too. */
#ifdef Py_GIL_DISABLED
#define GILD_ALONE(object)  Py_BEGIN_CRITICAL_SECTION(object)
#define GILD_TOGETHER()     Py_END_CRITICAL_SECTION()
#else
#define GILD_ALONE(object)  {
#define GILD_TOGETHER()     }
#endif

/* Names used on the way of every request, interned once. */
typedef struct {
    PyObject *close, *fileno, *tell;
    PyObject *wsgi_input, *wsgi_url_scheme, *request_start, *queue_start;
    PyObject *daemon_start, *application_start, *thread_id;
    PyObject *https, *http;
} gild_names;

struct gild_interpreter {
    uint32_t index;
    uint32_t lane;
    char *name;                 /* application group */
    int own_gil;
    PyInterpreterState *interp;
    PyThreadState *tstate;      /* of the initialisation thread */
    gild_module_state *module;
    gild_names names;
    PyObject *prelude;          /* namespace of the prelude */
    PyObject *prototype;        /* the keys that every environ has */
    PyObject *logs[3];          /* stdout, stderr, wsgi.errors */
};

/* By what a file is recognised as the one that was loaded. */
typedef struct {
    int64_t mtime;              /* nanoseconds */
    uint64_t inode;
    int64_t size;               /* -1: there is no such file */
} gild_stamp;

/* How a change of an application's script is noticed (reload.c). */
typedef struct {
    char *path;                 /* the script; NULL: it is no file */
    PyObject *required;         /* reload_required() of the script, or NULL */
    PyObject *retired;          /* list of callables that were replaced */
    gild_stamp loaded;
    gild_stamp noticed;         /* at the last look */
    gild_stamp tried;           /* what the process was to be renewed for */
    gild_stamp accepted;        /* it cannot be loaded: the old one goes on */
    int64_t looked;             /* CLOCK_MONOTONIC of the last look */
    int64_t paused;             /* until when reload_required() is not asked */
    unsigned resumed;           /* see reload.c */
    pthread_mutex_t loading;    /* held while it is loaded again */
} gild_reload;

typedef struct {
    gild_interpreter *interpreter;
    PyObject *callable;         /* NULL: it could not be loaded */
    char *spec;
    char *name;                 /* for messages: the script */
    char *error;
    gild_reload reload;
} gild_application;

/* ---- what a thread has --------------------------------------------------- */

typedef struct {
    uint32_t hash;
    uint32_t length;
    PyObject *key;              /* str; its UTF-8 form is compared */
} gild_key;

#define GILD_KEY_CACHE 512      /* power of two */

/* One thread in one interpreter: made on that thread, kept for life. */
typedef struct {
    PyThreadState *tstate;
    gild_key *keys;             /* GILD_KEY_CACHE entries */
    uint32_t key_count;
} gild_binding;

/* What a thread keeps about the request that it serves. */
typedef struct {
    uint64_t interruptible;     /* see interrupt.c */
    int64_t epoch;              /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
    PyObject *id;               /* of the request; NULL until somebody asks */
    PyObject *data;             /* its scratch dict; NULL until then */
    int measured;               /* the next two are known */
    int64_t cpu_user;           /* nanoseconds of this thread before it */
    int64_t cpu_system;
} gild_service;

typedef struct {
    pthread_t pthread;
    uint32_t index;
    gild_service service;
    gild_thread *record;
    gild_binding *bindings;     /* one for each interpreter */
    gild_interpreter *attached; /* whose GIL we hold, or NULL */
    gild_slot *slot;            /* in service, or NULL */
    int64_t finished;           /* when the last request was done */
    int64_t held_since;         /* oldest completion not yet announced, or 0 */
    uint32_t streak;            /* short requests in a row */
    int schedstat;              /* /proc/self/task/TID/schedstat, or -1 */
    uint64_t busy;              /* the ticker's last reading of it */
} gild_worker;

/* The calling thread, if it is one of ours. */
extern __thread gild_worker *gild_self;

/* ---- the process ---------------------------------------------------------- */

typedef struct {
    gild_config config;
    char *base;                 /* the arena */
    gild_arena *arena;          /* shared: only front_asleep is looked at */
    gild_arena layout;          /* what its head was when it was made */
    gild_process *process;
    uint64_t *events;
    gild_interpreter *interpreters;
    gild_application *applications;
    gild_worker *workers;
    atomic_int forked;          /* we are a child that an application made */
    atomic_uint attention;      /* gild_attention flags that Go has not taken */
    atomic_ullong requests;     /* served */
    atomic_ullong activity;     /* of them, those that count as activity */
    atomic_llong gil_wanted;    /* since when the watch waits for a GIL, or 0 */
    int gil_disabled;           /* free-threaded and running so */
} gild_engine;

extern gild_engine gild;

/* The name of the process group; "" in embedded mode. */
static inline const char *
gild_group(void)
{
    return gild.config.process_group == NULL ? "" : gild.config.process_group;
}

static inline int
gild_is_daemon(void)
{
    return gild_group()[0] != '\0';
}

static inline int
gild_in_forked_child(void)
{
    return atomic_load_explicit(&gild.forked, memory_order_relaxed);
}

/* ---- arena.c -------------------------------------------------------------- */

int64_t gild_now(void);         /* CLOCK_MONOTONIC, nanoseconds */
void gild_attach_arena(void *base, const gild_arena *layout);
gild_slot *gild_slot_at(uint32_t number);
uint32_t gild_slot_number(const gild_slot *slot);
gild_thread *gild_thread_at(uint32_t process, uint32_t thread);
int64_t gild_ring_pop(uint32_t lane);
int64_t gild_ring_peek(uint32_t lane);
int gild_ring_is_empty(uint32_t lane);
uint64_t gild_ring_head(uint32_t lane);
void gild_mark(gild_slot *slot);
void gild_ring_bell(void);
void gild_notify(gild_slot *slot);  /* both */
int gild_has_marks(void);
void gild_wake_ticker(void);
void gild_futex_wait(uint32_t *word, uint32_t value);
void gild_futex_wake(uint32_t *word, int count);
/* Changes the word and wakes all who wait on it. */
void gild_futex_raise(uint32_t *word);
/* Wakes one idle thread for the lane in a process that has fewer drainers for
 * it than it wants: in this process, if that takes requests, or else in another
 * one. Returns 1 if one was woken. */
int gild_wake(uint32_t lane);
int gild_is_closed(void);       /* this process takes no more requests */

/* ---- thread.c, ticker.c --------------------------------------------------- */

void *gild_worker_main(void *worker);
/* Holds the interpreter's GIL on return; releases the one held before. -1
 * with no exception set when no memory is left. */
int gild_worker_attach(gild_worker *worker, gild_interpreter *interpreter);
void gild_worker_detach(gild_worker *worker);
void *gild_ticker_main(void *unused);

/* ---- command.c -------------------------------------------------------------- */

/* Runs on the initialisation thread while the process serves, until
 * gild_watch_end is called: carries out what Go asks for, and takes each GIL
 * once a second. No GIL is held before or after. */
void gild_watch(void);
void gild_watch_end(void);
/* Tells Go that the process wants something (gild_attention). Any thread. */
void gild_call_attention(unsigned flag);

/* ---- interpreter.c -------------------------------------------------------- */

int gild_interpreters_start(char *error, size_t size);
void gild_interpreters_stop(void);
void gild_application_load(gild_application *application);
/* Calls load() of the prelude; a new reference, or NULL with an exception. */
PyObject *gild_application_callable(gild_application *application);
/* A function of the prelude, borrowed; NULL if it has none of that name. */
PyObject *gild_prelude_function(gild_interpreter *interpreter,
                                const char *name);
/* "main interpreter of daemon process 'G'" and the like, for messages. Returns
 * the buffer. */
const char *gild_context(const gild_interpreter *interpreter, char *buffer,
                         size_t size);
/* The text of the exception that is set, and clears it; new reference to a
 * str, never NULL unless memory is exhausted. */
PyObject *gild_format_exception(gild_interpreter *interpreter);
/* Logs the exception that is set, and clears it. */
void gild_log_exception(gild_interpreter *interpreter, const char *format, ...);

/* ---- request.c ------------------------------------------------------------ */

/* Serves the claimed slot. The GIL of the interpreter is held. */
void gild_serve(gild_worker *worker, gild_interpreter *interpreter,
                gild_slot *slot);
/* Answers for an application that could not be loaded; needs no GIL. */
void gild_refuse(gild_slot *slot);

/* ---- environ.c ------------------------------------------------------------ */

/* Sets slot->application_start as well, which it is just about to be. */
PyObject *gild_environ(gild_worker *worker, gild_interpreter *interpreter,
                       gild_slot *slot);
int gild_prototype(gild_interpreter *interpreter);
/* Copies the value of a key of the environ block, for messages. */
void gild_environ_value(gild_slot *slot, const char *key, char *buffer,
                        size_t size);
void gild_keys_clear(gild_binding *binding);

/* ---- input.c -------------------------------------------------------------- */

PyObject *gild_input_new(gild_interpreter *interpreter, gild_slot *slot);
/* Detaches the object from the slot: later calls raise, and so do those that
 * wait in other threads of the application. */
void gild_input_end(PyObject *input);
/* What was read so far: calls, bytes, and nanoseconds of waiting for more. */
typedef struct {
    uint64_t reads;
    uint64_t bytes;
    int64_t waited;
} gild_input_use;
gild_input_use gild_input_used(PyObject *input);

/* ---- response.c ----------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    gild_slot *slot;            /* NULL after the request */
    int waiting;                /* threads that wait for room */
    int status;                 /* code of the last start_response, or 0 */
    uint64_t writes;            /* pieces of body */
    int64_t waited;             /* nanoseconds of waiting for room */
    char *head;                 /* the head block, or NULL: not called yet */
    size_t head_length;
    int head_sent;
    int gone;                   /* the client is gone */
    int no_body;                /* of the request or the status: discard it */
    int64_t content_length;     /* declared by the application, or -1 */
    int64_t sent;               /* bytes of the body */
    uint64_t written;           /* our copy of slot->output_written */
} gild_response;

PyObject *gild_response_new(gild_interpreter *interpreter, gild_slot *slot);
/* A new start_response callable. */
PyObject *gild_response_start(PyObject *response);
/* Makes all that was written visible and detaches the object from the slot:
 * later calls raise, and threads of the application that still write are told
 * that the client is gone. */
void gild_response_end(gild_response *response);
/* Sends the head if it was not sent. -1 with an exception. */
int gild_response_head(gild_response *response);
/* Sends a piece of the body, head first. 0; 1 when the client is gone; -1
 * with an exception. */
int gild_response_write(gild_response *response, PyObject *bytes);
/* Makes what was written visible to the front, and tells it. */
void gild_response_flush(gild_response *response);

/* ---- filewrapper.c -------------------------------------------------------- */

/* If the iterable is a wsgi.file_wrapper around a regular file, leaves the
 * file in the slot and returns 1. 0: iterate. -1 with an exception. */
int gild_send_file(gild_interpreter *interpreter, gild_response *response,
                   PyObject *iterable);

/* ---- log.c ---------------------------------------------------------------- */

/* Sends one record; the slot gives the client, or NULL. Needs no GIL. */
void gild_log_bytes(int level, const gild_slot *slot, const char *text,
                    size_t length);
void gild_log(int level, const gild_slot *slot, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int gild_log_enabled(int level);
/* A text stream over a mod_wsgi.Log object named *name*; *log* receives a new
 * reference to that object. */
PyObject *gild_log_stream(gild_module_state *state, const char *name,
                          PyObject **log);
/* _log(level, message): one record at a level of Apache's, about the request of
 * the calling thread if it has one. */
PyObject *gild_log_record(PyObject *module, PyObject *arguments);
/* Emits what the calling thread has written without a final newline. */
void gild_log_flush_thread(gild_interpreter *interpreter);
/* Makes the log usable in a child that the application forked. */
void gild_log_after_fork(void);

/* ---- module.c ------------------------------------------------------------- */

PyMODINIT_FUNC PyInit_mod_wsgi(void);
/* The state of the mod_wsgi module of the current interpreter; NULL with an
 * exception. */
gild_module_state *gild_module_state_get(PyObject *module);
extern PyType_Spec gild_input_spec, gild_response_spec, gild_log_spec,
    gild_file_wrapper_spec, gild_restricted_spec;

/* ---- events.c ------------------------------------------------------------- */

/* Whether anybody subscribed to events of requests: what all of the functions
 * below ask first, so that nobody pays who did not. */
static inline int
gild_has_subscribers(const gild_module_state *state)
{
    return PyList_GET_SIZE(state->event_callbacks) > 0;
}

/* Publishes an event: the callbacks get *event* as keywords, and the dicts
 * that they return are merged into it. What they raise is logged. */
void gild_publish(gild_module_state *state, PyObject *callbacks,
                  const char *name, PyObject *event);
/* Around a request; between them request_data() works on the thread. */
void gild_service_begin(gild_worker *worker, gild_module_state *state);
void gild_service_end(gild_worker *worker, gild_module_state *state);
/* The id and the scratch dict of the request, borrowed; NULL with an
 * exception. */
PyObject *gild_request_id(gild_worker *worker);
PyObject *gild_request_data(gild_worker *worker, gild_module_state *state);
/* request_started; returns what is to be called, a new reference. */
PyObject *gild_publish_started(gild_worker *worker, gild_module_state *state,
                               PyObject *environ, PyObject *callable);
/* response_started, for the request of the slot. */
void gild_publish_response(gild_module_state *state, const gild_slot *slot,
                           PyObject *status, PyObject *headers,
                           PyObject *exc_info);
/* request_exception, of the exception that is set and stays so. */
void gild_publish_exception(gild_worker *worker, gild_module_state *state);
/* request_finished. */
struct gild_figures;
void gild_publish_finished(gild_worker *worker, gild_module_state *state,
                           const struct gild_figures *figures);
/* Of the mod_wsgi module. */
PyObject *gild_active_requests(PyObject *module);
PyObject *gild_module_request_data(PyObject *module, PyObject *unused);
PyObject *gild_subscribe_events(PyObject *module, PyObject *callback);
PyObject *gild_subscribe_shutdown(PyObject *module, PyObject *callback);
PyObject *gild_subscribe_signals(PyObject *module, PyObject *callback);
PyObject *gild_module_publish(PyObject *module, PyObject *arguments);

/* ---- metrics.c ------------------------------------------------------------ */

/* What one request came to. Times are nanoseconds. */
typedef struct gild_figures {
    int status;                 /* HTTP, as the client sees it */
    int64_t started;            /* CLOCK_REALTIME: the front had the request */
    int64_t finished;           /* CLOCK_MONOTONIC: the application was through */
    gild_input_use input;
    uint64_t writes;
    uint64_t written;           /* bytes of body */
    int64_t write_waited;
    int64_t cpu_user, cpu_system;
} gild_figures;

int gild_is_recording(void);
/* Notes the CPU time of the thread if figures are wanted of this request. */
void gild_measure_begin(gild_worker *worker, gild_module_state *state);
/* Collects the figures after the application; then, if recording, counts
 * them. */
void gild_measure_end(gild_worker *worker, gild_response *response,
                      PyObject *input, int status, gild_figures *figures);
void gild_count(gild_worker *worker, const gild_figures *figures);
/* Of the mod_wsgi module, for metrics.py. */
PyObject *gild_start_counting(PyObject *module, PyObject *unused);
PyObject *gild_counters(PyObject *module, PyObject *unused);
PyObject *gild_usage(PyObject *module, PyObject *unused);
PyObject *gild_own_threads(PyObject *module, PyObject *unused);
PyObject *gild_scoreboard(PyObject *module, PyObject *unused);

/* ---- interrupt.c ---------------------------------------------------------- */

/* On Python's main thread, with the GIL of the worker's interpreter held:
 * raises RequestTimeout in the worker if it still serves the request of this
 * serial. */
void gild_interrupt_worker(gild_worker *worker, uint32_t serial);
/* Around the part of a request that may be interrupted; on the worker. After
 * the second, nothing will be raised any more. */
void gild_interruptible(gild_worker *worker, uint32_t serial);
void gild_uninterruptible(gild_worker *worker);

/* ---- stacks.c ------------------------------------------------------------- */

/* Of the mod_wsgi module: what each thread of the interpreter does. */
PyObject *gild_threads(PyObject *module, PyObject *unused);

/* ---- reload.c ------------------------------------------------------------- */

/* After the application was loaded: what is to be watched of it. */
void gild_reload_watch(gild_application *application);
/* On a request thread, which serves worker->slot, with the GIL of the
 * application's interpreter: whether its script has changed. In a daemon
 * process 1 means that the process must be renewed before the request is
 * served. In embedded mode the script is loaded again on the spot, and the
 * answer is 0. */
int gild_is_outdated(gild_worker *worker, gild_application *application);
/* The replacement of this process cannot load the script: what there is serves
 * until it changes again. Any thread. */
void gild_reload_resumed(void);
/* Frees what the above have; at the end of the interpreter. */
void gild_reload_clear(gild_application *application);

/* ---- signals.c ------------------------------------------------------------ */

/* Installs the fork handlers; once, before Python starts. */
int gild_fork_handlers(void);
/* Has a fatal signal in Python code end the process by that signal, with the
 * Python stack in the log. The GIL of the main interpreter is held. */
int gild_crash_handlers(void);

#endif
