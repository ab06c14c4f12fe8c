/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts in odd surroundings: few descriptors, little memory, few processes, another
 * user, no /proc, no memfd_create(), a directory that is gone.  A session works, or
 * says why it does not; afterwards the host is as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

/* The session works. */
static int works(unsigned ways)
{
    const char *problem = host_check_loop(LT_ARCH_X86_64, ways);

    return problem != NULL ? host_complain("%s", problem) : 0;
}

/* The session fails to start with that error, and the message has these words. */
static int fails(int error, const char *words)
{
    struct host_run run = host_run(host_guest(LT_ARCH_X86_64, "loop"), 0);

    if (run.returned != error || strstr(run.message, words) == NULL) {
        return host_complain("returned %d, not %d: %s", run.returned, error, run.message);
    }
    return 0;
}

/* ---- Descriptors ---- */

static unsigned open_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 4096; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* Whoever calls this has lost some of 0 to 2; the library takes none of them. */
static int without_stdio(void *arg)
{
    const int *closed = arg; /* a bit each */

    for (int fd = 0; fd < 3; fd++) {
        if (*closed >> fd & 1) {
            close(fd);
        }
    }
    if (works(0) != 0 || works(HOST_PULL) != 0) {
        return 1;
    }
    for (int fd = 0; fd < 3; fd++) {
        if ((*closed >> fd & 1) != (fcntl(fd, F_GETFD) < 0)) {
            return 2;
        }
    }
    return 0;
}

static void test_without_stdio(void **state)
{
    (void)state;
    for (int closed = 1; closed < 8; closed++) {
        host_in_child(without_stdio, &closed);
    }
}

/* The guest of a host without them has none either, if it inherits. */
static int inherits_nothing(void *arg)
{
    const char *argv[] = {"sh", "-c",
                          "test ! -e /proc/self/fd/0 && test ! -e /proc/self/fd/1 && "
                          "test -e /proc/self/fd/2",
                          NULL};
    struct lt_config config;
    struct lt_result result;
    lt_session *session;

    (void)arg;
    close(0);
    close(1);
    lt_config_init(&config, sizeof config);
    config.program = "/bin/sh";
    config.argv = argv;
    if (lt_session_create(&config, &session) != 0 || lt_session_run(session) != 0) {
        return 1;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_destroy(session);
    return result.kind != LT_RESULT_EXIT || result.status != 0;
}

static void test_inherits_nothing(void **state)
{
    (void)state;
    host_in_child(inherits_nothing, NULL);
}

/* A daemon closes all that it does not know, between sessions and within one. */
static int closes_all(void *arg)
{
    (void)arg;
    if (works(0) != 0) {
        return 1;
    }
    close_range(3, ~0u, 0);
    for (int fd = 3; fd < 10; fd++) {
        open("/dev/null", O_RDWR); /* the numbers are somebody else's now */
    }
    if (works(0) != 0) {
        return 2;
    }
    for (int fd = 3; fd < 10; fd++) {
        struct stat st;

        if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode)) {
            return host_complain("a descriptor of the host's was closed");
        }
    }
    close_range(3, ~0u, 0);
    /* With a session that runs: the guest is lost, the host is not. */
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "spin"));
    const struct lt_event *event;
    for (int i = 0; i < 100; i++) {
        if (lt_session_next(session, &event) != 1) {
            return 3;
        }
    }
    close_range(3, ~0u, 0);
    lt_session_stop(session);
    while (lt_session_next(session, &event) == 1) {
    }
    lt_session_destroy(session);
    if (!host_no_children()) {
        return host_complain("a process is left");
    }
    return works(0);
}

static void test_closes_all(void **state)
{
    (void)state;
    host_in_child(closes_all, NULL);
}

/* Each number of descriptors that may be left. */
static int few_descriptors(void *arg)
{
    int worked = 0, failed = 0;

    (void)arg;
    close_range(3, ~0u, 0);
    for (rlim_t most = 3; most < 24; most++) {
        struct rlimit limit = {most, 1024};
        struct host_run run;

        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return 1;
        }
        run = host_run(host_guest(LT_ARCH_X86_64, "loop"), 0);
        if (run.returned == 0) {
            worked++;
            if (run.insns != 605 || run.result.status != 9) {
                return host_complain("with %d descriptors, %d instructions", (int)most,
                                     (int)run.insns);
            }
        } else if (run.message[0] == '\0' ||
                   (run.returned != LT_ERR_SYSTEM && run.returned != LT_ERR_ENGINE)) {
            return host_complain("with %d descriptors: %d %s", (int)most, run.returned,
                                 run.message);
        } else {
            failed++;
        }
        limit.rlim_cur = 1024;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (open_descriptors() > 4) {
            return host_complain("with %d descriptors: some are left", (int)most);
        }
    }
    return worked == 0 || failed == 0;
}

static void test_few_descriptors(void **state)
{
    (void)state;
    host_in_child(few_descriptors, NULL);
}

/* ---- Other limits ---- */

static int with_limit(__rlimit_resource_t what, rlim_t value)
{
    struct rlimit limit = {value, value};

    return setrlimit(what, &limit) != 0 ? host_complain("setrlimit: %s", strerror(errno))
                                        : 0;
}

static int little_address_space(void *arg)
{
    (void)arg;
    return with_limit(RLIMIT_AS, (rlim_t)1 << 30) || fails(LT_ERR_SYSTEM, "RLIMIT_AS");
}

static int small_files(void *arg)
{
    (void)arg;
    return with_limit(RLIMIT_FSIZE, 1 << 20) || fails(LT_ERR_SYSTEM, "RLIMIT_FSIZE");
}

static int small_stack(void *arg)
{
    (void)arg;
    return with_limit(RLIMIT_STACK, 256 << 10) || works(0) || works(HOST_PULL);
}

static int no_core_no_locked(void *arg)
{
    (void)arg;
    return with_limit(RLIMIT_CORE, 0) || with_limit(RLIMIT_MEMLOCK, 0) ||
           with_limit(RLIMIT_SIGPENDING, 0) || with_limit(RLIMIT_MSGQUEUE, 0) || works(0);
}

static void be_nobody(void)
{
    if (geteuid() == 0 &&
        (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) {
        _exit(host_complain("setuid: %s", strerror(errno)));
    }
    /* As after an exec: a process that has changed its user is not dumpable. */
    prctl(PR_SET_DUMPABLE, 1);
}

/* The limit counts all processes of a user. */
static int no_processes(void *arg)
{
    (void)arg;
    be_nobody();
    if (access(host_guest(LT_ARCH_X86_64, "loop"), X_OK) != 0) {
        return 0; /* it is not where nobody could look */
    }
    return with_limit(RLIMIT_NPROC, 0) || fails(LT_ERR_SYSTEM, "process");
}

static void test_limits(void **state)
{
    (void)state;
    if (!HOST_ASAN && !HOST_TSAN) {
        host_in_child(little_address_space, NULL);
    }
    host_in_child(small_files, NULL);
    host_in_child(small_stack, NULL);
    host_in_child(no_core_no_locked, NULL);
    host_in_child(no_processes, NULL);
}

/* ---- Users ---- */

static int another_user(void *arg)
{
    (void)arg;
    be_nobody();
    /* What every user may execute. */
    struct host_run run = host_run("/bin/true", 0);
    if (run.returned != 0 || run.result.kind != LT_RESULT_EXIT ||
        run.result.status != 0 || run.insns < 1000) {
        return host_complain("%d %s", run.returned, run.message);
    }
    return host_no_children() ? 0 : host_complain("a process is left");
}

static void test_another_user(void **state)
{
    (void)state;
    host_in_child(another_user, NULL);
}

/* Not dumpable, as what has secrets and what began as another user: its /proc entry
 * belongs to root. */
static int not_dumpable(void *arg)
{
    (void)arg;
    be_nobody();
    prctl(PR_SET_DUMPABLE, 0);
    struct host_run run = host_run("/bin/true", 0);
    return run.returned != 0 ? host_complain("%d %s", run.returned, run.message) : 0;
}

static void test_not_dumpable(void **state)
{
    (void)state;
    host_in_child(not_dumpable, NULL);
}

static int no_new_privileges(void *arg)
{
    (void)arg;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "odd name (1) R");
    if (nice(5) == -1) {
        return 1;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    umask(0777);
    char *before = host_state();
    int failed = works(0) || works(HOST_PULL | HOST_MEMORY);
    host_assert_same(before);
    return failed;
}

static void test_no_new_privileges(void **state)
{
    (void)state;
    host_in_child(no_new_privileges, NULL);
}

/* ---- What a sandbox forbids ---- */

/* Lets one system call fail from here on. */
static int forbid(unsigned nr, unsigned error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0;
}

struct forbidden {
    unsigned nr;
    unsigned error;
    int returned;      /* 0: it does not matter */
    const char *words; /* of the message */
};

static int without_call(void *arg)
{
    const struct forbidden *f = arg;
    unsigned before = open_descriptors();

    if (forbid(f->nr, f->error) != 0) {
        return host_complain("no seccomp");
    }
    int failed = f->returned == 0 ? works(0) : fails(f->returned, f->words);
    if (!host_no_children()) {
        return host_complain("without call %u a process is left", f->nr);
    }
    if (open_descriptors() > before + 1) { /* the engine's file */
        return host_complain("without call %u descriptors are left", f->nr);
    }
    return failed ? host_complain("without call %u", f->nr) : 0;
}

static void test_forbidden_calls(void **state)
{
    static const struct forbidden cases[] = {
        {SYS_memfd_create, EPERM, LT_ERR_SYSTEM, "memory"},
        {SYS_memfd_create, ENOSYS, LT_ERR_SYSTEM, "memory"},
        {SYS_ftruncate, EPERM, LT_ERR_SYSTEM, "memory"},
        {SYS_clone, EPERM, LT_ERR_SYSTEM, "process"},
        {SYS_clone, EAGAIN, LT_ERR_SYSTEM, "process"},
        {SYS_pidfd_open, ENOSYS, LT_ERR_SYSTEM, "descriptor"},
        {SYS_socketpair, EACCES, LT_ERR_SYSTEM, "socket"},
        {SYS_execveat, ENOSYS, LT_ERR_SYSTEM, "cannot be executed"},
        {SYS_execveat, EPERM, LT_ERR_SYSTEM, "cannot be executed"},
        {SYS_signalfd4, ENOSYS, LT_ERR_SYSTEM, "supervisor"},
        {SYS_dup3, EMFILE, LT_ERR_SYSTEM, "streams"},
        {SYS_close_range, ENOSYS, 0, NULL},
        {SYS_personality, EPERM, 0, NULL},
        {SYS_setpgid, EPERM, 0, NULL},
        {SYS_rseq, ENOSYS, 0, NULL},
        {SYS_statx, ENOSYS, 0, NULL},
        {SYS_clone3, ENOSYS, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        host_in_child(without_call, (void *)&cases[i]);
    }
}

/* ---- File systems ---- */

static int without_proc(void *arg)
{
    (void)arg;
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        (mount("none", "/proc", "tmpfs", 0, NULL) != 0)) {
        return 0; /* as another user than root it cannot be tried */
    }
    if (access("/proc/self", F_OK) == 0) {
        return host_complain("there still is a /proc");
    }
    /* It works, or says what is missing. */
    struct host_run run = host_run(host_guest(LT_ARCH_X86_64, "loop"), 0);
    if (run.returned == 0 ? run.insns != 605 || run.result.status != 9
                          : run.message[0] == '\0') {
        return host_complain("%d %s", run.returned, run.message);
    }
    /* A guest that does not end by itself is ended. */
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "spin"));
    const struct lt_event *event;
    for (int i = 0; i < 100; i++) {
        if (lt_session_next(session, &event) != 1) {
            break;
        }
    }
    lt_session_destroy(session);
    return waitpid(-1, NULL, __WALL | WNOHANG) != -1 || errno != ECHILD;
}

static void test_without_proc(void **state)
{
    (void)state;
    host_in_child(without_proc, NULL);
}

static int directory_is_gone(void *arg)
{
    char path[] = "/tmp/lt-host-XXXXXX";
    char guest[4096];

    (void)arg;
    if (realpath(host_guest(LT_ARCH_X86_64, "loop"), guest) == NULL ||
        mkdtemp(path) == NULL || chdir(path) != 0 || rmdir(path) != 0) {
        return 1;
    }
    struct host_run run = host_run(guest, 0);
    if (run.returned != 0 || run.insns != 605) {
        return host_complain("%d %s", run.returned, run.message);
    }
    run = host_run("loop", 0);
    return run.returned == LT_ERR_NOT_FOUND
               ? 0
               : host_complain("%d %s", run.returned, run.message);
}

static void test_directory_is_gone(void **state)
{
    (void)state;
    host_in_child(directory_is_gone, NULL);
}

/* ---- Arguments ---- */

static int many_arguments(void *arg)
{
    enum { COUNT = 20000, LENGTH = 4000 };
    static const char *list[COUNT + 1];
    char *text = malloc(LENGTH + 1);
    struct lt_config config;
    lt_session *session;

    (void)arg;
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    for (int i = 0; i < COUNT; i++) {
        list[i] = text;
    }
    for (int which = 0; which < 2; which++) {
        lt_config_init(&config, sizeof config);
        config.program = "/bin/true";
        if (which == 0) {
            config.argv = list;
        } else {
            config.envp = list;
        }
        if (lt_session_create(&config, &session) != 0) {
            return 1;
        }
        int returned = lt_session_run(session);
        if (returned != LT_ERR_SYSTEM ||
            strstr(lt_session_message(session), "too long for the kernel") == NULL) {
            return host_complain("%d %s", returned, lt_session_message(session));
        }
        lt_session_destroy(session);
    }
    free(text);
    return host_no_children() ? 0 : 1;
}

static void test_many_arguments(void **state)
{
    (void)state;
    host_in_child(many_arguments, NULL);
}

/* ---- A large host ---- */

static double start_time(void)
{
    double best = 1e9;

    for (int i = 0; i < 5; i++) {
        double begin = host_seconds();

        assert_int_equal(works(0), 0);
        best = host_seconds() - begin < best ? host_seconds() - begin : best;
    }
    return best;
}

/* A start that copies the host's page tables, as fork() does, would take ten times as
 * long. */
static int large_heap(void *arg)
{
    const size_t size = (size_t)1 << 30;

    (void)arg;
    double small = start_time();
    char *heap = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (heap == MAP_FAILED) {
        return 1;
    }
    madvise(heap, size, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < size; i += 4096) {
        heap[i] = 1;
    }
    double large = start_time();
    for (size_t i = 0; i < size; i += 4096) {
        if (heap[i] != 1) {
            return host_complain("the heap has changed");
        }
    }
    munmap(heap, size);
    return large > small * 3 + 0.02
               ? host_complain("%.1f ms with a small heap, %.1f with a large one",
                               small * 1e3, large * 1e3)
               : 0;
}

static void test_large_heap(void **state)
{
    (void)state;
    host_in_child(large_heap, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_stdio),
        cmocka_unit_test(test_inherits_nothing),
        cmocka_unit_test(test_closes_all),
        cmocka_unit_test(test_few_descriptors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_another_user),
        cmocka_unit_test(test_not_dumpable),
        cmocka_unit_test(test_no_new_privileges),
        cmocka_unit_test(test_forbidden_calls),
        cmocka_unit_test(test_without_proc),
        cmocka_unit_test(test_directory_is_gone),
        cmocka_unit_test(test_many_arguments),
        cmocka_unit_test(test_large_heap),
    };

    return cmocka_run_group_tests_name("host-surroundings", tests, NULL, NULL);
}
