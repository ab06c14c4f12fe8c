/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the map of which file is mapped where in the guest's memory. */
#ifndef LTI_MODULES_H
#define LTI_MODULES_H

#include <stddef.h>
#include <stdint.h>

struct lti_modules;

/* Paths, each kept once, for all the modules of a session. */
struct lti_paths;
/* A part of a file in guest memory. */
struct lti_mapping {
    uint64_t start;
    uint64_t end;    /* exclusive */
    uint64_t offset; /* of start in the file */
    uint32_t prot;   /* LT_PROT_* when it was mapped */
    uint32_t reserved;
    const char *path; /* interned: lives as long as the lti_paths */
};

/* 0 or LT_ERR_NO_MEMORY. */
int lti_paths_create(struct lti_paths **out);
void lti_paths_destroy(struct lti_paths *paths);

/* The one copy of the first `size` bytes of `path`, up to a NUL, or NULL if there is
 * no memory for it. */
const char *lti_paths_keep(struct lti_paths *paths, const char *path, size_t size);

/* `paths` outlive the modules.  0 or LT_ERR_NO_MEMORY. */
int lti_modules_create(struct lti_paths *paths, struct lti_modules **out);
void lti_modules_destroy(struct lti_modules *modules);

/* Makes `modules`, which are empty, the same as `from`.  0 or LT_ERR_NO_MEMORY. */
int lti_modules_copy(struct lti_modules *modules, const struct lti_modules *from);

/* Adds a mapping where nothing is mapped (see lti_modules_unmap), copying and
 * interning `path` of `path_size` bytes; gives the mapping added in *out.  0,
 * LT_ERR_ARGUMENT (empty or overlapping), LT_ERR_NO_MEMORY. */
int lti_modules_map(struct lti_modules *modules, uint64_t start, uint64_t end,
                    uint64_t offset, uint32_t prot, const char *path, uint32_t path_size,
                    const struct lti_mapping **out);

/* Removes whatever is mapped in [start, end), splitting mappings that reach
 * over it.  `removed` is called for each piece that goes, with its own range
 * and offset; a non-zero return is returned at the end (the last one), but all
 * goes on being removed.  0, LT_ERR_NO_MEMORY. */
int lti_modules_unmap(struct lti_modules *modules, uint64_t start, uint64_t end,
                      int (*removed)(const struct lti_mapping *piece, void *user),
                      void *user);

/* The mapping that `addr` is in, or NULL.  Fast for repeated nearby calls.
 * Valid until the next map or unmap. */
const struct lti_mapping *lti_modules_find(struct lti_modules *modules, uint64_t addr);

/* The guest address where the file of `mapping` begins: the start less the
 * offset of the lowest mapping of the same file that is contiguous with it in
 * layout (the first of the group loaded together). */
uint64_t lti_modules_base(struct lti_modules *modules, const struct lti_mapping *mapping);

#endif
