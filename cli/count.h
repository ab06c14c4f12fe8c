/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the summary of --count. */
#ifndef CLI_COUNT_H
#define CLI_COUNT_H

struct counts;

/* NULL: out of memory. */
struct counts *counts_create(void);
/* Before the session is destroyed. */
void counts_destroy(struct counts *counts);

#endif
