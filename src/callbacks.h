/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the list of who wants which events; filled by lt_on_*(). */
#ifndef LTI_CALLBACKS_H
#define LTI_CALLBACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "lt/block.h"

#define LTI_MAX_CALLBACKS 32u
#define LTI_KIND_COUNT 13u /* indexed by enum lt_event_type; 0 is unused */

struct lti_callback {
    union {
        lt_insn_fn insn;
        lt_reg_write_fn reg_write;
        lt_mem_access_fn mem;
        lt_syscall_fn syscall;
        lt_module_fn module;
        lt_exit_fn exit;
        lt_signal_fn signal;
        lt_thread_fn thread;
        lt_process_fn process;
        lt_map_fn map;
        lt_block_fn block;
    } fn; /* for LT_EVENT_* of the list it stands in */
    void *user;
    struct lt_filter filter; /* .module is owned, or NULL */
    uint32_t kinds;          /* of a block view: LT_KIND bits of its rows */
};

struct lti_callbacks {
    struct lti_callback list[LTI_KIND_COUNT][LTI_MAX_CALLBACKS];
    unsigned count[LTI_KIND_COUNT];
    unsigned total; /* of all kinds */
    /* What lt_session_next() gives. */
    bool pull;                    /* the session runs in the pull form */
    uint32_t pull_kinds;          /* LT_KIND bits */
    struct lt_filter pull_filter; /* .module is owned, or NULL */
    bool memory;                  /* a copy of the guest's memory is kept */
    bool insns;                   /* all code is recorded: instructions are counted */
    /* Those that the guest waits for: a bit each, and LTI_WANTED_PULL. */
    uint64_t sync[LTI_KIND_COUNT];
    /* Those that want only what no block view has: a bit each. */
    uint64_t not_in_blocks[LTI_KIND_COUNT];
};

/* Whether the file at `path` is what a filter's `module` means: the same path,
 * or the same last component when `module` has no slash.  `module` NULL or ""
 * means any file and none. */
bool lti_filter_module_matches(const char *module, const char *path);

#endif
