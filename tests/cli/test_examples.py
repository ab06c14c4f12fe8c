# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples run and print what they should.  LT_EXAMPLES is the folder of
their executables."""

import errno
import os
import re
import subprocess

import guests
from guests import ARCHES, behaviour, loop

EXAMPLES = os.environ.get("LT_EXAMPLES", "examples")


def example(name, *arguments):
    return subprocess.run([os.path.join(EXAMPLES, name), *arguments], timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)


class Examples(guests.Case):
    def test_insn_logger(self):
        for arch in ARCHES:
            done = example("insn-logger", loop(arch, 10))
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = done.stdout.decode().splitlines()
            self.assertEqual(done.stderr, b"%d instructions\n" % len(lines))
            for line in lines:
                self.assertRegex(line, r"\A0x[0-9a-f]+ \S+\+0(x[0-9a-f]+)?\t\w+.*\t; 0")
            body = [line for line in lines if re.search(r" body\+0", line)]
            self.assertEqual(len(body), 60)
            self.assertRegex(body[0], r"\tadd ")

    def test_syscall_tracer(self):
        for arch in ARCHES:
            done = example("syscall-tracer", behaviour(arch), "open", "/nonexistent")
            self.assertEqual(done.returncode, 2)
            text = done.stderr.decode()
            self.assertRegex(text, r"(?m)^\[\d+\] openat\(AT_FDCWD, \"/nonexistent\", O_RDONLY")
            self.assertRegex(text, r"(?m)^\[\d+\]   openat = ENOENT$")
            self.assertRegex(text, r"(?m)^\[\d+\] exit_group\(2\)\nexited with 2$")
            done = example("syscall-tracer", behaviour(arch), "signal", "15")
            self.assertEqual(done.returncode, 128 + 15)

    def test_mem_watch(self):
        for arch in ARCHES:
            program = loop(arch, 10)
            nm = subprocess.run(["nm", program], stdout=subprocess.PIPE, check=True)
            cell = int(re.search(rb"(?m)^([0-9a-f]+) d cell$", nm.stdout)[1], 16)
            for where in (f"{cell:x}-{cell + 8:x}", f"{cell + 7:#x}-{cell + 8:#x}"):
                done = example("mem-watch", where, program)
                self.assertEqual((done.returncode, done.stderr), (0, b"10 writes\n"))
                for line in done.stdout.decode().splitlines():
                    self.assertRegex(line, rf"\A{cell:#x} <-( [0-9a-f]{{2}}){{8}} by body\+0x")
            done = example("mem-watch", f"{cell + 8:x}-{cell + 16:x}", program)
            self.assertEqual((done.stdout, done.stderr), (b"", b"0 writes\n"))

    def test_mem_watch_variable(self):
        program = self.path("program")
        source = self.path("program.c", b"long counter = 7;\n"
                           b"int main(void) { for (int i = 0; i < 3; i++)\n"
                           b"    *(volatile long *)&counter += 2; return 0; }\n")
        subprocess.run([guests.CC["x86_64"], "-O1", "-o", program, source], check=True)
        done = example("mem-watch", "counter", program)
        self.assertEqual((done.returncode, done.stderr), (0, b"3 writes\n"))
        self.assertEqual(re.findall(r"<- ([0-9a-f]{2}) 00 .* by main\+", done.stdout.decode()),
                         ["09", "0b", "0d"])

    def test_count_pull(self):
        for arch in ARCHES:
            done = example("count-pull", loop(arch, 1000))
            self.assertEqual(done.returncode, 0, done.stderr)
            text = done.stdout.decode()
            self.assertIn("status 9, signal 0", text)
            self.assertRegex(text, r"(?m)^ +60\d\d instructions$")
            self.assertRegex(text, r"(?m)^ +1000 memory writes$")
            self.assertRegex(text, r"(?m)^ +100\d memory reads$")
            self.assertRegex(text, r"(?m)^ +1 system call events$")
            self.assertRegex(text, r"(?m)^ +1 exits$")

    def test_syscall_filter(self):
        for arch in ARCHES:
            open_it = [behaviour(arch), "open", "/etc/passwd"]
            done = example("syscall-filter", "/etc/pass", *open_it)
            self.assertEqual((done.returncode, done.stderr),
                             (errno.EACCES, b"/etc/passwd: refused\n"))
            done = example("syscall-filter", "/etc/passwd-", *open_it)
            self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_many_inputs(self):
        lines = self.path("lines", b"one\n\nthree and more\n")
        for arch in ARCHES:
            done = example("many-inputs", lines, behaviour(arch), "echo")
            self.assertEqual((done.returncode, done.stdout),
                             (0, b"one\n\nthree and more\n"), done.stderr)
            found = re.findall(r"(?m)^(\d+) instructions, status 0$", done.stderr.decode())
            counts = [int(count) for count in found]
            self.assertEqual(len(counts), 3)
            # What the program does for a byte takes the same number each time.
            each = (counts[0] - counts[1]) / 3
            self.assertGreater(each, 5)
            self.assertLess(abs(counts[2] - counts[1] - 14 * each), 3 * each)

    def test_block_profile(self):
        for arch in ARCHES:
            done = example("block-profile", loop(arch, 1000))
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            total, *blocks = done.stdout.decode().splitlines()
            counted = example("count-pull", loop(arch, 1000)).stdout.decode()
            counted = re.search(r"(?m)^ +(\d+) instructions$", counted)[1]
            self.assertEqual(total, counted + " instructions in blocks")
            self.assertRegex(blocks[0], r"\A 9\d\.\d\d% .* body\+0\Z")
            stores = re.findall(r" (\d+) stores +(\d+) bytes", "\n".join(blocks))
            self.assertEqual([sum(map(int, n)) for n in zip(*stores)], [1000, 8000])

    def test_errors(self):
        line = self.path("line", b"a line\n")
        for name, *first in (["insn-logger"], ["syscall-tracer"], ["mem-watch", "0-8"],
                             ["block-profile"], ["count-pull"],
                             ["syscall-filter", "/etc"], ["many-inputs", line]):
            self.assertEqual(example(name).returncode, 2)
            done = example(name, *first, "/nonexistent")
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"/nonexistent", done.stderr)


if __name__ == "__main__":
    guests.main()
