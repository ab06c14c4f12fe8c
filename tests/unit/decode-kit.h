/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the decoder share: an arena in which they write descriptors, a
 * stream of records, and a log of the events that come of it.
 */
#ifndef TEST_DECODE_KIT_H
#define TEST_DECODE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "block.h"
#include "decode.h"
#include "stream.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PULL 32u /* who: lt_session_next() */

uint64_t random64(void);
uint32_t below(uint32_t n);
uint64_t operand(void);

/* ---- Descriptors and records ---- */

extern uint8_t *arena;
extern uint64_t desc_used; /* of the first slab, its index included */

int make_arena(void **state);
int free_arena(void **state);
struct lti_control *control(void);

#define MAX_INSNS 8u
#define MAX_OPS 256u

/* A block as it is before it is written down. */
struct plan {
    struct lti_desc desc;
    struct lti_desc_insn insns[MAX_INSNS];
    struct lti_op ops[MAX_OPS];
    uint8_t code[MAX_INSNS * 4];
    uint64_t offset; /* where its descriptor stands */
};

void new_plan(struct plan *p, uint64_t pc);
void add_insn(struct plan *p, uint8_t flags);

struct lti_op *add_op(struct plan *p, unsigned op, unsigned d, unsigned a, unsigned b,
                      uint64_t imm);
unsigned new_value(struct plan *p);
unsigned add_slot(struct plan *p, bool wide);
unsigned add_const(struct plan *p, uint64_t imm);
unsigned add_two(struct plan *p, unsigned op, unsigned a, unsigned b);
void add_setreg(struct plan *p, unsigned reg, unsigned v, bool hidden);

/* Says where the descriptor of a block of the first slab is. */
void set_index(uint32_t number, uint64_t offset);
void write_block(struct plan *p, uint32_t number);

struct stream {
    size_t size;
    uint8_t bytes[64 << 10];
};

extern struct stream stream;

void put(const void *bytes, size_t size);
void put32(uint32_t v);
void put64(uint64_t v);
void put_head(unsigned kind, size_t size);
void put_regs(uint32_t reason, uint32_t skip, const uint64_t *regs, unsigned count);

void put_map(unsigned kind, uint64_t start, uint64_t end, uint64_t offset,
             const char *path);
void put_access(unsigned kind, uint64_t addr, const void *bytes, uint32_t length);

void put_syscall(uint64_t pc, uint32_t nr, const uint64_t args[6], const char *text);
void put_sysret(uint64_t pc, uint32_t nr, int64_t ret);
void put_exit(int32_t status, int32_t sig);

/* ---- The log of events ---- */

struct entry {
    uint32_t who; /* number of the callback, or PULL */
    uint32_t type;
    uint64_t seq;
    uint32_t pid, tid;
    uint64_t pc;
    uint64_t v[6];
    uint64_t regs; /* hash of the registers, but those of the flags */
    uint64_t flags;
    uint32_t flags_unknown;
    int32_t reg_result; /* of lt_reg_read() */
};

#define MAX_ENTRIES 32768u

struct log {
    uint32_t count;
    struct entry entries[MAX_ENTRIES];
};

extern struct log got, got_pull, want;

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size);
struct entry *add_entry(struct log *log);

/* One decoder and what is known of it while it runs. */
struct run {
    struct lti_decoder *decoder;
    struct lti_callbacks callbacks;
    struct lti_slabs *slabs;
    struct lti_paths *paths;
    uint64_t seq, stamp, insns_left;
    atomic_bool stop;
    uint32_t arch;
    struct log *log;
    uint32_t calls, answer_at; /* the call that gets the answer; 0: none */
    int answer;
    bool quiet;   /* keep no log, but touch everything */
    bool compile; /* all blocks, or none */
};

extern struct run run;

unsigned flags_reg(void);
struct lt_filter *add_callback(uint32_t type);
void no_callbacks(void);
void all_callbacks(void);

/* The kinds that these tests are about; the tests of streams have those of processes. */
#define KINDS (LT_KINDS_ALL & ((LT_KIND(LT_EVENT_EXIT) << 1) - 1))

void pull_all(void);

/* Everything anew but the callbacks. */
void begin(uint32_t arch);

/* The same, with all events to callbacks or, with `pull`, to be fetched. */
void begin_all(uint32_t arch, int pull);
void put_process(uint32_t pid, uint32_t tid);

/* The blocks are in the first slab, which the process has taken. */
void put_slab(void);
void open_decoder(struct log *log);
void close_decoder(void);

/* Runs all tests twice: interpreted and compiled.  What main() returns. */
int run_both(int (*group)(void));

/* Takes all that was fed, in the form the callbacks ask for. */
int take_all(void);

/* The bytes are where nothing but them may be read: in memory of just that size
 * if something looks after that, and else where a chunk would be. */
int decode_bytes(const uint8_t *bytes, size_t size, struct log *log);
int decode(struct log *log);
void show(const char *whose, const struct entry *e);

/* `who` of the entries aside if it differs between the forms. */
void compare(const struct log *is, const struct log *should, bool any_who);
void check_seq(const struct log *log);
int last_value(lt_session *s, const struct lt_reg_write *e, void *user);

#endif
