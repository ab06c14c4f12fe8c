/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * singlestep PROGRAM [ARGS...]: runs a program natively, one PTRACE_SINGLESTEP an
 * instruction, and does nothing else; says on standard error how many steps that were.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    unsigned long steps = 0;
    int status, signal = 0;
    pid_t child;

    if (argc < 2) {
        fprintf(stderr, "usage: singlestep PROGRAM [ARGS...]\n");
        return 125;
    }
    child = fork();
    if (child == 0) {
        personality(ADDR_NO_RANDOMIZE);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
            execv(argv[1], argv + 1);
        perror(argv[1]);
        _exit(125);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("singlestep");
        return 125;
    }
    while (WIFSTOPPED(status)) {
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, (long)signal) != 0 ||
            waitpid(child, &status, 0) != child) {
            perror("singlestep");
            return 125;
        }
        steps++;
        signal = WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;
    }
    fprintf(stderr, "{\"insns\":%lu}\n", steps);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
