/* A Python thread: waits on its futex, drains the lane it was woken for, and
 * keeps a PyThreadState for each interpreter for life, so that
 * threading.local and database connections mean what users think. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread gild_worker *gild_self = NULL;

/* ---- GILs ----------------------------------------------------------------- */

/* A PyThreadState must be made on the thread that uses it: made elsewhere, it
 * leaks what CPython allocates lazily for its thread. */
static int
binding_open(gild_binding *binding, gild_interpreter *interpreter)
{
    binding->keys = calloc(GILD_KEY_CACHE, sizeof(gild_key));
    if (binding->keys == NULL) {
        return -1;
    }
    binding->tstate = PyThreadState_New(interpreter->interp);
    if (binding->tstate == NULL) {
        free(binding->keys);
        binding->keys = NULL;
        return -1;
    }
    return 0;
}

static void
binding_close(gild_binding *binding)
{
    gild_keys_clear(binding);
    free(binding->keys);
    binding->keys = NULL;
    PyThreadState_Clear(binding->tstate);
    PyThreadState_DeleteCurrent();
    binding->tstate = NULL;
}

void
gild_worker_detach(gild_worker *worker)
{
    if (worker->attached != NULL) {
        worker->attached = NULL;
        PyEval_SaveThread();
    }
}

int
gild_worker_attach(gild_worker *worker, gild_interpreter *interpreter)
{
    gild_binding *binding = &worker->bindings[interpreter->index];

    if (worker->attached == interpreter) {
        return 0;
    }
    gild_worker_detach(worker);
    if (binding->tstate == NULL && binding_open(binding, interpreter) < 0) {
        return -1;
    }
    PyEval_RestoreThread(binding->tstate);
    worker->attached = interpreter;
    return 0;
}

static void
close_bindings(gild_worker *worker)
{
    gild_worker_detach(worker);
    for (uint32_t i = 0; i < gild.config.interpreter_count; i++) {
        gild_binding *binding = &worker->bindings[i];
        if (binding->tstate != NULL) {
            PyEval_RestoreThread(binding->tstate);
            binding_close(binding);
        }
    }
}

/* ---- one request ---------------------------------------------------------- */

/* The application of a slot; NULL if the number makes no sense, or if it could
 * not be loaded and a change of its file is for others to notice. */
static gild_application *
application_of(const gild_slot *slot)
{
    uint32_t number = slot->application;

    if (number >= gild.config.application_count) {
        return NULL;
    }
    gild_application *application = &gild.applications[number];
    return application->callable == NULL && application->reload.path == NULL
           ? NULL : application;
}

/* Takes the GIL that the next request needs before the request itself. Taken
 * the other way round, a request would wait with this thread for a GIL that
 * another thread holds, which could have served it at once. While it waits,
 * the thread counts as a drainer: others would only wait as well. Returns when
 * the wait began, or 0 if there was none. */
static int64_t
attach_for_next(gild_worker *worker, uint32_t lane)
{
    int64_t number = gild_ring_peek(lane);
    gild_application *application = number < 0 ? NULL
        : application_of(gild_slot_at((uint32_t)number));

    if (application == NULL || application->interpreter == worker->attached) {
        return 0;
    }
    int64_t began = gild_now();
    __atomic_store_n(&worker->record->since, INT64_MAX, __ATOMIC_RELAXED);
    gild_worker_attach(worker, application->interpreter);
    return began;
}

/* The thread was there for the request since it began to wait for the GIL, or
 * since the request came, if that was later. */
static void
note_pick_up(gild_slot *slot, int64_t began, int64_t now)
{
    slot->picked_up = began == 0 || began > now ? now
                      : began < slot->queued ? slot->queued : began;
}

/* Whoever waited for longer than the queue timeout has mostly left. */
static int
is_too_late(const gild_slot *slot)
{
    return gild.config.queue_timeout > 0
           && slot->picked_up - slot->queued > gild.config.queue_timeout;
}

static void
refuse(gild_slot *slot, uint32_t verdict)
{
    slot->verdict = verdict;
    gild_refuse(slot);
}

/* The script has changed: the process takes no more requests, and this one is
 * for another process. */
static void
retire_for_new_script(gild_slot *slot)
{
    if (!gild_close()) {
        gild_call_attention(GILD_SCRIPT_CHANGED);
    }
    refuse(slot, GILD_RETRY);
}

static void
serve_claimed(gild_worker *worker, gild_slot *slot)
{
    gild_application *application = application_of(slot);

    if (is_too_late(slot)) {
        gild_log(GILD_ERROR, slot, "Queue timeout expired for WSGI daemon "
                 "process '%s'.", gild.config.process_group);
        refuse(slot, 504);
        return;
    }
    if (application == NULL
        || gild_worker_attach(worker, application->interpreter) < 0) {
        gild_refuse(slot);
        return;
    }
    slot->gil = gild_now();
    worker->record->gil_wait += (uint64_t)(slot->gil - slot->picked_up);
    worker->slot = slot;
    if (gild_is_outdated(worker, application)) {
        worker->slot = NULL;
        retire_for_new_script(slot);
        return;
    }
    if (application->callable == NULL) {    /* the log has the reason */
        gild_refuse(slot);
    }
    else {
        gild_serve(worker, application->interpreter, slot);
    }
    worker->slot = NULL;
}

/* ---- completions ----------------------------------------------------------- */

#define SHORT   50000       /* nanoseconds of a request that is short */
#define STREAK  16          /* short ones in a row before a completion is held */
#define HELD    100000      /* nanoseconds that a completion is held at most */

/* Waking the front for each of many short requests costs it more than the
 * requests. So after a row of them the thread holds the news back while the
 * next request is there already: for HELD at most if that is short, too. If it
 * is not, the ticker finds the news within a tick. */
static void
announce(gild_worker *worker, uint32_t lane, int64_t began)
{
    int64_t now = worker->finished;

    worker->streak = now - began < SHORT ? worker->streak + 1 : 0;
    if (worker->held_since == 0) {
        worker->held_since = now;
    }
    if (worker->streak > STREAK && now - worker->held_since < HELD
        && !gild_ring_is_empty(lane)) {
        gild_wake_ticker();
        return;
    }
    worker->held_since = 0;
    gild_ring_bell();
}

/* ---- taking a request -------------------------------------------------------- */

/* Counts a request that is over. */
static void
count(gild_worker *worker, uint32_t flags, int64_t now)
{
    worker->record->busy += (uint64_t)(worker->finished - now);
    __atomic_fetch_add(&worker->record->requests, 1, __ATOMIC_RELAXED);
    if (!(flags & GILD_NO_ACTIVITY)) {
        atomic_fetch_add_explicit(&gild.activity, 1, memory_order_relaxed);
    }
    if (atomic_fetch_add_explicit(&gild.requests, 1, memory_order_relaxed) + 1
        == gild.config.maximum_requests) {
        gild_call_attention(GILD_MAXIMUM_REQUESTS);
    }
}

/* The first two words of a slot, as one. */
typedef union {
    struct {
        uint32_t state;
        uint32_t process;
    };
    uint64_t both;
} ownership;

typedef uint64_t __attribute__((may_alias)) both_words;

_Static_assert(offsetof(gild_slot, state) == 0
               && offsetof(gild_slot, process) == sizeof(uint32_t),
               "state and process of a slot are not one word");

/* Makes the slot this thread's. State and process change together: the front
 * knows at any time whose a slot was when a process dies, and one that comes too
 * late, when the slot is another's, changes nothing. */
static int
claim(gild_worker *worker, gild_slot *slot)
{
    both_words *word = (both_words *)&slot->state;
    ownership before = {.both = __atomic_load_n(word, __ATOMIC_SEQ_CST)};
    ownership after = {{GILD_SLOT_CLAIMED, gild.config.process}};

    if (before.state != GILD_SLOT_QUEUED
        || !__atomic_compare_exchange_n(word, &before.both, after.both, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return 0;
    }
    slot->thread = worker->index;
    return 1;
}

/* The front gave the request up while it was queued: it waits for the word that
 * no ring holds it any more. */
static void
drop_cancelled(gild_slot *slot)
{
    uint32_t cancelled = GILD_SLOT_CANCELLED;

    if (__atomic_compare_exchange_n(&slot->state, &cancelled, GILD_SLOT_DONE,
                                    0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        gild_notify(slot);
    }
}

/* Serves the slot if it is still there to be served. *began* is when the thread
 * began to wait for the GIL, or 0. Returns when it was picked up, or 0. */
static int64_t
serve_slot(gild_worker *worker, uint32_t number, int64_t began)
{
    gild_thread *record = worker->record;
    gild_slot *slot = gild_slot_at(number);
    int64_t now = gild_now();

    __atomic_store_n(&record->since, now, __ATOMIC_RELAXED);
    if (!claim(worker, slot)) {
        drop_cancelled(slot);
        return 0;
    }
    __atomic_store_n(&record->serial, slot->serial, __ATOMIC_RELAXED);
    __atomic_store_n(&record->slot, number, __ATOMIC_RELEASE);
    note_pick_up(slot, began, now);
    uint32_t flags = slot->flags;   /* the slot is not ours afterwards */
    serve_claimed(worker, slot);
    __atomic_store_n(&record->slot, UINT32_MAX, __ATOMIC_RELEASE);
    count(worker, flags, now);
    return now;
}

/* Takes one request of the lane. Returns 0 if there was none. */
static int
serve_next(gild_worker *worker, uint32_t lane)
{
    if (gild_is_closed()) {
        return 0;
    }
    int64_t began = attach_for_next(worker, lane);
    int64_t number = gild_ring_pop(lane);
    if (number < 0) {
        return 0;
    }
    int64_t now = serve_slot(worker, (uint32_t)number, began);
    if (now != 0) {
        announce(worker, lane, now);
    }
    return 1;
}

/* ---- who is active -------------------------------------------------------- */

static gild_lane_duty *
lane_duty(uint32_t lane)
{
    return &gild.process->lanes[lane];
}

/* After a request: counts the thread as a drainer again if the ticker had
 * stopped counting it, and says whether the lane still wants it. */
static int
still_wanted(gild_worker *worker, uint32_t lane)
{
    gild_lane_duty *duty = lane_duty(lane);
    uint32_t word = GILD_DUTY(GILD_THREAD_LONG, lane);
    uint32_t others = __atomic_load_n(&duty->drainers, __ATOMIC_SEQ_CST);
    uint32_t wanted = __atomic_load_n(&duty->wanted, __ATOMIC_RELAXED);

    if (__atomic_load_n(&worker->record->duty, __ATOMIC_RELAXED) != word) {
        return others <= wanted;
    }
    if (others >= wanted) {
        return 0;
    }
    if (__atomic_compare_exchange_n(&worker->record->duty, &word,
                                    GILD_DUTY(GILD_THREAD_DRAINING, lane), 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        __atomic_fetch_add(&duty->drainers, 1, __ATOMIC_SEQ_CST);
    }
    return 1;
}

/* Requests wait in another lane and nobody is about to look: a thread must not
 * stay in its own lane for as long as that is busy, or with few threads the
 * other one would starve. */
static int
another_lane_waits(uint32_t lane)
{
    for (uint32_t i = 0; i < gild.layout.lanes; i++) {
        if (i != lane && !gild_ring_is_empty(i)
            && __atomic_load_n(&lane_duty(i)->drainers, __ATOMIC_SEQ_CST)
               == 0) {
            return 1;
        }
    }
    return 0;
}

/* Idle first, uncounted next, and only then a last look at the rings: whoever
 * pushed in between either sees that nobody drains, or is seen here. The lane
 * just served comes last, since this very thread may be the one that is woken.
 * In a process that has closed it is a thread of another process. */
static void
become_idle(gild_worker *worker, uint32_t lane)
{
    worker->held_since = 0;
    gild_ring_bell();
    gild_worker_detach(worker);
    uint32_t word = __atomic_exchange_n(&worker->record->duty,
                                        GILD_THREAD_IDLE, __ATOMIC_SEQ_CST);
    if (GILD_DUTY_STATE(word) == GILD_THREAD_DRAINING) {
        __atomic_fetch_sub(&lane_duty(lane)->drainers, 1, __ATOMIC_SEQ_CST);
    }
    for (uint32_t i = 1; i <= gild.layout.lanes; i++) {
        uint32_t next = (lane + i) % gild.layout.lanes;
        if (!gild_ring_is_empty(next)) {
            gild_wake(next);
        }
    }
}

static void
drain(gild_worker *worker, uint32_t lane)
{
    while (serve_next(worker, lane) && still_wanted(worker, lane)
           && !another_lane_waits(lane)) {
    }
    become_idle(worker, lane);
}

/* ---- seats ------------------------------------------------------------------ */

/* Under the worker and prefork MPMs the front gives each connection a thread,
 * and requests to that thread, one at a time. */
static void
serve_assigned(gild_worker *worker)
{
    uint32_t number = __atomic_exchange_n(&worker->record->assigned, 0,
                                          __ATOMIC_SEQ_CST);

    if (number == 0 || number > gild.layout.slots) {
        return;
    }
    if (serve_slot(worker, number - 1, 0) != 0) {
        gild_ring_bell();
    }
}

/* Becomes idle: first that, and then a last look, since the front assigns first
 * and looks for an idle thread then. */
static void
leave_seat(gild_worker *worker)
{
    uint32_t idle = GILD_THREAD_IDLE;

    gild_worker_detach(worker);
    __atomic_store_n(&worker->record->duty, idle, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&worker->record->assigned, __ATOMIC_SEQ_CST) != 0) {
        __atomic_compare_exchange_n(&worker->record->duty, &idle,
                                    GILD_DUTY(GILD_THREAD_SEATED, 0), 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
}

/* ---- life ----------------------------------------------------------------- */

static int
open_schedstat(uint32_t tid)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/task/%u/schedstat", tid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void *
gild_worker_main(void *argument)
{
    gild_worker *worker = argument;
    gild_thread *record = worker->record;

    gild_self = worker;
    record->tid = (uint32_t)syscall(SYS_gettid);
    record->slot = UINT32_MAX;
    worker->schedstat = open_schedstat(record->tid);
    leave_seat(worker);
    while (!__atomic_load_n(&gild.process->stopping, __ATOMIC_SEQ_CST)) {
        uint32_t word = __atomic_load_n(&record->duty, __ATOMIC_SEQ_CST);
        if (GILD_DUTY_STATE(word) == GILD_THREAD_IDLE) {
            gild_futex_wait(&record->duty, word);
        }
        else if (GILD_DUTY_STATE(word) == GILD_THREAD_SEATED) {
            serve_assigned(worker);
            leave_seat(worker);
        }
        else {
            drain(worker, GILD_DUTY_LANE(word));
        }
    }
    __atomic_store_n(&record->duty, GILD_THREAD_ABSENT, __ATOMIC_SEQ_CST);
    close_bindings(worker);
    close(worker->schedstat);
    return NULL;
}
