/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ordinary program: files, memory, sorting, floating point, strings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    char *lines[64];
    char text[64];
    double sum = 0;
    int i;

    for (i = 0; i < 64; i++) {
        snprintf(text, sizeof text, "line %d of %s", i * 37 % 64, "hello");
        lines[i] = strdup(text);
        sum += sqrt(i) * sin(i);
    }
    qsort(lines, 64, sizeof lines[0], order);
    for (i = 0; i < 64; i += 9)
        puts(lines[i]);
    printf("%.9f %d %s\n", sum, argc, argc > 1 ? argv[1] : "-");
    for (i = 0; i < 64; i++)
        free(lines[i]);
    return 17;
}
