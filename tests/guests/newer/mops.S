/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory copy and set instructions (FEAT_MOPS), which are newer than the oracle's
 * QEMU: the events must explain the registers all the same. */
    .include "guest.inc"
    .arch armv8.8-a+mops
    .bss
    .balign 16
from:   .skip 300
to:     .skip 300

    BEGIN
    ldr x0, =from
    mov x1, #300
    mov x2, #0x5a
    setp [x0]!, x1!, x2
    setm [x0]!, x1!, x2
    sete [x0]!, x1!, x2
    ldr x0, =to
    ldr x1, =from
    mov x2, #300
    cpyfp [x0]!, [x1]!, x2!
    cpyfm [x0]!, [x1]!, x2!
    cpyfe [x0]!, [x1]!, x2!
    ldr x0, =to + 8
    ldr x1, =to
    mov x2, #100
    cpyp [x0]!, [x1]!, x2!
    cpym [x0]!, [x1]!, x2!
    cpye [x0]!, [x1]!, x2!
    mrs x3, nzcv
    EXIT 0
