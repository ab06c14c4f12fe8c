# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the guests of the tests of lt and of the examples.

LT_BINARY is lt, LT_SOURCE the source tree; LT_CC_X86_64 and LT_CC_AARCH64 may
name compilers, and LT_SYSROOT_AARCH64 the root of the aarch64 libraries.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

LT = os.environ.get("LT_BINARY", "lt")
SOURCE = os.environ.get("LT_SOURCE", os.path.join(os.path.dirname(__file__), "../.."))
SYSROOT = {"x86_64": None,
           "aarch64": os.environ.get("LT_SYSROOT_AARCH64", "/usr/aarch64-linux-gnu")}
CC = {"x86_64": os.environ.get("LT_CC_X86_64", "gcc"),
      "aarch64": os.environ.get("LT_CC_AARCH64", "aarch64-linux-gnu-gcc")}
ARCHES = [arch for arch in CC if shutil.which(CC[arch])]

if os.environ.get("CI") and len(ARCHES) < len(CC):
    sys.exit("a compiler is missing: " + ", ".join(CC.values()))
if not ARCHES:
    sys.exit(77)

_folder = tempfile.TemporaryDirectory(prefix="lt-test-")
_built = {}


def _compile(arch, name, arguments):
    path = os.path.join(_folder.name, f"{name}-{arch}")
    if path not in _built:
        subprocess.run([CC[arch], "-o", path] + arguments, check=True)
        _built[path] = True
    return path


def behaviour(arch="x86_64", static=True):
    """The guest behaviour.c, with a C library."""
    source = os.path.join(SOURCE, "tests/cli/behaviour.c")
    kind = "static" if static else "dynamic"
    return _compile(arch, "behaviour-" + kind,
                    ["-O1", "-g", "-pthread", source] + (["-static"] if static else []))


def loop(arch="x86_64", count=100):
    """A guest without a C library that executes a body `count` times."""
    folder = os.path.join(SOURCE, "tests/guests", arch)
    return _compile(arch, f"loop{count}",
                    ["-nostdlib", "-static", "-no-pie", "-I", folder, "-Wa,-I," + folder,
                     f"-Wa,--defsym,N={count}", os.path.join(folder, "loop.S")])


class Case(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lt-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, content=None, mode=0o755):
        """The path of a file in the folder, which is made if there is a content."""
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, mode)
        return path


def main():
    """unittest.main(), for tests that ctest runs."""
    unittest.main(verbosity=int(os.environ.get("LT_TEST_VERBOSE", "1")))
