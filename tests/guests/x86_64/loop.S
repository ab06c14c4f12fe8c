/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A body that is executed N times; body and body_end mark it. */
    .include "guest.inc"
    .ifndef N
    .set N, 100
    .endif
    .data
    .balign 8
cell:   .quad 0

    BEGIN
    mov ecx, N
    .globl body, body_end
body:
    add rax, rcx
    mov [rip + cell], rax
    imul rbx, rax, 3
    xor rbx, [rip + cell]
    dec ecx
    jnz body
body_end:
    EXIT 9
