/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts with threads: several sessions at once, of both architectures, among starts
 * that fail and stops from elsewhere; busy threads; sessions that go from thread to
 * thread.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define THREADS 8
#if HOST_TSAN || HOST_ASAN
#define SESSIONS 6
#else
#define SESSIONS 25
#endif

static char problem[1200];
static atomic_bool has_problem;

static void report(const char *text)
{
    if (text != NULL && !atomic_exchange(&has_problem, true)) {
        snprintf(problem, sizeof problem, "%s", text);
    }
}

static void assert_no_problem(void)
{
    if (atomic_load(&has_problem)) {
        fail_msg("%s", problem);
    }
}

/* ---- Several sessions at once ---- */

static void fail_to_start(unsigned turn)
{
    lt_session *session = host_create(turn % 2 ? "/nonexistent" : "/");
    int wanted = turn % 2 ? LT_ERR_NOT_FOUND : LT_ERR_DIRECTORY;

    if (session == NULL || lt_session_run(session) != wanted) {
        report("a start that had to fail did not");
    }
    lt_session_destroy(session);
}

static void *stop_soon(void *session)
{
    usleep(20000);
    lt_session_stop(session);
    return NULL;
}

/* An endless guest that another thread stops. */
static void be_stopped(uint32_t arch, unsigned turn)
{
    lt_session *session = host_create(host_guest(arch, turn % 2 ? "spin" : "block"));
    struct lt_result result;
    pthread_t thread;

    if (session == NULL || pthread_create(&thread, NULL, stop_soon, session) != 0) {
        report("no session or no thread");
        return;
    }
    int returned = lt_session_run(session);
    pthread_join(thread, NULL);
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    /* A guest that reads what is at its end has ended by itself. */
    if (returned != 0 || (result.kind != LT_RESULT_STOPPED &&
                          (turn % 2 || result.kind != LT_RESULT_EXIT))) {
        report("a stopped session did not say so");
    }
    lt_session_destroy(session);
}

static void *work(void *arg)
{
    const unsigned number = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < SESSIONS && !atomic_load(&has_problem); i++) {
        uint32_t arch = (number + i) % 2 && host_has_arch(LT_ARCH_AARCH64)
                            ? LT_ARCH_AARCH64
                            : LT_ARCH_X86_64;

        switch ((number + i) % 5) {
        case 0:
            report(host_check_loop(arch, HOST_PULL));
            break;
        case 1:
            fail_to_start(number + i);
            break;
        case 2:
            be_stopped(arch, i);
            break;
        case 3:
            report(host_check_loop(arch, HOST_MEMORY));
            break;
        default:
            report(host_check_loop(arch, 0));
            break;
        }
    }
    return NULL;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)i), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_no_problem();
}

static void test_sessions_at_once(void **state)
{
    (void)state;
    char *before = host_state();
    run_threads(work);
    host_assert_same(before);
}

/* The engine's file is made by all of them at the same time. */
static pthread_barrier_t barrier;

static void *first_session(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&barrier);
    report(host_check_loop(LT_ARCH_X86_64, 0));
    return NULL;
}

static int first_at_once(void *arg)
{
    (void)arg;
    for (int fd = 3; fd < 1000; fd++) {
        close(fd); /* what the library keeps, too */
    }
    pthread_barrier_init(&barrier, NULL, THREADS);
    run_threads(first_session);
    /* One file is left of all that were made. */
    int left = 0;
    for (int fd = 3; fd < 1000; fd++) {
        left += fcntl(fd, F_GETFD) >= 0;
    }
    return left != 1;
}

static void test_first_sessions_at_once(void **state)
{
    (void)state;
    host_in_child(first_at_once, NULL);
}

/* ---- A busy host ---- */

static atomic_bool busy;

/* Allocates, frees, maps and opens all the time. */
static void *be_busy(void *arg)
{
    (void)arg;
    while (atomic_load(&busy)) {
        void *blocks[64];

        for (size_t i = 0; i < 64; i++) {
            blocks[i] = malloc(i * 4000 + 1);
            if (blocks[i] != NULL) {
                memset(blocks[i], 0x55, i * 4000 + 1);
            }
        }
        FILE *file = fopen("/proc/self/stat", "r");
        if (file != NULL) {
            fclose(file);
        }
        for (int i = 0; i < 64; i++) {
            free(blocks[i]);
        }
    }
    return NULL;
}

static void test_busy_threads(void **state)
{
    pthread_t threads[4];

    (void)state;
    char *before = host_state();
    atomic_store(&busy, true);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, be_busy, NULL), 0);
    }
    for (unsigned i = 0; i < 12; i++) {
        report(host_check_loop(LT_ARCH_X86_64, i % 2 ? HOST_PULL : 0));
    }
    atomic_store(&busy, false);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_no_problem();
    host_assert_same(before);
}

/* ---- From thread to thread ---- */

static void *create_here(void *arg)
{
    (void)arg;
    return host_create(host_guest(LT_ARCH_X86_64, "loop"));
}

static int run_status;

static void *run_here(void *session)
{
    run_status = lt_session_run(session);
    return NULL;
}

static void *destroy_here(void *session)
{
    lt_session_destroy(session);
    return NULL;
}

static void *in_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    void *result = NULL;

    assert_int_equal(pthread_create(&thread, NULL, body, arg), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    return result;
}

static void test_thread_to_thread(void **state)
{
    struct lt_result result;

    (void)state;
    char *before = host_state();
    lt_session *session = in_thread(create_here, NULL);
    assert_non_null(session);
    in_thread(run_here, session);
    assert_int_equal(run_status, 0);
    lt_result_init(&result, sizeof result);
    assert_int_equal(lt_session_result(session, &result), 0);
    assert_int_equal(result.status, 9);
    in_thread(destroy_here, session);
    host_assert_same(before);
}

static const struct lt_event *pulled;

static void *pull_some(void *session)
{
    intptr_t count = 0;

    while (count < 40 && lt_session_next(session, &pulled) == 1) {
        count++;
    }
    return (void *)count;
}

/* Each event by another thread than the one before, and threads that end between. */
static void test_pull_by_many_threads(void **state)
{
    (void)state;
    char *before = host_state();
    lt_session *session = in_thread(create_here, NULL);
    intptr_t count = 0, part;

    assert_non_null(session);
    assert_int_equal(
        lt_session_select(session, LT_KIND(LT_EVENT_INSN) | LT_KIND(LT_EVENT_EXIT), NULL),
        0);
    do {
        part = (intptr_t)in_thread(pull_some, session);
        count += part;
    } while (part == 40);
    assert_int_equal(count, 606);
    in_thread(destroy_here, session);
    host_assert_same(before);
}

/* The thread that started the guest ends while the guest runs. */
static void test_starter_ends(void **state)
{
    const struct lt_event *event;

    (void)state;
    char *before = host_state();
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "spin"));
    assert_non_null(session);
    assert_int_equal((intptr_t)in_thread(pull_some, session), 40);
    usleep(50000);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(lt_session_next(session, &event), 1);
    }
    lt_session_destroy(session);
    host_assert_same(before);
}

/* Threads with the smallest of stacks. */
static void test_small_stack(void **state)
{
    pthread_attr_t attr;
    pthread_t thread;

    (void)state;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, HOST_TSAN || HOST_ASAN ? 1 << 20 : 64 << 10);
    assert_int_equal(pthread_create(&thread, &attr, be_busy, NULL), 0); /* it may be */
    pthread_join(thread, NULL);
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "loop"));
    assert_int_equal(pthread_create(&thread, &attr, run_here, session), 0);
    pthread_join(thread, NULL);
    assert_int_equal(run_status, 0);
    lt_session_destroy(session);
    pthread_attr_destroy(&attr);
}

/* A thread that is cancelled in a run: it ends in a cancellation point of the library
 * or not at all until the run ends, and the process is the better for it. */
static void *run_until_stopped(void *session)
{
    run_status = -1;
    run_status = lt_session_run(session);
    return session;
}

static void test_cancel(void **state)
{
    pthread_t thread;
    void *result = NULL;

    (void)state;
    char *before = host_state();
    lt_session *session = host_create(host_guest(LT_ARCH_X86_64, "spin"));
    assert_non_null(session);
    assert_int_equal(pthread_create(&thread, NULL, run_until_stopped, session), 0);
    usleep(100000);
    pthread_cancel(thread);
    usleep(50000);
    lt_session_stop(session);
    pthread_join(thread, &result);
    assert_ptr_equal(result, session);
    assert_int_equal(run_status, 0);
    lt_session_destroy(session);
    host_assert_same(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_sessions_at_once),
        cmocka_unit_test(test_sessions_at_once),
        cmocka_unit_test(test_busy_threads),
        cmocka_unit_test(test_thread_to_thread),
        cmocka_unit_test(test_pull_by_many_threads),
        cmocka_unit_test(test_starter_ends),
        cmocka_unit_test(test_small_stack),
        cmocka_unit_test(test_cancel),
    };

    return cmocka_run_group_tests_name("host-threads", tests, NULL, NULL);
}
