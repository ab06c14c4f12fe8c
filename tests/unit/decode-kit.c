/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See decode-kit.h. */
#include "decode-kit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "registers.h"

static uint64_t random_state = 0x853c49e6748fea9b;

uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

uint32_t below(uint32_t n)
{
    return (uint32_t)((random64() >> 16) % n);
}

uint64_t operand(void)
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

uint8_t *arena;
uint64_t desc_used; /* of the first slab, its index included */

int make_arena(void **state)
{
    (void)state;
    arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return arena == MAP_FAILED ? -1 : 0;
}

int free_arena(void **state)
{
    (void)state;
    return munmap(arena, LTI_ARENA_SIZE);
}

struct lti_control *control(void)
{
    return (struct lti_control *)(void *)arena;
}

void new_plan(struct plan *p, uint64_t pc)
{
    memset(p, 0, sizeof *p);
    p->desc.pc = pc;
    p->desc.record_size = 4;
}

void add_insn(struct plan *p, uint8_t flags)
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

struct lti_op *add_op(struct plan *p, unsigned op, unsigned d, unsigned a, unsigned b,
                      uint64_t imm)
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

unsigned new_value(struct plan *p)
{
    return p->desc.value_count++;
}

unsigned add_slot(struct plan *p, bool wide)
{
    unsigned v = new_value(p);

    add_op(p, wide ? LTI_SLOT64 : LTI_SLOT32, v, 0, 0, p->desc.record_size);
    p->desc.record_size += wide ? 8 : 4;
    return v;
}

unsigned add_const(struct plan *p, uint64_t imm)
{
    unsigned v = new_value(p);

    add_op(p, LTI_CONST, v, 0, 0, imm);
    return v;
}

unsigned add_two(struct plan *p, unsigned op, unsigned a, unsigned b)
{
    unsigned v = new_value(p);

    add_op(p, op, v, a, b, 0);
    return v;
}

void add_setreg(struct plan *p, unsigned reg, unsigned v, bool hidden)
{
    add_op(p, LTI_SETREG, reg, v, 0, 0)->flags = hidden ? LTI_OP_HIDDEN : 0;
}

void set_index(uint32_t number, uint64_t offset)
{
    uint32_t at = (uint32_t)(offset / 16);

    memcpy(arena + LTI_DESC_OFFSET + 4ull * number, &at, 4);
}

void write_block(struct plan *p, uint32_t number)
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

struct stream stream;

void put(const void *bytes, size_t size)
{
    assert_true(stream.size + size <= sizeof stream.bytes);
    memcpy(stream.bytes + stream.size, bytes, size);
    stream.size += size;
}

void put32(uint32_t v)
{
    put(&v, 4);
}

void put64(uint64_t v)
{
    put(&v, 8);
}

void put_head(unsigned kind, size_t size)
{
    put32(LTI_SPECIAL_HEAD(kind, (uint32_t)size));
}

static void put_padded(const char *text, size_t size)
{
    put(text, size);
    put("\0\0\0", (4 - size % 4) % 4);
}

void put_regs(uint32_t reason, uint32_t skip, const uint64_t *regs, unsigned count)
{
    put_head(LTI_S_REGS, 12 + 8 * count);
    put32(reason);
    put32(skip);
    put(regs, 8 * count);
}

void put_map(unsigned kind, uint64_t start, uint64_t end, uint64_t offset,
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

void put_access(unsigned kind, uint64_t addr, const void *bytes, uint32_t length)
{
    put_head(kind, 20 + ((length + 3) & ~3u));
    put64(addr);
    put32(length);
    put32(0);
    put_padded(bytes, length);
}

void put_syscall(uint64_t pc, uint32_t nr, const uint64_t args[6], const char *text)
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

void put_sysret(uint64_t pc, uint32_t nr, int64_t ret)
{
    put_head(LTI_S_SYSRET, 28);
    put64(pc);
    put32(nr);
    put32(0);
    put(&ret, 8);
}

void put_exit(int32_t status, int32_t sig)
{
    put_head(LTI_S_EXIT, 12);
    put(&status, 4);
    put(&sig, 4);
}

/* ---- The log of events ---- */

struct log got, got_pull, want;

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

struct entry *add_entry(struct log *log)
{
    assert_true(log->count < MAX_ENTRIES);
    memset(&log->entries[log->count], 0, sizeof *log->entries);
    return &log->entries[log->count++];
}

struct run run;
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

unsigned flags_reg(void)
{
    return run.arch == LT_ARCH_X86_64 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV;
}

static void fill_regs(struct entry *e)
{
    const struct lti_arch *arch = lti_arch_info(run.arch);

    e->regs = 1;
    for (unsigned i = 0; i < arch->held_count; i++) {
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

struct lt_filter *add_callback(uint32_t type)
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

void no_callbacks(void)
{
    memset(&run.callbacks, 0, sizeof run.callbacks);
}

void all_callbacks(void)
{
    no_callbacks();
    for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_EXIT; type++) {
        add_callback(type);
    }
}

void pull_all(void)
{
    no_callbacks();
    run.callbacks.pull = true;
    run.callbacks.pull_kinds = KINDS;
}

void begin(uint32_t arch)
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

void begin_all(uint32_t arch, int pull)
{
    begin(arch);
    if (pull) {
        pull_all();
    } else {
        all_callbacks();
    }
}

void put_process(uint32_t pid, uint32_t tid)
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

void put_slab(void)
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

void open_decoder(struct log *log)
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

    run.slabs->compile_after = run.compile ? 0 : LTI_ALWAYS_COLD;
    run.seq = run.stamp = 0;
    run.insns_left = INT64_MAX;
    atomic_store(&run.stop, false);
    run.log = log;
    log->count = 0;
    run.calls = 0;
    assert_int_equal(lti_decoder_create(&config, &run.decoder), 0);
}

int run_both(int (*group)(void))
{
    int failed = group();

    run.compile = true;
    return failed + group();
}

void close_decoder(void)
{
    lti_decoder_destroy(run.decoder);
    lti_slabs_destroy(run.slabs);
    lti_paths_destroy(run.paths);
}

int take_all(void)
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

int decode_bytes(const uint8_t *bytes, size_t size, struct log *log)
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

int decode(struct log *log)
{
    int result = decode_bytes(stream.bytes, stream.size, log);

    close_decoder();
    return result;
}

void show(const char *whose, const struct entry *e)
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

void compare(const struct log *is, const struct log *should, bool any_who)
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

void check_seq(const struct log *log)
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

int last_value(lt_session *s, const struct lt_reg_write *e, void *user)
{
    (void)s;
    *(uint64_t *)user = e->value;
    return 0;
}
