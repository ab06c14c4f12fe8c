/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which flags an x86 instruction leaves undefined: Intel's manual, volume 2. */
#include "undefined.h"

static unsigned flag_bits(uint64_t eflags)
{
    unsigned bits = 0;

    if (eflags & X86_EFLAGS_UNDEFINED_CF)
        bits |= 0x1;
    if (eflags & X86_EFLAGS_UNDEFINED_PF)
        bits |= 0x4;
    if (eflags & X86_EFLAGS_UNDEFINED_AF)
        bits |= 0x10;
    if (eflags & X86_EFLAGS_UNDEFINED_ZF)
        bits |= 0x40;
    if (eflags & X86_EFLAGS_UNDEFINED_SF)
        bits |= 0x80;
    if (eflags & X86_EFLAGS_UNDEFINED_OF)
        bits |= 0x800;
    return bits;
}

#define ARITHMETIC_FLAGS 0x8d5u

int oracle_shift_count(const cs_insn *insn, uint64_t rcx)
{
    const cs_x86 *x86 = &insn->detail->x86;
    const cs_x86_op *last;
    int count = 1;

    if (x86->op_count == 0)
        return -1;
    last = &x86->operands[x86->op_count - 1];
    switch (insn->id) {
    case X86_INS_SHL:
    case X86_INS_SAL:
    case X86_INS_SHR:
    case X86_INS_SAR:
    case X86_INS_SHLD:
    case X86_INS_SHRD:
    case X86_INS_ROL:
    case X86_INS_ROR:
    case X86_INS_RCL:
    case X86_INS_RCR:
        if (last->type == X86_OP_REG)
            count = (int)(rcx & 255);
        else if (last->type == X86_OP_IMM && x86->op_count > 1)
            count = (int)(last->imm & 255);
        return count & (x86->operands[0].size == 8 ? 63 : 31);
    default:
        return -1;
    }
}

unsigned oracle_undefined_flags(const cs_insn *insn, uint64_t rcx)
{
    const cs_x86 *x86 = &insn->detail->x86;
    /* For x87 instructions, capstone has other flags there. */
    unsigned bits = insn->mnemonic[0] == 'f' ? 0 : flag_bits(x86->eflags);
    unsigned width = x86->op_count > 0 ? x86->operands[0].size * 8u : 64;

    switch (insn->id) {
    case X86_INS_MUL:
    case X86_INS_IMUL:
        return 0xd4; /* SF ZF AF PF */
    case X86_INS_DIV:
    case X86_INS_IDIV:
        return ARITHMETIC_FLAGS;
    case X86_INS_AND:
    case X86_INS_OR:
    case X86_INS_XOR:
    case X86_INS_TEST:
        return 0x10; /* AF */
    case X86_INS_SHL:
    case X86_INS_SAL:
    case X86_INS_SHR:
    case X86_INS_SAR:
    case X86_INS_SHLD:
    case X86_INS_SHRD:
    case X86_INS_ROL:
    case X86_INS_ROR:
    case X86_INS_RCL:
    case X86_INS_RCR: {
        int rotates = insn->id == X86_INS_ROL || insn->id == X86_INS_ROR ||
                      insn->id == X86_INS_RCL || insn->id == X86_INS_RCR;
        unsigned count = (unsigned)oracle_shift_count(insn, rcx);

        if (count == 0)
            return 0;
        bits = rotates ? 0 : 0x10; /* AF */
        if (count != 1)
            bits |= 0x800; /* OF */
        if (!rotates && count > width)
            bits |= ARITHMETIC_FLAGS; /* shld and shrd: all undefined */
        else if ((insn->id == X86_INS_SHL || insn->id == X86_INS_SAL ||
                  insn->id == X86_INS_SHR) &&
                 count >= width)
            bits |= 0x1; /* CF */
        return bits;
    }
    case X86_INS_BT:
    case X86_INS_BTS:
    case X86_INS_BTR:
    case X86_INS_BTC:
        return 0x894; /* OF SF AF PF */
    case X86_INS_BSF:
    case X86_INS_BSR:
        return 0x895; /* all but ZF */
    case X86_INS_TZCNT:
    case X86_INS_LZCNT:
        return 0x894;
    case X86_INS_ANDN:
    case X86_INS_BLSI:
    case X86_INS_BLSR:
    case X86_INS_BLSMSK:
    case X86_INS_BZHI:
        return 0x14; /* AF PF */
    case X86_INS_BEXTR:
        return 0x94; /* SF AF PF */
    default:
        return bits;
    }
}
