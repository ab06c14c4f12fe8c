/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder: records of each kind, made by hand, in the callback form and in the pull
 * form; and callbacks that end the run.
 */
#include <string.h>

#include "decode-model.h"

static void test_parts(void **state)
{
    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin_all(LT_ARCH_X86_64, pull);
        three_insns(0);
        for (uint32_t count = 0; count < 6; count++) {
            for (uint32_t slots = 0; slots <= 32; slots += 4) {
                bool fits = count >= 1 && count <= 3 && slots == 8 * count;

                stream.size = 0;
                put_start();
                put_part(1, count, slots);
                put_part(1, 3, 24); /* what was cut is whole again */
                assert_int_equal(decode(&got), fits ? 0 : LT_ERR_STREAM);
                assert_int_equal(got.count, fits ? 2 * count + 6 : 0);
                check_seq(&got);
            }
        }
        /* A head alone, or half of one. */
        for (uint32_t size = 4; size < 12; size += 4) {
            stream.size = 0;
            put_start();
            put_head(LTI_S_PART, size);
            put64(1);
            put64(1);
            assert_int_equal(decode(&got), LT_ERR_STREAM);
        }
    }
}

static void test_repeats(void **state)
{
    struct plan *p = &plans[1];

    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin_all(LT_ARCH_X86_64, pull);
        new_plan(p, 0x1000);
        add_insn(p, LTI_INSN_REPEATS);
        add_setreg(p, LT_X86_64_RCX, add_slot(p, true), false);
        write_block(p, 1);
        new_plan(p, 0x1004);
        add_insn(p, 0);
        write_block(p, 2);
        put_start();
        for (uint64_t rcx = 3; rcx; rcx--) {
            put32(1);
            put64(rcx - 1);
        }
        put32(2);
        put32(1);
        put64(9);
        assert_int_equal(decode(&got), 0);
        check_seq(&got);
        static const uint32_t types[] = {
            LT_EVENT_INSN, LT_EVENT_REG_WRITE, LT_EVENT_REG_WRITE, LT_EVENT_REG_WRITE,
            LT_EVENT_INSN, LT_EVENT_INSN,      LT_EVENT_REG_WRITE,
        };
        assert_int_equal(got.count, COUNT(types));
        for (unsigned i = 0; i < COUNT(types); i++) {
            assert_int_equal(got.entries[i].type, types[i]);
        }
        assert_int_equal(got.entries[3].v[1], 0);
    }
}

static void test_stats(void **state)
{
    struct lt_stats stats = {.size = sizeof stats};

    (void)state;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    three_insns(0);
    put_start();
    put_part(1, 2, 16);
    put32(1);
    put64(1);
    put64(2);
    put64(3);
    open_decoder(&got);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(take_all(), 0);
    lti_decoder_stats(run.decoder, &stats);
    assert_int_equal(stats.size, sizeof stats);
    assert_int_equal(stats.insns, 5);
    assert_int_equal(stats.blocks, 1);
    assert_int_equal(stats.stream_bytes, stream.size);
    assert_int_equal(lti_decoder_events(run.decoder), 10);
    close_decoder();
}

/* Writes that a register record makes, and what it counts. */
static void check_regs(uint32_t arch, uint32_t reason, uint32_t skip,
                       const uint64_t *after, const uint32_t *written, unsigned count,
                       unsigned mismatches)
{
    unsigned regs = arch == LT_ARCH_X86_64 ? LTI_X86_REGS : LTI_A64_REGS;
    struct lt_stats stats = {.size = sizeof stats};

    for (int pull = 0; pull < 2; pull++) {
        struct log *log = &got;

        begin_all(arch, pull);
        new_plan(&plans[1], 0x1000);
        add_insn(&plans[1], 0);
        write_block(&plans[1], 1);
        put_start();
        put32(1);
        put_regs(reason, skip, after, regs);
        open_decoder(log);
        lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
        assert_int_equal(take_all(), 0);
        lti_decoder_stats(run.decoder, &stats);
        assert_int_equal(stats.register_mismatches, mismatches);
        close_decoder();
        check_seq(log);
        if (log->count != 1 + count) {
            for (unsigned i = 0; i < log->count; i++) {
                show("event", &log->entries[i]);
            }
            fail_msg("reason %u of architecture %u, pull form %d", reason, arch, pull);
        }
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(log->entries[1 + i].type, LT_EVENT_REG_WRITE);
            assert_int_equal(log->entries[1 + i].pc, 0x1000);
            assert_int_equal(log->entries[1 + i].v[0], written[i]);
            if (written[i] != flags_reg()) {
                assert_int_equal(log->entries[1 + i].v[1], after[written[i]]);
            }
        }
    }
}

/* Which registers a helper's register record tells as written, when all were 0. */
static void check_wide(uint32_t arch, const uint64_t *after, const uint32_t *written,
                       unsigned count)
{
    uint64_t before[LTI_MAX_REGS] = {0};
    unsigned regs = lti_arch_info(arch)->word_count;

    for (int pull = 0; pull < 2; pull++) {
        begin_all(arch, pull);
        new_plan(&plans[1], 0x1000);
        add_insn(&plans[1], 0);
        write_block(&plans[1], 1);
        before[LTI_X86_DF] = arch == LT_ARCH_X86_64;
        put_process(100, 200);
        put_regs(LTI_REGS_START, 0, before, regs);
        put32(1);
        put_regs(LTI_REGS_HELPER, 0, after, regs);
        assert_int_equal(decode(&got), 0);
        assert_int_equal(got.count, 1 + count);
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(got.entries[1 + i].type, LT_EVENT_REG_WRITE);
            assert_int_equal(got.entries[1 + i].v[0], written[i]);
        }
    }
}

static void test_register_records(void **state)
{
    uint64_t after[LTI_MAX_REGS] = {0};

    (void)state;
    after[LTI_X86_DF] = 1;
    check_regs(LT_ARCH_X86_64, LTI_REGS_START, 0, after, NULL, 0, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_HELPER, 0, after, NULL, 0, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_CHECK, 0, after, NULL, 0, 0);
    /* The result of a system call is written though it is the same. */
    check_regs(LT_ARCH_X86_64, LTI_REGS_KERNEL, 0, after, (uint32_t[]){0}, 1, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_KERNEL, 1, after, NULL, 0, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_SYSCALL, 0, after, (uint32_t[]){1, 11}, 2, 0);
    after[3] = 1;
    after[8] = 2;
    after[LT_X86_64_RIP] = 77;           /* is no event */
    after[LTI_X86_CC_OP] = LTI_CC_LOGIC; /* a result of 0 */
    check_regs(LT_ARCH_X86_64, LTI_REGS_START, 0, after, NULL, 0, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_HELPER, 0, after, (uint32_t[]){3, 8}, 2, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_HELPER, 4, after, (uint32_t[]){8}, 1, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_SIGNAL, 0, after, (uint32_t[]){3, 8, 17}, 3, 0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_KERNEL, 0, after, (uint32_t[]){0, 3, 8, 17}, 4,
               0);
    check_regs(LT_ARCH_X86_64, LTI_REGS_CHECK, 0, after, NULL, 0, 3);
    check_regs(LT_ARCH_X86_64, LTI_REGS_CHECK, 4, after, NULL, 0, 2);
    check_regs(LT_ARCH_X86_64, LTI_REGS_SYSCALL, 0, after, (uint32_t[]){1, 11}, 2, 3);
    check_regs(LT_ARCH_X86_64, LTI_REGS_HELPER, UINT32_MAX, after, (uint32_t[]){3, 8}, 2,
               0);

    memset(after, 0, sizeof after);
    check_regs(LT_ARCH_AARCH64, LTI_REGS_SYSCALL, 0, after, NULL, 0, 0);
    check_regs(LT_ARCH_AARCH64, LTI_REGS_KERNEL, 0, after, (uint32_t[]){0}, 1, 0);
    after[30] = 5;
    after[LT_AARCH64_SP] = 6;
    after[LT_AARCH64_PC] = 7;
    after[LTI_A64_CF] = 1;
    check_regs(LT_ARCH_AARCH64, LTI_REGS_HELPER, 0, after, (uint32_t[]){30, 31, 33}, 3,
               0);
    check_regs(LT_ARCH_AARCH64, LTI_REGS_SIGNAL, 0, after, (uint32_t[]){30, 31, 33}, 3,
               0);
    check_regs(LT_ARCH_AARCH64, LTI_REGS_CHECK, 0, after, NULL, 0, 3);

    /* Of the two names of a vector register, the one whose part changed. */
    memset(after, 0, sizeof after);
    after[LTI_X86_DF] = 1;
    after[LTI_X86_YMM + 4 * 2] = 5;
    after[LTI_X86_YMM + 4 * 3 + 2] = 6;
    check_wide(LT_ARCH_X86_64, after,
               (uint32_t[]){LT_X86_64_XMM0 + 2, LT_X86_64_YMM0 + 3}, 2);
    memset(after, 0, sizeof after);
    after[LTI_X86_DF] = 1;
    after[LTI_X86_SELECTORS] = 0x2b;
    after[LTI_X86_FLOAT] = LTI_FLOAT_INEXACT;
    after[LTI_X86_FPR + 2 * 7 + 1] = 0x4000;
    check_wide(LT_ARCH_X86_64, after,
               (uint32_t[]){LT_X86_64_ES, LT_X86_64_MXCSR, LT_X86_64_FPR0 + 7}, 3);
    memset(after, 0, sizeof after);
    after[LTI_A64_FLOAT] = LTI_FLOAT_INVALID;
    after[LTI_A64_QC + 1] = 1;
    after[LTI_A64_TPIDR] = 7;
    after[LTI_A64_V + 2 * 31 + 1] = 1;
    check_wide(LT_ARCH_AARCH64, after,
               (uint32_t[]){LT_AARCH64_FPSR, LT_AARCH64_TPIDR_EL0, LT_AARCH64_V0 + 31},
               3);
}

static void test_syscalls(void **state)
{
    const uint64_t args[6] = {UINT64_MAX - 99, 0x5000, 2, 3, 4, 5};
    char text[4200];

    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin_all(LT_ARCH_X86_64, pull);
        put_start();
        put_syscall(0x1234, 257, args, "/etc/passwd");
        put_sysret(0x1234, 257, -2);
        put_sysret(0x1234, 257, -4096); /* no error */
        put_syscall(0x1238, 39, args, NULL);
        put_sysret(0x1238, 39, 55);
        assert_int_equal(decode(&got), 0);
        check_seq(&got);
        assert_int_equal(got.count, 5);
        assert_int_equal(got.entries[0].v[0], LT_PHASE_ENTER);
        assert_int_equal(got.entries[0].v[1], 257);
        assert_int_equal(got.entries[0].pc, 0x1234);
        assert_int_equal(got.entries[0].v[4], hash_bytes(1, args, sizeof args));
        assert_int_equal(got.entries[0].v[5], hash_bytes(2, "/etc/passwd", 11));
        assert_int_equal(got.entries[1].v[0], LT_PHASE_RETURN);
        assert_int_equal(got.entries[1].v[2], -2);
        assert_int_equal(got.entries[1].v[3], 2);
        assert_int_equal(got.entries[1].v[5], got.entries[0].v[5]);
        assert_int_equal(got.entries[2].v[3], 0);
        assert_int_equal(got.entries[3].v[5], 1);
        assert_int_equal(got.entries[4].v[2], 55);
        /* Strings of every length up to the limit, and then no further. */
        for (size_t length = 0; length < sizeof text; length += 1 + length % 61) {
            memset(text, 'x', length);
            text[length] = 0;
            stream.size = 0;
            put_start();
            put_syscall(0x1234, 257, args, text);
            assert_int_equal(decode(&got), length < 4096 ? 0 : LT_ERR_STREAM);
        }
        /* A return of another call. */
        stream.size = 0;
        put_start();
        put_syscall(0x1234, 257, args, NULL);
        put_sysret(0x1234, 256, 0);
        assert_int_equal(decode(&got), LT_ERR_STREAM);
        /* Every wrong size. */
        for (uint32_t size = 4; size < 100; size += 4) {
            stream.size = 0;
            put_start();
            put_head(LTI_S_SYSCALL, size);
            for (uint32_t i = 4; i < size; i += 4) {
                put32(0);
            }
            assert_int_equal(decode(&got),
                             size >= 68 && (size - 68) % 16 == 0 ? 0 : LT_ERR_STREAM);
        }
    }
}

/* What the last system call led to. */
static uint32_t piece_count;
static struct lt_syscall_data first_piece, last_piece;
static uint8_t last_bytes[8];

static int on_pieces(lt_session *s, const struct lt_syscall *e, void *user)
{
    (void)s;
    (void)user;
    piece_count = e->data_count;
    if (e->data_count) {
        first_piece = e->data[0];
        last_piece = e->data[e->data_count - 1];
        memcpy(last_bytes, last_piece.data,
               last_piece.length < 8 ? last_piece.length : 8);
        assert_int_equal(last_piece.data[last_piece.length], 0);
    }
    return 0;
}

/* Copied memory comes with the entry, and with the return behind that of the entry. */
static void test_captures(void **state)
{
    const uint64_t args[6] = {3, 0x5000, 0x6000};

    (void)state;
    begin(LT_ARCH_X86_64);
    no_callbacks();
    add_callback(LT_EVENT_SYSCALL);
    run.callbacks.list[LT_EVENT_SYSCALL][0].fn.syscall = on_pieces;
    put_start();
    put_syscall(0x1234, 257, args, "abc");
    assert_int_equal(decode(&got), 0);
    assert_int_equal(piece_count, 1);
    assert_int_equal(last_piece.addr, 0x5000);
    assert_int_equal(last_piece.length, 3);
    assert_int_equal(last_piece.phase, LT_PHASE_ENTER);
    assert_int_equal(last_piece.is_string, 1);
    stream.size = 0;
    put_start();
    put_syscall(0x1234, 257, args, "abc");
    put_head(LTI_S_SYSRET, 28 + 2 * (16 + 4) + 16);
    put64(0x1234);
    put32(257);
    put32(0);
    put64(0);
    for (uint32_t i = 0; i < 2; i++) {
        put32(2);
        put32(4 - i); /* padded */
        put64(0x6000 + i);
        put32(0x44332211);
    }
    put32(5);
    put32(0);
    put64(0);
    assert_int_equal(decode(&got), 0);
    assert_int_equal(piece_count, 4);
    assert_int_equal(first_piece.addr, 0x5000);
    assert_int_equal(last_piece.addr, 0);
    assert_int_equal(last_piece.arg, 5);
    assert_int_equal(last_piece.length, 0);
    assert_int_equal(last_piece.phase, LT_PHASE_RETURN);
    /* The next call does not have them any more. */
    put_syscall(0x1234, 39, args, NULL);
    assert_int_equal(decode(&got), 0);
    assert_int_equal(piece_count, 0);
    /* An argument that cannot be, too many bytes, more than the record has. */
    for (unsigned bad = 0; bad < 4; bad++) {
        stream.size = 0;
        put_start();
        put_head(LTI_S_SYSCALL, 68 + 16 + (bad == 1 ? 4100 : 4));
        put64(0x1234);
        put32(257);
        put32(0);
        put(args, 48);
        put32(bad == 0 ? 6 : 0);
        put32(bad == 1 ? 4097 : bad == 2 ? 5 : bad == 3 ? UINT32_MAX : 4);
        put64(0x5000);
        for (unsigned i = 0; i < (bad == 1 ? 1025u : 1u); i++) {
            put32(0);
        }
        assert_int_equal(decode(&got), LT_ERR_STREAM);
    }
}

static void test_modules(void **state)
{
    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin_all(LT_ARCH_X86_64, pull);
        put_start();
        put_map(LTI_S_MAP, 0x10000, 0x20000, 0x3000, "/lib/one");
        put_map(LTI_S_MAP, 0x14000, 0x15000, 0, "/lib/two"); /* over the middle */
        put_map(LTI_S_UNMAP, 0x0, 0x12000, 0, NULL);
        put_map(LTI_S_UNMAP, 0x70000, 0x80000, 0, NULL); /* nothing there */
        put_exit(0, 11);
        put_exit(1, 0); /* one is enough */
        assert_int_equal(decode(&got), 0);
        check_seq(&got);
        static const struct {
            uint64_t op, start, end, offset;
        } should[] = {
            {LT_MODULE_MAP, 0x10000, 0x20000, 0x3000},
            {LT_MODULE_UNMAP, 0x14000, 0x15000, 0x7000},
            {LT_MODULE_MAP, 0x14000, 0x15000, 0},
            {LT_MODULE_UNMAP, 0x10000, 0x12000, 0x3000},
        };
        assert_int_equal(got.count, COUNT(should) + 1);
        for (unsigned i = 0; i < COUNT(should); i++) {
            assert_int_equal(got.entries[i].type, LT_EVENT_MODULE);
            assert_int_equal(got.entries[i].v[0], should[i].op);
            assert_int_equal(got.entries[i].v[1], should[i].start);
            assert_int_equal(got.entries[i].v[2], should[i].end);
            assert_int_equal(got.entries[i].v[3], should[i].offset);
        }
        assert_int_equal(got.entries[4].type, LT_EVENT_EXIT);
        assert_int_equal(got.entries[4].v[1], 11);
        /* Empty and backward ranges. */
        for (unsigned kind = LTI_S_MAP; kind <= LTI_S_UNMAP; kind++) {
            for (uint64_t end = 0x1000; end <= 0x3000; end += 0x1000) {
                stream.size = 0;
                put_start();
                put_map(kind, 0x2000, end, 0, "/x");
                assert_int_equal(decode(&got), end > 0x2000 ? 0 : LT_ERR_STREAM);
            }
        }
    }
}

/* A filter's module is where the code is when its block is first seen; after
 * LTI_S_FORGET it is looked at again. */
static void test_module_filter(void **state)
{
    (void)state;
    begin(LT_ARCH_X86_64);
    no_callbacks();
    add_callback(LT_EVENT_INSN)->module = "one";
    add_callback(LT_EVENT_INSN)->module = "/lib/two";
    add_callback(LT_EVENT_MODULE)->module = "two";
    three_insns(0);
    put_start();
    for (int i = 0; i < 3; i++) {
        static const char *const paths[] = {"/lib/one", "/lib/two", "/lib/three"};

        put_map(LTI_S_MAP, 0x1000, 0x2000, 0, paths[i]);
        put_head(LTI_S_FORGET, 4);
        put_slab();
        put32(1);
        put64(1);
        put64(2);
        put64(3);
    }
    assert_int_equal(decode(&got), 0);
    check_seq(&got);
    static const struct {
        uint32_t type, who;
    } should[] = {
        {LT_EVENT_INSN, 0}, {LT_EVENT_INSN, 0}, {LT_EVENT_INSN, 0}, {LT_EVENT_MODULE, 0},
        {LT_EVENT_INSN, 1}, {LT_EVENT_INSN, 1}, {LT_EVENT_INSN, 1}, {LT_EVENT_MODULE, 0},
    };
    assert_int_equal(got.count, COUNT(should));
    for (unsigned i = 0; i < COUNT(should); i++) {
        assert_int_equal(got.entries[i].type, should[i].type);
        assert_int_equal(got.entries[i].who, should[i].who);
    }
}

static bool slab_in_use(void)
{
    return control()->slabs[0] & 1;
}

/* After LTI_S_FORGET, the slab is free and its numbers may be other blocks'; what was
 * executing goes on. */
static void test_forget(void **state)
{
    (void)state;
    control()->slabs[0] = UINT64_MAX;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    new_plan(&plans[1], 0x1000);
    add_insn(&plans[1], 0);
    write_block(&plans[1], 1);
    open_decoder(&got);
    put_start();
    put32(1);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(take_all(), 0);
    assert_int_equal(run.slabs->users[0], 1);
    assert_non_null(run.slabs->blocks[1]);
    /* The engine has no right to change it now, and it makes no difference. */
    new_plan(&plans[1], 0x2000);
    add_insn(&plans[1], 0);
    write_block(&plans[1], 1);
    stream.size = 0;
    put32(1);
    put_head(LTI_S_FORGET, 4);
    put_access(LTI_S_WRITE, 0, "x", 1); /* the old one still goes on */
    put_head(LTI_S_FORGET, 4);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_true(slab_in_use());
    assert_int_equal(take_all(), 0);
    assert_int_equal(run.slabs->users[0], 0);
    assert_null(run.slabs->blocks[1]);
    assert_false(slab_in_use());
    assert_int_equal(control()->slabs[0], UINT64_MAX - 1);
    stream.size = 0;
    put_slab();
    put32(1);
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(take_all(), 0);
    assert_int_equal(run.slabs->users[0], 1);
    close_decoder();
    assert_int_equal(got.count, 4);
    assert_int_equal(got.entries[0].pc, 0x1000);
    assert_int_equal(got.entries[1].pc, 0x1000);
    assert_int_equal(got.entries[2].type, LT_EVENT_MEM_WRITE);
    assert_int_equal(got.entries[2].pc, 0x1000);
    assert_int_equal(got.entries[3].pc, 0x2000);
}

static void test_reg_read(void **state)
{
    uint64_t value;

    (void)state;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    three_insns(0);
    put_process(7, 8);
    put32(1);
    put64(1);
    put64(2);
    put64(3);
    /* Nothing is known of the registers before they were told. */
    assert_int_equal(decode(&got), 0);
    assert_int_equal(got.entries[0].reg_result, LT_ERR_STATE);
    open_decoder(&got);
    assert_int_equal(lti_decoder_reg(run.decoder, 0, &value, 8), LT_ERR_STATE);
    assert_int_equal(lti_decoder_reg(run.decoder, 0, &value, 7), LT_ERR_ARGUMENT);
    assert_int_equal(lti_decoder_reg(run.decoder, LT_X86_64_YMM0 + 16, &value, 8),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lti_decoder_reg(run.decoder, LT_X86_64_XMM0, &value, 8),
                     LT_ERR_ARGUMENT);
    assert_int_equal(lti_decoder_reg(run.decoder, UINT32_MAX, &value, 8),
                     LT_ERR_ARGUMENT);
    stream.size = 0;
    put_start();
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    assert_int_equal(take_all(), 0);
    assert_int_equal(lti_decoder_reg(run.decoder, 0, &value, 8), LT_ERR_STATE);
    close_decoder();
}

static void test_finish(void **state)
{
    int32_t status, sig;

    (void)state;
    for (int pull = 0; pull < 2; pull++) {
        begin_all(LT_ARCH_AARCH64, pull);
        open_decoder(&got);
        /* Nobody's end. */
        assert_false(lti_decoder_finish(run.decoder, 5, 0));
        assert_false(lti_decoder_has_more(run.decoder));
        assert_int_equal(take_all(), 0);
        assert_int_equal(got.count, 0);
        put_process(7, 8);
        lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
        assert_int_equal(take_all(), 0);
        assert_false(lti_decoder_ended(run.decoder, &status, &sig));
        run.seq = 41; /* others had events meanwhile */
        assert_true(lti_decoder_finish(run.decoder, 5, 0));
        assert_false(lti_decoder_ended(run.decoder, &status, &sig));
        assert_true(lti_decoder_has_more(run.decoder));
        assert_true(lti_decoder_is_ready(run.decoder));
        assert_int_equal(take_all(), 0);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.entries[0].pid, 7);
        assert_int_equal(got.entries[0].tid, 8);
        assert_true(lti_decoder_ended(run.decoder, &status, &sig));
        assert_int_equal(status, 5);
        assert_false(lti_decoder_has_more(run.decoder));
        assert_false(lti_decoder_finish(run.decoder, 6, 0));
        assert_int_equal(take_all(), 0);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.entries[0].seq, 42);
        assert_int_equal(run.seq, 42);
        assert_int_equal(lti_decoder_events(run.decoder), 42);
        close_decoder();
    }
}

/* ---- Callbacks that end the run ---- */

static void test_answers(void **state)
{
    static const int answers[] = {LT_STOP, -1234, -1};

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        begin(round & 1 ? LT_ARCH_X86_64 : LT_ARCH_AARCH64);
        random_blocks();
        all_callbacks();
        for (uint32_t type = LT_EVENT_INSN; round >= 10 && type <= LT_EVENT_EXIT;
             type++) {
            add_callback(type);
        }
        put_everything();
        run.answer_at = 0;
        assert_int_equal(decode(&want), 0);
        assert_true(want.count > 10);
        for (uint32_t at = 1; at <= want.count; at++) {
            run.answer_at = at;
            run.answer = answers[at % COUNT(answers)];
            assert_int_equal(decode_bytes(stream.bytes, stream.size, &got), run.answer);
            assert_int_equal(got.count, at);
            assert_int_equal(lti_decoder_events(run.decoder), got.entries[at - 1].seq);
            close_decoder();
            want.count = at < want.count ? want.count : at;
            assert_memory_equal(&got.entries[0], &want.entries[0],
                                (at - 1) * sizeof *got.entries);
            /* Events that pass by on the way to those that are pulled. */
            run.callbacks.pull = true;
            run.callbacks.pull_kinds = LT_KIND(LT_EVENT_EXIT);
            assert_int_equal(decode(&got_pull), run.answer);
            assert_int_equal(got_pull.count, at);
            run.callbacks.pull = false;
        }
    }
}

static void test_stop(void **state)
{
    (void)state;
    begin(LT_ARCH_X86_64);
    all_callbacks();
    three_insns(0);
    put_start();
    open_decoder(&got);
    for (int i = 0; i < 2; i++) {
        put32(1);
        put64(1);
        put64(2);
        put64(3);
    }
    lti_decoder_feed(run.decoder, stream.bytes, stream.bytes + stream.size);
    atomic_store(&run.stop, true);
    assert_int_equal(lti_decoder_run(run.decoder), 0);
    assert_int_equal(got.count, 0);
    close_decoder();
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),    cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_stats),    cmocka_unit_test(test_register_records),
        cmocka_unit_test(test_syscalls), cmocka_unit_test(test_captures),
        cmocka_unit_test(test_modules),  cmocka_unit_test(test_module_filter),
        cmocka_unit_test(test_forget),   cmocka_unit_test(test_reg_read),
        cmocka_unit_test(test_finish),   cmocka_unit_test(test_answers),
        cmocka_unit_test(test_stop),
    };

    return cmocka_run_group_tests(tests, make_arena, free_arena);
}

int main(void)
{
    return run_both(all_tests);
}
