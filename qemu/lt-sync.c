/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest waits: for the library, where a callback or a point wants it to, and while
 * the session is paused.
 *
 * A thread waits for the library in few places only: where it is about to enter
 * generated code, so that all of its state is in the CPU's; before a system call is
 * made; and when it ends.  Generated code leaves in front of an instruction that
 * somebody wants to wait at.  Where somebody waits for accesses to memory, blocks have
 * one instruction each, and the next one leaves after such an access.
 *
 * A thread keeps the baton while it waits.
 */
#include "qemu/osdep.h"
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/page-protection.h"
#include "tcg/tcg.h"
#include "tcg/tcg-temp-internal.h"
#include "tcg/tcg-op.h"
#include "tcg/helper-info.h"
#include "user/guest-host.h"
#include "user/page-protection.h"
#include "lt-inside.h"
#include "lt-target.h"
#include "stream.h"

#define SPINS 300 /* looks at the mail before a thread sleeps on it */
/* How long code that is not recorded may keep back what was recorded before. */
#define LATE_NS 100000000

bool lt_sync;

/* Of the present thread. */
static __thread struct {
    bool events;  /* something was recorded that the library waits for */
    bool at_insn; /* generated code was left in front of an instruction, */
    uint32_t length;
    bool passed; /* which was waited at, and comes next: */
    uint64_t passed_pc;
    bool returned, restarts; /* a system call has, perhaps to be made again */
} self;

/* The process's copy of lti_points. */
static struct {
    uint32_t generation;
    uint32_t break_count, watch_count;
    uint64_t *breaks;
    struct lti_watch watches[LTI_MAX_WATCHES];
} points;

/* What lt_watch_loads and lt_watch_stores are without points. */
static bool loads_wanted, stores_wanted;

static long futex(uint32_t *word, int op, uint32_t value)
{
    return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* ---- Break and watch points ---- */

static const struct lti_points *shared_points(void)
{
    return (const void *)((const uint8_t *)lt_control + LTI_POINTS_OFFSET);
}

bool lt_sync_watches(void)
{
    return points.watch_count != 0;
}

static int compare_pcs(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

bool lt_sync_breaks_at(uint64_t pc)
{
    return points.break_count &&
           bsearch(&pc, points.breaks, points.break_count, sizeof(pc), compare_pcs);
}

/* Throws away the translations of code at pcs that are in one list only. */
static void retranslate(const uint64_t *a, uint32_t a_count, const uint64_t *b,
                        uint32_t b_count)
{
    uint32_t i = 0, k = 0;

    while (i < a_count || k < b_count) {
        if (i < a_count && k < b_count && a[i] == b[k]) {
            i++;
            k++;
        } else if (k == b_count || (i < a_count && a[i] < b[k])) {
            tb_invalidate_phys_range(a[i], a[i]);
            i++;
        } else {
            tb_invalidate_phys_range(b[k], b[k]);
            k++;
        }
    }
}

/* Takes the library's points over. */
static void refresh(void)
{
    const struct lti_points *from = shared_points();
    g_autofree uint64_t *breaks = NULL;
    uint32_t generation, break_count, watch_count;

    do {
        generation = qatomic_load_acquire(&from->generation);
        if (generation == points.generation) {
            return;
        }
        break_count = MIN(from->break_count, LTI_MAX_BREAKS);
        watch_count = MIN(from->watch_count, LTI_MAX_WATCHES);
        g_free(breaks);
        breaks = g_memdup2(from->breaks, break_count * sizeof(*breaks));
        memcpy(points.watches, from->watches, watch_count * sizeof(*points.watches));
        smp_rmb();
    } while ((generation & 1) || generation != qatomic_read(&from->generation));
    mmap_lock();
    retranslate(points.breaks, points.break_count, breaks, break_count);
    mmap_unlock();
    g_free(points.breaks);
    points.breaks = g_steal_pointer(&breaks);
    points.break_count = break_count;
    points.watch_count = watch_count;
    points.generation = generation;
    /* Blocks made for watching record all accesses. */
    lt_watch_stores = stores_wanted || lt_sync_watches();
    lt_watch_loads = loads_wanted || lt_sync_watches();
}

/* Before and behind each turn in generated code. */
static void set_block_size(CPUState *cpu)
{
    cpu->tcg_cflags &= ~CF_COUNT_MASK;
    if (lt_sync_watches()) {
        cpu->tcg_cflags |= 1;
    }
}

void lt_sync_start(void)
{
    lt_sync = lt_control->sync;
    stores_wanted = lt_watch_stores;
    loads_wanted = lt_watch_loads;
    if (lt_sync) {
        lt_filtered = true;
        refresh();
    }
}

/* ---- What makes a thread wait ---- */

void lt_sync_event(unsigned type)
{
    if (lt_sync && (lt_control->sync_kinds >> type & 1)) {
        self.events = true;
    }
}

void lt_sync_access(CPUState *cpu, uint64_t addr, uint32_t size, bool store)
{
    const uint32_t want = store ? LTI_WANT_WRITE : LTI_WANT_READ;
    uint64_t last = addr + size - 1;

    if (self.events || cpu != current_cpu) {
        return;
    }
    for (uint32_t i = 0; i < points.watch_count && !self.events; i++) {
        const struct lti_watch *w = &points.watches[i];

        self.events = (w->want & want) && addr <= w->last && last >= w->start;
    }
    if (self.events) {
        cpu_exit(cpu);
    }
}

static void access_in_block(CPUArchState *env, uint64_t addr, uint32_t size_and_store)
{
    CPUState *cpu = env_cpu(env);

    if (lt_stream_owns(cpu)) {
        lt_sync_access(cpu, addr, size_and_store >> 1, size_and_store & 1);
    }
}

/* In front of an instruction. */
static void before_insn(CPUArchState *env, uint64_t pc, uint32_t length_and_traced)
{
    CPUState *cpu = env_cpu(env);

    /* A thread that is alone for one instruction has waited at it. */
    if (!lt_stream_owns(cpu) || cpu_in_exclusive_context(cpu)) {
        return;
    }
    if (self.passed && self.passed_pc == pc) {
        self.passed = false;
        return;
    }
    self.passed = false;
    self.at_insn = true;
    self.length = length_and_traced >> 1;
    if (!(length_and_traced & 1)) {
        /* No record is open: what lies there is not to be taken for one. */
        stl_he_p(cpu->neg.lt_ptr, 0);
        cpu->neg.lt_split = NULL;
    }
    cpu->exception_index = EXCP_INTERRUPT;
    cpu_loop_exit_restore(cpu, GETPC());
}

#define MASK                                                                             \
    (dh_typemask(void, 0) | dh_typemask(env, 1) | dh_typemask(i64, 2) |                  \
     dh_typemask(i32, 3))

static TCGHelperInfo access_info = {
    .func = access_in_block,
    .name = "lt_sync_access",
    .flags = TCG_CALL_NO_RWG,
    .typemask = MASK,
};
static TCGHelperInfo before_insn_info = {
    .func = before_insn,
    .name = "lt_sync_insn",
    .flags = TCG_CALL_NO_WG,
    .typemask = MASK,
};

void lt_sync_gen_access(TCGTemp *addr, uint32_t size, bool store)
{
    tcg_gen_call3(access_info.func, &access_info, NULL, tcgv_ptr_temp(tcg_env), addr,
                  tcgv_i32_temp(tcg_constant_i32(size << 1 | store)));
}

void lt_sync_gen_insn(uint64_t pc, uint32_t length, bool traced)
{
    tcg_gen_call3(before_insn_info.func, &before_insn_info, NULL, tcgv_ptr_temp(tcg_env),
                  tcgv_i64_temp(tcg_constant_i64(pc)),
                  tcgv_i32_temp(tcg_constant_i32(length << 1 | traced)));
}

void lt_sync_again(uint64_t pc)
{
    self.passed = true;
    self.passed_pc = pc;
}

void lt_sync_interrupted(void)
{
    /* The instruction is announced again when it is tried again. */
    self.passed = self.at_insn = false;
}

/* ---- What the library asks for ---- */

/* How much of [addr, addr + size) is the guest's. */
static uint32_t mapped(uint64_t addr, uint32_t size)
{
    uint32_t done = 0;

    while (done < size && (page_get_flags(addr + done) & PAGE_VALID)) {
        done += TARGET_PAGE_SIZE - ((addr + done) & ~TARGET_PAGE_MASK);
    }
    return MIN(done, size);
}

/* Copies guest memory, some of which may not be there, as behind a file's end. */
static uint32_t read_memory(uint64_t addr, uint8_t *to, uint32_t size)
{
    struct iovec local = {to, size}, remote = {g2h_untagged(addr), size};
    ssize_t n;

    if (size == 0) {
        return 0;
    }
    n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (n < 0 && errno != EFAULT) {
        /* The host forbids it. */
        for (n = 0; n < size && (page_get_flags(addr + n) & PAGE_READ);) {
            uint32_t piece =
                MIN(size - n, TARGET_PAGE_SIZE - ((addr + n) & ~TARGET_PAGE_MASK));
            memcpy(to + n, g2h_untagged(addr + n), piece);
            n += piece;
        }
    }
    return MAX(n, 0);
}

static bool write_piece(CPUState *cpu, uint64_t addr, uint8_t *from, uint32_t size)
{
    uint8_t byte;

    if ((page_get_flags(addr) & PAGE_READ) && read_memory(addr, &byte, 1) != 1) {
        return false; /* behind the end of a file */
    }
    if (page_get_flags(addr) & PAGE_WRITE_ORG) {
        memcpy(g2h_untagged(addr), from, size); /* a fault drops translations */
        return true;
    }
    return cpu_memory_rw_debug(cpu, addr, from, size, true) == 0;
}

/* Stores whether the guest might or not, as a debugger does. */
static uint32_t write_memory(CPUState *cpu, uint64_t addr, uint8_t *from, uint32_t size)
{
    uint32_t done = 0;

    while (done < size) {
        uint32_t piece =
            MIN(size - done, TARGET_PAGE_SIZE - ((addr + done) & ~TARGET_PAGE_MASK));

        if (!write_piece(cpu, addr + done, from + done, piece)) {
            break;
        }
        done += piece;
    }
    return done;
}

static int32_t set_reg(CPUState *cpu, uint32_t reg, uint8_t *data, uint32_t size)
{
    if (!lt_target.set_reg(cpu_env(cpu), reg, data, size)) {
        return -1;
    }
    return 8 * lt_target.collect(cpu_env(cpu), (void *)data, false);
}

/* What came of a stop. */
struct outcome {
    bool changed;  /* registers or memory */
    bool answered; /* the system call in hand shall return: */
    int64_t ret;
};

/* Does what was asked for; false if it is to go on. */
static bool serve(CPUState *cpu, struct lti_mail *mail, uint8_t *data,
                  struct outcome *outcome)
{
    uint64_t addr = mail->addr;
    uint32_t size = MIN(mail->size, LTI_MAIL_SIZE);

    switch (mail->op) {
    case LTI_ASK_READ:
        mail->result = read_memory(addr, data, mapped(addr, size));
        return true;
    case LTI_ASK_WRITE:
        mail->result = write_memory(cpu, addr, data, mapped(addr, size));
        outcome->changed |= mail->result > 0;
        return true;
    case LTI_ASK_REG:
        mail->result = set_reg(cpu, addr, data, size);
        outcome->changed = true;
        return true;
    case LTI_ASK_RETURN:
        outcome->answered = true;
        outcome->ret = addr;
        mail->result = 0;
        return true;
    default:
        return false;
    }
}

static uint8_t *mail_data(const struct lti_stream *stream)
{
    return (uint8_t *)lt_control + LTI_MAIL_OFFSET +
           (stream - lt_control->streams) * (uint64_t)LTI_MAIL_SIZE;
}

/* Inside the host's process: what the library asks of the thread that it was called
 * from. */
static __thread struct {
    CPUState *cpu;
    struct outcome *outcome;
} asked;

void lt_sync_serve(void)
{
    struct lti_stream *stream = lt_stream_shared();

    if (asked.cpu) {
        serve(asked.cpu, &stream->mail, mail_data(stream), asked.outcome);
        stream->mail.answered = stream->mail.asked;
    }
}

/* The library has been told why this thread waits: does what it asks for until it
 * says go. */
static void wait_for_library(CPUState *cpu, struct outcome *outcome)
{
    struct lti_stream *stream = lt_stream_shared();
    struct lti_mail *mail = &stream->mail;
    uint8_t *data = mail_data(stream);
    bool more = true;

    if (lt_inside_host() && lt_inside->pumps) {
        lt_inside_pump();
        return;
    }
    lt_idle();
    while (more) {
        const uint32_t done = mail->answered;

        for (int i = 0; i < SPINS && qatomic_read(&mail->asked) == done; i++) {
            cpu_relax();
        }
        while (qatomic_load_acquire(&mail->asked) == done) {
            qatomic_set(&mail->asleep, 1);
            smp_mb();
            if (qatomic_read(&mail->asked) == done) {
                futex(&mail->asked, FUTEX_WAIT, done);
            }
            lt_inside_check();
            qatomic_set(&mail->asleep, 0);
        }
        more = serve(cpu, mail, data, outcome);
        qatomic_store_release(&mail->answered, done + 1);
        smp_mb();
        if (qatomic_read(&mail->awaited)) {
            futex(&mail->answered, FUTEX_WAKE, INT_MAX);
        }
    }
    lt_busy();
}

static struct outcome stop(CPUState *cpu, unsigned why, uint64_t pc)
{
    struct outcome outcome = {0};
    uint32_t length = why == LTI_STOP_INSN ? self.length : 0;
    uint8_t *p;

    asked.cpu = cpu;
    asked.outcome = &outcome;
    p = lt_special(cpu, LTI_S_SYNC, 32);
    stl_he_p(p, why);
    stl_he_p(p + 4, length);
    stq_he_p(p + 8, pc);
    memset(p + 16, 0, 16);
    memcpy(p + 16, g2h_untagged(pc), MIN(length, 16));
    lt_make_room(cpu);
    lt_commit(cpu);
    wait_for_library(cpu, &outcome);
    asked.cpu = NULL;
    refresh();
    return outcome;
}

void lt_sync_point(CPUState *cpu)
{
    uint64_t pc = lt_target.pc(cpu_env(cpu));
    bool at_insn = self.at_insn, returned = self.returned;
    struct outcome outcome;

    refresh();
    if (self.events || at_insn) {
        self.events = self.at_insn = self.returned = false;
        outcome = stop(cpu, at_insn ? LTI_STOP_INSN : LTI_STOP_EVENTS, pc);
        if (outcome.answered && returned) {
            lt_target.set_result(cpu_env(cpu), outcome.ret, self.restarts);
        }
        self.passed = at_insn && lt_target.pc(cpu_env(cpu)) == pc;
        self.passed_pc = pc;
    }
    self.returned = false;
    set_block_size(cpu);
}

bool lt_sync_has_events(void)
{
    return self.events;
}

bool lt_sync_leaves(void)
{
    return self.events || self.at_insn;
}

bool lt_sync_call(CPUState *cpu, uint64_t pc, bool *changed, int64_t *ret)
{
    struct outcome outcome;

    if (!(lt_want_at(pc) & LTI_WANT_SYNC_CALL)) {
        return false;
    }
    self.events = false;
    outcome = stop(cpu, LTI_STOP_CALL, lt_target.pc(cpu_env(cpu)));
    *changed = outcome.changed;
    *ret = outcome.ret;
    return outcome.answered;
}

void lt_sync_return(uint64_t pc, bool restarts)
{
    if (lt_want_at(pc) & LTI_WANT_SYNC_CALL) {
        self.events = self.returned = true;
        self.restarts = restarts;
    }
}

/* ---- Pause ---- */

/* The thread is about to wait for the host: no guest code runs. */
void lt_idle(void)
{
    struct lti_stream *stream = lt_control ? lt_stream_shared() : NULL;

    if (stream) {
        qatomic_store_release(&stream->running, 0);
    }
}

/* It is about to go on; not while the session is paused. */
void lt_busy(void)
{
    struct lti_stream *stream = lt_control ? lt_stream_shared() : NULL;
    bool pumps = lt_inside_host() && lt_inside->pumps;

    if (!stream || (stream->running && !qatomic_read(&lt_control->paused))) {
        return;
    }
    for (;;) {
        qatomic_set(&stream->running, 1);
        smp_mb();
        if (!qatomic_read(&lt_control->paused)) {
            return;
        }
        qatomic_store_release(&stream->running, 0);
        if (pumps) {
            /* What came before is told all the same, and may end the pause. */
            pumps = false;
            lt_inside_take();
            continue;
        }
        futex(&lt_control->paused, FUTEX_WAIT, 1);
        lt_inside_check();
    }
}

static bool pump_due; /* inside the host's process: the library is to take something */

void lt_sync_pump(void)
{
    if (qatomic_read(&pump_due)) {
        qatomic_set(&pump_due, false);
        lt_inside_pump();
    }
}

/* Makes guest threads leave generated code: all, or those that hold records back. */
static void poke(bool late)
{
    CPUState *cpu;

    if (!lt_parallel) {
        lt_baton_poke(late);
        return;
    }
    cpu_list_lock();
    CPU_FOREACH(cpu)
    {
        if (!late || lt_stream_is_late(cpu)) {
            cpu_exit(cpu);
        }
    }
    cpu_list_unlock();
}

/* Has guest threads leave generated code when the library wants them to look, and when
 * they have not done so for long with something to tell. */
static void *poker(void *seen_first)
{
    const struct timespec period = {.tv_nsec = LATE_NS};
    uint32_t seen = (uintptr_t)seen_first;

    for (;;) {
        uint32_t now = qatomic_load_acquire(&lt_control->poke);

        if (now != seen) {
            seen = now;
            poke(false);
        } else if (syscall(SYS_futex, &lt_control->poke, FUTEX_WAIT, seen, &period, NULL,
                           0) < 0 &&
                   errno == ETIMEDOUT) {
            if (lt_inside_host() && lt_inside->pumps) {
                qatomic_set(&pump_due, true);
            }
            poke(true);
        }
    }
    return NULL;
}

void lt_poker_start(void)
{
    uint32_t seen = qatomic_load_acquire(&lt_control->poke);
    sigset_t all, old;
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    /* Without it, as at a limit of the guest's, a pause comes with the next system call,
     * or the next turn of another thread. */
    pthread_create(&thread, &attributes, poker, (void *)(uintptr_t)seen);
    sigprocmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
}
