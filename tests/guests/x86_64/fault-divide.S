/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGFPE. */
    .include "guest.inc"
    BEGIN
    mov eax, 1
    xor edx, edx
    xor ebx, ebx
    push rbx
    div ebx
    EXIT 3
