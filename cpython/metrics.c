/* Figures of requests, for mod_wsgi.request_metrics() and its kin, which
 * metrics.py of the prelude makes of them.
 *
 * Each thread counts for itself, in memory that nobody else writes; a reader in
 * another thread sees each number whole, and all of them at about one time. The
 * sums only grow: who wants those of an interval subtracts. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---- counters ----------------------------------------------------------------------- */

enum { SERVER, QUEUE, DAEMON, APPLICATION, REQUEST, INPUT, OUTPUT, GIL, PHASES };

#define OCTAVES 16                  /* of the histograms, from 1 ms on */
#define BUCKETS (4 * OCTAVES + 1)   /* four for each, and one for the rest */

/* Times are nanoseconds. */
typedef struct {
    uint64_t total;
    uint64_t minimum;               /* of the interval */
    uint64_t maximum;
    uint64_t buckets[BUCKETS];
} phase;

typedef struct {
    uint64_t interval;              /* to which minima and maxima belong */
    uint64_t longest;               /* request of the interval */
    uint64_t requests;
    uint64_t classes[5];            /* of status codes: 1xx to 5xx */
    uint64_t busy;
    uint64_t cpu;
    uint64_t input_reads, input_bytes;
    uint64_t output_writes, output_bytes;
    phase phases[PHASES];
} counters;

/* One for each thread; NULL until somebody wants them. */
static counters *all;
static uint64_t current_interval = 1;

static counters *
counters_of(uint32_t thread)
{
    counters *array = __atomic_load_n(&all, __ATOMIC_ACQUIRE);

    return array == NULL ? NULL : &array[thread];
}

int
gild_is_recording(void)
{
    return __atomic_load_n(&all, __ATOMIC_RELAXED) != NULL;
}

static uint64_t
get(const uint64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static void
set(uint64_t *number, uint64_t value)
{
    __atomic_store_n(number, value, __ATOMIC_RELAXED);
}

static void
add(uint64_t *number, uint64_t value)
{
    set(number, *number + value);
}

/* Four linear parts of each octave: an error of a quarter at most. */
static unsigned
bucket_of(uint64_t nanoseconds)
{
    uint64_t milliseconds = nanoseconds / 1000000;

    if (milliseconds == 0) {
        return 0;
    }
    unsigned octave = 63 - (unsigned)__builtin_clzll(milliseconds);
    if (octave >= OCTAVES) {
        return BUCKETS - 1;
    }
    uint64_t start = UINT64_C(1000000) << octave;
    return 4 * octave + (unsigned)((nanoseconds - start) * 4 / start);
}

/* A time that clocks of two kinds made negative is none. */
static void
count_phase(phase *p, int64_t nanoseconds)
{
    uint64_t time = nanoseconds < 0 ? 0 : (uint64_t)nanoseconds;

    add(&p->total, time);
    add(&p->buckets[bucket_of(time)], 1);
    if (time < p->minimum) {
        set(&p->minimum, time);
    }
    if (time > p->maximum) {
        set(&p->maximum, time);
    }
}

static void
begin_interval(counters *c, uint64_t interval)
{
    if (c->interval == interval) {
        return;
    }
    for (int i = 0; i < PHASES; i++) {
        set(&c->phases[i].minimum, UINT64_MAX);
        set(&c->phases[i].maximum, 0);
    }
    set(&c->longest, 0);
    set(&c->interval, interval);
}

static void
count_phases(counters *c, const gild_worker *worker, const gild_figures *f)
{
    const gild_slot *slot = worker->slot;
    int64_t queued = worker->service.epoch + slot->queued;
    int64_t finished = worker->service.epoch + f->finished;

    count_phase(&c->phases[SERVER], queued - f->started);
    count_phase(&c->phases[QUEUE], slot->picked_up - slot->queued);
    count_phase(&c->phases[DAEMON], slot->application_start - slot->picked_up);
    count_phase(&c->phases[APPLICATION],
                f->finished - slot->application_start);
    count_phase(&c->phases[REQUEST], finished - f->started);
    count_phase(&c->phases[INPUT], f->input.waited);
    count_phase(&c->phases[OUTPUT], f->write_waited);
    count_phase(&c->phases[GIL], slot->gil - slot->picked_up);
}

void
gild_count(gild_worker *worker, const gild_figures *f)
{
    counters *c = counters_of(worker->index);

    if (c == NULL || !worker->service.measured) {
        return;
    }
    uint64_t busy = (uint64_t)(f->finished - worker->slot->picked_up);
    begin_interval(c, get(&current_interval));
    count_phases(c, worker, f);
    add(&c->requests, 1);
    add(&c->classes[f->status / 100 - 1], 1);
    add(&c->busy, busy);
    add(&c->cpu, (uint64_t)(f->cpu_user + f->cpu_system));
    add(&c->input_reads, f->input.reads);
    add(&c->input_bytes, f->input.bytes);
    add(&c->output_writes, f->writes);
    add(&c->output_bytes, f->written);
    if (busy > c->longest) {
        set(&c->longest, busy);
    }
}

/* ---- one request --------------------------------------------------------------------- */

static int64_t
nanoseconds(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

void
gild_measure_begin(gild_worker *worker, gild_module_state *state)
{
    struct rusage usage;
    gild_service *service = &worker->service;

    service->measured = gild_is_recording() || gild_has_subscribers(state);
    if (service->measured && getrusage(RUSAGE_THREAD, &usage) == 0) {
        service->cpu_user = nanoseconds(usage.ru_utime);
        service->cpu_system = nanoseconds(usage.ru_stime);
    }
}

static void
measure_processor(const gild_service *service, gild_figures *f)
{
    struct rusage usage;

    if (getrusage(RUSAGE_THREAD, &usage) == 0) {
        f->cpu_user = nanoseconds(usage.ru_utime) - service->cpu_user;
        f->cpu_system = nanoseconds(usage.ru_stime) - service->cpu_system;
    }
}

void
gild_measure_end(gild_worker *worker, gild_response *response, PyObject *input,
                 int status, gild_figures *figures)
{
    memset(figures, 0, sizeof(*figures));
    figures->status = status < 100 || status > 599 ? 500 : status;
    figures->started = worker->slot->started;
    figures->finished = gild_now();
    figures->input = gild_input_used(input);
    figures->writes = response->writes;
    figures->written = (uint64_t)response->sent;
    figures->write_waited = response->waited;
    if (worker->service.measured) {
        measure_processor(&worker->service, figures);
    }
}

/* ---- for Python ------------------------------------------------------------------------- */

/* _start_counting(): from now on requests are counted. Whoever comes first
 * wins. */
PyObject *
gild_start_counting(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    counters *none = NULL;
    counters *fresh = calloc(gild.config.threads, sizeof(counters));

    if (fresh == NULL) {
        return PyErr_NoMemory();
    }
    if (!__atomic_compare_exchange_n(&all, &none, fresh, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        free(fresh);
    }
    Py_RETURN_NONE;
}

static PyObject *
tuple_of(const uint64_t *numbers, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);

    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(get(&numbers[i]));
        if (number == NULL) {
            Py_CLEAR(tuple);
            break;
        }
        PyTuple_SET_ITEM(tuple, i, number);
    }
    return tuple;
}

/* (total, minimum, maximum, buckets); the extremes are None if the interval has
 * none. */
static PyObject *
phase_tuple(const phase *p, int fresh)
{
    PyObject *buckets = tuple_of(p->buckets, BUCKETS);
    unsigned long long total = get(&p->total);

    if (buckets == NULL) {
        return NULL;
    }
    if (!fresh) {
        return Py_BuildValue("(KOON)", total, Py_None, Py_None, buckets);
    }
    return Py_BuildValue("(KKKN)", total,
                         (unsigned long long)get(&p->minimum),
                         (unsigned long long)get(&p->maximum), buckets);
}

static PyObject *
phases_tuple(const counters *c, int fresh)
{
    PyObject *tuple = PyTuple_New(PHASES);

    for (int i = 0; tuple != NULL && i < PHASES; i++) {
        PyObject *item = phase_tuple(&c->phases[i], fresh);
        if (item == NULL) {
            Py_CLEAR(tuple);
            break;
        }
        PyTuple_SET_ITEM(tuple, i, item);
    }
    return tuple;
}

/* The record is there before the thread is: an application may ask while it is
 * loaded. */
static const gild_thread *
record_of(uint32_t thread)
{
    return gild_thread_at(gild.config.process, thread);
}

/* How long the thread has been in its request; 0 when it has none. */
static int64_t
elapsed(uint32_t thread)
{
    const gild_thread *record = record_of(thread);
    uint32_t duty = __atomic_load_n(&record->duty, __ATOMIC_RELAXED);
    int64_t since = __atomic_load_n(&record->since, __ATOMIC_RELAXED);
    int64_t now = gild_now();

    if (GILD_DUTY_STATE(duty) == GILD_THREAD_ABSENT || since > now
        || __atomic_load_n(&record->slot, __ATOMIC_RELAXED) == UINT32_MAX) {
        return 0;
    }
    return now - since;
}

static PyObject *
counters_dict(uint32_t thread, uint64_t interval)
{
    const counters *c = counters_of(thread);
    int fresh = get(&c->interval) == interval;
    PyObject *classes = tuple_of(c->classes, 5);
    PyObject *phases = classes == NULL ? NULL : phases_tuple(c, fresh);

    if (phases == NULL) {
        Py_XDECREF(classes);
        return NULL;
    }
    return Py_BuildValue(
        "{s:K, s:K, s:K, s:K, s:K, s:K, s:K, s:K, s:L, s:N, s:N}",
        "requests", (unsigned long long)get(&c->requests),
        "busy", (unsigned long long)get(&c->busy),
        "cpu", (unsigned long long)get(&c->cpu),
        "longest", fresh ? (unsigned long long)get(&c->longest) : 0ULL,
        "input_reads", (unsigned long long)get(&c->input_reads),
        "input_bytes", (unsigned long long)get(&c->input_bytes),
        "output_writes", (unsigned long long)get(&c->output_writes),
        "output_bytes", (unsigned long long)get(&c->output_bytes),
        "elapsed", (long long)elapsed(thread),
        "classes", classes, "phases", phases);
}

/* _counters(): a dict for each thread, or None if nothing is counted; ends the
 * interval of minima and maxima. */
PyObject *
gild_counters(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    if (!gild_is_recording()) {
        Py_RETURN_NONE;
    }
    uint64_t interval = __atomic_fetch_add(&current_interval, 1,
                                           __ATOMIC_RELAXED);
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < gild.config.threads; i++) {
        PyObject *item = counters_dict(i, interval);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    return list;
}

/* _usage(): seconds of CPU time of the process, user and system, and the bytes
 * of memory that it had at most. */
PyObject *
gild_usage(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) < 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_BuildValue("(ddL)", (double)nanoseconds(usage.ru_utime) / 1e9,
                         (double)nanoseconds(usage.ru_stime) / 1e9,
                         (long long)usage.ru_maxrss * 1024);
}

/* (requests, nanoseconds in them, whether it is in one). */
static PyObject *
own_thread(uint32_t thread)
{
    const gild_thread *record = record_of(thread);
    int64_t now = elapsed(thread);
    uint64_t busy = __atomic_load_n(&record->busy, __ATOMIC_RELAXED);

    return Py_BuildValue(
        "(KKN)", (unsigned long long)__atomic_load_n(&record->requests,
                                                     __ATOMIC_RELAXED),
        (unsigned long long)busy + (unsigned long long)now,
        PyBool_FromLong(now > 0));
}

/* _own_threads(): the request threads of this process since its start. */
PyObject *
gild_own_threads(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list != NULL && i < gild.config.threads; i++) {
        PyObject *item = own_thread(i);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    return list;
}

/* ---- the scoreboard --------------------------------------------------------------------- */

/* The client and the request line of what a thread serves. The slot may be
 * another process's: it is copied, and says nothing worse than nonsense. */
static PyObject *
slot_items(uint32_t number)
{
    char client[sizeof(((gild_slot *)0)->client)] = "";
    char method[32] = "", uri[1024] = "", line[1100] = "";

    if (number < gild.layout.slots) {
        gild_slot *slot = gild_slot_at(number);
        memcpy(client, slot->client, sizeof(client) - 1);
        gild_environ_value(slot, "REQUEST_METHOD", method, sizeof(method));
        gild_environ_value(slot, "REQUEST_URI", uri, sizeof(uri));
        snprintf(line, sizeof(line), "%s %s", method, uri);
    }
    PyObject *request = PyUnicode_DecodeLatin1(line, (Py_ssize_t)strlen(line),
                                               NULL);
    return request == NULL ? NULL : Py_BuildValue("(NN)",
        PyUnicode_DecodeLatin1(client, (Py_ssize_t)strlen(client), NULL),
        request);
}

/* (duty, requests, CLOCK_MONOTONIC of the last pick-up, (client, request)). */
static PyObject *
thread_tuple(uint32_t process, uint32_t thread)
{
    const gild_thread *record = gild_thread_at(process, thread);
    uint32_t duty = __atomic_load_n(&record->duty, __ATOMIC_RELAXED);
    uint32_t slot = __atomic_load_n(&record->slot, __ATOMIC_RELAXED);
    uint32_t state = GILD_DUTY_STATE(duty);

    if (state == GILD_THREAD_ABSENT) {
        slot = UINT32_MAX;
    }
    PyObject *items = slot_items(slot);
    return items == NULL ? NULL : Py_BuildValue(
        "(IKLN)", state,
        (unsigned long long)__atomic_load_n(&record->requests,
                                            __ATOMIC_RELAXED),
        (long long)__atomic_load_n(&record->since, __ATOMIC_RELAXED), items);
}

static PyObject *
threads_list(uint32_t process)
{
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list != NULL && i < gild.layout.threads; i++) {
        PyObject *item = thread_tuple(process, i);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    return list;
}

/* (pid, generation, closed, CLOCK_MONOTONIC of its start, threads). */
static PyObject *
process_tuple(uint32_t process)
{
    const gild_process *record = gild.process - gild.config.process + process;
    PyObject *threads = threads_list(process);

    return threads == NULL ? NULL : Py_BuildValue(
        "(IIILN)", __atomic_load_n(&record->pid, __ATOMIC_RELAXED),
        __atomic_load_n(&record->generation, __ATOMIC_RELAXED),
        __atomic_load_n(&record->closed, __ATOMIC_RELAXED),
        (long long)__atomic_load_n(&record->started, __ATOMIC_RELAXED),
        threads);
}

/* _scoreboard(): all processes of the group, or None if the application is not
 * to know. */
PyObject *
gild_scoreboard(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    if (!gild.config.server_metrics) {
        Py_RETURN_NONE;
    }
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < gild.layout.processes; i++) {
        PyObject *item = process_tuple(i);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    return list;
}
