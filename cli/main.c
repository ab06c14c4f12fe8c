/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the program's entry: which command is meant. */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "run.h"
#include "signals.h"

static int run_command(int argc, char **argv)
{
    static char name[] = "lt run"; /* what getopt_long() puts before messages */
    struct options options;
    int status;

    argv[0] = name;
    status = options_parse(argc, argv, &options);
    return status < 0 ? run(&options) : status;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    signals_ignore();
    if (strcmp(command, "run") == 0)
        return run_command(argc - 1, argv + 1);
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0)
        return options_help();
    if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0)
        return options_version();
    if (strcmp(command, "--arch") == 0)
        return options_architectures();
    if (command[0])
        fprintf(stderr, "lt: there is no command \"%s\"\n", command);
    fprintf(stderr, "Usage: lt run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
                    "Try \"lt --help\".\n");
    return STATUS_FAILURE;
}
