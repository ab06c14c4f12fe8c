/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions through the public functions, with a stand-in for the engine. */
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

#include "lt/lt.h"
#include "lt/unstable.h"
#include "standin.h"

static struct lt_config config_of(const char *const *argv)
{
    struct lt_config config;
    assert_int_equal(lt_config_init(&config, sizeof config), 0);
    config.program = "/proc/self/exe";
    config.argv = argv;
    config.engine = STANDIN_ENGINE;
    return config;
}

static lt_session *session_of(const char *const *argv)
{
    lt_session *session;
    struct lt_config config = config_of(argv);
    assert_int_equal(lt_session_create(&config, &session), 0);
    return session;
}

static struct lt_result result_of(const lt_session *session)
{
    struct lt_result result;
    assert_int_equal(lt_result_init(&result, sizeof result), 0);
    assert_int_equal(lt_session_result(session, &result), 0);
    return result;
}

/* What the callbacks saw. */
static unsigned modules_seen, exits_seen;
static int32_t last_status, last_signal;

static int count_module(lt_session *session, const struct lt_module *module, void *user)
{
    (void)session;
    assert_int_equal(module->type, LT_EVENT_MODULE);
    modules_seen++;
    return user == NULL ? 0 : *(int *)user;
}

static int count_exit(lt_session *session, const struct lt_exit *end, void *user)
{
    (void)session;
    (void)user;
    exits_seen++;
    last_status = end->status;
    last_signal = end->signal;
    return 0;
}

static lt_session *counting_session(const char *const *argv)
{
    lt_session *session = session_of(argv);
    modules_seen = exits_seen = 0;
    last_status = last_signal = -1;
    assert_int_equal(lt_on_module(session, NULL, count_module, NULL), 0);
    assert_int_equal(lt_on_exit(session, NULL, count_exit, NULL), 0);
    return session;
}

#define ARGV(...) ((const char *const[]){"x", __VA_ARGS__, NULL})

/* ---- Tests ---- */

static void test_create(void **state)
{
    (void)state;
    lt_session *session = (lt_session *)1;
    struct lt_config config = config_of(NULL);
    assert_int_equal(lt_session_create(NULL, &session), LT_ERR_ARGUMENT);
    assert_null(session);
    assert_int_equal(lt_session_create(&config, NULL), LT_ERR_ARGUMENT);
    config.program = NULL;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    config = config_of(NULL);
    config.flags = 0x80000000;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    config = config_of(NULL);
    config.follow = LT_FOLLOW_NONE + 1;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    config = config_of(NULL);
    config.threads = LT_THREADS_PARALLEL + 1;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    config = config_of(NULL);
    config.stdio[1] = 3;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    config.stdio[1] = LT_STDIO_FD;
    config.stdio_fd[1] = -1;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    const char *const none[] = {NULL};
    config = config_of(none);
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGV);
    config = config_of(NULL);
    config.size = 8;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    /* A newer caller. */
    struct {
        struct lt_config known;
        uint64_t more;
    } newer = {config_of(NULL), 0};
    newer.known.size = sizeof newer;
    assert_int_equal(lt_session_create(&newer.known, &session), 0);
    lt_session_destroy(session);
    newer.more = 1;
    assert_int_equal(lt_session_create(&newer.known, &session), LT_ERR_ARGUMENT);
    assert_int_equal(lt_config_init(NULL, sizeof config), LT_ERR_ARGUMENT);
    assert_int_equal(lt_config_init(&config, 3), LT_ERR_ARGUMENT);
    assert_int_equal(lt_result_init(NULL, 40), LT_ERR_ARGUMENT);
    assert_int_equal(lt_symbol_init(NULL, 48), LT_ERR_ARGUMENT);
    lt_session_destroy(NULL);
}

static void test_null(void **state)
{
    (void)state;
    char text[10];
    uint64_t value;
    const struct lt_event *event;
    struct lt_result result;
    struct lt_symbol symbol;
    struct lt_stats stats = {.size = sizeof stats};
    lt_result_init(&result, sizeof result);
    lt_symbol_init(&symbol, sizeof symbol);
    assert_int_equal(lt_session_run(NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_next(NULL, &event), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_stop(NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_result(NULL, &result), LT_ERR_ARGUMENT);
    assert_string_equal(lt_session_message(NULL), "");
    assert_int_equal(lt_session_arch(NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_stats(NULL, &stats), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_read(NULL, 0, &value), LT_ERR_ARGUMENT);
    assert_int_equal(lt_disassemble(NULL, 0, (const uint8_t *)"", 1, text, 10),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lt_symbol_at(NULL, 0, &symbol), LT_ERR_ARGUMENT);
    assert_int_equal(lt_syscall_text(NULL, NULL, text, 10), LT_ERR_ARGUMENT);

    lt_session *session = session_of(NULL);
    assert_string_equal(lt_session_message(session), "");
    assert_int_equal(lt_session_next(session, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_result(session, NULL), LT_ERR_ARGUMENT);
    result.size = 0;
    assert_int_equal(lt_session_result(session, &result), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_stats(session, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_read(session, 0, NULL), LT_ERR_ARGUMENT);
    /* Before the run. */
    assert_int_equal(lt_session_arch(session), LT_ERR_STATE);
    assert_int_equal(lt_reg_read(session, 0, &value), LT_ERR_STATE);
    assert_int_equal(lt_disassemble(session, 0, (const uint8_t *)"\x90", 1, text, 10),
                     LT_ERR_STATE);
    assert_int_equal(lt_symbol_at(session, 0, &symbol), LT_ERR_STATE);
    assert_int_equal(lt_symbol_at(session, 0, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_syscall_text(session, NULL, text, 10), LT_ERR_STATE);
    assert_int_equal(lt_session_stats(session, &stats), 0);
    assert_int_equal(stats.insns, 0);
    assert_int_equal(result_of(session).kind, LT_RESULT_NONE);
    lt_session_destroy(session);
}

static void test_exit_status(void **state)
{
    (void)state;
    lt_session *session = counting_session(ARGV("exit", "42"));
    assert_int_equal(lt_session_run(session), 0);
    struct lt_result result = result_of(session);
    assert_int_equal(result.kind, LT_RESULT_EXIT);
    assert_int_equal(result.status, 42);
    assert_int_equal(result.signal, 0);
    assert_int_equal(result.error, 0);
    assert_int_equal(result.events, 1);
    assert_int_equal(exits_seen, 1);
    assert_int_equal(last_status, 42);
    assert_int_equal(lt_session_arch(session), LT_ARCH_X86_64);
    assert_string_equal(lt_session_message(session), "");
    /* Once only. */
    const struct lt_event *event;
    assert_int_equal(lt_session_run(session), LT_ERR_STATE);
    assert_string_not_equal(lt_session_message(session), "");
    assert_int_equal(lt_session_next(session, &event), LT_ERR_STATE);
    assert_null(event);
    assert_int_equal(lt_on_exit(session, NULL, count_exit, NULL), LT_ERR_STATE);
    assert_int_equal(lt_session_select(session, 0, NULL), LT_ERR_STATE);
    assert_int_equal(result_of(session).kind, LT_RESULT_EXIT);
    lt_session_destroy(session);
}

static void test_signals(void **state)
{
    (void)state;
    /* The guest's own signal, told in the stream: a crash of the guest's. */
    lt_session *session = counting_session(ARGV("signal", "11"));
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(result_of(session).kind, LT_RESULT_SIGNAL);
    assert_int_equal(result_of(session).signal, 11);
    assert_int_equal(last_signal, 11);
    lt_session_destroy(session);
    /* Killed from outside, without a word: the exit comes all the same. */
    session = counting_session(ARGV("raise", "9"));
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(result_of(session).kind, LT_RESULT_SIGNAL);
    assert_int_equal(result_of(session).signal, 9);
    assert_int_equal(exits_seen, 1);
    assert_int_equal(last_signal, 9);
    lt_session_destroy(session);
    session = session_of(ARGV("raise", "15"));
    const struct lt_event *event;
    assert_int_equal(lt_session_next(session, &event), 1);
    assert_int_equal(event->type, LT_EVENT_PROCESS);
    assert_int_equal(event->seq, 1);
    assert_string_equal(((const struct lt_process *)event)->path, "/stand/in");
    assert_int_equal(lt_session_next(session, &event), 1);
    assert_int_equal(event->type, LT_EVENT_EXIT);
    assert_int_equal(event->seq, 2);
    assert_int_equal(((const struct lt_exit *)event)->signal, 15);
    assert_int_equal(lt_session_next(session, &event), 0);
    assert_int_equal(lt_session_next(session, &event), 0);
    assert_int_equal(result_of(session).signal, 15);
    lt_session_destroy(session);
}

/* Killed before its stream says whose it is: there is no process to tell the end of,
 * but the session ends. */
static void test_killed_at_once(void **state)
{
    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        lt_session *session = counting_session(ARGV("nameless", "15"));
        const struct lt_event *event;
        int returned = pull ? lt_session_next(session, &event) : lt_session_run(session);
        assert_int_equal(returned, 0);
        assert_int_equal(exits_seen, 0);
        assert_int_equal(result_of(session).kind, LT_RESULT_SIGNAL);
        assert_int_equal(result_of(session).signal, 15);
        assert_int_equal(result_of(session).events, 0);
        lt_session_destroy(session);
    }
}

static int end_with(lt_session *session, const struct lt_exit *end, void *user)
{
    (void)session;
    assert_int_equal(end->seq, 1);
    assert_int_equal(result_of(session).events, 1);
    return *(int *)user;
}

/* What a callback says of an end that only the supervisor told. */
static void test_callback_of_kill(void **state)
{
    (void)state;
    int ways[] = {0, LT_STOP, -4711};
    for (int i = 0; i < 3; i++) {
        lt_session *session = session_of(ARGV("raise", "9"));
        assert_int_equal(lt_on_exit(session, NULL, end_with, &ways[i]), 0);
        assert_int_equal(lt_session_run(session), i == 2 ? ways[i] : 0);
        struct lt_result result = result_of(session);
        assert_int_equal(result.kind, i == 0   ? LT_RESULT_SIGNAL
                                      : i == 1 ? LT_RESULT_STOPPED
                                               : LT_RESULT_ERROR);
        assert_int_equal(result.events, 1);
        lt_session_destroy(session);
    }
}

/* An engine that behaves as it should not. */
static void engine_fails(const char *const *argv, int error, const char *words)
{
    lt_session *session = counting_session(argv);
    int returned = lt_session_run(session);
    if (returned != error || strstr(lt_session_message(session), words) == NULL) {
        fail_msg("%d: %s", returned, lt_session_message(session));
    }
    assert_int_equal(result_of(session).kind, LT_RESULT_ERROR);
    assert_int_equal(result_of(session).error, error);
    assert_int_equal(exits_seen, 0);
    lt_session_destroy(session);
}

static void test_engine_failures(void **state)
{
    (void)state;
    engine_fails(ARGV("early", "3"), LT_ERR_ENGINE, "status 3 before the guest ran");
    engine_fails(ARGV("load", "2"), LT_ERR_NOT_FOUND, "No such file or directory");
    engine_fails(ARGV("load", "8"), LT_ERR_NOT_ELF, "Exec format error");
    engine_fails(ARGV("load", "12", "no room"), LT_ERR_NO_MEMORY, "no room");
    engine_fails(ARGV("load", "22"), LT_ERR_ENGINE, "cannot load /proc/self/exe");
    engine_fails(ARGV("load", "100000"), LT_ERR_ENGINE, "unknown error");
    engine_fails(ARGV("gave-up"), LT_ERR_ENGINE, "gave up: no more?");
    engine_fails(ARGV("silent", "0"), LT_ERR_ENGINE, "status 0 and did not say why");
    engine_fails(ARGV("raise", "11"), LT_ERR_ENGINE, "crashed with SIGSEGV");
    engine_fails(ARGV("raise", "6"), LT_ERR_ENGINE, "crashed with SIGABRT");
    engine_fails(ARGV("garbage"), LT_ERR_STREAM, "damaged");
    assert_int_equal(count_children(), 0);
}

static void test_start_failures(void **state)
{
    (void)state;
    lt_session *session;
    struct lt_config config = config_of(NULL);
    config.program = "/no/such/program";
    assert_int_equal(lt_session_create(&config, &session), 0);
    assert_int_equal(lt_session_run(session), LT_ERR_NOT_FOUND);
    assert_string_equal(lt_session_message(session), "/no/such/program does not exist");
    assert_int_equal(result_of(session).kind, LT_RESULT_ERROR);
    assert_int_equal(result_of(session).error, LT_ERR_NOT_FOUND);
    assert_int_equal(lt_session_run(session), LT_ERR_STATE);
    lt_session_destroy(session);
    config = config_of(NULL);
    config.stdio[0] = LT_STDIO_FD;
    config.stdio_fd[0] = 999;
    assert_int_equal(lt_session_create(&config, &session), 0);
    const struct lt_event *event;
    assert_int_equal(lt_session_next(session, &event), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_next(session, &event), LT_ERR_ARGUMENT);
    lt_session_destroy(session);
    config = config_of(NULL);
    config.cwd = "/no/where";
    assert_int_equal(lt_session_create(&config, &session), 0);
    assert_int_equal(lt_session_run(session), LT_ERR_NOT_FOUND);
    lt_session_destroy(session);
}

/* Many chunks, through the ring and back. */
static void test_many_events(void **state)
{
    (void)state;
    const unsigned count = 400000;
    lt_session *session = counting_session(ARGV("maps", "400000"));
    assert_int_equal(lt_session_run(session), 0);
    assert_true(modules_seen >= count);
    assert_int_equal(exits_seen, 1);
    struct lt_stats stats = {.size = sizeof stats};
    assert_int_equal(lt_session_stats(session, &stats), 0);
    /* 48 bytes a mapping, 16 and 40 for the process and its stamp, 12 for the exit. */
    assert_int_equal(stats.stream_bytes, 48ull * count + 68);
    lt_session_destroy(session);
}

static void test_next(void **state)
{
    (void)state;
    lt_session *session = session_of(ARGV("maps", "50000"));
    const struct lt_event *event;
    uint64_t seq = 0;
    unsigned maps = 0, others = 0;
    int got;
    while ((got = lt_session_next(session, &event)) == 1) {
        assert_true(event->seq > seq);
        seq = event->seq;
        if (event->type != LT_EVENT_MODULE) {
            others++;
        } else if (((const struct lt_module *)event)->op == LT_MODULE_MAP) {
            maps++;
        }
    }
    assert_int_equal(got, 0);
    assert_null(event);
    assert_int_equal(maps, 50000);
    assert_int_equal(others, 2); /* the process's start and its end */
    assert_int_equal(lt_session_run(session), LT_ERR_STATE);
    assert_int_equal(result_of(session).kind, LT_RESULT_EXIT);
    lt_session_destroy(session);
}

static void test_callback_ends(void **state)
{
    (void)state;
    int ways[] = {LT_STOP, -4711, LT_ERR_STREAM};
    for (int pull = 0; pull < 2; pull++) {
        for (int i = 0; i < 3; i++) {
            lt_session *session = session_of(ARGV("hang"));
            const struct lt_event *event;
            modules_seen = 0;
            assert_int_equal(lt_on_module(session, NULL, count_module, &ways[i]), 0);
            /* That of the process would come before. */
            assert_int_equal(lt_session_select(session, LT_KIND(LT_EVENT_MODULE), NULL),
                             0);
            int returned =
                pull ? lt_session_next(session, &event) : lt_session_run(session);
            assert_int_equal(returned, i == 0 ? 0 : ways[i]);
            assert_int_equal(modules_seen, 1);
            struct lt_result result = result_of(session);
            assert_int_equal(result.kind, i == 0 ? LT_RESULT_STOPPED : LT_RESULT_ERROR);
            assert_int_equal(result.error, i == 0 ? 0 : ways[i]);
            if (pull) {
                assert_null(event);
                assert_int_equal(lt_session_next(session, &event), returned);
            }
            assert_int_equal(count_children(), 0);
            lt_session_destroy(session);
        }
    }
}

static int misuse(lt_session *session, const struct lt_module *module, void *user)
{
    (void)module;
    (void)user;
    const struct lt_event *event;
    assert_int_equal(lt_session_run(session), LT_ERR_STATE);
    assert_int_equal(lt_session_next(session, &event), LT_ERR_STATE);
    assert_int_equal(lt_on_exit(session, NULL, count_exit, NULL), LT_ERR_STATE);
    assert_int_equal(lt_session_select(session, 0, NULL), LT_ERR_STATE);
    lt_session_destroy(session);
    struct lt_symbol symbol;
    lt_symbol_init(&symbol, sizeof symbol);
    assert_int_equal(lt_symbol_at(session, 0x10010, &symbol), 0);
    assert_string_equal(symbol.module, "/stand/in/x");
    assert_null(symbol.name);
    assert_int_equal(lt_symbol_at(session, 0x50, &symbol), LT_ERR_NOT_FOUND);
    char text[40];
    assert_int_equal(
        lt_disassemble(session, 0, (const uint8_t *)"\x90", 1, text, sizeof text), 1);
    assert_string_equal(text, "nop");
    assert_int_equal(lt_disassemble(session, 0, NULL, 1, text, sizeof text),
                     LT_ERR_ARGUMENT);
    modules_seen++;
    return LT_STOP;
}

static void test_in_callback(void **state)
{
    (void)state;
    lt_session *session = session_of(ARGV("hang"));
    modules_seen = 0;
    assert_int_equal(lt_on_module(session, NULL, misuse, NULL), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(modules_seen, 1);
    lt_session_destroy(session);
}

static void *stop_soon(void *arg)
{
    usleep(50000);
    lt_session_stop(arg);
    lt_session_stop(arg);
    return NULL;
}

static void test_stop(void **state)
{
    (void)state;
    pthread_t thread;
    const struct lt_event *event;
    lt_session *session = session_of(ARGV("hang"));
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, session), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(result_of(session).kind, LT_RESULT_STOPPED);
    assert_int_equal(count_children(), 0);
    pthread_join(thread, NULL);
    assert_int_equal(lt_session_stop(session), 0);
    lt_session_destroy(session);
    /* Before the run, whose program is not even looked at. */
    struct lt_config config = config_of(NULL);
    config.program = "/no/such/program";
    assert_int_equal(lt_session_create(&config, &session), 0);
    assert_int_equal(lt_session_stop(session), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(result_of(session).kind, LT_RESULT_STOPPED);
    lt_session_destroy(session);
    /* Between two events. */
    session = session_of(ARGV("hang"));
    assert_int_equal(lt_session_next(session, &event), 1);
    assert_int_equal(lt_session_stop(session), 0);
    assert_int_equal(lt_session_next(session, &event), 0);
    assert_int_equal(lt_session_next(session, &event), 0);
    assert_int_equal(result_of(session).kind, LT_RESULT_STOPPED);
    lt_session_destroy(session);
    /* Just destroyed. */
    session = session_of(ARGV("hang"));
    assert_int_equal(lt_session_next(session, &event), 1);
    lt_session_destroy(session);
    assert_int_equal(count_children(), 0);
}

/* Stops at any moment of the start. */
static void *stop_after(void *arg)
{
    static atomic_uint round;
    usleep(atomic_fetch_add(&round, 1) * 37 % 4000);
    lt_session_stop(arg);
    return NULL;
}

static void test_stop_race(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        lt_session *session = session_of(ARGV("hang"));
        assert_int_equal(pthread_create(&thread, NULL, stop_after, session), 0);
        assert_int_equal(lt_session_run(session), 0);
        assert_int_equal(result_of(session).kind, LT_RESULT_STOPPED);
        pthread_join(thread, NULL);
        lt_session_destroy(session);
    }
    assert_int_equal(count_children(), 0);
}

static void *run_some(void *arg)
{
    uintptr_t bad = 0;
    for (int i = 0; i < 20; i++) {
        char number[20];
        const char *const argv[] = {"x", "exit", number, NULL};
        struct lt_result result;
        struct lt_config config;
        lt_session *session;
        int status = (int)((intptr_t)arg * 20 + i) % 256;
        snprintf(number, sizeof number, "%d", status);
        lt_config_init(&config, sizeof config);
        lt_result_init(&result, sizeof result);
        config.program = "/proc/self/exe";
        config.engine = STANDIN_ENGINE;
        config.argv = argv;
        bad += lt_session_create(&config, &session) != 0;
        bad += lt_session_run(session) != 0;
        bad += lt_session_result(session, &result) != 0 || result.status != status;
        lt_session_destroy(session);
    }
    return (void *)bad;
}

static void test_at_once(void **state)
{
    (void)state;
    pthread_t threads[8];
    for (intptr_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_some, (void *)i), 0);
    }
    for (int i = 0; i < 8; i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    assert_int_equal(count_children(), 0);
}

/* A thousand sessions, of every kind of end, leave nothing behind. */
static void test_leaks(void **state)
{
    (void)state;
    static const char *const ends[][4] = {
        {"x", "exit", "1", NULL},   {"x", "maps", "100", NULL}, {"x", "raise", "9", NULL},
        {"x", "raise", "11", NULL}, {"x", "load", "2", NULL},   {"x", "early", "0", NULL},
        {"x", "hang", NULL, NULL},  {"x", "hang", NULL, NULL},
    };
    unsigned fds = 0, maps = 0;
    const struct lt_event *event;
    for (unsigned i = 0; i < 1016; i++) {
        unsigned kind = i % 8;
        lt_session *session = session_of(ends[kind]);
        if (kind < 6) {
            lt_session_run(session);
        } else if (kind == 6) {
            assert_int_equal(lt_session_next(session, &event), 1);
        }
        lt_session_destroy(session);
        if (i == 15) {
            fds = count_entries("/proc/self/fd");
            maps = count_maps();
        }
    }
    assert_int_equal(count_entries("/proc/self/fd"), fds);
    assert_int_equal(count_maps(), maps);
    assert_int_equal(count_children(), 0);
}

int main(int argc, char **argv)
{
    standin_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_killed_at_once),
        cmocka_unit_test(test_callback_of_kill),
        cmocka_unit_test(test_engine_failures),
        cmocka_unit_test(test_start_failures),
        cmocka_unit_test(test_many_events),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_callback_ends),
        cmocka_unit_test(test_in_callback),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_race),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
