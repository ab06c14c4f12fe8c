# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which each program is run: natively, under plain QEMU, and under the
library with what a host may ask for."""

import json
import os
from typing import NamedTuple

from measure import Failed, run


class Mode(NamedTuple):
    title: str
    letters: str    # what null-callbacks is told
    slow: bool      # runs in every second round only


# By the name that -m takes; the order is that of the tables.
MODES = {
    "none": Mode("no callbacks", "-", False),
    "coverage": Mode("block coverage", "k", False),
    "writes": Mode("memory writes", "w", False),
    "producer": Mode("everything, producer only", "irwsdc", False),
    "view": Mode("everything, block view", "b", False),
    "all": Mode("everything, callbacks", "irws", True),
}

NO_SUCH_MODE = 124


class Host:
    """The program that runs guests under the library."""

    def __init__(self, build, scratch):
        self.path = os.path.join(build, "bench", "null-callbacks")
        self.scratch = scratch
        self.figures = os.path.join(scratch, "figures")

    def run(self, letters, command, sysroot=None):
        options = ["-L", sysroot] if sysroot else []
        sample = run([self.path, *options, "-s", self.figures, letters, *command], self.scratch)
        if sample.status in (NO_SUCH_MODE, 125):
            raise Failed(sample.messages.strip())
        with open(self.figures) as file:
            figures = json.load(file)
        if figures["mismatches"]:
            raise Failed("the library's self check found %d mismatches" % figures["mismatches"])
        return sample._replace(figures=figures)

    def lacks(self, mode, guest):
        """Whether the library was built without a mode."""
        sample = run([self.path, MODES[mode].letters, guest], self.scratch)
        return sample.status == NO_SUCH_MODE


def plain_command(qemu, workload):
    return [qemu] + (["-L", workload.sysroot] if workload.sysroot else []) + workload.command
