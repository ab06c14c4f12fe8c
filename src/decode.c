/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder: takes record after record of the stream, has steps.c run those of
 * blocks, and tells callbacks what the special ones mean.
 *
 * There are two ways to take events.  Running, callbacks are called as events
 * come up.  Stepping (lt_session_next), the decoder stops at each event that
 * the pull form wants and goes on behind it the next time.
 */
#include "decode.h"

#include <stddef.h>
#include <stdlib.h>

#include "decoder.h"
#include "registers.h"
#include "syscalls.h"

/* ---- Life ---- */

static bool has_range(const struct lt_filter *filter)
{
    return filter->addr_start || filter->addr_end;
}

int lti_decoder_create(const struct lti_decoder_config *config, struct lti_decoder **out)
{
    struct lti_decoder *d = calloc(1, sizeof *d);

    if (!d) {
        return LT_ERR_NO_MEMORY;
    }
    d->config = *config;
    d->x86 = config->arch == LT_ARCH_X86_64;
    d->arch = lti_arch_info(config->arch);
    d->source = (struct lti_block_source){
        .arena = config->arena,
        .arch = d->arch,
        .callbacks = config->callbacks,
        .modules = config->modules,
        .cc_map = d->x86 ? d->cc_map : NULL,
    };
    lti_run_steps(NULL, &d->source.run);
    d->session = config->session;
    d->only_insn = config->callbacks->list[LT_EVENT_INSN][0].fn.insn;
    d->only_insn_user = config->callbacks->list[LT_EVENT_INSN][0].user;
    d->only_reg_write = config->callbacks->list[LT_EVENT_REG_WRITE][0].fn.reg_write;
    d->only_reg_write_user = config->callbacks->list[LT_EVENT_REG_WRITE][0].user;
    for (unsigned i = 0; i < LTI_KIND_COUNT; i++) {
        d->ranged[i] =
            config->callbacks->pull && has_range(&config->callbacks->pull_filter);
        for (unsigned k = 0; k < config->callbacks->count[i]; k++) {
            d->ranged[i] |= has_range(&config->callbacks->list[i][k].filter);
        }
    }
    d->problem = "";
    d->reg_write.type = LT_EVENT_REG_WRITE;
    d->reg_write.size = sizeof d->reg_write;
    d->reg_write.width = 8;
    d->reg_write.data = (const uint8_t *)&d->reg_write.value;
    d->wide_write = d->reg_write;
    d->mem.size = sizeof d->mem;
    d->mem.data = (const uint8_t *)d->mem_data;
    *out = d;
    return 0;
}

static void forget_blocks(struct lti_decoder *d)
{
    if (d->insn && d->insn != &d->kept) {
        d->kept = *d->insn; /* it may still go on */
        d->insn = &d->kept;
    }
    for (uint32_t i = 0; i < d->block_room; i++) {
        lti_block_destroy(d->blocks[i]);
        d->blocks[i] = NULL;
    }
}

void lti_decoder_destroy(struct lti_decoder *d)
{
    if (d) {
        forget_blocks(d);
        free(d->blocks);
        free(d->queue);
        free(d);
    }
}

void lti_decoder_feed(struct lti_decoder *d, const uint8_t *begin, const uint8_t *end)
{
    d->at = begin;
    d->end = end;
    d->stats.stream_bytes += (uint64_t)(end - begin);
}

static int damaged(struct lti_decoder *d, const char *problem)
{
    d->problem = problem;
    return LT_ERR_STREAM;
}

static void set_insn_process(struct lti_decoder *d, struct lti_block *block)
{
    for (uint32_t i = 0; i < block->insn_count; i++) {
        block->insns[i].event.pid = d->pid;
        block->insns[i].event.tid = d->tid;
    }
}

static int find_block(struct lti_decoder *d, uint32_t number,
                      const struct lti_block **out)
{
    if (__builtin_expect(number >= d->block_room || !d->blocks[number], 0)) {
        int error;

        const struct lti_control *control = (const void *)d->config.arena;
        if (number >= LTI_MAX_BLOCKS ||
            number >= __atomic_load_n(&control->blocks, __ATOMIC_RELAXED)) {
            return damaged(d, "a block number is out of range");
        }
        if (number >= d->block_room) {
            uint32_t room = number < 1024 ? 2048 : number * 2;
            struct lti_block **blocks = realloc(d->blocks, room * sizeof *blocks);

            if (!blocks) {
                return LT_ERR_NO_MEMORY;
            }
            memset(blocks + d->block_room, 0, (room - d->block_room) * sizeof *blocks);
            d->blocks = blocks;
            d->block_room = room;
        }
        error = lti_block_create(&d->source, number, &d->blocks[number]);
        if (error) {
            return error == LT_ERR_STREAM ? damaged(d, "a block descriptor is damaged")
                                          : error;
        }
        set_insn_process(d, d->blocks[number]);
        d->stats.blocks++;
    }
    *out = d->blocks[number];
    return 0;
}

/* Takes the block record at d->at in hand. */
static int begin_block(struct lti_decoder *d, uint32_t number)
{
    const struct lti_block *block;
    int error = find_block(d, number, &block);

    if (error) {
        return error;
    }
    if ((size_t)(d->end - d->at) < block->record_size) {
        return damaged(d, "a block record is cut off");
    }
    d->step = block->steps;
    d->base = d->seq;
    d->record = d->at;
    d->at += block->record_size;
    d->stats.insns += block->begins;
    return 0;
}

/* The step of an instruction that is behind so many of its stores. */
static struct lti_step *behind_stores(const struct lti_block *block, uint32_t insn,
                                      uint32_t stores)
{
    struct lti_step *step = &block->steps[block->insns[insn].first_step + 1];
    struct lti_step *end =
        &block->steps[insn + 1 < block->insn_count ? block->insns[insn + 1].first_step
                                                   : block->step_count - 1];

    for (struct lti_step *s = step; s < end && stores; s++) {
        if (s->code == LTI_STEP_STORE || s->code == LTI_STEP_STORE16) {
            stores--;
            step = s + 1;
        }
    }
    return step;
}

/* The first instructions only of a block, as an exception left it. */
static int begin_part(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    const struct lti_block *block;
    uint32_t count, stores;
    int error;

    if (size < 8) {
        return damaged(d, "a partial block record is too short");
    }
    error = find_block(d, u32_at(p), &block);
    if (error) {
        return error;
    }
    count = u32_at(p + 4) & ((1u << LTI_PART_STORES) - 1);
    stores = u32_at(p + 4) >> LTI_PART_STORES;
    if (count == 0 || count > block->insn_count ||
        size - 8 != (count < block->insn_count ? block->insns[count].slot_offset
                                               : block->record_size) -
                        4) {
        return damaged(d, "a partial block record does not fit its block");
    }
    d->step = block->steps;
    d->base = d->seq;
    d->record = p + 4;
    if (count < block->insn_count || stores) {
        d->patched = stores ? behind_stores(block, count - 1, stores)
                            : &block->steps[block->insns[count].first_step];
        d->patched_run = d->patched->run;
        d->patched_nth = d->patched->nth;
        d->patched->run = d->source.run[LTI_STEP_END];
        d->patched->nth = stores ? d->patched[-1].nth : block->insns[count].events_before;
    }
    for (uint32_t i = 0; i < count; i++) {
        d->stats.insns += !block->insns[i].continues && !block->insns[i].repeats;
    }
    return 0;
}

/* ---- Special records ---- */

/* Keeps an event for lt_session_next() if it wants it. */
static int keep(struct lti_decoder *d, const void *event, size_t size, uint64_t wanted)
{
    if (!(wanted & LTI_WANTED_PULL)) {
        return 0;
    }
    if (d->queue_count == d->queue_room) {
        unsigned room = d->queue_room ? d->queue_room * 2 : 16;
        struct queued *queue = realloc(d->queue, room * sizeof *queue);

        if (!queue) {
            return LT_ERR_NO_MEMORY;
        }
        d->queue = queue;
        d->queue_room = room;
    }
    memcpy(&d->queue[d->queue_count++].event, event, size);
    return 0;
}

static uint64_t wanted_from_insn(const struct lti_decoder *d, uint32_t type)
{
    return d->insn ? d->insn->wanted[type] : 0;
}

/* Tells of a write of `width` bytes of a register. */
static int tell_reg(struct lti_decoder *d, uint32_t reg, uint32_t width)
{
    uint64_t wanted = wanted_from_insn(d, LT_EVENT_REG_WRITE);
    int result;

    if (!wanted) {
        return 0;
    }
    result = deliver_wide(d, ++d->seq, reg, width, wanted);
    return result ? result : keep(d, &d->wide_write, sizeof d->wide_write, wanted);
}

/* Whether a reason makes a register's value a write though it is the same. */
static bool always_writes(const struct lti_decoder *d, uint32_t reason, unsigned reg)
{
    if (reason == LTI_REGS_KERNEL) {
        return reg == 0; /* rax or x0: the result */
    }
    return reason == LTI_REGS_SYSCALL && d->x86 && (reg == LT_X86_64_RCX || reg == 11);
}

/* The same part of a vector register has a narrow and a wide name on x86_64: the
 * wide one's change is told if the upper half is another one. */
static bool other_name_told(const struct lti_decoder *d, uint32_t reg,
                            const uint64_t *old)
{
    const uint64_t *word = &d->regs[d->arch->regs[reg].word];

    if (!d->x86 || reg < LT_X86_64_XMM0 || reg >= LT_X86_64_YMM0 + 16) {
        return false;
    }
    old += d->arch->regs[reg].word;
    return (memcmp(word + 2, old + 2, 16) != 0) == (reg < LT_X86_64_YMM0);
}

static bool same_reg(const struct lti_decoder *d, uint32_t reg, const uint64_t *old,
                     uint64_t old_flags, uint64_t old_float)
{
    const struct lti_reg *r = &d->arch->regs[reg];

    switch (r->how) {
    case LTI_REG_FLAGS:
        return lti_reg_value(d, reg) == old_flags;
    case LTI_REG_FLOAT:
        return lti_reg_value(d, reg) == old_float;
    case LTI_REG_WORDS:
        return memcmp(&d->regs[r->word], old + r->word, r->width) == 0;
    default:
        return true; /* the pc is not told */
    }
}

static int registers(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint64_t old[LTI_MAX_REGS], old_flags = lti_flags_value(d);
    uint64_t old_float = lti_reg_value(d, d->arch->float_reg);
    const uint32_t bytes = 8 * d->arch->word_count;
    uint32_t reason, skip;
    bool first;

    if (size != 8 + bytes) {
        return damaged(d, "a register record has the wrong size");
    }
    reason = u32_at(p);
    skip = u32_at(p + 4);
    first = !d->known || reason == LTI_REGS_START;
    memcpy(old, d->regs, bytes);
    memcpy(d->regs, p + 8, bytes);
    d->known = true;
    if (first) {
        return 0;
    }
    for (unsigned i = 0; i < d->arch->reg_count; i++) {
        int result;

        if (i + 1 == skip || i == d->arch->pc_reg) {
            continue;
        }
        if (same_reg(d, i, old, old_flags, old_float)) {
            if (!always_writes(d, reason, i)) {
                continue;
            }
        } else if (other_name_told(d, i, old)) {
            continue;
        } else if ((reason == LTI_REGS_CHECK || reason == LTI_REGS_SYSCALL) &&
                   !always_writes(d, reason, i)) {
            d->stats.register_mismatches++;
            continue;
        } else if (i == d->arch->flags_reg && reason == LTI_REGS_HELPER && d->x86) {
            continue; /* flags are whole again only behind the helper */
        }
        result = tell_reg(d, i, d->arch->regs[i].width);
        if (result) {
            return result;
        }
    }
    if (reason == LTI_REGS_CHECK || reason == LTI_REGS_SYSCALL) {
        d->stats.register_checks += d->arch->reg_count - 1;
    }
    return 0;
}

/* A helper's load or store for the instruction in hand. */
static int helper_access(struct lti_decoder *d, const uint8_t *p, uint32_t size,
                         uint32_t kind)
{
    uint64_t wanted = wanted_from_insn(d, kind), took;
    uint32_t length;
    int result;

    if (size < 16) {
        return damaged(d, "a memory record is too short");
    }
    length = u32_at(p + 8);
    if (length == 0 || length > size - 16) {
        return damaged(d, "a memory record's length is wrong");
    }
    d->mem.value = 0;
    memcpy(&d->mem.value, p + 16, length < 8 ? length : 8);
    d->mem.data = p + 16;
    result = deliver_mem(d, d->seq + 1, kind, u64_at(p), length, wanted, &took);
    d->seq += took != 0;
    if (result == 0) {
        result = keep(d, &d->mem, sizeof d->mem, took);
    }
    d->mem.data = (const uint8_t *)d->mem_data;
    return result;
}

/* Reads the strings behind a system call record into d->call. */
static bool take_strings(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    memset(d->call.strings, 0, sizeof d->call.strings);
    while (size >= 8) {
        uint32_t index = u32_at(p), length = u32_at(p + 4), padded = (length + 3) & ~3u;

        if (index >= 6 || length >= sizeof d->strings[0] || padded > size - 8) {
            return false;
        }
        memcpy(d->strings[index], p + 8, length);
        d->strings[index][length] = 0;
        d->call.strings[index] = d->strings[index];
        p += 8 + padded;
        size -= 8 + padded;
    }
    return size == 0;
}

static int deliver_call(struct lti_decoder *d, uint32_t phase)
{
    uint64_t wanted = lti_wanted_at(&d->source, LT_EVENT_SYSCALL, d->call.pc);
    int result;

    if (!wanted) {
        return 0;
    }
    d->call.type = LT_EVENT_SYSCALL;
    d->call.size = sizeof d->call;
    d->call.seq = ++d->seq;
    d->call.pid = d->pid;
    d->call.tid = d->tid;
    d->call.phase = phase;
    LTI_CALL(d, LT_EVENT_SYSCALL, syscall, wanted, &d->call, result);
    return result ? result : keep(d, &d->call, sizeof d->call, wanted);
}

static int syscall_enter(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    if (size < 64 || !take_strings(d, p + 64, size - 64)) {
        return damaged(d, "a system call record is malformed");
    }
    d->call.pc = u64_at(p);
    if (d->insn && d->insn->event.pc != d->call.pc) {
        d->insn = NULL; /* made by code that was not recorded */
    }
    d->call.nr = u32_at(p + 8);
    d->call.name = lt_syscall_name(d->config.arch, d->call.nr);
    d->call.arg_count = lti_syscall_arg_count(d->config.arch, d->call.nr);
    d->call.ret = 0;
    d->call.error = 0;
    for (int i = 0; i < 6; i++) {
        d->call.args[i] = u64_at(p + 16 + 8 * i);
    }
    return deliver_call(d, LT_PHASE_ENTER);
}

static int syscall_return(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    if (size != 24 || u32_at(p + 8) != d->call.nr) {
        return damaged(d, "a system call return does not fit its call");
    }
    d->call.ret = (int64_t)u64_at(p + 16);
    d->call.error = d->call.ret < 0 && d->call.ret >= -4095 ? (uint32_t)-d->call.ret : 0;
    return deliver_call(d, LT_PHASE_RETURN);
}

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
    if (!wanted) {
        return 0;
    }
    e.seq = ++d->seq;
    LTI_CALL(d, LT_EVENT_MODULE, module, wanted, &e, result);
    return result ? result : keep(d, &e, sizeof e, wanted);
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
        return damaged(d, "an unmapping is empty");
    }
    error = lti_modules_unmap(d->config.modules, start, end, unmapped, &u);
    return error ? error : u.result;
}

static int map(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    const struct lti_mapping *mapping;
    uint32_t path_size;
    int result;

    if (size < 32 || (path_size = u32_at(p + 28)) > size - 32) {
        return damaged(d, "a mapping record is too short");
    }
    result = unmap(d, u64_at(p), u64_at(p + 8));
    if (result) {
        return result;
    }
    result = lti_modules_map(d->config.modules, u64_at(p), u64_at(p + 8), u64_at(p + 16),
                             u32_at(p + 24), (const char *)p + 32, path_size, &mapping);
    if (result) {
        return result == LT_ERR_NO_MEMORY ? result : damaged(d, "a mapping is malformed");
    }
    return deliver_module(d, LT_MODULE_MAP, mapping);
}

int lti_decoder_finish(struct lti_decoder *d, int32_t status, int32_t signal)
{
    struct lt_exit e = {
        .type = LT_EVENT_EXIT,
        .size = sizeof e,
        .pid = d->pid,
        .tid = d->tid,
        .status = status,
        .signal = signal,
    };
    const struct lti_callbacks *c = d->config.callbacks;
    uint64_t wanted = (UINT64_C(1) << c->count[LT_EVENT_EXIT]) - 1;
    int result;

    if (d->ended) {
        return 0;
    }
    d->ended = true;
    d->status = status;
    d->signal = signal;
    if (c->pull) {
        wanted |= LTI_WANTED_PULL;
    }
    if (!wanted) {
        return 0;
    }
    e.seq = ++d->seq;
    LTI_CALL(d, LT_EVENT_EXIT, exit, wanted, &e, result);
    return result ? result : keep(d, &e, sizeof e, wanted);
}

static void set_process(struct lti_decoder *d, uint32_t pid, uint32_t tid)
{
    d->pid = d->reg_write.pid = d->wide_write.pid = d->mem.pid = pid;
    d->tid = d->reg_write.tid = d->wide_write.tid = d->mem.tid = tid;
    for (uint32_t i = 0; i < d->block_room; i++) {
        if (d->blocks[i]) {
            set_insn_process(d, d->blocks[i]);
        }
    }
}

/* Handles the special record at d->at; block parts are only taken in hand. */
static int special(struct lti_decoder *d, uint32_t head)
{
    uint32_t size = LTI_SPECIAL_SIZE(head);
    const uint8_t *p = d->at + 4;

    if (size < 4 || size % 4 || size > (size_t)(d->end - d->at)) {
        return damaged(d, "a record is cut off");
    }
    d->at += size;
    size -= 4;
    switch (LTI_SPECIAL_KIND(head)) {
    case LTI_S_PAD:
        return 0;
    case LTI_S_PART:
        return begin_part(d, p, size);
    case LTI_S_WRITE:
        return helper_access(d, p, size, LT_EVENT_MEM_WRITE);
    case LTI_S_READ:
        return helper_access(d, p, size, LT_EVENT_MEM_READ);
    case LTI_S_REGS:
        return registers(d, p, size);
    case LTI_S_SYSCALL:
        return syscall_enter(d, p, size);
    case LTI_S_SYSRET:
        return syscall_return(d, p, size);
    case LTI_S_MAP:
        return map(d, p, size);
    case LTI_S_UNMAP:
        return size < 16 ? damaged(d, "an unmapping record is too short")
                         : unmap(d, u64_at(p), u64_at(p + 8));
    case LTI_S_PROCESS:
        if (size < 8) {
            return damaged(d, "a process record is too short");
        }
        set_process(d, u32_at(p), u32_at(p + 4));
        memcpy(d->cc_map,
               ((const struct lti_control *)(const void *)d->config.arena)->cc_map,
               sizeof d->cc_map);
        return 0;
    case LTI_S_EXIT:
        if (size < 8) {
            return damaged(d, "an exit record is too short");
        }
        return lti_decoder_finish(d, (int32_t)u32_at(p), (int32_t)u32_at(p + 4));
    case LTI_S_FORGET:
        forget_blocks(d);
        return 0;
    default:
        return damaged(d, "a record is of an unknown kind");
    }
}

/* Takes the next record: a block is left in hand, anything else is done. */
static int next_record(struct lti_decoder *d)
{
    uint32_t head;

    if (d->end - d->at < 4) {
        return damaged(d, "a record is cut off");
    }
    head = u32_at(d->at);
    return head & LTI_SPECIAL ? special(d, head) : begin_block(d, head);
}

int lti_decoder_run(struct lti_decoder *d)
{
    int result = 0;

    d->in_event = true;
    while (result == 0 && d->at < d->end && !stopped(d)) {
        result = next_record(d);
        if (result == 0 && d->step) {
            result = lti_run_steps(d, NULL);
        }
    }
    d->in_event = false;
    return result;
}

int lti_decoder_step(struct lti_decoder *d, const struct lt_event **out)
{
    for (;;) {
        int result;

        d->in_event = true;
        if (d->queue_at < d->queue_count) {
            struct queued *q = &d->queue[d->queue_at++];

            if (q->event.any.type == LT_EVENT_REG_WRITE &&
                q->event.reg_write.width <= 8) {
                q->event.reg_write.data = (const uint8_t *)&q->event.reg_write.value;
            }
            *out = &q->event.any;
            return 1;
        }
        d->queue_at = d->queue_count = 0;
        if (d->step) {
            result = lti_run_steps(d, out);
        } else if (d->at < d->end) {
            result = next_record(d);
        } else {
            d->in_event = false;
            return 0;
        }
        if (result) {
            d->in_event = result == 1 && *out;
            return result;
        }
    }
}

/* ---- Questions ---- */

int lti_decoder_reg(const struct lti_decoder *d, uint32_t reg, void *data, uint32_t size)
{
    const struct lti_reg *r = d->arch->regs;
    uint64_t value;

    if (reg >= d->arch->reg_count || r[reg].width > size) {
        return LT_ERR_ARGUMENT;
    }
    r += reg;
    if (!d->known || !d->in_event || !(d->config.record & LTI_RECORD_REGS)) {
        return LT_ERR_STATE;
    }
    if (r->how == LTI_REG_WORDS) {
        memcpy(data, &d->regs[r->word], r->width);
    } else {
        value = r->how != LTI_REG_PC ? lti_reg_value(d, reg)
                : d->insn            ? d->insn->event.pc
                                     : d->call.pc;
        memcpy(data, &value, r->width);
    }
    return r->width;
}

uint64_t lti_decoder_events(const struct lti_decoder *d)
{
    return d->seq;
}

void lti_decoder_stats(const struct lti_decoder *d, struct lt_stats *stats)
{
    uint32_t size = stats->size;

    *stats = d->stats;
    stats->size = size;
}

bool lti_decoder_ended(const struct lti_decoder *d, int32_t *status, int32_t *signal)
{
    *status = d->status;
    *signal = d->signal;
    return d->ended;
}

const char *lti_decoder_problem(const struct lti_decoder *d)
{
    return d->problem;
}
