/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same for loads: no register is written. */
    .include "fault.inc"
    FAULT #64
    mov x2, #0x200000000
    index z2.d, #0, x2
    sub x1, x1, #20
    ld1d {z0.d}, p0/z, [x1, z2.d]
    EXIT #0
