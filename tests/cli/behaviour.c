/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that does what its first argument says. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *user)
{
    return user;
}

static int usage(void)
{
    fputs("behaviour status N | signal N | print TEXT | open PATH | ignored |"
          " descriptors | spin | echo | threads N | fork\n",
          stderr);
    return 99;
}

/* Prints the signals that are ignored or blocked from the start. */
static int ignored(void)
{
    sigset_t blocked;

    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 &&
            (action.sa_handler == SIG_IGN || sigismember(&blocked, number)))
            printf("%d\n", number);
    }
    return 0;
}

static int descriptors(void)
{
    for (int fd = 0; fd < 256; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d\n", fd);
    }
    return 0;
}

static int threads(int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, nothing, NULL) != 0 ||
            pthread_join(thread, NULL) != 0)
            return 1;
    }
    return 0;
}

static int do_fork(void)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(5);
    return waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5 ? 0 : 1;
}

static int echo(void)
{
    int c;

    while ((c = getchar()) != EOF)
        putchar(c);
    return 0;
}

static void *ender(void *how)
{
    usleep(20000);
    if (*(int *)how == 1)
        raise(SIGSEGV);
    exit(7);
}

/* Another thread than the first ends the process. */
static int end_by_thread(int what)
{
    static int how;
    pthread_t thread;

    how = what;
    if (pthread_create(&thread, NULL, ender, &how) != 0)
        return 1;
    if (how != 2)
        pthread_join(thread, NULL);
    return 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const char *argument = argc > 2 ? argv[2] : "";

    if (strcmp(what, "status") == 0)
        return atoi(argument);
    if (strcmp(what, "signal") == 0) {
        raise(atoi(argument));
        return 98;
    }
    if (strcmp(what, "print") == 0)
        return puts(argument) < 0;
    if (strcmp(what, "open") == 0)
        return open(argument, O_RDONLY) < 0 ? errno : 0;
    if (strcmp(what, "ignored") == 0)
        return ignored();
    if (strcmp(what, "descriptors") == 0)
        return descriptors();
    if (strcmp(what, "threads") == 0)
        return threads(atoi(argument));
    if (strcmp(what, "thread-exits") == 0)
        return end_by_thread(0);
    if (strcmp(what, "thread-dies") == 0)
        return end_by_thread(1);
    if (strcmp(what, "main-leaves") == 0) {
        end_by_thread(2);
        pthread_exit(NULL);
    }
    if (strcmp(what, "fork") == 0)
        return do_fork();
    if (strcmp(what, "echo") == 0)
        return echo();
    if (strcmp(what, "spin") == 0) {
        for (volatile unsigned long i = 0;; i++)
            continue;
    }
    return usage();
}
