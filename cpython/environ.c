/* The environ: a copy of a prototype with the keys that every request has, and
 * the keys of the environ block.
 *
 * The block is a sequence of entries, little-endian and unaligned:
 *
 *     u8 decoding   0: Latin-1 (PEP 3333), 1: the file system's encoding
 *     u8 reserved
 *     u16 key length, u32 value length, key, value
 */
#include "internal.h"

#include <string.h>
#include <time.h>

#define ENTRY_HEAD 8

typedef struct {
    int decoding;
    uint32_t key_length;
    uint32_t value_length;
    const char *key;
    const char *value;
} entry;

/* Reads the entry at *at*; returns the position after it, or NULL at the end.
 * An entry that passes the end is the end. */
static const char *
next_entry(const char *at, const char *end, entry *e)
{
    uint16_t key_length;

    if (end - at < ENTRY_HEAD) {
        return NULL;
    }
    e->decoding = (unsigned char)at[0];
    memcpy(&key_length, at + 2, sizeof(key_length));
    memcpy(&e->value_length, at + 4, sizeof(e->value_length));
    e->key_length = key_length;
    e->key = at + ENTRY_HEAD;
    if ((uint64_t)(end - e->key) < (uint64_t)e->key_length + e->value_length) {
        return NULL;
    }
    e->value = e->key + e->key_length;
    return e->value + e->value_length;
}

static const char *
block_start(const gild_slot *slot)
{
    return (const char *)slot + GILD_SLOT_HEAD;
}

static const char *
block_end(const gild_slot *slot)
{
    uint32_t length = slot->environ_length;

    return block_start(slot)
           + (length < GILD_ENVIRON_SIZE ? length : GILD_ENVIRON_SIZE);
}

void
gild_environ_value(gild_slot *slot, const char *key, char *buffer, size_t size)
{
    const char *at = block_start(slot);
    entry e;

    buffer[0] = '\0';
    while ((at = next_entry(at, block_end(slot), &e)) != NULL) {
        if (e.key_length == strlen(key)
            && memcmp(e.key, key, e.key_length) == 0) {
            size_t length = e.value_length < size - 1 ? e.value_length
                                                      : size - 1;
            memcpy(buffer, e.value, length);
            buffer[length] = '\0';
            return;
        }
    }
}

/* ---- keys ------------------------------------------------------------------- */

static uint32_t
hash_key(const char *key, uint32_t length)
{
    uint32_t hash = 2166136261u;    /* FNV-1a */

    for (uint32_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)key[i]) * 16777619u;
    }
    return hash;
}

static int
same_key(const gild_key *cached, uint32_t hash, const char *key,
         uint32_t length)
{
    return cached->hash == hash && cached->length == length
           && memcmp(PyUnicode_1BYTE_DATA(cached->key), key, length) == 0;
}

/* A new reference to the str of the key. Names that come often (as most do)
 * are made once for each thread; a client that invents names fills the cache
 * and then only pays for its own. */
static PyObject *
key_object(gild_binding *binding, const char *key, uint32_t length)
{
    uint32_t hash = hash_key(key, length);
    uint32_t at = hash & (GILD_KEY_CACHE - 1);

    while (binding->keys[at].key != NULL) {
        if (same_key(&binding->keys[at], hash, key, length)) {
            return Py_NewRef(binding->keys[at].key);
        }
        at = (at + 1) & (GILD_KEY_CACHE - 1);
    }
    PyObject *object = PyUnicode_DecodeLatin1(key, length, NULL);
    if (object != NULL && binding->key_count < GILD_KEY_CACHE / 2) {
        PyUnicode_InternInPlace(&object);
        binding->keys[at] = (gild_key){hash, length, Py_NewRef(object)};
        binding->key_count++;
    }
    return object;
}

void
gild_keys_clear(gild_binding *binding)
{
    for (int i = 0; i < GILD_KEY_CACHE; i++) {
        Py_CLEAR(binding->keys[i].key);
    }
}

/* ---- the dict ---------------------------------------------------------------- */

static int
set_entry(PyObject *environ, gild_binding *binding, const entry *e)
{
    PyObject *key = key_object(binding, e->key, e->key_length);
    PyObject *value = NULL;
    int result = -1;

    if (key == NULL) {
        return -1;
    }
    if (e->decoding == 0) {
        value = PyUnicode_DecodeLatin1(e->value, e->value_length, NULL);
    }
    else {
        value = PyUnicode_DecodeFSDefaultAndSize(e->value, e->value_length);
    }
    if (value != NULL) {
        result = PyDict_SetItem(environ, key, value);
        Py_DECREF(value);
    }
    Py_DECREF(key);
    return result;
}

static int
set_block(PyObject *environ, gild_binding *binding, gild_slot *slot)
{
    const char *at = block_start(slot);
    const char *end = block_end(slot);
    entry e;

    while ((at = next_entry(at, end, &e)) != NULL) {
        if (set_entry(environ, binding, &e) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
set_seconds(PyObject *environ, PyObject *key, int64_t nanoseconds)
{
    PyObject *value = PyFloat_FromDouble((double)nanoseconds / 1e9);

    if (value == NULL) {
        return -1;
    }
    int result = PyDict_SetItem(environ, key, value);
    Py_DECREF(value);
    return result;
}

/* Times of the epoch for the application; the slot has monotonic ones. In
 * embedded mode there is no daemon, so it has no start: the prototype says 0. */
static int
set_times(PyObject *environ, gild_interpreter *interpreter,
          const gild_slot *slot, int64_t epoch)
{
    gild_names *names = &interpreter->names;

    if (set_seconds(environ, names->request_start, slot->started) < 0
        || set_seconds(environ, names->queue_start, epoch + slot->queued) < 0
        || set_seconds(environ, names->application_start,
                       epoch + slot->application_start) < 0) {
        return -1;
    }
    return !gild_is_daemon() ? 0
           : set_seconds(environ, names->daemon_start,
                         epoch + slot->picked_up);
}

/* What is between the clocks. It changes when somebody sets the time. */
static int64_t
epoch_at(int64_t monotonic)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - monotonic;
}

static int
set_thread(PyObject *environ, gild_interpreter *interpreter, gild_slot *slot)
{
    PyObject *number = PyLong_FromUnsignedLong(slot->thread + 1);

    if (number == NULL) {
        return -1;
    }
    int result = PyDict_SetItem(environ, interpreter->names.thread_id, number);
    Py_DECREF(number);
    return result;
}

PyObject *
gild_environ(gild_worker *worker, gild_interpreter *interpreter,
             gild_slot *slot)
{
    gild_names *names = &interpreter->names;
    gild_binding *binding = &worker->bindings[interpreter->index];
    PyObject *environ = PyDict_Copy(interpreter->prototype);

    if (environ == NULL) {
        return NULL;
    }
    slot->application_start = gild_now();
    worker->service.epoch = epoch_at(slot->application_start);
    PyObject *scheme = slot->flags & GILD_HTTPS ? names->https : names->http;
    if (set_block(environ, binding, slot) < 0
        || PyDict_SetItem(environ, names->wsgi_url_scheme, scheme) < 0
        || set_times(environ, interpreter, slot, worker->service.epoch) < 0
        || set_thread(environ, interpreter, slot) < 0) {
        Py_DECREF(environ);
        return NULL;
    }
    return environ;
}

/* ---- the prototype ------------------------------------------------------------ */

/* Takes over the reference to the value. */
static int
put(PyObject *prototype, const char *key, PyObject *value)
{
    PyObject *name = value == NULL ? NULL : PyUnicode_InternFromString(key);
    int result = name == NULL ? -1 : PyDict_SetItem(prototype, name, value);

    Py_XDECREF(name);
    Py_XDECREF(value);
    return result;
}

static int
put_wsgi(PyObject *d, gild_interpreter *interpreter)
{
    PyTypeObject *wrapper = interpreter->module->file_wrapper_type;

    return put(d, "wsgi.version", Py_BuildValue("(ii)", 1, 0)) < 0
           || put(d, "wsgi.multithread",
                  PyBool_FromLong(gild.config.threads != 1)) < 0
           || put(d, "wsgi.multiprocess",
                  PyBool_FromLong(gild.config.multiprocess)) < 0
           || put(d, "wsgi.run_once",
                  PyBool_FromLong(gild.config.run_once)) < 0
           || put(d, "wsgi.input_terminated", PyBool_FromLong(1)) < 0
           || put(d, "wsgi.file_wrapper", Py_NewRef((PyObject *)wrapper)) < 0;
}

static int
put_mod_wsgi(PyObject *d, gild_interpreter *interpreter)
{
    return put(d, "mod_wsgi.version", Py_BuildValue("(iii)", 6, 0, 5)) < 0
           || put(d, "apache.version", Py_BuildValue("(iii)", 2, 4, 0)) < 0
           || put(d, "mod_wsgi.process_group",
                  PyUnicode_FromString(gild_group())) < 0
           || put(d, "mod_wsgi.application_group",
                  PyUnicode_FromString(interpreter->name)) < 0
           || put(d, "mod_wsgi.handler_script", PyUnicode_FromString("")) < 0
           || put(d, "mod_wsgi.daemon_start", PyFloat_FromDouble(0.0)) < 0
           || put(d, "mod_wsgi.script_reloading",
                  PyUnicode_FromString(gild.config.script_reloading ? "1"
                                                                   : "0")) < 0
           || put(d, "SERVER_SOFTWARE",
                  PyUnicode_FromString(gild.config.server_software)) < 0;
}

int
gild_prototype(gild_interpreter *interpreter)
{
    interpreter->prototype = PyDict_New();
    if (interpreter->prototype == NULL
        || put_wsgi(interpreter->prototype, interpreter)
        || put_mod_wsgi(interpreter->prototype, interpreter)) {
        return -1;
    }
    return 0;
}
