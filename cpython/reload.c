/* Reloading: whether the script of an application is still the file that was
 * loaded. In daemon mode a process with old code is renewed; in embedded mode,
 * where it holds connections, the script is executed again in place. */
#include "internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- stamps ----------------------------------------------------------------------- */

static gild_stamp
stamp_of(const char *path)
{
    struct stat s;

    if (stat(path, &s) < 0) {
        return (gild_stamp){.size = -1};
    }
    return (gild_stamp){
        .mtime = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec,
        .inode = s.st_ino,
        .size = s.st_size,
    };
}

static int
same(const gild_stamp *a, const gild_stamp *b)
{
    return a->mtime == b->mtime && a->inode == b->inode && a->size == b->size;
}

/* ---- what to watch ----------------------------------------------------------------- */

/* Takes (path or None, mtime, inode, size, reload_required or None). */
static int
take_watch(gild_reload *reload, PyObject *watch)
{
    const char *path;
    long long mtime, size;
    unsigned long long inode;
    PyObject *required;

    if (!PyArg_ParseTuple(watch, "zLKLO", &path, &mtime, &inode, &size,
                          &required)) {
        return -1;
    }
    reload->loaded = (gild_stamp){mtime, inode, size};
    reload->noticed = reload->tried = reload->accepted = reload->loaded;
    free(reload->path);
    reload->path = path == NULL ? NULL : strdup(path);
    Py_XSETREF(reload->required,
               required == Py_None ? NULL : Py_NewRef(required));
    return 0;
}

/* The prelude's watch() tells of what its load() has just loaded, and
 * watch_broken() of what it could not load. */
void
gild_reload_watch(gild_application *application)
{
    gild_interpreter *interpreter = application->interpreter;
    PyObject *watch = gild_prelude_function(
        interpreter, application->callable == NULL ? "watch_broken" : "watch");
    PyObject *result = NULL;

    if (!gild.config.script_reloading || watch == NULL) {
        return;
    }
    PyObject *spec = PyUnicode_DecodeFSDefault(application->spec);
    if (spec != NULL) {
        result = PyObject_CallOneArg(watch, spec);
        Py_DECREF(spec);
    }
    if (result == NULL || !PyTuple_Check(result)
        || take_watch(&application->reload, result) < 0) {
        gild_log_exception(interpreter, "Changes of WSGI script '%s' cannot "
                           "be noticed.", application->name);
    }
    Py_XDECREF(result);
}

void
gild_reload_clear(gild_application *application)
{
    Py_CLEAR(application->reload.required);
    Py_CLEAR(application->reload.retired);
}

/* ---- has it changed? ---------------------------------------------------------------- */

/* What reload_required() is asked about: the file that the request is for,
 * which is the script itself unless that is a handler. */
static PyObject *
resource(gild_worker *worker, gild_application *application)
{
    char file[PATH_MAX];

    gild_environ_value(worker->slot, "SCRIPT_FILENAME", file, sizeof(file));
    return PyUnicode_DecodeFSDefault(file[0] == '\0' ? application->name
                                                     : file);
}

/* What the script says itself. An exception is no reason to reload. */
static int
is_required(gild_worker *worker, gild_application *application)
{
    gild_reload *reload = &application->reload;
    PyObject *function = Py_NewRef(reload->required);   /* it may be replaced */
    PyObject *path = resource(worker, application);
    PyObject *result = path == NULL ? NULL
                       : PyObject_CallOneArg(function, path);
    int required = result == NULL ? -1 : PyObject_IsTrue(result);

    Py_DECREF(function);
    Py_XDECREF(path);
    Py_XDECREF(result);
    if (required < 0) {
        gild_log_exception(application->interpreter, "Exception occurred in "
                           "reload_required() of WSGI script '%s'; it is not "
                           "reloaded.", application->name);
        return 0;
    }
    return required;
}

/* A look at the file costs a system call. One that was taken after the request
 * was queued tells all that this request can want to know, so that those that
 * come together share it. */
static int
has_changed(gild_reload *reload, const gild_slot *slot)
{
    if (reload->looked <= slot->queued) {
        int64_t now = gild_now();
        reload->noticed = stamp_of(reload->path);
        reload->looked = now;
    }
    return reload->noticed.size >= 0
           && !same(&reload->noticed, &reload->loaded)
           && !same(&reload->noticed, &reload->accepted);
}

#define PAUSE   5000000000  /* nanoseconds */

/* How often the process was to go on although it wanted to be renewed. */
static atomic_uint resumed;

void
gild_reload_resumed(void)
{
    atomic_fetch_add(&resumed, 1);
}

/* The replacement could not load the script either: the old code serves until
 * there is another one. A reload_required() that has no script to look at may
 * say yes again at once, and is not asked for a while. */
static void
note_resumed(gild_reload *reload)
{
    unsigned count = atomic_load(&resumed);

    if (count != reload->resumed) {
        reload->resumed = count;
        reload->accepted = reload->tried;
        reload->paused = gild_now() + PAUSE;
    }
}

static int
wants_reload(gild_worker *worker, gild_application *application)
{
    gild_reload *reload = &application->reload;

    note_resumed(reload);
    if (reload->required != NULL) {
        return gild_now() >= reload->paused && is_required(worker, application);
    }
    return reload->path != NULL && has_changed(reload, worker->slot);
}

/* ---- a daemon process: renewal ------------------------------------------------------- */

static int
renew(gild_application *application)
{
    gild_reload *reload = &application->reload;

    if (!gild_is_closed()) {
        gild_log(GILD_INFO, NULL, "Forcing restart of daemon process '%s' due "
                 "to modification of script '%s'.", gild_group(),
                 application->name);
    }
    reload->tried = reload->noticed;
    return 1;
}

/* ---- embedded mode: again in place --------------------------------------------------- */

/* What was there may still run in other threads: it is kept. */
static int
replace(gild_application *application, PyObject *callable)
{
    gild_reload *reload = &application->reload;

    if (reload->retired == NULL) {
        reload->retired = PyList_New(0);
    }
    if (reload->retired == NULL
        || PyList_Append(reload->retired, application->callable) < 0) {
        return -1;
    }
    Py_SETREF(application->callable, callable);
    gild_reload_watch(application);
    return 0;
}

static void
load_again(gild_application *application)
{
    char buffer[256];
    gild_interpreter *interpreter = application->interpreter;

    application->reload.accepted = application->reload.noticed;
    gild_log(GILD_INFO, NULL, "Reloading WSGI script '%s' into %s.",
             application->name,
             gild_context(interpreter, buffer, sizeof(buffer)));
    PyObject *callable = gild_application_callable(application);
    if (callable == NULL || replace(application, callable) < 0) {
        gild_log_exception(interpreter, "WSGI script '%s' has changed and "
                           "cannot be loaded: the old one goes on serving.",
                           application->name);
    }
}

/* Threads that come while one loads wait for it. */
static void
load_again_once(gild_application *application)
{
    gild_reload *reload = &application->reload;

    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&reload->loading);
    Py_END_ALLOW_THREADS
    if (reload->required != NULL
        || (!same(&reload->noticed, &reload->loaded)
            && !same(&reload->noticed, &reload->accepted))) {
        load_again(application);
    }
    pthread_mutex_unlock(&reload->loading);
}

/* ---- both ----------------------------------------------------------------------------- */

int
gild_is_outdated(gild_worker *worker, gild_application *application)
{
    if (!gild.config.script_reloading || !wants_reload(worker, application)) {
        return 0;
    }
    if (gild_is_daemon()) {
        return renew(application);
    }
    load_again_once(application);
    return 0;
}
