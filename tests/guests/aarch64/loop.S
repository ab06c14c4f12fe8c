/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A body that is executed N times; body and body_end mark it. */
    .include "guest.inc"
    .ifndef N
    .set N, 100
    .endif
    .data
    .balign 8
cell:   .quad 0

    BEGIN
    ldr x1, =cell
    ldr x2, =N
    .globl body, body_end
body:
    add x0, x0, x2
    str x0, [x1]
    eor x3, x0, x2, lsl #3
    ldr x4, [x1]
    subs x2, x2, #1
    b.ne body
body_end:
    EXIT 9
