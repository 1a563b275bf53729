/* Signals belong to Go, except in two cases: a crash in Python code, which
 * must end the process by its signal and say where it was; and a child that
 * an application forked, in which there is no Go. */
#include "internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define FATAL_COUNT (sizeof(fatal_signals) / sizeof(fatal_signals[0]))

static struct sigaction of_go[FATAL_COUNT];
static struct sigaction of_faulthandler[FATAL_COUNT];

/* ---- forked children ---------------------------------------------------------------- */

/* A signal that comes between the fork and the end of in_child would be given
 * to a handler of Go's, and be lost: a TERM that is sent to the child at once
 * must end it. So it waits. */
static __thread sigset_t before_fork;

static void
prepare_fork(void)
{
    sigset_t every;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before_fork);
}

static void
in_parent(void)
{
    pthread_sigmask(SIG_SETMASK, &before_fork, NULL);
}

/* Runs in the child, on its only thread. The rings are never touched again
 * (gild_in_forked_child); Go's handlers would run in a process without Go. */
static void
in_child(void)
{
    struct sigaction action;
    sigset_t none;

    atomic_store(&gild.forked, 1);
    for (int number = 1; number < NSIG; number++) {
        if (sigaction(number, NULL, &action) == 0
            && action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL) {
            action.sa_handler = SIG_DFL;
            action.sa_flags = 0;
            sigemptyset(&action.sa_mask);
            sigaction(number, &action, NULL);
        }
    }
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    gild_log_after_fork();
}

int
gild_fork_handlers(void)
{
    return pthread_atfork(prepare_fork, in_parent, in_child);
}

/* ---- crashes -------------------------------------------------------------------------- */

static size_t
index_of(int number)
{
    size_t i = 0;

    while (i < FATAL_COUNT - 1 && fatal_signals[i] != number) {
        i++;
    }
    return i;
}

static void
restore_default(int number)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, NULL);
}

/* snprintf is not on the list of what a handler may call, but it takes no lock
 * for these formats, and the process is lost anyway. */
static void
explain(int number)
{
    char method[32], uri[1024], line[1400];

    gild_environ_value(gild_self->slot, "REQUEST_METHOD", method,
                       sizeof(method));
    gild_environ_value(gild_self->slot, "REQUEST_URI", uri, sizeof(uri));
    int length = snprintf(line, sizeof(line), "The process crashed with "
                          "signal %d (%s) in the application, while it served "
                          "%s %s. The Python stack follows.", number,
                          sigabbrev_np(number), method, uri);
    gild_log_bytes(GILD_CRIT, gild_self->slot, line, (size_t)length);
}

static void
call(const struct sigaction *action, int number, siginfo_t *info,
     void *context)
{
    if (action->sa_flags & SA_SIGINFO) {
        action->sa_sigaction(number, info, context);
    }
    else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
        action->sa_handler(number);
    }
}

/* On a thread that runs Python, ours or the application's: faulthandler writes
 * the Python stack to descriptor 2, and the process ends by the signal. A fault
 * elsewhere is Go's; a signal that somebody sent, which is no fault, just ends
 * the process. */
static void
on_fatal(int number, siginfo_t *info, void *context)
{
    size_t i = index_of(number);

    int in_python = gild_self != NULL
                    || PyGILState_GetThisThreadState() != NULL;

    if (!in_python && info->si_code > 0) {
        call(&of_go[i], number, info, context);
        return;
    }
    if (gild_self != NULL && gild_self->slot != NULL) {
        explain(number);
    }
    if (in_python) {
        call(&of_faulthandler[i], number, info, context);
    }
    restore_default(number);
    raise(number);
}

/* Calls a function of faulthandler. Takes over the references. */
static int
call_faulthandler(const char *name, PyObject *arguments, PyObject *keywords)
{
    PyObject *module = PyImport_ImportModule("faulthandler");
    PyObject *function = module == NULL ? NULL
                         : PyObject_GetAttrString(module, name);
    PyObject *result = NULL;

    if (function != NULL && arguments != NULL && keywords != NULL) {
        result = PyObject_Call(function, arguments, keywords);
    }
    Py_XDECREF(module);
    Py_XDECREF(function);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int
enable_faulthandler(void)
{
    return call_faulthandler("enable", Py_BuildValue("(i)", STDERR_FILENO),
                             Py_BuildValue("{s:O}", "all_threads", Py_False));
}

/* ---- stacks without the GIL ------------------------------------------------------------ */

/* A signal that nothing else has a use for: Go takes it only when asked to, and
 * in a forked child it has its default again. */
#define DUMP_SIGNAL (SIGRTMAX - 5)

static struct {
    int registered;
    pthread_t initialisation;
} dump;

/* faulthandler walks the frames as they are, from a signal handler, which needs
 * no GIL. */
static int
register_dump(void)
{
    int result = call_faulthandler(
        "register", Py_BuildValue("(ii)", DUMP_SIGNAL, STDERR_FILENO),
        Py_BuildValue("{s:O}", "all_threads", Py_True));

    dump.initialisation = pthread_self();
    dump.registered = result == 0;
    return result;
}

static void
log_request(const gild_worker *worker, gild_slot *slot)
{
    char method[32], uri[1024];

    gild_environ_value(slot, "REQUEST_METHOD", method, sizeof(method));
    gild_environ_value(slot, "REQUEST_URI", uri, sizeof(uri));
    gild_log(GILD_ERROR, slot, "Thread %u (0x%016lx) serves %s %s for %.1f "
             "seconds.", worker->index + 1, (unsigned long)worker->pthread,
             method, uri, (double)(gild_now() - slot->picked_up) / 1e9);
}

/* The one that has served its request for the longest time, or NULL. */
static gild_worker *
log_requests(void)
{
    gild_worker *oldest = NULL;
    int64_t since = INT64_MAX;

    for (uint32_t i = 0; i < gild.config.threads; i++) {
        gild_slot *slot = gild.workers[i].slot;
        if (slot == NULL) {
            continue;
        }
        log_request(&gild.workers[i], slot);
        if (slot->picked_up < since) {
            since = slot->picked_up;
            oldest = &gild.workers[i];
        }
    }
    return oldest;
}

/* The handler shows the threads of the interpreter that its own thread is in:
 * the main one if that is the initialisation thread, which does not mind a
 * signal. A thread of the application's may find a system call ended by EINTR;
 * it gets the signal only to show a sub-interpreter. */
void
gild_dump_without_gil(void)
{
    gild_worker *oldest = log_requests();
    gild_interpreter *interpreter = oldest == NULL ? NULL : oldest->attached;
    pthread_t thread = interpreter == NULL || interpreter->index == 0
                       ? dump.initialisation : oldest->pthread;

    if (dump.registered) {
        pthread_kill(thread, DUMP_SIGNAL);
    }
}

/* ---- the start --------------------------------------------------------------------------- */

/* faulthandler remembers what it replaced and raises the signal again for it.
 * It must find the default there, or Go would report a crash of its own. */
int
gild_crash_handlers(void)
{
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        sigaction(fatal_signals[i], NULL, &of_go[i]);
        restore_default(fatal_signals[i]);
    }
    int result = enable_faulthandler();
    if (result == 0) {
        result = register_dump();
    }
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        struct sigaction action;
        sigaction(fatal_signals[i], NULL, &of_faulthandler[i]);
        memset(&action, 0, sizeof(action));
        action.sa_sigaction = on_fatal;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigaction(fatal_signals[i], &action, NULL);
    }
    return result;
}
