/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fs and gs: bases set by arch_prctl and by wrfsbase, accesses through them,
 * and the kernel's write of a base to memory. */
    .include "guest.inc"
    .data
    .balign 16
area1:  .quad 0x1111, 0x2222, 0x3333, 0x4444
area2:  .quad 0x5555, 0x6666, 0x7777, 0x8888
out:    .quad 0, 0

    BEGIN
    lea rsi, [rip + area1]
    mov edi, 0x1002         /* ARCH_SET_FS */
    KERNEL 158
    lea rsi, [rip + area2]
    mov edi, 0x1001         /* ARCH_SET_GS */
    KERNEL 158
    mov rax, fs:[0]
    mov rbx, gs:[8]
    mov fs:[16], rbx
    mov gs:[24], eax
    add fs:[8], rbx
    mov ecx, 8
    mov rdx, fs:[rcx + 16]
    xchg gs:[rcx], rdx
    push fs:[0]
    pop gs:[0]
    inc byte ptr gs:[1]
    mov esi, 0
    lea rdi, [rip + out]
    movs byte ptr es:[rdi], byte ptr fs:[rsi]
    lods qword ptr gs:[rsi]
    mov ecx, 5
    rep movs byte ptr es:[rdi], byte ptr gs:[rsi]
    lea rsi, [rip + out]
    mov edi, 0x1003         /* ARCH_GET_FS */
    KERNEL 158
    mov rax, [rip + out]
    lea rsi, [rip + area2 + 8]
    mov edi, 0x1002
    KERNEL 158
    mov rax, fs:[0]
    mov rbx, fs:[-8]
    mov fs:[8], al
    EXIT
