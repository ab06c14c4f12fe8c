/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what the writers of the log share: where it goes, how far the run has
 * come.  A format is a set of callbacks for the library, whose `user` is the
 * struct log.
 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lt/lt.h"
#include "options.h"
#include "out.h"
#include "places.h"
#include "progress.h"

/* Events between two looks at the clock, a power of two. */
#define LOG_TICK 256u

struct log {
    struct out out;
    struct out scratch; /* in memory: to put a place's text together */
    const struct options *options;
    struct places *places;
    struct progress progress;
    uint64_t events; /* written to the log, or counted */
    uint32_t kinds;  /* LT_KIND bits of what goes into the log */
    uint32_t arches; /* those of processes so far, a bit each */
    const char *reg_names[256];
    /* The last instruction written, for the text format. */
    uint64_t last_pc;
    uint32_t last_tid;
    /* The members "tid" and "pid" of the last event, for the JSON format. */
    char thread[64];
    size_t thread_size;
    uint32_t thread_tid;
    uint32_t thread_pid;
    /* For the decoded form of system calls. */
    char *call_text;
    size_t call_size;
    struct counts *counts; /* of the summary */
};

/* A way to write the log. */
struct log_format {
    lt_insn_fn insn;
    lt_reg_write_fn reg_write;
    lt_mem_access_fn mem;
    lt_syscall_fn syscall;
    lt_module_fn module;
    lt_process_fn process;
    lt_thread_fn thread;
    lt_signal_fn signal;
    lt_map_fn map;
    lt_exit_fn exit;
    /* Writes what comes after the last event, or NULL. */
    void (*finish)(struct log *log, const struct lt_result *result);
    /* Whether all instructions are wanted though --events leaves them out. */
    bool always_insn;
};

extern const struct log_format log_text;
extern const struct log_format log_json;
extern const struct log_format log_count;

/* Prepares a log; log_close() frees it.  `kinds` is what the callbacks get.
 * 0 or an errno. */
int log_open(struct log *log, const struct options *options);

/* Writes what is left.  0 or the errno of the first write that failed. */
int log_close(struct log *log);

/* Ends an event's record.  What its callback returns. */
static inline int log_end(struct log *log)
{
    if (__builtin_expect(log->out.used >= OUT_FULL, 0))
        out_flush(&log->out);
    if (__builtin_expect((++log->events & (LOG_TICK - 1)) == 0, 0))
        progress_tick(&log->progress, log->events);
    return log->out.error ? LT_STOP : 0;
}

/* Says that a system call's record, if any, has ended: the guest may now wait for
 * long, so whoever watches gets to see what came before.  What its callback
 * returns. */
int log_call(struct log *log, const struct lt_syscall *call);

/* What a process executes now: what was kept about its registers and instructions
 * may be another's. */
void log_process(struct log *log, const struct lt_process *process);

/* The name of a register, "reg123" if there is none. */
const char *log_reg_name(struct log *log, lt_session *session, uint32_t reg);

/* A system call for people; NULL: out of memory or no decoded form. */
const char *log_call_text(struct log *log, lt_session *session,
                          const struct lt_syscall *call);

/* One of its arguments; NULL: out of memory, or there is none. */
const char *log_arg_text(struct log *log, lt_session *session,
                         const struct lt_syscall *call, uint32_t index);

/* Its result; NULL: out of memory. */
const char *log_result_text(struct log *log, lt_session *session,
                            const struct lt_syscall *call);

/* Disassembles into `text`; "(bad)" for what is no instruction.  0 or LT_ERR_*. */
int log_disassemble(lt_session *session, const struct lt_insn *insn, char *text,
                    size_t size);

/* The symbol of an address, all NULL where no file is mapped.  0 or LT_ERR_*. */
int log_symbol(lt_session *session, uint64_t pc, struct lt_symbol *symbol);

/* Writes "r-x" for LT_PROT_* bits; returns its end. */
char *log_put_prot(char *p, uint32_t prot);

/* "protect" for an enum lt_map_op. */
const char *log_map_name(uint32_t op);

/* "SIGSEGV", or NULL. */
const char *log_signal_name(int signal);

#endif
