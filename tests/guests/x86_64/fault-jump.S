/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGSEGV at an address that holds no code: the jump there counts. */
    .include "guest.inc"
    BEGIN
    mov eax, 0x10
    push rax
    jmp rax
    EXIT 3
