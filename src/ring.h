/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the reading end of the ring of chunks in the arena. */
#ifndef LTI_RING_H
#define LTI_RING_H

#include <stdint.h>

#include "stream.h"

struct lti_ring {
    struct lti_control *control;
    const uint8_t *chunks;
    uint32_t consumed;   /* chunks released so far: the truth, unlike the arena's */
    uint32_t given;      /* bytes of the present chunk that were given out */
    uint64_t total;      /* bytes given out in all */
    const char *problem; /* what was wrong after LT_ERR_STREAM */
};

/* What lti_ring_next() found. */
enum lti_ring_state {
    LTI_RING_DATA = 1, /* the next bytes */
    LTI_RING_IDLE = 2, /* nothing has come for a while, or the bell rang */
    LTI_RING_END = 3   /* the engine has ended and nothing is left */
};

void lti_ring_init(struct lti_ring *ring, struct lti_control *control);

/* Waits for bytes and gives them in [*begin, *end): whole records, as far as the
 * engine can be trusted.  They stay until the next call, which takes the bytes
 * given before as read.  An enum lti_ring_state or LT_ERR_STREAM. */
int lti_ring_next(struct lti_ring *ring, const uint8_t **begin, const uint8_t **end);

/* Wakes whoever waits in lti_ring_next(); any thread. */
void lti_ring_wake(struct lti_control *control);

#endif
