/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the reading end of the ring.  See stream.h for what is shared, and note
 * that the other side may write anything there at any time. */
#include "ring.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lt/lt.h"

/* Looks at the chunk before and after `listening` is set.  The first ones save
 * a sleep when records come steadily, a few microseconds in all.  The second
 * ones are longer than a store takes to leave the engine's processor, so that
 * the engine need not fence between its commit and its look at `listening`. */
#define SPINS_BEFORE 128
#define SPINS_AFTER 32

/* How long to sleep at most: the net below everything that could be missed. */
#define SLEEP_NS 100000000

static void futex_wake(uint32_t *futex)
{
    syscall(SYS_futex, futex, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void lti_ring_init(struct lti_ring *ring, struct lti_control *control)
{
    ring->control = control;
    ring->chunks = (const uint8_t *)control + LTI_RING_OFFSET;
    ring->consumed = 0;
    ring->given = 0;
    ring->total = 0;
    ring->problem = NULL;
}

void lti_ring_wake(struct lti_control *control)
{
    __atomic_fetch_add(&control->bell, 1, __ATOMIC_SEQ_CST);
    futex_wake(&control->bell);
}

static struct lti_chunk *present(const struct lti_ring *ring)
{
    return &ring->control->chunks[ring->consumed % LTI_CHUNKS];
}

static uint64_t committed(const struct lti_ring *ring)
{
    return __atomic_load_n(&present(ring)->committed, __ATOMIC_ACQUIRE);
}

static bool is_closed(const struct lti_ring *ring)
{
    return __atomic_load_n(&present(ring)->closed, __ATOMIC_ACQUIRE) != 0;
}

static bool engine_ended(const struct lti_ring *ring)
{
    return __atomic_load_n(&ring->control->engine_ended, __ATOMIC_ACQUIRE) != 0;
}

/* Whether there is something to do now. */
static bool has_news(const struct lti_ring *ring)
{
    return committed(ring) != ring->given || is_closed(ring) || engine_ended(ring);
}

static bool spin(const struct lti_ring *ring, int count)
{
    for (int i = 0; i < count; i++) {
        if (has_news(ring)) {
            return true;
        }
        __builtin_ia32_pause();
    }
    return false;
}

/* Sleeps until the bell rings, unless there is something to do already. */
static void wait_for_news(const struct lti_ring *ring)
{
    const struct timespec period = {0, SLEEP_NS};
    struct lti_control *control = ring->control;
    if (spin(ring, SPINS_BEFORE)) {
        return;
    }
    uint32_t bell = __atomic_load_n(&control->bell, __ATOMIC_SEQ_CST);
    __atomic_store_n(&control->listening, 1, __ATOMIC_SEQ_CST);
    if (!spin(ring, SPINS_AFTER)) {
        syscall(SYS_futex, &control->bell, FUTEX_WAIT, bell, &period, NULL, 0);
    }
    __atomic_store_n(&control->listening, 0, __ATOMIC_RELAXED);
}

/* Hands a chunk that was read to its end back to the engine. */
static void release_chunk(struct lti_ring *ring)
{
    struct lti_control *control = ring->control;
    struct lti_chunk *chunk = present(ring);
    __atomic_store_n(&chunk->committed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&chunk->closed, 0, __ATOMIC_RELAXED);
    ring->consumed++;
    ring->given = 0;
    __atomic_store_n(&control->consumed, ring->consumed, __ATOMIC_RELEASE);
    __atomic_fetch_add(&control->room, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&control->blocked, __ATOMIC_SEQ_CST) != 0) {
        futex_wake(&control->room);
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

/* As lti_ring_next(), without waiting: LTI_RING_IDLE if there is nothing. */
static int look(struct lti_ring *ring, const uint8_t **begin, const uint8_t **end)
{
    for (unsigned released = 0; released <= LTI_CHUNKS; released++) {
        /* These two are asked first: what was committed before them is seen
         * behind them. */
        bool ended = engine_ended(ring);
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

int lti_ring_next(struct lti_ring *ring, const uint8_t **begin, const uint8_t **end)
{
    int state = look(ring, begin, end);
    if (state == LTI_RING_IDLE) {
        wait_for_news(ring);
        state = look(ring, begin, end);
    }
    return state;
}
