/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the streams of a session, one a guest process (or parallel thread), with a
 * decoder each, and decides which one's turn it is. */
#ifndef LTI_STREAMS_H
#define LTI_STREAMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "callbacks.h"
#include "decode.h"
#include "stream.h"

struct lti_streams;

struct lti_streams_config {
    uint8_t *arena; /* LTI_ARENA_SIZE bytes, shared with the engines */
    lt_session *session;
    const struct lti_callbacks *callbacks;
    struct lti_sync *sync; /* or NULL */
    const atomic_bool *stop;
    uint64_t insns; /* how many instructions may be told */
    bool interpret; /* no block is compiled */
    bool compile;   /* every block is, when it is first run */
};

/* 0 or LT_ERR_NO_MEMORY. */
int lti_streams_create(const struct lti_streams_config *config, struct lti_streams **out);
void lti_streams_destroy(struct lti_streams *streams);

/* What lti_streams_next() found. */
enum lti_streams_state {
    LTI_STREAMS_READY = 1, /* a decoder has something to decode */
    LTI_STREAMS_IDLE = 2,  /* nothing has come for a while, or the bell rang */
    LTI_STREAMS_END = 3    /* all that is traced has ended and was decoded */
};

/* Waits until a decoder has something to do, and makes it the present one.  An enum
 * lti_streams_state, or LT_ERR_STREAM or LT_ERR_NO_MEMORY. */
int lti_streams_next(struct lti_streams *streams);

/* The same without waiting. */
int lti_streams_poll(struct lti_streams *streams);

/* The present decoder: whose events come, or came last.  NULL: there was none. */
struct lti_decoder *lti_streams_decoder(const struct lti_streams *streams);

/* How the session's first process ended, if its stream has told that. */
bool lti_streams_ended(const struct lti_streams *streams, int32_t *status,
                       int32_t *signal);

/* The end of the first process where its stream did not tell it.  True if the present
 * decoder has now an event to deliver. */
bool lti_streams_finish(struct lti_streams *streams, int32_t status, int32_t signal);

/* What was wrong after LT_ERR_STREAM; a static sentence. */
const char *lti_streams_problem(const struct lti_streams *streams);

/* Adds up the figures of all decoders. */
void lti_streams_stats(const struct lti_streams *streams, struct lt_stats *stats);

/* The number of the last event. */
uint64_t lti_streams_events(const struct lti_streams *streams);

/* Whether the process of a live stream is no more; any thread. */
bool lti_stream_is_dead(const struct lti_control *control,
                        const struct lti_stream *stream);

/* Wakes whoever waits in lti_streams_next(); any thread. */
void lti_streams_wake(struct lti_control *control);

#endif
