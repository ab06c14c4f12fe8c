/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes one system call after the other whose arguments are worth decoding, in the
 * folder that it is started in.  Everything that they point to is static, so that it
 * has the same address wherever the program runs.  close(-1000) marks where it begins.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define CALL(name, ...) syscall(SYS_##name, ##__VA_ARGS__)

static char buffer[65536];
static struct stat status;
static struct timespec times[2];

/* What the kernel has for struct sigaction. */
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static void files(void)
{
    static struct iovec vectors[3];
    static struct open_how how;
    static struct flock lock;
    static long offset;
    int fd, other;

    CALL(mkdirat, AT_FDCWD, "folder", 0755);
    fd = (int)CALL(openat, AT_FDCWD, "folder/file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                   0640);
    CALL(write, fd, "\177ELF\2\1\1\0\0\0 and \"quoted\"\n\t\\ text that is long", 46);
    CALL(write, fd, "short", 5);
    CALL(write, fd, "", 0);
    CALL(lseek, fd, 0, SEEK_SET);
    CALL(read, fd, buffer, 20);
    CALL(read, fd, buffer, 4096);
    CALL(read, fd, buffer, 4096);
    CALL(read, -1, buffer, 10);
    CALL(pread64, fd, buffer, 4, 1);
    CALL(pwrite64, fd, "0123456789012345678901234567890123456789", 40, 100);
    vectors[0] = (struct iovec){"one", 3};
    vectors[1] = (struct iovec){"a second one that is longer than 32 bytes", 41};
    vectors[2] = (struct iovec){NULL, 0};
    CALL(writev, fd, vectors, 3);
    CALL(lseek, fd, -10, SEEK_END);
    vectors[0] = (struct iovec){buffer, 4};
    vectors[1] = (struct iovec){buffer + 100, 100};
    CALL(readv, fd, vectors, 2);
    CALL(ftruncate, fd, 1234);
    CALL(fstat, fd, &status);
    CALL(newfstatat, AT_FDCWD, "folder", &status, AT_SYMLINK_NOFOLLOW);
    CALL(newfstatat, AT_FDCWD, "/dev/null", &status, 0);
    CALL(newfstatat, AT_FDCWD, "nowhere", &status, 0);
    CALL(newfstatat, fd, "", &status, AT_EMPTY_PATH);
    CALL(symlinkat, "folder/file", AT_FDCWD, "link");
    memset(buffer, 0, 100);
    CALL(readlinkat, AT_FDCWD, "link", buffer, 100);
    CALL(linkat, AT_FDCWD, "folder/file", AT_FDCWD, "hard", 0);
    CALL(renameat2, AT_FDCWD, "hard", AT_FDCWD, "harder", RENAME_NOREPLACE);
    CALL(unlinkat, AT_FDCWD, "harder", 0);
    CALL(faccessat, AT_FDCWD, "folder/file", R_OK | W_OK);
    CALL(fchmod, fd, 04755);
    CALL(fstat, fd, &status);
    CALL(fchmodat, AT_FDCWD, "folder/file", 0600);
    times[0] = (struct timespec){1, 2};
    times[1] = (struct timespec){1000000000, 999999999};
    CALL(utimensat, AT_FDCWD, "folder/file", times, 0);
    CALL(openat, AT_FDCWD, "nowhere", O_WRONLY | O_TRUNC | O_APPEND | O_NOFOLLOW);
    CALL(openat, fd, "folder", O_RDONLY | O_DIRECTORY);
    other = (int)CALL(openat, AT_FDCWD, "folder",
                      O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_DIRECTORY);
    CALL(getdents64, other, buffer, 32768);
    CALL(close, other);
    how.flags = O_PATH | O_DIRECTORY;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
    CALL(openat2, -1, "folder", &how, sizeof how);
    other = (int)CALL(dup, fd);
    CALL(dup3, other, 20, O_CLOEXEC);
    CALL(close, other);
    CALL(fcntl, fd, F_GETFD);
    CALL(fcntl, fd, F_SETFD, FD_CLOEXEC);
    CALL(fcntl, fd, F_GETFL);
    CALL(fcntl, fd, F_SETFL, O_RDWR | O_APPEND | O_NONBLOCK);
    CALL(fcntl, fd, F_DUPFD_CLOEXEC, 30);
    lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 100};
    CALL(fcntl, fd, F_SETLK, &lock);
    CALL(flock, fd, LOCK_SH | LOCK_NB);
    CALL(fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, 4096);
    CALL(fadvise64, fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    other = (int)CALL(openat, AT_FDCWD, "copy", O_WRONLY | O_CREAT, 0600);
    CALL(sendfile, other, fd, &offset, 100);
    CALL(close, other);
    other = (int)CALL(memfd_create, "a name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CALL(fcntl, other, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    CALL(close, other);
    CALL(umask, 027);
    CALL(getcwd, buffer, 4096);
    CALL(chdir, "folder");
    CALL(chdir, "..");
    CALL(fsync, fd);
    CALL(close, fd);
    CALL(close, fd);
}

static void memory(void)
{
    int fd;
    char *p = mmap((void *)0x10000000, 65536, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    CALL(mprotect, p, 4096, PROT_READ | PROT_EXEC);
    CALL(mprotect, p, 4096, PROT_NONE);
    CALL(madvise, p, 4096, MADV_DONTNEED);
    CALL(mremap, p, 65536, 32768, 0);
    CALL(msync, p + 4096, 4096, MS_SYNC);
    CALL(write, 1, p, 10); /* PROT_NONE */
    CALL(munmap, p, 32768);
    CALL(mmap, NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
         0x1000);
    CALL(write, 1, p, 10);
    CALL(openat, AT_FDCWD, p, O_RDONLY);
    CALL(openat, AT_FDCWD, NULL, O_RDONLY);
    /* Behind the end of a file: plain QEMU dies of calls but this one. */
    fd = (int)CALL(openat, AT_FDCWD, "short", O_RDWR | O_CREAT, 0600);
    CALL(write, fd, "0123456789", 10);
    p = mmap((void *)0x11000000, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
             0);
    CALL(write, fd, p + 4096, 10);
    CALL(munmap, p, 8192);
    CALL(close, fd);
    /* A string without an end. */
    p = mmap(p, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0);
    memset(p, 'a', 4096);
    CALL(openat, AT_FDCWD, p + 4093, O_RDONLY);
    CALL(munmap, p, 4096);
}

static void handler(int number)
{
    (void)number;
}

static void signals(void)
{
    static struct kernel_sigaction action, old;
    static struct sigaction plain;
    static uint64_t set;
    static stack_t stack;
    int fd;

    action.handler = SIG_IGN;
    CALL(rt_sigaction, SIGUSR1, &action, NULL, 8);
    action.handler = SIG_DFL;
    action.flags = SA_NODEFER | SA_NOCLDSTOP;
    action.mask = 1u << (SIGINT - 1) | 1u << (SIGCHLD - 1);
    CALL(rt_sigaction, SIGUSR1, &action, &old, 8);
    CALL(rt_sigaction, SIGUSR1, NULL, &old, 8);
    CALL(rt_sigaction, 34, NULL, &old, 8);
    CALL(rt_sigaction, 99, &action, NULL, 8);
    plain.sa_handler = handler;
    plain.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &plain, NULL);
    set = 1u << (SIGUSR2 - 1);
    CALL(rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
    set = UINT64_MAX & ~(UINT64_C(1) << 31);
    CALL(rt_sigprocmask, SIG_SETMASK, &set, &set, 8);
    CALL(rt_sigprocmask, SIG_SETMASK, &set, NULL, 8);
    CALL(rt_sigpending, &set, 8);
    stack.ss_sp = buffer;
    stack.ss_size = 32768;
    CALL(sigaltstack, &stack, NULL);
    stack.ss_flags = SS_DISABLE;
    CALL(sigaltstack, &stack, NULL);
    set = 1u << (SIGALRM - 1);
    fd = (int)CALL(signalfd4, -1, &set, 8, SFD_NONBLOCK | SFD_CLOEXEC);
    CALL(close, fd);
    CALL(kill, -1000000, SIGTERM);
    CALL(tgkill, -1, -1, SIGKILL);
}

static void waiting(void)
{
    static struct itimerspec timer = {{0, 0}, {5, 6}}, old;
    static struct itimerval interval, left;
    static struct epoll_event event, events[4];
    static struct pollfd polls[2];
    static struct timespec timeout;
    static struct timeval wait;
    static fd_set set, writable;
    static int pipes[2];
    static uint32_t word;
    static uint64_t count = 5;
    int fd, epoll;

    CALL(pipe2, pipes, O_NONBLOCK | O_CLOEXEC);
    CALL(read, pipes[0], buffer, 100);
    polls[0] = (struct pollfd){pipes[0], POLLIN | POLLPRI, 0};
    polls[1] = (struct pollfd){pipes[1], POLLOUT, 0};
    timeout.tv_nsec = 1000;
    CALL(ppoll, polls, 2, &timeout, NULL, 8);
    timeout.tv_nsec = 1000;
    CALL(ppoll, polls, 1, &timeout, NULL, 8);
    timeout.tv_nsec = 1000;
    FD_SET(pipes[0], &set);
    FD_SET(pipes[1], &writable);
    CALL(pselect6, pipes[1] + 1, &set, NULL, NULL, &timeout, NULL);
    epoll = (int)CALL(epoll_create1, EPOLL_CLOEXEC);
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = 0x123456789a;
    CALL(epoll_ctl, epoll, EPOLL_CTL_ADD, pipes[0], &event);
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
    event.data.u64 = 7;
    CALL(epoll_ctl, epoll, EPOLL_CTL_MOD, pipes[0], &event);
    CALL(epoll_pwait, epoll, events, 4, 0, NULL, 8);
    CALL(write, pipes[1], "x", 1);
    CALL(epoll_pwait, epoll, events, 4, 0, NULL, 8);
    CALL(epoll_ctl, epoll, EPOLL_CTL_DEL, pipes[0], NULL);
    fd = (int)CALL(eventfd2, 3, EFD_SEMAPHORE | EFD_NONBLOCK);
    CALL(write, fd, &count, 8);
    CALL(close, fd);
    fd = (int)CALL(timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK);
    CALL(timerfd_settime, fd, TFD_TIMER_ABSTIME, &timer, &old);
    CALL(close, fd);
    CALL(setitimer, ITIMER_REAL, &interval, &left);
    interval.it_value.tv_sec = 1000;
    CALL(setitimer, ITIMER_VIRTUAL, &interval, NULL);
    CALL(clock_getres, CLOCK_REALTIME, &timeout);
    timeout = (struct timespec){0, 1000000};
    CALL(nanosleep, &timeout, NULL);
    CALL(clock_nanosleep, CLOCK_MONOTONIC, 0, &timeout, &timeout);
    CALL(futex, &word, FUTEX_WAKE_PRIVATE, 1);
    CALL(futex, &word, FUTEX_WAIT, 1, NULL);
    timeout = (struct timespec){0, 1000};
    CALL(futex, &word, FUTEX_WAIT_PRIVATE, 0, &timeout);
    CALL(futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, -1);
    CALL(close, pipes[0]);
    CALL(close, pipes[1]);
    (void)wait;
}

static void sockets(void)
{
    static struct sockaddr_in address;
    static struct sockaddr_in6 address6;
    static struct sockaddr_un local = {AF_UNIX, "a socket"},
                              abstract = {AF_UNIX, "\0hidden"};
    static struct sockaddr_storage from;
    static struct linger linger = {1, 5};
    static struct timeval timeout = {1, 500000};
    static struct msghdr message;
    static struct iovec vectors[2];
    static int pair[2], value = 1;
    static socklen_t length;
    int fd;

    fd = (int)CALL(socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                   IPPROTO_TCP);
    CALL(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &value, 4);
    CALL(setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &value, 4);
    CALL(setsockopt, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    length = 4;
    CALL(getsockopt, fd, SOL_SOCKET, SO_TYPE, &value, &length);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CALL(bind, fd, &address, sizeof address);
    CALL(listen, fd, 5);
    length = sizeof from;
    CALL(getpeername, fd, &from, &length);
    address.sin_port = htons(1);
    CALL(connect, fd, &address, sizeof address);
    CALL(shutdown, fd, SHUT_RDWR);
    CALL(close, fd);
    fd = (int)CALL(socket, AF_INET6, SOCK_DGRAM, IPPROTO_IP);
    address6.sin6_family = AF_INET6;
    address6.sin6_addr.s6_addr[15] = 1;
    address6.sin6_port = htons(9999);
    CALL(connect, fd, &address6, sizeof address6);
    CALL(close, fd);
    fd = (int)CALL(socket, AF_UNIX, SOCK_DGRAM, 0);
    CALL(bind, fd, &local, 2 + 9);
    length = sizeof from;
    CALL(getsockname, fd, &from, &length);
    CALL(connect, fd, &abstract, 2 + 7);
    CALL(sendto, fd, "hello", 5, MSG_DONTWAIT | MSG_NOSIGNAL, &local, sizeof local);
    length = sizeof from;
    CALL(recvfrom, fd, buffer, 100, MSG_DONTWAIT, &from, &length);
    CALL(recvfrom, fd, buffer, 100, MSG_DONTWAIT, NULL, NULL);
    CALL(close, fd);
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    CALL(setsockopt, pair[0], SOL_SOCKET, SO_RCVTIMEO_OLD, &timeout, sizeof timeout);
    vectors[0] = (struct iovec){"first", 5};
    vectors[1] = (struct iovec){" and second", 11};
    message.msg_iov = vectors;
    message.msg_iovlen = 2;
    CALL(sendmsg, pair[0], &message, MSG_NOSIGNAL);
    vectors[0] = (struct iovec){buffer, 7};
    vectors[1] = (struct iovec){buffer + 100, 100};
    CALL(recvmsg, pair[1], &message, 0);
    CALL(recvmsg, pair[1], &message, MSG_DONTWAIT);
    CALL(ioctl, pair[0], FIONBIO, &value);
    CALL(ioctl, pair[0], FIONREAD, &value);
    CALL(ioctl, pair[0], TCGETS, buffer);
    CALL(ioctl, pair[0], TIOCGWINSZ, buffer);
    CALL(ioctl, -1, _IOR('T', 0xff, int), buffer);
    CALL(close, pair[0]);
    CALL(close, pair[1]);
}

static void processes(void)
{
    static struct rlimit limit, other = {100, 2048};
    static struct sched_param parameters;
    static int status_word;
    static char name[16] = "a thread";
    static char *const arguments[] = {"nowhere", "-x", "a \"b\"", NULL};
    static char *const environment[] = {"A=1", NULL};
    int child;

    CALL(prlimit64, 0, RLIMIT_CORE, &other, NULL);
    CALL(prlimit64, 0, RLIMIT_CORE, NULL, &limit);
    CALL(prctl, PR_SET_NAME, name);
    CALL(prctl, PR_GET_NAME, buffer);
    CALL(prctl, PR_GET_DUMPABLE);
    CALL(prctl, PR_SET_PDEATHSIG, SIGTERM);
    CALL(prctl, PR_SET_PDEATHSIG, 0);
    CALL(sched_getscheduler, 0);
    CALL(sched_getparam, 0, &parameters);
    CALL(sched_yield);
    CALL(getpriority, PRIO_PROCESS, 0);
    CALL(execve, "nowhere", arguments, environment);
    child = (int)CALL(clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        CALL(exit_group, 3);
    }
    CALL(wait4, child, &status_word, 0, NULL);
    CALL(wait4, -1, &status_word, WNOHANG | __WALL, NULL);
    CALL(unshare, 0);
    CALL(getresuid, buffer, buffer + 4, buffer + 8);
    CALL(setpgid, 0, -5);
    CALL(capget, NULL, NULL);
}

/* What is newer or rarer. */
static void more(void)
{
    static struct statx extended;
    static struct statfs file_system;
    static struct utsname name;
    static struct itimerspec timer = {{1, 0}, {2, 3}};
    static struct sigevent event;
    static struct clone_args clone;
    static struct mmsghdr messages[2];
    static struct iovec vectors[2] = {{"one", 3}, {"two!", 4}};
    static struct sockaddr_nl netlink = {.nl_family = AF_NETLINK, .nl_groups = 1};
    static struct {
        struct cmsghdr head;
        int fds[2];
    } control = {{sizeof control, SOL_SOCKET, SCM_RIGHTS}, {0, 1}};
    static struct timespec timeout;
    static uint32_t capabilities[2] = {0x20080522, 0}, data[6];
    static uint64_t set = 1 << (SIGUSR1 - 1);
    static siginfo_t info;
    static cpu_set_t cpus;
    static int pair[2], timer_id;
    int fd, child;

    CALL(statx, AT_FDCWD, "folder/file", AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS,
         &extended);
    CALL(statx, AT_FDCWD, "nowhere", AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE,
         &extended);
    CALL(statfs, "/proc", &file_system);
    CALL(setxattr, "folder/file", "user.name", "a value", 7, XATTR_CREATE);
    CALL(getxattr, "folder/file", "user.other", buffer, 100);
    fd = (int)CALL(inotify_init1, IN_NONBLOCK | IN_CLOEXEC);
    CALL(inotify_add_watch, fd, "folder", IN_CREATE | IN_DELETE | IN_ONLYDIR);
    CALL(inotify_rm_watch, fd, 99);
    CALL(close, fd);
    event.sigev_signo = SIGUSR1;
    CALL(timer_create, CLOCK_MONOTONIC, &event, &timer_id);
    CALL(timer_settime, -1, 0, &timer, NULL);
    CALL(rt_sigtimedwait, &set, &info, &timeout, 8);
    CALL(sched_setaffinity, 0, 0, &cpus);
    clone.exit_signal = 999;
    CALL(clone3, &clone, 80);
    child = (int)CALL(clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        CALL(exit_group, 7);
    }
    CALL(waitid, P_PID, child, &info, WEXITED | WNOWAIT, NULL);
    CALL(waitid, P_PID, child, NULL, WEXITED, NULL);
    CALL(waitid, P_ALL, 0, &info, WEXITED | WNOHANG, NULL);
    CALL(getrusage, RUSAGE_CHILDREN, NULL);
    CALL(capget, capabilities, data);
    CALL(socketpair, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair);
    messages[0].msg_hdr.msg_iov = &vectors[0];
    messages[0].msg_hdr.msg_iovlen = 1;
    messages[0].msg_hdr.msg_control = &control;
    messages[0].msg_hdr.msg_controllen = sizeof control;
    CALL(sendmsg, pair[0], &messages[0].msg_hdr, 0);
    messages[0].msg_hdr.msg_control = NULL;
    messages[0].msg_hdr.msg_controllen = 0;
    messages[1].msg_hdr.msg_iov = &vectors[1];
    messages[1].msg_hdr.msg_iovlen = 1;
    CALL(sendto, pair[0], "to nobody", 9, MSG_DONTWAIT, NULL, 0);
    CALL(close, pair[0]);
    CALL(close, pair[1]);
    fd = (int)CALL(socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    CALL(bind, fd, &netlink, sizeof netlink);
    CALL(close, fd);
    CALL(mount, "nothing", "nowhere", "tmpfs", MS_NOSUID | MS_NODEV | MS_RELATIME, NULL);
    CALL(umount2, "nowhere", MNT_DETACH);
    CALL(kcmp, -1, -1, 1, 0, 0);
    CALL(mknodat, AT_FDCWD, "fifo", S_IFIFO | 0600, 0);
    CALL(mlock, NULL, 0);
    CALL(splice, -1, NULL, -1, NULL, 10, 1 | 2);
    CALL(tee, -1, -1, 10, 2);
    CALL(close_range, 1000, 2000, 4);
    CALL(setns, -1, CLONE_NEWNET);
    CALL(fchownat, AT_FDCWD, "nowhere", -1, 5, AT_SYMLINK_NOFOLLOW);
    CALL(uname, &name);
}

int main(void)
{
    CALL(close, -1000);
    files();
    memory();
    signals();
    waiting();
    sockets();
    processes();
    more();
    CALL(exit_group, 0);
}
