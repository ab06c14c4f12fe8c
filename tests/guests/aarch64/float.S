/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating point, scalar and vector, in the modes of fpcr, and what it raises in
 * fpsr; the thread pointer. */
    .include "guest.inc"
    .data
    .balign 64
values: .double 1.5, -2.25, 0.1, 1.0e300, -1.0e-300
        .quad 0x7ff0000000000000, 0x7ff8000000001234, 0x7ff4000000000001, 1
        .quad 0x8000000000000000, 0x3fe0000040490fdb, 0x7fc00001ff800000
        .quad 0x7fa0000100000001, 0x3c0042007c005400, 0x40490fdbbf000000
    .set COUNT, 15
modes:  .word 0, 0x00400000, 0x00800000, 0x00c00000, 0x01000000, 0x02000000, 0x00080000
    .set MODES, 7
    .arch armv8.2-a+fp16

    .macro SCALAR form
    .irp op, fadd, fsub, fmul, fdiv, fmax, fmin, fmaxnm, fminnm, fnmul, fmulx, fabd, frecps, frsqrts, fcmeq, fcmge, facgt
    \op \form\()2, \form\()0, \form\()1
    .endr
    .irp op, fsqrt, fabs, fneg, frintn, frintp, frintm, frintz, frinta, frintx, frinti, frecpe, frsqrte, frecpx, fcvtns, fcvtzu, scvtf, ucvtf, fmov
    \op \form\()3, \form\()0
    .endr
    fmadd \form\()4, \form\()0, \form\()1, \form\()3
    fnmsub \form\()4, \form\()0, \form\()1, \form\()3
    fcmp \form\()0, \form\()1
    fcmpe \form\()0, \form\()1
    fcmp \form\()0, #0.0
    fccmp \form\()0, \form\()1, #5, ne
    fcsel \form\()5, \form\()0, \form\()1, gt
    fmov \form\()5, #1.5
    .irp op, fcvtzs, fcvtzu, fcvtns, fcvtau, fcvtms, fcvtpu
    \op w0, \form\()0
    \op x0, \form\()1
    .endr
    fcvtzs x0, \form\()0, #7
    scvtf \form\()6, x20
    ucvtf \form\()6, w19
    scvtf \form\()6, x20, #9
    mrs x0, fpsr
    .endm
    .macro VECTOR type
    .irp op, fadd, fsub, fmul, fdiv, fmax, fminnm, faddp, fmaxp, fmla, fmls, fmulx, fabd, fcmgt, facge, frecps, frsqrts
    \op v8.\type, v0.\type, v1.\type
    .endr
    .irp op, fsqrt, fabs, fneg, frintx, frintz, frecpe, frsqrte, fcvtzs, fcvtnu, scvtf, ucvtf
    \op v9.\type, v0.\type
    .endr
    fcmlt v9.\type, v0.\type, #0.0
    .endm

    BEGIN
    mov w19, #0
1:  adrp x20, values
    add x20, x20, :lo12:values
    ldr d0, [x20, x19, lsl #3]
    .irp step, 1, 4
    add w23, w19, #\step
    mov w24, #COUNT
    udiv w25, w23, w24
    msub w23, w25, w24, w23
    ldr d1, [x20, x23, lsl #3]
    ins v0.d[1], v1.d[0]
    ins v1.d[1], v0.d[0]
    mov w24, #MODES
    udiv w25, w23, w24
    msub w25, w25, w24, w23
    adrp x21, modes
    add x21, x21, :lo12:modes
    ldr w26, [x21, x25, lsl #2]
    msr fpcr, x26
    msr fpsr, xzr
    SCALAR s
    SCALAR d
    SCALAR h
    fcvt s7, d0
    fcvt d7, s0
    fcvt h7, d0
    fcvt d7, h1
    fcvt s7, h0
    fcvt h7, s1
    fcvtxn s7, d0
    VECTOR 2s
    VECTOR 4s
    VECTOR 2d
    VECTOR 4h
    VECTOR 8h
    fcvtl v10.2d, v0.2s
    fcvtl2 v10.4s, v0.8h
    fcvtn v10.2s, v0.2d
    fcvtn2 v10.8h, v0.4s
    fmla v11.4s, v0.4s, v1.s[2]
    fmul d11, d0, v1.d[1]
    fmaxv s12, v0.4s
    faddp d12, v0.2d
    fmaxnmv h12, v0.8h
    mrs x0, fpsr
    mrs x1, fpcr
    mov x2, #0x08000000
    msr fpsr, x2
    .endr
    msr fpcr, xzr
    msr tpidr_el0, x20
    mrs x3, tpidr_el0
    add w19, w19, #1
    cmp w19, #COUNT
    b.lo 1b
    EXIT
