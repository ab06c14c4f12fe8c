/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the symbols of ELF files, read with libelf when first asked for. */
#ifndef LTI_SYMBOLS_H
#define LTI_SYMBOLS_H

#include <stdint.h>

struct lti_symbols;

/* `sysroot` NULL or where the separate debug files of a foreign architecture
 * are looked for first.  0 or LT_ERR_NO_MEMORY. */
int lti_symbols_create(const char *sysroot, struct lti_symbols **out);
void lti_symbols_destroy(struct lti_symbols *symbols);

/* The symbol at byte `file_offset` of the file at `path` as it is mapped for
 * execution or data.  *name lives as long as `symbols`.  1; 0 if the file has
 * none there (or is no ELF file, or is gone, or is malformed: never a crash);
 * LT_ERR_NO_MEMORY; LT_ERR_SYSTEM if there are no descriptors left to open it. */
int lti_symbols_find(struct lti_symbols *symbols, const char *path, uint64_t file_offset,
                     const char **name, uint64_t *offset, uint64_t *length);

#endif
