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

/* How a part of the CPU's state that is in no global gets into the stream. */
typedef enum LtPartKind {
    LT_PART_VECTOR,  /* by 8 bytes, those that were written; always told */
    LT_PART_VALUE,   /* as a whole; always told */
    LT_PART_CHANGES, /* as a whole; told if its register is another one then */
    LT_PART_X87      /* through lt_target.x87() */
} LtPartKind;

/* Such a part: a register, or what one is made of. */
typedef struct LtPart {
    intptr_t offset; /* in CPUArchState */
    uint16_t size;   /* bytes there */
    uint16_t word;   /* where it begins in the stream's register file */
    uint16_t reg;    /* public number */
    uint8_t width;   /* bytes that are told */
    uint8_t kind;    /* LtPartKind */
} LtPart;

/* What an x87 or MMX instruction writes, be it the same as before. */
typedef struct LtX87 {
    uint8_t stack;  /* st(0) to st(7), a bit each, as they are numbered behind it */
    bool unless_c2; /* but nothing if it sets C2 */
    bool control, status, tags;
} LtX87;

/* What a helper makes of cc_dst, cc_src, cc_src2 and cc_op, its arguments. */
typedef enum LtEflags { LT_EFLAGS_NONE, LT_EFLAGS_ALL, LT_EFLAGS_CARRY } LtEflags;

/* What a helper does besides returning a value. */
typedef struct LtEffect {
    bool known;       /* what follows is all that it does */
    bool memory;      /* it may access guest memory or raise an exception */
    bool flags;       /* it writes the flags register */
    uint64_t regs;    /* stream registers that it always writes, a bit each */
    uint8_t pointers; /* it writes where these of its pointers into the CPU's state
                         point to, a bit each, */
    uint16_t bytes;   /* this many bytes; 0: its last argument is a gvec
                         descriptor that says how many */
    uint16_t parts;   /* it writes these of lt_target.parts, a bit each, if it is
                         given the CPU's state as a whole */
    uint32_t vectors; /* vector registers, a bit each */
    uint8_t eflags;   /* LtEflags */
    bool details;     /* lt_target.refine() says more although it is known */
    bool fault_mask;  /* it may clear bits of the first-fault register */
    bool perhaps;     /* of these and the parts, those that are told are those
                         that are not what they were */
} LtEffect;

typedef struct LtTarget {
    const char *cpu;  /* QEMU's -cpu */
    const char *name; /* as on the command line */
    uint32_t arch;    /* LT_ARCH_* */
    const LtGlobal *globals;
    unsigned global_count;
    unsigned cc_op;      /* register that is static, or ~0u */
    unsigned flags_reg;  /* number of the flags register */
    unsigned cc_dynamic; /* insn_start word: cc_op is not static */
    intptr_t df_offset;  /* i32 flag outside the globals, or -1 */
    unsigned df_reg;
    intptr_t repeat_offset; /* u64 that changes with each iteration of an
                               instruction that repeats, or -1 */
    /* The vector registers: `count` of them, `stride` bytes from each other in
     * CPUArchState.  `vector` is the first; where more than its first 16 bytes are
     * written, `wide_reg` and its followers are told instead. */
    LtPart vector;
    unsigned vector_count, vector_stride;
    uint16_t wide_reg;
    uint8_t wide_width;
    /* Where vectors are scalable, vector.size is the room for one.  Predicate
     * registers, each of an eighth of a vector; the last is the first-fault
     * register. */
    LtPart predicate;
    unsigned predicate_count, predicate_stride;
    /* The bytes of a vector in code translated so; NULL: vectors are not scalable. */
    unsigned (*vector_bytes)(const struct TranslationBlock *tb);
    const LtPart *parts; /* all others, 16 at most */
    unsigned part_count;
    /* Gives the words of the x87 registers, from LTI_X86_FCW on. */
    void (*x87)(CPUArchState *env, uint64_t *words);
    /* What of them an instruction writes; of all others the changes are told. */
    LtX87 (*x87_writes)(const uint8_t *code, unsigned size);
    bool failed_exchange_writes; /* see lt_skip_exchange() */
    /* Fills `values` from env, as LTI_S_REGS has them; `inside`: within cpu_exec().
     * Returns how many. */
    unsigned (*collect)(CPUArchState *env, uint64_t *values, bool inside);
    /* Whether an instruction leaves the flags as they are although QEMU
     * stores them in another form. */
    bool (*keeps_flags)(const uint8_t *code, unsigned size);
    /* The part (its index plus 1) that an instruction writes through a helper which
     * does not say so, or 0. */
    unsigned (*writes_part)(const uint8_t *code, unsigned size);
    /* Whether an instruction may reenter itself before it is done. */
    bool (*repeats)(const uint8_t *code, unsigned size);
    /* `returns`: the helper has a result. */
    LtEffect (*effect)(const char *helper, bool returns);
    /* Says more about one call, whose constant arguments are `args`. */
    void (*refine)(LtEffect *effect, const char *helper, const uint64_t *args,
                   unsigned count);
    /* Whether a call that never returns means that its instruction counts as
     * executed (a system call) rather than as a fault. */
    bool (*completes)(const char *helper, const uint64_t *args, unsigned count);
    /* Whether a helper's access at that address is none that the program makes. */
    bool (*is_systems)(CPUArchState *env, uint64_t addr);
    /* Why not everything that this CPU does can be traced, or NULL. */
    const char *(*untraced)(CPUState *cpu);
    /* The process's first CPU is made: what depends on its features; NULL: nothing. */
    void (*choose)(CPUState *cpu);
    /* How QEMU's cc_op numbers map to enum lti_cc; NULL: it has none. */
    void (*cc_map)(uint8_t *map, unsigned size);
    uint64_t (*pc)(const CPUArchState *env);
    /* Called when a system call begins: does what the hardware does to
     * registers and QEMU does not, and returns the address of the system call
     * instruction. */
    uint64_t (*enter_syscall)(CPUArchState *env);
    /* Outside cpu_exec(): sets a register by its public number to `size` bytes, which
     * is its width; false if it cannot be set. */
    bool (*set_reg)(CPUArchState *env, uint32_t reg, const void *data, uint32_t size);
    /* What the system call that has just returned gives; `restarts`: it was to be made
     * again. */
    void (*set_result)(CPUArchState *env, int64_t result, bool restarts);
    /* The number and the arguments of the system call in hand. */
    int (*syscall_args)(const CPUArchState *env, int64_t *args);
} LtTarget;

extern LtTarget lt_target;

#endif
