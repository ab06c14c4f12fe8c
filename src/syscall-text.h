/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What syscall-text.c (calls, scalars, structures) and syscall-values.c (what has a
 * form of its own) share. */
#ifndef LTI_SYSCALL_TEXT_H
#define LTI_SYSCALL_TEXT_H

#include "lt/lt.h"
#include "syscall-table.h"

/* A text that is cut where the caller's room ends, as snprintf() does; and what it
 * is about. */
struct printer {
    char *to;
    size_t size;
    size_t length; /* without a limit */
    const struct table *table;
    const struct lt_syscall *call;
    const struct form *form; /* of the call */
    uint32_t phase;          /* whose pieces are looked at */
};

/* Elements of arrays, and bytes of buffers, that are shown. */
#define MAX_SHOWN 32u

void put(struct printer *p, const char *from, size_t length);
void put_string(struct printer *p, const char *from);
__attribute__((format(printf, 2, 3))) void put_format(struct printer *p,
                                                      const char *format, ...);
void put_hex(struct printer *p, uint64_t value);
void put_pointer(struct printer *p, uint64_t value);

/* Bytes in quotes with C escapes. */
void put_quoted(struct printer *p, const uint8_t *from, size_t length);

/* Guest memory as copied in the printer's phase, from `addr` on; how much of it,
 * up to `wanted`.  SIZE_MAX: nothing was copied there. */
size_t get_memory(const struct printer *p, uint64_t addr, size_t wanted,
                  const uint8_t **data);

/* A number of up to 8 bytes in guest memory. */
uint64_t get_number(const uint8_t *from, size_t size);

/* A number of a kind that is no special one. */
void put_scalar(struct printer *p, unsigned kind, uint64_t value, size_t size);

/* Anything in memory that is no special kind of unknown length. */
void put_value(struct printer *p, unsigned kind, const uint8_t *from, size_t size);

/* A structure, of which there are `size` bytes: members behind them are left out. */
void put_struct(struct printer *p, unsigned kind, const uint8_t *from, size_t size);

/* How many elements or bytes the argument says, whatever was copied. */
uint64_t element_count(const struct printer *p, const struct arg *arg);

/* What an argument of a special kind points to: 1; 0 if it cannot be told; -1 if the
 * kind is none. */
int put_special(struct printer *p, const struct arg *arg, uint64_t addr);

/* A special kind within a structure; false if it is none. */
bool put_special_value(struct printer *p, unsigned kind, const uint8_t *from,
                       size_t size);

/* Whether a member says nothing here. */
bool field_is_hidden(const struct layout *layout, const struct field *field,
                     const uint8_t *from);

/* poll's revents, behind the result. */
void put_revents(struct printer *p, const struct arg *arg, uint64_t addr);

#endif
