/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what blocks that run often are turned into: host code that does what
 * lti_run_steps() does for their steps, and goes on to the next record's block by itself.
 * Whatever cannot be compiled (steps that the compiler does not know, other hosts, no
 * executable memory) is left to the interpreter.
 */
#ifndef LTI_COMPILE_H
#define LTI_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block.h"

struct lti_decoder;
struct lti_compiler;

/* After how many runs a block is compiled, if nothing else is asked for: about then the
 * interpreter has taken as long as compiling does. */
#define LTI_COMPILE_AFTER 128u
/* lti_block.cold of one that is never compiled. */
#define LTI_ALWAYS_COLD UINT32_MAX

/* Code for block `number`, which was run often enough.  Else the block is cold for good.
 * The compiler of the session in *compiler is made when it is first needed. */
bool lti_compile(struct lti_compiler **compiler, const struct lti_decoder *decoder,
                 uint32_t number, struct lti_block *block);

/* Runs the compiled block whose record is at decoder->at, and those behind it as long as
 * they are compiled too.  The record is whole, and its instructions are within the limit.
 * As lti_run_steps() without `out`. */
int lti_run_compiled(const struct lti_compiler *compiler, struct lti_decoder *decoder,
                     uint32_t number);

/* Whether the block has code.  The compiler may be NULL. */
bool lti_is_compiled(const struct lti_compiler *compiler, uint32_t number);

/* The code of all blocks of a slab is no longer needed. */
void lti_compiler_forget(struct lti_compiler *compiler, uint32_t slab);
void lti_compiler_destroy(struct lti_compiler *compiler);

/* ---- What compile.c and the compiler for a kind of host know of each other ---- */

/* Room for code: written at `p`, executed `distance` bytes from there. */
struct lti_code_room {
    uint8_t *p, *end;
    ptrdiff_t distance;
    const uint8_t *stubs; /* what lti_emit_stubs() wrote, where it is written */
    uint32_t features;    /* of the host's processor: lti_emit_possible() */
};

/* Whether there is a compiler for this host at all, and what it has to know of the
 * processor. */
bool lti_emit_possible(uint32_t *features);

/* Writes the ways in and out of compiled code, at most a page: first the way in, an
 * lti_enter_fn. */
void lti_emit_stubs(struct lti_code_room *room);

typedef int (*lti_enter_fn)(struct lti_decoder *decoder, const void *code);

enum lti_emitted {
    LTI_EMITTED = 0, /* the code is in front of room->p */
    LTI_EMIT_ROOM,   /* it does not fit */
    LTI_EMIT_NEVER   /* it cannot be compiled */
};

/* `scratch`: LTI_EMIT_SCRATCH bytes. */
#define LTI_EMIT_SCRATCH (sizeof(uint64_t) * 2 * (UINT16_MAX + 1))
enum lti_emitted lti_emit_block(struct lti_code_room *room, void *scratch,
                                const struct lti_decoder *decoder,
                                const struct lti_block *block);

#endif
