/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of later revisions that the hint space or the emulator's "max"
 * processor offers: landing pads, flag manipulation, yield. */
    .include "guest.inc"
    .arch armv8.5-a
    .data
    .balign 8
values: VALUES

    BEGIN
    ldr x20, =values
    mov x22, VALUE_COUNT
1:  bti c
    ldr x0, [x20], #8
    cmp x0, #5
    cfinv
    rmif x0, #3, #0xa
    setf8 w0
    setf16 w0
    axflag
    xaflag
    mov x1, x0
    xpaci x1
    subs x22, x22, #1
    b.ne 1b
    nop
    yield
    nop
    EXIT
