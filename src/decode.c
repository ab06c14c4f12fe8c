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
    const struct lti_control *control = (const void *)d->config.arena;

    d->x86 = arch == LT_ARCH_X86_64;
    d->arch = arch == LT_ARCH_AARCH64 && control->scalable ? lti_arch_scalable()
                                                           : lti_arch_info(arch);
    d->source.arch = d->arch;
    d->source.cc_map = d->x86 ? d->cc_map : NULL;
    if (d->x86) {
        memcpy(d->cc_map, control->cc_map, sizeof d->cc_map);
    }
}

int lti_decoder_create(const struct lti_decoder_config *config, struct lti_decoder **out)
{
    struct lti_decoder *d = calloc(1, sizeof *d);

    if (!d || !(d->threads = calloc(1, sizeof *d->threads))) {
        free(d);
        return LT_ERR_NO_MEMORY;
    }
    d->thread = d->threads;
    if (config->callbacks->memory && !(d->old = malloc(LTI_MAX_STORE))) {
        lti_decoder_destroy(d);
        return LT_ERR_NO_MEMORY;
    }
    d->config = *config;
    d->blocks = config->slabs->blocks;
    d->source = (struct lti_block_source){
        .arena = config->arena,
        .callbacks = config->callbacks,
    };
    lti_decoder_set_arch(d, LT_ARCH_X86_64);
    d->source.views = &config->slabs->views;
    lti_run_steps(NULL, &d->source.run);
    d->session = config->session;
    d->only_insn = config->callbacks->list[LT_EVENT_INSN][0].fn.insn;
    d->only_insn_user = config->callbacks->list[LT_EVENT_INSN][0].user;
    d->only_reg_write = config->callbacks->list[LT_EVENT_REG_WRITE][0].fn.reg_write;
    d->only_reg_write_user = config->callbacks->list[LT_EVENT_REG_WRITE][0].user;
    for (unsigned i = 0; i < LTI_ONE_COUNT; i++) {
        const struct lti_callback *first = &config->callbacks->list[i][0];

        /* All are pointers to functions, of the type of the kind. */
        memcpy(&d->one[i].fn, &first->fn, sizeof d->one[i].fn);
        d->one[i].user = first->user;
    }
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
    d->run.type = LT_EVENT_BLOCK;
    d->run.size = sizeof d->run;
    d->run.values = d->regs;
    d->load = d->store = d->mem;
    d->load.type = LT_EVENT_MEM_READ;
    d->load.data = (const uint8_t *)&d->load.value;
    d->store.type = LT_EVENT_MEM_WRITE;
    d->store.data = (const uint8_t *)&d->store.value;
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
    child->memory = child->guest->memory;
    lti_decoder_set_arch(child, child->guest->arch);
    child->known = parent->known;
    memcpy(child->regs, parent->regs, sizeof *child->regs * LTI_MAX_REGS);
    child->thread->call = parent->thread->call;
    lti_decoder_forget_captures(&child->thread->call);
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
        lti_sync_forget(d);
        free(d->queue);
        free(d->map_path);
        free(d->old);
        free(d->part);
        free(d);
    }
}

void lti_decoder_set_number(struct lti_decoder *d, uint32_t number)
{
    d->number = number;
}

struct lti_guest *lti_decoder_guest(const struct lti_decoder *d)
{
    return d->guest;
}

void lti_decoder_feed(struct lti_decoder *d, const uint8_t *begin, const uint8_t *end)
{
    d->at = d->late ? end : begin;
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
    if (!error) {
        d->stats.blocks++;
        d->blocks[number]->cold = d->config.slabs->compile_after;
    }
    return error;
}

static int find_block(struct lti_decoder *d, uint32_t number, struct lti_block **out)
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

/* How many of a block's first `count` instructions there are until one begins that is
 * too many. */
static uint32_t insns_left(const struct lti_decoder *d, const struct lti_block *block,
                           uint32_t count)
{
    uint64_t left = d->insns_end - d->stats.insns;
    uint64_t last_pc = d->insn ? d->insn->event.pc : 0;
    bool known = d->insn != NULL;

    for (uint32_t i = 0; i < count; i++) {
        const struct lti_insn *insn = &block->insns[i];
        bool again = insn->repeats && known && last_pc == insn->event.pc;

        if (!insn->continues && !again && left-- == 0) {
            return i;
        }
        last_pc = insn->event.pc;
        known = true;
    }
    return count;
}

/* The block in hand ends at `step`, behind `nth` events. */
static void patch(struct lti_decoder *d, struct lti_step *step, uint32_t nth)
{
    d->patched = step;
    d->patched_run = step->run;
    d->patched_nth = step->nth;
    step->run = d->source.run[LTI_STEP_END];
    step->nth = nth;
}

/* Where the first instructions of a block begin: its steps, or those of its view, which
 * lead to them.  0 or LT_ERR_NO_MEMORY. */
static int begin_steps(struct lti_decoder *d, const struct lti_block *block,
                       uint32_t count, uint32_t stores)
{
    d->step = block->view ? lti_view_part(d, block->view, count, stores) : block->steps;
    return d->step ? 0 : LT_ERR_NO_MEMORY;
}

/* Takes the first instructions of a block in hand, the last ones that may be told: its
 * record, which begins at `at`, is left to be come upon again. */
static int cut_block(struct lti_decoder *d, const struct lti_block *block, uint32_t count,
                     const uint8_t *record, const uint8_t *at)
{
    d->insns_over = true;
    d->at = at;
    if (count == 0) {
        d->limit = LT_LIMIT_INSNS;
        return LTI_DECODER_LIMIT;
    }
    if (begin_steps(d, block, count, 0)) {
        return LT_ERR_NO_MEMORY;
    }
    d->base = d->seq;
    d->record = record;
    patch(d, &block->steps[block->insns[count].first_step],
          block->insns[count].events_before);
    for (uint32_t i = 0; i < count; i++) {
        d->stats.insns += !block->insns[i].continues && !block->insns[i].repeats;
    }
    return 0;
}

/* Whether a block that is to be run is run as compiled code. */
static bool is_compiled(struct lti_decoder *d, uint32_t number, struct lti_block *block)
{
    if (block->cold) {
        block->cold--;
        return false;
    }
    return lti_compile(&d->config.slabs->compiler, d, number, block);
}

/* Takes the block record at d->at in hand, or runs it, if its code is compiled. */
static int begin_block(struct lti_decoder *d, uint32_t number)
{
    struct lti_block *block;
    int error = find_block(d, number, &block);

    if (error) {
        return error;
    }
    if ((size_t)(d->end - d->at) < block->record_size) {
        return lti_damaged(d, "a block record is cut off");
    }
    if (block->insn_count > d->insns_end - d->stats.insns) {
        uint32_t count = insns_left(d, block, block->insn_count);

        if (count < block->insn_count) {
            return cut_block(d, block, count, d->at, d->at);
        }
    } else if (is_compiled(d, number, block)) {
        return lti_run_compiled(d->config.slabs->compiler, d, number);
    }
    d->step = block->begin;
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
    struct lti_block *block;
    uint32_t count, stores;
    int error;

    if (size < 8) {
        return lti_damaged(d, "a partial block record is too short");
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
        return lti_damaged(d, "a partial block record does not fit its block");
    }
    if (count > d->insns_end - d->stats.insns) {
        uint32_t left = insns_left(d, block, count);

        if (left < count) {
            return cut_block(d, block, left, p + 4, p - 4);
        }
    }
    error = begin_steps(d, block, count, stores);
    if (error) {
        return error;
    }
    d->base = d->seq;
    d->record = p + 4;
    if (stores) {
        struct lti_step *step = behind_stores(block, count - 1, stores);

        patch(d, step, step[-1].nth);
    } else if (count < block->insn_count) {
        patch(d, &block->steps[block->insns[count].first_step],
              block->insns[count].events_before);
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
    if (wanted & LTI_WANTED_SYNC) {
        int error = lti_sync_keep(d, event, size);

        if (error) {
            return error;
        }
    }
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

    if (c->pull && (c->pull_kinds & LT_KIND(type))) {
        wanted |= LTI_WANTED_PULL;
    }
    if (wanted & c->sync[type]) {
        wanted = (wanted & ~c->sync[type]) | LTI_WANTED_SYNC;
    }
    return wanted;
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

/* The same part of a vector register has a narrow and a wide name.  On x86_64 the
 * wide one's change is told if the upper half is another one, where vectors are
 * scalable always. */
static bool other_name_told(const struct lti_decoder *d, uint32_t reg,
                            const uint64_t *old)
{
    const uint64_t *word = &d->regs[d->arch->regs[reg].word];

    if (d->arch->scalable) {
        return reg >= LT_AARCH64_V0 && reg < LT_AARCH64_Z0;
    }
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

/* Tells how the registers differ from the `old` file, `skip` - 1 excepted. */
static int tell_changes(struct lti_decoder *d, const uint64_t *old, uint32_t reason,
                        uint32_t skip)
{
    const uint64_t old_flags =
        d->x86 ? lti_x86_rflags(old, d->cc_map) : lti_a64_nzcv(old);
    const uint64_t old_float = d->x86 ? lti_x86_mxcsr(old) : lti_a64_fpsr(old);

    for (unsigned i = 0; i < d->arch->held_count; i++) {
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
        result = tell_reg(d, i, lti_reg_width(d->arch, i, d->regs));
        if (result) {
            return result;
        }
    }
    return 0;
}

static int registers(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint64_t old[LTI_MAX_REGS];
    uint32_t reason, skip;
    bool first;
    int result;

    memcpy(old, d->regs, 8 * d->arch->word_count);
    if (size < 8 || !lti_take_registers(d->arch, p + 8, size - 8, d->regs)) {
        return damaged(d, "a register record has the wrong size");
    }
    reason = u32_at(p);
    skip = u32_at(p + 4);
    first = !d->known || reason == LTI_REGS_START;
    d->known = true;
    if (d->x86 && d->cc_map[d->regs[LTI_X86_CC_OP] & 127] == LTI_CC_UNKNOWN) {
        d->stats.internal_errors++; /* flags cannot be told */
    }
    if (first) {
        /* An instruction that repeats does not go on where other code ran. */
        d->insn = reason == LTI_REGS_START ? NULL : d->insn;
        return 0;
    }
    result = tell_changes(d, old, reason, skip);
    if (result == 0 && (reason == LTI_REGS_CHECK || reason == LTI_REGS_SYSCALL)) {
        d->stats.register_checks += d->arch->held_count - 1;
    }
    return result;
}

int lti_decoder_host_regs(struct lti_decoder *d, uint64_t pc, const uint64_t *old)
{
    const struct lti_insn *insn = d->insn;
    struct lti_insn at = {.event.pc = pc};
    int result;

    at.wanted[LT_EVENT_REG_WRITE] = lti_wanted_at(&d->source, LT_EVENT_REG_WRITE, pc);
    d->insn = &at; /* whose pc the events have */
    d->wide_write.by = LT_BY_HOST;
    result = tell_changes(d, old, LTI_REGS_HOST, 0);
    d->wide_write.by = LT_BY_INSN;
    d->insn = insn;
    return result;
}

/* Takes what the call's record has of the memory that it points to. */
static int take_captures(struct lti_decoder *d, uint32_t phase, const uint8_t *p,
                         uint32_t size)
{
    int error = lti_captures_take(&d->thread->captures, &d->thread->call, phase, p, size);

    return error == LT_ERR_STREAM ? damaged(d, "a system call's memory is malformed")
                                  : error;
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
    int error;

    if (size < 64) {
        return damaged(d, "a system call record is too short");
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
    lti_captures_clear(&d->thread->captures);
    error = take_captures(d, LT_PHASE_ENTER, p + 64, size - 64);
    return error || u32_at(p + 12) ? error : deliver_call(d, LT_PHASE_ENTER);
}

static int syscall_return(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    int error;

    if (size < 24 || u32_at(p + 8) != d->thread->call.nr) {
        return damaged(d, "a system call return does not fit its call");
    }
    error = take_captures(d, LT_PHASE_RETURN, p + 24, size - 24);
    if (error) {
        return error;
    }
    d->thread->call.ret = (int64_t)u64_at(p + 16);
    d->thread->call.error = d->thread->call.ret < 0 && d->thread->call.ret >= -4095
                                ? (uint32_t)-d->thread->call.ret
                                : 0;
    return deliver_call(d, LT_PHASE_RETURN);
}

static int deliver_exit(struct lti_decoder *d, int32_t status, int32_t signal)
{
    struct lt_exit e = {
        .type = LT_EVENT_EXIT,
        .size = sizeof e,
        .pid = d->pid,
        .tid = d->guest->leaving ? d->guest->leaver : d->tid,
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
    return result ? result : lti_decoder_keep(d, &e, sizeof e, wanted);
}

/* The process says that it ends. */
static int end_process(struct lti_decoder *d, int32_t status, int32_t signal)
{
    if (!d->config.parallel) {
        return deliver_exit(d, status, signal);
    }
    d->guest->leaving = true;
    d->guest->leaver = d->tid;
    d->guest->status = status;
    d->guest->signal = signal;
    return 0;
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

    if (d->step || d->waits || d->queue_at < d->queue_count || d->end - d->at < 16) {
        return 0;
    }
    head = u32_at(d->at);
    return head == LTI_SPECIAL_HEAD(LTI_S_STAMP, 16) ? u64_at(d->at + 8) : 0;
}

bool lti_decoder_has_more(const struct lti_decoder *d)
{
    return d->step || d->waits || d->queue_at < d->queue_count || d->at < d->end ||
           d->finish;
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
        return lti_damaged(d, "a record is cut off");
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
        return lti_decode_access(d, p, size, LT_EVENT_MEM_WRITE);
    case LTI_S_READ:
        return lti_decode_access(d, p, size, LT_EVENT_MEM_READ);
    case LTI_S_REGS:
        return registers(d, p, size);
    case LTI_S_SYSCALL:
        return syscall_enter(d, p, size);
    case LTI_S_SYSRET:
        return syscall_return(d, p, size);
    case LTI_S_MAP:
        return lti_decode_module(d, p, size);
    case LTI_S_UNMAP:
        return lti_decode_unmodule(d, p, size);
    case LTI_S_LIMIT:
        if (size < 4 || u32_at(p) < LT_LIMIT_MEMORY || u32_at(p) > LT_LIMIT_PROCESSES) {
            return damaged(d, "a limit is not known");
        }
        d->limit = u32_at(p);
        return LTI_DECODER_LIMIT;
    case LTI_S_PROCESS:
        return lti_decode_process(d, p, size);
    case LTI_S_EXIT:
        if (size < 8) {
            return lti_damaged(d, "an exit record is too short");
        }
        return end_process(d, (int32_t)u32_at(p), (int32_t)u32_at(p + 4));
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
    case LTI_S_SYNC:
        return lti_sync_stop(d, p, size);
    case LTI_S_KERNEL:
        return lti_decode_kernel(d, p, size);
    case LTI_S_RANGE:
        return lti_decode_range(d, p, size);
    case LTI_S_DATA:
        return lti_decode_data(d, p, size);
    case LTI_S_CHECK:
        return lti_decode_check(d, p, size);
    default:
        return lti_damaged(d, "a record is of an unknown kind");
    }
}

/* Takes the next record: a block is left in hand, anything else is done. */
static int next_record(struct lti_decoder *d)
{
    uint32_t head;

    if (d->insns_over) {
        d->limit = LT_LIMIT_INSNS;
        return LTI_DECODER_LIMIT;
    }
    if (d->end - d->at < 4) {
        return lti_damaged(d, "a record is cut off");
    }
    head = u32_at(d->at);
    return head & LTI_SPECIAL ? special(d, head) : begin_block(d, head);
}

/* What all decoders have left is this one's for now.  Its present count. */
static uint64_t count_insns(struct lti_decoder *d)
{
    d->insns_end = d->stats.insns + *d->config.insns_left;
    return d->stats.insns;
}

int lti_decoder_run(struct lti_decoder *d)
{
    int result = 0;
    uint64_t insns = count_insns(d);

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
    *d->config.insns_left -= d->stats.insns - insns;
    return result;
}

static int next_event(struct lti_decoder *d, const struct lt_event **out)
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
            if (d->waits) {
                lti_sync_given(d, *out);
            }
            return 1;
        }
        d->queue_at = d->queue_count = 0;
        if (d->waits) {
            d->waits = false;
            result = lti_sync_go(d);
        } else if (d->step) {
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
    uint64_t insns = count_insns(d);

    /* In the middle of a block, its events are numbered from d->base on. */
    if (!d->step) {
        d->seq = *d->config.seq;
    }
    result = next_event(d, out);
    *d->config.seq = d->seq;
    *d->config.insns_left -= d->stats.insns - insns;
    return result;
}

/* ---- Questions ---- */

int lti_decoder_reg(const struct lti_decoder *d, uint32_t reg, void *data, uint32_t size)
{
    const struct lti_reg *r = d->arch->regs;
    uint32_t width;
    uint64_t value;

    if (reg >= d->arch->reg_count ||
        (width = lti_reg_width(d->arch, reg, d->regs)) > size) {
        return LT_ERR_ARGUMENT;
    }
    r += reg;
    if (reg >= d->arch->held_count) {
        return LT_ERR_UNSUPPORTED;
    }
    if (!d->known || !d->in_event || !(d->config.record & LTI_RECORD_REGS)) {
        return LT_ERR_STATE;
    }
    if (r->how == LTI_REG_WORDS) {
        memcpy(data, &d->regs[r->word], width);
    } else {
        value = r->how != LTI_REG_PC ? lti_reg_value(d, reg)
                : d->config.sync && lti_sync_waits(d->config.sync, d) ? d->regs[r->word]
                : d->view ? d->view->first->event.pc
                : d->insn ? d->insn->event.pc
                          : d->thread->call.pc;
        memcpy(data, &value, width);
    }
    return (int)width;
}

int lti_decoder_mem(const struct lti_decoder *d, uint64_t addr, void *data, uint64_t size)
{
    if (!d->memory || !d->in_event) {
        return LT_ERR_STATE;
    }
    return (int)lti_memory_read(d->memory, addr, data, size);
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

bool lti_decoder_leaving(const struct lti_decoder *d, int32_t *status, int32_t *signal)
{
    const bool leaving = d->guest && d->guest->leaving && !d->guest->ended;

    *status = leaving ? d->guest->status : 0;
    *signal = leaving ? d->guest->signal : 0;
    return leaving;
}

bool lti_decoder_ended(const struct lti_decoder *d, int32_t *status, int32_t *signal)
{
    bool ended = d->guest && d->guest->ended;

    *status = ended ? d->guest->status : 0;
    *signal = ended ? d->guest->signal : 0;
    return ended;
}

uint32_t lti_decoder_limit(const struct lti_decoder *d)
{
    return d->limit;
}

const char *lti_decoder_problem(const struct lti_decoder *d)
{
    return d->problem;
}
