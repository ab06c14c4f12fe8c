/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exchanges, compare-and-exchange of 1 to 16 bytes that succeed and fail, and
 * locked read-modify-write. */
    .include "guest.inc"
    .data
    .balign 16
wide:   .quad 0x1111, 0x2222
values: VALUES
cell:   .quad 0, 0

    .macro TRY prefix, width, reg, acc
    mov rax, r8
    mov [rip + cell], r8
    mov rbx, r9
    \prefix cmpxchg \width ptr [rip + cell], \reg
    setz cl
    mov rax, r9
    \prefix cmpxchg \width ptr [rip + cell], \reg
    mov rax, r8
    \prefix cmpxchg \width ptr [rip + cell], \reg
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
    TRY lock, qword, rbx
    TRY lock, dword, ebx
    TRY lock, word, bx
    TRY lock, byte, bl
    TRY lock, byte, bh
    TRY , qword, rbx
    TRY , dword, ebx
    TRY , word, bx
    TRY , byte, bl
    mov rax, r8
    mov rbx, r9
    cmpxchg rbx, r8
    cmpxchg ebx, r8d
    cmpxchg bx, r8w
    cmpxchg bl, r8b
    mov rax, r8
    mov rbx, r8
    cmpxchg ebx, r9d
    cmpxchg rbx, r9
    .irp op, add, sub, and, or, xor, adc, sbb
    lock \op qword ptr [rip + cell], r8
    lock \op dword ptr [rip + cell], r9d
    lock \op word ptr [rip + cell], r8w
    lock \op byte ptr [rip + cell + 1], r9b
    lock \op qword ptr [rip + cell], 3
    .endr
    .irp op, inc, dec, neg, not
    lock \op qword ptr [rip + cell]
    lock \op dword ptr [rip + cell]
    lock \op word ptr [rip + cell]
    lock \op byte ptr [rip + cell]
    .endr
    mov rcx, r9
    and ecx, 63
    .irp op, bts, btr, btc
    lock \op qword ptr [rip + cell], rcx
    lock \op dword ptr [rip + cell], 11
    .endr
    mov rax, r8
    lock xadd [rip + cell], rax
    lock xadd [rip + cell], eax
    lock xadd [rip + cell], ax
    lock xadd [rip + cell], ah
    xadd [rip + cell], rax
    xadd rax, r9
    mov rbx, r8
    xadd eax, ebx
    xadd al, bh
    xadd rbx, rbx
    mov rax, r8
    xchg [rip + cell], rax
    xchg [rip + cell], eax
    xchg [rip + cell], ax
    xchg [rip + cell + 3], ah
    xchg rax, r9
    xchg eax, eax
    add r13, 8
    dec r15d
    jnz inner
    /* 8 and 16 bytes, first a failure, which loads, then a success. */
    mov rax, r8
    xor edx, edx
    mov rbx, 0x77
    mov rcx, r8
    lock cmpxchg8b [rip + wide]
    lock cmpxchg8b [rip + wide]
    cmpxchg8b [rip + wide + 8]
    cmpxchg8b [rip + wide + 8]
    mov rax, -1
    lock cmpxchg16b [rip + wide]
    lock cmpxchg16b [rip + wide]
    cmpxchg16b [rip + wide]
    inc rbx
    mov rax, 5
    cmpxchg16b [rip + wide]
    cmpxchg16b [rip + wide]
    mfence
    lfence
    sfence
    add r12, 8
    dec r14d
    jnz outer
    EXIT
