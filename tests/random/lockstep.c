/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lockstep [-a ARCH] [-k STEPS] PROGRAM: runs a static guest of random
 * instructions under libtrace and on its oracle, and compares after every
 * instruction all registers that the library's table has, and the guest's
 * writable memory.  On aarch64, whose oracle is slow, vector registers and
 * memory that an instruction does not claim to write are looked at every STEPS
 * (default 16) instructions.
 *
 * Vector and floating-point registers are taken from register writes alone and
 * compared from their first write on.  `lockstep -w ARCH` tells by its exit
 * status whether the library has them at all.
 *
 * What the architecture leaves undefined, and what QEMU is known to do in another
 * way (the functions from carry_is_wide() on, a reason each), the oracle adopts from
 * the trace.
 *
 * Exit status: 0 equal, 1 not, 2 usage or no oracle.
 */
#define _GNU_SOURCE
#include <capstone/capstone.h>
#include <elf.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../oracle/oracle.h"
#include "../oracle/undefined.h"
#include "lt/lt.h"
#include "lt/unstable.h"

#define MAX_REPORTS 6
#define MAX_REGS 256
#define MAX_REGION (1 << 16)
#define MAX_WRITES 256
#define FLAG_MASK UINT64_C(0xcd5) /* arithmetic flags and DF */

/* Where a register of the table is kept here. */
enum place {
    NOWHERE,
    GENERAL, /* general registers, flags, bases: numbers of both sides are the same */
    VECTOR,  /* `index`, `width` bytes of it */
    FLOAT,   /* x87 */
    MXCSR,
    FCW,
    FSW,
    FTW
};

struct wide {
    uint8_t bytes[32];
    uint8_t known; /* so many bytes */
};

/* What the trace says besides general registers. */
struct extra {
    struct wide vector[32];
    struct wide fpr[8];
    uint32_t mxcsr, fcw, fsw, ftw;
    uint8_t known[FTW + 1];
};

/* The processor's state as PTRACE_GETREGSET gives it: the standard format of XSAVE. */
struct xstate {
    _Alignas(64) uint8_t bytes[16384];
    size_t size;
};

struct lockstep {
    const char *program;
    uint32_t arch;
    lt_session *session;
    struct oracle oracle;
    csh capstone;
    uint64_t every;
    unsigned regs;
    uint32_t pc_reg, flags_reg;
    struct {
        uint8_t place, index, width;
    } places[MAX_REGS];
    uint64_t region;
    size_t region_size;
    uint8_t shadow[MAX_REGION]; /* writable memory as write events make it */

    /* The instruction in hand. */
    int have;
    uint64_t insns;
    uint64_t pc;
    uint8_t code[16];
    uint32_t length;
    uint64_t before[ORACLE_REGS];
    uint64_t rebuilt[ORACLE_REGS];
    struct extra extra;
    uint32_t vectors_written;
    struct {
        uint64_t addr;
        uint32_t length;
    } writes[MAX_WRITES];
    unsigned write_count;
    uint64_t mem_writes;
    int wide_carry; /* see carry_is_wide() */
    int exited, status;
    unsigned reports;
    int give_up;
};

/* ---- Reports ---- */

static void print_state(const struct lockstep *t)
{
    unsigned i;

    for (i = 0; i < ORACLE_REGS && i < t->regs; i++) {
        const char *name = lt_reg_name(t->arch, i);

        if (name != NULL && t->places[i].place == GENERAL)
            fprintf(stderr, "%s%8s %016" PRIx64, i % 4 ? "" : "\n ", name, t->before[i]);
    }
    fputc('\n', stderr);
}

__attribute__((format(printf, 2, 3))) static void report(struct lockstep *t,
                                                         const char *format, ...)
{
    struct lt_symbol symbol;
    cs_insn *insn;
    va_list args;
    uint32_t i;

    if (t->reports++ >= MAX_REPORTS) {
        t->give_up = 1;
        return;
    }
    lt_symbol_init(&symbol, sizeof symbol);
    if (t->have) {
        if (lt_symbol_at(t->session, t->pc, &symbol) == 0 && symbol.name != NULL)
            fprintf(stderr, "%s+%#" PRIx64 ": ", symbol.name, symbol.offset);
        fprintf(stderr, "instruction %" PRIu64 " at %#" PRIx64 ":", t->insns, t->pc);
        for (i = 0; i < t->length; i++)
            fprintf(stderr, " %02x", t->code[i]);
        if (cs_disasm(t->capstone, t->code, t->length, t->pc, 1, &insn) == 1) {
            fprintf(stderr, ": %s %s", insn->mnemonic, insn->op_str);
            cs_free(insn, 1);
        }
        fprintf(stderr, "\n  ");
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    if (t->have) {
        fprintf(stderr, "\n  registers before it:");
        print_state(t);
    } else {
        fputc('\n', stderr);
    }
}

static const char *hex(const uint8_t *bytes, size_t count)
{
    static char text[4][2 * 64 + 1];
    static unsigned next;
    char *to = text[next++ % 4];
    size_t i;

    for (i = 0; i < count && i < 64; i++)
        snprintf(to + 2 * i, 3, "%02x", bytes[count - 1 - i]);
    return to;
}

/* ---- The processor's wide registers ---- */

#define XSAVE_YMM 576 /* the upper halves, in the standard format */
#define XSAVE_FEATURES 512

static int read_xstate(struct lockstep *t, struct xstate *x)
{
    struct iovec io = {x->bytes, sizeof x->bytes};

    memset(x->bytes, 0, 1024);
    if (ptrace(PTRACE_GETREGSET, t->oracle.pid, NT_X86_XSTATE, &io) != 0)
        return -1;
    x->size = io.iov_len;
    return 0;
}

static int write_xstate(struct lockstep *t, struct xstate *x)
{
    struct iovec io = {x->bytes, x->size};

    x->bytes[XSAVE_FEATURES] |= 7;
    return ptrace(PTRACE_SETREGSET, t->oracle.pid, NT_X86_XSTATE, &io) == 0 ? 0 : -1;
}

static void get_vector(const struct xstate *x, unsigned i, uint8_t *to)
{
    memcpy(to, x->bytes + 160 + (size_t)16 * i, 16);
    if (x->bytes[XSAVE_FEATURES] & 4)
        memcpy(to + 16, x->bytes + XSAVE_YMM + (size_t)16 * i, 16);
    else
        memset(to + 16, 0, 16);
}

static void set_vector(struct xstate *x, unsigned i, const uint8_t *from)
{
    memcpy(x->bytes + 160 + (size_t)16 * i, from, 16);
    memcpy(x->bytes + XSAVE_YMM + (size_t)16 * i, from + 16, 16);
}

static uint32_t get_field(const struct xstate *x, enum place place)
{
    uint32_t value = 0;

    switch (place) {
    case MXCSR:
        memcpy(&value, x->bytes + 24, 4);
        break;
    case FCW:
        memcpy(&value, x->bytes, 2);
        break;
    case FSW:
        memcpy(&value, x->bytes + 2, 2);
        break;
    case FTW:
        value = x->bytes[4];
        break;
    default:
        break;
    }
    return value;
}

/* ---- What QEMU does in another way ---- */

/*
 * The carry that shl and shld of less than 64 bits leave: where it is wanted as a
 * number, QEMU 10.0 does not cut it down to one bit, and rcl and rcr take in more.
 * (gen_prepare_eflags_c() for CC_OP_SHL, used by gen_RCL() and gen_RCR().)
 */
static int carry_is_wide(const struct lockstep *t, const cs_insn *insn)
{
    return t->wide_carry && (insn->id == X86_INS_RCL || insn->id == X86_INS_RCR);
}

static void follow_carry(struct lockstep *t, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;

    if (insn->id == X86_INS_SHL || insn->id == X86_INS_SAL || insn->id == X86_INS_SHLD)
        t->wide_carry = x86->operands[0].size < 8;
    else if (x86->eflags & (X86_EFLAGS_MODIFY_CF | X86_EFLAGS_RESET_CF |
                            X86_EFLAGS_SET_CF | X86_EFLAGS_UNDEFINED_CF))
        t->wide_carry = 0;
}

/* The stop behind each of its instructions loses the oracle's reservation, so that
 * no store exclusive succeeds there. */
static int is_store_exclusive(const cs_insn *insn)
{
    return strncmp(insn->mnemonic, "stx", 3) == 0 ||
           strncmp(insn->mnemonic, "stlx", 4) == 0;
}

static int is_excused(const struct lockstep *t, const cs_insn *insn)
{
    if (insn == NULL)
        return 0;
    return t->arch == LT_ARCH_X86_64 ? carry_is_wide(t, insn) : is_store_exclusive(insn);
}

/* Of two NaNs, SSE instructions return the first operand; QEMU 10.0 has the rule
 * of the x87, the larger significand.  In these elements, any two NaNs are equal. */
static int same_nans(const uint8_t *a, const uint8_t *b, size_t bytes, size_t element)
{
    size_t i;

    for (i = 0; i < bytes; i += element) {
        uint64_t x = 0;
        uint64_t y = 0;
        uint64_t infinity = element == 4 ? 0x7f800000 : UINT64_C(0x7ff0000000000000);
        uint64_t all = element == 4 ? 0x7fffffff : INT64_MAX;

        memcpy(&x, a + i, element);
        memcpy(&y, b + i, element);
        if (x != y && ((x & all) <= infinity || (y & all) <= infinity))
            return 0;
    }
    return 1;
}

static int is_nan_choice(const cs_insn *insn, const uint8_t *a, const uint8_t *b,
                         size_t bytes)
{
    const char *name = insn->mnemonic;
    size_t length = strlen(name);
    int single = length > 2 && name[length - 1] == 's' && strchr("sp", name[length - 2]);
    int twice = length > 2 && name[length - 1] == 'd' && strchr("sp", name[length - 2]);

    if (!single && !twice)
        return 0;
    return same_nans(a, b, bytes, single ? 4 : 8);
}

/* QEMU 10.0 does not set MXCSR's flag for denormal operands. */
#define MXCSR_DENORMAL UINT32_C(2)

/* QEMU 10.0 does not tell by C1 whether an x87 result was rounded up, nor does it
 * keep the other condition codes where they are undefined. */
#define FSW_CONDITIONS UINT32_C(0x4700)

/* ---- Comparing ---- */

static void compare_general(struct lockstep *t, const uint64_t *now, const cs_insn *insn,
                            int excused)
{
    unsigned open = 0;
    int changed = 0;
    unsigned i;

    if (insn != NULL && t->arch == LT_ARCH_X86_64) {
        open = oracle_undefined_flags(insn, t->before[LT_X86_64_RCX]);
        follow_carry(t, insn);
    }
    for (i = 0; i < ORACLE_REGS && i < t->regs; i++) {
        uint64_t is = now[i];
        uint64_t should = t->oracle.regs[i];
        uint64_t differs = is ^ should;

        if (t->places[i].place != GENERAL || i == t->pc_reg)
            continue;
        if (i == t->flags_reg && t->arch == LT_ARCH_X86_64)
            differs &= FLAG_MASK;
        if (differs == 0)
            continue;
        t->oracle.regs[i] = is;
        changed = 1;
        if (excused || (i == t->flags_reg && (differs & ~(uint64_t)open) == 0))
            continue;
        /* Processors disagree about a scan that finds no bit. */
        if (insn != NULL && t->arch == LT_ARCH_X86_64 &&
            (insn->id == X86_INS_BSF || insn->id == X86_INS_BSR) && i != t->flags_reg &&
            (now[LT_X86_64_RFLAGS] & 0x40) != 0)
            continue;
        report(t, "%s becomes %#" PRIx64 ", the oracle says %#" PRIx64,
               lt_reg_name(t->arch, i), is, should);
    }
    if (changed && oracle_set_regs(&t->oracle) != 0)
        t->give_up = 1;
}

static void compare_field(struct lockstep *t, struct xstate *x, enum place place,
                          uint32_t is, uint32_t ignored, int *changed)
{
    static const char *const names[] = {
        [MXCSR] = "mxcsr", [FCW] = "fcw", [FSW] = "fsw", [FTW] = "ftw"};
    uint32_t should = get_field(x, place);

    if (!t->extra.known[place] || is == should)
        return;
    *changed = 1;
    switch (place) {
    case MXCSR:
        memcpy(x->bytes + 24, &is, 4);
        break;
    case FSW:
        memcpy(x->bytes + 2, &is, 2);
        break;
    default:
        break;
    }
    if (((is ^ should) & ~ignored) != 0)
        report(t, "%s becomes %#" PRIx32 ", the oracle says %#" PRIx32, names[place], is,
               should);
}

static void compare_native_wide(struct lockstep *t, const cs_insn *insn)
{
    static struct xstate x;
    uint8_t should[32];
    int changed = 0;
    unsigned top;
    unsigned i;

    if (read_xstate(t, &x) != 0) {
        report(t, "the processor's vector registers cannot be read");
        t->give_up = 1;
        return;
    }
    for (i = 0; i < 16; i++) {
        const struct wide *w = &t->extra.vector[i];

        get_vector(&x, i, should);
        if (memcmp(w->bytes, should, w->known) == 0)
            continue;
        if (insn == NULL || !is_nan_choice(insn, w->bytes, should, w->known))
            report(t, "vector register %u becomes %s, the oracle says %s", i,
                   hex(w->bytes, w->known), hex(should, w->known));
        memcpy(should, w->bytes, w->known);
        set_vector(&x, i, should);
        changed = 1;
    }
    top = get_field(&x, FSW) >> 11 & 7;
    for (i = 0; i < 8; i++) {
        const struct wide *w = &t->extra.fpr[i];
        uint8_t *st = x.bytes + 32 + (size_t)16 * ((i - top) & 7);

        if (memcmp(w->bytes, st, w->known) == 0)
            continue;
        report(t, "fpr%u becomes %s, the oracle says %s", i, hex(w->bytes, w->known),
               hex(st, w->known));
        memcpy(st, w->bytes, w->known);
        changed = 1;
    }
    compare_field(t, &x, MXCSR, t->extra.mxcsr, MXCSR_DENORMAL, &changed);
    compare_field(t, &x, FCW, t->extra.fcw, 0, &changed);
    compare_field(t, &x, FSW, t->extra.fsw, FSW_CONDITIONS, &changed);
    compare_field(t, &x, FTW, t->extra.ftw, 0, &changed);
    if (changed && write_xstate(t, &x) != 0)
        t->give_up = 1;
}

static void compare_gdb_wide(struct lockstep *t, uint32_t which)
{
    uint8_t should[16];
    unsigned i;

    for (i = 0; i < 32; i++) {
        const struct wide *w = &t->extra.vector[i];

        if (!(which >> i & 1) || w->known == 0)
            continue;
        if (gdbstub_read_vector(&t->oracle, i, should) != 0) {
            report(t, "the oracle's vector registers cannot be read");
            t->give_up = 1;
            return;
        }
        if (memcmp(w->bytes, should, w->known) != 0) {
            report(t, "v%u becomes %s, the oracle says %s", i, hex(w->bytes, w->known),
                   hex(should, w->known));
            t->give_up = 1;
        }
    }
}

static void compare_memory(struct lockstep *t, uint64_t addr, size_t length, int excused)
{
    static uint8_t now[MAX_REGION];
    uint8_t *shadow = t->shadow + (addr - t->region);
    size_t i;
    size_t end;

    if (oracle_read(&t->oracle, addr, now, length) != 0) {
        report(t, "the oracle's memory at %#" PRIx64 " cannot be read", addr);
        t->give_up = 1;
        return;
    }
    if (memcmp(now, shadow, length) == 0)
        return;
    for (i = 0; i < length && !t->give_up; i = end) {
        end = i + 1;
        if (now[i] == shadow[i])
            continue;
        while (end < length && end < i + 32 && now[end] != shadow[end])
            end++;
        if (!excused)
            report(t, "memory at %#" PRIx64 " becomes %s, the oracle says %s", addr + i,
                   hex(shadow + i, end - i), hex(now + i, end - i));
        oracle_write(&t->oracle, addr + i, shadow + i, end - i);
    }
}

/* Executes the instruction in hand on the oracle; `now`: registers behind it. */
static void finish(struct lockstep *t, const uint64_t *now)
{
    enum oracle_event event;
    cs_insn *insn = NULL;
    int excused;
    int all;
    unsigned i;

    if (!t->have || t->give_up)
        return;
    event = oracle_step(&t->oracle);
    if (event != ORACLE_STEPPED || t->oracle.skipped != 0) {
        report(t, "the oracle ends here: status %d, signal %d", t->oracle.status,
               t->oracle.signal);
        t->give_up = 1;
        return;
    }
    if (cs_disasm(t->capstone, t->code, t->length, t->pc, 1, &insn) != 1)
        insn = NULL;
    excused = is_excused(t, insn);
    all = t->oracle.kind == ORACLE_NATIVE || t->insns % t->every == 0;
    if (all)
        compare_memory(t, t->region, t->region_size, excused);
    for (i = 0; !all && i < t->write_count; i++)
        compare_memory(t, t->writes[i].addr, t->writes[i].length, excused);
    compare_general(t, now, insn, excused);
    if (t->oracle.kind == ORACLE_NATIVE)
        compare_native_wide(t, insn);
    else
        compare_gdb_wide(t, all ? UINT32_MAX : t->vectors_written);
    if (insn != NULL)
        cs_free(insn, 1);
}

/* ---- Events ---- */

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct lockstep *t = user;
    uint64_t now[ORACLE_REGS] = {0};
    uint8_t code[16];
    unsigned i;

    for (i = 0; i < ORACLE_REGS && i < t->regs; i++) {
        if (t->places[i].place == GENERAL && lt_reg_read(session, i, &now[i]) != 0)
            return LT_STOP;
    }
    if (!t->have) {
        /* Only the stack is elsewhere. */
        memcpy(t->rebuilt, now, sizeof now);
        memcpy(t->oracle.regs, now, sizeof now);
        if (t->arch == LT_ARCH_X86_64)
            t->oracle.regs[LT_X86_64_RFLAGS] = 0x202;
        oracle_set_regs(&t->oracle);
    }
    for (i = 0; t->have && i < ORACLE_REGS && i < t->regs; i++) {
        uint64_t mask = i == t->flags_reg ? ~UINT64_C(0x10100) : ~UINT64_C(0);

        if (t->places[i].place == GENERAL && i != t->pc_reg &&
            ((t->rebuilt[i] ^ now[i]) & mask) != 0)
            report(t, "%s is %#" PRIx64 " behind it, its events make it %#" PRIx64,
                   lt_reg_name(t->arch, i), now[i], t->rebuilt[i]);
        t->rebuilt[i] = now[i];
    }
    finish(t, now);
    if (t->give_up)
        return LT_STOP;
    t->have = 1;
    t->insns++;
    t->pc = e->pc;
    t->length = e->length < 15 ? e->length : 15;
    memcpy(t->code, e->bytes, t->length);
    memcpy(t->before, now, sizeof now);
    t->vectors_written = 0;
    t->write_count = 0;
    if (oracle_pc(&t->oracle) != e->pc) {
        report(t, "the oracle is at %#" PRIx64, oracle_pc(&t->oracle));
        return LT_STOP;
    }
    if (t->oracle.kind == ORACLE_NATIVE &&
        (oracle_read(&t->oracle, e->pc, code, t->length) != 0 ||
         memcmp(code, t->code, t->length) != 0))
        report(t, "its bytes are not those in memory");
    return 0;
}

static void write_wide(struct wide *w, const struct lt_reg_write *e, unsigned width)
{
    memcpy(w->bytes, e->data, width);
    if (w->known < width)
        w->known = (uint8_t)width;
}

static int on_reg_write(lt_session *session, const struct lt_reg_write *e, void *user)
{
    struct lockstep *t = user;
    unsigned index = t->places[e->reg % MAX_REGS].index;
    enum place place = t->places[e->reg % MAX_REGS].place;

    (void)session;
    if (e->reg >= t->regs) {
        report(t, "a write of register %" PRIu32, e->reg);
        return 0;
    }
    switch (place) {
    case GENERAL:
        t->rebuilt[e->reg] = e->value;
        return 0;
    case VECTOR:
        write_wide(&t->extra.vector[index], e, e->width < 32 ? e->width : 32);
        t->vectors_written |= UINT32_C(1) << index;
        return 0;
    case FLOAT:
        write_wide(&t->extra.fpr[index], e, 10);
        return 0;
    case MXCSR:
        t->extra.mxcsr = (uint32_t)e->value;
        break;
    case FCW:
        t->extra.fcw = (uint32_t)e->value;
        break;
    case FSW:
        t->extra.fsw = (uint32_t)e->value;
        break;
    case FTW:
        t->extra.ftw = (uint32_t)e->value;
        break;
    default:
        break;
    }
    t->extra.known[place] = 1;
    return 0;
}

static int on_mem_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct lockstep *t = user;

    (void)session;
    t->mem_writes++;
    if (e->addr < t->region || e->length > t->region_size ||
        e->addr - t->region > t->region_size - e->length) {
        report(t, "a write of %" PRIu32 " bytes at %#" PRIx64 ", which is not writable",
               e->length, e->addr);
        return 0;
    }
    memcpy(t->shadow + (e->addr - t->region), e->data, e->length);
    if (t->write_count < MAX_WRITES) {
        t->writes[t->write_count].addr = e->addr;
        t->writes[t->write_count++].length = e->length;
    }
    return 0;
}

static int on_exit_event(lt_session *session, const struct lt_exit *e, void *user)
{
    struct lockstep *t = user;
    enum oracle_event event;

    (void)session;
    t->exited = 1;
    t->status = e->status;
    if (t->give_up)
        return 0;
    event = oracle_step(&t->oracle);
    if (e->signal != 0 || event != ORACLE_EXITED || t->oracle.status != e->status)
        report(t,
               "the trace ends with status %d, signal %d, the oracle has event %d, "
               "status %d, signal %d",
               e->status, e->signal, (int)event, t->oracle.status, t->oracle.signal);
    return 0;
}

/* ---- The run ---- */

static void find_places(struct lockstep *t)
{
    static const struct {
        const char *name;
        enum place place;
    } fields[] = {{"mxcsr", MXCSR}, {"fcw", FCW}, {"fsw", FSW}, {"ftw", FTW}};
    unsigned general = t->arch == LT_ARCH_X86_64 ? 20 : 34;
    unsigned i;
    unsigned k;

    for (i = 0; i < t->regs && i < MAX_REGS; i++) {
        const char *name = lt_reg_name(t->arch, i);
        unsigned n;

        if (i < general) {
            t->places[i].place = GENERAL;
            continue;
        }
        if (name == NULL)
            continue;
        for (k = 0; k < sizeof fields / sizeof fields[0]; k++) {
            if (strcmp(name, fields[k].name) == 0)
                t->places[i].place = (uint8_t)fields[k].place;
        }
        if ((sscanf(name, "xmm%u", &n) == 1 || sscanf(name, "ymm%u", &n) == 1 ||
             sscanf(name, "v%u", &n) == 1) &&
            n < 32) {
            t->places[i].place = VECTOR;
            t->places[i].index = (uint8_t)n;
        } else if (sscanf(name, "fpr%u", &n) == 1 && n < 8) {
            t->places[i].place = FLOAT;
            t->places[i].index = (uint8_t)n;
        }
    }
}

/* The writable segment of the guest and its first contents. */
static int find_region(struct lockstep *t)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    FILE *file = fopen(t->program, "rb");
    unsigned i;

    if (file == NULL || fread(&header, sizeof header, 1, file) != 1) {
        perror(t->program);
        if (file != NULL)
            fclose(file);
        return -1;
    }
    for (i = 0; i < header.e_phnum; i++) {
        if (fseek(file, (long)(header.e_phoff + i * sizeof segment), SEEK_SET) != 0 ||
            fread(&segment, sizeof segment, 1, file) != 1)
            break;
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) != 0) {
            t->region = segment.p_vaddr;
            t->region_size = segment.p_memsz;
        }
    }
    fclose(file);
    if (t->region_size == 0 || t->region_size > sizeof t->shadow ||
        oracle_read(&t->oracle, t->region, t->shadow, t->region_size) != 0) {
        fprintf(stderr, "%s: not a guest of random instructions\n", t->program);
        return -1;
    }
    return 0;
}

static void check_result(struct lockstep *t, int error)
{
    struct lt_stats stats = {.size = sizeof stats};

    if (t->give_up)
        return;
    t->have = 0;
    if (error != 0)
        report(t, "the run fails with %d: %s", error, lt_session_message(t->session));
    lt_session_stats(t->session, &stats);
    if (!t->exited || t->mem_writes == 0 || stats.insns != t->oracle.insns)
        report(t, "%" PRIu64 " instructions, the oracle says %" PRIu64, stats.insns,
               t->oracle.insns);
    if (stats.register_mismatches != 0 || stats.internal_errors != 0)
        report(t, "%" PRIu64 " register mismatches, %" PRIu64 " internal errors",
               stats.register_mismatches, stats.internal_errors);
}

static int run(struct lockstep *t)
{
    struct lt_config config;
    int error;

    if (oracle_start(&t->oracle,
                     t->arch == LT_ARCH_X86_64 ? ORACLE_NATIVE : ORACLE_GDBSTUB,
                     t->program, -1) != 0 ||
        find_region(t) != 0)
        return 2;
    lt_config_init(&config, sizeof config);
    config.program = t->program;
    error = lt_session_create(&config, &t->session);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", t->program, lt_error_text(error));
        return 2;
    }
    error |= lt_on_insn(t->session, NULL, on_insn, t);
    error |= lt_on_reg_write(t->session, NULL, on_reg_write, t);
    error |= lt_on_mem_write(t->session, NULL, on_mem_write, t);
    error |= lt_on_exit(t->session, NULL, on_exit_event, t);
    if (error == 0)
        error = lt_session_run(t->session);
    check_result(t, error);
    lt_session_destroy(t->session);
    oracle_end(&t->oracle);
    if (t->reports == 0)
        printf("%s: %" PRIu64 " instructions equal\n", t->program, t->insns);
    return t->reports != 0;
}

int main(int argc, char **argv)
{
    static struct lockstep t;
    int error;
    int option;
    int status;

    t.arch = LT_ARCH_X86_64;
    t.every = 16;
    while ((option = getopt(argc, argv, "a:k:w:")) != -1) {
        if (option == 'a')
            t.arch = (uint32_t)lt_arch_find(optarg);
        else if (option == 'k')
            t.every = strtoull(optarg, NULL, 0);
        else if (option == 'w')
            return lt_reg_find((uint32_t)lt_arch_find(optarg),
                               strcmp(optarg, "x86_64") == 0 ? "xmm0" : "v0") < 0;
        else
            return 2;
    }
    if (optind + 1 != argc || lt_arch_name(t.arch) == NULL || t.every == 0) {
        fprintf(stderr, "usage: lockstep [-a x86_64|aarch64] [-k STEPS] PROGRAM\n");
        return 2;
    }
    t.program = argv[optind];
    t.regs = (unsigned)lt_reg_count(t.arch);
    t.pc_reg = t.arch == LT_ARCH_X86_64 ? LT_X86_64_RIP : LT_AARCH64_PC;
    t.flags_reg = t.arch == LT_ARCH_X86_64 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV;
    find_places(&t);
    error = t.arch == LT_ARCH_X86_64 ? cs_open(CS_ARCH_X86, CS_MODE_64, &t.capstone)
                                     : cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &t.capstone);
    if (error != 0)
        return 2;
    cs_option(t.capstone, CS_OPT_DETAIL, CS_OPT_ON);
    status = run(&t);
    cs_close(&t.capstone);
    return status;
}
