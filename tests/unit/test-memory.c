/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The copy of the guest's memory, against plain arrays of bytes; and the records that
 * it is made from, as events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants those before it. */
#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "decode.h"
#include "lt/lt.h"
#include "memory.h"

#define PAGE ((uint64_t)LTI_PAGE_SIZE)
#define BASE UINT64_C(0x7f0000000000)
#define PAGES 48u
#define OBJECTS 3u
#define PROCESSES 3u

/* ---- The copy against a model ---- */

/* What a process has at each page: nothing, bytes of its own, or an object's. */
struct model {
    bool mapped[PAGES];
    unsigned object[PAGES]; /* 0: none */
    unsigned offset[PAGES]; /* pages */
    uint8_t data[PAGES][LTI_PAGE_SIZE];
};

static struct model models[PROCESSES];
static uint8_t objects[OBJECTS + 1][PAGES][LTI_PAGE_SIZE];
static struct lti_memory *memories[PROCESSES];
static uint32_t seed;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 4) * limit >> 28);
}

static uint8_t *model_page(struct model *m, unsigned i)
{
    return m->object[i] != 0 ? objects[m->object[i]][m->offset[i]] : m->data[i];
}

/* An object that nobody maps has no contents that are known. */
static void forget_objects(void)
{
    for (unsigned o = 1; o <= OBJECTS; o++) {
        bool used = false;
        for (unsigned p = 0; p < PROCESSES; p++) {
            for (unsigned i = 0; memories[p] != NULL && i < PAGES; i++) {
                used |= models[p].mapped[i] && models[p].object[i] == o;
            }
        }
        if (!used) {
            memset(objects[o], 0, sizeof objects[o]);
        }
    }
}

static void model_unmap(struct model *m, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        m->mapped[i] = false;
        m->object[i] = 0;
        memset(m->data[i], 0, PAGE);
    }
}

static void model_zero(struct model *m, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        memset(model_page(m, i), 0, PAGE);
        memset(m->data[i], 0, PAGE);
    }
}

static void change(unsigned p)
{
    struct model *m = &models[p];
    unsigned first = random_below(PAGES), count = 1 + random_below(PAGES - first);
    unsigned object = random_below(OBJECTS + 1), offset = random_below(PAGES - count + 1);
    struct lti_range_change c = {
        .op = random_below(6),
        .start = BASE + first * PAGE,
        .end = BASE + (first + count) * PAGE,
    };
    unsigned from = random_below(PAGES - count + 1);
    struct model old = *m;

    switch (c.op) {
    case LT_MAP_MAP:
        c.flags = object != 0 ? LT_MAP_SHARED : 0;
        c.device = 5;
        c.inode = object;
        c.offset = object != 0 ? offset * PAGE : 0;
        model_unmap(m, first, count);
        for (unsigned i = 0; i < count; i++) {
            m->mapped[first + i] = true;
            m->object[first + i] = object;
            m->offset[first + i] = offset + i;
        }
        model_zero(m, first, count);
        break;
    case LT_MAP_UNMAP:
        model_unmap(m, first, count);
        break;
    case LT_MAP_ZERO:
        model_zero(m, first, count);
        break;
    case LT_MAP_MOVE:
        /* As the kernel does it: never onto itself. */
        if (from < first + count && first < from + count) {
            return;
        }
        c.from = BASE + from * PAGE;
        model_unmap(m, first, count);
        model_unmap(m, from, count);
        for (unsigned i = 0; i < count; i++) {
            m->mapped[first + i] = old.mapped[from + i];
            m->object[first + i] = old.object[from + i];
            m->offset[first + i] = old.offset[from + i];
            memcpy(m->data[first + i], old.data[from + i], PAGE);
        }
        break;
    default:
        c.op = LT_MAP_PROTECT;
        break;
    }
    assert_int_equal(lti_memory_change(memories[p], &c), 0);
    forget_objects();
}

static void store(unsigned p)
{
    uint8_t bytes[3 * LTI_PAGE_SIZE];
    uint64_t at = random_below(PAGES * LTI_PAGE_SIZE);
    uint64_t size = 1 + random_below(random_below(4) == 0 ? sizeof bytes : 16);

    if (at + size > PAGES * PAGE) {
        size = PAGES * PAGE - at;
    }
    for (uint64_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)random_below(256);
        model_page(&models[p], (unsigned)((at + i) / PAGE))[(at + i) % PAGE] = bytes[i];
    }
    assert_int_equal(lti_memory_write(memories[p], BASE + at, bytes, size), 0);
}

static void compare(unsigned p)
{
    static uint8_t bytes[PAGES * LTI_PAGE_SIZE];
    struct model *m = &models[p];
    unsigned first = random_below(PAGES), mapped = 0;

    lti_memory_peek(memories[p], BASE, bytes, sizeof bytes);
    for (unsigned i = 0; i < PAGES; i++) {
        assert_memory_equal(bytes + i * PAGE, model_page(m, i), PAGE);
    }
    while (first + mapped < PAGES && m->mapped[first + mapped]) {
        mapped++;
    }
    assert_int_equal(lti_memory_read(memories[p], BASE + first * PAGE + 5, bytes,
                                     (PAGES - first) * PAGE - 5),
                     mapped != 0 ? mapped * PAGE - 5 : 0);
    for (unsigned i = 0; i < mapped; i++) {
        uint64_t skip = i == 0 ? 5 : 0;
        assert_memory_equal(bytes + (i != 0 ? i * PAGE - 5 : 0),
                            model_page(m, first + i) + skip, PAGE - skip);
    }
}

static void test_model(void **state)
{
    (void)state;
    for (seed = 1; seed < 40; seed++) {
        uint32_t start = seed;

        memset(models, 0, sizeof models);
        memset(objects, 0, sizeof objects);
        memset(memories, 0, sizeof memories);
        assert_int_equal(lti_memory_create(&memories[0]), 0);
        for (unsigned i = 0; i < 1500; i++) {
            unsigned p = random_below(PROCESSES), q = random_below(PROCESSES);

            if (memories[p] == NULL) {
                /* A fork of a process that there is. */
                while (memories[q] == NULL) {
                    q = (q + 1) % PROCESSES;
                }
                models[p] = models[q];
                assert_int_equal(lti_memory_clone(memories[q], &memories[p]), 0);
            } else if (random_below(300) == 0) {
                lti_memory_clear(memories[p]);
                memset(&models[p], 0, sizeof models[p]);
            } else if (random_below(300) == 0 && q != p && memories[q] != NULL) {
                lti_memory_destroy(memories[p]);
                memories[p] = NULL;
            } else if (random_below(4) == 0) {
                change(p);
            } else {
                store(p);
            }
            forget_objects();
            if (i % 16 == 0 && memories[p] != NULL) {
                compare(p);
            }
        }
        for (unsigned p = 0; p < PROCESSES; p++) {
            lti_memory_destroy(memories[p]);
        }
        seed = start;
    }
}

/* What no kernel says does no harm, and reservations cost nothing. */
static void test_extremes(void **state)
{
    struct lti_memory *m;
    uint8_t bytes[16] = {1};

    (void)state;
    assert_int_equal(lti_memory_create(&m), 0);
    for (uint32_t op = 0; op < 8; op++) {
        struct lti_range_change c = {
            .op = op, .start = 0, .end = UINT64_MAX & ~(PAGE - 1), .from = 0};
        assert_int_equal(lti_memory_change(m, &c), 0);
        c.start = PAGE;
        c.from = UINT64_C(1) << 40;
        c.end = UINT64_C(1) << 46;
        c.flags = op == 0 ? LT_MAP_SHARED : 0;
        assert_int_equal(lti_memory_change(m, &c), 0);
        assert_int_equal(lti_memory_write(m, 0, bytes, sizeof bytes), 0);
        assert_int_equal(lti_memory_write(m, PAGE - 8, bytes, sizeof bytes), 0);
        assert_int_equal(lti_memory_write(m, UINT64_MAX - 7, bytes, 8), 0);
    }
    lti_memory_destroy(m);
    lti_memory_destroy(NULL);

    assert_int_equal(lti_memory_create(&m), 0);
    struct lti_range_change c = {
        .op = LT_MAP_MAP, .start = BASE, .end = BASE + (1ull << 40)};
    assert_int_equal(lti_memory_change(m, &c), 0);
    assert_int_equal(lti_memory_read(m, BASE + (1ull << 39), bytes, sizeof bytes),
                     sizeof bytes);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(lti_memory_read(m, BASE + (1ull << 40) - 3, bytes, sizeof bytes), 3);
    assert_int_equal(lti_memory_read(m, BASE - 1, bytes, sizeof bytes), 0);
    lti_memory_destroy(m);
}

/* ---- Records ---- */

static uint8_t stream[1 << 16];
static size_t used;
static uint8_t *arena;

static void put(const void *bytes, size_t size)
{
    memcpy(stream + used, bytes, size);
    used += size;
}

static void put32(uint32_t v)
{
    put(&v, 4);
}

static void put64(uint64_t v)
{
    put(&v, 8);
}

static void put_range(const struct lti_range_change *c, const char *path)
{
    put32(LTI_SPECIAL_HEAD(LTI_S_RANGE, 4 + (uint32_t)sizeof *c + c->path_size));
    put(c, sizeof *c);
    put(path, c->path_size);
}

static void put_data(uint64_t addr, const char *text, uint32_t size)
{
    put32(LTI_SPECIAL_HEAD(LTI_S_DATA, 20 + size));
    put64(addr);
    put32(size);
    put32(0);
    put(text, size);
}

static void put_kernel(uint64_t pc, uint64_t addr, const char *text, uint32_t size)
{
    put32(LTI_SPECIAL_HEAD(LTI_S_KERNEL, 28 + ((size + 3) & ~3u)));
    put64(pc);
    put64(addr);
    put32(size);
    put32(0);
    put(text, size);
    put("\0\0\0", -size & 3);
}

struct seen {
    struct lti_decoder *decoder;
    unsigned maps, writes;
    struct lt_map map[8];
    char path[8][32];
};

static int on_map(lt_session *session, const struct lt_map *e, void *user)
{
    struct seen *seen = user;

    (void)session;
    assert_int_equal(e->type, LT_EVENT_MAP);
    assert_int_equal(e->size, sizeof *e);
    assert_int_equal(e->pid, 7);
    if (e->op == LT_MAP_DATA) {
        char now[4];
        assert_memory_equal(e->data, "data", 4);
        assert_int_equal(lti_decoder_mem(seen->decoder, e->start, now, 4), 4);
        assert_memory_equal(now, "data", 4);
    } else {
        assert_null(e->data);
    }
    if (e->path != NULL) {
        strcpy(seen->path[seen->maps], e->path);
    }
    seen->map[seen->maps++] = *e;
    return 0;
}

static int on_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct seen *seen = user;
    char now[5];

    (void)session;
    assert_int_equal(e->by, LT_BY_KERNEL);
    assert_int_equal(e->pc, 0x400100);
    assert_int_equal(e->length, 5);
    assert_memory_equal(e->data, "write", 5);
    assert_memory_equal(e->old, "data\0", 5);
    assert_int_equal(lti_decoder_mem(seen->decoder, e->addr, now, 5), 5);
    assert_memory_equal(now, "write", 5);
    seen->writes++;
    return 0;
}

static const struct lti_range_change mapped = {
    .op = LT_MAP_MAP,
    .prot = LT_PROT_READ,
    .flags = LT_MAP_SHARED,
    .path_size = 8,
    .start = BASE,
    .end = BASE + 4 * LTI_PAGE_SIZE,
    .offset = LTI_PAGE_SIZE,
    .device = 3,
    .inode = 4,
};

static struct lti_slabs *slabs;
static struct lti_paths *paths;

static struct lti_decoder *open_decoder(struct lti_callbacks *callbacks)
{
    static atomic_bool stop;
    static uint64_t seq, stamp, insns_left;
    struct lti_decoder *decoder;

    insns_left = INT64_MAX;
    assert_int_equal(lti_slabs_create(arena, &slabs), 0);
    assert_int_equal(lti_paths_create(&paths), 0);
    const struct lti_decoder_config config = {
        .record = LTI_RECORD_REGS,
        .arena = arena,
        .callbacks = callbacks,
        .slabs = slabs,
        .paths = paths,
        .seq = &seq,
        .stamp = &stamp,
        .insns_left = &insns_left,
        .stop = &stop,
    };
    assert_int_equal(lti_decoder_create(&config, &decoder), 0);
    used = 0;
    put32(LTI_SPECIAL_HEAD(LTI_S_PROCESS, 32));
    put32(7);
    put32(8);
    put32(1);
    put32(LT_ARCH_X86_64);
    put32(LTI_PROCESS_START);
    put32(2);
    put("/x\0", 4);
    return decoder;
}

static void close_decoder(struct lti_decoder *decoder)
{
    lti_decoder_destroy(decoder);
    lti_slabs_destroy(slabs);
    lti_paths_destroy(paths);
}

static struct lti_callbacks *callbacks_of(struct seen *seen)
{
    static struct lti_callbacks callbacks;

    memset(&callbacks, 0, sizeof callbacks);
    callbacks.memory = true;
    callbacks.list[LT_EVENT_MAP][0] =
        (struct lti_callback){.fn.map = on_map, .user = seen};
    callbacks.count[LT_EVENT_MAP] = 1;
    callbacks.list[LT_EVENT_MEM_WRITE][0] =
        (struct lti_callback){.fn.mem = on_write, .user = seen};
    callbacks.count[LT_EVENT_MEM_WRITE] = 1;
    return &callbacks;
}

static void test_records(void **state)
{
    struct seen seen = {.maps = 0};
    struct lti_callbacks *callbacks = callbacks_of(&seen);
    struct lti_decoder *d = open_decoder(callbacks);
    struct lti_range_change c = mapped;
    struct lt_stats stats = {.size = sizeof stats};
    uint8_t page[LTI_PAGE_SIZE] = "xwrite";
    char byte;

    (void)state;
    seen.decoder = d;
    put_range(&c, "/a/file\0");
    put_data(BASE + 1, "data", 4);
    put_kernel(0x400100, BASE + 1, "write", 5);
    put32(LTI_SPECIAL_HEAD(LTI_S_CHECK, 4 + 16 + 16));
    put64(BASE);
    put32(2);
    put32(0);
    page[0] = 0;
    put64(lti_page_hash(page));
    put64(1); /* which is not what a page of zeros has */
    c = (struct lti_range_change){
        .op = LT_MAP_MOVE, .start = BASE + (1 << 20), .end = BASE + (1 << 20) + PAGE};
    c.from = BASE;
    put_range(&c, "");
    lti_decoder_feed(d, stream, stream + used);
    assert_int_equal(lti_decoder_run(d), 0);
    assert_int_equal(seen.maps, 3);
    assert_int_equal(seen.writes, 1);
    assert_int_equal(seen.map[0].op, LT_MAP_MAP);
    assert_int_equal(seen.map[0].prot, LT_PROT_READ);
    assert_int_equal(seen.map[0].flags, LT_MAP_SHARED);
    assert_int_equal(seen.map[0].start, BASE);
    assert_int_equal(seen.map[0].end, BASE + 4 * PAGE);
    assert_int_equal(seen.map[0].offset, PAGE);
    assert_int_equal(seen.map[0].device, 3);
    assert_int_equal(seen.map[0].inode, 4);
    assert_string_equal(seen.path[0], "/a/file");
    assert_int_equal(seen.map[1].op, LT_MAP_DATA);
    assert_int_equal(seen.map[1].end, BASE + 5);
    assert_int_equal(seen.map[2].op, LT_MAP_MOVE);
    assert_int_equal(seen.map[2].from, BASE);
    assert_null(seen.map[2].path);
    lti_decoder_stats(d, &stats);
    assert_int_equal(stats.memory_checks, 2);
    assert_int_equal(stats.memory_mismatches, 1);
    /* No event is in hand any more. */
    assert_int_equal(lti_decoder_mem(d, BASE, &byte, 1), LT_ERR_STATE);
    close_decoder(d);
}

/* Filters of addresses, files and code. */
static void test_filters(void **state)
{
    struct seen seen = {.maps = 0};
    struct lti_callbacks *callbacks = callbacks_of(&seen);
    struct lt_filter *f = &callbacks->list[LT_EVENT_MAP][0].filter;

    (void)state;
    callbacks->list[LT_EVENT_MEM_WRITE][0].filter.pc_start = 0x400101;
    for (unsigned i = 0; i < 4; i++) {
        struct lti_decoder *d = open_decoder(callbacks);

        seen.decoder = d;
        f->addr_start = i == 1 ? BASE + 4 * PAGE : 0;
        f->addr_end = i == 2 ? BASE : 0;
        f->module = i == 3 ? "other" : NULL;
        put_range(&mapped, "/a/file\0");
        put_kernel(0x400100, BASE + 1, "write", 5);
        lti_decoder_feed(d, stream, stream + used);
        assert_int_equal(lti_decoder_run(d), 0);
        assert_int_equal(seen.maps, 1);
        assert_int_equal(seen.writes, 0);
        close_decoder(d);
    }
    f->module = "file";
    struct lti_decoder *d = open_decoder(callbacks);
    seen.decoder = d;
    put_range(&mapped, "/a/file\0");
    lti_decoder_feed(d, stream, stream + used);
    assert_int_equal(lti_decoder_run(d), 0);
    assert_int_equal(seen.maps, 2);
    close_decoder(d);
}

static void test_damaged(void **state)
{
    static struct lti_callbacks none = {.memory = true};
    struct lti_range_change bad[] = {mapped, mapped, mapped, mapped, mapped, mapped};

    (void)state;
    bad[0].op = LT_MAP_DATA;
    bad[1].op = 6;
    bad[2].end = bad[2].start;
    bad[3].start++;
    bad[4].offset = 7;
    bad[5].from = UINT64_MAX & ~(PAGE - 1);
    for (unsigned i = 0; i < 6 + 6; i++) {
        struct lti_decoder *d = open_decoder(&none);
        size_t begin = used;

        if (i < 6) {
            put_range(&bad[i], "/a/file\0");
        } else {
            static const unsigned kinds[] = {LTI_S_RANGE, LTI_S_DATA, LTI_S_KERNEL,
                                             LTI_S_CHECK, LTI_S_DATA, LTI_S_KERNEL};
            /* Too short, and a length that is too long. */
            uint32_t size = i < 10 ? 12 : 40;
            put32(LTI_SPECIAL_HEAD(kinds[i - 6], size));
            memset(stream + used, 0xff, size - 4);
            used += size - 4;
        }
        lti_decoder_feed(d, stream, stream + used);
        assert_int_equal(lti_decoder_run(d), LT_ERR_STREAM);
        assert_string_not_equal(lti_decoder_problem(d), "");
        assert_true(used > begin);
        close_decoder(d);
    }
}

static int set_up(void **state)
{
    (void)state;
    arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return arena == MAP_FAILED;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(arena, LTI_ARENA_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),   cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_records), cmocka_unit_test(test_filters),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
