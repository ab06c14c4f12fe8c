/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the list of who wants which events, and what the engine is told of it. */
#include "callbacks.h"

#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "sync.h"

/* sizeof(struct lt_filter) in the first release. */
#define FILTER_SIZE_1 48u
_Static_assert(sizeof(struct lt_filter) >= FILTER_SIZE_1, "grows only");

int lt_filter_init(struct lt_filter *filter, uint32_t size)
{
    return lti_struct_init(filter, size, FILTER_SIZE_1);
}

bool lti_filter_module_matches(const char *module, const char *path)
{
    if (module == NULL || module[0] == '\0') {
        return true;
    }
    if (path == NULL) {
        return false;
    }
    const char *last = strrchr(path, '/');
    if (strchr(module, '/') == NULL && last != NULL) {
        path = last + 1;
    }
    return strcmp(module, path) == 0;
}

const char *lt_event_name(uint32_t type)
{
    static const char *const names[LTI_KIND_COUNT] = {
        [LT_EVENT_INSN] = "insn",       [LT_EVENT_REG_WRITE] = "reg",
        [LT_EVENT_MEM_WRITE] = "write", [LT_EVENT_MEM_READ] = "read",
        [LT_EVENT_SYSCALL] = "syscall", [LT_EVENT_MODULE] = "module",
        [LT_EVENT_EXIT] = "exit",       [LT_EVENT_SIGNAL] = "signal",
        [LT_EVENT_THREAD] = "thread",   [LT_EVENT_PROCESS] = "process",
        [LT_EVENT_MAP] = "map",
    };
    return type < LTI_KIND_COUNT ? names[type] : NULL;
}

/* ---- Adding ---- */

/* Takes over a caller's filter; `from` NULL means everything. */
static int take_filter(lt_session *session, struct lt_filter *to,
                       const struct lt_filter *from)
{
    if (from == NULL) {
        memset(to, 0, sizeof *to);
        to->size = sizeof *to;
        return 0;
    }
    if (lti_struct_take(to, sizeof *to, FILTER_SIZE_1, from) != 0) {
        return lti_fail(
            &session->message, LT_ERR_ARGUMENT,
            "the filter was not set up by lt_filter_init(), or asks for what this "
            "version of the library does not know");
    }
    if ((to->flags & ~(LT_FILTER_NO_REGS | LT_FILTER_SYNC | LT_FILTER_NOT_IN_BLOCKS)) !=
        0) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "the filter has an unknown flag");
    }
    if ((to->pc_end != 0 && to->pc_end <= to->pc_start) ||
        (to->addr_end != 0 && to->addr_end <= to->addr_start)) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "a range of the filter ends before it begins");
    }
    if (to->module != NULL && to->module[0] == '\0') {
        to->module = NULL;
    }
    if (to->module != NULL && (to->module = strdup(to->module)) == NULL) {
        return lti_fail(&session->message, LT_ERR_NO_MEMORY, "no memory for a filter");
    }
    return 0;
}

static int check_new(lt_session *session)
{
    if (session->busy || session->state != LTI_SESSION_NEW) {
        return lti_fail(&session->message, LT_ERR_STATE,
                        "what a session wants is said before its run");
    }
    return 0;
}

static int add(lt_session *session, uint32_t type, const struct lt_filter *filter,
               struct lti_callback callback)
{
    struct lti_callbacks *callbacks = &session->callbacks;
    int error = check_new(session);
    if (error != 0) {
        return error;
    }
    if (callbacks->count[type] == LTI_MAX_CALLBACKS) {
        return lti_fail(&session->message, LT_ERR_LIMIT,
                        "a session has at most %u callbacks of a kind",
                        LTI_MAX_CALLBACKS);
    }
    if (filter != NULL && filter->size >= FILTER_SIZE_1 &&
        (filter->flags & LT_FILTER_SYNC) != 0) {
        error = lti_sync_allowed(session, LT_KIND(type));
    }
    if (error == 0) {
        error = take_filter(session, &callback.filter, filter);
    }
    if (error == 0) {
        if ((callback.filter.flags & LT_FILTER_SYNC) != 0) {
            callbacks->sync[type] |= UINT64_C(1) << callbacks->count[type];
        }
        if ((callback.filter.flags & LT_FILTER_NOT_IN_BLOCKS) != 0) {
            callbacks->not_in_blocks[type] |= UINT64_C(1) << callbacks->count[type];
        }
        callbacks->list[type][callbacks->count[type]++] = callback;
        callbacks->total++;
    }
    return error;
}

#define DEFINE_ON(name, fn_type, member, type)                                           \
    int lt_on_##name(lt_session *session, const struct lt_filter *filter, fn_type fn,    \
                     void *user)                                                         \
    {                                                                                    \
        if (session == NULL) {                                                           \
            return LT_ERR_ARGUMENT;                                                      \
        }                                                                                \
        if (fn == NULL) {                                                                \
            return lti_fail(&session->message, LT_ERR_ARGUMENT,                          \
                            "lt_on_" #name "() was given no function");                  \
        }                                                                                \
        return add(session, type, filter,                                                \
                   (struct lti_callback){.fn = {.member = fn}, .user = user});           \
    }

DEFINE_ON(insn, lt_insn_fn, insn, LT_EVENT_INSN)
DEFINE_ON(reg_write, lt_reg_write_fn, reg_write, LT_EVENT_REG_WRITE)
DEFINE_ON(mem_write, lt_mem_access_fn, mem, LT_EVENT_MEM_WRITE)
DEFINE_ON(mem_read, lt_mem_access_fn, mem, LT_EVENT_MEM_READ)
DEFINE_ON(syscall, lt_syscall_fn, syscall, LT_EVENT_SYSCALL)
DEFINE_ON(module, lt_module_fn, module, LT_EVENT_MODULE)
DEFINE_ON(exit, lt_exit_fn, exit, LT_EVENT_EXIT)
DEFINE_ON(signal, lt_signal_fn, signal, LT_EVENT_SIGNAL)
DEFINE_ON(thread, lt_thread_fn, thread, LT_EVENT_THREAD)
DEFINE_ON(process, lt_process_fn, process, LT_EVENT_PROCESS)
DEFINE_ON(map, lt_map_fn, map, LT_EVENT_MAP)

/* What rows of a block view can be of. */
#define ROW_KINDS                                                                        \
    (LT_KIND(LT_EVENT_REG_WRITE) | LT_KIND(LT_EVENT_MEM_WRITE) |                         \
     LT_KIND(LT_EVENT_MEM_READ))

int lt_on_block(lt_session *session, uint32_t kinds, const struct lt_filter *filter,
                lt_block_fn fn, void *user)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    if (fn == NULL) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "lt_on_block() was given no function");
    }
    if ((kinds & ~(ROW_KINDS | LT_KIND(LT_EVENT_INSN))) != 0) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "a block has no rows of that kind");
    }
    if (filter != NULL && filter->size >= FILTER_SIZE_1 &&
        (filter->flags & LT_FILTER_SYNC) != 0) {
        int error = check_new(session);

        return error != 0 ? error
                          : lti_fail(&session->message, LT_ERR_UNSUPPORTED,
                                     "a guest cannot wait for runs of blocks");
    }
    return add(session, LT_EVENT_BLOCK, filter,
               (struct lti_callback){
                   .fn = {.block = fn}, .user = user, .kinds = kinds & ROW_KINDS});
}

int lt_session_select(lt_session *session, uint32_t kinds, const struct lt_filter *filter)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    int error = check_new(session);
    if (error != 0) {
        return error;
    }
    if ((kinds & ~LT_KINDS_ALL) != 0) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT, "an unknown kind of events");
    }
    if (filter != NULL && filter->size >= FILTER_SIZE_1 &&
        (filter->flags & LT_FILTER_SYNC) != 0 &&
        (error = lti_sync_allowed(session, kinds & ~LT_KIND(LT_EVENT_EXIT))) != 0) {
        return error;
    }
    struct lt_filter taken;
    error = take_filter(session, &taken, filter);
    if (error == 0) {
        free((char *)session->callbacks.pull_filter.module);
        session->callbacks.pull_filter = taken;
        session->callbacks.pull_kinds = kinds | LT_KIND(LT_EVENT_EXIT);
    }
    return error;
}

void lti_callbacks_free(struct lti_callbacks *callbacks)
{
    for (unsigned type = 0; type < LTI_KIND_COUNT; type++) {
        for (unsigned i = 0; i < callbacks->count[type]; i++) {
            free((char *)callbacks->list[type][i].filter.module);
        }
        callbacks->count[type] = 0;
    }
    free((char *)callbacks->pull_filter.module);
    callbacks->pull_filter.module = NULL;
}

/* ---- What the engine is told ---- */

/* The LTI_WANT_* bit of each kind that comes from instructions. */
static const uint32_t wants[LTI_KIND_COUNT] = {
    [LT_EVENT_INSN] = LTI_WANT_INSN,       [LT_EVENT_REG_WRITE] = LTI_WANT_REG,
    [LT_EVENT_MEM_WRITE] = LTI_WANT_WRITE, [LT_EVENT_MEM_READ] = LTI_WANT_READ,
    [LT_EVENT_SYSCALL] = LTI_WANT_SYSCALL,
};

/* The ranges while they are collected. */
struct wanted {
    struct lti_range *ranges;
    uint32_t count;
    uint32_t record;
};

static void want_range(struct wanted *wanted, uint32_t want,
                       const struct lt_filter *filter)
{
    struct lti_range range;
    memset(&range, 0, sizeof range);
    range.want = want;
    range.pc_start = filter->pc_start;
    range.pc_end = filter->pc_end;
    /* A name that has no room makes the range wider; the decoder looks at every
     * event's module again. */
    if (filter->module != NULL && strlen(filter->module) < sizeof range.module) {
        memcpy(range.module, filter->module, strlen(filter->module));
    }
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct lti_range *known = &wanted->ranges[i];
        if (known->pc_start == range.pc_start && known->pc_end == range.pc_end &&
            strcmp(known->module, range.module) == 0) {
            known->want |= want;
            return;
        }
    }
    if (wanted->count < LTI_MAX_FILTERS) {
        wanted->ranges[wanted->count++] = range;
        return;
    }
    /* One range for everything instead of too many. */
    memset(&range, 0, sizeof range);
    range.want = want;
    for (uint32_t i = 0; i < wanted->count; i++) {
        range.want |= wanted->ranges[i].want;
    }
    wanted->ranges[0] = range;
    wanted->count = 1;
}

/* One callback, or the pull form, wants `kinds`. */
static void want(struct wanted *wanted, uint32_t kinds, const struct lt_filter *filter)
{
    const bool view = (kinds & LT_KIND(LT_EVENT_BLOCK)) != 0;
    uint32_t bits = view ? LTI_WANT_INSN : 0;

    if ((kinds & LT_KIND(LT_EVENT_MAP)) != 0) {
        wanted->record |= LTI_RECORD_MAPS;
    }
    for (unsigned type = 0; type < LTI_KIND_COUNT; type++) {
        bits |= (kinds & LT_KIND(type)) != 0 ? wants[type] : 0;
    }
    if ((filter->flags & LT_FILTER_SYNC) != 0) {
        /* Instructions are told where the guest waits. */
        bits |= (bits & LTI_WANT_INSN) != 0 ? LTI_WANT_SYNC_INSN : 0;
        bits |= (bits & LTI_WANT_SYSCALL) != 0 ? LTI_WANT_SYNC_CALL : 0;
        bits &= ~LTI_WANT_INSN;
        wanted->record |= LTI_RECORD_REGS;
    }
    if (bits == 0) {
        return;
    }
    want_range(wanted, bits, filter);
    if ((bits & LTI_WANT_REG) != 0) {
        wanted->record |= LTI_RECORD_REGS;
        if (!view && (filter->flags & LT_FILTER_NOT_IN_BLOCKS) == 0) {
            wanted->record |= LTI_RECORD_DIRECT;
        }
    } else if ((filter->flags & LT_FILTER_NO_REGS) == 0) {
        wanted->record |= LTI_RECORD_REGS;
    }
}

void lti_callbacks_wanted(const struct lti_callbacks *callbacks,
                          struct lti_range ranges[LTI_MAX_FILTERS], uint32_t *count,
                          uint32_t *record)
{
    struct wanted wanted = {.ranges = ranges};
    for (unsigned type = 0; type < LTI_KIND_COUNT; type++) {
        for (unsigned i = 0; i < callbacks->count[type]; i++) {
            const struct lti_callback *c = &callbacks->list[type][i];
            want(&wanted, LT_KIND(type) | c->kinds, &c->filter);
        }
    }
    if (callbacks->pull) {
        want(&wanted, callbacks->pull_kinds, &callbacks->pull_filter);
    }
    if (callbacks->memory) {
        const struct lt_filter everything = {.size = sizeof everything};
        want(&wanted, LT_KIND(LT_EVENT_MEM_WRITE) | LT_KIND(LT_EVENT_MAP), &everything);
    }
    if (callbacks->insns) {
        const struct lt_filter everything = {.size = sizeof everything,
                                             .flags = LT_FILTER_NO_REGS};
        want(&wanted, LT_KIND(LT_EVENT_INSN), &everything);
    }
    *count = wanted.count;
    *record = wanted.record;
}
