/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87 stack, its control, status and tag words; and MMX in the same registers. */
    .include "guest.inc"
    .data
    .balign 64
values: .double 1.5, -2.25, 3.0, 1.0e100, -1.0e-100, 0.1, 7.0, 2.0
huge:   .double 1.0e300
single: .float 0.75, -3.5
words:  .word 300, -7
long:   .long 100000, -12345
quad:   .quad 0x123456789abcdef0, -99
packed: .byte 0x12, 0x34, 0x56, 0x78, 0x90, 0, 0, 0, 0, 0x80
big:    .byte 1, 2, 3, 4, 5, 6, 7, 0x88, 0xff, 0x3f
modes:  .word 0x037f, 0x027f, 0x077f, 0x0b7f, 0x0f7f, 0x007f
state:  .skip 128
to:     .skip 512

    BEGIN
    xor ebx, ebx
1:  fninit
    lea rsi, [rip + values]
    lea rdi, [rip + modes]
    mov eax, ebx
    xor edx, edx
    mov ecx, 6
    div ecx
    fldcw [rdi + 2 * rdx]
    fnstcw [rip + to]
    mov eax, ebx
    and eax, 7
    fld qword ptr [rsi + 8 * rax]
    lea eax, [rbx + 3]
    and eax, 7
    fld qword ptr [rsi + 8 * rax]
    fld dword ptr [rip + single]
    fild word ptr [rip + words]
    fild dword ptr [rip + long + 4]
    fild qword ptr [rip + quad]
    fld tbyte ptr [rip + big]
    fxch st(3)
    fadd st, st(1)
    fsub st, st(2)
    fsubr st, st(3)
    fmul st, st(4)
    fdiv st, st(5)
    fdivr st, st(6)
    fadd st(1), st
    fmul st(2), st
    fsub st(3), st
    fdiv st(4), st
    fadd qword ptr [rsi]
    fmul dword ptr [rip + single + 4]
    fiadd word ptr [rip + words + 2]
    fidiv dword ptr [rip + long]
    fchs
    fabs
    fcom st(1)
    fnstsw ax
    fucom st(2)
    fcomi st, st(3)
    fucomi st, st(4)
    fcmovb st, st(1)
    fcmove st, st(2)
    fcmovnbe st, st(3)
    ftst
    fxam
    fnstsw ax
    faddp st(1), st
    fmulp st(1), st
    frndint
    fld st(1)
    fprem
    fstp st(0)
    fsqrt
    fst qword ptr [rip + to]
    fst dword ptr [rip + to + 8]
    fistp dword ptr [rip + to + 16]
    fstp tbyte ptr [rip + to + 16]
    fnstenv [rip + state]
    fldenv [rip + state]
    fld1
    fldz
    fldpi
    fdecstp
    fincstp
    ffree st(1)
    fnclex
    fstp st(0)
    fninit
    fld1
    fldl2e
    fldln2
    fnsave [rip + state]
    frstor [rip + state]
    fisttp qword ptr [rip + to]
    fbld [rip + packed]
    fbstp [rip + to]
    fcompp
    fninit
    fld1
    fxsave64 [rip + area]
    fninit
    fxrstor64 [rip + area]
    fstp st(0)
    /* Writes of what is there already, and functions. */
    fninit
    fld1
    fst st(0)
    fstp st(0)
    fld1
    fld1
    fxch st(1)
    fst st(1)
    fmul st, st(1)
    fmul st(1), st
    fmulp st(1), st
    fabs
    fld qword ptr [rsi + 8]
    fild word ptr [rsi + 256 + 64]
    fadd qword ptr [rsi + 16]
    fcomp qword ptr [rsi + 8]
    fstp qword ptr [rdi + 256]
    fldcw [rdi]
    fstp st(0)
    ffree st(5)
    fldz
    fldz
    fadd st, st(1)
    faddp st(1), st
    fsin
    fptan
    fstp st(0)
    fsincos
    fstp st(0)
    fsqrt
    f2xm1
    fld1
    fxch st(1)
    fscale
    fstp st(1)
    fld qword ptr [rip + huge]
    fsin
    fcos
    fptan
    fsincos
    fcomp st(1)
    fld1
    fyl2x
    fld1
    fxtract
    fpatan
    fld1
    fprem1
    fucompp
    fldz
    fnclex
    fnclex
    fcom st(0)
    fcom st(0)
    fmul qword ptr [rip + values + 16]
    fnstcw [rip + to]
    fwait
    /* MMX */
    movq mm0, [rsi]
    movq mm1, [rsi + 8]
    movd mm2, ebx
    .irp op, paddb, paddw, paddd, psubb, pand, por, pxor, pcmpeqb, pmullw, punpcklbw, packsswb, psllw, psadbw, pshufb, pmuludq
    movq mm3, mm0
    \op mm3, mm1
    .endr
    pshufw mm4, mm1, 0x1b
    pinsrw mm4, ebx, 2
    movq2dq xmm0, mm1
    movdq2q mm5, xmm0
    cvtpi2ps xmm1, mm2
    cvttpd2pi mm6, xmm0
    movq mm3, mm3
    pand mm3, mm3
    movd eax, mm3
    psrlw mm0, 0
    movq [rip + to], mm3
    emms
    inc ebx
    cmp ebx, 16
    jb 1b
    EXIT
    .bss
    .balign 64
area:   .skip 512
