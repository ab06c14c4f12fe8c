/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history [-p] PROGRAM WANT: runs the guest "hammer", whose threads write to the
 * same memory, and keeps a copy of that memory from write events alone.  Each read
 * event must give what the writes before it, in the order of events, say; a byte that
 * nothing was written to is learnt when it is first read.  In the end the guest's
 * output must be that of the file WANT, lines with "#" left out.
 *
 * That is so for all of the guest's memory; the guest's `shared` (see there) is where
 * threads must have met.  With -p threads run in parallel: then events of different
 * threads have no order that reads could be held against, but the program's result and
 * each thread's own order still are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define PAGE 4096u
#define BUCKETS 4096u
#define MAX_TIDS 64

struct page {
    uint64_t address;
    uint8_t bytes[PAGE];
    uint8_t known[PAGE]; /* 1, or 2 and the number of the thread that wrote it */
    struct page *next;
};

struct history {
    struct page *pages[BUCKETS];
    int parallel;
    uint64_t seq, problems;
    uint64_t reads, writes, checked; /* `checked`: bytes that were compared */
    uint64_t shared_by;              /* reads of what another thread wrote last */
    uint32_t tids[MAX_TIDS];
    uint64_t pcs[MAX_TIDS]; /* the last instruction of each */
    size_t count;
};

static void problem(struct history *h, const char *what, uint32_t tid, uint64_t pc,
                    uint64_t addr)
{
    if (h->problems++ < 10)
        fprintf(stderr,
                "history: %s (thread %u, instruction %#" PRIx64 ", address %#" PRIx64
                ", event %" PRIu64 ")\n",
                what, tid, pc, addr, h->seq);
}

static struct page *page_of(struct history *h, uint64_t addr)
{
    struct page **p = &h->pages[addr / PAGE % BUCKETS];

    while (*p != NULL && (*p)->address != addr / PAGE)
        p = &(*p)->next;
    if (*p == NULL) {
        *p = calloc(1, sizeof **p);
        if (*p == NULL) {
            fprintf(stderr, "history: no memory\n");
            exit(99);
        }
        (*p)->address = addr / PAGE;
    }
    return *p;
}

static size_t thread_of(struct history *h, uint32_t tid)
{
    size_t i;

    for (i = 0; i < h->count && h->tids[i] != tid; i++)
        continue;
    if (i == h->count && i < MAX_TIDS) {
        h->count++;
        h->tids[i] = tid;
    }
    return i < MAX_TIDS ? i : MAX_TIDS - 1;
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct history *h = user;

    (void)session;
    if (e->seq <= h->seq)
        problem(h, "events are out of order", e->tid, e->pc, 0);
    h->seq = e->seq;
    h->pcs[thread_of(h, e->tid)] = e->pc;
    return 0;
}

/* An instruction's access is its thread's last one's. */
static void check_order(struct history *h, const struct lt_mem_access *e)
{
    if (e->seq <= h->seq)
        problem(h, "events are out of order", e->tid, e->pc, e->addr);
    h->seq = e->seq;
    if (e->by == LT_BY_INSN && e->pc != h->pcs[thread_of(h, e->tid)])
        problem(h, "an access of another instruction", e->tid, e->pc, e->addr);
}

static int on_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct history *h = user;
    uint32_t i;

    (void)session;
    check_order(h, e);
    h->writes++;
    for (i = 0; i < e->length; i++) {
        struct page *page = page_of(h, e->addr + i);

        page->bytes[(e->addr + i) % PAGE] = e->data[i];
        page->known[(e->addr + i) % PAGE] = (uint8_t)(2 + thread_of(h, e->tid));
    }
    return 0;
}

static int on_read(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct history *h = user;
    uint32_t i;

    (void)session;
    check_order(h, e);
    h->reads++;
    i = page_of(h, e->addr)->known[e->addr % PAGE];
    h->shared_by += i >= 2 && i != 2 + thread_of(h, e->tid);
    for (i = 0; i < e->length && !h->parallel; i++) {
        struct page *page = page_of(h, e->addr + i);
        uint32_t at = (uint32_t)((e->addr + i) % PAGE);

        if (!page->known[at]) {
            page->known[at] = 1;
            page->bytes[at] = e->data[i];
        } else {
            h->checked++;
            if (page->bytes[at] != e->data[i]) {
                problem(h, "a read is not what was written", e->tid, e->pc, e->addr + i);
                page->bytes[at] = e->data[i];
            }
        }
    }
    return 0;
}

/* A file's text; exits if there is none. */
static char *contents(FILE *file)
{
    static char text[65536];
    char *copy;
    size_t size;

    if (file == NULL) {
        perror("history");
        exit(99);
    }
    rewind(file);
    size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    copy = malloc(size + 1);
    if (copy != NULL)
        memcpy(copy, text, size + 1);
    return copy;
}

/* Whether the guest's output is `want` when nobody listens. */
static int runs_alone(struct lt_config *config, const char *want)
{
    FILE *file = tmpfile();
    lt_session *session;
    char *text, *rest;
    int error;

    if (file == NULL)
        return 0;
    config->stdio[1] = LT_STDIO_FD;
    config->stdio_fd[1] = fileno(file);
    error = lt_session_create(config, &session);
    if (error == 0) {
        error = lt_session_run(session);
        lt_session_destroy(session);
    }
    text = contents(file);
    rest = error == 0 && text != NULL ? strchr(text, '\n') : NULL;
    error = rest == NULL || strcmp(rest + 1, want) != 0;
    free(text);
    return !error;
}

int main(int argc, char **argv)
{
    static struct history h;
    struct lt_stats stats = {.size = sizeof stats};
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    char *want, *text;
    int option, error;
    FILE *output;

    lt_config_init(&config, sizeof config);
    while ((option = getopt(argc, argv, "p")) != -1) {
        if (option == 'p')
            h.parallel = 1;
        else
            return 99;
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: history [-p] PROGRAM WANT\n");
        return 99;
    }
    config.program = argv[optind];
    config.threads = h.parallel ? LT_THREADS_PARALLEL : LT_THREADS_SERIAL;
    want = contents(fopen(argv[optind + 1], "r"));
    if (!runs_alone(&config, want)) {
        fprintf(stderr, "history: the guest does not run, or prints something else\n");
        return 99;
    }
    output = tmpfile();
    if (output == NULL)
        return 99;
    config.stdio_fd[1] = fileno(output);
    error = lt_session_create(&config, &session);
    if (error == 0)
        error = lt_on_insn(session, NULL, on_insn, &h);
    if (error == 0)
        error = lt_on_mem_write(session, NULL, on_write, &h);
    if (error == 0)
        error = lt_on_mem_read(session, NULL, on_read, &h);
    if (error == 0)
        error = lt_session_run(session);
    if (error != 0) {
        fprintf(stderr, "history: %d: %s\n", error, lt_session_message(session));
        return 99;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_stats(session, &stats);
    lt_session_destroy(session);
    text = contents(output);
    if (text == NULL || strchr(text, '\n') == NULL ||
        strcmp(strchr(text, '\n') + 1, want) != 0)
        problem(&h, "the guest's output is another", 0, 0, 0);
    if (result.kind != LT_RESULT_EXIT || result.status != 0)
        problem(&h, "the guest failed", 0, 0, 0);
    if (stats.register_mismatches != 0 || stats.internal_errors != 0)
        problem(&h, "the self check failed", 0, 0, 0);
    /* 9 threads; 8 * 150 rounds of at least 13 writes; and they did meet. */
    if (h.count != 9 || h.writes < 8 * 150 * 13 || h.reads < 8 * 150 * 13 ||
        (!h.parallel && h.checked < h.reads) || h.shared_by < 8)
        problem(&h, "too little was seen", (uint32_t)h.count, h.reads, h.writes);
    if (getenv("LT_FULL_VERBOSE") != NULL)
        fprintf(stderr,
                "history: %" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64
                " bytes checked, %" PRIu64 " after another thread's write\n",
                h.reads, h.writes, h.checked, h.shared_by);
    free(text);
    free(want);
    return h.problems != 0 ? 99 : 0;
}
