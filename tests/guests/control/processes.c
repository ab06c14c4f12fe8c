/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that makes processes as its first argument says.  Lines that begin with
 * "#" tell what differs from run to run: its view of numbers, for who compares.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *self;
static char **rest; /* the arguments behind the first */

static int number(int i)
{
    return rest[i] != NULL ? atoi(rest[i]) : 0;
}

static int wait_for(pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) != child)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void sleep_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

static void run_exec(void)
{
    execv(rest[0], rest);
    perror(rest[0]);
    _exit(90);
}

/* exec-fails PATH...: tries to execute each, and tells what comes of it. */
static int exec_fails(void)
{
    int i;

    for (i = 0; rest[i] != NULL; i++) {
        char *argv[] = {rest[i], NULL};

        execv(rest[i], argv);
        printf("%d\n", errno);
    }
    return 4;
}

static void *exec_in_thread(void *unused)
{
    run_exec();
    return unused;
}

static int thread_exec(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, exec_in_thread, NULL);
    pthread_join(thread, NULL);
    return 91;
}

static int use_vfork(int executes)
{
    pid_t child = vfork();

    if (child == 0) {
        if (executes)
            run_exec();
        _exit(6);
    }
    printf("%d\n", wait_for(child));
    return 0;
}

static int use_spawn(void)
{
    extern char **environ;
    pid_t child;

    if (posix_spawn(&child, rest[0], NULL, NULL, rest, environ) != 0)
        return 1;
    printf("%d\n", wait_for(child));
    return 0;
}

/* A child that loops, once it has said so. */
static pid_t looping_child(void)
{
    volatile unsigned long spins = 0;
    int ends[2];
    char byte;
    pid_t child;

    if (pipe(ends) != 0)
        exit(1);
    child = fork();
    if (child == 0) {
        if (write(ends[1], "", 1) != 1)
            _exit(1);
        for (;;)
            spins++;
    }
    if (read(ends[0], &byte, 1) != 1)
        exit(1);
    close(ends[0]);
    close(ends[1]);
    return child;
}

static int kill_child(void)
{
    pid_t child = looping_child();

    printf("# killed %d\n", (int)child);
    kill(child, SIGKILL);
    printf("%d\n", wait_for(child));
    return 0;
}

static int kill_sibling(void)
{
    pid_t victim = looping_child(), killer;

    printf("# killed %d\n", (int)victim);
    fflush(stdout);
    killer = fork();
    if (killer == 0)
        _exit(kill(victim, SIGKILL) == 0 ? 2 : 3);
    printf("%d\n", wait_for(killer));
    printf("%d\n", wait_for(victim));
    return 0;
}

/* The first process is killed by its child, which goes on for a while. */
static int kill_parent(void)
{
    pid_t parent = getpid();

    if (fork() == 0) {
        kill(parent, SIGKILL);
        while (getppid() == parent)
            sleep_ms(1);
        sleep_ms(50);
        printf("outlived\n");
        fflush(stdout);
        _exit(12);
    }
    for (;;)
        pause();
}

static int orphan(void)
{
    if (fork() == 0) {
        sleep_ms(100);
        setsid();
        printf("child of %d\n", wait_for(fork() == 0 ? (_exit(2), 0) : -1) >= -1);
        fflush(stdout);
        _exit(8);
    }
    return 7;
}

static int become_daemon(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            if (chdir("/") != 0)
                _exit(1);
            sleep_ms(150);
            printf("daemon\n");
            fflush(stdout);
            _exit(9);
        }
        _exit(0);
    }
    return 7;
}

/* many N: one after the other. */
static int many(void)
{
    int i, sum = 0;

    for (i = 0; i < number(0); i++) {
        pid_t child = fork();

        if (child == 0)
            _exit(i % 100);
        sum += wait_for(child) == i % 100;
    }
    printf("%d\n", sum);
    return 0;
}

/* crowd N: all at the same time. */
static int crowd(void)
{
    int i, ends[2], sum = 0, status;
    char byte;

    if (pipe(ends) != 0)
        return 1;
    for (i = 0; i < number(0); i++) {
        pid_t child = fork();

        if (child < 0)
            return 2;
        if (child == 0) {
            close(ends[1]);
            _exit(read(ends[0], &byte, 1) == 0 ? 5 : 6);
        }
    }
    close(ends[1]);
    while (wait(&status) > 0)
        sum += WIFEXITED(status) && WEXITSTATUS(status) == 5;
    printf("%d\n", sum);
    return 0;
}

/* chain N: executes itself N times more. */
static int chain(void)
{
    char left[16];
    char *argv[] = {self, (char *)"chain", left, NULL};

    if (number(0) == 0)
        return 8;
    snprintf(left, sizeof left, "%d", number(0) - 1);
    execv(self, argv);
    return 92;
}

static void close_all(const char *how)
{
    int fd;

    if (strcmp(how, "range") == 0)
        syscall(SYS_close_range, 3, ~0u, 0);
    else if (strcmp(how, "from") == 0)
        closefrom(3);
    else if (strcmp(how, "loop") == 0)
        for (fd = 3; fd < 1100; fd++)
            close(fd);
    else if (strcmp(how, "dup2") == 0)
        for (fd = 3; fd < 1024; fd++)
            dup2(1, fd);
    else if (strcmp(how, "cloexec") == 0)
        syscall(SYS_close_range, 3, ~0u, 4);
    else if (strcmp(how, "limit") == 0) {
        struct rlimit few = {8, 8};

        setrlimit(RLIMIT_NOFILE, &few);
    }
}

/* close-all HOW: and goes on by a fork, and a fork that executes. */
static int closes(void)
{
    char *argv[] = {self, (char *)"exit", (char *)"4", NULL};
    pid_t child;

    close_all(rest[0]);
    child = fork();
    if (child == 0)
        _exit(3);
    printf("%d\n", wait_for(child));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        execv(self, argv);
        _exit(93);
    }
    printf("%d\n", wait_for(child));
    return 0;
}

static int compare_numbers(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* What /proc/self/fd shows. */
static int descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    int seen[64], count = 0, i;

    while (directory != NULL && (entry = readdir(directory)) != NULL && count < 64)
        if (entry->d_name[0] != '.')
            seen[count++] = atoi(entry->d_name);
    qsort(seen, (size_t)count, sizeof seen[0], compare_numbers);
    for (i = 0; i < count; i++)
        printf("%d\n", seen[i]);
    return 0;
}

/* Each of parent and child has its own memory. */
static int memory(void)
{
    static volatile int value = 1;
    pid_t child = fork();

    if (child == 0) {
        value = 20;
        _exit(value + 1);
    }
    value += wait_for(child);
    printf("%d\n", value);
    return 0;
}

/* clone() with a stack of its own and without memory in common. */
static int cloned(void *unused)
{
    (void)unused;
    _exit(13);
}

static int use_clone(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    pid_t child = clone(cloned, stack + sizeof stack, SIGCHLD, NULL);

    printf("%d\n", wait_for(child));
    return 0;
}

/* A process with threads forks; only the forking thread is in the child. */
static void *idle(void *ends)
{
    char byte;

    return read(((int *)ends)[0], &byte, 1) == 1 ? ends : NULL;
}

static int thread_forks(void)
{
    pthread_t thread;
    int ends[2];
    pid_t child;

    if (pipe(ends) != 0)
        return 1;
    pthread_create(&thread, NULL, idle, ends);
    sleep_ms(10);
    child = fork();
    if (child == 0) {
        pthread_t own;

        pthread_create(&own, NULL, exec_in_thread, NULL);
        pthread_join(own, NULL);
        _exit(94);
    }
    printf("%d\n", wait_for(child));
    if (write(ends[1], "", 1) != 1)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}

/* Processes and threads without an end. */
static void *spin(void *unused)
{
    for (volatile unsigned long i = 0;; i++)
        continue;
    return unused;
}

static int endless(void)
{
    int i;

    for (i = 0; i < 3; i++)
        if (fork() == 0)
            break;
    for (i = 0; i < 4; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, spin, NULL) != 0)
            return 1;
    }
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    spin(NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    self = argv[0];
    rest = argv + (argc > 1 ? 2 : 1);
    if (strcmp(what, "exit") == 0)
        return number(0);
    if (strcmp(what, "exec") == 0)
        run_exec();
    if (strcmp(what, "exec-fails") == 0)
        return exec_fails();
    if (strcmp(what, "thread-exec") == 0)
        return thread_exec();
    if (strcmp(what, "vfork") == 0)
        return use_vfork(1);
    if (strcmp(what, "vfork-exit") == 0)
        return use_vfork(0);
    if (strcmp(what, "spawn") == 0)
        return use_spawn();
    if (strcmp(what, "kill-child") == 0)
        return kill_child();
    if (strcmp(what, "kill-sibling") == 0)
        return kill_sibling();
    if (strcmp(what, "kill-parent") == 0)
        return kill_parent();
    if (strcmp(what, "orphan") == 0)
        return orphan();
    if (strcmp(what, "daemon") == 0)
        return become_daemon();
    if (strcmp(what, "many") == 0)
        return many();
    if (strcmp(what, "crowd") == 0)
        return crowd();
    if (strcmp(what, "chain") == 0)
        return chain();
    if (strcmp(what, "close-all") == 0)
        return closes();
    if (strcmp(what, "descriptors") == 0)
        return descriptors();
    if (strcmp(what, "memory") == 0)
        return memory();
    if (strcmp(what, "clone") == 0)
        return use_clone();
    if (strcmp(what, "thread-forks") == 0)
        return thread_forks();
    if (strcmp(what, "endless") == 0)
        return endless();
    fprintf(stderr, "processes: %s?\n", what);
    return 99;
}
