/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See streams-kit.h. */
#include "streams-kit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static uint64_t random_state = 0x853c49e6748fea9b;

uint32_t below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % n;
}

/* ---- What engines write ---- */

uint8_t *arena;
struct writer writers[WRITERS];

struct lti_control *control(void)
{
    return (struct lti_control *)(void *)arena;
}

struct lti_stream *stream(uint32_t n)
{
    return &control()->streams[n];
}

void commit(uint32_t n)
{
    stream(n)->chunks[0].committed = writers[n].at;
    writers[n].held = false;
}

void put(uint32_t n, unsigned kind, const void *payload, uint32_t size)
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

void put_words(uint32_t n, unsigned kind, uint32_t a, uint32_t b, uint32_t count)
{
    put(n, kind, (uint32_t[2]){a, b}, 4 * count);
}

void put_stamp(uint32_t n, uint64_t stamp)
{
    uint32_t words[3] = {0, (uint32_t)stamp, (uint32_t)(stamp >> 32)};

    put(n, LTI_S_STAMP, words, sizeof words);
}

void live(uint32_t n, uint32_t state)
{
    stream(n)->state = state;
    if (control()->stream_limit <= n) {
        control()->stream_limit = n + 1;
    }
}

void put_process_of(uint32_t n, uint32_t pid, uint32_t tid, uint32_t parent,
                    uint32_t arch, uint32_t op, const char *path)
{
    uint32_t words[16] = {pid, tid, parent, arch, op, (uint32_t)strlen(path)};

    memcpy(words + 6, path, strlen(path));
    put(n, LTI_S_PROCESS, words, 24 + (((uint32_t)strlen(path) + 3) & ~3u));
}

void put_process(uint32_t n, uint64_t stamp, uint32_t pid, uint32_t parent)
{
    live(n, LTI_STREAM_LIVE);
    put_stamp(n, stamp);
    put_process_of(n, pid, pid, parent, LT_ARCH_X86_64, LTI_PROCESS_START, "/bin/a");
}

void put_map(uint32_t n, uint64_t start, const char *path)
{
    struct {
        uint64_t start, end, offset;
        uint32_t prot, path_size;
        char path[16];
    } map = {start, start + 0x1000, 0, 5, (uint32_t)strlen(path), ""};

    memcpy(map.path, path, strlen(path));
    put(n, LTI_S_MAP, &map, 32 + (((uint32_t)strlen(path) + 3) & ~3u));
}

void put_regs(uint32_t n, unsigned count, uint64_t r3)
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

void put_syscall(uint32_t n, uint32_t nr)
{
    struct {
        uint64_t pc;
        uint32_t nr, zero;
        uint64_t args[6];
    } record = {0x100, nr, 0, {0}};

    put(n, LTI_S_SYSCALL, &record, sizeof record);
}

void put_sysret(uint32_t n, uint32_t nr, int64_t ret)
{
    struct {
        uint64_t pc;
        uint32_t nr, zero;
        int64_t ret;
    } record = {0x100, nr, 0, ret};

    put(n, LTI_S_SYSRET, &record, sizeof record);
}

void put_name(uint32_t n, uint32_t tid, const char *name)
{
    char record[20];

    memcpy(record, name, 16);
    memcpy(record + 16, &tid, 4);
    put(n, LTI_S_NAME, record, sizeof record);
}

void put_exit(uint32_t n, uint32_t status)
{
    put_words(n, LTI_S_EXIT, status, 0, 2);
}

bool slab_used(uint32_t slab)
{
    return control()->slabs[slab / 64] >> slab % 64 & 1;
}

uint32_t make_slab(uint32_t slab, uint64_t pc)
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

void put_block(uint32_t n, uint32_t block, uint64_t value)
{
    memcpy(writers[n].chunk + writers[n].at, &block, 4);
    memcpy(writers[n].chunk + writers[n].at + 4, &value, 8);
    writers[n].at += 12;
    if (!writers[n].held) {
        commit(n);
    }
}

void put_slab(uint32_t n, uint32_t slab)
{
    put_words(n, LTI_S_SLAB, slab, 0, 1);
}

void put_fork(uint32_t n, uint32_t child, uint32_t made)
{
    put_words(n, LTI_S_FORK, child, made, 2);
}

void put_signal(uint32_t n, uint32_t op, uint32_t number)
{
    struct {
        uint32_t op, signal;
        int32_t code;
        uint32_t zero;
        uint64_t pc, addr, handler;
    } record = {op, number, -6, 0, 0x123, 0x456, 0x789};

    put(n, LTI_S_SIGNAL, &record, sizeof record);
}

void put_write(uint32_t n, uint64_t addr)
{
    struct {
        uint64_t addr;
        uint32_t bytes, by;
        char data[4];
    } record = {addr, 4, 0, "abc"};

    put(n, LTI_S_WRITE, &record, 20);
}

/* ---- What comes of it ---- */

struct run run;

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

void prepare(bool pull)
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

void open_streams(void)
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

void begin(bool pull)
{
    prepare(pull);
    open_streams();
}

void finish(void)
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

int drain(void)
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

void expect(const char *text)
{
    assert_string_equal(run.log, text);
    run.used = 0;
    run.log[0] = 0;
}

void expect_idle(const char *text)
{
    assert_int_equal(drain(), LTI_STREAMS_IDLE);
    expect(text);
}

void expect_end(const char *text)
{
    control()->tree_ended = 1;
    assert_int_equal(drain(), LTI_STREAMS_END);
    expect(text);
    assert_int_equal(lti_streams_events(run.streams), run.seq);
    finish();
}

void three_processes(void)
{
    put_process(0, 1, 10, 0);
    put_fork(0, 1, 1);
    put_fork(0, 2, 1);
    put_process(1, 2, 11, 10);
    put_process(2, 3, 12, 10);
}

void put_parallel(uint32_t n, uint64_t stamp, uint32_t pid, uint32_t tid)
{
    live(n, LTI_STREAM_LIVE);
    put_stamp(n, stamp);
    put_process_of(n, pid, tid, 0, LT_ARCH_X86_64, LTI_PROCESS_THREAD, "");
}
