/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leak GUEST [COUNT]: COUNT sessions (1,000) one after another in one process:
 * runs to the end with callbacks, runs that are stopped at once or part of the
 * way, pull-form runs that are left early, sessions that never run, and ones
 * that fail.  Memory, descriptors, processes and mappings afterwards must be
 * what they were after a warm-up.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lt/lt.h"

struct usage {
    size_t heap;   /* bytes in use */
    long resident; /* KiB */
    unsigned descriptors;
    unsigned mappings;
    unsigned tasks;    /* threads of this process */
    unsigned children; /* processes below this one, of any exit signal */
};

static unsigned count_entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned count = 0;

    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static unsigned count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned count = 0;
    int c;

    if (file == NULL)
        return 0;
    while ((c = getc(file)) != EOF)
        count += c == '\n';
    fclose(file);
    return count;
}

/* Processes whose parent is this one, or whose parent's parent is. */
static unsigned count_children(void)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    unsigned count = 0;
    int me = (int)getpid();

    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL) {
        char path[300];
        char line[512];
        char *end;
        int parent;
        FILE *file;

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fgets(line, sizeof line, file) != NULL &&
            (end = strrchr(line, ')')) != NULL && sscanf(end, ") %*c %d", &parent) == 1 &&
            parent == me)
            count++;
        fclose(file);
    }
    closedir(dir);
    return count;
}

static long resident(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    }
    fclose(file);
    return kib;
}

static void measure(struct usage *u)
{
    struct mallinfo2 info;

    malloc_trim(0);
    info = mallinfo2();
    u->heap = info.uordblks + info.hblkhd;
    u->descriptors = count_entries("/proc/self/fd");
    u->mappings = count_lines("/proc/self/maps");
    u->tasks = count_entries("/proc/self/task");
    u->children = count_children();
    u->resident = resident();
}

static void die(const char *what, int error, lt_session *session)
{
    fprintf(stderr, "leak: %s: %d %s\n", what, error,
            session != NULL ? lt_session_message(session) : lt_error_text(error));
    exit(1);
}

static int on_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    uint64_t *left = user;
    uint64_t value;
    struct lt_symbol symbol;
    char text[128];

    if (lt_reg_read(session, 0, &value) != 0)
        return -5000;
    if (*left % 1000 == 1) {
        lt_symbol_init(&symbol, sizeof symbol);
        lt_symbol_at(session, e->pc, &symbol);
        lt_disassemble(session, e->pc, e->bytes, e->length, text, sizeof text);
    }
    if (*left == 0)
        return LT_STOP;
    --*left;
    return 0;
}

static int on_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static int negative(lt_session *session, const struct lt_syscall *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return -4321;
}

static lt_session *create(const char *program)
{
    const char *argv[] = {program, "one", "two", NULL};
    const char *envp[] = {"A=1", NULL};
    struct lt_config config;
    lt_session *session;
    int error;

    lt_config_init(&config, sizeof config);
    config.program = program;
    config.argv = argv;
    config.envp = envp;
    config.cwd = "/";
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    error = lt_session_create(&config, &session);
    if (error != 0)
        die("create", error, NULL);
    return session;
}

/* One session; `turn` chooses which kind. */
static void one(const char *guest, unsigned turn)
{
    uint64_t left = UINT64_MAX;
    const struct lt_event *event;
    lt_session *session;
    int error;
    int i;

    switch (turn % 10) {
    case 0: /* never run */
        session = create(guest);
        lt_on_insn(session, NULL, on_insn, &left);
        break;
    case 1: /* missing */
        session = create("/nonexistent/program");
        error = lt_session_run(session);
        if (error != LT_ERR_NOT_FOUND)
            die("a missing file", error, session);
        break;
    case 2: /* a directory */
        session = create("/");
        error = lt_session_run(session);
        if (error != LT_ERR_DIRECTORY)
            die("a directory", error, session);
        break;
    case 3: /* stopped by its callback */
        session = create(guest);
        left = 50;
        lt_on_insn(session, NULL, on_insn, &left);
        error = lt_session_run(session);
        if (error != 0)
            die("LT_STOP", error, session);
        break;
    case 4: /* ended by a callback's error */
        session = create(guest);
        lt_on_syscall(session, NULL, negative, NULL);
        error = lt_session_run(session);
        if (error != -4321)
            die("a callback's number", error, session);
        break;
    case 5: /* pulled, left early */
        session = create(guest);
        for (i = 0; i < 100; i++) {
            error = lt_session_next(session, &event);
            if (error != 1)
                die("pull", error, session);
        }
        break;
    case 6: /* pulled to the end */
        session = create(guest);
        while ((error = lt_session_next(session, &event)) == 1)
            ;
        if (error != 0)
            die("pull to the end", error, session);
        break;
    case 7: /* stopped before it runs */
        session = create(guest);
        lt_session_stop(session);
        error = lt_session_run(session);
        if (error != 0)
            die("stopped before", error, session);
        break;
    default:
        session = create(guest);
        error = lt_on_insn(session, NULL, on_insn, &left);
        error |= lt_on_mem_write(session, NULL, on_write, NULL);
        error |= lt_on_mem_read(session, NULL, on_write, NULL);
        error |= lt_on_syscall(session, NULL, on_syscall, NULL);
        if (error == 0)
            error = lt_session_run(session);
        if (error != 0)
            die("run", error, session);
        break;
    }
    lt_session_destroy(session);
}

int main(int argc, char **argv)
{
    struct usage before;
    struct usage after;
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
    unsigned i;
    int bad = 0;

    /* Blocks that the allocator keeps for a thread count as used: no such
     * cache, so that the figures are exact. */
    if (getenv("GLIBC_TUNABLES") == NULL) {
        setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
        execv("/proc/self/exe", argv);
    }
    if (argc < 2) {
        fprintf(stderr, "usage: leak GUEST [COUNT]\n");
        return 2;
    }
    for (i = 0; i < 50; i++)
        one(argv[1], i);
    measure(&before); /* the first time, stdio allocates */
    measure(&before);
    for (i = 0; i < count; i++)
        one(argv[1], i);
    /* The processes of a killed guest go a moment later. */
    for (i = 0; i < 50; i++) {
        measure(&after);
        if (after.children <= before.children)
            break;
        usleep(20000);
    }
    printf("heap %zu -> %zu bytes, resident %ld -> %ld KiB, descriptors %u -> %u, "
           "mappings %u -> %u, threads %u -> %u, children %u -> %u\n",
           before.heap, after.heap, before.resident, after.resident, before.descriptors,
           after.descriptors, before.mappings, after.mappings, before.tasks, after.tasks,
           before.children, after.children);
    if (after.heap > before.heap + 512) {
        fprintf(stderr, "leak: heap memory\n");
        bad = 1;
    }
    if (after.resident > before.resident + 4096) {
        fprintf(stderr, "leak: resident memory\n");
        bad = 1;
    }
    if (after.descriptors > before.descriptors) {
        fprintf(stderr, "leak: descriptors\n");
        bad = 1;
    }
    if (after.mappings > before.mappings + 4) {
        fprintf(stderr, "leak: mappings\n");
        bad = 1;
    }
    if (after.tasks > before.tasks || after.children > before.children) {
        fprintf(stderr, "leak: threads or processes\n");
        bad = 1;
    }
    /* A host that waits for its children must see none of ours. */
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
        fprintf(stderr, "leak: waitpid(-1) sees a child\n");
        bad = 1;
    }
    return bad;
}
