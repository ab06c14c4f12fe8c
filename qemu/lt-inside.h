/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine inside the host's process, as QEMU and our files in it see it.  world.c
 * provides it; in the engine program there is none of it, and lt_inside is NULL.
 */
#ifndef LT_INSIDE_H
#define LT_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

struct lti_control;

struct lt_inside {
    struct lti_control *arena;
    uintptr_t window, window_size; /* the guest's memory, in the host's */

    /* To be called, holding no lock, where a thread may have waited: does not return
     * when the run ends. */
    void (*check)(void);
    bool (*ending)(void);
    /* The library takes what is committed; does not return when the run ends by that.
     * Without `pumps` another thread reads. */
    bool pumps;
    void (*pump)(void);
    /* The guest has ended, by a status or a signal. */
    void (*end)(int status, int sig) __attribute__((noreturn));
    /* The guest's exec: the engine begins anew with this command line. */
    void (*exec)(char **argv, char **envp) __attribute__((noreturn));
    /* This is a child of the host's process, where nothing of the above goes. */
    bool (*forked)(void);
    /* In such a child: the path of the engine program. */
    const char *(*program)(void);
    /* A call of the host's that QEMU makes by number has returned `ret`. */
    void (*called)(long nr, const long *args, long ret);
};

extern const struct lt_inside *lt_inside;

/* Whether this is the host's process, and not a child of it. */
static inline bool lt_inside_host(void)
{
    return lt_inside && !lt_inside->forked();
}

static inline void lt_inside_check(void)
{
    if (lt_inside) {
        lt_inside->check();
    }
}

/* ---- lt-inside.c ---- */

/* In the host's process: the library takes what is committed, if it does that on this
 * thread; the guest goes on behind it when the session is not paused. */
void lt_inside_pump(void);
void lt_inside_take(void); /* without the latter */

/* Before QEMU begins. */
void lt_inside_begin(void);
/* Whether a call of the host's, about to be made by number, is done in another way;
 * then *ret and errno are its result. */
bool lt_inside_call(long nr, const long *args, long *ret);

/* What world.c asks QEMU. */
bool lt_inside_has_cpu(void); /* the present thread is one of the guest's */
void lt_inside_left(void);    /* the present thread leaves QEMU as it is */
void lt_sync_serve(void);     /* the library asks what is in the stream's mail */
int lt_engine_entry(int argc, char **argv, char **envp);

#endif
