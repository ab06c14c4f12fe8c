/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block view: one callback for each run of a block of guest code in place of
 * one for each event in it.  For hosts that want everything, fast.
 *
 * A block is a piece of code that the engine has translated in one go: instructions
 * that are executed one behind the other, up to a branch or before.  What is the
 * same in each of its runs is described once, by struct lt_block: the instructions,
 * and of each a row for every register that it writes and every memory access that it
 * makes.  A run, struct lt_block_run, has only values.  Expanding it gives the same
 * events in the same order as lt_on_insn() and its siblings:
 *
 *     for (i = 0; i < run->insns; i++) {
 *         insn = &run->block->insns[i];
 *         if (i > 0 || !(run->flags & LT_RUN_RESUMES))
 *             ... instruction insn->pc ...
 *         for (r = insn->first_row; r < insn->first_row + insn->row_count; r++) {
 *             row = &run->block->rows[r];
 *             if (r < run->rows && (!row->when || run->values[row->when]))
 *                 ... row->kind, (const uint8_t *)&run->values[row->value] ...
 *         }
 *     }
 *
 * What else happens comes as the single events that it always is: system calls, signals
 * and the like, the kernel's writes; and registers and memory that an instruction
 * reaches by way of a helper function of the engine's (atomic operations, xsave,
 * divisions that may fault, and other ones that are rare).  These come between two runs,
 * of which the second one then resumes the instruction.  A callback with
 * LT_FILTER_NOT_IN_BLOCKS gets just them: with such ones for the kinds that are in the
 * view, each event comes once.
 */
#ifndef LT_BLOCK_H
#define LT_BLOCK_H

#include "lt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An instruction of a block. */
struct lt_block_insn {
    uint64_t pc;
    const uint8_t *bytes; /* `length` bytes */
    uint32_t length;
    uint32_t first_row; /* its rows: in lt_block.rows */
    uint32_t row_count;
    uint32_t reserved;
};

/* Something that an instruction does each time, or may do. */
struct lt_block_row {
    uint32_t insn;  /* whose it is: in lt_block.insns */
    uint32_t kind;  /* LT_EVENT_REG_WRITE, LT_EVENT_MEM_WRITE or LT_EVENT_MEM_READ */
    uint32_t reg;   /* of a register write: its number */
    uint32_t size;  /* bytes written or read */
    uint32_t value; /* where in lt_block_run.values they are: they begin with that number,
                       and what is behind them there means nothing */
    uint32_t addr;  /* of an access: where in values its address is */
    uint32_t when;  /* 0: always; else where in values there is a number that is 0 when it
                       did not happen */
    uint32_t flags; /* LT_ROW_* */
};

/* A bit of lt_block_row.flags: it is the flags register, whose value is nowhere but is
 * computed by lt_block_value(). */
#define LT_ROW_COMPUTED UINT32_C(1)

/* What all runs of a block have in common. */
struct lt_block {
    uint32_t size;   /* bytes of this struct */
    uint32_t number; /* 0 for the first block of the session, and so on: never used again
                        for another one, as the struct's memory may be */
    uint64_t pc;     /* of its first instruction */
    const struct lt_block_insn *insns;
    const struct lt_block_row *rows;
    uint32_t insn_count;
    uint32_t row_count;
    uint32_t value_count; /* all places in values are less than that */
    uint32_t reserved;
};

/* A bit of lt_block_run.flags: the run before has begun the first instruction, which is
 * not to be counted again.  It repeats (a rep prefix), or went through a helper. */
#define LT_RUN_RESUMES UINT32_C(1)

/*
 * A run of a block.  `seq` is the number of its first event, and those of the others
 * follow; what did not happen has none.  A block that is left by a fault, or modifies
 * itself, has fewer instructions and rows than usual.
 */
struct lt_block_run {
    uint32_t type; /* LT_EVENT_BLOCK */
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    const struct lt_block *block; /* until the callback returns; what its `number` means
                                     stays the same */
    const uint64_t *values;       /* until then, too */
    uint32_t insns;               /* executed: the first ones of the block */
    uint32_t rows;                /* that may have happened: the first ones */
    uint32_t flags;               /* LT_RUN_* */
    uint32_t reserved;
};

/* As other callbacks (lt.h). */
typedef int (*lt_block_fn)(lt_session *session, const struct lt_block_run *run,
                           void *user);

/*
 * Adds a callback for runs of blocks.  `kinds` says which rows it needs: a set of LT_KIND
 * bits of LT_EVENT_REG_WRITE, LT_EVENT_MEM_WRITE and LT_EVENT_MEM_READ; instructions are
 * always there.  Of `filter`, ranges of memory are ignored.  With several
 * callbacks a block has the instructions and rows that any of them wants, and each
 * callback gets the blocks that have an instruction of its own.
 *
 * A run comes before the single events of the same block, for callbacks that want
 * those, which have the same numbers.  In the callback lt_reg_read() and lt_mem_read()
 * give what there was before the block's first instruction, even if that is one which the
 * filter leaves out.  lt_session_next() calls it too, but does not give runs.
 *
 * Before the run.  LT_ERR_ARGUMENT, LT_ERR_STATE, LT_ERR_LIMIT, LT_ERR_NO_MEMORY,
 * LT_ERR_UNSUPPORTED (LT_FILTER_SYNC).
 */
int lt_on_block(lt_session *session, uint32_t kinds, const struct lt_filter *filter,
                lt_block_fn fn, void *user);

/*
 * The value of a row of the run in hand: its low 8 bytes, whatever kind of row it is.
 * Only in the callback.  LT_ERR_ARGUMENT (no such row, or it did not happen),
 * LT_ERR_STATE (not the run in hand).
 */
int lt_block_value(lt_session *session, const struct lt_block_run *run, uint32_t row,
                   uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif
