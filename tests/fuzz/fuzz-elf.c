/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are executed or mapped: the input is one.  program.c looks at it before
 * a run, symbols.c looks for symbols all over it.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "lt/lt.h"
#include "program.h"
#include "symbols.h"

static void find_program(const char *path)
{
    const struct lti_program_request request = {.program = path};
    struct lti_program program;
    struct lti_message message = {""};

    if (lti_program_find(&request, &program, &message) == 0) {
        look_at_text(program.path);
        for (char **p = program.argv; *p != NULL; p++) {
            look_at_text(*p);
        }
        lti_program_free(&program);
    }
    look_at_text(message.text);
}

static void find_symbols(const char *path, size_t size)
{
    struct lti_symbols *symbols;

    if (lti_symbols_create(NULL, &symbols) != 0) {
        return;
    }
    for (uint64_t at = 0, i = 0; i < 64; at += size / 61 + 1, i++) {
        const char *name = NULL;
        uint64_t offset, length;

        if (lti_symbols_find(symbols, path, i == 63 ? UINT64_MAX : at, &name, &offset,
                             &length) == 1) {
            look_at_text(name);
        }
    }
    lti_symbols_destroy(symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("lt-fuzz", 0);
    char path[64];

    if (fd < 0) {
        return 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fchmod(fd, 0700) == 0 && write(fd, data, size) == (ssize_t)size) {
        find_program(path);
        find_symbols(path, size);
    }
    close(fd);
    return 0;
}
