/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine program: chooses the guest architecture's engine and hands it the
 * command line, which the library makes:
 *
 *     lt-engine ARCH ARENA_FD SYSROOT PROGRAM ARGV0 [ARGV...]
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>

int lt_engine_x86_64(int argc, char **argv, char **envp);
int lt_engine_aarch64(int argc, char **argv, char **envp);

/* QEMU starts a thread before main().  With a heap of its own, mapped whenever it
 * first allocates, it would move the guest's mappings about from run to run. */
__attribute__((constructor(101))) static void one_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
}

int main(int argc, char **argv, char **envp)
{
    static const struct {
        const char *arch;
        int (*entry)(int argc, char **argv, char **envp);
    } engines[] = {
        {"x86_64", lt_engine_x86_64},
        {"aarch64", lt_engine_aarch64},
    };

    if (argc < 6) {
        fprintf(stderr, "lt-engine is started by libtrace, not by hand\n");
        return 125;
    }
    /* The library started this program without address randomization, for the
     * sake of traces that can be compared; the guest is none the wiser. */
    personality(PER_LINUX);
    /* What the kernel would call the process. */
    const char *slash = strrchr(argv[4], '/');
    prctl(PR_SET_NAME, slash ? slash + 1 : argv[4], 0, 0, 0);
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        if (strcmp(argv[1], engines[i].arch) == 0) {
            return engines[i].entry(argc, argv, envp);
        }
    }
    fprintf(stderr, "lt-engine: no engine for %s\n", argv[1]);
    return 125;
}
