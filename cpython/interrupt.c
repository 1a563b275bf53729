/* RequestTimeout: an exception raised in a thread that is too long in one
 * request, and in no other request.
 *
 * service.interruptible says whether the worker may be interrupted: 0, or the
 * serial of its request and one of the states below. Under a GIL an ordinary
 * variable would do; builds without one need the exchange. */
#include "internal.h"

#include <sched.h>

enum { NOT_NOW, OPEN, RAISING, RAISED };

static uint64_t
word(uint32_t serial, unsigned state)
{
    return (uint64_t)serial << 2 | state;
}

/* Raises the exception in the thread, or takes back one that was not delivered
 * (NULL). Only a thread that runs Python code notices: a call into C that takes
 * long is not ended by it. */
static int
set_exception(gild_worker *worker, PyObject *exception)
{
    gild_interpreter *interpreter = worker->attached;
    PyThreadState *tstate = worker->bindings[interpreter->index].tstate;

    return PyThreadState_SetAsyncExc(tstate->thread_id, exception);
}

static void
log_injected(const gild_worker *worker)
{
    if (gild_is_daemon()) {
        gild_log(GILD_INFO, worker->slot, "Injected RequestTimeout into thread "
                 "%u of daemon process '%s'.", worker->index + 1, gild_group());
        return;
    }
    gild_log(GILD_INFO, worker->slot, "Injected RequestTimeout into thread %u "
             "in embedded mode.", worker->index + 1);
}

/* While the state is RAISING the worker does not leave the request, so that
 * worker->attached and its slot are what they were. */
void
gild_interrupt_worker(gild_worker *worker, uint32_t serial)
{
    uint64_t open = word(serial, OPEN);

    if (!__atomic_compare_exchange_n(&worker->service.interruptible, &open,
                                     word(serial, RAISING), 0,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return;
    }
    PyObject *exception = worker->attached->module->request_timeout;
    if (set_exception(worker, exception) > 0) {
        log_injected(worker);
    }
    __atomic_store_n(&worker->service.interruptible, word(serial, RAISED),
                     __ATOMIC_SEQ_CST);
}

void
gild_interruptible(gild_worker *worker, uint32_t serial)
{
    __atomic_store_n(&worker->service.interruptible, word(serial, OPEN),
                     __ATOMIC_RELEASE);
}

void
gild_uninterruptible(gild_worker *worker)
{
    uint64_t *at = &worker->service.interruptible;
    uint64_t now = __atomic_load_n(at, __ATOMIC_SEQ_CST);

    while ((now & 3) == RAISING
           || !__atomic_compare_exchange_n(at, &now, NOT_NOW, 0,
                                           __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST)) {
        sched_yield();  /* a few instructions of a build without a GIL */
        now = __atomic_load_n(at, __ATOMIC_SEQ_CST);
    }
    if ((now & 3) == RAISED) {
        set_exception(worker, NULL);
    }
}
