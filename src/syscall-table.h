/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of system calls that gen-syscalls.py makes: what syscalls.c knows and
 * syscall-text.c prints. */
#ifndef LTI_SYSCALL_TABLE_H
#define LTI_SYSCALL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_ARGS 6

/* A name for the bits of `mask` when they are `value`. */
struct flag {
    uint64_t value;
    uint64_t mask;
    const char *name;
};

/* How what has no name is printed. */
enum base { DECIMAL, HEX, OCTAL };

/* A kind of value that has names. */
struct set {
    const struct flag *flags;
    unsigned count;
    bool is_bits; /* several may be set at once */
    bool is_long; /* the kernel looks at all 64 bits */
    enum base rest;
};

/* A member of a structure in guest memory. */
struct field {
    const char *name;
    uint16_t kind;
    uint16_t offset;
    uint16_t size;
};

struct layout {
    const struct field *fields;
    unsigned count;
    bool more; /* there are members that are not printed */
};

/* Whether the kernel reads or writes what an argument points to: struct arg. */
enum way { WAY_IN = 1, WAY_OUT = 2, WAY_INTERRUPTED = 4 };

/* How many of them it is: struct arg. */
enum count {
    COUNT_ONE,
    COUNT_NUMBER,
    COUNT_ARG,
    COUNT_BYTES, /* an argument has the size of the one structure */
    COUNT_RET,
    COUNT_POINTER
};

struct arg {
    const char *name;
    uint16_t kind; /* of it, or of what it points to if it has a way */
    uint8_t way;   /* enum way */
    uint8_t count; /* enum count */
    uint16_t number;
};

#define NO_CONDITION 6

/* The arguments where one of them, masked, has a value; or of all other calls. */
struct form {
    uint8_t arg; /* or NO_CONDITION */
    uint32_t mask;
    uint32_t value;
    uint8_t count;
    uint16_t result; /* kind */
    const struct arg *args;
};

struct call {
    const char *name;         /* NULL where a number is not used */
    const struct form *forms; /* the last has no condition */
    unsigned form_count;      /* 0: arguments are not known */
};

#include "syscalls-table.h"

struct table {
    const struct call *calls;
    size_t count;
    const struct set *sets;
    const struct layout *layouts;
    const uint16_t *sizes; /* of kinds, where they are pointed to */
};

/* NULL for no architecture. */
const struct table *lti_syscall_table(uint32_t arch);

/* NULL if there is no such call. */
const struct call *lti_syscall_find(const struct table *table, uint32_t nr);

/* The form that fits the arguments; NULL if they are not known. */
const struct form *lti_syscall_form(const struct call *call, const uint64_t args[]);

static inline bool lti_kind_is_string(unsigned kind)
{
    return kind == KIND_PATH || kind == KIND_STR;
}

/* The set of a kind, or NULL. */
static inline const struct set *lti_kind_set(const struct table *table, unsigned kind)
{
    return kind >= KIND_FIRST_SET && kind < KIND_FIRST_STRUCT
               ? &table->sets[kind - KIND_FIRST_SET]
               : NULL;
}

#endif
