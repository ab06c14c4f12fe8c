/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints what there is to be told of each guest architecture, as the library knows
 * it: kinds of events and registers.  docs/events.md is what it prints.
 */
#include <stdio.h>

#include <lt/lt.h>

static const char *class_name(int class)
{
    static const char *const names[] = {
        [LT_REG_GENERAL] = "general",     [LT_REG_PC] = "program counter",
        [LT_REG_FLAGS] = "flags",         [LT_REG_SEGMENT] = "segment",
        [LT_REG_CONTROL] = "control",     [LT_REG_FLOAT] = "x87 data",
        [LT_REG_VECTOR] = "vector",       [LT_REG_SYSTEM] = "system",
        [LT_REG_PREDICATE] = "predicate",
    };
    const int count = sizeof names / sizeof names[0];

    return class > 0 && class < count ? names[class] : "other";
}

static void print_events(void)
{
    const char *name;
    uint32_t type, arch;

    printf("## Events\n\n| event | number | default |");
    for (arch = 1; (name = lt_arch_name(arch)); arch++)
        printf(" %s |", name);
    printf("\n|---|---|---|");
    for (arch = 1; lt_arch_name(arch); arch++)
        printf("---|");
    printf("\n");
    for (type = 1; (name = lt_event_name(type)); type++) {
        printf("| `%s` | %u | %s |", name, type,
               LT_KINDS_DEFAULT & LT_KIND(type) ? "yes" : "no");
        for (arch = 1; lt_arch_name(arch); arch++)
            printf(" yes |");
        printf("\n");
    }
}

/* Registers of one class and width that follow each other are one line. */
static void print_registers(uint32_t arch)
{
    const uint32_t count = (uint32_t)lt_reg_count(arch);
    uint32_t first, next;

    printf("\n## Registers of %s\n\n", lt_arch_name(arch));
    printf("| registers | numbers | bytes | class |\n|---|---|---|---|\n");
    for (first = 0; first < count; first = next) {
        const int width = lt_reg_width(arch, first), class = lt_reg_class(arch, first);

        printf("| ");
        for (next = first; next < count && lt_reg_width(arch, next) == width &&
                           lt_reg_class(arch, next) == class;
             next++)
            printf("%s`%s`", next > first ? " " : "", lt_reg_name(arch, next));
        printf(" | %u to %u | %d | %s |\n", first, next - 1, width, class_name(class));
    }
}

int main(void)
{
    uint32_t arch;

    printf("# What is told\n\n"
           "Made from the library by `./dev tables`; a test compares the two.\n\n");
    print_events();
    for (arch = 1; lt_arch_name(arch); arch++)
        print_registers(arch);
    return fflush(stdout) != 0 || ferror(stdout);
}
