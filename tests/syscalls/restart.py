#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Interrupted system calls, and those made again, as they happened: restart.c.

    restart.py LT PROGRAM
"""

import os
import re
import subprocess
import sys

HANDLER = [r'write\(4, "x", 1\) = 1', r"rt_sigreturn\(.*\) = \d+"]
EXPECTED = [
    r"close\(-1000\) = -1 EBADF \(Bad file descriptor\)",
    r"rt_sigaction\(SIGALRM, \{sa_handler=0x\w+, sa_mask=\[\], sa_flags=(SA_RESTORER\|)?"
    r"SA_RESTART(, sa_restorer=0x\w+)?\}, NULL, 8\) = 0",
    r"setitimer\(ITIMER_REAL, \{it_interval=\{tv_sec=0, tv_usec=0\}, "
    r"it_value=\{tv_sec=0, tv_usec=200000\}\}, NULL\) = 0",
    r"read\(3, 0x\w+, 10\) = \? ERESTARTSYS \(To be restarted if SA_RESTART is set\)",
    *HANDLER,
    r'read\(3, "x", 10\) = 1',
    r"rt_sigaction\(SIGALRM, .*\) = 0", r"setitimer\(.*\) = 0",
    r"read\(3, 0x\w+, 10\) = -1 EINTR \(Interrupted system call\)",
    *HANDLER,
    r'read\(3, "x", 10\) = 1',
    r"rt_sigaction\(SIGALRM, .*\) = 0", r"setitimer\(.*\) = 0",
    r"nanosleep\(\{tv_sec=10, tv_nsec=0\}, \{tv_sec=9, tv_nsec=\d+\}\) = "
    r"-1 EINTR \(Interrupted system call\)",
    *HANDLER,
]


def main():
    lt, program = sys.argv[1:]
    if not os.path.exists(program):
        print("the guest is missing")
        return 77
    done = subprocess.run([lt, "run", "-e", "syscall", program], timeout=120, check=False,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    log = done.stderr.decode(errors="surrogateescape")
    returns = re.findall(r"^\d+\s+0x\w+\s+return +(.*)$", log, re.MULTILINE)
    start = next((n for n, line in enumerate(returns) if line.startswith("close(-1000)")),
                 None)
    if done.returncode != 0 or start is None:
        sys.exit("status %d\n%s" % (done.returncode, log))
    for n, line in enumerate(EXPECTED):
        found = returns[start + n] if start + n < len(returns) else "nothing"
        if not re.fullmatch(line, found):
            sys.exit("wanted %s\nfound  %s\n%s" % (line, found, "\n".join(returns[start:])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
