/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine inside the host's process: what library and engine call of each other
 * there, beside the stream (stream.h).
 *
 * Each guest architecture's engine is a world of its own (qemu/world.c): its data,
 * heap, mappings, threads, timers and descriptors are all given up when a run ends.
 */
#ifndef LTI_INSIDE_H
#define LTI_INSIDE_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lti_control;
struct lti_inside_run;

/* What the host's process has once, whichever engines run: see inside-signals.c. */
struct lti_inside_signals {
    /* An engine begins and ends to use signals.  `deliver` is called, on threads that
     * have been entered, with each signal that is the guest's.  0 or an errno. */
    int (*begin)(unsigned engine, void (*deliver)(int, siginfo_t *, void *));
    void (*end)(unsigned engine);
    /* As sigaction(), of what the engine wants. */
    int (*action)(unsigned engine, int sig, const struct sigaction *action,
                  struct sigaction *old);
    /* The present thread belongs to the engine from here on, or no longer.  The first
     * one entered gets signals that came to other threads. */
    void (*enter)(unsigned engine);
    void (*leave)(unsigned engine);
    /* In a forked child: only this thread is left. */
    void (*forked)(unsigned engine);
    /* Sends a signal to a thread, which is nothing to it unless it is an engine's. */
    void (*kick)(pid_t tid, int sig);
    /* The present thread begins and ends to run the host's code, whose faults are not
     * the guest's. */
    void (*callback)(bool begins);
};

/* What to run, and what the engine may ask for; valid until run() returns. */
struct lti_inside_run {
    struct lti_control *arena;
    int argc;
    char **argv; /* as lt-engine's, see lt-process.c */
    char **envp;
    const char *cwd;            /* or NULL */
    const int *stdio;           /* three: a descriptor, or LTI_INSIDE_*, */
    const atomic_bool *stopped; /* the run is not to begin */
    void *user;
    /* Takes what is committed.  Called on guest threads, one at a time.  False: the
     * run ends.  NULL: another thread of the host reads. */
    bool (*pump)(void *user);
    /* A descriptor of the engine program, for an exec in a forked child; -1. */
    int (*program)(void *user);
    const struct lti_inside_signals *signals;
};

#define LTI_INSIDE_KEEP (-1) /* the host's */
#define LTI_INSIDE_NULL (-2) /* /dev/null */

/* How a run ended. */
enum lti_inside_end {
    LTI_INSIDE_EXIT = 1,  /* the guest, or an engine that gave up: `code` is a status */
    LTI_INSIDE_KILL = 2,  /* `code` is the signal that ended the guest */
    LTI_INSIDE_CRASH = 3, /* `code` is the signal of the engine's own fault */
    LTI_INSIDE_LEFT = 4,  /* pump() or stop() wanted it */
    LTI_INSIDE_BUSY = 5,  /* another run goes on: nothing was done */
    LTI_INSIDE_ERROR = 6  /* it could not begin: `code` is an errno, `what` says where */
};

struct lti_inside_result {
    enum lti_inside_end end;
    int code;
    const char *what;
};

struct lti_inside_engine {
    /* Runs a guest on the calling thread, to its end. */
    void (*run)(const struct lti_inside_run *run, struct lti_inside_result *result);
    /* Ends the run that goes on; from any thread while run() has not returned. */
    void (*stop)(void);
    /* Does what the library asks in the mail of the stream whose thread has called
     * pump() and waits. */
    void (*serve)(void);
};

extern const struct lti_inside_engine lti_inside_x86_64, lti_inside_aarch64;

#endif
