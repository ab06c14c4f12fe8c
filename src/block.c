/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks a block descriptor and makes it quick to run. */
#include "block.h"

#include <stdlib.h>
#include <string.h>

#include "view.h"

#define MAX_INSNS 4096u
#define MAX_OPS (1u << 20)
#define MAX_CODE (MAX_INSNS * 16u)

/* ---- Filters ---- */

static bool filter_takes(const struct lt_filter *filter, uint64_t pc, const char *path)
{
    if (pc < filter->pc_start || (filter->pc_end && pc >= filter->pc_end)) {
        return false;
    }
    return !filter->module || !*filter->module ||
           (path && lti_filter_module_matches(filter->module, path));
}

uint64_t lti_wanted_at(const struct lti_block_source *source, uint32_t type, uint64_t pc)
{
    const struct lti_callbacks *c = source->callbacks;
    const struct lti_mapping *mapping = lti_modules_find(source->modules, pc);
    const char *path = mapping ? mapping->path : NULL;
    uint64_t wanted = 0;

    for (unsigned i = 0; i < c->count[type]; i++) {
        if (filter_takes(&c->list[type][i].filter, pc, path)) {
            wanted |= UINT64_C(1) << i;
        }
    }
    if (c->pull && (c->pull_kinds & LT_KIND(type)) &&
        filter_takes(&c->pull_filter, pc, path)) {
        wanted |= LTI_WANTED_PULL;
    }
    if (wanted & c->sync[type]) {
        wanted &= ~c->sync[type];
        wanted |= LTI_WANTED_SYNC;
    }
    if (c->memory && type == LT_EVENT_MEM_WRITE) {
        wanted |= LTI_WANTED_MEMORY;
    }
    return wanted;
}

/* ---- Checking ---- */

struct raw {
    struct lti_desc desc;
    const struct lti_desc_insn *insns;
    const struct lti_op *ops;
    const uint8_t *code;
    uint8_t *copy; /* of all the descriptor: the arena may change under us */
};

static bool copy_descriptor(const struct lti_block_source *source, uint32_t number,
                            struct raw *raw, int *error)
{
    uint64_t offset, ops_at, code_at;
    const struct lti_desc *d = &raw->desc;
    uint32_t at;

    *error = LT_ERR_STREAM;
    raw->copy = NULL;

    if (number >= LTI_MAX_BLOCKS || number % LTI_SLAB_BLOCKS == 0) {
        return false;
    }
    memcpy(&at,
           source->arena + LTI_DESC_OFFSET +
               (uint64_t)(number / LTI_SLAB_BLOCKS) * LTI_SLAB_SIZE +
               4 * (number % LTI_SLAB_BLOCKS),
           sizeof at);
    offset = 16 * (uint64_t)at;
    if (offset == 0 || offset > LTI_DESC_SIZE - sizeof raw->desc) {
        return false;
    }
    memcpy(&raw->desc, source->arena + LTI_DESC_OFFSET + offset, sizeof raw->desc);
    if (d->insn_count == 0 || d->insn_count > MAX_INSNS || d->op_count > MAX_OPS ||
        d->code_size > MAX_CODE || d->value_count > UINT16_MAX - LTI_FIRST_VALUE ||
        d->record_size < 4 || d->record_size % 4 || d->record_size > LTI_CHUNK_STRIDE) {
        return false;
    }
    ops_at = (sizeof *d + d->insn_count * sizeof *raw->insns + 7) & ~7ull;
    code_at = ops_at + d->op_count * sizeof *raw->ops;
    if (d->size < code_at + d->code_size || d->size > LTI_DESC_SIZE - offset) {
        return false;
    }
    raw->copy = malloc(code_at + d->code_size);
    if (!raw->copy) {
        *error = LT_ERR_NO_MEMORY;
        return false;
    }
    memcpy(raw->copy, source->arena + LTI_DESC_OFFSET + offset, code_at + d->code_size);
    raw->insns = (const void *)(raw->copy + sizeof *d);
    raw->ops = (const void *)(raw->copy + ops_at);
    raw->code = raw->copy + code_at;
    return true;
}

static bool insn_is_sound(const struct raw *raw, uint32_t i)
{
    const struct lti_desc_insn *insn = &raw->insns[i];
    uint32_t first = i ? raw->insns[i - 1].first_op : 0;
    uint32_t slot = i ? raw->insns[i - 1].slot_offset : 4;

    return insn->first_op >= first && insn->first_op <= raw->desc.op_count &&
           insn->slot_offset >= slot && insn->slot_offset <= raw->desc.record_size &&
           insn->slot_offset % 4 == 0 && insn->length <= 15 &&
           insn->code_offset <= raw->desc.code_size &&
           insn->length <= raw->desc.code_size - insn->code_offset;
}

/* `slots_end`: where the slots of the op's instruction end. */
static bool words_are_sound(const struct lti_op *op, const struct lti_arch *arch,
                            uint32_t slots_end)
{
    const uint32_t slot = (uint32_t)op->imm, bytes = (uint32_t)(op->imm >> 32);
    uint32_t told = op->b;

    if (op->flags & LTI_OP_STACK) {
        if (op->op != LTI_WORDS || arch->word_count != LTI_X86_REGS ||
            op->a < LTI_X86_REG_FPR0 || op->a > LTI_X86_REG_FPR0 + 7 ||
            (op->b && !(op->b & LTI_X87_BYTES))) {
            return false;
        }
        told &= LTI_X87_BYTES;
    }
    if (bytes == 0 || bytes % 4 || bytes > 1020 || op->d >= arch->word_count ||
        (bytes + 7) / 8 > arch->word_count - op->d) {
        return false;
    }
    if (op->op == LTI_WORDS &&
        (slot < 4 || slot % 4 || slot > slots_end || slots_end - slot < bytes)) {
        return false;
    }
    return op->b == 0 || (op->a < arch->held_count && op->a != arch->pc_reg &&
                          op->a != arch->flags_reg && told <= arch->regs[op->a].width);
}

static bool op_is_sound(const struct raw *raw, uint32_t i, const struct lti_arch *arch,
                        uint32_t slots_end)
{
    const unsigned reg_count = arch->word_count;
    const struct lti_op *op = &raw->ops[i];
    const uint32_t values = raw->desc.value_count;
    const unsigned width = op->flags & LTI_OP_32 ? 32 : 64;
    bool slot_fits;

    switch (op->op) {
    case LTI_CONST:
        return op->d < values;
    case LTI_SLOT32:
    case LTI_SLOT64:
        slot_fits = op->imm >= 4 && op->imm % 4 == 0 && op->imm <= slots_end &&
                    slots_end - op->imm >= (op->op == LTI_SLOT64 ? 8u : 4u);
        return op->d < values && slot_fits;
    case LTI_REG:
        return op->d < values && op->a < reg_count;
    case LTI_MOVCOND:
        if (i == 0 || op[-1].op != LTI_MORE) {
            return false;
        }
        /* fall through */
    case LTI_SETCOND:
    case LTI_NEGSETCOND:
        return op->d < values && op->a < values && op->b < values &&
               op->imm <= LTI_COND_TSTNE;
    case LTI_EXTRACT:
    case LTI_SEXTRACT:
    case LTI_DEPOSIT: {
        uint64_t pos = op->imm & 255, length = op->imm >> 8;
        return op->d < values && op->a < values && op->b < values && length > 0 &&
               pos < width && length <= width - pos;
    }
    case LTI_EXTRACT2:
        return op->d < values && op->a < values && op->b < values && op->imm <= width;
    case LTI_BSWAP:
        return op->d < values && op->a < values && op->b < values &&
               (op->imm == 2 || op->imm == 4 || op->imm == 8);
    case LTI_MORE:
        return op->a < values && op->b < values;
    case LTI_EFLAGS:
        return arch->word_count == LTI_X86_REGS && i > 0 && op[-1].op == LTI_MORE &&
               op->d < values && op->a < values && op->b < values;
    case LTI_SETREG:
        /* Told under its number, which is that of a general register then. */
        return op->d < reg_count && op->a < values && op->b < values &&
               ((op->flags & LTI_OP_HIDDEN) ||
                (op->d < arch->reg_count && arch->regs[op->d].word == op->d &&
                 arch->regs[op->d].how == LTI_REG_WORDS));
    case LTI_FLAGS:
        return true;
    case LTI_WORDS:
    case LTI_ZERO:
        return words_are_sound(op, arch, slots_end);
    case LTI_STORE:
    case LTI_LOAD:
        return op->a < values && op->b < values &&
               (op->imm == 1 || op->imm == 2 || op->imm == 4 || op->imm == 8);
    case LTI_STORE16:
    case LTI_LOAD16:
        return op->a < values && op->b < values && op->imm < values;
    default:
        return op->op >= LTI_ADD && op->op <= LTI_MULSH && op->d < values &&
               op->a < values && op->b < values;
    }
}

static bool is_sound(const struct raw *raw, const struct lti_arch *arch)
{
    const struct lti_desc *d = &raw->desc;

    for (uint32_t i = 0; i < d->insn_count; i++) {
        if (!insn_is_sound(raw, i)) {
            return false;
        }
    }
    /* A partial record ends where an instruction's slots do. */
    for (uint32_t i = 0; i < d->insn_count; i++) {
        bool last = i + 1 == d->insn_count;
        uint32_t end = last ? d->op_count : raw->insns[i + 1].first_op;
        uint32_t slots_end = last ? d->record_size : raw->insns[i + 1].slot_offset;

        for (uint32_t k = raw->insns[i].first_op; k < end; k++) {
            if (!op_is_sound(raw, k, arch, slots_end)) {
                return false;
            }
        }
    }
    return raw->insns[0].first_op == 0;
}

/* ---- Making steps ---- */

/* What a value of the instruction in hand is, if a later step can use it in
 * place: its only op and how often it is used. */
struct use {
    uint32_t op;
    uint32_t count;
};

static void count_uses(const struct raw *raw, uint32_t from, uint32_t to,
                       struct use *uses)
{
    for (uint32_t i = from; i < to; i++) {
        const struct lti_op *op = &raw->ops[i];
        if (op->op <= LTI_LAST_VALUE_OP && op->op != LTI_MORE) {
            uses[op->d] = (struct use){.op = i};
        }
    }
    for (uint32_t i = from; i < to; i++) {
        const struct lti_op *op = &raw->ops[i];
        switch (op->op) {
        case LTI_CONST:
        case LTI_SLOT32:
        case LTI_SLOT64:
        case LTI_REG:
        case LTI_FLAGS:
        case LTI_WORDS:
        case LTI_ZERO:
            break;
        case LTI_SETREG:
        case LTI_NOT:
        case LTI_NEG:
        case LTI_CTPOP:
        case LTI_BSWAP:
        case LTI_EXTRACT:
        case LTI_SEXTRACT:
            uses[op->a].count++;
            break;
        case LTI_STORE16:
        case LTI_LOAD16:
            uses[op->imm].count++;
            /* fall through */
        default:
            uses[op->a].count++;
            uses[op->b].count++;
            break;
        }
    }
}

struct maker {
    const struct lti_block_source *source;
    const struct raw *raw;
    struct lti_block *block;
    uint64_t cc; /* cc_op where it is constant, else UINT64_MAX */
    struct use *uses;
    bool *folded; /* by op: taken into a later step */
};

static const struct lti_op *maker_of(const struct maker *m, uint16_t value)
{
    return &m->raw->ops[m->uses[value].op];
}

static bool is_const(const struct maker *m, uint16_t value)
{
    return maker_of(m, value)->op == LTI_CONST;
}

static bool only_use(const struct maker *m, uint16_t value)
{
    return m->uses[value].count == 1;
}

static void fold(struct maker *m, uint16_t value)
{
    m->folded[m->uses[value].op] = true;
}

static bool is_cc(const struct maker *m, const struct lti_op *op)
{
    return m->source->cc_map && op->op == LTI_SETREG && op->d >= LTI_X86_CC_OP &&
           op->d <= LTI_X86_CC_SRC2;
}

static bool uses_value(const struct lti_op *op, uint16_t value)
{
    switch (op->op) {
    case LTI_CONST:
    case LTI_SLOT32:
    case LTI_SLOT64:
    case LTI_REG:
    case LTI_FLAGS:
    case LTI_WORDS:
    case LTI_ZERO:
        return false;
    case LTI_STORE16:
    case LTI_LOAD16:
        return op->a == value || op->b == value || op->imm == value;
    default:
        return op->a == value || op->b == value;
    }
}

/* Whether an op gives the register file's word `reg` another value. */
static bool overwrites(const struct lti_op *op, uint16_t reg)
{
    if (op->op == LTI_WORDS || op->op == LTI_ZERO) {
        return reg >= op->d && reg < op->d + ((op->imm >> 32) + 7) / 8;
    }
    return op->op == LTI_SETREG && op->d == reg;
}

/* Whether the register that op number `i` reads still holds the same where the
 * value is used last, so that its users may read the register. */
static bool register_lasts(const struct maker *m, uint32_t i, uint32_t to)
{
    const struct lti_op *ops = m->raw->ops;
    bool overwritten = false, used_by_cc = false;

    for (uint32_t k = i + 1; k < to; k++) {
        if (uses_value(&ops[k], ops[i].d)) {
            if (overwritten) {
                return false;
            }
            used_by_cc |= is_cc(m, &ops[k]); /* may be done last of all */
        }
        overwritten |= overwrites(&ops[k], ops[i].a);
    }
    return !(overwritten && used_by_cc);
}

unsigned lti_step_with_constant(const struct lti_op *op)
{
    switch (op->op) {
    case LTI_ADD:
    case LTI_SUB:
        return LTI_STEP_ADDI;
    case LTI_AND:
        return LTI_STEP_ANDI;
    case LTI_OR:
        return LTI_STEP_ORI;
    case LTI_XOR:
        return LTI_STEP_XORI;
    case LTI_SHL:
        return LTI_STEP_SHLI;
    case LTI_SHR:
        return LTI_STEP_SHRI;
    default:
        return 0;
    }
}

/* Marks ops whose work a later step does itself. */
static void find_folds(struct maker *m, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        const struct lti_op *op = &m->raw->ops[i];
        if (op->op == LTI_REG) {
            m->folded[i] = register_lasts(m, i, to);
        } else if (op->op == LTI_SETREG && only_use(m, op->a)) {
            unsigned made_by = maker_of(m, op->a)->op;
            if (made_by == LTI_SLOT64 || made_by == LTI_SLOT32 ||
                (made_by == LTI_CONST && (op->flags & LTI_OP_HIDDEN))) {
                fold(m, op->a);
            }
        } else if (lti_step_with_constant(op) && is_const(m, op->b) &&
                   only_use(m, op->b)) {
            fold(m, op->b);
        }
    }
}

/* Where the steps find a value. */
static uint16_t operand(const struct maker *m, uint16_t value)
{
    const struct lti_op *op = maker_of(m, value);

    return op->op == LTI_REG && m->folded[m->uses[value].op]
               ? op->a
               : (uint16_t)(LTI_FIRST_VALUE + value);
}

/* Whether the one callback of the kind, and nothing else, wants the event. */
static bool for_one(const struct maker *m, uint32_t type, uint64_t wanted)
{
    return wanted == 1 && m->source->callbacks->count[type] == 1;
}

static void make_setreg(struct maker *m, const struct lti_op *op, struct lti_step *step,
                        uint64_t wanted)
{
    const struct lti_op *source = maker_of(m, op->a);
    bool folded = m->folded[m->uses[op->a].op] && source->op != LTI_REG;
    bool silent = (op->flags & LTI_OP_HIDDEN) || !wanted;
    unsigned one = for_one(m, LT_EVENT_REG_WRITE, wanted);

    step->imm = wanted;
    if (!folded) {
        step->code = (uint8_t)(silent ? LTI_STEP_SETREG : LTI_STEP_WRITE + one);
    } else if (source->op == LTI_CONST) {
        step->code = LTI_STEP_SETREG_IMM;
        step->imm = source->imm;
    } else {
        bool wide = source->op == LTI_SLOT64;
        step->slot = (uint32_t)source->imm;
        if (silent) {
            step->code = wide ? LTI_STEP_SETREG_SLOT64 : LTI_STEP_SETREG_SLOT32;
        } else {
            step->code =
                (uint8_t)((wide ? LTI_STEP_WRITE_SLOT64 : LTI_STEP_WRITE_SLOT32) + one);
        }
    }
}

/* Where a step's value is found when another one does its work: what it took
 * from a slot is in its register by then. */
static uint16_t take_over(struct lti_step *step)
{
    if (step->code == LTI_STEP_SETREG_SLOT64) {
        return step->d;
    }
    step->code = LTI_MORE;
    return step->a;
}

/*
 * What an x86 instruction leaves for the flags is mostly two values and a
 * constant kind; then one step keeps them and computes the flags.  It takes the
 * place of the steps from *n on back that do no more than keep them.
 */
static bool make_flags_one(struct maker *m, struct lti_step *first, struct lti_step *end,
                           uint64_t wanted, struct lti_step *step)
{
    struct lti_step *op = NULL, *dst = NULL, *src = NULL;

    if (!m->source->cc_map || !for_one(m, LT_EVENT_REG_WRITE, wanted)) {
        return false;
    }
    for (struct lti_step *s = first; s < end; s++) {
        if (s->code == LTI_STEP_SETREG_IMM && s->d == LTI_X86_CC_OP) {
            op = s;
        } else if ((s->code == LTI_STEP_SETREG || s->code == LTI_STEP_SETREG_SLOT64) &&
                   s->d == LTI_X86_CC_DST) {
            dst = s;
        } else if ((s->code == LTI_STEP_SETREG || s->code == LTI_STEP_SETREG_SLOT64) &&
                   s->d == LTI_X86_CC_SRC) {
            src = s;
        } else if (s->d >= LTI_X86_CC_OP && s->d <= LTI_X86_EFLAGS &&
                   s->code >= LTI_STEP_SETREG && s->code <= LTI_STEP_SETREG_SLOT32) {
            return false; /* something else of the flags */
        }
    }
    *step = (struct lti_step){.imm = wanted};
    if (op) {
        step->d = (uint16_t)op->imm;
    } else if (m->cc < 128) {
        step->d = (uint16_t)m->cc;
    } else {
        return false;
    }
    step->slot = m->source->cc_map[step->d & 127];
    switch (step->slot & ~3u) {
    case LTI_CC_SUB:
        step->code = LTI_STEP_FLAGS_SUB_ONE;
        break;
    case LTI_CC_ADD:
        step->code = LTI_STEP_FLAGS_ADD_ONE;
        break;
    case LTI_CC_LOGIC:
        step->code = LTI_STEP_FLAGS_LOGIC_ONE;
        break;
    default:
        step->code = LTI_STEP_FLAGS_ONE;
        break;
    }
    if (!dst || (!src && step->code != LTI_STEP_FLAGS_LOGIC_ONE) ||
        (src && step->code == LTI_STEP_FLAGS_LOGIC_ONE)) {
        return false;
    }
    step->a = take_over(dst);
    step->b = src ? take_over(src) : 0;
    if (op) {
        op->code = LTI_MORE; /* does nothing */
    }
    return true;
}

/* Lets a step for flags make cc_dst itself, of the step before it, whose value
 * nothing else uses. */
static void join_compare(struct maker *m, struct lti_step *first, struct lti_step *flags)
{
    struct lti_step *made = NULL;

    for (struct lti_step *s = first; s < flags; s++) {
        if (s->d == flags->a && s->code < LTI_STEP_INSN && s->code != LTI_MORE) {
            made = s;
        }
    }
    if (!made || flags->a < LTI_FIRST_VALUE || (made->flags & LTI_OP_32) ||
        m->uses[flags->a - LTI_FIRST_VALUE].count != 1) {
        return;
    }
    for (struct lti_step *s = made + 1; s < flags; s++) {
        if (s->code >= LTI_STEP_SETREG && s->code <= LTI_STEP_WRITE_SLOT32_ONE &&
            (s->d == made->a || s->d == made->b)) {
            return; /* its operand is another one by then */
        }
    }
    if (flags->code == LTI_STEP_FLAGS_SUB_ONE && made->code == LTI_SUB &&
        made->b == flags->b) {
        flags->code = LTI_STEP_FLAGS_CMP_ONE;
    } else if (flags->code == LTI_STEP_FLAGS_LOGIC_ONE && made->code == LTI_AND) {
        flags->code = LTI_STEP_FLAGS_TEST_ONE;
        flags->b = made->b;
    } else {
        return;
    }
    flags->a = made->a;
    made->code = LTI_MORE; /* does nothing */
}

static uint64_t mem_wanted(const struct lti_insn *insn, bool store)
{
    return insn->told[store ? LT_EVENT_MEM_WRITE : LT_EVENT_MEM_READ];
}

static void make_words(const struct lti_op *op, struct lti_step *step, uint64_t wanted)
{
    bool told = op->b && wanted;

    *step = (struct lti_step){
        .slot = (uint32_t)op->imm,
        .flags = (uint8_t)(op->imm >> 34),
        .d = op->d,
        .a = op->a,
        .b = op->b,
        .imm = wanted,
    };
    if (op->op == LTI_ZERO) {
        step->code = told ? LTI_STEP_ZERO_TELL : LTI_STEP_ZERO;
    } else if (told && (op->flags & LTI_OP_STACK)) {
        step->code = LTI_STEP_WORDS_STACK;
    } else if (told && (op->flags & LTI_OP_CHANGED)) {
        step->code = LTI_STEP_WORDS_CHANGED;
    } else {
        step->code = told ? LTI_STEP_WORDS_TELL : LTI_STEP_WORDS;
    }
}

/* Makes the step for `op`; false if none is needed. */
static bool make_step(struct maker *m, uint32_t i, const struct lti_insn *insn,
                      struct lti_step *first, struct lti_step *step)
{
    const struct lti_op *op = &m->raw->ops[i];

    if (m->folded[i]) {
        return false;
    }
    *step = (struct lti_step){.code = op->op, .flags = op->flags, .imm = op->imm};
    if (op->op <= LTI_LAST_VALUE_OP && op->op != LTI_MORE) {
        step->d = (uint16_t)(LTI_FIRST_VALUE + op->d);
    }
    if (op->op >= LTI_ADD && op->op != LTI_FLAGS && op->op < LTI_WORDS) {
        step->a = operand(m, op->a);
        step->b = operand(m, op->b);
    }
    switch (op->op) {
    case LTI_REG:
        step->a = op->a;
        return true;
    case LTI_SETREG:
        step->d = op->d;
        make_setreg(m, op, step, insn->told[LT_EVENT_REG_WRITE]);
        return true;
    case LTI_FLAGS:
        step->imm = insn->told[LT_EVENT_REG_WRITE];
        if (make_flags_one(m, first, step, step->imm, step)) {
            join_compare(m, first, step);
        } else {
            *step = (struct lti_step){.code = LTI_STEP_FLAGS,
                                      .imm = insn->told[LT_EVENT_REG_WRITE]};
        }
        return step->imm != 0;
    case LTI_STORE:
    case LTI_STORE16:
    case LTI_LOAD:
    case LTI_LOAD16:
        step->code = (uint8_t)(LTI_STEP_STORE + (op->op - LTI_STORE));
        step->d = op->op == LTI_STORE || op->op == LTI_LOAD
                      ? (uint16_t)op->imm
                      : operand(m, (uint16_t)op->imm);
        step->imm = mem_wanted(insn, op->op == LTI_STORE || op->op == LTI_STORE16);
        return step->imm != 0;
    case LTI_WORDS:
    case LTI_ZERO:
        make_words(op, step, insn->told[LT_EVENT_REG_WRITE]);
        return true;
    case LTI_EXTRACT:
        if (op->imm == 32 << 8 && !(op->flags & LTI_OP_32)) {
            step->code = LTI_STEP_LOW32;
        }
        return true;
    default:
        if (lti_step_with_constant(op) && is_const(m, op->b)) {
            uint64_t c = maker_of(m, op->b)->imm;
            step->code = (uint8_t)lti_step_with_constant(op);
            step->imm = op->op == LTI_SUB ? -c : c;
        }
        return true;
    }
}

/* Drops steps that do nothing; those for the operands of the next one stay. */
static uint32_t drop_empty(struct lti_step *first, struct lti_step *end)
{
    struct lti_step *to = first;

    for (struct lti_step *s = first; s < end; s++) {
        if (s->code != LTI_MORE ||
            (s + 1 < end && (s[1].code == LTI_MOVCOND || s[1].code == LTI_EFLAGS))) {
            *to++ = *s;
        }
    }
    return (uint32_t)(to - first);
}

static void make_insn_step(const struct maker *m, const struct lti_insn *insn,
                           struct lti_step *step)
{
    uint64_t wanted = insn->told[LT_EVENT_INSN];

    *step = (struct lti_step){.code = LTI_STEP_INSN, .imm = (uintptr_t)insn};
    if (insn->continues || (!wanted && !insn->repeats)) {
        step->code = LTI_STEP_INSN_SILENT;
    } else if (insn->repeats) {
        step->code = LTI_STEP_INSN_REPEATS;
    } else if (for_one(m, LT_EVENT_INSN, wanted)) {
        step->code = LTI_STEP_INSN_ONE;
    }
}

/* The block view has the instruction, and who is told of its events by steps. */
static void make_view_insn(const struct lti_block_source *source, struct lti_insn *insn)
{
    const struct lti_callbacks *c = source->callbacks;
    uint64_t wanted = lti_wanted_at(source, LT_EVENT_BLOCK, insn->event.pc);

    for (uint64_t left = wanted; left; left &= left - 1) {
        insn->view |=
            c->list[LT_EVENT_BLOCK][__builtin_ctzll(left)].kinds | LT_KIND(LT_EVENT_INSN);
    }
    for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_MEM_READ; type++) {
        insn->told[type] = insn->wanted[type];
        if (insn->view) {
            insn->told[type] &= ~c->not_in_blocks[type];
        }
        if (insn->view & LT_KIND(type)) {
            insn->told[type] |= LTI_WANTED_VIEW;
        }
    }
    if (insn->view && (c->pull_filter.flags & LT_FILTER_NOT_IN_BLOCKS)) {
        for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_MEM_READ; type++) {
            insn->told[type] &= ~LTI_WANTED_PULL;
        }
    }
}

static void make_insn(const struct lti_block_source *source, const struct raw *raw,
                      struct lti_block *block, uint32_t i)
{
    const struct lti_desc_insn *from = &raw->insns[i];
    struct lti_insn *insn = &block->insns[i];

    insn->event.type = LT_EVENT_INSN;
    insn->event.size = sizeof insn->event;
    insn->event.pc = raw->desc.pc + from->pc_offset;
    insn->event.bytes = block->code + from->code_offset;
    insn->event.length = from->length;
    for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_MEM_READ; type++) {
        insn->wanted[type] = lti_wanted_at(source, type, insn->event.pc);
    }
    insn->wanted[LT_EVENT_INSN] &= ~LTI_WANTED_SYNC; /* told where the guest waits */
    if (from->want & LTI_WANT_SYNC_MEM) {
        insn->wanted[LT_EVENT_MEM_WRITE] |= LTI_WANTED_SYNC;
        insn->wanted[LT_EVENT_MEM_READ] |= LTI_WANTED_SYNC;
    }
    make_view_insn(source, insn);
    insn->slot_offset = from->slot_offset;
    insn->continues = from->flags & LTI_INSN_CONTINUES;
    insn->repeats = from->flags & LTI_INSN_REPEATS;
    block->begins += !insn->continues && !insn->repeats;
}

/* The last things a step needs: its place in the decoder and its event's number. */
static void number_events(const struct lti_block_source *source, struct lti_block *block)
{
    uint32_t events = 0, insn = 0;

    for (uint32_t i = 0; i < block->step_count; i++) {
        struct lti_step *step = &block->steps[i];

        if (insn < block->insn_count && block->insns[insn].first_step == i) {
            block->insns[insn++].events_before = events;
        }
        events += (step->code >= LTI_STEP_INSN && step->code <= LTI_STEP_INSN_REPEATS &&
                   step->code != LTI_STEP_INSN_SILENT) ||
                  (step->code >= LTI_STEP_WRITE && step->code <= LTI_STEP_LOAD16) ||
                  (step->code >= LTI_STEP_INSN_LAST_ONE && step->code != LTI_STEP_WORDS &&
                   step->code != LTI_STEP_ZERO);
        step->nth = events;
        step->run = source->run[step->code];
    }
}

static int make_block(const struct lti_block_source *source, const struct raw *raw,
                      struct lti_block *block)
{
    const struct lti_desc *d = &raw->desc;
    struct maker m = {.source = source, .raw = raw, .block = block, .cc = UINT64_MAX};
    uint32_t n = 0;

    block->pc = d->pc;
    block->record_size = d->record_size;
    block->insn_count = d->insn_count;
    block->insns = calloc(d->insn_count, sizeof *block->insns);
    block->steps = calloc((size_t)d->op_count + d->insn_count + 1, sizeof *block->steps);
    block->code = malloc(d->code_size + 1);
    m.uses = calloc((size_t)d->value_count + 1, sizeof *m.uses);
    m.folded = calloc((size_t)d->op_count + 1, sizeof *m.folded);
    if (!block->insns || !block->steps || !block->code || !m.uses || !m.folded) {
        free(m.uses);
        free(m.folded);
        return LT_ERR_NO_MEMORY;
    }
    memcpy(block->code, raw->code, d->code_size);
    for (uint32_t i = 0; i < d->insn_count; i++) {
        uint32_t from = raw->insns[i].first_op;
        uint32_t to = i + 1 < d->insn_count ? raw->insns[i + 1].first_op : d->op_count;

        make_insn(source, raw, block, i);
        struct lti_step *first = &block->steps[n], *step = first + 1;

        block->insns[i].first_step = n;
        make_insn_step(&m, &block->insns[i], first);
        memset(m.uses, 0, ((size_t)d->value_count + 1) * sizeof *m.uses);
        count_uses(raw, from, to, m.uses);
        find_folds(&m, from, to);
        for (uint32_t k = from; k < to; k++) {
            const struct lti_op *op = &raw->ops[k];
            if (op->op == LTI_SETREG && op->d == LTI_X86_CC_OP) {
                m.cc = is_const(&m, op->a) ? maker_of(&m, op->a)->imm : UINT64_MAX;
            }
            step += make_step(&m, k, &block->insns[i], first + 1, step);
        }
        n += 1 + drop_empty(first + 1, step);
    }
    block->steps[n++].code = LTI_STEP_END;
    block->step_count = n;
    if (block->steps[n - 2].code == LTI_STEP_INSN_ONE) {
        block->steps[n - 2].code = LTI_STEP_INSN_LAST_ONE;
    }
    number_events(source, block);
    free(m.uses);
    free(m.folded);
    block->begin = block->steps;
    return lti_view_create(source, d, raw->insns, raw->ops, block);
}

int lti_block_create(const struct lti_block_source *source, uint32_t number,
                     struct lti_block **out)
{
    struct lti_block *block;
    struct raw raw;
    int error;

    if (!copy_descriptor(source, number, &raw, &error)) {
        return error;
    }
    if (!is_sound(&raw, source->arch)) {
        free(raw.copy);
        return LT_ERR_STREAM;
    }
    block = calloc(1, sizeof *block);
    error = block ? make_block(source, &raw, block) : LT_ERR_NO_MEMORY;
    free(raw.copy);
    if (error) {
        lti_block_destroy(block);
        return error;
    }
    *out = block;
    return 0;
}

void lti_block_destroy(struct lti_block *block)
{
    if (block) {
        free(block->insns);
        free(block->steps);
        free(block->code);
        lti_view_destroy(block->view);
        free(block);
    }
}
