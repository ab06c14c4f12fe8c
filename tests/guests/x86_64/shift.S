/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shifts and rotations by one, by an immediate and by cl, a count of zero and
 * one beyond the width included, with each incoming carry. */
    .include "guest.inc"
    .data
    .balign 8
values: VALUES
counts: .byte 0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255
    .set COUNT_COUNT, 16
    .balign 8
cell:   .quad 0

    .macro SHIFT op
    mov rax, r8
    \op rax, cl
    mov rax, r8
    \op eax, cl
    mov rax, r8
    \op ax, cl
    mov rax, r8
    \op al, cl
    \op ah, cl
    mov [rip + cell], r8
    \op qword ptr [rip + cell], cl
    \op dword ptr [rip + cell], cl
    \op word ptr [rip + cell], cl
    \op byte ptr [rip + cell], cl
    .endm

    .macro FIXED op
    mov rax, r8
    \op rax, 1
    \op eax, 1
    \op ax, 1
    \op al, 1
    \op ah, 1
    mov rax, r8
    \op rax, 13
    \op eax, 5
    \op ax, 3
    \op al, 6
    \op ah, 7
    \op rax, 63
    \op eax, 31
    \op ax, 17
    \op al, 9
    \op rax, 0
    \op eax, 0
    mov [rip + cell], r8
    \op qword ptr [rip + cell], 1
    \op dword ptr [rip + cell], 4
    \op word ptr [rip + cell], 15
    \op byte ptr [rip + cell], 2
    .endm

    BEGIN
    lea r12, [rip + values]
    mov r14d, VALUE_COUNT
outer:
    lea r13, [rip + counts]
    mov r15d, COUNT_COUNT
inner:
    mov r8, [r12]
    mov r9, r8
    not r9
    movzx ecx, byte ptr [r13]
    .irp op, shl, shr, sar, rol, ror, rcl, rcr
    clc
    SHIFT \op
    stc
    SHIFT \op
    .endr
    /* A count of zero keeps the flags of what stands before it. */
    cmp r8, r9
    mov rax, r8
    shl rax, cl
    setc dl
    sbb ebx, ebx
    .irp op, shld, shrd
    mov rax, r8
    \op rax, r9, cl
    mov rax, r8
    \op eax, r9d, cl
    mov [rip + cell], r8
    \op [rip + cell], r9, cl
    \op [rip + cell], r9d, cl
    .endr
    add r13, 1
    dec r15d
    jnz inner
    .irp op, shl, shr, sar, rol, ror, rcl, rcr
    clc
    FIXED \op
    stc
    FIXED \op
    .endr
    .irp op, shld, shrd
    mov rax, r8
    \op rax, r9, 1
    \op eax, r9d, 1
    \op ax, r9w, 1
    \op rax, r9, 17
    \op eax, r9d, 29
    \op ax, r9w, 11
    \op rax, r9, 0
    \op [rip + cell], ax, 4
    .endr
    add r12, 8
    dec r14d
    jnz outer
    EXIT
