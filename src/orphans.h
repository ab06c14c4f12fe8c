/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the end of a guest whose supervisor was killed: nobody knows its processes by
 * their parents any more, but they have the session's arena mapped. */
#ifndef LTI_ORPHANS_H
#define LTI_ORPHANS_H

#include <sys/stat.h>

/* Kills all processes that run the program `engine` and have the memory file `arena`
 * mapped, as fstat() tells of both, and waits a little for their end. */
void lti_orphans_kill(const struct stat *engine, const struct stat *arena);

#endif
