/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of signals, threads and processes share: a run of a guest whose
 * events are kept, its output, and the same run without us to compare with.
 */
#ifndef TESTS_CONTROL_H
#define TESTS_CONTROL_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define MAX_ARGS 12

/* An event that was kept: all but instructions, registers and memory. */
struct entry {
    uint64_t seq;
    uint32_t type, op, pid, tid;
    uint32_t parent, arch; /* of processes and threads */
    char text[256];        /* path or name */
    uint32_t number;       /* of a signal or a system call */
    int32_t code;          /* of a signal; phase of a system call */
    uint64_t pc, addr, handler;
    uint64_t result; /* of a system call */
    uint32_t error;
    int32_t status, signal; /* of an exit */
    uint64_t insns;         /* of its thread before it */
    uint64_t last_pc;       /* of its thread's last instruction before it */
    uint64_t next_pc;       /* of its thread's first instruction behind it */
    uint64_t next_regs[40]; /* registers then */
    int next;               /* whether there was one */
};

/* What to run and how. */
struct guest_run {
    const char *argv[MAX_ARGS]; /* argv[0] is the program */
    uint32_t follow, threads;
    uint32_t arch;       /* of the program: for its run without us */
    int pull;            /* with lt_session_next() */
    int insns;           /* with instructions and registers */
    int calls;           /* with system calls */
    const char *module;  /* instructions of that file only */
    int untraced;        /* processes that nobody traces are no failure */
    uint64_t stop_after; /* events until lt_session_stop(); 0: none */
    int (*on_insn)(lt_session *, const struct lt_insn *, void *);
    int (*on_event)(const struct entry *, void *);
    void *user;

    /* What came of it. */
    struct entry *entries;
    size_t count, room;
    struct lt_result result;
    struct lt_stats stats;
    char *output;
    uint64_t seq;
    uint32_t ended;    /* the last process that has */
    struct live *live; /* threads */
};

/* Runs it and checks what holds for all runs. */
void run_guest(struct guest_run *run);
void free_run(struct guest_run *run);

/* The output of the same program without us, lines with "#" left out; NULL if it
 * cannot be run here.  A guest for another processor runs as the one that was made
 * from the same source for this one.  *status is as a shell has it. */
char *run_plain(const struct guest_run *run, int *status);

/* The output and the status are those of a run without us. */
void same_as_plain(const struct guest_run *run);

/* How many entries are like that, and the n-th (from 0) of them. */
size_t count_of(const struct guest_run *run, uint32_t type, uint32_t op);
const struct entry *nth(const struct guest_run *run, uint32_t type, uint32_t op,
                        size_t n);

/* The guest of that name for an architecture, or NULL: in one of four buffers. */
const char *control_guest(uint32_t arch, const char *name);

#endif
