/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes down x86-64 instructions, those that compile-x86_64.c needs.  Who writes looks
 * after the room. */
#ifndef LTI_EMIT_X86_64_H
#define LTI_EMIT_X86_64_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Condition codes of jcc, setcc and cmovcc. */
enum {
    CC_O = 0,
    CC_B = 2,
    CC_AE = 3,
    CC_E = 4,
    CC_NE = 5,
    CC_BE = 6,
    CC_A = 7,
    CC_L = 12,
    CC_GE = 13,
    CC_LE = 14,
    CC_G = 15
};

/* Opcodes in the form with a register and a register or memory; of those with two
 * bytes the first is 0f.  Arithmetic ones in the form "register op= other". */
enum {
    X_ADD = 0x03,
    X_OR = 0x0b,
    X_AND = 0x23,
    X_SUB = 0x2b,
    X_XOR = 0x33,
    X_CMP = 0x3b,
    X_CMP8 = 0x3a,
    X_TEST = 0x85,
    X_TEST8 = 0x84,
    X_ADD8 = 0x02,
    X_STORE = 0x89,
    X_LOAD = 0x8b,
    X_LEA = 0x8d,
    X_MOVSXD = 0x63,
    X_IMUL = 0x0faf,
    X_MOVZX8 = 0x0fb6,
    X_MOVZX16 = 0x0fb7,
    X_MOVSX8 = 0x0fbe,
    X_MOVSX16 = 0x0fbf,
    X_CMOV = 0x0f40,
    X_SET = 0x0f90,
    X_MOVUPS_LOAD = 0x0f10,
    X_MOVUPS_STORE = 0x0f11,
    X_XORPS = 0x0f57
};

/* The middle three bits of the byte behind an opcode that has more than one use. */
enum { ALU_ADD = 0, ALU_OR = 1, ALU_AND = 4, ALU_SUB = 5, ALU_XOR = 6, ALU_CMP = 7 };
enum { SH_ROL = 0, SH_ROR = 1, SH_SHL = 4, SH_SHR = 5, SH_SAR = 7 };
enum { UN_NOT = 2, UN_NEG = 3, UN_MUL = 4, UN_IMUL = 5 };

struct emitter {
    uint8_t *p; /* where the next byte goes */
};

static inline void put8(struct emitter *e, unsigned v)
{
    *e->p++ = (uint8_t)v;
}

static inline void put32(struct emitter *e, uint32_t v)
{
    memcpy(e->p, &v, 4);
    e->p += 4;
}

static inline void put64(struct emitter *e, uint64_t v)
{
    memcpy(e->p, &v, 8);
    e->p += 8;
}

static inline bool fits8(int64_t v)
{
    return v == (int8_t)v;
}

static inline bool fits32(uint64_t v)
{
    return (int64_t)v == (int32_t)v;
}

static inline void put_opcode(struct emitter *e, bool wide, unsigned opcode, unsigned reg,
                              unsigned index, unsigned base, bool force)
{
    unsigned rex =
        0x40 | (unsigned)wide << 3 | reg >> 3 << 2 | index >> 3 << 1 | base >> 3;

    if (rex != 0x40 || force) {
        put8(e, rex);
    }
    if (opcode > 0xff) {
        put8(e, opcode >> 8);
    }
    put8(e, opcode);
}

/* The byte registers of rsp to rdi have names of their own with a rex prefix. */
static inline bool is_byte_op(unsigned opcode)
{
    return opcode == X_CMP8 || opcode == X_TEST8 || opcode == X_ADD8 ||
           opcode == X_MOVZX8 || opcode == X_MOVSX8 || opcode >> 4 == X_SET >> 4;
}

/* reg op= rm, both registers. */
static inline void op_rr(struct emitter *e, bool wide, unsigned opcode, unsigned reg,
                         unsigned rm)
{
    put_opcode(e, wide, opcode, reg, 0, rm, is_byte_op(opcode) && (reg | rm) >= 4);
    put8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static inline void put_memory(struct emitter *e, unsigned reg, unsigned base,
                              int32_t offset)
{
    unsigned mode = fits8(offset) ? 0x40 : 0x80;

    put8(e, mode | (reg & 7) << 3 | (base & 7));
    if ((base & 7) == RSP) {
        put8(e, 0x24);
    }
    if (mode == 0x40) {
        put8(e, (uint8_t)offset);
    } else {
        put32(e, (uint32_t)offset);
    }
}

/* The same with memory at base + offset. */
static inline void op_rm(struct emitter *e, bool wide, unsigned opcode, unsigned reg,
                         unsigned base, int32_t offset)
{
    put_opcode(e, wide, opcode, reg, 0, base, is_byte_op(opcode) && reg >= 4);
    put_memory(e, reg, base, offset);
}

/* reg = base + index, or as a load or store if that is the opcode; << scale */
static inline void op_indexed(struct emitter *e, bool wide, unsigned opcode, unsigned reg,
                              unsigned base, unsigned index, unsigned scale)
{
    put_opcode(e, wide, opcode, reg, index, base, false);
    put8(e, 0x44 | (reg & 7) << 3);
    put8(e, scale << 6 | (index & 7) << 3 | (base & 7));
    put8(e, 0);
}

static inline void mov_rr(struct emitter *e, bool wide, unsigned to, unsigned from)
{
    op_rr(e, wide, X_LOAD, to, from);
}

/* Leaves flags as they are. */
static inline void mov_imm(struct emitter *e, unsigned to, uint64_t value)
{
    if (value <= UINT32_MAX) {
        put_opcode(e, false, 0xb8 | (to & 7), 0, 0, to, false);
        put32(e, (uint32_t)value);
    } else if (fits32(value)) {
        put_opcode(e, true, 0xc7, 0, 0, to, false);
        put8(e, 0xc0 | (to & 7));
        put32(e, (uint32_t)value);
    } else {
        put_opcode(e, true, 0xb8 | (to & 7), 0, 0, to, false);
        put64(e, value);
    }
}

/* Memory = a constant that is sign-extended. */
static inline void store_imm(struct emitter *e, bool wide, unsigned base, int32_t offset,
                             int32_t value)
{
    put_opcode(e, wide, 0xc7, 0, 0, base, false);
    put_memory(e, 0, base, offset);
    put32(e, (uint32_t)value);
}

/* reg op= a sign-extended constant. */
static inline void alu_imm(struct emitter *e, bool wide, unsigned op, unsigned reg,
                           int32_t value)
{
    bool small = fits8(value);

    put_opcode(e, wide, small ? 0x83 : 0x81, 0, 0, reg, false);
    put8(e, 0xc0 | op << 3 | (reg & 7));
    if (small) {
        put8(e, (uint8_t)value);
    } else {
        put32(e, (uint32_t)value);
    }
}

/* Memory op= a sign-extended constant. */
static inline void alu_imm_memory(struct emitter *e, bool wide, unsigned op,
                                  unsigned base, int32_t offset, int32_t value)
{
    bool small = fits8(value);

    put_opcode(e, wide, small ? 0x83 : 0x81, 0, 0, base, false);
    put_memory(e, op, base, offset);
    if (small) {
        put8(e, (uint8_t)value);
    } else {
        put32(e, (uint32_t)value);
    }
}

static inline void shift_imm(struct emitter *e, bool wide, unsigned op, unsigned reg,
                             unsigned count)
{
    put_opcode(e, wide, 0xc1, 0, 0, reg, false);
    put8(e, 0xc0 | op << 3 | (reg & 7));
    put8(e, count);
}

/* By cl. */
static inline void shift_cl(struct emitter *e, bool wide, unsigned op, unsigned reg)
{
    put_opcode(e, wide, 0xd3, 0, 0, reg, false);
    put8(e, 0xc0 | op << 3 | (reg & 7));
}

/* not, neg; rdx:rax = rax * reg */
static inline void unary(struct emitter *e, bool wide, unsigned op, unsigned reg)
{
    put_opcode(e, wide, 0xf7, 0, 0, reg, false);
    put8(e, 0xc0 | op << 3 | (reg & 7));
}

static inline void bswap(struct emitter *e, unsigned reg)
{
    put_opcode(e, true, 0x0fc8 | (reg & 7), 0, 0, reg, false);
}

/* The bits shifted in are the low ones of `from`. */
static inline void shrd_imm(struct emitter *e, bool wide, unsigned reg, unsigned from,
                            unsigned count)
{
    op_rr(e, wide, 0x0fac, from, reg);
    put8(e, count);
}

/* CF = a bit of reg. */
static inline void bt_imm(struct emitter *e, bool wide, unsigned reg, unsigned bit)
{
    put_opcode(e, wide, 0x0fba, 0, 0, reg, false);
    put8(e, 0xe0 | (reg & 7));
    put8(e, bit);
}

static inline void popcnt(struct emitter *e, unsigned reg, unsigned from)
{
    put8(e, 0xf3);
    op_rr(e, true, 0x0fb8, reg, from);
}

static inline void call_reg(struct emitter *e, unsigned reg)
{
    put_opcode(e, false, 0xff, 0, 0, reg, false);
    put8(e, 0xd0 | (reg & 7));
}

static inline void jump_reg(struct emitter *e, unsigned reg)
{
    put_opcode(e, false, 0xff, 0, 0, reg, false);
    put8(e, 0xe0 | (reg & 7));
}

static inline void call_memory(struct emitter *e, unsigned base, int32_t offset)
{
    put_opcode(e, false, 0xff, 0, 0, base, false);
    put_memory(e, 2, base, offset);
}

static inline void push(struct emitter *e, unsigned reg)
{
    put_opcode(e, false, 0x50 | (reg & 7), 0, 0, reg, false);
}

static inline void pop(struct emitter *e, unsigned reg)
{
    put_opcode(e, false, 0x58 | (reg & 7), 0, 0, reg, false);
}

/* Jumps to code that is written already, in the same region. */
static inline void jcc_back(struct emitter *e, unsigned cc, const uint8_t *to)
{
    put8(e, 0x0f);
    put8(e, 0x80 | cc);
    put32(e, (uint32_t)(to - (e->p + 4)));
}

static inline void jmp_back(struct emitter *e, const uint8_t *to)
{
    put8(e, 0xe9);
    put32(e, (uint32_t)(to - (e->p + 4)));
}

#endif
