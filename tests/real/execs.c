/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execs PROGRAM ARGS...: replaces itself by another program. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 2)
        return 1;
    puts("before");
    fflush(stdout);
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return 1;
}
