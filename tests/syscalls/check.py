#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares system calls as lt shows them with strace's output for the same program.

    check.py LT ARCH PROGRAM NATIVE_PROGRAM

NATIVE_PROGRAM runs under strace, PROGRAM, the same source for ARCH, under lt: all
calls behind close(-1000) must be the same, line by line.  Flags may stand in
another order.  What differs nevertheless is listed below, with the reason.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

# (pattern in both, replacement, why)
SAME = [
    (r" /\* (19|20)\d\d-[^*]*\*/", "", "strace adds the date to a time"),
    (r", left \{[^}]*\}\)", ")", "strace adds how much of a timeout is left"),
    (r"mode=000, (resolve=)", r"\1", "strace leaves out a mode of openat2() that is 0"),
    (r"data=\{u32=\d+, u64=(\d+)\}", lambda match: "data=%#x" % int(match[1]),
     "older versions of strace show an epoll event's data twice"),
    (r"clone\((child_stack=NULL, flags=)?SIGCHLD(, NULL){0,4}\)", "clone(SIGCHLD)",
     "strace sorts clone()'s arguments in an order of its own"),
    (r"clone\(SIGCHLD\) = \d+", "clone(SIGCHLD) = PID", "another process"),
    (r"wait4\(\d+, (.*) = \d+$", r"wait4(PID, \1 = PID", "another process"),
    (r"waitid\(P_PID, \d+, (.*)si_pid=\d+", r"waitid(P_PID, PID, \1si_pid=PID",
     "another process"),
    (r"waitid\(P_PID, \d+, NULL", "waitid(P_PID, PID, NULL", "another process"),
    (r"(timer_create\(.*), \[\d+\]\)", r"\1, [ID])", "QEMU numbers timers otherwise"),
    (r"(clone3\(\{flags=0), pidfd=NULL, child_tid=NULL, parent_tid=NULL", r"\1",
     "strace leaves out pointers of clone3() that the flags do not ask for"),
    (r", tls=NULL\}", "}", "this one too"),
    (r", set_tid=NULL, set_tid_size=0\}", "}", "strace shows these for their size"),
    (r"si_utime=\d+, si_stime=\d+", "TIMES", "differ from run to run"),
    (r"(recvmsg\(\d+, )(\{msg_namelen=0\}|0x\w+)(.*EAGAIN)", r"\1POINTER\3",
     "strace shows a part of the message that a failing recvmsg() was given"),
    (r"SO_RCVTIMEO_OLD, \"[^\"]*\"", "SO_RCVTIMEO, {tv_sec=1, tv_usec=500000}",
     "strace does not know both names"),
]
# Of another architecture than strace's.
OTHER = [
    (r"0x[0-9a-f]{6,}", "ADDRESS", "another program"),
    (r"= 0x\w+ \(flags", "= FLAGS (flags", "the bits are others, the names are the same"),
    (r"SA_RESTORER\|(SA_\w+), sa_restorer=\w+", r"\1", "only x86_64 has a restorer"),
]

# (beginning of a line, why): the emulator answers otherwise than the kernel.
ANSWERS = [
    ("clone3(", "QEMU has no clone3()"),
    ("ioctl(-1, _IOC", "QEMU looks at the request before it looks at the descriptor"),
]


def normal(line):
    line = re.sub(r"\)\s+= ", ") = ", line.rstrip())
    for pattern, replacement, _ in SAME:
        line = re.sub(pattern, replacement, line)
    for start, _ in ANSWERS:
        if line.startswith(start):
            line = re.sub(r" = .*", " = ANSWER", line)
    return re.sub(r"\w+(\|\w+)+", lambda m: "|".join(sorted(m[0].split("|"))), line)


def behind_mark(lines, what):
    for n, line in enumerate(lines):
        if line.startswith("close(-1000)"):
            return [normal(line) for line in lines[n:]]
    sys.exit(what + " has not seen close(-1000)")


def run(command):
    with tempfile.TemporaryDirectory(prefix="lt-test-") as folder:
        log = os.path.join(folder, "log")
        inside = os.path.join(folder, "inside")
        os.mkdir(inside)
        command = [log if word == "LOG" else word for word in command]
        done = subprocess.run(command, cwd=inside, timeout=120, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            sys.exit("%s: %d\n%s" % (command, done.returncode, done.stderr.decode()))
        with open(log, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read().replace(os.path.realpath(inside), "/inside")
            return re.sub(r"(getcwd\(.*) = \d+", r"\1 = LENGTH", text).splitlines()


def from_strace(lines):
    lines = [line for line in lines if not line.startswith(("---", "+++"))]
    return behind_mark(lines, "strace")


def from_lt(lines):
    out, thread = [], None
    for line in lines:
        match = re.match(r"\s*(\d+)\s+0x\w+\s+(syscall|return) +(.*)", line)
        thread = thread or match and match[1]
        if not match or match[1] != thread:
            continue  # strace does not follow children either
        if match[2] == "return":
            out.append(match[3])
        elif match[3].startswith("exit_group"):
            out.append(match[3] + " = ?")
    return behind_mark(out, "lt")


def main():
    lt, arch, program, native = sys.argv[1:]
    if arch != "x86_64":
        SAME.extend(OTHER)
    if not shutil.which("strace"):
        print("strace is missing")
        return 77
    if not os.path.exists(program) or not os.path.exists(native):
        print("a guest is missing")
        return 77
    wanted = from_strace(run(["strace", "-o", "LOG", native]))
    found = from_lt(run([lt, "run", "-e", "syscall", "-o", "LOG", program]))
    differences = list(difflib.unified_diff(wanted, found, "strace", "lt", lineterm="", n=0))
    print("\n".join(differences) or "%d calls are the same" % len(wanted))
    return 1 if differences or len(wanted) < 150 else 0


if __name__ == "__main__":
    sys.exit(main())
