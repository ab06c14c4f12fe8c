/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Branches of each kind: every jcc taken and not, counted loops (one that
 * jumps to itself), register counts, indirect jumps and calls through
 * registers and memory, a switch table, and blocks across a page boundary. */
    .include "guest.inc"
    .data
    .balign 8
values: VALUES
table:  .quad case0, case1, case2, case3
target: .quad routine
jump:   .quad landed

    BEGIN
    lea r12, [rip + values]
    mov r14d, VALUE_COUNT
outer:
    lea r13, [rip + values]
    mov r15d, VALUE_COUNT
inner:
    mov r8, [r12]
    mov r9, [r13]
    xor ebx, ebx
    .irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
    cmp r8, r9
    j\cc 1f
    inc ebx
1:  cmp r8w, r9w
    .byte 0x3e
    j\cc 1f
    inc ebx
1:  sub r8b, 3
    j\cc far_\cc
    inc ebx
far_\cc\()_back:
    test r9d, r9d
    j\cc 1f
    lea ebx, [ebx + 2]
1:
    .endr
    mov r8, [r12]
    mov ecx, r8d
    jrcxz 1f
    inc ebx
1:  jecxz 1f
    inc ebx
1:  add r13, 8
    dec r15d
    jnz inner
    add r12, 8
    dec r14d
    jnz outer

    /* Loops that jump to themselves: each pass is an instruction of its own. */
    mov ecx, 100
1:  loop 1b
    mov ecx, 37
    cmp ecx, 36
1:  loopne 1b
    mov ecx, 5
    cmp ecx, ecx
1:  loope 1b
    mov ecx, 1000
1:  dec ecx
    jnz 1b
    mov ecx, 9
    addr32 loop .
    mov ecx, 3
    jmp 2f
1:  dec ecx
2:  test ecx, ecx
    jne 1b

    /* A switch. */
    mov r15d, 40
switch:
    mov eax, r15d
    and eax, 3
    lea rdx, [rip + table]
    jmp [rdx + rax*8]
case0:
    inc rbx
case1:
    add rbx, 3
    jmp after
case2:
    shl rbx, 1
    mov rax, [rdx + 8]
    jmp rax
case3:
    xor rbx, 0x55
after:
    dec r15d
    jnz switch

    lea rax, [rip + routine]
    call rax
    call [rip + target]
    call routine
    lea r11, [rip + target]
    call [r11]
    jmp [rip + jump]
    ud2
landed:
    push rbp
    lea rax, [rip + 1f]
    push rax
    ret
    ud2
1:  pop rbp
    call 1f
1:  pop rax
    jmp edge
    .irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
far_\cc:
    jmp far_\cc\()_back
    .endr

routine:
    inc rbx
    repz ret

    /* An instruction, and a block, across a page boundary. */
    .p2align 12
    .skip 4096 - 3, 0x90
edge_insn:
    movabs rax, 0x1122334455667788
    inc rax
    jmp done
    .p2align 12
    .skip 4096 - 7, 0x90
edge:
    mov ecx, 50
2:  inc rax
    add rax, rcx
    dec ecx
    jnz 2b
    jmp edge_insn
done:
    EXIT 7
