/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-view [-c CPU] [-p] PROGRAM [ARGS...]: the block view against the single events of
 * the same guest.
 *
 * First both in one run: each event of a block's run, expanded, must come as a single
 * event too, in the same order, with the same number and value, and every other event
 * only for callbacks that want what is in no block.  That holds for any guest.  Then each
 * alone, in runs of their own, where a block is run another way; for guests that do the
 * same each time.
 *
 * Each is done for all code and a part of it, for all kinds of events and some, in the
 * pull form, with a copy of the guest's memory, and with a limit that ends the run in the
 * midst of a block.  -p: a guest that does not do the same each time: the first is
 * done for all code and a part, and of the view alone nothing is looked at but the
 * library's own check of its registers.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt/block.h"
#include "lt/unstable.h"

#define REG LT_KIND(LT_EVENT_REG_WRITE)
#define WRITE LT_KIND(LT_EVENT_MEM_WRITE)
#define READ LT_KIND(LT_EVENT_MEM_READ)

struct event {
    uint64_t seq, pc, where; /* a register's number or an address */
    uint32_t kind, length;
    uint64_t hash; /* of the value */
};

struct list {
    struct event *events;
    size_t count, room;
};

struct run {
    lt_session *session;
    struct list list;   /* all events, or those that a block's run promises */
    size_t next;        /* of these */
    bool both;          /* the view and single events */
    bool forget;        /* what was expanded is not compared */
    bool outside;       /* the next single event is in no block */
    uint64_t regs_hash; /* registers as the block's callback saw them */
    bool regs_kept;
    bool filtered;      /* blocks may lack their first instructions */
    uint64_t low, high; /* of the instructions' addresses */
    uint64_t runs, maybe, skipped, computed, resumed, cut;
    unsigned failures;
};

static const char *const names[] = {"", "instruction", "register write", "memory write",
                                    "memory read"};
static char **program;
static const char *cpu;

static uint64_t hash_bytes(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    }
    return hash;
}

static void append(struct list *list, struct event event)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 4096;
        list->events = realloc(list->events, list->room * sizeof *list->events);
        if (!list->events) {
            fprintf(stderr, "no memory\n");
            exit(2);
        }
    }
    list->events[list->count++] = event;
}

static void print(const char *what, const struct event *e)
{
    fprintf(stderr,
            "  %s: %" PRIu64 ": %s at %#" PRIx64 ", %#" PRIx64
            " (%u bytes), value's hash "
            "%" PRIx64 "\n",
            what, e->seq, names[e->kind], e->pc, e->where, e->length, e->hash);
}

static bool same(const struct event *a, const struct event *b)
{
    return a->seq == b->seq && a->pc == b->pc && a->where == b->where &&
           a->kind == b->kind && a->length == b->length && a->hash == b->hash;
}

static int fail(struct run *run, const char *why)
{
    fprintf(stderr, "%s: %s\n", program[0], why);
    return ++run->failures > 5 ? LT_STOP : 0;
}

/* ---- Single events ---- */

static uint64_t hash_regs(lt_session *session)
{
    uint64_t hash = 0;
    uint8_t data[256];

    for (int i = 0, n; i < lt_reg_count((uint32_t)lt_session_arch(session)); i++) {
        n = lt_reg_read_bytes(session, (uint32_t)i, data, sizeof data);
        if (n > 0) {
            hash = hash * 31 + hash_bytes(data, (size_t)n);
        }
    }
    return hash;
}

static int single(struct run *run, struct event event)
{
    if (!run->both) {
        run->list.count = run->forget ? 0 : run->list.count;
        append(&run->list, event);
        return 0;
    }
    if (run->outside) {
        run->outside = false;
        return run->next < run->list.count
                   ? fail(run, "an event of no block comes within one's")
                   : 0;
    }
    if (run->next == run->list.count) {
        print("single", &event);
        return fail(run, "an event is in no block, but not told as such");
    }
    if (!same(&run->list.events[run->next], &event)) {
        print("view", &run->list.events[run->next]);
        print("single", &event);
        run->next++;
        return fail(run, "an event differs");
    }
    run->next++;
    return 0;
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct run *run = user;

    run->low = e->pc < run->low ? e->pc : run->low;
    run->high = e->pc > run->high ? e->pc : run->high;
    if (run->both && run->regs_kept) {
        run->regs_kept = false;
        if (hash_regs(session) != run->regs_hash) {
            return fail(run, "registers are other ones than before the block");
        }
    }
    return single(run, (struct event){e->seq, e->pc, 0, e->type, e->length,
                                      hash_bytes(e->bytes, e->length)});
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    (void)session;
    return single(user, (struct event){e->seq, e->pc, e->reg, e->type, e->width,
                                       hash_bytes(e->data, e->width)});
}

static int on_access(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    return single(user, (struct event){e->seq, e->pc, e->addr, e->type, e->length,
                                       hash_bytes(e->data, e->length)});
}

/* What is in no block: comes before the same event for the others. */
static int outside(struct run *run)
{
    if (run->outside) {
        return fail(run, "an event of no block is not told to all");
    }
    run->outside = true;
    return 0;
}

static int on_outside_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    return outside(user);
}

static int on_outside_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    (void)session;
    (void)e;
    return outside(user);
}

static int on_outside_access(lt_session *session, const struct lt_mem_access *e,
                             void *user)
{
    (void)session;
    (void)e;
    return outside(user);
}

/* ---- Runs of blocks ---- */

static int expand_row(struct run *run, const struct lt_block_run *r, uint32_t number,
                      uint64_t *seq)
{
    const struct lt_block_row *row = &r->block->rows[number];
    struct event event = {
        .pc = r->block->insns[row->insn].pc, .kind = row->kind, .length = row->size};
    uint64_t value, low = 0;

    if (row->when) {
        run->maybe++;
        if (!r->values[row->when]) {
            run->skipped++;
            return lt_block_value(run->session, r, number, &value) != LT_ERR_ARGUMENT
                       ? fail(run, "a row that did not happen has a value")
                       : 0;
        }
    }
    if (lt_block_value(run->session, r, number, &value) != 0) {
        return fail(run, lt_session_message(run->session));
    }
    if (row->flags & LT_ROW_COMPUTED) {
        run->computed++;
        event.hash = hash_bytes(&value, 8);
    } else {
        if (row->value + (row->size + 7) / 8 > r->block->value_count ||
            row->addr >= r->block->value_count) {
            return fail(run, "a value is out of range");
        }
        event.hash = hash_bytes(&r->values[row->value], row->size);
        memcpy(&low, &r->values[row->value], row->size < 8 ? row->size : 8);
        if (low != value) {
            return fail(run, "lt_block_value() gives another value");
        }
    }
    event.where = row->kind == LT_EVENT_REG_WRITE ? row->reg : r->values[row->addr];
    event.seq = (*seq)++;
    append(&run->list, event);
    return 0;
}

static int on_block(lt_session *session, const struct lt_block_run *r, void *user)
{
    struct run *run = user;
    uint64_t seq = r->seq;
    bool resumes = r->flags & LT_RUN_RESUMES;

    if (r->type != LT_EVENT_BLOCK || r->size != sizeof *r ||
        r->insns > r->block->insn_count || r->rows > r->block->row_count || !r->insns) {
        return fail(run, "a run is malformed");
    }
    run->runs++;
    run->resumed += resumes;
    run->cut += r->insns < r->block->insn_count || r->rows < r->block->row_count;
    if (run->both) {
        if (run->next != run->list.count || run->outside) {
            print("view", &run->list.events[run->next]);
            run->outside = false;
            if (fail(run, "an event of a block did not come alone")) {
                return LT_STOP;
            }
        }
        run->list.count = run->next = 0;
        run->regs_kept = !resumes && !run->filtered;
        run->regs_hash = run->regs_kept ? hash_regs(session) : 0;
    }
    run->list.count = run->forget ? 0 : run->list.count;
    for (uint32_t i = 0; i < r->insns; i++) {
        const struct lt_block_insn *insn = &r->block->insns[i];

        if (i > 0 || !resumes) {
            append(&run->list,
                   (struct event){seq++, insn->pc, 0, LT_EVENT_INSN, insn->length,
                                  hash_bytes(insn->bytes, insn->length)});
        }
        for (uint32_t k = 0; k < insn->row_count && insn->first_row + k < r->rows; k++) {
            if (expand_row(run, r, insn->first_row + k, &seq)) {
                return LT_STOP;
            }
        }
    }
    return 0;
}

/* ---- Runs ---- */

enum mode { BOTH, SINGLES, VIEW, VIEW_ONLY };

struct wish {
    uint32_t kinds;
    uint64_t pc_start, pc_end, limit;
    bool no_regs;
    bool pull;   /* by lt_session_next(), which gives all events */
    bool memory; /* with a copy of the guest's memory */
};

static void check(int error, const char *what)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", what, lt_error_text(error));
        exit(2);
    }
}

static void add_singles(struct run *run, const struct wish *wish, uint32_t flags,
                        bool others)
{
    struct lt_filter f;

    lt_filter_init(&f, sizeof f);
    f.flags = flags | (wish->no_regs ? LT_FILTER_NO_REGS : 0);
    f.pc_start = wish->pc_start;
    f.pc_end = wish->pc_end;
    check(lt_on_insn(run->session, &f, others ? on_outside_insn : on_insn, run), "insn");
    if (wish->kinds & REG) {
        check(lt_on_reg_write(run->session, &f, others ? on_outside_reg : on_reg, run),
              "reg");
    }
    if (wish->kinds & WRITE) {
        check(lt_on_mem_write(run->session, &f, others ? on_outside_access : on_access,
                              run),
              "write");
    }
    if (wish->kinds & READ) {
        check(
            lt_on_mem_read(run->session, &f, others ? on_outside_access : on_access, run),
            "read");
    }
}

static void do_run(struct run *run, enum mode mode, const struct wish *wish)
{
    struct lt_stats stats = {.size = sizeof stats};
    const struct lt_event *event;
    struct lt_config config;
    struct lt_filter f;
    int error;

    *run = (struct run){.both = mode == BOTH,
                        .forget = mode == VIEW_ONLY,
                        .low = UINT64_MAX,
                        .filtered = wish->pc_start != 0};
    lt_config_init(&config, sizeof config);
    config.program = program[0];
    config.argv = (const char *const *)program;
    config.envp = (const char *const[]){NULL};
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    config.cpu = cpu;
    config.limit_insns = wish->limit;
    config.flags = wish->memory ? LT_CONFIG_MEMORY : 0;
    check(lt_session_create(&config, &run->session), "create");
    lt_filter_init(&f, sizeof f);
    f.pc_start = wish->pc_start;
    f.pc_end = wish->pc_end;
    f.flags = wish->no_regs ? LT_FILTER_NO_REGS : 0;
    if (mode != SINGLES) {
        check(lt_on_block(run->session, wish->kinds, &f, on_block, run), "block");
    }
    if (mode == BOTH) {
        add_singles(run, wish, LT_FILTER_NOT_IN_BLOCKS, true);
    }
    add_singles(run, wish, mode >= VIEW ? LT_FILTER_NOT_IN_BLOCKS : 0, false);
    if (wish->pull) {
        check(lt_session_select(run->session, LT_KINDS_ALL, NULL), "select");
        while ((error = lt_session_next(run->session, &event)) > 0) {
        }
    } else {
        error = lt_session_run(run->session);
    }
    if (error) {
        fprintf(stderr, "%s: %d: %s\n", program[0], error,
                lt_session_message(run->session));
        run->failures++;
    }
    if (run->both && run->next != run->list.count) {
        fail(run, "the last block's events did not come alone");
    }
    lt_session_stats(run->session, &stats);
    if (stats.register_mismatches || stats.internal_errors) {
        fail(run, "the library's own check failed");
    }
    if (mode != SINGLES && !run->failures) {
        printf("%s, %s: %" PRIu64 " instructions, %" PRIu64 " runs, %" PRIu64
               " of them resumed, %" PRIu64 " cut; rows: %" PRIu64 " computed, %" PRIu64
               " uncertain, %" PRIu64 " of which did not happen\n",
               program[0], mode == BOTH ? "both" : "alone", stats.insns, run->runs,
               run->resumed, run->cut, run->computed, run->maybe, run->skipped);
    }
    lt_session_destroy(run->session);
}

static unsigned compare(const struct wish *wish, bool repeatable, struct run *both)
{
    struct run singles, view;
    unsigned failures;
    size_t i = 0;

    do_run(both, BOTH, wish);
    free(both->list.events);
    failures = both->failures;
    if (!repeatable) {
        do_run(&view, VIEW_ONLY, wish);
        free(view.list.events);
        return failures + view.failures;
    }
    do_run(&singles, SINGLES, wish);
    do_run(&view, VIEW, wish);
    while (i < singles.list.count && i < view.list.count &&
           same(&singles.list.events[i], &view.list.events[i])) {
        i++;
    }
    if (i < singles.list.count || i < view.list.count) {
        fail(&view, "the view alone has other events");
        fprintf(stderr, "  event %zu of %zu and %zu\n", i, view.list.count,
                singles.list.count);
        if (i < view.list.count) {
            print("view", &view.list.events[i]);
        }
        if (i < singles.list.count) {
            print("single", &singles.list.events[i]);
        }
    }
    failures += singles.failures + view.failures;
    free(singles.list.events);
    free(view.list.events);
    return failures;
}

int main(int argc, char **argv)
{
    bool repeatable = true;
    struct run run;
    struct wish all = {.kinds = REG | WRITE | READ}, some;
    uint64_t third;
    unsigned failures;

    for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
        if (argv[1][1] == 'c' && argc > 2) {
            cpu = argv[2];
            argc--;
            argv++;
        } else {
            repeatable = false;
        }
    }
    if (argc < 2) {
        fprintf(stderr, "usage: test-view [-c CPU] [-p] PROGRAM [ARGS...]\n");
        return 2;
    }
    program = argv + 1;
    failures = compare(&all, repeatable, &run);
    if (!run.runs) {
        fprintf(stderr, "there were no blocks\n");
        failures++;
    }
    third = (run.high - run.low) / 3;
    some = all;
    some.pc_start = (run.low + third) & ~UINT64_C(3);
    some.pc_end = (run.high - third) & ~UINT64_C(3);
    if (some.pc_start < some.pc_end) {
        failures += compare(&some, repeatable, &run);
    }
    if (!repeatable) {
        return failures != 0;
    }
    some = (struct wish){.kinds = REG};
    failures += compare(&some, repeatable, &run);
    some = (struct wish){.kinds = WRITE, .no_regs = true};
    failures += compare(&some, repeatable, &run);
    some = (struct wish){.kinds = READ};
    failures += compare(&some, repeatable, &run);
    some = all;
    some.pull = true;
    failures += compare(&some, repeatable, &run);
    some = all;
    some.memory = true;
    failures += compare(&some, repeatable, &run);
    some = (struct wish){.no_regs = true};
    failures += compare(&some, repeatable, &run);
    for (uint64_t limit = 50; limit < 57; limit++) {
        some = all;
        some.limit = limit;
        failures += compare(&some, repeatable, &run);
    }
    return failures != 0;
}
