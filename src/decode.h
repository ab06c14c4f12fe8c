/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the guest's registers as a stream tells them, and turns records into events:
 * for callbacks (lti_decoder_run) or one by one (lti_decoder_step).  Each stream of
 * a session has a decoder. */
#ifndef LTI_DECODE_H
#define LTI_DECODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "callbacks.h"
#include "lt/lt.h"
#include "lt/unstable.h"
#include "guest.h"
#include "slabs.h"

struct lti_decoder;
struct lti_sync;

struct lti_decoder_config {
    uint32_t record;      /* LTI_RECORD_*, as given to the engine */
    bool parallel;        /* a process may have several streams */
    const uint8_t *arena; /* LTI_ARENA_SIZE bytes, shared with the engine */
    lt_session *session;  /* handed to callbacks */
    const struct lti_callbacks *callbacks; /* outlive the decoder, unchanged */
    /* What all decoders of a session share. */
    struct lti_slabs *slabs;
    struct lti_paths *paths;
    uint64_t *seq;           /* the number of the last event */
    uint64_t *stamp;         /* of the last stamped record */
    uint64_t *insns_left;    /* how many more instructions may be told */
    struct lti_sync *sync;   /* NULL: the guest never waits */
    const atomic_bool *stop; /* once true, lti_decoder_run() returns early */
    /* The process has made a child, whose records are those of stream `number`, or
     * (`made` false) has not after all.  0 or LT_ERR_*. */
    int (*forked)(void *user, struct lti_decoder *parent, uint32_t number, bool made);
    /* The process of that id among those that other streams are of, or NULL. */
    struct lti_guest *(*find)(void *user, uint32_t pid);
    void *user;
};

/* A result of lti_decoder_run() and lti_decoder_step(): the next record's turn comes when
 * other streams' have been decoded. */
#define LTI_DECODER_BLOCKED 2
/* The guest is at a limit; see lti_decoder_limit(). */
#define LTI_DECODER_LIMIT 3

/* 0 or LT_ERR_NO_MEMORY. */
int lti_decoder_create(const struct lti_decoder_config *config, struct lti_decoder **out);
void lti_decoder_destroy(struct lti_decoder *decoder);

/* Which stream it decodes. */
void lti_decoder_set_number(struct lti_decoder *decoder, uint32_t number);

/* A decoder of `child`, a stream that has said nothing yet, begins as a copy of its
 * parent as it is.  0, LT_ERR_NO_MEMORY, or LT_ERR_STREAM if it has. */
int lti_decoder_inherit(struct lti_decoder *child, const struct lti_decoder *parent);

/* The instruction in hand lives on when its block does not. */
void lti_decoder_keep_insn(struct lti_decoder *decoder);

/* Whether the process's end was recorded, but not told, and how it is: it is told when
 * the last of its streams ends, as parallel threads did things before it. */
bool lti_decoder_leaving(const struct lti_decoder *decoder, int32_t *status,
                         int32_t *signal);

/* What it decodes: NULL before the first record. */
struct lti_guest *lti_decoder_guest(const struct lti_decoder *decoder);

/* Whether something that was fed is left, and may be decoded now. */
bool lti_decoder_has_more(const struct lti_decoder *decoder);
bool lti_decoder_is_ready(const struct lti_decoder *decoder);
/* The stamp that it waits for: other than 0 when it has more but is not ready. */
uint64_t lti_decoder_stamp(const struct lti_decoder *decoder);

/* Gives the decoder the next bytes of the stream, whole records.  Only when it
 * has used up those before.  They must stay there until it has again. */
void lti_decoder_feed(struct lti_decoder *decoder, const uint8_t *begin,
                      const uint8_t *end);

/* Decodes all that was fed and calls the callbacks.  0, LTI_DECODER_BLOCKED,
 * LTI_DECODER_LIMIT, LT_STOP, a callback's negative number, LT_ERR_STREAM or
 * LT_ERR_NO_MEMORY. */
int lti_decoder_run(struct lti_decoder *decoder);

/* Decodes up to the next event that the pull form wants and gives it.  1; 0
 * when all that was fed is used up; else as lti_decoder_run(). */
int lti_decoder_step(struct lti_decoder *decoder, const struct lt_event **out);

/* The guest's end, where the stream did not tell it (an exec made the process one that
 * is not traced, or it was killed from outside): it comes behind all that was fed, as
 * if it had.  False, and nothing comes, if the stream did or began with nothing. */
bool lti_decoder_finish(struct lti_decoder *decoder, int32_t status, int32_t signal);

/* As lt_reg_read_bytes(). */
int lti_decoder_reg(const struct lti_decoder *decoder, uint32_t reg, void *data,
                    uint32_t size);

/* As lt_mem_read(), of at most INT32_MAX bytes. */
int lti_decoder_mem(const struct lti_decoder *decoder, uint64_t addr, void *data,
                    uint64_t size);

/* The number of events delivered, and the figures that the decoder knows. */
uint64_t lti_decoder_events(const struct lti_decoder *decoder);
void lti_decoder_stats(const struct lti_decoder *decoder, struct lt_stats *stats);

/* The end of the guest as the stream told it: true once it did. */
bool lti_decoder_ended(const struct lti_decoder *decoder, int32_t *status,
                       int32_t *signal);

/* Which, an enum lt_limit. */
uint32_t lti_decoder_limit(const struct lti_decoder *decoder);

/* What was wrong after LT_ERR_STREAM; a static sentence. */
const char *lti_decoder_problem(const struct lti_decoder *decoder);

#endif
