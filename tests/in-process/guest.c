/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest WHAT...: does what a guest inside a host's process can do to it, one thing after
 * another, and exits with 3 unless that ends it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
    caught = sig;
}

static void *spin(void *arg)
{
    volatile unsigned long count = 0;

    for (;;) {
        count++;
    }
    return arg;
}

static void *sleep_long(void *arg)
{
    for (;;) {
        pause();
    }
    return arg;
}

static void *leave_first(void *arg)
{
    struct timespec t = {0, 20000000};

    nanosleep(&t, NULL);
    exit(*(int *)arg);
}

static void *execute(void *arg)
{
    struct timespec t = {0, 20000000};

    nanosleep(&t, NULL);
    execv("/proc/self/exe", arg);
    return arg;
}

static void check(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "guest: %s: %s\n", what, strerror(errno));
        _exit(99);
    }
}

static void open_things(void)
{
    int pair[2], fd;
    char byte = 'x';
    struct iovec v = {&byte, 1};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &v,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    check(open("/dev/null", O_RDWR) >= 0, "open");
    check(pipe(pair) == 0, "pipe");
    check(dup(1) >= 0 && dup2(1, 77) == 77 && fcntl(1, F_DUPFD, 100) >= 100, "dup");
    check(memfd_create("x", 0) >= 0, "memfd_create");
    check(timerfd_create(CLOCK_MONOTONIC, 0) >= 0, "timerfd_create");
    check(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0, "socketpair");
    memcpy(CMSG_DATA(&control.head), &pair[0], sizeof pair[0]);
    check(sendmsg(pair[0], &message, 0) == 1, "sendmsg");
    check(recvmsg(pair[1], &message, 0) == 1, "recvmsg");
    fd = open("/", O_RDONLY | O_DIRECTORY);
    check(fd >= 0 && close(fd) == 0 && close(fd) < 0, "close");
    check(fopen("/proc/self/maps", "r") != NULL, "fopen");
}

static void change_things(void)
{
    struct itimerval interval = {.it_value = {.tv_sec = 1000}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec spec = {.it_value = {.tv_nsec = 1}, .it_interval = {0, 1000000}};
    struct rlimit limit;
    sigset_t all;
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    timer_t timer;

    check(chdir("/tmp") == 0 && chdir("/") == 0, "chdir");
    umask(077);
    check(prctl(PR_SET_NAME, "other") == 0, "prctl");
    check(setitimer(ITIMER_REAL, &interval, NULL) == 0, "setitimer");
    check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur /= 2;
    check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    for (int sig = 1; sig < 32; sig++) {
        signal(sig, sig % 2 ? SIG_IGN : on_signal);
    }
    check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
              timer_settime(timer, 0, &spec, NULL) == 0,
          "timer");
    check(sigaltstack(&stack, NULL) == 0, "sigaltstack");
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    close(0);
    check(open("/dev/null", O_RDWR) == 0, "standard input");
    check(dup2(0, 2) == 2, "standard error");
    check(mmap((void *)0x10000000, 65536, PROT_READ | PROT_WRITE,
               MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == (void *)0x10000000,
          "mmap");
}

/* Nothing of the host's goes by that. */
static void close_all(void)
{
    syscall(SYS_close_range, 3, ~0u, 0);
    for (int fd = 3; fd < 1024; fd++) {
        close(fd);
    }
}

static void start(void *(*run)(void *), void *arg)
{
    pthread_t thread;

    check(pthread_create(&thread, NULL, run, arg) == 0, "pthread_create");
}

static void fork_child(int how)
{
    int status = 0;
    pid_t pid = how == 'v' ? vfork() : fork();

    check(pid >= 0, "fork");
    if (pid == 0) {
        switch (how) {
        case 'k':
            raise(SIGUSR2);
            break;
        case 's':
            *(volatile int *)8 = 1;
            break;
        case 'e':
        case 'v':
            execl("/proc/self/exe", "guest", "exit", NULL);
            break;
        }
        _exit(7);
    }
    check(waitpid(pid, &status, 0) == pid, "waitpid");
    switch (how) {
    case 'k':
        check(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2, "killed child");
        break;
    case 's':
        check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "faulting child");
        break;
    case 'e':
    case 'v':
        check(WIFEXITED(status) && WEXITSTATUS(status) == 3, "child that executes");
        break;
    default:
        check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "child");
    }
}

static void do_one(char **argv, int i)
{
    static int status = 5;
    const char *what = argv[i];
    sigset_t set;

    if (strcmp(what, "open") == 0) {
        open_things();
    } else if (strcmp(what, "change") == 0) {
        change_things();
    } else if (strcmp(what, "close-all") == 0) {
        close_all();
    } else if (strcmp(what, "segv") == 0) {
        *(volatile int *)8 = 1;
    } else if (strcmp(what, "abort") == 0) {
        abort();
    } else if (strcmp(what, "term") == 0) {
        kill(getpid(), SIGTERM);
    } else if (strcmp(what, "group") == 0) {
        kill(0, SIGUSR1);
    } else if (strcmp(what, "kill") == 0) {
        kill(getpid(), SIGKILL);
    } else if (strcmp(what, "pipe") == 0) {
        int pair[2];
        check(pipe(pair) == 0 && close(pair[0]) == 0, "pipe");
        check(write(pair[1], "x", 1) == 1, "write");
    } else if (strcmp(what, "alarm") == 0) {
        ualarm(20000, 0);
        for (;;) {
            pause();
        }
    } else if (strcmp(what, "alarm-caught") == 0) {
        signal(SIGALRM, on_signal);
        ualarm(20000, 0);
        while (!caught) {
        }
    } else if (strcmp(what, "raise-caught") == 0) {
        signal(SIGUSR1, on_signal);
        check(raise(SIGUSR1) == 0 && caught == SIGUSR1, "raise");
        caught = 0;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        check(kill(getpid(), SIGUSR1) == 0 && !caught, "blocked");
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        check(caught == SIGUSR1, "unblocked");
    } else if (strcmp(what, "spin") == 0) {
        printf("spins\n");
        fflush(stdout);
        spin(NULL);
    } else if (strcmp(what, "block") == 0) {
        sleep_long(NULL);
    } else if (strcmp(what, "read") == 0) {
        char byte;
        int pair[2];
        check(pipe(pair) == 0, "pipe");
        check(read(pair[0], &byte, 1) == 1, "read");
    } else if (strcmp(what, "threads") == 0) {
        for (int n = 0; n < 4; n++) {
            start(n % 2 ? spin : sleep_long, NULL);
        }
    } else if (strcmp(what, "thread-exits") == 0) {
        start(leave_first, &status);
        for (;;) {
            pause();
        }
    } else if (strcmp(what, "first-thread-ends") == 0) {
        start(leave_first, &status);
        pthread_exit(NULL);
    } else if (strcmp(what, "fork") == 0) {
        fork_child(0);
        fork_child('k');
        fork_child('s');
        fork_child('e');
        fork_child('v');
    } else if (strcmp(what, "exec") == 0) {
        /* The rest of the words is the next program's. */
        argv[i] = argv[0];
        execv("/proc/self/exe", argv + i);
        check(0, "exec");
    } else if (strcmp(what, "thread-exec") == 0) {
        argv[i] = argv[0];
        start(execute, argv + i);
        sleep_long(NULL);
    } else if (strcmp(what, "no-signals") == 0) {
        struct rlimit none = {0, 0};
        check(setrlimit(RLIMIT_SIGPENDING, &none) == 0, "setrlimit");
        check(prlimit(0, RLIMIT_SIGPENDING, &none, NULL) == 0, "prlimit");
    } else if (strcmp(what, "stack") == 0) {
        volatile char page[4096];
        page[0] = page[4095] = 0;
        do_one(argv, i);
    } else if (strcmp(what, "exit") != 0) {
        check(0, what);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        do_one(argv, i);
    }
    return 3;
}
