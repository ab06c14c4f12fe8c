/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bit tests and scans, setcc and cmovcc under every condition, moves with
 * extension, lea, bswap and partial registers. */
    .include "guest.inc"
    .data
    .balign 8
values: VALUES
cell:   .quad 0x0123456789abcdef, 0xfedcba9876543210, 0, 0
array:  .skip 64

    BEGIN
    lea r12, [rip + values]
    mov r14d, VALUE_COUNT
outer:
    lea r13, [rip + values]
    mov r15d, VALUE_COUNT
inner:
    mov r8, [r12]
    mov r9, [r13]
    .irp op, bt, bts, btr, btc
    mov rax, r8
    \op rax, r9
    \op eax, r9d
    \op ax, r9w
    \op rax, 63
    \op rax, 5
    \op eax, 31
    \op eax, 7
    \op ax, 15
    \op qword ptr [rip + cell], 33
    \op dword ptr [rip + cell], 9
    \op word ptr [rip + cell], 3
    /* A bit offset beyond the operand addresses memory around it. */
    mov rcx, r9
    and ecx, 255
    lea rdx, [rip + array]
    \op qword ptr [rdx], rcx
    \op dword ptr [rdx], ecx
    \op word ptr [rdx], cx
    lea rdx, [rip + array + 48]
    neg rcx
    \op qword ptr [rdx], rcx
    \op dword ptr [rdx], ecx
    .endr
    /* Conditions: from a comparison, then each setcc and cmovcc. */
    cmp r8, r9
    .irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
    set\cc al
    set\cc byte ptr [rip + array + 9]
    cmov\cc rbx, r8
    cmov\cc ecx, r9d
    cmov\cc dx, r8w
    cmov\cc rbx, [r13]
    cmov\cc edx, [r12]
    set\cc ah
    .endr
    add r8b, r9b
    .irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
    set\cc dil
    cmov\cc esi, r9d
    .endr
    add r13, 8
    dec r15d
    jnz inner
    mov rax, r8
    .irp op, bsf, bsr, tzcnt, lzcnt, popcnt
    \op rax, r8
    \op eax, r8d
    \op ax, r8w
    \op rbx, [r12]
    \op ebx, [r12 + 4]
    \op bx, [r12 + 6]
    .endr
    mov rax, r8
    bswap rax
    bswap eax
    bswap r8
    bswap r8d
    mov r8, [r12]
    movzx eax, r8b
    movzx ax, r8b
    movzx rax, r8w
    movzx eax, ah
    movzx eax, word ptr [r12]
    movzx rax, byte ptr [r12 + 1]
    movsx eax, r8b
    movsx ax, r8b
    movsx rax, r8b
    movsx rax, r8w
    movsx eax, word ptr [r12]
    movsx rbx, byte ptr [r12]
    movsxd rax, r8d
    movsxd rbx, dword ptr [r12 + 4]
    mov rbx, r8
    movzx eax, bh
    movsx ecx, bh
    mov rax, -1
    mov al, bh
    mov ah, bl
    mov ch, ah
    mov ax, bx
    mov eax, ebx
    mov eax, eax
    xchg al, ah
    xchg bx, ax
    xchg ebx, eax
    xchg rbx, rax
    xchg [rip + cell + 16], rax
    mov dil, bl
    mov spl, spl
    mov r10b, dil
    mov r10w, bx
    lea rax, [rbx + r8*8 - 5]
    lea eax, [rbx + r8*4 + 0x12345678]
    lea ax, [rbx + rbx]
    lea rax, [rip + cell]
    lea eax, [ebx + r8d*2]
    lea rax, [r8*8]
    lea rax, [rbx]
    mov dword ptr [rip + cell], 0x80000001
    mov qword ptr [rip + cell], -7
    mov word ptr [rip + cell + 2], 0x1234
    mov byte ptr [rip + cell + 1], 0xee
    movabs rax, 0x1122334455667788
    movabs [cell + 8], rax
    movabs al, [cell + 9]
    mov [rip + cell + 5], ah
    mov [rip + cell + 11], bx
    lea rbx, [rip + cell]
    mov al, 3
    xlat
    movbe rax, [r12]
    movbe ecx, [r12 + 1]
    movbe dx, [r12 + 3]
    movbe [rip + cell], r8
    movbe [rip + cell + 1], r8d
    movbe [rip + cell + 3], r8w
    movnti [rip + cell + 8], r8
    movnti [rip + cell + 4], r8d
    crc32 rax, r8
    crc32 eax, r8d
    crc32 eax, r8w
    crc32 eax, r8b
    crc32 eax, byte ptr [r12]
    nop
    nop word ptr [rax + rax]
    pause
    add r12, 8
    dec r14d
    jnz outer
    EXIT
