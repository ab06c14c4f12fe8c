/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls that the host refuses, fakes or changes, in a process, its thread and its
 * child: what the guest prints tells (see calls() in tests/guests/control/sync.c). */
#define _GNU_SOURCE
#include "sync-common.h"

struct calls {
    uint32_t arch;
    int returns_seen, denied;
    int what; /* 0: nothing is changed */
};

static int on_call(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct calls *c = user;
    const char *name = call->name != NULL ? call->name : "";
    int enter = call->phase == LT_PHASE_ENTER;

    if (!c->what)
        return 0;
    if (strcmp(name, "openat") == 0 && enter && call->strings[1] != NULL &&
        strcmp(call->strings[1], "/etc/passwd") == 0) {
        assert_int_equal(lt_syscall_return(session, -13), 0);
        c->denied++;
    } else if (strcmp(name, "openat") == 0 && !enter && call->ret == -13) {
        c->returns_seen++;
        assert_int_equal(call->error, 13);
    } else if (strcmp(name, "getpid") == 0 && enter) {
        assert_int_equal(lt_syscall_return(session, 4711), 0);
    } else if (strcmp(name, "read") == 0 && !enter && call->args[2] == 8) {
        assert_int_equal(call->ret, 8);
        assert_int_equal(reg(session, result_reg(c->arch)), 8);
        assert_int_equal(lt_syscall_return(session, -5), 0);
    } else if (strcmp(name, "getuid") == 0 && enter) {
        /* Another call instead: getpid, which would be faked. */
        uint32_t nr = c->arch == LT_ARCH_X86_64 ? 0 : 8;

        assert_int_equal(lt_reg_write(session, nr, TELL), 0);
    } else if (strcmp(name, "write") == 0 && enter && call->args[2] == 1) {
        /* Its size is another one. */
        uint32_t size = c->arch == LT_ARCH_X86_64 ? 2 : 2;

        assert_int_equal(lt_reg_write(session, size, 0), 0);
    } else if (call->nr == TELL && !enter) {
        /* The return is of the call that was made. */
        assert_int_equal(call->error, 38);
        assert_int_equal(lt_syscall_return(session, 99), 0);
    }
    return 0;
}

static int on_other(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct calls *c = user;

    (void)session;
    if (call->name != NULL && strcmp(call->name, "write") == 0 &&
        call->phase == LT_PHASE_RETURN && call->args[2] == 0 && call->ret == 0)
        c->returns_seen += 100; /* as it was made */
    return 0;
}

static int has(const char *output, const char *who, const char *what)
{
    char line[64];

    snprintf(line, sizeof line, "%s %s\n", who, what);
    return strstr(output, line) != NULL;
}

static void test_calls(void **state)
{
    static const char *const whos[] = {"main", "thread", "child"};

    (void)state;
#ifdef LT_IN_PROCESS
    skip(); /* children are not traced */
#endif
    FOR_EACH_ARCH(arch)
    {
        struct calls c = {.arch = arch, .what = 1};
        struct lt_filter f = sync_filter();
        struct run run;

        open_run(&run, arch, "control-sync", "calls", NULL, 0);
        assert_int_equal(lt_on_syscall(run.session, &f, on_call, &c), 0);
        assert_int_equal(lt_on_syscall(run.session, NULL, on_other, &c), 0);
        do_run(&run);
        for (size_t i = 0; i < 3; i++) {
            if (!has(run.output, whos[i], "open EACCES") ||
                !has(run.output, whos[i], "pid 4711") ||
                !has(run.output, whos[i], "read -1 EIO") ||
                !has(run.output, whos[i], "uid 99") ||
                !has(run.output, whos[i], "write 0"))
                fail_msg("%s: %s", whos[i], run.output);
        }
        assert_non_null(strstr(run.output, "child 7\n"));
        assert_int_equal(c.denied, 3);
        assert_int_equal(c.returns_seen, 303);
        close_run(&run);
    }
}

/* To wait at all of them, changing nothing, is the same as not to wait. */
static void test_nothing(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct calls c = {.arch = arch};
        struct lt_filter f = sync_filter();
        struct run run;

        open_run(&run, arch, "control-sync", "calls", NULL,
                 LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY);
        assert_int_equal(lt_on_syscall(run.session, &f, on_call, &c), 0);
        do_run(&run);
        assert_true(has(run.output, "main", "open ok"));
        assert_true(has(run.output, "thread", "read 8 ok"));
        assert_true(has(run.output, "child", "open ok"));
        close_run(&run);
    }
}

/* A call that never returns is refused: the guest goes on. */
static int no_exit(lt_session *session, const struct lt_syscall *call, void *user)
{
    int *count = user;

    if (call->phase == LT_PHASE_ENTER && call->name != NULL &&
        strcmp(call->name, "exit_group") == 0 && ++*count < 3)
        assert_int_equal(lt_syscall_return(session, 0), 0);
    return 0;
}

static void test_exit(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct lt_filter f = sync_filter();
        struct run run;
        int count = 0;

        open_run(&run, arch, "control-sync", "none", NULL, 0);
        assert_int_equal(lt_on_syscall(run.session, &f, no_exit, &count), 0);
        do_run(&run);
        assert_true(count >= 1);
        assert_int_not_equal(run.result.kind, LT_RESULT_NONE);
        close_run(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_exit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
