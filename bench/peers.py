# SPDX-License-Identifier: GPL-2.0-or-later
"""Other ways to see what an x86_64 program does, beside the library's, in nanoseconds
an instruction.  Each gets as much work as it does in seconds; what its start takes is
not subtracted, from nobody's figure."""

import os
import re
import shutil
from typing import NamedTuple

import columns
import measure
import workloads


class Peer(NamedTuple):
    title: str
    sees: str           # what it tells of each instruction
    command: list       # a program's own words follow; None if something is missing
    loops: int          # how often the loop is executed
    lines: int          # of text for gzip, 0 if it cannot or takes too long
    counted: object = None  # finds in its messages how many instructions it has seen


class Row(NamedTuple):
    title: str
    sees: str
    insns: int
    cpu: object         # Spreads of nanoseconds an instruction
    wall: object
    ours: bool


# How often the loop of six instructions is executed, by what an instruction takes.
FAST, MEDIUM, SLOW, SLOWEST = 200000000, 2000000, 100000, 10000
# Lines of text for gzip, likewise.
LINES_FAST, LINES_SLOW = 20000, 200


def said(pattern):
    """What takes a number out of a tool's messages."""
    return lambda text: int((re.search(pattern, text) or [0, -1])[1])


def gdb_command(gdb, scratch):
    """gdb, recording from the first instruction to the last system call."""
    script = os.path.join(scratch, "record.gdb")
    with open(script, "w") as file:
        file.write("set pagination off\nset confirm off\n"
                   "set record full insn-number-max unlimited\n"
                   "starti\nrecord full\ncatch syscall exit_group\ncontinue\n"
                   "info record\nkill\nquit\n")
    return [gdb, "-nx", "-batch", "-x", script, "--args"]


def table(build, plugins, scratch):
    """All peers; command is None where something is missing."""
    def tool(name):
        return shutil.which(name, path="/usr/bin:/bin")

    def built(name):
        path = os.path.join(build, "bench", name)
        return path if os.access(path, os.X_OK) else None

    def when(path, *command):
        return list(command) if path else None

    qemu = os.path.join(plugins, "qemu-x86_64")
    execlog = os.path.join(plugins, "contrib/plugins/libexeclog.so")
    empty, unicorn, singlestep = map(built, ("empty-plugin.so", "unicorn", "singlestep"))
    valgrind, gdb = map(tool, ("valgrind", "gdb"))
    return [
        Peer("QEMU, plugin with empty callbacks", "instructions, addresses of accesses",
             when(empty, qemu, "-plugin", empty), FAST, LINES_FAST),
        Peer("Unicorn, empty hooks", "instructions, accesses",
             when(unicorn, unicorn), MEDIUM, 0, said(r'"insns":(\d+)')),
        Peer("valgrind lackey --trace-mem=yes", "instructions, addresses of accesses, as text",
             when(valgrind, valgrind, "--tool=lackey", "--trace-mem=yes",
                  "--log-file=/dev/null"), MEDIUM, LINES_SLOW),
        Peer("QEMU, execlog plugin", "instructions and accesses as text",
             [qemu, "-plugin", execlog, "-d", "plugin", "-D", "/dev/null"], SLOW, LINES_SLOW),
        Peer("QEMU -d in_asm,exec,cpu,nochain", "instructions and registers as text",
             [qemu, "-one-insn-per-tb", "-d", "in_asm,exec,cpu,nochain", "-D", "/dev/null"],
             SLOW, LINES_SLOW),
        Peer("PTRACE_SINGLESTEP", "that there was an instruction",
             when(singlestep, singlestep), SLOWEST, LINES_SLOW, said(r'"insns":(\d+)')),
        Peer("gdb record full", "registers and memory, to go back",
             when(gdb, *gdb_command(gdb, scratch)), SLOWEST, 0,
             said(r"Log contains (\d+) instructions")),
    ]


class Peers:
    def __init__(self, bench, build, plugins):
        self.bench = bench
        self.loop = os.path.join(build, "bench", "loop-x86_64")
        self.programs = workloads.Programs("x86_64", build)
        self.table = table(build, plugins, bench.scratch)
        self.scale = 0.25 if bench.options.quick else 1
        self.rounds = min(bench.options.n, 3)
        self.counted = {}

    def insns(self, command):
        """How many instructions a command executes, as the library counts them."""
        key = tuple(command)
        if key not in self.counted:
            self.counted[key] = self.bench.host.run("i", command).figures["insns"]
        return self.counted[key]

    def peer(self, peer, command):
        """Runs one peer."""
        sample = measure.run(peer.command + command, self.bench.scratch)
        if sample.status != 0:
            raise measure.Failed("exit status %d: %s"
                                 % (sample.status, sample.messages.strip()[-300:]))
        # Who counts by itself has to agree, but for gzip, whose way depends on the
        # processor.  The system call at the end is the one that gdb does not record.
        if peer.counted and command[0] == self.loop:
            counted, insns = peer.counted(sample.messages), self.insns(command)
            if counted not in (insns, insns - 1):
                raise measure.Failed("counted %d instructions, not %d" % (counted, insns))
        return sample

    def jobs(self, name, command_of):
        """What is to be run: title, what it sees, a function, the command, whether it is
        the library.  Plain QEMU and the library work on what the fastest peer does."""
        most = command_of(self.table[0])
        plain = os.path.join(self.bench.plain, "qemu-x86_64")
        yield "plain QEMU", "nothing", lambda: measure.run([plain] + most, self.bench.scratch), \
            most, False
        for name_of_mode in self.bench.options.modes:
            mode = columns.MODES[name_of_mode]
            yield ("libtrace, " + mode.title, "",
                   lambda mode=mode: self.bench.host.run(mode.letters, most), most, True)
        for peer in self.table:
            command = command_of(peer)
            if command is None:
                continue
            if peer.command is None:
                self.bench.note("%s on %s: left out: it is not installed." % (peer.title, name))
                continue
            yield (peer.title, peer.sees,
                   lambda peer=peer, command=command: self.peer(peer, command), command, False)

    def of(self, name, command_of):
        """The rows of a program, given its command for a peer; all take turns."""
        jobs = list(self.jobs(name, command_of))
        samples = {job[0]: [] for job in jobs}
        for number in range(self.rounds):
            self.bench.say("other tools on %s: round %d of %d" % (name, number + 1, self.rounds))
            for title, _, run_it, _, _ in jobs:
                try:
                    samples[title].append(run_it())
                except measure.Failed as error:
                    self.bench.problem("%s on %s: %s" % (title, name, error))
        return [self.row(job, samples[job[0]]) for job in jobs if samples[job[0]]]

    def row(self, job, samples):
        title, sees, _, command, ours = job
        insns = self.insns(command)

        def per_insn(field):
            return measure.spread(getattr(sample, field) * 1e9 / insns for sample in samples)
        return Row(title, sees, insns, per_insn("cpu"), per_insn("wall"), ours)


def run(bench, build, plugins):
    """Rows by program."""
    peers = Peers(bench, build, plugins)

    def loop(peer):
        return [peers.loop, str(max(int(peer.loops * peers.scale), 500))]

    def gzip(peer):
        if not peer.lines:
            return None
        return workloads.gzip(peers.programs, bench.inputs, "-6",
                              max(int(peer.lines * peers.scale), 50))

    tables = {"loop": loop}
    if shutil.which("gzip", path="/usr/bin:/bin"):
        tables["gzip -6"] = gzip
    rows = {}
    for name, command in tables.items():
        try:
            rows[name] = peers.of(name, command)
        except measure.Failed as error:
            bench.problem("other tools on %s: %s" % (name, error))
    return rows
