/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the arena, the engine's executable file and the life of a guest's
 * processes.
 *
 * Host descriptors: the engine's memory file, one a process and kept; and two a
 * session from its start to its destruction, a pidfd of the supervisor and a
 * socket whose other end the supervisor has.  It kills the guest when something
 * is sent there, and also when the socket is closed, by an exec of the host's.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lt/lt.h"
#include "orphans.h"
#include "supervisor.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* The supervisor's memory: guard page, stack of the engine's process until
 * exec, guard page, stack of the supervisor, the job. */
#define PAGE 4096u
#define STACK_SIZE (4 * PAGE)
#define JOB_SIZE PAGE
#define SUPERVISOR_SIZE (PAGE + STACK_SIZE + PAGE + STACK_SIZE + JOB_SIZE)
_Static_assert(sizeof(struct lti_supervisor) <= JOB_SIZE, "fits");

/* How often the supervisor is looked after while nothing is heard of it. */
#define CHECK_NS 100000000

/* How long a signal that stops the host may take to do so. */
#define STOP_NS 20000000

/* A descriptor that is kept.  The host may close all that it does not know, and use
 * the number for something else. */
struct kept {
    int fd;
    dev_t device;
    ino_t inode;
};

struct lti_process {
    pid_t owner;         /* the process that may end it: not a forked copy */
    pid_t supervisor;    /* not used anew by the kernel until it is reaped */
    struct kept pidfd;   /* of the supervisor */
    struct kept request; /* socket to the supervisor */
    bool reaped;
    bool terminal;
    int tty;      /* the host's descriptor of the terminal handed over; the caller's */
    char *memory; /* SUPERVISOR_SIZE */
    struct lti_supervisor *job; /* inside */
    struct lti_control *control;
    struct stat engine, arena; /* the files */
};

/* ---- Descriptors ---- */

/* Moves a descriptor, where it can, out of the way of the standard streams: when
 * the host runs with one of those closed, it must not look open to a guest. */
static int above_stdio(int fd)
{
    if (fd < 0 || fd > 2) {
        return fd;
    }
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (high < 0) {
        return fd;
    }
    close(fd);
    return high;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* Not fstat(): to a host with ThreadSanitizer, which does not see how a library without
 * it synchronizes, lti_process_kill() would look like a race. */
static bool get_status(int fd, struct stat *st)
{
    return syscall(SYS_fstat, fd, st) == 0;
}

static void keep_fd(struct kept *kept, int fd)
{
    struct stat st;
    kept->fd = above_stdio(fd);
    if (kept->fd >= 0 && get_status(kept->fd, &st)) {
        kept->device = st.st_dev;
        kept->inode = st.st_ino;
    }
}

static bool is_kept(const struct kept *kept)
{
    struct stat st;
    return kept->fd >= 0 && get_status(kept->fd, &st) && st.st_dev == kept->device &&
           st.st_ino == kept->inode;
}

static void close_kept(struct kept *kept)
{
    if (is_kept(kept)) {
        close(kept->fd);
    }
    kept->fd = -1;
}

/* memfd_create() with a flag that kernels before 6.3 do not know. */
static int memory_file(const char *name, unsigned flags, unsigned new_flag)
{
    int fd = memfd_create(name, flags | new_flag);
    if (fd < 0 && errno == EINVAL) {
        fd = memfd_create(name, flags);
    }
    return above_stdio(fd);
}

/* Growing a file beyond RLIMIT_FSIZE would raise SIGXFSZ in the host. */
static int check_file_limit(const char *what, uint64_t size, struct lti_message *message)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < size) {
        return lti_fail(
            message, LT_ERR_SYSTEM,
            "%s needs a memory file of %llu bytes, but RLIMIT_FSIZE (ulimit -f) is "
            "%llu",
            what, (unsigned long long)size, (unsigned long long)limit.rlim_cur);
    }
    return 0;
}

static int fail_system(struct lti_message *message, const char *what, int error)
{
    return lti_fail(message, error == ENOMEM ? LT_ERR_NO_MEMORY : LT_ERR_SYSTEM, "%s: %s",
                    what, strerrordesc_np(error));
}

/* ---- The arena ---- */

static int fail_arena_map(struct lti_message *message, int error)
{
    struct rlimit limit;
    if (error == ENOMEM && getrlimit(RLIMIT_AS, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY) {
        return lti_fail(
            message, LT_ERR_SYSTEM,
            "a session needs %llu bytes of address space, but RLIMIT_AS (ulimit "
            "-v) is %llu",
            (unsigned long long)LTI_ARENA_SIZE, (unsigned long long)limit.rlim_cur);
    }
    return fail_system(message, "the event stream's memory cannot be mapped", error);
}

int lti_memory_file(const char *name, uint64_t size, int *out,
                    struct lti_message *message)
{
    *out = -1;
    int error = check_file_limit("a session", size, message);
    if (error != 0) {
        return error;
    }
    int fd = memory_file(name, MFD_CLOEXEC | MFD_ALLOW_SEALING, MFD_NOEXEC_SEAL);
    /* Sealed, so that nobody can cut it off under the host's mapping. */
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        error =
            fail_system(message, "memory shared with the guest cannot be made", errno);
        close_fd(&fd);
        return error;
    }
    *out = fd;
    return 0;
}

int lti_arena_create(struct lti_arena *arena, struct lti_message *message)
{
    arena->control = NULL;
    int error = lti_memory_file("lt-arena", LTI_ARENA_SIZE, &arena->fd, message);
    if (error != 0) {
        return error;
    }
    void *memory = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_NORESERVE, arena->fd, 0);
    if (memory == MAP_FAILED) {
        error = fail_arena_map(message, errno);
        lti_arena_destroy(arena);
        return error;
    }
    arena->control = memory;
    return 0;
}

void lti_arena_close(struct lti_arena *arena)
{
    close_fd(&arena->fd);
}

void lti_arena_destroy(struct lti_arena *arena)
{
    lti_arena_close(arena);
    if (arena->control != NULL) {
        munmap(arena->control, LTI_ARENA_SIZE);
        arena->control = NULL;
    }
}

/* ---- The engine's file ---- */

extern const unsigned char lti_engine_blob[] __attribute__((visibility("hidden")));
extern const unsigned char lti_engine_blob_end[] __attribute__((visibility("hidden")));

/* Not F_SEAL_WRITE, which fails with EBUSY on a busy machine, where the kernel still
 * holds pages that were written a moment ago. */
#define ENGINE_SEALS (F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The descriptor of the engine's memory file, plus one; 0: none yet.  No lock
 * guards it, as one could be held by another thread when the host forks. */
static atomic_int engine_file;

/* Whether `fd` is the file: the host may have closed all descriptors that it did
 * not know, and used the number for something else. */
static bool is_engine_file(int fd)
{
    struct stat st;
    return fcntl(fd, F_GET_SEALS) == ENGINE_SEALS && fstat(fd, &st) == 0 &&
           st.st_size == (off_t)(lti_engine_blob_end - lti_engine_blob) &&
           st.st_nlink == 0;
}

/* A library that was loaded with dlopen() may be unloaded. */
__attribute__((destructor)) static void close_engine_file(void)
{
    int fd = atomic_exchange(&engine_file, 0) - 1;
    if (fd >= 0 && is_engine_file(fd)) {
        close(fd);
    }
}

static int write_all(int fd, const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return -1;
        }
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

#define FORBIDDEN                                                                        \
    "; where the host forbids executing a memory file, lt_config.engine can name an "    \
    "installed engine program"

static int make_engine_file(int *out, struct lti_message *message)
{
    size_t size = (size_t)(lti_engine_blob_end - lti_engine_blob);
    int error = check_file_limit("the engine", size, message);
    if (error != 0) {
        return error;
    }
    int fd = memory_file("lt-engine", MFD_CLOEXEC | MFD_ALLOW_SEALING, MFD_EXEC);
    if (fd < 0 || write_all(fd, lti_engine_blob, size) != 0 ||
        fcntl(fd, F_ADD_SEALS, ENGINE_SEALS) != 0) {
        int cause = errno;
        close_fd(&fd);
        return lti_fail(message, cause == ENOMEM ? LT_ERR_NO_MEMORY : LT_ERR_SYSTEM,
                        "the engine's memory file cannot be made: %s%s",
                        strerrordesc_np(cause), cause == EACCES ? FORBIDDEN : "");
    }
    *out = fd;
    return 0;
}

/* Gives the descriptor of the library's own engine, which stays the library's. */
static int own_engine(int *out, struct lti_message *message)
{
    int known = atomic_load(&engine_file);
    if (known > 0 && is_engine_file(known - 1)) {
        *out = known - 1;
        return 0;
    }
    int error = make_engine_file(out, message);
    if (error == 0 && !atomic_compare_exchange_strong(&engine_file, &known, *out + 1)) {
        /* Another thread was faster. */
        close(*out);
        *out = known - 1;
    }
    return error;
}

/* Opens the engine program that the caller named. */
static int named_engine(const char *path, int *out, struct lti_message *message)
{
    struct stat st;
    *out = above_stdio(open(path, O_PATH | O_CLOEXEC));
    if (*out < 0 || fstat(*out, &st) != 0) {
        int cause = errno;
        close_fd(out);
        return lti_fail(message, LT_ERR_ENGINE,
                        "the engine program %s cannot be opened: %s", path,
                        strerrordesc_np(cause));
    }
    if (!S_ISREG(st.st_mode)) {
        close_fd(out);
        return lti_fail(message, LT_ERR_ENGINE,
                        "the engine program %s is not a regular file", path);
    }
    return 0;
}

/* ---- Starting ---- */

int lti_engine_file(const char *path, int *out, struct lti_message *message)
{
    return path != NULL ? named_engine(path, out, message) : own_engine(out, message);
}

char **lti_engine_argv(const struct lti_launch *launch)
{
    size_t count = 0;
    while (launch->argv[count] != NULL) {
        count++;
    }
    const char *fds = launch->map_fd >= 0 ? LTI_ENGINE_ARENA_FD_TEXT
                          ":" LTI_ENGINE_MAP_FD_TEXT
                                          : LTI_ENGINE_ARENA_FD_TEXT;
    const char *const front[] = {"lt-engine", launch->arch, fds,
                                 launch->sysroot != NULL ? launch->sysroot : "",
                                 launch->program};
    size_t front_count = sizeof front / sizeof *front;
    char **argv = malloc((front_count + count + 1) * sizeof *argv);
    if (argv != NULL) {
        memcpy(argv, front, sizeof front);
        memcpy(argv + front_count, launch->argv, (count + 1) * sizeof *argv);
    }
    return argv;
}

static int fail_exec(const struct lti_launch *launch, int error,
                     struct lti_message *message)
{
    if (error == E2BIG) {
        return lti_fail(message, LT_ERR_SYSTEM,
                        "the arguments and the environment are too long for the kernel");
    }
    if (launch->engine != NULL) {
        return lti_fail(message, LT_ERR_ENGINE,
                        "the engine program %s cannot be executed: %s", launch->engine,
                        strerrordesc_np(error));
    }
    return lti_fail(message, error == ENOMEM ? LT_ERR_NO_MEMORY : LT_ERR_SYSTEM,
                    "the engine cannot be executed: %s%s", strerrordesc_np(error),
                    error == EACCES || error == EPERM ? FORBIDDEN : "");
}

static int fail_cwd(const char *cwd, int error, struct lti_message *message)
{
    switch (error) {
    case ENOENT:
        return lti_fail(message, LT_ERR_NOT_FOUND,
                        "the working directory %s does not exist", cwd);
    case ENOTDIR:
        return lti_fail(message, LT_ERR_DIRECTORY,
                        "the working directory %s is no directory", cwd);
    case EACCES:
        return lti_fail(message, LT_ERR_PERMISSION,
                        "no permission for working directory %s", cwd);
    default:
        return lti_fail(message, error == ENOMEM ? LT_ERR_NO_MEMORY : LT_ERR_SYSTEM,
                        "the working directory %s: %s", cwd, strerrordesc_np(error));
    }
}

static int fail_start(const struct lti_launch *launch, const struct lti_supervisor *job,
                      struct lti_message *message)
{
    switch (job->step) {
    case LTI_STEP_CLONE:
        return fail_system(message, "a process for the engine cannot be made",
                           job->error);
    case LTI_STEP_STDIO:
        return fail_system(message, "the guest's standard streams cannot be set up",
                           job->error);
    case LTI_STEP_CWD:
        return fail_cwd(launch->cwd, job->error, message);
    case LTI_STEP_EXEC:
        return fail_exec(launch, job->error, message);
    default:
        return fail_system(message, "the supervisor of the engine cannot work",
                           job->error);
    }
}

static struct lti_process *process_alloc(void)
{
    struct lti_process *process = calloc(1, sizeof *process);
    if (process == NULL) {
        return NULL;
    }
    process->pidfd.fd = -1;
    process->request.fd = -1;
    process->reaped = true;
    char *memory = mmap(NULL, SUPERVISOR_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        free(process);
        return NULL;
    }
    process->memory = memory;
    if (mprotect(memory, PAGE, PROT_NONE) != 0 ||
        mprotect(memory + PAGE + STACK_SIZE, PAGE, PROT_NONE) != 0) {
        lti_process_destroy(process);
        return NULL;
    }
    process->job = (struct lti_supervisor *)(memory + SUPERVISOR_SIZE - JOB_SIZE);
    process->owner = getpid();
    return process;
}

/* Waits until the supervisor has said how the start went. */
static int wait_for_start(const struct lti_process *process)
{
    const struct timespec period = {0, CHECK_NS};
    struct lti_supervisor *job = process->job;
    for (;;) {
        bool ended = !lti_process_supervised(process);
        uint32_t state = __atomic_load_n(&job->state, __ATOMIC_ACQUIRE);
        if (state != LTI_SUPERVISOR_STARTING || ended) {
            return (int)state;
        }
        syscall(SYS_futex, &job->state, FUTEX_WAIT, LTI_SUPERVISOR_STARTING, &period,
                NULL, 0);
    }
}

/* Makes the socket to the supervisor and starts it. */
static int start_supervisor(struct lti_process *process, int host_fd,
                            struct lti_message *message)
{
    struct lti_supervisor *job = process->job;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return fail_system(message, "no socket to the supervisor can be had", errno);
    }
    keep_fd(&process->request, pair[0]);
    int request_fd = above_stdio(pair[1]);
    job->host_fd = host_fd;
    job->request_fd = request_fd;
    /* From here on the job is the supervisor's. */
    int pidfd = -1;
    int result = lti_supervisor_start(job, (char *)job, &pidfd);
    close(request_fd);
    if (result < 0) {
        return fail_system(message, "a process for the supervisor cannot be made",
                           -result);
    }
    process->reaped = false;
    process->supervisor = result;
    keep_fd(&process->pidfd, pidfd);
    return 0;
}

/* Starts the supervisor with a job that is complete but for the descriptors
 * made here, and waits for the engine's start. */
static int start(struct lti_process *process, const struct lti_launch *launch,
                 struct lti_message *message)
{
    const struct lti_supervisor *job = process->job;
    int host_fd = above_stdio((int)syscall(SYS_pidfd_open, getpid(), 0));
    if (host_fd < 0) {
        return fail_system(message, "no descriptor for the host's process can be had",
                           errno);
    }
    int error = start_supervisor(process, host_fd, message);
    close(host_fd);
    if (error == 0 && wait_for_start(process) != LTI_SUPERVISOR_RUNNING) {
        error = job->error != 0 ? fail_start(launch, job, message)
                                : lti_fail(message, LT_ERR_SYSTEM,
                                           "the supervisor was killed while it started");
    }
    return error;
}

int lti_process_start(const struct lti_launch *launch, const struct lti_arena *arena,
                      struct lti_process **out, struct lti_message *message)
{
    int engine = -1;
    *out = NULL;
    int error = lti_engine_file(launch->engine, &engine, message);
    if (error != 0) {
        return error;
    }
    struct lti_process *process = process_alloc();
    char **argv = lti_engine_argv(launch);
    if (process == NULL || argv == NULL) {
        error = lti_fail(message, LT_ERR_NO_MEMORY, "no memory to start the engine");
    } else {
        process->control = arena->control;
        process->terminal = launch->terminal;
        process->tty = launch->stdio[0];
        fstat(engine, &process->engine);
        fstat(arena->fd, &process->arena);
        *process->job = (struct lti_supervisor){
            .control = arena->control,
            .cwd = launch->cwd,
            .argv = argv,
            .envp = launch->envp,
            .child_stack = process->memory + PAGE + STACK_SIZE,
            .engine_fd = engine,
            .arena_fd = arena->fd,
            .map_fd = launch->map_fd,
            .stdio = {launch->stdio[0], launch->stdio[1], launch->stdio[2]},
            .terminal = launch->terminal,
            .host_group = getpgrp(),
            .limit_ms = launch->limit_ms,
        };
        error = start(process, launch, message);
    }
    free(argv);
    if (launch->engine != NULL) {
        close(engine);
    }
    if (error != 0) {
        lti_process_destroy(process);
        return error;
    }
    *out = process;
    return 0;
}

/* ---- Ending ---- */

bool lti_process_is_copy(const struct lti_process *process)
{
    return process->owner != getpid();
}

void lti_process_kill(struct lti_process *process)
{
    if (!lti_process_is_copy(process) && is_kept(&process->request)) {
        syscall(SYS_sendto, process->request.fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT, NULL,
                0);
    }
}

bool lti_process_supervised(const struct lti_process *process)
{
    struct pollfd end = {process->pidfd.fd, POLLIN, 0};
    /* EINTR, by a timer of the host's, says nothing. */
    return process->reaped ? false : poll(&end, 1, 0) <= 0;
}

static int wait_for(idtype_t type, id_t id)
{
    siginfo_t info;
    int result;
    do {
        result = waitid(type, id, &info, WEXITED | __WALL);
    } while (result != 0 && errno == EINTR);
    return result;
}

void lti_process_abandoned(struct lti_process *process)
{
    if (process->owner == getpid()) {
        lti_process_end(process);
        lti_orphans_kill(&process->engine, &process->arena);
    }
}

void lti_process_end(struct lti_process *process)
{
    if (process->reaped || lti_process_is_copy(process)) {
        return;
    }
    lti_process_kill(process);
    /* If the host has closed the descriptors, the supervisor ends because of that.
     * ECHILD: the host waits for everybody and was faster; then it is gone. */
    if (!is_kept(&process->pidfd) ||
        (wait_for(P_PIDFD, (id_t)process->pidfd.fd) != 0 && errno != ECHILD)) {
        wait_for(P_PID, (id_t)process->supervisor);
    }
    process->reaped = true;
}

void lti_process_destroy(struct lti_process *process)
{
    if (process == NULL) {
        return;
    }
    lti_process_end(process);
    close_kept(&process->pidfd);
    close_kept(&process->request);
    munmap(process->memory, SUPERVISOR_SIZE);
    free(process);
}

/* ---- Job control ---- */

/* tcsetpgrp() from a background process group brings SIGTTOU. */
static void set_foreground(int tty, pid_t group)
{
    sigset_t ttou, before;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &ttou, &before);
    tcsetpgrp(tty, group);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void lti_process_job_control(struct lti_process *process)
{
    struct lti_supervisor *job = process->job;
    if (!process->terminal ||
        __atomic_exchange_n(&job->stopped_by, 0, __ATOMIC_ACQ_REL) == 0) {
        return;
    }
    pid_t guest = (pid_t)job->engine_pid;
    if (tcgetpgrp(process->tty) == guest) {
        set_foreground(process->tty, getpgrp());
    }
    /* The shell sees the host stop, and this thread goes on when it says so.
     * Where nobody can continue them, in an orphaned group, the kernel does not
     * stop the host, and the guest goes on at once, as it would have alone. */
    kill(0, SIGTSTP);
    /* Another thread may be the one to take the signal: give it the time. */
    nanosleep(&(struct timespec){0, STOP_NS}, NULL);
    if (tcgetpgrp(process->tty) == getpgrp()) {
        set_foreground(process->tty, guest);
    }
    kill(-guest, SIGCONT);
}
