/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads as the public API tells them, held against what the guest says of itself
 * (see tests/guests/control/threads.c) and against the same program without us.
 * LT_GUESTS names the directory of the guests.
 */
#define _GNU_SOURCE
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t arches[] = {LT_ARCH_X86_64, LT_ARCH_AARCH64};

#define FOR_EACH_ARCH(arch)                                                              \
    for (size_t arch_i = 0; arch_i < 2; arch_i++)                                        \
        for (uint32_t arch = arches[arch_i],                                             \
                      once = control_guest(arch, "threads") != NULL;                     \
             once; once = 0)

static struct guest_run run_one(uint32_t arch, const char *what, uint32_t threads,
                                int insns)
{
    struct guest_run run = {.argv = {control_guest(arch, "threads"), what},
                            .arch = arch,
                            .threads = threads,
                            .insns = insns};

    if (strcmp(what, "many") == 0)
        run.argv[2] = "100";
    run_guest(&run);
    same_as_plain(&run);
    return run;
}

/* Each thread starts before its other events, is made by one that has started, and
 * does nothing behind its end. */
static void check_threads(const struct guest_run *run)
{
    size_t i, k;

    for (i = 0; i < run->count; i++) {
        const struct entry *e = &run->entries[i];

        if (e->type != LT_EVENT_THREAD || e->op != LT_THREAD_START)
            continue;
        assert_int_not_equal(e->tid, e->pid);
        assert_int_not_equal(e->parent, e->tid);
        for (k = 0; k < i; k++)
            if (run->entries[k].tid == e->tid)
                assert_true(run->entries[k].type == LT_EVENT_THREAD &&
                            run->entries[k].op != LT_THREAD_NAME);
        for (k = 0; k < i && run->entries[k].tid != e->parent; k++)
            continue;
        assert_true(k < i);
    }
}

static const struct entry *start_of(const struct guest_run *run, uint32_t tid)
{
    const struct entry *e;
    size_t n;

    for (n = 0; (e = nth(run, LT_EVENT_THREAD, LT_THREAD_START, n)) != NULL; n++)
        if (e->tid == tid)
            return e;
    return NULL;
}

static void test_creators(void **state)
{
    (void)state;
    for (uint32_t how = 0; how < 4; how++) {
        FOR_EACH_ARCH(arch)
        {
            struct guest_run run = run_one(arch, "nested", how & 1, how & 2);
            const char *text = run.output;
            size_t said = 0;

            check_threads(&run);
            while ((text = strstr(text, "# thread ")) != NULL) {
                unsigned tid, parent;

                assert_int_equal(sscanf(text++, "# thread %u of %u", &tid, &parent), 2);
                assert_non_null(start_of(&run, tid));
                assert_int_equal(start_of(&run, tid)->parent, parent);
                said++;
            }
            assert_int_equal(said, 3);
            assert_int_equal(count_of(&run, LT_EVENT_THREAD, LT_THREAD_START), 3);
            assert_int_equal(count_of(&run, LT_EVENT_THREAD, LT_THREAD_EXIT), 3);
            free_run(&run);
        }
    }
}

/* A thread's name, which it sets itself, or another one by a write to a file in
 * /proc. */
static void test_names(void **state)
{
    static const struct {
        const char *name;
        int own; /* of the first thread */
    } names[] = {
        {"by prctl", 0},        {"by itself", 0}, {"by another", 0},
        {"a name that is ", 1}, /* 15 bytes are kept */
        {"a name that is ", 1}, {"by a file", 1}, {"early", 0},
    };

    (void)state;
    for (uint32_t how = 0; how < 2; how++) {
        FOR_EACH_ARCH(arch)
        {
            struct guest_run run = run_one(arch, "names", how, 0);
            const char *text = strstr(run.output, "# named ");
            size_t i;

            for (i = 0; i < sizeof names / sizeof *names; i++) {
                const struct entry *e = nth(&run, LT_EVENT_THREAD, LT_THREAD_NAME, i);

                assert_non_null(e);
                assert_string_equal(e->text, names[i].name);
                if (strcmp(e->text, "early") == 0)
                    text = strstr(run.output, "# early ") - 1;
                assert_non_null(text);
                assert_int_equal(e->tid,
                                 names[i].own ? e->pid : strtoul(text + 8, NULL, 10));
            }
            assert_int_equal(count_of(&run, LT_EVENT_THREAD, LT_THREAD_NAME), i);
            if (how == LT_THREADS_SERIAL)
                check_threads(&run);
            free_run(&run);
        }
    }
}

static void test_ends(void **state)
{
    (void)state;
    for (uint32_t how = 0; how < 4; how++) {
        FOR_EACH_ARCH(arch)
        {
            struct guest_run run = run_one(arch, "ended-by-thread", how & 1, how & 2);

            check_threads(&run);
            assert_int_equal(run.result.status, 6);
            assert_int_equal(count_of(&run, LT_EVENT_EXIT, 0), 1);
            assert_int_equal(count_of(&run, LT_EVENT_THREAD, LT_THREAD_START), 3);
            free_run(&run);
            run = run_one(arch, "main-leaves", how & 1, how & 2);
            check_threads(&run);
            assert_int_equal(run.result.status, 0);
            assert_int_equal(count_of(&run, LT_EVENT_EXIT, 0), 1);
            assert_int_equal(count_of(&run, LT_EVENT_THREAD, LT_THREAD_START), 1);
            assert_string_equal(run.output, "last\n");
            free_run(&run);
        }
    }
}

/* Each of the last two threads sees that the other one ends; one of them tells how the
 * process does. */
static void test_end_together(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct guest_run run =
            run_one(LT_ARCH_X86_64, "together", LT_THREADS_PARALLEL, 0);

        assert_int_equal(run.result.kind, LT_RESULT_EXIT);
        free_run(&run);
    }
}

/* Threads that map, run new code and fork at the same time; code is filtered by the
 * file that it is mapped from. */
static void test_maps(void **state)
{
    (void)state;
    for (uint32_t how = 0; how < 2; how++) {
        FOR_EACH_ARCH(arch)
        {
            struct guest_run run = {.argv = {control_guest(arch, "threads"), "maps"},
                                    .arch = arch,
                                    .threads = how,
                                    .insns = 1,
                                    .module = "control-threads"};

            run_guest(&run);
            same_as_plain(&run);
            check_threads(&run);
            assert_int_equal(count_of(&run, LT_EVENT_PROCESS, LT_PROCESS_START), 21);
            free_run(&run);
        }
    }
}

static void test_many(void **state)
{
    (void)state;
    for (uint32_t how = 0; how < 4; how++) {
        FOR_EACH_ARCH(arch)
        {
            struct guest_run run = run_one(arch, "many", how & 1, how & 2);

            check_threads(&run);
            assert_int_equal(count_of(&run, LT_EVENT_THREAD, LT_THREAD_START), 200);
            assert_int_equal(count_of(&run, LT_EVENT_THREAD, LT_THREAD_EXIT), 200);
            free_run(&run);
        }
    }
}

/* These end only if threads that wait do not hold the others up, in system calls or
 * without: the test's time limit is what fails. */
static void test_progress(void **state)
{
    (void)state;
    for (uint32_t how = 0; how < 4; how++) {
        FOR_EACH_ARCH(arch)
        {
            struct guest_run run = run_one(arch, "blocked", how & 1, how & 2);

            check_threads(&run);
            free_run(&run);
            run = run_one(arch, "turns", how & 1, how & 2);
            check_threads(&run);
            free_run(&run);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_creators), cmocka_unit_test(test_names),
        cmocka_unit_test(test_ends),     cmocka_unit_test(test_many),
        cmocka_unit_test(test_progress), cmocka_unit_test(test_end_together),
        cmocka_unit_test(test_maps),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
