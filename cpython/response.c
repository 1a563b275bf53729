/* start_response and write (PEP 3333), and the response stream of a slot.
 *
 * start_response checks what it is given and turns it into a head block at
 * once:
 *
 *     u16 status, u16 reason length, u32 number of headers, reason, then
 *     for each header: u16 name length, u16 0, u32 value length, name, value
 *
 * little-endian and unaligned. The block is sent in front of the first byte of
 * the body, so that an application may call start_response again until then.
 */
#include "internal.h"

#include <string.h>

#define HEAD_START      8
#define HEADER_START    8

/* ---- text -------------------------------------------------------------------- */

typedef struct {
    const char *bytes;
    Py_ssize_t length;
} text;

/* The Latin-1 bytes of a str, borrowed from it. */
static int
as_latin1(PyObject *object, const char *what, text *t)
{
    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s must be str, not %s", what,
                     Py_TYPE(object)->tp_name);
        return -1;
    }
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(object) < 0) {
        return -1;
    }
#endif
    if (PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND) {
        Py_XDECREF(PyUnicode_AsLatin1String(object));   /* raises */
        return -1;
    }
    t->bytes = (const char *)PyUnicode_1BYTE_DATA(object);
    t->length = PyUnicode_GET_LENGTH(object);
    return 0;
}

static int
complain(const char *sentence, const text *t)
{
    PyObject *bytes = PyBytes_FromStringAndSize(t->bytes, t->length);

    if (bytes != NULL) {
        PyErr_Format(PyExc_ValueError, "%s: %R", sentence, bytes);
        Py_DECREF(bytes);
    }
    return -1;
}

static int
is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static int
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- the status line ----------------------------------------------------------- */

/* The reason phrase may be missing ("200"), but not badly separated. An
 * informational status is not a response (RFC 9110 section 15.2). */
static int
check_status(const text *t)
{
    if (t->length < 3 || !is_digit(t->bytes[0]) || !is_digit(t->bytes[1])
        || !is_digit(t->bytes[2])
        || (t->length > 3 && is_digit(t->bytes[3]))) {
        return complain("status code must be a 3 digit integer", t);
    }
    if (t->length > 3 && t->bytes[3] != ' ') {
        return complain("no space following status code", t);
    }
    if (t->bytes[0] < '2') {
        return complain("status code must not be informational", t);
    }
    for (Py_ssize_t i = 4; i < t->length; i++) {
        if (is_control((unsigned char)t->bytes[i])) {
            return complain("control character in status reason phrase", t);
        }
    }
    return 0;
}

static int
status_code(const text *t)
{
    return (t->bytes[0] - '0') * 100 + (t->bytes[1] - '0') * 10
           + (t->bytes[2] - '0');
}

/* ---- headers --------------------------------------------------------------------- */

/* RFC 9110 section 5.6.2: token characters. */
static int
is_token(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z')
           || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static int
check_name(const text *t)
{
    if (t->length == 0) {
        PyErr_SetString(PyExc_ValueError, "header name is empty");
        return -1;
    }
    if (t->length > 0xffff) {
        PyErr_Format(PyExc_ValueError, "header name has %zd bytes, at most "
                     "65535 can be sent", t->length);
        return -1;
    }
    for (Py_ssize_t i = 0; i < t->length; i++) {
        unsigned char c = (unsigned char)t->bytes[i];
        if (c == ' ') {
            return complain("space character in header name", t);
        }
        if (is_control(c)) {
            return complain("control character in header name", t);
        }
        if (!is_token(c)) {
            return complain("invalid character in header name", t);
        }
    }
    return 0;
}

static int
check_value(const text *t)
{
    for (Py_ssize_t i = 0; i < t->length; i++) {
        char c = t->bytes[i];
        if (c == '\r' || c == '\n') {
            return complain("carriage return/line feed character in header "
                            "value", t);
        }
        if (c == '\0') {
            return complain("null character in header value", t);
        }
    }
    return 0;
}

static int
is_named(const text *t, const char *name)
{
    return t->length == (Py_ssize_t)strlen(name)
           && PyOS_mystrnicmp(t->bytes, name, t->length) == 0;
}

/* A length that does not fit 18 digits is nobody's. */
static int
parse_content_length(const text *t, int64_t *length)
{
    int64_t value = 0;

    for (Py_ssize_t i = 0; i < t->length; i++) {
        if (!is_digit(t->bytes[i]) || i >= 18) {
            value = -1;
            break;
        }
        value = value * 10 + (t->bytes[i] - '0');
    }
    if (value < 0 || t->length == 0) {
        PyObject *s = PyUnicode_DecodeLatin1(t->bytes, t->length, NULL);
        if (s != NULL) {
            PyErr_Format(PyExc_ValueError,
                         "invalid Content-Length header value: %R", s);
            Py_DECREF(s);
        }
        return -1;
    }
    *length = value;
    return 0;
}

/* The name and value of one header, checked and borrowed. */
static int
read_header(PyObject *header, text *name, text *value, int64_t *content_length)
{
    if (!PyTuple_Check(header)) {
        PyErr_Format(PyExc_TypeError, "each header must be a 2-tuple, not %s",
                     Py_TYPE(header)->tp_name);
        return -1;
    }
    if (PyTuple_GET_SIZE(header) != 2) {
        PyErr_Format(PyExc_ValueError, "each header must be a 2-tuple, got "
                     "length %zd", PyTuple_GET_SIZE(header));
        return -1;
    }
    if (as_latin1(PyTuple_GET_ITEM(header, 0), "header name", name) < 0
        || check_name(name) < 0
        || as_latin1(PyTuple_GET_ITEM(header, 1), "header value", value) < 0
        || check_value(value) < 0) {
        return -1;
    }
    if (is_named(name, "Content-Length")) {
        return parse_content_length(value, content_length);
    }
    return 0;
}

/* ---- the head block ---------------------------------------------------------------- */

/* Checks everything and returns the size of the block, or -1. */
static Py_ssize_t
measure(const text *status, PyObject *headers, int64_t *content_length)
{
    Py_ssize_t size = HEAD_START + status->length;
    text name, value;

    *content_length = -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(headers); i++) {
        if (read_header(PyTuple_GET_ITEM(headers, i), &name, &value,
                        content_length) < 0) {
            return -1;
        }
        size += HEADER_START + name.length + value.length;
    }
    if (size > GILD_OUTPUT_SIZE) {
        PyErr_Format(PyExc_ValueError, "the response headers have %zd bytes, "
                     "at most %d can be sent", size, GILD_OUTPUT_SIZE);
        return -1;
    }
    return size;
}

static char *
put_u16(char *at, Py_ssize_t value)
{
    uint16_t v = (uint16_t)value;

    memcpy(at, &v, sizeof(v));
    return at + sizeof(v);
}

static char *
put_u32(char *at, Py_ssize_t value)
{
    uint32_t v = (uint32_t)value;

    memcpy(at, &v, sizeof(v));
    return at + sizeof(v);
}

static char *
put_text(char *at, const text *t)
{
    memcpy(at, t->bytes, t->length);
    return at + t->length;
}

/* Nothing can fail here any more: measure() has seen it all. */
static void
fill(char *at, const text *status, PyObject *headers)
{
    text reason = {status->bytes + 4, status->length - 4};
    text name, value;
    int64_t unused;

    if (reason.length < 0) {
        reason.length = 0;
    }
    at = put_u16(at, status_code(status));
    at = put_u16(at, reason.length);
    at = put_u32(at, PyTuple_GET_SIZE(headers));
    at = put_text(at, &reason);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(headers); i++) {
        (void)read_header(PyTuple_GET_ITEM(headers, i), &name, &value, &unused);
        at = put_u16(at, name.length);
        at = put_u16(at, 0);
        at = put_u32(at, value.length);
        at = put_text(at, &name);
        at = put_text(at, &value);
    }
}

static size_t
filled_size(const text *status, Py_ssize_t measured)
{
    /* The code and the space after it are not part of the reason. */
    return (size_t)(measured - (status->length < 4 ? status->length : 4));
}

static int
has_no_body(int code)
{
    return code == 204 || code == 304;  /* RFC 9110 section 6.4.1 */
}

static int
set_head(gild_response *self, PyObject *status_object, PyObject *headers)
{
    text status;
    int64_t content_length;

    if (as_latin1(status_object, "status", &status) < 0
        || check_status(&status) < 0) {
        return -1;
    }
    if (status.length > 0xffff) {
        return complain("status reason phrase is too long", &status);
    }
    Py_ssize_t size = measure(&status, headers, &content_length);
    if (size < 0) {
        return -1;
    }
    char *head = PyMem_Malloc((size_t)size);
    if (head == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    fill(head, &status, headers);
    PyMem_Free(self->head);
    self->head = head;
    self->head_length = filled_size(&status, size);
    self->content_length = content_length;
    self->status = status_code(&status);
    self->no_body = (self->slot->flags & GILD_NO_BODY) != 0
                    || has_no_body(self->status);
    return 0;
}

/* Works on a copy of the list, which another thread cannot change. */
static int
set_head_from_list(gild_response *self, PyObject *status, PyObject *list)
{
    PyObject *headers = PyList_AsTuple(list);
    int result = -1;

    if (headers != NULL) {
        result = set_head(self, status, headers);
        Py_DECREF(headers);
    }
    return result;
}

/* ---- the stream ---------------------------------------------------------------------- */

static void
make_visible(gild_response *self)
{
    gild_slot *slot = self->slot;

    __atomic_store_n(&slot->output_written, self->written, __ATOMIC_SEQ_CST);
    if (self->head_sent && slot->head_length == 0) {
        slot->first_byte = gild_now();
        __atomic_store_n(&slot->head_length, (uint32_t)self->head_length,
                         __ATOMIC_SEQ_CST);
        __atomic_store_n(&slot->state, GILD_SLOT_RESPONDING, __ATOMIC_SEQ_CST);
    }
}

static void
flush(gild_response *self)
{
    make_visible(self);
    gild_notify(self->slot);
}

void
gild_response_flush(gild_response *self)
{
    GILD_ALONE(self);
    flush(self);
    GILD_TOGETHER();
}

static uint64_t
room(const gild_slot *slot, uint64_t written)
{
    return GILD_OUTPUT_SIZE
           - (written - __atomic_load_n(&slot->output_read, __ATOMIC_SEQ_CST));
}

/* Lets go of the GIL until the front has taken something from the window, or
 * the request is over (a thread of the application may outlive it here, and
 * then says at most once too often that it wants room). */
static void
wait_for_room(gild_response *self)
{
    gild_slot *slot = self->slot;
    uint64_t written = self->written;

    flush(self);
    int64_t began = gild_now();
    self->waiting++;
    Py_BEGIN_ALLOW_THREADS
    for (;;) {
        uint32_t value = __atomic_load_n(&slot->output_futex,
                                         __ATOMIC_SEQ_CST);
        __atomic_store_n(&slot->output_wanted, 1, __ATOMIC_SEQ_CST);
        if (room(slot, written) > 0
            || __atomic_load_n(&slot->output_gone, __ATOMIC_SEQ_CST)
            || __atomic_load_n(&self->slot, __ATOMIC_SEQ_CST) != slot) {
            break;
        }
        gild_futex_wait(&slot->output_futex, value);
    }
    Py_END_ALLOW_THREADS
    self->waiting--;
    self->waited += gild_now() - began;
}

/* Copies into the window, around its end. */
static void
copy_out(gild_response *self, const char *data, size_t length)
{
    char *window = (char *)self->slot + GILD_OUTPUT_OFFSET;
    size_t at = self->written % GILD_OUTPUT_SIZE;
    size_t first = GILD_OUTPUT_SIZE - at;

    if (first > length) {
        first = length;
    }
    memcpy(window + at, data, first);
    memcpy(window, data + first, length - first);
    self->written += length;
}

/* 0, or 1 when the client is gone. */
static int
send_bytes(gild_response *self, const char *data, size_t length)
{
    while (length > 0) {
        if (self->slot == NULL
            || __atomic_load_n(&self->slot->output_gone, __ATOMIC_SEQ_CST)) {
            self->gone = 1;
            return 1;
        }
        size_t piece = room(self->slot, self->written);
        if (piece == 0) {
            wait_for_room(self);
            continue;
        }
        piece = piece < length ? piece : length;
        copy_out(self, data, piece);
        data += piece;
        length -= piece;
    }
    return 0;
}

static int
send_head(gild_response *self)
{
    if (self->head_sent) {
        return 0;
    }
    if (self->head == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "start_response() must be called "
                        "before response content is produced");
        return -1;
    }
    self->head_sent = 1;
    copy_out(self, self->head, self->head_length);  /* the window is empty */
    PyMem_Free(self->head);
    self->head = NULL;
    return 0;
}

int
gild_response_head(gild_response *self)
{
    int result;

    GILD_ALONE(self);
    result = send_head(self);
    GILD_TOGETHER();
    return result;
}

/* What is longer than the declared length is cut off: a client could take the
 * rest for another response. */
static size_t
within_content_length(gild_response *self, size_t length)
{
    if (self->content_length >= 0
        && (int64_t)length > self->content_length - self->sent) {
        length = (size_t)(self->content_length - self->sent);
    }
    return length;
}

static int
send_piece(gild_response *self, PyObject *bytes)
{
    size_t length = (size_t)PyBytes_GET_SIZE(bytes);

    if (send_head(self) < 0) {
        return -1;
    }
    self->writes++;
    if (self->no_body) {
        self->slot->discarded += (int64_t)length;
        return 0;
    }
    length = within_content_length(self, length);
    self->sent += (int64_t)length;
    return send_bytes(self, PyBytes_AS_STRING(bytes), length);
}

int
gild_response_write(gild_response *self, PyObject *bytes)
{
    int result;

    GILD_ALONE(self);
    result = send_piece(self, bytes);
    GILD_TOGETHER();
    return result;
}

/* ---- what Python sees ------------------------------------------------------------------ */

static int
check_live(gild_response *self, const char *method)
{
    if (gild_in_forked_child()) {
        PyErr_Format(PyExc_OSError, "%s called in a forked child: the "
                     "response belongs to the parent process", method);
        return -1;
    }
    if (self->slot == NULL) {
        PyErr_Format(PyExc_RuntimeError, "%s called after request completed",
                     method);
        return -1;
    }
    return 0;
}

static PyObject *
write_checked(gild_response *self, PyObject *data)
{
    if (check_live(self, "write()") < 0) {
        return NULL;
    }
    if (!PyBytes_Check(data)) {
        PyErr_Format(PyExc_TypeError, "write() argument must be bytes, not %s",
                     Py_TYPE(data)->tp_name);
        return NULL;
    }
    int result = send_piece(self, data);
    if (result > 0) {
        PyErr_SetString(PyExc_OSError, "mod_wsgi client connection closed");
        return NULL;
    }
    if (result < 0) {
        return NULL;
    }
    flush(self);
    Py_RETURN_NONE;
}

static PyObject *
response_write(PyObject *object, PyObject *data)
{
    PyObject *result;

    GILD_ALONE(object);
    result = write_checked((gild_response *)object, data);
    GILD_TOGETHER();
    return result;
}

static PyMethodDef write_method = {
    "write", response_write, METH_O,
    "write(data)\n--\n\nSends a piece of the response body (PEP 3333)."
};

/* Raises the exception that the application hands over. 0 if there is none:
 * sys.exc_info() is (None, None, None) outside of an except clause. */
static int
reraise(PyObject *exc_info)
{
    PyObject *type = PyTuple_GET_ITEM(exc_info, 0);
    PyObject *value = PyTuple_GET_ITEM(exc_info, 1);
    PyObject *traceback = PyTuple_GET_ITEM(exc_info, 2);

    if (!PyExceptionClass_Check(type)) {
        return 0;
    }
    PyErr_Restore(Py_NewRef(type), value == Py_None ? NULL : Py_NewRef(value),
                  PyTraceBack_Check(traceback) ? Py_NewRef(traceback) : NULL);
    return 1;
}

/* PEP 3333: with exc_info the head may be replaced until it was sent. Without
 * it, a second call is an error only after that too: applications rely on the
 * tolerance. */
static int
check_repeated(gild_response *self, PyObject *exc_info)
{
    if (exc_info != Py_None
        && (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3)) {
        PyErr_SetString(PyExc_RuntimeError, "start_response() argument "
                        "'exc_info' must be a 3-tuple or None");
        return -1;
    }
    if (!self->head_sent) {
        return 0;
    }
    if (exc_info == Py_None || !reraise(exc_info)) {
        PyErr_SetString(PyExc_RuntimeError, "start_response() called more "
                        "than once without exc_info");
    }
    return -1;
}

static PyObject *
begin_response(gild_response *self, PyObject *status, PyObject *headers,
               PyObject *exc_info)
{
    if (check_live(self, "start_response()") < 0) {
        return NULL;
    }
    if (!PyList_Check(headers)) {
        PyErr_Format(PyExc_TypeError, "start_response() argument 2 must be "
                     "list, not %s", Py_TYPE(headers)->tp_name);
        return NULL;
    }
    if (check_repeated(self, exc_info) < 0
        || set_head_from_list(self, status, headers) < 0) {
        return NULL;
    }
    return PyCFunction_New(&write_method, (PyObject *)self);
}

/* After the call has succeeded, and not while the object is locked: the
 * subscribers may do what they like. */
static void
publish_response(gild_response *self, PyObject *const *arguments,
                 PyObject *exc_info)
{
    gild_module_state *state = PyType_GetModuleState(Py_TYPE(self));
    const gild_slot *slot = self->slot;

    if (slot != NULL && gild_has_subscribers(state)) {
        gild_publish_response(state, slot, arguments[0], arguments[1],
                              exc_info);
    }
}

static PyObject *
start_response(PyObject *object, PyObject *const *arguments,
               Py_ssize_t count, PyObject *names)
{
    PyObject *exc_info = Py_None;
    PyObject *result;

    if (names != NULL && PyTuple_GET_SIZE(names) == 1 && count == 2
        && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0),
                                            "exc_info") == 0) {
        exc_info = arguments[2];
    }
    else if ((names != NULL && PyTuple_GET_SIZE(names) > 0) || count < 2
             || count > 3) {
        PyErr_SetString(PyExc_TypeError, "start_response() takes status, "
                        "headers and optionally exc_info");
        return NULL;
    }
    else if (count == 3) {
        exc_info = arguments[2];
    }
    GILD_ALONE(object);
    result = begin_response((gild_response *)object, arguments[0],
                            arguments[1], exc_info);
    GILD_TOGETHER();
    if (result != NULL) {
        publish_response((gild_response *)object, arguments, exc_info);
    }
    return result;
}

static PyMethodDef start_response_method = {
    "start_response", (PyCFunction)(void (*)(void))start_response,
    METH_FASTCALL | METH_KEYWORDS,
    "start_response(status, headers, exc_info=None)\n--\n\n"
    "Begins the response (PEP 3333); returns write()."
};

/* ---- the object -------------------------------------------------------------------------- */

PyObject *
gild_response_new(gild_interpreter *interpreter, gild_slot *slot)
{
    PyTypeObject *type = interpreter->module->response_type;
    gild_response *self = PyObject_New(gild_response, type);

    if (self == NULL) {
        return NULL;
    }
    memset((char *)self + sizeof(PyObject), 0,
           sizeof(*self) - sizeof(PyObject));
    self->slot = slot;
    self->content_length = -1;
    self->no_body = (slot->flags & GILD_NO_BODY) != 0;
    return (PyObject *)self;
}

static void
end(gild_response *self)
{
    gild_slot *slot = self->slot;

    if (self->head_sent) {
        make_visible(self);
    }
    __atomic_store_n(&self->slot, NULL, __ATOMIC_SEQ_CST);
    if (self->waiting > 0) {
        gild_futex_raise(&slot->output_futex);
    }
}

void
gild_response_end(gild_response *self)
{
    GILD_ALONE(self);
    end(self);
    GILD_TOGETHER();
}

static void
response_dealloc(PyObject *object)
{
    gild_response *self = (gild_response *)object;
    PyTypeObject *type = Py_TYPE(object);

    PyMem_Free(self->head);
    PyObject_Free(object);
    Py_DECREF(type);
}

PyObject *
gild_response_start(PyObject *response)
{
    return PyCFunction_New(&start_response_method, response);
}

static PyType_Slot response_slots[] = {
    {Py_tp_dealloc, response_dealloc},
    {0, NULL}
};

PyType_Spec gild_response_spec = {
    .name = "mod_wsgi.Response",
    .basicsize = sizeof(gild_response),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = response_slots,
};
