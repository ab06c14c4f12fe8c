/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Branches of each kind: every condition taken and not, cbz, cbnz, tbz, tbnz,
 * a loop that jumps to itself, indirect jumps and calls, a switch table. */
    .include "guest.inc"
    .data
    .balign 8
values: VALUES
table:  .quad case0, case1, case2, case3

    BEGIN
    mov x19, #0
    ldr x20, =values
    mov x22, VALUE_COUNT
outer:
    ldr x21, =values
    mov x23, VALUE_COUNT
inner:
    ldr x0, [x20]
    ldr x1, [x21]
    .irp cc, eq, ne, hs, lo, mi, pl, vs, vc, hi, ls, ge, lt, gt, le, al
    cmp x0, x1
    b.\cc 1f
    add x19, x19, #1
1:  subs w2, w0, w1
    b.\cc far_\cc
    add x19, x19, #2
back_\cc:
    .endr
    cbz x0, 1f
    add x19, x19, #1
1:  cbnz w0, 1f
    add x19, x19, #1
1:  cbz w1, 1f
    add x19, x19, #1
1:  cbnz x1, 1f
    add x19, x19, #1
1:
    .irp bit, 0, 7, 31, 32, 63
    tbz x0, #\bit, 1f
    add x19, x19, #1
1:  tbnz x1, #\bit, 1f
    add x19, x19, #1
1:
    .endr
    add x21, x21, #8
    sub x23, x23, #1
    cbnz x23, inner
    add x20, x20, #8
    sub x22, x22, #1
    cbnz x22, outer

    mov x1, #500
1:  subs x1, x1, #1
    b.ne 1b
    mov x1, #77
1:  sub x1, x1, #1
    cbnz x1, 1b

    mov x3, #40
switch:
    and x2, x3, #3
    ldr x4, =table
    ldr x5, [x4, x2, lsl #3]
    br x5
case0:
    add x19, x19, #1
case1:
    add x19, x19, #3
    b after
case2:
    ldr x5, [x4, #8]
    br x5
case3:
    eor x19, x19, #0xff
after:
    subs x3, x3, #1
    b.ne switch

    bl routine
    ldr x6, =routine
    blr x6
    adr x30, 1f
    ret
    udf #0
1:  adr x7, 1f
    ret x7
    udf #0
1:  mov w0, #15
    bl fibonacci
    mov w0, #100
    bl deep
    b done
    .irp cc, eq, ne, hs, lo, mi, pl, vs, vc, hi, ls, ge, lt, gt, le, al
far_\cc:
    b back_\cc
    .endr
routine:
    add x19, x19, #5
    ret

fibonacci:
    cmp w0, #2
    b.hs 1f
    ret
1:  stp x29, x30, [sp, #-32]!
    mov x29, sp
    stp x19, x20, [sp, #16]
    sub w19, w0, #1
    sub w0, w0, #2
    bl fibonacci
    mov w20, w0
    mov w0, w19
    bl fibonacci
    add w0, w0, w20
    ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp], #32
    ret

deep:
    stp x29, x30, [sp, #-16]!
    cbz w0, 1f
    sub w0, w0, #1
    bl deep
1:  ldp x29, x30, [sp], #16
    ret
    .balign 4096
    .skip 4096 - 8
done:
    mov x1, #20
2:  subs x1, x1, #1
    b.ne 2b
    EXIT 7
