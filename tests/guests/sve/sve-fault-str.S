/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store of a whole vector in parts, of which the third faults. */
    .include "fault.inc"
    FAULT #64
    sub x1, x1, #32
    str z0, [x1]
    EXIT #0
