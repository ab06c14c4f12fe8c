/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest may not do to processes outside of its session, and to the memory of its
 * engine.
 *
 * This keeps accidents from the host, and is no sandbox: a guest's system calls are
 * real, and its stores reach all of the engine's memory.  The session's processes are
 * the descendants of its supervisor, which is the reaper of them all.
 */
#include "qemu/osdep.h"
#include <dirent.h>
#include <sys/resource.h>
#include "qemu.h"
#include "user-internals.h"
#include "user-mmap.h"
#include "user/page-protection.h"
#include "signal-common.h"
#include "user/signal.h"
#include "lt-engine.h"
#include "stream.h"

static pid_t supervisor;   /* 0: not known, nothing is refused */
static uint64_t namespace; /* the inode of its namespace of process numbers, or 0 */

void lt_guard_init(int supervisor_pid, uint64_t namespace_inode)
{
    supervisor = supervisor_pid;
    namespace = namespace_inode;
}

/* Such as lt_engine_entry() takes. */
char *lt_guard_argument(void)
{
    return g_strdup_printf("%d:%" PRIu64, supervisor, namespace);
}

/* ---- Whose a process is ---- */

/* In a namespace of the guest's own, all processes are its own. */
bool lt_guard_is_elsewhere(void)
{
    struct stat st;

    return namespace && stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != namespace;
}

/* Reads who the parent, and which the group of a process or thread is. */
static bool read_process(pid_t pid, pid_t *parent, pid_t *group)
{
    char path[32], text[256];
    const char *end;
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[MAX(n, 0)] = 0;
    end = strrchr(text, ')'); /* of the name, which may be anything */
    return end && sscanf(end + 1, " %*c %d %d", parent, group) == 2;
}

/* Where /proc cannot be read, those are known that are traced. */
static bool is_traced(pid_t pid)
{
    for (unsigned n = 0; lt_session && n < lt_session->stream_limit; n++) {
        const struct lti_stream *stream = &lt_session->streams[n];

        if (stream->pid == pid &&
            (stream->state == LTI_STREAM_LIVE || stream->state == LTI_STREAM_EXEC)) {
            return true;
        }
    }
    return false;
}

/* Whether a process, or thread, is the session's; true also for one that is not. */
static bool is_ours(pid_t pid)
{
    pid_t group, at = pid;

    if (pid <= 0 || pid == getpid() || pid == qemu_get_thread_id() ||
        lt_guard_is_elsewhere()) {
        return true;
    }
    if (kill(pid, 0) != 0 && errno == ESRCH) {
        return true;
    }
    for (int depth = 0; depth < 10000 && at > 1; depth++) {
        if (at == supervisor) {
            return depth > 0;
        }
        if (!read_process(at, &at, &group)) {
            return is_traced(pid);
        }
    }
    return false;
}

/* ---- Many processes ---- */

struct member {
    pid_t pid, parent, group;
};

static GArray *all_processes(void)
{
    GArray *all = g_array_new(false, false, sizeof(struct member));
    DIR *dir = opendir("/proc");
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        struct member m = {.pid = atoi(entry->d_name)};

        if (m.pid > 0 && read_process(m.pid, &m.parent, &m.group)) {
            g_array_append_val(all, m);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return all;
}

/* Whether one of a list is a descendant of the supervisor. */
static bool descends(const GArray *all, pid_t pid)
{
    for (int depth = 0; depth < 10000 && pid > 1; depth++) {
        const struct member *found = NULL;

        for (guint i = 0; i < all->len && !found; i++) {
            const struct member *m = &g_array_index(all, struct member, i);
            found = m->pid == pid ? m : NULL;
        }
        if (!found || pid == supervisor) {
            return found && depth > 0;
        }
        pid = found->parent;
    }
    return false;
}

/* Who of a group, or of all processes for 0, is the session's; how many are not.  Where
 * /proc cannot be read, one who is not there counts for all. */
static GArray *own_members(pid_t group, unsigned *others)
{
    g_autoptr(GArray) all = all_processes();
    GArray *own = g_array_new(false, false, sizeof(pid_t));

    /* A group that a process of the session has made has no other members. */
    *others = all->len == 0 && group != getpid() && !is_traced(group) &&
              !(lt_session && group == (pid_t)lt_session->engine_pid);
    for (guint i = 0; i < all->len; i++) {
        const struct member *m = &g_array_index(all, struct member, i);

        if (group && m->group != group) {
            continue;
        }
        if (descends(all, m->pid)) {
            g_array_append_val(own, m->pid);
        } else {
            ++*others;
        }
    }
    return own;
}

/* Whether a group, 0 being the caller's own, has members that are not the session's. */
static bool has_others(pid_t group)
{
    unsigned others = 0;

    if (!lt_guard_is_elsewhere()) {
        g_array_unref(own_members(group ? group : getpgrp(), &others));
    }
    return others > 0;
}

/* kill() of a group or of all: reaches only the session's. */
static bool kill_many(pid_t target, int sig, abi_long *ret)
{
    g_autoptr(GArray) own = NULL;
    const pid_t self = getpid();
    bool told = false, to_self = false;
    unsigned others;

    if (lt_guard_is_elsewhere()) {
        return false;
    }
    own = own_members(target == -1 ? 0 : target ? -target : getpgrp(), &others);
    if (target != -1 && others == 0) {
        return false;
    }
    for (guint i = 0; i < own->len; i++) {
        pid_t pid = g_array_index(own, pid_t, i);

        if (pid == self) {
            to_self = target != -1; /* as the kernel has it */
        } else {
            told |= kill(pid, sig) == 0;
        }
    }
    if (to_self) {
        told |= kill(self, sig) == 0;
    }
    *ret = told ? 0 : others && target != -1 ? -TARGET_EPERM : -TARGET_ESRCH;
    return true;
}

/* The process that a descriptor, of pidfd_open() or of /proc, is for; 0: none; the
 * supervisor for one that has no number here. */
static pid_t pid_of(int fd)
{
    char path[64], text[512];
    const char *found;
    ssize_t n;
    int info;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    info = open(path, O_RDONLY | O_CLOEXEC);
    n = info >= 0 ? read(info, text, sizeof(text) - 1) : -1;
    if (info >= 0) {
        close(info);
    }
    text[MAX(n, 0)] = 0;
    found = strstr(text, "\nPid:");
    if (found) {
        return atoi(found + 5) ? atoi(found + 5) : supervisor;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = readlink(path, text, sizeof(text) - 1);
    text[MAX(n, 0)] = 0;
    found = strrchr(text, '/');
    return found ? atoi(found + 1) : 0;
}

/* ---- System calls ---- */

/* who: as for setpriority(); `which` 0: a process, 1: a group, 2: a user. */
static bool reaches_others(int which, pid_t who)
{
    return which == PRIO_PROCESS ? who > 0 && !is_ours(who)
           : which == PRIO_PGRP  ? has_others(who)
                                 : !lt_guard_is_elsewhere();
}

/* Whether the owner of a descriptor would be somebody else: who gets its signals. */
static bool owner_is_other(int who)
{
    return who > 0 ? !is_ours(who) : who < 0 && has_others(-who);
}

static bool fcntl_refused(const abi_long *args)
{
    struct {
        int32_t type, pid;
    } owner;

    if (args[1] == TARGET_F_SETOWN) {
        return owner_is_other(args[2]);
    }
    if (args[1] != TARGET_F_SETOWN_EX || copy_from_user(&owner, args[2], sizeof(owner))) {
        return false;
    }
    return owner_is_other(owner.type == F_OWNER_PGRP ? -owner.pid : owner.pid);
}

static bool refused(int nr, const abi_long *args, abi_long *ret)
{
    const pid_t pid = args[0];
    int32_t owner;

    switch (nr) {
    case TARGET_NR_kill:
        if ((int)args[1] == 0) {
            return false; /* it only asks */
        }
        if (pid <= 0 && args[1] > 0 && args[1] <= TARGET_NSIG) {
            return kill_many(pid, target_to_host_signal(args[1]), ret);
        }
        return pid > 0 && !is_ours(pid);
    case TARGET_NR_tkill:
        return args[1] && !is_ours(pid);
    case TARGET_NR_rt_sigqueueinfo:
        return args[1] && pid > 0 && !is_ours(pid);
    case TARGET_NR_tgkill:
    case TARGET_NR_rt_tgsigqueueinfo:
        return args[2] && !is_ours(args[1]);
    case TARGET_NR_pidfd_send_signal:
        return args[1] && !is_ours(pid_of(args[0]));
    case TARGET_NR_pidfd_getfd:
        return !is_ours(pid_of(args[0]));
    case TARGET_NR_prlimit64:
        return args[2] && pid && !is_ours(pid);
    case TARGET_NR_sched_setaffinity:
    case TARGET_NR_sched_setscheduler:
    case TARGET_NR_sched_setparam:
    case TARGET_NR_sched_setattr:
        return pid > 0 && !is_ours(pid);
    case TARGET_NR_setpriority:
        return reaches_others(args[0], args[1]);
    case TARGET_NR_ioprio_set:
        return reaches_others(args[0] - 1, args[1]);
    case TARGET_NR_fcntl:
        return fcntl_refused(args);
    case TARGET_NR_ioctl:
        return ((uint32_t)args[1] == TARGET_FIOSETOWN ||
                (uint32_t)args[1] == TARGET_SIOCSPGRP) &&
               get_user_s32(owner, args[2]) == 0 && owner_is_other(owner);
    default:
        return false;
    }
}

/* Whether a system call is not made, for the sake of others: *ret is its result. */
bool lt_guard_refuses(int nr, const abi_long *args, abi_long *ret)
{
    if (!supervisor) {
        return false;
    }
    *ret = -TARGET_EPERM;
    return refused(nr, args, ret);
}

/* ---- The engine's memory ---- */

/* The first address from `at` on, up to `last`, where the guest has mapped nothing;
 * last + 1 if there is none. */
static abi_ulong find_gap(abi_ulong at, abi_ulong last)
{
    abi_ulong gap = page_find_range_empty(at, last, TARGET_PAGE_SIZE, TARGET_PAGE_SIZE);

    return gap == (abi_ulong)-1 ? last + 1 : gap;
}

/* Where the gap at `at` ends: the next address that is the guest's, or last + 1. */
static abi_ulong end_of_gap(abi_ulong at, abi_ulong last)
{
    abi_ulong low = at >> TARGET_PAGE_BITS, high = last >> TARGET_PAGE_BITS;

    /* The pages from `at` to `low` are empty, and no more than up to `high`. */
    while (low < high) {
        abi_ulong middle = low + (high - low + 1) / 2;
        abi_ulong to = (middle << TARGET_PAGE_BITS) | ~(abi_ulong)TARGET_PAGE_MASK;

        if (page_check_range_empty(at, to)) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return (low + 1) << TARGET_PAGE_BITS;
}

/* Whether nobody but the guest has mapped anything in the range. */
bool lt_guard_is_free(abi_ulong start, abi_ulong len)
{
    abi_ulong last = start + TARGET_PAGE_ALIGN(len) - 1, end;
    bool free = true;

    if (len == 0 || (start & ~TARGET_PAGE_MASK) ||
        !guest_range_valid_untagged(start, len)) {
        return true; /* it is an error anyway */
    }
    if (reserved_va) {
        return true; /* the guest's window has nothing else */
    }
    mmap_lock();
    for (abi_ulong at = find_gap(start, last); at <= last && free;
         at = end <= last ? find_gap(end, last) : last + 1) {
        void *probe;

        end = end_of_gap(at, last);
        probe = mmap(g2h_untagged(at), end - at, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                     -1, 0);
        if (probe != MAP_FAILED) {
            munmap(probe, end - at);
        } else if (errno == EEXIST) {
            free = false;
        }
    }
    mmap_unlock();
    return free;
}

/* Whether all of the range is the guest's. */
bool lt_guard_is_guests(abi_ulong start, abi_ulong len)
{
    return page_check_range(start, len, PAGE_VALID);
}

int __real_target_munmap(abi_ulong, abi_ulong);

/* As target_munmap(), but leaves what is not the guest's. */
int lt_guard_unmap(abi_ulong start, abi_ulong len)
{
    abi_ulong last = start + TARGET_PAGE_ALIGN(len) - 1;
    int ret = 0;

    if (len == 0 || (start & ~TARGET_PAGE_MASK) ||
        !guest_range_valid_untagged(start, TARGET_PAGE_ALIGN(len)) ||
        lt_guard_is_guests(start, TARGET_PAGE_ALIGN(len))) {
        return __real_target_munmap(start, len);
    }
    mmap_lock();
    while (start <= last && ret == 0) {
        abi_ulong gap = find_gap(start, last);

        if (gap > start) {
            ret = __real_target_munmap(start, gap - start);
        }
        start = gap <= last ? end_of_gap(gap, last) : last + 1;
    }
    mmap_unlock();
    return ret;
}
