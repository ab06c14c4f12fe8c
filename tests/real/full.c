/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * full [-L SYSROOT] PROGRAM [ARGS...]: runs a program with callbacks of every
 * kind, everything recorded, and holds the run against what must always be so:
 * the registers that the decoder derives are the engine's, no internal error,
 * events in order, accesses of an instruction behind that instruction, one
 * exit.  Its exit status is the guest's (128 + signal), 99 when something is
 * not so.  LT_FULL_EVERY=N looks at all registers every N instructions (64),
 * LT_FULL_VERBOSE prints the figures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"

struct totals {
    uint64_t seq;
    uint64_t insns, reg_writes, mem_writes, mem_reads, calls, returns, modules;
    uint64_t exits;
    uint64_t pc; /* of the instruction in hand, and its code */
    uint8_t code[16];
    uint32_t length;
    uint64_t problems;
    uint32_t regs;
    uint8_t file[128][32]; /* registers as write events tell them */
    int known;
    uint32_t arch;
    uint32_t pc_reg;
    uint64_t every; /* instructions from one look at all registers to the next */
};

static void problem(struct totals *t, const char *what, uint64_t pc, uint64_t value)
{
    if (t->problems++ < 10)
        fprintf(stderr,
                "full: %s (instruction %" PRIu64 " at %#" PRIx64 ", %#" PRIx64 ")\n",
                what, t->insns, pc, value);
}

static void ordered(struct totals *t, uint64_t seq)
{
    if (seq <= t->seq)
        problem(t, "events are out of order", t->pc, seq);
    t->seq = seq;
}

/* A register that is not what its write events make it, at the instruction
 * behind the one in hand. */
static void changed(struct totals *t, lt_session *session, uint32_t reg,
                    const uint8_t *value)
{
    int width = lt_reg_width(t->arch, reg), i;
    char text[128] = "";

    lt_disassemble(session, t->pc, t->code, t->length, text, sizeof text);
    if (t->problems < 10) {
        fprintf(stderr, "full: behind %s, %s is 0x", text, lt_reg_name(t->arch, reg));
        for (i = width; i-- > 0;)
            fprintf(stderr, "%02x", value[i]);
        fprintf(stderr, ", its events say 0x");
        for (i = width; i-- > 0;)
            fprintf(stderr, "%02x", t->file[reg][i]);
        fprintf(stderr, "\n");
    }
    problem(t, "a register changed without an event", t->pc, reg);
}

/* The low half of a ymm is an xmm. */
static void set_reg(struct totals *t, uint32_t reg, const uint8_t *data, uint32_t width)
{
    memcpy(t->file[reg], data, width);
    if (t->arch != LT_ARCH_X86_64)
        return;
    if (reg >= LT_X86_64_XMM0 && reg < LT_X86_64_XMM0 + 16)
        memcpy(t->file[reg - LT_X86_64_XMM0 + LT_X86_64_YMM0], data, 16);
    else if (reg >= LT_X86_64_YMM0 && reg < LT_X86_64_YMM0 + 16)
        memcpy(t->file[reg - LT_X86_64_YMM0 + LT_X86_64_XMM0], data, 16);
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct totals *t = user;
    int look;
    uint32_t reg;

    ordered(t, e->seq);
    if (t->insns++ == 0) {
        t->arch = (uint32_t)lt_session_arch(session);
        t->regs = (uint32_t)lt_reg_count(t->arch);
        t->pc_reg = t->arch == LT_ARCH_X86_64 ? LT_X86_64_RIP : LT_AARCH64_PC;
    }
    if (e->length == 0 || e->length > 15) {
        problem(t, "an impossible length", e->pc, e->length);
        return LT_STOP;
    }
    /* Now and then the whole register file: events alone must give it. */
    look = !t->known || t->insns % t->every == 0;
    for (reg = 0; look && reg < t->regs; reg++) {
        uint8_t value[32];
        int width = lt_reg_read_bytes(session, reg, value, sizeof value);

        if (width <= 0) {
            problem(t, "a register cannot be read", e->pc, reg);
            return LT_STOP;
        }
        if (t->known && reg != t->pc_reg && memcmp(value, t->file[reg], (size_t)width))
            changed(t, session, reg, value);
        memcpy(t->file[reg], value, (size_t)width);
    }
    t->pc = e->pc;
    memcpy(t->code, e->bytes, e->length);
    t->length = e->length;
    t->known = 1;
    return 0;
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    struct totals *t = user;

    (void)session;
    ordered(t, e->seq);
    t->reg_writes++;
    if (e->pc != t->pc)
        problem(t, "a register write of another instruction", e->pc, e->reg);
    if (e->reg >= t->regs || (int)e->width != lt_reg_width(t->arch, e->reg))
        problem(t, "a register write of a strange width", e->pc, e->width);
    else
        set_reg(t, e->reg, e->data, e->width);
    return 0;
}

static int on_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct totals *t = user;

    (void)session;
    ordered(t, e->seq);
    t->mem_writes++;
    if (e->by == LT_BY_INSN && e->pc != t->pc)
        problem(t, "a memory write of another instruction", e->pc, e->addr);
    return 0;
}

static int on_read(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct totals *t = user;

    (void)session;
    ordered(t, e->seq);
    t->mem_reads++;
    if (e->by == LT_BY_INSN && e->pc != t->pc)
        problem(t, "a memory read of another instruction", e->pc, e->addr);
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    struct totals *t = user;

    (void)session;
    ordered(t, e->seq);
    if (e->phase == LT_PHASE_ENTER)
        t->calls++;
    else
        t->returns++;
    if (e->name == NULL)
        problem(t, "a system call without a name", e->pc, e->nr);
    return 0;
}

static int on_module(lt_session *session, const struct lt_module *e, void *user)
{
    struct totals *t = user;

    (void)session;
    ordered(t, e->seq);
    if (e->op == LT_MODULE_MAP)
        t->modules++;
    if (e->path == NULL || e->start >= e->end)
        problem(t, "a strange module", e->start, e->end);
    return 0;
}

static int on_end(lt_session *session, const struct lt_exit *e, void *user)
{
    struct totals *t = user;

    (void)session;
    ordered(t, e->seq);
    t->exits++;
    return 0;
}

int main(int argc, char **argv)
{
    static struct totals t;
    struct lt_stats stats = {.size = sizeof stats};
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    int error;

    lt_config_init(&config, sizeof config);
    if (argc > 2 && strcmp(argv[1], "-L") == 0) {
        config.sysroot = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 2) {
        fprintf(stderr, "usage: full [-L SYSROOT] PROGRAM [ARGS...]\n");
        return 99;
    }
    config.program = argv[1];
    config.argv = (const char *const *)(argv + 1);
    error = lt_session_create(&config, &session);
    if (error != 0) {
        fprintf(stderr, "full: %s\n", lt_error_text(error));
        return 99;
    }
    t.every =
        getenv("LT_FULL_EVERY") != NULL ? strtoull(getenv("LT_FULL_EVERY"), NULL, 0) : 0;
    if (t.every == 0)
        t.every = 64;
    error |= lt_on_insn(session, NULL, on_insn, &t);
    error |= lt_on_reg_write(session, NULL, on_reg, &t);
    error |= lt_on_mem_write(session, NULL, on_write, &t);
    error |= lt_on_mem_read(session, NULL, on_read, &t);
    error |= lt_on_syscall(session, NULL, on_syscall, &t);
    error |= lt_on_module(session, NULL, on_module, &t);
    error |= lt_on_exit(session, NULL, on_end, &t);
    if (error == 0)
        error = lt_session_run(session);
    if (error != 0) {
        fprintf(stderr, "full: %d: %s\n", error, lt_session_message(session));
        return 99;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_stats(session, &stats);
    if (stats.register_mismatches != 0)
        problem(&t, "registers differ from the engine's", 0, stats.register_mismatches);
    if (stats.internal_errors != 0)
        problem(&t, "internal errors", 0, stats.internal_errors);
    if (stats.register_checks == 0)
        problem(&t, "registers were never checked", 0, 0);
    if (stats.insns != t.insns)
        problem(&t, "instructions were lost", 0, stats.insns);
    if (t.exits != 1 || t.insns == 0 || t.mem_writes == 0 || t.mem_reads == 0 ||
        t.calls < t.returns || t.modules == 0)
        problem(&t, "events are missing", 0, t.exits);
    if (getenv("LT_FULL_VERBOSE") != NULL)
        fprintf(stderr,
                "full: %" PRIu64 " instructions, %" PRIu64 " register writes, %" PRIu64
                " memory writes, %" PRIu64 " reads, %" PRIu64 " calls, %" PRIu64
                " checks, %.2f bytes an instruction\n",
                t.insns, t.reg_writes, t.mem_writes, t.mem_reads, t.calls,
                stats.register_checks,
                (double)stats.stream_bytes / (double)(t.insns ? t.insns : 1));
    lt_session_destroy(session);
    if (t.problems != 0)
        return 99;
    if (result.kind == LT_RESULT_SIGNAL)
        return 128 + result.signal;
    return result.kind == LT_RESULT_EXIT ? result.status : 99;
}
