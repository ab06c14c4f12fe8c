/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the search for the program in PATH. */
#ifndef CLI_FIND_H
#define CLI_FIND_H

/* Finds the file that a shell would run as `name` and gives its path in *path,
 * to be freed.  Names with a slash are taken as they are.  Returns 0, or the
 * exit status after saying why. */
int find_program(const char *name, char **path);

#endif
