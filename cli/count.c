/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the summary of --count: every event is delivered and counted, and each
 * instruction is added to the symbol that it belongs to.
 */
#include "count.h"

#include <search.h>
#include <stdlib.h>

#include "log.h"

#define HOTTEST 10u
#define KEPT 8192u /* instructions whose counters are at hand, a power of two */

/* A symbol of a module, or (name NULL) a module's code without symbols, or
 * (module NULL as well) code in no file.  The strings are the session's. */
struct symbol_count {
    const char *name;
    const char *module;
    uint64_t insns;
    struct symbol_count *next; /* in counts.all */
};

/*
 * Counting costs more than the rest of an event if each adds to the number that the one
 * before has just written.  So instructions that are at hand are counted each for itself,
 * and register writes, which are the most frequent, in turns.
 */
#define TURNS 8u

/* An instruction at hand; what the bytes there are makes no difference. */
struct kept {
    uint64_t pc;
    uint64_t insns;    /* not yet added to: */
    uint64_t *counter; /* its symbol's; NULL: there is no instruction */
    uint32_t pid;
};

struct counts {
    struct kept kept[KEPT];
    uint64_t reg_writes[TURNS];
    uint64_t next_tick;               /* the event to look at the clock at */
    uint64_t kinds[LT_EVENT_MAP + 1]; /* by enum lt_event_type; of the two most frequent
                                         kinds only at the end */
    void *tree;                       /* of struct symbol_count, for tsearch() */
    struct symbol_count *all;
};

struct counts *counts_create(void)
{
    return calloc(1, sizeof(struct counts));
}

static int compare_text(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int compare(const void *left, const void *right)
{
    const struct symbol_count *a = left, *b = right;
    int order = compare_text(a->module, b->module);

    return order ? order : compare_text(a->name, b->name);
}

void counts_destroy(struct counts *counts)
{
    if (!counts)
        return;
    while (counts->all) {
        struct symbol_count *next = counts->all->next;
        tdelete(counts->all, &counts->tree, compare);
        free(counts->all);
        counts->all = next;
    }
    free(counts);
}

/* Finds or makes the counter of the symbol at `pc`. */
static int find_counter(struct counts *counts, lt_session *session, uint64_t pc,
                        uint64_t **counter)
{
    struct lt_symbol symbol;
    struct symbol_count *made;
    struct symbol_count **found;
    int error;

    error = log_symbol(session, pc, &symbol);
    if (error)
        return error;
    made = calloc(1, sizeof *made);
    if (!made)
        return LT_ERR_NO_MEMORY;
    made->name = symbol.name;
    made->module = symbol.module;
    found = tsearch(made, &counts->tree, compare);
    if (!found) {
        free(made);
        return LT_ERR_NO_MEMORY;
    }
    if (*found != made) {
        free(made);
    } else {
        made->next = counts->all;
        counts->all = made;
    }
    *counter = &(*found)->insns;
    return 0;
}

static struct kept *kept_at(struct counts *counts, uint64_t pc)
{
    return &counts->kept[(pc ^ pc >> 13) % KEPT];
}

static void add_kept(struct kept *kept)
{
    if (kept->counter) {
        *kept->counter += kept->insns;
        kept->insns = 0;
    }
}

/* Addresses may belong to other symbols from now on. */
static void drop_kept(struct counts *counts)
{
    for (unsigned i = 0; i < KEPT; i++) {
        add_kept(&counts->kept[i]);
        counts->kept[i].counter = NULL;
    }
}

/* Apart, so that who calls it saves no registers for it each time. */
static __attribute__((noinline)) int tick(struct log *log, uint64_t seq)
{
    log->events = seq;
    log->counts->next_tick = seq + LOG_TICK;
    progress_tick(&log->progress, seq);
    return log->out.error ? LT_STOP : 0;
}

/* An instruction that is not at hand; apart, too. */
static __attribute__((noinline)) int new_insn(lt_session *session,
                                              const struct lt_insn *insn, struct log *log)
{
    struct kept *kept = kept_at(log->counts, insn->pc);
    bool fresh;
    struct place *place = places_find(log->places, insn, &fresh);

    if (!place)
        return LT_ERR_NO_MEMORY;
    if (fresh) {
        int error = find_counter(log->counts, session, insn->pc, &place->counter);
        if (error)
            return error;
    }
    add_kept(kept);
    *kept = (struct kept){
        .pc = insn->pc, .pid = insn->pid, .insns = 1, .counter = place->counter};
    return tick(log, insn->seq);
}

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct log *log = user;
    struct kept *kept = kept_at(log->counts, insn->pc);

    if (__builtin_expect(kept->pc != insn->pc || kept->pid != insn->pid || !kept->counter,
                         0))
        return new_insn(session, insn, log);
    kept->insns++;
    return __builtin_expect(insn->seq >= log->counts->next_tick, 0) ? tick(log, insn->seq)
                                                                    : 0;
}

static int on_reg_write(lt_session *session, const struct lt_reg_write *write, void *user)
{
    const struct log *log = user;

    (void)session;
    log->counts->reg_writes[write->seq % TURNS]++;
    return 0;
}

static int on_mem(lt_session *session, const struct lt_mem_access *access, void *user)
{
    struct log *log = user;

    (void)session;
    log->counts->kinds[access->type == LT_EVENT_MEM_READ ? LT_EVENT_MEM_READ
                                                         : LT_EVENT_MEM_WRITE]++;
    return log_end(log);
}

static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct log *log = user;

    (void)session;
    log->counts->kinds[LT_EVENT_SYSCALL]++;
    log_end(log);
    return log_call(log, call);
}

static int on_module(lt_session *session, const struct lt_module *module, void *user)
{
    struct log *log = user;

    (void)session;
    places_drop(log->places, module);
    drop_kept(log->counts);
    log->counts->kinds[LT_EVENT_MODULE]++;
    return log_end(log);
}

static int on_process(lt_session *session, const struct lt_process *process, void *user)
{
    struct log *log = user;

    (void)session;
    log_process(log, process);
    drop_kept(log->counts);
    log->counts->kinds[LT_EVENT_PROCESS]++;
    return log_end(log);
}

static int on_thread(lt_session *session, const struct lt_thread *thread, void *user)
{
    struct log *log = user;

    (void)session;
    (void)thread;
    log->counts->kinds[LT_EVENT_THREAD]++;
    return log_end(log);
}

static int on_signal(lt_session *session, const struct lt_signal *signal, void *user)
{
    struct log *log = user;

    (void)session;
    (void)signal;
    log->counts->kinds[LT_EVENT_SIGNAL]++;
    return log_end(log);
}

static int on_map(lt_session *session, const struct lt_map *map, void *user)
{
    struct log *log = user;

    (void)session;
    (void)map;
    log->counts->kinds[LT_EVENT_MAP]++;
    return log_end(log);
}

static int on_exit_event(lt_session *session, const struct lt_exit *end, void *user)
{
    struct log *log = user;

    (void)session;
    log->counts->kinds[LT_EVENT_EXIT]++;
    places_drop_process(log->places, end->pid);
    drop_kept(log->counts);
    return log_end(log);
}

static int by_insns(const void *left, const void *right)
{
    const struct symbol_count *a = *(struct symbol_count *const *)left;
    const struct symbol_count *b = *(struct symbol_count *const *)right;

    if (a->insns != b->insns)
        return a->insns < b->insns ? 1 : -1;
    return compare(a, b); /* the same order in each run */
}

/* All symbols, the hottest first; *count of them.  To be freed. */
static struct symbol_count **sorted(const struct counts *counts, size_t *count)
{
    struct symbol_count **list;
    size_t n = 0;

    for (struct symbol_count *s = counts->all; s; s = s->next)
        n++;
    *count = 0;
    list = malloc((n ? n : 1) * sizeof *list);
    if (!list)
        return NULL;
    for (struct symbol_count *s = counts->all; s; s = s->next)
        list[(*count)++] = s;
    qsort(list, n, sizeof *list, by_insns);
    return list;
}

/* The number of lines that a log of the same events would have. */
static uint64_t all_events(const struct log *log)
{
    uint64_t sum = 0;

    for (uint32_t type = LT_EVENT_INSN; type <= LT_EVENT_MAP; type++) {
        if (log->kinds & LT_KIND(type))
            sum += log->counts->kinds[type];
    }
    return sum;
}

static const struct {
    uint32_t type;
    const char *key;
    const char *words;
} kinds[] = {
    {LT_EVENT_REG_WRITE, "regs", "register writes"},
    {LT_EVENT_MEM_WRITE, "writes", "memory writes"},
    {LT_EVENT_MEM_READ, "reads", "memory reads"},
    {LT_EVENT_SYSCALL, "syscalls", "system call events"},
    {LT_EVENT_MODULE, "modules", "module events"},
    {LT_EVENT_SIGNAL, "signals", "signal events"},
    {LT_EVENT_THREAD, "threads", "thread events"},
    {LT_EVENT_PROCESS, "processes", "process events"},
    {LT_EVENT_MAP, "maps", "changes of the memory map"},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static void add_key(struct out *out, const char *key, uint64_t value)
{
    char *p = out_room(out, 128);

    *p++ = '"';
    p = put_bytes(p, key, strlen(key));
    p = put_lit(p, "\":");
    p = put_dec(p, value);
    *p++ = ',';
    out_upto(out, p);
}

static void add_json_symbols(struct out *out, struct symbol_count **list, size_t count)
{
    out_bytes(out, "\"symbols\":[", 11);
    for (size_t i = 0; i < count; i++) {
        char *p = out_room(out, 64);
        p = i ? put_lit(p, ",{\"symbol\":") : put_lit(p, "{\"symbol\":");
        out_upto(out, p);
        out_json_string(out, list[i]->name);
        out_bytes(out, ",\"module\":", 10);
        out_json_string(out, list[i]->module);
        p = put_lit(out_room(out, 64), ",\"instructions\":");
        p = put_dec(p, list[i]->insns);
        *p++ = '}';
        out_upto(out, p);
    }
    out_bytes(out, "]", 1);
}

static void finish_json(struct log *log, struct symbol_count **list, size_t count,
                        const struct lt_result *result)
{
    const struct counts *counts = log->counts;
    struct out *out = &log->out;

    out_bytes(out, "{", 1);
    add_key(out, "instructions", counts->kinds[LT_EVENT_INSN]);
    add_key(out, "events", all_events(log));
    for (size_t i = 0; i < KINDS; i++) {
        if (log->kinds & LT_KIND(kinds[i].type))
            add_key(out, kinds[i].key, counts->kinds[kinds[i].type]);
    }
    if (result->kind == LT_RESULT_SIGNAL)
        add_key(out, "signal", (uint64_t)result->signal);
    else if (result->kind == LT_RESULT_EXIT)
        add_key(out, "status", (uint64_t)result->status);
    if (result->untraced_threads)
        add_key(out, "untraced_threads", result->untraced_threads);
    if (result->untraced_processes)
        add_key(out, "untraced_processes", result->untraced_processes);
    add_json_symbols(out, list, count);
    out_bytes(out, "}\n", 2);
}

/* A number in a column of its own, and two blanks. */
static char *put_column(char *p, uint64_t value)
{
    char number[32];
    size_t size = (size_t)(put_grouped(number, value) - number);

    for (size_t i = size; i < 16; i++)
        *p++ = ' ';
    p = put_bytes(p, number, size);
    return put_lit(p, "  ");
}

static void add_line(struct out *out, uint64_t value, const char *words)
{
    char *p = put_column(out_room(out, 128), value);

    p = put_bytes(p, words, strlen(words));
    *p++ = '\n';
    out_upto(out, p);
}

static void add_text_symbol(struct out *out, const struct symbol_count *symbol,
                            uint64_t total)
{
    unsigned permille = (unsigned)((double)symbol->insns * 1000 / (double)total + 0.5);
    char *p = put_column(out_room(out, 128), symbol->insns);

    if (permille < 1000)
        *p++ = ' ';
    if (permille < 100)
        *p++ = ' ';
    p = put_dec(p, permille / 10);
    *p++ = '.';
    p = put_dec(p, permille % 10);
    p = put_lit(p, " %  ");
    out_upto(out, p);
    out_plain(out, symbol->name     ? symbol->name
                   : symbol->module ? "(no symbol)"
                                    : "(no file)");
    if (symbol->module) {
        out_bytes(out, "  ", 2);
        out_plain(out, symbol->module);
    }
    out_bytes(out, "\n", 1);
}

static void finish_text(struct log *log, struct symbol_count **list, size_t count)
{
    const uint64_t total = log->counts->kinds[LT_EVENT_INSN];
    struct out *out = &log->out;

    add_line(out, total, "instructions");
    add_line(out, all_events(log), "events");
    for (size_t i = 0; i < KINDS; i++) {
        if (log->kinds & LT_KIND(kinds[i].type))
            add_line(out, log->counts->kinds[kinds[i].type], kinds[i].words);
    }
    if (count)
        out_bytes(out, "hottest symbols, by instructions:\n", 34);
    for (size_t i = 0; i < count; i++)
        add_text_symbol(out, list[i], total);
}

static void finish(struct log *log, const struct lt_result *result)
{
    struct counts *counts = log->counts;
    struct symbol_count **list;
    size_t count;

    drop_kept(counts);
    for (const struct symbol_count *s = counts->all; s; s = s->next)
        counts->kinds[LT_EVENT_INSN] += s->insns;
    for (unsigned i = 0; i < TURNS; i++)
        counts->kinds[LT_EVENT_REG_WRITE] += counts->reg_writes[i];
    list = sorted(log->counts, &count);
    if (count > HOTTEST)
        count = HOTTEST;
    if (log->options->json)
        finish_json(log, list, count, result);
    else
        finish_text(log, list, count);
    free(list);
}

const struct log_format log_count = {
    .insn = on_insn,
    .reg_write = on_reg_write,
    .mem = on_mem,
    .syscall = on_syscall,
    .module = on_module,
    .process = on_process,
    .thread = on_thread,
    .signal = on_signal,
    .map = on_map,
    .exit = on_exit_event,
    .finish = finish,
    .always_insn = true,
};
