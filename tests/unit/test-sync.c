/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stops that an engine tells of, and its answers, when it lies, is silent or dies: a
 * thread stands in for it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "decode.h"
#include "session.h"

static uint8_t *arena;
static lt_session session;
static struct lti_slabs *slabs;
static struct lti_paths *paths;
static struct lti_decoder *decoder;
static uint64_t seq, stamp, insns_left;

static uint8_t stream[4096];
static size_t stream_size;

/* How the engine answers. */
static enum { HONEST, TOO_MUCH, NEGATIVE, DIES } mode;
static atomic_bool ended;
static int insns;

static struct lti_stream *shared(void)
{
    return &session.sync.control->streams[0];
}

static void *engine(void *unused)
{
    struct lti_mail *mail = &shared()->mail;
    uint32_t done = 0;

    (void)unused;
    while (!atomic_load(&ended)) {
        if (__atomic_load_n(&mail->asked, __ATOMIC_SEQ_CST) == done) {
            usleep(100);
            continue;
        }
        if (mode == DIES && mail->op != LTI_ASK_GO) {
            uint32_t died = LTI_OWNER_DIED;

            memcpy(shared()->alive, &died, 4);
            return NULL;
        }
        mail->result = mode == TOO_MUCH   ? INT32_MAX
                       : mode == NEGATIVE ? -5
                                          : (int32_t)mail->size / 2;
        memset(arena + LTI_MAIL_OFFSET, 'x', 64);
        __atomic_store_n(&mail->answered, ++done, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static int on_insn(lt_session *of, const struct lt_insn *insn, void *user)
{
    char bytes[16];
    uint64_t value;

    (void)user;
    insns++;
    assert_true(of == &session);
    assert_true(insn->pc == 0x1000);
    assert_int_equal(insn->length, 3);
    assert_memory_equal(insn->bytes, "abc", 3);
    /* No register file has come. */
    assert_int_equal(lt_reg_read(of, 0, &value), LT_ERR_STATE);
    assert_int_equal(lt_reg_write(of, 0, 1), LT_ERR_STATE);
    assert_int_equal(lt_syscall_return(of, 0), LT_ERR_STATE);
    switch (mode) {
    case HONEST:
        assert_int_equal(lt_mem_read(of, 0x2000, bytes, 16), 8);
        assert_memory_equal(bytes, "xxxxxxxx", 8);
        assert_int_equal(lt_mem_write(of, 0x2000, bytes, 16), 8);
        assert_true(lt_break_add(of, 0x1000, on_insn, NULL) > 0);
        break;
    case DIES:
        assert_int_equal(lt_mem_read(of, 0x2000, bytes, 16), LT_ERR_STATE);
        assert_int_equal(lt_mem_write(of, 0x2000, bytes, 16), LT_ERR_STATE);
        break;
    default:
        assert_int_equal(lt_mem_read(of, 0x2000, bytes, 16), 0);
        assert_int_equal(lt_mem_write(of, 0x2000, bytes, 16), 0);
        break;
    }
    return 0;
}

static int on_write(lt_session *of, const struct lt_mem_access *e, void *user)
{
    (void)of;
    assert_int_equal(e->by, LT_BY_HOST);
    assert_true(e->addr == 0x2000 && e->length == 8 && e->pc == 0x1000);
    ++*(int *)user;
    return 0;
}

static void put(const void *bytes, size_t size)
{
    assert_true(stream_size + size <= sizeof stream);
    memcpy(stream + stream_size, bytes, size);
    stream_size += size;
}

static void put32(uint32_t v)
{
    put(&v, 4);
}

static void put_process(void)
{
    const uint32_t words[] = {LTI_SPECIAL_HEAD(LTI_S_PROCESS, 28),
                              (uint32_t)getpid(),
                              1,
                              0,
                              LT_ARCH_X86_64,
                              LTI_PROCESS_START,
                              0};

    stream_size = 0;
    put(words, sizeof words);
}

static void put_sync(uint32_t why, uint32_t length, uint32_t size)
{
    static const char code[16] = "abc";
    uint64_t pc = 0x1000;

    put32(LTI_SPECIAL_HEAD(LTI_S_SYNC, size));
    put32(why);
    put32(length);
    put(&pc, 8);
    put(code, 16);
}

static int written;

static void open_session(bool sync)
{
    static atomic_bool stop;
    struct lti_decoder_config config = {.arena = arena,
                                        .session = &session,
                                        .callbacks = &session.callbacks,
                                        .seq = &seq,
                                        .stamp = &stamp,
                                        .insns_left = &insns_left,
                                        .stop = &stop};

    insns_left = INT64_MAX;
    memset(&session, 0, sizeof session);
    arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(arena != MAP_FAILED);
    session.callbacks.list[LT_EVENT_INSN][0] = (struct lti_callback){
        .fn = {.insn = on_insn}, .filter = {.flags = LT_FILTER_SYNC}};
    session.callbacks.count[LT_EVENT_INSN] = 1;
    session.callbacks.sync[LT_EVENT_INSN] = 1;
    session.callbacks.list[LT_EVENT_MEM_WRITE][0] =
        (struct lti_callback){.fn = {.mem = on_write}, .user = &written};
    session.callbacks.count[LT_EVENT_MEM_WRITE] = 1;
    lti_sync_start(&session.sync, &session.callbacks, (void *)arena);
    assert_int_equal(session.sync.control->sync, 1);
    session.state = LTI_SESSION_RUN;
    config.arena = arena;
    config.sync = sync ? &session.sync : NULL;
    assert_int_equal(lti_slabs_create(arena, &slabs), 0);
    assert_int_equal(lti_paths_create(&paths), 0);
    config.slabs = slabs;
    config.paths = paths;
    assert_int_equal(lti_decoder_create(&config, &decoder), 0);
    insns = written = 0;
    put_process();
}

static int run(void)
{
    lti_decoder_feed(decoder, stream, stream + stream_size);
    return lti_decoder_run(decoder);
}

static void close_session(void)
{
    lti_decoder_destroy(decoder);
    lti_slabs_destroy(slabs);
    lti_paths_destroy(paths);
    lti_sync_free(&session.sync);
    munmap(arena, LTI_ARENA_SIZE);
}

static void test_malformed(void **state)
{
    (void)state;
    for (int bad = 0; bad < 5; bad++) {
        open_session(bad != 4);
        switch (bad) {
        case 0:
            put_sync(LTI_STOP_CALL + 1, 3, 36);
            break;
        case 1:
            put_sync(LTI_STOP_INSN, 17, 36);
            break;
        case 2:
            put_sync(LTI_STOP_INSN, 3, 32);
            stream_size -= 4;
            break;
        case 3:
            put_sync(LTI_STOP_INSN, 3, 36);
            stream_size -= 4;
            break;
        default: /* nobody has asked for stops */
            put_sync(LTI_STOP_INSN, 3, 36);
            break;
        }
        assert_int_equal(run(), LT_ERR_STREAM);
        assert_int_equal(insns, 0);
        close_session();
    }
}

static void test_answers(void **state)
{
    (void)state;
    for (int how = HONEST; how <= DIES; how++) {
        pthread_t thread;

        mode = how;
        open_session(true);
        atomic_store(&ended, false);
        assert_int_equal(pthread_create(&thread, NULL, engine, NULL), 0);
        put_sync(LTI_STOP_INSN, 3, 36);
        assert_int_equal(run(), 0);
        /* The point that was added in the callback is not for this stop. */
        assert_int_equal(insns, 1);
        assert_int_equal(written, how == HONEST);
        assert_null(session.sync.decoder);
        assert_int_equal(lt_reg_write(&session, 0, 1), LT_ERR_STATE);
        atomic_store(&ended, true);
        pthread_join(thread, NULL);
        close_session();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
