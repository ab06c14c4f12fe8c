/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Knows the system calls of each guest architecture: names and arguments. */
#ifndef LTI_SYSCALLS_H
#define LTI_SYSCALLS_H

#include <stddef.h>
#include <stdint.h>

#include "lt/lt.h"

struct lti_calls;

/* How many arguments the call takes (6 if it is unknown). */
unsigned lti_syscall_arg_count(uint32_t arch, uint32_t nr);

/* A bit for each argument that points to a string which the kernel reads. */
uint8_t lti_syscall_strings(uint32_t arch, uint32_t nr);

/* Writes down for the engine which memory is to be copied. */
void lti_syscall_captures(uint32_t arch, struct lti_calls *calls);

/* In syscall-text.c: as lt_syscall_text(), lt_syscall_arg_text() and
 * lt_syscall_result_text(). */
int lti_syscall_text(uint32_t arch, const struct lt_syscall *call, char *text,
                     size_t text_size);
int lti_syscall_arg_text(uint32_t arch, const struct lt_syscall *call, uint32_t index,
                         char *text, size_t text_size);
int lti_syscall_result_text(uint32_t arch, const struct lt_syscall *call, char *text,
                            size_t text_size);

#endif
