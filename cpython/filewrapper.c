/* wsgi.file_wrapper (PEP 3333): an iterable of the blocks of a file, and the
 * way by which a regular file reaches the client without passing Python. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <structmember.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    PyObject_HEAD
    PyObject *filelike;
    Py_ssize_t blksize;
} file_wrapper;

static int
wrapper_init(PyObject *object, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"filelike", "blksize", NULL};
    file_wrapper *self = (file_wrapper *)object;
    PyObject *filelike;
    Py_ssize_t blksize = 8192;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|n:FileWrapper",
                                     names, &filelike, &blksize)) {
        return -1;
    }
    Py_XSETREF(self->filelike, Py_NewRef(filelike));
    self->blksize = blksize;
    return 0;
}

static PyObject *
wrapper_next(PyObject *object)
{
    file_wrapper *self = (file_wrapper *)object;

    if (self->filelike == NULL) {
        PyErr_SetString(PyExc_ValueError, "FileWrapper has no file");
        return NULL;
    }
    PyObject *block = PyObject_CallMethod(self->filelike, "read", "n",
                                          self->blksize);
    if (block == NULL) {
        return NULL;
    }
    Py_ssize_t length = PyObject_Length(block);
    if (length <= 0) {
        Py_CLEAR(block);    /* the end, or an object without a length */
    }
    return block;
}

/* Closes the file if it can be closed. */
static PyObject *
wrapper_close(PyObject *object, PyObject *Py_UNUSED(unused))
{
    file_wrapper *self = (file_wrapper *)object;

    if (self->filelike != NULL
        && PyObject_HasAttrString(self->filelike, "close")) {
        return PyObject_CallMethod(self->filelike, "close", NULL);
    }
    Py_RETURN_NONE;
}

static int
wrapper_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((file_wrapper *)object)->filelike);
    return 0;
}

static int
wrapper_clear(PyObject *object)
{
    Py_CLEAR(((file_wrapper *)object)->filelike);
    return 0;
}

static void
wrapper_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    wrapper_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef wrapper_methods[] = {
    {"close", wrapper_close, METH_NOARGS,
     "close()\n--\n\nCloses the file."},
    {NULL, NULL, 0, NULL}
};

static PyMemberDef wrapper_members[] = {
    {"filelike", T_OBJECT, offsetof(file_wrapper, filelike), READONLY,
     "the wrapped file"},
    {"blksize", T_PYSSIZET, offsetof(file_wrapper, blksize), READONLY,
     "bytes read at a time"},
    {NULL, 0, 0, 0, NULL}
};

static PyType_Slot wrapper_slots[] = {
    {Py_tp_init, wrapper_init},
    {Py_tp_dealloc, wrapper_dealloc},
    {Py_tp_traverse, wrapper_traverse},
    {Py_tp_clear, wrapper_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, wrapper_next},
    {Py_tp_methods, wrapper_methods},
    {Py_tp_members, wrapper_members},
    {Py_tp_doc, "FileWrapper(filelike, blksize=8192)\n--\n\n"
                "An iterable over the blocks of a file."},
    {0, NULL}
};

PyType_Spec gild_file_wrapper_spec = {
    .name = "mod_wsgi.FileWrapper",
    .basicsize = sizeof(file_wrapper),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = wrapper_slots,
};

/* ---- the short way ------------------------------------------------------------ */

/* The value of a method without arguments, or -1 with no exception set: then
 * the file is not one that can be sent by its descriptor. */
static int64_t
call_for_number(PyObject *object, PyObject *method)
{
    PyObject *result = PyObject_CallMethodNoArgs(object, method);
    long long number = -1;

    if (result != NULL) {
        number = PyLong_AsLongLong(result);
        Py_DECREF(result);
    }
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return -1;
    }
    return number;
}

/* Size of a regular file, or -1. */
static int64_t
regular_size(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return -1;
    }
    return status.st_size;
}

/* A descriptor for the front: the application may close its own as soon as the
 * request is over for it. Opened again where that is allowed, for an offset of
 * its own: one file object may be in several responses at once. */
static int
open_again(int fd)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    return again >= 0 ? again : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* Sends the descriptor to the front, which is another process. It is there when
 * the slot is DONE. What cannot be sent is iterated instead. */
static int
send_descriptor(const gild_slot *slot, int fd)
{
    gild_file_message text = {gild_slot_number(slot), slot->serial};
    struct iovec part = {&text, sizeof(text)};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    ssize_t sent;
    do {
        sent = sendmsg(gild.config.file_fd, &message,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

/* Gives the descriptor to the front, wherever that is. Returns 0 when that is
 * not possible. */
static int
hand_over(gild_slot *slot, int fd)
{
    if (gild.config.file_fd < 0) {
        slot->file = fd;
        return 1;
    }
    int result = send_descriptor(slot, fd);
    close(fd);
    if (result < 0) {
        return 0;
    }
    slot->file = GILD_FILE_SENT;
    return 1;
}

static int
give_file(gild_response *response, int fd, int64_t offset, int64_t length)
{
    gild_slot *slot = response->slot;
    int own = open_again(fd);

    if (own < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    if (!hand_over(slot, own)) {
        return 0;
    }
    if (response->content_length >= 0 && response->content_length < length) {
        length = response->content_length;
    }
    slot->file_offset = offset;
    slot->file_length = length;
    response->sent = length;
    return 1;
}

int
gild_send_file(gild_interpreter *interpreter, gild_response *response,
               PyObject *iterable)
{
    PyTypeObject *type = interpreter->module->file_wrapper_type;
    gild_names *names = &interpreter->names;

    if (!PyObject_TypeCheck(iterable, type) || response->head_sent
        || response->head == NULL) {
        return 0;
    }
    PyObject *filelike = ((file_wrapper *)iterable)->filelike;
    if (filelike == NULL) {
        return 0;
    }
    int64_t fd = call_for_number(filelike, names->fileno);
    int64_t offset = fd < 0 ? -1 : call_for_number(filelike, names->tell);
    int64_t size = offset < 0 ? -1 : regular_size((int)fd);
    if (size < 0) {
        return 0;
    }
    if (response->no_body) {
        response->slot->discarded = offset < size ? size - offset : 0;
        return 1;
    }
    return give_file(response, (int)fd, offset,
                     offset < size ? size - offset : 0);
}
