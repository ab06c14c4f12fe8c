/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGSEGV at a load; the attempt is no instruction executed. */
    .include "guest.inc"
    BEGIN
    mov x1, #10
1:  str x1, [sp, #-16]!
    subs x1, x1, #1
    b.ne 1b
    mov x2, #5
    ldr x3, [x1]
    add x2, x2, #1
    EXIT 3
