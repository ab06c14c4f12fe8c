/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What limits count: the memory, the output and the number of the session's processes.
 *
 * The sums of all processes are in the control page (struct lti_limits).  What a
 * process has added stands in its stream too, so that somebody else can give it
 * back when the process was killed.  Who finds that a limit would be passed says so,
 * in its stream where it has one, and waits for its death.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/interval-tree.h"
#include "qemu.h"
#include "user-internals.h"
#include "lt-engine.h"
#include "lt-inside.h"
#include "stream.h"

static struct lti_limits *limits;  /* NULL: nobody counts */
static struct lti_stream *account; /* where the process's part stands, or NULL */
static bool counted;               /* the process is among processes_used */
static uint64_t own_memory;        /* what of memory_used is the process's */
static IntervalTreeRoot writable;  /* the memory that counts; under `lock` */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- A limit is reached ---- */

G_NORETURN static void reached(unsigned limit)
{
    CPUState *cpu = lt_control ? thread_cpu : NULL;
    sigset_t all;

    if (cpu) {
        lt_begin(cpu);
    }
    if (cpu && lt_stream_owns(cpu)) {
        lt_stamp(cpu);
        stl_he_p(lt_special(cpu, LTI_S_LIMIT, 4), limit);
        lt_commit(cpu);
    } else {
        qatomic_cmpxchg(&limits->reached, 0, limit);
        lt_stream_bell();
    }
    /* Nothing of the guest's happens any more in this thread, and where threads take
     * turns in none of the process. */
    while (lt_inside_host()) {
        lt_inside_pump(); /* the library ends the run */
        lt_inside_check();
        g_usleep(1000); /* signals are no matter: the guest's wait in a queue */
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (;;) {
        pause();
    }
}

/* ---- Processes ---- */

static void give_back(struct lti_stream *stream)
{
    if (qatomic_xchg(&stream->counted, 0)) {
        qatomic_dec(&limits->processes_used);
        qatomic_sub(&limits->memory_used, stream->memory);
    }
}

/* Gives back what processes had that were killed, whom nobody missed yet. */
static void give_back_killed(void)
{
    for (unsigned n = 0; n < lt_session->stream_limit && n < LTI_MAX_STREAMS; n++) {
        struct lti_stream *stream = &lt_session->streams[n];

        if (qatomic_read(&stream->counted) &&
            qatomic_read(&stream->state) == LTI_STREAM_LIVE &&
            (qatomic_read((uint32_t *)stream->alive) & LTI_OWNER_DIED)) {
            give_back(stream);
        }
    }
}

static void set_account(struct lti_stream *stream)
{
    account = stream;
    if (stream) {
        stream->memory = own_memory;
        qatomic_store_release(&stream->counted, 1);
    }
}

/* The process has begun: the session's first one, or one whose exec was counted
 * before, with `stream`. */
void lt_limits_attach(struct lti_stream *stream, bool first)
{
    limits = &lt_session->limits;
    counted = true;
    if (first) {
        qatomic_inc(&limits->processes_used);
    } else {
        qatomic_sub(&limits->memory_used, stream->memory);
    }
    set_account(stream);
}

/* In a parent that is about to fork; `vfork`: for a child that has no memory of its
 * own for long. */
void lt_limits_fork(bool vfork)
{
    uint64_t memory = vfork ? 0 : own_memory;

    if (!limits) {
        return;
    }
    if (qatomic_add_fetch(&limits->processes_used, 1) > limits->processes &&
        limits->processes) {
        give_back_killed();
        if (qatomic_read(&limits->processes_used) > limits->processes) {
            qatomic_dec(&limits->processes_used);
            reached(LTI_LIMIT_PROCESSES);
        }
    }
    if (qatomic_add_fetch(&limits->memory_used, memory) > limits->memory &&
        limits->memory) {
        give_back_killed();
        if (qatomic_read(&limits->memory_used) > limits->memory) {
            reached(LTI_LIMIT_MEMORY);
        }
    }
    pthread_mutex_lock(&lock);
}

/* In the parent; `made`: there is a child. */
void lt_limits_forked(bool vfork, bool made)
{
    if (limits) {
        pthread_mutex_unlock(&lock);
        if (!made) {
            qatomic_dec(&limits->processes_used);
            qatomic_sub(&limits->memory_used, vfork ? 0 : own_memory);
        }
    }
}

/* In the child, whose stream that is, or NULL. */
void lt_limits_child(struct lti_stream *stream, bool vfork)
{
    pthread_mutex_init(&lock, NULL);
    if (vfork) {
        writable = (IntervalTreeRoot){};
        own_memory = 0;
    }
    set_account(limits ? stream : NULL);
}

/* The process ends, or goes on as a program that nobody counts. */
void lt_limits_leave(void)
{
    if (!limits || !counted) {
        return;
    }
    counted = false;
    if (account) {
        give_back(account);
    } else {
        qatomic_dec(&limits->processes_used);
        qatomic_sub(&limits->memory_used, own_memory);
    }
}

/* It did not, after all. */
void lt_limits_return(void)
{
    if (limits && !counted) {
        counted = true;
        qatomic_inc(&limits->processes_used);
        qatomic_add(&limits->memory_used, own_memory);
        set_account(account);
    }
}

/* The stream will no longer be the process's, which goes on in another one, or in none.
 */
void lt_limits_move(struct lti_stream *from, struct lti_stream *to)
{
    if (account == from && from != to) {
        set_account(to);
        qatomic_set(&from->counted, 0);
    }
}

/* An exec goes on in that stream. */
void lt_limits_keep(struct lti_stream *stream)
{
    if (account) {
        lt_limits_move(account, stream);
    }
}

/* ---- Memory ---- */

/* What of [start, last] counts; it does no longer if `clear`. */
static uint64_t count(abi_ulong start, abi_ulong last, bool clear)
{
    uint64_t sum = 0;
    IntervalTreeNode *node, *next;

    for (node = interval_tree_iter_first(&writable, start, last); node; node = next) {
        uint64_t from = node->start, to = node->last;

        next = interval_tree_iter_next(node, start, last);
        sum += MIN(to, last) - MAX(from, start) + 1;
        if (!clear) {
            continue;
        }
        interval_tree_remove(node, &writable);
        if (from < start && to > last) {
            IntervalTreeNode *rest = g_new0(IntervalTreeNode, 1);

            rest->start = last + 1;
            rest->last = to;
            interval_tree_insert(rest, &writable);
        }
        if (from < start) {
            node->last = start - 1;
        } else if (to > last) {
            node->start = last + 1;
        } else {
            g_free(node);
            continue;
        }
        interval_tree_insert(node, &writable);
    }
    return sum;
}

/* The process has so many bytes more, or less. */
static void change(uint64_t bytes)
{
    own_memory += bytes;
    qatomic_add(&limits->memory_used, bytes);
    if (account) {
        qatomic_set(&account->memory, own_memory);
    }
}

static bool counts_memory(void)
{
    return limits && counted && limits->memory;
}

/* The process asks for so many bytes more. */
static void ask(uint64_t bytes)
{
    uint64_t used = qatomic_read(&limits->memory_used);

    if (used + bytes > limits->memory || used + bytes < used) {
        give_back_killed();
        used = qatomic_read(&limits->memory_used);
        if (used + bytes > limits->memory || used + bytes < used) {
            reached(LTI_LIMIT_MEMORY);
        }
    }
}

/* [start, start + len) will be writable; `start` is where it says if `there`. */
void lt_limits_ask(abi_ulong start, abi_ulong len, bool there)
{
    uint64_t known = 0;

    if (!counts_memory() || len == 0 || len > (abi_ulong)1 << 47) {
        return;
    }
    len = TARGET_PAGE_ALIGN(len);
    if (there) {
        pthread_mutex_lock(&lock);
        known = count(start, start + len - 1, false);
        pthread_mutex_unlock(&lock);
    }
    if (len > known) {
        ask(len - known);
    }
}

/* [start, start + len) is mapped, `write`: writable, or no longer. */
void lt_limits_set(abi_ulong start, abi_ulong len, bool write)
{
    uint64_t before;

    if (!counts_memory() || len == 0) {
        return;
    }
    len = TARGET_PAGE_ALIGN(len);
    pthread_mutex_lock(&lock);
    before = count(start, start + len - 1, true);
    if (write) {
        IntervalTreeNode *node = g_new0(IntervalTreeNode, 1);

        node->start = start;
        node->last = start + len - 1;
        interval_tree_insert(node, &writable);
    }
    change((write ? len : 0) - before);
    pthread_mutex_unlock(&lock);
}

/* Whether memory at that address counts. */
bool lt_limits_is_counted(abi_ulong addr)
{
    bool is;

    if (!counts_memory()) {
        return false;
    }
    pthread_mutex_lock(&lock);
    is = interval_tree_iter_first(&writable, addr, addr) != NULL;
    pthread_mutex_unlock(&lock);
    return is;
}

/* ---- Output ---- */

/* How many bytes are in the buffers of a guest's iovec. */
static uint64_t vector_bytes(abi_ulong addr, abi_ulong vectors)
{
    uint64_t sum = 0;

    for (abi_ulong i = 0; i < vectors && i < IOV_MAX; i++) {
        uint64_t length;

        if (get_user_u64(length, addr + 16 * i + 8)) {
            break;
        }
        sum = sum + length < sum ? UINT64_MAX : sum + length;
    }
    return sum;
}

/* The same of the messages of sendmmsg(), or of one. */
static uint64_t message_bytes(abi_ulong addr, abi_ulong messages)
{
    uint64_t sum = 0;

    for (abi_ulong i = 0; i < messages && i < IOV_MAX; i++) {
        uint64_t vectors, bytes, at;

        if (get_user_u64(at, addr + 64 * i + 16) ||
            get_user_u64(vectors, addr + 64 * i + 24)) {
            break;
        }
        bytes = vector_bytes(at, vectors);
        sum = sum + bytes < sum ? UINT64_MAX : sum + bytes;
    }
    return sum;
}

/* The argument that says how many bytes a call puts out at most, or -1. */
static int length_argument(int nr)
{
    switch (nr) {
    case TARGET_NR_write:
    case TARGET_NR_pwrite64:
    case TARGET_NR_sendto:
    case TARGET_NR_tee:
        return 2;
    case TARGET_NR_sendfile:
        return 3;
    case TARGET_NR_splice:
    case TARGET_NR_copy_file_range:
        return 4;
    default:
        return -1;
    }
}

/* What a call wants to put out. */
static uint64_t output_of(int nr, const abi_long *args)
{
    int argument = length_argument(nr);

    if (argument >= 0) {
        return args[argument];
    }
    switch (nr) {
    case TARGET_NR_writev:
    case TARGET_NR_pwritev:
    case TARGET_NR_pwritev2:
        return vector_bytes(args[1], args[2]);
    case TARGET_NR_vmsplice:
        return lt_reads_pipe(args[0]) ? 0 : vector_bytes(args[1], args[2]);
    case TARGET_NR_sendmsg:
        return message_bytes(args[1], 1);
    case TARGET_NR_sendmmsg:
        return message_bytes(args[1], (uint32_t)args[2]);
    default:
        return 0;
    }
}

/* Reserves up to `wanted` bytes of output; how many. */
static uint64_t reserve(uint64_t wanted)
{
    uint64_t used = qatomic_read(&limits->output_used);

    for (;;) {
        uint64_t left = limits->output > used ? limits->output - used : 0;
        uint64_t take = MIN(wanted, left);
        uint64_t seen = qatomic_cmpxchg(&limits->output_used, used, used + take);

        if (seen == used) {
            return take;
        }
        used = seen;
    }
}

/* Before a system call, whose arguments are changed if it may put out a part only of
 * what it wants.  What lt_limits_wrote() needs. */
struct lt_output lt_limits_write(int nr, abi_long *args)
{
    struct lt_output output = {0};
    int argument = length_argument(nr);

    if (!limits || !limits->output) {
        return output;
    }
    output.wanted = output_of(nr, args);
    if (output.wanted == 0) {
        return output;
    }
    output.reserved = reserve(output.wanted);
    if (output.reserved < output.wanted) {
        if (argument < 0 || output.reserved == 0) {
            reached(LTI_LIMIT_OUTPUT);
        }
        args[argument] = output.reserved;
    }
    return output;
}

/* How many bytes all messages of a sendmmsg() had that sent so many. */
static uint64_t messages_sent(abi_ulong addr, abi_long messages)
{
    uint64_t sum = 0;

    for (abi_long i = 0; i < messages; i++) {
        uint32_t sent;

        if (get_user_u32(sent, addr + 64 * i + 56)) {
            break;
        }
        sum += sent;
    }
    return sum;
}

/* Behind it. */
void lt_limits_wrote(struct lt_output output, int nr, const abi_long *args, abi_long ret)
{
    uint64_t wrote = is_error(ret) ? 0 : ret;

    if (output.reserved == 0) {
        return;
    }
    if (nr == TARGET_NR_sendmmsg && !is_error(ret)) {
        wrote = messages_sent(args[1], ret);
    }
    if (wrote < output.reserved) {
        qatomic_sub(&limits->output_used, output.reserved - wrote);
    } else if (output.reserved < output.wanted) {
        reached(LTI_LIMIT_OUTPUT);
    }
}
