/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slabs PROGRAM [ARGS...]: traces a program whose processes may have so few block
 * descriptors at a time that they throw their translations away again and again.
 * The registers must still be right, the result is the program's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lt/lt.h"
#include "lt/unstable.h"
#include "session.h"

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    uint64_t *insns = user, value;

    ++*insns;
    /* Now and then, that the decoder knows where it is. */
    if (*insns % 1024 == 0 &&
        (lt_reg_read(session, LT_X86_64_RIP, &value) != 0 || value != insn->pc)) {
        return -1001;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct lt_config config;
    struct lt_result result;
    struct lt_stats stats = {.size = sizeof stats};
    lt_session *session;
    uint64_t insns = 0;
    uint32_t left = 0;
    int error;

    if (argc < 2) {
        return 99;
    }
    lti_slab_limit = 6;
    lt_config_init(&config, sizeof config);
    config.program = argv[1];
    config.argv = (const char *const *)argv + 1;
    if (lt_session_create(&config, &session) != 0 ||
        lt_on_insn(session, NULL, on_insn, &insns) != 0) {
        return 99;
    }
    error = lt_session_run(session);
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_stats(session, &stats);
    for (unsigned i = 0; session->arena.control && i < LTI_SLABS / 64; i++) {
        left += (uint32_t)__builtin_popcountll(session->arena.control->slabs[i]);
    }
    printf(
        "%d: %s; %llu instructions, %u blocks, %llu MiB of descriptors, %u slabs left, "
        "%llu of %llu registers wrong\n",
        error, lt_session_message(session), (unsigned long long)insns, stats.blocks,
        (unsigned long long)stats.desc_bytes >> 20, left,
        (unsigned long long)stats.register_mismatches,
        (unsigned long long)stats.register_checks);
    if (error != 0 || insns != stats.insns || stats.register_checks == 0 ||
        stats.register_mismatches != 0 || stats.internal_errors != 0 ||
        stats.desc_bytes >> 20 < 8 || left > 7 || result.kind != LT_RESULT_EXIT) {
        return 99;
    }
    lt_session_destroy(session);
    return result.status;
}
