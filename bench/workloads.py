# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that are timed, and what they work on: all of it real programs of
Debian's, but for the loop, and the same bytes in each run."""

import glob
import os
import subprocess
from typing import NamedTuple

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ARCHES = ("x86_64", "aarch64")

# What of Debian's the aarch64 programs are in; cpp has the compiler proper.
PACKAGES = ("gzip", "coreutils", "python3", "sqlite3", "xz-utils", "perl-base", "openssl",
            "cpp")

PYTHON = """
import re
d = {}
for i in range(%d):
    d[i %% 997] = d.get(i %% 991, 0) + i
words = [str(i * i %% 977) for i in range(%d)]
words.sort(key=lambda word: (len(word), word))
found = re.findall(r"1(\\d)\\d? 2", " ".join(words[::-1] + words))
print(len(d), sum(d.values()), words[len(words) // 2], len(found))
"""

PERL = """
my (%%seen, $total);
for my $i (1 .. %d) {
    my $key = "k" . ($i * 7919 %% 4001);
    $seen{$key} += $i;
    $total += length($key);
}
my $text = join(",", map { "$_=$seen{$_}" } sort keys %%seen);
$text =~ s/(\\d)(\\d)/$2$1/g;
print length($text), " $total\\n";
"""

SQL = """
create table t(a integer primary key, b text, c integer);
with recursive n(i) as (select 1 union all select i + 1 from n where i < %d)
    insert into t select i, 'row ' || (i * 7919 %% 20011), i %% 977 from n;
create index t_b on t(b);
select count(*), sum(c) from t where b > 'row 5';
select c, count(*), max(b) from t group by c order by 2 desc, 1 limit 5;
update t set c = c + 1 where b like 'row 1%%';
select sum(c), avg(length(b)) from t;
"""


class Workload(NamedTuple):
    name: str
    real: bool          # counts in the means over the real programs
    command: list       # the first word is an absolute path
    sysroot: str        # where it finds its libraries, or None


class Missing(Exception):
    """What a workload needs is not there; the text says what."""


class Inputs:
    """The files that the programs read, made in a folder when asked for; a scale of
    less than 1 makes the work shorter."""

    def __init__(self, folder, scale):
        self.folder = folder
        self.scale = scale

    def scaled(self, number):
        return max(int(number * self.scale), 1)

    def path(self, name, make):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            with open(path + ".new", "wb") as file:
                make(file)
            os.rename(path + ".new", path)
        return path

    def text(self, lines):
        """Text that can be compressed."""
        def make(file):
            for i in range(lines):
                file.write(b"%d of line %d, and %d\n" % (i * 7919 % 1000, i, i % 37))
        return self.path("text-%d" % lines, make)

    def noise(self, size):
        """Bytes of a linear congruential generator."""
        def make(file):
            state = 1
            words = bytearray()
            for _ in range(1 << 16):
                state = (state * 1103515245 + 12345) & 0x7FFFFFFF
                words.append(state >> 16 & 255)
            for i in range(size >> 16):
                file.write(words[i & 0xFF:] + words[:i & 0xFF])
        return self.path("noise-%d" % size, make)

    def source(self, arch):
        """A file of this library, preprocessed, so that it needs no headers."""
        compiler = "gcc" if arch == "x86_64" else arch + "-linux-gnu-gcc"
        def make(file):
            command = [compiler, "-E", "-P", "-std=gnu11", "-D_GNU_SOURCE=",
                       "-I" + os.path.join(TOP, "include"), "-I" + os.path.join(TOP, "src"),
                       os.path.join(TOP, "src", "ring.c")]
            try:
                subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=True)
            except (OSError, subprocess.CalledProcessError) as error:
                raise Missing("%s cannot preprocess: %s" % (compiler, error)) from error
        return self.path("source-%s.i" % arch, make)


class Programs:
    """Where the programs of an architecture are."""

    def __init__(self, arch, build):
        self.arch = arch
        self.build = build
        self.root = "/"
        self.problem = None

    def fetch(self):
        """aarch64 programs are unpacked beside the build, once."""
        if self.arch == "x86_64":
            return
        folder = os.path.join(self.build, "bench", "arm64")
        self.root = os.path.join(folder, "debian")
        done = subprocess.run([os.path.join(TOP, "tests", "replica", "arm64"), folder,
                               *PACKAGES], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            self.problem = "arm64 packages cannot be fetched: %s" % (
                done.stdout.strip().splitlines() or ["no reason given"])[-1]

    def find(self, *patterns):
        if self.problem:
            raise Missing(self.problem)
        for pattern in patterns:
            for path in sorted(glob.glob(os.path.join(self.root, pattern))):
                if os.access(path, os.X_OK):
                    return path
        raise Missing("%s is not installed" % os.path.basename(patterns[0]))

    def program(self, name):
        return self.find("usr/bin/" + name, "bin/" + name)

    def compiler(self):
        """gcc executes it; QEMU does not follow programs that a guest executes, so it
        is timed by itself."""
        return self.find("usr/lib*/gcc/%s-linux-gnu/*/cc1" % self.arch)

    def loop(self):
        path = os.path.join(self.build, "bench", "loop-" + self.arch)
        if not os.access(path, os.X_OK):
            raise Missing("there is no compiler for it")
        return path

    def sysroot(self):
        return None if self.arch == "x86_64" else self.root


def gzip(programs, inputs, level="-9", lines=None):
    return [programs.program("gzip"), level, "-n", "-c",
            inputs.text(lines or inputs.scaled(180000))]


def sha256sum(programs, inputs):
    return [programs.program("sha256sum"), inputs.noise(inputs.scaled(60 << 20))]


def python(programs, inputs):
    return [programs.program("python3"), "-S", "-E", "-c",
            PYTHON % (inputs.scaled(250000), inputs.scaled(60000))]


def python_pass(programs, _):
    return [programs.program("python3"), "-c", "pass"]


def sqlite(programs, inputs):
    return [programs.program("sqlite3"), ":memory:", SQL % inputs.scaled(40000)]


def xz(programs, inputs):
    return [programs.program("xz"), "-6", "-T1", "-k", "-c", inputs.text(inputs.scaled(24000))]


def perl(programs, inputs):
    return [programs.program("perl"), "-e", PERL % inputs.scaled(300000)]


def openssl(programs, inputs):
    return [programs.program("openssl"), "dgst", "-sha512",
            inputs.noise(inputs.scaled(60 << 20))]


def compiler(programs, inputs):
    return [programs.compiler(), "-fpreprocessed", "-quiet", "-O2",
            inputs.source(programs.arch), "-o", "-"]


def loop(programs, inputs):
    return [programs.loop(), str(inputs.scaled(200000000))]


# By the name that -p takes: the title, whether it is a real program, its command.
WORKLOADS = {
    "gzip": ("gzip -9", True, gzip),
    "sha256sum": ("sha256sum", True, sha256sum),
    "python": ("python3 script", True, python),
    "pass": ("python3 -c pass", True, python_pass),
    "sqlite": ("sqlite3", True, sqlite),
    "xz": ("xz -6", True, xz),
    "perl": ("perl", True, perl),
    "openssl": ("openssl sha512", True, openssl),
    "gcc": ("gcc -O2 (cc1)", True, compiler),
    "loop": ("loop", False, loop),
}


def make(name, programs, inputs):
    """The workload of that name; raises Missing."""
    title, real, command = WORKLOADS[name]
    words = command(programs, inputs)
    return Workload(title, real, words, programs.sysroot() if real else None)
