/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run of an engine inside the host's process.
 *
 * QEMU cannot end without ending its process, nor begin twice in one.  So each run is
 * a world of its own: the engine's data are set to what they were when it was loaded,
 * its constructors run, and its main function is called.  Whoever ends the run leaves
 * the engine by siglongjmp(), and so do all of its threads; then everything that it
 * took is given back, whatever state it is in.  The guest's exec begins another world.
 *
 * A thread leaves where it looks whether the run ends (lt_inside->check()); QEMU's own
 * threads, and those that do not come there for long, are taken out by a signal, other
 * than between world_hold() and world_release().
 */
#include <asm/prctl.h>
#include <errno.h>
#include <linux/futex.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lt-inside.h"
#include "world.h"

/* WORLD is the architecture's name, WORLD_NUMBER its LT_ARCH_*. */
#define NAME_2(a, b) a##b
#define NAME_1(a, b) NAME_2(a, b)
#define NAME(a) NAME_1(a, WORLD)

/* The engine's sections, see world.ld. */
#define HIDDEN __attribute__((visibility("hidden")))
extern char NAME(__start_lt_data_)[] HIDDEN, NAME(__stop_lt_data_)[] HIDDEN;
extern char NAME(__start_lt_bss_)[] HIDDEN, NAME(__stop_lt_bss_)[] HIDDEN;
typedef void (*constructor)(int, char **, char **);
extern const constructor NAME(__start_lt_init_)[] HIDDEN, NAME(__stop_lt_init_)[] HIDDEN;
__attribute__((section("lt_tls_first"))) static __thread uint64_t tls_first = 1;
__attribute__((section("lt_tls_last"))) static __thread uint64_t tls_last = 1;

/* QEMU's host_interrupt_signal: the first that no signal of the guest's is mapped to. */
#define KICK SIGRTMIN

/* How often a thread is asked to leave, once a millisecond, before it is made to. */
#define PATIENCE 200

#define THREAD_STACK ((size_t)1 << 20) /* callbacks run there too */
#define MAX_KEYS 32
#define MAX_ATFORK 8

struct thread {
    pthread_t id;
    _Atomic(pid_t) tid;
    atomic_bool done;
    volatile int holds;
    bool ended; /* it has ended the run */
    sigjmp_buf base;
    void *(*run)(void *);
    void *argument;
    struct thread *next;
};

static struct {
    const struct lti_inside_run *run;
    atomic_bool busy;
    pthread_mutex_t lock;
    bool active;             /* stop() may ask; under the lock */
    _Atomic uint32_t ending; /* futex: the run ends */
    atomic_bool left;        /* the first thread has left */
    atomic_bool forced;
    bool forked;
    struct lti_inside_result result;
    char *data;    /* the engine's, as it was loaded */
    uint64_t *tls; /* the first thread's, between runs */
    char **exec_argv, **exec_envp;
    int exec_argc;
    struct thread first;
    sigset_t mask;                             /* the first one's, where a run begins */
    struct thread *threads;                    /* the others */
    void (*handler)(int, siginfo_t *, void *); /* QEMU's, of all signals */
    pthread_key_t keys[MAX_KEYS];
    size_t key_count;
    struct {
        void (*before)(void), (*parent)(void), (*child)(void);
    } atfork[MAX_ATFORK];
    size_t atfork_count;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

static __thread struct thread *me;

void world_hold(void)
{
    if (me != NULL) {
        me->holds++;
        atomic_signal_fence(memory_order_seq_cst);
    }
}

void world_release(void)
{
    if (me != NULL) {
        atomic_signal_fence(memory_order_seq_cst);
        me->holds--;
    }
}

bool world_forked(void)
{
    return world.forked;
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value,
                  const struct timespec *time)
{
    return syscall(SYS_futex, word, op, value, time, NULL, 0);
}

/* ---- Leaving ---- */

__attribute__((noreturn)) static void leave(void)
{
    siglongjmp(me->base, 1);
}

/* The run ends; of several reasons the first one counts. */
__attribute__((noreturn)) static void end(enum lti_inside_end how, int code)
{
    uint32_t none = 0;
    if (atomic_compare_exchange_strong(&world.ending, &none, 1)) {
        world.result.end = how;
        world.result.code = code;
        futex(&world.ending, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
    }
    me->ended = true;
    lt_inside_left();
    leave();
}

static void check(void)
{
    if (atomic_load_explicit(&world.ending, memory_order_relaxed) != 0 && !world.forked &&
        me->holds == 0) {
        leave();
    }
}

static bool is_ending(void)
{
    return atomic_load(&world.ending) != 0;
}

void world__exit(int status) __attribute__((noreturn));
void world__exit(int status)
{
    if (world.forked) {
        _exit(status);
    }
    end(LTI_INSIDE_EXIT, status & 0xff);
}

void world_exit(int status) __attribute__((noreturn));
void world_exit(int status)
{
    world__exit(status);
}

void world_abort(void) __attribute__((noreturn));
void world_abort(void)
{
    if (world.forked) {
        signal(SIGABRT, SIG_DFL);
        abort();
    }
    end(LTI_INSIDE_CRASH, SIGABRT);
}

void world___assert_fail(const char *text, const char *file, unsigned line,
                         const char *function) __attribute__((noreturn));
void world___assert_fail(const char *text, const char *file, unsigned line,
                         const char *function)
{
    fprintf(stderr, "libtrace: %s:%u: %s: %s\n", file, line, function, text);
    world_abort();
}

/* QEMU sends itself the signal that it is to die of, and SIGSTOP. */
int world_kill(pid_t pid, int sig);
int world_kill(pid_t pid, int sig)
{
    if (pid == getpid() && !world.forked && sig != SIGSTOP && sig != 0) {
        end(LTI_INSIDE_CRASH, sig);
    }
    return kill(pid, sig);
}

int world_atexit(void (*function)(void));
int world_atexit(void (*function)(void))
{
    (void)function; /* the engine never exits */
    return 0;
}

/* ---- Threads ---- */

static void kick(const struct thread *t)
{
    world.run->signals->kick(t->tid, KICK);
}

/* Asks the first thread to leave until it has: it may be about to wait for something
 * when it is asked. */
static void end_first(void)
{
    const struct timespec pause = {0, 1000000};

    for (int tries = 0; !world.left; tries++) {
        if (tries > PATIENCE) {
            world.forced = true;
        }
        kick(&world.first);
        nanosleep(&pause, NULL);
    }
}

static void *begin_thread(void *given)
{
    struct thread *t = given;
    sigset_t all;

    me = t;
    if (sigsetjmp(t->base, 0) == 0) {
        sigset_t kick;

        sigemptyset(&kick);
        sigaddset(&kick, KICK);
        world.run->signals->enter(WORLD_NUMBER);
        t->tid = (pid_t)syscall(SYS_gettid);
        pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
        check();
        t->run(t->argument);
    }
    /* From where it is no longer the engine's, its signals are nobody's: they go with it.
     */
    world_hold();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    world.run->signals->leave(WORLD_NUMBER);
    if (t->ended && !world.forked) {
        end_first();
    }
    t->done = true;
    return NULL;
}

/* Frees threads that have ended. */
static void reap(void)
{
    for (struct thread **p = &world.threads; *p != NULL;) {
        struct thread *t = *p;
        if (t->done) {
            *p = t->next;
            pthread_join(t->id, NULL);
            free(t);
        } else {
            p = &t->next;
        }
    }
}

int world_pthread_create(pthread_t *id, const pthread_attr_t *attributes,
                         void *(*run)(void *), void *argument);
int world_pthread_create(pthread_t *id, const pthread_attr_t *attributes,
                         void *(*run)(void *), void *argument)
{
    struct thread *t = calloc(1, sizeof *t);
    int error = EAGAIN;

    if (t == NULL) {
        return ENOMEM;
    }
    t->run = run;
    t->argument = argument;
    world_hold();
    pthread_mutex_lock(&world.lock);
    reap();
    if (!is_ending() || world.forked) {
        error = pthread_create(&t->id, attributes, begin_thread, t);
    }
    if (error == 0) {
        t->next = world.threads;
        world.threads = t;
        *id = t->id;
    } else {
        free(t);
    }
    pthread_mutex_unlock(&world.lock);
    world_release();
    return error;
}

/* All threads are joined. */
int world_pthread_attr_setdetachstate(pthread_attr_t *attributes, int state);
int world_pthread_attr_setdetachstate(pthread_attr_t *attributes, int state)
{
    (void)attributes;
    (void)state;
    return 0;
}

int world_pthread_attr_setstacksize(pthread_attr_t *attributes, size_t size);
int world_pthread_attr_setstacksize(pthread_attr_t *attributes, size_t size)
{
    return pthread_attr_setstacksize(attributes,
                                     size < THREAD_STACK ? THREAD_STACK : size);
}

/* A thread of the guest's ends: the first one, which is the host's, waits for the
 * others. */
void world_pthread_exit(void *result) __attribute__((noreturn));
void world_pthread_exit(void *result)
{
    (void)result;
    while (world.forked) {
        pause();
    }
    while (me == &world.first && !is_ending()) {
        futex(&world.ending, FUTEX_WAIT_PRIVATE, 0, NULL);
    }
    leave();
}

int world_pthread_key_create(pthread_key_t *key, void (*destroy)(void *));
int world_pthread_key_create(pthread_key_t *key, void (*destroy)(void *))
{
    int error = EAGAIN;
    world_hold();
    pthread_mutex_lock(&world.lock);
    if (world.key_count < MAX_KEYS) {
        error = pthread_key_create(key, destroy);
        if (error == 0) {
            world.keys[world.key_count++] = *key;
        }
    }
    pthread_mutex_unlock(&world.lock);
    world_release();
    return error;
}

int world_pthread_key_delete(pthread_key_t key);
int world_pthread_key_delete(pthread_key_t key)
{
    world_hold();
    pthread_mutex_lock(&world.lock);
    for (size_t i = 0; i < world.key_count; i++) {
        if (world.keys[i] == key) {
            world.keys[i] = world.keys[--world.key_count];
            break;
        }
    }
    int error = pthread_key_delete(key);
    pthread_mutex_unlock(&world.lock);
    world_release();
    return error;
}

/* ---- fork ---- */

int world_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void));
int world_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    if (world.atfork_count == MAX_ATFORK) {
        return ENOMEM;
    }
    world.atfork[world.atfork_count].before = before;
    world.atfork[world.atfork_count].parent = parent;
    world.atfork[world.atfork_count++].child = child;
    return 0;
}

/* What of other threads was there is the parent's. */
static void begin_child(void)
{
    world.forked = true;
    pthread_mutex_init(&world.lock, NULL);
    world.threads = NULL;
    world.run->signals->forked(WORLD_NUMBER);
}

pid_t world_fork(void);
pid_t world_fork(void)
{
    for (size_t i = world.atfork_count; i > 0; i--) {
        world.atfork[i - 1].before();
    }
    world_heap_fork(true);
    world_files_fork(true);
    pid_t pid = fork();
    int saved = errno;
    world_files_fork(false);
    world_heap_fork(false);
    if (pid == 0) {
        begin_child();
    }
    for (size_t i = 0; i < world.atfork_count; i++) {
        pid == 0 ? world.atfork[i].child() : world.atfork[i].parent();
    }
    errno = saved;
    return pid;
}

/* ---- Signals ---- */

/* A signal for the engine, on one of its threads. */
static void deliver(int sig, siginfo_t *info, void *context)
{
    if (sig == KICK) {
        if (is_ending() && !world.forked && me->holds == 0 &&
            (world.forced || !lt_inside_has_cpu())) {
            leave();
        }
        if (!lt_inside_has_cpu()) {
            return;
        }
    }
    if (world.handler != NULL && lt_inside_has_cpu()) {
        world.handler(sig, info, context);
    }
}

int world_sigaction(int sig, const struct sigaction *action, struct sigaction *old);
int world_sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
    if (action != NULL && action->sa_handler != SIG_DFL &&
        action->sa_handler != SIG_IGN) {
        world.handler = action->sa_sigaction;
    }
    return world.run->signals->action(WORLD_NUMBER, sig, action, old);
}

typedef void (*handler)(int);
handler world_signal(int sig, handler function);
handler world_signal(int sig, handler function)
{
    struct sigaction action = {.sa_handler = function}, old;
    return world_sigaction(sig, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* ---- What the engine asks ---- */

char **world_environ;

static void pump(void)
{
    world_hold();
    bool on = world.run->pump(world.run->user);
    world_release();
    if (!on) {
        end(LTI_INSIDE_LEFT, 0);
    }
    check();
}

__attribute__((noreturn)) static void end_guest(int status, int sig)
{
    end(sig != 0 ? LTI_INSIDE_KILL : LTI_INSIDE_EXIT, sig != 0 ? sig : status);
}

static char **copy_list(char **list)
{
    size_t count = 0;
    while (list[count] != NULL) {
        count++;
    }
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; i < count && copy != NULL; i++) {
        copy[i] = strdup(list[i]);
        if (copy[i] == NULL) {
            return NULL; /* the run ends with an error; so small a leak may be */
        }
    }
    return copy;
}

static void free_list(char **list)
{
    for (char **p = list; p != NULL && *p != NULL; p++) {
        free(*p);
    }
    free(list);
}

__attribute__((noreturn)) static void exec(char **argv, char **envp)
{
    world_hold();
    char **new_argv = copy_list(argv), **new_envp = copy_list(envp);
    world_release();
    check();
    if (new_argv == NULL || new_envp == NULL) {
        world.result.what = "no memory for the guest's exec";
        end(LTI_INSIDE_ERROR, ENOMEM);
    }
    world.exec_argv = new_argv;
    world.exec_envp = new_envp;
    end(LTI_INSIDE_EXIT, 0);
}

static const char *program(void)
{
    static char path[64];
    int fd = world.run->program(world.run->user);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* ---- A run ---- */

static size_t data_size(void)
{
    return (size_t)(NAME(__stop_lt_data_) - NAME(__start_lt_data_));
}

/* Makes the engine's data what they were when it was loaded. */
static int load(void)
{
    if (world.data == NULL) {
        world.data = malloc(data_size());
        if (world.data == NULL) {
            return ENOMEM;
        }
        memcpy(world.data, NAME(__start_lt_data_), data_size());
    } else {
        memcpy(NAME(__start_lt_data_), world.data, data_size());
    }
    memset(NAME(__start_lt_bss_), 0,
           (size_t)(NAME(__stop_lt_bss_) - NAME(__start_lt_bss_)));
    return 0;
}

static size_t tls_words(void)
{
    return ((uintptr_t)&tls_last - (uintptr_t)&tls_first) / sizeof tls_first - 1;
}

/* Asks the other threads to leave until they have. */
static void end_threads(void)
{
    const struct timespec pause = {0, 1000000};

    for (int tries = 0;; tries++) {
        bool alive = false;

        pthread_mutex_lock(&world.lock);
        reap();
        for (struct thread *t = world.threads; t != NULL; t = t->next) {
            alive = true;
            if (t->tid != 0 && !t->done) {
                kick(t);
            }
        }
        pthread_mutex_unlock(&world.lock);
        if (!alive) {
            return;
        }
        world.forced = tries > PATIENCE;
        if (tries > 0) {
            nanosleep(&pause, NULL);
        } else {
            sched_yield();
        }
    }
}

/* From the engine's begin to where all of its threads have left. */
static void live(int argc, char **argv, char **envp)
{
    const struct lti_inside_run *run = world.run;
    static struct lt_inside inside;

    inside = (struct lt_inside){
        .arena = run->arena,
        .check = check,
        .ending = is_ending,
        .pumps = run->pump != NULL,
        .pump = pump,
        .end = end_guest,
        .exec = exec,
        .forked = world_forked,
        .program = program,
        .called = world_files_called,
    };
    int error = world_window_make(&inside.window, &inside.window_size);
    if (error == 0) {
        error = load();
    }
    if (error != 0) {
        world.result = (struct lti_inside_result){
            LTI_INSIDE_ERROR, error, "the guest's memory cannot be reserved"};
        return;
    }
    world.handler = NULL;
    world.atfork_count = 0;
    world_environ = envp;
    const char *slash = strrchr(argv[4], '/');
    prctl(PR_SET_NAME, slash != NULL ? slash + 1 : argv[4]);
    /* It may have left the world before from a handler of signals. */
    pthread_sigmask(SIG_SETMASK, &world.mask, NULL);
    me->holds = 0;
    if (sigsetjmp(me->base, 0) == 0) {
        pthread_mutex_lock(&world.lock);
        world.active = true;
        pthread_mutex_unlock(&world.lock);
        if (atomic_load(run->stopped)) {
            end(LTI_INSIDE_LEFT, 0);
        }
        lt_inside = &inside;
        for (const constructor *c = NAME(__start_lt_init_); c != NAME(__stop_lt_init_);
             c++) {
            (*c)(argc, argv, envp);
        }
        world__exit(lt_engine_entry(argc, argv, envp));
    }
    me->holds = 1;
    world.left = true;
    end_threads();
    lt_inside = NULL;
}

/* What a world took, other than what outlives an exec. */
static void clear(void)
{
    while (world.key_count > 0) {
        pthread_key_delete(world.keys[--world.key_count]);
    }
    world_heap_end();
    memcpy((void *)(&tls_first + 1), world.tls, tls_words() * sizeof *world.tls);
}

static void run_worlds(void)
{
    const struct lti_inside_run *run = world.run;
    char **argv = run->argv, **envp = run->envp;
    int argc = run->argc;

    for (;;) {
        world.exec_argv = world.exec_envp = NULL;
        live(argc, argv, envp);
        clear();
        if (argv != run->argv) {
            free_list(argv);
            free_list(envp);
        }
        argv = world.exec_argv;
        envp = world.exec_envp;
        if (argv == NULL || world.result.end != LTI_INSIDE_EXIT) {
            break;
        }
        for (argc = 0; argv[argc] != NULL; argc++) {
        }
        world_files_exec();
        /* A stop that came with it is seen in the next one. */
        world.forced = world.left = false;
        world.ending = 0;
        memset(&world.result, 0, sizeof world.result);
    }
    if (argv != NULL) {
        free_list(argv);
        free_list(envp);
    }
}

/* Signals that are pending for the present thread and, in *all, for its process too. */
static void pending(sigset_t *own, sigset_t *all)
{
    FILE *file = fopen("/proc/thread-self/status", "re");
    unsigned long bits = 0;
    char line[256];

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "SigPnd: %lx", &bits) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    sigpending(all);
    sigemptyset(own);
    for (int sig = 1; sig < _NSIG; sig++) {
        if (bits >> (sig - 1) & 1) {
            sigaddset(own, sig);
        }
    }
}

/* Takes what is left of the guest's signals away, before they meet what the host does
 * with them; all are blocked.  Those that were pending before the run are not the
 * guest's, nor are those that somebody sent to the process. */
static void drop_signals(const sigset_t *before)
{
    const struct timespec now = {0, 0};
    sigset_t own, all, sent, one;
    siginfo_t infos[_NSIG];

    sigemptyset(&sent);
    for (bool more = true; more;) {
        more = false;
        pending(&own, &all);
        for (int sig = 1; sig < _NSIG; sig++) {
            siginfo_t info;

            if (sigismember(&all, sig) != 1 || sigismember(before, sig) == 1 ||
                sigismember(&sent, sig) == 1) {
                continue;
            }
            sigemptyset(&one);
            sigaddset(&one, sig);
            if (sigtimedwait(&one, &info, &now) != sig) {
                continue;
            }
            more = true;
            if (sigismember(&own, sig) != 1 &&
                (info.si_code == SI_USER || info.si_code == SI_QUEUE)) {
                sigaddset(&sent, sig);
                infos[sig] = info;
            }
        }
    }
    for (int sig = 1; sig < _NSIG; sig++) {
        if (sigismember(&sent, sig) == 1) {
            syscall(SYS_rt_sigqueueinfo, getpid(), sig, &infos[sig]);
        }
    }
}

/* Signals that the engine needs whatever the host's thread blocks. */
static void unblock_faults(void)
{
    const int needed[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        sigaddset(&set, needed[i]);
    }
    sigaddset(&set, KICK);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void run_first(const struct lti_inside_run *run)
{
    unsigned long gs = 0;
    sigset_t mask, before, all;
    stack_t stack;
    int error = run->signals->begin(WORLD_NUMBER, deliver);

    if (error != 0) {
        world.result = (struct lti_inside_result){LTI_INSIDE_ERROR, error,
                                                  "signals cannot be taken over"};
        return;
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    sigpending(&before);
    sigaltstack(NULL, &stack);
    syscall(SYS_arch_prctl, ARCH_GET_GS, &gs);
    run->signals->enter(WORLD_NUMBER);
    unblock_faults();
    pthread_sigmask(SIG_SETMASK, NULL, &world.mask);
    error = world_files_begin(run);
    if (error == 0) {
        run_worlds();
    } else {
        world.result = (struct lti_inside_result){
            LTI_INSIDE_ERROR, error,
            "the guest's standard streams or directory cannot be set up"};
    }
    pthread_mutex_lock(&world.lock);
    world.active = false;
    pthread_mutex_unlock(&world.lock);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    world_files_end();
    run->signals->leave(WORLD_NUMBER);
    drop_signals(&before);
    run->signals->end(WORLD_NUMBER);
    syscall(SYS_arch_prctl, ARCH_SET_GS, gs);
    sigaltstack(&stack, NULL);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void run(const struct lti_inside_run *given, struct lti_inside_result *result)
{
    if (atomic_exchange(&world.busy, true)) {
        *result = (struct lti_inside_result){LTI_INSIDE_BUSY, 0, NULL};
        return;
    }
    memset(&world.first, 0, sizeof world.first);
    memset(&world.result, 0, sizeof world.result);
    world.run = given;
    world.ending = 0;
    world.forced = world.left = false;
    world.first.id = pthread_self();
    world.first.tid = (pid_t)syscall(SYS_gettid);
    world.first.holds = 1;
    me = &world.first;
    world.tls = malloc(tls_words() * sizeof *world.tls);
    if (world.tls != NULL) {
        memcpy(world.tls, (void *)(&tls_first + 1), tls_words() * sizeof *world.tls);
        run_first(given);
        free(world.tls);
    } else {
        world.result = (struct lti_inside_result){LTI_INSIDE_ERROR, ENOMEM, "no memory"};
    }
    me = NULL;
    *result = world.result;
    atomic_store(&world.busy, false);
}

static void stop(void)
{
    const struct timespec pause = {0, 1000000};
    bool asked = true;

    for (int tries = 0; asked && tries < 2 * PATIENCE; tries++) {
        pthread_mutex_lock(&world.lock);
        /* Not another session's run, which this one's has found here. */
        asked = world.active && !world.left && atomic_load(world.run->stopped);
        if (asked) {
            uint32_t none = 0;
            if (atomic_compare_exchange_strong(&world.ending, &none, 1)) {
                world.result.end = LTI_INSIDE_LEFT;
                futex(&world.ending, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
            }
            if (tries > PATIENCE) {
                world.forced = true; /* it waits for a thread that has left */
            }
            kick(&world.first);
        }
        pthread_mutex_unlock(&world.lock);
        if (!asked || me != NULL) {
            return; /* a guest's thread, in a callback, sees it when that returns */
        }
        nanosleep(&pause, NULL);
    }
}

const struct lti_inside_engine NAME(lti_inside_) = {run, stop, lt_sync_serve};
