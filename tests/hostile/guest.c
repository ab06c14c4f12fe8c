/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest may try against its host: guest KIND [NUMBER...].  Those that end by
 * themselves exit with 0 if all went as it should, else with the line that did not.
 * Nothing here is written to standard output but for its own sake.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static long numbers[4];
static char **arguments;

#define CHECK(what)                                                                      \
    do {                                                                                 \
        if (!(what))                                                                     \
            _exit(__LINE__ % 199 + 1);                                                   \
    } while (0)

/* It fails, for want of permission or because there is no such call here. */
#define REFUSED(what) CHECK((what) == -1 && (errno == EPERM || errno == ENOSYS))

static void spin(void)
{
    for (volatile unsigned i = 0;; i++)
        ;
}

/* ---- Processes ---- */

static void forks(void)
{
    for (;;)
        fork();
}

/* Those who left their group, their session and their parent. */
static void daemons(void)
{
    for (;;) {
        if (fork() == 0) {
            setsid();
            if (fork() != 0)
                _exit(0);
            setpgid(0, 0);
            spin();
        }
        wait(NULL);
    }
}

static void vforks(void)
{
    for (;;)
        syscall(SYS_clone, CLONE_VFORK | CLONE_VM | SIGCHLD, 0, 0, 0, 0);
}

/* Siblings rather than children, and no signal at their end. */
static void siblings(void)
{
    for (;;) {
        long child = syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);

        if (child < 0)
            _exit(0); /* QEMU does not have it */
        if (child == 0)
            pause();
    }
}

/* No more than `numbers[0]` children at a time, but many in all, or without end. */
static void nursery(void)
{
    for (int round = 0; numbers[1] || round < 10; round++) {
        for (int i = 0; i < numbers[0]; i++) {
            pid_t child = fork();

            CHECK(child >= 0);
            if (child == 0) {
                if (i % 2)
                    pause();
                _exit(0);
            }
            if (i % 2) {
                CHECK(kill(child, SIGKILL) == 0);
            }
        }
        while (wait(NULL) > 0)
            ;
    }
}

/* So many children at a time. */
static void children(void)
{
    for (int i = 0; i < numbers[0]; i++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            pause();
        }
    }
    kill(0, SIGKILL);
}

/* ---- Memory ---- */

#define MEGABYTE (1 << 20)

static void touch(char *memory, size_t size)
{
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
}

static void maps(void)
{
    for (;;) {
        char *p = mmap(NULL, MEGABYTE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(p != MAP_FAILED);
        touch(p, MEGABYTE);
    }
}

static void shares(void)
{
    for (;;) {
        char *p = mmap(NULL, MEGABYTE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0);
        CHECK(p != MAP_FAILED);
        touch(p, MEGABYTE);
    }
}

static void breaks(void)
{
    for (;;) {
        char *p = sbrk(MEGABYTE);
        CHECK(p != (void *)-1);
        touch(p, MEGABYTE);
    }
}

static void remaps(void)
{
    size_t size = MEGABYTE;
    char *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (;; size += MEGABYTE) {
        p = mremap(p, size, size + MEGABYTE, MREMAP_MAYMOVE);
        CHECK(p != MAP_FAILED);
        touch(p + size, MEGABYTE);
    }
}

/* Reserved memory costs nothing until it may be written to. */
static void protects(void)
{
    const size_t all = (size_t)1 << 40;
    char *p =
        mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(p != MAP_FAILED);
    for (size_t at = 0; at < all; at += MEGABYTE) {
        CHECK(mprotect(p + at, MEGABYTE, PROT_READ | PROT_WRITE) == 0);
        touch(p + at, MEGABYTE);
        CHECK(mprotect(p + at, MEGABYTE, PROT_READ) == 0);
    }
}

static void populates(void)
{
    mmap(NULL, (size_t)1 << 36, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE, -1, 0);
    spin();
}

static void segments(void)
{
    for (;;) {
        int id = shmget(IPC_PRIVATE, MEGABYTE, IPC_CREAT | 0600);
        char *p;

        CHECK(id >= 0);
        p = shmat(id, NULL, 0);
        shmctl(id, IPC_RMID, NULL);
        CHECK(p != (void *)-1);
        touch(p, MEGABYTE);
    }
}

/* Each child has memory of its own. */
static void heirs(void)
{
    char *p = mmap(NULL, 4 * MEGABYTE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    touch(p, 4 * MEGABYTE);
    for (;;) {
        if (fork() == 0)
            pause();
    }
}

/* Many mappings in all, but few megabytes at a time, and children and an exec. */
static void moderate(void)
{
    for (int i = 0; i < 100; i++) {
        size_t size = MEGABYTE + (size_t)(i % 7) * 4096;
        char *p =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(p != MAP_FAILED);
        CHECK(munmap(p + 8192, 4096) == 0);
        CHECK(mprotect(p, 4096, PROT_NONE) == 0 && mprotect(p, 4096, PROT_WRITE) == 0);
        p = mremap(p + 16384, size - 16384, size, MREMAP_MAYMOVE);
        CHECK(p != MAP_FAILED);
        CHECK(munmap(p - (i % 2) * 4096, 2 * MEGABYTE) == 0);
        CHECK(sbrk(65536) != (void *)-1 && sbrk(-65536) != (void *)-1);
    }
    for (volatile int i = 0; i < 20; i++) {
        pid_t child = i % 2 ? vfork() : fork();

        CHECK(child >= 0);
        if (child == 0) {
            if (i % 4 < 2)
                kill(getpid(), SIGKILL);
            if (i % 3 == 0)
                execl(arguments[0], arguments[0], "nothing", NULL);
            _exit(0);
        }
        CHECK(waitpid(child, NULL, 0) == child);
    }
}

static void nothing(void)
{
}

/* ---- Output ---- */

static const char text[1024] = {[0 ... 1023] = 'x'};

static void writes(void)
{
    for (;;)
        CHECK(write(1, text, 100) > 0);
}

static void vectors(void)
{
    struct iovec v[2] = {{(void *)(uintptr_t)text, 60}, {(void *)(uintptr_t)text, 40}};

    for (;;)
        CHECK(writev(1, v, 2) == 100);
}

/* To many places, and from several processes. */
static void streams(void)
{
    struct iovec v = {(void *)(uintptr_t)text, 100};
    struct msghdr message = {.msg_iov = &v, .msg_iovlen = 1};
    struct mmsghdr messages[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
    int pair[2], tube[2], file = open(".", O_TMPFILE | O_RDWR, 0600);
    loff_t from = 0, to = 4096;

    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && pipe(tube) == 0);
    CHECK(write(pair[0], text, 100) == 100);
    CHECK(write(-1, text, 1000) == -1);
    CHECK(sendto(pair[0], text, 100, 0, NULL, 0) == 100);
    CHECK(sendmsg(pair[0], &message, 0) == 100);
    CHECK(sendmmsg(pair[0], messages, 2, 0) == 2);
    CHECK(vmsplice(tube[1], &v, 1, 0) == 100);
    if (file >= 0) {
        CHECK(pwrite(file, text, 100, 0) == 100);
        CHECK(pwritev(file, &v, 1, 0) == 100);
        CHECK(sendfile(tube[1], file, &from, 100) == 100);
        from = 0;
        copy_file_range(file, &from, file, &to, 100, 0);
    }
    if (fork() == 0) {
        writes();
    }
    writes();
}

/* Exactly so many bytes. */
static void some(void)
{
    for (long left = numbers[0]; left > 0;) {
        ssize_t n = write(1, text, left > 1000 ? 1000 : left);
        CHECK(n > 0);
        left -= n;
    }
}

/* ---- Those who do not listen ---- */

static void deaf(void)
{
    sigset_t all;

    for (int sig = 1; sig < 65; sig++)
        signal(sig, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    spin();
}

static void stopped(void)
{
    if (fork() == 0)
        raise(SIGSTOP);
    raise(SIGSTOP);
    spin();
}

static void sleeper(void)
{
    char byte;
    int tube[2];

    CHECK(pipe(tube) == 0);
    read(tube[0], &byte, 1);
}

static void busy(void)
{
    for (;;)
        getppid();
}

static void *spinning(void *unused)
{
    spin();
    return unused;
}

static void threads(void)
{
    pthread_t thread;

    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&thread, NULL, spinning, NULL) == 0);
    spin();
}

/* Closes all and goes on. */
static void closes(void)
{
    int null;

    for (int fd = 0; fd < 1100; fd++)
        close(fd);
    syscall(SYS_close_range, 0, ~0u, 0);
    syscall(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE);
    null = open("/dev/null", O_RDWR);
    CHECK(null == 0);
    for (int fd = 1; fd < 1100; fd++)
        dup2(null, fd);
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        int status;

        CHECK(child >= 0);
        if (child == 0) {
            syscall(SYS_close_range, 0, ~0u, 0);
            execl(arguments[0], arguments[0], "nothing", NULL);
            _exit(1);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
}

/* ---- Signals to others ---- */

static void group(void)
{
    if (fork() == 0)
        spin();
    kill(0, SIGKILL);
    spin();
}

static volatile int caught;

static void count_signal(int sig)
{
    (void)sig;
    caught++;
}

/* numbers[0]: the host, numbers[1]: another process of its group, numbers[2]: that. */
static void others(void)
{
    const pid_t victims[] = {numbers[0], numbers[1], getppid()};
    union sigval value = {0};
    int tube[2];

    CHECK(pipe(tube) == 0);
    for (int i = 0; i < 3; i++) {
        pid_t victim = victims[i];
        struct rlimit limit = {0, 0};
        struct sched_param parameters = {0};
        struct f_owner_ex owner = {F_OWNER_PID, victim};
        siginfo_t info = {.si_code = SI_QUEUE, .si_pid = getpid(), .si_uid = getuid()};
        cpu_set_t cpus;
        int fd = syscall(SYS_pidfd_open, victim, 0), link;
        char path[64];
        char byte = 0;
        struct iovec v = {&byte, 1};

        CHECK(kill(victim, 0) == 0);
        REFUSED(kill(victim, SIGKILL));
        REFUSED(kill(victim, SIGSTOP));
        REFUSED(kill(victim, 34));
        REFUSED(sigqueue(victim, SIGTERM, value));
        REFUSED(syscall(SYS_tkill, victim, SIGKILL));
        REFUSED(syscall(SYS_tgkill, victim, victim, SIGKILL));
        REFUSED(syscall(SYS_rt_sigqueueinfo, victim, SIGTERM, &info));
        REFUSED(syscall(SYS_rt_tgsigqueueinfo, victim, victim, SIGTERM, &info));
        CHECK(fd >= 0);
        REFUSED(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
        REFUSED(syscall(SYS_pidfd_getfd, fd, 0, 0));
        close(fd);
        snprintf(path, sizeof path, "/proc/%d", victim);
        link = open(path, O_RDONLY | O_DIRECTORY);
        if (link >= 0) {
            REFUSED(syscall(SYS_pidfd_send_signal, link, SIGKILL, NULL, 0));
            close(link);
        }
        REFUSED(fcntl(tube[0], F_SETOWN, victim));
        REFUSED(fcntl(tube[0], F_SETOWN_EX, &owner));
        REFUSED(prlimit(victim, RLIMIT_CPU, &limit, NULL));
        REFUSED(setpriority(PRIO_PROCESS, victim, 19));
        REFUSED(syscall(SYS_sched_setscheduler, victim, SCHED_BATCH, &parameters));
        REFUSED(syscall(SYS_sched_setparam, victim, &parameters));
        CPU_ZERO(&cpus);
        CPU_SET(0, &cpus);
        REFUSED(sched_setaffinity(victim, sizeof cpus, &cpus));
        REFUSED(ptrace(PTRACE_ATTACH, victim, 0, 0));
        REFUSED(process_vm_writev(victim, &v, 1, &v, 1, 0));
    }
    REFUSED(kill(-numbers[2], SIGKILL));
    REFUSED(killpg(numbers[2], SIGTERM));
    REFUSED(setpriority(PRIO_PGRP, numbers[2], 19));
    REFUSED(setpriority(PRIO_USER, 0, 19));
    REFUSED(fcntl(tube[0], F_SETOWN, -numbers[2]));
    CHECK(prlimit(numbers[0], RLIMIT_CPU, NULL, &(struct rlimit){0}) == 0);
}

/* What it may do to its own. */
static void own(void)
{
    pid_t child, grandchild;
    int tube[2], status, fd;

    signal(SIGURG, count_signal);
    CHECK(kill(getpid(), SIGURG) == 0 && caught == 1);
    CHECK(raise(SIGURG) == 0 && caught == 2);
    CHECK(kill(0, SIGURG) == 0 && caught == 3);
    CHECK(kill(-getpgrp(), SIGURG) == 0 && caught == 4);
    CHECK(sigqueue(getpid(), SIGURG, (union sigval){0}) == 0 && caught == 5);
    CHECK(kill(0x7ffffff, SIGTERM) == -1 && errno == ESRCH);
    CHECK(pipe(tube) == 0);
    CHECK(fcntl(tube[0], F_SETOWN, getpid()) == 0);
    /* A process that left in every way is still its own. */
    child = fork();
    if (child == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        grandchild = getpid();
        write(tube[1], &grandchild, sizeof grandchild);
        for (;;)
            pause();
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(read(tube[0], &grandchild, sizeof grandchild) == sizeof grandchild);
    CHECK(setpriority(PRIO_PROCESS, grandchild, 1) == 0);
    CHECK(kill(grandchild, SIGTERM) == 0);
    for (int i = 0; i < 1000 && kill(grandchild, 0) == 0; i++)
        usleep(5000);
    CHECK(kill(grandchild, 0) == -1 && errno == ESRCH);
    /* All: itself is left out. */
    child = fork();
    if (child == 0) {
        signal(SIGURG, SIG_DFL);
        signal(SIGWINCH, _exit);
        write(tube[1], "", 1);
        for (;;)
            pause();
    }
    CHECK(read(tube[0], &status, 1) == 1);
    CHECK(kill(-1, SIGWINCH) == 0 && caught == 5);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
          WEXITSTATUS(status) == SIGWINCH);
    CHECK(kill(-1, SIGURG) == -1 && errno == ESRCH && caught == 5);
    child = fork();
    if (child == 0) {
        for (;;)
            pause();
    }
    fd = syscall(SYS_pidfd_open, child, 0);
    CHECK(fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0);
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGTERM);
}

/* Joins the host's process group, numbers[2], if it may. */
static void joins(void)
{
    setpgid(0, numbers[2]);
    if (fork() == 0)
        spin();
    kill(0, SIGKILL);
    spin();
}

/* The same where its engine cannot look who is there. */
static void blind(void)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_NOFILE, &none);
    CHECK(setpgid(0, numbers[2]) == 0);
    REFUSED(kill(0, SIGKILL));
    REFUSED(kill(-numbers[2], SIGKILL));
    REFUSED(kill(numbers[1], SIGKILL));
    REFUSED(kill(numbers[0], SIGKILL));
    CHECK(setpgid(0, 0) == 0);
    kill(0, SIGKILL);
}

/* ---- Attributes of the process ---- */

static void attributes(void)
{
    int status;

    for (int i = 0; i < 80; i++) {
        if (i != PR_SET_NAME && i != PR_SET_SECCOMP)
            prctl(i, 1, 0, 0, 0);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, 1);
    syscall(SYS_seccomp, 0, 0, NULL);
    personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC);
    umask(0777);
    nice(19);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    syscall(SYS_setsid);
    setpgid(0, 0);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            ptrace(PTRACE_TRACEME, 0, 0, 0);
            ptrace(PTRACE_ATTACH, getppid(), 0, 0);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
}

/* Everything limited to numbers[0]. */
static void limits(void)
{
    struct rlimit limit = {numbers[0], numbers[0]};
    pid_t child;

    for (int i = 0; i < 16; i++)
        setrlimit(i, &limit);
    child = fork();
    if (child == 0)
        _exit(0);
    if (child > 0)
        waitpid(child, NULL, 0);
    open("/dev/null", O_RDONLY);
    free(malloc(1 << 24));
    write(1, "", 1);
}

static void namespaces(void)
{
    static const int kinds[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,
                                CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWNET,
                                CLONE_FS,      CLONE_FILES,  0x02000000 /* NEWCGROUP */};
    int status;

    for (int i = 0; i < 4; i++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            pid_t inner;

            for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
                unshare(kinds[k]);
            /* Perhaps number 1 of its own world. */
            inner = fork();

            CHECK(inner >= 0);
            if (inner == 0) {
                signal(SIGURG, count_signal);
                CHECK(kill(getpid(), SIGURG) == 0 && caught == 1);
                if (i % 2)
                    execl(arguments[0], arguments[0], "nothing", NULL);
                for (;;)
                    pause();
            }
            if (i % 2 == 0)
                CHECK(kill(inner, SIGKILL) == 0);
            CHECK(waitpid(inner, &status, 0) == inner);
            CHECK(i % 2 ? status == 0 : WTERMSIG(status) == SIGKILL);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        if (WEXITSTATUS(status) != 0)
            _exit(WEXITSTATUS(status));
    }
}

/* Without /proc, and as nobody. */
static void prison(void)
{
    pid_t child;
    int status;

    mkdir("prison", 0755);
    if (chroot("prison") != 0 || chdir("/") != 0)
        _exit(0); /* not for everybody */
    REFUSED(kill(numbers[0], SIGKILL));
    REFUSED(kill(getppid(), SIGKILL));
    CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    REFUSED(kill(numbers[1], SIGKILL));
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (;;)
            pause();
    }
    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
}

/* ---- Memory that is not its own ---- */

static sigjmp_buf fault;

static void jump(int sig)
{
    siglongjmp(fault, sig);
}

/* Stores to where its engine may be.  Without an alarm it goes on for long. */
static void wild(void)
{
    static const uintptr_t from[] = {0x7ffff7000000, 0x7ffff0000000, 0x7ffd70000000,
                                     0x555555000000, 0x7fff00000000, 0x10000};

    signal(SIGSEGV, jump);
    signal(SIGBUS, jump);
    for (volatile unsigned round = 0;; round++) {
        for (volatile size_t i = 0; i < sizeof from / sizeof *from; i++) {
            for (volatile uintptr_t page = 0; page < 40000; page++) {
                volatile uint64_t *p =
                    (volatile uint64_t *)(from[(i + numbers[0]) % 6] +
                                          page * 4096 * (1 + numbers[0]));
                if (sigsetjmp(fault, 1) == 0) {
                    for (int k = 0; k < 512; k += 8)
                        p[k] = p[k + 1] * 0x9e3779b97f4a7c15u + k + round;
                }
            }
        }
    }
}

/* Unmaps all: its next instruction is no more. */
static void unmaps(void)
{
    munmap(NULL, ((uintptr_t)1 << 47) - 4096);
    _exit(1);
}

/* Maps over all that is not its own: refused, or there was nothing. */
static void covers(void)
{
    uintptr_t low = 0x10000, high = ((uintptr_t)1 << 47) - 4096;
    size_t refused = 0;
    char *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    /* In halves, until a part is free or small. */
    static struct {
        uintptr_t from, to;
    } todo[256];
    unsigned count = 1;

    todo[0].from = low;
    todo[0].to = high;
    while (count > 0) {
        uintptr_t a = todo[--count].from, b = todo[count].to;
        uintptr_t middle = (a + (b - a) / 2) & ~(uintptr_t)4095;
        /* What is its own is refused here too. */
        void *p = mmap((void *)a, b - a, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                       -1, 0);
        if (p != MAP_FAILED) {
            munmap(p, b - a);
            continue;
        }
        if (b - a > (4u << 20) && middle > a && middle < b && count < 254) {
            todo[count].from = a;
            todo[count++].to = middle;
            todo[count].from = middle;
            todo[count++].to = b;
            continue;
        }
        for (; a < b; a += (b - a) / 8192 * 4096 + 4096) {
            unsigned char resident;

            if (mincore((void *)a, 4096, &resident) == 0)
                continue; /* perhaps its own */
            mprotect((void *)a, 4096, PROT_NONE);
            mremap((void *)a, 4096, 8192, MREMAP_MAYMOVE);
            madvise((void *)a, 4096, MADV_DONTNEED);
            p = mmap((void *)a, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                     -1, 0);
            if (p == MAP_FAILED) {
                mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)a);
                refused++;
            } else {
                munmap(p, 4096);
            }
        }
    }
    CHECK(page != MAP_FAILED && page[0] == 0);
    CHECK(refused > 0);
}

/* Writes to its memory through the kernel. */
static void backdoor(void)
{
    static volatile int target = 1;
    int fd = open("/proc/self/mem", O_RDWR), value = 7;

    if (fd < 0)
        _exit(0);
    CHECK(pwrite(fd, &value, sizeof value, (off_t)(uintptr_t)&target) == sizeof value);
    CHECK(target == 7);
}

/* numbers[0]: how; numbers[1]: in a child (1) or a thread (2). */
static void *crash(void *unused)
{
    prctl(0x6c746372, numbers[0], 16, 0, 0);
    _exit(99);
    return unused;
}

static void crashes(void)
{
    pthread_t thread;

    CHECK(write(1, "before\n", 7) == 7);
    if (numbers[1] == 1) {
        pid_t child = fork();
        if (child == 0)
            crash(NULL);
        waitpid(child, NULL, 0);
        spin();
    } else if (numbers[1] == 2) {
        pthread_create(&thread, NULL, crash, NULL);
        pthread_join(thread, NULL);
    }
    crash(NULL);
}

/* A fault of its own, for comparison: in a system call, too, there is none. */
static void segfault(void)
{
    char *volatile nowhere = (char *)16;

    CHECK(write(1, nowhere, 10) == -1 && errno == EFAULT);
    *nowhere = 1;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } kinds[] = {
        {"forks", forks},       {"daemons", daemons},
        {"vforks", vforks},     {"siblings", siblings},
        {"nursery", nursery},   {"children", children},
        {"maps", maps},         {"shares", shares},
        {"breaks", breaks},     {"remaps", remaps},
        {"protects", protects}, {"populates", populates},
        {"segments", segments}, {"heirs", heirs},
        {"moderate", moderate}, {"nothing", nothing},
        {"writes", writes},     {"vectors", vectors},
        {"streams", streams},   {"some", some},
        {"deaf", deaf},         {"stopped", stopped},
        {"sleeper", sleeper},   {"busy", busy},
        {"threads", threads},   {"closes", closes},
        {"group", group},       {"others", others},
        {"own", own},           {"joins", joins},
        {"blind", blind},       {"attributes", attributes},
        {"limits", limits},     {"namespaces", namespaces},
        {"prison", prison},     {"wild", wild},
        {"unmaps", unmaps},     {"covers", covers},
        {"backdoor", backdoor}, {"crashes", crashes},
        {"segfault", segfault},
    };

    arguments = argv;
    for (int i = 2; i < argc && i < 6; i++)
        numbers[i - 2] = atol(argv[i]);
    for (size_t i = 0; argc > 1 && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].run();
            return 0;
        }
    }
    return 200;
}
