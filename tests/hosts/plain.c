/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain GUEST...: a host of one file, to be built in many ways (see `builds`).
 * Several threads have sessions of the guests `loop` of both architectures, with
 * callbacks, symbols and disassembly; another one stops an endless guest.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define THREADS 4
#define SESSIONS 4

struct seen {
    uint64_t insns, writes, symbols, texts;
};

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct seen *seen = user;
    struct lt_symbol symbol;
    char text[80];

    seen->insns++;
    lt_symbol_init(&symbol, sizeof symbol);
    if (lt_symbol_at(session, insn->pc, &symbol) == 0 && symbol.name != NULL) {
        seen->symbols++;
    }
    seen->texts += lt_disassemble(session, insn->pc, insn->bytes, insn->length, text,
                                  sizeof text) == (int)insn->length;
    return 0;
}

static int on_write(lt_session *session, const struct lt_mem_access *access, void *user)
{
    struct seen *seen = user;

    (void)session;
    seen->writes += access->by == LT_BY_INSN;
    return 0;
}

static lt_session *create(const char *path)
{
    struct lt_config config;
    lt_session *session = NULL;

    lt_config_init(&config, sizeof config);
    config.program = path;
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    lt_session_create(&config, &session);
    return session;
}

static int run_guest(const char *path)
{
    struct seen seen;
    struct lt_result result;
    struct lt_stats stats;
    lt_session *session = create(path);
    int failed;

    memset(&seen, 0, sizeof seen);
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    lt_result_init(&result, sizeof result);
    failed = session == NULL || lt_on_insn(session, NULL, on_insn, &seen) != 0 ||
             lt_on_mem_write(session, NULL, on_write, &seen) != 0 ||
             lt_session_run(session) != 0 || lt_session_result(session, &result) != 0 ||
             lt_session_stats(session, &stats) != 0;
    if (failed || result.kind != LT_RESULT_EXIT || result.status != 9 ||
        seen.insns < 600 || seen.insns > 620 || seen.writes != 100 ||
        seen.symbols != seen.insns || seen.texts != seen.insns ||
        stats.register_mismatches + stats.internal_errors != 0) {
        fprintf(stderr, "%s: failed: %s\n", path, lt_session_message(session));
        failed = 1;
    }
    lt_session_destroy(session);
    return failed;
}

struct work {
    char **guests;
    int failed;
};

static void *run_all(void *arg)
{
    struct work *work = arg;
    int i;

    for (i = 0; i < SESSIONS; i++) {
        char **guest;

        for (guest = work->guests; *guest != NULL; guest++) {
            work->failed |= run_guest(*guest);
        }
    }
    return NULL;
}

static void *stop_it(void *session)
{
    usleep(50000);
    lt_session_stop(session);
    return NULL;
}

/* A program that waits for its input, which does not come, and is stopped. */
static int stop_guest(void)
{
    const char *argv[] = {"sleep", "1000", NULL};
    struct lt_config config;
    struct lt_result result;
    lt_session *session = NULL;
    pthread_t thread;
    int failed;

    lt_config_init(&config, sizeof config);
    config.program = "/bin/sleep";
    config.argv = argv;
    if (lt_session_create(&config, &session) != 0 ||
        pthread_create(&thread, NULL, stop_it, session) != 0) {
        return 1;
    }
    lt_result_init(&result, sizeof result);
    failed = lt_session_run(session) != 0 || lt_session_result(session, &result) != 0 ||
             result.kind != LT_RESULT_STOPPED;
    pthread_join(thread, NULL);
    lt_session_destroy(session);
    return failed;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct work work[THREADS];
    int failed = 0;
    int i;

    if (argc < 2) {
        fprintf(stderr, "usage: plain GUEST...\n");
        return 2;
    }
    for (i = 0; i < THREADS; i++) {
        work[i].guests = argv + 1;
        work[i].failed = 0;
        if (pthread_create(&threads[i], NULL, run_all, &work[i]) != 0) {
            return 2;
        }
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        failed |= work[i].failed;
    }
    failed |= stop_guest();
    puts(failed ? "failed" : "ok");
    return failed;
}
