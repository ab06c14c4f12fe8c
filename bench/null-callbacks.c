/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null-callbacks [-L SYSROOT] [-s FILE] MODE PROGRAM [ARGS...]: runs a program with
 * empty callbacks, for timing.  MODE names them: any of i (instructions), r (register
 * writes), w (memory writes), m (memory reads), s (system calls), b (the block view
 * of instructions, register and memory writes, and single events of what is in no block),
 * B (the same, not empty: it adds up all values), or - for none; or
 * coverage: k (blocks, flags), K (blocks, counted), e (edges, counted), E (edges,
 * counters that are never zero again), n (numbered blocks, flags), x (exact edges,
 * counted).  With d, what callbacks would get is thrown away in the engine, with c it is
 * recorded in the compact way.  FILE gets one line of JSON with the run's figures.  The
 * exit status is the guest's; 124 if there is no such mode, 125 if the run failed.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lt/block.h"
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

static int on_block(lt_session *session, const struct lt_block_run *run, void *user)
{
    (void)session;
    (void)run;
    (void)user;
    return 0;
}

static uint64_t sum;

static int on_block_sum(lt_session *session, const struct lt_block_run *run, void *user)
{
    const struct lt_block_row *rows = run->block->rows;
    uint64_t total = 0;

    (void)session;
    (void)user;
    for (uint32_t i = 0; i < run->rows; i++) {
        if ((rows[i].flags & LT_ROW_COMPUTED) == 0) {
            total += run->values[rows[i].value] + run->values[rows[i].addr];
        }
    }
    sum += total;
    return 0;
}

/* The block view, and what is in no block. */
static int add_view(lt_session *session, lt_block_fn fn)
{
    struct lt_filter filter;
    int error;

    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_NO_REGS;
    error =
        lt_on_block(session, LT_KIND(LT_EVENT_REG_WRITE) | LT_KIND(LT_EVENT_MEM_WRITE),
                    &filter, fn, NULL);
    filter.flags |= LT_FILTER_NOT_IN_BLOCKS;
    if (error == 0) {
        error = lt_on_reg_write(session, &filter, on_reg, NULL);
    }
    return error == 0 ? lt_on_mem_write(session, &filter, on_access, NULL) : error;
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
            error = add_view(session, on_block);
            break;
        case 'B':
            error = add_view(session, on_block_sum);
            break;
        case 'k':
            error = cover(session, LT_COVERAGE_BLOCKS, LT_COUNTER_FLAG);
            break;
        case 'K':
            error = cover(session, LT_COVERAGE_BLOCKS, LT_COUNTER_WRAP);
            break;
        case 'e':
            error = cover(session, LT_COVERAGE_EDGES, LT_COUNTER_WRAP);
            break;
        case 'E':
            error = cover(session, LT_COVERAGE_EDGES, LT_COUNTER_NEVER_ZERO);
            break;
        case 'n':
            error = cover(session, LT_COVERAGE_NUMBERS, LT_COUNTER_FLAG);
            break;
        case 'x':
            error = cover(session, LT_COVERAGE_EXACT_EDGES, LT_COUNTER_WRAP);
            break;
        default: /* a flag */
            break;
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

/* The flags that a mode's letters stand for. */
static const struct {
    char letter;
    uint32_t flag;
} flags[] = {
    {'-', 0},
    {'d', LT_CONFIG_DISCARD},
    {'c', LT_CONFIG_COMPACT},
};

/* Sets what the letters of a mode stand for that are no callbacks; -1 if there is one
 * that stands for nothing. */
static int set_flags(struct lt_config *config, const char *mode)
{
    for (; *mode != '\0'; mode++) {
        size_t i = 0;

        if (strchr("irwmsbBkKeEnx", *mode) != NULL)
            continue;
        while (i < sizeof flags / sizeof *flags && flags[i].letter != *mode)
            i++;
        if (i == sizeof flags / sizeof *flags)
            return -1;
        config->flags |= flags[i].flag;
    }
    return 0;
}

static int write_figures(const char *path, lt_session *session, uint64_t events,
                         double seconds)
{
    struct lt_stats stats = {.size = sizeof stats};
    FILE *file = fopen(path, "w");
    int error;

    lt_session_stats(session, &stats);
    if (file == NULL)
        return -1;
    error = fprintf(file,
                    "{\"insns\":%" PRIu64 ",\"events\":%" PRIu64
                    ",\"stream_bytes\":%" PRIu64 ",\"desc_bytes\":%" PRIu64
                    ",\"mismatches\":%" PRIu64 ",\"seconds\":%.6f}\n",
                    stats.insns, events, stats.stream_bytes, stats.desc_bytes,
                    stats.register_mismatches + stats.internal_errors, seconds) < 0;
    return fclose(file) != 0 || error ? -1 : 0;
}

static int run(lt_session *session, const char *mode, const char *figures)
{
    struct lt_result result;
    double begin = now();
    int error = add_callbacks(session, mode);

    if (error == 0)
        error = lt_session_run(session);
    if (error != 0) {
        fprintf(stderr, "null-callbacks: %d: %s\n", error, lt_session_message(session));
        return 125;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    if (figures != NULL &&
        write_figures(figures, session, result.events, now() - begin) != 0) {
        perror(figures);
        return 125;
    }
    return result.kind == LT_RESULT_SIGNAL ? 128 + result.signal : result.status;
}

int main(int argc, char **argv)
{
    struct lt_config config;
    lt_session *session;
    const char *figures = NULL, *mode;
    int error, option, status;

    lt_config_init(&config, sizeof config);
    while ((option = getopt(argc, argv, "+L:s:")) != -1) {
        if (option == 'L')
            config.sysroot = optarg;
        else if (option == 's')
            figures = optarg;
        else
            return 125;
    }
    if (argc - optind < 2) {
        fprintf(stderr,
                "usage: null-callbacks [-L SYSROOT] [-s FILE] MODE PROGRAM [ARGS...]\n");
        return 125;
    }
    mode = argv[optind];
    if (set_flags(&config, mode) != 0) {
        fprintf(stderr, "null-callbacks: this library has no mode %s\n", mode);
        return 124;
    }
    config.program = argv[optind + 1];
    config.argv = (const char *const *)(argv + optind + 1);
    error = lt_session_create(&config, &session);
    if (error != 0) {
        fprintf(stderr, "null-callbacks: %s\n", lt_error_text(error));
        return 125;
    }
    status = run(session, mode, figures);
    lt_session_destroy(session);
    return status;
}
