/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that signals interrupt: a read that is made again behind the handler,
 * one that is not, and a sleep that tells what is left of it.  close(-1000) marks where
 * it begins.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int pipes[2];
static char buffer[16];

static void on_alarm(int number)
{
    (void)number;
    syscall(SYS_write, pipes[1], "x", 1);
}

static void arm(int flags)
{
    const struct itimerval soon = {{0, 0}, {0, 200000}};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    action.sa_flags = flags;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
}

int main(void)
{
    static struct timespec sleep = {10, 0}, left;

    if (pipe(pipes) != 0)
        return 1;
    syscall(SYS_close, -1000);
    arm(SA_RESTART);
    if (syscall(SYS_read, pipes[0], buffer, 10) != 1)
        return 2;
    arm(0);
    if (syscall(SYS_read, pipes[0], buffer, 10) != -1)
        return 3;
    syscall(SYS_read, pipes[0], buffer, 10);
    arm(SA_RESTART);
    if (syscall(SYS_nanosleep, &sleep, &left) != -1 || left.tv_sec != 9)
        return 4;
    syscall(SYS_exit_group, 0);
}
