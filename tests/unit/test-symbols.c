/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symbols: of files compiled here, against what nm, readelf and objdump say of
 * them, and of damaged files. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lt/lt.h"
#include "symbols.h"

static char dir[] = "/tmp/test-symbols-XXXXXX";

/* ---- Making files ---- */

__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
    char command[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command);
}

static void write_file(const char *name, const char *text, size_t size)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static const char program[] =
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "int initialised = 5, zeroed, array[3] = { 1, 2, 3 };\n"
    "const char constant[] = \"constant\";\n"
    "__attribute__((noinline)) static int local_one(int a) { return a * 3; }\n"
    "__attribute__((noinline)) int global_two(int a) { return local_one(a) + 1; }\n"
    "int __under(int a) { return a + 7; }\n"
    "int plain(int a) __attribute__((weak, alias(\"__under\")));\n"
    "__thread int tls_variable = 3;\n"
    "int main(int argc, char **argv)\n"
    "{ tls_variable = argc; puts(argv[0]); printf(\"%d\\n\", global_two(argc));\n"
    "  return atoi(constant) + tls_variable; }\n";

/* No sizes, two labels in a function that has one, data between code. */
static const char assembly[] =
    ".text\n.globl first\nfirst:\n .4byte 0,0\nsecond:\n .4byte 0\n"
    ".globl sized\n.type sized, %function\nsized:\n .4byte 0\ninner:\n .4byte 0,0\n"
    ".size sized, . - sized\n"
    " .4byte 0\n"
    "last:\n .4byte 0,0\n"
    ".globl _start\n_start:\n .4byte 0\n"
    ".data\n.globl thing\n.type thing, %object\nthing:\n .4byte 1,2\n.size thing, 8\n"
    ".section .note.GNU-stack,\"\",%progbits\n";

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    write_file("program.c", program, sizeof program - 1);
    write_file("assembly.s", assembly, sizeof assembly - 1);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    return run("rm -rf %s", dir);
}

/* ---- What other tools say ---- */

struct fact {
    uint64_t addr;
    uint64_t size;
    char type;
    char name[120];
};

struct facts {
    struct fact *list;
    size_t count;
};

/* What nm prints; the caller frees list. */
static struct facts read_nm(const char *tool, const char *options, const char *path)
{
    struct facts facts = {NULL, 0};
    char command[512], line[1024];
    FILE *pipe;

    snprintf(command, sizeof command, "%s -S --defined-only %s %s 2>/dev/null", tool,
             options, path);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe)) {
        struct fact fact = {.size = 0};

        if (sscanf(line, "%lx %lx %c %119s", &fact.addr, &fact.size, &fact.type,
                   fact.name) != 4) {
            fact.size = 0;
            if (sscanf(line, "%lx %c %119s", &fact.addr, &fact.type, fact.name) != 3)
                continue;
        }
        fact.name[strcspn(fact.name, "@")] = '\0';
        facts.list = realloc(facts.list, (facts.count + 1) * sizeof fact);
        assert_non_null(facts.list);
        facts.list[facts.count++] = fact;
    }
    pclose(pipe);
    return facts;
}

static const struct fact *fact_of(const struct facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->count; i++)
        if (strcmp(facts->list[i].name, name) == 0)
            return &facts->list[i];
    fail_msg("nm does not know %s", name);
    return NULL;
}

/* PT_LOAD headers as readelf prints them. */
struct load {
    uint64_t offset, addr, file_size;
};

static unsigned read_loads(const char *path, struct load *loads, unsigned room)
{
    char command[512], line[512];
    unsigned count = 0;
    FILE *pipe;

    snprintf(command, sizeof command, "readelf -lW %s 2>/dev/null", path);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe) && count < room)
        if (sscanf(line, " LOAD 0x%lx 0x%lx %*s 0x%lx", &loads[count].offset,
                   &loads[count].addr, &loads[count].file_size) == 3)
            count++;
    pclose(pipe);
    return count;
}

/* The file offset of a virtual address; false in .bss. */
static bool offset_of(const struct load *loads, unsigned count, uint64_t addr,
                      uint64_t *offset)
{
    for (unsigned i = 0; i < count; i++) {
        if (addr >= loads[i].addr && addr - loads[i].addr < loads[i].file_size) {
            *offset = addr - loads[i].addr + loads[i].offset;
            return true;
        }
    }
    return false;
}

struct subject {
    char path[256];
    struct load loads[16];
    unsigned load_count;
    struct lti_symbols *symbols;
};

static struct subject open_subject(const char *path, const char *sysroot)
{
    struct subject subject;

    snprintf(subject.path, sizeof subject.path, "%s", path);
    subject.load_count = read_loads(path, subject.loads, 16);
    assert_true(subject.load_count > 0);
    assert_int_equal(lti_symbols_create(sysroot, &subject.symbols), 0);
    return subject;
}

/* Looks an address up: the name, or NULL. */
static const char *look_up(const struct subject *subject, uint64_t addr, uint64_t *offset,
                           uint64_t *length)
{
    uint64_t file_offset;
    const char *name = NULL;
    int result;

    if (!offset_of(subject->loads, subject->load_count, addr, &file_offset))
        return NULL;
    result = lti_symbols_find(subject->symbols, subject->path, file_offset, &name, offset,
                              length);
    assert_true(result == 0 || result == 1);
    return result ? name : NULL;
}

static void assert_symbol(const struct subject *subject, uint64_t addr,
                          const char *expected, uint64_t expected_offset)
{
    uint64_t offset = 0, length;
    const char *name = look_up(subject, addr, &offset, &length);

    if (!name)
        fail_msg("%#lx is nothing, not %s", addr, expected);
    assert_string_equal(name, expected);
    assert_int_equal(offset, expected_offset);
}

/* Every symbol with a size that nm prints is found at its first byte, under one
 * of the names that nm has for that address; so is its last byte, unless another
 * one begins in between. */
static size_t check_all(const struct subject *subject, const struct facts *facts)
{
    size_t checked = 0;

    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->list[i];
        uint64_t offset, length, last;
        const char *name;
        bool known = false;

        if (!fact->size || !strchr("TtWwiDdRrVvu", fact->type))
            continue;
        if (!offset_of(subject->loads, subject->load_count, fact->addr, &offset))
            continue;
        name = look_up(subject, fact->addr, &offset, &length);
        /* Thread-local variables have offsets where others have addresses. */
        if (strchr("DdRr", fact->type) && (!name || offset))
            continue;
        if (!name)
            fail_msg("%s is not found", fact->name);
        assert_int_equal(offset, 0);
        for (size_t j = 0; j < facts->count && !known; j++)
            known = facts->list[j].addr == fact->addr &&
                    strcmp(facts->list[j].name, name) == 0;
        if (!known)
            fail_msg("%s is not %s", name, fact->name);
        assert_true(length > 0);
        last = fact->addr + fact->size - 1;
        name = look_up(subject, last, &offset, &length);
        assert_non_null(name);
        assert_true(last - offset >= fact->addr);
        checked++;
    }
    return checked;
}

/* ---- Tests ---- */

static void check_program(const char *tools, const char *options)
{
    char path[256], nm[64];
    struct subject subject;
    struct facts facts;
    const struct fact *fact;

    if (run("%sgcc %s -O1 -o %s/program %s/program.c 2>/dev/null", tools, options, dir,
            dir) != 0)
        skip();
    snprintf(path, sizeof path, "%s/program", dir);
    snprintf(nm, sizeof nm, "%snm", tools);
    subject = open_subject(path, NULL);
    facts = read_nm(nm, "", path);
    assert_true(check_all(&subject, &facts) >= 8);

    /* Whatever is found, it is a name, and not one of Arm's mapping symbols. */
    for (unsigned i = 0; i < subject.load_count; i++) {
        for (uint64_t at = 0; at < subject.loads[i].file_size; at += 4) {
            uint64_t offset, length;
            const char *name =
                look_up(&subject, subject.loads[i].addr + at, &offset, &length);

            assert_true(!name || (name[0] && name[0] != '$'));
        }
    }

    fact = fact_of(&facts, "main");
    assert_symbol(&subject, fact->addr, "main", 0);
    assert_symbol(&subject, fact->addr + 4, "main", 4);
    assert_symbol(&subject, fact->addr + fact->size - 1, "main", fact->size - 1);
    assert_symbol(&subject, fact_of(&facts, "local_one")->addr, "local_one", 0);
    /* An alias without underscores is the better name, although it is weak. */
    assert_symbol(&subject, fact_of(&facts, "__under")->addr + 1, "plain", 1);
    assert_symbol(&subject, fact_of(&facts, "array")->addr + 5, "array", 5);
    assert_symbol(&subject, fact_of(&facts, "constant")->addr, "constant", 0);
    free(facts.list);
    lti_symbols_destroy(subject.symbols);
}

static void test_programs(void **state)
{
    (void)state;
    check_program("", "-g0");
    check_program("", "-g -no-pie");
    check_program("", "-static");
}

static void test_programs_aarch64(void **state)
{
    (void)state;
    check_program("aarch64-linux-gnu-", "-g0");
    check_program("aarch64-linux-gnu-", "-static");
}

/* The stubs, against objdump's names for them. */
static void check_plt(const char *tools, const char *options)
{
    char path[256], command[512], line[512];
    struct subject subject;
    unsigned count = 0;
    FILE *pipe;

    if (run("%sgcc %s -o %s/program %s/program.c 2>/dev/null", tools, options, dir,
            dir) != 0)
        skip();
    snprintf(path, sizeof path, "%s/program", dir);
    subject = open_subject(path, NULL);
    snprintf(command, sizeof command, "%sobjdump -d %s | grep '@plt>:$'", tools, path);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe)) {
        char name[128];
        uint64_t addr;

        assert_int_equal(sscanf(line, "%lx <%127[^>]", &addr, name), 2);
        assert_symbol(&subject, addr, name, 0);
        assert_symbol(&subject, addr + 7, name, 7);
        count++;
    }
    pclose(pipe);
    assert_true(count >= 3);
    lti_symbols_destroy(subject.symbols);
}

static void test_plt(void **state)
{
    (void)state;
    check_plt("", "-Wl,-z,lazy");
    check_plt("", "-Wl,-z,now -no-pie");
    check_plt("", "-Wl,-z,now -fcf-protection -Wl,-z,ibtplt");
    check_plt("", "-Wl,-z,lazy -fcf-protection -Wl,-z,ibtplt -s");
}

static void test_plt_aarch64(void **state)
{
    (void)state;
    check_plt("aarch64-linux-gnu-", "-Wl,-z,lazy");
    check_plt("aarch64-linux-gnu-", "-no-pie -Wl,-z,now");
    check_plt("aarch64-linux-gnu-", "-Wl,-z,pac-plt");
    check_plt("aarch64-linux-gnu-", "-no-pie -Wl,-z,force-bti");
    check_plt("aarch64-linux-gnu-", "-no-pie -Wl,-z,force-bti -Wl,-z,pac-plt");
}

static void check_assembly(const char *tools)
{
    char path[256], nm[64];
    struct subject subject;
    struct facts facts;
    uint64_t base, data;

    if (run("%sgcc -nostdlib -static -o %s/labels %s/assembly.s 2>/dev/null", tools, dir,
            dir) != 0)
        skip();
    snprintf(path, sizeof path, "%s/labels", dir);
    snprintf(nm, sizeof nm, "%snm", tools);
    subject = open_subject(path, NULL);
    facts = read_nm(nm, "", path);
    base = fact_of(&facts, "first")->addr;
    assert_symbol(&subject, base, "first", 0);
    assert_symbol(&subject, base + 7, "first", 7);
    assert_symbol(&subject, base + 8, "second", 0);
    assert_symbol(&subject, base + 11, "second", 3);
    assert_symbol(&subject, base + 12, "sized", 0);
    assert_symbol(&subject, base + 16, "sized", 4); /* and not inner */
    assert_symbol(&subject, base + 23, "sized", 11);
    assert_null(look_up(&subject, base + 24, &data, &data));
    assert_symbol(&subject, base + 28, "last", 0);
    assert_symbol(&subject, base + 35, "last", 7);
    assert_symbol(&subject, base + 36, "_start", 0);
    assert_symbol(&subject, base + 39, "_start", 3);
    assert_null(look_up(&subject, base + 40, &data, &data)); /* the section's end */
    data = fact_of(&facts, "thing")->addr;
    assert_symbol(&subject, data, "thing", 0);
    assert_symbol(&subject, data + 7, "thing", 7);
    free(facts.list);
    lti_symbols_destroy(subject.symbols);
}

static void test_assembly(void **state)
{
    (void)state;
    check_assembly("");
}

static void test_assembly_aarch64(void **state)
{
    (void)state;
    check_assembly("aarch64-linux-gnu-");
}

/* A stripped shared library that has .dynsym only: the C library. */
static void check_libc(const char *compiler, const char *nm)
{
    char command[256], path[256] = "";
    struct subject subject;
    struct facts facts;
    FILE *pipe;

    snprintf(command, sizeof command, "%s -print-file-name=libc.so.6 2>/dev/null",
             compiler);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    if (!fgets(path, sizeof path, pipe))
        path[0] = '\0';
    pclose(pipe);
    path[strcspn(path, "\n")] = '\0';
    if (path[0] != '/')
        skip();
    subject = open_subject(path, NULL);
    facts = read_nm(nm, "-D", path);
    /* A debug file may be installed, whose names nm -D does not know. */
    if (run("nm -D --defined-only %s | grep -q ' __libc_start_main@'", path) == 0) {
        const char *name;
        uint64_t offset, length;

        assert_symbol(&subject, fact_of(&facts, "puts")->addr, "puts", 0);
        assert_symbol(&subject, fact_of(&facts, "write")->addr, "write", 0);
        name = look_up(&subject, fact_of(&facts, "qsort")->addr + 3, &offset, &length);
        assert_string_equal(name, "qsort");
        assert_int_equal(offset, 3);
        assert_int_equal(length, fact_of(&facts, "qsort")->size);
    }
    free(facts.list);
    lti_symbols_destroy(subject.symbols);
}

static void test_libc(void **state)
{
    (void)state;
    check_libc("cc", "nm");
}

static void test_libc_aarch64(void **state)
{
    (void)state;
    check_libc("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-nm");
}

/* A stripped program whose symbols stand in a file of the same build-id. */
static void test_debug_file(void **state)
{
    char path[256], sysroot[256];
    struct subject subject;
    struct facts facts;
    uint64_t main_addr, local_addr, ignored;

    (void)state;
    assert_int_equal(
        run("cd %s && cc -O1 -Wl,--build-id=0x0123456789abcdef -o full program.c &&"
            " mkdir -p root/usr/lib/debug/.build-id/01 &&"
            " objcopy --only-keep-debug full"
            " root/usr/lib/debug/.build-id/01/23456789abcdef.debug &&"
            " strip -o stripped full",
            dir),
        0);
    snprintf(path, sizeof path, "%s/full", dir);
    facts = read_nm("nm", "", path);
    main_addr = fact_of(&facts, "main")->addr;
    local_addr = fact_of(&facts, "local_one")->addr;

    snprintf(path, sizeof path, "%s/stripped", dir);
    snprintf(sysroot, sizeof sysroot, "%s/root", dir);
    subject = open_subject(path, NULL);
    assert_null(look_up(&subject, main_addr, &ignored, &ignored));
    lti_symbols_destroy(subject.symbols);

    subject = open_subject(path, sysroot);
    assert_symbol(&subject, main_addr, "main", 0);
    assert_symbol(&subject, local_addr + 1, "local_one", 1);
    assert_true(check_all(&subject, &facts) >= 8);
    lti_symbols_destroy(subject.symbols);

    /* A file under that name with another build-id is not believed. */
    assert_int_equal(
        run("cd %s && cc -O1 -Wl,--build-id=0x0123456789abcdee -o other program.c &&"
            " objcopy --only-keep-debug other"
            " root/usr/lib/debug/.build-id/01/23456789abcdef.debug",
            dir),
        0);
    subject = open_subject(path, sysroot);
    assert_null(look_up(&subject, main_addr, &ignored, &ignored));
    lti_symbols_destroy(subject.symbols);
    free(facts.list);
}

/* The rest of the last page of the data segment is .bss. */
static void test_bss(void **state)
{
    char path[256];
    struct subject subject;
    struct facts facts;
    const struct load *last;
    const char *name;
    uint64_t addr, offset, length;

    (void)state;
    assert_int_equal(run("cd %s && cc -O1 -o bss program.c", dir), 0);
    snprintf(path, sizeof path, "%s/bss", dir);
    subject = open_subject(path, NULL);
    facts = read_nm("nm", "", path);
    addr = fact_of(&facts, "zeroed")->addr;
    last = &subject.loads[subject.load_count - 1];
    assert_true(addr >= last->addr + last->file_size);
    assert_int_equal(lti_symbols_find(subject.symbols, path,
                                      addr - last->addr + last->offset, &name, &offset,
                                      &length),
                     1);
    assert_string_equal(name, "zeroed");
    assert_int_equal(offset, 0);
    assert_int_equal(length, 4);
    free(facts.list);
    lti_symbols_destroy(subject.symbols);
}

/* Names stay as long as the symbols, whatever else is read; files are read once. */
static void test_lifetime(void **state)
{
    char path[256], other[256];
    struct subject subject;
    struct facts facts;
    const char *name, *again, *ignored_name;
    uint64_t addr, ignored;

    (void)state;
    assert_int_equal(run("cd %s && cc -O1 -o kept program.c && cp kept copy", dir), 0);
    snprintf(path, sizeof path, "%s/kept", dir);
    snprintf(other, sizeof other, "%s/copy", dir);
    subject = open_subject(path, NULL);
    facts = read_nm("nm", "", path);
    addr = fact_of(&facts, "main")->addr;
    name = look_up(&subject, addr, &ignored, &ignored);
    for (unsigned i = 0; i < 3; i++)
        lti_symbols_find(subject.symbols, other, 0x1000 * i, &ignored_name, &ignored,
                         &ignored);
    unlink(path);
    again = look_up(&subject, addr, &ignored, &ignored);
    assert_ptr_equal(name, again);
    assert_string_equal(name, "main");
    free(facts.list);
    lti_symbols_destroy(subject.symbols);
}

static void test_no_elf(void **state)
{
    static const char *const names[] = {
        "missing",   "program.c", "",          "fifo", "empty",
        "/dev/null", "/dev/zero", "archive.a", "link",
    };
    struct lti_symbols *symbols;
    const char *name;
    uint64_t offset, length;

    (void)state;
    assert_int_equal(run("cd %s && mkfifo fifo && : > empty && ln -s link link &&"
                         " cc -c -o object.o program.c && ar rc archive.a object.o",
                         dir),
                     0);
    assert_int_equal(lti_symbols_create("", &symbols), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];

        if (names[i][0] == '/')
            snprintf(path, sizeof path, "%s", names[i]);
        else
            snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert_int_equal(lti_symbols_find(symbols, path, 0, &name, &offset, &length), 0);
        assert_int_equal(
            lti_symbols_find(symbols, path, UINT64_MAX, &name, &offset, &length), 0);
    }
    lti_symbols_destroy(symbols);
    lti_symbols_destroy(NULL);
}

/* Damaged files: whatever the answer, it is one, and its name can be read. */
static void damage(const char *name, unsigned rounds)
{
    char path[256], damaged[256];
    struct stat status;
    uint8_t *good, *bad;
    unsigned seed = 1;
    size_t size;
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(damaged, sizeof damaged, "%s/damaged", dir);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &status) == 0);
    size = (size_t)status.st_size;
    good = malloc(size);
    bad = malloc(size);
    assert_true(good && bad);
    assert_int_equal(read(fd, good, size), size);
    close(fd);

    for (unsigned round = 0; round < rounds; round++) {
        struct lti_symbols *symbols;
        size_t left = round % 4 ? size : (size_t)rand_r(&seed) % size;

        memcpy(bad, good, size);
        for (unsigned i = rand_r(&seed) % 8 + 1; i > 0; i--) {
            /* Headers at both ends matter most. */
            size_t where = rand_r(&seed) % 3 == 0 ? (size_t)rand_r(&seed) % size
                           : rand_r(&seed) % 2    ? (size_t)rand_r(&seed) % 0x300
                                               : size - 1 - (size_t)rand_r(&seed) % 0x780;
            static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};

            bad[where] = rand_r(&seed) % 2 ? (uint8_t)rand_r(&seed)
                                           : values[rand_r(&seed) % sizeof values];
        }
        write_file("damaged", (const char *)bad, left);
        assert_int_equal(lti_symbols_create(dir, &symbols), 0);
        for (uint64_t at = 0; at < size; at += 61) {
            const char *found;
            uint64_t offset, length;
            int result = lti_symbols_find(symbols, damaged, at, &found, &offset, &length);

            assert_true(result == 0 || result == 1 || result == LT_ERR_NO_MEMORY);
            if (result == LT_ERR_NO_MEMORY)
                break;
            if (result == 1)
                assert_true(strlen(found) > 0);
        }
        lti_symbols_destroy(symbols);
    }
    free(good);
    free(bad);
}

static void test_damaged(void **state)
{
    (void)state;
    assert_int_equal(run("cd %s && cc -O1 -o good program.c && strip -o bare good", dir),
                     0);
    damage("good", 1500);
    damage("bare", 1500);
    if (run("cd %s && aarch64-linux-gnu-gcc -O1 -o good program.c 2>/dev/null", dir) == 0)
        damage("good", 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),   cmocka_unit_test(test_programs_aarch64),
        cmocka_unit_test(test_plt),        cmocka_unit_test(test_plt_aarch64),
        cmocka_unit_test(test_assembly),   cmocka_unit_test(test_assembly_aarch64),
        cmocka_unit_test(test_libc),       cmocka_unit_test(test_libc_aarch64),
        cmocka_unit_test(test_debug_file), cmocka_unit_test(test_bss),
        cmocka_unit_test(test_lifetime),   cmocka_unit_test(test_no_elf),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
