/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What capstone says an instruction writes: see compare.h. */
#include "compare.h"

#include <string.h>

#include "undefined.h"

/* ---- What capstone knows ---- */

int is_inexact(const struct comparison *c, const cs_insn *insn)
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

void follow_carry(struct comparison *c, const cs_insn *insn)
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

int stores_inexactly(const struct comparison *c, const cs_insn *insn)
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
    case X86_INS_TEST:
        *expected = 0;
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
    unsigned prefixes = strspn((const char *)c->code, "\x64\x65\x67");
    int vex = c->arch == LT_ARCH_X86_64 &&
              (c->code[prefixes] == 0xc4 || c->code[prefixes] == 0xc5);

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

/* The number in an operand that is st(N) or mmN, or -1. */
static int stack_operand(const struct comparison *c, const cs_insn *insn, int n,
                         char kind)
{
    const cs_x86_op *op = &insn->detail->x86.operands[n];
    const char *name = n < insn->detail->x86.op_count && op->type == X86_OP_REG
                           ? cs_reg_name(c->capstone, op->reg)
                           : NULL;

    if (name == NULL || name[0] != kind || name[1] != (kind == 'm' ? 'm' : 't'))
        return -1;
    return kind == 's' ? (name[2] == '(' ? atoi(name + 3) : 0) : atoi(name + 2);
}

static int begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static int one_of(const char *text, const char *const *list)
{
    while (*list != NULL && strcmp(text, *list) != 0)
        list++;
    return *list != NULL;
}

/* Which data registers an x87 instruction writes by its name and operands, as bits of
 * st(0) to st(7) before it; and whether the status word.  -1: not known. */
static int x87_expected(const struct comparison *c, const cs_insn *insn, int *status)
{
    static const char *const arithmetic[] = {
        "fadd",  "fsub",   "fmul",   "fdiv",   "fsubr",  "fdivr", "fiadd",
        "fisub", "fisubr", "fimul",  "fidiv",  "fidivr", "faddp", "fsubp",
        "fmulp", "fdivp",  "fsubrp", "fdivrp", NULL};
    static const char *const on_top[] = {"fchs",  "fabs",    "f2xm1",  "fprem", "fprem1",
                                         "fsqrt", "frndint", "fscale", NULL};
    static const char *const on_next[] = {"fyl2x", "fyl2xp1", "fpatan", NULL};
    static const char *const loads[] = {"fld",    "fild",   "fbld",  "fld1",
                                        "fldl2t", "fldl2e", "fldpi", "fldlg2",
                                        "fldln2", "fldz",   NULL};
    static const char *const maybe[] = {"fsin", "fcos", "fsincos", "fptan", NULL};
    const char *name = insn->mnemonic;
    int st = stack_operand(c, insn, 0, 's');
    int large = (c->rebuilt.regs[LT_X86_64_FSW] & 0x400) != 0;

    *status = begins(name, "fcom") || begins(name, "fucom") || begins(name, "ficom") ||
              begins(name, "fprem") || one_of(name, maybe) || one_of(name, loads) ||
              strcmp(name, "fxam") == 0 || strcmp(name, "ftst") == 0 ||
              strcmp(name, "fnclex") == 0 || strcmp(name, "fninit") == 0 ||
              strcmp(name, "fldenv") == 0 || strcmp(name, "frstor") == 0 ||
              strcmp(name, "fincstp") == 0 || strcmp(name, "fdecstp") == 0;
    if (strcmp(name, "fcomi") == 0 || strcmp(name, "fucomi") == 0)
        *status = 0; /* flags instead */
    if (one_of(name, loads))
        return 1 << 7;
    if (one_of(name, arithmetic))
        /* "fadd st(1)" is of st(0), "faddp st(1)" of st(1). */
        return st >= 0 &&
                       (insn->detail->x86.op_count == 2 || name[strlen(name) - 1] == 'p')
                   ? 1 << st
                   : 1;
    if (one_of(name, on_top) || begins(name, "fcmov"))
        return 1;
    if (one_of(name, on_next))
        return 1 << 1;
    if (strcmp(name, "fxch") == 0)
        return 1 | 1 << st;
    if (strcmp(name, "fst") == 0 || strcmp(name, "fstp") == 0)
        return st >= 0 ? 1 << st : 0;
    if (strcmp(name, "fxtract") == 0)
        return 1 | 1 << 7;
    if (one_of(name, maybe))
        return large ? 0 : name[1] == 'p' || strlen(name) > 4 ? 1 | 1 << 7 : 1;
    if (strcmp(name, "frstor") == 0)
        return 0xff;
    return name[0] == 'f' && !begins(name, "fx") ? 0 : -1;
}

/* The same for the registers of x87 and MMX. */
static void lint_x87(struct comparison *c, const cs_insn *insn)
{
    unsigned top = (unsigned)(c->before.regs[LT_X86_64_FSW] >> 11) & 7;
    int mm = stack_operand(c, insn, 0, 'm');
    int status = 0;
    int expected;
    unsigned i;

    if (c->arch != LT_ARCH_X86_64)
        return;
    expected = mm >= 0 ? 1 << mm : x87_expected(c, insn, &status);
    if (expected < 0)
        return;
    if (mm >= 0)
        top = 0;
    for (i = 0; i < 8; i++) {
        unsigned reg = LT_X86_64_FPR0 + ((top + i) & 7);
        int told = c->written[reg] != 0;

        if ((expected >> i & 1) && !told)
            report(c, "no event for the write of %s", lt_reg_name(c->arch, reg));
        if (!(expected >> i & 1) && told)
            report(c, "an event for a write of %s, which it does not write",
                   lt_reg_name(c->arch, reg));
    }
    if (status && !c->written[LT_X86_64_FSW])
        report(c, "no event for the write of fsw");
    if ((strcmp(insn->mnemonic, "fldcw") == 0 || strcmp(insn->mnemonic, "fninit") == 0 ||
         strcmp(insn->mnemonic, "fldenv") == 0) &&
        !c->written[LT_X86_64_FCW])
        report(c, "no event for the write of fcw");
    if ((strcmp(insn->mnemonic, "ffree") == 0 || strcmp(insn->mnemonic, "emms") == 0 ||
         strcmp(insn->mnemonic, "fninit") == 0) &&
        !c->written[LT_X86_64_FTW])
        report(c, "no event for the write of ftw");
}

void lint(struct comparison *c, const cs_insn *insn)
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
    lint_x87(c, insn);
    for (i = 0; i < c->regs && i < 64; i++) {
        if (missing >> i & 1)
            report(c, "no event for the write of %s", lt_reg_name(c->arch, i));
        if (extra >> i & 1)
            report(c, "an event for a write of %s, which it does not write",
                   lt_reg_name(c->arch, i));
    }
}
