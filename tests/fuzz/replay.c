/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-TARGET FILE|DIRECTORY...: gives a fuzz target the inputs of its corpus, and of
 * each also every beginning that is shorter by a power of two.  It fails if there are
 * none, as a test that looks at nothing would.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned replayed;

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    uint8_t *bytes;
    size_t size;

    if (file == NULL || fstat(fileno(file), &st) != 0 ||
        (bytes = malloc((size_t)st.st_size + 1)) == NULL) {
        perror(path);
        return 1;
    }
    size = fread(bytes, 1, (size_t)st.st_size, file);
    fclose(file);
    for (size_t cut = 0; cut <= size; cut = cut ? cut * 2 : 1) {
        /* A copy of its own, behind which nothing may be read. */
        uint8_t *input = malloc(size - cut ? size - cut : 1);

        if (input == NULL) {
            free(bytes);
            return 1;
        }
        memcpy(input, bytes, size - cut);
        LLVMFuzzerTestOneInput(input, size - cut);
        free(input);
    }
    free(bytes);
    replayed++;
    return 0;
}

static int replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    char name[4096];
    int failed = 0;

    if (directory == NULL) {
        return replay(path);
    }
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            failed |= replay(name);
        }
    }
    closedir(directory);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        failed |= replay_directory(argv[i]);
    }
    printf("%u inputs\n", replayed);
    return failed || replayed == 0;
}
