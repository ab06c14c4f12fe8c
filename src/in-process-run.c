/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a run of an engine inside this process, as a session sees it. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "in-process.h"
#include "stream.h"
#include "streams.h"
#include "supervisor.h"

struct lti_in_process {
    struct lti_inside_run inside;
    const struct lti_inside_engine *engine;
    const char *named_engine; /* lt_config.engine */
    struct lti_control *control;
    bool (*pump)(void *);
    void *session;
    int stdio[3];
    struct lti_inside_result result;
    pthread_t thread;
    bool threaded; /* it runs, or ran, on `thread`, which is not joined yet */
    atomic_bool runs;
};

static bool pump(void *user)
{
    struct lti_in_process *run = user;

    run->inside.signals->callback(true);
    bool on = run->pump(run->session);
    run->inside.signals->callback(false);
    return on;
}

static int program(void *user)
{
    struct lti_in_process *run = user;
    struct lti_message message;
    int fd = -1;

    return lti_engine_file(run->named_engine, &fd, &message) == 0 ? fd : -1;
}

int lti_in_process_create(const struct lti_mode *mode, const struct lti_launch *launch,
                          const struct lti_arena *arena, const atomic_bool *stopped,
                          bool (*take)(void *), void *session,
                          struct lti_in_process **out)
{
    struct lti_in_process *run = calloc(1, sizeof *run);
    char **argv = lti_engine_argv(launch);
    size_t argc = 0;

    *out = run;
    if (run == NULL || argv == NULL) {
        free(argv);
        return LT_ERR_NO_MEMORY;
    }
    run->inside.argv = argv;
    for (; argv[argc] != NULL; argc++) {
        argv[argc] = strdup(argv[argc]);
        if (argv[argc] == NULL) {
            return LT_ERR_NO_MEMORY;
        }
    }
    for (int i = 0; i < 3; i++) {
        run->stdio[i] = launch->stdio[i] == LTI_STDIO_NULL ? LTI_INSIDE_NULL
                        : launch->stdio[i] < 0             ? LTI_INSIDE_KEEP
                                                           : launch->stdio[i];
    }
    run->engine = mode->engines[lt_arch_find(launch->arch) - 1];
    run->named_engine = launch->engine;
    run->control = arena->control;
    run->pump = take;
    run->session = session;
    run->inside.arena = arena->control;
    run->inside.argc = (int)argc;
    run->inside.envp = (char **)launch->envp;
    run->inside.cwd = launch->cwd;
    run->inside.stdio = run->stdio;
    run->inside.stopped = stopped;
    run->inside.user = run;
    run->inside.program = program;
    run->inside.signals = mode->signals;
    return 0;
}

static int fail_begin(const struct lti_inside_result *result, struct lti_message *message)
{
    struct rlimit limit;

    if (result->code == ENOMEM && getrlimit(RLIMIT_AS, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY) {
        return lti_fail(message, LT_ERR_SYSTEM, "%s: RLIMIT_AS (ulimit -v) is %llu",
                        result->what, (unsigned long long)limit.rlim_cur);
    }
    return lti_fail(message, result->code == ENOMEM ? LT_ERR_NO_MEMORY : LT_ERR_SYSTEM,
                    "%s: %s", result->what, strerrordesc_np(result->code));
}

/* Tells the session how the guest ended, as a supervisor would. */
static int tell_end(struct lti_in_process *run, struct lti_message *message)
{
    const struct lti_inside_result *result = &run->result;
    struct lti_control *control = run->control;

    if (result->end == LTI_INSIDE_BUSY) {
        return lti_fail(message, LT_ERR_STATE,
                        "another session runs a guest of this architecture in this "
                        "process: one can at a time");
    }
    if (result->end == LTI_INSIDE_ERROR) {
        return fail_begin(result, message);
    }
    control->engine_status = result->end == LTI_INSIDE_EXIT   ? result->code << 8
                             : result->end == LTI_INSIDE_LEFT ? SIGKILL
                                                              : result->code;
    __atomic_store_n(&control->engine_ended, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&control->tree_ended, 1, __ATOMIC_RELEASE);
    return 0;
}

static void run_engine(struct lti_in_process *run)
{
    atomic_store(&run->runs, true);
    run->engine->run(&run->inside, &run->result);
    atomic_store(&run->runs, false);
}

int lti_in_process_run(struct lti_in_process *run, struct lti_message *message)
{
    run->inside.pump = pump;
    run_engine(run);
    return tell_end(run, message);
}

void (*lti_in_process_serve(const struct lti_in_process *run))(void)
{
    return run->engine->serve;
}

static void *run_thread(void *user)
{
    struct lti_in_process *run = user;
    struct lti_message unused;

    run_engine(run);
    /* An error is told again to whoever asks. */
    if (tell_end(run, &unused) != 0) {
        __atomic_store_n(&run->control->tree_ended, 1, __ATOMIC_RELEASE);
    }
    lti_streams_wake(run->control);
    return NULL;
}

int lti_in_process_start(struct lti_in_process *run, struct lti_message *message)
{
    int error = pthread_create(&run->thread, NULL, run_thread, run);

    if (error != 0) {
        return lti_fail(message, LT_ERR_SYSTEM, "a thread for the guest: %s",
                        strerrordesc_np(error));
    }
    run->threaded = true;
    return 0;
}

int lti_in_process_result(struct lti_in_process *run, struct lti_message *message)
{
    if (run->threaded) {
        pthread_join(run->thread, NULL);
        run->threaded = false;
    }
    return tell_end(run, message);
}

void lti_in_process_stop(struct lti_in_process *run)
{
    if (atomic_load(&run->runs)) {
        run->engine->stop();
    }
}

void lti_in_process_end(struct lti_in_process *run)
{
    if (run->threaded) {
        lti_in_process_stop(run);
        pthread_join(run->thread, NULL);
        run->threaded = false;
    }
}

void lti_in_process_destroy(struct lti_in_process *run)
{
    if (run == NULL) {
        return;
    }
    for (char **p = run->inside.argv; p != NULL && *p != NULL; p++) {
        free(*p);
    }
    free(run->inside.argv);
    free(run);
}
