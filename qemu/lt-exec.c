/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest's exec executes: which file, for which architecture, by which
 * interpreter; and the command line by which the engine runs it.
 *
 * The file is opened before the exec and stays open across it, as the kernel does:
 * its name may lead nowhere behind the exec, where it is that of a descriptor that
 * closes, or never did, as that of a memory file.
 */
#include "qemu/osdep.h"
#include <elf.h>
#include <sys/prctl.h>
#include "qemu.h"
#include "qemu/path.h"
#include "user-internals.h"
#include "lt-engine.h"
#include "lt-inside.h"
#include "stream.h"

#define KNOWN_FLAGS (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)

#define HEAD 256 /* bytes of a file that the kernel looks at */

#define DESCRIPTORS "/dev/fd/" /* how the kernel names what a descriptor leads to */

static __thread int opened = -1; /* for the exec in hand */
static int program_fd = -1; /* the program that this process executes; QEMU closes it */

/* ---- Opening ---- */

static char *link_of(int fd)
{
    return g_strdup_printf("/proc/self/fd/%d", fd);
}

/* The file that an exec names, for nothing but to be looked at; or -1 with errno. */
static int find_file(int dirfd, const char *name, int flags, bool at)
{
    const int how = O_PATH | O_CLOEXEC | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);

    if (!at) {
        return open(path(name), how);
    }
    if (*name || !(flags & AT_EMPTY_PATH)) {
        const bool from_here = *name == '/' || dirfd == AT_FDCWD;
        return openat(dirfd, from_here ? path(name) : name, how);
    }
    return dirfd == AT_FDCWD ? open(".", how) : fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
}

/* Opens a file, found by find_file(), for reading, if it may be executed; else -1 with
 * errno. */
static int open_found(int found)
{
    g_autofree char *link = link_of(found);
    struct stat st;

    if (fstat(found, &st) != 0) {
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISLNK(st.st_mode) ? ELOOP : EACCES;
        return -1;
    }
    return faccessat(AT_FDCWD, link, X_OK, AT_EACCESS) == 0
               ? open(link, O_RDONLY | O_CLOEXEC)
               : -1;
}

/* Opens the file that an exec names: `opened`.  0 or an errno. */
static int open_file(int dirfd, const char *name, int flags, bool at)
{
    const int found = find_file(dirfd, name, flags, at);
    int error = 0;

    lt_exec_undo();
    if (found < 0) {
        return errno;
    }
    opened = open_found(found);
    if (opened < 0) {
        error = errno;
    }
    close(found);
    return error;
}

void lt_exec_undo(void)
{
    if (opened >= 0) {
        close(opened);
        opened = -1;
    }
}

/* The name by which the program will know itself, as the kernel makes it. */
static char *name_of(int dirfd, const char *name, bool by_descriptor)
{
    return by_descriptor
               ? g_strdup_printf(DESCRIPTORS "%d%s%s", dirfd, *name ? "/" : "", name)
               : g_strdup(path(name));
}

/* ---- What is in it ---- */

/* Reads the first bytes of the file, NUL-ended; 0 or an errno. */
static int read_head(char head[HEAD])
{
    memset(head, 0, HEAD);
    return pread(opened, head, HEAD - 1, 0) < 0 ? errno : 0;
}

/* Splits a #! line in place into interpreter and argument. */
static bool split_script(char *head, char **interpreter, char **argument)
{
    char *p = head + 2, *end;

    head[strcspn(head, "\n")] = 0;
    p += strspn(p, " \t");
    *interpreter = p;
    p += strcspn(p, " \t");
    *argument = NULL;
    if (*p) {
        *p++ = 0;
        p += strspn(p, " \t");
        end = p + strlen(p);
        while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
            *--end = 0;
        }
        *argument = *p ? p : NULL;
    }
    return **interpreter != 0;
}

/* Whether an ELF file's interpreter is there, if it wants one: the kernel looks
 * before it gives up the old program. */
static bool has_interpreter(void)
{
    Elf64_Ehdr elf;
    Elf64_Phdr header;

    if (pread(opened, &elf, sizeof(elf), 0) != sizeof(elf)) {
        return true;
    }
    for (unsigned i = 0; i < le16_to_cpu(elf.e_phnum); i++) {
        const uint64_t at = le64_to_cpu(elf.e_phoff) + i * sizeof(header);

        if (pread(opened, &header, sizeof(header), at) != sizeof(header)) {
            break;
        }
        if (le32_to_cpu(header.p_type) == PT_INTERP &&
            le64_to_cpu(header.p_filesz) < PATH_MAX) {
            g_autofree char *name = g_malloc0(PATH_MAX);

            return pread(opened, name, le64_to_cpu(header.p_filesz),
                         le64_to_cpu(header.p_offset)) > 0 &&
                   access(path(name), F_OK) == 0;
        }
    }
    return true;
}

/* The engine's name of the architecture that a program is for, or NULL. */
static const char *arch_of(const char *head)
{
    const Elf64_Ehdr *elf = (const void *)head;

    if (memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64) {
        return NULL;
    }
    switch (le16_to_cpu(elf->e_machine)) {
    case EM_X86_64:
        return "x86_64";
    case EM_AARCH64:
        return "aarch64";
    default:
        return NULL;
    }
}

/* ---- The command line ---- */

/* Opens a script's interpreter in its place, and puts it in front of the arguments.
 * `name` is the script's.  0 or an errno. */
static int take_interpreter(GPtrArray *argv, char *head, char **name)
{
    char *interpreter, *argument;

    if (!split_script(head, &interpreter, &argument)) {
        return ENOEXEC;
    }
    g_free(g_ptr_array_index(argv, 0));
    g_ptr_array_index(argv, 0) = *name;
    if (argument) {
        g_ptr_array_insert(argv, 0, g_strdup(argument));
    }
    g_ptr_array_insert(argv, 0, g_strdup(interpreter));
    *name = g_strdup(path(interpreter));
    return open_file(AT_FDCWD, interpreter, 0, false);
}

/* Opens what is executed in the end, no script, and reads its head.  `lost`: the file's
 * name will mean nothing to an interpreter.  0 or an errno. */
static int open_program(GPtrArray *argv, char **name, bool lost, char head[HEAD])
{
    int error = 0;

    for (int depth = 0; !error; depth++) {
        error = read_head(head);
        if (error || head[0] != '#' || head[1] != '!') {
            break;
        }
        if (depth == 5) {
            return ELOOP;
        }
        if (lost) {
            return ENOENT;
        }
        error = take_interpreter(argv, head, name);
    }
    return error;
}

/*
 * The argv with which the engine runs the program of a guest's exec: NULL with
 * *error 0 if the host's kernel shall have it (a program of another kind), NULL
 * with an errno if it cannot be run.  The caller frees it with g_strfreev().
 */
char **lt_exec_argv(int dirfd, const char *file, char **argv, int flags, bool at,
                    int *error)
{
    g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *name = NULL;
    const bool by_descriptor = at && *file != '/' && dirfd != AT_FDCWD;
    const char *arch;
    char head[HEAD];

    *error = 0;
    if (at && (flags & ~KNOWN_FLAGS)) {
        return NULL; /* an error, or no exec; the kernel knows */
    }
    *error = open_file(dirfd, file, flags, at);
    if (*error) {
        return NULL;
    }
    for (int i = 0; argv[i]; i++) {
        g_ptr_array_add(out, g_strdup(argv[i]));
    }
    if (out->len == 0) {
        g_ptr_array_add(out, g_strdup("")); /* as the kernel does */
    }
    name = name_of(dirfd, file, by_descriptor);
    *error = open_program(out, &name,
                          by_descriptor && (fcntl(dirfd, F_GETFD) & FD_CLOEXEC), head);
    if (*error) {
        return NULL;
    }
    arch = arch_of(head);
    if (!arch) {
        g_free(lt_exec_begin(-1));
        return NULL;
    }
    if (!has_interpreter()) {
        *error = ENOENT;
        return NULL;
    }
    opened = lt_hide_fd(opened);
    fcntl(opened, F_SETFD, 0);
    g_ptr_array_insert(out, 0, g_steal_pointer(&name));
    g_ptr_array_insert(out, 0, g_strdup(lt_sysroot));
    g_ptr_array_insert(out, 0, lt_exec_begin(opened));
    g_ptr_array_insert(out, 0, g_strdup(arch));
    g_ptr_array_insert(out, 0, g_strdup("lt-engine"));
    g_ptr_array_add(out, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&out), false);
}

const char *lt_exec_program(void)
{
    /* The engine's own, whatever its file was; the host's program is another. */
    return lt_inside && lt_inside->forked() ? lt_inside->program() : "/proc/self/exe";
}

/* ---- Behind the exec ---- */

char *lt_exec_opened(int fd, const char *name)
{
    g_autofree char *link = link_of(fd);
    char *file;

    program_fd = fd;
    if (strncmp(name, DESCRIPTORS, strlen(DESCRIPTORS)) != 0 ||
        !(file = g_file_read_link(link, NULL))) {
        return g_strdup(name);
    }
    if (!strchr(name + strlen(DESCRIPTORS), '/')) {
        /* Linux 6.14 and later call the process as the file is called. */
        g_autofree char *base = g_path_get_basename(file);

        if (g_str_has_suffix(base, " (deleted)")) {
            base[strlen(base) - strlen(" (deleted)")] = 0;
        }
        prctl(PR_SET_NAME, base);
    }
    return file;
}

/* QEMU's own way to be handed an open program. */
unsigned long __real_qemu_getauxval(unsigned long);
unsigned long __wrap_qemu_getauxval(unsigned long);
unsigned long __wrap_qemu_getauxval(unsigned long type)
{
    return type == AT_EXECFD && program_fd >= 0 ? (unsigned long)program_fd
                                                : __real_qemu_getauxval(type);
}

void lt_exec_resolved(void)
{
    g_autofree char *link = link_of(program_fd);
    ssize_t n;

    if (program_fd >= 0 && (n = readlink(link, real_exec_path, PATH_MAX - 1)) > 0) {
        real_exec_path[n] = 0;
    }
    program_fd = -1;
}
