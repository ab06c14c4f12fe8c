/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * startup [-n RUNS] [-m MIB] QEMU GUEST: how long an almost empty guest takes, as a
 * program of QEMU's from posix_spawn() to waitpid(), and as a session, also one inside
 * this process, from its creation to its result; medians in turn, in milliseconds, as
 * JSON.  With -m the host has touched so much memory before.
 */
#include <getopt.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lt/lt.h"

extern char **environ;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void fail(const char *what)
{
    fprintf(stderr, "startup: %s\n", what);
    exit(1);
}

static double spawn(char *qemu, char *guest)
{
    char *argv[] = {qemu, guest, NULL};
    double begin = now_ms();
    int status;
    pid_t child;

    if (posix_spawn(&child, qemu, NULL, NULL, argv, environ) != 0 ||
        waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        fail("the reference cannot be run");
    }
    return now_ms() - begin;
}

static int count(lt_session *session, const struct lt_insn *insn, void *user)
{
    (void)session;
    (void)insn;
    ++*(uint64_t *)user;
    return 0;
}

typedef int create_fn(const struct lt_config *config, lt_session **out);

static double run_session(create_fn *create, const char *guest, int traced)
{
    double begin = now_ms();
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    uint64_t insns = 0;

    lt_config_init(&config, sizeof config);
    config.program = guest;
    if (create(&config, &session) != 0 ||
        (traced && lt_on_insn(session, NULL, count, &insns) != 0) ||
        lt_session_run(session) != 0) {
        fail("the session failed");
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    double took = now_ms() - begin;
    if (result.kind != LT_RESULT_EXIT || (traced && insns == 0)) {
        fail("the guest did not run");
    }
    lt_session_destroy(session);
    return took;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static double median(double *times, int runs)
{
    qsort(times, (size_t)runs, sizeof *times, compare);
    return times[runs / 2];
}

int main(int argc, char **argv)
{
    size_t size = 0;
    int runs = 41, option;

    while ((option = getopt(argc, argv, "n:m:")) != -1) {
        if (option == 'n') {
            runs = atoi(optarg);
        } else if (option == 'm') {
            size = (size_t)atoi(optarg) << 20;
        } else {
            return 2;
        }
    }
    if (argc - optind != 2 || runs < 1) {
        fprintf(stderr, "usage: startup [-n RUNS] [-m MIB] QEMU GUEST\n");
        return 2;
    }
    if (size != 0) {
        char *heap = mmap(NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (heap == MAP_FAILED) {
            fail("no memory");
        }
        madvise(heap, size, MADV_NOHUGEPAGE);
        memset(heap, 1, size);
    }
    double *times[5];
    for (int i = 0; i < 5; i++) {
        if ((times[i] = calloc((size_t)runs, sizeof **times)) == NULL) {
            fail("no memory");
        }
    }
    const char *guest = argv[optind + 1];
    double first = run_session(lt_session_create, guest, 0); /* copies the engine */
    for (int i = 0; i < runs; i++) {
        times[0][i] = spawn(argv[optind], argv[optind + 1]);
        times[1][i] = run_session(lt_session_create, guest, 0);
        times[2][i] = run_session(lt_session_create, guest, 1);
        times[3][i] = run_session(lt_session_create_in_process, guest, 0);
        times[4][i] = run_session(lt_session_create_in_process, guest, 1);
    }
    printf("{\"first\": %.3f, \"plain\": %.3f, \"session\": %.3f, \"traced\": %.3f, "
           "\"inside\": %.3f, \"inside traced\": %.3f}\n",
           first, median(times[0], runs), median(times[1], runs), median(times[2], runs),
           median(times[3], runs), median(times[4], runs));
    return 0;
}
