/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Break points, and what a host changes at them, held against what the guest prints
 * (see tests/guests/control/sync.c). */
#define _GNU_SOURCE
#include "sync-common.h"

#include <pthread.h>

struct work {
    uint32_t arch;
    uint64_t target, half, branch, data, is_five;
    int targets, halves, branches, later;
    int id, remove_after;
    int change; /* the guest is made to do something else */
    int writes_by_host, regs_by_host;
    int pull;
};

static int on_target(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct work *w = user;
    uint64_t a = reg(session, arg_reg(w->arch));
    uint8_t code[16];

    assert_true(insn->pc == w->target);
    assert_true(reg(session, pc_reg(w->arch)) == w->target);
    assert_int_equal(a, w->targets);
    assert_int_equal(lt_mem_read(session, insn->pc, code, insn->length), insn->length);
    assert_memory_equal(code, insn->bytes, insn->length);
    w->targets++;
    if (w->change && a == 5)
        assert_int_equal(lt_reg_write(session, arg_reg(w->arch), 1000005), 0);
    if (w->change && a == 6)
        return_at_once(session, w->arch, 7000000000);
    if (w->remove_after == w->targets)
        assert_int_equal(lt_point_remove(session, w->id), 0);
    return 0;
}

static int on_half(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct work *w = user;
    uint32_t v = w->arch == LT_ARCH_X86_64 ? LT_X86_64_XMM0 : LT_AARCH64_V0;
    uint8_t bytes[16];
    double x = 0;

    assert_true(insn->pc == w->half);
    w->halves++;
    assert_int_equal(lt_reg_read_bytes(session, v, bytes, 16), 16);
    memcpy(&x, bytes, 8);
    assert_true(x == 7);
    if (w->change) {
        uint64_t again[2];
        long value = 44;

        x = 9;
        memcpy(bytes, &x, 8);
        assert_int_equal(lt_reg_write_bytes(session, v, bytes, 16), 0);
        assert_int_equal(lt_reg_read_bytes(session, v, again, 16), 16);
        assert_memory_equal(again, bytes, 16);
        assert_int_equal(lt_mem_write(session, w->data + 24, &value, 8), 8);
    }
    return 0;
}

static int on_branch(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct work *w = user;
    uint32_t flags = w->arch == LT_ARCH_X86_64 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV;
    uint64_t zero = w->arch == LT_ARCH_X86_64 ? 0x40 : 0x40000000;
    uint64_t value = reg(session, flags);

    assert_true(insn->pc == w->branch);
    w->branches++;
    assert_int_equal((value & zero) != 0, w->branches == 1);
    if (w->change) {
        assert_int_equal(lt_reg_write(session, flags, value ^ zero), 0);
        assert_true(reg(session, flags) == (value ^ zero));
    }
    return 0;
}

static int on_later(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct work *w = user;

    (void)session;
    assert_true(insn->pc == w->is_five);
    w->later++;
    return 0;
}

static int on_tell(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct work *w = user;

    if (call->nr != TELL)
        return 0;
    if (call->phase == LT_PHASE_RETURN) {
        assert_int_equal(call->error, 38); /* ENOSYS */
        return 0;
    }
    w->target = call->args[0];
    w->half = call->args[1];
    w->branch = call->args[2];
    w->data = call->args[3];
    w->is_five = call->args[4];
    w->id = lt_break_add(session, w->target, w->pull ? NULL : on_target, w);
    assert_true(w->id > 0);
    assert_true(lt_break_add(session, w->half, w->pull ? NULL : on_half, w) > w->id);
    assert_true(lt_break_add(session, w->branch, w->pull ? NULL : on_branch, w) > 0);
    if (!w->pull)
        assert_true(lt_break_add(session, w->is_five, on_later, w) > 0);
    return 0;
}

static int on_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct work *w = user;
    uint8_t byte;

    if (e->by == LT_BY_HOST) {
        w->writes_by_host++;
        assert_true(e->addr == w->data + 24);
        assert_int_equal(e->length, 8);
        assert_true(e->value == 44);
        assert_true(e->pc == w->half);
        if (e->old != NULL) {
            assert_int_equal(e->old[0], 4);
            assert_int_equal(lt_mem_read(session, e->addr, &byte, 1), 1);
            assert_int_equal(byte, 44);
        }
    }
    return 0;
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    struct work *w = user;

    (void)session;
    if (e->by == LT_BY_HOST) {
        w->regs_by_host++;
        assert_true(e->pc == w->target || e->pc == w->half || e->pc == w->branch);
    }
    return 0;
}

static void check_work(const struct work *w, const struct run *run)
{
    assert_string_equal(run->output, w->change
                                         ? "sum 7014995939\nhalf 4.5\nfive 0 1\ndata 44\n"
                                         : "sum 4996000\nhalf 3.5\nfive 1 0\ndata 4\n");
    assert_int_equal(w->targets, w->remove_after ? w->remove_after : 1000);
    assert_int_equal(w->halves, 1);
    assert_int_equal(w->branches, 2);
    assert_int_equal(w->later, w->pull ? 0 : 2);
    assert_int_equal(run->result.kind, LT_RESULT_EXIT);
    assert_int_equal(run->result.status, 0);
}

/* `trace`: what else is recorded: 0 nothing, 1 everything, 2 everything and memory. */
static void work(uint32_t arch, int change, int remove_after, int trace)
{
    struct work w = {.arch = arch, .change = change, .remove_after = remove_after};
    struct lt_filter f = sync_filter();
    struct run run;

    open_run(&run, arch, "control-sync", "work", NULL,
             trace == 2 ? LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY : 0);
    assert_int_equal(lt_on_syscall(run.session, &f, on_tell, &w), 0);
    if (trace) {
        assert_int_equal(lt_on_mem_write(run.session, NULL, on_write, &w), 0);
        assert_int_equal(lt_on_reg_write(run.session, NULL, on_reg, &w), 0);
    }
    do_run(&run);
    check_work(&w, &run);
    if (trace) {
        assert_int_equal(w.writes_by_host, change);
        /* x86_64: rdi, rsp and rax, xmm0, rflags twice; aarch64: x0 twice, and so on. */
        assert_int_equal(w.regs_by_host, !change ? 0 : arch == LT_ARCH_X86_64 ? 6 : 5);
    }
    close_run(&run);
}

static void test_counts(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (int trace = 0; trace < 3; trace++) {
            work(arch, 0, 0, trace);
            work(arch, 0, 3, trace);
        }
    }
}

static void test_changes(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (int trace = 0; trace < 3; trace++)
            work(arch, 1, 0, trace);
    }
}

/* A debugger's loop: the events of points come from lt_session_next(). */
static void test_pull(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct work w = {.arch = arch, .change = 1, .pull = 1};
        struct lt_filter f = sync_filter();
        const struct lt_event *e;
        struct run run;
        int more;

        open_run(&run, arch, "control-sync", "work", NULL, 0);
        assert_int_equal(lt_session_select(run.session, LT_KIND(LT_EVENT_SYSCALL), &f),
                         0);
        while ((more = lt_session_next(run.session, &e)) == 1) {
            const void *event = e;
            const struct lt_insn *insn = event;

            if (e->type == LT_EVENT_SYSCALL) {
                const struct lt_syscall *call = event;

                on_tell(run.session, call, &w);
                if (call->phase == LT_PHASE_ENTER && call->name != NULL &&
                    strcmp(call->name, "exit_group") == 0)
                    assert_int_equal(lt_reg_write(run.session, arg_reg(arch), 3), 0);
            } else if (e->type == LT_EVENT_INSN && insn->pc == w.target) {
                on_target(run.session, insn, &w);
            } else if (e->type == LT_EVENT_INSN && insn->pc == w.half) {
                on_half(run.session, insn, &w);
            } else if (e->type == LT_EVENT_INSN && insn->pc == w.branch) {
                on_branch(run.session, insn, &w);
            } else {
                assert_int_equal(e->type, LT_EVENT_EXIT);
                assert_int_equal(lt_reg_write(run.session, 0, 0), LT_ERR_STATE);
            }
        }
        assert_int_equal(more, 0);
        take_run(&run);
        assert_int_equal(run.result.status, 3);
        run.result.status = 0;
        check_work(&w, &run);
        close_run(&run);
    }
}

/* ---- In other processes ---- */

struct others {
    uint32_t arch, parent;
    uint64_t addr;
    int hits, other; /* in all, and in processes but the first */
    int ends;        /* the function gives 77 */
};

static int on_hit(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct others *o = user;

    assert_true(insn->pc == o->addr);
    o->hits++;
    o->other += insn->pid != o->parent;
    if (o->ends)
        return_at_once(session, o->arch, 77);
    return 0;
}

static int on_address(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct others *o = user;

    if (call->nr == TELL && call->phase == LT_PHASE_ENTER && o->addr == 0) {
        o->parent = call->pid;
        o->addr = call->args[0];
        assert_true(lt_break_add(session, o->addr, on_hit, o) > 0);
    }
    return 0;
}

static void run_others(struct run *run, struct others *o, uint32_t arch, const char *what)
{
    struct lt_filter f = sync_filter();

    memset(o, 0, sizeof *o);
    o->arch = arch;
    o->ends = strcmp(what, "late") == 0;
    open_run(run, arch, "control-sync", what, NULL, 0);
    assert_int_equal(lt_on_syscall(run->session, &f, on_address, o), 0);
    do_run(run);
}

static void test_processes(void **state)
{
    (void)state;
#ifdef LT_IN_PROCESS
    skip(); /* children are not traced */
#endif
    FOR_EACH_ARCH(arch)
    {
        struct others o;
        struct run run;

        /* A thread, and a child that is made later. */
        run_others(&run, &o, arch, "calls");
        assert_int_equal(o.hits, 3);
        assert_int_equal(o.other, 1);
        close_run(&run);
        /* A child that runs already. */
        run_others(&run, &o, arch, "late");
        assert_string_equal(run.output, "late 5\n");
        assert_int_equal(o.hits, 1);
        assert_int_equal(o.other, 1);
        close_run(&run);
        /* Another program at the same addresses. */
        run_others(&run, &o, arch, "again");
        assert_int_equal(o.hits, 1000);
        assert_int_equal(o.other, 0);
        assert_non_null(strstr(run.output, "sum 4996000\n"));
        close_run(&run);
    }
}

/* ---- Before the run, and many of them ---- */

struct many {
    uint64_t first;
    int hits, ids[5000];
};

static int on_one(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct many *m = user;

    (void)session;
    (void)insn;
    m->hits++;
    return 0;
}

static int on_first(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct many *m = user;

    (void)session;
    if (m->first == 0)
        m->first = insn->pc;
    return LT_STOP;
}

static void test_many(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct many m = {0};
        struct lt_filter f = sync_filter();
        struct run run;

        open_run(&run, arch, "loop-1000000", NULL, NULL, 0);
        assert_int_equal(lt_on_insn(run.session, &f, on_first, &m), 0);
        do_run(&run);
        assert_int_equal(run.result.kind, LT_RESULT_STOPPED);
        close_run(&run);
        assert_true(m.first != 0);

        open_run(&run, arch, "loop-1000000", NULL, NULL, 0);
        for (int i = 0; i < 5000; i++) {
            m.ids[i] = lt_break_add(run.session, m.first + 0x100000 + (uint64_t)i * 4,
                                    on_one, &m);
            assert_true(m.ids[i] > 0);
        }
        for (int i = 0; i < 5000; i += 2)
            assert_int_equal(lt_point_remove(run.session, m.ids[i]), 0);
        assert_int_equal(lt_point_remove(run.session, m.ids[0]), LT_ERR_NOT_FOUND);
        /* Two at one place. */
        assert_true(lt_break_add(run.session, m.first, on_one, &m) > 0);
        assert_true(lt_break_add(run.session, m.first, on_one, &m) > 0);
        do_run(&run);
        assert_int_equal(m.hits, 2);
        close_run(&run);
    }
}

/* ---- Modules: code that is not there yet ---- */

struct module {
    int maps, insns;
    uint64_t start, end;
};

static int in_module(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct module *m = user;

    (void)session;
    assert_true(insn->pc >= m->start && insn->pc < m->end);
    m->insns++;
    return 0;
}

static int on_module(lt_session *session, const struct lt_module *e, void *user)
{
    struct module *m = user;
    uint8_t head[64];
    uint64_t entry;

    if (e->op != LT_MODULE_MAP || !(e->prot & LT_PROT_EXEC))
        return 0;
    m->maps++;
    if (m->start == 0) {
        m->start = e->start;
        m->end = e->end;
    }
    /* The program's file header tells its entry. */
    assert_int_equal(lt_mem_read(session, e->start - e->offset, head, 64), 64);
    assert_memory_equal(head, "\177ELF", 4);
    memcpy(&entry, head + 24, 8);
    assert_true(lt_break_add(session, entry, in_module, m) > 0);
    return 0;
}

static void test_module(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct module m = {0};
        struct lt_filter f = sync_filter();
        struct run run;

        open_run(&run, arch, "control-sync", "none", NULL, 0);
        assert_int_equal(lt_on_module(run.session, &f, on_module, &m), 0);
        do_run(&run);
        assert_int_equal(m.maps, 1);
        assert_int_equal(m.insns, 1);
        close_run(&run);
    }
}

/* ---- Signals and threads ---- */

struct events {
    uint32_t arch;
    uint64_t handler;
    int signals, threads, processes;
};

static int on_signal(lt_session *session, const struct lt_signal *e, void *user)
{
    struct events *w = user;

    w->signals++;
    if (e->op == LT_SIGNAL_DELIVER) {
        assert_true(e->handler == w->handler);
        assert_true(reg(session, pc_reg(w->arch)) == w->handler);
        assert_int_equal(reg(session, arg_reg(w->arch)), 10);
        assert_int_equal(lt_reg_write(session, arg_reg(w->arch), 77), 0);
    } else {
        assert_true(reg(session, pc_reg(w->arch)) == e->pc);
    }
    return 0;
}

static int on_handler(lt_session *session, const struct lt_syscall *call, void *user)
{
    (void)session;
    if (call->nr == TELL && call->phase == LT_PHASE_ENTER)
        ((struct events *)user)->handler = call->args[0];
    return 0;
}

static int on_thread(lt_session *session, const struct lt_thread *e, void *user)
{
    struct events *w = user;
    uint64_t word, sp;

    w->threads++;
    if (e->op == LT_THREAD_START) {
        sp = reg(session, sp_reg(w->arch));
        assert_int_equal(lt_mem_read(session, sp, &word, 8), 8);
    } else {
        assert_int_equal(lt_reg_write(session, 0, 0), LT_ERR_STATE);
    }
    return 0;
}

static int on_process(lt_session *session, const struct lt_process *e, void *user)
{
    struct events *w = user;

    assert_int_equal(e->op, LT_PROCESS_START);
    assert_true(reg(session, pc_reg(w->arch)) != 0);
    w->processes++;
    return 0;
}

static void test_events(void **state)
{
    (void)state;
#ifdef LT_IN_PROCESS
    skip(); /* children are not traced */
#endif
    FOR_EACH_ARCH(arch)
    {
        struct events w = {.arch = arch};
        struct lt_filter f = sync_filter();
        struct run run;

        open_run(&run, arch, "control-sync", "signals", NULL, 0);
        assert_int_equal(lt_on_signal(run.session, &f, on_signal, &w), 0);
        assert_int_equal(lt_on_syscall(run.session, &f, on_handler, &w), 0);
        do_run(&run);
        assert_string_equal(run.output, "caught 77\n");
        assert_int_equal(w.signals, 2);
        close_run(&run);

        open_run(&run, arch, "control-sync", "calls", NULL, 0);
        assert_int_equal(lt_on_thread(run.session, &f, on_thread, &w), 0);
        assert_int_equal(lt_on_process(run.session, &f, on_process, &w), 0);
        do_run(&run);
        assert_int_equal(w.threads, 2);
        assert_int_equal(w.processes, 2);
        close_run(&run);
    }
}

/* ---- Wrong use ---- */

struct wrong {
    uint32_t arch;
    int done;
};

static void *elsewhere(void *session)
{
    assert_int_equal(lt_reg_write(session, 0, 0), LT_ERR_STATE);
    assert_int_equal(lt_mem_write(session, 0, "", 1), LT_ERR_STATE);
    assert_int_equal(lt_break_add(session, 0, NULL, NULL), LT_ERR_STATE);
    return NULL;
}

static int misuse(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct wrong *w = user;
    uint64_t sp = reg(session, sp_reg(w->arch));
    uint64_t end = sp;
    char bytes[32];
    pthread_t thread;
    int n;

    if (w->done++)
        return LT_STOP;
    assert_int_equal(lt_reg_write(session, 1000, 0), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_write(NULL, 0, 0), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_write_bytes(session, 0, NULL, 8), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_write_bytes(session, 0, bytes, 4), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_write_bytes(session, 0, bytes, 0), LT_ERR_ARGUMENT);
    assert_int_equal(lt_mem_write(session, sp, NULL, 1), LT_ERR_ARGUMENT);
    assert_int_equal(lt_mem_write(session, sp, bytes, UINT64_MAX), LT_ERR_ARGUMENT);
    assert_int_equal(lt_mem_write(session, sp, bytes, 0), 0);
    assert_int_equal(lt_mem_read(session, 16, bytes, 8), 0);
    assert_int_equal(lt_mem_write(session, 16, bytes, 8), 0);
    assert_int_equal(lt_mem_read(session, UINT64_MAX - 3, bytes, 8), 0);
    assert_int_equal(lt_mem_write(session, UINT64_MAX - 3, bytes, 8), 0);
    assert_int_equal(lt_syscall_return(session, 0), LT_ERR_STATE);
    assert_int_equal(lt_syscall_return(session, -512), LT_ERR_ARGUMENT);
    assert_int_equal(lt_point_remove(session, 12345), LT_ERR_NOT_FOUND);
    assert_int_equal(lt_watch_add(session, 0, 0, LT_ACCESS_READ, NULL, NULL),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lt_watch_add(session, 8, UINT64_MAX, LT_ACCESS_READ, NULL, NULL),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lt_watch_add(session, 8, 8, 4, NULL, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_run(session), LT_ERR_STATE);
    if (w->arch == LT_ARCH_X86_64) {
        assert_int_equal(lt_reg_write(session, LT_X86_64_XMM0, 0), LT_ERR_ARGUMENT);
        assert_int_equal(lt_reg_write(session, LT_X86_64_ES, 0), LT_ERR_UNSUPPORTED);
    }
    /* Up to where memory ends. */
    while ((n = lt_mem_read(session, end, bytes, 1)) == 1)
        end += 4096 - end % 4096;
    assert_int_equal(lt_mem_read(session, end - 5, bytes, 32), 5);
    assert_int_equal(lt_mem_write(session, end - 5, bytes, 32), 5);
    /* Code may be written to, and what it was is put back. */
    assert_int_equal(lt_mem_write(session, insn->pc, "\xcc\xcc\xcc\xcc", insn->length),
                     insn->length);
    assert_int_equal(lt_mem_read(session, insn->pc, bytes, 1), 1);
    assert_int_equal((unsigned char)bytes[0], 0xcc);
    assert_int_equal(lt_mem_write(session, insn->pc, insn->bytes, insn->length),
                     insn->length);
    assert_int_equal(pthread_create(&thread, NULL, elsewhere, session), 0);
    pthread_join(thread, NULL);
    return 0;
}

static int too_late(lt_session *session, const struct lt_insn *insn, void *user)
{
    (void)insn;
    (void)user;
    assert_int_equal(lt_reg_write(session, 0, 0), LT_ERR_STATE);
    assert_int_equal(lt_mem_write(session, 0, "", 1), LT_ERR_STATE);
    assert_int_equal(lt_break_add(session, 0, too_late, NULL), LT_ERR_STATE);
    assert_int_equal(lt_point_remove(session, 1), LT_ERR_STATE);
    return LT_STOP;
}

static int no_event(lt_session *session, const struct lt_reg_write *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static int no_exit(lt_session *session, const struct lt_exit *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static void test_wrong(void **state)
{
    (void)state;
    assert_int_equal(lt_break_add(NULL, 0, NULL, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_watch_add(NULL, 0, 1, 1, NULL, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_point_remove(NULL, 1), LT_ERR_ARGUMENT);
    assert_int_equal(lt_syscall_return(NULL, 1), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_pause(NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_resume(NULL), LT_ERR_ARGUMENT);
    FOR_EACH_ARCH(arch)
    {
        struct wrong w = {.arch = arch};
        struct lt_filter f = sync_filter();
        struct run run;

        open_run(&run, arch, "control-sync", "none", NULL, 0);
        assert_int_equal(lt_reg_write(run.session, 0, 0), LT_ERR_STATE);
        assert_int_equal(lt_mem_write(run.session, 0, "", 1), LT_ERR_STATE);
        assert_int_equal(lt_syscall_return(run.session, 0), LT_ERR_STATE);
        assert_int_equal(lt_on_reg_write(run.session, &f, no_event, NULL),
                         LT_ERR_UNSUPPORTED);
        assert_int_equal(lt_on_exit(run.session, &f, no_exit, NULL), LT_ERR_UNSUPPORTED);
        assert_int_equal(lt_session_select(run.session, LT_KIND(LT_EVENT_MAP), &f),
                         LT_ERR_UNSUPPORTED);
        assert_int_equal(lt_on_insn(run.session, &f, misuse, &w), 0);
        do_run(&run);
        assert_int_equal(w.done, 2);
        assert_int_equal(lt_break_add(run.session, 0, misuse, &w), LT_ERR_STATE);
        close_run(&run);

        open_run(&run, arch, "control-sync", "none", NULL, 0);
        assert_int_equal(lt_on_insn(run.session, NULL, too_late, NULL), 0);
        do_run(&run);
        close_run(&run);

#ifndef LT_IN_PROCESS /* where they cannot run in parallel */
        {
            struct lt_config config;
            lt_session *parallel;

            lt_config_init(&config, sizeof config);
            config.program = guest_path(arch, "control-sync");
            config.threads = LT_THREADS_PARALLEL;
            assert_int_equal(lt_session_create(&config, &parallel), 0);
            assert_int_equal(lt_on_insn(parallel, &f, misuse, &w), LT_ERR_UNSUPPORTED);
            assert_int_equal(lt_break_add(parallel, 0, misuse, &w), LT_ERR_UNSUPPORTED);
            lt_session_destroy(parallel);
        }
#endif
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_changes),
        cmocka_unit_test(test_pull),      cmocka_unit_test(test_many),
        cmocka_unit_test(test_module),    cmocka_unit_test(test_events),
        cmocka_unit_test(test_processes), cmocka_unit_test(test_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
