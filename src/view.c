/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the block view of blocks, and tells callbacks of their runs.
 *
 * The operations of a descriptor work on the register file, one instruction behind the
 * other.  Here each value gets a place of its own, and where each word of the register
 * file is at that point is known while steps are made: copies cost nothing, and what
 * neither a row nor the register file behind the block needs is left out.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "decoder.h"
#include "flags.h"

#define NO_STEP UINT32_MAX

/* A value, of those behind the register file. */
struct value {
    uint64_t imm;
    uint32_t step; /* that makes it; NO_STEP: a constant nobody has needed yet */
    bool is_const;
    bool seen; /* is in lti_view.seen */
};

enum { NEED_NOW = 1, NEED_LATER = 2 }; /* for flags, if somebody asks */

struct made {
    struct lti_step step;
    uint32_t need;
};

struct making {
    const struct lti_block_source *source;
    const struct lti_arch *arch;
    struct lti_view *view;
    uint16_t place[LTI_MAX_REGS]; /* where each word of the register file is */
    uint16_t *of;                 /* and each value of the descriptor */
    struct value *values;
    uint32_t value_count;
    struct made *steps;
    uint32_t step_count;
    struct lt_block_insn *insns;
    uint32_t insn_count;
    struct lt_block_row *rows;
    uint32_t row_count;
    uint16_t (*parts)[LTI_VIEW_PARTS];
    uint32_t part_count;
    uint32_t *maybe;
    uint16_t float_at; /* the value of make_float(), if it is there; or 0 */
    uint32_t run_step; /* where the callback is called */
};

/* ---- Values and steps ---- */

/* Places for `count` more values, in a row, made by the next step. */
static uint16_t new_values(struct making *m, uint32_t count)
{
    uint32_t first = m->value_count;

    for (uint32_t i = 0; i < count; i++) {
        m->values[m->value_count++] = (struct value){.step = m->step_count};
    }
    return (uint16_t)(LTI_FIRST_VALUE + first);
}

static struct lti_step *add_step(struct making *m, unsigned code)
{
    struct made *made = &m->steps[m->step_count++];

    *made = (struct made){.step.code = (uint8_t)code};
    return &made->step;
}

static struct value *value_at(struct making *m, uint16_t at)
{
    return at < LTI_FIRST_VALUE ? NULL : &m->values[at - LTI_FIRST_VALUE];
}

static bool is_const(struct making *m, uint16_t at)
{
    return at >= LTI_FIRST_VALUE && value_at(m, at)->is_const;
}

static uint16_t new_const(struct making *m, uint64_t imm)
{
    uint16_t at = new_values(m, 1);

    *value_at(m, at) = (struct value){.imm = imm, .step = NO_STEP, .is_const = true};
    return at;
}

/* The value will be looked at: a constant needs a step then. */
static uint16_t use(struct making *m, uint16_t at)
{
    if (is_const(m, at) && value_at(m, at)->step == NO_STEP) {
        value_at(m, at)->step = m->step_count;
        struct lti_step *step = add_step(m, LTI_CONST);
        step->d = at;
        step->imm = value_at(m, at)->imm;
    }
    return at;
}

static uint16_t make(struct making *m, unsigned code, unsigned flags, uint16_t a,
                     uint16_t b, uint64_t imm)
{
    uint16_t at = new_values(m, 1);
    struct lti_step *step = add_step(m, code);

    step->flags = (uint8_t)flags;
    step->d = at;
    step->a = a;
    step->b = b;
    step->imm = imm;
    return at;
}

/* A copy of a value at a place that was made before. */
static void copy_to(struct making *m, uint16_t to, uint16_t from)
{
    use(m, from);
    value_at(m, to)->step = m->step_count;
    struct lti_step *step = add_step(m, LTI_REG);
    step->d = to;
    step->a = from;
}

/* Where `count` values are in a row that are at `at[]`. */
static uint16_t in_a_row(struct making *m, const uint16_t *at, uint32_t count)
{
    uint32_t i = 0;

    while (i < count && at[i] == at[0] + i && !is_const(m, at[i])) {
        i++;
    }
    if (i == count || count == 1) {
        return use(m, at[0]);
    }
    uint16_t to = new_values(m, count);

    for (i = 0; i < count; i++) {
        copy_to(m, (uint16_t)(to + i), at[i]);
    }
    return to;
}

/* ---- Rows ---- */

static struct lt_block_row *add_row(struct making *m, uint32_t kind, uint32_t size)
{
    struct lt_block_row *row = &m->rows[m->row_count++];

    *row = (struct lt_block_row){
        .insn = m->insn_count - 1,
        .kind = kind,
        .size = size,
    };
    return row;
}

/* Notes where `count` words from `first` on are, for what is computed of them. */
static uint32_t add_parts(struct making *m, uint32_t first, uint32_t count)
{
    uint16_t *parts = m->parts[m->part_count];

    for (uint32_t i = 0; i < LTI_VIEW_PARTS; i++) {
        parts[i] = i < count ? use(m, m->place[first + i]) : 0;
    }
    return m->part_count++;
}

static void make_flags(struct making *m)
{
    const bool x86 = m->source->cc_map != NULL;
    struct lt_block_row *row = add_row(m, LT_EVENT_REG_WRITE, 8);

    row->reg = m->arch->flags_reg;
    row->flags = LT_ROW_COMPUTED;
    row->value = x86 ? add_parts(m, LTI_X86_CC_OP, LTI_X86_EFLAGS - LTI_X86_CC_OP + 1)
                     : add_parts(m, LTI_A64_NF, LTI_A64_VF - LTI_A64_NF + 1);
}

/* A word is another one from here on. */
static void set_place(struct making *m, uint32_t word, uint16_t at)
{
    const bool x86 = m->source->cc_map != NULL;
    const uint32_t first = x86 ? LTI_X86_MXCSR : LTI_A64_FPCR;

    m->place[word] = at;
    if (word >= first && word < first + (x86 ? 2 : LTI_VIEW_PARTS)) {
        m->float_at = 0;
    }
}

static uint16_t make_float(struct making *m)
{
    if (m->float_at) {
        return m->float_at;
    }
    const bool x86 = m->source->cc_map != NULL;
    uint32_t parts = x86 ? add_parts(m, LTI_X86_MXCSR, 2) : add_parts(m, LTI_A64_FPCR, 6);

    m->float_at = make(m, LTI_STEP_VIEW_FLOAT, x86, 0, 0, parts);
    return m->float_at;
}

static uint16_t swapped(struct making *m, uint16_t at, uint32_t bytes)
{
    return bytes == 1 ? at : make(m, LTI_BSWAP, 0, use(m, at), 0, bytes);
}

static void make_access(struct making *m, const struct lti_op *op, uint32_t kind)
{
    const bool wide = op->op == LTI_STORE16 || op->op == LTI_LOAD16;
    const bool swap = op->flags & LTI_OP_BSWAP;
    uint16_t addr = use(m, m->of[op->a]), value = m->of[op->b];
    struct lt_block_row *row;

    if (wide) {
        uint16_t both[2] = {value, m->of[op->imm]};

        if (swap) {
            both[0] = swapped(m, m->of[op->imm], 8);
            both[1] = swapped(m, value, 8);
        }
        value = in_a_row(m, both, 2);
    } else {
        value = swap ? swapped(m, value, (uint32_t)op->imm) : use(m, value);
    }
    row = add_row(m, kind, wide ? 16 : (uint32_t)op->imm);
    row->addr = addr;
    row->value = value;
}

/* The row of words that may be the same as before, which were at `old`. */
static void make_maybe(struct making *m, const struct lti_op *op, uint16_t old,
                       uint16_t now, uint32_t words)
{
    uint16_t happened = make(m, LTI_STEP_VIEW_CHANGED, 0, old, (uint16_t)words, 0);
    struct lti_step *step = &m->steps[m->step_count - 1].step;

    step->imm = now;
    if (op->flags & LTI_OP_STACK) {
        step->flags = 1;
        step->imm |= (uint64_t)op->b << 16 | (uint64_t)op->a << 32;
        step->slot = m->place[LTI_X86_FSW];
    }
    m->rows[m->row_count - 1].when = happened;
    m->maybe[m->view->maybe_count++] = m->row_count - 1;
}

/* Words are written, and maybe a register told that they belong to. */
static void make_words(struct making *m, const struct lti_op *op, bool told)
{
    const struct lti_reg *reg = &m->arch->regs[op->a];
    const bool is_float = told && reg->how == LTI_REG_FLOAT;
    const bool maybe =
        told && (op->flags & (LTI_OP_CHANGED | LTI_OP_STACK)) && op->op == LTI_WORDS;
    const uint32_t width = op->flags & LTI_OP_STACK ? op->b & LTI_X87_BYTES : op->b;
    const uint32_t words = (uint32_t)((op->imm >> 32) + 7) / 8;
    uint16_t at, old = 0, value;

    if (op->flags & LTI_OP_STACK) {
        use(m, m->place[LTI_X86_FSW]);
    }
    if (maybe) {
        old = is_float ? make_float(m) : in_a_row(m, &m->place[op->d], words);
    }
    at = new_values(m, words);
    struct lti_step *step =
        add_step(m, op->op == LTI_WORDS ? LTI_STEP_WORDS : LTI_STEP_ZERO);
    step->d = at;
    step->slot = (uint32_t)op->imm;
    step->flags = (uint8_t)(op->imm >> 34);
    for (uint32_t i = 0; i < words; i++) {
        set_place(m, op->d + i, (uint16_t)(at + i));
    }
    if (!told) {
        return;
    }
    if (is_float) {
        value = make_float(m);
    } else {
        value = in_a_row(m, &m->place[reg->word], (width + 7) / 8);
    }
    struct lt_block_row *row = add_row(m, LT_EVENT_REG_WRITE, width);
    row->reg = op->a;
    row->value = value;
    if (maybe) {
        make_maybe(m, op, old, is_float ? value : at, is_float ? 1 : words);
    }
}

/* ---- Operations ---- */

static void make_arithmetic(struct making *m, const struct lti_op *op)
{
    unsigned code = op->op, constant;
    uint16_t a = m->of[op->a], b = m->of[op->b];
    uint64_t imm = op->imm;

    switch (op->op) {
    case LTI_NOT:
    case LTI_NEG:
    case LTI_CTPOP:
    case LTI_BSWAP:
    case LTI_SEXTRACT:
        b = 0;
        break;
    case LTI_EXTRACT:
        b = 0;
        if (imm == 32 << 8 && !(op->flags & LTI_OP_32)) {
            code = LTI_STEP_LOW32;
        }
        break;
    default:
        constant = lti_step_with_constant(op);
        if (constant && is_const(m, b)) {
            code = constant;
            imm = op->op == LTI_SUB ? -value_at(m, b)->imm : value_at(m, b)->imm;
            b = 0;
        }
        break;
    }
    use(m, a);
    use(m, b);
    m->of[op->d] = make(m, code, op->flags, a, b, imm);
}

/* An operation on four values, and the step before it that has two of them. */
static void make_of_four(struct making *m, const struct lti_op *op)
{
    uint16_t a = use(m, m->of[op->a]), b = use(m, m->of[op->b]);
    uint16_t third = use(m, m->of[op[-1].a]), fourth = use(m, m->of[op[-1].b]);
    struct lti_step *more = add_step(m, LTI_MORE);

    more->a = third;
    more->b = fourth;
    m->of[op->d] = make(m, op->op, op->flags, a, b, op->imm);
}

static void make_op(struct making *m, const struct lti_op *op, uint32_t kinds)
{
    const bool regs = kinds & LT_KIND(LT_EVENT_REG_WRITE);
    struct lt_block_row *row;

    switch (op->op) {
    case LTI_CONST:
        m->of[op->d] = new_const(m, op->imm);
        break;
    case LTI_SLOT32:
    case LTI_SLOT64:
        m->of[op->d] = make(m, op->op, 0, 0, 0, op->imm);
        break;
    case LTI_REG:
        m->of[op->d] = m->place[op->a];
        break;
    case LTI_MORE:
        break; /* with the one behind */
    case LTI_MOVCOND:
    case LTI_EFLAGS:
        make_of_four(m, op);
        break;
    case LTI_SETREG:
        set_place(m, op->d, m->of[op->a]);
        if (regs && !(op->flags & LTI_OP_HIDDEN)) {
            uint16_t value = use(m, m->of[op->a]);

            row = add_row(m, LT_EVENT_REG_WRITE, 8);
            row->reg = op->d;
            row->value = value;
        }
        break;
    case LTI_FLAGS:
        if (regs) {
            make_flags(m);
        }
        break;
    case LTI_STORE:
    case LTI_STORE16:
        if (kinds & LT_KIND(LT_EVENT_MEM_WRITE)) {
            make_access(m, op, LT_EVENT_MEM_WRITE);
        }
        break;
    case LTI_LOAD:
    case LTI_LOAD16:
        if (kinds & LT_KIND(LT_EVENT_MEM_READ)) {
            make_access(m, op, LT_EVENT_MEM_READ);
        }
        break;
    case LTI_WORDS:
    case LTI_ZERO:
        make_words(m, op, regs && op->b);
        break;
    default:
        make_arithmetic(m, op);
        break;
    }
}

/* ---- The end of a block ---- */

/* Writes the register file, behind the callback. */
static void write_back(struct making *m)
{
    /* What another word held before, and that one is written too. */
    for (uint32_t w = 0; w < m->arch->word_count; w++) {
        uint16_t from = m->place[w];

        if (from != w && from < LTI_FIRST_VALUE && m->place[from] != from) {
            m->place[w] = make(m, LTI_REG, 0, from, 0, 0);
        }
    }
    m->run_step = m->step_count;
    add_step(m, LTI_STEP_VIEW_RUN);
    for (uint32_t w = 0, count = 1; w < m->arch->word_count; w += count) {
        uint16_t from = m->place[w];

        count = 1;
        if (from == w) {
            continue;
        }
        struct lti_step *step = add_step(m, LTI_STEP_SETREG);

        step->d = (uint16_t)w;
        if (is_const(m, from)) {
            step->code = LTI_STEP_SETREG_IMM;
            step->imm = value_at(m, from)->imm;
            continue;
        }
        step->a = from;
        while (from >= LTI_FIRST_VALUE && w + count < m->arch->word_count &&
               m->place[w + count] == from + count &&
               !is_const(m, (uint16_t)(from + count))) {
            count++;
        }
        if (count > 1) {
            step->code = LTI_STEP_VIEW_COPY;
            step->b = (uint16_t)count;
        }
    }
}

static void need(struct making *m, uint32_t at, uint32_t how)
{
    struct value *value = value_at(m, (uint16_t)at);

    if (value && value->step != NO_STEP) {
        m->steps[value->step].need |= how;
    }
}

static void need_row(struct making *m, uint32_t count, uint32_t at, uint32_t how)
{
    for (uint32_t i = 0; i < count; i++) {
        need(m, at + i, how);
    }
}

/* What a step needs is needed by those that need it. */
static void need_operands(struct making *m, uint32_t i)
{
    const struct lti_step *s = &m->steps[i].step;
    uint32_t how = m->steps[i].need;

    switch (s->code) {
    case LTI_CONST:
    case LTI_SLOT32:
    case LTI_SLOT64:
    case LTI_STEP_WORDS:
    case LTI_STEP_ZERO:
    case LTI_STEP_SETREG_IMM:
    case LTI_STEP_VIEW_RUN:
        break;
    case LTI_STEP_VIEW_COPY:
        need_row(m, s->b, s->a, how);
        break;
    case LTI_STEP_VIEW_CHANGED:
        need_row(m, s->b, s->a, how);
        need_row(m, s->b, (uint16_t)s->imm, how);
        need(m, s->slot, how);
        break;
    case LTI_STEP_VIEW_FLOAT:
        for (uint32_t k = 0; k < LTI_VIEW_PARTS; k++) {
            need(m, m->parts[s->imm][k], how);
        }
        break;
    case LTI_MOVCOND:
    case LTI_EFLAGS:
        m->steps[i - 1].need |= how;
        /* fall through */
    default:
        need(m, s->a, how);
        need(m, s->b, how);
        break;
    }
}

static void find_needs(struct making *m)
{
    for (uint32_t i = 0; i < m->row_count; i++) {
        const struct lt_block_row *row = &m->rows[i];

        if (row->flags & LT_ROW_COMPUTED) {
            for (uint32_t k = 0; k < LTI_VIEW_PARTS; k++) {
                need(m, m->parts[row->value][k], NEED_LATER);
            }
        } else {
            need_row(m, (row->size + 7) / 8, row->value, NEED_NOW);
            need(m, row->addr, NEED_NOW);
            need(m, row->when, NEED_NOW);
        }
    }
    for (uint32_t i = m->run_step; i < m->step_count; i++) {
        m->steps[i].need = NEED_NOW;
    }
    for (uint32_t i = m->step_count; i-- > 0;) {
        if (m->steps[i].need) {
            need_operands(m, i);
        }
    }
}

/* ---- All of it ---- */

/* How many values, or steps, an operation can make. */
static uint64_t most(const struct lti_op *op)
{
    uint64_t words, told;

    if (op->op != LTI_WORDS && op->op != LTI_ZERO) {
        return op->op == LTI_STORE16 || op->op == LTI_LOAD16 ? 4 : 3;
    }
    words = ((op->imm >> 32) + 7) / 8;
    told = (op->b + 7) / 8;
    return 3 * words + 2 * told + 4;
}

static bool allocate(struct making *m, const struct lti_desc *desc,
                     const struct lti_op *ops)
{
    uint64_t count = 1;

    for (uint32_t i = 0; i < desc->op_count; i++) {
        count += most(&ops[i]);
    }
    m->of = calloc((size_t)desc->value_count + 1, sizeof *m->of);
    m->values = malloc(count * sizeof *m->values);
    m->steps = malloc(2 * count * sizeof *m->steps); /* and the writing back */
    m->insns = malloc(desc->insn_count * sizeof *m->insns);
    m->rows = malloc(((size_t)desc->op_count + 1) * sizeof *m->rows);
    m->parts = malloc(2 * ((size_t)desc->op_count + 1) * sizeof *m->parts);
    m->maybe = malloc(((size_t)desc->op_count + 1) * sizeof *m->maybe);
    return m->of && m->values && m->steps && m->insns && m->rows && m->parts && m->maybe;
}

static void release(struct making *m)
{
    free(m->of);
    free(m->values);
    free(m->steps);
    free(m->insns);
    free(m->rows);
    free(m->parts);
    free(m->maybe);
}

static void make_insn(struct making *m, const struct lti_insn *insn)
{
    m->insns[m->insn_count++] = (struct lt_block_insn){
        .pc = insn->event.pc,
        .bytes = insn->event.bytes,
        .length = insn->event.length,
        .first_row = m->row_count,
    };
    if (!m->view->first) {
        m->view->first = insn;
    }
}

/* What all instructions do.  False if there is no room for so many values. */
static bool make_insns(struct making *m, const struct lti_desc *desc,
                       const struct lti_desc_insn *insns, const struct lti_op *ops)
{
    const struct lti_block *block = m->view->of;

    for (uint32_t i = 0; i < desc->insn_count; i++) {
        const struct lti_insn *insn = &block->insns[i];
        uint32_t end = i + 1 < desc->insn_count ? insns[i + 1].first_op : desc->op_count;

        m->view->places[i] =
            (struct lti_view_place){m->step_count, 0, m->insn_count, m->row_count};
        if (insn->view) {
            make_insn(m, insn);
        }
        for (uint32_t k = insns[i].first_op; k < end; k++) {
            if (m->value_count + most(&ops[k]) >
                UINT16_MAX - LTI_FIRST_VALUE - LTI_MAX_REGS) {
                return false;
            }
            make_op(m, &ops[k], insn->view);
        }
        if (insn->view) {
            struct lt_block_insn *last = &m->insns[m->insn_count - 1];

            last->row_count = m->row_count - last->first_row;
        }
        m->view->repeats += i > 0 && insn->repeats;
    }
    m->view->places[desc->insn_count] =
        (struct lti_view_place){m->step_count, 0, m->insn_count, m->row_count};
    return true;
}

/* A copy of `count` things of `size` bytes that lasts; of none, too. */
static void *keep(const void *from, size_t count, size_t size)
{
    void *to = malloc(count * size + 1);

    if (to && count) {
        memcpy(to, from, count * size);
    }
    return to;
}

static void end_step(const struct lti_block_source *source, struct lti_step *step,
                     uint32_t code, const void *what)
{
    *step = (struct lti_step){.code = (uint8_t)code, .imm = (uintptr_t)what};
    step->run = source->run[code];
}

/* Puts the steps that are needed where they stay. */
static bool keep_steps(struct making *m)
{
    struct lti_view *view = m->view;
    uint32_t now = 0, later = 0, place = 0, now_count = 0, later_count = 0;

    for (uint32_t i = 0; i < m->step_count; i++) {
        now_count += (m->steps[i].need & NEED_NOW) != 0;
        later_count += m->steps[i].need == NEED_LATER;
    }
    view->steps = malloc((now_count + 1) * sizeof *view->steps);
    view->lazy = malloc((later_count + 1) * sizeof *view->lazy);
    if (!view->steps || !view->lazy) {
        return false;
    }
    for (uint32_t i = 0; i < m->step_count; i++) {
        struct lti_step *step = &m->steps[i].step;

        for (; place <= view->of->insn_count && view->places[place].step == i; place++) {
            view->places[place].step = now;
            view->places[place].lazy = later;
        }
        step->run = m->source->run[step->code];
        if (step->code == LTI_STEP_VIEW_FLOAT) {
            step->imm = (uintptr_t)view->parts[step->imm];
        } else if (step->code == LTI_STEP_VIEW_RUN) {
            step->imm = (uintptr_t)view;
            step->nth = m->insn_count;
            step->slot = m->row_count;
        }
        if (m->steps[i].need & NEED_NOW) {
            view->steps[now++] = *step;
        } else if (m->steps[i].need == NEED_LATER) {
            view->lazy[later++] = *step;
        }
    }
    if (view->mixed) {
        end_step(m->source, &view->steps[now], LTI_STEP_VIEW_STEPS, view->of->steps);
    } else {
        end_step(m->source, &view->steps[now], LTI_STEP_VIEW_END, view);
    }
    view->step_count = now + 1;
    end_step(m->source, &view->lazy[later], LTI_STEP_VIEW_DONE, NULL);
    return true;
}

/* Notes a value that somebody may look at when the callback is called. */
static void see(struct making *m, uint32_t at)
{
    struct value *value = value_at(m, (uint16_t)at);

    if (value && value->step != NO_STEP && (m->steps[value->step].need & NEED_NOW) &&
        !value->seen) {
        value->seen = true;
        m->view->seen[m->view->seen_count++] = (uint16_t)at;
    }
}

static void see_row(struct making *m, uint32_t count, uint32_t at)
{
    for (uint32_t i = 0; i < count; i++) {
        see(m, at + i);
    }
}

static bool find_seen(struct making *m)
{
    m->view->seen = malloc((m->value_count + 1) * sizeof *m->view->seen);
    if (!m->view->seen) {
        return false;
    }
    for (uint32_t i = 0; i < m->row_count; i++) {
        const struct lt_block_row *row = &m->rows[i];

        if (!(row->flags & LT_ROW_COMPUTED)) {
            see_row(m, (row->size + 7) / 8, row->value);
            see(m, row->addr);
            see(m, row->when);
        }
    }
    for (uint32_t i = 0; i < m->part_count; i++) {
        for (uint32_t k = 0; k < LTI_VIEW_PARTS; k++) {
            see(m, m->parts[i][k]);
        }
    }
    for (uint32_t i = 0; i < m->run_step; i++) {
        const struct lti_step *s = &m->steps[i].step;

        if (m->steps[i].need == NEED_LATER) {
            see(m, s->a);
            see(m, s->b);
        }
    }
    return true;
}

static int make_view(struct making *m)
{
    struct lti_view *view = m->view;

    if (view->mixed) {
        m->run_step = m->step_count;
        add_step(m, LTI_STEP_VIEW_RUN);
    } else {
        write_back(m);
    }
    find_needs(m);
    view->parts = keep(m->parts, m->part_count, sizeof *m->parts);
    view->maybe = keep(m->maybe, view->maybe_count, sizeof *m->maybe);
    view->block = (struct lt_block){
        .size = sizeof view->block,
        .number = (*m->source->views)++,
        .pc = m->insns[0].pc,
        .insns = keep(m->insns, m->insn_count, sizeof *m->insns),
        .rows = keep(m->rows, m->row_count, sizeof *m->rows),
        .insn_count = m->insn_count,
        .row_count = m->row_count,
        .value_count = LTI_FIRST_VALUE + m->value_count,
    };
    view->run = (struct lt_block_run){
        .type = LT_EVENT_BLOCK,
        .size = sizeof view->run,
        .block = &view->block,
        .insns = m->insn_count,
        .rows = m->row_count,
        .flags = view->first->continues ? LT_RUN_RESUMES : 0,
    };
    return view->parts && view->maybe && view->block.insns && view->block.rows &&
                   keep_steps(m) && find_seen(m)
               ? 0
               : LT_ERR_NO_MEMORY;
}

int lti_view_create(const struct lti_block_source *source, const struct lti_desc *desc,
                    const struct lti_desc_insn *insns, const struct lti_op *ops,
                    struct lti_block *block)
{
    struct making m = {.source = source, .arch = source->arch};
    struct lti_view *view;
    uint64_t wanted = 0;
    int error = LT_ERR_NO_MEMORY;

    for (uint32_t i = 0; i < block->insn_count; i++) {
        wanted |= lti_wanted_at(source, LT_EVENT_BLOCK, block->insns[i].event.pc);
    }
    if (!wanted) {
        return 0;
    }
    view = m.view = calloc(1, sizeof *view);
    if (!view) {
        return LT_ERR_NO_MEMORY;
    }
    view->of = block;
    view->wanted = wanted;
    view->last = &block->insns[block->insn_count - 1];
    for (uint32_t i = 0; i < block->insn_count; i++) {
        for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_MEM_READ; type++) {
            view->mixed |= (block->insns[i].told[type] & ~LTI_WANTED_VIEW) != 0;
        }
    }
    view->places = malloc(((size_t)block->insn_count + 1) * sizeof *view->places);
    if (view->places && allocate(&m, desc, ops)) {
        for (uint32_t w = 0; w < LTI_MAX_REGS; w++) {
            m.place[w] = (uint16_t)w;
        }
        error = make_insns(&m, desc, insns, ops) ? make_view(&m) : LT_ERR_STREAM;
    }
    release(&m);
    if (error) {
        lti_view_destroy(view);
        return error;
    }
    block->view = view;
    block->begin = view->steps;
    return 0;
}

void lti_view_destroy(struct lti_view *view)
{
    if (view) {
        free((void *)(uintptr_t)view->block.insns);
        free((void *)(uintptr_t)view->block.rows);
        free(view->places);
        free(view->steps);
        free(view->lazy);
        free(view->parts);
        free(view->maybe);
        free(view->seen);
        free(view);
    }
}

/* ---- Runs ---- */

const struct lti_step *lti_view_part(struct lti_decoder *d, const struct lti_view *view,
                                     uint32_t count, uint32_t stores)
{
    const struct lti_view_place *place = &view->places[count];
    uint32_t rows = place->rows;
    struct lti_step *steps;

    if (stores) {
        rows = place[-1].rows;
        for (uint32_t i = rows; i < place->rows && stores; i++) {
            if (view->block.rows[i].kind == LT_EVENT_MEM_WRITE) {
                rows = i + 1;
                stores--;
            }
        }
    }
    if (place->insns == 0) {
        return view->of->steps;
    }
    steps = realloc(d->part, (place->step + place->lazy + 3) * sizeof *steps);
    if (!steps) {
        return NULL;
    }
    d->part = steps;
    memcpy(steps, view->steps, place->step * sizeof *steps);
    steps += place->step;
    end_step(&d->source, steps, LTI_STEP_VIEW_RUN, view);
    steps->nth = place->insns;
    steps->slot = rows;
    end_step(&d->source, ++steps, LTI_STEP_VIEW_STEPS, view->of->steps);
    d->part_lazy = ++steps;
    memcpy(steps, view->lazy, place->lazy * sizeof *steps);
    end_step(&d->source, steps + place->lazy, LTI_STEP_VIEW_DONE, NULL);
    return d->part;
}

int lti_view_tell(struct lti_decoder *d, const struct lti_view *view, uint32_t insns,
                  uint32_t rows, uint64_t base, const uint8_t *record, uint32_t *told)
{
    struct lt_block_run *run = &d->run;
    const struct lti_insn *first = view->first;
    const bool resumes =
        first->continues || (first->repeats && first == view->of->insns && d->insn &&
                             d->insn->event.pc == first->event.pc);
    uint32_t count = insns + rows - resumes;
    int result;

    for (uint32_t i = 0; i < view->maybe_count && view->maybe[i] < rows; i++) {
        count -= !d->regs[view->block.rows[view->maybe[i]].when];
    }
    *told = count;
    d->lazy = d->part_lazy;
    d->part_lazy = NULL;
    if (!count) {
        return 0;
    }
    run->seq = base + 1;
    run->pid = d->pid;
    run->tid = d->tid;
    run->block = &view->block;
    run->insns = insns;
    run->rows = rows;
    run->flags = resumes ? LT_RUN_RESUMES : 0;
    d->view = view;
    d->view_record = record;
    LTI_CALL(d, LT_EVENT_BLOCK, block, view->wanted, run, result);
    d->view = NULL;
    d->lazy = NULL;
    return result;
}

void lti_view_end(struct lti_decoder *d, const struct lti_view *view)
{
    const struct lti_insn *first = view->of->insns;

    d->stats.insns += view->repeats;
    if (first->repeats && !(d->insn && d->insn->event.pc == first->event.pc)) {
        d->stats.insns++;
    }
    d->insn = view->last;
}

uint64_t lti_view_float(bool x86, const uint64_t *values, const uint16_t *parts)
{
    uint64_t regs[LTI_A64_FPCR + LTI_VIEW_PARTS];
    uint64_t *first = regs + (x86 ? LTI_X86_MXCSR : LTI_A64_FPCR);

    for (uint32_t i = 0; i < LTI_VIEW_PARTS; i++) {
        first[i] = values[parts[i]];
    }
    return x86 ? lti_x86_mxcsr(regs) : lti_a64_fpsr(regs);
}

/* Makes what flags follow from. */
static void run_lazy(struct lti_decoder *d)
{
    const struct lti_step *step = d->step;
    const uint8_t *record = d->record;

    d->step = d->lazy ? d->lazy : d->view->lazy;
    d->record = d->view_record;
    lti_run_steps(d, NULL);
    d->step = step;
    d->record = record;
    d->view_record = NULL; /* once a run is enough */
}

int lti_view_value(struct lti_decoder *d, const struct lt_block_run *run, uint32_t number,
                   uint64_t *value)
{
    const struct lt_block_row *row;
    uint64_t regs[LTI_A64_NF + LTI_VIEW_PARTS];

    if (!d->view || (run != &d->run && run != &d->view->run)) {
        return LT_ERR_STATE;
    }
    if (number >= run->rows) {
        return LT_ERR_ARGUMENT;
    }
    row = &run->block->rows[number];
    if (row->when && !d->regs[row->when]) {
        return LT_ERR_ARGUMENT;
    }
    if (!(row->flags & LT_ROW_COMPUTED)) {
        *value =
            d->regs[row->value] & UINT64_MAX >> (row->size < 8 ? 64 - 8 * row->size : 0);
        return 0;
    }
    if (d->view_record) {
        run_lazy(d);
    }
    for (uint32_t i = 0; i < LTI_VIEW_PARTS; i++) {
        regs[(d->x86 ? LTI_X86_CC_OP : LTI_A64_NF) + i] =
            d->regs[d->view->parts[row->value][i]];
    }
    *value = d->x86 ? lti_x86_rflags(regs, d->cc_map) : lti_a64_nzcv(regs);
    return 0;
}
