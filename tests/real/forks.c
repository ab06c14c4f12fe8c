/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forks, waits, reads what the child wrote into a pipe, and survives a child
 * that a signal ends. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char text[32] = "";
    int pipes[2];
    int status;
    pid_t child;

    if (pipe(pipes) != 0)
        return 1;
    child = fork();
    if (child == 0) {
        if (write(pipes[1], "from the child", 14) != 14)
            _exit(1);
        _exit(42);
    }
    close(pipes[1]);
    if (read(pipes[0], text, sizeof text - 1) != 14)
        return 1;
    waitpid(child, &status, 0);
    printf("%s, status %d\n", text, WEXITSTATUS(status));
    fflush(stdout);
    child = fork();
    if (child == 0)
        raise(SIGKILL);
    waitpid(child, &status, 0);
    printf("signal %d\n", WTERMSIG(status));
    return 5;
}
