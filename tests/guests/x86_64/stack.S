/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stack traffic: pushes and pops of registers, memory, immediates and flags
 * in both widths, enter and leave, returns that drop arguments, calls through
 * the stack pointer, and recursion. */
    .include "guest.inc"
    .data
    .balign 8
cell:   .quad 0x1020304050607080, 0, 0

    BEGIN
    mov rax, 0x8877665544332211
    mov rbp, 0x1234
    push rax
    push rbx
    push rsp
    push r9
    push 0x12345678
    push -1
    push word ptr 0x1234
    pushw [rip + cell + 1]
    push qword ptr [rip + cell]
    push ax
    pop bx
    pop qword ptr [rip + cell + 8]
    pop cx
    popw [rip + cell + 18]
    pop rdx
    pop rsi
    pop r9
    pop rdi
    push rsp
    pop rsp
    push [rsp]
    push [rsp + 8]
    pop [rsp]
    pop [rsp + 8]
    pop rcx
    push rax
    mov rcx, rsp
    push rcx
    pop rsp
    add rsp, 8
    /* Flags, both widths; the trap flag is never set by the guest. */
    stc
    pushfq
    pop rax
    pushfw
    pop ax
    mov ecx, 0x8d5
    push rcx
    popfq
    setc al
    sets bl
    push word ptr 0x0044
    popfw
    setp al
    std
    pushfq
    cld
    popfq
    pushfq
    pop rdx
    cld
    stc
    cmc
    cmc
    clc
    mov eax, 0xd500
    sahf
    lahf
    mov eax, 0
    sahf
    lahf
    inc eax
    lahf
    /* Frames. */
    mov ebp, 0
    enter 32, 0
    mov [rbp - 8], rax
    enter 16, 1
    enter 64, 2
    enter 8, 3
    mov [rsp], rbp
    leave
    leave
    leave
    leave
    push rbp
    mov rbp, rsp
    sub rsp, 64
    leave
    /* Calls. */
    push 1
    push 2
    push 3
    call drop
    call drop_none
    lea rax, [rip + drop_none]
    push rax
    call [rsp]
    pop rax
    mov edi, 12
    call fibonacci
    mov r12, rax
    mov edi, 200
    call deep
    /* Deep into the stack and back, page by page. */
    mov ecx, 10
1:  sub rsp, 4096
    mov [rsp + rcx*8], rcx
    loop 1b
    add rsp, 40960
    EXIT 144

drop:
    mov rax, [rsp + 8]
    add rax, [rsp + 16]
    ret 24
drop_none:
    ret 0

/* rax = fibonacci(edi), the plain way. */
fibonacci:
    cmp edi, 2
    jae 1f
    mov eax, edi
    ret
1:  push rbx
    push rdi
    dec edi
    call fibonacci
    mov rbx, rax
    mov edi, [rsp]
    sub edi, 2
    call fibonacci
    add rax, rbx
    pop rdi
    pop rbx
    ret

deep:
    push rbp
    mov rbp, rsp
    test edi, edi
    jz 1f
    dec edi
    call deep
1:  pop rbp
    ret
