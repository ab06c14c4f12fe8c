/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same of a vector that is stored in a loop. */
    .include "fault.inc"
    FAULT #256
    sub x1, x1, #48
    str z0, [x1]
    EXIT #0
