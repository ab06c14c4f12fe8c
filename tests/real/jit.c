/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jit PROGRAM [ARGS...]: runs a single-threaded program that compiles code while it
 * runs, and holds the code in its instruction events against
 *
 *   - the bytes that the guest itself wrote there, as memory writes tell them;
 *   - the flow: an instruction that is not a branch is followed by the one behind it;
 *   - the disassembler: each has the length that the event says.
 *
 * Its exit status is the guest's, 99 when something is not so, or when hardly any
 * code was of the guest's own making.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define PAGE UINT64_C(4096)
#define BUCKETS 65536u

/* A page that the guest wrote to: its bytes, and which of them are known. */
struct page {
    struct page *next;
    uint64_t addr;
    uint8_t bytes[PAGE];
    uint8_t known[PAGE];
};

struct jit {
    struct page *buckets[BUCKETS];
    struct page *last;
    uint64_t insns, written_insns, problems;
    uint64_t pc; /* of the instruction in hand */
    uint8_t code[16];
    uint32_t length;
    int status;
};

static void problem(struct jit *t, lt_session *session, const char *what, uint64_t value)
{
    char text[128] = "";

    if (t->problems++ >= 10)
        return;
    lt_disassemble(session, t->pc, t->code, t->length, text, sizeof text);
    fprintf(stderr,
            "jit: %s: %#" PRIx64 " (instruction %" PRIu64 " at %#" PRIx64 ": %s)\n", what,
            value, t->insns, t->pc, text);
}

static struct page *find_page(struct jit *t, uint64_t addr, int make)
{
    struct page **bucket = &t->buckets[addr / PAGE % BUCKETS];
    struct page *page;

    addr &= ~(PAGE - 1);
    if (t->last != NULL && t->last->addr == addr)
        return t->last;
    for (page = *bucket; page != NULL; page = page->next) {
        if (page->addr == addr)
            return t->last = page;
    }
    if (!make)
        return NULL;
    page = calloc(1, sizeof *page);
    if (page == NULL) {
        fprintf(stderr, "jit: out of memory\n");
        exit(99);
    }
    page->addr = addr;
    page->next = *bucket;
    return *bucket = t->last = page;
}

static int on_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct jit *t = user;
    uint32_t i;

    (void)session;
    for (i = 0; i < e->length; i++) {
        struct page *page = find_page(t, e->addr + i, 1);
        uint64_t at = (e->addr + i) % PAGE;

        page->bytes[at] = e->data[i];
        page->known[at] = 1;
    }
    return 0;
}

/* A file takes the place of what was there; unmapped memory has no bytes. */
static int on_module(lt_session *session, const struct lt_module *e, void *user)
{
    struct jit *t = user;
    uint64_t addr;

    (void)session;
    for (addr = e->start & ~(PAGE - 1); addr < e->end; addr += PAGE) {
        struct page *page = find_page(t, addr, 0);

        if (page != NULL)
            memset(page->known, 0, sizeof page->known);
    }
    return 0;
}

/* Holds an instruction's bytes against those written; counts if there are any. */
static void check_bytes(struct jit *t, lt_session *session, const struct lt_insn *e)
{
    uint32_t known = 0;
    uint32_t i;

    for (i = 0; i < e->length; i++) {
        struct page *page = find_page(t, e->pc + i, 0);
        uint64_t at = (e->pc + i) % PAGE;

        if (page == NULL || !page->known[at])
            continue;
        known++;
        if (page->bytes[at] != e->bytes[i])
            problem(t, session, "the guest wrote another byte there", e->pc + i);
    }
    t->written_insns += known == e->length;
}

static int is_branch(lt_session *session, const struct jit *t)
{
    static const char *const names[] = {"call", "ret", "loop", "syscall", "rep", "repne"};
    char text[128];
    unsigned i;

    if (lt_disassemble(session, t->pc, t->code, t->length, text, sizeof text) < 0)
        return 0;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strncmp(text, names[i], strlen(names[i])) == 0)
            return 1;
    }
    return text[0] == 'j' || strstr(text, " ret") != NULL || strstr(text, " jmp") != NULL;
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct jit *t = user;
    char text[128];

    if (t->insns > 0 && e->pc != t->pc + t->length && !is_branch(session, t))
        problem(t, session, "the next instruction is elsewhere", e->pc);
    t->insns++;
    t->pc = e->pc;
    t->length = e->length;
    memcpy(t->code, e->bytes, e->length);
    if (lt_disassemble(session, e->pc, e->bytes, e->length, text, sizeof text) !=
        (int)e->length)
        problem(t, session, "no instruction of its length", e->length);
    check_bytes(t, session, e);
    return 0;
}

static int on_end(lt_session *session, const struct lt_exit *e, void *user)
{
    struct jit *t = user;

    (void)session;
    t->status = e->signal != 0 ? 128 + e->signal : e->status;
    return 0;
}

static void free_pages(struct jit *t)
{
    unsigned i;

    for (i = 0; i < BUCKETS; i++) {
        while (t->buckets[i] != NULL) {
            struct page *next = t->buckets[i]->next;

            free(t->buckets[i]);
            t->buckets[i] = next;
        }
    }
}

int main(int argc, char **argv)
{
    static struct jit t;
    struct lt_stats stats = {.size = sizeof stats};
    struct lt_config config;
    lt_session *session;
    int error;

    if (argc < 2) {
        fprintf(stderr, "usage: jit PROGRAM [ARGS...]\n");
        return 99;
    }
    lt_config_init(&config, sizeof config);
    config.program = argv[1];
    config.argv = (const char *const *)(argv + 1);
    error = lt_session_create(&config, &session);
    if (error != 0) {
        fprintf(stderr, "jit: %s\n", lt_error_text(error));
        return 99;
    }
    error |= lt_on_insn(session, NULL, on_insn, &t);
    error |= lt_on_mem_write(session, NULL, on_write, &t);
    error |= lt_on_module(session, NULL, on_module, &t);
    error |= lt_on_exit(session, NULL, on_end, &t);
    if (error == 0)
        error = lt_session_run(session);
    if (error != 0) {
        fprintf(stderr, "jit: %d: %s\n", error, lt_session_message(session));
        return 99;
    }
    lt_session_stats(session, &stats);
    if (stats.register_mismatches != 0)
        problem(&t, session, "registers differ from the engine's",
                stats.register_mismatches);
    if (stats.internal_errors != 0)
        problem(&t, session, "internal errors", stats.internal_errors);
    if (t.written_insns < 10000)
        problem(&t, session, "hardly any code was of its own making", t.written_insns);
    if (getenv("LT_JIT_VERBOSE") != NULL)
        fprintf(stderr,
                "jit: %" PRIu64 " instructions, %" PRIu64 " of them the guest wrote\n",
                t.insns, t.written_insns);
    lt_session_destroy(session);
    free_pages(&t);
    return t.problems != 0 ? 99 : t.status;
}
