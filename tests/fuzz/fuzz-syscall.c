/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls for people: the input is a call, with the memory that its arguments
 * point to, as a callback gets it.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "lt/lt.h"
#include "syscalls.h"

#define PIECES 16u

static void write_call(uint32_t arch, const struct lt_syscall *call)
{
    static const size_t sizes[] = {0, 1, 7, 64, 4096};
    char *text = malloc(4096);

    if (text == NULL) {
        return;
    }
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        /* As large as it is said to be, for a sanitizer. */
        char *room = sizes[i] < 4096 ? malloc(sizes[i] + 1) : text;
        char *to = room == NULL || sizes[i] == 0 ? NULL : room + (sizes[i] < 4096);
        int length = lti_syscall_text(arch, call, to, sizes[i]);

        if (length >= 0 && to != NULL && strlen(to) >= sizes[i]) {
            abort();
        }
        for (uint32_t arg = 0; arg < 7; arg++) {
            lti_syscall_arg_text(arch, call, arg, to, sizes[i]);
        }
        lti_syscall_result_text(arch, call, to, sizes[i]);
        if (room != text) {
            free(room);
        }
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct lt_syscall call = {.type = LT_EVENT_SYSCALL, .size = sizeof call};
    struct lt_syscall_data pieces[PIECES];
    void *copies[PIECES];
    uint32_t arch = take_number(&in, 1) & 1 ? LT_ARCH_AARCH64 : LT_ARCH_X86_64;
    uint32_t count = 0;

    call.nr = (uint32_t)take_number(&in, 2);
    call.phase = take_number(&in, 1) & 1;
    call.ret = (int64_t)take_number(&in, 8);
    take_bytes(&in, call.args, sizeof call.args);
    call.name = lt_syscall_name(arch, call.nr);
    while (count < PIECES && in.left > 4) {
        struct lt_syscall_data *piece = &pieces[count];
        size_t length;
        const uint8_t *bytes;

        memset(piece, 0, sizeof *piece);
        piece->arg = (uint32_t)take_number(&in, 1) % 6;
        piece->phase = take_number(&in, 1) & 1;
        /* Mostly where the argument points to, or not far from there. */
        piece->addr = call.args[piece->arg] + take_number(&in, 1);
        length = (size_t)take_number(&in, 1) * 4;
        bytes = take_span(&in, &length);
        copies[count] = malloc(length + 1);
        if (copies[count] == NULL) {
            break;
        }
        memcpy(copies[count], bytes, length);
        ((uint8_t *)copies[count])[length] = 0;
        piece->data = copies[count];
        piece->length = (uint32_t)length;
        piece->is_string = memchr(bytes, 0, length) == NULL && length < 64;
        if (piece->is_string && piece->addr == call.args[piece->arg]) {
            call.strings[piece->arg] = copies[count];
        }
        count++;
    }
    call.data = pieces;
    call.data_count = count;
    write_call(arch, &call);
    while (count > 0) {
        free(copies[--count]);
    }
    return 0;
}
