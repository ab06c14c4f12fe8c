#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the system call tables of the guest architectures.

    gen-syscalls.py QEMU_SOURCE_DIR OUTPUT.h

Numbers and names are read from QEMU_SOURCE_DIR (configs/targets/ARCH-linux-
user.mak and linux-user/ARCH/syscall_64.tbl, with the ABIs that the former names,
as QEMU's own syscallhdr.sh does), arguments from syscalls.def beside this
script.  The output is src/syscalls.c's "syscalls-table.h": OUTPUT.h has that
name and its directory is in the include path.  It depends on this script,
syscalls.def and the four files of QEMU named above.
"""

import os
import re
import sys

ARCHES = ("x86_64", "aarch64")
BUILTINS = ("unused", "int", "uint", "long", "ulong", "hex", "hex32", "ptr", "path",
            "str", "fd", "dirfd", "mode", "openmode", "fcntlarg", "sockopt")
STRINGS = ("path", "str")


class Error(Exception):
    """A sentence about what is wrong with an input file."""


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Error("cannot read %s: %s" % (path, error.strerror)) from error


class Definitions:
    """What syscalls.def says."""

    def __init__(self, path):
        self.path = path
        self.sets = {}   # (kind, arch) -> (is_bits, options, [(name, value, mask)])
        self.kinds = []  # kinds that are sets, in order
        self.calls = {}  # name -> [kind]
        for where, text in self.logical_lines():
            try:
                self.add(text.split())
            except (Error, ValueError) as error:
                raise Error("%s:%d: %s" % (path, where, error)) from error
        for name, args in self.calls.items():
            for kind in args:
                if kind not in BUILTINS and kind not in self.kinds:
                    raise Error("%s: %s: no kind %s" % (path, name, kind))
        for kind in self.kinds:
            for arch in ARCHES:
                if (kind, arch) not in self.sets:
                    raise Error("%s: kind %s is not there for %s" % (path, kind, arch))

    def logical_lines(self):
        lines = []
        for number, line in enumerate(read(self.path).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith(" "):
                if not lines:
                    raise Error("%s:%d: continues nothing" % (self.path, number))
                lines[-1][1] += line
            else:
                lines.append([number, line])
        return lines

    def add(self, words):
        if words[0] in ("bits", "values"):
            self.add_set(words[0] == "bits", words[1], words[2:])
        elif words[0].endswith(":"):
            name = words[0][:-1]
            if name in self.calls:
                raise Error("%s stands there twice" % name)
            if len(words) > 7:
                raise Error("%s has more than six arguments" % name)
            self.calls[name] = words[1:]
        else:
            raise Error("cannot understand %s" % words[0])

    def add_set(self, is_bits, kind, words):
        kind, _, arch = kind.partition("@")
        options = [word for word in words if "=" not in word]
        entries = []
        if arch and arch not in ARCHES:
            raise Error("no architecture %s" % arch)
        if kind in BUILTINS or not set(options) <= {"long", "hex", "octal"}:
            raise Error("cannot understand %s" % kind)
        limit = 0xffffffffffffffff if "long" in options else 0xffffffff
        for word in words:
            if "=" not in word:
                continue
            name, _, number = word.partition("=")
            value, _, mask = number.partition("/")
            value = int(value, 0) & limit
            mask = int(mask, 0) if mask else (value if is_bits else limit)
            if mask == 0 or value & ~mask or mask & ~limit:
                raise Error("%s cannot be matched" % word)
            entries.append((name, value, mask))
        for each in [arch] if arch else ARCHES:
            if (kind, each) in self.sets:
                raise Error("kind %s stands there twice" % kind)
            self.sets[kind, each] = (is_bits, options, entries)
        if kind not in self.kinds:
            self.kinds.append(kind)


def read_table(qemu, arch):
    """The system calls of an architecture: {number: name}."""
    config = os.path.join(qemu, "configs", "targets", arch + "-linux-user.mak")
    settings = dict(re.findall(r"^(\w+)=(.*)$", read(config), re.MULTILINE))
    try:
        abis = settings["TARGET_SYSTBL_ABI"].strip().split(",")
        table = settings["TARGET_SYSTBL"].strip()
    except KeyError as error:
        raise Error("%s: %s is not set" % (config, error.args[0])) from error
    path = os.path.join(qemu, "linux-user", arch, table)
    calls = {}
    for line in read(path).splitlines():
        fields = line.split()
        if len(fields) < 3 or not fields[0].isdigit() or fields[1] not in abis:
            continue
        number, name = int(fields[0]), fields[2]
        if not re.fullmatch(r"\w+", name) or number >= 8192:
            raise Error("%s: cannot understand: %s" % (path, line))
        if calls.setdefault(number, name) != name:
            raise Error("%s: two calls have number %d" % (path, number))
    if not calls:
        raise Error("%s: no system calls in it" % path)
    return calls


def kind_name(kind):
    return "KIND_" + kind.upper()


def write_header(definitions, tables, out):
    kinds = list(BUILTINS) + definitions.kinds
    out.write("/* Made by gen-syscalls.py; not to be edited. */\n\n")
    out.write("enum kind {\n")
    for kind in kinds:
        out.write("    %s,\n" % kind_name(kind))
    out.write("    KIND_FIRST_SET = %s\n};\n" % kind_name(definitions.kinds[0]))

    for (kind, arch), (_, _, entries) in definitions.sets.items():
        out.write("\nstatic const struct flag %s_%s[] = {\n" % (kind, arch))
        for name, value, mask in entries:
            out.write('    { UINT64_C(%#x), UINT64_C(%#x), "%s" },\n' % (value, mask, name))
        out.write("};\n")

    for arch in ARCHES:
        out.write("\nstatic const struct set sets_%s[] = {\n" % arch)
        for kind in definitions.kinds:
            is_bits, options, entries = definitions.sets[kind, arch]
            base = ("OCTAL" if "octal" in options
                    else "HEX" if is_bits or "hex" in options else "DECIMAL")
            out.write("    { %s_%s, %d, %s, %s, %s },\n" % (
                kind, arch, len(entries), "true" if is_bits else "false",
                "true" if "long" in options else "false", base))
        out.write("};\n")

    for arch in ARCHES:
        out.write("\nstatic const struct call calls_%s[] = {\n" % arch)
        for number, name in sorted(tables[arch].items()):
            args = definitions.calls.get(name)
            if args is None:
                out.write('    [%d] = { "%s", ARGS_UNKNOWN, 0, { 0 } },\n' % (number, name))
                continue
            strings = sum(1 << i for i, kind in enumerate(args) if kind in STRINGS)
            out.write('    [%d] = { "%s", %d, %#x, { %s } },\n' % (
                number, name, len(args), strings,
                ", ".join(map(kind_name, args)) or "0"))
        out.write("};\n")


def main(argv):
    if len(argv) != 3:
        raise Error("usage: gen-syscalls.py QEMU_SOURCE_DIR OUTPUT.h")
    definitions = Definitions(
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "syscalls.def"))
    tables = {arch: read_table(argv[1], arch) for arch in ARCHES}
    known = {name for table in tables.values() for name in table.values()}
    for name in sorted(set(definitions.calls) - known):
        # Only a warning: another QEMU may have a name less.
        print("gen-syscalls.py: no architecture has %s" % name, file=sys.stderr)
    # Nothing half-written may look newer than what it is made from.
    part = argv[2] + ".part"
    try:
        with open(part, "w", encoding="utf-8") as out:
            write_header(definitions, tables, out)
        os.replace(part, argv[2])
    except OSError as error:
        raise Error("cannot write %s: %s" % (argv[2], error.strerror)) from error


if __name__ == "__main__":
    try:
        main(sys.argv)
    except Error as failure:
        sys.exit("gen-syscalls.py: %s" % failure)
