/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiplication and division of every width and form, and the sign
 * extensions that go with them. */
    .include "guest.inc"
    .data
    .balign 8
values: VALUES
cell:   .quad 0

    BEGIN
    lea r12, [rip + values]
    mov r14d, VALUE_COUNT
outer:
    lea r13, [rip + values]
    mov r15d, VALUE_COUNT
inner:
    mov r8, [r12]
    mov r9, [r13]
    .irp op, mul, imul
    mov rax, r8
    mov rdx, r9
    \op r9
    mov rax, r8
    \op r9d
    mov rax, r8
    mov rdx, r9
    \op r9w
    mov rax, r8
    \op r9b
    mov rax, r8
    mov rbx, r9
    \op bh
    \op ah
    mov rax, r8
    \op qword ptr [r13]
    mov rax, r8
    \op dword ptr [r13 + 2]
    mov rax, r8
    \op word ptr [r13 + 1]
    mov rax, r8
    \op byte ptr [r13 + 3]
    .endr
    mov rax, r8
    imul rax, r9
    mov rax, r8
    imul eax, r9d
    mov rax, r8
    imul ax, r9w
    imul rax, [r13]
    imul eax, [r13]
    imul ax, [r13]
    imul rax, r9, 7
    imul rax, r9, -0x12345678
    imul eax, r9d, -100
    imul eax, r9d, 0x7fffffff
    imul ax, r9w, 1000
    imul ax, r9w, -3
    imul rbx, [r13], 0x1001
    imul ecx, [r13], -1
    imul dx, [r13], 77
    cbw
    cwde
    cdqe
    cwd
    cdq
    cqo
    /* Divisors are made odd and dividends small, so that nothing traps. */
    mov rbx, r9
    or rbx, 1
    mov rax, r8
    xor edx, edx
    div rbx
    mov rax, r8
    xor edx, edx
    div ebx
    mov rax, r8
    xor edx, edx
    div bx
    movzx eax, r8b
    div bl
    or bh, 1
    movzx eax, r8b
    div bh
    mov rdx, rbx
    shr rdx, 1
    mov rax, r8
    or rbx, 1
    div rbx
    mov rbx, r9
    or rbx, 1
    mov rax, r8
    sar rax, 1
    cqo
    idiv rbx
    mov rax, r8
    sar eax, 1
    cdq
    idiv ebx
    mov rax, r8
    sar ax, 1
    cwd
    idiv bx
    mov rax, r8
    sar al, 1
    cbw
    idiv bl
    mov [rip + cell], rbx
    mov rax, r8
    xor edx, edx
    div qword ptr [rip + cell]
    mov rax, r8
    shr eax, 2
    cdq
    idiv dword ptr [rip + cell]
    add r13, 8
    dec r15d
    jnz inner
    add r12, 8
    dec r14d
    jnz outer
    EXIT
