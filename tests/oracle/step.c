/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step [-a ARCH] [-v] PROGRAM: executes a guest on its oracle alone and prints
 * how many instructions and single steps it takes, and how it ends; with -v,
 * every program counter.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "oracle.h"

int main(int argc, char **argv)
{
    enum oracle_kind kind = ORACLE_NATIVE;
    enum oracle_event event;
    struct oracle oracle;
    int verbose = 0;
    int option;

    while ((option = getopt(argc, argv, "a:v")) != -1) {
        if (option == 'v')
            verbose = 1;
        else if (option == 'a' && strcmp(optarg, "aarch64") == 0)
            kind = ORACLE_GDBSTUB;
        else if (option != 'a' || strcmp(optarg, "x86_64") != 0)
            return 2;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: step [-a x86_64|aarch64] [-v] PROGRAM\n");
        return 2;
    }
    if (oracle_start(&oracle, kind, argv[optind], -1) != 0)
        return 1;
    do {
        if (verbose)
            printf("%#" PRIx64 "\n", oracle_pc(&oracle));
        event = oracle_step(&oracle);
    } while (event == ORACLE_STEPPED);
    printf("%" PRIu64 " instructions, %" PRIu64 " steps, ", oracle.insns, oracle.steps);
    if (event == ORACLE_EXITED)
        printf("status %d\n", oracle.status);
    else
        printf("signal %d at %#" PRIx64 "\n", oracle.signal, oracle_pc(&oracle));
    oracle_end(&oracle);
    return 0;
}
