/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the reading end of the ring.  See stream.h for what is shared, and note
 * that the other side may write anything there at any time. */
#include "ring.h"

#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lt/lt.h"

void lti_ring_init(struct lti_ring *ring, struct lti_control *control, uint32_t number)
{
    ring->stream = &control->streams[number];
    ring->chunks = (const uint8_t *)control + LTI_RING_OFFSET + number * LTI_RING_SIZE;
    ring->consumed = 0;
    ring->given = 0;
    ring->total = 0;
    ring->problem = NULL;
}

static struct lti_chunk *present(const struct lti_ring *ring)
{
    return &ring->stream->chunks[ring->consumed % LTI_CHUNKS];
}

static uint64_t committed(const struct lti_ring *ring)
{
    return __atomic_load_n(&present(ring)->committed, __ATOMIC_ACQUIRE);
}

static bool is_closed(const struct lti_ring *ring)
{
    return __atomic_load_n(&present(ring)->closed, __ATOMIC_ACQUIRE) != 0;
}

bool lti_ring_has_news(const struct lti_ring *ring)
{
    return committed(ring) != ring->given || is_closed(ring);
}

/* Hands a chunk that was read to its end back to the engine. */
static void release_chunk(struct lti_ring *ring)
{
    struct lti_stream *stream = ring->stream;
    struct lti_chunk *chunk = present(ring);
    __atomic_store_n(&chunk->committed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&chunk->closed, 0, __ATOMIC_RELAXED);
    ring->consumed++;
    ring->given = 0;
    __atomic_store_n(&stream->consumed, ring->consumed, __ATOMIC_RELEASE);
    __atomic_fetch_add(&stream->room, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&stream->blocked, __ATOMIC_SEQ_CST) != 0) {
        syscall(SYS_futex, &stream->room, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    }
}

/* Gives what was committed behind what was given.  True if there is something
 * or it is wrong. */
static bool take(struct lti_ring *ring, const uint8_t **begin, const uint8_t **end)
{
    uint64_t size = committed(ring);
    if (size == ring->given) {
        return false;
    }
    if (size < ring->given || size > LTI_CHUNK_STRIDE || size % 4 != 0) {
        ring->problem = "the engine's count of bytes in a chunk is impossible";
        return true;
    }
    const uint8_t *chunk =
        ring->chunks + (uint64_t)(ring->consumed % LTI_CHUNKS) * LTI_CHUNK_STRIDE;
    *begin = chunk + ring->given;
    *end = chunk + size;
    ring->total += size - ring->given;
    ring->given = (uint32_t)size;
    return true;
}

int lti_ring_next(struct lti_ring *ring, bool ended, const uint8_t **begin,
                  const uint8_t **end)
{
    for (unsigned released = 0; released <= LTI_CHUNKS; released++) {
        /* This is asked first: what was committed before it is seen behind it. */
        bool closed = is_closed(ring);
        if (take(ring, begin, end)) {
            return ring->problem != NULL ? LT_ERR_STREAM : LTI_RING_DATA;
        }
        if (!closed) {
            return ended ? LTI_RING_END : LTI_RING_IDLE;
        }
        release_chunk(ring);
    }
    ring->problem = "the engine closes chunks without an end";
    return LT_ERR_STREAM;
}

void lti_ring_reset(struct lti_ring *ring)
{
    struct lti_stream *stream = ring->stream;

    madvise((void *)(uintptr_t)ring->chunks, LTI_RING_SIZE, MADV_REMOVE);
    memset(stream->alive, 0, sizeof stream->alive);
    memset(stream->chunks, 0, sizeof stream->chunks);
    stream->pid = stream->stamping = stream->forked = stream->counted = 0;
    stream->produced = stream->consumed = 0;
    stream->room = stream->blocked = stream->running = 0;
    memset(&stream->mail, 0, sizeof stream->mail);
    /* From here on an engine may have it. */
    __atomic_store_n(&stream->state, LTI_STREAM_FREE, __ATOMIC_RELEASE);
}
