/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that share a counter under a mutex, and one that is waited for on a
 * condition. */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static long counter;
static int finished;

static void *work(void *argument)
{
    int i;

    for (i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        counter += (long)argument;
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    finished++;
    pthread_cond_signal(&ready);
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    long i;

    for (i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, (void *)(i + 1));
    pthread_mutex_lock(&lock);
    while (finished < 4)
        pthread_cond_wait(&ready, &lock);
    pthread_mutex_unlock(&lock);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("%ld\n", counter);
    return 4;
}
