/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGSEGV at a store in the middle of a block. */
    .include "guest.inc"
    BEGIN
    mov x1, #10
    str x1, [sp, #-16]!
    adr x2, _start
    str x1, [x2]
    add x2, x2, #1
    EXIT 3
