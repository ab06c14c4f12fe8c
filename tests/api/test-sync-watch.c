/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watch points tell what callbacks of the same range tell in a run without them, and the
 * guest waits behind each access (see touch() in tests/guests/control/sync.c). */
#define _GNU_SOURCE
#include "sync-common.h"

#define MOST 4096

struct access {
    uint64_t pc, addr;
    uint32_t length, by, type;
    uint8_t data[64];
};

struct watch {
    uint64_t start, size;
    struct access list[MOST];
    size_t count;
    uint32_t access;
    int removed, ids[2];
    size_t live; /* accesses after which memory was looked at */
};

static void keep(struct watch *w, const struct lt_mem_access *e)
{
    struct access *a = &w->list[w->count++];

    assert_true(w->count < MOST);
    assert_true(e->addr < w->start + w->size && e->addr + e->length > w->start);
    *a = (struct access){e->pc, e->addr, e->length, e->by, e->type, {0}};
    memcpy(a->data, e->data, e->length < 64 ? e->length : 64);
}

static int on_watch(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct watch *w = user;
    uint8_t now[64];
    uint32_t size = e->length < 64 ? e->length : 64;

    keep(w, e);
    /* What was written is there, unless the same instruction wrote it again. */
    assert_int_equal(lt_mem_read(session, e->addr, now, size), size);
    w->live += memcmp(now, e->data, size) == 0;
    return 0;
}

static int on_access(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct watch *w = user;

    (void)session;
    if (w->size && e->addr < w->start + w->size && e->addr + e->length > w->start)
        keep(w, e);
    return 0;
}

static int on_tell(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct watch *w = user;

    if (call->nr == TELL && call->phase == LT_PHASE_ENTER) {
        w->start = call->args[0];
        w->size = 8;
        if (w->access)
            assert_true(lt_watch_add(session, w->start, w->size, w->access, on_watch, w) >
                        0);
    }
    return 0;
}

/* With lt_on_mem_*(), nobody waits. */
static void list_plain(struct watch *w, struct run *run, uint32_t arch, uint32_t access)
{
    memset(w, 0, sizeof *w);
    open_run(run, arch, "control-sync", "touch", NULL, 0);
    assert_int_equal(lt_on_syscall(run->session, NULL, on_tell, w), 0);
    if (access & LT_ACCESS_READ)
        assert_int_equal(lt_on_mem_read(run->session, NULL, on_access, w), 0);
    if (access & LT_ACCESS_WRITE)
        assert_int_equal(lt_on_mem_write(run->session, NULL, on_access, w), 0);
    do_run(run);
}

static void same_list(const struct watch *a, const struct watch *b)
{
    assert_true(a->count > 10);
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (memcmp(&a->list[i], &b->list[i], sizeof a->list[i]) != 0)
            fail_msg("access %zu: %u at %#" PRIx64 " by %#" PRIx64 ", not %u at %#" PRIx64
                     " by %#" PRIx64,
                     i, b->list[i].type, b->list[i].addr, b->list[i].pc, a->list[i].type,
                     a->list[i].addr, a->list[i].pc);
    }
    assert_int_equal(a->count, b->count);
}

static struct watch plain, watched;

static void test_point(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        for (uint32_t access = 1; access < 4; access++) {
            struct lt_filter f = sync_filter();
            struct run plain_run, run;

            list_plain(&plain, &plain_run, arch, access);
            memset(&watched, 0, sizeof watched);
            watched.access = access;
            open_run(&run, arch, "control-sync", "touch", NULL, 0);
            assert_int_equal(lt_on_syscall(run.session, &f, on_tell, &watched), 0);
            do_run(&run);
            same_list(&plain, &watched);
            /* fxsave and xsave read back; nearly all others find what they wrote. */
            assert_true(watched.live + 2 >= watched.count);
            assert_string_equal(run.output, plain_run.output);
            close_run(&run);
            close_run(&plain_run);
        }
    }
}

/* The same with callbacks whose filters have the range, from the start on. */
static void test_filter(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct lt_filter f = sync_filter();
        struct run plain_run, run;
        uint64_t from;

        list_plain(&plain, &plain_run, arch, 3);
        from = plain.start;
        close_run(&plain_run);
        open_run(&plain_run, arch, "control-sync", "touch", NULL, 0);
        memset(&plain, 0, sizeof plain);
        plain.start = from;
        plain.size = 8;
        assert_int_equal(lt_on_mem_read(plain_run.session, NULL, on_access, &plain), 0);
        assert_int_equal(lt_on_mem_write(plain_run.session, NULL, on_access, &plain), 0);
        do_run(&plain_run);

        memset(&watched, 0, sizeof watched);
        watched.start = from;
        watched.size = 8;
        f.addr_start = from;
        f.addr_end = from + 8;
        open_run(&run, arch, "control-sync", "touch", NULL,
                 LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY);
        assert_int_equal(lt_on_mem_read(run.session, &f, on_watch, &watched), 0);
        assert_int_equal(lt_on_mem_write(run.session, &f, on_watch, &watched), 0);
        do_run(&run);
        same_list(&plain, &watched);
        assert_string_equal(run.output, plain_run.output);
        close_run(&run);
        close_run(&plain_run);
    }
}

/* Removed in its own callback, and back again. */
static int once(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct watch *w = user;

    keep(w, e);
    assert_int_equal(lt_point_remove(session, w->ids[0]), 0);
    w->removed++;
    return 0;
}

static int add_once(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct watch *w = user;

    if (call->nr == TELL && call->phase == LT_PHASE_ENTER) {
        w->start = call->args[0];
        w->size = 8;
    }
    /* From then on: at most one access a system call. */
    if (w->size && call->phase == LT_PHASE_ENTER && w->removed == (int)w->count) {
        if (w->ids[0])
            lt_point_remove(session, w->ids[0]);
        w->ids[0] = lt_watch_add(session, w->start, 8, LT_ACCESS_WRITE, once, w);
        assert_true(w->ids[0] > 0);
    }
    return 0;
}

static void test_remove(void **state)
{
    (void)state;
    FOR_EACH_ARCH(arch)
    {
        struct lt_filter f = sync_filter();
        struct run run;

        memset(&watched, 0, sizeof watched);
        open_run(&run, arch, "control-sync", "touch", NULL, 0);
        assert_int_equal(lt_on_syscall(run.session, &f, add_once, &watched), 0);
        do_run(&run);
        assert_in_range(watched.count, 2, 3); /* memset(), and the read() */
        assert_string_equal(run.output, "read 456789\ntouched 1\n");
        close_run(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_point),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
