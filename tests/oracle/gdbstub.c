/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system's qemu-aarch64 as the oracle of aarch64: an independent build of
 * another version, single-stepped through its gdb stub.  The protocol is that
 * of "GDB Remote Serial Protocol" in gdb's manual.
 */
#define _GNU_SOURCE
#include "oracle.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lt/lt.h"

#define PACKET_MAX 16384
#define READ_MAX 1024

/* Numbers of the stub: its aarch64-fpu.xml follows its aarch64-core.xml. */
#define STUB_V0 34u
#define STUB_FPSR 66u
#define STUB_FPCR 67u
/* With scalable vectors, z0 to z31 are in place of v0 to v31. */
#define STUB_P0 68u
#define STUB_FFR 84u
#define STUB_VG 85u

static int send_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t n = send(fd, bytes, count, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        count -= (size_t)n;
    }
    return 0;
}

static int send_packet(struct oracle *oracle, const char *text)
{
    char packet[4096];
    unsigned sum = 0;
    const char *p;
    int n;

    for (p = text; *p != '\0'; p++)
        sum += (unsigned char)*p;
    /* The plus acknowledges what the stub said last. */
    n = snprintf(packet, sizeof packet, "+$%s#%02x", text, sum & 255);
    if (n < 0 || (size_t)n >= sizeof packet)
        return -1;
    return send_all(oracle->fd, packet, (size_t)n);
}

/* Receives one packet's text; acknowledgements in between are dropped. */
static int receive_packet(struct oracle *oracle, char *text, size_t size)
{
    static char input[PACKET_MAX];
    size_t have = 0;

    for (;;) {
        ssize_t n = recv(oracle->fd, input + have, sizeof input - 1 - have, 0);
        char *begin;
        char *end;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        have += (size_t)n;
        input[have] = '\0';
        begin = strchr(input, '$');
        end = begin != NULL ? strchr(begin, '#') : NULL;
        if (end != NULL && (size_t)(input + have - end) >= 3) {
            size_t length = (size_t)(end - begin - 1);

            if (length >= size)
                return -1;
            memcpy(text, begin + 1, length);
            text[length] = '\0';
            return 0;
        }
        if (have >= sizeof input - 1)
            return -1;
    }
}

static int ask(struct oracle *oracle, const char *question, char *answer, size_t size)
{
    if (send_packet(oracle, question) != 0)
        return -1;
    return receive_packet(oracle, answer, size);
}

static int from_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int parse_bytes(const char *text, uint8_t *to, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i++) {
        int high = from_hex(text[2 * i]);
        int low = high >= 0 ? from_hex(text[2 * i + 1]) : -1;

        if (low < 0)
            return -1;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static int load_regs(struct oracle *oracle)
{
    char text[PACKET_MAX];
    uint8_t bytes[33 * 8 + 4];
    uint32_t cpsr;

    if (ask(oracle, "g", text, sizeof text) != 0 ||
        parse_bytes(text, bytes, sizeof bytes) != 0)
        return -1;
    memcpy(oracle->regs, bytes, 33 * 8); /* x0 to x30, sp, pc */
    memcpy(&cpsr, bytes + 33 * 8, 4);
    oracle->regs[LT_AARCH64_NZCV] = cpsr & 0xf0000000u;
    return 0;
}

static int get_reg(struct oracle *oracle, unsigned number, void *to, size_t bytes)
{
    char question[32];
    char answer[PACKET_MAX];

    snprintf(question, sizeof question, "p%x", number);
    if (ask(oracle, question, answer, sizeof answer) != 0)
        return -1;
    return parse_bytes(answer, to, bytes);
}

/* The scalable registers, whose length may have changed. */
static int load_scalable(struct oracle *oracle)
{
    uint64_t vg;
    unsigned i;

    if (get_reg(oracle, STUB_VG, &vg, 8) != 0 || vg < 2 || vg > ORACLE_WIDTH / 8)
        return -1;
    oracle->vector = 8 * (unsigned)vg;
    memset(oracle->wide[LT_AARCH64_Z0], 0, 49 * sizeof oracle->wide[0]);
    for (i = 0; i < 32; i++) {
        uint8_t *z = oracle->wide[LT_AARCH64_Z0 + i];

        if (get_reg(oracle, STUB_V0 + i, z, oracle->vector) != 0)
            return -1;
        memcpy(oracle->wide[LT_AARCH64_V0 + i], z, 16);
    }
    for (i = 0; i < 17; i++) {
        if (get_reg(oracle, STUB_P0 + i, oracle->wide[LT_AARCH64_P0 + i],
                    oracle->vector / 8) != 0)
            return -1;
    }
    return 0;
}

static int load_wide(struct oracle *oracle)
{
    unsigned i;

    if (oracle->vector != 0 && load_scalable(oracle) != 0)
        return -1;
    for (i = 0; i < 32 && oracle->vector == 0; i++) {
        if (get_reg(oracle, STUB_V0 + i, oracle->wide[LT_AARCH64_V0 + i], 16) != 0)
            return -1;
    }
    return get_reg(oracle, STUB_FPSR, &oracle->regs[LT_AARCH64_FPSR], 4) != 0 ||
                   get_reg(oracle, STUB_FPCR, &oracle->regs[LT_AARCH64_FPCR], 4) != 0
               ? -1
               : 0;
}

/* Asking for all registers takes long.  These encodings can write those of SIMD and
 * floating point (Arm's architecture reference manual, C4.1): SIMD and floating
 * point, its loads, SVE, and system instructions. */
static int writes_wide(uint32_t code)
{
    return (code & 0x0e000000) == 0x0e000000 || (code & 0x0e000000) == 0x0c000000 ||
           (code & 0x1e000000) == 0x04000000 || (code & 0xff000000) == 0xd5000000 ||
           (code & 0xff000000) == 0xd4000000;
}

static int set_reg(struct oracle *oracle, unsigned number, const uint8_t *bytes,
                   unsigned count)
{
    char question[32 + 2 * ORACLE_WIDTH];
    char answer[64];
    int n = snprintf(question, sizeof question, "P%x=", number);
    unsigned i;

    for (i = 0; i < count; i++)
        n += snprintf(question + n, sizeof question - (size_t)n, "%02x", bytes[i]);
    return ask(oracle, question, answer, sizeof answer);
}

int gdbstub_set_wide(struct oracle *oracle)
{
    const uint64_t *regs = oracle->regs;
    unsigned i;

    for (i = 0; i < 32; i++) {
        int error =
            oracle->vector != 0
                ? set_reg(oracle, STUB_V0 + i, oracle->wide[LT_AARCH64_Z0 + i],
                          oracle->vector)
                : set_reg(oracle, STUB_V0 + i, oracle->wide[LT_AARCH64_V0 + i], 16);

        if (error != 0)
            return -1;
    }
    for (i = 0; i < 17 && oracle->vector != 0; i++) {
        if (set_reg(oracle, STUB_P0 + i, oracle->wide[LT_AARCH64_P0 + i],
                    (oracle->vector / 8 + 7) & ~7u) != 0)
            return -1;
    }
    return set_reg(oracle, STUB_FPSR, (const uint8_t *)&regs[LT_AARCH64_FPSR], 4) != 0 ||
                   set_reg(oracle, STUB_FPCR, (const uint8_t *)&regs[LT_AARCH64_FPCR],
                           4) != 0
               ? -1
               : 0;
}

int gdbstub_set_regs(struct oracle *oracle)
{
    char question[64];
    char answer[64];
    unsigned i;

    for (i = 0; i < 33; i++) {
        const uint8_t *b = (const uint8_t *)&oracle->regs[i];

        snprintf(question, sizeof question, "P%x=%02x%02x%02x%02x%02x%02x%02x%02x", i,
                 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
        if (ask(oracle, question, answer, sizeof answer) != 0)
            return -1;
    }
    snprintf(question, sizeof question, "P21=000000%02x",
             (unsigned)(oracle->regs[LT_AARCH64_NZCV] >> 24 & 0xf0));
    return ask(oracle, question, answer, sizeof answer);
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct timespec pause = {0, 10 * 1000 * 1000};
    int tries;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    for (tries = 0; tries < 500; tries++) {
        if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
            return fd;
        nanosleep(&pause, NULL);
    }
    close(fd);
    return -1;
}

int gdbstub_start(struct oracle *oracle, const char *program, int out)
{
    const char *emulator = getenv("LT_ORACLE_QEMU_AARCH64");
    char answer[PACKET_MAX];
    pid_t pid;

    if (emulator == NULL)
        emulator = "qemu-aarch64";
    snprintf(oracle->socket_path, sizeof oracle->socket_path, "/tmp/lt-oracle-%ld",
             (long)getpid());
    unlink(oracle->socket_path);
    pid = fork();
    if (pid < 0) {
        perror("fork");
        return -1;
    }
    if (pid == 0) {
        if (out >= 0)
            dup2(out, 1);
        execlp(emulator, emulator, "-cpu",
               oracle_cpu != NULL ? oracle_cpu : "max,sve=off,sme=off", "-g",
               oracle->socket_path, program, (char *)NULL);
        perror(emulator);
        _exit(127);
    }
    oracle->pid = pid;
    oracle->fd = connect_to(oracle->socket_path);
    oracle->vector = oracle_cpu != NULL ? 16 : 0;
    /* Only who has asked for the description of the registers may set them. */
    if (oracle->fd < 0 || ask(oracle, "?", answer, sizeof answer) != 0 ||
        ask(oracle, "qXfer:features:read:target.xml:0,ffb", answer, sizeof answer) != 0 ||
        load_regs(oracle) != 0 || load_wide(oracle) != 0) {
        fprintf(stderr, "%s: no gdb stub of %s\n", program, emulator);
        oracle_end(oracle);
        return -1;
    }
    return 0;
}

enum oracle_event gdbstub_step(struct oracle *oracle)
{
    char answer[PACKET_MAX];
    uint64_t pc = oracle->regs[LT_AARCH64_PC];
    uint32_t code = 0;
    unsigned number;

    oracle_read(oracle, pc, &code, 4);
    if (ask(oracle, "s", answer, sizeof answer) != 0) {
        fprintf(stderr, "the gdb stub went away\n");
        oracle->signal = SIGKILL;
        return ORACLE_SIGNAL;
    }
    number = (unsigned)strtoul((char[]){answer[1], answer[2], 0}, NULL, 16);
    if (answer[0] == 'W') {
        oracle->steps++;
        oracle->insns++;
        oracle->status = (int)number;
        return ORACLE_EXITED;
    }
    if (answer[0] == 'X' || number != SIGTRAP) {
        oracle->signal = (int)number;
        return ORACLE_SIGNAL;
    }
    if (load_regs(oracle) != 0 || (writes_wide(code) && load_wide(oracle) != 0))
        return ORACLE_SIGNAL;
    /* The stub does not show the thread pointer; only this can change it. */
    if ((code & 0xffffffe0) == 0xd51bd040)
        oracle->regs[LT_AARCH64_TPIDR_EL0] =
            (code & 31) == 31 ? 0 : oracle->regs[code & 31];
    oracle->steps++;
    oracle->insns++;
    oracle->iterations = 1;
    /* After svc and yield it stops only behind the next instruction, a nop. */
    if (oracle->regs[LT_AARCH64_PC] == pc + 8 &&
        (code == 0xd4000001u || code == 0xd503203fu)) {
        oracle->insns++;
        oracle->skipped = 1;
    }
    return ORACLE_STEPPED;
}

int gdbstub_read(struct oracle *oracle, uint64_t addr, void *to, size_t bytes)
{
    uint8_t *at = to;

    while (bytes > 0) {
        char question[64];
        char answer[PACKET_MAX];
        size_t part = bytes < READ_MAX ? bytes : READ_MAX;

        snprintf(question, sizeof question, "m%llx,%zx", (unsigned long long)addr, part);
        if (ask(oracle, question, answer, sizeof answer) != 0 ||
            parse_bytes(answer, at, part) != 0)
            return -1;
        at += part;
        addr += part;
        bytes -= part;
    }
    return 0;
}

int gdbstub_write(struct oracle *oracle, uint64_t addr, const void *from, size_t bytes)
{
    const uint8_t *at = from;

    while (bytes > 0) {
        char question[64 + 2 * 256];
        char answer[64];
        size_t part = bytes < 256 ? bytes : 256;
        int n = snprintf(question, sizeof question,
                         "M%llx,%zx:", (unsigned long long)addr, part);
        size_t i;

        for (i = 0; i < part; i++)
            n += snprintf(question + n, sizeof question - (size_t)n, "%02x", at[i]);
        if (ask(oracle, question, answer, sizeof answer) != 0 ||
            strcmp(answer, "OK") != 0)
            return -1;
        at += part;
        addr += part;
        bytes -= part;
    }
    return 0;
}

void gdbstub_end(struct oracle *oracle)
{
    if (oracle->fd >= 0)
        close(oracle->fd);
    oracle->fd = -1;
    if (oracle->socket_path[0] != '\0')
        unlink(oracle->socket_path);
}
