/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers: of a raised signal, of a fault that the handler steps out of, and
 * of a timer; ends by a signal. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile sig_atomic_t raised;
static volatile sig_atomic_t alarms;

static void on_usr1(int number)
{
    raised += number == SIGUSR1;
}

static void on_segv(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static void on_alarm(int number)
{
    (void)number;
    alarms++;
}

int main(void)
{
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_usr1;
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = on_segv;
    sigaction(SIGSEGV, &action, NULL);
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    printf("raised %d\n", (int)raised);
    if (sigsetjmp(back, 1) == 0) {
        *(volatile int *)16 = 1;
        puts("not reached");
    } else {
        puts("fault caught");
    }
    setitimer(ITIMER_REAL, &timer, NULL);
    while (alarms < 3)
        ;
    timer.it_value.tv_usec = timer.it_interval.tv_usec = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
    puts("alarms came");
    fflush(stdout);
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
    return 0;
}
