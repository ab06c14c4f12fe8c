/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the progress line: one line on the terminal that is written over. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool wanted;
    bool shown;
    int64_t start; /* milliseconds */
    int64_t next;
};

/* Begins the time.  There is a line only if standard error is a terminal, and
 * none if the log, which goes to `log_fd`, runs over one itself. */
void progress_start(struct progress *progress, int log_fd);

/* Writes the line anew if it is time. */
void progress_tick(struct progress *progress, uint64_t events);

/* Removes the line. */
void progress_end(struct progress *progress);

#endif
