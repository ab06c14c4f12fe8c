/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder's own state, shared by decode.c (records) and steps.c (what a block
 * record does), and how both tell callbacks of events. */
#ifndef LTI_DECODER_H
#define LTI_DECODER_H

#include <string.h>

#include "block.h"
#include "captures.h"
#include "decode.h"
#include "flags.h"
#include "guest.h"
#include "registers.h"
#include "memory.h"
#include "stream.h"
#include "sync.h"
#include "view.h"

/* An event of a special record that waits for lt_session_next(). */
struct queued {
    union {
        struct lt_event any;
        struct lt_insn insn; /* where the guest waits before it */
        struct lt_reg_write reg_write;
        struct lt_mem_access mem;
        struct lt_syscall syscall;
        struct lt_module module;
        struct lt_exit exit;
        struct lt_signal signal;
        struct lt_thread thread;
        struct lt_process process;
        struct lt_map map;
    } event;
};

/* An event that the guest will wait at, for sync.c. */
struct lti_told {
    struct queued event;
    uint8_t *data; /* of a memory access: owned */
    bool done;     /* it has been told */
};

/* A guest thread.  The registers of the one whose records come, and its instruction,
 * are the decoder's own. */
struct lti_thread {
    struct lti_thread *next;
    uint32_t tid;
    uint32_t parent; /* thread id of its creator */
    bool begun;      /* its start has been told */
    bool gone;       /* it has ended: freed once another one's records come */
    bool known;      /* registers hold the guest's values */
    bool has_insn;
    struct lti_insn insn;
    struct lt_syscall call;       /* the last one */
    struct lti_captures captures; /* of it */
    uint64_t regs[LTI_MAX_REGS];
};
/* The first callback of a kind. */
#define LTI_ONE_COUNT (LT_EVENT_BLOCK + 1)
struct lti_one {
    void (*fn)(void); /* of the kind's own type */
    void *user;
};

/* No record tells of a larger store. */
#define LTI_MAX_STORE 65536u

struct lti_decoder {
    struct lti_decoder_config config;
    struct lti_block_source source;
    struct lti_guest *guest;    /* NULL: the stream has not said yet whose it is */
    struct lti_thread *threads; /* at least one */
    struct lti_thread *thread;  /* whose records come */
    uint32_t number;            /* of its stream */
    const struct lti_arch *arch;
    bool x86;
    bool known;    /* registers hold the guest's values */
    bool in_event; /* an event is in hand */
    const char *problem;

    bool finish; /* behind it comes the guest's end, and how: */
    int32_t status, signal;
    bool late; /* a parallel thread of a process that has ended: nothing of it is told */

    /* Steps in hand: of a block to be run, or that lt_session_next() is in the
     * middle of.  A part of a block ends where `patched` was made an end. */
    const struct lti_step *step; /* NULL: none */
    const uint8_t *record;
    uint64_t base; /* the number of the last event before the block's, had
                      all of its events so far happened */
    struct lti_step *patched;
    const void *patched_run;
    uint32_t patched_nth;
    bool insns_over; /* so much that the next record is not looked at */
    uint32_t limit;  /* enum lt_limit that was reached; 0: none */

    /* What compiled code reaches with short instructions stands together here. */
    const uint8_t *at, *end;     /* what was fed and is left */
    uint64_t insns_end;          /* of stats.insns: no instruction begins there */
    const struct lti_insn *insn; /* in hand; lives as long as its block */
    uint32_t pid, tid;           /* those of the records that come */
    uint64_t seq;
    lt_session *session;
    const void *const *entries; /* compiled code by block number, once there is some */
    struct lti_one one[LTI_ONE_COUNT]; /* by enum lt_event_type */
    struct lt_reg_write reg_write;     /* of a register of 8 bytes */
    struct lt_stats stats;
    struct lt_mem_access load, store; /* of up to 8 bytes, by compiled code */

    struct lti_insn kept; /* the instruction in hand, when its block is no more */
    lt_insn_fn only_insn; /* the first callback of a kind, at hand */
    void *only_insn_user;
    lt_reg_write_fn only_reg_write;
    void *only_reg_write_user;
    bool ranged[LTI_KIND_COUNT]; /* a callback of the kind has an address range */

    struct lti_block **blocks; /* LTI_MAX_BLOCKS, those of config.slabs */

    struct lt_reg_write wide_write; /* of any register but those of 8 bytes */
    struct lt_mem_access mem;
    uint64_t mem_data[2];
    struct lti_memory *memory; /* the guest's; NULL: not kept */
    uint8_t *old;              /* what a write replaced: LTI_MAX_STORE bytes, like
                                  `memory` */
    char *map_path;            /* of the last struct lt_map, NUL-ended */

    struct queued *queue;
    unsigned queue_count, queue_room, queue_at;
    struct lti_told *told; /* events that the guest will wait at */
    unsigned told_count, told_room;
    bool waits; /* the guest does, for lt_session_next() */

    struct lt_block_run run;
    const struct lti_view *view; /* of the run in hand; NULL: none */
    const uint8_t *view_record;  /* NULL: its lazy steps are done */
    const struct lti_step *lazy; /* they; NULL: the view's own */
    struct lti_step *part;       /* of a part of a block view, and the lazy ones, if it
                                    comes next */
    const struct lti_step *part_lazy;

    uint8_t cc_map[128];
    /* The register file, and behind it the values of the instruction in hand. */
    uint64_t regs[UINT16_MAX + 1];
};

/*
 * Runs the steps from decoder->step on.  Returns 1 with the event in *out, a const
 * struct lt_event *, where the pull form wants it; else 0, or what a callback
 * said.  Without a decoder, gives the places of the steps in *out, a const void
 * *const *: the compiler knows them only in there.
 */
int lti_run_steps(struct lti_decoder *decoder, const void *out);

/* LTI_EFLAGS: the flags that QEMU's words for them stand for. */
uint64_t lti_eflags_of(const struct lti_decoder *decoder, uint64_t cc_op, uint64_t cc_dst,
                       uint64_t cc_src, uint64_t cc_src2);

/* Does one step of the record for compiled code: any but those of known operands that
 * it does itself.  decoder->seq and insn are up to date.  As lti_run_steps(). */
int lti_slow_step(struct lti_decoder *decoder, const struct lti_step *step,
                  const uint8_t *record);

/* ---- decode-memory.c: records about memory, without their heads ---- */

int lti_decode_module(struct lti_decoder *d, const uint8_t *p, uint32_t size);
int lti_decode_unmodule(struct lti_decoder *d, const uint8_t *p, uint32_t size);
int lti_decode_access(struct lti_decoder *d, const uint8_t *p, uint32_t size,
                      uint32_t kind);
int lti_decode_kernel(struct lti_decoder *d, const uint8_t *p, uint32_t size);
int lti_decode_range(struct lti_decoder *d, const uint8_t *p, uint32_t size);
int lti_decode_data(struct lti_decoder *d, const uint8_t *p, uint32_t size);
int lti_decode_check(struct lti_decoder *d, const uint8_t *p, uint32_t size);

static inline uint32_t u32_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t u64_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t lti_flags_value(const struct lti_decoder *d)
{
    return d->x86 ? lti_x86_rflags(d->regs, d->cc_map) : lti_a64_nzcv(d->regs);
}

/* The value of a public register other than the pc, its low 8 bytes. */
static inline uint64_t lti_reg_value(const struct lti_decoder *d, uint32_t reg)
{
    const struct lti_reg *r = &d->arch->regs[reg];

    switch (r->how) {
    case LTI_REG_FLAGS:
        return lti_flags_value(d);
    case LTI_REG_FLOAT:
        return d->x86 ? lti_x86_mxcsr(d->regs) : lti_a64_fpsr(d->regs);
    default:
        return d->regs[r->word];
    }
}

/* Calls the callbacks of a kind in `wanted`; the first that says something but
 * "go on" ends it. */
#define LTI_CALL(d, kind, member, wanted, event, result)                                 \
    do {                                                                                 \
        uint64_t left_ = (wanted)&UINT32_MAX;                                            \
        (result) = 0;                                                                    \
        while (left_ && (result) == 0) {                                                 \
            const struct lti_callback *c_ =                                              \
                &(d)->config.callbacks->list[kind][__builtin_ctzll(left_)];              \
            left_ &= left_ - 1;                                                          \
            (result) = c_->fn.member((d)->config.session, event, c_->user);              \
        }                                                                                \
    } while (0)

/* Restricts `wanted` to the memory callbacks whose address range is touched. */
static inline uint64_t wanted_range(const struct lti_decoder *d, uint64_t wanted,
                                    uint32_t kind, uint64_t addr, uint64_t length)
{
    const struct lti_callbacks *c = d->config.callbacks;
    uint64_t result = 0, last = addr + length - 1;

    for (uint64_t left = wanted; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        const struct lt_filter *f = i == 32 ? &c->pull_filter : &c->list[kind][i].filter;
        if (last >= f->addr_start && (f->addr_end == 0 || addr < f->addr_end)) {
            result |= UINT64_C(1) << i;
        }
    }
    return result;
}

/* Whose event it is. */
static inline void set_thread(const struct lti_decoder *d, struct lt_insn *event)
{
    event->pid = d->pid;
    event->tid = d->tid;
}

/* Keeps an event for lt_session_next() if it wants it, and for those that the guest will
 * wait for.  0 or LT_ERR_NO_MEMORY. */
int lti_decoder_keep(struct lti_decoder *decoder, const void *event, size_t size,
                     uint64_t wanted);

/* Who wants events of a kind that filters by code do not restrict. */
uint64_t lti_decoder_wanted(const struct lti_decoder *decoder, uint32_t type);

/* A copy of a call does not have what its arguments lead to. */
static inline void lti_decoder_forget_captures(struct lt_syscall *call)
{
    memset(call->strings, 0, sizeof call->strings);
    call->data = NULL;
    call->data_count = 0;
}

/* After LT_ERR_STREAM. */
static inline int lti_damaged(struct lti_decoder *d, const char *problem)
{
    d->problem = problem;
    return LT_ERR_STREAM;
}

/* ---- decode.c, for sync.c ---- */

/* The host has changed registers while the guest waited at `pc`: tells how they differ
 * from the `old` file. */
int lti_decoder_host_regs(struct lti_decoder *decoder, uint64_t pc, const uint64_t *old);

/* decode-memory.c: the host has written to memory then. */
int lti_decoder_host_write(struct lti_decoder *decoder, uint64_t pc, uint64_t addr,
                           const uint8_t *data, uint32_t length);

/* ---- decode-guest.c: records about processes, threads and signals.  `p` is what
 * follows their head, `size` how many bytes. ---- */

int lti_decode_process(struct lti_decoder *decoder, const uint8_t *p, uint32_t size);
int lti_decode_slab(struct lti_decoder *decoder, const uint8_t *p, uint32_t size);
int lti_decode_forget(struct lti_decoder *decoder);
int lti_decode_fork(struct lti_decoder *decoder, const uint8_t *p, uint32_t size);
int lti_decode_clone(struct lti_decoder *decoder, const uint8_t *p, uint32_t size);
int lti_decode_thread(struct lti_decoder *decoder, const uint8_t *p, uint32_t size);
int lti_decode_thread_exit(struct lti_decoder *decoder);
int lti_decode_name(struct lti_decoder *decoder, const uint8_t *p, uint32_t size);
int lti_decode_signal(struct lti_decoder *decoder, const uint8_t *p, uint32_t size);

/* The decoder's architecture follows its guest's. */
void lti_decoder_set_arch(struct lti_decoder *decoder, uint32_t arch);
void lti_decoder_set_thread(struct lti_decoder *decoder, struct lti_thread *thread);
void lti_decoder_free_threads(struct lti_decoder *decoder);

/* Both inline: run for very many events. */
static inline __attribute__((always_inline)) int deliver_reg(struct lti_decoder *d,
                                                             uint64_t seq, uint32_t reg,
                                                             uint64_t value,
                                                             uint64_t wanted)
{
    struct lt_reg_write *e = &d->reg_write;
    int result;

    e->seq = seq;
    e->pc = d->insn ? d->insn->event.pc : 0;
    e->reg = reg;
    e->value = value;
    LTI_CALL(d, LT_EVENT_REG_WRITE, reg_write, wanted, e, result);
    return result;
}

/* The same for a register of any width, of whose words `width` bytes are told. */
static inline int deliver_wide(struct lti_decoder *d, uint64_t seq, uint32_t reg,
                               uint32_t width, uint64_t wanted)
{
    struct lt_reg_write *e = &d->wide_write;
    int result;

    e->seq = seq;
    e->pc = d->insn ? d->insn->event.pc : 0;
    e->reg = reg;
    e->width = width;
    e->value = lti_reg_value(d, reg);
    e->data = width > 8 ? (const uint8_t *)&d->regs[d->arch->regs[reg].word]
                        : (const uint8_t *)&e->value;
    LTI_CALL(d, LT_EVENT_REG_WRITE, reg_write, wanted, e, result);
    return result;
}

/* The event's data are in place.  *took is who of `wanted` got it: 0 if it is
 * nobody's. */
static inline __attribute__((always_inline)) int
deliver_mem(struct lti_decoder *d, uint64_t seq, uint32_t kind, uint64_t addr,
            uint32_t length, uint64_t wanted, uint64_t *took)
{
    struct lt_mem_access *e = &d->mem;
    int result;

    if (wanted & (LTI_WANTED_MEMORY | LTI_WANTED_SYNC)) {
        *took = 0;
        if (length > LTI_MAX_STORE) {
            return lti_damaged(d, "a store is too long");
        }
        if (wanted & LTI_WANTED_MEMORY) {
            lti_memory_peek(d->memory, addr, d->old, length);
            result = lti_memory_write(d->memory, addr, e->data, length);
            if (result) {
                return result;
            }
        }
        if (wanted & LTI_WANTED_SYNC) {
            result = lti_sync_access(d, kind, addr, length);
            if (result) {
                return result;
            }
        }
        wanted &= ~(LTI_WANTED_MEMORY | LTI_WANTED_SYNC);
    }
    if (d->ranged[kind]) {
        wanted = wanted_range(d, wanted & ~LTI_WANTED_VIEW, kind, addr, length) |
                 (wanted & LTI_WANTED_VIEW);
    }
    *took = wanted;
    if (!wanted) {
        return 0;
    }
    e->old = kind == LT_EVENT_MEM_WRITE ? d->old : NULL;
    e->type = kind;
    e->seq = seq;
    e->pc = d->insn ? d->insn->event.pc : 0;
    e->addr = addr;
    e->length = length;
    LTI_CALL(d, kind, mem, wanted, e, result);
    return result;
}

/* lt_session_stop(), or that the time is over, is heard between blocks, however slow
 * callbacks are. */
static inline bool stopped(const struct lti_decoder *d)
{
    const struct lti_control *control = (const void *)d->config.arena;

    return atomic_load_explicit(d->config.stop, memory_order_relaxed) ||
           __atomic_load_n(&control->limits.reached, __ATOMIC_RELAXED);
}

#endif
