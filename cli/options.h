/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what the user may say on the command line. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* lt's own failures, and what a shell says of programs that it cannot run. */
#define STATUS_LIMIT 124 /* as timeout(1) has it */
#define STATUS_FAILURE 125
#define STATUS_CANNOT_RUN 126
#define STATUS_NOT_FOUND 127

struct options {
    const char *output;   /* where the log goes; NULL: standard error */
    const char *module;   /* --module, or NULL */
    const char *sysroot;  /* -L, or NULL */
    const char *cpu;      /* --cpu, or NULL */
    const char *coverage; /* --coverage, or NULL */
    uint64_t pc_start;    /* --range */
    uint64_t pc_end;
    uint32_t follow;  /* enum lt_follow */
    uint32_t threads; /* enum lt_threads */
    uint32_t kinds;   /* LT_KIND bits of what goes into the log */
    /* --limit; 0: none. */
    uint64_t limit_insns, limit_memory, limit_output;
    uint32_t limit_ms, limit_processes;
    bool json;
    bool count;
    bool log;       /* there is a log, or a summary */
    char **program; /* the guest's argv */
};

/* Parses the arguments of `lt run`, argv[0] being "lt run".  Returns -1 to go
 * on, or the exit status of lt where that was all (--help) or an error, which
 * it has printed. */
int options_parse(int argc, char **argv, struct options *options);

/* Print to standard output; return lt's exit status. */
int options_help(void);
int options_version(void);
int options_architectures(void);

#endif
