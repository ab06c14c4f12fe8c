/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder: flags that blocks leave behind, against the processor. */
#include "decode-model.h"

/* ---- Flags, against the processor ---- */

#define NATIVE(text, type)                                                               \
    do {                                                                                 \
        type x_ = (type)a, y_ = (type)b;                                                 \
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\t" text " %[y], %[x]\n\tpushfq\n\t"   \
                         "pop %[f]\n\tlea 128(%%rsp), %%rsp"                             \
                         : [x] "+q"(x_), [f] "=&r"(flags)                                \
                         : [y] "q"(y_)                                                   \
                         : "cc", "memory");                                              \
    } while (0)

#define NATIVE_SIZES(text)                                                               \
    do {                                                                                 \
        if (log == 0) {                                                                  \
            NATIVE(text, uint8_t);                                                       \
        } else if (log == 1) {                                                           \
            NATIVE(text, uint16_t);                                                      \
        } else if (log == 2) {                                                           \
            NATIVE(text, uint32_t);                                                      \
        } else {                                                                         \
            NATIVE(text, uint64_t);                                                      \
        }                                                                                \
    } while (0)

static uint64_t native_flags(unsigned op, unsigned log, uint64_t a, uint64_t b)
{
    uint64_t flags;

    if (op == LTI_ADD) {
        NATIVE_SIZES("add");
    } else if (op == LTI_SUB) {
        NATIVE_SIZES("sub");
    } else {
        NATIVE_SIZES("and");
    }
    return flags & (op == LTI_AND ? 0x8c5 : 0x8d5); /* AF is undefined of and */
}

/* Ways in which an instruction can leave its flags. */
enum { KIND_HERE, KIND_BEFORE, FROM_SLOTS, FLAG_WAYS };

/* A block with one such instruction: a and b are in slots. */
static void flags_block(unsigned op, unsigned log, unsigned way)
{
    unsigned cc = (op == LTI_ADD   ? LTI_CC_ADD
                   : op == LTI_SUB ? LTI_CC_SUB
                                   : LTI_CC_LOGIC) +
                  log;
    struct plan *p = &plans[1];
    unsigned a, b, result;

    new_plan(p, 0x1000);
    if (way == KIND_BEFORE) {
        add_insn(p, 0);
        add_setreg(p, LTI_X86_CC_OP, add_const(p, cc), true);
    }
    add_insn(p, 0);
    if (way == FROM_SLOTS) {
        add_setreg(p, LTI_X86_CC_DST, add_slot(p, true), true);
        b = add_slot(p, true);
    } else {
        a = add_slot(p, true);
        b = add_slot(p, true);
        result = add_two(p, op, a, b);
        add_setreg(p, LTI_X86_CC_DST, result, true);
    }
    if (op != LTI_AND) {
        add_setreg(p, LTI_X86_CC_SRC, b, true);
    }
    if (way != KIND_BEFORE) {
        add_setreg(p, LTI_X86_CC_OP, add_const(p, cc), true);
    }
    add_op(p, LTI_FLAGS, 0, 0, 0, 0);
    write_block(p, 1);
}

static void check_flags(unsigned op, unsigned log, unsigned way, unsigned callbacks)
{
    uint64_t value = 0, regs[LTI_X86_REGS] = {0};

    begin(LT_ARCH_X86_64);
    no_callbacks();
    for (unsigned i = 0; i < callbacks; i++) {
        add_callback(LT_EVENT_REG_WRITE);
        run.callbacks.list[LT_EVENT_REG_WRITE][i].fn.reg_write = last_value;
        run.callbacks.list[LT_EVENT_REG_WRITE][i].user = &value;
    }
    flags_block(op, log, way);
    regs[LTI_X86_EFLAGS] = 0x202;
    regs[LTI_X86_DF] = UINT64_MAX;
    put_process(1, 1);
    put_regs(LTI_REGS_START, 0, regs, LTI_X86_REGS);
    open_decoder(&got);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(lti_decoder_run(run.decoder), 0);
    for (unsigned i = 0; i < 4000; i++) {
        uint64_t a = operand(), b = operand(), should;

        stream.size = 0;
        put32(1);
        put64(way != FROM_SLOTS ? a
              : op == LTI_ADD   ? a + b
              : op == LTI_SUB   ? a - b
                                : a & b);
        put64(b);
        lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
        value = 1;
        assert_int_equal(lti_decoder_run(run.decoder), 0);
        should = native_flags(op, log, a, b) | 0x602;
        if (value != should) {
            fail_msg("operation %u of size %u, way %u: %#llx, %#llx: flags %#llx, not "
                     "%#llx",
                     op, log, way, (unsigned long long)a, (unsigned long long)b,
                     (unsigned long long)value, (unsigned long long)should);
        }
    }
    close_decoder();
}

static void test_flags(void **state)
{
    static const unsigned ops[] = {LTI_ADD, LTI_SUB, LTI_AND};

    (void)state;
    for (unsigned i = 0; i < COUNT(ops); i++) {
        for (unsigned log = 0; log < 4; log++) {
            for (unsigned way = 0; way < FLAG_WAYS; way++) {
                check_flags(ops[i], log, way, 1); /* computed in the step itself */
                check_flags(ops[i], log, way, 2); /* and in flags.c */
            }
        }
    }
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags),
    };

    return cmocka_run_group_tests(tests, make_arena, free_arena);
}

int main(void)
{
    return run_both(all_tests);
}
