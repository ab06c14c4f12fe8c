/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a disassembler (capstone) and a cache of its answers. */
#ifndef LTI_DISASM_H
#define LTI_DISASM_H

#include <stddef.h>
#include <stdint.h>

struct lti_disasm;

/* `arch` is an LT_ARCH_*.  0, LT_ERR_NO_MEMORY, LT_ERR_UNSUPPORTED. */
int lti_disasm_create(uint32_t arch, struct lti_disasm **out);
void lti_disasm_destroy(struct lti_disasm *disasm);

/* As lt_disassemble(). */
int lti_disasm_text(struct lti_disasm *disasm, uint64_t pc, const uint8_t *bytes,
                    uint32_t length, char *text, size_t text_size);

#endif
