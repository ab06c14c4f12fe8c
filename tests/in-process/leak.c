/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leak COUNT GUEST...: COUNT runs of a guest inside this process, some with callbacks,
 * some of them stopped part of the way.  Memory, descriptors, threads and mappings must
 * be behind the last one what they were behind a tenth of them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lt/lt.h"

struct usage {
    size_t heap;
    long resident; /* KiB */
    unsigned descriptors, mappings, threads;
};

static unsigned count_entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned count = 0;

    while (dir != NULL && readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void measure(struct usage *u)
{
    struct mallinfo2 info;
    char line[256];
    FILE *file;

    malloc_trim(0);
    info = mallinfo2();
    u->heap = info.uordblks + info.hblkhd;
    u->descriptors = count_entries("/proc/self/fd");
    u->threads = count_entries("/proc/self/task");
    u->mappings = 0;
    file = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, file) != NULL)
        u->mappings++;
    fclose(file);
    file = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, file) != NULL)
        sscanf(line, "RssAnon: %ld", &u->resident);
    fclose(file);
}

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    unsigned *left = user;

    (void)session, (void)insn;
    return --*left == 0 ? LT_STOP : 0;
}

static void run(char **argv, unsigned n)
{
    unsigned left = n % 8 == 1 ? 10000 : n % 8 == 2 ? 3 : 0;
    struct lt_config config;
    lt_session *session;
    int error;

    lt_config_init(&config, sizeof config);
    config.program = argv[0];
    config.argv = (const char *const *)argv;
    error = lt_session_create_in_process(&config, &session);
    if (error == 0 && n % 2 != 0)
        error = lt_on_insn(session, NULL, on_insn, &left);
    if (error == 0)
        error = lt_session_run(session);
    if (error != 0) {
        fprintf(stderr, "run %u: %d: %s\n", n, error, lt_session_message(session));
        exit(1);
    }
    lt_session_destroy(session);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)atoi(argv[1]) : 0;
    struct usage before, after;

    if (count < 10) {
        fprintf(stderr, "usage: leak COUNT GUEST...\n");
        return 2;
    }
    memset(&before, 0, sizeof before);
    for (unsigned n = 0; n < count; n++) {
        run(argv + 2, n);
        if (n == count / 10)
            measure(&before);
    }
    measure(&after);
    printf(
        "heap %zu to %zu, resident %ld to %ld KiB, descriptors %u to %u, threads %u to "
        "%u, mappings %u to %u\n",
        before.heap, after.heap, before.resident, after.resident, before.descriptors,
        after.descriptors, before.threads, after.threads, before.mappings,
        after.mappings);
    /* The C library's heap has holes. */
    return after.heap > before.heap + 4096 || after.resident > before.resident + 2048 ||
           after.descriptors != before.descriptors || after.threads != before.threads ||
           after.mappings > before.mappings + 8;
}
