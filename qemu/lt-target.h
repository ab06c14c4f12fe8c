/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest architecture tells the engine: one table of operations, given
 * by lt-x86_64.c or lt-aarch64.c. */
#ifndef LT_TARGET_H
#define LT_TARGET_H

#include "lt-engine.h"

/* A register of the stream that QEMU keeps in a TCG global. */
typedef struct LtGlobal {
    intptr_t offset; /* in CPUArchState */
    uint8_t reg;     /* number in the stream */
    uint8_t bytes;   /* 4 or 8 */
    bool flag;       /* part of the flags register: hidden */
} LtGlobal;

/* What a helper does besides returning a value. */
typedef struct LtEffect {
    bool known;    /* `regs`, `flags` and `memory` are all that it does */
    bool memory;   /* it may access guest memory or raise an exception */
    bool flags;    /* it writes the flags register */
    uint64_t regs; /* stream registers that it always writes, a bit each */
} LtEffect;

typedef struct LtTarget {
    const char *cpu;    /* QEMU's -cpu, or NULL for its default */
    const char *name;   /* as on the command line */
    uint32_t arch;      /* LT_ARCH_* */
    unsigned reg_count; /* of the stream's register file */
    const LtGlobal *globals;
    unsigned global_count;
    unsigned cc_op;      /* register that is static, or ~0u */
    unsigned flags_reg;  /* number of the flags register */
    unsigned cc_dynamic; /* insn_start word: cc_op is not static */
    intptr_t df_offset;  /* i32 flag outside the globals, or -1 */
    unsigned df_reg;
    intptr_t repeat_offset; /* u64 that changes with each iteration of an
                               instruction that repeats, or -1 */
    /* Fills `values` from env; `inside`: within cpu_exec(). */
    void (*collect)(CPUArchState *env, uint64_t *values, bool inside);
    /* Whether an instruction leaves the flags as they are although QEMU
     * stores them in another form. */
    bool (*keeps_flags)(const uint8_t *code, unsigned size);
    /* Whether an instruction may reenter itself before it is done. */
    bool (*repeats)(const uint8_t *code, unsigned size);
    LtEffect (*effect)(const char *helper);
    /* Whether a call that never returns means that its instruction counts as
     * executed (a system call) rather than as a fault. */
    bool (*completes)(const char *helper, const uint64_t *args, unsigned count);
    /* How QEMU's cc_op numbers map to enum lti_cc. */
    void (*cc_map)(uint8_t *map, unsigned size);
    uint64_t (*pc)(const CPUArchState *env);
    /* Called when a system call begins: does what the hardware does to
     * registers and QEMU does not, and returns the address of the system call
     * instruction. */
    uint64_t (*enter_syscall)(CPUArchState *env);
} LtTarget;

extern const LtTarget lt_target;

#endif
