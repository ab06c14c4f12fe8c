/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a disassembler (capstone) and a cache of its answers, as a program
 * spends its time in loops: capstone takes about a microsecond an instruction,
 * the cache a few nanoseconds. */
#include "disasm.h"

#include <capstone/capstone.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lt/lt.h"

#if CS_API_MAJOR >= 6
#define ARCH_ARM64 CS_ARCH_AARCH64
#else
#define ARCH_ARM64 CS_ARCH_ARM64
#endif

#define CACHE_BITS 16
#define CAPSTONE_MEMORY (1u << 18) /* more than a handle takes with its tables */
#define MAX_CODE 15                /* no instruction is longer */

/* One answer; 128 bytes. */
struct entry {
    uint64_t pc;
    uint8_t code[MAX_CODE]; /* as given: zeros behind `given` bytes */
    uint8_t given;          /* 0: the entry is empty */
    uint8_t length;         /* of the instruction; 0: there is none */
    char text[103];
};

_Static_assert(sizeof(struct entry) == 128, "two cache lines");

struct lti_disasm {
    csh handle;
    cs_insn *insn;
    uint32_t max_code;
    struct entry *cache; /* by a hash of pc */
};

static cs_err open_handle(uint32_t arch, csh *handle)
{
    return arch == LT_ARCH_X86_64 ? cs_open(CS_ARCH_X86, CS_MODE_64, handle)
                                  : cs_open(ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, handle);
}

/* Capstone sorts tables of its own when they are first used, without a lock: here, before
 * two sessions do it at the same time. */
static void use_first(void)
{
    static const struct {
        uint32_t arch;
        const char *code;
    } insns[] = {
        {LT_ARCH_X86_64, "\x04\x01\0"},        /* add al, 1 */
        {LT_ARCH_AARCH64, "\x40\xd0\x3b\xd5"}, /* mrs x0, tpidr_el0 */
    };
    for (unsigned i = 0; i < sizeof insns / sizeof *insns; i++) {
        cs_insn *insn;
        csh handle;

        if (open_handle(insns[i].arch, &handle) == CS_ERR_OK) {
            size_t count =
                cs_disasm(handle, (const uint8_t *)insns[i].code, 4, 0, 1, &insn);
            if (count)
                cs_free(insn, count);
            cs_close(&handle);
        }
    }
}

/* Capstone does not look whether it gets its memory, but crashes: so that is looked at
 * before, ... */
static bool has_memory(void)
{
    void *memory = malloc(CAPSTONE_MEMORY);

    free(memory);
    return memory != NULL;
}

/* ... and it is made to take at once what it would with the first instruction. */
static void make_tables(struct lti_disasm *disasm, uint32_t arch)
{
    static const uint8_t nops[2][4] = {{0x90}, {0x1f, 0x20, 0x03, 0xd5}};
    const uint8_t *code = nops[arch != LT_ARCH_X86_64];
    size_t size = sizeof nops[0];
    uint64_t pc = 0;

    cs_disasm_iter(disasm->handle, &code, &size, &pc, disasm->insn);
}

int lti_disasm_create(uint32_t arch, struct lti_disasm **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct lti_disasm *disasm;
    cs_err error;

    *out = NULL;
    if (arch != LT_ARCH_X86_64 && arch != LT_ARCH_AARCH64)
        return LT_ERR_UNSUPPORTED;
    disasm = calloc(1, sizeof *disasm);
    if (!disasm)
        return LT_ERR_NO_MEMORY;
    if (!has_memory()) {
        free(disasm);
        return LT_ERR_NO_MEMORY;
    }
    pthread_once(&once, use_first);
    error = open_handle(arch, &disasm->handle);
    if (error != CS_ERR_OK) {
        free(disasm);
        return error == CS_ERR_MEM ? LT_ERR_NO_MEMORY : LT_ERR_UNSUPPORTED;
    }
    disasm->max_code = arch == LT_ARCH_X86_64 ? MAX_CODE : 4;
    disasm->insn = cs_malloc(disasm->handle);
    disasm->cache = calloc((size_t)1 << CACHE_BITS, sizeof *disasm->cache);
    if (!disasm->insn || !disasm->cache) {
        lti_disasm_destroy(disasm);
        return LT_ERR_NO_MEMORY;
    }
    make_tables(disasm, arch);
    *out = disasm;
    return 0;
}

void lti_disasm_destroy(struct lti_disasm *disasm)
{
    if (!disasm)
        return;
    if (disasm->insn)
        cs_free(disasm->insn, 1);
    cs_close(&disasm->handle);
    free(disasm->cache);
    free(disasm);
}

static struct entry *entry_of(struct lti_disasm *disasm, uint64_t pc)
{
    return disasm->cache + (pc * UINT64_C(0x9e3779b97f4a7c15) >> (64 - CACHE_BITS));
}

/* As much of `from` as fits, always with a NUL. */
static void copy_text(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);

    if (size == 0)
        return;
    if (length >= size)
        length = size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

int lti_disasm_text(struct lti_disasm *disasm, uint64_t pc, const uint8_t *bytes,
                    uint32_t length, char *text, size_t text_size)
{
    char line[sizeof disasm->insn->mnemonic + sizeof disasm->insn->op_str + 1];
    uint8_t code[MAX_CODE] = {0};
    struct entry *entry;
    const uint8_t *next = code;
    uint64_t address = pc;
    size_t left, mnemonic;
    uint8_t found = 0;

    if (!disasm || !bytes || length == 0 || (!text && text_size))
        return LT_ERR_ARGUMENT;
    if (length > disasm->max_code)
        length = disasm->max_code;
    left = length;
    memcpy(code, bytes, length);
    entry = entry_of(disasm, pc);
    if (entry->pc == pc && entry->given == length &&
        memcmp(entry->code, code, sizeof code) == 0) {
        copy_text(text, text_size, entry->text);
        return entry->length ? entry->length : LT_ERR_NOT_FOUND;
    }

    line[0] = '\0';
    if (cs_disasm_iter(disasm->handle, &next, &left, &address, disasm->insn)) {
        found = (uint8_t)disasm->insn->size;
        copy_text(line, sizeof line, disasm->insn->mnemonic);
        if (disasm->insn->op_str[0]) {
            mnemonic = strlen(line);
            line[mnemonic++] = ' ';
            copy_text(line + mnemonic, sizeof line - mnemonic, disasm->insn->op_str);
        }
    } else if (cs_errno(disasm->handle) == CS_ERR_MEM) {
        return LT_ERR_NO_MEMORY;
    }
    copy_text(text, text_size, line);
    if (strlen(line) < sizeof entry->text) {
        entry->pc = pc;
        entry->given = (uint8_t)length;
        entry->length = found;
        memcpy(entry->code, code, sizeof code);
        copy_text(entry->text, sizeof entry->text, line);
    }
    return found ? found : LT_ERR_NOT_FOUND;
}
