/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the sentence that goes with an error number, and how structs that
 * callers fill are taken over from older and newer callers. */
#ifndef LTI_ERROR_H
#define LTI_ERROR_H

#include <stddef.h>
#include <stdint.h>

/* Room for two long paths and the words around them. */
#define LTI_MESSAGE_SIZE 9216u

struct lti_message {
    char text[LTI_MESSAGE_SIZE];
};

/* Puts a sentence into *message and returns `error`, so that a function can
 * fail in one statement.  Control characters, which file names may have, become
 * question marks. */
__attribute__((format(printf, 3, 4))) int lti_fail(struct lti_message *message, int error,
                                                   const char *format, ...);

/*
 * Copies a struct that begins with `uint32_t size` from a caller whose header
 * may be older (the missing tail becomes zero) or newer (its unknown tail must
 * be zero).  `first` is the size in the first release that had it, `known` the
 * size here.  0 or LT_ERR_ARGUMENT.
 */
int lti_struct_take(void *to, uint32_t known, uint32_t first, const void *from);

/* The way back: fills the caller's struct, as much of it as there is, keeping
 * its `size`; a tail that is not known here becomes zero.  0 or
 * LT_ERR_ARGUMENT. */
int lti_struct_give(void *to, uint32_t known, uint32_t first, const void *from);

/* Zeroes a struct of `size` bytes and sets its size.  0 or LT_ERR_ARGUMENT. */
int lti_struct_init(void *object, uint32_t size, uint32_t first);

#endif
