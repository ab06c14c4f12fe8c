/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scalable vectors at every length that there is: the length changes by prctl(), with
 * registers in use; loads and stores of each form, flags of predicates, system calls. */
    .include "guest.inc"
    .set PR_SVE_SET_VL, 50
    .set PR_SVE_GET_VL, 51
    .data
    .balign 64
from:
    .irp high, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff
    .irp low, 1, 2, 3, 4, 5, 6, 7, 0x81
    .quad 0x0101010101010101 * \high ^ 0x0001000200040008 * \low
    .endr
    .endr
    .balign 64
to: .skip 2048
    .arch armv8.5-a+sve2

    BEGIN
    mov w19, #16
length:
    mov x0, PR_SVE_SET_VL
    mov x1, x19
    KERNEL #167
    mov x0, PR_SVE_GET_VL
    KERNEL #167
    adrp x20, from
    add x20, x20, :lo12:from
    adrp x21, to
    add x21, x21, :lo12:to
    rdvl x22, #1
    /* Predicates and their flags. */
    ptrue p0.b
    ptrues p1.s, vl3
    pfalse p2.b
    whilelo p3.h, xzr, x22
    whilelt p4.b, w19, w22
    ptest p0, p1.b
    brkas p5.b, p0/z, p1.b
    pnext p1.s, p0, p1.s
    pfirst p2.b, p0, p2.b
    nots p6.b, p0/z, p1.b
    cntp x23, p0, p3.h
    incp x23, p3.h
    /* Loads and stores of all widths. */
    ldr z0, [x20]
    ldr z1, [x20, #1, mul vl]
    str z0, [x21, #2, mul vl]
    str p1, [x21]
    ldr p7, [x20]
    .irp t, b, h, s, d
    ld1b {z2.\t}, p0/z, [x20]
    st1b {z2.\t}, p3, [x21, #1, mul vl]
    .endr
    ld1sh {z3.d}, p7/z, [x20]
    ld1w {z4.s}, p3/z, [x20, x23, lsl #2]
    st1d {z4.d}, p7, [x21]
    ld2h {z5.h, z6.h}, p0/z, [x20]
    st2h {z5.h, z6.h}, p7, [x21]
    ld3b {z30.b, z31.b, z0.b}, p7/z, [x20]
    st3b {z30.b, z31.b, z0.b}, p0, [x21]
    ld4d {z7.d, z8.d, z9.d, z10.d}, p0/z, [x20]
    st4d {z7.d, z8.d, z9.d, z10.d}, p7, [x21]
    ldnt1w {z11.s}, p0/z, [x20]
    stnt1w {z11.s}, p7, [x21]
    ld1rw {z12.s}, p0/z, [x20, #8]
    ld1rw {z12.s}, p2/z, [x20, #8]
    ld1rqb {z13.b}, p7/z, [x20, #16]
    /* Gather and scatter, to places that overlap. */
    index z14.d, #0, #3
    index z15.s, #2, #5
    ld1d {z16.d}, p0/z, [x20, z14.d]
    ld1w {z17.s}, p7/z, [x20, z15.s, uxtw]
    st1d {z16.d}, p7, [x21, z14.d]
    st1w {z17.s}, p0, [x21, z15.s, uxtw]
    st1b {z17.s}, p0, [x21, z15.s, sxtw]
    dup z18.d, x21
    add z18.d, z18.d, z14.d
    st1h {z16.d}, p7, [z18.d, #2]
    /* First faults, where there are none. */
    setffr
    ldff1b {z19.b}, p0/z, [x20]
    ldff1w {z20.d}, p7/z, [x20, z14.d]
    ldnf1h {z21.h}, p0/z, [x20]
    rdffrs p8.b, p7/z
    wrffr p7.b
    /* Registers of both names, and those that are written with what they hold. */
    add v22.4s, v0.4s, v1.4s
    mov v23.d[1], x23
    ldr q24, [x20, #16]
    ldr d25, [x20]
    fmov s26, #2.0
    mov z26.d, z26.d
    movprfx z27, z0
    fmla z27.s, p7/m, z1.s, z26.s
    fadd z28.d, p0/m, z28.d, #0.5
    fcmgt p9.s, p0/z, z27.s, z1.s
    saddv d29, p0, z0.h
    lasta w24, p7, z0.s
    clastb z0.h, p7, z0.h, z1.h
    insr z1.d, x24
    sel z2.b, p7, z0.b, z1.b
    ext z3.b, z3.b, z0.b, #7
    compact z4.s, p7, z0.s
    histcnt z5.s, p7/z, z0.s, z1.s
    tbl z6.b, {z0.b, z1.b}, z2.b
    /* What a system call leaves of them. */
    KERNEL #174
    add w19, w19, #16
    cmp w19, #256
    b.le length
    /* The way back: what is above the length is gone. */
    mov x0, PR_SVE_SET_VL
    mov x1, #32
    KERNEL #167
    mov x0, PR_SVE_SET_VL
    mov x1, #256
    KERNEL #167
    orr z0.d, z0.d, z1.d
    EXIT #3
