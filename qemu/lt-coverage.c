/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Coverage: blocks and edges, counted in a map by code in front of each translation
 * block.
 *
 * The map is the caller's memory, shared with all processes of the guest that are
 * traced.  A block's place in it is known when it is translated, so that its address
 * is a constant of the generated code.  An edge's place is that of its block, xored with
 * half of that of the block before.  Where the map is aligned to its size, the thread's
 * `lt_from` is the address of the latter, and an xor makes the edge's address of it.
 *
 * Where edges have places of their own, a table says which edge a place is of: the first
 * one that came, and the next place is the next edge's.  The code looks at the first
 * place only, and calls for help if that is another's.
 *
 * Inside the host's process the map is where the host says; what is generated for one
 * that is not aligned is a little longer.
 *
 * All but lt_coverage_cpu() is under mmap_lock, or runs before there are threads.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "cpu.h"
#include "tcg/tcg.h"
#include "tcg/tcg-temp-internal.h"
#include "tcg/tcg-op.h"
#include "tcg/helper-info.h"
#include "exec/helper-proto.h"
#include "lt-inside.h"
#include "lt-target.h"
#include "stream.h"

static struct {
    struct lti_coverage *wanted; /* NULL: nothing is counted */
    struct lti_numbers *numbers; /* NULL: blocks get none any more */
    uint8_t *map;
    uint64_t entries;
    uint64_t limit; /* of numbers */
    unsigned shift; /* of an entry's number */
    bool aligned;
    bool by_module; /* ranges name files */
} s;

/* ---- The map ---- */

G_NORETURN static void fail(const char *what)
{
    snprintf(lt_control->message, sizeof(lt_control->message), "%s: %s", what,
             strerror(errno));
    _exit(126);
}

/* Maps the file at an address that is a multiple of the map's size. */
static uint8_t *map_file(int fd, uint64_t size, uint64_t offset)
{
    const uint64_t page = qemu_real_host_page_size();
    const uint64_t length = ROUND_UP(size, page);
    uint8_t *room = mmap(NULL, 2 * length, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *at = (uint8_t *)ROUND_UP((uintptr_t)room, length);

    if (room == MAP_FAILED || mmap(at, length, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_FIXED, fd, offset) == MAP_FAILED) {
        fail("the engine cannot map the coverage map");
    }
    if (at > room) {
        munmap(room, at - room);
    }
    if (at + length < room + 2 * length) {
        munmap(at + length, room + length - at);
    }
    return at;
}

void lt_coverage_start(int fd)
{
    struct lti_coverage *wanted = &lt_control->coverage;

    if (!wanted->kind) {
        return;
    }
    s.wanted = wanted;
    s.map = lt_inside ? (uint8_t *)(uintptr_t)wanted->map
                      : map_file(fd, wanted->size, wanted->offset);
    s.shift = wanted->counter == LTI_COUNTER_64 ? 3 : 0;
    s.entries = wanted->size >> s.shift;
    s.aligned = ((uintptr_t)s.map & (wanted->size - 1)) == 0;
    if (wanted->kind == LTI_COVERAGE_NUMBERS || wanted->kind == LTI_COVERAGE_EXACT) {
        s.numbers = (struct lti_numbers *)((uint8_t *)lt_control + LTI_NUMBERS_OFFSET);
    }
    s.limit = LTI_NUMBERS;
    if (wanted->kind == LTI_COVERAGE_NUMBERS) {
        s.limit = MIN(s.limit, s.entries);
    }
    s.entries =
        wanted->kind == LTI_COVERAGE_EXACT ? MIN(s.entries, LTI_EDGES) : s.entries;
    for (unsigned i = 0; i < LTI_COVERAGE_RANGES; i++) {
        s.by_module |= wanted->ranges[i].module[0] != 0;
    }
}

void lt_coverage_cpu(CPUState *cpu)
{
    const bool address = s.aligned && s.wanted && s.wanted->kind == LTI_COVERAGE_EDGES;

    cpu->neg.lt_from = address ? (uintptr_t)s.map : 0;
}

static void map_nothing(void *at, size_t size)
{
    if (mmap(at, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) == MAP_FAILED) {
        _exit(125); /* as the code goes on using it */
    }
}

/* What is translated already goes on counting, somewhere else.  A child of the host's
 * process counts on in the host's map. */
void lt_coverage_leave(void)
{
    if (lt_inside) {
        return;
    }
    map_nothing((uint8_t *)lt_session + LTI_NUMBERS_OFFSET, LTI_NUMBERS_SIZE);
    if (s.wanted) {
        map_nothing(s.map, ROUND_UP(s.wanted->size, qemu_real_host_page_size()));
        s.wanted = NULL;
    }
}

/* ---- Numbers ---- */

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0;

    for (; *text; text++) {
        hash = lti_coverage_hash(hash ^ (uint8_t)*text) + 1;
    }
    return hash ? hash : 1;
}

/* The number of the module with this path, from 1 on, or 0: there is no room. */
static uint32_t module_of(const char *path, uint64_t file, uint64_t base, uint64_t end)
{
    struct lti_numbers *n = s.numbers;
    const uint32_t size = strlen(path) + 1;
    uint32_t count = MIN(qatomic_read(&n->modules), LTI_MODULES), at;
    struct lti_number_module *m;

    for (uint32_t i = 0; i < count; i++) {
        m = &n->module[i];
        if (qatomic_load_acquire(&m->ready) && m->file == file && m->base == base) {
            return i + 1;
        }
    }
    if (count == LTI_MODULES || qatomic_read(&n->path_bytes) + size > LTI_MODULE_PATHS) {
        return 0;
    }
    at = qatomic_fetch_add(&n->path_bytes, size);
    count = qatomic_fetch_add(&n->modules, 1);
    if (count >= LTI_MODULES || at + size > LTI_MODULE_PATHS) {
        return 0;
    }
    m = &n->module[count];
    m->base = base;
    m->end = end;
    m->file = file;
    m->path = at;
    m->path_size = size - 1;
    memcpy(n->paths + at, path, size);
    qatomic_store_release(&m->ready, 1);
    return count + 1;
}

/* What is known of a file that has code. */
struct file {
    char *path;
    uint64_t base, hash;
    uint32_t module;
};

/* Blocks of one file follow each other. */
static const struct file *file_of(const char *path, uint64_t base, uint64_t end)
{
    static struct file last;

    if (!last.path || last.base != base || strcmp(last.path, path) != 0) {
        g_free(last.path);
        last.path = g_strdup(path);
        last.base = base;
        last.hash = hash_of(path);
        last.module = module_of(path, last.hash, base, end);
    }
    return &last;
}

static bool is_same(const struct lti_number *a, const struct lti_number *b)
{
    return a->offset == b->offset && a->size == b->size && a->file == b->file;
}

/* The block's number, or 0 if there is none left. */
static uint32_t number_of(uint64_t pc, uint32_t size)
{
    struct lti_numbers *n = s.numbers;
    struct lti_number block = {.pc = pc, .offset = pc, .size = size};
    uint64_t base = 0, end = 0;
    g_autofree char *path = lt_file_at(pc, &base, &end);
    uint32_t own = 0, slot;

    if (path) {
        const struct file *file = file_of(path, base, end);

        block.offset = pc - base;
        block.file = file->hash;
        block.module = file->module;
    }
    /* Neighbours in memory are neighbours there. */
    slot = lti_coverage_hash(block.file) + block.offset / 2;
    for (uint32_t tries = 0; tries < LTI_NUMBERS_INDEX; tries++, slot++) {
        uint32_t *entry = &n->index[slot % LTI_NUMBERS_INDEX];
        uint32_t known = qatomic_load_acquire(entry);

        if (known == 0) {
            if (!own) {
                if (qatomic_read(&n->count) >= s.limit - 1) {
                    return 0;
                }
                own = qatomic_fetch_add(&n->count, 1) + 1;
                if (own >= s.limit) {
                    return 0;
                }
                n->number[own] = block;
            }
            known = qatomic_cmpxchg(entry, 0, own);
            if (known == 0) {
                return own;
            }
        }
        if (known < LTI_NUMBERS && is_same(&n->number[known], &block)) {
            if (own) {
                n->number[own].size = 0;
            }
            return known;
        }
    }
    return 0;
}

/* ---- Edges that have places of their own ---- */

/* Counts an edge that is not at its first place. */
static void count_edge(uint64_t edge)
{
    const uint64_t mask = s.entries - 1;
    uint64_t place = 0;
    uint8_t *entry;

    for (uint64_t i = 0; i < LTI_EDGE_TRIES; i++) {
        uint64_t at = (edge + i) & mask, known;

        if (at == 0) {
            continue; /* that of all others */
        }
        known = qatomic_read(&s.numbers->edge[at]);
        if (known == 0) {
            known = qatomic_cmpxchg(&s.numbers->edge[at], 0, edge);
        }
        if (known == 0 || known == edge) {
            place = at;
            break;
        }
    }
    entry = s.map + (place << s.shift);
    if (s.wanted && s.wanted->counter == LTI_COUNTER_64) {
        uint64_t *count = (uint64_t *)entry;

        qatomic_set(count, qatomic_read(count) + 1);
    } else if (s.wanted && s.wanted->counter == LTI_COUNTER_FLAG) {
        qatomic_set(entry, 1);
    } else {
        unsigned count = qatomic_read(entry) + 1;
        bool carry = s.wanted && s.wanted->counter == LTI_COUNTER_NEVER_ZERO;

        qatomic_set(entry, carry ? count | count >> 8 : count);
    }
}

static TCGHelperInfo count_edge_info = {
    .func = count_edge,
    .name = "lt_count_edge",
    .flags = TCG_CALL_NO_RWG,
    .typemask = dh_typemask(void, 0) | dh_typemask(i64, 1),
};

/* ---- The code ---- */

static intptr_t from_offset(void)
{
    return (intptr_t)(offsetof(CPUState, neg) +
                      offsetof(CPUNegativeOffsetState, lt_from)) -
           (intptr_t)sizeof(CPUState);
}

/* Counts up what is at `entry`. */
static void gen_count(TCGv_ptr entry)
{
    if (s.wanted->counter == LTI_COUNTER_FLAG) {
        tcg_gen_st8_i32(tcg_constant_i32(1), entry, 0);
    } else if (s.wanted->counter == LTI_COUNTER_64) {
        TCGv_i64 count = tcg_temp_ebb_new_i64();

        tcg_gen_ld_i64(count, entry, 0);
        tcg_gen_addi_i64(count, count, 1);
        tcg_gen_st_i64(count, entry, 0);
        tcg_temp_free_i64(count);
    } else {
        TCGv_i32 count = tcg_temp_ebb_new_i32();

        tcg_gen_ld8u_i32(count, entry, 0);
        tcg_gen_addi_i32(count, count, 1);
        if (s.wanted->counter == LTI_COUNTER_NEVER_ZERO) {
            TCGv_i32 carry = tcg_temp_ebb_new_i32();

            tcg_gen_shri_i32(carry, count, 8);
            tcg_gen_or_i32(count, count, carry);
            tcg_temp_free_i32(carry);
        }
        tcg_gen_st8_i32(count, entry, 0);
        tcg_temp_free_i32(count);
    }
}

static void gen_block(uint64_t place)
{
    gen_count(tcg_constant_ptr(s.map + (place << s.shift)));
}

static void gen_edge(uint64_t place)
{
    const uint64_t next = place >> 1 << s.shift;
    TCGv_ptr entry = tcg_temp_ebb_new_ptr();

    tcg_gen_ld_ptr(entry, tcg_env, from_offset());
    tcg_gen_xori_i64((TCGv_i64)entry, (TCGv_i64)entry, place << s.shift);
    if (!s.aligned) {
        tcg_gen_add_ptr(entry, entry, tcg_constant_ptr(s.map));
    }
    gen_count(entry);
    tcg_temp_free_ptr(entry);
    tcg_gen_st_i64(tcg_constant_i64((s.aligned ? (uintptr_t)s.map : 0) + next), tcg_env,
                   from_offset());
}

/* The edge from where the thread was to the block. */
static TCGv_i64 gen_exact(uint64_t to)
{
    TCGv_i64 edge = tcg_temp_ebb_new_i64();

    tcg_gen_ld_i64(edge, tcg_env, from_offset());
    tcg_gen_xori_i64(edge, edge, to);
    return edge;
}

static void gen_exact_edge(uint32_t number, uint64_t hash)
{
    const uint64_t place = hash & (s.entries - 1), to = (uint64_t)number << 24 | place;
    TCGLabel *other = gen_new_label(), *done = gen_new_label();
    TCGv_i64 edge = gen_exact(to), at = tcg_temp_ebb_new_i64();
    TCGv_i64 key = tcg_temp_ebb_new_i64();

    tcg_gen_andi_i64(at, edge, s.entries - 1);
    tcg_gen_shli_i64(key, at, 3);
    tcg_gen_add_i64(key, key, tcg_constant_i64((uintptr_t)s.numbers->edge));
    tcg_gen_ld_i64(key, (TCGv_ptr)key, 0);
    tcg_gen_brcond_i64(TCG_COND_NE, key, edge, other);
    /* Temporaries end with a branch. */
    edge = gen_exact(to);
    tcg_gen_andi_i64(edge, edge, s.entries - 1);
    tcg_gen_shli_i64(edge, edge, s.shift);
    tcg_gen_add_i64(edge, edge, tcg_constant_i64((uintptr_t)s.map));
    gen_count((TCGv_ptr)edge);
    tcg_gen_br(done);
    gen_set_label(other);
    edge = gen_exact(to);
    tcg_gen_call1(count_edge, &count_edge_info, NULL, tcgv_i64_temp(edge));
    gen_set_label(done);
    tcg_gen_st_i64(tcg_constant_i64((uint64_t)number << 44 | place >> 1), tcg_env,
                   from_offset());
}

static bool is_wanted(uint64_t pc)
{
    const struct lti_coverage *wanted = s.wanted;
    const uint32_t count = MIN(wanted->range_count, LTI_COVERAGE_RANGES);
    const uint32_t excluded = MIN(wanted->exclude_count, LTI_COVERAGE_RANGES - count);
    g_autofree char *path = NULL;
    uint64_t base, end;
    bool included = count == 0;

    if (s.by_module) {
        path = lt_file_at(pc, &base, &end);
    }
    for (uint32_t i = 0; i < count && !included; i++) {
        included = lt_in_range(&wanted->ranges[i], pc, path);
    }
    for (uint32_t i = 0; i < excluded && included; i++) {
        included = !lt_in_range(&wanted->ranges[LTI_COVERAGE_RANGES - 1 - i], pc, path);
    }
    return included;
}

bool lt_coverage_counts(void)
{
    return s.wanted != NULL;
}

void lt_coverage_block(TCGOp *first, uint64_t pc, uint32_t size)
{
    uint64_t place;
    uint32_t number;

    if (!s.wanted || !is_wanted(pc)) {
        return;
    }
    tcg_ctx->emit_before_op = first;
    switch (s.wanted->kind) {
    case LTI_COVERAGE_NUMBERS:
        gen_block(s.numbers ? number_of(pc, size) : 0);
        break;
    case LTI_COVERAGE_EDGES:
        gen_edge(lti_coverage_hash(pc) & (s.entries - 1));
        break;
    case LTI_COVERAGE_EXACT:
        number = s.numbers ? number_of(pc, size) : 0;
        if (number) {
            gen_exact_edge(number, lti_coverage_hash(pc));
        } else {
            gen_block(0);
        }
        break;
    default:
        place = lti_coverage_hash(pc) & (s.entries - 1);
        gen_block(place);
        break;
    }
    tcg_ctx->emit_before_op = NULL;
}
