/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a run: the session, its callbacks and what becomes of its result. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "options.h"

/* Runs the program; returns lt's exit status. */
int run(const struct options *options);

#endif
