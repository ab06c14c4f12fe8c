/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that changes itself, made visible as the architecture wants it: an immediate
 * in each round, and a page that is by turns writable and executable. */
    .include "guest.inc"
    .set PAGE, 4096
    .set READ_WRITE, 3
    .set READ_EXECUTE, 5

    /* Makes what was written at \at visible to instruction fetches. */
    .macro VISIBLE at
    dc cvau, \at
    dsb ish
    ic ivau, \at
    dsb ish
    isb
    .endm

    .macro PROTECT prot
    ldr x0, =place
    mov x1, #PAGE
    mov x2, #\prot
    KERNEL #226
    .endm

    BEGIN
    mov x19, #20
    mov x20, #0
    ldr w21, =0x52800000        /* movz w0, #0 */
    ldr w22, =0xd65f03c0        /* ret */
again:
    /* Another block's immediate. */
    ldr x9, =patched
    orr w10, w21, w19, lsl #5
    str w10, [x9]
    VISIBLE x9
    bl patched
    add x20, x20, x0
    /* A routine of its own, elsewhere in the page each time. */
    PROTECT READ_WRITE
    ldr x9, =place
    mov w10, #148
    umull x10, w10, w19
    bic x10, x10, #3
    add x23, x9, x10
    add w11, w19, #500
    orr w11, w21, w11, lsl #5
    stp w11, w22, [x23]
    VISIBLE x23
    PROTECT READ_EXECUTE
    blr x23
    add x20, x20, x0
    blr x23
    add x20, x20, x0
    subs x19, x19, #1
    b.ne again
    ldr x9, =sum
    str x20, [x9]
    EXIT
    .ltorg

    .section .code, "awx", %progbits
    .balign 4096
patched:
    movz w0, #0
    ret
    .balign 4096
place:
    .skip 4096, 0
sum:
    .skip 4096
