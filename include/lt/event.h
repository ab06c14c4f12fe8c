/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of a trace: what a guest program did, one struct a kind.
 *
 * Every record begins with the members of struct lt_event; `type` says which
 * struct it is and `size` how many bytes of it this library filled, so that a
 * reader can skip kinds and members that it does not know.  A record, and
 * every pointer in it, belongs to the library and stays valid until the
 * callback returns or, in the pull form, until the next lt_session_next().
 */
#ifndef LT_EVENT_H
#define LT_EVENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of records: the `type` member. */
enum lt_event_type {
    LT_EVENT_INSN = 1,      /* struct lt_insn */
    LT_EVENT_REG_WRITE = 2, /* struct lt_reg_write */
    LT_EVENT_MEM_WRITE = 3, /* struct lt_mem_access */
    LT_EVENT_MEM_READ = 4,  /* struct lt_mem_access */
    LT_EVENT_SYSCALL = 5,   /* struct lt_syscall */
    LT_EVENT_MODULE = 6,    /* struct lt_module */
    LT_EVENT_EXIT = 7,      /* struct lt_exit */
    LT_EVENT_SIGNAL = 8,    /* struct lt_signal */
    LT_EVENT_THREAD = 9,    /* struct lt_thread */
    LT_EVENT_PROCESS = 10,  /* struct lt_process */
    LT_EVENT_MAP = 11,      /* struct lt_map */
    LT_EVENT_BLOCK = 12     /* struct lt_block_run (block.h): in callbacks only */
};

/* A bit for each kind, for sets of kinds. */
#define LT_KIND(type) (UINT32_C(1) << (type))
#define LT_KINDS_ALL UINT32_C(0xffe)
/* What a session gives when nothing else is asked for: all but reads and maps. */
#define LT_KINDS_DEFAULT UINT32_C(0x7ee)

/* What all records begin with. */
struct lt_event {
    uint32_t type; /* enum lt_event_type */
    uint32_t size; /* bytes of the whole record */
    uint64_t seq;  /* rises strictly over the events of a session, from 1 */
    uint32_t pid;  /* the guest's process id */
    uint32_t tid;  /* the guest's thread id */
};

/*
 * An executed instruction.  Its register writes and memory accesses follow it;
 * while it is delivered, lt_reg_read() gives the values before it executes.
 * A string instruction with a rep prefix is one record, however often it
 * repeats.  An instruction that faults has a record only if it made a part of its
 * stores before.
 */
struct lt_insn {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint64_t pc;          /* guest address */
    const uint8_t *bytes; /* the instruction as executed, `length` bytes */
    uint32_t length;      /* bytes: 1 to 15 on x86_64, 4 on aarch64 */
    uint32_t reserved;
};

/*
 * An instruction or a system call wrote a register, possibly with the value
 * that it already had.  A partial write gives the whole register's new value.
 * The program counter is not reported.  What the delivery of a signal, or the
 * return from one, does to registers follows its struct lt_signal.
 */
struct lt_reg_write {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint64_t pc;         /* the instruction that wrote it */
    uint32_t reg;        /* number in the architecture's table, see lt_reg_name() */
    uint32_t width;      /* bytes of the register */
    uint64_t value;      /* the new value; the low 8 bytes of a wider register */
    const uint8_t *data; /* the new value, `width` bytes, little endian */
    uint32_t by;         /* enum lt_by: LT_BY_HOST, or LT_BY_INSN for all else */
    uint32_t reserved;
};

/* Who wrote a register, or accessed memory: the `by` member. */
enum lt_by {
    LT_BY_INSN = 0,   /* the instruction at `pc` */
    LT_BY_KERNEL = 1, /* the system call made at `pc`, between its two events; or
                         a signal that interrupted at `pc` */
    LT_BY_HOST = 2    /* the host, by lt_mem_write() or lt_reg_write(), while the guest
                         waited at `pc` */
};

/* A memory write (LT_EVENT_MEM_WRITE) or read (LT_EVENT_MEM_READ).  A system call
 * that writes much, or to several places, makes several. */
struct lt_mem_access {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint64_t pc;         /* the instruction that made it, or see enum lt_by */
    uint64_t addr;       /* guest address of the first byte */
    uint32_t length;     /* bytes accessed */
    uint32_t by;         /* enum lt_by */
    uint64_t value;      /* what was written or read: its first 8 bytes as a
                            little-endian number */
    const uint8_t *data; /* all of it, `length` bytes in memory order */
    const uint8_t *old;  /* of a write, with LT_CONFIG_MEMORY: what was there
                            before, `length` bytes; else NULL */
};

/* The two halves of a system call: the `phase` member. */
enum lt_phase {
    LT_PHASE_ENTER = 0, /* arguments are valid, the result is not */
    LT_PHASE_RETURN = 1 /* arguments as at entry, and the result */
};

/*
 * A piece of guest memory that an argument of a system call leads to: what it points
 * to, or what a structure there points to in turn.  A NUL that is not counted stands
 * behind it.
 */
struct lt_syscall_data {
    uint64_t addr;       /* guest address of the first byte */
    const uint8_t *data; /* `length` bytes */
    uint32_t length;     /* 0 to 4096: what is longer is cut */
    uint32_t arg;        /* number of the argument, from 0 */
    uint32_t phase;      /* enum lt_phase: when it was copied */
    uint32_t is_string;  /* 1: up to a NUL there, or cut */
};

/* A system call begins or returns. */
struct lt_syscall {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint64_t pc;        /* the system call instruction */
    uint32_t phase;     /* enum lt_phase */
    uint32_t nr;        /* number in the guest architecture's table */
    const char *name;   /* kernel name such as "openat"; NULL if unknown */
    uint32_t arg_count; /* arguments the call takes: 0 to 6 */
    uint32_t error;     /* on return: the guest's errno, 0 on success */
    int64_t ret;        /* on return: what the guest gets; -errno on failure */
    uint64_t args[6];
    const char *strings[6];             /* the text an argument points to, where it is a
                                           path or another string; NULL elsewhere.  Cut
                                           after 4095 bytes. */
    const struct lt_syscall_data *data; /* what arguments lead to, as far as it
                                           could be read: at entry what the kernel
                                           reads, on return what it wrote too */
    uint32_t data_count;
    uint32_t reserved;
};

/* What happened to a mapping: the `op` member. */
enum lt_module_op { LT_MODULE_MAP = 0, LT_MODULE_UNMAP = 1 };

/* Bits of the `prot` member (as mmap's PROT_*). */
#define LT_PROT_READ UINT32_C(1)
#define LT_PROT_WRITE UINT32_C(2)
#define LT_PROT_EXEC UINT32_C(4)

/*
 * A part of a file was mapped into the guest's memory, or such a part was
 * unmapped or replaced.  One record a mapping: a shared library has several.
 */
struct lt_module {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint32_t op;      /* enum lt_module_op */
    uint32_t prot;    /* LT_PROT_* bits at the time of mapping */
    uint64_t start;   /* guest address of the first byte */
    uint64_t end;     /* guest address behind the last byte */
    uint64_t offset;  /* in the file, bytes */
    const char *path; /* host path of the file */
};

/* What happened with a signal: the `op` member. */
enum lt_signal_op {
    LT_SIGNAL_DELIVER = 0, /* a handler is about to run */
    LT_SIGNAL_RETURN = 1   /* the handler's sigreturn took effect */
};

/*
 * A signal was delivered to a handler of the guest's, or the guest returned from
 * one.  The signal's frame on the stack and the registers' new values follow as
 * memory and register writes.  Signals that are ignored leave no record; one that
 * ends the process is told by its struct lt_exit.
 */
struct lt_signal {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint64_t pc;     /* the instruction that is interrupted, or returned to: it
                        has not been executed, or not completely */
    uint32_t op;     /* enum lt_signal_op */
    uint32_t signal; /* the signal's number; 0 on a return */
    int32_t code;    /* siginfo's si_code; 0 on a return */
    uint32_t reserved;
    uint64_t addr;    /* siginfo's si_addr: where a fault happened; 0 for signals
                         that are no faults */
    uint64_t handler; /* guest address of the handler; 0 on a return */
};

/* What happened to a thread: the `op` member. */
enum lt_thread_op {
    LT_THREAD_START = 0, /* it is about to execute its first instruction */
    LT_THREAD_EXIT = 1,  /* it ended, its process goes on */
    LT_THREAD_NAME = 2   /* it has been named */
};

/* A further thread of a guest process started or ended, or a thread was named.
 * The process's first thread starts and ends with its process. */
struct lt_thread {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint32_t op;      /* enum lt_thread_op */
    uint32_t parent;  /* on a start: the thread id of its creator */
    const char *name; /* when named: the name; else NULL */
};

/* What happened to a process: the `op` member. */
enum lt_process_op {
    LT_PROCESS_START = 0, /* it is about to execute its first instruction */
    LT_PROCESS_EXEC = 1   /* it executes another program from here on: with new
                             memory, no modules, and one thread */
};

/* A guest process started, or executes another program.  A start is the first
 * record of its process; that of a fork has its parent's memory and modules.
 * struct lt_exit tells of its end. */
struct lt_process {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint32_t op;     /* enum lt_process_op */
    uint32_t parent; /* process id of its parent; 0: the first of the session */
    uint32_t arch;   /* LT_ARCH_* of what it executes */
    uint32_t reserved;
    const char *path; /* host path of the program that it executes */
};

/* What happened to a range of guest addresses: the `op` member. */
enum lt_map_op {
    LT_MAP_MAP = 0,     /* mapped anew, whatever was there: zeros, unless contents
                           follow */
    LT_MAP_DATA = 1,    /* `data` is its contents, as the mapped file or the loader
                           has put them there */
    LT_MAP_UNMAP = 2,   /* no longer mapped */
    LT_MAP_PROTECT = 3, /* `prot` is its new protection */
    LT_MAP_MOVE = 4,    /* what was mapped at [from, from + (end - start)) is here
                           now, and no longer there */
    LT_MAP_ZERO = 5     /* its contents are gone: zeros, unless contents follow */
};

/* Bits of lt_map's `flags` member. */
/* All mappings of the same `device` and `inode` show the same bytes at the same
 * offset: a write to one is a write to all. */
#define LT_MAP_SHARED UINT32_C(1)

/*
 * The guest's memory map changed.  Together with all memory writes, those of the
 * kernel included, these records tell the contents of the whole of the guest's
 * memory: the first ones of a process say what the loader made of it.
 *
 * What they cannot tell: what processes outside the trace write to memory or to
 * files that the guest has mapped; and what reaches a private mapping, as yet
 * unwritten, of a file that is written to through another mapping, or by another
 * process.  Contents change with the file when the process itself writes to,
 * truncates or punches holes into it by system calls.
 */
struct lt_map {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint32_t op;    /* enum lt_map_op */
    uint32_t prot;  /* LT_PROT_* bits of a mapping, when mapped or protected */
    uint32_t flags; /* LT_MAP_SHARED, when mapped */
    uint32_t reserved;
    uint64_t start;      /* guest address of the first byte */
    uint64_t end;        /* guest address behind the last byte */
    uint64_t from;       /* of a move: where it was before */
    uint64_t offset;     /* in the file, bytes */
    uint64_t device;     /* of the mapped file, as in struct stat; of shared memory */
    uint64_t inode;      /* without a file, numbers that no file has */
    const char *path;    /* host path of the mapped file, or NULL */
    const uint8_t *data; /* contents: `end` - `start` bytes; else NULL */
};

/* A guest process ended. */
struct lt_exit {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    int32_t status; /* exit status 0 to 255; 0 when a signal ended it */
    int32_t signal; /* number of the signal that ended it, else 0 */
};

#ifdef __cplusplus
}
#endif

#endif
