/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the texts of errors, the guest's error names and the library's version,
 * and the checks of structs that carry their size. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lt/lt.h"

/* No public struct comes near; a larger size is garbage in the member. */
#define MAX_STRUCT_SIZE 65536u

uint32_t lt_version(void)
{
    return LT_VERSION;
}

const char *lt_error_text(int error)
{
    switch (error) {
    case 0:
        return "no error";
    case LT_ERR_ARGUMENT:
        return "an argument is missing, out of range or malformed";
    case LT_ERR_NO_MEMORY:
        return "out of memory";
    case LT_ERR_STATE:
        return "not allowed in the session's present state";
    case LT_ERR_UNSUPPORTED:
        return "this build of the library cannot do it";
    case LT_ERR_NOT_FOUND:
        return "not found";
    case LT_ERR_PERMISSION:
        return "permission denied";
    case LT_ERR_DIRECTORY:
        return "the program is a directory, or the working directory is none";
    case LT_ERR_NOT_ELF:
        return "the program is neither an ELF program nor a script";
    case LT_ERR_TRUNCATED:
        return "the ELF file is cut off or damaged";
    case LT_ERR_ARCH:
        return "the program is for another architecture";
    case LT_ERR_INTERPRETER:
        return "the program's interpreter is missing or unusable";
    case LT_ERR_ARGV:
        return "argv has no argv[0]";
    case LT_ERR_SYSTEM:
        return "the host's kernel refused something";
    case LT_ERR_ENGINE:
        return "the engine failed";
    case LT_ERR_STREAM:
        return "the event stream is damaged";
    case LT_ERR_LIMIT:
        return "a limit of the library was reached";
    default:
        return "unknown error";
    }
}

/* Both guest architectures use the kernel's generic numbers, and so does the
 * host that this is compiled for. */
#define NAME(e) [e] = #e
static const char *const errno_names[] = {
    NAME(EPERM),
    NAME(ENOENT),
    NAME(ESRCH),
    NAME(EINTR),
    NAME(EIO),
    NAME(ENXIO),
    NAME(E2BIG),
    NAME(ENOEXEC),
    NAME(EBADF),
    NAME(ECHILD),
    NAME(EAGAIN),
    NAME(ENOMEM),
    NAME(EACCES),
    NAME(EFAULT),
    NAME(ENOTBLK),
    NAME(EBUSY),
    NAME(EEXIST),
    NAME(EXDEV),
    NAME(ENODEV),
    NAME(ENOTDIR),
    NAME(EISDIR),
    NAME(EINVAL),
    NAME(ENFILE),
    NAME(EMFILE),
    NAME(ENOTTY),
    NAME(ETXTBSY),
    NAME(EFBIG),
    NAME(ENOSPC),
    NAME(ESPIPE),
    NAME(EROFS),
    NAME(EMLINK),
    NAME(EPIPE),
    NAME(EDOM),
    NAME(ERANGE),
    NAME(EDEADLK),
    NAME(ENAMETOOLONG),
    NAME(ENOLCK),
    NAME(ENOSYS),
    NAME(ENOTEMPTY),
    NAME(ELOOP),
    NAME(ENOMSG),
    NAME(EIDRM),
    NAME(ECHRNG),
    NAME(EL2NSYNC),
    NAME(EL3HLT),
    NAME(EL3RST),
    NAME(ELNRNG),
    NAME(EUNATCH),
    NAME(ENOCSI),
    NAME(EL2HLT),
    NAME(EBADE),
    NAME(EBADR),
    NAME(EXFULL),
    NAME(ENOANO),
    NAME(EBADRQC),
    NAME(EBADSLT),
    NAME(EBFONT),
    NAME(ENOSTR),
    NAME(ENODATA),
    NAME(ETIME),
    NAME(ENOSR),
    NAME(ENONET),
    NAME(ENOPKG),
    NAME(EREMOTE),
    NAME(ENOLINK),
    NAME(EADV),
    NAME(ESRMNT),
    NAME(ECOMM),
    NAME(EPROTO),
    NAME(EMULTIHOP),
    NAME(EDOTDOT),
    NAME(EBADMSG),
    NAME(EOVERFLOW),
    NAME(ENOTUNIQ),
    NAME(EBADFD),
    NAME(EREMCHG),
    NAME(ELIBACC),
    NAME(ELIBBAD),
    NAME(ELIBSCN),
    NAME(ELIBMAX),
    NAME(ELIBEXEC),
    NAME(EILSEQ),
    NAME(ERESTART),
    NAME(ESTRPIPE),
    NAME(EUSERS),
    NAME(ENOTSOCK),
    NAME(EDESTADDRREQ),
    NAME(EMSGSIZE),
    NAME(EPROTOTYPE),
    NAME(ENOPROTOOPT),
    NAME(EPROTONOSUPPORT),
    NAME(ESOCKTNOSUPPORT),
    NAME(EOPNOTSUPP),
    NAME(EPFNOSUPPORT),
    NAME(EAFNOSUPPORT),
    NAME(EADDRINUSE),
    NAME(EADDRNOTAVAIL),
    NAME(ENETDOWN),
    NAME(ENETUNREACH),
    NAME(ENETRESET),
    NAME(ECONNABORTED),
    NAME(ECONNRESET),
    NAME(ENOBUFS),
    NAME(EISCONN),
    NAME(ENOTCONN),
    NAME(ESHUTDOWN),
    NAME(ETOOMANYREFS),
    NAME(ETIMEDOUT),
    NAME(ECONNREFUSED),
    NAME(EHOSTDOWN),
    NAME(EHOSTUNREACH),
    NAME(EALREADY),
    NAME(EINPROGRESS),
    NAME(ESTALE),
    NAME(EUCLEAN),
    NAME(ENOTNAM),
    NAME(ENAVAIL),
    NAME(EISNAM),
    NAME(EREMOTEIO),
    NAME(EDQUOT),
    NAME(ENOMEDIUM),
    NAME(EMEDIUMTYPE),
    NAME(ECANCELED),
    NAME(ENOKEY),
    NAME(EKEYEXPIRED),
    NAME(EKEYREVOKED),
    NAME(EKEYREJECTED),
    NAME(EOWNERDEAD),
    NAME(ENOTRECOVERABLE),
    NAME(ERFKILL),
    NAME(EHWPOISON),
};
#undef NAME
_Static_assert(ENOSYS == 38 && EHWPOISON == 133, "the host has the generic numbers");

const char *lt_errno_name(uint32_t error)
{
    switch (error) {
    /* The kernel's own, which no guest sees: a system call that is made again. */
    case 512:
        return "ERESTARTSYS";
    case 513:
        return "ERESTARTNOINTR";
    case 514:
        return "ERESTARTNOHAND";
    case 516:
        return "ERESTART_RESTARTBLOCK";
    default:
        break;
    }
    return error < sizeof errno_names / sizeof *errno_names ? errno_names[error] : NULL;
}

int lti_fail(struct lti_message *message, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message->text, sizeof message->text, format, args);
    va_end(args);
    for (unsigned char *p = (unsigned char *)message->text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }
    return error;
}

/* A size that some version of a struct may have.  All have members of 8 bytes, so that
 * no member is cut in two. */
static bool is_size(uint32_t size, uint32_t first)
{
    return size >= first && size <= MAX_STRUCT_SIZE && size % 8 == 0;
}

static uint32_t size_of(const void *object)
{
    uint32_t size;
    memcpy(&size, object, sizeof size);
    return size;
}

int lti_struct_take(void *to, uint32_t known, uint32_t first, const void *from)
{
    uint32_t size = size_of(from);
    if (!is_size(size, first)) {
        return LT_ERR_ARGUMENT;
    }
    for (uint32_t i = known; i < size; i++) {
        if (((const uint8_t *)from)[i] != 0) {
            return LT_ERR_ARGUMENT;
        }
    }
    memset(to, 0, known);
    memcpy(to, from, size < known ? size : known);
    memcpy(to, &known, sizeof known);
    return 0;
}

int lti_struct_give(void *to, uint32_t known, uint32_t first, const void *from)
{
    uint32_t size = size_of(to);
    if (!is_size(size, first)) {
        return LT_ERR_ARGUMENT;
    }
    memset(to, 0, size);
    memcpy(to, from, size < known ? size : known);
    memcpy(to, &size, sizeof size);
    return 0;
}

int lti_struct_init(void *object, uint32_t size, uint32_t first)
{
    if (object == NULL || !is_size(size, first)) {
        return LT_ERR_ARGUMENT;
    }
    memset(object, 0, size);
    memcpy(object, &size, sizeof size);
    return 0;
}
