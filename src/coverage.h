/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a session's coverage: its map, what counts in it, and what its places mean. */
#ifndef LTI_COVERAGE_H
#define LTI_COVERAGE_H

#include "error.h"
#include "stream.h"

struct lti_coverage_map;

/* In all of them NULL is fine: a session without. */

/* Tells the engine.  0, or an error with a message. */
int lti_coverage_fill(const struct lti_coverage_map *coverage,
                      struct lti_control *control, struct lti_message *message);
/* LTI_COVERAGE_*, or 0. */
uint32_t lti_coverage_kind(const struct lti_coverage_map *coverage);
/* The descriptor of the map's file, or -1; until lti_coverage_close(). */
int lti_coverage_fd(const struct lti_coverage_map *coverage);
void lti_coverage_close(struct lti_coverage_map *coverage);
void lti_coverage_destroy(struct lti_coverage_map *coverage);

#endif
