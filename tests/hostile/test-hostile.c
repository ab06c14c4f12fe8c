/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests that mean harm: each run ends as it should, nothing of the guest's is left, and
 * the host is as it was.  This process is the reaper of its descendants, so that it sees
 * whoever a session leaves behind.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lt/lt.h"
#include "lt/unstable.h"

extern uint32_t lti_crash;

static const char *const archs[] = {"x86_64", "aarch64"};
static const char *arch; /* the present one */
static pid_t bystander;  /* another process of the host's group */
static int bystander_nice;
static int bystander_fd;  /* it writes what it catches */
static volatile int hits; /* signals that the host caught */

/* ---- The host ---- */

static void hit(int sig)
{
    if (sig != SIGCHLD)
        hits++;
}

static void catch_all(void)
{
    struct sigaction action = {.sa_handler = hit, .sa_flags = SA_RESTART};

    for (int sig = 1; sig <= SIGRTMAX; sig++) {
        if (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL && sig != SIGFPE &&
            sig != SIGABRT && sig != SIGALRM)
            sigaction(sig, &action, NULL); /* not all can be */
    }
}

static int told;

static void tell(int sig)
{
    char byte = (char)sig;

    if (write(told, &byte, 1) != 1)
        _exit(1);
}

static void start_bystander(void)
{
    int tube[2];
    struct sigaction action = {.sa_handler = tell};

    assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
    bystander_nice = getpriority(PRIO_PROCESS, 0);
    bystander = fork();
    assert_true(bystander >= 0);
    if (bystander == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        told = tube[1];
        for (int sig = 1; sig <= SIGRTMAX; sig++)
            sigaction(sig, &action, NULL);
        tell(0);
        for (;;)
            pause();
    }
    close(tube[1]);
    bystander_fd = tube[0];
    char byte = 1;
    assert_int_equal(read(bystander_fd, &byte, 1), 1);
    assert_int_equal(byte, 0);
}

/* What a guest could have changed of the host. */
struct host {
    int fds[256];
    int fd_count;
    struct {
        void (*handler)(int);
        uint64_t mask;
        int flags;
    } actions[65];
    sigset_t mask;
    struct rlimit limits[RLIMIT_NLIMITS];
    pid_t group, session;
    mode_t mask_of_files;
    char directory[4096];
    int nice, policy, hits;
    cpu_set_t cpus;
};

static void look(struct host *host)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;

    memset(host, 0, sizeof *host);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir)) {
            assert_true(host->fd_count < 256);
            host->fds[host->fd_count++] = atoi(entry->d_name);
        }
    }
    closedir(dir);
    for (int sig = 1; sig <= 64; sig++) {
        struct sigaction action;

        if (sigaction(sig, NULL, &action) == 0) {
            host->actions[sig].handler = action.sa_handler;
            host->actions[sig].flags = action.sa_flags;
            memcpy(&host->actions[sig].mask, &action.sa_mask, 8);
        }
    }
    sigprocmask(SIG_SETMASK, NULL, &host->mask);
    for (int i = 0; i < (int)RLIMIT_NLIMITS; i++)
        getrlimit((__rlimit_resource_t)i, &host->limits[i]);
    host->group = getpgrp();
    host->session = getsid(0);
    host->mask_of_files = umask(0);
    umask(host->mask_of_files);
    assert_non_null(getcwd(host->directory, sizeof host->directory));
    host->nice = getpriority(PRIO_PROCESS, 0);
    host->policy = sched_getscheduler(0);
    sched_getaffinity(0, sizeof host->cpus, &host->cpus);
    host->hits = hits;
}

/* Whether a child other than the bystander is left, perhaps dead. */
static bool has_children(void)
{
    siginfo_t info = {0};
    char list[4096] = "", own[32];
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(read(fd, list, sizeof list - 1) >= 0);
    close(fd);
    snprintf(own, sizeof own, "%d ", bystander);
    (void)info;
    return strcmp(list, own) != 0;
}

static void check_host(const struct host *before)
{
    static struct host now;
    struct pollfd fd = {bystander_fd, POLLIN, 0};

    look(&now);
    assert_memory_equal(before, &now, sizeof now);
    assert_int_equal(waitpid(bystander, NULL, WNOHANG), 0);
    assert_int_equal(poll(&fd, 1, 0), 0);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)bystander), bystander_nice);
    assert_false(has_children());
}

/* ---- Runs ---- */

struct
try {
    const char *kind;
    long numbers[3];
    int numbered; /* the numbers are those of host, bystander and group */
    struct lt_config config;
    int insns; /* with a callback for instructions */

    struct lt_result result;
    int returned;
    char message[256];
    uint64_t bytes; /* of output */
};

static uint64_t sink;
static uint64_t mapped; /* mmap() that succeeded, in the present run */

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    (void)session, (void)user;
    sink += insn->pc;
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    (void)session, (void)user;
    sink += call->nr;
    if (call->phase == LT_PHASE_RETURN && call->error == 0 && call->name != NULL &&
        strcmp(call->name, "mmap") == 0)
        mapped++;
    return 0;
}

static lt_session *open_session(struct try *try, int output)
{
    char program[512], numbers[3][24];
    const char *argv[6] = {program, try->kind, numbers[0], numbers[1], numbers[2]};
    lt_session *session;

    if (try->numbered) {
        try->numbers[0] = getpid();
        try->numbers[1] = bystander;
        try->numbers[2] = getpgrp();
    }
    snprintf(program, sizeof program, "%s/%s/hostile", getenv("LT_GUESTS"), arch);
    for (int i = 0; i < 3; i++)
        snprintf(numbers[i], sizeof numbers[i], "%ld", try->numbers[i]);
    try->config.program = program;
    try->config.argv = argv;
    try->config.stdio[0] = LT_STDIO_NULL;
    try->config.stdio[1] = LT_STDIO_FD;
    try->config.stdio_fd[1] = output;
    assert_int_equal(lt_session_create(&try->config, &session), 0);
    if (try->insns)
        assert_int_equal(lt_on_insn(session, NULL, on_insn, NULL), 0);
    assert_int_equal(lt_on_syscall(session, NULL, on_syscall, NULL), 0);
    return session;
}

static struct try *begin(const char *kind)
{
    static struct try try;

    memset(&try, 0, sizeof try);
    try.kind = kind;
    lt_config_init(&try.config, sizeof try.config);
    /* Nothing here takes so long. */
    try.config.limit_ms = 60000;
    return &try;
}

static void run(struct try *try)
{
    static struct host before;
    FILE *output = tmpfile();
    struct lt_stats stats = {.size = sizeof stats};
    struct stat st;
    lt_session *session;

    assert_non_null(output);
    look(&before);
    mapped = 0;
    session = open_session(try, fileno(output));
    try->returned = lt_session_run(session);
    lt_result_init(&try->result, sizeof try->result);
    assert_int_equal(lt_session_result(session, &try->result), 0);
    snprintf(try->message, sizeof try->message, "%s", lt_session_message(session));
    assert_int_equal(lt_session_stats(session, &stats), 0);
    assert_int_equal(stats.register_mismatches, 0);
    assert_int_equal(stats.internal_errors, 0);
    lt_session_destroy(session);
    check_host(&before);
    assert_int_equal(fstat(fileno(output), &st), 0);
    try->bytes = (uint64_t)st.st_size;
    fclose(output);
}

static void ends_by_limit(struct try *try, uint32_t limit)
{
    run(try);
    if (try->result.kind != LT_RESULT_LIMIT || try->result.limit != limit)
        fail_msg("%s %s: result %u, limit %u, status %d, signal %d: %s", arch, try->kind,
                 try->result.kind, try->result.limit, try->result.status,
                 try->result.signal, try->message);
    assert_int_equal(try->returned, 0);
    assert_string_not_equal(try->message, "");
}

static void ends_by_signal(struct try *try, int signal)
{
    run(try);
    if (try->result.kind != LT_RESULT_SIGNAL || try->result.signal != signal)
        fail_msg("%s %s: result %u, status %d, signal %d: %s", arch, try->kind,
                 try->result.kind, try->result.status, try->result.signal, try->message);
}

static void ends_well(struct try *try)
{
    run(try);
    if (try->result.kind != LT_RESULT_EXIT || try->result.status != 0)
        fail_msg("%s %s: result %u, status %d, signal %d: %s", arch, try->kind,
                 try->result.kind, try->result.status, try->result.signal, try->message);
}

/* Each test is one of both architectures, as far as there are guests for it. */
static bool next_arch(void)
{
    char path[512];

    for (;;) {
        arch = arch == NULL ? archs[0] : arch == archs[0] ? archs[1] : NULL;
        if (arch == NULL)
            return false;
        snprintf(path, sizeof path, "%s/%s/hostile", getenv("LT_GUESTS"), arch);
        if (access(path, X_OK) == 0)
            return true;
    }
}

/* ---- Processes ---- */

static void test_processes(void **state)
{
    static const char *const kinds[] = {"forks", "daemons", "vforks"};
    (void)state;

    while (next_arch()) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            struct try *try = begin(kinds[i]);
            try->config.limit_processes = 16;
            ends_by_limit(try, LT_LIMIT_PROCESSES);
            /* Without that limit, the time is one. */
            if (i == 1) {
                try = begin(kinds[i]);
                try->config.limit_ms = 300;
                try->config.follow = LT_FOLLOW_NONE;
                try->config.limit_processes = 40;
                run(try);
                assert_int_equal(try->result.kind, LT_RESULT_LIMIT);
            }
        }
    }
}

/* Exactly as many as there may be, and no one more; those that were killed do not
 * count. */
static void test_processes_exact(void **state)
{
    (void)state;
    while (next_arch()) {
        struct try *try = begin("children");
        try->numbers[0] = 9;
        try->config.limit_processes = 10;
        ends_by_signal(try, SIGKILL);
        try = begin("children");
        try->numbers[0] = 10;
        try->config.limit_processes = 10;
        ends_by_limit(try, LT_LIMIT_PROCESSES);
        try = begin("nursery");
        try->numbers[0] = 9;
        try->config.limit_processes = 10;
        ends_well(try);
        try = begin("children");
        try->numbers[0] = 10;
        try->config.limit_processes = 10;
        try->config.follow = LT_FOLLOW_NONE;
        ends_by_limit(try, LT_LIMIT_PROCESSES);
    }
}

/* ---- Memory ---- */

static void test_memory(void **state)
{
    static const char *const kinds[] = {"maps",     "shares",    "breaks",   "remaps",
                                        "protects", "populates", "segments", "heirs"};
    (void)state;

    while (next_arch()) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            struct try *try = begin(kinds[i]);
            try->config.limit_memory = 48 << 20;
            try->config.limit_processes = 64;
            ends_by_limit(try, LT_LIMIT_MEMORY);
        }
        struct try *try = begin("moderate");
        try->config.limit_memory = 24 << 20;
        ends_well(try);
        /* The program itself is too large. */
        try = begin("nothing");
        try->config.limit_memory = 65536;
        ends_by_limit(try, LT_LIMIT_MEMORY);
    }
}

/* Each further megabyte is one mapping of a megabyte more, to the byte. */
static void test_memory_exact(void **state)
{
    static const int64_t more[] = {0, 1 << 20, (1 << 20) - 1, 5 << 20, (6 << 20) - 1};
    (void)state;

    while (next_arch()) {
        uint64_t first = 0, base = 0;

        for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
            struct try *try = begin("maps");

            if (i == 0) {
                /* Where the limit is just so that a mapping is the last that fits. */
                uint64_t low = 24 << 20, high = 25 << 20;
                try->config.limit_memory = low;
                ends_by_limit(try, LT_LIMIT_MEMORY);
                uint64_t count = mapped;
                while (high - low > 1) {
                    try = begin("maps");
                    try->config.limit_memory = (low + high) / 2;
                    ends_by_limit(try, LT_LIMIT_MEMORY);
                    *(mapped > count ? &high : &low) = (low + high) / 2;
                }
                base = high;
                first = count + 1;
                assert_int_equal(base % 4096, 0);
                try = begin("maps");
            }
            try->config.limit_memory = base + (uint64_t)more[i];
            ends_by_limit(try, LT_LIMIT_MEMORY);
            assert_int_equal(mapped, first + (uint64_t)more[i] / (1 << 20));
        }
    }
}

/* ---- Output ---- */

static void test_output(void **state)
{
    (void)state;
    while (next_arch()) {
        struct try *try = begin("writes");
        try->config.limit_output = 12345;
        ends_by_limit(try, LT_LIMIT_OUTPUT);
        assert_int_equal(try->bytes, 12345);
        try = begin("vectors");
        try->config.limit_output = 12345;
        ends_by_limit(try, LT_LIMIT_OUTPUT);
        assert_int_equal(try->bytes, 12300);
        try = begin("some");
        try->numbers[0] = 12345;
        try->config.limit_output = 12345;
        ends_well(try);
        assert_int_equal(try->bytes, 12345);
        try = begin("some");
        try->numbers[0] = 12346;
        try->config.limit_output = 12345;
        ends_by_limit(try, LT_LIMIT_OUTPUT);
        assert_int_equal(try->bytes, 12345);
        /* 600 to sockets and pipes, 400 to a file where there are some without names. */
        try = begin("streams");
        try->config.limit_output = 5000;
        ends_by_limit(try, LT_LIMIT_OUTPUT);
        assert_true(try->bytes == 4000 || try->bytes == 4400);
    }
}

/* ---- Time ---- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int slow(lt_session *session, const struct lt_insn *insn, void *user)
{
    (void)session, (void)insn, (void)user;
    usleep(100);
    return 0;
}

static void test_time(void **state)
{
    static const char *const kinds[] = {"deaf", "stopped", "sleeper",
                                        "busy", "threads", "daemons"};
    (void)state;

    while (next_arch()) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            struct try *try = begin(kinds[i]);
            int64_t start = now_ms(), took;

            try->config.limit_ms = 300;
            try->config.threads = i % 2;
            try->insns = i == 0;
            ends_by_limit(try, LT_LIMIT_TIME);
            took = now_ms() - start;
            assert_true(took >= 300 && took < 20000);
        }
    }
}

/* A callback that takes its time holds up the end by one call only. */
static void test_time_slow(void **state)
{
    static struct host before;
    (void)state;

    while (next_arch()) {
        for (int pull = 0; pull < 2; pull++) {
            struct try *try = begin("busy");
            int64_t start, took;
            lt_session *session;
            struct lt_result result;
            const struct lt_event *event;
            int out = open("/dev/null", O_WRONLY | O_CLOEXEC);

            look(&before);
            try->config.limit_ms = 300;
            session = open_session(try, out);
            start = now_ms();
            if (pull) {
                assert_int_equal(lt_session_select(session, LT_KIND(LT_EVENT_INSN), NULL),
                                 0);
                while (lt_session_next(session, &event) == 1)
                    usleep(100);
                assert_int_equal(lt_session_next(session, &event), 0);
            } else {
                assert_int_equal(lt_on_insn(session, NULL, slow, NULL), 0);
                assert_int_equal(lt_session_run(session), 0);
            }
            took = now_ms() - start;
            assert_true(took >= 290 && took < 20000);
            lt_result_init(&result, sizeof result);
            lt_session_result(session, &result);
            assert_int_equal(result.kind, LT_RESULT_LIMIT);
            assert_int_equal(result.limit, LT_LIMIT_TIME);
            lt_session_destroy(session);
            check_host(&before);
            close(out);
        }
    }
}

/* ---- Those that end by themselves ---- */

static void test_own_ends(void **state)
{
    static const char *const kinds[] = {"nothing",    "closes", "own",     "attributes",
                                        "namespaces", "covers", "backdoor"};
    (void)state;

    while (next_arch()) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            ends_well(begin(kinds[i]));
        ends_by_signal(begin("group"), SIGKILL);
        ends_by_signal(begin("unmaps"), SIGSEGV);
        ends_by_signal(begin("segfault"), SIGSEGV);
        for (int threads = 0; threads < 2; threads++) {
            struct try *try = begin("others");
            try->numbered = 1;
            try->config.threads = (uint32_t)threads;
            ends_well(try);
        }
        struct try *try = begin("joins");
        try->numbered = 1;
        ends_by_signal(try, SIGKILL);
        try = begin("blind");
        try->numbered = 1;
        ends_by_signal(try, SIGKILL);
        try = begin("prison");
        try->numbered = 1;
        ends_well(try);
    }
}

/* However it limits itself, there is an end: its own or an error, and soon. */
static void test_rlimits(void **state)
{
    (void)state;
    while (next_arch()) {
        for (long limit = 0; limit <= 1000; limit = limit * 10 + 1) {
            struct try *try = begin("limits");
            try->numbers[0] = limit;
            run(try);
            assert_int_not_equal(try->result.kind, LT_RESULT_LIMIT);
            assert_int_not_equal(try->result.error, LT_ERR_STREAM);
        }
    }
}

/* Stores all over: whatever comes of it, it comes to an end. */
static void test_wild(void **state)
{
    (void)state;
    while (next_arch()) {
        for (int i = 0; i < 3; i++) {
            static struct host before;
            struct try *try = begin("wild");
            lt_session *session;
            int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
            int64_t start = now_ms();

            look(&before);
            try->numbers[0] = i;
            try->insns = i == 1;
            try->config.limit_ms = 1500;
            session = open_session(try, out);
            lt_session_run(session);
            assert_true(now_ms() - start < 30000);
            lt_result_init(&try->result, sizeof try->result);
            lt_session_result(session, &try->result);
            print_message("%s wild %d: result %u, limit %u, signal %d, status %d: %s\n",
                          arch, i, try->result.kind, try->result.limit,
                          try->result.signal, try->result.status,
                          lt_session_message(session));
            assert_int_not_equal(try->result.kind, LT_RESULT_NONE);
            lt_session_destroy(session);
            check_host(&before);
            close(out);
        }
    }
}

/* ---- The engine's own failures ---- */

static void test_crashes(void **state)
{
    static const char *const says[] = {NULL, "abort()", "assertion failed", "SIGSEGV",
                                       "exit(1)"};
    (void)state;

    lti_crash = 1;
    while (next_arch()) {
        for (long how = 1; how <= 4; how++) {
            for (long where = 0; where <= 2; where++) {
                for (uint32_t mode = 0; mode < 3; mode++) {
                    struct try *try = begin("crashes");
                    try->numbers[0] = how;
                    try->numbers[1] = where;
                    try->config.threads = mode == 1;
                    try->config.follow = mode == 2 ? LT_FOLLOW_NONE : LT_FOLLOW_ALL;
                    if (mode == 2 && where == 1)
                        try->config.limit_ms = 2000;
                    run(try);
                    if (try->result.kind != LT_RESULT_ERROR ||
                        try->result.error != LT_ERR_ENGINE ||
                        strstr(try->message, says[how]) == NULL)
                        fail_msg("%s %ld %ld %u: result %u, signal %d, status %d: %s",
                                 arch, how, where, mode, try->result.kind,
                                 try->result.signal, try->result.status, try->message);
                    assert_int_equal(try->returned, LT_ERR_ENGINE);
                    assert_int_equal(try->bytes, 7);
                }
            }
        }
    }
    lti_crash = 0;
    /* The guest's own faults are none of these, and the call does nothing. */
    arch = NULL;
    while (next_arch()) {
        struct try *try = begin("crashes");
        try->numbers[0] = 1;
        run(try);
        assert_int_equal(try->result.kind, LT_RESULT_EXIT);
        assert_int_equal(try->result.status, 99);
    }
}

/* ---- The host's end, and the supervisor's ---- */

/* Waits until no descendant is left but the bystander; false if one stays. */
static bool all_gone(void)
{
    int64_t end = now_ms() + 15000;

    while (has_children()) {
        pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);

        if (pid <= 0 && now_ms() > end)
            return false;
        if (pid <= 0)
            usleep(5000);
    }
    return true;
}

/* Runs the session in a process of its own, whose supervisor's or own death comes when
 * the guest is well on its way. */
static void die_amid(const char *kind, bool supervisor)
{
    struct try *try = begin(kind);
    int tube[2], status;
    pid_t host, victim;
    char list[4096] = "", path[64];

    assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
    host = fork();
    assert_true(host >= 0);
    if (host == 0) {
        int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
        lt_session *session;

        try->config.limit_processes = 30;
        try->numbers[0] = 20; /* of the nursery, which goes on */
        try->numbers[1] = 1;
        session = open_session(try, out);
        assert_int_equal(write(tube[1], "", 1), 1);
        int returned = lt_session_run(session);
        lt_session_destroy(session);
        _exit(returned == LT_ERR_SYSTEM ? 77 : 1);
    }
    assert_int_equal(read(tube[0], list, 1), 1);
    close(tube[0]);
    close(tube[1]);
    usleep(250000);
    victim = host;
    if (supervisor) {
        int fd;

        snprintf(path, sizeof path, "/proc/%d/task/%d/children", host, host);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0 && read(fd, list, sizeof list - 1) > 0);
        close(fd);
        victim = atoi(list);
    }
    assert_true(victim > 1);
    assert_int_equal(kill(victim, SIGKILL), 0);
    if (supervisor) {
        assert_int_equal(waitpid(host, &status, 0), host);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 77);
    }
    if (!all_gone())
        fail_msg("%s %s: somebody is left", arch, kind);
}

static void test_host_killed(void **state)
{
    static const char *const kinds[] = {"deaf",    "stopped", "sleeper",
                                        "threads", "daemons", "nursery"};
    (void)state;

    while (next_arch()) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            die_amid(kinds[i], false);
    }
}

static void test_supervisor_killed(void **state)
{
    static const char *const kinds[] = {"deaf", "stopped", "sleeper", "threads",
                                        "nursery"};
    (void)state;

    while (next_arch()) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            die_amid(kinds[i], true);
    }
}

/* The library opens a descriptor of its engine, once. */
static void test_first(void **state)
{
    lt_session *session;
    (void)state;

    arch = archs[0];
    session = open_session(begin("nothing"), 2);
    assert_int_equal(lt_session_run(session), 0);
    lt_session_destroy(session);
    arch = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_processes_exact),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_exact),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_time_slow),
        cmocka_unit_test(test_own_ends),
        cmocka_unit_test(test_rlimits),
        cmocka_unit_test(test_wild),
        cmocka_unit_test(test_crashes),
        cmocka_unit_test(test_host_killed),
        cmocka_unit_test(test_supervisor_killed),
    };
    char directory[] = "/tmp/lt-hostile-XXXXXX";

    if (mkdtemp(directory) == NULL || chdir(directory) != 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return 1;
    catch_all();
    start_bystander();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kill(bystander, SIGKILL);
    rmdir("prison");
    if (chdir("/") != 0 || rmdir(directory) != 0)
        failed++;
    return failed;
}
