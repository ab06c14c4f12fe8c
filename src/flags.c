/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flags.  An x86 instruction sets flags far more often than one reads them, so
 * the engine keeps an operation's result and operand and its kind instead, and
 * flags follow from these when they are asked for.  What they mean is QEMU's
 * target/i386/cpu.h (CC_OP_*); what the flags are is Intel's manual, volume 1,
 * 3.4.3.  What floating-point operations raise, QEMU collects apart from the
 * registers that show it, too.
 */
#include "flags.h"

#include "stream.h"

#define CF UINT64_C(0x001)
#define PF UINT64_C(0x004)
#define AF UINT64_C(0x010)
#define ZF UINT64_C(0x040)
#define SF UINT64_C(0x080)
#define DF UINT64_C(0x400)
#define OF UINT64_C(0x800)
#define ARITHMETIC (CF | PF | AF | ZF | SF | OF)

/* What every kind but a few takes from the result. */
static uint64_t result_flags(uint64_t result, unsigned sign)
{
    return (__builtin_parity((unsigned)(result & 0xff)) ? 0 : PF) |
           (result == 0 ? ZF : 0) | (result >> sign & 1 ? SF : 0);
}

uint64_t lti_x86_arithmetic_flags(uint8_t cc, uint64_t dst, uint64_t src, uint64_t src2)
{
    unsigned sign = (8u << (cc & 3)) - 1;
    uint64_t mask = UINT64_MAX >> (63 - sign);
    uint64_t whole = src, carry_in = src2 & mask;
    uint64_t other, flags;

    switch (cc & ~3u) {
    case LTI_CC_EFLAGS:
        return src & ARITHMETIC;
    case LTI_CC_ADCX:
        return (src & ARITHMETIC & ~CF) | (dst ? CF : 0);
    case LTI_CC_ADOX:
        return (src & ARITHMETIC & ~OF) | (src2 ? OF : 0);
    case LTI_CC_ADCOX:
        return (src & ARITHMETIC & ~(CF | OF)) | (dst ? CF : 0) | (src2 ? OF : 0);
    case LTI_CC_POPCNT:
        return dst ? 0 : ZF;
    default:
        break;
    }
    dst &= mask;
    src &= mask;
    flags = result_flags(dst, sign);
#define CARRY(condition) ((condition) ? CF : 0)
#define HALF(a, b) (((a) ^ (b) ^ dst) & AF)
#define OVERFLOW(bits) ((bits) >> sign & 1 ? OF : 0)
    switch (cc & ~3u) {
    case LTI_CC_MUL:
        return flags | (whole ? CF | OF : 0);
    case LTI_CC_ADD:
        other = dst - src;
        return flags | CARRY(dst < src) | HALF(src, other) |
               OVERFLOW(~(src ^ other) & (src ^ dst));
    case LTI_CC_ADC:
        other = dst - src - carry_in;
        return flags | CARRY(carry_in ? dst <= src : dst < src) | HALF(src, other) |
               OVERFLOW(~(src ^ other) & (src ^ dst));
    case LTI_CC_SUB:
        other = (dst + src) & mask; /* what was subtracted from */
        return flags | CARRY(other < src) | HALF(other, src) |
               OVERFLOW((other ^ src) & (other ^ dst));
    case LTI_CC_SBB:
        other = (dst + src + carry_in) & mask;
        return flags | CARRY(carry_in ? other <= src : other < src) | HALF(other, src) |
               OVERFLOW((other ^ src) & (other ^ dst));
    case LTI_CC_LOGIC:
        return flags;
    case LTI_CC_INC:
        return flags | CARRY(whole) | HALF(dst - 1, 1) |
               (dst == (mask >> 1) + 1 ? OF : 0);
    case LTI_CC_DEC:
        return flags | CARRY(whole) | HALF(dst + 1, 1) | (dst == mask >> 1 ? OF : 0);
    case LTI_CC_SHL:
        return flags | CARRY(src >> sign & 1) | OVERFLOW(src ^ dst);
    case LTI_CC_SAR:
        return flags | CARRY(src & 1) | OVERFLOW(src ^ dst);
    case LTI_CC_BMILG:
        return (flags & ~PF) | CARRY(src == 0);
    case LTI_CC_BLSI:
        return (flags & ~PF) | CARRY(src != 0);
    default:
        return 0;
    }
}

uint64_t lti_x86_rflags(const uint64_t *regs, const uint8_t cc_map[128])
{
    return lti_x86_arithmetic_flags(cc_map[regs[LTI_X86_CC_OP] & 127],
                                    regs[LTI_X86_CC_DST], regs[LTI_X86_CC_SRC],
                                    regs[LTI_X86_CC_SRC2]) |
           (regs[LTI_X86_DF] >> 63 ? DF : 0) | regs[LTI_X86_EFLAGS];
}

uint64_t lti_a64_nzcv(const uint64_t *regs)
{
    return (regs[LTI_A64_NF] & 0x80000000) |
           ((uint32_t)regs[LTI_A64_ZF] ? 0 : 0x40000000) | (regs[LTI_A64_CF] & 1) << 29 |
           (regs[LTI_A64_VF] >> 31 & 1) << 28;
}

/* A status bit for each of QEMU's flags that is set. */
static uint64_t raised(uint64_t flags, uint64_t invalid, uint64_t divbyzero,
                       uint64_t overflow, uint64_t underflow, uint64_t inexact)
{
    return (flags & LTI_FLOAT_INVALID ? invalid : 0) |
           (flags & LTI_FLOAT_DIVBYZERO ? divbyzero : 0) |
           (flags & LTI_FLOAT_OVERFLOW ? overflow : 0) |
           (flags & LTI_FLOAT_UNDERFLOW ? underflow : 0) |
           (flags & LTI_FLOAT_INEXACT ? inexact : 0);
}

/* As update_mxcsr_from_sse_status() of target/i386/tcg/fpu_helper.c; the bits are
 * in Intel's manual, volume 1, 10.2.3. */
uint64_t lti_x86_mxcsr(const uint64_t *regs)
{
    uint64_t flags = regs[LTI_X86_FLOAT];

    return regs[LTI_X86_MXCSR] | raised(flags, 0x01, 0x04, 0x08, 0x10, 0x20) |
           (flags & LTI_FLOAT_OUTPUT_FLUSHED ? 0x30 : 0);
}

/* As vfp_get_fpsr() of target/arm/vfp_fpscr.c; the bits are in Arm's architecture
 * reference manual at FPSR and FPCR. */
uint64_t lti_a64_fpsr(const uint64_t *regs)
{
    const uint64_t fz = UINT64_C(1) << 24, ah = UINT64_C(1) << 1;
    uint64_t fpcr = regs[LTI_A64_FPCR];
    uint64_t flags = regs[LTI_A64_FLOAT];
    uint64_t half = regs[LTI_A64_FLOAT_F16];

    flags |= half & ~(uint64_t)(LTI_FLOAT_INPUT_FLUSHED | LTI_FLOAT_INPUT_USED);
    if ((fpcr & (fz | ah)) != fz) {
        flags &= ~(uint64_t)LTI_FLOAT_INPUT_FLUSHED;
    }
    return regs[LTI_A64_FPSR] | raised(flags, 0x01, 0x02, 0x04, 0x08, 0x10) |
           (flags & LTI_FLOAT_OUTPUT_FLUSHED ? 0x08 | (fpcr & ah ? 0x10 : 0) : 0) |
           (flags & LTI_FLOAT_INPUT_FLUSHED ? 0x80 : 0) |
           (fpcr & ah && flags & LTI_FLOAT_INPUT_USED ? 0x80 : 0) |
           (regs[LTI_A64_QC] | regs[LTI_A64_QC + 1] ? UINT64_C(1) << 27 : 0);
}
