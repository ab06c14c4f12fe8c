/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the guest's registers as the stream tells them, and turns records into
 * events: for callbacks (lti_decoder_run) or one by one (lti_decoder_step). */
#ifndef LTI_DECODE_H
#define LTI_DECODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "callbacks.h"
#include "lt/lt.h"
#include "lt/unstable.h"
#include "modules.h"

struct lti_decoder;

struct lti_decoder_config {
    uint32_t arch;        /* LT_ARCH_* */
    uint32_t record;      /* LTI_RECORD_*, as given to the engine */
    const uint8_t *arena; /* LTI_ARENA_SIZE bytes, shared with the engine */
    lt_session *session;  /* handed to callbacks */
    const struct lti_callbacks *callbacks; /* outlive the decoder, unchanged */
    struct lti_modules *modules;           /* updated by the decoder */
    const atomic_bool *stop; /* once true, lti_decoder_run() returns early */
};

/* 0 or LT_ERR_NO_MEMORY. */
int lti_decoder_create(const struct lti_decoder_config *config, struct lti_decoder **out);
void lti_decoder_destroy(struct lti_decoder *decoder);

/* Gives the decoder the next bytes of the stream, whole records.  Only when it
 * has used up those before.  They must stay there until it has again. */
void lti_decoder_feed(struct lti_decoder *decoder, const uint8_t *begin,
                      const uint8_t *end);

/* Decodes all that was fed and calls the callbacks.  0, LT_STOP, a callback's
 * negative number, LT_ERR_STREAM or LT_ERR_NO_MEMORY. */
int lti_decoder_run(struct lti_decoder *decoder);

/* Decodes up to the next event that the pull form wants and gives it.  1; 0
 * when all that was fed is used up; else as lti_decoder_run(). */
int lti_decoder_step(struct lti_decoder *decoder, const struct lt_event **out);

/* Tells of the guest's end where the stream did not (an exec made the process
 * one that is not traced, or it was killed from outside).  Nothing if it did.
 * As lti_decoder_run(); in the pull form lti_decoder_step() gives the event. */
int lti_decoder_finish(struct lti_decoder *decoder, int32_t status, int32_t signal);

/* As lt_reg_read_bytes(). */
int lti_decoder_reg(const struct lti_decoder *decoder, uint32_t reg, void *data,
                    uint32_t size);

/* The number of events delivered, and the figures that the decoder knows. */
uint64_t lti_decoder_events(const struct lti_decoder *decoder);
void lti_decoder_stats(const struct lti_decoder *decoder, struct lt_stats *stats);

/* The end of the guest as the stream told it: true once it did. */
bool lti_decoder_ended(const struct lti_decoder *decoder, int32_t *status,
                       int32_t *signal);

/* What was wrong after LT_ERR_STREAM; a static sentence. */
const char *lti_decoder_problem(const struct lti_decoder *decoder);

#endif
