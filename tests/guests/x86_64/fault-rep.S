/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends with SIGSEGV in the middle of a repeated store that had begun well. */
    .include "guest.inc"
    .bss
    .balign 4096
last:   .skip 4096
    BEGIN
    mov eax, 0x41
    lea rdi, [rip + last + 4000]
    mov ecx, 100000000
    rep stosb
    EXIT 3
