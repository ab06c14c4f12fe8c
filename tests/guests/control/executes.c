/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that executes a file in the way that its first argument names, and that
 * tells as what it was executed itself.
 *
 *     executes tell ...           what the kernel says of this program
 *     executes WAY FILE ARGS...   executes FILE, with ARGS from argv[0] on
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static int tell(int argc, char **argv)
{
    char path[512] = "", name[17] = "";
    int i;

    for (i = 0; i < argc; i++)
        printf("%s\n", argv[i]);
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        perror("exe");
    prctl(PR_GET_NAME, name);
    /* The guest for another processor lies in another folder. */
    printf("file %s\n", basename(path));
    /* Before Linux 6.14 a program had the number of its descriptor for a name. */
    printf("# name %s\n", name);
    printf("called %s\n", basename((char *)getauxval(AT_EXECFN)));
    printf("descriptor %d\n", open("/dev/null", O_RDONLY));
    return 5;
}

static int give_up(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    return 6;
}

static int by_descriptor(int fd, const char *name, char **argv, int flags)
{
    syscall(SYS_execveat, fd, name, argv, environ, flags);
    return give_up("execveat");
}

/* A copy of a file in memory, or in a file that is no more. */
static int copy(const char *path, int in_memory)
{
    char name[] = "/tmp/lt-XXXXXX/copy", bytes[65536], link[64];
    int from = open(path, O_RDONLY), to, fd;
    ssize_t n;

    if (!in_memory) {
        name[14] = '\0';
        if (mkdtemp(name) == NULL)
            exit(give_up("mkdtemp"));
        name[14] = '/';
    }
    to = in_memory ? memfd_create("copy", MFD_CLOEXEC)
                   : open(name, O_RDWR | O_CREAT, 0755);
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)n) != n)
            exit(give_up("write"));
    close(from);
    if (in_memory)
        return to;
    snprintf(link, sizeof link, "/proc/self/fd/%d", to);
    fd = open(link, O_RDONLY | O_CLOEXEC);
    close(to);
    unlink(name);
    rmdir(dirname(name));
    return fd;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "", *file = argc > 2 ? argv[2] : "";
    char **rest = argv + 3, path[512];
    const char *folder;

    if (strcmp(way, "tell") == 0)
        return tell(argc, argv);
    if (argc < 4)
        return 99;
    snprintf(path, sizeof path, "%s", file);
    folder = dirname(path);
    if (strcmp(way, "closing") == 0)
        fexecve(open(file, O_RDONLY | O_CLOEXEC), rest, environ);
    else if (strcmp(way, "staying") == 0)
        fexecve(open(file, O_RDONLY), rest, environ);
    else if (strcmp(way, "path") == 0)
        return by_descriptor(open(file, O_PATH | O_CLOEXEC), "", rest, AT_EMPTY_PATH);
    else if (strcmp(way, "no-flag") == 0)
        return by_descriptor(open(file, O_RDONLY), "", rest, 0);
    else if (strcmp(way, "bad-flag") == 0)
        return by_descriptor(open(file, O_RDONLY), "", rest, AT_EMPTY_PATH | 0x40000);
    else if (strcmp(way, "bad") == 0)
        return by_descriptor(77, "", rest, AT_EMPTY_PATH);
    else if (strcmp(way, "folder") == 0)
        return by_descriptor(open(folder, O_RDONLY | O_CLOEXEC), basename((char *)file),
                             rest, 0);
    else if (strcmp(way, "folder-itself") == 0)
        return by_descriptor(open(folder, O_RDONLY), "", rest, AT_EMPTY_PATH);
    else if (strcmp(way, "link") == 0)
        return by_descriptor(AT_FDCWD, "/proc/self/cwd", rest, AT_SYMLINK_NOFOLLOW);
    else if (strcmp(way, "memory") == 0)
        fexecve(copy(file, 1), rest, environ);
    else if (strcmp(way, "deleted") == 0)
        fexecve(copy(file, 0), rest, environ);
    else if (strcmp(way, "name") == 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", open(file, O_RDONLY | O_CLOEXEC));
        execv(path, rest);
    } else
        return 99;
    return give_up("exec");
}
