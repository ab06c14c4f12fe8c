/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feedback about what a guest executes, for fuzzers and for whoever wants to know which
 * code ran: coverage, counted in a map by the guest's own translated code.  That takes
 * about a tenth of its time for blocks, about a fifth for edges.  No events, callbacks or
 * decoding are needed for it; it goes with them, too.
 *
 *     struct lt_coverage coverage;
 *     lt_coverage_init(&coverage, sizeof coverage);
 *     coverage.kind = LT_COVERAGE_EDGES;
 *     coverage.counter = LT_COUNTER_WRAP;
 *     if (lt_coverage_start(session, &coverage) == 0 && lt_session_run(session) == 0) {
 *         const uint8_t *map = lt_coverage_map(session);
 *         ... coverage.map_size bytes, or 65536 as that is 0
 *     }
 *
 * A *block* here is what QEMU translates at a time: instructions that follow each other,
 * up to a branch, a system call, the end of a page or a limit of some hundred
 * instructions.  Code that is jumped to in the middle of one has a block of its own that
 * overlaps.  A block counts when it is entered.  One that a fault, a signal or a thread's
 * turn interrupts may go on as a block of its own from there; one that the guest waits
 * before (LT_FILTER_SYNC) may count twice.
 *
 * The guest's addresses are the same in every run, so its places in the map are, too:
 * see lt_coverage_block_place() and lt_coverage_edge_place().  Programs that it
 * executes may have other blocks at the same addresses; LT_COVERAGE_NUMBERS tells those
 * apart.
 *
 * Processes: all that are traced count in the same map, with forks and executed
 * programs (lt_config.follow); those that are not do not.  What was counted
 * stays, however a process ended, kills included.  Inside the host's process
 * (lt_session_create_in_process()), forked children of the guest count if the map's
 * memory is shared with children, and programs that they execute do not.
 *
 * Threads: each has edges of its own; the first block of a thread or program comes
 * from place 0.  Counters are no atomics, as in other fuzzers: where threads run in
 * parallel (LT_THREADS_PARALLEL), or several processes, two that count the same at the
 * same instant may count once.  With LT_THREADS_SERIAL the counts of one process are
 * exact.
 */
#ifndef LT_FUZZ_H
#define LT_FUZZ_H

#include "lt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What has a place in the map. */
enum lt_coverage_kind {
    LT_COVERAGE_BLOCKS = 1, /* blocks, at a hash of their address: few share a place */
    LT_COVERAGE_EDGES = 2,  /* pairs of blocks that follow each other, alike: AFL's map */
    LT_COVERAGE_NUMBERS = 3, /* blocks, at numbers from 1 on that they get when they are
                               translated: none share a place, and lt_coverage_number()
                               knows them.  Place 0 is for all that come when there are
                               no more numbers: at most as many as the map has places,
                               and 1,048,575. */
    LT_COVERAGE_EXACT_EDGES = 4 /* edges, none of which share a place: the place is that
                               of LT_COVERAGE_EDGES or, if another edge has come to that
                               before, the next free one; lt_coverage_edge() knows which
                               is whose.  Place 0 is for edges that find none.  Only the
                               first 1,048,576 places are used.  Slower, and
                               much so if there are not several times as many
                               places as edges. */
};

/* What a place is, and what happens to it. */
enum lt_coverage_counter {
    LT_COUNTER_FLAG = 0,       /* a byte that becomes 1: the quickest */
    LT_COUNTER_WRAP = 1,       /* a byte that is counted up; 0 follows 255 */
    LT_COUNTER_NEVER_ZERO = 2, /* the same, but 1 follows 255 */
    LT_COUNTER_64 = 3          /* a uint64_t that is counted up */
};

/* Sizes of maps: powers of two. */
#define LT_COVERAGE_MAP_MIN UINT64_C(4096)
#define LT_COVERAGE_MAP_MAX UINT64_C(0x40000000)

/*
 * What to count, and where.  The map is, in this order: `map`, with a session in this
 * process; `map_size` bytes from `fd_offset` on of the file `fd`, if `fd_flags` says so;
 * or else memory that the library makes and frees.
 */
struct lt_coverage {
    uint32_t size;      /* set by lt_coverage_init() */
    uint32_t kind;      /* enum lt_coverage_kind */
    uint32_t counter;   /* enum lt_coverage_counter */
    uint32_t flags;     /* LT_COVERAGE_FD */
    uint64_t map_size;  /* bytes; 0: 65536 */
    void *map;          /* the caller's, for sessions of lt_session_create_in_process()
                           only: aligned to 8 bytes; one aligned to map_size is quicker
                           for edges.  It stays until the session is destroyed. */
    uint64_t fd_offset; /* of the map in the file: a multiple of 4096 */
    int32_t fd;         /* of memory that can be mapped shared and written: from
                           memfd_create(), shm_open() or a file.  The caller's, who may
                           close it behind lt_coverage_start(), but not make it shorter
                           before the session is destroyed. */
    uint32_t reserved;  /* 0 */
};

/* Bit of lt_coverage.flags: `fd` is one. */
#define LT_COVERAGE_FD UINT32_C(1)

/* Sets all to defaults; `size` is sizeof *coverage.  LT_ERR_ARGUMENT. */
int lt_coverage_init(struct lt_coverage *coverage, uint32_t size);

/*
 * Has the session's run counted.  Before the run; once a session.  The map is not
 * cleared: what is counted is added to what is there.  LT_ERR_ARGUMENT (an unknown kind,
 * counter or flag, a map size that is no power of two or out of bounds, a map in a
 * session that is not in this process; a file that is not open, too short or cannot be
 * mapped, an odd offset), LT_ERR_STATE, LT_ERR_NO_MEMORY, LT_ERR_SYSTEM (the memory
 * cannot be made).
 */
int lt_coverage_start(lt_session *session, const struct lt_coverage *coverage);

/*
 * Limits it to blocks that begin in certain code; several calls add up, and what is
 * excluded is so in whatever is included.  Of the filter, pc_start, pc_end and
 * module count; the rest is 0.  Code that does not count costs nothing, and an edge goes
 * from the last block that counted.  Before the run; at most 64.
 * LT_ERR_ARGUMENT, LT_ERR_STATE, LT_ERR_LIMIT.
 */
int lt_coverage_include(lt_session *session, const struct lt_filter *filter);
int lt_coverage_exclude(lt_session *session, const struct lt_filter *filter);

/* The map in this process, of the session's coverage; NULL without.  Valid until the
 * session is destroyed; it may be read and written at any time, by any thread. */
void *lt_coverage_map(const lt_session *session);

/* Where in a map of `coverage` the block at guest address `pc` counts: in places, not
 * bytes; LT_COVERAGE_BLOCKS.  UINT64_MAX if the struct is none for that. */
uint64_t lt_coverage_block_place(const struct lt_coverage *coverage, uint64_t pc);

/* Where the edge from the block at `from` to that at `to` counts: LT_COVERAGE_EDGES. That
 * is block(to) ^ block(from) >> 1, where block() is what lt_coverage_block_place() says
 * for a map as large. */
uint64_t lt_coverage_edge_place(const struct lt_coverage *coverage, uint64_t from,
                                uint64_t to);

/* A block that has a number. */
struct lt_coverage_block {
    uint32_t size;      /* set by the caller to sizeof(struct lt_coverage_block) */
    uint32_t length;    /* of its code, in bytes */
    uint64_t pc;        /* its guest address */
    const char *module; /* host path of the file that the code was mapped from, until the
                           session is destroyed; NULL: none */
    uint64_t offset;    /* of pc from `base` */
    uint64_t base;      /* guest address where the file begins in memory, 0: no file */
    uint64_t count;     /* what its place in the map says now; 0 with
                           LT_COVERAGE_EXACT_EDGES */
};

/* Describes block `number`, with LT_COVERAGE_NUMBERS or _EXACT_EDGES; also while the
 * guest runs. Returns 1; 0 if there is none (some numbers are not used); LT_ERR_ARGUMENT;
 * LT_ERR_STATE (blocks get no numbers); LT_ERR_NO_MEMORY; LT_ERR_NOT_FOUND: this and all
 * higher ones are free.  Blocks that were translated but never entered have a count of 0.
 */
int lt_coverage_number(const lt_session *session, uint32_t number,
                       struct lt_coverage_block *block);

/* An edge that has a place of its own. */
struct lt_coverage_edge {
    uint32_t size; /* set by the caller to sizeof(struct lt_coverage_edge) */
    uint32_t from; /* number of the block that it comes from; 0: a thread's beginning */
    uint32_t to;   /* number of the block that it goes to */
    uint32_t reserved;
    uint64_t count; /* what its place in the map says now */
};

/* Describes the edge at `place`, with LT_COVERAGE_EXACT_EDGES; also while the guest runs.
 * Returns 1; 0 if no edge has come there; LT_ERR_ARGUMENT; LT_ERR_STATE;
 * LT_ERR_NOT_FOUND: there is no such place. */
int lt_coverage_edge(const lt_session *session, uint32_t place,
                     struct lt_coverage_edge *edge);

/*
 * Writes the blocks that have been entered to the file `path`, in version 2 of the
 * format of DynamoRIO's drcov, which disassemblers' coverage views read.  With
 * LT_COVERAGE_NUMBERS.  Blocks of code that was mapped from no file are left out.
 * LT_ERR_ARGUMENT, LT_ERR_STATE, LT_ERR_NO_MEMORY, LT_ERR_SYSTEM (it cannot be written).
 */
int lt_coverage_save_drcov(lt_session *session, const char *path);

#ifdef __cplusplus
}
#endif

#endif
