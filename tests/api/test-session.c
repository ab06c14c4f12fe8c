/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions from the outside: how they end, stop and fail, what callbacks and
 * filters do, and that misuse of every function is an error and nothing more.
 * LT_GUESTS names the directory of the x86_64 guests.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lt/lt.h"
#include "lt/unstable.h"

static char guest_path[512];

static const char *guest(const char *name)
{
    const char *directory = getenv("LT_GUESTS");

    snprintf(guest_path, sizeof guest_path, "%s/%s", directory != NULL ? directory : ".",
             name);
    return guest_path;
}

static lt_session *create(const char *program)
{
    struct lt_config config;
    lt_session *session = NULL;

    assert_int_equal(lt_config_init(&config, sizeof config), 0);
    config.program = program;
    config.stdio[0] = config.stdio[1] = LT_STDIO_NULL;
    assert_int_equal(lt_session_create(&config, &session), 0);
    assert_non_null(session);
    return session;
}

static struct lt_result result_of(lt_session *session)
{
    struct lt_result result;

    assert_int_equal(lt_result_init(&result, sizeof result), 0);
    assert_int_equal(lt_session_result(session, &result), 0);
    return result;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int count_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

static int stop_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    return ++*(uint64_t *)user == 100 ? LT_STOP : 0;
}

static int fail_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    return ++*(uint64_t *)user == 100 ? -123456 : 0;
}

static int count_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

static int count_access(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

static int count_syscall(lt_session *session, const struct lt_syscall *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

static int count_module(lt_session *session, const struct lt_module *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

static int count_exit(lt_session *session, const struct lt_exit *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

/* ---- Endings ---- */

static void test_untraced_run(void **state)
{
    lt_session *session = create(guest("loop"));
    struct lt_result result;

    (void)state;
    assert_int_equal(result_of(session).kind, LT_RESULT_NONE);
    assert_int_equal(lt_session_run(session), 0);
    result = result_of(session);
    assert_int_equal(result.kind, LT_RESULT_EXIT);
    assert_int_equal(result.status, 9);
    assert_int_equal(result.signal, 0);
    assert_int_equal(lt_session_arch(session), LT_ARCH_X86_64);
    assert_int_equal(lt_session_run(session), LT_ERR_STATE);
    assert_true(lt_session_message(session)[0] != '\0');
    lt_session_destroy(session);
}

static void test_signal(void **state)
{
    static const struct {
        const char *name;
        int signal;
    } cases[] = {{"fault-read", SIGSEGV},
                 {"fault-write", SIGSEGV},
                 {"fault-divide", SIGFPE},
                 {"fault-illegal", SIGILL}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lt_session *session = create(guest(cases[i].name));
        struct lt_result result;
        uint64_t exits = 0;

        lt_on_exit(session, NULL, count_exit, &exits);
        assert_int_equal(lt_session_run(session), 0);
        result = result_of(session);
        assert_int_equal(result.kind, LT_RESULT_SIGNAL);
        assert_int_equal(result.signal, cases[i].signal);
        assert_int_equal(exits, 1);
        lt_session_destroy(session);
    }
}

static void test_stop_in_callback(void **state)
{
    lt_session *session = create(guest("spin"));
    uint64_t count = 0;

    (void)state;
    assert_int_equal(lt_on_insn(session, NULL, stop_insn, &count), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(result_of(session).kind, LT_RESULT_STOPPED);
    assert_int_equal(count, 100);
    lt_session_destroy(session);
}

static void test_negative_in_callback(void **state)
{
    lt_session *session = create(guest("spin"));
    uint64_t count = 0;

    (void)state;
    assert_int_equal(lt_on_insn(session, NULL, fail_insn, &count), 0);
    assert_int_equal(lt_session_run(session), -123456);
    assert_int_equal(count, 100);
    assert_int_equal(result_of(session).kind, LT_RESULT_ERROR);
    assert_int_equal(result_of(session).error, -123456);
    lt_session_destroy(session);
}

static void *stop_later(void *session)
{
    usleep(200 * 1000);
    lt_session_stop(session);
    return NULL;
}

static void stop_from_thread(const char *name, int traced)
{
    struct lt_config config;
    lt_session *session;
    pthread_t thread;
    uint64_t count = 0;
    int pipes[2];
    double begin;

    assert_int_equal(pipe(pipes), 0);
    lt_config_init(&config, sizeof config);
    config.program = guest(name);
    config.stdio[0] = LT_STDIO_FD;
    config.stdio_fd[0] = pipes[0];
    assert_int_equal(lt_session_create(&config, &session), 0);
    if (traced)
        lt_on_insn(session, NULL, count_insn, &count);
    begin = now();
    assert_int_equal(pthread_create(&thread, NULL, stop_later, session), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_true(now() - begin < 10);
    assert_int_equal(result_of(session).kind, LT_RESULT_STOPPED);
    pthread_join(thread, NULL);
    lt_session_destroy(session);
    close(pipes[0]);
    close(pipes[1]);
}

static void test_stop_from_thread(void **state)
{
    (void)state;
    stop_from_thread("spin", 0);
    stop_from_thread("spin", 1);
    stop_from_thread("block", 0);
    stop_from_thread("block", 1);
}

static void test_stop_before_run(void **state)
{
    lt_session *session = create(guest("spin"));

    (void)state;
    assert_int_equal(lt_session_stop(session), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(result_of(session).kind, LT_RESULT_STOPPED);
    assert_int_equal(lt_session_stop(session), 0);
    lt_session_destroy(session);
}

static void test_destroy_while_running(void **state)
{
    lt_session *session = create(guest("spin"));
    const struct lt_event *event;
    int i;

    (void)state;
    for (i = 0; i < 1000; i++)
        assert_int_equal(lt_session_next(session, &event), 1);
    lt_session_destroy(session);
    lt_session_destroy(NULL);
}

/* ---- The pull form ---- */

static void test_pull(void **state)
{
    lt_session *session = create(guest("loop"));
    const struct lt_event *event = NULL;
    uint64_t seq = 0;
    uint64_t kinds[LT_EVENT_MAP + 1] = {0};
    uint64_t value;
    int result;

    (void)state;
    assert_int_equal(lt_session_select(session, LT_KINDS_ALL, NULL), 0);
    while ((result = lt_session_next(session, &event)) == 1) {
        assert_true(event->seq > seq);
        seq = event->seq;
        assert_in_range(event->type, LT_EVENT_INSN, LT_EVENT_MAP);
        kinds[event->type]++;
        if (event->type == LT_EVENT_INSN) {
            const struct lt_insn *insn = (const struct lt_insn *)event;

            assert_int_equal(lt_reg_read(session, LT_X86_64_RIP, &value), 0);
            assert_int_equal(value, insn->pc);
        }
    }
    assert_int_equal(result, 0);
    assert_int_equal(kinds[LT_EVENT_INSN], 605);
    assert_int_equal(kinds[LT_EVENT_MEM_WRITE], 100);
    assert_int_equal(kinds[LT_EVENT_MEM_READ], 100);
    assert_true(kinds[LT_EVENT_MODULE] >= 1);
    assert_int_equal(kinds[LT_EVENT_SYSCALL], 1);
    assert_int_equal(kinds[LT_EVENT_EXIT], 1);
    assert_int_equal(lt_session_next(session, &event), 0);
    assert_int_equal(result_of(session).status, 9);
    assert_int_equal(result_of(session).events, seq);
    lt_session_destroy(session);
}

static void test_pull_selection(void **state)
{
    lt_session *session = create(guest("loop"));
    const struct lt_event *event = NULL;
    uint64_t counted = 0;
    uint64_t given = 0;

    (void)state;
    /* Callbacks are called for what the pull form does not give. */
    assert_int_equal(lt_on_insn(session, NULL, count_insn, &counted), 0);
    assert_int_equal(lt_session_select(session, LT_KIND(LT_EVENT_MEM_WRITE), NULL), 0);
    while (lt_session_next(session, &event) == 1) {
        assert_true(event->type == LT_EVENT_MEM_WRITE || event->type == LT_EVENT_EXIT);
        given++;
    }
    assert_int_equal(given, 101);
    assert_int_equal(counted, 605);
    lt_session_destroy(session);
}

/* ---- Filters ---- */

static void test_filters(void **state)
{
    struct lt_filter everything, nothing, module, path, range, address;
    lt_session *session = create(guest("loop"));
    uint64_t counts[8] = {0};
    int i;

    (void)state;
    lt_filter_init(&everything, sizeof everything);
    lt_filter_init(&nothing, sizeof nothing);
    nothing.pc_start = 1;
    nothing.pc_end = 2;
    lt_filter_init(&module, sizeof module);
    module.module = "loop";
    lt_filter_init(&path, sizeof path);
    path.module = guest_path;
    lt_filter_init(&range, sizeof range);
    range.pc_start = 0x401000;
    range.pc_end = 0x401001; /* the first instruction only */
    lt_filter_init(&address, sizeof address);
    address.addr_start = 8;
    address.addr_end = 16;
    assert_int_equal(lt_on_insn(session, &everything, count_insn, &counts[0]), 0);
    assert_int_equal(lt_on_insn(session, &nothing, count_insn, &counts[1]), 0);
    assert_int_equal(lt_on_insn(session, &module, count_insn, &counts[2]), 0);
    assert_int_equal(lt_on_insn(session, &path, count_insn, &counts[3]), 0);
    assert_int_equal(lt_on_insn(session, &range, count_insn, &counts[4]), 0);
    assert_int_equal(lt_on_mem_write(session, &address, count_access, &counts[5]), 0);
    assert_int_equal(lt_on_mem_write(session, &module, count_access, &counts[6]), 0);
    assert_int_equal(lt_on_reg_write(session, &range, count_reg, &counts[7]), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(counts[0], 605);
    assert_int_equal(counts[1], 0);
    assert_int_equal(counts[2], 605);
    assert_int_equal(counts[3], 605);
    assert_int_equal(counts[4], 1);
    assert_int_equal(counts[5], 0);
    assert_int_equal(counts[6], 100);
    assert_int_equal(counts[7], 1);
    lt_session_destroy(session);

    /* 32 of a kind and no more; all are called. */
    session = create(guest("loop"));
    memset(counts, 0, sizeof counts);
    for (i = 0; i < 32; i++)
        assert_int_equal(lt_on_insn(session, &module, count_insn, &counts[0]), 0);
    assert_int_equal(lt_on_insn(session, &module, count_insn, &counts[0]), LT_ERR_LIMIT);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(counts[0], 32 * 605);
    lt_session_destroy(session);
}

static int read_register(lt_session *session, const struct lt_insn *e, void *user)
{
    uint64_t value;

    (void)e;
    *(int *)user = lt_reg_read(session, 0, &value);
    return 0;
}

static void test_without_registers(void **state)
{
    lt_session *session = create(guest("loop"));
    struct lt_filter filter;
    int error = 0;

    (void)state;
    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_NO_REGS;
    assert_int_equal(lt_on_insn(session, &filter, read_register, &error), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(error, LT_ERR_STATE);
    lt_session_destroy(session);
}

/* ---- Standard streams, environment, working directory ---- */

static void test_streams(void **state)
{
    const char *argv[] = {"sh", "-c", "pwd; echo \"$A $0\"; cat; echo err >&2", NULL};
    const char *envp[] = {"A=value", "PATH=/usr/bin:/bin", NULL};
    struct lt_config config;
    lt_session *session;
    char text[128] = "";
    FILE *out = tmpfile();
    int in[2];
    size_t n;

    (void)state;
    assert_non_null(out);
    assert_int_equal(pipe(in), 0);
    assert_int_equal(write(in[1], "input\n", 6), 6);
    close(in[1]);
    lt_config_init(&config, sizeof config);
    config.program = "/bin/sh";
    config.argv = argv;
    config.envp = envp;
    config.cwd = "/usr";
    config.stdio[0] = LT_STDIO_FD;
    config.stdio_fd[0] = in[0];
    config.stdio[1] = LT_STDIO_FD;
    config.stdio_fd[1] = fileno(out);
    config.stdio[2] = LT_STDIO_FD;
    config.stdio_fd[2] = fileno(out);
    assert_int_equal(lt_session_create(&config, &session), 0);
    assert_int_equal(lt_session_run(session), 0);
    assert_int_equal(result_of(session).status, 0);
    lt_session_destroy(session);
    rewind(out);
    n = fread(text, 1, sizeof text - 1, out);
    text[n] = '\0';
    assert_string_equal(text, "/usr\nvalue sh\ninput\nerr\n");
    fclose(out);
    close(in[0]);
}

/* ---- Failures ---- */

static void expect_error(const char *program, int error)
{
    lt_session *session = create(program);
    int got = lt_session_run(session);

    if (got != error)
        fail_msg("%s: %d (%s), expected %d", program, got, lt_session_message(session),
                 error);
    assert_true(strlen(lt_session_message(session)) > 10);
    assert_int_equal(result_of(session).kind, LT_RESULT_ERROR);
    assert_int_equal(result_of(session).error, error);
    assert_int_equal(lt_session_run(session), LT_ERR_STATE);
    lt_session_destroy(session);
}

static void make_file(const char *path, const void *bytes, size_t count, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, count), (ssize_t)count);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_failures(void **state)
{
    char directory[] = "/tmp/lt-test-XXXXXX";
    char path[128];
    uint8_t elf[4096];
    FILE *file;
    struct lt_config config;
    lt_session *session;
    const char *no_argv[] = {NULL};

    (void)state;
    assert_non_null(mkdtemp(directory));
    expect_error("/nonexistent", LT_ERR_NOT_FOUND);
    expect_error("/etc/passwd/x", LT_ERR_NOT_FOUND);
    expect_error("", LT_ERR_NOT_FOUND);
    expect_error("/", LT_ERR_DIRECTORY);
    snprintf(path, sizeof path, "%s/text", directory);
    make_file(path, "no program\n", 11, 0700);
    expect_error(path, LT_ERR_NOT_ELF);
    make_file(path, "", 0, 0700);
    expect_error(path, LT_ERR_NOT_ELF);
    make_file(path, "#!/nonexistent/interpreter\n", 27, 0700);
    expect_error(path, LT_ERR_INTERPRETER);
    make_file(path, "#!/bin/true\n", 12, 0600);
    expect_error(path, LT_ERR_PERMISSION);
    file = fopen("/bin/sh", "rb");
    assert_non_null(file);
    assert_int_equal(fread(elf, sizeof elf, 1, file), 1);
    fclose(file);
    make_file(path, elf, 100, 0700);
    expect_error(path, LT_ERR_TRUNCATED);
    elf[18] = 40; /* 32-bit ARM */
    elf[19] = 0;
    make_file(path, elf, sizeof elf, 0700);
    expect_error(path, LT_ERR_ARCH);
    make_file(path, "\177ELF\1\1\1", 7, 0700);
    expect_error(path, LT_ERR_TRUNCATED);
    unlink(path);
    rmdir(directory);

    lt_config_init(&config, sizeof config);
    config.program = "/bin/true";
    config.argv = no_argv;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGV);
    config.argv = NULL;
    config.cwd = "/nonexistent/directory";
    assert_int_equal(lt_session_create(&config, &session), 0);
    assert_true(lt_session_run(session) < 0);
    lt_session_destroy(session);
}

/* ---- Misuse ---- */

static int call_everything(lt_session *session, const struct lt_insn *e, void *user)
{
    const struct lt_event *event;
    uint64_t value;
    uint8_t wide[32];
    char text[8];

    /* From a callback. */
    assert_int_equal(lt_session_run(session), LT_ERR_STATE);
    assert_int_equal(lt_session_next(session, &event), LT_ERR_STATE);
    assert_int_equal(lt_session_select(session, LT_KINDS_ALL, NULL), LT_ERR_STATE);
    assert_int_equal(lt_on_insn(session, NULL, count_insn, user), LT_ERR_STATE);
    assert_int_equal(lt_reg_read(session, 1000, &value), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_read(session, 0, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_read(session, LT_X86_64_XMM0, &value), LT_ERR_ARGUMENT);
    assert_non_null(strstr(lt_session_message(session), "xmm0 has more than 8 bytes"));
    assert_int_equal(lt_reg_read_bytes(session, LT_X86_64_YMM0, wide, 31),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_read_bytes(session, LT_X86_64_YMM0, wide, 32), 32);
    assert_int_equal(lt_reg_read_bytes(session, LT_X86_64_FPR0, wide, 32), 10);
    assert_int_equal(lt_reg_read_bytes(session, LT_X86_64_ES + 1, wide, 32), 2);
    assert_int_equal(lt_reg_read_bytes(session, 0, NULL, 8), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_read(session, LT_X86_64_MXCSR, &value), 0);
    assert_int_equal(value, 0x1f80);
    assert_int_equal(lt_disassemble(session, e->pc, NULL, 4, text, sizeof text),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lt_disassemble(session, e->pc, e->bytes, e->length, NULL, 8),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lt_symbol_at(session, e->pc, NULL), LT_ERR_ARGUMENT);
    /* A short buffer is cut, not overrun. */
    memset(text, 'x', sizeof text);
    assert_int_equal(lt_disassemble(session, e->pc, e->bytes, e->length, text, 4),
                     (int)e->length);
    assert_int_equal(text[3], '\0');
    assert_int_equal(text[4], 'x');
    return LT_STOP;
}

static void test_misuse(void **state)
{
    struct lt_config config;
    struct lt_filter filter;
    struct lt_result result;
    struct lt_symbol symbol;
    struct lt_stats stats = {.size = sizeof stats};
    const struct lt_event *event;
    lt_session *session;
    uint64_t value;
    uint64_t count = 0;
    char text[64];
    struct {
        struct lt_config config;
        uint64_t tail;
    } newer;

    (void)state;
    assert_int_equal(lt_config_init(NULL, sizeof config), LT_ERR_ARGUMENT);
    assert_int_equal(lt_filter_init(NULL, sizeof filter), LT_ERR_ARGUMENT);
    assert_int_equal(lt_result_init(NULL, sizeof result), LT_ERR_ARGUMENT);
    assert_int_equal(lt_symbol_init(NULL, sizeof symbol), LT_ERR_ARGUMENT);
    assert_int_equal(lt_config_init(&config, 0), LT_ERR_ARGUMENT);
    assert_int_equal(lt_config_init(&config, sizeof config), 0);
    assert_int_equal(lt_session_create(NULL, &session), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    config.program = "/bin/true";
    assert_int_equal(lt_session_create(&config, NULL), LT_ERR_ARGUMENT);
    config.flags = 1u << 30;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    config.flags = 0;
    config.stdio[1] = 77;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    config.stdio[1] = 0;
    config.size = 3;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);

    /* A newer caller: a zero tail is fine, another is not. */
    memset(&newer, 0, sizeof newer);
    assert_int_equal(lt_config_init(&newer.config, sizeof newer), 0);
    newer.config.program = "/bin/true";
    assert_int_equal(lt_session_create(&newer.config, &session), 0);
    lt_session_destroy(session);
    newer.tail = 1;
    assert_int_equal(lt_session_create(&newer.config, &session), LT_ERR_ARGUMENT);

    assert_int_equal(lt_session_run(NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_next(NULL, &event), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_select(NULL, 0, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_stop(NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_result(NULL, &result), LT_ERR_ARGUMENT);
    assert_non_null(lt_session_message(NULL));
    assert_true(lt_session_arch(NULL) < 0);
    assert_int_equal(lt_on_insn(NULL, NULL, count_insn, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_reg_write(NULL, NULL, count_reg, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_mem_write(NULL, NULL, count_access, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_mem_read(NULL, NULL, count_access, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_syscall(NULL, NULL, count_syscall, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_module(NULL, NULL, count_module, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_exit(NULL, NULL, count_exit, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_read(NULL, 0, &value), LT_ERR_ARGUMENT);
    assert_int_equal(lt_disassemble(NULL, 0, (const uint8_t *)"\x90", 1, text, 64),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lt_symbol_at(NULL, 0, &symbol), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_stats(NULL, &stats), LT_ERR_ARGUMENT);
    assert_int_equal(lt_syscall_text(NULL, NULL, text, 64), LT_ERR_ARGUMENT);

    session = create(guest("loop"));
    assert_int_equal(lt_on_insn(session, NULL, NULL, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_exit(session, NULL, NULL, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_result(session, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_stats(session, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_next(session, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_select(session, 1u << 30, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_arch(session), LT_ERR_STATE);
    assert_int_equal(lt_reg_read(session, 0, &value), LT_ERR_STATE);
    assert_int_equal(lt_disassemble(session, 0, (const uint8_t *)"\x90", 1, text, 64),
                     LT_ERR_STATE);
    lt_symbol_init(&symbol, sizeof symbol);
    assert_int_equal(lt_symbol_at(session, 0x401000, &symbol), LT_ERR_STATE);
    lt_filter_init(&filter, sizeof filter);
    filter.flags = 1u << 20;
    assert_int_equal(lt_on_insn(session, &filter, count_insn, NULL), LT_ERR_ARGUMENT);
    lt_filter_init(&filter, sizeof filter);
    filter.pc_start = 10;
    filter.pc_end = 5;
    assert_int_equal(lt_on_insn(session, &filter, count_insn, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_insn(session, NULL, call_everything, &count), 0);
    assert_int_equal(lt_session_run(session), 0);
    /* After the run. */
    assert_int_equal(lt_session_next(session, &event), LT_ERR_STATE);
    assert_int_equal(lt_on_insn(session, NULL, count_insn, &count), LT_ERR_STATE);
    assert_int_equal(lt_session_select(session, LT_KINDS_ALL, NULL), LT_ERR_STATE);
    lt_session_destroy(session);
    assert_int_equal(count, 0);
}

/* A run with a CPU model; `said` is a part of the message, or NULL. */
static void run_cpu(const char *arch, const char *cpu, int result, const char *said)
{
    struct lt_config config;
    char path[4096];
    lt_session *session;

    /* LT_GUESTS has the guests of x86_64; those of aarch64 are beside them. */
    snprintf(path, sizeof path, "%s/../%s/loop", guest("."), arch);
    if (access(path, X_OK) != 0)
        return;
    assert_int_equal(lt_config_init(&config, sizeof config), 0);
    config.program = path;
    config.cpu = cpu;
    assert_int_equal(lt_session_create(&config, &session), 0);
    assert_int_equal(lt_session_run(session), result);
    if (said != NULL)
        assert_non_null(strstr(lt_session_message(session), said));
    assert_int_equal(result_of(session).kind,
                     result == 0 ? LT_RESULT_EXIT : LT_RESULT_ERROR);
    lt_session_destroy(session);
}

static void test_cpu(void **state)
{
    char longest[200];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    run_cpu("x86_64", "qemu64", 0, NULL);
    run_cpu("x86_64", "max", 0, NULL);
    run_cpu("x86_64", "Haswell", 0, NULL);
    run_cpu("x86_64", "nothing", LT_ERR_ARGUMENT, "nothing");
    run_cpu("x86_64", "max,nothing=on", LT_ERR_ARGUMENT, "nothing");
    run_cpu("x86_64", longest, LT_ERR_ARGUMENT, "too long");
    run_cpu("aarch64", "cortex-a57", 0, NULL);
    run_cpu("aarch64", "max", LT_ERR_ARGUMENT, "sme=off");
    run_cpu("aarch64", "max,sme=off", 0, NULL);
    run_cpu("aarch64", "neoverse-v1", 0, NULL);
    run_cpu("aarch64", "Haswell", LT_ERR_ARGUMENT, "Haswell");
}

static void test_tables(void **state)
{
    uint32_t reg;
    int arch;

    (void)state;
    for (arch = LT_ARCH_X86_64; arch <= LT_ARCH_AARCH64; arch++) {
        int count = lt_reg_count((uint32_t)arch);

        assert_int_equal(lt_arch_find(lt_arch_name((uint32_t)arch)), arch);
        assert_true(count > 19);
        for (reg = 0; reg < (uint32_t)count; reg++) {
            assert_non_null(lt_reg_name((uint32_t)arch, reg));
            assert_int_equal(
                lt_reg_find((uint32_t)arch, lt_reg_name((uint32_t)arch, reg)), reg);
            assert_in_range(lt_reg_width((uint32_t)arch, reg), 1, 256);
            assert_in_range(lt_reg_class((uint32_t)arch, reg), LT_REG_GENERAL,
                            LT_REG_PREDICATE);
        }
        assert_null(lt_reg_name((uint32_t)arch, (uint32_t)count));
        assert_null(lt_reg_name((uint32_t)arch, UINT32_MAX));
        assert_int_equal(lt_reg_width((uint32_t)arch, (uint32_t)count), LT_ERR_ARGUMENT);
        assert_int_equal(lt_reg_find((uint32_t)arch, "nothing"), LT_ERR_NOT_FOUND);
        assert_int_equal(lt_reg_find((uint32_t)arch, NULL), LT_ERR_ARGUMENT);
        assert_null(lt_syscall_name((uint32_t)arch, 1u << 30));
    }
    assert_null(lt_arch_name(0));
    assert_null(lt_arch_name(3));
    assert_int_equal(lt_arch_find(NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_arch_find("vax"), LT_ERR_NOT_FOUND);
    assert_int_equal(lt_reg_count(99), LT_ERR_ARGUMENT);
    assert_string_equal(lt_reg_name(LT_ARCH_X86_64, LT_X86_64_RAX), "rax");
    assert_string_equal(lt_reg_name(LT_ARCH_X86_64, LT_X86_64_RFLAGS), "rflags");
    assert_string_equal(lt_reg_name(LT_ARCH_AARCH64, LT_AARCH64_NZCV), "nzcv");
    assert_string_equal(lt_syscall_name(LT_ARCH_X86_64, 1), "write");
    assert_string_equal(lt_syscall_name(LT_ARCH_AARCH64, 64), "write");
    assert_string_equal(lt_errno_name(2), "ENOENT");
    assert_null(lt_errno_name(0));
    assert_null(lt_errno_name(100000));
    assert_non_null(lt_error_text(LT_ERR_NOT_ELF));
    assert_non_null(lt_error_text(-99999));
    assert_non_null(lt_error_text(5));
    assert_int_equal(lt_version(), LT_VERSION);
}

/* Several sessions in several threads do not know of each other. */
static void *run_in_thread(void *count)
{
    int i;

    for (i = 0; i < 5; i++) {
        struct lt_config config;
        lt_session *session;

        lt_config_init(&config, sizeof config);
        config.program = guest_path;
        if (lt_session_create(&config, &session) != 0)
            return (void *)1;
        if (lt_on_insn(session, NULL, count_insn, count) != 0 ||
            lt_session_run(session) != 0)
            return (void *)1;
        lt_session_destroy(session);
    }
    return NULL;
}

static void test_parallel(void **state)
{
    pthread_t threads[4];
    uint64_t counts[4] = {0};
    void *failed;
    int i;

    (void)state;
    guest("loop");
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_in_thread, &counts[i]), 0);
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
        assert_int_equal(counts[i], 5 * 605);
    }
}

/* ---- The guest's memory ---- */

/* Bytes as the last writes left them. */
struct last {
    uint64_t addr;
    uint8_t value;
};

struct memory {
    struct last last[1 << 16];
    uint64_t writes, compared;
    uint64_t pc; /* where code was looked at */
    int partial; /* there are more writes than are seen */
};

static int on_memory_write(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct memory *m = user;
    static uint8_t now[1 << 16];

    m->writes++;
    assert_in_range(e->length, 1, sizeof now);
    assert_non_null(e->old);
    assert_int_equal(lt_mem_read(session, e->addr, now, e->length), e->length);
    assert_memory_equal(now, e->data, e->length);
    for (uint32_t i = 0; i < e->length; i++) {
        struct last *last = &m->last[(e->addr + i) & 0xffff];

        if (!m->partial && last->addr == e->addr + i) {
            assert_int_equal(e->old[i], last->value);
            m->compared++;
        }
        last->addr = e->addr + i;
        last->value = e->data[i];
    }
    return 0;
}

/* What is mapped, or no longer, has other contents. */
static int on_memory_map(lt_session *session, const struct lt_map *e, void *user)
{
    struct memory *m = user;

    (void)session;
    if (e->op != LT_MAP_PROTECT)
        memset(m->last, 0, sizeof m->last);
    return 0;
}

/* The code in memory is what is executed, and the stack is there. */
static int on_memory_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    struct memory *m = user;
    uint8_t code[16];

    assert_int_equal(lt_mem_read(session, e->pc, code, e->length), e->length);
    assert_memory_equal(code, e->bytes, e->length);
    m->pc = e->pc;
    return 0;
}

static void test_memory(void **state)
{
    static struct memory m;
    struct lt_config config;
    struct lt_stats stats = {.size = sizeof stats};
    struct lt_filter nowhere;
    lt_session *session;
    uint8_t byte;

    (void)state;
    for (int filtered = 0; filtered < 2; filtered++) {
        memset(&m, 0, sizeof m);
        m.partial = filtered;
        assert_int_equal(lt_config_init(&config, sizeof config), 0);
        config.program = guest("hello");
        config.stdio[0] = config.stdio[1] = LT_STDIO_NULL;
        config.flags = LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY;
        assert_int_equal(lt_session_create(&config, &session), 0);
        assert_int_equal(lt_filter_init(&nowhere, sizeof nowhere), 0);
        nowhere.module = "hello";
        /* Filters do not make the copy less true. */
        assert_int_equal(
            lt_on_mem_write(session, filtered ? &nowhere : NULL, on_memory_write, &m), 0);
        assert_int_equal(
            lt_on_insn(session, filtered ? &nowhere : NULL, on_memory_insn, &m), 0);
        assert_int_equal(lt_on_map(session, NULL, on_memory_map, &m), 0);
        assert_int_equal(lt_mem_read(session, 0, &byte, 1), LT_ERR_STATE);
        assert_int_equal(lt_session_run(session), 0);
        assert_int_equal(lt_session_stats(session, &stats), 0);
        assert_true(m.writes > (filtered ? 0u : 1000u));
        assert_true(m.pc != 0);
        assert_true(filtered || m.compared > 1000);
        assert_true(stats.memory_checks > 100);
        assert_int_equal(stats.memory_mismatches, 0);
        assert_int_equal(stats.register_mismatches, 0);
        assert_int_equal(lt_mem_read(session, m.pc, &byte, 1), LT_ERR_STATE);
        lt_session_destroy(session);
    }
}

static int on_memory_misuse(lt_session *session, const struct lt_insn *e, void *user)
{
    uint8_t byte;
    int *state = user;

    assert_int_equal(lt_mem_read(NULL, e->pc, &byte, 1), LT_ERR_ARGUMENT);
    assert_int_equal(lt_mem_read(session, e->pc, NULL, 1), LT_ERR_ARGUMENT);
    assert_int_equal(lt_mem_read(session, e->pc, &byte, UINT64_C(1) << 31),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lt_mem_read(session, e->pc, &byte, 1), *state);
    if (*state == 1) {
        assert_int_equal(lt_mem_read(session, e->pc, &byte, 0), 0);
        assert_int_equal(lt_mem_read(session, 0, &byte, 1), 0);
        assert_int_equal(lt_mem_read(session, UINT64_MAX, &byte, 1), 0);
    }
    return LT_STOP;
}

static void test_memory_misuse(void **state)
{
    struct lt_config config;
    lt_session *session;
    int expected;

    (void)state;
    assert_int_equal(lt_config_init(&config, sizeof config), 0);
    config.program = guest("loop");
    config.flags = LT_CONFIG_CHECK_MEMORY;
    assert_int_equal(lt_session_create(&config, &session), LT_ERR_ARGUMENT);
    for (int with = 0; with < 2; with++) {
        expected = with ? 1 : LT_ERR_STATE;
        config.flags = with ? LT_CONFIG_MEMORY : 0;
        assert_int_equal(lt_session_create(&config, &session), 0);
        assert_int_equal(lt_on_insn(session, NULL, on_memory_misuse, &expected), 0);
        assert_int_equal(lt_session_run(session), 0);
        assert_int_equal(result_of(session).kind, LT_RESULT_STOPPED);
        lt_session_destroy(session);
    }
}

static int look_at_register(lt_session *session, const struct lt_syscall *e, void *user)
{
    uint64_t value;

    (void)e;
    ++*(uint64_t *)user;
    assert_true(lt_reg_read(session, 0, &value) < 0);
    return 0;
}

/* With LT_CONFIG_DISCARD, as much is recorded as without it, and nothing of it comes; but
 * the run ends as ever. */
static void test_discard(void **state)
{
    uint64_t bytes[2] = {0}, calls[2] = {0};

    (void)state;
    for (int discard = 0; discard < 2; discard++) {
        struct lt_stats stats = {.size = sizeof stats};
        struct lt_config config;
        lt_session *session;
        uint64_t insns = 0, writes = 0, accesses = 0;

        assert_int_equal(lt_config_init(&config, sizeof config), 0);
        config.program = guest("sort");
        config.stdio[0] = config.stdio[1] = LT_STDIO_NULL;
        config.ring_size = 65536;
        config.flags = discard ? LT_CONFIG_DISCARD : 0;
        assert_int_equal(lt_session_create(&config, &session), 0);
        assert_int_equal(lt_on_insn(session, NULL, count_insn, &insns), 0);
        assert_int_equal(lt_on_reg_write(session, NULL, count_reg, &writes), 0);
        assert_int_equal(lt_on_mem_read(session, NULL, count_access, &accesses), 0);
        assert_int_equal(lt_on_syscall(session, NULL,
                                       discard ? look_at_register : count_syscall,
                                       &calls[discard]),
                         0);
        if (discard) {
            struct lt_filter filter;

            assert_int_equal(lt_filter_init(&filter, sizeof filter), 0);
            filter.flags = LT_FILTER_SYNC;
            assert_int_equal(lt_on_insn(session, &filter, count_insn, &insns),
                             LT_ERR_UNSUPPORTED);
            assert_int_equal(lt_break_add(session, 4096, count_insn, &insns),
                             LT_ERR_UNSUPPORTED);
        }
        assert_int_equal(lt_session_run(session), 0);
        assert_int_equal(result_of(session).kind, LT_RESULT_EXIT);
        assert_int_equal(lt_session_stats(session, &stats), 0);
        bytes[discard] = stats.stream_bytes;
        assert_true(stats.stream_bytes > 3 * config.ring_size);
        assert_int_equal(stats.insns == 0, discard);
        assert_int_equal(insns == 0, discard);
        assert_int_equal(writes == 0, discard);
        assert_int_equal(accesses == 0, discard);
        assert_int_equal(stats.internal_errors, 0);
        assert_int_equal(stats.register_mismatches, 0);
        lt_session_destroy(session);
    }
    assert_true(calls[1] > 0);
    assert_int_equal(calls[0], calls[1]);
    assert_int_equal(bytes[0], bytes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables),
                                       cmocka_unit_test(test_cpu),
                                       cmocka_unit_test(test_misuse),
                                       cmocka_unit_test(test_untraced_run),
                                       cmocka_unit_test(test_signal),
                                       cmocka_unit_test(test_failures),
                                       cmocka_unit_test(test_streams),
                                       cmocka_unit_test(test_stop_in_callback),
                                       cmocka_unit_test(test_negative_in_callback),
                                       cmocka_unit_test(test_stop_from_thread),
                                       cmocka_unit_test(test_stop_before_run),
                                       cmocka_unit_test(test_destroy_while_running),
                                       cmocka_unit_test(test_pull),
                                       cmocka_unit_test(test_pull_selection),
                                       cmocka_unit_test(test_filters),
                                       cmocka_unit_test(test_without_registers),
                                       cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_memory_misuse),
                                       cmocka_unit_test(test_parallel),
                                       cmocka_unit_test(test_discard)};

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
