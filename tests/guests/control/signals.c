/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that gets signals as its first argument says.  What its handlers see is
 * kept and printed at the end, for who compares it with what a trace says:
 *
 *     # signal N code C addr A pc P info I context U sp S tid T handler H
 *
 * in the order of the handlers' beginnings; other lines are the same in each run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static struct seen {
    int number, code;
    uintptr_t addr, pc, info, context, sp, handler;
    int tid;
} seen[64];
static volatile int count;
static sigjmp_buf back;
static int ends[2]; /* of a pipe */

static int thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

static void note(int number, const siginfo_t *info, const void *context,
                 uintptr_t handler)
{
    const ucontext_t *u = context;
    struct seen *s = &seen[count];

    if (count >= 64)
        _exit(98);
    count++;
    s->number = number;
    s->code = info->si_code;
    s->addr = number == SIGSEGV || number == SIGBUS || number == SIGILL ||
                      number == SIGFPE || number == SIGTRAP
                  ? (uintptr_t)info->si_addr
                  : 0;
    if (info->si_code <= 0)
        s->addr = 0;
#ifdef __x86_64__
    s->pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
    s->sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
#else
    s->pc = u->uc_mcontext.pc;
    s->sp = u->uc_mcontext.sp;
#endif
    s->info = (uintptr_t)info;
    s->context = (uintptr_t)context;
    s->handler = handler;
    s->tid = thread_id();
}

static void print_seen(void)
{
    int i;

    for (i = 0; i < count; i++) {
        const struct seen *s = &seen[i];

        printf("# signal %d code %d addr %" PRIxPTR " pc %" PRIxPTR " info %" PRIxPTR
               " context %" PRIxPTR " sp %" PRIxPTR " tid %d handler %" PRIxPTR "\n",
               s->number, s->code, s->addr, s->pc, s->info, s->context, s->sp, s->tid,
               s->handler);
    }
}

static void on_note(int number, siginfo_t *info, void *context)
{
    note(number, info, context, (uintptr_t)on_note);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    note(number, info, context, (uintptr_t)on_fault);
    siglongjmp(back, 1);
}

static void on_nested(int number, siginfo_t *info, void *context)
{
    note(number, info, context, (uintptr_t)on_nested);
    raise(SIGUSR2);
}

static void on_feed(int number, siginfo_t *info, void *context)
{
    note(number, info, context, (uintptr_t)on_feed);
    if (write(ends[1], "x", 1) != 1)
        _exit(97);
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    if (sigaction(number, &action, NULL) != 0)
        exit(96);
}

static void set_mask(int how, int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(how, &set, NULL);
}

static void timer(int us, int interval)
{
    struct itimerval t = {{0, interval}, {0, us}};

    setitimer(ITIMER_REAL, &t, NULL);
}

/* ---- Faults: each at a label of its own, behind one that is reached ---- */

/* The C names of the labels. */
extern const char segv_before[], segv_at[], ill_before[], ill_at[], bus_before[],
    bus_at[], trap_before[], trap_at[];

__attribute__((noinline)) static void store_fault(char *p)
{
#ifdef __x86_64__
    __asm__ volatile(".globl segv_before, segv_at\n"
                     "segv_before: nop\nsegv_at: movb $1, (%0)\n" ::"r"(p)
                     : "memory");
#else
    __asm__ volatile(".globl segv_before, segv_at\n"
                     "segv_before: nop\nsegv_at: strb wzr, [%0]\n" ::"r"(p)
                     : "memory");
#endif
}

__attribute__((noinline)) static void bus_fault(char *p)
{
#ifdef __x86_64__
    __asm__ volatile(".globl bus_before, bus_at\n"
                     "bus_before: nop\nbus_at: movb $1, (%0)\n" ::"r"(p)
                     : "memory");
#else
    __asm__ volatile(".globl bus_before, bus_at\n"
                     "bus_before: nop\nbus_at: strb wzr, [%0]\n" ::"r"(p)
                     : "memory");
#endif
}

__attribute__((noinline)) static void illegal(void)
{
#ifdef __x86_64__
    __asm__ volatile(".globl ill_before, ill_at\n"
                     "ill_before: nop\nill_at: ud2\n");
#else
    __asm__ volatile(".globl ill_before, ill_at\n"
                     "ill_before: nop\nill_at: udf #0\n");
#endif
}

__attribute__((noinline)) static void breakpoint(void)
{
#ifdef __x86_64__
    __asm__ volatile(".globl trap_before, trap_at\n"
                     "trap_before: nop\ntrap_at: int3\n");
#else
    __asm__ volatile(".globl trap_before, trap_at\n"
                     "trap_before: nop\ntrap_at: brk #0\n");
#endif
}

#ifdef __x86_64__
extern const char fpe_before[], fpe_at[];

__attribute__((noinline)) static void divide(void)
{
    __asm__ volatile("xor %%edx, %%edx\nmov $5, %%eax\nxor %%ecx, %%ecx\n"
                     ".globl fpe_before, fpe_at\n"
                     "fpe_before: nop\nfpe_at: div %%ecx\n" ::
                         : "eax", "ecx", "edx", "cc");
}
#endif

static void labels(const char *name, const char *before, const char *at)
{
    printf("# label %s before %" PRIxPTR " at %" PRIxPTR "\n", name, (uintptr_t)before,
           (uintptr_t)at);
}

static char *page(int prot)
{
    return mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A page behind the end of its file. */
static char *behind_file(void)
{
    FILE *file = tmpfile();

    if (file == NULL)
        exit(95);
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
}

static int faults(void)
{
    char *read_only = page(PROT_READ), *nothing = page(PROT_NONE), *bus = behind_file();

    handle(SIGSEGV, on_fault, 0);
    handle(SIGBUS, on_fault, 0);
    handle(SIGILL, on_fault, 0);
    handle(SIGTRAP, on_fault, 0);
    handle(SIGFPE, on_fault, 0);
    if (sigsetjmp(back, 1) == 0)
        store_fault((char *)16);
    if (sigsetjmp(back, 1) == 0)
        store_fault(read_only + 77);
    if (sigsetjmp(back, 1) == 0)
        store_fault(nothing + 4095);
    if (sigsetjmp(back, 1) == 0)
        bus_fault(bus + 123);
    if (sigsetjmp(back, 1) == 0)
        illegal();
    if (sigsetjmp(back, 1) == 0)
        breakpoint();
#ifdef __x86_64__
    if (sigsetjmp(back, 1) == 0)
        divide();
    labels("fpe", fpe_before, fpe_at);
#endif
    labels("segv", segv_before, segv_at);
    labels("bus", bus_before, bus_at);
    labels("ill", ill_before, ill_at);
    labels("trap", trap_before, trap_at);
    printf("%d\n", count);
    return 0;
}

/* ---- Others ---- */

static int alternate(void)
{
    static char room[65536] __attribute__((aligned(16)));
    stack_t stack = {.ss_sp = room, .ss_size = sizeof room};

    handle(SIGUSR1, on_note, 0);
    raise(SIGUSR1);
    sigaltstack(&stack, NULL);
    handle(SIGUSR1, on_note, SA_ONSTACK);
    raise(SIGUSR1);
    printf("# alternate %" PRIxPTR " %" PRIxPTR "\n", (uintptr_t)room,
           (uintptr_t)(room + sizeof room));
    return 0;
}

static int nested(void)
{
    handle(SIGUSR1, on_nested, 0);
    handle(SIGUSR2, on_note, 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    return 0;
}

static int ignored(void)
{
    pid_t child;

    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    raise(SIGWINCH);
    raise(SIGURG);
    child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    return 0;
}

static int blocked(void)
{
    union sigval value = {.sival_int = 1};

    handle(SIGUSR1, on_note, 0);
    handle(SIGRTMIN, on_note, 0);
    set_mask(SIG_BLOCK, SIGUSR1);
    set_mask(SIG_BLOCK, SIGRTMIN);
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR1);
    printf("%d\n", count);
    set_mask(SIG_UNBLOCK, SIGUSR1);
    printf("%d\n", count);
    sigqueue(getpid(), SIGRTMIN, value);
    sigqueue(getpid(), SIGRTMIN, value);
    sigqueue(getpid(), SIGRTMIN, value);
    set_mask(SIG_UNBLOCK, SIGRTMIN);
    printf("%d\n", count);
    return 0;
}

static int reset_hand(void)
{
    handle(SIGUSR1, on_note, (int)SA_RESETHAND);
    raise(SIGUSR1);
    print_seen();
    fflush(stdout);
    raise(SIGUSR1);
    return 0;
}

static int alarms(void)
{
    volatile unsigned long spins = 0;

    handle(SIGALRM, on_note, SA_RESTART);
    timer(2000, 2000);
    while (count < 8)
        spins++;
    timer(0, 0);
    return 0;
}

/* A read that a signal interrupts, whose handler gives it what it waits for. */
static int interrupted(int flags)
{
    ssize_t n;
    char byte;
    int error;

    if (pipe(ends) != 0)
        return 1;
    handle(SIGALRM, on_feed, flags);
    timer(50000, 0);
    n = read(ends[0], &byte, 1);
    error = n < 0 ? errno : 0;
    printf("%d %d\n", (int)n, error);
    return 0;
}

static void *wait_for_signal(void *tid)
{
    *(volatile int *)tid = thread_id();
    while (count == 0)
        usleep(1000);
    return NULL;
}

static int directed(void)
{
    volatile int tid = 0;
    pthread_t thread;

    handle(SIGUSR1, on_note, 0);
    pthread_create(&thread, NULL, wait_for_signal, (void *)&tid);
    while (tid == 0)
        usleep(1000);
    printf("# target %d\n", tid);
    syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
    pthread_join(thread, NULL);
    return 0;
}

static int suspended(void)
{
    sigset_t none;

    handle(SIGALRM, on_note, 0);
    set_mask(SIG_BLOCK, SIGALRM);
    timer(20000, 0);
    sigemptyset(&none);
    printf("%d", sigsuspend(&none));
    printf(" %d\n", errno == EINTR);
    return 0;
}

static int waited(void)
{
    struct signalfd_siginfo info;
    sigset_t set;
    int number = 0, fd;

    handle(SIGUSR1, on_note, 0);
    handle(SIGUSR2, on_note, 0);
    set_mask(SIG_BLOCK, SIGUSR1);
    set_mask(SIG_BLOCK, SIGUSR2);
    raise(SIGUSR1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigwait(&set, &number);
    printf("%d\n", number == SIGUSR1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    fd = signalfd(-1, &set, 0);
    raise(SIGUSR2);
    printf("%d\n", read(fd, &info, sizeof info) == (ssize_t)sizeof info &&
                       info.ssi_signo == SIGUSR2);
    return 0;
}

static volatile uintptr_t deepest;

__attribute__((noinline)) static int recurse(int n)
{
    volatile char room[16384];

    room[0] = (char)n;
    deepest = (uintptr_t)room;
    return n > 0 ? recurse(n + 1) + room[0] : 0;
}

static void on_overflow(int number, siginfo_t *info, void *context)
{
    note(number, info, context, (uintptr_t)on_overflow);
    print_seen();
    fflush(stdout);
    _exit(3);
}

static int overflow(int on_stack)
{
    static char room[65536] __attribute__((aligned(16)));
    stack_t stack = {.ss_sp = room, .ss_size = sizeof room};

    if (on_stack)
        sigaltstack(&stack, NULL);
    handle(SIGSEGV, on_overflow, on_stack ? SA_ONSTACK : 0);
    return recurse(1);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int status;

    if (strcmp(what, "faults") == 0)
        status = faults();
    else if (strcmp(what, "alternate") == 0)
        status = alternate();
    else if (strcmp(what, "nested") == 0)
        status = nested();
    else if (strcmp(what, "ignored") == 0)
        status = ignored();
    else if (strcmp(what, "blocked") == 0)
        status = blocked();
    else if (strcmp(what, "reset-hand") == 0)
        status = reset_hand();
    else if (strcmp(what, "alarms") == 0)
        status = alarms();
    else if (strcmp(what, "eintr") == 0)
        status = interrupted(0);
    else if (strcmp(what, "restart") == 0)
        status = interrupted(SA_RESTART);
    else if (strcmp(what, "directed") == 0)
        status = directed();
    else if (strcmp(what, "suspended") == 0)
        status = suspended();
    else if (strcmp(what, "waited") == 0)
        status = waited();
    else if (strcmp(what, "overflow") == 0)
        status = overflow(0);
    else if (strcmp(what, "overflow-alternate") == 0)
        status = overflow(1);
    else
        status = 99;
    print_seen();
    return status;
}
