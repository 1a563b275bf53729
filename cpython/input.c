/* wsgi.input: the request body, from the window of the slot.
 *
 * The window holds the whole body when it is small. Otherwise Go fills it as
 * the application empties it; the first read is what makes the client send
 * (100-continue). At most one page of code of this file runs without the GIL:
 * the wait for more.
 */
#include "internal.h"

#include <string.h>

typedef struct {
    PyObject_HEAD
    gild_slot *slot;            /* NULL after the request */
    int waiting;                /* threads that wait for the body */
    int asked;                  /* the front knows that the body is wanted */
    int failed;                 /* an error was raised before */
    gild_input_use use;
} input;

#define LOCKED(self, expression) \
    GILD_ALONE(self); \
    result = (expression); \
    GILD_TOGETHER()

/* ---- the window -------------------------------------------------------------- */

static uint64_t
available(const gild_slot *slot)
{
    return __atomic_load_n(&slot->input_written, __ATOMIC_SEQ_CST)
           - __atomic_load_n(&slot->input_read, __ATOMIC_RELAXED);
}

static void
ask(input *self)
{
    gild_slot *slot = self->slot;

    self->asked = 1;
    if (__atomic_load_n(&slot->input_end, __ATOMIC_SEQ_CST) == GILD_OPEN) {
        __atomic_store_n(&slot->input_wanted, 1, __ATOMIC_SEQ_CST);
        gild_notify(slot);
    }
}

/* Waits without the GIL until the front has written something, the body has
 * ended, or the request is over (a thread of the application may outlive it
 * here). The slot may belong to another request by then: it is only looked at. */
static void
wait_for_body(input *self)
{
    gild_slot *slot = self->slot;

    ask(self);
    int64_t began = gild_now();
    self->waiting++;
    Py_BEGIN_ALLOW_THREADS
    for (;;) {
        uint32_t value = __atomic_load_n(&slot->input_futex, __ATOMIC_SEQ_CST);
        if (available(slot) > 0
            || __atomic_load_n(&slot->input_end, __ATOMIC_SEQ_CST) != GILD_OPEN
            || __atomic_load_n(&self->slot, __ATOMIC_SEQ_CST) != slot) {
            break;
        }
        gild_futex_wait(&slot->input_futex, value);
    }
    Py_END_ALLOW_THREADS
    self->waiting--;
    self->use.waited += gild_now() - began;
}

static int
check_live(input *self, const char *method)
{
    if (gild_in_forked_child()) {
        PyErr_Format(PyExc_OSError, "%s called on wsgi.input in a forked "
                     "child: the body belongs to the parent process", method);
        return -1;
    }
    if (self->slot == NULL) {
        PyErr_Format(PyExc_RuntimeError, "%s called on wsgi.input after "
                     "request completed", method);
        return -1;
    }
    if (self->failed) {
        PyErr_SetString(PyExc_OSError, "mod_wsgi request data read error: "
                        "wsgi.input is already in error state");
        return -1;
    }
    return 0;
}

static int
fail(input *self, const char *reason)
{
    self->failed = 1;
    PyErr_Format(PyExc_OSError, "mod_wsgi request data read error: %s",
                 reason);
    return -1;
}

/* Bytes that can be copied now: more than 0; 0 at the end of the body; -1 with
 * an exception. */
static int64_t
fill(input *self)
{
    for (;;) {
        /* The end first: what came before it is then in the window. */
        uint32_t end = __atomic_load_n(&self->slot->input_end,
                                       __ATOMIC_SEQ_CST);
        uint64_t length = available(self->slot);
        if (length > 0) {
            return (int64_t)length;
        }
        switch (end) {
        case GILD_OPEN:
            wait_for_body(self);
            if (self->slot == NULL) {
                return fail(self, "the request completed meanwhile");
            }
            break;
        case GILD_COMPLETE:
            return 0;
        case GILD_TIMEOUT:
            return fail(self, "the client was too slow");
        case GILD_TOO_LARGE:
            return fail(self, "the body is larger than LimitRequestBody");
        default:
            return fail(self, "the client closed the connection before the "
                        "end of the body");
        }
    }
}

/* Takes bytes out of the window, around its end. */
static void
take(input *self, char *to, size_t length)
{
    gild_slot *slot = self->slot;
    const char *window = (const char *)slot + GILD_INPUT_OFFSET;
    uint64_t read = slot->input_read;
    size_t at = read % GILD_INPUT_SIZE;
    size_t first = GILD_INPUT_SIZE - at < length ? GILD_INPUT_SIZE - at
                                                 : length;
    memcpy(to, window + at, first);
    memcpy(to + first, window, length - first);
    __atomic_store_n(&slot->input_read, read + length, __ATOMIC_SEQ_CST);
    /* A front that waits for room in the window is told. */
    if (__atomic_load_n(&slot->input_full, __ATOMIC_SEQ_CST)) {
        gild_notify(slot);
    }
}

/* Bytes up to and with the next newline in the window, at most limit. */
static size_t
line_length(input *self, size_t limit, int *complete)
{
    const char *window = (const char *)self->slot + GILD_INPUT_OFFSET;
    size_t at = self->slot->input_read % GILD_INPUT_SIZE;
    size_t first = GILD_INPUT_SIZE - at < limit ? GILD_INPUT_SIZE - at : limit;
    const char *newline = memchr(window + at, '\n', first);

    *complete = newline != NULL;
    if (newline != NULL) {
        return (size_t)(newline - window) - at + 1;
    }
    newline = memchr(window, '\n', limit - first);
    *complete = newline != NULL;
    return newline == NULL ? limit : first + (size_t)(newline - window) + 1;
}

/* ---- reading ------------------------------------------------------------------- */

/* A bytes object that grows by doubling. */
typedef struct {
    PyObject *bytes;
    size_t length;
    size_t size;
} buffer;

static int
reserve(buffer *b, size_t more)
{
    if (b->bytes != NULL && b->size - b->length >= more) {
        return 0;
    }
    size_t size = b->size * 2 > b->length + more ? b->size * 2
                                                 : b->length + more;
    if (size > PY_SSIZE_T_MAX) {
        PyErr_NoMemory();
        return -1;
    }
    if (b->bytes == NULL) {
        b->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    }
    else {
        _PyBytes_Resize(&b->bytes, (Py_ssize_t)size);
    }
    b->size = size;
    return b->bytes == NULL ? -1 : 0;
}

static PyObject *
finish(buffer *b)
{
    if (b->bytes != NULL && b->length != b->size) {
        _PyBytes_Resize(&b->bytes, (Py_ssize_t)b->length);
    }
    return b->bytes;
}

/* What is known to be left of the body, so that one allocation will do. */
static size_t
known_rest(const gild_slot *slot)
{
    if (__atomic_load_n(&slot->input_end, __ATOMIC_SEQ_CST) == GILD_COMPLETE) {
        return (size_t)available(slot);
    }
    /* A declared length is a client's word: not too much at once for it. */
    uint64_t rest = slot->body_length < 0 ? GILD_INPUT_SIZE
                    : (uint64_t)slot->body_length - slot->input_read;
    return rest < 1024 * 1024 ? (size_t)rest : 1024 * 1024;
}

/* Reads to the end, to limit bytes, or (stop_at_line) to a newline. */
static PyObject *
read_bytes(input *self, size_t limit, int stop_at_line)
{
    buffer b = {NULL, 0, 0};
    size_t rest = known_rest(self->slot);
    int complete = 0;

    if (reserve(&b, stop_at_line ? 0 : limit < rest ? limit : rest) < 0) {
        return NULL;
    }
    while (b.length < limit && !complete) {
        int64_t ready = fill(self);
        if (ready == 0) {
            break;
        }
        size_t length = limit - b.length;
        if (ready > 0 && (uint64_t)ready < length) {
            length = (size_t)ready;
        }
        if (ready > 0 && stop_at_line) {
            length = line_length(self, length, &complete);
        }
        if (ready < 0 || reserve(&b, length) < 0) {
            Py_XDECREF(b.bytes);
            return NULL;
        }
        take(self, PyBytes_AS_STRING(b.bytes) + b.length, length);
        b.length += length;
    }
    self->use.reads++;
    self->use.bytes += b.length;
    return finish(&b);
}

/* The optional size argument: negative, None or absent is no limit. */
static int
parse_limit(PyObject *arguments, const char *format, size_t *limit)
{
    PyObject *object = Py_None;

    if (!PyArg_ParseTuple(arguments, format, &object)) {
        return -1;
    }
    *limit = SIZE_MAX;
    if (object != Py_None) {
        Py_ssize_t size = PyNumber_AsSsize_t(object, PyExc_OverflowError);
        if (size == -1 && PyErr_Occurred()) {
            return -1;
        }
        if (size >= 0) {
            *limit = (size_t)size;
        }
    }
    return 0;
}

static PyObject *
read_checked(input *self, const char *method, size_t limit, int stop_at_line)
{
    if (check_live(self, method) < 0) {
        return NULL;
    }
    if (!self->asked) {
        ask(self);      /* read(0) too has the client send its body */
    }
    return read_bytes(self, limit, stop_at_line);
}

static PyObject *
input_read(PyObject *object, PyObject *arguments)
{
    PyObject *result;
    size_t limit;

    if (parse_limit(arguments, "|O:read", &limit) < 0) {
        return NULL;
    }
    LOCKED(object, read_checked((input *)object, "read()", limit, 0));
    return result;
}

static PyObject *
input_readline(PyObject *object, PyObject *arguments)
{
    PyObject *result;
    size_t limit;

    if (parse_limit(arguments, "|O:readline", &limit) < 0) {
        return NULL;
    }
    LOCKED(object, read_checked((input *)object, "readline()", limit, 1));
    return result;
}

/* Stops after the line with which the total reaches the hint, as io.BytesIO
 * does. */
static PyObject *
read_lines(input *self, size_t hint)
{
    PyObject *lines = PyList_New(0);
    size_t total = 0;

    while (lines != NULL && (hint == 0 || total < hint)) {
        PyObject *line = read_checked(self, "readlines()", SIZE_MAX, 1);
        int failed = line == NULL;
        if (!failed && PyBytes_GET_SIZE(line) == 0) {
            Py_DECREF(line);
            break;
        }
        if (!failed) {
            total += (size_t)PyBytes_GET_SIZE(line);
            failed = PyList_Append(lines, line) < 0;
        }
        Py_XDECREF(line);
        if (failed) {
            Py_CLEAR(lines);
        }
    }
    return lines;
}

static PyObject *
input_readlines(PyObject *object, PyObject *arguments)
{
    PyObject *result;
    size_t hint;

    if (parse_limit(arguments, "|O:readlines", &hint) < 0) {
        return NULL;
    }
    LOCKED(object, read_lines((input *)object, hint == SIZE_MAX ? 0 : hint));
    return result;
}

static PyObject *
input_next(PyObject *object)
{
    PyObject *result;

    LOCKED(object, read_checked((input *)object, "next()", SIZE_MAX, 1));
    if (result != NULL && PyBytes_GET_SIZE(result) == 0) {
        Py_CLEAR(result);
    }
    return result;
}

/* There is nothing to close: the body belongs to the connection. */
static PyObject *
input_close(PyObject *object, PyObject *Py_UNUSED(unused))
{
    if (check_live((input *)object, "close()") < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- the object ------------------------------------------------------------------ */

PyObject *
gild_input_new(gild_interpreter *interpreter, gild_slot *slot)
{
    input *self = PyObject_New(input, interpreter->module->input_type);

    if (self != NULL) {
        self->slot = slot;
        self->waiting = 0;
        self->asked = 0;
        self->failed = 0;
        self->use = (gild_input_use){0, 0, 0};
    }
    return (PyObject *)self;
}

gild_input_use
gild_input_used(PyObject *object)
{
    return ((input *)object)->use;
}

static void
end(input *self)
{
    gild_slot *slot = self->slot;

    __atomic_store_n(&self->slot, NULL, __ATOMIC_SEQ_CST);
    if (self->waiting > 0) {
        gild_futex_raise(&slot->input_futex);
    }
}

void
gild_input_end(PyObject *object)
{
    GILD_ALONE(object);
    end((input *)object);
    GILD_TOGETHER();
}

static void
input_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef input_methods[] = {
    {"read", input_read, METH_VARARGS,
     "read(size=-1)\n--\n\nUp to size bytes of the request body."},
    {"readline", input_readline, METH_VARARGS,
     "readline(size=-1)\n--\n\nOne line, or up to size bytes of it."},
    {"readlines", input_readlines, METH_VARARGS,
     "readlines(hint=-1)\n--\n\nThe lines, until their total reaches hint."},
    {"close", input_close, METH_NOARGS, "close()\n--\n\nDoes nothing."},
    {NULL, NULL, 0, NULL}
};

static PyType_Slot input_slots[] = {
    {Py_tp_dealloc, input_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, input_next},
    {Py_tp_methods, input_methods},
    {Py_tp_doc, "The request body (PEP 3333)."},
    {0, NULL}
};

PyType_Spec gild_input_spec = {
    .name = "mod_wsgi.Input",
    .basicsize = sizeof(input),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = input_slots,
};
