/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals as the public API tells them, held against what the guest's own handlers
 * saw (see tests/guests/control/signals.c) and against the same program without us.
 * LT_GUESTS names the directory of the guests.
 */
#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LABELS 16

static const uint32_t arches[] = {LT_ARCH_X86_64, LT_ARCH_AARCH64};

#define FOR_EACH_ARCH(arch)                                                              \
    for (size_t arch_i = 0; arch_i < 2; arch_i++)                                        \
        for (uint32_t arch = arches[arch_i],                                             \
                      once = control_guest(arch, "signals") != NULL;                     \
             once; once = 0)

/* What the guest's handlers saw. */
struct view {
    int number, code, tid;
    unsigned long addr, pc, info, context, sp, handler;
};

/* The next of the guest's lines about signals; 0 if there is none. */
static int next_view(const char **text, struct view *v)
{
    while ((*text = strstr(*text, "# signal ")) != NULL) {
        int n = sscanf(*text,
                       "# signal %d code %d addr %lx pc %lx info %lx context %lx sp %lx "
                       "tid %d handler %lx",
                       &v->number, &v->code, &v->addr, &v->pc, &v->info, &v->context,
                       &v->sp, &v->tid, &v->handler);

        ++*text;
        if (n == 9)
            return 1;
    }
    return 0;
}

/* The registers with which the kernel enters a handler. */
static void check_entry(const struct guest_run *run, const struct entry *e,
                        const struct view *v)
{
    const uint64_t *r = e->next_regs;

    assert_true(e->next);
    assert_int_equal(e->next_pc, e->handler);
    if (run->arch == LT_ARCH_X86_64) {
        assert_int_equal(r[LT_X86_64_RDI], v->number);
        assert_int_equal(r[LT_X86_64_RSI], v->info);
        assert_int_equal(r[LT_X86_64_RDX], v->context);
        assert_int_equal(r[LT_X86_64_RAX], 0);
        /* As behind a call. */
        assert_int_equal((r[LT_X86_64_RSP] + 8) % 16, 0);
        assert_true(r[LT_X86_64_RSP] < v->context);
        assert_int_equal(r[LT_X86_64_RFLAGS] & 0x400, 0);
    } else {
        assert_int_equal(r[LT_AARCH64_X0], v->number);
        assert_int_equal(r[LT_AARCH64_X0 + 1], v->info);
        assert_int_equal(r[LT_AARCH64_X0 + 2], v->context);
        assert_int_equal(r[LT_AARCH64_SP] % 16, 0);
        assert_true(r[LT_AARCH64_SP] <= v->info);
    }
}

/* Each delivery is as the guest saw it, and there are no others. */
static size_t check_deliveries(const struct guest_run *run)
{
    const char *text = run->output;
    struct view v;
    size_t n = 0;

    while (next_view(&text, &v)) {
        const struct entry *e = nth(run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, n++);

        assert_non_null(e);
        assert_int_equal(e->number, v.number);
        assert_int_equal(e->code, v.code);
        assert_int_equal(e->addr, v.addr);
        assert_int_equal(e->pc, v.pc);
        assert_int_equal(e->handler, v.handler);
        assert_int_equal(e->tid, v.tid);
        check_entry(run, e, &v);
    }
    assert_null(nth(run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, n));
    return n;
}

/* Each return goes back to where the delivery that it ends interrupted. */
static void check_returns(const struct guest_run *run)
{
    const struct entry *open[64];
    size_t depth = 0, i;

    for (i = 0; i < run->count; i++) {
        const struct entry *e = &run->entries[i];

        if (e->type != LT_EVENT_SIGNAL)
            continue;
        if (e->op == LT_SIGNAL_DELIVER) {
            assert_true(depth < 64);
            open[depth++] = e;
            continue;
        }
        assert_true(depth > 0);
        depth--;
        assert_int_equal(e->number, 0);
        assert_int_equal(e->handler, 0);
        assert_int_equal(e->addr, 0);
        assert_int_equal(e->tid, open[depth]->tid);
        assert_int_equal(e->pc, open[depth]->pc);
        /* Unless another signal comes at once. */
        if (e->next)
            assert_int_equal(e->next_pc, e->pc);
    }
    assert_int_equal(depth, 0);
}

static struct guest_run start(uint32_t arch, const char *what)
{
    struct guest_run run = {.argv = {control_guest(arch, "signals"), what},
                            .arch = arch,
                            .insns = 1,
                            .calls = 1};

    return run;
}

/* A run that is as without us, with so many deliveries and returns. */
static struct guest_run run_one(uint32_t arch, const char *what, size_t deliveries,
                                size_t returns)
{
    struct guest_run run = start(arch, what);

    run_guest(&run);
    same_as_plain(&run);
    assert_int_equal(check_deliveries(&run), deliveries);
    assert_int_equal(count_of(&run, LT_EVENT_SIGNAL, LT_SIGNAL_RETURN), returns);
    if (deliveries == returns)
        check_returns(&run);
    return run;
}

/* ---- Faults ---- */

struct label {
    char name[16];
    unsigned long before, at;
};

struct executed {
    uint64_t pcs[64];
    uint64_t times[64];
    size_t count;
};

/* How often the instructions near the labels were executed: they are all close
 * together, and nothing else is there. */
static int count_pc(lt_session *session, const struct lt_insn *e, void *user)
{
    struct executed *x = user;
    size_t i;

    (void)session;
    /* nop, or one that faults if it is executed after all */
    if (!(e->length == 1 && e->bytes[0] == 0x90) &&
        !(e->length == 4 && memcmp(e->bytes, "\x1f\x20\x03\xd5", 4) == 0))
        return 0;
    for (i = 0; i < x->count && x->pcs[i] != e->pc; i++)
        continue;
    if (i == x->count && x->count < 64)
        x->pcs[x->count++] = e->pc;
    if (i < 64)
        x->times[i]++;
    return 0;
}

static uint64_t times(const struct executed *x, uint64_t pc)
{
    size_t i;

    for (i = 0; i < x->count; i++)
        if (x->pcs[i] == pc)
            return x->times[i];
    return 0;
}

static void test_faults(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        static struct executed x;
        struct guest_run run = start(arch, "faults");
        size_t count = arch == LT_ARCH_X86_64 ? 7 : 6, i, labels = 0;
        struct label label[MAX_LABELS];
        const char *text;
        const struct entry *e;

        memset(&x, 0, sizeof x);
        run.on_insn = count_pc;
        run.user = &x;
        run_guest(&run);
        if (arch == LT_ARCH_X86_64)
            same_as_plain(&run);
        assert_int_equal(check_deliveries(&run), count);
        /* siglongjmp() leaves handlers without a return. */
        assert_int_equal(count_of(&run, LT_EVENT_SIGNAL, LT_SIGNAL_RETURN), 0);
        for (text = run.output; (text = strstr(text, "# label ")) != NULL; text++) {
            struct label *l = &label[labels++];

            assert_int_equal(sscanf(text, "# label %15s before %lx at %lx", l->name,
                                    &l->before, &l->at),
                             3);
        }
        assert_int_equal(labels, count - 2);
        for (i = 0; (e = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, i)) != NULL; i++) {
            size_t k;
            int trap = e->number == SIGTRAP && arch == LT_ARCH_X86_64;

            for (k = 0; k < labels; k++)
                if (e->pc == label[k].at + (trap ? 1 : 0))
                    break;
            if (k == labels)
                fail_msg("signal %u at %#lx is at no label", e->number,
                         (unsigned long)e->pc);
            /* What is before the fault was executed, once for each, and the
             * instruction that faults was not; int3 is a trap behind it. */
            if (!trap)
                assert_int_equal(e->last_pc, label[k].before);
            assert_int_equal(times(&x, label[k].before),
                             strcmp(label[k].name, "segv") == 0 ? 3 : 1);
        }
        free_run(&run);
    }
}

/* Numbers, codes and addresses are those of the kernel. */
static void test_faults_of_the_kernel(void **state)
{
    struct guest_run run = start(LT_ARCH_X86_64, "faults");
    const struct entry *e;
    size_t i = 0;
    static const struct {
        int number, code;
    } want[] = {{SIGSEGV, SEGV_MAPERR}, {SIGSEGV, SEGV_ACCERR}, {SIGSEGV, SEGV_ACCERR},
                {SIGBUS, BUS_ADRERR},   {SIGILL, ILL_ILLOPN},   {SIGTRAP, SI_KERNEL},
                {SIGFPE, FPE_INTDIV}};

    (void)state;
    if (run.argv[0] == NULL)
        return;
    run_guest(&run);
    for (i = 0; (e = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, i)) != NULL; i++) {
        assert_true(i < sizeof want / sizeof want[0]);
        assert_int_equal(e->number, want[i].number);
        assert_int_equal(e->code, want[i].code);
    }
    assert_int_equal(nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 0)->addr, 16);
    assert_int_equal(nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 1)->addr % 4096, 77);
    assert_int_equal(nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 2)->addr % 4096, 4095);
    assert_int_equal(nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 3)->addr % 4096, 123);
    free_run(&run);
}

/* ---- Others ---- */

static void test_alternate_stack(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct guest_run run = run_one(arch, "alternate", 2, 2);
        const char *text = strstr(run.output, "# alternate ");
        uint32_t reg = arch == LT_ARCH_X86_64 ? LT_X86_64_RSP : LT_AARCH64_SP;
        unsigned long low, high;
        uint64_t sp;

        assert_non_null(text);
        assert_int_equal(sscanf(text, "# alternate %lx %lx", &low, &high), 2);
        sp = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 0)->next_regs[reg];
        assert_false(sp >= low && sp < high);
        sp = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 1)->next_regs[reg];
        assert_true(sp >= low && sp < high);
        free_run(&run);
    }
}

/* What comes as it is without a trace: deliveries, returns. */
static void test_plain(void **state)
{
    static const struct {
        const char *what;
        size_t deliveries, returns;
    } cases[] = {{"nested", 4, 4},     {"ignored", 0, 0},  {"blocked", 4, 4},
                 {"reset-hand", 1, 1}, {"alarms", 8, 8},   {"directed", 1, 1},
                 {"suspended", 1, 1},  {"waited", 0, 0},   {"eintr", 1, 1},
                 {"restart", 1, 1},    {"overflow", 0, 0}, {"overflow-alternate", 1, 0}};

    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct guest_run run = start(arch, cases[i].what);
            size_t deliveries;

            run_guest(&run);
            same_as_plain(&run);
            if (strcmp(cases[i].what, "alarms") == 0)
                deliveries = count_of(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER);
            else
                deliveries = cases[i].deliveries;
            if (check_deliveries(&run) != deliveries ||
                count_of(&run, LT_EVENT_SIGNAL, LT_SIGNAL_RETURN) < cases[i].returns)
                fail_msg("%s: %zu deliveries, %zu returns", cases[i].what,
                         count_of(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER),
                         count_of(&run, LT_EVENT_SIGNAL, LT_SIGNAL_RETURN));
            assert_true(deliveries >= cases[i].deliveries);
            if (cases[i].deliveries == cases[i].returns)
                check_returns(&run);
            free_run(&run);
        }
    }
}

/* The n-th entry or return of a system call of that name on which the alarm falls. */
static const struct entry *call(const struct guest_run *run, const char *name,
                                uint32_t phase, const struct entry *behind)
{
    size_t i;

    for (i = 0; i < run->count; i++) {
        const struct entry *e = &run->entries[i];

        if (e->type == LT_EVENT_SYSCALL && e->op == phase &&
            (behind == NULL || e->seq > behind->seq) && strcmp(e->text, name) == 0)
            return e;
    }
    return NULL;
}

/* A call that a signal interrupts returns EINTR before the handler runs; one that is
 * made again is entered again behind it. */
static void test_interrupted(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct guest_run run = run_one(arch, "eintr", 1, 1);
        const struct entry *signal = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 0);
        const struct entry *back = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_RETURN, 0);
        const struct entry *entered = call(&run, "read", LT_PHASE_ENTER, NULL);
        const struct entry *returned = call(&run, "read", LT_PHASE_RETURN, NULL);

        assert_true(entered->seq < signal->seq);
        assert_true(returned->seq < signal->seq);
        assert_int_equal(returned->error, EINTR);
        assert_int_equal(signal->pc, entered->pc + (arch == LT_ARCH_X86_64 ? 2 : 4));
        free_run(&run);

        run = run_one(arch, "restart", 1, 1);
        signal = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 0);
        back = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_RETURN, 0);
        entered = call(&run, "read", LT_PHASE_ENTER, NULL);
        assert_true(entered->seq < signal->seq);
        assert_int_equal(signal->pc, entered->pc);
        entered = call(&run, "read", LT_PHASE_ENTER, back);
        assert_non_null(entered);
        assert_int_equal(entered->pc, back->pc);
        assert_int_equal(call(&run, "read", LT_PHASE_RETURN, entered)->result, 1);
        free_run(&run);
    }
}

/* The frame does not fit on the stack: no handler runs. */
static void test_overflow(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct guest_run run = run_one(arch, "overflow", 0, 0);

        assert_int_equal(run.result.kind, LT_RESULT_SIGNAL);
        assert_int_equal(run.result.signal, SIGSEGV);
        free_run(&run);
        run = run_one(arch, "overflow-alternate", 1, 0);
        assert_int_equal(run.result.status, 3);
        free_run(&run);
    }
}

/* The thread that a signal is sent to is the one whose event it is. */
static void test_directed(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct guest_run run = run_one(arch, "directed", 1, 1);
        const struct entry *e = nth(&run, LT_EVENT_SIGNAL, LT_SIGNAL_DELIVER, 0);
        const struct entry *thread = nth(&run, LT_EVENT_THREAD, LT_THREAD_START, 0);
        const char *text = strstr(run.output, "# target ");

        assert_non_null(text);
        assert_int_equal(e->tid, strtoul(text + strlen("# target "), NULL, 10));
        assert_int_equal(e->tid, thread->tid);
        assert_int_not_equal(e->tid, e->pid);
        free_run(&run);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_faults_of_the_kernel),
        cmocka_unit_test(test_alternate_stack),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_directed),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
