/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store that is made as a whole or not at all. */
    .include "fault.inc"
    FAULT #128
    sub x1, x1, #100
    st2b {z0.b, z1.b}, p0, [x1]
    EXIT #0
