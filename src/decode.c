/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder: runs the steps of each block record over the guest's register
 * file and tells callbacks what happens.
 *
 * There are two ways to take events.  Running, callbacks are called as events
 * come up.  Stepping (lt_session_next), the decoder stops at each event that
 * the pull form wants and goes on behind it the next time.
 */
#include "decode.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "flags.h"
#include "registers.h"
#include "stream.h"
#include "syscalls.h"

/* An event of a special record that waits for lt_session_next(). */
struct queued {
    union {
        struct lt_event any;
        struct lt_reg_write reg_write;
        struct lt_mem_access mem;
        struct lt_syscall syscall;
        struct lt_module module;
        struct lt_exit exit;
    } event;
};

struct lti_decoder {
    struct lti_decoder_config config;
    struct lti_block_source source;
    unsigned reg_count;
    bool x86;
    bool known;    /* registers hold the guest's values */
    bool in_event; /* an event is in hand */
    bool ended;
    int32_t status, signal;
    const char *problem;

    const uint8_t *at, *end; /* what was fed and is left */

    /* Steps in hand: of a block to be run, or that lt_session_next() is in the
     * middle of.  A part of a block ends where `patched` was made an end. */
    const struct lti_step *step; /* NULL: none */
    const uint8_t *record;
    uint64_t base; /* the number of the last event before the block's, had
                      all of its events so far happened */
    struct lti_step *patched;
    const void *patched_run;
    uint32_t patched_nth;

    const struct lti_insn *insn; /* in hand; lives as long as its block */
    struct lti_insn kept;        /* that one, when its block is no more */
    uint32_t pid, tid; /* stand already in all events that are made in advance */
    uint64_t seq;
    struct lt_stats stats;
    lt_insn_fn only_insn; /* the first callback of a kind, at hand */
    void *only_insn_user;
    lt_reg_write_fn only_reg_write;
    void *only_reg_write_user;
    lt_session *session;
    bool ranged[LTI_KIND_COUNT]; /* a callback of the kind has an address range */

    struct lti_block **blocks;
    uint32_t block_room;

    struct lt_reg_write reg_write;
    struct lt_mem_access mem;
    uint64_t mem_data[2];
    struct lt_syscall call;
    char strings[6][4096];

    struct queued *queue;
    unsigned queue_count, queue_room, queue_at;

    uint8_t cc_map[128];
    /* The register file, and behind it the values of the instruction in hand. */
    uint64_t regs[UINT16_MAX + 1];
};

static int run_steps(struct lti_decoder *d, const void *out);

/* ---- Life ---- */

static bool has_range(const struct lt_filter *filter)
{
    return filter->addr_start || filter->addr_end;
}

int lti_decoder_create(const struct lti_decoder_config *config, struct lti_decoder **out)
{
    struct lti_decoder *d = calloc(1, sizeof *d);

    if (!d) {
        return LT_ERR_NO_MEMORY;
    }
    d->config = *config;
    d->x86 = config->arch == LT_ARCH_X86_64;
    d->reg_count = d->x86 ? LTI_X86_REGS : LTI_A64_REGS;
    d->source = (struct lti_block_source){
        .arena = config->arena,
        .reg_count = d->reg_count,
        .callbacks = config->callbacks,
        .modules = config->modules,
        .cc_map = d->x86 ? d->cc_map : NULL,
    };
    run_steps(NULL, &d->source.run);
    d->session = config->session;
    d->only_insn = config->callbacks->list[LT_EVENT_INSN][0].fn.insn;
    d->only_insn_user = config->callbacks->list[LT_EVENT_INSN][0].user;
    d->only_reg_write = config->callbacks->list[LT_EVENT_REG_WRITE][0].fn.reg_write;
    d->only_reg_write_user = config->callbacks->list[LT_EVENT_REG_WRITE][0].user;
    for (unsigned i = 0; i < LTI_KIND_COUNT; i++) {
        d->ranged[i] =
            config->callbacks->pull && has_range(&config->callbacks->pull_filter);
        for (unsigned k = 0; k < config->callbacks->count[i]; k++) {
            d->ranged[i] |= has_range(&config->callbacks->list[i][k].filter);
        }
    }
    d->problem = "";
    d->reg_write.type = LT_EVENT_REG_WRITE;
    d->reg_write.size = sizeof d->reg_write;
    d->reg_write.width = 8;
    d->reg_write.data = (const uint8_t *)&d->reg_write.value;
    d->mem.size = sizeof d->mem;
    d->mem.data = (const uint8_t *)d->mem_data;
    *out = d;
    return 0;
}

static void forget_blocks(struct lti_decoder *d)
{
    if (d->insn && d->insn != &d->kept) {
        d->kept = *d->insn; /* it may still go on */
        d->insn = &d->kept;
    }
    for (uint32_t i = 0; i < d->block_room; i++) {
        lti_block_destroy(d->blocks[i]);
        d->blocks[i] = NULL;
    }
}

void lti_decoder_destroy(struct lti_decoder *d)
{
    if (d) {
        forget_blocks(d);
        free(d->blocks);
        free(d->queue);
        free(d);
    }
}

void lti_decoder_feed(struct lti_decoder *d, const uint8_t *begin, const uint8_t *end)
{
    d->at = begin;
    d->end = end;
    d->stats.stream_bytes += (uint64_t)(end - begin);
}

static int damaged(struct lti_decoder *d, const char *problem)
{
    d->problem = problem;
    return LT_ERR_STREAM;
}

/* ---- Delivering ---- */

static uint64_t flags_value(const struct lti_decoder *d)
{
    return d->x86 ? lti_x86_rflags(d->regs, d->cc_map) : lti_a64_nzcv(d->regs);
}

/* Calls the callbacks of a kind in `wanted`; the first that says something but
 * "go on" ends it. */
#define CALL(d, kind, member, wanted, event, result)                                     \
    do {                                                                                 \
        uint64_t left_ = (wanted)&UINT32_MAX;                                            \
        (result) = 0;                                                                    \
        while (left_ && (result) == 0) {                                                 \
            const struct lti_callback *c_ =                                              \
                &(d)->config.callbacks->list[kind][__builtin_ctzll(left_)];              \
            left_ &= left_ - 1;                                                          \
            (result) = c_->fn.member((d)->config.session, event, c_->user);              \
        }                                                                                \
    } while (0)

/* Restricts `wanted` to the memory callbacks whose address range is touched. */
static uint64_t wanted_range(const struct lti_decoder *d, uint64_t wanted, uint32_t kind,
                             uint64_t addr, uint64_t length)
{
    const struct lti_callbacks *c = d->config.callbacks;
    uint64_t result = 0, last = addr + length - 1;

    for (uint64_t left = wanted; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        const struct lt_filter *f = i == 32 ? &c->pull_filter : &c->list[kind][i].filter;
        if (last >= f->addr_start && (f->addr_end == 0 || addr < f->addr_end)) {
            result |= UINT64_C(1) << i;
        }
    }
    return result;
}

/* Both inline: run for very many events. */
static inline __attribute__((always_inline)) int deliver_reg(struct lti_decoder *d,
                                                             uint64_t seq, uint32_t reg,
                                                             uint64_t value,
                                                             uint64_t wanted)
{
    struct lt_reg_write *e = &d->reg_write;
    int result;

    e->seq = seq;
    e->pc = d->insn ? d->insn->event.pc : 0;
    e->reg = reg;
    e->value = value;
    CALL(d, LT_EVENT_REG_WRITE, reg_write, wanted, e, result);
    return result;
}

/* *took is who of `wanted` got the event: 0 if it is nobody's. */
static inline __attribute__((always_inline)) int
deliver_mem(struct lti_decoder *d, uint64_t seq, uint32_t kind, uint64_t addr,
            uint32_t length, uint64_t wanted, uint64_t *took)
{
    struct lt_mem_access *e = &d->mem;
    int result;

    if (d->ranged[kind]) {
        wanted = wanted_range(d, wanted, kind, addr, length);
    }
    *took = wanted;
    if (!wanted) {
        return 0;
    }
    e->type = kind;
    e->seq = seq;
    e->pc = d->insn ? d->insn->event.pc : 0;
    e->addr = addr;
    e->length = length;
    e->by = LT_BY_INSN;
    CALL(d, kind, mem, wanted, e, result);
    return result;
}

/* lt_session_stop() is heard between blocks, however slow callbacks are. */
static inline bool stopped(const struct lti_decoder *d)
{
    return atomic_load_explicit(d->config.stop, memory_order_relaxed);
}

/* ---- Block records ---- */

static bool condition(uint64_t cond, uint64_t a, uint64_t b, bool is32)
{
    int64_t sa = is32 ? (int32_t)a : (int64_t)a;
    int64_t sb = is32 ? (int32_t)b : (int64_t)b;

    if (is32) {
        a = (uint32_t)a;
        b = (uint32_t)b;
    }
    switch (cond) {
    case LTI_COND_EQ:
        return a == b;
    case LTI_COND_NE:
        return a != b;
    case LTI_COND_LT:
        return sa < sb;
    case LTI_COND_GE:
        return sa >= sb;
    case LTI_COND_LE:
        return sa <= sb;
    case LTI_COND_GT:
        return sa > sb;
    case LTI_COND_LTU:
        return a < b;
    case LTI_COND_GEU:
        return a >= b;
    case LTI_COND_LEU:
        return a <= b;
    case LTI_COND_GTU:
        return a > b;
    case LTI_COND_TSTEQ:
        return (a & b) == 0;
    default:
        return (a & b) != 0;
    }
}

static uint64_t high_product(uint64_t a, uint64_t b, bool is_signed, bool is32)
{
    if (is32) {
        return is_signed ? (uint64_t)((int64_t)(int32_t)a * (int32_t)b) >> 32
                         : ((uint64_t)(uint32_t)a * (uint32_t)b) >> 32;
    }
    return is_signed ? (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64)
                     : (uint64_t)((unsigned __int128)a * b >> 64);
}

static uint64_t low_bits(uint64_t value, unsigned length)
{
    return length >= 64 ? value : value & ((UINT64_C(1) << length) - 1);
}

/* Everything but the few most frequent operations. */
static uint64_t compute(const struct lti_step *s, const uint64_t *values)
{
    uint64_t a = values[s->a], b = values[s->b];
    bool is32 = s->flags & LTI_OP_32;
    unsigned width = is32 ? 32 : 64, count = (unsigned)b & (width - 1);
    unsigned pos = s->imm & 255, length = (unsigned)(s->imm >> 8 & 255);
    uint64_t v;

    if (is32) {
        a = (uint32_t)a;
    }
    switch (s->code) {
    case LTI_ANDC:
        v = a & ~b;
        break;
    case LTI_ORC:
        v = a | ~b;
        break;
    case LTI_EQV:
        v = ~(a ^ b);
        break;
    case LTI_NAND:
        v = ~(a & b);
        break;
    case LTI_NOR:
        v = ~(a | b);
        break;
    case LTI_SHL:
        v = a << count;
        break;
    case LTI_SHR:
        v = a >> count;
        break;
    case LTI_SAR:
        v = is32 ? (uint64_t)((int32_t)a >> count) : (uint64_t)((int64_t)a >> count);
        break;
    case LTI_ROTL:
        v = count ? a << count | a >> (width - count) : a;
        break;
    case LTI_ROTR:
        v = count ? a >> count | a << (width - count) : a;
        break;
    case LTI_MUL:
        v = a * b;
        break;
    case LTI_NOT:
        v = ~a;
        break;
    case LTI_NEG:
        v = -a;
        break;
    case LTI_EXTRACT:
        v = low_bits(a >> pos, length);
        break;
    case LTI_SEXTRACT:
        v = (uint64_t)((int64_t)(a << (64 - pos - length)) >> (64 - length));
        break;
    case LTI_DEPOSIT: {
        uint64_t mask = low_bits(UINT64_MAX, length) << pos;
        v = (a & ~mask) | (b << pos & mask);
        break;
    }
    case LTI_EXTRACT2:
        b = is32 ? (uint32_t)b : b;
        v = pos == 0 ? a : pos == width ? b : a >> pos | b << (width - pos);
        break;
    case LTI_SETCOND:
        v = condition(s->imm, a, b, is32);
        break;
    case LTI_NEGSETCOND:
        v = -(uint64_t)condition(s->imm, a, b, is32);
        break;
    case LTI_MOVCOND:
        v = condition(s->imm, a, b, is32) ? values[s[-1].a] : values[s[-1].b];
        break;
    case LTI_CTPOP:
        v = (uint64_t)__builtin_popcountll(a);
        break;
    case LTI_BSWAP:
        v = __builtin_bswap64(a) >> (64 - 8 * s->imm);
        break;
    case LTI_MULUH:
        v = high_product(a, b, false, is32);
        break;
    default:
        v = high_product(a, b, true, is32);
        break; /* LTI_MULSH */
    }
    return is32 ? (uint32_t)v : v;
}

static uint32_t u32_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t u64_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Delivers a load or store step of up to 16 bytes. */
static inline __attribute__((always_inline)) int
mem_step(struct lti_decoder *d, uint64_t seq, const struct lti_step *s, uint32_t kind,
         bool wide, uint64_t *took)
{
    uint64_t value = d->regs[s->b];
    uint32_t length = wide ? 16 : s->d;

    if (__builtin_expect(s->flags & LTI_OP_BSWAP, 0)) {
        if (wide) {
            d->mem_data[1] = __builtin_bswap64(value);
            value = __builtin_bswap64(d->regs[s->d]);
        } else {
            value = __builtin_bswap64(value) >> (64 - 8 * length);
        }
    } else if (wide) {
        d->mem_data[1] = d->regs[s->d];
    }
    value &= UINT64_MAX >> (length < 8 ? 64 - 8 * length : 0);
    d->mem.value = d->mem_data[0] = value;
    return deliver_mem(d, seq, kind, d->regs[s->a], length, s->imm, took);
}

/* The flags of the three most frequent kinds of x86 operations, as in flags.c but
 * with operands moved up to the top of the word, so that the size of the operand
 * costs nothing. */
static inline uint64_t common_flags(uint64_t low, uint64_t half, uint64_t top, bool carry,
                                    uint64_t overflow)
{
    uint64_t odd = (low ^ low >> 4) & 15;

    return (uint64_t)carry | (UINT64_C(0x9669) >> odd & 1) << 2 | (half & 0x10) |
           (uint64_t)(top == 0) << 6 | top >> 63 << 7 | overflow >> 63 << 11;
}

/*
 * Runs the steps from d->step on.  Returns 1 with the event in *out, a const
 * struct lt_event *, where the pull form wants it; else 0, or what a callback
 * said.  Without a decoder, gives the places of the steps in *out: the compiler
 * knows them only in here.
 */
__attribute__((optimize("no-gcse", "no-crossjumping"))) /* a jump of its own a step */
static int
run_steps(struct lti_decoder *d, const void *out)
{
    static const void *const run[LTI_STEP_COUNT] = {
        [LTI_CONST] = &&constant,
        [LTI_SLOT32] = &&slot32,
        [LTI_SLOT64] = &&slot64,
        [LTI_REG] = &&reg,
        [LTI_ADD] = &&add,
        [LTI_SUB] = &&sub,
        [LTI_AND] = &&and,
        [LTI_OR] = && or
        ,
        [LTI_XOR] = &&xor,
        [LTI_ANDC... LTI_SHL - 1] = &&other,
        [LTI_SHL] = &&shl,
        [LTI_SHR] = &&shr,
        [LTI_SAR... LTI_NEG] = &&other,
        [LTI_EXTRACT] = &&extract,
        [LTI_SEXTRACT... LTI_MOVCOND] = &&other,
        [LTI_MORE] = &&more,
        [LTI_CTPOP... LTI_STEP_INSN - 1] = &&other,
        [LTI_STEP_INSN] = &&insn,
        [LTI_STEP_INSN_ONE] = &&insn_one,
        [LTI_STEP_INSN_LAST_ONE] = &&insn_last_one,
        [LTI_STEP_INSN_SILENT] = &&insn_silent,
        [LTI_STEP_INSN_REPEATS] = &&insn_repeats,
        [LTI_STEP_END] = &&end,
        [LTI_STEP_SETREG] = &&setreg,
        [LTI_STEP_SETREG_IMM] = &&setreg_imm,
        [LTI_STEP_SETREG_SLOT64] = &&setreg_slot64,
        [LTI_STEP_SETREG_SLOT32] = &&setreg_slot32,
        [LTI_STEP_WRITE] = &&write,
        [LTI_STEP_WRITE_ONE] = &&write_one,
        [LTI_STEP_WRITE_SLOT64] = &&write_slot64,
        [LTI_STEP_WRITE_SLOT64_ONE] = &&write_slot64_one,
        [LTI_STEP_WRITE_SLOT32] = &&write_slot32,
        [LTI_STEP_WRITE_SLOT32_ONE] = &&write_slot32_one,
        [LTI_STEP_FLAGS] = &&flags,
        [LTI_STEP_FLAGS_ONE] = &&flags_one,
        [LTI_STEP_FLAGS_SUB_ONE] = &&flags_sub_one,
        [LTI_STEP_FLAGS_ADD_ONE] = &&flags_add_one,
        [LTI_STEP_FLAGS_LOGIC_ONE] = &&flags_logic_one,
        [LTI_STEP_FLAGS_CMP_ONE] = &&flags_cmp_one,
        [LTI_STEP_FLAGS_TEST_ONE] = &&flags_test_one,
        [LTI_STEP_STORE] = &&store,
        [LTI_STEP_STORE16] = &&store16,
        [LTI_STEP_LOAD] = &&load,
        [LTI_STEP_LOAD16] = &&load16,
        [LTI_STEP_ADDI] = &&addi,
        [LTI_STEP_ANDI] = &&andi,
        [LTI_STEP_ORI] = &&ori,
        [LTI_STEP_XORI] = &&xori,
        [LTI_STEP_SHLI] = &&shli,
        [LTI_STEP_SHRI] = &&shri,
        [LTI_STEP_LOW32] = &&low32,
    };

    if (!d) {
        *(const void *const **)(uintptr_t)out = run;
        return 0;
    }

    uint64_t *const regs = d->regs, *const values = regs;
    const struct lti_step *s = d->step;
    const uint8_t *record = d->record;
    struct lt_reg_write *const write = &d->reg_write;
    uint64_t value, took, wanted, a, b, c;
    const struct lti_insn *current = d->insn;
    struct lt_insn *event;
    unsigned shift;
    int result;
    uint64_t base = d->base;

#define GO goto * s->run
#define NEXT                                                                             \
    do {                                                                                 \
        s++;                                                                             \
        GO;                                                                              \
    } while (0)
#define NARROW(v) (s->flags & LTI_OP_32 ? (uint32_t)(v) : (v))
#define DELIVERED(what, mask)                                                            \
    do {                                                                                 \
        if (__builtin_expect(result != 0, 0)) {                                          \
            goto out;                                                                    \
        }                                                                                \
        if (__builtin_expect(((mask)&LTI_WANTED_PULL) != 0, 0)) {                        \
            d->step = s + 1;                                                             \
            d->seq = base + s->nth;                                                      \
            d->base = base;                                                              \
            *(const struct lt_event **)(uintptr_t)out = (const struct lt_event *)(what); \
            return 1;                                                                    \
        }                                                                                \
    } while (0)
/* For the only callback of a kind; nothing is pulled then. */
#define TELL_ONE(member, what)                                                           \
    do {                                                                                 \
        result = d->only_##member(d->session, what, d->only_##member##_user);            \
        if (__builtin_expect(result != 0, 0)) {                                          \
            goto out;                                                                    \
        }                                                                                \
    } while (0)
#define TELL_WRITE_ONE(number, v)                                                        \
    do {                                                                                 \
        write->seq = base + s->nth;                                                      \
        write->pc = current->event.pc;                                                   \
        write->reg = (number);                                                           \
        write->value = (v);                                                              \
        TELL_ONE(reg_write, write);                                                      \
        NEXT;                                                                            \
    } while (0)

    GO;
constant:
    values[s->d] = s->imm;
    NEXT;
slot32:
    values[s->d] = u32_at(record + s->imm);
    NEXT;
slot64:
    values[s->d] = u64_at(record + s->imm);
    NEXT;
reg:
    values[s->d] = regs[s->a];
    NEXT;
add:
    values[s->d] = NARROW(values[s->a] + values[s->b]);
    NEXT;
addi:
    values[s->d] = NARROW(values[s->a] + s->imm);
    NEXT;
andi:
    values[s->d] = NARROW(values[s->a] & s->imm);
    NEXT;
ori:
    values[s->d] = NARROW(values[s->a] | s->imm);
    NEXT;
xori:
    values[s->d] = NARROW(values[s->a] ^ s->imm);
    NEXT;
shli:
    values[s->d] = s->flags & LTI_OP_32 ? (uint32_t)values[s->a] << (s->imm & 31)
                                        : values[s->a] << (s->imm & 63);
    NEXT;
shri:
    values[s->d] = s->flags & LTI_OP_32 ? (uint32_t)values[s->a] >> (s->imm & 31)
                                        : values[s->a] >> (s->imm & 63);
    NEXT;
low32:
    values[s->d] = (uint32_t)values[s->a];
    NEXT;
sub:
    values[s->d] = NARROW(values[s->a] - values[s->b]);
    NEXT;
    and : values[s->d] = NARROW(values[s->a] & values[s->b]);
    NEXT;
    or : values[s->d] = NARROW(values[s->a] | values[s->b]);
    NEXT;
    xor : values[s->d] = NARROW(values[s->a] ^ values[s->b]);
    NEXT;
shl:
    values[s->d] = s->flags & LTI_OP_32 ? (uint32_t)values[s->a] << (values[s->b] & 31)
                                        : values[s->a] << (values[s->b] & 63);
    NEXT;
shr:
    values[s->d] = s->flags & LTI_OP_32 ? (uint32_t)values[s->a] >> (values[s->b] & 31)
                                        : values[s->a] >> (values[s->b] & 63);
    NEXT;
extract:
    values[s->d] =
        low_bits(NARROW(values[s->a]) >> (s->imm & 63), (unsigned)(s->imm >> 8 & 127));
    NEXT;
other:
    values[s->d] = compute(s, values);
    NEXT;
more:
    NEXT;
insn_one:
    d->insn = current = (const struct lti_insn *)(uintptr_t)s->imm;
    event = (struct lt_insn *)&current->event;
    event->seq = base + s->nth;
    TELL_ONE(insn, event);
    NEXT;
insn_last_one:
    d->insn = current = (const struct lti_insn *)(uintptr_t)s->imm;
    event = (struct lt_insn *)&current->event;
    event->seq = base + s->nth;
    TELL_ONE(insn, event);
    s++;
    goto end;
insn_silent:
    d->insn = current = (const struct lti_insn *)(uintptr_t)s->imm;
    NEXT;
insn_repeats:
    event = (struct lt_insn *)&((const struct lti_insn *)(uintptr_t)s->imm)->event;
    if (current && current->event.pc == event->pc) {
        /* It goes on with what it had begun. */
        d->insn = current = (const struct lti_insn *)(uintptr_t)s->imm;
        base--;
        NEXT;
    }
    d->stats.insns++;
insn:
    d->insn = current = (const struct lti_insn *)(uintptr_t)s->imm;
    event = (struct lt_insn *)&current->event;
    wanted = current->wanted[LT_EVENT_INSN];
    if (wanted) {
        event->seq = base + s->nth;
        CALL(d, LT_EVENT_INSN, insn, wanted, event, result);
        DELIVERED(event, wanted);
    } else {
        base--;
    }
    NEXT;
setreg:
    regs[s->d] = values[s->a];
    NEXT;
setreg_imm:
    regs[s->d] = s->imm;
    NEXT;
setreg_slot64:
    regs[s->d] = u64_at(record + s->slot);
    NEXT;
setreg_slot32:
    regs[s->d] = u32_at(record + s->slot);
    NEXT;
write_one:
    regs[s->d] = value = values[s->a];
    TELL_WRITE_ONE(s->d, value);
write_slot64_one:
    regs[s->d] = value = u64_at(record + s->slot);
    TELL_WRITE_ONE(s->d, value);
write_slot32_one:
    regs[s->d] = value = u32_at(record + s->slot);
    TELL_WRITE_ONE(s->d, value);
write:
    value = values[s->a];
    goto written;
write_slot64:
    value = u64_at(record + s->slot);
    goto written;
write_slot32:
    value = u32_at(record + s->slot);
written:
    regs[s->d] = value;
    result = deliver_reg(d, base + s->nth, s->d, value, s->imm);
    DELIVERED(&d->reg_write, s->imm);
    NEXT;
flags:
    result = deliver_reg(d, base + s->nth, d->x86 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV,
                         flags_value(d), s->imm);
    DELIVERED(&d->reg_write, s->imm);
    NEXT;
flags_one:
    a = values[s->a];
    regs[LTI_X86_CC_SRC] = values[s->b];
    regs[LTI_X86_CC_DST] = a;
    regs[LTI_X86_CC_OP] = s->d;
    value = flags_value(d);
    TELL_WRITE_ONE(LT_X86_64_RFLAGS, value);
flags_cmp_one:
    b = values[s->b];
    a = values[s->a] - b;
    goto sub_one;
flags_test_one:
    a = values[s->a] & values[s->b];
    goto logic_one;
flags_sub_one:
    a = values[s->a];
    b = values[s->b];
sub_one:
    regs[LTI_X86_CC_DST] = a;
    regs[LTI_X86_CC_SRC] = b;
    regs[LTI_X86_CC_OP] = s->d;
    shift = 64 - (8u << (s->slot & 3));
    value = a;
    c = a + b; /* what was subtracted from */
    took = c ^ b ^ a;
    a <<= shift;
    b <<= shift;
    c <<= shift;
    value = common_flags(value, took, a, c < b, (c ^ b) & (c ^ a));
    goto whole_flags_one;
flags_add_one:
    a = values[s->a];
    b = regs[LTI_X86_CC_SRC] = values[s->b];
    regs[LTI_X86_CC_DST] = a;
    regs[LTI_X86_CC_OP] = s->d;
    shift = 64 - (8u << (s->slot & 3));
    value = a;
    c = a - b;
    took = c ^ b ^ a;
    a <<= shift;
    b <<= shift;
    c <<= shift;
    value = common_flags(value, took, a, a < b, ~(c ^ b) & (b ^ a));
    goto whole_flags_one;
flags_logic_one:
    a = values[s->a];
logic_one:
    regs[LTI_X86_CC_DST] = a;
    regs[LTI_X86_CC_OP] = s->d;
    value = common_flags(a, 0, a << (64 - (8u << (s->slot & 3))), false, 0);
whole_flags_one:
    value |= regs[LTI_X86_EFLAGS] | regs[LTI_X86_DF] >> 63 << 10;
    TELL_WRITE_ONE(LT_X86_64_RFLAGS, value);
store:
    result = mem_step(d, base + s->nth, s, LT_EVENT_MEM_WRITE, false, &took);
    base -= !took;
    DELIVERED(&d->mem, took);
    NEXT;
store16:
    result = mem_step(d, base + s->nth, s, LT_EVENT_MEM_WRITE, true, &took);
    base -= !took;
    DELIVERED(&d->mem, took);
    NEXT;
load:
    result = mem_step(d, base + s->nth, s, LT_EVENT_MEM_READ, false, &took);
    base -= !took;
    DELIVERED(&d->mem, took);
    NEXT;
load16:
    result = mem_step(d, base + s->nth, s, LT_EVENT_MEM_READ, true, &took);
    base -= !took;
    DELIVERED(&d->mem, took);
    NEXT;
end:
    base += s->nth;
    result = 0;
    if (!out && !d->patched && d->end - d->at >= 4 && !stopped(d)) {
        /* Straight on to the next record, if it is of a block that is known. */
        uint32_t number = u32_at(d->at);
        const struct lti_block *block;

        if (number < d->block_room && (block = d->blocks[number]) != NULL &&
            (size_t)(d->end - d->at) >= block->record_size) {
            s = block->steps;
            record = d->at;
            d->at += block->record_size;
            d->stats.insns += block->begins;
            GO;
        }
    }
    d->seq = base;
    goto done;
out:
    d->seq = base + s->nth;
done:
    d->step = NULL;
    if (__builtin_expect(d->patched != NULL, 0)) {
        d->patched->run = d->patched_run;
        d->patched->nth = d->patched_nth;
        d->patched = NULL;
    }
    return result;
#undef GO
#undef NEXT
#undef NARROW
#undef DELIVERED
#undef TELL_ONE
#undef TELL_WRITE_ONE
}

static void set_insn_process(struct lti_decoder *d, struct lti_block *block)
{
    for (uint32_t i = 0; i < block->insn_count; i++) {
        block->insns[i].event.pid = d->pid;
        block->insns[i].event.tid = d->tid;
    }
}

static int find_block(struct lti_decoder *d, uint32_t number,
                      const struct lti_block **out)
{
    if (__builtin_expect(number >= d->block_room || !d->blocks[number], 0)) {
        int error;

        const struct lti_control *control = (const void *)d->config.arena;
        if (number >= LTI_MAX_BLOCKS ||
            number >= __atomic_load_n(&control->blocks, __ATOMIC_RELAXED)) {
            return damaged(d, "a block number is out of range");
        }
        if (number >= d->block_room) {
            uint32_t room = number < 1024 ? 2048 : number * 2;
            struct lti_block **blocks = realloc(d->blocks, room * sizeof *blocks);

            if (!blocks) {
                return LT_ERR_NO_MEMORY;
            }
            memset(blocks + d->block_room, 0, (room - d->block_room) * sizeof *blocks);
            d->blocks = blocks;
            d->block_room = room;
        }
        error = lti_block_create(&d->source, number, &d->blocks[number]);
        if (error) {
            return error == LT_ERR_STREAM ? damaged(d, "a block descriptor is damaged")
                                          : error;
        }
        set_insn_process(d, d->blocks[number]);
        d->stats.blocks++;
    }
    *out = d->blocks[number];
    return 0;
}

/* Takes the block record at d->at in hand. */
static int begin_block(struct lti_decoder *d, uint32_t number)
{
    const struct lti_block *block;
    int error = find_block(d, number, &block);

    if (error) {
        return error;
    }
    if ((size_t)(d->end - d->at) < block->record_size) {
        return damaged(d, "a block record is cut off");
    }
    d->step = block->steps;
    d->base = d->seq;
    d->record = d->at;
    d->at += block->record_size;
    d->stats.insns += block->begins;
    return 0;
}

/* The first instructions only of a block, as an exception left it. */
static int begin_part(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    const struct lti_block *block;
    uint32_t count;
    int error;

    if (size < 8) {
        return damaged(d, "a partial block record is too short");
    }
    error = find_block(d, u32_at(p), &block);
    if (error) {
        return error;
    }
    count = u32_at(p + 4);
    if (count == 0 || count > block->insn_count ||
        size - 8 != (count < block->insn_count ? block->insns[count].slot_offset
                                               : block->record_size) -
                        4) {
        return damaged(d, "a partial block record does not fit its block");
    }
    d->step = block->steps;
    d->base = d->seq;
    d->record = p + 4;
    if (count < block->insn_count) {
        d->patched = &block->steps[block->insns[count].first_step];
        d->patched_run = d->patched->run;
        d->patched_nth = d->patched->nth;
        d->patched->run = d->source.run[LTI_STEP_END];
        d->patched->nth = block->insns[count].events_before;
    }
    for (uint32_t i = 0; i < count; i++) {
        d->stats.insns += !block->insns[i].continues && !block->insns[i].repeats;
    }
    return 0;
}

/* ---- Special records ---- */

/* Keeps an event for lt_session_next() if it wants it. */
static int keep(struct lti_decoder *d, const void *event, size_t size, uint64_t wanted)
{
    if (!(wanted & LTI_WANTED_PULL)) {
        return 0;
    }
    if (d->queue_count == d->queue_room) {
        unsigned room = d->queue_room ? d->queue_room * 2 : 16;
        struct queued *queue = realloc(d->queue, room * sizeof *queue);

        if (!queue) {
            return LT_ERR_NO_MEMORY;
        }
        d->queue = queue;
        d->queue_room = room;
    }
    memcpy(&d->queue[d->queue_count++].event, event, size);
    return 0;
}

static uint64_t wanted_from_insn(const struct lti_decoder *d, uint32_t type)
{
    return d->insn ? d->insn->wanted[type] : 0;
}

static int tell_reg(struct lti_decoder *d, uint32_t reg, uint64_t value)
{
    uint64_t wanted = wanted_from_insn(d, LT_EVENT_REG_WRITE);
    int result;

    if (!wanted) {
        return 0;
    }
    result = deliver_reg(d, ++d->seq, reg, value, wanted);
    return result ? result : keep(d, &d->reg_write, sizeof d->reg_write, wanted);
}

/* Whether a reason makes a register's value a write though it is the same. */
static bool always_writes(const struct lti_decoder *d, uint32_t reason, unsigned reg)
{
    if (reason == LTI_REGS_KERNEL) {
        return reg == 0; /* rax or x0: the result */
    }
    return reason == LTI_REGS_SYSCALL && d->x86 && (reg == LT_X86_64_RCX || reg == 11);
}

static int registers(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint64_t old[LTI_MAX_REGS], old_flags = flags_value(d), flags;
    const unsigned flags_reg = d->x86 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV;
    const unsigned pc_reg = d->x86 ? LT_X86_64_RIP : LT_AARCH64_PC;
    const unsigned public_count = d->x86 ? 20 : 34;
    uint32_t reason, skip;
    bool first;

    if (size != 8 + 8 * d->reg_count) {
        return damaged(d, "a register record has the wrong size");
    }
    reason = u32_at(p);
    skip = u32_at(p + 4);
    first = !d->known || reason == LTI_REGS_START;
    memcpy(old, d->regs, sizeof old);
    memcpy(d->regs, p + 8, 8 * d->reg_count);
    d->known = true;
    if (first) {
        return 0;
    }
    flags = flags_value(d);
    for (unsigned i = 0; i < public_count; i++) {
        int result;

        if (i + 1 == skip) {
            continue;
        }
        if (i == pc_reg || (i == flags_reg ? flags == old_flags : d->regs[i] == old[i])) {
            if (i == pc_reg || !always_writes(d, reason, i)) {
                continue;
            }
        } else if ((reason == LTI_REGS_CHECK || reason == LTI_REGS_SYSCALL) &&
                   !always_writes(d, reason, i)) {
            d->stats.register_mismatches++;
            continue;
        } else if (i == flags_reg && reason == LTI_REGS_HELPER && d->x86) {
            continue; /* flags are whole again only behind the helper */
        }
        result = tell_reg(d, i, i == flags_reg ? flags : d->regs[i]);
        if (result) {
            return result;
        }
    }
    if (reason == LTI_REGS_CHECK || reason == LTI_REGS_SYSCALL) {
        d->stats.register_checks += public_count - 1;
    }
    return 0;
}

/* A helper's load or store for the instruction in hand. */
static int helper_access(struct lti_decoder *d, const uint8_t *p, uint32_t size,
                         uint32_t kind)
{
    uint64_t wanted = wanted_from_insn(d, kind), took;
    uint32_t length;
    int result;

    if (size < 16) {
        return damaged(d, "a memory record is too short");
    }
    length = u32_at(p + 8);
    if (length == 0 || length > size - 16) {
        return damaged(d, "a memory record's length is wrong");
    }
    d->mem.value = 0;
    memcpy(&d->mem.value, p + 16, length < 8 ? length : 8);
    d->mem.data = p + 16;
    result = deliver_mem(d, d->seq + 1, kind, u64_at(p), length, wanted, &took);
    d->seq += took != 0;
    if (result == 0) {
        result = keep(d, &d->mem, sizeof d->mem, took);
    }
    d->mem.data = (const uint8_t *)d->mem_data;
    return result;
}

/* Reads the strings behind a system call record into d->call. */
static bool take_strings(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    memset(d->call.strings, 0, sizeof d->call.strings);
    while (size >= 8) {
        uint32_t index = u32_at(p), length = u32_at(p + 4), padded = (length + 3) & ~3u;

        if (index >= 6 || length >= sizeof d->strings[0] || padded > size - 8) {
            return false;
        }
        memcpy(d->strings[index], p + 8, length);
        d->strings[index][length] = 0;
        d->call.strings[index] = d->strings[index];
        p += 8 + padded;
        size -= 8 + padded;
    }
    return size == 0;
}

static int deliver_call(struct lti_decoder *d, uint32_t phase)
{
    uint64_t wanted = lti_wanted_at(&d->source, LT_EVENT_SYSCALL, d->call.pc);
    int result;

    if (!wanted) {
        return 0;
    }
    d->call.type = LT_EVENT_SYSCALL;
    d->call.size = sizeof d->call;
    d->call.seq = ++d->seq;
    d->call.pid = d->pid;
    d->call.tid = d->tid;
    d->call.phase = phase;
    CALL(d, LT_EVENT_SYSCALL, syscall, wanted, &d->call, result);
    return result ? result : keep(d, &d->call, sizeof d->call, wanted);
}

static int syscall_enter(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    if (size < 64 || !take_strings(d, p + 64, size - 64)) {
        return damaged(d, "a system call record is malformed");
    }
    d->call.pc = u64_at(p);
    if (d->insn && d->insn->event.pc != d->call.pc) {
        d->insn = NULL; /* made by code that was not recorded */
    }
    d->call.nr = u32_at(p + 8);
    d->call.name = lt_syscall_name(d->config.arch, d->call.nr);
    d->call.arg_count = lti_syscall_arg_count(d->config.arch, d->call.nr);
    d->call.ret = 0;
    d->call.error = 0;
    for (int i = 0; i < 6; i++) {
        d->call.args[i] = u64_at(p + 16 + 8 * i);
    }
    return deliver_call(d, LT_PHASE_ENTER);
}

static int syscall_return(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    if (size != 24 || u32_at(p + 8) != d->call.nr) {
        return damaged(d, "a system call return does not fit its call");
    }
    d->call.ret = (int64_t)u64_at(p + 16);
    d->call.error = d->call.ret < 0 && d->call.ret >= -4095 ? (uint32_t)-d->call.ret : 0;
    return deliver_call(d, LT_PHASE_RETURN);
}

struct unmapping {
    struct lti_decoder *d;
    int result;
};

static int deliver_module(struct lti_decoder *d, uint32_t op, const struct lti_mapping *m)
{
    struct lt_module e = {
        .type = LT_EVENT_MODULE,
        .size = sizeof e,
        .pid = d->pid,
        .tid = d->tid,
        .op = op,
        .prot = m->prot,
        .start = m->start,
        .end = m->end,
        .offset = m->offset,
        .path = m->path,
    };
    const struct lti_callbacks *c = d->config.callbacks;
    uint64_t wanted = 0;
    int result;

    /* Filters of module callbacks say which files, not which code. */
    for (unsigned i = 0; i < c->count[LT_EVENT_MODULE]; i++) {
        const struct lt_filter *f = &c->list[LT_EVENT_MODULE][i].filter;
        if (!f->module || lti_filter_module_matches(f->module, m->path)) {
            wanted |= UINT64_C(1) << i;
        }
    }
    if (c->pull && (c->pull_kinds & LT_KIND(LT_EVENT_MODULE))) {
        wanted |= LTI_WANTED_PULL;
    }
    if (!wanted) {
        return 0;
    }
    e.seq = ++d->seq;
    CALL(d, LT_EVENT_MODULE, module, wanted, &e, result);
    return result ? result : keep(d, &e, sizeof e, wanted);
}

static int unmapped(const struct lti_mapping *piece, void *user)
{
    struct unmapping *u = user;

    if (u->result == 0) {
        u->result = deliver_module(u->d, LT_MODULE_UNMAP, piece);
    }
    return 0;
}

static int unmap(struct lti_decoder *d, uint64_t start, uint64_t end)
{
    struct unmapping u = {d, 0};
    int error;

    if (start >= end) {
        return damaged(d, "an unmapping is empty");
    }
    error = lti_modules_unmap(d->config.modules, start, end, unmapped, &u);
    return error ? error : u.result;
}

static int map(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    const struct lti_mapping *mapping;
    uint32_t path_size;
    int result;

    if (size < 32 || (path_size = u32_at(p + 28)) > size - 32) {
        return damaged(d, "a mapping record is too short");
    }
    result = unmap(d, u64_at(p), u64_at(p + 8));
    if (result) {
        return result;
    }
    result = lti_modules_map(d->config.modules, u64_at(p), u64_at(p + 8), u64_at(p + 16),
                             u32_at(p + 24), (const char *)p + 32, path_size, &mapping);
    if (result) {
        return result == LT_ERR_NO_MEMORY ? result : damaged(d, "a mapping is malformed");
    }
    return deliver_module(d, LT_MODULE_MAP, mapping);
}

int lti_decoder_finish(struct lti_decoder *d, int32_t status, int32_t signal)
{
    struct lt_exit e = {
        .type = LT_EVENT_EXIT,
        .size = sizeof e,
        .pid = d->pid,
        .tid = d->tid,
        .status = status,
        .signal = signal,
    };
    const struct lti_callbacks *c = d->config.callbacks;
    uint64_t wanted = (UINT64_C(1) << c->count[LT_EVENT_EXIT]) - 1;
    int result;

    if (d->ended) {
        return 0;
    }
    d->ended = true;
    d->status = status;
    d->signal = signal;
    if (c->pull) {
        wanted |= LTI_WANTED_PULL;
    }
    if (!wanted) {
        return 0;
    }
    e.seq = ++d->seq;
    CALL(d, LT_EVENT_EXIT, exit, wanted, &e, result);
    return result ? result : keep(d, &e, sizeof e, wanted);
}

static void set_process(struct lti_decoder *d, uint32_t pid, uint32_t tid)
{
    d->pid = d->reg_write.pid = d->mem.pid = pid;
    d->tid = d->reg_write.tid = d->mem.tid = tid;
    for (uint32_t i = 0; i < d->block_room; i++) {
        if (d->blocks[i]) {
            set_insn_process(d, d->blocks[i]);
        }
    }
}

/* Handles the special record at d->at; block parts are only taken in hand. */
static int special(struct lti_decoder *d, uint32_t head)
{
    uint32_t size = LTI_SPECIAL_SIZE(head);
    const uint8_t *p = d->at + 4;

    if (size < 4 || size % 4 || size > (size_t)(d->end - d->at)) {
        return damaged(d, "a record is cut off");
    }
    d->at += size;
    size -= 4;
    switch (LTI_SPECIAL_KIND(head)) {
    case LTI_S_PAD:
        return 0;
    case LTI_S_PART:
        return begin_part(d, p, size);
    case LTI_S_WRITE:
        return helper_access(d, p, size, LT_EVENT_MEM_WRITE);
    case LTI_S_READ:
        return helper_access(d, p, size, LT_EVENT_MEM_READ);
    case LTI_S_REGS:
        return registers(d, p, size);
    case LTI_S_SYSCALL:
        return syscall_enter(d, p, size);
    case LTI_S_SYSRET:
        return syscall_return(d, p, size);
    case LTI_S_MAP:
        return map(d, p, size);
    case LTI_S_UNMAP:
        return size < 16 ? damaged(d, "an unmapping record is too short")
                         : unmap(d, u64_at(p), u64_at(p + 8));
    case LTI_S_PROCESS:
        if (size < 8) {
            return damaged(d, "a process record is too short");
        }
        set_process(d, u32_at(p), u32_at(p + 4));
        memcpy(d->cc_map,
               ((const struct lti_control *)(const void *)d->config.arena)->cc_map,
               sizeof d->cc_map);
        return 0;
    case LTI_S_EXIT:
        if (size < 8) {
            return damaged(d, "an exit record is too short");
        }
        return lti_decoder_finish(d, (int32_t)u32_at(p), (int32_t)u32_at(p + 4));
    case LTI_S_FORGET:
        forget_blocks(d);
        return 0;
    default:
        return damaged(d, "a record is of an unknown kind");
    }
}

/* Takes the next record: a block is left in hand, anything else is done. */
static int next_record(struct lti_decoder *d)
{
    uint32_t head;

    if (d->end - d->at < 4) {
        return damaged(d, "a record is cut off");
    }
    head = u32_at(d->at);
    return head & LTI_SPECIAL ? special(d, head) : begin_block(d, head);
}

int lti_decoder_run(struct lti_decoder *d)
{
    int result = 0;

    d->in_event = true;
    while (result == 0 && d->at < d->end && !stopped(d)) {
        result = next_record(d);
        if (result == 0 && d->step) {
            result = run_steps(d, NULL);
        }
    }
    d->in_event = false;
    return result;
}

int lti_decoder_step(struct lti_decoder *d, const struct lt_event **out)
{
    for (;;) {
        int result;

        d->in_event = true;
        if (d->queue_at < d->queue_count) {
            struct queued *q = &d->queue[d->queue_at++];

            if (q->event.any.type == LT_EVENT_REG_WRITE) {
                q->event.reg_write.data = (const uint8_t *)&q->event.reg_write.value;
            }
            *out = &q->event.any;
            return 1;
        }
        d->queue_at = d->queue_count = 0;
        if (d->step) {
            result = run_steps(d, out);
        } else if (d->at < d->end) {
            result = next_record(d);
        } else {
            d->in_event = false;
            return 0;
        }
        if (result) {
            d->in_event = result == 1 && *out;
            return result;
        }
    }
}

/* ---- Questions ---- */

int lti_decoder_reg(const struct lti_decoder *d, uint32_t reg, uint64_t *value)
{
    if (!value || reg >= (d->x86 ? 20u : 34u)) {
        return LT_ERR_ARGUMENT;
    }
    if (!d->known || !d->in_event || !(d->config.record & LTI_RECORD_REGS)) {
        return LT_ERR_STATE;
    }
    if (reg == (d->x86 ? LT_X86_64_RIP : LT_AARCH64_PC)) {
        *value = d->insn ? d->insn->event.pc : d->call.pc;
    } else if (reg == (d->x86 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV)) {
        *value = flags_value(d);
    } else {
        *value = d->regs[reg];
    }
    return 0;
}

uint64_t lti_decoder_events(const struct lti_decoder *d)
{
    return d->seq;
}

void lti_decoder_stats(const struct lti_decoder *d, struct lt_stats *stats)
{
    uint32_t size = stats->size;

    *stats = d->stats;
    stats->size = size;
}

bool lti_decoder_ended(const struct lti_decoder *d, int32_t *status, int32_t *signal)
{
    *status = d->status;
    *signal = d->signal;
    return d->ended;
}

const char *lti_decoder_problem(const struct lti_decoder *d)
{
    return d->problem;
}
