/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Knows the guest architectures: their names, ELF machines and registers. */
#ifndef LTI_REGISTERS_H
#define LTI_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

/* A register of a public table. */
struct lti_reg {
    const char *name;
    uint16_t width; /* bytes */
    uint8_t class;  /* enum lt_reg_class */
    uint8_t how;    /* enum lti_reg_how */
    uint16_t word;  /* where it is in the stream's register file (stream.h) */
};

/* How a register's value follows from the stream's register file. */
enum lti_reg_how {
    LTI_REG_WORDS = 0, /* it stands there */
    LTI_REG_PC = 1,    /* of the instruction in hand */
    LTI_REG_FLAGS = 2, /* lti_x86_rflags() or lti_a64_nzcv() */
    LTI_REG_FLOAT = 3  /* lti_x86_mxcsr() or lti_a64_fpsr() */
};

/* A guest architecture. */
struct lti_arch {
    uint32_t arch;        /* LT_ARCH_* */
    uint32_t elf_machine; /* EM_* */
    uint32_t reg_count;   /* of the public table */
    uint32_t held_count;  /* of these, the first that the guest's CPU has */
    uint32_t word_count;  /* of the stream's register file */
    uint32_t flags_reg;   /* public numbers */
    uint32_t pc_reg;
    uint32_t float_reg; /* has the flags that floating-point operations raise */
    bool scalable;      /* vectors have the length that LTI_SVE_VL says */
    const char *name;
    const struct lti_reg *regs;
};

/* The architecture, or NULL if `arch` is none of this library. */
const struct lti_arch *lti_arch_info(uint32_t arch);

/* aarch64 where the CPU has scalable vectors. */
const struct lti_arch *lti_arch_scalable(void);

/* How many bytes a register has at present, by the register file `words`. */
uint32_t lti_reg_width(const struct lti_arch *arch, uint32_t reg, const uint64_t *words);

/* Makes the register file `words` of what a record has of it.  False if that is
 * damaged: nothing is changed then. */
bool lti_take_registers(const struct lti_arch *arch, const uint8_t *data, uint32_t size,
                        uint64_t *words);

/* The one whose 64-bit little-endian ELF files have that machine, or NULL. */
const struct lti_arch *lti_arch_of_machine(uint32_t elf_machine);

#endif
