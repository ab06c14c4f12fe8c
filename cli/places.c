/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what lt has found out about each instruction: a hash table with linear
 * probing, and a list of big chunks for the texts.  When either has become too
 * large (a guest that makes code all the time), all is forgotten at once.
 */
#include "places.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS (UINT32_C(1) << 12)
#define MAX_SLOTS (UINT32_C(1) << 22)
#define CHUNK_SIZE (UINT32_C(1) << 20)
#define MAX_CHUNKS 256u

struct chunk {
    struct chunk *next;
    char text[];
};

struct places {
    struct place *slots;
    uint32_t mask; /* number of slots, a power of two, less 1 */
    uint32_t used;
    struct chunk *chunks;
    uint32_t chunk_count;
    uint32_t chunk_used; /* bytes of the first chunk */
};

struct places *places_create(void)
{
    struct places *places = calloc(1, sizeof *places);

    if (!places)
        return NULL;
    places->slots = calloc(FIRST_SLOTS, sizeof *places->slots);
    if (!places->slots) {
        free(places);
        return NULL;
    }
    places->mask = FIRST_SLOTS - 1;
    return places;
}

static void drop_texts(struct places *places)
{
    while (places->chunks) {
        struct chunk *next = places->chunks->next;
        free(places->chunks);
        places->chunks = next;
    }
    places->chunk_count = 0;
}

void places_destroy(struct places *places)
{
    if (!places)
        return;
    drop_texts(places);
    free(places->slots);
    free(places);
}

static uint32_t hash(uint64_t pc, uint32_t pid)
{
    return (uint32_t)(((pc ^ ((uint64_t)pid << 40)) * UINT64_C(0x9e3779b97f4a7c15)) >>
                      32);
}

/* The slot of that address, or the free one where it would stand. */
static struct place *slot_of(struct place *slots, uint32_t mask, uint64_t pc,
                             uint32_t pid)
{
    uint32_t i = hash(pc, pid) & mask;

    while (slots[i].length && (slots[i].pc != pc || slots[i].pid != pid))
        i = (i + 1) & mask;
    return &slots[i];
}

static void forget_all(struct places *places)
{
    memset(places->slots, 0, ((size_t)places->mask + 1) * sizeof *places->slots);
    places->used = 0;
    drop_texts(places);
}

/* Makes room for one more.  0 or LT_ERR_NO_MEMORY. */
static int grow(struct places *places)
{
    uint32_t count = places->mask + 1;
    struct place *bigger;

    if (places->used < count / 2)
        return 0;
    if (count >= MAX_SLOTS) {
        forget_all(places);
        return 0;
    }
    bigger = calloc((size_t)count * 2, sizeof *bigger);
    if (!bigger)
        return LT_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const struct place *old = &places->slots[i];
        if (old->length)
            *slot_of(bigger, count * 2 - 1, old->pc, old->pid) = *old;
    }
    free(places->slots);
    places->slots = bigger;
    places->mask = count * 2 - 1;
    return 0;
}

struct place *places_find(struct places *places, const struct lt_insn *insn, bool *fresh)
{
    struct place *place = slot_of(places->slots, places->mask, insn->pc, insn->pid);
    uint32_t length = insn->length;

    if (length == 0 || length > sizeof place->bytes)
        return NULL; /* there is no such instruction: event.h */
    if (place->length == length && !place->stale &&
        memcmp(place->bytes, insn->bytes, length) == 0) {
        *fresh = false;
        return place;
    }
    *fresh = true;
    if (places->chunk_count >= MAX_CHUNKS)
        forget_all(places);
    if (grow(places) < 0)
        return NULL;
    place = slot_of(places->slots, places->mask, insn->pc, insn->pid);
    if (!place->length)
        places->used++;
    *place = (struct place){.pc = insn->pc, .pid = insn->pid, .length = (uint8_t)length};
    memcpy(place->bytes, insn->bytes, length);
    return place;
}

int places_set_text(struct places *places, struct place *place, const char *text,
                    size_t size)
{
    /* A text longer than a chunk gets one of its own. */
    size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    char *copy;

    if (size > UINT32_MAX)
        return LT_ERR_NO_MEMORY;
    if (!places->chunks || places->chunk_used + size > CHUNK_SIZE) {
        struct chunk *chunk = malloc(sizeof *chunk + room);
        if (!chunk)
            return LT_ERR_NO_MEMORY;
        chunk->next = places->chunks;
        places->chunks = chunk;
        places->chunk_count++;
        places->chunk_used = 0;
    }
    copy = places->chunks->text + places->chunk_used;
    memcpy(copy, text, size);
    places->chunk_used += (uint32_t)size;
    place->text = copy;
    place->size = (uint32_t)size;
    return 0;
}

void places_drop_process(struct places *places, uint32_t pid)
{
    for (uint32_t i = 0; i <= places->mask; i++) {
        struct place *place = &places->slots[i];
        if (place->length && place->pid == pid)
            place->stale = true;
    }
}

void places_drop(struct places *places, const struct lt_module *module)
{
    for (uint32_t i = 0; i <= places->mask; i++) {
        struct place *place = &places->slots[i];
        if (place->length && place->pid == module->pid && place->pc < module->end &&
            place->pc + place->length > module->start)
            place->stale = true;
    }
}
