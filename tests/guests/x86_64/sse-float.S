/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floating-point instructions of SSE to SSE4.1, and what they raise in MXCSR. */
    .include "guest.inc"
    .include "vector.inc"
    .data
    .balign 64
values: VECTORS
modes:  .long 0x1f80, 0x3f80, 0x5fbf, 0x7f80, 0x9fc0
state:  .long 0

    .macro BOTH op
    movdqa xmm2, xmm0
    \op xmm2, xmm1
    .endm
    .macro IMM op, imm
    movdqa xmm2, xmm0
    \op xmm2, xmm1, \imm
    .endm
    .macro FORM form
    BOTH add\form
    BOTH sub\form
    BOTH mul\form
    BOTH div\form
    BOTH min\form
    BOTH max\form
    BOTH sqrt\form
    .irp imm, 0, 1, 2, 3, 4, 5, 6, 7
    IMM cmp\form, \imm
    .endr
    .irp imm, 0, 1, 2, 3, 4, 12
    IMM round\form, \imm
    .endr
    stmxcsr [rip + state]
    .endm

    BEGIN
    xor ebx, ebx
1:  lea rsi, [rip + values]
    mov eax, ebx
    shl eax, 4
    movdqa xmm0, [rsi + rax]
    .irp step, 0, 1, 4
    lea eax, [rbx + \step]
    xor edx, edx
    mov ecx, VECTOR_COUNT
    div ecx
    shl edx, 4
    movdqu xmm1, [rsi + rdx]
    mov eax, ebx
    xor edx, edx
    mov ecx, 5
    div ecx
    lea rdi, [rip + modes]
    ldmxcsr [rdi + 4 * rdx]
    FORM ps
    FORM pd
    FORM ss
    FORM sd
    ldmxcsr [rdi]
    .irp op, haddps, haddpd, hsubps, hsubpd, addsubps, addsubpd, cvtps2pd, cvtpd2ps, cvtdq2ps, cvtdq2pd, cvtps2dq, cvtpd2dq, cvttps2dq, cvttpd2dq, cvtss2sd, cvtsd2ss
    BOTH \op
    .endr
    IMM dpps, 0xf1
    IMM dppd, 0x31
    ldmxcsr [rdi + 4]
    .irp op, comiss, comisd, ucomiss, ucomisd
    \op xmm0, xmm1
    .endr
    .irp op, cvtss2si, cvtsd2si, cvttss2si, cvttsd2si
    \op eax, xmm1
    \op rax, xmm0
    .endr
    cvtsi2ss xmm3, ebx
    cvtsi2sd xmm3, ebx
    cvtsi2ss xmm3, rsi
    cvtsi2sd xmm3, qword ptr [rsi]
    movmskps eax, xmm2
    movmskpd eax, xmm2
    stmxcsr [rip + state]
    .endr
    inc ebx
    cmp ebx, VECTOR_COUNT
    jb 1b
    EXIT
