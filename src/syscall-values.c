/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes what system calls point to where it has a form of its own: buffers, sets,
 * addresses, messages, and others that no table of members can describe. */
#include "syscall-text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "stream.h"

#define SIGNALS 64

static uint64_t u64_of(const uint8_t *from)
{
    return get_number(from, 8);
}

static uint32_t u32_of(const uint8_t *from)
{
    return (uint32_t)get_number(from, 4);
}

/* ---- Buffers and strings ---- */

/* `total` bytes, of which `size` are there. */
static void put_buffer(struct printer *p, const uint8_t *data, size_t size,
                       uint64_t total)
{
    size_t shown = size < MAX_SHOWN ? size : MAX_SHOWN;

    put_quoted(p, data, shown);
    if (shown < total)
        put_string(p, "...");
}

static bool put_bytes(struct printer *p, const struct arg *arg, uint64_t addr)
{
    uint64_t count = element_count(p, arg);
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data);

    if (size == SIZE_MAX || (size == 0 && count != 0 && count != UINT64_MAX))
        return false;
    if (count == UINT64_MAX && arg->count == COUNT_POINTER)
        count = size;
    if (size > count)
        size = (size_t)count;
    if (arg->kind == KIND_HEXBYTES) {
        size_t shown = size < MAX_SHOWN ? size : MAX_SHOWN;

        put(p, "\"", 1);
        for (size_t i = 0; i < shown; i++)
            put_format(p, "\\x%02x", data[i]);
        put_string(p, shown < count ? "\"..." : "\"");
    } else {
        put_buffer(p, data, size, count);
    }
    return true;
}

static void put_cstring(struct printer *p, const uint8_t *data, size_t size)
{
    put_quoted(p, data, strnlen((const char *)data, size));
}

static bool put_cstring_at(struct printer *p, const struct arg *arg, uint64_t addr)
{
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data);

    (void)arg;
    if (size == SIZE_MAX || size == 0)
        return false;
    put_cstring(p, data, size);
    return true;
}

/* argv; of the environment only how much it is. */
static bool put_strings(struct printer *p, const struct arg *arg, uint64_t addr)
{
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data), count = 0;
    bool ended;

    if (size == SIZE_MAX || size < 8)
        return false;
    while (count < size / 8 && u64_of(data + 8 * count))
        count++;
    ended = count < size / 8;
    if (arg->kind == KIND_ENVP) {
        put_pointer(p, addr);
        put_format(p, " /* %zu%s var%s */", count, ended ? "" : " or more",
                   count == 1 && ended ? "" : "s");
        return true;
    }
    put(p, "[", 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t pointer = u64_of(data + 8 * i);
        const uint8_t *text = NULL;
        size_t length;

        put_string(p, i ? ", " : "");
        if (i == MAX_SHOWN) {
            put_string(p, "...");
            break;
        }
        length = get_memory(p, pointer, LTI_CAPTURE_MAX, &text);
        if (length == SIZE_MAX)
            put_pointer(p, pointer);
        else
            put_buffer(p, text, length, length);
    }
    put_string(p, ended || count > MAX_SHOWN ? "]" : ", ...]");
    return true;
}

/* ---- Vectors and messages ---- */

/* `total` is how many bytes were moved, UINT64_MAX if all. */
static void put_vectors(struct printer *p, uint64_t addr, uint64_t count, uint64_t total)
{
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data);

    if (size == SIZE_MAX || (count && size < 16)) {
        put_pointer(p, addr);
        return;
    }
    put(p, "[", 1);
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *bytes = NULL;
        uint64_t base, length, moved;
        size_t there;

        put_string(p, i ? ", " : "");
        if (i == MAX_SHOWN || 16 * (i + 1) > size) {
            put_string(p, "...");
            break;
        }
        base = u64_of(data + 16 * i);
        length = u64_of(data + 16 * i + 8);
        moved = length < total ? length : total;
        put_string(p, "{iov_base=");
        there = get_memory(p, base, LTI_CAPTURE_MAX, &bytes);
        if (base && moved == 0)
            put_string(p, "\"\"");
        else if (!base || there == SIZE_MAX || there == 0)
            put_pointer(p, base);
        else
            put_buffer(p, bytes, there < moved ? there : (size_t)moved, moved);
        put_format(p, ", iov_len=%" PRIu64 "}", length);
        total -= moved;
    }
    put(p, "]", 1);
}

static uint64_t moved_bytes(const struct printer *p)
{
    return p->phase == LT_PHASE_RETURN && p->call->ret >= 0 ? (uint64_t)p->call->ret
                                                            : UINT64_MAX;
}

static void put_descriptors(struct printer *p, const uint8_t *data, size_t size)
{
    put(p, "[", 1);
    for (size_t i = 0; i + 4 <= size; i += 4) {
        put_string(p, i ? ", " : "");
        put_scalar(p, KIND_FD, u32_of(data + i), 4);
    }
    put(p, "]", 1);
}

static void put_address(struct printer *p, const uint8_t *data, size_t size);

/* Control messages: struct cmsghdr is a size, a level and a type. */
static void put_control(struct printer *p, uint64_t addr, uint64_t length)
{
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data), at = 0;
    const char *separator = "";

    if (size == SIZE_MAX || size < 16) {
        put_pointer(p, addr);
        return;
    }
    if (size > length)
        size = (size_t)length;
    put(p, "[", 1);
    while (size - at >= 16 && size >= 16) {
        uint64_t whole = u64_of(data + at);
        uint32_t level = u32_of(data + at + 8), type = u32_of(data + at + 12);
        size_t rest = size - at - 16, bytes = whole < 16 ? 0 : (size_t)(whole - 16);

        put_string(p, separator);
        put_format(p, "{cmsg_len=%" PRIu64 ", cmsg_level=", whole);
        put_scalar(p, KIND_SOCKLEVEL, level, 4);
        put_string(p, ", cmsg_type=");
        if (level == 1 && type == 1)
            put_string(p, "SCM_RIGHTS");
        else if (level == 1 && type == 2)
            put_string(p, "SCM_CREDENTIALS");
        else
            put_format(p, "%#" PRIx32, type);
        if (whole >= 16 && bytes <= rest) {
            put_string(p, ", cmsg_data=");
            if (level == 1 && type == 1)
                put_descriptors(p, data + at + 16, bytes);
            else if (level == 1 && type == 2 && bytes == 12)
                put_struct(p, KIND_UCRED, data + at + 16, bytes);
            else
                put_buffer(p, data + at + 16, bytes, bytes);
        }
        put(p, "}", 1);
        separator = ", ";
        whole = (whole + 7) & ~UINT64_C(7);
        if (whole < 16 || whole >= size - at)
            break;
        at += (size_t)whole;
    }
    put(p, "]", 1);
}

static void put_message(struct printer *p, const uint8_t *data, uint64_t moved)
{
    const uint64_t name = u64_of(data), control = u64_of(data + 32);
    const uint32_t name_length = u32_of(data + 8);
    const uint8_t *bytes = NULL;
    size_t size;

    put_string(p, "{msg_name=");
    size = name ? get_memory(p, name, name_length, &bytes) : SIZE_MAX;
    if (size == SIZE_MAX || size < 2)
        put_pointer(p, name);
    else
        put_address(p, bytes, size);
    put_format(p, ", msg_namelen=%" PRIu32 ", msg_iov=", name_length);
    put_vectors(p, u64_of(data + 16), u64_of(data + 24), moved);
    put_format(p, ", msg_iovlen=%" PRIu64, u64_of(data + 24));
    if (control && u64_of(data + 40)) {
        put_string(p, ", msg_control=");
        put_control(p, control, u64_of(data + 40));
    }
    put_format(p, ", msg_controllen=%" PRIu64 ", msg_flags=", u64_of(data + 40));
    put_scalar(p, KIND_MSGFLAGS, u32_of(data + 48), 4);
    put(p, "}", 1);
}

static bool put_message_at(struct printer *p, uint64_t addr)
{
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, 56, &data);

    if (size == SIZE_MAX || size < 56)
        return false;
    put_message(p, data, moved_bytes(p));
    return true;
}

static bool put_messages(struct printer *p, const struct arg *arg, uint64_t addr)
{
    uint64_t count = element_count(p, arg);
    const uint8_t *data = NULL, *tail = NULL;
    size_t size = get_memory(p, addr, 56, &data);

    if (size == SIZE_MAX || size < 56)
        return false;
    put(p, "[", 1);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t here = addr + 64 * i;

        size = get_memory(p, here, 56, &data);
        put_string(p, i ? ", " : "");
        if (i == MAX_SHOWN || size == SIZE_MAX || size < 56) {
            put_string(p, "...");
            break;
        }
        size = get_memory(p, here + 56, 4, &tail);
        put_string(p, "{msg_hdr=");
        put_message(p, data,
                    p->phase == LT_PHASE_RETURN && size == 4 ? u32_of(tail) : UINT64_MAX);
        if (size == 4 && p->phase == LT_PHASE_RETURN)
            put_format(p, ", msg_len=%" PRIu32, u32_of(tail));
        put(p, "}", 1);
    }
    put(p, "]", 1);
    return true;
}

/* ---- Socket addresses and options ---- */

static void put_unix_address(struct printer *p, const uint8_t *data, size_t size)
{
    put_string(p, "{sa_family=AF_UNIX");
    if (size > 2 && data[2]) {
        put_string(p, ", sun_path=");
        put_cstring(p, data + 2, size - 2);
    } else if (size > 3) {
        put_string(p, ", sun_path=@");
        put_quoted(p, data + 3, size - 3);
    }
    put(p, "}", 1);
}

static void put_address(struct printer *p, const uint8_t *data, size_t size)
{
    static const struct {
        uint16_t family;
        uint16_t kind;
    } known[] = {
        {2, KIND_SOCKADDR_IN},  {10, KIND_SOCKADDR_IN6}, {16, KIND_SOCKADDR_NL},
        {17, KIND_SOCKADDR_LL}, {40, KIND_SOCKADDR_VM},
    };
    const uint16_t family = (uint16_t)get_number(data, 2);

    if (family == 1) {
        put_unix_address(p, data, size);
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        /* Padding at the end may be missing. */
        if (known[i].family == family && size >= p->table->sizes[known[i].kind]) {
            put_struct(p, known[i].kind, data, size);
            return;
        }
    }
    put_string(p, "{sa_family=");
    put_scalar(p, KIND_FAMILY, family, 2);
    if (size > 2) {
        put_string(p, ", sa_data=");
        put_buffer(p, data + 2, size - 2, size - 2);
    }
    put(p, "}", 1);
}

static bool put_address_at(struct printer *p, uint64_t addr)
{
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data);

    if (size == SIZE_MAX || size < 2)
        return false;
    put_address(p, data, size);
    return true;
}

/* The value of a socket option: setsockopt() and getsockopt() have the level in
 * their second and the option in their third argument. */
static bool put_option(struct printer *p, uint64_t addr)
{
    const uint32_t level = (uint32_t)p->call->args[1];
    const uint32_t option = (uint32_t)p->call->args[2];
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data);

    if (size == SIZE_MAX || size == 0)
        return false;
    if (level == 1 && option == 13 && size == p->table->sizes[KIND_LINGER]) {
        put_struct(p, KIND_LINGER, data, size);
    } else if (level == 1 && option == 17 && size == p->table->sizes[KIND_UCRED]) {
        put_struct(p, KIND_UCRED, data, size);
    } else if (level == 1 && (option == 20 || option == 21) &&
               size == p->table->sizes[KIND_TIMEVAL]) {
        put_struct(p, KIND_TIMEVAL, data, size);
    } else if (size == 4) {
        put_format(p, "[%" PRId32 "]", (int32_t)u32_of(data));
    } else {
        put_buffer(p, data, size, size);
    }
    return true;
}

/* ---- Sets ---- */

/* A signal's name without SIG. */
static void put_signal(struct printer *p, unsigned number)
{
    const struct set *set = lti_kind_set(p->table, KIND_SIGNAL);

    if (number == 32) {
        put_string(p, "RTMIN");
        return;
    }
    if (number > 32) {
        put_format(p, "RT_%u", number - 32);
        return;
    }
    for (unsigned i = 0; i < set->count; i++) {
        if (set->flags[i].value == number) {
            put_string(p, set->flags[i].name + 3);
            return;
        }
    }
    put_format(p, "%u", number);
}

static void put_sigset(struct printer *p, uint64_t set)
{
    const char *separator = "";

    if (__builtin_popcountll(set) > SIGNALS * 2 / 3) {
        put(p, "~", 1);
        set = ~set;
    }
    put(p, "[", 1);
    for (unsigned i = 0; i < SIGNALS; i++) {
        if (set >> i & 1) {
            put_string(p, separator);
            put_signal(p, i + 1);
            separator = " ";
        }
    }
    put(p, "]", 1);
}

/* Descriptors or processors: `bits` of them. */
static bool put_bitmap(struct printer *p, uint64_t addr, uint64_t bits)
{
    const char *separator = "";
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data);

    if (size == SIZE_MAX || (size == 0 && bits))
        return false;
    put(p, "[", 1);
    for (uint64_t i = 0; i < bits && i / 8 < size; i++) {
        if (data[i / 8] >> i % 8 & 1) {
            put_format(p, "%s%" PRIu64, separator, i);
            separator = " ";
        }
    }
    put(p, "]", 1);
    return true;
}

/* ---- Processes and signals ---- */

static bool put_wait_status(struct printer *p, uint64_t addr)
{
    const uint8_t *data = NULL;
    uint32_t status, signal;

    if (p->call->ret == 0 || get_memory(p, addr, 4, &data) != 4)
        return false; /* without a child nothing is written */
    status = u32_of(data);
    signal = status & 0x7f;
    put_string(p, "[{");
    if (signal == 0) {
        put_format(p, "WIFEXITED(s) && WEXITSTATUS(s) == %u", status >> 8 & 0xff);
    } else if ((status & 0xff) == 0x7f) {
        put_string(p, "WIFSTOPPED(s) && WSTOPSIG(s) == ");
        put_scalar(p, KIND_SIGNAL, status >> 8 & 0xff, 4);
    } else if (status == 0xffff) {
        put_string(p, "WIFCONTINUED(s)");
    } else {
        put_string(p, "WIFSIGNALED(s) && WTERMSIG(s) == ");
        put_scalar(p, KIND_SIGNAL, signal, 4);
        if (status & 0x80)
            put_string(p, " && WCOREDUMP(s)");
    }
    put_string(p, "}]");
    return true;
}

/* struct siginfo: signal, errno and code, and from the 16th byte on what depends on
 * them. */
static bool put_siginfo(struct printer *p, uint64_t addr)
{
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, 128, &data);
    uint32_t signal;
    int32_t code;

    if (size == SIZE_MAX || size < 48)
        return false;
    signal = u32_of(data);
    code = (int32_t)u32_of(data + 8);
    if (signal == 0) {
        put_string(p, "{}");
        return true;
    }
    put_string(p, "{si_signo=");
    put_scalar(p, KIND_SIGNAL, signal, 4);
    put_string(p, ", si_code=");
    put_scalar(p, signal == 17 && code > 0 ? KIND_CHLDCODE : KIND_SICODE, (uint32_t)code,
               4);
    if (u32_of(data + 4)) {
        const char *name = lt_errno_name(u32_of(data + 4));
        put_string(p, ", si_errno=");
        put_string(p, name ? name : "?");
    }
    if (code > 0 &&
        (signal == 4 || signal == 5 || signal == 7 || signal == 8 || signal == 11)) {
        put_string(p, ", si_addr=");
        put_pointer(p, u64_of(data + 16));
    } else {
        put_format(p, ", si_pid=%" PRId32 ", si_uid=%" PRIu32, (int32_t)u32_of(data + 16),
                   u32_of(data + 20));
        if (signal == 17 && code > 0) {
            put_string(p, ", si_status=");
            if (code == 1)
                put_format(p, "%" PRId32, (int32_t)u32_of(data + 24));
            else
                put_scalar(p, KIND_SIGNAL, u32_of(data + 24), 4);
            put_format(p, ", si_utime=%" PRIu64 ", si_stime=%" PRIu64, u64_of(data + 32),
                       u64_of(data + 40));
        } else if (code < 0 && code != -6 && u64_of(data + 24)) {
            put_format(p, ", si_int=%" PRId32 ", si_ptr=%#" PRIx64,
                       (int32_t)u32_of(data + 24), u64_of(data + 24));
        }
    }
    put(p, "}", 1);
    return true;
}

static void put_capability_set(struct printer *p, const char *name, uint64_t bits)
{
    const struct set *set = lti_kind_set(p->table, KIND_CAPABILITY);
    const char *separator = "";

    put_string(p, name);
    if (!bits)
        put(p, "0", 1);
    for (unsigned i = 0; i < 64; i++) {
        unsigned k = 0;

        if (!(bits >> i & 1))
            continue;
        while (k < set->count && set->flags[k].value != i)
            k++;
        put_string(p, separator);
        if (k < set->count)
            put_string(p, "1<<"), put_string(p, set->flags[k].name);
        else
            put_format(p, "1<<%u", i);
        separator = "|";
    }
}

/* One or two times three words, as the version in the first argument says. */
static bool put_capabilities(struct printer *p, uint64_t addr)
{
    static const char *const names[] = {"{effective=", ", permitted=", ", inheritable="};
    const uint32_t phase = p->phase;
    const uint8_t *head = NULL, *data = NULL;
    size_t size = get_memory(p, addr, 24, &data);
    bool is_first;

    p->phase = LT_PHASE_ENTER;
    is_first = get_memory(p, p->call->args[0], 4, &head) != 4 ||
               u32_of(head) == 0x19980330; /* _LINUX_CAPABILITY_VERSION_1 */
    p->phase = phase;
    if (size == SIZE_MAX || size < (is_first ? 12 : 24))
        return false;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t high = is_first ? 0 : u32_of(data + 12 + 4 * i);
        put_capability_set(p, names[i], u32_of(data + 4 * i) | high << 32);
    }
    put(p, "}", 1);
    return true;
}

/* ---- Directories ---- */

/* How many entries: struct linux_dirent and linux_dirent64 have their length at the
 * same place. */
static bool put_entries(struct printer *p, const struct arg *arg, uint64_t addr)
{
    const uint64_t total = element_count(p, arg);
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data), at = 0;
    unsigned count = 0;

    if (size == SIZE_MAX)
        return false;
    while (at + 19 <= size && at + 19 <= total) {
        size_t length = (size_t)get_number(data + at + 16, 2);

        if (length < 19)
            break;
        count++;
        at += length;
    }
    put_pointer(p, addr);
    put_format(p, " /* %u%s entr%s */", count, at < total ? " or more" : "",
               count == 1 && at >= total ? "y" : "ies");
    return true;
}

/* ---- Which is which ---- */

int put_special(struct printer *p, const struct arg *arg, uint64_t addr)
{
    const uint8_t *data = NULL;

    switch (arg->kind) {
    case KIND_BYTES:
    case KIND_HEXBYTES:
        return put_bytes(p, arg, addr);
    case KIND_CSTRING:
        return put_cstring_at(p, arg, addr);
    case KIND_ARGV:
    case KIND_ENVP:
        return put_strings(p, arg, addr);
    case KIND_IOVEC:
        if (get_memory(p, addr, 1, &data) == SIZE_MAX)
            return false;
        put_vectors(p, addr, element_count(p, arg), moved_bytes(p));
        return true;
    case KIND_MSGHDR:
        return put_message_at(p, addr);
    case KIND_MMSGHDR:
        return put_messages(p, arg, addr);
    case KIND_SOCKADDR:
        return put_address_at(p, addr);
    case KIND_OPTVAL:
        return put_option(p, addr);
    case KIND_SIGSET:
        if (get_memory(p, addr, 8, &data) != 8)
            return false;
        put_sigset(p, u64_of(data));
        return true;
    case KIND_SIGSETARG:
        if (get_memory(p, addr, 16, &data) != 16)
            return false;
        put_string(p, "{sigmask=");
        put_pointer(p, u64_of(data));
        put_format(p, ", sigsetsize=%" PRIu64 "}", u64_of(data + 8));
        return true;
    case KIND_WSTATUS:
        return put_wait_status(p, addr);
    case KIND_SIGINFO:
        return put_siginfo(p, addr);
    case KIND_CAPDATA:
        return put_capabilities(p, addr);
    case KIND_DIRENTS:
    case KIND_DIRENTS64:
        return put_entries(p, arg, addr);
    case KIND_FDSET:
        return put_bitmap(p, addr, element_count(p, arg));
    case KIND_CPUSET: {
        uint64_t bytes = element_count(p, arg);
        return put_bitmap(p, addr, (bytes < 4096 ? bytes : 4096) * 8);
    }
    default:
        return -1;
    }
}

static void put_limit(struct printer *p, uint64_t value)
{
    if (value == UINT64_MAX)
        put_string(p, "RLIM64_INFINITY");
    else if (value > 1024 && value % 1024 == 0)
        put_format(p, "%" PRIu64 "*1024", value / 1024);
    else
        put_format(p, "%" PRIu64, value);
}

static void put_handler(struct printer *p, uint64_t value)
{
    if (value == 0)
        put_string(p, "SIG_DFL");
    else if (value == 1)
        put_string(p, "SIG_IGN");
    else if (value == UINT64_MAX)
        put_string(p, "SIG_ERR");
    else
        put_hex(p, value);
}

static void put_ip(struct printer *p, int family, const uint8_t *from)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(family, from, text, sizeof text);
    put_string(p, family == AF_INET ? "inet_addr(\"" : "inet_pton(AF_INET6, \"");
    put_string(p, text);
    put_string(p, family == AF_INET ? "\")" : "\", &sin6_addr)");
}

bool put_special_value(struct printer *p, unsigned kind, const uint8_t *from, size_t size)
{
    switch (kind) {
    case KIND_CSTRING:
        put_cstring(p, from, size);
        return true;
    case KIND_SIGSET:
        put_sigset(p, get_number(from, size));
        return true;
    case KIND_SIGHANDLER:
        put_handler(p, u64_of(from));
        return true;
    case KIND_SARESTORER:
        put_pointer(p, u64_of(from));
        return true;
    case KIND_RLIMVALUE:
        put_limit(p, u64_of(from));
        return true;
    case KIND_STSIZE:
        put_format(p, "%" PRId64, (int64_t)u64_of(from));
        return true;
    case KIND_STRDEV:
        put_scalar(p, KIND_DEV, u64_of(from), 8);
        return true;
    case KIND_FSID:
        put_format(p, "{val=[%#" PRIx32 ", %#" PRIx32 "]}", u32_of(from),
                   u32_of(from + 4));
        return true;
    case KIND_EPOLLDATA:
        put_hex(p, u64_of(from));
        return true;
    case KIND_NETPORT:
        put_format(p, "htons(%u)", from[0] << 8 | from[1]);
        return true;
    case KIND_NETHL:
        put_format(p, "htonl(%" PRIu32 ")", ntohl(u32_of(from)));
        return true;
    case KIND_IP4:
        put_ip(p, AF_INET, from);
        return true;
    case KIND_IP6:
        put_ip(p, AF_INET6, from);
        return true;
    case KIND_HEXGROUPS:
        put_format(p, "%#08" PRIx32, u32_of(from));
        return true;
    default:
        return false;
    }
}

/* A member's value, found by its kind; `otherwise` if there is none. */
static uint64_t member(const struct layout *layout, unsigned kind, const uint8_t *from,
                       uint64_t otherwise)
{
    for (unsigned i = 0; i < layout->count; i++) {
        const struct field *field = &layout->fields[i];
        if (field->kind == kind)
            return get_number(from + field->offset, field->size);
    }
    return otherwise;
}

bool field_is_hidden(const struct layout *layout, const struct field *field,
                     const uint8_t *from)
{
    const uint64_t type = member(layout, KIND_FILEMODE, from, 0) & 0170000;
    const bool is_device = type == 0020000 || type == 0060000;

    switch (field->kind) {
    case KIND_STSIZE:
        return is_device;
    case KIND_STRDEV:
        return !is_device;
    case KIND_SARESTORER:
        return !(member(layout, KIND_SAFLAGS, from, 0) & 0x04000000);
    case KIND_NONZERO:
        return get_number(from + field->offset, field->size) == 0;
    case KIND_REVENTS:
        return true; /* it stands behind the result */
    default:
        return false;
    }
}

void put_revents(struct printer *p, const struct arg *arg, uint64_t addr)
{
    const struct layout *layout = &p->table->layouts[KIND_POLLFD - KIND_FIRST_STRUCT];
    const size_t unit = p->table->sizes[KIND_POLLFD];
    const uint64_t count = element_count(p, arg);
    const uint8_t *data = NULL;
    size_t size = get_memory(p, addr, LTI_CAPTURE_MAX, &data);
    const char *separator = "";

    put(p, "[", 1);
    for (uint64_t i = 0; size != SIZE_MAX && i < count && (i + 1) * unit <= size; i++) {
        const uint8_t *one = data + i * unit;
        uint64_t revents = member(layout, KIND_REVENTS, one, 0);

        if (!revents)
            continue;
        put_string(p, separator);
        put_format(p,
                   "{fd=%" PRId32 ", revents=", (int32_t)member(layout, KIND_FD, one, 0));
        put_scalar(p, KIND_POLLEVENTS, revents, 2);
        put(p, "}", 1);
        separator = ", ";
    }
    put(p, "]", 1);
}
