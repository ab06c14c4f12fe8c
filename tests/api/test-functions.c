/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-functions NAMES: every public function with what it must refuse: NULL, numbers
 * out of range, the wrong state of a session (before the run, in a callback, behind the
 * run), another thread while it runs.  A table has a row a function; the file NAMES
 * has the names of the symbol map, and one without a row fails the test, as does a row
 * whose function is none.
 *
 * LT_GUESTS names the directory of the x86_64 guests.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lt/block.h"
#include "lt/fuzz.h"
#include "lt/lt.h"
#include "lt/unstable.h"

static const char *row; /* in hand */
static unsigned failures, checks;

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        checks++;                                                                        \
        if (!(condition)) {                                                              \
            failures++;                                                                  \
            fprintf(stderr, "%s: line %d: %s\n", row, __LINE__, #condition);             \
        }                                                                                \
    } while (0)

/* ---- Sessions in each state ---- */

enum state { NEW, CALLBACK, PULLED, ENDED, PULL_ENDED, STATES };

static lt_session *sessions[STATES]; /* that of CALLBACK while in one */
static const struct lt_insn *insn;   /* in hand in CALLBACK and PULLED */

static lt_session *create(const char *name)
{
    const char *directory = getenv("LT_GUESTS");
    struct lt_config config;
    lt_session *session = NULL;
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", directory != NULL ? directory : ".", name);
    lt_config_init(&config, sizeof config);
    config.program = path;
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    if (lt_session_create(&config, &session) != 0) {
        fprintf(stderr, "no session of %s\n", path);
        exit(1);
    }
    return session;
}

static int nothing(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

/* ---- Rows ---- */

static void check_version(void)
{
    CHECK(lt_version() == LT_VERSION);
}

static void check_error_text(void)
{
    for (int error = 10; error > -1000; error--) {
        CHECK(lt_error_text(error) != NULL && lt_error_text(error)[0] != '\0');
    }
    CHECK(lt_error_text(-2147483647 - 1) != NULL);
    CHECK(strcmp(lt_error_text(LT_ERR_LIMIT), lt_error_text(-5000)) != 0);
}

static void check_arch_name(void)
{
    CHECK(lt_arch_name(0) == NULL && lt_arch_name(UINT32_MAX) == NULL);
    CHECK(strcmp(lt_arch_name(LT_ARCH_X86_64), "x86_64") == 0);
}

static void check_arch_find(void)
{
    CHECK(lt_arch_find(NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_arch_find("") == LT_ERR_NOT_FOUND);
    CHECK(lt_arch_find("aarch64") == LT_ARCH_AARCH64);
}

static void check_reg_count(void)
{
    CHECK(lt_reg_count(0) == LT_ERR_ARGUMENT && lt_reg_count(77) == LT_ERR_ARGUMENT);
    CHECK(lt_reg_count(LT_ARCH_X86_64) > 0);
}

static void check_reg_name(void)
{
    CHECK(lt_reg_name(0, 0) == NULL && lt_reg_name(LT_ARCH_X86_64, UINT32_MAX) == NULL);
    CHECK(lt_reg_name(LT_ARCH_AARCH64, 0) != NULL);
}

static void check_reg_width(void)
{
    CHECK(lt_reg_width(0, 0) == LT_ERR_ARGUMENT);
    CHECK(lt_reg_width(LT_ARCH_X86_64, 5000) == LT_ERR_ARGUMENT);
    CHECK(lt_reg_width(LT_ARCH_X86_64, LT_X86_64_RAX) == 8);
}

static void check_reg_class(void)
{
    CHECK(lt_reg_class(0, 0) == LT_ERR_ARGUMENT);
    CHECK(lt_reg_class(LT_ARCH_AARCH64, 5000) == LT_ERR_ARGUMENT);
    CHECK(lt_reg_class(LT_ARCH_X86_64, LT_X86_64_RIP) == LT_REG_PC);
}

static void check_reg_find(void)
{
    CHECK(lt_reg_find(LT_ARCH_X86_64, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_reg_find(0, "rax") == LT_ERR_ARGUMENT);
    CHECK(lt_reg_find(LT_ARCH_X86_64, "x0") == LT_ERR_NOT_FOUND);
}

static void check_event_name(void)
{
    CHECK(lt_event_name(0) == NULL && lt_event_name(UINT32_MAX) == NULL);
    CHECK(strcmp(lt_event_name(LT_EVENT_INSN), "insn") == 0);
}

static void check_syscall_name(void)
{
    CHECK(lt_syscall_name(0, 1) == NULL);
    CHECK(lt_syscall_name(LT_ARCH_X86_64, UINT32_MAX) == NULL);
}

static void check_syscall_arg_name(void)
{
    CHECK(lt_syscall_arg_name(0, 1, 0) == NULL);
    CHECK(lt_syscall_arg_name(LT_ARCH_X86_64, UINT32_MAX, 0) == NULL);
    CHECK(lt_syscall_arg_name(LT_ARCH_X86_64, 1, 6) == NULL);
    CHECK(lt_syscall_arg_name(LT_ARCH_X86_64, 1, UINT32_MAX) == NULL);
    CHECK(lt_syscall_arg_name(LT_ARCH_X86_64, 1, 0) != NULL);
}

static void check_syscall_arg_type(void)
{
    CHECK(lt_syscall_arg_type(0, 1, 0) == LT_ERR_ARGUMENT);
    CHECK(lt_syscall_arg_type(LT_ARCH_X86_64, UINT32_MAX, 0) == LT_ERR_ARGUMENT);
    CHECK(lt_syscall_arg_type(LT_ARCH_X86_64, 1, 3) == LT_ERR_ARGUMENT);
    CHECK(lt_syscall_arg_type(LT_ARCH_X86_64, 1, 0) == LT_ARG_FD);
}

static void check_errno_name(void)
{
    CHECK(lt_errno_name(0) == NULL && lt_errno_name(UINT32_MAX) == NULL);
    CHECK(strcmp(lt_errno_name(512), "ERESTARTSYS") == 0);
}

/* lt_*_init(): NULL, sizes that no version had, a newer version's. */
#define DEFINE_INIT(name, type)                                                          \
    static void check_##name##_init(void)                                                \
    {                                                                                    \
        union {                                                                          \
            struct type object;                                                          \
            unsigned char bytes[sizeof(struct type) + 64];                               \
        } u;                                                                             \
        CHECK(lt_##name##_init(NULL, sizeof u.object) == LT_ERR_ARGUMENT);               \
        memset(&u, 0x55, sizeof u);                                                      \
        CHECK(lt_##name##_init(&u.object, 0) == LT_ERR_ARGUMENT);                        \
        CHECK(lt_##name##_init(&u.object, 8) == LT_ERR_ARGUMENT);                        \
        CHECK(lt_##name##_init(&u.object, sizeof u.object + 1) == LT_ERR_ARGUMENT);      \
        CHECK(lt_##name##_init(&u.object, 1u << 30) == LT_ERR_ARGUMENT);                 \
        CHECK(u.bytes[0] == 0x55); /* untouched */                                       \
        CHECK(lt_##name##_init(&u.object, sizeof u.object) == 0);                        \
        CHECK(u.object.size == sizeof u.object && u.bytes[sizeof u.object] == 0x55);     \
        CHECK(lt_##name##_init(&u.object, sizeof u) == 0);                               \
        CHECK(u.bytes[sizeof u - 1] == 0);                                               \
    }

DEFINE_INIT(config, lt_config)
DEFINE_INIT(filter, lt_filter)
DEFINE_INIT(result, lt_result)
DEFINE_INIT(symbol, lt_symbol)

static void check_session_create(void)
{
    const char *const no_argv[] = {NULL};
    struct lt_config config;
    lt_session *session = (lt_session *)&config;

    CHECK(lt_session_create(NULL, &session) == LT_ERR_ARGUMENT && session == NULL);
    lt_config_init(&config, sizeof config);
    CHECK(lt_session_create(&config, &session) == LT_ERR_ARGUMENT); /* no program */
    config.program = "/bin/true";
    CHECK(lt_session_create(&config, NULL) == LT_ERR_ARGUMENT);
    config.argv = no_argv;
    CHECK(lt_session_create(&config, &session) == LT_ERR_ARGV);
    config.argv = NULL;

#define REFUSED(member, value)                                                           \
    do {                                                                                 \
        struct lt_config other = config;                                                 \
        other.member = value;                                                            \
        CHECK(lt_session_create(&other, &session) == LT_ERR_ARGUMENT &&                  \
              session == NULL);                                                          \
    } while (0)
    REFUSED(flags, UINT32_C(1) << 20);
    REFUSED(flags, LT_CONFIG_CHECK_MEMORY); /* without LT_CONFIG_MEMORY */
    REFUSED(flags, LT_CONFIG_DISCARD | LT_CONFIG_MEMORY);
    config.flags = LT_CONFIG_DISCARD;
    REFUSED(limit_insns, 1);
    config.flags = 0;
    REFUSED(stdio[0], 3);
    REFUSED(stdio[2], UINT32_MAX);
    REFUSED(follow, 3);
    REFUSED(threads, 2);
    REFUSED(size, 0);
    REFUSED(size, UINT32_MAX);
    REFUSED(size, sizeof config - 4);
    config.stdio[1] = LT_STDIO_FD;
    REFUSED(stdio_fd[1], -1);
#undef REFUSED
}

static void check_session_create_in_process(void)
{
    struct lt_config config;
    lt_session *session = (lt_session *)&config;

    CHECK(lt_session_create_in_process(NULL, &session) == LT_ERR_ARGUMENT &&
          session == NULL);
    lt_config_init(&config, sizeof config);
    CHECK(lt_session_create_in_process(&config, &session) == LT_ERR_ARGUMENT);
    config.program = "/bin/true";
    CHECK(lt_session_create_in_process(&config, NULL) == LT_ERR_ARGUMENT);
    config.threads = LT_THREADS_PARALLEL;
    CHECK(lt_session_create_in_process(&config, &session) == LT_ERR_UNSUPPORTED);
    config.threads = LT_THREADS_SERIAL;
    config.limit_ms = 1;
    CHECK(lt_session_create_in_process(&config, &session) == LT_ERR_UNSUPPORTED);
}

static void check_session_destroy(void)
{
    lt_session_destroy(NULL);
    /* From a callback it does nothing: the session goes on. */
    lt_session_destroy(sessions[CALLBACK]);
    CHECK(lt_session_arch(sessions[CALLBACK]) == LT_ARCH_X86_64);
}

static void check_session_run(void)
{
    CHECK(lt_session_run(NULL) == LT_ERR_ARGUMENT);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_session_run(sessions[state]) == LT_ERR_STATE);
        CHECK(lt_session_message(sessions[state])[0] != '\0');
    }
}

static void check_session_next(void)
{
    const struct lt_event *event = (const void *)&event;

    CHECK(lt_session_next(NULL, &event) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_session_next(sessions[state], NULL) == LT_ERR_ARGUMENT);
    }
    CHECK(lt_session_next(sessions[CALLBACK], &event) == LT_ERR_STATE && event == NULL);
    CHECK(lt_session_next(sessions[ENDED], &event) == LT_ERR_STATE && event == NULL);
    CHECK(lt_session_next(sessions[PULL_ENDED], &event) == 0 && event == NULL);
}

static void check_session_select(void)
{
    struct lt_filter filter;

    lt_filter_init(&filter, sizeof filter);
    CHECK(lt_session_select(NULL, LT_KINDS_ALL, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_session_select(sessions[NEW], UINT32_C(1) << 31, NULL) == LT_ERR_ARGUMENT);
    filter.flags = UINT32_C(1) << 31;
    CHECK(lt_session_select(sessions[NEW], LT_KINDS_ALL, &filter) == LT_ERR_ARGUMENT);
    filter.size = 3;
    CHECK(lt_session_select(sessions[NEW], LT_KINDS_ALL, &filter) == LT_ERR_ARGUMENT);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_session_select(sessions[state], LT_KINDS_ALL, NULL) == LT_ERR_STATE);
    }
}

static void check_session_stop(void)
{
    lt_session *session = create("spin");
    struct lt_result result;

    CHECK(lt_session_stop(NULL) == LT_ERR_ARGUMENT);
    /* Before the run, twice, and behind it. */
    CHECK(lt_session_stop(session) == 0 && lt_session_stop(session) == 0);
    CHECK(lt_session_run(session) == 0);
    CHECK(lt_session_stop(session) == 0);
    lt_result_init(&result, sizeof result);
    CHECK(lt_session_result(session, &result) == 0 && result.kind == LT_RESULT_STOPPED);
    lt_session_destroy(session);
    /* What has ended by itself stays so. */
    CHECK(lt_session_stop(sessions[ENDED]) == 0);
    CHECK(lt_session_result(sessions[ENDED], &result) == 0 &&
          result.kind == LT_RESULT_EXIT);
}

static void check_session_result(void)
{
    static const uint32_t kinds[STATES] = {LT_RESULT_NONE, LT_RESULT_NONE, LT_RESULT_NONE,
                                           LT_RESULT_EXIT, LT_RESULT_EXIT};
    struct lt_result result, bad = {.size = 3};

    lt_result_init(&result, sizeof result);
    CHECK(lt_session_result(NULL, &result) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_session_result(sessions[state], NULL) == LT_ERR_ARGUMENT);
        CHECK(lt_session_result(sessions[state], &bad) == LT_ERR_ARGUMENT);
        CHECK(lt_session_result(sessions[state], &result) == 0 &&
              result.kind == kinds[state]);
    }
}

static void check_session_message(void)
{
    lt_session *session = create("loop");

    CHECK(lt_session_message(NULL) != NULL && lt_session_message(NULL)[0] == '\0');
    CHECK(lt_session_message(session)[0] == '\0');
    lt_session_destroy(session);
}

static void check_session_arch(void)
{
    CHECK(lt_session_arch(NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_session_arch(sessions[NEW]) == LT_ERR_STATE);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_session_arch(sessions[state]) == LT_ARCH_X86_64);
    }
}

static void check_session_stats(void)
{
    struct lt_stats stats = {.size = sizeof stats}, bad = {.size = 3};

    CHECK(lt_session_stats(NULL, &stats) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_session_stats(sessions[state], NULL) == LT_ERR_ARGUMENT);
        CHECK(lt_session_stats(sessions[state], &bad) == LT_ERR_ARGUMENT);
        CHECK(lt_session_stats(sessions[state], &stats) == 0);
    }
}

/* lt_on_*(): no session, no function, bad filters, the wrong time, and too many. */
#define DEFINE_ON(name, type)                                                            \
    static int take_##name(lt_session *session, const struct type *event, void *user)    \
    {                                                                                    \
        (void)session;                                                                   \
        (void)event;                                                                     \
        (void)user;                                                                      \
        return 0;                                                                        \
    }                                                                                    \
    static void check_on_##name(void)                                                    \
    {                                                                                    \
        lt_session *session = create("loop");                                            \
        struct lt_filter filter;                                                         \
        CHECK(lt_on_##name(NULL, NULL, take_##name, NULL) == LT_ERR_ARGUMENT);           \
        CHECK(lt_on_##name(session, NULL, NULL, NULL) == LT_ERR_ARGUMENT);               \
        lt_filter_init(&filter, sizeof filter);                                          \
        filter.flags = UINT32_C(1) << 30;                                                \
        CHECK(lt_on_##name(session, &filter, take_##name, NULL) == LT_ERR_ARGUMENT);     \
        filter.flags = 0;                                                                \
        filter.pc_start = filter.pc_end = 7;                                             \
        CHECK(lt_on_##name(session, &filter, take_##name, NULL) == LT_ERR_ARGUMENT);     \
        filter.pc_start = filter.pc_end = 0;                                             \
        filter.addr_start = 9;                                                           \
        filter.addr_end = 8;                                                             \
        CHECK(lt_on_##name(session, &filter, take_##name, NULL) == LT_ERR_ARGUMENT);     \
        filter.addr_end = 0;                                                             \
        filter.size = 1;                                                                 \
        CHECK(lt_on_##name(session, &filter, take_##name, NULL) == LT_ERR_ARGUMENT);     \
        for (int i = 0; i < 32; i++) {                                                   \
            CHECK(lt_on_##name(session, NULL, take_##name, NULL) == 0);                  \
        }                                                                                \
        CHECK(lt_on_##name(session, NULL, take_##name, NULL) == LT_ERR_LIMIT);           \
        lt_session_destroy(session);                                                     \
        for (int state = CALLBACK; state < STATES; state++) {                            \
            CHECK(lt_on_##name(sessions[state], NULL, take_##name, NULL) ==              \
                  LT_ERR_STATE);                                                         \
        }                                                                                \
    }

DEFINE_ON(insn, lt_insn)
DEFINE_ON(reg_write, lt_reg_write)
DEFINE_ON(mem_write, lt_mem_access)
DEFINE_ON(mem_read, lt_mem_access)
DEFINE_ON(syscall, lt_syscall)
DEFINE_ON(module, lt_module)
DEFINE_ON(signal, lt_signal)
DEFINE_ON(thread, lt_thread)
DEFINE_ON(process, lt_process)
DEFINE_ON(map, lt_map)
DEFINE_ON(exit, lt_exit)

static void check_reg_read(void)
{
    uint64_t value;

    CHECK(lt_reg_read(NULL, 0, &value) == LT_ERR_ARGUMENT);
    CHECK(lt_reg_read(sessions[NEW], 0, &value) == LT_ERR_STATE);
    for (int state = CALLBACK; state <= PULLED; state++) {
        CHECK(lt_reg_read(sessions[state], 0, NULL) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_read(sessions[state], UINT32_MAX, &value) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_read(sessions[state], LT_X86_64_XMM0, &value) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_read(sessions[state], LT_X86_64_RIP, &value) == 0 &&
              value == insn->pc);
    }
}

static void check_reg_read_bytes(void)
{
    uint8_t bytes[32];

    CHECK(lt_reg_read_bytes(NULL, 0, bytes, 8) == LT_ERR_ARGUMENT);
    CHECK(lt_reg_read_bytes(sessions[NEW], 0, bytes, 8) == LT_ERR_STATE);
    for (int state = CALLBACK; state <= PULLED; state++) {
        lt_session *session = sessions[state];
        CHECK(lt_reg_read_bytes(session, 0, NULL, 8) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_read_bytes(session, 0, bytes, 7) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_read_bytes(session, 0, bytes, 0) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_read_bytes(session, UINT32_MAX, bytes, 32) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_read_bytes(session, LT_X86_64_XMM0, bytes, 32) == 16);
    }
}

static void check_mem_read(void)
{
    uint8_t byte;

    CHECK(lt_mem_read(NULL, 0, &byte, 1) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_mem_read(sessions[state], 0, NULL, 1) == LT_ERR_ARGUMENT);
        CHECK(lt_mem_read(sessions[state], 0, &byte, UINT64_C(1) << 31) ==
              LT_ERR_ARGUMENT);
        CHECK(lt_mem_read(sessions[state], 0, &byte, UINT64_MAX) == LT_ERR_ARGUMENT);
        CHECK(lt_mem_read(sessions[state], 0, &byte, 1) == LT_ERR_STATE);
    }
}

/* Of what works only while the guest waits, which it does in none of these states. */
static void check_reg_write(void)
{
    CHECK(lt_reg_write(NULL, 0, 1) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_reg_write(sessions[state], 0, 1) == LT_ERR_STATE);
        CHECK(lt_session_message(sessions[state])[0] != '\0');
    }
}

static void check_reg_write_bytes(void)
{
    static const uint8_t bytes[32];

    CHECK(lt_reg_write_bytes(NULL, 0, bytes, 8) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_reg_write_bytes(sessions[state], 0, NULL, 8) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_write_bytes(sessions[state], 0, bytes, 0) == LT_ERR_ARGUMENT);
        CHECK(lt_reg_write_bytes(sessions[state], 0, bytes, 8) == LT_ERR_STATE);
    }
}

static void check_mem_write(void)
{
    static const uint8_t byte;

    CHECK(lt_mem_write(NULL, 0, &byte, 1) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_mem_write(sessions[state], 0, NULL, 1) == LT_ERR_ARGUMENT);
        CHECK(lt_mem_write(sessions[state], 0, &byte, UINT64_C(1) << 31) ==
              LT_ERR_ARGUMENT);
        CHECK(lt_mem_write(sessions[state], 0, &byte, 1) == LT_ERR_STATE);
    }
}

static void check_syscall_return(void)
{
    CHECK(lt_syscall_return(NULL, 0) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_syscall_return(sessions[state], -512) == LT_ERR_ARGUMENT);
        CHECK(lt_syscall_return(sessions[state], -513) == LT_ERR_ARGUMENT);
        CHECK(lt_syscall_return(sessions[state], 0) == LT_ERR_STATE);
    }
}

static void check_break_add(void)
{
    CHECK(lt_break_add(NULL, 0, nothing, NULL) == LT_ERR_ARGUMENT);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_break_add(sessions[state], 0, nothing, NULL) == LT_ERR_STATE);
    }
}

static int no_access(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    return 0;
}

static void check_watch_add(void)
{
    lt_session *session = sessions[NEW];

    CHECK(lt_watch_add(NULL, 0, 1, LT_ACCESS_READ, no_access, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_watch_add(session, 0, 0, LT_ACCESS_READ, no_access, NULL) ==
          LT_ERR_ARGUMENT);
    CHECK(lt_watch_add(session, 0, 1, 0, no_access, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_watch_add(session, 0, 1, 4, no_access, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_watch_add(session, UINT64_MAX, 2, LT_ACCESS_READ, no_access, NULL) ==
          LT_ERR_ARGUMENT);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_watch_add(sessions[state], 0, 1, LT_ACCESS_READ, no_access, NULL) ==
              LT_ERR_STATE);
    }
}

static void check_point_remove(void)
{
    lt_session *session = create("loop");
    int id = lt_break_add(session, 0x1000, nothing, NULL);

    CHECK(lt_point_remove(NULL, 1) == LT_ERR_ARGUMENT);
    CHECK(id > 0);
    CHECK(lt_point_remove(session, 0) == LT_ERR_NOT_FOUND);
    CHECK(lt_point_remove(session, -1) == LT_ERR_NOT_FOUND);
    CHECK(lt_point_remove(session, id + 1) == LT_ERR_NOT_FOUND);
    CHECK(lt_point_remove(session, id) == 0);
    CHECK(lt_point_remove(session, id) == LT_ERR_NOT_FOUND);
    lt_session_destroy(session);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_point_remove(sessions[state], 1) == LT_ERR_STATE);
    }
}

static void check_session_pause(void)
{
    CHECK(lt_session_pause(NULL) == LT_ERR_ARGUMENT);
    for (int state = ENDED; state < STATES; state++) {
        CHECK(lt_session_pause(sessions[state]) == 0);
        CHECK(lt_session_pause(sessions[state]) == 0);
        CHECK(lt_session_resume(sessions[state]) == 0);
    }
}

static void check_session_resume(void)
{
    CHECK(lt_session_resume(NULL) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_session_resume(sessions[state]) == 0);
    }
}

static void check_disassemble(void)
{
    static const uint8_t nop[] = {0x90}, none[] = {0x06, 0, 0, 0};
    char text[64];

    CHECK(lt_disassemble(NULL, 0, nop, 1, text, sizeof text) == LT_ERR_ARGUMENT);
    CHECK(lt_disassemble(sessions[NEW], 0, nop, 1, text, sizeof text) == LT_ERR_STATE);
    for (int state = CALLBACK; state < STATES; state++) {
        lt_session *session = sessions[state];
        CHECK(lt_disassemble(session, 0, NULL, 1, text, sizeof text) == LT_ERR_ARGUMENT);
        CHECK(lt_disassemble(session, 0, nop, 1, NULL, sizeof text) == LT_ERR_ARGUMENT);
        CHECK(lt_disassemble(session, 0, nop, 1, NULL, 0) == 1);
        CHECK(lt_disassemble(session, 0, nop, 0, text, sizeof text) < 0);
        CHECK(lt_disassemble(session, 0, none, 4, text, sizeof text) == LT_ERR_NOT_FOUND);
        CHECK(lt_disassemble(session, 0, nop, 1, text, sizeof text) == 1);
    }
}

static void check_symbol_at(void)
{
    struct lt_symbol symbol, bad = {.size = 3};

    lt_symbol_init(&symbol, sizeof symbol);
    CHECK(lt_symbol_at(NULL, 0, &symbol) == LT_ERR_ARGUMENT);
    CHECK(lt_symbol_at(sessions[NEW], 0, &symbol) == LT_ERR_STATE);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_symbol_at(sessions[state], insn->pc, NULL) == LT_ERR_ARGUMENT);
        CHECK(lt_symbol_at(sessions[state], 1, &symbol) == LT_ERR_NOT_FOUND);
        CHECK(lt_symbol_at(sessions[state], UINT64_MAX, &symbol) == LT_ERR_NOT_FOUND);
    }
    for (int state = CALLBACK; state <= PULLED; state++) {
        CHECK(lt_symbol_at(sessions[state], insn->pc, &bad) == LT_ERR_ARGUMENT);
        CHECK(lt_symbol_at(sessions[state], insn->pc, &symbol) == 0 && symbol.name);
    }
}

static const struct lt_syscall call = {
    .type = LT_EVENT_SYSCALL, .size = sizeof call, .nr = 1, .args = {1, 0, 0}};

static void check_syscall_text(void)
{
    char text[64];

    CHECK(lt_syscall_text(NULL, &call, text, sizeof text) == LT_ERR_ARGUMENT);
    CHECK(lt_syscall_text(sessions[NEW], &call, text, sizeof text) == LT_ERR_STATE);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_syscall_text(sessions[state], NULL, text, 64) == LT_ERR_ARGUMENT);
        CHECK(lt_syscall_text(sessions[state], &call, NULL, 64) == LT_ERR_ARGUMENT);
        CHECK(lt_syscall_text(sessions[state], &call, NULL, 0) > 0);
        CHECK(lt_syscall_text(sessions[state], &call, text, 1) > 0 && text[0] == '\0');
    }
}

static void check_syscall_arg_text(void)
{
    char text[64];

    CHECK(lt_syscall_arg_text(NULL, &call, 0, text, 64) == LT_ERR_ARGUMENT);
    CHECK(lt_syscall_arg_text(sessions[NEW], &call, 0, text, 64) == LT_ERR_STATE);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_syscall_arg_text(sessions[state], NULL, 0, text, 64) == LT_ERR_ARGUMENT);
        CHECK(lt_syscall_arg_text(sessions[state], &call, 0, NULL, 64) ==
              LT_ERR_ARGUMENT);
        CHECK(lt_syscall_arg_text(sessions[state], &call, 3, text, 64) ==
              LT_ERR_NOT_FOUND);
        CHECK(lt_syscall_arg_text(sessions[state], &call, UINT32_MAX, text, 64) ==
              LT_ERR_ARGUMENT);
        CHECK(lt_syscall_arg_text(sessions[state], &call, 0, text, 64) == 1);
    }
}

static void check_syscall_result_text(void)
{
    char text[64];

    CHECK(lt_syscall_result_text(NULL, &call, text, 64) == LT_ERR_ARGUMENT);
    CHECK(lt_syscall_result_text(sessions[NEW], &call, text, 64) == LT_ERR_STATE);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_syscall_result_text(sessions[state], NULL, text, 64) == LT_ERR_ARGUMENT);
        CHECK(lt_syscall_result_text(sessions[state], &call, NULL, 64) ==
              LT_ERR_ARGUMENT);
        CHECK(lt_syscall_result_text(sessions[state], &call, text, 64) == 1);
    }
}

/* ---- Coverage ---- */

static void check_coverage_init(void)
{
    struct lt_coverage coverage;

    CHECK(lt_coverage_init(NULL, sizeof coverage) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_init(&coverage, 3) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_init(&coverage, sizeof coverage) == 0);
}

static void check_coverage_start(void)
{
    struct lt_coverage coverage;
    lt_session *session = create("loop-1");

    lt_coverage_init(&coverage, sizeof coverage);
    CHECK(lt_coverage_start(NULL, &coverage) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_start(session, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_start(session, &coverage) == LT_ERR_ARGUMENT); /* no kind */
    coverage.kind = LT_COVERAGE_BLOCKS;
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_coverage_start(sessions[state], &coverage) == LT_ERR_STATE);
    }
    CHECK(lt_coverage_start(session, &coverage) == 0);
    CHECK(lt_coverage_start(session, &coverage) == LT_ERR_STATE);
    lt_session_destroy(session);
}

static void check_range(int (*add)(lt_session *, const struct lt_filter *))
{
    struct lt_filter filter, bad;
    lt_session *session = create("loop-1");
    char path[300];

    lt_filter_init(&filter, sizeof filter);
    CHECK(add(NULL, &filter) == LT_ERR_ARGUMENT);
    CHECK(add(session, NULL) == LT_ERR_ARGUMENT);
    bad = filter;
    bad.size = 3;
    CHECK(add(session, &bad) == LT_ERR_ARGUMENT);
    bad = filter;
    bad.flags = LT_FILTER_SYNC;
    CHECK(add(session, &bad) == LT_ERR_ARGUMENT);
    bad = filter;
    bad.addr_start = 1;
    CHECK(add(session, &bad) == LT_ERR_ARGUMENT);
    bad = filter;
    bad.pc_start = 2;
    bad.pc_end = 2;
    CHECK(add(session, &bad) == LT_ERR_ARGUMENT);
    bad = filter;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    bad.module = path;
    CHECK(add(session, &bad) == LT_ERR_LIMIT);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(add(sessions[state], &filter) == LT_ERR_STATE);
    }
    for (int i = 0; i < 64; i++) {
        CHECK(add(session, &filter) == 0);
    }
    CHECK(add(session, &filter) == LT_ERR_LIMIT);
    lt_session_destroy(session);
}

static void check_coverage_include(void)
{
    check_range(lt_coverage_include);
}

static void check_coverage_exclude(void)
{
    check_range(lt_coverage_exclude);
}

static void check_coverage_map(void)
{
    CHECK(lt_coverage_map(NULL) == NULL);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_coverage_map(sessions[state]) == NULL);
    }
}

static void check_coverage_block_place(void)
{
    struct lt_coverage coverage;

    CHECK(lt_coverage_block_place(NULL, 1) == UINT64_MAX);
    lt_coverage_init(&coverage, sizeof coverage);
    CHECK(lt_coverage_block_place(&coverage, 1) == UINT64_MAX);
    coverage.kind = LT_COVERAGE_NUMBERS;
    CHECK(lt_coverage_block_place(&coverage, 1) == UINT64_MAX);
    coverage.kind = LT_COVERAGE_BLOCKS;
    CHECK(lt_coverage_block_place(&coverage, UINT64_MAX) < 65536);
    coverage.map_size = 12345;
    CHECK(lt_coverage_block_place(&coverage, 1) == UINT64_MAX);
}

static void check_coverage_edge_place(void)
{
    struct lt_coverage coverage;

    CHECK(lt_coverage_edge_place(NULL, 1, 2) == UINT64_MAX);
    lt_coverage_init(&coverage, sizeof coverage);
    coverage.kind = LT_COVERAGE_BLOCKS;
    CHECK(lt_coverage_edge_place(&coverage, 1, 2) == UINT64_MAX);
    coverage.kind = LT_COVERAGE_EDGES;
    CHECK(lt_coverage_edge_place(&coverage, 1, 2) < 65536);
    CHECK(lt_coverage_edge_place(&coverage, 1, 2) !=
          lt_coverage_edge_place(&coverage, 2, 1));
}

static void check_coverage_number(void)
{
    struct lt_coverage_block block = {.size = sizeof block}, bad = {.size = 3};
    struct lt_coverage coverage;
    lt_session *session = create("loop-1");

    CHECK(lt_coverage_number(NULL, 1, &block) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_number(session, 1, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_number(session, 1, &bad) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_number(session, 0, &block) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_coverage_number(sessions[state], 1, &block) == LT_ERR_STATE);
    }
    lt_coverage_init(&coverage, sizeof coverage);
    coverage.kind = LT_COVERAGE_NUMBERS;
    CHECK(lt_coverage_start(session, &coverage) == 0);
    CHECK(lt_coverage_number(session, 1, &block) == LT_ERR_NOT_FOUND);
    CHECK(lt_session_run(session) == 0);
    CHECK(lt_coverage_number(session, 1, &block) == 1 && block.length > 0);
    CHECK(lt_coverage_number(session, UINT32_MAX, &block) == LT_ERR_NOT_FOUND);
    lt_session_destroy(session);
}

static void check_coverage_edge(void)
{
    struct lt_coverage_edge edge = {.size = sizeof edge}, bad = {.size = 3};

    CHECK(lt_coverage_edge(NULL, 1, &edge) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_edge(sessions[NEW], 1, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_coverage_edge(sessions[NEW], 1, &bad) == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_coverage_edge(sessions[state], 1, &edge) == LT_ERR_STATE);
    }
}

static void check_coverage_save_drcov(void)
{
    CHECK(lt_coverage_save_drcov(NULL, "/dev/null") == LT_ERR_ARGUMENT);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_coverage_save_drcov(sessions[state], NULL) == LT_ERR_ARGUMENT);
        CHECK(lt_coverage_save_drcov(sessions[state], "/dev/null") == LT_ERR_STATE);
    }
}

static int no_run(lt_session *session, const struct lt_block_run *run, void *user)
{
    (void)session;
    (void)run;
    (void)user;
    return 0;
}

static void check_on_block(void)
{
    lt_session *session = create("loop-1");
    struct lt_filter filter;

    lt_filter_init(&filter, sizeof filter);
    CHECK(lt_on_block(NULL, 0, NULL, no_run, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_on_block(session, 0, NULL, NULL, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_on_block(session, LT_KINDS_ALL, NULL, no_run, NULL) == LT_ERR_ARGUMENT);
    filter.flags = LT_FILTER_SYNC;
    CHECK(lt_on_block(session, 0, &filter, no_run, NULL) == LT_ERR_UNSUPPORTED);
    filter.flags = 1u << 30;
    CHECK(lt_on_block(session, 0, &filter, no_run, NULL) == LT_ERR_ARGUMENT);
    for (int i = 0; i < 32; i++) {
        CHECK(lt_on_block(session, LT_KIND(LT_EVENT_INSN), NULL, no_run, NULL) == 0);
    }
    CHECK(lt_on_block(session, 0, NULL, no_run, NULL) == LT_ERR_LIMIT);
    CHECK(lt_session_run(session) == 0);
    lt_session_destroy(session);
    for (int state = CALLBACK; state < STATES; state++) {
        CHECK(lt_on_block(sessions[state], 0, NULL, no_run, NULL) == LT_ERR_STATE);
        CHECK(lt_on_block(sessions[state], 0, &filter, no_run, NULL) == LT_ERR_STATE);
    }
}

/* In the callback: the first row is a register's, and there are no more than the block
 * has. */
static int look_at_run(lt_session *session, const struct lt_block_run *run, void *user)
{
    struct lt_block_run other = *run;
    uint64_t value, *seen = user;

    CHECK(lt_block_value(NULL, run, 0, &value) == LT_ERR_ARGUMENT);
    CHECK(lt_block_value(session, NULL, 0, &value) == LT_ERR_ARGUMENT);
    CHECK(lt_block_value(session, run, 0, NULL) == LT_ERR_ARGUMENT);
    CHECK(lt_block_value(session, run, run->rows, &value) == LT_ERR_ARGUMENT);
    CHECK(lt_block_value(session, run, UINT32_MAX, &value) == LT_ERR_ARGUMENT);
    CHECK(lt_block_value(session, &other, 0, &value) == LT_ERR_STATE);
    CHECK(lt_block_value(sessions[ENDED], run, 0, &value) == LT_ERR_STATE);
    if (run->rows > 0) {
        CHECK(lt_block_value(session, run, 0, &value) == 0);
        ++*seen;
    }
    return 0;
}

static void check_block_value(void)
{
    lt_session *session = create("loop-1");
    const struct lt_block_run run = {.type = LT_EVENT_BLOCK, .size = sizeof run};
    uint64_t value, seen = 0;

    CHECK(lt_on_block(session, LT_KIND(LT_EVENT_REG_WRITE), NULL, look_at_run, &seen) ==
          0);
    CHECK(lt_session_run(session) == 0);
    CHECK(seen > 0);
    lt_session_destroy(session);
    for (int state = 0; state < STATES; state++) {
        CHECK(lt_block_value(sessions[state], &run, 0, &value) == LT_ERR_STATE);
    }
}

#define ROW(name)                                                                        \
    {                                                                                    \
        "lt_" #name, check_##name                                                        \
    }
static const struct {
    const char *name;
    void (*check)(void);
} rows[] = {
    ROW(arch_find),
    ROW(arch_name),
    ROW(block_value),
    ROW(break_add),
    ROW(config_init),
    ROW(coverage_block_place),
    ROW(coverage_edge),
    ROW(coverage_edge_place),
    ROW(coverage_exclude),
    ROW(coverage_include),
    ROW(coverage_init),
    ROW(coverage_map),
    ROW(coverage_number),
    ROW(coverage_save_drcov),
    ROW(coverage_start),
    ROW(disassemble),
    ROW(errno_name),
    ROW(error_text),
    ROW(event_name),
    ROW(filter_init),
    ROW(mem_read),
    ROW(mem_write),
    ROW(on_block),
    ROW(on_exit),
    ROW(on_insn),
    ROW(on_map),
    ROW(on_mem_read),
    ROW(on_mem_write),
    ROW(on_module),
    ROW(on_process),
    ROW(on_reg_write),
    ROW(on_signal),
    ROW(on_syscall),
    ROW(on_thread),
    ROW(point_remove),
    ROW(reg_class),
    ROW(reg_count),
    ROW(reg_find),
    ROW(reg_name),
    ROW(reg_read),
    ROW(reg_read_bytes),
    ROW(reg_width),
    ROW(reg_write),
    ROW(reg_write_bytes),
    ROW(result_init),
    ROW(session_arch),
    ROW(session_create),
    ROW(session_create_in_process),
    ROW(session_destroy),
    ROW(session_message),
    ROW(session_next),
    ROW(session_pause),
    ROW(session_result),
    ROW(session_resume),
    ROW(session_run),
    ROW(session_select),
    ROW(session_stats),
    ROW(session_stop),
    ROW(symbol_at),
    ROW(symbol_init),
    ROW(syscall_arg_name),
    ROW(syscall_arg_text),
    ROW(syscall_arg_type),
    ROW(syscall_name),
    ROW(syscall_result_text),
    ROW(syscall_return),
    ROW(syscall_text),
    ROW(version),
    ROW(watch_add),
};
#define ROWS (sizeof rows / sizeof *rows)

/* ---- The symbol map ---- */

static void check_names(const char *path)
{
    FILE *file = fopen(path, "r");
    bool seen[ROWS] = {false};
    char line[256];

    row = "names";
    CHECK(file != NULL);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        size_t i = 0;

        line[strcspn(line, "\n")] = '\0';
        while (i < ROWS && strcmp(rows[i].name, line) != 0) {
            i++;
        }
        if (line[0] != '\0' && i == ROWS) {
            failures++;
            fprintf(stderr, "%s: no row in tests/api/test-functions.c\n", line);
        } else if (i < ROWS) {
            seen[i] = true;
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (!seen[i]) {
            failures++;
            fprintf(stderr, "%s: a row, but no public name\n", rows[i].name);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* ---- Another thread ---- */

/* While a session runs, what would start or change it is refused from other threads too;
 * lt_session_stop() is for them. */
static atomic_bool runs;

static int tell(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    (void)user;
    atomic_store(&runs, true);
    return 0;
}

static void *disturb(void *arg)
{
    const struct lt_event *event;
    lt_session *session = arg;

    while (!atomic_load(&runs)) {
        usleep(1000);
    }
    CHECK(lt_session_run(session) == LT_ERR_STATE);
    CHECK(lt_session_next(session, &event) == LT_ERR_STATE);
    CHECK(lt_session_select(session, LT_KINDS_ALL, NULL) == LT_ERR_STATE);
    CHECK(lt_on_insn(session, NULL, nothing, NULL) == LT_ERR_STATE);
    lt_session_destroy(session);
    CHECK(lt_session_stop(session) == 0);
    return NULL;
}

static void check_other_thread(void)
{
    lt_session *session = create("spin");
    struct lt_result result;
    pthread_t thread;

    row = "another thread";
    lt_on_insn(session, NULL, tell, NULL);
    CHECK(pthread_create(&thread, NULL, disturb, session) == 0);
    CHECK(lt_session_run(session) == 0);
    pthread_join(thread, NULL);
    lt_result_init(&result, sizeof result);
    CHECK(lt_session_result(session, &result) == 0 && result.kind == LT_RESULT_STOPPED);
    lt_session_destroy(session);
}

/* ---- All rows, with sessions in all states ---- */

static int check_rows(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)user;
    sessions[CALLBACK] = session;
    insn = e;
    for (size_t i = 0; i < ROWS; i++) {
        row = rows[i].name;
        rows[i].check();
    }
    return LT_STOP;
}

static void pull_first(lt_session *session)
{
    const struct lt_event *event;

    lt_session_select(session, LT_KIND(LT_EVENT_INSN), NULL);
    CHECK(lt_session_next(session, &event) == 1);
}

int main(int argc, char **argv)
{
    const struct lt_event *event;
    lt_session *session;

    if (argc < 2) {
        fprintf(stderr, "usage: test-functions NAMES\n");
        return 2;
    }
    row = "sessions";
    check_names(argv[1]);
    check_other_thread();
    sessions[NEW] = create("loop");
    sessions[PULLED] = create("loop");
    pull_first(sessions[PULLED]);
    sessions[ENDED] = create("loop");
    lt_on_insn(sessions[ENDED], NULL, nothing, NULL);
    CHECK(lt_session_run(sessions[ENDED]) == 0);
    sessions[PULL_ENDED] = create("loop");
    while (lt_session_next(sessions[PULL_ENDED], &event) == 1) {
    }
    session = create("loop");
    lt_on_insn(session, NULL, check_rows, NULL);
    CHECK(lt_session_run(session) == 0);
    sessions[CALLBACK] = session;
    for (int state = 0; state < STATES; state++) {
        lt_session_destroy(sessions[state]);
    }
    printf("%u checks of %zu functions, %u failures\n", checks, ROWS, failures);
    return failures != 0;
}
