/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The in-process mode.  session.c and in-process-run.c know it by a pointer only, so
 * that the engines are linked into a host that refers to the mode's public function,
 * in in-process.c, and not into others.
 */
#ifndef LTI_IN_PROCESS_H
#define LTI_IN_PROCESS_H

#include <stdbool.h>

#include "error.h"
#include "inside.h"
#include "launch.h"
#include "lt/lt.h"

/* What the mode brings with it. */
struct lti_mode {
    const struct lti_inside_engine *engines[2]; /* by LT_ARCH_*, from 1 */
    const struct lti_inside_signals *signals;
};

extern const struct lti_inside_signals lti_inside_signals;

/* session.c: lt_session_create() for the mode. */
int lti_session_create_inside(const struct lt_config *config, const struct lti_mode *mode,
                              lt_session **out);

/* ---- in-process-run.c: a run ---- */

struct lti_in_process;

/* Prepares a run of what `launch` says, whose strings are copied but for envp and cwd.
 * `pump` takes what the engine has written, see inside.h; it is called with the
 * session.  0, LT_ERR_NO_MEMORY. */
int lti_in_process_create(const struct lti_mode *mode, const struct lti_launch *launch,
                          const struct lti_arena *arena, const atomic_bool *stopped,
                          bool (*pump)(void *), void *session,
                          struct lti_in_process **out);

/* Runs the guest on this thread, to its end.  0, or an error with a message. */
int lti_in_process_run(struct lti_in_process *run, struct lti_message *message);

/* Runs the guest on a thread of its own, and somebody else has to read what it writes.
 * 0, LT_ERR_SYSTEM. */
int lti_in_process_start(struct lti_in_process *run, struct lti_message *message);
/* What lti_in_process_run() would have returned, when that thread has ended. */
int lti_in_process_result(struct lti_in_process *run, struct lti_message *message);

/* See lti_inside_engine. */
void (*lti_in_process_serve(const struct lti_in_process *run))(void);

/* Asks the guest to end; any thread. */
void lti_in_process_stop(struct lti_in_process *run);

/* Stops the guest and waits for its end, if it runs on a thread of its own. */
void lti_in_process_end(struct lti_in_process *run);

/* Behind lti_in_process_end().  NULL is fine. */
void lti_in_process_destroy(struct lti_in_process *run);

#endif
