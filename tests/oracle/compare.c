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
#include <capstone/capstone.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"
#include "oracle.h"
#include "undefined.h"

#define MAX_REGIONS 8
#define MAX_WRITES 1024
#define MAX_REPORTS 12
#define TEXT (8 + 2 * ORACLE_WIDTH)      /* of a register */
#define X86_UNCOMPARED UINT64_C(0x10100) /* trap and resume flags */

/* Callbacks that a mode registers. */
#define WANT_INSN 1u
#define WANT_REG 2u
#define WANT_WRITE 4u
#define WANT_READ 8u
#define WANT_SYSCALL 16u
#define WANT_READ_REGS 32u /* uses lt_reg_read() */
#define WANT_ALL 63u

struct region {
    uint64_t start;
    size_t size;
    uint8_t *shadow; /* initial contents and the trace's writes */
};

/* A register file: registers of up to 8 bytes, and the others. */
struct file {
    uint64_t regs[ORACLE_REGS];
    uint8_t wide[ORACLE_REGS][ORACLE_WIDTH];
};

struct comparison {
    const char *program;
    uint32_t arch;
    unsigned want;
    int lint;
    int verbose;
    unsigned regs; /* in the architecture's table */
    uint32_t pc_reg;
    uint32_t sp_reg;
    uint32_t flags_reg;
    lt_session *session;
    struct oracle oracle;
    csh capstone;
    cs_insn *decoded;
    struct region regions[MAX_REGIONS];
    unsigned region_count;
    uint64_t check_every;
    unsigned reports;
    int give_up;
    int missing; /* an instruction that one side lacks */

    /* The register file that write events give. */
    struct file rebuilt;
    unsigned vector; /* bytes of a scalable vector, as the trace has it */

    /* The instruction in hand. */
    int have_insn;
    uint64_t insns; /* instruction events so far */
    uint64_t pc;
    uint8_t code[16];
    uint32_t length;
    struct file before;
    uint64_t written_regs;         /* by its events: a bit each of the first 64 */
    uint16_t written[ORACLE_REGS]; /* and their widths */
    uint64_t write_events;
    uint64_t read_events;
    struct {
        uint64_t addr;
        uint32_t length;
    } writes[MAX_WRITES];
    unsigned write_count;
    int writes_overflow;
    int in_syscall;  /* entered, not returned from */
    int had_syscall; /* the instruction in hand is a system call */
    int64_t returned;
    int have_return;
    uint32_t skipped; /* oracle steps that were taken in advance */
    int wide_carry;   /* see follow_carry() */
    uint64_t last_full_check;
    uint64_t kernel_bytes;

    uint64_t seq;
    uint32_t pid, tid;
    int ended;
    int exit_status, exit_signal;
};

static void print_state(struct comparison *c);

__attribute__((format(printf, 2, 3))) static void report(struct comparison *c,
                                                         const char *format, ...)
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

static struct region *find_region(struct comparison *c, uint64_t addr, uint64_t length)
{
    unsigned i;

    for (i = 0; i < c->region_count; i++) {
        struct region *r = &c->regions[i];

        if (addr >= r->start && length <= r->size && addr - r->start <= r->size - length)
            return r;
    }
    return NULL;
}

/* The writable segments of a static ELF file, and their first contents. */
static int load_regions(struct comparison *c)
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

/*
 * Compares all writable memory with the replica and reports what no event
 * explains; where `take` says so (a system call's own writes), takes it over.
 */
static void check_memory(struct comparison *c, int take)
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

/* ---- What capstone knows ---- */

/* Instructions whose results, registers and memory, differ by machine. */
static int is_inexact(const struct comparison *c, const cs_insn *insn)
{
    if (c->arch != LT_ARCH_X86_64) {
        /* A debugger's stop loses the reservation of a load exclusive, so these
         * never succeed on the oracle. */
        switch (insn->id) {
        case ARM64_INS_STXR:
        case ARM64_INS_STXRB:
        case ARM64_INS_STXRH:
        case ARM64_INS_STXP:
        case ARM64_INS_STLXR:
        case ARM64_INS_STLXRB:
        case ARM64_INS_STLXRH:
        case ARM64_INS_STLXP:
            return 1;
        default:
            return 0;
        }
    }
    switch (insn->id) {
    case X86_INS_CPUID:
    case X86_INS_RDTSC:
    case X86_INS_XGETBV:
    /* An approximation, which is QEMU's and each processor's own. */
    case X86_INS_RCPPS:
    case X86_INS_RCPSS:
    case X86_INS_RSQRTPS:
    case X86_INS_RSQRTSS:
        return 1;
    case X86_INS_RCL:
    case X86_INS_RCR:
        return c->wide_carry;
    default:
        return 0;
    }
}

/*
 * The carry that shl and shld of less than 64 bits leave: where it is wanted as a
 * number, QEMU 10.0 does not cut it down to one bit, and rcl and rcr take in more
 * (gen_eflags_adcox(), of CC_OP_SHL).  They are inexact then.
 */
static void follow_carry(struct comparison *c, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    uint64_t rcx = c->before.regs[LT_X86_64_RCX];

    /* For x87 instructions, capstone has other flags there. */
    if ((insn->mnemonic[0] == 'f' && strstr(insn->mnemonic, "comi") == NULL) ||
        oracle_shift_count(insn, rcx) == 0 ||
        (rcx == 0 && oracle_is_repeated(c->code, c->length)))
        return;
    if (insn->id == X86_INS_SHL || insn->id == X86_INS_SAL || insn->id == X86_INS_SHLD)
        c->wide_carry = x86->operands[0].size < 8;
    else if (x86->eflags & (X86_EFLAGS_MODIFY_CF | X86_EFLAGS_RESET_CF |
                            X86_EFLAGS_SET_CF | X86_EFLAGS_UNDEFINED_CF))
        c->wide_carry = 0;
}

/* Instructions that store what differs by machine: where the last x87 instruction
 * was, what is left of bytes that are reserved, and QEMU's lack of a denormal flag. */
static int stores_inexactly(const struct comparison *c, const cs_insn *insn)
{
    if (c->arch != LT_ARCH_X86_64)
        return is_inexact(c, insn);
    switch (insn->id) {
    case X86_INS_FXSAVE:
    case X86_INS_FXSAVE64:
    case X86_INS_XSAVE:
    case X86_INS_XSAVE64:
    case X86_INS_FNSTENV:
    case X86_INS_FNSAVE:
    case X86_INS_STMXCSR:
        return 1;
    default:
        return is_inexact(c, insn);
    }
}

/* The number of the register that holds this one of capstone's, or -1. */
static int public_register(const struct comparison *c, unsigned id)
{
    static const char *const low[16][4] = {
        {"al", "ah", "ax", "eax"},    {"cl", "ch", "cx", "ecx"},
        {"dl", "dh", "dx", "edx"},    {"bl", "bh", "bx", "ebx"},
        {"spl", "", "sp", "esp"},     {"bpl", "", "bp", "ebp"},
        {"sil", "", "si", "esi"},     {"dil", "", "di", "edi"},
        {"r8b", "", "r8w", "r8d"},    {"r9b", "", "r9w", "r9d"},
        {"r10b", "", "r10w", "r10d"}, {"r11b", "", "r11w", "r11d"},
        {"r12b", "", "r12w", "r12d"}, {"r13b", "", "r13w", "r13d"},
        {"r14b", "", "r14w", "r14d"}, {"r15b", "", "r15w", "r15d"}};
    const char *name = cs_reg_name(c->capstone, id);
    int number;
    unsigned i;
    unsigned j;

    if (name == NULL)
        return -1;
    if (c->arch == LT_ARCH_X86_64) {
        for (i = 0; i < 16; i++) {
            for (j = 0; j < 4; j++) {
                if (strcmp(name, low[i][j]) == 0)
                    return (int)i;
            }
        }
    } else {
        if (strcmp(name, "wsp") == 0)
            return (int)c->sp_reg;
        if (name[0] == 'w' && name[1] >= '0' && name[1] <= '9')
            return atoi(name + 1);
        if (strcmp(name, "fp") == 0)
            return 29;
        if (strcmp(name, "lr") == 0)
            return 30;
    }
    number = lt_reg_find(c->arch, name);
    return number >= 0 && number < 64 && (uint32_t)number != c->pc_reg ? number : -1;
}

/* Where capstone's tables are wrong, or the architecture leaves it to the case
 * whether a register is written. */
static void correct(const struct comparison *c, const cs_insn *insn, uint64_t *expected,
                    uint64_t *either)
{
    uint64_t rax = 1u << LT_X86_64_RAX;
    uint64_t rcx = 1u << LT_X86_64_RCX;
    uint64_t rdx = 1u << LT_X86_64_RDX;

    if (c->arch == LT_ARCH_AARCH64) {
        /* adds of a shifted immediate is taken for a comparison. */
        if (strcmp(insn->mnemonic, "adds") == 0)
            *either = ~UINT64_C(0);
        switch (insn->id) {
        case ARM64_INS_CMP:
        case ARM64_INS_CMN:
        case ARM64_INS_TST:
        case ARM64_INS_CCMP:
        case ARM64_INS_CCMN:
        case ARM64_INS_MSR:
            *expected = 0; /* their first operand is read only */
            break;
        default:
            break;
        }
        return;
    }
    if (oracle_is_repeated(c->code, c->length)) {
        *either = ~UINT64_C(0); /* a count of zero */
        return;
    }
    switch (insn->id) {
    case X86_INS_CWD:
    case X86_INS_CDQ:
    case X86_INS_CQO:
        *expected = rdx;
        break;
    case X86_INS_XLATB:
        *expected |= rax;
        break;
    case X86_INS_ENTER:
        *expected |= 1u << LT_X86_64_RSP | 1u << LT_X86_64_RBP;
        break;
    case X86_INS_STOSB:
    case X86_INS_STOSW:
    case X86_INS_STOSD:
    case X86_INS_STOSQ:
        *expected &= ~rcx;
        break;
    case X86_INS_CMPXCHG:
        *either = rax | *expected;
        break;
    case X86_INS_CMPXCHG8B:
    case X86_INS_CMPXCHG16B:
        *either = rax | rdx;
        break;
    case X86_INS_BSF:
    case X86_INS_BSR:
    case X86_INS_SHL:
    case X86_INS_SHR:
    case X86_INS_SAR:
    case X86_INS_SHLD:
    case X86_INS_SHRD:
    case X86_INS_ROL:
    case X86_INS_ROR:
    case X86_INS_RCL:
    case X86_INS_RCR:
        *either = *expected; /* no bit found, a count of zero */
        break;
    default:
        break;
    }
}

/* The number of the vector register that holds this one of capstone's, or -1. */
static int vector_number(const struct comparison *c, unsigned id)
{
    const char *name = cs_reg_name(c->capstone, id);

    if (name == NULL)
        return -1;
    if (c->arch == LT_ARCH_X86_64)
        return strncmp(name, "xmm", 3) == 0 || strncmp(name, "ymm", 3) == 0
                   ? atoi(name + 3)
                   : -1;
    return strchr("bhsdqv", name[0]) != NULL && name[1] >= '0' && name[1] <= '9'
               ? atoi(name + 1)
               : -1;
}

/* Where capstone's tables are wrong about vector registers. */
static void correct_vectors(const struct comparison *c, const cs_insn *insn,
                            uint32_t *expected)
{
    unsigned i;

    if (c->arch == LT_ARCH_AARCH64) {
        const cs_arm64 *a64 = &insn->detail->arm64;

        /* Of registers in a list it knows the first two only, and what stores
         * them it takes for their writer. */
        if (strncmp(insn->mnemonic, "ld", 2) == 0) {
            for (i = 0; i < a64->op_count; i++) {
                int number = a64->operands[i].type == ARM64_OP_REG
                                 ? vector_number(c, a64->operands[i].reg)
                                 : -1;

                if (number >= 0)
                    *expected |= UINT32_C(1) << number;
            }
        } else if (strncmp(insn->mnemonic, "st", 2) == 0) {
            *expected = 0;
        }
        return;
    }
    if (insn->id == X86_INS_FXRSTOR || insn->id == X86_INS_FXRSTOR64)
        *expected = 0xffff;
    /* The mask is consumed. */
    if (strstr(insn->mnemonic, "gather") != NULL)
        *expected |= UINT32_C(1) << vector_number(c, insn->detail->x86.operands[2].reg);
}

/* The same for vector registers. */
static void lint_vectors(struct comparison *c, const cs_insn *insn,
                         const uint16_t *written, unsigned count)
{
    uint32_t first = c->arch == LT_ARCH_X86_64 ? LT_X86_64_XMM0 : LT_AARCH64_V0;
    uint32_t expected = 0, told = 0, i;
    int vex = c->arch == LT_ARCH_X86_64 && (c->code[0] == 0xc4 || c->code[0] == 0xc5);

    for (i = 0; i < count; i++) {
        int number = vector_number(c, written[i]);

        if (number >= 0)
            expected |= UINT32_C(1) << number;
    }
    correct_vectors(c, insn, &expected);
    for (i = 0; i < (c->arch == LT_ARCH_X86_64 ? 16 : 32); i++) {
        int narrow =
            c->written[c->oracle.vector != 0 ? LT_AARCH64_Z0 + i : first + i] != 0;
        int wide = c->arch == LT_ARCH_X86_64 && c->written[LT_X86_64_YMM0 + i] != 0;

        told |= (uint32_t)(narrow || wide) << i;
        if ((narrow && vex) || (wide && !vex))
            report(c, "%s is told as written", narrow ? "the low half" : "the high half");
    }
    for (i = 0; i < 32; i++) {
        if ((expected & ~told) >> i & 1)
            report(c, "no event for the write of vector register %u", i);
        if ((told & ~expected) >> i & 1)
            report(c, "an event for a write of vector register %u", i);
    }
}

/* What loads a control register writes it, be it the same. */
static void lint_control(struct comparison *c, const cs_insn *insn)
{
    static const struct {
        uint32_t arch;
        const char *mnemonic, *operand;
        uint32_t reg;
    } loads[] = {
        {LT_ARCH_X86_64, "ldmxcsr", "", LT_X86_64_MXCSR},
        {LT_ARCH_AARCH64, "msr", "fpsr,", LT_AARCH64_FPSR},
        {LT_ARCH_AARCH64, "msr", "fpcr,", LT_AARCH64_FPCR},
        {LT_ARCH_AARCH64, "msr", "tpidr_el0,", LT_AARCH64_TPIDR_EL0},
        {LT_ARCH_X86_64, "mov", "ds,", LT_X86_64_ES + 3},
        {LT_ARCH_X86_64, "mov", "es,", LT_X86_64_ES},
    };
    unsigned i;

    for (i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        if (loads[i].arch == c->arch && strcmp(insn->mnemonic, loads[i].mnemonic) == 0 &&
            strncmp(insn->op_str, loads[i].operand, strlen(loads[i].operand)) == 0 &&
            !c->written[loads[i].reg])
            report(c, "no event for the write of %s", lt_reg_name(c->arch, loads[i].reg));
    }
}

/* Holds the register events of the instruction in hand against capstone's
 * tables. */
static void lint(struct comparison *c, const cs_insn *insn)
{
    cs_regs read;
    cs_regs written;
    uint8_t reads;
    uint8_t writes;
    uint64_t expected = 0;
    uint64_t either = 0;
    uint64_t general = c->arch == LT_ARCH_X86_64 ? 0xffff : 0xffffffff;
    uint64_t missing;
    uint64_t extra;
    unsigned i;

    if (c->had_syscall ||
        cs_regs_access(c->capstone, insn, read, &reads, written, &writes) != 0)
        return;
    for (i = 0; i < writes; i++) {
        int number = public_register(c, written[i]);

        if (number >= 0)
            expected |= UINT64_C(1) << number;
    }
    correct(c, insn, &expected, &either);
    missing = expected & ~either & ~c->written_regs & general;
    extra = c->written_regs & ~either & ~expected & general;
    lint_vectors(c, insn, written, writes);
    lint_control(c, insn);
    for (i = 0; i < c->regs && i < 64; i++) {
        if (missing >> i & 1)
            report(c, "no event for the write of %s", lt_reg_name(c->arch, i));
        if (extra >> i & 1)
            report(c, "an event for a write of %s, which it does not write",
                   lt_reg_name(c->arch, i));
    }
}

/* ---- One instruction ---- */

/* ---- Register files ---- */

static uint64_t compared(const struct comparison *c, uint32_t reg, uint64_t value)
{
    if (c->arch == LT_ARCH_X86_64 && reg == LT_X86_64_RFLAGS)
        return value & ~X86_UNCOMPARED;
    return value;
}

/* Registers that are wide whatever their width is. */
static int is_scalable(const struct comparison *c, uint32_t reg)
{
    return c->arch == LT_ARCH_AARCH64 && reg >= LT_AARCH64_Z0;
}

static uint32_t width_of(const struct comparison *c, uint32_t reg)
{
    if (is_scalable(c, reg))
        return reg < LT_AARCH64_P0 ? c->vector : c->vector / 8;
    return (uint32_t)lt_reg_width(c->arch, reg);
}

static int is_wide(const struct comparison *c, uint32_t reg)
{
    return is_scalable(c, reg) || width_of(c, reg) > 8;
}

static const uint8_t *reg_bytes(const struct comparison *c, const struct file *f,
                                uint32_t reg)
{
    return is_wide(c, reg) ? f->wide[reg] : (const uint8_t *)&f->regs[reg];
}

/* The low half of a ymm register is an xmm register, the low 16 bytes of a z register
 * a v register. */
static void set_reg(const struct comparison *c, struct file *f, uint32_t reg,
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

static int same_reg(const struct comparison *c, uint32_t reg, const struct file *a,
                    const struct file *b)
{
    if (reg == c->pc_reg)
        return 1;
    if (!is_wide(c, reg))
        return compared(c, reg, a->regs[reg]) == compared(c, reg, b->regs[reg]);
    return memcmp(a->wide[reg], b->wide[reg], width_of(c, reg)) == 0;
}

static const char *reg_text(const struct comparison *c, const struct file *f,
                            uint32_t reg, char *text)
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

static void load_oracle(const struct comparison *c, struct file *f)
{
    memcpy(f->regs, c->oracle.regs, sizeof f->regs);
    memcpy(f->wide, c->oracle.wide, sizeof f->wide);
}

/* Makes the oracle go on with what the trace says of a register. */
static void adopt(struct comparison *c, const struct file *now, uint32_t reg)
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

/* Executes the instruction in hand on the oracle and compares its effects.
 * `now` holds the registers behind it as the trace tells them; NULL if it does
 * not. */
static void finish_insn(struct comparison *c, const struct file *now)
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
    while ((option = getopt(argc, argv, "a:c:m:k:v")) != -1) {
        if (option == 'a')
            c->arch = (uint32_t)lt_arch_find(optarg);
        else if (option == 'c')
            oracle_cpu = optarg;
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
        fprintf(stderr, "usage: compare [-a ARCH] [-c CPU] [-m full|lint|pull|insn|"
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
