/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the look at a program before it runs: files, permissions, `#!` lines and
 * ELF headers.  The engine would notice most of it too, but later and without
 * words that help. */
#include "program.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lt/lt.h"
#include "registers.h"

/* As in the kernel: BINPRM_BUF_SIZE, and the depth that fs/exec.c follows. */
#define HEAD_SIZE 256
#define MAX_SCRIPTS 5
/* fs/binfmt_elf.c refuses larger program header tables. */
#define MAX_TABLE_SIZE 65536

/* A file that was opened to be looked at. */
struct file {
    const char *path;
    int fd;
    uint64_t size;
    size_t head_size;
    unsigned char head[HEAD_SIZE + 1]; /* zeros behind head_size */
};

/* ---- Paths ---- */

static char *join(const char *directory, const char *between, const char *path)
{
    size_t a = strlen(directory);
    size_t b = strlen(between);
    size_t c = strlen(path);
    char *joined = malloc(a + b + c + 1);
    if (joined != NULL) {
        memcpy(joined, directory, a);
        memcpy(joined + a, between, b);
        memcpy(joined + a + b, path, c + 1);
    }
    return joined;
}

char *lti_absolute_path(const char *path)
{
    if (path[0] == '/') {
        return strdup(path);
    }
    char *cwd = getcwd(NULL, 0);
    char *absolute = cwd == NULL ? NULL : join(cwd, "/", path);
    free(cwd);
    return absolute;
}

/* The host path of a path that the guest's files name: under the sysroot when
 * it is there (as QEMU's -L does it, util/path.c), else as it is. */
static char *guest_path(const struct lti_program_request *request, const char *path)
{
    if (path[0] != '/') {
        return request->cwd != NULL ? join(request->cwd, "/", path) : strdup(path);
    }
    if (request->sysroot != NULL) {
        char *inside = join(request->sysroot, "", path);
        if (inside == NULL || access(inside, F_OK) == 0) {
            return inside;
        }
        free(inside);
    }
    return strdup(path);
}

/* ---- Opening ---- */

static int fail_errno(struct lti_message *why, const char *path, int error)
{
    switch (error) {
    case ENOENT:
        return lti_fail(why, LT_ERR_NOT_FOUND, "%s does not exist", path);
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return lti_fail(why, LT_ERR_NOT_FOUND, "%s cannot be found: %s", path,
                        strerrordesc_np(error));
    case EACCES:
    case EPERM:
        return lti_fail(why, LT_ERR_PERMISSION, "no permission to read %s", path);
    case ENOMEM:
        return lti_fail(why, LT_ERR_NO_MEMORY, "no memory to open %s", path);
    default:
        return lti_fail(why, LT_ERR_SYSTEM, "%s cannot be opened: %s", path,
                        strerrordesc_np(error));
    }
}

static ssize_t read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, (char *)buffer + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static int check_kind(const char *path, const struct stat *st, struct lti_message *why)
{
    if (S_ISDIR(st->st_mode)) {
        return lti_fail(why, LT_ERR_DIRECTORY, "%s is a directory", path);
    }
    if (!S_ISREG(st->st_mode)) {
        return lti_fail(why, LT_ERR_PERMISSION, "%s is not a regular file", path);
    }
    return 0;
}

/* Opens a program or interpreter; with `execute`, it must be executable. */
static int open_file(struct file *file, const char *path, bool execute,
                     struct lti_message *why)
{
    struct stat st;
    file->path = path;
    file->fd = -1;
    /* stat() comes first: opening a device could do something to it. */
    if (stat(path, &st) != 0) {
        return fail_errno(why, path, errno);
    }
    int error = check_kind(path, &st, why);
    if (error != 0) {
        return error;
    }
    if (execute && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0) {
        return errno == EACCES
                   ? lti_fail(why, LT_ERR_PERMISSION, "no permission to execute %s", path)
                   : fail_errno(why, path, errno);
    }
    /* Non-blocking, in case it has just been replaced by a FIFO. */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->fd < 0 || fstat(file->fd, &st) != 0) {
        return fail_errno(why, path, errno);
    }
    error = check_kind(path, &st, why);
    if (error != 0) {
        return error;
    }
    memset(file->head, 0, sizeof file->head);
    ssize_t n = read_at(file->fd, file->head, HEAD_SIZE, 0);
    if (n < 0) {
        return fail_errno(why, path, errno);
    }
    file->head_size = (size_t)n;
    file->size = (uint64_t)st.st_size;
    return 0;
}

static void close_file(struct file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
    }
}

/* ---- ELF ---- */

static const struct {
    uint16_t machine;
    const char *name;
} foreign[] = {
    {EM_386, "i386"},
    {EM_ARM, "arm"},
    {EM_RISCV, "riscv"},
    {EM_PPC, "ppc"},
    {EM_PPC64, "ppc64"},
    {EM_MIPS, "mips"},
    {EM_S390, "s390x"},
    {EM_SPARC, "sparc"},
    {EM_SPARC32PLUS, "sparc32plus"},
    {EM_SPARCV9, "sparc64"},
    {EM_68K, "m68k"},
    {EM_PARISC, "hppa"},
    {EM_ALPHA, "alpha"},
    {0x9026, "alpha"},
    {EM_SH, "sh4"},
    {258, "loongarch"},
    {EM_MICROBLAZE, "microblaze"},
    {EM_OPENRISC, "or1k"},
    {EM_XTENSA, "xtensa"},
    {164, "hexagon"},
    {EM_ALTERA_NIOS2, "nios2"},
    {EM_IA_64, "ia64"},
    {EM_CRIS, "cris"},
    {EM_AVR, "avr"},
    {EM_ARC_COMPACT, "arc"},
    {195, "arc"},
    {EM_CSKY, "csky"},
    {EM_BPF, "bpf"},
    {EM_H8_300, "h8300"},
    {EM_X86_64, "x86_64"},
    {EM_AARCH64, "aarch64"},
};

static int fail_arch(struct lti_message *why, const struct file *file, uint16_t machine)
{
    const char *bits = file->head[EI_CLASS] == ELFCLASS32 ? "32-bit" : "64-bit";
    const char *order =
        file->head[EI_DATA] == ELFDATA2MSB ? "big-endian" : "little-endian";
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (foreign[i].machine == machine) {
            return lti_fail(why, LT_ERR_ARCH,
                            "%s is for %s (%s, %s), which this library does not run",
                            file->path, foreign[i].name, bits, order);
        }
    }
    return lti_fail(
        why, LT_ERR_ARCH,
        "%s is for machine number %u (%s, %s), which this library does not run",
        file->path, machine, bits, order);
}

static bool is_elf(const struct file *file)
{
    return file->head_size >= SELFMAG && memcmp(file->head, ELFMAG, SELFMAG) == 0;
}

/* The parts of the header that say what kind of ELF file it is. */
static int check_ident(const struct file *file, const struct lti_arch **arch,
                       struct lti_message *why)
{
    const unsigned char *head = file->head;
    uint16_t type, machine;
    if (file->head_size < offsetof(Elf64_Ehdr, e_version)) {
        return lti_fail(why, LT_ERR_TRUNCATED, "%s is cut off in its ELF header",
                        file->path);
    }
    if ((head[EI_CLASS] != ELFCLASS32 && head[EI_CLASS] != ELFCLASS64) ||
        (head[EI_DATA] != ELFDATA2LSB && head[EI_DATA] != ELFDATA2MSB)) {
        return lti_fail(why, LT_ERR_NOT_ELF, "%s begins like an ELF file but is none",
                        file->path);
    }
    memcpy(&type, head + offsetof(Elf64_Ehdr, e_type), sizeof type);
    memcpy(&machine, head + offsetof(Elf64_Ehdr, e_machine), sizeof machine);
    bool little = head[EI_DATA] == ELFDATA2LSB;
    type = little ? le16toh(type) : be16toh(type);
    machine = little ? le16toh(machine) : be16toh(machine);
    if (type != ET_EXEC && type != ET_DYN) {
        const char *kind = type == ET_REL    ? "an object file"
                           : type == ET_CORE ? "a core dump"
                                             : "an ELF file of another type";
        return lti_fail(why, LT_ERR_NOT_ELF, "%s is %s, not a program", file->path, kind);
    }
    *arch = lti_arch_of_machine(machine);
    if (*arch == NULL || !little || head[EI_CLASS] != ELFCLASS64) {
        return fail_arch(why, file, machine);
    }
    return 0;
}

/* Reads the path in a PT_INTERP segment that lies inside the file. */
static int read_interp(const struct file *file, const Elf64_Phdr *ph, char **interp,
                       struct lti_message *why)
{
    char *path = malloc(PATH_MAX);
    if (path == NULL) {
        return lti_fail(why, LT_ERR_NO_MEMORY, "no memory to look at %s", file->path);
    }
    if (ph->p_filesz < 2 || ph->p_filesz > PATH_MAX ||
        read_at(file->fd, path, ph->p_filesz, ph->p_offset) != (ssize_t)ph->p_filesz ||
        path[ph->p_filesz - 1] != '\0') {
        free(path);
        return lti_fail(why, LT_ERR_TRUNCATED,
                        "%s names its interpreter in a damaged way", file->path);
    }
    *interp = path;
    return 0;
}

/* Checks the program headers; gives the interpreter's path, to be freed, if
 * there is one. */
static int check_segments(const struct file *file, const Elf64_Phdr *table,
                          unsigned count, char **interp, struct lti_message *why)
{
    bool loads = false;
    *interp = NULL;
    for (unsigned i = 0; i < count; i++) {
        const Elf64_Phdr *ph = &table[i];
        if (ph->p_type != PT_LOAD && ph->p_type != PT_INTERP) {
            continue;
        }
        int error = 0;
        if (ph->p_filesz > 0 &&
            (ph->p_offset > file->size || ph->p_filesz > file->size - ph->p_offset)) {
            error =
                lti_fail(why, LT_ERR_TRUNCATED,
                         "%s is cut off: a segment reaches behind its end", file->path);
        } else if (ph->p_type == PT_LOAD && ph->p_filesz > ph->p_memsz) {
            error = lti_fail(why, LT_ERR_TRUNCATED,
                             "%s has a segment that is larger in the file than in memory",
                             file->path);
        } else if (ph->p_type == PT_LOAD) {
            loads = true;
        } else if (*interp == NULL) {
            error = read_interp(file, ph, interp, why);
        }
        if (error != 0) {
            free(*interp);
            *interp = NULL;
            return error;
        }
    }
    if (!loads) {
        free(*interp);
        *interp = NULL;
        return lti_fail(why, LT_ERR_TRUNCATED, "%s has nothing to load", file->path);
    }
    return 0;
}

static int check_elf(const struct file *file, const struct lti_arch **arch, char **interp,
                     struct lti_message *why)
{
    int error = check_ident(file, arch, why);
    if (error != 0) {
        return error;
    }
    Elf64_Ehdr header;
    if (file->head_size < sizeof header) {
        return lti_fail(why, LT_ERR_TRUNCATED, "%s is cut off in its ELF header",
                        file->path);
    }
    memcpy(&header, file->head, sizeof header);
    size_t table_size = header.e_phnum * sizeof(Elf64_Phdr);
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
        table_size > MAX_TABLE_SIZE) {
        return lti_fail(why, LT_ERR_TRUNCATED, "%s has an unusable program header table",
                        file->path);
    }
    if (header.e_phoff > file->size || table_size > file->size - header.e_phoff) {
        return lti_fail(why, LT_ERR_TRUNCATED,
                        "%s is cut off: its program headers lie behind its end",
                        file->path);
    }
    Elf64_Phdr *table = malloc(table_size);
    if (table == NULL) {
        return lti_fail(why, LT_ERR_NO_MEMORY, "no memory to look at %s", file->path);
    }
    if (read_at(file->fd, table, table_size, header.e_phoff) != (ssize_t)table_size) {
        error = lti_fail(why, LT_ERR_TRUNCATED,
                         "the program headers of %s cannot be read", file->path);
    } else {
        error = check_segments(file, table, header.e_phnum, interp, why);
    }
    free(table);
    return error;
}

/* Whether the dynamic linker that a program asks for is there and fits it. */
static int check_interp(const struct lti_program_request *request,
                        const struct file *program, const struct lti_arch *arch,
                        const char *interp, struct lti_message *message)
{
    struct lti_message why;
    struct file file;
    const struct lti_arch *its_arch;
    char *its_interp = NULL;
    char *path = guest_path(request, interp);
    if (path == NULL) {
        return lti_fail(message, LT_ERR_NO_MEMORY, "no memory to look at %s", interp);
    }
    int error = open_file(&file, path, false, &why);
    if (error == LT_ERR_NOT_FOUND) {
        lti_fail(
            message, 0,
            "the interpreter %s of %s (%s) is missing%s%s; lt_config.sysroot, or lt run "
            "-L, names the directory where such files are looked up first",
            interp, program->path, arch->name,
            request->sysroot != NULL ? ", also under the sysroot " : "",
            request->sysroot != NULL ? request->sysroot : "");
    } else if (error == 0 && !is_elf(&file)) {
        error =
            lti_fail(message, LT_ERR_INTERPRETER,
                     "the interpreter %s of %s is not an ELF file", path, program->path);
    } else {
        if (error == 0) {
            error = check_elf(&file, &its_arch, &its_interp, &why);
        }
        if (error == 0 && its_arch != arch) {
            error =
                lti_fail(&why, LT_ERR_ARCH,
                         "%s is for %s; lt_config.sysroot, or lt run "
                         "-L, names the directory where such files are looked up first",
                         path, its_arch->name);
        }
        if (error != 0) {
            lti_fail(message, 0, "the interpreter %s of %s cannot be used: %s", interp,
                     program->path, why.text);
        }
    }
    free(its_interp);
    close_file(&file);
    free(path);
    if (error != 0 && error != LT_ERR_NO_MEMORY && error != LT_ERR_SYSTEM) {
        error = LT_ERR_INTERPRETER;
    }
    return error;
}

/* ---- Scripts ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char *skip_blanks(char *p, char *end)
{
    while (p < end && is_blank(*p)) {
        p++;
    }
    return p;
}

/* Where the word at p ends: a blank, a NUL or `end`. */
static char *word_end(char *p, char *end)
{
    while (p < end && !is_blank(*p) && *p != '\0') {
        p++;
    }
    return p;
}

/* Splits the first line of a script, in place, into its interpreter and one
 * argument or NULL; the rules are those of the kernel's fs/binfmt_script.c. */
static bool parse_script(struct file *file, char **interp, char **arg)
{
    char *line = (char *)file->head;
    char *buffer_end = line + HEAD_SIZE - 1;
    char *end = line;
    while (end <= buffer_end && *end != '\n' && *end != '\0') {
        end++;
    }
    if (end > buffer_end || *end != '\n') {
        /* The line does not end in the buffer: the path at least must. */
        char *name = skip_blanks(line + 2, buffer_end);
        if (name == buffer_end || word_end(name, buffer_end) == buffer_end) {
            return false;
        }
        end = buffer_end;
    }
    while (end > line + 2 && is_blank(end[-1])) {
        end--;
    }
    *end = '\0';
    *interp = skip_blanks(line + 2, end);
    if (*interp == end || **interp == '\0') {
        return false;
    }
    char *separator = word_end(*interp, end);
    *arg = NULL;
    if (separator < end && *separator != '\0') {
        *arg = skip_blanks(separator, end);
        *separator = '\0';
        if (*arg == end) {
            *arg = NULL;
        }
    }
    return true;
}

static void free_argv(char **argv)
{
    for (char **p = argv; p != NULL && *p != NULL; p++) {
        free(*p);
    }
    free(argv);
}

/* Copies `front`, those that are there, and what follows in `rest`. */
static char **make_argv(const char *const *front, unsigned front_count,
                        const char *const *rest)
{
    size_t count = front_count;
    for (const char *const *p = rest; *p != NULL; p++) {
        count++;
    }
    char **argv = calloc(count + 1, sizeof *argv);
    if (argv == NULL) {
        return NULL;
    }
    size_t n = 0;
    for (unsigned i = 0; i < front_count; i++) {
        if (front[i] != NULL && (argv[n++] = strdup(front[i])) == NULL) {
            goto fail;
        }
    }
    for (const char *const *p = rest; *p != NULL; p++) {
        if ((argv[n++] = strdup(*p)) == NULL) {
            goto fail;
        }
    }
    return argv;
fail:
    free_argv(argv);
    return NULL;
}

/* The state while scripts are followed. */
struct search {
    char *path; /* host path of the file to look at */
    char *name; /* the same as the guest knows it, for argv */
    char **argv;
};

/* Goes from a script to its interpreter. */
static int follow_script(const struct lti_program_request *request, struct search *search,
                         struct file *file, struct lti_message *message)
{
    char *interp, *arg;
    if (!parse_script(file, &interp, &arg)) {
        return lti_fail(message, LT_ERR_NOT_ELF,
                        "%s begins with #! but names no interpreter", file->path);
    }
    const char *front[3] = {interp, arg, search->name};
    char **argv = make_argv(front, 3, (const char *const *)search->argv + 1);
    char *name = strdup(interp);
    char *path = guest_path(request, interp);
    if (argv == NULL || name == NULL || path == NULL) {
        free_argv(argv);
        free(name);
        free(path);
        return lti_fail(message, LT_ERR_NO_MEMORY, "no memory to look at %s", file->path);
    }
    free_argv(search->argv);
    free(search->name);
    free(search->path);
    *search = (struct search){path, name, argv};
    return 0;
}

/* Opens what `search` has come to, `depth` scripts away from the program. */
static int open_step(const struct lti_program_request *request,
                     const struct search *search, unsigned depth, struct file *file,
                     struct lti_message *message)
{
    struct lti_message why;
    if (depth == 0) {
        return open_file(file, search->path, true, message);
    }
    int error = open_file(file, search->path, true, &why);
    if (error == LT_ERR_NOT_FOUND || error == LT_ERR_DIRECTORY) {
        error = LT_ERR_INTERPRETER;
    }
    return error == 0 ? 0
                      : lti_fail(message, error,
                                 "the interpreter of the script %s cannot be "
                                 "used: %s",
                                 request->program, why.text);
}

static int search_start(const struct lti_program_request *request, struct search *search,
                        struct lti_message *message)
{
    const char *const own_argv[] = {request->program, NULL};
    /* In another working directory a relative path would mean another file. */
    search->name = request->cwd != NULL ? lti_absolute_path(request->program)
                                        : strdup(request->program);
    if (search->name == NULL && errno != ENOMEM) {
        return lti_fail(message, LT_ERR_SYSTEM,
                        "the host's working directory is gone: %s",
                        strerrordesc_np(errno));
    }
    search->path = search->name == NULL ? NULL : strdup(search->name);
    search->argv = make_argv(NULL, 0, request->argv != NULL ? request->argv : own_argv);
    if (search->path == NULL || search->argv == NULL) {
        return lti_fail(message, LT_ERR_NO_MEMORY, "no memory to look at %s",
                        request->program);
    }
    return 0;
}

int lti_program_find(const struct lti_program_request *request, struct lti_program *out,
                     struct lti_message *message)
{
    struct search search = {NULL, NULL, NULL};
    struct file file;
    file.fd = -1;
    memset(out, 0, sizeof *out);
    int error = search_start(request, &search, message);
    for (unsigned depth = 0; error == 0; depth++) {
        error = open_step(request, &search, depth, &file, message);
        if (error != 0 || file.head[0] != '#' || file.head[1] != '!') {
            break;
        }
        if (depth == MAX_SCRIPTS) {
            error = lti_fail(message, LT_ERR_INTERPRETER,
                             "%s: more than %d scripts interpret each other",
                             request->program, MAX_SCRIPTS);
            break;
        }
        error = follow_script(request, &search, &file, message);
        close_file(&file);
    }
    const struct lti_arch *arch = NULL;
    char *interp = NULL;
    if (error == 0 && !is_elf(&file)) {
        error = lti_fail(message, LT_ERR_NOT_ELF,
                         "%s is neither an ELF program nor a script", file.path);
    }
    if (error == 0) {
        error = check_elf(&file, &arch, &interp, message);
    }
    if (error == 0 && interp != NULL) {
        error = check_interp(request, &file, arch, interp, message);
    }
    free(interp);
    close_file(&file);
    free(search.name);
    if (error != 0) {
        free(search.path);
        free_argv(search.argv);
        return error;
    }
    *out = (struct lti_program){arch->arch, search.path, search.argv};
    return 0;
}

void lti_program_free(struct lti_program *program)
{
    free(program->path);
    free_argv(program->argv);
    memset(program, 0, sizeof *program);
}
