/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The integer instructions of SSE2 to SSE4.2, AES, carry-less products. */
    .include "guest.inc"
    .include "vector.inc"
    .data
    .balign 64
values: VECTORS
to:     .skip 64

    .macro BOTH op
    movdqa xmm2, xmm0
    \op xmm2, xmm1
    .endm
    .macro IMM op, imm
    movdqa xmm2, xmm0
    \op xmm2, xmm1, \imm
    .endm

    BEGIN
    xor ebx, ebx
1:  lea rsi, [rip + values]
    mov eax, ebx
    shl eax, 4
    movdqa xmm0, [rsi + rax]
    movdqa xmm1, [rsi]
    .irp step, 1, 5
    lea eax, [rbx + \step]
    xor edx, edx
    mov ecx, VECTOR_COUNT
    div ecx
    shl edx, 4
    movdqu xmm1, [rsi + rdx]
    .irp op, paddb, paddw, paddd, paddq, paddsb, paddsw, paddusb, paddusw, psubb, psubw, psubd, psubq, psubsb, psubsw, psubusb, psubusw, pand, pandn, por, pxor, andps, andnps, orpd, xorps
    BOTH \op
    .endr
    .irp op, pcmpeqb, pcmpeqw, pcmpeqd, pcmpeqq, pcmpgtb, pcmpgtw, pcmpgtd, pcmpgtq, pmullw, pmulhw, pmulhuw, pmuludq, pmuldq, pmulld, pmaddwd, psadbw, pavgb, pavgw
    BOTH \op
    .endr
    .irp op, pmaxub, pmaxsw, pminub, pminsw, pmaxsb, pmaxuw, pmaxsd, pmaxud, pminsb, pminuw, pminsd, pminud, packsswb, packssdw, packuswb, packusdw
    BOTH \op
    .endr
    .irp op, punpcklbw, punpcklwd, punpckldq, punpcklqdq, punpckhbw, punpckhwd, punpckhdq, punpckhqdq, unpcklps, unpckhps, unpcklpd, unpckhpd
    BOTH \op
    .endr
    .irp op, psllw, pslld, psllq, psrlw, psrld, psrlq, psraw, psrad
    BOTH \op
    .endr
    .irp op, pshufb, phaddw, phaddd, phaddsw, phsubw, phsubd, phsubsw, pmaddubsw, pmulhrsw, psignb, psignw, psignd, pabsb, pabsw, pabsd
    BOTH \op
    .endr
    .irp op, pmovsxbw, pmovsxbd, pmovsxbq, pmovsxwd, pmovsxwq, pmovsxdq, pmovzxbw, pmovzxbd, pmovzxbq, pmovzxwd, pmovzxwq, pmovzxdq, phminposuw
    BOTH \op
    .endr
    .irp op, aesenc, aesenclast, aesdec, aesdeclast, aesimc, movdqa, movaps, movups, movq, movss, movsd, movhlps, movlhps, movddup, movsldup, movshdup
    BOTH \op
    .endr
    .irp imm, 0, 1, 0x1b, 0xe4
    IMM pshufd, \imm
    IMM pshuflw, \imm
    IMM pshufhw, \imm
    IMM shufps, \imm
    IMM shufpd, \imm
    IMM palignr, \imm
    IMM pblendw, \imm
    IMM blendps, \imm
    IMM blendpd, \imm
    IMM mpsadbw, \imm
    IMM insertps, \imm
    IMM pclmulqdq, (\imm & 0x11)
    IMM aeskeygenassist, \imm
    IMM pcmpistri, \imm
    IMM pcmpistrm, \imm
    movdqa xmm0, [rsi + 16]
    mov eax, 7
    mov edx, 12
    IMM pcmpestri, \imm
    IMM pcmpestrm, \imm
    movdqa xmm0, [rsi + 32]
    movdqa xmm2, xmm1
    pslldq xmm2, (\imm & 15)
    psrldq xmm2, (\imm & 7)
    psllw xmm2, (\imm & 15)
    pslld xmm2, (\imm & 15)
    psllq xmm2, (\imm & 31)
    psrlw xmm2, (\imm & 3)
    psrld xmm2, (\imm & 3)
    psrlq xmm2, (\imm & 3)
    psraw xmm2, (\imm & 3)
    psrad xmm2, (\imm & 3)
    pinsrb xmm2, ebx, (\imm & 15)
    pinsrw xmm2, ebx, (\imm & 7)
    pinsrd xmm2, ebx, (\imm & 3)
    pinsrq xmm2, rsi, (\imm & 1)
    pextrw eax, xmm2, (\imm & 7)
    .endr
    movdqa xmm3, xmm1
    pblendvb xmm3, xmm2
    blendvps xmm3, xmm2
    blendvpd xmm3, xmm1
    pcmpeqd xmm9, xmm9
    pxor xmm10, xmm10
    movaps xmm10, xmm10
    pand xmm10, xmm10
    movq xmm10, xmm10
    mov rax, rax
    mov eax, eax
    add rax, 0
    lea rax, [rax]
    movd xmm11, ebx
    movq xmm12, rsi
    movd eax, xmm1
    movq rax, xmm1
    movss xmm13, [rsi + 4]
    movsd xmm14, [rsi + 8]
    movlps xmm13, [rsi + 16]
    movhps xmm14, [rsi + 24]
    movlpd xmm13, [rsi + 32]
    movhpd xmm14, [rsi + 40]
    movlps [rip + to], xmm13
    lddqu xmm15, [rsi + 3]
    movntdqa xmm15, [rsi + 16]
    lea rdi, [rip + to]
    maskmovdqu xmm0, xmm1
    ptest xmm0, xmm1
    .endr
    inc ebx
    cmp ebx, VECTOR_COUNT
    jb 1b
    EXIT
