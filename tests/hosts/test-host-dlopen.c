/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host that loads the library with dlopen(), has a session, and unloads it, many
 * times: nothing is left.  LT_SHARED names the library.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define ROUNDS 60

static const char *library_path(void)
{
    const char *path = getenv("LT_SHARED");

    return path != NULL ? path : "libtrace-emu.so.0";
}

static int count_insn(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

/* What is used of a library. */
struct names {
    __typeof__(lt_config_init) *config_init;
    __typeof__(lt_session_create) *create;
    __typeof__(lt_on_insn) *on_insn;
    __typeof__(lt_session_run) *run;
    __typeof__(lt_session_destroy) *destroy;
    __typeof__(lt_symbol_at) *symbol_at;
};

static int find_names(void *library, struct names *names)
{
    *(void **)&names->config_init = dlsym(library, "lt_config_init");
    *(void **)&names->create = dlsym(library, "lt_session_create");
    *(void **)&names->on_insn = dlsym(library, "lt_on_insn");
    *(void **)&names->run = dlsym(library, "lt_session_run");
    *(void **)&names->destroy = dlsym(library, "lt_session_destroy");
    *(void **)&names->symbol_at = dlsym(library, "lt_symbol_at");
    return names->config_init && names->create && names->on_insn && names->run &&
                   names->destroy && names->symbol_at
               ? 0
               : host_complain("a name is missing");
}

/* Loads, runs and unloads. */
static int one_round(void)
{
    void *library = dlopen(library_path(), RTLD_NOW | RTLD_LOCAL);
    const char *directory = getenv("LT_GUESTS");
    struct lt_config config;
    struct lt_symbol symbol = {.size = sizeof symbol};
    struct names names;
    lt_session *session;
    uint64_t count = 0;
    char path[4096];

    if (library == NULL) {
        return host_complain("%s", dlerror());
    }
    if (find_names(library, &names) != 0) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/x86_64/loop", directory != NULL ? directory : ".");
    names.config_init(&config, sizeof config);
    config.program = path;
    config.stdio[0] = config.stdio[1] = config.stdio[2] = LT_STDIO_NULL;
    if (names.create(&config, &session) != 0 ||
        names.on_insn(session, NULL, count_insn, &count) != 0 ||
        names.run(session) != 0 || count != 605) {
        return host_complain("the session failed");
    }
    names.symbol_at(session, 0x401000, &symbol);
    names.destroy(session);
    dlclose(library);
    return 0;
}

static unsigned count_lines(const char *path, const char *with)
{
    FILE *file = fopen(path, "r");
    char line[4096];
    unsigned count = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, with) != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 4096; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static int many_rounds(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        if (one_round() != 0) {
            return 1;
        }
    }
    unsigned fds = open_descriptors();
    unsigned maps = count_lines("/proc/self/maps", "");

    for (int i = 0; i < ROUNDS; i++) {
        if (one_round() != 0) {
            return host_complain("in round %d", i);
        }
    }
    if (count_lines("/proc/self/maps", "libtrace-emu") != 0) {
        return host_complain("the library is still there");
    }
    if (open_descriptors() > fds) {
        return host_complain("%u descriptors, before %u", open_descriptors(), fds);
    }
    /* The C library's heap may have another one or two. */
    if (count_lines("/proc/self/maps", "") > maps + 2) {
        return host_complain("%u mappings, before %u", count_lines("/proc/self/maps", ""),
                             maps);
    }
    return host_no_children() ? 0 : host_complain("a process is left");
}

static void test_many_rounds(void **state)
{
    (void)state;
    host_in_child(many_rounds, NULL);
}

/* In threads that end before the library is unloaded: what is kept for a thread must
 * not call into a library that is gone. */
static void *round_in_thread(void *arg)
{
    *(int *)arg = one_round();
    return NULL;
}

static int in_threads(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        pthread_t threads[3];
        int failed[3];

        for (int k = 0; k < 3; k++) {
            pthread_create(&threads[k], NULL, round_in_thread, &failed[k]);
        }
        for (int k = 0; k < 3; k++) {
            pthread_join(threads[k], NULL);
            if (failed[k]) {
                return 1;
            }
        }
    }
    return 0;
}

static void test_in_threads(void **state)
{
    (void)state;
    host_in_child(in_threads, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_rounds),
        cmocka_unit_test(test_in_threads),
    };

    return cmocka_run_group_tests_name("host-dlopen", tests, NULL, NULL);
}
