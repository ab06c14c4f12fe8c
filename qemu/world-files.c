/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest inside the host's process shares with it: descriptors, the working
 * directory, timers, limits and the like.
 *
 * What the guest opens is its own, and closed when the run ends.  It cannot close the
 * host's descriptors, which it finds open all the same; 0 to 2 are the guest's too, and
 * put back when it changed them.  In forked children none of this is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <mqueue.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take_lock(void)
{
    world_hold();
    pthread_mutex_lock(&lock);
}

static void drop_lock(void)
{
    pthread_mutex_unlock(&lock);
    world_release();
}

void world_files_fork(bool before)
{
    before ? take_lock() : drop_lock();
}

/* ---- Whose a descriptor is ---- */

#define WORD 64u

static uint64_t *owned; /* a bit each */
static size_t owned_words;

static bool is_owned(int fd)
{
    size_t word = (size_t)fd / WORD;
    return fd >= 0 && word < owned_words && (owned[word] >> ((unsigned)fd % WORD) & 1);
}

/* Returns `fd`, or -1 if there is no memory to remember it. */
static int own(int fd)
{
    if (fd < 0 || world_forked()) {
        return fd;
    }
    take_lock();
    size_t word = (size_t)fd / WORD;
    if (word >= owned_words) {
        size_t words = 2 * word + 16;
        uint64_t *more = realloc(owned, words * sizeof *more);
        if (more == NULL) {
            drop_lock();
            close(fd);
            errno = ENOMEM;
            return -1;
        }
        memset(more + owned_words, 0, (words - owned_words) * sizeof *more);
        owned = more;
        owned_words = words;
    }
    owned[word] |= UINT64_C(1) << ((unsigned)fd % WORD);
    drop_lock();
    return fd;
}

static bool disown(int fd)
{
    take_lock();
    bool was = is_owned(fd);
    if (was) {
        owned[(size_t)fd / WORD] &= ~(UINT64_C(1) << ((unsigned)fd % WORD));
    }
    drop_lock();
    return was;
}

/* ---- The standard streams ---- */

static struct {
    bool changed, open;
    int copy, flags;
} streams[3];

/* `fd` is about to be closed or replaced. */
static void keep_stream(int fd)
{
    if (!streams[fd].changed && !world_forked()) {
        streams[fd].changed = true;
        streams[fd].flags = fcntl(fd, F_GETFD);
        streams[fd].open = streams[fd].flags >= 0;
        streams[fd].copy = streams[fd].open ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    }
}

static void restore_streams(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (streams[fd].changed && streams[fd].copy >= 0) {
            dup2(streams[fd].copy, fd);
            fcntl(fd, F_SETFD, streams[fd].flags);
            close(streams[fd].copy);
        } else if (streams[fd].changed && !streams[fd].open) {
            close(fd);
        }
    }
    memset(streams, 0, sizeof streams);
}

static int set_streams(const int *wanted)
{
    int copies[3] = {-1, -1, -1}, error = 0;

    /* Copies first: they may stand for one another. */
    for (int i = 0; i < 3 && error == 0; i++) {
        if (wanted[i] == LTI_INSIDE_NULL) {
            copies[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
        } else if (wanted[i] != LTI_INSIDE_KEEP && wanted[i] != i) {
            copies[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, 3);
        } else {
            continue;
        }
        error = copies[i] < 0 ? errno : 0;
    }
    for (int i = 0; i < 3; i++) {
        if (copies[i] >= 0 && error == 0) {
            keep_stream(i);
            error = dup2(copies[i], i) < 0 ? errno : 0;
        }
        if (copies[i] >= 0 && copies[i] != i) {
            close(copies[i]);
        }
    }
    return error;
}

/* ---- Calls that make and close descriptors ---- */

#define MAKES(name, parameters, arguments)                                               \
    int world_##name parameters;                                                         \
    int world_##name parameters                                                          \
    {                                                                                    \
        return own(name arguments);                                                      \
    }

MAKES(creat64, (const char *path, mode_t mode), (path, mode))
MAKES(dup, (int fd), (fd))
MAKES(socket, (int domain, int type, int protocol), (domain, type, protocol))
MAKES(accept, (int fd, struct sockaddr *addr, socklen_t *size), (fd, addr, size))
MAKES(accept4, (int fd, struct sockaddr *addr, socklen_t *size, int flags),
      (fd, addr, size, flags))
MAKES(epoll_create, (int size), (size))
MAKES(epoll_create1, (int flags), (flags))
MAKES(eventfd, (unsigned value, int flags), (value, flags))
MAKES(inotify_init, (void), ())
MAKES(inotify_init1, (int flags), (flags))
MAKES(signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
MAKES(timerfd_create, (int clock, int flags), (clock, flags))
MAKES(memfd_create, (const char *name, unsigned flags), (name, flags))
MAKES(open_by_handle_at, (int mount, struct file_handle *handle, int flags),
      (mount, handle, flags))
MAKES(shm_open, (const char *name, int flags, mode_t mode), (name, flags, mode))
MAKES(mkostemp64, (char *template, int flags), (template, flags))

#define MAKES_TWO(name, parameters, arguments)                                           \
    int world_##name parameters;                                                         \
    int world_##name parameters                                                          \
    {                                                                                    \
        int result = name arguments;                                                     \
        if (result == 0) {                                                               \
            own(pair[0]);                                                                \
            own(pair[1]);                                                                \
        }                                                                                \
        return result;                                                                   \
    }

MAKES_TWO(pipe, (int pair[2]), (pair))
MAKES_TWO(pipe2, (int pair[2], int flags), (pair, flags))
MAKES_TWO(socketpair, (int domain, int type, int protocol, int pair[2]),
          (domain, type, protocol, pair))

int world_open64(const char *path, int flags, ...);
int world_open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t);
    va_end(args);
    return own(open(path, flags, mode));
}

int world_openat64(int dir, const char *path, int flags, ...);
int world_openat64(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t);
    va_end(args);
    return own(openat(dir, path, flags, mode));
}

/* What the C library's headers make of calls whose flags only run time knows. */
int world___open64_2(const char *path, int flags);
int world___open64_2(const char *path, int flags)
{
    return own(open(path, flags, 0));
}

int world___openat64_2(int dir, const char *path, int flags);
int world___openat64_2(int dir, const char *path, int flags)
{
    return own(openat(dir, path, flags, 0));
}

mqd_t world_mq_open(const char *name, int flags, ...);
mqd_t world_mq_open(const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t);
    struct mq_attr *attr = va_arg(args, struct mq_attr *);
    va_end(args);
    return own(mq_open(name, flags, mode, attr));
}

int world_fcntl64(int fd, int command, ...);
int world_fcntl64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    long argument = va_arg(args, long);
    va_end(args);
    int result = fcntl(fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? own(result) : result;
}

static int no_descriptor(void)
{
    errno = EBADF;
    return -1;
}

int world_close(int fd);
int world_close(int fd)
{
    if (world_forked()) {
        return close(fd);
    }
    if (fd >= 0 && fd < 3) {
        keep_stream(fd);
        return close(fd);
    }
    return disown(fd) ? close(fd) : no_descriptor();
}

int world_close_range(unsigned first, unsigned last, int flags);
int world_close_range(unsigned first, unsigned last, int flags)
{
    if (world_forked()) {
        return close_range(first, last, flags);
    }
    if (last < first || (flags & ~(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE)) != 0) {
        errno = EINVAL;
        return -1;
    }
    size_t end = owned_words * WORD > 3 ? owned_words * WORD : 3;
    for (size_t fd = first; fd <= last && fd < end; fd++) {
        if (fd >= 3 && !is_owned((int)fd)) {
            continue;
        }
        if (flags & CLOSE_RANGE_CLOEXEC) {
            fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        } else {
            world_close((int)fd);
        }
    }
    return 0;
}

/* Whether the guest may put something in the place of a descriptor. */
static bool may_replace(int fd)
{
    if (world_forked()) {
        return true;
    }
    if (fd >= 0 && fd < 3) {
        keep_stream(fd);
        return true;
    }
    return is_owned(fd) || fcntl(fd, F_GETFD) < 0;
}

static int own_above_streams(int fd)
{
    return fd < 3 ? fd : own(fd);
}

int world_dup2(int old, int new);
int world_dup2(int old, int new)
{
    return may_replace(new) ? own_above_streams(dup2(old, new)) : no_descriptor();
}

int world_dup3(int old, int new, int flags);
int world_dup3(int old, int new, int flags)
{
    return may_replace(new) ? own_above_streams(dup3(old, new, flags)) : no_descriptor();
}

int world_fclose(FILE *file);
int world_fclose(FILE *file)
{
    disown(fileno(file));
    return fclose(file);
}

/* Descriptors that came in a message. */
static void own_received(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
         c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < count; i++) {
                int fd;
                memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                own(fd);
            }
        }
    }
}

/* Limits that the guest changed. */
static struct {
    bool changed;
    struct rlimit before;
} limits[RLIM_NLIMITS];

static void keep_limit(unsigned which)
{
    if (which < RLIM_NLIMITS && !limits[which].changed && !world_forked()) {
        limits[which].changed = getrlimit((int)which, &limits[which].before) == 0;
    }
}

void world_files_called(long nr, const long *args, long ret)
{
    if (ret < 0 || world_forked()) {
        return;
    }
    switch (nr) {
    case SYS_open:
    case SYS_openat:
    case SYS_openat2:
    case SYS_accept:
    case SYS_accept4:
    case SYS_perf_event_open:
    case SYS_pidfd_open:
    case SYS_pidfd_getfd:
    case SYS_userfaultfd:
    case SYS_memfd_create:
    case SYS_fanotify_init:
    case SYS_signalfd4:
        own((int)ret);
        break;
    case SYS_fcntl:
        if (args[1] == F_DUPFD || args[1] == F_DUPFD_CLOEXEC) {
            own((int)ret);
        }
        break;
    case SYS_recvmsg:
        own_received((struct msghdr *)args[1]);
        break;
    case SYS_recvmmsg:
        for (long i = 0; i < ret; i++) {
            own_received(&((struct mmsghdr *)args[1])[i].msg_hdr);
        }
        break;
    }
}

void world__exit(int status) __attribute__((noreturn));

long world_syscall(long nr, ...);
long world_syscall(long nr, ...)
{
    long a[6];
    va_list args;
    va_start(args, nr);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(args, long);
    }
    va_end(args);
    switch (nr) {
    case SYS_close_range:
        return world_close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]);
    case SYS_exit_group:
        world__exit((int)a[0]);
    case SYS_prlimit64:
        if (a[1] == RLIMIT_SIGPENDING && !world_forked() &&
            (a[0] == 0 || a[0] == getpid())) {
            a[2] = 0; /* world.c sends signals */
        } else if (a[2] != 0) {
            keep_limit((unsigned)a[1]);
        }
        break;
    }
    long result = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    world_files_called(nr, a, result);
    return result;
}

/* ---- Directory, mask, limits, name ---- */

static int directory = -1; /* the host's, when the guest left it */
static bool mask_changed, name_changed;
static mode_t mask;
static char name[16];

/* Before the directory is left. */
static bool keep_directory(void)
{
    if (directory < 0 && !world_forked()) {
        directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return directory >= 0;
    }
    return true;
}

int world_chdir(const char *path);
int world_chdir(const char *path)
{
    return keep_directory() ? chdir(path) : -1;
}

int world_fchdir(int fd);
int world_fchdir(int fd)
{
    return keep_directory() ? fchdir(fd) : -1;
}

mode_t world_umask(mode_t new);
mode_t world_umask(mode_t new)
{
    mode_t old = umask(new);
    if (!mask_changed) {
        mask_changed = true;
        mask = old;
    }
    return old;
}

int world_setrlimit64(int which, const struct rlimit64 *limit);
int world_setrlimit64(int which, const struct rlimit64 *limit)
{
    if (which == RLIMIT_SIGPENDING && !world_forked()) {
        return 0; /* world.c sends signals */
    }
    keep_limit((unsigned)which);
    return setrlimit64(which, limit);
}

/* ---- Timers ---- */

#define MAX_TIMERS 64

static timer_t timers[MAX_TIMERS];
static size_t timer_count;
static struct {
    bool changed;
    struct itimerval before;
} intervals[3];

int world_timer_create(clockid_t clock, struct sigevent *event, timer_t *timer);
int world_timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
    int result = -1;
    take_lock();
    if (timer_count == MAX_TIMERS) {
        errno = EAGAIN;
    } else {
        result = timer_create(clock, event, timer);
        if (result == 0) {
            timers[timer_count++] = *timer;
        }
    }
    drop_lock();
    return result;
}

int world_timer_delete(timer_t timer);
int world_timer_delete(timer_t timer)
{
    take_lock();
    int result = timer_delete(timer);
    for (size_t i = 0; i < timer_count && result == 0; i++) {
        if (timers[i] == timer) {
            timers[i] = timers[--timer_count];
            break;
        }
    }
    drop_lock();
    return result;
}

static void delete_timers(void)
{
    while (timer_count > 0) {
        timer_delete(timers[--timer_count]);
    }
}

static void keep_interval(int which)
{
    if (which >= 0 && which < 3 && !intervals[which].changed && !world_forked()) {
        intervals[which].changed = getitimer(which, &intervals[which].before) == 0;
    }
}

int world_setitimer(int which, const struct itimerval *new, struct itimerval *old);
int world_setitimer(int which, const struct itimerval *new, struct itimerval *old)
{
    keep_interval(which);
    return setitimer(which, new, old);
}

unsigned world_alarm(unsigned seconds);
unsigned world_alarm(unsigned seconds)
{
    keep_interval(ITIMER_REAL);
    return alarm(seconds);
}

/* ---- Begin and end ---- */

int world_files_begin(const struct lti_inside_run *run)
{
    prctl(PR_GET_NAME, name);
    name_changed = true; /* world.c gives it the program's */
    int error = run->cwd != NULL && world_chdir(run->cwd) != 0 ? errno : 0;
    return error != 0 ? error : set_streams(run->stdio);
}

void world_files_exec(void)
{
    for (size_t fd = 0; fd < owned_words * WORD; fd++) {
        if ((fd < 3 || is_owned((int)fd)) && (fcntl((int)fd, F_GETFD) & FD_CLOEXEC)) {
            world_close((int)fd);
        }
    }
    delete_timers();
}

void world_files_end(void)
{
    delete_timers();
    for (int i = 0; i < 3; i++) {
        if (intervals[i].changed) {
            setitimer(i, &intervals[i].before, NULL);
            intervals[i].changed = false;
        }
    }
    for (size_t fd = 0; fd < owned_words * WORD; fd++) {
        if (is_owned((int)fd)) {
            close((int)fd);
        }
    }
    free(owned);
    owned = NULL;
    owned_words = 0;
    restore_streams();
    if (directory >= 0) {
        if (fchdir(directory) != 0) {
            perror("libtrace: the host's working directory cannot be entered again");
        }
        close(directory);
        directory = -1;
    }
    if (mask_changed) {
        umask(mask);
        mask_changed = false;
    }
    if (name_changed) {
        prctl(PR_SET_NAME, name);
        name_changed = false;
    }
    for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
        if (limits[i].changed) {
            setrlimit(i, &limits[i].before);
            limits[i].changed = false;
        }
    }
}
