/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null-callbacks [-s FILE] MODE PROGRAM [ARGS...]: runs a program with empty
 * callbacks, for timing.  MODE names them: any of i (instructions), r (register
 * writes), w (memory writes), m (memory reads), s (system calls), or - for
 * none; or coverage: b (blocks, flags), B (blocks, counted), e (edges, counted), E
 * (edges, counters that are never zero again), n (numbered blocks, flags),
 * x (exact edges, counted).  FILE gets one
 * line of JSON with the run's figures.  The exit status is the guest's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lt/fuzz.h"
#include "lt/lt.h"
#include "lt/unstable.h"

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static int on_access(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static int cover(lt_session *session, uint32_t kind, uint32_t counter)
{
    struct lt_coverage coverage;

    lt_coverage_init(&coverage, sizeof coverage);
    coverage.kind = kind;
    coverage.counter = counter;
    if (kind == LT_COVERAGE_EXACT_EDGES)
        coverage.map_size = 1 << 20;
    return lt_coverage_start(session, &coverage);
}

static int add_callbacks(lt_session *session, const char *mode)
{
    /* These callbacks read no registers, so only what is asked for is made. */
    struct lt_filter filter;
    int error = 0;

    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_NO_REGS;
    for (; *mode != '\0' && error == 0; mode++) {
        switch (*mode) {
        case 'i':
            error = lt_on_insn(session, &filter, on_insn, NULL);
            break;
        case 'r':
            error = lt_on_reg_write(session, &filter, on_reg, NULL);
            break;
        case 'w':
            error = lt_on_mem_write(session, &filter, on_access, NULL);
            break;
        case 'm':
            error = lt_on_mem_read(session, &filter, on_access, NULL);
            break;
        case 's':
            error = lt_on_syscall(session, &filter, on_syscall, NULL);
            break;
        case 'b':
            error = cover(session, LT_COVERAGE_BLOCKS, LT_COUNTER_FLAG);
            break;
        case 'B':
            error = cover(session, LT_COVERAGE_BLOCKS, LT_COUNTER_WRAP);
            break;
        case 'e':
            error = cover(session, LT_COVERAGE_EDGES, LT_COUNTER_WRAP);
            break;
        case 'E':
            error = cover(session, LT_COVERAGE_EDGES, LT_COUNTER_NEVER_ZERO);
            break;
        case 'x':
            error = cover(session, LT_COVERAGE_EXACT_EDGES, LT_COUNTER_WRAP);
            break;
        case 'n':
            error = cover(session, LT_COVERAGE_NUMBERS, LT_COUNTER_FLAG);
            break;
        case '-':
            break;
        default:
            error = LT_ERR_ARGUMENT;
        }
    }
    return error;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    struct lt_stats stats = {.size = sizeof stats};
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    const char *figures = NULL;
    double begin = now();
    int error;

    if (argc > 2 && strcmp(argv[1], "-s") == 0) {
        figures = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 3) {
        fprintf(stderr, "usage: null-callbacks [-s FILE] MODE PROGRAM [ARGS...]\n");
        return 125;
    }
    lt_config_init(&config, sizeof config);
    config.program = argv[2];
    config.argv = (const char *const *)(argv + 2);
    error = lt_session_create(&config, &session);
    if (error != 0) {
        fprintf(stderr, "null-callbacks: %s\n", lt_error_text(error));
        return 125;
    }
    error = add_callbacks(session, argv[1]);
    if (error == 0)
        error = lt_session_run(session);
    if (error != 0) {
        fprintf(stderr, "null-callbacks: %d: %s\n", error, lt_session_message(session));
        return 125;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_stats(session, &stats);
    if (figures != NULL) {
        FILE *file = fopen(figures, "w");

        if (file == NULL) {
            perror(figures);
            return 125;
        }
        fprintf(file,
                "{\"insns\":%" PRIu64 ",\"events\":%" PRIu64 ",\"stream_bytes\":%" PRIu64
                ",\"desc_bytes\":%" PRIu64 ",\"seconds\":%.6f}\n",
                stats.insns, result.events, stats.stream_bytes, stats.desc_bytes,
                now() - begin);
        fclose(file);
    }
    lt_session_destroy(session);
    return result.kind == LT_RESULT_SIGNAL ? 128 + result.signal : result.status;
}
