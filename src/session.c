/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a session: what was asked for, the guest that runs, and how it ended. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cancel.h"
#include "limit.h"
#include "lt/unstable.h"
#include "block.h"
#include "program.h"
#include "supervisor.h"
#include "syscalls.h"
#include "view.h"

/* The structs' sizes in the first release. */
#define CONFIG_SIZE_1 80u
#define RESULT_SIZE_1 40u
#define SYMBOL_SIZE_1 48u
#define STATS_SIZE_1 56u
_Static_assert(sizeof(struct lt_config) >= CONFIG_SIZE_1, "grows only");
_Static_assert(sizeof(struct lt_result) >= RESULT_SIZE_1, "grows only");
_Static_assert(sizeof(struct lt_symbol) >= SYMBOL_SIZE_1, "grows only");
_Static_assert(sizeof(struct lt_stats) >= STATS_SIZE_1, "grows only");

/* Slabs of block descriptors that a process may fill before it starts anew: tests
 * make it small. */
uint32_t lti_slab_limit = 1024;

/* Whether the guest can make the engine fail (enum lti_crash): for tests. */
uint32_t lti_crash;

int lt_config_init(struct lt_config *config, uint32_t size)
{
    return lti_struct_init(config, size, CONFIG_SIZE_1);
}

int lt_result_init(struct lt_result *result, uint32_t size)
{
    return lti_struct_init(result, size, RESULT_SIZE_1);
}

int lt_symbol_init(struct lt_symbol *symbol, uint32_t size)
{
    return lti_struct_init(symbol, size, SYMBOL_SIZE_1);
}

/* ---- Creation ---- */

static void free_list(const char *const *list)
{
    for (const char *const *p = list; p != NULL && *p != NULL; p++) {
        free((char *)*p);
    }
    free((void *)list);
}

static bool copy_list(const char *const **list)
{
    size_t count = 0;
    while ((*list)[count] != NULL) {
        count++;
    }
    const char **copy = calloc(count + 1, sizeof *copy);
    if (copy == NULL) {
        *list = NULL;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = strdup((*list)[i]);
        if (copy[i] == NULL) {
            free_list(copy);
            *list = NULL;
            return false;
        }
    }
    *list = copy;
    return true;
}

static bool copy_text(const char **text)
{
    return *text == NULL || (*text = strdup(*text)) != NULL;
}

static void free_config(struct lt_config *config)
{
    free((char *)config->program);
    free_list(config->argv);
    free_list(config->envp);
    free((char *)config->cwd);
    free((char *)config->sysroot);
    free((char *)config->engine);
    free((char *)config->cpu);
}

/* Replaces the caller's strings by copies; all are tried, so that none of the
 * caller's is left. */
static bool copy_config(struct lt_config *config)
{
    if (config->envp == NULL) {
        static const char *const none[] = {NULL};
        config->envp = environ != NULL ? (const char *const *)environ : none;
    }
    bool ok = copy_text(&config->program);
    ok = (config->argv == NULL || copy_list(&config->argv)) && ok;
    ok = copy_list(&config->envp) && ok;
    ok = copy_text(&config->cwd) && ok;
    ok = copy_text(&config->sysroot) && ok;
    ok = copy_text(&config->engine) && ok;
    ok = copy_text(&config->cpu) && ok;
    return ok;
}

static int check_config(const struct lt_config *config)
{
    if (config->program == NULL ||
        (config->flags &
         ~(LT_CONFIG_TERMINAL | LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY |
           LT_CONFIG_DISCARD | LT_CONFIG_COMPACT | LT_CONFIG_INTERPRET |
           LT_CONFIG_COMPILE)) != 0 ||
        (config->flags & (LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY)) ==
            LT_CONFIG_CHECK_MEMORY ||
        ((config->flags & LT_CONFIG_DISCARD) != 0 &&
         ((config->flags & LT_CONFIG_MEMORY) != 0 || config->limit_insns != 0)) ||
        config->follow > LT_FOLLOW_NONE || config->threads > LT_THREADS_PARALLEL) {
        return LT_ERR_ARGUMENT;
    }
    for (int i = 0; i < 3; i++) {
        if (config->stdio[i] > LT_STDIO_FD ||
            (config->stdio[i] == LT_STDIO_FD && config->stdio_fd[i] < 0)) {
            return LT_ERR_ARGUMENT;
        }
    }
    if (config->reserved != 0 || lti_limit_check(config) != 0) {
        return LT_ERR_ARGUMENT;
    }
    return config->argv != NULL && config->argv[0] == NULL ? LT_ERR_ARGV : 0;
}

static int create(const struct lt_config *config, const struct lti_mode *mode,
                  lt_session **out)
{
    struct lt_config taken;
    if (out == NULL) {
        return LT_ERR_ARGUMENT;
    }
    *out = NULL;
    if (config == NULL ||
        lti_struct_take(&taken, sizeof taken, CONFIG_SIZE_1, config) != 0) {
        return LT_ERR_ARGUMENT;
    }
    int error = check_config(&taken);
    if (error == 0 && mode != NULL &&
        (taken.threads == LT_THREADS_PARALLEL || taken.limit_ms != 0 ||
         taken.limit_processes != 0)) {
        error = LT_ERR_UNSUPPORTED;
    }
    if (error != 0) {
        return error;
    }
    lt_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return LT_ERR_NO_MEMORY;
    }
    session->mode = mode;
    session->arena.fd = -1;
    session->callbacks.pull_kinds = LT_KINDS_DEFAULT;
    session->callbacks.pull_filter.size = sizeof session->callbacks.pull_filter;
    session->config = taken;
    if (!copy_config(&session->config)) {
        lt_session_destroy(session);
        return LT_ERR_NO_MEMORY;
    }
    *out = session;
    return 0;
}

int lt_session_create(const struct lt_config *config, lt_session **out)
{
    return create(config, NULL, out);
}

int lti_session_create_inside(const struct lt_config *config, const struct lti_mode *mode,
                              lt_session **out)
{
    return create(config, mode, out);
}

/* Ends the guest, if there is one, and waits for its end. */
static void end_process(lt_session *session)
{
    if (session->process != NULL) {
        lti_process_end(session->process);
    }
    if (session->inside != NULL) {
        atomic_store(&session->stop, true); /* its thread may not have begun */
        lti_in_process_end(session->inside);
    }
}

void lt_session_destroy(lt_session *session)
{
    if (session == NULL || session->busy) {
        /* From a callback the memory in use would go: better kept. */
        return;
    }
    int cancel = lti_cancel_hold();
    end_process(session);
    lti_process_destroy(session->process);
    lti_in_process_destroy(session->inside);
    lti_streams_destroy(session->streams);
    lti_symbols_destroy(session->symbols);
    lti_disasm_destroy(session->disasm[0]);
    lti_disasm_destroy(session->disasm[1]);
    lti_coverage_destroy(session->coverage);
    lti_arena_destroy(&session->arena);
    lti_sync_free(&session->sync);
    lti_callbacks_free(&session->callbacks);
    free_config(&session->config);
    free(session);
    lti_cancel_allow(cancel);
}

/* ---- The start of the guest ---- */

static int open_stdio(lt_session *session, int stdio[3])
{
    const struct lt_config *config = &session->config;
    for (int i = 0; i < 3; i++) {
        int fd = config->stdio[i] == LT_STDIO_FD ? config->stdio_fd[i] : i;
        if (config->stdio[i] == LT_STDIO_NULL) {
            stdio[i] = LTI_STDIO_NULL;
        } else if (fcntl(fd, F_GETFD) >= 0) {
            stdio[i] = fd;
        } else if (config->stdio[i] == LT_STDIO_INHERIT) {
            stdio[i] = LTI_STDIO_CLOSED;
        } else {
            return lti_fail(&session->message, LT_ERR_ARGUMENT,
                            "stdio_fd[%d] is %d, which is not an open descriptor", i, fd);
        }
    }
    return 0;
}

static void fill_control(lt_session *session, struct lti_control *control)
{
    struct stat st;
    control->magic = LTI_STREAM_MAGIC;
    control->version = LTI_STREAM_VERSION;
    control->follow = session->config.follow;
    control->threads = session->config.threads;
    control->slab_limit = lti_slab_limit;
    control->crash = lti_crash;
    control->pid_namespace = stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
    lti_limit_fill(&session->config, control);
    lti_callbacks_wanted(&session->callbacks, control->ranges, &control->range_count,
                         &control->record);
    if (session->config.cpu != NULL) {
        snprintf(control->cpu, sizeof control->cpu, "%s", session->config.cpu);
    }
    lti_sync_start(&session->sync, &session->callbacks, control);
    if ((session->config.flags & LT_CONFIG_CHECK_MEMORY) != 0) {
        control->record |= LTI_RECORD_CHECK;
    }
    if ((session->config.flags & LT_CONFIG_COMPACT) != 0) {
        control->record &= ~LTI_RECORD_DIRECT;
    }
    if ((session->config.flags & LT_CONFIG_DISCARD) != 0) {
        control->record |= LTI_RECORD_DISCARD;
    }
    if (session->callbacks.count[LT_EVENT_SYSCALL] ||
        (session->callbacks.pull &&
         (session->callbacks.pull_kinds & LT_KIND(LT_EVENT_SYSCALL)))) {
        lti_syscall_captures(LT_ARCH_X86_64, &control->calls[LT_ARCH_X86_64 - 1]);
        lti_syscall_captures(LT_ARCH_AARCH64, &control->calls[LT_ARCH_AARCH64 - 1]);
    }
}

_Static_assert(LTI_FOLLOW_ALL == LT_FOLLOW_ALL && LTI_FOLLOW_FORKS == LT_FOLLOW_FORKS &&
                   LTI_FOLLOW_NONE == LT_FOLLOW_NONE &&
                   LTI_THREADS_PARALLEL == LT_THREADS_PARALLEL &&
                   LTI_PROCESS_EXEC == LT_PROCESS_EXEC &&
                   LTI_SIGNAL_RETURN == LT_SIGNAL_RETURN,
               "the stream has the public numbers");

static int make_streams(lt_session *session)
{
    const struct lti_streams_config config = {
        .arena = (uint8_t *)session->arena.control,
        .session = session,
        .callbacks = &session->callbacks,
        .sync = &session->sync,
        .stop = &session->stop,
        .insns = lti_limit_insns(&session->config),
        .interpret = (session->config.flags & LT_CONFIG_INTERPRET) != 0,
        .compile = (session->config.flags & LT_CONFIG_COMPILE) != 0,
    };
    int error = lti_streams_create(&config, &session->streams);
    return error == 0 ? 0
                      : lti_fail(&session->message, error, "no memory for the decoder");
}

/* In the in-process mode: takes what the engine has written.  False ends the run. */
static bool pump(void *user)
{
    lt_session *session = user;

    for (;;) {
        if (atomic_load_explicit(&session->stop, memory_order_relaxed)) {
            return false;
        }
        int state = lti_streams_poll(session->streams);
        if (state == LTI_STREAMS_READY) {
            state = lti_decoder_run(lti_streams_decoder(session->streams));
            if (state == 0 || state == LTI_DECODER_BLOCKED) {
                continue;
            }
        } else if (state == LTI_STREAMS_IDLE || state == LTI_STREAMS_END) {
            return true;
        }
        session->verdict = state;
        return false;
    }
}

static int prepare_inside(lt_session *session, const struct lti_launch *launch)
{
    int error = lti_in_process_create(session->mode, launch, &session->arena,
                                      &session->stop, pump, session, &session->inside);
    if (error != 0) {
        return lti_fail(&session->message, error, "no memory to start the engine");
    }
    atomic_store(&session->running_inside, session->inside);
    if (session->pulled) {
        return lti_in_process_start(session->inside, &session->message);
    }
    session->sync.serve = lti_in_process_serve(session->inside);
    return 0;
}

static int start_process(lt_session *session, const struct lti_program *program,
                         const char *sysroot)
{
    const struct lt_config *config = &session->config;
    struct lti_launch launch = {
        .engine = config->engine,
        .arch = lt_arch_name(program->arch),
        .sysroot = sysroot,
        .program = program->path,
        .argv = program->argv,
        .envp = (char *const *)config->envp,
        .cwd = config->cwd,
        .terminal = (config->flags & LT_CONFIG_TERMINAL) != 0,
        .limit_ms = config->limit_ms,
        .map_fd = lti_coverage_fd(session->coverage),
    };
    int error = open_stdio(session, launch.stdio);
    if (error == 0) {
        error = lti_arena_create(&session->arena, &session->message);
    }
    if (error == 0) {
        fill_control(session, session->arena.control);
        error = lti_coverage_fill(session->coverage, session->arena.control,
                                  &session->message);
    }
    if (error == 0) {
        error = make_streams(session);
    }
    if (error == 0 && session->mode != NULL) {
        error = prepare_inside(session, &launch);
    } else if (error == 0) {
        error = lti_process_start(&launch, &session->arena, &session->process,
                                  &session->message);
    }
    lti_arena_close(&session->arena);
    lti_coverage_close(session->coverage);
    if (error == 0) {
        atomic_store(&session->running, session->process);
        lti_sync_started(&session->sync);
    }
    return error;
}

static int start_guest(lt_session *session)
{
    const struct lt_config *config = &session->config;
    struct lti_program program;
    char *sysroot = NULL;
    if (config->cpu != NULL &&
        strlen(config->cpu) >= sizeof session->arena.control->cpu) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "the name of the CPU model is too long");
    }
    if (config->sysroot != NULL && config->sysroot[0] != '\0' &&
        (sysroot = lti_absolute_path(config->sysroot)) == NULL) {
        return lti_fail(&session->message,
                        errno == ENOMEM ? LT_ERR_NO_MEMORY : LT_ERR_SYSTEM,
                        "the sysroot %s: %s", config->sysroot, strerrordesc_np(errno));
    }
    const struct lti_program_request request = {
        .program = config->program,
        .argv = config->argv,
        .cwd = config->cwd,
        .sysroot = sysroot,
    };
    int error = lti_program_find(&request, &program, &session->message);
    if (error == 0) {
        session->arch = program.arch;
        error = start_process(session, &program, sysroot);
        lti_program_free(&program);
    }
    free(sysroot);
    return error;
}

/* ---- The end of a run ---- */

static int finish(lt_session *session, enum lt_result_kind kind, int returns)
{
    session->state = LTI_SESSION_ENDED;
    session->result.kind = kind;
    session->returns = returns;
    return returns;
}

/* Something went wrong; the message says what. */
static int finish_error(lt_session *session, int error)
{
    end_process(session);
    session->result.error = error;
    return finish(session, LT_RESULT_ERROR, error);
}

static int finish_stopped(lt_session *session)
{
    end_process(session);
    return finish(session, LT_RESULT_STOPPED, 0);
}

/* The guest went beyond a limit. */
static int finish_limit(lt_session *session, uint32_t limit)
{
    end_process(session);
    if (limit < LT_LIMIT_INSNS || limit > LT_LIMIT_PROCESSES) {
        lti_fail(&session->message, 0, "the event stream is damaged: no such limit");
        return finish_error(session, LT_ERR_STREAM);
    }
    lti_limit_say(&session->config, limit, &session->message);
    session->result.limit = limit;
    return finish(session, LT_RESULT_LIMIT, 0);
}

static bool is_limited(const lt_session *session)
{
    return session->arena.control != NULL &&
           lti_limit_reached(session->arena.control) != 0;
}

/* lt_session_stop() was called, or a limit reached that is not in the streams. */
static bool is_stopped(const lt_session *session)
{
    return atomic_load(&session->stop) || is_limited(session);
}

static int finish_early(lt_session *session)
{
    return is_limited(session)
               ? finish_limit(session, lti_limit_reached(session->arena.control))
               : finish_stopped(session);
}

/* The decoder returned something other than 0 or 1. */
static int finish_decoder(lt_session *session, int returned)
{
    /* An error may come before there is a decoder. */
    struct lti_decoder *decoder = lti_streams_decoder(session->streams);
    uint32_t limit =
        returned == LTI_DECODER_LIMIT && decoder != NULL ? lti_decoder_limit(decoder) : 0;
    if (limit != 0) {
        return finish_limit(session, limit);
    }
    if (returned > 0) {
        return finish_stopped(session);
    }
    const char *problem = lti_streams_problem(session->streams);
    if (returned == LT_ERR_STREAM && problem != NULL) {
        lti_fail(&session->message, 0, "the event stream is damaged: %s", problem);
    } else if (returned == LT_ERR_NO_MEMORY) {
        lti_fail(&session->message, 0, "no memory to decode events");
    } else {
        lti_fail(&session->message, 0, "a callback ended the run with %d", returned);
    }
    return finish_error(session, returned);
}

/* The error for what the engine could not load, with the errno it tells. */
static int load_error(uint32_t error)
{
    switch (error) {
    case ENOENT:
        return LT_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return LT_ERR_PERMISSION;
    case ENOEXEC:
        return LT_ERR_NOT_ELF;
    case ENOMEM:
        return LT_ERR_NO_MEMORY;
    default:
        return LT_ERR_ENGINE;
    }
}

/* Whether a signal is one that a fault of the engine's own brings.  The guest's
 * faults are told in the stream. */
static bool is_crash(int sig)
{
    return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE ||
           sig == SIGABRT || sig == SIGTRAP || sig == SIGSYS;
}

/* The engine ended by itself and told no end of the guest. */
static int finish_engine(lt_session *session)
{
    const struct lti_control *control = session->arena.control;
    struct lti_message *message = &session->message;
    int status = control->engine_status;
    uint32_t phase = control->phase;
    uint32_t cause = control->load_error;
    char said[sizeof control->message + 1];
    memcpy(said, control->message, sizeof control->message);
    said[sizeof said - 1] = '\0';

    int error = LT_ERR_ENGINE;
    if (phase < LTI_PHASE_RUN && cause == LTI_CPU_REFUSED && said[0] != '\0') {
        error = LT_ERR_ARGUMENT;
        lti_fail(message, error, "the CPU %s: %s",
                 session->config.cpu != NULL ? session->config.cpu : "model", said);
    } else if (phase < LTI_PHASE_RUN && cause != 0) {
        const char *text = cause < 4096 ? strerrordesc_np((int)cause) : NULL;
        error = load_error(cause);
        lti_fail(message, error, "the engine cannot load %s: %s", session->config.program,
                 said[0] != '\0' ? said
                 : text != NULL  ? text
                                 : "unknown error");
    } else if (said[0] != '\0') {
        lti_fail(message, error, "the engine %s: %s",
                 control->crashed != 0 ? "crashed" : "gave up", said);
    } else if (WIFSIGNALED(status)) {
        lti_fail(message, error, "the engine crashed with SIG%s%s",
                 sigabbrev_np(WTERMSIG(status)) != NULL ? sigabbrev_np(WTERMSIG(status))
                                                        : "?",
                 phase < LTI_PHASE_RUN ? " before the guest ran" : "");
    } else {
        lti_fail(message, error, "the engine ended with status %d%s and did not say why",
                 WEXITSTATUS(status),
                 phase < LTI_PHASE_RUN ? " before the guest ran" : "");
    }
    return finish_error(session, error);
}

/* Whether the engine's wait status, without an exit record, is the guest's: it
 * was killed by somebody, or the guest executed a program that is not traced. */
static bool is_guests_end(const struct lti_control *control)
{
    int status = control->engine_status;
    if (control->message[0] == '\0' &&
        (control->phase == LTI_PHASE_END ||
         (control->phase == LTI_PHASE_RUN && control->untraced_processes > 0))) {
        return true;
    }
    return WIFSIGNALED(status) && !is_crash(WTERMSIG(status));
}

/* The engine has ended and all of its records are decoded.  1 if there is still
 * something to deliver, else as lt_session_run(). */
static int end_of_guest(lt_session *session)
{
    const struct lti_control *control = session->arena.control;
    int32_t status, sig;
    if (session->inside != NULL && session->pulled) {
        int error = lti_in_process_result(session->inside, &session->message);
        if (error != 0) {
            return finish_error(session, error);
        }
    }
    if (!lti_streams_ended(session->streams, &status, &sig)) {
        if (!is_guests_end(control)) {
            return finish_engine(session);
        }
        int wait_status = control->engine_status;
        sig = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
        status = sig != 0 ? 0 : WEXITSTATUS(wait_status);
        if (lti_streams_finish(session->streams, status, sig)) {
            return 1;
        }
        if (atomic_load(&session->stop)) {
            return finish_stopped(session); /* which has killed it */
        }
    }
    session->result.status = status;
    session->result.signal = sig;
    return finish(session, sig != 0 ? LT_RESULT_SIGNAL : LT_RESULT_EXIT, 0);
}

/* ---- Running ---- */

/* Waits until there is something to decode.  1, or, when the run has ended, what
 * lt_session_run() returns. */
static int await(lt_session *session)
{
    if (session->process != NULL && lti_process_is_copy(session->process)) {
        lti_fail(&session->message, 0,
                 "the guest is that of the process that this one is a fork of");
        return finish_error(session, LT_ERR_STATE);
    }
    for (;;) {
        if (is_stopped(session)) {
            return finish_early(session);
        }
        if (__atomic_load_n(&session->arena.control->crashed, __ATOMIC_ACQUIRE) ==
            LTI_CRASHED_UNTRACED) {
            return finish_engine(session);
        }
        int state = lti_streams_next(session->streams);
        switch (state) {
        case LTI_STREAMS_READY:
            return 1;
        case LTI_STREAMS_END:
            return end_of_guest(session);
        case LTI_STREAMS_IDLE:
            if (session->process == NULL) {
                break;
            }
            lti_process_job_control(session->process);
            if (!lti_process_supervised(session->process) &&
                __atomic_load_n(&session->arena.control->engine_ended,
                                __ATOMIC_ACQUIRE) == 0) {
                lti_process_abandoned(session->process);
                lti_fail(&session->message, 0, "the supervisor of the engine was killed");
                return finish_error(session, LT_ERR_SYSTEM);
            }
            break;
        case LT_ERR_ENGINE:
            return finish_engine(session);
        default:
            return finish_decoder(session, state);
        }
    }
}

/* Starts the guest.  1, or, when the run has ended already, what
 * lt_session_run() returns. */
static int begin_run(lt_session *session, bool pull)
{
    session->pulled = pull;
    session->callbacks.pull = pull;
    if (pull && (session->callbacks.pull_filter.flags & LT_FILTER_SYNC) != 0) {
        for (uint32_t type = 0; type < LTI_KIND_COUNT; type++) {
            if ((session->callbacks.pull_kinds & LT_KIND(type)) != 0 &&
                type != LT_EVENT_EXIT) {
                session->callbacks.sync[type] |= LTI_WANTED_PULL;
            }
        }
    }
    session->callbacks.memory = (session->config.flags & LT_CONFIG_MEMORY) != 0;
    session->callbacks.insns = session->config.limit_insns != 0;
    session->state = pull ? LTI_SESSION_PULLED : LTI_SESSION_RUN;
    if (atomic_load(&session->stop)) {
        return finish_stopped(session);
    }
    int error = start_guest(session);
    return error == 0 ? 1 : finish_error(session, error);
}

static int run(lt_session *session)
{
    int state = begin_run(session, false);
    if (state == 1 && session->inside != NULL) {
        int error = lti_in_process_run(session->inside, &session->message);
        if (error != 0) {
            return finish_error(session, error);
        }
        if (session->verdict != 0) {
            return finish_decoder(session, session->verdict);
        }
    }
    while (state == 1) {
        state = await(session);
        if (state == 1) {
            int returned = lti_decoder_run(lti_streams_decoder(session->streams));
            if (returned != 0 && returned != LTI_DECODER_BLOCKED) {
                return finish_decoder(session, returned);
            }
        }
    }
    return state;
}

int lt_session_run(lt_session *session)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    if (session->busy) {
        return lti_fail(&session->message, LT_ERR_STATE,
                        "a callback cannot run a session");
    }
    if (session->state != LTI_SESSION_NEW) {
        return lti_fail(&session->message, LT_ERR_STATE, "the session ran already");
    }
    int cancel = lti_cancel_hold();
    session->busy = true;
    int returned = run(session);
    session->busy = false;
    lti_cancel_allow(cancel);
    return returned;
}

/* The decoder returned something other than an event: goes on, or ends the run.  As
 * await(). */
__attribute__((noinline)) static int go_on(lt_session *session, int returned)
{
    int cancel = lti_cancel_hold();
    int state = returned == 0 || returned == LTI_DECODER_BLOCKED
                    ? await(session)
                    : finish_decoder(session, returned);
    lti_cancel_allow(cancel);
    return state;
}

static int next(lt_session *session, const struct lt_event **out)
{
    int state = session->state == LTI_SESSION_NEW ? begin_run(session, true) : 1;
    while (state == 1) {
        if (is_stopped(session)) {
            return finish_early(session);
        }
        /* The decoder's LT_STOP is its 1 for an event: told by *out. */
        *out = NULL;
        struct lti_decoder *decoder = lti_streams_decoder(session->streams);
        int returned = 0;
        if (decoder != NULL &&
            !atomic_load_explicit(&session->stop, memory_order_relaxed)) {
            returned = lti_decoder_step(decoder, out);
        }
        if (returned == 1 && *out != NULL) {
            return 1;
        }
        *out = NULL;
        state = go_on(session, returned);
    }
    return state;
}

int lt_session_next(lt_session *session, const struct lt_event **out)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    if (out == NULL) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "lt_session_next() was given no place for the event");
    }
    *out = NULL;
    if (session->busy) {
        return lti_fail(&session->message, LT_ERR_STATE,
                        "a callback cannot run a session");
    }
    if (session->state == LTI_SESSION_ENDED) {
        return session->pulled
                   ? session->returns
                   : lti_fail(&session->message, LT_ERR_STATE, "the session ran already");
    }
    /* Most calls neither wait nor call back: they need no protection. */
    bool hold = session->state == LTI_SESSION_NEW || session->callbacks.total != 0;
    int cancel = hold ? lti_cancel_hold() : 0;
    /* Plain stores: this is done for each event. */
    atomic_store_explicit(&session->busy, true, memory_order_relaxed);
    int returned = next(session, out);
    atomic_store_explicit(&session->busy, false, memory_order_relaxed);
    if (hold) {
        lti_cancel_allow(cancel);
    }
    return returned;
}

int lt_session_stop(lt_session *session)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    /* First the flag, then the process: a start at the same time sees the one or
     * is seen here. */
    atomic_store(&session->stop, true);
    struct lti_process *process = atomic_load(&session->running);
    if (process != NULL) {
        int cancel = lti_cancel_hold();
        lti_process_kill(process);
        lti_streams_wake(session->arena.control);
        lti_cancel_allow(cancel);
    }
    struct lti_in_process *inside = atomic_load(&session->running_inside);
    if (inside != NULL) {
        lti_in_process_stop(inside);
        lti_streams_wake(session->arena.control);
    }
    return 0;
}

/* ---- Questions ---- */

/* Whose event is in hand; NULL: nobody's yet. */
static struct lti_decoder *present_decoder(const lt_session *session)
{
    return session->streams == NULL ? NULL : lti_streams_decoder(session->streams);
}

/* The process that it is about; NULL: none yet. */
static struct lti_guest *present_guest(const lt_session *session)
{
    struct lti_decoder *decoder = present_decoder(session);
    return decoder == NULL ? NULL : lti_decoder_guest(decoder);
}

/* The architecture of the process in hand; 0: not known yet. */
static uint32_t present_arch(const lt_session *session)
{
    struct lti_guest *guest = present_guest(session);
    return guest != NULL ? guest->arch : session->arch;
}

int lt_session_result(const lt_session *session, struct lt_result *result)
{
    if (session == NULL || result == NULL) {
        return LT_ERR_ARGUMENT;
    }
    struct lt_result now = session->result;
    if (session->arena.control != NULL) {
        now.untraced_threads = session->arena.control->untraced_threads;
        now.untraced_processes = session->arena.control->untraced_processes;
    }
    struct lti_decoder *decoder = present_decoder(session);
    if (decoder != NULL) {
        now.events = session->busy ? lti_decoder_events(decoder)
                                   : lti_streams_events(session->streams);
    }
    return lti_struct_give(result, sizeof now, RESULT_SIZE_1, &now);
}

const char *lt_session_message(const lt_session *session)
{
    return session == NULL ? "" : session->message.text;
}

int lt_session_arch(const lt_session *session)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    uint32_t arch = present_arch(session);
    return arch != 0 ? (int)arch : LT_ERR_STATE;
}

int lt_session_stats(const lt_session *session, struct lt_stats *stats)
{
    if (session == NULL || stats == NULL) {
        return LT_ERR_ARGUMENT;
    }
    struct lt_stats now;
    memset(&now, 0, sizeof now);
    if (session->streams != NULL) {
        lti_streams_stats(session->streams, &now);
        now.blocks = session->arena.control->blocks;
        now.desc_bytes = session->arena.control->desc_bytes;
        now.internal_errors += session->arena.control->internal_errors;
    }
    return lti_struct_give(stats, sizeof now, STATS_SIZE_1, &now);
}

int lt_reg_read_bytes(lt_session *session, uint32_t reg, void *data, uint32_t size)
{
    if (session == NULL || data == NULL) {
        return LT_ERR_ARGUMENT;
    }
    struct lti_decoder *decoder = present_decoder(session);
    int error =
        decoder == NULL ? LT_ERR_STATE : lti_decoder_reg(decoder, reg, data, size);
    if (error == LT_ERR_STATE) {
        lti_fail(&session->message, 0,
                 "no event is in hand, or no callback asked for registers");
    } else if (error < 0) {
        const char *name = lt_reg_name(session->arch, reg);

        if (name == NULL) {
            lti_fail(&session->message, 0, "there is no register number %u", reg);
        } else if (error == LT_ERR_UNSUPPORTED) {
            lti_fail(&session->message, 0, "the guest's processor has no register %s",
                     name);
        } else {
            lti_fail(&session->message, 0, "the register %s has more than %u bytes", name,
                     size);
        }
    }
    return error;
}

int lt_reg_read(lt_session *session, uint32_t reg, uint64_t *value)
{
    uint64_t read = 0;
    int result = lt_reg_read_bytes(session, reg, value == NULL ? NULL : &read, 8);
    if (result >= 0) {
        *value = read;
    }
    return result < 0 ? result : 0;
}

int lt_block_value(lt_session *session, const struct lt_block_run *run, uint32_t row,
                   uint64_t *value)
{
    if (session == NULL || run == NULL || value == NULL) {
        return LT_ERR_ARGUMENT;
    }
    struct lti_decoder *decoder = present_decoder(session);
    int error = decoder == NULL ? LT_ERR_STATE : lti_view_value(decoder, run, row, value);
    if (error == LT_ERR_STATE) {
        lti_fail(&session->message, 0, "the run of a block is not the one in hand");
    } else if (error != 0) {
        lti_fail(&session->message, 0, "row %u of the block is none, or did not happen",
                 row);
    }
    return error;
}

int lt_mem_read(lt_session *session, uint64_t addr, void *data, uint64_t size)
{
    if (session == NULL || data == NULL || size > INT32_MAX) {
        return LT_ERR_ARGUMENT;
    }
    if (lti_sync_may_touch(session)) {
        return lti_sync_read(session, addr, data, size);
    }
    struct lti_decoder *decoder = present_decoder(session);
    int result =
        decoder == NULL ? LT_ERR_STATE : lti_decoder_mem(decoder, addr, data, size);
    if (result < 0) {
        lti_fail(&session->message, 0,
                 "no event is in hand, or the session does not keep the guest's memory");
    }
    return result;
}

static int fail_before_run(lt_session *session)
{
    return lti_fail(&session->message, LT_ERR_STATE,
                    "this is known only when the session has begun to run");
}

int lt_disassemble(lt_session *session, uint64_t pc, const uint8_t *bytes,
                   uint32_t length, char *text, size_t text_size)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    uint32_t arch = present_arch(session);
    if (arch == 0) {
        return fail_before_run(session);
    }
    struct lti_disasm **disasm = &session->disasm[arch - 1];
    int error = *disasm != NULL ? 0 : lti_disasm_create(arch, disasm);
    int result =
        error != 0 ? error : lti_disasm_text(*disasm, pc, bytes, length, text, text_size);
    if (result < 0) {
        lti_fail(&session->message, 0, "%s",
                 result == LT_ERR_NOT_FOUND ? "these bytes are not a valid instruction"
                                            : lt_error_text(result));
    }
    return result;
}

int lt_symbol_at(lt_session *session, uint64_t addr, struct lt_symbol *symbol)
{
    if (session == NULL || symbol == NULL) {
        return LT_ERR_ARGUMENT;
    }
    if (session->streams == NULL) {
        return fail_before_run(session);
    }
    struct lti_guest *guest = present_guest(session);
    const struct lti_mapping *mapping =
        guest == NULL ? NULL : lti_modules_find(guest->modules, addr);
    if (mapping == NULL) {
        return lti_fail(&session->message, LT_ERR_NOT_FOUND, "no file is mapped at %#llx",
                        (unsigned long long)addr);
    }
    struct lt_symbol found;
    memset(&found, 0, sizeof found);
    found.module = mapping->path;
    found.base = lti_modules_base(guest->modules, mapping);
    int cancel = lti_cancel_hold();
    int error = session->symbols != NULL
                    ? 0
                    : lti_symbols_create(session->config.sysroot, &session->symbols);
    if (error == 0) {
        error = lti_symbols_find(session->symbols, mapping->path,
                                 addr - mapping->start + mapping->offset, &found.name,
                                 &found.offset, &found.length);
    }
    lti_cancel_allow(cancel);
    if (error < 0) {
        return lti_fail(&session->message, error, "%s",
                        error == LT_ERR_SYSTEM ? "too many open files to read symbols"
                                               : "no memory for symbols");
    }
    if (error == 0) {
        found.name = NULL;
        found.offset = 0;
        found.length = 0;
    }
    error = lti_struct_give(symbol, sizeof found, SYMBOL_SIZE_1, &found);
    return error == 0 ? 0
                      : lti_fail(&session->message, error,
                                 "the symbol was not set up by lt_symbol_init()");
}

int lt_syscall_text(const lt_session *session, const struct lt_syscall *call, char *text,
                    size_t text_size)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    uint32_t arch = present_arch(session);
    return arch == 0 ? LT_ERR_STATE : lti_syscall_text(arch, call, text, text_size);
}

int lt_syscall_arg_text(const lt_session *session, const struct lt_syscall *call,
                        uint32_t index, char *text, size_t text_size)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    uint32_t arch = present_arch(session);
    return arch == 0 ? LT_ERR_STATE
                     : lti_syscall_arg_text(arch, call, index, text, text_size);
}

int lt_syscall_result_text(const lt_session *session, const struct lt_syscall *call,
                           char *text, size_t text_size)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    uint32_t arch = present_arch(session);
    return arch == 0 ? LT_ERR_STATE
                     : lti_syscall_result_text(arch, call, text, text_size);
}
