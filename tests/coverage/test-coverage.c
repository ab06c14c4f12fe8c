/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Coverage against what is not itself: maps are worked out anew from the instructions
 * of the same run, which other tests hold against a processor, and block by block from
 * what Debian's QEMU says that it executes (-d exec,nochain).
 *
 * LT_GUESTS names the directory of the guests; LT_QEMU_X86_64 and LT_QEMU_AARCH64 are
 * other builds of QEMU, or not there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lt/fuzz.h"
#include "lt/unstable.h"

static const char *const arches[] = {"x86_64", "aarch64"};

static const char *guest(const char *arch, const char *name)
{
    static __thread char path[4096];

    snprintf(path, sizeof path, "%s/%s/%s", getenv("LT_GUESTS"), arch, name);
    if (access(path, X_OK) != 0)
        skip();
    return path;
}

/* ---- Runs ---- */

struct insn {
    uint64_t pc;
    uint32_t length;
};

/* A run, and what came of it. */
struct run {
    const char *argv[8];
    struct lt_coverage coverage;
    struct lt_filter include, exclude; /* if their size is not 0 */
    uint32_t follow, threads;
    int record;  /* the instructions */
    int inside;  /* in this process */
    int outputs; /* are the host's */

    lt_session *session;
    struct lt_result result;
    struct insn *insns;
    size_t count, room;
};

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct run *run = user;

    (void)session;
    if (run->count == run->room) {
        run->room = run->room == 0 ? 4096 : 2 * run->room;
        run->insns = realloc(run->insns, run->room * sizeof *run->insns);
        assert_non_null(run->insns);
    }
    run->insns[run->count++] = (struct insn){insn->pc, insn->length};
    return 0;
}

static void prepare(struct run *run, const char *program, uint32_t kind, uint32_t counter)
{
    memset(run, 0, sizeof *run);
    run->argv[0] = program;
    assert_int_equal(lt_coverage_init(&run->coverage, sizeof run->coverage), 0);
    run->coverage.kind = kind;
    run->coverage.counter = counter;
}

/* Makes the session; what lt_coverage_start() says. */
static int begin(struct run *run)
{
    struct lt_config config;
    int error;

    lt_config_init(&config, sizeof config);
    config.program = run->argv[0];
    config.argv = run->argv;
    config.follow = run->follow;
    config.threads = run->threads;
    config.stdio[0] = LT_STDIO_NULL;
    config.stdio[1] = config.stdio[2] = run->outputs ? LT_STDIO_INHERIT : LT_STDIO_NULL;
    error = run->inside ? lt_session_create_in_process(&config, &run->session)
                        : lt_session_create(&config, &run->session);
    assert_int_equal(error, 0);
    if (run->record)
        assert_int_equal(lt_on_insn(run->session, NULL, on_insn, run), 0);
    if (run->include.size != 0)
        assert_int_equal(lt_coverage_include(run->session, &run->include), 0);
    if (run->exclude.size != 0)
        assert_int_equal(lt_coverage_exclude(run->session, &run->exclude), 0);
    return lt_coverage_start(run->session, &run->coverage);
}

static void finish(struct run *run)
{
    struct lt_stats stats = {.size = sizeof stats};

    if (lt_session_run(run->session) != 0)
        fail_msg("%s: %s", run->argv[0], lt_session_message(run->session));
    lt_result_init(&run->result, sizeof run->result);
    lt_session_result(run->session, &run->result);
    lt_session_stats(run->session, &stats);
    assert_int_equal(stats.register_mismatches, 0);
    assert_int_equal(stats.internal_errors, 0);
}

static void run_it(struct run *run)
{
    if (begin(run) != 0)
        fail_msg("%s: %s", run->argv[0], lt_session_message(run->session));
    finish(run);
}

static void end(struct run *run)
{
    lt_session_destroy(run->session);
    free(run->insns);
}

static uint64_t map_bytes(const struct run *run)
{
    return run->coverage.map_size != 0 ? run->coverage.map_size : 65536;
}

/* What a place of a map says. */
static uint64_t value(const struct run *run, const void *map, uint64_t place)
{
    return run->coverage.counter == LT_COUNTER_64 ? ((const uint64_t *)map)[place]
                                                  : ((const uint8_t *)map)[place];
}

/* What a place says that counted so often. */
static uint64_t counted(uint32_t counter, uint64_t times)
{
    switch (counter) {
    case LT_COUNTER_FLAG:
        return times != 0;
    case LT_COUNTER_WRAP:
        return times & 255;
    case LT_COUNTER_NEVER_ZERO:
        return times == 0 ? 0 : (times - 1) % 255 + 1;
    default:
        return times;
    }
}

/* ---- Blocks, from instructions ---- */

/* Blocks of a program, as numbered ones tell. */
struct blocks {
    struct lt_coverage_block *list;
    uint32_t *numbers;
    uint64_t *times;
    size_t count;
};

static struct blocks blocks_of(const struct run *run)
{
    struct blocks blocks = {0};

    for (uint32_t number = 1;; number++) {
        struct lt_coverage_block block = {.size = sizeof block};
        int got = lt_coverage_number(run->session, number, &block);

        if (got == LT_ERR_NOT_FOUND)
            break;
        assert_true(got >= 0);
        if (got == 0)
            continue;
        blocks.list = realloc(blocks.list, (blocks.count + 1) * sizeof *blocks.list);
        assert_non_null(blocks.list);
        blocks.numbers =
            realloc(blocks.numbers, (blocks.count + 1) * sizeof *blocks.numbers);
        assert_non_null(blocks.numbers);
        blocks.numbers[blocks.count] = number;
        blocks.list[blocks.count++] = block;
    }
    blocks.times = calloc(blocks.count + 1, sizeof *blocks.times);
    assert_non_null(blocks.times);
    return blocks;
}

static void free_blocks(struct blocks *blocks)
{
    free(blocks->list);
    free(blocks->numbers);
    free(blocks->times);
}

/* The block that begins there; each of these guests has one. */
static size_t block_at(const struct blocks *blocks, uint64_t pc)
{
    size_t found = blocks->count;

    for (size_t i = 0; i < blocks->count; i++) {
        if (blocks->list[i].pc == pc) {
            assert_int_equal(found, blocks->count);
            found = i;
        }
    }
    if (found == blocks->count)
        fail_msg("no block begins at %#" PRIx64, pc);
    return found;
}

/* Calls `fn` with each block that the instructions of a run went into. */
static void walk(const struct run *run, const struct blocks *blocks,
                 void (*fn)(size_t block, void *user), void *user)
{
    uint64_t next = 0, last = 0;

    for (size_t i = 0; i < run->count; i++) {
        const struct insn *insn = &run->insns[i];

        if (i == 0 || insn->pc != next || insn->pc >= last) {
            size_t block = block_at(blocks, insn->pc);
            last = insn->pc + blocks->list[block].length;
            fn(block, user);
        }
        next = insn->pc + insn->length;
        assert_true(next <= last);
    }
}

struct expected {
    const struct run *run;
    struct blocks *blocks;
    uint64_t *times; /* of each place */
    size_t before;   /* block, or SIZE_MAX */
};

static void count_block(size_t block, void *user)
{
    struct expected *e = user;

    e->blocks->times[block]++;
}

static void count_place(size_t block, void *user)
{
    struct expected *e = user;
    const struct lt_coverage *coverage = &e->run->coverage;
    uint64_t pc = e->blocks->list[block].pc, place;

    if (coverage->kind == LT_COVERAGE_BLOCKS) {
        place = lt_coverage_block_place(coverage, pc);
    } else if (e->before == SIZE_MAX) {
        /* From place 0. */
        struct lt_coverage alike = *coverage;
        alike.kind = LT_COVERAGE_BLOCKS;
        place = lt_coverage_block_place(&alike, pc);
    } else {
        place = lt_coverage_edge_place(coverage, e->blocks->list[e->before].pc, pc);
    }
    e->times[place]++;
    e->before = block;
}

static void same_numbers(struct run *run, struct blocks *blocks)
{
    struct expected e = {.run = run, .blocks = blocks};
    uint64_t entered = 0;

    walk(run, blocks, count_block, &e);
    for (size_t i = 0; i < blocks->count; i++) {
        if (blocks->list[i].count != counted(run->coverage.counter, blocks->times[i]))
            fail_msg("%s: block %#" PRIx64 " has %" PRIu64 ", and was entered %" PRIu64
                     " times",
                     run->argv[0], blocks->list[i].pc, blocks->list[i].count,
                     blocks->times[i]);
        entered += blocks->times[i];
    }
    assert_true(entered > 0 && run->count > entered);
}

static void same_places(struct run *run, struct blocks *blocks)
{
    uint64_t places =
        run->coverage.counter == LT_COUNTER_64 ? map_bytes(run) / 8 : map_bytes(run);
    struct expected e = {.run = run,
                         .blocks = blocks,
                         .times = calloc(places, sizeof *e.times),
                         .before = SIZE_MAX};
    const void *map = lt_coverage_map(run->session);

    walk(run, blocks, count_place, &e);
    for (uint64_t i = 0; i < places; i++) {
        if (value(run, map, i) != counted(run->coverage.counter, e.times[i]))
            fail_msg("%s: kind %u, counter %u: place %" PRIu64 " has %" PRIu64
                     ", and counted %" PRIu64 " times",
                     run->argv[0], run->coverage.kind, run->coverage.counter, i,
                     value(run, map, i), e.times[i]);
    }
    free(e.times);
}

static const char *const guests[] = {"branch", "loop", "sort", "recurse", "switch"};

struct edges {
    uint64_t *times; /* of edges from block a to b: at a * width + b */
    size_t width, before;
};

static void count_edge(size_t block, void *user)
{
    struct edges *edges = user;

    edges->times[edges->before * edges->width + block]++;
    edges->before = block;
}

static size_t index_of(const struct blocks *blocks, uint32_t number)
{
    for (size_t i = 0; i < blocks->count; i++) {
        if (blocks->numbers[i] == number)
            return i;
    }
    assert_int_equal(number, 0);
    return blocks->count;
}

/* Each edge has one place, and what is there is how often it was taken. */
static void same_edges(struct run *run)
{
    struct blocks blocks = blocks_of(run);
    struct edges edges = {.width = blocks.count + 1, .before = blocks.count};
    struct lt_coverage hashed = run->coverage;
    size_t moved = 0;

    edges.times = calloc(edges.width * edges.width, sizeof *edges.times);
    hashed.kind = LT_COVERAGE_EDGES;
    assert_non_null(edges.times);
    walk(run, &blocks, count_edge, &edges);
    for (uint32_t place = 0;; place++) {
        struct lt_coverage_edge edge = {.size = sizeof edge};
        int got = lt_coverage_edge(run->session, place, &edge);
        uint64_t *times;
        size_t from, to;

        if (got == LT_ERR_NOT_FOUND)
            break;
        assert_true(got >= 0);
        if (got == 0) {
            assert_true(edge.count == 0);
            continue;
        }
        from = index_of(&blocks, edge.from);
        to = index_of(&blocks, edge.to);
        times = &edges.times[from * edges.width + to];
        assert_true(*times != 0 && to != blocks.count);
        assert_int_equal(edge.count, counted(run->coverage.counter, *times));
        assert_int_equal(value(run, lt_coverage_map(run->session), place), edge.count);
        moved +=
            from != blocks.count && lt_coverage_edge_place(&hashed, blocks.list[from].pc,
                                                           blocks.list[to].pc) != place;
        *times = 0;
    }
    for (size_t i = 0; i < edges.width * edges.width; i++)
        assert_true(edges.times[i] == 0);
    /* The smallest map has too little room for "branch" without that. */
    assert_true(moved > 0 || run->coverage.map_size == 0 || blocks.count < 130);
    free(edges.times);
    free_blocks(&blocks);
}

static void test_places(void **state)
{
    (void)state;
    for (size_t a = 0; a < 2; a++) {
        for (size_t g = 0; g < sizeof guests / sizeof *guests; g++) {
            const char *program = guest(arches[a], guests[g]);
            struct blocks blocks;
            struct run run;

            prepare(&run, program, LT_COVERAGE_NUMBERS, LT_COUNTER_64);
            run.record = 1;
            run_it(&run);
            blocks = blocks_of(&run);
            same_numbers(&run, &blocks);
            end(&run);
            for (uint32_t i = 0; i < 8; i++) {
                prepare(&run, program, i < 4 ? LT_COVERAGE_BLOCKS : LT_COVERAGE_EDGES,
                        i % 4);
                run.record = 1;
                run.coverage.map_size = i % 2 == 0 ? 0 : 4096;
                run_it(&run);
                same_places(&run, &blocks);
                end(&run);
            }
            free_blocks(&blocks);
            for (uint32_t i = 0; i < 4; i++) {
                prepare(&run, program, LT_COVERAGE_EXACT_EDGES, i);
                run.record = 1;
                run.coverage.map_size = i % 2 == 0 ? 0 : 4096;
                run_it(&run);
                same_edges(&run);
                end(&run);
            }
        }
    }
}

/* ---- Another QEMU ---- */

static FILE *other_qemu(const char *qemu, const char *program)
{
    char log[] = "/tmp/lt-exec-XXXXXX";
    int fd = mkstemp(log), status;
    pid_t pid;
    FILE *file;

    assert_true(fd >= 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execl(qemu, qemu, "-d", "exec,nochain", "-D", log, program, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 127);
    file = fdopen(fd, "r");
    unlink(log);
    return file;
}

static void test_other_qemu(void **state)
{
    const char *const qemus[] = {getenv("LT_QEMU_X86_64"), getenv("LT_QEMU_AARCH64")};

    (void)state;
    for (size_t a = 0; a < 2; a++) {
        /* "switch" has an x86 string instruction, whose iterations are blocks to older
         * QEMUs. */
        for (size_t g = 0; g < sizeof guests / sizeof *guests - 1; g++) {
            const char *program = guest(arches[a], guests[g]);
            struct blocks blocks;
            struct run run;
            char line[512];
            FILE *log;

            if (qemus[a] == NULL || qemus[a][0] == '\0')
                continue;
            prepare(&run, program, LT_COVERAGE_NUMBERS, LT_COUNTER_64);
            run_it(&run);
            blocks = blocks_of(&run);
            log = other_qemu(qemus[a], program);
            while (fgets(line, sizeof line, log) != NULL) {
                uint64_t pc;

                if (sscanf(line, "Trace %*d: %*x [%*[0-9a-f]/%" SCNx64 "/", &pc) == 1)
                    blocks.times[block_at(&blocks, pc)]++;
            }
            fclose(log);
            for (size_t i = 0; i < blocks.count; i++) {
                if (blocks.list[i].count != blocks.times[i])
                    fail_msg("%s: block %#" PRIx64 " has %" PRIu64
                             ", and %s entered it %" PRIu64 " times",
                             program, blocks.list[i].pc, blocks.list[i].count, qemus[a],
                             blocks.times[i]);
            }
            free_blocks(&blocks);
            end(&run);
        }
    }
}

/* ---- With and without callbacks, and what counts ---- */

static void test_without_events(void **state)
{
    (void)state;
    for (size_t a = 0; a < 2; a++) {
        const char *program = guest(arches[a], "hash");
        struct run with, without;

        prepare(&with, program, LT_COVERAGE_EDGES, LT_COUNTER_64);
        with.record = 1;
        with.coverage.map_size = 1 << 20;
        run_it(&with);
        prepare(&without, program, LT_COVERAGE_EDGES, LT_COUNTER_64);
        without.coverage.map_size = 1 << 20;
        run_it(&without);
        assert_memory_equal(lt_coverage_map(with.session),
                            lt_coverage_map(without.session), 1 << 20);
        end(&with);
        end(&without);
    }
}

/* The body of a loop that runs a million times. */
static void test_loop(void **state)
{
    (void)state;
    for (size_t a = 0; a < 2; a++) {
        for (uint32_t counter = 0; counter < 4; counter++) {
            struct blocks blocks;
            struct run run;
            unsigned found = 0;

            prepare(&run, guest(arches[a], "loop-1000000"), LT_COVERAGE_NUMBERS, counter);
            run_it(&run);
            blocks = blocks_of(&run);
            for (size_t i = 0; i < blocks.count; i++) {
                /* The first time belongs to the block in front. */
                if (blocks.list[i].count == counted(counter, 999999))
                    found++;
            }
            assert_true(counter == LT_COUNTER_FLAG ? found > 1 : found == 1);
            free_blocks(&blocks);
            end(&run);
        }
    }
}

static size_t entered(const struct run *run, uint64_t from, uint64_t to)
{
    struct blocks blocks = blocks_of(run);
    size_t n = 0;

    for (size_t i = 0; i < blocks.count; i++) {
        n += blocks.list[i].count > 0 && blocks.list[i].pc >= from &&
             blocks.list[i].pc < to;
    }
    free_blocks(&blocks);
    return n;
}

static void test_filters(void **state)
{
    const char *program = guest("x86_64", "hello");
    uint64_t from = 0, to = 0;
    size_t all, own = 0, rest = 0;
    struct blocks blocks;
    struct run run;

    (void)state;
    prepare(&run, program, LT_COVERAGE_NUMBERS, LT_COUNTER_64);
    run_it(&run);
    all = entered(&run, 0, UINT64_MAX);
    blocks = blocks_of(&run);
    for (size_t i = 0; i < blocks.count; i++) {
        const struct lt_coverage_block *b = &blocks.list[i];

        assert_true(b->module == NULL || (b->base != 0 && b->pc == b->base + b->offset));
        if (b->module == NULL || strcmp(b->module, program) != 0) {
            rest += b->count > 0;
            continue;
        }
        own += b->count > 0;
        from = from == 0 || b->pc < from ? b->pc : from;
        to = b->pc >= to ? b->pc + 1 : to;
    }
    assert_true(own > 0 && rest > own && own + rest == all);
    free_blocks(&blocks);
    end(&run);

    /* The program's file: by its name, as an exception, by where it is. */
    for (int how = 0; how < 4; how++) {
        prepare(&run, program, LT_COVERAGE_NUMBERS, LT_COUNTER_64);
        lt_filter_init(how == 1 ? &run.exclude : &run.include, sizeof run.include);
        if (how == 0)
            run.include.module = "hello";
        if (how == 1)
            run.exclude.module = program;
        if (how == 2)
            run.include.pc_start = from, run.include.pc_end = to;
        if (how == 3) {
            lt_filter_init(&run.exclude, sizeof run.exclude);
            run.exclude.pc_start = from, run.exclude.pc_end = to;
        }
        run_it(&run);
        assert_int_equal(entered(&run, from, to), how == 0 || how == 2 ? own : 0);
        assert_int_equal(entered(&run, 0, UINT64_MAX), how == 0 || how == 2 ? own : rest);
        end(&run);
    }
}

/* ---- Maps ---- */

/* A map of the caller's has what one of the library's has, and nothing beside it. */
static void test_descriptor(void **state)
{
    int fd = memfd_create("map", 0);
    struct run own, other;
    uint8_t *map;

    (void)state;
    assert_int_equal(ftruncate(fd, 3 * 65536), 0);
    map = mmap(NULL, 3 * 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    prepare(&own, guest("x86_64", "sort"), LT_COVERAGE_EDGES, LT_COUNTER_WRAP);
    own.coverage.flags = LT_COVERAGE_FD;
    own.coverage.fd = fd;
    own.coverage.fd_offset = 65536;
    assert_int_equal(begin(&own), 0);
    close(fd);
    finish(&own);
    prepare(&other, guest("x86_64", "sort"), LT_COVERAGE_EDGES, LT_COUNTER_WRAP);
    run_it(&other);
    assert_memory_equal(map + 65536, lt_coverage_map(other.session), 65536);
    assert_memory_equal(map + 65536, lt_coverage_map(own.session), 65536);
    for (size_t i = 0; i < 65536; i++)
        assert_true(map[i] == 0 && map[2 * 65536 + i] == 0);
    end(&own);
    end(&other);
    munmap(map, 3 * 65536);
}

static void refused(struct run *run, int error)
{
    assert_int_equal(begin(run), error);
    assert_true(lt_session_message(run->session)[0] != '\0');
    assert_null(lt_coverage_map(run->session));
    lt_session_destroy(run->session);
}

static void test_refused(void **state)
{
    static const uint64_t sizes[] = {1,         2048, 65535, 3 * 4096, UINT64_C(1) << 31,
                                     UINT64_MAX};
    const char *program = guest("x86_64", "loop");
    int fd = memfd_create("map", 0), read_only, ends[2];
    char path[64];
    struct run run;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        prepare(&run, program, LT_COVERAGE_BLOCKS, 0);
        run.coverage.map_size = sizes[i];
        refused(&run, LT_ERR_ARGUMENT);
    }
    prepare(&run, program, 5, 0);
    refused(&run, LT_ERR_ARGUMENT);
    prepare(&run, program, LT_COVERAGE_BLOCKS, 4);
    refused(&run, LT_ERR_ARGUMENT);
    prepare(&run, program, LT_COVERAGE_BLOCKS, 0);
    run.coverage.flags = 2;
    refused(&run, LT_ERR_ARGUMENT);
    /* Memory that is not shared. */
    prepare(&run, program, LT_COVERAGE_BLOCKS, 0);
    run.coverage.map = &run;
    refused(&run, LT_ERR_ARGUMENT);
    prepare(&run, program, LT_COVERAGE_BLOCKS, 0);
    run.inside = 1;
    run.coverage.map = (char *)&run + 1;
    refused(&run, LT_ERR_ARGUMENT);
    /* Files: too short by a byte, an odd place in it, read only, closed, none. */
    assert_int_equal(ftruncate(fd, 65535), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_only = open(path, O_RDONLY);
    assert_true(read_only >= 0);
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 7; i++) {
        prepare(&run, program, LT_COVERAGE_BLOCKS, 0);
        run.coverage.flags = LT_COVERAGE_FD;
        run.coverage.fd = i == 2 ? read_only : i == 3 ? 1000000 : i == 4 ? -1 : fd;
        run.coverage.fd = i == 5 ? ends[0] : run.coverage.fd;
        run.coverage.fd_offset = i == 1 ? 1 : i == 6 ? UINT64_MAX - 4095 : 0;
        refused(&run, LT_ERR_ARGUMENT);
        if (i == 0)
            assert_int_equal(ftruncate(fd, 2 * 65536), 0);
    }
    close(fd);
    close(read_only);
    close(ends[0]);
    close(ends[1]);
}

static void test_inside(void **state)
{
    static _Alignas(65536) uint8_t memory[2 * 65536];

    (void)state;
    for (size_t a = 0; a < 2; a++) {
        for (uint32_t i = 0; i < 12; i++) {
            const char *program = guest(arches[a], "sort");
            uint32_t kind = i < 4   ? LT_COVERAGE_EDGES
                            : i < 8 ? LT_COVERAGE_EXACT_EDGES
                                    : LT_COVERAGE_BLOCKS;
            struct run inside, other;

            prepare(&other, program, kind, i % 4);
            run_it(&other);
            /* The library's own, and one that is aligned or not. */
            for (int where = 0; where < 3; where++) {
                prepare(&inside, program, kind, i % 4);
                inside.inside = 1;
                memset(memory, 0, sizeof memory);
                inside.coverage.map = where == 0   ? NULL
                                      : where == 1 ? memory
                                                   : memory + 40;
                run_it(&inside);
                assert_true(where == 0 ||
                            lt_coverage_map(inside.session) == inside.coverage.map);
                assert_memory_equal(lt_coverage_map(inside.session),
                                    lt_coverage_map(other.session), 65536);
                end(&inside);
            }
            end(&other);
        }
    }
}

/* ---- Threads, processes, sessions ---- */

static size_t modules(const struct run *run, const char *name)
{
    struct blocks blocks = blocks_of(run);
    size_t n = 0;

    for (size_t i = 0; i < blocks.count; i++) {
        const char *module = blocks.list[i].module;
        size_t length = module != NULL ? strlen(module) : 0;

        n += blocks.list[i].count > 0 && length >= strlen(name) &&
             strcmp(module + length - strlen(name), name) == 0;
    }
    free_blocks(&blocks);
    return n;
}

/* What a shell's children execute counts if they are traced; nothing is numbered twice.
 */
static void test_processes(void **state)
{
    (void)state;
    for (uint32_t follow = 0; follow < 3; follow++) {
        struct blocks blocks;
        struct run run;

        prepare(&run, "/bin/sh", LT_COVERAGE_NUMBERS, LT_COUNTER_64);
        run.argv[1] = "-c";
        run.argv[2] = "(exit 3); /bin/true; /bin/true; (kill -9 $$)";
        run.follow = follow;
        run_it(&run);
        assert_int_equal(run.result.signal, 9);
        assert_true((modules(&run, "/true") > 0) == (follow == LT_FOLLOW_ALL));
        blocks = blocks_of(&run);
        for (size_t i = 0; i < blocks.count; i++) {
            for (size_t k = 0; k < i; k++) {
                const struct lt_coverage_block *a = &blocks.list[i], *b = &blocks.list[k];

                assert_false(a->offset == b->offset && a->length == b->length &&
                             a->module != NULL && b->module != NULL &&
                             strcmp(a->module, b->module) == 0);
            }
        }
        free_blocks(&blocks);
        end(&run);
    }
}

/* Forked children of a guest in this process count in the map that they share with it,
 * under the same numbers. */
static void test_inside_forks(void **state)
{
    const char *scripts[] = {"(i=0; while [ $i -lt 11 ]; do i=$((i+1)); done; exit 3)",
                             "(i=0; while [ $i -lt 99 ]; do i=$((i+1)); done; exit 3)"};
    uint64_t sums[2][2] = {{0}};

    (void)state;
    for (size_t kind = 0; kind < 2; kind++) {
        for (int works = 0; works < 2; works++) {
            struct run run;

            prepare(&run, "/bin/sh",
                    kind == 0 ? LT_COVERAGE_NUMBERS : LT_COVERAGE_EXACT_EDGES,
                    LT_COUNTER_64);
            run.argv[1] = "-c";
            run.argv[2] = scripts[works];
            run.inside = 1;
            run_it(&run);
            assert_int_equal(run.result.status, 3);
            for (uint64_t i = 0; i < map_bytes(&run) / 8; i++) {
                struct lt_coverage_edge edge = {.size = sizeof edge};

                sums[kind][works] += value(&run, lt_coverage_map(run.session), i);
                /* Nothing counts that has no number. */
                if (kind == 1 && i > 0 &&
                    value(&run, lt_coverage_map(run.session), i) != 0)
                    assert_int_equal(lt_coverage_edge(run.session, i, &edge), 1);
            }
            end(&run);
        }
        assert_true(sums[kind][1] > sums[kind][0] + 1000);
    }
}

/* A child that is not traced goes on, and counts nothing. */
static void test_untraced(void **state)
{
    (void)state;
    for (uint32_t kind = LT_COVERAGE_BLOCKS; kind <= LT_COVERAGE_EXACT_EDGES; kind++) {
        uint64_t sums[2] = {0, 0};

        for (int works = 0; works < 2; works++) {
            struct run run;

            prepare(&run, "/bin/sh", kind, LT_COUNTER_64);
            run.argv[1] = "-c";
            run.argv[2] = works
                              ? "(i=0; while [ $i -lt 99 ]; do i=$((i+1)); done; exit 3)"
                              : "(i=0; while [ $i -lt 11 ]; do i=$((i+1)); done; exit 3)";
            run.follow = LT_FOLLOW_NONE;
            run_it(&run);
            assert_int_equal(run.result.status, 3);
            for (uint64_t i = 0; i < map_bytes(&run) / 8; i++)
                sums[works] += value(&run, lt_coverage_map(run.session), i);
            end(&run);
        }
        assert_true(sums[0] > 0);
        /* Its end may interrupt the shell anywhere. */
        assert_true(sums[1] < sums[0] + 1000 && sums[0] < sums[1] + 1000);
    }
}

/* The guest's descriptors are what they are without a map. */
static void test_hidden(void **state)
{
    char text[2][4096] = {{0}};

    (void)state;
    for (int with = 0; with < 2; with++) {
        int out = memfd_create("out", 0);
        struct lt_config config;
        struct lt_coverage coverage;
        lt_session *session;
        static const char *const argv[] = {
            "/bin/sh", "-c", "ls /proc/self/fd; exec ls /proc/self/fd", NULL};

        lt_config_init(&config, sizeof config);
        config.program = argv[0];
        config.argv = argv;
        config.stdio[1] = LT_STDIO_FD;
        config.stdio_fd[1] = out;
        assert_int_equal(lt_session_create(&config, &session), 0);
        lt_coverage_init(&coverage, sizeof coverage);
        coverage.kind = LT_COVERAGE_EDGES;
        if (with)
            assert_int_equal(lt_coverage_start(session, &coverage), 0);
        assert_int_equal(lt_session_run(session), 0);
        assert_true(pread(out, text[with], sizeof text[with] - 1, 0) > 0);
        lt_session_destroy(session);
        close(out);
    }
    assert_string_equal(text[0], text[1]);
    assert_string_equal(text[0], "0\n1\n2\n3\n0\n1\n2\n3\n");
}

static void test_threads(void **state)
{
    (void)state;
    for (size_t a = 0; a < 2; a++) {
        for (uint32_t threads = 0; threads < 2; threads++) {
            struct run run;

            prepare(&run, guest(arches[a], "in-process-static"), LT_COVERAGE_EDGES,
                    LT_COUNTER_NEVER_ZERO);
            run.argv[1] = "threads";
            run.threads = threads;
            run_it(&run);
            assert_int_equal(run.result.kind, LT_RESULT_EXIT);
            end(&run);
        }
    }
}

static void *run_thread(void *user)
{
    run_it(user);
    return NULL;
}

/* Sessions at the same time have maps of their own. */
static void test_sessions(void **state)
{
    struct run alone[2], together[2];
    pthread_t threads[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        prepare(&alone[i], strdup(guest(arches[i], "switch")), LT_COVERAGE_EDGES,
                LT_COUNTER_64);
        together[i] = alone[i];
        run_it(&alone[i]);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_thread, &together[i]);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_memory_equal(lt_coverage_map(alone[i].session),
                            lt_coverage_map(together[i].session), 65536);
        free((char *)alone[i].argv[0]);
        end(&alone[i]);
        end(&together[i]);
    }
}

/* ---- drcov ---- */

static void test_drcov(void **state)
{
    char path[] = "/tmp/lt-drcov-XXXXXX", line[4096], name[4096];
    struct lt_coverage_block *b;
    struct blocks blocks;
    struct run run;
    unsigned count = 0, id, found = 0;
    char modules[16][4096];
    uint64_t base[16], last[16];
    FILE *file;

    (void)state;
    close(mkstemp(path));
    prepare(&run, guest("x86_64", "hello"), LT_COVERAGE_NUMBERS, LT_COUNTER_FLAG);
    run_it(&run);
    assert_int_equal(lt_coverage_save_drcov(run.session, "/nowhere/at/all"),
                     LT_ERR_SYSTEM);
    assert_int_equal(lt_coverage_save_drcov(run.session, path), 0);
    blocks = blocks_of(&run);
    file = fopen(path, "rb");
    assert_true(fgets(line, sizeof line, file) != NULL);
    assert_string_equal(line, "DRCOV VERSION: 2\n");
    assert_true(fgets(line, sizeof line, file) != NULL);
    assert_string_equal(line, "DRCOV FLAVOR: drcov\n");
    assert_true(fgets(line, sizeof line, file) != NULL);
    assert_int_equal(sscanf(line, "Module Table: version 2, count %u", &count), 1);
    assert_true(count >= 2 && count < 16);
    assert_true(fgets(line, sizeof line, file) != NULL);
    assert_string_equal(line, "Columns: id, base, end, entry, path\n");
    for (unsigned i = 0; i < count; i++) {
        assert_true(fgets(line, sizeof line, file) != NULL);
        assert_int_equal(sscanf(line, "%u, 0x%" SCNx64 ", 0x%" SCNx64 ", 0x%*x, %[^\n]",
                                &id, &base[i], &last[i], name),
                         4);
        assert_int_equal(id, i);
        assert_int_equal(access(name, R_OK), 0);
        strcpy(modules[i], name);
    }
    assert_true(fgets(line, sizeof line, file) != NULL);
    assert_int_equal(sscanf(line, "BB Table: %u bbs", &count), 1);
    for (unsigned i = 0; i < count; i++) {
        struct {
            uint32_t start;
            uint16_t size, module;
        } entry;

        assert_int_equal(fread(&entry, sizeof entry, 1, file), 1);
        for (b = blocks.list; b < blocks.list + blocks.count; b++) {
            if (b->count > 0 && b->module != NULL && b->offset == entry.start &&
                b->length == entry.size &&
                strcmp(b->module, modules[entry.module]) == 0 &&
                base[entry.module] + entry.start + entry.size <= last[entry.module]) {
                b->count = 0; /* each once */
                found++;
                break;
            }
        }
    }
    assert_int_equal(found, count);
    assert_int_equal(fgetc(file), EOF);
    for (b = blocks.list; b < blocks.list + blocks.count; b++)
        assert_true(b->count == 0 || b->module == NULL);
    fclose(file);
    free_blocks(&blocks);
    end(&run);
    unlink(path);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),         cmocka_unit_test(test_other_qemu),
        cmocka_unit_test(test_without_events), cmocka_unit_test(test_loop),
        cmocka_unit_test(test_filters),        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_processes),      cmocka_unit_test(test_untraced),
        cmocka_unit_test(test_inside_forks),   cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_threads),        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_drcov),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
