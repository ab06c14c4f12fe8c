/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the reading end of a stream's ring of chunks in the arena. */
#ifndef LTI_RING_H
#define LTI_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "stream.h"

struct lti_ring {
    struct lti_stream *stream;
    const uint8_t *chunks;
    uint32_t consumed;   /* chunks released so far: the truth, unlike the arena's */
    uint32_t given;      /* bytes of the present chunk that were given out */
    uint64_t total;      /* bytes given out in all */
    const char *problem; /* what was wrong after LT_ERR_STREAM */
};

/* What lti_ring_next() found. */
enum lti_ring_state {
    LTI_RING_DATA = 1, /* the next bytes */
    LTI_RING_IDLE = 2, /* nothing has come */
    LTI_RING_END = 3   /* nothing is left and nothing will come */
};

/* The ring of stream `number`, which is below LTI_MAX_STREAMS. */
void lti_ring_init(struct lti_ring *ring, struct lti_control *control, uint32_t number);

/* Gives what was committed behind what was given, in [*begin, *end): whole records,
 * as far as the engine can be trusted.  They stay until the next call, which takes
 * the bytes given before as read.  `ended`: the engine is known to be no more.  An
 * enum lti_ring_state or LT_ERR_STREAM. */
int lti_ring_next(struct lti_ring *ring, bool ended, const uint8_t **begin,
                  const uint8_t **end);

/* Whether lti_ring_next() would find something. */
bool lti_ring_has_news(const struct lti_ring *ring);

/* Leaves the ring as it was before it was first used, its memory given back. */
void lti_ring_reset(struct lti_ring *ring);

#endif
