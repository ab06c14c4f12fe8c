/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Executes a body of six instructions as often as the first argument says, in decimal. */
    .section .note.GNU-stack, "", @progbits
    .bss
    .balign 8
cell:   .skip 8

    .text
    .globl _start
_start:
    ldr x5, [sp]
    ldr x6, [sp, #16]
    mov x2, #0
    mov x7, #10
    cmp x5, #2
    b.ne end
digit:
    ldrb w0, [x6], #1
    subs w0, w0, #'0'
    b.lo counted
    madd x2, x2, x7, x0
    b digit
counted:
    cbz x2, end
    ldr x1, =cell
body:
    add x0, x0, x2
    str x0, [x1]
    eor x3, x0, x2, lsl #3
    ldr x4, [x1]
    subs x2, x2, #1
    b.ne body
end:
    mov x0, #0
    mov x8, #94
    svc #0
