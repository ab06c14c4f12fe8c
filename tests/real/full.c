/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * full [-L SYSROOT] PROGRAM [ARGS...]: runs a program with callbacks of every
 * kind, everything recorded, and holds the run against what must always be so:
 * the registers that the decoder derives are the engine's, no internal error,
 * events in order, accesses of an instruction behind that instruction of the same
 * thread; each process begins before all its other events and ends once, behind
 * them; each further thread begins, made by a thread that there is, and does
 * nothing behind its end.  Its exit status is the guest's (128 + signal), 99 when
 * something is not so.  LT_FULL_EVERY=N looks at all registers every N
 * instructions (64), LT_FULL_THREADS=parallel runs threads in parallel, LT_FULL_CPU
 * is the processor, LT_FULL_VERBOSE prints the figures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define REGS 128
#define WIDTH 256 /* bytes of the widest register */
#define BUCKETS 1024u

struct process {
    uint32_t pid, arch;
    uint32_t live, starts, execs, exits;
    struct process *next;
};

struct thread {
    uint32_t tid;
    uint32_t live;
    struct process *process;
    uint64_t insns;
    uint64_t pc; /* of its last instruction, and that one's code */
    uint8_t code[16];
    uint32_t length;
    uint32_t regs, pc_reg;
    uint8_t file[REGS][WIDTH]; /* registers as write events tell them */
    int known;                 /* they do */
    int behind_kernel;         /* a signal's or a process's registers come, not the
                                  instruction's */
    struct thread *next;
};

struct totals {
    uint64_t seq;
    uint64_t insns, reg_writes, mem_writes, mem_reads, calls, returns, modules;
    uint64_t signals, threads, processes, exits, live;
    uint64_t problems;
    uint64_t every; /* instructions from one look at all registers to the next */
    struct process *processes_by_pid[BUCKETS];
    struct thread *threads_by_tid[BUCKETS];
    struct thread *last;
};

static void problem(struct totals *t, const char *what, uint64_t pc, uint64_t value)
{
    if (t->problems++ < 10)
        fprintf(stderr,
                "full: %s (instruction %" PRIu64 " at %#" PRIx64 ", %#" PRIx64
                ", thread %u)\n",
                what, t->insns, pc, value, t->last != NULL ? t->last->tid : 0);
}

static void *allocate(size_t size)
{
    void *new = calloc(1, size);

    if (new == NULL) {
        fprintf(stderr, "full: no memory\n");
        exit(99);
    }
    return new;
}

static struct process *process_of(struct totals *t, uint32_t pid)
{
    struct process **p = &t->processes_by_pid[pid % BUCKETS];

    while (*p != NULL && (*p)->pid != pid)
        p = &(*p)->next;
    if (*p == NULL) {
        *p = allocate(sizeof **p);
        (*p)->pid = pid;
    }
    return *p;
}

static struct thread *thread_of(struct totals *t, uint32_t tid)
{
    struct thread **p = &t->threads_by_tid[tid % BUCKETS];

    if (t->last != NULL && t->last->tid == tid)
        return t->last;
    while (*p != NULL && (*p)->tid != tid)
        p = &(*p)->next;
    if (*p == NULL) {
        *p = allocate(sizeof **p);
        (*p)->tid = tid;
    }
    t->last = *p;
    return *p;
}

/* A thread begins: nothing is known of its registers. */
static void begin(struct thread *thread, struct process *process)
{
    thread->process = process;
    thread->live = 1;
    thread->insns = 0;
    thread->pc = 0;
    thread->length = 0;
    thread->known = 0;
    thread->behind_kernel = 1;
    thread->regs = (uint32_t)lt_reg_count(process->arch);
    if (thread->regs > REGS)
        thread->regs = REGS;
    thread->pc_reg = process->arch == LT_ARCH_X86_64 ? LT_X86_64_RIP : LT_AARCH64_PC;
}

/* What holds for every event; the thread that it belongs to. */
static struct thread *common(struct totals *t, const void *record)
{
    const struct lt_event *e = record;
    struct thread *thread = thread_of(t, e->tid);

    if (e->seq <= t->seq)
        problem(t, "events are out of order", thread->pc, e->seq);
    t->seq = e->seq;
    if (!thread->live || thread->process->pid != e->pid)
        problem(t, "an event of a thread that has not begun, or has ended", e->type,
                e->pid);
    else if (!thread->process->live)
        problem(t, "an event of a process that has ended", e->type, e->pid);
    else
        return thread;
    /* Once is enough. */
    if (!thread->live)
        begin(thread, process_of(t, e->pid));
    thread->process->live = 1;
    return thread;
}

/* A register that is not what its write events make it, at the instruction
 * behind the one in hand. */
static void changed(struct totals *t, lt_session *session, struct thread *thread,
                    uint32_t reg, const uint8_t *value)
{
    const uint32_t arch = thread->process->arch;
    uint8_t now[WIDTH];
    int width = lt_reg_read_bytes(session, reg, now, sizeof now), i;
    char text[128] = "";

    lt_disassemble(session, thread->pc, thread->code, thread->length, text, sizeof text);
    if (t->problems < 10) {
        fprintf(stderr, "full: behind %s, %s is 0x", text, lt_reg_name(arch, reg));
        for (i = width; i-- > 0;)
            fprintf(stderr, "%02x", value[i]);
        fprintf(stderr, ", its events say 0x");
        for (i = width; i-- > 0;)
            fprintf(stderr, "%02x", thread->file[reg][i]);
        fprintf(stderr, "\n");
    }
    problem(t, "a register changed without an event", thread->pc, reg);
}

static int is_scalable(const struct thread *thread, uint32_t reg)
{
    return thread->process->arch == LT_ARCH_AARCH64 && reg >= LT_AARCH64_Z0;
}

/* The low half of a ymm is an xmm, the low 16 bytes of a z are a v. */
static void set_reg(struct thread *thread, uint32_t reg, const uint8_t *data,
                    uint32_t width)
{
    memset(thread->file[reg], 0, WIDTH);
    memcpy(thread->file[reg], data, width);
    if (is_scalable(thread, reg) && reg < LT_AARCH64_P0)
        memcpy(thread->file[reg - LT_AARCH64_Z0 + LT_AARCH64_V0], data, 16);
    if (thread->process->arch != LT_ARCH_X86_64)
        return;
    if (reg >= LT_X86_64_XMM0 && reg < LT_X86_64_XMM0 + 16)
        memcpy(thread->file[reg - LT_X86_64_XMM0 + LT_X86_64_YMM0], data, 16);
    else if (reg >= LT_X86_64_YMM0 && reg < LT_X86_64_YMM0 + 16)
        memcpy(thread->file[reg - LT_X86_64_YMM0 + LT_X86_64_XMM0], data, 16);
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct totals *t = user;
    struct thread *thread = common(t, e);
    int look;
    uint32_t reg;

    t->insns++;
    thread->insns++;
    if (e->length == 0 || e->length > 15) {
        problem(t, "an impossible length", e->pc, e->length);
        return LT_STOP;
    }
    /* Now and then the whole register file: events alone must give it. */
    look = !thread->known || thread->insns % t->every == 0;
    for (reg = 0; look && reg < thread->regs; reg++) {
        uint8_t value[WIDTH];
        int width = lt_reg_read_bytes(session, reg, value, sizeof value);

        if (width == LT_ERR_UNSUPPORTED && is_scalable(thread, reg)) {
            thread->regs = LT_AARCH64_Z0; /* a CPU without SVE */
            break;
        }
        if (width <= 0) {
            problem(t, "a register cannot be read", e->pc, reg);
            return LT_STOP;
        }
        if (thread->known && reg != thread->pc_reg &&
            memcmp(value, thread->file[reg], (size_t)width))
            changed(t, session, thread, reg, value);
        if (reg == thread->pc_reg && memcmp(value, &e->pc, sizeof e->pc) != 0)
            problem(t, "the program counter is another", e->pc, reg);
        memcpy(thread->file[reg], value, (size_t)width);
    }
    thread->pc = e->pc;
    memcpy(thread->code, e->bytes, e->length);
    thread->length = e->length;
    thread->known = 1;
    thread->behind_kernel = 0;
    return 0;
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    struct totals *t = user;
    struct thread *thread = common(t, e);
    uint8_t now[WIDTH];

    t->reg_writes++;
    if (e->pc != thread->pc && !thread->behind_kernel)
        problem(t, "a register write of another instruction", e->pc, e->reg);
    if (e->reg >= thread->regs ||
        (is_scalable(thread, e->reg)
             ? (int)e->width != lt_reg_read_bytes(session, e->reg, now, sizeof now)
             : (int)e->width != lt_reg_width(thread->process->arch, e->reg)))
        problem(t, "a register write of a strange width", e->pc, e->width);
    else
        set_reg(thread, e->reg, e->data, e->width);
    return 0;
}

static int on_access(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct totals *t = user;
    struct thread *thread = common(t, e);

    (void)session;
    if (e->type == LT_EVENT_MEM_WRITE)
        t->mem_writes++;
    else
        t->mem_reads++;
    if (e->by == LT_BY_INSN && (e->pc != thread->pc || thread->behind_kernel))
        problem(t, "a memory access of another instruction", e->pc, e->addr);
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    struct totals *t = user;

    (void)session;
    common(t, e);
    if (e->phase == LT_PHASE_ENTER)
        t->calls++;
    else
        t->returns++;
    if (e->name == NULL)
        problem(t, "a system call without a name", e->pc, e->nr);
    return 0;
}

static int on_module(lt_session *session, const struct lt_module *e, void *user)
{
    struct totals *t = user;

    (void)session;
    common(t, e);
    if (e->op == LT_MODULE_MAP)
        t->modules++;
    if (e->path == NULL || e->start >= e->end)
        problem(t, "a strange module", e->start, e->end);
    return 0;
}

static int on_signal(lt_session *session, const struct lt_signal *e, void *user)
{
    struct totals *t = user;

    (void)session;
    common(t, e)->behind_kernel = 1;
    t->signals++;
    if (e->op == LT_SIGNAL_DELIVER ? e->signal == 0 || e->handler == 0
                                   : e->signal != 0 || e->handler != 0)
        problem(t, "a strange signal", e->pc, e->signal);
    return 0;
}

static int on_thread(lt_session *session, const struct lt_thread *e, void *user)
{
    struct totals *t = user;
    struct thread *thread = thread_of(t, e->tid);

    (void)session;
    t->threads++;
    if (e->op == LT_THREAD_START) {
        struct thread *parent = thread_of(t, e->parent);

        t->last = thread;
        if (thread->live)
            problem(t, "a thread begins that has not ended", 0, e->tid);
        if (parent->process == NULL || parent->process->pid != e->pid)
            problem(t, "a thread's creator belongs to another process", 0, e->parent);
        begin(thread, process_of(t, e->pid));
    }
    common(t, e);
    if (e->op == LT_THREAD_EXIT)
        thread->live = 0;
    if ((e->op == LT_THREAD_NAME) != (e->name != NULL))
        problem(t, "a strange name of a thread", 0, e->op);
    return 0;
}

static void end_threads(struct totals *t, const struct process *process)
{
    uint32_t i;

    for (i = 0; i < BUCKETS; i++) {
        struct thread *thread;

        for (thread = t->threads_by_tid[i]; thread != NULL; thread = thread->next) {
            if (thread->process == process)
                thread->live = 0;
        }
    }
}

static int on_process(lt_session *session, const struct lt_process *e, void *user)
{
    struct totals *t = user;
    struct process *process = process_of(t, e->pid);
    struct thread *thread = thread_of(t, e->tid);

    (void)session;
    process->arch = e->arch;
    if (e->path == NULL || e->path[0] == '\0' || lt_arch_name(e->arch) == NULL)
        problem(t, "a strange process", 0, e->pid);
    if (e->op == LT_PROCESS_START) {
        if (process->live)
            problem(t, "a process begins that has not ended", 0, e->pid);
        if (e->parent == 0 ? t->processes != 0 : process_of(t, e->parent)->starts == 0)
            problem(t, "a process's parent is not known", 0, e->parent);
        process->live = 1;
        process->starts++;
        t->processes++;
        t->live++;
    } else {
        if (!process->live)
            problem(t, "a process executes a program and has not begun", 0, e->pid);
        process->execs++;
    }
    /* One thread, whose number is the process's, and nothing before that. */
    if (e->tid != e->pid && e->op == LT_PROCESS_EXEC)
        problem(t, "the thread of an executed program has another number", 0, e->tid);
    end_threads(t, process);
    begin(thread, process);
    common(t, e);
    return 0;
}

static int on_end(lt_session *session, const struct lt_exit *e, void *user)
{
    struct totals *t = user;
    struct process *process = common(t, e)->process;

    (void)session;
    t->exits++;
    t->live--;
    process->exits++;
    process->live = 0;
    end_threads(t, process);
    if (process->exits != process->starts)
        problem(t, "a process has not one end for each beginning", 0, e->pid);
    return 0;
}

int main(int argc, char **argv)
{
    static struct totals t;
    struct lt_stats stats = {.size = sizeof stats};
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    int error;

    lt_config_init(&config, sizeof config);
    if (argc > 2 && strcmp(argv[1], "-L") == 0) {
        config.sysroot = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 2) {
        fprintf(stderr, "usage: full [-L SYSROOT] PROGRAM [ARGS...]\n");
        return 99;
    }
    if (getenv("LT_FULL_THREADS") != NULL &&
        strcmp(getenv("LT_FULL_THREADS"), "parallel") == 0)
        config.threads = LT_THREADS_PARALLEL;
    config.cpu = getenv("LT_FULL_CPU");
    config.program = argv[1];
    config.argv = (const char *const *)(argv + 1);
    error = lt_session_create(&config, &session);
    if (error != 0) {
        fprintf(stderr, "full: %s\n", lt_error_text(error));
        return 99;
    }
    t.every =
        getenv("LT_FULL_EVERY") != NULL ? strtoull(getenv("LT_FULL_EVERY"), NULL, 0) : 0;
    if (t.every == 0)
        t.every = 64;
    error |= lt_on_insn(session, NULL, on_insn, &t);
    error |= lt_on_reg_write(session, NULL, on_reg, &t);
    error |= lt_on_mem_write(session, NULL, on_access, &t);
    error |= lt_on_mem_read(session, NULL, on_access, &t);
    error |= lt_on_syscall(session, NULL, on_syscall, &t);
    error |= lt_on_module(session, NULL, on_module, &t);
    error |= lt_on_signal(session, NULL, on_signal, &t);
    error |= lt_on_thread(session, NULL, on_thread, &t);
    error |= lt_on_process(session, NULL, on_process, &t);
    error |= lt_on_exit(session, NULL, on_end, &t);
    if (error == 0)
        error = lt_session_run(session);
    if (error != 0) {
        fprintf(stderr, "full: %d: %s\n", error, lt_session_message(session));
        return 99;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_stats(session, &stats);
    if (stats.register_mismatches != 0)
        problem(&t, "registers differ from the engine's", 0, stats.register_mismatches);
    if (stats.internal_errors != 0)
        problem(&t, "internal errors", 0, stats.internal_errors);
    if (stats.register_checks == 0)
        problem(&t, "registers were never checked", 0, 0);
    if (stats.insns != t.insns)
        problem(&t, "instructions were lost", 0, stats.insns);
    if (t.live != 0 || t.exits != t.processes)
        problem(&t, "not every process that began has ended", 0, t.live);
    if (t.exits == 0 || t.insns == 0 || t.mem_writes == 0 || t.mem_reads == 0 ||
        t.calls < t.returns || t.modules == 0)
        problem(&t, "events are missing", 0, t.exits);
    if (getenv("LT_FULL_VERBOSE") != NULL)
        fprintf(stderr,
                "full: %" PRIu64 " instructions, %" PRIu64 " register writes, %" PRIu64
                " memory writes, %" PRIu64 " reads, %" PRIu64 " calls, %" PRIu64
                " checks, %" PRIu64 " signals, %" PRIu64 " thread events, %" PRIu64
                " processes, %.2f bytes an instruction\n",
                t.insns, t.reg_writes, t.mem_writes, t.mem_reads, t.calls,
                stats.register_checks, t.signals, t.threads, t.processes,
                (double)stats.stream_bytes / (double)(t.insns ? t.insns : 1));
    if (result.untraced_threads != 0 || result.untraced_processes != 0)
        fprintf(stderr, "full: %u threads and %u processes ran untraced\n",
                result.untraced_threads, result.untraced_processes);
    lt_session_destroy(session);
    if (t.problems != 0)
        return 99;
    if (result.kind == LT_RESULT_SIGNAL)
        return 128 + result.signal;
    return result.kind == LT_RESULT_EXIT ? result.status : 99;
}
