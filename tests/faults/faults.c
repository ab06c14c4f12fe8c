/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults memory|calls GUESTS [CASE]: sessions in which the n-th allocation of memory, or
 * the n-th system call of a start, fails: for all n until nothing fails any more, once
 * with the n-th alone and once with all from the n-th on.  Each time the session ends
 * with an error that says so, or as if nothing had happened; and afterwards no memory,
 * mapping, descriptor or process is left.
 *
 * Allocations are caught for the whole process, libelf and capstone included, by
 * functions of this program's with the names of the C library's; system calls by the
 * linker (--wrap), for the library alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"

/* ---- What fails ---- */

enum what { NOTHING, MEMORY, CALLS };

static struct {
    enum what what;
    long countdown;  /* how many do not fail */
    bool all_behind; /* not the n-th alone */
    int error;       /* errno of a system call */
    bool failed;     /* something has */
    bool counting;   /* blocks are counted: a session is under way */
    long blocks;     /* allocated and not freed */
    long maps;       /* mapped and not unmapped by the library */
} faults;

static bool is_due(enum what what)
{
    if (faults.what != what) {
        return false;
    }
    if (faults.countdown > 0) {
        faults.countdown--;
        return false;
    }
    if (faults.failed && !faults.all_behind) {
        return false;
    }
    faults.failed = true;
    return true;
}

/* ---- Memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static void *give(void *block)
{
    faults.blocks += faults.counting && block != NULL;
    return block;
}

static bool out_of_memory(void)
{
    if (is_due(MEMORY)) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *malloc(size_t size)
{
    return out_of_memory() ? NULL : give(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return out_of_memory() ? NULL : give(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    if (out_of_memory()) {
        return NULL;
    }
    void *new_block = __libc_realloc(block, size);
    faults.blocks += faults.counting && block == NULL && new_block != NULL;
    return new_block;
}

void free(void *block)
{
    faults.blocks -= faults.counting && block != NULL;
    __libc_free(block);
}

/* ---- Capstone ---- */

/* It does not look whether it gets its memory, and crashes: the library sees to it that
 * there is some before (src/disasm.c), and here none fails in it. */
#include <capstone/capstone.h>

static enum what hold(void)
{
    const enum what what = faults.what;

    faults.what = NOTHING;
    return what;
}

cs_err __real_cs_open(cs_arch arch, cs_mode mode, csh *handle);
cs_err __wrap_cs_open(cs_arch arch, cs_mode mode, csh *handle);
cs_err __wrap_cs_open(cs_arch arch, cs_mode mode, csh *handle)
{
    const enum what what = hold();
    const cs_err error = __real_cs_open(arch, mode, handle);

    faults.what = what;
    return error;
}

bool __real_cs_disasm_iter(csh handle, const uint8_t **code, size_t *size, uint64_t *pc,
                           cs_insn *insn);
bool __wrap_cs_disasm_iter(csh handle, const uint8_t **code, size_t *size, uint64_t *pc,
                           cs_insn *insn);
bool __wrap_cs_disasm_iter(csh handle, const uint8_t **code, size_t *size, uint64_t *pc,
                           cs_insn *insn)
{
    const enum what what = hold();
    const bool found = __real_cs_disasm_iter(handle, code, size, pc, insn);

    faults.what = what;
    return found;
}

/* ---- System calls ---- */

/* A wrapped function that fails with -1. */
#define WRAP(name, parameters, arguments)                                                \
    int __real_##name parameters;                                                        \
    int __wrap_##name parameters;                                                        \
    int __wrap_##name parameters                                                         \
    {                                                                                    \
        if (is_due(CALLS)) {                                                             \
            errno = faults.error;                                                        \
            return -1;                                                                   \
        }                                                                                \
        return __real_##name arguments;                                                  \
    }

WRAP(memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(ftruncate, (int fd, off_t size), (fd, size))
WRAP(mprotect, (void *at, size_t size, int prot), (at, size, prot))
WRAP(socketpair, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds))

/* lti_supervisor_start() makes its system calls itself; it returns -errno. */
struct lti_supervisor;
int __real_lti_supervisor_start(struct lti_supervisor *job, void *top, int *pidfd);
int __wrap_lti_supervisor_start(struct lti_supervisor *job, void *top, int *pidfd);
int __wrap_lti_supervisor_start(struct lti_supervisor *job, void *top, int *pidfd)
{
    return is_due(CALLS) ? -faults.error : __real_lti_supervisor_start(job, top, pidfd);
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (is_due(CALLS)) {
        errno = faults.error;
        return -1;
    }
    return __real_write(fd, data, size);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    if (is_due(CALLS)) {
        errno = faults.error;
        return -1;
    }
    return __real_open(path, flags, 0);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list args;

    va_start(args, command);
    long argument = va_arg(args, long);
    va_end(args);
    /* F_GETFD asks whether a descriptor is open: its failure is an answer. */
    if (command != F_GETFD && is_due(CALLS)) {
        errno = faults.error;
        return -1;
    }
    return __real_fcntl(fd, command, argument);
}

/* pidfd_open(); futexes are waited for as often as it takes. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    long argument[6];
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        argument[i] = va_arg(args, long);
    }
    va_end(args);
    if (number == SYS_pidfd_open && is_due(CALLS)) {
        errno = faults.error;
        return -1;
    }
    return __real_syscall(number, argument[0], argument[1], argument[2], argument[3],
                          argument[4], argument[5]);
}

void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    if (is_due(CALLS) || is_due(MEMORY)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *memory = __real_mmap(at, size, prot, flags, fd, offset);
    faults.maps += memory != MAP_FAILED;
    return memory;
}

int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size)
{
    faults.maps--;
    return __real_munmap(at, size);
}

/* ---- A session with everything in it ---- */

#define PULL 1u
#define KEEP_MEMORY 2u

struct test {
    const char *name;
    const char *program; /* below the guests' directory, or absolute */
    const char *argument;
    unsigned ways;
    int status;     /* -1: any */
    uint64_t insns; /* 0: it differs */
    bool symbols;   /* all its code has symbols */
};

static const struct test cases[] = {
    {"x86_64", "x86_64/loop", "one", 0, 9, 605, true},
    {"memory", "x86_64/loop", "one", KEEP_MEMORY, 9, 605, true},
    {"pull", "x86_64/loop", "one", PULL | KEEP_MEMORY, 9, 605, true},
    {"aarch64", "aarch64/loop", "one", KEEP_MEMORY, 9, 609, true},
    {"script", "", "one", 0, 9, 605, true}, /* made by main() */
    {"processes", "x86_64/control-processes", "chain", KEEP_MEMORY, -1, 0, false},
    {"threads", "x86_64/control-threads", "nested", 0, -1, 0, false},
};

static char guests[PATH_MAX];
static char script[] = "/tmp/lt-faults-XXXXXX";
static const char *problem; /* of the session in hand */

struct seen {
    const struct test *test;
    uint64_t insns;
};

static void expect(bool condition, const char *what)
{
    if (!condition && problem == NULL) {
        problem = what;
    }
}

/* What a question in a callback may answer while memory lasts, or not. */
static bool is_answer(int result)
{
    return result >= 0 || result == LT_ERR_NO_MEMORY ||
           (result == LT_ERR_SYSTEM && faults.what == CALLS);
}

static void ask(lt_session *session, const struct lt_insn *insn, struct seen *seen)
{
    struct lt_symbol symbol;
    uint8_t bytes[32];
    uint64_t value;
    char text[64];
    int result;

    lt_symbol_init(&symbol, sizeof symbol);
    result = lt_symbol_at(session, insn->pc, &symbol);
    expect(is_answer(result), "lt_symbol_at()");
    expect(result < 0 || symbol.name != NULL || !seen->test->symbols,
           "lt_symbol_at() found no symbol where there is one");
    result =
        lt_disassemble(session, insn->pc, insn->bytes, insn->length, text, sizeof text);
    expect(result == (int)insn->length || result == LT_ERR_NO_MEMORY, "lt_disassemble()");
    expect(lt_reg_read(session, 0, &value) == 0, "lt_reg_read()");
    result = lt_mem_read(session, insn->pc, bytes, 1);
    expect(seen->test->ways & KEEP_MEMORY ? result == 1 : result == LT_ERR_STATE,
           "lt_mem_read()");
}

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct seen *seen = user;

    if (seen->insns++ % 100 < 3) {
        ask(session, insn, seen);
    }
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    char text[512];

    (void)user;
    expect(lt_syscall_text(session, call, text, sizeof text) > 0, "lt_syscall_text()");
    return 0;
}

static int on_other(lt_session *session, const void *event, void *user)
{
    (void)session;
    (void)event;
    (void)user;
    return 0;
}

#define DEFINE_OTHER(name, type)                                                         \
    static int name(lt_session *session, const struct type *event, void *user)           \
    {                                                                                    \
        return on_other(session, event, user);                                           \
    }
DEFINE_OTHER(on_reg_write, lt_reg_write)
DEFINE_OTHER(on_access, lt_mem_access)
DEFINE_OTHER(on_module, lt_module)
DEFINE_OTHER(on_signal, lt_signal)
DEFINE_OTHER(on_thread, lt_thread)
DEFINE_OTHER(on_process, lt_process)
DEFINE_OTHER(on_map, lt_map)
DEFINE_OTHER(on_end, lt_exit)

/* Callbacks of every kind.  The first error, or 0. */
static int add_callbacks(lt_session *session, struct seen *seen)
{
    struct lt_filter filter;
    int error = 0;

    lt_filter_init(&filter, sizeof filter);
    filter.module = "loop";
    error = lt_on_insn(session, NULL, on_insn, seen);
    error = error ? error : lt_on_reg_write(session, NULL, on_reg_write, seen);
    error = error ? error : lt_on_mem_write(session, &filter, on_access, seen);
    error = error ? error : lt_on_mem_read(session, NULL, on_access, seen);
    error = error ? error : lt_on_syscall(session, NULL, on_syscall, seen);
    error = error ? error : lt_on_module(session, NULL, on_module, seen);
    error = error ? error : lt_on_signal(session, NULL, on_signal, seen);
    error = error ? error : lt_on_thread(session, NULL, on_thread, seen);
    error = error ? error : lt_on_process(session, NULL, on_process, seen);
    error = error ? error : lt_on_map(session, &filter, on_map, seen);
    return error ? error : lt_on_exit(session, NULL, on_end, seen);
}

static int pull(lt_session *session, struct seen *seen)
{
    const struct lt_event *event;
    struct lt_filter filter;
    int result;

    lt_filter_init(&filter, sizeof filter);
    filter.module = "loop";
    result = lt_session_select(session, LT_KINDS_ALL, &filter);
    while (result >= 0 && (result = lt_session_next(session, &event)) == 1) {
        if (event->type == LT_EVENT_INSN && seen->insns++ % 100 < 3) {
            ask(session, (const void *)event, seen);
        }
    }
    return result;
}

/* One session.  What it returned, or would have. */
static int run_session(const struct test *test, struct seen *seen, char *message,
                       size_t size)
{
    static const char *const envp[] = {"A=1", "B=2", NULL};
    struct lt_config config;
    struct lt_result result;
    lt_session *session = NULL;
    char path[2 * PATH_MAX];
    const char *argv[] = {path, test->argument, "2", NULL};

    if (test->program[0] == '\0') {
        snprintf(path, sizeof path, "%s", script);
    } else {
        snprintf(path, sizeof path, "%s/%s", guests, test->program);
    }
    lt_config_init(&config, sizeof config);
    config.program = path;
    config.argv = argv;
    config.envp = envp;
    config.cwd = "/";
    config.sysroot = "/nonexistent";
    config.cpu = strstr(path, "x86_64/loop") != NULL ? "qemu64" : NULL;
    config.flags = test->ways & KEEP_MEMORY ? LT_CONFIG_MEMORY : 0;
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    int returned = lt_session_create(&config, &session);
    if (returned != 0) {
        expect(session == NULL, "lt_session_create() failed and gave a session");
        return returned;
    }
    if (test->ways & PULL) {
        returned = pull(session, seen);
    } else {
        returned = add_callbacks(session, seen);
        returned = returned != 0 ? returned : lt_session_run(session);
    }
    snprintf(message, size, "%s", lt_session_message(session));
    lt_result_init(&result, sizeof result);
    expect(lt_session_result(session, &result) == 0, "lt_session_result()");
    if (returned == 0) {
        expect(result.kind == LT_RESULT_EXIT &&
                   (test->status < 0 || result.status == test->status),
               "another result");
        expect(test->insns == 0 || seen->insns == test->insns, "events are missing");
    } else {
        expect(message[0] != '\0', "an error without a message");
    }
    lt_session_destroy(session);
    return returned;
}

/* ---- One failure after the other ---- */

static unsigned open_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 256; fd++) {
        count += __real_fcntl(fd, F_GETFD, 0) >= 0;
    }
    return count;
}

/* The n-th fails.  1 if nothing did, as all had gone before; -1: it was wrong. */
static int try(const struct test *test, enum what what, long n, bool all_behind,
               int error)
{
    struct seen seen = {.test = test};
    char message[256] = "";
    unsigned descriptors = open_descriptors();

    problem = NULL;
    faults.countdown = n;
    faults.all_behind = all_behind;
    faults.error = error;
    faults.failed = false;
    faults.blocks = faults.maps = 0;
    faults.counting = true;
    faults.what = what;
    int returned = run_session(test, &seen, message, sizeof message);
    faults.what = NOTHING;
    faults.counting = false;
    expect(returned == 0 || faults.failed, "an error, and nothing has failed");
    if (what == MEMORY) {
        expect(returned == 0 || returned == LT_ERR_NO_MEMORY, "another error");
    } else {
        expect(returned <= 0 && returned > -1000, "another error");
    }
    expect(faults.blocks == 0, "memory is left");
    expect(faults.maps == 0, "a mapping is left");
    /* The engine's file may have come. */
    expect(open_descriptors() <= descriptors + 1, "a descriptor is left");
    expect(waitpid(-1, NULL, WNOHANG | __WALL) == -1, "a process is left");
    if (problem != NULL) {
        fprintf(stderr,
                "%s: with failure %ld%s of %s (%s): %s; returned %d: %s; %ld blocks, %ld "
                "maps\n",
                test->name, n, all_behind ? " and all behind" : "",
                what == MEMORY ? "memory" : "a call", strerror(error), problem, returned,
                message, faults.blocks, faults.maps);
        return -1;
    }
    return faults.failed ? 0 : 1;
}

/* Far away from the start failures are alike, and all would take long. */
static long after(long n)
{
    return n < 300 ? n + 1 : n + n / 8;
}

static int try_all(const struct test *test, enum what what, bool all_behind, int error)
{
    long n = 0;
    int state, wrong = 0;

    while ((state = try(test, what, n, all_behind, error)) != 1 && wrong < 5) {
        wrong += state < 0;
        n = after(n);
    }
    printf("%s: %ld failures%s of %s\n", test->name, n,
           all_behind ? ", with all behind," : "", what == MEMORY ? "memory" : "a call");
    return wrong != 0;
}

static int make_script(void)
{
    char line[PATH_MAX + 64];
    int fd = mkstemp(script);
    int length = snprintf(line, sizeof line, "#!%s/x86_64/loop argument\n", guests);

    return fd < 0 || __real_write(fd, line, (size_t)length) != length ||
           fchmod(fd, 0700) != 0 || close(fd) != 0;
}

int main(int argc, char **argv)
{
    enum what what;
    char message[256];
    int failed = 0;

    if (argc < 3 || realpath(argv[2], guests) == NULL || make_script() != 0) {
        fprintf(stderr, "usage: faults memory|calls GUESTS [CASE]\n");
        return 2;
    }
    what = strcmp(argv[1], "memory") == 0 ? MEMORY : CALLS;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct test *test = &cases[i];
        struct seen seen = {.test = test};
        char path[2 * PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", guests, test->program);
        if ((argc > 3 && strcmp(argv[3], test->name) != 0) || access(path, F_OK) != 0) {
            continue;
        }
        /* What is made once and kept. */
        problem = NULL;
        if (run_session(test, &seen, message, sizeof message) != 0 || problem != NULL) {
            fprintf(stderr, "%s: without failures: %s: %s\n", test->name,
                    problem != NULL ? problem : "", message);
            failed = 1;
            continue;
        }
        failed |= try_all(test, what, false, EMFILE);
        failed |= try_all(test, what, true, ENOMEM);
    }
    unlink(script);
    return failed;
}
