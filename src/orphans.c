/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the end of a guest whose supervisor was killed. */
#include "orphans.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often, and after which pauses, processes are looked for: one that forks just now
 * may be missed. */
#define LOOKS 100
#define PAUSE_NS 10000000

/* Whether one of a process's mappings is of that file.  Only the kernel writes these
 * lines, but for the path at their end. */
static bool maps_file(const char *pid, const struct stat *file)
{
    char path[64], line[512];
    unsigned long long inode;
    bool found = false, begin = true;

    snprintf(path, sizeof path, "/proc/%.16s/maps", pid);
    FILE *maps = fopen(path, "re");
    if (maps == NULL) {
        return false;
    }
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        found = begin && strstr(line, "/memfd:lt-arena") != NULL &&
                sscanf(line, "%*s %*s %*s %*s %llu", &inode) == 1 &&
                inode == (unsigned long long)file->st_ino;
        begin = strchr(line, '\n') != NULL;
    }
    fclose(maps);
    return found;
}

static bool runs_program(const char *pid, const struct stat *program)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%.16s/exe", pid);
    return stat(path, &st) == 0 && st.st_dev == program->st_dev &&
           st.st_ino == program->st_ino;
}

void lti_orphans_kill(const struct stat *engine, const struct stat *arena)
{
    bool found = true;

    for (int look = 0; look < LOOKS && found; look++) {
        const struct timespec pause = {0, PAUSE_NS};
        const struct dirent *entry;
        DIR *all = opendir("/proc");

        found = false;
        while (all != NULL && (entry = readdir(all)) != NULL) {
            int pid = atoi(entry->d_name);

            if (pid > 1 && runs_program(entry->d_name, engine) &&
                maps_file(entry->d_name, arena)) {
                found |= kill(pid, SIGKILL) == 0;
            }
        }
        if (all != NULL) {
            closedir(all);
        }
        if (found) {
            nanosleep(&pause, NULL);
        }
    }
}
