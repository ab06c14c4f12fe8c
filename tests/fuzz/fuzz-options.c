/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of `lt run`: the input is its arguments, ended by NULs. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../cli/options.h"
#include "fuzz.h"

#define ARGUMENTS 24

/* What is printed is of no interest, and slow. */
static FILE *nowhere(void)
{
    static FILE *file;

    if (file == NULL && (file = fopen("/dev/null", "we")) == NULL) {
        abort();
    }
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *argv[ARGUMENTS + 1] = {"lt run"};
    struct options options;
    int argc = 1;

    FILE *const out = stdout, *const err = stderr;

    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at < size && argc < ARGUMENTS; at += strlen(text + at) + 1) {
        argv[argc++] = text + at;
    }
    memset(&options, 0, sizeof options);
    optind = 0; /* getopt() begins anew */
    stdout = stderr = nowhere();
    const int status = options_parse(argc, argv, &options);
    stdout = out;
    stderr = err;
    if (status == -1) {
        look_at_text(options.output);
        look_at_text(options.module);
        look_at_text(options.sysroot);
        look_at_text(options.cpu);
        if (options.program == NULL || options.program[0] == NULL) {
            abort();
        }
        look_at_text(options.program[0]);
    }
    free(text);
    return 0;
}
