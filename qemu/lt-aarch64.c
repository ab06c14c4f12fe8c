/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aarch64 guests: registers, flags, helpers. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "cpu-features.h"
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

static void collect(CPUArchState *env, uint64_t *values, bool inside)
{
    values[LTI_A64_FPCR] = vfp_get_fpcr(env);
    values[LTI_A64_FPSR] = env->vfp.fpsr;
    values[LTI_A64_FLOAT] = env->vfp.fp_status[FPST_A64].float_exception_flags;
    values[LTI_A64_FLOAT_F16] = env->vfp.fp_status[FPST_A64_F16].float_exception_flags;
    memcpy(&values[LTI_A64_QC], env->vfp.qc, 16);
    values[LTI_A64_TPIDR] = env->cp15.tpidr_el[0];
    for (int i = 0; i < 32; i++) {
        memcpy(&values[LTI_A64_V + 2 * i], &env->vfp.zregs[i], 16);
    }
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

/* Names are those of target/arm/helper.h and target/arm/tcg/helper-*.h.  A helper
 * that is given the place of a floating-point status may raise exceptions there. */
static LtEffect effect(const char *helper, bool returns)
{
    static const char *const own[] = {
        /* work on vectors and FP only */
        "vfp_",      "neon_",  "gvec_",   "advsimd_",  "crypto_", "rsqrte",
        "recpe",     "rsqrts", "recps",   "rint",      "frint",   "fcvt",
        "set_rmode", "frecpx", "fjcvtzs", "simd_tblx",
    };

    /* What begins a copy or a set of memory puts its progress into nzcv. */
    if (strncmp(helper, "setp", 4) == 0 || strncmp(helper, "setgp", 5) == 0 ||
        strncmp(helper, "cpyp", 4) == 0 || strncmp(helper, "cpyfp", 5) == 0) {
        return (LtEffect){.memory = true, .flags = true};
    }
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (strncmp(helper, own[i], strlen(own[i])) == 0) {
            return (LtEffect){
                .known = true,
                .pointers = returns ? 0 : 1,
                .bytes = 16,
                /* Those with saturation set QC through env. */
                .parts = strncmp(helper, "neon_", 5) == 0 ? QC : 0,
            };
        }
    }
    /* If TCG says that it leaves the globals alone, it may be one more of these. */
    return (LtEffect){.memory = true, .pointers = returns ? 0 : 1, .bytes = 16};
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
    if (cpu_isar_feature(aa64_sve, ARM_CPU(cpu)) ||
        cpu_isar_feature(aa64_sme, ARM_CPU(cpu))) {
        return "scalable vectors cannot be traced: add sve=off,sme=off to the CPU model";
    }
    return NULL;
}

const LtTarget lt_target = {
    .name = "aarch64",
    .arch = 2,
    .pc = pc_of,
    /* What stores scalable vectors goes past the instrumentation. */
    .cpu = "max,sve=off,sme=off",
    .reg_count = LTI_A64_REGS,
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
    .completes = completes,
    .is_systems = is_systems,
    .untraced = untraced,
    .enter_syscall = enter_syscall,
    .set_reg = set_reg,
    .set_result = set_result,
    .syscall_args = syscall_args,
};
