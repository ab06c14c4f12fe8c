/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the progress line: one line on the terminal that is written over. */
#include "progress.h"

#include <time.h>
#include <unistd.h>

#include "out.h"

/* Short runs show nothing; milliseconds. */
#define FIRST_AFTER 2000
#define INTERVAL 250

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* To the terminal; that it has gone is no reason to end the run. */
static void show(const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(STDERR_FILENO, text, size);
        if (n <= 0)
            return;
        text += n;
        size -= (size_t)n;
    }
}

void progress_start(struct progress *progress, int log_fd)
{
    progress->wanted = isatty(STDERR_FILENO) && !isatty(log_fd);
    progress->shown = false;
    progress->start = now();
    progress->next = progress->start + FIRST_AFTER;
}

void progress_tick(struct progress *progress, uint64_t events)
{
    char line[128];
    int64_t time;
    char *p;

    if (!progress->wanted)
        return;
    time = now();
    if (time < progress->next)
        return;
    progress->next = time + INTERVAL;
    progress->shown = true;
    /* Back to the line's start, and remove what the last one left. */
    p = put_lit(line, "\r\033[Klt: ");
    p = put_grouped(p, events);
    p = put_lit(p, " events in ");
    p = put_grouped(p, (uint64_t)(time - progress->start) / 1000);
    p = put_lit(p, " s");
    show(line, (size_t)(p - line));
}

void progress_end(struct progress *progress)
{
    static const char clear[] = "\r\033[K";

    if (progress->shown)
        show(clear, sizeof clear - 1);
    progress->shown = false;
}
