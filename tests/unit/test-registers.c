/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of architectures, registers, errors and error names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "lt/lt.h"
#include "registers.h"
#include "stream.h"

static void test_archs(void **state)
{
    (void)state;
    assert_string_equal(lt_arch_name(LT_ARCH_X86_64), "x86_64");
    assert_string_equal(lt_arch_name(LT_ARCH_AARCH64), "aarch64");
    assert_null(lt_arch_name(0));
    assert_null(lt_arch_name(3));
    assert_int_equal(lt_arch_find("x86_64"), LT_ARCH_X86_64);
    assert_int_equal(lt_arch_find("aarch64"), LT_ARCH_AARCH64);
    assert_int_equal(lt_arch_find("arm"), LT_ERR_NOT_FOUND);
    assert_int_equal(lt_arch_find(""), LT_ERR_NOT_FOUND);
    assert_int_equal(lt_arch_find(NULL), LT_ERR_ARGUMENT);
}

/* Each register has words that no other one has. */
static void check_words(const struct lti_arch *info)
{
    char used[LTI_MAX_REGS] = {0};

    for (uint32_t reg = 0; reg < info->held_count; reg++) {
        unsigned word = info->regs[reg].word;

        if (strncmp(info->regs[reg].name, "xmm", 3) == 0 ||
            (info->scalable && info->regs[reg].name[0] == 'v')) {
            continue; /* the low part of a wide one */
        }
        for (int at = 0; at < info->regs[reg].width; at += 8, word++) {
            assert_in_range(word, 0, info->word_count - 1);
            assert_false(used[word]);
            used[word] = 1;
        }
    }
}

/* Each register has a name of its own. */
static void check_regs(uint32_t arch, int count)
{
    assert_int_equal(lt_reg_count(arch), count);
    for (int reg = 0; reg < count; reg++) {
        const char *name = lt_reg_name(arch, (uint32_t)reg);
        int width = lt_reg_width(arch, (uint32_t)reg);

        assert_non_null(name);
        assert_int_equal(lt_reg_find(arch, name), reg);
        assert_in_range(width, 1, 256);
        assert_in_range(lt_reg_class(arch, (uint32_t)reg), LT_REG_GENERAL,
                        LT_REG_PREDICATE);
    }
    check_words(lti_arch_info(arch));
    assert_null(lt_reg_name(arch, (uint32_t)count));
    assert_null(lt_reg_name(arch, UINT32_MAX));
    assert_int_equal(lt_reg_width(arch, (uint32_t)count), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_class(arch, (uint32_t)count), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_find(arch, NULL), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_find(arch, "zmm0"), LT_ERR_NOT_FOUND);
}

static void check_reg(uint32_t arch, const char *name, uint32_t number, int width,
                      int class)
{
    assert_int_equal(lt_reg_find(arch, name), number);
    assert_int_equal(lt_reg_width(arch, number), width);
    assert_int_equal(lt_reg_class(arch, number), class);
}

static void test_regs(void **state)
{
    (void)state;
    check_regs(LT_ARCH_X86_64, 70);
    check_regs(LT_ARCH_AARCH64, 118);
    check_words(lti_arch_scalable());
    check_reg(LT_ARCH_X86_64, "rsp", 4, 8, LT_REG_GENERAL);
    check_reg(LT_ARCH_X86_64, "rip", 16, 8, LT_REG_PC);
    check_reg(LT_ARCH_X86_64, "rflags", 17, 8, LT_REG_FLAGS);
    check_reg(LT_ARCH_X86_64, "es", 20, 2, LT_REG_SEGMENT);
    check_reg(LT_ARCH_X86_64, "gs", 25, 2, LT_REG_SEGMENT);
    check_reg(LT_ARCH_X86_64, "mxcsr", 26, 4, LT_REG_CONTROL);
    check_reg(LT_ARCH_X86_64, "fcw", 27, 2, LT_REG_CONTROL);
    check_reg(LT_ARCH_X86_64, "fsw", 28, 2, LT_REG_CONTROL);
    check_reg(LT_ARCH_X86_64, "ftw", 29, 1, LT_REG_CONTROL);
    check_reg(LT_ARCH_X86_64, "fpr0", 30, 10, LT_REG_FLOAT);
    check_reg(LT_ARCH_X86_64, "fpr7", 37, 10, LT_REG_FLOAT);
    check_reg(LT_ARCH_X86_64, "xmm0", 38, 16, LT_REG_VECTOR);
    check_reg(LT_ARCH_X86_64, "xmm15", 53, 16, LT_REG_VECTOR);
    check_reg(LT_ARCH_X86_64, "ymm0", 54, 32, LT_REG_VECTOR);
    check_reg(LT_ARCH_X86_64, "ymm15", 69, 32, LT_REG_VECTOR);
    check_reg(LT_ARCH_AARCH64, "sp", 31, 8, LT_REG_GENERAL);
    check_reg(LT_ARCH_AARCH64, "nzcv", 33, 8, LT_REG_FLAGS);
    check_reg(LT_ARCH_AARCH64, "fpcr", 34, 8, LT_REG_CONTROL);
    check_reg(LT_ARCH_AARCH64, "fpsr", 35, 8, LT_REG_CONTROL);
    check_reg(LT_ARCH_AARCH64, "tpidr_el0", 36, 8, LT_REG_SYSTEM);
    check_reg(LT_ARCH_AARCH64, "v0", 37, 16, LT_REG_VECTOR);
    check_reg(LT_ARCH_AARCH64, "v31", 68, 16, LT_REG_VECTOR);
    check_reg(LT_ARCH_AARCH64, "z0", 69, 256, LT_REG_VECTOR);
    check_reg(LT_ARCH_AARCH64, "z31", 100, 256, LT_REG_VECTOR);
    check_reg(LT_ARCH_AARCH64, "p0", 101, 32, LT_REG_PREDICATE);
    check_reg(LT_ARCH_AARCH64, "p15", 116, 32, LT_REG_PREDICATE);
    check_reg(LT_ARCH_AARCH64, "ffr", 117, 32, LT_REG_PREDICATE);
    assert_int_equal(lt_reg_class(0, 0), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_count(0), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_find(0, "rax"), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_width(7, 0), LT_ERR_ARGUMENT);
    assert_int_equal(lt_reg_find(LT_ARCH_X86_64, "rdi"), LT_X86_64_RDI);
    assert_int_equal(lt_reg_find(LT_ARCH_X86_64, "r15"), LT_X86_64_R8 + 7);
    assert_int_equal(lt_reg_find(LT_ARCH_X86_64, "rflags"), LT_X86_64_RFLAGS);
    assert_int_equal(lt_reg_find(LT_ARCH_X86_64, "gs_base"), LT_X86_64_GS_BASE);
    assert_int_equal(lt_reg_find(LT_ARCH_AARCH64, "x30"), 30);
    assert_int_equal(lt_reg_find(LT_ARCH_AARCH64, "sp"), LT_AARCH64_SP);
    assert_int_equal(lt_reg_find(LT_ARCH_AARCH64, "pc"), LT_AARCH64_PC);
    assert_int_equal(lt_reg_find(LT_ARCH_AARCH64, "nzcv"), LT_AARCH64_NZCV);
}

/* What a record has of scalable registers, at every length; and what is none. */
static void test_scalable(void **state)
{
    const struct lti_arch *info = lti_arch_scalable();
    static uint64_t from[LTI_MAX_REGS], words[LTI_MAX_REGS];

    (void)state;
    for (uint32_t vl = 0; vl <= 288; vl += 8) {
        uint32_t z = vl / 8, p = (vl / 8 + 7) / 8, size = 8 * (46 + 32 * z + 17 * p);
        int good = vl % 16 == 0 && vl >= 16 && vl <= 256;

        if (size > sizeof from) {
            assert_int_equal(good, 0);
            size = sizeof from;
        }
        for (unsigned i = 0; i < LTI_MAX_REGS; i++) {
            from[i] = 1000 + i;
            words[i] = 7;
        }
        from[LTI_SVE_VL] = vl;
        assert_int_equal(lti_take_registers(info, (uint8_t *)from, size, words), good);
        if (!good) {
            assert_int_equal(words[0], 7);
            continue;
        }
        assert_int_equal(words[0], 1000);
        assert_int_equal(lti_reg_width(info, LT_AARCH64_Z0 + 31, words), vl);
        assert_int_equal(lti_reg_width(info, LT_AARCH64_FFR, words), vl / 8);
        assert_int_equal(lti_reg_width(info, LT_AARCH64_V0, words), 16);
        for (unsigned i = 0; i < 32 * 32; i++) {
            unsigned should = i % 32 < z ? 1046 + i / 32 * z + i % 32 : 0;
            assert_int_equal(words[LTI_SVE_Z + i], should);
        }
        for (unsigned i = 0; i < 17 * 4; i++) {
            unsigned should = i % 4 < p ? 1046 + 32 * z + i / 4 * p + i % 4 : 0;
            assert_int_equal(words[LTI_SVE_P + i], should);
        }
        assert_false(lti_take_registers(info, (uint8_t *)from, size - 8, words));
        assert_false(lti_take_registers(info, (uint8_t *)from, size + 8, words));
    }
    assert_false(lti_take_registers(info, (uint8_t *)from, 0, words));
    words[LTI_SVE_VL] = UINT64_MAX;
    assert_int_equal(lti_reg_width(info, LT_AARCH64_Z0, words), 256);
    assert_true(lti_take_registers(lti_arch_info(LT_ARCH_AARCH64), (uint8_t *)from,
                                   8 * LTI_A64_REGS, words));
    assert_false(lti_take_registers(lti_arch_info(LT_ARCH_AARCH64), (uint8_t *)from,
                                    8 * LTI_A64_REGS + 8, words));
}

static void test_errors(void **state)
{
    (void)state;
    assert_int_equal(lt_version(), LT_VERSION);
    for (int a = 1; a >= LT_ERR_LIMIT - 1; a--) {
        const char *text = lt_error_text(a);
        assert_non_null(text);
        assert_true(text[0] != '\0');
        int known = a <= 0 && a >= LT_ERR_LIMIT;
        assert_int_equal(strcmp(text, lt_error_text(12345)) != 0, known);
        for (int b = a + 1; known && b <= 0; b++) {
            assert_string_not_equal(text, lt_error_text(b));
        }
    }
    assert_string_equal(lt_errno_name(2), "ENOENT");
    assert_string_equal(lt_errno_name(11), "EAGAIN");
    assert_string_equal(lt_errno_name(35), "EDEADLK");
    assert_string_equal(lt_errno_name(38), "ENOSYS");
    assert_string_equal(lt_errno_name(133), "EHWPOISON");
    assert_null(lt_errno_name(0));
    assert_null(lt_errno_name(41));
    assert_null(lt_errno_name(58));
    assert_null(lt_errno_name(134));
    assert_null(lt_errno_name(UINT32_MAX));
}

static void test_message(void **state)
{
    (void)state;
    struct lti_message message;
    assert_int_equal(lti_fail(&message, -5, "a\nb%c%s", 0x7f, "\xc3\xa4"), -5);
    assert_string_equal(message.text, "a?b?\xc3\xa4");
    char big[2 * LTI_MESSAGE_SIZE];
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';
    lti_fail(&message, 0, "%s", big);
    assert_int_equal(strlen(message.text), LTI_MESSAGE_SIZE - 1);
}

struct sized {
    uint32_t size;
    uint32_t a;
    uint64_t b;
};

struct newer {
    uint32_t size;
    uint32_t a;
    uint64_t b;
    uint64_t c;
};

static void test_structs(void **state)
{
    (void)state;
    struct sized to, from = {sizeof from, 1, 2};
    /* The same, an older one (8 bytes) and a newer one. */
    assert_int_equal(lti_struct_take(&to, sizeof to, 8, &from), 0);
    assert_true(to.size == sizeof to && to.a == 1 && to.b == 2);
    from.size = 8;
    assert_int_equal(lti_struct_take(&to, sizeof to, 8, &from), 0);
    assert_true(to.size == sizeof to && to.a == 1 && to.b == 0);
    struct newer newer = {sizeof newer, 3, 4, 0};
    assert_int_equal(lti_struct_take(&to, sizeof to, 8, &newer), 0);
    assert_true(to.size == sizeof to && to.a == 3 && to.b == 4);
    newer.c = 1ull << 63;
    assert_int_equal(lti_struct_take(&to, sizeof to, 8, &newer), LT_ERR_ARGUMENT);
    /* Never set up, or garbage. */
    from.size = 0;
    assert_int_equal(lti_struct_take(&to, sizeof to, 8, &from), LT_ERR_ARGUMENT);
    from.size = 4;
    assert_int_equal(lti_struct_take(&to, sizeof to, 8, &from), LT_ERR_ARGUMENT);
    from.size = UINT32_MAX;
    assert_int_equal(lti_struct_take(&to, sizeof to, 8, &from), LT_ERR_ARGUMENT);
    /* The way back. */
    from = (struct sized){sizeof from, 5, 6};
    newer = (struct newer){sizeof newer, 0, 0, 7};
    assert_int_equal(lti_struct_give(&newer, sizeof from, 8, &from), 0);
    assert_true(newer.size == sizeof newer && newer.a == 5 && newer.b == 6 &&
                newer.c == 0);
    to = (struct sized){8, 0, 99};
    assert_int_equal(lti_struct_give(&to, sizeof from, 8, &from), 0);
    assert_true(to.size == 8 && to.a == 5 && to.b == 99);
    to.size = 7;
    assert_int_equal(lti_struct_give(&to, sizeof from, 8, &from), LT_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archs),    cmocka_unit_test(test_regs),
        cmocka_unit_test(test_scalable), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_message),  cmocka_unit_test(test_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
