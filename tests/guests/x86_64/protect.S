/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that is written while its page may not be executed, and executed while it may
 * not be written, as a just-in-time compiler does that is careful. */
    .include "guest.inc"
    .set PAGE, 4096
    .set READ_WRITE, 3
    .set READ_EXECUTE, 5

    .macro PROTECT prot
    lea rdi, [rip + place]
    mov esi, PAGE
    mov edx, \prot
    KERNEL 10
    .endm

    BEGIN
    mov r15d, 30
again:
    PROTECT READ_WRITE
    /* mov eax, N; or, every other time, lea eax, [rbx + N]; then ret. */
    lea rdi, [rip + place]
    /* Somewhere else in the page each time, the end included. */
    imul eax, r15d, 131
    cmp eax, PAGE - 8
    jb 1f
    mov eax, PAGE - 8
1:  add rdi, rax
    mov r12, rdi
    test r15d, 1
    jz 2f
    mov byte ptr [rdi], 0xb8
    mov [rdi + 1], r15d
    mov byte ptr [rdi + 5], 0xc3
    jmp 3f
2:  mov word ptr [rdi], 0x838d
    mov [rdi + 2], r15d
    mov byte ptr [rdi + 6], 0xc3
3:  PROTECT READ_EXECUTE
    mov ebx, 1000
    call r12
    add r13, rax
    /* The same code once more, from another block. */
    call r12
    add r13, rax
    dec r15d
    jnz again
    lea rdi, [rip + sum]
    mov [rdi], r13
    EXIT

    .section .code, "aw", @progbits
    .balign 4096
place:
    .skip 4096, 0xcc
sum:
    .skip 4096
