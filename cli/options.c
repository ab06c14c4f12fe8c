/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what the user may say on the command line. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt/lt.h"

/* Options without a letter. */
enum {
    OPTION_ARCH = 256,
    OPTION_THREADS = 257,
    OPTION_CPU = 258,
    OPTION_LIMIT = 259,
    OPTION_COVERAGE = 260
};

static const char help[] =
    "Usage: lt run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
    "       lt --help | --version | --arch\n"
    "\n"
    "Runs PROGRAM, an x86_64 or aarch64 Linux program, under emulation and logs\n"
    "everything that it does.\n"
    "\n"
    "  -o, --output=FILE     write the log to FILE, which may be a device or a pipe,\n"
    "                        or to standard output for -; else to standard error\n"
    "  -f, --format=FORMAT   text (the default) or json: one object a line\n"
    "  -e, --events=LIST     what to log, of insn,reg,write,read,syscall,module,signal,\n"
    "                        thread,process,map; all but read and map is the default;\n"
    "                        exits are always logged\n"
    "  -m, --module=FILE     only instructions of this file, a path or its last\n"
    "                        component, with their registers and memory\n"
    "  -r, --range=LO-HI     only instructions from address LO to below HI (hex)\n"
    "  -L, --sysroot=DIR     look the program's libraries up in DIR first; for\n"
    "                        programs of another architecture\n"
    "  -F, --follow=WHAT     trace also the processes that PROGRAM makes: all (the\n"
    "                        default), forks (but not the programs that any process\n"
    "                        executes) or none\n"
    "      --threads=HOW     serial (the default): one thread of a process runs at a\n"
    "                        time, so that the log has one order; or parallel\n"
    "      --limit=LIST      end PROGRAM when it goes beyond one of insns=N, "
    "time=N[ms|s|m|h],\n"
    "                        memory=N[K|M|G], output=N[K|M|G] and processes=N\n"
    "      --cpu=MODEL       the program's processor, as QEMU's -cpu\n"
    "  -c, --count           no log but a summary: how many instructions and events\n"
    "                        there were, and the symbols where most of them ran;\n"
    "                        instructions are counted even if --events leaves them out\n"
    "      --coverage=FILE   write which blocks of code were executed to FILE, as\n"
    "                        drcov does, for coverage views of disassemblers; no log\n"
    "                        unless -o, -f, -e or -c asks for it\n"
    "      --arch            list the architectures that PROGRAM may have\n"
    "  -h, --help            print this\n"
    "  -V, --version         print the version\n"
    "\n"
    "The text log has one line an instruction: thread, address, symbol (or file and\n"
    "offset), disassembly.  What belongs to it follows, indented:\n"
    "    reg      NAME = VALUE\n"
    "    write    ADDRESS SIZE = VALUE\n"
    "    read     ADDRESS SIZE = VALUE\n"
    "    syscall  NAME(ARGUMENTS)\n"
    "    return   NAME = RESULT [ERROR]\n"
    "and starts with thread and address instead where its instruction is not logged.\n"
    "Values of more than 8 bytes, and what the kernel wrote (marked so), are bytes in\n"
    "memory order.  Files mapped and unmapped, changes of the memory map with its\n"
    "contents (map), signals, processes and threads that begin, and exits have lines of\n"
    "their own.\n"
    "\n"
    "lt ends when all processes that it traces have ended.  The exit status is that of\n"
    "PROGRAM, or 128 and the signal that ended it; 124 if a limit ended it; 127 if it\n"
    "is not found, 126 if it cannot be run, 125 if lt itself fails or cannot write\n"
    "the log.\n";

/* The exit status after printing: the reader may have gone, the disk be full. */
static int printed(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "lt: cannot write to standard output: %s\n", strerror(errno));
    return STATUS_FAILURE;
}

int options_help(void)
{
    fputs(help, stdout);
    return printed();
}

int options_version(void)
{
    uint32_t version = lt_version();

    printf("lt (libtrace-emu) %u.%u.%u\n", version / 10000, version / 100 % 100,
           version % 100);
    return printed();
}

int options_architectures(void)
{
    const char *name;

    for (uint32_t arch = 1; (name = lt_arch_name(arch)); arch++)
        puts(name);
    return printed();
}

/* The kind of events whose name begins `list`, or 0. */
static uint32_t event_of(const char *list, size_t length)
{
    const char *name;

    for (uint32_t type = 1; (name = lt_event_name(type)); type++) {
        if (strlen(name) == length && memcmp(name, list, length) == 0)
            return type;
    }
    return 0;
}

static int parse_events(const char *list, uint32_t *kinds)
{
    *kinds = LT_KIND(LT_EVENT_EXIT);
    for (;;) {
        size_t length = strcspn(list, ",");
        uint32_t type = event_of(list, length);
        const char *name;

        if (type == 0) {
            fprintf(stderr, "lt: --events: \"%.*s\" is no event; there are",
                    length < 100 ? (int)length : 100, list);
            for (type = 1; (name = lt_event_name(type)); type++)
                fprintf(stderr, "%s %s", type > 1 ? "," : "", name);
            fprintf(stderr, "\n");
            return -1;
        }
        *kinds |= LT_KIND(type);
        if (!list[length])
            return 0;
        list += length + 1;
    }
}

/* A hexadecimal number, with or without 0x, up to `end`. */
static bool parse_hex(const char *text, char end, uint64_t *value, const char **rest)
{
    unsigned long long number;
    char *stop;

    if (!isxdigit((unsigned char)text[0]))
        return false; /* strtoull() would take blanks and signs */
    errno = 0;
    number = strtoull(text, &stop, 16);
    if (errno || *stop != end)
        return false;
    *value = number;
    *rest = stop;
    return true;
}

static int parse_range(const char *text, uint64_t *start, uint64_t *end)
{
    const char *rest;

    if (parse_hex(text, '-', start, &rest) && parse_hex(rest + 1, '\0', end, &rest) &&
        *start < *end)
        return 0;
    fprintf(stderr,
            "lt: --range: \"%s\" is not of the form LO-HI, two hexadecimal addresses "
            "with LO below HI\n",
            text);
    return -1;
}

static int parse_format(const char *text, bool *json)
{
    *json = strcmp(text, "json") == 0;
    if (*json || strcmp(text, "text") == 0)
        return 0;
    fprintf(stderr, "lt: --format: \"%s\" is neither text nor json\n", text);
    return -1;
}

/* One of several words; its index. */
static int parse_word(const char *option, const char *text, const char *const *words,
                      uint32_t *value)
{
    for (uint32_t i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *value = i;
            return 0;
        }
    }
    fprintf(stderr, "lt: --%s: \"%s\" is none of", option, text);
    for (uint32_t i = 0; words[i]; i++)
        fprintf(stderr, "%s %s", i ? "," : "", words[i]);
    fprintf(stderr, "\n");
    return -1;
}

/* A decimal number and perhaps one of the units, whose factors follow each other. */
static bool parse_amount(const char *text, size_t length, const char *const *units,
                         const uint64_t *factors, uint64_t most, uint64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number = 0;

    if (digits == 0 || digits > length)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (unsigned)(text[i] - '0'), &number))
            return false;
    }
    for (size_t i = 0; units[i]; i++) {
        if (strlen(units[i]) == length - digits &&
            memcmp(units[i], text + digits, length - digits) == 0) {
            return !__builtin_mul_overflow(number, factors[i], value) && *value > 0 &&
                   *value <= most;
        }
    }
    return false;
}

/* One NAME=AMOUNT of --limit. */
static bool parse_limit(const char *text, size_t length, struct options *options)
{
    static const char *const none[] = {"", NULL};
    static const char *const bytes[] = {"", "K", "M", "G", NULL};
    static const char *const times[] = {"", "ms", "s", "m", "h", NULL};
    static const uint64_t byte_factors[] = {1, 1 << 10, 1 << 20, 1 << 30};
    static const uint64_t time_factors[] = {1000, 1, 1000, 60000, 3600000};
    uint64_t wide = 0;
    const struct {
        const char *name;
        const char *const *units;
        const uint64_t *factors;
        uint64_t most;
        uint64_t *value;
        uint32_t *narrow;
    } limits[] = {
        {"insns=", none, byte_factors, UINT64_MAX, &options->limit_insns, NULL},
        {"memory=", bytes, byte_factors, UINT64_MAX, &options->limit_memory, NULL},
        {"output=", bytes, byte_factors, UINT64_MAX, &options->limit_output, NULL},
        {"time=", times, time_factors, UINT32_MAX, &wide, &options->limit_ms},
        {"processes=", none, byte_factors, UINT32_MAX, &wide, &options->limit_processes},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        size_t name = strlen(limits[i].name);

        if (length > name && memcmp(text, limits[i].name, name) == 0 &&
            parse_amount(text + name, length - name, limits[i].units, limits[i].factors,
                         limits[i].most, limits[i].value)) {
            if (limits[i].narrow)
                *limits[i].narrow = (uint32_t)wide;
            return true;
        }
    }
    return false;
}

static int parse_limits(const char *list, struct options *options)
{
    for (;;) {
        size_t length = strcspn(list, ",");

        if (!parse_limit(list, length, options)) {
            fprintf(stderr,
                    "lt: --limit: \"%.*s\" is none of insns=N, time=N[ms|s|m|h], "
                    "memory=N[K|M|G], output=N[K|M|G], processes=N\n",
                    length < 100 ? (int)length : 100, list);
            return -1;
        }
        if (!list[length])
            return 0;
        list += length + 1;
    }
}

static int parse_one(int option, const char *argument, struct options *options)
{
    /* By enum lt_follow and enum lt_threads. */
    static const char *const follows[] = {"all", "forks", "none", NULL};
    static const char *const threads[] = {"serial", "parallel", NULL};

    switch (option) {
    case 'o':
        options->output = argument;
        return 0;
    case 'f':
        return parse_format(argument, &options->json);
    case 'e':
        return parse_events(argument, &options->kinds);
    case 'm':
        if (!argument[0]) {
            fprintf(stderr, "lt: --module: the name is empty\n");
            return -1;
        }
        options->module = argument;
        return 0;
    case 'r':
        return parse_range(argument, &options->pc_start, &options->pc_end);
    case 'L':
        options->sysroot = argument;
        return 0;
    case 'F':
        return parse_word("follow", argument, follows, &options->follow);
    case OPTION_THREADS:
        return parse_word("threads", argument, threads, &options->threads);
    case 'c':
        options->count = true;
        return 0;
    case OPTION_LIMIT:
        return parse_limits(argument, options);
    case OPTION_COVERAGE:
        options->coverage = argument;
        return 0;
    case OPTION_CPU:
        options->cpu = argument;
        return 0;
    default: /* getopt_long() has said what is wrong */
        fprintf(stderr, "Try \"lt --help\".\n");
        return -1;
    }
}

int options_parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"output", required_argument, NULL, 'o'},
        {"format", required_argument, NULL, 'f'},
        {"events", required_argument, NULL, 'e'},
        {"module", required_argument, NULL, 'm'},
        {"range", required_argument, NULL, 'r'},
        {"sysroot", required_argument, NULL, 'L'},
        {"follow", required_argument, NULL, 'F'},
        {"threads", required_argument, NULL, OPTION_THREADS},
        {"count", no_argument, NULL, 'c'},
        {"limit", required_argument, NULL, OPTION_LIMIT},
        {"cpu", required_argument, NULL, OPTION_CPU},
        {"coverage", required_argument, NULL, OPTION_COVERAGE},
        {"arch", no_argument, NULL, OPTION_ARCH},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };
    uint32_t given = 0;
    int option;

    *options = (struct options){.kinds = LT_KINDS_DEFAULT};
    /* "+": the first argument that is no option is PROGRAM; what follows is
     * its own. */
    while ((option = getopt_long(argc, argv, "+o:f:e:m:r:L:F:chV", names, NULL)) != -1) {
        if (option == 'h')
            return options_help();
        if (option == 'V')
            return options_version();
        if (option == OPTION_ARCH)
            return options_architectures();
        if (option == 'm' || option == 'r') {
            /* A second one would silently replace the first. */
            uint32_t bit = option == 'm' ? 1 : 2;
            if (given & bit) {
                fprintf(stderr, "lt: --%s is given twice\n",
                        option == 'm' ? "module" : "range");
                return STATUS_FAILURE;
            }
            given |= bit;
        }
        if (parse_one(option, optarg, options) < 0)
            return STATUS_FAILURE;
        options->log |= option == 'o' || option == 'f' || option == 'e' || option == 'c';
    }
    options->log |= options->coverage == NULL;
    if (optind >= argc) {
        fprintf(stderr, "lt: there is no PROGRAM to run\nTry \"lt --help\".\n");
        return STATUS_FAILURE;
    }
    options->program = argv + optind;
    return -1;
}
