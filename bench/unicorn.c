/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unicorn PROGRAM ARGUMENT: runs a static x86_64 program that makes no system call but
 * exit_group() in Unicorn, with empty hooks for code and memory; says on standard error
 * how many instructions that were.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <unicorn/unicorn.h>

#define PAGE UINT64_C(4096)
#define STACK UINT64_C(0x7fff0000)

static uint64_t insns;

static void fail(const char *what)
{
    fprintf(stderr, "unicorn: %s\n", what);
    exit(125);
}

static void check(uc_err error)
{
    if (error != UC_ERR_OK)
        fail(uc_strerror(error));
}

static void on_insn(uc_engine *uc, uint64_t addr, uint32_t size, void *user)
{
    (void)uc;
    (void)addr;
    (void)size;
    (void)user;
    insns++;
}

static void on_access(uc_engine *uc, uc_mem_type type, uint64_t addr, int size,
                      int64_t value, void *user)
{
    (void)uc;
    (void)type;
    (void)addr;
    (void)size;
    (void)value;
    (void)user;
}

static void on_syscall(uc_engine *uc, void *user)
{
    (void)user;
    uc_emu_stop(uc);
}

/* Maps the program's segments; its entry. */
static uint64_t load(uc_engine *uc, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat file;
    const uint8_t *bytes;
    const Elf64_Ehdr *header;
    const Elf64_Phdr *segment;

    if (fd < 0 || fstat(fd, &file) != 0 || file.st_size < (off_t)sizeof *header)
        fail("the program cannot be read");
    bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        fail("the program cannot be mapped");
    close(fd);
    header = (const Elf64_Ehdr *)bytes;
    segment = (const Elf64_Phdr *)(bytes + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++, segment++) {
        uint64_t start = segment->p_vaddr & -PAGE;
        uint64_t end = (segment->p_vaddr + segment->p_memsz + PAGE - 1) & -PAGE;

        if (segment->p_type != PT_LOAD)
            continue;
        check(uc_mem_map(uc, start, end - start, UC_PROT_ALL));
        check(uc_mem_write(uc, segment->p_vaddr, bytes + segment->p_offset,
                           segment->p_filesz));
    }
    return header->e_entry;
}

/* Puts down argc and argv as the kernel does. */
static void set_stack(uc_engine *uc, const char *program, const char *argument)
{
    uint64_t strings = STACK + PAGE / 2, sp = STACK + 64;
    uint64_t words[] = {2, strings, strings + strlen(program) + 1, 0, 0};

    if (strlen(program) + strlen(argument) + 2 > PAGE / 2)
        fail("the arguments are too long");
    check(uc_mem_map(uc, STACK, PAGE, UC_PROT_ALL));
    check(uc_mem_write(uc, words[1], program, strlen(program) + 1));
    check(uc_mem_write(uc, words[2], argument, strlen(argument) + 1));
    check(uc_mem_write(uc, sp, words, sizeof words));
    check(uc_reg_write(uc, UC_X86_REG_RSP, &sp));
}

int main(int argc, char **argv)
{
    uc_engine *uc;
    uc_hook code, memory, call;
    uint64_t entry;

    if (argc != 3)
        fail("usage: unicorn PROGRAM ARGUMENT");
    check(uc_open(UC_ARCH_X86, UC_MODE_64, &uc));
    entry = load(uc, argv[1]);
    set_stack(uc, argv[1], argv[2]);
    check(uc_hook_add(uc, &code, UC_HOOK_CODE, (void *)on_insn, NULL, 1, 0));
    check(uc_hook_add(uc, &memory, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE,
                      (void *)on_access, NULL, 1, 0));
    check(uc_hook_add(uc, &call, UC_HOOK_INSN, (void *)on_syscall, NULL, 1, 0,
                      UC_X86_INS_SYSCALL));
    check(uc_emu_start(uc, entry, 0, 0, 0));
    uc_close(uc);
    fprintf(stderr, "{\"insns\":%llu}\n", (unsigned long long)insns);
    return 0;
}
