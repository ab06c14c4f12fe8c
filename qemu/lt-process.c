/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest process as the engine sees it: start, system calls, mappings, fork,
 * exec and exit.
 *
 * Functions named __wrap_X stand in for QEMU's X, which they call as __real_X:
 * the linker's --wrap option puts them there (see the file `wrap`).
 */
#include "qemu/osdep.h"
#include "qemu.h"
#include "user-internals.h"
#include "user/cpu_loop.h"
#include "user/safe-syscall.h"
#include "user-mmap.h"
#include "loader.h"
#include "signal-common.h"
#include "qemu/path.h"
#include "qemu/thread.h"
#include "elf.h"
#include "lt-target.h"
#include "stream.h"

/* The engine's own program, whatever its file was. */
#define SELF "/proc/self/exe"

static const char *sysroot = "";
static GArray *mappings;            /* struct mapping, sorted by nothing */
static GByteArray *pending;         /* map records of threads that are not recorded */
static QemuMutex lock;              /* over both */
static uint64_t left[LTI_MAX_REGS]; /* registers as cpu_exec() left them */
static bool started, in_syscall, sigreturned; /* of the thread that is recorded */
static __thread bool exiting, exec_counted;

struct mapping {
    abi_ulong start, end; /* exclusive */
    char *path;
};

/* ---- Start ---- */

/*
 * lt-engine ARCH ARENA_FD SYSROOT PROGRAM ARGV...
 * ARENA_FD is "-" for a process that nobody traces; ARGV has an argv[0].
 */
int lt_engine_entry(int argc, char **argv, char **envp);
int lt_engine_entry(int argc, char **argv, char **envp)
{
    char **qemu_argv = g_new0(char *, argc + 10);
    int n = 0;

    qemu_mutex_init(&lock);
    mappings = g_array_new(false, false, sizeof(struct mapping));
    pending = g_byte_array_new();
    sysroot = argv[3];
    if (strcmp(argv[2], "-") != 0) {
        lt_stream_attach(atoi(argv[2]));
        for (uint32_t i = 0; i < lt_control->range_count && i < LTI_MAX_FILTERS; i++) {
            const struct lti_range *r = &lt_control->ranges[i];
            lt_filtered |= r->pc_start || r->pc_end || r->module[0];
            lt_watch_stores |= (r->want & LTI_WANT_WRITE) != 0;
            lt_watch_loads |= (r->want & LTI_WANT_READ) != 0;
        }
        qatomic_set(&lt_control->phase, LTI_PHASE_LOAD);
    }
    qemu_argv[n++] = argv[0];
    if (*sysroot) {
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

/* ---- The CPU ---- */

static bool choosing_cpu; /* what QEMU complains of is lti_control.cpu */

G_NORETURN static void refuse_cpu(const char *why)
{
    if (lt_control) {
        snprintf(lt_control->message, sizeof(lt_control->message), "%s", why);
        lt_control->load_error = EINVAL;
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

    if (why) {
        refuse_cpu(why);
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
    if (lt_control) {
        lt_control->load_error = error;
        snprintf(lt_control->message, sizeof(lt_control->message), "cannot load %s: %s",
                 path, strerror(error));
    } else {
        fprintf(stderr, "libtrace: cannot load %s: %s\n", path, strerror(error));
    }
    _exit(126);
}

/* ---- Which code is wanted ---- */

static bool module_matches(const char *wanted, const char *path)
{
    const char *base = strrchr(path, '/');

    return strcmp(wanted, path) == 0 ||
           (!strchr(wanted, '/') && base && strcmp(wanted, base + 1) == 0);
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
        qemu_mutex_lock(&lock);
        for (guint i = 0; i < mappings->len; i++) {
            struct mapping *m = &g_array_index(mappings, struct mapping, i);
            if (pc >= m->start && pc < m->end) {
                path = m->path;
                break;
            }
        }
    }
    for (uint32_t i = 0; i < lt_control->range_count; i++) {
        const struct lti_range *r = &lt_control->ranges[i];
        if (pc >= r->pc_start && (r->pc_end == 0 || pc < r->pc_end) &&
            (!r->module[0] || (path && module_matches(r->module, path)))) {
            want |= r->want;
        }
    }
    if (lt_filtered) {
        qemu_mutex_unlock(&lock);
    }
    return want & (LTI_WANT_INSN | LTI_WANT_REG | LTI_WANT_WRITE | LTI_WANT_READ);
}

/* ---- Mappings ---- */

static void forget_range(abi_ulong start, abi_ulong end)
{
    for (guint i = 0; i < mappings->len; i++) {
        struct mapping *m = &g_array_index(mappings, struct mapping, i);
        if (m->end <= start || m->start >= end) {
            continue;
        }
        if (m->start < start && m->end > end) {
            struct mapping rest = {end, m->end, g_strdup(m->path)};
            m->end = start;
            g_array_append_val(mappings, rest);
        } else if (m->start < start) {
            m->end = start;
        } else if (m->end > end) {
            m->start = end;
        } else {
            g_free(m->path);
            g_array_remove_index_fast(mappings, i--);
        }
    }
}

static void put(GByteArray *to, const void *data, size_t size)
{
    g_byte_array_append(to, data, size);
}

/* Tells that [start, end) now shows `path` from `offset`, or no file. */
static void remapped(abi_ulong start, abi_ulong end, const char *path, uint64_t offset,
                     uint32_t prot)
{
    CPUState *cpu = thread_cpu;
    uint32_t path_size = path ? strlen(path) : 0, padded = ROUND_UP(path_size, 4);
    g_autoptr(GByteArray) record = g_byte_array_new();
    uint64_t range[3] = {start, end, offset};
    uint32_t head =
        LTI_SPECIAL_HEAD(path ? LTI_S_MAP : LTI_S_UNMAP, path ? 36 + padded : 20);

    if (!lt_control || !cpu || start >= end) {
        return;
    }
    put(record, &head, 4);
    put(record, range, path ? 24 : 16);
    if (path) {
        put(record, &prot, 4);
        put(record, &path_size, 4);
        put(record, path, path_size);
        put(record, "\0\0\0", padded - path_size);
    }
    qemu_mutex_lock(&lock);
    forget_range(start, end);
    if (path) {
        struct mapping m = {start, end, g_strdup(path)};
        g_array_append_val(mappings, m);
    }
    lt_stream_start(cpu);
    if (lt_stream_owns(cpu)) {
        memcpy(lt_special(cpu, path ? LTI_S_MAP : LTI_S_UNMAP, record->len - 4),
               record->data + 4, record->len - 4);
    } else {
        put(pending, record->data, record->len);
    }
    qemu_mutex_unlock(&lock);
}

static void flush_pending(CPUState *cpu)
{
    size_t at = 0;

    if (qatomic_read(&pending->len) == 0) {
        return;
    }
    qemu_mutex_lock(&lock);
    while (at < pending->len) {
        uint32_t head = ldl_he_p(pending->data + at);
        uint32_t size = LTI_SPECIAL_SIZE(head);
        memcpy(lt_special(cpu, LTI_SPECIAL_KIND(head), size - 4), pending->data + at + 4,
               size - 4);
        at += size;
    }
    g_byte_array_set_size(pending, 0);
    qemu_mutex_unlock(&lock);
}

abi_long __real_target_mmap(abi_ulong, abi_ulong, int, int, int, off_t);
abi_long __wrap_target_mmap(abi_ulong, abi_ulong, int, int, int, off_t);
abi_long __wrap_target_mmap(abi_ulong start, abi_ulong len, int prot, int flags, int fd,
                            off_t offset)
{
    abi_long ret = __real_target_mmap(start, len, prot, flags, fd, offset);

    if (ret != -1 && lt_control) {
        int saved = errno;
        char link[64], path[PATH_MAX];
        ssize_t n = -1;

        if (fd >= 0 && !(flags & MAP_ANONYMOUS)) {
            snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
            n = readlink(link, path, sizeof(path) - 1);
        }
        if (n > 0) {
            path[n] = 0;
            remapped(ret, ret + TARGET_PAGE_ALIGN(len), path, offset,
                     prot & (PROT_READ | PROT_WRITE | PROT_EXEC));
        } else {
            remapped(ret, ret + TARGET_PAGE_ALIGN(len), NULL, 0, 0);
        }
        errno = saved;
    }
    return ret;
}

int __real_target_munmap(abi_ulong, abi_ulong);
int __wrap_target_munmap(abi_ulong, abi_ulong);
int __wrap_target_munmap(abi_ulong start, abi_ulong len)
{
    int ret = __real_target_munmap(start, len);

    if (ret == 0) {
        remapped(start, start + TARGET_PAGE_ALIGN(len), NULL, 0, 0);
    }
    return ret;
}

abi_long __real_target_mremap(abi_ulong, abi_ulong, abi_ulong, unsigned long, abi_ulong);
abi_long __wrap_target_mremap(abi_ulong, abi_ulong, abi_ulong, unsigned long, abi_ulong);
abi_long __wrap_target_mremap(abi_ulong old, abi_ulong old_size, abi_ulong new_size,
                              unsigned long flags, abi_ulong new)
{
    abi_long ret = __real_target_mremap(old, old_size, new_size, flags, new);

    if (ret != -1 && lt_control) {
        int saved = errno;
        g_autofree char *path = NULL;

        qemu_mutex_lock(&lock);
        for (guint i = 0; i < mappings->len; i++) {
            struct mapping *m = &g_array_index(mappings, struct mapping, i);
            if (old >= m->start && old < m->end) {
                path = g_strdup(m->path);
            }
        }
        qemu_mutex_unlock(&lock);
        if (path || ret != old) {
            /* Where a file's mapping moves to, its offset is not known here;
             * code runs from moved mappings very rarely. */
            remapped(old, old + TARGET_PAGE_ALIGN(old_size), NULL, 0, 0);
            remapped(ret, ret + TARGET_PAGE_ALIGN(new_size), NULL, 0, 0);
        }
        errno = saved;
    }
    return ret;
}

/* ---- Running ---- */

int __real_cpu_exec(CPUState *);
int __wrap_cpu_exec(CPUState *);
int __wrap_cpu_exec(CPUState *cpu)
{
    int trap;

    lt_stream_start(cpu);
    if (!lt_stream_owns(cpu)) {
        return __real_cpu_exec(cpu);
    }
    flush_pending(cpu);
    if (!started) {
        started = true;
        qatomic_set(&lt_control->phase, LTI_PHASE_RUN);
        lt_record_regs(cpu, LTI_REGS_START, 0, false);
    } else if (in_syscall) {
        lt_record_regs(cpu, sigreturned ? LTI_REGS_SIGNAL : LTI_REGS_KERNEL, 0, false);
    } else {
        uint64_t now[LTI_MAX_REGS] = {0};

        lt_target.collect(cpu_env(cpu), now, false);
        lt_record_regs(cpu,
                       cpu->neg.lt_stale                ? LTI_REGS_START
                       : memcmp(now, left, sizeof(now)) ? LTI_REGS_SIGNAL
                                                        : LTI_REGS_CHECK,
                       0, false);
    }
    in_syscall = sigreturned = false;
    lt_make_room(cpu);
    lt_commit(cpu);
    trap = __real_cpu_exec(cpu);
    lt_again = false;
    lt_target.collect(cpu_env(cpu), left, false);
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

static void record_syscall(CPUState *cpu, uint64_t pc, int nr, const abi_long *args)
{
    g_autoptr(GByteArray) record = g_byte_array_new();
    uint32_t head[2] = {nr, 0};
    uint8_t strings = 0;

    if (nr >= 0 && nr < (int)ARRAY_SIZE(lt_control->strings)) {
        strings = lt_control->strings[nr];
    }
    put(record, &pc, 8);
    put(record, head, 8);
    for (int i = 0; i < 6; i++) {
        uint64_t value = args[i];
        put(record, &value, 8);
    }
    for (uint32_t i = 0; i < 6; i++) {
        char *text = strings & (1u << i) ? lock_user_string(args[i]) : NULL;
        if (text) {
            uint32_t size = strnlen(text, 4095);
            uint32_t entry[2] = {i, size};
            put(record, entry, 8);
            put(record, text, size);
            put(record, "\0\0\0", ROUND_UP(size, 4) - size);
            unlock_user(text, args[i], 0);
        }
    }
    memcpy(lt_special(cpu, LTI_S_SYSCALL, record->len), record->data, record->len);
}

/* An exec that returns has failed. */
static void uncount_exec(void)
{
    if (exec_counted && lt_control) {
        qatomic_dec(&lt_control->untraced_processes);
    }
    exec_counted = false;
}

abi_long __real_do_syscall(CPUArchState *, int, abi_long, abi_long, abi_long, abi_long,
                           abi_long, abi_long, abi_long, abi_long);
abi_long __wrap_do_syscall(CPUArchState *, int, abi_long, abi_long, abi_long, abi_long,
                           abi_long, abi_long, abi_long, abi_long);
abi_long __wrap_do_syscall(CPUArchState *env, int nr, abi_long a1, abi_long a2,
                           abi_long a3, abi_long a4, abi_long a5, abi_long a6,
                           abi_long a7, abi_long a8)
{
    CPUState *cpu = env_cpu(env);
    const abi_long args[6] = {a1, a2, a3, a4, a5, a6};
    uint64_t pc = lt_target.enter_syscall(env);
    abi_long ret;
    uint8_t *p;

    exiting = nr == TARGET_NR_exit || nr == TARGET_NR_exit_group;
    if (!lt_stream_owns(cpu)) {
        if (nr == TARGET_NR_exit && CPU_NEXT(first_cpu)) {
            lt_stream_thread_ends(cpu);
        }
        ret = __real_do_syscall(env, nr, a1, a2, a3, a4, a5, a6, a7, a8);
        uncount_exec();
        return ret;
    }
    lt_record_regs(cpu, cpu->neg.lt_stale ? LTI_REGS_START : LTI_REGS_SYSCALL, 0, false);
    record_syscall(cpu, pc, nr, args);
    in_syscall = true;
    lt_make_room(cpu);
    lt_commit(cpu);
    if (nr == TARGET_NR_exit && CPU_NEXT(first_cpu)) {
        lt_stream_thread_ends(cpu);
    }
    ret = __real_do_syscall(env, nr, a1, a2, a3, a4, a5, a6, a7, a8);
    if (!lt_stream_owns(cpu)) {
        return ret; /* a forked child */
    }
    uncount_exec();
#ifdef TARGET_NR_fork
    if (ret > 0 && (nr == TARGET_NR_fork || nr == TARGET_NR_vfork)) {
        qatomic_inc(&lt_control->untraced_processes);
    }
#endif
    if (ret > 0 && nr == TARGET_NR_clone) {
        qatomic_inc(a1 & CLONE_VM && a1 & CLONE_THREAD ? &lt_control->untraced_threads
                                                       : &lt_control->untraced_processes);
    }
    sigreturned = ret == -QEMU_ESIGRETURN;
    flush_pending(cpu);
    p = lt_special(cpu, LTI_S_SYSRET, 24);
    stq_he_p(p, pc);
    stl_he_p(p + 8, nr);
    stl_he_p(p + 12, 0);
    /* 512 is the kernel's own number for a call that is made again. */
    stq_he_p(p + 16, sigreturned ? 0 : ret == -QEMU_ERESTARTSYS ? -512 : ret);
    lt_commit(cpu);
    return ret;
}

/* The guest's last moments, by exit_group, exit or a signal. */
void __real_preexit_cleanup(CPUArchState *, int);
void __wrap_preexit_cleanup(CPUArchState *, int);
void __wrap_preexit_cleanup(CPUArchState *env, int code)
{
    CPUState *cpu = env_cpu(env);

    if (lt_stream_owns(cpu)) {
        uint8_t *p;

        flush_pending(cpu);
        p = lt_special(cpu, LTI_S_EXIT, 8);
        stl_he_p(p, exiting ? code & 0xff : 0);
        stl_he_p(p + 4, exiting ? 0 : code - 128);
        lt_commit(cpu);
        qatomic_store_release(&lt_control->phase, LTI_PHASE_END);
    } else if (lt_control) {
        /* A thread that is not recorded ends the process: the wait status tells
         * how.  What the recorded one did up to now is whole once it has left
         * its block. */
        start_exclusive();
        if (lt_stream_owner() && !in_syscall) {
            lt_commit(lt_stream_owner());
        }
        end_exclusive();
        qatomic_store_release(&lt_control->phase, LTI_PHASE_END);
    }
    __real_preexit_cleanup(env, code);
}

void __real_fork_end(pid_t);
void __wrap_fork_end(pid_t);
void __wrap_fork_end(pid_t pid)
{
    if (pid == 0) {
        lt_stream_detach(thread_cpu);
    }
    __real_fork_end(pid);
}

/* ---- exec ---- */

/* Reads the first bytes of an executable file; 0 or an errno. */
static int read_head(const char *path, char *head, size_t size)
{
    struct stat st;
    ssize_t n;
    int fd;

    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0 || stat(path, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return EACCES;
    }
    memset(head, 0, size);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    n = read(fd, head, size - 1);
    close(fd);
    return n < 0 ? errno : 0;
}

/* Splits a #! line in place into interpreter and argument. */
static bool split_script(char *head, char **interpreter, char **argument)
{
    char *p = head + 2, *end;

    head[strcspn(head, "\n")] = 0;
    p += strspn(p, " \t");
    *interpreter = p;
    p += strcspn(p, " \t");
    *argument = NULL;
    if (*p) {
        *p++ = 0;
        p += strspn(p, " \t");
        end = p + strlen(p);
        while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
            *--end = 0;
        }
        *argument = *p ? p : NULL;
    }
    return **interpreter != 0;
}

/*
 * The argv with which the engine runs the program of a guest's exec: NULL with
 * *error 0 if the host's kernel shall have it (a program of another kind), NULL
 * with an errno if it cannot be run.  The caller frees it with g_strfreev().
 */
char **lt_exec_argv(int dirfd, const char *program, char **argv, int flags, bool at,
                    int *error)
{
    g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *file = NULL;
    char head[256];
    const Elf64_Ehdr *elf = (const void *)head;
    const char *arch;
    int depth = 0;

    *error = 0;
    if (at && !*program && (flags & AT_EMPTY_PATH)) {
        file = g_strdup_printf("/proc/self/fd/%d", dirfd);
    } else if (at && *program != '/' && dirfd != AT_FDCWD) {
        file = g_strdup_printf("/proc/self/fd/%d/%s", dirfd, program);
    } else {
        file = g_strdup(path(program));
    }
    for (int i = 0; argv[i]; i++) {
        g_ptr_array_add(out, g_strdup(argv[i]));
    }
    if (out->len == 0) {
        g_ptr_array_add(out, g_strdup("")); /* as the kernel does */
    }
    for (;;) {
        char *interpreter, *argument;

        *error = read_head(file, head, sizeof(head));
        if (*error) {
            return NULL;
        }
        if (head[0] != '#' || head[1] != '!') {
            break;
        }
        if (++depth > 5) {
            *error = ELOOP;
            return NULL;
        }
        if (!split_script(head, &interpreter, &argument)) {
            *error = ENOEXEC;
            return NULL;
        }
        g_free(g_ptr_array_index(out, 0));
        g_ptr_array_index(out, 0) = g_strdup(file);
        if (argument) {
            g_ptr_array_insert(out, 0, g_strdup(argument));
        }
        g_ptr_array_insert(out, 0, g_strdup(interpreter));
        g_free(file);
        file = g_strdup(path(interpreter));
    }
    if (memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64) {
        return NULL;
    }
    if (le16_to_cpu(elf->e_machine) == EM_X86_64) {
        arch = "x86_64";
    } else if (le16_to_cpu(elf->e_machine) == EM_AARCH64) {
        arch = "aarch64";
    } else {
        return NULL;
    }
    g_ptr_array_insert(out, 0, g_steal_pointer(&file));
    g_ptr_array_insert(out, 0, g_strdup(sysroot));
    g_ptr_array_insert(out, 0, g_strdup("-"));
    g_ptr_array_insert(out, 0, g_strdup(arch));
    g_ptr_array_insert(out, 0, g_strdup("lt-engine"));
    g_ptr_array_add(out, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&out), false);
}

const char *lt_exec_program(void)
{
    if (lt_control) {
        qatomic_inc(&lt_control->untraced_processes);
        exec_counted = true;
    }
    return SELF;
}
