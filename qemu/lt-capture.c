/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What system calls point to: copies guest memory into the records of a call, at
 * its entry and at its return, as the table in the control page says.  That table
 * is the library's; the engine knows no system call.
 *
 * Memory that cannot be read is left out.  Files' pages are read through the kernel, as
 * one that QEMU takes for readable may be behind the end of its file.
 */
#include "qemu/osdep.h"
#include "qemu.h"
#include "user-internals.h"
#include "user-mmap.h"
#include "user/page-protection.h"
#include <sys/uio.h>
#include "lt-target.h"
#include "stream.h"

/* Limits of one record. */
#define MAX_TOTAL (48u << 10)
#define MAX_POINTERS 512 /* in an array of strings */
#define MAX_STRINGS 64   /* of which so many are followed */
#define MAX_VECTORS 64

struct capture {
    GByteArray *to;
    const int64_t *args;
    int64_t ret;
    unsigned when; /* LTI_CAPTURE_ENTER, .. */
    unsigned arg;
};

/* Copies a part of one page that is no file's; no other thread can unmap it now. */
static bool read_anonymous(uint64_t addr, void *to, size_t size)
{
    bool there;

    mmap_lock();
    there = page_check_range(addr, size, PAGE_READ | PAGE_ANON);
    if (there) {
        memcpy(to, g2h_untagged(addr), size);
    }
    mmap_unlock();
    return there;
}

/* Copies a part of one page; false if it cannot be read. */
static bool read_page(uint64_t addr, void *to, size_t size)
{
    struct iovec local = {to, size}, remote;

    if (!guest_addr_valid_untagged(addr) || !guest_addr_valid_untagged(addr + size - 1)) {
        return false;
    }
    if (read_anonymous(addr, to, size)) {
        return true;
    }
    if (!page_check_range(addr, size, PAGE_READ)) {
        return false;
    }
    remote.iov_base = g2h_untagged(addr);
    remote.iov_len = size;
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size) {
        return true;
    }
    if (errno != ENOSYS && errno != EPERM) {
        return false;
    }
    memcpy(to, remote.iov_base, size); /* a sandbox forbids the better way */
    return true;
}

size_t lt_read_guest(uint64_t addr, void *to, size_t size)
{
    size_t done = 0;

    addr = cpu_untagged_addr(thread_cpu, addr);
    while (done < size) {
        size_t rest = TARGET_PAGE_SIZE - ((addr + done) & (TARGET_PAGE_SIZE - 1));
        size_t n = MIN(size - done, rest);

        if (!read_page(addr + done, (char *)to + done, n)) {
            break;
        }
        done += n;
    }
    return done;
}

static void put_piece(struct capture *c, uint64_t addr, const void *data, uint32_t size,
                      uint32_t flags)
{
    uint32_t head[2] = {c->arg | flags << 8, size};

    if (c->to->len + ROUND_UP(size, 4) + 16 > MAX_TOTAL) {
        return;
    }
    g_byte_array_append(c->to, (const void *)head, 8);
    g_byte_array_append(c->to, (const void *)&addr, 8);
    g_byte_array_append(c->to, data, size);
    g_byte_array_append(c->to, (const void *)"\0\0\0", ROUND_UP(size, 4) - size);
}

/* Copies at most LTI_CAPTURE_MAX bytes, to `to` if it is not NULL.  How many. */
static size_t take_bytes(struct capture *c, uint64_t addr, uint64_t size)
{
    uint8_t data[LTI_CAPTURE_MAX];
    size_t wanted = MIN(size, sizeof(data));
    size_t n = addr ? lt_read_guest(addr, data, wanted) : 0;

    if (addr && (n || !wanted)) {
        put_piece(c, addr, data, n, 0);
    }
    return n;
}

/* A string that ends with a NUL or after `limit` bytes. */
static void take_string(struct capture *c, uint64_t addr, size_t limit)
{
    char text[LTI_CAPTURE_MAX];
    size_t size = 0;

    limit = MIN(limit, LTI_CAPTURE_STRING);
    while (addr && size < limit) {
        size_t rest = TARGET_PAGE_SIZE - ((addr + size) & (TARGET_PAGE_SIZE - 1));
        size_t n = MIN(MIN(rest, 256), limit - size);
        char *end;

        if (lt_read_guest(addr + size, text + size, n) != n) {
            return;
        }
        end = memchr(text + size, 0, n);
        size = end ? (size_t)(end - text) : size + n;
        if (end) {
            break;
        }
    }
    if (addr) {
        put_piece(c, addr, text, size, LTI_PIECE_STRING);
    }
}

/* A NULL-ended array of strings, such as argv. */
static void take_strings(struct capture *c, uint64_t addr)
{
    uint64_t pointers[MAX_POINTERS];
    unsigned n = 0;

    while (addr && n < MAX_POINTERS &&
           lt_read_guest(addr + 8 * n, &pointers[n], 8) == 8) {
        if (pointers[n++] == 0) {
            break;
        }
    }
    if (n == 0) {
        return;
    }
    put_piece(c, addr, pointers, 8 * n, 0);
    for (unsigned i = 0; i < n && i < MAX_STRINGS && pointers[i]; i++) {
        take_string(c, pointers[i], LTI_CAPTURE_ITEM);
    }
}

/* An array of struct iovec, and at most `limit` bytes that it points to. */
static void take_vectors(struct capture *c, uint64_t addr, uint64_t count, uint64_t limit)
{
    uint64_t vectors[MAX_VECTORS][2];
    size_t n = lt_read_guest(addr, vectors, MIN(count, MAX_VECTORS) * 16) / 16;

    if (!addr || (n == 0 && count)) {
        return;
    }
    put_piece(c, addr, vectors, n * 16, 0);
    for (size_t i = 0; i < n && limit; i++) {
        uint64_t size = MIN(vectors[i][1], limit);

        take_bytes(c, vectors[i][0], MIN(size, LTI_CAPTURE_ITEM));
        limit -= size;
    }
}

/* A struct msghdr and what it points to. */
static void take_message(struct capture *c, uint64_t addr, uint64_t limit)
{
    uint64_t head[7];

    if (!addr || lt_read_guest(addr, head, sizeof(head)) != sizeof(head)) {
        return;
    }
    put_piece(c, addr, head, sizeof(head), 0);
    if (head[0]) {
        take_bytes(c, head[0], MIN((uint32_t)head[1], 128));
    }
    take_vectors(c, head[2], head[3], limit);
    if (head[4]) {
        take_bytes(c, head[4], MIN(head[5], LTI_CAPTURE_ITEM));
    }
}

/* An array of struct mmsghdr. */
static void take_messages(struct capture *c, uint64_t addr, uint64_t count)
{
    for (uint64_t i = 0; addr && i < count && i < MAX_VECTORS; i++) {
        uint64_t here = addr + 64 * i, limit = UINT64_MAX;
        uint32_t length = 0;

        if (lt_read_guest(here + 56, &length, 4) != 4) {
            return;
        }
        take_bytes(c, here + 56, 8);
        if (c->when != LTI_CAPTURE_ENTER) {
            limit = length;
        }
        take_message(c, here, limit);
    }
}

/* How many bytes, or elements, are wanted. */
static uint64_t count_of(const struct capture *c, const struct lti_capture *what,
                         const uint32_t *lengths)
{
    uint32_t request = c->args[1], length = 0;
    uint64_t ret = c->ret < 0 ? 0 : c->ret;
    uint64_t value = c->args[what->number % 6];

    switch (what->count) {
    case LTI_COUNT_NUMBER:
        return what->number;
    case LTI_COUNT_ARG32:
        return (int32_t)value < 0 ? 0 : (uint32_t)value;
    case LTI_COUNT_ARG:
        return value;
    case LTI_COUNT_RET:
        return ret;
    case LTI_COUNT_POINTER:
        lt_read_guest(value, &length, 4);
        return MIN(length, lengths[what->number % 6]);
    case LTI_COUNT_BITS:
        return (int32_t)value < 0 ? 0 : ((uint32_t)value + 63) / 64 * 8;
    case LTI_COUNT_IOCTL:
        return c->when == LTI_CAPTURE_ENTER
                   ? (request >> 30 & 1 ? request >> 16 & 0x3fff : 0)
                   : (request >> 31 ? request >> 16 & 0x3fff : 0);
    default:
        return 0;
    }
}

static void take(struct capture *c, const struct lti_capture *what,
                 const uint32_t *lengths)
{
    uint64_t addr = c->args[c->arg], count = count_of(c, what, lengths);
    uint64_t limit = c->when == LTI_CAPTURE_ENTER || c->ret < 0 ? UINT64_MAX : c->ret;

    switch (what->how) {
    case LTI_CAPTURE_BYTES:
        count = MIN(count, LTI_CAPTURE_MAX);
        if (what->count != LTI_COUNT_IOCTL || count) {
            take_bytes(c, addr, count * what->unit);
        }
        break;
    case LTI_CAPTURE_TEXT:
        take_string(c, addr, LTI_CAPTURE_STRING);
        break;
    case LTI_CAPTURE_TEXTS:
        take_strings(c, addr);
        break;
    case LTI_CAPTURE_VECTORS:
        take_vectors(c, addr, count, limit);
        break;
    case LTI_CAPTURE_MESSAGE:
        take_message(c, addr, limit);
        break;
    case LTI_CAPTURE_MESSAGES:
        take_messages(c, addr, count);
        break;
    }
}

/* What the library wants of this architecture's calls. */
static const struct lti_calls *calls(void)
{
    return &lt_control->calls[lt_target.arch - 1];
}

/* The form of the call with these arguments; NULL: nothing is known. */
static const struct lti_form *form_of(int nr, const int64_t *args)
{
    unsigned at = nr >= 0 && nr < (int)LTI_MAX_CALLS ? calls()->form_of[nr] : 0;

    while (at && at < LTI_MAX_FORMS) {
        const struct lti_form *form = &calls()->forms[at++];

        if (form->arg >= 6 || ((uint32_t)args[form->arg] & form->mask) == form->value) {
            return form;
        }
    }
    return NULL;
}

static void take_all(struct capture *c, int nr, uint32_t *lengths)
{
    const struct lti_form *form = form_of(nr, c->args);

    for (unsigned i = 0; form && i < form->captures; i++) {
        const struct lti_capture *what =
            &calls()->captures[(form->first + i) % LTI_MAX_CAPTURES];

        if (c->when == LTI_CAPTURE_ENTER && what->count == LTI_COUNT_POINTER) {
            unsigned n = what->number % 6;

            if (lt_read_guest(c->args[n], &lengths[n], 4) != 4) {
                lengths[n] = 0;
            }
        }
        c->arg = what->arg % 6;
        if (what->when & c->when) {
            take(c, what, lengths);
        }
    }
}

void lt_capture_enter(GByteArray *to, int nr, const int64_t *args, uint32_t *lengths)
{
    struct capture c = {.to = to, .args = args, .when = LTI_CAPTURE_ENTER};

    memset(lengths, 0, 6 * sizeof(*lengths));
    take_all(&c, nr, lengths);
}

void lt_capture_return(GByteArray *to, int nr, const int64_t *args, int64_t ret,
                       uint32_t *lengths)
{
    struct capture c = {.to = to, .args = args, .ret = ret};

    if (ret < 0 && ret >= -4095) {
        c.when = ret == -TARGET_EINTR ? LTI_CAPTURE_INTERRUPTED : 0;
    } else {
        c.when = LTI_CAPTURE_RETURN;
    }
    if (c.when) {
        take_all(&c, nr, lengths);
    }
}
