/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the blocks of a session in the decoder's form, by their numbers. */
#include "slabs.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lt/lt.h"

#define BLOCKS_SIZE (sizeof(struct lti_block *) * LTI_MAX_BLOCKS)

int lti_slabs_create(uint8_t *arena, struct lti_slabs **out)
{
    struct lti_slabs *slabs = calloc(1, sizeof *slabs);
    void *blocks = mmap(NULL, BLOCKS_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (!slabs || blocks == MAP_FAILED) {
        if (blocks != MAP_FAILED) {
            munmap(blocks, BLOCKS_SIZE);
        }
        free(slabs);
        return LT_ERR_NO_MEMORY;
    }
    slabs->arena = arena;
    slabs->owner = getpid();
    slabs->blocks = blocks;
    slabs->compile_after = LTI_COMPILE_AFTER;
    *out = slabs;
    return 0;
}

static void free_blocks(struct lti_slabs *slabs, uint32_t number)
{
    struct lti_block **blocks = slabs->blocks + (size_t)number * LTI_SLAB_BLOCKS;

    for (uint32_t i = 0; i < LTI_SLAB_BLOCKS; i++) {
        lti_block_destroy(blocks[i]);
    }
    lti_compiler_forget(slabs->compiler, number);
    /* Zeros, without keeping the pages. */
    madvise(blocks, sizeof *blocks * LTI_SLAB_BLOCKS, MADV_DONTNEED);
}

void lti_slabs_destroy(struct lti_slabs *slabs)
{
    if (!slabs) {
        return;
    }
    for (uint32_t i = 0; i < LTI_SLABS; i++) {
        if (slabs->users[i]) {
            free_blocks(slabs, i);
        }
    }
    lti_compiler_destroy(slabs->compiler);
    munmap(slabs->blocks, BLOCKS_SIZE);
    free(slabs);
}

void lti_slabs_hold(struct lti_slabs *slabs, uint32_t number)
{
    slabs->users[number]++;
}

void lti_slabs_release(struct lti_slabs *slabs, uint32_t number)
{
    struct lti_control *control = (void *)slabs->arena;

    if (--slabs->users[number]) {
        return;
    }
    free_blocks(slabs, number);
    if (slabs->owner != getpid()) {
        return; /* the engine is another process's */
    }
    madvise(slabs->arena + LTI_DESC_OFFSET + (size_t)number * LTI_SLAB_SIZE,
            LTI_SLAB_SIZE, MADV_REMOVE);
    __atomic_fetch_and(&control->slabs[number / 64], ~(UINT64_C(1) << number % 64),
                       __ATOMIC_RELEASE);
}
