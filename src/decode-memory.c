/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns the records about the guest's memory into events, and into the library's copy
 * of it: what helpers and the kernel write, modules, mappings and their contents. */
#include <stdlib.h>

#include "decoder.h"
#include "memory.h"

/* ---- Accesses ---- */

/* Tells an access of `length` bytes at `data`, of whom d->mem says already. */
static int access_event(struct lti_decoder *d, uint32_t kind, uint64_t addr,
                        const uint8_t *data, uint32_t length, uint64_t wanted)
{
    uint64_t took;
    int result;

    d->mem.value = 0;
    memcpy(&d->mem.value, data, length < 8 ? length : 8);
    d->mem.data = data;
    result = deliver_mem(d, d->seq + 1, kind, addr, length, wanted, &took);
    d->seq += took != 0;
    if (result == 0) {
        result = lti_decoder_keep(d, &d->mem, sizeof d->mem, took);
    }
    d->mem.data = (const uint8_t *)d->mem_data;
    return result;
}

/* A helper's load or store for the instruction in hand. */
int lti_decode_access(struct lti_decoder *d, const uint8_t *p, uint32_t size,
                      uint32_t kind)
{
    uint32_t length;

    if (size < 16) {
        return lti_damaged(d, "a memory record is too short");
    }
    length = u32_at(p + 8);
    if (length == 0 || length > size - 16) {
        return lti_damaged(d, "a memory record's length is wrong");
    }
    return access_event(d, kind, u64_at(p), p + 16, length,
                        d->insn ? d->insn->wanted[kind] : 0);
}

/* A store that is not the guest's.  `wanted`: by whom, besides those that filters find.
 * Nobody waits for the host's own ones. */
static int write_by(struct lti_decoder *d, uint32_t by, uint64_t pc, uint64_t addr,
                    const uint8_t *data, uint32_t length, uint64_t wanted)
{
    const struct lti_insn *insn = d->insn;
    struct lti_insn at = {.event.pc = pc};
    int result;

    wanted |= lti_wanted_at(&d->source, LT_EVENT_MEM_WRITE, pc);
    if (by == LT_BY_HOST) {
        wanted &= ~LTI_WANTED_SYNC;
    }
    d->insn = &at; /* whose pc the event has */
    d->mem.by = by;
    result = access_event(d, LT_EVENT_MEM_WRITE, addr, data, length, wanted);
    d->mem.by = LT_BY_INSN;
    d->insn = insn;
    return result;
}

/* The kernel's store, for the system call or the signal at a pc. */
int lti_decode_kernel(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint32_t length;
    uint64_t wanted = 0;

    if (size < 24) {
        return lti_damaged(d, "a memory record is too short");
    }
    length = u32_at(p + 16);
    if (length == 0 || length > size - 24) {
        return lti_damaged(d, "a memory record's length is wrong");
    }
    if (d->config.sync && lti_sync_watches(d->config.sync)) {
        wanted |= LTI_WANTED_SYNC;
    }
    return write_by(d, LT_BY_KERNEL, u64_at(p), u64_at(p + 8), p + 24, length, wanted);
}

int lti_decoder_host_write(struct lti_decoder *d, uint64_t pc, uint64_t addr,
                           const uint8_t *data, uint32_t length)
{
    return write_by(d, LT_BY_HOST, pc, addr, data, length, 0);
}

/* ---- Modules ---- */

struct unmapping {
    struct lti_decoder *d;
    int result;
};

static int deliver_module(struct lti_decoder *d, uint32_t op, const struct lti_mapping *m)
{
    struct lt_module e = {
        .type = LT_EVENT_MODULE,
        .size = sizeof e,
        .pid = d->pid,
        .tid = d->tid,
        .op = op,
        .prot = m->prot,
        .start = m->start,
        .end = m->end,
        .offset = m->offset,
        .path = m->path,
    };
    const struct lti_callbacks *c = d->config.callbacks;
    uint64_t wanted = 0;
    int result;

    /* Filters of module callbacks say which files, not which code. */
    for (unsigned i = 0; i < c->count[LT_EVENT_MODULE]; i++) {
        const struct lt_filter *f = &c->list[LT_EVENT_MODULE][i].filter;
        if (!f->module || lti_filter_module_matches(f->module, m->path)) {
            wanted |= UINT64_C(1) << i;
        }
    }
    if (c->pull && (c->pull_kinds & LT_KIND(LT_EVENT_MODULE))) {
        wanted |= LTI_WANTED_PULL;
    }
    if (wanted & c->sync[LT_EVENT_MODULE]) {
        wanted = (wanted & ~c->sync[LT_EVENT_MODULE]) | LTI_WANTED_SYNC;
    }
    if (!wanted) {
        return 0;
    }
    e.seq = ++d->seq;
    LTI_CALL(d, LT_EVENT_MODULE, module, wanted, &e, result);
    return result ? result : lti_decoder_keep(d, &e, sizeof e, wanted);
}

static int unmapped(const struct lti_mapping *piece, void *user)
{
    struct unmapping *u = user;

    if (u->result == 0) {
        u->result = deliver_module(u->d, LT_MODULE_UNMAP, piece);
    }
    return 0;
}

static int unmap(struct lti_decoder *d, uint64_t start, uint64_t end)
{
    struct unmapping u = {d, 0};
    int error;

    if (start >= end) {
        return lti_damaged(d, "an unmapping is empty");
    }
    error = lti_modules_unmap(d->guest->modules, start, end, unmapped, &u);
    return error ? error : u.result;
}

int lti_decode_unmodule(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    return size < 16 ? lti_damaged(d, "an unmapping record is too short")
                     : unmap(d, u64_at(p), u64_at(p + 8));
}

int lti_decode_module(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    const struct lti_mapping *mapping;
    uint32_t path_size;
    int result;

    if (size < 32 || (path_size = u32_at(p + 28)) > size - 32) {
        return lti_damaged(d, "a mapping record is too short");
    }
    result = unmap(d, u64_at(p), u64_at(p + 8));
    if (result) {
        return result;
    }
    result = lti_modules_map(d->guest->modules, u64_at(p), u64_at(p + 8), u64_at(p + 16),
                             u32_at(p + 24), (const char *)p + 32, path_size, &mapping);
    if (result) {
        return result == LT_ERR_NO_MEMORY ? result
                                          : lti_damaged(d, "a mapping is malformed");
    }
    return deliver_module(d, LT_MODULE_MAP, mapping);
}

/* ---- The memory map ---- */

/* Who wants a change: filters say which file, and which addresses. */
static uint64_t wanted_map(const struct lti_decoder *d, const struct lt_map *e)
{
    const struct lti_callbacks *c = d->config.callbacks;
    uint64_t wanted = (UINT64_C(1) << c->count[LT_EVENT_MAP]) - 1, result = 0;

    if (c->pull && (c->pull_kinds & LT_KIND(LT_EVENT_MAP))) {
        wanted |= LTI_WANTED_PULL;
    }
    wanted = wanted_range(d, wanted, LT_EVENT_MAP, e->start, e->end - e->start);
    for (uint64_t left = wanted; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        const struct lt_filter *f =
            i == 32 ? &c->pull_filter : &c->list[LT_EVENT_MAP][i].filter;
        if (!f->module || lti_filter_module_matches(f->module, e->path)) {
            result |= UINT64_C(1) << i;
        }
    }
    return result;
}

static int deliver_map(struct lti_decoder *d, struct lt_map *e)
{
    uint64_t wanted = wanted_map(d, e);
    int result;

    if (!wanted) {
        return 0;
    }
    e->type = LT_EVENT_MAP;
    e->size = sizeof *e;
    e->seq = ++d->seq;
    e->pid = d->pid;
    e->tid = d->tid;
    LTI_CALL(d, LT_EVENT_MAP, map, wanted, e, result);
    return result ? result : lti_decoder_keep(d, e, sizeof *e, wanted);
}

static bool is_range(uint64_t start, uint64_t end)
{
    return start < end && (start | end) % LTI_PAGE_SIZE == 0;
}

int lti_decode_range(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    struct lti_range_change change;
    int result;

    if (size < sizeof change) {
        return lti_damaged(d, "a record of the memory map is too short");
    }
    memcpy(&change, p, sizeof change);
    if (change.path_size > size - sizeof change || change.op > LT_MAP_ZERO ||
        change.op == LT_MAP_DATA || !is_range(change.start, change.end) ||
        change.offset % LTI_PAGE_SIZE || change.from % LTI_PAGE_SIZE ||
        change.from > UINT64_MAX - (change.end - change.start)) {
        return lti_damaged(d, "a record of the memory map is malformed");
    }
    if (d->memory && (result = lti_memory_change(d->memory, &change)) != 0) {
        return result;
    }
    free(d->map_path);
    d->map_path = NULL;
    if (change.path_size != 0 &&
        !(d->map_path = strndup((const char *)p + sizeof change, change.path_size))) {
        return LT_ERR_NO_MEMORY;
    }
    struct lt_map e = {
        .op = change.op,
        .prot = change.prot,
        .flags = change.flags,
        .start = change.start,
        .end = change.end,
        .from = change.from,
        .offset = change.offset,
        .device = change.device,
        .inode = change.inode,
        .path = d->map_path,
    };
    return deliver_map(d, &e);
}

int lti_decode_data(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint32_t length;
    int result;

    if (size < 16 || (length = u32_at(p + 8)) == 0 || length > size - 16) {
        return lti_damaged(d, "a record of contents is too short");
    }
    if (d->memory &&
        (result = lti_memory_write(d->memory, u64_at(p), p + 16, length)) != 0) {
        return result;
    }
    struct lt_map e = {
        .op = LT_MAP_DATA,
        .start = u64_at(p),
        .end = u64_at(p) + length,
        .data = p + 16,
    };
    return deliver_map(d, &e);
}

/* ---- The engine's view ---- */

int lti_decode_check(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint8_t page[LTI_PAGE_SIZE];
    uint32_t pages;

    if (size < 16 || (pages = u32_at(p + 8)) > (size - 16) / 8) {
        return lti_damaged(d, "a record of checksums is too short");
    }
    for (uint32_t i = 0; d->memory && i < pages; i++) {
        lti_memory_peek(d->memory, u64_at(p) + (uint64_t)i * LTI_PAGE_SIZE, page,
                        sizeof page);
        d->stats.memory_checks++;
        d->stats.memory_mismatches += lti_page_hash(page) != u64_at(p + 16 + 8 * i);
    }
    return 0;
}
