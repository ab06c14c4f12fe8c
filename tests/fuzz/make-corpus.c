/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make-corpus DIRECTORY PROGRAM [ARGS...]: runs a program, and writes what the
 * engine wrote as inputs of the targets `stream` (whole sessions, in several modes) and
 * `syscall` (a file for each kind of system call) into DIRECTORY/stream and
 * DIRECTORY/syscall.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lt/lt.h"
#include "session.h"
#include "stream-input.h"

#define MAX_INPUT 60000
#define INSNS 2000 /* after which a session is written down */

static struct {
    const char *directory;
    const char *name;
    unsigned bits;
    unsigned insns;
    uint8_t seen[2][1024]; /* system calls, by phase */
} made;

static FILE *create(const char *target, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", made.directory, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", made.directory, target, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void put_number(FILE *file, uint64_t number, size_t size)
{
    fwrite(&number, 1, size, file);
}

/* ---- Sessions ---- */

static void put_blocks(FILE *file, const struct lti_control *control)
{
    const uint8_t *slabs = (const uint8_t *)control + LTI_DESC_OFFSET;

    for (uint32_t number = 1; number < FUZZ_BLOCKS; number++) {
        const uint8_t *slab = slabs + number / LTI_SLAB_BLOCKS * LTI_SLAB_SIZE;
        struct lti_desc desc;
        uint32_t at;

        memcpy(&at, slab + 4 * (number % LTI_SLAB_BLOCKS), sizeof at);
        memcpy(&desc, slabs + 16 * (uint64_t)at, sizeof desc);
        if (number % LTI_SLAB_BLOCKS == 0 || at == 0 || desc.size > UINT16_MAX) {
            continue;
        }
        put_number(file, FUZZ_BLOCK, 1);
        put_number(file, number, 2);
        put_number(file, desc.size, 2);
        fwrite(slabs + 16 * (uint64_t)at, 1, desc.size, file);
    }
}

static void put_stream(FILE *file, const struct lti_control *control, uint32_t number)
{
    const struct lti_stream *stream = &control->streams[number];
    const uint8_t *bytes =
        (const uint8_t *)control + LTI_RING_OFFSET + number * LTI_RING_SIZE;
    uint64_t left = stream->chunks[0].committed;

    put_number(file, FUZZ_STATE, 1);
    put_number(file, number, 1);
    put_number(file, stream->state, 1);
    while (left > 0 && ftell(file) < MAX_INPUT) {
        uint64_t size = left < 0xfffc ? left : 0xfffc;

        put_number(file, FUZZ_RECORDS, 1);
        put_number(file, number, 1);
        put_number(file, size, 2);
        fwrite(bytes, 1, size, file);
        bytes += size;
        left -= size;
    }
}

static void write_session(lt_session *session)
{
    const struct lti_control *control = session->arena.control;
    char name[256];

    snprintf(name, sizeof name, "%s-%u", made.name, made.bits);
    FILE *file = create("stream", name);
    put_number(file, made.bits, 2);
    put_number(file, FUZZ_POKE, 1);
    put_number(file, offsetof(struct lti_control, cc_map), 4);
    put_number(file, sizeof control->cc_map, 1);
    fwrite(control->cc_map, 1, sizeof control->cc_map, file);
    put_blocks(file, control);
    for (uint32_t n = 0; n < control->stream_limit && n < FUZZ_STREAMS; n++) {
        put_stream(file, control, n);
    }
    put_number(file, FUZZ_RUN, 1);
    fclose(file);
}

static int on_insn(lt_session *session, const struct lt_insn *event, void *user)
{
    (void)event;
    (void)user;
    if (++made.insns < INSNS) {
        return 0;
    }
    write_session(session);
    return LT_STOP;
}

static int on_end(lt_session *session, const struct lt_exit *event, void *user)
{
    (void)event;
    (void)user;
    if (made.insns < INSNS) {
        write_session(session);
    }
    return 0;
}

/* ---- System calls ---- */

static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    char name[256];

    (void)user;
    if (call->nr >= 1024 || made.seen[call->phase][call->nr]++) {
        return 0;
    }
    snprintf(name, sizeof name, "%s-%s-%u", made.name,
             call->name != NULL ? call->name : "none", call->phase);
    FILE *file = create("syscall", name);
    put_number(file, lt_session_arch(session) == LT_ARCH_AARCH64, 1);
    put_number(file, call->nr, 2);
    put_number(file, call->phase, 1);
    put_number(file, (uint64_t)call->ret, 8);
    fwrite(call->args, 1, sizeof call->args, file);
    for (uint32_t i = 0; i < call->data_count; i++) {
        const struct lt_syscall_data *piece = &call->data[i];
        uint32_t length = piece->length < 255 * 4 ? piece->length : 255 * 4;

        put_number(file, piece->arg, 1);
        put_number(file, piece->phase, 1);
        put_number(file, piece->addr - call->args[piece->arg], 1);
        put_number(file, (length + 3) / 4, 1);
        fwrite(piece->data, 1, length, file);
        put_number(file, 0, (4 - length % 4) % 4);
    }
    fclose(file);
    return 0;
}

static void run(const char *const *argv, unsigned bits)
{
    struct lt_config config;
    lt_session *session;

    made.bits = bits;
    made.insns = 0;
    lt_config_init(&config, sizeof config);
    config.program = argv[0];
    config.argv = argv;
    config.flags = bits & FUZZ_MEMORY ? LT_CONFIG_MEMORY : 0;
    config.threads = bits & FUZZ_PARALLEL ? LT_THREADS_PARALLEL : LT_THREADS_SERIAL;
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    if (lt_session_create(&config, &session) != 0) {
        exit(1);
    }
    if (bits == FUZZ_CALLBACKS) {
        lt_on_syscall(session, NULL, on_syscall, NULL);
    } else {
        lt_on_insn(session, NULL, on_insn, NULL);
        lt_on_exit(session, NULL, on_end, NULL);
    }
    if (lt_session_run(session) < 0) {
        fprintf(stderr, "make-corpus: %s\n", lt_session_message(session));
        exit(1);
    }
    lt_session_destroy(session);
}

int main(int argc, char **argv)
{
    static const unsigned modes[] = {
        FUZZ_ONE_INSN,
        FUZZ_PULL | FUZZ_MEMORY,
        FUZZ_PARALLEL | FUZZ_CALLBACKS | FUZZ_FILTER,
        FUZZ_CALLBACKS,
    };

    if (argc < 3) {
        fprintf(stderr, "usage: make-corpus DIRECTORY PROGRAM [ARGS...]\n");
        return 2;
    }
    made.directory = argv[1];
    made.name = strdup(basename(argv[2]));
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        run((const char *const *)(argv + 2), modes[i]);
    }
    return 0;
}
