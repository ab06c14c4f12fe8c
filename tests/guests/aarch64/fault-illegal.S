/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGILL. */
    .include "guest.inc"
    BEGIN
    mov x1, #10
    str x1, [sp, #-16]!
    udf #0
    EXIT 3
