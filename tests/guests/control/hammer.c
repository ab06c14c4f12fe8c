/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Eight threads that hammer on shared counters: by atomic instructions of all sizes,
 * under a mutex, and handing a token on by a condition.  All that they share is in
 * `shared`, which only instructions write to; its address and size are the line
 * "# shared ADDRESS SIZE".
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 8
#define ROUNDS 150

static struct {
    uint8_t add8, swap8, loop8;
    uint16_t add16, swap16, loop16;
    uint32_t add32, swap32, loop32;
    uint64_t add64, swap64, loop64;
    uint64_t plain, token, passed;
    _Alignas(16) unsigned __int128 wide;
    uint64_t seen[THREADS];
} shared __attribute__((aligned(4096)));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;

#define ADD(name, by) __atomic_fetch_add(&shared.name, (by), __ATOMIC_SEQ_CST)
#define SWAP(name, by) __atomic_exchange_n(&shared.name, (by), __ATOMIC_SEQ_CST)
#define LOOP(name, type)                                                                 \
    do {                                                                                 \
        type old = __atomic_load_n(&shared.name, __ATOMIC_RELAXED);                      \
        while (!__atomic_compare_exchange_n(&shared.name, &old, (type)(old + 1), 0,      \
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))         \
            continue;                                                                    \
    } while (0)

/* Adds to both halves of 16 bytes at once. */
static void add_wide(void)
{
    uint64_t *half = (uint64_t *)(void *)&shared.wide;

#ifdef __x86_64__
    uint64_t low = half[0], high = half[1];
    unsigned char done;

    do
        __asm__ volatile("lock cmpxchg16b %0\n sete %3"
                         : "+m"(shared.wide), "+a"(low), "+d"(high), "=q"(done)
                         : "b"(low + 1), "c"(high + 3)
                         : "cc", "memory");
    while (!done);
#else
    uint64_t low, high;
    unsigned failed;

    do
        __asm__ volatile("ldaxp %0, %1, [%3]\n"
                         "add %0, %0, #1\n add %1, %1, #3\n"
                         "stlxp %w2, %0, %1, [%3]"
                         : "=&r"(low), "=&r"(high), "=&r"(failed)
                         : "r"(half)
                         : "memory");
    while (failed);
#endif
}

static void *hammer(void *argument)
{
    uint64_t me = (uint64_t)(uintptr_t)argument;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        ADD(add8, 1);
        ADD(add16, 3);
        ADD(add32, 5);
        ADD(add64, 7);
        SWAP(swap8, (uint8_t)(me + (uint64_t)i));
        SWAP(swap16, (uint16_t)(me << 8 | (uint64_t)i));
        SWAP(swap32, (uint32_t)(me << 24 | (uint64_t)i));
        shared.seen[me] += SWAP(swap64, me << 56 | (uint64_t)i) != 0;
        LOOP(loop8, uint8_t);
        LOOP(loop16, uint16_t);
        LOOP(loop32, uint32_t);
        LOOP(loop64, uint64_t);
        add_wide();
        pthread_mutex_lock(&lock);
        shared.plain += me + 1;
        pthread_mutex_unlock(&lock);
        if (i % 15 == 0) {
            pthread_mutex_lock(&lock);
            while (shared.token != me)
                pthread_cond_wait(&turned, &lock);
            shared.token = (me + 1) % THREADS;
            shared.passed++;
            pthread_cond_broadcast(&turned);
            pthread_mutex_unlock(&lock);
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    uintptr_t i;

    printf("# shared %" PRIxPTR " %zx\n", (uintptr_t)&shared, sizeof shared);
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, hammer, (void *)i) != 0)
            return 1;
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%u %u %u %" PRIu64 "\n", shared.add8, shared.add16, shared.add32,
           shared.add64);
    printf("%u %u %u %" PRIu64 "\n", shared.loop8, shared.loop16, shared.loop32,
           shared.loop64);
    printf("%" PRIu64 " %" PRIu64 "\n", (uint64_t)shared.wide,
           (uint64_t)(shared.wide >> 64));
    printf("%" PRIu64 " %" PRIu64 "\n", shared.plain, shared.passed);
    return 0;
}
