/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shows the blocks of a program that executed the most instructions, with what their
 * runs wrote, by the block view: one callback a block.
 *
 *     block-profile /bin/true
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lt/block.h>
#include <lt/lt.h>

#define SHOWN 10

/* What is counted of a block.  Its struct lt_block is gone when the callback returns. */
struct counter {
    uint64_t pc;
    uint64_t runs;
    uint64_t insns;
    uint64_t stores; /* memory writes, and the bytes that they wrote: */
    uint64_t bytes;
    uint32_t run_stores; /* of a whole run */
    uint32_t run_bytes;
};

struct profile {
    struct counter *counters; /* by lt_block.number */
    uint32_t count;
};

/* What the first rows say of stores. */
static void add_stores(const struct lt_block *block, uint32_t rows, uint32_t *stores,
                       uint32_t *bytes)
{
    for (uint32_t i = 0; i < rows; i++) {
        if (block->rows[i].kind == LT_EVENT_MEM_WRITE) {
            ++*stores;
            *bytes += block->rows[i].size;
        }
    }
}

static struct counter *counter_of(struct profile *profile, const struct lt_block *block)
{
    if (block->number >= profile->count) {
        uint32_t count = 2 * block->number + 64;
        struct counter *grown = realloc(profile->counters, count * sizeof *grown);

        if (grown == NULL)
            return NULL;
        memset(grown + profile->count, 0, (count - profile->count) * sizeof *grown);
        profile->counters = grown;
        profile->count = count;
    }
    struct counter *counter = &profile->counters[block->number];

    counter->pc = block->pc;
    if (counter->runs == 0) { /* the first time: all that is the same in each run */
        add_stores(block, block->row_count, &counter->run_stores, &counter->run_bytes);
    }
    return counter;
}

static int on_block(lt_session *session, const struct lt_block_run *run, void *user)
{
    struct counter *counter = counter_of(user, run->block);
    uint32_t stores = 0, bytes = 0;

    (void)session;
    if (counter == NULL)
        return LT_STOP;
    counter->runs++;
    counter->insns += run->insns - ((run->flags & LT_RUN_RESUMES) != 0);
    if (run->rows == run->block->row_count) {
        stores = counter->run_stores;
        bytes = counter->run_bytes;
    } else { /* a fault cut it short */
        add_stores(run->block, run->rows, &stores, &bytes);
    }
    counter->stores += stores;
    counter->bytes += bytes;
    return 0;
}

static int by_insns(const void *a, const void *b)
{
    const struct counter *x = a, *y = b;

    if (x->insns != y->insns)
        return x->insns < y->insns ? 1 : -1;
    return x->pc < y->pc ? -1 : x->pc > y->pc;
}

static void print(lt_session *session, const struct profile *profile)
{
    uint64_t all = 0;

    for (uint32_t i = 0; i < profile->count; i++)
        all += profile->counters[i].insns;
    printf("%" PRIu64 " instructions in blocks\n", all);
    for (uint32_t i = 0; i < profile->count && i < SHOWN; i++) {
        const struct counter *c = &profile->counters[i];
        struct lt_symbol symbol;

        if (c->insns == 0)
            break;
        printf("%6.2f%% %12" PRIu64 " runs %12" PRIu64 " stores %12" PRIu64
               " bytes  %#" PRIx64,
               100.0 * (double)c->insns / (double)all, c->runs, c->stores, c->bytes,
               c->pc);
        lt_symbol_init(&symbol, sizeof symbol);
        if (lt_symbol_at(session, c->pc, &symbol) == 0 && symbol.name != NULL)
            printf(" %s+%#" PRIx64, symbol.name, symbol.offset);
        printf("\n");
    }
}

/* Symbols are those of the memory map, which is gone behind the run. */
static int on_end(lt_session *session, const struct lt_exit *end, void *user)
{
    struct profile *profile = user;

    (void)end;
    qsort(profile->counters, profile->count, sizeof *profile->counters, by_insns);
    print(session, profile);
    return LT_STOP;
}

int main(int argc, char **argv)
{
    struct profile profile = {NULL, 0};
    struct lt_config config;
    struct lt_filter filter;
    lt_session *session;
    int error;

    if (argc < 2) {
        fprintf(stderr, "Usage: %s PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    lt_config_init(&config, sizeof config);
    config.program = argv[1];
    config.argv = (const char *const *)(argv + 1);
    config.follow = LT_FOLLOW_NONE;
    error = lt_session_create(&config, &session);
    if (error != 0) {
        fprintf(stderr, "%s\n", lt_error_text(error));
        return 1;
    }
    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_NO_REGS;
    error =
        lt_on_block(session, LT_KIND(LT_EVENT_MEM_WRITE), &filter, on_block, &profile);
    if (error == 0)
        error = lt_on_exit(session, NULL, on_end, &profile);
    if (error == 0)
        error = lt_session_run(session);
    if (error != 0)
        fprintf(stderr, "%s\n", lt_session_message(session));
    lt_session_destroy(session);
    free(profile.counters);
    return error != 0;
}
