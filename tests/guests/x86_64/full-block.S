/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions whose helpers set flags, as the last of a block that ends for its
 * length: 512 instructions are QEMU's limit. */
    .include "guest.inc"

    .macro FULL before, insn:vararg
    jmp 1f
1:  .rept \before
    mov ecx, ebx
    .endr
    add eax, esi
    \insn
    mov edx, ebx
    jnc 1f
    inc rdi
1:
    .endm

    BEGIN
    mov ebx, 5
    mov esi, 0x7fffffff
    movss xmm4, [rip + values]
    movss xmm5, [rip + values + 4]
    fld1
    fldz
    .irp before, 507, 508, 509, 510, 511
    FULL \before, comiss xmm4, xmm5
    FULL \before, ucomisd xmm5, xmm4
    FULL \before, ptest xmm4, xmm5
    FULL \before, pcmpistri xmm4, xmm5, 8
    FULL \before, fcomi st, st(1)
    .endr
    EXIT

    .section .rodata
values:
    .long 0x3f800000, 0x40000000
