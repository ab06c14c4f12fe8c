/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a program that cannot open what lies under a path, and says what it tried.
 *
 *     syscall-filter /etc/passwd /bin/cat /etc/hostname /etc/passwd
 *
 * The guest waits for the callback before each system call; a refused call is not
 * made.  This shows the mechanism and keeps nobody out: a link, or a path
 * that another thread changes meanwhile, leads around it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lt/lt.h>

/* The calls that take a path to open; the path is the first string among the
 * arguments. */
static int opens(const char *name)
{
    return name && (strcmp(name, "open") == 0 || strcmp(name, "openat") == 0 ||
                    strcmp(name, "openat2") == 0 || strcmp(name, "creat") == 0);
}

static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    const char *refused = user;

    if (call->phase != LT_PHASE_ENTER || !opens(call->name))
        return 0;
    for (unsigned i = 0; i < call->arg_count; i++) {
        const char *path = call->strings[i];

        if (path && strncmp(path, refused, strlen(refused)) == 0) {
            fprintf(stderr, "%s: refused\n", path);
            return lt_syscall_return(session, -EACCES);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct lt_config config;
    struct lt_filter filter;
    struct lt_result result;
    lt_session *session;
    int error;

    if (argc < 3) {
        fprintf(stderr, "Usage: %s PATH PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    lt_config_init(&config, sizeof config);
    config.program = argv[2];
    config.argv = (const char *const *)(argv + 2);
    config.flags = LT_CONFIG_TERMINAL;
    error = lt_session_create(&config, &session);
    if (error < 0) {
        fprintf(stderr, "%s\n", lt_error_text(error));
        return 1;
    }

    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_SYNC;
    error = lt_on_syscall(session, &filter, on_syscall, argv[1]);
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
