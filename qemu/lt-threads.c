/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The baton: one guest thread of a process runs at a time, so that the process's
 * events have one order.
 *
 * A thread takes the baton before it begins to execute guest code and keeps it in
 * system calls, but for the calls of the host's that may block.  Who waits gets it in
 * turn; the first in the queue, when it has waited for a slice of time, asks the
 * thread that has the baton to leave its block.
 *
 * Where threads run in parallel, only their ends take turns.
 *
 * Lock order: the baton before start_exclusive() and every lock of QEMU's; it is
 * given up only where none of those is held.
 */
#include "qemu/osdep.h"
#include "qemu.h"
#include "user-internals.h"
#include "exec/cpu-common.h"
#include "hw/core/cpu.h"
#include "lt-engine.h"
#include "lt-inside.h"

#define SLICE_NS 5000000

struct waiter {
    pthread_cond_t turn;
    bool granted;
    struct waiter *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static CPUState *holder; /* who has the baton */
static bool held;        /* somebody has, perhaps a thread without a CPU any more */
static struct waiter *first, **last = &first;
static bool yield_wanted;
static __thread bool mine;

/* Where threads are parallel, they end one by one, so that one sees that it is the last.
 */
static pthread_mutex_t exits = PTHREAD_MUTEX_INITIALIZER;
static __thread bool exiting;

bool lt_baton_mine(void)
{
    return mine;
}

/* The run ends: nobody shall grant a waiter that is gone. */
static void give_up(const struct waiter *me)
{
    for (struct waiter **p = &first; *p; p = &(*p)->next) {
        if (*p == me) {
            *p = me->next;
            last = *p ? last : p;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    lt_inside->check();
}

static void wait_turn(void)
{
    struct waiter me = {.next = NULL};
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&me.turn, &attributes);
    *last = &me;
    last = &me.next;
    while (!me.granted) {
        struct timespec end;

        if (lt_inside && lt_inside->ending()) {
            give_up(&me);
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_nsec += SLICE_NS;
        if (end.tv_nsec >= 1000000000) {
            end.tv_sec++;
            end.tv_nsec -= 1000000000;
        }
        if (pthread_cond_timedwait(&me.turn, &lock, &end) == ETIMEDOUT && first == &me &&
            holder) {
            qatomic_set(&yield_wanted, true);
            cpu_exit(holder);
        }
    }
    pthread_cond_destroy(&me.turn);
}

static void take(CPUState *cpu)
{
    pthread_mutex_lock(&lock);
    if (held) {
        wait_turn();
    }
    held = true;
    holder = cpu;
    mine = true;
    qatomic_set(&yield_wanted, false);
    pthread_mutex_unlock(&lock);
}

static void give(void)
{
    pthread_mutex_lock(&lock);
    held = false;
    holder = NULL;
    mine = false;
    if (first) {
        struct waiter *next = first;

        first = next->next;
        if (!first) {
            last = &first;
        }
        held = true; /* so that nobody comes in between */
        next->granted = true;
        pthread_cond_signal(&next->turn);
    }
    pthread_mutex_unlock(&lock);
}

bool lt_baton_take(CPUState *cpu)
{
    if (lt_parallel || mine) {
        return false;
    }
    take(cpu);
    return true;
}

void lt_baton_give(void)
{
    if (mine) {
        give();
    }
}

void lt_baton_detach(void)
{
    if (mine) {
        pthread_mutex_lock(&lock);
        holder = NULL;
        pthread_mutex_unlock(&lock);
    }
}

void lt_baton_poke(bool late)
{
    pthread_mutex_lock(&lock);
    if (holder && (!late || lt_stream_is_late(holder))) {
        cpu_exit(holder);
    }
    pthread_mutex_unlock(&lock);
}

bool lt_baton_wanted(void)
{
    return qatomic_read(&yield_wanted);
}

void lt_exit_begin(void)
{
    if (lt_parallel && !exiting) {
        pthread_mutex_lock(&exits);
        exiting = true;
    }
}

void lt_exit_end(void)
{
    if (exiting) {
        exiting = false;
        pthread_mutex_unlock(&exits);
    }
}

void lt_baton_fork(CPUState *cpu)
{
    pthread_mutex_init(&exits, NULL);
    pthread_mutex_init(&lock, NULL);
    first = NULL;
    last = &first;
    yield_wanted = false;
    holder = mine ? cpu : NULL;
    held = mine;
}
