/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AVX, AVX2, FMA and F16C: three operands, 32 bytes, and upper halves that become
 * zero. */
    .include "guest.inc"
    .include "vector.inc"
    .data
    .balign 64
values: VECTORS
        VECTORS
    .balign 32
to:     .skip 64

    .macro BOTH op
    \op xmm2, xmm0, xmm1
    \op ymm3, ymm0, ymm1
    .endm
    .macro ONE op
    \op xmm2, xmm1
    \op ymm3, ymm1
    .endm
    .macro IMM op, imm
    \op xmm2, xmm0, xmm1, \imm
    \op ymm3, ymm0, ymm1, \imm
    .endm

    BEGIN
    xor ebx, ebx
1:  lea rsi, [rip + values]
    mov eax, ebx
    shl eax, 4
    vmovdqu ymm0, [rsi + rax]
    .irp step, 1, 6
    lea eax, [rbx + \step]
    xor edx, edx
    mov ecx, VECTOR_COUNT
    div ecx
    shl edx, 4
    vmovdqu ymm1, [rsi + rdx]
    .irp op, vpaddb, vpaddw, vpaddd, vpaddq, vpaddsb, vpaddusw, vpsubb, vpsubw, vpsubd, vpsubq, vpand, vpandn, vpor, vpxor, vpcmpeqb, vpcmpeqd, vpcmpgtw, vpcmpgtq, vpmullw, vpmuludq, vpmulld, vpmaddwd, vpsadbw, vpavgb
    BOTH \op
    .endr
    .irp op, vpmaxub, vpmaxsd, vpminuw, vpminsb, vpacksswb, vpackusdw, vpunpcklbw, vpunpckhqdq, vpshufb, vphaddd, vpmaddubsw, vpsignw, vpsllvd, vpsrlvq, vpsravd, vandps, vxorpd, vunpcklps
    BOTH \op
    .endr
    .irp op, vaddps, vsubpd, vmulps, vdivpd, vminps, vmaxpd, vhaddps, vaddsubpd, vfmadd213ps, vfmadd231pd, vfnmsub132ps, vfmaddsub213pd, vpermilps
    BOTH \op
    .endr
    .irp op, vpabsb, vpabsd, vmovdqa, vmovups, vmovddup, vmovsldup, vsqrtps, vcvtdq2ps, vcvtps2dq, vcvttps2dq
    ONE \op
    .endr
    .irp imm, 0, 1, 0x1b
    IMM vshufps, \imm
    IMM vpalignr, \imm
    IMM vpblendw, \imm
    IMM vpblendd, \imm
    IMM vblendpd, (\imm & 15)
    IMM vmpsadbw, \imm
    IMM vcmpps, \imm
    vpshufd ymm4, ymm1, \imm
    vpslldq ymm4, ymm1, (\imm & 15)
    vpsrld xmm4, xmm1, (\imm & 15)
    vpsllq ymm4, ymm1, (\imm & 15)
    vroundps ymm4, ymm1, (\imm & 3)
    vpermq ymm5, ymm1, \imm
    vperm2i128 ymm5, ymm0, ymm1, \imm
    vinserti128 ymm5, ymm0, xmm1, (\imm & 1)
    vextracti128 xmm5, ymm1, (\imm & 1)
    vextractf128 [rip + to], ymm1, (\imm & 1)
    vpinsrd xmm6, xmm0, ebx, (\imm & 3)
    .endr
    vpermd ymm7, ymm0, ymm1
    vpermps ymm7, ymm1, ymm0
    vpmovsxbw ymm7, xmm1
    vpmovzxwd ymm7, xmm1
    vcvtps2pd ymm7, xmm1
    vcvtpd2ps xmm7, ymm1
    vcvtdq2pd ymm7, xmm1
    vcvttpd2dq xmm7, ymm1
    vcvtph2ps ymm7, xmm1
    vcvtps2ph xmm7, ymm1, 0
    vaddss xmm8, xmm0, xmm1
    vmulsd xmm8, xmm0, xmm1
    vsqrtsd xmm8, xmm0, xmm1
    vcvtsi2sd xmm8, xmm0, rsi
    vfmadd231sd xmm8, xmm0, xmm1
    vmovss xmm9, [rsi + 4]
    vmovsd xmm9, [rsi + 8]
    vmovsd xmm9, xmm0, xmm1
    vmovq xmm9, rsi
    vmovd xmm9, ebx
    vmovhps xmm9, xmm0, [rsi + 24]
    vbroadcastss ymm10, [rsi + 4]
    vbroadcastsd ymm10, xmm1
    vbroadcastf128 ymm10, [rsi + 16]
    vpbroadcastb ymm10, xmm1
    vpbroadcastw xmm10, xmm1
    vpcmpeqd ymm11, ymm11, ymm11
    vpblendvb ymm12, ymm0, ymm1, ymm2
    vblendvps xmm12, xmm0, xmm1, xmm2
    vptest ymm0, ymm1
    vtestps xmm0, xmm1
    vpmovmskb eax, ymm1
    vmovmskpd eax, ymm1
    vmaskmovps ymm13, ymm1, [rsi]
    vpmaskmovd [rip + to], ymm1, ymm0
    vpmaskmovq xmm13, xmm1, [rsi + 16]
    vpxor xmm14, xmm14, xmm14
    vpcmpeqd ymm15, ymm15, ymm15
    vpgatherdd ymm13, [rsi + 4 * ymm14], ymm15
    vpcmpeqd xmm15, xmm15, xmm15
    vgatherdpd xmm13, [rsi + 8 * xmm14], xmm15
    vmovdqa [rip + to], ymm3
    vmovntdq [rip + to], ymm3
    paddd xmm3, xmm1
    addsd xmm5, xmm1
    vaesenc xmm6, xmm0, xmm1
    vpclmulqdq xmm6, xmm0, xmm1, 0x10
    vmovdqu ymm13, ymm1
    vzeroupper
    vmovdqu ymm12, [rsi + 32]
    vmovdqu ymm0, [rsi + rdx]
    .endr
    vzeroall
    inc ebx
    cmp ebx, VECTOR_COUNT
    jb 1b
    EXIT
