/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event stream: the input is what engines write into the arena; stream-input.h
 * has its form.  A session that was never started decodes it, with callbacks that look
 * at everything they are given and ask for more.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"
#include "lt/lt.h"
#include "lt/unstable.h"
#include "session.h"
#include "stream-input.h"

#define ROUNDS 4096 /* how often the library is asked to go on, at most */

/* Nobody will ring: who would sleep goes on. */
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    (void)number;
    errno = EAGAIN;
    return -1;
}

static struct lti_control *control;
static uint64_t written[FUZZ_STREAMS]; /* bytes of records */
static uint64_t descriptors;           /* bytes of descriptors in the first slab */
static uint32_t asked;

/* ---- Callbacks ---- */

static void ask(lt_session *session, uint64_t addr)
{
    uint8_t bytes[64];
    uint64_t value;
    struct lt_result result;
    struct lt_stats stats = {.size = sizeof stats};

    asked++;
    lt_reg_read(session, asked % 128, &value);
    if (lt_reg_read_bytes(session, asked % 71, bytes, asked % 65) > (int)(asked % 65)) {
        abort();
    }
    if (lt_mem_read(session, addr + asked % 8192 - 4096, bytes, sizeof bytes) > 64) {
        abort();
    }
    if (asked % 64 == 0) {
        lt_result_init(&result, sizeof result);
        lt_session_result(session, &result);
        lt_session_stats(session, &stats);
        lt_session_arch(session);
    }
}

static void look_at_event(lt_session *session, const struct lt_event *event)
{
    switch (event->type) {
    case LT_EVENT_INSN: {
        const struct lt_insn *e = (const void *)event;
        char text[80];

        look_at(e->bytes, e->length);
        ask(session, e->pc);
        if (asked % 256 == 1) {
            lt_disassemble(session, e->pc, e->bytes, e->length, text, sizeof text);
        }
        break;
    }
    case LT_EVENT_REG_WRITE: {
        const struct lt_reg_write *e = (const void *)event;

        look_at(e->data, e->width);
        break;
    }
    case LT_EVENT_MEM_WRITE:
    case LT_EVENT_MEM_READ: {
        const struct lt_mem_access *e = (const void *)event;

        look_at(e->data, e->length);
        if (e->old != NULL) {
            look_at(e->old, e->length);
        }
        ask(session, e->addr);
        break;
    }
    case LT_EVENT_SYSCALL: {
        const struct lt_syscall *e = (const void *)event;
        char text[256];

        look_at_text(e->name);
        for (int i = 0; i < 6; i++) {
            look_at_text(e->strings[i]);
        }
        for (uint32_t i = 0; i < e->data_count; i++) {
            look_at(e->data[i].data, e->data[i].length + 1);
        }
        lt_syscall_text(session, e, text, sizeof text);
        lt_syscall_result_text(session, e, text, sizeof text);
        ask(session, e->args[1]);
        break;
    }
    case LT_EVENT_MODULE:
        look_at_text(((const struct lt_module *)(const void *)event)->path);
        break;
    case LT_EVENT_THREAD:
        look_at_text(((const struct lt_thread *)(const void *)event)->name);
        break;
    case LT_EVENT_PROCESS:
        look_at_text(((const struct lt_process *)(const void *)event)->path);
        break;
    case LT_EVENT_MAP: {
        const struct lt_map *e = (const void *)event;

        look_at_text(e->path);
        if (e->data != NULL) {
            look_at(e->data, e->end - e->start);
        }
        ask(session, e->start);
        break;
    }
    default:
        look_at(event, event->size);
        ask(session, 0);
        break;
    }
}

/* The kinds of callbacks differ only in the type of the event. */
#define DEFINE_CALLBACK(name, type)                                                      \
    static int name(lt_session *session, const struct type *event, void *user)           \
    {                                                                                    \
        (void)user;                                                                      \
        look_at_event(session, (const void *)event);                                     \
        return 0;                                                                        \
    }

DEFINE_CALLBACK(on_insn, lt_insn)
DEFINE_CALLBACK(on_reg_write, lt_reg_write)
DEFINE_CALLBACK(on_access, lt_mem_access)
DEFINE_CALLBACK(on_syscall, lt_syscall)
DEFINE_CALLBACK(on_module, lt_module)
DEFINE_CALLBACK(on_signal, lt_signal)
DEFINE_CALLBACK(on_thread, lt_thread)
DEFINE_CALLBACK(on_process, lt_process)
DEFINE_CALLBACK(on_map, lt_map)
DEFINE_CALLBACK(on_exit_event, lt_exit)

static int count_insn(lt_session *session, const struct lt_insn *event, void *user)
{
    (void)session;
    look_at(event->bytes, event->length);
    ++*(uint64_t *)user;
    return 0;
}

/* ---- The session ---- */

static void add_callbacks(lt_session *session, unsigned bits)
{
    static uint64_t count;
    struct lt_filter code, memory;

    lt_filter_init(&code, sizeof code);
    code.pc_start = 0x401000;
    code.pc_end = 0x401010;
    lt_filter_init(&memory, sizeof memory);
    memory.module = "a";
    memory.addr_start = 0x1000;
    memory.addr_end = UINT64_C(0x7fffffffffff);
    const struct lt_filter *f1 = bits & FUZZ_FILTER ? &code : NULL;
    const struct lt_filter *f2 = bits & FUZZ_FILTER ? &memory : NULL;
    if (bits & FUZZ_ONE_INSN) {
        lt_on_insn(session, f1, count_insn, &count);
        return;
    }
    if (bits & FUZZ_PULL) {
        lt_session_select(session, LT_KINDS_ALL, f2);
    }
    if (bits & FUZZ_CALLBACKS) {
        lt_on_insn(session, f1, on_insn, NULL);
        lt_on_insn(session, NULL, count_insn, &count);
        lt_on_reg_write(session, f1, on_reg_write, NULL);
        lt_on_mem_write(session, f2, on_access, NULL);
        lt_on_mem_read(session, f2, on_access, NULL);
        lt_on_syscall(session, NULL, on_syscall, NULL);
        lt_on_module(session, NULL, on_module, NULL);
        lt_on_signal(session, NULL, on_signal, NULL);
        lt_on_thread(session, NULL, on_thread, NULL);
        lt_on_process(session, NULL, on_process, NULL);
        lt_on_map(session, f2, on_map, NULL);
        lt_on_exit(session, NULL, on_exit_event, NULL);
    }
}

static lt_session *make_session(unsigned bits)
{
    static const char *const empty[] = {NULL};
    struct lt_config config;
    lt_session *session;

    lt_config_init(&config, sizeof config);
    config.program = "fuzz";
    config.envp = empty;
    config.flags = bits & FUZZ_MEMORY ? LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY : 0;
    config.threads = bits & FUZZ_PARALLEL ? LT_THREADS_PARALLEL : LT_THREADS_SERIAL;
    if (lt_session_create(&config, &session) != 0) {
        return NULL;
    }
    add_callbacks(session, bits);
    session->arena.control = control;
    session->callbacks.pull = bits & FUZZ_PULL;
    session->callbacks.memory = bits & FUZZ_MEMORY;
    session->state = LTI_SESSION_RUN;
    session->busy = true;
    control->threads = config.threads;
    lti_callbacks_wanted(&session->callbacks, control->ranges, &control->range_count,
                         &control->record);
    const struct lti_streams_config streams = {
        .arena = (uint8_t *)control,
        .session = session,
        .callbacks = &session->callbacks,
        .stop = &session->stop,
        .interpret = bits & FUZZ_INTERPRET,
        .compile = true,
    };
    if (lti_streams_create(&streams, &session->streams) != 0) {
        abort();
    }
    return session;
}

/* As lt_session_run() and lt_session_next() do.  False when it is over. */
static bool run(lt_session *session)
{
    for (int i = 0; i < ROUNDS; i++) {
        int state = lti_streams_next(session->streams);

        if (state != LTI_STREAMS_READY) {
            if (state == LT_ERR_STREAM) {
                look_at_text(lti_streams_problem(session->streams));
            }
            return state == LTI_STREAMS_IDLE;
        }
        struct lti_decoder *decoder = lti_streams_decoder(session->streams);
        if (!session->callbacks.pull) {
            state = lti_decoder_run(decoder);
        } else {
            const struct lt_event *event = NULL;

            while ((state = lti_decoder_step(decoder, &event)) == 1) {
                look_at_event(session, event);
            }
        }
        if (state != 0 && state != LTI_DECODER_BLOCKED) {
            look_at_text(lti_streams_problem(session->streams));
            return false;
        }
    }
    return false;
}

/* ---- The arena ---- */

static void put_records(struct input *in)
{
    uint32_t number = (uint32_t)take_number(in, 1) % FUZZ_STREAMS;
    size_t size = (size_t)take_number(in, 2) & ~(size_t)3;
    const uint8_t *bytes = take_span(in, &size);
    struct lti_stream *stream = &control->streams[number];

    if (written[number] + size > LTI_CHUNK_STRIDE) {
        return;
    }
    size &= ~(size_t)3;
    memcpy((uint8_t *)control + LTI_RING_OFFSET + number * LTI_RING_SIZE +
               written[number],
           bytes, size);
    written[number] += size;
    stream->chunks[0].committed = written[number];
}

static void put_block(struct input *in)
{
    uint32_t number = (uint32_t)take_number(in, 2) % FUZZ_BLOCKS;
    size_t size = (size_t)take_number(in, 2);
    const uint8_t *bytes = take_span(in, &size);
    uint8_t *slabs = (uint8_t *)control + LTI_DESC_OFFSET;
    uint64_t at = (LTI_SLAB_INDEX + descriptors + 15) & ~UINT64_C(15);
    uint32_t index = (uint32_t)(at / 16);

    if (at + size > LTI_SLAB_SIZE) {
        return;
    }
    memcpy(slabs + at, bytes, size);
    memcpy(slabs + number / LTI_SLAB_BLOCKS * LTI_SLAB_SIZE +
               4 * (number % LTI_SLAB_BLOCKS),
           &index, sizeof index);
    control->slabs[0] |= 1u << number / LTI_SLAB_BLOCKS;
    descriptors = at + size - LTI_SLAB_INDEX;
}

static void set_state(struct input *in)
{
    uint32_t number = (uint32_t)take_number(in, 1) % FUZZ_STREAMS;

    control->streams[number].state = (uint32_t)take_number(in, 1);
    if (control->stream_limit <= number) {
        control->stream_limit = number + 1;
    }
}

static void set_chunk(struct input *in)
{
    struct lti_stream *stream = &control->streams[take_number(in, 1) % FUZZ_STREAMS];
    struct lti_chunk *chunk = &stream->chunks[take_number(in, 1) % LTI_CHUNKS];

    chunk->committed = take_number(in, 4);
    chunk->closed = (uint32_t)take_number(in, 1);
}

static void poke(struct input *in)
{
    uint32_t at = (uint32_t)take_number(in, 4) % (uint32_t)sizeof *control;
    size_t size = (size_t)take_number(in, 1);
    const uint8_t *bytes = take_span(in, &size);

    if (size <= sizeof *control - at) {
        memcpy((uint8_t *)control + at, bytes, size);
    }
}

/* False when it is over. */
static bool play_part(lt_session *session, struct input *in)
{
    switch (take_number(in, 1) % FUZZ_PARTS) {
    case FUZZ_RECORDS:
        put_records(in);
        return true;
    case FUZZ_BLOCK:
        put_block(in);
        return true;
    case FUZZ_STATE:
        set_state(in);
        return true;
    case FUZZ_CHUNK:
        set_chunk(in);
        return true;
    case FUZZ_POKE:
        poke(in);
        return true;
    case FUZZ_END:
        control->engine_status = (int32_t)take_number(in, 4);
        control->engine_ended = 1;
        return true;
    default:
        return run(session);
    }
}

static void clear(void)
{
    if (control == NULL) {
        control = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (control == MAP_FAILED) {
            abort();
        }
    }
    /* Zeros again. */
    if (madvise(control, LTI_ARENA_SIZE, MADV_REMOVE) != 0) {
        abort();
    }
    memset(written, 0, sizeof written);
    descriptors = 0;
    asked = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned bits = (unsigned)take_number(&in, 2);
    bool going = true;
    int32_t status, signal;

    clear();
    lt_session *session = make_session(bits);
    if (session == NULL) {
        return 0;
    }
    while (in.left > 0 && going) {
        going = play_part(session, &in);
    }
    /* The supervisor's last word. */
    control->tree_ended = 1;
    if (going && run(session) == false &&
        !lti_streams_ended(session->streams, &status, &signal) &&
        lti_streams_finish(session->streams, 0, 9)) {
        run(session);
    }
    session->busy = false;
    session->arena.control = NULL; /* the target's own */
    lt_session_destroy(session);
    return 0;
}
