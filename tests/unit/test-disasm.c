/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disassembler: lengths and mnemonics against objdump, texts by hand. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "disasm.h"
#include "lt/lt.h"

static struct lti_disasm *new_disasm(uint32_t arch)
{
    struct lti_disasm *disasm;

    assert_int_equal(lti_disasm_create(arch, &disasm), 0);
    return disasm;
}

struct example {
    uint64_t pc;
    const char *bytes;
    unsigned given;
    int length;
    const char *text;
};

static const struct example x86_64[] = {
    {0x1000, "\x48\x89\xe5", 3, 3, "mov rbp, rsp"},
    {0x1000, "\x55\x90\x90", 3, 1, "push rbp"},
    {0x1000, "\xc3", 1, 1, "ret"},
    {0x1000, "\x0f\x05", 2, 2, "syscall"},
    {0x401000, "\xe8\xfb\x0f\x00\x00", 5, 5, "call 0x402000"},
    {0x402000, "\xe8\xfb\x0f\x00\x00", 5, 5, "call 0x403000"},
    {0x1000, "\x74\xfe", 2, 2, "je 0x1000"},
    {0x1000, "\xf3\xa4", 2, 2, "rep movsb byte ptr [rdi], byte ptr [rsi]"},
    {0x1000, "\x48\x8b\x04\xc5\x00\x10\x40\x00", 8, 8,
     "mov rax, qword ptr [rax*8 + 0x401000]"},
    {0x1000, "\x48\xb8\xef\xcd\xab\x89\x67\x45\x23\x01", 10, 10,
     "movabs rax, 0x123456789abcdef"},
    {0x1000, "\x06", 1, LT_ERR_NOT_FOUND, ""},
    {0x1000, "\x48", 1, LT_ERR_NOT_FOUND, ""},
    {0x1000, "\xe8\xfb\x0f", 3, LT_ERR_NOT_FOUND, ""},
};

static const struct example aarch64[] = {
    {0x1000, "\xfd\x03\x00\x91", 4, 4, "mov x29, sp"},
    {0x1000, "\xc0\x03\x5f\xd6", 4, 4, "ret"},
    {0x1000, "\x01\x00\x00\xd4", 4, 4, "svc #0"},
    {0x1000, "\x00\x04\x00\x94", 4, 4, "bl #0x2000"},
    {0x1000, "\xfd\x7b\xbf\xa9\xc0\x03\x5f\xd6", 8, 4, "stp x29, x30, [sp, #-0x10]!"},
    {0x1000, "\xff\xff\xff\xff", 4, LT_ERR_NOT_FOUND, ""},
    {0x1000, "\xc0\x03\x5f", 3, LT_ERR_NOT_FOUND, ""},
};

static void check(struct lti_disasm *disasm, const struct example *example)
{
    const uint8_t *bytes = (const uint8_t *)example->bytes;
    char text[200] = "?";

    assert_int_equal(
        lti_disasm_text(disasm, example->pc, bytes, example->given, text, sizeof text),
        example->length);
    assert_string_equal(text, example->text);
    for (size_t room = 1; room < strlen(example->text) + 2; room++) {
        char *small = malloc(room), expected[200];

        snprintf(expected, room, "%s", example->text);
        assert_int_equal(
            lti_disasm_text(disasm, example->pc, bytes, example->given, small, room),
            example->length);
        assert_string_equal(small, expected);
        free(small);
    }
}

/* Everything is asked for several times, at one pc: from the cache and not. */
static void test_texts(void **state)
{
    struct lti_disasm *disasm = new_disasm(LT_ARCH_X86_64);

    (void)state;
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof x86_64 / sizeof *x86_64; i++)
            check(disasm, &x86_64[i]);
    lti_disasm_destroy(disasm);
    disasm = new_disasm(LT_ARCH_AARCH64);
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof aarch64 / sizeof *aarch64; i++)
            check(disasm, &aarch64[i]);
    lti_disasm_destroy(disasm);
}

static void test_bad_arguments(void **state)
{
    struct lti_disasm *disasm;
    const uint8_t ret = 0xc3;
    char text[20];

    (void)state;
    assert_int_equal(lti_disasm_create(0, &disasm), LT_ERR_UNSUPPORTED);
    assert_null(disasm);
    assert_int_equal(lti_disasm_create(3, &disasm), LT_ERR_UNSUPPORTED);
    lti_disasm_destroy(NULL);
    disasm = new_disasm(LT_ARCH_X86_64);
    assert_int_equal(lti_disasm_text(NULL, 0, &ret, 1, text, 20), LT_ERR_ARGUMENT);
    assert_int_equal(lti_disasm_text(disasm, 0, NULL, 1, text, 20), LT_ERR_ARGUMENT);
    assert_int_equal(lti_disasm_text(disasm, 0, &ret, 0, text, 20), LT_ERR_ARGUMENT);
    assert_int_equal(lti_disasm_text(disasm, 0, &ret, 1, NULL, 20), LT_ERR_ARGUMENT);
    assert_int_equal(lti_disasm_text(disasm, 0, &ret, 1, NULL, 0), 1);
    lti_disasm_destroy(disasm);
}

/* Longer than an instruction can be, with bytes that change behind it. */
static void test_long_input(void **state)
{
    struct lti_disasm *disasm = new_disasm(LT_ARCH_X86_64);
    uint8_t *bytes = malloc(4096);
    char text[50];

    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        memset(bytes, (int)round, 4096);
        bytes[0] = 0xc3;
        assert_int_equal(lti_disasm_text(disasm, 5, bytes, 4096, text, sizeof text), 1);
        assert_string_equal(text, "ret");
    }
    free(bytes);
    lti_disasm_destroy(disasm);
}

/* Many more places than the cache has room for, twice. */
static void test_many(void **state)
{
    struct lti_disasm *disasm = new_disasm(LT_ARCH_X86_64);
    const uint8_t jmp[] = {0xeb, 0xfe};

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t pc = 0x10000; pc < 0x10000 + 300000; pc += 2) {
            char text[40], expected[40];

            snprintf(expected, sizeof expected, "jmp 0x%llx", (unsigned long long)pc);
            assert_int_equal(lti_disasm_text(disasm, pc, jmp, 2, text, sizeof text), 2);
            assert_string_equal(text, expected);
        }
    }
    lti_disasm_destroy(disasm);
}

/* Code whose every instruction both disassemblers know by one name. */
static const uint8_t x86_64_code[] = {
    0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0x89, 0x7d, 0xec, 0x48, 0x8d,
    0x05, 0x10, 0x20, 0x30, 0x00, 0x0f, 0xb6, 0x00, 0x0f, 0xaf, 0xc1, 0x48, 0xf7,
    0xf9, 0xc1, 0xe0, 0x05, 0x0f, 0xa2, 0xf0, 0x0f, 0xb1, 0x0a, 0x66, 0x0f, 0xef,
    0xc0, 0xf2, 0x0f, 0x58, 0xc1, 0xc5, 0xf5, 0xef, 0xc0, 0x0f, 0x94, 0xc0, 0x48,
    0x0f, 0x44, 0xc2, 0x41, 0x57, 0x4d, 0x01, 0xfe, 0x66, 0x44, 0x89, 0x44, 0x24,
    0x10, 0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00, 0x75, 0x05, 0xff,
    0x25, 0x00, 0x00, 0x00, 0x00, 0x0f, 0x0b, 0xf4, 0xc9, 0xc3, 0xcc, 0x90,
};

static const uint8_t aarch64_code[] = {
    0xfd, 0x7b, 0xbe, 0xa9, 0xf3, 0x0b, 0x00, 0xf9, 0x00, 0x00, 0x00, 0x90, 0x00, 0x40,
    0x2e, 0x91, 0x00, 0x08, 0x41, 0xf9, 0x22, 0x7c, 0x03, 0x9b, 0x41, 0x0c, 0xc2, 0x9a,
    0x1f, 0x00, 0x01, 0xeb, 0x40, 0x00, 0x00, 0x54, 0x20, 0x00, 0x00, 0xb4, 0x22, 0x7c,
    0x5f, 0xc8, 0x20, 0x28, 0x62, 0x1e, 0x20, 0x84, 0xa2, 0x4e, 0x00, 0x00, 0x1f, 0xd6,
    0x01, 0x00, 0x00, 0xd4, 0xfd, 0x7b, 0xc2, 0xa8, 0xc0, 0x03, 0x5f, 0xd6,
};

static void compare_with_objdump(uint32_t arch, const char *command_format,
                                 const uint8_t *code, size_t size)
{
    struct lti_disasm *disasm = new_disasm(arch);
    char path[] = "/tmp/test-disasm-XXXXXX", command[512], line[512];
    int fd = mkstemp(path);
    size_t at = 0;
    FILE *pipe;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, code, size), size);
    close(fd);
    snprintf(command, sizeof command, command_format, path);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe)) {
        char theirs[64], ours[200], *end;
        size_t length;
        uint64_t pc;
        int bytes = 0;

        /* "  401000:\t48 89 e5 \tmov    rbp,rsp"; aarch64: "\td65f03c0 \tret" */
        pc = strtoull(line, &end, 16);
        if (end == line || *end != ':')
            continue;
        assert_int_equal(pc, 0x401000 + at);
        for (end += 1;
             *end && (*end == '\t' || *end == ' ' || isxdigit((unsigned char)*end));
             end++) {
            if (isxdigit((unsigned char)end[0]) && isxdigit((unsigned char)end[1])) {
                bytes++;
                end++;
            } else if (*end == '\t' && bytes) {
                break;
            }
        }
        assert_int_equal(sscanf(end, "%63s", theirs), 1);
        assert_int_equal(lti_disasm_text(disasm, pc, code + at, (uint32_t)(size - at),
                                         ours, sizeof ours),
                         bytes);
        length = strcspn(ours, " ");
        if (length != strlen(theirs) || strncmp(ours, theirs, length) != 0)
            fail_msg("%s is not %s", ours, theirs);
        at += (size_t)bytes;
    }
    pclose(pipe);
    unlink(path);
    lti_disasm_destroy(disasm);
    if (at == 0)
        skip(); /* no objdump for that architecture */
    assert_int_equal(at, size);
}

static void test_objdump_x86_64(void **state)
{
    (void)state;
    compare_with_objdump(LT_ARCH_X86_64,
                         "objdump -D -w -b binary -m i386:x86-64 -M intel"
                         " --adjust-vma=0x401000 %s 2>/dev/null",
                         x86_64_code, sizeof x86_64_code);
}

static void test_objdump_aarch64(void **state)
{
    (void)state;
    compare_with_objdump(LT_ARCH_AARCH64,
                         "aarch64-linux-gnu-objdump -D -w -b binary -m aarch64"
                         " --adjust-vma=0x401000 %s 2>/dev/null",
                         aarch64_code, sizeof aarch64_code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),          cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_long_input),     cmocka_unit_test(test_many),
        cmocka_unit_test(test_objdump_x86_64), cmocka_unit_test(test_objdump_aarch64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
