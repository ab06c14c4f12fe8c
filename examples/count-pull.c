/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts the events of a program in a plain loop, without callbacks.
 *
 *     count-pull /bin/true
 */
#include <inttypes.h>
#include <stdio.h>

#include <lt/lt.h>

#define KINDS (LT_EVENT_EXIT + 1)

static const char *const names[KINDS] = {
    [LT_EVENT_INSN] = "instructions",
    [LT_EVENT_REG_WRITE] = "register writes",
    [LT_EVENT_MEM_WRITE] = "memory writes",
    [LT_EVENT_MEM_READ] = "memory reads",
    [LT_EVENT_SYSCALL] = "system call events",
    [LT_EVENT_MODULE] = "module events",
    [LT_EVENT_EXIT] = "exits",
};

int main(int argc, char **argv)
{
    uint64_t counts[KINDS] = {0};
    const struct lt_event *event;
    struct lt_config config;
    lt_session *session;
    int more;

    if (argc < 2) {
        fprintf(stderr, "Usage: %s PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    lt_config_init(&config, sizeof config);
    config.program = argv[1];
    config.argv = (const char *const *)(argv + 1);
    more = lt_session_create(&config, &session);
    if (more < 0) {
        fprintf(stderr, "%s\n", lt_error_text(more));
        return 1;
    }

    more = lt_session_select(session, LT_KINDS_ALL, NULL);
    while (more >= 0 && (more = lt_session_next(session, &event)) > 0) {
        if (event->type < KINDS) /* a later library may have more kinds */
            counts[event->type]++;
        if (event->type == LT_EVENT_EXIT) {
            const struct lt_exit *end = (const struct lt_exit *)event;
            printf("the program ended with status %" PRId32 ", signal %" PRId32 "\n",
                   end->status, end->signal);
        }
    }
    if (more < 0)
        fprintf(stderr, "%s\n", lt_session_message(session));
    lt_session_destroy(session);

    for (int kind = 1; kind < KINDS; kind++)
        printf("%12" PRIu64 " %s\n", counts[kind], names[kind]);
    return more < 0 || fflush(stdout) != 0 ? 1 : 0;
}
