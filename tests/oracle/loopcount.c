/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loopcount -n N -x EXTRA PROGRAM: a guest whose body, between its symbols
 * `body` and `body_end`, is executed N times and which executes EXTRA
 * instructions besides.  Counts events per instruction, under callbacks with
 * filters of each kind at the same time, and holds the values that the body
 * stores against the formula.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lt/lt.h"
#include "lt/unstable.h"

#define MAX_BODY 64

struct counts {
    uint64_t body, body_end, cell;
    uint64_t n;
    uint64_t per_pc[MAX_BODY];
    uint64_t all, in_range, in_module, elsewhere;
    uint64_t writes, writes_in_cell, writes_beside, reads_in_cell;
    uint64_t sum, left;
    uint64_t bad_values;
    uint64_t reg_writes;
    uint64_t exits;
};

static int failures;

static void expect(const char *what, uint64_t is, uint64_t should)
{
    if (is != should) {
        fprintf(stderr, "%s: %" PRIu64 ", expected %" PRIu64 "\n", what, is, should);
        failures++;
    }
}

/* The value of a symbol in a 64-bit ELF file's .symtab; 0 if there is none. */
static uint64_t find_symbol(const char *path, const char *name)
{
    FILE *file = fopen(path, "rb");
    Elf64_Ehdr *header;
    Elf64_Shdr *sections;
    uint64_t value = 0;
    uint8_t *image;
    long size;
    unsigned i;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0)
        exit(2);
    rewind(file);
    image = malloc((size_t)size);
    if (image == NULL || fread(image, (size_t)size, 1, file) != 1)
        exit(2);
    fclose(file);
    header = (Elf64_Ehdr *)image;
    sections = (Elf64_Shdr *)(image + header->e_shoff);
    for (i = 0; i < header->e_shnum; i++) {
        Elf64_Sym *symbols = (Elf64_Sym *)(image + sections[i].sh_offset);
        const char *names;
        size_t j;

        if (sections[i].sh_type != SHT_SYMTAB)
            continue;
        names = (const char *)(image + sections[sections[i].sh_link].sh_offset);
        for (j = 0; j < sections[i].sh_size / sizeof *symbols; j++) {
            if (strcmp(names + symbols[j].st_name, name) == 0)
                value = symbols[j].st_value;
        }
    }
    free(image);
    return value;
}

static int on_all(lt_session *session, const struct lt_insn *e, void *user)
{
    struct counts *c = user;

    (void)session;
    c->all++;
    if (e->pc >= c->body && e->pc < c->body_end && e->pc - c->body < MAX_BODY)
        c->per_pc[e->pc - c->body]++;
    return 0;
}

static int on_count(lt_session *session, const struct lt_insn *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

static int on_reg(lt_session *session, const struct lt_reg_write *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

static int on_access(lt_session *session, const struct lt_mem_access *e, void *user)
{
    (void)session;
    (void)e;
    ++*(uint64_t *)user;
    return 0;
}

/* The body adds N, N - 1, ... 1 and stores each sum. */
static int on_store(lt_session *session, const struct lt_mem_access *e, void *user)
{
    struct counts *c = user;

    (void)session;
    c->writes_in_cell++;
    c->sum += c->left--;
    if (e->value != c->sum || e->addr != c->cell || e->length != 8)
        c->bad_values++;
    return 0;
}

static int on_end(lt_session *session, const struct lt_exit *e, void *user)
{
    (void)session;
    if (e->status == 9)
        ++*(uint64_t *)user;
    return 0;
}

int main(int argc, char **argv)
{
    struct counts c;
    struct lt_config config;
    struct lt_filter range, module, other, cell, beside;
    struct lt_result result;
    const char *program;
    lt_session *session;
    uint64_t extra = 0;
    uint64_t n = 0;
    unsigned instructions = 0;
    unsigned i;
    int option;
    int error = 0;

    while ((option = getopt(argc, argv, "n:x:")) != -1) {
        if (option == 'n')
            n = strtoull(optarg, NULL, 0);
        else if (option == 'x')
            extra = strtoull(optarg, NULL, 0);
    }
    if (n == 0 || extra == 0 || optind + 1 != argc) {
        fprintf(stderr, "usage: loopcount -n N -x EXTRA PROGRAM\n");
        return 2;
    }
    program = argv[optind];
    memset(&c, 0, sizeof c);
    c.n = n;
    c.left = n;
    c.body = find_symbol(program, "body");
    c.body_end = find_symbol(program, "body_end");
    c.cell = find_symbol(program, "cell");
    lt_config_init(&config, sizeof config);
    config.program = program;
    error = lt_session_create(&config, &session);
    if (error != 0) {
        fprintf(stderr, "%s\n", lt_error_text(error));
        return 1;
    }
    lt_filter_init(&range, sizeof range);
    range.pc_start = c.body;
    range.pc_end = c.body_end;
    lt_filter_init(&module, sizeof module);
    module.module = strrchr(program, '/') ? strrchr(program, '/') + 1 : program;
    lt_filter_init(&other, sizeof other);
    other.module = "libnothing.so.7";
    lt_filter_init(&cell, sizeof cell);
    cell.addr_start = c.cell;
    cell.addr_end = c.cell + 8;
    lt_filter_init(&beside, sizeof beside);
    beside.addr_start = c.cell + 8;
    error |= lt_on_insn(session, NULL, on_all, &c);
    error |= lt_on_insn(session, &range, on_count, &c.in_range);
    error |= lt_on_insn(session, &module, on_count, &c.in_module);
    error |= lt_on_insn(session, &other, on_count, &c.elsewhere);
    error |= lt_on_reg_write(session, &range, on_reg, &c.reg_writes);
    error |= lt_on_mem_write(session, &cell, on_store, &c);
    error |= lt_on_mem_write(session, &beside, on_access, &c.writes_beside);
    error |= lt_on_mem_write(session, NULL, on_access, &c.writes);
    error |= lt_on_mem_read(session, &cell, on_access, &c.reads_in_cell);
    error |= lt_on_exit(session, NULL, on_end, &c.exits);
    if (error != 0 || lt_session_run(session) != 0) {
        fprintf(stderr, "the run failed: %s\n", lt_session_message(session));
        return 1;
    }
    lt_result_init(&result, sizeof result);
    lt_session_result(session, &result);
    for (i = 0; i < MAX_BODY; i++) {
        if (c.per_pc[i] != 0) {
            instructions++;
            expect("events of an instruction of the body", c.per_pc[i], n);
        }
    }
    expect("instructions of the body", instructions, 6);
    expect("all instructions", c.all, 6 * n + extra);
    expect("instructions in the range", c.in_range, 6 * n);
    expect("instructions in the module", c.in_module, 6 * n + extra);
    expect("instructions in a module that is not there", c.elsewhere, 0);
    expect("stores to the cell", c.writes_in_cell, n);
    expect("stores of a wrong value", c.bad_values, 0);
    expect("stores beside the cell", c.writes_beside, 0);
    expect("stores", c.writes, n);
    expect("loads from the cell", c.reads_in_cell, n);
    /* Both bodies: five registers written, or four and a load; flags are
     * registers too. */
    expect("register writes", c.reg_writes,
           n * (lt_session_arch(session) == LT_ARCH_X86_64 ? 8 : 5));
    expect("exits with status 9", c.exits, 1);
    expect("the result's status", (uint64_t)result.status, 9);
    lt_session_destroy(session);
    if (failures == 0)
        printf("%s: %" PRIu64 " times %u instructions\n", program, n, instructions);
    return failures != 0;
}
