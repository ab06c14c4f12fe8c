/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of an engine inside the host's process: a heap of its own, so that all of it
 * can go at the end of a run whatever was forgotten, and a list of what was mapped.
 *
 * The heap gives blocks of some sizes from chunks and keeps freed ones in lists; large
 * blocks are mapped.  Pointers that are not the heap's, which C library functions
 * made, go to the C library's free().
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "world.h"

void *world_malloc(size_t size);
void *world_calloc(size_t count, size_t size);
void *world_realloc(void *old, size_t size);
void world_free(void *block);
int world_posix_memalign(void **out, size_t align, size_t size);
char *world_strdup(const char *text);
int world___vasprintf_chk(char **out, int flag, const char *format, va_list args);
void *world_mmap64(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int world_munmap(void *addr, size_t size);
void *world_mremap(void *old, size_t old_size, size_t size, int flags, ...);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take_lock(void)
{
    world_hold();
    pthread_mutex_lock(&lock);
}

static void drop_lock(void)
{
    pthread_mutex_unlock(&lock);
    world_release();
}

void world_heap_fork(bool before)
{
    before ? take_lock() : drop_lock();
}

/* ---- Blocks ---- */

#define STEP (UINT64_C(1) << 20)   /* bytes by which it grows */
#define LARGE (UINT64_C(64) << 10) /* blocks of this size and more are mapped */
#define STEPS 4u                   /* sizes of blocks in each power of two from 64 on */
#define CLASSES 43u

/* In front of each block. */
struct header {
    uint32_t class; /* CLASSES: mapped */
    uint32_t magic;
    size_t size; /* of the block, with the header */
};
#define MAGIC 0x6c746877u
/* An aligned block has a second one, whose size is how far it is behind the first. */
#define MAGIC_ALIGNED 0x6c746861u
_Static_assert(sizeof(struct header) == 16, "keeps blocks aligned");
_Static_assert(LARGE == (UINT64_C(1) << 16), "as CLASSES says");

struct freed {
    struct header header;
    struct freed *next;
};

/* ---- Mappings ---- */

struct span {
    uintptr_t start, end;
};

static struct span *spans; /* what is mapped, outside the window */
static size_t span_count, span_room;
static struct span window;

/* Addresses that guest memory and the heap's small blocks may have. */
#define WINDOW_SIZE (UINT64_C(1) << 40)
#define HEAP_SIZE (UINT64_C(1) << 36)

static struct {
    char *start, *end; /* what is reserved */
    char *at, *usable; /* what was never given out, and its part with memory */
    struct freed *lists[CLASSES];
} heap;

int world_window_make(uintptr_t *start, uintptr_t *size)
{
    char *memory = mmap(NULL, WINDOW_SIZE + HEAP_SIZE, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return errno;
    }
    window = (struct span){(uintptr_t)memory, (uintptr_t)memory + WINDOW_SIZE};
    heap.start = heap.at = heap.usable = memory + WINDOW_SIZE;
    heap.end = heap.start + HEAP_SIZE;
    *start = window.start;
    *size = WINDOW_SIZE;
    return 0;
}

static bool in_window(const void *addr)
{
    return (uintptr_t)addr >= window.start && (uintptr_t)addr < window.end;
}

static bool remember(uintptr_t start, uintptr_t end)
{
    if (span_count == span_room) {
        size_t room = span_room ? 2 * span_room : 64;
        struct span *more = realloc(spans, room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        spans = more;
        span_room = room;
    }
    spans[span_count++] = (struct span){start, end};
    return true;
}

/* Cuts [start, end) out of what is mapped. */
static void forget(uintptr_t start, uintptr_t end)
{
    for (size_t i = 0; i < span_count; i++) {
        struct span *s = &spans[i];
        if (s->end <= start || s->start >= end) {
            continue;
        }
        if (s->start < start && s->end > end) {
            uintptr_t rest = s->end;
            s->end = start;
            remember(end, rest); /* without memory the rest stays mapped */
            return;
        }
        if (s->start < start) {
            s->end = start;
        } else if (s->end > end) {
            s->start = end;
        } else {
            spans[i--] = spans[--span_count];
        }
    }
}

static uintptr_t page_end(const void *addr, size_t size)
{
    return ((uintptr_t)addr + size + 4095) & ~(uintptr_t)4095;
}

/* Maps with the lock held. */
static void *map(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
    if ((flags & MAP_FIXED_NOREPLACE) && addr != NULL && in_window(addr)) {
        /* QEMU reserves the window, which has been done. */
        flags = (flags & ~MAP_FIXED_NOREPLACE) | MAP_FIXED;
    }
    void *memory = mmap(addr, size, prot, flags, fd, offset);
    if (memory != MAP_FAILED && !in_window(memory)) {
        if (flags & MAP_FIXED) {
            forget((uintptr_t)memory, page_end(memory, size));
        }
        if (!remember((uintptr_t)memory, page_end(memory, size))) {
            munmap(memory, size);
            errno = ENOMEM;
            return MAP_FAILED;
        }
    }
    return memory;
}

static int unmap(void *addr, size_t size)
{
    int result;
    if (in_window(addr)) {
        /* What is free in the window stays reserved. */
        void *hole = mmap(addr, size, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        return hole == MAP_FAILED ? -1 : 0;
    }
    result = munmap(addr, size);
    if (result == 0) {
        forget((uintptr_t)addr, page_end(addr, size));
    }
    return result;
}

void *world_mmap64(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
    take_lock();
    void *memory = map(addr, size, prot, flags, fd, offset);
    drop_lock();
    return memory;
}

int world_munmap(void *addr, size_t size)
{
    take_lock();
    int result = unmap(addr, size);
    drop_lock();
    return result;
}

/* QEMU uses it for guest memory: with addresses of its choice, as there is a window. */
void *world_mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    void *wanted = flags & MREMAP_FIXED ? va_arg(args, void *) : NULL;
    va_end(args);
    take_lock();
    void *memory = mremap(old, old_size, size, flags, wanted);
    if (memory != MAP_FAILED) {
        if (!in_window(old)) {
            forget((uintptr_t)old, page_end(old, old_size));
        }
        if (!in_window(memory)) {
            remember((uintptr_t)memory, page_end(memory, size));
        }
    }
    drop_lock();
    return memory;
}

/* ---- The heap ---- */

/* The smallest class whose blocks hold `size` bytes, and their size. */
static uint32_t class_of(size_t *size)
{
    if (*size <= 64) {
        uint32_t n = *size <= 32 ? 2 : (uint32_t)(*size + 15) / 16;
        *size = 16 * n;
        return n - 2;
    }
    unsigned exponent = 63 - (unsigned)__builtin_clzll(*size - 1);
    size_t base = (size_t)1 << exponent, step = base / STEPS;
    uint32_t n = (uint32_t)((*size - base + step - 1) / step);
    *size = base + n * step;
    return 2 + (exponent - 6) * STEPS + n;
}

static struct header *large_block(size_t size)
{
    size = (size + 4095) & ~(size_t)4095;
    struct header *h =
        map(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (h == MAP_FAILED) {
        return NULL;
    }
    *h = (struct header){CLASSES, MAGIC, size};
    return h;
}

/* A block, and whether it is all zeros. */
static struct header *small_block(size_t size, bool *zero)
{
    uint32_t class = class_of(&size);
    struct freed *block = heap.lists[class];

    *zero = block == NULL;
    if (block != NULL) {
        heap.lists[class] = block->next;
        return &block->header;
    }
    while ((size_t)(heap.usable - heap.at) < size) {
        if (heap.usable == heap.end ||
            mprotect(heap.usable, STEP, PROT_READ | PROT_WRITE) != 0) {
            return NULL;
        }
        heap.usable += STEP;
    }
    struct header *h = (struct header *)(void *)heap.at;
    heap.at += size;
    *h = (struct header){class, MAGIC, size};
    return h;
}

static void *allocate(size_t size, bool clear)
{
    struct header *h = NULL;
    bool zero = true;

    if (size <= PTRDIFF_MAX - LARGE) {
        size += sizeof *h;
        take_lock();
        h = size >= LARGE ? large_block(size) : small_block(size, &zero);
        drop_lock();
    }
    if (h == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    if (clear && !zero) {
        memset(h + 1, 0, size - sizeof *h);
    }
    return h + 1;
}

/* The header of a pointer that the heap gave out; NULL: it is another's. */
static struct header *header_of(void *pointer)
{
    struct header *h = (struct header *)pointer - 1;
    if ((char *)pointer >= heap.start && (char *)pointer < heap.end) {
        return h;
    }
    bool large = ((uintptr_t)pointer & 4095) == sizeof *h;
    return large && h->magic == MAGIC && h->class == CLASSES ? h : NULL;
}

void *world_malloc(size_t size)
{
    return allocate(size, false);
}

void *world_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return allocate(bytes, true);
}

int world_posix_memalign(void **out, size_t align, size_t size)
{
    char *block = allocate(size + align + sizeof(struct header), false);
    if (block == NULL) {
        return ENOMEM;
    }
    if (((uintptr_t)block & (align - 1)) != 0) {
        char *at = (char *)(((uintptr_t)block + sizeof(struct header) + align - 1) &
                            ~(uintptr_t)(align - 1));
        struct header *h = (struct header *)(void *)at - 1;
        *h = (struct header){0, MAGIC_ALIGNED, (size_t)(at - block)};
        block = at;
    }
    *out = block;
    return 0;
}

void world_free(void *block)
{
    if (block == NULL) {
        return;
    }
    int saved = errno;
    take_lock();
    struct header *h = (struct header *)block - 1;
    if (((uintptr_t)block & 15) == 0 && h->magic == MAGIC_ALIGNED) {
        block = (char *)block - h->size;
    }
    h = header_of(block);
    if (h == NULL) {
        free(block);
    } else if (h->class == CLASSES) {
        unmap(h, h->size);
    } else {
        struct freed *f = (struct freed *)(void *)h;
        f->next = heap.lists[h->class];
        heap.lists[h->class] = f;
    }
    drop_lock();
    errno = saved;
}

void *world_realloc(void *old, size_t size)
{
    if (old == NULL) {
        return world_malloc(size);
    }
    if (size == 0) {
        world_free(old);
        return NULL;
    }
    take_lock();
    struct header *h = header_of(old);
    drop_lock();
    if (h == NULL) {
        return realloc(old, size);
    }
    size_t room = h->size - sizeof *h;
    if (size <= room && size >= room / 2) {
        return old;
    }
    void *block = world_malloc(size);
    if (block != NULL) {
        memcpy(block, old, room < size ? room : size);
        world_free(old);
    }
    return block;
}

char *world_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = world_malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

int world___vasprintf_chk(char **out, int flag, const char *format, va_list args)
{
    va_list again;
    (void)flag;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0 || (*out = world_malloc((size_t)size + 1)) == NULL) {
        return -1;
    }
    return vsnprintf(*out, (size_t)size + 1, format, args);
}

void world_heap_end(void)
{
    for (size_t i = 0; i < span_count; i++) {
        munmap((void *)spans[i].start, spans[i].end - spans[i].start);
    }
    free(spans);
    spans = NULL;
    span_count = span_room = 0;
    if (window.end != 0) {
        munmap((void *)window.start, WINDOW_SIZE + HEAP_SIZE);
    }
    window = (struct span){0, 0};
    memset(&heap, 0, sizeof heap);
}
