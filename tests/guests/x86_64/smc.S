/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that changes itself: other instructions, its own block ahead, its own
 * block behind, and code copied into place. */
    .include "guest.inc"
    .section .code, "awx", @progbits
    .globl _start
_start:
    lea rsp, [rip + guest_stack_top]
    mov r15d, 20
again:
    /* Another block's immediate. */
    mov [rip + patched + 1], r15d
    call patched
    add rbx, rax
    /* The next instruction of the block that runs. */
    lea ecx, [r15d + 100]
    mov [rip + 1f + 1], ecx
    inc rdx
1:  mov eax, 0x11111111
    add rbx, rax
    /* One further back, executed in the next round. */
    mov byte ptr [rip + 2f + 2], r15b
2:  add bl, 1
    /* A whole routine. */
    lea rdi, [rip + place]
    lea rsi, [rip + routine_a]
    test r15d, 1
    jz 3f
    lea rsi, [rip + routine_b]
3:  mov ecx, 16
    rep movsb
    call place
    add rbx, rax
    dec r15d
    jnz again
    EXIT

patched:
    mov eax, 0
    ret
    .balign 16
routine_a:
    mov eax, 0xa
    lea eax, [rax*2]
    ret
    .balign 16
routine_b:
    mov ecx, 3
    mov eax, 0xb
    ret
    .balign 16
    .balign 4096
place:
    .skip 16, 0xcc
    .skip 4080
