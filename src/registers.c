/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the tables of the guest architectures and of their registers. */
#include "registers.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "lt/lt.h"

/* All registers of the present tables are this wide. */
#define REG_WIDTH 8

static const char *const x86_64_regs[LTI_X86_64_REG_COUNT] = {
    "rax",
    "rcx",
    "rdx",
    "rbx",
    "rsp",
    "rbp",
    "rsi",
    "rdi",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    [LT_X86_64_RIP] = "rip",
    [LT_X86_64_RFLAGS] = "rflags",
    [LT_X86_64_FS_BASE] = "fs_base",
    [LT_X86_64_GS_BASE] = "gs_base",
};

static const char *const aarch64_regs[LTI_AARCH64_REG_COUNT] = {
    "x0",
    "x1",
    "x2",
    "x3",
    "x4",
    "x5",
    "x6",
    "x7",
    "x8",
    "x9",
    "x10",
    "x11",
    "x12",
    "x13",
    "x14",
    "x15",
    "x16",
    "x17",
    "x18",
    "x19",
    "x20",
    "x21",
    "x22",
    "x23",
    "x24",
    "x25",
    "x26",
    "x27",
    "x28",
    "x29",
    "x30",
    [LT_AARCH64_SP] = "sp",
    [LT_AARCH64_PC] = "pc",
    [LT_AARCH64_NZCV] = "nzcv",
};

static const struct lti_arch archs[] = {
    {LT_ARCH_X86_64, EM_X86_64, LTI_X86_64_REG_COUNT, "x86_64", x86_64_regs},
    {LT_ARCH_AARCH64, EM_AARCH64, LTI_AARCH64_REG_COUNT, "aarch64", aarch64_regs},
};
#define ARCH_COUNT (sizeof archs / sizeof *archs)

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
    return info == NULL || reg >= info->reg_count ? NULL : info->reg_names[reg];
}

int lt_reg_width(uint32_t arch, uint32_t reg)
{
    const struct lti_arch *info = lti_arch_info(arch);
    return info == NULL || reg >= info->reg_count ? LT_ERR_ARGUMENT : REG_WIDTH;
}

int lt_reg_find(uint32_t arch, const char *name)
{
    const struct lti_arch *info = lti_arch_info(arch);
    if (info == NULL || name == NULL) {
        return LT_ERR_ARGUMENT;
    }
    for (uint32_t reg = 0; reg < info->reg_count; reg++) {
        if (strcmp(info->reg_names[reg], name) == 0) {
            return (int)reg;
        }
    }
    return LT_ERR_NOT_FOUND;
}
