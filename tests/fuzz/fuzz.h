/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share: a target is a file with LLVMFuzzerTestOneInput(),
 * linked with libFuzzer (`./dev fuzz`) or with replay.c (`./dev test`).  It keeps
 * nothing from one input to the next.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of an input; a number behind its end is 0. */
struct input {
    const uint8_t *at;
    size_t left;
};

static inline void take_bytes(struct input *in, void *to, size_t size)
{
    const size_t there = size < in->left ? size : in->left;

    if (there != 0) {
        memcpy(to, in->at, there);
    }
    memset((uint8_t *)to + there, 0, size - there);
    in->at += there;
    in->left -= there;
}

static inline uint64_t take_number(struct input *in, size_t size)
{
    uint64_t number = 0;

    take_bytes(in, &number, size);
    return number;
}

/* Up to `size` bytes in place; how many there are in *size. */
static inline const uint8_t *take_span(struct input *in, size_t *size)
{
    const uint8_t *at = in->at;

    *size = *size < in->left ? *size : in->left;
    in->at += *size;
    in->left -= *size;
    return at;
}

/* Looks at every byte, so that a sanitizer sees those that are not there. */
static inline void look_at(const void *bytes, size_t size)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
    }
    __asm__ volatile("" : : "r"(sum));
}

static inline void look_at_text(const char *text)
{
    if (text != NULL) {
        look_at(text, strlen(text));
    }
}

#endif
