/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the steps of a block record over the guest's register file.  This is where
 * the library spends its time: one jump a step, to code that is written out for
 * the most frequent operations.
 */
#include "decoder.h"

#include <stddef.h>

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

/* See decoder.h. */
uint64_t lti_eflags_of(const struct lti_decoder *d, uint64_t cc_op, uint64_t cc_dst,
                       uint64_t cc_src, uint64_t cc_src2)
{
    return lti_x86_arithmetic_flags(d->cc_map[cc_op & 127], cc_dst, cc_src, cc_src2);
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

/* How many bytes a step for words takes from the record. */
static inline size_t words_bytes(const struct lti_step *s)
{
    return 4 * (size_t)s->flags;
}

static inline void set_words(uint64_t *regs, const struct lti_step *s,
                             const uint8_t *record)
{
    const uint8_t *from = record + s->slot;
    uint64_t *to = regs + s->d;

    if (s->flags == 4) { /* by far the most frequent */
        memcpy(to, from, 16);
        return;
    }
    if (s->flags & 1) {
        to[s->flags / 2] = u32_at(from + words_bytes(s) - 4);
    }
    memcpy(to, from, words_bytes(s) & ~(size_t)7);
}

/* Sets words and says whether the register made of them is another one now. */
static bool change_words(struct lti_decoder *d, const struct lti_step *s,
                         const uint8_t *record)
{
    uint64_t old;

    if (memcmp(&d->regs[s->d], record + s->slot, words_bytes(s)) == 0 &&
        (!(s->flags & 1) || d->regs[s->d + s->flags / 2] >> 32 == 0)) {
        return false;
    }
    old = lti_reg_value(d, s->a);
    set_words(d->regs, s, record);
    return d->arch->regs[s->a].how == LTI_REG_WORDS || lti_reg_value(d, s->a) != old;
}

/* Whether the instruction writes the x87 register, whatever it held: see LTI_OP_STACK. */
static bool writes_stack(uint64_t status, unsigned reg, unsigned told)
{
    unsigned st = (reg - LTI_X86_REG_FPR0 - (unsigned)(status >> 11)) & 7;

    return (told >> LTI_X87_ST >> st & 1) &&
           !((told & LTI_X87_UNLESS_C2) && (status & 0x400));
}

/* Whether a row of a block view happened: see LTI_STEP_VIEW_CHANGED. */
static bool row_happened(const uint64_t *values, const struct lti_step *s)
{
    return memcmp(&values[s->a], &values[s->imm & 0xffff], 8 * (size_t)s->b) != 0 ||
           (s->flags &&
            writes_stack(values[s->slot], s->imm >> 32 & 0xffff, s->imm >> 16 & 0xffff));
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

/* See decoder.h. */
__attribute__((optimize("no-gcse", "no-crossjumping"))) /* a jump of its own a step */
int lti_run_steps(struct lti_decoder *d, const void *out)
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
        [LTI_CTPOP... LTI_MULSH] = &&other,
        [LTI_EFLAGS] = &&eflags,
        [LTI_EFLAGS + 1 ... LTI_STEP_INSN - 1] = &&other,
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
        [LTI_STEP_WORDS] = &&words,
        [LTI_STEP_ZERO] = &&zero,
        [LTI_STEP_WORDS_TELL] = &&words_tell,
        [LTI_STEP_ZERO_TELL] = &&zero_tell,
        [LTI_STEP_WORDS_CHANGED] = &&words_changed,
        [LTI_STEP_WORDS_STACK] = &&words_stack,
        [LTI_STEP_VIEW_RUN] = &&view_run,
        [LTI_STEP_VIEW_END] = &&view_end,
        [LTI_STEP_VIEW_STEPS] = &&view_steps,
        [LTI_STEP_VIEW_COPY] = &&view_copy,
        [LTI_STEP_VIEW_CHANGED] = &&view_changed,
        [LTI_STEP_VIEW_FLOAT] = &&view_float,
        [LTI_STEP_VIEW_DONE] = &&view_done,
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
    const struct lti_view *view;
    unsigned shift;
    uint32_t told = 0; /* events of a block view */
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
eflags:
    values[s->d] =
        lti_eflags_of(d, values[s[-1].b], values[s->a], values[s->b], values[s[-1].a]);
    NEXT;
more:
    NEXT;
insn_one:
    d->insn = current = (const struct lti_insn *)(uintptr_t)s->imm;
    event = (struct lt_insn *)&current->event;
    event->seq = base + s->nth;
    set_thread(d, event);
    TELL_ONE(insn, event);
    NEXT;
insn_last_one:
    d->insn = current = (const struct lti_insn *)(uintptr_t)s->imm;
    event = (struct lt_insn *)&current->event;
    event->seq = base + s->nth;
    set_thread(d, event);
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
    wanted = current->told[LT_EVENT_INSN];
    if (wanted) {
        event->seq = base + s->nth;
        set_thread(d, event);
        LTI_CALL(d, LT_EVENT_INSN, insn, wanted, event, result);
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
                         lti_flags_value(d), s->imm);
    DELIVERED(&d->reg_write, s->imm);
    NEXT;
flags_one:
    a = values[s->a];
    regs[LTI_X86_CC_SRC] = values[s->b];
    regs[LTI_X86_CC_DST] = a;
    regs[LTI_X86_CC_OP] = s->d;
    value = lti_flags_value(d);
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
words:
    set_words(regs, s, record);
    NEXT;
zero:
    memset(&regs[s->d], 0, (words_bytes(s) + 7) & ~(size_t)7);
    NEXT;
words_tell:
    set_words(regs, s, record);
    goto tell_words;
zero_tell:
    memset(&regs[s->d], 0, (words_bytes(s) + 7) & ~(size_t)7);
    goto tell_words;
words_changed:
    if (!change_words(d, s, record)) {
        base--;
        NEXT;
    }
    goto tell_words;
words_stack:
    if (!change_words(d, s, record) && !writes_stack(regs[LTI_X86_FSW], s->a, s->b)) {
        base--;
        NEXT;
    }
    result = deliver_wide(d, base + s->nth, s->a, s->b & LTI_X87_BYTES, s->imm);
    DELIVERED(&d->wide_write, s->imm);
    NEXT;
tell_words:
    result = deliver_wide(d, base + s->nth, s->a, s->b, s->imm);
    DELIVERED(&d->wide_write, s->imm);
    NEXT;
view_run:
    view = (const struct lti_view *)(uintptr_t)s->imm;
    result = lti_view_tell(d, view, s->nth, s->slot, base, record, &told);
    if (__builtin_expect(result != 0, 0)) {
        d->seq = base + told;
        goto done;
    }
    NEXT;
view_steps:
    s = (const struct lti_step *)(uintptr_t)s->imm;
    GO;
view_copy:
    memmove(&regs[s->d], &regs[s->a], 8 * (size_t)s->b);
    NEXT;
view_changed:
    values[s->d] = row_happened(values, s);
    NEXT;
view_float:
    values[s->d] = lti_view_float(s->flags, values, (const uint16_t *)(uintptr_t)s->imm);
    NEXT;
view_done:
    return 0;
view_end:
    view = (const struct lti_view *)(uintptr_t)s->imm;
    lti_view_end(d, view);
    current = d->insn;
    base += told; /* s->nth is 0 */
end:
    base += s->nth;
    result = 0;
    if (!out && !d->patched && d->end - d->at >= 4 && !stopped(d)) {
        /* Straight on to the next record, if it is of a block that is known. */
        uint32_t number = u32_at(d->at);
        struct lti_block *block;

        if (number < LTI_MAX_BLOCKS && (block = d->blocks[number]) != NULL &&
            (size_t)(d->end - d->at) >= block->record_size &&
            block->insn_count <= d->insns_end - d->stats.insns && block->cold) {
            block->cold--;
            s = block->begin;
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

/* Begins an instruction that is told to several, or may go on with what it had begun. */
static int slow_insn(struct lti_decoder *d, const struct lti_step *s)
{
    const struct lti_insn *insn = (const struct lti_insn *)(uintptr_t)s->imm;
    struct lt_insn *event = (struct lt_insn *)&insn->event;
    const uint64_t wanted = insn->told[LT_EVENT_INSN];
    const bool goes_on =
        s->code == LTI_STEP_INSN_REPEATS && d->insn && d->insn->event.pc == event->pc;
    int result = 0;

    d->insn = insn;
    if (goes_on) {
        return 0;
    }
    d->stats.insns += s->code == LTI_STEP_INSN_REPEATS;
    if (wanted) {
        event->seq = ++d->seq;
        set_thread(d, event);
        LTI_CALL(d, LT_EVENT_INSN, insn, wanted, event, result);
    }
    return result;
}

/* See decoder.h. */
int lti_slow_step(struct lti_decoder *d, const struct lti_step *s, const uint8_t *record)
{
    uint64_t took = 1;
    int result;

    switch (s->code) {
    case LTI_STEP_INSN_REPEATS:
    case LTI_STEP_INSN:
        return slow_insn(d, s);
    case LTI_STEP_WRITE:
    case LTI_STEP_WRITE_SLOT64:
    case LTI_STEP_WRITE_SLOT32:
        d->regs[s->d] = s->code == LTI_STEP_WRITE          ? d->regs[s->a]
                        : s->code == LTI_STEP_WRITE_SLOT64 ? u64_at(record + s->slot)
                                                           : u32_at(record + s->slot);
        return deliver_reg(d, ++d->seq, s->d, d->regs[s->d], s->imm);
    case LTI_STEP_FLAGS:
        return deliver_reg(d, ++d->seq, d->x86 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV,
                           lti_flags_value(d), s->imm);
    case LTI_STEP_STORE:
    case LTI_STEP_LOAD:
    case LTI_STEP_STORE16:
    case LTI_STEP_LOAD16:
        result =
            mem_step(d, d->seq + 1, s,
                     s->code <= LTI_STEP_STORE16 ? LT_EVENT_MEM_WRITE : LT_EVENT_MEM_READ,
                     s->code == LTI_STEP_STORE16 || s->code == LTI_STEP_LOAD16, &took);
        d->seq += took != 0;
        return result;
    case LTI_STEP_VIEW_RUN: {
        uint32_t told;

        result = lti_view_tell(d, (const struct lti_view *)(uintptr_t)s->imm, s->nth,
                               s->slot, d->seq, record, &told);
        d->seq += told;
        return result;
    }
    case LTI_STEP_VIEW_END:
        lti_view_end(d, (const struct lti_view *)(uintptr_t)s->imm);
        return 0;
    case LTI_STEP_VIEW_CHANGED:
        d->regs[s->d] = row_happened(d->regs, s);
        return 0;
    case LTI_STEP_VIEW_FLOAT:
        d->regs[s->d] =
            lti_view_float(s->flags, d->regs, (const uint16_t *)(uintptr_t)s->imm);
        return 0;
    case LTI_STEP_WORDS:
        set_words(d->regs, s, record);
        return 0;
    case LTI_STEP_WORDS_TELL:
        set_words(d->regs, s, record);
        return deliver_wide(d, ++d->seq, s->a, s->b, s->imm);
    case LTI_STEP_ZERO:
    case LTI_STEP_ZERO_TELL:
        memset(&d->regs[s->d], 0, (words_bytes(s) + 7) & ~(size_t)7);
        return s->code == LTI_STEP_ZERO ? 0
                                        : deliver_wide(d, ++d->seq, s->a, s->b, s->imm);
    case LTI_STEP_WORDS_CHANGED:
        return change_words(d, s, record) ? deliver_wide(d, ++d->seq, s->a, s->b, s->imm)
                                          : 0;
    case LTI_STEP_WORDS_STACK:
        return change_words(d, s, record) ||
                       writes_stack(d->regs[LTI_X86_FSW], s->a, s->b)
                   ? deliver_wide(d, ++d->seq, s->a, s->b & LTI_X87_BYTES, s->imm)
                   : 0;
    default:
        d->regs[s->d] = compute(s, d->regs);
        return 0;
    }
}
