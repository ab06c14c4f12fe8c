/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The single-instruction atomics (LSE) in all sizes, compare-and-swap that
 * succeeds and fails, and pairs. */
    .include "guest.inc"
    .arch armv8.1-a
    .data
    .balign 16
cell:   .quad 0x1122334455667788, 0x99aabbccddeeff00
values: VALUES

    BEGIN
    ldr x19, =cell
    ldr x20, =values
    mov x22, VALUE_COUNT
outer:
    ldr x21, =values
    mov x23, VALUE_COUNT
inner:
    ldr x0, [x20]
    ldr x1, [x21]
    .irp op, ldadd, ldclr, ldeor, ldset, ldsmax, ldsmin, ldumax, ldumin, swp
    \op x0, x2, [x19]
    \op\()al w1, w3, [x19]
    \op\()ab w0, w4, [x19]
    \op\()lh w1, w5, [x19]
    .endr
    stadd x0, [x19]
    steor w1, [x19]
    str x0, [x19]
    mov x2, x0
    cas x2, x1, [x19]
    mov x2, x0
    casal x2, x1, [x19]
    mov w2, w1
    cas w2, w0, [x19]
    casb w2, w1, [x19]
    cash w2, w0, [x19]
    ldp x2, x3, [x19]
    mov x4, x0
    mov x5, x1
    casp x2, x3, x4, x5, [x19]
    casp x2, x3, x4, x5, [x19]
    caspal w2, w3, w4, w5, [x19]
    add x21, x21, #8
    subs x23, x23, #1
    b.ne inner
    add x20, x20, #8
    subs x22, x22, #1
    b.ne outer
    EXIT
