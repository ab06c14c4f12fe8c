/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replica [-c CPU] [-L SYSROOT] [-n N] [-i TEXT]... [-f FILE] PROGRAM [ARGS...]: keeps a
 * copy of a guest's memory, made from its events alone, and compares it byte for byte
 * with the memory of the process that runs the guest.
 *
 * That is done whenever the guest waits for its standard input, which is a pipe
 * of ours: everything that it did is known then.  Each TEXT, and each line of FILE,
 * is written there when the guest waits for more, then the pipe is closed.  The guest
 * must wait at least N times (1).  Its children are not looked at, but for what the
 * library finds when it compares memory by itself.  The exit status is the guest's, or
 * 99 when something is not so.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define PAGE 4096u
#define TABLE (1u << 20)

/* A page of something: of the guest's private memory, object 0, or of what is
 * shared. */
struct page {
    struct page *next;
    uint32_t object;
    uint64_t number;
    uint8_t data[PAGE];
};

struct range {
    uint64_t start, end, offset;
    uint32_t object, prot;
};

static struct page *table[TABLE];
static struct range ranges[65536];
static size_t range_count;
static uint64_t objects[4096][2];
static uint32_t object_count = 1;
static uint64_t base, bytes_compared, problems, compared, kernel_writes, maps;
static int base_known;

static void fail(const char *what)
{
    fprintf(stderr, "replica: %s\n", what);
    exit(99);
}

/* ---- Pages ---- */

static struct page **find(uint32_t object, uint64_t number)
{
    uint64_t hash = (number * 31 + object) * UINT64_C(0x9e3779b97f4a7c15);
    struct page **at = &table[hash >> 44];

    while (*at && ((*at)->object != object || (*at)->number != number))
        at = &(*at)->next;
    return at;
}

static struct page *make(uint32_t object, uint64_t number)
{
    struct page **at = find(object, number);

    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at == NULL)
            fail("no memory");
        (*at)->object = object;
        (*at)->number = number;
    }
    return *at;
}

static void drop(uint32_t object, uint64_t first, uint64_t count)
{
    if (count > TABLE) {
        for (size_t i = 0; i < TABLE; i++) {
            for (struct page **at = &table[i]; *at != NULL;) {
                struct page *p = *at;
                if (p->object == object && p->number - first < count) {
                    *at = p->next;
                    free(p);
                } else {
                    at = &p->next;
                }
            }
        }
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct page **at = find(object, first + i), *p = *at;
        if (p != NULL) {
            *at = p->next;
            free(p);
        }
    }
}

/* ---- Ranges, in no order ---- */

static struct range *range_at(uint64_t addr)
{
    static size_t last;

    if (last < range_count && addr >= ranges[last].start && addr < ranges[last].end)
        return &ranges[last];
    for (last = 0; last < range_count; last++)
        if (addr >= ranges[last].start && addr < ranges[last].end)
            return &ranges[last];
    return NULL;
}

static void add_range(struct range r)
{
    if (range_count == sizeof ranges / sizeof *ranges)
        fail("too many mappings");
    ranges[range_count++] = r;
}

static void split(uint64_t addr)
{
    struct range *r = range_at(addr);

    if (r != NULL && r->start < addr) {
        struct range rest = *r;
        rest.start = addr;
        rest.offset += addr - r->start;
        r->end = addr;
        add_range(rest);
    }
}

static void remove_range(uint64_t start, uint64_t end)
{
    split(start);
    split(end);
    drop(0, start / PAGE, (end - start) / PAGE);
    for (size_t i = 0; i < range_count;)
        if (ranges[i].start >= start && ranges[i].end <= end)
            ranges[i] = ranges[--range_count];
        else
            i++;
}

static uint32_t object_of(const struct lt_map *e)
{
    uint32_t i = 1;

    if (!(e->flags & LT_MAP_SHARED))
        return 0;
    while (i < object_count && (objects[i][0] != e->device || objects[i][1] != e->inode))
        i++;
    if (i == object_count) {
        if (object_count == sizeof objects / sizeof *objects)
            fail("too many shared objects");
        objects[object_count][0] = e->device;
        objects[object_count++][1] = e->inode;
    }
    return i;
}

static uint64_t number_of(const struct range *r, uint64_t addr)
{
    return (r && r->object ? addr - r->start + r->offset : addr) / PAGE;
}

static void put(uint64_t addr, const uint8_t *data, uint64_t size)
{
    while (size > 0) {
        uint64_t in = addr % PAGE, n = PAGE - in < size ? PAGE - in : size;
        struct range *r = range_at(addr);

        if (r == NULL) {
            fprintf(stderr, "replica: a write to %#" PRIx64 ", where nothing is\n", addr);
            problems++;
            return;
        }
        memcpy(make(r->object, number_of(r, addr))->data + in, data, n);
        addr += n;
        data += n;
        size -= n;
    }
}

static void zero(uint64_t start, uint64_t end)
{
    for (uint64_t addr = start, to; addr < end; addr = to) {
        struct range *r = range_at(addr);
        to = r && r->end < end ? r->end : end;
        drop(r ? r->object : 0, number_of(r, addr), (to - addr) / PAGE);
    }
}

static void move(const struct lt_map *e)
{
    uint64_t size = e->end - e->start;

    remove_range(e->start, e->end);
    split(e->from);
    split(e->from + size);
    for (size_t i = 0, count = range_count; i < count; i++)
        if (ranges[i].start >= e->from && ranges[i].end <= e->from + size) {
            struct range r = ranges[i];
            r.start += e->start - e->from;
            r.end += e->start - e->from;
            add_range(r);
        }
    for (uint64_t at = 0; at < size; at += PAGE) {
        struct page *p = *find(0, (e->from + at) / PAGE);
        if (p != NULL)
            memcpy(make(0, (e->start + at) / PAGE)->data, p->data, PAGE);
    }
    remove_range(e->from, e->from + size);
}

static void on_map(const struct lt_map *e)
{
    maps++;
    switch (e->op) {
    case LT_MAP_MAP:
        remove_range(e->start, e->end);
        add_range((struct range){e->start, e->end, e->offset, object_of(e), e->prot});
        zero(e->start, e->end);
        break;
    case LT_MAP_DATA:
        put(e->start, e->data, e->end - e->start);
        break;
    case LT_MAP_UNMAP:
        remove_range(e->start, e->end);
        break;
    case LT_MAP_PROTECT:
        split(e->start);
        split(e->end);
        for (size_t i = 0; i < range_count; i++)
            if (ranges[i].start >= e->start && ranges[i].end <= e->end)
                ranges[i].prot = e->prot;
        break;
    case LT_MAP_MOVE:
        move(e);
        break;
    case LT_MAP_ZERO:
        zero(e->start, e->end);
        break;
    default:
        fail("an unknown change of the memory map");
    }
}

/* ---- The live guest ---- */

/* Whether the process waits in read(0). */
static int waits(uint32_t pid)
{
    char path[64], text[64] = "";
    int fd;

    snprintf(path, sizeof path, "/proc/%u/syscall", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail("the guest's process cannot be looked at");
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(fd);
    return strncmp(text, "0 0x0 ", 6) == 0;
}

/* The engine may show the guest's memory at other addresses of its own: the file
 * of a mapping tells. */
static void find_base(uint32_t pid, const struct lt_map *e)
{
    char path[64], line[4096 + 128];
    FILE *maps_file;

    if (base_known || e->op != LT_MAP_MAP || e->path == NULL)
        return;
    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    maps_file = fopen(path, "re");
    if (maps_file == NULL)
        fail("the guest's maps cannot be read");
    while (!base_known && fgets(line, sizeof line, maps_file) != NULL) {
        uint64_t start, offset;
        char *name = strchr(line, '/');

        line[strcspn(line, "\n")] = 0;
        if (name != NULL && strcmp(name, e->path) == 0 &&
            sscanf(line, "%" SCNx64 "-%*x %*s %" SCNx64, &start, &offset) == 2) {
            base = start - offset - (e->start - e->offset);
            base_known = 1;
        }
    }
    fclose(maps_file);
}

static void differs(const struct range *r, uint64_t addr, const uint8_t *live,
                    const uint8_t *ours)
{
    unsigned i = 0;

    while (live[i] == ours[i])
        i++;
    if (problems++ < 20)
        fprintf(stderr,
                "replica: %#" PRIx64 " holds %#x, its events say %#x (in %#" PRIx64
                "-%#" PRIx64 "%s)\n",
                addr + i, live[i], ours[i], r->start, r->end,
                r->object ? ", shared" : "");
}

static void compare(uint32_t pid)
{
    static const uint8_t zeros[PAGE];
    uint8_t live[PAGE];
    char path[64];
    int fd, tries = 0;

    while (!waits(pid) && tries++ < 5000)
        usleep(1000);
    if (!waits(pid))
        fail("the guest does not wait for its input");
    snprintf(path, sizeof path, "/proc/%u/mem", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail("the guest's memory cannot be opened");
    for (size_t i = 0; i < range_count; i++) {
        const struct range *r = &ranges[i];

        if (!(r->prot & LT_PROT_READ))
            continue;
        for (uint64_t addr = r->start; addr < r->end; addr += PAGE) {
            struct page *p = *find(r->object, number_of(r, addr));
            const uint8_t *ours = p ? p->data : zeros;

            /* Behind the end of a mapped file, there is nothing. */
            if (pread(fd, live, PAGE, (off_t)(addr + base)) != PAGE) {
                if (ours != zeros && memcmp(ours, zeros, PAGE) != 0)
                    differs(r, addr, zeros, ours);
                continue;
            }
            bytes_compared += PAGE;
            if (memcmp(live, ours, PAGE) != 0)
                differs(r, addr, live, ours);
        }
    }
    close(fd);
    compared++;
}

/* ---- What the kernel writes, where guest.c says it ---- */

static struct {
    uint64_t addr, length;
} written[256];
static size_t written_count;
static int listed; /* between BEGIN and END */

static void on_kernel_write(const struct lt_mem_access *access)
{
    kernel_writes++;
    if (listed && written_count < sizeof written / sizeof *written) {
        written[written_count].addr = access->addr;
        written[written_count++].length = access->length;
    }
}

static void on_mark(const struct lt_syscall *call)
{
    switch ((int64_t)call->args[0]) {
    case -1000: /* BEGIN */
        listed = 1;
        written_count = 0;
        break;
    case -1001: /* EXPECT */
        for (size_t i = 0; i < written_count; i++)
            if (written[i].addr == call->args[1] && written[i].length == call->args[2]) {
                written[i] = written[--written_count];
                return;
            }
        fprintf(stderr, "replica: the kernel did not write %#" PRIx64 " %" PRIu64 "\n",
                call->args[1], call->args[2]);
        problems++;
        break;
    case -1002: /* END */
        for (size_t i = 0; i < written_count; i++) {
            fprintf(stderr, "replica: the kernel wrote %#" PRIx64 " %" PRIu64 "\n",
                    written[i].addr, written[i].length);
            problems++;
        }
        listed = 0;
        break;
    }
}

/* ---- The run ---- */

struct input {
    char *texts[64];
    unsigned count, next;
    uint64_t had; /* bytes that the guest has had, and: */
    uint64_t given;
    int read_end, write_end;
};

/* The guest begins to read its input: it waits if it has had all. */
static void on_read(struct input *in, uint32_t pid)
{
    if (in->write_end < 0 || in->had != in->given)
        return;
    compare(pid);
    if (in->next < in->count) {
        const char *text = in->texts[in->next++];
        if (write(in->write_end, text, strlen(text)) < 0)
            fail("the guest's input cannot be written");
        in->given += strlen(text);
        return;
    }
    close(in->write_end);
    in->write_end = -1;
}

static void on_event(lt_session *session, struct input *in, const struct lt_event *event)
{
    const struct lt_syscall *call = (const void *)event;
    const struct lt_mem_access *access = (const void *)event;

    static uint32_t pid;

    (void)session;
    /* Its children are not looked at. */
    if (pid == 0)
        pid = event->pid;
    if (event->pid != pid)
        return;
    switch (event->type) {
    case LT_EVENT_MAP:
        find_base(event->pid, (const void *)event);
        on_map((const void *)event);
        break;
    case LT_EVENT_MEM_WRITE:
        if (access->by == LT_BY_KERNEL)
            on_kernel_write(access);
        put(access->addr, access->data, access->length);
        break;
    case LT_EVENT_SYSCALL:
        if (call->name != NULL && strcmp(call->name, "write") == 0 &&
            call->phase == LT_PHASE_ENTER)
            on_mark(call);
        if (call->args[0] != 0 || call->name == NULL || strcmp(call->name, "read") != 0)
            break;
        if (call->phase == LT_PHASE_ENTER)
            on_read(in, event->pid);
        else if (call->ret > 0)
            in->had += (uint64_t)call->ret;
        break;
    }
}

static void add_lines(struct input *in, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[512];

    if (file == NULL)
        fail("the input cannot be opened");
    while (in->count < 64 && fgets(line, sizeof line, file) != NULL)
        if ((in->texts[in->count++] = strdup(line)) == NULL)
            fail("no memory");
    fclose(file);
}

int main(int argc, char **argv)
{
    struct input in = {.count = 0};
    struct lt_stats stats = {.size = sizeof stats};
    const struct lt_event *event;
    struct lt_config config;
    struct lt_result result;
    lt_session *session;
    unsigned long times = 1;
    int option, pipe_ends[2], state;

    lt_config_init(&config, sizeof config);
    while ((option = getopt(argc, argv, "+c:L:n:i:f:")) != -1) {
        if (option == 'L')
            config.sysroot = optarg;
        else if (option == 'c')
            config.cpu = optarg;
        else if (option == 'n')
            times = strtoul(optarg, NULL, 0);
        else if (option == 'f')
            add_lines(&in, optarg);
        else if (option == 'i' && in.count < 64)
            in.texts[in.count++] = optarg;
        else
            return 99;
    }
    if (optind == argc || pipe2(pipe_ends, O_CLOEXEC) != 0)
        return 99;
    in.read_end = pipe_ends[0];
    in.write_end = pipe_ends[1];
    config.program = argv[optind];
    config.argv = (const char *const *)(argv + optind);
    config.stdio[0] = LT_STDIO_FD;
    config.stdio_fd[0] = in.read_end;
    config.flags = LT_CONFIG_MEMORY | LT_CONFIG_CHECK_MEMORY;
    if (lt_session_create(&config, &session) != 0 ||
        lt_session_select(session,
                          LT_KIND(LT_EVENT_MAP) | LT_KIND(LT_EVENT_MEM_WRITE) |
                              LT_KIND(LT_EVENT_SYSCALL),
                          NULL) != 0)
        return 99;
    while ((state = lt_session_next(session, &event)) == 1)
        on_event(session, &in, event);
    if (state < 0) {
        fprintf(stderr, "replica: %s\n", lt_session_message(session));
        return 99;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    lt_session_stats(session, &stats);
    fprintf(stderr,
            "replica: %" PRIu64 " comparisons of %" PRIu64 " bytes, %" PRIu64
            " differences; %" PRIu64 " kernel writes, %" PRIu64
            " changes of the map; the library compared %" PRIu64 " pages, %" PRIu64
            " differ\n",
            compared, bytes_compared, problems, kernel_writes, maps, stats.memory_checks,
            stats.memory_mismatches);
    if (compared < times)
        fail("the guest did not wait for its input");
    if (stats.memory_checks == 0 || stats.memory_mismatches != 0 ||
        stats.register_mismatches != 0 || stats.internal_errors != 0)
        fail("the library's own checks failed");
    lt_session_destroy(session);
    close(in.read_end);
    if (problems != 0)
        return 99;
    if (result.kind == LT_RESULT_SIGNAL)
        return 128 + result.signal;
    return result.kind == LT_RESULT_EXIT ? result.status : 99;
}
