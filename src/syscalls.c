/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Knows the system calls of each guest architecture: names and arguments, and what
 * of the memory that they point to is to be copied.  The tables are made by
 * gen-syscalls.py from QEMU's, the kernel's headers and syscalls.def. */
#define LTI_SYSCALL_TABLES
#include "syscalls.h"

#include <string.h>

#include "stream.h"
#include "syscall-table.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

const struct table *lti_syscall_table(uint32_t arch)
{
    static const struct table x86_64 = {calls_x86_64, COUNT(calls_x86_64), SETS_x86_64,
                                        LAYOUTS_x86_64, sizes_x86_64};
    static const struct table aarch64 = {calls_aarch64, COUNT(calls_aarch64),
                                         SETS_aarch64, LAYOUTS_aarch64, sizes_aarch64};

    return arch == LT_ARCH_X86_64 ? &x86_64 : arch == LT_ARCH_AARCH64 ? &aarch64 : NULL;
}

const struct call *lti_syscall_find(const struct table *table, uint32_t nr)
{
    if (!table || nr >= table->count || !table->calls[nr].name)
        return NULL;
    return &table->calls[nr];
}

const struct form *lti_syscall_form(const struct call *call, const uint64_t args[])
{
    if (!call || !call->form_count)
        return NULL;
    for (unsigned i = 0; i + 1 < call->form_count; i++) {
        const struct form *form = &call->forms[i];
        if (((uint32_t)args[form->arg] & form->mask) == form->value)
            return form;
    }
    return &call->forms[call->form_count - 1];
}

/* What is true whatever the arguments. */
static const struct form *general_form(uint32_t arch, uint32_t nr)
{
    const struct call *call = lti_syscall_find(lti_syscall_table(arch), nr);

    return call && call->form_count ? &call->forms[call->form_count - 1] : NULL;
}

const char *lt_syscall_name(uint32_t arch, uint32_t nr)
{
    const struct call *call = lti_syscall_find(lti_syscall_table(arch), nr);

    return call ? call->name : NULL;
}

unsigned lti_syscall_arg_count(uint32_t arch, uint32_t nr)
{
    const struct form *form = general_form(arch, nr);

    return form ? form->count : MAX_ARGS;
}

uint8_t lti_syscall_strings(uint32_t arch, uint32_t nr)
{
    const struct form *form = general_form(arch, nr);
    uint8_t strings = 0;

    for (unsigned i = 0; form && i < form->count; i++) {
        if (lti_kind_is_string(form->args[i].kind))
            strings |= (uint8_t)(1u << i);
    }
    return strings;
}

const char *lt_syscall_arg_name(uint32_t arch, uint32_t nr, uint32_t index)
{
    const struct form *form = general_form(arch, nr);

    return form && index < form->count ? form->args[index].name : NULL;
}

static uint32_t type_of(const struct table *table, const struct arg *arg)
{
    const struct set *set = lti_kind_set(table, arg->kind);

    if (arg->way && arg->kind != KIND_BYTES && arg->kind != KIND_HEXBYTES)
        return LT_ARG_STRUCT;
    if (arg->way)
        return LT_ARG_BUFFER;
    if (set)
        return set->is_bits ? LT_ARG_FLAGS : LT_ARG_ENUM;
    switch (arg->kind) {
    case KIND_UNUSED:
        return LT_ARG_UNUSED;
    case KIND_INT:
    case KIND_LONG:
    case KIND_OFF:
        return LT_ARG_INT;
    case KIND_FD:
    case KIND_DIRFD:
        return LT_ARG_FD;
    case KIND_PTR:
        return LT_ARG_POINTER;
    case KIND_PATH:
    case KIND_STR:
        return LT_ARG_STRING;
    case KIND_SIZE:
        return LT_ARG_SIZE;
    case KIND_MODE:
    case KIND_OPENMODE:
    case KIND_FILEMODE:
        return LT_ARG_MODE;
    default:
        return LT_ARG_UINT;
    }
}

int lt_syscall_arg_type(uint32_t arch, uint32_t nr, uint32_t index)
{
    const struct form *form = general_form(arch, nr);

    if (!form || index >= form->count)
        return LT_ERR_ARGUMENT;
    return (int)type_of(lti_syscall_table(arch), &form->args[index]);
}

/* ---- What the engine copies ---- */

static uint8_t when_of(const struct arg *arg)
{
    return (uint8_t)((arg->way & WAY_IN ? LTI_CAPTURE_ENTER : 0) |
                     (arg->way & WAY_INTERRUPTED ? LTI_CAPTURE_INTERRUPTED
                      : arg->way & WAY_OUT       ? LTI_CAPTURE_RETURN
                                                 : 0));
}

static void set_count(struct lti_capture *capture, const struct table *table,
                      const struct form *form, const struct arg *arg)
{
    capture->number = arg->number;
    switch (arg->count) {
    case COUNT_BYTES:
    case COUNT_ARG: {
        unsigned kind = form->args[arg->number].kind;
        capture->count = arg->kind == KIND_FDSET   ? LTI_COUNT_BITS
                         : table->sizes[kind] == 4 ? LTI_COUNT_ARG32
                                                   : LTI_COUNT_ARG;
        break;
    }
    case COUNT_RET:
        capture->count = LTI_COUNT_RET;
        break;
    case COUNT_POINTER:
        capture->count = LTI_COUNT_POINTER;
        break;
    default:
        capture->count = LTI_COUNT_NUMBER;
    }
}

/* False if nothing is copied for the argument. */
static bool capture_of(struct lti_capture *capture, const struct table *table,
                       const struct form *form, unsigned index)
{
    const struct arg *arg = &form->args[index];

    *capture = (struct lti_capture){.arg = (uint8_t)index, .when = when_of(arg)};
    if (lti_kind_is_string(arg->kind)) {
        capture->how = LTI_CAPTURE_TEXT;
        capture->when = LTI_CAPTURE_ENTER;
        return true;
    }
    if (arg->kind == KIND_IOCTLARG) {
        capture->count = LTI_COUNT_IOCTL;
        capture->when = LTI_CAPTURE_ENTER | LTI_CAPTURE_RETURN;
        capture->unit = 1;
        return true;
    }
    if (!arg->way)
        return false;
    set_count(capture, table, form, arg);
    capture->unit = arg->kind == KIND_FDSET || arg->count == COUNT_BYTES
                        ? 1
                        : table->sizes[arg->kind];
    capture->how = arg->kind == KIND_ARGV || arg->kind == KIND_ENVP ? LTI_CAPTURE_TEXTS
                   : arg->kind == KIND_IOVEC                        ? LTI_CAPTURE_VECTORS
                   : arg->kind == KIND_MSGHDR                       ? LTI_CAPTURE_MESSAGE
                   : arg->kind == KIND_MMSGHDR                      ? LTI_CAPTURE_MESSAGES
                                                                    : LTI_CAPTURE_BYTES;
    return true;
}

void lti_syscall_captures(uint32_t arch, struct lti_calls *calls)
{
    const struct table *table = lti_syscall_table(arch);
    unsigned forms = 1, captures = 0;

    for (uint32_t nr = 0; table && nr < table->count && nr < LTI_MAX_CALLS; nr++) {
        const struct call *call = &table->calls[nr];
        unsigned first_form = forms, first = captures;

        if (forms + call->form_count > LTI_MAX_FORMS ||
            captures + call->form_count * MAX_ARGS > LTI_MAX_CAPTURES)
            break; /* a unit test sees to it that this does not happen */
        for (unsigned i = 0; i < call->form_count; i++) {
            const struct form *form = &call->forms[i];
            struct lti_form *out = &calls->forms[forms++];

            *out = (struct lti_form){form->mask, form->value, (uint16_t)captures, 0,
                                     form->arg};
            for (unsigned k = 0; k < form->count; k++) {
                if (capture_of(&calls->captures[captures], table, form, k))
                    captures++;
            }
            out->captures = (uint8_t)(captures - out->first);
        }
        if (captures == first)
            forms = first_form; /* nothing points anywhere */
        else
            calls->form_of[nr] = (uint16_t)first_form;
    }
}
