/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs of guests for the tests of signals, threads and processes. */
#define _GNU_SOURCE
#include "control.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A thread as far as its events tell. */
struct live {
    uint32_t pid, tid;
    uint64_t insns, pc;
    size_t waiting; /* entry that its next instruction belongs to, plus 1 */
    struct live *next;
};

static struct live *live_of(struct guest_run *run, uint32_t pid, uint32_t tid)
{
    struct live **p = &run->live, *found;

    while (*p != NULL && ((*p)->tid != tid || (*p)->pid != pid))
        p = &(*p)->next;
    found = *p;
    if (found == NULL) {
        found = calloc(1, sizeof *found);
        assert_non_null(found);
        found->pid = pid;
        found->tid = tid;
    } else {
        *p = found->next; /* to the front: it is asked for again */
    }
    found->next = run->live;
    run->live = found;
    return found;
}

static struct entry *add(struct guest_run *run, const void *record)
{
    const struct lt_event *e = record;
    struct live *live = live_of(run, e->pid, e->tid);
    struct entry *entry;

    if (run->count == run->room) {
        run->room = run->room ? 2 * run->room : 256;
        run->entries = realloc(run->entries, run->room * sizeof *run->entries);
        assert_non_null(run->entries);
    }
    entry = &run->entries[run->count++];
    memset(entry, 0, sizeof *entry);
    entry->type = e->type;
    entry->seq = e->seq;
    entry->pid = e->pid;
    entry->tid = e->tid;
    entry->insns = live->insns;
    entry->last_pc = live->pc;
    if (e->type == LT_EVENT_SIGNAL)
        live->waiting = run->count;
    assert_true(e->seq > run->seq);
    run->seq = e->seq;
    return entry;
}

static int told(struct guest_run *run, const struct entry *entry)
{
    return run->on_event != NULL ? run->on_event(entry, run->user) : 0;
}

static void keep_text(struct entry *entry, const char *text)
{
    if (text != NULL)
        snprintf(entry->text, sizeof entry->text, "%s", text);
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct guest_run *run = user;
    struct live *live = live_of(run, e->pid, e->tid);

    assert_true(e->seq > run->seq);
    assert_int_not_equal(e->pid, run->ended);
    run->seq = e->seq;
    live->insns++;
    live->pc = e->pc;
    if (live->waiting != 0) {
        struct entry *entry = &run->entries[live->waiting - 1];
        uint32_t reg;

        entry->next = 1;
        entry->next_pc = e->pc;
        for (reg = 0; reg < 34; reg++)
            lt_reg_read(session, reg, &entry->next_regs[reg]);
        live->waiting = 0;
    }
    return run->on_insn != NULL ? run->on_insn(session, e, run->user) : 0;
}

static int on_signal(lt_session *session, const struct lt_signal *e, void *user)
{
    struct guest_run *run = user;
    struct entry *entry = add(run, e);

    (void)session;
    entry->op = e->op;
    entry->number = e->signal;
    entry->code = e->code;
    entry->pc = e->pc;
    entry->addr = e->addr;
    entry->handler = e->handler;
    return told(run, entry);
}

static int on_thread(lt_session *session, const struct lt_thread *e, void *user)
{
    struct guest_run *run = user;
    struct entry *entry = add(run, e);

    (void)session;
    entry->op = e->op;
    entry->parent = e->parent;
    keep_text(entry, e->name);
    return told(run, entry);
}

static int on_process(lt_session *session, const struct lt_process *e, void *user)
{
    struct guest_run *run = user;
    struct entry *entry = add(run, e);

    (void)session;
    entry->op = e->op;
    entry->parent = e->parent;
    entry->arch = e->arch;
    keep_text(entry, e->path);
    return told(run, entry);
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    struct guest_run *run = user;
    struct entry *entry = add(run, e);

    (void)session;
    entry->op = e->phase;
    entry->number = e->nr;
    entry->pc = e->pc;
    entry->addr = e->args[0];
    entry->result = (uint64_t)e->ret;
    entry->error = e->error;
    keep_text(entry, e->name);
    return told(run, entry);
}

static int on_module(lt_session *session, const struct lt_module *e, void *user)
{
    struct guest_run *run = user;
    struct entry *entry = add(run, e);

    (void)session;
    entry->op = e->op;
    entry->addr = e->start;
    entry->handler = e->end;
    keep_text(entry, e->path);
    return told(run, entry);
}

static int on_exit_event(lt_session *session, const struct lt_exit *e, void *user)
{
    struct guest_run *run = user;
    struct entry *entry = add(run, e);

    (void)session;
    run->ended = e->pid;
    entry->status = e->status;
    entry->signal = e->signal;
    return told(run, entry);
}

/* The pull form: what callbacks would have been called with. */
static int pull(struct guest_run *run, lt_session *session)
{
    uint32_t kinds = LT_KIND(LT_EVENT_SIGNAL) | LT_KIND(LT_EVENT_THREAD) |
                     LT_KIND(LT_EVENT_PROCESS) | LT_KIND(LT_EVENT_MODULE);
    const struct lt_event *e;
    int error;

    if (run->insns)
        kinds |= LT_KIND(LT_EVENT_INSN);
    if (run->calls)
        kinds |= LT_KIND(LT_EVENT_SYSCALL);
    error = lt_session_select(session, kinds, NULL);
    while (error == 0 && (error = lt_session_next(session, &e)) == 1) {
        const void *event = e;

        switch (e->type) {
        case LT_EVENT_INSN:
            error = on_insn(session, event, run);
            break;
        case LT_EVENT_SIGNAL:
            error = on_signal(session, event, run);
            break;
        case LT_EVENT_THREAD:
            error = on_thread(session, event, run);
            break;
        case LT_EVENT_PROCESS:
            error = on_process(session, event, run);
            break;
        case LT_EVENT_SYSCALL:
            error = on_syscall(session, event, run);
            break;
        case LT_EVENT_MODULE:
            error = on_module(session, event, run);
            break;
        case LT_EVENT_EXIT:
            error = on_exit_event(session, event, run);
            break;
        default:
            fail_msg("an event of kind %u was not asked for", e->type);
        }
        if (error == LT_STOP)
            error = lt_session_stop(session);
    }
    return error;
}

static int call_back(struct guest_run *run, lt_session *session)
{
    struct lt_filter filter;
    int error = 0;

    lt_filter_init(&filter, sizeof filter);
    filter.module = run->module;
    if (run->insns)
        error |= lt_on_insn(session, run->module ? &filter : NULL, on_insn, run);
    if (run->calls)
        error |= lt_on_syscall(session, NULL, on_syscall, run);
    error |= lt_on_signal(session, NULL, on_signal, run);
    error |= lt_on_thread(session, NULL, on_thread, run);
    error |= lt_on_process(session, NULL, on_process, run);
    error |= lt_on_module(session, NULL, on_module, run);
    error |= lt_on_exit(session, NULL, on_exit_event, run);
    assert_int_equal(error, 0);
    return lt_session_run(session);
}

static char *contents(FILE *file)
{
    char *text;
    long size;

    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

/* Each process begins before its other events, and ends once, behind them. */
static void check_processes(const struct guest_run *run)
{
    size_t i, k;

    for (i = 0; i < run->count; i++) {
        const struct entry *start = &run->entries[i];
        size_t exits = 0, last = 0;

        if (start->type != LT_EVENT_PROCESS || start->op != LT_PROCESS_START)
            continue;
        for (k = 0; k < run->count; k++) {
            const struct entry *e = &run->entries[k];

            if (e->pid != start->pid)
                continue;
            assert_true(k >= i);
            last = k;
            exits += e->type == LT_EVENT_EXIT;
        }
        assert_int_equal(exits, 1);
        assert_int_equal(run->entries[last].type, LT_EVENT_EXIT);
    }
    assert_true(count_of(run, LT_EVENT_EXIT, 0) ==
                count_of(run, LT_EVENT_PROCESS, LT_PROCESS_START));
}

void run_guest(struct guest_run *run)
{
    FILE *output = tmpfile();
    struct lt_config config;
    lt_session *session;
    int error;

    assert_non_null(output);
    lt_config_init(&config, sizeof config);
    config.program = run->argv[0];
    config.argv = run->argv;
    config.follow = run->follow;
    config.threads = run->threads;
    config.stdio[0] = LT_STDIO_NULL;
    config.stdio[1] = LT_STDIO_FD;
    config.stdio_fd[1] = fileno(output);
    assert_int_equal(lt_session_create(&config, &session), 0);
    error = run->pull ? pull(run, session) : call_back(run, session);
    if (error != 0)
        print_error("%s %s: %d %s\n", run->argv[0], run->argv[1] ? run->argv[1] : "",
                    error, lt_session_message(session));
    assert_int_equal(error, 0);
    lt_result_init(&run->result, sizeof run->result);
    lt_session_result(session, &run->result);
    run->stats.size = sizeof run->stats;
    lt_session_stats(session, &run->stats);
    lt_session_destroy(session);
    run->output = contents(output);
    if (run->stats.register_mismatches != 0 || run->stats.internal_errors != 0)
        print_error("%s %s: registers differ\n", run->argv[0],
                    run->argv[1] ? run->argv[1] : "");
    assert_int_equal(run->stats.register_mismatches, 0);
    assert_int_equal(run->stats.internal_errors, 0);
    if (run->result.kind == LT_RESULT_STOPPED)
        return;
    if (!run->untraced) {
        assert_int_equal(run->result.untraced_processes, 0);
        assert_int_equal(run->result.untraced_threads, 0);
    }
    if (run->follow == LT_FOLLOW_ALL)
        check_processes(run);
}

void free_run(struct guest_run *run)
{
    while (run->live != NULL) {
        struct live *next = run->live->next;

        free(run->live);
        run->live = next;
    }
    free(run->entries);
    free(run->output);
}

/* ---- Without us ---- */

/* Leaves lines out that begin with "#". */
static void drop_facts(char *text)
{
    char *from = text, *to = text;

    while (*from != '\0') {
        size_t size = strcspn(from, "\n");

        size += from[size] == '\n';
        if (*from != '#') {
            memmove(to, from, size);
            to += size;
        }
        from += size;
    }
    *to = '\0';
}

/* The same file for the processor that runs this. */
static const char *native(const char *argument)
{
    static char paths[MAX_ARGS][512];
    static unsigned turn;
    const char *at = argument != NULL ? strstr(argument, "/aarch64/") : NULL;
    char *path = paths[turn++ % MAX_ARGS];

    if (at == NULL)
        return argument;
    snprintf(path, sizeof paths[0], "%.*s/x86_64/%s", (int)(at - argument), argument,
             at + strlen("/aarch64/"));
    return path;
}

char *run_plain(const struct guest_run *run, int *status)
{
    const char *argv[MAX_ARGS];
    FILE *output = tmpfile();
    char *text;
    pid_t child;
    size_t i;

    assert_non_null(output);
    for (i = 0; i < MAX_ARGS; i++)
        argv[i] = native(run->argv[i]);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY);

        dup2(null, 0);
        dup2(fileno(output), 1);
        close_range(3, ~0u, 0);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(123);
    }
    assert_int_equal(waitpid(child, status, 0), child);
    *status = WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
    text = contents(output);
    drop_facts(text);
    if (*status == 123) {
        free(text);
        return NULL;
    }
    return text;
}

void same_as_plain(const struct guest_run *run)
{
    char *mine = strdup(run->output);
    char *plain;
    int status;

    plain = run_plain(run, &status);
    if (plain != NULL) {
        drop_facts(mine);
        assert_string_equal(mine, plain);
        assert_int_equal(run->result.kind == LT_RESULT_SIGNAL ? 128 + run->result.signal
                                                              : run->result.status,
                         status);
    }
    free(plain);
    free(mine);
}

/* ---- Questions ---- */

const struct entry *nth(const struct guest_run *run, uint32_t type, uint32_t op, size_t n)
{
    size_t i;

    for (i = 0; i < run->count; i++) {
        const struct entry *e = &run->entries[i];

        if (e->type == type && e->op == op && n-- == 0)
            return e;
    }
    return NULL;
}

size_t count_of(const struct guest_run *run, uint32_t type, uint32_t op)
{
    size_t n = 0;

    while (nth(run, type, op, n) != NULL)
        n++;
    return n;
}

const char *control_guest(uint32_t arch, const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    const char *folder = getenv("LT_GUESTS");
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s/control-%s", folder != NULL ? folder : ".",
             lt_arch_name(arch), name);
    return access(path, X_OK) == 0 ? path : NULL;
}
