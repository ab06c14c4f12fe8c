/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder: damaged blocks and records, which must never do more than fail. */
#include <string.h>

#include "decode-model.h"

/* ---- Damage ---- */

/* Each thousand decoders, whose fresh memory the sanitizers make slow. */
#ifdef __SANITIZE_ADDRESS__
#define ROUNDS 10
#else
#define ROUNDS 40
#endif

/* Decodes in both forms; nothing but these results may come. */
static void decode_damaged(const uint8_t *bytes, size_t size)
{
    for (int form = 0; form < 2; form++) {
        int result;

        if (form == 0) {
            all_callbacks();
        } else {
            pull_all();
        }
        run.quiet = true;
        result = decode_bytes(bytes, size, &got);
        close_decoder();
        if (result != 0 && result != LT_ERR_STREAM && result != LT_ERR_NO_MEMORY &&
            result != LTI_DECODER_BLOCKED) {
            fail_msg("a damaged stream gave %d", result);
        }
    }
}

static int decode_with_block(const struct plan *p)
{
    int result;

    memcpy(arena + LTI_DESC_OFFSET + p->offset, &p->desc, sizeof p->desc);
    all_callbacks();
    result = decode(&got);
    return result;
}

/* Each field of a descriptor out of its range. */
static void test_damaged_descriptor(void **state)
{
    static const uint64_t values[] = {
        0,          1,    2,          3,          5,         7,          0x7f,
        0x80,       0xff, 0x100,      0xffff,     0x10000,   0x7fffffff, 0xfffffff,
        UINT32_MAX, 27,   0x80000000, 0xfffffffc, 0x1000000, 0xffff0000};
    struct lti_desc good;

    (void)state;
    begin(LT_ARCH_X86_64);
    three_insns(0);
    put_start();
    put32(1);
    put64(1);
    put64(2);
    put64(3);
    good = plans[1].desc;
    assert_int_equal(decode_with_block(&plans[1]), 0);
    for (size_t field = 8; field < sizeof good; field += 4) {
        for (size_t i = 0; i < COUNT(values); i++) {
            uint32_t value = (uint32_t)values[i], old;

            plans[1].desc = good;
            memcpy(&old, (uint8_t *)&plans[1].desc + field, 4);
            memcpy((uint8_t *)&plans[1].desc + field, &value, 4);
            if (value == old ||
                (field == offsetof(struct lti_desc, size) && value > old)) {
                continue;
            }
            /* More values than are used, and fewer ops, are no damage. */
            if (field == offsetof(struct lti_desc, value_count) && value >= 3 &&
                value <= UINT16_MAX - LTI_FIRST_VALUE) {
                continue;
            }
            if (field == offsetof(struct lti_desc, op_count) &&
                value >= plans[1].insns[2].first_op && value < old) {
                continue;
            }
            if (decode_with_block(&plans[1]) != LT_ERR_STREAM) {
                fail_msg("descriptor bytes %zu of value %#x are taken", field, value);
            }
        }
    }
    plans[1].desc = good;
    assert_int_equal(decode_with_block(&plans[1]), 0);
    /* The index. */
    for (size_t i = 0; i < 5; i++) {
        const uint32_t places[] = {0, 1, LTI_DESC_SIZE / 16 - 1, LTI_DESC_SIZE / 16,
                                   UINT32_MAX};

        memcpy(arena + LTI_DESC_OFFSET + 4, &places[i], 4);
        assert_int_equal(decode(&got), LT_ERR_STREAM);
    }
    set_index(1, plans[1].offset);
    assert_int_equal(decode(&got), 0);
    /* Block numbers: none, of a slab that is empty, out of range. */
    for (size_t i = 0; i < 6; i++) {
        const uint32_t numbers[] = {0,
                                    LTI_SLAB_BLOCKS,
                                    LTI_SLAB_BLOCKS + 1,
                                    LTI_MAX_BLOCKS - 1,
                                    LTI_MAX_BLOCKS,
                                    LTI_SPECIAL - 1};

        stream.size = 0;
        put_start();
        put32(numbers[i]);
        put64(0);
        assert_int_equal(decode(&got), LT_ERR_STREAM);
    }
}

/* An instruction that looks at a slot behind its own: a part of the block that
 * ends with it has none there. */
static void test_slot_of_later_insn(void **state)
{
    (void)state;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    three_insns(0);
    plans[1].ops[0].imm = 20; /* the third's */
    write_block(&plans[1], 1);
    put_start();
    put_part(1, 1, 8);
    assert_int_equal(decode(&got), LT_ERR_STREAM);
}

/* Ops and instructions with each operand out of range. */
static void test_damaged_ops(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        for (unsigned field = 0; field < 4; field++) {
            struct plan *p = &plans[1];
            begin(LT_ARCH_X86_64);
            new_plan(p, 0x1000);
            add_insn(p, 0);
            add_slot(p, true);
            add_slot(p, true);
            add_op(p, code, field == 0 ? 0xffff : 0, field == 1 ? 0xffff : 0,
                   field == 2 ? 0xffff : 0, field == 3 ? UINT64_MAX : 4);
            write_block(p, 1);
            put_start();
            put32(1);
            put64(1);
            put64(2);
            decode_damaged(stream.bytes, stream.size);
            run.quiet = false;
            all_callbacks();
            bool no_operation =
                (code > LTI_LAST_VALUE_OP && code < LTI_SETREG) || code > LTI_ZERO;
            if (no_operation) {
                assert_int_equal(decode(&got), LT_ERR_STREAM);
            }
        }
    }
}

/* The same for ops that set words; the first two are sound. */
static void test_damaged_words(void **state)
{
    static const struct {
        uint16_t d, a, b;
        uint32_t slot, bytes;
        uint8_t flags;
    } cases[] = {
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 4, 16, 0},
        {LTI_X86_FPR, LT_X86_64_FPR0, 10 | 0xff80, 4, 16, LTI_OP_STACK},
        {LTI_X86_FPR, LT_X86_64_FPR0, 10 | 0xff80, 4, 16, 0}, /* too wide without it */
        {LTI_X86_FPR, LT_X86_64_FPR0, 0xff80, 4, 16, LTI_OP_STACK}, /* of no bytes */
        {LTI_X86_FPR, LT_X86_64_FPR0 + 8, 10, 4, 16, LTI_OP_STACK},
        {LTI_X86_FPR, LT_X86_64_FCW, 2, 4, 8, LTI_OP_STACK},
        {LTI_X86_REGS - 1, LT_X86_64_XMM0, 16, 4, 16, 0}, /* behind the last word */
        {LTI_X86_YMM, LT_X86_64_XMM0, 17, 4, 16, 0},      /* wider than the register */
        {LTI_X86_YMM, LT_X86_64_YMM0 + 16, 16, 4, 16, 0}, /* no register */
        {LTI_X86_YMM, LT_X86_64_RIP, 8, 4, 16, 0},
        {LTI_X86_YMM, LT_X86_64_RFLAGS, 8, 4, 16, 0},
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 0, 16, 0}, /* the block's number */
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 6, 16, 0},
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 8, 16, 0}, /* behind the record */
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, UINT32_MAX - 3, 16, 0},
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 4, 0, 0},
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 4, 3, 0},
        {0, LT_X86_64_XMM0, 16, 4, 1024, 0},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT(cases); i++) {
        struct plan *p = &plans[1];

        begin(LT_ARCH_X86_64);
        all_callbacks();
        new_plan(p, 0x1000);
        add_insn(p, 0);
        add_op(p, LTI_WORDS, cases[i].d, cases[i].a, cases[i].b,
               cases[i].slot | (uint64_t)cases[i].bytes << 32)
            ->flags = cases[i].flags;
        p->desc.record_size += 16;
        write_block(p, 1);
        put_start();
        put32(1);
        put64(1);
        put64(2);
        assert_int_equal(decode(&got), i < 2 ? 0 : LT_ERR_STREAM);
    }
}

/* A stream cut off anywhere, and records of every size. */
static void test_cut_off(void **state)
{
    (void)state;
    begin(LT_ARCH_X86_64);
    random_blocks();
    put_everything();
    for (size_t size = 0; size < stream.size; size++) {
        decode_damaged(stream.bytes, size);
    }
    for (uint32_t kind = 0; kind < 128; kind++) {
        for (uint32_t size = 0; size < 300; size++) {
            stream.size = 0;
            put_start();
            put_head(kind, size);
            for (uint32_t i = 4; i < size; i++) {
                put("\x01", 1);
            }
            decode_damaged(stream.bytes, stream.size);
            run.quiet = false;
            if (size % 4 || size < 4 || kind > LTI_S_SIGNAL) {
                all_callbacks();
                assert_int_equal(decode(&got), LT_ERR_STREAM);
            }
        }
    }
}

/* Puts a few bytes wrong, in ways that are near what is right. */
static void damage(uint8_t *bytes, size_t size, unsigned times)
{
    while (times--) {
        size_t at = below((uint32_t)size);
        uint32_t word = (uint32_t)operand();

        switch (below(4)) {
        case 0:
            bytes[at] ^= (uint8_t)(1 << below(8));
            break;
        case 1:
            bytes[at] = (uint8_t)random64();
            break;
        case 2:
            bytes[at] = (uint8_t)(bytes[at] + below(3) - 1);
            break;
        default:
            at &= ~(size_t)3;
            if (at + 4 <= size) {
                memcpy(bytes + at, &word, 4);
            }
            break;
        }
    }
}

/* Damaged block numbers stay small or are out of range: those between are only
 * slow. */
static void damage_stream(uint8_t *bytes, size_t size, unsigned times)
{
    damage(bytes, size, times);
    for (size_t at = 0; at + 4 <= size; at += 4) {
        uint32_t word;

        memcpy(&word, bytes + at, 4);
        if (word >= 4096 && word < LTI_MAX_BLOCKS) {
            word &= 4095;
            memcpy(bytes + at, &word, 4);
        }
    }
}

static void test_damaged_streams(void **state)
{
    static uint8_t bytes[sizeof stream.bytes];

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        begin(round & 3 ? LT_ARCH_X86_64 : LT_ARCH_AARCH64);
        random_blocks();
        put_everything();
        for (unsigned i = 0; i < 1000; i++) {
            memcpy(bytes, stream.bytes, stream.size);
            damage_stream(bytes, stream.size, 1 + below(4));
            decode_damaged(bytes, stream.size);
        }
    }
}

static void test_damaged_arenas(void **state)
{
    static uint8_t descs[1 << 20];

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t size;

        begin(round & 3 ? LT_ARCH_X86_64 : LT_ARCH_AARCH64);
        random_blocks();
        put_everything();
        size = desc_used;
        assert_true(size <= sizeof descs);
        memcpy(descs, arena + LTI_DESC_OFFSET, size);
        for (unsigned i = 0; i < 1000; i++) {
            uint8_t *target = arena + LTI_DESC_OFFSET;
            const struct plan *p = &plans[1 + below(BLOCKS)];

            damage(target + (below(2) ? LTI_SLAB_INDEX : p->offset),
                   below(2) ? sizeof p->desc + sizeof *p->insns : p->desc.size,
                   1 + below(4));
            if (below(8) == 0) {
                /* Another block's, or out of range. */
                uint32_t other = (uint32_t)(plans[1 + below(BLOCKS)].offset / 16);

                other += below(2) ? 0 : 1 + below(15);
                other = below(2) ? other : (uint32_t)operand();
                memcpy(target + 4 * (1 + below(BLOCKS)), &other, 4);
            }
            for (uint32_t k = 1; k <= BLOCKS; k++) {
                uint8_t *desc_size =
                    target + plans[k].offset + offsetof(struct lti_desc, size);
                uint32_t v;

                /* A size of gigabytes would only be slow. */
                memcpy(&v, desc_size, 4);
                v = v <= LTI_SLAB_SIZE ? v & 0xffff : v;
                memcpy(desc_size, &v, 4);
            }
            decode_damaged(stream.bytes, stream.size);
            memcpy(target, descs, size);
        }
    }
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_descriptor),
        cmocka_unit_test(test_slot_of_later_insn),
        cmocka_unit_test(test_damaged_ops),
        cmocka_unit_test(test_damaged_words),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_damaged_streams),
        cmocka_unit_test(test_damaged_arenas),
    };

    return cmocka_run_group_tests(tests, make_arena, free_arena);
}

int main(void)
{
    return run_both(all_tests);
}
