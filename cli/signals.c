/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns lt's signals; see signals.h.  lt_session_stop() is for any thread, but
 * nothing says that a signal handler may call it: the handler wakes a thread
 * that does.
 */
#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDING (sizeof ending / sizeof ending[0])

static volatile sig_atomic_t caught;
static volatile sig_atomic_t ended;
static struct sigaction before[ENDING];
static sem_t wake;
static pthread_t watcher;

static void on_signal(int number)
{
    int error = errno;

    if (caught)
        signals_die(number);
    caught = number;
    sem_post(&wake);
    errno = error;
}

static void *watch(void *user)
{
    while (sem_wait(&wake) < 0 && errno == EINTR)
        continue;
    if (!ended)
        lt_session_stop(user);
    return NULL;
}

void signals_ignore(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    /* While the guest owns the terminal, lt writes to it from the background. */
    signal(SIGTTOU, SIG_IGN);
}

int signals_start(lt_session *session)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int error;

    if (sem_init(&wake, 0, 0) < 0)
        return errno;
    error = pthread_create(&watcher, NULL, watch, session);
    if (error) {
        sem_destroy(&wake);
        return error;
    }
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ENDING; i++) {
        sigaction(ending[i], NULL, &before[i]);
        /* nohup and the like: ignored stays ignored. */
        if (before[i].sa_handler != SIG_IGN)
            sigaction(ending[i], &action, NULL);
    }
    return 0;
}

void signals_end(void)
{
    for (size_t i = 0; i < ENDING; i++)
        sigaction(ending[i], &before[i], NULL);
    ended = 1;
    sem_post(&wake);
    pthread_join(watcher, NULL);
    sem_destroy(&wake);
}

int signals_caught(void)
{
    return caught;
}

void signals_die(int number)
{
    sigset_t set;

    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}
