/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event stream: what engines write and the library reads.
 *
 * Both sides include this file and nothing else of each other.  They share one
 * arena, a sparse memory file that is mapped by the library and by the engine of
 * each guest process:
 *
 *     control page | break and watch points | mail of each stream |
 *     chunks of each stream | slabs of descriptors | numbers of covered blocks
 *
 * A stream is what one guest process writes (or one thread, where threads run in
 * parallel): a ring of chunks.  The engine appends records to the current chunk;
 * the library decodes behind it.  A record is either one run of a translation
 * block, whose static part is a descriptor that was written once and whose dynamic
 * part is just values, or a special record.  All numbers are in host order; both
 * sides run on one host.
 *
 * The order of streams: some records have a stamp in front, a number that is
 * counted up over all streams.  The library delivers stamped records in the order
 * of their stamps, and all others in their place between those of their stream.
 *
 * The library treats everything here as untrusted.
 */
#ifndef LTI_STREAM_H
#define LTI_STREAM_H

#include <stdint.h>

#define LTI_STREAM_MAGIC 0x3165636172746c6dull
#define LTI_STREAM_VERSION 5u

/* ---- The arena ---- */

#define LTI_MAX_STREAMS 1024u /* guest processes (or threads) at a time */
#define LTI_CHUNKS 8u
#define LTI_CHUNK_SIZE (512u << 10)  /* bytes until the engine takes the next, at most */
#define LTI_CHUNK_SLACK (256u << 10) /* room behind, for what cannot wait */
#define LTI_CHUNK_STRIDE (LTI_CHUNK_SIZE + LTI_CHUNK_SLACK)
#define LTI_RING_SIZE ((uint64_t)LTI_CHUNKS * LTI_CHUNK_STRIDE)

/* A slab belongs to one guest process, and to its forks; it has descriptors of
 * blocks, and in front a u32 for each block number of the slab: where its
 * descriptor is in the slabs, in units of 16 bytes; 0: nowhere.  Block number N is
 * the (N % LTI_SLAB_BLOCKS)th, from 1, of slab N / LTI_SLAB_BLOCKS. */
#define LTI_SLABS 4096u
#define LTI_SLAB_SIZE (1u << 20)
#define LTI_SLAB_BLOCKS 4096u
#define LTI_SLAB_INDEX (4u * LTI_SLAB_BLOCKS) /* bytes of the index */
#define LTI_MAX_BLOCKS (LTI_SLABS * LTI_SLAB_BLOCKS)

#define LTI_MAX_FILTERS 256u

#define LTI_CONTROL_SIZE (2ull << 20)
#define LTI_POINTS_OFFSET LTI_CONTROL_SIZE
#define LTI_POINTS_SIZE (1ull << 20)
/* What a process that waits for the library is asked for, and what it answers. */
#define LTI_MAIL_OFFSET (LTI_POINTS_OFFSET + LTI_POINTS_SIZE)
#define LTI_MAIL_SIZE (64u << 10)
#define LTI_RING_OFFSET (LTI_MAIL_OFFSET + (uint64_t)LTI_MAX_STREAMS * LTI_MAIL_SIZE)
#define LTI_DESC_OFFSET (LTI_RING_OFFSET + LTI_MAX_STREAMS * LTI_RING_SIZE)
#define LTI_DESC_SIZE ((uint64_t)LTI_SLABS * LTI_SLAB_SIZE)
#define LTI_NUMBERS_OFFSET (LTI_DESC_OFFSET + LTI_DESC_SIZE)
#define LTI_NUMBERS_SIZE (64ull << 20)
#define LTI_ARENA_SIZE (LTI_NUMBERS_OFFSET + LTI_NUMBERS_SIZE)

/* What the library wants recorded: lti_control.record. */
#define LTI_RECORD_REGS 1u     /* register writes, and registers for callbacks */
#define LTI_RECORD_DIRECT 2u   /* prefer a slot to an expression for registers */
#define LTI_RECORD_MAPS 4u     /* changes of the memory map, and contents */
#define LTI_RECORD_CHECK 8u    /* checksums of the guest's memory, now and then */
#define LTI_RECORD_DISCARD 16u /* what generated code records is of no use: padding */

/* lti_control.follow and .threads: enum lt_follow and enum lt_threads. */
#define LTI_FOLLOW_ALL 0u
#define LTI_FOLLOW_FORKS 1u
#define LTI_FOLLOW_NONE 2u
#define LTI_THREADS_PARALLEL 1u

/* Kinds of events at an instruction, for filters. */
#define LTI_WANT_INSN 1u
#define LTI_WANT_REG 2u
#define LTI_WANT_WRITE 4u
#define LTI_WANT_READ 8u
#define LTI_WANT_SYSCALL 16u
#define LTI_WANT_ALL 31u
/* The guest waits for the library before instructions, behind their accesses to
 * memory, in system calls. */
#define LTI_WANT_SYNC_INSN 32u
#define LTI_WANT_SYNC_MEM 64u
#define LTI_WANT_SYNC_CALL 128u

/* A code range that events are wanted from. */
struct lti_range {
    uint32_t want; /* LTI_WANT_* */
    uint32_t reserved;
    uint64_t pc_start; /* inclusive */
    uint64_t pc_end;   /* exclusive; 0: no end */
    char module[232];  /* "" or what lt_filter.module says, NUL-ended */
};

/* One chunk's state, on a cache line of its own. */
struct lti_chunk {
    uint64_t committed; /* bytes of whole records; engine writes, release */
    uint32_t closed;    /* no more will come; engine sets, library clears */
    uint32_t pad[13];
};

/* Whose a stream is; lti_stream.state. */
enum lti_stream_state {
    LTI_STREAM_FREE = 0,   /* nobody's; the engine takes it, the library frees it */
    LTI_STREAM_TAKEN = 1,  /* for a process that is about to be made */
    LTI_STREAM_LIVE = 2,   /* a process writes to it; see `alive` */
    LTI_STREAM_EXEC = 3,   /* its process executes another program just now */
    LTI_STREAM_ENDED = 4,  /* all records are committed, no more will come */
    LTI_STREAM_GONE = 5,   /* the same, but the process lives on, untraced */
    LTI_STREAM_LEAVES = 6, /* its process executes something that is not traced: the
                              same once `alive` tells that it has */
    LTI_STREAM_CRASHED = 7 /* the engine failed in it; `message` says how */
};

/*
 * Where a process waits for the library (LTI_S_SYNC), the library asks it to do things.
 * Contents go through the stream's LTI_MAIL_SIZE bytes in the arena.
 */
struct lti_mail {
    uint32_t asked;    /* futex of the engine: the library counts up */
    uint32_t answered; /* futex of the library: the engine makes it the same */
    uint32_t asleep;   /* the engine sleeps on `asked` */
    uint32_t awaited;  /* the library sleeps on `answered` */
    uint32_t op;       /* enum lti_ask */
    uint32_t size;
    uint64_t addr;
    int32_t result; /* bytes done, or -1 */
    uint32_t pad[7];
};

enum lti_ask {
    LTI_ASK_GO = 0,    /* go on: there is no answer */
    LTI_ASK_READ = 1,  /* `size` bytes at `addr` */
    LTI_ASK_WRITE = 2, /* the same */
    LTI_ASK_REG = 3,   /* set public register `addr` to `size` bytes; the answer is the
                          register file, as in LTI_S_REGS */
    LTI_ASK_RETURN = 4 /* the system call in hand shall return `addr` */
};

struct lti_stream {
    /* A robust mutex of the C library's, held by a thread of the engine: its first
     * u32 gets LTI_OWNER_DIED from the kernel when that thread is no more. */
    uint8_t alive[64];
    uint32_t state; /* enum lti_stream_state */
    uint32_t pid;
    uint32_t stamping; /* a stamp has been taken whose record is not committed */
    uint32_t forked;   /* taken for a child: the parent's record tells of it */
    uint32_t counted;  /* its process is among lti_limits.processes_used, and of its */
    uint32_t pad0;
    uint64_t memory; /* bytes among memory_used: who clears `counted` gives both back */
    uint32_t pad3[8];
    uint32_t produced; /* chunks closed so far; engine writes */
    uint32_t pad1[15];
    uint32_t consumed; /* chunks released so far; library writes */
    uint32_t pad2[15];
    uint32_t room;    /* futex of the engine: library counts up */
    uint32_t blocked; /* engine sleeps on room */
    uint32_t running; /* the process executes guest code or is about to: it has seen
                         that the session is not paused */
    uint32_t pad4[13];
    struct lti_mail mail;
    struct lti_chunk chunks[LTI_CHUNKS];
};

#define LTI_MAX_BREAKS 65536u
#define LTI_MAX_WATCHES 1024u

/* Accesses to these bytes: lti_points. */
struct lti_watch {
    uint64_t start;
    uint64_t last; /* the last byte */
    uint32_t want; /* LTI_WANT_READ, LTI_WANT_WRITE */
    uint32_t reserved;
};

/* Where guests wait besides what ranges say: at LTI_POINTS_OFFSET.  The library writes
 * while `generation` is odd. */
struct lti_points {
    uint32_t generation;
    uint32_t break_count;
    uint32_t watch_count;
    uint32_t reserved;
    uint64_t breaks[LTI_MAX_BREAKS]; /* pcs, rising */
    struct lti_watch watches[LTI_MAX_WATCHES];
};

#define LTI_OWNER_DIED 0x40000000u /* FUTEX_OWNER_DIED */

#define LTI_CPU_REFUSED 10000u /* lti_control.cpu cannot be had: see `message` */

/* With lti_control.crash, prctl(LTI_CRASH_CALL, enum lti_crash) makes the engine fail. */
#define LTI_CRASH_CALL 0x6c746372
enum lti_crash {
    LTI_CRASH_ABORT = 1,
    LTI_CRASH_ASSERT = 2,
    LTI_CRASH_POINTER = 3,
    LTI_CRASH_EXIT = 4
};

/* Whether an engine failed; lti_control.crashed. */
enum lti_crashed {
    LTI_CRASHED_NO = 0,
    LTI_CRASHED = 1,         /* and its stream, or its end, tells when */
    LTI_CRASHED_UNTRACED = 2 /* in a process that has no stream; `message` says how */
};

/* How far the first engine came; lti_control.phase. */
enum lti_phase {
    LTI_PHASE_START = 0, /* the engine has not taken over yet */
    LTI_PHASE_LOAD = 1,  /* it loads the guest program */
    LTI_PHASE_RUN = 2,   /* guest code runs */
    LTI_PHASE_END = 3    /* the guest ended; all records are committed */
};

/*
 * What the engine copies of the memory that a system call points to.  A form is
 * what a call's arguments are, in general or if one of them has a certain value: the
 * first that fits counts.
 */
#define LTI_MAX_CALLS 1024u /* system call numbers */
#define LTI_MAX_FORMS 768u  /* the first is not used */
#define LTI_MAX_CAPTURES 1024u
#define LTI_CAPTURE_MAX 4096u    /* bytes of one piece of memory */
#define LTI_CAPTURE_STRING 4095u /* bytes of a string */
#define LTI_CAPTURE_ITEM 1024u   /* bytes of one of several strings or buffers */

struct lti_form {
    uint32_t mask;    /* fits if the argument, masked, ... */
    uint32_t value;   /* ... is this, in 32 bits */
    uint16_t first;   /* of its captures */
    uint8_t captures; /* how many */
    uint8_t arg;      /* 6: fits always */
};

struct lti_capture {
    uint8_t arg;     /* the pointer */
    uint8_t how;     /* enum lti_capture_how */
    uint8_t when;    /* LTI_CAPTURE_ENTER, .. */
    uint8_t count;   /* enum lti_capture_count: how many bytes or elements */
    uint16_t number; /* the number, or an argument's */
    uint16_t unit;   /* bytes of an element */
};

enum lti_capture_how {
    LTI_CAPTURE_BYTES = 0,   /* count times unit bytes */
    LTI_CAPTURE_TEXT = 1,    /* a string */
    LTI_CAPTURE_TEXTS = 2,   /* an array of strings that ends with NULL */
    LTI_CAPTURE_VECTORS = 3, /* count times struct iovec, and the buffers */
    LTI_CAPTURE_MESSAGE = 4, /* struct msghdr, with name, buffers and control */
    LTI_CAPTURE_MESSAGES = 5 /* count times struct mmsghdr */
};

#define LTI_CAPTURE_ENTER 1u
#define LTI_CAPTURE_RETURN 2u      /* unless the call failed */
#define LTI_CAPTURE_INTERRUPTED 4u /* at the return with EINTR */

enum lti_capture_count {
    LTI_COUNT_NUMBER = 0,  /* `number` */
    LTI_COUNT_ARG = 1,     /* an argument */
    LTI_COUNT_ARG32 = 2,   /* an int argument */
    LTI_COUNT_RET = 3,     /* what the call returns */
    LTI_COUNT_POINTER = 4, /* the u32 that an argument points to, at entry and now,
                              whichever is less */
    LTI_COUNT_BITS = 5,    /* longs with so many bits as an argument says */
    LTI_COUNT_IOCTL = 6    /* as the request, the second argument, says */
};

/* What is to be copied of the memory that system calls point to. */
struct lti_calls {
    uint16_t form_of[LTI_MAX_CALLS]; /* a call's first form; 0: nothing to copy */
    struct lti_form forms[LTI_MAX_FORMS];
    struct lti_capture captures[LTI_MAX_CAPTURES];
};

/* enum lt_limit. */
#define LTI_LIMIT_MEMORY 2u
#define LTI_LIMIT_OUTPUT 3u
#define LTI_LIMIT_TIME 4u
#define LTI_LIMIT_PROCESSES 5u

/* What a session's processes may use, and use.  Those that are not traced keep it
 * mapped too. */
struct lti_limits {
    /* Written by the library before the start; 0: no limit. */
    uint64_t memory, output;
    uint32_t processes;
    uint32_t reached; /* enum lt_limit: the run ends, whatever is left in streams */
    /* Written by the engines. */
    uint64_t memory_used, output_used;
    uint32_t processes_used;
    uint32_t pad[5];
};

/* ---- Coverage ---- */

/* As enum lt_coverage_kind and enum lt_coverage_counter, which stand in lt/fuzz.h. */
#define LTI_COVERAGE_BLOCKS 1u
#define LTI_COVERAGE_EDGES 2u
#define LTI_COVERAGE_NUMBERS 3u
#define LTI_COVERAGE_EXACT 4u
#define LTI_COUNTER_FLAG 0u
#define LTI_COUNTER_WRAP 1u
#define LTI_COUNTER_NEVER_ZERO 2u
#define LTI_COUNTER_64 3u

#define LTI_COVERAGE_RANGES 64u

/* What is counted, and where: in a map of the caller's. */
struct lti_coverage {
    uint32_t kind; /* LTI_COVERAGE_*; 0: nothing */
    uint32_t counter;
    uint64_t size;          /* of the map: a power of two */
    uint64_t offset;        /* in its file */
    uint64_t map;           /* its address, for an engine inside the host's process */
    uint32_t range_count;   /* of those included, */
    uint32_t exclude_count; /* and, from the other end of the array, excluded */
    struct lti_range ranges[LTI_COVERAGE_RANGES];
};

/* What a guest address becomes in maps. */
static inline uint64_t lti_coverage_hash(uint64_t pc)
{
    pc ^= pc >> 33;
    pc *= 0xff51afd7ed558ccdu;
    pc ^= pc >> 33;
    pc *= 0xc4ceb9fe1a85ec53u;
    return pc ^ pc >> 33;
}

/*
 * Blocks by number, at LTI_NUMBERS_OFFSET: of all processes of the session together.
 * Nobody locks it, as anybody may be killed: an entry is taken by counting up, filled,
 * and then put into the index, unless somebody else has put one of the same block there
 * meanwhile; then it is left, with size 0.
 */
#define LTI_NUMBERS 0x100000u /* 0 is nobody's */
#define LTI_NUMBERS_INDEX 0x200000u
/* Edges, at the places of the map: u64s of the block that one comes from, from bit 44 on,
 * the one that it goes to, from bit 24 on, and its first place, as of hashed edges; 0:
 * free.  Place 0 is for those that find none in so many tries. */
#define LTI_EDGES 0x100000u
#define LTI_EDGE_TRIES 256u
#define LTI_MODULES 1024u
#define LTI_MODULE_PATHS 0x40000u

struct lti_number {
    uint64_t pc;
    uint64_t offset; /* in its module's memory; without one: pc */
    uint64_t file;   /* a hash of its path; 0: none */
    uint32_t size;   /* bytes of code */
    uint32_t module; /* 1 + its number; 0: none */
};

struct lti_number_module {
    uint64_t base, end; /* in memory, where it was first seen */
    uint64_t file;
    uint32_t path; /* in `paths` */
    uint32_t path_size;
    uint32_t ready; /* set last */
    uint32_t reserved;
};

struct lti_numbers {
    uint32_t count; /* entries taken, without number 0; may be more than there are */
    uint32_t modules;
    uint32_t path_bytes;
    uint32_t reserved;
    struct lti_number_module module[LTI_MODULES];
    char paths[LTI_MODULE_PATHS];
    uint32_t index[LTI_NUMBERS_INDEX]; /* numbers, by lti_coverage_hash() and what
                                          follows; 0: free */
    struct lti_number number[LTI_NUMBERS];
    uint64_t edge[LTI_EDGES];
};

_Static_assert(sizeof(struct lti_numbers) <= LTI_NUMBERS_SIZE, "fits");

struct lti_control {
    /* Written by the library before the start. */
    uint64_t magic;
    uint32_t version;
    uint32_t record; /* LTI_RECORD_* */
    uint32_t range_count;
    uint32_t follow;           /* LTI_FOLLOW_* */
    uint32_t threads;          /* 0 or LTI_THREADS_PARALLEL */
    uint32_t slab_limit;       /* slabs a process may have before it starts anew */
    uint32_t chunk_size;       /* bytes until a chunk is full, up to LTI_CHUNK_SIZE */
    uint32_t crash;            /* enum lti_crash, for tests */
    uint64_t pid_namespace;    /* its inode; 0: not known */
    uint32_t sync;             /* guests may have to wait for the library */
    uint32_t sync_kinds;       /* for these events too: LT_KIND bits */
    char cpu[128];             /* QEMU's -cpu; "": the engine's choice */
    struct lti_calls calls[2]; /* by LT_ARCH_*, from 1 */
    /* Written by the engines. */
    uint32_t phase;      /* enum lti_phase */
    uint32_t load_error; /* host errno with which loading failed, or LTI_CPU_REFUSED */
    uint32_t untraced_threads;
    uint32_t untraced_processes;
    uint32_t blocks;          /* descriptors published so far */
    uint32_t internal_errors; /* things that must not happen, but did */
    uint64_t desc_bytes;      /* bytes of descriptors published so far */
    uint32_t crashed;         /* enum lti_crashed */
    uint32_t pad5;
    char message[200];     /* what made the engine give up, NUL-ended */
    uint8_t cc_map[128];   /* enum lti_cc for each value of LTI_X86_CC_OP */
    uint64_t stamp;        /* the last one taken */
    uint32_t stream_limit; /* no stream from this number on was ever taken */
    uint32_t scalable;     /* the aarch64 CPU has SVE: see LTI_SVE_VL */
    uint32_t pad0[12];
    /* Slabs in use, a bit each: engines set, the library clears. */
    uint64_t slabs[LTI_SLABS / 64];
    /* Futexes of the library and of engines that wait for something. */
    uint32_t bell;      /* of the library: engines or the supervisor ring */
    uint32_t listening; /* library sleeps on bell */
    uint32_t paused;    /* futex of engines: no guest code shall run */
    uint32_t poke;      /* futex of engines: counted up when guests shall look at
                           `paused` and at the points */
    uint32_t pad1[12];
    /* Written by the supervisor. */
    uint32_t engine_ended; /* 1: engine_status is valid */
    int32_t engine_status; /* of the first process, as of waitpid() */
    uint32_t engine_pid;
    uint32_t tree_ended; /* no process of the guest's is left */
    uint32_t supervisor_pid;
    uint32_t pad2[11];
    struct lti_limits limits;
    _Alignas(64) struct lti_stream streams[LTI_MAX_STREAMS];
    struct lti_range ranges[LTI_MAX_FILTERS];
    struct lti_coverage coverage; /* written by the library before the start */
};

_Static_assert(sizeof(struct lti_chunk) == 64, "one cache line");
_Static_assert(sizeof(struct lti_stream) % 64 == 0, "whole cache lines");
_Static_assert(sizeof(struct lti_points) <= LTI_POINTS_SIZE, "fits");
_Static_assert(sizeof(struct lti_control) <= LTI_CONTROL_SIZE, "fits");

/* ---- Records in a chunk, 4-byte aligned ---- */

/*
 * A block record is a u32 block number (1 to LTI_MAX_BLOCKS - 1), then the
 * descriptor's slots, in all lti_desc.record_size bytes.  0 in place of a block
 * number means that no record is open; it is never committed.
 *
 * A special record is a u32 of LTI_SPECIAL | kind << 24 | size, where size
 * counts the whole record in bytes, a multiple of 4 below 2^24.
 */
#define LTI_SPECIAL 0x80000000u
#define LTI_SPECIAL_HEAD(kind, size) (LTI_SPECIAL | (uint32_t)(kind) << 24 | (size))
#define LTI_SPECIAL_KIND(head) ((head) >> 24 & 0x7f)
#define LTI_SPECIAL_SIZE(head) ((head)&0xffffff)

enum lti_special {
    LTI_S_PAD = 0,   /* nothing */
    LTI_S_PART = 1,  /* u32 block, u32 insns: the first insns of a block record
                        only; the slots follow as in a block record.  If the
                        bits of insns from LTI_PART_STORES on are not 0, the last
                        instruction was left by a fault when it had made so many
                        of its stores. */
    LTI_S_WRITE = 2, /* u64 addr, u32 bytes, u32 by, then the bytes, padded:
                        a helper's store for the instruction in hand */
    LTI_S_READ = 3,  /* alike: a helper's load */
    LTI_S_REGS = 4,  /* u32 reason, u32 skip, u64 words[]: the register file;
                        skip - 1 is a register whose write is told later */
    /* From here on, those that stay with LTI_RECORD_DISCARD. */
    LTI_S_SYSCALL = 5,      /* u64 pc, u32 nr, u32 again, u64 args[6], then pieces of
                               the memory that arguments point to: u32 argument |
                               LTI_PIECE_* << 8, u32 bytes, u64 addr, bytes padded
                               to 4.  If `again` is 1, the library has changed what
                               the record before said: no event. */
    LTI_S_SYSRET = 6,       /* u64 pc, u32 nr, u32 0, i64 ret (guest's, -errno),
                               pieces */
    LTI_S_MAP = 7,          /* u64 start, end, offset, u32 prot, u32 path bytes, path,
                               which is not empty */
    LTI_S_UNMAP = 8,        /* u64 start, end */
    LTI_S_PROCESS = 9,      /* u32 pid, tid, parent, arch, op, path bytes, path: the first
                               record of a stream, and behind an exec */
    LTI_S_EXIT = 10,        /* i32 status, i32 signal */
    LTI_S_FORGET = 11,      /* the process has no more use for its slabs */
    LTI_S_STAMP = 12,       /* u32 0, u64 stamp: for the record behind */
    LTI_S_SLAB = 13,        /* u32 slab: the process has taken it */
    LTI_S_FORK = 14,        /* u32 stream, u32 1: a child begins as the process is here;
                               or 0: there is no child, after all */
    LTI_S_CLONE = 15,       /* u32 tid: the thread has made this one */
    LTI_S_THREAD = 16,      /* u32 tid: whom the records behind belong to */
    LTI_S_THREAD_EXIT = 17, /* the thread ended */
    LTI_S_NAME = 18,        /* a thread's new name: char[16], NUL-ended, u32 tid */
    LTI_S_LIMIT = 20,       /* u32 enum lt_limit: the process wants more than that */
    LTI_S_SIGNAL = 19,      /* u32 op (enum lt_signal_op), u32 signal, i32 code, u32 0,
                               u64 pc, addr, handler */

    LTI_S_SYNC = 21, /* u32 enum lti_stop, u32 length, u64 pc, u8 code[16]: the
                        guest waits for the library, at pc, whose instruction has
                        `length` bytes if the stop is before one */

    /* Memory, other than by instructions. */
    LTI_S_KERNEL = 32, /* u64 pc, u64 addr, u32 bytes, u32 0, then the bytes, padded:
                          the kernel's store for the system call at pc, or for the
                          signal that interrupts there */
    LTI_S_RANGE = 33,  /* struct lti_range_change, then the path, padded */
    LTI_S_DATA = 34,   /* u64 addr, u32 bytes, u32 0, then the bytes, padded: what a
                          mapping holds; zeros are not told */
    LTI_S_CHECK = 35   /* u64 addr, u32 pages, u32 0, u64 hash[pages]: the engine's
                          lti_page_hash() of pages */
};

/* What LTI_S_RANGE tells: as struct lt_map. */
struct lti_range_change {
    uint32_t op; /* enum lt_map_op, but LT_MAP_DATA */
    uint32_t prot;
    uint32_t flags;
    uint32_t path_size;
    uint64_t start, end, from, offset, device, inode;
};

#define LTI_PAGE_SIZE 4096u

/* A number that differs when a page's contents do. */
static inline uint64_t lti_page_hash(const void *page)
{
    const unsigned char *bytes = page;
    uint64_t lanes[4] = {1, 2, 3, 4};

    for (unsigned i = 0; i < LTI_PAGE_SIZE; i += sizeof lanes) {
        for (unsigned k = 0; k < 4; k++) {
            uint64_t word;

            __builtin_memcpy(&word, bytes + i + 8 * k, 8);
            lanes[k] = (lanes[k] ^ word) * 0x9e3779b97f4a7c15u;
            lanes[k] ^= lanes[k] >> 32;
        }
    }
    return ((lanes[0] * 31 + lanes[1]) * 31 + lanes[2]) * 31 + lanes[3];
}

/* As LT_EVENT_*: bits of lti_control.sync_kinds. */
#define LTI_EVENT_MODULE 6u
#define LTI_EVENT_SIGNAL 8u
#define LTI_EVENT_THREAD 9u
#define LTI_EVENT_PROCESS 10u

enum lti_stop {
    LTI_STOP_EVENTS = 0, /* because of what records before told */
    LTI_STOP_INSN = 1,   /* before the instruction at pc */
    LTI_STOP_CALL = 2    /* before the system call in hand is made */
};

#define LTI_PIECE_STRING 1u /* a string: its end was found or it was cut */

/* op of LTI_S_PROCESS: as enum lt_process_op, and: */
#define LTI_PROCESS_START 0u
#define LTI_PROCESS_EXEC 1u
#define LTI_PROCESS_THREAD 2u /* a further thread of the process `pid`, in parallel */

/* op of LTI_S_SIGNAL: as enum lt_signal_op. */
#define LTI_SIGNAL_DELIVER 0u
#define LTI_SIGNAL_RETURN 1u

#define LTI_PART_STORES 24

/* Why a LTI_S_REGS record stands there. */
enum lti_regs_reason {
    LTI_REGS_START = 0,   /* the register file becomes known here */
    LTI_REGS_HELPER = 1,  /* a helper may have written them: changes are writes
                             of the instruction in hand */
    LTI_REGS_KERNEL = 2,  /* a system call returned: its results are writes */
    LTI_REGS_SIGNAL = 3,  /* a signal was delivered or returned from */
    LTI_REGS_CHECK = 4,   /* nothing should have changed */
    LTI_REGS_SYSCALL = 5, /* a system call begins: on x86_64, rcx and r11 are
                            written; nothing else should have changed */
    LTI_REGS_HOST = 6     /* in no record: the library has written them */
};

/*
 * The register file of the stream is an array of 64-bit words: the general
 * registers under their public numbers, then what other registers are made of.  A
 * wide register is several words in a row, low ones first; a narrow one has a word
 * of its own, zero-extended.  On x86_64, rflags is made from LTI_X86_CC_OP to
 * LTI_X86_EFLAGS and mxcsr from two words; on aarch64, nzcv is made from
 * LTI_A64_NF to LTI_A64_VF and fpsr from five words.
 *
 * Where the aarch64 CPU has SVE (lti_control.scalable), the words from LTI_A64_V on
 * are other ones, LTI_SVE_*: each register has room for the longest vectors, and is 0
 * above the present length.  An LTI_S_REGS record has of each register only
 * lti_sve_words() words.
 */
#define LTI_X86_CC_OP 20u /* through lti_control.cc_map: enum lti_cc | size */
#define LTI_X86_CC_DST 21u
#define LTI_X86_CC_SRC 22u
#define LTI_X86_CC_SRC2 23u
#define LTI_X86_DF 24u        /* 1 or -1 */
#define LTI_X86_EFLAGS 25u    /* the flags that are none of the above */
#define LTI_X86_SELECTORS 26u /* es, cs, ss, ds, fs, gs */
#define LTI_X86_MXCSR 32u     /* without the flags that are only in: */
#define LTI_X86_FLOAT 33u     /* LTI_FLOAT_* of SSE */
#define LTI_X86_FCW 34u
#define LTI_X86_FSW 35u /* with the top of the stack */
#define LTI_X86_FTW 36u /* a bit each for R0 to R7: not empty */
#define LTI_X86_FPR 37u /* R0 to R7, two words each */
#define LTI_X86_YMM 53u /* four words each */
#define LTI_X86_REGS 117u

#define LTI_A64_NF 34u /* flag is bit 31 */
#define LTI_A64_ZF 35u /* flag is set if this is 0 */
#define LTI_A64_CF 36u /* 0 or 1 */
#define LTI_A64_VF 37u /* flag is bit 31 */
#define LTI_A64_FPCR 38u
#define LTI_A64_FPSR 39u      /* without the flags that are only in: */
#define LTI_A64_FLOAT 40u     /* LTI_FLOAT_* of single and double precision */
#define LTI_A64_FLOAT_F16 41u /* and of half precision */
#define LTI_A64_QC 42u        /* two words: QC is set if one is not 0 */
#define LTI_A64_TPIDR 44u
#define LTI_A64_V 45u /* two words each */
#define LTI_A64_REGS 109u

#define LTI_SVE_VL 45u  /* bytes of a vector: a multiple of 16 */
#define LTI_SVE_Z 46u   /* 32 words each */
#define LTI_SVE_P 1070u /* p0 to p15 and ffr, four words each */
#define LTI_SVE_REGS 1138u
#define LTI_SVE_MAX_VL 256u

#define LTI_MAX_REGS 1152u

/* The words that a vector (`predicate`: a predicate) of a present length of `vl`
 * bytes has, of those with room for 256 bytes. */
static inline uint32_t lti_sve_words(uint32_t vl, int predicate)
{
    return predicate ? (vl + 63) / 64 : vl / 8;
}

/* The public numbers (lt.h) under which steps tell of those that are not told under
 * the number of their word; registers.c holds both against each other. */
#define LTI_X86_REG_ES 20u
#define LTI_X86_REG_MXCSR 26u
#define LTI_X86_REG_FCW 27u
#define LTI_X86_REG_FSW 28u
#define LTI_X86_REG_FTW 29u
#define LTI_X86_REG_FPR0 30u
#define LTI_X86_REG_XMM0 38u
#define LTI_X86_REG_YMM0 54u
#define LTI_A64_REG_FPCR 34u
#define LTI_A64_REG_FPSR 35u
#define LTI_A64_REG_TPIDR 36u
#define LTI_A64_REG_V0 37u
#define LTI_A64_REG_Z0 69u
#define LTI_A64_REG_P0 101u /* behind p15: ffr */

/* What floating-point operations raised and the status register does not show
 * yet; QEMU's float_flag_*. */
#define LTI_FLOAT_INVALID 0x1u
#define LTI_FLOAT_DIVBYZERO 0x2u
#define LTI_FLOAT_OVERFLOW 0x4u
#define LTI_FLOAT_UNDERFLOW 0x8u
#define LTI_FLOAT_INEXACT 0x10u
#define LTI_FLOAT_INPUT_FLUSHED 0x20u
#define LTI_FLOAT_OUTPUT_FLUSHED 0x40u
#define LTI_FLOAT_INPUT_USED 0x4000u

/* How x86 flags follow from cc_dst, cc_src and cc_src2: the kind in the high
 * bits and the operand size (0: 1 byte to 3: 8 bytes) in the low two. */
enum lti_cc {
    LTI_CC_EFLAGS = 0 << 2, /* cc_src has them */
    LTI_CC_ADCX = 1 << 2,   /* C in cc_dst, others in cc_src */
    LTI_CC_ADOX = 2 << 2,   /* O in cc_src2, others in cc_src */
    LTI_CC_ADCOX = 3 << 2,  /* C in cc_dst, O in cc_src2, others in cc_src */
    LTI_CC_MUL = 4 << 2,    /* C and O if cc_src is not 0 */
    LTI_CC_ADD = 5 << 2,
    LTI_CC_ADC = 6 << 2,
    LTI_CC_SUB = 7 << 2,
    LTI_CC_SBB = 8 << 2,
    LTI_CC_LOGIC = 9 << 2,
    LTI_CC_INC = 10 << 2,
    LTI_CC_DEC = 11 << 2,
    LTI_CC_SHL = 12 << 2,
    LTI_CC_SAR = 13 << 2,
    LTI_CC_BMILG = 14 << 2,
    LTI_CC_BLSI = 15 << 2,
    LTI_CC_POPCNT = 16 << 2,
    LTI_CC_UNKNOWN = 17 << 2 /* the engine's version has one more */
};

/* ---- Descriptors ---- */

/*
 * In a slab, 16-byte aligned: lti_desc, lti_desc_insn[insn_count], padding to 8
 * bytes, lti_op[op_count], code bytes.
 */
struct lti_desc {
    uint64_t pc;          /* of the first instruction */
    uint32_t size;        /* bytes of the descriptor */
    uint32_t record_size; /* bytes of a record, the block number included */
    uint32_t insn_count;
    uint32_t op_count;
    uint32_t value_count; /* values that ops name */
    uint32_t code_size;   /* bytes of code */
};

/* Bits of lti_desc_insn.flags. */
#define LTI_INSN_CONTINUES 1u /* begun by the record before: no event */
#define LTI_INSN_REPEATS 2u   /* a string instruction that may reenter itself */

struct lti_desc_insn {
    uint32_t pc_offset;   /* from lti_desc.pc */
    uint32_t code_offset; /* in the code bytes */
    uint32_t slot_offset; /* where its slots begin in the record */
    uint32_t first_op;
    uint8_t length; /* bytes of code */
    uint8_t flags;  /* LTI_INSN_* */
    uint8_t want;   /* LTI_WANT_* at translation */
    uint8_t reserved;
};

/*
 * One step of the decoder.  Values are numbered per descriptor; those of an
 * instruction are made by its own ops.  "32" below: LTI_OP_32 in flags
 * truncates operands and the result to 32 bits.
 */
struct lti_op {
    uint8_t op;    /* enum lti_opcode */
    uint8_t flags; /* LTI_OP_* */
    uint16_t d;    /* value made, or register */
    uint16_t a;    /* operands: values */
    uint16_t b;
    uint64_t imm;
};

/* Ops up to this one make a value, but LTI_MORE. */
#define LTI_LAST_VALUE_OP LTI_EFLAGS

#define LTI_OP_32 1u
#define LTI_OP_BSWAP 2u   /* memory: the value is byte-swapped in memory */
#define LTI_OP_HIDDEN 4u  /* register: part of another one, no event */
#define LTI_OP_CHANGED 8u /* words: no event if the register stays the same */
/* The same, of x87's data registers: or if b says that it is written as st(0) to st(7),
 * a bit each from LTI_X87_ST on, as TOP of the status word is by then.  With
 * LTI_X87_UNLESS_C2 that is only if C2 is 0 in there: the operand was not too large. */
#define LTI_OP_STACK 16u
#define LTI_X87_BYTES 0x7fu
#define LTI_X87_UNLESS_C2 0x80u
#define LTI_X87_ST 8

enum lti_opcode {
    LTI_CONST = 0,  /* d = imm */
    LTI_SLOT32 = 1, /* d = u32 at imm in the record */
    LTI_SLOT64 = 2,
    LTI_REG = 3, /* d = register a, as before the instruction's writes */
    LTI_ADD = 4, /* d = a op b; 32 */
    LTI_SUB = 5,
    LTI_AND = 6,
    LTI_OR = 7,
    LTI_XOR = 8,
    LTI_ANDC = 9, /* a & ~b */
    LTI_ORC = 10, /* a | ~b */
    LTI_EQV = 11, /* ~(a ^ b) */
    LTI_NAND = 12,
    LTI_NOR = 13,
    LTI_SHL = 14,
    LTI_SHR = 15,
    LTI_SAR = 16,
    LTI_ROTL = 17,
    LTI_ROTR = 18,
    LTI_MUL = 19,
    LTI_NOT = 20,
    LTI_NEG = 21,
    LTI_EXTRACT = 22,    /* imm: pos | len << 8; zero-extended; 32 */
    LTI_SEXTRACT = 23,   /* sign-extended; 32 */
    LTI_DEPOSIT = 24,    /* low len bits of b into a at pos; 32 */
    LTI_EXTRACT2 = 25,   /* low half of (b:a) >> imm; 32 */
    LTI_SETCOND = 26,    /* imm: enum lti_cond; 1 or 0; 32 compares 32 bits */
    LTI_NEGSETCOND = 27, /* -1 or 0 */
    LTI_MOVCOND = 28,    /* the op before is LTI_MORE: cond(a, b) ? more.a : more.b */
    LTI_MORE = 29,       /* operands for the next op */
    LTI_CTPOP = 30,
    LTI_BSWAP = 31, /* imm: bytes 2, 4 or 8 */
    LTI_MULUH = 32, /* high half of the product; 32 */
    LTI_MULSH = 33,
    /* x86: the arithmetic flags of cc_dst a, cc_src b; the op before is LTI_MORE: cc_src2
     * a, cc_op b, as in LTI_X86_CC_OP. */
    LTI_EFLAGS = 34,
    /* Effects. */
    LTI_SETREG = 40,  /* register d = value a */
    LTI_FLAGS = 41,   /* the flags register was written */
    LTI_STORE = 42,   /* addr a, value b, imm bytes (1 to 8) */
    LTI_STORE16 = 43, /* addr a, value b low, imm: value high; 16 bytes */
    LTI_LOAD = 44,    /* as LTI_STORE */
    LTI_LOAD16 = 45,
    /* Words d and on: imm's low half is where in the record their bytes stand, its
     * high half how many; the last word is zero-extended.  If b is not 0, it tells
     * that public register a was written, b bytes of it; CHANGED. */
    LTI_WORDS = 46,
    LTI_ZERO = 47 /* alike, but the bytes are 0 and not in the record */
};

/* Conditions, as in lti_op.imm of the compares. */
enum lti_cond {
    LTI_COND_EQ = 0,
    LTI_COND_NE = 1,
    LTI_COND_LT = 2,
    LTI_COND_GE = 3,
    LTI_COND_LE = 4,
    LTI_COND_GT = 5,
    LTI_COND_LTU = 6,
    LTI_COND_GEU = 7,
    LTI_COND_LEU = 8,
    LTI_COND_GTU = 9,
    LTI_COND_TSTEQ = 10,
    LTI_COND_TSTNE = 11
};

_Static_assert(sizeof(struct lti_op) == 16, "layout");
_Static_assert(sizeof(struct lti_desc) == 32, "layout");
_Static_assert(sizeof(struct lti_desc_insn) == 20, "layout");

#endif
