/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map of modules: against an array with one entry a page, and its corners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lt/lt.h"
#include "modules.h"

struct seen {
    struct lti_modules *modules;
    struct lti_mapping pieces[8];
    unsigned count;
    int answer;
};

static int note_piece(const struct lti_mapping *piece, void *user)
{
    struct seen *seen = user;

    assert_true(seen->count < 8);
    /* The piece is gone by now, and looking it up is allowed. */
    assert_null(lti_modules_find(seen->modules, piece->start));
    assert_null(lti_modules_find(seen->modules, piece->end - 1));
    seen->pieces[seen->count++] = *piece;
    return seen->answer ? seen->answer - (int)seen->count : 0;
}

static struct lti_paths *paths;

static struct lti_modules *new_modules(void)
{
    struct lti_modules *modules;

    assert_int_equal(lti_modules_create(paths, &modules), 0);
    return modules;
}

static int make_paths(void **state)
{
    (void)state;
    return lti_paths_create(&paths);
}

static int free_paths(void **state)
{
    (void)state;
    lti_paths_destroy(paths);
    return 0;
}

static const struct lti_mapping *map(struct lti_modules *modules, uint64_t start,
                                     uint64_t end, uint64_t offset, uint32_t prot,
                                     const char *path)
{
    const struct lti_mapping *mapping = NULL;

    assert_int_equal(lti_modules_map(modules, start, end, offset, prot, path,
                                     (uint32_t)strlen(path), &mapping),
                     0);
    assert_non_null(mapping);
    return mapping;
}

static void test_map_and_find(void **state)
{
    struct lti_modules *modules = new_modules();
    char path[] = "/bin/lsXYZ";
    const struct lti_mapping *mapping;
    const char *interned;

    (void)state;
    assert_null(lti_modules_find(modules, 0));
    assert_int_equal(
        lti_modules_map(modules, 0x1000, 0x3000, 0x500, LT_PROT_READ, path, 7, &mapping),
        0);
    memset(path, '?', sizeof path - 1);
    assert_string_equal(mapping->path, "/bin/ls");
    assert_int_equal(mapping->start, 0x1000);
    assert_int_equal(mapping->end, 0x3000);
    assert_int_equal(mapping->offset, 0x500);
    assert_int_equal(mapping->prot, LT_PROT_READ);
    interned = mapping->path;
    mapping = map(modules, 0x8000, 0x9000, 0, LT_PROT_EXEC, "/bin/ls");
    assert_ptr_equal(mapping->path, interned);

    assert_null(lti_modules_find(modules, 0xfff));
    assert_int_equal(lti_modules_find(modules, 0x1000)->start, 0x1000);
    assert_int_equal(lti_modules_find(modules, 0x2fff)->start, 0x1000);
    assert_null(lti_modules_find(modules, 0x3000));
    assert_int_equal(lti_modules_find(modules, 0x8000)->start, 0x8000);
    assert_null(lti_modules_find(modules, UINT64_MAX));
    lti_modules_destroy(modules);
    lti_modules_destroy(NULL);
}

static void test_bad_arguments(void **state)
{
    struct lti_modules *modules = new_modules();
    const struct lti_mapping *out;

    (void)state;
    map(modules, 0x1000, 0x2000, 0, 0, "/a");
    assert_int_equal(lti_modules_map(modules, 5, 5, 0, 0, "/a", 2, &out),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lti_modules_map(modules, 6, 5, 0, 0, "/a", 2, &out),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lti_modules_map(modules, 0x5000, 0x6000, 0, 0, NULL, 2, &out),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lti_modules_map(modules, 0x5000, 0x6000, 0, 0, "", 0, &out),
                     LT_ERR_ARGUMENT);
    for (uint64_t start = 0; start <= 0x1800; start += 0x800)
        for (uint64_t end = start > 0x800 ? start + 1 : 0x1001; end <= 0x2800;
             end += 0x7ff)
            assert_int_equal(lti_modules_map(modules, start, end, 0, 0, "/b", 2, &out),
                             LT_ERR_ARGUMENT);
    map(modules, 0, 0x1000, 0, 0, "/b");
    map(modules, 0x2000, UINT64_MAX, 0, 0, "/b");
    lti_modules_destroy(modules);
}

static void test_unmap_pieces(void **state)
{
    struct seen seen = {.modules = new_modules()};
    const struct lti_mapping *left;

    (void)state;
    map(seen.modules, 0x1000, 0x9000, 0x100, 3, "/a");
    map(seen.modules, 0x9000, 0xa000, 0, 1, "/b");
    map(seen.modules, 0xc000, 0xf000, 0x7000, 5, "/c");

    /* Out of the middle: it falls into two. */
    assert_int_equal(lti_modules_unmap(seen.modules, 0x3000, 0x4000, note_piece, &seen),
                     0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.pieces[0].start, 0x3000);
    assert_int_equal(seen.pieces[0].end, 0x4000);
    assert_int_equal(seen.pieces[0].offset, 0x2100);
    assert_string_equal(seen.pieces[0].path, "/a");
    left = lti_modules_find(seen.modules, 0x2fff);
    assert_int_equal(left->start, 0x1000);
    assert_int_equal(left->end, 0x3000);
    assert_int_equal(left->offset, 0x100);
    left = lti_modules_find(seen.modules, 0x4000);
    assert_int_equal(left->start, 0x4000);
    assert_int_equal(left->end, 0x9000);
    assert_int_equal(left->offset, 0x3100);
    assert_int_equal(left->prot, 3);

    /* Over a tail, a whole, a hole and a head. */
    seen.count = 0;
    seen.answer = -1000;
    assert_int_equal(lti_modules_unmap(seen.modules, 0x8000, 0xd000, note_piece, &seen),
                     -1003);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.pieces[0].start, 0x8000);
    assert_int_equal(seen.pieces[0].offset, 0x7100);
    assert_int_equal(seen.pieces[1].start, 0x9000);
    assert_int_equal(seen.pieces[1].end, 0xa000);
    assert_int_equal(seen.pieces[2].start, 0xc000);
    assert_int_equal(seen.pieces[2].end, 0xd000);
    assert_int_equal(seen.pieces[2].offset, 0x7000);
    assert_int_equal(lti_modules_find(seen.modules, 0xd000)->offset, 0x8000);

    /* Nothing there, nothing asked. */
    seen.count = 0;
    assert_int_equal(lti_modules_unmap(seen.modules, 0x8000, 0xd000, note_piece, &seen),
                     0);
    assert_int_equal(lti_modules_unmap(seen.modules, 0x1000, 0x1000, note_piece, &seen),
                     0);
    assert_int_equal(lti_modules_unmap(seen.modules, 0x2000, 0x1000, note_piece, &seen),
                     0);
    assert_int_equal(seen.count, 0);
    assert_int_equal(lti_modules_unmap(seen.modules, 0, UINT64_MAX, NULL, NULL), 0);
    assert_null(lti_modules_find(seen.modules, 0x1000));
    lti_modules_destroy(seen.modules);
}

#define PAGES 256u

static int count_pages(const struct lti_mapping *piece, void *user)
{
    *(unsigned *)user += (unsigned)(piece->end - piece->start);
    return 0;
}

/* Random maps and unmaps, against an array that has each page's file. */
static void test_random(void **state)
{
    struct lti_modules *modules = new_modules();
    struct {
        int file;
        uint64_t offset;
    } pages[PAGES];
    unsigned seed = 12345;

    (void)state;
    memset(pages, 0, sizeof pages);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned start = (unsigned)rand_r(&seed) % PAGES;
        unsigned end = start + 1 + (unsigned)rand_r(&seed) % 16;
        int file = 1 + rand_r(&seed) % 50;
        unsigned removed = 0, expected = 0, taken = 0;
        char path[16];

        if (end > PAGES)
            end = PAGES;
        for (unsigned i = start; i < end; i++)
            taken += pages[i].file != 0;
        if (rand_r(&seed) % 2) {
            const struct lti_mapping *out;
            uint64_t offset = (uint64_t)rand_r(&seed);
            int length = snprintf(path, sizeof path, "/f%d", file);
            int result = lti_modules_map(modules, start, end, offset, 1, path,
                                         (uint32_t)length, &out);

            assert_int_equal(result, taken ? LT_ERR_ARGUMENT : 0);
            for (unsigned i = start; i < end && !taken; i++) {
                pages[i].file = file;
                pages[i].offset = offset + i - start;
            }
        } else {
            expected = taken;
            assert_int_equal(
                lti_modules_unmap(modules, start, end, count_pages, &removed), 0);
            assert_int_equal(removed, expected);
            for (unsigned i = start; i < end; i++)
                pages[i].file = 0;
        }
        for (unsigned i = 0; i < PAGES; i += round % 16 ? 7 : 1) {
            const struct lti_mapping *mapping = lti_modules_find(modules, i);

            assert_int_equal(mapping != NULL, pages[i].file != 0);
            if (!mapping)
                continue;
            assert_int_equal(atoi(mapping->path + 2), pages[i].file);
            assert_int_equal(mapping->offset + i - mapping->start, pages[i].offset);
        }
    }
    lti_modules_destroy(modules);
}

static uint64_t base_of(struct lti_modules *modules, uint64_t addr)
{
    return lti_modules_base(modules, lti_modules_find(modules, addr));
}

static void test_base(void **state)
{
    struct lti_modules *modules = new_modules();

    (void)state;
    /* A library as ld.so maps it: the data one page farther than its offset. */
    map(modules, 0x10000, 0x12000, 0x0000, 1, "/lib/a.so");
    map(modules, 0x12000, 0x15000, 0x2000, 5, "/lib/a.so");
    map(modules, 0x15000, 0x16000, 0x5000, 1, "/lib/a.so");
    map(modules, 0x17000, 0x18000, 0x6000, 3, "/lib/a.so");
    /* The same again directly behind, as dlmopen() may. */
    map(modules, 0x18000, 0x1a000, 0x0000, 1, "/lib/a.so");
    map(modules, 0x1a000, 0x1d000, 0x2000, 5, "/lib/a.so");
    /* Another between, and a small program whose two segments share a page. */
    map(modules, 0x20000, 0x21000, 0x0000, 5, "/bin/small");
    map(modules, 0x30000, 0x31000, 0x0000, 3, "/bin/small");
    /* Two views of one data file. */
    map(modules, 0x40000, 0x41000, 0x3000, 1, "/data");
    map(modules, 0x50000, 0x51000, 0x3000, 1, "/data");
    /* A file mapped only from its middle. */
    map(modules, 0x60000, 0x61000, 0x1000, 1, "/middle");
    map(modules, 0x62000, 0x63000, 0x90000, 1, "/odd");

    for (uint64_t addr = 0x10000; addr < 0x16000; addr += 0x1000)
        assert_int_equal(base_of(modules, addr), 0x10000);
    assert_int_equal(base_of(modules, 0x17fff), 0x10000);
    assert_int_equal(base_of(modules, 0x18000), 0x18000);
    assert_int_equal(base_of(modules, 0x1cfff), 0x18000);
    assert_int_equal(base_of(modules, 0x20000), 0x20000);
    assert_int_equal(base_of(modules, 0x30000), 0x20000);
    assert_int_equal(base_of(modules, 0x40000), 0x3d000);
    assert_int_equal(base_of(modules, 0x50000), 0x4d000);
    assert_int_equal(base_of(modules, 0x60000), 0x5f000);
    assert_int_equal(base_of(modules, 0x62000), 0);
    lti_modules_destroy(modules);
}

/* A copy is the same, and goes its own way from then on; paths are shared. */
static void test_copy(void **state)
{
    struct lti_modules *modules = new_modules(), *copy = new_modules();
    const struct lti_mapping *mapping;

    (void)state;
    assert_int_equal(lti_modules_copy(copy, modules), 0);
    assert_null(lti_modules_find(copy, 0x1000));
    map(modules, 0x1000, 0x3000, 0x500, LT_PROT_READ, "/bin/a");
    map(modules, 0x4000, 0x5000, 0, LT_PROT_EXEC, "/bin/b");
    assert_int_equal(lti_modules_copy(copy, modules), 0);
    for (uint64_t addr = 0x1000; addr < 0x6000; addr += 0x1000) {
        const struct lti_mapping *other = lti_modules_find(copy, addr);

        mapping = lti_modules_find(modules, addr);
        assert_int_equal(mapping != NULL, other != NULL);
        if (mapping) {
            assert_ptr_not_equal(mapping, other);
            assert_memory_equal(mapping, other, sizeof *other);
        }
    }
    map(copy, 0x8000, 0x9000, 0, LT_PROT_EXEC, "/bin/c");
    assert_null(lti_modules_find(modules, 0x8000));
    assert_int_equal(lti_modules_unmap(modules, 0, UINT64_MAX, NULL, NULL), 0);
    lti_modules_destroy(modules);
    mapping = lti_modules_find(copy, 0x1000);
    assert_string_equal(mapping->path, "/bin/a");
    assert_int_equal(mapping->offset, 0x500);
    lti_modules_destroy(copy);
}

static void test_paths(void **state)
{
    const char *one = lti_paths_keep(paths, "/one/two", 8);

    (void)state;
    assert_string_equal(one, "/one/two");
    assert_ptr_equal(lti_paths_keep(paths, "/one/two\0xyz", 12), one);
    assert_string_equal(lti_paths_keep(paths, "/one/two", 4), "/one");
    assert_string_equal(lti_paths_keep(paths, "/one", 0), "");
    assert_ptr_equal(lti_paths_keep(paths, "/one/two", 8), one);
    lti_paths_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_and_find), cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_unmap_pieces), cmocka_unit_test(test_random),
        cmocka_unit_test(test_base),         cmocka_unit_test(test_copy),
        cmocka_unit_test(test_paths),
    };

    return cmocka_run_group_tests(tests, make_paths, free_paths);
}
