/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGILL. */
    .include "guest.inc"
    BEGIN
    mov eax, 1
    push rax
    ud2
    EXIT 3
