/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the symbols of ELF files, read with libelf when first asked for.
 *
 * What an address is called is decided once a file, when it is read: its
 * symbols become disjoint ranges of addresses.
 *
 * - A symbol with a size owns [value, value + size).  Where several overlap,
 *   the one that starts last does.
 * - A symbol without a size (a label of an assembly source) owns what follows
 *   it up to the next symbol or the end of its section, unless a symbol with a
 *   size owns the label itself.
 * - Of several that start at the same address, one stays: with a size rather
 *   than without, a function or object rather than an untyped one, global or
 *   weak rather than local, with fewer leading underscores (so write, not
 *   __write), global rather than weak, the shorter name, the alphabetically
 *   first.
 * - A symbol version ("memcpy@@GLIBC_2.14") is not part of the name.
 * - An entry of the procedure linkage table is called "puts@plt".
 *
 * Files are read, never mapped: a file that shrinks meanwhile gives a short
 * read, not a SIGBUS.
 */
#define _GNU_SOURCE
#include "symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <pthread.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lt/lt.h"

/* No sane section is larger; a sparse file's could fill the memory. */
#define MAX_SECTION (UINT64_C(1) << 30)
#define MAX_SYMBOLS (UINT32_C(1) << 24)
#define MAX_NAME 65536u
#define PAGE_SIZE UINT64_C(4096)

/* Which of two symbols at one address is better: more is. */
#define RANK_SIZED 8u
#define RANK_TYPED 4u
#define RANK_NOT_LOCAL 2u

struct symbol {
    uint64_t start;
    uint64_t end; /* exclusive; of the section where the size is 0 */
    uint64_t size;
    size_t name;  /* offset in file.names */
    uint8_t rank; /* RANK_* */
    bool global;
};

/* Addresses that belong to a symbol. */
struct range {
    uint64_t start;
    uint64_t end;
    uint32_t symbol; /* index in file.symbols */
};

/* A PT_LOAD program header. */
struct segment {
    uint64_t offset;
    uint64_t file_size;
    uint64_t addr;
    uint64_t memory_size;
};

struct vector {
    void *items;
    size_t count;
    size_t room;
};

struct file {
    char *path;
    char *names; /* NUL-ended, one behind the other */
    struct segment *segments;
    struct symbol *symbols; /* by start */
    struct range *ranges;   /* by start, disjoint */
    size_t segment_count;
    size_t range_count;
    size_t last; /* index of the last range found */
};

struct lti_symbols {
    char *sysroot;     /* or NULL */
    void *files;       /* tsearch() tree of struct file * by path */
    struct file *last; /* the last one asked for, or NULL */
};

/* A file while it is read. */
struct reading {
    struct vector names;    /* char */
    struct vector symbols;  /* struct symbol */
    struct vector segments; /* struct segment */
    struct vector ranges;   /* struct range */
    int error;              /* LT_ERR_*, or 0 */
};

/* ---- Vectors ---- */

/* Room for `count` more items behind the others, which the caller counts; or
 * NULL, and reading->error. */
static void *grow(struct reading *reading, struct vector *vector, size_t count,
                  size_t item_size)
{
    if (vector->room - vector->count < count) {
        size_t room = vector->room * 2 + count + 64;
        void *items = reallocarray(vector->items, room, item_size);

        if (!items) {
            reading->error = LT_ERR_NO_MEMORY;
            return NULL;
        }
        vector->items = items;
        vector->room = room;
    }
    return (char *)vector->items + vector->count * item_size;
}

/* Keeps a name of `length` bytes, with `suffix` behind it. */
static bool add_name(struct reading *reading, const char *name, size_t length,
                     const char *suffix, size_t *out)
{
    size_t more = strlen(suffix) + 1;
    char *to = grow(reading, &reading->names, length + more, 1);

    if (!to)
        return false;
    memcpy(to, name, length);
    memcpy(to + length, suffix, more);
    *out = reading->names.count;
    reading->names.count += length + more;
    return true;
}

static void add_symbol(struct reading *reading, const struct symbol *symbol)
{
    struct symbol *to = grow(reading, &reading->symbols, 1, sizeof *to);

    if (!to)
        return;
    *to = *symbol;
    reading->symbols.count++;
}

static void add_range(struct reading *reading, uint64_t start, uint64_t end,
                      size_t symbol)
{
    struct range *to;

    if (start >= end)
        return;
    to = grow(reading, &reading->ranges, 1, sizeof *to);
    if (!to)
        return;
    *to = (struct range){start, end, (uint32_t)symbol};
    reading->ranges.count++;
}

/* ---- Reading ELF files ---- */

static void start_libelf(void)
{
    elf_version(EV_CURRENT);
}

/* Opens an ordinary file, and only that: the guest may have mapped a device,
 * which to open has effects, or replaced the file by a FIFO since. */
static int open_file(const char *path)
{
    struct stat status;
    int fd;

    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return -1;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* libelf takes what it has no memory for as something that is not there: errno, 0
 * before, tells.  Also when there are no descriptors left, the file may be fine. */
static void check_host(struct reading *reading)
{
    if (errno == ENOMEM)
        reading->error = LT_ERR_NO_MEMORY;
    else if (errno == EMFILE || errno == ENFILE)
        reading->error = LT_ERR_SYSTEM;
    errno = 0;
}

/* Opens the ELF file at `path`, or gives NULL. */
static Elf *open_elf(struct reading *reading, const char *path, int *fd)
{
    Elf *elf;

    errno = 0;
    *fd = open_file(path);
    elf = *fd >= 0 ? elf_begin(*fd, ELF_C_READ, NULL) : NULL;
    check_host(reading);
    if (*fd < 0)
        return NULL;
    if (elf && elf_kind(elf) == ELF_K_ELF)
        return elf;
    elf_end(elf);
    close(*fd);
    return NULL;
}

/* A section's contents, or NULL. */
static Elf_Data *section_data(Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data;

    if (header->sh_type == SHT_NOBITS || header->sh_size > MAX_SECTION ||
        (header->sh_flags & SHF_COMPRESSED))
        return NULL;
    data = elf_getdata(section, NULL);
    return data && data->d_buf ? data : NULL;
}

static void read_segments(struct reading *reading, Elf *elf)
{
    size_t count;

    if (elf_getphdrnum(elf, &count) < 0)
        return;
    for (size_t i = 0; i < count && i < 65536; i++) {
        struct segment *segment;
        GElf_Phdr header;

        if (!gelf_getphdr(elf, (int)i, &header))
            return;
        if (header.p_type != PT_LOAD)
            continue;
        segment = grow(reading, &reading->segments, 1, sizeof *segment);
        if (!segment)
            return;
        *segment = (struct segment){
            .offset = header.p_offset,
            .file_size = header.p_filesz,
            .addr = header.p_vaddr,
            .memory_size = header.p_memsz,
        };
        reading->segments.count++;
    }
}

/* Arm's mapping symbols ($x, $d, $x.1) mark code and data, they name nothing. */
static bool is_mapping_symbol(const char *name)
{
    return name[0] == '$' && name[1] && strchr("adtx", name[1]) &&
           (name[2] == '\0' || name[2] == '.');
}

/* The end of the section that a symbol stands in, or 0 if it is in none that
 * the program has in memory. */
static uint64_t section_end(Elf *elf, const GElf_Sym *sym, Elf32_Word extended)
{
    size_t index = sym->st_shndx == SHN_XINDEX ? extended : sym->st_shndx;
    GElf_Shdr header;
    Elf_Scn *section;

    if (index == SHN_UNDEF ||
        (sym->st_shndx >= SHN_LORESERVE && sym->st_shndx != SHN_XINDEX))
        return 0;
    section = elf_getscn(elf, index);
    if (!section || !gelf_getshdr(section, &header) || !(header.sh_flags & SHF_ALLOC) ||
        (header.sh_flags & SHF_TLS) || sym->st_value < header.sh_addr ||
        sym->st_value - header.sh_addr >= header.sh_size ||
        header.sh_addr + header.sh_size < header.sh_addr)
        return 0;
    return header.sh_addr + header.sh_size;
}

static bool wanted_type(unsigned type)
{
    return type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC ||
           type == STT_GNU_IFUNC;
}

static void read_symbol(struct reading *reading, Elf *elf, bool is_arm,
                        const GElf_Sym *sym, Elf32_Word extended, const char *name)
{
    unsigned type = GELF_ST_TYPE(sym->st_info);
    unsigned binding = GELF_ST_BIND(sym->st_info);
    struct symbol symbol = {.start = sym->st_value, .size = sym->st_size};
    size_t length;

    if (!name || !*name || !wanted_type(type) || (is_arm && is_mapping_symbol(name)))
        return;
    symbol.end = section_end(elf, sym, extended);
    if (symbol.end == 0)
        return;
    if (symbol.size) {
        symbol.end = symbol.start + symbol.size;
        if (symbol.end < symbol.start)
            return;
        symbol.rank |= RANK_SIZED;
    }
    if (type != STT_NOTYPE)
        symbol.rank |= RANK_TYPED;
    if (binding != STB_LOCAL)
        symbol.rank |= RANK_NOT_LOCAL;
    symbol.global = binding != STB_LOCAL && binding != STB_WEAK;

    length = 1 + strcspn(name + 1, "@");
    if (length > MAX_NAME)
        length = MAX_NAME;
    if (add_name(reading, name, length, "", &symbol.name))
        add_symbol(reading, &symbol);
}

/* The contents of the SHT_SYMTAB_SHNDX section that belongs to symbol table
 * `index`, where section numbers of more than 16 bits stand; or NULL. */
static Elf_Data *extended_indices(Elf *elf, size_t index)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while ((section = elf_nextscn(elf, section)))
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB_SHNDX &&
            header.sh_link == index)
            return section_data(section, &header);
    return NULL;
}

static void read_symbols(struct reading *reading, Elf *elf, Elf_Scn *section,
                         const GElf_Shdr *header, bool is_arm)
{
    Elf_Data *data = section_data(section, header);
    Elf_Data *extended = extended_indices(elf, elf_ndxscn(section));
    size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
    size_t count = data && entry ? data->d_size / entry : 0;
    Elf_Scn *names = elf_getscn(elf, header->sh_link);
    GElf_Shdr names_header;

    if (!names || !gelf_getshdr(names, &names_header) ||
        !section_data(names, &names_header))
        return;
    /* Symbol 0 is none. */
    for (size_t i = 1;
         i < count && !reading->error && reading->symbols.count < MAX_SYMBOLS; i++) {
        Elf32_Word index = 0;
        GElf_Sym sym;

        if (!gelf_getsymshndx(data, extended, (int)i, &sym, &index))
            return;
        read_symbol(reading, elf, is_arm, &sym, index,
                    elf_strptr(elf, header->sh_link, sym.st_name));
    }
}

static void read_symbol_tables(struct reading *reading, Elf *elf)
{
    Elf_Scn *section = NULL;
    bool had_symtab = false, had_dynsym = false;
    GElf_Ehdr ehdr;
    GElf_Shdr header;

    if (!gelf_getehdr(elf, &ehdr))
        return;
    /* A file has one of each at most; more would be there to keep us busy. */
    while ((section = elf_nextscn(elf, section))) {
        bool *had;

        if (!gelf_getshdr(section, &header))
            continue;
        if (header.sh_type == SHT_SYMTAB)
            had = &had_symtab;
        else if (header.sh_type == SHT_DYNSYM)
            had = &had_dynsym;
        else
            continue;
        if (!*had)
            read_symbols(reading, elf, section, &header, ehdr.e_machine == EM_AARCH64);
        *had = true;
    }
}

/* ---- The procedure linkage table ---- */

/* A relocation of a slot of the global offset table. */
struct slot {
    uint64_t addr;
    const char *name; /* in libelf's memory */
};

struct plt {
    struct reading *reading;
    Elf *elf;
    struct vector slots; /* struct slot, by addr once all are read */
};

static int compare_slots(const void *a, const void *b)
{
    const struct slot *left = a, *right = b;

    return left->addr < right->addr ? -1 : left->addr > right->addr;
}

static void read_slots(struct plt *plt, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = section_data(section, header), *symbols = NULL;
    size_t entry = gelf_fsize(plt->elf, ELF_T_RELA, 1, EV_CURRENT);
    size_t count = data && entry ? data->d_size / entry : 0;
    Elf_Scn *table = elf_getscn(plt->elf, header->sh_link);
    GElf_Shdr table_header;

    if (!(header->sh_flags & SHF_ALLOC))
        return;
    if (table && gelf_getshdr(table, &table_header) &&
        (table_header.sh_type == SHT_DYNSYM || table_header.sh_type == SHT_SYMTAB))
        symbols = section_data(table, &table_header);
    for (size_t i = 0; symbols && i < count; i++) {
        struct slot *slot;
        const char *name;
        GElf_Rela rela;
        GElf_Sym sym;

        if (!gelf_getrela(data, (int)i, &rela))
            return;
        /* Relative relocations, of which there are many, have no symbol. */
        if (GELF_R_SYM(rela.r_info) == 0 ||
            !gelf_getsym(symbols, (int)GELF_R_SYM(rela.r_info), &sym))
            continue;
        name = elf_strptr(plt->elf, table_header.sh_link, sym.st_name);
        if (!name || !*name)
            continue;
        slot = grow(plt->reading, &plt->slots, 1, sizeof *slot);
        if (!slot)
            return;
        *slot = (struct slot){rela.r_offset, name};
        plt->slots.count++;
    }
}

/* Names the entry at [start, end), which jumps through the slot at `addr`. */
static void add_entry(struct plt *plt, uint64_t start, uint64_t end, uint64_t addr)
{
    struct slot key = {.addr = addr};
    struct symbol symbol = {
        .start = start,
        .end = end,
        .size = end - start,
        .rank = RANK_SIZED | RANK_TYPED,
    };
    const struct slot *slot;
    size_t length;

    if (plt->slots.count == 0 || start >= end)
        return;
    slot = bsearch(&key, plt->slots.items, plt->slots.count, sizeof key, compare_slots);
    if (!slot)
        return;
    length = strnlen(slot->name, MAX_NAME);
    if (add_name(plt->reading, slot->name, length, "@plt", &symbol.name))
        add_symbol(plt->reading, &symbol);
}

static uint32_t load32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

/* Entries are [endbr64] [bnd] jmp *slot(%rip), and begin at multiples of 8
 * (.plt.got) or 16.  In the .plt that goes with a .plt.sec they are
 * endbr64; push $index; jmp: they are reached only to resolve a symbol the
 * first time, and stay without a name. */
static void read_x86_64_plt(struct plt *plt, const uint8_t *code, size_t size,
                            uint64_t addr)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

    for (size_t at = 0; size - at >= 8; at += 8) {
        size_t jump = at, end;

        if (memcmp(code + jump, endbr64, sizeof endbr64) == 0)
            jump += sizeof endbr64;
        if (code[jump] == 0xf2)
            jump++;
        if (size - jump < 6 || code[jump] != 0xff || code[jump + 1] != 0x25)
            continue;
        /* What follows the jump pads the entry, or pushes an index for the
         * resolver, up to the next multiple of 16; entries of 8 bytes have
         * no room for more. */
        end = at + 16 <= size && !(code[at + 8] == 0xff && code[at + 9] == 0x25) ? at + 16
                                                                                 : at + 8;
        add_entry(plt, addr + at, addr + end,
                  addr + jump + 6 + (uint64_t)(int64_t)(int32_t)load32(code + jump + 2));
        at = end - 8;
    }
}

/* Entries are [bti c]; adrp x16, slot; ldr x17, [x16, slot]; add x16, x16,
 * slot; [autia1716]; br x17; nops.  The first entry begins otherwise and goes
 * to the resolver. */
static void read_aarch64_plt(struct plt *plt, const uint8_t *code, size_t size,
                             uint64_t addr)
{
    const uint32_t bti_c = 0xd503245f, br_x17 = 0xd61f0220;
    const uint32_t nop = 0xd503201f, stp_x16_x30 = 0xa9bf7bf0;

    for (size_t at = 0; size - at >= 8; at += 4) {
        uint32_t adrp = load32(code + at), ldr = load32(code + at + 4);
        uint32_t before = at >= 4 ? load32(code + at - 4) : 0;
        size_t start = at, end = at + 8;
        int64_t page;

        if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211 ||
            before == stp_x16_x30)
            continue;
        if (before == bti_c)
            start -= 4;
        while (size - end >= 4 && end - at < 20 && load32(code + end - 4) != br_x17)
            end += 4;
        while (size - end >= 4 && load32(code + end) == nop)
            end += 4;
        /* A signed page count of 21 bits, the low two of them apart. */
        page = (int64_t)(int32_t)((adrp << 8 & 0xffffe000)) >> 11 |
               (int64_t)(adrp >> 29 & 3);
        add_entry(plt, addr + start, addr + end,
                  ((addr + at) & ~UINT64_C(0xfff)) + ((uint64_t)page << 12) +
                      (uint64_t)(ldr >> 10 & 0xfff) * 8);
    }
}

static void read_plt(struct reading *reading, Elf *elf)
{
    struct plt plt = {.reading = reading, .elf = elf};
    size_t names;
    Elf_Scn *section = NULL;
    GElf_Ehdr ehdr;
    GElf_Shdr header;

    if (!gelf_getehdr(elf, &ehdr) || ehdr.e_ident[EI_DATA] != ELFDATA2LSB ||
        elf_getshdrstrndx(elf, &names) < 0 ||
        (ehdr.e_machine != EM_X86_64 && ehdr.e_machine != EM_AARCH64))
        return;
    while ((section = elf_nextscn(elf, section)))
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA)
            read_slots(&plt, section, &header);
    if (plt.slots.count)
        qsort(plt.slots.items, plt.slots.count, sizeof(struct slot), compare_slots);
    while (plt.slots.count && (section = elf_nextscn(elf, section))) {
        const char *name;
        Elf_Data *data;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_PROGBITS)
            continue;
        name = elf_strptr(elf, names, header.sh_name);
        if (!name || strncmp(name, ".plt", 4) != 0)
            continue;
        data = section_data(section, &header);
        if (!data)
            continue;
        if (ehdr.e_machine == EM_X86_64)
            read_x86_64_plt(&plt, data->d_buf, data->d_size, header.sh_addr);
        else
            read_aarch64_plt(&plt, data->d_buf, data->d_size, header.sh_addr);
    }
    free(plt.slots.items);
}

/* ---- Separate debug files ---- */

/* Finds the GNU build-id note in `data`. */
static bool find_build_id(Elf_Data *data, const uint8_t **id, size_t *size)
{
    size_t at = 0, name, desc;
    GElf_Nhdr note;

    while (data && (at = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
        const char *bytes = data->d_buf;

        if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
            memcmp(bytes + name, "GNU", 4) != 0 || note.n_descsz < 2 ||
            note.n_descsz > 64)
            continue;
        *id = (const uint8_t *)bytes + desc;
        *size = note.n_descsz;
        return true;
    }
    return false;
}

/* The build-id of a file; it lives as long as `elf`. */
static bool build_id(Elf *elf, const uint8_t **id, size_t *size)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while ((section = elf_nextscn(elf, section)))
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_NOTE &&
            find_build_id(section_data(section, &header), id, size))
            return true;
    return false;
}

/* Reads the debug file below `root`, if it is that of the build-id. */
static bool read_debug_file(struct reading *reading, const char *root, const uint8_t *id,
                            size_t size)
{
    char hex[2 * 64 + 1], *path;
    const uint8_t *other_id;
    size_t other_size;
    bool found = false;
    Elf *elf;
    int fd;

    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    if (asprintf(&path, "%s/usr/lib/debug/.build-id/%.2s/%s.debug", root, hex, hex + 2) <
        0) {
        reading->error = LT_ERR_NO_MEMORY;
        return false;
    }
    elf = open_elf(reading, path, &fd);
    free(path);
    if (!elf)
        return false;
    if (build_id(elf, &other_id, &other_size) && other_size == size &&
        memcmp(id, other_id, size) == 0) {
        read_symbol_tables(reading, elf);
        found = true;
    }
    check_host(reading);
    elf_end(elf);
    close(fd);
    return found;
}

static void read_debug_files(struct reading *reading, Elf *elf, const char *sysroot)
{
    const uint8_t *id;
    size_t size;

    if (!build_id(elf, &id, &size))
        return;
    if (!sysroot || !read_debug_file(reading, sysroot, id, size))
        read_debug_file(reading, "", id, size);
}

/* ---- From symbols to ranges ---- */

static size_t underscores(const char *name)
{
    return strspn(name, "_");
}

/* By start, at the same start the best first; see above. */
static int compare_symbols(const void *a, const void *b, void *names)
{
    const struct symbol *left = a, *right = b;
    const char *left_name = (const char *)names + left->name;
    const char *right_name = (const char *)names + right->name;
    size_t left_size, right_size;

    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    if (left->rank != right->rank)
        return left->rank > right->rank ? -1 : 1;
    left_size = underscores(left_name);
    right_size = underscores(right_name);
    if (left_size != right_size)
        return left_size < right_size ? -1 : 1;
    if (left->global != right->global)
        return left->global ? -1 : 1;
    left_size = strlen(left_name);
    right_size = strlen(right_name);
    if (left_size != right_size)
        return left_size < right_size ? -1 : 1;
    return strcmp(left_name, right_name);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *left = a, *right = b;

    return left->start < right->start ? -1 : left->start > right->start;
}

/* Sorts the symbols and keeps the best one of each address. */
static void sort_symbols(struct reading *reading)
{
    struct symbol *symbols = reading->symbols.items;
    size_t kept = 0;

    if (reading->symbols.count == 0)
        return;
    qsort_r(symbols, reading->symbols.count, sizeof *symbols, compare_symbols,
            reading->names.items);
    for (size_t i = 1; i < reading->symbols.count; i++)
        if (symbols[i].start != symbols[kept].start)
            symbols[++kept] = symbols[i];
    reading->symbols.count = kept + 1;
}

/* Gives each address the symbol with a size that covers it and starts last.
 * `open` has those that begin before the address in hand, by start. */
static void make_sized_ranges(struct reading *reading, uint32_t *open)
{
    const struct symbol *symbols = reading->symbols.items;
    size_t depth = 0;
    uint64_t done = 0; /* all below is decided */

    for (size_t i = 0; i <= reading->symbols.count; i++) {
        uint64_t next = UINT64_MAX;

        if (i < reading->symbols.count) {
            if (!symbols[i].size)
                continue;
            next = symbols[i].start;
        }
        while (depth > 0 && done < next) {
            size_t top = open[depth - 1];
            uint64_t end = symbols[top].end < next ? symbols[top].end : next;

            add_range(reading, done, end, top);
            if (end > done)
                done = end;
            if (symbols[top].end > next)
                break;
            depth--;
        }
        if (i < reading->symbols.count) {
            done = next;
            open[depth++] = (uint32_t)i;
        }
    }
}

/* Gives symbols without a size what is left behind them. */
static void make_unsized_ranges(struct reading *reading)
{
    const struct symbol *symbols = reading->symbols.items;
    size_t sized = reading->ranges.count, at = 0;

    for (size_t i = 0; i < reading->symbols.count; i++) {
        const struct range *ranges = reading->ranges.items;
        uint64_t end = symbols[i].end;

        if (symbols[i].size)
            continue;
        while (at < sized && ranges[at].end <= symbols[i].start)
            at++;
        if (at < sized && ranges[at].start <= symbols[i].start)
            continue;
        if (i + 1 < reading->symbols.count && symbols[i + 1].start < end)
            end = symbols[i + 1].start;
        add_range(reading, symbols[i].start, end, i);
    }
    if (reading->ranges.count > sized)
        qsort(reading->ranges.items, reading->ranges.count, sizeof(struct range),
              compare_ranges);
}

static void make_ranges(struct reading *reading)
{
    uint32_t *open;

    sort_symbols(reading);
    open = calloc(reading->symbols.count + 1, sizeof *open);
    if (!open) {
        reading->error = LT_ERR_NO_MEMORY;
        return;
    }
    make_sized_ranges(reading, open);
    make_unsized_ranges(reading);
    free(open);
}

/* ---- Files ---- */

static void destroy_file(void *item)
{
    struct file *file = item;

    free(file->path);
    free(file->names);
    free(file->segments);
    free(file->symbols);
    free(file->ranges);
    free(file);
}

static int compare_files(const void *a, const void *b)
{
    const struct file *left = a, *right = b;

    return strcmp(left->path, right->path);
}

/* Reads what there is to know of a file, which may be nothing.  0 or LT_ERR_*. */
static int read_file(const char *path, const char *sysroot, struct file **out)
{
    struct file *file = calloc(1, sizeof *file);
    struct reading reading = {0};
    Elf *elf;
    int fd;

    if (!file)
        return LT_ERR_NO_MEMORY;
    file->path = strdup(path);
    if (!file->path) {
        destroy_file(file);
        return LT_ERR_NO_MEMORY;
    }
    elf = open_elf(&reading, path, &fd);
    if (elf) {
        read_segments(&reading, elf);
        read_symbol_tables(&reading, elf);
        read_plt(&reading, elf);
        check_host(&reading);
        read_debug_files(&reading, elf, sysroot);
        elf_end(elf);
        close(fd);
        if (!reading.error)
            make_ranges(&reading);
    }
    file->names = reading.names.items;
    file->segments = reading.segments.items;
    file->symbols = reading.symbols.items;
    file->ranges = reading.ranges.items;
    file->segment_count = reading.segments.count;
    file->range_count = reading.ranges.count;
    if (reading.error)
        destroy_file(file);
    else
        *out = file;
    return reading.error;
}

/* The file at `path`, read now if it was not before.  0 or LT_ERR_*. */
static int get_file(struct lti_symbols *symbols, const char *path, struct file **out)
{
    struct file key = {.path = (char *)(uintptr_t)path};
    struct file **node, *file = NULL;
    int error;

    if (symbols->last && strcmp(symbols->last->path, path) == 0) {
        *out = symbols->last;
        return 0;
    }
    node = tfind(&key, &symbols->files, compare_files);
    if (!node) {
        error = read_file(path, symbols->sysroot, &file);
        if (error)
            return error;
        node = tsearch(file, &symbols->files, compare_files);
        if (!node) {
            destroy_file(file);
            return LT_ERR_NO_MEMORY;
        }
    }
    *out = symbols->last = *node;
    return 0;
}

static const struct range *find_range(struct file *file, uint64_t addr)
{
    size_t low = 0, high = file->range_count;

    if (file->last < file->range_count && addr >= file->ranges[file->last].start &&
        addr < file->ranges[file->last].end)
        return &file->ranges[file->last];
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (file->ranges[middle].end <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == file->range_count || addr < file->ranges[low].start)
        return NULL;
    file->last = low;
    return &file->ranges[low];
}

/* Whether the segment has the byte at `offset` of the file, and at which
 * address.  `page`: also in the rest of its last page, where the loader clears
 * the file's bytes to begin what the file does not hold (.bss). */
static bool segment_has(const struct segment *segment, uint64_t offset, bool page,
                        uint64_t *addr)
{
    uint64_t inside = offset - segment->offset;

    if (offset < segment->offset)
        return false;
    if (inside >= segment->file_size) {
        uint64_t last = segment->offset + segment->file_size - 1;

        if (!page || segment->file_size == 0 || inside >= segment->memory_size ||
            offset / PAGE_SIZE != last / PAGE_SIZE)
            return false;
    }
    *addr = segment->addr + inside;
    return true;
}

/* ---- The interface ---- */

int lti_symbols_create(const char *sysroot, struct lti_symbols **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct lti_symbols *symbols = calloc(1, sizeof *symbols);

    *out = NULL;
    if (!symbols)
        return LT_ERR_NO_MEMORY;
    pthread_once(&once, start_libelf);
    if (sysroot && *sysroot) {
        symbols->sysroot = strdup(sysroot);
        if (!symbols->sysroot) {
            free(symbols);
            return LT_ERR_NO_MEMORY;
        }
    }
    *out = symbols;
    return 0;
}

void lti_symbols_destroy(struct lti_symbols *symbols)
{
    if (!symbols)
        return;
    tdestroy(symbols->files, destroy_file);
    free(symbols->sysroot);
    free(symbols);
}

int lti_symbols_find(struct lti_symbols *symbols, const char *path, uint64_t file_offset,
                     const char **name, uint64_t *offset, uint64_t *length)
{
    struct file *file;
    int error = get_file(symbols, path, &file);

    if (error)
        return error;
    for (int page = 0; page <= 1; page++) {
        for (size_t i = 0; i < file->segment_count; i++) {
            const struct symbol *symbol;
            const struct range *range;
            uint64_t addr;

            if (!segment_has(&file->segments[i], file_offset, page, &addr))
                continue;
            range = find_range(file, addr);
            if (!range)
                continue;
            symbol = &file->symbols[range->symbol];
            *name = file->names + symbol->name;
            *offset = addr - symbol->start;
            *length = symbol->size;
            return 1;
        }
    }
    return 0;
}
