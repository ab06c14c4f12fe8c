/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the x86 architecture leaves open, so that no comparison may look at it. */
#ifndef UNDEFINED_H
#define UNDEFINED_H

#include <capstone/capstone.h>
#include <stdint.h>

/* The bits of rflags that the instruction leaves undefined, given rcx before it;
 * capstone's tables know most. */
unsigned oracle_undefined_flags(const cs_insn *insn, uint64_t rcx);

/* By how much an instruction shifts or rotates, given rcx before it; -1 if it is none
 * that does. */
int oracle_shift_count(const cs_insn *insn, uint64_t rcx);

#endif
