/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aarch64 guests: registers, flags, helpers. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "cpu-features.h"
#include "exec/translation-block.h"
#include "tcg/tcg-gvec-desc.h"
#include "lt-target.h"
#include "stream.h"

#define X(n)                                                                             \
    {                                                                                    \
        offsetof(CPUARMState, xregs[n]), n, 8, false                                     \
    }

static const LtGlobal globals[] = {
    X(0),
    X(1),
    X(2),
    X(3),
    X(4),
    X(5),
    X(6),
    X(7),
    X(8),
    X(9),
    X(10),
    X(11),
    X(12),
    X(13),
    X(14),
    X(15),
    X(16),
    X(17),
    X(18),
    X(19),
    X(20),
    X(21),
    X(22),
    X(23),
    X(24),
    X(25),
    X(26),
    X(27),
    X(28),
    X(29),
    X(30),
    X(31),
    {offsetof(CPUARMState, NF), LTI_A64_NF, 4, true},
    {offsetof(CPUARMState, ZF), LTI_A64_ZF, 4, true},
    {offsetof(CPUARMState, CF), LTI_A64_CF, 4, true},
    {offsetof(CPUARMState, VF), LTI_A64_VF, 4, true},
};

/* Bits of LtEffect.parts. */
#define FLOAT 1u
#define FLOAT_F16 2u
#define QC 4u

static const LtPart parts[] = {
    {offsetof(CPUARMState, vfp.fp_status[FPST_A64].float_exception_flags), 2,
     LTI_A64_FLOAT, LTI_A64_REG_FPSR, 8, LT_PART_CHANGES},
    {offsetof(CPUARMState, vfp.fp_status[FPST_A64_F16].float_exception_flags), 2,
     LTI_A64_FLOAT_F16, LTI_A64_REG_FPSR, 8, LT_PART_CHANGES},
    {offsetof(CPUARMState, vfp.qc), 16, LTI_A64_QC, LTI_A64_REG_FPSR, 8, LT_PART_CHANGES},
    {offsetof(CPUARMState, cp15.tpidr_el[0]), 8, LTI_A64_TPIDR, LTI_A64_REG_TPIDR, 8,
     LT_PART_VALUE},
    {offsetof(CPUARMState, vfp.fpsr), 8, LTI_A64_FPSR, LTI_A64_REG_FPSR, 8,
     LT_PART_VALUE},
    {offsetof(CPUARMState, vfp.fpcr), 8, LTI_A64_FPCR, LTI_A64_REG_FPCR, 8,
     LT_PART_VALUE},
};
#define FPSR_PART 4u
#define FPCR_PART 5u

QEMU_BUILD_BUG_ON(float_flag_invalid != LTI_FLOAT_INVALID ||
                  float_flag_divbyzero != LTI_FLOAT_DIVBYZERO ||
                  float_flag_overflow != LTI_FLOAT_OVERFLOW ||
                  float_flag_underflow != LTI_FLOAT_UNDERFLOW ||
                  float_flag_inexact != LTI_FLOAT_INEXACT ||
                  float_flag_input_denormal_flushed != LTI_FLOAT_INPUT_FLUSHED ||
                  float_flag_output_denormal_flushed != LTI_FLOAT_OUTPUT_FLUSHED ||
                  float_flag_input_denormal_used != LTI_FLOAT_INPUT_USED);

/* The CPU has scalable vectors. */
static bool scalable;

/* What comes before the vectors. */
static void collect_general(CPUArchState *env, uint64_t *values)
{
    values[LTI_A64_FPCR] = vfp_get_fpcr(env);
    values[LTI_A64_FPSR] = env->vfp.fpsr;
    values[LTI_A64_FLOAT] = env->vfp.fp_status[FPST_A64].float_exception_flags;
    values[LTI_A64_FLOAT_F16] = env->vfp.fp_status[FPST_A64_F16].float_exception_flags;
    memcpy(&values[LTI_A64_QC], env->vfp.qc, 16);
    values[LTI_A64_TPIDR] = env->cp15.tpidr_el[0];
    for (int i = 0; i < 32; i++) {
        values[i] = env->xregs[i];
    }
    values[32] = env->pc;
    values[33] = 0;
    values[LTI_A64_NF] = env->NF;
    values[LTI_A64_ZF] = env->ZF;
    values[LTI_A64_CF] = env->CF;
    values[LTI_A64_VF] = env->VF;
}

static unsigned collect(CPUArchState *env, uint64_t *values, bool inside)
{
    collect_general(env, values);
    for (int i = 0; i < 32; i++) {
        memcpy(&values[LTI_A64_V + 2 * i], &env->vfp.zregs[i], 16);
    }
    return LTI_A64_REGS;
}

static unsigned collect_scalable(CPUArchState *env, uint64_t *values, bool inside)
{
    unsigned vl = 16 * sve_vq(env), z = lti_sve_words(vl, false),
             p = lti_sve_words(vl, true);
    uint64_t *to = values + LTI_SVE_Z;

    collect_general(env, values);
    values[LTI_SVE_VL] = vl;
    for (int i = 0; i < 32; i++, to += z) {
        memcpy(to, &env->vfp.zregs[i], 8 * z);
    }
    for (int i = 0; i < 17; i++, to += p) {
        memcpy(to, &env->vfp.pregs[i], 8 * p);
    }
    return to - values;
}

static unsigned vector_bytes(const TranslationBlock *tb)
{
    CPUARMTBFlags flags = {tb->flags, tb->cs_base};

    return 16 * (EX_TBFLAG_A64(flags, VL) + 1);
}

static bool keeps_flags(const uint8_t *code, unsigned size)
{
    return false; /* flags are stored where they are written only */
}

/* msr of fpsr and fpcr: by a helper that writes any system register. */
static unsigned writes_part(const uint8_t *code, unsigned size)
{
    switch (size == 4 ? ldl_le_p(code) & 0xffffffe0 : 0) {
    case 0xd51b4420:
        return 1 + FPSR_PART;
    case 0xd51b4400:
        return 1 + FPCR_PART;
    default:
        return 0;
    }
}

/* The memory copy and set instructions (FEAT_MOPS). */
static bool repeats(const uint8_t *code, unsigned size)
{
    return size == 4 && (ldl_le_p(code) & 0x3b200c00) == 0x19000400;
}

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* What those raise that are given the CPU's state for it. */
static uint16_t through_env(const char *helper)
{
    return begins(helper, "neon_") ? QC
           : begins(helper, "gvec_fmlal") || begins(helper, "sve2_fmlal")
               ? FLOAT | FLOAT_F16
               : 0;
}

/* Helpers of scalable vectors.  They are given the register that they write first, as
 * a whole, but for those of results in a general register, of stores, and of the
 * loads that name it in their descriptor. */
static LtEffect scalable_effect(const char *helper, bool returns)
{
    static const char *const flags[] = {
        /* write a predicate and return its flags */
        "sve_cmp",   "sve_brk",    "sve_while", "sve2_match",
        "sve2_nmat", "sve_pfirst", "sve_pnext",
    };

    if (begins(helper, "sve_ld")) {
        const char *how = helper + strlen("sve_ld");
        bool first_fault = begins(how, "ff") || begins(how, "nf");
        bool named = g_ascii_isdigit(first_fault ? how[2] : how[0]);

        return (LtEffect){.memory = true,
                          .pointers = !named,
                          .details = named,
                          .fault_mask = first_fault};
    }
    if (begins(helper, "sve_st")) {
        return (LtEffect){.memory = true};
    }
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        returns &= !begins(helper, flags[i]);
    }
    return (LtEffect){.known = true, .pointers = !returns, .parts = through_env(helper)};
}

/* The registers that a load names in its descriptor, its last argument; how much is
 * filled with copies of a value, the descriptor coming first then. */
static void refine(LtEffect *effect, const char *helper, const uint64_t *args,
                   unsigned count)
{
    if (!effect->details || count == 0) {
        return;
    }
    if (begins(helper, "sve_ld")) {
        unsigned first = simd_data(args[count - 1]) & 31;
        unsigned registers = g_ascii_isdigit(helper[6]) ? helper[6] - '0' : 1;

        for (unsigned i = 0; i < registers; i++) {
            effect->vectors |= 1u << (first + i) % 32;
        }
    } else {
        effect->bytes = simd_maxsz(args[0]);
    }
}

/* Names are those of target/arm/helper.h and target/arm/tcg/helper-*.h.  A helper
 * that is given the place of a floating-point status may raise exceptions there. */
static LtEffect effect(const char *helper, bool returns)
{
    static const char *const own[] = {
        /* work on vectors and FP only */
        "vfp_",      "neon_",  "gvec_",   "advsimd_",  "crypto_", "rsqrte",
        "recpe",     "rsqrts", "recps",   "rint",      "frint",   "fcvt",
        "set_rmode", "frecpx", "fjcvtzs", "simd_tblx", "fmmla_",  "flogb_",
    };
    /* Above the low 16 bytes, only scalable vectors have something. */
    const uint16_t bytes = scalable ? 0 : 16;

    if (begins(helper, "sve_") || begins(helper, "sve2_")) {
        return scalable_effect(helper, returns);
    }
    if (begins(helper, "memset")) {
        return (LtEffect){.known = true, .pointers = 1};
    }
    if (begins(helper, "gvec_dup")) {
        return (LtEffect){.known = true, .pointers = 1, .details = true};
    }

    /* What begins a copy or a set of memory puts its progress into nzcv. */
    if (begins(helper, "setp") || begins(helper, "setgp") || begins(helper, "cpyp") ||
        begins(helper, "cpyfp")) {
        return (LtEffect){.memory = true, .flags = true};
    }
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (begins(helper, own[i])) {
            return (LtEffect){
                .known = true,
                .pointers = returns ? 0 : 1,
                .bytes = bytes,
                .parts = through_env(helper),
            };
        }
    }
    /* If TCG says that it leaves the globals alone, it may be one more of these. */
    return (LtEffect){.memory = true, .pointers = returns ? 0 : 1, .bytes = bytes};
}

static bool completes(const char *helper, const uint64_t *args, unsigned count)
{
    if (strncmp(helper, "exception_with_syndrome", 23) == 0) {
        return count > 0 && args[0] == EXCP_SWI;
    }
    return strncmp(helper, "exception_", 10) != 0;
}

static uint64_t enter_syscall(CPUArchState *env)
{
    return env->pc - 4; /* behind the instruction already */
}

static uint64_t pc_of(const CPUArchState *env)
{
    return env->pc;
}

static bool set_reg(CPUArchState *env, uint32_t reg, const void *data, uint32_t size)
{
    const uint32_t vector = scalable ? 16 * sve_vq(env) : 0;
    uint64_t value = 0;

    memcpy(&value, data, MIN(size, 8));
    if (reg < 32 && size == 8) {
        env->xregs[reg] = value;
    } else if (reg == 32 && size == 8) {
        env->pc = value;
    } else if (reg == 33 && size == 8) {
        env->NF = value;
        env->ZF = ~value & PSTATE_Z;
        env->CF = value >> 29 & 1;
        env->VF = value << 3;
    } else if (reg == LTI_A64_REG_FPCR && size == 8) {
        vfp_set_fpcr(env, value);
        arm_rebuild_hflags(env);
    } else if (reg == LTI_A64_REG_FPSR && size == 8) {
        vfp_set_fpsr(env, value);
    } else if (reg == LTI_A64_REG_TPIDR && size == 8) {
        env->cp15.tpidr_el[0] = value;
    } else if (reg >= LTI_A64_REG_V0 && reg < LTI_A64_REG_V0 + 32 && size == 16) {
        memcpy(&env->vfp.zregs[reg - LTI_A64_REG_V0], data, 16);
    } else if (scalable && reg >= LTI_A64_REG_Z0 && reg < LTI_A64_REG_P0 &&
               size == vector) {
        memcpy(&env->vfp.zregs[reg - LTI_A64_REG_Z0], data, size);
    } else if (scalable && reg >= LTI_A64_REG_P0 && reg < LTI_A64_REG_P0 + 17 &&
               size == vector / 8) {
        memcpy(&env->vfp.pregs[reg - LTI_A64_REG_P0], data, size);
    } else {
        return false;
    }
    return true;
}

static void set_result(CPUArchState *env, int64_t result, bool restarts)
{
    env->xregs[0] = result;
    env->pc += restarts ? 4 : 0;
}

static int syscall_args(const CPUArchState *env, int64_t *args)
{
    for (int i = 0; i < 6; i++) {
        args[i] = env->xregs[i];
    }
    return env->xregs[8];
}

static bool is_systems(CPUArchState *env, uint64_t addr)
{
    return false;
}

static const char *untraced(CPUState *cpu)
{
    if (cpu_isar_feature(aa64_sme, ARM_CPU(cpu))) {
        return "SME cannot be traced: add sme=off to the CPU model";
    }
    return NULL;
}

static void choose(CPUState *cpu)
{
    scalable = cpu_isar_feature(aa64_sve, ARM_CPU(cpu));
    lt_control->scalable = scalable;
    if (scalable) {
        lt_target.vector = (LtPart){offsetof(CPUARMState, vfp.zregs),
                                    sizeof(ARMVectorReg),
                                    LTI_SVE_Z,
                                    LTI_A64_REG_Z0,
                                    0,
                                    LT_PART_VECTOR};
        lt_target.predicate = (LtPart){offsetof(CPUARMState, vfp.pregs),
                                       sizeof(ARMPredicateReg),
                                       LTI_SVE_P,
                                       LTI_A64_REG_P0,
                                       0,
                                       LT_PART_VECTOR};
        lt_target.predicate_count = 17;
        lt_target.predicate_stride = sizeof(ARMPredicateReg);
        lt_target.vector_bytes = vector_bytes;
        lt_target.collect = collect_scalable;
    }
}

LtTarget lt_target = {
    .name = "aarch64",
    .arch = 2,
    .pc = pc_of,
    /* Scalable vectors are for who asks for them: v registers have other names then. */
    .cpu = "max,sve=off,sme=off",
    .globals = globals,
    .global_count = ARRAY_SIZE(globals),
    .cc_op = ~0u,
    .flags_reg = 33,
    .df_offset = -1,
    .repeat_offset = -1,
    .vector = {offsetof(CPUARMState, vfp.zregs), 16, LTI_A64_V, LTI_A64_REG_V0, 16,
               LT_PART_VECTOR},
    .vector_count = 32,
    .vector_stride = sizeof(ARMVectorReg),
    .parts = parts,
    .part_count = ARRAY_SIZE(parts),
    .collect = collect,
    .keeps_flags = keeps_flags,
    .writes_part = writes_part,
    .repeats = repeats,
    .effect = effect,
    .refine = refine,
    .completes = completes,
    .is_systems = is_systems,
    .untraced = untraced,
    .choose = choose,
    .enter_syscall = enter_syscall,
    .set_reg = set_reg,
    .set_result = set_result,
    .syscall_args = syscall_args,
};
