/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hosts share; see host.h. */
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- Sessions ---- */

const char *host_guest(uint32_t arch, const char *name)
{
    static __thread char path[4096];
    const char *directory = getenv("LT_GUESTS");

    snprintf(path, sizeof path, "%s/%s/%s", directory != NULL ? directory : ".",
             lt_arch_name(arch), name);
    return path;
}

bool host_has_arch(uint32_t arch)
{
    return access(host_guest(arch, "loop"), X_OK) == 0;
}

lt_session *host_create(const char *path)
{
    struct lt_config config;
    lt_session *session = NULL;

    lt_config_init(&config, sizeof config);
    config.program = path;
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    return lt_session_create(&config, &session) == 0 ? session : NULL;
}

static int count_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    ++((struct host_run *)user)->insns;
    return 0;
}

static int count_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    ((struct host_run *)user)->writes += e->by == LT_BY_INSN;
    return 0;
}

static int count_read(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    ((struct host_run *)user)->reads += e->by == LT_BY_INSN;
    return 0;
}

static int pull(lt_session *session, struct host_run *run)
{
    const struct lt_event *event;
    int returned;

    while ((returned = lt_session_next(session, &event)) == 1) {
        const struct lt_mem_access *access = (const void *)event;

        run->insns += event->type == LT_EVENT_INSN;
        run->writes += event->type == LT_EVENT_MEM_WRITE && access->by == LT_BY_INSN;
        run->reads += event->type == LT_EVENT_MEM_READ && access->by == LT_BY_INSN;
    }
    return returned;
}

struct host_run host_run(const char *path, unsigned ways)
{
    struct host_run run = {0};
    struct lt_config config;
    lt_session *session = NULL;
    int error;

    lt_config_init(&config, sizeof config);
    config.program = path;
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    config.flags = ways & HOST_MEMORY ? LT_CONFIG_MEMORY : 0;
    run.returned = lt_session_create(&config, &session);
    if (run.returned != 0) {
        return run;
    }
    if (ways & HOST_PULL) {
        error = lt_session_select(session, LT_KINDS_ALL, NULL);
    } else {
        error = lt_on_insn(session, NULL, count_insn, &run) |
                lt_on_mem_write(session, NULL, count_write, &run) |
                lt_on_mem_read(session, NULL, count_read, &run);
    }
    run.returned = error                ? error
                   : (ways & HOST_PULL) ? pull(session, &run)
                                        : lt_session_run(session);
    lt_result_init(&run.result, sizeof run.result);
    lt_session_result(session, &run.result);
    snprintf(run.message, sizeof run.message, "%s", lt_session_message(session));
    lt_session_destroy(session);
    return run;
}

const char *host_check_loop(uint32_t arch, unsigned ways)
{
    /* As the oracle tests have it: tests/oracle/loopcount.c. */
    const uint64_t insns = arch == LT_ARCH_X86_64 ? 605 : 609;
    const uint64_t reads = arch == LT_ARCH_X86_64 ? 100 : 103; /* three literals */
    static __thread char problem[1024];
    struct host_run run = host_run(host_guest(arch, "loop"), ways);

    if (run.returned == 0 && run.result.kind == LT_RESULT_EXIT &&
        run.result.status == 9 && run.insns == insns && run.writes == 100 &&
        run.reads == reads) {
        return NULL;
    }
    snprintf(problem, sizeof problem,
             "%s: returned %d, kind %u, status %d, %llu instructions, %llu writes, %llu "
             "reads: %s",
             lt_arch_name(arch), run.returned, run.result.kind, run.result.status,
             (unsigned long long)run.insns, (unsigned long long)run.writes,
             (unsigned long long)run.reads, run.message);
    return problem;
}

void host_assert_loop(uint32_t arch, unsigned ways)
{
    const char *problem = host_check_loop(arch, ways);

    if (problem != NULL) {
        fail_msg("%s", problem);
    }
}

/* ---- The host's own state ---- */

static void put_signals(FILE *to)
{
    stack_t alternate;
    sigset_t set;

    for (int sig = 1; sig < NSIG; sig++) {
        struct sigaction action;

        memset(&action, 0, sizeof action);
        if (sigaction(sig, NULL, &action) == 0) {
            fprintf(to, "signal %d: %p flags %#x mask", sig, (void *)action.sa_handler,
                    (unsigned)action.sa_flags);
            for (int other = 1; other < NSIG; other++) {
                fprintf(to, "%s", sigismember(&action.sa_mask, other) == 1 ? "1" : "0");
            }
            fprintf(to, "\n");
        }
    }
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    for (int sig = 1; sig < NSIG; sig++) {
        if (sigismember(&set, sig) == 1) {
            fprintf(to, "blocked %d\n", sig);
        }
    }
    sigaltstack(NULL, &alternate);
    fprintf(to, "alternate stack %p %zu %d\n", alternate.ss_sp, alternate.ss_size,
            alternate.ss_flags);
}

static void put_limits(FILE *to)
{
    for (int what = 0; what < (int)RLIM_NLIMITS; what++) {
        struct rlimit limit;

        if (getrlimit((__rlimit_resource_t)what, &limit) == 0) {
            fprintf(to, "limit %d: %llu %llu\n", what, (unsigned long long)limit.rlim_cur,
                    (unsigned long long)limit.rlim_max);
        }
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return atoi((*a)->d_name) - atoi((*b)->d_name);
}

static void put_descriptors(FILE *to)
{
    struct dirent **names = NULL;
    int count = scandir("/proc/self/fd", &names, NULL, by_name);

    for (int i = 0; i < count; i++) {
        char path[512], target[4096];
        ssize_t length;

        snprintf(path, sizeof path, "/proc/self/fd/%s", names[i]->d_name);
        length = readlink(path, target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            int fd = atoi(names[i]->d_name);
            /* Not the engine's file, nor scandir's own descriptor, closed by now. */
            if (strstr(target, "memfd:lt-engine") == NULL && fcntl(fd, F_GETFD) >= 0) {
                fprintf(to, "descriptor %d: %s, %#x %#x\n", fd, target,
                        (unsigned)fcntl(fd, F_GETFD), (unsigned)fcntl(fd, F_GETFL));
            }
        }
        free(names[i]);
    }
    free(names);
}

/* Lines of /proc/self/status that should not change. */
static void put_status(FILE *to)
{
    static const char *const lines[] = {
        "Umask",  "Tgid",    "PPid",         "TracerPid", "Uid",        "Gid",
        "Groups", "SigPnd",  "ShdPnd",       "SigBlk",    "SigIgn",     "Cap",
        "NoNew",  "Seccomp", "Cpus_allowed", "Name",      "CoreDumping"};
    FILE *file = fopen("/proc/self/status", "r");
    char line[1024];

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
            if (strncmp(line, lines[i], strlen(lines[i])) == 0) {
                fputs(line, to);
            }
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void put_rest(FILE *to)
{
    char directory[4096];
    int subreaper = 0;
    int death = 0;
    cpu_set_t processors;

    fprintf(to, "directory %s\n",
            getcwd(directory, sizeof directory) != NULL ? directory : strerror(errno));
    fprintf(to, "group %d session %d\n", (int)getpgrp(), (int)getsid(0));
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    prctl(PR_GET_PDEATHSIG, &death);
    fprintf(to, "reaper %d death %d dumpable %d slack %d\n", subreaper, death,
            prctl(PR_GET_DUMPABLE), prctl(PR_GET_TIMERSLACK));
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        struct itimerval timer;

        getitimer((__itimer_which_t)which, &timer);
        fprintf(to, "timer %d: every %lld.%06lld\n", which,
                (long long)timer.it_interval.tv_sec,
                (long long)timer.it_interval.tv_usec);
    }
    sched_getaffinity(0, sizeof processors, &processors);
    fprintf(to, "processors %d priority %d scheduler %d\n", CPU_COUNT(&processors),
            getpriority(PRIO_PROCESS, 0), sched_getscheduler(0));
    fprintf(to, "children %d\n", host_children());
}

char *host_state(void)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    assert_non_null(to);
    host_no_children();
    put_signals(to);
    put_limits(to);
    put_descriptors(to);
    put_status(to);
    put_rest(to);
    fclose(to);
    return text;
}

void host_assert_same(char *before)
{
    char *after = host_state();

    if (strcmp(before, after) != 0) {
        char *old_line, *new_line, *old_rest = before, *new_rest = after;

        do {
            old_line = strsep(&old_rest, "\n");
            new_line = strsep(&new_rest, "\n");
        } while (old_line != NULL && new_line != NULL && strcmp(old_line, new_line) == 0);
        fail_msg("the host is no longer as it was: \"%s\", before: \"%s\"",
                 new_line != NULL ? new_line : "", old_line != NULL ? old_line : "");
    }
    free(after);
    free(before);
}

int host_children(void)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    int me = (int)getpid();
    int count = 0;

    if (directory == NULL) {
        return -1;
    }
    while ((entry = readdir(directory)) != NULL) {
        char path[300], line[512];
        char *end;
        int parent;

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') {
            continue;
        }
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL) {
            continue;
        }
        if (fgets(line, sizeof line, file) != NULL &&
            (end = strrchr(line, ')')) != NULL && sscanf(end, ") %*c %d", &parent) == 1) {
            count += parent == me;
        }
        fclose(file);
    }
    closedir(directory);
    return count;
}

bool host_no_children(void)
{
    for (int i = 0; i < 200; i++) {
        if (host_children() <= 0) {
            return true;
        }
        usleep(10000);
    }
    return false;
}

double host_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- Children ---- */

int host_complain(const char *format, ...)
{
    va_list args;
    char line[2048];

    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    length = length < (int)sizeof line - 2 ? length : (int)sizeof line - 2;
    line[length++] = '\n';
    /* Straight to the descriptor: stdio may have no memory, or no descriptor 2. */
    return write(2, line, (size_t)length) < 0 ? 2 : 1;
}

void host_in_child(int (*body)(void *), void *arg)
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        alarm(HOST_TSAN || HOST_ASAN ? 180 : 60);
        _exit(body(arg));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0) {
        fail_msg("the child ended with %s %d", WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}
