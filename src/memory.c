/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps a copy of the guest's memory: a table of mapped ranges, and tables of pages.
 *
 * A private page is found by its number in the process's own table, a shared one by
 * its number in the table of its object, which all processes have in common.
 */
#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lt/event.h"
#include "lt/lt.h"

#define PAGE ((uint64_t)LTI_PAGE_SIZE)
#define PAGE_SHIFT 12
#define NEAR 256u /* pages at hand */

/* A page's bytes, in one or several tables. */
struct page {
    uint64_t refs;
    uint8_t data[LTI_PAGE_SIZE];
};

/* Pages by their number: a hash table with linear probing, at most half full. */
struct slot {
    uint64_t number;
    struct page *page; /* NULL: free */
};

struct pages {
    struct slot *slots;
    uint64_t room; /* a power of two, or 0 */
    uint64_t count;
};

/* A file or other memory that is shared. */
struct object {
    struct object *next;
    uint64_t device, inode;
    uint64_t refs; /* ranges */
    struct pages pages;
};

/* What the copies of several processes have in common. */
struct common {
    uint64_t refs;
    uint64_t epoch; /* rises when pages of objects go */
    struct object *objects;
};

struct range {
    uint64_t start, end;
    struct object *object; /* NULL: private */
    uint64_t offset;       /* of `start` in it */
};

struct lti_memory {
    struct common *common;
    struct range *ranges; /* sorted */
    size_t count, room;
    struct pages pages;
    /* Pages that can be written to as they are, in this epoch. */
    uint64_t epoch;
    struct {
        uint64_t number; /* of the address; 0: none */
        uint8_t *data;
    } near[NEAR];
};

/* ---- Tables of pages ---- */

static uint64_t home(const struct pages *t, uint64_t number)
{
    return (number * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (t->room - 1);
}

static struct slot *find_slot(const struct pages *t, uint64_t number)
{
    if (t->room != 0) {
        for (uint64_t i = home(t, number); t->slots[i].page != NULL;
             i = (i + 1) & (t->room - 1)) {
            if (t->slots[i].number == number) {
                return &t->slots[i];
            }
        }
    }
    return NULL;
}

static void place(struct pages *t, uint64_t number, struct page *page)
{
    uint64_t i = home(t, number);

    while (t->slots[i].page != NULL) {
        i = (i + 1) & (t->room - 1);
    }
    t->slots[i] = (struct slot){number, page};
}

static bool make_room(struct pages *t)
{
    if (t->count * 2 < t->room) {
        return true;
    }
    struct pages bigger = {.room = t->room != 0 ? t->room * 2 : 64, .count = t->count};
    bigger.slots = calloc(bigger.room, sizeof *bigger.slots);
    if (bigger.slots == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < t->room; i++) {
        if (t->slots[i].page != NULL) {
            place(&bigger, t->slots[i].number, t->slots[i].page);
        }
    }
    free(t->slots);
    *t = bigger;
    return true;
}

static void drop_page(struct page *page)
{
    if (--page->refs == 0) {
        free(page);
    }
}

/* Frees a slot; those behind that had to give way move up. */
static void free_slot(struct pages *t, struct slot *slot)
{
    uint64_t mask = t->room - 1, hole = (uint64_t)(slot - t->slots);

    drop_page(slot->page);
    t->count--;
    for (uint64_t i = (hole + 1) & mask; t->slots[i].page != NULL; i = (i + 1) & mask) {
        uint64_t want = home(t, t->slots[i].number);

        if (((i - want) & mask) >= ((i - hole) & mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole].page = NULL;
}

/* Forgets the pages numbered first to last. */
static void forget_pages(struct pages *t, uint64_t first, uint64_t last)
{
    if (last - first < t->room) {
        for (uint64_t n = first; n <= last; n++) {
            struct slot *slot = find_slot(t, n);
            if (slot != NULL) {
                free_slot(t, slot);
            }
        }
        return;
    }
    for (uint64_t i = 0; i < t->room;) {
        struct slot *slot = &t->slots[i];
        if (slot->page != NULL && slot->number >= first && slot->number <= last) {
            /* Another may have come to its place. */
            free_slot(t, slot);
        } else {
            i++;
        }
    }
}

static void destroy_pages(struct pages *t)
{
    for (uint64_t i = 0; i < t->room; i++) {
        if (t->slots[i].page != NULL) {
            drop_page(t->slots[i].page);
        }
    }
    free(t->slots);
    *t = (struct pages){0};
}

/* The page's bytes to be written to; NULL: no memory. */
static uint8_t *page_for_write(struct pages *t, uint64_t number)
{
    struct slot *slot = find_slot(t, number);

    if (slot != NULL && slot->page->refs == 1) {
        return slot->page->data;
    }
    struct page *page = slot != NULL ? malloc(sizeof *page) : calloc(1, sizeof *page);
    if (page == NULL || (slot == NULL && !make_room(t))) {
        free(page);
        return NULL;
    }
    page->refs = 1;
    if (slot != NULL) {
        memcpy(page->data, slot->page->data, PAGE);
        drop_page(slot->page);
        slot->page = page;
    } else {
        place(t, number, page);
        t->count++;
    }
    return page->data;
}

/* ---- Objects ---- */

static struct object *find_object(struct common *common, uint64_t device, uint64_t inode)
{
    struct object *o = common->objects;

    while (o != NULL && (o->device != device || o->inode != inode)) {
        o = o->next;
    }
    if (o == NULL && (o = calloc(1, sizeof *o)) != NULL) {
        o->device = device;
        o->inode = inode;
        o->next = common->objects;
        common->objects = o;
    }
    return o;
}

static void drop_object(struct common *common, struct object *object)
{
    if (object == NULL || --object->refs != 0) {
        return;
    }
    /* Whoever maps it again is told its contents again. */
    struct object **at = &common->objects;
    while (*at != object) {
        at = &(*at)->next;
    }
    *at = object->next;
    destroy_pages(&object->pages);
    free(object);
}

/* ---- Ranges ---- */

/* The first range that ends behind `addr`. */
static size_t range_behind(const struct lti_memory *m, uint64_t addr)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->ranges[middle].end > addr) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static const struct range *range_at(const struct lti_memory *m, uint64_t addr)
{
    size_t i = range_behind(m, addr);

    return i < m->count && m->ranges[i].start <= addr ? &m->ranges[i] : NULL;
}

static bool reserve(struct lti_memory *m, size_t more)
{
    if (m->count + more <= m->room) {
        return true;
    }
    size_t room = (m->count + more) * 2;
    struct range *ranges = realloc(m->ranges, room * sizeof *ranges);
    if (ranges == NULL) {
        return false;
    }
    m->ranges = ranges;
    m->room = room;
    return true;
}

static void insert_range(struct lti_memory *m, struct range range)
{
    size_t i = range_behind(m, range.start);

    memmove(&m->ranges[i + 1], &m->ranges[i], (m->count - i) * sizeof *m->ranges);
    m->ranges[i] = range;
    m->count++;
    if (range.object != NULL) {
        range.object->refs++;
    }
}

/* Makes `addr` a border between ranges.  There is room for one more. */
static void split_at(struct lti_memory *m, uint64_t addr)
{
    size_t i = range_behind(m, addr);

    if (i < m->count && m->ranges[i].start < addr) {
        struct range tail = m->ranges[i];

        tail.offset += addr - tail.start;
        tail.start = addr;
        m->ranges[i].end = addr;
        insert_range(m, tail);
    }
}

/* Removes the ranges within [start, end).  There is room for two more. */
static void remove_ranges(struct lti_memory *m, uint64_t start, uint64_t end)
{
    split_at(m, start);
    split_at(m, end);
    size_t first = range_behind(m, start), last = first;
    while (last < m->count && m->ranges[last].start < end) {
        drop_object(m->common, m->ranges[last++].object);
    }
    memmove(&m->ranges[first], &m->ranges[last], (m->count - last) * sizeof *m->ranges);
    m->count -= last - first;
}

/* ---- Life ---- */

int lti_memory_create(struct lti_memory **out)
{
    struct lti_memory *m = calloc(1, sizeof *m);

    *out = NULL;
    if (m == NULL || (m->common = calloc(1, sizeof *m->common)) == NULL) {
        free(m);
        return LT_ERR_NO_MEMORY;
    }
    m->common->refs = 1;
    *out = m;
    return 0;
}

int lti_memory_clone(struct lti_memory *from, struct lti_memory **out)
{
    struct lti_memory *m = calloc(1, sizeof *m);
    const struct pages *pages = &from->pages;

    *out = NULL;
    if (m == NULL || !reserve(m, from->count + 1)) {
        free(m);
        return LT_ERR_NO_MEMORY;
    }
    if (pages->room != 0 &&
        (m->pages.slots = malloc(pages->room * sizeof *pages->slots)) == NULL) {
        free(m->ranges);
        free(m);
        return LT_ERR_NO_MEMORY;
    }
    m->pages.room = pages->room;
    m->pages.count = pages->count;
    for (uint64_t i = 0; i < pages->room; i++) {
        m->pages.slots[i] = pages->slots[i];
        if (pages->slots[i].page != NULL) {
            pages->slots[i].page->refs++;
        }
    }
    for (size_t i = 0; i < from->count; i++) {
        m->ranges[i] = from->ranges[i];
        if (m->ranges[i].object != NULL) {
            m->ranges[i].object->refs++;
        }
    }
    m->count = from->count;
    m->common = from->common;
    m->common->refs++;
    memset(from->near, 0, sizeof from->near);
    *out = m;
    return 0;
}

void lti_memory_clear(struct lti_memory *m)
{
    memset(m->near, 0, sizeof m->near);
    for (size_t i = 0; i < m->count; i++) {
        drop_object(m->common, m->ranges[i].object);
    }
    m->count = 0;
    destroy_pages(&m->pages);
}

void lti_memory_destroy(struct lti_memory *m)
{
    if (m != NULL) {
        lti_memory_clear(m);
        if (--m->common->refs == 0) {
            free(m->common);
        }
        free(m->ranges);
        free(m);
    }
}

/* ---- Changes ---- */

static void zero_pages(struct lti_memory *m, const struct range *r, uint64_t start,
                       uint64_t end)
{
    bool shared = r != NULL && r->object != NULL;
    uint64_t shift = shared ? r->offset - r->start : 0;

    m->common->epoch += shared;
    forget_pages(shared ? &r->object->pages : &m->pages, (start + shift) >> PAGE_SHIFT,
                 (end + shift - 1) >> PAGE_SHIFT);
}

/* Zeros, in shared memory too. */
static void zero(struct lti_memory *m, uint64_t start, uint64_t end)
{
    zero_pages(m, NULL, start, end);
    for (size_t i = range_behind(m, start); i < m->count && m->ranges[i].start < end;
         i++) {
        const struct range *r = &m->ranges[i];
        if (r->object != NULL) {
            zero_pages(m, r, start > r->start ? start : r->start,
                       end < r->end ? end : r->end);
        }
    }
}

static void unmap(struct lti_memory *m, uint64_t start, uint64_t end)
{
    zero_pages(m, NULL, start, end);
    remove_ranges(m, start, end);
}

static int map(struct lti_memory *m, const struct lti_range_change *change)
{
    struct range range = {.start = change->start, .end = change->end};

    if ((change->flags & LT_MAP_SHARED) != 0) {
        range.object = find_object(m->common, change->device, change->inode);
        range.offset = change->offset;
        if (range.object == NULL) {
            return LT_ERR_NO_MEMORY;
        }
        range.object->refs++; /* should it be what is unmapped */
    }
    unmap(m, range.start, range.end);
    insert_range(m, range);
    if (range.object != NULL) {
        range.object->refs--;
        zero_pages(m, &range, range.start, range.end);
    }
    return 0;
}

/* Takes the private pages of [from, from + size) away to `to`. */
static int move_pages(struct lti_memory *m, uint64_t to, uint64_t from, uint64_t size)
{
    struct pages taken = {0};
    uint64_t first = from >> PAGE_SHIFT, count = size >> PAGE_SHIFT;

    for (uint64_t i = 0; i < m->pages.room; i++) {
        const struct slot *slot = &m->pages.slots[i];

        if (slot->page != NULL && slot->number - first < count) {
            if (!make_room(&taken)) {
                destroy_pages(&taken);
                return LT_ERR_NO_MEMORY;
            }
            slot->page->refs++;
            place(&taken, slot->number, slot->page);
            taken.count++;
        }
    }
    if (count != 0) {
        forget_pages(&m->pages, first, first + count - 1);
    }
    int result = 0;
    for (uint64_t i = 0; i < taken.room && result == 0; i++) {
        if (taken.slots[i].page == NULL) {
            continue;
        }
        if (!make_room(&m->pages)) {
            result = LT_ERR_NO_MEMORY;
            break;
        }
        taken.slots[i].page->refs++;
        place(&m->pages, taken.slots[i].number - first + (to >> PAGE_SHIFT),
              taken.slots[i].page);
        m->pages.count++;
    }
    destroy_pages(&taken);
    return result;
}

static int move(struct lti_memory *m, uint64_t to, uint64_t from, uint64_t size)
{
    size_t first, last;

    unmap(m, to, to + size);
    split_at(m, from);
    split_at(m, from + size);
    first = last = range_behind(m, from);
    while (last < m->count && m->ranges[last].start < from + size) {
        last++;
    }
    size_t count = last - first;
    struct range *moved = malloc((count + 1) * sizeof *moved);
    if (moved == NULL || !reserve(m, count)) {
        free(moved);
        return LT_ERR_NO_MEMORY;
    }
    memcpy(moved, &m->ranges[first], count * sizeof *moved);
    for (size_t i = 0; i < count; i++) {
        struct range range = moved[i];

        range.start += to - from;
        range.end += to - from;
        insert_range(m, range);
    }
    free(moved);
    int result = move_pages(m, to, from, size);
    unmap(m, from, from + size);
    return result;
}

int lti_memory_change(struct lti_memory *m, const struct lti_range_change *change)
{
    memset(m->near, 0, sizeof m->near);
    if (!reserve(m, 8)) {
        return LT_ERR_NO_MEMORY;
    }
    switch (change->op) {
    case LT_MAP_MAP:
        return map(m, change);
    case LT_MAP_UNMAP:
        unmap(m, change->start, change->end);
        return 0;
    case LT_MAP_ZERO:
        zero(m, change->start, change->end);
        return 0;
    case LT_MAP_MOVE:
        return move(m, change->start, change->from, change->end - change->start);
    default:
        return 0;
    }
}

/* ---- Contents ---- */

static struct pages *pages_of(struct lti_memory *m, uint64_t addr, uint64_t *number)
{
    const struct range *r = range_at(m, addr);

    if (r != NULL && r->object != NULL) {
        *number = (addr - r->start + r->offset) >> PAGE_SHIFT;
        return &r->object->pages;
    }
    *number = addr >> PAGE_SHIFT;
    return &m->pages;
}

static void forget_near(struct lti_memory *m)
{
    memset(m->near, 0, sizeof m->near);
    m->epoch = m->common->epoch;
}

/* The bytes of the page at `addr` to be written to; NULL: no memory. */
static uint8_t *writable(struct lti_memory *m, uint64_t addr)
{
    uint64_t address_page = addr >> PAGE_SHIFT, number;
    unsigned i = address_page % NEAR;

    if (__builtin_expect(m->near[i].number != address_page || address_page == 0, 0)) {
        struct pages *pages = pages_of(m, addr, &number);

        m->near[i].data = page_for_write(pages, number);
        m->near[i].number = m->near[i].data != NULL ? address_page : 0;
    }
    return m->near[i].data;
}

int lti_memory_write(struct lti_memory *m, uint64_t addr, const void *data, uint64_t size)
{
    const uint8_t *from = data;

    if (m->epoch != m->common->epoch) {
        forget_near(m);
    }
    while (size != 0) {
        uint64_t in = addr & (PAGE - 1), n = PAGE - in < size ? PAGE - in : size;
        uint8_t *page = writable(m, addr);

        if (page == NULL) {
            return LT_ERR_NO_MEMORY;
        }
        memcpy(page + in, from, n);
        addr += n;
        from += n;
        size -= n;
    }
    return 0;
}

void lti_memory_peek(struct lti_memory *m, uint64_t addr, void *data, uint64_t size)
{
    uint8_t *to = data;

    if (m->epoch != m->common->epoch) {
        forget_near(m);
    }
    while (size != 0) {
        uint64_t in = addr & (PAGE - 1), n = PAGE - in < size ? PAGE - in : size;
        uint64_t address_page = addr >> PAGE_SHIFT, number;
        unsigned i = address_page % NEAR;

        if (m->near[i].number == address_page && address_page != 0) {
            memcpy(to, m->near[i].data + in, n);
        } else {
            struct pages *pages = pages_of(m, addr, &number);
            const struct slot *slot = find_slot(pages, number);

            if (slot != NULL) {
                memcpy(to, slot->page->data + in, n);
            } else {
                memset(to, 0, n);
            }
        }
        addr += n;
        to += n;
        size -= n;
    }
}

uint64_t lti_memory_read(struct lti_memory *m, uint64_t addr, void *data, uint64_t size)
{
    const struct range *r = range_at(m, addr);
    const struct range *end = r != NULL ? m->ranges + m->count : NULL;
    uint64_t mapped = 0;

    while (r < end && r->start <= addr + mapped && mapped < size) {
        mapped = r->end - addr;
        r++;
    }
    size = mapped < size ? mapped : size;
    lti_memory_peek(m, addr, data, size);
    return size;
}
