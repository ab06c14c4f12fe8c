/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the process between the host and the engine.
 *
 * The supervisor starts the engine, is the parent or the reaper of the whole
 * guest process tree, and kills that tree when it is asked to or when the host
 * is gone.  It is made with CLONE_VM, so that it costs the same however big the
 * host is, and without an exit signal, so that the host's own wait() calls never
 * see it.
 */
#ifndef LTI_SUPERVISOR_H
#define LTI_SUPERVISOR_H

#include <stdint.h>

#include "stream.h"

/* Where the start failed: lti_supervisor.step. */
enum lti_start_step {
    LTI_STEP_SUPERVISOR = 0, /* the supervisor's own preparations */
    LTI_STEP_CLONE = 1,      /* making the engine's process */
    LTI_STEP_STDIO = 2,      /* its descriptors */
    LTI_STEP_CWD = 3,        /* its working directory */
    LTI_STEP_EXEC = 4        /* executing the engine */
};

enum lti_supervisor_state {
    LTI_SUPERVISOR_STARTING = 0,
    LTI_SUPERVISOR_RUNNING = 1, /* the engine is being executed */
    LTI_SUPERVISOR_FAILED = 2   /* step and error say why; it exits */
};

/* Values of stdio[] that are no descriptors. */
#define LTI_STDIO_CLOSED (-1)
#define LTI_STDIO_NULL (-2)

/* The arena's descriptor in the engine. */
#define LTI_ENGINE_ARENA_FD 3
#define LTI_ENGINE_ARENA_FD_TEXT "3"
/* And, behind that of its own file, the coverage map's. */
#define LTI_ENGINE_MAP_FD 5
#define LTI_ENGINE_MAP_FD_TEXT "5"

/* What the host and the supervisor share beside the control page. */
struct lti_supervisor {
    /* Set by the host; what is pointed to must stay until the start is over,
     * `control` until the supervisor has ended. */
    struct lti_control *control;
    const char *cwd; /* or NULL */
    char *const *argv;
    char *const *envp;
    void *child_stack; /* top of a stack for the engine's process until exec */
    int engine_fd;
    int arena_fd;
    int map_fd;        /* or -1 */
    int host_fd;       /* a pidfd of the host */
    int request_fd;    /* readable, or hung up, when the tree is to be killed */
    int stdio[3];      /* descriptors or LTI_STDIO_* */
    int terminal;      /* hand the terminal on stdio[0] to the engine */
    int host_group;    /* the host's process group */
    uint32_t limit_ms; /* the tree is killed when so much time has passed; 0: never */

    /* Set by the supervisor. */
    uint32_t state; /* enum lti_supervisor_state; a futex */
    uint32_t step;  /* enum lti_start_step */
    int32_t error;  /* errno */
    uint32_t engine_pid;
    uint32_t stopped_by; /* with `terminal`: a signal stopped the engine */

    /* The supervisor's own; here because its stack is small. */
    int owns_terminal;
    int engine_reaped;
    int signal_fd;
    int64_t deadline; /* monotonic, milliseconds; 0: none */
    char children[1024];
};

/* Starts the supervisor on a stack that ends at `stack_top`.  *pidfd becomes a
 * descriptor of it.  Its process id or a negative errno. */
int lti_supervisor_start(struct lti_supervisor *job, void *stack_top, int *pidfd);

#endif
