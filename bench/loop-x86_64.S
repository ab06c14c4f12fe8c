/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Executes a body of six instructions as often as the first argument says, in decimal. */
    .intel_syntax noprefix
    .section .note.GNU-stack, "", @progbits
    .bss
    .balign 8
cell:   .skip 8

    .text
    .globl _start
_start:
    mov rsi, [rsp + 16]
    xor ecx, ecx
    cmp qword ptr [rsp], 2
    jne end
digit:
    movzx eax, byte ptr [rsi]
    sub eax, '0'
    jb counted
    imul rcx, rcx, 10
    add rcx, rax
    inc rsi
    jmp digit
counted:
    test rcx, rcx
    jz end
body:
    add rax, rcx
    mov [rip + cell], rax
    imul rbx, rax, 3
    xor rbx, [rip + cell]
    dec rcx
    jnz body
end:
    xor edi, edi
    mov eax, 231
    syscall
