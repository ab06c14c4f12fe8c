/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGSEGV at a store in the middle of a block. */
    .include "guest.inc"
    BEGIN
    mov eax, 1
    push rax
    mov rdx, rsp
    mov [rdx], eax
    mov dword ptr [rip + _start], 5
    inc rax
    EXIT 3
