/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addition, subtraction, logic and comparison in all widths, from registers,
 * immediates and memory, with and without an incoming carry. */
    .include "guest.inc"
    .data
    .balign 8
values: VALUES
cell:   .quad 0

    .macro BINARY op
    mov rax, r8
    \op rax, r9
    mov rax, r8
    \op eax, r9d
    mov rax, r8
    \op ax, r9w
    mov rax, r8
    \op al, r9b
    mov rax, r8
    mov rbx, r9
    \op ah, bl
    \op al, bh
    \op bh, ah
    mov [rip + cell], r8
    \op [rip + cell], r9
    \op [rip + cell], r9d
    \op [rip + cell], r9w
    \op [rip + cell + 3], r9b
    mov rax, r8
    \op rax, [rip + cell]
    \op eax, [rip + cell + 1]
    \op ax, [rip + cell + 2]
    \op ah, [rip + cell + 3]
    \op rax, -2
    \op eax, 0x7fffffff
    \op ax, 0x1234
    \op al, 0x81
    \op r9, 0x12345678
    mov r9, [r13]
    \op qword ptr [rip + cell], -1
    \op dword ptr [rip + cell], 0x80000000
    \op word ptr [rip + cell], 0x8000
    \op byte ptr [rip + cell], 0x7f
    .endm

    .macro UNARY op
    mov rax, r8
    \op rax
    mov rax, r8
    \op eax
    mov rax, r8
    \op ax
    mov rax, r8
    \op al
    \op ah
    mov [rip + cell], r8
    \op qword ptr [rip + cell]
    \op dword ptr [rip + cell + 2]
    \op word ptr [rip + cell + 5]
    \op byte ptr [rip + cell + 7]
    .endm

    BEGIN
    lea r12, [rip + values]
    mov r14d, VALUE_COUNT
outer:
    lea r13, [rip + values]
    mov r15d, VALUE_COUNT
inner:
    mov r8, [r12]
    mov r9, [r13]
    BINARY add
    BINARY sub
    BINARY and
    BINARY or
    BINARY xor
    BINARY cmp
    stc
    BINARY adc
    clc
    BINARY adc
    stc
    BINARY sbb
    clc
    BINARY sbb
    test r8, r9
    test r8d, r9d
    test r8w, r9w
    test r8b, r9b
    test r8, 0x40000000
    test byte ptr [r12], 0x55
    /* 256-bit chains, carry from limb to limb. */
    mov rax, r8
    mov rbx, r9
    mov rcx, r8
    mov rdx, r9
    add rax, r9
    adc rbx, r8
    adc rcx, 0
    adc rdx, -1
    sub rax, r9
    sbb rbx, r9
    sbb rcx, r8
    sbb rdx, 0
    sbb rax, rax
    sbb ebx, ebx
    add r13, 8
    dec r15d
    jnz inner
    UNARY neg
    UNARY not
    stc
    UNARY inc
    clc
    UNARY inc
    stc
    UNARY dec
    clc
    UNARY dec
    add r12, 8
    dec r14d
    jnz outer
    EXIT
