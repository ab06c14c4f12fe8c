/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The streams of a session: damaged ones, which must never do more than fail. */
#include <string.h>

#include "streams-kit.h"

/* ---- Hostile streams ---- */

/* Whatever comes of it, it comes to an end. */
static int drain_all(void)
{
    int result;

    control()->tree_ended = 1;
    run.quiet = true;
    result = drain();
    if (result != LTI_STREAMS_END && result != LT_ERR_STREAM &&
        result != LT_ERR_NO_MEMORY) {
        fail_msg("a damaged stream gave %d", result);
    }
    if (result == LT_ERR_STREAM) {
        assert_true(*lti_streams_problem(run.streams));
    }
    return result;
}

/* What slabs the engines say they use is theirs to say. */
static void abandon(void)
{
    memset(control()->slabs, 0, sizeof control()->slabs);
    finish();
}

/* Forks that make no sense; what stands where it may not. */
static void test_misplaced(void **state)
{
    enum way {
        OWN,
        USED,
        TWICE,
        OUT_OF_RANGE,
        NO_STREAM,
        NO_PROCESS,
        THREAD_OF_NOBODY,
        THREAD_AGAIN,
        GONE_TWICE,
        PROCESS_TWICE,
        ARCH,
        OP,
        SLAB,
        LONG_STAMP,
        WAYS
    };
    static const int should[WAYS] = {
        [OWN] = LT_ERR_STREAM,
        [USED] = LT_ERR_STREAM,
        [TWICE] = LT_ERR_STREAM,
        [OUT_OF_RANGE] = LT_ERR_STREAM,
        [NO_STREAM] = LTI_STREAMS_END,
        [NO_PROCESS] = LT_ERR_STREAM,
        [THREAD_OF_NOBODY] = LTI_STREAMS_END,
        [THREAD_AGAIN] = LT_ERR_STREAM,
        [GONE_TWICE] = LT_ERR_STREAM,
        [PROCESS_TWICE] = LTI_STREAMS_END,
        [ARCH] = LT_ERR_STREAM,
        [OP] = LT_ERR_STREAM,
        [SLAB] = LT_ERR_STREAM,
        [LONG_STAMP] = LT_ERR_STREAM,
    };

    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        BOTH_FORMS
        {
            int result;

            begin(pull);
            three_processes();
            assert_int_equal(drain(), LTI_STREAMS_IDLE);
            switch (way) {
            case OWN:
                put_fork(0, 0, 1);
                break;
            case USED:
                put_fork(0, 2, 1);
                break;
            case TWICE:
                put_fork(0, 4, 1);
                put_fork(0, 4, 1);
                break;
            case OUT_OF_RANGE:
                put_fork(0, LTI_MAX_STREAMS, 1);
                break;
            case NO_STREAM:
                put_fork(0, LTI_MAX_STREAMS - 1, 1);
                put_fork(0, 77, 0);
                break;
            case NO_PROCESS:
                live(3, LTI_STREAM_LIVE);
                put_fork(0, 3, 1);
                put_stamp(3, 4);
                put_process_of(3, 3, 3, 0, 0, 0, "");
                break;
            case THREAD_OF_NOBODY:
                control()->threads = LTI_THREADS_PARALLEL;
                put_parallel(3, 4, 99, 98);
                break;
            case THREAD_AGAIN:
                put_parallel(1, 4, 10, 10);
                break;
            case GONE_TWICE:
                put_words(0, LTI_S_THREAD_EXIT, 0, 0, 0);
                put_words(0, LTI_S_THREAD_EXIT, 0, 0, 0);
                break;
            case PROCESS_TWICE:
                put_process(0, 4, 10, 0);
                put_process(0, 5, 0, UINT32_MAX);
                break;
            case ARCH:
                put_process_of(0, 1, 1, 1, 3, LTI_PROCESS_EXEC, "/x");
                break;
            case OP:
                put_process_of(0, 1, 1, 1, 1, LTI_PROCESS_THREAD + 1, "/x");
                break;
            case SLAB:
                put_slab(0, LTI_SLABS);
                break;
            default:
                put(0, LTI_S_STAMP, (uint32_t[4]){0, 99, 0, 0}, 16);
                break;
            }
            /* Once with all alive, and once more when all are dead. */
            result = drain();
            if ((result == LTI_STREAMS_IDLE ? drain_all() : result) != should[way]) {
                fail_msg("way %u", way);
            }
            abandon();
        }
    }
}

/* A process runs what is in another's slab, and goes on when that one has ended. */
static void test_foreign_slab(void **state)
{
    (void)state;
    BOTH_FORMS
    {
        uint32_t block;

        begin(pull);
        block = make_slab(7, 0x1000);
        three_processes();
        put_slab(1, 7);
        put_block(1, block, 1);
        assert_int_equal(drain(), LTI_STREAMS_IDLE);
        put_block(2, block, 2);
        run.used = 0;
        run.log[0] = 0;
        expect_idle("12.12 insn 1000 r3=0\n12.12 reg 0=2\n");
        stream(1)->alive[3] = LTI_OWNER_DIED >> 24;
        expect_idle("11.11 exit 0 9\n");
        put_map(0, 0x1000, "/on");
        expect_idle("10.10 map 1000 /on\n");
        assert_false(slab_used(7));
        put_write(2, 0x77);
        expect_idle("12.12 write 77 by 1000\n");
        put_block(2, block, 3);
        assert_int_equal(drain(), LT_ERR_STREAM);
        abandon();

        /* One that ends without a further word. */
        run.log[0] = 0;
        begin(pull);
        block = make_slab(7, 0x1000);
        three_processes();
        put_slab(1, 7);
        put_block(1, block, 1);
        put_exit(1, 0);
        assert_int_equal(drain(), LTI_STREAMS_IDLE);
        run.used = 0;
        put_block(2, block, 2);
        expect_idle("12.12 insn 1000 r3=0\n12.12 reg 0=2\n");
        live(1, LTI_STREAM_ENDED);
        expect_idle("");
        assert_false(slab_used(7));
        put_write(2, 0x77);
        expect_idle("12.12 write 77 by 1000\n");
        expect_end("12.12 exit 0 9\n");
    }
}

/* Records before the one that says whose the stream is. */
static void test_before_process(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 24; kind++) {
        uint8_t zeros[128] = {0};

        begin(kind & 1);
        live(0, LTI_STREAM_LIVE);
        put(0, kind, zeros, kind == LTI_S_STAMP ? 12 : 64);
        assert_int_equal(drain_all(),
                         kind == LTI_S_STAMP ? LTI_STREAMS_END : LT_ERR_STREAM);
        abandon();
    }
    begin(false);
    live(0, LTI_STREAM_LIVE);
    put_block(0, make_slab(0, 0x1000), 1);
    assert_int_equal(drain_all(), LT_ERR_STREAM);
    abandon();
}

/* Each new kind of record in each size up to a right one, with words of all kinds. */
static void test_sizes(void **state)
{
    static const uint32_t words[] = {
        0, 1, 2, 3, 10, 11, 1023, 1024, 4095, 4096, 0x7fffffff, 0x80000000, UINT32_MAX};

    (void)state;
    for (unsigned kind = LTI_S_PROCESS; kind <= LTI_S_SIGNAL; kind++) {
        for (uint32_t count = 0; count <= 12; count++) {
            for (unsigned i = 0; i < COUNT(words); i++) {
                uint32_t payload[12];

                begin(i & 1);
                three_processes();
                for (unsigned k = 0; k < 12; k++) {
                    payload[k] = below(3) ? words[i] : words[below(COUNT(words))];
                }
                put(below(3), kind, payload, 4 * count);
                drain_all();
                abandon();
            }
        }
    }
}

/* A bit of everything, in four streams. */
static void put_everything(void)
{
    char name[16] = "name";

    three_processes();
    for (uint32_t n = 0; n < 3; n++) {
        uint32_t one = make_slab(2 * n, 0x1000), two = make_slab(2 * n + 1, 0x2000);

        put_slab(n, 2 * n);
        put_regs(n, LTI_X86_REGS, 5);
        put_map(n, 0x1000, "/lib/x");
        put_block(n, one, 1);
        put_syscall(n, 57);
        put_words(n, LTI_S_CLONE, 50 + n, 0, 1);
        put_words(n, LTI_S_THREAD, 50 + n, 0, 1);
        put_name(n, 50 + n, name);
        put_block(n, one, 2);
        put_signal(n, 0, 11);
        put_stamp(n, 4 + n);
        put_slab(n, 2 * n + 1);
        put_block(n, two, 3);
        put_words(n, LTI_S_THREAD_EXIT, 0, 0, 0);
        put_words(n, LTI_S_THREAD, 10 + n, 0, 1);
        put_sysret(n, 57, 3);
        put_words(n, LTI_S_FORGET, 0, 0, 0);
    }
    put_fork(2, 3, 1);
    put_process(3, 7, 20, 12);
    put_stamp(3, 8);
    put_process_of(3, 20, 20, 0, LT_ARCH_AARCH64, LTI_PROCESS_EXEC, "/bin/c");
    put_regs(3, LTI_A64_REGS, 6);
    for (uint32_t n = 4; n > 0; n--) {
        put_exit(n - 1, 0);
    }
}

static void test_damaged(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10000; round++) {
        static const uint32_t words[] = {
            0, 1, 2, 3, 10, 50, 4096, LTI_MAX_STREAMS, UINT32_MAX};

        prepare(round & 1);
        if (below(3) == 0) {
            control()->threads = LTI_THREADS_PARALLEL;
        }
        open_streams();
        put_everything();
        if (round < 6) {
            if (drain_all() != LTI_STREAMS_END) {
                fail_msg("%s", lti_streams_problem(run.streams));
            }
            abandon();
            continue;
        }
        for (unsigned times = 1 + below(4); times; times--) {
            uint32_t n = below(4), word = words[below(COUNT(words))];
            uint32_t at = below((uint32_t)writers[n].at / 4) * 4;

            switch (below(6)) {
            case 0:
                writers[n].chunk[at + below(4)] ^= (uint8_t)(1 << below(8));
                break;
            case 1:
                memcpy(writers[n].chunk + at, &word, 4);
                break;
            case 2: { /* another kind of record */
                uint32_t head;

                memcpy(&head, writers[n].chunk + at, 4);
                if (head & LTI_SPECIAL) {
                    head = LTI_SPECIAL_HEAD(below(20), LTI_SPECIAL_SIZE(head));
                    memcpy(writers[n].chunk + at, &head, 4);
                }
                break;
            }
            case 3:
                stream(n)->chunks[0].committed = at;
                break;
            case 4:
                stream(n)->state = below(7);
                stream(n)->stamping = below(2);
                stream(n)->alive[3] = (uint8_t)(below(2) << 6);
                break;
            default: /* records of another stream */
                memcpy(writers[n].chunk + at, writers[below(4)].chunk + at, 40);
                break;
            }
        }
        drain_all();
        abandon();
    }
}

/* The rest of what is shared may say anything. */
static void test_damaged_control(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        begin(round & 1);
        put_everything();
        control()->stream_limit = below(2) ? UINT32_MAX : below(8);
        for (unsigned times = 1 + below(6); times; times--) {
            struct lti_stream *s = stream(below(5));
            uint8_t *bytes = (uint8_t *)s;

            if (below(2)) {
                bytes[below(sizeof *s)] = (uint8_t)below(256);
            } else {
                s->chunks[below(LTI_CHUNKS)].closed = 1;
                s->chunks[below(LTI_CHUNKS)].committed =
                    below(2) ? UINT64_MAX : below(99);
            }
        }
        drain_all();
        abandon();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misplaced),      cmocka_unit_test(test_foreign_slab),
        cmocka_unit_test(test_before_process), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_damaged_control),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
