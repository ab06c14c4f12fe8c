/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that makes threads as its first argument says.  Lines that begin with
 * "#" tell what differs from run to run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int ends[2]; /* of a pipe */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile unsigned long progress;

static int thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    if (pthread_create(thread, NULL, run, argument) != 0)
        exit(95);
}

/* ---- Who made whom ---- */

static void *second(void *parent)
{
    printf("# thread %d of %d\n", thread_id(), *(int *)parent);
    return NULL;
}

static void *first(void *parent)
{
    pthread_t thread;
    int tid = thread_id();

    printf("# thread %d of %d\n", tid, *(int *)parent);
    start(&thread, second, &tid);
    pthread_join(thread, NULL);
    return NULL;
}

static int nested(void)
{
    pthread_t threads[2];
    int tid = thread_id();

    start(&threads[0], first, &tid);
    start(&threads[1], second, &tid);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}

/* ---- Names ---- */

static void *named(void *tid)
{
    char byte;

    prctl(PR_SET_NAME, "by prctl");
    pthread_setname_np(pthread_self(), "by itself");
    *(volatile int *)tid = thread_id();
    return read(ends[0], &byte, 1) == 1 ? tid : NULL;
}

static void write_name(const char *path, const char *name)
{
    int fd = open(path, O_WRONLY);

    printf("%d\n", (int)write(fd, name, strlen(name)));
    close(fd);
}

static void *early(void *unused)
{
    char byte;

    printf("# early %d\n", thread_id());
    return read(ends[0], &byte, 1) == 1 ? unused : NULL;
}

static int names(void)
{
    char path[64];
    volatile int tid = 0;
    pthread_t thread;
    char name[32] = "";

    if (pipe(ends) != 0)
        return 1;
    start(&thread, named, (void *)&tid);
    while (tid == 0)
        usleep(1000);
    printf("# named %d\n", tid);
    printf("%d\n", pthread_setname_np(thread, "by another"));
    pthread_getname_np(thread, name, sizeof name);
    printf("%s\n", name);
    if (write(ends[1], "", 1) != 1)
        return 1;
    pthread_join(thread, NULL);
    prctl(PR_SET_NAME, "a name that is too long for it");
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)getpid(), thread_id());
    write_name(path, "a name that is still too long");
    write_name("/proc/self/comm", "by a file");
    write_name("/dev/null", "no name");
    start(&thread, early, NULL);
    printf("%d\n", pthread_setname_np(thread, "early"));
    if (write(ends[1], "", 1) != 1)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}

/* ---- Ends ---- */

static void *spin(void *unused)
{
    for (;;)
        progress++;
    return unused;
}

static void *exits(void *unused)
{
    usleep(20000);
    exit(6);
    return unused;
}

static int ended_by_thread(void)
{
    pthread_t threads[3];
    int i;

    for (i = 0; i < 2; i++)
        start(&threads[i], spin, NULL);
    start(&threads[2], exits, NULL);
    pthread_join(threads[0], NULL);
    return 1;
}

static void *last_one(void *unused)
{
    usleep(30000);
    printf("last\n");
    return unused;
}

static int main_leaves(void)
{
    pthread_t thread;

    start(&thread, last_one, NULL);
    pthread_exit(NULL);
}

static void *nothing(void *argument)
{
    return argument;
}

/* many N: at the same time, then N one after the other. */
static int many(int n)
{
    pthread_t *threads = calloc((size_t)n, sizeof *threads);
    int i;

    for (i = 0; i < n; i++)
        start(&threads[i], nothing, NULL);
    for (i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < n; i++) {
        start(&threads[0], nothing, NULL);
        pthread_join(threads[0], NULL);
    }
    free(threads);
    return 0;
}

/* ---- Progress while others wait ---- */

static void *in_read(void *unused)
{
    char byte;

    return read(ends[0], &byte, 1) == 1 ? unused : NULL;
}

static void *in_poll(void *unused)
{
    struct pollfd fd = {.fd = ends[0], .events = POLLIN};

    return poll(&fd, 1, -1) == 1 ? unused : NULL;
}

static void *in_futex(void *unused)
{
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    return unused;
}

static volatile int slept;

static void *in_sleep(void *unused)
{
    struct timespec time = {0, 300000000};

    nanosleep(&time, NULL);
    slept = 1;
    return unused;
}

static void *count_up(void *sum)
{
    int i;

    for (i = 0; i < 300000; i++)
        ++*(volatile int *)sum;
    return NULL;
}

/* Two threads count up while others wait for what only comes then. */
static int blocked(void)
{
    pthread_t threads[6];
    int sums[2] = {0, 0}, i;

    if (pipe(ends) != 0)
        return 1;
    pthread_mutex_lock(&lock);
    start(&threads[0], in_futex, NULL);
    start(&threads[1], in_poll, NULL);
    start(&threads[2], in_sleep, NULL);
    start(&threads[3], count_up, &sums[0]);
    start(&threads[4], count_up, &sums[1]);
    pthread_join(threads[3], NULL);
    pthread_join(threads[4], NULL);
    printf("%d %d\n", sums[0], sums[1]);
    while (!slept)
        continue; /* without a system call */
    pthread_mutex_unlock(&lock);
    if (write(ends[1], "xy", 2) != 2)
        return 1;
    start(&threads[5], in_read, NULL);
    for (i = 0; i < 6; i++)
        if (i != 3 && i != 4)
            pthread_join(threads[i], NULL);
    return 0;
}

/* ---- Threads that wait for each other without system calls ---- */

static volatile int turn;

static void *take_turns(void *mine)
{
    int i;

    for (i = 0; i < 15; i++) {
        while (turn % 3 != *(int *)mine)
            continue;
        turn++;
    }
    return NULL;
}

static int turns(void)
{
    int numbers[3] = {0, 1, 2}, i;
    pthread_t threads[3];

    for (i = 0; i < 3; i++)
        start(&threads[i], take_turns, &numbers[i]);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("%d\n", turn);
    return 0;
}

/* ---- Threads that meet in what they change together ---- */

/* Maps, moves and unmaps a file. */
static void *move_maps(void *path)
{
    int i, fd = open(path, O_RDONLY);

    for (i = 0; i < 1500; i++) {
        char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

        p = p == MAP_FAILED ? p : mremap(p, 4096, 8192, MREMAP_MAYMOVE);
        if (p == MAP_FAILED || munmap(p, 8192) != 0)
            exit(96);
    }
    close(fd);
    return NULL;
}

/* Runs code that was not there before. */
static void *make_code(void *unused)
{
#ifdef __x86_64__
    static const unsigned char code[] = {0xc3};
#else
    static const unsigned char code[] = {0xc0, 0x03, 0x5f, 0xd6};
#endif
    int i;

    for (i = 0; i < 1500; i++) {
        char *p =
            mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
            exit(96);
        memcpy(p, code, sizeof code);
        mprotect(p, 4096, PROT_READ | PROT_EXEC);
        __builtin___clear_cache(p, p + sizeof code);
        ((void (*)(void))(size_t)p)();
        munmap(p, 4096);
    }
    return unused;
}

static void *make_children(void *unused)
{
    int i, status;

    for (i = 0; i < 20; i++) {
        pid_t child = fork();

        if (child == 0) {
            mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            _exit(7);
        }
        if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7)
            exit(96);
    }
    return unused;
}

static int maps(char *path)
{
    pthread_t threads[3];
    int i;

    start(&threads[0], move_maps, path);
    start(&threads[1], make_code, NULL);
    start(&threads[2], make_children, NULL);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static atomic_int ready;

static void *leave_together(void *unused)
{
    ready++;
    while (ready < 2)
        continue;
    syscall(SYS_exit, 0);
    return unused;
}

/* The last two threads end at the same time. */
static int together(void)
{
    pthread_t thread;

    start(&thread, leave_together, NULL);
    leave_together(NULL);
    return 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "nested") == 0)
        return nested();
    if (strcmp(what, "names") == 0)
        return names();
    if (strcmp(what, "ended-by-thread") == 0)
        return ended_by_thread();
    if (strcmp(what, "main-leaves") == 0)
        return main_leaves();
    if (strcmp(what, "many") == 0)
        return many(argc > 2 ? atoi(argv[2]) : 1);
    if (strcmp(what, "blocked") == 0)
        return blocked();
    if (strcmp(what, "turns") == 0)
        return turns();
    if (strcmp(what, "maps") == 0)
        return maps(argv[0]);
    if (strcmp(what, "together") == 0)
        return together();
    return 99;
}
