/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The in-process mode from outside: its events against those of the same program in a
 * process of its own, how runs end, and what is left of them in the host, which has
 * threads, handlers, timers and a directory of its own.  LT_GUESTS names the directory
 * of the guests.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define MAX_ARGS 8

static const char *guest_path(uint32_t arch, const char *name)
{
    static char path[2][PATH_MAX];
    char *to = path[arch - 1];

    snprintf(to, PATH_MAX, "%s/%s/%s", getenv("LT_GUESTS"), lt_arch_name(arch), name);
    return access(to, X_OK) == 0 ? to : NULL;
}

/* ---- A run ---- */

struct event {
    uint64_t type, a, b, c;
};

struct run {
    uint32_t arch;
    const char *argv[MAX_ARGS];
    int isolated, pull, events, null_output;
    uint64_t limit_insns;
    uint64_t stop_after; /* instructions */
    int (*on_insn)(lt_session *, const struct lt_insn *, void *);
    /* What came of it. */
    lt_session *session;
    int returned;
    struct lt_result result;
    struct lt_stats stats;
    struct event *list;
    size_t count, room;
    uint64_t insns;
    pthread_t thread; /* that callbacks came on */
};

static int keep(struct run *run, uint32_t type, uint64_t a, uint64_t b, uint64_t c)
{
    run->thread = pthread_self();
    /* Where the vDSO is differs. */
    if (a >= UINT64_C(1) << 32)
        a &= 0xfff;
    if (run->count == run->room) {
        run->room = run->room ? 2 * run->room : 4096;
        run->list = realloc(run->list, run->room * sizeof *run->list);
        assert_non_null(run->list);
    }
    run->list[run->count++] = (struct event){type, a, b, c};
    return 0;
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct run *run = user;

    run->insns++;
    if (run->stop_after && run->insns == run->stop_after)
        return LT_STOP;
    return run->on_insn ? run->on_insn(session, e, user)
                        : keep(run, LT_EVENT_INSN, e->pc, e->length, 0);
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    (void)session;
    return keep(user, LT_EVENT_REG_WRITE, e->pc, e->reg, e->width);
}

static int on_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    return keep(user, LT_EVENT_MEM_WRITE, e->pc, e->size, e->by);
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    (void)session;
    return keep(user, LT_EVENT_SYSCALL, e->pc, e->nr, e->phase);
}

static int on_signal(lt_session *session, const struct lt_signal *e, void *user)
{
    (void)session;
    return keep(user, LT_EVENT_SIGNAL, e->pc, e->signal, e->op);
}

static int on_process(lt_session *session, const struct lt_process *e, void *user)
{
    (void)session;
    return keep(user, LT_EVENT_PROCESS, e->op, e->arch, 0);
}

static int on_exit_event(lt_session *session, const struct lt_exit *e, void *user)
{
    (void)session;
    return keep(user, LT_EVENT_EXIT, (uint64_t)e->status, (uint64_t)e->signal, 0);
}

static void create(struct run *run)
{
    struct lt_config config;

    lt_config_init(&config, sizeof config);
    config.program = run->argv[0];
    config.argv = run->argv;
    config.limit_insns = run->limit_insns;
    config.stdio[1] = run->null_output ? LT_STDIO_NULL : LT_STDIO_INHERIT;
    assert_int_equal(run->isolated ? lt_session_create(&config, &run->session)
                                   : lt_session_create_in_process(&config, &run->session),
                     0);
    if (run->events) {
        assert_int_equal(lt_on_insn(run->session, NULL, on_insn, run), 0);
        lt_on_syscall(run->session, NULL, on_syscall, run);
        lt_on_signal(run->session, NULL, on_signal, run);
        lt_on_process(run->session, NULL, on_process, run);
        lt_on_exit(run->session, NULL, on_exit_event, run);
    }
    if (run->events > 1) {
        lt_on_reg_write(run->session, NULL, on_reg, run);
        lt_on_mem_write(run->session, NULL, on_write, run);
    }
}

static void go(struct run *run)
{
    const struct lt_event *event;

    if (run->pull) {
        while ((run->returned = lt_session_next(run->session, &event)) == 1)
            continue;
    } else {
        run->returned = lt_session_run(run->session);
    }
    lt_result_init(&run->result, sizeof run->result);
    assert_int_equal(lt_session_result(run->session, &run->result), 0);
    memset(&run->stats, 0, sizeof run->stats);
    run->stats.size = sizeof run->stats;
    assert_int_equal(lt_session_stats(run->session, &run->stats), 0);
    assert_int_equal(run->stats.register_mismatches, 0);
    assert_int_equal(run->stats.internal_errors, 0);
}

static void finish(struct run *run)
{
    lt_session_destroy(run->session);
    free(run->list);
    run->session = NULL;
    run->list = NULL;
}

static void execute(struct run *run)
{
    create(run);
    go(run);
}

/* ---- The host's state ---- */

struct state {
    struct {
        uint64_t handler, flags, restorer, mask;
    } actions[65]; /* as the kernel has them */
    sigset_t mask;
    stack_t stack;
    char cwd[PATH_MAX], name[16];
    mode_t umask;
    struct itimerval interval;
    struct rlimit limits[RLIM_NLIMITS];
    struct {
        dev_t device;
        ino_t inode;
        int flags, status;
    } fds[256];
    unsigned threads;
};

static unsigned count_entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned count = 0;

    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void look(struct state *s)
{
    memset(s, 0, sizeof *s);
    for (int sig = 1; sig <= 64; sig++)
        if (sig < 32 || sig >= SIGRTMIN) /* others are the C library's */
            syscall(SYS_rt_sigaction, sig, NULL, &s->actions[sig], 8);
    pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    sigaltstack(NULL, &s->stack);
    assert_non_null(getcwd(s->cwd, sizeof s->cwd));
    prctl(PR_GET_NAME, s->name);
    s->umask = umask(0);
    umask(s->umask);
    getitimer(ITIMER_REAL, &s->interval);
    s->interval.it_value.tv_usec = 0;
    for (int i = 0; i < (int)RLIM_NLIMITS; i++)
        getrlimit(i, &s->limits[i]);
    for (int fd = 0; fd < 256; fd++) {
        struct stat st;
        s->fds[fd].flags = fcntl(fd, F_GETFD);
        if (s->fds[fd].flags >= 0 && fstat(fd, &st) == 0) {
            s->fds[fd].device = st.st_dev;
            s->fds[fd].inode = st.st_ino;
            s->fds[fd].status = fcntl(fd, F_GETFL);
        }
    }
    s->threads = count_entries("/proc/self/task");
}

static void same_state(const struct state *a, const struct state *b, const char *what)
{
    for (int sig = 1; sig <= 64; sig++)
        if (memcmp(&a->actions[sig], &b->actions[sig], sizeof a->actions[sig]) != 0)
            fail_msg("%s: the disposition of signal %d: %#lx, flags %#lx", what, sig,
                     b->actions[sig].handler, b->actions[sig].flags);
    assert_memory_equal(&a->mask, &b->mask, sizeof a->mask);
    assert_memory_equal(&a->stack, &b->stack, sizeof a->stack);
    assert_string_equal(a->cwd, b->cwd);
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->umask, b->umask);
    /* A timer that runs has gone on. */
    assert_true(labs(a->interval.it_value.tv_sec - b->interval.it_value.tv_sec) < 100);
    assert_memory_equal(&a->interval.it_interval, &b->interval.it_interval,
                        sizeof a->interval.it_interval);
    assert_memory_equal(a->limits, b->limits, sizeof a->limits);
    for (int fd = 0; fd < 256; fd++)
        if (memcmp(&a->fds[fd], &b->fds[fd], sizeof a->fds[fd]) != 0)
            fail_msg("%s: descriptor %d", what, fd);
    assert_int_equal(a->threads, b->threads);
}

/* ---- The same events ---- */

static void same_events(uint32_t arch, const char *name, const char *arg)
{
    const char *path = guest_path(arch, name);
    struct run own = {.arch = arch, .argv = {path, arg}, .isolated = 1, .events = 2};
    struct run inside = {.arch = arch, .argv = {path, arg}, .events = 2};

    if (path == NULL)
        return;
    own.null_output = inside.null_output = 1;
    execute(&own);
    execute(&inside);
    assert_int_equal(inside.returned, 0);
    assert_int_equal(own.result.kind, inside.result.kind);
    assert_int_equal(own.result.status, inside.result.status);
    assert_int_equal(own.result.signal, inside.result.signal);
    assert_true(own.count > 10);
    for (size_t i = 0; i < own.count && i < inside.count; i++) {
        const struct event *a = &own.list[i], *b = &inside.list[i];
        if (memcmp(a, b, sizeof *a) != 0)
            fail_msg("%s: event %zu: type %lu %#lx %lu %lu, inside: %lu %#lx %lu %lu",
                     name, i, a->type, a->a, a->b, a->c, b->type, b->a, b->b, b->c);
    }
    assert_int_equal(own.count, inside.count);
    assert_true(pthread_equal(inside.thread, pthread_self()));
    finish(&own);
    finish(&inside);
}

static void test_same_events(void **state)
{
    static const char *const names[] = {"loop",   "switch-O3", "sort",        "memory",
                                        "string", "atomic",    "fault-write", "smc"};

    (void)state;
    for (uint32_t arch = LT_ARCH_X86_64; arch <= LT_ARCH_AARCH64; arch++) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            same_events(arch, names[i], NULL);
        same_events(arch, "in-process-static", "raise-caught");
        same_events(arch, "in-process-static", "segv");
        same_events(arch, "in-process-static", "exec");
    }
}

/* A copy of memory that is made from events is the guest's: the engine compares. */
static void test_memory(void **state)
{
    (void)state;
    for (uint32_t arch = LT_ARCH_X86_64; arch <= LT_ARCH_AARCH64; arch++) {
        const char *path = guest_path(arch, "in-process-static");
        struct lt_config config;
        struct lt_stats stats = {.size = sizeof stats};
        lt_session *session;

        if (path == NULL)
            continue;
        lt_config_init(&config, sizeof config);
        config.program = path;
        config.argv =
            (const char *const[]){path, "raise-caught", "open", "threads", NULL};
        config.flags = LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY;
        assert_int_equal(lt_session_create_in_process(&config, &session), 0);
        assert_int_equal(lt_session_run(session), 0);
        assert_int_equal(lt_session_stats(session, &stats), 0);
        assert_true(stats.memory_checks > 0);
        assert_int_equal(stats.memory_mismatches, 0);
        lt_session_destroy(session);
    }
}

/* ---- Ends ---- */

/* `status`: a status, or the negative number of a signal. */
static void ends(uint32_t arch, const char *name, int status, const char *a,
                 const char *b, const char *c, int pull)
{
    struct run run = {.arch = arch,
                      .argv = {guest_path(arch, name), a, b, c},
                      .pull = pull,
                      .events = 1};
    struct state before, after;

    if (run.argv[0] == NULL)
        return;
    look(&before);
    execute(&run);
    if (run.returned != 0)
        fail_msg("%s: %d, %s", a, run.returned, lt_session_message(run.session));
    if (run.result.kind != (status < 0 ? LT_RESULT_SIGNAL : LT_RESULT_EXIT) ||
        (status < 0 ? -run.result.signal : run.result.status) != status)
        fail_msg("%s: kind %u, status %d, signal %d", a, run.result.kind,
                 run.result.status, run.result.signal);
    assert_int_equal(run.result.untraced_processes, strcmp(a, "fork") == 0 ? 5 : 0);
    finish(&run);
    look(&after);
    same_state(&before, &after, a);
}

static void all_ends(uint32_t arch, const char *name, int pull)
{
    ends(arch, name, 3, "exit", NULL, NULL, pull);
    ends(arch, name, 3, "open", "close-all", "open", pull);
    ends(arch, name, 3, "change", NULL, NULL, pull);
    ends(arch, name, 3, "change", "threads", "open", pull);
    ends(arch, name, -SIGSEGV, "segv", NULL, NULL, pull);
    ends(arch, name, -SIGSEGV, "stack", NULL, NULL, pull);
    ends(arch, name, -SIGABRT, "abort", NULL, NULL, pull);
    ends(arch, name, -SIGTERM, "term", NULL, NULL, pull);
    ends(arch, name, -SIGUSR1, "group", NULL, NULL, pull);
    ends(arch, name, -SIGKILL, "kill", NULL, NULL, pull);
    ends(arch, name, -SIGPIPE, "pipe", NULL, NULL, pull);
    ends(arch, name, -SIGALRM, "alarm", NULL, NULL, pull);
    ends(arch, name, 3, "alarm-caught", "raise-caught", NULL, pull);
    ends(arch, name, 3, "threads", NULL, NULL, pull);
    ends(arch, name, -SIGSEGV, "threads", "segv", NULL, pull);
    ends(arch, name, 5, "thread-exits", NULL, NULL, pull);
    ends(arch, name, 5, "first-thread-ends", NULL, NULL, pull);
    ends(arch, name, 3, "fork", NULL, NULL, pull);
    ends(arch, name, 3, "exec", "exit", NULL, pull);
    ends(arch, name, 5, "threads", "exec", "first-thread-ends", pull);
    ends(arch, name, -SIGSEGV, "thread-exec", "segv", NULL, pull);
    ends(arch, name, 5, "thread-exec", "threads", "thread-exits", pull);
    ends(arch, name, 5, "no-signals", "threads", "thread-exits", pull);
}

static void test_ends(void **state)
{
    (void)state;
    all_ends(LT_ARCH_X86_64, "in-process-static", 0);
    all_ends(LT_ARCH_X86_64, "in-process", 0);
    all_ends(LT_ARCH_AARCH64, "in-process-static", 0);
}

static void test_ends_pulled(void **state)
{
    (void)state;
    all_ends(LT_ARCH_X86_64, "in-process-static", 1);
    all_ends(LT_ARCH_AARCH64, "in-process-static", 1);
}

static void test_errors(void **state)
{
    struct run run = {.argv = {"/nonexistent"}};
    struct lt_config config;
    lt_session *session;
    struct state before, after;

    (void)state;
    look(&before);
    execute(&run);
    assert_int_equal(run.returned, LT_ERR_NOT_FOUND);
    finish(&run);
    lt_config_init(&config, sizeof config);
    assert_int_equal(lt_session_create_in_process(&config, &session), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_create_in_process(NULL, &session), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_create_in_process(&config, NULL), LT_ERR_ARGUMENT);
    config.program = "/bin/true";
    config.threads = LT_THREADS_PARALLEL;
    assert_int_equal(lt_session_create_in_process(&config, &session), LT_ERR_UNSUPPORTED);
    config.threads = 0;
    config.cpu = "nonsense";
    assert_int_equal(lt_session_create_in_process(&config, &session), 0);
    assert_int_equal(lt_session_run(session), LT_ERR_ARGUMENT);
    lt_session_destroy(session);
    config.cpu = NULL;
    config.cwd = "/nonexistent";
    assert_int_equal(lt_session_create_in_process(&config, &session), 0);
    assert_true(lt_session_run(session) < 0);
    assert_true(strlen(lt_session_message(session)) > 0);
    lt_session_destroy(session);
    look(&after);
    same_state(&before, &after, "errors");
}

/* Not enough address space is an error that says so. */
static void test_limit(void **state)
{
    const char *path = guest_path(LT_ARCH_X86_64, "loop-1");
    struct run run = {.argv = {path}};
    struct rlimit old, limit;

    (void)state;
    if (path == NULL || getenv("LT_SANITIZED") != NULL)
        return;
    getrlimit(RLIMIT_AS, &old);
    limit = old;
    limit.rlim_cur = UINT64_C(64) << 30;
    create(&run);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    run.returned = lt_session_run(run.session);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_int_equal(run.returned, LT_ERR_SYSTEM);
    assert_non_null(strstr(lt_session_message(run.session), "RLIMIT_AS"));
    finish(&run);
}

/* ---- Stop ---- */

/* The session's limit ends threads wherever they are. */
static void reaches_limit(uint32_t arch, const char *a, const char *b, int pull)
{
    struct run run = {.arch = arch,
                      .argv = {guest_path(arch, "in-process-static"), a, b},
                      .pull = pull,
                      .null_output = 1,
                      .limit_insns = 300000};
    struct state before, after;

    if (run.argv[0] == NULL)
        return;
    look(&before);
    execute(&run);
    assert_int_equal(run.returned, 0);
    assert_int_equal(run.result.kind, LT_RESULT_LIMIT);
    assert_int_equal(run.result.limit, LT_LIMIT_INSNS);
    finish(&run);
    look(&after);
    same_state(&before, &after, b);
}

static void test_session_limit(void **state)
{
    (void)state;
    for (uint32_t arch = LT_ARCH_X86_64; arch <= LT_ARCH_AARCH64; arch++) {
        for (int pull = 0; pull < 2; pull++) {
            reaches_limit(arch, "open", "spin", pull);
            reaches_limit(arch, "threads", "spin", pull);
            reaches_limit(arch, "threads", "block", pull);
        }
    }
}

/* A session that has just begun can go at once. */
static void test_destroy_at_once(void **state)
{
    struct run run = {.argv = {guest_path(LT_ARCH_X86_64, "in-process-static"), "spin"},
                      .null_output = 1};
    const struct lt_event *event;

    (void)state;
    if (run.argv[0] == NULL)
        return;
    for (int i = 0; i < 20; i++) {
        create(&run);
        assert_int_equal(lt_session_next(run.session, &event), 1);
        finish(&run);
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Atomic double stopped_at;

static void *stop_later(void *user)
{
    const struct timespec t = {0, 300000000};

    nanosleep(&t, NULL);
    stopped_at = now();
    lt_session_stop(user);
    return NULL;
}

static void stops(uint32_t arch, const char *a, const char *b, int pull, int events)
{
    struct run run = {.arch = arch,
                      .argv = {guest_path(arch, "in-process-static"), a, b},
                      .pull = pull,
                      .null_output = 1,
                      .events = events};
    struct state before, after;
    pthread_t thread;

    if (run.argv[0] == NULL)
        return;
    look(&before);
    create(&run);
    assert_int_equal(pthread_create(&thread, NULL, stop_later, run.session), 0);
    go(&run);
    /* Far more than it takes, for machines that are busy. */
    assert_true(now() - stopped_at < 2);
    pthread_join(thread, NULL);
    assert_int_equal(run.returned, 0);
    assert_int_equal(run.result.kind, LT_RESULT_STOPPED);
    finish(&run);
    look(&after);
    same_state(&before, &after, a);
}

static int count_only(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session, (void)e, (void)user;
    return 0;
}

static void test_stop(void **state)
{
    (void)state;
    for (uint32_t arch = LT_ARCH_X86_64; arch <= LT_ARCH_AARCH64; arch++) {
        for (int pull = 0; pull < 2; pull++) {
            stops(arch, "spin", NULL, pull, 0);
            stops(arch, "block", NULL, pull, 0);
            stops(arch, "read", NULL, pull, 0);
            stops(arch, "threads", "block", pull, 0);
            stops(arch, "threads", "spin", pull, 0);
        }
    }
}

static void test_stop_in_callback(void **state)
{
    struct run run = {
        .argv = {guest_path(LT_ARCH_X86_64, "in-process-static"), "threads", "spin"},
        .events = 1,
        .null_output = 1,
        .on_insn = count_only,
        .stop_after = 1000000};
    struct state before, after;

    (void)state;
    if (run.argv[0] == NULL)
        return;
    look(&before);
    execute(&run);
    assert_int_equal(run.returned, 0);
    assert_int_equal(run.result.kind, LT_RESULT_STOPPED);
    assert_int_equal(run.insns, 1000000);
    finish(&run);
    look(&after);
    same_state(&before, &after, "LT_STOP");
}

/* A session that is left in the middle. */
static void test_destroy_pulled(void **state)
{
    struct run run = {
        .argv = {guest_path(LT_ARCH_X86_64, "in-process-static"), "threads", "spin"},
        .null_output = 1};
    const struct lt_event *event;
    struct state before, after;

    (void)state;
    if (run.argv[0] == NULL)
        return;
    look(&before);
    create(&run);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(lt_session_next(run.session, &event), 1);
    finish(&run);
    look(&after);
    same_state(&before, &after, "destroy");
}

/* ---- Several at once ---- */

static int second_in_callback(lt_session *session, const struct lt_insn *e, void *user)
{
    struct run *run = user;
    struct run other = {.argv = {run->argv[0]}};

    (void)session, (void)e;
    if (run->insns == 1) {
        execute(&other);
        assert_int_equal(other.returned, LT_ERR_STATE);
        assert_non_null(strstr(lt_session_message(other.session), "one can at a time"));
        finish(&other);
    }
    return 0;
}

static void test_second(void **state)
{
    struct run run = {.argv = {guest_path(LT_ARCH_X86_64, "in-process-static"), "open"},
                      .events = 1,
                      .on_insn = second_in_callback};

    (void)state;
    if (run.argv[0] == NULL)
        return;
    execute(&run);
    assert_int_equal(run.returned, 0);
    assert_true(run.insns > 1);
    finish(&run);
}

static void *run_many(void *user)
{
    const uint32_t arch = (uint32_t)(uintptr_t)user;

    for (int i = 0; i < 20; i++) {
        struct run run = {.arch = arch,
                          .argv = {guest_path(arch, "in-process-static"),
                                   i % 2 ? "raise-caught" : "threads", "exit"}};
        if (run.argv[0] == NULL)
            return NULL;
        if (i % 4 == 3)
            run.argv[2] = "segv";
        execute(&run);
        assert_int_equal(run.returned, 0);
        assert_int_equal(run.result.kind, i % 4 == 3 ? LT_RESULT_SIGNAL : LT_RESULT_EXIT);
        finish(&run);
    }
    return NULL;
}

static void test_both_architectures(void **state)
{
    struct state before, after;
    pthread_t threads[2];

    (void)state;
    look(&before);
    for (uintptr_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, (void *)(i + 1)), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    look(&after);
    same_state(&before, &after, "two at once");
}

/* ---- A host with a life of its own ---- */

static atomic_bool host_ends;
static atomic_uint faults, alarms, user_signals;
static __thread sigjmp_buf fault_return;
static char *forbidden;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    if (info->si_addr == forbidden) {
        faults++;
        siglongjmp(fault_return, 1);
    }
    abort();
}

static void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static void on_user(int sig)
{
    (void)sig;
    user_signals++;
}

static void fault(void)
{
    if (sigsetjmp(fault_return, 1) == 0) {
        *(volatile char *)forbidden = 1;
        abort();
    }
}

static void *busy_host(void *user)
{
    (void)user;
    while (!host_ends) {
        char *p = malloc(1000);

        memset(p, 1, 1000);
        free(p);
        fault();
        pthread_kill(pthread_self(), SIGUSR2);
    }
    return NULL;
}

static int fault_in_callback(lt_session *session, const struct lt_insn *e, void *user)
{
    struct run *run = user;

    (void)session, (void)e;
    if (run->insns % 10000 == 1)
        fault();
    return 0;
}

/* Faults, timers and signals of the host's own go on while guests run, and are its. */
static void test_host_signals(void **state)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction timer = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct sigaction user = {.sa_handler = on_user};
    struct itimerval interval = {{0, 5000}, {0, 5000}}, none = {{0, 0}, {0, 0}};
    struct state before, after;
    pthread_t threads[3];
    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};

    (void)state;
    forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(sigaltstack(&alternate, NULL), 0);
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &timer, NULL), 0);
    assert_int_equal(sigaction(SIGUSR2, &user, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, busy_host, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &interval, NULL), 0);
    look(&before);
    for (uint32_t arch = LT_ARCH_X86_64; arch <= LT_ARCH_AARCH64; arch++) {
        struct run run = {.arch = arch,
                          .argv = {guest_path(arch, "in-process-static"), "threads",
                                   "first-thread-ends"},
                          .events = 1,
                          .on_insn = fault_in_callback};
        unsigned old = alarms, old_faults = faults;

        if (run.argv[0] == NULL)
            continue;
        execute(&run);
        assert_int_equal(run.returned, 0);
        assert_int_equal(run.result.status, 5);
        assert_true(alarms > old);
        assert_true(faults > old_faults);
        finish(&run);
        /* A guest's own fault is still its own. */
        run = (struct run){.argv = {guest_path(arch, "in-process-static"), "segv"}};
        execute(&run);
        assert_int_equal(run.result.signal, SIGSEGV);
        finish(&run);
    }
    look(&after);
    setitimer(ITIMER_REAL, &none, NULL);
    host_ends = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_true(user_signals > 0);
    before.interval = after.interval;
    same_state(&before, &after, "a busy host");
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    munmap(forbidden, 4096);
}

/* A signal that somebody sends is the host's, with a handler and without, if the guest
 * has none. */
static void *send_term(void *user)
{
    const struct timespec t = {0, 200000000};

    (void)user;
    nanosleep(&t, NULL);
    kill(getpid(), SIGTERM);
    return NULL;
}

static void test_signal_from_outside(void **state)
{
    struct run run = {.argv = {guest_path(LT_ARCH_X86_64, "in-process-static"), "spin"},
                      .null_output = 1};
    struct sigaction user = {.sa_handler = on_user};
    pthread_t thread;
    int status;
    pid_t pid;

    (void)state;
    if (run.argv[0] == NULL)
        return;
    pid = fork();
    if (pid == 0) {
        create(&run);
        pthread_create(&thread, NULL, send_term, NULL);
        go(&run);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    sigaction(SIGTERM, &user, NULL);
    user_signals = 0;
    run = (struct run){.argv = {guest_path(LT_ARCH_X86_64, "in-process-static"), "spin"},
                       .events = 1,
                       .null_output = 1,
                       .on_insn = count_only,
                       .stop_after = 100000000};
    create(&run);
    assert_int_equal(pthread_create(&thread, NULL, send_term, NULL), 0);
    go(&run);
    pthread_join(thread, NULL);
    assert_int_equal(run.result.kind, LT_RESULT_STOPPED);
    assert_int_equal(user_signals, 1);
    finish(&run);
    signal(SIGTERM, SIG_DFL);
}

/* A host that runs with its signals blocked, from a directory and a mask of its own. */
static void test_host_state(void **state)
{
    struct state before, after;
    sigset_t all, old;
    char cwd[PATH_MAX];

    (void)state;
    assert_non_null(getcwd(cwd, sizeof cwd));
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    assert_int_equal(chdir("/usr"), 0);
    mode_t mask = umask(027);
    look(&before);
    ends(LT_ARCH_X86_64, "in-process-static", 3, "change", "open", "close-all", 0);
    ends(LT_ARCH_X86_64, "in-process-static", -SIGSEGV, "segv", NULL, NULL, 0);
    ends(LT_ARCH_X86_64, "in-process-static", 3, "threads", "exit", NULL, 0);
    look(&after);
    same_state(&before, &after, "a host with state");
    umask(mask);
    assert_int_equal(chdir(cwd), 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_events),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_ends_pulled),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_session_limit),
        cmocka_unit_test(test_destroy_at_once),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_in_callback),
        cmocka_unit_test(test_destroy_pulled),
        cmocka_unit_test(test_second),
        cmocka_unit_test(test_both_architectures),
        cmocka_unit_test(test_host_signals),
        cmocka_unit_test(test_signal_from_outside),
        cmocka_unit_test(test_host_state),
    };

    if (getenv("LT_GUESTS") == NULL) {
        fprintf(stderr, "LT_GUESTS is not set\n");
        return 77;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
