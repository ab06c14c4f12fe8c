/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Never ends by itself. */
#include "guest.h"

static volatile uint64_t cell;

int guest_main(void)
{
    for (;;)
        cell++;
    return 0;
}
