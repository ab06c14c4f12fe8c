/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's end of the event stream: the arena, its ring of chunks, special
 * records and descriptors.
 *
 * One guest thread, the first, is recorded.  The others, and forked children,
 * run the same instrumented code with a scratch buffer that is overwritten
 * again and again.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include <linux/futex.h>
#include <sys/syscall.h>
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/tb-flush.h"
#include "user/guest-host.h"
#include "lt-target.h"
#include "stream.h"

struct lti_control *lt_control;
bool lt_filtered;
bool lt_watch_stores, lt_watch_loads;

static uint8_t *arena;
static CPUState *owner;      /* the CPU whose events are recorded, or: */
#define GONE ((CPUState *)1) /* its thread has ended, others live on */
static uint8_t *chunk;       /* where its current chunk begins */
static bool forgetting;      /* a flush of the descriptors is under way */

static long futex(uint32_t *word, int op, uint32_t value)
{
    return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

void lt_stream_attach(int fd)
{
    arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                 fd, 0);
    if (arena == MAP_FAILED) {
        fprintf(stderr, "libtrace: the engine cannot map its arena: %s\n",
                strerror(errno));
        _exit(125);
    }
    /* The guest shall neither see nor close it. */
    close(fd);
    lt_control = (struct lti_control *)arena;
    if (lt_control->magic != LTI_STREAM_MAGIC ||
        lt_control->version != LTI_STREAM_VERSION) {
        fprintf(stderr, "libtrace: the engine and the library differ in version\n");
        _exit(125);
    }
    lt_target.cc_map(lt_control->cc_map, sizeof(lt_control->cc_map));
    lt_control->blocks = 1;
}

bool lt_stream_owns(CPUState *cpu)
{
    return cpu == owner;
}

/* ---- Chunks ---- */

static void ring_bell(void)
{
    smp_mb();
    if (qatomic_read(&lt_control->listening)) {
        qatomic_inc(&lt_control->bell);
        futex(&lt_control->bell, FUTEX_WAKE, INT_MAX);
    }
}

static void use_chunk(CPUState *cpu)
{
    uint32_t n = lt_control->produced % LTI_CHUNKS;

    chunk = arena + LTI_RING_OFFSET + (size_t)n * LTI_CHUNK_STRIDE;
    cpu->neg.lt_ptr = chunk;
    cpu->neg.lt_limit = chunk + LTI_CHUNK_SIZE;
    cpu->neg.lt_split = NULL;
}

void lt_commit(CPUState *cpu)
{
    struct lti_chunk *state;

    if (cpu != owner) {
        return;
    }
    state = &lt_control->chunks[lt_control->produced % LTI_CHUNKS];
    qatomic_store_release(&state->committed, (uint64_t)(cpu->neg.lt_ptr - chunk));
    ring_bell();
}

static void next_chunk(CPUState *cpu)
{
    struct lti_control *c = lt_control;

    lt_commit(cpu);
    qatomic_store_release(&c->chunks[c->produced % LTI_CHUNKS].closed, 1);
    qatomic_store_release(&c->produced, c->produced + 1);
    ring_bell();
    while (c->produced - qatomic_load_acquire(&c->consumed) >= LTI_CHUNKS) {
        uint32_t room = qatomic_load_acquire(&c->room);

        qatomic_set(&c->blocked, 1);
        smp_mb();
        if (c->produced - qatomic_load_acquire(&c->consumed) < LTI_CHUNKS) {
            break;
        }
        futex(&c->room, FUTEX_WAIT, room);
    }
    qatomic_set(&c->blocked, 0);
    use_chunk(cpu);
}

static void rewind_scratch(CPUState *cpu)
{
    cpu->neg.lt_ptr = cpu->neg.lt_limit - LTI_CHUNK_SIZE;
    cpu->neg.lt_split = NULL;
}

bool lt_make_room(CPUState *cpu)
{
    if (cpu->neg.lt_ptr <= cpu->neg.lt_limit) {
        return false;
    }
    if (cpu == owner) {
        next_chunk(cpu);
    } else {
        rewind_scratch(cpu);
    }
    return true;
}

static void use_scratch(CPUState *cpu)
{
    uint8_t *scratch = mmap(NULL, LTI_CHUNK_STRIDE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (scratch == MAP_FAILED) {
        fprintf(stderr, "libtrace: no memory for a guest thread\n");
        _exit(125);
    }
    cpu->neg.lt_limit = scratch + LTI_CHUNK_SIZE;
    cpu->neg.lt_ptr = scratch;
    cpu->neg.lt_split = NULL;
}

void lt_stream_start(CPUState *cpu)
{
    uint8_t *p;

    if (cpu->neg.lt_ptr) {
        return;
    }
    if (!lt_control || owner) {
        use_scratch(cpu);
        return;
    }
    owner = cpu;
    use_chunk(cpu);
    p = lt_special(cpu, LTI_S_PROCESS, 8);
    stl_he_p(p, getpid());
    stl_he_p(p + 4, (uint32_t)syscall(SYS_gettid));
}

CPUState *lt_stream_owner(void)
{
    return owner == GONE ? NULL : owner;
}

void lt_stream_thread_ends(CPUState *cpu)
{
    if (cpu == owner) {
        lt_commit(cpu);
        owner = GONE;
    } else if (cpu->neg.lt_ptr) {
        munmap(cpu->neg.lt_limit - LTI_CHUNK_SIZE, LTI_CHUNK_STRIDE);
        cpu->neg.lt_ptr = NULL;
    }
}

void lt_stream_detach(CPUState *cpu)
{
    if (!lt_control) {
        return;
    }
    use_scratch(cpu);
    owner = NULL;
    lt_control = NULL;
    lt_watch_stores = lt_watch_loads = false;
    munmap(arena, LTI_ARENA_SIZE);
    arena = NULL;
}

/* ---- Special records ---- */

/* Begins a record of `payload` bytes, a multiple of 4, and returns where they
 * go.  No block record is open. */
uint8_t *lt_special(CPUState *cpu, unsigned kind, uint32_t payload)
{
    uint8_t *p = cpu->neg.lt_ptr;
    uint32_t size = payload + 4;

    /* Within an instruction, half the slack is used before its records are
     * separated from what went before them. */
    if (p > cpu->neg.lt_limit + LTI_CHUNK_SLACK / 2 ||
        (p > cpu->neg.lt_limit && !cpu->neg.lt_split)) {
        lt_make_room(cpu);
        p = cpu->neg.lt_ptr;
    }
    stl_he_p(p, LTI_SPECIAL_HEAD(kind, size));
    cpu->neg.lt_ptr = p + size;
    stl_he_p(p + size, 0);
    return p + 4;
}

void lt_record_regs(CPUState *cpu, unsigned reason, unsigned skip, bool inside)
{
    uint64_t values[LTI_MAX_REGS] = {0};
    uint32_t bytes = lt_target.reg_count * 8;
    uint8_t *p;

    if (cpu != owner || !(lt_control->record & LTI_RECORD_REGS)) {
        return;
    }
    lt_target.collect(cpu_env(cpu), values, inside);
    p = lt_special(cpu, LTI_S_REGS, 8 + bytes);
    stl_he_p(p, reason);
    stl_he_p(p + 4, skip);
    memcpy(p + 8, values, bytes);
    cpu->neg.lt_stale = 0;
}

static void access_record(CPUState *cpu, unsigned kind, uint64_t addr, const void *data,
                          uint32_t size)
{
    const uint8_t *bytes = data;

    while (size) {
        uint32_t n = MIN(size, 16384u);
        uint32_t padded = ROUND_UP(n, 4);
        uint8_t *p = lt_special(cpu, kind, 16 + padded);

        stq_he_p(p, addr);
        stl_he_p(p + 8, n);
        stl_he_p(p + 12, 0);
        memcpy(p + 16, bytes, n);
        memset(p + 16 + n, 0, padded - n);
        bytes += n;
        addr += n;
        size -= n;
    }
}

void lt_helper_values(CPUState *cpu, uint64_t addr, const void *values, uint32_t size,
                      bool store)
{
    /* Not another thread's, nor those of code that nobody asked for, nor those
     * that QEMU makes on the kernel's behalf, as for a signal frame. */
    if (cpu == owner && cpu->running && !cpu->neg.lt_stale &&
        !lt_target.is_systems(cpu_env(cpu), addr)) {
        if (ldl_he_p(cpu->neg.lt_ptr) != 0) {
            /* A helper that lt-x86_64.c or lt-aarch64.c says to leave memory
             * alone: its access would stand in the middle of a record. */
            lt_control->internal_errors++;
            return;
        }
        access_record(cpu, store ? LTI_S_WRITE : LTI_S_READ, addr, values, size);
    }
}

void lt_helper_access(CPUState *cpu, uint64_t addr, uint32_t size, bool store)
{
    if (cpu == owner && cpu->running) {
        lt_helper_values(cpu, addr, g2h(cpu, addr), size, store);
    }
}

/* ---- Blocks that are not run to their end ---- */

static const struct lti_desc *desc_of(uint32_t block)
{
    const uint64_t *index = (const void *)(arena + LTI_INDEX_OFFSET);

    if (block == 0 || block >= qatomic_read(&lt_control->blocks) ||
        index[block] == UINT64_MAX) {
        return NULL;
    }
    return (const void *)(arena + LTI_DESC_OFFSET + index[block]);
}

/* The index of the instruction at `pc` in the descriptor, or -1. */
static int insn_at(const struct lti_desc *desc, uint64_t pc)
{
    const struct lti_desc_insn *insns = (const void *)(desc + 1);

    for (uint32_t i = 0; i < desc->insn_count; i++) {
        if (desc->pc + insns[i].pc_offset == pc) {
            return i;
        }
    }
    return -1;
}

/* Of the instruction, how many of its stores were made when it was left by a
 * fault: the pass has them counted where there are several. */
static uint32_t stores_made(CPUState *cpu, const struct lti_desc *desc, uint32_t insn)
{
    const struct lti_desc_insn *insns = (const void *)(desc + 1);
    const struct lti_op *ops =
        (const void *)((const uint8_t *)desc +
                       ROUND_UP(sizeof(*desc) + desc->insn_count * sizeof(*insns), 8));
    uint32_t end =
        insn + 1 < desc->insn_count ? insns[insn + 1].first_op : desc->op_count;
    uint32_t stores = 0;

    for (uint32_t i = insns[insn].first_op; i < end; i++) {
        stores += ops[i].op == LTI_STORE || ops[i].op == LTI_STORE16;
    }
    return stores > 1 && cpu->neg.lt_repeat < stores ? cpu->neg.lt_repeat : 0;
}

/* Makes the block record at `p`, which is followed by other records up to
 * `end`, one of its first `n` instructions.  `stores`: 0, or of the last one only
 * that many stores were made.  Returns the new end. */
static uint8_t *make_part(uint8_t *p, uint8_t *end, const struct lti_desc *desc,
                          uint32_t n, uint32_t stores)
{
    const struct lti_desc_insn *insns = (const void *)(desc + 1);
    uint32_t block = ldl_he_p(p);
    uint32_t slots =
        (n < desc->insn_count ? insns[n].slot_offset : desc->record_size) - 4;
    uint8_t *rest = p + desc->record_size;

    /* The slots move up behind a longer head, what follows behind them. */
    uint8_t *to = p + 12 + slots;
    size_t tail = end > rest ? end - rest : 0;

    if (to > rest) {
        memmove(to, rest, tail);
        memmove(p + 12, p + 4, slots);
    } else {
        memmove(p + 12, p + 4, slots);
        memmove(to, rest, tail);
    }
    stl_he_p(p, LTI_SPECIAL_HEAD(LTI_S_PART, 12 + slots));
    stl_he_p(p + 4, block);
    stl_he_p(p + 8, n | stores << LTI_PART_STORES);
    return to + tail;
}

void lt_cut(CPUState *cpu, uint64_t pc)
{
    uint8_t *p = cpu->neg.lt_ptr, *split = cpu->neg.lt_split;
    const struct lti_desc *desc;
    bool began_before = false, again = lt_again;
    int n;

    lt_again = false;

    if (cpu != owner) {
        return;
    }
    desc = desc_of(ldl_he_p(p));
    if (desc && (n = insn_at(desc, pc)) >= 0) {
        const struct lti_desc_insn *insns = (const void *)(desc + 1);

        uint32_t stores = again ? 0 : stores_made(cpu, desc, n);

        began_before = !stores && n == 0 && (insns[0].flags & LTI_INSN_CONTINUES);
        if (n > 0 || stores) {
            p = make_part(p, p + desc->record_size, desc, n + (stores > 0), stores);
        }
        cpu->neg.lt_ptr = p;
        stl_he_p(p, 0);
        if (!began_before) {
            return;
        }
    }
    /* The instruction has been recorded as begun, by the block record that was
     * closed before its helper was called; unless it did a part of its work. */
    if (!split || !(desc = desc_of(ldl_he_p(split)))) {
        return;
    }
    n = insn_at(desc, pc);
    if (n >= 0 && n == (int)desc->insn_count - 1) {
        const struct lti_desc_insn *insns = (const void *)(desc + 1);

        if ((insns[n].flags & LTI_INSN_REPEATS) && lt_target.repeat_offset >= 0 &&
            ldq_he_p((uint8_t *)cpu_env(cpu) + lt_target.repeat_offset) !=
                cpu->neg.lt_repeat) {
            return;
        }
        if (n > 0) {
            cpu->neg.lt_ptr = make_part(split, cpu->neg.lt_ptr, desc, n, 0);
        } else {
            /* Nothing of the record is left; what a helper did stays. */
            uint8_t *rest = split + desc->record_size;

            memmove(split, rest, cpu->neg.lt_ptr - rest);
            cpu->neg.lt_ptr -= desc->record_size;
        }
        cpu->neg.lt_split = NULL;
        stl_he_p(cpu->neg.lt_ptr, 0);
    }
}

/* ---- Descriptors ---- */

/* Descriptors of dead translations take room.  When most of it is used, all
 * translations are thrown away and the numbers start anew, once the library
 * has read everything that names the old ones. */
static void forget_blocks(CPUState *cpu, run_on_cpu_data data)
{
    struct lti_control *c = lt_control;

    if (!c || !lt_stream_owner()) {
        return;
    }
    tb_flush(cpu);
    lt_special(owner, LTI_S_FORGET, 0);
    next_chunk(owner);
    while (qatomic_load_acquire(&c->consumed) != c->produced) {
        uint32_t room = qatomic_load_acquire(&c->room);

        qatomic_set(&c->blocked, 1);
        smp_mb();
        if (qatomic_load_acquire(&c->consumed) == c->produced) {
            break;
        }
        futex(&c->room, FUTEX_WAIT, room);
    }
    qatomic_set(&c->blocked, 0);
    c->lost_room += c->desc_used;
    c->desc_used = 0;
    qatomic_set(&c->blocks, 1);
    forgetting = false;
}

void *lt_desc_alloc(uint32_t size)
{
    struct lti_control *c = lt_control;
    uint64_t used = c->desc_used;

    size = ROUND_UP(size, 16);
    if (!forgetting &&
        (used > LTI_DESC_SIZE / 4 * 3 || c->blocks > LTI_MAX_BLOCKS / 4 * 3)) {
        forgetting = true;
        async_safe_run_on_cpu(owner, forget_blocks, RUN_ON_CPU_NULL);
    }
    if (used + size > LTI_DESC_SIZE || c->blocks >= LTI_MAX_BLOCKS) {
        snprintf(c->message, sizeof(c->message),
                 "the guest's code fills the descriptor area");
        _exit(125);
    }
    c->desc_used = used + size;
    return arena + LTI_DESC_OFFSET + used;
}

uint32_t lt_block_reserve(void)
{
    uint32_t block = lt_control->blocks;

    ((uint64_t *)(arena + LTI_INDEX_OFFSET))[block] = UINT64_MAX;
    qatomic_set(&lt_control->blocks, block + 1);
    return block;
}

/* Translation is serialised by mmap_lock, and a record that names a block is
 * committed after the block was published. */
void lt_desc_publish(uint32_t block, void *desc)
{
    uint64_t *index = (void *)(arena + LTI_INDEX_OFFSET);

    index[block] = (uint8_t *)desc - (arena + LTI_DESC_OFFSET);
}
