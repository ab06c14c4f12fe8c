/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what makes a guest wait for the host: break and watch points, the guest that
 * waits just now and what the host does to it, and pauses.
 */
#ifndef LTI_SYNC_H
#define LTI_SYNC_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "callbacks.h"
#include "lt/lt.h"
#include "stream.h"

struct lti_decoder;

/* A break or a watch point. */
struct lti_point {
    uint64_t addr;
    uint64_t last;   /* of a watch point: its last byte */
    uint32_t access; /* LT_ACCESS_*; 0: a break point */
    int id;
    union {
        lt_insn_fn insn;
        lt_mem_access_fn mem;
    } fn; /* NULL: for lt_session_next() */
    void *user;
};

/* Memory that the host wrote while the guest waited. */
struct lti_host_write {
    uint64_t addr;
    uint32_t length;
    uint8_t *data;
};

struct lti_sync {
    struct lti_control *control; /* NULL before the start */
    struct lti_point *points;    /* rising by `access` being 0 or not, addr, id */
    unsigned count, room;
    unsigned watches; /* of them */
    int last_id;
    int newest; /* of those that the stop in hand is for */

    /* The guest that waits. */
    struct lti_decoder *decoder; /* of its stream; NULL: none waits */
    struct lti_mail *mail;
    void (*serve)(
        void);     /* inside this process: reads the mail; NULL: another thread does */
    uint8_t *data; /* LTI_MAIL_SIZE bytes behind it */
    pthread_t thread;
    uint64_t pc;
    uint8_t code[16];
    int phase;         /* of the system call event in hand, or -1 */
    bool regs_changed; /* by the host; what they were: */
    uint64_t regs[LTI_MAX_REGS];
    struct lti_host_write *writes;
    unsigned write_count, write_room;

    atomic_bool paused;
};

/* Whether the guest may wait at events of these kinds (LT_KIND bits), all of them.  0 or
 * LT_ERR_UNSUPPORTED, with a message. */
int lti_sync_allowed(lt_session *session, uint32_t kinds);

/* Fills what engines are told of it. */
void lti_sync_start(struct lti_sync *sync, const struct lti_callbacks *callbacks,
                    struct lti_control *control);
/* lt_session_pause() finds the engine from here on. */
void lti_sync_started(struct lti_sync *sync);
void lti_sync_free(struct lti_sync *sync);

/* Whether somebody watches memory. */
bool lti_sync_watches(const struct lti_sync *sync);
/* As lt_mem_read(), while the guest waits for this thread: */
bool lti_sync_may_touch(const lt_session *session);
int lti_sync_read(lt_session *session, uint64_t addr, void *data, uint64_t size);
/* Whether it is this decoder's guest that waits. */
bool lti_sync_waits(const struct lti_sync *sync, const struct lti_decoder *decoder);

/* ---- For decoders ---- */

/* The event's guest will wait at it.  0 or LT_ERR_NO_MEMORY. */
int lti_sync_keep(struct lti_decoder *decoder, const void *event, size_t size);
/* The same for an access of whom decoder->mem says the rest, if somebody waits for it. */
int lti_sync_access(struct lti_decoder *decoder, uint32_t kind, uint64_t addr,
                    uint32_t length);
/* The guest waits: tells of all that it has to wait for.  0 or what a callback said. */
int lti_sync_stop(struct lti_decoder *decoder, const uint8_t *p, uint32_t size);
/* lt_session_next() gives this event, at which the guest waits. */
void lti_sync_given(struct lti_decoder *decoder, const struct lt_event *event);
/* It goes on; tells of what the host changed. */
int lti_sync_go(struct lti_decoder *decoder);
/* The decoder is to be no more. */
void lti_sync_forget(struct lti_decoder *decoder);

#endif
