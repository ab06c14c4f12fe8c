#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Python host: the shared library through ctypes, with threads and forks.

LT_SHARED names the library, LT_GUESTS the directory of the guests."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading

LIBRARY = ctypes.CDLL(os.environ["LT_SHARED"])
GUESTS = os.environ["LT_GUESTS"]
INSN_FN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class Config(ctypes.Structure):
    """struct lt_config of the first release, which every later one takes."""
    _fields_ = [
        ("size", ctypes.c_uint32), ("flags", ctypes.c_uint32),
        ("program", ctypes.c_char_p), ("argv", ctypes.c_void_p),
        ("envp", ctypes.c_void_p), ("cwd", ctypes.c_char_p),
        ("sysroot", ctypes.c_char_p), ("stdio", ctypes.c_uint32 * 3),
        ("stdio_fd", ctypes.c_int32 * 3), ("engine", ctypes.c_char_p),
    ]


class Result(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint32), ("kind", ctypes.c_uint32), ("status", ctypes.c_int32),
        ("signal", ctypes.c_int32), ("error", ctypes.c_int32),
        ("untraced_threads", ctypes.c_uint32), ("untraced_processes", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32), ("events", ctypes.c_uint64),
    ]


for name in ("lt_session_create", "lt_session_run", "lt_session_result", "lt_on_insn",
             "lt_session_stop"):
    getattr(LIBRARY, name).restype = ctypes.c_int
LIBRARY.lt_session_message.restype = ctypes.c_char_p
LIBRARY.lt_session_destroy.restype = None


def create(path):
    config = Config()
    assert LIBRARY.lt_config_init(ctypes.byref(config), ctypes.sizeof(config)) == 0
    config.program = path.encode()
    config.stdio[0] = config.stdio[1] = config.stdio[2] = 1
    session = ctypes.c_void_p()
    assert LIBRARY.lt_session_create(ctypes.byref(config), ctypes.byref(session)) == 0
    return session


def run(path, expected_status, expected_count):
    count = 0

    def on_insn(_session, _insn, _user):
        nonlocal count
        count += 1
        return 0

    callback = INSN_FN(on_insn)
    session = create(path)
    assert LIBRARY.lt_on_insn(session, None, callback, None) == 0
    returned = LIBRARY.lt_session_run(session)
    assert returned == 0, LIBRARY.lt_session_message(session)
    result = Result()
    LIBRARY.lt_result_init(ctypes.byref(result), ctypes.sizeof(result))
    assert LIBRARY.lt_session_result(session, ctypes.byref(result)) == 0
    assert (result.kind, result.status) == (1, expected_status)
    assert count == expected_count, count
    LIBRARY.lt_session_destroy(session)


def loop():
    run(GUESTS + "/x86_64/loop", 9, 605)


def threads():
    failures = []

    def work():
        try:
            for _ in range(5):
                loop()
        except BaseException as error:  # an assertion of a thread fails the test
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures, failures


def fork():
    pid = os.fork()
    if pid == 0:
        try:
            loop()
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def stop():
    session = create(GUESTS + "/x86_64/spin")
    timer = threading.Timer(0.1, LIBRARY.lt_session_stop, [session])
    timer.start()
    assert LIBRARY.lt_session_run(session) == 0
    timer.join()
    LIBRARY.lt_session_destroy(session)


def children():
    """Python's own children and SIGCHLD handler get along with ours."""
    seen = []
    signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
    loop()
    assert not seen
    assert subprocess.run(["true"], check=False).returncode == 0
    assert seen
    try:
        os.waitpid(-1, os.WNOHANG)
        raise SystemExit("a child is there")
    except ChildProcessError:
        pass


def main():
    before = sorted(os.listdir("/proc/self/fd"))
    for test in (loop, threads, fork, stop, children):
        test()
        gc.collect()
        print("ok", test.__name__)
    after = sorted(os.listdir("/proc/self/fd"))
    # The engine's file is kept.
    assert len(after) <= len(before) + 1, (before, after)


if __name__ == "__main__":
    sys.exit(main())
