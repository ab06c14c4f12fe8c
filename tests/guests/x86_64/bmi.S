/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BMI1, BMI2 and ADX.  The driver skips it where the processor, or the
 * emulated one, lacks them. */
    .include "guest.inc"
    .data
    .balign 8
values: VALUES

    BEGIN
    lea r12, [rip + values]
    mov r14d, VALUE_COUNT
outer:
    lea r13, [rip + values]
    mov r15d, VALUE_COUNT
inner:
    mov r8, [r12]
    mov r9, [r13]
    andn rax, r8, r9
    andn eax, r8d, r9d
    andn rax, r8, [r13]
    mov rbx, r9
    and ebx, 0x3f3f
    bextr rax, r8, rbx
    bextr eax, r8d, ebx
    bextr rax, r8, r9
    bextr rax, [r12], rbx
    bzhi rax, r8, rbx
    bzhi eax, r8d, ebx
    bzhi rax, r8, r9
    bzhi ecx, [r12], r9d
    pdep rax, r8, r9
    pdep eax, r8d, r9d
    pdep rcx, r8, [r13]
    pext rax, r8, r9
    pext eax, r8d, r9d
    pext rcx, r8, [r13]
    mov rdx, r8
    mulx rax, rbx, r9
    mulx eax, ebx, r9d
    mulx rcx, rax, [r13]
    mulx rax, rax, r9
    shlx rax, r8, r9
    shlx eax, r8d, r9d
    shrx rax, r8, r9
    shrx eax, r8d, r9d
    sarx rax, r8, r9
    sarx eax, r8d, r9d
    sarx rax, [r12], r9
    rorx rax, r8, 13
    rorx eax, r8d, 7
    rorx rcx, [r12], 63
    cmp r8, r9
    adcx rax, r8
    adox rbx, r8
    adcx rcx, r9
    adox rdx, r9
    adcx eax, ebx
    adox ecx, edx
    adc rax, rbx
    seto sil
    adox rax, [r13]
    adcx rbx, [r12]
    setc sil
    sbb rdi, rdi
    cmp r8, r9
    adox rax, r8
    adox rax, r9
    pushfq
    pop rax
    inc rbx
    adcx rcx, rbx
    add r13, 8
    dec r15d
    jnz inner
    blsi rax, r8
    setc al
    blsi eax, r8d
    blsmsk rax, r8
    setc al
    blsmsk eax, r8d
    blsr rax, r8
    setc al
    blsr eax, r8d
    blsr rax, [r12]
    sete al
    add r12, 8
    dec r14d
    jnz outer
    EXIT
