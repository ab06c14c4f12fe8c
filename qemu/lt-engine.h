/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the patched call sites in QEMU call, and what our own files inside the
 * engine share.  Compiled once for each guest architecture.
 *
 *     lt-process.c   the guest process: start, exec, fork, exit, system calls
 *     lt-stream.c    the arena: records, chunks, descriptors
 *     lt-tcg.c       the pass over a translation block's TCG operations
 *     lt-x86_64.c, lt-aarch64.c   what differs between guest architectures
 */
#ifndef LT_ENGINE_H
#define LT_ENGINE_H

#include "exec/cpu-common.h"
#include "tcg/tcg.h"

struct DisasContextBase;
struct TranslationBlock;

/* ---- Called from patched places ---- */

/* translator.c: the operations of `tb` are complete; instrument them. */
void lt_translate(CPUState *cpu, struct TranslationBlock *tb,
                  struct DisasContextBase *db);

/* optimize.c: a store through `base` does not alias the CPU state. */
bool lt_is_buffer(TCGTemp *base);

/* tcg-op.c, tcg-op-gvec.c: what moves a register to itself shall leave an operation. */
bool lt_keeps_moves(void);

/* cpu-exec.c: a block left through its exit request; true if that was because
 * the chunk is full, which is cured then. */
bool lt_make_room(CPUState *cpu);

/* translate-all.c: the block in hand is left at `pc`, whose instruction has
 * not completed. */
void lt_cut(CPUState *cpu, uint64_t pc);

/* Whether that is only to run the instruction again. */
extern __thread bool lt_again;

/* ldst_common.c.inc, atomic_common.c.inc, access.c, helper-a64.c: a helper
 * stored or loaded for the instruction in hand. */
extern bool lt_watch_stores, lt_watch_loads;
/* What memory holds now at `addr`. */
void lt_helper_access(CPUState *cpu, uint64_t addr, uint32_t size, bool store);
/* What it held: `values` in host order. */
void lt_helper_values(CPUState *cpu, uint64_t addr, const void *values, uint32_t size,
                      bool store);

/* atomic_template.h: a compare-and-exchange helper found something else.  x86 writes
 * back what was there; on aarch64 that is no write, which is what the function says. */
extern __thread bool lt_exchange_failed;
bool lt_skip_exchange(void);

static inline void lt_watch_store(CPUState *cpu, uint64_t addr, uint32_t size)
{
    if (unlikely(lt_watch_stores)) {
        lt_helper_access(cpu, addr, size, true);
    }
}

static inline void lt_watch_load(CPUState *cpu, uint64_t addr, uint32_t size)
{
    if (unlikely(lt_watch_loads)) {
        lt_helper_access(cpu, addr, size, false);
    }
}

/* main.c: the guest program could not be loaded. */
G_NORETURN void lt_load_failed(const char *path, int error);
/* main.c: QEMU's main(), under a name of its own. */
int lt_qemu_main(int argc, char **argv, char **envp);

/* syscall.c: how the engine runs the program of a guest's exec, see
 * lt-process.c; and the file to execute for it. */
char **lt_exec_argv(int dirfd, const char *program, char **argv, int flags, bool at,
                    int *error);
const char *lt_exec_program(void);

/* ---- Shared by our own files ---- */

struct lti_control;
extern struct lti_control *lt_control; /* NULL when nothing is traced */
extern bool lt_filtered; /* some code is not traced: registers may be stale */

/* lt-stream.c */
void lt_stream_attach(int fd);
void lt_stream_detach(CPUState *cpu); /* in a forked child */
void lt_stream_start(CPUState *cpu);  /* the CPU's first instruction is near */
CPUState *lt_stream_owner(void);      /* NULL: nobody's */
void lt_stream_thread_ends(CPUState *cpu);
bool lt_stream_owns(CPUState *cpu); /* its events are recorded */
void lt_commit(CPUState *cpu);
uint8_t *lt_special(CPUState *cpu, unsigned kind, uint32_t payload);
void lt_record_regs(CPUState *cpu, unsigned reason, unsigned skip, bool inside);
void *lt_desc_alloc(uint32_t size); /* room for a descriptor */
uint32_t lt_block_reserve(void);    /* a block number for it */
void lt_desc_publish(uint32_t block, void *desc);

/* lt-process.c */
unsigned lt_want_at(uint64_t pc); /* LTI_WANT_* by the filters */

#endif
