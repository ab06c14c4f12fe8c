/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's memory map: which files are mapped where, which code is wanted
 * because of that, and records of every change and of what mappings hold.
 *
 * QEMU's own functions that change the map are caught by the linker (see the file
 * `wrap`).  Until the guest's first instruction only modules are told; then
 * everything that is mapped, with its contents, and from there on each change.
 */
#include "qemu/osdep.h"
#include <sys/shm.h>
#include <sys/uio.h>
#include "qemu.h"
#include "user-internals.h"
#include "user-mmap.h"
#include "user/page-protection.h"
#include "qemu/thread.h"
#include "lt-target.h"
#include "stream.h"

/* As in enum lt_map_op and LT_MAP_SHARED, which stand in a public header. */
enum { OP_MAP, OP_UNMAP = 2, OP_PROTECT, OP_MOVE, OP_ZERO };
#define SHARED 1u

/* Numbers of shared memory that is no file. */
#define NO_FILE UINT64_MAX
#define SYSTEM_V (UINT64_MAX - 1)

#define PIECE 32768u /* bytes of contents in one record */

/* A range of memory that shows a file, or that is shared. */
struct mapping {
    abi_ulong start, end; /* exclusive */
    uint64_t offset, device, inode;
    bool shared;
    char *path; /* NULL: no file */
};

static GArray *mappings; /* struct mapping, sorted by nothing */
static QemuMutex lock;   /* over them; mmap_lock() comes before it, if at all */
static bool known;       /* the map at the start was told */
bool lt_guest_started, lt_shared_memory;
static bool shares;     /* there are, or were, forks with the same shared memory */
static bool no_vm_read; /* the host forbids process_vm_readv() */

void lt_maps_init(void)
{
    qemu_mutex_init(&lock);
    mappings = g_array_new(false, false, sizeof(struct mapping));
}

/* A child gets a table that no thread was about to change. */
void lt_maps_fork_start(void)
{
    shares = true;
    qemu_mutex_lock(&lock);
}

void lt_maps_fork_end(void)
{
    qemu_mutex_unlock(&lock);
}

/* ---- Which code is wanted ---- */

static struct mapping *nth(guint i)
{
    return &g_array_index(mappings, struct mapping, i);
}

static struct mapping *mapping_at(abi_ulong addr)
{
    for (guint i = 0; i < mappings->len; i++) {
        if (addr >= nth(i)->start && addr < nth(i)->end) {
            return nth(i);
        }
    }
    return NULL;
}

static bool module_matches(const char *wanted, const char *path)
{
    const char *base = strrchr(path, '/');

    return strcmp(wanted, path) == 0 ||
           (!strchr(wanted, '/') && base && strcmp(wanted, base + 1) == 0);
}

bool lt_in_range(const struct lti_range *r, uint64_t pc, const char *path)
{
    return pc >= r->pc_start && (r->pc_end == 0 || pc < r->pc_end) &&
           (!r->module[0] || (path && module_matches(r->module, path)));
}

char *lt_file_at(uint64_t pc, uint64_t *base, uint64_t *end)
{
    struct mapping *m;
    char *path = NULL;

    qemu_mutex_lock(&lock);
    m = mapping_at(pc);
    if (m && m->path) {
        path = g_strdup(m->path);
        *base = 0;
        *end = m->end;
        /* Where the file's first byte is, from which its code may be further away than
         * in the file. */
        for (guint i = 0; i < mappings->len; i++) {
            const struct mapping *o = nth(i);

            if (o->path && o->offset == 0 && o->start <= m->start && o->start > *base &&
                strcmp(o->path, path) == 0) {
                *base = o->start;
            }
        }
        if (*base == 0) {
            *base = m->start - MIN(m->offset, m->start);
        }
    }
    qemu_mutex_unlock(&lock);
    return path;
}

/* Called while code at `pc` is translated, after it was mapped. */
unsigned lt_want_at(uint64_t pc)
{
    const char *path = NULL;
    unsigned want = 0;

    if (!lt_control) {
        return 0;
    }
    if (lt_filtered) {
        struct mapping *m;

        qemu_mutex_lock(&lock);
        m = mapping_at(pc);
        path = m ? m->path : NULL;
    }
    for (uint32_t i = 0; i < lt_control->range_count; i++) {
        const struct lti_range *r = &lt_control->ranges[i];
        if (lt_in_range(r, pc, path)) {
            want |= r->want;
        }
    }
    if (lt_filtered) {
        qemu_mutex_unlock(&lock);
    }
    if (lt_sync_watches()) {
        want |= LTI_WANT_READ | LTI_WANT_WRITE | LTI_WANT_SYNC_MEM;
    }
    return want & ~LTI_WANT_SYSCALL;
}

/* ---- The table ---- */

static void forget_range(abi_ulong start, abi_ulong end)
{
    for (guint i = 0; i < mappings->len; i++) {
        struct mapping *m = nth(i);

        if (m->end <= start || m->start >= end) {
            continue;
        }
        if (m->end > end) {
            struct mapping rest = *m;

            rest.start = end;
            rest.offset += end - m->start;
            if (m->start < start) {
                rest.path = g_strdup(m->path);
                m->end = start;
                g_array_append_val(mappings, rest);
            } else {
                *m = rest;
            }
        } else if (m->start < start) {
            m->end = start;
        } else {
            g_free(m->path);
            g_array_remove_index_fast(mappings, i--);
        }
    }
}

/* [start, end) shows what `m` says, whose path it takes over. */
static void remember(struct mapping m)
{
    forget_range(m.start, m.end);
    if (m.path || m.shared) {
        g_array_append_val(mappings, m);
    }
}

/* What is at `start`, in *piece as of there, without a path of its own; its end
 * is that of the mapping, of the hole, or `end`. */
static void piece_at(abi_ulong start, abi_ulong end, struct mapping *piece)
{
    struct mapping *m = mapping_at(start);

    if (m) {
        *piece = *m;
        piece->offset += start - m->start;
        piece->end = MIN(end, m->end);
    } else {
        *piece = (struct mapping){.end = end};
        for (guint i = 0; i < mappings->len; i++) {
            if (nth(i)->start > start) {
                piece->end = MIN(piece->end, nth(i)->start);
            }
        }
    }
    piece->start = start;
}

/* What a guest's mmap() has mapped. */
static struct mapping describe(abi_ulong start, abi_ulong len, int flags, int fd,
                               uint64_t offset)
{
    static uint32_t shared_count;
    int type = flags & MAP_TYPE;
    struct mapping m = {.start = start,
                        .end = start + TARGET_PAGE_ALIGN(len),
                        .offset = offset,
                        .shared = type == MAP_SHARED || type == MAP_SHARED_VALIDATE};
    char link[64], path[PATH_MAX];
    struct stat st;
    ssize_t n;

    if (fd < 0 || (flags & MAP_ANONYMOUS)) {
        m.offset = 0;
        if (m.shared) {
            m.device = NO_FILE;
            m.inode = (uint64_t)getpid() << 32 | ++shared_count;
        }
        return m;
    }
    if (fstat(fd, &st) == 0) {
        m.device = st.st_dev;
        m.inode = st.st_ino;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n > 0) {
        m.path = g_strndup(path, n);
    }
    return m;
}

/* ---- Records ---- */

static void put_path(uint8_t *p, const char *path, uint32_t size)
{
    memset(p, 0, ROUND_UP(size, 4));
    memcpy(p, path ? path : "", size);
}

/* The module events of a mapping, or of none. */
static void tell_module(CPUState *cpu, const struct mapping *m, uint32_t prot)
{
    uint32_t size = m->path ? strlen(m->path) : 0;
    uint8_t *p;

    if (!lt_stream_owns(cpu)) {
        return;
    }
    p = lt_special(cpu, size ? LTI_S_MAP : LTI_S_UNMAP,
                   size ? 32 + ROUND_UP(size, 4) : 16);
    lt_sync_event(LTI_EVENT_MODULE);
    stq_he_p(p, m->start);
    stq_he_p(p + 8, m->end);
    if (size) {
        stq_he_p(p + 16, m->offset);
        stl_he_p(p + 24, prot);
        stl_he_p(p + 28, size);
        put_path(p + 32, m->path, size);
    }
}

static void tell_range(CPUState *cpu, uint32_t op, const struct mapping *m, uint32_t prot,
                       abi_ulong from)
{
    uint32_t size = op == OP_MAP && m->path ? strlen(m->path) : 0;
    struct lti_range_change change = {
        .op = op,
        .prot = prot,
        .flags = op == OP_MAP && m->shared ? SHARED : 0,
        .path_size = size,
        .start = m->start,
        .end = m->end,
        .from = from,
    };
    uint8_t *p;

    if (!known || m->start >= m->end || !lt_stream_owns(cpu)) {
        return;
    }
    if (op == OP_MAP) {
        change.offset = m->offset;
        change.device = m->device;
        change.inode = m->inode;
    }
    p = lt_special(cpu, LTI_S_RANGE, sizeof(change) + ROUND_UP(size, 4));
    memcpy(p, &change, sizeof(change));
    put_path(p + sizeof(change), m->path, size);
}

static void tell_plain(CPUState *cpu, uint32_t op, abi_ulong start, abi_ulong end,
                       uint32_t prot, abi_ulong from)
{
    struct mapping m = {.start = start, .end = end};

    tell_range(cpu, op, &m, prot, from);
}

/* ---- Contents ---- */

/* Copies guest memory; false if not all of it can be read, as behind the end of a
 * mapped file: that is zeros then. */
static bool read_live(abi_ulong addr, uint8_t *to, size_t size)
{
    bool whole = true;
    size_t done = 0;

    while (done < size) {
        void *from = g2h_untagged(addr + done);
        struct iovec local = {to + done, size - done}, remote = {from, size - done};
        ssize_t n =
            no_vm_read ? -1 : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

        if (n < 0 && !no_vm_read && (errno == EPERM || errno == ENOSYS)) {
            no_vm_read = true;
        }
        if (n <= 0) {
            n = MIN(size - done, LTI_PAGE_SIZE - ((addr + done) & (LTI_PAGE_SIZE - 1)));
            if (no_vm_read && (page_get_flags(addr + done) & PAGE_READ)) {
                memcpy(to + done, from, n);
            } else {
                memset(to + done, 0, n);
                whole = false;
            }
        }
        done += n;
    }
    return whole;
}

/* Reads from a file, and zeros behind its end; false on an error. */
static bool read_file(int fd, uint64_t offset, uint8_t *to, size_t size)
{
    while (size) {
        ssize_t n = pread(fd, to, size, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        if (n == 0) {
            memset(to, 0, size);
            return true;
        }
        to += n;
        offset += n;
        size -= n;
    }
    return true;
}

static bool is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, LTI_PAGE_SIZE - 1) == 0;
}

/* Tells what is in [start, end), as it lies in memory, or, while that may not be
 * read, in the file that is mapped there.  Pages of zeros are left out. */
static void tell_contents(CPUState *cpu, abi_ulong start, abi_ulong end, int fd,
                          uint64_t offset)
{
    g_autofree uint8_t *bytes = g_malloc(PIECE);

    if (!known || !lt_stream_owns(cpu)) {
        return;
    }
    while (start < end) {
        size_t size = MIN(PIECE, end - start);

        if (fd < 0 || !read_file(fd, offset, bytes, size)) {
            fd = -1;
            read_live(start, bytes, size);
        }
        for (size_t at = 0, to; at < size; at = to) {
            to = at + LTI_PAGE_SIZE;
            if (is_zero(bytes + at)) {
                continue;
            }
            while (to < size && !is_zero(bytes + to)) {
                to += LTI_PAGE_SIZE;
            }
            uint8_t *p = lt_special(cpu, LTI_S_DATA, 16 + (to - at));
            stq_he_p(p, start + at);
            stl_he_p(p + 8, to - at);
            stl_he_p(p + 12, 0);
            memcpy(p + 16, bytes + at, to - at);
        }
        start += size;
        offset += size;
    }
}

/* The contents of [start, end) are others than they were, without a write. */
static void tell_again(CPUState *cpu, abi_ulong start, abi_ulong end)
{
    tell_plain(cpu, OP_ZERO, start, end, 0, 0);
    tell_contents(cpu, start, end, -1, 0);
}

/* ---- At the start ---- */

static uint32_t prot_of(unsigned long flags)
{
    /* PAGE_WRITE is away while translated code lies there. */
    return (flags & PAGE_READ ? PROT_READ : 0) |
           (flags & (PAGE_WRITE | PAGE_WRITE_ORG) ? PROT_WRITE : 0) |
           (flags & PAGE_EXEC ? PROT_EXEC : 0);
}

static int tell_region(void *opaque, target_ulong start, target_ulong end,
                       unsigned long flags)
{
    CPUState *cpu = opaque;

    while (start < end) {
        struct mapping piece;

        piece_at(start, end, &piece);
        tell_range(cpu, OP_MAP, &piece, prot_of(flags), 0);
        if (flags & PAGE_READ) {
            tell_contents(cpu, piece.start, piece.end, -1, 0);
        }
        start = piece.end;
    }
    return 0;
}

void lt_maps_start(CPUState *cpu)
{
    lt_guest_started = true;
    if (lt_control->record & LTI_RECORD_MAPS) {
        mmap_lock();
        qemu_mutex_lock(&lock);
        known = true;
        walk_memory_regions(cpu, tell_region);
        qemu_mutex_unlock(&lock);
        mmap_unlock();
    }
}

/* ---- Checks ---- */

static int check_region(void *opaque, target_ulong start, target_ulong end,
                        unsigned long flags)
{
    g_autofree uint8_t *bytes = g_malloc(PIECE);
    CPUState *cpu = opaque;

    if (!(flags & PAGE_READ)) {
        return 0;
    }
    while (start < end) {
        struct mapping piece;
        uint32_t size;
        uint8_t *p;

        piece_at(start, end, &piece);
        if (piece.shared && shares) {
            start = piece.end; /* others may write to it now */
            continue;
        }
        size = MIN(PIECE, piece.end - start);

        if (!read_live(start, bytes, size)) {
            size = LTI_PAGE_SIZE;
            if (!read_live(start, bytes, size)) {
                start += size;
                continue;
            }
        }
        p = lt_special(cpu, LTI_S_CHECK, 16 + size / LTI_PAGE_SIZE * 8);
        stq_he_p(p, start);
        stl_he_p(p + 8, size / LTI_PAGE_SIZE);
        stl_he_p(p + 12, 0);
        for (uint32_t i = 0; i < size / LTI_PAGE_SIZE; i++) {
            stq_he_p(p + 16 + 8 * i, lti_page_hash(bytes + i * LTI_PAGE_SIZE));
        }
        start += size;
    }
    return 0;
}

void lt_maps_check(CPUState *cpu)
{
    /* Parallel threads write meanwhile. */
    if (known && (lt_control->record & LTI_RECORD_CHECK) && lt_stream_owns(cpu) &&
        !lt_parallel) {
        walk_memory_regions(cpu, check_region);
    }
}

/* ---- Changes ---- */

/* A change begins, which is recorded if the thread is; NULL: nobody wants to know.  Some
 * functions of QEMU's take the lock of its own map, which comes first where code is
 * translated, too. */
static CPUState *begin(void)
{
    CPUState *cpu = thread_cpu;

    if (!lt_control || !cpu) {
        return NULL;
    }
    lt_begin(cpu);
    mmap_lock();
    qemu_mutex_lock(&lock);
    if (lt_parallel && lt_stream_owns(cpu)) {
        lt_stamp(cpu); /* it is about all threads */
    }
    return cpu;
}

static void end(int saved_errno)
{
    if (lt_parallel) {
        lt_commit(thread_cpu);
    }
    qemu_mutex_unlock(&lock);
    mmap_unlock();
    errno = saved_errno;
}

static void tell_unmapped(CPUState *cpu, abi_ulong start, abi_ulong end)
{
    struct mapping m = {.start = start, .end = end};

    forget_range(start, end);
    tell_module(cpu, &m, 0);
    tell_range(cpu, OP_UNMAP, &m, 0, 0);
}

abi_long __real_target_mmap(abi_ulong, abi_ulong, int, int, int, off_t);
abi_long __wrap_target_mmap(abi_ulong, abi_ulong, int, int, int, off_t);
abi_long __wrap_target_mmap(abi_ulong start, abi_ulong len, int prot, int flags, int fd,
                            off_t offset)
{
    const bool write = (prot & PROT_WRITE) != 0;
    abi_long ret;
    CPUState *cpu;

    if ((flags & MAP_TYPE) && (flags & MAP_FIXED) && lt_guest_started &&
        !lt_guard_is_free(start, len)) {
        errno = ENOMEM;
        return -1;
    }
    if (write) {
        lt_limits_ask(start, len, flags & MAP_FIXED);
    }
    ret = __real_target_mmap(start, len, prot, flags, fd, offset);
    if (ret != -1) {
        lt_limits_set(ret, len, write);
    }
    lt_shared_memory |= (flags & MAP_SHARED) != 0;

    if (ret != -1 && (cpu = begin()) != NULL) {
        int saved = errno;
        bool file = fd >= 0 && !(flags & MAP_ANONYMOUS);
        struct mapping m = describe(ret, len, flags, fd, offset);
        struct stat st;

        prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
        tell_module(cpu, &m, prot);
        tell_range(cpu, OP_MAP, &m, prot, 0);
        if (file) {
            /* Devices are not read from; what they show is looked at. */
            bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
            tell_contents(cpu, m.start, m.end, regular ? fd : -1, offset);
        }
        remember(m);
        end(saved);
    }
    return ret;
}

int __real_target_munmap(abi_ulong, abi_ulong);
int __wrap_target_munmap(abi_ulong, abi_ulong);
int __wrap_target_munmap(abi_ulong start, abi_ulong len)
{
    int ret =
        lt_guest_started ? lt_guard_unmap(start, len) : __real_target_munmap(start, len);
    CPUState *cpu;

    if (ret == 0) {
        lt_limits_set(start, len, false);
    }

    if (ret == 0 && (cpu = begin()) != NULL) {
        tell_unmapped(cpu, start, start + TARGET_PAGE_ALIGN(len));
        end(errno);
    }
    return ret;
}

int __real_target_mprotect(abi_ulong, abi_ulong, int);
int __wrap_target_mprotect(abi_ulong, abi_ulong, int);
int __wrap_target_mprotect(abi_ulong start, abi_ulong len, int prot)
{
    CPUState *cpu;
    int ret;

    if (lt_guest_started && !(start & ~TARGET_PAGE_MASK) && len &&
        !lt_guard_is_guests(start, TARGET_PAGE_ALIGN(len))) {
        errno = ENOMEM;
        return -1;
    }
    if (prot & PROT_WRITE) {
        lt_limits_ask(start, len, true);
    }
    ret = __real_target_mprotect(start, len, prot);
    if (ret == 0 && (prot & PROT_WRITE)) {
        lt_limits_set(start, len, true);
    }

    if (ret == 0 && (cpu = begin()) != NULL) {
        tell_plain(cpu, OP_PROTECT, start, start + TARGET_PAGE_ALIGN(len),
                   prot & (PROT_READ | PROT_WRITE | PROT_EXEC), 0);
        end(errno);
    }
    return ret;
}

abi_long __real_target_mremap(abi_ulong, abi_ulong, abi_ulong, unsigned long, abi_ulong);
abi_long __wrap_target_mremap(abi_ulong, abi_ulong, abi_ulong, unsigned long, abi_ulong);
abi_long __wrap_target_mremap(abi_ulong old, abi_ulong old_size, abi_ulong new_size,
                              unsigned long flags, abi_ulong new)
{
    const bool counts = lt_limits_is_counted(old);
    CPUState *cpu;
    abi_long ret;

    if (lt_guest_started && !(old & ~TARGET_PAGE_MASK) &&
        (!guest_range_valid_untagged(old, MAX(TARGET_PAGE_ALIGN(old_size), 1)) ||
         !lt_guard_is_guests(old, MAX(TARGET_PAGE_ALIGN(old_size), 1)))) {
        errno = EFAULT;
        return -1;
    }
    if (lt_guest_started && (flags & MREMAP_FIXED) && !lt_guard_is_free(new, new_size)) {
        errno = ENOMEM;
        return -1;
    }
    if (counts && new_size > old_size) {
        lt_limits_ask(0, new_size - old_size, false);
    }
    ret = __real_target_mremap(old, old_size, new_size, flags, new);
    if (ret != -1) {
        lt_limits_set(old, old_size, counts && (flags & MREMAP_DONTUNMAP));
        lt_limits_set(ret, new_size, counts);
    }

    if (ret != -1 && (cpu = begin()) != NULL) {
        int saved = errno;
        abi_ulong at = ret, old_len = TARGET_PAGE_ALIGN(old_size);
        abi_ulong len = TARGET_PAGE_ALIGN(new_size), kept = MIN(old_len, len);
        uint32_t prot = prot_of(page_get_flags(at));
        struct mapping m, grown;

        /* The old range was one mapping of the kernel's, so one of ours. */
        piece_at(old, old + MAX(old_len, 1), &m);
        m.path = g_strdup(m.path);
        m.start = at;
        m.end = at + len;
        if (at != old && old_len) {
            tell_plain(cpu, OP_MOVE, at, at + kept, 0, old);
        }
        tell_plain(cpu, OP_UNMAP, old + kept, old + old_len, 0, 0);
        grown = m;
        grown.start += kept;
        grown.offset += kept;
        tell_range(cpu, OP_MAP, &grown, prot, 0);
        if (m.path || m.shared) {
            tell_contents(cpu, grown.start, grown.end, -1, 0);
        }
        if (old_len) {
            struct mapping gone = {.start = old, .end = old + old_len};

            forget_range(gone.start, gone.end);
            tell_module(cpu, &gone, 0);
        }
        tell_module(cpu, &m, prot);
        remember(m);
        end(saved);
    }
    return ret;
}

abi_long __real_target_madvise(abi_ulong, abi_ulong, int);
abi_long __wrap_target_madvise(abi_ulong, abi_ulong, int);
abi_long __wrap_target_madvise(abi_ulong start, abi_ulong len, int advice)
{
    abi_long ret = __real_target_madvise(start, len, advice);
    abi_ulong to = start + TARGET_PAGE_ALIGN(len);
    CPUState *cpu;

    /* As QEMU does: other advice and other pages stay as they are. */
    if (ret == 0 && len && advice == MADV_DONTNEED &&
        page_check_range(start, to - start, PAGE_PASSTHROUGH) &&
        (cpu = begin()) != NULL) {
        for (struct mapping piece; start < to; start = piece.end) {
            piece_at(start, to, &piece);
            if (piece.path && !piece.shared) {
                tell_again(cpu, piece.start, piece.end);
            } else if (!piece.shared) {
                tell_plain(cpu, OP_ZERO, piece.start, piece.end, 0, 0);
            }
        }
        end(errno);
    }
    return ret;
}

abi_ulong __real_target_shmat(CPUArchState *, int, abi_ulong, int);
abi_ulong __wrap_target_shmat(CPUArchState *, int, abi_ulong, int);
abi_ulong __wrap_target_shmat(CPUArchState *env, int id, abi_ulong addr, int flags)
{
    struct shmid_ds info;
    CPUState *cpu;
    abi_ulong ret;

    if (addr && (flags & SHM_REMAP) && shmctl(id, IPC_STAT, &info) == 0 &&
        !lt_guard_is_free(addr & TARGET_PAGE_MASK, info.shm_segsz)) {
        return -TARGET_EINVAL;
    }
    ret = __real_target_shmat(env, id, addr, flags);

    lt_shared_memory = true;
    if (!is_error(ret) && shmctl(id, IPC_STAT, &info) == 0) {
        lt_limits_ask(ret, info.shm_segsz, true);
        lt_limits_set(ret, info.shm_segsz, !(flags & SHM_RDONLY));
    }
    if (!is_error(ret) && shmctl(id, IPC_STAT, &info) == 0 && (cpu = begin()) != NULL) {
        struct mapping m = {.start = ret,
                            .end = ret + TARGET_PAGE_ALIGN(info.shm_segsz),
                            .device = SYSTEM_V,
                            .inode = (uint32_t)id,
                            .shared = true};
        int saved = errno;

        tell_module(cpu, &m, 0);
        tell_range(cpu, OP_MAP, &m, prot_of(page_get_flags(ret)), 0);
        tell_contents(cpu, m.start, m.end, -1, 0);
        remember(m);
        end(saved);
    }
    return ret;
}

abi_long __real_target_shmdt(abi_ulong);
abi_long __wrap_target_shmdt(abi_ulong);
abi_long __wrap_target_shmdt(abi_ulong addr)
{
    abi_ulong to = 0;
    CPUState *cpu = begin();
    abi_long ret;

    if (cpu) {
        /* Two segments side by side are two mappings. */
        struct mapping *m = mapping_at(addr);
        to = m && m->start == addr ? m->end : 0;
        end(errno);
    }
    ret = __real_target_shmdt(addr);
    if (ret == 0 && to) {
        lt_limits_set(addr, to - addr, false);
    }
    if (ret == 0 && to && (cpu = begin()) != NULL) {
        tell_unmapped(cpu, addr, to);
        end(errno);
    }
    return ret;
}

void lt_maps_file_changed(const struct stat *st, uint64_t from, uint64_t to)
{
    CPUState *cpu;

    if (!known || from >= to || (cpu = begin()) == NULL) {
        return;
    }
    for (guint i = 0; i < mappings->len; i++) {
        const struct mapping *m = nth(i);
        uint64_t size = m->end - m->start;

        if (m->path && m->device == st->st_dev && m->inode == st->st_ino &&
            from < m->offset + size && to > m->offset) {
            uint64_t first = from > m->offset ? from - m->offset : 0;
            uint64_t last = MIN(to - m->offset, size);

            tell_again(cpu, m->start + (first & ~(uint64_t)(LTI_PAGE_SIZE - 1)),
                       m->start + ROUND_UP(last, LTI_PAGE_SIZE));
        }
    }
    end(errno);
}
