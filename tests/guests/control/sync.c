/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a host looks into and changes while this waits: a system call that no kernel has
 * tells it the addresses.  The first argument says what to do. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TELL 0x7117

static volatile long data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static unsigned char watched[4096] __attribute__((aligned(4096)));

static long tell(void *a, void *b, void *c, void *d, void *e)
{
    return syscall(TELL, a, b, c, d, e, 0L);
}

__attribute__((noinline, noclone)) long target(long a, long b)
{
    __asm__ volatile("" : "+r"(a), "+r"(b)::"memory");
    return a * 10 + b;
}

__attribute__((noinline, noclone)) double half(double x)
{
    __asm__ volatile("" ::: "memory");
    return x / 2;
}

/* 1 if `a` is 5; the host may say otherwise at the branch. */
__attribute__((noinline, noclone)) long is_five(long a)
{
#if defined(__x86_64__)
    long is = 0;

    __asm__ volatile("cmpq $5, %1\n\t"
                     ".globl five_branch\n"
                     "five_branch:\n\t"
                     "jne 1f\n\t"
                     "movl $1, %k0\n"
                     "1:"
                     : "+r"(is)
                     : "r"(a)
                     : "cc");
    return is;
#else
    long is = 0;

    __asm__ volatile("cmp %1, #5\n\t"
                     ".globl five_branch\n"
                     "five_branch:\n\t"
                     "b.ne 1f\n\t"
                     "mov %0, #1\n"
                     "1:"
                     : "+r"(is)
                     : "r"(a)
                     : "cc");
    return is;
#endif
}
extern char five_branch[];

static void work(void)
{
    long sum = 0, five;

    tell((void *)target, (void *)half, five_branch, (void *)data, (void *)is_five);
    for (long i = 0; i < 1000; i++)
        sum += target(i, 1);
    printf("sum %ld\n", sum);
    printf("half %g\n", half(7));
    five = is_five(5);
    printf("five %ld", five);
    five = is_five(6);
    printf(" %ld\n", five);
    printf("data %ld\n", data[3]);
}

/* ---- Memory ---- */

__attribute__((noinline)) static void copy(void *to, const void *from, size_t size)
{
#if defined(__x86_64__)
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
#else
    memcpy(to, from, size);
#endif
}

static void touch(void)
{
    long value = 0;
    int fd[2];

    tell(watched + 1024, (void *)(uintptr_t)1024, NULL, NULL, NULL);
    memset(watched, 1, sizeof watched); /* library code, wide stores */
    copy(watched + 1000, watched + 3000, 100);
    for (int i = 1020; i < 1040; i++)
        watched[i] = (unsigned char)i;
    __atomic_fetch_add((long *)(void *)(watched + 1024), 7, __ATOMIC_SEQ_CST);
    value = __atomic_load_n((long *)(void *)(watched + 1024), __ATOMIC_SEQ_CST);
    __atomic_compare_exchange_n((long *)(void *)(watched + 1024), &value, 9, 0,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
#if defined(__x86_64__)
    __asm__ volatile("movq %%rsp, %%r12\n\t"
                     "leaq 2040(%0), %%rsp\n\t"
                     "pushq %%rax\n\t"
                     "call 1f\n"
                     "1:\n\t"
                     "popq %%rax\n\t"
                     "movq %%r12, %%rsp\n\t"
                     "fxsave 1536(%0)\n\t"
                     "movl $7, %%eax\n\t"
                     "xorl %%edx, %%edx\n\t"
                     "xsave 1024(%0)"
                     :
                     : "r"(watched)
                     : "rax", "rdx", "r12", "memory");
#else
    __asm__ volatile("stp x0, x1, [%2]\n\t"
                     "dc zva, %1\n\t"
                     "str q0, [%1, #8]\n\t"
                     "str q0, [%0, #1024]"
                     :
                     : "r"(watched), "r"(watched + 1024), "r"(watched + 1020)
                     : "memory");
#endif
    if (pipe(fd) == 0 && write(fd[1], "0123456789", 10) == 10 &&
        read(fd[0], watched + 1020, 10) == 10)
        printf("read %.6s\n", watched + 1024);
    value = 0;
    for (int i = 0; i < 4096; i++)
        value += watched[i] * (long)(i + 1);
    printf("touched %d\n", value != 0);
}

/* ---- System calls ---- */

static void calls(const char *who)
{
    char text[16] = "";
    int fd = open("/etc/passwd", O_RDONLY);
    ssize_t n;

    printf("%s open %s\n", who, fd >= 0 ? "ok" : strerrorname_np(errno));
    printf("%s pid %d\n", who, (int)syscall(SYS_getpid));
    fd = open("/dev/zero", O_RDWR);
    n = read(fd, text, 8);
    printf("%s read %d %s\n", who, (int)n, n < 0 ? strerrorname_np(errno) : "ok");
    printf("%s uid %d\n", who, (int)syscall(SYS_getuid));
    n = write(fd, "x", 1);
    printf("%s write %d\n", who, (int)n);
    close(fd);
    fflush(stdout);
}

static void *thread_calls(void *name)
{
    calls(name);
    return NULL;
}

static void all_calls(void)
{
    pthread_t thread;
    int status = 0;
    pid_t pid;

    tell((void *)calls, NULL, NULL, NULL, NULL);
    calls("main");
    pthread_create(&thread, NULL, thread_calls, (void *)(uintptr_t) "thread");
    pthread_join(thread, NULL);
    pid = fork();
    if (pid == 0) {
        calls("child");
        _exit(7);
    }
    waitpid(pid, &status, 0);
    printf("child %d\n", WEXITSTATUS(status));
}

/* ---- States that a pause finds a guest in ---- */

static volatile unsigned long *counters;

static void *spin(void *which)
{
    for (;;)
        counters[(uintptr_t)which]++;
    return NULL;
}

static void *block(void *unused)
{
    char byte;
    int fd[2];

    (void)unused;
    if (pipe(fd) == 0 && read(fd[0], &byte, 1) < 0)
        perror("read");
    return NULL;
}

static void be(const char *state)
{
    static unsigned long own[8];
    pthread_t thread;

    counters = own;
    tell(own, NULL, NULL, NULL, NULL);
    if (strcmp(state, "spin") == 0) {
        spin(NULL);
    } else if (strcmp(state, "read") == 0) {
        block(NULL);
    } else if (strcmp(state, "pause") == 0) {
        pause();
    } else if (strcmp(state, "calls") == 0) {
        for (;;) {
            own[0]++;
            syscall(SYS_getppid);
        }
    } else if (strcmp(state, "threads") == 0) {
        for (uintptr_t i = 1; i < 4; i++)
            pthread_create(&thread, NULL, spin, (void *)i);
        pthread_create(&thread, NULL, block, NULL);
        spin(NULL);
    } else if (strcmp(state, "tree") == 0) {
        for (int i = 0; i < 3; i++)
            if (fork() == 0) {
                if (i == 0)
                    block(NULL);
                spin(NULL);
            }
        spin(NULL);
    } else if (strcmp(state, "forks") == 0) {
        for (;;) {
            if (fork() == 0)
                _exit(0);
            wait(NULL);
            own[0]++;
        }
    }
}

/* A child that runs when its parent is told of; the host ends its loop. */
static void late(void)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        while (target(1, 1) != 77)
            continue;
        _exit(5);
    }
    usleep(200000);
    tell((void *)target, NULL, NULL, NULL, NULL);
    waitpid(pid, &status, 0);
    printf("late %d\n", WEXITSTATUS(status));
}

/* The same program once more, from the start. */
static void again(const char *self)
{
    tell((void *)target, NULL, NULL, NULL, NULL);
    execl(self, self, "work", (char *)NULL);
}

/* ---- Signals ---- */

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
    caught = sig;
}

static void signals(void)
{
    signal(SIGUSR1, on_signal);
    tell((void *)on_signal, NULL, NULL, NULL, NULL);
    raise(SIGUSR1);
    printf("caught %d\n", (int)caught);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "work";

    setvbuf(stdout, NULL, _IOFBF, 4096);
    if (strcmp(what, "work") == 0)
        work();
    else if (strcmp(what, "touch") == 0)
        touch();
    else if (strcmp(what, "calls") == 0)
        all_calls();
    else if (strcmp(what, "signals") == 0)
        signals();
    else if (strcmp(what, "late") == 0)
        late();
    else if (strcmp(what, "again") == 0)
        again("/proc/self/exe");
    else if (strcmp(what, "be") == 0)
        be(argv[2]);
    fflush(stdout);
    return 0;
}
