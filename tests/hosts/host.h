/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hosts share: sessions whose outcome is known, and a look at everything of
 * the host's process that a library might spoil.
 *
 * LT_GUESTS names the directory that has x86_64/ and aarch64/ with the guests.
 */
#ifndef HOST_H
#define HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#if defined __SANITIZE_ADDRESS__
#define HOST_ASAN 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define HOST_ASAN 1
#endif
#endif
#ifndef HOST_ASAN
#define HOST_ASAN 0
#endif
#if defined __SANITIZE_THREAD__
#define HOST_TSAN 1
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define HOST_TSAN 1
#endif
#endif
#ifndef HOST_TSAN
#define HOST_TSAN 0
#endif

/* The path of a guest; in memory that the caller's thread owns. */
const char *host_guest(uint32_t arch, const char *name);

/* Whether guests of that architecture were built. */
bool host_has_arch(uint32_t arch);

/* A session of `path` with nothing on its standard streams; NULL: it failed. */
lt_session *host_create(const char *path);

/* What came of a session. */
struct host_run {
    int returned; /* by lt_session_run() or lt_session_next() */
    struct lt_result result;
    uint64_t insns, writes, reads;
    char message[512];
};

/* Ways to run one. */
#define HOST_PULL 1u
#define HOST_MEMORY 2u

/* Runs `path` with callbacks for the kinds that are counted, or pulls the events. */
struct host_run host_run(const char *path, unsigned ways);

/* Runs the guest `loop` of an architecture in one of the ways, and checks what came of
 * it.  NULL, or a sentence in static memory about what was wrong: any thread may call
 * it, unlike cmocka's checks. */
const char *host_check_loop(uint32_t arch, unsigned ways);

/* The same, as a check. */
void host_assert_loop(uint32_t arch, unsigned ways);

/* ---- The host's own state ---- */

/*
 * A text with everything of the process that must be the same before and behind
 * sessions: signals' dispositions, the mask, alternate stack, pending signals, timers,
 * descriptors, credentials, limits, directory, umask, affinity, priority, process
 * group, children, prctl() settings.  To be freed.  The library's engine file, which it
 * may keep, is left out.
 */
char *host_state(void);

/* Checks that it is the same now, and frees it. */
void host_assert_same(char *before);

/* How many processes have this one as their parent, those without an exit signal
 * included; -1: /proc does not tell. */
int host_children(void);

/* Waits until there are none, as those that were killed may need a moment. */
bool host_no_children(void);

double host_seconds(void);

/* Runs `body` in a forked child, which fails if it returns other than 0, if a check in
 * it fails, or if it takes longer than a minute. */
void host_in_child(int (*body)(void *), void *arg);

/* For children: prints a sentence and returns 1. */
__attribute__((format(printf, 1, 2))) int host_complain(const char *format, ...);

#endif
