/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors of the engine that the guest's process keeps, for its execs, and that are
 * not there for the guest: the arena's, and the coverage map's.
 */
#include "qemu/osdep.h"
#include <sys/resource.h>
#include <sys/syscall.h>
#include "qemu.h"
#include "user-internals.h"
#include "lt-engine.h"

static int hidden[LT_HIDDEN_FDS] = {-1, -1};

int lt_hide_fd(int fd)
{
    struct rlimit limit;
    int high = -1;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        int top = MIN(limit.rlim_cur, 1024);
        for (int min = top - 8; high < 0 && min > 3; min /= 2) {
            high = fcntl(fd, F_DUPFD_CLOEXEC, min);
        }
    }
    if (high < 0) {
        return fd;
    }
    close(fd);
    return high;
}

void lt_hidden_set(unsigned which, int fd)
{
    hidden[which] = fd < 0 ? -1 : lt_hide_fd(fd);
}

int lt_hidden_fd(unsigned which)
{
    return hidden[which];
}

void lt_hidden_keep(bool keep)
{
    for (unsigned i = 0; i < LT_HIDDEN_FDS; i++) {
        if (hidden[i] >= 0) {
            fcntl(hidden[i], F_SETFD, keep ? 0 : FD_CLOEXEC);
        }
    }
}

void lt_hidden_close(void)
{
    for (unsigned i = 0; i < LT_HIDDEN_FDS; i++) {
        if (hidden[i] >= 0) {
            close(hidden[i]);
            hidden[i] = -1;
        }
    }
}

/* ---- What a guest does to descriptors ---- */

static bool is_hidden(abi_long fd)
{
    for (unsigned i = 0; i < LT_HIDDEN_FDS; i++) {
        if (hidden[i] >= 0 && fd == hidden[i]) {
            return true;
        }
    }
    return false;
}

/* The guest is about to use the number of one for its own. */
static void make_way(abi_long fd)
{
    for (unsigned i = 0; i < LT_HIDDEN_FDS; i++) {
        if (hidden[i] >= 0 && fd == hidden[i]) {
            int other = fcntl(hidden[i], F_DUPFD_CLOEXEC, 3);
            if (other >= 0) {
                close(hidden[i]);
                hidden[i] = other;
            }
        }
    }
}

/* The lowest one from `from` on, or -1. */
static int next_hidden(unsigned from, unsigned to)
{
    int next = -1;

    for (unsigned i = 0; i < LT_HIDDEN_FDS; i++) {
        if (hidden[i] >= 0 && (unsigned)hidden[i] >= from && (unsigned)hidden[i] <= to &&
            (next < 0 || hidden[i] < next)) {
            next = hidden[i];
        }
    }
    return next;
}

/* close_range() of what lies between them. */
static abi_long close_others(unsigned first, unsigned last, unsigned flags)
{
    abi_long ret = 0;

    while (ret == 0) {
        int next = next_hidden(first, last);

        if (next < 0) {
            return get_errno(syscall(SYS_close_range, first, last, flags));
        }
        if ((unsigned)next > first) {
            ret = get_errno(syscall(SYS_close_range, first, next - 1, flags));
        }
        if ((unsigned)next == last) {
            break;
        }
        first = (unsigned)next + 1;
    }
    return ret;
}

bool lt_hidden_call(int nr, const int64_t *args, int64_t *ret)
{
    switch (nr) {
    case TARGET_NR_close:
    case TARGET_NR_dup:
    case TARGET_NR_fcntl:
    case TARGET_NR_fstat:
    case TARGET_NR_read:
    case TARGET_NR_write:
    case TARGET_NR_lseek:
    case TARGET_NR_ftruncate:
    case TARGET_NR_ioctl:
        *ret = -TARGET_EBADF;
        return is_hidden(args[0]);
    case TARGET_NR_dup3:
#ifdef TARGET_NR_dup2
    case TARGET_NR_dup2:
#endif
        if (is_hidden(args[0])) {
            *ret = -TARGET_EBADF;
            return true;
        }
        make_way(args[1]);
        return false;
    case TARGET_NR_close_range:
        if (next_hidden((uint32_t)args[0], (uint32_t)args[1]) < 0) {
            return false;
        }
        *ret = close_others((uint32_t)args[0], (uint32_t)args[1], args[2]);
        return true;
    default:
        return false;
    }
}

/* ---- Its own /proc/self/fd ---- */

static bool is_getdents(int nr)
{
#ifdef TARGET_NR_getdents
    if (nr == TARGET_NR_getdents) {
        return true;
    }
#endif
    return nr == TARGET_NR_getdents64;
}

/* Whether an entry's name is the number of one of them. */
static bool names_hidden(const char *name)
{
    for (unsigned i = 0; i < LT_HIDDEN_FDS; i++) {
        char own[16];

        snprintf(own, sizeof(own), "%d", hidden[i]);
        if (hidden[i] >= 0 && strcmp(name, own) == 0) {
            return true;
        }
    }
    return false;
}

int64_t lt_hidden_entries(int nr, int fd, uint64_t addr, int64_t size)
{
    const unsigned name_at = nr == TARGET_NR_getdents64 ? 19 : 18;
    const abi_long all = size;
    char link[64], path[64] = "";
    abi_long at = 0;
    uint8_t *list;

    if (size <= 0 || !is_getdents(nr) || next_hidden(0, INT_MAX) < 0) {
        return size;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof(path) - 1) < 0 || strncmp(path, "/proc/", 6) != 0 ||
        !strstr(path, "/fd")) {
        return size;
    }
    list = lock_user(VERIFY_WRITE, addr, size, 1);
    if (!list) {
        return size;
    }
    while (at + name_at < size) {
        unsigned length = lduw_le_p(list + at + 16);

        if (names_hidden((char *)list + at + name_at)) {
            memmove(list + at, list + at + length, size - at - length);
            size -= length;
        } else {
            at += length;
        }
    }
    unlock_user(list, addr, size == all ? 0 : size);
    return size;
}
