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
    LT_EVENT_EXIT = 7       /* struct lt_exit */
};

/* A bit for each kind, for sets of kinds. */
#define LT_KIND(type) (UINT32_C(1) << (type))
#define LT_KINDS_ALL UINT32_C(0xfe)
/* What a session gives when nothing else is asked for: all but reads. */
#define LT_KINDS_DEFAULT UINT32_C(0xee)

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
 * repeats.
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
 * return from one, does to registers is reported of the instruction before it.
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
};

/* Who made a memory access: the `by` member. */
enum lt_by {
    LT_BY_INSN = 0,  /* the instruction at `pc` */
    LT_BY_KERNEL = 1 /* the system call made at `pc` */
};

/* A memory write (LT_EVENT_MEM_WRITE) or read (LT_EVENT_MEM_READ). */
struct lt_mem_access {
    uint32_t type;
    uint32_t size;
    uint64_t seq;
    uint32_t pid;
    uint32_t tid;
    uint64_t pc;         /* the instruction that made it */
    uint64_t addr;       /* guest address of the first byte */
    uint32_t length;     /* bytes accessed */
    uint32_t by;         /* enum lt_by */
    uint64_t value;      /* what was written or read: its first 8 bytes as a
                            little-endian number */
    const uint8_t *data; /* all of it, `length` bytes in memory order */
};

/* The two halves of a system call: the `phase` member. */
enum lt_phase {
    LT_PHASE_ENTER = 0, /* arguments are valid, the result is not */
    LT_PHASE_RETURN = 1 /* arguments as at entry, and the result */
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
    const char *strings[6]; /* the text an argument points to, where it is a
                               path or another string; NULL elsewhere.  Cut
                               after 4095 bytes. */
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

/* The guest program ended. */
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
