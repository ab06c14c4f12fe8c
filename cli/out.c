/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the buffer between the log's writers and write(2); see out.h. */
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int out_open(struct out *out, int fd, const char *name)
{
    struct stat status;

    *out = (struct out){.fd = fd, .name = name};
    out->live = fstat(fd, &status) == 0 && !S_ISREG(status.st_mode);
    /* Records end between OUT_FULL and the end; only a huge one is split. */
    out->size = OUT_FULL + 16 * OUT_PIECE;
    out->data = malloc(out->size);
    return out->data ? 0 : ENOMEM;
}

/* open() whose descriptor is no standard stream's: the guest, which inherits
 * those, would have the log for a stream that is closed. */
static int open_log(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
    int high;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return high;
}

/* The standard stream that is the same regular file as `path`, or -1.  Opened
 * a second time (-o /dev/stdout >file), the log would have a file offset of its
 * own and overwrite what the guest prints. */
static int same_stream(const char *path)
{
    struct stat named, stream;

    if (stat(path, &named) < 0 || !S_ISREG(named.st_mode))
        return -1;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fstat(fd, &stream) == 0 && stream.st_dev == named.st_dev &&
            stream.st_ino == named.st_ino)
            return fd;
    }
    return -1;
}

int out_open_path(struct out *out, const char *path)
{
    const char *name = path;
    int stream = -1;
    int fd, error;

    if (!path) {
        stream = STDERR_FILENO;
        name = "standard error";
    } else if (strcmp(path, "-") == 0) {
        stream = STDOUT_FILENO;
        name = "standard output";
    } else {
        stream = same_stream(path);
    }
    if (stream >= 0)
        fd = fcntl(stream, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    else
        fd = open_log(path);
    if (fd < 0)
        return errno;
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
        close(fd);
        return EBADF;
    }
    error = out_open(out, fd, name);
    if (error)
        close(fd);
    return error;
}

int out_open_memory(struct out *out)
{
    *out = (struct out){.fd = -1, .size = 4 * OUT_PIECE};
    out->data = malloc(out->size);
    return out->data ? 0 : ENOMEM;
}

/* Makes a buffer in memory larger by no less than OUT_PIECE. */
static void grow(struct out *out)
{
    char *bigger = realloc(out->data, out->size * 2);

    if (bigger) {
        out->data = bigger;
        out->size *= 2;
    } else {
        out->error = ENOMEM;
        out->used = 0;
    }
}

/* Waits until a descriptor that somebody made non-blocking takes more. */
static int wait_writable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};

    while (poll(&wait, 1, -1) < 0) {
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

void out_flush(struct out *out)
{
    size_t done = 0;

    if (out->fd < 0) {
        grow(out);
        return;
    }
    while (done < out->used && !out->error) {
        ssize_t n = write(out->fd, out->data + done, out->used - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            out->error = EIO; /* a device that takes nothing would never end */
        else if (errno == EAGAIN)
            out->error = wait_writable(out->fd);
        else if (errno != EINTR)
            out->error = errno;
    }
    out->used = 0;
}

int out_close(struct out *out)
{
    if (out->fd >= 0) {
        out_flush(out);
        /* Network file systems report a full disk here.  EINTR has closed it. */
        if (close(out->fd) < 0 && errno != EINTR && !out->error)
            out->error = errno;
    }
    free(out->data);
    out->data = NULL;
    out->size = 0;
    return out->error;
}

void out_bytes(struct out *out, const void *bytes, size_t size)
{
    const char *from = bytes;

    while (size) {
        size_t n = size < OUT_PIECE ? size : OUT_PIECE;
        out_upto(out, put_bytes(out_room(out, n), from, n));
        from += n;
        size -= n;
    }
}

char *put_hex_bytes(char *p, const uint8_t *bytes, size_t size)
{
    static const char digits[16] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        *p++ = digits[bytes[i] >> 4];
        *p++ = digits[bytes[i] & 15];
    }
    return p;
}

char *put_hex_wide(char *p, const uint8_t *bytes, size_t width)
{
    uint8_t reversed[256];
    char *start = p;
    char *digit;

    if (width > sizeof reversed)
        width = sizeof reversed;
    for (size_t i = 0; i < width; i++)
        reversed[i] = bytes[width - 1 - i];
    p = put_lit(p, "0x");
    digit = p;
    p = put_hex_bytes(p, reversed, width);
    while (digit < p - 1 && *digit == '0')
        digit++;
    memmove(start + 2, digit, (size_t)(p - digit));
    return start + 2 + (p - digit);
}

char *put_grouped(char *p, uint64_t value)
{
    char digits[20];
    size_t n = (size_t)(put_dec(digits, value) - digits);

    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            *p++ = ',';
        *p++ = digits[i];
    }
    return p;
}

void out_hex_bytes(struct out *out, const uint8_t *bytes, size_t size)
{
    while (size) {
        size_t n = size < OUT_PIECE / 2 ? size : OUT_PIECE / 2;
        out_upto(out, put_hex_bytes(out_room(out, 2 * n), bytes, n));
        bytes += n;
        size -= n;
    }
}

/* How many bytes the well-formed UTF-8 character at `s` has (the Unicode
 * Standard's table 3-7), or 0.  `s` ends with a NUL, which is no continuation. */
static unsigned utf8_length(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xbf;
    unsigned length;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        length = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        length = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f; /* no surrogates */
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (unsigned i = 2; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

void out_json_string(struct out *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    char *p;

    if (!text) {
        out_bytes(out, "null", 4);
        return;
    }
    out_bytes(out, "\"", 1);
    while (*s) {
        unsigned length = utf8_length(s);
        p = out_room(out, 8);
        if (*s == '"' || *s == '\\') {
            *p++ = '\\';
            *p++ = (char)*s++;
        } else if (*s == '\n') {
            p = put_lit(p, "\\n");
            s++;
        } else if (*s == '\t') {
            p = put_lit(p, "\\t");
            s++;
        } else if (*s < 0x20 || !length) {
            p = put_lit(p, "\\u00");
            p = put_hex_bytes(p, s, 1);
            s++;
        } else {
            p = put_bytes(p, (const char *)s, length);
            s += length;
        }
        out_upto(out, p);
    }
    out_bytes(out, "\"", 1);
}

void out_plain(struct out *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s) {
        unsigned length = utf8_length(s);
        char *p = out_room(out, 8);
        /* U+0080 to U+009F are control characters too. */
        if (*s < 0x20 || *s == 0x7f || !length || (s[0] == 0xc2 && s[1] < 0xa0)) {
            unsigned n = length ? length : 1;
            for (unsigned i = 0; i < n; i++) {
                p = put_lit(p, "\\x");
                p = put_hex_bytes(p, s++, 1);
            }
        } else {
            p = put_bytes(p, (const char *)s, length);
            s += length;
        }
        out_upto(out, p);
    }
}
