/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts that fork while sessions run, hosts with pthread_atfork() handlers, and hosts
 * that execute another program.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

extern char **environ;

/* ---- pthread_atfork() ---- */

static atomic_uint prepared;

static void prepare(void)
{
    atomic_fetch_add(&prepared, 1);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* The library's processes are none of the host's forks: its handlers are not run. */
static void test_atfork(void **state)
{
    (void)state;
    assert_int_equal(pthread_atfork(prepare, prepare, prepare), 0);
    for (int i = 0; i < 3; i++) {
        host_assert_loop(LT_ARCH_X86_64, 0);
    }
    lt_session_destroy(host_create("/nonexistent"));
    assert_int_equal(atomic_load(&prepared), 0);
    host_in_child(nothing, NULL); /* this one is a fork */
    assert_true(atomic_load(&prepared) > 0);
}

/* ---- Children while a session runs ---- */

enum use { LEAVE, DESTROY, STOP, ASK, GO_ON, RUN_ANOTHER, USES };

/* What a child may do with a session that its parent runs: it is a copy that has no
 * guest. */
static int use_in_child(lt_session *session, enum use use)
{
    struct lt_result result;
    uint64_t value;

    switch (use) {
    case DESTROY:
        lt_session_destroy(session);
        return 0;
    case STOP:
        return lt_session_stop(session) != 0;
    case ASK:
        lt_result_init(&result, sizeof result);
        return lt_session_result(session, &result) != 0 ||
               result.kind != LT_RESULT_NONE || lt_reg_read(session, 0, &value) != 0;
    case GO_ON: {
        const struct lt_event *event;
        int returned, events = 0;

        /* What was decoded already may still come. */
        while ((returned = lt_session_next(session, &event)) == 1) {
            events++;
        }
        return returned != LT_ERR_STATE || lt_session_message(session)[0] == '\0' ||
               events > 10000000;
    }
    case RUN_ANOTHER:
        lt_session_destroy(session);
        return host_check_loop(LT_ARCH_X86_64, 0) != NULL;
    default:
        return 0;
    }
}

static void test_fork_between_events(void **state)
{
    const struct lt_event *event;

    (void)state;
    char *before = host_state();
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "spin"));
    assert_non_null(session);
    assert_int_equal(
        lt_session_select(session, LT_KIND(LT_EVENT_INSN) | LT_KIND(LT_EVENT_EXIT), NULL),
        0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(lt_session_next(session, &event), 1);
    }
    for (int use = LEAVE; use < USES; use++) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            alarm(60);
            _exit(use_in_child(session, (enum use)use));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0) {
            fail_msg("use %d in a child: status %#x", use, (unsigned)status);
        }
        /* The parent's guest does not know of it. */
        for (int i = 0; i < 100000; i++) {
            assert_int_equal(lt_session_next(session, &event), 1);
        }
    }
    lt_session_destroy(session);
    host_assert_same(before);
}

/* Children that destroy the session leave the parent what it needs for the rest. */
static void test_rest_after_child(void **state)
{
    struct lt_stats stats = {.size = sizeof stats};
    const struct lt_event *event;
    uint64_t count = 0;
    int returned;

    (void)state;
    lt_session *session = host_create("/bin/ls");
    while ((returned = lt_session_next(session, &event)) == 1) {
        if (++count % 20000 == 100) {
            int status;
            pid_t child = fork();

            if (child == 0) {
                lt_session_destroy(session);
                _exit(0);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_int_equal(status, 0);
        }
    }
    assert_int_equal(returned, 0);
    assert_true(count > 20000);
    assert_int_equal(lt_session_stats(session, &stats), 0);
    assert_int_equal(stats.register_mismatches + stats.internal_errors, 0);
    lt_session_destroy(session);
}

/* Forks from a callback; the child ends in it. */
static int fork_now(lt_session *session, const struct lt_insn *e, void *user)
{
    uint64_t *count = user;

    (void)e;
    if (++*count % 200 == 0) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            lt_session_destroy(session); /* in a callback: nothing */
            _exit(5);
        }
        if (waitpid(child, &status, 0) != child || status != 5 << 8) {
            return -7000;
        }
    }
    return 0;
}

static void test_fork_in_callback(void **state)
{
    uint64_t count = 0;

    (void)state;
    char *before = host_state();
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "loop"));
    assert_int_equal(lt_on_insn(session, NULL, fork_now, &count), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(count, 605);
    lt_session_destroy(session);
    host_assert_same(before);
}

/* A child that goes on with the run it was forked in: it has no guest, and is told. */
static int fork_once(lt_session *session, const struct lt_insn *e, void *user)
{
    pid_t *child = user;
    int status;

    (void)session;
    (void)e;
    if (*child != -1) {
        return 0;
    }
    *child = fork();
    if (*child == 0) {
        alarm(60);
        return 0;
    }
    return waitpid(*child, &status, 0) != *child ? -7000 : status != 0 ? -7001 : 0;
}

static void test_run_goes_on_in_child(void **state)
{
    pid_t child = -1;

    (void)state;
    char *before = host_state();
    lt_session *session = host_create("/bin/ls");
    assert_int_equal(lt_on_insn(session, NULL, fork_once, &child), 0);
    int returned = lt_session_run(session);
    if (child == 0) {
        int failed = returned != LT_ERR_STATE || lt_session_message(session)[0] == '\0';
        lt_session_destroy(session);
        _exit(failed ? host_complain("the child's run returned %d", returned) : 0);
    }
    assert_int_equal(returned, 0);
    lt_session_destroy(session);
    host_assert_same(before);
}

/* ---- Forks of a busy host ---- */

static atomic_bool forking;

static void *fork_often(void *arg)
{
    (void)arg;
    while (atomic_load(&forking)) {
        pid_t child = fork();

        if (child == 0) {
            _exit(0);
        }
        waitpid(child, NULL, 0);
        char *argv[] = {(char *)"true", NULL};
        if (posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ) == 0) {
            waitpid(child, NULL, 0);
        }
    }
    return NULL;
}

static void test_forks_during_sessions(void **state)
{
    pthread_t threads[2];
    const char *problem = NULL;

    (void)state;
    char *before = host_state();
    atomic_store(&forking, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fork_often, NULL), 0);
    }
    for (unsigned i = 0; i < 20 && problem == NULL; i++) {
        uint32_t arch =
            i % 2 && host_has_arch(LT_ARCH_AARCH64) ? LT_ARCH_AARCH64 : LT_ARCH_X86_64;
        problem = host_check_loop(arch, i % 3 ? 0 : HOST_PULL);
    }
    atomic_store(&forking, false);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    if (problem != NULL) {
        fail_msg("%s", problem);
    }
    host_assert_same(before);
}

/* ---- An exec of the host's ---- */

/* Another program in the host's process: the guest is gone, and no descriptor of the
 * library's is left to it. */
static int executes(void *arg)
{
    const struct lt_event *event;

    (void)arg;
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "spin"));
    for (int i = 0; i < 100; i++) {
        if (lt_session_next(session, &event) != 1) {
            return 1;
        }
    }
    execl("/bin/sh", "sh", "-c",
          "for i in 1 2 3 4 5 6 7 8 9 10; do"
          "  test -z \"$(ls -l /proc/$$/fd | grep 'memfd:lt')\" || exit 1;"
          /* Nobody waits for the supervisor: it is left without a life. */
          "  ps -o stat=,comm= --ppid $$ | grep -v '^Z' | grep -q lt- || exit 0;"
          "  sleep 0.1; done; exit 2",
          NULL);
    return 99;
}

static void test_exec(void **state)
{
    (void)state;
    host_in_child(executes, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork_between_events),
        cmocka_unit_test(test_fork_in_callback),
        cmocka_unit_test(test_run_goes_on_in_child),
        cmocka_unit_test(test_rest_after_child),
        cmocka_unit_test(test_forks_during_sessions),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_atfork),
    };

    return cmocka_run_group_tests_name("host-fork", tests, NULL, NULL);
}
