/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest waits at every instruction of the oracle's programs, and does the same as
 * without: the events of both runs are the same.  At each stop, the registers and the
 * memory that the engine gives are those that the decoder has worked out.
 */
#define _GNU_SOURCE
#include "sync-common.h"

struct trace {
    uint32_t arch;
    uint64_t *stops, *insns; /* a hash each */
    size_t stop_count, insn_count, stop_room, insn_room;
    uint64_t events; /* a hash of all but instructions */
    int writes;      /* the registers are written with what they are */
};

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void put(uint64_t **list, size_t *count, size_t *room, uint64_t value)
{
    if (*count == *room) {
        *room = *room ? 2 * *room : 1024;
        *list = realloc(*list, *room * sizeof **list);
        assert_non_null(*list);
    }
    (*list)[(*count)++] = value;
}

/* All that there is to see. */
static uint64_t state_hash(lt_session *session, const struct trace *t,
                           const struct lt_insn *insn)
{
    uint64_t hash = mix(1, &insn->pc, 8);
    uint8_t bytes[256];
    int n;

    hash = mix(hash, insn->bytes, insn->length);
    for (uint32_t i = 0; i < (uint32_t)lt_reg_count(t->arch); i++) {
        n = lt_reg_read_bytes(session, i, bytes, sizeof bytes);
        if (n == LT_ERR_UNSUPPORTED) {
            continue; /* the processor does not have it */
        }
        assert_true(n > 0);
        hash = mix(hash, bytes, (size_t)n);
    }
    n = lt_mem_read(session, reg(session, sp_reg(t->arch)) - 64, bytes, sizeof bytes);
    assert_true(n >= 0);
    return mix(hash, bytes, (size_t)n);
}

static int on_stop(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct trace *t = user;

    put(&t->stops, &t->stop_count, &t->stop_room, state_hash(session, t, insn));
    if (t->writes && t->stop_count % 61 == 0) {
        /* Everything is put back as it is. */
        for (uint32_t i = 0; i < (uint32_t)lt_reg_count(t->arch); i++) {
            uint8_t bytes[64];
            int n = lt_reg_read_bytes(session, i, bytes, sizeof bytes);
            int error = lt_reg_write_bytes(session, i, bytes, (uint32_t)n);

            assert_true(error == 0 || error == LT_ERR_UNSUPPORTED);
        }
    }
    return 0;
}

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct trace *t = user;

    put(&t->insns, &t->insn_count, &t->insn_room, state_hash(session, t, insn));
    return 0;
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    struct trace *t = user;

    (void)session;
    assert_int_equal(e->by, LT_BY_INSN);
    t->events = mix(mix(mix(t->events, &e->pc, 8), &e->reg, 4), e->data, e->width);
    return 0;
}

static int on_mem(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct trace *t = user;

    (void)session;
    t->events = mix(mix(mix(t->events, &e->type, 4), &e->addr, 8), e->data, e->length);
    t->events = mix(mix(t->events, &e->pc, 8), &e->by, 4);
    return 0;
}

static void trace(struct trace *t, struct run *run, uint32_t arch, const char *name,
                  int waits)
{
    struct lt_filter f = sync_filter();

    memset(t, 0, sizeof *t);
    t->arch = arch;
    t->writes = waits == 2;
    open_run(run, arch, name, NULL, NULL, LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY);
    if (waits)
        assert_int_equal(lt_on_insn(run->session, &f, on_stop, t), 0);
    assert_int_equal(lt_on_insn(run->session, NULL, on_insn, t), 0);
    assert_int_equal(lt_on_reg_write(run->session, NULL, on_reg, t), 0);
    assert_int_equal(lt_on_mem_write(run->session, NULL, on_mem, t), 0);
    assert_int_equal(lt_on_mem_read(run->session, NULL, on_mem, t), 0);
    do_run(run);
}

static void free_trace(struct trace *t, struct run *run)
{
    free(t->stops);
    free(t->insns);
    close_run(run);
}

static void compare(uint32_t arch, const char *name)
{
    struct trace plain, stopped;
    struct run plain_run, stopped_run;

    if (guest_path(arch, name) == NULL)
        return;
    trace(&plain, &plain_run, arch, name, 0);
    for (int waits = 1; waits < 3; waits++) {
        trace(&stopped, &stopped_run, arch, name, waits);
        assert_int_equal(stopped_run.result.kind, plain_run.result.kind);
        assert_int_equal(stopped_run.result.status, plain_run.result.status);
        assert_int_equal(stopped_run.result.signal, plain_run.result.signal);
        assert_string_equal(stopped_run.output, plain_run.output);
        assert_int_equal(stopped.insn_count, plain.insn_count);
        assert_memory_equal(stopped.insns, plain.insns, plain.insn_count * 8);
        assert_true(stopped.events == plain.events);
        /* An instruction that ends the guest with a fault is no event. */
        assert_in_range(stopped.stop_count, stopped.insn_count,
                        stopped.insn_count + (plain_run.result.signal != 0));
        assert_memory_equal(stopped.stops, plain.insns, plain.insn_count * 8);
        free_trace(&stopped, &stopped_run);
    }
    free_trace(&plain, &plain_run);
}

static void test_x86_64(void **state)
{
    static const char *const names[] = {"avx",
                                        "fsgsbase",
                                        "loop",
                                        "protect",
                                        "segment",
                                        "selector",
                                        "smc",
                                        "sse",
                                        "stack",
                                        "string",
                                        "switch",
                                        "x87",
                                        "fault-divide",
                                        "fault-read",
                                        "fault-rep",
                                        "fault-illegal",
                                        "fault-rep-first",
                                        "fault-jump"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        compare(LT_ARCH_X86_64, names[i]);
}

static void test_aarch64(void **state)
{
    static const char *const names[] = {
        "exclusive", "flags",  "loop",       "memory",       "mops",         "neon",
        "smc",       "switch", "fault-read", "fault-second", "fault-illegal"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        compare(LT_ARCH_AARCH64, names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x86_64),
        cmocka_unit_test(test_aarch64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
