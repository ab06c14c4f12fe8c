/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The streams of a session: arenas that are filled by hand as engines of several
 * processes and threads would, in the callback form and in the pull form; and
 * damaged ones, which must never do more than fail.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "decode.h"
#include "stream.h"
#include "streams.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint64_t random_state = 0x853c49e6748fea9b;

static uint32_t below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % n;
}

/* ---- What engines write ---- */

#define WRITERS 6u /* streams that the tests write to */

static uint8_t *arena;

static struct {
    uint8_t *chunk; /* its first one */
    uint64_t at;    /* bytes written, committed or not */
    bool held;      /* records are committed later */
} writers[WRITERS];

static struct lti_control *control(void)
{
    return (struct lti_control *)(void *)arena;
}

static struct lti_stream *stream(uint32_t n)
{
    return &control()->streams[n];
}

static void commit(uint32_t n)
{
    stream(n)->chunks[0].committed = writers[n].at;
    writers[n].held = false;
}

/* Appends a record whose payload is `size` bytes. */
static void put(uint32_t n, unsigned kind, const void *payload, uint32_t size)
{
    uint32_t head = LTI_SPECIAL_HEAD(kind, 4 + size);

    memcpy(writers[n].chunk + writers[n].at, &head, 4);
    if (size) {
        memcpy(writers[n].chunk + writers[n].at + 4, payload, size);
    }
    writers[n].at += 4 + size;
    if (!writers[n].held) {
        commit(n);
    }
}

static void put_words(uint32_t n, unsigned kind, uint32_t a, uint32_t b, uint32_t count)
{
    put(n, kind, (uint32_t[2]){a, b}, 4 * count);
}

static void put_stamp(uint32_t n, uint64_t stamp)
{
    uint32_t words[3] = {0, (uint32_t)stamp, (uint32_t)(stamp >> 32)};

    put(n, LTI_S_STAMP, words, sizeof words);
}

static void live(uint32_t n, uint32_t state)
{
    stream(n)->state = state;
    if (control()->stream_limit <= n) {
        control()->stream_limit = n + 1;
    }
}

/* The record only. */
static void put_process_of(uint32_t n, uint32_t pid, uint32_t tid, uint32_t parent,
                           uint32_t arch, uint32_t op, const char *path)
{
    uint32_t words[16] = {pid, tid, parent, arch, op, (uint32_t)strlen(path)};

    memcpy(words + 6, path, strlen(path));
    put(n, LTI_S_PROCESS, words, 24 + (((uint32_t)strlen(path) + 3) & ~3u));
}

/* A process begins: its stream too. */
static void put_process(uint32_t n, uint64_t stamp, uint32_t pid, uint32_t parent)
{
    live(n, LTI_STREAM_LIVE);
    put_stamp(n, stamp);
    put_process_of(n, pid, pid, parent, LT_ARCH_X86_64, LTI_PROCESS_START, "/bin/a");
}

static void put_map(uint32_t n, uint64_t start, const char *path)
{
    struct {
        uint64_t start, end, offset;
        uint32_t prot, path_size;
        char path[16];
    } map = {start, start + 0x1000, 0, 5, (uint32_t)strlen(path), ""};

    memcpy(map.path, path, strlen(path));
    put(n, LTI_S_MAP, &map, 32 + (((uint32_t)strlen(path) + 3) & ~3u));
}

static void put_regs(uint32_t n, unsigned count, uint64_t r3)
{
    struct {
        uint32_t reason, skip;
        uint64_t regs[LTI_MAX_REGS];
    } record = {.reason = LTI_REGS_START};

    if (count == LTI_X86_REGS) {
        record.regs[LTI_X86_DF] = 1;
    }
    record.regs[3] = r3;
    put(n, LTI_S_REGS, &record, 8 + 8 * count);
}

static void put_syscall(uint32_t n, uint32_t nr)
{
    struct {
        uint64_t pc;
        uint32_t nr, zero;
        uint64_t args[6];
    } record = {0x100, nr, 0, {0}};

    put(n, LTI_S_SYSCALL, &record, sizeof record);
}

static void put_sysret(uint32_t n, uint32_t nr, int64_t ret)
{
    struct {
        uint64_t pc;
        uint32_t nr, zero;
        int64_t ret;
    } record = {0x100, nr, 0, ret};

    put(n, LTI_S_SYSRET, &record, sizeof record);
}

static void put_exit(uint32_t n, uint32_t status)
{
    put_words(n, LTI_S_EXIT, status, 0, 2);
}

static bool slab_used(uint32_t slab)
{
    return control()->slabs[slab / 64] >> slab % 64 & 1;
}

/* A slab with one block: an instruction at `pc` that writes register 0. */
static uint32_t make_slab(uint32_t slab, uint64_t pc)
{
    struct {
        struct lti_desc desc;
        struct lti_desc_insn insn;
        uint32_t pad;
        struct lti_op ops[2];
        uint8_t code[4];
    } d = {
        .desc = {.pc = pc,
                 .record_size = 12,
                 .insn_count = 1,
                 .op_count = 2,
                 .value_count = 1,
                 .code_size = 4},
        .insn = {.slot_offset = 4, .length = 4, .want = LTI_WANT_ALL},
        .ops = {{.op = LTI_SLOT64, .imm = 4}, {.op = LTI_SETREG}},
    };
    uint64_t offset = (uint64_t)slab * LTI_SLAB_SIZE;
    uint32_t at = (uint32_t)((offset + LTI_SLAB_INDEX) / 16);

    d.desc.size = sizeof d;
    memcpy(arena + LTI_DESC_OFFSET + offset + LTI_SLAB_INDEX, &d, sizeof d);
    memcpy(arena + LTI_DESC_OFFSET + offset + 4, &at, 4);
    control()->slabs[slab / 64] |= UINT64_C(1) << slab % 64;
    return slab * LTI_SLAB_BLOCKS + 1;
}

static void put_block(uint32_t n, uint32_t block, uint64_t value)
{
    memcpy(writers[n].chunk + writers[n].at, &block, 4);
    memcpy(writers[n].chunk + writers[n].at + 4, &value, 8);
    writers[n].at += 12;
    if (!writers[n].held) {
        commit(n);
    }
}

static void put_slab(uint32_t n, uint32_t slab)
{
    put_words(n, LTI_S_SLAB, slab, 0, 1);
}

static void put_fork(uint32_t n, uint32_t child, uint32_t made)
{
    put_words(n, LTI_S_FORK, child, made, 2);
}

static void put_signal(uint32_t n, uint32_t op, uint32_t number)
{
    struct {
        uint32_t op, signal;
        int32_t code;
        uint32_t zero;
        uint64_t pc, addr, handler;
    } record = {op, number, -6, 0, 0x123, 0x456, 0x789};

    put(n, LTI_S_SIGNAL, &record, sizeof record);
}

/* A helper's store of four bytes. */
static void put_write(uint32_t n, uint64_t addr)
{
    struct {
        uint64_t addr;
        uint32_t bytes, by;
        char data[4];
    } record = {addr, 4, 0, "abc"};

    put(n, LTI_S_WRITE, &record, 20);
}

/* ---- What comes of it ---- */

static struct {
    struct lti_streams *streams;
    struct lti_callbacks callbacks;
    atomic_bool stop;
    uint64_t seq;
    bool quiet;
    char log[16384];
    size_t used;
    uint32_t answer_type;
    int answer; /* to events of that type */
} run;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list args;

    if (run.quiet) {
        return;
    }
    va_start(args, format);
    run.used +=
        (size_t)vsnprintf(run.log + run.used, sizeof run.log - run.used, format, args);
    va_end(args);
    assert_true(run.used < sizeof run.log);
}

static void say_event(const struct lt_event *event)
{
    uint64_t r3 = 0;

    /* Strictly rising over all streams. */
    assert_true(event->seq == run.seq + 1);
    run.seq = event->seq;
    lti_decoder_reg(lti_streams_decoder(run.streams), 3, &r3, sizeof r3);
    say("%u.%u ", event->pid, event->tid);
    switch (event->type) {
    case LT_EVENT_INSN: {
        const struct lt_insn *e = (const void *)event;
        say("insn %llx r3=%llu\n", (unsigned long long)e->pc, (unsigned long long)r3);
        break;
    }
    case LT_EVENT_REG_WRITE: {
        const struct lt_reg_write *e = (const void *)event;
        say("reg %u=%llu\n", e->reg, (unsigned long long)e->value);
        break;
    }
    case LT_EVENT_MEM_WRITE: {
        const struct lt_mem_access *e = (const void *)event;
        say("write %llx by %llx\n", (unsigned long long)e->addr,
            (unsigned long long)e->pc);
        break;
    }
    case LT_EVENT_SYSCALL: {
        const struct lt_syscall *e = (const void *)event;
        say(e->phase ? "ret %u %lld\n" : "call %u %lld\n", e->nr, (long long)e->ret);
        break;
    }
    case LT_EVENT_MODULE: {
        const struct lt_module *e = (const void *)event;
        say(e->op ? "unmap %llx %s\n" : "map %llx %s\n", (unsigned long long)e->start,
            e->path);
        break;
    }
    case LT_EVENT_EXIT: {
        const struct lt_exit *e = (const void *)event;
        say("exit %d %d\n", e->status, e->signal);
        break;
    }
    case LT_EVENT_SIGNAL: {
        const struct lt_signal *e = (const void *)event;
        say("signal %u %u %d %llx %llx %llx\n", e->op, e->signal, e->code,
            (unsigned long long)e->pc, (unsigned long long)e->addr,
            (unsigned long long)e->handler);
        break;
    }
    case LT_EVENT_THREAD: {
        const struct lt_thread *e = (const void *)event;
        say(e->op == LT_THREAD_START  ? "start of %u\n"
            : e->op == LT_THREAD_EXIT ? "gone %u\n"
                                      : "name %u %s\n",
            e->parent, e->name ? e->name : "-");
        break;
    }
    case LT_EVENT_PROCESS: {
        const struct lt_process *e = (const void *)event;
        say("%s of %u arch %u %s\n", e->op ? "exec" : "process", e->parent, e->arch,
            e->path);
        break;
    }
    default:
        say("kind %u\n", event->type);
        break;
    }
}

static int note(const void *event)
{
    const struct lt_event *e = event;

    say_event(e);
    return e->type == run.answer_type ? run.answer : 0;
}

#define DEFINE_NOTE(name)                                                                \
    static int note_##name(lt_session *s, const struct lt_##name *e, void *user)         \
    {                                                                                    \
        (void)s, (void)user;                                                             \
        return note(e);                                                                  \
    }
DEFINE_NOTE(insn)
DEFINE_NOTE(reg_write)
DEFINE_NOTE(mem_access)
DEFINE_NOTE(syscall)
DEFINE_NOTE(module)
DEFINE_NOTE(exit)
DEFINE_NOTE(signal)
DEFINE_NOTE(thread)
DEFINE_NOTE(process)

static void add_callbacks(void)
{
    struct lti_callbacks *c = &run.callbacks;

    c->list[LT_EVENT_INSN][0].fn.insn = note_insn;
    c->list[LT_EVENT_REG_WRITE][0].fn.reg_write = note_reg_write;
    c->list[LT_EVENT_MEM_WRITE][0].fn.mem = note_mem_access;
    c->list[LT_EVENT_SYSCALL][0].fn.syscall = note_syscall;
    c->list[LT_EVENT_MODULE][0].fn.module = note_module;
    c->list[LT_EVENT_EXIT][0].fn.exit = note_exit;
    c->list[LT_EVENT_SIGNAL][0].fn.signal = note_signal;
    c->list[LT_EVENT_THREAD][0].fn.thread = note_thread;
    c->list[LT_EVENT_PROCESS][0].fn.process = note_process;
    for (uint32_t type = 0; type < LTI_KIND_COUNT; type++) {
        c->count[type] = c->list[type][0].fn.insn != NULL;
    }
}

/* A new arena; in which form events are taken. */
static void prepare(bool pull)
{
    memset(&run, 0, sizeof run);
    memset(writers, 0, sizeof writers);
    arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(arena != MAP_FAILED);
    for (uint32_t n = 0; n < WRITERS; n++) {
        writers[n].chunk = arena + LTI_RING_OFFSET + n * LTI_RING_SIZE;
    }
    control()->record = LTI_RECORD_REGS;
    memset(control()->cc_map, LTI_CC_UNKNOWN, sizeof control()->cc_map);
    control()->cc_map[0] = LTI_CC_EFLAGS;
    if (pull) {
        run.callbacks.pull = true;
        run.callbacks.pull_kinds = LT_KINDS_ALL;
    } else {
        add_callbacks();
    }
}

static void open_streams(void)
{
    const struct lti_streams_config config = {
        .arena = arena,
        .session = NULL,
        .callbacks = &run.callbacks,
        .stop = &run.stop,
        .insns = INT64_MAX,
    };

    assert_int_equal(lti_streams_create(&config, &run.streams), 0);
}

static void begin(bool pull)
{
    prepare(pull);
    open_streams();
}

static void finish(void)
{
    lti_streams_destroy(run.streams);
    for (uint32_t i = 0; i < LTI_SLABS / 64; i++) {
        assert_int_equal(control()->slabs[i], 0);
    }
    munmap(arena, LTI_ARENA_SIZE);
}

/* Takes all that the present decoder has, in the form that was chosen. */
static int decode(void)
{
    struct lti_decoder *decoder = lti_streams_decoder(run.streams);

    if (!run.callbacks.pull) {
        return lti_decoder_run(decoder);
    }
    for (;;) {
        const struct lt_event *event = NULL;
        int result = lti_decoder_step(decoder, &event);

        if (result != 1 || !event) {
            return result;
        }
        say_event(event);
    }
}

/* Takes all there is.  How that ended: an enum lti_streams_state, or what a callback
 * said. */
static int drain(void)
{
    for (unsigned rounds = 0;; rounds++) {
        int state;

        atomic_store(&run.stop, true); /* nothing is waited for */
        state = lti_streams_next(run.streams);
        atomic_store(&run.stop, false);
        if (state != LTI_STREAMS_READY) {
            return state;
        }
        assert_true(rounds < 100000);
        state = decode();
        if (state != 0 && state != LTI_DECODER_BLOCKED) {
            return state;
        }
    }
}

/* What came since the last time. */
static void expect(const char *text)
{
    assert_string_equal(run.log, text);
    run.used = 0;
    run.log[0] = 0;
}

static void expect_idle(const char *text)
{
    assert_int_equal(drain(), LTI_STREAMS_IDLE);
    expect(text);
}

/* Everything has ended. */
static void expect_end(const char *text)
{
    control()->tree_ended = 1;
    assert_int_equal(drain(), LTI_STREAMS_END);
    expect(text);
    assert_int_equal(lti_streams_events(run.streams), run.seq);
    finish();
}

#define BOTH_FORMS for (int pull = 0; pull < 2; pull++)

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

/* Streams 0, 1 and 2 are those of processes 10, 11 and 12. */
static void three_processes(void)
{
    put_process(0, 1, 10, 0);
    put_fork(0, 1, 1);
    put_fork(0, 2, 1);
    put_process(1, 2, 11, 10);
    put_process(2, 3, 12, 10);
}

#define THREE                                                                            \
    "10.10 process of 0 arch 1 /bin/a\n11.11 process of 10 arch 1 /bin/a\n"              \
    "12.12 process of 10 arch 1 /bin/a\n"

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
        put(0, LTI_S_NAME, name, 16);
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
        put(0, LTI_S_NAME, name, 16);
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

static void put_parallel(uint32_t n, uint64_t stamp, uint32_t pid, uint32_t tid)
{
    live(n, LTI_STREAM_LIVE);
    put_stamp(n, stamp);
    put_process_of(n, pid, tid, 0, LT_ARCH_X86_64, LTI_PROCESS_THREAD, "");
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
        [THREAD_OF_NOBODY] = LT_ERR_STREAM,
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
        put(n, LTI_S_NAME, name, 16);
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
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_blocked),
        cmocka_unit_test(test_odd_stamps),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_fork_insn),
        cmocka_unit_test(test_no_child),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_fork_of_thread),
        cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_parallel_killed),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_slabs),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_misplaced),
        cmocka_unit_test(test_foreign_slab),
        cmocka_unit_test(test_before_process),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_damaged_control),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
