/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the archive and Debian's libcapstone.a, which were compiled for glibc, want of
 * the C library and musl does not have: a host that links them with musl adds this.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *strerrordesc_np(int error);
const char *sigabbrev_np(int sig);
int __sprintf_chk(char *to, int flag, size_t size, const char *format, ...);
char *__strcpy_chk(char *to, const char *from, size_t size);

const char *strerrordesc_np(int error)
{
    return strerror(error);
}

/* musl knows descriptions of signals, not their names. */
const char *sigabbrev_np(int sig)
{
    (void)sig;
    return NULL;
}

int __sprintf_chk(char *to, int flag, size_t size, const char *format, ...)
{
    va_list args;

    (void)flag;
    va_start(args, format);
    int length = vsnprintf(to, size, format, args);
    va_end(args);
    return length;
}

char *__strcpy_chk(char *to, const char *from, size_t size)
{
    if (strlen(from) >= size) {
        __builtin_trap();
    }
    return strcpy(to, from);
}
