/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGSEGV at a repeated store that is the first instruction of a block
 * and stores nothing. */
    .include "guest.inc"
    BEGIN
    mov eax, 0x41
    mov edi, 0x1000
    mov ecx, 100
    jmp 1f
1:  rep stosb
    EXIT 3
