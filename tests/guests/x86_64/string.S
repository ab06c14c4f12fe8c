/* SPDX-License-Identifier: GPL-2.0-or-later */
/* String instructions of every kind and width, plain and repeated: counts of
 * zero, one and more than 65535, early ends, overlaps, both directions, and
 * 32-bit addresses. */
    .include "guest.inc"
    .data
    .balign 16
text1:  .ascii "the quick brown fox jumps over the lazy dog, the quick brown fox"
text2:  .ascii "the quick brown fox jumps over the lazy cat, the quick brown fox"
    .bss
    .balign 64
buffer: .skip 4096
big:    .skip 70016

    .macro POINT count
    lea rsi, [rip + text1]
    lea rdi, [rip + buffer]
    mov ecx, \count
    .endm

    BEGIN
    mov rax, 0x1122334455667788
    .irp dir, cld, std
    \dir
    lea rsi, [rip + text1 + 32]
    lea rdi, [rip + buffer + 2048]
    movsb
    movsw
    movsd
    movsq
    stosb
    stosw
    stosd
    stosq
    lodsb
    lodsw
    lodsd
    lodsq
    scasb
    scasw
    scasd
    scasq
    lea rdi, [rip + text2 + 32]
    lea rsi, [rip + text1 + 32]
    cmpsb
    cmpsw
    cmpsd
    cmpsq
    .irp count, 0, 1, 5
    .irp width, b, w, d, q
    lea rsi, [rip + text1 + 48]
    lea rdi, [rip + buffer + 2048]
    mov ecx, \count
    rep movs\width
    mov ecx, \count
    rep stos\width
    lea rsi, [rip + buffer + 2048]
    mov ecx, \count
    rep lods\width
    .endr
    .endr
    .irp width, b, w, d, q
    .irp count, 0, 1, 2, 8
    lea rsi, [rip + buffer + 2048]
    lea rdi, [rip + buffer + 2048 + 64]
    mov ecx, \count
    repe cmps\width
    mov ecx, \count
    repne cmps\width
    mov ecx, \count
    repe scas\width
    mov ecx, \count
    repne scas\width
    seta bl
    .endr
    .endr
    .endr
    cld
    /* Ends before the count is used up. */
    lea rsi, [rip + text1]
    lea rdi, [rip + text2]
    mov ecx, 64
    repe cmpsb
    lea rdi, [rip + text1]
    mov al, 'f'
    mov ecx, 64
    repne scasb
    /* A count of zero leaves flags and registers alone. */
    cmp rsp, rsp
    mov ecx, 0
    repe cmpsb
    setz bl
    stc
    repne scasb
    setc bh
    /* Overlapping copies spread a pattern. */
    mov dword ptr [rip + buffer], 0x64636261
    lea rsi, [rip + buffer]
    lea rdi, [rip + buffer + 1]
    mov ecx, 100
    rep movsb
    lea rsi, [rip + buffer]
    lea rdi, [rip + buffer + 4]
    mov ecx, 33
    rep movsw
    lea rsi, [rip + buffer + 3]
    lea rdi, [rip + buffer]
    mov ecx, 21
    rep movsd
    std
    lea rsi, [rip + buffer + 200]
    lea rdi, [rip + buffer + 203]
    mov ecx, 77
    rep movsb
    cld
    /* 32-bit addresses and count: the high halves become zero. */
    POINT 9
    mov rax, 0xffffffff00000000
    or rcx, rax
    addr32 rep movsb
    POINT 3
    addr32 movsd
    addr32 rep stosq
    addr32 lodsb
    addr32 scasb
    /* More than 65535 iterations. */
    lea rdi, [rip + big]
    mov ecx, 70000
    mov al, 0x5a
    rep stosb
    lea rdi, [rip + big]
    mov ecx, 70000
    repe scasb
    lea rsi, [rip + big]
    lea rdi, [rip + big + 8]
    mov ecx, 66000
    rep movsb
    /* The same repeated instruction twice in a row, and in a loop. */
    mov ebx, 6
1:  POINT 6
    rep movsb
    rep movsb
    mov ecx, ebx
    sub ecx, 3
    and ecx, 3
    rep stosb
    dec ebx
    jnz 1b
    EXIT
