/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks that leave as much as there can be: the longest vectors, four at a time. */
    .include "guest.inc"
    .arch armv8.5-a+sve2
    .data
    .balign 64
from:
    .set byte, 0
    .rept 1024 + 64
    .byte byte & 255
    .set byte, byte * 5 + 3 & 0xffff
    .endr

    BEGIN
    mov x0, #50 /* PR_SVE_SET_VL */
    mov x1, #256
    KERNEL #167
    ldr x20, =from
    ptrue p0.b
    mov w19, #12
again:
    b 1f
    .balign 4096
1:  .rept 40
    ld4b {z0.b-z3.b}, p0/z, [x20]
    add x21, x20, x19
    ld4b {z4.b-z7.b}, p0/z, [x21]
    ld4b {z8.b-z11.b}, p0/z, [x20]
    add x21, x20, x19
    ld4b {z12.b-z15.b}, p0/z, [x21]
    ld4b {z16.b-z19.b}, p0/z, [x20]
    add x21, x20, x19
    ld4b {z20.b-z23.b}, p0/z, [x21]
    ld4b {z24.b-z27.b}, p0/z, [x20]
    add x21, x20, x19
    ld4b {z28.b-z31.b}, p0/z, [x21]
    .endr
    str z31, [sp, #-1, mul vl]
    KERNEL #174
    subs w19, w19, #1
    b.ne again
    EXIT #0
