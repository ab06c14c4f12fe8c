/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * real [-c CPU] [-s] PROGRAM [ARGS...]: runs a real x86_64 program under libtrace, and
 * lets the processor execute each instruction of it once more: from the registers
 * and the memory that the trace has told so far.  Afterwards all registers and the
 * memory written must be the same.
 *
 * The oracle's process is the same program stopped before its first instruction, of
 * which only the mapping of the file is used.  What does not come from instructions
 * is the trace's: system calls are not made, but what they return and write is
 * adopted, as is what cpuid and clocks say; pages are made where the trace touches
 * them; and memory that no instruction has written is input, taken from the first
 * read of it.  So both go the same way, and no instruction is left out.
 *
 * A read of something that neither the trace nor the processor has put there since
 * the last system call is taken for what the kernel wrote without telling; with -s,
 * strictly, that is an error too.
 *
 * Exit status: 0 equal, 1 not, 2 usage or no oracle, 77 if the processor lacks an
 * instruction.
 */
#define _GNU_SOURCE
#include <capstone/capstone.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"
#include "oracle.h"
#include "undefined.h"

#define PAGE UINT64_C(4096)
#define BUCKETS 65536u
#define MAX_ACCESSES 4096
#define MAX_REPORTS 10
#define FLAG_MASK UINT64_C(0xcd5) /* arithmetic flags and DF */

/* A page of the guest as the trace tells it, and which of its bytes are known. */
struct page {
    struct page *next;
    uint64_t addr;
    uint8_t bytes[PAGE];
    uint8_t known[PAGE];
    uint32_t call[PAGE]; /* how many system calls there had been when it was written */
};

struct access {
    uint64_t addr;
    uint32_t length;
};

struct real {
    struct oracle oracle;
    lt_session *session;
    csh capstone;
    unsigned regs;
    uint64_t call_at; /* a system call instruction of the program's */
    struct page *buckets[BUCKETS];
    struct page *last;
    struct access writes[MAX_ACCESSES];
    unsigned write_count;
    int have, had_syscall, strict;
    uint32_t calls;
    uint64_t insns, pc, inputs, untold;
    uint8_t code[16];
    uint32_t length;
    uint64_t before[ORACLE_REGS];
    unsigned reports;
    int give_up, missing, exited;
};

__attribute__((format(printf, 2, 3))) static void report(struct real *t,
                                                         const char *format, ...)
{
    struct lt_symbol symbol;
    char text[128] = "";
    va_list args;

    if (t->reports++ >= MAX_REPORTS) {
        t->give_up = 1;
        return;
    }
    lt_symbol_init(&symbol, sizeof symbol);
    lt_disassemble(t->session, t->pc, t->code, t->length, text, sizeof text);
    fprintf(stderr, "instruction %" PRIu64 " at %#" PRIx64, t->insns, t->pc);
    if (lt_symbol_at(t->session, t->pc, &symbol) == 0 && symbol.name != NULL)
        fprintf(stderr, ", %s+%" PRIu64, symbol.name, symbol.offset);
    fprintf(stderr, " (%s): ", text);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- The oracle's memory ---- */

/* Makes the oracle's process map a page at `addr`: a system call where the program
 * has one, with the registers put back. */
static int map_page(struct real *t, uint64_t addr)
{
    struct user_regs_struct saved;
    struct user_regs_struct call;
    int pid = t->oracle.pid;
    int status;

    if (ptrace(PTRACE_GETREGS, pid, 0, &saved) != 0)
        return -1;
    call = saved;
    call.orig_rax = (unsigned long long)-1;
    call.rip = t->call_at;
    call.rax = SYS_mmap;
    call.rdi = addr;
    call.rsi = PAGE;
    call.rdx = PROT_READ | PROT_WRITE | PROT_EXEC;
    call.r10 = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    call.r8 = (unsigned long long)-1;
    call.r9 = 0;
    if (ptrace(PTRACE_SETREGS, pid, 0, &call) != 0 ||
        ptrace(PTRACE_SINGLESTEP, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid ||
        !WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, pid, 0, &call) != 0 ||
        ptrace(PTRACE_SETREGS, pid, 0, &saved) != 0)
        return -1;
    return call.rax == addr ? 0 : -1;
}

static struct page *find_page(struct real *t, uint64_t addr)
{
    struct page **bucket = &t->buckets[addr / PAGE % BUCKETS];
    struct page *page;
    uint8_t byte;

    addr &= ~(PAGE - 1);
    if (t->last != NULL && t->last->addr == addr)
        return t->last;
    for (page = *bucket; page != NULL; page = page->next) {
        if (page->addr == addr)
            return t->last = page;
    }
    page = calloc(1, sizeof *page);
    if (page == NULL) {
        fprintf(stderr, "real: out of memory\n");
        exit(2);
    }
    page->addr = addr;
    page->next = *bucket;
    *bucket = t->last = page;
    /* The program's own pages are there; what they hold is the file's. */
    if (oracle_read(&t->oracle, addr, &byte, 1) != 0) {
        if (map_page(t, addr) != 0)
            report(t, "the oracle cannot map %#" PRIx64, addr);
    } else if (oracle_read(&t->oracle, addr, page->bytes, PAGE) == 0) {
        memset(page->known, 1, sizeof page->known);
    }
    return page;
}

/* Takes bytes over as the guest's memory, the oracle's too. */
static void put(struct real *t, uint64_t addr, const uint8_t *data, uint32_t length,
                int oracle_too)
{
    uint32_t done;
    uint32_t part;
    uint32_t i;

    for (done = 0; done < length; done += part) {
        struct page *page = find_page(t, addr + done);
        uint64_t at = (addr + done) % PAGE;

        part = length - done < PAGE - at ? length - done : (uint32_t)(PAGE - at);
        memcpy(page->bytes + at, data + done, part);
        memset(page->known + at, 1, part);
        for (i = 0; i < part; i++)
            page->call[at + i] = t->calls;
        if (oracle_too && oracle_write(&t->oracle, addr + done, data + done, part) != 0)
            report(t, "the oracle's memory at %#" PRIx64 " cannot be written",
                   addr + done);
    }
}

/* Memory has other contents from here on. */
static void forget(struct real *t, uint64_t start, uint64_t length)
{
    uint64_t addr;

    for (addr = start & ~(PAGE - 1); addr < start + length; addr += PAGE) {
        struct page *page = t->buckets[addr / PAGE % BUCKETS];

        while (page != NULL && page->addr != addr)
            page = page->next;
        if (page != NULL)
            memset(page->known, 0, sizeof page->known);
    }
}

/* ---- Comparing ---- */

static int is_inexact(const cs_insn *insn)
{
    switch (insn->id) {
    case X86_INS_CPUID:
    case X86_INS_RDTSC:
    case X86_INS_RDTSCP:
    case X86_INS_RDRAND:
    case X86_INS_RDSEED:
    case X86_INS_XGETBV:
        return 1;
    default:
        return 0;
    }
}

/* What the trace may say in another way: flags that are undefined, and what QEMU
 * does not keep (the denormal flag; the upper bits of x87 registers under MMX). */
static int is_allowed(const struct real *t, uint32_t reg, uint64_t differs,
                      const cs_insn *insn)
{
    if (reg == LT_X86_64_RFLAGS) {
        differs &= FLAG_MASK;
        return insn != NULL && (differs & ~(uint64_t)oracle_undefined_flags(
                                              insn, t->before[LT_X86_64_RCX])) == 0;
    }
    if (reg == LT_X86_64_MXCSR)
        return (differs & ~UINT64_C(2)) == 0;
    if (reg == LT_X86_64_FSW)
        return (differs & ~UINT64_C(0x4702)) == 0;
    return 0;
}

static void compare_registers(struct real *t, const uint64_t *now,
                              uint8_t wide[][ORACLE_WIDTH], const cs_insn *insn)
{
    int inexact = t->had_syscall || (insn != NULL && is_inexact(insn));
    int adopted = 0;
    int adopted_wide = 0;
    uint32_t reg;

    for (reg = 0; reg < t->regs; reg++) {
        uint32_t width = (uint32_t)lt_reg_width(LT_ARCH_X86_64, reg);

        if (reg == LT_X86_64_RIP ||
            (width <= 8 ? now[reg] == t->oracle.regs[reg]
                        : memcmp(wide[reg], t->oracle.wide[reg], width) == 0))
            continue;
        if (width > 8) {
            uint64_t is[2];
            uint64_t should[2];

            memcpy(is, wide[reg], sizeof is);
            memcpy(should, t->oracle.wide[reg], sizeof should);
            report(t,
                   "%s is %016" PRIx64 "%016" PRIx64 ", the oracle says %016" PRIx64
                   "%016" PRIx64 " (low 16 bytes)",
                   lt_reg_name(LT_ARCH_X86_64, reg), is[1], is[0], should[1], should[0]);
            memcpy(t->oracle.wide[reg], wide[reg], ORACLE_WIDTH);
            adopted_wide = 1;
            continue;
        }
        if (!inexact && !is_allowed(t, reg, now[reg] ^ t->oracle.regs[reg], insn))
            report(t,
                   "%s is %#" PRIx64 ", the oracle says %#" PRIx64 " (was %#" PRIx64 ")",
                   lt_reg_name(LT_ARCH_X86_64, reg), now[reg], t->oracle.regs[reg],
                   t->before[reg]);
        t->oracle.regs[reg] = now[reg];
        adopted = 1;
        adopted_wide |= reg == LT_X86_64_MXCSR || reg == LT_X86_64_FSW;
    }
    if ((adopted && oracle_set_regs(&t->oracle) != 0) ||
        (adopted_wide && oracle_set_wide(&t->oracle) != 0))
        t->give_up = 1;
}

static void compare_writes(struct real *t)
{
    unsigned i;
    uint32_t k;

    for (i = 0; i < t->write_count; i++) {
        for (k = 0; k < t->writes[i].length; k++) {
            uint64_t addr = t->writes[i].addr + k;
            uint8_t is = find_page(t, addr)->bytes[addr % PAGE];
            uint8_t should = 0;

            oracle_read(&t->oracle, addr, &should, 1);
            if (is == should)
                continue;
            report(t, "the byte at %#" PRIx64 " becomes %02x, the oracle says %02x", addr,
                   is, should);
            oracle_write(&t->oracle, addr, &is, 1);
        }
    }
}

/* Lets the processor execute the instruction in hand; `now`: registers behind it. */
static void finish(struct real *t, const uint64_t *now, uint8_t wide[][ORACLE_WIDTH])
{
    cs_insn *insn = NULL;

    if (t->had_syscall) {
        /* Not made here: only what it did. */
        t->oracle.regs[LT_X86_64_RIP] = now[LT_X86_64_RIP];
        oracle_set_regs(&t->oracle);
    } else if (oracle_step(&t->oracle) != ORACLE_STEPPED) {
        report(t, "the processor raises signal %d", t->oracle.signal);
        t->missing = t->oracle.signal == SIGILL;
        t->give_up = 1;
        return;
    }
    if (cs_disasm(t->capstone, t->code, t->length, t->pc, 1, &insn) != 1)
        insn = NULL;
    compare_writes(t);
    compare_registers(t, now, wide, insn);
    if (insn != NULL)
        cs_free(insn, 1);
}

/* ---- Events ---- */

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    static uint8_t wide[ORACLE_REGS][ORACLE_WIDTH];
    struct real *t = user;
    uint64_t now[ORACLE_REGS] = {0};
    uint8_t code[16];
    uint32_t reg;

    for (reg = 0; reg < t->regs; reg++) {
        uint32_t width = (uint32_t)lt_reg_width(LT_ARCH_X86_64, reg);
        int error = width <= 8 ? lt_reg_read(session, reg, &now[reg])
                               : lt_reg_read_bytes(session, reg, wide[reg], ORACLE_WIDTH);

        if (error < 0) {
            report(t, "%s cannot be read", lt_reg_name(LT_ARCH_X86_64, reg));
            return LT_STOP;
        }
    }
    if (t->have) {
        finish(t, now, wide);
    } else {
        memcpy(t->oracle.regs, now, sizeof now);
        memcpy(t->oracle.wide, wide, sizeof wide);
        if (oracle_set_regs(&t->oracle) != 0 || oracle_set_wide(&t->oracle) != 0)
            t->give_up = 1;
    }
    if (t->give_up)
        return LT_STOP;
    t->have = 1;
    t->insns++;
    t->pc = e->pc;
    t->length = e->length;
    memcpy(t->code, e->bytes, e->length);
    memcpy(t->before, now, sizeof now);
    t->write_count = 0;
    t->had_syscall = 0;
    if (oracle_pc(&t->oracle) != e->pc) {
        report(t, "the oracle is at %#" PRIx64, oracle_pc(&t->oracle));
        return LT_STOP;
    }
    /* Code elsewhere than in the program is the emulator's own: its vdso. */
    if (find_page(t, e->pc) != NULL && find_page(t, e->pc + e->length - 1) != NULL &&
        !find_page(t, e->pc)->known[e->pc % PAGE])
        put(t, e->pc, e->bytes, e->length, 1);
    if (oracle_read(&t->oracle, e->pc, code, e->length) != 0 ||
        memcmp(code, e->bytes, e->length) != 0)
        report(t, "its bytes are not those in memory");
    return 0;
}

/* A byte that is read, where the events have put another one. */
static void unexpected(struct real *t, uint64_t addr, uint8_t is)
{
    const struct page *page = find_page(t, addr);
    uint8_t should = page->bytes[addr % PAGE];
    uint8_t there = should;

    oracle_read(&t->oracle, addr, &there, 1);
    if (there != should)
        report(t, "reads %02x at %#" PRIx64 ", put there by a store without an event", is,
               addr);
    else if (t->strict || page->call[addr % PAGE] == t->calls)
        report(t, "reads %02x at %#" PRIx64 ", where the events put %02x", is, addr,
               should);
    else
        t->untold++;
}

static int on_read(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct real *t = user;
    uint32_t i;

    (void)session;
    if (e->by != LT_BY_INSN)
        return 0;
    for (i = 0; i < e->length; i++) {
        struct page *page = find_page(t, e->addr + i);
        uint64_t at = (e->addr + i) % PAGE;

        if (page->known[at] && page->bytes[at] == e->data[i])
            continue;
        if (page->known[at])
            unexpected(t, e->addr + i, e->data[i]);
        else
            t->inputs++;
        put(t, e->addr + i, e->data + i, 1, 1);
    }
    return 0;
}

static int on_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct real *t = user;

    (void)session;
    put(t, e->addr, e->data, e->length, e->by == LT_BY_KERNEL);
    if (e->by == LT_BY_INSN && t->write_count < MAX_ACCESSES) {
        t->writes[t->write_count].addr = e->addr;
        t->writes[t->write_count++].length = e->length;
    }
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    struct real *t = user;

    (void)session;
    t->had_syscall = 1;
    t->calls++;
    if (e->phase != LT_PHASE_RETURN || e->error != 0)
        return 0;
    if (e->nr == SYS_mmap)
        forget(t, (uint64_t)e->ret, e->args[1]);
    else if (e->nr == SYS_mremap)
        forget(t, (uint64_t)e->ret, e->args[2]);
    else if (e->nr == SYS_munmap || e->nr == SYS_madvise)
        forget(t, e->args[0], e->args[1]);
    return 0;
}

static int on_end(lt_session *session, const struct lt_exit *e, void *user)
{
    struct real *t = user;

    (void)session;
    t->exited = 1;
    if (e->signal != 0)
        report(t, "the program ends by signal %d", e->signal);
    return 0;
}

/* ---- The run ---- */

/* Finds a system call instruction behind the program's entry. */
static int find_call(struct real *t)
{
    uint64_t addr = oracle_pc(&t->oracle);
    uint8_t code[256];
    size_t i;

    for (; oracle_read(&t->oracle, addr, code, sizeof code) == 0;
         addr += sizeof code - 1) {
        for (i = 0; i + 1 < sizeof code; i++) {
            if (code[i] == 0x0f && code[i + 1] == 0x05) {
                t->call_at = addr + i;
                return 0;
            }
        }
    }
    fprintf(stderr, "real: no system call in the program\n");
    return -1;
}

static int run(struct real *t, const struct lt_config *config)
{
    struct lt_stats stats = {.size = sizeof stats};
    struct lt_result result;
    int error;

    if (oracle_start(&t->oracle, ORACLE_NATIVE, config->program, -1) != 0 ||
        find_call(t) != 0)
        return 2;
    error = lt_session_create(config, &t->session);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", config->program, lt_error_text(error));
        return 2;
    }
    error |= lt_on_insn(t->session, NULL, on_insn, t);
    error |= lt_on_mem_read(t->session, NULL, on_read, t);
    error |= lt_on_mem_write(t->session, NULL, on_write, t);
    error |= lt_on_syscall(t->session, NULL, on_syscall, t);
    error |= lt_on_exit(t->session, NULL, on_end, t);
    if (error == 0)
        error = lt_session_run(t->session);
    if (error != 0)
        report(t, "the run fails with %d: %s", error, lt_session_message(t->session));
    lt_session_stats(t->session, &stats);
    lt_result_init(&result, sizeof result);
    lt_session_result(t->session, &result);
    if (!t->give_up && (!t->exited || stats.insns != t->insns ||
                        result.untraced_threads + result.untraced_processes != 0))
        report(t, "not all was seen: %" PRIu64 " instructions of %" PRIu64, t->insns,
               stats.insns);
    if (stats.register_mismatches != 0 || stats.internal_errors != 0)
        report(t, "%" PRIu64 " register mismatches, %" PRIu64 " internal errors",
               stats.register_mismatches, stats.internal_errors);
    lt_session_destroy(t->session);
    oracle_end(&t->oracle);
    fprintf(stderr,
            "%s: %" PRIu64 " instructions%s, %" PRIu64 " bytes of input, %" PRIu64
            " of the kernel's untold\n",
            config->program, t->insns, t->reports == 0 ? " equal" : "", t->inputs,
            t->untold);
    if (t->missing)
        return 77;
    return t->reports != 0;
}

int main(int argc, char **argv)
{
    static struct real t;
    struct lt_config config;
    const char *const envp[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
    int option;
    int status;

    lt_config_init(&config, sizeof config);
    while ((option = getopt(argc, argv, "+c:s")) != -1) {
        if (option == 's')
            t.strict = 1;
        else if (option == 'c')
            config.cpu = optarg;
        else
            return 2;
    }
    if (optind == argc) {
        fprintf(stderr, "usage: real [-c CPU] [-s] PROGRAM [ARGS...]\n");
        return 2;
    }
    config.program = argv[optind];
    config.argv = (const char *const *)(argv + optind);
    config.envp = envp;
    t.regs = (unsigned)lt_reg_count(LT_ARCH_X86_64);
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &t.capstone) != 0)
        return 2;
    cs_option(t.capstone, CS_OPT_DETAIL, CS_OPT_ON);
    status = run(&t, &config);
    cs_close(&t.capstone);
    return status;
}
