/* Start and stop of the engine. The initialisation thread starts Python, loads
 * the applications, and then waits for the end: CPython expects the thread
 * that initialised it to be there when it is finalised. */
#include "internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

gild_engine gild;

enum phase { STARTING, FAILED, SERVING, STOPPING, STOPPED };

/* Between Go's callers and the initialisation thread, both in this process. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum phase phase;
    char *error;
    size_t error_size;
    pthread_t thread;
    pthread_t ticker;
} life = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, STARTING,
          NULL, 0, 0, 0};

static void
enter(enum phase phase)
{
    pthread_mutex_lock(&life.mutex);
    life.phase = phase;
    pthread_cond_broadcast(&life.changed);
    pthread_mutex_unlock(&life.mutex);
}

/* Waits until the phase is no longer *phase*; returns what it is. */
static enum phase
wait_while(enum phase phase)
{
    pthread_mutex_lock(&life.mutex);
    while (life.phase == phase) {
        pthread_cond_wait(&life.changed, &life.mutex);
    }
    enum phase now = life.phase;
    pthread_mutex_unlock(&life.mutex);
    return now;
}

/* ---- threads --------------------------------------------------------------- */

static int
start_thread(pthread_t *thread, size_t stack_size, void *(*run)(void *),
             void *argument)
{
    pthread_attr_t attributes;
    sigset_t none, before;

    /* A Go thread may have signals blocked for a moment; ours must not
     * inherit that, and neither must the programs that an application runs. */
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, &before);
    int result = pthread_attr_init(&attributes);
    if (result == 0 && stack_size > 0) {
        result = pthread_attr_setstacksize(&attributes, stack_size);
    }
    if (result == 0) {
        result = pthread_create(thread, &attributes, run, argument);
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static int
start_worker(uint32_t index)
{
    gild_worker *worker = &gild.workers[index];

    worker->index = index;
    worker->record = gild_thread_at(gild.config.process, index);
    worker->schedstat = -1;
    worker->bindings = calloc(gild.config.interpreter_count,
                              sizeof(gild_binding));
    if (worker->bindings == NULL) {
        return ENOMEM;
    }
    return start_thread(&worker->pthread, gild.config.stack_size,
                        gild_worker_main, worker);
}

static int
start_workers(char *error, size_t size)
{
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        int result = start_worker(i);
        if (result != 0) {
            snprintf(error, size, "thread %u of %u cannot be started with a "
                     "stack of %zu bytes: %s", i + 1, gild.config.threads,
                     gild.config.stack_size, strerror(result));
            return -1;
        }
        __atomic_store_n(&gild.process->threads, i + 1, __ATOMIC_RELEASE);
    }
    int result = start_thread(&life.ticker, 256 * 1024, gild_ticker_main,
                              NULL);
    if (result != 0) {
        snprintf(error, size, "the ticker cannot be started: %s",
                 strerror(result));
        return -1;
    }
    return 0;
}

static void
stop_workers(void)
{
    __atomic_store_n(&gild.process->stopping, 1, __ATOMIC_SEQ_CST);
    gild_futex_wake(&gild.process->tick, 1);
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        /* The word must change, or a thread that is about to wait on it
         * would not see that it was woken. */
        uint32_t idle = GILD_THREAD_IDLE;
        __atomic_compare_exchange_n(&gild.workers[i].record->duty, &idle,
                                    GILD_DUTY(GILD_THREAD_LONG, 0), 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        gild_futex_wake(&gild.workers[i].record->duty, 1);
    }
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        pthread_join(gild.workers[i].pthread, NULL);
    }
    pthread_join(life.ticker, NULL);
}

/* ---- memory ----------------------------------------------------------------- */

static void
set_lanes(void)
{
    for (uint32_t lane = 0; lane < GILD_MAX_LANES; lane++) {
        gild.process->lanes[lane].wanted = gild.gil_disabled
                                           ? gild.config.threads : 1;
    }
}

/* Copies what is needed after gild_start has returned. */
static int
copy_config(const gild_config *config)
{
    uint32_t lane = 0;

    gild.config = *config;
    gild.interpreters = calloc(config->interpreter_count,
                               sizeof(gild_interpreter));
    gild.applications = calloc(config->application_count,
                               sizeof(gild_application));
    gild.workers = calloc(config->threads, sizeof(gild_worker));
    if (gild.interpreters == NULL || gild.applications == NULL
        || gild.workers == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < config->interpreter_count; i++) {
        gild_interpreter *interpreter = &gild.interpreters[i];
        interpreter->index = i;
        interpreter->name = strdup(config->interpreters[i].name);
        interpreter->own_gil = config->interpreters[i].own_gil;
        interpreter->lane = interpreter->own_gil ? ++lane : 0;
    }
    for (uint32_t i = 0; i < config->application_count; i++) {
        gild_application *application = &gild.applications[i];
        application->interpreter =
            &gild.interpreters[config->applications[i].interpreter];
        application->spec = strdup(config->applications[i].spec);
        application->name = strdup(config->applications[i].name);
    }
    gild.config.process_group = strdup(config->process_group);
    return gild.config.process_group == NULL ? -1 : 0;
}

/* The record may have belonged to a process that died. Closed until the front
 * says that requests may come. */
static void
take_record(void)
{
    for (uint32_t i = 0; i < gild.layout.threads; i++) {
        gild_thread *record = gild_thread_at(gild.config.process, i);
        memset(record, 0, sizeof(*record));
        record->slot = UINT32_MAX;
    }
    memset(gild.process, 0, sizeof(*gild.process));
    gild.process->closed = 1;
    gild.process->pid = (uint32_t)getpid();
    gild.process->generation = gild.config.generation;
    gild.process->started = gild_now();
}

/* A supervisor that does not read (it is stopped, its disk hangs) must not stop
 * the application: a record that cannot be sent within a second is lost. */
static void
bound_log(void)
{
    const struct timeval second = {1, 0};

    if (gild.config.log_fd >= 0) {
        setsockopt(gild.config.log_fd, SOL_SOCKET, SO_SNDTIMEO, &second,
                   sizeof(second));
    }
}

/* ---- life ------------------------------------------------------------------- */

static void *
initialisation_main(void *unused)
{
    (void)unused;
    if (gild_interpreters_start(life.error, life.error_size) < 0) {
        enter(FAILED);
        return NULL;
    }
    set_lanes();
    enter(SERVING);
    gild_watch();
    if (gild.config.finalize) {
        gild_interpreters_stop();
    }
    enter(STOPPED);
    return NULL;
}

int
gild_start(const gild_config *config, char *error, size_t size)
{
    error[0] = '\0';
    if (gild.base != NULL) {
        snprintf(error, size, "Python was started in this process before");
        return -1;
    }
    if (copy_config(config) < 0) {
        snprintf(error, size, "no memory for %u threads", config->threads);
        return -1;
    }
    gild_attach_arena(config->arena, &config->layout);
    take_record();
    life.error = error;
    life.error_size = size;
    bound_log();
    int result = gild_fork_handlers();
    if (result == 0) {
        result = start_thread(&life.thread, 16 * 1024 * 1024,
                              initialisation_main, NULL);
    }
    if (result != 0) {
        snprintf(error, size, "Python's main thread cannot be started: %s",
                 strerror(result));
        return -1;
    }
    if (wait_while(STARTING) == FAILED) {
        return -1;
    }
    return start_workers(error, size);
}

void
gild_stop(void)
{
    stop_workers();
    enter(STOPPING);
    gild_watch_end();
    wait_while(STOPPING);
}

const char *
gild_application_error(uint32_t application)
{
    return gild.applications[application].error;
}

/* ---- what is inside --------------------------------------------------------- */

const char *
gild_python_version(void)
{
    return Py_GetVersion();
}

const char *
gild_python_short_version(void)
{
    return Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION);
}

const char *
gild_python_library(void)
{
    Dl_info info;

    return dladdr((void *)(uintptr_t)Py_GetVersion, &info) != 0
           && info.dli_fname != NULL ? info.dli_fname : "";
}

/* Of the build; a process may still run it with the GIL. */
int
gild_python_is_free_threaded(void)
{
#ifdef Py_GIL_DISABLED
    return 1;
#else
    return 0;
#endif
}

int
gild_python_has_own_gil(void)
{
    return PY_VERSION_HEX >= 0x030C0000;
}
