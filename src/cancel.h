/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread of the host's may be cancelled, but not within the library, where it would
 * leave a session half done: its cancellation waits until the function returns. */
#ifndef LTI_CANCEL_H
#define LTI_CANCEL_H

#include <pthread.h>

/* Gives what lti_cancel_allow() wants. */
static inline int lti_cancel_hold(void)
{
    int before = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void lti_cancel_allow(int before)
{
    pthread_setcancelstate(before, NULL);
}

#endif
