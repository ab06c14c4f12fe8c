/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the blocks of a session in the decoder's form, by their numbers, and knows
 * which slabs of the arena are still needed. */
#ifndef LTI_SLABS_H
#define LTI_SLABS_H

#include <stdint.h>
#include <sys/types.h>

#include "block.h"
#include "compile.h"
#include "stream.h"

struct lti_slabs {
    struct lti_block **blocks;     /* LTI_MAX_BLOCKS places, most of which are never
                                      touched: NULL until the block is first run */
    struct lti_compiler *compiler; /* NULL: nothing was compiled yet */
    uint32_t compile_after;        /* runs of a block; LTI_ALWAYS_COLD: never */
    uint8_t *arena;
    uint32_t views;            /* block views made so far */
    pid_t owner;               /* the process that gives slabs back: not a forked copy */
    uint32_t users[LTI_SLABS]; /* guest processes that may run the slab's blocks */
};

/* `arena` is shared with engines, LTI_ARENA_SIZE bytes.  0 or LT_ERR_NO_MEMORY. */
int lti_slabs_create(uint8_t *arena, struct lti_slabs **out);
void lti_slabs_destroy(struct lti_slabs *slabs);

/* A guest process has begun to use slab `number`, which is below LTI_SLABS. */
void lti_slabs_hold(struct lti_slabs *slabs, uint32_t number);

/* One that held it needs it no more.  When that was the last, its blocks are freed
 * and an engine may have it. */
void lti_slabs_release(struct lti_slabs *slabs, uint32_t number);

#endif
