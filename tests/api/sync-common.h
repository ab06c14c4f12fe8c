/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of a guest that waits share: runs of the guest control/sync.c, and of
 * those of the oracles.  LT_GUESTS names the directory of the guests. */
#ifndef TESTS_SYNC_COMMON_H
#define TESTS_SYNC_COMMON_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define TELL 0x7117u /* the guest's system call that tells addresses */

static const uint32_t arches[] = {LT_ARCH_X86_64, LT_ARCH_AARCH64};

/* A session of a guest, whose output goes to a file. */
struct run {
    lt_session *session;
    uint32_t arch;
    FILE *file;
    char *output;
    struct lt_result result;
    struct lt_stats stats;
};

static inline const char *guest_path(uint32_t arch, const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    const char *folder = getenv("LT_GUESTS");
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s/%s", folder != NULL ? folder : ".",
             lt_arch_name(arch), name);
    return access(path, X_OK) == 0 ? path : NULL;
}

#define FOR_EACH_ARCH(arch)                                                              \
    for (size_t arch_i = 0; arch_i < 2; arch_i++)                                        \
        for (uint32_t arch = arches[arch_i],                                             \
                      once = guest_path(arch, "control-sync") != NULL;                   \
             once; once = 0)

/* Makes a session of the guest `name` with an argument or two. */
static inline void open_run(struct run *run, uint32_t arch, const char *name,
                            const char *first, const char *second, uint32_t flags)
{
    const char *argv[] = {name, first, first != NULL ? second : NULL, NULL};
    struct lt_config config;

    memset(run, 0, sizeof *run);
    run->arch = arch;
    run->file = tmpfile();
    assert_non_null(run->file);
    lt_config_init(&config, sizeof config);
    config.program = guest_path(arch, name);
    assert_non_null(config.program);
    config.argv = argv;
    config.flags = flags;
    config.stdio[0] = LT_STDIO_NULL;
    config.stdio[1] = LT_STDIO_FD;
    config.stdio_fd[1] = fileno(run->file);
    assert_int_equal(lt_session_create(&config, &run->session), 0);
}

/* Takes what came of it. */
static inline void take_run(struct run *run)
{
    long size;

    lt_result_init(&run->result, sizeof run->result);
    assert_int_equal(lt_session_result(run->session, &run->result), 0);
    run->stats.size = sizeof run->stats;
    assert_int_equal(lt_session_stats(run->session, &run->stats), 0);
    assert_int_equal(run->stats.register_mismatches, 0);
    assert_int_equal(run->stats.internal_errors, 0);
    assert_int_equal(run->stats.memory_mismatches, 0);
    fseek(run->file, 0, SEEK_END);
    size = ftell(run->file);
    rewind(run->file);
    run->output = calloc(1, (size_t)size + 1);
    assert_non_null(run->output);
    assert_int_equal(fread(run->output, 1, (size_t)size, run->file), size);
}

static inline void close_run(struct run *run)
{
    lt_session_destroy(run->session);
    fclose(run->file);
    free(run->output);
}

/* Runs it to its end. */
static inline void do_run(struct run *run)
{
    int error = lt_session_run(run->session);

    if (error != 0)
        fail_msg("%d: %s", error, lt_session_message(run->session));
    take_run(run);
}

static inline struct lt_filter sync_filter(void)
{
    struct lt_filter f;

    lt_filter_init(&f, sizeof f);
    f.flags = LT_FILTER_SYNC;
    return f;
}

/* Where a function finds its first argument and gives its result, by architecture. */
static inline uint32_t arg_reg(uint32_t arch)
{
    return arch == LT_ARCH_X86_64 ? LT_X86_64_RDI : LT_AARCH64_X0;
}

static inline uint32_t result_reg(uint32_t arch)
{
    return arch == LT_ARCH_X86_64 ? LT_X86_64_RAX : LT_AARCH64_X0;
}

static inline uint32_t pc_reg(uint32_t arch)
{
    return arch == LT_ARCH_X86_64 ? LT_X86_64_RIP : LT_AARCH64_PC;
}

static inline uint32_t sp_reg(uint32_t arch)
{
    return arch == LT_ARCH_X86_64 ? LT_X86_64_RSP : LT_AARCH64_SP;
}

static inline uint64_t reg(lt_session *session, uint32_t number)
{
    uint64_t value = 0;

    assert_int_equal(lt_reg_read(session, number, &value), 0);
    return value;
}

/* At the first instruction of a function: it returns `value` without having run. */
static inline void return_at_once(lt_session *session, uint32_t arch, uint64_t value)
{
    uint64_t to;

    if (arch == LT_ARCH_X86_64) {
        uint64_t sp = reg(session, LT_X86_64_RSP);

        assert_int_equal(lt_mem_read(session, sp, &to, 8), 8);
        assert_int_equal(lt_reg_write(session, LT_X86_64_RSP, sp + 8), 0);
    } else {
        to = reg(session, LT_AARCH64_X0 + 30);
    }
    assert_int_equal(lt_reg_write(session, result_reg(arch), value), 0);
    assert_int_equal(lt_reg_write(session, pc_reg(arch), to), 0);
    assert_true(reg(session, pc_reg(arch)) == to);
}

static inline double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static inline void nap_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

#endif
