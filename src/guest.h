/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what is known of a guest process, from its start or exec to its end or next
 * exec: what it executes, its modules, and the slabs that its blocks are in. */
#ifndef LTI_GUEST_H
#define LTI_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "modules.h"
#include "slabs.h"

struct lti_guest {
    unsigned refs;
    uint32_t pid;
    uint32_t parent;
    uint32_t arch;          /* LT_ARCH_* */
    bool begun;             /* its start has been told */
    bool ended;             /* by an exit, or as it has executed another program */
    bool leaving;           /* its end was recorded; see lti_decoder_leaving() */
    uint32_t leaver;        /* the thread that did */
    int32_t status, signal; /* with which it ended, or will */
    const char *path;       /* of its program, interned; NULL: not known yet */
    struct lti_modules *modules;
    struct lti_memory *memory;    /* a copy of its memory; NULL: not kept */
    struct lti_paths *paths;      /* the session's */
    struct lti_slabs *slab_table; /* the session's */
    uint32_t *slabs;
    uint32_t slab_count, slab_room;
};

/* With one reference, for a program of `arch`.  0 or LT_ERR_NO_MEMORY. */
int lti_guest_create(struct lti_slabs *slabs, struct lti_paths *paths, uint32_t arch,
                     struct lti_guest **out);

/* What a fork makes of it.  0 or LT_ERR_NO_MEMORY. */
int lti_guest_fork(const struct lti_guest *guest, struct lti_guest **out);

/* Gives a reference back; the last one frees it. */
void lti_guest_release(struct lti_guest *guest);

/* The process has taken slab `number`.  0, LT_ERR_NO_MEMORY, LT_ERR_STREAM (there is
 * no such slab). */
int lti_guest_take_slab(struct lti_guest *guest, uint32_t number);

/* The process has no more use for the slabs that it has. */
void lti_guest_drop_slabs(struct lti_guest *guest);

#endif
