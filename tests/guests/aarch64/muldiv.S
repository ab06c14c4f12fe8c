/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiplication of every form, division (by zero and of the least number
 * included) and checksums. */
    .include "guest.inc"
    .arch armv8-a+crc
    .data
    .balign 8
values: VALUES

    BEGIN
    ldr x20, =values
    mov x22, VALUE_COUNT
outer:
    ldr x21, =values
    mov x23, VALUE_COUNT
inner:
    ldr x0, [x20]
    ldr x1, [x21]
    mul x2, x0, x1
    mul w3, w0, w1
    madd x4, x0, x1, x2
    madd w5, w0, w1, w2
    msub x6, x0, x1, x2
    msub w7, w0, w1, w2
    mneg x8, x0, x1
    smull x9, w0, w1
    umull x10, w0, w1
    smaddl x11, w0, w1, x2
    umaddl x12, w0, w1, x2
    smsubl x13, w0, w1, x2
    umsubl x14, w0, w1, x2
    smnegl x15, w0, w1
    umnegl x16, w0, w1
    smulh x17, x0, x1
    umulh x18, x0, x1
    udiv x2, x0, x1
    udiv w3, w0, w1
    sdiv x4, x0, x1
    sdiv w5, w0, w1
    crc32b w6, w0, w1
    crc32h w7, w0, w1
    crc32w w8, w0, w1
    crc32x w9, w0, x1
    crc32cb w10, w0, w1
    crc32cx w11, w0, x1
    add x21, x21, #8
    subs x23, x23, #1
    b.ne inner
    add x20, x20, #8
    subs x22, x22, #1
    b.ne outer
    EXIT
