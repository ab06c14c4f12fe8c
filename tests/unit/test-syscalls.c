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
#include "stream.h"
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
    {X86,
     16,
     {1, 0xdeadbeef, 0},
     {NULL},
     "ioctl(1, _IOC(_IOC_READ|_IOC_WRITE, 0xbe, 0xef, 0x1ead), 0)"},
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

/* ---- What calls point to ---- */

#define ADDR 0x5000

static struct lt_syscall_data pieces[8];

/* A call with these arguments, on its return, without pieces. */
static struct lt_syscall call_of(uint32_t nr, uint64_t a, uint64_t b, uint64_t c,
                                 uint64_t d, int64_t ret)
{
    struct lt_syscall call = {.type = LT_EVENT_SYSCALL,
                              .size = sizeof call,
                              .nr = nr,
                              .phase = LT_PHASE_RETURN,
                              .args = {a, b, c, d},
                              .ret = ret,
                              .data = pieces};

    call.error = ret < 0 && ret >= -4095 ? (uint32_t)-ret : 0;
    return call;
}

static void add(struct lt_syscall *call, uint32_t phase, uint64_t addr, const void *data,
                size_t length)
{
    pieces[call->data_count++] = (struct lt_syscall_data){
        .addr = addr, .data = data, .length = (uint32_t)length, .phase = phase};
}

static void check(uint32_t arch, const struct lt_syscall *call, const char *expected)
{
    char text[1024], result[256];

    assert_true(lti_syscall_text(arch, call, text, sizeof text) > 0);
    assert_true(lti_syscall_result_text(arch, call, result, sizeof result) > 0);
    strcat(strcat(text, " = "), result);
    assert_string_equal(text, expected);
}

static void put_number(uint8_t *to, size_t offset, uint64_t value, size_t size)
{
    memcpy(to + offset, &value, size);
}

/* The kernel's struct stat is 144 bytes on x86_64 and 128 on aarch64. */
static void test_stat(void **state)
{
    uint8_t x86[144] = {0}, arm[128] = {0};
    struct lt_syscall call = call_of(5, 3, ADDR, 0, 0, 0);

    (void)state;
    put_number(x86, 24, 0104755, 4);
    put_number(x86, 48, 1234, 8);
    add(&call, LT_PHASE_RETURN, ADDR, x86, sizeof x86);
    check(X86, &call, "fstat(3, {st_mode=S_IFREG|S_ISUID|0755, st_size=1234, ...}) = 0");
    put_number(x86, 24, 0020666, 4);
    put_number(x86, 40, 0x103, 8);
    check(X86, &call,
          "fstat(3, {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...}) = 0");
    pieces[0].length--; /* cut off */
    check(X86, &call, "fstat(3, 0x5000) = 0");
    pieces[0].length++;
    call.ret = -14;
    call.error = 14;
    call.data_count = 0;
    check(X86, &call, "fstat(3, 0x5000) = -1 EFAULT (Bad address)");
    call.phase = LT_PHASE_ENTER;
    check(X86, &call, "fstat(3, 0x5000) = ?");
    call.args[1] = 0;
    check(X86, &call, "fstat(3, NULL) = ?");

    call = call_of(80, 3, ADDR, 0, 0, 0);
    put_number(arm, 16, 0100000, 4);
    put_number(arm, 48, 5, 8);
    add(&call, LT_PHASE_RETURN, ADDR, arm, sizeof arm);
    check(ARM, &call, "fstat(3, {st_mode=S_IFREG|000, st_size=5, ...}) = 0");
}

/* Packed on x86_64 only. */
static void test_epoll(void **state)
{
    uint8_t event[16] = {1, 0, 0, 0, 7, 0, 0, 0, 9};
    struct lt_syscall call = call_of(233, 3, 1, 4, ADDR, 0);

    (void)state;
    add(&call, LT_PHASE_ENTER, ADDR, event, 12);
    check(X86, &call,
          "epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN, data=0x900000007}) = 0");
    call = call_of(21, 3, 1, 4, ADDR, 0);
    add(&call, LT_PHASE_ENTER, ADDR, event, 16);
    check(ARM, &call, "epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN, data=0x9}) = 0");
    call.args[1] = 2;
    check(ARM, &call, "epoll_ctl(3, EPOLL_CTL_DEL, 4, 0x5000) = 0");
}

static void test_buffers(void **state)
{
    static const char text[] = "\1\0012\n\"0123456789abcdefghijklmnopqrstuvwxyz";
    uint64_t vectors[4] = {0x6000, 3, 0x7000, 50};
    struct lt_syscall call = call_of(1, 1, ADDR, 5, 0, 5);

    (void)state;
    add(&call, LT_PHASE_ENTER, ADDR, text, 5);
    check(X86, &call, "write(1, \"\\1\\0012\\n\\\"\", 5) = 5");
    call.args[2] = 100; /* more than could be read */
    check(X86, &call, "write(1, \"\\1\\0012\\n\\\"\"..., 100) = 5");
    pieces[0].length = sizeof text - 1;
    check(X86, &call,
          "write(1, \"\\1\\0012\\n\\\"0123456789abcdefghijklmnopq\"..., 100) = 5");
    call.args[2] = 0;
    check(X86, &call, "write(1, \"\", 0) = 5");

    call = call_of(0, 3, ADDR, 100, 0, 0);
    add(&call, LT_PHASE_RETURN, ADDR, text, 0);
    check(X86, &call, "read(3, \"\", 100) = 0");
    call.ret = 3;
    check(X86, &call, "read(3, 0x5000, 100) = 3"); /* could not be read */

    call = call_of(20, 1, ADDR, 2, 0, 7);
    add(&call, LT_PHASE_ENTER, ADDR, vectors, sizeof vectors);
    add(&call, LT_PHASE_ENTER, 0x6000, "abc", 3);
    check(X86, &call,
          "writev(1, [{iov_base=\"abc\", iov_len=3}, {iov_base=0x7000, iov_len=50}], 2)"
          " = 7");
    call.args[2] = 3; /* one that could not be read */
    check(X86, &call,
          "writev(1, [{iov_base=\"abc\", iov_len=3}, {iov_base=0x7000, iov_len=50}, ...],"
          " 3) = 7");
    call = call_of(19, 1, ADDR, 2, 0, 4);
    add(&call, LT_PHASE_RETURN, ADDR, vectors, sizeof vectors);
    add(&call, LT_PHASE_RETURN, 0x6000, "abc", 3);
    add(&call, LT_PHASE_RETURN, 0x7000, "d", 1);
    check(
        X86, &call,
        "readv(1, [{iov_base=\"abc\", iov_len=3}, {iov_base=\"d\", iov_len=50}], 2) = 4");
}

static void test_sets(void **state)
{
    uint64_t set = 1 << 1 | 1 << 16, all = ~(UINT64_C(3) << 31),
             action[4] = {1, 0x4000000, 0x77, 4};
    struct lt_syscall call = call_of(14, 0, ADDR, 0x6000, 8, 0);

    (void)state;
    add(&call, LT_PHASE_ENTER, ADDR, &set, 8);
    add(&call, LT_PHASE_RETURN, 0x6000, &all, 8);
    check(X86, &call, "rt_sigprocmask(SIG_BLOCK, [INT CHLD], ~[RTMIN RT_1], 8) = 0");
    call = call_of(13, 34, ADDR, 0, 8, 0);
    add(&call, LT_PHASE_ENTER, ADDR, action, 32);
    check(X86, &call,
          "rt_sigaction(SIGRT_2, {sa_handler=SIG_IGN, sa_mask=[QUIT], "
          "sa_flags=SA_RESTORER, sa_restorer=0x77}, NULL, 8) = 0");
    action[1] = 0x80;
    check(X86, &call,
          "rt_sigaction(SIGRT_2, {sa_handler=SIG_IGN, sa_mask=[QUIT], sa_flags=0x80}, "
          "NULL, 8) = 0");
}

static void test_addresses(void **state)
{
    static const uint8_t in[16] = {2, 0, 0, 80, 127, 0, 0, 1}, un[] = {1, 0, 'a', 'b', 0},
                         in6[28] = {10, 0, 0, 80, [23] = 1}, hidden[] = {1, 0, 0, 'x'},
                         strange[] = {99, 0, 1, 2};
    struct lt_syscall call = call_of(42, 3, ADDR, 16, 0, 0);

    (void)state;
    add(&call, LT_PHASE_ENTER, ADDR, in, 16);
    check(X86, &call,
          "connect(3, {sa_family=AF_INET, sin_port=htons(80), "
          "sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0");
    pieces[0].length = 4;
    check(X86, &call, "connect(3, {sa_family=AF_INET, sa_data=\"\\0P\"}, 16) = 0");
    pieces[0].length = 1;
    check(X86, &call, "connect(3, 0x5000, 16) = 0");
    pieces[0].data = in6, pieces[0].length = sizeof in6;
    check(X86, &call,
          "connect(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
          "inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}, 16) = 0");
    pieces[0].data = un, pieces[0].length = sizeof un;
    check(X86, &call, "connect(3, {sa_family=AF_UNIX, sun_path=\"ab\"}, 16) = 0");
    pieces[0].length = 2;
    check(X86, &call, "connect(3, {sa_family=AF_UNIX}, 16) = 0");
    pieces[0].data = hidden, pieces[0].length = sizeof hidden;
    check(X86, &call, "connect(3, {sa_family=AF_UNIX, sun_path=@\"x\"}, 16) = 0");
    pieces[0].data = strange, pieces[0].length = sizeof strange;
    check(X86, &call, "connect(3, {sa_family=99, sa_data=\"\\1\\2\"}, 16) = 0");
}

static void test_processes(void **state)
{
    uint64_t limit[2] = {8 << 20, UINT64_MAX}, pointers[3] = {0x6000, 0x7000, 0};
    uint32_t status = 3 << 8;
    struct lt_syscall call = call_of(61, 77, ADDR, 0, 0, 77);

    (void)state;
    add(&call, LT_PHASE_RETURN, ADDR, &status, 4);
    check(X86, &call, "wait4(77, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 77");
    status = 11 | 0x80;
    check(X86, &call,
          "wait4(77, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}], 0, "
          "NULL) = 77");
    status = 19 << 8 | 0x7f;
    check(X86, &call,
          "wait4(77, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], 0, NULL) = 77");
    status = 0xffff;
    check(X86, &call, "wait4(77, [{WIFCONTINUED(s)}], 0, NULL) = 77");
    call.ret = 0;
    check(X86, &call, "wait4(77, 0x5000, 0, NULL) = 0");

    call = call_of(302, 0, 3, ADDR, 0, 0);
    add(&call, LT_PHASE_ENTER, ADDR, limit, 16);
    check(X86, &call,
          "prlimit64(0, RLIMIT_STACK, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}, "
          "NULL) = 0");

    call = call_of(59, 1, ADDR, 0x8000, 0, -2);
    call.strings[0] = "/x";
    add(&call, LT_PHASE_ENTER, ADDR, pointers, 24);
    add(&call, LT_PHASE_ENTER, 0x6000, "x", 1);
    add(&call, LT_PHASE_ENTER, 0x8000, pointers, 8);
    check(X86, &call,
          "execve(\"/x\", [\"x\", 0x7000], 0x8000 /* 1 or more vars */) = -1 ENOENT (No "
          "such file or directory)");
}

static void test_results(void **state)
{
    static const struct {
        uint32_t nr;
        int64_t ret;
        const char *text;
    } results[] = {
        {0, -512, "? ERESTARTSYS (To be restarted if SA_RESTART is set)"},
        {0, -513, "? ERESTARTNOINTR (To be restarted)"},
        {0, -514, "? ERESTARTNOHAND (To be restarted if no handler)"},
        {0, -516, "? ERESTART_RESTARTBLOCK (Interrupted by signal)"},
        {0, -4, "-1 EINTR (Interrupted system call)"},
        {0, -4000, "-1 (errno 4000)"},
        {0, -4096, "-4096"},
        {9, 0x7f0000000000, "0x7f0000000000"},
        {12, 0x1000, "0x1000"},
        {95, 022, "022"},
        {95, 0, "000"},
        {24, -38, "-1 ENOSYS (Function not implemented)"},
        {231, 0, "?"},
        {145, 1, "1 (SCHED_FIFO)"},
        {999, 5, "5"},
        {23, 0, "0 (Timeout)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        struct lt_syscall call = call_of(results[i].nr, 0, 0, 0, 0, results[i].ret);
        char text[100];

        lti_syscall_result_text(X86, &call, text, sizeof text);
        assert_string_equal(text, results[i].text);
    }
}

static void test_poll(void **state)
{
    uint8_t before[16] = {3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 4}, after[16];
    uint64_t set = 1 << 3 | 1 << 5;
    struct lt_syscall call = call_of(7, ADDR, 2, 5, 0, 1);

    (void)state;
    memcpy(after, before, 16);
    after[14] = 0x14;
    add(&call, LT_PHASE_ENTER, ADDR, before, 16);
    add(&call, LT_PHASE_RETURN, ADDR, after, 16);
    check(X86, &call,
          "poll([{fd=3, events=POLLIN}, {fd=4, events=POLLOUT}], 2, 5) = 1 ([{fd=4, "
          "revents=POLLOUT|POLLHUP}])");
    call.ret = 0;
    check(X86, &call,
          "poll([{fd=3, events=POLLIN}, {fd=4, events=POLLOUT}], 2, 5) = 0 (Timeout)");
    call = call_of(23, 6, ADDR, 0, 0, 2);
    add(&call, LT_PHASE_ENTER, ADDR, &set, 8);
    add(&call, LT_PHASE_RETURN, ADDR, &set, 8);
    check(X86, &call, "select(6, [3 5], NULL, NULL, NULL) = 2 (in [3 5])");
}

static void test_names_of_arguments(void **state)
{
    (void)state;
    assert_string_equal(lt_syscall_arg_name(X86, 257, 0), "dirfd");
    assert_string_equal(lt_syscall_arg_name(ARM, 56, 3), "mode");
    assert_string_equal(lt_syscall_arg_name(X86, 56, 3), "child_tid"); /* clone */
    assert_string_equal(lt_syscall_arg_name(ARM, 220, 3), "tls");
    assert_null(lt_syscall_arg_name(X86, 257, 4));
    assert_null(lt_syscall_arg_name(X86, 39, 0));
    assert_null(lt_syscall_arg_name(X86, 999, 0));
    assert_null(lt_syscall_arg_name(7, 0, 0));
    assert_int_equal(lt_syscall_arg_type(X86, 257, 0), LT_ARG_FD);
    assert_int_equal(lt_syscall_arg_type(X86, 257, 1), LT_ARG_STRING);
    assert_int_equal(lt_syscall_arg_type(X86, 257, 2), LT_ARG_FLAGS);
    assert_int_equal(lt_syscall_arg_type(X86, 257, 3), LT_ARG_MODE);
    assert_int_equal(lt_syscall_arg_type(X86, 0, 1), LT_ARG_BUFFER);
    assert_int_equal(lt_syscall_arg_type(X86, 0, 2), LT_ARG_SIZE);
    assert_int_equal(lt_syscall_arg_type(X86, 5, 1), LT_ARG_STRUCT);
    assert_int_equal(lt_syscall_arg_type(X86, 8, 2), LT_ARG_ENUM);
    assert_int_equal(lt_syscall_arg_type(X86, 257, 4), LT_ERR_ARGUMENT);
    assert_int_equal(lt_syscall_arg_type(X86, 999, 0), LT_ERR_ARGUMENT);
    assert_int_equal(lt_syscall_arg_type(9, 0, 0), LT_ERR_ARGUMENT);
}

/* All calls that kernels still have are described. */
static void test_complete(void **state)
{
    (void)state;
    for (uint32_t arch = X86; arch <= ARM; arch++) {
        unsigned unknown = 0;

        for (uint32_t nr = 0; nr < 1024; nr++) {
            const char *name = lt_syscall_name(arch, nr);
            unsigned count = lti_syscall_arg_count(arch, nr);

            for (uint32_t i = 0; name && i < count; i++) {
                if (!lt_syscall_arg_name(arch, nr, i))
                    unknown += i == 0;
                else
                    assert_true(lt_syscall_arg_type(arch, nr, i) > 0);
            }
        }
        assert_int_equal(unknown, arch == X86 ? 9 : 1); /* nfsservctl and the like */
    }
}

/* The table for the engine has room for everything, and says what is true. */
static void test_captures(void **state)
{
    struct lti_calls *control = calloc(1, sizeof *control);
    const struct lti_form *form;
    const struct lti_capture *what;

    (void)state;
    for (uint32_t arch = X86; arch <= ARM; arch++) {
        memset(control, 0, sizeof *control);
        lti_syscall_captures(arch, control);
        for (uint32_t nr = 0; nr < LTI_MAX_CALLS; nr++) {
            uint8_t strings = lti_syscall_strings(arch, nr);

            assert_true(!strings || control->form_of[nr]);
            for (unsigned at = control->form_of[nr]; at; at++) {
                assert_true(at < LTI_MAX_FORMS);
                form = &control->forms[at];
                assert_true(form->first + form->captures <= LTI_MAX_CAPTURES);
                for (unsigned i = 0; i < form->captures; i++) {
                    what = &control->captures[form->first + i];
                    assert_true(what->arg < 6 && what->when && what->unit <= 4096);
                    assert_true(what->count == LTI_COUNT_NUMBER || what->number < 6);
                }
                if (form->arg >= 6)
                    break;
            }
        }
    }
    /* aarch64: read, then openat. */
    form = &control->forms[control->form_of[63]];
    what = &control->captures[form->first];
    assert_int_equal(form->captures, 1);
    assert_int_equal(what->arg, 1);
    assert_int_equal(what->how, LTI_CAPTURE_BYTES);
    assert_int_equal(what->when, LTI_CAPTURE_RETURN);
    assert_int_equal(what->count, LTI_COUNT_RET);
    what = &control->captures[control->forms[control->form_of[56]].first];
    assert_int_equal(what->how, LTI_CAPTURE_TEXT);
    assert_int_equal(control->form_of[172], 0); /* getpid */
    free(control);
}

static uint64_t seed;

static uint64_t random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Whatever memory says, in whatever pieces: nothing is read behind a piece, and the
 * text is the same in any room. */
static void test_hostile(void **state)
{
    static const uint64_t likely[] = {0, 1, 2, 8, 16, 100, ADDR, UINT64_MAX};
    uint8_t *memory[8];

    (void)state;
    seed = 20261123;
    for (unsigned round = 0; round < 60; round++) {
        for (uint32_t nr = 0; nr < 470; nr++) {
            struct lt_syscall call = call_of(nr, 0, 0, 0, 0, 0);
            const uint32_t arch = round & 1 ? X86 : ARM;
            char text[20000], small[64];
            int length;

            for (unsigned i = 0; i < 6; i++)
                call.args[i] =
                    random_number() % 3 ? likely[random_number() % 8] : random_number();
            call.phase = random_number() & 1;
            call.ret = (int64_t)likely[random_number() % 8];
            call.error = call.ret == -1;
            for (unsigned i = 0; i < 8; i++) {
                size_t size = random_number() % (random_number() % 8 ? 64 : 4097);

                memory[i] = malloc(size ? size : 1);
                for (size_t k = 0; k < size; k++)
                    memory[i][k] = random_number() % 3 ? 0 : (uint8_t)random_number();
                if (size >= 8 && random_number() % 2)
                    put_number(memory[i], random_number() % (size - 7), ADDR, 8);
                add(&call, random_number() & 1, i < 6 ? call.args[i] : ADDR, memory[i],
                    size);
            }
            length = lti_syscall_text(arch, &call, text, sizeof text);
            assert_true(length > 0);
            assert_int_equal(lti_syscall_text(arch, &call, small, sizeof small), length);
            assert_int_equal(strncmp(small, text, sizeof small - 1), 0);
            assert_true(lti_syscall_result_text(arch, &call, text, sizeof text) > 0);
            for (uint32_t i = 0; i < 7; i++)
                lti_syscall_arg_text(arch, &call, i, text, sizeof text);
            for (unsigned i = 0; i < 8; i++)
                free(memory[i]);
        }
    }
}

/* Text of one argument alone. */
static void test_argument_text(void **state)
{
    struct lt_syscall call = call_of(72, 3, 2, 1, 0, 0);
    char text[64];

    (void)state;
    assert_int_equal(lti_syscall_arg_text(X86, &call, 1, text, sizeof text), 7);
    assert_string_equal(text, "F_SETFD");
    assert_int_equal(lti_syscall_arg_text(X86, &call, 2, text, sizeof text), 10);
    assert_string_equal(text, "FD_CLOEXEC");
    assert_int_equal(lti_syscall_arg_text(X86, &call, 3, text, sizeof text),
                     LT_ERR_NOT_FOUND);
    assert_int_equal(lti_syscall_arg_text(X86, &call, 6, text, sizeof text),
                     LT_ERR_ARGUMENT);
    call.args[1] = 1; /* F_GETFD takes none */
    assert_int_equal(lti_syscall_arg_text(X86, &call, 2, text, sizeof text),
                     LT_ERR_NOT_FOUND);
    call = call_of(999, 16, 0, 0, 0, 0);
    lti_syscall_arg_text(X86, &call, 0, text, sizeof text);
    assert_string_equal(text, "0x10");
}

/* Every number of the C library's is there. */
static void test_errors(void **state)
{
    (void)state;
    for (uint32_t error = 1; error <= 133; error++) {
        const char *name = strerrorname_np((int)error), *ours = lt_errno_name(error);

        if (name) {
            assert_non_null(ours);
            assert_string_equal(ours, name);
        }
    }
    assert_null(lt_errno_name(0));
    assert_null(lt_errno_name(4000));
    assert_string_equal(lt_errno_name(512), "ERESTARTSYS");
    assert_null(lt_errno_name(515));
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
        cmocka_unit_test(test_long_string),  cmocka_unit_test(test_stat),
        cmocka_unit_test(test_epoll),        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_sets),         cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_processes),    cmocka_unit_test(test_results),
        cmocka_unit_test(test_poll),         cmocka_unit_test(test_names_of_arguments),
        cmocka_unit_test(test_complete),     cmocka_unit_test(test_captures),
        cmocka_unit_test(test_hostile),      cmocka_unit_test(test_argument_text),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
