/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load and store exclusive in all sizes: success, and failure after clrex.  A
 * debugger's stop makes each of them fail, so that only a comparison that
 * knows what the trace wrote can follow. */
    .include "guest.inc"
    .bss
    .balign 4096
buffer: .skip 4096

    BEGIN
    ldr x0, =0x1122334455667788
    ldr x1, =0x99aabbccddeeff00
    ldr x20, =buffer
    mov x22, #8
again:
    add x23, x20, #128
    ldxr x3, [x23]
    add x3, x3, #1
    stxr w4, x3, [x23]
    ldaxr w3, [x23]
    stlxr w4, w1, [x23]
    ldxrb w3, [x23]
    stxrb w4, w0, [x23]
    ldxrh w3, [x23]
    stxrh w4, w0, [x23]
    ldxp x3, x5, [x23]
    stxp w4, x5, x0, [x23]
    ldaxp w3, w5, [x23]
    stlxp w4, w0, w1, [x23]
    ldxr x3, [x23]
    clrex
    stxr w4, x1, [x23]
    ror x0, x0, #7
    eor x1, x1, x0
    subs x22, x22, #1
    b.ne again
    EXIT
