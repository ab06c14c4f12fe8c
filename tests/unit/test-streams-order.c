/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The streams of a session: the order of several, processes that begin, execute and end,
 * signals and slabs.
 */
#include <stdio.h>
#include <string.h>

#include "streams-kit.h"

/* ---- One process ---- */

static void test_one(void **state)
{
    struct lt_stats stats = {.size = sizeof stats};
    int32_t status, sig;

    (void)state;
    BOTH_FORMS
    {
        uint32_t block;

        begin(pull);
        assert_null(lti_streams_decoder(run.streams));
        block = make_slab(0, 0x1000);
        expect_idle("");
        put_process(0, 1, 10, 0);
        put_slab(0, 0);
        put_regs(0, LTI_X86_REGS, 33);
        put_block(0, block, 7);
        expect_idle("10.10 process of 0 arch 1 /bin/a\n"
                    "10.10 insn 1000 r3=33\n"
                    "10.10 reg 0=7\n");
        put_block(0, block, 8);
        put_exit(0, 3);
        live(0, LTI_STREAM_ENDED);
        assert_false(lti_streams_ended(run.streams, &status, &sig));
        control()->engine_ended = 1;
        assert_int_equal(drain(), LTI_STREAMS_END);
        expect("10.10 insn 1000 r3=33\n"
               "10.10 reg 0=8\n"
               "10.10 exit 3 0\n");
        assert_true(lti_streams_ended(run.streams, &status, &sig));
        assert_int_equal(status, 3);
        assert_int_equal(sig, 0);
        lti_streams_stats(run.streams, &stats);
        assert_int_equal(stats.insns, 2);
        assert_int_equal(stats.stream_bytes, writers[0].at);
        assert_int_equal(stats.register_mismatches, 0);
        /* The stream may be had by another one, with nothing left in it. */
        assert_int_equal(stream(0)->state, LTI_STREAM_FREE);
        assert_int_equal(stream(0)->chunks[0].committed, 0);
        for (unsigned i = 0; i < writers[0].at; i++) {
            assert_int_equal(writers[0].chunk[i], 0);
        }
        expect_end("");
    }
}

/* ---- The order of streams ---- */

static void test_order(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        char should[16384] = THREE;
        size_t used = sizeof THREE - 1;
        unsigned last = 4 + below(100), commits = below(4);

        begin(round & 1);
        three_processes();
        for (uint32_t n = 0; n < 3; n++) {
            writers[n].held = true;
        }
        for (unsigned stamp = 4; stamp <= last; stamp++) {
            uint32_t n = below(3);

            put_stamp(n, stamp);
            put_map(n, 0x1000ull * stamp, "/lib");
            used +=
                (size_t)snprintf(should + used, sizeof should - used,
                                 "%u.%u map %x /lib\n", 10 + n, 10 + n, 0x1000 * stamp);
            if (commits && below(last) < commits) {
                /* Some are known earlier than others that come before. */
                uint32_t early = below(3);

                for (uint32_t k = 0; k < 3; k++) {
                    stream(k)->stamping = 1;
                }
                commit(early);
                writers[early].held = true;
                assert_int_equal(drain(), LTI_STREAMS_IDLE);
            }
        }
        for (uint32_t n = 0; n < 3; n++) {
            commit(n);
        }
        expect_idle(should);
        finish();
    }
}

/* A stamp is waited for as long as its taker lives, and no longer. */
static void test_blocked(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        begin(pull);
        three_processes();
        expect_idle(THREE);
        stream(0)->stamping = 1;
        put_map(1, 0x1000, "/free"); /* in no order to others */
        put_stamp(1, 5);
        put_map(1, 0x2000, "/five");
        expect_idle("11.11 map 1000 /free\n");
        put_stamp(2, 6);
        put_map(2, 0x3000, "/six");
        expect_idle("");
        put_stamp(0, 4);
        put_map(0, 0x4000, "/four");
        stream(0)->stamping = 0;
        expect_idle("10.10 map 4000 /four\n11.11 map 2000 /five\n12.12 map 3000 /six\n");
        /* A stamp that has been is no way back. */
        stream(0)->stamping = 1;
        put_stamp(1, 2);
        put_map(1, 0x6000, "/late");
        expect_idle("11.11 map 6000 /late\n");
        put_stamp(2, 7);
        put_map(2, 0x7000, "/seven");
        expect_idle("12.12 map 7000 /seven\n");
        stream(0)->stamping = 0;
        /* Killed with stamp 8. */
        stream(1)->stamping = 1;
        put_stamp(2, 9);
        put_map(2, 0x5000, "/nine");
        expect_idle("");
        stream(1)->alive[3] = LTI_OWNER_DIED >> 24;
        expect_idle("11.11 exit 0 9\n12.12 map 5000 /nine\n");
        assert_int_equal(stream(1)->state, LTI_STREAM_FREE);
        assert_int_equal(stream(1)->stamping, 0);
        expect_end("12.12 exit 0 9\n");
    }
}

/* Stamps that no engine would give. */
static void test_odd_stamps(void **state)
{
    static const uint64_t odd[] = {0, 1, 2, 3, 100, UINT64_MAX - 1, UINT64_MAX, 4, 5};

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        unsigned events = 0;

        begin(round & 1);
        three_processes();
        for (unsigned i = 0; i < 12; i++) {
            uint32_t n = below(3);

            put_stamp(n, odd[below(COUNT(odd))]);
            if (below(4)) {
                put_map(n, 0x1000 * i, "/odd");
                events++;
            }
        }
        control()->tree_ended = 1;
        assert_int_equal(drain(), LTI_STREAMS_END);
        for (const char *p = run.log; (p = strstr(p, " /odd")); p++) {
            events--;
        }
        assert_int_equal(events, 0); /* whatever their order, all come */
        finish();
    }
}

/* ---- Processes ---- */

static void test_fork(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        struct lti_modules *modules;
        uint32_t block;

        begin(pull);
        block = make_slab(5, 0x1000);
        put_process(0, 1, 10, 0);
        put_slab(0, 5);
        put_regs(0, LTI_X86_REGS, 33);
        put_block(0, block, 7);
        put_map(0, 0x8000, "/one");
        put_map(0, 0x9000, "/two");
        put_syscall(0, 57);
        writers[0].held = true;
        put_fork(0, 1, 1);
        /* The child is fast. */
        put_process(1, 2, 11, 10);
        put_sysret(1, 57, 0);
        put_block(1, block, 8);
        expect_idle("10.10 process of 0 arch 1 /bin/a\n"
                    "10.10 insn 1000 r3=33\n10.10 reg 0=7\n"
                    "10.10 map 8000 /one\n10.10 map 9000 /two\n"
                    "10.10 call 57 0\n");
        put_sysret(0, 57, 11);
        put_map(0, 0x9000, "/three");
        put_regs(0, LTI_X86_REGS, 44);
        commit(0);
        expect_idle("10.10 ret 57 11\n"
                    "10.10 unmap 9000 /two\n10.10 map 9000 /three\n"
                    "11.11 process of 10 arch 1 /bin/a\n"
                    "11.11 ret 57 0\n"
                    "11.11 insn 1000 r3=33\n11.11 reg 0=8\n");
        modules = lti_decoder_guest(lti_streams_decoder(run.streams))->modules;
        assert_string_equal(lti_modules_find(modules, 0x8000)->path, "/one");
        assert_string_equal(lti_modules_find(modules, 0x9000)->path, "/two");
        put_map(1, 0x9000, "/four");
        expect_idle("11.11 unmap 9000 /two\n11.11 map 9000 /four\n");
        put_block(0, block, 9);
        expect_idle("10.10 insn 1000 r3=44\n10.10 reg 0=9\n");
        /* The slab is both's. */
        put_exit(0, 0);
        live(0, LTI_STREAM_ENDED);
        expect_idle("10.10 exit 0 0\n");
        assert_true(slab_used(5));
        put_block(1, block, 10);
        expect_idle("11.11 insn 1000 r3=33\n11.11 reg 0=10\n");
        put_exit(1, 4);
        live(1, LTI_STREAM_ENDED);
        expect_idle("11.11 exit 4 0\n");
        expect_end(""); /* looks at slabs, too */
    }
}

/* The child has its parent's instruction in hand: the one that made it. */
static void test_fork_insn(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        begin(pull);
        put_process(0, 1, 10, 0);
        put_slab(0, 0);
        put_block(0, make_slab(0, 0x1000), 7);
        put_fork(0, 1, 1);
        put_words(0, LTI_S_FORGET, 0, 0, 0);
        put_process(1, 2, 11, 10);
        put_words(1, LTI_S_FORGET, 0, 0, 0);
        put_write(1, 0x77);
        expect_end("10.10 process of 0 arch 1 /bin/a\n"
                   "10.10 insn 1000 r3=0\n10.10 reg 0=7\n"
                   "11.11 process of 10 arch 1 /bin/a\n"
                   "11.11 write 77 by 1000\n"
                   "11.11 exit 0 9\n");
    }
}

/* A fork that fails after all, and a child that is killed before it does anything. */
static void test_no_child(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        begin(pull);
        put_process(0, 1, 10, 0);
        live(1, LTI_STREAM_TAKEN);
        put_fork(0, 1, 1);
        expect_idle("10.10 process of 0 arch 1 /bin/a\n");
        assert_int_equal(stream(1)->state, LTI_STREAM_TAKEN);
        put_fork(0, 1, 0);
        live(1, LTI_STREAM_GONE);
        expect_idle("");
        assert_int_equal(stream(1)->state, LTI_STREAM_FREE);
        put_fork(0, 1, 1);
        live(1, LTI_STREAM_LIVE);
        stream(1)->alive[3] = LTI_OWNER_DIED >> 24;
        expect_idle("");
        assert_int_equal(stream(1)->state, LTI_STREAM_FREE);
        /* It may be had again. */
        put_fork(0, 1, 1);
        writers[1].at = 0;
        put_process(1, 2, 11, 10);
        expect_idle("11.11 process of 10 arch 1 /bin/a\n");
        expect_end("11.11 exit 0 9\n");
    }
}

static void test_exec(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        uint32_t block, other;
        struct lti_guest *guest;

        begin(pull);
        block = make_slab(1, 0x1000);
        other = make_slab(2, 0x2000);
        put_process(0, 1, 10, 0);
        put_fork(0, 1, 1);
        put_process(1, 2, 11, 10);
        put_slab(1, 1);
        put_regs(1, LTI_X86_REGS, 33);
        put_block(1, block, 7);
        put_map(1, 0x8000, "/one");
        put_words(1, LTI_S_THREAD, 12, 0, 1);
        live(1, LTI_STREAM_EXEC);
        stream(1)->alive[3] = LTI_OWNER_DIED >> 24; /* as the kernel does then */
        expect_idle("10.10 process of 0 arch 1 /bin/a\n"
                    "11.11 process of 10 arch 1 /bin/a\n"
                    "11.11 insn 1000 r3=33\n11.11 reg 0=7\n"
                    "11.11 map 8000 /one\n"
                    "11.12 start of 0\n");
        assert_int_equal(stream(1)->state, LTI_STREAM_EXEC);
        memset(stream(1)->alive, 0, 4);
        live(1, LTI_STREAM_LIVE);
        put_stamp(1, 3);
        put_process_of(1, 11, 11, 0, LT_ARCH_AARCH64, LTI_PROCESS_EXEC, "/bin/b");
        expect_idle("11.11 exec of 10 arch 2 /bin/b\n");
        assert_false(slab_used(1));
        guest = lti_decoder_guest(lti_streams_decoder(run.streams));
        assert_int_equal(guest->arch, LT_ARCH_AARCH64);
        assert_null(lti_modules_find(guest->modules, 0x8000));
        put_slab(1, 2);
        put_block(1, other, 1); /* registers are not known yet */
        put_regs(1, LTI_A64_REGS, 44);
        put_block(1, other, 2);
        expect_idle("11.11 insn 2000 r3=0\n11.11 reg 0=1\n"
                    "11.11 insn 2000 r3=44\n11.11 reg 0=2\n");
        put_exit(1, 0);
        live(1, LTI_STREAM_ENDED);
        expect_idle("11.11 exit 0 0\n");
        /* The first one executes what is not traced. */
        put_map(0, 0x1000, "/last");
        live(0, LTI_STREAM_GONE);
        control()->engine_ended = 1;
        assert_int_equal(drain(), LTI_STREAMS_END);
        expect("10.10 map 1000 /last\n");
        assert_false(slab_used(2));
        assert_true(lti_streams_finish(run.streams, 5, 0));
        expect_end("10.10 exit 5 0\n");
    }
}

/* Killed at any time; what callbacks say of it. */
static void test_killed(void **state)
{
    static const int answers[] = {0, LT_STOP, -77};

    (void)state;
    for (unsigned i = 0; i < COUNT(answers); i++) {
        begin(false);
        three_processes();
        expect_idle(THREE);
        put_map(1, 0x1000, "/last");
        stream(1)->alive[3] = LTI_OWNER_DIED >> 24;
        run.answer_type = LT_EVENT_EXIT;
        run.answer = answers[i];
        assert_int_equal(drain(), i ? answers[i] : LTI_STREAMS_IDLE);
        expect("11.11 map 1000 /last\n11.11 exit 0 9\n");
        assert_int_equal(lti_decoder_events(lti_streams_decoder(run.streams)), run.seq);
        run.answer = 0;
        expect_end("12.12 exit 0 9\n");
    }
    /* One that goes on untraced is no end. */
    BOTH_FORMS
    {
        begin(pull);
        three_processes();
        expect_idle(THREE);
        put_map(1, 0x1000, "/last");
        live(1, LTI_STREAM_GONE);
        expect_idle("11.11 map 1000 /last\n");
        expect_end("12.12 exit 0 9\n");
    }
}

/* A stream is one process's after another's, and more than a ring's worth. */
static void test_reuse(void **state)
{
    uint64_t stamp = 1;

    (void)state;
    begin(false);
    run.quiet = true;
    put_process(0, stamp, 10, 0);
    for (uint32_t pid = 11; pid < 31; pid++) {
        uint32_t number = make_slab(pid, 0x1000), used = 0;
        uint64_t before = lti_streams_events(run.streams);

        put_fork(0, 1, 1);
        writers[1].at = 0;
        put_process(1, ++stamp, pid, 10);
        put_slab(1, pid);
        put_block(1, number, 1);
        for (uint32_t chunk = 0; chunk < LTI_CHUNKS - 1; chunk++) {
            uint8_t *at = writers[1].chunk + chunk * LTI_CHUNK_STRIDE;
            uint64_t size = chunk ? 0 : writers[1].at;

            for (; size < 4096; size += 12, used++) {
                memcpy(at + size, &number, 4);
            }
            stream(1)->chunks[chunk].committed = size;
            stream(1)->chunks[chunk].closed = chunk < LTI_CHUNKS - 2;
            stream(1)->produced = chunk;
        }
        stream(1)->state = LTI_STREAM_ENDED;
        assert_int_equal(drain(), LTI_STREAMS_IDLE);
        put_map(0, 0x1000ull * pid, "/on");
        assert_int_equal(drain(), LTI_STREAMS_IDLE);
        /* The first process's start, or none; the child's; two an instruction; its end,
         * as it told none; the parent's mapping. */
        assert_int_equal(lti_streams_events(run.streams) - before,
                         (pid == 11) + 1 + 2 * (used + 1) + 1 + 1);
        assert_int_equal(stream(1)->state, LTI_STREAM_FREE);
        assert_int_equal(stream(1)->consumed, 0);
        assert_int_equal(stream(1)->produced, 0);
        assert_false(slab_used(pid));
        for (uint32_t chunk = 0; chunk < LTI_CHUNKS; chunk++) {
            assert_int_equal(stream(1)->chunks[chunk].committed, 0);
            assert_int_equal(stream(1)->chunks[chunk].closed, 0);
            assert_int_equal(writers[1].chunk[chunk * LTI_CHUNK_STRIDE], 0);
        }
    }
    expect_end("");
}

/* ---- Signals, slabs, ends ---- */

static void test_signals(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        begin(pull);
        put_process(0, 1, 10, 0);
        put_signal(0, LTI_SIGNAL_DELIVER, 11);
        put_signal(0, LTI_SIGNAL_RETURN, 0);
        expect_end("10.10 process of 0 arch 1 /bin/a\n"
                   "10.10 signal 0 11 -6 123 456 789\n"
                   "10.10 signal 1 0 -6 123 456 789\n");
    }
}

static void test_slabs(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        uint32_t block;

        begin(pull);
        run.quiet = true;
        block = make_slab(LTI_SLABS - 1, 0x1000);
        make_slab(64, 0x2000);
        put_process(0, 1, 10, 0);
        put_slab(0, LTI_SLABS - 1);
        put_slab(0, 64);
        put_block(0, block, 1);
        put_fork(0, 1, 1);
        put_words(0, LTI_S_FORGET, 0, 0, 0);
        put_process(1, 2, 11, 10);
        expect_idle("");
        assert_true(slab_used(LTI_SLABS - 1) && slab_used(64));
        put_words(1, LTI_S_FORGET, 0, 0, 0);
        expect_idle("");
        assert_false(slab_used(LTI_SLABS - 1) || slab_used(64));
        /* Its memory is given back. */
        assert_int_equal(arena[LTI_ARENA_SIZE - LTI_SLAB_SIZE + 4], 0);
        assert_int_equal(arena[LTI_ARENA_SIZE - LTI_SLAB_SIZE + LTI_SLAB_INDEX + 1], 0);
        /* Another block has its number now. */
        run.quiet = false;
        block = make_slab(LTI_SLABS - 1, 0x3000);
        put_slab(1, LTI_SLABS - 1);
        put_block(1, block, 1);
        expect_idle("11.11 insn 3000 r3=0\n11.11 reg 0=1\n");
        /* And it is lost when the child is killed, once others have their turn. */
        stream(1)->alive[3] = LTI_OWNER_DIED >> 24;
        expect_idle("11.11 exit 0 9\n");
        put_map(0, 0x1000, "/on");
        expect_idle("10.10 map 1000 /on\n");
        assert_false(slab_used(LTI_SLABS - 1));
        expect_end("");
    }
}

static void test_ends(void **state)
{
    int32_t status, sig;

    (void)state;
    BOTH_FORMS
    {
        /* Nothing was ever written. */
        begin(pull);
        control()->engine_ended = 1;
        assert_int_equal(drain(), LTI_STREAMS_END);
        assert_false(lti_streams_ended(run.streams, &status, &sig));
        assert_false(lti_streams_finish(run.streams, 0, 15));
        assert_true(lti_streams_ended(run.streams, &status, &sig));
        assert_int_equal(sig, 15);
        expect_end("");

        /* The first one ends, others live on: it is not over. */
        begin(pull);
        three_processes();
        put_stamp(0, 4);
        put_exit(0, 1);
        live(0, LTI_STREAM_ENDED);
        control()->engine_ended = 1;
        expect_idle(THREE "10.10 exit 1 0\n");
        put_map(1, 0x1000, "/on");
        expect_idle("11.11 map 1000 /on\n");
        put_exit(1, 0);
        live(1, LTI_STREAM_ENDED);
        put_exit(2, 0);
        live(2, LTI_STREAM_ENDED);
        assert_int_equal(drain(), LTI_STREAMS_END);
        assert_true(lti_streams_ended(run.streams, &status, &sig));
        assert_int_equal(status, 1);
        assert_int_equal(run.seq, 7);
        run.used = 0;
        run.log[0] = 0;
        expect_end("");

        /* The first one's last word waits for a stamp that is about to come. */
        begin(pull);
        put_process(0, 1, 10, 0);
        put_stamp(0, 3);
        put_exit(0, 1);
        live(0, LTI_STREAM_ENDED);
        live(3, LTI_STREAM_LIVE);
        stream(3)->stamping = 1;
        control()->engine_ended = 1;
        expect_idle("10.10 process of 0 arch 1 /bin/a\n");
        stream(3)->stamping = 0;
        assert_int_equal(drain(), LTI_STREAMS_END);
        expect_end("10.10 exit 1 0\n");

        /* The supervisor tells the end, which is an event with a number of its own. */
        begin(pull);
        three_processes();
        put_exit(1, 0);
        live(1, LTI_STREAM_ENDED);
        put_exit(2, 0);
        live(2, LTI_STREAM_ENDED);
        control()->engine_ended = 1;
        assert_int_equal(drain(), LTI_STREAMS_END);
        assert_int_equal(run.seq, 5);
        assert_true(lti_streams_finish(run.streams, 0, 9));
        run.used = 0;
        run.log[0] = 0;
        expect_end("10.10 exit 0 9\n");

        /* Woken for nothing. */
        begin(pull);
        lti_streams_wake(control());
        assert_int_equal(lti_streams_next(run.streams), LTI_STREAMS_IDLE);
        assert_int_equal(control()->listening, 0);
        atomic_store(&run.stop, true);
        assert_int_equal(lti_streams_next(run.streams), LTI_STREAMS_IDLE);
        expect_end("");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_blocked),  cmocka_unit_test(test_odd_stamps),
        cmocka_unit_test(test_fork),     cmocka_unit_test(test_fork_insn),
        cmocka_unit_test(test_no_child), cmocka_unit_test(test_exec),
        cmocka_unit_test(test_killed),   cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_signals),  cmocka_unit_test(test_slabs),
        cmocka_unit_test(test_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
