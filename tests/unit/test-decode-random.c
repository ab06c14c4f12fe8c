/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder: random blocks and records, against a plain interpreter of the same
 * operations, in the callback form and in the pull form.
 */
#include "decode-model.h"

/* Some random stream and what is expected of it. */
static void random_stream(unsigned round)
{
    begin(round % 4 ? LT_ARCH_X86_64 : LT_ARCH_AARCH64);
    random_blocks();
    put_random_start();
    for (unsigned n = 40; n; n--) {
        put_random_record();
    }
}

static void test_random(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        random_callbacks();
        random_stream(round);
        assert_int_equal(decode(&got), 0);
        compare(&got, &want, false);
        check_seq(&got);
    }
}

/* The same stream gives the same events in both forms. */
static void test_both_forms(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        all_callbacks();
        random_stream(round);
        assert_int_equal(decode(&got), 0);
        compare(&got, &want, false);
        pull_all();
        assert_int_equal(decode(&got_pull), 0);
        compare(&got_pull, &want, true);
        check_seq(&got);
    }
}

/* And so it does when it comes in pieces. */
static void test_pieces(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        size_t cuts[61], n = 0;

        begin(LT_ARCH_X86_64);
        random_blocks();
        if (round & 1) {
            all_callbacks();
        } else {
            pull_all();
        }
        put_random_start();
        cuts[n++] = stream.size;
        while (n < 60) {
            put_random_record();
            cuts[n++] = stream.size;
        }
        assert_int_equal(decode(&got), 0);
        open_decoder(&got_pull);
        for (size_t i = 0, at = 0; i < n; i += 1 + below(3)) {
            lti_decoder_feed(run.decoder, stream.bytes + at, stream.bytes + cuts[i]);
            at = cuts[i];
            assert_int_equal(take_all(), 0);
            if (i == n - 1) {
                break;
            }
            if (i + 3 >= n) {
                lti_decoder_feed(run.decoder, stream.bytes + at,
                                 stream.bytes + cuts[n - 1]);
                assert_int_equal(take_all(), 0);
                break;
            }
        }
        close_decoder();
        compare(&got_pull, &got, true);
    }
}

/* ---- Operations ---- */

/* A block that puts `op` of four slots into rax. */
static void one_operation(struct lti_op op, const uint64_t *constant)
{
    struct plan *p = &plans[1];
    unsigned v[4];

    new_plan(p, 0x1000);
    add_insn(p, 0);
    for (int i = 0; i < 4; i++) {
        v[i] = add_slot(p, true);
    }
    if (constant) {
        v[1] = add_const(p, *constant);
    }
    if (op.op == LTI_MOVCOND || op.op == LTI_EFLAGS) {
        add_op(p, LTI_MORE, 0, v[2], v[3], 0);
    }
    add_op(p, op.op, new_value(p), v[0], v[1], op.imm)->flags = op.flags;
    add_setreg(p, LT_X86_64_RAX, p->desc.value_count - 1, false);
    write_block(p, 1);
}

static void check_operation(struct lti_op op)
{
    uint64_t value = 0, constant = operand();

    for (int with_constant = 0; with_constant < 2; with_constant++) {
        begin(LT_ARCH_X86_64);
        no_callbacks();
        add_callback(LT_EVENT_REG_WRITE);
        run.callbacks.list[LT_EVENT_REG_WRITE][0].fn.reg_write = last_value;
        run.callbacks.list[LT_EVENT_REG_WRITE][0].user = &value;
        one_operation(op, with_constant ? &constant : NULL);
        open_decoder(&got);
        put_process(1, 1);
        lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
        assert_int_equal(lti_decoder_run(run.decoder), 0);
        for (unsigned i = 0; i < 300; i++) {
            uint64_t v[4] = {operand(), operand(), operand(), operand()}, should;

            stream.size = 0;
            put32(1);
            put(v, sizeof v);
            lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
            assert_int_equal(lti_decoder_run(run.decoder), 0);
            should = evaluate(&op, v[0], with_constant ? constant : v[1], v[2], v[3]);
            if (value != should) {
                fail_msg("operation %u, flags %u, imm %#llx of %#llx, %#llx: %#llx, not "
                         "%#llx",
                         op.op, op.flags, (unsigned long long)op.imm,
                         (unsigned long long)v[0],
                         (unsigned long long)(with_constant ? constant : v[1]),
                         (unsigned long long)value, (unsigned long long)should);
            }
        }
        close_decoder();
    }
}

static void test_operations(void **state)
{
    (void)state;
    for (unsigned code = LTI_ADD; code <= LTI_LAST_VALUE_OP; code++) {
        for (uint8_t flags = 0; flags <= LTI_OP_32; flags++) {
            struct lti_op op = {.op = (uint8_t)code, .flags = flags};
            unsigned width = flags ? 32 : 64;

            if (code == LTI_MORE || (code == LTI_EFLAGS && flags)) {
                continue;
            }
            if (code == LTI_EXTRACT || code == LTI_SEXTRACT || code == LTI_DEPOSIT) {
                for (unsigned pos = 0; pos < width; pos += 1 + pos % 7) {
                    for (unsigned n = 1; n <= width - pos; n += 1 + n % 5) {
                        op.imm = pos | n << 8;
                        check_operation(op);
                    }
                    op.imm = pos | (width - pos) << 8;
                    check_operation(op);
                }
            } else if (code == LTI_EXTRACT2) {
                for (op.imm = 0; op.imm <= width; op.imm++) {
                    check_operation(op);
                }
            } else if (code == LTI_SETCOND || code == LTI_NEGSETCOND ||
                       code == LTI_MOVCOND) {
                for (op.imm = 0; op.imm <= LTI_COND_TSTNE; op.imm++) {
                    check_operation(op);
                }
            } else if (code == LTI_BSWAP) {
                for (op.imm = 2; op.imm <= width / 8; op.imm *= 2) {
                    check_operation(op);
                }
            } else {
                check_operation(op);
                check_operation(op);
            }
        }
    }
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_pieces),
    };

    return cmocka_run_group_tests(tests, make_arena, free_arena);
}

int main(void)
{
    return run_both(all_tests);
}
