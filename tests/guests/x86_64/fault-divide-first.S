/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGFPE at the first instruction of a block. */
    .include "guest.inc"
    BEGIN
    mov eax, 1
    xor edx, edx
    xor ebx, ebx
    jmp 1f
1:  div ebx
    EXIT 3
