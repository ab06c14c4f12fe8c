/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's end of the event stream: the arena, a ring of chunks in it, special
 * records and descriptors.
 *
 * Where threads run one at a time, the process has one stream, which passes with
 * the baton (lt-threads.c) from thread to thread.  Where they run in parallel, each
 * has its own.  A thread or process that finds no stream free runs the same
 * instrumented code with a scratch buffer that is overwritten again and again.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include <linux/futex.h>
#include <sys/syscall.h>
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/tb-flush.h"
#include "user/guest-host.h"
#include "lt-inside.h"
#include "lt-target.h"
#include "stream.h"

struct lti_control *lt_control, *lt_session;
bool lt_filtered;
bool lt_watch_stores, lt_watch_loads;
bool lt_parallel;

/* A stream of this process. */
typedef struct Stream {
    struct lti_stream *shared;
    uint8_t *chunks; /* its ring in the arena */
    uint8_t *chunk;  /* where the current one begins */
    CPUState *cpu;   /* whose records it takes now, or NULL: the rest is valid then */
    uint8_t *ptr, *limit;
    uint8_t *told;       /* the library can take, or inside its process has taken, what
                            lies before in the present chunk */
    uint8_t *kept;       /* with LTI_RECORD_DISCARD: up to here, records stay */
    uint32_t tid;        /* of the thread that wrote last */
    bool held;           /* a thread of ours holds `alive` */
    bool in_guest;       /* its thread is in guest code, or stopped there */
    struct Stream *next; /* of those of parallel threads */
} Stream;

static uint8_t *arena;
static Stream *shared_stream;    /* the process's, or NULL */
static __thread Stream *own;     /* where threads are parallel: this one's */
static __thread Stream *current; /* what this thread writes to now, or NULL */
/* The last record of a helper's access in the present chunk, behind its head; NULL:
 * none, or something has been moved since. */
static __thread uint8_t *last_access;
static Stream *threads; /* all of parallel threads */
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    uint8_t *base; /* the one in use, or NULL */
    uint32_t number, blocks, used;
    uint32_t count;  /* that this process has taken since its last FORGET */
    bool forgetting; /* a flush of all translations is under way */
} slab;

static long futex(uint32_t *word, int op, uint32_t value)
{
    return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

void lt_stream_map(int fd)
{
    arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                 fd, 0);
    if (arena == MAP_FAILED) {
        fprintf(stderr, "libtrace: the engine cannot map its arena: %s\n",
                strerror(errno));
        _exit(125);
    }
    lt_stream_use((struct lti_control *)arena);
}

void lt_stream_use(struct lti_control *control)
{
    arena = (uint8_t *)control;
    lt_control = lt_session = control;
    if (lt_control->magic != LTI_STREAM_MAGIC ||
        lt_control->version != LTI_STREAM_VERSION) {
        fprintf(stderr, "libtrace: the engine and the library differ in version\n");
        _exit(125);
    }
    lt_parallel = lt_control->threads == LTI_THREADS_PARALLEL;
    if (lt_target.cc_map) {
        lt_target.cc_map(lt_control->cc_map, sizeof(lt_control->cc_map));
    }
}

struct lti_stream *lt_stream_shared(void)
{
    const Stream *stream = lt_parallel ? own : shared_stream;

    return stream ? stream->shared : NULL;
}

bool lt_stream_owns(CPUState *cpu)
{
    return current && current->cpu == cpu;
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

/* For what the library looks for when it is rung for nothing else. */
void lt_stream_bell(void)
{
    qatomic_inc(&lt_session->bell);
    futex(&lt_session->bell, FUTEX_WAKE, INT_MAX);
}

static void use_chunk(Stream *stream, CPUState *cpu)
{
    uint32_t n = stream->shared->produced % LTI_CHUNKS;

    stream->chunk = stream->chunks + (size_t)n * LTI_CHUNK_STRIDE;
    stream->told = stream->chunk;
    stream->kept = stream->chunk;
    cpu->neg.lt_ptr = stream->chunk;
    cpu->neg.lt_limit = stream->chunk + lt_control->chunk_size;
    cpu->neg.lt_split = NULL;
    last_access = NULL;
    stl_he_p(stream->chunk, 0);
}

/* Where what generated code records is thrown away: makes padding of all records behind
 * those that stay, up to `end`. */
static void discard(Stream *stream, uint8_t *end)
{
    if (end > stream->kept) {
        stl_he_p(stream->kept, LTI_SPECIAL_HEAD(LTI_S_PAD, end - stream->kept));
    }
    stream->kept = end;
}

static void commit(Stream *stream, uint8_t *end)
{
    struct lti_stream *shared = stream->shared;
    struct lti_chunk *state = &shared->chunks[shared->produced % LTI_CHUNKS];

    if (lt_control->record & LTI_RECORD_DISCARD) {
        discard(stream, end);
    }
    qatomic_store_release(&state->committed, (uint64_t)(end - stream->chunk));
    if (shared->stamping) {
        qatomic_store_release(&shared->stamping, 0);
    }
    if (!lt_inside_host() || !lt_inside->pumps) {
        stream->told = end;
    }
    ring_bell();
}

void lt_stream_pumped(void)
{
    if (current) {
        const struct lti_stream *shared = current->shared;

        current->told =
            current->chunk + shared->chunks[shared->produced % LTI_CHUNKS].committed;
    }
}

/* Looked at from another thread, of one that writes: it may be out of date. */
bool lt_stream_is_late(CPUState *cpu)
{
    bool late = false;

    pthread_mutex_lock(&threads_lock);
    for (Stream *s = lt_parallel ? threads : shared_stream; s; s = s->next) {
        late = late || (s->cpu == cpu && qatomic_read(&cpu->neg.lt_ptr) != s->told);
    }
    pthread_mutex_unlock(&threads_lock);
    return late;
}

void lt_commit(CPUState *cpu)
{
    if (lt_stream_owns(cpu)) {
        commit(current, cpu->neg.lt_ptr);
    }
}

static void next_chunk(CPUState *cpu)
{
    struct lti_stream *shared = current->shared;

    lt_commit(cpu);
    qatomic_store_release(&shared->chunks[shared->produced % LTI_CHUNKS].closed, 1);
    qatomic_store_release(&shared->produced, shared->produced + 1);
    ring_bell();
    if (lt_inside_host()) {
        lt_inside_pump();
    }
    while (shared->produced - qatomic_load_acquire(&shared->consumed) >= LTI_CHUNKS) {
        uint32_t room = qatomic_load_acquire(&shared->room);

        qatomic_set(&shared->blocked, 1);
        smp_mb();
        if (shared->produced - qatomic_load_acquire(&shared->consumed) < LTI_CHUNKS) {
            break;
        }
        lt_idle();
        futex(&shared->room, FUTEX_WAIT, room);
        lt_inside_check();
        lt_busy();
    }
    qatomic_set(&shared->blocked, 0);
    use_chunk(current, cpu);
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
    if (lt_stream_owns(cpu)) {
        next_chunk(cpu);
    } else {
        rewind_scratch(cpu);
    }
    return true;
}

void lt_stream_scratch(CPUState *cpu)
{
    uint8_t *scratch;

    if (cpu->neg.lt_ptr) {
        return;
    }
    scratch = mmap(NULL, LTI_CHUNK_STRIDE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (scratch == MAP_FAILED) {
        fprintf(stderr, "libtrace: no memory for a guest thread\n");
        _exit(125);
    }
    cpu->neg.lt_limit = scratch + LTI_CHUNK_SIZE;
    cpu->neg.lt_ptr = scratch;
    cpu->neg.lt_split = NULL;
}

/* ---- Streams ---- */

/* Takes a free stream, perhaps for a child; its number or -1. */
int lt_stream_take(bool forked)
{
    for (unsigned n = 0; n < LTI_MAX_STREAMS; n++) {
        uint32_t *state = &lt_control->streams[n].state;

        if (qatomic_read(state) == LTI_STREAM_FREE &&
            qatomic_cmpxchg(state, LTI_STREAM_FREE, LTI_STREAM_TAKEN) ==
                LTI_STREAM_FREE) {
            uint32_t limit = qatomic_read(&lt_control->stream_limit);

            lt_control->streams[n].forked = forked;
            while (limit <= n) {
                uint32_t seen = qatomic_cmpxchg(&lt_control->stream_limit, limit, n + 1);
                if (seen == limit) {
                    break;
                }
                limit = seen;
            }
            return n;
        }
    }
    return -1;
}

void lt_stream_drop(int number)
{
    qatomic_store_release(&lt_control->streams[number].state, LTI_STREAM_GONE);
    ring_bell();
}

/* Holds the mutex by which the library sees that the process is alive. */
static void hold_alive(Stream *stream)
{
    pthread_mutex_t *alive = (void *)stream->shared->alive;

    /* Inside the host's process the library knows. */
    if (!stream->held && !lt_inside) {
        if (pthread_mutex_lock(alive) == EOWNERDEAD) {
            pthread_mutex_consistent(alive);
        }
        stream->held = true;
    }
}

/* Makes stream `number`, which is taken, this process's, or this thread's. */
void lt_stream_adopt(int number)
{
    struct lti_stream *shared = &lt_control->streams[number];
    Stream *stream = g_new0(Stream, 1);
    pthread_mutexattr_t attributes;
    uint32_t n = shared->produced % LTI_CHUNKS;

    QEMU_BUILD_BUG_ON(sizeof(pthread_mutex_t) > sizeof(shared->alive));
    stream->shared = shared;
    stream->chunks = arena + LTI_RING_OFFSET + number * LTI_RING_SIZE;
    stream->chunk = stream->chunks + (size_t)n * LTI_CHUNK_STRIDE;
    stream->ptr = stream->kept = stream->chunk + shared->chunks[n].committed;
    stream->limit = stream->chunk + lt_control->chunk_size;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init((void *)shared->alive, &attributes);
    /* Elsewhere its number says nothing to the library. */
    shared->pid = lt_guard_is_elsewhere() ? 0 : getpid();
    shared->running = 0;
    hold_alive(stream);
    if (lt_parallel) {
        own = stream;
        pthread_mutex_lock(&threads_lock);
        stream->next = threads;
        threads = stream;
        pthread_mutex_unlock(&threads_lock);
    } else {
        shared_stream = stream;
    }
    qatomic_store_release(&shared->state, LTI_STREAM_LIVE);
}

int lt_stream_number(void)
{
    const Stream *stream = lt_parallel ? own : shared_stream;

    return stream ? stream->shared - lt_control->streams : -1;
}

/* What becomes of the present thread's stream: enum lti_stream_state. */
void lt_stream_state(unsigned state)
{
    Stream *stream = lt_parallel ? own : shared_stream;

    if (stream) {
        qatomic_store_release(&stream->shared->state, state);
        ring_bell();
    }
}

/* From here on, this thread writes to the stream.  False if there is none. */
bool lt_stream_enter(CPUState *cpu)
{
    Stream *stream = lt_parallel ? own : shared_stream;
    uint32_t tid = qemu_get_thread_id();

    if (!stream) {
        lt_stream_scratch(cpu);
        return false;
    }
    current = stream;
    hold_alive(stream);
    stream->cpu = cpu;
    cpu->neg.lt_ptr = stream->ptr;
    cpu->neg.lt_limit = stream->limit;
    cpu->neg.lt_split = NULL;
    last_access = NULL;
    stl_he_p(cpu->neg.lt_ptr, 0);
    if (tid != stream->tid) {
        /* A stream begins with a record that names its thread. */
        if (stream->tid) {
            stl_he_p(lt_special(cpu, LTI_S_THREAD, 4), tid);
        }
        stream->tid = tid;
    }
    return true;
}

/* The thread gives the stream up for a while, or for ever. */
void lt_stream_leave(CPUState *cpu, bool for_ever)
{
    Stream *stream = current;

    if (!stream) {
        return;
    }
    lt_commit(cpu);
    stream->ptr = cpu->neg.lt_ptr;
    stream->limit = cpu->neg.lt_limit;
    stream->cpu = NULL;
    current = NULL;
    cpu->neg.lt_ptr = NULL;
    if (!for_ever) {
        return;
    }
    if (stream->held && pthread_mutex_unlock((void *)stream->shared->alive) == 0) {
        stream->held = false; /* whoever comes next takes it */
    }
    if (lt_parallel) {
        pthread_mutex_lock(&threads_lock);
        lt_limits_move(stream->shared, threads != stream       ? threads->shared
                                       : threads->next != NULL ? threads->next->shared
                                                               : NULL);
        pthread_mutex_unlock(&threads_lock);
        lt_stream_state(LTI_STREAM_ENDED);
        own = NULL;
    }
    if (lt_parallel) {
        pthread_mutex_lock(&threads_lock);
        for (Stream **p = &threads; *p; p = &(*p)->next) {
            if (*p == stream) {
                *p = stream->next;
                break;
            }
        }
        pthread_mutex_unlock(&threads_lock);
        g_free(stream);
    }
}

void lt_stream_in_guest(bool in_guest)
{
    if (current) {
        current->in_guest = in_guest;
    }
}

void lt_stream_commit_all(void)
{
    pthread_mutex_lock(&threads_lock);
    for (Stream *s = threads; s; s = s->next) {
        if (s->cpu && s->in_guest) {
            commit(s, s->cpu->neg.lt_ptr);
        }
    }
    pthread_mutex_unlock(&threads_lock);
}

/* In a forked child: nothing of the parent's streams is its own. */
void lt_stream_forget(CPUState *cpu)
{
    pthread_mutex_init(&threads_lock, NULL);
    shared_stream = own = current = threads = NULL;
    cpu->neg.lt_ptr = NULL;
    slab.base = NULL;
    slab.count = 0;
    slab.forgetting = false;
}

void lt_stream_unmap(void)
{
    lt_control = NULL; /* which stays, for lt_session */
    lt_watch_stores = lt_watch_loads = false;
    /* The rest is for lt-coverage.c. */
    munmap(arena + LTI_CONTROL_SIZE, LTI_NUMBERS_OFFSET - LTI_CONTROL_SIZE);
    arena = NULL;
}

/* Orders what is recorded next among all streams' records: it is committed soon. */
void lt_stamp(CPUState *cpu)
{
    uint8_t *p;

    /* The record behind it shall stand in the same chunk. */
    if (cpu->neg.lt_ptr + 16 > cpu->neg.lt_limit) {
        next_chunk(cpu);
    }
    qatomic_store_release(&current->shared->stamping, 1);
    smp_mb();
    p = lt_special(cpu, LTI_S_STAMP, 12);
    stl_he_p(p, 0);
    stq_he_p(p + 4, qatomic_add_fetch(&lt_control->stamp, 1));
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
    if ((lt_control->record & LTI_RECORD_DISCARD) && kind >= LTI_S_SYSCALL &&
        lt_stream_owns(cpu)) {
        discard(current, p);
        current->kept = p + size;
    }
    stl_he_p(p, LTI_SPECIAL_HEAD(kind, size));
    cpu->neg.lt_ptr = p + size;
    stl_he_p(p + size, 0);
    return p + 4;
}

void lt_record_regs(CPUState *cpu, unsigned reason, unsigned skip, bool inside)
{
    uint64_t values[LTI_MAX_REGS] __attribute__((uninitialized));
    uint32_t bytes;
    uint8_t *p;

    if (!lt_stream_owns(cpu) || !(lt_control->record & LTI_RECORD_REGS)) {
        return;
    }
    bytes = 8 * lt_target.collect(cpu_env(cpu), values, inside);
    p = lt_special(cpu, LTI_S_REGS, 8 + bytes);
    stl_he_p(p, reason);
    stl_he_p(p + 4, skip);
    memcpy(p + 8, values, bytes);
    cpu->neg.lt_stale = 0;
}

#define ACCESS_MAX 16384u /* bytes of one record */

/* Writes the bytes of a record of an access behind its head, of which `have` are
 * there, and the head's size. */
static void access_bytes(CPUState *cpu, uint8_t *p, unsigned kind, uint32_t have,
                         const uint8_t *bytes, uint32_t n)
{
    uint32_t padded = ROUND_UP(have + n, 4);

    stl_he_p(p + 8, have + n);
    memcpy(p + 16 + have, bytes, n);
    memset(p + 16 + have + n, 0, padded - have - n);
    stl_he_p(p - 4, LTI_SPECIAL_HEAD(kind, 20 + padded));
    cpu->neg.lt_ptr = p + 16 + padded;
    stl_he_p(cpu->neg.lt_ptr, 0);
}

static void access_record(CPUState *cpu, unsigned kind, uint64_t addr, const void *data,
                          uint32_t size)
{
    const uint8_t *bytes = data;

    while (size) {
        uint32_t n = MIN(size, ACCESS_MAX);
        uint8_t *p = lt_special(cpu, kind, 16 + ROUND_UP(n, 4));

        stq_he_p(p, addr);
        stl_he_p(p + 12, 0);
        access_bytes(cpu, p, kind, 0, bytes, n);
        last_access = p;
        bytes += n;
        addr += n;
        size -= n;
    }
}

/* Adds an access to the record in front, if it goes on where that one ended. */
static bool access_continues(CPUState *cpu, unsigned kind, uint64_t addr,
                             const void *data, uint32_t size)
{
    uint8_t *p = last_access;
    uint32_t have;

    if (!p || LTI_SPECIAL_KIND(ldl_he_p(p - 4)) != kind) {
        return false;
    }
    have = ldl_he_p(p + 8);
    if (cpu->neg.lt_ptr != p + 16 + ROUND_UP(have, 4) || ldq_he_p(p) + have != addr ||
        have + size > ACCESS_MAX) {
        return false;
    }
    access_bytes(cpu, p, kind, have, data, size);
    return true;
}

void lt_helper_values(CPUState *cpu, uint64_t addr, const void *values, uint32_t size,
                      bool store)
{
    /* Not another thread's, nor those of code that nobody asked for, nor those
     * that QEMU makes on the kernel's behalf, as for a signal frame. */
    if (lt_stream_owns(cpu) && cpu->running && !cpu->neg.lt_stale &&
        !lt_target.is_systems(cpu_env(cpu), addr)) {
        if (lt_sync) {
            lt_sync_access(cpu, addr, size, store);
        }
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
    if (lt_stream_owns(cpu) && cpu->running) {
        lt_helper_values(cpu, addr, g2h(cpu, addr), size, store);
    }
}

void lt_host_access(const void *host, uint32_t size, bool store)
{
    CPUState *cpu = current_cpu;
    uint64_t addr = h2g_nocheck(host);

    if (lt_stream_owns(cpu) && cpu->running && !cpu->neg.lt_stale &&
        ldl_he_p(cpu->neg.lt_ptr) == 0 &&
        access_continues(cpu, store ? LTI_S_WRITE : LTI_S_READ, addr, host, size)) {
        return;
    }
    lt_helper_access(cpu, addr, size, store);
}

/* ---- Blocks that are not run to their end ---- */

/* Where the index of a block is. */
static uint32_t *index_of(uint32_t block)
{
    uint8_t *base =
        arena + LTI_DESC_OFFSET + (size_t)(block / LTI_SLAB_BLOCKS) * LTI_SLAB_SIZE;

    return (uint32_t *)base + block % LTI_SLAB_BLOCKS;
}

static const struct lti_desc *desc_of(uint32_t block)
{
    uint32_t at = block && block < LTI_MAX_BLOCKS ? *index_of(block) : 0;

    return at ? (const void *)(arena + LTI_DESC_OFFSET + (size_t)at * 16) : NULL;
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

/* Of the records of what a helper did, from `p` to `end`: drops its reads and, if the
 * instruction is run again, its writes.  Returns the new end; `wrote`: writes stay. */
static uint8_t *drop_accesses(uint8_t *p, uint8_t *end, bool again, bool *wrote)
{
    uint8_t *to = p;

    *wrote = false;
    while (p < end) {
        uint32_t head = ldl_he_p(p), size = LTI_SPECIAL_SIZE(head);
        unsigned kind = LTI_SPECIAL_KIND(head);

        if (!(head & LTI_SPECIAL) || size < 4) {
            memmove(to, p, end - p); /* a block's record: not a helper's */
            return to + (end - p);
        }
        if (kind != LTI_S_READ && (kind != LTI_S_WRITE || !again)) {
            *wrote |= kind == LTI_S_WRITE;
            memmove(to, p, size);
            to += size;
        }
        p += size;
    }
    return to;
}

void lt_cut(CPUState *cpu, uint64_t pc)
{
    uint8_t *p = cpu->neg.lt_ptr, *split = cpu->neg.lt_split;
    const struct lti_desc *desc;
    bool began_before = false, again = lt_again, wrote;
    int n;

    lt_again = false;
    last_access = NULL;

    if (!lt_stream_owns(cpu)) {
        return;
    }
    if (again) {
        lt_sync_again(pc);
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
        cpu->neg.lt_ptr =
            drop_accesses(split + desc->record_size, cpu->neg.lt_ptr, again, &wrote);
        stl_he_p(cpu->neg.lt_ptr, 0);
        if (wrote) {
            return; /* it did a part of its work */
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

/* Descriptors of dead translations take room.  When a process has taken very many
 * slabs, or there are few left, it throws all translations away and takes new slabs;
 * the library frees the old ones when nobody needs them. */
static void forget_blocks(CPUState *cpu, run_on_cpu_data data)
{
    slab.forgetting = false;
    if (lt_stream_owns(cpu)) {
        tb_flush(cpu);
        lt_special(cpu, LTI_S_FORGET, 0);
        slab.base = NULL;
        slab.count = 0;
    }
}

/* How many slabs nobody has. */
static unsigned slabs_left(void)
{
    unsigned left = 0;

    for (unsigned i = 0; i < LTI_SLABS / 64; i++) {
        left += 64 - ctpop64(qatomic_read(&lt_control->slabs[i]));
    }
    return left;
}

static int take_slab(void)
{
    for (unsigned i = 0; i < LTI_SLABS / 64; i++) {
        uint64_t *word = &lt_control->slabs[i];
        uint64_t free = ~qatomic_read(word);

        while (free) {
            uint64_t bit = free & -free;
            if (!(qatomic_fetch_or(word, bit) & bit)) {
                return i * 64 + ctz64(bit);
            }
            free = ~qatomic_read(word);
        }
    }
    return -1;
}

static void new_slab(void)
{
    CPUState *cpu = current_cpu;
    int number = take_slab();

    if (number < 0) {
        snprintf(lt_control->message, sizeof(lt_control->message),
                 "the guest's code fills the descriptor area");
        _exit(125);
    }
    slab.number = number;
    slab.base = arena + LTI_DESC_OFFSET + (size_t)number * LTI_SLAB_SIZE;
    slab.used = LTI_SLAB_INDEX;
    slab.blocks = 1;
    slab.count++;
    if (lt_stream_owns(cpu)) {
        stl_he_p(lt_special(cpu, LTI_S_SLAB, 4), number);
        /* Threads in parallel would all have to tell the library. */
        if (!slab.forgetting && !lt_parallel &&
            (slab.count > lt_control->slab_limit ||
             (slab.count > 16 && slabs_left() < LTI_SLABS / 4))) {
            slab.forgetting = true;
            async_safe_run_on_cpu(cpu, forget_blocks, RUN_ON_CPU_NULL);
        }
    }
}

void *lt_desc_alloc(uint32_t size)
{
    void *desc;

    size = ROUND_UP(size, 16);
    g_assert(size <= LTI_SLAB_SIZE - LTI_SLAB_INDEX);
    if (!slab.base || slab.used + size > LTI_SLAB_SIZE) {
        new_slab();
    }
    desc = slab.base + slab.used;
    slab.used += size;
    qatomic_set(&lt_control->desc_bytes, lt_control->desc_bytes + size);
    return desc;
}

uint32_t lt_block_reserve(void)
{
    if (!slab.base || slab.blocks == LTI_SLAB_BLOCKS) {
        new_slab();
    }
    return slab.number * LTI_SLAB_BLOCKS + slab.blocks++;
}

/* Translation is serialised by mmap_lock, and a record that names a block is
 * committed after the block was published. */
void lt_desc_publish(uint32_t block, void *desc)
{
    *index_of(block) = ((uint8_t *)desc - (arena + LTI_DESC_OFFSET)) / 16;
    qatomic_inc(&lt_control->blocks);
}
