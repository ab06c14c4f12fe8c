/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the map of which file is mapped where in the guest's memory: a sorted
 * array of disjoint mappings; and the paths that were ever named. */
#define _GNU_SOURCE
#include "modules.h"

#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lt/lt.h"

/* Segments of one ELF file lie near each other even when the linker was told
 * huge pages; farther apart, two mappings of a file have nothing to do with
 * each other. */
#define LAYOUT_GAP (UINT64_C(1) << 30)

struct lti_modules {
    struct lti_mapping *list; /* by start, disjoint */
    size_t count;
    size_t room;
    size_t last; /* index of the last mapping found */
    struct lti_paths *paths;
};

struct lti_paths {
    void *tree; /* tsearch() tree of char * */
};

int lti_paths_create(struct lti_paths **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : LT_ERR_NO_MEMORY;
}

void lti_paths_destroy(struct lti_paths *paths)
{
    if (!paths)
        return;
    tdestroy(paths->tree, free);
    free(paths);
}

int lti_modules_create(struct lti_paths *paths, struct lti_modules **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return LT_ERR_NO_MEMORY;
    (*out)->paths = paths;
    return 0;
}

void lti_modules_destroy(struct lti_modules *modules)
{
    if (!modules)
        return;
    free(modules->list);
    free(modules);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(a, b);
}

const char *lti_paths_keep(struct lti_paths *paths, const char *path, size_t size)
{
    size_t length = strnlen(path, size);
    char *copy = malloc(length + 1);
    char **node;

    if (!copy)
        return NULL;
    memcpy(copy, path, length);
    copy[length] = '\0';
    node = tsearch(copy, &paths->tree, compare_paths);
    if (!node || *node != copy)
        free(copy);
    return node ? *node : NULL;
}

/* The index of the first mapping that ends behind `addr`, or the count. */
static size_t first_behind(const struct lti_modules *modules, uint64_t addr)
{
    size_t low = 0, high = modules->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (modules->list[middle].end <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool reserve_one(struct lti_modules *modules)
{
    size_t room = modules->room ? modules->room * 2 : 64;
    struct lti_mapping *list;

    if (modules->count < modules->room)
        return true;
    list = reallocarray(modules->list, room, sizeof *list);
    if (!list)
        return false;
    modules->list = list;
    modules->room = room;
    return true;
}

/* Needs reserve_one() before. */
static void insert_at(struct lti_modules *modules, size_t at,
                      const struct lti_mapping *mapping)
{
    struct lti_mapping *place = modules->list + at;

    memmove(place + 1, place, (modules->count - at) * sizeof *place);
    *place = *mapping;
    modules->count++;
}

static void remove_at(struct lti_modules *modules, size_t at)
{
    struct lti_mapping *place = modules->list + at;

    modules->count--;
    memmove(place, place + 1, (modules->count - at) * sizeof *place);
}

int lti_modules_map(struct lti_modules *modules, uint64_t start, uint64_t end,
                    uint64_t offset, uint32_t prot, const char *path, uint32_t path_size,
                    const struct lti_mapping **out)
{
    struct lti_mapping mapping = {
        .start = start,
        .end = end,
        .offset = offset,
        .prot = prot,
    };
    size_t at;

    if (start >= end || !path || strnlen(path, path_size) == 0)
        return LT_ERR_ARGUMENT;
    at = first_behind(modules, start);
    if (at < modules->count && modules->list[at].start < end)
        return LT_ERR_ARGUMENT;
    if (!reserve_one(modules))
        return LT_ERR_NO_MEMORY;
    mapping.path = lti_paths_keep(modules->paths, path, path_size);
    if (!mapping.path)
        return LT_ERR_NO_MEMORY;
    insert_at(modules, at, &mapping);
    if (out)
        *out = modules->list + at;
    return 0;
}

/* Takes [start, end) out of the mapping at `at`, which it overlaps, and gives
 * what was taken.  Needs reserve_one() before. */
static struct lti_mapping cut_out(struct lti_modules *modules, size_t at, uint64_t start,
                                  uint64_t end)
{
    struct lti_mapping *whole = modules->list + at;
    struct lti_mapping piece = *whole, rest = *whole;

    if (piece.start < start) {
        piece.offset += start - piece.start;
        piece.start = start;
    }
    if (piece.end > end)
        piece.end = end;
    rest.offset += piece.end - rest.start;
    rest.start = piece.end;

    if (whole->start < piece.start) {
        whole->end = piece.start;
        if (rest.start < rest.end)
            insert_at(modules, at + 1, &rest);
    } else if (rest.start < rest.end) {
        *whole = rest;
    } else {
        remove_at(modules, at);
    }
    return piece;
}

int lti_modules_unmap(struct lti_modules *modules, uint64_t start, uint64_t end,
                      int (*removed)(const struct lti_mapping *piece, void *user),
                      void *user)
{
    int result = 0;

    /* Only one mapping can fall into two, the one that holds the whole range.
     * Memory comes first, so that failing leaves everything as it was. */
    if (!reserve_one(modules))
        return LT_ERR_NO_MEMORY;
    while (start < end) {
        size_t at = first_behind(modules, start);
        struct lti_mapping piece;
        int answer;

        if (at == modules->count || modules->list[at].start >= end)
            break;
        /* `removed` may look addresses up: the piece is gone by then. */
        piece = cut_out(modules, at, start, end);
        start = piece.end;
        answer = removed ? removed(&piece, user) : 0;
        if (answer)
            result = answer;
    }
    return result;
}

const struct lti_mapping *lti_modules_find(struct lti_modules *modules, uint64_t addr)
{
    size_t at = modules->last;

    if (at >= modules->count || addr < modules->list[at].start ||
        addr >= modules->list[at].end) {
        at = first_behind(modules, addr);
        if (at == modules->count || addr < modules->list[at].start)
            return NULL;
        modules->last = at;
    }
    return modules->list + at;
}

/* Whether `low`, the neighbour below `high`, was loaded together with it.  The
 * segments of a file rise in address and offset, with addresses growing at
 * least as fast.  Two segments may begin on the same page of a small file, with
 * different protections; a second copy of a file begins with its first. */
static bool same_group(const struct lti_mapping *low, const struct lti_mapping *high)
{
    if (low->path != high->path || high->start - low->end > LAYOUT_GAP)
        return false;
    if (low->offset == high->offset)
        return low->prot != high->prot;
    return low->offset < high->offset &&
           high->start - low->start >= high->offset - low->offset;
}

uint64_t lti_modules_base(struct lti_modules *modules, const struct lti_mapping *mapping)
{
    size_t at = first_behind(modules, mapping->start);
    const struct lti_mapping *first = mapping;

    while (at > 0 && same_group(&modules->list[at - 1], first))
        first = &modules->list[--at];
    return first->start > first->offset ? first->start - first->offset : 0;
}

int lti_modules_copy(struct lti_modules *modules, const struct lti_modules *from)
{
    if (from->count == 0)
        return 0;
    modules->list = malloc(from->count * sizeof *from->list);
    if (!modules->list)
        return LT_ERR_NO_MEMORY;
    memcpy(modules->list, from->list, from->count * sizeof *from->list);
    modules->count = modules->room = from->count;
    return 0;
}
