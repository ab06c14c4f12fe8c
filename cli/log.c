/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what the writers of the log share; see log.h. */
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "lt/unstable.h"

int log_open(struct log *log, const struct options *options)
{
    int error;

    *log = (struct log){.options = options, .kinds = options->kinds};
    error = out_open_path(&log->out, options->output);
    if (error)
        return error;
    error = out_open_memory(&log->scratch);
    log->places = places_create();
    if (error || !log->places) {
        log_close(log);
        return ENOMEM;
    }
    progress_start(&log->progress, log->out.fd);
    return 0;
}

int log_close(struct log *log)
{
    places_destroy(log->places);
    out_close(&log->scratch);
    free(log->call_text);
    log->places = NULL;
    log->call_text = NULL;
    return out_close(&log->out);
}

int log_call(struct log *log, const struct lt_syscall *call)
{
    if (log->out.live && call->phase == LT_PHASE_ENTER)
        out_flush(&log->out);
    progress_tick(&log->progress, log->events);
    return log->out.error ? LT_STOP : 0;
}

int log_disassemble(lt_session *session, const struct lt_insn *insn, char *text,
                    size_t size)
{
    int error = lt_disassemble(session, insn->pc, insn->bytes, insn->length, text, size);

    if (error == LT_ERR_NOT_FOUND) {
        snprintf(text, size, "(bad)");
        return 0;
    }
    return error < 0 ? error : 0;
}

int log_symbol(lt_session *session, uint64_t pc, struct lt_symbol *symbol)
{
    int error;

    lt_symbol_init(symbol, sizeof *symbol);
    error = lt_symbol_at(session, pc, symbol);
    if (error == LT_ERR_NOT_FOUND) {
        lt_symbol_init(symbol, sizeof *symbol);
        return 0;
    }
    return error < 0 ? error : 0;
}

char *log_put_prot(char *p, uint32_t prot)
{
    *p++ = prot & LT_PROT_READ ? 'r' : '-';
    *p++ = prot & LT_PROT_WRITE ? 'w' : '-';
    *p++ = prot & LT_PROT_EXEC ? 'x' : '-';
    return p;
}

void log_process(struct log *log, const struct lt_process *process)
{
    log->arches |= 1u << process->arch;
    if (process->op == LT_PROCESS_EXEC)
        places_drop_process(log->places, process->pid);
}

static const char *new_reg_name(struct log *log, lt_session *session, uint32_t reg)
{
    const size_t count = sizeof log->reg_names / sizeof log->reg_names[0];
    static char unnamed[16];
    int arch = lt_session_arch(session);
    const char *name = lt_reg_name(arch > 0 ? (uint32_t)arch : 0, reg);

    if (!name) {
        snprintf(unnamed, sizeof unnamed, "reg%u", reg);
        return unnamed;
    }
    /* Kept, unless processes of several architectures run. */
    if (reg < count && !(log->arches & (log->arches - 1)))
        log->reg_names[reg] = name;
    return name;
}

const char *log_reg_name(struct log *log, lt_session *session, uint32_t reg)
{
    const size_t count = sizeof log->reg_names / sizeof log->reg_names[0];

    if (reg < count && log->reg_names[reg] && !(log->arches & (log->arches - 1)))
        return log->reg_names[reg];
    return new_reg_name(log, session, reg);
}

/* Room for a text of `length` bytes; false: out of memory. */
static bool call_room(struct log *log, int length)
{
    const size_t size = (size_t)length + 4096;
    char *bigger = realloc(log->call_text, size);

    if (!bigger)
        return false;
    log->call_text = bigger;
    log->call_size = size;
    return true;
}

const char *log_call_text(struct log *log, lt_session *session,
                          const struct lt_syscall *call)
{
    int length = lt_syscall_text(session, call, log->call_text, log->call_size);

    if (length >= 0 && (size_t)length >= log->call_size) {
        if (!call_room(log, length))
            return NULL;
        length = lt_syscall_text(session, call, log->call_text, log->call_size);
    }
    return length < 0 ? NULL : log->call_text;
}

const char *log_arg_text(struct log *log, lt_session *session,
                         const struct lt_syscall *call, uint32_t index)
{
    int length =
        lt_syscall_arg_text(session, call, index, log->call_text, log->call_size);

    if (length >= 0 && (size_t)length >= log->call_size) {
        if (!call_room(log, length))
            return NULL;
        length =
            lt_syscall_arg_text(session, call, index, log->call_text, log->call_size);
    }
    return length < 0 ? NULL : log->call_text;
}

const char *log_result_text(struct log *log, lt_session *session,
                            const struct lt_syscall *call)
{
    int length = lt_syscall_result_text(session, call, log->call_text, log->call_size);

    if (length >= 0 && (size_t)length >= log->call_size) {
        if (!call_room(log, length))
            return NULL;
        length = lt_syscall_result_text(session, call, log->call_text, log->call_size);
    }
    return length < 0 ? NULL : log->call_text;
}

const char *log_map_name(uint32_t op)
{
    static const char *const names[] = {
        [LT_MAP_MAP] = "map",         [LT_MAP_DATA] = "data", [LT_MAP_UNMAP] = "unmap",
        [LT_MAP_PROTECT] = "protect", [LT_MAP_MOVE] = "move", [LT_MAP_ZERO] = "zero",
    };

    return op < sizeof names / sizeof names[0] ? names[op] : "other";
}

const char *log_signal_name(int signal)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {SIGHUP, "SIGHUP"},       {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},
        {SIGILL, "SIGILL"},       {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"},
        {SIGBUS, "SIGBUS"},       {SIGFPE, "SIGFPE"},   {SIGKILL, "SIGKILL"},
        {SIGUSR1, "SIGUSR1"},     {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"},
        {SIGPIPE, "SIGPIPE"},     {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},
        {SIGSTKFLT, "SIGSTKFLT"}, {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"},
        {SIGVTALRM, "SIGVTALRM"}, {SIGPROF, "SIGPROF"}, {SIGPOLL, "SIGPOLL"},
        {SIGPWR, "SIGPWR"},       {SIGSYS, "SIGSYS"},   {SIGCHLD, "SIGCHLD"},
        {SIGCONT, "SIGCONT"},     {SIGSTOP, "SIGSTOP"}, {SIGTSTP, "SIGTSTP"},
        {SIGTTIN, "SIGTTIN"},     {SIGTTOU, "SIGTTOU"}, {SIGURG, "SIGURG"},
        {SIGWINCH, "SIGWINCH"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == signal)
            return names[i].name;
    }
    return NULL;
}
