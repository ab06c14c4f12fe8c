/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of an engine that runs inside the host's process: what it takes from the
 * process in a run and gives back behind it.  Compiled once for each architecture, and
 * joined with its engine, whose calls of a C library function X listed in
 * `world-calls` become calls of world_X here (see `link`).
 *
 *     world.c        a run: begin, threads, signals, end
 *     world-heap.c   memory: the engine's heap and mappings
 *     world-files.c  descriptors, and other things that a guest changes in the host
 */
#ifndef WORLD_H
#define WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "inside.h"

/* This thread must not be taken out of what it does by a signal.  Nests. */
void world_hold(void);
void world_release(void);

/* The process is a child of the host's, in which the guest goes on. */
bool world_forked(void);

/* Around a fork, in parent and child. */
void world_heap_fork(bool before);
void world_files_fork(bool before);

/* Makes the mapping that guest memory goes into; 0 or an errno. */
int world_window_make(uintptr_t *start, uintptr_t *size);

/* All of the heap and of what is mapped goes. */
void world_heap_end(void);

/* The guest's working directory and standard streams; 0 or an errno. */
int world_files_begin(const struct lti_inside_run *run);
/* Behind an exec: descriptors that are marked go, timers too. */
void world_files_exec(void);
/* Everything is as it was. */
void world_files_end(void);
/* A system call that was made by number. */
void world_files_called(long nr, const long *args, long ret);

#endif
