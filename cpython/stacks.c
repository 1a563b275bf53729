/* What the threads of an interpreter do: for the prelude's stacks(), which logs
 * it, and for when the GIL cannot be had (signals.c). */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static gild_worker *
worker_of(unsigned long ident)
{
    for (uint32_t i = 0; i < gild.config.threads; i++) {
        if ((unsigned long)gild.workers[i].pthread == ident) {
            return &gild.workers[i];
        }
    }
    return NULL;
}

/* (thread_id, "GET /path", seconds) of a thread in a request, else None. */
static PyObject *
request_of(unsigned long ident)
{
    gild_worker *worker = worker_of(ident);
    gild_slot *slot = worker == NULL ? NULL : worker->slot;
    char method[32], uri[1024], line[1100];

    if (slot == NULL) {
        Py_RETURN_NONE;
    }
    gild_environ_value(slot, "REQUEST_METHOD", method, sizeof(method));
    gild_environ_value(slot, "REQUEST_URI", uri, sizeof(uri));
    snprintf(line, sizeof(line), "%s %s", method, uri);
    PyObject *text = PyUnicode_DecodeLatin1(line, (Py_ssize_t)strlen(line),
                                            NULL);
    return text == NULL ? NULL
           : Py_BuildValue("(INd)", worker->index + 1, text,
                           (double)(gild_now() - slot->picked_up) / 1e9);
}

/* Without a GIL the frames of running threads are not ours to take:
 * sys._current_frames() stops them for it, and the prelude uses that. */
static PyObject *
frame_of(PyThreadState *tstate)
{
    PyObject *frame = gild.gil_disabled ? NULL
                      : (PyObject *)PyThreadState_GetFrame(tstate);

    return frame == NULL ? Py_NewRef(Py_None) : frame;
}

static int
append_thread(PyObject *list, PyThreadState *tstate)
{
    PyObject *request = request_of(tstate->thread_id);
    PyObject *item = request == NULL ? NULL
                     : Py_BuildValue("(kNN)", tstate->thread_id, request,
                                     frame_of(tstate));
    int result = item == NULL ? -1 : PyList_Append(list, item);

    Py_XDECREF(item);
    return result;
}

/* _threads(): (ident, request or None, frame or None) of each thread that has a
 * state in this interpreter. sys._current_frames() would be of all of them,
 * also of those with a GIL of their own. */
PyObject *
gild_threads(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    PyInterpreterState *interp = PyInterpreterState_Get();
    PyObject *list = PyList_New(0);

    for (PyThreadState *tstate = PyInterpreterState_ThreadHead(interp);
         list != NULL && tstate != NULL; tstate = PyThreadState_Next(tstate)) {
        if (append_thread(list, tstate) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}
