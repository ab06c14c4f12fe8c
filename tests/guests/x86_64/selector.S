/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment selectors: null ones, and those that a Linux program begins with.  ss is
 * not loaded: the processor does not stop behind that. */
    .include "guest.inc"
    .data
    .balign 16
words:  .word 0, 0x2b, 0

    BEGIN
    mov ebx, 3
1:  xor eax, eax
    mov ds, eax
    mov es, eax
    mov ax, ds
    mov ecx, ss
    mov ds, ecx
    mov es, word ptr [rip + words + 2]
    mov rax, es
    mov ax, cs
    xor eax, eax
    mov es, eax
    mov ds, word ptr [rip + words]
    dec ebx
    jnz 1b
    EXIT
