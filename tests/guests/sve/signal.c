/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals, threads and forks of a program that uses scalable vectors: a handler that
 * finds them in its frame and changes them there, one that overwrites them, first faults
 * of whole loads, threads with vectors of different lengths.  Says what is wrong; exit
 * status 0 if nothing is.
 */
#define _GNU_SOURCE
#include <arm_sve.h>
#include <asm/sigcontext.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static int wrong;
static volatile int handled;
static uint8_t *fence; /* behind it nothing is mapped */

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s\n", what);
        wrong = 1;
    }
}

static struct sve_context *scalable_part(ucontext_t *context)
{
    uint8_t *p = context->uc_mcontext.__reserved;

    for (;;) {
        struct _aarch64_ctx *head = (void *)p;

        if (head->magic == SVE_MAGIC)
            return (void *)p;
        if (head->magic == EXTRA_MAGIC) {
            /* What does not fit stands elsewhere. */
            p = (uint8_t *)(uintptr_t)((struct extra_context *)head)->datap;
            continue;
        }
        if (head->magic == 0)
            return NULL;
        p += head->size;
    }
}

/* Overwrites vectors and predicates; sets z7 of the program to 7s, and skips the
 * instruction where that faulted. */
static void on_signal(int signal, siginfo_t *info, void *user)
{
    ucontext_t *context = user;
    struct sve_context *sve = scalable_part(context);

    (void)info;
    handled++;
    __asm__ volatile("dup z0.b, #-1\n\tdup z7.b, #-1\n\tptrue p3.b\n\tsetffr" ::
                         : "z0", "z7", "p3");
    if (sve != NULL && sve->head.size > sizeof *sve) {
        unsigned vq = sve->vl / 16;

        memset((uint8_t *)sve + SVE_SIG_ZREG_OFFSET(vq, 7), 7, SVE_SIG_ZREG_SIZE(vq));
    } else {
        check(0, "no vectors in the frame");
    }
    if (signal == SIGSEGV)
        context->uc_mcontext.pc += 4;
}

static void test_signals(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    uint8_t z0[256], z7[256];
    uint64_t p3 = 0;
    uint64_t length = svcntb();
    long self = getpid();

    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    for (int i = 0; i < 3; i++) {
        register long number __asm__("x8") = 129; /* kill */
        register long pid __asm__("x0") = self;
        register long what __asm__("x1") = SIGUSR1;

        __asm__ volatile("index z0.b, #1, #1\n\t"
                         "mov z7.b, #1\n\t"
                         "pfalse p3.b\n\t"
                         "svc #0\n\t"
                         "ptrue p0.b\n\t"
                         "st1b {z0.b}, p0, [%2]\n\t"
                         "st1b {z7.b}, p0, [%3]\n\t"
                         "str p3, [%4]"
                         : "+r"(pid)
                         : "r"(number), "r"(z0), "r"(z7), "r"(&p3), "r"(what)
                         : "memory", "z0", "z7", "p0", "p3");
        check(handled == i + 1, "a signal");
        /* A system call may leave the upper parts as they are, or clear them. */
        check(z0[0] == 1 && z0[15] == 16, "z0 behind a signal");
        check(z7[0] == 7 && z7[length - 1] == 7, "z7 of the frame");
        check(p3 == 0, "p3 behind a signal");
    }
    /* Faults: the store is not made, and the vectors stay. */
    __asm__ volatile("index z0.b, #1, #1\n\t"
                     "ptrue p0.b\n\t"
                     "st1b {z0.b}, p0, [%0]\n\t"
                     "st1b {z0.b}, p0, [%1]\n\t"
                     "str z0, [%0]\n\t"
                     "ld1b {z0.b}, p0/z, [%0]\n\t"
                     "st1b {z0.b}, p0, [%1]"
                     :
                     : "r"(fence - 16), "r"(z0)
                     : "memory", "z0", "z7", "p0", "p3");
    check(handled == 6, "three faults");
    check(z0[0] == 1 && z0[length - 1] == (uint8_t)length, "z0 behind a fault");
}

static void *with_length(void *arg)
{
    uintptr_t length = (uintptr_t)arg;
    uint8_t out[256];

    if (prctl(PR_SVE_SET_VL, length) < 0)
        return "no such length";
    for (int i = 0; i < 200; i++) {
        uintptr_t bytes;

        __asm__ volatile(
            "rdvl %0, #1\n\tdup z3.b, %w1\n\tptrue p0.b\n\tst1b {z3.b}, p0, [%2]"
            : "=&r"(bytes)
            : "r"(i), "r"(out)
            : "memory", "z3", "p0");
        if (bytes != length || out[length - 1] != (uint8_t)i)
            return "another length";
        if (i % 50 == 0)
            usleep(1);
    }
    return NULL;
}

int main(void)
{
    static const uintptr_t lengths[] = {16, 32, 64, 128, 256};
    pthread_t threads[5];
    int status;
    pid_t child;

    fence = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fence += 4096;
    munmap(fence, 4096);
    test_signals();
    for (int i = 0; i < 5; i++)
        pthread_create(&threads[i], NULL, with_length, (void *)lengths[i]);
    for (int i = 0; i < 5; i++) {
        void *problem;

        pthread_join(threads[i], &problem);
        check(problem == NULL, problem != NULL ? problem : "");
    }
    child = fork();
    if (child == 0)
        _exit(with_length((void *)(uintptr_t)48) == NULL ? 5 : 6);
    check(waitpid(child, &status, 0) == child && status == 5 << 8, "a fork");
    /* Whoever compares memory does so when the program waits for input. */
    if (read(0, &status, 1) >= 0)
        printf("done\n");
    return wrong;
}
