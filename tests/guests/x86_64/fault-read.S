/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGSEGV at a load; the attempt is no instruction executed. */
    .include "guest.inc"
    BEGIN
    mov ecx, 10
1:  push rcx
    loop 1b
    xor eax, eax
    mov rbx, 5
    add rbx, [rax]
    inc rbx
    EXIT 3
