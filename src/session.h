/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a session: what was asked for, the guest that runs, and how it ended. */
#ifndef LTI_SESSION_H
#define LTI_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "callbacks.h"
#include "coverage.h"
#include "decode.h"
#include "disasm.h"
#include "error.h"
#include "in-process.h"
#include "launch.h"
#include "lt/lt.h"
#include "stream.h"
#include "streams.h"
#include "symbols.h"
#include "sync.h"

enum lti_session_state {
    LTI_SESSION_NEW = 0,    /* nothing was started yet */
    LTI_SESSION_PULLED = 1, /* runs by lt_session_next() */
    LTI_SESSION_RUN = 2,    /* runs by lt_session_run() */
    LTI_SESSION_ENDED = 3   /* the result is known */
};

struct lt_session {
    struct lt_config config; /* its strings are owned */
    struct lti_callbacks callbacks;
    enum lti_session_state state;
    atomic_bool busy; /* in lt_session_run() or lt_session_next(): so in a callback, if
                         a function is called now, or misused by another thread */
    bool pulled;      /* the run is, or was, in the pull form */
    int returns;      /* when ENDED: what further lt_session_next() return */
    uint32_t arch;    /* LT_ARCH_* of the first program, 0 until it is known */

    struct lti_arena arena;
    const struct lti_mode *mode; /* NULL: the guest has a process of its own */
    struct lti_process *process;
    struct lti_in_process *inside; /* in place of `process` in the in-process mode */
    int verdict;                   /* what ended the run, while the guest runs inside */
    struct lti_streams *streams;
    struct lti_symbols *symbols;  /* made when first asked for, like: */
    struct lti_disasm *disasm[2]; /* by LT_ARCH_*, from 1 */
    struct lti_sync sync;
    struct lti_coverage_map *coverage; /* NULL: none was asked for */

    /* lt_session_stop() uses these from other threads. */
    atomic_bool stop;
    _Atomic(struct lti_process *) running; /* `process`, from its start on */
    _Atomic(struct lti_in_process *) running_inside;

    struct lt_result result;
    struct lti_message message;
};

extern uint32_t lti_slab_limit;
extern uint32_t lti_crash;

/* ---- callbacks.c ---- */

/* Frees what the callbacks own. */
void lti_callbacks_free(struct lti_callbacks *callbacks);

/* Fills `ranges` with the code that any callback wants something of, and gives
 * their number and the LTI_RECORD_* bits. */
void lti_callbacks_wanted(const struct lti_callbacks *callbacks,
                          struct lti_range ranges[LTI_MAX_FILTERS], uint32_t *count,
                          uint32_t *record);

#endif
