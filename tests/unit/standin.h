/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for the engine: the test program itself, executed with the
 * engine's arguments.  The guest's argv says what it does.  It shows what the
 * library does with engines that behave in ways the real one should not.
 */
#ifndef TEST_STANDIN_H
#define TEST_STANDIN_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stream.h"

#define STANDIN_ENGINE "/proc/self/exe"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
/* The stand-in ends by signals, and tells which ones are handled. */
#define SANITIZER_OPTIONS                                                                \
    "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0"
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return SANITIZER_OPTIONS;
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return SANITIZER_OPTIONS;
}
#endif

struct standin {
    struct lti_control *control;
    struct lti_stream *stream; /* the first */
    uint8_t *arena;
    uint64_t committed;
};

static void standin_ring(struct lti_control *control)
{
    if (__atomic_load_n(&control->listening, __ATOMIC_SEQ_CST) != 0) {
        __atomic_fetch_add(&control->bell, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, &control->bell, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

static struct lti_chunk *standin_chunk(struct standin *s)
{
    return &s->stream->chunks[s->stream->produced % LTI_CHUNKS];
}

static void standin_next_chunk(struct standin *s)
{
    struct lti_stream *stream = s->stream;
    __atomic_store_n(&standin_chunk(s)->closed, 1, __ATOMIC_RELEASE);
    uint32_t produced = __atomic_add_fetch(&stream->produced, 1, __ATOMIC_SEQ_CST);
    standin_ring(s->control);
    for (;;) {
        uint32_t room = __atomic_load_n(&stream->room, __ATOMIC_SEQ_CST);
        __atomic_store_n(&stream->blocked, 1, __ATOMIC_SEQ_CST);
        if (produced - __atomic_load_n(&stream->consumed, __ATOMIC_SEQ_CST) <
            LTI_CHUNKS) {
            break;
        }
        syscall(SYS_futex, &stream->room, FUTEX_WAIT, room, NULL, NULL, 0);
    }
    __atomic_store_n(&stream->blocked, 0, __ATOMIC_SEQ_CST);
    s->committed = 0;
}

static void standin_write(struct standin *s, uint32_t kind, const void *data,
                          uint32_t size)
{
    if (s->committed + 4 + size > LTI_CHUNK_SIZE) {
        standin_next_chunk(s);
    }
    uint32_t head = LTI_SPECIAL_HEAD(kind, 4 + size);
    uint8_t *at = s->arena + LTI_RING_OFFSET +
                  (s->stream->produced % LTI_CHUNKS) * (uint64_t)LTI_CHUNK_STRIDE +
                  s->committed;
    memcpy(at, &head, 4);
    if (size != 0) {
        memcpy(at + 4, data, size);
    }
    s->committed += 4 + size;
    __atomic_store_n(&standin_chunk(s)->committed, s->committed, __ATOMIC_SEQ_CST);
    standin_ring(s->control);
}

/* What a stream begins with. */
static void standin_begin(struct standin *s)
{
    struct {
        uint32_t zero;
        uint32_t stamp[2];
    } stamp = {0, {(uint32_t)++s->control->stamp, 0}};
    struct {
        uint32_t pid, tid, parent, arch, op, path_size;
        char path[12];
    } process = {.arch = 1, .op = LTI_PROCESS_START, .path_size = 9, .path = "/stand/in"};
    process.pid = process.tid = (uint32_t)getpid();
    s->control->stream_limit = 1;
    s->stream->pid = process.pid;
    __atomic_store_n(&s->stream->state, LTI_STREAM_LIVE, __ATOMIC_RELEASE);
    standin_write(s, LTI_S_STAMP, &stamp, sizeof stamp);
    standin_write(s, LTI_S_PROCESS, &process, sizeof process);
}

static void standin_map(struct standin *s, uint64_t start)
{
    struct {
        uint64_t start, end, offset;
        uint32_t prot, path_size;
        char path[12];
    } map = {start, start + 0x1000, 0, 5, 11, "/stand/in/x"};
    standin_write(s, LTI_S_MAP, &map, 44);
}

static void standin_exit_record(struct standin *s, int32_t status, int32_t sig)
{
    int32_t end[2] = {status, sig};
    standin_write(s, LTI_S_EXIT, end, sizeof end);
    s->control->phase = LTI_PHASE_END;
    __atomic_store_n(&s->stream->state, LTI_STREAM_ENDED, __ATOMIC_RELEASE);
}

/* Prints what a program finds when it begins. */
static void standin_report(char **argv)
{
    char text[4096];
    printf("cwd %s\n", getcwd(text, sizeof text) != NULL ? text : "?");
    for (char **p = argv; *p != NULL; p++) {
        printf("arg %s\n", *p);
    }
    const char *value = getenv("STANDIN");
    printf("env %s\n", value != NULL ? value : "-");
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int i = 1; i < 65; i++) {
        struct sigaction action;
        if (i < 32 || i > 33) {
            if (sigismember(&mask, i) == 1) {
                printf("blocked %d\n", i);
            }
            if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
                printf("handled %d\n", i);
            }
        }
    }
    printf("group %s\n", getpgrp() == getpid() ? "own" : "other");
    for (int fd = 0; fd < 1000; fd++) {
        char name[40];
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(name, text, sizeof text - 1);
        if (n >= 0) {
            text[n] = '\0';
            printf("fd %d %s\n", fd, strncmp(text, "pipe:", 5) == 0 ? "pipe" : text);
        }
    }
    fflush(stdout);
}

/* Forks processes that hide as well as they can, and names them all. */
static void standin_tree(void)
{
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            if (i > 0) {
                setsid();
            }
            if (fork() == 0) {
                setsid();
                printf("%d\n", (int)getpid());
                fflush(stdout);
                for (;;) {
                    pause();
                }
            }
            if (i > 1) {
                _exit(0); /* an orphan is left */
            }
            printf("%d\n", (int)getpid());
            fflush(stdout);
            for (;;) {
                pause();
            }
        }
    }
    printf("%d\n", (int)getpid());
    fflush(stdout);
}

static void standin_play(struct standin *s, char **argv)
{
    struct lti_control *control = s->control;
    const char *what = argv[0] != NULL && argv[1] != NULL ? argv[1] : "exit";
    int number =
        argv[0] != NULL && argv[1] != NULL && argv[2] != NULL ? atoi(argv[2]) : 0;
    if (strcmp(what, "early") == 0) {
        _exit(number);
    }
    control->phase = LTI_PHASE_LOAD;
    if (strcmp(what, "load") == 0) {
        control->load_error = (uint32_t)number;
        snprintf(control->message, sizeof control->message, "%s",
                 argv[3] != NULL ? argv[3] : "");
        _exit(1);
    }
    control->phase = LTI_PHASE_RUN;
    if (strcmp(what, "nameless") == 0) {
        /* It has a stream and dies before it writes to it. */
        control->stream_limit = 1;
        __atomic_store_n(&s->stream->state, LTI_STREAM_LIVE, __ATOMIC_RELEASE);
        raise(number);
    }
    standin_begin(s);
    if (strcmp(what, "gave-up") == 0) {
        snprintf(control->message, sizeof control->message, "no more\n");
        _exit(1);
    }
    if (strcmp(what, "silent") == 0) {
        _exit(number);
    }
    if (strcmp(what, "garbage") == 0) {
        __atomic_store_n(&standin_chunk(s)->committed, 1ull << 40, __ATOMIC_SEQ_CST);
        standin_ring(control);
        pause();
    }
    if (strcmp(what, "maps") == 0) {
        for (int i = 0; i < number; i++) {
            standin_map(s, 0x10000 + (uint64_t)i % 16 * 0x1000);
        }
    }
    if (strcmp(what, "report") == 0) {
        standin_report(argv);
    }
    if (strcmp(what, "tree") == 0) {
        standin_tree();
        if (number != 0) {
            for (;;) {
                pause();
            }
        }
    }
    if (strcmp(what, "hang") == 0) {
        standin_map(s, 0x10000);
        for (;;) {
            pause();
        }
    }
    if (strcmp(what, "raise") == 0) {
        raise(number);
    }
    if (strcmp(what, "signal") == 0) {
        standin_exit_record(s, 0, number);
        raise(number);
    }
    bool plain = strcmp(what, "exit") == 0;
    standin_exit_record(s, plain ? number : 0, 0);
    _exit(plain ? number : 0);
}

/* The engine's main() when the program was started as one; otherwise returns. */
static void standin_main(int argc, char **argv)
{
    if (argc < 6 || strcmp(argv[0], "lt-engine") != 0) {
        return;
    }
    int fd = atoi(argv[2]);
    struct standin s = {NULL, NULL, NULL, 0};
    s.arena = mmap(NULL, LTI_ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (s.arena == MAP_FAILED) {
        _exit(99);
    }
    close(fd);
    s.control = (struct lti_control *)s.arena;
    s.stream = &s.control->streams[0];
    if (s.control->magic != LTI_STREAM_MAGIC) {
        s.control->magic = LTI_STREAM_MAGIC;
    }
    standin_play(&s, argv + 5);
}

/* ---- For the tests ---- */

static inline unsigned count_entries(const char *directory)
{
    unsigned count = 0;
    DIR *dir = opendir(directory);
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static inline unsigned count_lines(const char *path)
{
    unsigned count = 0;
    FILE *file = fopen(path, "r");
    for (int c; file != NULL && (c = fgetc(file)) != EOF;) {
        count += c == '\n';
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

/* The mappings of this process, where only the library makes new ones. */
static inline unsigned count_maps(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0;
#else
    return count_lines("/proc/self/maps");
#endif
}

/* All children of this process, those without an exit signal too. */
static inline unsigned count_children(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/task");
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char name[300];
        int pid;
        snprintf(name, sizeof name, "/proc/self/task/%s/children", entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(name, "r");
        while (file != NULL && fscanf(file, "%d", &pid) == 1) {
            count++;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

/* Whether a process is there and no zombie. */
static inline bool is_alive(int pid)
{
    char name[60], text[256];
    snprintf(name, sizeof name, "/proc/%d/stat", pid);
    FILE *file = fopen(name, "r");
    bool alive = file != NULL && fgets(text, sizeof text, file) != NULL &&
                 strrchr(text, ')') != NULL && strrchr(text, ')')[2] != 'Z' &&
                 strrchr(text, ')')[2] != 'X';
    if (file != NULL) {
        fclose(file);
    }
    return alive;
}

/* Reads numbers, a line each, from a descriptor; -1 for what does not come. */
static inline void read_numbers(int fd, int *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        char text[20] = "";
        size_t n = 0;
        while (n < sizeof text - 1 && read(fd, text + n, 1) == 1 && text[n] != '\n') {
            n++;
        }
        numbers[i] = n > 0 ? atoi(text) : -1;
    }
}

#endif
