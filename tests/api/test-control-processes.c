/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process trees as the public API tells them: who begins, executes and ends, in
 * which order, with which modules.  The guests also run without us: what they print
 * and how they end is the same.  LT_GUESTS names the directory of the guests.
 */
#define _GNU_SOURCE
#include "control.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const uint32_t arches[] = {LT_ARCH_X86_64, LT_ARCH_AARCH64};

#define FOR_EACH_ARCH(arch)                                                              \
    for (size_t arch_i = 0; arch_i < 2; arch_i++)                                        \
        for (uint32_t arch = arches[arch_i],                                             \
                      once = control_guest(arch, "processes") != NULL;                   \
             once; once = 0)

/* A run of the guest "processes" that is as without us. */
static struct guest_run run_one(uint32_t arch, const char *what, const char *a,
                                const char *b, const char *c)
{
    struct guest_run run = {.argv = {control_guest(arch, "processes"), what, a, b, c},
                            .arch = arch};

    run_guest(&run);
    same_as_plain(&run);
    assert_int_equal(nth(&run, LT_EVENT_PROCESS, LT_PROCESS_START, 0)->parent, 0);
    return run;
}

static const struct entry *exit_of(const struct guest_run *run, uint32_t pid)
{
    const struct entry *e;
    size_t n;

    for (n = 0; (e = nth(run, LT_EVENT_EXIT, 0, n)) != NULL; n++)
        if (e->pid == pid)
            return e;
    fail_msg("process %u has no end", pid);
    return NULL;
}

static const struct entry *start(const struct guest_run *run, size_t n)
{
    const struct entry *e = nth(run, LT_EVENT_PROCESS, LT_PROCESS_START, n);

    assert_non_null(e);
    return e;
}

static void expect(const struct guest_run *run, size_t starts, size_t execs)
{
    assert_int_equal(count_of(run, LT_EVENT_PROCESS, LT_PROCESS_START), starts);
    assert_int_equal(count_of(run, LT_EVENT_PROCESS, LT_PROCESS_EXEC), execs);
}

/* The number behind a word in the guest's output. */
static uint32_t fact(const struct guest_run *run, const char *word)
{
    const char *at = strstr(run->output, word);

    assert_non_null(at);
    return (uint32_t)strtoul(at + strlen(word), NULL, 10);
}

/* ---- A shell's pipeline ---- */

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void check_pipeline(struct guest_run *run)
{
    static const char *const programs[] = {"ls", "sort", "head"};
    uint32_t shell;
    size_t i, k, executed = 0;

    run_guest(run);
    assert_int_equal(run->result.kind, LT_RESULT_EXIT);
    assert_int_equal(run->result.status, 3);
    expect(run, 4, 3);
    shell = start(run, 0)->pid;
    assert_int_equal(start(run, 0)->parent, 0);
    assert_string_equal(start(run, 0)->text, "/bin/sh");
    for (i = 1; i < 4; i++) {
        assert_int_equal(start(run, i)->parent, shell);
        assert_int_equal(start(run, i)->tid, start(run, i)->pid);
        assert_string_equal(start(run, i)->text, "/bin/sh");
        assert_true(exit_of(run, start(run, i)->pid)->seq < exit_of(run, shell)->seq);
    }
    for (i = 0; i < 3; i++)
        for (k = 0; k < 3; k++) {
            const struct entry *e = nth(run, LT_EVENT_PROCESS, LT_PROCESS_EXEC, i);

            assert_int_equal(e->parent, shell);
            executed += strcmp(base(e->text), programs[k]) == 0;
        }
    assert_int_equal(executed, 3);
    assert_int_equal(exit_of(run, shell)->status, 3);
}

static void test_pipeline(void **state)
{
    int how;

    (void)state;
    for (how = 0; how < 4; how++) {
        struct guest_run run = {
            .argv = {"/bin/sh", "-c",
                     "/bin/ls / | /usr/bin/sort | /usr/bin/head -3; exit 3"},
            .arch = LT_ARCH_X86_64,
            .pull = how & 1,
            .insns = how & 2,
        };

        check_pipeline(&run);
        same_as_plain(&run);
        free_run(&run);
    }
}

/* ---- Modules: each process has its own ---- */

struct map {
    uint32_t pid;
    uint64_t start, end;
    char path[256];
};

struct maps {
    struct map all[4096];
    size_t count;
    uint64_t checked, seen;
};

static void unmap(struct maps *m, uint32_t pid, uint64_t start, uint64_t end)
{
    size_t i;

    for (i = 0; i < m->count; i++) {
        struct map *map = &m->all[i];

        if (map->pid != pid || map->start >= end || map->end <= start)
            continue;
        if (map->start < start && map->end > end) {
            assert_true(m->count < 4096);
            m->all[m->count] = *map;
            m->all[m->count++].start = end;
            map->end = start;
        } else if (map->start < start) {
            map->end = start;
        } else if (map->end > end) {
            map->start = end;
        } else {
            *map = m->all[--m->count];
            i--;
        }
    }
}

static int follow_maps(const struct entry *e, void *user)
{
    struct maps *m = user;
    size_t i, count = m->count;

    if (e->type == LT_EVENT_PROCESS) {
        if (e->op == LT_PROCESS_EXEC)
            unmap(m, e->pid, 0, UINT64_MAX);
        for (i = 0; i < count && e->op == LT_PROCESS_START; i++)
            if (m->all[i].pid == e->parent) {
                assert_true(m->count < 4096);
                m->all[m->count] = m->all[i];
                m->all[m->count++].pid = e->pid;
            }
    } else if (e->type == LT_EVENT_MODULE) {
        unmap(m, e->pid, e->addr, e->handler);
        if (e->op == LT_MODULE_MAP) {
            struct map *map = &m->all[m->count++];

            assert_true(m->count < 4096);
            map->pid = e->pid;
            map->start = e->addr;
            map->end = e->handler;
            memcpy(map->path, e->text, sizeof map->path);
        }
    }
    return 0;
}

static int compare_maps(lt_session *session, const struct lt_insn *e, void *user)
{
    struct maps *m = user;
    const char *path = "";
    struct lt_symbol symbol;
    size_t i;
    int result;

    if (m->seen++ % 61 != 0)
        return 0;
    for (i = 0; i < m->count; i++) {
        const struct map *map = &m->all[i];

        if (map->pid == e->pid && e->pc >= map->start && e->pc < map->end)
            path = map->path;
    }
    lt_symbol_init(&symbol, sizeof symbol);
    result = lt_symbol_at(session, e->pc, &symbol);
    if (path[0] == '\0') {
        assert_int_equal(result, LT_ERR_NOT_FOUND);
    } else {
        assert_int_equal(result, 0);
        assert_string_equal(symbol.module, path);
        m->checked++;
    }
    return 0;
}

static void test_modules(void **state)
{
    static struct maps maps;
    struct guest_run run = {
        .argv = {"/bin/sh", "-c",
                 "(/bin/echo a; /bin/echo b) | /usr/bin/sort -r | "
                 "/bin/cat; (exit 5)"},
        .arch = LT_ARCH_X86_64,
        .insns = 1,
        .on_insn = compare_maps,
        .on_event = follow_maps,
        .user = &maps,
    };

    (void)state;
    run_guest(&run);
    same_as_plain(&run);
    assert_int_equal(run.result.status, 5);
    assert_true(maps.checked > 1000);
    free_run(&run);
}

/* ---- What is followed ---- */

static void test_follow(void **state)
{
    const char *const command = "/bin/true; (exit 4); /bin/true; exit 6";

    (void)state;
    for (uint32_t follow = LT_FOLLOW_ALL; follow <= LT_FOLLOW_NONE; follow++) {
        struct guest_run run = {.argv = {"/bin/sh", "-c", command},
                                .arch = LT_ARCH_X86_64,
                                .insns = 1,
                                .follow = follow,
                                .untraced = 1};

        run_guest(&run);
        assert_int_equal(run.result.kind, LT_RESULT_EXIT);
        assert_int_equal(run.result.status, 6);
        if (follow == LT_FOLLOW_ALL) {
            expect(&run, 4, 2);
            assert_int_equal(run.result.untraced_processes, 0);
        } else if (follow == LT_FOLLOW_FORKS) {
            expect(&run, 4, 0);
            /* Those that executed programs have no end: nobody saw it. */
            assert_int_equal(count_of(&run, LT_EVENT_EXIT, 0), 2);
            assert_int_equal(run.result.untraced_processes, 2);
        } else {
            expect(&run, 1, 0);
            assert_int_equal(count_of(&run, LT_EVENT_EXIT, 0), 1);
            assert_int_equal(run.result.untraced_processes, 3);
        }
        free_run(&run);
    }
}

/* The first process executes a program that is not followed: its result is told. */
static void test_follow_first(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        const char *program = control_guest(arch, "processes");

        for (uint32_t follow = LT_FOLLOW_FORKS; follow <= LT_FOLLOW_NONE; follow++) {
            struct guest_run run = {.argv = {program, "exec", program, "exit", "11"},
                                    .arch = arch,
                                    .follow = follow,
                                    .untraced = 1};

            run_guest(&run);
            assert_int_equal(run.result.kind, LT_RESULT_EXIT);
            assert_int_equal(run.result.status, 11);
            expect(&run, 1, 0);
            free_run(&run);
        }
    }
}

/* ---- exec ---- */

static void test_exec(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (size_t other = 0; other < 2; other++) {
            const char *program = control_guest(arches[other], "processes");
            struct guest_run run = {
                .argv = {control_guest(arch, "processes"), "exec", program, "exit", "11"},
                .arch = arch,
                .insns = 1};
            const struct entry *e;

            if (program == NULL)
                continue;
            run_guest(&run);
            expect(&run, 1, 1);
            e = nth(&run, LT_EVENT_PROCESS, LT_PROCESS_EXEC, 0);
            assert_int_equal(e->arch, arches[other]);
            assert_string_equal(e->text, program);
            assert_int_equal(e->pid, start(&run, 0)->pid);
            assert_int_equal(e->tid, e->pid);
            assert_int_equal(start(&run, 0)->arch, arch);
            assert_int_equal(run.result.status, 11);
            free_run(&run);
        }
    }
}

static char *script(const char *text, mode_t mode)
{
    static char paths[8][64];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    FILE *file;
    int fd;

    strcpy(path, "/tmp/lt-control-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    fputs(text, file);
    fchmod(fd, mode);
    fclose(file);
    return path;
}

static void test_exec_script(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        char text[600];
        char *path, *outer;
        struct guest_run run;

        snprintf(text, sizeof text, "#!%s exit\n", control_guest(arch, "processes"));
        path = script(text, 0755);
        /* "exit PATH": the number of a path is 0. */
        run = (struct guest_run){.argv = {control_guest(arch, "processes"), "exec", path},
                                 .arch = arch};
        run_guest(&run);
        expect(&run, 1, 1);
        assert_int_equal(run.result.status, 0);
        assert_string_equal(nth(&run, LT_EVENT_PROCESS, LT_PROCESS_EXEC, 0)->text,
                            control_guest(arch, "processes"));
        free_run(&run);
        /* A script that a script interprets. */
        snprintf(text, sizeof text, "#! %s x\n", path);
        outer = script(text, 0755);
        run = (struct guest_run){
            .argv = {control_guest(arch, "processes"), "exec", outer}, .arch = arch};
        run_guest(&run);
        expect(&run, 1, 1);
        assert_int_equal(run.result.status, 0);
        free_run(&run);
        unlink(outer);
        unlink(path);
        path = script("#!/bin/sh\necho \"$0 $1\"; exit 21\n", 0755);
        run = run_one(arch, "exec", path, "word", NULL);
        expect(&run, 1, 1);
        assert_int_equal(run.result.status, 21);
        assert_int_equal(nth(&run, LT_EVENT_PROCESS, LT_PROCESS_EXEC, 0)->arch,
                         LT_ARCH_X86_64);
        free_run(&run);
        unlink(path);
    }
}

static void test_exec_fails(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        char *words = script("just words\n", 0755);
        char *forbidden = script("#!/bin/sh\n", 0644);
        char *lonely = script("#!/no/such/interpreter\n", 0755);
        struct guest_run run = {.argv = {control_guest(arch, "processes"), "exec-fails",
                                         "/no/such/file", forbidden, words, lonely,
                                         "/tmp", "/etc/passwd/x"},
                                .arch = arch,
                                .insns = 1,
                                .calls = 1};
        const struct entry *end;

        run_guest(&run);
        same_as_plain(&run);
        expect(&run, 1, 0);
        assert_int_equal(run.result.status, 4);
        /* What follows the failures is traced. */
        end = exit_of(&run, start(&run, 0)->pid);
        assert_int_equal(run.result.untraced_processes, 0);
        assert_true(run.stats.insns == end->insns);
        free_run(&run);
        unlink(words);
        unlink(forbidden);
        unlink(lonely);
    }
}

static void test_exec_from_thread(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        const struct entry *e, *made;
        struct guest_run run =
            run_one(arch, "thread-exec", control_guest(arch, "processes"), "exit", "5");

        expect(&run, 1, 1);
        e = nth(&run, LT_EVENT_PROCESS, LT_PROCESS_EXEC, 0);
        made = nth(&run, LT_EVENT_THREAD, LT_THREAD_START, 0);
        assert_non_null(made);
        assert_int_equal(e->tid, e->pid);
        assert_int_equal(e->pid, start(&run, 0)->pid);
        assert_int_not_equal(made->tid, e->tid);
        assert_int_equal(run.result.status, 5);
        free_run(&run);
    }
}

static void test_exec_chain(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct guest_run run = run_one(arch, "chain", "40", NULL, NULL);

        expect(&run, 1, 40);
        assert_int_equal(run.result.status, 8);
        free_run(&run);
    }
}

/* ---- vfork and its like ---- */

/* The return of the call that made the first child, in the parent. */
static const struct entry *parent_returns(const struct guest_run *run)
{
    const struct entry *child = start(run, 1);
    size_t i;

    for (i = 0; i < run->count; i++) {
        const struct entry *e = &run->entries[i];

        if (e->type == LT_EVENT_SYSCALL && e->op == LT_PHASE_RETURN &&
            e->pid == child->parent && e->result == child->pid)
            return e;
    }
    fail_msg("the parent's call does not return");
    return NULL;
}

static void test_vfork(void **state)
{
    static const char *const ways[] = {"vfork", "spawn", "vfork-exit"};

    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (size_t way = 0; way < 3; way++) {
            const char *program = control_guest(arch, "processes");
            struct guest_run run = {.argv = {program, ways[way], program, "exit", "3"},
                                    .arch = arch,
                                    .calls = 1};
            const struct entry *child;

            run_guest(&run);
            same_as_plain(&run);
            expect(&run, 2, way < 2);
            child = start(&run, 1);
            assert_int_equal(child->parent, start(&run, 0)->pid);
            /* The parent goes on when its child has executed or ended. */
            if (way < 2)
                assert_true(nth(&run, LT_EVENT_PROCESS, LT_PROCESS_EXEC, 0)->seq <
                            parent_returns(&run)->seq);
            else
                assert_true(exit_of(&run, child->pid)->seq < parent_returns(&run)->seq);
            assert_int_equal(exit_of(&run, child->pid)->status, way < 2 ? 3 : 6);
            free_run(&run);
        }
    }
}

/* A child begins where it is made: what its parent does after that comes later. */
static void test_fork_order(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (int i = 0; i < 20; i++) {
            struct guest_run run = {.argv = {control_guest(arch, "processes"), "memory"},
                                    .arch = arch,
                                    .insns = 1,
                                    .calls = 1};

            run_guest(&run);
            same_as_plain(&run);
            expect(&run, 2, 0);
            assert_true(start(&run, 1)->seq < parent_returns(&run)->seq);
            free_run(&run);
        }
    }
}

static void test_clone(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct guest_run run = run_one(arch, "clone", NULL, NULL, NULL);

        expect(&run, 2, 0);
        assert_int_equal(exit_of(&run, start(&run, 1)->pid)->status, 13);
        free_run(&run);
        run =
            run_one(arch, "thread-forks", control_guest(arch, "processes"), "exit", "14");
        expect(&run, 2, 1);
        assert_int_equal(exit_of(&run, start(&run, 1)->pid)->status, 14);
        assert_int_equal(count_of(&run, LT_EVENT_THREAD, LT_THREAD_START), 2);
        free_run(&run);
    }
}

/* ---- Killed ---- */

static void test_killed(void **state)
{
    static const char *const ways[] = {"kill-child", "kill-sibling"};

    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (int i = 0; i < 4; i++) {
            struct guest_run run = {
                .argv = {control_guest(arch, "processes"), ways[i & 1]},
                .arch = arch,
                .insns = i & 2};
            const struct entry *end;

            run_guest(&run);
            same_as_plain(&run);
            expect(&run, i & 1 ? 3 : 2, 0);
            end = exit_of(&run, fact(&run, "# killed "));
            assert_int_equal(end->signal, SIGKILL);
            assert_int_equal(end->status, 0);
            free_run(&run);
        }
    }
}

static void test_parent_killed(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct guest_run run = {.argv = {control_guest(arch, "processes"), "kill-parent"},
                                .arch = arch,
                                .insns = 1};

        run_guest(&run);
        expect(&run, 2, 0);
        assert_int_equal(run.result.kind, LT_RESULT_SIGNAL);
        assert_int_equal(run.result.signal, SIGKILL);
        assert_int_equal(exit_of(&run, start(&run, 0)->pid)->signal, SIGKILL);
        assert_int_equal(exit_of(&run, start(&run, 1)->pid)->status, 12);
        /* The session lasted until the child had ended. */
        assert_string_equal(run.output, "outlived\n");
        free_run(&run);
    }
}

static void test_outlive(void **state)
{
    static const char *const ways[] = {"orphan", "daemon"};
    static const char *const outputs[] = {"child of 1\n", "daemon\n"};

    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (int i = 0; i < 4; i++) {
            struct guest_run run = {
                .argv = {control_guest(arch, "processes"), ways[i & 1]},
                .arch = arch,
                .insns = i & 2};

            run_guest(&run);
            expect(&run, 3, 0);
            assert_int_equal(run.result.kind, LT_RESULT_EXIT);
            assert_int_equal(run.result.status, 7);
            assert_string_equal(run.output, outputs[i & 1]);
            assert_int_equal(run.entries[run.count - 1].type, LT_EVENT_EXIT);
            assert_int_equal(run.entries[run.count - 1].status, i & 1 ? 9 : 8);
            free_run(&run);
        }
    }
}

/* ---- Many ---- */

static void test_many(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct guest_run run = run_one(arch, "many", "300", NULL, NULL);

        expect(&run, 301, 0);
        assert_string_equal(run.output, "300\n");
        free_run(&run);
        run = run_one(arch, "crowd", "50", NULL, NULL);
        expect(&run, 51, 0);
        assert_string_equal(run.output, "50\n");
        free_run(&run);
    }
}

/* ---- Descriptors ---- */

static void test_descriptors_closed(void **state)
{
    static const char *const ways[] = {"range", "from",    "loop",
                                       "dup2",  "cloexec", "limit"};

    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
            struct guest_run run = run_one(arch, "close-all", ways[way], NULL, NULL);

            expect(&run, 3, 1);
            assert_string_equal(run.output, "3\n4\n");
            free_run(&run);
        }
    }
}

static void test_descriptors_shown(void **state)
{
    struct guest_run run;

    (void)state;
    run = run_one(LT_ARCH_X86_64, "descriptors", NULL, NULL, NULL);
    free_run(&run);
}

/* ---- Stops ---- */

static int stop_when_all_run(const struct entry *e, void *user)
{
    int *seen = user;

    *seen += e->type == LT_EVENT_THREAD && e->op == LT_THREAD_START;
    return *seen == 10 ? LT_STOP : 0;
}

static void test_stop(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (uint32_t how = 0; how < 8; how++) {
            int seen = 0;
            struct guest_run run = {.argv = {control_guest(arch, "processes"), "endless"},
                                    .arch = arch,
                                    .threads =
                                        how & 1 ? LT_THREADS_PARALLEL : LT_THREADS_SERIAL,
                                    .insns = how & 2,
                                    .pull = how & 4,
                                    .on_event = stop_when_all_run,
                                    .user = &seen};

            run_guest(&run);
            assert_int_equal(run.result.kind, LT_RESULT_STOPPED);
            for (size_t n = 0; n < count_of(&run, LT_EVENT_PROCESS, LT_PROCESS_START);
                 n++)
                assert_int_not_equal(kill((pid_t)start(&run, n)->pid, 0), 0);
            free_run(&run);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_follow_first),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_exec_script),
        cmocka_unit_test(test_exec_fails),
        cmocka_unit_test(test_exec_from_thread),
        cmocka_unit_test(test_exec_chain),
        cmocka_unit_test(test_vfork),
        cmocka_unit_test(test_fork_order),
        cmocka_unit_test(test_clone),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_parent_killed),
        cmocka_unit_test(test_outlive),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_descriptors_closed),
        cmocka_unit_test(test_descriptors_shown),
        cmocka_unit_test(test_stop),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
