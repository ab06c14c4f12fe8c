/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libtrace: run a Linux program under emulation and be told everything it
 * does.
 *
 *     static int on_insn(lt_session *s, const struct lt_insn *insn, void *user)
 *     {
 *         printf("%#" PRIx64 "\n", insn->pc);
 *         return 0;
 *     }
 *     ...
 *     struct lt_config config;
 *     lt_session *session;
 *     lt_config_init(&config, sizeof config);
 *     config.program = "/bin/true";
 *     if (lt_session_create(&config, &session) == 0) {
 *         lt_on_insn(session, NULL, on_insn, NULL);
 *         if (lt_session_run(session) < 0)
 *             fprintf(stderr, "%s\n", lt_session_message(session));
 *         lt_session_destroy(session);
 *     }
 *
 * The guest runs in a process of its own (inside this one it can, too: see
 * lt_session_create_in_process()); callbacks run in the caller's process, on the
 * thread that called lt_session_run().  The guest does not wait for callbacks, other
 * than when it is far ahead of them, and for those with LT_FILTER_SYNC.
 *
 * Threads: a session belongs to the thread that uses it.  All functions that
 * take a session are called from one thread at a time, and from no other while
 * lt_session_run() runs; lt_session_stop(), lt_session_pause() and
 * lt_session_resume() alone may be called from any thread at any time between create
 * and destroy.  What would run or change a session that
 * runs gives LT_ERR_STATE, from wherever it is called, and lt_session_destroy() then
 * does nothing.  Different sessions are independent.
 * A thread that is cancelled (pthread_cancel) in a function of the library ends
 * when that returns.
 *
 * Forks: the guest stays the parent's.  In a forked copy of the process,
 * lt_session_run() and lt_session_next() end with LT_ERR_STATE once they have
 * given what was decoded already, and lt_session_destroy() only frees.  A session
 * that had not begun to run may run there as well.
 *
 * Errors: functions return 0 or a count, or a negative LT_ERR_* number, which
 * is never reused for something else.  lt_session_message() has a sentence for
 * people.  errno is not part of the contract.
 */
#ifndef LT_LT_H
#define LT_LT_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header: 10000 * major + 100 * minor + patch. */
#define LT_VERSION UINT32_C(100)

/* Guest architectures. */
enum lt_arch { LT_ARCH_X86_64 = 1, LT_ARCH_AARCH64 = 2 };

/* Errors. */
enum lt_error {
    LT_ERR_ARGUMENT = -1,     /* an argument is NULL, out of range or malformed */
    LT_ERR_NO_MEMORY = -2,    /* the host has no memory left */
    LT_ERR_STATE = -3,        /* not allowed in the session's present state */
    LT_ERR_UNSUPPORTED = -4,  /* this build of the library cannot do it */
    LT_ERR_NOT_FOUND = -5,    /* the program, or what was asked for, is missing */
    LT_ERR_PERMISSION = -6,   /* the program may not be read or executed */
    LT_ERR_DIRECTORY = -7,    /* the program, or cwd, is a directory or is none */
    LT_ERR_NOT_ELF = -8,      /* the program is neither an ELF file nor a script */
    LT_ERR_TRUNCATED = -9,    /* the ELF file is cut off or its headers lie */
    LT_ERR_ARCH = -10,        /* the ELF file is for another architecture */
    LT_ERR_INTERPRETER = -11, /* the program's interpreter is missing */
    LT_ERR_ARGV = -12,        /* argv is there but has no argv[0] */
    LT_ERR_SYSTEM = -13,      /* the host's kernel refused something */
    LT_ERR_ENGINE = -14,      /* the engine failed; the message says how */
    LT_ERR_STREAM = -15,      /* the event stream is damaged */
    LT_ERR_LIMIT = -16        /* a limit of the library was reached */
};

/* What a callback returns to end the run; see lt_session_run(). */
#define LT_STOP 1

/* Where one of the guest's standard streams goes. */
enum lt_stdio {
    LT_STDIO_INHERIT = 0, /* the host's */
    LT_STDIO_NULL = 1,    /* /dev/null */
    LT_STDIO_FD = 2       /* a descriptor of the host's, given beside it */
};

/* Bits of lt_config.flags. */
/* Where the host's terminal is the guest's standard input, make the guest its
 * foreground process group while it runs, as a shell would. */
#define LT_CONFIG_TERMINAL UINT32_C(1)
/* Keep a copy of the guest's memory, made from the trace: for lt_mem_read() and for
 * the `old` member of memory writes.  All code is traced then, whatever filters
 * say. */
#define LT_CONFIG_MEMORY UINT32_C(2)

/* Which of the guest's processes are traced: lt_config.follow. */
enum lt_follow {
    LT_FOLLOW_ALL = 0,   /* all, and the programs that they execute */
    LT_FOLLOW_FORKS = 1, /* all, but not the programs that they execute */
    LT_FOLLOW_NONE = 2   /* the first one only, until it executes another program */
};

/* How threads of a guest process run: lt_config.threads. */
enum lt_threads {
    LT_THREADS_SERIAL = 0,  /* one at a time: its events have one total order */
    LT_THREADS_PARALLEL = 1 /* in parallel: each thread's events are ordered; those of
                               different threads only by their system calls */
};

/*
 * What to run and how.  Zero in a member means its default; only `program` is
 * needed.  Everything is copied by lt_session_create().
 */
struct lt_config {
    uint32_t size;           /* set by lt_config_init() */
    uint32_t flags;          /* LT_CONFIG_* */
    const char *program;     /* path of the file to run; no PATH search */
    const char *const *argv; /* NULL-ended; NULL: { program } */
    const char *const *envp; /* NULL-ended; NULL: the host's environment */
    const char *cwd;         /* the guest's working directory; NULL: the host's */
    const char *sysroot;     /* where the guest's absolute paths are looked up
                                first: the root of a foreign architecture's
                                libraries (QEMU's -L); NULL: none */
    uint32_t stdio[3];       /* enum lt_stdio for stdin, stdout, stderr */
    int32_t stdio_fd[3];     /* descriptors for LT_STDIO_FD; they stay open and
                                the caller's */
    const char *engine;      /* path of an installed engine program, for hosts
                                that forbid executing a memory file; NULL: the
                                one inside the library */
    uint32_t follow;         /* enum lt_follow */
    uint32_t threads;        /* enum lt_threads */
    const char *cpu;         /* the guest's processor, as QEMU's -cpu; NULL: "max",
                                without SVE and SME on aarch64.  "max,sme=off" has
                                SVE; one with SME is refused: it is not traced */
    /* Limits, see enum lt_limit; 0: none. */
    uint64_t limit_insns;     /* instructions */
    uint64_t limit_memory;    /* bytes */
    uint64_t limit_output;    /* bytes */
    uint32_t limit_ms;        /* milliseconds */
    uint32_t limit_processes; /* at a time */
    uint32_t ring_size;       /* bytes of trace that a guest process may be ahead of the
                                 callbacks before it waits for them: a power of two from
                                 65536 to 4194304; 0: 4194304 */
    uint32_t reserved;        /* 0 */
};

/* Bits of lt_filter.flags. */
/* This callback never asks lt_reg_read() for a register.  When all callbacks
 * of a session say so and none is for register writes, registers are not
 * recorded, which is faster. */
#define LT_FILTER_NO_REGS UINT32_C(1)
/*
 * The guest thread waits until this callback returns, and may be looked at and changed
 * meanwhile; see lt_reg_write().  For instructions (before each executes), memory
 * accesses (behind the instruction that made them; of one that repeats, behind each
 * iteration), system calls, signals (before the handler's first instruction), modules,
 * threads and processes.  Such a callback comes for each time that something is about to
 * happen: for an instruction that faults, and is tried again, each time.  Other
 * callbacks may have been told of the same event before, with a lower `seq`.
 * With lt_session_select(): the guest waits at these events until the next
 * lt_session_next().
 */
#define LT_FILTER_SYNC UINT32_C(2)
/* Only what is in no run of a block that a callback of lt_on_block() gets: see block.h.
 * For instructions, register writes and memory accesses. */
#define LT_FILTER_NOT_IN_BLOCKS UINT32_C(4)

/*
 * Which events a callback wants.  Zero in a member means no restriction.
 * pc_start, pc_end and module are decided when guest code is translated, so
 * that code outside costs next to nothing.
 */
struct lt_filter {
    uint32_t size;       /* set by lt_filter_init() */
    uint32_t flags;      /* LT_FILTER_* */
    uint64_t pc_start;   /* guest address of the first instruction */
    uint64_t pc_end;     /* guest address behind the last; 0: no end */
    const char *module;  /* instructions of this file only: a path as in
                            struct lt_module, or its last component */
    uint64_t addr_start; /* memory events: first byte of the range touched */
    uint64_t addr_end;   /* memory events: behind the last byte; 0: no end */
};

/* How a run ended. */
enum lt_result_kind {
    LT_RESULT_NONE = 0,    /* it has not ended */
    LT_RESULT_EXIT = 1,    /* the guest exited with `status` */
    LT_RESULT_SIGNAL = 2,  /* `signal` ended the guest */
    LT_RESULT_STOPPED = 3, /* lt_session_stop() or a callback ended it */
    LT_RESULT_ERROR = 4,   /* `error` says why there is no other result */
    LT_RESULT_LIMIT = 5    /* it went beyond `limit`, and was ended */
};

/*
 * What a guest may be limited in: lt_result.limit.  Beyond its limit it is killed with
 * all of its processes.  The events of everything before are delivered; a system call
 * that asked for too much has no return.  All processes count together, also those
 * that are not traced, unless they execute a program that is not (lt_config.follow):
 * from there on only the time counts.
 */
enum lt_limit {
    /* Instructions of traced threads, whether callbacks want them or not: the run ends
     * where the first one too many would begin.  The guest itself may have run on by
     * then, as far as ring_size lets it.  All code is recorded, whatever filters
     * say. */
    LT_LIMIT_INSNS = 1,
    /* Bytes of memory that are, or have been, mapped writable and are still mapped, in
     * each process that lives; that of fork()'s child counts as its own.  The run ends at
     * the system call that asks for more.  What the kernel keeps elsewhere (files
     * in memory, pipes) does not count. */
    LT_LIMIT_MEMORY = 2,
    /* Bytes that write, pwrite64, writev, pwritev, pwritev2, sendto, sendmsg, sendmmsg,
     * sendfile, splice, tee, vmsplice and copy_file_range put out, to whatever.  No more
     * than that many come out; the run ends at the call that would put out more. */
    LT_LIMIT_OUTPUT = 3,
    /* Milliseconds since the guest's start, whatever guest and callbacks do; what has
     * happened but was not delivered is not delivered any more. */
    LT_LIMIT_TIME = 4,
    /* Processes that live at a time, the first one included; threads do not count.  The
     * run ends at the call that would make one more. */
    LT_LIMIT_PROCESSES = 5
};

/* The result of a run; filled by lt_session_result(). */
struct lt_result {
    uint32_t size; /* set by lt_result_init() */
    uint32_t kind; /* enum lt_result_kind */
    int32_t status;
    int32_t signal;
    int32_t error;               /* LT_ERR_*, or the callback's own negative number */
    uint32_t untraced_threads;   /* guest threads that ran without events */
    uint32_t untraced_processes; /* guest processes that ran without events */
    uint32_t reserved;
    uint64_t events; /* delivered so far */
    uint32_t limit;  /* enum lt_limit, if `kind` is LT_RESULT_LIMIT */
    uint32_t reserved2;
};

/* The symbol and the module that an address belongs to. */
struct lt_symbol {
    uint32_t size; /* set by lt_symbol_init() */
    uint32_t reserved;
    const char *name;   /* NULL: the module has no symbol there */
    uint64_t offset;    /* of the address from the symbol, bytes */
    uint64_t length;    /* of the symbol, bytes; 0 if its file does not say */
    const char *module; /* host path of the mapped file */
    uint64_t base;      /* guest address where the module's file begins */
};

/* A guest run and its events; opaque. */
typedef struct lt_session lt_session;

/*
 * Callbacks.  They return 0 to go on, LT_STOP to end the run, or a negative
 * number, which ends the run and is what lt_session_run() returns: the
 * library's own errors are all above -1000.
 */
typedef int (*lt_insn_fn)(lt_session *session, const struct lt_insn *insn, void *user);
typedef int (*lt_reg_write_fn)(lt_session *session, const struct lt_reg_write *write,
                               void *user);
typedef int (*lt_mem_access_fn)(lt_session *session, const struct lt_mem_access *access,
                                void *user);
typedef int (*lt_syscall_fn)(lt_session *session, const struct lt_syscall *call,
                             void *user);
typedef int (*lt_module_fn)(lt_session *session, const struct lt_module *module,
                            void *user);
typedef int (*lt_signal_fn)(lt_session *session, const struct lt_signal *signal,
                            void *user);
typedef int (*lt_thread_fn)(lt_session *session, const struct lt_thread *thread,
                            void *user);
typedef int (*lt_process_fn)(lt_session *session, const struct lt_process *process,
                             void *user);
typedef int (*lt_map_fn)(lt_session *session, const struct lt_map *map, void *user);
typedef int (*lt_exit_fn)(lt_session *session, const struct lt_exit *end, void *user);

/* ---- Library ---- */

/* The version of the library that runs, as LT_VERSION. */
uint32_t lt_version(void);

/* A static sentence for an LT_ERR_* number; never NULL. */
const char *lt_error_text(int error);

/* ---- Architectures ---- */

/* The name ("x86_64"), or NULL if `arch` is no LT_ARCH_* of this library. */
const char *lt_arch_name(uint32_t arch);

/* The architecture of that name, or LT_ERR_ARGUMENT, LT_ERR_NOT_FOUND. */
int lt_arch_find(const char *name);

/* How many registers the architecture's table has; LT_ERR_ARGUMENT. */
int lt_reg_count(uint32_t arch);

/* The name of register number `reg` ("rax"), or NULL. */
const char *lt_reg_name(uint32_t arch, uint32_t reg);

/* Its width in bytes, the largest one if it can differ; LT_ERR_ARGUMENT. */
int lt_reg_width(uint32_t arch, uint32_t reg);

/* Its enum lt_reg_class; LT_ERR_ARGUMENT. */
int lt_reg_class(uint32_t arch, uint32_t reg);

/* The number of the register of that name; LT_ERR_ARGUMENT,
 * LT_ERR_NOT_FOUND. */
int lt_reg_find(uint32_t arch, const char *name);

/* What a register is for. */
enum lt_reg_class {
    LT_REG_GENERAL = 1,  /* general registers and the stack pointer */
    LT_REG_PC = 2,       /* the program counter */
    LT_REG_FLAGS = 3,    /* condition flags */
    LT_REG_SEGMENT = 4,  /* x86 selectors and segment bases */
    LT_REG_CONTROL = 5,  /* control and status of floating point */
    LT_REG_FLOAT = 6,    /* the x87 data registers */
    LT_REG_VECTOR = 7,   /* SIMD and floating-point registers */
    LT_REG_SYSTEM = 8,   /* the thread pointer */
    LT_REG_PREDICATE = 9 /* SVE predicates and the first-fault register */
};

/*
 * Register numbers.  x86_64: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi and r8 to
 * r15 are 0 to 15, as in machine code.  rflags has every flag.  The selectors es,
 * cs, ss, ds, fs, gs follow each other from LT_X86_64_ES.  fsw has the top of the
 * x87 stack in bits 13 to 11.  ftw is the abridged tag word of FXSAVE: a bit for
 * each of R0 to R7, 0 if it is empty.  fpr0 to fpr7 are these physical registers,
 * of 10 bytes: st(i) is fpr((top + i) & 7), and mmN the low 8 bytes of fprN.  xmmN
 * is the low half of ymmN: an instruction that writes both halves is told as a
 * write of ymmN, one that keeps the upper half as a write of xmmN.
 */
#define LT_X86_64_RAX UINT32_C(0)
#define LT_X86_64_RCX UINT32_C(1)
#define LT_X86_64_RDX UINT32_C(2)
#define LT_X86_64_RBX UINT32_C(3)
#define LT_X86_64_RSP UINT32_C(4)
#define LT_X86_64_RBP UINT32_C(5)
#define LT_X86_64_RSI UINT32_C(6)
#define LT_X86_64_RDI UINT32_C(7)
#define LT_X86_64_R8 UINT32_C(8)
#define LT_X86_64_RIP UINT32_C(16)
#define LT_X86_64_RFLAGS UINT32_C(17)
#define LT_X86_64_FS_BASE UINT32_C(18)
#define LT_X86_64_GS_BASE UINT32_C(19)
#define LT_X86_64_ES UINT32_C(20)
#define LT_X86_64_MXCSR UINT32_C(26)
#define LT_X86_64_FCW UINT32_C(27)
#define LT_X86_64_FSW UINT32_C(28)
#define LT_X86_64_FTW UINT32_C(29)
#define LT_X86_64_FPR0 UINT32_C(30)
#define LT_X86_64_XMM0 UINT32_C(38)
#define LT_X86_64_YMM0 UINT32_C(54)

/*
 * aarch64: x0 to x30 are 0 to 30.  nzcv has the flags in bits 31 to 28.  v0 to v31
 * follow each other, as do z0 to z31 and p0 to p15.
 *
 * z, p and ffr are those of a CPU with SVE, which lt_config.cpu asks for
 * ("max,sme=off").  Their width is that of the thread's vector length at the time:
 * lt_reg_write and lt_reg_read_bytes() have it, lt_reg_width() has the largest.  vN is
 * the low 16 bytes of zN.  As every write of vN sets the rest of zN to 0, on a CPU with
 * SVE all are told as writes of zN; on others, as writes of vN.
 */
#define LT_AARCH64_X0 UINT32_C(0)
#define LT_AARCH64_SP UINT32_C(31)
#define LT_AARCH64_PC UINT32_C(32)
#define LT_AARCH64_NZCV UINT32_C(33)
#define LT_AARCH64_FPCR UINT32_C(34)
#define LT_AARCH64_FPSR UINT32_C(35)
#define LT_AARCH64_TPIDR_EL0 UINT32_C(36)
#define LT_AARCH64_V0 UINT32_C(37)
#define LT_AARCH64_Z0 UINT32_C(69)
#define LT_AARCH64_P0 UINT32_C(101)
#define LT_AARCH64_FFR UINT32_C(117)

/* The name of a kind of events (enum lt_event_type) as lt's log and its options have
 * it ("insn"), or NULL; it has no runs of blocks. */
const char *lt_event_name(uint32_t type);

/* The kernel's name of a system call, or NULL if there is none. */
const char *lt_syscall_name(uint32_t arch, uint32_t nr);

/* What an argument of a system call is; numbers are never reused. */
enum lt_arg_type {
    LT_ARG_INT = 1,     /* a signed number */
    LT_ARG_UINT = 2,    /* an unsigned number */
    LT_ARG_FD = 3,      /* a file descriptor */
    LT_ARG_POINTER = 4, /* an address */
    LT_ARG_STRING = 5,  /* the address of a string that the kernel reads */
    LT_ARG_FLAGS = 6,   /* a set of bits with names */
    LT_ARG_ENUM = 7,    /* a number with a name */
    LT_ARG_SIZE = 8,    /* a number of bytes or elements */
    LT_ARG_MODE = 9,    /* file permissions */
    LT_ARG_STRUCT = 10, /* the address of one or several structures or numbers */
    LT_ARG_BUFFER = 11, /* the address of bytes that the kernel reads or writes */
    LT_ARG_UNUSED = 12  /* passed, and ignored by the kernel */
};

/* The name of an argument as the manual has it ("pathname"), from 0; NULL if there
 * is none.  Where the meaning depends on other arguments, as in fcntl(), a general
 * one. */
const char *lt_syscall_arg_name(uint32_t arch, uint32_t nr, uint32_t index);

/* The enum lt_arg_type of an argument; LT_ERR_ARGUMENT if there is none. */
int lt_syscall_arg_type(uint32_t arch, uint32_t nr, uint32_t index);

/* The name of a guest's error number ("ENOENT"), or NULL.  Where a signal interrupted a
 * call that is made again, its first return has ERESTARTSYS (512), which no program
 * sees. */
const char *lt_errno_name(uint32_t error);

/* ---- Sessions ---- */

/* Sets all to defaults.  `size` is sizeof *config.  LT_ERR_ARGUMENT. */
int lt_config_init(struct lt_config *config, uint32_t size);
int lt_filter_init(struct lt_filter *filter, uint32_t size);
int lt_result_init(struct lt_result *result, uint32_t size);
int lt_symbol_init(struct lt_symbol *symbol, uint32_t size);

/*
 * Makes a session from `config`, whose program is looked at only when the run
 * starts.  LT_ERR_ARGUMENT (config or program NULL, an unknown flag or stdio
 * mode, a ring_size that is none, a non-zero tail of a newer struct), LT_ERR_ARGV,
 * LT_ERR_NO_MEMORY.
 */
int lt_session_create(const struct lt_config *config, lt_session **out);

/*
 * The same, of a session whose guest runs inside this process: the in-process mode.  The
 * engines are linked into hosts that refer to this function.  All else is used alike:
 * lt_session_run() runs the guest on the calling thread, which needs 256 KiB of stack;
 * callbacks are called on guest threads, one at a time.  With lt_session_next() the
 * guest runs on a thread of its own.  One session of each guest architecture runs at a
 * time, others get LT_ERR_STATE.  LT_THREADS_PARALLEL, limit_ms and limit_processes are
 * LT_ERR_UNSUPPORTED.
 *
 * Behind a run, the host is as it was: memory, threads, timers and descriptors of the
 * guest are gone; signal dispositions, the calling thread's mask, alternate stack and
 * name, and standard streams, working directory, umask and limits that the guest
 * changed are put back.  But the guest is no other process:
 *
 * - It has the host's process id, user, limits and process group, and what it does to
 *   those other than above stays: setuid(), setsid(), chroot(), unshare(), hard limits.
 *   SIGSTOP stops the host too.  RLIMIT_SIGPENDING stays what it was although setting it
 *   succeeds.  While it runs, its working directory, umask, standard
 *   streams and signal dispositions are those of the host's other threads.
 * - Its memory is a window in the host's.  A guest that goes astray may find addresses
 *   of the host's beyond it.  There is no vsyscall page.  A window needs 1.1 TiB of
 *   address space, so no RLIMIT_AS.
 * - It sees the host's descriptors, but can only close or replace its own, and 0 to 2.
 * - A signal that was sent to one thread is that thread's, and a fault its code's.
 *   Others go to the guest if it has a handler; without one, those that somebody sent are
 *   the host's, and those of timers and the like end the guest, unless the host has a
 *   handler.  The host does not change dispositions meanwhile.  The guest inherits the
 *   calling thread's mask.  kill() of its own process or process group is the guest's
 *   alone.
 * - Its children are the host's: each may wait for those of the other.
 * - Forked children are copies of the host that run the guest on, and are not traced
 *   (lt_result.untraced_processes), nor paused; nothing of the host's is called there but
 *   pthread_atfork() handlers.  Programs that they execute have processes of their own.
 *   A program that the guest itself executes takes its place; one of another kind than
 *   LT_ARCH_* of the guest cannot (ENOEXEC).
 *
 * Errors as above, and LT_ERR_UNSUPPORTED.
 */
int lt_session_create_in_process(const struct lt_config *config, lt_session **out);

/* Ends the guest if it still runs, waits for its end and frees the session.
 * NULL is fine.  Not from a callback. */
void lt_session_destroy(lt_session *session);

/*
 * Runs the guest and calls the callbacks until it ends.  Returns 0 when it
 * ended, was stopped or went beyond a limit (lt_session_result() tells how), a callback's
 * negative number, or LT_ERR_ARGUMENT, LT_ERR_STATE (it ran already, or from a callback),
 * LT_ERR_NOT_FOUND, LT_ERR_PERMISSION, LT_ERR_DIRECTORY, LT_ERR_NOT_ELF,
 * LT_ERR_TRUNCATED, LT_ERR_ARCH, LT_ERR_INTERPRETER, LT_ERR_SYSTEM, LT_ERR_NO_MEMORY,
 * LT_ERR_ENGINE, LT_ERR_STREAM, LT_ERR_LIMIT.
 */
int lt_session_run(lt_session *session);

/*
 * The pull form of lt_session_run(): starts the guest on its first call, and
 * gives the next event in *out.  Returns 1; 0 when the run ended; or an error
 * as lt_session_run() does.  Callbacks are called for events as they pass.
 * Ending early is lt_session_stop() or lt_session_destroy().
 */
int lt_session_next(lt_session *session, const struct lt_event **out);

/*
 * Says which kinds of events lt_session_next() gives (a set of LT_KIND bits;
 * exits always come), and for which code.  Without it: LT_KINDS_DEFAULT.
 * Before the run.  LT_ERR_ARGUMENT, LT_ERR_STATE, LT_ERR_NO_MEMORY,
 * LT_ERR_UNSUPPORTED (LT_FILTER_SYNC with kinds, other than exits, or threads that the
 * guest cannot wait at).
 */
int lt_session_select(lt_session *session, uint32_t kinds,
                      const struct lt_filter *filter);

/* Ends the run soon, from any thread: the guest is killed and the result is
 * LT_RESULT_STOPPED.  Before the run, it ends at its start.  LT_ERR_ARGUMENT. */
int lt_session_stop(lt_session *session);

/*
 * Keeps the guest from executing anything, from any thread: when it returns 0, no thread
 * of a traced process executes guest code, and none will until lt_session_resume().  A
 * system call that waits in the host's kernel goes on doing so, and returns to the guest
 * after that.  What the guest did before may still be delivered.  A second pause changes
 * nothing, one resume ends both.  Before the run, the guest starts paused.
 * LT_ERR_ARGUMENT, LT_ERR_LIMIT (the guest has not stopped within 10 seconds, as the
 * host's kernel does not give it back: it will stop then).
 */
int lt_session_pause(lt_session *session);

/* Ends a pause, from any thread; fine without one.  LT_ERR_ARGUMENT. */
int lt_session_resume(lt_session *session);

/* How the run ended, or LT_RESULT_NONE.  `result` was prepared by
 * lt_result_init().  LT_ERR_ARGUMENT. */
int lt_session_result(const lt_session *session, struct lt_result *result);

/* A sentence about the last error of this session, or the limit that ended its run;
 * "" if there was none.
 * Valid until the next call on the session; never NULL. */
const char *lt_session_message(const lt_session *session);

/* The guest's LT_ARCH_*; LT_ERR_STATE before the run has found it out. */
int lt_session_arch(const lt_session *session);

/* ---- Callbacks ---- */

/*
 * Adds a callback, up to 32 of a kind; they are called in the order added.  A callback
 * returns: neither longjmp() nor an exception may leave it.
 * `filter` NULL means everything; it is copied.  Before the run.
 * LT_ERR_ARGUMENT, LT_ERR_STATE, LT_ERR_LIMIT, LT_ERR_NO_MEMORY, LT_ERR_UNSUPPORTED
 * (LT_FILTER_SYNC with events or threads that the guest cannot wait at).
 */
int lt_on_insn(lt_session *session, const struct lt_filter *filter, lt_insn_fn fn,
               void *user);
int lt_on_reg_write(lt_session *session, const struct lt_filter *filter,
                    lt_reg_write_fn fn, void *user);
int lt_on_mem_write(lt_session *session, const struct lt_filter *filter,
                    lt_mem_access_fn fn, void *user);
int lt_on_mem_read(lt_session *session, const struct lt_filter *filter,
                   lt_mem_access_fn fn, void *user);
int lt_on_syscall(lt_session *session, const struct lt_filter *filter, lt_syscall_fn fn,
                  void *user);
int lt_on_module(lt_session *session, const struct lt_filter *filter, lt_module_fn fn,
                 void *user);
int lt_on_signal(lt_session *session, const struct lt_filter *filter, lt_signal_fn fn,
                 void *user);
int lt_on_thread(lt_session *session, const struct lt_filter *filter, lt_thread_fn fn,
                 void *user);
int lt_on_process(lt_session *session, const struct lt_filter *filter, lt_process_fn fn,
                  void *user);
int lt_on_map(lt_session *session, const struct lt_filter *filter, lt_map_fn fn,
              void *user);
int lt_on_exit(lt_session *session, const struct lt_filter *filter, lt_exit_fn fn,
               void *user);

/* ---- Break and watch points ---- */

/* Bits of lt_watch_add()'s `access`. */
#define LT_ACCESS_READ UINT32_C(1)
#define LT_ACCESS_WRITE UINT32_C(2)

/*
 * Calls `fn` whenever an instruction at guest address `addr` is about to execute, in any
 * traced process, as a callback with LT_FILTER_SYNC.  `fn` NULL: lt_session_next() gives
 * the event.  Returns a number above 0 for lt_point_remove().  Before the run, or while
 * the guest waits (see lt_reg_write()); other processes that run then see the change a
 * moment later.  LT_ERR_ARGUMENT, LT_ERR_STATE, LT_ERR_LIMIT (more than 65,536
 * addresses), LT_ERR_NO_MEMORY, LT_ERR_UNSUPPORTED (with LT_THREADS_PARALLEL).
 */
int lt_break_add(lt_session *session, uint64_t addr, lt_insn_fn fn, void *user);

/*
 * The same for accesses (a set of LT_ACCESS bits) to any of the `size` bytes from `addr`
 * on, by instructions and by the kernel; `fn` is called behind the access.  At most
 * 1,024, with callbacks for memory events that have LT_FILTER_SYNC.  While there are
 * such, all accesses are recorded, and guest code runs at about half the speed of that.
 */
int lt_watch_add(lt_session *session, uint64_t addr, uint64_t size, uint32_t access,
                 lt_mem_access_fn fn, void *user);

/* Removes one of them; its own callback may do so too.  LT_ERR_ARGUMENT, LT_ERR_STATE,
 * LT_ERR_NOT_FOUND. */
int lt_point_remove(lt_session *session, int id);

/* ---- While the guest waits ---- */

/*
 * The guest waits in a callback with LT_FILTER_SYNC or of a point, and after
 * lt_session_next() gave an event of that kind.  Then lt_reg_read() and lt_mem_read()
 * look at the thread and its memory themselves, whatever is recorded, and these functions
 * change them; elsewhere they give LT_ERR_STATE, as they do on another thread than the
 * session's, and when the guest has been killed meanwhile.  The program counter is the
 * address at which the thread will go on; writing it makes it go on elsewhere.  All
 * changes are told, when the guest goes on, as memory and register writes with
 * LT_BY_HOST; the program counter's is not.
 */

/* Sets a register of at most 8 bytes.  LT_ERR_ARGUMENT, LT_ERR_STATE,
 * LT_ERR_UNSUPPORTED (a segment selector). */
int lt_reg_write(lt_session *session, uint32_t reg, uint64_t value);

/* Sets a register of any width from `data`, little endian; `size` is its width.  Errors
 * as above. */
int lt_reg_write_bytes(lt_session *session, uint32_t reg, const void *data,
                       uint32_t size);

/* Copies `data` to guest memory at `addr`, code and memory that the guest may not write
 * included.  Returns how many bytes that was: less than `size` where mapped memory ends
 * before.  LT_ERR_ARGUMENT (also if `size` is more than INT32_MAX), LT_ERR_STATE,
 * LT_ERR_NO_MEMORY. */
int lt_mem_write(lt_session *session, uint64_t addr, const void *data, uint64_t size);

/*
 * In an event of a system call: at its entry, the call is not made, and gives `ret`; on
 * its return it gives `ret` instead of its own result.  A failure is -errno, with the
 * guest's number.  Registers written at the entry change the number and the arguments of
 * the call.  LT_ERR_ARGUMENT (-512 and -513, which are the kernel's own), LT_ERR_STATE.
 */
int lt_syscall_return(lt_session *session, int64_t ret);

/* ---- In a callback, or after lt_session_next() ---- */

/*
 * The value of a register at the event in hand: before the instruction executes
 * in its lt_insn event, after the write in its lt_reg_write event, and in both
 * events of a system call as it was made.  LT_ERR_ARGUMENT (also for a register
 * of more than 8 bytes), LT_ERR_STATE (no event in hand, nothing has been executed
 * yet, or registers are not recorded; see LT_FILTER_NO_REGS).
 */
int lt_reg_read(lt_session *session, uint32_t reg, uint64_t *value);

/* The same for a register of any width: copies it to `data`, little endian, and
 * returns its width in bytes.  Errors as above, LT_ERR_ARGUMENT if `size` is less
 * than that, and LT_ERR_UNSUPPORTED for a register that the guest's CPU does not
 * have. */
int lt_reg_read_bytes(lt_session *session, uint32_t reg, void *data, uint32_t size);

/*
 * Copies what the guest's memory holds at the event in hand, with its writes, from
 * guest address `addr` on to `data`.  Returns how many bytes that was: less than
 * `size` where mapped memory ends before.  LT_ERR_ARGUMENT (also if `size` is more
 * than INT32_MAX), LT_ERR_STATE (without LT_CONFIG_MEMORY, unless the guest waits, or
 * no event in hand).
 */
int lt_mem_read(lt_session *session, uint64_t addr, void *data, uint64_t size);

/*
 * Writes the disassembly of the instruction of `length` bytes at guest address
 * `pc` into `text` (at most `text_size` bytes with the final NUL; nothing, and
 * NULL is fine, if that is 0), in Intel syntax on x86_64.  Returns the instruction's
 * length in bytes. LT_ERR_ARGUMENT, LT_ERR_STATE (before the run), LT_ERR_NOT_FOUND (not
 * a valid instruction), LT_ERR_NO_MEMORY.
 */
int lt_disassemble(lt_session *session, uint64_t pc, const uint8_t *bytes,
                   uint32_t length, char *text, size_t text_size);

/*
 * The symbol and module of a guest address as the guest's memory is at the
 * event in hand.  Its strings stay valid until the session is destroyed.
 * Symbols come from the files' .symtab and .dynsym and, where it is installed,
 * the separate debug file of the same build-id.  LT_ERR_ARGUMENT,
 * LT_ERR_STATE (before the run), LT_ERR_NOT_FOUND (no file is mapped there),
 * LT_ERR_NO_MEMORY, LT_ERR_SYSTEM (too many open files).
 */
int lt_symbol_at(lt_session *session, uint64_t addr, struct lt_symbol *symbol);

#ifdef __cplusplus
}
#endif

#endif
