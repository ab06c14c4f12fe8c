# SPDX-License-Identifier: GPL-2.0-or-later
"""The command-line program: options, exit statuses, both logs."""

import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import time
import unittest

import guests
from guests import ARCHES, LT, SYSROOT, behaviour, loop

PREFIX = ["type", "seq", "tid", "pid"]
KEYS = {
    "insn": [["pc", "bytes", "text", "symbol", "module"]],
    "reg": [["pc", "reg", "value"]],
    "write": [["pc", "addr", "size", "value", "by"], ["pc", "addr", "size", "bytes", "by"]],
    "read": [["pc", "addr", "size", "value", "by"], ["pc", "addr", "size", "bytes", "by"]],
    "syscall": [["pc", "nr", "name", "args", "phase"]],
    "module": [["op", "path", "start", "end", "offset"]],
    "map": [["op", "start", "end"]],
    "exit": [["status"], ["signal"]],
    "signal": [["pc", "op", "signal", "name", "code", "addr", "handler"], ["pc", "op"]],
    "thread": [["op", "parent"], ["op", "name"], ["op"]],
    "process": [["op", "parent", "arch", "path"]],
}
# What a simple program does not do.
RARE = {"signal", "thread"}
HEX = re.compile(r"0x(0|[1-9a-f][0-9a-f]*)\Z")
HEX_KEYS = {"pc", "addr", "value", "start", "end", "offset", "from", "device", "inode", "handler"}
EVERYTHING = "insn,reg,write,read,syscall,module,signal,thread,process,map"


def lt(*arguments, **options):
    """Runs lt with a time limit and gives its CompletedProcess, in bytes."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([LT, *arguments], timeout=300, check=False, **options)


def sysroot(arch):
    return ["-L", SYSROOT[arch]] if SYSROOT[arch] else []


def entries(text):
    """The events of a JSON log, each a dict whose keys keep their order."""
    return [json.loads(line) for line in text.decode("utf-8").splitlines()]


class Options(guests.Case):
    def test_information(self):
        for arguments in (["--help"], ["run", "--help"], ["run", "-h"]):
            done = lt(*arguments)
            self.assertEqual(done.returncode, 0)
            self.assertIn(b"Usage: lt run", done.stdout)
            self.assertEqual(done.stderr, b"")
        self.assertRegex(lt("--version").stdout, rb"\Alt .*\d+\.\d+\.\d+\n\Z")
        for arguments in (["--arch"], ["run", "--arch"]):
            self.assertEqual(lt(*arguments).stdout.split(), [b"x86_64", b"aarch64"])

    def test_information_on_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            for option in ("--help", "--version", "--arch"):
                self.assertEqual(lt(option, stdout=full).returncode, 125)

    def test_wrong(self):
        for arguments in ([], ["walk"], ["run"], ["run", "--"], ["run", "--bogus", "true"],
                          ["run", "--events", "insn,bogus", "true"],
                          ["run", "--events", "", "true"], ["run", "--events", "insn,", "true"],
                          ["run", "--format", "xml", "true"], ["run", "--range", "10", "true"],
                          ["run", "--range", "20-10", "true"], ["run", "--range", "x-y", "true"],
                          ["run", "--range", "1-10000000000000000", "true"],
                          ["run", "--range=-5-8", "true"], ["run", "--module", "", "true"],
                          ["run", "--module", "a", "--module", "b", "true"], ["run", "-o"],
                          ["run", "--follow", "some", "true"], ["run", "--follow", "", "true"],
                          ["run", "-F", "ALL", "true"], ["run", "--threads", "both", "true"],
                          ["run", "--threads", "", "true"], ["run", "--threads"],
                          ["run", "--limit", "", "true"], ["run", "--limit", "insns=0", "true"],
                          ["run", "--limit", "insns=-1", "true"],
                          ["run", "--limit", "insns=1k", "true"],
                          ["run", "--limit", "insns=1,", "true"],
                          ["run", "--limit", "time=10d", "true"],
                          ["run", "--limit", "time=2000h", "true"],
                          ["run", "--limit", "output=99999999999999999999", "true"],
                          ["run", "--limit", "memory=18446744073709551615K", "true"],
                          ["run", "--limit", "processes=4294967296", "true"],
                          ["run", "--limit", "files=1", "true"]):
            done = lt(*arguments)
            self.assertEqual(done.returncode, 125, arguments)
            self.assertNotEqual(done.stderr, b"")
            self.assertEqual(done.stdout, b"")

    def test_end_of_options(self):
        for dashes in ([], ["--"]):
            done = lt("run", "-o", "/dev/null", *dashes, behaviour(), "print", "--help")
            self.assertEqual((done.returncode, done.stdout), (0, b"--help\n"))

    def test_standard_input(self):
        done = subprocess.run([LT, "run", "-o", "/dev/null", behaviour(), "echo"],
                              input=b"one\ntwo\n", stdout=subprocess.PIPE, check=True,
                              timeout=60)
        self.assertEqual(done.stdout, b"one\ntwo\n")


class Status(guests.Case):
    def run_quietly(self, *arguments, **options):
        return lt("run", "-e", "exit", *arguments, **options)

    def assert_refused(self, status, *arguments, **options):
        done = self.run_quietly(*arguments, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, rb"\Alt: [^\n]+\n\Z")

    def test_of_the_guest(self):
        for arch in ARCHES:
            for status in (0, 1, 42, 125, 126, 127, 255):
                done = self.run_quietly(behaviour(arch), "status", str(status))
                self.assertEqual(done.returncode, status)
                self.assertRegex(done.stderr, rb"\A\d+ +exit +%d\n\Z" % status)
            for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
                done = self.run_quietly(behaviour(arch), "signal", str(int(number)))
                self.assertEqual(done.returncode, 128 + number)
                self.assertIn(number.name.encode(), done.stderr)

    def test_limits(self):
        for arch in ARCHES:
            done = lt("run", "-e", "insn", "--limit", "insns=7", loop(arch))
            self.assertEqual(done.returncode, 124)
            self.assertEqual(len(re.findall(rb"^\d", done.stderr, re.M)), 7)
            self.assertTrue(done.stderr.endswith(
                b"\nlt: the guest has executed 7 instructions, its limit\n"))
        done = lt("run", "-f", "json", "-e", "insn", "--limit", "insns=7", loop(ARCHES[0]))
        self.assertEqual(done.returncode, 124)
        self.assertEqual(len(entries(done.stderr)), 7)
        for limit, script in (("time=200ms", "while :; do :; done"),
                              ("output=1K,time=1m", "while echo; do :; done"),
                              ("memory=1G,processes=2", "(sleep 1; :) | cat"),
                              ("memory=64K", ":")):
            done = lt("run", "-o", "/dev/null", "-e", "exit", "--limit", limit, "--",
                      "/bin/sh", "-c", script)
            self.assertEqual(done.returncode, 124, limit)
            self.assertIn(b", its limit\n", done.stderr)
        self.assertEqual(lt("run", "-o", "/dev/null", "-e", "exit", "--limit",
                            "insns=1000000000,time=1m,memory=4G,output=1,processes=9", "--",
                            "/bin/sh", "-c", "exit 3").returncode, 3)

    def test_ended_by_a_thread(self):
        for arch in ARCHES:
            for how, status in (("thread-exits", 7), ("main-leaves", 7),
                                ("thread-dies", 128 + signal.SIGSEGV)):
                done = self.run_quietly(behaviour(arch), how)
                self.assertEqual(done.returncode, status, how)
                self.assertIn(b"exit   7" if status == 7 else b"SIGSEGV", done.stderr)
                self.assertNotIn(b"untraced", done.stderr)

    def test_not_found(self):
        self.assert_refused(127, "no-such-program-anywhere")
        self.assert_refused(127, self.path("nothing"))
        self.assert_refused(127, "")

    def test_directory(self):
        self.assert_refused(126, self.folder)

    def test_not_elf(self):
        self.assert_refused(126, self.path("notes", b"just some words\n"))
        self.assert_refused(126, self.path("empty", b""))

    def test_truncated(self):
        with open(behaviour(), "rb") as file:
            whole = file.read()
        for size in (5, 40, 64, 100, 5000):
            self.assert_refused(126, self.path("cut", whole[:size]))

    def test_foreign(self):
        with open(behaviour(), "rb") as file:
            whole = bytearray(file.read())
        whole[18:20] = (243).to_bytes(2, "little")  # EM_RISCV
        self.assert_refused(126, self.path("riscv", whole))

    def test_no_permission(self):
        with open(behaviour(), "rb") as file:
            whole = file.read()
        self.assert_refused(126, self.path("plain", whole, 0o644))

    def test_no_interpreter(self):
        with open(behaviour("x86_64", static=False), "rb") as file:
            whole = file.read()
        self.assertIn(b"/ld-linux-x86-64.so.2\0", whole)
        whole = whole.replace(b"/ld-linux-x86-64.so.2\0", b"/ld-linux-x86-64.so.9\0")
        self.assert_refused(126, self.path("lonely", whole))
        self.assert_refused(126, self.path("script", b"#!/no/such/interpreter\n"))

    def test_script(self):
        script = self.path("script", b"#!/bin/sh\necho \"$1\"; exit 7\n")
        done = self.run_quietly(script, "word")
        self.assertEqual((done.returncode, done.stdout), (7, b"word\n"))

    def test_path(self):
        program = behaviour()
        name = os.path.basename(program)
        folder = os.path.dirname(program)
        environment = dict(os.environ, PATH=f"/nonexistent:{self.folder}:{folder}")
        done = self.run_quietly(name, "status", "3", env=environment)
        self.assertEqual(done.returncode, 3)
        # One that may not be executed is passed over, unless there is no other.
        self.path(name, b"", 0o644)
        done = self.run_quietly(name, "status", "3", env=environment)
        self.assertEqual(done.returncode, 3)
        environment["PATH"] = self.folder
        self.assert_refused(126, name, env=environment)
        # An empty element is the current directory.
        environment["PATH"] = "/nonexistent:"
        done = self.run_quietly(name, "status", "3", env=environment, cwd=folder)
        self.assertEqual(done.returncode, 3)
        self.assert_refused(127, name, env=environment, cwd="/")


class Repeated(guests.Case):
    def test_addresses(self):
        """A program's mappings are the same in every run, so that --range is of use."""
        def mappings():
            log = lt("run", "-f", "json", "-e", "module", "/bin/true").stderr
            return [(e["path"], e["start"], e["end"]) for e in entries(log)
                    if e["type"] == "module"]

        first = mappings()
        self.assertTrue(first)
        for _ in range(5):
            self.assertEqual(mappings(), first)


class Writing(guests.Case):
    def test_file(self):
        log = self.path("log", b"old" * 100000, 0o600)
        before = os.stat(log).st_ino
        done = lt("run", "-o", log, behaviour(), "print", "hello")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"hello\n", b""))
        with open(log, "rb") as file:
            text = file.read()
        self.assertNotIn(b"old", text)
        self.assertRegex(text, rb"exit +0\n\Z")
        self.assertEqual(os.stat(log).st_ino, before)
        self.assertEqual(os.listdir(self.folder), ["log"])

    def test_cannot_open(self):
        for target in (self.folder, self.path("missing/log")):
            done = lt("run", "-o", target, behaviour(), "print", "hello")
            self.assertEqual((done.returncode, done.stdout), (125, b""))
            self.assertIn(os.fsencode(target), done.stderr)

    def test_full(self):
        for arguments in (["status", "0"], ["status", "3"], ["signal", "9"]):
            for options in ([], ["--format", "json"], ["--count"], ["-e", "exit"]):
                done = lt("run", "-o", "/dev/full", *options, behaviour(), *arguments)
                self.assertEqual(done.returncode, 125)
                self.assertRegex(done.stderr, rb"\Alt: .*No space left on device\n\Z")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/full").st_mode))

    def test_full_ends_the_guest(self):
        done = lt("run", "-o", "/dev/full", behaviour(), "spin")
        self.assertEqual(done.returncode, 125)

    def test_file_size_limit(self):
        import resource
        log = self.path("log")
        done = lt("run", "-o", log, behaviour(), "spin", preexec_fn=lambda:
                  resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)))
        self.assertEqual(done.returncode, 125)
        self.assertRegex(done.stderr, rb"\Alt: [^\n]+\n\Z")

    def test_closed_pipe(self):
        reading, writing = os.pipe()
        os.close(reading)
        done = lt("run", "-o", f"/dev/fd/{writing}", behaviour(), "status", "0",
                  pass_fds=[writing])
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"Broken pipe", done.stderr)
        done = lt("run", behaviour(), "spin", stderr=writing)
        self.assertEqual(done.returncode, 125)
        os.close(writing)

    def test_closed_streams(self):
        log = self.path("log")
        command = 'exec "$0" run "$@" 0<&- 1>&- 2>&-'
        done = subprocess.run(["sh", "-c", command, LT, "-o", log, behaviour(), "status", "4"],
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 4)
        with open(log, "rb") as file:
            self.assertRegex(file.read(), rb"exit +4\n\Z")
        done = subprocess.run(["sh", "-c", command, LT, behaviour(), "status", "4"],
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 125)

    def test_fifo(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        with subprocess.Popen([LT, "run", "-f", "json", "-o", fifo, behaviour(), "print", "x"],
                              stdout=subprocess.PIPE) as process:
            with open(fifo, "rb") as file:
                log = entries(file.read())
            self.assertEqual(process.wait(60), 0)
        self.assertEqual(log[-1]["type"], "exit")
        self.assertTrue(stat.S_ISFIFO(os.stat(fifo).st_mode))

    def test_device(self):
        done = lt("run", "-o", "/dev/null", behaviour(), "status", "0")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_standard_output(self):
        for name in ("-", "/dev/stdout"):
            done = lt("run", "-o", name, "-e", "exit", behaviour(), "print", "hello")
            self.assertRegex(done.stdout, rb"\Ahello\n\d+ +exit +0\n\Z")
            # The guest's output and the log share a file without loss.
            both = self.path("both", b"before\n")
            with open(both, "ab") as file:
                lt("run", "-o", name, "-e", "exit", behaviour(), "print", "hello", stdout=file)
            with open(both, "rb") as file:
                self.assertRegex(file.read(), rb"\Abefore\nhello\n\d+ +exit +0\n\Z")

    def test_non_blocking_pipe(self):
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with subprocess.Popen([LT, "run", "-f", "json", "-o", f"/dev/fd/{writing}",
                               loop(count=20000)], pass_fds=[writing]) as process:
            os.close(writing)
            with open(reading, "rb") as file:
                time.sleep(0.5)
                log = entries(file.read())
            self.assertEqual(process.wait(60), 9)
        self.assertEqual(sum(e["type"] == "insn" for e in log), 20000 * 6 + 5)

    def test_live(self):
        """What came before a system call that waits is in the pipe by then."""
        with subprocess.Popen([LT, "run", "-e", "syscall", behaviour(), "echo"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as process:
            seen = b""
            deadline = time.monotonic() + 60
            while b"read(" not in seen and time.monotonic() < deadline:
                if select.select([process.stderr], [], [], 1)[0]:
                    seen += os.read(process.stderr.fileno(), 65536)
            self.assertTrue(b"read(" in seen, seen[-1000:])
            process.stdin.close()
            process.stderr.read()
            self.assertEqual(process.wait(60), 0)


class Guest(guests.Case):
    def test_signals_and_descriptors(self):
        done = lt("run", "-o", self.path("log"), behaviour(), "ignored")
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        done = lt("run", "-o", self.path("log"), behaviour(), "descriptors")
        self.assertEqual(done.stdout, b"0\n1\n2\n")

    def test_failed_execs(self):
        """A shell's child that cannot execute a file goes on, and is told to its end."""
        script = self.path("text", b"exit 7\n")
        done = lt("run", "-f", "json", "-e", "process", "sh", "-c",
                  "for i in 1 2 3 4 5 6 7 8 9; do %s & done; wait" % script)
        self.assertEqual(done.returncode, 0)
        events = entries(done.stderr)
        self.assertEqual([event.get("status") for event in events
                          if event["type"] == "exit"].count(7), 9)
        self.assertEqual(sum(event["type"] == "exit" for event in events),
                         sum(event.get("op") == "start" for event in events))

    def test_untraced(self):
        done = lt("run", "-o", "/dev/null", behaviour(), "threads", "2")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        done = lt("run", "-o", "/dev/null", behaviour(), "fork")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        done = lt("run", "-o", "/dev/null", "--follow", "none", behaviour(), "fork")
        self.assertEqual((done.returncode, done.stderr),
                         (0, b"lt: note: 1 process ran untraced\n"))
        done = lt("run", "-o", "/dev/null", "-F", "forks", "sh", "-c", "/bin/true; (exit 4)")
        self.assertEqual((done.returncode, done.stderr),
                         (4, b"lt: note: 1 process ran untraced\n"))
        # JSON on standard error stays JSON, and says it itself.
        done = lt("run", "-f", "json", "-e", "exit", "-F", "none", behaviour(), "fork")
        self.assertEqual(entries(done.stderr)[-1]["untraced_processes"], 1)

    def test_follow(self):
        """The shell of the documents: four processes, and its own status."""
        command = "ls / | sort | head -3; exit 3"
        plain = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, check=False)
        for follow, starts, execs in (("all", 4, 3), ("forks", 4, 0), ("none", 1, 0)):
            for options in (["--follow", follow], ["-F", follow], ["--follow=" + follow]):
                log = self.path("log")
                done = lt("run", *options, "-f", "json", "-e", "process", "-o", log, "--",
                          "sh", "-c", command)
                self.assertEqual((done.returncode, done.stdout), (3, plain.stdout))
                with open(log, "rb") as file:
                    seen = entries(file.read())
                ops = [e["op"] for e in seen if e["type"] == "process"]
                self.assertEqual((ops.count("start"), ops.count("exec")), (starts, execs))
                shell = seen[0]["pid"]
                self.assertEqual(seen[0]["parent"], 0)
                self.assertEqual({e["parent"] for e in seen if e["type"] == "process"} -
                                 {0, shell}, set())
                if follow == "all":
                    self.assertEqual({os.path.basename(e["path"]) for e in seen
                                      if e.get("op") == "exec"}, {"ls", "sort", "head"})
                    self.assertEqual(sum(e["type"] == "exit" for e in seen), 4)
                    self.assertEqual(seen[-1]["pid"], shell)
                    self.assertEqual(seen[-1]["status"], 3)

    def test_threads(self):
        for arch in ARCHES:
            for how in ("serial", "parallel"):
                log = self.path("log")
                done = lt("run", "--threads", how, "-f", "json", "-e", "thread", "-o", log,
                          behaviour(arch), "threads", "5")
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                with open(log, "rb") as file:
                    seen = entries(file.read())
                first = seen[-1]["pid"]
                starts = [e for e in seen if e.get("op") == "start"]
                self.assertEqual([e["parent"] for e in starts], [first] * 5)
                self.assertEqual(sum(e.get("op") == "exit" for e in seen), 5)
                self.assertNotIn(first, [e["tid"] for e in starts])


class Interruption(guests.Case):
    def test_signal(self):
        """The log has its end, and lt dies of the signal."""
        log = self.path("log")
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen([LT, "run", "-f", "json", "-e", "insn", "-o", log,
                                   behaviour(), "spin"], stdin=subprocess.DEVNULL) as process:
                end = time.monotonic() + 60
                while time.monotonic() < end and not (
                        os.path.exists(log) and os.stat(log).st_size):
                    time.sleep(0.1)
                process.send_signal(number)
                self.assertEqual(process.wait(60), -number)
            with open(log, "rb") as file:
                file.seek(-min(2000, os.stat(log).st_size), os.SEEK_END)
                last = file.read().splitlines(keepends=True)[-1]
            self.assertTrue(last.endswith(b"\n"))
            json.loads(last)
            os.unlink(log)

    def watch(self, *options):
        """Standard error, a terminal, of a run of some seconds."""
        controller, terminal = pty.openpty()
        with subprocess.Popen([LT, "run", *options, behaviour(), "spin"], stderr=terminal,
                              stdin=subprocess.DEVNULL) as process:
            os.close(terminal)
            seen = b""
            end = time.monotonic() + 4
            while True:
                if end and time.monotonic() > end:
                    process.send_signal(signal.SIGINT)
                    end = None
                try:
                    if select.select([controller], [], [], 0.1)[0]:
                        seen += os.read(controller, 65536)
                except OSError:  # EIO: nobody has the terminal open any longer
                    break
            process.wait(60)
        os.close(controller)
        return seen

    def test_progress(self):
        seen = self.watch("-o", "/dev/null", "-e", "insn")
        self.assertRegex(seen, rb"\r\x1b\[Klt: [\d,]+ events in \d+ s")
        self.assertTrue(seen.endswith(b"\r\x1b[K"))

    def test_no_progress_in_the_log(self):
        self.assertNotIn(b"events in", self.watch("-e", "exit", "--range", "1-2"))


class Json(guests.Case):
    def log(self, *arguments, events=EVERYTHING):
        log = self.path("log")
        done = lt("run", "-f", "json", "-o", log, "-e", events, *arguments)
        with open(log, "rb") as file:
            return done, entries(file.read())

    def check(self, log, stop=True):
        """What the contract says of each object and their order."""
        seq = 0
        insn = {}  # of a thread, the last instruction's pc
        for event in log:
            kind = event["type"]
            keys = list(event)
            self.assertEqual(keys[:4], PREFIX, event)
            self.assertTrue(any(keys[4:4 + len(want)] == want for want in KEYS[kind]), event)
            self.assertGreater(event["seq"], seq)
            seq = event["seq"]
            for key in HEX_KEYS & set(keys):
                self.assertRegex(event[key], HEX)
                bits = 8 * 32 if kind == "reg" and key == "value" else 64
                self.assertLess(int(event[key], 16), 1 << bits)
            if kind == "insn":
                insn[event["tid"]] = event["pc"]
                self.assertRegex(event["bytes"], r"\A([0-9a-f]{2}){1,15}\Z")
                self.assertTrue(event["text"])
            elif kind in ("reg", "write", "read"):
                if event.get("by") != "kernel":
                    self.assertEqual(event["pc"], insn[event["tid"]], event)
            if kind in ("write", "read"):
                self.assertIn(event["by"], ("insn", "kernel"))
                if "bytes" in event:
                    self.assertEqual(len(event["bytes"]), 2 * event["size"])
                else:
                    self.assertLess(int(event["value"], 16), 1 << 8 * event["size"])
            elif kind == "syscall":
                self.assertIn(event["phase"], ("enter", "return"))
                for argument in event["args"]:
                    self.assertRegex(argument, HEX)
                if event["phase"] == "return":
                    self.assertEqual(keys[9], "ret")
                    self.assertRegex(event["ret"], r"\A(0|-?[1-9]\d*)\Z")
                    if "errno" in event:
                        self.assertEqual(keys[10], "errno")
                    self.assertEqual(keys[-3:], ["text", "result", "arguments"])
                else:
                    self.assertEqual(keys[-2:], ["text", "arguments"])
                for argument in event["arguments"]:
                    self.assertEqual(list(argument), ["name", "type", "value", "text"])
                    self.assertIn(argument["value"], event["args"])
                    self.assertIn(argument["text"], event["text"])
            elif kind == "map":
                self.assertIn(event["op"], ("map", "data", "unmap", "protect", "move", "zero"))
                self.assertEqual("bytes" in event, event["op"] == "data")
                self.assertEqual("path" in event, event["op"] == "map")
                self.assertEqual("prot" in event, event["op"] in ("map", "protect"))
                self.assertLess(int(event["start"], 16), int(event["end"], 16))
            elif kind == "module":
                self.assertIn(event["op"], ("map", "unmap"))
                self.assertLess(int(event["start"], 16), int(event["end"], 16))
        if stop:
            self.assertEqual(log[-1]["type"], "exit")
            self.assertEqual(sum(e["type"] == "exit" for e in log), 1)

    def test_contract(self):
        for arch in ARCHES:
            for static in (True, False):
                done, log = self.log(*sysroot(arch), behaviour(arch, static), "print", "hello")
                self.assertEqual((done.returncode, done.stdout), (0, b"hello\n"), done.stderr)
                self.check(log)
                self.assertEqual(log[-1]["status"], 0)
                self.assertEqual({e["type"] for e in log}, set(KEYS) - RARE)

    def test_loop(self):
        bodies = {"x86_64": (5, 6), "aarch64": (6, 6)}
        for arch in ARCHES:
            for count in (1, 100, 5000):
                done, log = self.log(loop(arch, count))
                self.assertEqual(done.returncode, 9, done.stderr)
                self.check(log)
                body = [e for e in log if e["type"] == "insn" and e["symbol"] and
                        re.match(r"body(\+0x|\Z)", e["symbol"])]
                self.assertEqual(len(body), count * bodies[arch][1])
                self.assertEqual(sum(e["symbol"] == "body" for e in body), count)
                self.assertEqual({e["module"] for e in body}, {loop(arch, count)})
                # The stores of the body: count, count + count - 1, ...
                stored = [int(e["value"], 16) for e in log
                          if e["type"] == "write" and e["size"] == 8]
                sums, total = [], 0
                for left in range(count, 0, -1):
                    total += left
                    sums.append(total)
                if arch == "x86_64":  # rax is 0 at a program's start
                    self.assertEqual(stored, sums)
                else:
                    self.assertEqual([v - stored[0] for v in stored],
                                     [v - sums[0] for v in sums])

    def test_syscalls(self):
        for arch in ARCHES:
            missing = self.path("missing")
            done, log = self.log(behaviour(arch), "open", missing, events="syscall")
            self.assertEqual(done.returncode, 2)
            self.check(log)
            self.assertEqual({e["type"] for e in log}, {"syscall", "exit"})
            opened = [e for e in log if e.get("name") == "openat" and
                      missing in e.get("strings", [])]
            self.assertEqual(len(opened), 1)
            self.assertEqual(opened[0]["phase"], "enter")
            self.assertIn(missing, opened[0]["text"])
            returned = log[log.index(opened[0]) + 1]
            self.assertEqual((returned["name"], returned["phase"], returned["ret"],
                              returned["errno"]), ("openat", "return", "-2", "ENOENT"))
            self.assertEqual(log[-2]["name"], "exit_group")

    def test_control(self):
        script = self.path("signals", b"#!/bin/sh\ntrap 'true' USR1\n/bin/true\n"
                                      b"kill -USR1 $$\nexit 9\n")
        _, log = self.log(script, events="signal,thread,process")
        for event in log:
            self.assertEqual(list(event)[:4], PREFIX)
            self.assertTrue(any(list(event)[4:] == want for want in KEYS[event["type"]]),
                            event)
        # The shell may also handle SIGCHLD.
        signals = [e for e in log if e["type"] == "signal"]
        self.assertEqual(sum(e["op"] == "deliver" for e in signals),
                         sum(e["op"] == "return" for e in signals))
        self.assertEqual(sum((e.get("signal"), e.get("name")) ==
                             (int(signal.SIGUSR1), "SIGUSR1") for e in signals), 1)
        processes = [e for e in log if e["type"] == "process"]
        self.assertEqual([e["op"] for e in processes], ["start", "start", "exec"])
        self.assertEqual({e["arch"] for e in processes}, {"x86_64"})
        self.assertEqual(processes[1]["parent"], processes[0]["pid"])
        for arch in ARCHES:
            _, log = self.log(behaviour(arch), "threads", "2", events="thread,process")
            for event in log:
                self.assertTrue(any(list(event)[4:] == want for want in KEYS[event["type"]]),
                                event)
            self.assertEqual([e["type"] for e in log], ["process"] + 4 * ["thread"] + ["exit"])
            self.assertEqual(log[0]["arch"], arch)

    def test_signal(self):
        done, log = self.log(behaviour(), "signal", "11", events="exit")
        self.assertEqual(done.returncode, 139)
        self.assertEqual(log[0]["signal"], 11)

    def test_modules(self):
        for arch in ARCHES:
            program = behaviour(arch, static=False)
            _, log = self.log(*sysroot(arch), program, "status", "0", events="module")
            self.check(log)
            paths = {e["path"] for e in log if e["type"] == "module"}
            self.assertIn(program, paths)
            self.assertTrue(any("/ld-" in path for path in paths), paths)
            self.assertTrue(any("libc" in path for path in paths), paths)

    def test_awkward_names(self):
        """A name that is no UTF-8, with quotes and control characters."""
        name = os.path.join(os.fsencode(self.folder), b"a\"\\\n\x01\xff\xc3\xa9")
        with open(behaviour(), "rb") as file, open(name, "wb") as copy:
            copy.write(file.read())
        os.chmod(name, 0o755)
        _, log = self.log(name, "status", "0", events="module,insn")
        self.check(log)
        self.assertTrue(any(e.get("path", "").endswith("a\"\\\n\x01\xff\xe9") for e in log))

    def test_filters(self):
        program = loop(count=10)
        _, everything = self.log(program)
        body = [e for e in everything if e["type"] == "insn" and
                re.match(r"body(\+0x|\Z)", e["symbol"] or "")]
        low = min(int(e["pc"], 16) for e in body)
        high = max(int(e["pc"], 16) for e in body)
        for form in (f"{low:x}-{high:x}", f"0x{low:X}-0x{high:X}"):
            _, log = self.log("--range", form, program)
            self.check(log)
            own = [e for e in log if e["type"] in ("insn", "reg", "write", "read")]
            want = [e for e in everything if e["type"] in ("insn", "reg", "write", "read") and
                    low <= int(e["pc"], 16) < high]
            strip = lambda events: [{k: v for k, v in e.items() if k not in ("seq", "tid", "pid")}
                                    for e in events]
            self.assertEqual(strip(own), strip(want))
            self.assertTrue(any(e["type"] == "syscall" for e in log))
        for module in (program, os.path.basename(program)):
            _, log = self.log("--module", module, program, events="insn")
            self.assertEqual(len(log), 1 + sum(e["type"] == "insn" for e in everything))
        _, log = self.log("--module", "no-such-module", program, events="insn,reg,write")
        self.assertEqual([e["type"] for e in log], ["exit"])

    def test_default_events(self):
        log = self.path("log")
        lt("run", "-f", "json", "-o", log, behaviour(), "print", "x")
        with open(log, "rb") as file:
            kinds = {e["type"] for e in entries(file.read())}
        self.assertEqual(kinds, set(KEYS) - {"read", "map"} - RARE)


class Count(guests.Case):
    def test_equals_the_log(self):
        for arch in ARCHES:
            for program, *arguments in ([loop(arch, 1000)], [behaviour(arch), "print", "x"]):
                log = self.path("log")
                lt("run", "-f", "json", "-e", EVERYTHING, "-o", log, program, *arguments)
                with open(log, "rb") as file:
                    log = entries(file.read())
                done = lt("run", "-f", "json", "-e", EVERYTHING, "--count", program, *arguments)
                self.assertEqual(len(done.stderr.splitlines()), 1)
                count = json.loads(done.stderr)
                self.assertEqual(list(count)[:2], ["instructions", "events"])
                insns = sum(e["type"] == "insn" for e in log)
                if program == loop(arch, 1000):
                    self.assertEqual(count["events"], len(log))
                    self.assertEqual(count["instructions"], insns)
                    self.assertEqual(count["symbols"][0]["symbol"], "body")
                    self.assertEqual(count["symbols"][0]["instructions"], 6000)
                else:  # AT_RANDOM, the environment's addresses
                    self.assertAlmostEqual(count["instructions"] / insns, 1, delta=0.01)

    def test_without_instructions(self):
        """They are counted anyway, but are no events of the log then."""
        done = lt("run", "-f", "json", "-e", "syscall", "--count", loop(count=10))
        count = json.loads(done.stderr)
        self.assertEqual((count["instructions"], count["syscalls"], count["events"]),
                         (65, 1, 2))
        self.assertEqual(done.returncode, 9)

    def test_text(self):
        done = lt("run", "--count", loop(count=1000))
        self.assertRegex(done.stderr, rb"\A +6,005  instructions\n +[\d,]+  events\n")
        self.assertRegex(done.stderr, rb"\n +6,000 +99\.9 %  body  /")
        self.assertEqual(done.returncode, 9)


class Coverage(guests.Case):
    def covered(self, path):
        """The modules of a drcov file, and how many blocks of each it has."""
        with open(path, "rb") as file:
            head, _, blocks = file.read().partition(b" bbs\n")
        modules = re.findall(rb"(?m)^ *\d+, 0x[0-9a-f]+, 0x[0-9a-f]+, 0x0+, (.*)$", head)
        count = int(head.rpartition(b" ")[2])
        self.assertEqual(len(blocks), 8 * count)
        of_module = [0] * len(modules)
        for i in range(count):
            of_module[int.from_bytes(blocks[8 * i + 6:8 * i + 8], "little")] += 1
        return dict(zip(modules, of_module))

    def test_file(self):
        for arch in ARCHES:
            path = self.path("coverage-" + arch)
            done = lt("run", "--coverage", path, behaviour(arch), "status", "3")
            self.assertEqual((done.returncode, done.stderr), (3, b""))
            everything = self.covered(path)
            own = os.path.realpath(behaviour(arch)).encode()
            self.assertGreater(everything[own], 3)
            done = lt("run", "--coverage", path, "-m", behaviour(arch), behaviour(arch), "status",
                      "0")
            self.assertEqual(self.covered(path), {own: everything[own]})

    def test_with_log(self):
        path = self.path("coverage")
        done = lt("run", "--coverage", path, "-e", "exit", behaviour(), "status", "0")
        self.assertRegex(done.stderr, rb"\A\d+ +exit +0\n\Z")
        self.assertGreater(len(self.covered(path)), 0)

    def test_cannot_write(self):
        for path in ("/dev/full", "/nonexistent/file"):
            done = lt("run", "--coverage", path, behaviour(), "status", "0")
            self.assertEqual(done.returncode, 125)
            self.assertRegex(done.stderr, rb"\Alt: " + path.encode() + rb" cannot be written: ")


class Text(guests.Case):
    def test_lines(self):
        insn = re.compile(rb"\d+ +0x[0-9a-f]+ +\S+ +\S.*")
        under = re.compile(rb" {12}(reg      \w+ = 0x[0-9a-f]+"
                           rb"|(write    |read     )0x[0-9a-f]+ \d+ = [0-9a-fx]+( by the kernel)?"
                           rb"|syscall  \w+\(.*\)"
                           rb"|return   \w+ = (-?\d+|0x[0-9a-f]+)( E\w+)?)")
        other = re.compile(rb"\d+ +(map|unmap) +0x[0-9a-f]+-0x[0-9a-f]+ [r-][w-][x-] "
                           rb"offset 0x[0-9a-f]+ /.*|\d+ +exit +\d+|\d+ +process .*: /.*"
                           rb"|\d+ +memory  [a-z]+ 0x[0-9a-f]+-0x[0-9a-f]+( .*)?")
        for arch in ARCHES:
            log, as_json = self.path("log"), self.path("json")
            lt("run", "-o", log, "-e", EVERYTHING, loop(arch))
            lt("run", "-o", as_json, "-f", "json", "-e", EVERYTHING, loop(arch))
            with open(log, "rb") as file:
                lines = file.read().splitlines()
            with open(as_json, "rb") as file:
                kinds = [e["type"] for e in entries(file.read())]
            self.assertEqual(len(lines), len(kinds))
            for line, kind in zip(lines, kinds):
                form = (insn if kind == "insn" else
                        other if kind in ("module", "map", "exit", "process") else under)
                self.assertIsNotNone(form.fullmatch(line), (kind, line))

    def test_control(self):
        """Processes, threads and signals have lines of their own."""
        done = lt("run", "-e", "process,thread", behaviour(), "threads", "1")
        self.assertRegex(done.stderr, rb"(?m)^(\d+) +process begins: /.*\n"
                                      rb"(\d+) +thread of process \1 begins, made by \1\n"
                                      rb"\2 +thread ends\n\1 +exit   0$")
        done = lt("run", "-e", "process", "sh", "-c", "/bin/true; exit 4")
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stderr, rb"(?m)^\d+ +process .*: /bin/true$")
        script = self.path("signals", b"#!/bin/sh\ntrap 'echo caught' USR1\n"
                                      b"kill -USR1 $$\nexit 9\n")
        done = lt("run", "-e", "signal", script)
        self.assertEqual((done.returncode, done.stdout), (9, b"caught\n"))
        self.assertRegex(done.stderr, rb"(?m)^\d+ +signal SIGUSR1 code 0 address 0x0 at "
                                      rb"0x[0-9a-f]+ handler 0x[0-9a-f]+\n"
                                      rb"\d+ +signal return to 0x[0-9a-f]+$")

    def test_without_instructions(self):
        done = lt("run", "-e", "syscall", behaviour(), "open", "/nonexistent")
        self.assertRegex(done.stderr, rb"(?m)^\d+ +0x[0-9a-f]+ +syscall  openat\(AT_FDCWD, "
                                      rb"\"/nonexistent\", O_RDONLY.*\)$")
        self.assertRegex(done.stderr, rb"(?m)^\d+ +0x[0-9a-f]+ +return   openat\(AT_FDCWD, "
                         rb'"/nonexistent", O_RDONLY\) = -1 ENOENT \(No such file or directory\)$')


if __name__ == "__main__":
    guests.main()
