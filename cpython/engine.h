/* The engine: what Go may call, and what the C files share.
 *
 * Go calls gild_start, gild_stop and the few functions below them, each from
 * any thread. Everything else runs on the engine's own threads.
 */
#ifndef GILD_ENGINE_H
#define GILD_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"

/* What Go asks for. Strings are borrowed until gild_start returns. */
typedef struct {
    const char *name;           /* application group; "" is the main interpreter */
    int own_gil;                /* from Python 3.12 on; ignored for "" */
} gild_interpreter_config;

typedef struct {
    uint32_t interpreter;       /* index */
    const char *spec;           /* given to load() of the prelude */
    const char *name;           /* the script, for messages */
} gild_application_config;

typedef struct {
    void *arena;
    gild_arena layout;          /* its head as it was made */
    uint32_t process;           /* our record in the arena */
    uint32_t threads;
    size_t stack_size;          /* bytes of a Python thread's stack; 0: the system's */
    int event_fd;               /* eventfd of the completion set */
    int log_fd;                 /* socket for log frames (package logs), or -1 */
    int log_level;              /* records above it are not sent */
    const char *executable;     /* sys.executable, decides sys.prefix; or NULL */
    const char *home;           /* PYTHONHOME, or NULL */
    char **warnings;
    uint32_t warning_count;
    double switch_interval;     /* seconds; 0: Python's own */
    int free_threading;         /* run a free-threaded build without the GIL */
    int finalize;               /* destroy the interpreters at the end */
    int restrict_stdin;
    int multiprocess;           /* wsgi.multiprocess */
    int run_once;               /* wsgi.run_once */
    const char *process_group;  /* "" in embedded mode */
    uint32_t generation;
    uint32_t maximum_processes; /* of the process group */
    uint64_t maximum_requests;  /* attention after so many; 0: never */
    int64_t queue_timeout;      /* nanoseconds from queueing to pick-up; 0: none */
    int script_reloading;       /* a changed script calls for attention */
    int server_metrics;         /* mod_wsgi.server_metrics() is allowed */
    int file_fd;                /* socket for descriptors of responses, or -1:
                                 * the front is this process */
    int attention_fd;           /* eventfd of gild_attention, or -1 */
    const char *prelude;        /* Python source run in each interpreter */
    const char *settings;       /* for the prelude */
    const char *server_software;
    const gild_interpreter_config *interpreters;
    uint32_t interpreter_count;
    const gild_application_config *applications;
    uint32_t application_count;
} gild_config;

/* Starts Python, loads the applications and starts the threads. Returns 0, or
 * -1 with a sentence in *error* (size bytes). An application that cannot be
 * loaded is not an error here: see gild_application_error. May be called once
 * in the life of a process. */
int gild_start(const gild_config *config, char *error, size_t size);

/* Lets the threads finish what they serve, then ends Python as
 * gild_config.finalize says. Blocks for as long as the applications take. */
void gild_stop(void);

/* ---- while it serves -------------------------------------------------------- */

/* Takes no more requests, or takes them again. Those that a thread has are
 * served to their end. gild_close returns whether it was closed before. Any
 * thread. */
int gild_close(void);
void gild_reopen(void);

/* What the process wants (gild_config.attention_fd is written to). */
enum gild_attention {
    GILD_MAXIMUM_REQUESTS = 1,  /* as many were served as was asked for */
    GILD_SCRIPT_CHANGED = 2,    /* the application is older than its script; the
                                 * process has closed itself */
};

/* The flags that have come since the last call. */
unsigned gild_attention_take(void);

/* Calls function(argument) of the prelude in every interpreter, on Python's
 * main thread; both are str. Blocks for at most *timeout* nanoseconds. Returns
 * what the calls returned, a line for each that was not None, or NULL when they
 * could not be made in time: then they are made later, or never. The caller
 * frees it. Any thread but Python's. */
char *gild_ask(const char *function, const char *argument, int64_t timeout);

/* Has mod_wsgi.RequestTimeout raised in a request thread if it is still in the
 * request with that serial. Returns at once. */
void gild_interrupt(uint32_t thread, uint32_t serial);

/* Writes the Python stacks of all threads to descriptor 2, whoever has the GIL,
 * and their requests into the log. Any thread may call it; the writing goes on
 * after it has returned. */
void gild_dump_without_gil(void);

/* Since when Python's main thread has been waiting for a GIL (CLOCK_MONOTONIC,
 * nanoseconds), or 0 when it is not. It takes each about once a second. */
int64_t gild_gil_wanted(void);

/* Requests served, and how many of them count as activity. */
uint64_t gild_requests(void);
uint64_t gild_activity(void);

/* Why an application could not be loaded; NULL if it was. Borrowed for ever. */
const char *gild_application_error(uint32_t application);

/* The version of the Python inside, e.g. "3.11.2 (main, ...)". Static memory;
 * callable before gild_start. */
const char *gild_python_version(void);

/* Where the Python library lies, or "" when that is not known. */
const char *gild_python_library(void);

/* 1 if the build has no GIL to begin with. */
int gild_python_is_free_threaded(void);

/* 1 if an interpreter can have a GIL of its own (PEP 684). */
int gild_python_has_own_gil(void);

/* "3.11": what the program was built against. */
const char *gild_python_short_version(void);

#endif
