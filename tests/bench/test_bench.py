# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/run: a short run's table and picture, its errors, and its arithmetic on
measurements that are made up.

    LT_BENCH         the folder bench
    LIBTRACE_BUILD   the build directory
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree

BENCH = os.environ["LT_BENCH"]
BUILD = os.environ["LIBTRACE_BUILD"]
sys.path.insert(0, BENCH)

import goals
import measure
import peers
import plot
import report
import workloads

QEMU = shutil.which("qemu-x86_64")
SVG = "{http://www.w3.org/2000/svg}"


def bench(*arguments, **environment):
    return subprocess.run([os.path.join(BENCH, "run"), *arguments], timeout=500, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=dict(os.environ, **environment))


def bars(svg):
    """The bars of a picture, by what they say when pointed at; raises if it is no XML."""
    root = xml.etree.ElementTree.fromstring(svg)
    assert root.tag == SVG + "svg", root.tag
    return {rect.find(SVG + "title").text: rect for rect in root.iter(SVG + "rect")
            if rect.find(SVG + "title") is not None}


class Run(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = os.path.join(folder.name, "results")

    def short(self, *arguments):
        done = bench("--quick", "-n", "1", "-p", "loop", "--no-peers", "-o", self.out, *arguments,
                     LT_PLAIN_QEMU=os.path.dirname(QEMU))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        files = {}
        for name in ("speed.md", "speed.json", "speed.svg"):
            with open(os.path.join(self.out, name)) as file:
                files[name] = file.read()
        self.assertEqual(done.stdout.strip(), files["speed.md"].strip())
        return files

    def test_x86_64(self):
        files = self.short("-a", "x86_64", "-m", "none,all")
        row = re.search(r"\| loop +\| +[0-9.]+ s \| +[0-9.]+ \| +[0-9.]+ \| +[0-9.]+ \|",
                        files["speed.md"])
        self.assertIsNotNone(row, files["speed.md"])
        self.assertIn("LT_PLAIN_QEMU", files["speed.md"])
        self.assertEqual(sum("loop, " in title for title in bars(files["speed.svg"])), 2)
        raw = json.loads(files["speed.json"])
        samples = raw["samples"]["x86_64"]["loop"]
        self.assertEqual(set(samples), {"native", "plain", "none", "all"})
        # Six instructions a turn, seven for each of eight digits, and twelve.
        self.assertEqual(samples["all"][0]["insns"], 50000000 * 6 + 8 * 7 + 12)
        self.assertEqual(set(raw["startup"]), {"small host", "1 GiB host"})

    def test_aarch64(self):
        files = self.short("-a", "aarch64", "-m", "none")
        self.assertIn("## aarch64: wall time", files["speed.md"])
        self.assertNotIn("## x86_64", files["speed.md"])


class Errors(unittest.TestCase):
    def refused(self, text, *arguments, **environment):
        done = bench(*arguments, **environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_errors(self):
        self.refused("there is no program emacs; there are gzip, ", "-p", "gzip,emacs")
        self.refused("there is no mode ''", "-m", "")
        self.refused("there is no architecture riscv64", "-a", "riscv64")
        self.refused("-n must be at least 1", "-n", "0")
        self.refused("invalid int value", "-n", "many")
        self.refused("unrecognized arguments", "--nonsense")
        self.refused("run ./dev bench, which builds it", LIBTRACE_BUILD="/nonexistent")
        self.refused("/nonexistent/qemu-aarch64 cannot be run", "-o", "/tmp",
                     LT_PLAIN_QEMU="/nonexistent")
        self.refused("/proc/nothing cannot be made", "-o", "/proc/nothing")


def sample(cpu, wall=None, **figures):
    return measure.Sample(cpu, wall or cpu, 0, "", "", figures)


class Arithmetic(unittest.TestCase):
    """Two real programs and the loop, whose ratios one can see."""

    def setUp(self):
        def rows(plain, none, everything):
            figures = {"insns": 10 ** 9, "events": 3 * 10 ** 9, "stream_bytes": 2 * 10 ** 9,
                       "desc_bytes": 1000}
            return {"plain": dict(enumerate(map(sample, plain))),
                    "none": dict(enumerate(map(sample, none))),
                    "all": {0: sample(plain[0] * everything, **figures)}}
        made = types.SimpleNamespace(
            options=types.SimpleNamespace(n=3, quick=False, modes=["none", "all"]),
            samples={"x86_64": {"gzip": rows((1, 2, 1), (1, 2.2, 1.2), 4),
                                "xz": rows((1, 1, 1), (1.6, 1.6, 1.6), 9),
                                "loop": rows((1, 1, 1), (100, 100, 100), 100)}},
            titles={name: workloads.WORKLOADS[name][0] for name in ("gzip", "xz", "loop")},
            notes=[])
        self.data = report.Data(made, "made up")

    def test_ratios(self):
        # Of each round with itself, not of medians.
        ratio = self.data.ratio("x86_64", "gzip", "none", "cpu")
        self.assertEqual([round(value, 6) for value in ratio], [1.1, 1.0, 1.2])
        self.assertEqual(ratio.text(), "1.10 (1.00-1.20)")
        self.assertIsNone(self.data.ratio("x86_64", "gzip", "writes", "cpu"))

    def test_means(self):
        # The loop is no real program.
        self.assertAlmostEqual(self.data.mean_ratio("x86_64", "none", "cpu"), (1.1 * 1.6) ** 0.5)
        self.assertAlmostEqual(self.data.mean_ratio("x86_64", "all", "wall"), 6)
        self.assertAlmostEqual(self.data.bytes_per_insn("x86_64", "xz"), 2)
        self.assertAlmostEqual(self.data.mean_rate("x86_64", "all", "events"), 500)

    def test_goals(self):
        rows = {goal: (measured, result) for goal, measured, result in goals.rows(self.data)}
        self.assertEqual(rows["linked in, no callbacks (CPU) <= 1.02"], ("1.33", goals.NO))
        self.assertEqual(rows["raw stream <= 3 bytes an instruction"],
                         ("producer -, for callbacks 2.00", goals.YES))
        self.assertEqual(rows["everything, an empty callback an event: "
                              ">= 400 M events/s, >= 120 M insns/s"],
                         ("500 M events/s, 167 M insns/s", goals.YES))
        self.assertEqual(rows["block coverage into a map (CPU) <= 1.10"], ("-", goals.UNKNOWN))

    def test_peers(self):
        def row(title, nanoseconds):
            return peers.Row(title, "", 1, measure.Spread(nanoseconds, nanoseconds, nanoseconds),
                             None, False)
        self.data.peers = {"loop": [row("plain QEMU", 0.5), row("Unicorn, empty hooks", 50),
                                    row("libtrace, everything, producer only", 1)]}
        rows = {goal: (measured, result) for goal, measured, result in goals.rows(self.data)}
        self.assertEqual(rows["loop, producer: >= 40 x Unicorn, empty hooks"],
                         ("50.0 (of plain QEMU: 100.0)", goals.YES))
        self.assertEqual(rows["loop, producer: >= 1,000 x QEMU, execlog plugin"],
                         ("- (of plain QEMU: -)", goals.UNKNOWN))

    def test_picture(self):
        found = bars(plot.svg(self.data))
        heights = [float(found[title].get("height")) for title in
                   ("gzip, everything, callbacks: 4.00", "loop, everything, callbacks: 100.00")]
        # On a logarithmic scale.
        self.assertAlmostEqual(heights[1] / heights[0], 6.644 / 2, places=2)


if __name__ == "__main__":
    if QEMU is None:
        print("qemu-user is missing")
        sys.exit(77)
    unittest.main()
