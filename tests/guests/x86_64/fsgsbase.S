/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instructions that read and write the bases of fs and gs. */
    .include "guest.inc"
    .data
    .balign 16
area1:  .quad 0x1111, 0x2222, 0x3333, 0x4444
area2:  .quad 0x5555, 0x6666, 0x7777, 0x8888

    BEGIN
    lea rsi, [rip + area1]
    lea rdi, [rip + area2]
    wrfsbase rsi
    wrgsbase rdi
    mov rax, fs:[8]
    mov gs:[0], rax
    rdfsbase rcx
    rdgsbase rdx
    rdfsbase r8d
    add rcx, 8
    wrfsbase rcx
    mov rax, fs:[8]
    wrgsbase esi
    mov gs:[8], rax
    swap_and_loop:
    mov ecx, 20
1:  wrfsbase rsi
    inc qword ptr fs:[0]
    wrfsbase rdi
    inc qword ptr fs:[0]
    loop 1b
    EXIT
