/* Operations on the arena: rings, the completion set, futexes. None of them
 * knows Python. */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(gild_slot) <= GILD_SLOT_HEAD,
               "the environ block would begin inside the slot's head");

int64_t
gild_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The layout is our own copy: what is in the arena may have been overwritten by
 * another process. */
void
gild_attach_arena(void *base, const gild_arena *layout)
{
    gild.base = base;
    gild.arena = base;
    gild.layout = *layout;
    gild.events = (uint64_t *)(gild.base + layout->events_offset);
    gild.process = (gild_process *)(gild.base + layout->processes_offset)
                   + gild.config.process;
}

gild_slot *
gild_slot_at(uint32_t number)
{
    return (gild_slot *)(gild.base + gild.layout.slots_offset
                         + (uint64_t)number * GILD_SLOT_SIZE);
}

uint32_t
gild_slot_number(const gild_slot *slot)
{
    return (uint32_t)(((const char *)slot - gild.base
                       - gild.layout.slots_offset) / GILD_SLOT_SIZE);
}

gild_thread *
gild_thread_at(uint32_t process, uint32_t thread)
{
    return (gild_thread *)(gild.base + gild.layout.threads_offset)
           + (size_t)process * gild.layout.threads + thread;
}

static gild_ring *
ring_at(uint32_t lane)
{
    return (gild_ring *)(gild.base + gild.layout.rings_offset) + lane;
}

static uint32_t *
cells_of(uint32_t lane)
{
    return (uint32_t *)(gild.base + gild.layout.cells_offset)
           + (size_t)lane * gild.layout.ring_cells;
}

/* Takes the oldest slot number of the lane, or -1. What decides is one
 * compare-and-swap on head. A thread that dies between that and claiming the
 * slot leaves it QUEUED and in no ring; the front finds such slots. */
int64_t
gild_ring_pop(uint32_t lane)
{
    gild_ring *ring = ring_at(lane);
    uint32_t *cells = cells_of(lane);
    uint32_t mask = gild.layout.ring_cells - 1;
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_SEQ_CST);

    while (head != __atomic_load_n(&ring->tail, __ATOMIC_SEQ_CST)) {
        uint32_t number = __atomic_load_n(&cells[head & mask],
                                          __ATOMIC_RELAXED);
        if (__atomic_compare_exchange_n(&ring->head, &head, head + 1, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            return number < gild.layout.slots ? (int64_t)number : -1;
        }
    }
    return -1;
}

/* The slot number that a pop would probably take now, or -1. */
int64_t
gild_ring_peek(uint32_t lane)
{
    uint32_t mask = gild.layout.ring_cells - 1;
    uint64_t head = gild_ring_head(lane);

    if (gild_ring_is_empty(lane)) {
        return -1;
    }
    uint32_t number = __atomic_load_n(&cells_of(lane)[head & mask],
                                      __ATOMIC_RELAXED);
    return number < gild.layout.slots ? (int64_t)number : -1;
}

uint64_t
gild_ring_head(uint32_t lane)
{
    return __atomic_load_n(&ring_at(lane)->head, __ATOMIC_SEQ_CST);
}

int
gild_ring_is_empty(uint32_t lane)
{
    gild_ring *ring = ring_at(lane);

    return __atomic_load_n(&ring->head, __ATOMIC_SEQ_CST)
           == __atomic_load_n(&ring->tail, __ATOMIC_SEQ_CST);
}

/* Puts the slot into the completion set. A set and not a ring: putting a slot
 * in twice costs nothing and changes nothing, it cannot overflow, and a
 * process that dies halfway leaves no gap that the reader would wait for. */
void
gild_mark(gild_slot *slot)
{
    uint32_t number = gild_slot_number(slot);

    __atomic_fetch_or(&gild.events[number / 64], UINT64_C(1) << (number % 64),
                      __ATOMIC_SEQ_CST);
}

/* Wakes the reader of the completion set, if it sleeps. */
void
gild_ring_bell(void)
{
    const uint64_t one = 1;

    if (__atomic_load_n(&gild.arena->front_asleep, __ATOMIC_SEQ_CST)
        && __atomic_exchange_n(&gild.arena->front_asleep, 0,
                               __ATOMIC_SEQ_CST)) {
        while (write(gild.config.event_fd, &one, sizeof(one)) < 0
               && errno == EINTR) {
        }
    }
}

void
gild_notify(gild_slot *slot)
{
    gild_mark(slot);
    gild_ring_bell();
}

int
gild_has_marks(void)
{
    for (uint32_t i = 0; i < (gild.layout.slots + 63) / 64; i++) {
        if (__atomic_load_n(&gild.events[i], __ATOMIC_SEQ_CST) != 0) {
            return 1;
        }
    }
    return 0;
}

void
gild_wake_ticker(void)
{
    uint32_t sleeping = 0;

    if (__atomic_load_n(&gild.process->tick, __ATOMIC_SEQ_CST) == 0
        && __atomic_compare_exchange_n(&gild.process->tick, &sleeping, 1, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        gild_futex_wake(&gild.process->tick, 1);
    }
}

void
gild_futex_wait(uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

void
gild_futex_wake(uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

void
gild_futex_raise(uint32_t *word)
{
    __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
    gild_futex_wake(word, INT_MAX);
}

/* ---- waking ----------------------------------------------------------------- */

static gild_process *
process_at(uint32_t process)
{
    return (gild_process *)(gild.base + gild.layout.processes_offset) + process;
}

/* The first idle thread is the warmest: the others were woken less often. */
static gild_thread *
claim_idle_thread(uint32_t process, uint32_t lane)
{
    uint32_t threads = __atomic_load_n(&process_at(process)->threads,
                                       __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < threads && i < gild.layout.threads; i++) {
        gild_thread *record = gild_thread_at(process, i);
        uint32_t idle = GILD_THREAD_IDLE;
        if (__atomic_load_n(&record->duty, __ATOMIC_RELAXED) == idle
            && __atomic_compare_exchange_n(&record->duty, &idle,
                                           GILD_DUTY(GILD_THREAD_DRAINING,
                                                     lane),
                                           0, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST)) {
            return record;
        }
    }
    return NULL;
}

static int
wake_in(uint32_t process, uint32_t lane)
{
    gild_lane_duty *duty = &process_at(process)->lanes[lane];

    if (__atomic_load_n(&process_at(process)->closed, __ATOMIC_SEQ_CST)
        || __atomic_load_n(&duty->drainers, __ATOMIC_SEQ_CST)
           >= __atomic_load_n(&duty->wanted, __ATOMIC_RELAXED)) {
        return 0;
    }
    /* Counted before it is claimed: counted later, it could be done and
     * uncounted first. Of several who come this far at once, no more go on than
     * are wanted. */
    uint32_t count = __atomic_add_fetch(&duty->drainers, 1, __ATOMIC_SEQ_CST);
    gild_thread *record =
        count > __atomic_load_n(&duty->wanted, __ATOMIC_RELAXED)
        ? NULL : claim_idle_thread(process, lane);
    if (record == NULL) {
        __atomic_fetch_sub(&duty->drainers, 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    __atomic_store_n(&record->since, gild_now(), __ATOMIC_RELAXED);
    gild_futex_wake(&record->duty, 1);
    return 1;
}

int
gild_wake(uint32_t lane)
{
    uint32_t own = gild.config.process;

    if (wake_in(own, lane)) {
        return 1;
    }
    for (uint32_t i = 1; i < gild.layout.processes; i++) {
        if (wake_in((own + i) % gild.layout.processes, lane)) {
            return 1;
        }
    }
    return 0;
}

int
gild_is_closed(void)
{
    return (int)__atomic_load_n(&gild.process->closed, __ATOMIC_SEQ_CST);
}
