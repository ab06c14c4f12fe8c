/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that a system call points to, as the stream has it. */
#ifndef LTI_CAPTURES_H
#define LTI_CAPTURES_H

#include <stddef.h>
#include <stdint.h>

#include "lt/event.h"

/* More than the engine makes. */
#define LTI_MAX_PIECES 1024u

/* Of the call in hand, from its entry on.  All zero is empty. */
struct lti_captures {
    struct lt_syscall_data *pieces;
    uint8_t *bytes;
    uint32_t count, piece_room;
    size_t used, byte_room;
};

void lti_captures_free(struct lti_captures *captures);

/* Forgets the pieces of the call before. */
void lti_captures_clear(struct lti_captures *captures);

/* Takes the pieces of a record, and gives them and strings to the call, whose
 * arguments are known.  0, LT_ERR_STREAM or LT_ERR_NO_MEMORY. */
int lti_captures_take(struct lti_captures *captures, struct lt_syscall *call,
                      uint32_t phase, const uint8_t *record, uint32_t size);

#endif
