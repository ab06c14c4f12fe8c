/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the library's copy of a guest process's memory, made from the trace.
 *
 * Memory that processes share is kept once for all copies that come from one
 * lti_memory_create() by lti_memory_clone(); everything else is copied when it is
 * first written to.  Pages that hold zeros cost nothing until then.
 */
#ifndef LTI_MEMORY_H
#define LTI_MEMORY_H

#include <stdint.h>

#include "stream.h"

struct lti_memory;

/* An empty one.  0 or LT_ERR_NO_MEMORY. */
int lti_memory_create(struct lti_memory **out);

/* What a forked process has: the same as `from`.  0 or LT_ERR_NO_MEMORY. */
int lti_memory_clone(struct lti_memory *from, struct lti_memory **out);

/* Forgets all mappings and contents: the process executes another program. */
void lti_memory_clear(struct lti_memory *memory);

/* NULL is fine. */
void lti_memory_destroy(struct lti_memory *memory);

/* Does what a LTI_S_RANGE record says; its range is not empty.  0 or
 * LT_ERR_NO_MEMORY. */
int lti_memory_change(struct lti_memory *memory, const struct lti_range_change *change);

/* Stores bytes, mapped there or not.  0 or LT_ERR_NO_MEMORY. */
int lti_memory_write(struct lti_memory *memory, uint64_t addr, const void *data,
                     uint64_t size);

/* Copies `size` bytes; what was never stored is zeros. */
void lti_memory_peek(struct lti_memory *memory, uint64_t addr, void *data, uint64_t size);

/* The same up to where nothing is mapped; how many bytes that is. */
uint64_t lti_memory_read(struct lti_memory *memory, uint64_t addr, void *data,
                         uint64_t size);

#endif
