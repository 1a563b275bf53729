/* The arena: the memory that Go and the Python threads share, as both see it.
 *
 * Go maps it, C receives its address. Everything inside is found by offset
 * from the start, so that two processes may map it at different addresses.
 * Words that both sides write are accessed with the __atomic builtins in C and
 * sync/atomic in Go; waiting is done with futexes that are not private to a
 * process. There are no pointers, no locks and no Python objects in it.
 *
 * Go reads these structures through cgo, so this header is the only
 * description of the layout. It includes neither Python.h nor libc's locks.
 */
#ifndef GILD_ARENA_H
#define GILD_ARENA_H

#include <stdint.h>

#define GILD_MAGIC          0x646c6967u   /* "gild" */
#define GILD_LAYOUT         3u            /* raised when this file changes */

#define GILD_MAX_LANES      32            /* GILs with a ring of their own */
#define GILD_MAX_THREADS    512           /* Python threads of a process */
#define GILD_MAX_SLOTS      65536

/* The parts of a slot, in bytes. Pages are touched only when used, so a slot
 * costs what its request needs and not what it could need. */
#define GILD_SLOT_HEAD      512           /* gild_slot */
#define GILD_ENVIRON_SIZE   (128 * 1024 - GILD_SLOT_HEAD)
#define GILD_INPUT_SIZE     (64 * 1024)   /* window for the request body */
#define GILD_OUTPUT_SIZE    (256 * 1024)  /* window for the response */
#define GILD_INPUT_OFFSET   (GILD_SLOT_HEAD + GILD_ENVIRON_SIZE)
#define GILD_OUTPUT_OFFSET  (GILD_INPUT_OFFSET + GILD_INPUT_SIZE)
#define GILD_SLOT_SIZE      (GILD_OUTPUT_OFFSET + GILD_OUTPUT_SIZE)

#define GILD_CACHE_LINE     64
#define GILD_ALIGNED        __attribute__((aligned(GILD_CACHE_LINE)))

/* Life of a slot. Go moves FREE -> FILLING -> QUEUED and DONE -> FREE, a
 * Python thread moves QUEUED -> CLAIMED -> RESPONDING -> DONE. */
enum gild_slot_state {
    GILD_SLOT_FREE,
    GILD_SLOT_FILLING,
    GILD_SLOT_QUEUED,
    GILD_SLOT_CLAIMED,
    GILD_SLOT_RESPONDING,       /* the head of the response can be read */
    GILD_SLOT_DONE,             /* Python will not touch the slot again */
    GILD_SLOT_CANCELLED,        /* given up while queued: whoever pops it says DONE */
};

/* How a request body (gild_slot.input_end) or a response
 * (gild_slot.output_end) ended. */
enum gild_end {
    GILD_OPEN,                  /* it has not ended */
    GILD_COMPLETE,
    GILD_TORN,                  /* it broke off: short body, failed application */
    GILD_TIMEOUT,               /* the client was too slow */
    GILD_TOO_LARGE,             /* LimitRequestBody was reached */
};

/* What a Python thread is doing (gild_thread.duty). */
enum gild_duty {
    GILD_THREAD_ABSENT,         /* not started, or gone */
    GILD_THREAD_IDLE,           /* waits on its futex */
    GILD_THREAD_DRAINING,       /* counted in gild_lane_duty.drainers */
    GILD_THREAD_LONG,           /* more than a tick in one request: not counted */
    GILD_THREAD_SEATED,         /* serves the slot that the front assigned to it */
};

/* The duty word names the lane too, so that whoever wakes a thread says in one
 * step that it is woken and what for. An idle thread has lane 0. */
#define GILD_DUTY(duty, lane)   ((uint32_t)(duty) | (uint32_t)(lane) << 8)
#define GILD_DUTY_STATE(word)   ((word) & 0xff)
#define GILD_DUTY_LANE(word)    ((word) >> 8)

/* What the front is to do about a slot without a usable response
 * (gild_slot.verdict). Anything from 400 up is the HTTP status to answer. */
enum gild_verdict {
    GILD_ANSWERED,              /* the response is in the slot */
    GILD_RETRY,                 /* not begun: another process has to serve it */
};

/* gild_slot.file when the descriptor travels through the file socket, and what
 * travels with it. */
#define GILD_FILE_SENT (-2)
typedef struct {
    uint32_t slot;
    uint32_t serial;
} gild_file_message;

enum gild_request_flags {
    GILD_NO_BODY = 1,           /* HEAD: the response has a head only */
    GILD_HTTPS = 2,             /* wsgi.url_scheme */
    GILD_NO_ACTIVITY = 4,       /* does not keep an idle process alive */
};

/* One request. The first GILD_SLOT_HEAD bytes of a slot. */
typedef struct {
    uint32_t state;             /* gild_slot_state */
    uint32_t process;           /* who claimed it: changed with state, in one */
    uint32_t serial;            /* raised each time the slot is reused */
    uint32_t lane;
    uint32_t application;       /* index into the applications of the pool */
    uint32_t thread;
    uint32_t flags;             /* gild_request_flags */
    uint32_t environ_length;    /* bytes of the environ block */
    int64_t  body_length;       /* declared; -1 when it is not known */
    /* Nanoseconds of CLOCK_REALTIME for the first, which the application
     * sees; of CLOCK_MONOTONIC for the others, which are subtracted. */
    int64_t  started;
    int64_t  queued;
    int64_t  picked_up;
    int64_t  gil;               /* the GIL was obtained */
    int64_t  application_start;
    int64_t  first_byte;        /* the head of the response was written */
    int64_t  done;
    char     client[56];        /* "address:port" for the log, NUL-terminated */

    /* Request body: written by Go. */
    uint64_t input_written GILD_ALIGNED;
    uint32_t input_end;         /* gild_end */
    uint32_t input_futex;       /* raised after each change of the two above;
                                 * keeps its value when the slot is reused */
    uint32_t input_full;        /* Go waits for room: notify */

    /* Request body: written by Python. */
    uint64_t input_read GILD_ALIGNED;
    uint32_t input_wanted;      /* the application asked for more */

    /* Response: written by Python. The stream starts with the head block
     * (head_length bytes) and goes on with the body. */
    uint64_t output_written GILD_ALIGNED;
    uint32_t head_length;       /* 0: no head yet */
    uint32_t output_end;        /* gild_end */
    int32_t  file;              /* descriptor that follows the body, given to Go;
                                 * -1: none; GILD_FILE_SENT: comes by socket */
    uint32_t output_wanted;     /* Python waits for room: wake output_futex */
    int64_t  file_offset;
    int64_t  file_length;
    int64_t  discarded;         /* bytes of body that the application produced for HEAD */
    uint32_t verdict;           /* gild_verdict or an HTTP status; before DONE */

    /* Response: written by Go. */
    uint64_t output_read GILD_ALIGNED;
    uint32_t output_gone;       /* the client is gone */
    uint32_t output_futex;      /* raised after each change of the two above;
                                 * keeps its value when the slot is reused */
} gild_slot;

/* A submission ring: numbers of queued slots. Go alone pushes; any Python
 * thread pops by moving head. A slot is in at most one ring, once, and a ring
 * has a cell for every slot, so it cannot overflow and no cell is overwritten
 * before head has passed it. A process that dies between reading a cell and
 * moving head leaves the ring intact. */
typedef struct {
    uint64_t head GILD_ALIGNED; /* next to pop */
    uint64_t tail GILD_ALIGNED; /* next to push */
} gild_ring;

/* How a process serves a lane. */
typedef struct {
    uint32_t drainers GILD_ALIGNED; /* threads that will look at the ring again soon */
    uint32_t wanted;            /* drainers worth having; 1 while the GIL is the limit */
} gild_lane_duty;

/* One process that runs Python. */
typedef struct {
    uint32_t pid GILD_ALIGNED;
    uint32_t threads;           /* started, at most gild_arena.threads */
    uint32_t stopping;          /* its threads end */
    uint32_t closed;            /* takes no more requests */
    uint32_t generation;
    int64_t  started;           /* CLOCK_MONOTONIC */
    uint32_t tick GILD_ALIGNED; /* futex: 1 while the ticker must run */
    gild_lane_duty lanes[GILD_MAX_LANES];
} gild_process;

/* One Python thread: what it does, for its waker and for the scoreboard. */
typedef struct {
    uint32_t duty GILD_ALIGNED; /* GILD_DUTY(gild_duty, lane); futex while IDLE */
    uint32_t tid;
    uint32_t slot;              /* in service, or UINT32_MAX */
    uint32_t serial;
    uint32_t assigned;          /* slot number + 1 for a SEATED thread, 0: none */
    int64_t  since;             /* CLOCK_MONOTONIC of the last pick-up */
    uint64_t requests;          /* served */
    uint64_t busy;              /* nanoseconds in requests that are over */
    uint64_t gil_wait;          /* nanoseconds of waiting for the GIL, all requests */
} gild_thread;

/* The head. Every process works with a copy of its own, made from the geometry
 * that it was told, for all but the last word. */
typedef struct {
    uint32_t magic;
    uint32_t layout;
    uint64_t size;              /* of the whole arena */
    uint32_t slots;
    uint32_t ring_cells;        /* power of two, >= slots */
    uint32_t lanes;
    uint32_t processes;
    uint32_t threads;           /* per process */
    uint32_t unused;
    uint64_t rings_offset;      /* gild_ring[lanes] */
    uint64_t cells_offset;      /* uint32_t[lanes][ring_cells] */
    uint64_t events_offset;     /* uint64_t[(slots + 63) / 64]: the completion set */
    uint64_t processes_offset;  /* gild_process[processes] */
    uint64_t threads_offset;    /* gild_thread[processes][threads] */
    uint64_t slots_offset;      /* GILD_SLOT_SIZE bytes each, page-aligned */

    uint32_t front_asleep GILD_ALIGNED; /* the reader of the completion set waits on its eventfd */
} gild_arena;

#endif
