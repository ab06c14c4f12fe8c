/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A C program outside the tree: counts the instructions of the program it is given,
 * with a callback, and exits with the guest's status. */
#include <inttypes.h>
#include <stdio.h>

#include <lt/lt.h>

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    uint64_t *count = (uint64_t *)user;

    (void)session;
    (void)insn;
    ++*count;
    return 0;
}

int main(int argc, char **argv)
{
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    uint64_t count = 0;

    if (argc != 2 || lt_config_init(&config, sizeof config) < 0)
        return 125;
    config.program = argv[1];
    if (lt_session_create(&config, &session) < 0)
        return 125;
    if (lt_on_insn(session, NULL, on_insn, &count) < 0 || lt_session_run(session) < 0) {
        fprintf(stderr, "%s\n", lt_session_message(session));
        lt_session_destroy(session);
        return 125;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_destroy(session);
    printf("%" PRIu64 " instructions\n", count);
    if (result.kind != LT_RESULT_EXIT || count == 0)
        return 125;
    return result.status;
}
