/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the buffer between the log's writers and write(2), and the formatting
 * of numbers and strings into it.  A log is up to hundreds of millions of short
 * lines, so everything that happens for each event is inline and avoids stdio.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Data is written when this much has gathered, between two records. */
#define OUT_FULL (1024u * 1024u)
/* Room that out_room() may be asked for at most. */
#define OUT_PIECE 4096u

struct out {
    int fd;
    int error; /* errno of the first write that failed, else 0 */
    bool live; /* somebody may be watching: no regular file */
    size_t used;
    size_t size; /* of data */
    char *data;
    const char *name; /* for messages */
};

/* Prepares to write to `fd`, which out_close() closes.  0 or an errno. */
int out_open(struct out *out, int fd, const char *name);

/* Opens `path` (NULL: standard error, "-": standard output) for out_open().
 * Regular files are truncated; nothing is ever renamed over a path.  0 or an
 * errno. */
int out_open_path(struct out *out, const char *path);

/* Prepares a buffer in memory only, which grows; its fd is -1.  0 or an errno. */
int out_open_memory(struct out *out);

/* Writes what is buffered.  After an error it drops everything. */
void out_flush(struct out *out);

/* Flushes and frees all.  0 or the errno of the first failure. */
int out_close(struct out *out);

/* Appends `size` bytes of any number. */
void out_bytes(struct out *out, const void *bytes, size_t size);

/* Appends a JSON string with its quotes, or null for NULL.  Bytes that are no
 * UTF-8 become \u00XX. */
void out_json_string(struct out *out, const char *text);

/* Appends text for people: control characters and bytes that are no UTF-8
 * become \xXX, so that no file name can play tricks on a terminal. */
void out_plain(struct out *out, const char *text);

/* Appends bytes as hex digits, in order. */
void out_hex_bytes(struct out *out, const uint8_t *bytes, size_t size);

/* A place to put up to `size` (at most OUT_PIECE) bytes; out_upto() then says
 * where they ended. */
static inline char *out_room(struct out *out, size_t size)
{
    if (out->used + size > out->size)
        out_flush(out);
    return out->data + out->used;
}

static inline void out_upto(struct out *out, const char *end)
{
    out->used = (size_t)(end - out->data);
}

/* ---- Formatting at a pointer; each returns the new end ---- */

/* A string literal. */
#define put_lit(p, literal)                                                              \
    ((char *)memcpy((p), (literal), sizeof(literal) - 1) + sizeof(literal) - 1)

static inline char *put_bytes(char *p, const char *bytes, size_t size)
{
    memcpy(p, bytes, size);
    return p + size;
}

/* Lower-case hexadecimal with 0x and without leading zeros: up to 18 bytes. */
static inline char *put_hex(char *p, uint64_t value)
{
    static const char digits[16] = "0123456789abcdef";
    int shift = value ? (63 - __builtin_clzll(value)) & ~3 : 0;
    *p++ = '0';
    *p++ = 'x';
    for (; shift >= 0; shift -= 4)
        *p++ = digits[(value >> shift) & 15];
    return p;
}

/* Decimal: up to 20 bytes. */
static inline char *put_dec(char *p, uint64_t value)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20];
    unsigned first = sizeof digits;

    while (value >= 100) {
        first -= 2;
        memcpy(digits + first, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        first -= 2;
        memcpy(digits + first, pairs + value * 2, 2);
    } else {
        digits[--first] = (char)('0' + value);
    }
    memcpy(p, digits + first, sizeof digits - first);
    return p + (sizeof digits - first);
}

/* A decimal number with its sign: up to 20 bytes. */
static inline char *put_signed(char *p, int64_t value)
{
    if (value < 0) {
        *p++ = '-';
        return put_dec(p, 0 - (uint64_t)value);
    }
    return put_dec(p, (uint64_t)value);
}

/* Two hex digits a byte, in order. */
char *put_hex_bytes(char *p, const uint8_t *bytes, size_t size);

/* A little-endian number of `width` (at most 256) bytes as put_hex() has it. */
char *put_hex_wide(char *p, const uint8_t *bytes, size_t width);

/* A decimal number with commas between the thousands: up to 26 bytes. */
char *put_grouped(char *p, uint64_t value);

#endif
