/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts that do a lot with signals: handlers for all, timers every millisecond,
 * SIGCHLD in each of the ways there are, everything blocked.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define LOOPS 6

static atomic_uint handled[NSIG];
static atomic_uint foreign; /* children that waitpid() told of and that are not ours */
static atomic_int own_child;

static void on_signal(int sig)
{
    atomic_fetch_add(&handled[sig], 1);
}

/* As servers do: whoever ended, is waited for. */
static void on_child(int sig)
{
    int saved = errno;
    pid_t pid;

    atomic_fetch_add(&handled[sig], 1);
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        if (pid != atomic_load(&own_child)) {
            atomic_fetch_add(&foreign, 1);
        }
    }
    errno = saved;
}

static void handle(int sig, void (*handler)(int), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigfillset(&action.sa_mask);
    sigaction(sig, &action, NULL);
}

static int run_loops(int count)
{
    for (int i = 0; i < count; i++) {
        uint32_t arch =
            i % 2 && host_has_arch(LT_ARCH_AARCH64) ? LT_ARCH_AARCH64 : LT_ARCH_X86_64;
        const char *problem = host_check_loop(arch, i % 3 ? 0 : HOST_PULL);

        if (problem != NULL) {
            return host_complain("%s", problem);
        }
    }
    return 0;
}

/* ---- Handlers ---- */

static int every_handler(void *arg)
{
    (void)arg;
    for (int sig = 1; sig < NSIG; sig++) {
        handle(sig, on_signal, sig % 2 ? SA_RESTART : 0);
    }
    char *before = host_state();
    int failed = run_loops(LOOPS);

    for (int sig = 1; sig < NSIG && !failed; sig++) {
        if (sig != SIGALRM && atomic_load(&handled[sig]) != 0) {
            failed = host_complain("the host got signal %d", sig);
        }
    }
    host_assert_same(before);
    return failed;
}

static void test_every_handler(void **state)
{
    (void)state;
    host_in_child(every_handler, NULL);
}

/* ---- Timers ---- */

/* Without SA_RESTART, so that every system call fails with EINTR now and then. */
static int with_timers(void *arg)
{
    const struct itimerval real = {{0, 1000}, {0, 1000}};
    const struct itimerspec spec = {{0, 700000}, {0, 700000}};
    struct sigevent event;
    timer_t timer;

    (void)arg;
    handle(SIGALRM, on_signal, 0);
    handle(SIGUSR1, on_signal, 0);
    handle(SIGVTALRM, on_signal, 0);
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    if (setitimer(ITIMER_REAL, &real, NULL) != 0 ||
        setitimer(ITIMER_VIRTUAL, &real, NULL) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &spec, NULL) != 0) {
        return host_complain("no timers: %s", strerror(errno));
    }
    int failed = run_loops(4 * LOOPS);
    if (atomic_load(&handled[SIGALRM]) < 10 || atomic_load(&handled[SIGUSR1]) < 10) {
        failed = host_complain("the timers did not go on");
    }
    timer_delete(timer);
    return failed;
}

static void test_timers(void **state)
{
    (void)state;
    host_in_child(with_timers, NULL);
}

/* Signals that a guest that blocks for ever does not keep the host from handling. */
static atomic_bool interrupting;

static void *interrupt(void *thread)
{
    while (atomic_load(&interrupting)) {
        pthread_kill(*(pthread_t *)thread, SIGUSR2);
        usleep(200);
    }
    return NULL;
}

static int with_interruptions(void *arg)
{
    pthread_t self = pthread_self(), thread;

    (void)arg;
    handle(SIGUSR2, on_signal, 0);
    atomic_store(&interrupting, true);
    if (pthread_create(&thread, NULL, interrupt, &self) != 0) {
        return 1;
    }
    int failed = run_loops(4 * LOOPS);
    atomic_store(&interrupting, false);
    pthread_join(thread, NULL);
    return atomic_load(&handled[SIGUSR2]) < 10 ? 1 : failed;
}

static void test_interruptions(void **state)
{
    (void)state;
    host_in_child(with_interruptions, NULL);
}

/* ---- SIGCHLD ---- */

/* A child of the host's own among sessions: its end must be told. */
static int own_child_ends(void)
{
    sigset_t child_ends, old;

    /* The handler knows the child before it hears of its end. */
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child_ends, &old);
    pid_t child = fork();

    if (child == 0) {
        _exit(7);
    }
    atomic_store(&own_child, child);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    for (int i = 0; i < 500; i++) {
        if (kill(child, 0) != 0) {
            return 0; /* the handler, or the kernel, has reaped it */
        }
        int status;
        if (waitpid(child, &status, WNOHANG) == child) {
            return WEXITSTATUS(status) != 7;
        }
        usleep(10000);
    }
    return host_complain("the host's own child was not to be waited for");
}

static int child_signals(void *arg)
{
    int *how = arg; /* 0: a handler; 1: ignored; 2: SA_NOCLDWAIT; 3: both; 4: default */

    switch (*how) {
    case 0:
        handle(SIGCHLD, on_child, SA_RESTART);
        break;
    case 1:
        signal(SIGCHLD, SIG_IGN);
        break;
    case 2:
        handle(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
        break;
    case 3:
        handle(SIGCHLD, on_child, SA_NOCLDWAIT);
        break;
    default:
        break;
    }
    char *before = host_state();
    int failed = run_loops(LOOPS);

    /* waitpid() for anybody: there is nobody. */
    errno = 0;
    if (!failed && (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)) {
        failed = host_complain("the host has a child that it has not made");
    }
    if (!failed && atomic_load(&handled[SIGCHLD]) != 0) {
        failed = host_complain("the host got SIGCHLD");
    }
    host_assert_same(before);
    /* Now with a child of its own, in the middle of a session. */
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "spin"));
    const struct lt_event *event;
    for (int i = 0; i < 100 && !failed; i++) {
        failed = lt_session_next(session, &event) != 1;
    }
    failed = failed || own_child_ends();
    for (int i = 0; i < 1000 && !failed; i++) {
        failed = lt_session_next(session, &event) != 1;
    }
    lt_session_destroy(session);
    if (!failed && atomic_load(&foreign) != 0) {
        failed = host_complain("waitpid() told the host of a child that is not its own");
    }
    return failed;
}

static void test_child_signals(void **state)
{
    (void)state;
    for (int how = 0; how < 5; how++) {
        host_in_child(child_signals, &how);
    }
}

/* A thread that does nothing but wait for children, whoever they are. */
static atomic_bool waiting;

static void *wait_for_anybody(void *arg)
{
    (void)arg;
    while (atomic_load(&waiting)) {
        pid_t pid = waitpid(-1, NULL, 0);

        if (pid > 0 && pid != atomic_load(&own_child)) {
            atomic_fetch_add(&foreign, 1);
        }
    }
    return NULL;
}

static int with_waiter(void *arg)
{
    pthread_t thread;

    (void)arg;
    atomic_store(&waiting, true);
    if (pthread_create(&thread, NULL, wait_for_anybody, NULL) != 0) {
        return 1;
    }
    int failed = run_loops(2 * LOOPS);
    atomic_store(&waiting, false);
    pthread_join(thread, NULL);
    return atomic_load(&foreign) != 0 ? host_complain("a foreign child") : failed;
}

static void test_waiter(void **state)
{
    (void)state;
    host_in_child(with_waiter, NULL);
}

/* __WALL and __WCLONE find children without an exit signal as well: a host that waits
 * like that is told of the library's, and the session works nevertheless. */
static void *wait_for_all(void *arg)
{
    (void)arg;
    while (atomic_load(&waiting)) {
        waitpid(-1, NULL, __WALL);
    }
    return NULL;
}

static int with_wall_waiter(void *arg)
{
    pthread_t thread;

    (void)arg;
    atomic_store(&waiting, true);
    if (pthread_create(&thread, NULL, wait_for_all, NULL) != 0) {
        return 1;
    }
    int failed = run_loops(2 * LOOPS);
    atomic_store(&waiting, false);
    pthread_join(thread, NULL);
    return failed;
}

static void test_wall_waiter(void **state)
{
    (void)state;
    host_in_child(with_wall_waiter, NULL);
}

/* ---- Blocked signals ---- */

static int with_all_blocked(void *arg)
{
    sigset_t all;

    (void)arg;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    kill(getpid(), SIGTERM); /* stays pending all the time */
    char *before = host_state();
    int failed = run_loops(LOOPS);
    host_assert_same(before);
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) == 1 ? failed : host_complain("it is gone");
}

static void test_all_blocked(void **state)
{
    (void)state;
    host_in_child(with_all_blocked, NULL);
}

/* The guest has none of it: not the mask, not the ignored signals. */
static int guest_is_free(void *arg)
{
    const char *argv[] = {"sh", "-c", "kill -TERM $$; exit 3", NULL};
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    sigset_t all;

    (void)arg;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGTERM, SIG_IGN);
    lt_config_init(&config, sizeof config);
    config.program = "/bin/sh";
    config.argv = argv;
    if (lt_session_create(&config, &session) != 0 || lt_session_run(session) != 0) {
        return 1;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_destroy(session);
    return result.kind != LT_RESULT_SIGNAL || result.signal != SIGTERM;
}

static void test_guest_is_free(void **state)
{
    (void)state;
    host_in_child(guest_is_free, NULL);
}

/* ---- A callback that is left by a signal handler ---- */

static atomic_uint depth;

static void run_in_handler(int sig)
{
    /* Another session altogether, in a handler that interrupts the first. */
    (void)sig;
    if (atomic_fetch_add(&depth, 1) == 0) {
        atomic_fetch_add(&handled[0], 1);
    }
    atomic_fetch_sub(&depth, 1);
}

static int count_slowly(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    if (++*(uint64_t *)user % 100 == 0) {
        raise(SIGUSR1);
    }
    return 0;
}

static int handler_in_callback(void *arg)
{
    uint64_t count = 0;

    (void)arg;
    handle(SIGUSR1, run_in_handler, SA_ONSTACK);
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "loop"));
    if (session == NULL || lt_on_insn(session, NULL, count_slowly, &count) != 0 ||
        lt_session_run(session) != 0) {
        return 1;
    }
    lt_session_destroy(session);
    return count != 605 || atomic_load(&handled[0]) != 6;
}

static void test_handler_in_callback(void **state)
{
    (void)state;
    host_in_child(handler_in_callback, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_handler),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_interruptions),
        cmocka_unit_test(test_child_signals),
        cmocka_unit_test(test_waiter),
        cmocka_unit_test(test_wall_waiter),
        cmocka_unit_test(test_all_blocked),
        cmocka_unit_test(test_guest_is_free),
        cmocka_unit_test(test_handler_in_callback),
    };

    return cmocka_run_group_tests_name("host-signals", tests, NULL, NULL);
}
