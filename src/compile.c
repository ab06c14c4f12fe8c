/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the memory of compiled blocks, and which block has code.
 *
 * The same pages are mapped twice, once to write and once to execute, so that no page is
 * ever both and no system call is needed for a block.  They are handed out in chunks,
 * each to a slab of block numbers, and come back with the slab.
 */
#include "compile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "decoder.h"
#include "stream.h"

#define REGION_SIZE (64u << 20)
#define CHUNK_SIZE (64u << 10)
#define CHUNKS (REGION_SIZE / CHUNK_SIZE)
#define ENTRIES_SIZE (sizeof(const void *) * LTI_MAX_BLOCKS)
#define TABLES_SIZE (ENTRIES_SIZE + LTI_EMIT_SCRATCH)
#define NOBODY UINT16_MAX

_Static_assert(LTI_SLABS < NOBODY, "a slab's number fits");

struct lti_compiler {
    bool possible;        /* it can compile */
    uint32_t features;    /* lti_code_room.features */
    pid_t owner;          /* the process that writes code: not a forked copy */
    uint8_t *write;       /* the region, where it is written */
    uint8_t *run;         /* and where it is executed */
    const void **entries; /* the code of each block, or NULL; most is never touched */
    void *scratch;        /* behind them */
    /* Of each chunk but the first, which has the stubs: the slab whose it is. */
    uint16_t slab[CHUNKS];
    uint32_t last[LTI_SLABS]; /* the chunk that the slab's next code goes to; 0: none */
    uint32_t used[CHUNKS];    /* bytes */
};

/* The region, twice.  Where that is refused (a system that wants no code made at run
 * time, an old kernel) nothing is compiled. */
static bool map_region(struct lti_compiler *c)
{
    void *run, *write = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (write == MAP_FAILED) {
        return false;
    }
    run = mremap(write, 0, REGION_SIZE, MREMAP_MAYMOVE);
    if (run != MAP_FAILED && mprotect(run, REGION_SIZE, PROT_READ | PROT_EXEC) == 0) {
        c->write = write;
        c->run = run;
        return true;
    }
    if (run != MAP_FAILED) {
        munmap(run, REGION_SIZE);
    }
    munmap(write, REGION_SIZE);
    return false;
}

static struct lti_code_room room_of(const struct lti_compiler *c, uint32_t chunk)
{
    uint8_t *begin = c->write + (size_t)chunk * CHUNK_SIZE;

    return (struct lti_code_room){
        .p = begin + c->used[chunk],
        .end = begin + CHUNK_SIZE,
        .distance = c->run - c->write,
        .stubs = c->write,
        .features = c->features,
    };
}

/* Gets ready; what cannot be had leaves `possible` false. */
static void prepare(struct lti_compiler *c)
{
    void *tables;
    struct lti_code_room room;

    c->owner = getpid();
    if (!lti_emit_possible(&c->features)) {
        return;
    }
    tables = mmap(NULL, TABLES_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (tables == MAP_FAILED) {
        return;
    }
    c->entries = tables;
    c->scratch = (uint8_t *)tables + ENTRIES_SIZE;
    if (!map_region(c)) {
        return;
    }
    memset(c->slab, 0xff, sizeof c->slab);
    room = room_of(c, 0);
    lti_emit_stubs(&room);
    c->possible = true;
}

/* A chunk nobody has; 0: there is none. */
static uint32_t take_chunk(struct lti_compiler *c, uint32_t slab)
{
    for (uint32_t i = 1; i < CHUNKS; i++) {
        if (c->slab[i] == NOBODY) {
            c->slab[i] = (uint16_t)slab;
            c->used[i] = 0;
            c->last[slab] = i;
            return i;
        }
    }
    return 0;
}

/* The block's code, in the chunk if it fits there. */
static enum lti_emitted compile_into(struct lti_compiler *c, uint32_t chunk,
                                     const struct lti_decoder *d, uint32_t number,
                                     const struct lti_block *block)
{
    struct lti_code_room room = room_of(c, chunk);
    const uint8_t *begin = room.p;
    enum lti_emitted result;

    if (chunk == 0) {
        return LTI_EMIT_ROOM;
    }
    result = lti_emit_block(&room, c->scratch, d, block);
    if (result == LTI_EMITTED) {
        c->used[chunk] += (uint32_t)(room.p - begin);
        c->entries[number] = begin + room.distance;
    }
    return result;
}

bool lti_is_compiled(const struct lti_compiler *c, uint32_t number)
{
    return c && c->possible && c->entries[number];
}

bool lti_compile(struct lti_compiler **compiler, const struct lti_decoder *d,
                 uint32_t number, struct lti_block *block)
{
    struct lti_compiler *c = *compiler;
    const uint32_t slab = number / LTI_SLAB_BLOCKS;
    enum lti_emitted result = LTI_EMIT_NEVER;

    if (!c && (c = *compiler = calloc(1, sizeof *c))) {
        prepare(c);
    }
    if (lti_is_compiled(c, number)) {
        return true;
    }
    if (c && c->possible && c->owner == getpid()) {
        result = compile_into(c, c->last[slab], d, number, block);
        if (result == LTI_EMIT_ROOM && (c->last[slab] == 0 || c->used[c->last[slab]])) {
            result = compile_into(c, take_chunk(c, slab), d, number, block);
        }
    }
    if (result != LTI_EMITTED) {
        block->cold = LTI_ALWAYS_COLD;
    }
    return result == LTI_EMITTED;
}

int lti_run_compiled(const struct lti_compiler *c, struct lti_decoder *d, uint32_t number)
{
    lti_enter_fn enter;
    const void *way_in = c->run;

    d->entries = c->entries;
    memcpy(&enter, &way_in, sizeof enter);
    return enter(d, c->entries[number]);
}

void lti_compiler_forget(struct lti_compiler *c, uint32_t slab)
{
    if (!c || !c->possible || c->last[slab] == 0 || c->owner != getpid()) {
        return;
    }
    for (uint32_t i = 1; i < CHUNKS; i++) {
        if (c->slab[i] == slab) {
            c->slab[i] = NOBODY;
            /* Nothing of it is left in the processor either. */
            madvise(c->write + (size_t)i * CHUNK_SIZE, CHUNK_SIZE, MADV_REMOVE);
        }
    }
    c->last[slab] = 0;
    /* Zeros, without keeping the pages. */
    madvise(c->entries + (size_t)slab * LTI_SLAB_BLOCKS,
            sizeof *c->entries * LTI_SLAB_BLOCKS, MADV_DONTNEED);
}

void lti_compiler_destroy(struct lti_compiler *c)
{
    if (!c) {
        return;
    }
    if (c->write) {
        munmap(c->write, REGION_SIZE);
        munmap(c->run, REGION_SIZE);
    }
    if (c->entries) {
        munmap(c->entries, TABLES_SIZE);
    }
    free(c);
}
