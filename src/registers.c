/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the tables of the guest architectures and of their registers. */
#include "registers.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "lt/lt.h"
#include "stream.h"

_Static_assert(LTI_X86_REG_ES == LT_X86_64_ES && LTI_X86_REG_MXCSR == LT_X86_64_MXCSR &&
                   LTI_X86_REG_FCW == LT_X86_64_FCW && LTI_X86_REG_FSW == LT_X86_64_FSW &&
                   LTI_X86_REG_FTW == LT_X86_64_FTW &&
                   LTI_X86_REG_FPR0 == LT_X86_64_FPR0 &&
                   LTI_X86_REG_XMM0 == LT_X86_64_XMM0 &&
                   LTI_X86_REG_YMM0 == LT_X86_64_YMM0,
               "the stream's numbers");
_Static_assert(LTI_A64_REG_FPCR == LT_AARCH64_FPCR &&
                   LTI_A64_REG_FPSR == LT_AARCH64_FPSR &&
                   LTI_A64_REG_TPIDR == LT_AARCH64_TPIDR_EL0 &&
                   LTI_A64_REG_V0 == LT_AARCH64_V0,
               "the stream's numbers");
_Static_assert(LTI_X86_REGS <= LTI_MAX_REGS && LTI_A64_REGS <= LTI_MAX_REGS, "fits");

/* clang-format off */
static const struct lti_reg x86_64_regs[] = {
    {"rax", 8, LT_REG_GENERAL, LTI_REG_WORDS, 0},
    {"rcx", 8, LT_REG_GENERAL, LTI_REG_WORDS, 1},
    {"rdx", 8, LT_REG_GENERAL, LTI_REG_WORDS, 2},
    {"rbx", 8, LT_REG_GENERAL, LTI_REG_WORDS, 3},
    {"rsp", 8, LT_REG_GENERAL, LTI_REG_WORDS, 4},
    {"rbp", 8, LT_REG_GENERAL, LTI_REG_WORDS, 5},
    {"rsi", 8, LT_REG_GENERAL, LTI_REG_WORDS, 6},
    {"rdi", 8, LT_REG_GENERAL, LTI_REG_WORDS, 7},
    {"r8", 8, LT_REG_GENERAL, LTI_REG_WORDS, 8},
    {"r9", 8, LT_REG_GENERAL, LTI_REG_WORDS, 9},
    {"r10", 8, LT_REG_GENERAL, LTI_REG_WORDS, 10},
    {"r11", 8, LT_REG_GENERAL, LTI_REG_WORDS, 11},
    {"r12", 8, LT_REG_GENERAL, LTI_REG_WORDS, 12},
    {"r13", 8, LT_REG_GENERAL, LTI_REG_WORDS, 13},
    {"r14", 8, LT_REG_GENERAL, LTI_REG_WORDS, 14},
    {"r15", 8, LT_REG_GENERAL, LTI_REG_WORDS, 15},
    {"rip", 8, LT_REG_PC, LTI_REG_PC, 16},
    {"rflags", 8, LT_REG_FLAGS, LTI_REG_FLAGS, 17},
    {"fs_base", 8, LT_REG_SEGMENT, LTI_REG_WORDS, 18},
    {"gs_base", 8, LT_REG_SEGMENT, LTI_REG_WORDS, 19},
    {"es", 2, LT_REG_SEGMENT, LTI_REG_WORDS, LTI_X86_SELECTORS + 0},
    {"cs", 2, LT_REG_SEGMENT, LTI_REG_WORDS, LTI_X86_SELECTORS + 1},
    {"ss", 2, LT_REG_SEGMENT, LTI_REG_WORDS, LTI_X86_SELECTORS + 2},
    {"ds", 2, LT_REG_SEGMENT, LTI_REG_WORDS, LTI_X86_SELECTORS + 3},
    {"fs", 2, LT_REG_SEGMENT, LTI_REG_WORDS, LTI_X86_SELECTORS + 4},
    {"gs", 2, LT_REG_SEGMENT, LTI_REG_WORDS, LTI_X86_SELECTORS + 5},
    {"mxcsr", 4, LT_REG_CONTROL, LTI_REG_FLOAT, LTI_X86_MXCSR},
    {"fcw", 2, LT_REG_CONTROL, LTI_REG_WORDS, LTI_X86_FCW},
    {"fsw", 2, LT_REG_CONTROL, LTI_REG_WORDS, LTI_X86_FSW},
    {"ftw", 1, LT_REG_CONTROL, LTI_REG_WORDS, LTI_X86_FTW},
    {"fpr0", 10, LT_REG_FLOAT, LTI_REG_WORDS, LTI_X86_FPR + 0},
    {"fpr1", 10, LT_REG_FLOAT, LTI_REG_WORDS, LTI_X86_FPR + 2},
    {"fpr2", 10, LT_REG_FLOAT, LTI_REG_WORDS, LTI_X86_FPR + 4},
    {"fpr3", 10, LT_REG_FLOAT, LTI_REG_WORDS, LTI_X86_FPR + 6},
    {"fpr4", 10, LT_REG_FLOAT, LTI_REG_WORDS, LTI_X86_FPR + 8},
    {"fpr5", 10, LT_REG_FLOAT, LTI_REG_WORDS, LTI_X86_FPR + 10},
    {"fpr6", 10, LT_REG_FLOAT, LTI_REG_WORDS, LTI_X86_FPR + 12},
    {"fpr7", 10, LT_REG_FLOAT, LTI_REG_WORDS, LTI_X86_FPR + 14},
    {"xmm0", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 0},
    {"xmm1", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 4},
    {"xmm2", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 8},
    {"xmm3", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 12},
    {"xmm4", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 16},
    {"xmm5", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 20},
    {"xmm6", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 24},
    {"xmm7", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 28},
    {"xmm8", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 32},
    {"xmm9", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 36},
    {"xmm10", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 40},
    {"xmm11", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 44},
    {"xmm12", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 48},
    {"xmm13", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 52},
    {"xmm14", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 56},
    {"xmm15", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 60},
    {"ymm0", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 0},
    {"ymm1", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 4},
    {"ymm2", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 8},
    {"ymm3", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 12},
    {"ymm4", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 16},
    {"ymm5", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 20},
    {"ymm6", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 24},
    {"ymm7", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 28},
    {"ymm8", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 32},
    {"ymm9", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 36},
    {"ymm10", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 40},
    {"ymm11", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 44},
    {"ymm12", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 48},
    {"ymm13", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 52},
    {"ymm14", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 56},
    {"ymm15", 32, LT_REG_VECTOR, LTI_REG_WORDS, LTI_X86_YMM + 60},
};

static const struct lti_reg aarch64_regs[] = {
    {"x0", 8, LT_REG_GENERAL, LTI_REG_WORDS, 0},
    {"x1", 8, LT_REG_GENERAL, LTI_REG_WORDS, 1},
    {"x2", 8, LT_REG_GENERAL, LTI_REG_WORDS, 2},
    {"x3", 8, LT_REG_GENERAL, LTI_REG_WORDS, 3},
    {"x4", 8, LT_REG_GENERAL, LTI_REG_WORDS, 4},
    {"x5", 8, LT_REG_GENERAL, LTI_REG_WORDS, 5},
    {"x6", 8, LT_REG_GENERAL, LTI_REG_WORDS, 6},
    {"x7", 8, LT_REG_GENERAL, LTI_REG_WORDS, 7},
    {"x8", 8, LT_REG_GENERAL, LTI_REG_WORDS, 8},
    {"x9", 8, LT_REG_GENERAL, LTI_REG_WORDS, 9},
    {"x10", 8, LT_REG_GENERAL, LTI_REG_WORDS, 10},
    {"x11", 8, LT_REG_GENERAL, LTI_REG_WORDS, 11},
    {"x12", 8, LT_REG_GENERAL, LTI_REG_WORDS, 12},
    {"x13", 8, LT_REG_GENERAL, LTI_REG_WORDS, 13},
    {"x14", 8, LT_REG_GENERAL, LTI_REG_WORDS, 14},
    {"x15", 8, LT_REG_GENERAL, LTI_REG_WORDS, 15},
    {"x16", 8, LT_REG_GENERAL, LTI_REG_WORDS, 16},
    {"x17", 8, LT_REG_GENERAL, LTI_REG_WORDS, 17},
    {"x18", 8, LT_REG_GENERAL, LTI_REG_WORDS, 18},
    {"x19", 8, LT_REG_GENERAL, LTI_REG_WORDS, 19},
    {"x20", 8, LT_REG_GENERAL, LTI_REG_WORDS, 20},
    {"x21", 8, LT_REG_GENERAL, LTI_REG_WORDS, 21},
    {"x22", 8, LT_REG_GENERAL, LTI_REG_WORDS, 22},
    {"x23", 8, LT_REG_GENERAL, LTI_REG_WORDS, 23},
    {"x24", 8, LT_REG_GENERAL, LTI_REG_WORDS, 24},
    {"x25", 8, LT_REG_GENERAL, LTI_REG_WORDS, 25},
    {"x26", 8, LT_REG_GENERAL, LTI_REG_WORDS, 26},
    {"x27", 8, LT_REG_GENERAL, LTI_REG_WORDS, 27},
    {"x28", 8, LT_REG_GENERAL, LTI_REG_WORDS, 28},
    {"x29", 8, LT_REG_GENERAL, LTI_REG_WORDS, 29},
    {"x30", 8, LT_REG_GENERAL, LTI_REG_WORDS, 30},
    {"sp", 8, LT_REG_GENERAL, LTI_REG_WORDS, 31},
    {"pc", 8, LT_REG_PC, LTI_REG_PC, 32},
    {"nzcv", 8, LT_REG_FLAGS, LTI_REG_FLAGS, 33},
    {"fpcr", 8, LT_REG_CONTROL, LTI_REG_WORDS, LTI_A64_FPCR},
    {"fpsr", 8, LT_REG_CONTROL, LTI_REG_FLOAT, LTI_A64_FPSR},
    {"tpidr_el0", 8, LT_REG_SYSTEM, LTI_REG_WORDS, LTI_A64_TPIDR},
    {"v0", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 0},
    {"v1", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 2},
    {"v2", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 4},
    {"v3", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 6},
    {"v4", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 8},
    {"v5", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 10},
    {"v6", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 12},
    {"v7", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 14},
    {"v8", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 16},
    {"v9", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 18},
    {"v10", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 20},
    {"v11", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 22},
    {"v12", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 24},
    {"v13", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 26},
    {"v14", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 28},
    {"v15", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 30},
    {"v16", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 32},
    {"v17", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 34},
    {"v18", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 36},
    {"v19", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 38},
    {"v20", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 40},
    {"v21", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 42},
    {"v22", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 44},
    {"v23", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 46},
    {"v24", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 48},
    {"v25", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 50},
    {"v26", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 52},
    {"v27", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 54},
    {"v28", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 56},
    {"v29", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 58},
    {"v30", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 60},
    {"v31", 16, LT_REG_VECTOR, LTI_REG_WORDS, LTI_A64_V + 62},
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct lti_arch archs[] = {
    {
        .arch = LT_ARCH_X86_64,
        .elf_machine = EM_X86_64,
        .reg_count = COUNT(x86_64_regs),
        .word_count = LTI_X86_REGS,
        .flags_reg = LT_X86_64_RFLAGS,
        .pc_reg = LT_X86_64_RIP,
        .float_reg = LT_X86_64_MXCSR,
        .name = "x86_64",
        .regs = x86_64_regs,
    },
    {
        .arch = LT_ARCH_AARCH64,
        .elf_machine = EM_AARCH64,
        .reg_count = COUNT(aarch64_regs),
        .word_count = LTI_A64_REGS,
        .flags_reg = LT_AARCH64_NZCV,
        .pc_reg = LT_AARCH64_PC,
        .float_reg = LT_AARCH64_FPSR,
        .name = "aarch64",
        .regs = aarch64_regs,
    },
};
#define ARCH_COUNT COUNT(archs)

const struct lti_arch *lti_arch_info(uint32_t arch)
{
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        if (archs[i].arch == arch) {
            return &archs[i];
        }
    }
    return NULL;
}

const struct lti_arch *lti_arch_of_machine(uint32_t elf_machine)
{
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        if (archs[i].elf_machine == elf_machine) {
            return &archs[i];
        }
    }
    return NULL;
}

const char *lt_arch_name(uint32_t arch)
{
    const struct lti_arch *info = lti_arch_info(arch);
    return info == NULL ? NULL : info->name;
}

int lt_arch_find(const char *name)
{
    if (name == NULL) {
        return LT_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        if (strcmp(archs[i].name, name) == 0) {
            return (int)archs[i].arch;
        }
    }
    return LT_ERR_NOT_FOUND;
}

int lt_reg_count(uint32_t arch)
{
    const struct lti_arch *info = lti_arch_info(arch);
    return info == NULL ? LT_ERR_ARGUMENT : (int)info->reg_count;
}

const char *lt_reg_name(uint32_t arch, uint32_t reg)
{
    const struct lti_arch *info = lti_arch_info(arch);
    return info == NULL || reg >= info->reg_count ? NULL : info->regs[reg].name;
}

int lt_reg_width(uint32_t arch, uint32_t reg)
{
    const struct lti_arch *info = lti_arch_info(arch);
    return info == NULL || reg >= info->reg_count ? LT_ERR_ARGUMENT
                                                  : info->regs[reg].width;
}

int lt_reg_class(uint32_t arch, uint32_t reg)
{
    const struct lti_arch *info = lti_arch_info(arch);
    return info == NULL || reg >= info->reg_count ? LT_ERR_ARGUMENT
                                                  : info->regs[reg].class;
}

int lt_reg_find(uint32_t arch, const char *name)
{
    const struct lti_arch *info = lti_arch_info(arch);
    if (info == NULL || name == NULL) {
        return LT_ERR_ARGUMENT;
    }
    for (uint32_t reg = 0; reg < info->reg_count; reg++) {
        if (strcmp(info->regs[reg].name, name) == 0) {
            return (int)reg;
        }
    }
    return LT_ERR_NOT_FOUND;
}
