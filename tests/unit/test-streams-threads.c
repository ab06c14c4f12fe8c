/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The streams of a session: threads, in one stream and in parallel. */
#include <malloc.h>
#include <string.h>

#include "streams-kit.h"

/* ---- Threads ---- */

static void test_threads(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        char name[16] = "worker";
        uint32_t block;

        begin(pull);
        block = make_slab(0, 0x1000);
        put_process(0, 1, 10, 0);
        put_slab(0, 0);
        put_regs(0, LTI_X86_REGS, 33);
        put_syscall(0, 56);
        put_words(0, LTI_S_CLONE, 11, 0, 1);
        put_words(0, LTI_S_CLONE, 11, 0, 1); /* twice is once */
        put_words(0, LTI_S_THREAD, 11, 0, 1);
        put_regs(0, LTI_X86_REGS, 44);
        put_name(0, 11, name);
        put_block(0, block, 1);
        put_syscall(0, 202);
        put_words(0, LTI_S_THREAD, 10, 0, 1);
        put_sysret(0, 56, 11);
        put_block(0, block, 2);
        put_words(0, LTI_S_THREAD, 11, 0, 1);
        put_sysret(0, 202, -11);
        put_block(0, block, 3);
        put_words(0, LTI_S_CLONE, 12, 0, 1);
        put_words(0, LTI_S_THREAD_EXIT, 0, 0, 0);
        put_words(0, LTI_S_THREAD, 12, 0, 1);
        memset(name, 'n', sizeof name); /* not ended by a NUL */
        put_name(0, 12, name);
        put_words(0, LTI_S_CLONE, 13, 0, 1);
        put_name(0, 13, "before it begins");
        put_block(0, block, 4);               /* its registers are not known */
        put_words(0, LTI_S_THREAD, 11, 0, 1); /* the number of one that is gone */
        put_block(0, block, 5);
        put_words(0, LTI_S_THREAD, 10, 0, 1);
        put_block(0, block, 6);
        put_exit(0, 0);
        expect_end("10.10 process of 0 arch 1 /bin/a\n"
                   "10.10 call 56 0\n"
                   "10.11 start of 10\n"
                   "10.11 name 0 worker\n"
                   "10.11 insn 1000 r3=44\n10.11 reg 0=1\n"
                   "10.11 call 202 0\n"
                   "10.10 ret 56 11\n"
                   "10.10 insn 1000 r3=33\n10.10 reg 0=2\n"
                   "10.11 ret 202 -11\n"
                   "10.11 insn 1000 r3=44\n10.11 reg 0=3\n"
                   "10.11 gone 0\n"
                   "10.12 start of 11\n"
                   "10.12 name 0 nnnnnnnnnnnnnnnn\n"
                   "10.13 start of 12\n10.13 name 0 before it begins\n"
                   "10.12 insn 1000 r3=0\n10.12 reg 0=4\n"
                   "10.11 start of 0\n"
                   "10.11 insn 1000 r3=0\n10.11 reg 0=5\n"
                   "10.10 insn 1000 r3=33\n10.10 reg 0=6\n"
                   "10.10 exit 0 0\n");
    }
}

/* Nothing is kept of threads that are gone. */
static void test_many_threads(void **state)
{
    size_t before;

    (void)state;
    begin(false);
    run.quiet = true;
    put_process(0, 1, 10, 0);
    assert_int_equal(drain(), LTI_STREAMS_IDLE);
    before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (uint32_t tid = 11; tid < 2011; tid++) {
        put_words(0, LTI_S_CLONE, tid, 0, 1);
        put_words(0, LTI_S_THREAD, tid, 0, 1);
        put_words(0, LTI_S_THREAD_EXIT, 0, 0, 0);
        put_words(0, LTI_S_THREAD, 10, 0, 1);
    }
    assert_int_equal(drain(), LTI_STREAMS_IDLE);
    assert_int_equal(run.seq, 4001);
    assert_true(mallinfo2().uordblks + mallinfo2().hblkhd < before + (1 << 20));
    expect_end("");
}

/* A fork by a thread that is not the first: the child has that one only. */
static void test_fork_of_thread(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        uint32_t block;

        begin(pull);
        block = make_slab(0, 0x1000);
        put_process(0, 1, 10, 0);
        put_slab(0, 0);
        put_regs(0, LTI_X86_REGS, 33);
        put_words(0, LTI_S_CLONE, 11, 0, 1);
        put_words(0, LTI_S_THREAD, 11, 0, 1);
        put_regs(0, LTI_X86_REGS, 44);
        put_syscall(0, 57);
        put_fork(0, 1, 1);
        put_process(1, 2, 20, 10);
        put_sysret(1, 57, 0);
        put_block(1, block, 1);
        put_words(1, LTI_S_THREAD, 10, 0, 1); /* nobody that it knows */
        expect_end("10.10 process of 0 arch 1 /bin/a\n"
                   "10.11 start of 10\n"
                   "10.11 call 57 0\n"
                   "20.20 process of 10 arch 1 /bin/a\n"
                   "20.20 ret 57 0\n"
                   "20.20 insn 1000 r3=44\n20.20 reg 0=1\n"
                   "20.10 start of 0\n"
                   "20.10 exit 0 9\n");
    }
}

static void test_parallel(void **state)
{
    int32_t status, sig;

    (void)state;
    BOTH_FORMS
    {
        uint32_t block, second;

        prepare(pull);
        control()->threads = LTI_THREADS_PARALLEL;
        open_streams();
        block = make_slab(0, 0x1000);
        second = make_slab(1, 0x2000);
        put_process(0, 1, 10, 0);
        put_slab(0, 0);
        put_parallel(1, 2, 10, 11);
        put_regs(1, LTI_X86_REGS, 44);
        put_block(1, block, 1);
        put_block(1, second, 2); /* whose slab nobody has told of */
        put_stamp(0, 3);
        put_map(0, 0x8000, "/one");
        expect_idle("10.10 process of 0 arch 1 /bin/a\n"
                    "10.11 start of 0\n"
                    "10.11 insn 1000 r3=44\n10.11 reg 0=1\n"
                    "10.11 insn 2000 r3=44\n10.11 reg 0=2\n"
                    "10.10 map 8000 /one\n");
        /* Its modules are the process's. */
        put_stamp(1, 4);
        put_map(1, 0x8000, "/two");
        expect_idle("10.11 unmap 8000 /one\n10.11 map 8000 /two\n");
        /* What one forgets, is forgotten, but for what the other has in hand. */
        put_words(0, LTI_S_FORGET, 0, 0, 0);
        expect_idle("");
        assert_false(slab_used(0));
        assert_false(slab_used(1));
        put_write(1, 0x77);
        expect_idle("10.11 write 77 by 2000\n");
        put_words(1, LTI_S_THREAD_EXIT, 0, 0, 0);
        live(1, LTI_STREAM_ENDED);
        expect_idle("10.11 gone 0\n");
        assert_int_equal(stream(1)->state, LTI_STREAM_FREE);
        /* Another one executes a program: the process goes on in its stream. */
        writers[1].at = 0;
        put_parallel(1, 5, 10, 12);
        put_stamp(1, 6);
        put_process_of(1, 10, 10, 0, LT_ARCH_X86_64, LTI_PROCESS_EXEC, "/bin/b");
        live(0, LTI_STREAM_ENDED);
        expect_idle("10.12 start of 0\n10.10 exec of 0 arch 1 /bin/b\n");
        assert_int_equal(stream(0)->state, LTI_STREAM_FREE);
        assert_false(lti_streams_ended(run.streams, &status, &sig));
        writers[0].at = 0;
        put_parallel(0, 7, 10, 13);
        expect_idle("10.13 start of 0\n");
        put_exit(0, 6);
        live(0, LTI_STREAM_ENDED);
        live(1, LTI_STREAM_ENDED);
        control()->engine_ended = 1;
        assert_int_equal(drain(), LTI_STREAMS_END);
        expect("10.13 exit 6 0\n");
        assert_true(lti_streams_ended(run.streams, &status, &sig));
        assert_int_equal(status, 6);
        expect_end("");
    }
}

/* The process's end comes behind what its threads did, but for one that begins later. */
static void test_parallel_end(void **state)
{
    int32_t status, sig;

    (void)state;
    BOTH_FORMS
    {
        prepare(pull);
        control()->threads = LTI_THREADS_PARALLEL;
        open_streams();
        put_process(0, 1, 10, 0);
        put_parallel(1, 2, 10, 11);
        expect_idle("10.10 process of 0 arch 1 /bin/a\n10.11 start of 0\n");
        put_exit(1, 6);
        live(1, LTI_STREAM_ENDED);
        expect_idle("");
        assert_int_equal(stream(1)->state, LTI_STREAM_FREE);
        assert_false(lti_streams_ended(run.streams, &status, &sig));
        put_map(0, 0x8000, "/one");
        live(0, LTI_STREAM_ENDED);
        expect_idle("10.10 map 8000 /one\n10.11 exit 6 0\n");
        assert_true(lti_streams_ended(run.streams, &status, &sig));
        assert_int_equal(status, 6);
        put_parallel(2, 3, 10, 12);
        put_map(2, 0x9000, "/two");
        expect_idle("");
        live(2, LTI_STREAM_ENDED);
        expect_idle("");
        assert_int_equal(stream(2)->state, LTI_STREAM_FREE);
        expect_end("");
    }
}

/* Parallel threads of a process that is killed: it ends once. */
static void test_parallel_killed(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        prepare(pull);
        control()->threads = LTI_THREADS_PARALLEL;
        open_streams();
        put_process(0, 1, 10, 0);
        put_fork(0, 1, 1);
        put_process(1, 2, 20, 10);
        put_parallel(2, 3, 20, 21);
        put_parallel(3, 4, 20, 22);
        expect_idle("10.10 process of 0 arch 1 /bin/a\n"
                    "20.20 process of 10 arch 1 /bin/a\n"
                    "20.21 start of 0\n20.22 start of 0\n");
        for (uint32_t n = 1; n < 4; n++) {
            stream(n)->alive[3] = LTI_OWNER_DIED >> 24;
        }
        assert_int_equal(drain(), LTI_STREAMS_IDLE);
        assert_non_null(strstr(run.log, "exit 0 9\n"));
        assert_null(strchr(strchr(run.log, '\n') + 1, '\n'));
        for (uint32_t n = 1; n < 4; n++) {
            assert_int_equal(stream(n)->state, LTI_STREAM_FREE);
        }
        run.used = 0;
        run.log[0] = 0;
        expect_end("");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_fork_of_thread), cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_parallel_end),   cmocka_unit_test(test_parallel_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
