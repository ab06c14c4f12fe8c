/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pass over a translation block's TCG operations.
 *
 * It runs once a block has been generated and before it is optimised.  For each
 * guest instruction it finds what is written to registers and memory, and adds
 * operations that store to the record only what the library cannot work out:
 * what was loaded from memory, and results of helpers.  How everything else
 * follows from these and from the registers before, it writes to the block's
 * descriptor as a list of steps (enum lti_opcode).
 *
 * Words used below: a *node* is a value during one instruction: opaque, a
 * constant, a register as the instruction found it, or an operation on nodes.  A
 * node has a *slot* when the record holds it.  A *record* here is what lies
 * between two commits; a block has one or more.
 *
 * A *complex* instruction has branches around its effects (rep, conditional
 * stores).  What it stores is reported by helper calls, and what it wrote to
 * registers at each way out.
 *
 * All state is under mmap_lock, as is translation.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "tcg/tcg.h"
#include "tcg/tcg-temp-internal.h"
#include "tcg/tcg-op.h"
#include "tcg/tcg-gvec-desc.h"
#include "tcg/helper-info.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "exec/translator.h"
#include "exec/translation-block.h"
#include "user/guest-host.h"
#include "lt-target.h"
#include "stream.h"

#define NODES 2048
#define GLOBALS 128 /* at most */
#define OPS 32768
#define INSNS TCG_MAX_INSNS
#define DEEP 10   /* an expression of more steps is worth a slot, */
#define DEEPER 24 /* or of so many, where registers are not told: flags, above all */

enum kind { OPAQUE, CONST, REG, OP, POINTER };

/* What is known of a node of 64 bits: a slot need not hold more than that. */
enum wide { WIDE, ZERO_EXTENDED, SIGN_EXTENDED }; /* of 32 bits */

typedef struct Node {
    uint8_t kind;
    uint8_t op;   /* OP: enum lti_opcode */
    bool is32;    /* it has 32 bits */
    uint8_t wide; /* enum wide */
    bool op32;    /* OP: LTI_OP_32 */
    uint8_t operands;
    uint16_t operand[4];
    uint64_t imm; /* CONST: value; REG: register; OP: lti_op.imm */
    TCGTemp *temp;
    TCGOp *def;      /* the slot's store goes behind this, */
    TCGv_ptr buffer; /* to the record at this, which is known there */
    int32_t slot;    /* offset in the record, or -1 */
    int32_t value;   /* number in the steps, valid in `epoch` */
    uint32_t epoch;
} Node;

/* What an instruction wrote that is in no global. */
typedef struct Written {
    uint32_t vectors;    /* a bit each */
    uint32_t predicates; /* alike */
    uint32_t parts;      /* of lt_target.parts */
    uint32_t value[32];  /* of each vector register: a bit for each 8 bytes written, */
    uint32_t zero[32];   /* and for those that were set to 0 */
    bool perhaps;        /* told are only those that changed */
    bool fault_mask;     /* the first-fault register is told if it changed */
} Written;

typedef struct Insn {
    uint64_t pc;
    int64_t cc; /* cc_op before it, or -1: not static */
    TCGOp *start;
    TCGOp *ready; /* behind it, all that came before is in the CPU's state */
    uint32_t size;
    uint32_t stores;
    uint8_t want;
    bool complex;
    bool waits; /* the guest waits for the library before it */
} Insn;

static struct {
    Node nodes[NODES];
    unsigned node_count;
    uint16_t node_of[TCG_MAX_TEMPS];
    uint32_t stamp_of[TCG_MAX_TEMPS];
    uint32_t stamp;
    uint64_t written[GLOBALS / 64]; /* globals written by the instruction: a bit each */
    bool df_written, flags_event;
    Written parts;         /* written by the instruction */
    bool branched;         /* it has had a branch */
    unsigned stores;       /* of the instruction, so far */
    unsigned ways;         /* out of a complex instruction, so far */
    TCGLabel *branch;      /* where the last branch goes, if all that was known
                              there still is, else NULL */
    TCGOp *first;          /* where values that nobody defined are known, */
    TCGv_ptr first_buffer; /* and this */
    int64_t cc;            /* cc_op as the library knows it, or -1 */
    bool done;             /* the block's last record is committed on all ways out */

    int64_t cc_before;     /* what it was before a helper that may write anything */
    unsigned vector_bytes; /* of a vector register in this block */

    Insn insns[INSNS + 1];
    unsigned insn_count;
    TCGOp *exit_label_op;

    /* The record in hand. */
    bool open;
    TCGOp *opened; /* where the block's first record is opened; NULL: it has none */
    bool named;    /* `block` has its descriptor */
    TCGv_ptr buffer;
    bool buffer_loaded; /* for the record that is opened next */
    uint32_t block, offset;
    unsigned ways_out;
    unsigned from, count; /* instructions in it */
    bool continues;
    struct lti_desc_insn insn[INSNS];
    struct lti_op ops[OPS];
    unsigned op_count;
    unsigned values, max_values;
    uint32_t epoch;
    bool is_buffer[TCG_MAX_TEMPS];
} s;

/* For each temp that is a global: what it is, or NULL. */
static const LtGlobal *global_of[TCG_MAX_TEMPS];
static int cc_op_temp = -1, repeat_temp = -1;
static bool record_regs, direct;
static unsigned deep = DEEP;

static void find_globals(void)
{
    static bool found;

    if (found) {
        return;
    }
    found = true;
    g_assert(tcg_ctx->nb_globals <= GLOBALS);
    record_regs = lt_control->record & LTI_RECORD_REGS;
    direct = lt_control->record & LTI_RECORD_DIRECT;
    deep = direct ? DEEP : DEEPER;
    for (int i = 0; i < tcg_ctx->nb_globals; i++) {
        TCGTemp *t = &tcg_ctx->temps[i];
        if (t->kind != TEMP_GLOBAL || t->mem_base != tcgv_ptr_temp(tcg_env)) {
            continue;
        }
        for (unsigned k = 0; k < lt_target.global_count; k++) {
            const LtGlobal *g = &lt_target.globals[k];
            if (g->offset == t->mem_offset &&
                g->bytes == (t->type == TCG_TYPE_I32 ? 4 : 8)) {
                global_of[i] = g;
                if (g->offset == lt_target.repeat_offset) {
                    repeat_temp = i;
                }
                if (g->reg == lt_target.cc_op) {
                    cc_op_temp = i;
                }
            }
        }
    }
}

bool lt_is_buffer(TCGTemp *base)
{
    return lt_control && s.is_buffer[temp_idx(base)];
}

bool lt_keeps_moves(void)
{
    return lt_control && (lt_control->record & LTI_RECORD_REGS);
}

/* ---- Helpers that generated code calls ---- */

__thread bool lt_exchange_failed;

bool lt_skip_exchange(void)
{
    bool failed = lt_exchange_failed;

    lt_exchange_failed = false;
    return failed && !lt_target.failed_exchange_writes;
}

static void slow_store(CPUArchState *env, uint64_t addr, uint32_t size)
{
    lt_helper_access(env_cpu(env), addr, size, true);
}

static void slow_load(CPUArchState *env, uint64_t addr, uint32_t size)
{
    lt_helper_access(env_cpu(env), addr, size, false);
}

static void regs_after_helper(CPUArchState *env, uint32_t skip)
{
    lt_record_regs(env_cpu(env), LTI_REGS_HELPER, skip, true);
}

static void regs_anew(CPUArchState *env)
{
    lt_record_regs(env_cpu(env), LTI_REGS_START, 0, true);
    env_cpu(env)->neg.lt_stale = 0;
}

#define MASK_ACCESS                                                                      \
    (dh_typemask(void, 0) | dh_typemask(env, 1) | dh_typemask(i64, 2) |                  \
     dh_typemask(i32, 3))
#define MASK_ENV (dh_typemask(void, 0) | dh_typemask(env, 1))

static TCGHelperInfo slow_store_info = {
    .func = slow_store,
    .name = "lt_store",
    .flags = TCG_CALL_NO_RWG,
    .typemask = MASK_ACCESS,
};
static TCGHelperInfo slow_load_info = {
    .func = slow_load,
    .name = "lt_load",
    .flags = TCG_CALL_NO_RWG,
    .typemask = MASK_ACCESS,
};
static TCGHelperInfo regs_after_helper_info = {
    .func = regs_after_helper,
    .name = "lt_regs_after_helper",
    .flags = TCG_CALL_NO_WG,
    .typemask = MASK_ENV | dh_typemask(i32, 2),
};
static TCGHelperInfo regs_anew_info = {
    .func = regs_anew,
    .name = "lt_regs_anew",
    .flags = TCG_CALL_NO_WG,
    .typemask = MASK_ENV,
};

static void x87_words(CPUArchState *env, void *to)
{
    uint64_t words[LTI_X86_YMM - LTI_X86_FCW];

    lt_target.x87(env, words);
    memcpy(to, words, sizeof(words));
}

static TCGHelperInfo x87_words_info = {
    .func = x87_words,
    .name = "lt_x87_words",
    .flags = TCG_CALL_NO_RWG,
    .typemask = MASK_ENV | dh_typemask(ptr, 2),
};

static void gen_env_call(TCGHelperInfo *info)
{
    tcg_gen_call1(info->func, info, NULL, tcgv_ptr_temp(tcg_env));
}

/* `skip`: 0, or 1 + the register that takes the helper's result: its write is
 * reported with the instruction's others. */
static void gen_regs_after_helper(unsigned skip)
{
    tcg_gen_call2(regs_after_helper, &regs_after_helper_info, NULL,
                  tcgv_ptr_temp(tcg_env), tcgv_i32_temp(tcg_constant_i32(skip)));
}

static void gen_slow_access(TCGHelperInfo *info, TCGTemp *addr, uint32_t size)
{
    tcg_gen_call3(info->func, info, NULL, tcgv_ptr_temp(tcg_env), addr,
                  tcgv_i32_temp(tcg_constant_i32(size)));
}

/* ---- Nodes ---- */

static unsigned new_node(enum kind kind, TCGTemp *temp, TCGOp *def)
{
    Node *n;

    g_assert(s.node_count < NODES);
    n = &s.nodes[s.node_count];
    n->kind = kind;
    n->is32 = temp && temp->type == TCG_TYPE_I32;
    n->wide = WIDE;
    n->operands = 0;
    n->temp = temp;
    n->def = def;
    n->buffer = def == s.first ? s.first_buffer : s.buffer;
    n->slot = -1;
    n->epoch = 0;
    return s.node_count++;
}

static bool is_written(unsigned global)
{
    return s.written[global / 64] >> global % 64 & 1;
}

static void set_written(unsigned global)
{
    s.written[global / 64] |= UINT64_C(1) << global % 64;
}

/* Nothing is written yet. */
static void clear_written(void)
{
    memset(s.written, 0, sizeof(s.written));
    s.df_written = false;
}

/* The same of what is in no global. */
static void clear_parts(void)
{
    for (uint32_t left = s.parts.vectors; left; left &= left - 1) {
        s.parts.value[ctz32(left)] = s.parts.zero[ctz32(left)] = 0;
    }
    s.parts.vectors = s.parts.predicates = s.parts.parts = 0;
    s.parts.perhaps = s.parts.fault_mask = false;
}

/* All values become unknown, registers keep what the instruction found. */
static void forget_nodes(TCGOp *first)
{
    s.stamp++;
    s.first = first;
    s.first_buffer = s.buffer;
    s.branch = NULL;
}

static unsigned node_of(TCGTemp *t)
{
    size_t i = temp_idx(t);
    unsigned n;

    if (t->kind == TEMP_CONST) {
        n = new_node(CONST, t, NULL);
        s.nodes[n].imm = t->type == TCG_TYPE_I32 ? (uint32_t)t->val : (uint64_t)t->val;
        return n;
    }
    if (t->kind == TEMP_FIXED) {
        n = new_node(POINTER, t, NULL);
        s.nodes[n].imm = 0;
        return n;
    }
    if (s.stamp_of[i] == s.stamp) {
        return s.node_of[i];
    }
    if (t->kind == TEMP_GLOBAL && record_regs && global_of[i] && !is_written(i)) {
        n = new_node(REG, t, NULL);
        s.nodes[n].imm = global_of[i]->reg;
    } else {
        n = new_node(OPAQUE, t, s.first);
    }
    s.stamp_of[i] = s.stamp;
    s.node_of[i] = n;
    return n;
}

static void define(TCGTemp *t, unsigned node)
{
    size_t i = temp_idx(t);

    s.branch = NULL;
    s.stamp_of[i] = s.stamp;
    s.node_of[i] = node;
    if (t->kind == TEMP_GLOBAL) {
        set_written(i);
    }
}

/* The next tcg_gen_*() goes in front of `op`, or behind it. */
static void emit_before(TCGOp *op)
{
    tcg_ctx->emit_before_op = op;
}

static void emit_behind(TCGOp *op)
{
    tcg_ctx->emit_before_op = QTAILQ_NEXT(op, link);
}

static void emit_done(void)
{
    tcg_ctx->emit_before_op = NULL;
}

static void store_slot(TCGTemp *t, enum wide wide, TCGv_ptr buffer, int32_t *slot)
{
    *slot = s.offset;
    if (t->type == TCG_TYPE_I32) {
        tcg_gen_st_i32(temp_tcgv_i32(t), buffer, s.offset);
        s.offset += 4;
    } else if (wide != WIDE) {
        tcg_gen_st32_i64(temp_tcgv_i64(t), buffer, s.offset);
        s.offset += 4;
    } else {
        tcg_gen_st_i64(temp_tcgv_i64(t), buffer, s.offset);
        s.offset += 8;
    }
}

static void give_slot(Node *n)
{
    emit_behind(n->def);
    store_slot(n->temp, n->wide, n->buffer, &n->slot);
    emit_done();
}

/* How many steps it takes to work `node` out from what is known, or more than
 * `deep`. */
static unsigned steps(unsigned node)
{
    const Node *n = &s.nodes[node];
    unsigned sum = 1;

    if (n->slot >= 0 || n->kind == CONST || n->kind == REG) {
        return 1;
    }
    if (n->kind != OP) {
        return deep + 1;
    }
    for (unsigned i = 0; i < n->operands && sum <= deep; i++) {
        sum += steps(n->operand[i]);
    }
    return sum;
}

/* Finds what keeps `node` from being worked out: *leaf is the only such node, or 0 if
 * there is none.  False if there are several, or it is too far to go. */
static bool only_unknown(unsigned node, unsigned *leaf, unsigned *room)
{
    const Node *n = &s.nodes[node];

    if (n->slot >= 0 || n->kind == CONST || n->kind == REG) {
        return true;
    }
    if (n->kind != OP) {
        if (n->kind != OPAQUE || (*leaf && *leaf != node)) {
            return false;
        }
        *leaf = node;
        return true;
    }
    for (unsigned i = 0; i < n->operands; i++) {
        if (*room == 0) {
            return false;
        }
        --*room;
        if (!only_unknown(n->operand[i], leaf, room)) {
            return false;
        }
    }
    return true;
}

/* Makes `node` something that the library can work out. */
static void make_known(unsigned node)
{
    Node *n = &s.nodes[node];
    unsigned leaf = 0, room = deep;

    if (steps(node) <= deep) {
        return;
    }
    /* What an instruction loads is often narrower than what it makes of it, and is
     * computed in any case. */
    if (n->kind == OP && only_unknown(node, &leaf, &room) && leaf) {
        give_slot(&s.nodes[leaf]);
        if (steps(node) <= deep) {
            return;
        }
    }
    give_slot(n);
}

/* The same for a register that a callback is told of: the library is quicker
 * with a slot than with more than one operation. */
static void make_cheap(unsigned node)
{
    Node *n = &s.nodes[node];

    if (n->slot < 0 &&
        (n->kind == OPAQUE || (n->kind == OP && direct && steps(node) > 3))) {
        give_slot(n);
    } else {
        make_known(node);
    }
}

/* ---- Steps ---- */

static struct lti_op *new_op(unsigned op)
{
    struct lti_op *o;

    g_assert(s.op_count < OPS);
    o = &s.ops[s.op_count++];
    memset(o, 0, sizeof(*o));
    o->op = op;
    return o;
}

static unsigned new_value(void)
{
    unsigned v = s.values++;

    g_assert(v < UINT16_MAX);
    s.max_values = MAX(s.max_values, s.values);
    return v;
}

/* Adds the steps that make `node`, which is known; returns its value. */
static unsigned evaluate(unsigned node)
{
    Node *n = &s.nodes[node];
    unsigned v[4] = {0};
    struct lti_op *o;

    if (n->epoch == s.epoch) {
        return n->value;
    }
    if (n->slot >= 0) {
        o = new_op(n->is32 || n->wide != WIDE ? LTI_SLOT32 : LTI_SLOT64);
        o->imm = n->slot;
        if (n->wide == SIGN_EXTENDED) {
            o->d = v[0] = new_value();
            o = new_op(LTI_SEXTRACT);
            o->a = v[0];
            o->imm = 32 << 8;
        }
    } else if (n->kind == CONST) {
        o = new_op(LTI_CONST);
        o->imm = n->imm;
    } else if (n->kind == REG) {
        o = new_op(LTI_REG);
        o->a = n->imm;
    } else {
        g_assert(n->kind == OP);
        for (unsigned i = 0; i < n->operands; i++) {
            v[i] = evaluate(n->operand[i]);
        }
        if (n->operands > 2) {
            o = new_op(LTI_MORE);
            o->a = v[2];
            o->b = v[3];
        }
        o = new_op(n->op);
        o->a = v[0];
        o->b = v[1];
        o->imm = n->imm;
        o->flags = n->op32 ? LTI_OP_32 : 0;
    }
    n->value = o->d = new_value();
    n->epoch = s.epoch;
    return n->value;
}

static void forget_values(void)
{
    s.epoch++;
    s.values = 0;
}

static void set_reg_const(unsigned reg, uint64_t value)
{
    struct lti_op *o = new_op(LTI_CONST);
    unsigned v = new_value();

    o->d = v;
    o->imm = value;
    o = new_op(LTI_SETREG);
    o->d = reg;
    o->a = v;
    o->flags = LTI_OP_HIDDEN;
}

static void set_reg(const LtGlobal *g, unsigned value)
{
    struct lti_op *o = new_op(LTI_SETREG);

    o->d = g->reg;
    o->a = value;
    o->flags = g->flag ? LTI_OP_HIDDEN : 0;
}

/* ---- Records ---- */

static intptr_t neg_offset(size_t offset_in_neg)
{
    return (intptr_t)(offsetof(CPUState, neg) + offset_in_neg) -
           (intptr_t)sizeof(CPUState);
}
#define NEG(field) neg_offset(offsetof(CPUNegativeOffsetState, field))

static void load_buffer(void)
{
    s.buffer = tcg_temp_ebb_new_ptr();
    s.is_buffer[temp_idx(tcgv_ptr_temp(s.buffer))] = true;
    tcg_gen_ld_ptr(s.buffer, tcg_env, NEG(lt_ptr));
}

static void name_record(void);

/* Opens a record in front of `op`, for instructions from number `insn` on. */
static void open_record(TCGOp *op, unsigned insn, bool continues)
{
    name_record();
    emit_before(op);
    if (!s.buffer_loaded) {
        load_buffer();
    }
    s.buffer_loaded = false;
    s.named = false;
    s.block = lt_block_reserve();
    tcg_gen_st_i32(tcg_constant_i32(s.block), s.buffer, 0);
    s.open = true;
    s.offset = 4;
    s.ways_out = 0;
    s.from = insn;
    s.count = 0;
    s.continues = continues;
    s.op_count = 0;
    s.max_values = 0;
    forget_values();
    emit_done();
}

/* A record that opens a block: first of all there must be room, and registers
 * must be known after code that was not recorded. */
static void open_block(TCGOp *op)
{
    emit_before(op);
    if (tcg_ctx->exitreq_label) {
        TCGv_ptr limit = tcg_temp_ebb_new_ptr();

        load_buffer();
        tcg_gen_ld_ptr(limit, tcg_env, NEG(lt_limit));
        tcg_gen_brcond_i64(TCG_COND_GTU, (TCGv_i64)s.buffer, (TCGv_i64)limit,
                           tcg_ctx->exitreq_label);
        /* No label is in between. */
        s.buffer_loaded = !(lt_filtered && record_regs) && !lt_coverage_counts();
    }
    if (lt_filtered) {
        if (record_regs) {
            TCGLabel *fresh = gen_new_label();
            TCGv_i32 stale = tcg_temp_ebb_new_i32();

            tcg_gen_ld8u_i32(stale, tcg_env, NEG(lt_stale));
            tcg_gen_brcondi_i32(TCG_COND_EQ, stale, 0, fresh);
            gen_env_call(&regs_anew_info);
            gen_set_label(fresh);
        } else {
            tcg_gen_st8_i32(tcg_constant_i32(0), tcg_env, NEG(lt_stale));
        }
    }
    emit_done();
    s.opened = QTAILQ_PREV(op, link);
    open_record(op, 0, false);
    s.opened = s.opened ? QTAILQ_NEXT(s.opened, link) : QTAILQ_FIRST(&tcg_ctx->ops);
}

static void add_insn(unsigned insn)
{
    struct lti_desc_insn *d = &s.insn[s.count];
    const Insn *i = &s.insns[insn];
    const uint8_t *code = g2h_untagged(i->pc);

    memset(d, 0, sizeof(*d));
    d->pc_offset = i->pc - s.insns[s.from].pc;
    d->slot_offset = s.offset;
    d->first_op = s.op_count;
    d->length = i->size;
    d->want = i->want;
    if (s.count == 0 && s.continues) {
        d->flags |= LTI_INSN_CONTINUES;
    }
    if (lt_target.repeats(code, i->size)) {
        d->flags |= LTI_INSN_REPEATS;
    }
    s.count++;
    forget_values();
}

static void write_descriptor(uint32_t block, unsigned count)
{
    uint32_t code_size = 0, size, ops_at, op_count;
    struct lti_desc *d;
    uint8_t *code;

    for (unsigned i = 0; i < count; i++) {
        s.insn[i].code_offset = code_size;
        code_size += s.insn[i].length;
    }
    op_count = count < s.count ? s.insn[count].first_op : s.op_count;
    ops_at = ROUND_UP(sizeof(*d) + count * sizeof(s.insn[0]), 8);
    size = ops_at + op_count * sizeof(s.ops[0]) + code_size;
    d = lt_desc_alloc(size);
    *d = (struct lti_desc){
        .pc = s.insns[s.from].pc,
        .size = size,
        .record_size = s.offset,
        .insn_count = count,
        .op_count = op_count,
        .value_count = s.max_values,
        .code_size = code_size,
    };
    memcpy(d + 1, s.insn, count * sizeof(s.insn[0]));
    memcpy((uint8_t *)d + ops_at, s.ops, op_count * sizeof(s.ops[0]));
    code = (uint8_t *)d + ops_at + op_count * sizeof(s.ops[0]);
    for (unsigned i = 0; i < count; i++) {
        memcpy(code, g2h_untagged(s.insns[s.from + i].pc), s.insn[i].length);
        code += s.insn[i].length;
    }
    lt_desc_publish(block, d);
}

/* While a record is open, its block tells lt_cut() which instructions are in it: those
 * of all its ways out. */
static void name_record(void)
{
    if (s.open && !s.named && s.ways_out) {
        write_descriptor(s.block, s.count);
        s.named = true;
    }
}

/*
 * Commits the record in front of `op`, with its first `count` instructions.
 * `split`: more of the block follows, and what is written to the buffer next
 * does not begin with a block number.  `aside`: there is more in the record, as where
 * the way out is not taken.
 */
static void commit(TCGOp *op, unsigned count, bool split, bool aside)
{
    emit_before(op);
    if (count == 0) {
        tcg_gen_st_i32(tcg_constant_i32(0), s.buffer, 0);
    } else {
        uint32_t block = s.block;
        TCGv_ptr end = tcg_temp_ebb_new_ptr();

        s.ways_out++;
        if (s.named || aside) {
            block = lt_block_reserve();
            tcg_gen_st_i32(tcg_constant_i32(block), s.buffer, 0);
        } else {
            s.named = true;
        }
        write_descriptor(block, count);
        tcg_gen_addi_ptr(end, s.buffer, s.offset);
        if (split || lt_filtered || !record_regs) {
            /* What runs next may not open a record. */
            tcg_gen_st_i32(tcg_constant_i32(0), s.buffer, s.offset);
        }
        if (split) {
            tcg_gen_st_ptr(s.buffer, tcg_env, NEG(lt_split));
        }
        tcg_gen_st_ptr(end, tcg_env, NEG(lt_ptr));
    }
    emit_done();
}

/* ---- What an instruction wrote ---- */

/* Adds the step that sets words of the register file, in front of which their
 * bytes were put into the record at `slot`; or to 0.  `told`: public number. */
static struct lti_op *set_words(bool zero, unsigned word, uint32_t slot, uint32_t bytes)
{
    struct lti_op *o = new_op(zero ? LTI_ZERO : LTI_WORDS);

    o->d = word;
    o->imm = slot | (uint64_t)bytes << 32;
    return o;
}

static void tell(struct lti_op *o, unsigned reg, unsigned width)
{
    o->a = reg;
    o->b = width;
}

/* Copies 8 bytes of env to the record. */
static void copy_env(TCGv_i64 temp, intptr_t offset)
{
    tcg_gen_ld_i64(temp, tcg_env, offset);
    tcg_gen_st_i64(temp, s.buffer, s.offset);
    s.offset += 8;
}

static void report_vector(unsigned n, uint64_t value, uint64_t zero, bool perhaps,
                          TCGv_i64 temp)
{
    const LtPart *v = &lt_target.vector;
    intptr_t from = v->offset + (intptr_t)n * lt_target.vector_stride;
    unsigned word = v->word + n * (v->size / 8), k = 0;
    struct lti_op *o = NULL;

    while ((value | zero) >> k) {
        bool zeroes = (zero & ~value) >> k & 1;
        uint64_t mask = zeroes ? zero & ~value : value;
        unsigned begin = k;
        uint32_t slot = s.offset;

        if (!(mask >> k & 1)) {
            k++;
            continue;
        }
        for (; mask >> k & 1; k++) {
            if (!zeroes) {
                copy_env(temp, from + 8 * k);
            }
        }
        o = set_words(zeroes, word + begin, slot, 8 * (k - begin));
    }
    if (lt_target.vector_bytes) {
        tell(o, v->reg + n, s.vector_bytes);
    } else if (lt_target.wide_width && (value | zero) & ~UINT64_C(3)) {
        tell(o, lt_target.wide_reg + n, lt_target.wide_width);
    } else {
        tell(o, v->reg + n, v->width);
    }
    o->flags = perhaps ? LTI_OP_CHANGED : 0;
}

static void report_predicate(unsigned n, bool perhaps, TCGv_i64 temp)
{
    const LtPart *p = &lt_target.predicate;
    unsigned words = lti_sve_words(s.vector_bytes, true);
    uint32_t slot = s.offset;
    struct lti_op *o;

    for (unsigned k = 0; k < words; k++) {
        copy_env(temp,
                 p->offset + (intptr_t)n * lt_target.predicate_stride + 8 * (intptr_t)k);
    }
    o = set_words(false, p->word + n * (p->size / 8), slot, 8 * words);
    tell(o, p->reg + n, s.vector_bytes / 8);
    o->flags = perhaps ? LTI_OP_CHANGED : 0;
}

/* `told`: or another part of the register is told of. */
static void report_part(const LtPart *p, bool told, bool perhaps, TCGv_i64 temp)
{
    uint32_t slot = s.offset;
    TCGv_i32 value;

    if (p->size > 4) {
        for (unsigned k = 0; k < p->size; k += 8) {
            copy_env(temp, p->offset + k);
        }
    } else {
        value = tcg_temp_ebb_new_i32();
        if (p->size == 2) {
            tcg_gen_ld16u_i32(value, tcg_env, p->offset);
        } else {
            tcg_gen_ld_i32(value, tcg_env, p->offset);
        }
        tcg_gen_st_i32(value, s.buffer, s.offset);
        tcg_temp_free_i32(value);
        s.offset += 4;
    }
    struct lti_op *o = set_words(false, p->word, slot, s.offset - slot);
    if (told) {
        tell(o, p->reg, p->width);
    }
    o->flags = perhaps || p->kind == LT_PART_CHANGES ? LTI_OP_CHANGED : 0;
}

/* What an x87 instruction wrote: all of its registers are in the record, told are those
 * that it writes, and those that changed because of it. */
static void report_x87(void)
{
    const Insn *insn = &s.insns[s.from + s.count - 1];
    LtX87 writes = lt_target.x87_writes(g2h_untagged(insn->pc), insn->size);
    /* The status word first: it says which register is st(0). */
    const struct {
        uint8_t word, reg, width;
        bool told;
    } control[] = {
        {LTI_X86_FCW, LTI_X86_REG_FCW, 2, writes.control},
        {LTI_X86_FSW, LTI_X86_REG_FSW, 2, writes.status},
        {LTI_X86_FTW, LTI_X86_REG_FTW, 1, writes.tags},
    };
    TCGv_ptr to = tcg_temp_ebb_new_ptr();
    uint32_t slot = s.offset;
    struct lti_op *o;

    tcg_gen_addi_ptr(to, s.buffer, slot);
    tcg_gen_call2(x87_words, &x87_words_info, NULL, tcgv_ptr_temp(tcg_env),
                  tcgv_ptr_temp(to));
    tcg_temp_free_ptr(to);
    for (unsigned i = 0; i < ARRAY_SIZE(control); i++) {
        o = set_words(false, control[i].word, slot, 8);
        tell(o, control[i].reg, control[i].width);
        o->flags = control[i].told ? 0 : LTI_OP_CHANGED;
        slot += 8;
    }
    for (unsigned i = 0; i < 8; i++) {
        o = set_words(false, LTI_X86_FPR + 2 * i, slot, 16);
        tell(o, LTI_X86_REG_FPR0 + i,
             10 | (writes.unless_c2 ? LTI_X87_UNLESS_C2 : 0) |
                 (unsigned)writes.stack << LTI_X87_ST);
        o->flags = LTI_OP_STACK;
        slot += 16;
    }
    s.offset = slot;
}

/* Adds, in front of `op`, what the instruction wrote outside the globals. */
static void report_parts(TCGOp *op, const Written *w)
{
    TCGv_i64 temp;

    if (!record_regs || !(w->vectors | w->predicates | w->parts | w->fault_mask)) {
        return;
    }
    emit_before(op);
    temp = tcg_temp_ebb_new_i64();
    for (uint32_t left = w->vectors; left; left &= left - 1) {
        unsigned n = ctz32(left);
        report_vector(n, w->value[n], w->zero[n], w->perhaps, temp);
    }
    for (uint32_t left = w->predicates; left; left &= left - 1) {
        report_predicate(ctz32(left), w->perhaps, temp);
    }
    if (w->fault_mask) {
        report_predicate(lt_target.predicate_count - 1, true, temp);
    }
    for (uint32_t left = w->parts; left; left &= left - 1) {
        const LtPart *p = &lt_target.parts[ctz32(left)];
        const LtPart *last = &lt_target.parts[31 - clz32(w->parts)];
        bool again = false;

        for (const LtPart *q = p + 1; q <= last; q++) {
            again |= (w->parts >> (q - lt_target.parts) & 1) && q->reg == p->reg &&
                     q->kind == LT_PART_VALUE;
        }
        if (p->kind == LT_PART_X87) {
            report_x87();
        } else {
            report_part(p, !again, w->perhaps, temp);
        }
    }
    tcg_temp_free_i64(temp);
    emit_done();
}

/* Adds the steps for the registers that the instruction in hand has written so
 * far, but those outside the globals.  `next_cc`: the static cc_op behind it, or -1. */
static void report_writes(unsigned insn, int64_t next_cc)
{
    unsigned temps[GLOBALS] __attribute__((uninitialized)), count = 0;
    bool flags = s.flags_event || s.df_written;

    if (!record_regs) {
        return;
    }
    for (unsigned word = 0; word < ARRAY_SIZE(s.written); word++) {
        for (uint64_t left = s.written[word]; left; left &= left - 1) {
            int i = word * 64 + ctz64(left);

            if (!global_of[i]) {
                continue;
            }
            if (i == cc_op_temp) {
                const Node *n = &s.nodes[node_of(&tcg_ctx->temps[i])];
                if (next_cc >= 0 || (n->kind == CONST && (int64_t)n->imm == s.cc)) {
                    continue; /* static, or only put down in memory */
                }
            }
            temps[count++] = i;
            flags |= global_of[i]->flag;
        }
    }
    /* Slots first: they may serve in the others' expressions. */
    for (unsigned k = 0; k < count; k++) {
        unsigned n = node_of(&tcg_ctx->temps[temps[k]]);
        if (!global_of[temps[k]]->flag || s.nodes[n].kind == OPAQUE) {
            make_cheap(n);
        }
    }
    for (unsigned k = 0; k < count; k++) {
        make_known(node_of(&tcg_ctx->temps[temps[k]]));
    }
    /* All values before the first write, as they may name registers. */
    for (unsigned k = 0; k < count; k++) {
        evaluate(node_of(&tcg_ctx->temps[temps[k]]));
    }
    for (unsigned k = 0; k < count; k++) {
        set_reg(global_of[temps[k]], evaluate(node_of(&tcg_ctx->temps[temps[k]])));
        if ((int)temps[k] == cc_op_temp) {
            const Node *n = &s.nodes[node_of(&tcg_ctx->temps[temps[k]])];
            s.cc = n->kind == CONST ? (int64_t)n->imm : -1;
        }
    }
    if (next_cc >= 0 && next_cc != s.cc) {
        set_reg_const(lt_target.cc_op, next_cc);
        flags |= s.cc >= 0 || next_cc != s.cc_before; /* or only made known again */
        s.cc = next_cc;
    }
    if (flags &&
        (s.flags_event || s.df_written ||
         !lt_target.keeps_flags(g2h_untagged(s.insns[insn].pc), s.insns[insn].size))) {
        new_op(LTI_FLAGS);
    }
}

/* The direction flag is no global: its store is caught. */
static void report_df(TCGOp *op, TCGTemp *value)
{
    int32_t slot;
    struct lti_op *o;
    unsigned v;

    if (!record_regs) {
        return;
    }
    emit_behind(op);
    store_slot(value, WIDE, s.buffer, &slot);
    emit_done();
    o = new_op(LTI_SLOT32);
    o->imm = slot;
    o->d = v = new_value();
    o = new_op(LTI_SEXTRACT);
    o->a = v;
    o->imm = 32 << 8;
    o->d = v = new_value();
    o = new_op(LTI_SETREG);
    o->d = lt_target.df_reg;
    o->a = v;
    o->flags = LTI_OP_HIDDEN;
    s.df_written = true;
}

/*
 * At a way out of a complex instruction: everything that it may have written.
 * `next_cc` is as in report_writes().  `hidden`: the instruction goes on, which
 * is nobody's business.
 */
static void report_complex(TCGOp *op, unsigned insn, const bool *may_write,
                           int64_t next_cc, bool hidden)
{
    bool flags = s.flags_event;
    unsigned first;

    open_record(op, insn, true);
    add_insn(insn);
    s.cc = -1;
    if (!record_regs) {
        return;
    }
    emit_before(op);
    for (int i = 0; i < tcg_ctx->nb_globals; i++) {
        struct lti_op *o;
        int32_t slot;
        unsigned v;

        if (!may_write[i] || !global_of[i] || (i == cc_op_temp && next_cc >= 0)) {
            continue;
        }
        store_slot(&tcg_ctx->temps[i], WIDE, s.buffer, &slot);
        o = new_op(global_of[i]->bytes == 4 ? LTI_SLOT32 : LTI_SLOT64);
        o->imm = slot;
        o->d = v = new_value();
        set_reg(global_of[i], v);
        if (hidden) {
            s.ops[s.op_count - 1].flags |= LTI_OP_HIDDEN;
        }
        if (i != cc_op_temp) {
            flags |= global_of[i]->flag;
        }
    }
    emit_done();
    first = s.op_count;
    report_parts(op, &s.parts);
    for (unsigned i = first; hidden && i < s.op_count; i++) {
        s.ops[i].b = 0; /* not told */
    }
    if (next_cc >= 0) {
        set_reg_const(lt_target.cc_op, next_cc);
        s.cc = next_cc;
    }
    if (flags && !hidden &&
        !lt_target.keeps_flags(g2h_untagged(s.insns[insn].pc), s.insns[insn].size)) {
        new_op(LTI_FLAGS);
    }
}

/* ---- Operations ---- */

static const TCGHelperInfo *call_info(TCGOp *op)
{
    return (const void *)(uintptr_t)op->args[TCGOP_CALLO(op) + TCGOP_CALLI(op) + 1];
}

static bool is_lookup(TCGOp *op)
{
    return op->opc == INDEX_op_call && call_info(op)->func == helper_lookup_tb_ptr;
}

static bool never_returns(TCGOp *op)
{
    return op->opc == INDEX_op_call && (call_info(op)->flags & TCG_CALL_NO_RETURN);
}

/* The constant arguments of a call; returns how many. */
static unsigned constant_args(TCGOp *op, uint64_t *args, unsigned room)
{
    unsigned count = 0;

    for (unsigned k = 0; k < TCGOP_CALLI(op) && count < room; k++) {
        TCGTemp *t = arg_temp(op->args[TCGOP_CALLO(op) + k]);
        if (t->kind == TEMP_CONST) {
            args[count++] = t->val;
        }
    }
    return count;
}

static LtEffect effect_of(TCGOp *op)
{
    static GHashTable *cache; /* by helper */
    const TCGHelperInfo *info = call_info(op);
    LtEffect e, *known;

    if (!cache) {
        cache = g_hash_table_new(NULL, NULL);
    }
    known = g_hash_table_lookup(cache, info);
    if (!known) {
        known = g_new(LtEffect, 1);
        *known = lt_target.effect(info->name, (info->typemask & 7) != dh_typecode_void);
        if (info->flags & (TCG_CALL_NO_READ_GLOBALS | TCG_CALL_NO_SE)) {
            known->known = true;
            known->memory = known->flags = false;
            known->regs = 0;
        }
        if (info->flags & TCG_CALL_NO_WRITE_GLOBALS) {
            known->known = true;
        }
        if (info->flags & TCG_CALL_NO_SE) {
            known->pointers = 0;
        }
        g_hash_table_insert(cache, (void *)info, known);
    }
    e = *known;
    if (lt_target.refine && (!e.known || e.details)) {
        uint64_t args[8];
        lt_target.refine(&e, info->name, args, constant_args(op, args, ARRAY_SIZE(args)));
    }
    return e;
}

/* ---- Writes outside the globals ---- */

/* Whether `t`, an argument of `op`, points into the CPU's state, and where to.
 * `indexed`: a variable is added to that. */
static bool env_offset(TCGOp *op, TCGTemp *t, intptr_t *offset, bool *indexed)
{
    *indexed = false;
    for (op = QTAILQ_PREV(op, link); op && op->opc != INDEX_op_insn_start;
         op = QTAILQ_PREV(op, link)) {
        int outs = op->opc == INDEX_op_call ? (int)TCGOP_CALLO(op)
                                            : tcg_op_defs[op->opc].nb_oargs;
        for (int k = 0; k < outs; k++) {
            if (arg_temp(op->args[k]) == t) {
                if (op->opc != INDEX_op_add_i64 ||
                    arg_temp(op->args[1]) != tcgv_ptr_temp(tcg_env)) {
                    return false;
                }
                *indexed = arg_temp(op->args[2])->kind != TEMP_CONST;
                *offset = *indexed ? 0 : arg_temp(op->args[2])->val;
                return true;
            }
        }
    }
    return false;
}

static void vector_written(Written *w, unsigned n, unsigned from, unsigned size,
                           bool zero)
{
    uint32_t mask;

    if (n >= lt_target.vector_count || from >= s.vector_bytes) {
        return;
    }
    size = MIN(size, s.vector_bytes - from);
    mask = MAKE_64BIT_MASK(from / 8, (from % 8 + size + 7) / 8);
    w->vectors |= 1u << n;
    if (zero && size % 8 == 0 && from % 8 == 0) {
        w->zero[n] |= mask;
        w->value[n] &= ~mask;
    } else {
        w->value[n] |= mask;
    }
}

/* Notes a write of `size` bytes of the CPU's state.  `zero`: it certainly set them
 * to 0. */
static void env_written(Written *w, intptr_t offset, unsigned size, bool zero)
{
    intptr_t at = offset - lt_target.vector.offset;
    const unsigned stride = lt_target.vector_stride;

    if (at >= 0 && at < (intptr_t)(lt_target.vector_count * stride)) {
        for (unsigned n = at / stride, from = at % stride; size; n++, from = 0) {
            unsigned here = MIN(size, stride - from);
            vector_written(w, n, from, here, zero);
            size -= here;
        }
        return;
    }
    at = offset - lt_target.predicate.offset;
    if (at >= 0 &&
        at < (intptr_t)(lt_target.predicate_count * lt_target.predicate_stride)) {
        w->predicates |= 1u << (at / lt_target.predicate_stride);
        return;
    }
    for (unsigned i = 0; i < lt_target.part_count; i++) {
        const LtPart *p = &lt_target.parts[i];
        if (offset < p->offset + p->size && p->offset < offset + (intptr_t)size) {
            w->parts |= 1u << i;
        }
    }
}

/* The same for a write somewhere in the scalable register at `offset`. */
static void register_written(Written *w, intptr_t offset)
{
    intptr_t at = offset - lt_target.vector.offset;

    if (!lt_target.vector_bytes) {
        return;
    }
    if (at >= 0 && at < (intptr_t)(lt_target.vector_count * lt_target.vector_stride)) {
        vector_written(w, at / lt_target.vector_stride, 0, s.vector_bytes, false);
    } else {
        env_written(w, offset, 8, false);
    }
}

static bool is_zero(const TCGTemp *t)
{
    return t->kind == TEMP_CONST && t->val == 0;
}

static void call_writes(TCGOp *op, Written *w)
{
    LtEffect e = effect_of(op);
    unsigned args = TCGOP_CALLI(op), pointer = 0;
    unsigned bytes = e.bytes;
    bool zero = false;

    if (!e.known) {
        return; /* all registers are compared */
    }
    if (call_info(op)->func == helper_memset) {
        /* What vector operations that are not inline are cleared with. */
        zero = is_zero(arg_temp(op->args[TCGOP_CALLO(op) + 1]));
        bytes = arg_temp(op->args[TCGOP_CALLO(op) + 2])->val;
    }
    w->fault_mask |= e.fault_mask;
    for (unsigned k = 0; k < args; k++) {
        if (arg_temp(op->args[TCGOP_CALLO(op) + k]) == tcgv_ptr_temp(tcg_env)) {
            w->parts |= e.parts;
        }
    }
    w->perhaps |= e.perhaps;
    for (uint32_t left = e.vectors; left; left &= left - 1) {
        vector_written(w, ctz32(left), 0,
                       e.perhaps || lt_target.vector_bytes ? s.vector_bytes : 16, false);
    }
    if (e.pointers && !bytes && args) {
        TCGTemp *desc = arg_temp(op->args[TCGOP_CALLO(op) + args - 1]);
        bytes = desc->kind == TEMP_CONST ? simd_maxsz(desc->val) : s.vector_bytes;
    }
    for (unsigned k = 0; k < args; k++) {
        TCGTemp *t = arg_temp(op->args[TCGOP_CALLO(op) + k]);
        intptr_t offset;
        bool indexed;

        if (t->kind == TEMP_CONST || t->kind == TEMP_GLOBAL || t->kind == TEMP_FIXED ||
            t->type != TCG_TYPE_PTR || !env_offset(op, t, &offset, &indexed)) {
            continue;
        }
        if (indexed) {
            /* What is addressed so is only read. */
        } else if (e.pointers >> pointer & 1) {
            env_written(w, offset, bytes, zero);
        } else {
            /* Where exceptions are collected, they may be raised. */
            for (unsigned i = 0; i < lt_target.part_count; i++) {
                const LtPart *p = &lt_target.parts[i];
                if (p->kind == LT_PART_CHANGES && offset >= p->offset &&
                    offset < p->offset + p->size) {
                    w->parts |= 1u << i;
                }
            }
        }
        pointer++;
    }
}

/* How many bytes an operation stores to the address in its second argument. */
static unsigned store_size(TCGOp *op)
{
    switch (op->opc) {
    case INDEX_op_st8_i32:
    case INDEX_op_st8_i64:
        return 1;
    case INDEX_op_st16_i32:
    case INDEX_op_st16_i64:
        return 2;
    case INDEX_op_st_i32:
    case INDEX_op_st32_i64:
        return 4;
    case INDEX_op_st_i64:
        return 8;
    case INDEX_op_st_vec:
        return tcg_type_size(TCGOP_TYPE(op));
    default:
        return 0;
    }
}

/* Notes what an operation writes outside the globals. */
static void part_writes(TCGOp *op, Written *w, bool branched)
{
    unsigned size;
    TCGTemp *base, *value;
    intptr_t offset = 0;
    bool indexed = false;

    if (!record_regs) {
        return;
    }
    if (op->opc == INDEX_op_call) {
        call_writes(op, w);
        return;
    }
    size = store_size(op);
    if (!size) {
        return;
    }
    base = arg_temp(op->args[1]);
    value = arg_temp(op->args[0]);
    if (base != tcgv_ptr_temp(tcg_env) && !env_offset(op, base, &offset, &indexed)) {
        return;
    }
    offset += (intptr_t)op->args[2];
    if (indexed) {
        register_written(w, offset);
    } else {
        env_written(w, offset, size, !branched && is_zero(value));
    }
}

/* The label of a branch, or NULL. */
static TCGLabel *branch_label(TCGOp *op)
{
    switch (op->opc) {
    case INDEX_op_br:
        return arg_label(op->args[0]);
    case INDEX_op_brcond_i32:
    case INDEX_op_brcond_i64:
        return arg_label(op->args[3]);
    default:
        return NULL;
    }
}

static bool is_guest_store(TCGOpcode opc)
{
    return opc == INDEX_op_qemu_st_i32 || opc == INDEX_op_qemu_st8_i32 ||
           opc == INDEX_op_qemu_st_i64 || opc == INDEX_op_qemu_st_i128;
}

static bool is_guest_load(TCGOpcode opc)
{
    return opc == INDEX_op_qemu_ld_i32 || opc == INDEX_op_qemu_ld_i64 ||
           opc == INDEX_op_qemu_ld_i128;
}

/* A repeating instruction's start says that cc_op is not static, for the sake of
 * its later iterations, but if it was, it puts it down first of all. */
static void find_repeat_cc(Insn *insn)
{
    if (insn->cc >= 0 || !insn->complex || cc_op_temp < 0 ||
        !lt_target.repeats(g2h_untagged(insn->pc), insn->size)) {
        return;
    }
    for (TCGOp *op = QTAILQ_NEXT(insn->start, link); op && !branch_label(op);
         op = QTAILQ_NEXT(op, link)) {
        if (op->opc == INDEX_op_mov_i32 &&
            temp_idx(arg_temp(op->args[0])) == cc_op_temp &&
            arg_temp(op->args[1])->kind == TEMP_CONST) {
            insn->cc = (uint32_t)arg_temp(op->args[1])->val;
            insn->ready = op;
            return;
        }
    }
}

/* Whether an operation does what somebody wants to know who wants `want`. */
static bool tells(TCGOp *op, unsigned want)
{
    LtEffect e;

    if (!(want & (LTI_WANT_WRITE | LTI_WANT_READ))) {
        return false;
    }
    if (op->opc == INDEX_op_call && !is_lookup(op)) {
        e = effect_of(op);
        return e.memory || !e.known;
    }
    return ((want & LTI_WANT_WRITE) && is_guest_store(op->opc)) ||
           ((want & LTI_WANT_READ) && is_guest_load(op->opc));
}

/* Finds the instructions and which are complex; false if nobody wants any: where neither
 * they nor registers are told, that is so in each block that leaves memory alone. */
static bool scan(struct DisasContextBase *db)
{
    TCGContext *c = tcg_ctx;
    TCGOp *op;
    int insn = -1;
    bool effect = false, any = false, labels = false;
    const unsigned always = record_regs ? LTI_WANT_ALL : LTI_WANT_INSN | LTI_WANT_REG;
    /* Labels of the instruction: those behind, and those ahead that it has branches
     * to.  While there are such, what it does is done on one way only. */
    static GHashTable *seen, *ahead;

    if (!seen) {
        seen = g_hash_table_new(NULL, NULL);
        ahead = g_hash_table_new(NULL, NULL);
    }
    s.exit_label_op = NULL;
    QTAILQ_FOREACH(op, &c->ops, link)
    {
        TCGLabel *label;

        if (op->opc == INDEX_op_insn_start) {
            Insn *i = &s.insns[++insn];

            i->pc = op->args[0];
            i->start = i->ready = op;
            i->cc = -1;
            if (lt_target.cc_op != ~0u && op->args[1] != lt_target.cc_dynamic) {
                i->cc = op->args[1];
            }
            i->complex = false;
            i->stores = 0;
            i->want = lt_want_at(i->pc);
            i->waits = (i->want & LTI_WANT_SYNC_INSN) || lt_sync_breaks_at(i->pc);
            any |= (i->want & always) != 0;
            if (insn > 0) {
                s.insns[insn - 1].size = i->pc - s.insns[insn - 1].pc;
            }
            effect = false;
            if (labels) {
                labels = false;
                g_hash_table_remove_all(seen);
                g_hash_table_remove_all(ahead);
            }
            continue;
        }
        if (insn < 0) {
            continue;
        }
        s.insns[insn].stores += is_guest_store(op->opc);
        any = any || tells(op, s.insns[insn].want);
        if (op->opc == INDEX_op_set_label) {
            if (arg_label(op->args[0]) == c->exitreq_label) {
                s.exit_label_op = op;
                break;
            }
            s.insns[insn].complex |= effect;
            effect = false;
            labels = true;
            g_hash_table_add(seen, arg_label(op->args[0]));
            g_hash_table_remove(ahead, arg_label(op->args[0]));
        } else if ((label = branch_label(op))) {
            /* A branch back is a loop. */
            s.insns[insn].complex |= g_hash_table_contains(seen, label);
            labels = true;
            if (label != c->exitreq_label) {
                g_hash_table_add(ahead, label);
            }
        } else if (op->opc == INDEX_op_exit_tb || op->opc == INDEX_op_goto_ptr ||
                   never_returns(op)) {
            effect = false; /* this path does not come back */
        } else if (labels && g_hash_table_size(ahead) &&
                   (is_guest_store(op->opc) ||
                    (lt_watch_loads && is_guest_load(op->opc)) ||
                    (op->opc == INDEX_op_call && !is_lookup(op) &&
                     (effect_of(op).memory || !effect_of(op).known)))) {
            effect = true;
        }
    }
    if (labels) {
        g_hash_table_remove_all(seen);
        g_hash_table_remove_all(ahead);
    }
    s.insn_count = insn + 1;
    if (insn >= 0) {
        s.insns[insn].size = db->pc_next - s.insns[insn].pc;
        s.insns[insn + 1].cc = -1;
    }
    for (int i = 0; i <= insn; i++) {
        find_repeat_cc(&s.insns[i]);
        /* The library tells its iterations apart from its beginning. */
        any |= s.insns[i].waits &&
               lt_target.repeats(g2h_untagged(s.insns[i].pc), s.insns[i].size);
    }
    return any;
}

static bool is_wide(TCGOpcode opc)
{
    return opc == INDEX_op_qemu_st_i128 || opc == INDEX_op_qemu_ld_i128;
}

static TCGTemp *access_address(TCGOp *op)
{
    return arg_temp(op->args[is_wide(op->opc) ? 2 : 1]);
}

/* Where an instruction makes several stores, lt_cut() must know how many of them it
 * made if it faults; the count of what repeats serves for it. */
static void count_stores(unsigned made)
{
    tcg_gen_st_i64(tcg_constant_i64(made), tcg_env, NEG(lt_repeat));
    emit_done();
}

/* `addr_node`: the address, as it was before a load's result was defined. */
static void guest_access(TCGOp *op, unsigned insn, bool store, unsigned addr_node)
{
    bool wide = is_wide(op->opc);
    TCGTemp *value = arg_temp(op->args[0]);
    TCGTemp *high = wide ? arg_temp(op->args[1]) : NULL;
    MemOp memop = get_memop(op->args[wide ? 3 : 2]);
    unsigned va, vv, vh = 0, value_node;
    struct lti_op *o;

    if (!(s.insns[insn].want & (store ? LTI_WANT_WRITE : LTI_WANT_READ))) {
        return;
    }
    if ((s.insns[insn].want & LTI_WANT_SYNC_MEM) && !s.insns[insn].complex) {
        emit_before(op);
        lt_sync_gen_access(access_address(op), memop_size(memop), store);
        emit_done();
    }
    if (s.insns[insn].complex) {
        TCGTemp *addr = access_address(op);

        if (!store && (addr == value || addr == high)) {
            /* The load overwrites it. */
            emit_before(op);
            addr = tcgv_i64_temp(tcg_temp_ebb_new_i64());
            tcg_gen_mov_i64(temp_tcgv_i64(addr), temp_tcgv_i64(access_address(op)));
            emit_done();
        }
        emit_behind(op);
        gen_slow_access(store ? &slow_store_info : &slow_load_info, addr,
                        memop_size(memop));
        emit_done();
        return;
    }
    if (store && s.stores++) {
        emit_before(op);
        count_stores(s.stores - 1);
    }
    make_known(addr_node);
    value_node = node_of(value);
    if (store && !record_regs && !wide && value->type == TCG_TYPE_I64 &&
        memop_size(memop) <= 4 && s.nodes[value_node].kind == OPAQUE &&
        s.nodes[value_node].slot < 0) {
        /* The rest of the register is nobody's business. */
        value_node = new_node(OPAQUE, value, op);
        s.nodes[value_node].wide = ZERO_EXTENDED;
    }
    make_known(value_node);
    if (high) {
        make_known(node_of(high));
    }
    va = evaluate(addr_node);
    vv = evaluate(value_node);
    if (high) {
        vh = evaluate(node_of(high));
    }
    o = new_op(wide ? (store ? LTI_STORE16 : LTI_LOAD16)
                    : (store ? LTI_STORE : LTI_LOAD));
    o->a = va;
    o->b = vv;
    o->imm = wide ? vh : memop_size(memop);
    o->flags = memop & MO_BSWAP ? LTI_OP_BSWAP : 0;
}

/* How an operation with one result appears in the steps; false: opaque. */
static bool express(TCGOp *op, unsigned *code, bool *is32, unsigned *operands,
                    uint64_t *imm)
{
    static const uint8_t conds[16] = {
        [TCG_COND_EQ] = LTI_COND_EQ + 1,       [TCG_COND_NE] = LTI_COND_NE + 1,
        [TCG_COND_LT] = LTI_COND_LT + 1,       [TCG_COND_GE] = LTI_COND_GE + 1,
        [TCG_COND_LE] = LTI_COND_LE + 1,       [TCG_COND_GT] = LTI_COND_GT + 1,
        [TCG_COND_LTU] = LTI_COND_LTU + 1,     [TCG_COND_GEU] = LTI_COND_GEU + 1,
        [TCG_COND_LEU] = LTI_COND_LEU + 1,     [TCG_COND_GTU] = LTI_COND_GTU + 1,
        [TCG_COND_TSTEQ] = LTI_COND_TSTEQ + 1, [TCG_COND_TSTNE] = LTI_COND_TSTNE + 1,
    };
    const TCGArg *a = op->args;

    *is32 = false;
    *imm = 0;
    *operands = 2;
    switch (op->opc) {
#define BOTH(name, value)                                                                \
    case INDEX_op_##name##_i32:                                                          \
        *is32 = true; /* fall through */                                                 \
    case INDEX_op_##name##_i64:                                                          \
        *code = value;
#define PLAIN(name, value) BOTH(name, value) return true;
        PLAIN(add, LTI_ADD)
        PLAIN(sub, LTI_SUB)
        PLAIN(and, LTI_AND)
        PLAIN(or, LTI_OR)
        PLAIN(xor, LTI_XOR)
        PLAIN(andc, LTI_ANDC)
        PLAIN(orc, LTI_ORC)
        PLAIN(eqv, LTI_EQV)
        PLAIN(nand, LTI_NAND)
        PLAIN(nor, LTI_NOR)
        PLAIN(shl, LTI_SHL)
        PLAIN(shr, LTI_SHR)
        PLAIN(sar, LTI_SAR)
        PLAIN(rotl, LTI_ROTL)
        PLAIN(rotr, LTI_ROTR)
        PLAIN(mul, LTI_MUL)
        PLAIN(muluh, LTI_MULUH)
        PLAIN(mulsh, LTI_MULSH)
        BOTH(not, LTI_NOT) *operands = 1;
        return true;
        BOTH(neg, LTI_NEG) *operands = 1;
        return true;
        BOTH(ctpop, LTI_CTPOP) *operands = 1;
        return true;
        BOTH(extract, LTI_EXTRACT) *operands = 1;
        *imm = a[2] | a[3] << 8;
        return true;
        BOTH(sextract, LTI_SEXTRACT) *operands = 1;
        *imm = a[2] | a[3] << 8;
        return true;
        BOTH(deposit, LTI_DEPOSIT) *imm = a[3] | a[4] << 8;
        return true;
        BOTH(extract2, LTI_EXTRACT2) *imm = a[3];
        return true;
        BOTH(setcond, LTI_SETCOND) *imm = conds[a[3]] - 1u;
        return conds[a[3]] != 0;
        BOTH(negsetcond, LTI_NEGSETCOND) *imm = conds[a[3]] - 1u;
        return conds[a[3]] != 0;
        BOTH(movcond, LTI_MOVCOND)
        *operands = 4;
        *imm = conds[a[5]] - 1u;
        return conds[a[5]] != 0;
#undef PLAIN
#undef BOTH
#define EXTEND(opc, how, from, length, narrow)                                           \
    case INDEX_op_##opc:                                                                 \
        *code = how;                                                                     \
        *operands = 1;                                                                   \
        *imm = (from) | (length) << 8;                                                   \
        *is32 = narrow;                                                                  \
        return true;
        EXTEND(ext8u_i32, LTI_EXTRACT, 0, 8, true)
        EXTEND(ext8u_i64, LTI_EXTRACT, 0, 8, false)
        EXTEND(ext16u_i32, LTI_EXTRACT, 0, 16, true)
        EXTEND(ext16u_i64, LTI_EXTRACT, 0, 16, false)
        EXTEND(ext32u_i64, LTI_EXTRACT, 0, 32, false)
        EXTEND(ext8s_i32, LTI_SEXTRACT, 0, 8, true)
        EXTEND(ext8s_i64, LTI_SEXTRACT, 0, 8, false)
        EXTEND(ext16s_i32, LTI_SEXTRACT, 0, 16, true)
        EXTEND(ext16s_i64, LTI_SEXTRACT, 0, 16, false)
        EXTEND(ext32s_i64, LTI_SEXTRACT, 0, 32, false)
        EXTEND(extu_i32_i64, LTI_EXTRACT, 0, 32, false)
        EXTEND(ext_i32_i64, LTI_SEXTRACT, 0, 32, false)
        EXTEND(extrl_i64_i32, LTI_EXTRACT, 0, 32, false)
        EXTEND(extrh_i64_i32, LTI_EXTRACT, 32, 32, false)
#undef EXTEND
    case INDEX_op_bswap64_i64:
        *code = LTI_BSWAP;
        *operands = 1;
        *imm = 8;
        return true;
    default:
        return false;
    }
}

/* A node for an operation on nodes. */
static unsigned op_node(unsigned code, bool is32, uint64_t imm, TCGTemp *temp, TCGOp *def,
                        unsigned a, unsigned b)
{
    unsigned n = new_node(OP, temp, def);

    s.nodes[n].op = code;
    s.nodes[n].op32 = is32;
    s.nodes[n].imm = imm;
    s.nodes[n].operands = 2;
    s.nodes[n].operand[0] = a;
    s.nodes[n].operand[1] = b;
    return n;
}

/* Makes one sum of a constant and a sum with a constant: `operand` are those of an ADD.
 */
static void join_sums(uint16_t *operand)
{
    const Node *sum = &s.nodes[operand[0]], *first = &s.nodes[operand[1]];
    unsigned n;

    if (first->kind != CONST || sum->kind != OP || sum->op != LTI_ADD || sum->op32 ||
        sum->slot >= 0 || s.nodes[sum->operand[1]].kind != CONST) {
        return;
    }
    n = new_node(CONST, NULL, NULL);
    s.nodes[n].imm = first->imm + s.nodes[sum->operand[1]].imm;
    operand[0] = sum->operand[0];
    operand[1] = n;
}

/* Operations with two results that are made of such with one; false: another one. */
static bool double_op(TCGOp *op)
{
    TCGTemp *low = arg_temp(op->args[0]), *high = arg_temp(op->args[1]);
    bool is32 = low->type == TCG_TYPE_I32;
    unsigned operand[4], n[2], carry;

    switch (op->opc) {
    case INDEX_op_mulu2_i32:
    case INDEX_op_mulu2_i64:
    case INDEX_op_muls2_i32:
    case INDEX_op_muls2_i64:
        operand[0] = node_of(arg_temp(op->args[2]));
        operand[1] = node_of(arg_temp(op->args[3]));
        n[0] = op_node(LTI_MUL, is32, 0, low, op, operand[0], operand[1]);
        n[1] = op_node(op->opc == INDEX_op_mulu2_i32 || op->opc == INDEX_op_mulu2_i64
                           ? LTI_MULUH
                           : LTI_MULSH,
                       is32, 0, high, op, operand[0], operand[1]);
        break;
    case INDEX_op_add2_i32:
    case INDEX_op_add2_i64:
    case INDEX_op_sub2_i32:
    case INDEX_op_sub2_i64: {
        bool adds = op->opc == INDEX_op_add2_i32 || op->opc == INDEX_op_add2_i64;
        unsigned code = adds ? LTI_ADD : LTI_SUB;

        for (unsigned k = 0; k < 4; k++) {
            operand[k] = node_of(arg_temp(op->args[2 + k]));
        }
        n[0] = op_node(code, is32, 0, low, op, operand[0], operand[2]);
        carry =
            adds ? op_node(LTI_SETCOND, is32, LTI_COND_LTU, NULL, NULL, n[0], operand[0])
                 : op_node(LTI_SETCOND, is32, LTI_COND_LTU, NULL, NULL, operand[0],
                           operand[2]);
        n[1] = op_node(code, is32, 0, NULL, NULL, operand[1], operand[3]);
        n[1] = op_node(code, is32, 0, high, op, n[1], carry);
        break;
    }
    default:
        return false;
    }
    define(low, n[0]);
    define(high, n[1]);
    return true;
}

/* How wide the result of an operation is that `op` has. */
static enum wide width_of(const TCGOp *op)
{
    MemOp memop;

    switch (op->opc) {
    case INDEX_op_qemu_ld_i64:
        memop = get_memop(op->args[2]);
        return memop_size(memop) > 4 ? WIDE
               : memop & MO_SIGN     ? SIGN_EXTENDED
                                     : ZERO_EXTENDED;
    case INDEX_op_ld8u_i64:
    case INDEX_op_ld16u_i64:
    case INDEX_op_ld32u_i64:
        return ZERO_EXTENDED;
    case INDEX_op_ld8s_i64:
    case INDEX_op_ld16s_i64:
    case INDEX_op_ld32s_i64:
        return SIGN_EXTENDED;
    default:
        return WIDE;
    }
}

/* The same of an OP node of 64 bits. */
static enum wide width_of_node(const Node *n)
{
    switch (n->op) {
    case LTI_EXTRACT:
        return n->imm >> 8 <= 32 ? ZERO_EXTENDED : WIDE;
    case LTI_SEXTRACT:
        return n->imm >> 8 <= 32 ? SIGN_EXTENDED : WIDE;
    case LTI_SETCOND:
        return ZERO_EXTENDED;
    default:
        return WIDE;
    }
}

static void plain_op(TCGOp *op)
{
    const TCGOpDef *def = &tcg_op_defs[op->opc];
    TCGTemp *out;
    unsigned code, operands, n = 0;
    uint64_t imm;
    bool is32;

    if (def->nb_oargs == 2 && double_op(op)) {
        return;
    }
    if (def->nb_oargs != 1) {
        for (int k = 0; k < def->nb_oargs; k++) {
            out = arg_temp(op->args[k]);
            define(out, new_node(OPAQUE, out, op));
        }
        return;
    }
    out = arg_temp(op->args[0]);
    if (out->type > TCG_TYPE_I64) {
        define(out, new_node(OPAQUE, out, op));
        return;
    }
    if (op->opc == INDEX_op_mov_i32 || op->opc == INDEX_op_mov_i64) {
        if (op->args[0] == op->args[1] && global_of[temp_idx(out)] &&
            global_of[temp_idx(out)]->flag) {
            return; /* lt_keeps_moves() is for registers */
        }
        define(out, node_of(arg_temp(op->args[1])));
        return;
    }
    if (express(op, &code, &is32, &operands, &imm)) {
        uint16_t operand[4];

        for (unsigned k = 0; k < operands; k++) {
            operand[k] = node_of(arg_temp(op->args[1 + k]));
        }
        if (code == LTI_EXTRACT && imm == 32 << 8 && !is32 &&
            s.nodes[operand[0]].wide == ZERO_EXTENDED) {
            define(out, operand[0]);
            return;
        }
        if (code == LTI_ADD && !is32) {
            join_sums(operand);
        }
        n = new_node(OP, out, op);
        s.nodes[n].op = code;
        s.nodes[n].op32 = is32;
        s.nodes[n].imm = imm;
        s.nodes[n].operands = operands;
        memcpy(s.nodes[n].operand, operand, sizeof(operand));
        s.nodes[n].wide = is32 ? WIDE : width_of_node(&s.nodes[n]);
    } else {
        n = new_node(OPAQUE, out, op);
        s.nodes[n].wide = width_of(op);
    }
    define(out, n);
}

/* A call of a helper that works out x86's flags, or only the carry. */
static void eflags_call(TCGOp *op, bool carry)
{
    TCGTemp *out = arg_temp(op->args[0]);
    unsigned operand[4], n;

    for (unsigned k = 0; k < 4; k++) {
        operand[k] = node_of(arg_temp(op->args[1 + k]));
    }
    n = op_node(LTI_EFLAGS, false, 0, carry ? NULL : out, op, operand[0], operand[1]);
    s.nodes[n].operand[2] = operand[2];
    s.nodes[n].operand[3] = operand[3];
    s.nodes[n].operands = 4;
    if (carry) {
        unsigned one = new_node(CONST, NULL, NULL);

        s.nodes[one].imm = 1;
        n = op_node(LTI_AND, false, 0, out, op, n, one);
    }
    s.nodes[n].wide = ZERO_EXTENDED;
    define(out, n);
}

/* A call that does not end the block. */
static void call_op(TCGOp *op, unsigned insn)
{
    LtEffect e = effect_of(op);
    unsigned outs = TCGOP_CALLO(op), part = 0;
    TCGOp *next = QTAILQ_NEXT(op, link), *call = op;

    if (s.insns[insn].complex) {
        s.flags_event |= e.flags;
        if (!e.known) {
            emit_behind(op);
            gen_regs_after_helper(0);
            emit_done();
        }
        return;
    }
    if (e.eflags) {
        eflags_call(op, e.eflags == LT_EFLAGS_CARRY);
        return;
    }
    if (e.known && !e.memory && !e.regs && !e.flags) {
        for (unsigned k = 0; k < outs; k++) {
            TCGTemp *out = arg_temp(op->args[k]);
            define(out, new_node(OPAQUE, out, op));
        }
        return;
    }
    /* What it does itself stands in the stream between two block records. */
    report_writes(insn, -1);
    commit(op, s.count, true, false);
    if (!e.known) {
        const LtGlobal *out = outs ? global_of[temp_idx(arg_temp(op->args[0]))] : NULL;

        part = lt_target.writes_part(g2h_untagged(s.insns[insn].pc), s.insns[insn].size);
        emit_before(next);
        gen_regs_after_helper(out       ? 1 + out->reg
                              : e.flags ? 1 + lt_target.flags_reg
                              : part    ? 1 + lt_target.parts[part - 1].reg
                                        : 0);
        emit_done();
        s.cc_before = s.cc;
        s.cc = -1;
        clear_parts();
        s.parts.parts = part ? 1u << (part - 1) : 0;
    }
    open_record(next, insn, true);
    add_insn(insn);
    clear_written();
    s.flags_event = e.flags;
    /* Results are stored behind what opens the record. */
    forget_nodes(QTAILQ_PREV(next, link));
    for (int i = 0; i < tcg_ctx->nb_globals; i++) {
        const LtGlobal *g = global_of[i];
        if (g && ((e.regs >> g->reg & 1) || (e.known && e.flags && g->flag))) {
            /* cc_op too: only before another instruction does the translator say
             * what it is. */
            set_written(i);
        }
    }
    for (unsigned k = 0; k < outs; k++) {
        TCGTemp *out = arg_temp(call->args[k]);
        define(out, new_node(OPAQUE, out, s.first));
    }
}

/* Marks every global that the instruction behind `op` names as an output. */
static void find_outputs(TCGOp *op, bool *may_write)
{
    memset(may_write, 0, tcg_ctx->nb_globals);
    clear_parts();
    for (op = QTAILQ_NEXT(op, link);
         op && op->opc != INDEX_op_insn_start && op != s.exit_label_op;
         op = QTAILQ_NEXT(op, link)) {
        int outs = op->opc == INDEX_op_call ? (int)TCGOP_CALLO(op)
                                            : tcg_op_defs[op->opc].nb_oargs;
        if (op->opc == INDEX_op_discard) {
            continue;
        }
        part_writes(op, &s.parts, true);
        for (int k = 0; k < outs; k++) {
            TCGTemp *t = arg_temp(op->args[k]);
            if (t->kind == TEMP_GLOBAL) {
                may_write[temp_idx(t)] = true;
            }
        }
        if (op->opc == INDEX_op_call && !is_lookup(op)) {
            LtEffect e = effect_of(op);
            for (int i = 0; i < tcg_ctx->nb_globals; i++) {
                may_write[i] |= global_of[i] && e.known &&
                                ((e.regs >> global_of[i]->reg & 1) ||
                                 (e.flags && global_of[i]->flag));
            }
        }
    }
}

/* An operation that leaves the block: what the record holds is complete.  The
 * steps for this way out are not part of the next one's. */
static void way_out(TCGOp *op, unsigned insn, bool completes, const bool *may_write)
{
    const bool aside = !completes || (never_returns(op) && s.branched);
    unsigned ops = s.op_count;
    int64_t cc = s.cc;

    if (s.insns[insn].complex) {
        /* An instruction that repeats leaves first to reenter itself. */
        bool reenters = s.ways == 0 && lt_target.repeats(g2h_untagged(s.insns[insn].pc),
                                                         s.insns[insn].size);
        s.ways++;
        report_complex(op, insn, may_write, -1, reenters);
        commit(op, s.count, false, false);
        return;
    }
    if (completes) {
        report_writes(insn, -1);
        report_parts(op, &s.parts);
        commit(op, s.count, never_returns(op), aside);
    } else {
        commit(op, s.count - 1, true, aside);
    }
    s.op_count = ops;
    s.cc = cc;
    s.epoch++;
}

/* Whether an operation does nothing that is recorded, nor leads away. */
static bool is_silent(TCGOp *op)
{
    TCGTemp *out;

    switch (op->opc) {
    case INDEX_op_mov_i32:
    case INDEX_op_mov_i64:
    case INDEX_op_add_i64:
    case INDEX_op_and_i64:
    case INDEX_op_ext32u_i64:
        out = arg_temp(op->args[0]);
        return out->kind != TEMP_GLOBAL || !global_of[temp_idx(out)];
    default:
        return false;
    }
}

/* Whether from `op` on, which is a branch, all that the block does is to leave, on
 * whichever way, and nobody comes in from elsewhere: then the record is complete before
 * it. */
static bool only_leaves(TCGOp *op)
{
    const TCGOp *branch = op;
    unsigned left = 12;

    for (op = QTAILQ_NEXT(op, link); op && op != s.exit_label_op;
         op = QTAILQ_NEXT(op, link)) {
        switch (op->opc) {
        case INDEX_op_goto_tb:
        case INDEX_op_exit_tb:
        case INDEX_op_goto_ptr:
            break;
        case INDEX_op_set_label: {
            const TCGLabelUse *use = QSIMPLEQ_FIRST(&arg_label(op->args[0])->branches);

            if (!use || use->op != branch || QSIMPLEQ_NEXT(use, next)) {
                return false;
            }
            break;
        }
        default:
            if (!is_lookup(op) && !is_silent(op)) {
                return false;
            }
        }
        if (left-- == 0) {
            return false;
        }
    }
    return true;
}

/* Whether a call that never returns completes its instruction. */
static bool call_completes(TCGOp *op)
{
    uint64_t args[8];
    unsigned count = constant_args(op, args, ARRAY_SIZE(args));

    return lt_target.completes(call_info(op)->name, args, count);
}

/* Whether what is known of values before the instruction, the last that was added, may be
 * used in it.  Where registers are recorded, they say all that is needed. */
static bool keeps_nodes(unsigned insn)
{
    return !record_regs && s.count > 1 && !s.insns[insn].complex &&
           !s.insns[insn - 1].complex && s.node_count < NODES / 2;
}

static void begin_insn(TCGOp *op, unsigned insn, bool *may_write)
{
    add_insn(insn);
    if (!keeps_nodes(insn)) {
        s.node_count = 1;
        forget_nodes(op);
    }
    clear_written();
    s.flags_event = s.branched = false;
    clear_parts();
    s.ways = s.stores = 0;
    s.cc_before = -1;
    if (s.insns[insn].waits) {
        /* Behind what is put in front of it below. */
        emit_behind(s.insns[insn].ready);
        lt_sync_gen_insn(s.insns[insn].pc, s.insns[insn].size, true);
        emit_done();
    }
    if (s.insns[insn].stores > 1 && !s.insns[insn].complex) {
        emit_behind(op);
        count_stores(0);
    }
    if (s.insns[insn].complex) {
        commit(op, s.count, true, false);
        s.open = false;
        find_outputs(op, may_write);
        if (repeat_temp >= 0) {
            emit_behind(op);
            tcg_gen_st_i64(temp_tcgv_i64(&tcg_ctx->temps[repeat_temp]), tcg_env,
                           NEG(lt_repeat));
            emit_done();
        }
    }
}

static void record_block(TranslationBlock *tb, struct DisasContextBase *db)
{
    static bool may_write[TCG_MAX_TEMPS];
    TCGOp *op, *next;
    int insn = -1;
    bool dead = false, chained = false;

    /* Nobody listens; or it is the vsyscall page, whose code is not there. */
    if (!lt_control || db->pc_first >> 63 || (!lt_control->range_count && !lt_sync)) {
        return;
    }
    s.open = s.buffer_loaded = false; /* the translation before may have been given up */
    find_globals();
    memset(s.is_buffer, 0, sizeof(s.is_buffer));
    tcg_temp_ebb_reset_freed(tcg_ctx);
    if (!scan(db)) {
        if (lt_filtered || record_regs) {
            QTAILQ_FOREACH(op, &tcg_ctx->ops, link)
            {
                if (op->opc == INDEX_op_insn_start) {
                    break;
                }
            }
            emit_before(op);
            tcg_gen_st8_i32(tcg_constant_i32(1), tcg_env, NEG(lt_stale));
            emit_done();
        }
        for (unsigned i = 0; i < s.insn_count; i++) {
            if (s.insns[i].waits) {
                emit_behind(s.insns[i].ready);
                lt_sync_gen_insn(s.insns[i].pc, s.insns[i].size, false);
                emit_done();
            }
        }
        return;
    }
    s.cc = s.insns[0].cc;
    s.done = false;
    s.vector_bytes =
        lt_target.vector_bytes ? lt_target.vector_bytes(tb) : lt_target.vector.size;
    for (op = QTAILQ_FIRST(&tcg_ctx->ops); op && op != s.exit_label_op; op = next) {
        TCGTemp *t;

        next = QTAILQ_NEXT(op, link);
        if (op->opc == INDEX_op_insn_start) {
            if (insn < 0) {
                open_block(op);
            } else if (!dead && s.insns[insn].complex) {
                report_complex(op, insn, may_write, s.insns[insn + 1].cc, false);
            } else if (!dead) {
                report_writes(insn, s.insns[insn + 1].cc);
                report_parts(op, &s.parts);
            }
            dead = chained = false;
            begin_insn(op, ++insn, may_write);
            continue;
        }
        if (insn < 0 || s.done) {
            continue;
        }
        switch (op->opc) {
        case INDEX_op_set_label: {
            TCGLabel *label = arg_label(op->args[0]);
            /* Nothing but that branch leads here: all is as it was there. */
            bool same = dead && label == s.branch &&
                        !QSIMPLEQ_NEXT(QSIMPLEQ_FIRST(&label->branches), next);

            dead = chained = false;
            s.branched = true;
            if (!s.insns[insn].complex) {
                emit_behind(op);
                load_buffer();
                emit_done();
                if (!same) {
                    forget_nodes(QTAILQ_PREV(next, link));
                }
            }
            continue;
        }
        case INDEX_op_brcond_i32:
        case INDEX_op_brcond_i64:
            if (!dead && !chained && !s.insns[insn].complex && only_leaves(op)) {
                way_out(op, insn, true, may_write);
                s.done = true;
                continue;
            }
            s.branch = dead || chained ? NULL : branch_label(op);
            s.branched = true;
            continue;
        case INDEX_op_goto_tb:
        case INDEX_op_exit_tb:
        case INDEX_op_goto_ptr:
            if (!dead && !chained) {
                way_out(op, insn, true, may_write);
            }
            /* goto_tb is followed by the way out of an unchained block, which
             * does nothing more for the guest. */
            dead = op->opc != INDEX_op_goto_tb;
            chained = !dead;
            continue;
        default:
            break;
        }
        if (dead || chained) {
            continue;
        }
        if (is_lookup(op)) {
            way_out(op, insn, true, may_write);
            chained = true;
            continue;
        }
        if (never_returns(op)) {
            if (!s.insns[insn].complex) {
                way_out(op, insn, call_completes(op), may_write);
            }
            dead = true;
            continue;
        }
        if (op->opc == INDEX_op_call) {
            call_op(op, insn);
            if (!s.insns[insn].complex) {
                part_writes(op, &s.parts, s.branched);
            }
            continue;
        }
        if (is_guest_store(op->opc)) {
            guest_access(op, insn, true, node_of(access_address(op)));
            continue;
        }
        if (s.insns[insn].complex) {
            if (is_guest_load(op->opc)) {
                guest_access(op, insn, false, 0);
            }
            continue;
        }
        if (op->opc == INDEX_op_discard) {
            t = arg_temp(op->args[0]);
            if (t->kind == TEMP_GLOBAL) {
                s.written[temp_idx(t) / 64] &= ~(UINT64_C(1) << temp_idx(t) % 64);
            }
            s.stamp_of[temp_idx(t)] = 0;
            s.branch = NULL;
            continue;
        }
        part_writes(op, &s.parts, s.branched);
        if (op->opc == INDEX_op_st_i32 && lt_target.df_offset >= 0 &&
            arg_temp(op->args[1]) == tcgv_ptr_temp(tcg_env) &&
            (intptr_t)op->args[2] == lt_target.df_offset) {
            report_df(op, arg_temp(op->args[0]));
            continue;
        }
        if (tcg_op_defs[op->opc].nb_oargs) {
            bool load = is_guest_load(op->opc);
            unsigned addr = load ? node_of(access_address(op)) : 0;

            plain_op(op);
            if (load) {
                guest_access(op, insn, false, addr);
            }
        }
    }
    name_record();
    s.open = false;
}

/* Whether nobody wants anything of any code, now or later. */
static bool is_unwanted(void)
{
    return !lt_control || (!lt_control->range_count &&
                           !(lt_control->record & LTI_RECORD_REGS) && !lt_sync);
}

void lt_translate(CPUState *cpu, TranslationBlock *tb, struct DisasContextBase *db)
{
    TCGOp *op;

    s.opened = NULL;
    if (!is_unwanted()) {
        record_block(tb, db);
    }
    QTAILQ_FOREACH(op, &tcg_ctx->ops, link)
    {
        /* Behind the check for room, and before what the record knows. */
        if (op == s.opened || op->opc == INDEX_op_insn_start) {
            lt_coverage_block(op, db->pc_first, db->pc_next - db->pc_first);
            break;
        }
    }
}
