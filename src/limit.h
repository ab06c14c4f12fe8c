/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the library's part in limits: what engines and supervisor are told of them, and
 * what is said of one that was reached.  Instructions are counted by the decoder, time
 * by the supervisor, all else by engines (qemu/lt-limits.c). */
#ifndef LTI_LIMIT_H
#define LTI_LIMIT_H

#include "error.h"
#include "lt/lt.h"
#include "stream.h"

/* 0, or LT_ERR_ARGUMENT for a ring_size that cannot be. */
int lti_limit_check(const struct lt_config *config);

/* What a run with that configuration needs in the arena's control page. */
void lti_limit_fill(const struct lt_config *config, struct lti_control *control);

/* How many instructions may be told, with room above for sums. */
uint64_t lti_limit_insns(const struct lt_config *config);

/* Which limit has ended the run from outside of the streams; 0: none. */
uint32_t lti_limit_reached(const struct lti_control *control);

/* The process of a stream is no more: nothing of it counts any longer. */
void lti_limit_give_back(struct lti_control *control, struct lti_stream *stream);

/* Says which limit it was. */
void lti_limit_say(const struct lt_config *config, uint32_t limit,
                   struct lti_message *message);

#endif
