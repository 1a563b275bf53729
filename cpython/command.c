/* What Go asks of a process that serves. Commands are carried out on the
 * initialisation thread, which is Python's main thread and never serves a
 * request: so a request that holds the GIL delays them, and nothing else does.
 * Between commands it tries once a second whether the GIL can be had at all. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { ASK, INTERRUPT };

/* Freed by whoever lets go of it last: the caller, who may have lost patience,
 * or the thread that carries it out. */
typedef struct command {
    struct command *next;
    enum kind kind;
    int holders;
    int done;
    char *function;
    char *argument;
    char *result;               /* lines, or NULL */
    uint32_t thread;
    uint32_t serial;
} command;

/* Between threads of this process; never touched while a GIL is held. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    command *first;
    command **last;
    int ending;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL,
           &queue.first, 0};

/* ---- the queue --------------------------------------------------------------- */

static void
let_go(command *c)
{
    if (--c->holders > 0) {
        return;
    }
    free(c->function);
    free(c->argument);
    free(c->result);
    free(c);
}

static void
enqueue(command *c)
{
    *queue.last = c;
    queue.last = &c->next;
    pthread_cond_broadcast(&queue.changed);
}

static command *
dequeue(void)
{
    command *c = queue.first;

    if (c != NULL) {
        queue.first = c->next;
        if (queue.first == NULL) {
            queue.last = &queue.first;
        }
    }
    return c;
}

/* The time that pthread_cond_timedwait understands, *wait* nanoseconds ahead. */
static struct timespec
ahead(int64_t wait)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    int64_t nanoseconds = now.tv_nsec + wait % 1000000000;
    now.tv_sec += wait / 1000000000 + nanoseconds / 1000000000;
    now.tv_nsec = nanoseconds % 1000000000;
    return now;
}

/* ---- ask ----------------------------------------------------------------------- */

/* Adds a line to a result; what does not fit in memory is left out. */
static void
add_line(char **result, const char *line)
{
    size_t before = *result == NULL ? 0 : strlen(*result) + 1;
    char *longer = realloc(*result, before + strlen(line) + 1);

    if (longer == NULL) {
        return;
    }
    if (before > 0) {
        longer[before - 1] = '\n';
    }
    strcpy(longer + before, line);
    *result = longer;
}

/* Calls the function in the interpreter whose GIL is held. One that the prelude
 * does not have is an error of gild, and logged. */
static void
ask_here(gild_interpreter *interpreter, command *c)
{
    PyObject *function = PyDict_GetItemString(interpreter->prelude,
                                              c->function);
    PyObject *argument = PyUnicode_DecodeFSDefault(c->argument);
    PyObject *result = NULL;

    if (function != NULL && argument != NULL) {
        result = PyObject_CallOneArg(function, argument);
    }
    if (result == NULL && !PyErr_Occurred()) {
        PyErr_Format(PyExc_NameError, "the prelude has no %s()", c->function);
    }
    PyObject *bytes = result == NULL || result == Py_None ? NULL
                      : PyUnicode_EncodeFSDefault(result);
    if (bytes != NULL) {
        add_line(&c->result, PyBytes_AS_STRING(bytes));
    }
    if (PyErr_Occurred()) {
        gild_log_exception(interpreter, "%s() failed in interpreter '%s'.",
                           c->function, interpreter->name);
    }
    gild_log_flush_thread(interpreter);
    Py_XDECREF(argument);
    Py_XDECREF(result);
    Py_XDECREF(bytes);
}

/* Waits for the GIL of an interpreter; gild_gil_wanted() tells since when. */
static void
take_gil(gild_interpreter *interpreter)
{
    atomic_store(&gild.gil_wanted, gild_now());
    PyEval_RestoreThread(interpreter->tstate);
    atomic_store(&gild.gil_wanted, 0);
}

static void
ask_everywhere(command *c)
{
    for (uint32_t i = 0; i < gild.config.interpreter_count; i++) {
        gild_interpreter *interpreter = &gild.interpreters[i];
        take_gil(interpreter);
        ask_here(interpreter, c);
        PyEval_SaveThread();
    }
}

/* ---- interrupt ------------------------------------------------------------------ */

/* The worker can change its interpreter only with the GIL of the one it is in,
 * which is held when gild_interrupt_worker looks again. */
static void
interrupt(const command *c)
{
    gild_worker *worker = &gild.workers[c->thread];
    gild_interpreter *interpreter =
        __atomic_load_n(&worker->attached, __ATOMIC_SEQ_CST);

    if (interpreter == NULL) {
        return;
    }
    take_gil(interpreter);
    if (worker->attached == interpreter) {
        gild_interrupt_worker(worker, c->serial);
    }
    PyEval_SaveThread();
}

/* ---- the watch -------------------------------------------------------------------- */

static void
carry_out(command *c)
{
    if (c->kind == ASK) {
        ask_everywhere(c);
    }
    else {
        interrupt(c);
    }
}

static void
touch_gils(void)
{
    int64_t lane = -1;

    for (uint32_t i = 0; i < gild.config.interpreter_count; i++) {
        if (gild.interpreters[i].lane != lane) {
            lane = gild.interpreters[i].lane;
            take_gil(&gild.interpreters[i]);
            PyEval_SaveThread();
        }
    }
}

/* The next command, or NULL after a second without one. */
static command *
next_command(void)
{
    struct timespec second = ahead(1000000000);
    int result = 0;

    while (queue.first == NULL && !queue.ending && result != ETIMEDOUT) {
        result = pthread_cond_timedwait(&queue.changed, &queue.mutex, &second);
    }
    return dequeue();
}

void
gild_watch(void)
{
    pthread_mutex_lock(&queue.mutex);
    while (!queue.ending || queue.first != NULL) {
        command *c = next_command();
        pthread_mutex_unlock(&queue.mutex);
        if (c == NULL) {
            touch_gils();
        }
        else {
            carry_out(c);
        }
        pthread_mutex_lock(&queue.mutex);
        if (c != NULL) {
            c->done = 1;
            pthread_cond_broadcast(&queue.changed);
            let_go(c);
        }
    }
    pthread_mutex_unlock(&queue.mutex);
}

void
gild_watch_end(void)
{
    pthread_mutex_lock(&queue.mutex);
    queue.ending = 1;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.mutex);
}

/* ---- what Go calls ------------------------------------------------------------------ */

static command *
new_command(enum kind kind, const char *function, const char *argument)
{
    command *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        return NULL;
    }
    c->kind = kind;
    c->holders = 1;
    c->function = strdup(function);
    c->argument = strdup(argument);
    if (c->function == NULL || c->argument == NULL) {
        let_go(c);
        return NULL;
    }
    return c;
}

/* Waits for the command, but not after *deadline*, and takes its result. */
static char *
await_result(command *c, const struct timespec *deadline)
{
    int result = 0;

    while (!c->done && result != ETIMEDOUT) {
        result = pthread_cond_timedwait(&queue.changed, &queue.mutex,
                                        deadline);
    }
    if (!c->done) {
        return NULL;
    }
    char *lines = c->result == NULL ? strdup("") : c->result;
    c->result = NULL;
    return lines;
}

char *
gild_ask(const char *function, const char *argument, int64_t timeout)
{
    struct timespec deadline = ahead(timeout);
    command *c = new_command(ASK, function, argument);
    char *result = NULL;

    if (c == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&queue.mutex);
    if (!queue.ending) {
        c->holders = 2;
        enqueue(c);
        result = await_result(c, &deadline);
    }
    let_go(c);
    pthread_mutex_unlock(&queue.mutex);
    return result;
}

void
gild_interrupt(uint32_t thread, uint32_t serial)
{
    command *c = new_command(INTERRUPT, "", "");

    if (c == NULL) {
        return;
    }
    if (thread >= gild.config.threads) {
        let_go(c);
        return;
    }
    c->thread = thread;
    c->serial = serial;
    pthread_mutex_lock(&queue.mutex);
    if (queue.ending) {
        let_go(c);
    }
    else {
        enqueue(c);
    }
    pthread_mutex_unlock(&queue.mutex);
}

int64_t
gild_gil_wanted(void)
{
    return atomic_load(&gild.gil_wanted);
}

/* ---- what the process wants ------------------------------------------------------------ */

void
gild_call_attention(unsigned flag)
{
    const uint64_t one = 1;

    atomic_fetch_or(&gild.attention, flag);
    if (gild.config.attention_fd >= 0) {
        while (write(gild.config.attention_fd, &one, sizeof(one)) < 0
               && errno == EINTR) {
        }
    }
}

unsigned
gild_attention_take(void)
{
    return atomic_exchange(&gild.attention, 0);
}

uint64_t
gild_requests(void)
{
    return atomic_load_explicit(&gild.requests, memory_order_relaxed);
}

uint64_t
gild_activity(void)
{
    return atomic_load_explicit(&gild.activity, memory_order_relaxed);
}

int
gild_close(void)
{
    return (int)__atomic_exchange_n(&gild.process->closed, 1,
                                    __ATOMIC_SEQ_CST);
}

void
gild_reopen(void)
{
    gild_reload_resumed();
    __atomic_store_n(&gild.process->closed, 0, __ATOMIC_SEQ_CST);
    for (uint32_t lane = 0; lane < gild.layout.lanes; lane++) {
        gild_wake(lane);
    }
}
