/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison of a trace with its oracle (see compare.c): its state, and what is done
 * with it at each instruction.
 */
#ifndef TESTS_COMPARE_H
#define TESTS_COMPARE_H

#include <capstone/capstone.h>
#include <stddef.h>
#include <stdint.h>

#include "lt/lt.h"
#include "lt/unstable.h"
#include "oracle.h"

#define MAX_REGIONS 8
#define MAX_WRITES 1024
#define MAX_REPORTS 12
#define TEXT (8 + 2 * ORACLE_WIDTH) /* of a register */

/* Callbacks that a mode registers. */
#define WANT_INSN 1u
#define WANT_REG 2u
#define WANT_WRITE 4u
#define WANT_READ 8u
#define WANT_SYSCALL 16u
#define WANT_READ_REGS 32u /* uses lt_reg_read() */
#define WANT_ALL 63u

struct region {
    uint64_t start;
    size_t size;
    uint8_t *shadow; /* initial contents and the trace's writes */
};

/* A register file: registers of up to 8 bytes, and the others. */
struct file {
    uint64_t regs[ORACLE_REGS];
    uint8_t wide[ORACLE_REGS][ORACLE_WIDTH];
};

struct comparison {
    const char *program;
    uint32_t flags; /* of lt_config */
    uint32_t arch;
    unsigned want;
    int lint;
    int verbose;
    unsigned regs; /* in the architecture's table */
    uint32_t pc_reg;
    uint32_t sp_reg;
    uint32_t flags_reg;
    lt_session *session;
    struct oracle oracle;
    csh capstone;
    cs_insn *decoded;
    struct region regions[MAX_REGIONS];
    unsigned region_count;
    uint64_t check_every;
    unsigned reports;
    int give_up;
    int missing; /* an instruction that one side lacks */

    /* The register file that write events give. */
    struct file rebuilt;
    unsigned vector; /* bytes of a scalable vector, as the trace has it */

    /* The instruction in hand. */
    int have_insn;
    uint64_t insns; /* instruction events so far */
    uint64_t pc;
    uint8_t code[16];
    uint32_t length;
    struct file before;
    uint64_t written_regs;         /* by its events: a bit each of the first 64 */
    uint16_t written[ORACLE_REGS]; /* and their widths */
    uint64_t write_events;
    uint64_t read_events;
    struct {
        uint64_t addr;
        uint32_t length;
    } writes[MAX_WRITES];
    unsigned write_count;
    int writes_overflow;
    int in_syscall;  /* entered, not returned from */
    int had_syscall; /* the instruction in hand is a system call */
    int64_t returned;
    int have_return;
    uint32_t skipped; /* oracle steps that were taken in advance */
    int wide_carry;   /* see follow_carry() */
    uint64_t last_full_check;
    uint64_t kernel_bytes;

    uint64_t seq;
    uint32_t pid, tid;
    int ended;
    int exit_status, exit_signal;
};

/* A difference: the sentence goes to standard error. */
__attribute__((format(printf, 2, 3))) void report(struct comparison *c,
                                                  const char *format, ...);

/* ---- Memory ---- */

struct region *find_region(struct comparison *c, uint64_t addr, uint64_t length);

/* The writable segments of a static ELF file, and their first contents. */
int load_regions(struct comparison *c);

/*
 * Compares all writable memory with the replica and reports what no event
 * explains; where `take` says so (a system call's own writes), takes it over.
 */
void check_memory(struct comparison *c, int take);

/* ---- Register files ---- */

/* Registers that are wide whatever their width is. */
int is_scalable(const struct comparison *c, uint32_t reg);

uint32_t width_of(const struct comparison *c, uint32_t reg);
int is_wide(const struct comparison *c, uint32_t reg);

const uint8_t *reg_bytes(const struct comparison *c, const struct file *f, uint32_t reg);

/* The low half of a ymm register is an xmm register, the low 16 bytes of a z register
 * a v register. */
void set_reg(const struct comparison *c, struct file *f, uint32_t reg,
             const uint8_t *data);

int same_reg(const struct comparison *c, uint32_t reg, const struct file *a,
             const struct file *b);

const char *reg_text(const struct comparison *c, const struct file *f, uint32_t reg,
                     char *text);
void load_oracle(const struct comparison *c, struct file *f);

/* Makes the oracle go on with what the trace says of a register. */
void adopt(struct comparison *c, const struct file *now, uint32_t reg);

/* Executes the instruction in hand on the oracle and compares its effects.
 * `now` holds the registers behind it as the trace tells them; NULL if it does
 * not. */
void finish_insn(struct comparison *c, const struct file *now);

/* ---- What capstone knows ---- */

/* Instructions whose results, registers and memory, differ by machine. */
int is_inexact(const struct comparison *c, const cs_insn *insn);

/*
 * The carry that shl and shld of less than 64 bits leave: where it is wanted as a
 * number, QEMU 10.0 does not cut it down to one bit, and rcl and rcr take in more
 * (gen_eflags_adcox(), of CC_OP_SHL).  They are inexact then.
 */
void follow_carry(struct comparison *c, const cs_insn *insn);

/* Instructions that store what differs by machine: where the last x87 instruction
 * was, what is left of bytes that are reserved, and QEMU's lack of a denormal flag. */
int stores_inexactly(const struct comparison *c, const cs_insn *insn);

/* Holds the register events of the instruction in hand against capstone's
 * tables. */
void lint(struct comparison *c, const cs_insn *insn);

#endif
