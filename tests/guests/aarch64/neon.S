/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector registers: loads and stores of every form, integer instructions,
 * saturation (fpsr.QC), tables, AES and SHA. */
    .include "guest.inc"
    .data
    .balign 64
values: .quad 0x0123456789abcdef, 0xfedcba9876543210
        .quad 0x8000000080000000, 0x7fffffff7fff8000
        .quad 0x00ff00ff7f80ff01, 0x0102040810204080
        .quad 0x8080808080808080, 0x7f7f7f7f7f7f7f7f
        .quad 0, 0xffffffffffffffff
        .quad 0x1122334455667788, 0x99aabbccddeeff00
to:     .skip 256
    .set COUNT, 6
    .arch armv8.2-a+crypto

    BEGIN
    mov w19, #0
1:  adrp x20, values
    add x20, x20, :lo12:values
    adrp x21, to
    add x21, x21, :lo12:to
    add x22, x20, x19, lsl #4
    ldr q0, [x22]
    add w23, w19, #1
    mov w24, #COUNT
    udiv w25, w23, w24
    msub w23, w25, w24, w23
    add x22, x20, x23, lsl #4
    ldr q1, [x22]
    msr fpsr, xzr
    .irp type, 8b, 16b, 4h, 8h, 2s, 4s
    .irp op, add, sub, mul, mla, mls, cmeq, cmgt, cmhi, cmge, cmtst, smax, umin, sabd, uaba, shadd, urhadd, sqadd, uqadd, sqsub, uqsub, sshl, ushl, sqshl, uqrshl, srshl, addp, smaxp, uminp, zip1, zip2, uzp1, uzp2, trn1, trn2
    \op v2.\type, v0.\type, v1.\type
    .endr
    .irp op, abs, neg, cls, clz, sqabs, sqneg, suqadd, usqadd
    \op v3.\type, v0.\type
    .endr
    mrs x0, fpsr
    .endr
    .irp op, and, orr, eor, bic, orn, bsl, bit, bif
    \op v2.16b, v0.16b, v1.16b
    \op v3.8b, v0.8b, v1.8b
    .endr
    .irp type, 4h, 8h, 2s, 4s
    sqdmulh v4.\type, v0.\type, v1.\type
    sqrdmulh v4.\type, v0.\type, v1.\type
    sqrdmlah v4.\type, v0.\type, v1.\type
    .endr
    mrs x0, fpsr
    smull v5.8h, v0.8b, v1.8b
    umlal2 v5.4s, v0.8h, v1.8h
    sqdmull v5.2d, v0.2s, v1.2s
    saddl v5.4s, v0.4h, v1.4h
    uaddw2 v5.8h, v0.8h, v1.16b
    addhn v6.8b, v0.8h, v1.8h
    rsubhn2 v6.8h, v0.4s, v1.4s
    xtn v6.4h, v0.4s
    sqxtn2 v6.16b, v0.8h
    sqxtun v6.2s, v0.2d
    uqxtn b6, h0
    shl v7.4s, v0.4s, #5
    sshr v7.8h, v0.8h, #3
    usra v7.2d, v0.2d, #7
    sri v7.16b, v0.16b, #2
    sqshl v7.8h, v0.8h, #3
    sqshrun v7.8b, v0.8h, #2
    shrn2 v7.16b, v0.8h, #4
    sshll v7.2d, v0.2s, #3
    addv b8, v0.16b
    smaxv h8, v0.8h
    uaddlv d8, v0.4s
    addp d8, v0.2d
    saddlp v8.4h, v0.8b
    uadalp v8.2d, v0.4s
    mov v9.16b, v9.16b
    mov v9.8b, v9.8b
    and v9.16b, v9.16b, v9.16b
    mov x0, x0
    add x0, x0, #0
    lsl x0, x0, #0
    and x0, x0, x0
    cnt v9.16b, v0.16b
    rbit v9.8b, v0.8b
    not v9.16b, v0.16b
    rev64 v9.8h, v0.8h
    rev32 v9.16b, v0.16b
    rev16 v9.8b, v0.8b
    ext v9.16b, v0.16b, v1.16b, #5
    dup v10.4s, v0.s[2]
    dup v10.8b, w19
    dup h10, v0.h[3]
    ins v10.b[7], v1.b[3]
    ins v10.d[1], x20
    mov v10.s[1], w19
    umov w0, v0.b[5]
    smov x0, v0.h[6]
    umov x0, v0.d[1]
    fmov d10, x20
    fmov s10, w19
    fmov v10.d[1], x20
    fmov x0, d0
    movi v11.16b, #0x5a
    movi v11.2d, #0xff00ff0000ffff00
    mvni v11.4s, #3, msl #8
    movi d11, #0
    orr v11.4h, #0x12, lsl #8
    tbl v12.16b, {v0.16b}, v1.16b
    tbx v12.8b, {v0.16b, v1.16b}, v9.8b
    tbl v12.16b, {v0.16b, v1.16b, v2.16b, v3.16b}, v7.16b
    aese v13.16b, v0.16b
    aesmc v13.16b, v13.16b
    aesd v13.16b, v1.16b
    sha1h s14, s0
    sha256h q14, q0, v1.4s
    sha1su0 v14.4s, v0.4s, v1.4s
    pmull v15.8h, v0.8b, v1.8b
    pmull2 v15.1q, v0.2d, v1.2d
    pmul v15.16b, v0.16b, v1.16b
    /* Loads and stores. */
    ldr b16, [x22, #3]
    ldr h16, [x22, #6]
    ldr s16, [x22, #4]
    ldr d16, [x22, #8]
    ldur q16, [x20, #7]
    ldp s17, s18, [x22]
    ldp d17, d18, [x22]
    ldp q17, q18, [x20, #16]
    ldnp q17, q18, [x20]
    ldr q16, values
    str b16, [x21], #1
    str h16, [x21, #1]!
    str s16, [x21, #4]
    str d16, [x21, x19]
    str q16, [x21, #16]
    stp s17, s18, [x21, #32]
    stp d17, d18, [x21, #40]
    stp q17, q18, [x21, #64]
    adrp x21, to
    add x21, x21, :lo12:to
    ld1 {v20.16b}, [x20]
    ld1 {v20.8h, v21.8h, v22.8h, v23.8h}, [x20]
    ld2 {v20.4s, v21.4s}, [x20]
    ld3 {v20.8b, v21.8b, v22.8b}, [x20]
    ld4 {v20.2d, v21.2d, v22.2d, v23.2d}, [x20]
    ld1 {v24.b}[5], [x20]
    ld2 {v24.h, v25.h}[3], [x20]
    ld3 {v24.s, v25.s, v26.s}[1], [x20]
    ld1r {v27.4h}, [x22]
    ld4r {v27.16b, v28.16b, v29.16b, v30.16b}, [x20]
    st1 {v20.16b, v21.16b}, [x21]
    st2 {v20.4h, v21.4h}, [x21]
    st3 {v20.4s, v21.4s, v22.4s}, [x21]
    st4 {v20.8b, v21.8b, v22.8b, v23.8b}, [x21]
    st1 {v24.d}[1], [x21]
    st2 {v24.s, v25.s}[2], [x21], #8
    add w19, w19, #1
    cmp w19, #COUNT
    b.lo 1b
    EXIT
