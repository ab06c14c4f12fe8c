/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns lt's signals.  One that asks lt to end (SIGINT, SIGTERM, SIGHUP) stops
 * the guest so that the log gets its end; a second one ends lt at once.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "lt/lt.h"

/* Makes lt see failing writes rather than die of SIGPIPE and the like. */
void signals_ignore(void);

/* Between these two a signal stops the session.  0 or an errno. */
int signals_start(lt_session *session);
void signals_end(void);

/* The signal that came, or 0. */
int signals_caught(void);

/* Dies of `signal`; returns only if that is not possible. */
void signals_die(int signal);

#endif
