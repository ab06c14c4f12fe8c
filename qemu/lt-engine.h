/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the patched call sites in QEMU call, and what our own files inside the
 * engine share.  Compiled once for each guest architecture.
 *
 *     lt-process.c   the guest process: start, exec, fork, exit, system calls
 *     lt-exec.c      what a guest's exec executes
 *     lt-threads.c   the baton: one guest thread at a time
 *     lt-capture.c   what system calls point to
 *     lt-kernel.c    what system calls write to guest memory
 *     lt-maps.c      the guest's memory map and what mappings hold
 *     lt-hide.c      descriptors that are not there for the guest
 *     lt-limits.c    memory, output and number of the session's processes
 *     lt-guard.c     what a guest may not do to others, and to its engine
 *     lt-crash.c     failures of the engine itself
 *     lt-inside.c    what is different inside the host's process
 *     lt-stream.c    the arena: records, chunks, descriptors
 *     lt-sync.c      the guest waits: for the library, and while it is paused
 *     lt-tcg.c       the pass over a translation block's TCG operations
 *     lt-coverage.c  blocks and edges, counted in a map
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

/* sve_ldst_internal.h: the same for what it accesses at a host address; accesses that
 * follow each other are told as one. */
void lt_host_access(const void *host, uint32_t size, bool store);

static inline void lt_watch_host_store(const void *host, uint32_t size)
{
    if (unlikely(lt_watch_stores)) {
        lt_host_access(host, size, true);
    }
}

static inline void lt_watch_host_load(const void *host, uint32_t size)
{
    if (unlikely(lt_watch_loads)) {
        lt_host_access(host, size, false);
    }
}
/* signal.c: the host's code at that address has raised a signal, */
extern __thread uintptr_t lt_fault_pc;
/* and it is not the guest's fault. */
G_NORETURN void lt_crashed(const siginfo_t *info);

struct iovec;
struct stat;

/* main.c, and unlock_user(): the kernel wrote `size` bytes at `addr`. */
void lt_kernel_write(CPUState *cpu, uint64_t addr, uint64_t size);
/* syscall.c: a call gave `size` bytes, or an error: the buffers are no longer. */
void lt_clip_iovec(struct iovec *vec, int count, ssize_t size);
/* syscall.c: vmsplice() on this descriptor writes to memory. */
bool lt_reads_pipe(int fd);

/* main.c: the guest program could not be loaded. */
G_NORETURN void lt_load_failed(const char *path, int error);
/* main.c: QEMU's main(), under a name of its own. */
int lt_qemu_main(int argc, char **argv, char **envp);

/* syscall.c: how the engine runs the program of a guest's exec, see
 * lt-exec.c; and the file to execute for it. */
char **lt_exec_argv(int dirfd, const char *program, char **argv, int flags, bool at,
                    int *error);
const char *lt_exec_program(void);

/* ---- Shared by our own files ---- */

struct lti_control;
extern struct lti_control *lt_control; /* NULL when nothing is traced */
extern struct lti_control *lt_session; /* the same, but also for its untraced forks */
extern bool lt_filtered; /* some code is not traced: registers may be stale */

extern bool lt_parallel; /* guest threads run in parallel */

/* lt-stream.c */
void lt_stream_map(int fd);
void lt_stream_use(struct lti_control *control);
void lt_stream_unmap(void);
int lt_stream_take(bool forked);
void lt_stream_drop(int number);
void lt_stream_adopt(int number);
int lt_stream_number(void);
void lt_stream_state(unsigned state);
void lt_stream_bell(void); /* the library has something to look at */
bool lt_stream_enter(CPUState *cpu);
void lt_stream_leave(CPUState *cpu, bool for_ever);
void lt_stream_forget(CPUState *cpu);
void lt_stream_scratch(CPUState *cpu);
void lt_stream_in_guest(bool in_guest);    /* this thread */
void lt_stream_commit_all(void);           /* parallel threads', none of which runs */
bool lt_stream_owns(CPUState *cpu);        /* its events are recorded */
struct lti_stream *lt_stream_shared(void); /* this thread's, or NULL */
void lt_stream_pumped(void);               /* the library has taken what is committed */
bool lt_stream_is_late(CPUState *cpu);     /* the library does not know of some records */
void lt_stamp(CPUState *cpu);
void lt_commit(CPUState *cpu);
uint8_t *lt_special(CPUState *cpu, unsigned kind, uint32_t payload);
void lt_record_regs(CPUState *cpu, unsigned reason, unsigned skip, bool inside);
void *lt_desc_alloc(uint32_t size); /* room for a descriptor */
uint32_t lt_block_reserve(void);    /* a block number for it */
void lt_desc_publish(uint32_t block, void *desc);

/* lt-threads.c */
bool lt_baton_mine(void);
bool lt_baton_wanted(void);
bool lt_baton_take(CPUState *cpu); /* true if it had not been this thread's */
void lt_baton_give(void);
void lt_baton_detach(void); /* the holder's CPU goes */
/* The holder leaves generated code soon; `late`: if lt_stream_is_late(). */
void lt_baton_poke(bool late);
void lt_baton_fork(CPUState *cpu); /* in a forked child */
void lt_exit_begin(void);          /* around the end of a thread, if it ends */
void lt_exit_end(void);
/* lt-capture.c: copies guest memory; how much of it could be read. */
size_t lt_read_guest(uint64_t addr, void *to, size_t size);

/* lt-sync.c */
extern bool lt_sync;      /* guests may have to wait for the library */
void lt_sync_start(void); /* this process can */
bool lt_sync_breaks_at(uint64_t pc);
bool lt_sync_watches(void); /* blocks are of one instruction each */
void lt_sync_gen_insn(uint64_t pc, uint32_t length, bool traced);
void lt_sync_gen_access(TCGTemp *addr, uint32_t size, bool store);
void lt_sync_access(CPUState *cpu, uint64_t addr, uint32_t size, bool store);
void lt_sync_event(unsigned type); /* enum lt_event_type: one was recorded */
void lt_sync_point(CPUState *cpu); /* the thread waits here if it has to */
bool lt_sync_has_events(void);     /* it would */
void lt_sync_again(uint64_t pc);   /* the instruction there is run once more */
bool lt_sync_leaves(void);         /* it has left generated code for that */
void lt_sync_interrupted(void);    /* by a signal */
/* Before a system call is made.  True if it shall not be, and return *ret; *changed:
 * registers or memory are others now. */
bool lt_sync_call(CPUState *cpu, uint64_t pc, bool *changed, int64_t *ret);
void lt_sync_return(uint64_t pc, bool restarts); /* it has returned */
void lt_idle(void);
void lt_busy(void);
void lt_sync_pump(void); /* inside the host's process: lt_inside_pump(), if it is time */
void lt_poker_start(void);

/* lt-capture.c: appends pieces to a record.  `lengths` are six, kept from entry to
 * return. */
void lt_capture_enter(GByteArray *to, int nr, const int64_t *args, uint32_t *lengths);
void lt_capture_return(GByteArray *to, int nr, const int64_t *args, int64_t ret,
                       uint32_t *lengths);

/* lt-process.c */
G_NORETURN void lt_guest_dies(CPUState *cpu, int sig); /* inside the host's process */
void lt_begin(CPUState *cpu); /* the process's first record, unless it is written */
extern const char *lt_sysroot;
char *lt_exec_begin(int opened); /* the exec comes next */

/* lt-exec.c */
void lt_exec_undo(void); /* the exec failed */
/* The program was handed over by an exec: the name of its file, to be freed. */
char *lt_exec_opened(int fd, const char *name);
void lt_exec_resolved(void); /* QEMU has found what the guest reads in /proc/self/exe */

/* lt-limits.c: where a limit would be passed, these do not return. */
struct lti_stream;
struct lt_output {
    uint64_t wanted, reserved;
};
void lt_limits_attach(struct lti_stream *stream, bool first);
void lt_limits_fork(bool vfork);
void lt_limits_forked(bool vfork, bool made);
void lt_limits_child(struct lti_stream *stream, bool vfork);
void lt_limits_leave(void);
void lt_limits_return(void);
void lt_limits_move(struct lti_stream *from, struct lti_stream *to);
void lt_limits_keep(struct lti_stream *stream);
void lt_limits_ask(uint64_t start, uint64_t len, bool there);
void lt_limits_set(uint64_t start, uint64_t len, bool write);
bool lt_limits_is_counted(uint64_t addr);
struct lt_output lt_limits_write(int nr, int64_t *args);
void lt_limits_wrote(struct lt_output output, int nr, const int64_t *args, int64_t ret);

/* lt-guard.c */
void lt_guard_init(int supervisor_pid, uint64_t namespace_inode);
char *lt_guard_argument(void);    /* for the engine behind an exec; g_free() */
bool lt_guard_is_elsewhere(void); /* in a namespace of its own for process numbers */
bool lt_guard_refuses(int nr, const int64_t *args, int64_t *ret);
bool lt_guard_is_free(uint64_t start, uint64_t len);
bool lt_guard_is_guests(uint64_t start, uint64_t len);
int lt_guard_unmap(uint64_t start, uint64_t len);

/* lt-hide.c */
int lt_hide_fd(int fd); /* moves a descriptor to where guests do not look */
enum { LT_ARENA_FD, LT_MAP_FD, LT_HIDDEN_FDS };
/* One that the guest does not see at all; -1: there is none. */
void lt_hidden_set(unsigned which, int fd);
int lt_hidden_fd(unsigned which);
void lt_hidden_keep(bool keep); /* across an exec */
void lt_hidden_close(void);
/* True if the system call is about one of them, and is done here: *ret is its result. */
bool lt_hidden_call(int nr, const int64_t *args, int64_t *ret);
/* Takes them out of what getdents, if that is the call, read of the process's own
 * /proc/self/fd; how many bytes are left. */
int64_t lt_hidden_entries(int nr, int fd, uint64_t addr, int64_t size);

/* lt-coverage.c */
void lt_coverage_start(int fd); /* of the map, or -1 */
void lt_coverage_cpu(CPUState *cpu);
void lt_coverage_leave(void); /* this process counts no more */
bool lt_coverage_counts(void);
/* The block has been translated, and begins with `first`. */
void lt_coverage_block(TCGOp *first, uint64_t pc, uint32_t size);

/* lt-crash.c */
bool lt_crash_wanted(int nr, const int64_t *args); /* for tests; may not return */

/* lt-maps.c */
void lt_maps_init(void);
void lt_maps_fork_start(void); /* the forking thread, in parent and child */
void lt_maps_fork_end(void);
extern bool lt_shared_memory;      /* the guest has mapped some */
void lt_maps_start(CPUState *cpu); /* its first instruction is next */
extern bool lt_guest_started;
void lt_maps_check(CPUState *cpu); /* the library compares memory */
void lt_maps_file_changed(const struct stat *file, uint64_t from, uint64_t to);
unsigned lt_want_at(uint64_t pc); /* LTI_WANT_* by the filters */
struct lti_range;
bool lt_in_range(const struct lti_range *range, uint64_t pc, const char *path);
/* The file mapped at `pc`, to be freed, or NULL; where it begins in memory, and ends. */
char *lt_file_at(uint64_t pc, uint64_t *base, uint64_t *end);

/* lt-kernel.c: around each system call of a recorded thread. */
void lt_kernel_enter(CPUState *cpu, uint64_t pc, int nr, const int64_t *args);
void lt_kernel_leave(CPUState *cpu, int nr, const int64_t *args, int64_t ret);
void lt_kernel_at(uint64_t pc); /* a signal interrupts there; 0: no longer */
void lt_kernel_filled(long nr, long b, long c, long ret); /* a call of the host's */

#endif
