/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The start and the end of a guest's processes, with a stand-in for the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "launch.h"
#include "lt/lt.h"
#include "standin.h"
#include "supervisor.h"

static struct lti_message message;
static char *const environment[] = {"STANDIN=yes", NULL};

static struct lti_launch launch_of(char *const *argv)
{
    return (struct lti_launch){
        .engine = STANDIN_ENGINE,
        .arch = "x86_64",
        .program = "/proc/self/exe",
        .argv = argv,
        .envp = environment,
        .stdio = {0, 1, 2},
        .map_fd = -1,
    };
}

struct guest {
    struct lti_arena arena;
    struct lti_process *process;
};

static int start(struct guest *guest, const struct lti_launch *launch)
{
    message.text[0] = '\0';
    guest->process = NULL;
    int error = lti_arena_create(&guest->arena, &message);
    if (error != 0) {
        return error;
    }
    guest->arena.control->magic = LTI_STREAM_MAGIC;
    error = lti_process_start(launch, &guest->arena, &guest->process, &message);
    lti_arena_close(&guest->arena);
    if (error != 0) {
        lti_arena_destroy(&guest->arena);
    }
    return error;
}

static void end(struct guest *guest)
{
    lti_process_destroy(guest->process);
    lti_arena_destroy(&guest->arena);
}

static int wait_status(const struct guest *guest)
{
    struct lti_control *control = guest->arena.control;
    for (int i = 0; i < 10000; i++) {
        if (__atomic_load_n(&control->engine_ended, __ATOMIC_ACQUIRE) != 0) {
            return control->engine_status;
        }
        usleep(1000);
    }
    fail_msg("the engine did not end");
    return -1;
}

static bool wait_dead(int pid)
{
    for (int i = 0; i < 5000 && is_alive(pid); i++) {
        usleep(1000);
    }
    return !is_alive(pid);
}

/* Starts a guest whose standard output can be read from *out. */
static void start_piped(struct guest *guest, char *const *argv, const char *cwd, int *out)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct lti_launch launch = launch_of(argv);
    launch.cwd = cwd;
    launch.stdio[0] = LTI_STDIO_NULL;
    launch.stdio[1] = fds[1];
    launch.stdio[2] = LTI_STDIO_CLOSED;
    if (start(guest, &launch) != 0) {
        fail_msg("%s", message.text);
    }
    close(fds[1]);
    *out = fds[0];
}

/* ---- Tests ---- */

static void test_own_engine(void **state)
{
    (void)state;
    char *argv[] = {"x", NULL};
    unsigned before = 0;
    for (int i = 0; i < 3; i++) {
        struct guest guest;
        struct lti_launch launch = launch_of(argv);
        launch.engine = NULL;
        launch.arch = "none";
        launch.stdio[2] = LTI_STDIO_NULL;
        if (start(&guest, &launch) != 0) {
            fail_msg("%s", message.text);
        }
        assert_true(WIFEXITED(wait_status(&guest)));
        end(&guest);
        /* The file of the engine is made once, and again if it was closed. */
        if (i == 0) {
            before = count_entries("/proc/self/fd");
        } else {
            assert_int_equal(count_entries("/proc/self/fd"), before);
        }
        if (i == 1) {
            close_range(3, ~0u, 0);
            before = count_entries("/proc/self/fd") + 1;
        }
    }
}

static void test_status(void **state)
{
    (void)state;
    struct guest guest;
    char *argv[] = {"x", "exit", "77", NULL};
    struct lti_launch launch = launch_of(argv);
    assert_int_equal(start(&guest, &launch), 0);
    assert_int_equal(wait_status(&guest), 77 << 8);
    assert_true(lti_process_supervised(guest.process));
    lti_process_end(guest.process);
    assert_false(lti_process_supervised(guest.process));
    lti_process_kill(guest.process);
    end(&guest);
    argv[1] = "raise";
    argv[2] = "15";
    assert_int_equal(start(&guest, &launch), 0);
    assert_int_equal(wait_status(&guest) & 0x7f, 15);
    end(&guest);
}

/* What a guest finds: only its descriptors, its directory, its environment, no
 * signal blocked or handled, a process group of its own. */
static void test_report(void **state)
{
    (void)state;
    int out;
    struct guest guest;
    char text[4096];
    size_t size = 0;
    char *argv[] = {"zero", "report", "a b", "", NULL};
    sigset_t some, before;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigprocmask(SIG_BLOCK, &some, &before);
    void (*pipe_before)(int) = signal(SIGPIPE, SIG_IGN);
    void (*child_before)(int) = signal(SIGCHLD, SIG_IGN);
    assert_true(open("/dev/zero", O_RDONLY) >= 0); /* not close-on-exec */
    start_piped(&guest, argv, "/usr", &out);
    ssize_t n;
    while ((n = read(out, text + size, sizeof text - 1 - size)) > 0) {
        size += (size_t)n;
    }
    text[size] = '\0';
    /* That the end of the file came shows that nobody else holds the pipe. */
    assert_string_equal(text, "cwd /usr\narg zero\narg report\narg a b\narg \nenv yes\n"
                              "group own\nfd 0 /dev/null\nfd 1 pipe\n");
    assert_int_equal(wait_status(&guest), 0);
    end(&guest);
    close(out);
    signal(SIGPIPE, pipe_before);
    signal(SIGCHLD, child_before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Standard streams that stand in each other's place. */
static void test_stdio_swap(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    if (child == 0) {
        int fds[2];
        struct guest guest;
        char *argv[] = {"x", "report", NULL};
        char text[4096] = "";
        /* The host has its streams closed, but for the pipe's writing end at 0. */
        if (pipe2(fds, O_CLOEXEC) != 0 || dup2(fds[1], 0) != 0) {
            _exit(1);
        }
        close(fds[1]);
        close(1);
        close(2);
        struct lti_launch launch = launch_of(argv);
        launch.stdio[0] = LTI_STDIO_CLOSED;
        launch.stdio[1] = 0;
        launch.stdio[2] = 0;
        if (start(&guest, &launch) != 0) {
            _exit(2);
        }
        close(0);
        size_t size = 0;
        ssize_t n;
        while ((n = read(fds[0], text + size, sizeof text - 1 - size)) > 0) {
            size += (size_t)n;
        }
        const char *end_of_it = "group own\nfd 1 pipe\nfd 2 pipe\n";
        bool good = size > strlen(end_of_it) &&
                    strcmp(text + size - strlen(end_of_it), end_of_it) == 0;
        end(&guest);
        _exit(good ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* All of a tree is killed, whoever hides in a session of its own; also what is
 * left behind by a guest that ended. */
static void test_tree(void **state)
{
    (void)state;
    for (int hang = 0; hang < 2; hang++) {
        int out, pids[6];
        struct guest guest;
        char *argv[] = {"x", "tree", hang ? "1" : "0", NULL};
        start_piped(&guest, argv, NULL, &out);
        read_numbers(out, pids, 6);
        if (!hang) {
            assert_int_equal(wait_status(&guest), 0);
        }
        int alive = 0;
        for (int i = 0; i < 6; i++) {
            assert_true(pids[i] > 0);
            alive += is_alive(pids[i]);
        }
        assert_int_equal(alive, hang ? 6 : 5);
        assert_int_equal(count_children(), 1);
        lti_process_kill(guest.process);
        lti_process_kill(guest.process);
        end(&guest);
        for (int i = 0; i < 6; i++) {
            assert_false(is_alive(pids[i]));
        }
        close(out);
        assert_int_equal(count_children(), 0);
    }
}

/* A host that is killed leaves nothing of the guest behind, nor does one that
 * executes something else. */
static void test_host_gone(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        int fds[2], pids[6], status;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid_t host = fork();
        if (host == 0) {
            struct guest guest;
            char *argv[] = {"x", "tree", "1", NULL};
            struct lti_launch launch = launch_of(argv);
            sigset_t go;
            int number;
            launch.stdio[1] = fds[1];
            setpgid(0, 0);
            sigemptyset(&go);
            sigaddset(&go, SIGUSR1);
            sigprocmask(SIG_BLOCK, &go, NULL);
            if (start(&guest, &launch) != 0) {
                _exit(1);
            }
            if (way == 1) {
                sigwait(&go, &number);
                execl("/bin/sleep", "sleep", "100", (char *)NULL);
            }
            for (;;) {
                pause();
            }
        }
        close(fds[1]);
        read_numbers(fds[0], pids, 6);
        for (int i = 0; i < 6; i++) {
            assert_true(pids[i] > 0 && is_alive(pids[i]));
        }
        if (way == 1) {
            kill(host, SIGUSR1); /* it executes something else */
        } else {
            /* Its whole process group too. */
            kill(way == 0 ? host : -host, SIGKILL);
        }
        for (int i = 0; i < 6; i++) {
            assert_true(wait_dead(pids[i]));
        }
        kill(host, SIGKILL);
        assert_int_equal(waitpid(host, &status, 0), host);
        close(fds[0]);
    }
}

/* The host's own wait() never sees anything of a session. */
static void test_invisible(void **state)
{
    (void)state;
    struct guest guest;
    char *argv[] = {"x", "exit", "0", NULL};
    struct lti_launch launch = launch_of(argv);
    assert_int_equal(start(&guest, &launch), 0);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
    wait_status(&guest);
    lti_process_kill(guest.process);
    usleep(50000);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    /* A host that really waits for all takes it away; nobody is hurt. */
    assert_true(waitpid(-1, NULL, __WALL) > 0);
    end(&guest);
    assert_int_equal(count_children(), 0);
}

static void test_errors(void **state)
{
    (void)state;
    struct guest guest;
    char *argv[] = {"x", "exit", "0", NULL};
    unsigned fds = count_entries("/proc/self/fd");
    unsigned maps = count_maps();
    struct lti_launch launch = launch_of(argv);
    launch.cwd = "/no/where";
    assert_int_equal(start(&guest, &launch), LT_ERR_NOT_FOUND);
    assert_string_equal(message.text, "the working directory /no/where does not exist");
    launch.cwd = "/dev/null";
    assert_int_equal(start(&guest, &launch), LT_ERR_DIRECTORY);
    launch.cwd = NULL;
    launch.engine = "/no/engine";
    assert_int_equal(start(&guest, &launch), LT_ERR_ENGINE);
    launch.engine = "/tmp";
    assert_int_equal(start(&guest, &launch), LT_ERR_ENGINE);
    launch.engine = "/etc/passwd";
    assert_int_equal(start(&guest, &launch), LT_ERR_ENGINE);
    assert_non_null(
        strstr(message.text, "/etc/passwd cannot be executed: Permission denied"));
    launch.engine = STANDIN_ENGINE;

    /* More than the kernel takes. */
    size_t size = 3 << 20;
    char *big = malloc(size);
    memset(big, 'x', size);
    big[size - 1] = '\0';
    argv[0] = big;
    assert_int_equal(start(&guest, &launch), LT_ERR_SYSTEM);
    assert_non_null(strstr(message.text, "too long"));
    free(big);
    assert_int_equal(count_children(), 0);
    assert_int_equal(count_entries("/proc/self/fd"), fds);
    assert_int_equal(count_maps(), maps);
}

/* Runs `body` in a child with a limit set; it returns what is wrong, or 0. */
static void with_limit(int resource, rlim_t value, int (*body)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {value, value};
        _exit(setrlimit(resource, &limit) != 0 ? 99 : body());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int refused_by_limit(const char *words)
{
    struct guest guest;
    char *argv[] = {"x", "exit", "0", NULL};
    struct lti_launch launch = launch_of(argv);
    unsigned fds = count_entries("/proc/self/fd");
    if (start(&guest, &launch) != LT_ERR_SYSTEM || strstr(message.text, words) == NULL) {
        fprintf(stderr, "%s\n", message.text);
        return 1;
    }
    return count_children() != 0 ? 2 : count_entries("/proc/self/fd") != fds ? 3 : 0;
}

static int refused_file_size(void)
{
    return refused_by_limit("RLIMIT_FSIZE");
}

#ifndef __SANITIZE_ADDRESS__
static int refused_memory(void)
{
    return refused_by_limit("RLIMIT_AS");
}
#endif

/* Whatever number of descriptors is left, it works or says so. */
static int few_descriptors(void)
{
    for (int spare = 15; spare >= 0; spare--) {
        struct guest guest;
        char *argv[] = {"x", "exit", "0", NULL};
        struct lti_launch launch = launch_of(argv);
        struct rlimit limit = {(rlim_t)(3 + spare), 20};
        setrlimit(RLIMIT_NOFILE, &limit);
        int error = start(&guest, &launch);
        if (error == 0) {
            wait_status(&guest);
            end(&guest);
        } else if (error != LT_ERR_SYSTEM && error != LT_ERR_ENGINE) {
            return 1;
        } else if (strstr(message.text, "Too many open files") == NULL &&
                   strstr(message.text, "streams cannot be set up") == NULL) {
            fprintf(stderr, "%s\n", message.text);
            return 2;
        }
        if (error != 0 && spare == 15) {
            return 3;
        }
        limit.rlim_cur = 20;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (count_entries("/proc/self/fd") > 2 + 3 + 1 || count_children() != 0) {
            return 4;
        }
    }
    return 0;
}

static int few_descriptors_alone(void)
{
    close_range(3, ~0u, 0);
    return few_descriptors();
}

static void test_limits(void **state)
{
    (void)state;
    with_limit(RLIMIT_FSIZE, 1 << 20, refused_file_size);
#ifndef __SANITIZE_ADDRESS__
    with_limit(RLIMIT_AS, 1ul << 30, refused_memory);
#endif
    with_limit(RLIMIT_NOFILE, 20, few_descriptors_alone);
}

static atomic_bool forking;

/* Forks and ends children all the time, some of which destroy the guest they
 * inherited: that must do it no harm. */
static void *fork_often(void *arg)
{
    struct guest *guest = arg;
    while (atomic_load(&forking)) {
        pid_t child = fork();
        if (child == 0) {
            lti_process_kill(guest->process);
            lti_process_destroy(guest->process);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    return NULL;
}

static void test_fork(void **state)
{
    (void)state;
    struct guest kept, guest;
    char *hang[] = {"x", "hang", NULL};
    char *argv[] = {"x", "exit", "3", NULL};
    struct lti_launch launch = launch_of(hang);
    assert_int_equal(start(&kept, &launch), 0);
    launch = launch_of(argv);
    pthread_t thread;
    atomic_store(&forking, true);
    assert_int_equal(pthread_create(&thread, NULL, fork_often, &kept), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(start(&guest, &launch), 0);
        assert_int_equal(wait_status(&guest), 3 << 8);
        end(&guest);
    }
    atomic_store(&forking, false);
    pthread_join(thread, NULL);
    assert_int_equal(kept.arena.control->engine_ended, 0);
    assert_true(is_alive((int)kept.arena.control->engine_pid));
    end(&kept);
    assert_int_equal(count_children(), 0);
}

/* A thread may start a guest and end before it. */
static void *start_only(void *arg)
{
    char *argv[] = {"x", "hang", NULL};
    struct lti_launch launch = launch_of(argv);
    return (void *)(intptr_t)start(arg, &launch);
}

static void test_thread_end(void **state)
{
    (void)state;
    struct guest guest;
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, start_only, &guest), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);
    usleep(100000);
    assert_true(lti_process_supervised(guest.process));
    assert_int_equal(guest.arena.control->engine_ended, 0);
    end(&guest);
}

int main(int argc, char **argv)
{
    standin_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),     cmocka_unit_test(test_report),
        cmocka_unit_test(test_stdio_swap), cmocka_unit_test(test_tree),
        cmocka_unit_test(test_host_gone),  cmocka_unit_test(test_invisible),
        cmocka_unit_test(test_errors),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_fork),       cmocka_unit_test(test_thread_end),
        cmocka_unit_test(test_own_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
