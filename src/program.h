/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the look at a program before it runs: which file the engine is to load,
 * for which architecture, with which arguments, or why it cannot run. */
#ifndef LTI_PROGRAM_H
#define LTI_PROGRAM_H

#include <stdint.h>

#include "error.h"

/* What to run, as in struct lt_config. */
struct lti_program_request {
    const char *program;     /* relative: to the host's working directory */
    const char *const *argv; /* has an argv[0], or NULL: { program } */
    const char *cwd;         /* the guest's working directory, or NULL */
    const char *sysroot;     /* absolute, or NULL */
};

struct lti_program {
    uint32_t arch; /* LT_ARCH_* */
    char *path;    /* host path of the ELF file to load */
    char **argv;   /* NULL-ended; a script's interpreter put in front */
};

/*
 * Follows scripts to their interpreter as the kernel does and checks the ELF
 * file and its interpreter.  0 (then lti_program_free() is due), or, with a
 * sentence in *message: LT_ERR_NOT_FOUND, LT_ERR_PERMISSION, LT_ERR_DIRECTORY,
 * LT_ERR_NOT_ELF, LT_ERR_TRUNCATED, LT_ERR_ARCH, LT_ERR_INTERPRETER,
 * LT_ERR_SYSTEM, LT_ERR_NO_MEMORY.
 */
int lti_program_find(const struct lti_program_request *request, struct lti_program *out,
                     struct lti_message *message);

/* Frees what is in *program and clears it. */
void lti_program_free(struct lti_program *program);

/* The path seen from the host's working directory, to be freed; NULL: out of
 * memory or the directory is gone. */
char *lti_absolute_path(const char *path);

#endif
