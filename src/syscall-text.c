/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes system calls, their arguments and results for people, much as strace does:
 * the parts that are driven by the tables. */
#include "syscall-text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stream.h"
#include "syscalls.h"

/* ---- Text ---- */

void put(struct printer *p, const char *from, size_t length)
{
    if (p->length < p->size) {
        size_t room = p->size - p->length;

        memcpy(p->to + p->length, from, length < room ? length : room);
    }
    p->length += length;
}

void put_string(struct printer *p, const char *from)
{
    put(p, from, strlen(from));
}

void put_format(struct printer *p, const char *format, ...)
{
    char line[64]; /* two 64-bit numbers in any base, or an address */
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put_string(p, line);
}

void put_quoted(struct printer *p, const uint8_t *from, size_t length)
{
    static const char escaped[] = "\f\n\r\t\v\"\\";
    static const char letters[] = "fnrtv\"\\";

    put(p, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        const char *escape = memchr(escaped, from[i], sizeof escaped - 1);

        if (escape)
            put(p, (char[]){'\\', letters[escape - escaped]}, 2);
        else if (from[i] >= ' ' && from[i] <= '~')
            put(p, (const char *)&from[i], 1);
        else if (i + 1 < length && from[i + 1] >= '0' && from[i + 1] <= '7')
            put_format(p, "\\%03o", from[i]);
        else
            put_format(p, "\\%o", from[i]);
    }
    put(p, "\"", 1);
}

void put_hex(struct printer *p, uint64_t value)
{
    put_format(p, "%#" PRIx64, value);
}

void put_pointer(struct printer *p, uint64_t value)
{
    if (value)
        put_hex(p, value);
    else
        put_string(p, "NULL");
}

/* ---- Memory ---- */

static bool has_data(const struct lt_syscall *call)
{
    return call->size >=
           offsetof(struct lt_syscall, data_count) + sizeof call->data_count;
}

size_t get_memory(const struct printer *p, uint64_t addr, size_t wanted,
                  const uint8_t **data)
{
    size_t best = SIZE_MAX;

    for (uint32_t i = 0; has_data(p->call) && i < p->call->data_count; i++) {
        const struct lt_syscall_data *d = &p->call->data[i];
        size_t rest;

        if (d->phase != p->phase || addr < d->addr || addr - d->addr > d->length ||
            (addr - d->addr == d->length && addr != d->addr))
            continue;
        rest = d->length - (size_t)(addr - d->addr);
        if (best == SIZE_MAX || rest > best) {
            best = rest;
            *data = d->data + (addr - d->addr);
        }
    }
    return best != SIZE_MAX && best > wanted ? wanted : best;
}

uint64_t get_number(const uint8_t *from, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, from, size < 8 ? size : 8);
    return value;
}

/* ---- Numbers ---- */

static uint64_t cut_unsigned(uint64_t value, size_t size)
{
    return size >= 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static int64_t cut_signed(uint64_t value, size_t size)
{
    unsigned shift = size >= 8 ? 0 : 64 - 8 * (unsigned)size;

    return (int64_t)(value << shift) >> shift;
}

static void put_rest(struct printer *p, enum base base, uint64_t value)
{
    if (base == DECIMAL)
        put_format(p, "%" PRId32, (int32_t)value);
    else if (base == OCTAL)
        put_format(p, "%#03" PRIo64, value);
    else
        put_hex(p, value);
}

static void put_set(struct printer *p, const struct set *set, uint64_t value)
{
    const char *separator = "";
    uint64_t rest, named = 0;

    if (!set->is_long)
        value = (uint32_t)value;
    rest = value;
    for (unsigned i = 0; i < set->count; i++) {
        const struct flag *flag = &set->flags[i];

        /* What a name explained is not explained by a second one; a field
         * that is zero is explained only if no other name touched it. */
        if ((rest & flag->mask) != flag->value || (value & flag->mask) != flag->value ||
            (!flag->value && (named & flag->mask)))
            continue;
        put_string(p, separator);
        put_string(p, flag->name);
        if (!set->is_bits)
            return;
        rest &= ~flag->mask;
        named |= flag->mask;
        separator = "|";
    }
    if (rest || !*separator) {
        put_string(p, separator);
        put_rest(p, set->rest, rest);
    }
}

/* The number of a request that has no name, in its parts. */
static void put_request(struct printer *p, uint32_t value)
{
    static const char *const directions[] = {"_IOC_NONE", "_IOC_WRITE", "_IOC_READ",
                                             "_IOC_READ|_IOC_WRITE"};

    put_string(p, "_IOC(");
    put_string(p, directions[value >> 30]);
    put_format(p, ", %#" PRIx32 ", %#" PRIx32, value >> 8 & 0xff, value & 0xff);
    put_format(p, ", %#" PRIx32 ")", value >> 16 & 0x3fff);
}

static bool has_name(const struct set *set, uint32_t value)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (set->flags[i].value == value)
            return true;
    }
    return false;
}

static void put_file_mode(struct printer *p, uint64_t value)
{
    const struct set *set = lti_kind_set(p->table, KIND_FILETYPE);

    if (value & 07777000)
        put_set(p, set, value & 07777000);
    if (value & 07777000)
        put(p, "|", 1);
    put_format(p, "%#03o", (unsigned)(value & 0777));
}

void put_scalar(struct printer *p, unsigned kind, uint64_t value, size_t size)
{
    const struct set *set = lti_kind_set(p->table, kind);

    if (kind == KIND_SIGNAL && (uint32_t)value >= 32 && (uint32_t)value <= 64) {
        if ((uint32_t)value == 32)
            put_string(p, "SIGRTMIN");
        else
            put_format(p, "SIGRT_%u", (unsigned)value - 32);
        return;
    }
    if (kind == KIND_IOCTLREQ && !has_name(set, (uint32_t)value)) {
        put_request(p, (uint32_t)value);
        return;
    }
    if (set) {
        put_set(p, set, size && size < 4 ? cut_unsigned(value, size) : value);
        return;
    }
    switch (kind) {
    case KIND_FD:
    case KIND_INT:
    case KIND_LONG:
    case KIND_OFF:
        put_format(p, "%" PRId64, cut_signed(value, size));
        break;
    case KIND_UINT:
    case KIND_ULONG:
    case KIND_SIZE:
    case KIND_SOCKLEN:
        put_format(p, "%" PRIu64, cut_unsigned(value, size));
        break;
    case KIND_ID:
        if ((uint32_t)value == UINT32_MAX)
            put_string(p, "-1");
        else
            put_format(p, "%" PRIu32, (uint32_t)value);
        break;
    case KIND_DIRFD:
        if ((int32_t)value == -100)
            put_string(p, "AT_FDCWD");
        else
            put_format(p, "%" PRId32, (int32_t)value);
        break;
    case KIND_PTR:
        put_pointer(p, value);
        break;
    case KIND_PATH:
    case KIND_STR:
        put_pointer(p, value);
        break;
    case KIND_MODE:
    case KIND_OPENMODE:
        put_format(p, "%#03" PRIo32, (uint32_t)value);
        break;
    case KIND_FILEMODE:
        put_file_mode(p, (uint32_t)value);
        break;
    case KIND_DEV:
        put_format(p, "makedev(%#x, %#x)",
                   (unsigned)((value >> 8 & 0xfff) | (value >> 32 & 0xfffff000)),
                   (unsigned)((value & 0xff) | (value >> 12 & 0xffffff00)));
        break;
    default:
        put_hex(p, cut_unsigned(value, size));
    }
}

/* ---- Structures ---- */

void put_value(struct printer *p, unsigned kind, const uint8_t *from, size_t size)
{
    size_t unit = kind < KIND_COUNT ? p->table->sizes[kind] : 0;

    if (kind >= KIND_FIRST_STRUCT) {
        put_struct(p, kind, from, size);
    } else if (put_special_value(p, kind, from, size)) {
        return;
    } else if (size <= 8) {
        put_scalar(p, kind, get_number(from, size), size);
    } else {
        put(p, "[", 1);
        for (size_t i = 0; unit && (i + 1) * unit <= size; i++) {
            put_string(p, i ? ", " : "");
            put_scalar(p, kind, get_number(from + i * unit, unit), unit);
        }
        put(p, "]", 1);
    }
}

void put_struct(struct printer *p, unsigned kind, const uint8_t *from, size_t size)
{
    const struct layout *layout = &p->table->layouts[kind - KIND_FIRST_STRUCT];
    const char *separator = "";

    put(p, "{", 1);
    for (unsigned i = 0; i < layout->count; i++) {
        const struct field *field = &layout->fields[i];

        if ((size_t)field->offset + field->size > size)
            break;
        if (field_is_hidden(layout, field, from))
            continue;
        put_string(p, separator);
        if (field->kind != KIND_IP6) { /* it names itself */
            put_string(p, field->name);
            put(p, "=", 1);
        }
        put_value(p, field->kind, from + field->offset, field->size);
        separator = ", ";
    }
    put_string(p, layout->more ? ", ...}" : "}");
}

/* ---- What arguments point to ---- */

uint64_t element_count(const struct printer *p, const struct arg *arg)
{
    uint64_t value = p->call->args[arg->number % MAX_ARGS];

    switch (arg->count) {
    case COUNT_ARG:
    case COUNT_BYTES:
        if (p->table->sizes[p->form->args[arg->number].kind] == 4)
            return (int32_t)value < 0 ? 0 : (uint32_t)value;
        return value;
    case COUNT_RET:
        return p->call->ret < 0 ? 0 : (uint64_t)p->call->ret;
    case COUNT_POINTER:
        return UINT64_MAX;
    default:
        return arg->number;
    }
}

/* Scalars and structures, one or several; false if they were not copied. */
static bool put_elements(struct printer *p, const struct arg *arg, uint64_t addr)
{
    const bool is_struct = arg->kind >= KIND_FIRST_STRUCT;
    const size_t unit = p->table->sizes[arg->kind];
    const uint64_t count = element_count(p, arg);
    const uint8_t *data = NULL;
    size_t size;

    size = get_memory(p, addr, LTI_CAPTURE_MAX, &data);
    if (size == SIZE_MAX || !unit || (count && size < unit && arg->count != COUNT_BYTES))
        return false;
    if (arg->count == COUNT_BYTES) {
        size = size < count ? size : (size_t)count;
        if (size < 4)
            return false;
        put_struct(p, arg->kind, data, size < unit ? size : unit);
        return true;
    }
    if (arg->count == COUNT_ONE) {
        put_string(p, is_struct ? "" : "[");
        put_value(p, arg->kind, data, unit);
        put_string(p, is_struct ? "" : "]");
        return true;
    }
    put(p, "[", 1);
    for (uint64_t i = 0; i < count; i++) {
        put_string(p, i ? ", " : "");
        if (i >= MAX_SHOWN || (i + 1) * unit > size) {
            put_string(p, "...");
            break;
        }
        put_value(p, arg->kind, data + i * unit, unit);
    }
    put(p, "]", 1);
    return true;
}

static bool put_pointee(struct printer *p, const struct arg *arg, uint64_t addr,
                        uint32_t phase)
{
    int special;

    p->phase = phase;
    if (!addr)
        return false;
    special = put_special(p, arg, addr);
    return special < 0 ? put_elements(p, arg, addr) : special != 0;
}

static bool same_memory(struct printer *p, uint64_t addr)
{
    const uint8_t *before = NULL, *after = NULL;
    size_t size, other;

    p->phase = LT_PHASE_ENTER;
    size = get_memory(p, addr, SIZE_MAX - 1, &before);
    p->phase = LT_PHASE_RETURN;
    other = get_memory(p, addr, SIZE_MAX - 1, &after);
    return size == other && size != SIZE_MAX && memcmp(before, after, size) == 0;
}

/* "IN => OUT" of what is read and written. */
static void put_both(struct printer *p, const struct arg *arg, uint64_t addr)
{
    const char *arrow = " => ";

    /* What became of these stands behind the result. */
    if (arg->kind == KIND_POLLFD || arg->kind == KIND_FDSET ||
        p->call->phase != LT_PHASE_RETURN || same_memory(p, addr)) {
        if (!put_pointee(p, arg, addr, LT_PHASE_ENTER))
            put_pointer(p, addr);
        return;
    }
    if (arg->kind == KIND_SOCKLEN) {
        const uint8_t *in = NULL, *out = NULL;
        size_t size;

        p->phase = LT_PHASE_ENTER;
        size = get_memory(p, addr, 4, &in);
        p->phase = LT_PHASE_RETURN;
        if (size == 4 && get_memory(p, addr, 4, &out) == 4) {
            put_format(p, "[%" PRIu32 " => %" PRIu32 "]", (uint32_t)get_number(in, 4),
                       (uint32_t)get_number(out, 4));
            return;
        }
    }
    if (!put_pointee(p, arg, addr, LT_PHASE_ENTER))
        arrow = "";
    put_string(p, arrow);
    if (!put_pointee(p, arg, addr, LT_PHASE_RETURN)) {
        if (*arrow)
            p->length -= strlen(arrow);
        else
            put_pointer(p, addr);
    }
}

/* ---- Arguments ---- */

static void put_text_of(struct printer *p, unsigned index)
{
    const char *text = p->call->strings[index];
    size_t length;

    if (!text) {
        put_pointer(p, p->call->args[index]);
        return;
    }
    length = strnlen(text, LTI_CAPTURE_STRING);
    put_quoted(p, (const uint8_t *)text, length);
    if (length == LTI_CAPTURE_STRING)
        put_string(p, "...");
}

/* The argument of a request that nothing is known of. */
static void put_ioctl_arg(struct printer *p, uint64_t value)
{
    const uint8_t *data = NULL;
    size_t size;

    p->phase = LT_PHASE_ENTER;
    size = get_memory(p, value, LTI_CAPTURE_MAX, &data);
    if (size == SIZE_MAX && p->call->phase == LT_PHASE_RETURN) {
        p->phase = LT_PHASE_RETURN;
        size = get_memory(p, value, LTI_CAPTURE_MAX, &data);
    }
    if (size == SIZE_MAX || !value)
        put_hex(p, value);
    else if (size == 4)
        put_format(p, "[%" PRId32 "]", (int32_t)get_number(data, 4));
    else
        put_hex(p, value);
}

static void put_arg(struct printer *p, unsigned index)
{
    const struct arg *arg = &p->form->args[index];
    const uint64_t value = p->call->args[index];
    const uint32_t phase = arg->way & WAY_IN ? LT_PHASE_ENTER : LT_PHASE_RETURN;

    if (lti_kind_is_string(arg->kind)) {
        put_text_of(p, index);
    } else if (arg->kind == KIND_IOCTLARG) {
        put_ioctl_arg(p, value);
    } else if (!arg->way) {
        put_scalar(p, arg->kind, value, p->table->sizes[arg->kind]);
    } else if ((arg->way & WAY_IN) && (arg->way & WAY_OUT)) {
        put_both(p, arg, value);
    } else if (phase == LT_PHASE_RETURN && p->call->phase != LT_PHASE_RETURN) {
        put_pointer(p, value);
    } else if (!put_pointee(p, arg, value, phase)) {
        put_pointer(p, value);
    }
}

/* Whether the call has the argument: open() takes a mode only when it may make a
 * file, by O_CREAT or __O_TMPFILE, which are the same bits on all architectures
 * here. */
static bool is_there(const struct printer *p, unsigned index)
{
    const struct arg *arg = &p->form->args[index];

    if (arg->kind == KIND_UNUSED)
        return false;
    for (unsigned i = 1; i <= index; i++) {
        if (p->form->args[i].kind == KIND_OPENMODE && !(p->call->args[i - 1] & 020000100))
            return false;
    }
    return true;
}

static void put_args(struct printer *p)
{
    const char *separator = "";

    for (unsigned i = 0; i < p->form->count; i++) {
        if (!is_there(p, i))
            continue;
        put_string(p, separator);
        put_arg(p, i);
        separator = ", ";
    }
}

/* ---- Results ---- */

static const char *restart_text(int64_t ret)
{
    switch (ret) {
    case -512:
        return "? ERESTARTSYS (To be restarted if SA_RESTART is set)";
    case -513:
        return "? ERESTARTNOINTR (To be restarted)";
    case -514:
        return "? ERESTARTNOHAND (To be restarted if no handler)";
    case -516:
        return "? ERESTART_RESTARTBLOCK (Interrupted by signal)";
    default:
        return NULL;
    }
}

static void put_error(struct printer *p, uint32_t error)
{
    const char *name = lt_errno_name(error), *text = strerrordesc_np((int)error);

    put_string(p, "-1 ");
    if (name)
        put_string(p, name);
    else
        put_format(p, "(errno %" PRIu32 ")", error);
    if (name && text) {
        put_string(p, " (");
        put_string(p, text);
        put_string(p, ")");
    }
}

static void put_success(struct printer *p, unsigned kind)
{
    const struct set *set = lti_kind_set(p->table, kind);
    const int64_t ret = p->call->ret;

    if (set && set->is_bits) {
        put_hex(p, (uint64_t)ret);
        if (ret || kind == KIND_OFLAGS) {
            put_string(p, " (flags ");
            put_set(p, set, (uint64_t)ret);
            put(p, ")", 1);
        }
    } else if (set) {
        put_format(p, "%" PRId64, ret);
        put_string(p, " (");
        put_set(p, set, (uint64_t)ret);
        put(p, ")", 1);
    } else if (kind == KIND_PTR || kind == KIND_HEX) {
        put_hex(p, (uint64_t)ret);
    } else if (kind == KIND_MODE) {
        put_format(p, "%#03" PRIo64, (uint64_t)ret);
    } else {
        put_format(p, "%" PRId64, ret);
    }
}

/* What a wait came to: "(Timeout)", or which descriptors are ready. */
static void put_events(struct printer *p)
{
    const char *separator = " (";
    bool waits = false;

    for (unsigned i = 0; i < p->form->count; i++) {
        const struct arg *arg = &p->form->args[i];

        if (arg->kind == KIND_POLLFD && p->call->ret > 0) {
            put_string(p, " (");
            p->phase = LT_PHASE_RETURN;
            put_revents(p, arg, p->call->args[i]);
            put_string(p, ")");
        }
        if (arg->kind == KIND_FDSET && p->call->ret > 0 && p->call->args[i]) {
            put_string(p, separator);
            put_string(p, i == 1 ? "in " : i == 2 ? "out " : "except ");
            if (!put_pointee(p, arg, p->call->args[i], LT_PHASE_RETURN))
                put_pointer(p, p->call->args[i]);
            separator = ", ";
        }
        waits |= arg->kind == KIND_POLLFD || arg->kind == KIND_FDSET;
    }
    if (*separator == ',')
        put(p, ")", 1);
    if (waits && p->call->ret == 0)
        put_string(p, " (Timeout)");
}

/* ---- Entries ---- */

static int begin(struct printer *p, uint32_t arch, const struct lt_syscall *call,
                 char *text, size_t size)
{
    *p = (struct printer){.to = text, .size = size, .call = call};
    p->table = lti_syscall_table(arch);
    if (!p->table || !call || (!text && size))
        return LT_ERR_ARGUMENT;
    p->form = lti_syscall_form(lti_syscall_find(p->table, call->nr), call->args);
    return 0;
}

static int end(struct printer *p)
{
    if (p->size)
        p->to[p->length < p->size ? p->length : p->size - 1] = '\0';
    return p->length > INT_MAX ? INT_MAX : (int)p->length;
}

int lti_syscall_text(uint32_t arch, const struct lt_syscall *call, char *text,
                     size_t text_size)
{
    const struct call *known;
    struct printer p;

    if (begin(&p, arch, call, text, text_size))
        return LT_ERR_ARGUMENT;
    known = lti_syscall_find(p.table, call->nr);
    if (known)
        put_string(&p, known->name);
    else
        put_format(&p, "syscall_%" PRIu32, call->nr);
    put(&p, "(", 1);
    if (p.form) {
        put_args(&p);
    } else {
        for (unsigned i = 0; i < MAX_ARGS; i++) {
            put_string(&p, i ? ", " : "");
            put_hex(&p, call->args[i]);
        }
    }
    put(&p, ")", 1);
    return end(&p);
}

int lti_syscall_arg_text(uint32_t arch, const struct lt_syscall *call, uint32_t index,
                         char *text, size_t text_size)
{
    struct printer p;

    if (begin(&p, arch, call, text, text_size) || index >= MAX_ARGS)
        return LT_ERR_ARGUMENT;
    if (p.form && (index >= p.form->count || !is_there(&p, index)))
        return LT_ERR_NOT_FOUND;
    if (p.form)
        put_arg(&p, index);
    else
        put_hex(&p, call->args[index]);
    return end(&p);
}

int lti_syscall_result_text(uint32_t arch, const struct lt_syscall *call, char *text,
                            size_t text_size)
{
    struct printer p;
    const char *restart;

    if (begin(&p, arch, call, text, text_size))
        return LT_ERR_ARGUMENT;
    restart = restart_text(call->ret);
    if (call->phase != LT_PHASE_RETURN || (p.form && p.form->result == KIND_NONE)) {
        put_string(&p, "?");
    } else if (restart) {
        put_string(&p, restart);
    } else if (call->error) {
        put_error(&p, call->error);
    } else {
        put_success(&p, p.form ? p.form->result : KIND_LONG);
        if (p.form)
            put_events(&p);
    }
    return end(&p);
}
