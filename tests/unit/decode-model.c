/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See decode-model.h. */
#include "decode-model.h"

#include <string.h>

#include "flags.h"
#include "registers.h"

/* ---- A plain interpreter ---- */

static bool holds(uint64_t cond, uint64_t a, uint64_t b, bool is32)
{
    int64_t sa = is32 ? (int32_t)a : (int64_t)a, sb = is32 ? (int32_t)b : (int64_t)b;
    uint64_t ua = is32 ? (uint32_t)a : a, ub = is32 ? (uint32_t)b : b;
    const bool table[] = {
        [LTI_COND_EQ] = ua == ub,
        [LTI_COND_NE] = ua != ub,
        [LTI_COND_LT] =
            sa<sb, [LTI_COND_GE] = sa >= sb, [LTI_COND_LE] = sa <= sb, [LTI_COND_GT] = sa>
                sb,
        [LTI_COND_LTU] = ua<
            ub, [LTI_COND_GEU] = ua >= ub, [LTI_COND_LEU] = ua <= ub, [LTI_COND_GTU] = ua>
            ub,
        [LTI_COND_TSTEQ] = (ua & ub) == 0,
        [LTI_COND_TSTNE] = (ua & ub) != 0,
    };

    return table[cond];
}

uint64_t evaluate(const struct lti_op *op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const bool is32 = op->flags & LTI_OP_32;
    const unsigned width = is32 ? 32 : 64;
    const uint64_t all = UINT64_MAX >> (64 - width);
    const unsigned pos = op->imm & 255, length = op->imm >> 8 & 255;
    const uint64_t field = length ? UINT64_MAX >> (64 - length) : 0;
    uint64_t r = 0;

    a &= all;
    b &= all;
    switch (op->op) {
    case LTI_ADD:
        return (a + b) & all;
    case LTI_SUB:
        return (a - b) & all;
    case LTI_AND:
        return a & b;
    case LTI_OR:
        return a | b;
    case LTI_XOR:
        return a ^ b;
    case LTI_ANDC:
        return a & ~b;
    case LTI_ORC:
        return (a | ~b) & all;
    case LTI_EQV:
        return ~(a ^ b) & all;
    case LTI_NAND:
        return ~(a & b) & all;
    case LTI_NOR:
        return ~(a | b) & all;
    case LTI_SHL:
        return a << b % width & all;
    case LTI_SHR:
        return a >> b % width;
    case LTI_SAR:
        return is32 ? (uint32_t)((int32_t)a >> b % 32) : (uint64_t)((int64_t)a >> b % 64);
    case LTI_ROTL:
        for (unsigned i = 0; i < b % width; i++) {
            a = (a << 1 | a >> (width - 1)) & all;
        }
        return a;
    case LTI_ROTR:
        for (unsigned i = 0; i < b % width; i++) {
            a = (a >> 1 | a << (width - 1)) & all;
        }
        return a;
    case LTI_MUL:
        return a * b & all;
    case LTI_NOT:
        return ~a & all;
    case LTI_NEG:
        return (0 - a) & all;
    case LTI_EXTRACT:
        return a >> pos & field;
    case LTI_SEXTRACT:
        r = a >> pos & field;
        return (r >> (length - 1) & 1 ? r | ~field : r) & all;
    case LTI_DEPOSIT:
        for (unsigned i = 0; i < width; i++) {
            bool inside = i >= pos && i < pos + length;

            r |= ((inside ? b >> (i - pos) : a >> i) & 1) << i;
        }
        return r;
    case LTI_EXTRACT2:
        return (uint64_t)(((unsigned __int128)b << width | a) >> op->imm) & all;
    case LTI_SETCOND:
        return holds(op->imm, a, b, is32);
    case LTI_NEGSETCOND:
        return holds(op->imm, a, b, is32) ? all : 0;
    case LTI_MOVCOND:
        return (holds(op->imm, a, b, is32) ? c : d) & all;
    case LTI_CTPOP:
        for (; a; a >>= 1) {
            r += a & 1;
        }
        return r;
    case LTI_BSWAP:
        for (unsigned i = 0; i < op->imm; i++) {
            r = r << 8 | (a >> (8 * i) & 0xff);
        }
        return r;
    case LTI_MULUH:
        return (uint64_t)((unsigned __int128)a * b >> width);
    case LTI_MULSH:
        return is32 ? (uint32_t)((int64_t)(int32_t)a * (int32_t)b >> 32)
                    : (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
    case LTI_EFLAGS: /* test-flags.c has what they are */
        return lti_x86_arithmetic_flags(control()->cc_map[d & 127], a, b, c);
    default:
        fail_msg("no operation %u", op->op);
        return 0;
    }
}

/* The guest as the interpreter knows it. */
struct model {
    uint64_t regs[LTI_MAX_REGS];
    uint64_t values[MAX_OPS];
    uint64_t seq;
    uint64_t pc; /* of the instruction in hand */
    bool has_pc;
    bool flags_unknown;
    uint32_t pid, tid;
};

static struct model guest;

/* Its threads, those that do not run: as `guest` is where it is theirs. */
#define THREADS 3u

static struct {
    bool known;
    uint64_t regs[LTI_MAX_REGS];
    uint64_t pc;
    bool has_pc;
} threads[THREADS];

static uint64_t guest_flags(void)
{
    return run.arch == LT_ARCH_X86_64 ? lti_x86_rflags(guest.regs, control()->cc_map)
                                      : lti_a64_nzcv(guest.regs);
}

/* What has a number of its own but is made of several words. */
static uint64_t guest_float(void)
{
    return run.arch == LT_ARCH_X86_64 ? lti_x86_mxcsr(guest.regs)
                                      : lti_a64_fpsr(guest.regs);
}

static uint64_t hash_guest_regs(void)
{
    const struct lti_arch *arch = lti_arch_info(run.arch);
    uint64_t hash = 1, value = guest_float();

    for (unsigned i = 0; i < arch->held_count; i++) {
        if (i == arch->pc_reg) {
            hash = hash_bytes(hash, &guest.pc, 8);
        } else if (i == arch->float_reg) {
            hash = hash_bytes(hash, &value, arch->regs[i].width);
        } else if (i != flags_reg()) {
            hash = hash_bytes(hash, &guest.regs[arch->regs[i].word], arch->regs[i].width);
        }
    }
    return hash;
}

static bool takes(const struct lt_filter *f, uint64_t pc)
{
    return pc >= f->pc_start && (f->pc_end == 0 || pc < f->pc_end);
}

static bool touches(const struct lt_filter *f, uint64_t addr, uint64_t length)
{
    return addr + (length - 1) >= f->addr_start &&
           (f->addr_end == 0 || addr < f->addr_end);
}

/* Notes an event for each who wants it. */
static void expect(uint32_t type, const uint64_t v[6])
{
    const struct lti_callbacks *c = &run.callbacks;
    bool memory = type == LT_EVENT_MEM_WRITE || type == LT_EVENT_MEM_READ, any = false;

    for (unsigned who = 0; who <= PULL; who++) {
        const struct lt_filter *f =
            who == PULL ? &c->pull_filter : &c->list[type][who].filter;
        struct entry *e;

        if (who == PULL ? !c->pull || !(c->pull_kinds & LT_KIND(type))
                        : who >= c->count[type]) {
            continue;
        }
        if (!takes(f, guest.pc) || (memory && !touches(f, v[0], v[1]))) {
            continue;
        }
        guest.seq += !any;
        any = true;
        e = add_entry(&want);
        e->who = who;
        e->type = type;
        e->seq = guest.seq;
        e->pid = guest.pid;
        e->tid = guest.tid;
        e->pc = guest.pc;
        memcpy(e->v, v, sizeof e->v);
        e->regs = hash_guest_regs();
        e->flags = guest_flags();
        e->flags_unknown = guest.flags_unknown;
    }
}

static void expect_access(uint32_t type, uint64_t addr, const void *bytes,
                          uint32_t length)
{
    uint64_t v[6] = {addr, length};

    memcpy(&v[2], bytes, length < 8 ? length : 8);
    v[3] = hash_bytes(1, bytes, length);
    expect(type, v);
}

static void expect_memory_op(const struct lti_op *op)
{
    bool wide = op->op == LTI_STORE16 || op->op == LTI_LOAD16;
    unsigned length = wide ? 16 : (unsigned)op->imm;
    uint8_t bytes[16];

    memcpy(bytes, &guest.values[op->b], 8);
    if (wide) {
        memcpy(bytes + 8, &guest.values[op->imm], 8);
    }
    if (op->flags & LTI_OP_BSWAP) {
        for (unsigned i = 0; i < length / 2; i++) {
            uint8_t byte = bytes[i];

            bytes[i] = bytes[length - 1 - i];
            bytes[length - 1 - i] = byte;
        }
    }
    expect_access(op->op == LTI_STORE || op->op == LTI_STORE16 ? LT_EVENT_MEM_WRITE
                                                               : LT_EVENT_MEM_READ,
                  guest.values[op->a], bytes, length);
}

/* Whether an x87 register is written as one of the stack. */
static bool is_stack_write(const struct lti_op *op)
{
    uint64_t status = guest.regs[LTI_X86_FSW];

    if (!(op->flags & LTI_OP_STACK) ||
        ((op->b & LTI_X87_UNLESS_C2) && status & 1 << 10)) {
        return false;
    }
    for (unsigned st = 0; st < 8; st++) {
        if ((op->b >> (LTI_X87_ST + st) & 1) &&
            op->a == LTI_X86_REG_FPR0 + ((status >> 11) + st) % 8) {
            return true;
        }
    }
    return false;
}

/* Words that are set, and the event of the register that they are part of. */
static void expect_words(const struct lti_op *op, const uint8_t *record)
{
    const struct lti_reg *r = &lti_arch_info(run.arch)->regs[op->a];
    uint32_t bytes = (uint32_t)(op->imm >> 32);
    uint64_t old[LTI_MAX_REGS], old_float = guest_float(), v[6] = {op->a};
    bool is_float = r->how == LTI_REG_FLOAT;

    memcpy(old, guest.regs, sizeof old);
    memset(&guest.regs[op->d], 0, (bytes + 7) / 8 * 8);
    if (op->op == LTI_WORDS) {
        memcpy(&guest.regs[op->d], record + (uint32_t)op->imm, bytes);
    }
    if (op->b == 0 ||
        ((op->flags & (LTI_OP_CHANGED | LTI_OP_STACK)) && !is_stack_write(op) &&
         (is_float ? guest_float() == old_float
                   : memcmp(old, guest.regs, sizeof old) == 0))) {
        return;
    }
    v[1] = is_float ? guest_float() : guest.regs[r->word];
    v[2] = r->width > 8 ? hash_bytes(1, &guest.regs[r->word], r->width) : 0;
    expect(LT_EVENT_REG_WRITE, v);
}

static void expect_op(const struct plan *p, const struct lti_op *op,
                      const uint8_t *record)
{
    uint64_t *v = guest.values;
    uint64_t value = 0;

    (void)p;
    switch (op->op) {
    case LTI_CONST:
        v[op->d] = op->imm;
        return;
    case LTI_SLOT32:
        memcpy(&value, record + op->imm, 4);
        v[op->d] = value;
        return;
    case LTI_SLOT64:
        memcpy(&v[op->d], record + op->imm, 8);
        return;
    case LTI_REG:
        v[op->d] = guest.regs[op->a];
        return;
    case LTI_MORE:
        return;
    case LTI_SETREG:
        guest.regs[op->d] = v[op->a];
        if (op->flags & LTI_OP_HIDDEN) {
            guest.flags_unknown = true;
        } else {
            expect(LT_EVENT_REG_WRITE, (uint64_t[6]){op->d, v[op->a]});
        }
        return;
    case LTI_FLAGS:
        guest.flags_unknown = false;
        expect(LT_EVENT_REG_WRITE, (uint64_t[6]){flags_reg(), guest_flags()});
        return;
    case LTI_STORE:
    case LTI_STORE16:
    case LTI_LOAD:
    case LTI_LOAD16:
        expect_memory_op(op);
        return;
    case LTI_WORDS:
    case LTI_ZERO:
        expect_words(op, record);
        return;
    case LTI_EFLAGS:
    case LTI_MOVCOND:
        v[op->d] = evaluate(op, v[op->a], v[op->b], v[op[-1].a], v[op[-1].b]);
        return;
    default:
        v[op->d] = evaluate(op, v[op->a], v[op->b], 0, 0);
        return;
    }
}

static bool is_store(const struct lti_op *op)
{
    return op->op == LTI_STORE || op->op == LTI_STORE16;
}

/* The first `count` instructions of a block; `record` as for a whole one.  `stores`:
 * 0, or of the last one only what comes up to so many stores. */
static void expect_block(const struct plan *p, uint32_t count, uint32_t stores,
                         const uint8_t *record)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct lti_desc_insn *insn = &p->insns[i];
        uint32_t end =
            i + 1 < p->desc.insn_count ? p->insns[i + 1].first_op : p->desc.op_count;
        uint64_t pc = p->desc.pc + insn->pc_offset;
        bool again = (insn->flags & LTI_INSN_REPEATS) && guest.has_pc && guest.pc == pc;

        guest.pc = pc;
        guest.has_pc = true;
        guest.flags_unknown = false;
        if (!again && !(insn->flags & LTI_INSN_CONTINUES)) {
            expect(LT_EVENT_INSN,
                   (uint64_t[6]){insn->length, hash_bytes(1, p->code + insn->code_offset,
                                                          insn->length)});
        }
        for (uint32_t k = insn->first_op, made = 0; k < end; k++) {
            expect_op(p, &p->ops[k], record);
            made += is_store(&p->ops[k]);
            if (stores && i == count - 1 && made == stores) {
                break;
            }
        }
    }
    guest.flags_unknown = false;
}

/* ---- Random streams ---- */

/* Values of the instruction being made. */
struct made {
    unsigned first;
    bool written[LTI_MAX_REGS];
};

static unsigned any_value(const struct plan *p, const struct made *made)
{
    return made->first + below(p->desc.value_count - made->first);
}

static void add_random_operation(struct plan *p, const struct made *made)
{
    static const uint8_t codes[] = {
        LTI_ADD,     LTI_SUB,      LTI_AND,     LTI_OR,         LTI_XOR,     LTI_ANDC,
        LTI_ORC,     LTI_EQV,      LTI_NAND,    LTI_NOR,        LTI_SHL,     LTI_SHR,
        LTI_SAR,     LTI_ROTL,     LTI_ROTR,    LTI_MUL,        LTI_NOT,     LTI_NEG,
        LTI_EXTRACT, LTI_SEXTRACT, LTI_DEPOSIT, LTI_EXTRACT2,   LTI_SETCOND, LTI_MOVCOND,
        LTI_CTPOP,   LTI_BSWAP,    LTI_MULUH,   LTI_NEGSETCOND, LTI_MULSH,   LTI_ADD,
        LTI_SUB,     LTI_AND,
    };
    unsigned code = codes[below(COUNT(codes))], a = any_value(p, made);
    unsigned b = any_value(p, made);
    bool is32 = below(2);
    unsigned width = is32 ? 32 : 64, pos = below(width), length = 1 + below(width - pos);
    uint64_t imm = 0;

    if (run.arch == LT_ARCH_X86_64 && below(16) == 0) {
        add_op(p, LTI_MORE, 0, any_value(p, made), any_value(p, made), 0);
        add_op(p, LTI_EFLAGS, new_value(p), a, b, 0);
        return;
    }
    switch (code) {
    case LTI_EXTRACT:
        if (below(3) == 0) {
            is32 = false;
            pos = 0;
            length = 32;
        }
        imm = pos | length << 8;
        break;
    case LTI_SEXTRACT:
    case LTI_DEPOSIT:
        imm = pos | length << 8;
        break;
    case LTI_EXTRACT2:
        imm = below(width + 1);
        break;
    case LTI_BSWAP:
        imm = is32 ? 2u << below(2) : 2u << below(3);
        break;
    case LTI_MOVCOND:
        add_op(p, LTI_MORE, 0, any_value(p, made), any_value(p, made), 0);
        imm = below(12);
        break;
    case LTI_SETCOND:
    case LTI_NEGSETCOND:
        imm = below(12);
        break;
    default:
        if (below(2)) {
            b = add_const(p, operand());
        }
        break;
    }
    add_op(p, code, new_value(p), a, b, imm)->flags = is32 ? LTI_OP_32 : 0;
}

/* Sets a part of a register that is in none of the first words, or all of it. */
static void add_random_words(struct plan *p, struct made *made)
{
    const struct lti_arch *arch = lti_arch_info(run.arch);
    unsigned first = run.arch == LT_ARCH_X86_64 ? LT_X86_64_ES : LT_AARCH64_FPCR;
    unsigned number = first + below(arch->held_count - first);
    const struct lti_reg *reg = &arch->regs[number];
    unsigned words = (reg->width + 7u) / 8, from = below(words),
             count = 1 + below(words - from);
    unsigned bytes = 8 * count - (below(4) ? 0 : 4), told = below(4) ? reg->width : 0;
    struct lti_op *op;

    if (reg->how == LTI_REG_FLOAT) {
        from = below(2); /* its flags are in the next word */
    }
    for (unsigned i = 0; i < count; i++) {
        made->written[reg->word + from + i] = true;
    }
    op = add_op(p, below(4) ? LTI_WORDS : LTI_ZERO, reg->word + from, number, told,
                (uint64_t)bytes << 32);
    if (op->op == LTI_WORDS) {
        op->imm |= p->desc.record_size;
        p->desc.record_size += bytes;
        op->flags = below(3) ? 0 : LTI_OP_CHANGED;
        if (reg->class == LT_REG_FLOAT && below(2)) {
            op->flags = LTI_OP_STACK;
            op->b |= told ? below(512) << 7 : 0;
        }
    }
}

static void add_random_effect(struct plan *p, struct made *made)
{
    unsigned v = any_value(p, made), reg, kind = below(10);

    switch (kind) {
    case 0:
    case 1:
        add_op(p, LTI_STORE + 2 * kind, 0, v, any_value(p, made), 1u << below(4))->flags =
            below(3) ? 0 : LTI_OP_BSWAP;
        break;
    case 2:
    case 3:
        add_op(p, kind == 2 ? LTI_STORE16 : LTI_LOAD16, 0, v, any_value(p, made),
               any_value(p, made))
            ->flags = below(3) ? 0 : LTI_OP_BSWAP;
        break;
    case 4:
    case 5:
        add_random_words(p, made);
        break;
    default:
        reg = below(16);
        made->written[reg] = true;
        add_setreg(p, reg, below(2) ? v : add_slot(p, below(2)), false);
        break;
    }
}

/* What an instruction leaves for the flags, in one of the ways there are. */
static void add_random_flags(struct plan *p, struct made *made)
{
    static const uint8_t kinds[] = {LTI_CC_SUB,   LTI_CC_ADD, LTI_CC_LOGIC,  LTI_CC_ADC,
                                    LTI_CC_LOGIC, LTI_CC_SHL, LTI_CC_EFLAGS, LTI_CC_INC};
    unsigned kind = kinds[below(COUNT(kinds))] + below(4);
    bool x86 = run.arch == LT_ARCH_X86_64;

    if (!x86) {
        for (unsigned reg = LTI_A64_NF; reg <= LTI_A64_VF; reg++) {
            made->written[reg] = true;
            add_setreg(p, reg, any_value(p, made), true);
        }
        add_op(p, LTI_FLAGS, 0, 0, 0, 0);
        return;
    }
    if (below(4)) {
        made->written[LTI_X86_CC_DST] = true;
        add_setreg(p, LTI_X86_CC_DST, below(4) ? any_value(p, made) : add_slot(p, true),
                   true);
    }
    if ((kind & ~3u) != LTI_CC_LOGIC || below(4) == 0) {
        made->written[LTI_X86_CC_SRC] = true;
        add_setreg(p, LTI_X86_CC_SRC, below(4) ? any_value(p, made) : add_slot(p, true),
                   true);
    }
    if (below(4) == 0) {
        made->written[LTI_X86_CC_SRC2] = true;
        add_setreg(p, LTI_X86_CC_SRC2, any_value(p, made), true);
    }
    if (below(3)) {
        made->written[LTI_X86_CC_OP] = true;
        add_setreg(p, LTI_X86_CC_OP, add_const(p, kind), true);
    }
    if (below(4) == 0) {
        add_random_effect(p, made);
    }
    if (below(6)) {
        add_op(p, LTI_FLAGS, 0, 0, 0, 0);
    }
}

static void add_random_insn(struct plan *p, uint8_t flags)
{
    struct made made = {.first = p->desc.value_count};
    unsigned reg_count = run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;

    add_insn(p, flags);
    add_slot(p, true);
    for (unsigned n = 1 + below(10); n; n--) {
        unsigned reg = below(reg_count);

        switch (below(6)) {
        case 0:
            add_slot(p, below(2));
            break;
        case 1: /* a register that has still its old value */
            if (reg != LT_X86_64_RIP && reg != LT_X86_64_RFLAGS && reg != LT_AARCH64_PC &&
                reg != LT_AARCH64_NZCV && !made.written[reg]) {
                add_op(p, LTI_REG, new_value(p), reg, 0, 0);
            }
            break;
        case 2:
            add_random_effect(p, &made);
            break;
        default:
            add_random_operation(p, &made);
            break;
        }
    }
    if (below(2)) {
        add_random_flags(p, &made);
    }
    for (unsigned n = below(3); n; n--) {
        add_random_effect(p, &made);
    }
}

struct plan plans[BLOCKS + 1];

void random_blocks(void)
{
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        new_plan(&plans[i], 0x1000 + 0x10 * below(12));
        for (unsigned n = 1 + below(5); n; n--) {
            bool first = plans[i].desc.insn_count == 0;

            add_random_insn(&plans[i], below(5)            ? 0
                                       : first && below(2) ? LTI_INSN_CONTINUES
                                                           : LTI_INSN_REPEATS);
        }
        write_block(&plans[i], i);
    }
}

/* A record of that block, whole or its first `count` instructions. */
static void put_random_block(uint32_t number, uint32_t count)
{
    const struct plan *p = &plans[number];
    uint32_t size =
        count < p->desc.insn_count ? p->insns[count].slot_offset : p->desc.record_size;
    uint32_t first = p->insns[count - 1].first_op, stores = 0;
    uint32_t end =
        count < p->desc.insn_count ? p->insns[count].first_op : p->desc.op_count;
    size_t at;

    if (count < p->desc.insn_count || below(8) == 0) {
        /* Registers are written behind all stores. */
        for (uint32_t k = first;
             k < end && (p->ops[k].op <= LTI_LAST_VALUE_OP || is_store(&p->ops[k]));
             k++) {
            stores += is_store(&p->ops[k]);
        }
        stores = stores && below(2) ? 1 + below(stores) : 0;
        put_head(LTI_S_PART, size + 8);
        put32(number);
        at = stream.size;
        put32(count | stores << LTI_PART_STORES);
    } else {
        at = stream.size;
        put32(number);
    }
    for (uint32_t i = 4; i < size; i += 4) {
        put32(below(3) ? (uint32_t)operand() : (uint32_t)random64());
    }
    expect_block(p, count, stores, stream.bytes + at);
}

/* Random registers, known from here on. */
static void put_random_regs(void)
{
    unsigned count = run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;

    for (unsigned i = 0; i < count; i++) {
        guest.regs[i] = operand();
    }
    if (run.arch == LT_ARCH_X86_64) {
        guest.regs[LTI_X86_CC_OP] = below(LTI_CC_UNKNOWN);
        guest.regs[LTI_X86_DF] = below(2) ? 1 : UINT64_MAX;
    }
    put_regs(LTI_REGS_START, 0, guest.regs, count);
}

/* The records behind are that thread's. */
static void put_thread(uint32_t number)
{
    uint32_t old = guest.tid - 200;

    memcpy(threads[old].regs, guest.regs, sizeof guest.regs);
    threads[old].pc = guest.pc;
    threads[old].has_pc = guest.has_pc;
    threads[old].known = true;
    guest.tid = 200 + number;
    put_head(LTI_S_THREAD, 8);
    put32(guest.tid);
    guest.pc = threads[number].pc;
    guest.has_pc = threads[number].has_pc;
    if (threads[number].known) {
        memcpy(guest.regs, threads[number].regs, sizeof guest.regs);
    } else {
        put_random_regs();
    }
}

void put_random_record(void)
{
    uint32_t number = 1 + below(BLOCKS), kind = below(40);
    uint8_t bytes[64];

    if (kind == 0) {
        uint32_t words = below(4);

        put_head(LTI_S_PAD, 4 + 4 * words);
        while (words--) {
            put32((uint32_t)random64());
        }
    } else if (kind < 4) {
        uint32_t length = 1 + below(sizeof bytes);
        uint64_t addr = operand();
        bool store = kind & 1;

        for (uint32_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)random64();
        }
        put_access(store ? LTI_S_WRITE : LTI_S_READ, addr, bytes, length);
        if (guest.has_pc) {
            expect_access(store ? LT_EVENT_MEM_WRITE : LT_EVENT_MEM_READ, addr, bytes,
                          length);
        }
    } else if (kind == 4) {
        put_thread(below(THREADS));
    } else if (kind == 5) {
        put_head(LTI_S_FORGET, 4); /* but not the instruction in hand */
        if (below(2)) {
            put_slab();
        }
    } else if (kind < 12) {
        put_random_block(number, 1 + below(plans[number].desc.insn_count));
    } else {
        put_random_block(number, plans[number].desc.insn_count);
    }
}

void put_random_start(void)
{
    memset(&guest, 0, sizeof guest);
    memset(threads, 0, sizeof threads);
    want.count = 0;
    stream.size = 0;
    guest.pid = 100;
    guest.tid = 200;
    put_process(100, 200);
    put_slab();
    put_random_regs();
}

static void random_filter(struct lt_filter *f)
{
    if (below(2)) {
        f->pc_start = 0x1000 + 4 * below(40);
        f->pc_end = below(2) ? 0 : f->pc_start + 4 + 4 * below(30);
    }
    if (below(3) == 0) {
        f->addr_start = operand();
        f->addr_end = below(2) ? 0 : f->addr_start + 1 + operand() % (1ull << 32);
        if (f->addr_end <= f->addr_start) {
            f->addr_end = 0;
        }
    }
}

void random_callbacks(void)
{
    unsigned way = below(5);

    no_callbacks();
    if (way == 0) {
        all_callbacks();
    } else if (way == 1) {
        pull_all();
    } else {
        for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_MEM_READ; type++) {
            for (unsigned n = below(2) ? below(4) : below(2); n; n--) {
                struct lt_filter *f = add_callback(type);

                if (way != 2) {
                    random_filter(f);
                }
            }
        }
        if (way == 4) {
            run.callbacks.pull = true;
            run.callbacks.pull_kinds = (uint32_t)random64() & KINDS;
            random_filter(&run.callbacks.pull_filter);
        }
    }
}

/* ---- Records ---- */

void three_insns(uint8_t flags)
{
    struct plan *p = &plans[1];

    new_plan(p, 0x1000);
    for (unsigned i = 0; i < 3; i++) {
        add_insn(p, flags);
        add_setreg(p, i, add_slot(p, true), false);
    }
    write_block(p, 1);
}

void put_start(void)
{
    unsigned count = run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;

    put_process(7, 8);
    put_slab();
    memset(&guest, 0, sizeof guest);
    if (run.arch == LT_ARCH_X86_64) {
        guest.regs[LTI_X86_DF] = 1;
    }
    put_regs(LTI_REGS_START, 0, guest.regs, count);
}

void put_part(uint32_t number, uint32_t count, uint32_t slots)
{
    put_head(LTI_S_PART, 12 + slots);
    put32(number);
    put32(count);
    for (uint32_t i = 0; i < slots; i += 4) {
        put32(i);
    }
}

void put_everything(void)
{
    const uint64_t args[6] = {1, 2, 3, 4, 5, 6};

    put_random_start();
    put_map(LTI_S_MAP, 0x1000, 0x3000, 0, "/lib/one");
    for (unsigned n = 6; n; n--) {
        put_random_record();
    }
    put_access(LTI_S_READ, 0x8000, "0123456789abcdef0", 17);
    put_access(LTI_S_WRITE, 0x8000, "0123456789abcdef0", 17);
    guest.regs[2]++;
    guest.regs[3]++;
    put_regs(LTI_REGS_HELPER, 0, guest.regs,
             run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS);
    put_syscall(0x1004, 1, args, "text");
    put_sysret(0x1004, 1, -2);
    put_map(LTI_S_MAP, 0x0, 0x9000, 0, "/lib/two");
    put_random_block(1, plans[1].desc.insn_count);
    put_map(LTI_S_UNMAP, 0x2000, 0x4000, 0, NULL);
    put_exit(1, 0);
}
