/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An instruction with several stores, the last of which is not allowed. */
    .include "guest.inc"
    .data
    .balign 4096
page:   .skip 4096
    .text

    BEGIN
    ldr x20, =page
    mov x0, x20             /* the second half of two pages becomes read-only */
    add x0, x0, #4096
    mov x1, #4096
    mov x2, #1
    KERNEL 226
    ldr x20, =page + 4096 - 24
    movi v0.16b, #0x11
    movi v1.16b, #0x22
    st1 {v0.16b, v1.16b}, [x20]
    EXIT
    .data
    .balign 4096
behind: .skip 4096
