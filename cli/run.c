/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a run: the session, its callbacks and what becomes of its result. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "count.h"
#include "log.h"
#include "find.h"
#include "lt/fuzz.h"
#include "signals.h"

static const struct log_format *format_of(const struct options *options)
{
    if (options->count)
        return &log_count;
    return options->json ? &log_json : &log_text;
}

/* The exit status for a program that did not run: as shells have it. */
static int failure_status(int error)
{
    switch (error) {
    case LT_ERR_NOT_FOUND:
        return STATUS_NOT_FOUND;
    case LT_ERR_PERMISSION:
    case LT_ERR_DIRECTORY:
    case LT_ERR_NOT_ELF:
    case LT_ERR_TRUNCATED:
    case LT_ERR_ARCH:
    case LT_ERR_INTERPRETER:
        return STATUS_CANNOT_RUN;
    default:
        return STATUS_FAILURE;
    }
}

/* Says what the library has to say; returns the exit status. */
static int failed(const lt_session *session, int error)
{
    const char *message = session ? lt_session_message(session) : "";

    fprintf(stderr, "lt: %s\n", message[0] ? message : lt_error_text(error));
    return failure_status(error);
}

/* Registers the callbacks of the format for the kinds of events wanted. */
static int add_callbacks(lt_session *session, struct log *log,
                         const struct log_format *format)
{
    const uint32_t kinds = log->kinds;
    struct lt_filter code, all;
    int error = 0;

    lt_filter_init(&code, sizeof code);
    lt_filter_init(&all, sizeof all);
    /* The log has register values from the events, never by lt_reg_read(). */
    code.flags = all.flags = LT_FILTER_NO_REGS;
    code.module = log->options->module;
    code.pc_start = log->options->pc_start;
    code.pc_end = log->options->pc_end;

    if (kinds & LT_KIND(LT_EVENT_INSN) || format->always_insn)
        error = lt_on_insn(session, &code, format->insn, log);
    if (!error && kinds & LT_KIND(LT_EVENT_REG_WRITE))
        error = lt_on_reg_write(session, &code, format->reg_write, log);
    if (!error && kinds & LT_KIND(LT_EVENT_MEM_WRITE))
        error = lt_on_mem_write(session, &code, format->mem, log);
    if (!error && kinds & LT_KIND(LT_EVENT_MEM_READ))
        error = lt_on_mem_read(session, &code, format->mem, log);
    /* Wanted always: they tell when to flush, and what to forget. */
    if (!error)
        error = lt_on_syscall(session, &all, format->syscall, log);
    if (!error)
        error = lt_on_module(session, &all, format->module, log);
    if (!error && kinds & LT_KIND(LT_EVENT_MAP))
        error = lt_on_map(session, &all, format->map, log);
    if (!error)
        error = lt_on_process(session, &all, format->process, log);
    if (!error && kinds & LT_KIND(LT_EVENT_SIGNAL))
        error = lt_on_signal(session, &all, format->signal, log);
    if (!error && kinds & LT_KIND(LT_EVENT_THREAD))
        error = lt_on_thread(session, &all, format->thread, log);
    if (!error)
        error = lt_on_exit(session, &all, format->exit, log);
    return error;
}

/* Has the blocks of the code wanted counted, each under a number. */
static int add_coverage(lt_session *session, const struct options *options)
{
    struct lt_coverage coverage;
    struct lt_filter code;
    int error;

    lt_coverage_init(&coverage, sizeof coverage);
    coverage.kind = LT_COVERAGE_NUMBERS;
    coverage.map_size = 1 << 20; /* as many as there can be */
    error = lt_coverage_start(session, &coverage);
    if (!error && (options->module || options->pc_start || options->pc_end)) {
        lt_filter_init(&code, sizeof code);
        code.module = options->module;
        code.pc_start = options->pc_start;
        code.pc_end = options->pc_end;
        error = lt_coverage_include(session, &code);
    }
    return error;
}

/* On standard error, unless that is where JSON goes: it says so itself. */
static void note_untraced(const struct log *log, const struct lt_result *result)
{
    const uint32_t threads = result->untraced_threads;
    const uint32_t processes = result->untraced_processes;

    if ((!threads && !processes) || (log->options->json && !log->options->output))
        return;
    fprintf(stderr, "lt: note: ");
    if (threads)
        fprintf(stderr, "%u thread%s", threads, threads == 1 ? "" : "s");
    if (threads && processes)
        fprintf(stderr, " and ");
    if (processes)
        fprintf(stderr, "%u process%s", processes, processes == 1 ? "" : "es");
    fprintf(stderr, " ran untraced\n");
}

/* Runs the session that is ready; returns the exit status. */
static int run_session(lt_session *session, struct log *log,
                       const struct log_format *format)
{
    struct lt_result result;
    int error;

    error = signals_start(session);
    if (error) {
        fprintf(stderr, "lt: cannot start a thread: %s\n", strerror(error));
        return STATUS_FAILURE;
    }
    error = lt_session_run(session);
    signals_end();
    progress_end(&log->progress);
    if (error < 0)
        return failed(session, error);

    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    if (format->finish && log->options->log)
        format->finish(log, &result);
    out_flush(&log->out);
    note_untraced(log, &result);
    if (log->options->coverage) {
        error = lt_coverage_save_drcov(session, log->options->coverage);
        if (error < 0) {
            failed(session, error);
            return STATUS_FAILURE;
        }
    }
    switch (result.kind) {
    case LT_RESULT_EXIT:
        return result.status & 0xff;
    case LT_RESULT_SIGNAL:
        return 128 + result.signal;
    case LT_RESULT_LIMIT:
        /* JSON on standard error is nothing but JSON. */
        if (!log->options->json || log->options->output)
            fprintf(stderr, "lt: %s\n", lt_session_message(session));
        return STATUS_LIMIT;
    default: /* by a signal or a log that failed: both are looked at later */
        return STATUS_FAILURE;
    }
}

static int run_program(char *path, const struct options *options, struct log *log)
{
    const struct log_format *format = format_of(options);
    struct lt_config config;
    lt_session *session;
    int error;
    int status;

    lt_config_init(&config, sizeof config);
    config.flags = LT_CONFIG_TERMINAL;
    config.program = path;
    config.argv = (const char *const *)options->program;
    config.sysroot = options->sysroot;
    config.follow = options->follow;
    config.threads = options->threads;
    config.cpu = options->cpu;
    config.limit_insns = options->limit_insns;
    config.limit_memory = options->limit_memory;
    config.limit_output = options->limit_output;
    config.limit_ms = options->limit_ms;
    config.limit_processes = options->limit_processes;
    error = lt_session_create(&config, &session);
    if (error < 0)
        return failed(NULL, error);
    if (options->count && !(log->counts = counts_create())) {
        lt_session_destroy(session);
        return failed(NULL, LT_ERR_NO_MEMORY);
    }
    error = options->coverage ? add_coverage(session, options) : 0;
    if (!error && options->log)
        error = add_callbacks(session, log, format);
    status = error < 0 ? failed(session, error) : run_session(session, log, format);
    /* The symbols' names in it are the session's. */
    counts_destroy(log->counts);
    lt_session_destroy(session);
    return status;
}

int run(const struct options *options)
{
    struct log log;
    char *path;
    int error;
    int status;

    status = find_program(options->program[0], &path);
    if (status)
        return status;
    error = log_open(&log, options);
    if (error) {
        fprintf(stderr, "lt: cannot open the log %s: %s\n",
                options->output ? options->output : "on standard error", strerror(error));
        free(path);
        return STATUS_FAILURE;
    }
    status = run_program(path, options, &log);
    error = log_close(&log);
    if (error) {
        fprintf(stderr, "lt: cannot write the log to %s: %s\n", log.out.name,
                strerror(error));
        status = STATUS_FAILURE;
    }
    free(path);
    if (!error && signals_caught())
        signals_die(signals_caught());
    return status;
}
