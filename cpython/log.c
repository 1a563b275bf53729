/* The log: frames for the socket that the supervisor reads, and the mod_wsgi.Log
 * object behind sys.stdout, sys.stderr and wsgi.errors.
 *
 * A frame is one datagram (package logs describes it), so it arrives whole
 * even if the process crashes right after. Nothing here needs Go, which makes
 * it usable in a forked child.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FRAME_ERROR     1
#define MAX_MESSAGE     32768       /* longer text is sent in pieces */
#define MAX_PARTIAL     8192        /* of a line without an end */

typedef struct {
    uint8_t kind;
    uint8_t level;
    uint16_t module_length;
    uint16_t client_length;
    uint16_t id_length;
    uint32_t pid;
    uint32_t tid;
    int64_t time;
} frame_head;

/* ---- frames ---------------------------------------------------------------------- */

/* Notices are kept at every level, as in Apache's log files. */
int
gild_log_enabled(int level)
{
    return (level <= gild.config.log_level || level == GILD_NOTICE)
           && gild.config.log_fd >= 0;
}

static void
send_frame(int level, const char *client, const char *text, size_t length)
{
    static const char module[] = "wsgi";
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    frame_head head = {
        .kind = FRAME_ERROR,
        .level = (uint8_t)level,
        .module_length = sizeof(module) - 1,
        .client_length = (uint16_t)strlen(client),
        .pid = (uint32_t)getpid(),
        .tid = (uint32_t)syscall(SYS_gettid),
        .time = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
    };
    struct iovec parts[] = {
        {&head, sizeof(head)},
        {(void *)(uintptr_t)module, sizeof(module) - 1},
        {(void *)(uintptr_t)client, head.client_length},
        {(void *)(uintptr_t)text, length},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 4};
    /* If the supervisor is gone, nobody is left to be told. */
    while (sendmsg(gild.config.log_fd, &message, MSG_NOSIGNAL) < 0
           && errno == EINTR) {
    }
}

/* The largest piece that ends at a line or, failing that, between two
 * characters of UTF-8. */
static size_t
piece_length(const char *text, size_t length)
{
    if (length <= MAX_MESSAGE) {
        return length;
    }
    const char *newline = memrchr(text, '\n', MAX_MESSAGE);
    if (newline != NULL && newline != text) {
        return (size_t)(newline - text) + 1;
    }
    length = MAX_MESSAGE;
    while (length > MAX_MESSAGE - 4 && ((unsigned char)text[length] & 0xc0)
           == 0x80) {
        length--;
    }
    return length;
}

void
gild_log_bytes(int level, const gild_slot *slot, const char *text,
               size_t length)
{
    char client[sizeof(slot->client)] = "";

    if (!gild_log_enabled(level)) {
        return;
    }
    if (slot != NULL) {
        memcpy(client, slot->client, sizeof(client) - 1);
    }
    do {
        size_t piece = piece_length(text, length);
        send_frame(level, client, text, piece);
        text += piece;
        length -= piece;
    } while (length > 0);
}

void
gild_log(int level, const gild_slot *slot, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    if (!gild_log_enabled(level)) {
        return;
    }
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        gild_log_bytes(level, slot, text, (size_t)length);
        free(text);
    }
}

/* ---- mod_wsgi.Log ------------------------------------------------------------------ */

/* What one thread has written of a line that has not ended. */
typedef struct partial {
    struct partial *next;
    unsigned long thread;
    size_t length;
    char bytes[MAX_PARTIAL];
} partial;

typedef struct {
    PyObject_HEAD
    pthread_mutex_t mutex;      /* free-threaded builds need it */
    partial *partials;          /* few: one for each thread in mid-line */
    const char *name;           /* static: "<stdout>", ... */
    int closed;
} log_object;

static const gild_slot *
current_slot(void)
{
    return gild_self == NULL ? NULL : gild_self->slot;
}

static void
emit(const char *bytes, size_t length)
{
    if (length > 0 && bytes[length - 1] == '\n') {
        length--;
    }
    gild_log_bytes(GILD_ERROR, current_slot(), bytes, length);
}

static partial **
find_partial(log_object *self)
{
    unsigned long thread = PyThread_get_thread_ident();
    partial **at = &self->partials;

    while (*at != NULL && (*at)->thread != thread) {
        at = &(*at)->next;
    }
    return at;
}

static void
emit_partial(partial **at)
{
    partial *p = *at;

    *at = p->next;
    emit(p->bytes, p->length);
    free(p);
}

/* Keeps the beginning of a line. When it cannot, it is logged as it is. */
static void
keep_partial(log_object *self, const char *bytes, size_t length)
{
    partial **at = find_partial(self);

    if (*at == NULL) {
        partial *fresh = malloc(sizeof(partial));
        if (fresh == NULL || length > MAX_PARTIAL) {
            free(fresh);
            emit(bytes, length);
            return;
        }
        *fresh = (partial){.thread = PyThread_get_thread_ident()};
        *at = fresh;
    }
    partial *p = *at;
    if (p->length + length > MAX_PARTIAL) {
        emit_partial(at);
        keep_partial(self, bytes, length);
        return;
    }
    memcpy(p->bytes + p->length, bytes, length);
    p->length += length;
}

/* Lines that are written together become one record: a traceback stays in one
 * piece. */
static void
write_bytes(log_object *self, const char *bytes, size_t length)
{
    const char *newline = memrchr(bytes, '\n', length);

    if (newline == NULL) {
        keep_partial(self, bytes, length);
        return;
    }
    size_t lines = (size_t)(newline - bytes) + 1;
    if (*find_partial(self) != NULL) {
        const char *first = memchr(bytes, '\n', length);
        size_t head = (size_t)(first - bytes) + 1;
        keep_partial(self, bytes, head);
        partial **at = find_partial(self);
        if (*at != NULL) {
            emit_partial(at);
        }
        bytes += head;
        lines -= head;
        length -= head;
    }
    if (lines > 0) {
        emit(bytes, lines);
    }
    if (length > lines) {
        keep_partial(self, bytes + lines, length - lines);
    }
}

static PyObject *
log_write(PyObject *object, PyObject *data)
{
    log_object *self = (log_object *)object;
    Py_buffer view;

    if (self->closed) {
        PyErr_SetString(PyExc_ValueError, "I/O operation on closed file");
        return NULL;
    }
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&self->mutex);
    if (view.len > 0) {
        write_bytes(self, view.buf, (size_t)view.len);
    }
    pthread_mutex_unlock(&self->mutex);
    Py_END_ALLOW_THREADS
    PyObject *length = PyLong_FromSsize_t(view.len);
    PyBuffer_Release(&view);
    return length;
}

static void
flush_thread(log_object *self)
{
    pthread_mutex_lock(&self->mutex);
    partial **at = find_partial(self);
    if (*at != NULL) {
        emit_partial(at);
    }
    pthread_mutex_unlock(&self->mutex);
}

void
gild_log_flush_thread(gild_interpreter *interpreter)
{
    for (int i = 0; i < 3; i++) {
        log_object *log = (log_object *)interpreter->logs[i];
        if (log != NULL
            && __atomic_load_n(&log->partials, __ATOMIC_RELAXED) != NULL) {
            flush_thread(log);
        }
    }
}

/* In a forked child: another thread of the parent may have held a mutex, and
 * half a line of the parent's is the parent's to finish. */
void
gild_log_after_fork(void)
{
    for (uint32_t i = 0; i < gild.config.interpreter_count; i++) {
        for (int j = 0; j < 3; j++) {
            log_object *log = (log_object *)gild.interpreters[i].logs[j];
            if (log != NULL) {
                pthread_mutex_init(&log->mutex, NULL);
                log->partials = NULL;
            }
        }
    }
}

/* The text stream calls flush() after each line; only an explicit end of the
 * request or of a line lets a partial line go. */
static PyObject *
log_flush(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_NONE;
}

static PyObject *
log_close(PyObject *object, PyObject *Py_UNUSED(unused))
{
    log_object *self = (log_object *)object;

    flush_thread(self);
    self->closed = 1;
    Py_RETURN_NONE;
}

static PyObject *
log_yes(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_TRUE;
}

static PyObject *
log_no(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_FALSE;
}

static PyObject *
log_fileno(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(unused))
{
    PyErr_SetString(PyExc_OSError, "the log has no file descriptor");
    return NULL;
}

static PyObject *
log_get_closed(PyObject *object, void *Py_UNUSED(unused))
{
    return PyBool_FromLong(((log_object *)object)->closed);
}

static void
log_dealloc(PyObject *object)
{
    log_object *self = (log_object *)object;
    PyTypeObject *type = Py_TYPE(object);

    while (self->partials != NULL) {
        emit_partial(&self->partials);
    }
    pthread_mutex_destroy(&self->mutex);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef log_methods[] = {
    {"write", log_write, METH_O,
     "write(data)\n--\n\nWrites bytes to the error log; any buffer will do."},
    {"flush", log_flush, METH_NOARGS, "flush()\n--\n\nDoes nothing."},
    {"close", log_close, METH_NOARGS, "close()\n--\n\nEnds the stream."},
    {"readable", log_no, METH_NOARGS, "readable()\n--\n\nFalse."},
    {"writable", log_yes, METH_NOARGS, "writable()\n--\n\nTrue."},
    {"seekable", log_no, METH_NOARGS, "seekable()\n--\n\nFalse."},
    {"isatty", log_no, METH_NOARGS, "isatty()\n--\n\nFalse."},
    {"fileno", log_fileno, METH_NOARGS, "fileno()\n--\n\nRaises OSError."},
    {NULL, NULL, 0, NULL}
};

static PyObject *
log_get_name(PyObject *object, void *Py_UNUSED(unused))
{
    return PyUnicode_FromString(((log_object *)object)->name);
}

static PyGetSetDef log_getset[] = {
    {"name", log_get_name, NULL, "what the stream is called", NULL},
    {"closed", log_get_closed, NULL, "whether close() was called", NULL},
    {NULL, NULL, NULL, NULL, NULL}
};

static PyType_Slot log_slots[] = {
    {Py_tp_dealloc, log_dealloc},
    {Py_tp_methods, log_methods},
    {Py_tp_getset, log_getset},
    {Py_tp_doc, "The error log as a binary stream."},
    {0, NULL}
};

PyType_Spec gild_log_spec = {
    .name = "mod_wsgi.Log",
    .basicsize = sizeof(log_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = log_slots,
};

/* ---- the text stream ------------------------------------------------------------------ */

static PyObject *
new_log(PyTypeObject *type, const char *name)
{
    log_object *self = PyObject_New(log_object, type);

    if (self != NULL) {
        pthread_mutex_init(&self->mutex, NULL);
        self->partials = NULL;
        self->name = name;
        self->closed = 0;
    }
    return (PyObject *)self;
}

static PyObject *
text_stream(PyObject *log)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *type = io == NULL ? NULL
                     : PyObject_GetAttrString(io, "TextIOWrapper");
    PyObject *arguments = Py_BuildValue("(O)", log);
    PyObject *keywords = Py_BuildValue(
        "{s:s, s:s, s:O, s:O}", "encoding", "utf-8", "errors",
        "backslashreplace", "line_buffering", Py_True, "write_through",
        Py_True);
    PyObject *stream = NULL;

    if (type != NULL && arguments != NULL && keywords != NULL) {
        stream = PyObject_Call(type, arguments, keywords);
    }
    Py_XDECREF(io);
    Py_XDECREF(type);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    return stream;
}

PyObject *
gild_log_stream(gild_module_state *state, const char *name, PyObject **log)
{
    *log = new_log(state->log_type, name);
    return *log == NULL ? NULL : text_stream(*log);
}

/* ---- records of logging ------------------------------------------------------------ */

PyObject *
gild_log_record(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    int level;
    PyObject *message;

    if (!PyArg_ParseTuple(arguments, "iU:_log", &level, &message)) {
        return NULL;
    }
    if (level < GILD_EMERG || level > GILD_TRACE8) {
        return PyErr_Format(PyExc_ValueError, "%d is not a log level", level);
    }
    if (!gild_log_enabled(level)) {
        Py_RETURN_NONE;
    }
    PyObject *bytes = PyUnicode_AsEncodedString(message, "utf-8",
                                                "backslashreplace");
    if (bytes == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    gild_log_bytes(level, current_slot(), PyBytes_AS_STRING(bytes),
                   (size_t)PyBytes_GET_SIZE(bytes));
    Py_END_ALLOW_THREADS
    Py_DECREF(bytes);
    Py_RETURN_NONE;
}
