/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits in read() of standard input; prints what comes. */
#include "guest.h"

#if defined(__x86_64__)
#define GUEST_SYS_READ 0
#else
#define GUEST_SYS_READ 63
#endif

int guest_main(void)
{
    static char text[64];
    long n = guest_syscall(GUEST_SYS_READ, 0, (long)text, sizeof text);

    if (n > 0)
        guest_write(text, (size_t)n);
    return (int)n;
}
