/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pause, resume and stop from another thread, whatever the guest does.  A paused guest
 * does nothing: its counter, read through /proc or through the events, stands still.
 * The times that are printed are in milliseconds; they are bounded generously.
 */
#define _GNU_SOURCE
#include "sync-common.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

#define BOUND_MS 1000.0

static const char *const states[] = {
    "spin", "read",  "pause", "calls", "threads",
#ifndef LT_IN_PROCESS /* where forked children go on untraced */
    "tree", "forks",
#endif
};
#define STATES (sizeof states / sizeof *states)

struct shared {
    struct run run;
    atomic_int begun;      /* the guest has told where its counters are */
    atomic_ullong last_at; /* when the last event came, in microseconds */
    atomic_ullong events;
    int waits; /* 1: the callback holds the guest in its first event for long */
    double worst_pause, worst_stop;
};

static int on_call(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct shared *s = user;

    (void)session;
    atomic_fetch_add(&s->events, 1);
    if (call->nr == TELL && call->phase == LT_PHASE_ENTER) {
        atomic_store(&s->begun, 1);
        for (int i = 0; s->waits && i < 100 && atomic_load(&s->begun) == 1; i++)
            nap_ms(2);
    }
    return 0;
}

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct shared *s = user;

    (void)session;
    (void)insn;
    atomic_fetch_add_explicit(&s->events, 1, memory_order_relaxed);
    return 0;
}

static void *runner(void *user)
{
    struct shared *s = user;

    lt_session_run(s->run.session);
    return NULL;
}

struct process {
    int pid, parent;
    unsigned long long ticks;
};

/* What /proc tells of a process; 0 if it is no more. */
static int read_process(const char *pid, struct process *p)
{
    char path[300], text[1024], *rest;
    unsigned long user = 0, sys = 0;
    FILE *file;
    int ok;

    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    p->pid = atoi(pid);
    ok = fgets(text, sizeof text, file) != NULL && (rest = strrchr(text, ')')) != NULL &&
         sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &p->parent,
                &user, &sys) == 3;
    fclose(file);
    p->ticks = user + sys;
    return ok;
}

/* Processor time in ticks that all processes below this one have used, and in the
 * in-process mode this one. */
static unsigned long long guest_ticks(void)
{
    static struct process list[16384];
    unsigned long long sum = 0;
    size_t count = 0;
    struct dirent *entry;
    DIR *dir = opendir("/proc");

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL && count < sizeof list / sizeof *list)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            count += (size_t)read_process(entry->d_name, &list[count]);
    closedir(dir);
    for (size_t i = 0; i < count; i++) {
        int pid = list[i].pid;

        for (size_t k = 0, steps = 0; k < count && pid != getpid() && steps < 100; k++) {
            if (list[k].pid == pid) {
                pid = list[k].parent;
                k = 0;
                steps++;
            }
        }
#ifndef LT_IN_PROCESS
        if (list[i].pid == getpid())
            continue;
#endif
        if (pid == getpid())
            sum += list[i].ticks;
    }
    return sum;
}

static void begin(struct shared *s, uint32_t arch, const char *state, uint32_t threads,
                  int traced, pthread_t *thread)
{
    const char *argv[] = {"control-sync", "be", state, NULL};
    struct lt_config config;
    struct lt_filter none;

    memset(s, 0, sizeof *s);
    s->run.file = tmpfile();
    lt_config_init(&config, sizeof config);
    config.program = guest_path(arch, "control-sync");
    config.argv = argv;
    config.threads = threads;
    config.stdio[0] = LT_STDIO_NULL;
    config.stdio[1] = LT_STDIO_FD;
    config.stdio_fd[1] = fileno(s->run.file);
    assert_int_equal(lt_session_create(&config, &s->run.session), 0);
    lt_filter_init(&none, sizeof none);
    if (!traced)
        none.pc_start = UINT64_C(0x7fffffff0000); /* no code */
    assert_int_equal(lt_on_syscall(s->run.session, NULL, on_call, s), 0);
    assert_int_equal(lt_on_insn(s->run.session, &none, on_insn, s), 0);
    assert_int_equal(pthread_create(thread, NULL, runner, s), 0);
    while (!atomic_load(&s->begun))
        nap_ms(1);
    nap_ms(30);
}

static void end(struct shared *s, pthread_t thread)
{
    double from = now_ms();

    assert_int_equal(lt_session_stop(s->run.session), 0);
    pthread_join(thread, NULL);
    s->worst_stop = now_ms() - from;
    assert_true(s->worst_stop < BOUND_MS);
    take_run(&s->run);
    assert_int_equal(s->run.result.kind, LT_RESULT_STOPPED);
    close_run(&s->run);
}

static void pause_in(uint32_t arch, const char *state, uint32_t threads, int traced)
{
    struct shared s;
    pthread_t thread;

    begin(&s, arch, state, threads, traced, &thread);
    for (int i = 0; i < 2; i++) {
        unsigned long long ticks, events;
        double from = now_ms(), took;

        assert_int_equal(lt_session_pause(s.run.session), 0);
        took = now_ms() - from;
        if (took > s.worst_pause)
            s.worst_pause = took;
        assert_true(took < BOUND_MS);
        /* What it did before comes yet; then nothing does. */
        do {
            events = atomic_load(&s.events);
            nap_ms(150);
        } while (events != atomic_load(&s.events));
        ticks = guest_ticks();
        nap_ms(200);
        /* Threads that wait for their turn look now and then. */
        assert_in_range(guest_ticks(), ticks, ticks + 2);
        assert_true(events == atomic_load(&s.events));
        if (i == 1)
            break; /* it is stopped while it is paused */
        assert_int_equal(lt_session_resume(s.run.session), 0);
        assert_int_equal(lt_session_resume(s.run.session), 0);
        nap_ms(40);
        if (traced && strcmp(state, "read") != 0 && strcmp(state, "pause") != 0)
            for (int k = 0; events == atomic_load(&s.events); k++) {
                assert_true(k < 1000);
                nap_ms(5);
            }
    }
    end(&s, thread);
    printf("%-8s %-8s %-8s %s: pause %.2f ms, stop %.2f ms\n", lt_arch_name(arch), state,
           traced ? "traced" : "untraced", threads ? "parallel" : "serial", s.worst_pause,
           s.worst_stop);
}

static void test_states(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (size_t i = 0; i < STATES; i++)
            for (int traced = 0; traced < 2; traced++)
                pause_in(arch, states[i], LT_THREADS_SERIAL, traced);
#ifndef LT_IN_PROCESS
        pause_in(arch, "threads", LT_THREADS_PARALLEL, 0);
        pause_in(arch, "threads", LT_THREADS_PARALLEL, 1);
#endif
    }
}

/* Before the run: it starts paused. */
static void test_before(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct shared s;
        pthread_t thread;

        memset(&s, 0, sizeof s);
        open_run(&s.run, arch, "control-sync", "work", NULL, 0);
        assert_int_equal(lt_on_insn(s.run.session, NULL, on_insn, &s), 0);
        assert_int_equal(lt_session_pause(s.run.session), 0);
        assert_int_equal(lt_session_pause(s.run.session), 0);
        assert_int_equal(pthread_create(&thread, NULL, runner, &s), 0);
        nap_ms(200);
        assert_int_equal(atomic_load(&s.events), 0);
        assert_int_equal(lt_session_resume(s.run.session), 0);
        pthread_join(thread, NULL);
        take_run(&s.run);
        assert_int_equal(s.run.result.kind, LT_RESULT_EXIT);
        assert_true(atomic_load(&s.events) > 1000);
        assert_int_equal(lt_session_pause(s.run.session), 0);
        assert_int_equal(lt_session_resume(s.run.session), 0);
        close_run(&s.run);
    }
}

/* From a callback of its own, behind which the guest is far ahead. */
static int pauses(lt_session *session, const struct lt_insn *insn, void *user)
{
    int *count = user;

    (void)insn;
    if (++*count == 1000) {
        nap_ms(100); /* until the rings are full */
        assert_int_equal(lt_session_pause(session), 0);
        assert_int_equal(lt_session_pause(session), 0);
        assert_int_equal(lt_session_resume(session), 0);
    }
    return 0;
}

static void test_callback(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct run run;
        int count = 0;

        open_run(&run, arch, "loop-1000000", NULL, NULL, 0);
        assert_int_equal(lt_on_insn(run.session, NULL, pauses, &count), 0);
        do_run(&run);
        assert_true(count > 1000000);
        close_run(&run);
    }
}

/* Stopped while the guest waits for a callback. */
static int stops(lt_session *session, const struct lt_insn *insn, void *user)
{
    uint64_t value;
    char byte;
    double from = now_ms();

    (void)user;
    assert_int_equal(lt_session_stop(session), 0);
#ifdef LT_IN_PROCESS
    /* It is there as long as it waits. */
    (void)from;
    assert_int_equal(lt_mem_read(session, insn->pc, &byte, 1), 1);
#else
    /* It is gone soon, and says so. */
    while (lt_mem_read(session, insn->pc, &byte, 1) == 1)
        assert_true(now_ms() - from < BOUND_MS);
    assert_int_equal(lt_mem_read(session, insn->pc, &byte, 1), LT_ERR_STATE);
    assert_int_equal(lt_reg_write(session, 0, 0), LT_ERR_STATE);
#endif
    assert_int_equal(lt_reg_read(session, 0, &value), 0);
    return 0;
}

static void test_stop_in_wait(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct lt_filter f = sync_filter();
        double from = now_ms();
        struct run run;

        open_run(&run, arch, "loop-1000000", NULL, NULL, 0);
        assert_int_equal(lt_on_insn(run.session, &f, stops, NULL), 0);
        do_run(&run);
        assert_int_equal(run.result.kind, LT_RESULT_STOPPED);
        assert_true(now_ms() - from < 3 * BOUND_MS);
        close_run(&run);

        /* And left there. */
        const struct lt_event *e;
        open_run(&run, arch, "loop-1000000", NULL, NULL, 0);
        assert_int_equal(lt_session_select(run.session, LT_KIND(LT_EVENT_INSN), &f), 0);
        assert_int_equal(lt_session_next(run.session, &e), 1);
        assert_int_equal(lt_session_next(run.session, &e), 1);
        from = now_ms();
        close_run(&run);
        assert_true(now_ms() - from < BOUND_MS);
    }
}

/* ---- Events in time ---- */

static struct {
    uint64_t pcs[1 << 16];
    unsigned count, at_tell;
} way;

static int notes_tell(lt_session *session, const struct lt_syscall *call, void *user)
{
    (void)session;
    (void)user;
    if (call->nr == TELL && call->phase == LT_PHASE_RETURN)
        way.at_tell = way.count;
    return 0;
}

/* Keeps all pcs, until the guest has long been in its loop. */
static int notes_way(lt_session *session, const struct lt_insn *insn, void *user)
{
    (void)session;
    (void)user;
    if (way.at_tell == 0)
        way.count = way.count % 1000; /* those are not looked at */
    way.pcs[way.count++] = insn->pc;
    return way.at_tell != 0 && way.count > way.at_tell + 20000 ? LT_STOP : 0;
}

static int notes_pc(lt_session *session, const struct lt_insn *insn, void *user)
{
    (void)session;
    atomic_store((atomic_ullong *)user, insn->pc);
    return 0;
}

/* What comes before a loop that is not traced is told, though the guest makes no more
 * system calls and the ring has room. */
static void test_late(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        uint64_t low = UINT64_MAX, high = 0, last = 0;
        struct lt_filter below, above;
        atomic_ullong pc = 0;
        struct shared s;
        pthread_t thread;

        memset(&way, 0, sizeof way);
        memset(&s, 0, sizeof s);
        open_run(&s.run, arch, "control-sync", "be", "spin", 0);
        assert_int_equal(lt_on_syscall(s.run.session, NULL, notes_tell, NULL), 0);
        assert_int_equal(lt_on_insn(s.run.session, NULL, notes_way, NULL), 0);
        assert_int_equal(lt_session_run(s.run.session), 0);
        for (unsigned i = way.count - 1000; i < way.count; i++) {
            low = way.pcs[i] < low ? way.pcs[i] : low;
            high = way.pcs[i] > high ? way.pcs[i] : high;
        }
        for (unsigned i = way.at_tell; i < way.count; i++)
            if (way.pcs[i] < low || way.pcs[i] > high)
                last = way.pcs[i];
        assert_true(high - low < 100 && last != 0);
        close_run(&s.run);

        lt_filter_init(&below, sizeof below);
        below.pc_start = 1;
        below.pc_end = low;
        above = below;
        above.pc_start = high + 4;
        above.pc_end = UINT64_MAX;
        memset(&s, 0, sizeof s);
        open_run(&s.run, arch, "control-sync", "be", "spin", 0);
        assert_int_equal(lt_on_insn(s.run.session, &below, notes_pc, &pc), 0);
        assert_int_equal(lt_on_insn(s.run.session, &above, notes_pc, &pc), 0);
        assert_int_equal(pthread_create(&thread, NULL, runner, &s), 0);
        for (double from = now_ms(); atomic_load(&pc) != last;) {
            assert_true(now_ms() - from < 10 * BOUND_MS);
            nap_ms(5);
        }
        nap_ms(200);
        assert_true(atomic_load(&pc) == last);
        assert_int_equal(lt_session_stop(s.run.session), 0);
        pthread_join(thread, NULL);
        close_run(&s.run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),   cmocka_unit_test(test_before),
        cmocka_unit_test(test_callback), cmocka_unit_test(test_stop_in_wait),
        cmocka_unit_test(test_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
