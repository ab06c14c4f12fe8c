/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processor itself as the oracle of x86_64: the program runs natively and
 * is single-stepped.  The trap flag that this sets is taken out again wherever
 * the program could see it: in what pushf stores and in r11 after a system
 * call.
 */
#define _GNU_SOURCE
#include "oracle.h"

#if defined(__x86_64__)

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lt/lt.h"

#define TRAP_FLAG 0x100u

/* The XSAVE area as PTRACE_GETREGSET gives it (Intel's manual, volume 1, 13.4):
 * where things are. */
#define XSAVE_FCW 0
#define XSAVE_FSW 2
#define XSAVE_FTW 4
#define XSAVE_MXCSR 24
#define XSAVE_ST 32
#define XSAVE_XMM 160
#define XSAVE_BV 512
#define XSAVE_YMMH 576

/* Fills `area`; returns its size, or 0. */
static size_t get_xsave(struct oracle *oracle, uint8_t *area, size_t room)
{
    struct iovec io = {area, room};

    memset(area, 0, room);
    if (ptrace(PTRACE_GETREGSET, oracle->pid, (void *)(uintptr_t)NT_X86_XSTATE, &io) != 0)
        return 0;
    return io.iov_len;
}

static int load_wide(struct oracle *oracle)
{
    static uint8_t area[16384];
    size_t size = get_xsave(oracle, area, sizeof area);
    uint64_t *regs = oracle->regs;
    unsigned i;

    if (size == 0)
        return -1;
    oracle->has_ymm = size >= XSAVE_YMMH + 256;
    memcpy(&regs[LT_X86_64_FCW], area + XSAVE_FCW, 2);
    memcpy(&regs[LT_X86_64_FSW], area + XSAVE_FSW, 2);
    memcpy(&regs[LT_X86_64_FTW], area + XSAVE_FTW, 1);
    memcpy(&regs[LT_X86_64_MXCSR], area + XSAVE_MXCSR, 4);
    for (i = 0; i < 8; i++) {
        unsigned physical = (unsigned)(regs[LT_X86_64_FSW] >> 11 & 7) + i;

        memcpy(oracle->wide[LT_X86_64_FPR0 + (physical & 7)], area + XSAVE_ST + 16 * i,
               10);
    }
    for (i = 0; i < 16; i++) {
        memcpy(oracle->wide[LT_X86_64_XMM0 + i], area + XSAVE_XMM + 16 * i, 16);
        memcpy(oracle->wide[LT_X86_64_YMM0 + i], area + XSAVE_XMM + 16 * i, 16);
        memcpy(oracle->wide[LT_X86_64_YMM0 + i] + 16, area + XSAVE_YMMH + 16 * i, 16);
    }
    return 0;
}

int native_set_wide(struct oracle *oracle)
{
    static uint8_t area[16384];
    struct iovec io = {area, get_xsave(oracle, area, sizeof area)};
    const uint64_t *regs = oracle->regs;
    unsigned i;

    if (io.iov_len == 0)
        return -1;
    memcpy(area + XSAVE_FCW, &regs[LT_X86_64_FCW], 2);
    memcpy(area + XSAVE_FSW, &regs[LT_X86_64_FSW], 2);
    memcpy(area + XSAVE_FTW, &regs[LT_X86_64_FTW], 1);
    memcpy(area + XSAVE_MXCSR, &regs[LT_X86_64_MXCSR], 4);
    for (i = 0; i < 8; i++) {
        unsigned physical = (unsigned)(regs[LT_X86_64_FSW] >> 11 & 7) + i;

        memcpy(area + XSAVE_ST + 16 * i, oracle->wide[LT_X86_64_FPR0 + (physical & 7)],
               10);
    }
    for (i = 0; i < 16; i++) {
        memcpy(area + XSAVE_XMM + 16 * i, oracle->wide[LT_X86_64_YMM0 + i], 16);
        if (oracle->has_ymm)
            memcpy(area + XSAVE_YMMH + 16 * i, oracle->wide[LT_X86_64_YMM0 + i] + 16, 16);
    }
    area[XSAVE_BV] |= oracle->has_ymm ? 7 : 3;
    return ptrace(PTRACE_SETREGSET, oracle->pid, (void *)(uintptr_t)NT_X86_XSTATE, &io)
               ? -1
               : 0;
}

static int load_regs(struct oracle *oracle)
{
    struct user_regs_struct r;
    uint64_t *to = oracle->regs;

    if (ptrace(PTRACE_GETREGS, oracle->pid, 0, &r) != 0)
        return -1;
    to[0] = r.rax;
    to[1] = r.rcx;
    to[2] = r.rdx;
    to[3] = r.rbx;
    to[4] = r.rsp;
    to[5] = r.rbp;
    to[6] = r.rsi;
    to[7] = r.rdi;
    to[8] = r.r8;
    to[9] = r.r9;
    to[10] = r.r10;
    to[11] = r.r11;
    to[12] = r.r12;
    to[13] = r.r13;
    to[14] = r.r14;
    to[15] = r.r15;
    to[LT_X86_64_RIP] = r.rip;
    to[LT_X86_64_RFLAGS] = r.eflags & ~(uint64_t)TRAP_FLAG;
    to[LT_X86_64_FS_BASE] = r.fs_base;
    to[LT_X86_64_GS_BASE] = r.gs_base;
    to[LT_X86_64_ES] = r.es & 0xffff;
    to[LT_X86_64_ES + 1] = r.cs & 0xffff;
    to[LT_X86_64_ES + 2] = r.ss & 0xffff;
    to[LT_X86_64_ES + 3] = r.ds & 0xffff;
    to[LT_X86_64_ES + 4] = r.fs & 0xffff;
    to[LT_X86_64_ES + 5] = r.gs & 0xffff;
    return load_wide(oracle);
}

int native_set_regs(struct oracle *oracle)
{
    struct user_regs_struct r;
    const uint64_t *from = oracle->regs;

    if (ptrace(PTRACE_GETREGS, oracle->pid, 0, &r) != 0)
        return -1;
    r.rax = from[0];
    r.rcx = from[1];
    r.rdx = from[2];
    r.rbx = from[3];
    r.rsp = from[4];
    r.rbp = from[5];
    r.rsi = from[6];
    r.rdi = from[7];
    r.r8 = from[8];
    r.r9 = from[9];
    r.r10 = from[10];
    r.r11 = from[11];
    r.r12 = from[12];
    r.r13 = from[13];
    r.r14 = from[14];
    r.r15 = from[15];
    r.rip = from[LT_X86_64_RIP];
    r.eflags = from[LT_X86_64_RFLAGS];
    r.fs_base = from[LT_X86_64_FS_BASE];
    r.gs_base = from[LT_X86_64_GS_BASE];
    /* After a system call the kernel must not restart it. */
    r.orig_rax = (unsigned long long)-1;
    return ptrace(PTRACE_SETREGS, oracle->pid, 0, &r) == 0 ? 0 : -1;
}

static int wait_for(struct oracle *oracle, int *status)
{
    pid_t pid;

    do
        pid = waitpid(oracle->pid, status, 0);
    while (pid < 0 && errno == EINTR);
    return pid == oracle->pid ? 0 : -1;
}

int native_start(struct oracle *oracle, const char *program, int out)
{
    char *argv[] = {(char *)(uintptr_t)program, NULL};
    char *envp[] = {NULL};
    int status;
    pid_t pid = fork();

    if (pid < 0) {
        perror("fork");
        return -1;
    }
    if (pid == 0) {
        personality(ADDR_NO_RANDOMIZE);
        if (out >= 0)
            dup2(out, 1);
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
            execve(program, argv, envp);
        _exit(127);
    }
    oracle->pid = pid;
    if (wait_for(oracle, &status) != 0 || !WIFSTOPPED(status) ||
        WSTOPSIG(status) != SIGTRAP || load_regs(oracle) != 0) {
        fprintf(stderr, "%s: does not start natively\n", program);
        oracle_end(oracle);
        return -1;
    }
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
    return 0;
}

/* Takes the trap flag out of what pushf stored. */
static void clean_pushed_flags(struct oracle *oracle, const uint8_t *code)
{
    uint64_t at = oracle->regs[LT_X86_64_RSP];
    uint8_t byte;

    while (*code == 0x66 || (*code & 0xf0) == 0x40)
        code++;
    if (*code == 0x9c && oracle_read(oracle, at + 1, &byte, 1) == 0) {
        byte &= (uint8_t) ~(TRAP_FLAG >> 8);
        oracle_write(oracle, at + 1, &byte, 1);
    }
}

enum oracle_event native_step(struct oracle *oracle)
{
    uint64_t pc = oracle->regs[LT_X86_64_RIP];
    uint8_t code[16] = {0};
    int repeated;
    int status;

    /* The last bytes may be on a page that is not there. */
    if (oracle_read(oracle, pc, code, 15) != 0) {
        size_t there = 4096 - (pc & 4095);

        if (there >= 15 || oracle_read(oracle, pc, code, there) != 0)
            memset(code, 0, sizeof code);
    }
    repeated = oracle_is_repeated(code, 15);
    do {
        if (ptrace(PTRACE_SINGLESTEP, oracle->pid, 0, 0) != 0 ||
            wait_for(oracle, &status) != 0) {
            perror("single step");
            oracle->signal = SIGKILL;
            return ORACLE_SIGNAL;
        }
        if (WIFEXITED(status)) {
            oracle->steps++;
            oracle->insns++;
            oracle->status = WEXITSTATUS(status);
            oracle->pid = 0;
            return ORACLE_EXITED;
        }
        if (WIFSIGNALED(status)) {
            oracle->signal = WTERMSIG(status);
            oracle->pid = 0;
            return ORACLE_SIGNAL;
        }
        if (load_regs(oracle) != 0)
            return ORACLE_SIGNAL;
        if (WSTOPSIG(status) != SIGTRAP) {
            /* A string instruction that had begun was executed in part. */
            if (oracle->iterations > 0)
                oracle->insns++;
            oracle->signal = WSTOPSIG(status);
            return ORACLE_SIGNAL;
        }
        oracle->steps++;
        oracle->iterations++;
    } while (repeated && oracle->regs[LT_X86_64_RIP] == pc);
    oracle->insns++;
    if (code[0] == 0x0f && code[1] == 0x05 && (oracle->regs[11] & TRAP_FLAG) != 0) {
        oracle->regs[11] &= ~(uint64_t)TRAP_FLAG;
        native_set_regs(oracle);
    }
    clean_pushed_flags(oracle, code);
    return ORACLE_STEPPED;
}

#else

#include <stdio.h>

/* This host cannot run x86_64 programs natively. */
int native_start(struct oracle *oracle, const char *program, int out)
{
    (void)oracle;
    (void)out;
    fprintf(stderr, "%s: no native oracle on this host\n", program);
    return -1;
}

enum oracle_event native_step(struct oracle *oracle)
{
    (void)oracle;
    return ORACLE_SIGNAL;
}

int native_set_regs(struct oracle *oracle)
{
    (void)oracle;
    return -1;
}

int native_set_wide(struct oracle *oracle)
{
    (void)oracle;
    return -1;
}

#endif
