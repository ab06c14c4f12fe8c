/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls: names and numbers against the headers that the compilers of
 * both architectures use, arguments against texts written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lt/lt.h"
#include "syscalls.h"

#define X86 LT_ARCH_X86_64
#define ARM LT_ARCH_AARCH64

/* Prints "name number" for each call in a compiler's <asm/unistd.h>. */
#define HEADER_COMMAND                                                                   \
    "names=$(echo '#include <asm/unistd.h>' | %1$s -E -dM - 2>/dev/null |"               \
    " sed -n 's/^#define __NR_\\([a-z0-9_]*\\) .*/\\1/p'); "                             \
    "{ echo '#include <asm/unistd.h>';"                                                  \
    " for n in $names; do echo \"@ \\\"$n\\\" __NR_$n\"; done; } |"                      \
    " %1$s -E -P - 2>/dev/null | sed -n 's/^@ \"\\(.*\\)\" \\([0-9]*\\)$/\\1 \\2/p'"

static void check_header(uint32_t arch, const char *compiler, const char *macro)
{
    char command[1024], name[64];
    unsigned nr, count = 0;
    FILE *pipe;

    snprintf(command, sizeof command, "echo %s | %s -E -P - 2>/dev/null | grep -qx 1",
             macro, compiler);
    if (system(command) != 0)
        skip();
    snprintf(command, sizeof command, HEADER_COMMAND, compiler);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fscanf(pipe, "%63s %u", name, &nr) == 2) {
        const char *ours = lt_syscall_name(arch, nr);

        /* Two that are no calls, and headers newer than QEMU's table. */
        if (strcmp(name, "syscalls") == 0 || strcmp(name, "arch_specific_syscall") == 0 ||
            (!ours && nr > 462))
            continue;
        if (!ours || strcmp(ours, name) != 0)
            fail_msg("%u is %s, not %s", nr, name, ours ? ours : "nothing");
        count++;
    }
    pclose(pipe);
    assert_true(count > 280);
}

static void test_names_x86_64(void **state)
{
    (void)state;
    check_header(X86, "cc", "__x86_64__");
}

static void test_names_aarch64(void **state)
{
    (void)state;
    check_header(ARM, "aarch64-linux-gnu-gcc", "__aarch64__");
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(lt_syscall_name(X86, 0), "read");
    assert_string_equal(lt_syscall_name(X86, 257), "openat");
    assert_string_equal(lt_syscall_name(X86, 262), "newfstatat");
    assert_string_equal(lt_syscall_name(ARM, 0), "io_setup");
    assert_string_equal(lt_syscall_name(ARM, 38), "renameat");
    assert_string_equal(lt_syscall_name(ARM, 56), "openat");
    assert_string_equal(lt_syscall_name(ARM, 79), "newfstatat");
    assert_string_equal(lt_syscall_name(ARM, 163), "getrlimit");
    assert_null(lt_syscall_name(X86, 999));
    assert_null(lt_syscall_name(X86, 400));
    assert_null(lt_syscall_name(X86, 512)); /* x32's */
    assert_null(lt_syscall_name(ARM, 244)); /* other architectures' */
    assert_null(lt_syscall_name(X86, UINT32_MAX));
    assert_null(lt_syscall_name(0, 0));
    assert_null(lt_syscall_name(7, 0));
}

static void test_arguments(void **state)
{
    (void)state;
    assert_int_equal(lti_syscall_arg_count(X86, 0), 3);   /* read */
    assert_int_equal(lti_syscall_arg_count(X86, 9), 6);   /* mmap */
    assert_int_equal(lti_syscall_arg_count(X86, 39), 0);  /* getpid */
    assert_int_equal(lti_syscall_arg_count(X86, 257), 4); /* openat */
    assert_int_equal(lti_syscall_arg_count(ARM, 56), 4);
    assert_int_equal(lti_syscall_arg_count(ARM, 172), 0);
    assert_int_equal(lti_syscall_arg_count(X86, 999), 6);
    assert_int_equal(lti_syscall_arg_count(X86, 180), 6); /* nfsservctl */
    assert_int_equal(lti_syscall_arg_count(9, 0), 6);

    assert_int_equal(lti_syscall_strings(X86, 0), 0);
    assert_int_equal(lti_syscall_strings(X86, 2), 1);       /* open */
    assert_int_equal(lti_syscall_strings(X86, 257), 2);     /* openat */
    assert_int_equal(lti_syscall_strings(X86, 82), 3);      /* rename */
    assert_int_equal(lti_syscall_strings(X86, 264), 2 | 8); /* renameat */
    assert_int_equal(lti_syscall_strings(X86, 165), 7);     /* mount */
    assert_int_equal(lti_syscall_strings(ARM, 56), 2);
    assert_int_equal(lti_syscall_strings(ARM, 221), 1); /* execve */
    assert_int_equal(lti_syscall_strings(ARM, 9999), 0);
    assert_int_equal(lti_syscall_strings(9, 2), 0);
}

/* Every string that is asked for is among the arguments. */
static void test_consistent(void **state)
{
    unsigned described = 0;

    (void)state;
    for (uint32_t arch = X86; arch <= ARM; arch++) {
        for (uint32_t nr = 0; nr < 8192; nr++) {
            unsigned count = lti_syscall_arg_count(arch, nr);
            uint8_t strings = lti_syscall_strings(arch, nr);

            assert_true(count <= 6);
            assert_int_equal(strings >> count, 0);
            if (!lt_syscall_name(arch, nr))
                assert_int_equal(strings, 0);
            else
                described += strings != 0;
        }
    }
    assert_true(described > 120);
}

struct example {
    uint32_t arch;
    uint32_t nr;
    uint64_t args[6];
    const char *strings[6];
    const char *text;
};

static const struct example examples[] = {
    {X86,
     257,
     {(uint64_t)-100, 0x5000, 02000000},
     {NULL, "/etc/passwd"},
     "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC)"},
    {X86,
     257,
     {0xffffff9c, 0x5000, 01102, 0644},
     {NULL, "a"},
     "openat(AT_FDCWD, \"a\", O_RDWR|O_CREAT|O_TRUNC, 0644)"},
    {X86,
     257,
     {7, 0x5000, 020200002, 0600},
     {NULL, "/tmp"},
     "openat(7, \"/tmp\", O_RDWR|O_TMPFILE, 0600)"},
    {X86,
     257,
     {7, 0x5000, 0200000},
     {NULL, NULL},
     "openat(7, 0x5000, O_RDONLY|O_DIRECTORY)"},
    /* The same flags have other bits here. */
    {ARM,
     56,
     {(uint64_t)-100, 0x5000, 02140000},
     {NULL, "."},
     "openat(AT_FDCWD, \".\", O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC)"},
    {ARM,
     56,
     {(uint64_t)-100, 0x5000, 020040001, 0600},
     {NULL, "."},
     "openat(AT_FDCWD, \".\", O_WRONLY|O_TMPFILE, 0600)"},
    {ARM,
     56,
     {(uint64_t)-100, 0x5000, 0600000},
     {NULL, "."},
     "openat(AT_FDCWD, \".\", O_RDONLY|O_DIRECT|O_LARGEFILE)"},
    {X86, 2, {0, 0x80000003}, {NULL}, "open(NULL, 0x80000003)"},
    {X86,
     2,
     {1, 04010001},
     {"\x01\x7f\n\"\\\xc3\xa9"
      "1"},
     "open(\"\\1\\177\\n\\\"\\\\\\303\\2511\", O_WRONLY|O_SYNC)"},
    {X86, 1, {1, 0x7fff0000, 14}, {NULL}, "write(1, 0x7fff0000, 14)"},
    {X86, 0, {0xffffffff, 0, UINT64_MAX}, {NULL}, "read(-1, NULL, 18446744073709551615)"},
    {X86,
     9,
     {0, 8192, 3, 0x22, 0xffffffff, 0},
     {NULL},
     "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)"},
    {X86,
     9,
     {0x1000, 4096, 0, 0x50000012, 3, 0x26000},
     {NULL},
     "mmap(0x1000, 4096, PROT_NONE, MAP_PRIVATE|MAP_FIXED|0x50000000, 3, 0x26000)"},
    {ARM,
     222,
     {0, 4096, 0x15, 1, 3, 0},
     {NULL},
     "mmap(NULL, 4096, PROT_READ|PROT_EXEC|PROT_BTI, MAP_SHARED, 3, 0)"},
    {X86,
     10,
     {0x1000, 4096, 0x100000001},
     {NULL},
     "mprotect(0x1000, 4096, PROT_READ|0x100000000)"},
    {X86, 12, {0}, {NULL}, "brk(NULL)"},
    {X86, 39, {1, 2, 3}, {NULL}, "getpid()"},
    {X86, 8, {3, (uint64_t)-5, 2}, {NULL}, "lseek(3, -5, SEEK_END)"},
    {X86, 8, {3, 0, 77}, {NULL}, "lseek(3, 0, 77)"},
    {X86, 21, {1, 4}, {"/etc/ld.so.preload"}, "access(\"/etc/ld.so.preload\", R_OK)"},
    {X86, 21, {1, 0}, {"x"}, "access(\"x\", F_OK)"},
    {X86, 21, {1, 6}, {"x"}, "access(\"x\", R_OK|W_OK)"},
    {X86,
     262,
     {3, 1, 0x5000, 0x1000},
     {NULL, ""},
     "newfstatat(3, \"\", 0x5000, AT_EMPTY_PATH)"},
    {X86, 262, {3, 1, 0x5000, 0}, {NULL, "f"}, "newfstatat(3, \"f\", 0x5000, 0)"},
    {X86, 72, {3, 1, 0x77}, {NULL}, "fcntl(3, F_GETFD)"},
    {X86, 72, {3, 2, 1}, {NULL}, "fcntl(3, F_SETFD, FD_CLOEXEC)"},
    {X86, 72, {3, 4, 04000}, {NULL}, "fcntl(3, F_SETFL, O_RDONLY|O_NONBLOCK)"},
    {X86, 72, {3, 1030, 10}, {NULL}, "fcntl(3, F_DUPFD_CLOEXEC, 10)"},
    {X86, 72, {3, 6, 0x9000}, {NULL}, "fcntl(3, F_SETLK, 0x9000)"},
    {X86, 16, {1, 0x5413, 0x9000}, {NULL}, "ioctl(1, TIOCGWINSZ, 0x9000)"},
    {X86, 16, {1, 0xdeadbeef, 0}, {NULL}, "ioctl(1, _IOC(_IOC_READ|_IOC_WRITE, 0xbe, 0xef, 0x1ead), 0)"},
    {X86,
     56,
     {0x1200011, 0, 0, 0x9000, 0},
     {NULL},
     "clone(CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, NULL, 0x9000, NULL)"},
    {X86, 13, {11, 0x9000, 0, 8}, {NULL}, "rt_sigaction(SIGSEGV, 0x9000, NULL, 8)"},
    {X86, 13, {34, 0x9000, 0, 8}, {NULL}, "rt_sigaction(SIGRT_2, 0x9000, NULL, 8)"},
    {X86, 14, {2, 0x9000, 0, 8}, {NULL}, "rt_sigprocmask(SIG_SETMASK, 0x9000, NULL, 8)"},
    {X86, 62, {(uint64_t)-1, 9}, {NULL}, "kill(-1, SIGKILL)"},
    {X86,
     61,
     {0xffffffff, 0, 1 | 0x40000000, 0},
     {NULL},
     "wait4(-1, NULL, WNOHANG|__WALL, NULL)"},
    {X86,
     202,
     {0x9000, 0x189, 5, 0, 0, 0xffffffff},
     {NULL},
     "futex(0x9000, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 5, NULL, "
     "FUTEX_BITSET_MATCH_ANY)"},
    {X86, 202, {0x9000, 0, 5, 0, 0, 0}, {NULL}, "futex(0x9000, FUTEX_WAIT, 5, NULL)"},
    {X86,
     41,
     {2, 02004001, 0},
     {NULL},
     "socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, IPPROTO_IP)"},
    {X86,
     54,
     {3, 1, 2, 0x9000, 4},
     {NULL},
     "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, 0x9000, 4)"},
    {X86,
     54,
     {3, 6, 1, 0x9000, 4},
     {NULL},
     "setsockopt(3, SOL_TCP, TCP_NODELAY, 0x9000, 4)"},
    {X86, 54, {3, 99, 1, 0x9000, 4}, {NULL}, "setsockopt(3, 99, 1, 0x9000, 4)"},
    {X86, 228, {1, 0x9000}, {NULL}, "clock_gettime(CLOCK_MONOTONIC, 0x9000)"},
    {X86, 302, {0, 3, 0, 0x9000}, {NULL}, "prlimit64(0, RLIMIT_STACK, NULL, 0x9000)"},
    {X86, 98, {UINT64_MAX, 0x9000}, {NULL}, "getrusage(RUSAGE_CHILDREN, 0x9000)"},
    {X86, 158, {0x1002, 0x9000}, {NULL}, "arch_prctl(ARCH_SET_FS, 0x9000)"},
    {X86, 318, {0x9000, 8, 1}, {NULL}, "getrandom(0x9000, 8, GRND_NONBLOCK)"},
    {X86, 29, {0, 100, 01600}, {NULL}, "shmget(IPC_PRIVATE, 100, IPC_CREAT|0600)"},
    {X86,
     327,
     {3, 0x9000, 1, 16, 99, 8},
     {NULL},
     "preadv2(3, 0x9000, 1, 16, RWF_NOWAIT)"},
    {X86, 240, {1, 2, 0666, 0}, {"/q"}, "mq_open(\"/q\", O_RDWR)"},
    {X86, 240, {1, 0102, 0666, 0}, {"/q"}, "mq_open(\"/q\", O_RDWR|O_CREAT, 0666, NULL)"},
    {X86, 59, {1, 0x9000, 0xa000}, {"/bin/ls"}, "execve(\"/bin/ls\", 0x9000, 0xa000)"},
    {X86, 60, {0xffffffff}, {NULL}, "exit(-1)"},
    {X86,
     999,
     {1, 2, 3, 4, 0, UINT64_MAX},
     {NULL},
     "syscall_999(0x1, 0x2, 0x3, 0x4, 0, 0xffffffffffffffff)"},
    {X86, 181, {1}, {NULL}, "getpmsg(0x1, 0, 0, 0, 0, 0)"},
    {ARM, UINT32_MAX, {0}, {NULL}, "syscall_4294967295(0, 0, 0, 0, 0, 0)"},
};

static struct lt_syscall event_of(const struct example *example)
{
    struct lt_syscall event = {.type = LT_EVENT_SYSCALL, .size = sizeof event};

    event.nr = example->nr;
    memcpy(event.args, example->args, sizeof event.args);
    memcpy(event.strings, example->strings, sizeof event.strings);
    return event;
}

static void test_text(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct lt_syscall event = event_of(&examples[i]);
        size_t length = strlen(examples[i].text);
        char text[256];

        int result = lti_syscall_text(examples[i].arch, &event, text, sizeof text);

        if (strcmp(text, examples[i].text) != 0)
            print_error("%s\n%s\n", text, examples[i].text), wrong++;
        else
            assert_int_equal(result, length);
    }
    assert_int_equal(wrong, 0);
}

/* Cut as snprintf() cuts, whatever the room. */
static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct lt_syscall event = event_of(&examples[i]);
        int length = (int)strlen(examples[i].text);

        assert_int_equal(lti_syscall_text(examples[i].arch, &event, NULL, 0), length);
        for (size_t room = 1; room < (size_t)length + 3; room++) {
            char *text = malloc(room); /* of that size for the sanitizer */
            char expected[256];

            snprintf(expected, room, "%s", examples[i].text);
            assert_int_equal(lti_syscall_text(examples[i].arch, &event, text, room),
                             length);
            assert_string_equal(text, expected);
            free(text);
        }
    }
}

static void test_bad_arguments(void **state)
{
    struct lt_syscall event = {.nr = 0};
    char text[8];

    (void)state;
    assert_int_equal(lti_syscall_text(X86, NULL, text, sizeof text), LT_ERR_ARGUMENT);
    assert_int_equal(lti_syscall_text(X86, &event, NULL, 5), LT_ERR_ARGUMENT);
    assert_int_equal(lti_syscall_text(3, &event, text, sizeof text), LT_ERR_ARGUMENT);
}

/* A string as long as the stream keeps them was probably longer. */
static void test_long_string(void **state)
{
    static char path[4096], text[8192];
    struct lt_syscall event = {.nr = 80, .args = {1}, .strings = {path}};

    (void)state;
    memset(path, 'a', sizeof path - 1);
    assert_int_equal(lti_syscall_text(X86, &event, text, sizeof text), 4095 + 7 + 5);
    assert_string_equal(text + 7 + 4094, "a\"...)");
    path[4094] = '\0';
    lti_syscall_text(X86, &event, text, sizeof text);
    assert_string_equal(text + 7 + 4093, "a\")");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_x86_64), cmocka_unit_test(test_names_aarch64),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_consistent),   cmocka_unit_test(test_text),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_long_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
