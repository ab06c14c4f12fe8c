/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which blocks are compiled, and when they cannot be.  That compiled ones do what
 * interpreted ones do, the other tests of the decoder show, which run both ways.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "compile.h"
#include "decode-model.h"

/* The slots of three_insns(). */
static void put_run(uint32_t number)
{
    put32(number);
    for (uint64_t i = 0; i < 3; i++) {
        put64(number + i);
    }
}

static int feed(void)
{
    int result;

    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    result = take_all();
    stream.size = 0;
    return result;
}

static void begin_block_one(void)
{
    begin(LT_ARCH_X86_64);
    three_insns(0);
    put_start();
}

static bool compiled(uint32_t number)
{
    return lti_is_compiled(run.slabs->compiler, number);
}

/* Whether this host can have code made at run time at all. */
static bool possible(void)
{
    all_callbacks();
    begin_block_one();
    open_decoder(&got);
    run.slabs->compile_after = 0;
    put_run(1);
    assert_int_equal(feed(), 0);
    bool is = compiled(1);
    close_decoder();
    return is;
}

/* What the three instructions should have told, `runs` times. */
static void check_events(unsigned runs)
{
    assert_int_equal(got.count, 6 * runs);
    for (unsigned i = 0; i < got.count; i++) {
        assert_int_equal(got.entries[i].seq, i + 1);
        assert_int_equal(got.entries[i].pc, 0x1000 + 4 * (i / 2 % 3));
        assert_int_equal(got.entries[i].type, i % 2 ? LT_EVENT_REG_WRITE : LT_EVENT_INSN);
    }
}

static void test_threshold(void **state)
{
    (void)state;
    all_callbacks();
    begin_block_one();
    open_decoder(&got);
    run.slabs->compile_after = 3;
    for (unsigned i = 0; i < 8; i++) {
        put_run(1);
        assert_int_equal(feed(), 0);
        assert_int_equal(compiled(1), i >= 3);
    }
    close_decoder();
    check_events(8);
}

/* Also where blocks follow each other in what is fed. */
static void test_threshold_in_a_row(void **state)
{
    (void)state;
    all_callbacks();
    begin_block_one();
    open_decoder(&got);
    run.slabs->compile_after = 3;
    for (unsigned i = 0; i < 8; i++) {
        put_run(1);
    }
    assert_int_equal(feed(), 0);
    assert_true(compiled(1));
    close_decoder();
    check_events(8);
}

static void test_never(void **state)
{
    (void)state;
    all_callbacks();
    begin_block_one();
    open_decoder(&got);
    run.slabs->compile_after = LTI_ALWAYS_COLD;
    for (unsigned i = 0; i < 1000; i++) {
        put_run(1);
    }
    assert_int_equal(feed(), 0);
    assert_null(run.slabs->compiler);
    close_decoder();
    check_events(1000);
}

/* In the pull form, blocks are compiled that have no event to be fetched. */
static void test_pulled(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        pull_all();
        if (!wanted) {
            run.callbacks.pull_kinds = LT_KIND(LT_EVENT_SYSCALL);
        }
        begin_block_one();
        open_decoder(&got);
        run.slabs->compile_after = 0;
        put_run(1);
        put_run(1);
        assert_int_equal(feed(), 0);
        assert_int_equal(compiled(1), !wanted);
        close_decoder();
        assert_int_equal(got.count, wanted ? 12 : 0);
    }
}

/* Where there is no memory for code, all is interpreted. */
static void test_no_memory(void **state)
{
#ifdef __SANITIZE_ADDRESS__
    (void)state;
    skip(); /* it needs address space for itself */
#else
    struct rlimit before, limit;
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");

    (void)state;
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%lu", &pages), 1);
    fclose(statm);
    all_callbacks();
    begin_block_one();
    open_decoder(&got);
    run.slabs->compile_after = 0;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = (pages << 12) + LTI_MAX_BLOCKS * sizeof(void *) + (32u << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    put_run(1);
    put_run(1);
    assert_int_equal(feed(), 0);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_false(compiled(1));
    close_decoder();
    check_events(2);
#endif
}

#define MANY 1100u /* slabs: more than there are chunks of memory for code */

/* The first block of each further slab is block 1, or is not. */
static void share_block(bool shared)
{
    const uint32_t at = shared ? (uint32_t)(plans[1].offset / 16) : 0;

    for (uint32_t i = 1; i < MANY; i++) {
        memcpy(arena + LTI_DESC_OFFSET + (uint64_t)i * LTI_SLAB_SIZE + 4, &at, sizeof at);
    }
}

/* When memory for code is used up, what is left is interpreted; and there is some again
 * when slabs are no longer needed. */
static void test_room(void **state)
{
    (void)state;
    all_callbacks();
    begin_block_one();
    share_block(true);
    open_decoder(&got);
    run.slabs->compile_after = 0;
    for (uint32_t i = 1; i < MANY; i++) {
        put_head(LTI_S_SLAB, 8);
        put32(i);
        put_run(i * LTI_SLAB_BLOCKS + 1);
    }
    assert_int_equal(feed(), 0);
    assert_true(compiled(LTI_SLAB_BLOCKS + 1));
    assert_false(compiled((MANY - 1) * LTI_SLAB_BLOCKS + 1));
    put_head(LTI_S_FORGET, 4);
    put_access(LTI_S_WRITE, 0, "x", 1);
    put_head(LTI_S_FORGET, 4);
    assert_int_equal(feed(), 0);
    assert_false(compiled(LTI_SLAB_BLOCKS + 1));
    put_head(LTI_S_SLAB, 8);
    put32(MANY - 1);
    put_run((MANY - 1) * LTI_SLAB_BLOCKS + 1);
    assert_int_equal(feed(), 0);
    assert_true(compiled((MANY - 1) * LTI_SLAB_BLOCKS + 1));
    close_decoder();
    assert_int_equal(got.count, 6 * MANY + 1);
    share_block(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold), cmocka_unit_test(test_threshold_in_a_row),
        cmocka_unit_test(test_never),     cmocka_unit_test(test_pulled),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_room),
    };
    int failed;

    make_arena(NULL);
    if (!possible()) {
        print_message("nothing is compiled on this host\n");
        free_arena(NULL);
        return 77;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free_arena(NULL);
    return failed;
}
