/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns copies of the memory that the system call in hand points to: its return shows
 * what was there at its entry too, which the ring no longer has by then. */
#include "captures.h"

#include <stdlib.h>
#include <string.h>

#include "lt/lt.h"
#include "stream.h"

#define HEAD 16u /* bytes of a piece before its data */

static uint32_t u32_at(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

void lti_captures_free(struct lti_captures *captures)
{
    free(captures->pieces);
    free(captures->bytes);
    *captures = (struct lti_captures){0};
}

void lti_captures_clear(struct lti_captures *captures)
{
    captures->count = 0;
    captures->used = 0;
}

/* Makes room for `bytes` more and a piece for each HEAD of them. */
static int make_room(struct lti_captures *captures, size_t bytes)
{
    const uint32_t pieces = captures->count + (uint32_t)(bytes / HEAD);

    if (captures->piece_room < pieces) {
        struct lt_syscall_data *more =
            realloc(captures->pieces, pieces * sizeof *captures->pieces);

        if (!more)
            return LT_ERR_NO_MEMORY;
        captures->pieces = more;
        captures->piece_room = pieces;
    }
    if (captures->byte_room - captures->used < bytes) {
        const size_t room = captures->used + bytes;
        uint8_t *more = malloc(room);

        if (!more)
            return LT_ERR_NO_MEMORY;
        if (captures->used)
            memcpy(more, captures->bytes, captures->used);
        for (uint32_t i = 0; i < captures->count; i++)
            captures->pieces[i].data =
                more + (captures->pieces[i].data - captures->bytes);
        free(captures->bytes);
        captures->bytes = more;
        captures->byte_room = room;
    }
    return 0;
}

/* Copies one piece, with a NUL behind it: that takes less room than its head. */
static void add_piece(struct lti_captures *captures, const uint8_t *record,
                      uint32_t phase)
{
    struct lt_syscall_data *piece = &captures->pieces[captures->count++];
    uint8_t *to = captures->bytes + captures->used;

    *piece = (struct lt_syscall_data){.data = to,
                                      .length = u32_at(record + 4),
                                      .phase = phase,
                                      .arg = record[0],
                                      .is_string = record[1] & LTI_PIECE_STRING};
    memcpy(&piece->addr, record + 8, 8);
    memcpy(to, record + HEAD, piece->length);
    to[piece->length] = 0;
    captures->used += piece->length + 1;
}

int lti_captures_take(struct lti_captures *captures, struct lt_syscall *call,
                      uint32_t phase, const uint8_t *record, uint32_t size)
{
    int error = make_room(captures, size);

    if (error)
        return error;
    while (size >= HEAD) {
        const uint32_t head = u32_at(record), length = u32_at(record + 4);
        const uint32_t arg = head & 0xff, limit = LTI_CAPTURE_MAX;
        const uint32_t padded = (length + 3) & ~3u;

        if (arg >= 6 || length > limit || padded > size - HEAD ||
            captures->count >= LTI_MAX_PIECES ||
            ((head >> 8 & LTI_PIECE_STRING) && length > LTI_CAPTURE_STRING))
            return LT_ERR_STREAM;
        add_piece(captures, record, phase);
        record += HEAD + padded;
        size -= HEAD + padded;
    }
    if (size)
        return LT_ERR_STREAM;
    memset(call->strings, 0, sizeof call->strings);
    for (uint32_t i = 0; i < captures->count; i++) {
        const struct lt_syscall_data *piece = &captures->pieces[i];

        if (piece->is_string && piece->addr == call->args[piece->arg])
            call->strings[piece->arg] = (const char *)piece->data;
    }
    call->data = captures->pieces;
    call->data_count = captures->count;
    return 0;
}
