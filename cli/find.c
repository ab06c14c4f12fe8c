/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the search for the program in PATH. */
#include "find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

/* Where execvp() looks when there is no PATH. */
static const char default_path[] = "/bin:/usr/bin";

static int no_memory(void)
{
    fprintf(stderr, "lt: out of memory\n");
    return STATUS_FAILURE;
}

/* The candidate "DIRECTORY/NAME"; an empty directory is the current one. */
static char *join(const char *directory, size_t length, const char *name)
{
    size_t size;
    char *path;

    if (!length) {
        directory = ".";
        length = 1;
    }
    size = length + 1 + strlen(name) + 1;
    path = malloc(size);
    if (path)
        snprintf(path, size, "%.*s/%s", (int)length, directory, name);
    return path;
}

int find_program(const char *name, char **path)
{
    const char *search = getenv("PATH");
    char *refused = NULL;

    *path = NULL;
    if (strchr(name, '/')) {
        *path = strdup(name);
        return *path ? 0 : no_memory();
    }
    if (!search)
        search = default_path;
    while (name[0]) {
        size_t length = strcspn(search, ":");
        struct stat status;
        char *candidate = join(search, length, name);
        if (!candidate) {
            free(refused);
            return no_memory();
        }
        if (stat(candidate, &status) == 0) {
            if (S_ISREG(status.st_mode) && access(candidate, X_OK) == 0) {
                free(refused);
                *path = candidate;
                return 0;
            }
            /* As in execvp(): one that cannot run counts when none can.  The
             * library says why: the caller gets the path. */
            if (!refused) {
                refused = candidate;
                candidate = NULL;
            }
        }
        free(candidate);
        if (!search[length])
            break;
        search += length + 1;
    }
    if (refused) {
        *path = refused;
        return 0;
    }
    fprintf(stderr, "lt: %s is not found in PATH\n", name[0] ? name : "\"\"");
    return STATUS_NOT_FOUND;
}
