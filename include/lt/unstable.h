/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may still change from release to release. */
#ifndef LT_UNSTABLE_H
#define LT_UNSTABLE_H

#include "lt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Figures about a run; filled by lt_session_stats(). */
struct lt_stats {
    uint32_t size;                /* set by the caller to sizeof(struct lt_stats) */
    uint32_t blocks;              /* block descriptors translated */
    uint64_t insns;               /* instructions in the stream, wanted or not; of code
                                     that was not recorded, none */
    uint64_t stream_bytes;        /* records that the engine wrote */
    uint64_t desc_bytes;          /* descriptors that the engine wrote */
    uint64_t register_checks;     /* comparisons of the decoder's registers with
                                     the engine's */
    uint64_t register_mismatches; /* registers that differed: a bug if not 0 */
    uint64_t internal_errors;     /* a bug if not 0 */
    uint64_t memory_checks;       /* with LT_CONFIG_CHECK_MEMORY: pages compared */
    uint64_t memory_mismatches;   /* pages that differed: a bug, or somebody outside
                                     the trace wrote to them */
};

/* A bit of lt_config.flags, with LT_CONFIG_MEMORY: compare the copy of the guest's
 * memory with the guest's own, at some system calls and at the end. */
#define LT_CONFIG_CHECK_MEMORY UINT32_C(0x40000000)

/* A bit of lt_config.flags: the engine records as it would for the session's callbacks,
 * and makes padding of it before the library sees it: for measuring the engine alone.
 * There are no events of instructions, registers and memory then, but those of the
 * kernel's writes, and `insns` and the checks of lt_stats are 0; stream_bytes counts what
 * was recorded.  Not with LT_CONFIG_MEMORY or lt_config.limit_insns, and nothing can make
 * such a guest wait (LT_ERR_UNSUPPORTED). */
#define LT_CONFIG_DISCARD UINT32_C(0x10000000)

/* A bit of lt_config.flags: values that the library can work out are not recorded even
 * where callbacks are told of register writes, for which recording them is quicker for
 * the library, though slower for the engine. */
#define LT_CONFIG_COMPACT UINT32_C(0x08000000)

/* Bits of lt_config.flags, for tests and comparisons.  The library turns code that the
 * guest runs often into host code that makes its events; what is told is the same with
 * and without.  Never do that: */
#define LT_CONFIG_INTERPRET UINT32_C(0x20000000)
/* and do it for all code, when it is first run.  With both, never. */
#define LT_CONFIG_COMPILE UINT32_C(0x04000000)

/* Fills *stats, also while the session runs.  LT_ERR_ARGUMENT. */
int lt_session_stats(const lt_session *session, struct lt_stats *stats);

/*
 * Writes a system call for people into `text`, much as strace does: at its entry
 * such as openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC); on its return with
 * what the kernel wrote, such as read(3, "\177ELF"..., 832).  The result is not part of
 * it.  At most `text_size` bytes with the final NUL; returns the length that it
 * would have without a limit.  LT_ERR_ARGUMENT, LT_ERR_STATE (before the run).
 */
int lt_syscall_text(const lt_session *session, const struct lt_syscall *call, char *text,
                    size_t text_size);

/* As lt_syscall_text(), for one argument, counted from 0.  LT_ERR_NOT_FOUND if the
 * call with these arguments has not so many, or does not look at it; LT_ERR_ARGUMENT
 * if no call has. */
int lt_syscall_arg_text(const lt_session *session, const struct lt_syscall *call,
                        uint32_t index, char *text, size_t text_size);

/* As lt_syscall_text(), for the result: "3", "-1 ENOENT (No such file or directory)",
 * "? ERESTARTSYS (To be restarted if SA_RESTART is set)"; "?" at the entry. */
int lt_syscall_result_text(const lt_session *session, const struct lt_syscall *call,
                           char *text, size_t text_size);

#ifdef __cplusplus
}
#endif

#endif
