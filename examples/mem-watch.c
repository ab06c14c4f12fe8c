/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints who writes to a part of a program's memory, which is a range of
 * addresses or a variable that is in the program's symbol table (and in its
 * file: one that begins as zero, in .bss, is not).
 *
 *     mem-watch 0x404040-0x404048 ./program
 *     mem-watch counter ./program
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lt/lt.h>

struct watch {
    const char *variable; /* NULL: a range, which the library's filter knows */
    uint64_t writes;
};

/* Whether `addr` is in the variable. */
static int is_variable(lt_session *session, uint64_t addr, const char *variable)
{
    struct lt_symbol symbol;

    lt_symbol_init(&symbol, sizeof symbol);
    return lt_symbol_at(session, addr, &symbol) == 0 && symbol.name &&
           strcmp(symbol.name, variable) == 0 && symbol.offset < symbol.length;
}

static int on_write(lt_session *session, const struct lt_mem_access *access, void *user)
{
    struct watch *watch = user;
    struct lt_symbol symbol;

    if (watch->variable && !is_variable(session, access->addr, watch->variable))
        return 0;
    watch->writes++;
    lt_symbol_init(&symbol, sizeof symbol);
    if (lt_symbol_at(session, access->pc, &symbol) < 0 || !symbol.name)
        symbol.name = "?";
    printf("%#" PRIx64 " <-", access->addr);
    for (uint32_t i = 0; i < access->length; i++) /* in memory order */
        printf(" %02x", access->data[i]);
    printf(" by %s%s+%#" PRIx64 "\n",
           access->by == LT_BY_KERNEL ? "the system call in " : "", symbol.name,
           symbol.offset);
    return ferror(stdout) ? LT_STOP : 0;
}

int main(int argc, char **argv)
{
    struct watch watch = {0};
    struct lt_config config;
    struct lt_filter filter;
    lt_session *session;
    int error;

    if (argc < 3) {
        fprintf(stderr, "Usage: %s START-END|VARIABLE PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_NO_REGS; /* on_write() asks for no register */
    /* With a range, only writes that touch it reach on_write(). */
    if (sscanf(argv[1], "%" SCNx64 "-%" SCNx64, &filter.addr_start, &filter.addr_end) !=
        2) {
        filter.addr_start = filter.addr_end = 0;
        watch.variable = argv[1];
    }

    lt_config_init(&config, sizeof config);
    config.program = argv[2];
    config.argv = (const char *const *)(argv + 2);
    error = lt_session_create(&config, &session);
    if (error < 0) {
        fprintf(stderr, "%s\n", lt_error_text(error));
        return 1;
    }
    error = lt_on_mem_write(session, &filter, on_write, &watch);
    if (error == 0)
        error = lt_session_run(session);
    if (error < 0)
        fprintf(stderr, "%s\n", lt_session_message(session));
    lt_session_destroy(session);

    fprintf(stderr, "%" PRIu64 " writes\n", watch.writes);
    return error < 0 || fflush(stdout) != 0 ? 1 : 0;
}
