/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Knows the guest architectures: their names, ELF machines and registers. */
#ifndef LTI_REGISTERS_H
#define LTI_REGISTERS_H

#include <stdint.h>

/* Registers in the public tables. */
#define LTI_X86_64_REG_COUNT 20u
#define LTI_AARCH64_REG_COUNT 34u

/* A guest architecture. */
struct lti_arch {
    uint32_t arch;        /* LT_ARCH_* */
    uint32_t elf_machine; /* EM_* */
    uint32_t reg_count;
    const char *name;
    const char *const *reg_names;
};

/* The architecture, or NULL if `arch` is none of this library. */
const struct lti_arch *lti_arch_info(uint32_t arch);

/* The one whose 64-bit little-endian ELF files have that machine, or NULL. */
const struct lti_arch *lti_arch_of_machine(uint32_t elf_machine);

#endif
