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
#include "lt-inside.h"
#include "lt-target.h"
#include "stream.h"

static struct {
    struct lti_coverage *wanted; /* NULL: nothing is counted */
    struct lti_numbers *numbers; /* NULL: blocks get none any more */
    uint8_t *map;
    uint64_t entries;
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
    if (wanted->kind == LTI_COVERAGE_NUMBERS) {
        s.numbers = (struct lti_numbers *)((uint8_t *)lt_control + LTI_NUMBERS_OFFSET);
    }
    for (unsigned i = 0; i < LTI_COVERAGE_RANGES; i++) {
        s.by_module |= wanted->ranges[i].module[0] != 0;
    }
}

void lt_coverage_cpu(CPUState *cpu)
{
    cpu->neg.lt_from = s.aligned ? (uintptr_t)s.map : 0;
}

/* What is translated already goes on counting, somewhere else. */
void lt_coverage_leave(void)
{
    struct lti_coverage *wanted = s.wanted;

    s.numbers = NULL; /* they are in the arena */
    if (!wanted || lt_inside) {
        return;
    }
    mmap(s.map, wanted->size, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    s.wanted = NULL;
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
        block.offset = pc - base;
        block.file = hash_of(path);
        block.module = module_of(path, block.file, base, end);
    }
    /* Neighbours in memory are neighbours there. */
    slot = lti_coverage_hash(block.file) + block.offset / 2;
    for (uint32_t tries = 0; tries < LTI_NUMBERS_INDEX; tries++, slot++) {
        uint32_t *entry = &n->index[slot % LTI_NUMBERS_INDEX];
        uint32_t known = qatomic_load_acquire(entry);

        if (known == 0) {
            if (!own) {
                if (qatomic_read(&n->count) >= MIN(LTI_NUMBERS, s.entries) - 1) {
                    return 0;
                }
                own = qatomic_fetch_add(&n->count, 1) + 1;
                if (own >= MIN(LTI_NUMBERS, s.entries)) {
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

void lt_coverage_block(TCGOp *first, uint64_t pc, uint32_t size)
{
    uint64_t place;

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
    default:
        place = lti_coverage_hash(pc) & (s.entries - 1);
        gen_block(place);
        break;
    }
    tcg_ctx->emit_before_op = NULL;
}
