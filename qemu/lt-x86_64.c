/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86_64 guests: registers, lazy flags, helpers. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "lt-target.h"
#include "stream.h"

#define GLOBAL(field, reg, bytes, flag)                                                  \
    {                                                                                    \
        offsetof(CPUX86State, field), reg, bytes, flag                                   \
    }

static const LtGlobal globals[] = {
    GLOBAL(regs[R_EAX], 0, 8, false),
    GLOBAL(regs[R_ECX], 1, 8, false),
    GLOBAL(regs[R_EDX], 2, 8, false),
    GLOBAL(regs[R_EBX], 3, 8, false),
    GLOBAL(regs[R_ESP], 4, 8, false),
    GLOBAL(regs[R_EBP], 5, 8, false),
    GLOBAL(regs[R_ESI], 6, 8, false),
    GLOBAL(regs[R_EDI], 7, 8, false),
    GLOBAL(regs[8], 8, 8, false),
    GLOBAL(regs[9], 9, 8, false),
    GLOBAL(regs[10], 10, 8, false),
    GLOBAL(regs[11], 11, 8, false),
    GLOBAL(regs[12], 12, 8, false),
    GLOBAL(regs[13], 13, 8, false),
    GLOBAL(regs[14], 14, 8, false),
    GLOBAL(regs[15], 15, 8, false),
    GLOBAL(segs[R_FS].base, 18, 8, false),
    GLOBAL(segs[R_GS].base, 19, 8, false),
    GLOBAL(cc_op, LTI_X86_CC_OP, 4, true),
    GLOBAL(cc_dst, LTI_X86_CC_DST, 8, true),
    GLOBAL(cc_src, LTI_X86_CC_SRC, 8, true),
    GLOBAL(cc_src2, LTI_X86_CC_SRC2, 8, true),
};

/* Bits of LtEffect.parts. */
#define FLOAT 1u
#define MXCSR 2u
#define X87 4u
#define SELECTOR(n) (8u << (n))

#define SEGMENT(n)                                                                       \
    {                                                                                    \
        offsetof(CPUX86State, segs[n].selector), 4, LTI_X86_SELECTORS + (n),             \
            LTI_X86_REG_ES + (n), 2, LT_PART_VALUE                                       \
    }

static const LtPart parts[] = {
    {offsetof(CPUX86State, sse_status.float_exception_flags), 2, LTI_X86_FLOAT,
     LTI_X86_REG_MXCSR, 4, LT_PART_CHANGES},
    {offsetof(CPUX86State, mxcsr), 4, LTI_X86_MXCSR, LTI_X86_REG_MXCSR, 4, LT_PART_VALUE},
    {offsetof(CPUX86State, fpregs), sizeof_field(CPUX86State, fpregs), LTI_X86_FCW,
     LTI_X86_REG_FCW, 0, LT_PART_X87},
    SEGMENT(R_ES),
    SEGMENT(R_CS),
    SEGMENT(R_SS),
    SEGMENT(R_DS),
    SEGMENT(R_FS),
    SEGMENT(R_GS),
};

QEMU_BUILD_BUG_ON(float_flag_invalid != LTI_FLOAT_INVALID ||
                  float_flag_divbyzero != LTI_FLOAT_DIVBYZERO ||
                  float_flag_overflow != LTI_FLOAT_OVERFLOW ||
                  float_flag_underflow != LTI_FLOAT_UNDERFLOW ||
                  float_flag_inexact != LTI_FLOAT_INEXACT ||
                  float_flag_output_denormal_flushed != LTI_FLOAT_OUTPUT_FLUSHED);

static void x87(CPUArchState *env, uint64_t *words)
{
    uint64_t tags = 0;

    for (int i = 0; i < 8; i++) {
        tags |= (uint64_t)!env->fptags[i] << i;
        words[LTI_X86_FPR - LTI_X86_FCW + 2 * i] = env->fpregs[i].d.low;
        words[LTI_X86_FPR - LTI_X86_FCW + 2 * i + 1] = env->fpregs[i].d.high;
    }
    words[0] = env->fpuc;
    words[LTI_X86_FSW - LTI_X86_FCW] = (env->fpus & ~0x3800) | (env->fpstt & 7) << 11;
    words[LTI_X86_FTW - LTI_X86_FCW] = tags;
}

static unsigned collect(CPUArchState *env, uint64_t *values, bool inside)
{
    for (int i = 0; i < 6; i++) {
        values[LTI_X86_SELECTORS + i] = env->segs[i].selector;
    }
    values[LTI_X86_MXCSR] = env->mxcsr;
    values[LTI_X86_FLOAT] = env->sse_status.float_exception_flags;
    x87(env, values + LTI_X86_FCW);
    for (int i = 0; i < 16; i++) {
        memcpy(&values[LTI_X86_YMM + 4 * i], &env->xmm_regs[i], 32);
    }
    for (int i = 0; i < 16; i++) {
        values[i] = env->regs[i];
    }
    values[16] = env->eip;
    values[17] = 0;
    values[18] = env->segs[R_FS].base;
    values[19] = env->segs[R_GS].base;
    if (inside) {
        values[LTI_X86_CC_OP] = env->cc_op;
        values[LTI_X86_CC_DST] = env->cc_dst;
        values[LTI_X86_CC_SRC] = env->cc_src;
        values[LTI_X86_CC_SRC2] = env->cc_src2;
        values[LTI_X86_DF] = (int64_t)env->df;
    } else {
        /* As x86_cpu_exec_enter() will set them up. */
        values[LTI_X86_CC_OP] = CC_OP_EFLAGS;
        values[LTI_X86_CC_DST] = env->cc_dst;
        values[LTI_X86_CC_SRC] = env->eflags & (CC_O | CC_S | CC_Z | CC_A | CC_P | CC_C);
        values[LTI_X86_CC_SRC2] = env->cc_src2;
        values[LTI_X86_DF] = env->eflags & DF_MASK ? (uint64_t)-1 : 1;
    }
    values[LTI_X86_EFLAGS] = env->eflags & ~(uint64_t)(RF_MASK | DF_MASK | CC_O | CC_S |
                                                       CC_Z | CC_A | CC_P | CC_C);
    return LTI_X86_REGS;
}

/* Skips legacy and REX prefixes; returns the index of the opcode. */
static unsigned skip_prefixes(const uint8_t *code, unsigned size)
{
    unsigned i = 0;
    while (i < size && (code[i] == 0x66 || code[i] == 0x67 || code[i] == 0xf2 ||
                        code[i] == 0xf3 || code[i] == 0xf0 || code[i] == 0x2e ||
                        code[i] == 0x36 || code[i] == 0x3e || code[i] == 0x26 ||
                        code[i] == 0x64 || code[i] == 0x65 || (code[i] & 0xf0) == 0x40)) {
        i++;
    }
    return i;
}

/* Instructions that read flags and write none (Intel's manual, volume 2):
 * QEMU may compute the flags for them and store the result. */
static bool keeps_flags(const uint8_t *code, unsigned size)
{
    unsigned i = skip_prefixes(code, size);
    uint8_t op, next;

    if (i >= size) {
        return false;
    }
    op = code[i];
    next = i + 1 < size ? code[i + 1] : 0;
    if ((op & 0xf0) == 0x70 || (op >= 0xe0 && op <= 0xe3)) {
        return true; /* jcc, loopcc, jcxz */
    }
    if (op == 0x9c || op == 0x9f) {
        return true; /* pushf, lahf */
    }
    if (op == 0x0f) { /* cmovcc, jcc, setcc; syscall; cpuid */
        return (next & 0xf0) == 0x40 || (next & 0xf0) == 0x80 || (next & 0xf0) == 0x90 ||
               next == 0x05 || next == 0xa2;
    }
    if (op == 0xda || op == 0xdb) { /* fcmovcc */
        return next >= 0xc0 && next < 0xe0;
    }
    return false;
}

static unsigned writes_part(const uint8_t *code, unsigned size)
{
    return 0;
}

static bool repeats(const uint8_t *code, unsigned size)
{
    unsigned i = skip_prefixes(code, size);
    bool rep = false;

    for (unsigned k = 0; k < i; k++) {
        rep |= code[k] == 0xf2 || code[k] == 0xf3;
    }
    if (!rep || i >= size) {
        return false;
    }
    return (code[i] >= 0xa4 && code[i] <= 0xa7) || (code[i] >= 0xaa && code[i] <= 0xaf) ||
           (code[i] >= 0x6c && code[i] <= 0x6f);
}

#define ST(n) (1u << ((n)&7))

/* With an operand in memory. */
static LtX87 x87_memory(uint8_t op, unsigned reg)
{
    bool moves = op & 1, wide = op == 0xdb || op == 0xdf;

    if (!moves) { /* arithmetic, of which 2 and 3 are comparisons */
        return reg == 2 || reg == 3 ? (LtX87){.status = true, .tags = reg == 3}
                                    : (LtX87){.stack = ST(0)};
    }
    if (reg == 0 || (wide && reg == 5) || (op == 0xdf && reg == 4)) {
        return (LtX87){.stack = ST(0), .status = true, .tags = true}; /* loads */
    }
    if (op == 0xd9 && reg >= 4) { /* fldenv, fldcw; 6 and 7 store */
        return (LtX87){.control = reg <= 5, .status = reg == 4, .tags = reg == 4};
    }
    if (op == 0xdd && (reg == 4 || reg == 6)) { /* frstor, fnsave */
        return (LtX87){
            .stack = reg == 4 ? 0xff : 0, .control = true, .status = true, .tags = true};
    }
    if (reg == 3 || (reg == 1 && op != 0xd9) || (wide && reg == 7) ||
        (op == 0xdf && reg == 6)) {
        return (LtX87){.status = true, .tags = true}; /* store and pop */
    }
    return (LtX87){0};
}

/* D9 E0 to D9 FF. */
static LtX87 x87_function(unsigned low)
{
    static const LtX87 functions[32] = {
        [0x00] = {.stack = ST(0)}, /* fchs, fabs */
        [0x01] = {.stack = ST(0)},
        [0x04] = {.status = true}, /* ftst, fxam */
        [0x05] = {.status = true},
        [0x08 ... 0x0e] = {.stack = ST(0), .status = true, .tags = true}, /* constants */
        [0x10] = {.stack = ST(0)},                                        /* f2xm1 */
        [0x11] = {.stack = ST(0), .status = true, .tags = true},          /* fyl2x */
        [0x12] = {.stack = ST(0) | ST(1), .unless_c2 = true, .status = true}, /* fptan */
        [0x13] = {.stack = ST(0), .status = true, .tags = true},              /* fpatan */
        [0x14] = {.stack = ST(0) | ST(1), .status = true, .tags = true}, /* fxtract */
        [0x15] = {.stack = ST(0), .status = true},                       /* fprem1 */
        [0x16] = {.status = true}, /* fdecstp, fincstp */
        [0x17] = {.status = true},
        [0x18] = {.stack = ST(0), .status = true},               /* fprem */
        [0x19] = {.stack = ST(0), .status = true, .tags = true}, /* fyl2xp1 */
        [0x1a] = {.stack = ST(0)},                               /* fsqrt */
        [0x1b] = {.stack = ST(0) | ST(1), .unless_c2 = true, .status = true},
        [0x1c] = {.stack = ST(0)}, /* frndint, fscale */
        [0x1d] = {.stack = ST(0)},
        [0x1e] = {.stack = ST(0), .unless_c2 = true, .status = true}, /* fsin, fcos */
        [0x1f] = {.stack = ST(0), .unless_c2 = true, .status = true},
    };

    return functions[low];
}

/* With registers; what the manual does not list is as QEMU takes it. */
static LtX87 x87_register(uint8_t op, unsigned reg, unsigned rm)
{
    const LtX87 compare = {.status = true};
    const LtX87 pop = {.status = true, .tags = true};
    const LtX87 exchange = {.stack = ST(0) | ST(rm)};
    const LtX87 store_pop = {.stack = ST(rm - 1), .status = true, .tags = true};

    switch (op) {
    case 0xd8:
        return reg == 2 ? compare : reg == 3 ? pop : (LtX87){.stack = ST(0)};
    case 0xd9:
        if (reg >= 4) {
            return x87_function((reg - 4) * 8 + rm);
        }
        return reg == 0   ? (LtX87){.stack = ST(0), .status = true, .tags = true}
               : reg == 1 ? exchange
               : reg == 3 ? store_pop
                          : (LtX87){0};
    case 0xda: /* fcmovcc; fucompp */
        return reg < 4 ? (LtX87){.stack = ST(0)} : pop;
    case 0xdb: /* fcmovcc; fnclex, fninit; fucomi, fcomi */
        return reg < 4               ? (LtX87){.stack = ST(0)}
               : reg == 4 && rm == 2 ? compare
               : reg == 4 && rm == 3
                   ? (LtX87){.control = true, .status = true, .tags = true}
                   : (LtX87){0};
    case 0xdc:
        return reg == 2 ? compare : reg == 3 ? pop : (LtX87){.stack = ST(rm)};
    case 0xdd: /* ffree, fxch, fst, fstp, fucom, fucomp */
        return reg == 0   ? (LtX87){.tags = true}
               : reg == 1 ? exchange
               : reg == 2 ? (LtX87){.stack = ST(rm)}
               : reg == 3 ? store_pop
               : reg == 4 ? compare
                          : pop;
    case 0xde:
        return reg == 2 || reg == 3 ? pop : store_pop;
    default: /* ffreep, fxch, fstp, fnstsw ax, fucomip, fcomip */
        return reg == 1               ? exchange
               : reg == 2 || reg == 3 ? store_pop
               : reg == 4             ? (LtX87){0}
                                      : pop;
    }
}

/* Which field of the ModRM byte names the mm register that is written: 1 reg, 2 rm, 0
 * neither.  `op` follows 0F. */
static int mmx_result(uint8_t op, bool prefix, bool memory)
{
    switch (op) {
    case 0x2c:
    case 0x2d: /* cvttps2pi and the like, with 66 too */
        return 1;
    case 0xd6: /* movdq2q */
        return prefix ? 1 : 0;
    case 0x0f:
    case 0x38:
    case 0x3a:
    case 0x60 ... 0x6b:
    case 0x6e ... 0x70:
    case 0x74 ... 0x76:
    case 0xc4:
    case 0xd1 ... 0xd5:
    case 0xd8 ... 0xe5:
    case 0xe8 ... 0xef:
    case 0xf1 ... 0xf6:
    case 0xf8 ... 0xfe:
        return prefix ? 0 : 1;
    case 0x71 ... 0x73:
    case 0x7f:
        return prefix || memory ? 0 : 2;
    default:
        return 0;
    }
}

static LtX87 x87_writes(const uint8_t *code, unsigned size)
{
    unsigned i = skip_prefixes(code, size), modrm, field;
    bool prefix = false, f3 = false;
    uint8_t op;

    if (i + 2 > size) {
        return (LtX87){0};
    }
    if ((code[i] & 0xf8) == 0xd8) {
        modrm = code[i + 1];
        return modrm < 0xc0 ? x87_memory(code[i], modrm >> 3 & 7)
                            : x87_register(code[i], modrm >> 3 & 7, modrm & 7);
    }
    if (code[i] != 0x0f) {
        return (LtX87){0};
    }
    for (unsigned k = 0; k < i; k++) {
        f3 |= code[k] == 0xf3;
        prefix |= code[k] == 0x66 || code[k] == 0xf2 || code[k] == 0xf3;
    }
    op = code[i + 1];
    if (op == 0x77 || op == 0x0e) { /* emms, femms */
        return (LtX87){.tags = true};
    }
    i += op == 0x38 || op == 0x3a ? 3 : 2;
    if (i >= size || f3) {
        return (LtX87){0};
    }
    modrm = code[i];
    if (op == 0xae && modrm < 0xc0 && (modrm >> 3 & 7) == 1) { /* fxrstor */
        return (LtX87){.stack = 0xff, .control = true, .status = true, .tags = true};
    }
    field = mmx_result(op, prefix, modrm < 0xc0);
    /* TOP is 0 then. */
    return (LtX87){.stack = field == 1 ? ST(modrm >> 3) : field == 2 ? ST(modrm) : 0};
}

#define R(n) (UINT64_C(1) << (n))

#define REGS(mask) .regs = (mask)

/* Helpers by name, exact or (ending in '*') by prefix, the first that fits.  Names
 * are those of target/i386/helper.h.  All are known but where it is said. */
static const struct {
    const char *name;
    LtEffect effect;
} helpers[] = {
    {"divb_AL", {.memory = true, .flags = true, REGS(R(0))}},
    {"idivb_AL", {.memory = true, .flags = true, REGS(R(0))}},
    {"divw_AX", {.memory = true, .flags = true, REGS(R(0) | R(2))}},
    {"idivw_AX", {.memory = true, .flags = true, REGS(R(0) | R(2))}},
    {"divl_EAX", {.memory = true, .flags = true, REGS(R(0) | R(2))}},
    {"idivl_EAX", {.memory = true, .flags = true, REGS(R(0) | R(2))}},
    {"divq_EAX", {.memory = true, .flags = true, REGS(R(0) | R(2))}},
    {"idivq_EAX", {.memory = true, .flags = true, REGS(R(0) | R(2))}},
    {"cpuid", {.memory = true, REGS(R(0) | R(1) | R(2) | R(3))}},
    {"rdtsc", {.memory = true, REGS(R(0) | R(2))}},
    {"read_eflags", {.memory = true}},
    {"rdrand", {.memory = true, .flags = true}},
    {"flush_page", {.memory = true}},
    {"lsl", {.memory = true, .flags = true}},
    {"lar", {.memory = true, .flags = true}},
    {"verr", {.memory = true, .flags = true}},
    {"verw", {.memory = true, .flags = true}},
    {"crc32", {0}},
    {"cc_compute_all", {.eflags = LT_EFLAGS_ALL}},
    {"cc_compute_c", {.eflags = LT_EFLAGS_CARRY}},
    {"memset", {.pointers = 1, .bytes = sizeof_field(CPUX86State, xmm_regs)}},
    /* x87 and MMX. */
    {"fcomi_ST0_FT0", {.memory = true, .flags = true, .parts = X87}},
    {"fucomi_ST0_FT0", {.memory = true, .flags = true, .parts = X87}},
    {"fldt_ST0", {.memory = true, .parts = X87}},
    {"fstt_ST0", {.memory = true}},
    {"fbld_ST0", {.memory = true, .parts = X87}},
    {"fbst_ST0", {.memory = true, .parts = X87}},
    {"fstenv", {.memory = true, .parts = X87}},
    {"fldenv", {.memory = true, .parts = X87}},
    {"fsave", {.memory = true, .parts = X87}},
    {"frstor", {.memory = true, .parts = X87}},
    {"fwait", {.memory = true}},
    {"fxsave", {.memory = true}},
    {"fxrstor", {.memory = true, .parts = X87 | MXCSR | FLOAT, .vectors = 0xffff}},
    {"xrstor",
     {.memory = true, .parts = X87 | MXCSR | FLOAT, .vectors = 0xffff, .perhaps = true}},
    {"fnstsw", {0}},
    {"fnstcw", {0}},
    {"fma4*", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"f*", {.parts = X87}},
    {"enter_mmx", {.parts = X87}},
    {"emms", {.parts = X87}},
    {"cvtp?2pi", {.pointers = 1, .bytes = 8, .parts = FLOAT | X87}},
    {"cvttp?2pi", {.pointers = 1, .bytes = 8, .parts = FLOAT | X87}},
    {"pf*", {.parts = X87}},
    {"pi2f*", {.parts = X87}},
    {"*_mmx", {.parts = X87}},
    /* SSE and AVX: without results in vector registers, with more than one, or with
     * an implicit one. */
    {"ldmxcsr", {.parts = MXCSR | FLOAT}},
    {"update_mxcsr", {0}},
    {"comis?", {.memory = true, .flags = true, .parts = FLOAT}},
    {"ucomis?", {.memory = true, .flags = true, .parts = FLOAT}},
    {"ptest_*", {.memory = true, .flags = true}},
    {"vtestps_*", {.memory = true, .flags = true}},
    {"vtestpd_*", {.memory = true, .flags = true}},
    {"pcmpestri_*", {.memory = true, .flags = true, REGS(R(1))}},
    {"pcmpistri_*", {.memory = true, .flags = true, REGS(R(1))}},
    {"pcmpestrm_*", {.memory = true, .flags = true, .vectors = 1}},
    {"pcmpistrm_*", {.memory = true, .flags = true, .vectors = 1}},
    {"maskmov_*", {.memory = true}},
    {"vpmaskmov?_st_*", {.memory = true}},
    {"vpmaskmov*", {.pointers = 1, .bytes = 16}},
    {"vpgather*", {.memory = true, .pointers = 3, .bytes = 16}},
    {"movmskp*", {0}},
    /* The rest writes what its first pointer points to, and those of them that
     * compute with floating-point numbers raise exceptions. */
    {"gvec_*", {.pointers = 1}},
    {"p*", {.pointers = 1, .bytes = 16}},
    {"v*", {.pointers = 1, .bytes = 16}},
    {"aes*", {.pointers = 1, .bytes = 16}},
    {"sha*", {.pointers = 1, .bytes = 16}},
    {"blend*", {.pointers = 1, .bytes = 16}},
    {"mpsadbw*", {.pointers = 1, .bytes = 16}},
    {"shufp*", {.pointers = 1, .bytes = 16}},
    {"extrq_*", {.pointers = 1, .bytes = 16}},
    {"insertq_*", {.pointers = 1, .bytes = 16}},
    {"*_xmm", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"*_ymm", {.pointers = 1, .bytes = 32, .parts = FLOAT}},
    {"cvt*", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"add??", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"sub??", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"mul??", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"div??", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"min??", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"max??", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"sqrt??", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"cmp*", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"rsqrtss", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
    {"rcpss", {.pointers = 1, .bytes = 16, .parts = FLOAT}},
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);

    return n > k && strcmp(name + n - k, suffix) == 0;
}

/* Of a helper that is not in the table the registers are compared; but whether it
 * writes flags must be known. */
static LtEffect effect(const char *helper, bool returns)
{
    for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
        if (g_pattern_match_simple(helpers[i].name, helper)) {
            LtEffect e = helpers[i].effect;

            e.known = true;
            if (returns && e.bytes != sizeof_field(CPUX86State, xmm_regs)) {
                e.pointers = 0; /* but memset() returns a pointer */
            } else if (has_suffix(helper, "_ymm") && e.bytes) {
                e.bytes = 32;
            }
            return e;
        }
    }
    /* If TCG says that it leaves the globals alone, it may be one more of the rest. */
    return (LtEffect){
        .memory = true,
        .pointers = returns ? 0 : 1,
        .bytes = 32,
        .flags =
            strcmp(helper, "write_eflags") == 0 || strcmp(helper, "iret_protected") == 0,
    };
}

static void refine(LtEffect *effect, const char *helper, const uint64_t *args,
                   unsigned count)
{
    if (strcmp(helper, "load_seg") == 0 && count > 0 && args[0] < 6) {
        *effect = (LtEffect){
            .known = true,
            .memory = true,
            .parts = SELECTOR(args[0]),
            .regs = args[0] == R_FS   ? R(18)
                    : args[0] == R_GS ? R(19)
                                      : 0,
        };
    }
}

static bool completes(const char *helper, const uint64_t *args, unsigned count)
{
    if (strcmp(helper, "raise_exception") == 0) {
        return count > 0 && args[0] >= EXCP_INTERRUPT;
    }
    return strcmp(helper, "icebp") != 0;
}

static void cc_map(uint8_t *map, unsigned size)
{
    static const struct {
        int qemu;
        uint8_t kind;
    } groups[] = {
        {CC_OP_MULB, LTI_CC_MUL},     {CC_OP_ADDB, LTI_CC_ADD},
        {CC_OP_ADCB, LTI_CC_ADC},     {CC_OP_SUBB, LTI_CC_SUB},
        {CC_OP_SBBB, LTI_CC_SBB},     {CC_OP_LOGICB, LTI_CC_LOGIC},
        {CC_OP_INCB, LTI_CC_INC},     {CC_OP_DECB, LTI_CC_DEC},
        {CC_OP_SHLB, LTI_CC_SHL},     {CC_OP_SARB, LTI_CC_SAR},
        {CC_OP_BMILGB, LTI_CC_BMILG}, {CC_OP_BLSIB, LTI_CC_BLSI},
    };

    memset(map, LTI_CC_UNKNOWN, size);
    map[CC_OP_EFLAGS] = LTI_CC_EFLAGS;
    map[CC_OP_ADCX] = LTI_CC_ADCX;
    map[CC_OP_ADOX] = LTI_CC_ADOX;
    map[CC_OP_ADCOX] = LTI_CC_ADCOX;
    map[CC_OP_POPCNT] = LTI_CC_POPCNT;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        for (int k = 0; k < 4; k++) {
            map[groups[i].qemu + k] = groups[i].kind | k;
        }
    }
}

/* QEMU's user-mode system calls leave rcx and r11 as they were; a processor
 * puts the return address and the flags there (the manual's SYSCALL). */
static uint64_t enter_syscall(CPUArchState *env)
{
    uint64_t pc = env->eip - 2; /* behind the instruction already */
    uint8_t code[2];

    if (cpu_memory_rw_debug(env_cpu(env), pc, code, 2, false) == 0 && code[0] == 0x0f &&
        code[1] == 0x05) {
        env->regs[R_ECX] = env->eip;
        env->regs[11] = env->eflags & ~(uint64_t)RF_MASK;
    }
    return pc;
}

static uint64_t pc_of(const CPUArchState *env)
{
    return env->eip;
}

/* The flags that POPF changes in a program, but TF. */
#define WRITABLE_FLAGS                                                                   \
    (CC_C | CC_P | CC_A | CC_Z | CC_S | CC_O | DF_MASK | NT_MASK | AC_MASK | ID_MASK)

static bool set_reg(CPUArchState *env, uint32_t reg, const void *data, uint32_t size)
{
    uint64_t value = 0;

    memcpy(&value, data, MIN(size, 8));
    if (reg < 16 && size == 8) {
        env->regs[reg] = value;
    } else if (reg == 16 && size == 8) {
        env->eip = value;
    } else if (reg == 17 && size == 8) {
        env->eflags =
            (env->eflags & ~(uint64_t)WRITABLE_FLAGS) | (value & WRITABLE_FLAGS);
    } else if (reg == 18 && size == 8) {
        env->segs[R_FS].base = value;
    } else if (reg == 19 && size == 8) {
        env->segs[R_GS].base = value;
    } else if (reg == LTI_X86_REG_MXCSR && size == 4) {
        cpu_set_mxcsr(env, value);
        env->sse_status.float_exception_flags = 0; /* mxcsr has them */
    } else if (reg == LTI_X86_REG_FCW && size == 2) {
        cpu_set_fpuc(env, value);
    } else if (reg == LTI_X86_REG_FSW && size == 2) {
        env->fpstt = value >> 11 & 7;
        env->fpus = value & ~0x3800;
    } else if (reg == LTI_X86_REG_FTW && size == 1) {
        for (int i = 0; i < 8; i++) {
            env->fptags[i] = !(value >> i & 1);
        }
    } else if (reg >= LTI_X86_REG_FPR0 && reg < LTI_X86_REG_FPR0 + 8 && size == 10) {
        floatx80 *to = &env->fpregs[reg - LTI_X86_REG_FPR0].d;

        to->low = value;
        to->high = lduw_he_p((const uint8_t *)data + 8);
    } else if (reg >= LTI_X86_REG_XMM0 && reg < LTI_X86_REG_XMM0 + 16 && size == 16) {
        memcpy(&env->xmm_regs[reg - LTI_X86_REG_XMM0], data, 16);
    } else if (reg >= LTI_X86_REG_YMM0 && reg < LTI_X86_REG_YMM0 + 16 && size == 32) {
        memcpy(&env->xmm_regs[reg - LTI_X86_REG_YMM0], data, 32);
    } else {
        return false; /* selectors stand for more than their number */
    }
    return true;
}

static void set_result(CPUArchState *env, int64_t result, bool restarts)
{
    env->regs[R_EAX] = result;
    env->eip += restarts ? 2 : 0;
}

static int syscall_args(const CPUArchState *env, int64_t *args)
{
    static const uint8_t from[] = {R_EDI, R_ESI, R_EDX, 10, 8, 9};

    for (int i = 0; i < 6; i++) {
        args[i] = env->regs[from[i]];
    }
    return env->regs[R_EAX];
}

/* The descriptor tables, which are the kernel's and not in a program's memory. */
static bool is_systems(CPUArchState *env, uint64_t addr)
{
    return addr - env->gdt.base <= env->gdt.limit ||
           (env->ldt.base && addr - env->ldt.base <= env->ldt.limit);
}

static const char *untraced(CPUState *cpu)
{
    return NULL;
}

LtTarget lt_target = {
    .name = "x86_64",
    .arch = 1,
    .pc = pc_of,
    .cpu = "max",
    .globals = globals,
    .global_count = ARRAY_SIZE(globals),
    .cc_op = LTI_X86_CC_OP,
    .flags_reg = 17,
    .cc_dynamic = CC_OP_DYNAMIC,
    .df_offset = offsetof(CPUX86State, df),
    .df_reg = LTI_X86_DF,
    .repeat_offset = offsetof(CPUX86State, regs[R_ECX]),
    .vector = {offsetof(CPUX86State, xmm_regs), 32, LTI_X86_YMM, LTI_X86_REG_XMM0, 16,
               LT_PART_VECTOR},
    .vector_count = 16,
    .vector_stride = sizeof(ZMMReg),
    .wide_reg = LTI_X86_REG_YMM0,
    .wide_width = 32,
    .parts = parts,
    .part_count = ARRAY_SIZE(parts),
    .x87 = x87,
    .x87_writes = x87_writes,
    .failed_exchange_writes = true,
    .collect = collect,
    .keeps_flags = keeps_flags,
    .writes_part = writes_part,
    .repeats = repeats,
    .effect = effect,
    .refine = refine,
    .completes = completes,
    .is_systems = is_systems,
    .untraced = untraced,
    .cc_map = cc_map,
    .enter_syscall = enter_syscall,
    .set_reg = set_reg,
    .set_result = set_result,
    .syscall_args = syscall_args,
};
