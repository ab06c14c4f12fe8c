/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An oracle: something that is not this library and executes the same guest
 * program one instruction at a time.  For x86_64 it is the processor itself
 * under PTRACE_SINGLESTEP, for aarch64 the system's qemu-aarch64 behind its gdb
 * stub.  Registers have the numbers of lt/lt.h.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stddef.h>
#include <stdint.h>

#define ORACLE_REGS 128
#define ORACLE_WIDTH 256 /* bytes of the widest register */

enum oracle_kind {
    ORACLE_NATIVE, /* ptrace */
    ORACLE_GDBSTUB /* qemu-aarch64 */
};

enum oracle_event {
    ORACLE_STEPPED, /* an instruction was executed */
    ORACLE_EXITED,  /* with `status` */
    ORACLE_SIGNAL   /* the instruction raised `signal` and was not completed */
};

struct oracle {
    enum oracle_kind kind;
    int pid;
    int fd; /* gdbstub: the connection */
    char socket_path[64];
    uint64_t regs[ORACLE_REGS];              /* those of up to 8 bytes */
    uint8_t wide[ORACLE_REGS][ORACLE_WIDTH]; /* the others */
    int has_ymm;                             /* native: the processor has AVX */
    unsigned vector;     /* gdbstub: bytes of a scalable vector, 0 if it has none; the
                            registers made of them are all `wide` */
    uint64_t steps;      /* single steps made */
    uint64_t insns;      /* instructions executed: steps of a repeated string
                            instruction count once */
    uint64_t iterations; /* steps of the last instruction */
    uint32_t skipped;    /* instructions that the last step took along */
    int status;
    int signal;
};

/* The processor of ORACLE_GDBSTUB, as QEMU's -cpu.  NULL: without scalable vectors, as
 * the library's default is. */
extern const char *oracle_cpu;

/* Starts `program` with standard output on descriptor `out`, stopped before
 * its first instruction.  0, or -1 with a message on standard error. */
int oracle_start(struct oracle *oracle, enum oracle_kind kind, const char *program,
                 int out);

/* Executes one instruction; a repeated string instruction as a whole. */
enum oracle_event oracle_step(struct oracle *oracle);

/* Writes oracle->regs back, and oracle->wide. */
int oracle_set_regs(struct oracle *oracle);
int oracle_set_wide(struct oracle *oracle);

/* Memory; 0 or -1. */
int oracle_read(struct oracle *oracle, uint64_t addr, void *to, size_t bytes);
int oracle_write(struct oracle *oracle, uint64_t addr, const void *from, size_t bytes);

/* Kills what still runs and frees all. */
void oracle_end(struct oracle *oracle);

/* The program counter, and whether `code` is a repeated string instruction,
 * for which one instruction is several steps. */
uint64_t oracle_pc(const struct oracle *oracle);
int oracle_is_repeated(const uint8_t *code, size_t bytes);

/* How the two kinds do it. */
int native_start(struct oracle *oracle, const char *program, int out);
enum oracle_event native_step(struct oracle *oracle);
int native_set_regs(struct oracle *oracle);
int native_set_wide(struct oracle *oracle);
int gdbstub_start(struct oracle *oracle, const char *program, int out);
enum oracle_event gdbstub_step(struct oracle *oracle);
int gdbstub_set_regs(struct oracle *oracle);
int gdbstub_set_wide(struct oracle *oracle);
int gdbstub_read(struct oracle *oracle, uint64_t addr, void *to, size_t bytes);
int gdbstub_write(struct oracle *oracle, uint64_t addr, const void *from, size_t bytes);
void gdbstub_end(struct oracle *oracle);

#endif
