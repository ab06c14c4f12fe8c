/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a session's coverage: its map, what counts in it, and what its places mean. */
#include "coverage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lt/fuzz.h"
#include "session.h"

/* The structs' sizes in the first release. */
#define COVERAGE_SIZE_1 48u
#define BLOCK_SIZE_1 48u
#define EDGE_SIZE_1 24u
#define FILTER_SIZE_1 48u
_Static_assert(sizeof(struct lt_coverage) >= COVERAGE_SIZE_1, "grows only");
_Static_assert(sizeof(struct lt_coverage_block) >= BLOCK_SIZE_1, "grows only");
_Static_assert(sizeof(struct lt_coverage_edge) >= EDGE_SIZE_1, "grows only");

_Static_assert(LTI_COVERAGE_BLOCKS == LT_COVERAGE_BLOCKS &&
                   LTI_COVERAGE_EDGES == LT_COVERAGE_EDGES &&
                   LTI_COVERAGE_NUMBERS == LT_COVERAGE_NUMBERS &&
                   LTI_COVERAGE_EXACT == LT_COVERAGE_EXACT_EDGES &&
                   LTI_COUNTER_FLAG == LT_COUNTER_FLAG &&
                   LTI_COUNTER_WRAP == LT_COUNTER_WRAP &&
                   LTI_COUNTER_NEVER_ZERO == LT_COUNTER_NEVER_ZERO &&
                   LTI_COUNTER_64 == LT_COUNTER_64,
               "the stream has the public numbers");

#define DEFAULT_MAP_SIZE 65536u
#define PAGE 4096u

struct lti_coverage_map {
    struct lti_coverage wanted; /* kind 0: nothing yet but ranges */
    uint8_t *map;
    bool owned; /* the mapping is */
    int fd;     /* our own descriptor of its file, or -1, and which file that is: a
                   host may close what it does not know, and use the number again */
    dev_t device;
    ino_t inode;
    /* Copies of modules' paths, which the guest could change in the arena. */
    char *paths[LTI_MODULES];
};

/* ---- The struct ---- */

int lt_coverage_init(struct lt_coverage *coverage, uint32_t size)
{
    return lti_struct_init(coverage, size, COVERAGE_SIZE_1);
}

/* Takes over a caller's struct.  NULL, or what is wrong with it. */
static const char *take(struct lt_coverage *to, const struct lt_coverage *from)
{
    if (from == NULL || lti_struct_take(to, sizeof *to, COVERAGE_SIZE_1, from) != 0) {
        return "it was not set up by lt_coverage_init(), or asks for what this version "
               "of "
               "the library does not know";
    }
    if (to->map_size == 0) {
        to->map_size = DEFAULT_MAP_SIZE;
    }
    if (to->kind < LT_COVERAGE_BLOCKS || to->kind > LT_COVERAGE_EXACT_EDGES) {
        return "there is no such kind";
    }
    if (to->counter > LT_COUNTER_64) {
        return "there is no such counter";
    }
    if ((to->flags & ~LT_COVERAGE_FD) != 0 || to->reserved != 0) {
        return "it has an unknown flag";
    }
    if (to->map_size < LT_COVERAGE_MAP_MIN || to->map_size > LT_COVERAGE_MAP_MAX ||
        (to->map_size & (to->map_size - 1)) != 0) {
        return "the map's size is no power of two from 4096 to 1073741824";
    }
    return NULL;
}

static uint64_t places(uint64_t map_size, uint32_t counter)
{
    return counter == LT_COUNTER_64 ? map_size / 8 : map_size;
}

uint64_t lt_coverage_block_place(const struct lt_coverage *coverage, uint64_t pc)
{
    struct lt_coverage taken;
    if (take(&taken, coverage) != NULL || taken.kind == LT_COVERAGE_NUMBERS ||
        taken.kind == LT_COVERAGE_EXACT_EDGES) {
        return UINT64_MAX;
    }
    return lti_coverage_hash(pc) & (places(taken.map_size, taken.counter) - 1);
}

uint64_t lt_coverage_edge_place(const struct lt_coverage *coverage, uint64_t from,
                                uint64_t to)
{
    struct lt_coverage taken;
    if (take(&taken, coverage) != NULL || taken.kind != LT_COVERAGE_EDGES) {
        return UINT64_MAX;
    }
    uint64_t mask = places(taken.map_size, taken.counter) - 1;
    return (lti_coverage_hash(to) & mask) ^ (lti_coverage_hash(from) & mask) >> 1;
}

/* ---- Asking for it ---- */

static int check_new(lt_session *session)
{
    if (session->busy || session->state != LTI_SESSION_NEW) {
        return lti_fail(&session->message, LT_ERR_STATE,
                        "what a session wants is said before its run");
    }
    return 0;
}

/* The session's coverage, made if need be; NULL without memory. */
static struct lti_coverage_map *coverage_of(lt_session *session)
{
    if (session->coverage == NULL) {
        session->coverage = calloc(1, sizeof *session->coverage);
        if (session->coverage == NULL) {
            lti_fail(&session->message, LT_ERR_NO_MEMORY, "no memory for the coverage");
        } else {
            session->coverage->fd = -1;
        }
    }
    return session->coverage;
}

/* Maps the file at a multiple of the map's size: edges are quicker there. */
static uint8_t *map_aligned(int fd, uint64_t size, uint64_t offset)
{
    uint8_t *room = mmap(NULL, 2 * size, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) {
        return MAP_FAILED;
    }
    uint8_t *at = room + (-(uintptr_t)room & (size - 1));
    if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
             (off_t)offset) == MAP_FAILED) {
        int error = errno;
        munmap(room, 2 * size);
        errno = error;
        return MAP_FAILED;
    }
    if (at > room) {
        munmap(room, (size_t)(at - room));
    }
    munmap(at + size, (size_t)(room + size - at));
    return at;
}

/* Opens the caller's file anew, and looks at it. */
static int take_file(struct lti_coverage_map *coverage, const struct lt_coverage *taken,
                     struct lti_message *message)
{
    struct stat st;
    if (taken->fd_offset % PAGE != 0 || taken->fd_offset > INT64_MAX - taken->map_size) {
        return lti_fail(message, LT_ERR_ARGUMENT,
                        "coverage: fd_offset is no multiple of 4096, or too large");
    }
    if (taken->fd < 0 || (coverage->fd = fcntl(taken->fd, F_DUPFD_CLOEXEC, 3)) < 0) {
        int error = taken->fd < 0 ? EBADF : errno;
        return lti_fail(message, error == EBADF ? LT_ERR_ARGUMENT : LT_ERR_SYSTEM,
                        "coverage: the descriptor %d: %s", taken->fd,
                        strerrordesc_np(error));
    }
    if (fstat(coverage->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        (uint64_t)st.st_size < taken->fd_offset + taken->map_size) {
        return lti_fail(message, LT_ERR_ARGUMENT,
                        "coverage: the descriptor %d is of no file that is long enough "
                        "for the map",
                        taken->fd);
    }
    return 0;
}

/* Whether the descriptor still is our own. */
static bool is_open(const struct lti_coverage_map *coverage)
{
    struct stat st;
    return coverage->fd >= 0 && fstat(coverage->fd, &st) == 0 &&
           st.st_dev == coverage->device && st.st_ino == coverage->inode;
}

/* Gets hold of the map's memory. */
static int get_map(lt_session *session, struct lti_coverage_map *coverage,
                   const struct lt_coverage *taken)
{
    struct lti_message *message = &session->message;
    uint64_t offset = 0;
    if (taken->map != NULL) {
        if (session->mode == NULL || (uintptr_t)taken->map % 8 != 0) {
            return lti_fail(message, LT_ERR_ARGUMENT,
                            session->mode == NULL
                                ? "coverage: the guest is another process, which shares "
                                  "no memory but that of a descriptor"
                                : "coverage: the map is not aligned to 8 bytes");
        }
        coverage->map = taken->map;
        return 0;
    }
    int error = 0;
    if ((taken->flags & LT_COVERAGE_FD) != 0) {
        offset = taken->fd_offset;
        error = take_file(coverage, taken, message);
    } else {
        error = lti_memory_file("lt-coverage", taken->map_size, &coverage->fd, message);
    }
    if (error != 0) {
        return error;
    }
    uint8_t *map = map_aligned(coverage->fd, taken->map_size, offset);
    if (map == MAP_FAILED) {
        int cause = errno;
        return lti_fail(message,
                        cause == ENOMEM                        ? LT_ERR_NO_MEMORY
                        : (taken->flags & LT_COVERAGE_FD) != 0 ? LT_ERR_ARGUMENT
                                                               : LT_ERR_SYSTEM,
                        "coverage: the map cannot be mapped for writing: %s",
                        strerrordesc_np(cause));
    }
    coverage->map = map;
    coverage->owned = true;
    return 0;
}

static void remember_file(struct lti_coverage_map *coverage)
{
    struct stat st;
    if (coverage->fd >= 0 && fstat(coverage->fd, &st) == 0) {
        coverage->device = st.st_dev;
        coverage->inode = st.st_ino;
    }
}

int lt_coverage_start(lt_session *session, const struct lt_coverage *coverage)
{
    struct lt_coverage taken;
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    int error = check_new(session);
    if (error != 0) {
        return error;
    }
    const char *wrong = take(&taken, coverage);
    if (wrong != NULL) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT, "coverage: %s", wrong);
    }
    struct lti_coverage_map *own = coverage_of(session);
    if (own == NULL) {
        return LT_ERR_NO_MEMORY;
    }
    if (own->wanted.kind != 0) {
        return lti_fail(&session->message, LT_ERR_STATE,
                        "coverage: the session has a map already");
    }
    error = get_map(session, own, &taken);
    remember_file(own);
    if (error != 0) {
        lti_coverage_close(own);
        return error;
    }
    own->wanted.kind = taken.kind;
    own->wanted.counter = taken.counter;
    own->wanted.size = taken.map_size;
    own->wanted.offset = (taken.flags & LT_COVERAGE_FD) != 0 ? taken.fd_offset : 0;
    own->wanted.map = (uintptr_t)own->map;
    return 0;
}

static int add_range(lt_session *session, const struct lt_filter *filter, bool exclude)
{
    struct lt_filter taken;
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    int error = check_new(session);
    if (error != 0) {
        return error;
    }
    if (filter == NULL ||
        lti_struct_take(&taken, sizeof taken, FILTER_SIZE_1, filter) != 0 ||
        taken.flags != 0 || taken.addr_start != 0 || taken.addr_end != 0 ||
        (taken.pc_end != 0 && taken.pc_end <= taken.pc_start)) {
        return lti_fail(
            &session->message, LT_ERR_ARGUMENT,
            "coverage: the filter was not set up by lt_filter_init(), says "
            "more than pc_start, pc_end and module, or ends before it begins");
    }
    struct lti_coverage_map *coverage = coverage_of(session);
    if (coverage == NULL) {
        return LT_ERR_NO_MEMORY;
    }
    struct lti_coverage *wanted = &coverage->wanted;
    const char *module = taken.module != NULL ? taken.module : "";
    if (wanted->range_count + wanted->exclude_count == LTI_COVERAGE_RANGES ||
        strlen(module) >= sizeof wanted->ranges[0].module) {
        return lti_fail(&session->message, LT_ERR_LIMIT,
                        "coverage: there can be %u filters, with paths of less than %zu "
                        "bytes",
                        LTI_COVERAGE_RANGES, sizeof wanted->ranges[0].module);
    }
    struct lti_range *range =
        &wanted->ranges[exclude ? LTI_COVERAGE_RANGES - 1 - wanted->exclude_count++
                                : wanted->range_count++];
    range->pc_start = taken.pc_start;
    range->pc_end = taken.pc_end;
    memcpy(range->module, module, strlen(module));
    return 0;
}

int lt_coverage_include(lt_session *session, const struct lt_filter *filter)
{
    return add_range(session, filter, false);
}

int lt_coverage_exclude(lt_session *session, const struct lt_filter *filter)
{
    return add_range(session, filter, true);
}

int lti_coverage_fill(const struct lti_coverage_map *coverage,
                      struct lti_control *control, struct lti_message *message)
{
    if (coverage == NULL || coverage->wanted.kind == 0) {
        return 0;
    }
    if (coverage->owned && !is_open(coverage)) {
        return lti_fail(message, LT_ERR_SYSTEM,
                        "coverage: the host has closed the map's descriptor");
    }
    control->coverage = coverage->wanted;
    return 0;
}

uint32_t lti_coverage_kind(const struct lti_coverage_map *coverage)
{
    return coverage != NULL ? coverage->wanted.kind : 0;
}

int lti_coverage_fd(const struct lti_coverage_map *coverage)
{
    return coverage != NULL ? coverage->fd : -1;
}

void lti_coverage_close(struct lti_coverage_map *coverage)
{
    if (coverage != NULL) {
        if (is_open(coverage)) {
            close(coverage->fd);
        }
        coverage->fd = -1;
    }
}

void lti_coverage_destroy(struct lti_coverage_map *coverage)
{
    if (coverage == NULL) {
        return;
    }
    lti_coverage_close(coverage);
    if (coverage->owned) {
        munmap(coverage->map, coverage->wanted.size);
    }
    for (unsigned i = 0; i < LTI_MODULES; i++) {
        free(coverage->paths[i]);
    }
    free(coverage);
}

/* ---- What was counted ---- */

void *lt_coverage_map(const lt_session *session)
{
    return session != NULL && session->coverage != NULL ? session->coverage->map : NULL;
}

/* What place `place` of the map says. */
static uint64_t count_at(const struct lti_coverage_map *coverage, uint32_t place)
{
    uint64_t count;
    if (coverage->wanted.counter != LTI_COUNTER_64) {
        return __atomic_load_n(&coverage->map[place], __ATOMIC_RELAXED);
    }
    __atomic_load((uint64_t *)(void *)(coverage->map + 8ull * place), &count,
                  __ATOMIC_RELAXED);
    return count;
}

/* The path of a module of the table; NULL without memory. */
static const char *path_of(struct lti_coverage_map *coverage,
                           const struct lti_numbers *numbers, uint32_t number)
{
    const struct lti_number_module *module = &numbers->module[number];
    if (coverage->paths[number] == NULL) {
        /* The table could be damaged. */
        uint32_t path = __atomic_load_n(&module->ready, __ATOMIC_ACQUIRE) != 0
                            ? module->path
                            : LTI_MODULE_PATHS;
        uint32_t size = module->path_size;
        bool fits = path < LTI_MODULE_PATHS && size <= LTI_MODULE_PATHS - path;
        coverage->paths[number] =
            strndup(fits ? numbers->paths + path : "", fits ? size : 0);
    }
    return coverage->paths[number];
}

static bool has_numbers(const struct lti_coverage_map *coverage)
{
    return coverage != NULL && (coverage->wanted.kind == LTI_COVERAGE_NUMBERS ||
                                coverage->wanted.kind == LTI_COVERAGE_EXACT);
}

/* NULL before the run. */
static const struct lti_numbers *numbers_of(const lt_session *session)
{
    const uint8_t *arena = (const uint8_t *)session->arena.control;
    return arena != NULL ? (const void *)(arena + LTI_NUMBERS_OFFSET) : NULL;
}

int lt_coverage_number(const lt_session *session, uint32_t number,
                       struct lt_coverage_block *block)
{
    struct lt_coverage_block found = {.size = sizeof found};
    if (session == NULL || block == NULL || block->size < BLOCK_SIZE_1 || number == 0) {
        return LT_ERR_ARGUMENT;
    }
    struct lti_coverage_map *coverage = session->coverage;
    if (!has_numbers(coverage)) {
        return LT_ERR_STATE;
    }
    const struct lti_numbers *numbers = numbers_of(session);
    bool exact = coverage->wanted.kind == LTI_COVERAGE_EXACT;
    uint64_t most =
        exact ? LTI_NUMBERS : places(coverage->wanted.size, coverage->wanted.counter);
    if (numbers == NULL || number >= LTI_NUMBERS || number >= most ||
        number > __atomic_load_n(&numbers->count, __ATOMIC_ACQUIRE)) {
        return LT_ERR_NOT_FOUND;
    }
    const struct lti_number entry = numbers->number[number];
    found.length = entry.size;
    found.pc = entry.pc;
    found.offset = entry.offset;
    found.count = exact ? 0 : count_at(coverage, number);
    if (entry.module != 0 && entry.module <= LTI_MODULES) {
        found.module = path_of(coverage, numbers, entry.module - 1);
        if (found.module == NULL) {
            return LT_ERR_NO_MEMORY;
        }
        found.base = numbers->module[entry.module - 1].base;
    }
    int error = lti_struct_give(block, sizeof found, BLOCK_SIZE_1, &found);
    return error != 0 ? error : entry.size != 0;
}

int lt_coverage_edge(const lt_session *session, uint32_t place,
                     struct lt_coverage_edge *edge)
{
    struct lt_coverage_edge found = {.size = sizeof found};
    if (session == NULL || edge == NULL || edge->size < EDGE_SIZE_1) {
        return LT_ERR_ARGUMENT;
    }
    const struct lti_coverage_map *coverage = session->coverage;
    if (coverage == NULL || coverage->wanted.kind != LTI_COVERAGE_EXACT) {
        return LT_ERR_STATE;
    }
    const struct lti_numbers *numbers = numbers_of(session);
    if (numbers == NULL || place >= LTI_EDGES ||
        place >= places(coverage->wanted.size, coverage->wanted.counter)) {
        return LT_ERR_NOT_FOUND;
    }
    uint64_t key = __atomic_load_n(&numbers->edge[place], __ATOMIC_RELAXED);
    found.from = (uint32_t)(key >> 44);
    found.to = (uint32_t)(key >> 24) & (LTI_NUMBERS - 1);
    found.count = count_at(coverage, place);
    int error = lti_struct_give(edge, sizeof found, EDGE_SIZE_1, &found);
    return error != 0 ? error : key != 0;
}
