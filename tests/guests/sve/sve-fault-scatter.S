/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scattered stores, some of them to where nothing is: none is made. */
    .include "fault.inc"
    FAULT #64
    sub x1, x1, #20
    st1d {z0.d}, p0, [x1, z2.d]
    EXIT #0
