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
                   LTI_A64_REG_V0 == LT_AARCH64_V0 && LTI_A64_REG_Z0 == LT_AARCH64_Z0 &&
                   LTI_A64_REG_P0 == LT_AARCH64_P0 &&
                   LTI_A64_REG_P0 + 16 == LT_AARCH64_FFR,
               "the stream's numbers");
_Static_assert(LTI_X86_REGS <= LTI_MAX_REGS && LTI_A64_REGS <= LTI_MAX_REGS &&
                   LTI_SVE_REGS <= LTI_MAX_REGS,
               "fits");

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

#define GENERAL \
    {"x0", 8, LT_REG_GENERAL, LTI_REG_WORDS, 0}, \
    {"x1", 8, LT_REG_GENERAL, LTI_REG_WORDS, 1}, \
    {"x2", 8, LT_REG_GENERAL, LTI_REG_WORDS, 2}, \
    {"x3", 8, LT_REG_GENERAL, LTI_REG_WORDS, 3}, \
    {"x4", 8, LT_REG_GENERAL, LTI_REG_WORDS, 4}, \
    {"x5", 8, LT_REG_GENERAL, LTI_REG_WORDS, 5}, \
    {"x6", 8, LT_REG_GENERAL, LTI_REG_WORDS, 6}, \
    {"x7", 8, LT_REG_GENERAL, LTI_REG_WORDS, 7}, \
    {"x8", 8, LT_REG_GENERAL, LTI_REG_WORDS, 8}, \
    {"x9", 8, LT_REG_GENERAL, LTI_REG_WORDS, 9}, \
    {"x10", 8, LT_REG_GENERAL, LTI_REG_WORDS, 10}, \
    {"x11", 8, LT_REG_GENERAL, LTI_REG_WORDS, 11}, \
    {"x12", 8, LT_REG_GENERAL, LTI_REG_WORDS, 12}, \
    {"x13", 8, LT_REG_GENERAL, LTI_REG_WORDS, 13}, \
    {"x14", 8, LT_REG_GENERAL, LTI_REG_WORDS, 14}, \
    {"x15", 8, LT_REG_GENERAL, LTI_REG_WORDS, 15}, \
    {"x16", 8, LT_REG_GENERAL, LTI_REG_WORDS, 16}, \
    {"x17", 8, LT_REG_GENERAL, LTI_REG_WORDS, 17}, \
    {"x18", 8, LT_REG_GENERAL, LTI_REG_WORDS, 18}, \
    {"x19", 8, LT_REG_GENERAL, LTI_REG_WORDS, 19}, \
    {"x20", 8, LT_REG_GENERAL, LTI_REG_WORDS, 20}, \
    {"x21", 8, LT_REG_GENERAL, LTI_REG_WORDS, 21}, \
    {"x22", 8, LT_REG_GENERAL, LTI_REG_WORDS, 22}, \
    {"x23", 8, LT_REG_GENERAL, LTI_REG_WORDS, 23}, \
    {"x24", 8, LT_REG_GENERAL, LTI_REG_WORDS, 24}, \
    {"x25", 8, LT_REG_GENERAL, LTI_REG_WORDS, 25}, \
    {"x26", 8, LT_REG_GENERAL, LTI_REG_WORDS, 26}, \
    {"x27", 8, LT_REG_GENERAL, LTI_REG_WORDS, 27}, \
    {"x28", 8, LT_REG_GENERAL, LTI_REG_WORDS, 28}, \
    {"x29", 8, LT_REG_GENERAL, LTI_REG_WORDS, 29}, \
    {"x30", 8, LT_REG_GENERAL, LTI_REG_WORDS, 30}, \
    {"sp", 8, LT_REG_GENERAL, LTI_REG_WORDS, 31}, \
    {"pc", 8, LT_REG_PC, LTI_REG_PC, 32}, \
    {"nzcv", 8, LT_REG_FLAGS, LTI_REG_FLAGS, 33}, \
    {"fpcr", 8, LT_REG_CONTROL, LTI_REG_WORDS, LTI_A64_FPCR}, \
    {"fpsr", 8, LT_REG_CONTROL, LTI_REG_FLOAT, LTI_A64_FPSR}, \
    {"tpidr_el0", 8, LT_REG_SYSTEM, LTI_REG_WORDS, LTI_A64_TPIDR}

#define VECTORS(word, words) \
    {"v0", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 0 * (words)}, \
    {"v1", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 1 * (words)}, \
    {"v2", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 2 * (words)}, \
    {"v3", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 3 * (words)}, \
    {"v4", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 4 * (words)}, \
    {"v5", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 5 * (words)}, \
    {"v6", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 6 * (words)}, \
    {"v7", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 7 * (words)}, \
    {"v8", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 8 * (words)}, \
    {"v9", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 9 * (words)}, \
    {"v10", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 10 * (words)}, \
    {"v11", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 11 * (words)}, \
    {"v12", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 12 * (words)}, \
    {"v13", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 13 * (words)}, \
    {"v14", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 14 * (words)}, \
    {"v15", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 15 * (words)}, \
    {"v16", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 16 * (words)}, \
    {"v17", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 17 * (words)}, \
    {"v18", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 18 * (words)}, \
    {"v19", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 19 * (words)}, \
    {"v20", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 20 * (words)}, \
    {"v21", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 21 * (words)}, \
    {"v22", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 22 * (words)}, \
    {"v23", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 23 * (words)}, \
    {"v24", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 24 * (words)}, \
    {"v25", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 25 * (words)}, \
    {"v26", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 26 * (words)}, \
    {"v27", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 27 * (words)}, \
    {"v28", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 28 * (words)}, \
    {"v29", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 29 * (words)}, \
    {"v30", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 30 * (words)}, \
    {"v31", 16, LT_REG_VECTOR, LTI_REG_WORDS, (word) + 31 * (words)}

#define SCALABLE(z, p) \
    {"z0", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 0 * 32}, \
    {"z1", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 1 * 32}, \
    {"z2", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 2 * 32}, \
    {"z3", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 3 * 32}, \
    {"z4", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 4 * 32}, \
    {"z5", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 5 * 32}, \
    {"z6", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 6 * 32}, \
    {"z7", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 7 * 32}, \
    {"z8", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 8 * 32}, \
    {"z9", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 9 * 32}, \
    {"z10", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 10 * 32}, \
    {"z11", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 11 * 32}, \
    {"z12", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 12 * 32}, \
    {"z13", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 13 * 32}, \
    {"z14", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 14 * 32}, \
    {"z15", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 15 * 32}, \
    {"z16", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 16 * 32}, \
    {"z17", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 17 * 32}, \
    {"z18", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 18 * 32}, \
    {"z19", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 19 * 32}, \
    {"z20", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 20 * 32}, \
    {"z21", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 21 * 32}, \
    {"z22", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 22 * 32}, \
    {"z23", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 23 * 32}, \
    {"z24", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 24 * 32}, \
    {"z25", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 25 * 32}, \
    {"z26", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 26 * 32}, \
    {"z27", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 27 * 32}, \
    {"z28", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 28 * 32}, \
    {"z29", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 29 * 32}, \
    {"z30", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 30 * 32}, \
    {"z31", LTI_SVE_MAX_VL, LT_REG_VECTOR, LTI_REG_WORDS, (z) + 31 * 32}, \
    {"p0", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 0 * 4}, \
    {"p1", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 1 * 4}, \
    {"p2", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 2 * 4}, \
    {"p3", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 3 * 4}, \
    {"p4", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 4 * 4}, \
    {"p5", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 5 * 4}, \
    {"p6", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 6 * 4}, \
    {"p7", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 7 * 4}, \
    {"p8", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 8 * 4}, \
    {"p9", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 9 * 4}, \
    {"p10", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 10 * 4}, \
    {"p11", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 11 * 4}, \
    {"p12", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 12 * 4}, \
    {"p13", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 13 * 4}, \
    {"p14", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 14 * 4}, \
    {"p15", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 15 * 4}, \
    {"ffr", LTI_SVE_MAX_VL / 8, LT_REG_PREDICATE, LTI_REG_WORDS, (p) + 16 * 4}

/* Of a CPU without scalable vectors: it does not have the last ones. */
static const struct lti_reg aarch64_regs[] = {
    GENERAL,
    VECTORS(LTI_A64_V, 2),
    SCALABLE(0, 0),
};

/* The same of a CPU with scalable vectors, where v0 to v31 are parts of z0 to z31. */
static const struct lti_reg scalable_regs[] = {
    GENERAL,
    VECTORS(LTI_SVE_Z, 32),
    SCALABLE(LTI_SVE_Z, LTI_SVE_P),
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct lti_arch archs[] = {
    {
        .arch = LT_ARCH_X86_64,
        .elf_machine = EM_X86_64,
        .reg_count = COUNT(x86_64_regs),
        .held_count = COUNT(x86_64_regs),
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
        .held_count = LT_AARCH64_Z0,
        .word_count = LTI_A64_REGS,
        .flags_reg = LT_AARCH64_NZCV,
        .pc_reg = LT_AARCH64_PC,
        .float_reg = LT_AARCH64_FPSR,
        .name = "aarch64",
        .regs = aarch64_regs,
    },
};
#define ARCH_COUNT COUNT(archs)

static const struct lti_arch scalable_arch = {
    .arch = LT_ARCH_AARCH64,
    .elf_machine = EM_AARCH64,
    .reg_count = COUNT(scalable_regs),
    .held_count = COUNT(scalable_regs),
    .word_count = LTI_SVE_REGS,
    .flags_reg = LT_AARCH64_NZCV,
    .pc_reg = LT_AARCH64_PC,
    .float_reg = LT_AARCH64_FPSR,
    .scalable = true,
    .name = "aarch64",
    .regs = scalable_regs,
};

const struct lti_arch *lti_arch_scalable(void)
{
    return &scalable_arch;
}

uint32_t lti_reg_width(const struct lti_arch *arch, uint32_t reg, const uint64_t *words)
{
    uint32_t width = arch->regs[reg].width, vl;

    if (!arch->scalable || reg < LT_AARCH64_Z0) {
        return width;
    }
    vl =
        words[LTI_SVE_VL] < LTI_SVE_MAX_VL ? (uint32_t)words[LTI_SVE_VL] : LTI_SVE_MAX_VL;
    return reg < LT_AARCH64_P0 ? vl : vl / 8;
}

bool lti_take_registers(const struct lti_arch *arch, const uint8_t *data, uint32_t size,
                        uint64_t *words)
{
    uint64_t vl;
    uint32_t z, p;

    if (!arch->scalable) {
        if (size != 8 * arch->word_count) {
            return false;
        }
        memcpy(words, data, size);
        return true;
    }
    if (size < 8 * LTI_SVE_Z) {
        return false;
    }
    memcpy(&vl, data + 8 * LTI_SVE_VL, 8);
    if (vl == 0 || vl % 16 || vl > LTI_SVE_MAX_VL) {
        return false;
    }
    z = 8 * lti_sve_words((uint32_t)vl, false);
    p = 8 * lti_sve_words((uint32_t)vl, true);
    if (size != 8 * LTI_SVE_Z + 32 * z + 17 * p) {
        return false;
    }
    memset(words, 0, 8 * LTI_SVE_REGS);
    memcpy(words, data, 8 * LTI_SVE_Z);
    data += 8 * LTI_SVE_Z;
    for (unsigned i = 0; i < 32; i++, data += z) {
        memcpy(words + LTI_SVE_Z + 32 * i, data, z);
    }
    for (unsigned i = 0; i < 17; i++, data += p) {
        memcpy(words + LTI_SVE_P + 4 * i, data, p);
    }
    return true;
}

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
