/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the file format of DynamoRIO's drcov, version 2: a table of modules in text, and
 * blocks of 8 bytes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt/fuzz.h"
#include "session.h"

/* A block, in the file. */
struct entry {
    uint32_t start; /* from its module's base */
    uint16_t size;
    uint16_t module;
};
_Static_assert(sizeof(struct entry) == 8, "as in the file");

struct module {
    const char *path;
    uint64_t base, size;
};

struct table {
    struct module *modules;
    struct entry *entries;
    size_t module_count, entry_count;
};

/* Room for one more in an array whose size is doubled when it is a power of two. */
static bool grow(void **array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0) {
        return true;
    }
    void *larger = realloc(*array, (count == 0 ? 1 : 2 * count) * size);
    if (larger == NULL) {
        return false;
    }
    *array = larger;
    return true;
}

/* The number of the module that a block is of; the same for all bases at which a file
 * was mapped, as readers look modules up by their names.  Negative: an error. */
static int module_of(struct table *table, const struct lt_coverage_block *block)
{
    for (size_t i = table->module_count; i-- > 0;) {
        if (strcmp(table->modules[i].path, block->module) == 0) {
            return (int)i;
        }
    }
    if (table->module_count > UINT16_MAX) {
        return LT_ERR_LIMIT;
    }
    if (!grow((void **)&table->modules, table->module_count, sizeof *table->modules)) {
        return LT_ERR_NO_MEMORY;
    }
    table->modules[table->module_count] =
        (struct module){.path = block->module, .base = block->base};
    return (int)table->module_count++;
}

static int add(struct table *table, const struct lt_coverage_block *block)
{
    if (block->offset > UINT32_MAX || block->length > UINT16_MAX) {
        return 0; /* the format has no room for it */
    }
    int module = module_of(table, block);
    if (module < 0) {
        return module;
    }
    if (!grow((void **)&table->entries, table->entry_count, sizeof *table->entries)) {
        return LT_ERR_NO_MEMORY;
    }
    table->entries[table->entry_count++] = (struct entry){
        (uint32_t)block->offset, (uint16_t)block->length, (uint16_t)module};
    struct module *m = &table->modules[module];
    if (block->offset + block->length > m->size) {
        m->size = block->offset + block->length;
    }
    return 0;
}

static int collect(const lt_session *session, struct table *table)
{
    for (uint32_t number = 1;; number++) {
        struct lt_coverage_block block = {.size = sizeof block};
        int got = lt_coverage_number(session, number, &block);
        if (got == LT_ERR_NOT_FOUND) {
            return 0;
        }
        if (got < 0) {
            return got;
        }
        if (got > 0 && block.count > 0 && block.module != NULL) {
            int error = add(table, &block);
            if (error != 0) {
                return error;
            }
        }
    }
}

static void write_path(FILE *file, const char *path)
{
    for (; *path != '\0'; path++) {
        putc((unsigned char)*path < ' ' ? '?' : *path, file);
    }
}

static void write_table(FILE *file, const struct table *table)
{
    fprintf(file,
            "DRCOV VERSION: 2\nDRCOV FLAVOR: drcov\n"
            "Module Table: version 2, count %zu\nColumns: id, base, end, entry, path\n",
            table->module_count);
    for (size_t i = 0; i < table->module_count; i++) {
        const struct module *m = &table->modules[i];
        uint64_t end = m->base + ((m->size + 4095) & ~UINT64_C(4095));
        fprintf(file, "%3zu, 0x%016" PRIx64 ", 0x%016" PRIx64 ", 0x%016x, ", i, m->base,
                end, 0);
        write_path(file, m->path);
        putc('\n', file);
    }
    fprintf(file, "BB Table: %zu bbs\n", table->entry_count);
    if (table->entry_count > 0) {
        fwrite(table->entries, sizeof *table->entries, table->entry_count, file);
    }
}

static int write_file(const struct table *table, const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return errno;
    }
    write_table(file, table);
    int error = fflush(file) != 0 || ferror(file) ? errno : 0;
    if (fclose(file) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

int lt_coverage_save_drcov(lt_session *session, const char *path)
{
    struct table table = {0};
    if (session == NULL || path == NULL) {
        return LT_ERR_ARGUMENT;
    }
    int error = session->coverage != NULL &&
                        lti_coverage_kind(session->coverage) != LTI_COVERAGE_NUMBERS
                    ? LT_ERR_STATE
                    : collect(session, &table);
    if (error == LT_ERR_STATE) {
        lti_fail(&session->message, error, "drcov: blocks are not counted under numbers");
    } else if (error != 0) {
        lti_fail(&session->message, error, "drcov: %s", lt_error_text(error));
    } else {
        int cause = write_file(&table, path);
        if (cause != 0) {
            error = lti_fail(&session->message, LT_ERR_SYSTEM, "%s cannot be written: %s",
                             path, strerrordesc_np(cause));
        }
    }
    free(table.modules);
    free(table.entries);
    return error;
}
