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

void lti_decoder_set_arch(struct lti_decoder *d, uint32_t arch)
{
    d->x86 = arch == LT_ARCH_X86_64;
    d->reg_count = d->x86 ? LTI_X86_REGS : LTI_A64_REGS;
    d->source.reg_count = d->reg_count;
    d->source.cc_map = d->x86 ? d->cc_map : NULL;
}

int lti_decoder_create(const struct lti_decoder_config *config, struct lti_decoder **out)
{
    struct lti_decoder *d = calloc(1, sizeof *d);

    if (!d || !(d->threads = calloc(1, sizeof *d->threads))) {
        free(d);
        return LT_ERR_NO_MEMORY;
    }
    d->thread = d->threads;
    d->config = *config;
    d->blocks = config->slabs->blocks;
    d->source = (struct lti_block_source){
        .arena = config->arena,
        .callbacks = config->callbacks,
    };
    lti_decoder_set_arch(d, LT_ARCH_X86_64);
    lti_run_steps(NULL, &d->source.run);
    memcpy(d->cc_map, ((const struct lti_control *)(const void *)config->arena)->cc_map,
           sizeof d->cc_map);
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
    d->mem.size = sizeof d->mem;
    d->mem.data = (const uint8_t *)d->mem_data;
    *out = d;
    return 0;
}

int lti_decoder_inherit(struct lti_decoder *child, const struct lti_decoder *parent)
{
    int error =
        child->guest ? LT_ERR_STREAM : lti_guest_fork(parent->guest, &child->guest);

    if (error) {
        return error;
    }
    child->source.modules = child->guest->modules;
    lti_decoder_set_arch(child, child->guest->arch);
    child->known = parent->known;
    memcpy(child->regs, parent->regs, sizeof *child->regs * LTI_MAX_REGS);
    child->thread->call = parent->thread->call;
    memset(child->thread->call.strings, 0, sizeof child->thread->call.strings);
    if (parent->insn) {
        child->kept = *parent->insn;
        child->insn = &child->kept;
    }
    return 0;
}

void lti_decoder_keep_insn(struct lti_decoder *d)
{
    if (d->insn && d->insn != &d->kept) {
        d->kept = *d->insn;
        d->insn = &d->kept;
    }
}

void lti_decoder_destroy(struct lti_decoder *d)
{
    if (d) {
        lti_guest_release(d->guest);
        lti_decoder_free_threads(d);
        free(d->queue);
        free(d);
    }
}

struct lti_guest *lti_decoder_guest(const struct lti_decoder *d)
{
    return d->guest;
}

void lti_decoder_feed(struct lti_decoder *d, const uint8_t *begin, const uint8_t *end)
{
    d->at = begin;
    d->end = end;
    d->stats.stream_bytes += (uint64_t)(end - begin);
}

#define damaged lti_damaged

/* Makes the block of that number, which is first run now. */
static int make_block(struct lti_decoder *d, uint32_t number)
{
    int error;

    if (!d->guest) {
        return damaged(d, "a block is run before its process is known");
    }
    if (!d->config.slabs->users[number / LTI_SLAB_BLOCKS]) {
        /* Parallel threads: another one has yet to tell of the slab. */
        error = lti_guest_take_slab(d->guest, number / LTI_SLAB_BLOCKS);
        if (error) {
            return error;
        }
    }
    error = lti_block_create(&d->source, number, &d->blocks[number]);
    if (error == LT_ERR_STREAM) {
        return damaged(d, "a block descriptor is damaged");
    }
    d->stats.blocks += !error;
    return error;
}

static int find_block(struct lti_decoder *d, uint32_t number,
                      const struct lti_block **out)
{
    if (number >= LTI_MAX_BLOCKS) {
        return damaged(d, "a block number is out of range");
    }
    if (!d->blocks[number]) {
        int error = make_block(d, number);

        if (error) {
            return error;
        }
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

/* The first instructions only of a block, as an exception left it. */
static int begin_part(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    const struct lti_block *block;
    uint32_t count;
    int error;

    if (size < 8) {
        return damaged(d, "a partial block record is too short");
    }
    error = find_block(d, u32_at(p), &block);
    if (error) {
        return error;
    }
    count = u32_at(p + 4);
    if (count == 0 || count > block->insn_count ||
        size - 8 != (count < block->insn_count ? block->insns[count].slot_offset
                                               : block->record_size) -
                        4) {
        return damaged(d, "a partial block record does not fit its block");
    }
    d->step = block->steps;
    d->base = d->seq;
    d->record = p + 4;
    if (count < block->insn_count) {
        d->patched = &block->steps[block->insns[count].first_step];
        d->patched_run = d->patched->run;
        d->patched_nth = d->patched->nth;
        d->patched->run = d->source.run[LTI_STEP_END];
        d->patched->nth = block->insns[count].events_before;
    }
    for (uint32_t i = 0; i < count; i++) {
        d->stats.insns += !block->insns[i].continues && !block->insns[i].repeats;
    }
    return 0;
}

/* ---- Special records ---- */

int lti_decoder_keep(struct lti_decoder *d, const void *event, size_t size,
                     uint64_t wanted)
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

#define keep lti_decoder_keep

uint64_t lti_decoder_wanted(const struct lti_decoder *d, uint32_t type)
{
    const struct lti_callbacks *c = d->config.callbacks;
    uint64_t wanted = (UINT64_C(1) << c->count[type]) - 1;

    return c->pull && (c->pull_kinds & LT_KIND(type)) ? wanted | LTI_WANTED_PULL : wanted;
}

static uint64_t wanted_from_insn(const struct lti_decoder *d, uint32_t type)
{
    return d->insn ? d->insn->wanted[type] : 0;
}

static int tell_reg(struct lti_decoder *d, uint32_t reg, uint64_t value)
{
    uint64_t wanted = wanted_from_insn(d, LT_EVENT_REG_WRITE);
    int result;

    if (!wanted) {
        return 0;
    }
    result = deliver_reg(d, ++d->seq, reg, value, wanted);
    return result ? result : keep(d, &d->reg_write, sizeof d->reg_write, wanted);
}

/* Whether a reason makes a register's value a write though it is the same. */
static bool always_writes(const struct lti_decoder *d, uint32_t reason, unsigned reg)
{
    if (reason == LTI_REGS_KERNEL) {
        return reg == 0; /* rax or x0: the result */
    }
    return reason == LTI_REGS_SYSCALL && d->x86 && (reg == LT_X86_64_RCX || reg == 11);
}

static int registers(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint64_t old[LTI_MAX_REGS], old_flags = lti_flags_value(d), flags;
    const unsigned flags_reg = d->x86 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV;
    const unsigned pc_reg = d->x86 ? LT_X86_64_RIP : LT_AARCH64_PC;
    const unsigned public_count = d->x86 ? 20 : 34;
    uint32_t reason, skip;
    bool first;

    if (size != 8 + 8 * d->reg_count) {
        return damaged(d, "a register record has the wrong size");
    }
    reason = u32_at(p);
    skip = u32_at(p + 4);
    first = !d->known || reason == LTI_REGS_START;
    memcpy(old, d->regs, sizeof old);
    memcpy(d->regs, p + 8, 8 * d->reg_count);
    d->known = true;
    if (first) {
        return 0;
    }
    flags = lti_flags_value(d);
    for (unsigned i = 0; i < public_count; i++) {
        int result;

        if (i + 1 == skip) {
            continue;
        }
        if (i == pc_reg || (i == flags_reg ? flags == old_flags : d->regs[i] == old[i])) {
            if (i == pc_reg || !always_writes(d, reason, i)) {
                continue;
            }
        } else if ((reason == LTI_REGS_CHECK || reason == LTI_REGS_SYSCALL) &&
                   !always_writes(d, reason, i)) {
            d->stats.register_mismatches++;
            continue;
        } else if (i == flags_reg && reason == LTI_REGS_HELPER && d->x86) {
            continue; /* flags are whole again only behind the helper */
        }
        result = tell_reg(d, i, i == flags_reg ? flags : d->regs[i]);
        if (result) {
            return result;
        }
    }
    if (reason == LTI_REGS_CHECK || reason == LTI_REGS_SYSCALL) {
        d->stats.register_checks += public_count - 1;
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

/* Reads the strings behind a system call record into d->thread->call. */
static bool take_strings(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    memset(d->thread->call.strings, 0, sizeof d->thread->call.strings);
    while (size >= 8) {
        uint32_t index = u32_at(p), length = u32_at(p + 4), padded = (length + 3) & ~3u;

        if (index >= 6 || length >= sizeof d->thread->strings[0] || padded > size - 8) {
            return false;
        }
        memcpy(d->thread->strings[index], p + 8, length);
        d->thread->strings[index][length] = 0;
        d->thread->call.strings[index] = d->thread->strings[index];
        p += 8 + padded;
        size -= 8 + padded;
    }
    return size == 0;
}

static int deliver_call(struct lti_decoder *d, uint32_t phase)
{
    uint64_t wanted = lti_wanted_at(&d->source, LT_EVENT_SYSCALL, d->thread->call.pc);
    int result;

    if (!wanted) {
        return 0;
    }
    d->thread->call.type = LT_EVENT_SYSCALL;
    d->thread->call.size = sizeof d->thread->call;
    d->thread->call.seq = ++d->seq;
    d->thread->call.pid = d->pid;
    d->thread->call.tid = d->tid;
    d->thread->call.phase = phase;
    LTI_CALL(d, LT_EVENT_SYSCALL, syscall, wanted, &d->thread->call, result);
    return result ? result : keep(d, &d->thread->call, sizeof d->thread->call, wanted);
}

static int syscall_enter(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    if (size < 64 || !take_strings(d, p + 64, size - 64)) {
        return damaged(d, "a system call record is malformed");
    }
    d->thread->call.pc = u64_at(p);
    if (d->insn && d->insn->event.pc != d->thread->call.pc) {
        d->insn = NULL; /* made by code that was not recorded */
    }
    d->thread->call.nr = u32_at(p + 8);
    d->thread->call.name = lt_syscall_name(d->guest->arch, d->thread->call.nr);
    d->thread->call.arg_count = lti_syscall_arg_count(d->guest->arch, d->thread->call.nr);
    d->thread->call.ret = 0;
    d->thread->call.error = 0;
    for (int i = 0; i < 6; i++) {
        d->thread->call.args[i] = u64_at(p + 16 + 8 * i);
    }
    return deliver_call(d, LT_PHASE_ENTER);
}

static int syscall_return(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    if (size != 24 || u32_at(p + 8) != d->thread->call.nr) {
        return damaged(d, "a system call return does not fit its call");
    }
    d->thread->call.ret = (int64_t)u64_at(p + 16);
    d->thread->call.error = d->thread->call.ret < 0 && d->thread->call.ret >= -4095
                                ? (uint32_t)-d->thread->call.ret
                                : 0;
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
    error = lti_modules_unmap(d->guest->modules, start, end, unmapped, &u);
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
    result = lti_modules_map(d->guest->modules, u64_at(p), u64_at(p + 8), u64_at(p + 16),
                             u32_at(p + 24), (const char *)p + 32, path_size, &mapping);
    if (result) {
        return result == LT_ERR_NO_MEMORY ? result : damaged(d, "a mapping is malformed");
    }
    return deliver_module(d, LT_MODULE_MAP, mapping);
}

static int deliver_exit(struct lti_decoder *d, int32_t status, int32_t signal)
{
    struct lt_exit e = {
        .type = LT_EVENT_EXIT,
        .size = sizeof e,
        .pid = d->pid,
        .tid = d->tid,
        .status = status,
        .signal = signal,
    };
    uint64_t wanted = lti_decoder_wanted(d, LT_EVENT_EXIT);
    int result;

    d->finish = false;
    if (d->guest->ended) {
        return 0;
    }
    d->guest->ended = true;
    d->guest->status = status;
    d->guest->signal = signal;
    if (!wanted) {
        return 0;
    }
    e.seq = ++d->seq;
    LTI_CALL(d, LT_EVENT_EXIT, exit, wanted, &e, result);
    return result ? result : keep(d, &e, sizeof e, wanted);
}

bool lti_decoder_finish(struct lti_decoder *d, int32_t status, int32_t signal)
{
    if (!d->guest || !d->guest->begun || d->guest->ended) {
        return false;
    }
    d->finish = true;
    d->status = status;
    d->signal = signal;
    return true;
}

/* Whether a stamp is the next one, or late: then its record is not held up further. */
static bool is_due(const struct lti_decoder *d, uint64_t stamp)
{
    return stamp <= *d->config.stamp || stamp - 1 == *d->config.stamp;
}

/* The stamp of the next record.  Unless it is the one that is due, other streams'
 * records come first. */
static int take_stamp(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint64_t stamp;

    if (size != 12) {
        return damaged(d, "a stamp has the wrong size");
    }
    stamp = u64_at(p + 4);
    if (!is_due(d, stamp)) {
        d->at -= size + 4; /* again, later */
        return LTI_DECODER_BLOCKED;
    }
    if (stamp > *d->config.stamp) {
        *d->config.stamp = stamp;
    }
    return 0;
}

uint64_t lti_decoder_stamp(const struct lti_decoder *d)
{
    uint32_t head;

    if (d->step || d->queue_at < d->queue_count || d->end - d->at < 16) {
        return 0;
    }
    head = u32_at(d->at);
    return head == LTI_SPECIAL_HEAD(LTI_S_STAMP, 16) ? u64_at(d->at + 8) : 0;
}

bool lti_decoder_has_more(const struct lti_decoder *d)
{
    return d->step || d->queue_at < d->queue_count || d->at < d->end || d->finish;
}

bool lti_decoder_is_ready(const struct lti_decoder *d)
{
    return lti_decoder_has_more(d) && is_due(d, lti_decoder_stamp(d));
}

/* Handles the special record at d->at; block parts are only taken in hand. */
static int special(struct lti_decoder *d, uint32_t head)
{
    uint32_t size = LTI_SPECIAL_SIZE(head);
    const uint8_t *p = d->at + 4;

    if (size < 4 || size % 4 || size > (size_t)(d->end - d->at)) {
        return damaged(d, "a record is cut off");
    }
    if (!d->guest && LTI_SPECIAL_KIND(head) != LTI_S_STAMP &&
        LTI_SPECIAL_KIND(head) != LTI_S_PROCESS) {
        return damaged(d, "a stream does not say whose it is");
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
        return lti_decode_process(d, p, size);
    case LTI_S_EXIT:
        if (size < 8) {
            return damaged(d, "an exit record is too short");
        }
        return deliver_exit(d, (int32_t)u32_at(p), (int32_t)u32_at(p + 4));
    case LTI_S_FORGET:
        return lti_decode_forget(d);
    case LTI_S_STAMP:
        return take_stamp(d, p, size);
    case LTI_S_SLAB:
        return lti_decode_slab(d, p, size);
    case LTI_S_FORK:
        return lti_decode_fork(d, p, size);
    case LTI_S_CLONE:
        return lti_decode_clone(d, p, size);
    case LTI_S_THREAD:
        return lti_decode_thread(d, p, size);
    case LTI_S_THREAD_EXIT:
        return lti_decode_thread_exit(d);
    case LTI_S_NAME:
        return lti_decode_name(d, p, size);
    case LTI_S_SIGNAL:
        return lti_decode_signal(d, p, size);
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
    d->seq = *d->config.seq;
    while (result == 0 && d->at < d->end && !stopped(d)) {
        result = next_record(d);
        if (result == 0 && d->step) {
            result = lti_run_steps(d, NULL);
        }
    }
    if (result == 0 && d->at == d->end && d->finish) {
        result = deliver_exit(d, d->status, d->signal);
    }
    d->in_event = false;
    *d->config.seq = d->seq;
    return result;
}

static int next_event(struct lti_decoder *d, const struct lt_event **out)
{
    for (;;) {
        int result;

        d->in_event = true;
        if (d->queue_at < d->queue_count) {
            struct queued *q = &d->queue[d->queue_at++];

            if (q->event.any.type == LT_EVENT_REG_WRITE) {
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
        } else if (d->finish) {
            result = deliver_exit(d, d->status, d->signal);
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

int lti_decoder_step(struct lti_decoder *d, const struct lt_event **out)
{
    int result;

    /* In the middle of a block, its events are numbered from d->base on. */
    if (!d->step) {
        d->seq = *d->config.seq;
    }
    result = next_event(d, out);
    *d->config.seq = d->seq;
    return result;
}

/* ---- Questions ---- */

int lti_decoder_reg(const struct lti_decoder *d, uint32_t reg, uint64_t *value)
{
    if (!value || reg >= (d->x86 ? 20u : 34u)) {
        return LT_ERR_ARGUMENT;
    }
    if (!d->known || !d->in_event || !(d->config.record & LTI_RECORD_REGS)) {
        return LT_ERR_STATE;
    }
    if (reg == (d->x86 ? LT_X86_64_RIP : LT_AARCH64_PC)) {
        *value = d->insn ? d->insn->event.pc : d->thread->call.pc;
    } else if (reg == (d->x86 ? LT_X86_64_RFLAGS : LT_AARCH64_NZCV)) {
        *value = lti_flags_value(d);
    } else {
        *value = d->regs[reg];
    }
    return 0;
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
    bool ended = d->guest && d->guest->ended;

    *status = ended ? d->guest->status : 0;
    *signal = ended ? d->guest->signal : 0;
    return ended;
}

const char *lti_decoder_problem(const struct lti_decoder *d)
{
    return d->problem;
}
