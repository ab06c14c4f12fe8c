/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State images, which lazy binding uses: fxsave, xsave and their likes, and
 * cpuid and rdtsc, whose results differ from machine to machine.  Everything
 * they leave behind is read again. */
    .include "guest.inc"
    .bss
    .balign 64
image:  .skip 4096

    .macro SUM bytes
    lea rsi, [rip + image]
    mov ecx, \bytes / 8
    xor ebx, ebx
1:  add rbx, [rsi]
    add rsi, 8
    dec ecx
    jnz 1b
    .endm

    BEGIN
    mov eax, 0x1234567
    movd xmm0, eax
    movd xmm9, esp
    fld1
    fxsave [rip + image]
    SUM 512
    fxrstor [rip + image]
    fxsave64 [rip + image + 2048]
    SUM 4096
    mov eax, 7
    xor edx, edx
    xsave [rip + image]
    SUM 2048
    mov eax, 7
    xor edx, edx
    xrstor [rip + image]
    mov eax, 1
    cpuid
    mov eax, 7
    xor ecx, ecx
    cpuid
    rdtsc
    xor ecx, ecx
    xgetbv
    EXIT
