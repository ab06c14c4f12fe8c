/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the process between the host and the engine.
 *
 * The code that runs in it, and in the engine's process until exec, shares the
 * host's memory but is none of its threads: no function of the C library may be
 * called (its thread-local storage belongs to a thread that runs elsewhere or
 * has ended, and lazy binding takes the dynamic linker's locks), nothing of the
 * host may be written but the job and the control page, and no sanitizer,
 * profiler or stack protector may add code that does.  The object must have no
 * undefined symbol other than the global offset table.
 */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/personality.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#ifndef __x86_64__
#error "the system calls below are written for x86_64 hosts"
#endif

#if defined __clang__
#define BARE                                                                             \
    __attribute__((disable_sanitizer_instrumentation,                                    \
                   no_sanitize("address", "thread", "undefined"), no_stack_protector,    \
                   no_instrument_function))
#else
#define BARE                                                                             \
    __attribute__((no_sanitize("address", "thread", "undefined"), no_sanitize_coverage,  \
                   no_stack_protector, no_instrument_function))
#endif

/* Signal sets of the kernel are 64 bits wide. */
#define SIGNAL_SET_SIZE 8
#define SIGNAL_COUNT 64

/* While children are left, how often they are looked for when none tells of
 * its end, and after how many looks that found none to kill it is given up. */
#define KILL_PERIOD_MS 20
#define KILL_GIVE_UP 50

BARE static inline long call6(long nr, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define CALL(nr, a, b, c, d, e)                                                          \
    call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

/* Makes a process that calls fn(arg), which must not return, on another stack.
 * Returns its id or a negative errno. */
BARE static inline long clone_call(unsigned long flags, void *stack_top, int *pidfd,
                                   void (*fn)(void *), void *arg)
{
    long result;
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;
    register void (*r12)(void *) __asm__("r12") = fn;
    register void *r13 __asm__("r13") = arg;
    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "movq %%r13, %%rdi\n\t"
                     "callq *%%r12\n\t"
                     "ud2\n"
                     "1:"
                     : "=a"(result)
                     : "0"((long)SYS_clone), "D"(flags), "S"(stack_top), "d"(pidfd),
                       "r"(r10), "r"(r8), "r"(r12), "r"(r13)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

/* ---- Descriptors ---- */

BARE static void close_span(int first, int last)
{
    if (first > last || CALL(SYS_close_range, first, last, 0, 0, 0) != -ENOSYS) {
        return;
    }
    /* A sandbox that does not know the call (Linux 5.9). */
    struct {
        unsigned long now, most;
    } limit;
    if (CALL(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, NULL, &limit, 0) == 0 &&
        (unsigned long)last >= limit.most) {
        last = (int)limit.most - 1;
    }
    for (int fd = first; fd <= last; fd++) {
        CALL(SYS_close, fd, 0, 0, 0, 0);
    }
}

#define LAST_FD 0x7fffffff
#define HIGH_FD 1016 /* as in lt-process.c */

/* ---- The engine's process until exec ---- */

BARE static void child_fail(struct lti_supervisor *job, enum lti_start_step step,
                            long error)
{
    job->step = step;
    job->error = (int32_t)-error;
    for (;;) {
        CALL(SYS_exit_group, 127, 0, 0, 0, 0);
    }
}

/* A copy of `fd` above those that the engine gets. */
BARE static int child_copy(struct lti_supervisor *job, int fd)
{
    long copy = CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, LTI_ENGINE_MAP_FD + 1, 0, 0);
    if (copy < 0) {
        child_fail(job, LTI_STEP_STDIO, copy);
    }
    return (int)copy;
}

BARE static void child_place(struct lti_supervisor *job, int fd, int at, int flags)
{
    long result = CALL(SYS_dup3, fd, at, flags, 0, 0);
    if (result < 0) {
        child_fail(job, LTI_STEP_STDIO, result);
    }
}

/* Leaves the engine 0 to 2, the arena, the coverage map and, until exec, its own file. */
BARE static void child_descriptors(struct lti_supervisor *job)
{
    /* All are copied out of the way before the first is put in its place: they
     * may stand in each other's. */
    int source[3];
    for (int i = 0; i < 3; i++) {
        source[i] = job->stdio[i];
        if (source[i] == LTI_STDIO_NULL) {
            long null = CALL(SYS_open, "/dev/null", O_RDWR | O_CLOEXEC, 0, 0, 0);
            if (null < 0) {
                child_fail(job, LTI_STEP_STDIO, null);
            }
            source[i] = (int)null;
        }
        if (source[i] != LTI_STDIO_CLOSED) {
            source[i] = child_copy(job, source[i]);
        }
    }
    int arena = child_copy(job, job->arena_fd);
    int engine = child_copy(job, job->engine_fd);
    int map = job->map_fd >= 0 ? child_copy(job, job->map_fd) : -1;
    for (int i = 0; i < 3; i++) {
        if (source[i] == LTI_STDIO_CLOSED) {
            CALL(SYS_close, i, 0, 0, 0, 0);
        } else {
            child_place(job, source[i], i, 0);
        }
    }
    child_place(job, arena, LTI_ENGINE_ARENA_FD, 0);
    child_place(job, engine, LTI_ENGINE_ARENA_FD + 1, O_CLOEXEC);
    /* The engine will move the arena's descriptor up.  It has threads by then, and the
     * kernel takes 10 ms to make a larger table for those; here it takes none. */
    CALL(SYS_fcntl, LTI_ENGINE_ARENA_FD, F_DUPFD_CLOEXEC, HIGH_FD, 0, 0);
    if (map >= 0) {
        child_place(job, map, LTI_ENGINE_MAP_FD, 0);
    }
    close_span(map >= 0 ? LTI_ENGINE_MAP_FD + 1 : LTI_ENGINE_MAP_FD, LAST_FD);
}

BARE static void child_terminal(struct lti_supervisor *job)
{
    int group = 0;
    int own = (int)CALL(SYS_getpid, 0, 0, 0, 0, 0);
    /* SIGTTOU, which this would bring, is still blocked. */
    if (job->terminal && CALL(SYS_ioctl, 0, TIOCGPGRP, &group, 0, 0) == 0 &&
        group == job->host_group && CALL(SYS_ioctl, 0, TIOCSPGRP, &own, 0, 0) == 0) {
        job->owns_terminal = 1;
    }
}

/* Every signal's default disposition, and none blocked: what the host does with
 * its own signals is no business of the guest. */
BARE static void child_signals(void)
{
    static const unsigned long default_action[4];
    unsigned long none = 0;
    for (int sig = 1; sig <= SIGNAL_COUNT; sig++) {
        CALL(SYS_rt_sigaction, sig, default_action, NULL, SIGNAL_SET_SIZE, 0);
    }
    CALL(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGNAL_SET_SIZE, 0);
}

BARE static void child_main(void *arg)
{
    struct lti_supervisor *job = arg;
    CALL(SYS_setpgid, 0, 0, 0, 0, 0);
    child_descriptors(job);
    if (job->cwd != NULL) {
        long result = CALL(SYS_chdir, job->cwd, 0, 0, 0, 0);
        if (result < 0) {
            child_fail(job, LTI_STEP_CWD, result);
        }
    }
    child_terminal(job);
    /* Should the supervisor be killed itself, the engine at least goes too.
     * Its parent has one thread, so this is about that process's end. */
    CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    child_signals();
    /* The same addresses in every run; lt-main.c takes it back for the guest. */
    CALL(SYS_personality, ADDR_NO_RANDOMIZE, 0, 0, 0, 0);
    long result = CALL(SYS_execveat, LTI_ENGINE_ARENA_FD + 1, "", job->argv, job->envp,
                       AT_EMPTY_PATH);
    child_fail(job, LTI_STEP_EXEC, result);
}

/* ---- The supervisor ---- */

BARE static void wake(uint32_t *futex)
{
    CALL(SYS_futex, futex, FUTEX_WAKE, LAST_FD, NULL, NULL);
}

BARE static void ring(struct lti_control *control)
{
    __atomic_fetch_add(&control->bell, 1, __ATOMIC_SEQ_CST);
    wake(&control->bell);
}

BARE static void leave(void)
{
    for (;;) {
        CALL(SYS_exit_group, 0, 0, 0, 0, 0);
    }
}

BARE static void set_state(struct lti_supervisor *job, enum lti_supervisor_state state)
{
    __atomic_store_n(&job->state, state, __ATOMIC_RELEASE);
    wake(&job->state);
}

BARE static void fail(struct lti_supervisor *job, enum lti_start_step step, long error)
{
    job->step = step;
    job->error = (int32_t)-error;
    set_state(job, LTI_SUPERVISOR_FAILED);
    leave();
}

/* Gives the terminal back, unless somebody else was given it meanwhile. */
BARE static void return_terminal(struct lti_supervisor *job)
{
    int group = 0;
    int host = job->host_group;
    if (!job->owns_terminal ||
        CALL(SYS_ioctl, job->stdio[0], TIOCGPGRP, &group, 0, 0) != 0) {
        return;
    }
    if (group == (int)job->engine_pid ||
        (group != host && CALL(SYS_kill, -group, 0, 0, 0, 0) == -ESRCH)) {
        CALL(SYS_ioctl, job->stdio[0], TIOCSPGRP, &host, 0, 0);
    }
}

/* Takes note of what wait4() told about a child. */
BARE static void note_child(struct lti_supervisor *job, long pid, int status)
{
    if (pid != (long)job->engine_pid) {
        return;
    }
    if (WIFSTOPPED(status)) {
        __atomic_store_n(&job->stopped_by, (uint32_t)WSTOPSIG(status), __ATOMIC_RELEASE);
    } else {
        job->engine_reaped = 1;
        return_terminal(job);
        job->control->engine_status = status;
        __atomic_store_n(&job->control->engine_ended, 1, __ATOMIC_RELEASE);
    }
    ring(job->control);
}

/* Takes note of all that is known about children by now.  Returns 0 when there
 * are none left. */
BARE static int reap(struct lti_supervisor *job)
{
    struct signalfd_siginfo info;
    while (CALL(SYS_read, job->signal_fd, &info, sizeof info, 0, 0) > 0) {
    }
    for (;;) {
        int status = 0;
        long pid = CALL(SYS_wait4, -1, &status,
                        __WALL | WNOHANG | (job->terminal ? WUNTRACED : 0), NULL, 0);
        if (pid <= 0) {
            return pid != -ECHILD;
        }
        note_child(job, pid, status);
    }
}

/* Kills the children named in what was read of a list.  Returns how many. */
BARE static int kill_listed(const char *list, long size)
{
    int killed = 0;
    long pid = 0;
    for (long i = 0; i < size; i++) {
        if (list[i] >= '0' && list[i] <= '9') {
            pid = pid * 10 + (list[i] - '0');
        } else {
            /* Only a number that is followed by a blank is complete.  A child's
             * number is not used anew before it is reaped, which is done here. */
            killed += pid > 0 && CALL(SYS_kill, pid, SIGKILL, 0, 0, 0) == 0;
            pid = 0;
        }
    }
    return killed;
}

/* Kills what can be found of the guest's processes.  Returns how many. */
BARE static int kill_children(struct lti_supervisor *job)
{
    int killed = 0;
    if (job->engine_pid != 0 && !job->engine_reaped) {
        /* The group at once: nobody in it can fork meanwhile. */
        CALL(SYS_kill, -(long)job->engine_pid, SIGKILL, 0, 0, 0);
        killed += CALL(SYS_kill, job->engine_pid, SIGKILL, 0, 0, 0) == 0;
    }
    /* Whoever left the group becomes a child of the reaper when its parent is
     * gone, so the whole tree comes by here in the end. */
    long fd = CALL(SYS_open, "/proc/thread-self/children", O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (fd >= 0) {
        long size = CALL(SYS_read, fd, job->children, sizeof job->children, 0, 0);
        killed += kill_listed(job->children, size);
        CALL(SYS_close, fd, 0, 0, 0, 0);
    }
    return killed;
}

BARE static void end_tree(struct lti_supervisor *job)
{
    int vain = 0;
    while (vain < KILL_GIVE_UP) {
        vain = kill_children(job) > 0 ? 0 : vain + 1;
        if (!reap(job)) {
            return;
        }
        struct pollfd child = {job->signal_fd, POLLIN, 0};
        CALL(SYS_poll, &child, 1, KILL_PERIOD_MS, 0, 0);
    }
}

/* Closes all that the supervisor does not need: a pipe of the host's must not
 * be held open by it. */
BARE static void keep_descriptors(struct lti_supervisor *job)
{
    int keep[4] = {job->signal_fd, job->host_fd, job->request_fd,
                   job->owns_terminal ? job->stdio[0] : job->signal_fd};
    int next = 0;
    while (next >= 0) {
        /* The lowest one that is kept from `next` on. */
        int lowest = -1;
        for (int i = 0; i < 4; i++) {
            if (keep[i] >= next && (lowest < 0 || keep[i] < lowest)) {
                lowest = keep[i];
            }
        }
        close_span(next, lowest < 0 ? LAST_FD : lowest - 1);
        next = lowest < 0 ? -1 : lowest + 1;
    }
}

BARE static int64_t now_ms(void)
{
    struct timespec now = {0, 0};
    CALL(SYS_clock_gettime, CLOCK_MONOTONIC, &now, 0, 0, 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For poll(): how long the guest may still run. */
BARE static int time_left(const struct lti_supervisor *job)
{
    int64_t left = job->deadline == 0 ? -1 : job->deadline - now_ms();
    if (job->deadline != 0 && left < 0) {
        left = 0;
    }
    return left > LAST_FD ? LAST_FD : (int)left;
}

/* The guest's time is over: the library hears of it before the end of processes. */
BARE static void end_time(struct lti_supervisor *job)
{
    uint32_t none = 0;
    __atomic_compare_exchange_n(&job->control->limits.reached, &none, LTI_LIMIT_TIME, 0,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    ring(job->control);
}

BARE static void start_engine(struct lti_supervisor *job)
{
    static const unsigned long default_action[4];
    unsigned long child_signal = 1ul << (SIGCHLD - 1);
    CALL(SYS_prctl, PR_SET_NAME, "lt-supervisor", 0, 0, 0);
    /* Signals to the host's process group are not meant for it. */
    CALL(SYS_setpgid, 0, 0, 0, 0, 0);
    long result = CALL(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (result == 0) {
        /* If the host ignored it, children would vanish without a status. */
        result =
            CALL(SYS_rt_sigaction, SIGCHLD, default_action, NULL, SIGNAL_SET_SIZE, 0);
    }
    if (result == 0) {
        result = CALL(SYS_signalfd4, -1, &child_signal, SIGNAL_SET_SIZE,
                      SFD_CLOEXEC | SFD_NONBLOCK, 0);
    }
    if (result < 0) {
        fail(job, LTI_STEP_SUPERVISOR, result);
    }
    job->signal_fd = (int)result;
    job->control->supervisor_pid = (uint32_t)CALL(SYS_getpid, 0, 0, 0, 0, 0);
    result = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, job->child_stack, NULL,
                        child_main, job);
    if (result < 0) {
        fail(job, LTI_STEP_CLONE, result);
    }
    if (job->error != 0) {
        CALL(SYS_wait4, result, NULL, __WALL, NULL, 0);
        return_terminal(job);
        set_state(job, LTI_SUPERVISOR_FAILED);
        leave();
    }
    job->engine_pid = (uint32_t)result;
    job->control->engine_pid = (uint32_t)result;
    job->deadline = job->limit_ms != 0 ? now_ms() + job->limit_ms : 0;
    keep_descriptors(job);
    CALL(SYS_chdir, "/", 0, 0, 0, 0);
    set_state(job, LTI_SUPERVISOR_RUNNING);
}

BARE static void supervisor_main(void *arg)
{
    struct lti_supervisor *job = arg;
    start_engine(job);
    struct pollfd sources[3];
    sources[0].fd = job->signal_fd;
    sources[1].fd = job->host_fd;
    sources[2].fd = job->request_fd;
    for (;;) {
        for (int i = 0; i < 3; i++) {
            sources[i].events = POLLIN;
            sources[i].revents = 0;
        }
        int left = time_left(job);
        CALL(SYS_poll, sources, 3, left, 0, 0);
        if (sources[0].revents != 0 && !reap(job)) {
            __atomic_store_n(&job->control->tree_ended, 1, __ATOMIC_RELEASE);
            ring(job->control);
        }
        if (sources[1].revents != 0 || sources[2].revents != 0) {
            break;
        }
        if (left >= 0 && time_left(job) == 0) {
            end_time(job);
            break;
        }
    }
    end_tree(job);
    leave();
}

BARE int lti_supervisor_start(struct lti_supervisor *job, void *stack_top, int *pidfd)
{
    /* The C library's own signals too, so sigprocmask() would not do. */
    unsigned long all = ~0ul;
    unsigned long before;
    CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGNAL_SET_SIZE, 0);
    /* CLONE_UNTRACED: a debugger would take it for a thread of the host. */
    long result = clone_call(CLONE_VM | CLONE_PIDFD | CLONE_UNTRACED, stack_top, pidfd,
                             supervisor_main, job);
    CALL(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGNAL_SET_SIZE, 0);
    return (int)result;
}
