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
        0,          1,
        2,          31,
        32,         33,
        63,         64,
        0x7f,       0x80,
        0xff,       0x7fff,
        0x8000,     0xffff,
        0x7fffffff, 0x80000000,
        0xffffffff, 1ull << 32,
        1ull << 63, INT64_MAX,
        UINT64_MAX, 0xffffffff80000000,
    };

    return below(3) ? edges[below(COUNT(edges))] : random64();
}

/* ---- Descriptors and records ---- */

static uint8_t *arena;
static uint64_t desc_used; /* of the first slab, its index included */

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

/* Says where the descriptor of a block of the first slab is. */
static void set_index(uint32_t number, uint64_t offset)
{
    uint32_t at = (uint32_t)(offset / 16);

    memcpy(arena + LTI_DESC_OFFSET + 4ull * number, &at, 4);
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
    set_index(number, desc_used);
    desc_used += (p->desc.size + 15) & ~15ull;
    assert_true(desc_used <= LTI_SLAB_SIZE);
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
    put_head(LTI_S_SYSCALL, 68 + (text ? 16 + ((strlen(text) + 3) & ~3u) : 0));
    put64(pc);
    put32(nr);
    put32(0);
    put(args, 48);
    if (text) {
        put32(1 | LTI_PIECE_STRING << 8);
        put32((uint32_t)strlen(text));
        put64(args[1]);
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
    struct lti_slabs *slabs;
    struct lti_paths *paths;
    uint64_t seq, stamp, insns_left;
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
        assert_in_range(w->width, 1, 32);
        assert_memory_equal(w->data, &w->value, w->width < 8 ? w->width : 8);
        e->v[2] = w->width > 8 ? hash_bytes(1, w->data, w->width) : 0;
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
    case LT_EVENT_MAP: {
        const struct lt_map *m = (const void *)event;
        e->v[0] = m->op;
        e->v[1] = m->start;
        e->v[2] = m->end;
        e->v[3] = m->offset;
        e->v[4] = m->prot | (uint64_t)m->flags << 32;
        e->v[5] = m->path ? hash_bytes(1, m->path, strlen(m->path)) : 0;
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
    const struct lti_arch *arch = lti_arch_info(run.arch);

    e->regs = 1;
    for (unsigned i = 0; i < arch->reg_count; i++) {
        uint8_t data[32] = {0};
        int width = lti_decoder_reg(run.decoder, i, data, sizeof data);

        e->reg_result = width < 0 ? width : 0;
        if (i == flags_reg()) {
            memcpy(&e->flags, data, 8);
        } else {
            e->regs = hash_bytes(e->regs, data, arch->regs[i].width);
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

/* The kinds that these tests are about; test-streams.c has those of processes. */
#define KINDS (LT_KINDS_ALL & ((LT_KIND(LT_EVENT_EXIT) << 1) - 1))

static void pull_all(void)
{
    no_callbacks();
    run.callbacks.pull = true;
    run.callbacks.pull_kinds = KINDS;
}

/* Everything anew but the callbacks. */
static void begin(uint32_t arch)
{
    struct lti_control *c = control();

    run.arch = arch;
    stream.size = 0;
    desc_used = LTI_SLAB_INDEX;
    run.answer_at = 0;
    run.quiet = false;
    memset(arena + LTI_DESC_OFFSET, 0, LTI_SLAB_INDEX);
    memset(c->cc_map, LTI_CC_UNKNOWN, sizeof c->cc_map);
    for (unsigned i = 0; i < LTI_CC_UNKNOWN; i++) {
        c->cc_map[i] = (uint8_t)i;
    }
}

static void put_process(uint32_t pid, uint32_t tid)
{
    static const char path[] = "/bin/guest";

    put_head(LTI_S_PROCESS, 28 + 12);
    put32(pid);
    put32(tid);
    put32(0);
    put32(run.arch);
    put32(LTI_PROCESS_START);
    put32(sizeof path - 1);
    put_padded(path, sizeof path - 1);
}

/* The blocks are in the first slab, which the process has taken. */
static void put_slab(void)
{
    put_head(LTI_S_SLAB, 8);
    put32(0);
}

/* No process of these tests makes another. */
static int no_fork(void *user, struct lti_decoder *parent, uint32_t number, bool made)
{
    (void)user;
    (void)parent;
    (void)number;
    (void)made;
    return 0;
}

static struct lti_guest *no_guest(void *user, uint32_t pid)
{
    (void)user;
    (void)pid;
    return NULL;
}

static void open_decoder(struct log *log)
{
    const struct lti_decoder_config config = {
        .record = LTI_RECORD_REGS,
        .arena = arena,
        .session = (lt_session *)(void *)&run,
        .callbacks = &run.callbacks,
        .slabs = (assert_int_equal(lti_slabs_create(arena, &run.slabs), 0), run.slabs),
        .paths = (assert_int_equal(lti_paths_create(&run.paths), 0), run.paths),
        .seq = &run.seq,
        .stamp = &run.stamp,
        .insns_left = &run.insns_left,
        .stop = &run.stop,
        .forked = no_fork,
        .find = no_guest,
    };

    run.seq = run.stamp = 0;
    run.insns_left = INT64_MAX;
    atomic_store(&run.stop, false);
    run.log = log;
    log->count = 0;
    run.calls = 0;
    assert_int_equal(lti_decoder_create(&config, &run.decoder), 0);
}

static void close_decoder(void)
{
    lti_decoder_destroy(run.decoder);
    lti_slabs_destroy(run.slabs);
    lti_paths_destroy(run.paths);
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
        [LTI_COND_EQ] = ua == ub,
        [LTI_COND_NE] = ua != ub,
        [LTI_COND_LT] =
            sa<sb, [LTI_COND_GE] = sa >= sb, [LTI_COND_LE] = sa <= sb, [LTI_COND_GT] = sa>
                sb,
        [LTI_COND_LTU] = ua<
            ub, [LTI_COND_GEU] = ua >= ub, [LTI_COND_LEU] = ua <= ub, [LTI_COND_GTU] = ua>
            ub,
        [LTI_COND_TSTEQ] = (ua & ub) == 0,
        [LTI_COND_TSTNE] = (ua & ub) != 0,
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
        return is32 ? (uint32_t)((int32_t)a >> b % 32) : (uint64_t)((int64_t)a >> b % 64);
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

/* Its threads, those that do not run: as `guest` is where it is theirs. */
#define THREADS 3u

static struct {
    bool known;
    uint64_t regs[LTI_MAX_REGS];
    uint64_t pc;
    bool has_pc;
} threads[THREADS];

static uint64_t guest_flags(void)
{
    return run.arch == LT_ARCH_X86_64 ? lti_x86_rflags(guest.regs, control()->cc_map)
                                      : lti_a64_nzcv(guest.regs);
}

/* What has a number of its own but is made of several words. */
static uint64_t guest_float(void)
{
    return run.arch == LT_ARCH_X86_64 ? lti_x86_mxcsr(guest.regs)
                                      : lti_a64_fpsr(guest.regs);
}

static uint64_t hash_guest_regs(void)
{
    const struct lti_arch *arch = lti_arch_info(run.arch);
    uint64_t hash = 1, value = guest_float();

    for (unsigned i = 0; i < arch->reg_count; i++) {
        if (i == arch->pc_reg) {
            hash = hash_bytes(hash, &guest.pc, 8);
        } else if (i == arch->float_reg) {
            hash = hash_bytes(hash, &value, arch->regs[i].width);
        } else if (i != flags_reg()) {
            hash = hash_bytes(hash, &guest.regs[arch->regs[i].word], arch->regs[i].width);
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

/* Words that are set, and the event of the register that they are part of. */
static void expect_words(const struct lti_op *op, const uint8_t *record)
{
    const struct lti_reg *r = &lti_arch_info(run.arch)->regs[op->a];
    uint32_t bytes = (uint32_t)(op->imm >> 32);
    uint64_t old[LTI_MAX_REGS], old_float = guest_float(), v[6] = {op->a};
    bool is_float = r->how == LTI_REG_FLOAT;

    memcpy(old, guest.regs, sizeof old);
    memset(&guest.regs[op->d], 0, (bytes + 7) / 8 * 8);
    if (op->op == LTI_WORDS) {
        memcpy(&guest.regs[op->d], record + (uint32_t)op->imm, bytes);
    }
    if (op->b == 0 || ((op->flags & LTI_OP_CHANGED) &&
                       (is_float ? guest_float() == old_float
                                 : memcmp(old, guest.regs, sizeof old) == 0))) {
        return;
    }
    v[1] = is_float ? guest_float() : guest.regs[r->word];
    v[2] = op->b > 8 ? hash_bytes(1, &guest.regs[r->word], op->b) : 0;
    expect(LT_EVENT_REG_WRITE, v);
}

static void expect_op(const struct plan *p, const struct lti_op *op,
                      const uint8_t *record)
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
    case LTI_WORDS:
    case LTI_ZERO:
        expect_words(op, record);
        return;
    case LTI_MOVCOND:
        v[op->d] = evaluate(op, v[op->a], v[op->b], v[op[-1].a], v[op[-1].b]);
        return;
    default:
        v[op->d] = evaluate(op, v[op->a], v[op->b], 0, 0);
        return;
    }
}

static bool is_store(const struct lti_op *op)
{
    return op->op == LTI_STORE || op->op == LTI_STORE16;
}

/* The first `count` instructions of a block; `record` as for a whole one.  `stores`:
 * 0, or of the last one only what comes up to so many stores. */
static void expect_block(const struct plan *p, uint32_t count, uint32_t stores,
                         const uint8_t *record)
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
        for (uint32_t k = insn->first_op, made = 0; k < end; k++) {
            expect_op(p, &p->ops[k], record);
            made += is_store(&p->ops[k]);
            if (stores && i == count - 1 && made == stores) {
                break;
            }
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

/* Sets a part of a register that is in none of the first words, or all of it. */
static void add_random_words(struct plan *p, struct made *made)
{
    const struct lti_arch *arch = lti_arch_info(run.arch);
    unsigned first = run.arch == LT_ARCH_X86_64 ? LT_X86_64_ES : LT_AARCH64_FPCR;
    unsigned number = first + below(arch->reg_count - first);
    const struct lti_reg *reg = &arch->regs[number];
    unsigned words = (reg->width + 7u) / 8, from = below(words),
             count = 1 + below(words - from);
    unsigned bytes = 8 * count - (below(4) ? 0 : 4), told = below(4) ? reg->width : 0;
    struct lti_op *op;

    if (reg->how == LTI_REG_FLOAT) {
        from = below(2); /* its flags are in the next word */
    }
    for (unsigned i = 0; i < count; i++) {
        made->written[reg->word + from + i] = true;
    }
    op = add_op(p, below(4) ? LTI_WORDS : LTI_ZERO, reg->word + from, number, told,
                (uint64_t)bytes << 32);
    if (op->op == LTI_WORDS) {
        op->imm |= p->desc.record_size;
        p->desc.record_size += bytes;
        op->flags = below(3) ? 0 : LTI_OP_CHANGED;
    }
}

static void add_random_effect(struct plan *p, struct made *made)
{
    unsigned v = any_value(p, made), reg, kind = below(10);

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
    case 4:
    case 5:
        add_random_words(p, made);
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
    static const uint8_t kinds[] = {LTI_CC_SUB,   LTI_CC_ADD, LTI_CC_LOGIC,  LTI_CC_ADC,
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

            add_random_insn(&plans[i], below(5)            ? 0
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
    uint32_t size =
        count < p->desc.insn_count ? p->insns[count].slot_offset : p->desc.record_size;
    uint32_t first = p->insns[count - 1].first_op, stores = 0;
    uint32_t end =
        count < p->desc.insn_count ? p->insns[count].first_op : p->desc.op_count;
    size_t at;

    if (count < p->desc.insn_count || below(8) == 0) {
        /* Registers are written behind all stores. */
        for (uint32_t k = first;
             k < end && (p->ops[k].op <= LTI_MULSH || is_store(&p->ops[k])); k++) {
            stores += is_store(&p->ops[k]);
        }
        stores = stores && below(2) ? 1 + below(stores) : 0;
        put_head(LTI_S_PART, size + 8);
        put32(number);
        at = stream.size;
        put32(count | stores << LTI_PART_STORES);
    } else {
        at = stream.size;
        put32(number);
    }
    for (uint32_t i = 4; i < size; i += 4) {
        put32(below(3) ? (uint32_t)operand() : (uint32_t)random64());
    }
    expect_block(p, count, stores, stream.bytes + at);
}

/* Random registers, known from here on. */
static void put_random_regs(void)
{
    unsigned count = run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;

    for (unsigned i = 0; i < count; i++) {
        guest.regs[i] = operand();
    }
    if (run.arch == LT_ARCH_X86_64) {
        guest.regs[LTI_X86_CC_OP] = below(LTI_CC_UNKNOWN);
        guest.regs[LTI_X86_DF] = below(2) ? 1 : UINT64_MAX;
    }
    put_regs(LTI_REGS_START, 0, guest.regs, count);
}

/* The records behind are that thread's. */
static void put_thread(uint32_t number)
{
    uint32_t old = guest.tid - 200;

    memcpy(threads[old].regs, guest.regs, sizeof guest.regs);
    threads[old].pc = guest.pc;
    threads[old].has_pc = guest.has_pc;
    threads[old].known = true;
    guest.tid = 200 + number;
    put_head(LTI_S_THREAD, 8);
    put32(guest.tid);
    guest.pc = threads[number].pc;
    guest.has_pc = threads[number].has_pc;
    if (threads[number].known) {
        memcpy(guest.regs, threads[number].regs, sizeof guest.regs);
    } else {
        put_random_regs();
    }
}

static void put_random_record(void)
{
    uint32_t number = 1 + below(BLOCKS), kind = below(40);
    uint8_t bytes[64];

    if (kind == 0) {
        uint32_t words = below(4);

        put_head(LTI_S_PAD, 4 + 4 * words);
        while (words--) {
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
        put_thread(below(THREADS));
    } else if (kind == 5) {
        put_head(LTI_S_FORGET, 4); /* but not the instruction in hand */
        if (below(2)) {
            put_slab();
        }
    } else if (kind < 12) {
        put_random_block(number, 1 + below(plans[number].desc.insn_count));
    } else {
        put_random_block(number, plans[number].desc.insn_count);
    }
}

/* Begins the stream, and what is expected of it, with known registers. */
static void put_random_start(void)
{
    memset(&guest, 0, sizeof guest);
    memset(threads, 0, sizeof threads);
    want.count = 0;
    stream.size = 0;
    guest.pid = 100;
    guest.tid = 200;
    put_process(100, 200);
    put_slab();
    put_random_regs();
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
            run.callbacks.pull_kinds = (uint32_t)random64() & KINDS;
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

/* The same stream gives the same events in both forms, and so it does when it
 * comes in pieces. */
static void test_both_forms(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        begin(round % 4 ? LT_ARCH_X86_64 : LT_ARCH_AARCH64);
        random_blocks();
        all_callbacks();
        put_random_start();
        for (unsigned n = 40; n; n--) {
            put_random_record();
        }
        assert_int_equal(decode(&got), 0);
        compare(&got, &want, false);
        pull_all();
        assert_int_equal(decode(&got_pull), 0);
        compare(&got_pull, &want, true);
        check_seq(&got);
    }
}

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

static int last_value(lt_session *s, const struct lt_reg_write *e, void *user)
{
    (void)s;
    *(uint64_t *)user = e->value;
    return 0;
}

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
    if (op.op == LTI_MOVCOND) {
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
    for (unsigned code = LTI_ADD; code <= LTI_MULSH; code++) {
        for (uint8_t flags = 0; flags <= LTI_OP_32; flags++) {
            struct lti_op op = {.op = (uint8_t)code, .flags = flags};
            unsigned width = flags ? 32 : 64;

            if (code == LTI_MORE) {
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

/* ---- Flags, against the processor ---- */

#ifdef __x86_64__

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

#endif

/* ---- Records ---- */

/* Block 1: three instructions that each take 8 bytes of slots and write a
 * register. */
static void three_insns(uint8_t flags)
{
    struct plan *p = &plans[1];

    new_plan(p, 0x1000);
    for (unsigned i = 0; i < 3; i++) {
        add_insn(p, flags);
        add_setreg(p, i, add_slot(p, true), false);
    }
    write_block(p, 1);
}

static void put_start(void)
{
    unsigned count = run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;

    put_process(7, 8);
    put_slab();
    memset(&guest, 0, sizeof guest);
    if (run.arch == LT_ARCH_X86_64) {
        guest.regs[LTI_X86_DF] = 1;
    }
    put_regs(LTI_REGS_START, 0, guest.regs, count);
}

static void put_part(uint32_t number, uint32_t count, uint32_t slots)
{
    put_head(LTI_S_PART, 12 + slots);
    put32(number);
    put32(count);
    for (uint32_t i = 0; i < slots; i += 4) {
        put32(i);
    }
}

static void test_parts(void **state)
{
    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin(LT_ARCH_X86_64);
        if (pull) {
            pull_all();
        } else {
            all_callbacks();
        }
        three_insns(0);
        for (uint32_t count = 0; count < 6; count++) {
            for (uint32_t slots = 0; slots <= 32; slots += 4) {
                bool fits = count >= 1 && count <= 3 && slots == 8 * count;

                stream.size = 0;
                put_start();
                put_part(1, count, slots);
                put_part(1, 3, 24); /* what was cut is whole again */
                assert_int_equal(decode(&got), fits ? 0 : LT_ERR_STREAM);
                assert_int_equal(got.count, fits ? 2 * count + 6 : 0);
                check_seq(&got);
            }
        }
        /* A head alone, or half of one. */
        for (uint32_t size = 4; size < 12; size += 4) {
            stream.size = 0;
            put_start();
            put_head(LTI_S_PART, size);
            put64(1);
            put64(1);
            assert_int_equal(decode(&got), LT_ERR_STREAM);
        }
    }
}

static void test_repeats(void **state)
{
    struct plan *p = &plans[1];

    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin(LT_ARCH_X86_64);
        if (pull) {
            pull_all();
        } else {
            all_callbacks();
        }
        new_plan(p, 0x1000);
        add_insn(p, LTI_INSN_REPEATS);
        add_setreg(p, LT_X86_64_RCX, add_slot(p, true), false);
        write_block(p, 1);
        new_plan(p, 0x1004);
        add_insn(p, 0);
        write_block(p, 2);
        put_start();
        for (uint64_t rcx = 3; rcx; rcx--) {
            put32(1);
            put64(rcx - 1);
        }
        put32(2);
        put32(1);
        put64(9);
        assert_int_equal(decode(&got), 0);
        check_seq(&got);
        static const uint32_t types[] = {
            LT_EVENT_INSN, LT_EVENT_REG_WRITE, LT_EVENT_REG_WRITE, LT_EVENT_REG_WRITE,
            LT_EVENT_INSN, LT_EVENT_INSN,      LT_EVENT_REG_WRITE,
        };
        assert_int_equal(got.count, COUNT(types));
        for (unsigned i = 0; i < COUNT(types); i++) {
            assert_int_equal(got.entries[i].type, types[i]);
        }
        assert_int_equal(got.entries[3].v[1], 0);
    }
}

static void test_stats(void **state)
{
    struct lt_stats stats = {.size = sizeof stats};

    (void)state;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    three_insns(0);
    put_start();
    put_part(1, 2, 16);
    put32(1);
    put64(1);
    put64(2);
    put64(3);
    open_decoder(&got);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(take_all(), 0);
    lti_decoder_stats(run.decoder, &stats);
    assert_int_equal(stats.size, sizeof stats);
    assert_int_equal(stats.insns, 5);
    assert_int_equal(stats.blocks, 1);
    assert_int_equal(stats.stream_bytes, stream.size);
    assert_int_equal(lti_decoder_events(run.decoder), 10);
    close_decoder();
}

/* Writes that a register record makes, and what it counts. */
static void check_regs(uint32_t arch, uint32_t reason, uint32_t skip,
                       const uint64_t *after, const uint32_t *written, unsigned count,
                       unsigned mismatches)
{
    unsigned regs = arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;
    struct lt_stats stats = {.size = sizeof stats};

    for (int pull = 0; pull < 2; pull++) {
        struct log *log = &got;

        begin(arch);
        if (pull) {
            pull_all();
        } else {
            all_callbacks();
        }
        new_plan(&plans[1], 0x1000);
        add_insn(&plans[1], 0);
        write_block(&plans[1], 1);
        put_start();
        put32(1);
        put_regs(reason, skip, after, regs);
        open_decoder(log);
        lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
        assert_int_equal(take_all(), 0);
        lti_decoder_stats(run.decoder, &stats);
        assert_int_equal(stats.register_mismatches, mismatches);
        close_decoder();
        check_seq(log);
        if (log->count != 1 + count) {
            for (unsigned i = 0; i < log->count; i++) {
                show("event", &log->entries[i]);
            }
            fail_msg("reason %u of architecture %u, pull form %d", reason, arch, pull);
        }
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(log->entries[1 + i].type, LT_EVENT_REG_WRITE);
            assert_int_equal(log->entries[1 + i].pc, 0x1000);
            assert_int_equal(log->entries[1 + i].v[0], written[i]);
            if (written[i] != flags_reg()) {
                assert_int_equal(log->entries[1 + i].v[1], after[written[i]]);
            }
        }
    }
}

/* Which registers a helper's register record tells as written, when all were 0. */
static void check_wide(uint32_t arch, const uint64_t *after, const uint32_t *written,
                       unsigned count)
{
    uint64_t before[LTI_MAX_REGS] = {0};
    unsigned regs = lti_arch_info(arch)->word_count;

    for (int pull = 0; pull < 2; pull++) {
        begin(arch);
        if (pull) {
            pull_all();
        } else {
            all_callbacks();
        }
        new_plan(&plans[1], 0x1000);
        add_insn(&plans[1], 0);
        write_block(&plans[1], 1);
        before[LTI_X86_DF] = arch == LT_ARCH_X86_64;
        put_process(100, 200);
        put_regs(LTI_REGS_START, 0, before, regs);
        put32(1);
        put_regs(LTI_REGS_HELPER, 0, after, regs);
        assert_int_equal(decode(&got), 0);
        assert_int_equal(got.count, 1 + count);
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(got.entries[1 + i].type, LT_EVENT_REG_WRITE);
            assert_int_equal(got.entries[1 + i].v[0], written[i]);
        }
    }
}

static void test_register_records(void **state)
{
    uint64_t after[LTI_MAX_REGS] = {0};

    (void)state;
    after[LTI_X86_DF] = 1;
    check_regs(LT_ARCH_X86_64, LTI_REGS_START, 0, after, NULL, 0, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_HELPER, 0, after, NULL, 0, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_CHECK, 0, after, NULL, 0, 0);
    /* The result of a system call is written though it is the same. */
    check_regs(LT_ARCH_X86_64, LTI_REGS_KERNEL, 0, after, (uint32_t[]){0}, 1, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_KERNEL, 1, after, NULL, 0, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_SYSCALL, 0, after, (uint32_t[]){1, 11}, 2, 0);
    after[3] = 1;
    after[8] = 2;
    after[LT_X86_64_RIP] = 77;           /* is no event */
    after[LTI_X86_CC_OP] = LTI_CC_LOGIC; /* a result of 0 */
    check_regs(LT_ARCH_X86_64, LTI_REGS_START, 0, after, NULL, 0, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_HELPER, 0, after, (uint32_t[]){3, 8}, 2, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_HELPER, 4, after, (uint32_t[]){8}, 1, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_SIGNAL, 0, after, (uint32_t[]){3, 8, 17}, 3, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_KERNEL, 0, after, (uint32_t[]){0, 3, 8, 17}, 4,
               0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_CHECK, 0, after, NULL, 0, 3);
    check_regs(LT_ARCH_X86_64, LTI_REGS_CHECK, 4, after, NULL, 0, 2);
    check_regs(LT_ARCH_X86_64, LTI_REGS_SYSCALL, 0, after, (uint32_t[]){1, 11}, 2, 3);
    check_regs(LT_ARCH_X86_64, LTI_REGS_HELPER, UINT32_MAX, after, (uint32_t[]){3, 8}, 2,
               0);

    memset(after, 0, sizeof after);
    check_regs(LT_ARCH_AARCH64, LTI_REGS_SYSCALL, 0, after, NULL, 0, 0);
    check_regs(LT_ARCH_AARCH64, LTI_REGS_KERNEL, 0, after, (uint32_t[]){0}, 1, 0);
    after[30] = 5;
    after[LT_AARCH64_SP] = 6;
    after[LT_AARCH64_PC] = 7;
    after[LTI_A64_CF] = 1;
    check_regs(LT_ARCH_AARCH64, LTI_REGS_HELPER, 0, after, (uint32_t[]){30, 31, 33}, 3,
               0);
    check_regs(LT_ARCH_AARCH64, LTI_REGS_SIGNAL, 0, after, (uint32_t[]){30, 31, 33}, 3,
               0);
    check_regs(LT_ARCH_AARCH64, LTI_REGS_CHECK, 0, after, NULL, 0, 3);

    /* Of the two names of a vector register, the one whose part changed. */
    memset(after, 0, sizeof after);
    after[LTI_X86_DF] = 1;
    after[LTI_X86_YMM + 4 * 2] = 5;
    after[LTI_X86_YMM + 4 * 3 + 2] = 6;
    check_wide(LT_ARCH_X86_64, after,
               (uint32_t[]){LT_X86_64_XMM0 + 2, LT_X86_64_YMM0 + 3}, 2);
    memset(after, 0, sizeof after);
    after[LTI_X86_DF] = 1;
    after[LTI_X86_SELECTORS] = 0x2b;
    after[LTI_X86_FLOAT] = LTI_FLOAT_INEXACT;
    after[LTI_X86_FPR + 2 * 7 + 1] = 0x4000;
    check_wide(LT_ARCH_X86_64, after,
               (uint32_t[]){LT_X86_64_ES, LT_X86_64_MXCSR, LT_X86_64_FPR0 + 7}, 3);
    memset(after, 0, sizeof after);
    after[LTI_A64_FLOAT] = LTI_FLOAT_INVALID;
    after[LTI_A64_QC + 1] = 1;
    after[LTI_A64_TPIDR] = 7;
    after[LTI_A64_V + 2 * 31 + 1] = 1;
    check_wide(LT_ARCH_AARCH64, after,
               (uint32_t[]){LT_AARCH64_FPSR, LT_AARCH64_TPIDR_EL0, LT_AARCH64_V0 + 31},
               3);
}

static void test_syscalls(void **state)
{
    const uint64_t args[6] = {UINT64_MAX - 99, 0x5000, 2, 3, 4, 5};
    char text[4200];

    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin(LT_ARCH_X86_64);
        if (pull) {
            pull_all();
        } else {
            all_callbacks();
        }
        put_start();
        put_syscall(0x1234, 257, args, "/etc/passwd");
        put_sysret(0x1234, 257, -2);
        put_sysret(0x1234, 257, -4096); /* no error */
        put_syscall(0x1238, 39, args, NULL);
        put_sysret(0x1238, 39, 55);
        assert_int_equal(decode(&got), 0);
        check_seq(&got);
        assert_int_equal(got.count, 5);
        assert_int_equal(got.entries[0].v[0], LT_PHASE_ENTER);
        assert_int_equal(got.entries[0].v[1], 257);
        assert_int_equal(got.entries[0].pc, 0x1234);
        assert_int_equal(got.entries[0].v[4], hash_bytes(1, args, sizeof args));
        assert_int_equal(got.entries[0].v[5], hash_bytes(2, "/etc/passwd", 11));
        assert_int_equal(got.entries[1].v[0], LT_PHASE_RETURN);
        assert_int_equal(got.entries[1].v[2], -2);
        assert_int_equal(got.entries[1].v[3], 2);
        assert_int_equal(got.entries[1].v[5], got.entries[0].v[5]);
        assert_int_equal(got.entries[2].v[3], 0);
        assert_int_equal(got.entries[3].v[5], 1);
        assert_int_equal(got.entries[4].v[2], 55);
        /* Strings of every length up to the limit, and then no further. */
        for (size_t length = 0; length < sizeof text; length += 1 + length % 61) {
            memset(text, 'x', length);
            text[length] = 0;
            stream.size = 0;
            put_start();
            put_syscall(0x1234, 257, args, text);
            assert_int_equal(decode(&got), length < 4096 ? 0 : LT_ERR_STREAM);
        }
        /* A return of another call. */
        stream.size = 0;
        put_start();
        put_syscall(0x1234, 257, args, NULL);
        put_sysret(0x1234, 256, 0);
        assert_int_equal(decode(&got), LT_ERR_STREAM);
        /* Every wrong size. */
        for (uint32_t size = 4; size < 100; size += 4) {
            stream.size = 0;
            put_start();
            put_head(LTI_S_SYSCALL, size);
            for (uint32_t i = 4; i < size; i += 4) {
                put32(0);
            }
            assert_int_equal(decode(&got),
                             size >= 68 && (size - 68) % 16 == 0 ? 0 : LT_ERR_STREAM);
        }
    }
}

/* What the last system call led to. */
static uint32_t piece_count;
static struct lt_syscall_data first_piece, last_piece;
static uint8_t last_bytes[8];

static int on_pieces(lt_session *s, const struct lt_syscall *e, void *user)
{
    (void)s;
    (void)user;
    piece_count = e->data_count;
    if (e->data_count) {
        first_piece = e->data[0];
        last_piece = e->data[e->data_count - 1];
        memcpy(last_bytes, last_piece.data,
               last_piece.length < 8 ? last_piece.length : 8);
        assert_int_equal(last_piece.data[last_piece.length], 0);
    }
    return 0;
}

/* Copied memory comes with the entry, and with the return behind that of the entry. */
static void test_captures(void **state)
{
    const uint64_t args[6] = {3, 0x5000, 0x6000};

    (void)state;
    begin(LT_ARCH_X86_64);
    no_callbacks();
    add_callback(LT_EVENT_SYSCALL);
    run.callbacks.list[LT_EVENT_SYSCALL][0].fn.syscall = on_pieces;
    put_start();
    put_syscall(0x1234, 257, args, "abc");
    assert_int_equal(decode(&got), 0);
    assert_int_equal(piece_count, 1);
    assert_int_equal(last_piece.addr, 0x5000);
    assert_int_equal(last_piece.length, 3);
    assert_int_equal(last_piece.phase, LT_PHASE_ENTER);
    assert_int_equal(last_piece.is_string, 1);
    stream.size = 0;
    put_start();
    put_syscall(0x1234, 257, args, "abc");
    put_head(LTI_S_SYSRET, 28 + 2 * (16 + 4) + 16);
    put64(0x1234);
    put32(257);
    put32(0);
    put64(0);
    for (uint32_t i = 0; i < 2; i++) {
        put32(2);
        put32(4 - i); /* padded */
        put64(0x6000 + i);
        put32(0x44332211);
    }
    put32(5);
    put32(0);
    put64(0);
    assert_int_equal(decode(&got), 0);
    assert_int_equal(piece_count, 4);
    assert_int_equal(first_piece.addr, 0x5000);
    assert_int_equal(last_piece.addr, 0);
    assert_int_equal(last_piece.arg, 5);
    assert_int_equal(last_piece.length, 0);
    assert_int_equal(last_piece.phase, LT_PHASE_RETURN);
    /* The next call does not have them any more. */
    put_syscall(0x1234, 39, args, NULL);
    assert_int_equal(decode(&got), 0);
    assert_int_equal(piece_count, 0);
    /* An argument that cannot be, too many bytes, more than the record has. */
    for (unsigned bad = 0; bad < 4; bad++) {
        stream.size = 0;
        put_start();
        put_head(LTI_S_SYSCALL, 68 + 16 + (bad == 1 ? 4100 : 4));
        put64(0x1234);
        put32(257);
        put32(0);
        put(args, 48);
        put32(bad == 0 ? 6 : 0);
        put32(bad == 1 ? 4097 : bad == 2 ? 5 : bad == 3 ? UINT32_MAX : 4);
        put64(0x5000);
        for (unsigned i = 0; i < (bad == 1 ? 1025u : 1u); i++) {
            put32(0);
        }
        assert_int_equal(decode(&got), LT_ERR_STREAM);
    }
}

static void test_modules(void **state)
{
    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin(LT_ARCH_X86_64);
        if (pull) {
            pull_all();
        } else {
            all_callbacks();
        }
        put_start();
        put_map(LTI_S_MAP, 0x10000, 0x20000, 0x3000, "/lib/one");
        put_map(LTI_S_MAP, 0x14000, 0x15000, 0, "/lib/two"); /* over the middle */
        put_map(LTI_S_UNMAP, 0x0, 0x12000, 0, NULL);
        put_map(LTI_S_UNMAP, 0x70000, 0x80000, 0, NULL); /* nothing there */
        put_exit(0, 11);
        put_exit(1, 0); /* one is enough */
        assert_int_equal(decode(&got), 0);
        check_seq(&got);
        static const struct {
            uint64_t op, start, end, offset;
        } should[] = {
            {LT_MODULE_MAP, 0x10000, 0x20000, 0x3000},
            {LT_MODULE_UNMAP, 0x14000, 0x15000, 0x7000},
            {LT_MODULE_MAP, 0x14000, 0x15000, 0},
            {LT_MODULE_UNMAP, 0x10000, 0x12000, 0x3000},
        };
        assert_int_equal(got.count, COUNT(should) + 1);
        for (unsigned i = 0; i < COUNT(should); i++) {
            assert_int_equal(got.entries[i].type, LT_EVENT_MODULE);
            assert_int_equal(got.entries[i].v[0], should[i].op);
            assert_int_equal(got.entries[i].v[1], should[i].start);
            assert_int_equal(got.entries[i].v[2], should[i].end);
            assert_int_equal(got.entries[i].v[3], should[i].offset);
        }
        assert_int_equal(got.entries[4].type, LT_EVENT_EXIT);
        assert_int_equal(got.entries[4].v[1], 11);
        /* Empty and backward ranges. */
        for (unsigned kind = LTI_S_MAP; kind <= LTI_S_UNMAP; kind++) {
            for (uint64_t end = 0x1000; end <= 0x3000; end += 0x1000) {
                stream.size = 0;
                put_start();
                put_map(kind, 0x2000, end, 0, "/x");
                assert_int_equal(decode(&got), end > 0x2000 ? 0 : LT_ERR_STREAM);
            }
        }
    }
}

/* A filter's module is where the code is when its block is first seen; after
 * LTI_S_FORGET it is looked at again. */
static void test_module_filter(void **state)
{
    (void)state;
    begin(LT_ARCH_X86_64);
    no_callbacks();
    add_callback(LT_EVENT_INSN)->module = "one";
    add_callback(LT_EVENT_INSN)->module = "/lib/two";
    add_callback(LT_EVENT_MODULE)->module = "two";
    three_insns(0);
    put_start();
    for (int i = 0; i < 3; i++) {
        static const char *const paths[] = {"/lib/one", "/lib/two", "/lib/three"};

        put_map(LTI_S_MAP, 0x1000, 0x2000, 0, paths[i]);
        put_head(LTI_S_FORGET, 4);
        put_slab();
        put32(1);
        put64(1);
        put64(2);
        put64(3);
    }
    assert_int_equal(decode(&got), 0);
    check_seq(&got);
    static const struct {
        uint32_t type, who;
    } should[] = {
        {LT_EVENT_INSN, 0}, {LT_EVENT_INSN, 0}, {LT_EVENT_INSN, 0}, {LT_EVENT_MODULE, 0},
        {LT_EVENT_INSN, 1}, {LT_EVENT_INSN, 1}, {LT_EVENT_INSN, 1}, {LT_EVENT_MODULE, 0},
    };
    assert_int_equal(got.count, COUNT(should));
    for (unsigned i = 0; i < COUNT(should); i++) {
        assert_int_equal(got.entries[i].type, should[i].type);
        assert_int_equal(got.entries[i].who, should[i].who);
    }
}

static bool slab_in_use(void)
{
    return control()->slabs[0] & 1;
}

/* After LTI_S_FORGET, the slab is free and its numbers may be other blocks'; what was
 * executing goes on. */
static void test_forget(void **state)
{
    (void)state;
    control()->slabs[0] = UINT64_MAX;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    new_plan(&plans[1], 0x1000);
    add_insn(&plans[1], 0);
    write_block(&plans[1], 1);
    open_decoder(&got);
    put_start();
    put32(1);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(take_all(), 0);
    assert_int_equal(run.slabs->users[0], 1);
    assert_non_null(run.slabs->blocks[1]);
    /* The engine has no right to change it now, and it makes no difference. */
    new_plan(&plans[1], 0x2000);
    add_insn(&plans[1], 0);
    write_block(&plans[1], 1);
    stream.size = 0;
    put32(1);
    put_head(LTI_S_FORGET, 4);
    put_access(LTI_S_WRITE, 0, "x", 1); /* the old one still goes on */
    put_head(LTI_S_FORGET, 4);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_true(slab_in_use());
    assert_int_equal(take_all(), 0);
    assert_int_equal(run.slabs->users[0], 0);
    assert_null(run.slabs->blocks[1]);
    assert_false(slab_in_use());
    assert_int_equal(control()->slabs[0], UINT64_MAX - 1);
    stream.size = 0;
    put_slab();
    put32(1);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(take_all(), 0);
    assert_int_equal(run.slabs->users[0], 1);
    close_decoder();
    assert_int_equal(got.count, 4);
    assert_int_equal(got.entries[0].pc, 0x1000);
    assert_int_equal(got.entries[1].pc, 0x1000);
    assert_int_equal(got.entries[2].type, LT_EVENT_MEM_WRITE);
    assert_int_equal(got.entries[2].pc, 0x1000);
    assert_int_equal(got.entries[3].pc, 0x2000);
}

static void test_reg_read(void **state)
{
    uint64_t value;

    (void)state;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    three_insns(0);
    put_process(7, 8);
    put32(1);
    put64(1);
    put64(2);
    put64(3);
    /* Nothing is known of the registers before they were told. */
    assert_int_equal(decode(&got), 0);
    assert_int_equal(got.entries[0].reg_result, LT_ERR_STATE);
    open_decoder(&got);
    assert_int_equal(lti_decoder_reg(run.decoder, 0, &value, 8), LT_ERR_STATE);
    assert_int_equal(lti_decoder_reg(run.decoder, 0, &value, 7), LT_ERR_ARGUMENT);
    assert_int_equal(lti_decoder_reg(run.decoder, LT_X86_64_YMM0 + 16, &value, 8),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lti_decoder_reg(run.decoder, LT_X86_64_XMM0, &value, 8),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lti_decoder_reg(run.decoder, UINT32_MAX, &value, 8),
                     LT_ERR_ARGUMENT);
    stream.size = 0;
    put_start();
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(take_all(), 0);
    assert_int_equal(lti_decoder_reg(run.decoder, 0, &value, 8), LT_ERR_STATE);
    close_decoder();
}

static void test_finish(void **state)
{
    int32_t status, sig;

    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin(LT_ARCH_AARCH64);
        if (pull) {
            pull_all();
        } else {
            all_callbacks();
        }
        open_decoder(&got);
        /* Nobody's end. */
        assert_false(lti_decoder_finish(run.decoder, 5, 0));
        assert_false(lti_decoder_has_more(run.decoder));
        assert_int_equal(take_all(), 0);
        assert_int_equal(got.count, 0);
        put_process(7, 8);
        lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
        assert_int_equal(take_all(), 0);
        assert_false(lti_decoder_ended(run.decoder, &status, &sig));
        run.seq = 41; /* others had events meanwhile */
        assert_true(lti_decoder_finish(run.decoder, 5, 0));
        assert_false(lti_decoder_ended(run.decoder, &status, &sig));
        assert_true(lti_decoder_has_more(run.decoder));
        assert_true(lti_decoder_is_ready(run.decoder));
        assert_int_equal(take_all(), 0);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.entries[0].pid, 7);
        assert_int_equal(got.entries[0].tid, 8);
        assert_true(lti_decoder_ended(run.decoder, &status, &sig));
        assert_int_equal(status, 5);
        assert_false(lti_decoder_has_more(run.decoder));
        assert_false(lti_decoder_finish(run.decoder, 6, 0));
        assert_int_equal(take_all(), 0);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.entries[0].seq, 42);
        assert_int_equal(run.seq, 42);
        assert_int_equal(lti_decoder_events(run.decoder), 42);
        close_decoder();
    }
}

/* ---- Callbacks that end the run ---- */

/* A stream with every kind of event. */
static void put_everything(void)
{
    const uint64_t args[6] = {1, 2, 3, 4, 5, 6};

    put_random_start();
    put_map(LTI_S_MAP, 0x1000, 0x3000, 0, "/lib/one");
    for (unsigned n = 6; n; n--) {
        put_random_record();
    }
    put_access(LTI_S_READ, 0x8000, "0123456789abcdef0", 17);
    put_access(LTI_S_WRITE, 0x8000, "0123456789abcdef0", 17);
    guest.regs[2]++;
    guest.regs[3]++;
    put_regs(LTI_REGS_HELPER, 0, guest.regs,
             run.arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS);
    put_syscall(0x1004, 1, args, "text");
    put_sysret(0x1004, 1, -2);
    put_map(LTI_S_MAP, 0x0, 0x9000, 0, "/lib/two");
    put_random_block(1, plans[1].desc.insn_count);
    put_map(LTI_S_UNMAP, 0x2000, 0x4000, 0, NULL);
    put_exit(1, 0);
}

static void test_answers(void **state)
{
    static const int answers[] = {LT_STOP, -1234, -1};

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        begin(round & 1 ? LT_ARCH_X86_64 : LT_ARCH_AARCH64);
        random_blocks();
        all_callbacks();
        for (uint32_t type = LT_EVENT_INSN; round >= 10 && type <= LT_EVENT_EXIT;
             type++) {
            add_callback(type);
        }
        put_everything();
        run.answer_at = 0;
        assert_int_equal(decode(&want), 0);
        assert_true(want.count > 10);
        for (uint32_t at = 1; at <= want.count; at++) {
            run.answer_at = at;
            run.answer = answers[at % COUNT(answers)];
            assert_int_equal(decode_bytes(stream.bytes, stream.size, &got), run.answer);
            assert_int_equal(got.count, at);
            assert_int_equal(lti_decoder_events(run.decoder), got.entries[at - 1].seq);
            close_decoder();
            want.count = at < want.count ? want.count : at;
            assert_memory_equal(&got.entries[0], &want.entries[0],
                                (at - 1) * sizeof *got.entries);
            /* Events that pass by on the way to those that are pulled. */
            run.callbacks.pull = true;
            run.callbacks.pull_kinds = LT_KIND(LT_EVENT_EXIT);
            assert_int_equal(decode(&got_pull), run.answer);
            assert_int_equal(got_pull.count, at);
            run.callbacks.pull = false;
        }
    }
}

static void test_stop(void **state)
{
    (void)state;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    three_insns(0);
    put_start();
    open_decoder(&got);
    for (int i = 0; i < 2; i++) {
        put32(1);
        put64(1);
        put64(2);
        put64(3);
    }
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    atomic_store(&run.stop, true);
    assert_int_equal(lti_decoder_run(run.decoder), 0);
    assert_int_equal(got.count, 0);
    close_decoder();
}

/* ---- Damage ---- */

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
                (code > LTI_MULSH && code < LTI_SETREG) || code > LTI_ZERO;
            if (no_operation) {
                assert_int_equal(decode(&got), LT_ERR_STREAM);
            }
        }
    }
}

/* The same for ops that set words; the first is sound. */
static void test_damaged_words(void **state)
{
    static const struct {
        uint16_t d, a, b;
        uint32_t slot, bytes;
    } cases[] = {
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 4, 16},
        {LTI_X86_REGS - 1, LT_X86_64_XMM0, 16, 4, 16}, /* behind the last word */
        {LTI_X86_YMM, LT_X86_64_XMM0, 17, 4, 16},      /* wider than the register */
        {LTI_X86_YMM, LT_X86_64_YMM0 + 16, 16, 4, 16}, /* no register */
        {LTI_X86_YMM, LT_X86_64_RIP, 8, 4, 16},
        {LTI_X86_YMM, LT_X86_64_RFLAGS, 8, 4, 16},
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 0, 16}, /* the block's number */
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 6, 16},
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 8, 16}, /* behind the record */
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, UINT32_MAX - 3, 16},
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 4, 0},
        {LTI_X86_YMM, LT_X86_64_XMM0, 16, 4, 3},
        {0, LT_X86_64_XMM0, 16, 4, 1024},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT(cases); i++) {
        struct plan *p = &plans[1];

        begin(LT_ARCH_X86_64);
        all_callbacks();
        new_plan(p, 0x1000);
        add_insn(p, 0);
        add_op(p, LTI_WORDS, cases[i].d, cases[i].a, cases[i].b,
               cases[i].slot | (uint64_t)cases[i].bytes << 32);
        p->desc.record_size += 16;
        write_block(p, 1);
        put_start();
        put32(1);
        put64(1);
        put64(2);
        assert_int_equal(decode(&got), i == 0 ? 0 : LT_ERR_STREAM);
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
    for (unsigned round = 0; round < 40; round++) {
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
    for (unsigned round = 0; round < 40; round++) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_pieces),
#ifdef __x86_64__
        cmocka_unit_test(test_flags),
#endif
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_register_records),
        cmocka_unit_test(test_syscalls),
        cmocka_unit_test(test_captures),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_module_filter),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_reg_read),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_stop),
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
