/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the decoder's form of a block descriptor: checked, copied out of the
 * shared arena, with the callbacks that want each event worked out. */
#ifndef LTI_BLOCK_H
#define LTI_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "callbacks.h"
#include "lt/lt.h"
#include "modules.h"
#include "registers.h"
#include "stream.h"

/* Who wants an event: a bit for each callback of its kind, and this one for
 * lt_session_next(). */
#define LTI_WANTED_PULL (UINT64_C(1) << 32)
/* And this one, of memory writes only, for the copy of the guest's memory. */
#define LTI_WANTED_MEMORY (UINT64_C(1) << 33)
/* And this one if a callback that the guest waits for, or a point, may want it: told
 * once the guest waits. */
#define LTI_WANTED_SYNC (UINT64_C(1) << 34)
/* And this one if a block view has it: it is counted, so that its number is the same
 * there and elsewhere. */
#define LTI_WANTED_VIEW (UINT64_C(1) << 35)

/* What the events of one instruction need. */
struct lti_insn {
    struct lt_insn event;                 /* but seq, pid and tid */
    uint64_t wanted[LTI_KIND_COUNT];      /* by enum lt_event_type, LT_EVENT_INSN to
                                             LT_EVENT_MEM_READ */
    uint64_t told[LT_EVENT_MEM_READ + 1]; /* the same, by the block's steps: what
                                             special records tell is another matter */
    uint32_t view; /* LT_KIND bits that a block view has of it, LT_EVENT_INSN's among
                      them; 0: it is in none */
    uint32_t first_step;
    uint32_t events_before; /* of the block, as in lti_step.nth */
    uint32_t slot_offset;
    bool continues;
    bool repeats;
};

/* The decoder's own operations: those of the stream, but with fewer operands to
 * fetch where that was possible. */
enum lti_step_code {
    /* 0 to 63: as enum lti_opcode, up to LTI_LAST_VALUE_OP. */
    LTI_STEP_INSN = 64,     /* imm: address of the lti_insn */
    LTI_STEP_INSN_ONE = 65, /* the same; the only callback of the kind wants it */
    LTI_STEP_INSN_SILENT = 66,
    LTI_STEP_INSN_REPEATS = 67,
    LTI_STEP_END = 68,
    LTI_STEP_SETREG = 69,        /* register d = values[a], nobody wants to know */
    LTI_STEP_SETREG_IMM = 70,    /* regs[d] = imm */
    LTI_STEP_SETREG_SLOT64 = 71, /* regs[d] = u64 at slot */
    LTI_STEP_SETREG_SLOT32 = 72,
    LTI_STEP_WRITE = 73,     /* regs[d] = values[a] as an event; imm: wanted */
    LTI_STEP_WRITE_ONE = 74, /* for the only callback of the kind, like: */
    LTI_STEP_WRITE_SLOT64 = 75,
    LTI_STEP_WRITE_SLOT64_ONE = 76,
    LTI_STEP_WRITE_SLOT32 = 77,
    LTI_STEP_WRITE_SLOT32_ONE = 78,
    LTI_STEP_FLAGS = 79, /* imm: wanted */
    /* For the only callback, x86: cc_dst = values[a], cc_src = values[b], cc_op
     * = d, whose enum lti_cc is in slot. */
    LTI_STEP_FLAGS_ONE = 80,
    LTI_STEP_FLAGS_SUB_ONE = 81,
    LTI_STEP_FLAGS_ADD_ONE = 82,
    LTI_STEP_FLAGS_LOGIC_ONE = 83, /* without cc_src */
    LTI_STEP_STORE = 84,           /* addr values[a], value values[b], imm: wanted,
                                      d: bytes; flags as lti_op */
    LTI_STEP_STORE16 = 85,         /* d: value of the high half */
    LTI_STEP_LOAD = 86,
    LTI_STEP_LOAD16 = 87,
    /* With a constant operand: values[d] = values[a] op imm; 32. */
    LTI_STEP_ADDI = 88,
    LTI_STEP_ANDI = 89,
    LTI_STEP_ORI = 90,
    LTI_STEP_XORI = 91,
    LTI_STEP_SHLI = 92,
    LTI_STEP_SHRI = 93,
    LTI_STEP_LOW32 = 94, /* values[d] = low 32 bits of values[a] */
    /* INSN_ONE that is the last of its block and does nothing else. */
    LTI_STEP_INSN_LAST_ONE = 95,
    /* FLAGS_SUB_ONE and FLAGS_LOGIC_ONE of a compare or test, which makes cc_dst of
     * values[a] and values[b] itself. */
    LTI_STEP_FLAGS_CMP_ONE = 96,
    LTI_STEP_FLAGS_TEST_ONE = 97,
    /* Words d and on = the bytes at slot, as many as `flags` says in fours; silent. */
    LTI_STEP_WORDS = 98,
    LTI_STEP_ZERO = 99,
    /* Then public register a is told, b bytes of it; imm: wanted. */
    LTI_STEP_WORDS_TELL = 100,
    LTI_STEP_ZERO_TELL = 101,
    LTI_STEP_WORDS_CHANGED = 102, /* if it is another value than before */
    LTI_STEP_WORDS_STACK = 103,   /* as LTI_OP_STACK says */
    /* Of a block view (view.c): calls the callback; imm: address of the lti_view, nth
     * and slot: how many instructions and rows. */
    LTI_STEP_VIEW_RUN = 104,
    LTI_STEP_VIEW_END = 105,     /* in place of END; imm alike */
    LTI_STEP_VIEW_STEPS = 106,   /* on to the steps at imm */
    LTI_STEP_VIEW_COPY = 107,    /* b words at d = those at a */
    LTI_STEP_VIEW_CHANGED = 108, /* values[d] = whether b words at a differ from those
                                    at imm; with flags, or an x87 register is written:
                                    imm's next halves are lti_op.b and a, slot is where
                                    the status word is */
    LTI_STEP_VIEW_FLOAT = 109,   /* values[d] = lti_view_float(flags, .., imm) */
    LTI_STEP_VIEW_DONE = 110,
    LTI_STEP_COUNT = 111
};

/* Operands are numbers in one array: first the register file, then the values of
 * the instruction in hand. */
#define LTI_FIRST_VALUE LTI_MAX_REGS

struct lti_step {
    const void *run; /* where the decoder does it */
    uint64_t imm;
    uint32_t slot;
    uint16_t d;
    uint16_t a;
    uint16_t b;
    uint8_t code;
    uint8_t flags; /* LTI_OP_*, or bytes */
    uint32_t nth;  /* an event: which of the block's, from 1, if all happen; the
                      end: how many */
};

struct lti_view;

struct lti_block {
    uint64_t pc;
    uint32_t record_size;
    uint32_t insn_count;
    uint32_t begins;     /* instructions that begin here, rep ones excluded */
    uint32_t step_count; /* the last is LTI_STEP_END */
    uint32_t cold;       /* how often it is still interpreted before it is compiled */
    struct lti_insn *insns;
    struct lti_step *steps;
    const struct lti_step *begin; /* of a run: these, or those of: */
    struct lti_view *view;        /* or NULL */
    uint8_t *code;
};

struct lti_block_source {
    const uint8_t *arena;
    const struct lti_arch *arch;
    const struct lti_callbacks *callbacks;
    struct lti_modules *modules;
    const void *const *run; /* lti_step.run for each enum lti_step_code */
    const uint8_t *cc_map;  /* NULL: no x86 */
    uint32_t *views;        /* how many block views were made: lt_block.number */
};

/* Makes the block with that number.  0, LT_ERR_NO_MEMORY, or LT_ERR_STREAM if
 * its descriptor is damaged. */
int lti_block_create(const struct lti_block_source *source, uint32_t number,
                     struct lti_block **out);
void lti_block_destroy(struct lti_block *block);

/* Who wants events of kind `type` from the instruction at `pc`. */
uint64_t lti_wanted_at(const struct lti_block_source *source, uint32_t type, uint64_t pc);

/* The form of an operation whose second operand is a constant, or 0. */
unsigned lti_step_with_constant(const struct lti_op *op);

#endif
