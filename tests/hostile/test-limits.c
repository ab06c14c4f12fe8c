/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The limit of instructions, held against the same run without one; and that a slow
 * callback makes the guest wait: no event is lost, and memory stays bounded.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lt/lt.h"
#include "lt/unstable.h"

/* An event as far as it is compared. */
struct event {
    uint32_t type, number;
    uint64_t pc, value;
};

struct log {
    struct event *events;
    size_t count, room;
    uint64_t insns;
};

struct how {
    const char *arch, *guest;
    bool pull, filtered, silent, insns_only;
    uint64_t limit;
};

static void add(struct log *log, uint32_t type, uint32_t number, uint64_t pc,
                uint64_t value)
{
    if (log->count == log->room) {
        log->room = log->room != 0 ? 2 * log->room : 4096;
        log->events = realloc(log->events, log->room * sizeof *log->events);
        assert_non_null(log->events);
    }
    log->events[log->count++] = (struct event){type, number, pc, value};
    log->insns += type == LT_EVENT_INSN;
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    add(user, e->type, e->length, e->pc, e->bytes[0]);
    return 0;
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    (void)session;
    add(user, e->type, e->reg, e->pc, e->value);
    return 0;
}

static int on_mem(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    add(user, e->type, e->length, e->pc, e->addr);
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    (void)session;
    add(user, e->type, e->nr, e->phase, 0);
    return 0;
}

static int on_exit_event(lt_session *session, const struct lt_exit *e, void *user)
{
    (void)session;
    add(user, e->type, 0, (uint64_t)e->status, (uint64_t)e->signal);
    return 0;
}

static void pull(lt_session *session, struct log *log)
{
    const struct lt_event *e;
    int state;

    assert_int_equal(lt_session_select(session, LT_KINDS_ALL, NULL), 0);
    while ((state = lt_session_next(session, &e)) == 1) {
        switch (e->type) {
        case LT_EVENT_INSN:
            on_insn(session, (const void *)e, log);
            break;
        case LT_EVENT_REG_WRITE:
            on_reg(session, (const void *)e, log);
            break;
        case LT_EVENT_MEM_WRITE:
        case LT_EVENT_MEM_READ:
            on_mem(session, (const void *)e, log);
            break;
        case LT_EVENT_SYSCALL:
            on_syscall(session, (const void *)e, log);
            break;
        case LT_EVENT_EXIT:
            on_exit_event(session, (const void *)e, log);
            break;
        default:
            break;
        }
    }
    assert_int_equal(state, 0);
}

static void run(const struct how *how, struct log *log, struct lt_result *result,
                struct lt_stats *stats)
{
    char program[512];
    struct lt_config config;
    struct lt_filter filter;
    lt_session *s;

    memset(log, 0, sizeof *log);
    snprintf(program, sizeof program, "%s/%s/%s", getenv("LT_GUESTS"), how->arch,
             how->guest);
    lt_config_init(&config, sizeof config);
    lt_filter_init(&filter, sizeof filter);
    config.program = program;
    config.limit_insns = how->limit;
    for (int i = 0; i < 3; i++)
        config.stdio[i] = LT_STDIO_NULL;
    assert_int_equal(lt_session_create(&config, &s), 0);
    if (how->filtered) {
        filter.pc_start = 1;
        filter.pc_end = 2; /* nothing is there */
    }
    if (!how->pull && !how->silent) {
        assert_int_equal(lt_on_insn(s, &filter, on_insn, log), 0);
        if (!how->insns_only) {
            assert_int_equal(lt_on_reg_write(s, &filter, on_reg, log), 0);
            assert_int_equal(lt_on_mem_write(s, &filter, on_mem, log), 0);
            assert_int_equal(lt_on_mem_read(s, &filter, on_mem, log), 0);
            assert_int_equal(lt_on_syscall(s, NULL, on_syscall, log), 0);
            assert_int_equal(lt_on_exit(s, NULL, on_exit_event, log), 0);
        }
    }
    if (how->pull)
        pull(s, log);
    else
        assert_int_equal(lt_session_run(s), 0);
    lt_result_init(result, sizeof *result);
    assert_int_equal(lt_session_result(s, result), 0);
    memset(stats, 0, sizeof *stats);
    stats->size = sizeof *stats;
    assert_int_equal(lt_session_stats(s, stats), 0);
    assert_int_equal(stats->register_mismatches, 0);
    assert_int_equal(stats->internal_errors, 0);
    lt_session_destroy(s);
}

/* Where instruction number `n` (from 1) begins in a log, or its end. */
static size_t place_of(const struct log *log, uint64_t n)
{
    for (size_t i = 0; i < log->count; i++) {
        if (log->events[i].type == LT_EVENT_INSN && --n == 0)
            return i;
    }
    return log->count;
}

static void compare(struct how how, const struct log *whole, uint64_t total,
                    uint64_t limit)
{
    struct log log;
    struct lt_result result;
    struct lt_stats stats;

    how.limit = limit;
    run(&how, &log, &result, &stats);
    if (limit >= total) {
        assert_int_not_equal(result.kind, LT_RESULT_LIMIT);
        assert_int_equal(result.limit, 0);
    } else {
        assert_int_equal(result.kind, LT_RESULT_LIMIT);
        assert_int_equal(result.limit, LT_LIMIT_INSNS);
        assert_int_equal(stats.insns, limit);
    }
    if (!how.silent && !how.filtered) {
        size_t count = limit >= total ? whole->count : place_of(whole, limit + 1);
        assert_int_equal(log.insns, limit < total ? limit : total);
        assert_int_equal(log.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(log.events[i].type, whole->events[i].type);
            assert_int_equal(log.events[i].number, whole->events[i].number);
            assert_int_equal(log.events[i].pc, whole->events[i].pc);
        }
    }
    if (how.filtered)
        assert_int_equal(log.insns, 0);
    free(log.events);
}

static void check_guest(const char *arch, const char *guest)
{
    struct how how = {.arch = arch, .guest = guest};
    struct log whole;
    struct lt_result result;
    struct lt_stats stats;
    char path[512];

    snprintf(path, sizeof path, "%s/%s/%s", getenv("LT_GUESTS"), arch, guest);
    if (access(path, X_OK) != 0)
        return;
    for (int form = 0; form < 5; form++) {
        how.pull = form == 1;
        how.silent = form == 2;
        how.filtered = form == 3;
        how.insns_only = form == 4;
        how.limit = 0;
        run(&how, &whole, &result, &stats);
        assert_int_not_equal(result.kind, LT_RESULT_LIMIT);
        if (how.silent || how.filtered) {
            /* Unlimited, nothing is recorded of such a run: the first form told. */
            free(whole.events);
            how.limit = UINT64_MAX;
            run(&how, &whole, &result, &stats);
            assert_int_not_equal(result.kind, LT_RESULT_LIMIT);
        }
        uint64_t total = stats.insns;
        assert_true(total > 3);
        if (!how.silent && !how.filtered)
            assert_int_equal(whole.insns, total);
        uint64_t few = form == 0 ? 24 : 4;
        for (uint64_t limit = 1; limit <= few && limit < total; limit++)
            compare(how, &whole, total, limit);
        for (uint64_t i = 1; i < few; i++)
            compare(how, &whole, total, total * i / few + 1);
        for (uint64_t limit = total - 3; limit <= total + 1; limit++)
            compare(how, &whole, total, limit);
        free(whole.events);
    }
}

static void test_insns(void **state)
{
    static const char *const guests[] = {"loop",         "string",     "smc",
                                         "xsave",        "exclusive",  "fault-rep",
                                         "fault-second", "fault-write"};
    (void)state;

    for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) {
        check_guest("x86_64", guests[i]);
        check_guest("aarch64", guests[i]);
    }
}

/* All processes together. */
static int count_insns(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session, (void)e;
    ++*(uint64_t *)user;
    return 0;
}

static void test_insns_processes(void **state)
{
    static const uint64_t limits[] = {1, 5000, 20000, 40001, 100000};
    (void)state;

    for (uint32_t threads = 0; threads < 2; threads++) {
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
            const char *argv[] = {"hostile", "forks", NULL};
            char program[512];
            struct lt_config config;
            struct lt_result result;
            lt_session *s;
            uint64_t insns = 0;

            snprintf(program, sizeof program, "%s/x86_64/hostile", getenv("LT_GUESTS"));
            lt_config_init(&config, sizeof config);
            config.program = program;
            config.argv = argv;
            config.limit_insns = limits[i];
            config.limit_processes = 30;
            config.threads = threads;
            assert_int_equal(lt_session_create(&config, &s), 0);
            assert_int_equal(lt_on_insn(s, NULL, count_insns, &insns), 0);
            assert_int_equal(lt_session_run(s), 0);
            lt_result_init(&result, sizeof result);
            assert_int_equal(lt_session_result(s, &result), 0);
            assert_int_equal(result.kind, LT_RESULT_LIMIT);
            if (result.limit == LT_LIMIT_INSNS)
                assert_int_equal(insns, limits[i]);
            else
                assert_true(insns < limits[i]);
            lt_session_destroy(s);
        }
    }
}

/* ---- Configurations that cannot be ---- */

static void test_config(void **state)
{
    static const uint32_t wrong[] = {1, 4096, 32768, 65537, 98304, 8u << 20, UINT32_MAX};
    struct lt_config config;
    lt_session *s;
    (void)state;

    lt_config_init(&config, sizeof config);
    config.program = "/bin/true";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        config.ring_size = wrong[i];
        assert_int_equal(lt_session_create(&config, &s), LT_ERR_ARGUMENT);
        assert_null(s);
    }
    for (uint32_t size = 65536; size <= 4u << 20; size *= 2) {
        config.ring_size = size;
        assert_int_equal(lt_session_create(&config, &s), 0);
        lt_session_destroy(s);
    }
    config.reserved = 1;
    assert_int_equal(lt_session_create(&config, &s), LT_ERR_ARGUMENT);
}

/* ---- Backpressure ---- */

struct slow {
    uint64_t insns, seq;
    unsigned every;    /* so many instructions, there is a pause */
    uint64_t resident; /* bytes of the arena, the most seen */
};

/* Bytes of the arena that are in memory: those of the ring and of descriptors. */
static uint64_t arena_resident(void)
{
    char line[512];
    bool arena = false;
    unsigned long long kilobytes, sum = 0;
    FILE *maps = fopen("/proc/self/smaps", "re");

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        if (strchr("0123456789abcdef", line[0]) != NULL && strchr(line, '-') != NULL)
            arena = strstr(line, "/memfd:lt-arena") != NULL;
        if (arena && sscanf(line, "Rss: %llu kB", &kilobytes) == 1)
            sum += kilobytes * 1024;
    }
    fclose(maps);
    return sum;
}

static int on_slow(lt_session *session, const struct lt_insn *e, void *user)
{
    struct slow *slow = user;
    (void)session;

    assert_true(e->seq > slow->seq);
    slow->seq = e->seq;
    if (slow->every != 0 && slow->insns % slow->every == 0) {
        uint64_t now = arena_resident();

        usleep(3000);
        slow->resident = now > slow->resident ? now : slow->resident;
    }
    slow->insns++;
    return 0;
}

static uint64_t run_slow(const char *arch, uint32_t ring_size, struct slow *slow)
{
    char program[512];
    struct lt_config config;
    struct lt_result result;
    lt_session *s;

    snprintf(program, sizeof program, "%s/%s/loop-1000000", getenv("LT_GUESTS"), arch);
    lt_config_init(&config, sizeof config);
    config.program = program;
    config.ring_size = ring_size;
    assert_int_equal(lt_session_create(&config, &s), 0);
    assert_int_equal(lt_on_insn(s, NULL, on_slow, slow), 0);
    assert_int_equal(lt_session_run(s), 0);
    lt_result_init(&result, sizeof result);
    assert_int_equal(lt_session_result(s, &result), 0);
    assert_int_equal(result.kind, LT_RESULT_EXIT);
    lt_session_destroy(s);
    return slow->insns;
}

static void test_backpressure(void **state)
{
    static const char *const archs[] = {"x86_64", "aarch64"};
    (void)state;

    for (int i = 0; i < 2; i++) {
        char path[512];
        struct slow fast = {0};

        snprintf(path, sizeof path, "%s/%s/loop-1000000", getenv("LT_GUESTS"), archs[i]);
        if (access(path, X_OK) != 0)
            continue;
        uint64_t all = run_slow(archs[i], 0, &fast);
        assert_true(all > 1000000);
        for (uint32_t size = 65536; size <= 4u << 20; size *= 8) {
            struct slow slow = {.every = 50000};

            assert_int_equal(run_slow(archs[i], size, &slow), all);
            /* The ring, what may go beyond each of its chunks by a page or two, the
             * control page and the descriptors of a small program. */
            print_message("%s ring %u: %llu bytes resident\n", archs[i], size,
                          (unsigned long long)slow.resident);
            assert_true(slow.resident <= size + 1000000);
            assert_true(slow.resident >= size / 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_insns),
        cmocka_unit_test(test_insns_processes),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_backpressure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
