/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The look at a program before it runs: every way in which it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lt/lt.h"
#include "program.h"

static char dir[] = "/tmp/lt-test-program-XXXXXX";

/* ---- Files ---- */

/* A path in the test's directory; the last few of them stay valid. */
static const char *at(const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return path;
}

static const char *put(const char *name, const void *data, size_t size, mode_t mode)
{
    const char *path = at(name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static const char *put_text(const char *name, const char *text)
{
    return put(name, text, strlen(text), 0755);
}

/* The smallest ELF program, with or without an interpreter. */
struct elf {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    char interp[64];
};

static struct elf make_elf(uint16_t machine, const char *interp)
{
    struct elf elf;
    memset(&elf, 0, sizeof elf);
    memcpy(elf.header.e_ident, ELFMAG, SELFMAG);
    elf.header.e_ident[EI_CLASS] = ELFCLASS64;
    elf.header.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.header.e_ident[EI_VERSION] = EV_CURRENT;
    elf.header.e_type = ET_DYN;
    elf.header.e_machine = machine;
    elf.header.e_version = EV_CURRENT;
    elf.header.e_phoff = sizeof elf.header;
    elf.header.e_ehsize = sizeof elf.header;
    elf.header.e_phentsize = sizeof(Elf64_Phdr);
    elf.header.e_phnum = interp != NULL ? 2 : 1;
    elf.segments[0].p_type = PT_LOAD;
    elf.segments[0].p_filesz = sizeof elf;
    elf.segments[0].p_memsz = sizeof elf;
    if (interp != NULL) {
        elf.segments[1].p_type = PT_INTERP;
        elf.segments[1].p_offset = offsetof(struct elf, interp);
        elf.segments[1].p_filesz = strlen(interp) + 1;
        snprintf(elf.interp, sizeof elf.interp, "%s", interp);
    }
    return elf;
}

static const char *put_elf(const char *name, const struct elf *elf)
{
    return put(name, elf, sizeof *elf, 0755);
}

/* ---- Asking ---- */

static struct lti_message message;
static struct lti_program found;

static int find(const char *program)
{
    const struct lti_program_request request = {.program = program};
    message.text[0] = '\0';
    return lti_program_find(&request, &found, &message);
}

/* The program must be refused with that error and words like these. */
static void refuse(const char *program, int error, const char *words)
{
    int got = find(program);
    if (got != error || strstr(message.text, words) == NULL) {
        fail_msg("%s: got %d \"%s\"", program, got, message.text);
    }
    assert_null(found.path);
    assert_null(found.argv);
}

static void take(const char *program, uint32_t arch)
{
    if (find(program) != 0) {
        fail_msg("%s: %s", program, message.text);
    }
    assert_int_equal(found.arch, arch);
    assert_string_equal(found.path, program);
    assert_string_equal(found.argv[0], program);
    assert_null(found.argv[1]);
    lti_program_free(&found);
}

/* ---- Tests ---- */

static void test_files(void **state)
{
    (void)state;
    refuse("", LT_ERR_NOT_FOUND, "does not exist");
    refuse(at("missing"), LT_ERR_NOT_FOUND, "missing does not exist");
    refuse(dir, LT_ERR_DIRECTORY, "is a directory");
    put_text("plain", "echo hello\n");
    refuse(at("plain"), LT_ERR_NOT_ELF, "neither an ELF program nor a script");
    refuse(at("plain/below"), LT_ERR_NOT_FOUND, "Not a directory");
    put_text("empty", "");
    refuse(at("empty"), LT_ERR_NOT_ELF, "neither");
    put_text("one", "#");
    refuse(at("one"), LT_ERR_NOT_ELF, "neither");
    refuse("/dev/zero", LT_ERR_PERMISSION, "not a regular file");
    assert_int_equal(mkfifo(at("fifo"), 0777), 0);
    refuse(at("fifo"), LT_ERR_PERMISSION, "not a regular file");
    assert_int_equal(symlink("loop", at("loop")), 0);
    refuse(at("loop"), LT_ERR_NOT_FOUND, "symbolic links");
    char longest[PATH_MAX + 100];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    refuse(longest, LT_ERR_NOT_FOUND, "name too long");
    put_text("new\nline", "x");
    refuse(at("new\nline"), LT_ERR_NOT_ELF, "new?line");
}

static void test_permission(void **state)
{
    (void)state;
    struct elf elf = make_elf(EM_X86_64, NULL);
    /* Root too needs one execute bit. */
    put("no-x", &elf, sizeof elf, 0644);
    refuse(at("no-x"), LT_ERR_PERMISSION, "no permission to execute");
    put("no-r", &elf, sizeof elf, 0111);
    assert_int_equal(mkdir(at("closed"), 0755), 0);
    put_elf("closed/program", &elf);
    if (geteuid() != 0) {
        refuse(at("no-r"), LT_ERR_PERMISSION, "no permission to read");
        return;
    }
    /* As somebody else. */
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(chmod(at("closed"), 0700), 0);
    pid_t child = fork();
    if (child == 0) {
        int bad = setgid(65534) != 0 || setuid(65534) != 0;
        bad |= find(at("no-r")) != LT_ERR_PERMISSION ? 2 : 0;
        bad |= find(at("closed/program")) != LT_ERR_PERMISSION ? 4 : 0;
        bad |= find(at("no-x")) != LT_ERR_PERMISSION ? 8 : 0;
        _exit(bad);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_elf(void **state)
{
    (void)state;
    struct elf good = make_elf(EM_X86_64, NULL);
    put_elf("good", &good);
    take(at("good"), LT_ARCH_X86_64);
    struct elf other = make_elf(EM_AARCH64, NULL);
    other.header.e_type = ET_EXEC;
    put_elf("other", &other);
    take(at("other"), LT_ARCH_AARCH64);
    take("/proc/self/exe", LT_ARCH_X86_64);

    struct elf bad = good;
    bad.header.e_type = ET_REL;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_NOT_ELF, "is an object file, not a program");
    bad.header.e_type = ET_CORE;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_NOT_ELF, "core dump");
    bad.header.e_type = 77;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_NOT_ELF, "another type");
    bad = good;
    bad.header.e_ident[EI_CLASS] = 9;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_NOT_ELF, "is none");
    bad = good;
    bad.header.e_ident[EI_DATA] = 0;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_NOT_ELF, "is none");
    bad = good;
    bad.header.e_phentsize = 32;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_TRUNCATED, "program header table");
    bad = good;
    bad.header.e_phnum = 0;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_TRUNCATED, "program header table");
    bad.header.e_phnum = 0xffff;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_TRUNCATED, "program header table");
    bad = good;
    bad.header.e_phoff = UINT64_MAX - 8;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_TRUNCATED, "behind its end");
    bad = good;
    bad.segments[0].p_offset = 8;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_TRUNCATED, "behind its end");
    bad.segments[0].p_offset = UINT64_MAX - 100;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_TRUNCATED, "behind its end");
    bad = good;
    bad.segments[0].p_memsz = 1;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_TRUNCATED, "larger in the file");
    bad = good;
    bad.segments[0].p_type = PT_NOTE;
    put_elf("bad", &bad);
    refuse(at("bad"), LT_ERR_TRUNCATED, "nothing to load");
}

/* Cut off anywhere, a file is refused and never trips the reader. */
static void test_truncated(void **state)
{
    (void)state;
    struct elf elf = make_elf(EM_X86_64, "/lib/ld");
    for (size_t size = 0; size < sizeof elf; size++) {
        put("cut", &elf, size, 0755);
        int error = find(at("cut"));
        assert_int_equal(error, size < SELFMAG ? LT_ERR_NOT_ELF : LT_ERR_TRUNCATED);
    }
}

static void test_foreign(void **state)
{
    (void)state;
    struct elf elf = make_elf(EM_ARM, NULL);
    elf.header.e_ident[EI_CLASS] = ELFCLASS32;
    put_elf("foreign", &elf);
    refuse(at("foreign"), LT_ERR_ARCH, "is for arm (32-bit, little-endian)");
    elf = make_elf(EM_X86_64, NULL);
    elf.header.e_ident[EI_CLASS] = ELFCLASS32;
    put_elf("foreign", &elf);
    refuse(at("foreign"), LT_ERR_ARCH, "is for x86_64 (32-bit");
    elf = make_elf(0xb700, NULL);
    elf.header.e_type = 0x0300;
    elf.header.e_ident[EI_DATA] = ELFDATA2MSB;
    put_elf("foreign", &elf);
    refuse(at("foreign"), LT_ERR_ARCH, "is for aarch64 (64-bit, big-endian)");
    elf = make_elf(0x7777, NULL);
    put_elf("foreign", &elf);
    refuse(at("foreign"), LT_ERR_ARCH, "machine number 30583");
    elf = make_elf(EM_RISCV, "/lib/ld-linux-riscv64-lp64d.so.1");
    put_elf("foreign", &elf);
    refuse(at("foreign"), LT_ERR_ARCH, "is for riscv");
}

static void test_interpreter(void **state)
{
    (void)state;
    struct elf elf = make_elf(EM_AARCH64, "/nowhere/ld-linux.so.1");
    put_elf("dynamic", &elf);
    refuse(at("dynamic"), LT_ERR_INTERPRETER, "/nowhere/ld-linux.so.1");
    refuse(at("dynamic"), LT_ERR_INTERPRETER, "sysroot");

    /* Under the sysroot it is found, and preferred. */
    struct elf ld = make_elf(EM_AARCH64, NULL);
    assert_int_equal(mkdir(at("root"), 0755), 0);
    assert_int_equal(mkdir(at("root/nowhere"), 0755), 0);
    put("root/nowhere/ld-linux.so.1", &ld, sizeof ld, 0644);
    char program[100], root[100];
    snprintf(program, sizeof program, "%s", at("dynamic"));
    snprintf(root, sizeof root, "%s", at("root"));
    struct lti_program_request request = {.program = program, .sysroot = root};
    assert_int_equal(lti_program_find(&request, &found, &message), 0);
    assert_int_equal(found.arch, LT_ARCH_AARCH64);
    assert_string_equal(found.path, request.program);
    lti_program_free(&found);

    /* There, but of no use. */
    ld = make_elf(EM_X86_64, NULL);
    put_elf("root/nowhere/ld-linux.so.1", &ld);
    assert_int_equal(lti_program_find(&request, &found, &message), LT_ERR_INTERPRETER);
    assert_non_null(strstr(message.text, "is for x86_64"));
    put_text("root/nowhere/ld-linux.so.1", "hello");
    assert_int_equal(lti_program_find(&request, &found, &message), LT_ERR_INTERPRETER);
    assert_non_null(strstr(message.text, "not an ELF file"));
    put("root/nowhere/ld-linux.so.1", &ld, 70, 0755);
    assert_int_equal(lti_program_find(&request, &found, &message), LT_ERR_INTERPRETER);
    assert_non_null(strstr(message.text, "cut off"));
    unlink(at("root/nowhere/ld-linux.so.1"));
    assert_int_equal(mkdir(at("root/nowhere/ld-linux.so.1"), 0755), 0);
    assert_int_equal(lti_program_find(&request, &found, &message), LT_ERR_INTERPRETER);
    rmdir(at("root/nowhere/ld-linux.so.1"));
    assert_int_equal(lti_program_find(&request, &found, &message), LT_ERR_INTERPRETER);
    assert_non_null(strstr(message.text, "is missing, also under the sysroot"));

    /* A damaged path. */
    elf.segments[1].p_filesz = 5;
    put_elf("dynamic", &elf);
    refuse(at("dynamic"), LT_ERR_TRUNCATED, "damaged");
    elf.segments[1].p_filesz = 1;
    put_elf("dynamic", &elf);
    refuse(at("dynamic"), LT_ERR_TRUNCATED, "damaged");
    elf.segments[1].p_filesz = UINT64_MAX;
    put_elf("dynamic", &elf);
    refuse(at("dynamic"), LT_ERR_TRUNCATED, "behind its end");
}

static void check_argv(const char *const *expected)
{
    for (int i = 0;; i++) {
        if (expected[i] == NULL) {
            assert_null(found.argv[i]);
            break;
        }
        assert_non_null(found.argv[i]);
        assert_string_equal(found.argv[i], expected[i]);
    }
    lti_program_free(&found);
}

static void test_script(void **state)
{
    (void)state;
    char text[600];
    struct elf elf = make_elf(EM_X86_64, NULL);
    char interp[100], script[100];
    snprintf(interp, sizeof interp, "%s", put_elf("interp", &elf));
    snprintf(script, sizeof script, "%s", at("script"));
    const char *const given[] = {"zero", "one", "two", NULL};
    struct lti_program_request request = {.program = script, .argv = given};

    snprintf(text, sizeof text, "#! \t%s \t-a  b \t\nmore\n", interp);
    put_text("script", text);
    assert_int_equal(lti_program_find(&request, &found, &message), 0);
    assert_string_equal(found.path, interp);
    check_argv(
        (const char *const[]){interp, "-a  b", request.program, "one", "two", NULL});

    /* Without an argument, without a newline, without an argv. */
    snprintf(text, sizeof text, "#!%s", interp);
    put_text("script", text);
    assert_int_equal(find(request.program), 0);
    check_argv((const char *const[]){interp, request.program, NULL});
    /* The kernel too makes an empty argument of this one. */
    snprintf(text, sizeof text, "#!%s  ", interp);
    put_text("script", text);
    assert_int_equal(find(request.program), 0);
    check_argv((const char *const[]){interp, "", request.program, NULL});

    /* No name. */
    put_text("script", "#!");
    refuse(request.program, LT_ERR_NOT_ELF, "names no interpreter");
    put_text("script", "#!  \t \n/bin/sh\n");
    refuse(request.program, LT_ERR_NOT_ELF, "names no interpreter");
    put("script", "#!\0/bin/sh\n", 11, 0755);
    refuse(request.program, LT_ERR_NOT_ELF, "names no interpreter");
    memset(text, ' ', sizeof text);
    memcpy(text, "#!", 2);
    put("script", text, sizeof text, 0755);
    refuse(request.program, LT_ERR_NOT_ELF, "names no interpreter");
    /* A name that does not end where the kernel stops reading. */
    memset(text + 2, 'x', sizeof text - 2);
    put("script", text, sizeof text, 0755);
    refuse(request.program, LT_ERR_NOT_ELF, "names no interpreter");
    /* An argument may be cut there. */
    int n = snprintf(text, sizeof text, "#!%s ", interp);
    memset(text + n, 'y', sizeof text - (size_t)n);
    put("script", text, sizeof text, 0755);
    assert_int_equal(find(request.program), 0);
    assert_int_equal(strlen(found.argv[1]), 255 - n);
    lti_program_free(&found);

    /* Interpreters of no use. */
    put_text("script", "#!/no/such/thing\n");
    refuse(request.program, LT_ERR_INTERPRETER, "/no/such/thing does not exist");
    put_text("script", "#!/tmp\n");
    refuse(request.program, LT_ERR_INTERPRETER, "is a directory");
    snprintf(text, sizeof text, "#!%s\n", put("quiet", &elf, sizeof elf, 0644));
    put_text("script", text);
    refuse(request.program, LT_ERR_PERMISSION, "quiet");
    snprintf(text, sizeof text, "#!%s\n", put_text("words", "words"));
    put_text("script", text);
    refuse(request.program, LT_ERR_NOT_ELF, "words is neither");
}

/* As deep as the kernel goes and no deeper: what execve() does decides. */
static void test_script_depth(void **state)
{
    (void)state;
    char name[20], text[PATH_MAX + 10];
    snprintf(text, sizeof text, "#!/bin/true\n");
    for (int depth = 1; depth <= 7; depth++) {
        snprintf(name, sizeof name, "deep%d", depth);
        const char *path = put_text(name, text);
        pid_t child = fork();
        if (child == 0) {
            execl(path, path, (char *)NULL);
            _exit(errno == ELOOP ? 100 : 101);
        }
        int status;
        waitpid(child, &status, 0);
        int error = find(path);
        assert_int_equal(error, WEXITSTATUS(status) == 0 ? 0 : LT_ERR_INTERPRETER);
        assert_int_equal(error == 0, depth <= 5);
        if (error == 0) {
            assert_string_equal(found.path, "/bin/true");
            assert_string_equal(found.argv[depth], path);
        }
        lti_program_free(&found);
        snprintf(text, sizeof text, "#!%s\n", path);
    }
}

static void test_relative(void **state)
{
    (void)state;
    struct elf elf = make_elf(EM_X86_64, NULL);
    put_elf("here", &elf);
    put_text("call", "#!./here\n");
    assert_int_equal(mkdir(at("elsewhere"), 0755), 0);
    char *before = getcwd(NULL, 0);
    assert_int_equal(chdir(dir), 0);
    take("here", LT_ARCH_X86_64);
    take("./here", LT_ARCH_X86_64);
    /* The guest will be elsewhere, so the path cannot stay relative... */
    struct lti_program_request request = {.program = "here", .cwd = "elsewhere"};
    assert_int_equal(lti_program_find(&request, &found, &message), 0);
    assert_string_equal(found.path, at("here"));
    lti_program_free(&found);
    /* ...and a script's relative interpreter is looked for there. */
    assert_int_equal(find("call"), 0);
    assert_string_equal(found.path, "./here");
    lti_program_free(&found);
    request.program = "call";
    assert_int_equal(lti_program_find(&request, &found, &message), LT_ERR_INTERPRETER);
    assert_int_equal(chdir(before), 0);
    free(before);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),    cmocka_unit_test(test_permission),
        cmocka_unit_test(test_elf),      cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_foreign),  cmocka_unit_test(test_interpreter),
        cmocka_unit_test(test_script),   cmocka_unit_test(test_script_depth),
        cmocka_unit_test(test_relative),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
