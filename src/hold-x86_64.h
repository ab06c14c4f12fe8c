/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what the compiler of a block knows while it does: which host register holds which
 * word of the register file or value of a step, and what memory does not have yet.
 */
#ifndef LTI_HOLD_X86_64_H
#define LTI_HOLD_X86_64_H

#include <stddef.h>

#include "compile.h"
#include "decoder.h"
#include "emit-x86_64.h"

/* r12 points there, so that 256 bytes are within short offsets. */
#define HOT_OFFSET ((int32_t)offsetof(struct lti_decoder, at) + 128)
#define MEMBER(name) ((int32_t)offsetof(struct lti_decoder, name) - HOT_OFFSET)
#define REGS_BIAS 128
#define WORD(index) ((int32_t)(index)*8 - REGS_BIAS)

/* What is known of a word or value besides what registers hold. */
struct slot {
    uint64_t constant;
    uint32_t last_use; /* of a value: the last step that reads it */
    uint8_t known;     /* enum known */
    bool defined;      /* of a value: a step before makes it */
};

enum known {
    UNKNOWN = 0,
    KNOWN,   /* it is `constant`, and so it is in memory if it is a word */
    UNSTORED /* it is `constant`, but not yet in memory */
};

#define HELD 6 /* registers for words and values */
static const uint8_t held_register[HELD] = {RSI, RDI, R8, R9, R10, R11};

#define NOTHING UINT32_MAX
#define RESERVED (UINT32_MAX - 1) /* something that the step in hand makes */

struct held {
    uint32_t index; /* what it holds; NOTHING */
    uint32_t time;  /* when it was used last */
    bool dirty;     /* memory does not have it yet */
};

struct comp {
    struct emitter e;
    struct lti_code_room *room;
    const struct lti_decoder *d;
    const struct lti_block *block;
    const struct lti_step *steps; /* of it, or of its view */
    uint32_t step_count;
    struct slot *slots; /* of each word and value */
    struct held held[HELD];
    uint32_t time;
    uint32_t at;           /* the step in hand */
    uint32_t unstored[32]; /* words that were UNSTORED */
    uint32_t unstored_count;
    const struct lti_insn *insn;   /* in hand; NULL: that of the block before */
    const struct lti_insn *r15;    /* what r15 points to; NULL: not known */
    const struct lti_insn *stored; /* what decoder->insn is; NULL: not known */
    /* Of which instruction the events of a kind have the pc; NULL: not known. */
    const struct lti_insn *pc_of[LTI_KIND_COUNT];
    const struct lti_insn *pc_of_wide;
    unsigned how;   /* the template's: an opcode, an enum of emit-x86_64.h, bytes */
    bool calls;     /* something that may take long was called */
    bool rest_kept; /* the flags that no arithmetic makes are at [rsp] */
};

static inline bool is_word(uint32_t index)
{
    return index < LTI_FIRST_VALUE;
}

static inline bool matters(const struct comp *c, uint32_t index, uint32_t from)
{
    return is_word(index) || c->slots[index].last_use >= from;
}

static inline void store_held(struct comp *c, unsigned i)
{
    op_rm(&c->e, true, X_STORE, held_register[i], RBX, WORD(c->held[i].index));
    c->held[i].dirty = false;
}

static inline int find_held(const struct comp *c, uint32_t index)
{
    for (unsigned i = 0; i < HELD; i++) {
        if (c->held[i].index == index) {
            return (int)i;
        }
    }
    return -1;
}

/* A register for what the step in hand makes, by its place; what it held is in memory. */
static inline unsigned fresh(struct comp *c)
{
    unsigned oldest = 0;

    for (unsigned i = 0; i < HELD; i++) {
        if (c->held[i].index == NOTHING) {
            oldest = i;
            break;
        }
        if (c->held[i].time < c->held[oldest].time) {
            oldest = i;
        }
    }
    if (c->held[oldest].index != NOTHING && c->held[oldest].dirty &&
        matters(c, c->held[oldest].index, c->at)) {
        store_held(c, oldest);
    }
    c->held[oldest] = (struct held){.index = RESERVED, .time = ++c->time};
    return oldest;
}

/* What was known of a word or value is no longer so. */
static inline void forget(struct comp *c, uint32_t index)
{
    int i = find_held(c, index);

    if (i >= 0) {
        c->held[i].index = NOTHING;
    }
    c->slots[index].known = UNKNOWN;
}

/* The register at place `i` holds the word or value from now on. */
static inline void bind(struct comp *c, unsigned i, uint32_t index)
{
    forget(c, index);
    c->held[i] = (struct held){.index = index, .time = ++c->time, .dirty = true};
}

static inline void store_constant(struct comp *c, uint32_t index)
{
    uint64_t v = c->slots[index].constant;

    if (fits32(v)) {
        store_imm(&c->e, true, RBX, WORD(index), (int32_t)v);
    } else {
        mov_imm(&c->e, RAX, v);
        op_rm(&c->e, true, X_STORE, RAX, RBX, WORD(index));
    }
}

static inline void store_unstored(struct comp *c)
{
    for (uint32_t i = 0; i < c->unstored_count; i++) {
        uint32_t index = c->unstored[i];

        if (c->slots[index].known == UNSTORED) {
            store_constant(c, index);
            c->slots[index].known = KNOWN;
        }
    }
    c->unstored_count = 0;
}

/* Values that are known are never stored: see store_operands(). */
static inline void bind_constant(struct comp *c, uint32_t index, uint64_t value)
{
    struct slot *s = &c->slots[index];

    if (s->known && s->constant == value) {
        return;
    }
    forget(c, index);
    s->constant = value;
    s->known = UNSTORED;
    if (is_word(index)) {
        if (c->unstored_count == sizeof c->unstored / sizeof *c->unstored) {
            store_unstored(c);
        }
        c->unstored[c->unstored_count++] = index;
    }
}

static inline void load_word(struct comp *c, bool wide, unsigned reg, uint32_t index)
{
    op_rm(&c->e, wide, X_LOAD, reg, RBX, WORD(index));
}

/* Puts the word or value into any register; narrow, its low half only. */
static inline void load(struct comp *c, bool wide, unsigned reg, uint32_t index)
{
    int i = find_held(c, index);

    if (i >= 0) {
        mov_rr(&c->e, wide, reg, held_register[i]);
        c->held[i].time = ++c->time;
    } else if (c->slots[index].known) {
        uint64_t v = c->slots[index].constant;
        mov_imm(&c->e, reg, wide ? v : (uint32_t)v);
    } else {
        load_word(c, wide, reg, index);
    }
}

/* The register that holds the word or value. */
static inline unsigned get(struct comp *c, uint32_t index)
{
    int i = find_held(c, index);

    if (i < 0) {
        unsigned place = fresh(c);

        load(c, true, held_register[place], index);
        c->held[place].index = index;
        i = (int)place;
    }
    c->held[i].time = ++c->time;
    return held_register[i];
}

/* A place whose register has the same as the word or value, and may be changed. */
static inline unsigned take(struct comp *c, bool wide, uint32_t index)
{
    int i = find_held(c, index);
    unsigned place;

    if (i >= 0 && !matters(c, index, c->at + 1)) {
        c->held[i] = (struct held){.index = RESERVED, .time = ++c->time};
        if (!wide) {
            mov_rr(&c->e, false, held_register[i], held_register[i]);
        }
        return (unsigned)i;
    }
    place = fresh(c);
    load(c, wide, held_register[place], index);
    return place;
}

/* reg op= a word or value */
static inline void op_index(struct comp *c, bool wide, unsigned opcode, unsigned reg,
                            uint32_t index)
{
    if (find_held(c, index) < 0 && !c->slots[index].known &&
        !matters(c, index, c->at + 1)) {
        op_rm(&c->e, wide, opcode, reg, RBX, WORD(index));
    } else {
        op_rr(&c->e, wide, opcode, reg, get(c, index));
    }
}

/* Memory gets all that it does not have yet; values if a step from `from` on reads them.
 */
static inline void write_back(struct comp *c, uint32_t from)
{
    for (unsigned i = 0; i < HELD; i++) {
        if (c->held[i].index != NOTHING && c->held[i].dirty &&
            matters(c, c->held[i].index, from)) {
            store_held(c, i);
        }
    }
    store_unstored(c);
}

/* Registers are another function's for a while. */
static inline void forget_registers(struct comp *c)
{
    for (unsigned i = 0; i < HELD; i++) {
        c->held[i].index = NOTHING;
    }
}

#endif
