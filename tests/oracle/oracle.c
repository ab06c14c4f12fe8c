/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both kinds of oracle have in common, and the choice between them. */
#define _GNU_SOURCE
#include "oracle.h"

#include <signal.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lt/lt.h"

const char *oracle_cpu;

int oracle_start(struct oracle *oracle, enum oracle_kind kind, const char *program,
                 int out)
{
    memset(oracle, 0, sizeof *oracle);
    oracle->kind = kind;
    oracle->fd = -1;
    return kind == ORACLE_NATIVE ? native_start(oracle, program, out)
                                 : gdbstub_start(oracle, program, out);
}

enum oracle_event oracle_step(struct oracle *oracle)
{
    oracle->iterations = 0;
    oracle->skipped = 0;
    return oracle->kind == ORACLE_NATIVE ? native_step(oracle) : gdbstub_step(oracle);
}

int oracle_set_regs(struct oracle *oracle)
{
    return oracle->kind == ORACLE_NATIVE ? native_set_regs(oracle)
                                         : gdbstub_set_regs(oracle);
}

int oracle_set_wide(struct oracle *oracle)
{
    return oracle->kind == ORACLE_NATIVE ? native_set_wide(oracle)
                                         : gdbstub_set_wide(oracle);
}

int oracle_read(struct oracle *oracle, uint64_t addr, void *to, size_t bytes)
{
    struct iovec local = {to, bytes};
    struct iovec remote = {(void *)(uintptr_t)addr, bytes};

    if (oracle->kind == ORACLE_GDBSTUB)
        return gdbstub_read(oracle, addr, to, bytes);
    if (process_vm_readv(oracle->pid, &local, 1, &remote, 1, 0) != (ssize_t)bytes)
        return -1;
    return 0;
}

int oracle_write(struct oracle *oracle, uint64_t addr, const void *from, size_t bytes)
{
    struct iovec local = {(void *)(uintptr_t)from, bytes};
    struct iovec remote = {(void *)(uintptr_t)addr, bytes};

    if (oracle->kind == ORACLE_GDBSTUB)
        return gdbstub_write(oracle, addr, from, bytes);
    if (process_vm_writev(oracle->pid, &local, 1, &remote, 1, 0) != (ssize_t)bytes)
        return -1;
    return 0;
}

void oracle_end(struct oracle *oracle)
{
    if (oracle->kind == ORACLE_GDBSTUB)
        gdbstub_end(oracle);
    if (oracle->pid > 0) {
        kill(oracle->pid, SIGKILL);
        waitpid(oracle->pid, NULL, 0);
        oracle->pid = 0;
    }
}

uint64_t oracle_pc(const struct oracle *oracle)
{
    return oracle->regs[oracle->kind == ORACLE_NATIVE ? LT_X86_64_RIP : LT_AARCH64_PC];
}

int oracle_is_repeated(const uint8_t *code, size_t bytes)
{
    size_t i;
    int repeated = 0;

    for (i = 0; i < bytes; i++) {
        uint8_t byte = code[i];

        if (byte == 0xf2 || byte == 0xf3)
            repeated = 1;
        else if (byte != 0x66 && byte != 0x67 && byte != 0x2e && byte != 0x36 &&
                 byte != 0x3e && byte != 0x26 && byte != 0x64 && byte != 0x65 &&
                 byte != 0xf0 && (byte & 0xf0) != 0x40)
            break;
    }
    if (!repeated || i == bytes)
        return 0;
    return (code[i] >= 0x6c && code[i] <= 0x6f) || (code[i] >= 0xa4 && code[i] <= 0xa7) ||
           (code[i] >= 0xaa && code[i] <= 0xaf);
}
