/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare [-a ARCH] [-c CPU] [-m MODE] [-k STEPS] [-v] PROGRAM: runs a static
 * freestanding guest under libtrace and, in lockstep, on its oracle, and holds every
 * event against it:
 *
 *   - the pc sequence, instruction bytes, the number of instructions, the end;
 *   - every register before each instruction, as lt_reg_read() gives it and as
 *     a register file tells it that is kept from register writes alone;
 *   - memory: what a write event says must be what the oracle's memory holds
 *     after the instruction, and a replica of all writable memory to which
 *     write events alone are applied must stay equal to the oracle's;
 *   - reads: what they give must be what the replica holds;
 *   - which registers an instruction writes, as capstone's tables have it
 *     (-m lint).
 *
 * Where the architecture leaves a result undefined (flags after some x86
 * instructions, what cpuid answers), the oracle adopts what the trace says, so
 * that both go on from the same state and nothing need be ignored later.
 *
 * MODE: full (callbacks of every kind), lint (full, and capstone's opinion),
 * pull (lt_session_next() instead of callbacks), insn (instruction callbacks
 * only, registers by lt_reg_read()), noreads, regs (register writes, no reads
 * of them), memory (writes and reads only, without registers).
 *
 * CPU is the processor of both, as QEMU's -cpu: on aarch64, one with SVE.
 *
 * With -v, a difference comes with the instruction's bytes, its symbol and all
 * registers before it.
 *
 * Exit status: 0 equal, 1 not, 77 skipped (an instruction that one of both
 * lacks), 2 usage.
 */
#define _GNU_SOURCE
#include "compare.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Events ---- */

static void check_head(struct comparison *c, const struct lt_event *e, size_t size)
{
    if (e->seq <= c->seq)
        report(c, "event %" PRIu64 " comes after %" PRIu64, e->seq, c->seq);
    c->seq = e->seq;
    if (e->size != size)
        report(c, "a record of type %" PRIu32 " has %" PRIu32 " bytes", e->type, e->size);
    if (c->pid == 0) {
        c->pid = e->pid;
        c->tid = e->tid;
    }
    if (e->pid == 0 || e->pid != c->pid || e->tid != c->tid)
        report(c, "pid %" PRIu32 ", tid %" PRIu32, e->pid, e->tid);
}

/* Takes the register file of the trace's first moment over to the oracle. */
static void check_start(struct comparison *c, const struct file *now)
{
    struct file should;
    char a[TEXT], b[TEXT];
    uint32_t reg;

    load_oracle(c, &should);
    for (reg = 0; reg < c->regs; reg++) {
        if (same_reg(c, reg, now, &should))
            continue;
        /* Stacks are elsewhere until the guest sets up its own. */
        if (reg != c->sp_reg)
            report(c, "%s begins as %s, the oracle says %s", lt_reg_name(c->arch, reg),
                   reg_text(c, now, reg, a), reg_text(c, &should, reg, b));
        adopt(c, now, reg);
    }
    oracle_set_regs(&c->oracle);
}

static int read_registers(struct comparison *c, lt_session *session, struct file *now)
{
    uint32_t reg;

    for (reg = 0; reg < c->regs; reg++) {
        uint8_t data[ORACLE_WIDTH];
        int width = lt_reg_read_bytes(session, reg, data, sizeof data);

        if (is_scalable(c, reg) && reg == LT_AARCH64_Z0 && width > 0)
            c->vector = (unsigned)width;
        if (width != (int)width_of(c, reg)) {
            report(c, "lt_reg_read_bytes of %s: %d", lt_reg_name(c->arch, reg), width);
            return -1;
        }
        if (!is_wide(c, reg)) {
            now->regs[reg] = 0;
            memcpy(&now->regs[reg], data, (size_t)width);
        } else {
            memset(now->wide[reg], 0, ORACLE_WIDTH);
            memcpy(now->wide[reg], data, (size_t)width);
        }
    }
    return 0;
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct comparison *c = user;
    static struct file now;
    uint8_t code[16] = {0};
    int registers = (c->want & WANT_READ_REGS) != 0;
    uint32_t reg;

    check_head(c, (const struct lt_event *)e, sizeof *e);
    if (registers) {
        if (read_registers(c, session, &now) != 0)
            return LT_STOP;
        if (now.regs[c->pc_reg] != e->pc)
            report(c, "the pc reads as %#" PRIx64 " at %#" PRIx64, now.regs[c->pc_reg],
                   e->pc);
    }
    if (!c->have_insn) {
        load_oracle(c, &c->rebuilt);
        if (registers) {
            check_start(c, &now);
            c->rebuilt = now;
        }
    } else {
        if (registers && (c->want & WANT_REG)) {
            for (reg = 0; reg < c->regs; reg++) {
                char a[TEXT], b[TEXT];

                if (same_reg(c, reg, &c->rebuilt, &now))
                    continue;
                report(c, "%s reads as %s behind it, its write events make it %s",
                       lt_reg_name(c->arch, reg), reg_text(c, &now, reg, a),
                       reg_text(c, &c->rebuilt, reg, b));
                set_reg(c, &c->rebuilt, reg, reg_bytes(c, &now, reg));
            }
        } else if ((c->want & WANT_REG) != 0) {
            now = c->rebuilt;
        }
        finish_insn(c, c->want & (WANT_READ_REGS | WANT_REG) ? &now : NULL);
    }
    if (c->give_up)
        return LT_STOP;

    c->have_insn = 1;
    c->insns++;
    c->pc = e->pc;
    c->length = e->length;
    if (e->length == 0 || e->length > 15 || e->bytes == NULL) {
        report(c, "an instruction of %" PRIu32 " bytes", e->length);
        return LT_STOP;
    }
    memcpy(c->code, e->bytes, e->length);
    c->before = now;
    c->written_regs = 0;
    memset(c->written, 0, sizeof c->written);
    c->write_events = 0;
    c->read_events = 0;
    c->write_count = 0;
    c->writes_overflow = 0;
    c->had_syscall = 0;
    c->have_return = 0;
    if (c->skipped == 0) {
        if (oracle_pc(&c->oracle) != e->pc) {
            report(c, "the oracle is at %#" PRIx64, oracle_pc(&c->oracle));
            c->give_up = 1;
            return LT_STOP;
        }
        if (c->oracle.kind == ORACLE_NATIVE &&
            (oracle_read(&c->oracle, e->pc, code, e->length) != 0 ||
             memcmp(code, e->bytes, e->length) != 0))
            report(c, "its bytes are not those in memory");
    }
    /* Disassembly and symbols, now and then. */
    if (c->insns % 499 == 1) {
        struct lt_symbol symbol;
        cs_insn *known = NULL;
        char text[128];

        lt_symbol_init(&symbol, sizeof symbol);
        if (cs_disasm(c->capstone, c->code, c->length, c->pc, 1, &known) == 1) {
            cs_free(known, 1);
            if (lt_disassemble(session, e->pc, e->bytes, e->length, text, sizeof text) !=
                    (int)e->length ||
                text[0] == '\0')
                report(c, "lt_disassemble fails");
        }
        if (lt_symbol_at(session, e->pc, &symbol) != 0 || symbol.module == NULL ||
            strcmp(strrchr(symbol.module, '/') ? strrchr(symbol.module, '/') + 1
                                               : symbol.module,
                   strrchr(c->program, '/') ? strrchr(c->program, '/') + 1
                                            : c->program) != 0)
            report(c, "lt_symbol_at does not find the module");
    }
    return 0;
}

static int on_reg_write(lt_session *session, const struct lt_reg_write *e, void *user)
{
    struct comparison *c = user;
    uint8_t now[ORACLE_WIDTH];
    uint64_t data = 0;
    uint32_t other;

    check_head(c, (const struct lt_event *)e, sizeof *e);
    if (c->have_insn && (c->want & WANT_INSN) && e->pc != c->pc)
        report(c, "a register write of %#" PRIx64, e->pc);
    if (e->reg >= c->regs || e->reg == c->pc_reg) {
        report(c, "a write of register %" PRIu32, e->reg);
        return 0;
    }
    if (is_scalable(c, e->reg) && (c->had_syscall || (c->want & WANT_READ_REGS) == 0))
        c->vector = e->reg < LT_AARCH64_P0 ? e->width : 8 * e->width;
    if (e->data == NULL || e->width != width_of(c, e->reg)) {
        report(c, "a write of %" PRIu32 " bytes of %s", e->width,
               lt_reg_name(c->arch, e->reg));
        return 0;
    }
    memcpy(&data, e->data, e->width < 8 ? e->width : 8);
    if (data != e->value)
        report(c, "%s: value %#" PRIx64 ", data %#" PRIx64, lt_reg_name(c->arch, e->reg),
               e->value, data);
    if ((c->want & WANT_READ_REGS) != 0 &&
        (lt_reg_read_bytes(session, e->reg, now, sizeof now) != (int)e->width ||
         memcmp(now, e->data, e->width) != 0))
        report(c, "in the event that writes %s, it does not read as %#" PRIx64,
               lt_reg_name(c->arch, e->reg), e->value);
    other = e->reg;
    if (c->arch == LT_ARCH_X86_64 && e->reg >= LT_X86_64_XMM0)
        other = e->reg < LT_X86_64_YMM0 ? e->reg + 16 : e->reg - 16;
    if (c->oracle.vector != 0 && e->reg >= LT_AARCH64_V0 && e->reg < LT_AARCH64_Z0)
        report(c, "a part is told of the write of z%u", e->reg - LT_AARCH64_V0);
    if (c->written[e->reg] || c->written[other])
        report(c, "two writes of %s", lt_reg_name(c->arch, e->reg));
    c->written[e->reg] = (uint16_t)e->width;
    if (e->reg < 64)
        c->written_regs |= UINT64_C(1) << e->reg;
    set_reg(c, &c->rebuilt, e->reg, e->data);
    return 0;
}

static int check_access(struct comparison *c, const struct lt_mem_access *e)
{
    uint64_t data = 0;

    check_head(c, (const struct lt_event *)e, sizeof *e);
    if (c->have_insn && (c->want & WANT_INSN) && e->pc != c->pc)
        report(c, "a memory access of %#" PRIx64, e->pc);
    if (e->length == 0 || e->data == NULL) {
        report(c, "a memory access of %" PRIu32 " bytes", e->length);
        return -1;
    }
    memcpy(&data, e->data, e->length < 8 ? e->length : 8);
    if (data != e->value)
        report(c, "access at %#" PRIx64 ": value %#" PRIx64 ", data %#" PRIx64, e->addr,
               e->value, data);
    return 0;
}

static int on_mem_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct comparison *c = user;
    struct region *r;

    (void)session;
    if (check_access(c, e) != 0)
        return 0;
    c->write_events++;
    r = find_region(c, e->addr, e->length);
    if (r == NULL) {
        report(c, "a write of %" PRIu32 " bytes at %#" PRIx64 ", which is not writable",
               e->length, e->addr);
        return 0;
    }
    memcpy(r->shadow + (e->addr - r->start), e->data, e->length);
    if (c->write_count < MAX_WRITES) {
        c->writes[c->write_count].addr = e->addr;
        c->writes[c->write_count].length = e->length;
        c->write_count++;
    } else {
        c->writes_overflow = 1;
    }
    return 0;
}

static int on_mem_read(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct comparison *c = user;
    struct region *r;
    uint8_t now[4096];

    (void)session;
    if (check_access(c, e) != 0 || e->by != LT_BY_INSN)
        return 0;
    c->read_events++;
    if (e->length > sizeof now) {
        report(c, "a read of %" PRIu32 " bytes", e->length);
        return 0;
    }
    /* The replica: of an instruction's own writes, those before the read. */
    r = find_region(c, e->addr, e->length);
    if (r != NULL) {
        if (memcmp(r->shadow + (e->addr - r->start), e->data, e->length) != 0) {
            uint64_t is = 0;

            memcpy(&is, r->shadow + (e->addr - r->start), e->length < 8 ? e->length : 8);
            report(c,
                   "reads %#" PRIx64 " of %" PRIu32 " bytes at %#" PRIx64
                   ", where the events put %#" PRIx64,
                   e->value, e->length, e->addr, is);
        }
        return 0;
    }
    if (oracle_read(&c->oracle, e->addr, now, e->length) != 0 ||
        memcmp(now, e->data, e->length) != 0)
        report(c,
               "reads %#" PRIx64 " of %" PRIu32 " bytes at %#" PRIx64
               ", the oracle has something else there",
               e->value, e->length, e->addr);
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    static const uint32_t x86_args[6] = {7, 6, 2, 10, 8, 9};
    struct comparison *c = user;
    const uint64_t *regs = c->oracle.regs;
    uint32_t i;

    (void)session;
    check_head(c, (const struct lt_event *)e, sizeof *e);
    c->had_syscall = 1;
    if ((c->want & WANT_INSN) == 0)
        return 0;
    if (e->pc != c->pc)
        report(c, "a system call of %#" PRIx64, e->pc);
    if (e->phase == LT_PHASE_RETURN) {
        if (!c->in_syscall)
            report(c, "a system call returns that was not entered");
        c->in_syscall = 0;
        c->have_return = 1;
        c->returned = e->ret;
        if (e->error != (e->ret < 0 && e->ret > -4096 ? (uint32_t)-e->ret : 0))
            report(c, "error %" PRIu32 " for a result of %" PRId64, e->error, e->ret);
        return 0;
    }
    if (c->in_syscall)
        report(c, "a system call in a system call");
    c->in_syscall = 1;
    if (c->arch == LT_ARCH_X86_64 ? e->nr != regs[0] : e->nr != regs[8])
        report(c, "system call %" PRIu32, e->nr);
    if (e->name == NULL || lt_syscall_name(c->arch, e->nr) == NULL ||
        strcmp(e->name, lt_syscall_name(c->arch, e->nr)) != 0)
        report(c, "system call %" PRIu32 " has no name", e->nr);
    for (i = 0; i < e->arg_count && i < 6; i++) {
        uint64_t should = c->arch == LT_ARCH_X86_64 ? regs[x86_args[i]] : regs[i];

        if (e->args[i] != should)
            report(c,
                   "argument %" PRIu32 " of %s is %#" PRIx64
                   ", the oracle says %#" PRIx64,
                   i, e->name, e->args[i], should);
    }
    return 0;
}

static int on_exit_event(lt_session *session, const struct lt_exit *e, void *user)
{
    struct comparison *c = user;
    enum oracle_event event;
    uint64_t before;

    (void)session;
    check_head(c, (const struct lt_event *)e, sizeof *e);
    c->ended = 1;
    c->exit_status = e->status;
    c->exit_signal = e->signal;
    if ((c->want & WANT_INSN) == 0 || c->give_up)
        return 0;
    if (e->signal == 0) {
        /* The exit call is the last instruction. */
        if (c->want & WANT_WRITE)
            check_memory(c, 0);
        event = oracle_step(&c->oracle);
        if (event != ORACLE_EXITED || c->oracle.status != e->status)
            report(c,
                   "the trace ends with status %d, the oracle has event %d "
                   "(0: goes on), status %d, signal %d",
                   e->status, (int)event, c->oracle.status, c->oracle.signal);
        return 0;
    }
    /* The last instruction event was executed, the next one was not: unless it
     * is a string instruction that had begun. */
    before = c->oracle.insns;
    event = oracle_step(&c->oracle);
    /* An instruction that has made some of its stores is told. */
    if (event == ORACLE_SIGNAL && c->oracle.insns == before && c->write_events > 0 &&
        oracle_pc(&c->oracle) == c->pc)
        c->oracle.insns++;
    if (event == ORACLE_STEPPED) {
        c->oracle.iterations = 0;
        event = oracle_step(&c->oracle);
        if (c->oracle.insns != before + 1)
            report(c, "the trace ends here, the oracle goes on");
    }
    if (e->signal == SIGILL && event == ORACLE_STEPPED)
        c->missing = 1;
    if (event != ORACLE_SIGNAL || c->oracle.signal != e->signal)
        report(c, "the trace ends with signal %d, the oracle has event %d, signal %d",
               e->signal, (int)event, c->oracle.signal);
    else if (c->want & WANT_WRITE)
        check_memory(c, 0);
    return 0;
}

/* ---- The run ---- */

static int run_callbacks(struct comparison *c)
{
    struct lt_filter filter;
    const struct lt_filter *given = NULL;
    int error = 0;

    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_NO_REGS;
    if ((c->want & WANT_READ_REGS) == 0)
        given = &filter;
    if (c->want & WANT_INSN)
        error |= lt_on_insn(c->session, given, on_insn, c);
    if (c->want & WANT_REG)
        error |= lt_on_reg_write(c->session, given, on_reg_write, c);
    if (c->want & WANT_WRITE)
        error |= lt_on_mem_write(c->session, given, on_mem_write, c);
    if (c->want & WANT_READ)
        error |= lt_on_mem_read(c->session, given, on_mem_read, c);
    if (c->want & WANT_SYSCALL)
        error |= lt_on_syscall(c->session, given, on_syscall, c);
    error |= lt_on_exit(c->session, given, on_exit_event, c);
    if (error != 0)
        return error;
    return lt_session_run(c->session);
}

static int run_pull(struct comparison *c)
{
    const struct lt_event *e;
    int result = lt_session_select(c->session, LT_KINDS_ALL, NULL);

    if (result != 0)
        return result;
    while ((result = lt_session_next(c->session, &e)) == 1) {
        int answer = 0;

        switch (e->type) {
        case LT_EVENT_INSN:
            answer = on_insn(c->session, (const struct lt_insn *)e, c);
            break;
        case LT_EVENT_REG_WRITE:
            answer = on_reg_write(c->session, (const struct lt_reg_write *)e, c);
            break;
        case LT_EVENT_MEM_WRITE:
            answer = on_mem_write(c->session, (const struct lt_mem_access *)e, c);
            break;
        case LT_EVENT_MEM_READ:
            answer = on_mem_read(c->session, (const struct lt_mem_access *)e, c);
            break;
        case LT_EVENT_SYSCALL:
            answer = on_syscall(c->session, (const struct lt_syscall *)e, c);
            break;
        case LT_EVENT_EXIT:
            answer = on_exit_event(c->session, (const struct lt_exit *)e, c);
            break;
        case LT_EVENT_MODULE:
        case LT_EVENT_SIGNAL:
        case LT_EVENT_PROCESS:
        case LT_EVENT_MAP:
            break; /* not what the oracles know */
        default:
            report(c, "an event of type %" PRIu32, e->type);
        }
        if (answer != 0)
            lt_session_stop(c->session);
    }
    return result;
}

static int same_file(FILE *a, FILE *b)
{
    int x;
    int y;

    rewind(a);
    rewind(b);
    do {
        x = getc(a);
        y = getc(b);
    } while (x == y && x != EOF);
    return x == y;
}

static void check_result(struct comparison *c, int error)
{
    struct lt_result result;
    struct lt_stats stats = {.size = sizeof stats};

    c->have_insn = 0;
    if (error != 0) {
        report(c, "the run fails with %d: %s", error, lt_session_message(c->session));
        return;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(c->session, &result);
    if (c->give_up)
        return;
    if (!c->ended)
        report(c, "no exit event came");
    if (c->exit_signal != 0
            ? result.kind != LT_RESULT_SIGNAL || result.signal != c->exit_signal
            : result.kind != LT_RESULT_EXIT || result.status != c->exit_status)
        report(c, "result kind %" PRIu32 ", status %d, signal %d", result.kind,
               result.status, result.signal);
    if ((c->want & WANT_INSN) && c->insns != c->oracle.insns)
        report(c, "%" PRIu64 " instructions, the oracle says %" PRIu64, c->insns,
               c->oracle.insns);
    lt_session_stats(c->session, &stats);
    if (stats.insns != c->oracle.insns && (c->want & WANT_INSN))
        report(c, "the statistics say %" PRIu64 " instructions, the oracle %" PRIu64,
               stats.insns, c->oracle.insns);
    if (stats.register_mismatches != 0 || stats.internal_errors != 0)
        report(c, "%" PRIu64 " register mismatches, %" PRIu64 " internal errors",
               stats.register_mismatches, stats.internal_errors);
    if ((c->want & (WANT_REG | WANT_READ_REGS)) && stats.register_checks == 0 &&
        c->insns > 500)
        report(c, "the registers were never checked");
}

static int parse(struct comparison *c, int argc, char **argv, int *pull)
{
    static const struct {
        const char *name;
        unsigned want;
    } modes[] = {{"full", WANT_ALL},
                 {"lint", WANT_ALL},
                 {"pull", WANT_ALL},
                 {"insn", WANT_INSN | WANT_READ_REGS},
                 {"noreads", WANT_ALL & ~WANT_READ},
                 {"regs", WANT_INSN | WANT_REG},
                 {"memory", WANT_INSN | WANT_WRITE | WANT_READ | WANT_SYSCALL}};
    const char *mode = "full";
    unsigned i;
    int option;

    c->arch = LT_ARCH_X86_64;
    while ((option = getopt(argc, argv, "a:c:jm:k:v")) != -1) {
        if (option == 'a')
            c->arch = (uint32_t)lt_arch_find(optarg);
        else if (option == 'c')
            oracle_cpu = optarg;
        else if (option == 'j')
            c->flags = LT_CONFIG_COMPILE;
        else if (option == 'm')
            mode = optarg;
        else if (option == 'k')
            c->check_every = strtoull(optarg, NULL, 0);
        else if (option == 'v')
            c->verbose = 1;
        else
            return -1;
    }
    for (i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(mode, modes[i].name) == 0)
            c->want = modes[i].want;
    }
    *pull = strcmp(mode, "pull") == 0;
    c->lint = strcmp(mode, "lint") == 0;
    if (c->want == 0 || optind + 1 != argc || lt_arch_name(c->arch) == NULL)
        return -1;
    c->program = argv[optind];
    return 0;
}

int main(int argc, char **argv)
{
    static struct comparison c;
    struct lt_config config;
    FILE *traced = tmpfile();
    FILE *untraced = tmpfile();
    int pull;
    int error;
    unsigned i;

    if (parse(&c, argc, argv, &pull) != 0) {
        fprintf(stderr, "usage: compare [-a ARCH] [-c CPU] [-j] [-m full|lint|pull|insn|"
                        "noreads|regs|memory] [-k STEPS] [-v] PROGRAM\n");
        return 2;
    }
    if (traced == NULL || untraced == NULL) {
        perror("tmpfile");
        return 1;
    }
    c.regs = (unsigned)lt_reg_count(c.arch);
    if (c.arch == LT_ARCH_X86_64) {
        c.pc_reg = LT_X86_64_RIP;
        c.sp_reg = LT_X86_64_RSP;
        c.flags_reg = LT_X86_64_RFLAGS;
        error = cs_open(CS_ARCH_X86, CS_MODE_64, &c.capstone);
    } else {
        c.pc_reg = LT_AARCH64_PC;
        c.sp_reg = LT_AARCH64_SP;
        c.flags_reg = LT_AARCH64_NZCV;
        error = cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &c.capstone);
    }
    if (error != 0) {
        fprintf(stderr, "capstone does not open\n");
        return 1;
    }
    cs_option(c.capstone, CS_OPT_DETAIL, CS_OPT_ON);
    if (c.check_every == 0)
        c.check_every = c.arch == LT_ARCH_X86_64 ? 500 : 20000;
    if (oracle_start(&c.oracle, c.arch == LT_ARCH_X86_64 ? ORACLE_NATIVE : ORACLE_GDBSTUB,
                     c.program, fileno(untraced)) != 0)
        return 1;
    if (load_regions(&c) != 0)
        return 1;
    /* The last registers are those of scalable vectors. */
    if (c.arch == LT_ARCH_AARCH64 && c.oracle.vector == 0)
        c.regs = LT_AARCH64_Z0;
    c.vector = c.oracle.vector;

    lt_config_init(&config, sizeof config);
    config.program = c.program;
    config.flags = c.flags;
    config.cpu = oracle_cpu;
    config.stdio[1] = LT_STDIO_FD;
    config.stdio_fd[1] = fileno(traced);
    error = lt_session_create(&config, &c.session);
    if (error != 0) {
        fprintf(stderr, "%s: no session: %s\n", c.program, lt_error_text(error));
        return 1;
    }
    error = pull ? run_pull(&c) : run_callbacks(&c);
    check_result(&c, error);
    if (c.reports == 0 && !same_file(traced, untraced))
        report(&c, "the traced run's output is another");
    lt_session_destroy(c.session);
    oracle_end(&c.oracle);
    for (i = 0; i < c.region_count; i++)
        free(c.regions[i].shadow);
    cs_close(&c.capstone);
    if (c.reports == 0) {
        printf("%s: %" PRIu64 " instructions equal\n", c.program, c.insns);
        return 0;
    }
    if (c.reports > MAX_REPORTS)
        fprintf(stderr, "%s: more differences are not shown\n", c.program);
    if (c.missing) {
        fprintf(stderr, "%s: skipped, one side lacks an instruction\n", c.program);
        return 77;
    }
    return 1;
}
