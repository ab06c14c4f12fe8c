/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Computes flags registers from what the stream keeps instead of them. */
#ifndef LTI_FLAGS_H
#define LTI_FLAGS_H

#include <stdint.h>

/* The six arithmetic flags of x86, in their places in rflags.  `cc` is an enum
 * lti_cc with its operand size; the rest are the stream's registers. */
uint64_t lti_x86_arithmetic_flags(uint8_t cc, uint64_t dst, uint64_t src, uint64_t src2);

/* rflags, from the stream's register file and lti_control.cc_map's copy. */
uint64_t lti_x86_rflags(const uint64_t *regs, const uint8_t cc_map[128]);

/* nzcv, from the stream's register file. */
uint64_t lti_a64_nzcv(const uint64_t *regs);

/* The registers that show which floating-point exceptions were raised. */
uint64_t lti_x86_mxcsr(const uint64_t *regs);
uint64_t lti_a64_fpsr(const uint64_t *regs);

#endif
