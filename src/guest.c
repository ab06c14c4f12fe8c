/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what is known of a guest process. */
#include "guest.h"

#include <stdlib.h>

#include "lt/lt.h"

int lti_guest_create(struct lti_slabs *slabs, struct lti_paths *paths, uint32_t arch,
                     struct lti_guest **out)
{
    struct lti_guest *guest = calloc(1, sizeof *guest);

    if (!guest || lti_modules_create(paths, &guest->modules) != 0) {
        free(guest);
        return LT_ERR_NO_MEMORY;
    }
    guest->refs = 1;
    guest->arch = arch;
    guest->paths = paths;
    guest->slab_table = slabs;
    *out = guest;
    return 0;
}

int lti_guest_fork(const struct lti_guest *guest, struct lti_guest **out)
{
    struct lti_guest *child;
    int error = lti_guest_create(guest->slab_table, guest->paths, guest->arch, &child);

    if (error) {
        return error;
    }
    child->path = guest->path;
    error = lti_modules_copy(child->modules, guest->modules);
    if (!error && guest->memory) {
        error = lti_memory_clone(guest->memory, &child->memory);
    }
    for (uint32_t i = 0; i < guest->slab_count && !error; i++) {
        error = lti_guest_take_slab(child, guest->slabs[i]);
    }
    if (error) {
        lti_guest_release(child);
        return error;
    }
    *out = child;
    return 0;
}

void lti_guest_release(struct lti_guest *guest)
{
    if (!guest || --guest->refs) {
        return;
    }
    lti_guest_drop_slabs(guest);
    lti_modules_destroy(guest->modules);
    lti_memory_destroy(guest->memory);
    free(guest->slabs);
    free(guest);
}

int lti_guest_take_slab(struct lti_guest *guest, uint32_t number)
{
    if (number >= LTI_SLABS) {
        return LT_ERR_STREAM;
    }
    if (guest->slab_count == guest->slab_room) {
        uint32_t room = guest->slab_room ? guest->slab_room * 2 : 16;
        uint32_t *slabs = realloc(guest->slabs, room * sizeof *slabs);

        if (!slabs) {
            return LT_ERR_NO_MEMORY;
        }
        guest->slabs = slabs;
        guest->slab_room = room;
    }
    guest->slabs[guest->slab_count++] = number;
    lti_slabs_hold(guest->slab_table, number);
    return 0;
}

void lti_guest_drop_slabs(struct lti_guest *guest)
{
    for (uint32_t i = 0; i < guest->slab_count; i++) {
        lti_slabs_release(guest->slab_table, guest->slabs[i]);
    }
    guest->slab_count = 0;
}
