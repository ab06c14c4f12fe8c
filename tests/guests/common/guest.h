/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a freestanding C guest needs: an entry that switches to a stack of its
 * own (so that a native run and an emulated one have equal addresses), system
 * calls, and the functions that a compiler calls by itself.  Such a guest is
 * one source file that defines guest_main().
 */
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>
#include <stdint.h>

int guest_main(void);
void guest_start(void);
void *memset(void *to, int byte, size_t count);
void *memcpy(void *to, const void *from, size_t count);

__attribute__((aligned(64), used)) char guest_stack[256 * 1024];

#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    leaq guest_stack+262144(%rip), %rsp\n"
        "    xorl %ebp, %ebp\n"
        "    call guest_start\n"
        "    hlt\n");

static inline long guest_syscall(long number, long a, long b, long c)
{
    long result;

    /* What the kernel clobbers is cleared at once: emulators differ there. */
    __asm__ volatile("syscall\n\txorl %%ecx, %%ecx\n\txorl %%r11d, %%r11d"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

#define GUEST_SYS_WRITE 1
#define GUEST_SYS_EXIT_GROUP 231
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    ldr x9, =guest_stack+262144\n"
        "    mov sp, x9\n"
        "    mov x0, #0\n"
        "    mov x1, #0\n"
        "    mov x29, #0\n"
        "    bl guest_start\n"
        "    udf #0\n");

static inline long guest_syscall(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;

    /* A debugger's step over a call may take the next instruction along. */
    __asm__ volatile("svc #0\n\tnop"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2)
                     : "memory", "cc");
    return x0;
}

#define GUEST_SYS_WRITE 64
#define GUEST_SYS_EXIT_GROUP 94
#else
#error "no guest of this architecture"
#endif

static inline void guest_write(const char *text, size_t length)
{
    guest_syscall(GUEST_SYS_WRITE, 1, (long)text, (long)length);
}

static inline void guest_print(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    guest_write(text, length);
}

/* Prints a number in hexadecimal, and a newline. */
static inline void guest_print_hex(uint64_t value)
{
    char text[17];
    int i;

    for (i = 0; i < 16; i++)
        text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    text[16] = '\n';
    guest_write(text, sizeof text);
}

__attribute__((used)) void guest_start(void)
{
    guest_syscall(GUEST_SYS_EXIT_GROUP, guest_main() & 255, 0, 0);
}

/* No loop that the compiler could turn into a call of itself. */
void *memset(void *to, int byte, size_t count)
{
    volatile unsigned char *p = to;

    while (count--)
        *p++ = (unsigned char)byte;
    return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
    volatile unsigned char *p = to;
    const unsigned char *q = from;

    while (count--)
        *p++ = *q++;
    return to;
}

#endif
