/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the system calls of a program to standard error, as strace does, and
 * ends as the program did.
 *
 *     syscall-tracer /bin/cat /etc/hostname
 */
#include <inttypes.h>
#include <stdio.h>

#include <lt/lt.h>
#include <lt/unstable.h>

static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    char text[1024];

    (void)user;
    if (call->phase == LT_PHASE_ENTER) {
        /* At entry, as a call such as execve or exit_group never returns. */
        if (lt_syscall_text(session, call, text, sizeof text) < 0)
            return 0;
        fprintf(stderr, "[%" PRIu32 "] %s\n", call->tid, text);
    } else if (call->error) {
        const char *name = lt_errno_name(call->error);
        fprintf(stderr, "[%" PRIu32 "]   %s = %s\n", call->tid,
                call->name ? call->name : "?", name ? name : "?");
    } else {
        fprintf(stderr, "[%" PRIu32 "]   %s = %" PRId64 "\n", call->tid,
                call->name ? call->name : "?", call->ret);
    }
    return 0;
}

static int on_exit_event(lt_session *session, const struct lt_exit *end, void *user)
{
    (void)session;
    (void)user;
    if (end->signal)
        fprintf(stderr, "killed by signal %" PRId32 "\n", end->signal);
    else
        fprintf(stderr, "exited with %" PRId32 "\n", end->status);
    return 0;
}

int main(int argc, char **argv)
{
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    int error;

    if (argc < 2) {
        fprintf(stderr, "Usage: %s PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    lt_config_init(&config, sizeof config);
    config.program = argv[1];
    config.argv = (const char *const *)(argv + 1);
    config.flags = LT_CONFIG_TERMINAL;
    error = lt_session_create(&config, &session);
    if (error < 0) {
        fprintf(stderr, "%s\n", lt_error_text(error));
        return 1;
    }

    error = lt_on_syscall(session, NULL, on_syscall, NULL);
    if (error == 0)
        error = lt_on_exit(session, NULL, on_exit_event, NULL);
    if (error == 0)
        error = lt_session_run(session);
    if (error < 0)
        fprintf(stderr, "%s\n", lt_session_message(session));

    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_destroy(session);
    if (error < 0)
        return 1;
    return result.kind == LT_RESULT_SIGNAL ? 128 + result.signal : result.status;
}
