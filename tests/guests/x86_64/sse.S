/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stores of 4, 8 and 16 bytes from vector registers, moves to and from general
 * registers, comparisons that set flags, and x87 stores. */
    .include "guest.inc"
    .data
    .balign 64
from:   .quad 0x0123456789abcdef, 0xfedcba9876543210
        .quad 0x4008000000000000, 0xc008000000000000
single: .float 1.5, -2.25, 3.75, 1e30
mask:   .quad 0x80ff000080ff0000, 0x00ff8000000080ff
to:     .skip 256

    BEGIN
    mov ebx, 5
1:  movdqa xmm0, [rip + from]
    movdqu xmm1, [rip + from + 7]
    paddq xmm0, xmm1
    movaps [rip + to], xmm0
    movups [rip + to + 17], xmm1
    movdqu [rip + to + 33], xmm0
    movntdq [rip + to + 64], xmm1
    movntps [rip + to + 80], xmm0
    movd dword ptr [rip + to + 3], xmm0
    movq qword ptr [rip + to + 9], xmm1
    movss [rip + to + 21], xmm0
    movsd [rip + to + 40], xmm1
    movhps [rip + to + 48], xmm0
    movlps [rip + to + 56], xmm1
    movhpd [rip + to + 100], xmm0
    movlpd [rip + to + 108], xmm1
    movd eax, xmm0
    movq rcx, xmm1
    movd xmm2, ecx
    movq xmm3, rcx
    pmovmskb eax, xmm0
    movmskps edx, xmm1
    movmskpd esi, xmm0
    pextrw edi, xmm0, 3
    pextrb [rip + to + 1], xmm0, 5
    pextrw [rip + to + 5], xmm0, 6
    pextrd [rip + to + 13], xmm0, 2
    pextrq [rip + to + 23], xmm0, 1
    pextrq rax, xmm0, 1
    pextrd ecx, xmm1, 3
    extractps [rip + to + 120], xmm1, 1
    movsd xmm4, [rip + from + 16]
    movsd xmm5, [rip + from + 24]
    ucomisd xmm4, xmm5
    seta al
    comisd xmm5, xmm4
    setb al
    ucomisd xmm4, xmm4
    sete al
    movss xmm6, [rip + single]
    comiss xmm6, [rip + single + 4]
    ptest xmm0, xmm1
    setc al
    cvttsd2si rax, xmm4
    cvttsd2si ecx, xmm5
    cvtsd2si rdx, xmm4
    cvtss2si eax, xmm6
    cvtsi2sd xmm7, rbx
    addsd xmm7, xmm4
    movsd [rip + to + 128], xmm7
    cvtsi2ss xmm7, ebx
    mulss xmm7, xmm6
    movss [rip + to + 136], xmm7
    lea rdi, [rip + to + 140]
    movdqa xmm2, [rip + mask]
    maskmovdqu xmm0, xmm2
    pcmpistri xmm0, xmm1, 0
    setc al
    /* x87: 4, 8 and 10 bytes, integers of 2, 4 and 8, and control words. */
    fld dword ptr [rip + single + 4]
    fst dword ptr [rip + to + 160]
    fadd qword ptr [rip + from + 16]
    fst qword ptr [rip + to + 164]
    fld st(0)
    fstp tbyte ptr [rip + to + 172]
    fild qword ptr [rip + from]
    fistp qword ptr [rip + to + 184]
    fist word ptr [rip + to + 192]
    fistp dword ptr [rip + to + 194]
    fld1
    fldz
    fcomip st(0), st(1)
    setb al
    fstp st(0)
    fldpi
    fbstp tbyte ptr [rip + to + 200]
    fnstcw [rip + to + 212]
    fnstsw ax
    fnstsw [rip + to + 214]
    stmxcsr [rip + to + 216]
    ldmxcsr [rip + to + 216]
    fldcw [rip + to + 212]
    dec ebx
    jnz 1b
    EXIT
