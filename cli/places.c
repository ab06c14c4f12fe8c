/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what lt has found out about each instruction: for each process a hash table
 * with linear probing, and a list of big chunks for the texts.  When either has
 * become too large (a guest that makes code all the time), all is forgotten at once.
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

/* Those of one process. */
struct table {
    struct table *next;
    uint32_t pid;
    uint32_t mask; /* number of slots, a power of two, less 1 */
    uint32_t used;
    struct place *slots;
    struct chunk *chunks;
    uint32_t chunk_count;
    uint32_t chunk_used; /* bytes of the first chunk */
};

struct places {
    struct table *tables; /* the one that was used last is the first */
};

struct places *places_create(void)
{
    return calloc(1, sizeof(struct places));
}

static struct table *table_create(uint32_t pid)
{
    struct table *table = calloc(1, sizeof *table);

    if (!table)
        return NULL;
    table->slots = calloc(FIRST_SLOTS, sizeof *table->slots);
    if (!table->slots) {
        free(table);
        return NULL;
    }
    table->mask = FIRST_SLOTS - 1;
    table->pid = pid;
    return table;
}

static void drop_texts(struct table *table)
{
    while (table->chunks) {
        struct chunk *next = table->chunks->next;
        free(table->chunks);
        table->chunks = next;
    }
    table->chunk_count = 0;
}

static void table_destroy(struct table *table)
{
    drop_texts(table);
    free(table->slots);
    free(table);
}

void places_destroy(struct places *places)
{
    if (!places)
        return;
    while (places->tables) {
        struct table *next = places->tables->next;
        table_destroy(places->tables);
        places->tables = next;
    }
    free(places);
}

/* Where the process's table stands in the list, or the list's end. */
static struct table **link_of(struct places *places, uint32_t pid)
{
    struct table **link = &places->tables;

    while (*link && (*link)->pid != pid)
        link = &(*link)->next;
    return link;
}

/* The table of a process.  NULL: out of memory. */
static struct table *table_of(struct places *places, uint32_t pid)
{
    struct table **link, *table;

    if (places->tables && places->tables->pid == pid)
        return places->tables;
    link = link_of(places, pid);
    table = *link;
    if (table)
        *link = table->next;
    else if (!(table = table_create(pid)))
        return NULL;
    table->next = places->tables;
    places->tables = table;
    return table;
}

static uint32_t hash(uint64_t pc)
{
    return (uint32_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* The slot of that address, or the free one where it would stand. */
static struct place *slot_of(struct place *slots, uint32_t mask, uint64_t pc)
{
    uint32_t i = hash(pc) & mask;

    while (slots[i].length && slots[i].pc != pc)
        i = (i + 1) & mask;
    return &slots[i];
}

static void forget_all(struct table *table)
{
    memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof *table->slots);
    table->used = 0;
    drop_texts(table);
}

/* Makes room for one more.  0 or LT_ERR_NO_MEMORY. */
static int grow(struct table *table)
{
    uint32_t count = table->mask + 1;
    struct place *bigger;

    if (table->used < count / 2)
        return 0;
    if (count >= MAX_SLOTS) {
        forget_all(table);
        return 0;
    }
    bigger = calloc((size_t)count * 2, sizeof *bigger);
    if (!bigger)
        return LT_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const struct place *old = &table->slots[i];
        if (old->length)
            *slot_of(bigger, count * 2 - 1, old->pc) = *old;
    }
    free(table->slots);
    table->slots = bigger;
    table->mask = count * 2 - 1;
    return 0;
}

struct place *places_find(struct places *places, const struct lt_insn *insn, bool *fresh)
{
    struct table *table = table_of(places, insn->pid);
    struct place *place = table ? slot_of(table->slots, table->mask, insn->pc) : NULL;
    uint32_t length = insn->length;

    if (!place || length == 0 || length > sizeof place->bytes)
        return NULL; /* there is no such instruction: event.h */
    if (place->length == length && !place->stale &&
        memcmp(place->bytes, insn->bytes, length) == 0) {
        *fresh = false;
        return place;
    }
    *fresh = true;
    if (table->chunk_count >= MAX_CHUNKS)
        forget_all(table);
    if (grow(table) < 0)
        return NULL;
    place = slot_of(table->slots, table->mask, insn->pc);
    if (!place->length)
        table->used++;
    *place = (struct place){.pc = insn->pc, .length = (uint8_t)length};
    memcpy(place->bytes, insn->bytes, length);
    return place;
}

int places_set_text(struct places *places, struct place *place, const char *text,
                    size_t size)
{
    /* A text longer than a chunk gets one of its own. */
    size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    struct table *table = places->tables; /* the one that `place` is in */
    char *copy;

    if (size > UINT32_MAX)
        return LT_ERR_NO_MEMORY;
    if (!table->chunks || table->chunk_used + size > CHUNK_SIZE) {
        struct chunk *chunk = malloc(sizeof *chunk + room);
        if (!chunk)
            return LT_ERR_NO_MEMORY;
        chunk->next = table->chunks;
        table->chunks = chunk;
        table->chunk_count++;
        table->chunk_used = 0;
    }
    copy = table->chunks->text + table->chunk_used;
    memcpy(copy, text, size);
    table->chunk_used += (uint32_t)size;
    place->text = copy;
    place->size = (uint32_t)size;
    return 0;
}

void places_drop_process(struct places *places, uint32_t pid)
{
    struct table **link = link_of(places, pid), *table = *link;

    if (table) {
        *link = table->next;
        table_destroy(table);
    }
}

void places_drop(struct places *places, const struct lt_module *module)
{
    struct table *table = *link_of(places, module->pid);

    for (uint32_t i = 0; table && i <= table->mask; i++) {
        struct place *place = &table->slots[i];
        if (place->length && place->pc < module->end &&
            place->pc + place->length > module->start)
            place->stale = true;
    }
}
