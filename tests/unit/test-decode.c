/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder: blocks and records made by hand, against a plain interpreter of
 * the same operations, in the callback form and in the pull form; and damaged
 * ones, which must never do more than fail.
 */
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

#include "block.h"
#include "decode.h"
#include "flags.h"
#include "registers.h"
#include "stream.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PULL 32u /* who: lt_session_next() */

static uint64_t random_state = 0x853c49e6748fea9b;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)((random64() >> 16) % n);
}

static uint64_t operand(void)
{
    static const uint64_t edges[] = {
        0,          1,          2,          31,         32,         33,
        63,         64,         0x7f,       0x80,       0xff,       0x7fff,
        0x8000,     0xffff,     0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32,
        1ull << 63, INT64_MAX,  UINT64_MAX, 0xffffffff80000000,
    };

    return below(3) ? edges[below(COUNT(edges))] : random64();
}

/* ---- Descriptors and records ---- */

static uint8_t *arena;
static uint64_t desc_used;

static int make_arena(void **state)
{
    (void)state;
    arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return arena == MAP_FAILED ? -1 : 0;
}

static int free_arena(void **state)
{
    (void)state;
    return munmap(arena, LTI_ARENA_SIZE);
}

static struct lti_control *control(void)
{
    return (struct lti_control *)(void *)arena;
}

#define MAX_INSNS 8u
#define MAX_OPS 256u

/* A block as it is before it is written down. */
struct plan {
    struct lti_desc desc;
    struct lti_desc_insn insns[MAX_INSNS];
    struct lti_op ops[MAX_OPS];
    uint8_t code[MAX_INSNS * 4];
    uint64_t offset; /* where its descriptor stands */
};

static void new_plan(struct plan *p, uint64_t pc)
{
    memset(p, 0, sizeof *p);
    p->desc.pc = pc;
    p->desc.record_size = 4;
}

static void add_insn(struct plan *p, uint8_t flags)
{
    uint32_t i = p->desc.insn_count++;

    assert_true(i < MAX_INSNS);
    p->insns[i] = (struct lti_desc_insn){
        .pc_offset = 4 * i,
        .code_offset = 4 * i,
        .slot_offset = p->desc.record_size,
        .first_op = p->desc.op_count,
        .length = 4,
        .flags = flags,
        .want = LTI_WANT_ALL,
    };
    memset(p->code + 4 * i, (int)(0x90 + i), 4);
    p->desc.code_size += 4;
}

static struct lti_op *add_op(struct plan *p, unsigned op, unsigned d, unsigned a,
                             unsigned b, uint64_t imm)
{
    struct lti_op *o = &p->ops[p->desc.op_count++];

    assert_true(p->desc.op_count <= MAX_OPS);
    *o = (struct lti_op){.op = (uint8_t)op,
                         .d = (uint16_t)d,
                         .a = (uint16_t)a,
                         .b = (uint16_t)b,
                         .imm = imm};
    return o;
}

static unsigned new_value(struct plan *p)
{
    return p->desc.value_count++;
}

static unsigned add_slot(struct plan *p, bool wide)
{
    unsigned v = new_value(p);

    add_op(p, wide ? LTI_SLOT64 : LTI_SLOT32, v, 0, 0, p->desc.record_size);
    p->desc.record_size += wide ? 8 : 4;
    return v;
}

static unsigned add_const(struct plan *p, uint64_t imm)
{
    unsigned v = new_value(p);

    add_op(p, LTI_CONST, v, 0, 0, imm);
    return v;
}

static unsigned add_two(struct plan *p, unsigned op, unsigned a, unsigned b)
{
    unsigned v = new_value(p);

    add_op(p, op, v, a, b, 0);
    return v;
}

static void add_setreg(struct plan *p, unsigned reg, unsigned v, bool hidden)
{
    add_op(p, LTI_SETREG, reg, v, 0, 0)->flags = hidden ? LTI_OP_HIDDEN : 0;
}

static void write_block(struct plan *p, uint32_t number)
{
    uint8_t *at = arena + LTI_DESC_OFFSET + desc_used;
    size_t ops_at = (sizeof p->desc + p->desc.insn_count * sizeof *p->insns + 7) & ~7ull;
    size_t code_at = ops_at + p->desc.op_count * sizeof *p->ops;

    p->offset = desc_used;
    p->desc.size = (uint32_t)(code_at + p->desc.code_size);
    memcpy(at, &p->desc, sizeof p->desc);
    memcpy(at + sizeof p->desc, p->insns, p->desc.insn_count * sizeof *p->insns);
    memcpy(at + ops_at, p->ops, p->desc.op_count * sizeof *p->ops);
    memcpy(at + code_at, p->code, p->desc.code_size);
    memcpy(arena + LTI_INDEX_OFFSET + 8ull * number, &desc_used, 8);
    desc_used += (p->desc.size + 15) & ~15ull;
}

struct stream {
    size_t size;
    uint8_t bytes[64 << 10];
};

static struct stream stream;

static void put(const void *bytes, size_t size)
{
    assert_true(stream.size + size <= sizeof stream.bytes);
    memcpy(stream.bytes + stream.size, bytes, size);
    stream.size += size;
}

static void put32(uint32_t v)
{
    put(&v, 4);
}

static void put64(uint64_t v)
{
    put(&v, 8);
}

static void put_head(unsigned kind, size_t size)
{
    put32(LTI_SPECIAL_HEAD(kind, (uint32_t)size));
}

static void put_padded(const char *text, size_t size)
{
    put(text, size);
    put("\0\0\0", (4 - size % 4) % 4);
}

static void put_regs(uint32_t reason, uint32_t skip, const uint64_t *regs, unsigned count)
{
    put_head(LTI_S_REGS, 12 + 8 * count);
    put32(reason);
    put32(skip);
    put(regs, 8 * count);
}

static void put_map(unsigned kind, uint64_t start, uint64_t end, uint64_t offset,
                    const char *path)
{
    if (kind == LTI_S_UNMAP) {
        put_head(kind, 20);
        put64(start);
        put64(end);
        return;
    }
    put_head(kind, 36 + ((strlen(path) + 3) & ~3u));
    put64(start);
    put64(end);
    put64(offset);
    put32(LT_PROT_READ | LT_PROT_EXEC);
    put32((uint32_t)strlen(path));
    put_padded(path, strlen(path));
}

static void put_access(unsigned kind, uint64_t addr, const void *bytes, uint32_t length)
{
    put_head(kind, 20 + ((length + 3) & ~3u));
    put64(addr);
    put32(length);
    put32(0);
    put_padded(bytes, length);
}

static void put_syscall(uint64_t pc, uint32_t nr, const uint64_t args[6],
                        const char *text)
{
    put_head(LTI_S_SYSCALL, 68 + (text ? 8 + ((strlen(text) + 3) & ~3u) : 0));
    put64(pc);
    put32(nr);
    put32(0);
    put(args, 48);
    if (text) {
        put32(1);
        put32((uint32_t)strlen(text));
        put_padded(text, strlen(text));
    }
}

static void put_sysret(uint64_t pc, uint32_t nr, int64_t ret)
{
    put_head(LTI_S_SYSRET, 28);
    put64(pc);
    put32(nr);
    put32(0);
    put(&ret, 8);
}

static void put_exit(int32_t status, int32_t sig)
{
    put_head(LTI_S_EXIT, 12);
    put(&status, 4);
    put(&sig, 4);
}

/* ---- The log of events ---- */

struct entry {
    uint32_t who; /* number of the callback, or PULL */
    uint32_t type;
    uint64_t seq;
    uint32_t pid, tid;
    uint64_t pc;
    uint64_t v[6];
    uint64_t regs; /* hash of the registers, but those of the flags */
    uint64_t flags;
    uint32_t flags_unknown;
    int32_t reg_result; /* of lt_reg_read() */
};

#define MAX_ENTRIES 32768u

struct log {
    uint32_t count;
    struct entry entries[MAX_ENTRIES];
};

static struct log got, got_pull, want;

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static struct entry *add_entry(struct log *log)
{
    assert_true(log->count < MAX_ENTRIES);
    memset(&log->entries[log->count], 0, sizeof *log->entries);
    return &log->entries[log->count++];
}

/* One decoder and what is known of it while it runs. */
static struct {
    struct lti_decoder *decoder;
    struct lti_callbacks callbacks;
    struct lti_modules *modules;
    atomic_bool stop;
    uint32_t arch;
    struct log *log;
    uint32_t calls, answer_at; /* the call that gets the answer; 0: none */
    int answer;
    bool quiet; /* keep no log, but touch everything */
} run;

static volatile uint64_t sink;

static void fill_entry(struct entry *e, const struct lt_event *event)
{
    e->type = event->type;
    e->seq = event->seq;
    e->pid = event->pid;
    e->tid = event->tid;
    switch (event->type) {
    case LT_EVENT_INSN: {
        const struct lt_insn *i = (const void *)event;
        e->pc = i->pc;
        e->v[0] = i->length;
        e->v[1] = hash_bytes(1, i->bytes, i->length);
        break;
    }
    case LT_EVENT_REG_WRITE: {
        const struct lt_reg_write *w = (const void *)event;
        e->pc = w->pc;
        e->v[0] = w->reg;
        e->v[1] = w->value;
        assert_int_equal(w->width, 8);
        assert_memory_equal(w->data, &w->value, 8);
        break;
    }
    case LT_EVENT_MEM_WRITE:
    case LT_EVENT_MEM_READ: {
        const struct lt_mem_access *m = (const void *)event;
        e->pc = m->pc;
        e->v[0] = m->addr;
        e->v[1] = m->length;
        e->v[2] = m->value;
        e->v[3] = hash_bytes(1, m->data, m->length);
        assert_int_equal(m->by, LT_BY_INSN);
        break;
    }
    case LT_EVENT_SYSCALL: {
        const struct lt_syscall *c = (const void *)event;
        e->pc = c->pc;
        e->v[0] = c->phase;
        e->v[1] = c->nr;
        e->v[2] = (uint64_t)c->ret;
        e->v[3] = c->error;
        e->v[4] = hash_bytes(1, c->args, sizeof c->args);
        e->v[5] = 1;
        for (int i = 0; i < 6; i++) {
            if (c->strings[i]) {
                e->v[5] = hash_bytes(e->v[5] + (uint64_t)i, c->strings[i],
                                     strlen(c->strings[i]));
            }
        }
        break;
    }
    case LT_EVENT_MODULE: {
        const struct lt_module *m = (const void *)event;
        e->v[0] = m->op;
        e->v[1] = m->start;
        e->v[2] = m->end;
        e->v[3] = m->offset;
        e->v[4] = m->prot;
        e->v[5] = hash_bytes(1, m->path, strlen(m->path));
        break;
    }
    case LT_EVENT_EXIT: {
        const struct lt_exit *x = (const void *)event;
        e->v[0] = (uint64_t)x->status;
        e->v[1] = (uint64_t)x->signal;
        break;
    }
    default:
        fail_msg("an event of kind %u", event->type);
    }
}

static unsigned flags_reg(void)
{
    return run.arch == LT_ARCH_X86_64 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV;
}

static void fill_regs(struct entry *e)
{
    unsigned count = run.arch == LT_ARCH_X86_64 ? LTI_X86_64_REG_COUNT
                                                : LTI_AARCH64_REG_COUNT;

    e->regs = 1;
    for (unsigned i = 0; i < count; i++) {
        uint64_t value = 0;

        e->reg_result = lti_decoder_reg(run.decoder, i, &value);
        if (i == flags_reg()) {
            e->flags = value;
        } else {
            e->regs = hash_bytes(e->regs, &value, 8);
        }
    }
}

static int note(lt_session *session, const void *event, void *user)
{
    struct entry scratch = {0};
    struct entry *e = run.quiet ? &scratch : add_entry(run.log);

    assert_ptr_equal(session, &run);
    e->who = (uint32_t)(uintptr_t)user;
    fill_entry(e, event);
    fill_regs(e);
    sink += e->regs;
    return ++run.calls == run.answer_at ? run.answer : 0;
}

static int on_insn(lt_session *s, const struct lt_insn *e, void *user)
{
    return note(s, e, user);
}

static int on_reg(lt_session *s, const struct lt_reg_write *e, void *user)
{
    return note(s, e, user);
}

static int on_mem(lt_session *s, const struct lt_mem_access *e, void *user)
{
    return note(s, e, user);
}

static int on_syscall(lt_session *s, const struct lt_syscall *e, void *user)
{
    return note(s, e, user);
}

static int on_module(lt_session *s, const struct lt_module *e, void *user)
{
    return note(s, e, user);
}

static int on_exit_event(lt_session *s, const struct lt_exit *e, void *user)
{
    return note(s, e, user);
}

static struct lt_filter *add_callback(uint32_t type)
{
    unsigned i = run.callbacks.count[type]++;
    struct lti_callback *c = &run.callbacks.list[type][i];

    memset(c, 0, sizeof *c);
    c->user = (void *)(uintptr_t)i;
    c->filter.size = sizeof c->filter;
    switch (type) {
    case LT_EVENT_INSN:
        c->fn.insn = on_insn;
        break;
    case LT_EVENT_REG_WRITE:
        c->fn.reg_write = on_reg;
        break;
    case LT_EVENT_MEM_WRITE:
    case LT_EVENT_MEM_READ:
        c->fn.mem = on_mem;
        break;
    case LT_EVENT_SYSCALL:
        c->fn.syscall = on_syscall;
        break;
    case LT_EVENT_MODULE:
        c->fn.module = on_module;
        break;
    default:
        c->fn.exit = on_exit_event;
        break;
    }
    return &c->filter;
}

static void no_callbacks(void)
{
    memset(&run.callbacks, 0, sizeof run.callbacks);
}

static void all_callbacks(void)
{
    no_callbacks();
    for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_EXIT; type++) {
        add_callback(type);
    }
}

static void pull_all(void)
{
    no_callbacks();
    run.callbacks.pull = true;
    run.callbacks.pull_kinds = LT_KINDS_ALL;
}

/* Everything anew but the callbacks. */
static void begin(uint32_t arch)
{
    struct lti_control *c = control();

    run.arch = arch;
    stream.size = 0;
    desc_used = 0;
    run.answer_at = 0;
    run.quiet = false;
    memset(arena + LTI_INDEX_OFFSET, 0, 4096 * 8);
    memset(c->cc_map, LTI_CC_UNKNOWN, sizeof c->cc_map);
    for (unsigned i = 0; i < LTI_CC_UNKNOWN; i++) {
        c->cc_map[i] = (uint8_t)i;
    }
}

static void put_process(uint32_t pid, uint32_t tid)
{
    put_head(LTI_S_PROCESS, 12);
    put32(pid);
    put32(tid);
}

static void open_decoder(struct log *log)
{
    const struct lti_decoder_config config = {
        .arch = run.arch,
        .record = LTI_RECORD_REGS,
        .arena = arena,
        .session = (lt_session *)(void *)&run,
        .callbacks = &run.callbacks,
        .modules = (assert_int_equal(lti_modules_create(&run.modules), 0), run.modules),
        .stop = &run.stop,
    };

    atomic_store(&run.stop, false);
    run.log = log;
    log->count = 0;
    run.calls = 0;
    assert_int_equal(lti_decoder_create(&config, &run.decoder), 0);
}

static void close_decoder(void)
{
    lti_decoder_destroy(run.decoder);
    lti_modules_destroy(run.modules);
}

/* Takes all that was fed, in the form the callbacks ask for. */
static int take_all(void)
{
    if (!run.callbacks.pull) {
        return lti_decoder_run(run.decoder);
    }
    for (;;) {
        const struct lt_event *event = NULL;
        struct entry scratch, *e = &scratch;
        int result = lti_decoder_step(run.decoder, &event);

        if (result != 1 || !event) {
            return result;
        }
        if (!run.quiet) {
            e = add_entry(run.log);
        }
        e->who = PULL;
        fill_entry(e, event);
        fill_regs(e);
    }
}

/* The bytes are where nothing but them may be read: in memory of just that size
 * if something looks after that, and else where a chunk would be. */
static int decode_bytes(const uint8_t *bytes, size_t size, struct log *log)
{
#ifdef __SANITIZE_ADDRESS__
    uint8_t *copy = malloc(size ? size : 1);
#else
    uint8_t *copy = arena + LTI_RING_OFFSET;
#endif
    int result;

    memcpy(copy, bytes, size);
    open_decoder(log);
    lti_decoder_feed(run.decoder, copy, copy + size);
    result = take_all();
    if (result == LT_ERR_STREAM) {
        assert_true(*lti_decoder_problem(run.decoder));
    }
    /* Questions are allowed at any time. */
    fill_regs(&(struct entry){0});
#ifdef __SANITIZE_ADDRESS__
    free(copy);
#endif
    return result;
}

static int decode(struct log *log)
{
    int result = decode_bytes(stream.bytes, stream.size, log);

    close_decoder();
    return result;
}

static void show(const char *whose, const struct entry *e)
{
    print_error("%s: who %u kind %u seq %llu pid %u pc %#llx v %#llx %#llx %#llx %#llx "
                "%#llx %#llx regs %#llx flags %#llx result %d\n",
                whose, e->who, e->type, (unsigned long long)e->seq, e->pid,
                (unsigned long long)e->pc, (unsigned long long)e->v[0],
                (unsigned long long)e->v[1], (unsigned long long)e->v[2],
                (unsigned long long)e->v[3], (unsigned long long)e->v[4],
                (unsigned long long)e->v[5], (unsigned long long)e->regs,
                (unsigned long long)e->flags, e->reg_result);
}

/* `who` of the entries aside if it differs between the forms. */
static void compare(const struct log *is, const struct log *should, bool any_who)
{
    for (uint32_t i = 0; i < is->count && i < should->count; i++) {
        struct entry a = is->entries[i], b = should->entries[i];

        if (a.flags_unknown || b.flags_unknown) {
            a.flags = b.flags = a.flags_unknown = b.flags_unknown = 0;
        }
        if (any_who) {
            a.who = b.who;
        }
        if (memcmp(&a, &b, sizeof a) != 0) {
            show("is", &a);
            show("should be", &b);
            fail_msg("event %u of %u differs", i, should->count);
        }
    }
    assert_int_equal(is->count, should->count);
}

static void check_seq(const struct log *log)
{
    uint64_t last = 0;

    for (uint32_t i = 0; i < log->count; i++) {
        bool same = i && log->entries[i].seq == last;

        /* One number for all who get the event. */
        assert_true(same ? log->entries[i].who > log->entries[i - 1].who
                         : log->entries[i].seq == last + 1);
        last = log->entries[i].seq;
    }
}

/* ---- A plain interpreter ---- */

static bool holds(uint64_t cond, uint64_t a, uint64_t b, bool is32)
{
    int64_t sa = is32 ? (int32_t)a : (int64_t)a, sb = is32 ? (int32_t)b : (int64_t)b;
    uint64_t ua = is32 ? (uint32_t)a : a, ub = is32 ? (uint32_t)b : b;
    const bool table[] = {
        [LTI_COND_EQ] = ua == ub,           [LTI_COND_NE] = ua != ub,
        [LTI_COND_LT] = sa < sb,            [LTI_COND_GE] = sa >= sb,
        [LTI_COND_LE] = sa <= sb,           [LTI_COND_GT] = sa > sb,
        [LTI_COND_LTU] = ua < ub,           [LTI_COND_GEU] = ua >= ub,
        [LTI_COND_LEU] = ua <= ub,          [LTI_COND_GTU] = ua > ub,
        [LTI_COND_TSTEQ] = (ua & ub) == 0, [LTI_COND_TSTNE] = (ua & ub) != 0,
    };

    return table[cond];
}

/* What an operation makes of its operands; c and d are those of LTI_MORE. */
static uint64_t evaluate(const struct lti_op *op, uint64_t a, uint64_t b, uint64_t c,
                         uint64_t d)
{
    const bool is32 = op->flags & LTI_OP_32;
    const unsigned width = is32 ? 32 : 64;
    const uint64_t all = UINT64_MAX >> (64 - width);
    const unsigned pos = op->imm & 255, length = op->imm >> 8 & 255;
    const uint64_t field = length ? UINT64_MAX >> (64 - length) : 0;
    uint64_t r = 0;

    a &= all;
    b &= all;
    switch (op->op) {
    case LTI_ADD:
        return (a + b) & all;
    case LTI_SUB:
        return (a - b) & all;
    case LTI_AND:
        return a & b;
    case LTI_OR:
        return a | b;
    case LTI_XOR:
        return a ^ b;
    case LTI_ANDC:
        return a & ~b;
    case LTI_ORC:
        return (a | ~b) & all;
    case LTI_EQV:
        return ~(a ^ b) & all;
    case LTI_NAND:
        return ~(a & b) & all;
    case LTI_NOR:
        return ~(a | b) & all;
    case LTI_SHL:
        return a << b % width & all;
    case LTI_SHR:
        return a >> b % width;
    case LTI_SAR:
        return is32 ? (uint32_t)((int32_t)a >> b % 32)
                    : (uint64_t)((int64_t)a >> b % 64);
    case LTI_ROTL:
        for (unsigned i = 0; i < b % width; i++) {
            a = (a << 1 | a >> (width - 1)) & all;
        }
        return a;
    case LTI_ROTR:
        for (unsigned i = 0; i < b % width; i++) {
            a = (a >> 1 | a << (width - 1)) & all;
        }
        return a;
    case LTI_MUL:
        return a * b & all;
    case LTI_NOT:
        return ~a & all;
    case LTI_NEG:
        return (0 - a) & all;
    case LTI_EXTRACT:
        return a >> pos & field;
    case LTI_SEXTRACT:
        r = a >> pos & field;
        return (r >> (length - 1) & 1 ? r | ~field : r) & all;
    case LTI_DEPOSIT:
        for (unsigned i = 0; i < width; i++) {
            bool inside = i >= pos && i < pos + length;

            r |= ((inside ? b >> (i - pos) : a >> i) & 1) << i;
        }
        return r;
    case LTI_EXTRACT2:
        return (uint64_t)(((unsigned __int128)b << width | a) >> op->imm) & all;
    case LTI_SETCOND:
        return holds(op->imm, a, b, is32);
    case LTI_NEGSETCOND:
        return holds(op->imm, a, b, is32) ? all : 0;
    case LTI_MOVCOND:
        return (holds(op->imm, a, b, is32) ? c : d) & all;
    case LTI_CTPOP:
        for (; a; a >>= 1) {
            r += a & 1;
        }
        return r;
    case LTI_BSWAP:
        for (unsigned i = 0; i < op->imm; i++) {
            r = r << 8 | (a >> (8 * i) & 0xff);
        }
        return r;
    case LTI_MULUH:
        return (uint64_t)((unsigned __int128)a * b >> width);
    case LTI_MULSH:
        return is32 ? (uint32_t)((int64_t)(int32_t)a * (int32_t)b >> 32)
                    : (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
    default:
        fail_msg("no operation %u", op->op);
        return 0;
    }
}

/* The guest as the interpreter knows it. */
static struct {
    uint64_t regs[LTI_MAX_REGS];
    uint64_t values[MAX_OPS];
    uint64_t seq;
    uint64_t pc; /* of the instruction in hand */
    bool has_pc;
    bool flags_unknown;
    uint32_t pid, tid;
} guest;

static uint64_t guest_flags(void)
{
    return run.arch == LT_ARCH_X86_64 ? lti_x86_rflags(guest.regs, control()->cc_map)
                                      : lti_a64_nzcv(guest.regs);
}

static uint64_t hash_guest_regs(void)
{
    bool x86 = run.arch == LT_ARCH_X86_64;
    uint64_t hash = 1;

    for (unsigned i = 0; i < (x86 ? 20 : 34); i++) {
        if (i == (x86 ? LT_X86_64_RIP : LT_AARCH64_PC)) {
            hash = hash_bytes(hash, &guest.pc, 8);
        } else if (i != flags_reg()) {
            hash = hash_bytes(hash, &guest.regs[i], 8);
        }
    }
    return hash;
}

static bool takes(const struct lt_filter *f, uint64_t pc)
{
    return pc >= f->pc_start && (f->pc_end == 0 || pc < f->pc_end);
}

static bool touches(const struct lt_filter *f, uint64_t addr, uint64_t length)
{
    return addr + (length - 1) >= f->addr_start &&
           (f->addr_end == 0 || addr < f->addr_end);
}

/* Notes an event for each who wants it. */
static void expect(uint32_t type, const uint64_t v[6])
{
    const struct lti_callbacks *c = &run.callbacks;
    bool memory = type == LT_EVENT_MEM_WRITE || type == LT_EVENT_MEM_READ, any = false;

    for (unsigned who = 0; who <= PULL; who++) {
        const struct lt_filter *f =
            who == PULL ? &c->pull_filter : &c->list[type][who].filter;
        struct entry *e;

        if (who == PULL ? !c->pull || !(c->pull_kinds & LT_KIND(type))
                        : who >= c->count[type]) {
            continue;
        }
        if (!takes(f, guest.pc) || (memory && !touches(f, v[0], v[1]))) {
            continue;
        }
        guest.seq += !any;
        any = true;
        e = add_entry(&want);
        e->who = who;
        e->type = type;
        e->seq = guest.seq;
        e->pid = guest.pid;
        e->tid = guest.tid;
        e->pc = guest.pc;
        memcpy(e->v, v, sizeof e->v);
        e->regs = hash_guest_regs();
        e->flags = guest_flags();
        e->flags_unknown = guest.flags_unknown;
    }
}

static void expect_access(uint32_t type, uint64_t addr, const void *bytes,
                          uint32_t length)
{
    uint64_t v[6] = {addr, length};

    memcpy(&v[2], bytes, length < 8 ? length : 8);
    v[3] = hash_bytes(1, bytes, length);
    expect(type, v);
}

static void expect_memory_op(const struct lti_op *op)
{
    bool wide = op->op == LTI_STORE16 || op->op == LTI_LOAD16;
    unsigned length = wide ? 16 : (unsigned)op->imm;
    uint8_t bytes[16];

    memcpy(bytes, &guest.values[op->b], 8);
    if (wide) {
        memcpy(bytes + 8, &guest.values[op->imm], 8);
    }
    if (op->flags & LTI_OP_BSWAP) {
        for (unsigned i = 0; i < length / 2; i++) {
            uint8_t byte = bytes[i];

            bytes[i] = bytes[length - 1 - i];
            bytes[length - 1 - i] = byte;
        }
    }
    expect_access(op->op == LTI_STORE || op->op == LTI_STORE16 ? LT_EVENT_MEM_WRITE
                                                               : LT_EVENT_MEM_READ,
                  guest.values[op->a], bytes, length);
}

static void expect_op(const struct plan *p, const struct lti_op *op, const uint8_t *record)
{
    uint64_t *v = guest.values;
    uint64_t value = 0;

    (void)p;
    switch (op->op) {
    case LTI_CONST:
        v[op->d] = op->imm;
        return;
    case LTI_SLOT32:
        memcpy(&value, record + op->imm, 4);
        v[op->d] = value;
        return;
    case LTI_SLOT64:
        memcpy(&v[op->d], record + op->imm, 8);
        return;
    case LTI_REG:
        v[op->d] = guest.regs[op->a];
        return;
    case LTI_MORE:
        return;
    case LTI_SETREG:
        guest.regs[op->d] = v[op->a];
        if (op->flags & LTI_OP_HIDDEN) {
            guest.flags_unknown = true;
        } else {
            expect(LT_EVENT_REG_WRITE, (uint64_t[6]){op->d, v[op->a]});
        }
        return;
    case LTI_FLAGS:
        guest.flags_unknown = false;
        expect(LT_EVENT_REG_WRITE, (uint64_t[6]){flags_reg(), guest_flags()});
        return;
    case LTI_STORE:
    case LTI_STORE16:
    case LTI_LOAD:
    case LTI_LOAD16:
        expect_memory_op(op);
        return;
    case LTI_MOVCOND:
        v[op->d] = evaluate(op, v[op->a], v[op->b], v[op[-1].a], v[op[-1].b]);
        return;
    default:
        v[op->d] = evaluate(op, v[op->a], v[op->b], 0, 0);
        return;
    }
}

/* The first `count` instructions of a block; `record` as for a whole one. */
static void expect_block(const struct plan *p, uint32_t count, const uint8_t *record)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct lti_desc_insn *insn = &p->insns[i];
        uint32_t end =
            i + 1 < p->desc.insn_count ? p->insns[i + 1].first_op : p->desc.op_count;
        uint64_t pc = p->desc.pc + insn->pc_offset;
        bool again = (insn->flags & LTI_INSN_REPEATS) && guest.has_pc && guest.pc == pc;

        guest.pc = pc;
        guest.has_pc = true;
        guest.flags_unknown = false;
        if (!again && !(insn->flags & LTI_INSN_CONTINUES)) {
            expect(LT_EVENT_INSN,
                   (uint64_t[6]){insn->length, hash_bytes(1, p->code + insn->code_offset,
                                                          insn->length)});
        }
        for (uint32_t k = insn->first_op; k < end; k++) {
            expect_op(p, &p->ops[k], record);
        }
    }
    guest.flags_unknown = false;
}

/* ---- Random streams ---- */

/* Values of the instruction being made. */
struct made {
    unsigned first;
    bool written[LTI_MAX_REGS];
};

static unsigned any_value(const struct plan *p, const struct made *made)
{
    return made->first + below(p->desc.value_count - made->first);
}

static void add_random_operation(struct plan *p, const struct made *made)
{
    static const uint8_t codes[] = {
        LTI_ADD,     LTI_SUB,      LTI_AND,     LTI_OR,         LTI_XOR,     LTI_ANDC,
        LTI_ORC,     LTI_EQV,      LTI_NAND,    LTI_NOR,        LTI_SHL,     LTI_SHR,
        LTI_SAR,     LTI_ROTL,     LTI_ROTR,    LTI_MUL,        LTI_NOT,     LTI_NEG,
        LTI_EXTRACT, LTI_SEXTRACT, LTI_DEPOSIT, LTI_EXTRACT2,   LTI_SETCOND, LTI_MOVCOND,
        LTI_CTPOP,   LTI_BSWAP,    LTI_MULUH,   LTI_NEGSETCOND, LTI_MULSH,   LTI_ADD,
        LTI_SUB,     LTI_AND,
    };
    unsigned code = codes[below(COUNT(codes))], a = any_value(p, made);
    unsigned b = any_value(p, made);
    bool is32 = below(2);
    unsigned width = is32 ? 32 : 64, pos = below(width), length = 1 + below(width - pos);
    uint64_t imm = 0;

    switch (code) {
    case LTI_EXTRACT:
        if (below(3) == 0) {
            is32 = false;
            pos = 0;
            length = 32;
        }
        imm = pos | length << 8;
        break;
    case LTI_SEXTRACT:
    case LTI_DEPOSIT:
        imm = pos | length << 8;
        break;
    case LTI_EXTRACT2:
        imm = below(width + 1);
        break;
    case LTI_BSWAP:
        imm = is32 ? 2u << below(2) : 2u << below(3);
        break;
    case LTI_MOVCOND:
        add_op(p, LTI_MORE, 0, any_value(p, made), any_value(p, made), 0);
        imm = below(12);
        break;
    case LTI_SETCOND:
    case LTI_NEGSETCOND:
        imm = below(12);
        break;
    default:
        if (below(2)) {
            b = add_const(p, operand());
        }
        break;
    }
    add_op(p, code, new_value(p), a, b, imm)->flags = is32 ? LTI_OP_32 : 0;
}

static void add_random_effect(struct plan *p, struct made *made)
{
    unsigned v = any_value(p, made), reg, kind = below(8);

    switch (kind) {
    case 0:
    case 1:
        add_op(p, LTI_STORE + 2 * kind, 0, v, any_value(p, made), 1u << below(4))->flags =
            below(3) ? 0 : LTI_OP_BSWAP;
        break;
    case 2:
    case 3:
        add_op(p, kind == 2 ? LTI_STORE16 : LTI_LOAD16, 0, v, any_value(p, made),
               any_value(p, made))
            ->flags = below(3) ? 0 : LTI_OP_BSWAP;
        break;
    default:
        reg = below(16);
        made->written[reg] = true;
        add_setreg(p, reg, below(2) ? v : add_slot(p, below(2)), false);
        break;
    }
}

/* What an instruction leaves for the flags, in one of the ways there are. */
static void add_random_flags(struct plan *p, struct made *made)
{
    static const uint8_t kinds[] = {LTI_CC_SUB,   LTI_CC_ADD, LTI_CC_LOGIC, LTI_CC_ADC,
                                    LTI_CC_LOGIC, LTI_CC_SHL, LTI_CC_EFLAGS, LTI_CC_INC};
    unsigned kind = kinds[below(COUNT(kinds))] + below(4);
    bool x86 = run.arch == LT_ARCH_X86_64;

    if (!x86) {
        for (unsigned reg = LTI_A64_NF; reg <= LTI_A64_VF; reg++) {
            made->written[reg] = true;
            add_setreg(p, reg, any_value(p, made), true);
        }
        add_op(p, LTI_FLAGS, 0, 0, 0, 0);
        return;
    }
    if (below(4)) {
        made->written[LTI_X86_CC_DST] = true;
        add_setreg(p, LTI_X86_CC_DST, below(4) ? any_value(p, made) : add_slot(p, true),
                   true);
    }
    if ((kind & ~3u) != LTI_CC_LOGIC || below(4) == 0) {
        made->written[LTI_X86_CC_SRC] = true;
        add_setreg(p, LTI_X86_CC_SRC, below(4) ? any_value(p, made) : add_slot(p, true),
                   true);
    }
    if (below(4) == 0) {
        made->written[LTI_X86_CC_SRC2] = true;
        add_setreg(p, LTI_X86_CC_SRC2, any_value(p, made), true);
    }
    if (below(3)) {
        made->written[LTI_X86_CC_OP] = true;
        add_setreg(p, LTI_X86_CC_OP, add_const(p, kind), true);
    }
    if (below(4) == 0) {
        add_random_effect(p, made);
    }
    if (below(6)) {
        add_op(p, LTI_FLAGS, 0, 0, 0, 0);
    }
}

static void add_random_insn(struct plan *p, uint8_t flags)
{
    struct made made = {.first = p->desc.value_count};
    unsigned reg_count = run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;

    add_insn(p, flags);
    add_slot(p, true);
    for (unsigned n = 1 + below(10); n; n--) {
        unsigned reg = below(reg_count);

        switch (below(6)) {
        case 0:
            add_slot(p, below(2));
            break;
        case 1: /* a register that has still its old value */
            if (reg != LT_X86_64_RIP && reg != LT_X86_64_RFLAGS && reg != LT_AARCH64_PC &&
                reg != LT_AARCH64_NZCV && !made.written[reg]) {
                add_op(p, LTI_REG, new_value(p), reg, 0, 0);
            }
            break;
        case 2:
            add_random_effect(p, &made);
            break;
        default:
            add_random_operation(p, &made);
            break;
        }
    }
    if (below(2)) {
        add_random_flags(p, &made);
    }
    for (unsigned n = below(3); n; n--) {
        add_random_effect(p, &made);
    }
}

#define BLOCKS 12u

static struct plan plans[BLOCKS + 1];

static void random_blocks(void)
{
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        new_plan(&plans[i], 0x1000 + 0x10 * below(12));
        for (unsigned n = 1 + below(5); n; n--) {
            bool first = plans[i].desc.insn_count == 0;

            add_random_insn(&plans[i], below(5)             ? 0
                                       : first && below(2) ? LTI_INSN_CONTINUES
                                                            : LTI_INSN_REPEATS);
        }
        write_block(&plans[i], i);
    }
}

/* A record of that block, whole or its first `count` instructions. */
static void put_random_block(uint32_t number, uint32_t count)
{
    const struct plan *p = &plans[number];
    uint32_t size = count < p->desc.insn_count ? p->insns[count].slot_offset
                                               : p->desc.record_size;
    size_t at;

    if (count < p->desc.insn_count || below(8) == 0) {
        put_head(LTI_S_PART, size + 8);
        put32(number);
        at = stream.size;
        put32(count);
    } else {
        at = stream.size;
        put32(number);
    }
    for (uint32_t i = 4; i < size; i += 4) {
        put32(below(3) ? (uint32_t)operand() : (uint32_t)random64());
    }
    expect_block(p, count, stream.bytes + at);
}

static void put_random_record(void)
{
    uint32_t number = 1 + below(BLOCKS), kind = below(40);
    uint8_t bytes[64];

    if (kind == 0) {
        put_head(LTI_S_PAD, 4 + 4 * below(4));
        while (stream.size < 4 || false) {
            put32(0);
        }
        uint32_t head;
        memcpy(&head, stream.bytes + stream.size - 4, 4);
        for (uint32_t i = 4; i < LTI_SPECIAL_SIZE(head); i += 4) {
            put32((uint32_t)random64());
        }
    } else if (kind < 4) {
        uint32_t length = 1 + below(sizeof bytes);
        uint64_t addr = operand();
        bool store = kind & 1;

        for (uint32_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)random64();
        }
        put_access(store ? LTI_S_WRITE : LTI_S_READ, addr, bytes, length);
        if (guest.has_pc) {
            expect_access(store ? LT_EVENT_MEM_WRITE : LT_EVENT_MEM_READ, addr, bytes,
                          length);
        }
    } else if (kind == 4) {
        guest.pid = 100 + below(3);
        guest.tid = 200 + below(3);
        put_process(guest.pid, guest.tid);
    } else if (kind == 5) {
        put_head(LTI_S_FORGET, 4);
        guest.has_pc = false;
        guest.pc = 0; /* what rip is before a system call */
    } else if (kind < 12) {
        put_random_block(number, 1 + below(plans[number].desc.insn_count));
    } else {
        put_random_block(number, plans[number].desc.insn_count);
    }
}

/* Begins the stream, and what is expected of it, with known registers. */
static void put_random_start(void)
{
    unsigned count = run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;

    memset(&guest, 0, sizeof guest);
    want.count = 0;
    stream.size = 0;
    for (unsigned i = 0; i < count; i++) {
        guest.regs[i] = operand();
    }
    if (run.arch == LT_ARCH_X86_64) {
        guest.regs[LTI_X86_CC_OP] = below(LTI_CC_UNKNOWN);
        guest.regs[LTI_X86_DF] = below(2) ? 1 : UINT64_MAX;
    }
    guest.pid = 100;
    guest.tid = 200;
    put_process(100, 200);
    put_regs(LTI_REGS_START, 0, guest.regs, count);
}

static void random_filter(struct lt_filter *f)
{
    if (below(2)) {
        f->pc_start = 0x1000 + 4 * below(40);
        f->pc_end = below(2) ? 0 : f->pc_start + 4 + 4 * below(30);
    }
    if (below(3) == 0) {
        f->addr_start = operand();
        f->addr_end = below(2) ? 0 : f->addr_start + 1 + operand() % (1ull << 32);
        if (f->addr_end <= f->addr_start) {
            f->addr_end = 0;
        }
    }
}

static void random_callbacks(void)
{
    unsigned way = below(5);

    no_callbacks();
    if (way == 0) {
        all_callbacks();
    } else if (way == 1) {
        pull_all();
    } else {
        for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_MEM_READ; type++) {
            for (unsigned n = below(2) ? below(4) : below(2); n; n--) {
                struct lt_filter *f = add_callback(type);

                if (way != 2) {
                    random_filter(f);
                }
            }
        }
        if (way == 4) {
            run.callbacks.pull = true;
            run.callbacks.pull_kinds = (uint32_t)random64() & LT_KINDS_ALL;
            random_filter(&run.callbacks.pull_filter);
        }
    }
}

static void test_random(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        begin(round % 4 ? LT_ARCH_X86_64 : LT_ARCH_AARCH64);
        random_blocks();
        random_callbacks();
        put_random_start();
        for (unsigned n = 40; n; n--) {
            put_random_record();
        }
        assert_int_equal(decode(&got), 0);
        compare(&got, &want, false);
        check_seq(&got);
    }
}
