/* The ticker decides what the wake rule of a submission cannot know.
 *
 * A submission wakes a thread only if fewer threads drain its lane than are
 * wanted; one is wanted to begin with, because a second thread under one GIL
 * gains nothing while the first is computing. Two things change that, and both
 * are seen here, once a millisecond while anything is queued:
 *
 *   - a thread that has been in one request for longer than a tick no longer
 *     counts as a drainer: it may be blocked, so another one is woken;
 *   - if the threads of a lane together were neither running nor waiting for a
 *     processor for much of the last ten ticks, although requests waited, then
 *     they are blocked in the application, and one more is wanted.
 *
 * It also rings the bell for completions that a thread has held back, and then
 * was kept from announcing by a long request.
 *
 * Time waiting for a processor counts as running. Otherwise a machine that is
 * short of processors would look like an application that sleeps, and more
 * threads would make it worse.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK            1000000     /* nanoseconds */
#define CONTROL_TICKS   10          /* ticks between two decisions about wanted */
#define IDLE_TICKS      50          /* ticks without work before it sleeps */
#define BLOCKED         70          /* percent busy: below, one more is wanted */
#define SATURATED       95          /* percent busy: above, one less */

typedef struct {
    int64_t last;                       /* of the last decision */
    int ticks;
    int backlog[GILD_MAX_LANES];        /* ticks with requests waiting */
} control;

/* Where the kernel keeps no schedstat: nanoseconds that the thread ran. The
 * number names the clock of a thread by its id, as the kernel's
 * posix-timers.h builds it; it may be one of a thread that is gone. */
static uint64_t
running_time(gild_worker *worker)
{
    clockid_t clock = (clockid_t)(~worker->record->tid << 3 | 6);
    struct timespec time;

    if (clock_gettime(clock, &time) != 0) {
        return worker->busy;
    }
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Nanoseconds that the thread ran or waited to run. */
static uint64_t
busy_time(gild_worker *worker)
{
    char text[96];
    char *end;
    ssize_t length = pread(worker->schedstat, text, sizeof(text) - 1, 0);

    if (length <= 0) {
        return running_time(worker);
    }
    text[length] = '\0';
    uint64_t running = strtoull(text, &end, 10);
    return running + strtoull(end, NULL, 10);
}

static void
adjust_wanted(uint32_t lane, uint64_t busy, int64_t elapsed)
{
    uint32_t *wanted = &gild.process->lanes[lane].wanted;
    uint32_t now = __atomic_load_n(wanted, __ATOMIC_RELAXED);
    uint64_t percent = busy * 100 / (uint64_t)elapsed;

    if (percent < BLOCKED && now < gild.config.threads) {
        __atomic_store_n(wanted, now + 1, __ATOMIC_RELAXED);
    }
    else if (percent > SATURATED && now > 1) {
        __atomic_store_n(wanted, now - 1, __ATOMIC_RELAXED);
    }
}

/* Without a GIL every thread is worth having at any time. */
static void
decide(control *c, int64_t now)
{
    uint64_t busy[GILD_MAX_LANES] = {0};

    if (gild.gil_disabled) {
        return;
    }
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        gild_worker *worker = &gild.workers[i];
        uint32_t duty = __atomic_load_n(&worker->record->duty,
                                        __ATOMIC_RELAXED);
        uint64_t total = busy_time(worker);
        busy[GILD_DUTY_LANE(duty) % GILD_MAX_LANES] += total - worker->busy;
        worker->busy = total;
    }
    for (uint32_t lane = 0; lane < gild.layout.lanes; lane++) {
        if (c->backlog[lane] == CONTROL_TICKS) {
            adjust_wanted(lane, busy[lane], now - c->last);
        }
        c->backlog[lane] = 0;
    }
    c->last = now;
    c->ticks = 0;
}

/* Begins to measure after a sleep, of which nothing is to be concluded. */
static void
start_measuring(control *c)
{
    memset(c, 0, sizeof(*c));
    c->last = gild_now();
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        gild.workers[i].busy = busy_time(&gild.workers[i]);
    }
}

/* Stops counting the threads that are long in one request. */
static int
mark_long(int64_t now)
{
    int active = 0;

    for (uint32_t i = 0; i < gild.config.threads; i++) {
        gild_thread *record = gild.workers[i].record;
        uint32_t word = __atomic_load_n(&record->duty, __ATOMIC_SEQ_CST);
        uint32_t lane = GILD_DUTY_LANE(word);
        if (GILD_DUTY_STATE(word) != GILD_THREAD_DRAINING) {
            continue;
        }
        active = 1;
        if (now - __atomic_load_n(&record->since, __ATOMIC_RELAXED) > TICK
            && __atomic_compare_exchange_n(&record->duty, &word,
                                           GILD_DUTY(GILD_THREAD_LONG, lane),
                                           0, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST)) {
            __atomic_fetch_sub(&gild.process->lanes[lane].drainers, 1,
                               __ATOMIC_SEQ_CST);
        }
    }
    return active;
}

/* Wakes a thread for each lane that waits and has too few drainers. */
static int
serve_backlog(control *c)
{
    int waiting = 0;

    for (uint32_t lane = 0; lane < gild.layout.lanes; lane++) {
        if (!gild_ring_is_empty(lane)) {
            waiting = 1;
            c->backlog[lane]++;
            gild_wake(lane);
        }
    }
    return waiting;
}

static int
has_drainers(void)
{
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        uint32_t word = __atomic_load_n(&gild.workers[i].record->duty,
                                        __ATOMIC_SEQ_CST);
        if (GILD_DUTY_STATE(word) == GILD_THREAD_DRAINING) {
            return 1;
        }
    }
    return 0;
}

/* Whoever arms it does so after what it is to look at: what is there already
 * must not be slept over, since that word is overwritten here. */
static void
sleep_until_armed(void)
{
    uint32_t *tick = &gild.process->tick;

    __atomic_store_n(tick, 0, __ATOMIC_SEQ_CST);
    if (gild_has_marks() || has_drainers()) {
        __atomic_store_n(tick, 1, __ATOMIC_SEQ_CST);
    }
    for (uint32_t lane = 0; lane < gild.layout.lanes; lane++) {
        if (!gild_ring_is_empty(lane)) {
            __atomic_store_n(tick, 1, __ATOMIC_SEQ_CST);
        }
    }
    while (__atomic_load_n(tick, __ATOMIC_SEQ_CST) == 0
           && !__atomic_load_n(&gild.process->stopping, __ATOMIC_SEQ_CST)) {
        gild_futex_wait(tick, 0);
    }
}

void *
gild_ticker_main(void *unused)
{
    const struct timespec tick = {0, TICK};
    control c = {0};
    int idle = IDLE_TICKS;

    (void)unused;
    while (!__atomic_load_n(&gild.process->stopping, __ATOMIC_SEQ_CST)) {
        if (idle >= IDLE_TICKS) {
            sleep_until_armed();
            start_measuring(&c);
            idle = 0;
        }
        nanosleep(&tick, NULL);
        int64_t now = gild_now();
        if (gild_has_marks()) {
            gild_ring_bell();
        }
        int active = mark_long(now);
        int waiting = serve_backlog(&c);
        idle = active || waiting ? 0 : idle + 1;
        if (++c.ticks >= CONTROL_TICKS) {
            decide(&c, now);
        }
    }
    return NULL;
}
