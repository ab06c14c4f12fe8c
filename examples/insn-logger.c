/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints every instruction that a program executes in its own file, without its
 * libraries: address, symbol, disassembly, and the first argument register.
 *
 *     insn-logger /bin/true
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lt/lt.h>

struct logger {
    uint64_t count;
    uint32_t argument; /* the register with a function's first argument */
};

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct logger *logger = user;
    struct lt_symbol symbol;
    uint64_t value = 0;
    char text[128];

    if (logger->count++ == 0) {
        /* The architecture is known since the run has begun. */
        int arch = lt_session_arch(session);
        int reg =
            arch < 0 ? arch
                     : lt_reg_find((uint32_t)arch, arch == LT_ARCH_X86_64 ? "rdi" : "x0");
        if (reg < 0)
            return reg;
        logger->argument = (uint32_t)reg;
    }
    if (lt_disassemble(session, insn->pc, insn->bytes, insn->length, text, sizeof text) <
        0)
        strcpy(text, "(bad)");
    lt_symbol_init(&symbol, sizeof symbol);
    if (lt_symbol_at(session, insn->pc, &symbol) < 0 || !symbol.name)
        symbol.name = "?";
    /* Registers as they are before the instruction executes. */
    lt_reg_read(session, logger->argument, &value);
    printf("%#" PRIx64 " %s+%#" PRIx64 "\t%s\t; %#" PRIx64 "\n", insn->pc, symbol.name,
           symbol.offset, text, value);
    return ferror(stdout) ? LT_STOP : 0;
}

int main(int argc, char **argv)
{
    struct logger logger = {0};
    struct lt_config config;
    struct lt_filter filter;
    lt_session *session;
    int error;

    if (argc < 2) {
        fprintf(stderr, "Usage: %s PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    lt_config_init(&config, sizeof config);
    config.program = argv[1];
    config.argv = (const char *const *)(argv + 1);
    error = lt_session_create(&config, &session);
    if (error < 0) {
        fprintf(stderr, "%s\n", lt_error_text(error));
        return 1;
    }

    /* A module is named by its path or, as here, the last component. */
    lt_filter_init(&filter, sizeof filter);
    filter.module = strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1];
    error = lt_on_insn(session, &filter, on_insn, &logger);
    if (error == 0)
        error = lt_session_run(session);
    if (error < 0)
        fprintf(stderr, "%s\n", lt_session_message(session));
    lt_session_destroy(session);

    fprintf(stderr, "%" PRIu64 " instructions\n", logger.count);
    return error < 0 || fflush(stdout) != 0 ? 1 : 0;
}
