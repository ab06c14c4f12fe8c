/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Knows the system calls of each guest architecture: names and arguments.  The
 * tables are made from QEMU's and syscalls.def by gen-syscalls.py. */
#include "syscalls.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_ARGS 6
#define ARGS_UNKNOWN 0xff

/* The longest text in lt_syscall.strings. */
#define MAX_STRING 4095

/* A name for the bits of `mask` when they are `value`. */
struct flag {
    uint64_t value;
    uint64_t mask;
    const char *name;
};

/* How what has no name is printed. */
enum base { DECIMAL, HEX, OCTAL };

/* A kind of argument whose values have names. */
struct set {
    const struct flag *flags;
    unsigned count;
    bool is_bits; /* several may be set at once */
    bool is_long; /* the kernel looks at all 64 bits */
    enum base rest;
};

struct call {
    const char *name;        /* NULL where a number is not used */
    uint8_t args;            /* or ARGS_UNKNOWN */
    uint8_t strings;         /* a bit for each */
    uint8_t kinds[MAX_ARGS]; /* enum kind */
};

#include "syscalls-table.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct table {
    const struct call *calls;
    size_t count;
    const struct set *sets;
};

static const struct table *table_of(uint32_t arch)
{
    static const struct table x86_64 = {calls_x86_64, COUNT(calls_x86_64), sets_x86_64};
    static const struct table aarch64 = {calls_aarch64, COUNT(calls_aarch64),
                                         sets_aarch64};

    return arch == LT_ARCH_X86_64 ? &x86_64 : arch == LT_ARCH_AARCH64 ? &aarch64 : NULL;
}

/* NULL if there is no such call. */
static const struct call *find_call(uint32_t arch, uint32_t nr)
{
    const struct table *table = table_of(arch);

    if (!table || nr >= table->count || !table->calls[nr].name)
        return NULL;
    return &table->calls[nr];
}

const char *lt_syscall_name(uint32_t arch, uint32_t nr)
{
    const struct call *call = find_call(arch, nr);

    return call ? call->name : NULL;
}

unsigned lti_syscall_arg_count(uint32_t arch, uint32_t nr)
{
    const struct call *call = find_call(arch, nr);

    return call && call->args != ARGS_UNKNOWN ? call->args : MAX_ARGS;
}

uint8_t lti_syscall_strings(uint32_t arch, uint32_t nr)
{
    const struct call *call = find_call(arch, nr);

    return call ? call->strings : 0;
}

/* ---- Text that is cut where the caller's room ends, as snprintf() does ---- */

struct text {
    char *to;
    size_t size;
    size_t length; /* without a limit */
};

static void put(struct text *text, const char *from, size_t length)
{
    if (text->length < text->size) {
        size_t room = text->size - text->length;

        memcpy(text->to + text->length, from, length < room ? length : room);
    }
    text->length += length;
}

static void put_string(struct text *text, const char *from)
{
    put(text, from, strlen(from));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct text *text,
                                                             const char *format, ...)
{
    char line[32]; /* a 64-bit number in any base */
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put_string(text, line);
}

/* A string in quotes with C escapes; octal ones have three digits, so that a
 * digit may follow. */
static void put_quoted(struct text *text, const char *from)
{
    static const char escaped[] = "\a\b\f\n\r\t\v\"\\";
    static const char letters[] = "abfnrtv\"\\";
    size_t length = strnlen(from, MAX_STRING);

    put_string(text, "\"");
    for (size_t i = 0; i < length; i++) {
        const char *escape = memchr(escaped, from[i], sizeof escaped - 1);

        if (escape)
            put(text, (char[]){'\\', letters[escape - escaped]}, 2);
        else if (from[i] >= ' ' && from[i] <= '~')
            put(text, &from[i], 1);
        else
            put_format(text, "\\%03o", (unsigned char)from[i]);
    }
    put_string(text, length == MAX_STRING ? "\"..." : "\"");
}

static void put_hex(struct text *text, uint64_t value)
{
    put_format(text, "%#" PRIx64, value);
}

static void put_pointer(struct text *text, uint64_t value)
{
    if (value)
        put_hex(text, value);
    else
        put_string(text, "NULL");
}

/* ---- Arguments ---- */

static void put_rest(struct text *text, enum base base, uint64_t value)
{
    if (base == DECIMAL)
        put_format(text, "%" PRId32, (int32_t)value);
    else if (base == OCTAL)
        put_format(text, "%#" PRIo64, value);
    else
        put_hex(text, value);
}

static void put_set(struct text *text, const struct set *set, uint64_t value)
{
    const char *separator = "";
    uint64_t rest;

    if (!set->is_long)
        value = (uint32_t)value;
    rest = value;
    for (unsigned i = 0; i < set->count; i++) {
        const struct flag *flag = &set->flags[i];

        /* What a name explained is not explained by a second one; a field
         * that is zero is explained only if no other name touched it. */
        if ((rest & flag->mask) != flag->value || (value & flag->mask) != flag->value)
            continue;
        put_string(text, separator);
        put_string(text, flag->name);
        if (!set->is_bits)
            return;
        rest &= ~flag->mask;
        separator = "|";
    }
    if (rest || !*separator) {
        put_string(text, separator);
        put_rest(text, set->rest, rest);
    }
}

/* What the third argument of fcntl() is. */
static enum kind fcntl_kind(uint32_t command)
{
    switch (command) {
    case 1:    /* F_GETFD */
    case 3:    /* F_GETFL */
    case 9:    /* F_GETOWN */
    case 11:   /* F_GETSIG */
    case 1025: /* F_GETLEASE */
    case 1032: /* F_GETPIPE_SZ */
    case 1034: /* F_GET_SEALS */
        return KIND_UNUSED;
    case 0:    /* F_DUPFD */
    case 8:    /* F_SETOWN */
    case 1024: /* F_SETLEASE */
    case 1030: /* F_DUPFD_CLOEXEC */
    case 1031: /* F_SETPIPE_SZ */
        return KIND_INT;
    case 2: /* F_SETFD */
        return KIND_FDBITS;
    case 4: /* F_SETFL */
        return KIND_OFLAGS;
    case 10: /* F_SETSIG */
        return KIND_SIGNAL;
    case 1026: /* F_NOTIFY */
        return KIND_HEX32;
    case 1033: /* F_ADD_SEALS */
        return KIND_SEALS;
    default: /* locks and others that point to something */
        return KIND_PTR;
    }
}

/* What an option of getsockopt() and setsockopt() is. */
static enum kind option_kind(uint32_t level)
{
    switch (level) {
    case 0: /* SOL_IP */
        return KIND_IPOPTION;
    case 1: /* SOL_SOCKET */
        return KIND_SOPTION;
    case 6: /* SOL_TCP */
        return KIND_TCPOPTION;
    case 41: /* SOL_IPV6 */
        return KIND_IP6OPTION;
    default:
        return KIND_INT;
    }
}

/* The kind of argument `index` where an earlier argument decides it. */
static enum kind kind_of(const struct call *call, const uint64_t args[], unsigned index)
{
    enum kind kind = call->kinds[index];

    if (kind == KIND_FCNTLARG)
        return fcntl_kind((uint32_t)args[index - 1]);
    if (kind == KIND_SOCKOPT)
        return option_kind((uint32_t)args[index - 1]);
    return kind;
}

static void put_arg(struct text *text, const struct set *sets, enum kind kind,
                    uint64_t value, const char *string)
{
    switch (kind) {
    case KIND_FD:
    case KIND_INT:
        put_format(text, "%" PRId32, (int32_t)value);
        break;
    case KIND_UINT:
        put_format(text, "%" PRIu32, (uint32_t)value);
        break;
    case KIND_LONG:
        put_format(text, "%" PRId64, (int64_t)value);
        break;
    case KIND_ULONG:
        put_format(text, "%" PRIu64, value);
        break;
    case KIND_HEX32:
        put_hex(text, (uint32_t)value);
        break;
    case KIND_PTR:
        put_pointer(text, value);
        break;
    case KIND_PATH:
    case KIND_STR:
        if (string)
            put_quoted(text, string);
        else
            put_pointer(text, value);
        break;
    case KIND_DIRFD:
        if ((int32_t)value == -100)
            put_string(text, "AT_FDCWD");
        else
            put_format(text, "%" PRId32, (int32_t)value);
        break;
    case KIND_MODE:
    case KIND_OPENMODE:
        put_format(text, "%#" PRIo32, (uint32_t)value);
        break;
    default:
        if (kind >= KIND_FIRST_SET)
            put_set(text, &sets[kind - KIND_FIRST_SET], value);
        else
            put_hex(text, value);
    }
}

static void put_args(struct text *text, const struct set *sets, const struct call *call,
                     const struct lt_syscall *event)
{
    const char *separator = "";

    for (unsigned i = 0; i < call->args; i++) {
        enum kind kind = kind_of(call, event->args, i);

        if (kind == KIND_UNUSED)
            continue;
        /* open() takes a mode only when it may make a file: O_CREAT or
         * __O_TMPFILE, the same bits on all architectures here. */
        if (kind == KIND_OPENMODE && !(event->args[i - 1] & 020000100))
            break;
        put_string(text, separator);
        put_arg(text, sets, kind, event->args[i], event->strings[i]);
        separator = ", ";
    }
}

int lti_syscall_text(uint32_t arch, const struct lt_syscall *call, char *text,
                     size_t text_size)
{
    struct text out = {text, text_size, 0};
    const struct table *table = table_of(arch);
    const struct call *known;

    if (!table || !call || (!text && text_size))
        return LT_ERR_ARGUMENT;
    known = find_call(arch, call->nr);
    if (known)
        put_string(&out, known->name);
    else
        put_format(&out, "syscall_%" PRIu32, call->nr);
    put_string(&out, "(");
    if (known && known->args != ARGS_UNKNOWN) {
        put_args(&out, table->sets, known, call);
    } else {
        for (unsigned i = 0; i < MAX_ARGS; i++) {
            put_string(&out, i ? ", " : "");
            put_hex(&out, call->args[i]);
        }
    }
    put_string(&out, ")");
    if (text_size)
        text[out.length < text_size ? out.length : text_size - 1] = '\0';
    return out.length > INT_MAX ? INT_MAX : (int)out.length;
}
