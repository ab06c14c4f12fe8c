/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest processes and the slabs that their blocks are in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "guest.h"
#include "lt/lt.h"

static uint8_t *arena;
static struct lti_slabs *slabs;
static struct lti_paths *paths;

static int make_all(void **state)
{
    (void)state;
    arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return arena == MAP_FAILED || lti_slabs_create(arena, &slabs) != 0 ||
           lti_paths_create(&paths) != 0;
}

static int free_all(void **state)
{
    (void)state;
    lti_slabs_destroy(slabs);
    lti_paths_destroy(paths);
    return munmap(arena, LTI_ARENA_SIZE);
}

static uint64_t *bits(uint32_t slab)
{
    return &((struct lti_control *)(void *)arena)->slabs[slab / 64];
}

static uint8_t *memory(uint32_t slab)
{
    return arena + LTI_DESC_OFFSET + (uint64_t)slab * LTI_SLAB_SIZE;
}

/* As engine and decoder leave it: in use, with something in it, blocks made. */
static void fill(uint32_t slab)
{
    *bits(slab) |= UINT64_C(1) << slab % 64;
    memory(slab)[0] = memory(slab)[LTI_SLAB_SIZE - 1] = 1;
    for (uint32_t i = 0; i < LTI_SLAB_BLOCKS; i += LTI_SLAB_BLOCKS / 2 - 1) {
        slabs->blocks[slab * LTI_SLAB_BLOCKS + i] = calloc(1, sizeof(struct lti_block));
    }
}

static bool is_filled(uint32_t slab)
{
    bool used = *bits(slab) >> slab % 64 & 1;

    assert_int_equal(used, slabs->blocks[slab * LTI_SLAB_BLOCKS] != NULL);
    assert_int_equal(used, memory(slab)[0]);
    assert_int_equal(used, memory(slab)[LTI_SLAB_SIZE - 1]);
    return used;
}

static void test_hold(void **state)
{
    static const uint32_t numbers[] = {0, 1, 63, 64, LTI_SLABS - 1};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        fill(numbers[i]);
        lti_slabs_hold(slabs, numbers[i]);
        lti_slabs_hold(slabs, numbers[i]);
    }
    for (unsigned i = 0; i < 5; i++) {
        lti_slabs_release(slabs, numbers[i]);
        assert_true(is_filled(numbers[i]));
        lti_slabs_release(slabs, numbers[i]);
        for (unsigned k = 0; k < 5; k++) {
            assert_int_equal(is_filled(numbers[k]), k > i);
        }
    }
    /* What is held to the end is freed with the slabs: see free_all(). */
    fill(9);
    lti_slabs_hold(slabs, 9);
    lti_slabs_destroy(NULL);
}

static struct lti_guest *new_guest(void)
{
    struct lti_guest *guest;

    assert_int_equal(lti_guest_create(slabs, paths, LT_ARCH_AARCH64, &guest), 0);
    return guest;
}

static void test_take(void **state)
{
    struct lti_guest *guest = new_guest();

    (void)state;
    assert_int_equal(guest->refs, 1);
    assert_int_equal(guest->arch, LT_ARCH_AARCH64);
    assert_int_equal(lti_guest_take_slab(guest, LTI_SLABS), LT_ERR_STREAM);
    assert_int_equal(lti_guest_take_slab(guest, UINT32_MAX), LT_ERR_STREAM);
    for (uint32_t i = 0; i < LTI_SLABS; i += 7) {
        fill(i);
        assert_int_equal(lti_guest_take_slab(guest, i), 0);
    }
    assert_int_equal(lti_guest_take_slab(guest, 7), 0); /* twice is no harm */
    lti_guest_drop_slabs(guest);
    for (uint32_t i = 0; i < LTI_SLABS; i += 7) {
        assert_false(is_filled(i));
    }
    lti_guest_drop_slabs(guest);
    fill(7);
    assert_int_equal(lti_guest_take_slab(guest, 7), 0);
    guest->refs++;
    lti_guest_release(guest);
    assert_true(is_filled(7));
    lti_guest_release(guest);
    assert_false(is_filled(7));
    lti_guest_release(NULL);
}

static void test_fork(void **state)
{
    struct lti_guest *guest = new_guest(), *child, *grandchild;
    const struct lti_mapping *mapping;

    (void)state;
    guest->pid = 10;
    guest->parent = 9;
    guest->begun = true;
    guest->path = lti_paths_keep(paths, "/bin/a", 6);
    assert_int_equal(
        lti_modules_map(guest->modules, 0x1000, 0x2000, 0, 5, "/lib", 4, &mapping), 0);
    for (uint32_t i = 20; i < 60; i++) {
        fill(i);
        assert_int_equal(lti_guest_take_slab(guest, i), 0);
    }
    assert_int_equal(lti_guest_fork(guest, &child), 0);
    assert_int_equal(child->refs, 1);
    assert_int_equal(child->arch, LT_ARCH_AARCH64);
    assert_int_equal(child->pid, 0); /* it has not said so yet */
    assert_false(child->begun);
    assert_ptr_equal(child->path, guest->path);
    assert_int_equal(child->slab_count, 40);
    assert_int_equal(lti_guest_fork(child, &grandchild), 0);
    /* Each has modules and slabs of its own. */
    assert_int_equal(lti_modules_unmap(guest->modules, 0, UINT64_MAX, NULL, NULL), 0);
    lti_guest_drop_slabs(guest);
    lti_guest_release(child);
    assert_true(is_filled(20) && is_filled(59));
    assert_string_equal(lti_modules_find(grandchild->modules, 0x1000)->path, "/lib");
    lti_guest_release(grandchild);
    assert_false(is_filled(20) || is_filled(59));
    lti_guest_release(guest);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_all, free_all)
    const struct CMUnitTest tests[] = {TEST(test_hold), TEST(test_take), TEST(test_fork)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
