/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of streams share: arenas that are filled by hand as engines of several
 * processes and threads would, and a text of the events that come of it, in the callback
 * form and in the pull form.
 */
#ifndef TEST_STREAMS_KIT_H
#define TEST_STREAMS_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode.h"
#include "stream.h"
#include "streams.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

uint32_t below(uint32_t n);

/* ---- What engines write ---- */

#define WRITERS 6u /* streams that the tests write to */

extern uint8_t *arena;

struct writer {
    uint8_t *chunk; /* its first one */
    uint64_t at;    /* bytes written, committed or not */
    bool held;      /* records are committed later */
};

extern struct writer writers[WRITERS];

struct lti_control *control(void);
struct lti_stream *stream(uint32_t n);
void commit(uint32_t n);

/* Appends a record whose payload is `size` bytes. */
void put(uint32_t n, unsigned kind, const void *payload, uint32_t size);
void put_words(uint32_t n, unsigned kind, uint32_t a, uint32_t b, uint32_t count);
void put_stamp(uint32_t n, uint64_t stamp);
void live(uint32_t n, uint32_t state);

/* The record only. */
void put_process_of(uint32_t n, uint32_t pid, uint32_t tid, uint32_t parent,
                    uint32_t arch, uint32_t op, const char *path);

/* A process begins: its stream too. */
void put_process(uint32_t n, uint64_t stamp, uint32_t pid, uint32_t parent);
void put_map(uint32_t n, uint64_t start, const char *path);
void put_regs(uint32_t n, unsigned count, uint64_t r3);
void put_syscall(uint32_t n, uint32_t nr);
void put_sysret(uint32_t n, uint32_t nr, int64_t ret);
void put_name(uint32_t n, uint32_t tid, const char *name);
void put_exit(uint32_t n, uint32_t status);
bool slab_used(uint32_t slab);

/* A slab with one block: an instruction at `pc` that writes register 0. */
uint32_t make_slab(uint32_t slab, uint64_t pc);
void put_block(uint32_t n, uint32_t block, uint64_t value);
void put_slab(uint32_t n, uint32_t slab);
void put_fork(uint32_t n, uint32_t child, uint32_t made);
void put_signal(uint32_t n, uint32_t op, uint32_t number);

/* A helper's store of four bytes. */
void put_write(uint32_t n, uint64_t addr);

/* ---- What comes of it ---- */

struct run {
    struct lti_streams *streams;
    struct lti_callbacks callbacks;
    atomic_bool stop;
    uint64_t seq;
    bool quiet;
    char log[16384];
    size_t used;
    uint32_t answer_type;
    int answer; /* to events of that type */
};

extern struct run run;

/* A new arena; in which form events are taken. */
void prepare(bool pull);
void open_streams(void);
void begin(bool pull);
void finish(void);

/* Takes all there is.  How that ended: an enum lti_streams_state, or what a callback
 * said. */
int drain(void);

/* What came since the last time. */
void expect(const char *text);
void expect_idle(const char *text);

/* Everything has ended. */
void expect_end(const char *text);

#define BOTH_FORMS for (int pull = 0; pull < 2; pull++)

/* Streams 0, 1 and 2 are those of processes 10, 11 and 12. */
void three_processes(void);

#define THREE                                                                            \
    "10.10 process of 0 arch 1 /bin/a\n11.11 process of 10 arch 1 /bin/a\n"              \
    "12.12 process of 10 arch 1 /bin/a\n"

void put_parallel(uint32_t n, uint64_t stamp, uint32_t pid, uint32_t tid);

#endif
