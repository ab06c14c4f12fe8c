/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest process as the engine sees it: start, system calls, fork, exec and
 * exit.  What an exec executes is found by lt-exec.c.
 *
 * Functions named __wrap_X stand in for QEMU's X, which they call as __real_X:
 * the linker's --wrap option puts them there (see the file `wrap`).
 */
#include "qemu/osdep.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include "qemu.h"
#include "user-internals.h"
#include "user/cpu_loop.h"
#include "user/safe-syscall.h"
#include "loader.h"
#include "signal-common.h"
#include "lt-inside.h"
#include "lt-target.h"
#include "stream.h"

const char *lt_sysroot = "";
static pid_t forker;                /* the process that forks */
static int child_stream = -1;       /* for a process that is being forked, or -1 */
static int fork_pipe[2] = {-1, -1}; /* closed by a child that has begun; in a fork */
static int waited_for = -1;         /* the end that this process's parent waits for */
static ino_t waited_for_inode;
static char *program; /* what the process executes */
static bool begun;    /* its first record is written */
static bool executed; /* it is not the session's first program */
static __thread bool wait_for_vfork;
static __thread uint32_t creator; /* the thread that made this one */

static void record_exit(CPUState *cpu, int status, int sig);
static void record_signal(CPUState *cpu, unsigned op, int sig,
                          const target_siginfo_t *info, uint64_t handler);

/* Of the present thread. */
static __thread struct {
    bool started, in_syscall, sigreturned, exiting, leaving, exec_counted;
    uint64_t left[LTI_MAX_REGS];  /* registers as cpu_exec() left them, */
    unsigned left_count;          /* so many words */
    const target_siginfo_t *info; /* of the signal in hand */
} self;

/* ---- Start ---- */

/* Lets the parent go on that waits for this process. */
static void child_has_begun(void)
{
    if (waited_for >= 0) {
        close(waited_for);
        waited_for = -1;
    }
}

/* Tells what this process is: the first of its records. */
static void record_process(CPUState *cpu, unsigned op, uint32_t parent, const char *path)
{
    uint32_t size = strlen(path), padded = ROUND_UP(size, 4);
    uint8_t *p;

    lt_stamp(cpu);
    p = lt_special(cpu, LTI_S_PROCESS, 24 + padded);
    stl_he_p(p, getpid());
    stl_he_p(p + 4, qemu_get_thread_id());
    stl_he_p(p + 8, parent);
    stl_he_p(p + 12, lt_target.arch);
    stl_he_p(p + 16, op);
    stl_he_p(p + 20, size);
    memset(p + 24, 0, padded);
    memcpy(p + 24, path, size);
    lt_sync_event(LTI_EVENT_PROCESS);
    lt_commit(cpu);
}

/* Where guest code is about to run: this thread's turn, and its stream. */
static void enter(CPUState *cpu)
{
    lt_inside_check();
    if (!lt_control) {
        lt_stream_scratch(cpu);
        return;
    }
    if (lt_parallel) {
        if (!lt_stream_owns(cpu) && !cpu->neg.lt_ptr) {
            int number = lt_stream_number() >= 0 ? -1 : lt_stream_take(false);
            if (number >= 0) {
                lt_stream_adopt(number);
            }
            if (!lt_stream_enter(cpu)) {
                qatomic_inc(&lt_control->untraced_threads);
            } else if (number >= 0) {
                record_process(cpu, LTI_PROCESS_THREAD, creator, "");
            }
        }
        lt_busy();
        return;
    }
    if (lt_baton_mine() && lt_baton_wanted()) {
        lt_stream_leave(cpu, false);
        lt_baton_give();
    }
    if (lt_baton_take(cpu)) {
        lt_stream_enter(cpu);
    }
    lt_busy();
}

/* The arena, the coverage map, and this process's stream: a fresh one, or the one that it
 * had before its exec. */
static void attach(int fd, int number, int map)
{
    bool first = number < 0;

    if (lt_inside) {
        lt_stream_use(lt_inside->arena);
    } else {
        lt_stream_map(fd);
        lt_hidden_set(LT_ARENA_FD, fd);
        lt_hidden_set(LT_MAP_FD, map);
    }
    lt_coverage_start(lt_hidden_fd(LT_MAP_FD));
    for (uint32_t i = 0; i < lt_control->range_count && i < LTI_MAX_FILTERS; i++) {
        const struct lti_range *r = &lt_control->ranges[i];
        lt_filtered |= r->pc_start || r->pc_end || r->module[0];
        lt_watch_stores |= (r->want & LTI_WANT_WRITE) != 0;
        lt_watch_loads |= (r->want & LTI_WANT_READ) != 0;
    }
    lt_guard_init(lt_control->supervisor_pid, lt_control->pid_namespace);
    lt_sync_start();
    lt_stream_adopt(first ? lt_stream_take(false) : number);
    lt_limits_attach(&lt_control->streams[lt_stream_number()], first);
    lt_poker_start();
    if (first) {
        qatomic_set(&lt_control->phase, LTI_PHASE_LOAD);
    }
}

/*
 * lt-engine ARCH ARENA SYSROOT PROGRAM ARGV...
 * ARENA is the arena's descriptor and that of the coverage map; behind an exec, also the
 * number of the process's stream, the descriptor that its parent waits for, that of the
 * program, and what lt_guard_argument() says, each behind a colon.  -1: none; without an
 * arena nobody traces the process.  ARGV has an argv[0].
 */
int lt_engine_entry(int argc, char **argv, char **envp)
{
    char **qemu_argv = g_new0(char *, argc + 10);
    int fd = -1, map = -1, stream = -1, opened = -1, supervisor = 0, n = 0;
    uint64_t namespace = 0;

    lt_inside_begin();
    lt_maps_init();
    lt_sysroot = argv[3];
    sscanf(argv[2], "%d:%d:%d:%d:%d:%d:%" SCNu64, &fd, &map, &stream, &waited_for,
           &opened, &supervisor, &namespace);
    executed = stream >= 0;
    program = opened >= 0 ? lt_exec_opened(opened, argv[4]) : g_strdup(argv[4]);
    if (waited_for >= 0) {
        fcntl(waited_for, F_SETFD, FD_CLOEXEC);
    }
    if (fd >= 0) {
        attach(fd, stream, map);
    } else {
        lt_guard_init(supervisor, namespace);
    }
    qemu_argv[n++] = argv[0];
    if (*lt_sysroot) {
        qemu_argv[n++] = g_strdup("-L");
        qemu_argv[n++] = argv[3];
    }
    qemu_argv[n++] = g_strdup("-cpu");
    qemu_argv[n++] = lt_control && lt_control->cpu[0]
                         ? g_strndup(lt_control->cpu, sizeof(lt_control->cpu))
                         : g_strdup(lt_target.cpu);
    qemu_argv[n++] = g_strdup("-0");
    qemu_argv[n++] = argv[5];
    qemu_argv[n++] = argv[4];
    for (int i = 6; i < argc; i++) {
        qemu_argv[n++] = argv[i];
    }
    return lt_qemu_main(n, qemu_argv, envp);
}

/* The program's own thread, which loads it, writes the first records. */
void lt_begin(CPUState *cpu)
{
    if (!lt_control || begun) {
        return;
    }
    begun = true;
    lt_baton_take(cpu);
    lt_stream_enter(cpu);
    record_process(cpu, executed ? LTI_PROCESS_EXEC : LTI_PROCESS_START, 0, program);
    child_has_begun();
}

/* ---- The CPU ---- */

static bool choosing_cpu; /* what QEMU complains of is lti_control.cpu */

G_NORETURN static void refuse_cpu(const char *why)
{
    if (lt_control) {
        snprintf(lt_control->message, sizeof(lt_control->message), "%s", why);
        lt_control->load_error = LTI_CPU_REFUSED;
    }
    _exit(126);
}

const char *__real_parse_cpu_option(const char *);
const char *__wrap_parse_cpu_option(const char *);
const char *__wrap_parse_cpu_option(const char *option)
{
    choosing_cpu = lt_control != NULL;
    return __real_parse_cpu_option(option);
}

CPUState *__real_cpu_create(const char *);
CPUState *__wrap_cpu_create(const char *);
CPUState *__wrap_cpu_create(const char *type)
{
    CPUState *cpu = __real_cpu_create(type);
    const char *why = choosing_cpu ? lt_target.untraced(cpu) : NULL;

    lt_coverage_cpu(cpu);
    lt_exec_resolved();
    if (why) {
        refuse_cpu(why);
    }
    if (choosing_cpu && lt_target.choose) {
        lt_target.choose(cpu);
    }
    choosing_cpu = false;
    return cpu;
}

/* QEMU's own voice, on the guest's standard error. */
void __real_error_report(const char *, ...);
void __wrap_error_report(const char *, ...) G_GNUC_PRINTF(1, 2);
void __wrap_error_report(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    if (choosing_cpu) {
        refuse_cpu(text);
    }
    __real_error_report("%s", text);
}

/* Such as features of a CPU model that QEMU does not have. */
void __wrap_warn_report(const char *, ...) G_GNUC_PRINTF(1, 2);
void __wrap_warn_report(const char *format, ...)
{
}

G_NORETURN void lt_load_failed(const char *path, int error)
{
    if (lt_control && !executed) {
        lt_control->load_error = error;
        snprintf(lt_control->message, sizeof(lt_control->message), "cannot load %s: %s",
                 path, strerror(error));
    } else {
        fprintf(stderr, "libtrace: cannot load %s: %s\n", path, strerror(error));
        if (lt_control && thread_cpu) {
            lt_begin(thread_cpu);
            record_exit(thread_cpu, 126, 0);
        } else if (lt_control) {
            lt_stream_state(LTI_STREAM_ENDED);
        }
    }
    _exit(126);
}

/* ---- Running ---- */

void __real_cpu_exec_start(CPUState *);
void __wrap_cpu_exec_start(CPUState *);
void __wrap_cpu_exec_start(CPUState *cpu)
{
    lt_begin(cpu);
    enter(cpu);
    if (lt_control && !lt_parallel) {
        /* Nobody runs beside this thread but who shares memory with the process. */
        if (lt_shared_memory) {
            cpu->tcg_cflags |= CF_PARALLEL;
        } else {
            cpu->tcg_cflags &= ~CF_PARALLEL;
        }
    }
    __real_cpu_exec_start(cpu);
}

/* Whether an instruction was left in the middle: those of aarch64 that copy and set
 * memory give way to an interrupt within their helper, and registers say how far they
 * came. */
static bool in_the_middle(CPUState *cpu)
{
    uint8_t code[4];

    return lt_target.arch == 2 && /* LT_ARCH_AARCH64 */
           lt_read_guest(lt_target.pc(cpu_env(cpu)), code, 4) == 4 &&
           lt_target.repeats(code, 4);
}

/* Where neither a system call nor anything else that was told has come in between. */
static void record_present(CPUState *cpu)
{
    uint64_t now[LTI_MAX_REGS] __attribute__((uninitialized));
    unsigned count = lt_target.collect(cpu_env(cpu), now, false);
    bool same = count == self.left_count && memcmp(now, self.left, 8 * count) == 0;

    lt_record_regs(cpu,
                   cpu->neg.lt_stale             ? LTI_REGS_START
                   : same && !in_the_middle(cpu) ? LTI_REGS_CHECK
                                                 : LTI_REGS_SIGNAL,
                   0, false);
}

/* The thread waits here for what was told before, as it will not come to guest code
 * soon. */
static void wait_before(CPUState *cpu)
{
    if (lt_sync && lt_sync_has_events()) {
        record_present(cpu);
        lt_sync_point(cpu);
    }
}

/* Generated code was left to wait for the library: true if that is done, and nothing
 * else is to be looked at.  To come in from outside again would break exclusive accesses
 * of some architectures: where the guest waits inside, they would never succeed. */
static bool waited(CPUState *cpu)
{
    if (!lt_sync || !lt_sync_leaves()) {
        return false;
    }
    record_present(cpu);
    lt_sync_point(cpu);
    return !qatomic_read(&get_task_state(cpu)->signal_pending) &&
           !qatomic_read(&lt_control->paused) && !lt_baton_wanted() &&
           QSIMPLEQ_EMPTY(&cpu->work_list);
}

int __real_cpu_exec(CPUState *);
int __wrap_cpu_exec(CPUState *);
int __wrap_cpu_exec(CPUState *cpu)
{
    int trap;

    if (!lt_stream_owns(cpu)) {
        return __real_cpu_exec(cpu);
    }
    if (!lt_guest_started) {
        lt_maps_start(cpu);
    }
    if (!self.started) {
        self.started = true;
        qatomic_set(&lt_control->phase, LTI_PHASE_RUN);
        lt_sync_event(LTI_EVENT_THREAD);
        lt_record_regs(cpu, LTI_REGS_START, 0, false);
    } else if (self.in_syscall) {
        lt_record_regs(cpu, self.sigreturned ? LTI_REGS_SIGNAL : LTI_REGS_KERNEL, 0,
                       false);
    } else {
        record_present(cpu);
    }
    self.in_syscall = self.sigreturned = false;
    if (lt_sync) {
        lt_sync_point(cpu);
    }
    do {
        lt_make_room(cpu);
        lt_commit(cpu);
        lt_sync_pump();
        lt_stream_in_guest(true);
        trap = __real_cpu_exec(cpu);
        lt_again = false;
        if (lt_parallel) {
            lt_commit(cpu); /* another thread may end the process now */
        }
        lt_stream_in_guest(false);
        self.left_count = lt_target.collect(cpu_env(cpu), self.left, false);
    } while (trap == EXCP_INTERRUPT && waited(cpu));
    return trap;
}

__thread bool lt_again;

/* A store to a page whose code was translated: if it changes the block that makes
 * it, this leaves the block and does not return. */
bool __real_handle_sigsegv_accerr_write(CPUState *, sigset_t *, uintptr_t, abi_ptr);
bool __wrap_handle_sigsegv_accerr_write(CPUState *, sigset_t *, uintptr_t, abi_ptr);
bool __wrap_handle_sigsegv_accerr_write(CPUState *cpu, sigset_t *old, uintptr_t pc,
                                        abi_ptr addr)
{
    bool handled;

    lt_again = true;
    handled = __real_handle_sigsegv_accerr_write(cpu, old, pc, addr);
    lt_again = false;
    return handled;
}

/* ---- Calls that may block ---- */

/* The host's call that comes next may last: others may run meanwhile.  True if the
 * baton was given up. */
static bool leave(bool others)
{
    CPUState *cpu = thread_cpu;

    if (!cpu || !lt_stream_owns(cpu)) {
        return false;
    }
    lt_idle();
    if (!others || !lt_baton_mine() || !CPU_NEXT(first_cpu)) {
        return false;
    }
    lt_stream_leave(cpu, false);
    lt_baton_give();
    return true;
}

static void come_back(bool left)
{
    int saved = errno;

    lt_inside_check();
    if (left) {
        enter(thread_cpu);
    } else if (thread_cpu && lt_stream_owns(thread_cpu)) {
        lt_busy();
    }
    errno = saved;
}

long __real_safe_syscall_base(int *, long, long, long, long, long, long, long);
long __wrap_safe_syscall_base(int *, long, long, long, long, long, long, long);
long __wrap_safe_syscall_base(int *pending, long nr, long a, long b, long c, long d,
                              long e, long f)
{
    const long args[6] = {a, b, c, d, e, f};
    bool left;
    long ret;

    if (lt_inside_host()) {
        if (lt_inside_call(nr, args, &ret)) {
            return ret;
        }
        if (lt_stream_owns(thread_cpu)) {
            lt_inside_pump(); /* events do not wait as the guest may */
        }
    }
    /* Other threads end with an exec; none shall fork in between. */
    left = leave(nr != SYS_execve && nr != SYS_execveat);
    ret = __real_safe_syscall_base(pending, nr, a, b, c, d, e, f);
    if (lt_inside_host()) {
        lt_inside->called(nr, args, ret);
    }
    lt_kernel_filled(nr, b, c, ret);
    come_back(left);
    return ret;
}

/* Those that QEMU makes without a check for signals. */
#define MAY_BLOCK(type, name, parameters, arguments)                                     \
    type __real_##name parameters;                                                       \
    type __wrap_##name parameters;                                                       \
    type __wrap_##name parameters                                                        \
    {                                                                                    \
        if (lt_inside_host() && thread_cpu && lt_stream_owns(thread_cpu)) {              \
            lt_inside_pump();                                                            \
        }                                                                                \
        bool left = leave(true);                                                         \
        type ret = __real_##name arguments;                                              \
        come_back(left);                                                                 \
        return ret;                                                                      \
    }

MAY_BLOCK(ssize_t, sendfile64, (int out, int in, off_t *at, size_t n), (out, in, at, n))
MAY_BLOCK(ssize_t, splice,
          (int in, off_t *at, int out, off_t *to, size_t n, unsigned flags),
          (in, at, out, to, n, flags))
MAY_BLOCK(ssize_t, tee, (int in, int out, size_t n, unsigned flags), (in, out, n, flags))
MAY_BLOCK(ssize_t, vmsplice, (int fd, const struct iovec *v, size_t n, unsigned flags),
          (fd, v, n, flags))
MAY_BLOCK(int, fsync, (int fd), (fd))
MAY_BLOCK(int, sigsuspend, (const sigset_t *set), (set)) /* pause() */
MAY_BLOCK(int, fdatasync, (int fd), (fd))
MAY_BLOCK(int, syncfs, (int fd), (fd))

/* ---- System calls ---- */

static void put(GByteArray *to, const void *data, size_t size)
{
    g_byte_array_append(to, data, size);
}

/* `again`: the library has changed what was told. */
static void record_syscall(CPUState *cpu, uint64_t pc, int nr, const abi_long *args,
                           uint32_t *lengths, bool again)
{
    g_autoptr(GByteArray) record = g_byte_array_new();
    uint32_t head[2] = {nr, again};

    put(record, &pc, 8);
    put(record, head, 8);
    for (int i = 0; i < 6; i++) {
        uint64_t value = args[i];
        put(record, &value, 8);
    }
    lt_capture_enter(record, nr, args, lengths);
    if (!again) {
        lt_stamp(cpu);
    }
    memcpy(lt_special(cpu, LTI_S_SYSCALL, record->len), record->data, record->len);
}

static void record_return(CPUState *cpu, uint64_t pc, int nr, const abi_long *args,
                          abi_long ret, uint32_t *lengths)
{
    g_autoptr(GByteArray) record = g_byte_array_new();
    uint32_t head[2] = {nr, 0};
    /* 512 is the kernel's own number for a call that is made again. */
    int64_t value = ret == -QEMU_ESIGRETURN ? 0 : ret == -QEMU_ERESTARTSYS ? -512 : ret;

    put(record, &pc, 8);
    put(record, head, 8);
    put(record, &value, 8);
    lt_capture_return(record, nr, args, value, lengths);
    lt_stamp(cpu);
    memcpy(lt_special(cpu, LTI_S_SYSRET, record->len), record->data, record->len);
}

/* An exec that returns has failed. */
static void undo_exec(void)
{
    lt_exec_undo();
    lt_limits_return();
    if (!self.leaving || !lt_control) {
        return;
    }
    self.leaving = false;
    if (self.exec_counted) {
        qatomic_dec(&lt_control->untraced_processes);
        self.exec_counted = false;
    }
    lt_hidden_keep(false);
    if (waited_for >= 0) {
        fcntl(waited_for, F_SETFD, FD_CLOEXEC);
    }
    lt_stream_state(LTI_STREAM_LIVE);
}

/* Whether a system call makes a process or a thread, and with which flags. */
static bool is_clone(int nr, const abi_long *args, abi_ulong *flags)
{
    switch (nr) {
    case TARGET_NR_clone:
        *flags = args[0];
        return true;
#ifdef TARGET_NR_fork
    case TARGET_NR_fork:
        *flags = 0;
        return true;
    case TARGET_NR_vfork:
        *flags = CLONE_VFORK | CLONE_VM;
        return true;
#endif
    default:
        return false;
    }
}

static bool makes_thread(abi_ulong flags, bool clones)
{
    return clones && (flags & CLONE_VM) && !(flags & CLONE_VFORK);
}

/* The words that a new thread has written its number to, before its turn. */
static void tell_tids(CPUState *cpu, abi_ulong flags, const abi_long *args)
{
#ifdef TARGET_X86_64
    const abi_ulong child = args[3];
#else
    const abi_ulong child = args[4];
#endif

    if ((flags & CLONE_CHILD_SETTID) && access_ok(cpu, VERIFY_READ, child, 4)) {
        lt_kernel_write(cpu, child, 4);
    }
    if ((flags & CLONE_PARENT_SETTID) && access_ok(cpu, VERIFY_READ, args[2], 4)) {
        lt_kernel_write(cpu, args[2], 4);
    }
}

/* A thread that ends: what it still does to memory is told before, as its CPU will
 * be no more. */
static void end_thread(CPUState *cpu)
{
    abi_ulong word = get_task_state(cpu)->child_tidptr;

    if (word) {
        put_user_u32(0, word);
    }
    lt_special(cpu, LTI_S_THREAD_EXIT, 0);
    lt_sync_event(LTI_EVENT_THREAD);
    if (lt_sync && lt_sync_has_events()) {
        lt_sync_point(cpu);
    }
    lt_stream_leave(cpu, true);
    lt_baton_detach();
}

/* A thread learns who made it. */
struct beginning {
    void *(*run)(void *);
    void *argument;
    uint32_t creator;
};

static void *begin_thread(void *given)
{
    struct beginning b = *(struct beginning *)given;

    g_free(given);
    creator = b.creator;
    return b.run(b.argument);
}

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *argument)
{
    struct beginning *b = g_new(struct beginning, 1);
    int error;

    *b = (struct beginning){run, argument, qemu_get_thread_id()};
    error = __real_pthread_create(thread, attributes, begin_thread, b);
    if (error) {
        g_free(b);
    }
    return error;
}

void __real_rcu_unregister_thread(void);
void __wrap_rcu_unregister_thread(void);
void __wrap_rcu_unregister_thread(void)
{
    if (lt_baton_mine()) {
        lt_idle();
        lt_baton_give();
    }
    lt_exit_end();
    __real_rcu_unregister_thread();
}

/* What the kernel has for a thread's name; false: the thread is no more. */
static bool read_name(int tid, char name[16])
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/comm", tid);
    ssize_t n;
    int fd;

    memset(name, 0, 16);
    if (tid == qemu_get_thread_id()) {
        return prctl(PR_GET_NAME, name) == 0;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    n = read(fd, name, 16);
    close(fd);
    if (n > 0) {
        name[n - 1] = 0; /* in place of a newline */
    }
    return n > 0;
}

static void record_name(CPUState *cpu, int tid)
{
    char name[16];
    uint8_t *p;

    if (!read_name(tid, name)) {
        return;
    }
    p = lt_special(cpu, LTI_S_NAME, 20);
    memcpy(p, name, 16);
    stl_he_p(p + 16, tid);
}

/* The thread of this process that a system call has named, or 0. */
static int named(int nr, const abi_long *args, abi_long ret)
{
    g_autofree char *link = NULL, *path = NULL;
    struct statfs fs;
    int pid, tid = 0, end = 0;

    switch (nr) {
    case TARGET_NR_prctl:
        return args[0] == PR_SET_NAME && ret == 0 ? qemu_get_thread_id() : 0;
    case TARGET_NR_write:
    case TARGET_NR_writev:
    case TARGET_NR_pwrite64:
        if (ret > 0 && fstatfs(args[0], &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
            link = g_strdup_printf("/proc/self/fd/%d", (int)args[0]);
            path = g_file_read_link(link, NULL);
        }
        if (!path) {
            return 0;
        }
        if (sscanf(path, "/proc/%d/task/%d/comm%n", &pid, &tid, &end) != 2 || !end) {
            sscanf(path, "/proc/%d/comm%n", &pid, &end);
            tid = pid;
        }
        return end && !path[end] && pid == getpid() ? tid : 0;
    default:
        return 0;
    }
}

/* The library looks at a call before it is made, and may change it.  True if it shall
 * not be made, and give *ret. */
static bool ask_about_syscall(CPUState *cpu, uint64_t pc, int *nr, abi_long *args,
                              uint32_t *lengths, abi_long *ret)
{
    bool changed = false, refused;
    int64_t result = 0;

    refused = lt_sync_call(cpu, pc, &changed, &result);
    *ret = result;
    if (changed) {
        int64_t now[6];

        *nr = lt_target.syscall_args(cpu_env(cpu), now);
        for (int i = 0; i < 6; i++) {
            args[i] = now[i];
        }
        record_syscall(cpu, pc, *nr, args, lengths, true);
    }
    return refused;
}

abi_long __real_do_syscall(CPUArchState *, int, abi_long, abi_long, abi_long, abi_long,
                           abi_long, abi_long, abi_long, abi_long);

/* Makes the call, unless it would reach others; no more of it than limits leave. */
static abi_long make_syscall(CPUArchState *env, int nr, const abi_long *args, abi_long a7,
                             abi_long a8)
{
    abi_long made[6], ret;
    struct lt_output output;

    lt_crash_wanted(nr, args);
    if (lt_guard_refuses(nr, args, &ret)) {
        return ret;
    }
    memcpy(made, args, sizeof(made));
    output = lt_limits_write(nr, made);
    ret = __real_do_syscall(env, nr, made[0], made[1], made[2], made[3], made[4], made[5],
                            a7, a8);
    lt_limits_wrote(output, nr, args, ret);
    return ret;
}

abi_long __wrap_do_syscall(CPUArchState *, int, abi_long, abi_long, abi_long, abi_long,
                           abi_long, abi_long, abi_long, abi_long);
abi_long __wrap_do_syscall(CPUArchState *env, int nr, abi_long a1, abi_long a2,
                           abi_long a3, abi_long a4, abi_long a5, abi_long a6,
                           abi_long a7, abi_long a8)
{
    CPUState *cpu = env_cpu(env);
    abi_long args[6] = {a1, a2, a3, a4, a5, a6};
    uint64_t pc = lt_target.enter_syscall(env);
    abi_ulong flags = 0;
    bool clones, refused;
    uint32_t lengths[6];
    abi_long ret = 0;
    int tid;

    self.exiting = nr == TARGET_NR_exit || nr == TARGET_NR_exit_group;
    if (!lt_stream_owns(cpu)) {
        ret = make_syscall(env, nr, args, a7, a8);
        undo_exec();
        return ret;
    }
    lt_record_regs(cpu, cpu->neg.lt_stale ? LTI_REGS_START : LTI_REGS_SYSCALL, 0, false);
    record_syscall(cpu, pc, nr, args, lengths, false);
    refused = lt_sync && ask_about_syscall(cpu, pc, &nr, args, lengths, &ret);
    clones = is_clone(nr, args, &flags) && !refused;
    lt_kernel_enter(cpu, pc, nr, args);
    self.in_syscall = true;
    self.exiting = (nr == TARGET_NR_exit || nr == TARGET_NR_exit_group) && !refused;
    lt_make_room(cpu);
    lt_commit(cpu);
    if (nr == TARGET_NR_exit && !refused) {
        lt_exit_begin();
    }
    if (nr == TARGET_NR_exit && !CPU_NEXT(first_cpu)) {
        lt_exit_end(); /* there is nobody else */
    } else if (nr == TARGET_NR_exit && !refused) {
        /* A signal that came before goes first, as in QEMU's own code. */
        if (block_signals()) {
            lt_exit_end();
            lt_kernel_leave(cpu, nr, args, -QEMU_ERESTARTSYS);
            record_return(cpu, pc, nr, args, -QEMU_ERESTARTSYS, lengths);
            lt_commit(cpu);
            return -QEMU_ERESTARTSYS;
        }
        qatomic_set(&get_task_state(cpu)->signal_pending, 0);
        end_thread(cpu);
    }
    if (makes_thread(flags, clones) && !lt_parallel) {
        /* So that QEMU leaves it alone; see __wrap_cpu_exec_start(). */
        cpu->tcg_cflags |= CF_PARALLEL;
    }
    wait_for_vfork = clones && (flags & CLONE_VFORK);
    if (!refused && !lt_hidden_call(nr, args, &ret)) {
        ret = make_syscall(env, nr, args, a7, a8);
    }
    if (!lt_stream_owns(cpu)) {
        return ret; /* a forked child that is not traced */
    }
    if (!refused) {
        ret = lt_hidden_entries(nr, args[0], args[1], ret);
    }
    undo_exec();
    if (ret > 0 && makes_thread(flags, clones)) {
        tell_tids(cpu, flags, args);
        stl_he_p(lt_special(cpu, LTI_S_CLONE, 4), ret);
    }
    lt_kernel_leave(cpu, refused ? -1 : nr, args, ret);
    record_return(cpu, pc, nr, args, ret, lengths);
    if (lt_sync) {
        lt_sync_return(pc, ret == -QEMU_ERESTARTSYS);
    }
    tid = refused ? 0 : named(nr, args, ret);
    if (tid) {
        record_name(cpu, tid);
        lt_sync_event(LTI_EVENT_THREAD);
    }
    self.sigreturned = ret == -QEMU_ESIGRETURN;
    if (self.sigreturned) {
        lt_stamp(cpu);
        record_signal(cpu, LTI_SIGNAL_RETURN, 0, NULL, 0);
    }
    lt_commit(cpu);
    return ret;
}

/* ---- Signals ---- */

static void record_signal(CPUState *cpu, unsigned op, int sig,
                          const target_siginfo_t *info, uint64_t handler)
{
    bool fault = sig == TARGET_SIGSEGV || sig == TARGET_SIGBUS || sig == TARGET_SIGILL ||
                 sig == TARGET_SIGFPE || sig == TARGET_SIGTRAP;
    uint8_t *p;

    p = lt_special(cpu, LTI_S_SIGNAL, 40);
    lt_sync_event(LTI_EVENT_SIGNAL);
    stl_he_p(p, op);
    stl_he_p(p + 4, sig);
    stl_he_p(p + 8, info ? tswap32(info->si_code) : 0);
    stl_he_p(p + 12, 0);
    stq_he_p(p + 16, lt_target.pc(cpu_env(cpu)));
    /* A signal that somebody sent has no address, whatever its number. */
    stq_he_p(p + 24, info && fault && (int)tswap32(info->si_code) > 0
                         ? tswapal(info->_sifields._sigfault._addr)
                         : 0);
    stq_he_p(p + 32, handler);
}

/* A signal is about to be delivered, ignored or taken by its default action. */
int __real_gdb_handlesig(CPUState *, int, const char *, void *, int);
int __wrap_gdb_handlesig(CPUState *, int, const char *, void *, int);
int __wrap_gdb_handlesig(CPUState *cpu, int sig, const char *reason, void *info, int size)
{
    self.info = info;
    return __real_gdb_handlesig(cpu, sig, reason, info, size);
}

/* Records the delivery; where its record stands. */
static uint8_t *begin_frame(CPUState *cpu, int sig, const struct target_sigaction *action)
{
    uint8_t *record;

    /* What the system call in hand returned comes before its interruption. */
    if (self.in_syscall) {
        lt_record_regs(cpu, LTI_REGS_KERNEL, 0, false);
        self.in_syscall = self.sigreturned = false;
    }
    wait_before(cpu);
    lt_sync_interrupted();
    lt_make_room(cpu);
    lt_stamp(cpu);
    record = cpu->neg.lt_ptr;
    record_signal(cpu, LTI_SIGNAL_DELIVER, sig, self.info, action->_sa_handler);
    return record;
}

static void end_frame(CPUState *cpu, uint8_t *record,
                      const struct target_sigaction *action)
{
    CPUArchState *env = cpu_env(cpu);

    if (lt_target.pc(env) != action->_sa_handler) {
        /* There was no room for the frame: the signal was not delivered. */
        stl_he_p(record, LTI_SPECIAL_HEAD(LTI_S_PAD, 44));
    }
    lt_record_regs(cpu, LTI_REGS_SIGNAL, 0, false);
    lt_target.collect(env, self.left, false);
    lt_commit(cpu);
}

/* The frame on the guest's stack, of which some architectures have two kinds. */
#define SETS_UP_FRAME(name, parameters, arguments)                                       \
    void __real_##name parameters;                                                       \
    void __wrap_##name parameters;                                                       \
    void __wrap_##name parameters                                                        \
    {                                                                                    \
        CPUState *cpu = env_cpu(env);                                                    \
        bool owns = lt_stream_owns(cpu);                                                 \
        uint8_t *record = owns ? begin_frame(cpu, sig, action) : NULL;                   \
        lt_kernel_at(lt_target.pc(env));                                                 \
        __real_##name arguments;                                                         \
        lt_kernel_at(0);                                                                 \
        if (owns) {                                                                      \
            end_frame(cpu, record, action);                                              \
        }                                                                                \
    }

SETS_UP_FRAME(setup_rt_frame,
              (int sig, struct target_sigaction *action, target_siginfo_t *info,
               target_sigset_t *set, CPUArchState *env),
              (sig, action, info, set, env))
#ifdef TARGET_ARCH_HAS_SETUP_FRAME
SETS_UP_FRAME(setup_frame,
              (int sig, struct target_sigaction *action, target_sigset_t *set,
               CPUArchState *env),
              (sig, action, set, env))
#endif

/* ---- The end ---- */

static void record_exit(CPUState *cpu, int status, int sig)
{
    uint8_t *p;

    lt_stamp(cpu);
    p = lt_special(cpu, LTI_S_EXIT, 8);
    stl_he_p(p, status);
    stl_he_p(p + 4, sig);
    lt_commit(cpu);
    if (!executed) {
        qatomic_store_release(&lt_control->phase, LTI_PHASE_END);
    }
    lt_stream_state(LTI_STREAM_ENDED);
}

/* The guest's last moments, by exit_group, exit or a signal. */
void __real_preexit_cleanup(CPUArchState *, int);
void __wrap_preexit_cleanup(CPUArchState *, int);
void __wrap_preexit_cleanup(CPUArchState *env, int code)
{
    CPUState *cpu = env_cpu(env);

    if (lt_control && lt_parallel && !cpu_in_exclusive_context(cpu)) {
        /* What others did up to now is whole once they have left their blocks. */
        start_exclusive();
        lt_stream_commit_all();
    }
    if (lt_stream_owns(cpu)) {
        wait_before(cpu);
        lt_maps_check(cpu);
        lt_limits_leave(); /* the stream may be another process's then */
        record_exit(cpu, self.exiting ? code & 0xff : 0, self.exiting ? 0 : code - 128);
    }
    lt_limits_leave();
    if (lt_inside_host()) {
        lt_inside->end(self.exiting ? code & 0xff : 0, self.exiting ? 0 : code - 128);
    }
    __real_preexit_cleanup(env, code);
}

void lt_guest_dies(CPUState *cpu, int sig)
{
    if (lt_stream_owns(cpu)) {
        record_exit(cpu, 0, sig);
    }
    lt_inside->end(0, sig);
}

/* ---- fork ---- */

void __real_fork_start(void);
void __wrap_fork_start(void);
void __wrap_fork_start(void)
{
    CPUState *cpu = thread_cpu;

    lt_limits_fork(wait_for_vfork);
    __real_fork_start();
    forker = getpid();
    lt_maps_fork_start();
    child_stream = -1;
    if (lt_stream_owns(cpu) && lt_control->follow != LTI_FOLLOW_NONE && !lt_inside) {
        child_stream = lt_stream_take(true);
        if (child_stream >= 0) {
            uint8_t *p = lt_special(cpu, LTI_S_FORK, 8);
            stl_he_p(p, child_stream);
            stl_he_p(p + 4, 1);
            lt_commit(cpu);
        }
    }
    fork_pipe[0] = fork_pipe[1] = -1;
    if ((wait_for_vfork || child_stream >= 0) && pipe2(fork_pipe, O_CLOEXEC) == 0) {
        fork_pipe[0] = lt_hide_fd(fork_pipe[0]);
        fork_pipe[1] = lt_hide_fd(fork_pipe[1]);
    }
}

/* In the child. */
static void begin_child(CPUState *cpu)
{
    lt_baton_fork(cpu);
    lt_stream_forget(cpu);
    if (child_stream < 0) {
        lt_hidden_close();
        lt_stream_unmap();
        lt_coverage_leave();
        return;
    }
    executed = true; /* not the session's first process */
    lt_poker_start();
    lt_stream_adopt(child_stream);
    lt_stream_enter(cpu);
    record_process(cpu, LTI_PROCESS_START, forker, program);
}

void __real_fork_end(pid_t);
void __wrap_fork_end(pid_t);
void __wrap_fork_end(pid_t pid)
{
    CPUState *cpu = thread_cpu;
    /* Other threads may fork while this one waits. */
    const int reading = fork_pipe[0], writing = fork_pipe[1];
    int saved = errno;

    lt_maps_fork_end();
    fork_pipe[0] = fork_pipe[1] = -1;
    if (pid == 0) {
        struct stat st;

        /* Who waits for the parent does not wait for its child. */
        child_has_begun();
        waited_for = writing;
        waited_for_inode = writing >= 0 && fstat(writing, &st) == 0 ? st.st_ino : 0;
        if (reading >= 0) {
            close(reading);
        }
        lt_limits_child(child_stream < 0 ? NULL : &lt_session->streams[child_stream],
                        wait_for_vfork);
        if (lt_control) {
            begin_child(cpu);
        }
        if (!wait_for_vfork) {
            child_has_begun();
        }
    } else if (lt_stream_owns(cpu)) {
        if (pid < 0 && child_stream >= 0) {
            uint8_t *p = lt_special(cpu, LTI_S_FORK, 8);
            stl_he_p(p, child_stream);
            stl_he_p(p + 4, 0);
            lt_commit(cpu);
            lt_stream_drop(child_stream);
        } else if (pid > 0 && child_stream < 0) {
            qatomic_inc(&lt_control->untraced_processes);
        }
    }
    if (pid != 0) {
        lt_limits_forked(wait_for_vfork, pid > 0);
    }
    errno = saved;
    __real_fork_end(pid);
    if (pid != 0 && reading >= 0) {
        /* The child's beginning is told before what its parent does next.  QEMU makes
         * a fork of a vfork; the parent still waits for the exec or the end of its
         * child. */
        bool left;
        char byte;

        close(writing);
        left = leave(wait_for_vfork);
        while (read(reading, &byte, 1) < 0 && errno == EINTR) {
        }
        come_back(left);
        close(reading);
    }
    errno = saved;
}

/* ---- exec ---- */

/* The parent of a vfork goes on when the program that its child executes has begun.
 * The child may have closed the descriptor, and opened something else. */
static void keep_fork_pipe(void)
{
    struct stat st;

    if (waited_for >= 0 && (fstat(waited_for, &st) != 0 || !S_ISFIFO(st.st_mode) ||
                            st.st_ino != waited_for_inode)) {
        waited_for = -1;
    }
    if (waited_for >= 0) {
        fcntl(waited_for, F_SETFD, 0);
    }
}

/* The exec is about to be made, of a program that is open, or -1 if it is not for an
 * engine.  The ARENA of its command line, which the caller frees. */
char *lt_exec_begin(int opened)
{
    g_autofree char *guard = lt_guard_argument();
    const bool traced = opened >= 0 && lt_control &&
                        lt_control->follow == LTI_FOLLOW_ALL && lt_stream_number() >= 0;

    if (lt_control) {
        self.leaving = true;
    }
    if (traced) {
        lt_hidden_keep(true);
        keep_fork_pipe();
        lt_limits_keep(&lt_control->streams[lt_stream_number()]);
        lt_stream_state(LTI_STREAM_EXEC);
        return g_strdup_printf(
            "%d:%d:%d:%d:%d:%s", lt_inside ? 0 : lt_hidden_fd(LT_ARENA_FD),
            lt_hidden_fd(LT_MAP_FD), lt_stream_number(), waited_for, opened, guard);
    }
    lt_limits_leave();
    if (lt_control) {
        qatomic_inc(&lt_control->untraced_processes);
        self.exec_counted = true;
        lt_stream_state(lt_inside ? LTI_STREAM_GONE : LTI_STREAM_LEAVES);
    }
    return g_strdup_printf("-1:-1:-1:-1:%d:%s", opened, guard);
}
