/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic and logic in both widths, with shifted and extended operands,
 * with and without flags, carry chains, conditional selects and compares. */
    .include "guest.inc"
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
    .irp op, add, adds, sub, subs
    \op x2, x0, x1
    \op w3, w0, w1
    \op x4, x0, x1, lsl #7
    \op w5, w0, w1, asr #3
    \op x6, x0, w1, sxtb #2
    \op w7, w0, w1, uxth
    \op x8, x0, #4095
    \op w9, w0, #1, lsl #12
    .endr
    .irp op, adc, adcs, sbc, sbcs
    \op x2, x0, x1
    \op w3, w0, w1
    .endr
    .irp op, and, ands, bic, bics, orr, orn, eor, eon
    \op x2, x0, x1
    \op w3, w0, w1, ror #5
    .endr
    .irp op, and, ands, orr, eor
    \op x2, x0, #0xff00ff00ff00ff00
    \op w3, w0, #0x7ffffffe
    .endr
    neg x2, x0
    negs w3, w1
    ngc x4, x0
    ngcs w5, w1
    mvn x6, x1
    cmp x0, x1
    .irp cc, eq, ne, hs, lo, mi, pl, vs, vc, hi, ls, ge, lt, gt, le
    csel x2, x0, x1, \cc
    csinc w3, w0, w1, \cc
    csinv x4, x0, x1, \cc
    csneg w5, w0, w1, \cc
    cset x6, \cc
    csetm w7, \cc
    .endr
    cmn x0, x1
    ccmp x0, x1, #5, lt
    ccmp w0, #17, #10, hi
    ccmn x0, x1, #0, eq
    ccmn w0, #3, #15, vs
    tst x0, x1
    tst w0, #0xf0
    mrs x2, nzcv
    mov x3, #0x90000000
    msr nzcv, x3
    adc x4, x0, x1
    msr nzcv, x2
    /* 256-bit chain. */
    adds x4, x0, x1
    adcs x5, x1, x0
    adcs x6, x0, xzr
    adc x7, x1, x1
    subs x4, x4, x1
    sbcs x5, x5, x0
    sbcs x6, x6, xzr
    sbc x7, x7, x0
    lsl x2, x0, x1
    lsr w3, w0, w1
    asr x4, x0, x1
    ror w5, w0, w1
    add x21, x21, #8
    subs x23, x23, #1
    b.ne inner
    .irp op, clz, cls, rbit, rev, rev16
    \op x2, x0
    \op w3, w0
    .endr
    rev32 x2, x0
    ubfx x2, x0, #5, #17
    sbfx w3, w0, #9, #4
    bfi x4, x0, #20, #30
    bfxil w5, w0, #3, #11
    ubfiz x6, x0, #4, #8
    sbfiz w7, w0, #30, #2
    extr x8, x0, x1, #13
    extr w9, w0, w1, #30
    ror x2, x0, #63
    lsl x3, x0, #1
    lsr w4, w0, #31
    asr x5, x0, #40
    sxtb x2, w0
    sxth w3, w0
    sxtw x4, w0
    uxtb w5, w0
    uxth w6, w0
    movz x2, #0x1234, lsl #16
    movn w3, #0x7, lsl #16
    movk x2, #0xabcd, lsl #48
    movk w3, #0x55
    adr x4, inner
    adrp x5, values
    add x20, x20, #8
    subs x22, x22, #1
    b.ne outer
    EXIT
