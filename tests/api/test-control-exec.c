/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All ways to execute a file, which a guest takes once with us and once without: what
 * the program that is executed knows of itself is the same.
 */
#define _GNU_SOURCE
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t arches[] = {LT_ARCH_X86_64, LT_ARCH_AARCH64};

#define FOR_EACH_ARCH(arch)                                                              \
    for (size_t arch_i = 0; arch_i < 2; arch_i++)                                        \
        for (uint32_t arch = arches[arch_i],                                             \
                      once = control_guest(arch, "executes") != NULL;                    \
             once; once = 0)

/* Executes `file` in a way, with arguments that it shows.  `told`: as what the event
 * names it; NULL: as what it pleases; "": it is not executed. */
static void execute(uint32_t arch, const char *way, const char *file, const char *told)
{
    struct guest_run run = {
        .argv = {control_guest(arch, "executes"), way, file, "zero", "tell", "two words"},
        .arch = arch,
        .insns = 1};
    const struct entry *event;

    run_guest(&run);
    same_as_plain(&run);
    if (strcmp(way, "memory") == 0)
        assert_non_null(strstr(run.output, "# name memfd:copy\n"));
    event = nth(&run, LT_EVENT_PROCESS, LT_PROCESS_EXEC, 0);
    assert_true((event == NULL) == (told != NULL && *told == '\0'));
    if (event != NULL && told != NULL)
        assert_string_equal(event->text, told);
    free_run(&run);
}

static void test_program(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        const char *self = control_guest(arch, "executes");

        execute(arch, "closing", self, self);
        execute(arch, "staying", self, self);
        execute(arch, "path", self, self);
        execute(arch, "folder", self, self);
        /* Its name is that of a descriptor, which closes. */
        execute(arch, "name", self, NULL);
    }
}

/* What nobody can open by a name. */
static void test_nameless(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        execute(arch, "memory", control_guest(arch, "executes"), "/memfd:copy (deleted)");
        execute(arch, "deleted", control_guest(arch, "executes"), NULL);
    }
}

static void test_failure(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        static const char *const ways[] = {"no-flag", "bad-flag", "bad", "folder-itself",
                                           "link"};

        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
            execute(arch, ways[i], control_guest(arch, "executes"), "");
    }
}

/* An interpreter gets the name of a descriptor that stays open; one that closes it
 * could not open. */
static void test_script(void **state)
{
    char path[] = "/tmp/lt-control-XXXXXX";
    const int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    dprintf(fd, "#!/bin/echo script\n");
    fchmod(fd, 0755);
    close(fd);
    FOR_EACH_ARCH(arch)
    {
        execute(arch, "staying", path, "/bin/echo");
        execute(arch, "closing", path, "");
        execute(arch, "folder", path, "");
        execute(arch, "path", path, "");
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_nameless),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_script),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
