/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals of a process that host and guests share: who gets one.
 *
 * While a guest runs here, dispositions that matter to it are replaced by a handler,
 * which decides:
 *
 *   - A fault (SIGSEGV and the like) belongs to the code that made it.
 *   - A signal that was sent to one thread belongs to that thread.
 *   - Others are the guest's if it has a handler.  Without one, those that somebody sent
 *     are the host's, and those of timers and the like are the guest's if the host has
 *     no handler either.
 *
 * Several engines may be there at a time.  When the last one is gone, dispositions are
 * what they were before the first one.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "in-process.h"

#define ENGINES 3 /* by LT_ARCH_*, from 1 */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction saved[_NSIG]; /* the host's */
static bool replaced[_NSIG];

/* The same as the kernel has it: the C library adds to what it sets. */
static struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
} kernel_saved[_NSIG];

static long kernel_action(int sig, const struct kernel_action *action,
                          struct kernel_action *old)
{
    return syscall(SYS_rt_sigaction, sig, action, old, sizeof action->mask);
}
static struct {
    void (*deliver)(int, siginfo_t *, void *); /* NULL: the engine is not there */
    bool handles[_NSIG];
    int flags[_NSIG];
    _Atomic(pid_t) first; /* its thread that was entered first */
} engines[ENGINES];
static bool forked;

/* ---- Whose a thread is ---- */

/*
 * Read in signal handlers on threads of the host's, where thread-local variables of a
 * library that was loaded late might be allocated just then.  So it is a hash table: of
 * a thread of an engine the number, the engine and whether it runs a callback.
 */
#define THREADS 8192u
#define EMPTY 0u
#define FREED UINT32_MAX
#define ENGINE_SHIFT 24
#define IN_CALLBACK (1u << 28)
static _Atomic uint32_t threads[THREADS];

/* The thread's entry; NULL: it is none of an engine's. */
static _Atomic uint32_t *entry_of(pid_t tid)
{
    for (unsigned i = 0; i < THREADS; i++) {
        _Atomic uint32_t *entry = &threads[((unsigned)tid + i) % THREADS];
        uint32_t value = *entry;

        if (value == EMPTY) {
            return NULL;
        }
        if (value != FREED && (value & 0xffffff) == (uint32_t)tid) {
            return entry;
        }
    }
    return NULL;
}

static pid_t self(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static void add_thread(pid_t tid, unsigned engine)
{
    const uint32_t value = (uint32_t)tid | engine << ENGINE_SHIFT;

    for (unsigned i = 0; i < THREADS; i++) {
        _Atomic uint32_t *entry = &threads[((unsigned)tid + i) % THREADS];
        uint32_t old = *entry;

        if ((old == EMPTY || old == FREED) &&
            atomic_compare_exchange_strong(entry, &old, value)) {
            return;
        }
    }
    /* More threads than that: this one's signals are taken for the host's. */
}

static bool is_handler(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static bool is_fault(int sig, const siginfo_t *info)
{
    return info->si_code > 0 && (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL ||
                                 sig == SIGFPE || sig == SIGTRAP);
}

/* Whether the signal's default action ends the process. */
static bool is_fatal(int sig)
{
    switch (sig) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return false;
    default:
        return true;
    }
}

/* ---- Delivery ---- */

/* What would have happened without us. */
static void give_to_host(int sig, siginfo_t *info, void *context)
{
    struct sigaction action = saved[sig];
    sigset_t mask, one;

    if (action.sa_handler == SIG_IGN) {
        return;
    }
    if (action.sa_handler == SIG_DFL) {
        if (!is_fatal(sig)) {
            return;
        }
        action.sa_flags = 0;
        sigaction(sig, &action, NULL);
        if (is_fault(sig, info)) {
            return; /* and it happens again */
        }
        sigemptyset(&one);
        sigaddset(&one, sig);
        syscall(SYS_tgkill, getpid(), self(), sig);
        pthread_sigmask(SIG_UNBLOCK, &one, NULL);
        return;
    }
    if (action.sa_flags & SA_RESETHAND) {
        saved[sig].sa_handler = SIG_DFL;
    }
    /* The mask that the host's handler expects; the kernel undoes it. */
    sigemptyset(&mask);
    for (int i = 1; i < _NSIG; i++) {
        if (sigismember(&((ucontext_t *)context)->uc_sigmask, i) == 1 ||
            sigismember(&action.sa_mask, i) == 1) {
            sigaddset(&mask, i);
        }
    }
    if (!(action.sa_flags & SA_NODEFER)) {
        sigaddset(&mask, sig);
    }
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (action.sa_flags & SA_SIGINFO) {
        action.sa_sigaction(sig, info, context);
    } else {
        action.sa_handler(sig);
    }
}

/* The engine that a signal for the whole process goes to, 0: the host, or NOBODY, when
 * the guest that it was for has just ended. */
#define NOBODY ENGINES

static unsigned taker_of(int sig, const siginfo_t *info)
{
    const bool keyboard = sig == SIGINT || sig == SIGQUIT || sig == SIGHUP;
    const bool sent = info->si_code == SI_USER || info->si_code == SI_QUEUE ||
                      (info->si_code == SI_KERNEL && keyboard);
    unsigned any = 0;

    for (unsigned e = 1; e < ENGINES; e++) {
        if (engines[e].deliver != NULL && engines[e].first != 0) {
            if (engines[e].handles[sig]) {
                return e;
            }
            any = any != 0 ? any : e;
        }
    }
    if (sent || saved[sig].sa_handler != SIG_DFL || !is_fatal(sig)) {
        return 0;
    }
    return any != 0 ? any : NOBODY;
}

/* The kernel lets nobody but itself send the codes of its signals to another thread: so
 * one that is passed on says where to look. */
#define PASSED_ON (-977)
static siginfo_t passed[_NSIG];
#define KICKED (-978)
static atomic_uint passing; /* threads that are about to */

static void pass_on(pid_t thread, int sig, const siginfo_t *info)
{
    siginfo_t note;

    memset(&note, 0, sizeof note);
    note.si_signo = sig;
    note.si_code = PASSED_ON;
    note.si_value.sival_ptr = &passed[sig];
    passed[sig] = *info;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, sig, &note);
}

static void signals_kick(pid_t tid, int sig)
{
    siginfo_t note;

    memset(&note, 0, sizeof note);
    note.si_signo = sig;
    note.si_code = KICKED;
    note.si_value.sival_ptr = &passed[sig];
    syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, sig, &note);
}

/* Whether the signal is one that was sent here. */
static bool is_ours(int sig, const siginfo_t *info)
{
    return (info->si_code == PASSED_ON || info->si_code == KICKED) &&
           info->si_value.sival_ptr == &passed[sig];
}

static void handle(int sig, siginfo_t *info, void *context)
{
    const int error = errno;

    if (is_ours(sig, info)) {
        siginfo_t original = info->si_code == PASSED_ON ? passed[sig] : *info;

        const _Atomic uint32_t *to = entry_of(self());

        if (to != NULL) {
            engines[*to >> ENGINE_SHIFT & 3].deliver(sig, &original, context);
        }
        errno = error;
        return;
    }
    const bool fault = is_fault(sig, info);
    const _Atomic uint32_t *entry = entry_of(self());
    const uint32_t whose = entry != NULL ? *entry : 0;
    const unsigned present = whose >> ENGINE_SHIFT & 3;
    const bool to_thread =
        (info->si_code == SI_TKILL && info->si_pid == getpid()) || sig == SIGPIPE;
    unsigned taker = 0;

    /* Who is to get it stays until it is sent. */
    atomic_fetch_add(&passing, 1);
    if (fault) {
        taker = whose & IN_CALLBACK ? 0 : present;
    } else if (to_thread) {
        taker = present;
    } else {
        taker = taker_of(sig, info);
    }
    if (taker != 0 && taker != NOBODY && taker != present) {
        pass_on(engines[taker].first, sig, info);
    }
    atomic_fetch_sub(&passing, 1);
    if (taker == 0) {
        give_to_host(sig, info, context);
    } else if (taker == present) {
        engines[taker].deliver(sig, info, context);
    }
    errno = error;
}

static int install(int sig, int flags)
{
    struct sigaction action = {.sa_sigaction = handle};

    if (is_handler(&saved[sig])) {
        flags = (flags & ~SA_RESTART) | (saved[sig].sa_flags & SA_RESTART);
    }
    sigfillset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO | (flags & SA_RESTART) |
                      (saved[sig].sa_flags & (SA_ONSTACK | SA_NOCLDSTOP | SA_NOCLDWAIT));
    replaced[sig] = true;
    return sigaction(sig, &action, NULL);
}

/* ---- What engines ask ---- */

static bool is_usable(int sig)
{
    return sig > 0 && sig < _NSIG && sig != SIGKILL && sig != SIGSTOP &&
           (sig < 32 || sig >= SIGRTMIN);
}

static int signals_begin(unsigned engine, void (*deliver)(int, siginfo_t *, void *))
{
    bool others = false;

    pthread_mutex_lock(&lock);
    for (unsigned e = 1; e < ENGINES; e++) {
        others = others || engines[e].deliver != NULL;
    }
    for (int sig = 1; sig < _NSIG && !others; sig++) {
        if (is_usable(sig)) {
            sigaction(sig, NULL, &saved[sig]);
            kernel_action(sig, NULL, &kernel_saved[sig]);
        }
    }
    memset(engines[engine].handles, 0, sizeof engines[engine].handles);
    engines[engine].first = 0;
    engines[engine].deliver = deliver;
    for (int sig = 1; sig < _NSIG && !others; sig++) {
        if (is_usable(sig) && is_fatal(sig) &&
            (saved[sig].sa_handler == SIG_DFL || sig == SIGRTMIN)) {
            install(sig, SA_RESTART);
        }
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

static void signals_end(unsigned engine)
{
    bool others = false;

    pthread_mutex_lock(&lock);
    engines[engine].deliver = NULL;
    for (unsigned e = 1; e < ENGINES; e++) {
        others = others || engines[e].deliver != NULL;
    }
    for (int sig = 1; sig < _NSIG && !others; sig++) {
        if (replaced[sig]) {
            kernel_action(sig, &kernel_saved[sig], NULL);
            replaced[sig] = false;
        }
    }
    if (!others) {
        memset(threads, 0, sizeof threads);
    }
    pthread_mutex_unlock(&lock);
}

static int signals_action(unsigned engine, int sig, const struct sigaction *action,
                          struct sigaction *old)
{
    int result = 0;

    if (!is_usable(sig)) {
        errno = EINVAL;
        return -1;
    }
    pthread_mutex_lock(&lock);
    if (old != NULL) {
        memset(old, 0, sizeof *old);
        old->sa_handler = saved[sig].sa_handler == SIG_IGN ? SIG_IGN : SIG_DFL;
    }
    if (action != NULL) {
        engines[engine].handles[sig] = is_handler(action);
        if (is_handler(action)) {
            result = install(sig, action->sa_flags);
        } else if (action->sa_handler == SIG_IGN || !is_fatal(sig) || forked) {
            /* As the host has it, unless that would be for the guest to ignore. */
            replaced[sig] = true;
            result = sigaction(sig, is_handler(&saved[sig]) ? &saved[sig] : action, NULL);
        } else {
            result = install(sig, SA_RESTART);
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static void signals_enter(unsigned engine)
{
    pid_t none = 0, tid = self();

    add_thread(tid, engine);
    atomic_compare_exchange_strong(&engines[engine].first, &none, tid);
}

static void signals_leave(unsigned engine)
{
    pid_t tid = self();
    _Atomic uint32_t *entry = entry_of(tid);

    if (entry != NULL) {
        *entry = FREED;
    }
    if (atomic_compare_exchange_strong(&engines[engine].first, &tid, 0)) {
        /* Behind that nothing is passed on to this thread. */
        while (atomic_load(&passing) != 0) {
            sched_yield();
        }
    }
}

static void signals_forked(unsigned engine)
{
    forked = true;
    pthread_mutex_init(&lock, NULL);
    for (unsigned e = 1; e < ENGINES; e++) {
        if (e != engine) {
            engines[e].deliver = NULL;
        }
    }
    memset(threads, 0, sizeof threads);
    engines[engine].first = self();
    add_thread(self(), engine);
    /* The host's handlers mean nothing here. */
    for (int sig = 1; sig < _NSIG; sig++) {
        if (is_handler(&saved[sig])) {
            saved[sig].sa_handler = SIG_DFL;
            if (is_usable(sig) && !engines[engine].handles[sig]) {
                sigaction(sig, &saved[sig], NULL);
            }
        }
    }
}

static void signals_callback(bool begins)
{
    _Atomic uint32_t *entry = entry_of(self());

    if (entry != NULL) {
        *entry = begins ? *entry | IN_CALLBACK : *entry & ~IN_CALLBACK;
    }
}

const struct lti_inside_signals lti_inside_signals = {
    .begin = signals_begin,
    .end = signals_end,
    .action = signals_action,
    .enter = signals_enter,
    .leave = signals_leave,
    .forked = signals_forked,
    .kick = signals_kick,
    .callback = signals_callback,
};
