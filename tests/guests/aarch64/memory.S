/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads and stores of every size and addressing mode, pairs, acquire
 * and release, vector stores, and dc zva. */
    .include "guest.inc"
    .arch armv8-a
    .bss
    .balign 4096
buffer: .skip 8192

    BEGIN
    ldr x0, =0x1122334455667788
    ldr x1, =0x99aabbccddeeff00
    ldr x20, =buffer
    mov x22, #8
again:
    mov x21, x20
    str x0, [x21]
    str w1, [x21, #8]
    strh w0, [x21, #12]
    strb w1, [x21, #14]
    str x0, [x21, #16]!
    str w0, [x21], #4
    strh w1, [x21], #2
    strb w1, [x21, #3]!
    stur x1, [x21, #9]
    sturb w0, [x21, #-3]
    sturh w0, [x21, #33]
    mov x2, #5
    str x0, [x20, x2, lsl #3]
    str w0, [x20, w2, uxtw]
    strb w0, [x20, w2, sxtw]
    strh w0, [x20, x2, lsl #1]
    stp x0, x1, [x20, #64]
    stp w1, w0, [x20, #80]
    stp x1, x0, [x20, #-16]!
    add x20, x20, #16
    stp x1, x0, [x20], #16
    sub x20, x20, #16
    stnp x0, x1, [x20, #96]
    stp xzr, xzr, [x20, #112]
    ldr x3, [x20]
    ldr w4, [x20, #1]
    ldrh w5, [x20, #2]
    ldrb w6, [x20, #3]
    ldrsb x7, [x20, #4]
    ldrsb w8, [x20, #5]
    ldrsh x9, [x20, #6]
    ldrsh w10, [x20, #8]
    ldrsw x11, [x20, #12]
    ldur x12, [x20, #7]
    ldp x13, x14, [x20, #64]
    ldp w15, w16, [x20, #80]
    ldpsw x17, x18, [x20, #80]
    mov x19, x20
    ldp x3, x4, [x19], #16
    ldr x5, [x19], #8
    ldr w6, [x19, #4]!
    ldnp x7, x8, [x20, #96]
    ldr x9, =0x5555
    prfm pldl1keep, [x20]
    add x23, x20, #128
    str x1, [x23]
    stlr x0, [x23]
    ldar x5, [x23]
    stlrb w1, [x23]
    ldarb w6, [x23]
    stlrh w1, [x23]
    ldarh w7, [x23]
    dmb ish
    dsb sy
    isb
    /* Vector registers. */
    fmov d0, x0
    fmov d1, x1
    mov v0.d[1], x1
    str q0, [x20, #256]
    str d1, [x20, #272]
    str s1, [x20, #280]
    str h1, [x20, #284]
    str b1, [x20, #287]
    stp q0, q1, [x20, #288]
    stp d0, d1, [x20, #320]
    stp s0, s1, [x20, #248]
    stur q1, [x20, #245]
    add x23, x20, #384
    st1 {v0.16b, v1.16b}, [x23], #32
    st2 {v0.8h, v1.8h}, [x23], #32
    st1 {v0.b}[3], [x23], #1
    st1 {v0.s}[1], [x23]
    ld1 {v2.16b}, [x20]
    ld1r {v3.4s}, [x20]
    ldr q4, [x20, #256]
    umov w3, v2.b[5]
    fmov x4, d3
    umov x5, v4.d[1]
    fcmp d0, d1
    fcmpe s0, s1
    fccmp d0, d1, #3, ne
    fcvtzs x6, d0
    fcvtzu w7, s1
    scvtf d5, x22
    str d5, [x20, #480]
    mrs x8, fpcr
    mrs x9, fpsr
    mrs x10, tpidr_el0
    msr tpidr_el0, x20
    mrs x11, tpidr_el0
    /* A whole cache line of zeros, over something. */
    add x23, x20, #1024
    mov x3, #64
1:  str x0, [x23], #8
    subs x3, x3, #1
    b.ne 1b
    add x23, x20, #1088
    dc zva, x23
    ldr x3, [x23]
    ldr x3, [x23, #-8]
    ror x0, x0, #7
    eor x1, x1, x0
    subs x22, x22, #1
    b.ne again
    EXIT
