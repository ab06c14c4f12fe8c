# SPDX-License-Identifier: GPL-2.0-or-later
"""What README.md and its siblings say is so: the C examples compile, and the
whole ones run; options, JSON keys, environment variables, exit statuses and
files that are named exist.

    LT_SOURCE   the top of the source tree
    LT_LIBRARY  libtrace.a
    LT_BINARY   the program lt, beside libtrace.a if it is not given
    CC          the C compiler (cc)
"""

import json
import os
import re
import shlex
import subprocess
import tempfile
import unittest

SOURCE = os.environ["LT_SOURCE"]
LIBRARY = os.environ["LT_LIBRARY"]
LT = os.environ.get("LT_BINARY") or os.path.join(os.path.dirname(LIBRARY), "lt")
CC = shlex.split(os.environ.get("CC") or "cc")
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")

# Around examples that are only a part of a function.
FRAGMENT = """#include <stdio.h>
#include <lt/block.h>
#include <lt/lt.h>
void fragment(lt_session *session, lt_mem_access_fn on_write, lt_block_fn on_block);
void fragment(lt_session *session, lt_mem_access_fn on_write, lt_block_fn on_block)
{
(void)on_write;
(void)on_block;
%s
}
"""


def read(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
        return file.read()


README = read("README.md")


def blocks(language):
    """The contents of README's code blocks in a language."""
    return re.findall(r"^```%s\n(.*?)^```$" % language, README, re.M | re.S)


def run(*command, **options):
    return subprocess.run(command, timeout=120, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, **options)


def lt(*arguments):
    return run(LT, *arguments)


EVENTS = "insn,reg,write,read,syscall,module,signal,thread,process,map"

# A program with a thread that has a name, and a signal that is handled.
EVERYTHING = """
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
static void handler(int number) { (void)number; }
static void *work(void *unused) { prctl(PR_SET_NAME, "worker"); return unused; }
int main(void)
{
    pthread_t thread;
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    return pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL);
}
"""


class Documents(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def compile(self, code, *options):
        path = os.path.join(self.scratch, "example.c")
        with open(path, "w", encoding="utf-8") as file:
            file.write(code)
        out = os.path.join(self.scratch, "example")
        done = run(*CC, "-std=c99", "-Wall", "-Wextra", "-Werror",
                   "-I", os.path.join(SOURCE, "include"), "-o", out, path, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return out

    def test_whole_examples_run(self):
        flags = run("pkg-config", "--libs", "capstone", "libelf")
        self.assertEqual(flags.returncode, 0, flags.stderr)
        whole = [code for code in blocks("c") if "int main(" in code]
        self.assertTrue(whole)
        for code in whole:
            program = self.compile(code, LIBRARY, *shlex.split(flags.stdout), "-pthread")
            done = run(program)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            lines = done.stdout.splitlines()
            self.assertGreater(len(lines), 100)
            for line in lines:
                self.assertRegex(line, r"\A0x[0-9a-f]+  [a-z]")

    def test_fragments_compile(self):
        fragments = [code for code in blocks("c") if "int main(" not in code]
        self.assertTrue(fragments)
        for code in fragments:
            self.compile(FRAGMENT % code, "-c")

    def test_options(self):
        text = lt("--help").stdout
        known = set(re.findall(r"(?<![\w-])(--[a-z]+|-[A-Za-z])\b", text))
        self.assertIn("--events", known)
        section = README.split("## On the command line")[1].split("## What is supported")[0]
        # Options in the table, in examples up to the program's own, and in text.
        used = re.findall(r"^\| (`-.*?) \|", section, re.M)
        used += [re.split(r" -- |  #", line)[0]
                 for line in re.findall(r"^    lt run (.*)$", README, re.M)]
        used += re.findall(r"`(--[^`]*)`", section)
        used = set(re.findall(r"(?<![\w-])(--[a-z]+|-[A-Za-z])(?![\w-])", " ".join(used)))
        self.assertIn("--sysroot", used)
        self.assertEqual(used - known, set(), "README names options that lt lacks")
        self.assertEqual(known - used, set(), "README lacks options that lt has")

    def check_value(self, documented, real, where):
        """The two look alike: as JSON types, and as numbers within strings."""
        if documented is None or real is None:
            return
        self.assertIs(type(real), type(documented), where)
        if isinstance(documented, list):
            for pair in zip(documented, real):
                self.check_value(*pair, where)
        elif isinstance(documented, str):
            for form in (r"0x(0|[1-9a-f][0-9a-f]*)", r"-?\d+", r"([0-9a-f]{2}){4,}"):
                if re.fullmatch(form, documented):
                    self.assertRegex(real, r"\A%s\Z" % form, where)
                    return

    def read_log(self, seen, *program):
        """Traces a program; `seen` gets the first line of each set of keys."""
        log = os.path.join(self.scratch, "log")
        done = lt("run", "-f", "json", "-e", EVENTS, "-o", log, *program)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        last = 0
        with open(log, encoding="utf-8") as file:
            for line in file:
                event = json.loads(line)
                self.assertGreater(event["seq"], last)
                last = event["seq"]
                seen.setdefault((event["type"], *event), event)

    def test_json(self):
        program = os.path.join(self.scratch, "everything")
        subprocess.run([os.environ["CC"], "-x", "c", "-o", program, "-", "-pthread"],
                       input=EVERYTHING, text=True, check=True)
        seen = {}
        self.read_log(seen, "/bin/true")
        self.read_log(seen, program)
        documented = [json.loads(line) for text in blocks("json")
                      for line in text.splitlines()]
        self.assertEqual({event["type"] for event in documented},
                         {kind for kind, *_ in seen})
        for event in documented:
            real = seen.get((event["type"], *event))
            self.assertIsNotNone(real, "no line has the keys of %s" % event)
            for key, value in event.items():
                self.check_value(value, real[key], "%s of %s" % (key, event))

    def test_tables(self):
        with open(os.path.join(SOURCE, "docs", "events.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(run(os.environ["LT_TABLES"]).stdout, text,
                         "docs/events.md is not what `./dev tables` writes")
        # Each kind that it lists happens on each architecture.
        listed = set(re.findall(r"^\| `(\w+)` \| \d+ \| (?:yes|no) \|", text, re.M))
        self.assertEqual(listed - {"exit"}, set(EVENTS.split(",")))
        for compiler in ("x86_64-linux-gnu-gcc", "aarch64-linux-gnu-gcc"):
            program = os.path.join(self.scratch, compiler)
            subprocess.run([compiler, "-static", "-x", "c", "-o", program, "-", "-pthread"],
                           input=EVERYTHING, text=True, check=True)
            seen = {}
            self.read_log(seen, program)
            self.assertEqual({kind for kind, *_ in seen}, listed)

    def test_json_count(self):
        done = lt("run", "-c", "-f", "json", "-o", "-", "/bin/true")
        summary = json.loads(done.stdout)
        section = README.split("`--count --format json` prints")[1].split("## ")[0]
        for key in (*summary, *summary["symbols"][0]):
            self.assertIn("`%s`" % key, section.replace("\n", " "))

    def test_exit_statuses(self):
        not_elf = os.path.join(self.scratch, "text")
        with open(not_elf, "w", encoding="utf-8") as file:
            file.write("no program\n")
        os.chmod(not_elf, 0o755)
        table = README.split("| Exit status | |")[1].split("\n\n")[0]
        for status, arguments in ((127, ["/nonexistent"]), (126, ["/"]), (126, [not_elf]),
                                  (125, ["--nonsense"]),
                                  (125, ["-o", "/dev/full", "/bin/true"])):
            self.assertIn("| %d |" % status, table)
            self.assertEqual(lt("run", *arguments).returncode, status, arguments)
        self.assertEqual(lt("run", "-o", "/dev/null", "sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(lt("run", "-o", "/dev/null", "sh", "-c", "kill -TERM $$").returncode,
                         128 + 15)

    def test_environment(self):
        places = ["dev", "CMakeLists.txt", "bench/run", "tests/clean"]
        places += ["qemu/" + name for name in ("fetch", "build", "prepare", "common.sh")]
        places += ["src/" + name for name in os.listdir(os.path.join(SOURCE, "src"))
                   if name.endswith(".c")]
        text = "".join(map(read, places))
        named = set(re.findall(r"`((?:LIBTRACE|LT)_[A-Z_]+)\b", README))
        named -= set(re.findall(r"\bLT_[A-Z0-9_]+", read("include/lt/lt.h")))
        self.assertIn("LIBTRACE_QEMU_SOURCE", named)
        for name in named:
            self.assertTrue(re.search(r"\b%s\b" % name, text), "nothing reads " + name)

    def test_links(self):
        for document in DOCUMENTS:
            text = read(document)
            for target in re.findall(r"\]\(([^)#]+)\)", text):
                if "://" not in target:
                    self.assertTrue(os.path.exists(os.path.join(SOURCE, target)),
                                    "%s links to %s" % (document, target))
            for path in re.findall(r"`((?:src|qemu|cli|cmake|tests|bench|examples|include)/"
                                   r"[\w./-]*)`", text):
                self.assertTrue(os.path.exists(os.path.join(SOURCE, path)),
                                "%s names %s" % (document, path))

    def test_map(self):
        """The files in ARCHITECTURE's tables exist."""
        text = read("ARCHITECTURE.md")
        for folder in ("src", "qemu", "cli", "tests"):
            table = re.search(r"^\| `%s/` \|.*?\n\n" % folder, text, re.M | re.S)
            self.assertTrue(table, folder)
            first = re.findall(r"^\|([^|]*)\|", table[0], re.M)[1:]
            names = re.findall(r"`([^`]+)`", " ".join(first))
            self.assertGreater(len(names), 5)
            for name in names:
                path = os.path.join(SOURCE, folder, name)
                if name != ".h":
                    self.assertTrue(os.path.exists(path), path)

    def test_version(self):
        version = re.search(r"project\(\S+ VERSION (\S+)", read("CMakeLists.txt"))[1]
        self.assertIn(version, read("CHANGELOG.md"))


if __name__ == "__main__":
    unittest.main()
