/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a program inside this process, once for each line of a file, with that line
 * as its standard input, and says how many instructions each took and how it ended.
 *
 *     printf '1\n22\n333\n' > lines; many-inputs lines /bin/cat
 *
 * The program's reads of its standard input are not made: a callback that it waits
 * for writes the line to its memory and gives the call its result.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lt/lt.h>

struct input {
    const char *text;
    size_t size, used;
    uint64_t insns;
};

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct input *input = user;

    (void)session;
    (void)insn;
    input->insns++;
    return 0;
}

static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct input *input = user;
    size_t count = input->size - input->used;

    if (call->phase != LT_PHASE_ENTER || !call->name || strcmp(call->name, "read") != 0 ||
        call->args[0] != 0)
        return 0;
    if (count > call->args[2])
        count = (size_t)call->args[2];
    if (lt_mem_write(session, call->args[1], input->text + input->used, count) !=
        (int)count)
        return lt_syscall_return(session, -EFAULT);
    input->used += count;
    return lt_syscall_return(session, (int64_t)count);
}

/* One run; its error, or 0. */
static int run(const struct lt_config *config, struct input *input)
{
    struct lt_filter filter;
    struct lt_result result;
    lt_session *session;
    int error = lt_session_create_in_process(config, &session);

    if (error < 0) {
        fprintf(stderr, "%s\n", lt_error_text(error));
        return error;
    }
    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_NO_REGS;
    error = lt_on_insn(session, &filter, on_insn, input);
    lt_filter_init(&filter, sizeof filter);
    filter.flags = LT_FILTER_SYNC;
    if (error == 0)
        error = lt_on_syscall(session, &filter, on_syscall, input);
    if (error == 0)
        error = lt_session_run(session);
    if (error < 0) {
        fprintf(stderr, "%s\n", lt_session_message(session));
    } else {
        lt_result_init(&result, sizeof result);
        lt_session_result(session, &result);
        fprintf(stderr, "%" PRIu64 " instructions, %s %d\n", input->insns,
                result.kind == LT_RESULT_SIGNAL ? "signal" : "status",
                result.kind == LT_RESULT_SIGNAL ? result.signal : result.status);
    }
    lt_session_destroy(session);
    return error;
}

int main(int argc, char **argv)
{
    struct lt_config config;
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    int error = 0;
    FILE *file;

    if (argc < 3) {
        fprintf(stderr, "Usage: %s FILE PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    file = fopen(argv[1], "re");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    lt_config_init(&config, sizeof config);
    config.program = argv[2];
    config.argv = (const char *const *)(argv + 2);
    while (error == 0 && (size = getline(&line, &room, file)) > 0) {
        struct input input = {line, (size_t)size, 0, 0};

        error = run(&config, &input);
    }
    free(line);
    fclose(file);
    return error < 0;
}
