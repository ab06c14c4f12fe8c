/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who wants which events, and what the engine is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lt/lt.h"
#include "session.h"

static lt_session *session;
static struct lti_range ranges[LTI_MAX_FILTERS];
static uint32_t count, record;

static int make_session(void **state)
{
    (void)state;
    struct lt_config config;
    lt_config_init(&config, sizeof config);
    config.program = "/bin/true";
    return lt_session_create(&config, &session);
}

static int free_session(void **state)
{
    (void)state;
    lt_session_destroy(session);
    session = NULL;
    return 0;
}

static int on_insn(lt_session *s, const struct lt_insn *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static int on_reg(lt_session *s, const struct lt_reg_write *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static int on_mem(lt_session *s, const struct lt_mem_access *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static int on_syscall(lt_session *s, const struct lt_syscall *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static int on_module(lt_session *s, const struct lt_module *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static int on_exit_event(lt_session *s, const struct lt_exit *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static int on_signal(lt_session *s, const struct lt_signal *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static int on_thread(lt_session *s, const struct lt_thread *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static int on_process(lt_session *s, const struct lt_process *e, void *user)
{
    (void)s, (void)e, (void)user;
    return 0;
}

static struct lt_filter filter(uint64_t start, uint64_t end, const char *module)
{
    struct lt_filter f;
    assert_int_equal(lt_filter_init(&f, sizeof f), 0);
    f.pc_start = start;
    f.pc_end = end;
    f.module = module;
    return f;
}

static void wanted(void)
{
    memset(ranges, 0xa5, sizeof ranges);
    lti_callbacks_wanted(&session->callbacks, ranges, &count, &record);
}

static void test_matches(void **state)
{
    (void)state;
    assert_true(lti_filter_module_matches(NULL, "/lib/libc.so.6"));
    assert_true(lti_filter_module_matches(NULL, NULL));
    assert_true(lti_filter_module_matches("", NULL));
    assert_true(lti_filter_module_matches("libc.so.6", "/lib/libc.so.6"));
    assert_true(lti_filter_module_matches("/lib/libc.so.6", "/lib/libc.so.6"));
    assert_true(lti_filter_module_matches("a", "a"));
    assert_false(lti_filter_module_matches("libc.so", "/lib/libc.so.6"));
    assert_false(lti_filter_module_matches("c.so.6", "/lib/libc.so.6"));
    assert_false(lti_filter_module_matches("lib", "/lib/libc.so.6"));
    assert_false(lti_filter_module_matches("lib/libc.so.6", "/lib/libc.so.6"));
    assert_false(lti_filter_module_matches("libc.so.6", NULL));
}

static void test_arguments(void **state)
{
    (void)state;
    struct lt_filter f = filter(0, 0, NULL);
    assert_int_equal(lt_on_insn(NULL, NULL, on_insn, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_insn(session, NULL, NULL, NULL), LT_ERR_ARGUMENT);
    assert_string_not_equal(lt_session_message(session), "");
    assert_int_equal(lt_session_select(NULL, 0, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_select(session, 1, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_select(session, LT_KIND(12), NULL), LT_ERR_ARGUMENT);
    f.flags = 8;
    assert_int_equal(lt_on_insn(session, &f, on_insn, NULL), LT_ERR_ARGUMENT);
    f = filter(10, 10, NULL);
    assert_int_equal(lt_on_insn(session, &f, on_insn, NULL), LT_ERR_ARGUMENT);
    f = filter(0, 0, NULL);
    f.addr_start = 5;
    f.addr_end = 4;
    assert_int_equal(lt_on_mem_read(session, &f, on_mem, NULL), LT_ERR_ARGUMENT);
    memset(&f, 0, sizeof f);
    assert_int_equal(lt_on_insn(session, &f, on_insn, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_session_select(session, 0, &f), LT_ERR_ARGUMENT);
    assert_int_equal(lt_filter_init(NULL, sizeof f), LT_ERR_ARGUMENT);
    assert_int_equal(lt_filter_init(&f, 8), LT_ERR_ARGUMENT);
    wanted();
    assert_int_equal(count, 0);

    for (unsigned i = 0; i < LTI_MAX_CALLBACKS; i++) {
        assert_int_equal(lt_on_exit(session, NULL, on_exit_event, NULL), 0);
    }
    assert_int_equal(lt_on_exit(session, NULL, on_exit_event, NULL), LT_ERR_LIMIT);
    assert_int_equal(lt_on_module(session, NULL, on_module, NULL), 0);
}

/* Events that no instruction makes: nothing is recorded of code for them. */
static void test_processes(void **state)
{
    (void)state;
    assert_int_equal(lt_on_signal(session, NULL, NULL, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_thread(session, NULL, NULL, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_process(session, NULL, NULL, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_process(NULL, NULL, on_process, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_on_signal(session, NULL, on_signal, NULL), 0);
    assert_int_equal(lt_on_thread(session, NULL, on_thread, NULL), 0);
    assert_int_equal(lt_on_process(session, NULL, on_process, session), 0);
    assert_int_equal(session->callbacks.count[LT_EVENT_SIGNAL], 1);
    assert_true(session->callbacks.list[LT_EVENT_SIGNAL][0].fn.signal == on_signal);
    assert_int_equal(session->callbacks.count[LT_EVENT_THREAD], 1);
    assert_true(session->callbacks.list[LT_EVENT_THREAD][0].fn.thread == on_thread);
    assert_int_equal(session->callbacks.count[LT_EVENT_PROCESS], 1);
    assert_true(session->callbacks.list[LT_EVENT_PROCESS][0].fn.process == on_process);
    assert_ptr_equal(session->callbacks.list[LT_EVENT_PROCESS][0].user, session);
    wanted();
    assert_int_equal(count, 0);
    assert_int_equal(record, 0);
    assert_int_equal(lt_session_select(session,
                                       LT_KIND(LT_EVENT_SIGNAL) |
                                           LT_KIND(LT_EVENT_THREAD) |
                                           LT_KIND(LT_EVENT_PROCESS),
                                       NULL),
                     0);
    session->callbacks.pull = true;
    wanted();
    assert_int_equal(count, 0);
    assert_int_equal(record, 0);
}

static void test_copies(void **state)
{
    (void)state;
    char module[] = "libm.so.6";
    struct lt_filter f = filter(1, 2, module);
    assert_int_equal(lt_on_syscall(session, &f, on_syscall, &f), 0);
    memset(module, 'x', sizeof module - 1);
    const struct lti_callback *callback = &session->callbacks.list[LT_EVENT_SYSCALL][0];
    assert_string_equal(callback->filter.module, "libm.so.6");
    assert_ptr_equal(callback->user, &f);
    assert_true(callback->fn.syscall == on_syscall);
    /* Asked for twice, the second counts; nothing leaks. */
    f = filter(0, 0, "one");
    assert_int_equal(lt_session_select(session, LT_KIND(LT_EVENT_INSN), &f), 0);
    f = filter(0, 0, "two");
    assert_int_equal(lt_session_select(session, LT_KIND(LT_EVENT_INSN), &f), 0);
    assert_string_equal(session->callbacks.pull_filter.module, "two");
    assert_int_equal(session->callbacks.pull_kinds,
                     LT_KIND(LT_EVENT_INSN) | LT_KIND(LT_EVENT_EXIT));
}

static void test_record(void **state)
{
    (void)state;
    struct lt_filter bare = filter(0, 0, NULL);
    bare.flags = LT_FILTER_NO_REGS;
    wanted();
    assert_int_equal(count, 0);
    assert_int_equal(record, 0);
    assert_int_equal(lt_on_module(session, NULL, on_module, NULL), 0);
    assert_int_equal(lt_on_exit(session, NULL, on_exit_event, NULL), 0);
    wanted();
    assert_int_equal(count, 0);
    assert_int_equal(record, 0);
    assert_int_equal(lt_on_insn(session, &bare, on_insn, NULL), 0);
    wanted();
    assert_int_equal(count, 1);
    assert_int_equal(ranges[0].want, LTI_WANT_INSN);
    assert_int_equal(record, 0);
    assert_int_equal(lt_on_mem_write(session, NULL, on_mem, NULL), 0);
    wanted();
    assert_int_equal(record, LTI_RECORD_REGS);
    assert_int_equal(lt_on_reg_write(session, &bare, on_reg, NULL), 0);
    wanted();
    assert_int_equal(record, LTI_RECORD_REGS | LTI_RECORD_DIRECT);
    assert_int_equal(count, 1);
    assert_int_equal(ranges[0].want, LTI_WANT_INSN | LTI_WANT_WRITE | LTI_WANT_REG);
}

static void test_pull(void **state)
{
    (void)state;
    wanted();
    assert_int_equal(count, 0);
    session->callbacks.pull = true;
    wanted();
    assert_int_equal(count, 1);
    assert_int_equal(ranges[0].want, LTI_WANT_ALL & ~LTI_WANT_READ);
    assert_int_equal(record, LTI_RECORD_REGS | LTI_RECORD_DIRECT);
    struct lt_filter f = filter(0, 0, "x");
    f.flags = LT_FILTER_NO_REGS;
    assert_int_equal(lt_session_select(session, LT_KIND(LT_EVENT_MEM_READ), &f), 0);
    wanted();
    assert_int_equal(count, 1);
    assert_int_equal(ranges[0].want, LTI_WANT_READ);
    assert_string_equal(ranges[0].module, "x");
    assert_int_equal(record, 0);
    assert_int_equal(lt_session_select(session, 0, NULL), 0);
    wanted();
    assert_int_equal(count, 0);
}

static void test_ranges(void **state)
{
    (void)state;
    char longest[300];
    memset(longest, 'm', sizeof longest);
    longest[231] = '\0';
    struct lt_filter f = filter(0x1000, 0x2000, "libc.so.6");
    assert_int_equal(lt_on_insn(session, &f, on_insn, NULL), 0);
    assert_int_equal(lt_on_mem_read(session, &f, on_mem, NULL), 0);
    f.module = NULL;
    assert_int_equal(lt_on_syscall(session, &f, on_syscall, NULL), 0);
    f.module = longest;
    assert_int_equal(lt_on_insn(session, &f, on_insn, NULL), 0);
    wanted();
    assert_int_equal(count, 3);
    assert_int_equal(ranges[0].want, LTI_WANT_INSN | LTI_WANT_READ);
    assert_string_equal(ranges[0].module, "libc.so.6");
    assert_true(ranges[0].pc_start == 0x1000 && ranges[0].pc_end == 0x2000);
    assert_string_equal(ranges[1].module, longest);
    assert_string_equal(ranges[2].module, "");
    /* One letter more has no room and becomes any module. */
    longest[231] = 'm';
    longest[232] = '\0';
    assert_int_equal(lt_on_mem_write(session, &f, on_mem, NULL), 0);
    wanted();
    assert_int_equal(count, 3);
    assert_int_equal(ranges[2].want, LTI_WANT_SYSCALL | LTI_WANT_WRITE);
}

/* All there may be, all different. */
static void test_many(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < LTI_MAX_CALLBACKS; i++) {
        struct lt_filter f = filter(i * 0x100 + 1, 0, NULL);
        assert_int_equal(lt_on_insn(session, &f, on_insn, NULL), 0);
        f.pc_start++;
        assert_int_equal(lt_on_reg_write(session, &f, on_reg, NULL), 0);
        f.pc_start++;
        assert_int_equal(lt_on_mem_write(session, &f, on_mem, NULL), 0);
        f.pc_start++;
        assert_int_equal(lt_on_mem_read(session, &f, on_mem, NULL), 0);
        f.pc_start++;
        assert_int_equal(lt_on_syscall(session, &f, on_syscall, NULL), 0);
    }
    wanted();
    assert_int_equal(count, 5 * LTI_MAX_CALLBACKS);
    assert_true(count <= LTI_MAX_FILTERS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_session, free_session)
    const struct CMUnitTest tests[] = {
        TEST(test_matches),   TEST(test_arguments), TEST(test_copies), TEST(test_record),
        TEST(test_processes), TEST(test_pull),      TEST(test_ranges), TEST(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
