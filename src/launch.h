/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the arena, the engine's executable file and the life of a guest's
 * processes: their start, under a supervisor, and their end. */
#ifndef LTI_LAUNCH_H
#define LTI_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "stream.h"

/* A memory file of `size` bytes of zeros, which keeps that size.  0, LT_ERR_SYSTEM,
 * LT_ERR_NO_MEMORY. */
int lti_memory_file(const char *name, uint64_t size, int *out,
                    struct lti_message *message);

/* The memory shared with the engine; see stream.h. */
struct lti_arena {
    int fd;                      /* until the engine has it; -1 afterwards */
    struct lti_control *control; /* LTI_ARENA_SIZE bytes from here */
};

/* Makes an arena of zeros.  0, LT_ERR_SYSTEM, LT_ERR_NO_MEMORY. */
int lti_arena_create(struct lti_arena *arena, struct lti_message *message);
/* A cleared struct, or one that lti_arena_create() did not make, is fine if its
 * fd is -1. */
void lti_arena_destroy(struct lti_arena *arena);
/* Closes the descriptor and keeps the memory. */
void lti_arena_close(struct lti_arena *arena);

/* What to start; all of it only needed during lti_process_start(). */
struct lti_launch {
    const char *engine;  /* path of the engine program, or NULL: the own one */
    const char *arch;    /* its first arguments */
    const char *sysroot; /* or NULL */
    const char *program;
    char *const *argv; /* the guest's */
    char *const *envp;
    const char *cwd; /* or NULL */
    int stdio[3];    /* descriptors, LTI_STDIO_CLOSED or LTI_STDIO_NULL */
    int map_fd;      /* of the coverage map, or -1 */
    bool terminal;
    uint32_t limit_ms; /* or 0 */
};

/* The engine's command line: pointers to what `launch` has, in memory to be freed; NULL
 * without memory. */
char **lti_engine_argv(const struct lti_launch *launch);

/* Gives a descriptor of the engine program: of the file `path`, which is the caller's to
 * close, or, with NULL, of the library's own, which is not.  0, or as
 * lti_process_start(). */
int lti_engine_file(const char *path, int *out, struct lti_message *message);

struct lti_process;

/* Starts the engine.  0, LT_ERR_SYSTEM, LT_ERR_NO_MEMORY, LT_ERR_ENGINE (its
 * file cannot be executed), LT_ERR_NOT_FOUND, LT_ERR_DIRECTORY or
 * LT_ERR_PERMISSION (cwd). */
int lti_process_start(const struct lti_launch *launch, const struct lti_arena *arena,
                      struct lti_process **out, struct lti_message *message);

/* Asks for the death of all of the guest's processes, without waiting.  Any
 * thread, any number of times, until lti_process_destroy(). */
void lti_process_kill(struct lti_process *process);

/* Kills all of the guest's processes and waits until they are gone. */
void lti_process_end(struct lti_process *process);

/* The supervisor was killed: so are all of the guest's processes that can be found. */
void lti_process_abandoned(struct lti_process *process);

/* Whether the supervisor still runs. */
bool lti_process_supervised(const struct lti_process *process);

/* Whether this is a forked copy of the process that has started it. */
bool lti_process_is_copy(const struct lti_process *process);

/* To be called now and then while the guest runs: with a terminal handed over,
 * stops the host's process group when the guest was stopped from it, and lets
 * the guest go on when the host does. */
void lti_process_job_control(struct lti_process *process);

/* Ends the processes if need be and frees all.  In a forked copy of the host
 * it frees only.  NULL is fine.  Before lti_arena_destroy(). */
void lti_process_destroy(struct lti_process *process);

#endif
