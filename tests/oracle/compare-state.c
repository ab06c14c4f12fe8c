/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest before and behind an instruction, against the oracle: see compare.h. */
#define _GNU_SOURCE
#include "compare.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "undefined.h"

#define X86_UNCOMPARED UINT64_C(0x10100) /* trap and resume flags */

static void print_state(struct comparison *c);

void report(struct comparison *c, const char *format, ...)
{
    va_list args;

    if (c->reports++ >= MAX_REPORTS) {
        c->give_up = 1;
        return;
    }
    fprintf(stderr, "%s: ", c->program);
    if (c->have_insn) {
        fprintf(stderr, "instruction %" PRIu64 " at %#" PRIx64 " (", c->insns, c->pc);
        if (cs_disasm(c->capstone, c->code, c->length, c->pc, 1, &c->decoded) == 1) {
            fprintf(stderr, "%s %s", c->decoded->mnemonic, c->decoded->op_str);
            cs_free(c->decoded, 1);
        } else {
            uint32_t i;

            for (i = 0; i < c->length; i++)
                fprintf(stderr, "%02x", c->code[i]);
        }
        fprintf(stderr, "): ");
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (c->verbose && c->have_insn)
        print_state(c);
}

/* ---- Memory ---- */

struct region *find_region(struct comparison *c, uint64_t addr, uint64_t length)
{
    unsigned i;

    for (i = 0; i < c->region_count; i++) {
        struct region *r = &c->regions[i];

        if (addr >= r->start && length <= r->size && addr - r->start <= r->size - length)
            return r;
    }
    return NULL;
}

int load_regions(struct comparison *c)
{
    Elf64_Ehdr header;
    FILE *file = fopen(c->program, "rb");
    unsigned i;

    if (file == NULL || fread(&header, sizeof header, 1, file) != 1) {
        fprintf(stderr, "%s: cannot be read\n", c->program);
        if (file != NULL)
            fclose(file);
        return -1;
    }
    for (i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        struct region *r = &c->regions[c->region_count];

        if (fseek(file, (long)(header.e_phoff + i * sizeof segment), SEEK_SET) != 0 ||
            fread(&segment, sizeof segment, 1, file) != 1)
            break;
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) == 0 ||
            segment.p_memsz == 0 || c->region_count == MAX_REGIONS)
            continue;
        r->start = segment.p_vaddr;
        r->size = segment.p_memsz;
        r->shadow = malloc(r->size);
        if (r->shadow == NULL ||
            oracle_read(&c->oracle, r->start, r->shadow, r->size) != 0) {
            fprintf(stderr, "%s: the oracle's memory cannot be read\n", c->program);
            fclose(file);
            return -1;
        }
        c->region_count++;
    }
    fclose(file);
    return 0;
}

void check_memory(struct comparison *c, int take)
{
    unsigned i;

    for (i = 0; i < c->region_count; i++) {
        struct region *r = &c->regions[i];
        uint8_t *now = malloc(r->size);
        size_t at;

        if (now == NULL || oracle_read(&c->oracle, r->start, now, r->size) != 0) {
            report(c, "the oracle's memory at %#" PRIx64 " cannot be read", r->start);
            free(now);
            continue;
        }
        if (memcmp(now, r->shadow, r->size) != 0) {
            for (at = 0; at < r->size; at++) {
                if (now[at] == r->shadow[at])
                    continue;
                if (take)
                    c->kernel_bytes++;
                else if (!c->give_up)
                    report(c,
                           "byte at %#" PRIx64 " is %02x, the events make it "
                           "%02x (changed since instruction %" PRIu64 ")",
                           r->start + at, now[at], r->shadow[at], c->last_full_check);
            }
            memcpy(r->shadow, now, r->size);
        }
        free(now);
    }
    c->last_full_check = c->insns;
}

/* ---- Register files ---- */

static uint64_t compared(const struct comparison *c, uint32_t reg, uint64_t value)
{
    if (c->arch == LT_ARCH_X86_64 && reg == LT_X86_64_RFLAGS)
        return value & ~X86_UNCOMPARED;
    return value;
}

/* Registers that are wide whatever their width is. */
int is_scalable(const struct comparison *c, uint32_t reg)
{
    return c->arch == LT_ARCH_AARCH64 && reg >= LT_AARCH64_Z0;
}

uint32_t width_of(const struct comparison *c, uint32_t reg)
{
    if (is_scalable(c, reg))
        return reg < LT_AARCH64_P0 ? c->vector : c->vector / 8;
    return (uint32_t)lt_reg_width(c->arch, reg);
}

int is_wide(const struct comparison *c, uint32_t reg)
{
    return is_scalable(c, reg) || width_of(c, reg) > 8;
}

const uint8_t *reg_bytes(const struct comparison *c, const struct file *f, uint32_t reg)
{
    return is_wide(c, reg) ? f->wide[reg] : (const uint8_t *)&f->regs[reg];
}

void set_reg(const struct comparison *c, struct file *f, uint32_t reg,
             const uint8_t *data)
{
    uint32_t width = width_of(c, reg);

    if (!is_wide(c, reg)) {
        f->regs[reg] = 0;
        memcpy(&f->regs[reg], data, width);
        return;
    }
    memset(f->wide[reg], 0, ORACLE_WIDTH); /* a vector may become longer */
    memcpy(f->wide[reg], data, width);
    if (is_scalable(c, reg) && reg < LT_AARCH64_P0)
        memcpy(f->wide[reg - LT_AARCH64_Z0 + LT_AARCH64_V0], data, 16);
    if (c->arch != LT_ARCH_X86_64)
        return;
    if (reg >= LT_X86_64_XMM0 && reg < LT_X86_64_XMM0 + 16)
        memcpy(f->wide[reg - LT_X86_64_XMM0 + LT_X86_64_YMM0], data, 16);
    else if (reg >= LT_X86_64_YMM0 && reg < LT_X86_64_YMM0 + 16)
        memcpy(f->wide[reg - LT_X86_64_YMM0 + LT_X86_64_XMM0], data, 16);
}

int same_reg(const struct comparison *c, uint32_t reg, const struct file *a,
             const struct file *b)
{
    if (reg == c->pc_reg)
        return 1;
    if (!is_wide(c, reg))
        return compared(c, reg, a->regs[reg]) == compared(c, reg, b->regs[reg]);
    return memcmp(a->wide[reg], b->wide[reg], width_of(c, reg)) == 0;
}

const char *reg_text(const struct comparison *c, const struct file *f, uint32_t reg,
                     char *text)
{
    const uint8_t *bytes = reg_bytes(c, f, reg);
    uint32_t i;

    strcpy(text, "0x");
    for (i = width_of(c, reg); i-- > 0;)
        sprintf(text + strlen(text), "%02x", bytes[i]);
    return text;
}

static void print_state(struct comparison *c)
{
    struct lt_symbol symbol;
    char text[TEXT];
    uint32_t i;

    lt_symbol_init(&symbol, sizeof symbol);
    fprintf(stderr, "   ");
    if (lt_symbol_at(c->session, c->pc, &symbol) == 0 && symbol.name != NULL)
        fprintf(stderr, " %s+%#" PRIx64, symbol.name, symbol.offset);
    for (i = 0; i < c->length; i++)
        fprintf(stderr, " %02x", c->code[i]);
    for (i = 0; i < c->regs; i++) {
        /* The low half of what comes last. */
        if (c->arch == LT_ARCH_X86_64 && i >= LT_X86_64_XMM0 && i < LT_X86_64_YMM0)
            continue;
        fprintf(stderr, "%s%s=%s", i % 4 == 0 ? "\n    " : " ", lt_reg_name(c->arch, i),
                reg_text(c, &c->before, i, text));
    }
    fputc('\n', stderr);
}

void load_oracle(const struct comparison *c, struct file *f)
{
    memcpy(f->regs, c->oracle.regs, sizeof f->regs);
    memcpy(f->wide, c->oracle.wide, sizeof f->wide);
}

void adopt(struct comparison *c, const struct file *now, uint32_t reg)
{
    if (!is_wide(c, reg))
        c->oracle.regs[reg] = now->regs[reg];
    else
        memcpy(c->oracle.wide[reg], now->wide[reg], ORACLE_WIDTH);
}

static int is_vector(const struct comparison *c, uint32_t reg)
{
    int class = lt_reg_class(c->arch, reg);

    return class == LT_REG_VECTOR || class == LT_REG_FLOAT || class == LT_REG_CONTROL ||
           class == LT_REG_PREDICATE;
}

/* Whether all numbers are the same but those that are NaNs in both. */
static int only_nans_differ(const uint8_t *a, const uint8_t *b, uint32_t width,
                            uint32_t size)
{
    uint32_t i;

    for (i = 0; i < width; i += size) {
        float f[2];
        double d[2];

        if (memcmp(a + i, b + i, size) == 0)
            continue;
        memcpy(&f[0], a + i, sizeof f[0]);
        memcpy(&f[1], b + i, sizeof f[1]);
        if (size == 8) {
            memcpy(&d[0], a + i, sizeof d[0]);
            memcpy(&d[1], b + i, sizeof d[1]);
        }
        if (size == 4 ? !isnan(f[0]) || !isnan(f[1]) : !isnan(d[0]) || !isnan(d[1]))
            return 0;
    }
    return 1;
}

/* Whether all numbers are the same but those that are the smallest normal one there
 * and zero here. */
static int only_smallest_differ(const uint8_t *is, const uint8_t *should, uint32_t width,
                                uint32_t size)
{
    uint64_t smallest = size == 4 ? 0x00800000 : UINT64_C(0x0010000000000000);
    uint64_t sign = size == 4 ? 0x80000000 : UINT64_C(0x8000000000000000);
    uint32_t i;

    for (i = 0; i < width; i += size) {
        uint64_t a = 0;
        uint64_t b = 0;

        memcpy(&a, is + i, size);
        memcpy(&b, should + i, size);
        if (a != b &&
            (((a ^ b) & sign) != 0 || (a & ~sign) != 0 || (b & ~sign) != smallest))
            return 0;
    }
    return 1;
}

/* Whether an SSE or AVX instruction computes with floating-point numbers, rather
 * than moving or comparing them. */
static int computes_floats(const char *mnemonic)
{
    static const char *const what[] = {"add",  "sub",  "mul",  "div", "min", "max",
                                       "sqrt", "hadd", "hsub", "dpp", "fm",  "fnm"};
    size_t length = strlen(mnemonic);
    unsigned i;

    mnemonic += mnemonic[0] == 'v';
    for (i = 0; i < sizeof what / sizeof what[0]; i++) {
        if (strncmp(mnemonic, what[i], strlen(what[i])) == 0)
            return length > 2 && strchr("ps", mnemonic[strlen(mnemonic) - 2]) != NULL;
    }
    return 0;
}

/* x87 instructions whose C0, C2 and C3 mean something. */
static int sets_condition(const char *mnemonic)
{
    return strncmp(mnemonic, "fcom", 4) == 0 || strncmp(mnemonic, "fucom", 5) == 0 ||
           strncmp(mnemonic, "ficom", 5) == 0 || strncmp(mnemonic, "fprem", 5) == 0 ||
           strcmp(mnemonic, "ftst") == 0 || strcmp(mnemonic, "fxam") == 0;
}

/* An instruction on 16 bytes sets the rest of the register to 0, which the oracle's
 * releases (7.2) do not do in all of them that lengthen elements or are of two
 * operands. */
static int keeps_upper_part(const struct comparison *c, uint32_t reg,
                            const struct file *now, const struct file *should)
{
    static const uint8_t zero[ORACLE_WIDTH];
    uint32_t code;

    memcpy(&code, c->code, sizeof code);
    return (code & 0x9e000000) == 0x0e000000 && is_scalable(c, reg) &&
           reg < LT_AARCH64_P0 && memcmp(now->wide[reg], should->wide[reg], 16) == 0 &&
           memcmp(now->wide[reg] + 16, zero, width_of(c, reg) - 16) == 0;
}

/*
 * Differences of QEMU's own, which the trace shows as they are.  Each has its
 * reason.
 */
static int is_known_difference(const struct comparison *c, const cs_insn *insn,
                               uint32_t reg, const struct file *now,
                               const struct file *should)
{
    if (c->arch != LT_ARCH_X86_64)
        return keeps_upper_part(c, reg, now, should);
    /* QEMU does not say in C1 that a result was rounded up, has values of its own for
     * C0 to C3 where the manual leaves them undefined, and no denormal flag. */
    if (reg == LT_X86_64_FSW &&
        ((now->regs[reg] ^ should->regs[reg]) & ~UINT64_C(0x4702)) == 0)
        return ((now->regs[reg] ^ should->regs[reg]) & ~UINT64_C(0x202)) == 0 ||
               insn == NULL || !sets_condition(insn->mnemonic);
    /* QEMU rounds to the precision of the control word what it loads, and in frndint. */
    if (insn != NULL &&
        (insn->id == X86_INS_FRNDINT ||
         (insn->detail->x86.op_count == 1 &&
          insn->detail->x86.operands[0].type == X86_OP_MEM)) &&
        (c->before.regs[LT_X86_64_FCW] & 0x300) != 0x300 &&
        (reg == LT_X86_64_FSW || lt_reg_class(c->arch, reg) == LT_REG_FLOAT))
        return 1;
    if (insn != NULL && lt_reg_class(c->arch, reg) == LT_REG_VECTOR &&
        computes_floats(insn->mnemonic)) {
        size_t length = strlen(insn->mnemonic);
        uint32_t size = length > 1 && insn->mnemonic[length - 1] == 'd' ? 8 : 4;

        /* Of two NaNs, one of them signaling, QEMU takes the one that x87 takes; and
         * within one operand of a horizontal operation the other one. */
        if (only_nans_differ(now->wide[reg], should->wide[reg], width_of(c, reg), size))
            return 1;
        /* Where results are flushed to zero, QEMU does so before it rounds. */
        if ((c->before.regs[LT_X86_64_MXCSR] & 0x8000) != 0 &&
            only_smallest_differ(now->wide[reg], should->wide[reg], width_of(c, reg),
                                 size))
            return 1;
        /* QEMU's minimum and maximum do not take denormals for zero. */
        if ((c->before.regs[LT_X86_64_MXCSR] & 0x40) != 0 &&
            (strstr(insn->mnemonic, "min") != NULL ||
             strstr(insn->mnemonic, "max") != NULL))
            return 1;
    }
    /* An MMX instruction sets the upper 16 bits of the x87 register, which QEMU
     * leaves alone. */
    if (reg >= LT_X86_64_FPR0 && reg < LT_X86_64_FPR0 + 8 &&
        memcmp(now->wide[reg], should->wide[reg], 8) == 0 &&
        should->wide[reg][8] == 0xff && should->wide[reg][9] == 0xff)
        return 1;
    /* QEMU has no denormal flag for SSE, and flushes to zero before it rounds. */
    if (reg == LT_X86_64_MXCSR) {
        uint64_t differs = now->regs[reg] ^ should->regs[reg];
        uint64_t underflow = (should->regs[reg] & 0x8000) != 0 ? 0x10 : 0;

        return (differs & ~(0x02 | underflow)) == 0 &&
               (now->regs[reg] & differs & 0x02) == 0;
    }
    return 0;
}

/* Holds the oracle's registers after the instruction in hand against `now`;
 * adopts what is undefined. */
static void check_registers(struct comparison *c, const struct file *now,
                            const cs_insn *insn)
{
    unsigned allowed = 0;
    int inexact = insn != NULL && is_inexact(c, insn);
    int changed = 0, wide = 0;
    char a[TEXT], b[TEXT], d[TEXT];
    struct file should;
    uint32_t reg;

    load_oracle(c, &should);
    if ((c->want & WANT_READ_REGS) == 0)
        c->vector = c->oracle.vector; /* a length is no register */
    if (c->vector != c->oracle.vector)
        report(c, "vectors have %u bytes, the oracle says %u", c->vector,
               c->oracle.vector);
    if (insn != NULL && c->arch == LT_ARCH_X86_64)
        allowed = oracle_undefined_flags(insn, c->before.regs[LT_X86_64_RCX]);
    for (reg = 0; reg < c->regs && reg < ORACLE_REGS; reg++) {
        uint64_t is = compared(c, reg, now->regs[reg]);
        uint64_t other = compared(c, reg, should.regs[reg]);

        if (same_reg(c, reg, now, &should))
            continue;
        adopt(c, now, reg);
        /* The same difference is the ymm register's. */
        if (c->arch == LT_ARCH_X86_64 && reg >= LT_X86_64_XMM0 &&
            reg < LT_X86_64_XMM0 + 16)
            continue;
        changed = 1;
        wide |= is_vector(c, reg);
        if (inexact || is_known_difference(c, insn, reg, now, &should))
            continue;
        if (reg == c->flags_reg && ((is ^ other) & ~(uint64_t)allowed) == 0)
            continue;
        /* What a system call leaves in these, Linux and QEMU do not share. */
        if (c->had_syscall && c->arch == LT_ARCH_X86_64 &&
            (reg == LT_X86_64_RCX || reg == 11))
            continue;
        /* Processors disagree about a scan that finds no bit. */
        if (insn != NULL && c->arch == LT_ARCH_X86_64 &&
            (insn->id == X86_INS_BSF || insn->id == X86_INS_BSR) && reg < LT_X86_64_RIP &&
            (now->regs[LT_X86_64_RFLAGS] & 0x40) != 0 && (uint32_t)is == (uint32_t)other)
            continue;
        report(c, "%s becomes %s, the oracle says %s (was %s)", lt_reg_name(c->arch, reg),
               reg_text(c, now, reg, a), reg_text(c, &should, reg, b),
               reg_text(c, &c->before, reg, d));
    }
    if (changed &&
        (oracle_set_regs(&c->oracle) != 0 || (wide && oracle_set_wide(&c->oracle) != 0)))
        c->give_up = 1;
}

/* Holds the memory that the instruction in hand wrote against the oracle. */
static void check_writes(struct comparison *c, const cs_insn *insn)
{
    unsigned i;

    for (i = 0; i < c->write_count; i++) {
        uint64_t addr = c->writes[i].addr;
        uint32_t length = c->writes[i].length;
        struct region *r = find_region(c, addr, length);
        uint8_t now[4096];

        if (r == NULL || length > sizeof now ||
            oracle_read(&c->oracle, addr, now, length) != 0) {
            report(c,
                   "a write of %" PRIu32 " bytes at %#" PRIx64 ", which is not writable",
                   length, addr);
            continue;
        }
        if (memcmp(now, r->shadow + (addr - r->start), length) == 0)
            continue;
        if (insn != NULL && stores_inexactly(c, insn)) {
            oracle_write(&c->oracle, addr, r->shadow + (addr - r->start), length);
        } else {
            uint64_t is = 0;
            uint64_t should = 0;

            memcpy(&is, r->shadow + (addr - r->start), length < 8 ? length : 8);
            memcpy(&should, now, length < 8 ? length : 8);
            report(c,
                   "%" PRIu32 " bytes at %#" PRIx64 " become %#" PRIx64
                   ", the oracle says %#" PRIx64 " (first eight)",
                   length, addr, is, should);
            memcpy(r->shadow + (addr - r->start), now, length);
        }
    }
    if (c->writes_overflow)
        check_memory(c, 0);
}

/* Whether an x86 string instruction's memory writes are one an iteration. */
static int is_string_store(const struct comparison *c, const cs_insn *insn)
{
    if (c->arch != LT_ARCH_X86_64 || !oracle_is_repeated(c->code, c->length))
        return 0;
    switch (insn->id) {
    case X86_INS_MOVSB:
    case X86_INS_MOVSW:
    case X86_INS_MOVSD:
    case X86_INS_MOVSQ:
    case X86_INS_STOSB:
    case X86_INS_STOSW:
    case X86_INS_STOSD:
    case X86_INS_STOSQ:
        return 1;
    default:
        return 0;
    }
}

void finish_insn(struct comparison *c, const struct file *now)
{
    enum oracle_event event;
    cs_insn *insn = NULL;
    uint64_t iterations;

    if (!c->have_insn || c->give_up)
        return;
    if (c->skipped > 0) {
        c->skipped--;
        c->write_count = 0;
        return;
    }
    event = oracle_step(&c->oracle);
    if (event != ORACLE_STEPPED) {
        report(c, "the oracle ends here (status %d, signal %d), the trace goes on",
               c->oracle.status, c->oracle.signal);
        c->missing = event == ORACLE_SIGNAL && c->oracle.signal == SIGILL;
        c->give_up = 1;
        return;
    }
    c->skipped = c->oracle.skipped;
    if (cs_disasm(c->capstone, c->code, c->length, c->pc, 1, &insn) != 1)
        insn = NULL;
    if (now != NULL && c->skipped == 0)
        check_registers(c, now, insn);
    if (c->want & WANT_WRITE) {
        check_writes(c, insn);
        iterations = c->oracle.iterations;
        /* A count of zero takes one step and stores nothing. */
        if (insn != NULL && is_string_store(c, insn) && iterations == 1 &&
            c->write_events == 0)
            iterations = 0;
        if (insn != NULL && is_string_store(c, insn) && c->write_events != iterations)
            report(c, "%" PRIu64 " memory writes, the oracle says %" PRIu64 " iterations",
                   c->write_events, iterations);
        if (c->had_syscall)
            check_memory(c, 1);
        else if (c->insns - c->last_full_check >= c->check_every)
            check_memory(c, 0);
    }
    if (c->have_return && now != NULL && c->skipped == 0) {
        uint64_t result = c->oracle.regs[0];

        if ((uint64_t)c->returned != result)
            report(c, "the system call returned %" PRId64 ", the register has %#" PRIx64,
                   c->returned, result);
    }
    if (c->lint && insn != NULL)
        lint(c, insn);
    if (c->arch == LT_ARCH_X86_64 && insn != NULL)
        follow_carry(c, insn);
    if (insn != NULL)
        cs_free(insn, 1);
}
