# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a command and what that took; and what is made of several such runs."""

import hashlib
import math
import os
import signal
import statistics
import subprocess
import time
from typing import NamedTuple


class Failed(Exception):
    """A command could not be measured; the text says why."""


class Sample(NamedTuple):
    cpu: float      # seconds, of all its processes
    wall: float
    status: int
    output: str     # a digest of its standard output
    messages: str   # the ends of standard output and standard error
    figures: dict   # what the library says of the run


# No variable of whoever runs the benchmark is the programs'.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/", "PYTHONHASHSEED": "0",
               "PYTHONDONTWRITEBYTECODE": "1"}


def run(command, scratch, limit=900):
    """Runs a command with its output in a file."""
    paths = [os.path.join(scratch, name) for name in ("stdout", "stderr")]
    with open(paths[0], "wb") as out, open(paths[1], "wb") as err:
        begin = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                 cwd=scratch, env=ENVIRONMENT, start_new_session=True)
        usage, status = wait(child, begin + limit)
        wall = time.monotonic() - begin
    output, errors = (read(path) for path in paths)
    digest = hashlib.sha256(output).hexdigest()
    messages = (output[-1000:] + b"\n" + errors[-1000:]).decode(errors="replace")
    if status is None:
        raise Failed("still ran after %d seconds" % limit)
    return Sample(usage.ru_utime + usage.ru_stime, wall, status, digest, messages, {})


def read(path):
    with open(path, "rb") as file:
        return file.read()


def wait(child, deadline):
    """Waits for a child; its resource usage, its children's included, and its exit
    status, or None when it had to be killed."""
    old = signal.signal(signal.SIGALRM, lambda *_: os.killpg(child.pid, signal.SIGKILL))
    seconds = max(deadline - time.monotonic(), 0.1)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode == -signal.SIGKILL and time.monotonic() >= deadline:
        return usage, None
    return usage, child.returncode


class Spread(NamedTuple):
    """Several measurements of one thing."""
    middle: float
    least: float
    most: float

    def text(self, digits=2):
        form = "%%.%df" % digits
        if self.least == self.most:
            return form % self.middle
        return (form + " (" + form + "-" + form + ")") % (self.middle, self.least, self.most)


def spread(values):
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values)) if values else None


def mean(values):
    """The geometric mean; None of nothing."""
    values = [value for value in values if value and value > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None
