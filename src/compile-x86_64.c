/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns the steps of a block into x86-64 code, a template a step.
 *
 * Registers throughout: rbx points into the decoder's register file, r12 to its busiest
 * members, r13 to the record, r14 has the number of the last event, r15 points to the
 * instruction in hand (where that is known).  rax, rcx and rdx are for the template in
 * hand. The others hold words of the register file and values of steps: they are read
 * once and written back when somebody may look, that is before each call and at the
 * block's end, and never if they have been overwritten, or not used any more, by then.
 *
 * Everything that is checked has been by block.c: operands are numbers of words and
 * values that there are, slots are in the record.
 */
#include "compile.h"

#if defined(__x86_64__) && defined(__LP64__)

#include <cpuid.h>
#include <stddef.h>
#include <string.h>

#include "hold-x86_64.h"
#include "view.h"

/* Where in the first page the ways out are. */
#define LEAVE_NEXT 128
#define LEAVE 192

#define FEATURE_POPCNT 1u

/* No template, with all that it has to write back, is longer. */
#define STEP_ROOM 1536

/* ---- Calls ---- */

/* r15 = the instruction in hand */
static void point_to_insn(struct comp *c)
{
    if (c->r15 == c->insn) {
        return;
    }
    if (c->r15) {
        alu_imm(&c->e, true, ALU_ADD, R15,
                (int32_t)((const char *)c->insn - (const char *)c->r15));
    } else {
        mov_imm(&c->e, R15, (uintptr_t)c->insn);
    }
    c->r15 = c->insn;
}

static void store_insn(struct comp *c)
{
    if (c->insn && c->stored != c->insn) {
        point_to_insn(c);
        op_rm(&c->e, true, X_STORE, R15, R12, MEMBER(insn));
        c->stored = c->insn;
    }
}

static void leave_on_result(struct comp *c);
static void store_operands(struct comp *c, const struct lti_step *s);

/* Calls the first callback of a kind with the event at r12 + offset, or at r15. */
static void call_one(struct comp *c, unsigned kind, int32_t event, bool at_r15)
{
    struct emitter *e = &c->e;
    int32_t one = MEMBER(one) + (int32_t)(kind * sizeof(struct lti_one));

    op_rm(e, true, X_LOAD, RDI, R12, MEMBER(session));
    if (at_r15) {
        mov_rr(e, true, RSI, R15);
    } else {
        op_rm(e, true, X_LEA, RSI, R12, event);
    }
    op_rm(e, true, X_LOAD, RDX, R12, one + (int32_t)offsetof(struct lti_one, user));
    call_memory(e, R12, one + (int32_t)offsetof(struct lti_one, fn));
    leave_on_result(c);
    forget_registers(c);
    c->calls = true;
}

/* Has C do the step. */
static void emit_slow(struct comp *c, const struct lti_step *s)
{
    struct emitter *e = &c->e;

    store_insn(c);
    write_back(c, c->at);
    store_operands(c, s);
    op_rm(e, true, X_STORE, R14, R12, MEMBER(seq));
    op_rm(e, true, X_LEA, RDI, R12, -HOT_OFFSET);
    mov_imm(e, RSI, (uintptr_t)s);
    mov_rr(e, true, RDX, R13);
    mov_imm(e, RAX, (uintptr_t)lti_slow_step);
    call_reg(e, RAX);
    op_rm(e, true, X_LOAD, R14, R12, MEMBER(seq));
    leave_on_result(c);
    forget_registers(c);
    c->calls = true;
}

/* ---- Operations ---- */

static bool narrow(const struct lti_step *s)
{
    return s->flags & LTI_OP_32;
}

static void emit_constant(struct comp *c, const struct lti_step *s)
{
    bind_constant(c, s->d, s->imm);
}

/* d = `bytes` in the record */
static void take_slot(struct comp *c, uint32_t index, unsigned bytes, uint32_t offset)
{
    unsigned place = fresh(c);

    op_rm(&c->e, bytes == 8, X_LOAD, held_register[place], R13, (int32_t)offset);
    bind(c, place, index);
}

static void emit_slot(struct comp *c, const struct lti_step *s)
{
    take_slot(c, s->d, c->how, (uint32_t)s->imm);
}

static void emit_setreg_slot(struct comp *c, const struct lti_step *s)
{
    take_slot(c, s->d, c->how, s->slot);
}

/* d = a */
static void emit_copy(struct comp *c, const struct lti_step *s)
{
    if (c->slots[s->a].known) {
        bind_constant(c, s->d, c->slots[s->a].constant);
    } else {
        bind(c, take(c, true, s->a), s->d);
    }
}

static void emit_low32(struct comp *c, const struct lti_step *s)
{
    unsigned place = fresh(c);

    load(c, false, held_register[place], s->a);
    bind(c, place, s->d);
}

/* The place of a op b. */
static unsigned combine(struct comp *c, bool wide, const struct lti_step *s,
                        unsigned opcode)
{
    unsigned place;

    if (s->a == s->b) {
        place = fresh(c);
        load(c, wide, held_register[place], s->a);
        op_rr(&c->e, wide, opcode, held_register[place], held_register[place]);
    } else {
        place = take(c, wide, s->a);
        op_index(c, wide, opcode, held_register[place], s->b);
    }
    return place;
}

static void emit_two(struct comp *c, const struct lti_step *s)
{
    bind(c, combine(c, !narrow(s), s, c->how), s->d);
}

/* One operand is complemented. */
static void emit_complement(struct comp *c, const struct lti_step *s)
{
    bool wide = !narrow(s);
    unsigned place;

    load(c, wide, RAX, s->b);
    unary(&c->e, wide, UN_NOT, RAX);
    place = take(c, wide, s->a);
    op_rr(&c->e, wide, c->how, held_register[place], RAX);
    bind(c, place, s->d);
}

/* The result is. */
static void emit_two_complement(struct comp *c, const struct lti_step *s)
{
    unsigned place = combine(c, !narrow(s), s, c->how);

    unary(&c->e, !narrow(s), UN_NOT, held_register[place]);
    bind(c, place, s->d);
}

static void emit_unary(struct comp *c, const struct lti_step *s)
{
    unsigned place = take(c, !narrow(s), s->a);

    unary(&c->e, !narrow(s), c->how, held_register[place]);
    bind(c, place, s->d);
}

static void emit_shift(struct comp *c, const struct lti_step *s)
{
    unsigned place;

    load(c, false, RCX, s->b);
    place = take(c, !narrow(s), s->a);
    shift_cl(&c->e, !narrow(s), c->how, held_register[place]);
    bind(c, place, s->d);
}

static void emit_shift_constant(struct comp *c, const struct lti_step *s)
{
    unsigned place = take(c, !narrow(s), s->a);
    unsigned count = (unsigned)s->imm & (narrow(s) ? 31 : 63);

    if (count) {
        shift_imm(&c->e, !narrow(s), c->how, held_register[place], count);
    }
    bind(c, place, s->d);
}

static void emit_with_constant(struct comp *c, const struct lti_step *s)
{
    bool wide = !narrow(s);
    unsigned place;

    if (fits32(s->imm) || !wide) {
        place = take(c, wide, s->a);
        alu_imm(&c->e, wide, c->how, held_register[place], (int32_t)s->imm);
    } else {
        mov_imm(&c->e, RAX, s->imm);
        place = take(c, wide, s->a);
        /* The opcode is made of the same three bits. */
        op_rr(&c->e, wide, c->how << 3 | 3, held_register[place], RAX);
    }
    bind(c, place, s->d);
}

static void emit_addi(struct comp *c, const struct lti_step *s)
{
    int i = find_held(c, s->a);
    unsigned place;

    if (i < 0 || !matters(c, s->a, c->at + 1) || !(fits32(s->imm) || narrow(s))) {
        emit_with_constant(c, s);
        return;
    }
    get(c, s->a); /* it is not the oldest then */
    place = fresh(c);
    op_rm(&c->e, !narrow(s), X_LEA, held_register[place], held_register[i],
          (int32_t)s->imm);
    bind(c, place, s->d);
}

/* The register keeps its low bits only. */
static void low_bits(struct comp *c, unsigned reg, unsigned length)
{
    if (length >= 64) {
        return;
    }
    if (length == 32) {
        mov_rr(&c->e, false, reg, reg);
    } else if (length < 32) {
        alu_imm(&c->e, false, ALU_AND, reg, (int32_t)((UINT32_C(1) << length) - 1));
    } else {
        shift_imm(&c->e, true, SH_SHL, reg, 64 - length);
        shift_imm(&c->e, true, SH_SHR, reg, 64 - length);
    }
}

static void emit_extract(struct comp *c, const struct lti_step *s)
{
    unsigned pos = (unsigned)s->imm & 63, length = (unsigned)(s->imm >> 8 & 127);
    unsigned width = narrow(s) ? 32 : 64;
    unsigned place = take(c, !narrow(s), s->a), reg = held_register[place];

    if (pos) {
        shift_imm(&c->e, !narrow(s), SH_SHR, reg, pos);
    }
    if (pos + length < width) {
        low_bits(c, reg, length);
    }
    bind(c, place, s->d);
}

static void emit_sextract(struct comp *c, const struct lti_step *s)
{
    unsigned pos = (unsigned)s->imm & 255, length = (unsigned)(s->imm >> 8 & 255);
    unsigned place = take(c, true, s->a), reg = held_register[place];

    if (pos + length < 64) {
        shift_imm(&c->e, true, SH_SHL, reg, 64 - pos - length);
    }
    if (length < 64) {
        shift_imm(&c->e, true, SH_SAR, reg, 64 - length);
    }
    if (narrow(s)) {
        mov_rr(&c->e, false, reg, reg);
    }
    bind(c, place, s->d);
}

static void emit_deposit(struct comp *c, const struct lti_step *s)
{
    unsigned pos = (unsigned)s->imm & 255, length = (unsigned)(s->imm >> 8 & 255);
    uint64_t mask = (length >= 64 ? UINT64_MAX : (UINT64_C(1) << length) - 1) << pos;
    unsigned place, reg;

    load(c, true, RCX, s->b);
    low_bits(c, RCX, length);
    if (pos) {
        shift_imm(&c->e, true, SH_SHL, RCX, pos);
    }
    place = take(c, !narrow(s), s->a);
    reg = held_register[place];
    if (fits32(~mask)) {
        alu_imm(&c->e, true, ALU_AND, reg, (int32_t)~mask);
    } else {
        mov_imm(&c->e, RAX, ~mask);
        op_rr(&c->e, true, X_AND, reg, RAX);
    }
    op_rr(&c->e, true, X_OR, reg, RCX);
    bind(c, place, s->d);
}

static void emit_extract2(struct comp *c, const struct lti_step *s)
{
    bool wide = !narrow(s);
    unsigned pos = (unsigned)s->imm & 255, place;

    if (pos == (wide ? 64 : 32)) {
        place = take(c, wide, s->b);
    } else {
        load(c, wide, RAX, s->b);
        place = take(c, wide, s->a);
        if (pos) {
            shrd_imm(&c->e, wide, held_register[place], RAX, pos);
        }
    }
    bind(c, place, s->d);
}

/* Compares; the condition code that then says so. */
static unsigned compare(struct comp *c, const struct lti_step *s)
{
    static const uint8_t code[] = {
        [LTI_COND_EQ] = CC_E,  [LTI_COND_NE] = CC_NE,   [LTI_COND_LT] = CC_L,
        [LTI_COND_GE] = CC_GE, [LTI_COND_LE] = CC_LE,   [LTI_COND_GT] = CC_G,
        [LTI_COND_LTU] = CC_B, [LTI_COND_GEU] = CC_AE,  [LTI_COND_LEU] = CC_BE,
        [LTI_COND_GTU] = CC_A, [LTI_COND_TSTEQ] = CC_E, [LTI_COND_TSTNE] = CC_NE,
    };
    bool wide = !narrow(s);

    load(c, wide, RAX, s->a);
    if (s->imm >= LTI_COND_TSTEQ) {
        load(c, wide, RCX, s->b);
        op_rr(&c->e, wide, X_TEST, RAX, RCX);
    } else {
        op_index(c, wide, X_CMP, RAX, s->b);
    }
    return code[s->imm];
}

static void emit_setcond(struct comp *c, const struct lti_step *s)
{
    unsigned code = compare(c, s), place;

    op_rr(&c->e, false, X_SET | code, 0, RAX);
    place = fresh(c);
    op_rr(&c->e, false, X_MOVZX8, held_register[place], RAX);
    if (s->code == LTI_NEGSETCOND) {
        unary(&c->e, !narrow(s), UN_NEG, held_register[place]);
    }
    bind(c, place, s->d);
}

static void emit_movcond(struct comp *c, const struct lti_step *s)
{
    bool wide = !narrow(s);
    unsigned place = fresh(c), code;

    load(c, wide, held_register[place], s[-1].b);
    load(c, wide, RDX, s[-1].a);
    code = compare(c, s);
    op_rr(&c->e, wide, X_CMOV | code, held_register[place], RDX);
    bind(c, place, s->d);
}

static void emit_nothing(struct comp *c, const struct lti_step *s)
{
    (void)c;
    (void)s;
}

static void emit_bswap(struct comp *c, const struct lti_step *s)
{
    unsigned place = take(c, !narrow(s), s->a), reg = held_register[place];

    bswap(&c->e, reg);
    if (s->imm != 8) {
        shift_imm(&c->e, true, SH_SHR, reg, 64 - 8 * (unsigned)s->imm);
    }
    if (narrow(s)) {
        mov_rr(&c->e, false, reg, reg);
    }
    bind(c, place, s->d);
}

static void emit_ctpop(struct comp *c, const struct lti_step *s)
{
    unsigned place;

    if (!(c->room->features & FEATURE_POPCNT)) {
        emit_slow(c, s);
        forget(c, s->d);
        return;
    }
    place = take(c, !narrow(s), s->a);
    popcnt(&c->e, held_register[place], held_register[place]);
    bind(c, place, s->d);
}

static void emit_high_product(struct comp *c, const struct lti_step *s)
{
    bool wide = !narrow(s);
    unsigned place;

    load(c, wide, RAX, s->a);
    load(c, wide, RCX, s->b);
    unary(&c->e, wide, c->how, RCX);
    place = fresh(c);
    mov_rr(&c->e, wide, held_register[place], RDX);
    bind(c, place, s->d);
}

/* ---- Instructions ---- */

static void leave_on_result(struct comp *c)
{
    op_rr(&c->e, false, X_TEST, RAX, RAX);
    jcc_back(&c->e, CC_NE, c->room->stubs + LEAVE);
}

/* One more event: its number goes to base + offset. */
static void number_event(struct comp *c, unsigned base, int32_t offset)
{
    alu_imm(&c->e, true, ALU_ADD, R14, 1);
    op_rm(&c->e, true, X_STORE, R14, base, offset);
}

static void begin_insn(struct comp *c, const struct lti_step *s)
{
    c->insn = (const struct lti_insn *)(uintptr_t)s->imm;
}

static void emit_insn_silent(struct comp *c, const struct lti_step *s)
{
    begin_insn(c, s);
}

static void emit_insn_one(struct comp *c, const struct lti_step *s)
{
    begin_insn(c, s);
    store_insn(c);
    point_to_insn(c);
    write_back(c, c->at + 1);
    number_event(c, R15, offsetof(struct lt_insn, seq));
    op_rm(&c->e, true, X_LOAD, RAX, R12, MEMBER(pid)); /* and tid */
    op_rm(&c->e, true, X_STORE, RAX, R15, offsetof(struct lt_insn, pid));
    call_one(c, LT_EVENT_INSN, 0, true);
}

/* C looks at the instruction before, too. */
static void emit_insn_slow(struct comp *c, const struct lti_step *s)
{
    emit_slow(c, s);
    begin_insn(c, s);
    c->stored = c->insn;
}

/* ---- Writes of registers ---- */

/* The event at `event` is about the instruction in hand. */
static void set_pc(struct comp *c, const struct lti_insn **pc_of, int32_t pc_member)
{
    if (*pc_of != c->insn) {
        point_to_insn(c);
        op_rm(&c->e, true, X_LOAD, RDX, R15, offsetof(struct lt_insn, pc));
        op_rm(&c->e, true, X_STORE, RDX, R12, pc_member);
        *pc_of = c->insn;
    }
}

/* Tells the one callback that register `number` is what `reg` is, which is not rdx. */
static void tell_write(struct comp *c, unsigned number, unsigned reg)
{
    op_rm(&c->e, true, X_STORE, reg, R12, MEMBER(reg_write.value));
    store_insn(c);
    set_pc(c, &c->pc_of[LT_EVENT_REG_WRITE], MEMBER(reg_write.pc));
    store_imm(&c->e, false, R12, MEMBER(reg_write.reg), (int32_t)number);
    write_back(c, c->at + 1);
    number_event(c, R12, MEMBER(reg_write.seq));
    call_one(c, LT_EVENT_REG_WRITE, MEMBER(reg_write), false);
}

static void emit_write_one(struct comp *c, const struct lti_step *s)
{
    emit_copy(c, s);
    tell_write(c, s->d, get(c, s->d));
}

static void emit_write_slot_one(struct comp *c, const struct lti_step *s)
{
    emit_setreg_slot(c, s);
    tell_write(c, s->d, get(c, s->d));
}

/* C does it, and the word is another one then. */
static void emit_write_slow(struct comp *c, const struct lti_step *s)
{
    emit_slow(c, s);
    forget(c, s->d);
}

/* ---- Flags of x86 ---- */

/* rax = the flags that rflags has besides arithmetic ones */
static void make_rest(struct comp *c)
{
    load(c, true, RAX, LTI_X86_DF);
    shift_imm(&c->e, true, SH_SHR, RAX, 63 - 10);
    alu_imm(&c->e, false, ALU_AND, RAX, 1 << 10);
    op_index(c, true, X_OR, RAX, LTI_X86_EFLAGS);
}

/* Tells of rflags, whose arithmetic part is in rax. */
static void tell_flags(struct comp *c)
{
    if (c->rest_kept) {
        op_rm(&c->e, true, X_OR, RAX, RSP, 0);
    } else {
        mov_rr(&c->e, true, RDX, RAX);
        make_rest(c);
        op_rr(&c->e, true, X_OR, RAX, RDX);
    }
    tell_write(c, LT_X86_64_RFLAGS, RAX);
}

/* rax = the flags of the host's processor, those in `mask` and OF if that is asked for */
static void take_host_flags(struct comp *c, uint32_t mask, bool overflow)
{
    struct emitter *e = &c->e;

    if (overflow) {
        op_rr(e, false, X_SET | CC_O, 0, RCX);
    }
    put8(e, 0x9f); /* lahf */
    put8(e, 0x0f); /* movzx eax, ah */
    put8(e, 0xb6);
    put8(e, 0xc4);
    alu_imm(e, false, ALU_AND, RAX, (int32_t)mask);
    if (overflow) {
        op_rr(e, false, X_MOVZX8, RCX, RCX);
        shift_imm(e, false, SH_SHL, RCX, 11);
        op_rr(e, false, X_OR, RAX, RCX);
    }
}

#define FLAGS_CARRY 1u
#define FLAGS_RESULT 0xc4u /* P, Z and S */
#define FLAGS_HALF 0x10u
#define FLAGS_SUM (FLAGS_CARRY | FLAGS_RESULT | FLAGS_HALF)

/* An operation on the low 1 << size bytes; opcodes of bytes are one less. */
static void sized(struct comp *c, unsigned opcode, unsigned size, unsigned reg,
                  unsigned rm)
{
    if (size == 1) {
        put8(&c->e, 0x66);
    }
    op_rr(&c->e, size == 3, size ? opcode : opcode - 1, reg, rm);
}

/* word d = a */
static void keep_word(struct comp *c, uint32_t word, uint32_t a)
{
    const struct lti_step copy = {.d = (uint16_t)word, .a = (uint16_t)a};

    if (word != a) {
        emit_copy(c, &copy);
    }
}

/* The words that QEMU keeps in place of flags: cc_dst = a, cc_src = b, and cc_op. */
static void keep_flags(struct comp *c, const struct lti_step *s)
{
    unsigned place;

    if (s->a == LTI_X86_CC_SRC) {
        place = fresh(c); /* before it is another one */
        load(c, true, held_register[place], s->a);
        keep_word(c, LTI_X86_CC_SRC, s->b);
        bind(c, place, LTI_X86_CC_DST);
    } else {
        keep_word(c, LTI_X86_CC_SRC, s->b);
        keep_word(c, LTI_X86_CC_DST, s->a == s->b ? LTI_X86_CC_SRC : s->a);
    }
    bind_constant(c, LTI_X86_CC_OP, s->d);
}

static void emit_flags_sum_one(struct comp *c, const struct lti_step *s)
{
    unsigned a, b;

    keep_flags(c, s);
    a = get(c, LTI_X86_CC_DST);
    b = get(c, LTI_X86_CC_SRC);
    if (s->code == LTI_STEP_FLAGS_SUB_ONE) {
        op_indexed(&c->e, true, X_LEA, RAX, a, b, 0);
        sized(c, X_CMP, s->slot & 3, RAX, b);
    } else {
        mov_rr(&c->e, true, RAX, a);
        op_rr(&c->e, true, X_SUB, RAX, b);
        sized(c, X_ADD, s->slot & 3, RAX, b);
    }
    take_host_flags(c, FLAGS_SUM, true);
    tell_flags(c);
}

static void emit_flags_cmp_one(struct comp *c, const struct lti_step *s)
{
    unsigned place, b, size = s->slot & 3;

    load(c, true, RDX, s->a);
    keep_word(c, LTI_X86_CC_SRC, s->b);
    b = get(c, LTI_X86_CC_SRC);
    place = fresh(c);
    mov_rr(&c->e, true, held_register[place], RDX);
    op_rr(&c->e, true, X_SUB, held_register[place], b);
    bind(c, place, LTI_X86_CC_DST);
    bind_constant(c, LTI_X86_CC_OP, s->d);
    if (size < 3) {
        sized(c, X_CMP, size, RDX, b);
    }
    take_host_flags(c, FLAGS_SUM, true);
    tell_flags(c);
}

static void emit_flags_logic_one(struct comp *c, const struct lti_step *s)
{
    unsigned a;

    if (s->code == LTI_STEP_FLAGS_TEST_ONE) {
        bind(c, combine(c, true, s, X_AND), LTI_X86_CC_DST);
    } else {
        keep_word(c, LTI_X86_CC_DST, s->a);
    }
    bind_constant(c, LTI_X86_CC_OP, s->d);
    a = get(c, LTI_X86_CC_DST);
    sized(c, X_TEST, s->slot & 3, a, a);
    take_host_flags(c, FLAGS_RESULT, false);
    tell_flags(c);
}

/* Any other kind. */
static void emit_flags_one(struct comp *c, const struct lti_step *s)
{
    struct emitter *e = &c->e;

    keep_flags(c, s);
    store_insn(c);
    write_back(c, c->at + 1);
    forget_registers(c);
    mov_imm(e, RDI, s->slot);
    load_word(c, true, RSI, LTI_X86_CC_DST);
    load_word(c, true, RDX, LTI_X86_CC_SRC);
    load_word(c, true, RCX, LTI_X86_CC_SRC2);
    mov_imm(e, RAX, (uintptr_t)lti_x86_arithmetic_flags);
    call_reg(e, RAX);
    tell_flags(c);
}

/* Flags as a value: two of its operands are in the step before. */
static void emit_eflags(struct comp *c, const struct lti_step *s)
{
    struct emitter *e = &c->e;
    unsigned place;

    write_back(c, c->at);
    forget_registers(c);
    op_rm(e, true, X_LEA, RDI, R12, -HOT_OFFSET);
    load(c, true, RSI, s[-1].b);
    load(c, true, RDX, s->a);
    load(c, true, RCX, s->b);
    load(c, true, R8, s[-1].a);
    mov_imm(e, RAX, (uintptr_t)lti_eflags_of);
    call_reg(e, RAX);
    place = fresh(c);
    mov_rr(e, true, held_register[place], RAX);
    bind(c, place, s->d);
}

/* ---- Flags of aarch64 ---- */

/* rcx |= a bit of eax, at another place */
static void add_flag(struct comp *c, unsigned left)
{
    shift_imm(&c->e, false, SH_SHL, RAX, left);
    op_rr(&c->e, false, X_OR, RCX, RAX);
}

/* The flags register was written, as the words of its flags say now. */
static void emit_flags(struct comp *c, const struct lti_step *s)
{
    struct emitter *e = &c->e;

    if (s->imm != 1 || c->d->x86) {
        emit_slow(c, s);
        return;
    }
    /* As lti_a64_nzcv(). */
    load(c, false, RCX, LTI_A64_NF);
    alu_imm(e, false, ALU_AND, RCX, INT32_MIN);
    load(c, false, RAX, LTI_A64_ZF);
    op_rr(e, false, X_TEST, RAX, RAX);
    op_rr(e, false, X_SET | CC_E, 0, RAX);
    op_rr(e, false, X_MOVZX8, RAX, RAX);
    add_flag(c, 30);
    load(c, false, RAX, LTI_A64_CF);
    alu_imm(e, false, ALU_AND, RAX, 1);
    add_flag(c, 29);
    load(c, false, RAX, LTI_A64_VF);
    shift_imm(e, false, SH_SHR, RAX, 31);
    add_flag(c, 28);
    tell_write(c, LT_AARCH64_NZCV, RCX);
}

/* ---- Memory ---- */

/* Whether the step's event goes to the first callback of its kind only, wherever it is.
 */
static bool is_for_one(const struct comp *c, const struct lti_step *s, unsigned kind)
{
    return s->imm == 1 && !c->d->ranged[kind];
}

static void emit_access(struct comp *c, const struct lti_step *s)
{
    struct emitter *e = &c->e;
    bool store = s->code == LTI_STEP_STORE;
    unsigned kind = store ? LT_EVENT_MEM_WRITE : LT_EVENT_MEM_READ, value;
    int32_t event = store ? MEMBER(store) : MEMBER(load);

#define EVENT(name) (event + (int32_t)offsetof(struct lt_mem_access, name))
    if (!is_for_one(c, s, kind)) {
        emit_slow(c, s);
        return;
    }
    op_rm(e, true, X_STORE, get(c, s->a), R12, EVENT(addr));
    value = get(c, s->b);
    if (s->flags & LTI_OP_BSWAP) {
        mov_rr(e, true, RAX, value);
        bswap(e, RAX);
        if (s->d < 8) {
            shift_imm(e, true, SH_SHR, RAX, 64 - 8 * s->d);
        }
        value = RAX;
    } else if (s->d < 4) {
        op_rr(e, false, s->d == 1 ? X_MOVZX8 : X_MOVZX16, RAX, value);
        value = RAX;
    } else if (s->d == 4) {
        mov_rr(e, false, RAX, value);
        value = RAX;
    }
    op_rm(e, true, X_STORE, value, R12, EVENT(value));
    store_imm(e, false, R12, EVENT(length), s->d);
    store_insn(c);
    set_pc(c, &c->pc_of[kind], EVENT(pc));
    write_back(c, c->at + 1);
    number_event(c, R12, EVENT(seq));
    call_one(c, kind, event, false);
#undef EVENT
}

/* ---- Wide registers ---- */

/* Memory of the words is about to be written: registers hold nothing of them. */
static void forget_words(struct comp *c, const struct lti_step *s)
{
    for (uint32_t i = 0; i < (s->flags + 1u) / 2; i++) {
        forget(c, s->d + i);
    }
}

static void copy_words(struct comp *c, const struct lti_step *s)
{
    struct emitter *e = &c->e;
    bool zero = s->code == LTI_STEP_ZERO || s->code == LTI_STEP_ZERO_TELL;
    uint32_t bytes = 4u * s->flags, at = 0;
    int32_t to = WORD(s->d), from = (int32_t)s->slot;

    forget_words(c, s);
    if (zero) {
        op_rr(e, false, X_XORPS, 0, 0);
        bytes = (bytes + 7) & ~7u;
    }
    for (; bytes - at >= 16; at += 16) {
        if (!zero) {
            op_rm(e, false, X_MOVUPS_LOAD, 0, R13, from + (int32_t)at);
        }
        op_rm(e, false, X_MOVUPS_STORE, 0, RBX, to + (int32_t)at);
    }
    for (; at < bytes; at += 8) {
        if (zero) {
            store_imm(e, true, RBX, to + (int32_t)at, 0);
        } else {
            op_rm(e, bytes - at >= 8, X_LOAD, RAX, R13, from + (int32_t)at);
            op_rm(e, true, X_STORE, RAX, RBX, to + (int32_t)at);
        }
    }
}

static bool words_fit(const struct lti_step *s)
{
    return s->flags <= 16; /* else it takes too much room */
}

static void emit_words_slow(struct comp *c, const struct lti_step *s)
{
    emit_slow(c, s);
    forget_words(c, s);
}

static void emit_words(struct comp *c, const struct lti_step *s)
{
    if (words_fit(s)) {
        copy_words(c, s);
    } else {
        emit_words_slow(c, s);
    }
}

static void emit_words_tell(struct comp *c, const struct lti_step *s)
{
    struct emitter *e = &c->e;
    const struct lti_reg *r = &c->d->arch->regs[s->a];

#define EVENT(name) MEMBER(wide_write.name)
    if (!words_fit(s) || s->imm != 1 || r->how != LTI_REG_WORDS) {
        emit_words_slow(c, s);
        return;
    }
    copy_words(c, s);
    load(c, true, RAX, r->word);
    op_rm(e, true, X_STORE, RAX, R12, EVENT(value));
    if (s->b > 8) {
        op_rm(e, true, X_LEA, RAX, RBX, WORD(r->word));
    } else {
        op_rm(e, true, X_LEA, RAX, R12, EVENT(value));
    }
    op_rm(e, true, X_STORE, RAX, R12, EVENT(data));
    store_imm(e, false, R12, EVENT(reg), s->a);
    store_imm(e, false, R12, EVENT(width), s->b);
    store_insn(c);
    set_pc(c, &c->pc_of_wide, EVENT(pc));
    write_back(c, c->at + 1);
    number_event(c, R12, EVENT(seq));
    call_one(c, LT_EVENT_REG_WRITE, MEMBER(wide_write), false);
#undef EVENT
}

/* ---- A block ---- */

/* In front of a block's code r13 points to its record, of which no more is known than
 * that its number is in memory. */
static void emit_begin(struct comp *c)
{
    struct emitter *e = &c->e;
    const uint8_t *again = c->room->stubs + LEAVE_NEXT;

    op_rm(e, true, X_LEA, RAX, R13, (int32_t)c->block->record_size);
    op_rm(e, true, X_CMP, RAX, R12, MEMBER(end));
    jcc_back(e, CC_A, again);
    op_rm(e, true, X_LOAD, RCX, R12, MEMBER(insns_end));
    op_rm(e, true, X_SUB, RCX, R12, MEMBER(stats.insns));
    alu_imm(e, true, ALU_CMP, RCX, (int32_t)c->block->insn_count);
    jcc_back(e, CC_B, again);
    op_rm(e, true, X_STORE, RAX, R12, MEMBER(at));
    if (c->block->begins) {
        alu_imm_memory(e, true, ALU_ADD, R12, MEMBER(stats.insns),
                       (int32_t)c->block->begins);
    }
    if (c->rest_kept) {
        make_rest(c);
        op_rm(e, true, X_STORE, RAX, RSP, 0);
        forget_registers(c);
    }
}

/* Goes on to the next record's block. */
static void emit_end(struct comp *c, const struct lti_step *s)
{
    struct emitter *e = &c->e;
    const uint8_t *leave = c->room->stubs + LEAVE_NEXT;

    (void)s;
    store_insn(c);
    write_back(c, UINT32_MAX);
    alu_imm(e, true, ALU_ADD, R13, (int32_t)c->block->record_size);
    if (c->calls) {
        /* As stopped(). */
        op_rm(e, true, X_LOAD, RAX, R12, MEMBER(config.stop));
        put8(e, 0x80); /* cmp byte [rax], 0 */
        put8(e, 0x38);
        put8(e, 0);
        jcc_back(e, CC_NE, leave);
        op_rm(e, true, X_LOAD, RAX, R12, MEMBER(config.arena));
        alu_imm_memory(e, false, ALU_CMP, RAX,
                       (int32_t)offsetof(struct lti_control, limits.reached), 0);
        jcc_back(e, CC_NE, leave);
    }
    op_rm(e, true, X_LEA, RAX, R13, 4);
    op_rm(e, true, X_CMP, RAX, R12, MEMBER(end));
    jcc_back(e, CC_A, leave);
    op_rm(e, false, X_LOAD, RAX, R13, 0);
    alu_imm(e, false, ALU_CMP, RAX, (int32_t)LTI_MAX_BLOCKS);
    jcc_back(e, CC_AE, leave);
    op_rm(e, true, X_LOAD, RCX, R12, MEMBER(entries));
    op_indexed(e, true, X_LOAD, RAX, RCX, RAX, 3);
    op_rr(e, true, X_TEST, RAX, RAX);
    jcc_back(e, CC_E, leave);
    jump_reg(e, RAX);
}

/* ---- Block views ---- */

typedef bool (*operand_fn)(struct comp *c, uint32_t index);

static bool each_of_row(struct comp *c, uint32_t count, uint32_t first, operand_fn fn)
{
    bool all = true;

    for (uint32_t i = 0; i < count; i++) {
        all &= fn(c, first + i);
    }
    return all;
}

/* Calls `fn` for all that a step of views looks at in memory; false if one call said so.
 */
static bool view_operands(struct comp *c, const struct lti_step *s, operand_fn fn)
{
    const struct lti_view *view = c->block->view;
    const uint16_t *parts;
    bool all = true;

    switch (s->code) {
    case LTI_STEP_VIEW_RUN:
        for (uint32_t i = 0; i < view->seen_count; i++) {
            all &= fn(c, view->seen[i]);
        }
        return all;
    case LTI_STEP_VIEW_COPY:
        return each_of_row(c, s->b, s->a, fn);
    case LTI_STEP_VIEW_CHANGED:
        return each_of_row(c, s->b, s->a, fn) &
               each_of_row(c, s->b, (uint16_t)s->imm, fn) & fn(c, s->slot);
    case LTI_STEP_VIEW_FLOAT:
        parts = (const uint16_t *)(uintptr_t)s->imm;
        for (uint32_t i = 0; i < LTI_VIEW_PARTS; i++) {
            all &= fn(c, parts[i]);
        }
        return all;
    default:
        return true;
    }
}

/* Memory gets the word or value, if it does not have it. */
static bool put_in_memory(struct comp *c, uint32_t index)
{
    int i = find_held(c, index);

    if (c->slots[index].known) {
        store_constant(c, index);
    } else if (i >= 0 && c->held[i].dirty) {
        store_held(c, (unsigned)i);
    }
    return true;
}

/* How much longer its template may be than STEP_ROOM. */
static ptrdiff_t view_room(const struct comp *c, const struct lti_step *s)
{
    switch (s->code) {
    case LTI_STEP_VIEW_RUN:
        return 24 * (ptrdiff_t)(c->block->view->seen_count + c->block->view->maybe_count);
    case LTI_STEP_VIEW_COPY:
    case LTI_STEP_VIEW_CHANGED:
        return 64 * (ptrdiff_t)s->b;
    default:
        return 0;
    }
}

static void emit_view_slow(struct comp *c, const struct lti_step *s)
{
    view_operands(c, s, put_in_memory);
    emit_slow(c, s);
    if (s->code != LTI_STEP_VIEW_RUN) {
        forget(c, s->d);
    }
}

static void emit_view_changed(struct comp *c, const struct lti_step *s)
{
    const uint32_t now = (uint16_t)s->imm;
    unsigned place;

    if (s->flags || s->b > 4) {
        emit_view_slow(c, s);
        return;
    }
    for (uint32_t i = 0; i < s->b; i++) {
        const unsigned reg = i ? RCX : RAX;

        load(c, true, reg, s->a + i);
        load(c, true, RDX, now + i);
        op_rr(&c->e, true, X_XOR, reg, RDX);
        if (i) {
            op_rr(&c->e, true, X_OR, RAX, RCX);
        }
    }
    op_rr(&c->e, true, X_TEST, RAX, RAX);
    op_rr(&c->e, false, X_SET | CC_NE, 0, RAX);
    place = fresh(c);
    op_rr(&c->e, false, X_MOVZX8, held_register[place], RAX);
    bind(c, place, s->d);
}

static void emit_view_copy(struct comp *c, const struct lti_step *s)
{
    view_operands(c, s, put_in_memory);
    for (uint32_t i = 0; i < s->b; i++) {
        forget(c, s->d + i);
        load_word(c, true, RAX, s->a + i);
        op_rm(&c->e, true, X_STORE, RAX, RBX, WORD(s->d + i));
    }
}

/* Whether a whole run begins in the same way always and has events, for one callback. */
static bool is_steady(const struct comp *c, const struct lti_view *view)
{
    return view->wanted == 1 && c->d->config.callbacks->count[LT_EVENT_BLOCK] == 1 &&
           !view->first->repeats &&
           view->run.insns + view->run.rows > view->run.flags + view->maybe_count;
}

static void emit_view_run(struct comp *c, const struct lti_step *s)
{
    const struct lti_view *view = (const struct lti_view *)(uintptr_t)s->imm;
    const int32_t one = MEMBER(one) + (int32_t)(LT_EVENT_BLOCK * sizeof(struct lti_one));
    struct emitter *e = &c->e;

#define RUN(member) (int32_t) offsetof(struct lt_block_run, member)
    if (!is_steady(c, view)) {
        emit_view_slow(c, s);
        return;
    }
    view_operands(c, s, put_in_memory);
    write_back(c, c->at);
    forget_registers(c);
    op_rm(e, true, X_LOAD, RDI, R12, MEMBER(session));
    op_rm(e, true, X_LOAD, RDX, R12, one + (int32_t)offsetof(struct lti_one, user));
    mov_imm(e, RSI, (uintptr_t)&view->run);
    op_rm(e, true, X_LEA, RAX, R14, 1);
    op_rm(e, true, X_STORE, RAX, RSI, RUN(seq));
    alu_imm(e, true, ALU_ADD, R14,
            (int32_t)(view->run.insns + view->run.rows - view->run.flags -
                      view->maybe_count));
    for (uint32_t i = 0; i < view->maybe_count; i++) { /* 1 or 0 each */
        op_rm(e, true, X_ADD, R14, RBX, WORD(view->block.rows[view->maybe[i]].when));
    }
    op_rm(e, true, X_LOAD, RAX, R12, MEMBER(pid)); /* and tid */
    op_rm(e, true, X_STORE, RAX, RSI, RUN(pid));
    op_rm(e, true, X_LEA, RAX, RBX, WORD(0));
    op_rm(e, true, X_STORE, RAX, RSI, RUN(values));
    op_rm(e, true, X_LEA, RAX, RSI, -(int32_t)offsetof(struct lti_view, run));
    op_rm(e, true, X_STORE, RAX, R12, MEMBER(view));
    op_rm(e, true, X_STORE, R13, R12, MEMBER(view_record));
    call_memory(e, R12, one + (int32_t)offsetof(struct lti_one, fn));
    store_imm(e, true, R12, MEMBER(view), 0);
    leave_on_result(c);
    c->calls = true;
#undef RUN
}

static void emit_view_end(struct comp *c, const struct lti_step *s)
{
    const struct lti_view *view = (const struct lti_view *)(uintptr_t)s->imm;

    if (view->repeats || view->of->insns->repeats) {
        emit_slow(c, s);
        c->insn = c->stored = view->last;
    } else {
        c->insn = view->last;
    }
    emit_end(c, s);
}

typedef void (*template_fn)(struct comp *c, const struct lti_step *s);

/* What a step reads of words and values. */
#define READS_A 1u
#define READS_B 2u
#define READS_D 4u
#define MAKES_D 8u /* a value */

static const struct form {
    template_fn emit; /* NULL: a block with such a step is not compiled */
    unsigned how;     /* see struct comp */
    unsigned operands;
} templates[LTI_STEP_COUNT] = {
#define T(code, emit, how, operands) [code] = {emit, how, operands}
#define OP2 (READS_A | READS_B | MAKES_D)
#define OP1 (READS_A | MAKES_D)
    T(LTI_CONST, emit_constant, 0, MAKES_D),
    T(LTI_SLOT32, emit_slot, 4, MAKES_D),
    T(LTI_SLOT64, emit_slot, 8, MAKES_D),
    T(LTI_REG, emit_copy, 0, OP1),
    T(LTI_ADD, emit_two, X_ADD, OP2),
    T(LTI_SUB, emit_two, X_SUB, OP2),
    T(LTI_AND, emit_two, X_AND, OP2),
    T(LTI_OR, emit_two, X_OR, OP2),
    T(LTI_XOR, emit_two, X_XOR, OP2),
    T(LTI_ANDC, emit_complement, X_AND, OP2),
    T(LTI_ORC, emit_complement, X_OR, OP2),
    T(LTI_EQV, emit_two_complement, X_XOR, OP2),
    T(LTI_NAND, emit_two_complement, X_AND, OP2),
    T(LTI_NOR, emit_two_complement, X_OR, OP2),
    T(LTI_SHL, emit_shift, SH_SHL, OP2),
    T(LTI_SHR, emit_shift, SH_SHR, OP2),
    T(LTI_SAR, emit_shift, SH_SAR, OP2),
    T(LTI_ROTL, emit_shift, SH_ROL, OP2),
    T(LTI_ROTR, emit_shift, SH_ROR, OP2),
    T(LTI_MUL, emit_two, X_IMUL, OP2),
    T(LTI_NOT, emit_unary, UN_NOT, OP1),
    T(LTI_NEG, emit_unary, UN_NEG, OP1),
    T(LTI_EXTRACT, emit_extract, 0, OP1),
    T(LTI_SEXTRACT, emit_sextract, 0, OP1),
    T(LTI_DEPOSIT, emit_deposit, 0, OP2),
    T(LTI_EXTRACT2, emit_extract2, 0, OP2),
    T(LTI_SETCOND, emit_setcond, 0, OP2),
    T(LTI_NEGSETCOND, emit_setcond, 0, OP2),
    T(LTI_MOVCOND, emit_movcond, 0, OP2),
    T(LTI_EFLAGS, emit_eflags, 0, OP2),
    T(LTI_MORE, emit_nothing, 0, READS_A | READS_B),
    T(LTI_CTPOP, emit_ctpop, 0, OP1),
    T(LTI_BSWAP, emit_bswap, 0, OP1),
    T(LTI_MULUH, emit_high_product, UN_MUL, OP2),
    T(LTI_MULSH, emit_high_product, UN_IMUL, OP2),
    T(LTI_STEP_INSN, emit_insn_slow, 0, 0),
    T(LTI_STEP_INSN_ONE, emit_insn_one, 0, 0),
    T(LTI_STEP_INSN_SILENT, emit_insn_silent, 0, 0),
    T(LTI_STEP_INSN_REPEATS, emit_insn_slow, 0, 0),
    T(LTI_STEP_END, emit_end, 0, 0),
    T(LTI_STEP_SETREG, emit_copy, 0, READS_A),
    T(LTI_STEP_SETREG_IMM, emit_constant, 0, 0),
    T(LTI_STEP_SETREG_SLOT64, emit_setreg_slot, 8, 0),
    T(LTI_STEP_SETREG_SLOT32, emit_setreg_slot, 4, 0),
    T(LTI_STEP_WRITE, emit_write_slow, 0, READS_A),
    T(LTI_STEP_WRITE_ONE, emit_write_one, 0, READS_A),
    T(LTI_STEP_WRITE_SLOT64, emit_write_slow, 0, 0),
    T(LTI_STEP_WRITE_SLOT64_ONE, emit_write_slot_one, 8, 0),
    T(LTI_STEP_WRITE_SLOT32, emit_write_slow, 0, 0),
    T(LTI_STEP_WRITE_SLOT32_ONE, emit_write_slot_one, 4, 0),
    T(LTI_STEP_FLAGS, emit_flags, 0, 0),
    T(LTI_STEP_FLAGS_ONE, emit_flags_one, 0, READS_A | READS_B),
    T(LTI_STEP_FLAGS_SUB_ONE, emit_flags_sum_one, 0, READS_A | READS_B),
    T(LTI_STEP_FLAGS_ADD_ONE, emit_flags_sum_one, 0, READS_A | READS_B),
    T(LTI_STEP_FLAGS_LOGIC_ONE, emit_flags_logic_one, 0, READS_A),
    T(LTI_STEP_FLAGS_CMP_ONE, emit_flags_cmp_one, 0, READS_A | READS_B),
    T(LTI_STEP_FLAGS_TEST_ONE, emit_flags_logic_one, 0, READS_A | READS_B),
    T(LTI_STEP_STORE, emit_access, 0, READS_A | READS_B),
    T(LTI_STEP_STORE16, emit_slow, 0, READS_A | READS_B | READS_D),
    T(LTI_STEP_LOAD, emit_access, 0, READS_A | READS_B),
    T(LTI_STEP_LOAD16, emit_slow, 0, READS_A | READS_B | READS_D),
    T(LTI_STEP_ADDI, emit_addi, ALU_ADD, OP1),
    T(LTI_STEP_ANDI, emit_with_constant, ALU_AND, OP1),
    T(LTI_STEP_ORI, emit_with_constant, ALU_OR, OP1),
    T(LTI_STEP_XORI, emit_with_constant, ALU_XOR, OP1),
    T(LTI_STEP_SHLI, emit_shift_constant, SH_SHL, OP1),
    T(LTI_STEP_SHRI, emit_shift_constant, SH_SHR, OP1),
    T(LTI_STEP_LOW32, emit_low32, 0, OP1),
    T(LTI_STEP_INSN_LAST_ONE, emit_insn_one, 0, 0),
    T(LTI_STEP_WORDS, emit_words, 0, 0),
    T(LTI_STEP_ZERO, emit_words, 0, 0),
    T(LTI_STEP_WORDS_TELL, emit_words_tell, 0, 0),
    T(LTI_STEP_ZERO_TELL, emit_words_tell, 0, 0),
    T(LTI_STEP_WORDS_CHANGED, emit_words_slow, 0, 0),
    T(LTI_STEP_WORDS_STACK, emit_words_slow, 0, 0),
    T(LTI_STEP_VIEW_RUN, emit_view_run, 0, 0),
    T(LTI_STEP_VIEW_END, emit_view_end, 0, 0),
    T(LTI_STEP_VIEW_COPY, emit_view_copy, 0, 0),
    T(LTI_STEP_VIEW_CHANGED, emit_view_changed, 0, MAKES_D),
    T(LTI_STEP_VIEW_FLOAT, emit_view_slow, 0, MAKES_D),
#undef OP1
#undef OP2
#undef T
};

/* Whether somebody who is not called at once wants a step's event. */
static bool is_pulled(const struct lti_step *s)
{
    switch (s->code) {
    case LTI_STEP_INSN:
    case LTI_STEP_INSN_REPEATS:
        return ((const struct lti_insn *)(uintptr_t)s->imm)->told[LT_EVENT_INSN] &
               LTI_WANTED_PULL;
    case LTI_STEP_WRITE:
    case LTI_STEP_WRITE_SLOT64:
    case LTI_STEP_WRITE_SLOT32:
    case LTI_STEP_FLAGS:
    case LTI_STEP_STORE:
    case LTI_STEP_STORE16:
    case LTI_STEP_LOAD:
    case LTI_STEP_LOAD16:
    case LTI_STEP_WORDS_TELL:
    case LTI_STEP_ZERO_TELL:
    case LTI_STEP_WORDS_CHANGED:
    case LTI_STEP_WORDS_STACK:
        return s->imm & LTI_WANTED_PULL;
    default:
        return false;
    }
}

static bool writes_rest(const struct lti_step *s)
{
    switch (s->code) {
    case LTI_STEP_SETREG:
    case LTI_STEP_SETREG_IMM:
    case LTI_STEP_SETREG_SLOT64:
    case LTI_STEP_SETREG_SLOT32:
        return s->d == LTI_X86_DF || s->d == LTI_X86_EFLAGS;
    case LTI_STEP_WORDS:
    case LTI_STEP_ZERO:
    case LTI_STEP_WORDS_TELL:
    case LTI_STEP_ZERO_TELL:
    case LTI_STEP_WORDS_CHANGED:
    case LTI_STEP_WORDS_STACK:
        return s->d <= LTI_X86_EFLAGS;
    default:
        return false;
    }
}

static bool tells_flags(const struct lti_step *s)
{
    return (s->code >= LTI_STEP_FLAGS_ONE && s->code <= LTI_STEP_FLAGS_LOGIC_ONE) ||
           s->code == LTI_STEP_FLAGS_CMP_ONE || s->code == LTI_STEP_FLAGS_TEST_ONE;
}

/* Marks a value that step `i` reads.  False if no step before makes it. */
static bool reads(struct comp *c, uint32_t index, uint32_t i)
{
    if (is_word(index)) {
        return true;
    }
    c->slots[index].last_use = i;
    return c->slots[index].defined;
}

/* For view_operands(), at the step that c->at says. */
static bool read_operand(struct comp *c, uint32_t index)
{
    return reads(c, index, c->at);
}

/* Of a block view, words from the record are values. */
static void define_words(struct comp *c, const struct lti_step *s)
{
    if ((s->code == LTI_STEP_WORDS || s->code == LTI_STEP_ZERO) && !is_word(s->d)) {
        for (uint32_t i = 0; i < (s->flags + 1u) / 2; i++) {
            c->slots[s->d + i].defined = true;
        }
    }
}

/* Looks through the steps: false if they cannot be compiled. */
static bool look_through(struct comp *c)
{
    bool flags = false, rest = false;

    for (uint32_t i = 0; i < c->step_count; i++) {
        const struct lti_step *s = &c->steps[i];
        const unsigned operands =
            s->code < LTI_STEP_COUNT ? templates[s->code].operands : 0;
        const uint32_t used = i + (s->code == LTI_MORE); /* by the step behind */

        if (s->code >= LTI_STEP_COUNT || !templates[s->code].emit || is_pulled(s) ||
            ((operands & READS_A) && !reads(c, s->a, used)) ||
            ((operands & READS_B) && !reads(c, s->b, used)) ||
            ((operands & READS_D) && !reads(c, s->d, used))) {
            return false;
        }
        c->at = used;
        if (!view_operands(c, s, read_operand)) {
            return false;
        }
        if (operands & MAKES_D) {
            c->slots[s->d].defined = true;
        }
        define_words(c, s);
        flags |= tells_flags(s);
        rest |= writes_rest(s);
    }
    c->rest_kept = flags && !rest;
    return true;
}

/* How many words and values the steps name at most. */
static uint32_t count_slots(const struct comp *c)
{
    const struct lti_view *view = c->block->view;
    uint32_t count = view ? view->block.value_count : LTI_FIRST_VALUE;

    for (uint32_t i = 0; i < c->step_count; i++) {
        const struct lti_step *s = &c->steps[i];

        count = s->a >= count ? s->a + 1u : count;
        count = s->b >= count ? s->b + 1u : count;
        count = s->d >= count ? s->d + 1u : count;
    }
    return count;
}

/* C is given steps, and looks for operands in memory: constants as well. */
static void store_operands(struct comp *c, const struct lti_step *s)
{
    const unsigned operands = templates[s->code].operands;
    const uint32_t list[] = {operands & READS_A ? s->a : 0, operands & READS_B ? s->b : 0,
                             operands & READS_D ? s->d : 0};

    for (unsigned i = 0; i < 3; i++) {
        if (!is_word(list[i]) && c->slots[list[i]].known) {
            store_constant(c, list[i]);
        }
    }
}

enum lti_emitted lti_emit_block(struct lti_code_room *room, void *scratch,
                                const struct lti_decoder *d,
                                const struct lti_block *block)
{
    const struct form *form;
    struct comp c = {
        .e.p = room->p,
        .room = room,
        .d = d,
        .block = block,
        .steps = block->begin,
        .step_count = block->view ? block->view->step_count : block->step_count,
    };

    c.slots = scratch;
    memset(c.slots, 0, count_slots(&c) * sizeof *c.slots);
    forget_registers(&c);
    if (block->record_size > INT32_MAX || !look_through(&c)) {
        return LTI_EMIT_NEVER;
    }
    if (room->end - c.e.p < STEP_ROOM) {
        return LTI_EMIT_ROOM;
    }
    emit_begin(&c);
    for (c.at = 0; c.at < c.step_count; c.at++) {
        if (room->end - c.e.p < STEP_ROOM + view_room(&c, &c.steps[c.at])) {
            return LTI_EMIT_ROOM;
        }
        form = &templates[c.steps[c.at].code];
        c.how = form->how;
        form->emit(&c, &c.steps[c.at]);
    }
    while ((uintptr_t)c.e.p % 16) {
        put8(&c.e, 0xcc); /* int3 */
    }
    room->p = c.e.p;
    return LTI_EMITTED;
}

bool lti_emit_possible(uint32_t *features)
{
    unsigned a, b, c, d;

    *features = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_POPCNT) ? FEATURE_POPCNT : 0;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LAHF_LM);
}

void lti_emit_stubs(struct lti_code_room *room)
{
    static const uint8_t saved[] = {RBX, R12, R13, R14, R15};
    struct emitter *e = &(struct emitter){.p = room->p};

    /* The way in. */
    push(e, RBP);
    mov_rr(e, true, RBP, RSP);
    for (unsigned i = 0; i < 5; i++) {
        push(e, saved[i]);
    }
    alu_imm(e, true, ALU_SUB, RSP, 24); /* calls find it aligned */
    op_rm(e, true, X_LEA, RBX, RDI,
          (int32_t)offsetof(struct lti_decoder, regs) + REGS_BIAS);
    op_rm(e, true, X_LEA, R12, RDI, HOT_OFFSET);
    op_rm(e, true, X_LOAD, R13, R12, MEMBER(at));
    op_rm(e, true, X_LOAD, R14, R12, MEMBER(seq));
    jump_reg(e, RSI);

    /* The ways out: with the record at r13 to be looked at, and with a callback's
     * result in eax. */
    e->p = room->p + LEAVE_NEXT;
    op_rm(e, true, X_STORE, R13, R12, MEMBER(at));
    mov_imm(e, RAX, 0);
    jmp_back(e, room->p + LEAVE);
    e->p = room->p + LEAVE;
    op_rm(e, true, X_STORE, R14, R12, MEMBER(seq));
    alu_imm(e, true, ALU_ADD, RSP, 24);
    for (unsigned i = 5; i-- > 0;) {
        pop(e, saved[i]);
    }
    pop(e, RBP);
    put8(e, 0xc3);
}

#else

bool lti_emit_possible(uint32_t *features)
{
    *features = 0;
    return false;
}

void lti_emit_stubs(struct lti_code_room *room)
{
    (void)room;
}

enum lti_emitted lti_emit_block(struct lti_code_room *room, void *scratch,
                                const struct lti_decoder *d,
                                const struct lti_block *block)
{
    (void)room;
    (void)scratch;
    (void)d;
    (void)block;
    return LTI_EMIT_NEVER;
}

#endif
