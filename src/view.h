/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the block view of a block (lt/block.h): what is described once, and the steps
 * that make the values of a run. */
#ifndef LTI_VIEW_H
#define LTI_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "lt/block.h"

struct lti_decoder;

/* What comes before an instruction of the block. */
struct lti_view_place {
    uint32_t step; /* of lti_view.steps */
    uint32_t lazy; /* and of the lazy ones */
    uint32_t insns;
    uint32_t rows;
};

/* The words that a computed register is made of, in values. */
#define LTI_VIEW_PARTS 6u

/*
 * Values are numbered once a block, so that all of them are there when the callback is
 * called.  The steps change no register before that: where a value is a register's as it
 * was before the block, it is looked at in the register file.  Behind the callback,
 * steps write the registers; or if single events are wanted too, the block's usual ones
 * do all over.
 */
struct lti_view {
    struct lt_block block;
    struct lti_block *of;
    uint64_t wanted;               /* by which callbacks */
    const struct lti_insn *first;  /* of block.insns */
    const struct lti_insn *last;   /* of the whole block */
    struct lti_view_place *places; /* of each of the whole block's, and behind them */
    struct lti_step *steps;
    uint32_t step_count;
    struct lti_step *lazy; /* what only flags need; ends with LTI_STEP_VIEW_DONE */
    uint16_t (*parts)[LTI_VIEW_PARTS];
    uint16_t *seen; /* values that a callback, or the lazy steps, may look at */
    uint32_t seen_count;
    struct lt_block_run run; /* for compiled code: of a whole run that does not resume */
    uint32_t *maybe;         /* rows that may not happen */
    uint32_t maybe_count;
    uint32_t repeats; /* instructions that repeat, but for the first of the whole block */
    bool mixed;       /* somebody wants single events of it */
};

/* Makes the view of a block that has its other parts, if a callback wants one.  `ops`
 * were checked.  0, LT_ERR_NO_MEMORY, or LT_ERR_STREAM if there are too many values. */
int lti_view_create(const struct lti_block_source *source, const struct lti_desc *desc,
                    const struct lti_desc_insn *insns, const struct lti_op *ops,
                    struct lti_block *block);
void lti_view_destroy(struct lti_view *view);

/* The steps for the first `count` instructions only, of which the last has made `stores`
 * of its stores if that is not 0; the usual ones of the block follow.  They are the
 * decoder's, until the next time.  NULL if there is no memory. */
const struct lti_step *lti_view_part(struct lti_decoder *decoder,
                                     const struct lti_view *view, uint32_t count,
                                     uint32_t stores);

/* Calls the callbacks of a run whose values are there.  `insns` and `rows` as in
 * struct lt_block_run; `base` is the number of the last event before.  Gives how many
 * events they were told of. */
int lti_view_tell(struct lti_decoder *decoder, const struct lti_view *view,
                  uint32_t insns, uint32_t rows, uint64_t base, const uint8_t *record,
                  uint32_t *told);

/* A whole block has been run: its last instruction is in hand. */
void lti_view_end(struct lti_decoder *decoder, const struct lti_view *view);

/* The value of the register that shows what floating-point operations raised. */
uint64_t lti_view_float(bool x86, const uint64_t *values, const uint16_t *parts);

/* As lt_block_value(). */
int lti_view_value(struct lti_decoder *decoder, const struct lt_block_run *run,
                   uint32_t row, uint64_t *value);

#endif
