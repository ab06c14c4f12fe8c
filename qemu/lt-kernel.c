/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel writes into the guest's memory: QEMU's system call layer does
 * nearly all of it between lock_user() and unlock_user().
 */
#include "qemu/osdep.h"
#include <sys/syscall.h>
#include <sys/uio.h>
#include "qemu.h"
#include "user-internals.h"
#include "user-mmap.h"
#include "user/page-protection.h"
#include "lt-target.h"
#include "stream.h"

#define PIECE 16384u         /* bytes in one record */
#define BOUNCE (1024 * 1024) /* a larger buffer is written to in place */

/* A copy of a guest's buffer that the host's kernel fills in its place. */
struct bounce {
    struct bounce *next;
    uint64_t pad; /* what follows is aligned as from malloc() */
    uint8_t bytes[];
};

/* The system call that this thread is in. */
static __thread struct {
    uint64_t pc;   /* 0: none */
    uint32_t word; /* a futex that the kernel may write to, as it was */
    bool fills;    /* the host's kernel fills guest memory while it waits */
    bool reads;    /* it only reads it, whatever QEMU says */
} call;

static __thread struct bounce *bounces;
static uint64_t calls; /* made by now: checks come every so many */

#define CHECK_EVERY 64

void lt_kernel_write(CPUState *cpu, uint64_t addr, uint64_t size)
{
    uint64_t pc;

    /* What the loader does before is told as contents of mappings. */
    if (!lt_watch_stores || !lt_guest_started || !lt_stream_owns(cpu)) {
        return;
    }
    pc = call.pc ? call.pc : cpu->cc->get_pc(cpu);
    if (!(lt_want_at(pc) & LTI_WANT_WRITE)) {
        return;
    }
    if (lt_sync && size) {
        lt_sync_access(cpu, addr, size, true);
    }
    while (size) {
        uint32_t n = MIN(size, PIECE), padded = ROUND_UP(n, 4);
        uint8_t *p = lt_special(cpu, LTI_S_KERNEL, 24 + padded);

        stq_he_p(p, pc);
        stq_he_p(p + 8, addr);
        stl_he_p(p + 16, n);
        stl_he_p(p + 20, 0);
        memset(p + 24 + padded - 4, 0, 4);
        memcpy(p + 24, g2h_untagged(addr), n);
        addr += n;
        size -= n;
    }
}

/* ---- The system call layer's way to guest memory ---- */

/*
 * Where other threads may run while the host's kernel fills a buffer, it fills a
 * copy: they see the bytes when the write is told, and not before.
 */
void *__real_lock_user(int, abi_ulong, ssize_t, bool);
void *__wrap_lock_user(int, abi_ulong, ssize_t, bool);
void *__wrap_lock_user(int type, abi_ulong addr, ssize_t len, bool copy)
{
    void *host = __real_lock_user(type, addr, len, copy);
    struct bounce *b;

    if (!host || !call.fills || type != VERIFY_WRITE || len <= 0 || len > BOUNCE ||
        !(b = g_try_malloc(sizeof(*b) + len))) {
        return host;
    }
    /* Some callers read what they locked for writing only.  Where not all can be read,
     * as behind the end of a file that is mapped, the kernel shall find that out. */
    if (lt_read_guest(addr, b->bytes, len) != (size_t)len) {
        g_free(b);
        return host;
    }
    b->next = bounces;
    bounces = b;
    return b->bytes;
}

/* Copies to guest memory; how many bytes.  Meanwhile it may have been unmapped, or its
 * file truncated. */
static size_t put_bytes(abi_ulong addr, const void *bytes, size_t size)
{
    struct iovec local = {(void *)bytes, size}, remote;
    ssize_t done = -1;

    mmap_lock();
    if (access_ok_untagged(VERIFY_WRITE, addr, size)) {
        remote = (struct iovec){g2h_untagged(addr), size};
        errno = ENOSYS;
        if (!page_check_range(addr, size, PAGE_ANON)) {
            done = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
        }
        if (done < 0 && (errno == ENOSYS || errno == EPERM)) {
            memcpy(remote.iov_base, bytes, size);
            done = size;
        }
    }
    mmap_unlock();
    return MAX(done, 0);
}

void unlock_user(void *host, abi_ulong addr, ssize_t len)
{
    CPUState *cpu = thread_cpu;

    if (!host) {
        return;
    }
    addr = cpu_untagged_addr(cpu, addr);
    for (struct bounce **at = &bounces; *at; at = &(*at)->next) {
        struct bounce *b = *at;

        if (b->bytes == host) {
            *at = b->next;
            len = len > 0 ? put_bytes(addr, host, len) : 0;
            g_free(b);
            break;
        }
    }
    if (len > 0 && !call.reads) {
        lt_kernel_write(cpu, addr, len);
    }
}

void lt_clip_iovec(struct iovec *vec, int count, ssize_t size)
{
    size_t left = size > 0 ? size : 0;

    for (int i = 0; vec && i < count; i++) {
        vec[i].iov_len = MIN(vec[i].iov_len, left);
        left -= vec[i].iov_len;
    }
}

/* The vectors of the host's calls are unlocked by their lengths. */
void lt_kernel_filled(long nr, long b, long c, long ret)
{
    const struct msghdr *message = (const struct msghdr *)b;

    switch (nr) {
    case SYS_readv:
    case SYS_preadv:
    case SYS_preadv2:
        lt_clip_iovec((struct iovec *)b, c, ret);
        break;
    case SYS_recvmsg:
        lt_clip_iovec(message->msg_iov, message->msg_iovlen, ret);
        break;
    }
}

bool lt_reads_pipe(int fd)
{
    return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

/* ---- System calls that write in other ways ---- */

static bool fills_memory(int nr)
{
    switch (nr) {
    case TARGET_NR_read:
    case TARGET_NR_pread64:
    case TARGET_NR_readv:
    case TARGET_NR_preadv:
    case TARGET_NR_preadv2:
    case TARGET_NR_recvfrom:
    case TARGET_NR_recvmsg:
    case TARGET_NR_recvmmsg:
        return true;
    default:
        return false;
    }
}

/* The futex that a call may write to, or 0. */
static abi_ulong futex_written(CPUState *cpu, int nr, const abi_long *args)
{
    abi_ulong addr = 0;

    if (nr == TARGET_NR_futex) {
        switch (args[1] & FUTEX_CMD_MASK) {
        case FUTEX_LOCK_PI:
        case FUTEX_LOCK_PI2:
        case FUTEX_TRYLOCK_PI:
        case FUTEX_UNLOCK_PI:
            addr = args[0];
            break;
        case FUTEX_WAKE_OP:
        case FUTEX_CMP_REQUEUE_PI:
        case FUTEX_WAIT_REQUEUE_PI:
            addr = args[4];
            break;
        }
    }
    addr = cpu_untagged_addr(cpu, addr);
    return addr && access_ok_untagged(VERIFY_READ, addr, 4) ? addr : 0;
}

static void futex_done(CPUState *cpu, int nr, const abi_long *args, abi_long ret)
{
    abi_ulong addr = futex_written(cpu, nr, args);

    /* WAKE_OP stores even what was there already. */
    if (addr && (ldl_he_p(g2h_untagged(addr)) != call.word ||
                 ((args[1] & FUTEX_CMD_MASK) == FUTEX_WAKE_OP && !is_error(ret)))) {
        lt_kernel_write(cpu, addr, 4);
    }
}

#ifdef TARGET_X86_64
/* The emulated table of descriptors lies in guest memory. */
static void ldt_done(CPUState *cpu, int nr, const abi_long *args, abi_long ret)
{
    uint32_t entry;

    if (nr == TARGET_NR_modify_ldt && ret == 0 && args[0] != 0 &&
        get_user_u32(entry, args[1]) == 0) {
        lt_kernel_write(cpu, cpu_env(cpu)->ldt.base + entry * 8, 8);
    }
}
#endif

static void changed_at(int fd, uint64_t from, uint64_t size)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        lt_maps_file_changed(&st, from,
                             size > UINT64_MAX - from ? UINT64_MAX : from + size);
    }
}

/* `size` bytes were written where the file's position is now. */
static void changed_before(int fd, uint64_t size)
{
    off_t position = lseek(fd, 0, SEEK_CUR);

    if (position >= 0 && (uint64_t)position >= size) {
        changed_at(fd, position - size, size);
    }
}

/* The same, of a call that may say where to write in memory. */
static void changed_behind(int fd, abi_ulong where, uint64_t size)
{
    uint64_t position;

    if (!where) {
        changed_before(fd, size);
    } else if (get_user_u64(position, where) == 0) {
        changed_at(fd, position - size, size);
    }
}

static void truncated_path(abi_ulong path, uint64_t size)
{
    char *p = lock_user_string(path);
    struct stat st;

    if (p && stat(p, &st) == 0) {
        lt_maps_file_changed(&st, size, UINT64_MAX);
    }
    unlock_user(p, path, 0);
}

/* Files that are mapped are seen to change. */
static void file_done(int nr, const abi_long *args, abi_long ret)
{
    switch (nr) {
    case TARGET_NR_write:
    case TARGET_NR_writev:
    case TARGET_NR_sendfile:
        if (ret > 0) {
            changed_before(args[0], ret);
        }
        break;
    case TARGET_NR_pwrite64:
        if (ret > 0) {
            changed_at(args[0], args[3], ret);
        }
        break;
    case TARGET_NR_pwritev:
    case TARGET_NR_pwritev2:
        if (ret > 0 && args[3] == -1) {
            changed_before(args[0], ret);
        } else if (ret > 0) {
            changed_at(args[0], args[3], ret);
        }
        break;
    case TARGET_NR_copy_file_range:
    case TARGET_NR_splice:
        if (ret > 0) {
            changed_behind(args[2], args[3], ret);
        }
        break;
    case TARGET_NR_ftruncate:
        changed_at(args[0], args[1], UINT64_MAX);
        break;
    case TARGET_NR_fallocate:
        changed_at(args[0], args[2],
                   args[1] & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)
                       ? UINT64_MAX
                       : (uint64_t)args[3]);
        break;
    case TARGET_NR_truncate:
        truncated_path(args[0], args[1]);
        break;
#ifdef TARGET_NR_creat
    case TARGET_NR_creat:
        changed_at(ret, 0, UINT64_MAX);
        break;
#endif
#ifdef TARGET_NR_open
    case TARGET_NR_open:
        if (args[1] & TARGET_O_TRUNC) {
            changed_at(ret, 0, UINT64_MAX);
        }
        break;
#endif
    case TARGET_NR_openat:
        if (args[2] & TARGET_O_TRUNC) {
            changed_at(ret, 0, UINT64_MAX);
        }
        break;
    }
}

void lt_kernel_at(uint64_t pc)
{
    call.pc = pc;
}

void lt_kernel_enter(CPUState *cpu, uint64_t pc, int nr, const abi_long *args)
{
    abi_ulong futex = futex_written(cpu, nr, args);

    call.pc = pc;
    call.reads = nr == TARGET_NR_setgroups;
    call.fills = lt_watch_stores && CPU_NEXT(first_cpu) && fills_memory(nr);
    call.word = futex ? ldl_he_p(g2h_untagged(futex)) : 0;
}

void lt_kernel_leave(CPUState *cpu, int nr, const abi_long *args, abi_long ret)
{
    if (lt_watch_stores) {
        futex_done(cpu, nr, args, ret);
#ifdef TARGET_X86_64
        ldt_done(cpu, nr, args, ret);
#endif
    }
    if ((lt_control->record & LTI_RECORD_MAPS) && !is_error(ret)) {
        file_done(nr, args, ret);
    }
    call.pc = 0;
    call.fills = call.reads = false;
    if ((lt_control->record & LTI_RECORD_CHECK) && ++calls % CHECK_EVERY == 0) {
        lt_maps_check(cpu);
    }
}
