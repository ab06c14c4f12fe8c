/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what lt has found out about each instruction of the guest's code, so that
 * symbols and disassembly are looked up once and not at each execution.
 */
#ifndef CLI_PLACES_H
#define CLI_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lt/lt.h"

struct place {
    uint64_t pc;
    uint8_t length; /* of the instruction; 0: the slot is free */
    bool stale;     /* the module here has changed */
    uint8_t bytes[15];
    uint32_t size;     /* of text */
    const char *text;  /* the line's part that is always the same, or NULL */
    uint64_t *counter; /* of the symbol, or NULL */
};

struct places;

/* NULL: out of memory. */
struct places *places_create(void);
void places_destroy(struct places *places);

/* The place of an instruction.  *fresh says that the caller must fill in `text`
 * or `counter`.  Valid until the next call.  NULL: out of memory. */
struct place *places_find(struct places *places, const struct lt_insn *insn, bool *fresh);

/* Gives `place`, which was found last, a copy of `text`.  0 or LT_ERR_NO_MEMORY. */
int places_set_text(struct places *places, struct place *place, const char *text,
                    size_t size);

/* Forgets what stands at the addresses of a module event. */
void places_drop(struct places *places, const struct lt_module *module);

/* Forgets all of a process, which has ended or executes another program. */
void places_drop_process(struct places *places, uint32_t pid);

#endif
