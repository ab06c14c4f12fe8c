#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the system call tables of the guest architectures.

    gen-syscalls.py QEMU_SOURCE_DIR OUTPUT.h

Numbers and names of the calls are read from QEMU_SOURCE_DIR (configs/targets/
ARCH-linux-user.mak and linux-user/ARCH/syscall_64.tbl, with the ABIs that the
former names, as QEMU's own syscallhdr.sh does), arguments from syscalls.def beside
this script, the kinds of these from syscall-kinds.def, and their values and layouts
from the kernel's headers, by uapi.py.  The output is src/syscall-table.h's
"syscalls-table.h".
"""

import os
import re
import sys

sys.dont_write_bytecode = True
import uapi  # noqa: E402
from uapi import Error  # noqa: E402

ARCHES = ("x86_64", "aarch64")
# Kinds that are built in, and the bytes of one that is pointed to.
BUILTINS = {
    "unused": 8, "int": 4, "uint": 4, "long": 8, "ulong": 8, "size": 8, "off": 8,
    "hex": 8, "hex32": 4, "ptr": 8, "id": 4, "path": 0, "str": 0, "fd": 4, "dirfd": 4,
    "mode": 4, "openmode": 4, "filemode": 4, "dev": 4, "ioctlarg": 0, "socklen": 4,
    "bytes": 1, "hexbytes": 1, "cstring": 1, "argv": 8, "envp": 8, "iovec": 16,
    "msghdr": 56, "mmsghdr": 64, "sockaddr": 1, "optval": 1, "sigset": 8,
    "sigsetarg": 16, "wstatus": 4, "dirents": 1, "dirents64": 1, "fdset": 0, "capdata": 24, "nonzero": 8,
    "cpuset": 1, "sighandler": 8, "sarestorer": 8, "rlimvalue": 8,
    "stsize": 8, "strdev": 8, "fsid": 8, "epolldata": 8, "revents": 2, "siginfo": 128,
    "netport": 2, "nethl": 4, "ip4": 4, "ip6": 16, "hexgroups": 4, "none": 0,
}
STRINGS = ("path", "str")
WAYS = {"": 0, "<": 1, ">": 2, "<>": 3}
INTERRUPTED = 4


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Error("cannot read %s: %s" % (path, error.strerror)) from error


class Set:
    """A kind whose values have names."""

    def __init__(self, kind, is_bits, words):
        self.kind = kind
        self.is_bits = is_bits
        self.options = [word for word in words if re.fullmatch(r"long|hex|octal|ioctls", word)]
        self.headers = tuple(word[1:-1] for word in words if word.startswith("<"))
        self.words = [word for word in words
                      if word not in self.options and not word.startswith("<")]
        self.limit = 0xffffffffffffffff if "long" in self.options else 0xffffffff

    def entries(self, headers):
        """[(name, value, mask)]"""
        out, done = [], set()
        wanted, excluded = [], []
        for word in self.words:
            if word.startswith("-"):
                excluded += headers.names(self.headers, word[1:])
        for word in self.words:
            if word.startswith("-"):
                continue
            name, _, mask = word.partition("/")
            name, _, number = name.partition("=")
            if "*" in name:
                wanted += [(n, None, None, True) for n in headers.names(self.headers, name)
                           if n not in excluded]
            else:
                wanted.append((name, number, mask, False))
        masks = [mask for _, _, mask, _ in wanted if mask and not mask[0].isdigit()]
        if self.headers:
            headers.learn(self.headers, [w[0] for w in wanted] + masks)
        for name, number, mask, globbed in wanted:
            value = headers.value(self.headers, name) if self.headers else None
            if value is None and globbed:
                continue
            if value is None and not number:
                if os.environ.get("CI") or not self.headers:
                    raise Error("%s: %s is not in %s" % (self.kind, name, self.headers))
                # The headers may be older; calls go without the name.
                print("gen-syscalls.py: %s: %s is not in %s"
                      % (self.kind, name, ", ".join(self.headers)), file=sys.stderr)
                continue
            if value is None:
                value = int(number, 0)
            elif number and (value ^ int(number, 0)) & self.limit:
                raise Error("%s: %s is %#x in %s" % (self.kind, name, value, self.headers))
            value &= self.limit
            if globbed and (value in done or self.is_bits and
                            (value == 0 or value & (value - 1))):
                continue
            if mask and not mask[0].isdigit():
                mask = headers.value(self.headers, mask)
            elif mask:
                mask = int(mask, 0)
            else:
                mask = value if self.is_bits else self.limit
            if mask == 0 or value & ~mask or mask & ~self.limit:
                raise Error("%s: %s cannot be matched" % (self.kind, name))
            done.add(value)
            out.append((name, value, mask))
        if "ioctls" in self.options:
            found = headers.ioctls()
            out += [(" or ".join(found[value][:3]), value, self.limit)
                    for value in sorted(found) if value not in done]
        return out


class Struct:
    """A kind that is a structure."""

    def __init__(self, kind, words):
        self.kind = kind
        self.more = words[-1] == "..."
        if self.more:
            words = words[:-1]
        if words[0] == "=":
            self.headers, self.size, fields = None, int(words[1], 0), words[2:]
        elif words[0].startswith("<"):
            count = sum(word.startswith("<") for word in words)
            self.headers = ("linux/types.h",) + tuple(w[1:-1] for w in words[:count])
            self.ctype, fields = "struct " + words[count], words[count + 1:]
        else:
            raise Error("a structure without a header: %s" % kind)
        self.fields = []  # (printed name, member or (offset, size), kind)
        for field in fields:
            name, _, what = field.partition(":")
            printed, _, member = name.partition("=")
            if "@" in printed:
                printed, _, offset = printed.partition("@")
                self.fields.append((printed, (int(offset, 0), int(member, 0)), what))
            else:
                self.fields.append((printed, member or printed, what))

    def layout(self, headers):
        """(size, [(name, kind, offset, size)])"""
        questions = []
        if self.headers:
            questions.append("sizeof(%s)" % self.ctype)
            for _, member, _ in self.fields:
                if isinstance(member, str):
                    questions += ["__builtin_offsetof(%s, %s)" % (self.ctype, member),
                                  "sizeof(((%s *)0)->%s)" % (self.ctype, member)]
            headers.learn(self.headers, questions)
        answers = {q: headers.value(self.headers, q) for q in questions}
        for question, answer in answers.items():
            if answer is None:
                raise Error("%s: the headers do not have %s" % (self.kind, question))
        size = answers["sizeof(%s)" % self.ctype] if self.headers else self.size
        fields = []
        for printed, member, kind in self.fields:
            if isinstance(member, str):
                where = (answers["__builtin_offsetof(%s, %s)" % (self.ctype, member)],
                         answers["sizeof(((%s *)0)->%s)" % (self.ctype, member)])
            else:
                where = member
            fields.append((printed, kind) + where)
        return size, fields


class Form:
    """A call's arguments, in general or where one of them has certain values."""

    def __init__(self, words):
        self.result = "long"
        self.args = []  # (name, way, kind, count)
        if len(words) >= 2 and words[-2] == "->":
            self.result = words[-1]
            words = words[:-2]
        for word in words:
            match = re.fullmatch(r"(\w+):(<>|[<>]|)(interrupted\.)?(\w+)(?:\[([*{]?\w+)\])?", word)
            if not match:
                raise Error("cannot understand %s" % word)
            name, way, interrupted, kind, count = match.groups()
            self.args.append((name, WAYS[way] | (INTERRUPTED if interrupted else 0), kind,
                              count))
        if len(self.args) > 6:
            raise Error("more than six arguments")

    def index(self, name):
        for i, arg in enumerate(self.args):
            if arg[0] == name:
                return i
        raise Error("no argument %s" % name)


class Definitions:
    """What the two .def files say."""

    def __init__(self, folder):
        self.sets = {}     # (kind, arch) -> Set
        self.structs = {}  # kind -> Struct
        self.kinds = []    # kinds that are sets, in order
        self.calls = {}    # (name, arch) -> [(condition or None, Form)]
        for name in ("syscall-kinds.def", "syscalls.def"):
            path = os.path.join(folder, name)
            for where, text in self.logical_lines(path):
                try:
                    self.add(text.split())
                except (Error, ValueError, IndexError) as error:
                    raise Error("%s:%d: %s" % (path, where, error)) from error
        known = set(BUILTINS) | set(self.kinds) | set(self.structs)
        for (name, _), forms in self.calls.items():
            if forms[-1][0]:
                raise Error("%s: no form without a condition" % name)
            for kind in [k for _, f in forms for k in [f.result] + [a[2] for a in f.args]]:
                if kind not in known:
                    raise Error("%s: no kind %s" % (name, kind))
        for struct in self.structs.values():
            for _, _, kind in struct.fields:
                if kind not in known:
                    raise Error("%s: no kind %s" % (struct.kind, kind))
        for kind in self.kinds:
            for arch in ARCHES:
                if (kind, arch) not in self.sets:
                    raise Error("kind %s is not there for %s" % (kind, arch))

    @staticmethod
    def logical_lines(path):
        lines = []
        for number, line in enumerate(read(path).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith(" "):
                if not lines:
                    raise Error("%s:%d: continues nothing" % (path, number))
                lines[-1][1] += line
            else:
                lines.append([number, line])
        return lines

    def add(self, words):
        if words[0] in ("bits", "values"):
            self.add_set(words[0] == "bits", words[1], words[2:])
        elif words[0] == "struct":
            if words[1] in self.structs or words[1] in BUILTINS:
                raise Error("kind %s stands there twice" % words[1])
            self.structs[words[1]] = Struct(words[1], words[2:])
        elif words[0].endswith(":"):
            self.add_call(words[0][:-1], None, words[1:])
        elif len(words) > 1 and words[1].endswith(":"):
            self.add_call(words[0], words[1][:-1], words[2:])
        else:
            raise Error("cannot understand %s" % words[0])

    def add_set(self, is_bits, kind, words):
        kind, _, arch = kind.partition("@")
        if arch and arch not in ARCHES or kind in BUILTINS:
            raise Error("cannot understand %s" % kind)
        for each in [arch] if arch else ARCHES:
            if (kind, each) in self.sets:
                raise Error("kind %s stands there twice" % kind)
            self.sets[kind, each] = Set(kind, is_bits, words)
        if kind not in self.kinds:
            self.kinds.append(kind)

    def add_call(self, name, condition, words):
        name, _, arch = name.partition("@")
        form = Form(words)
        if condition:
            where, _, values = condition.partition("=")
            where, _, mask = where.partition("&")
            condition = (form.index(where), int(mask or "0xffffffff", 0), values.split(","))
        for each in [arch] if arch else ARCHES:
            forms = self.calls.setdefault((name, each), [])
            if forms and not forms[-1][0]:
                raise Error("%s stands there twice" % name)
            forms.append((condition, form))


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


class Writer:
    """Writes the header."""

    def __init__(self, definitions, out):
        self.definitions = definitions
        self.out = out
        self.entries = {}  # (kind, arch) -> entries
        self.arrays = {}   # text -> name of the array that has it

    def array(self, kind, name, rows):
        """The name of an array with these rows: one that is there already, if any."""
        text = "static const struct %s %%s[] = {\n%s};\n" % (
            kind, "".join("    %s,\n" % row for row in rows))
        if text not in self.arrays:
            name = "%s_%d" % (name, len(self.arrays))
            self.arrays[text] = name
            self.out.write("\n" + text % name)
        return self.arrays[text]

    def kinds(self):
        d = self.definitions
        self.out.write("/* Made by gen-syscalls.py; not to be edited. */\n\nenum kind {\n")
        for kind in list(BUILTINS) + d.kinds + list(d.structs):
            self.out.write("    %s,\n" % kind_name(kind))
        self.out.write("    KIND_COUNT,\n    KIND_FIRST_SET = %s,\n"
                       "    KIND_FIRST_STRUCT = %s\n};\n"
                       % (kind_name(d.kinds[0]), kind_name(next(iter(d.structs)))))
        self.out.write("\n#ifdef LTI_SYSCALL_TABLES\n")

    def sets(self, arch, headers):
        rows = []
        for kind in self.definitions.kinds:
            one = self.definitions.sets[kind, arch]
            entries = self.entries[kind, arch] = one.entries(headers)
            base = ("OCTAL" if "octal" in one.options
                    else "HEX" if one.is_bits or "hex" in one.options else "DECIMAL")
            flags = self.array("flag", "flags_" + kind, [
                '{ UINT64_C(%#x), UINT64_C(%#x), "%s" }' % (value, mask, name)
                for name, value, mask in entries])
            rows.append("{ %s, %d, %s, %s, %s }" % (
                flags, len(entries), "true" if one.is_bits else "false",
                "true" if "long" in one.options else "false", base))
        self.out.write("\n#define SETS_%s %s\n" % (arch, self.array("set", "sets", rows)))

    def structs(self, arch, headers):
        d = self.definitions
        rows, sizes = [], [BUILTINS[kind] for kind in BUILTINS]
        sizes += [8 if "long" in d.sets[kind, arch].options else 4 for kind in d.kinds]
        for kind, struct in d.structs.items():
            size, fields = struct.layout(headers)
            array = self.array("field", "fields_" + kind, [
                '{ "%s", %s, %d, %d }' % (name, kind_name(what), offset, bytes_)
                for name, what, offset, bytes_ in fields])
            rows.append("{ %s, %d, %s }" % (array, len(fields),
                                            "true" if struct.more else "false"))
            sizes.append(size)
        self.out.write("\n#define LAYOUTS_%s %s\n" % (arch, self.array("layout", "layouts", rows)))
        self.out.write("\nstatic const uint16_t sizes_%s[KIND_COUNT] = { %s };\n"
                       % (arch, ", ".join(map(str, sizes))))

    def args(self, form):
        if not form.args:
            return "NULL"
        rows = []
        for name, way, kind, count in form.args:
            if count is None:
                how = "COUNT_ONE, 1"
            elif count.isdigit():
                how = "COUNT_NUMBER, %s" % count
            elif count == "ret":
                how = "COUNT_RET, 0"
            elif count.startswith("{"):
                how = "COUNT_BYTES, %d" % form.index(count[1:])
            elif count.startswith("*"):
                how = "COUNT_POINTER, %d" % form.index(count[1:])
            else:
                how = "COUNT_ARG, %d" % form.index(count)
            rows.append('{ "%s", %s, %d, %s }' % (name, kind_name(kind), way, how))
        return self.array("arg", "args", rows)

    def forms(self, name, arch):
        rows = []
        for condition, form in self.definitions.calls[name, arch]:
            args = self.args(form)
            tail = "%d, %s, %s" % (len(form.args), kind_name(form.result), args)
            if not condition:
                rows.append("{ NO_CONDITION, 0, 0, %s }" % tail)
                continue
            index, mask, values = condition
            kind = form.args[index][2]
            entries = {n: v for n, v, _ in self.entries.get((kind, arch), [])}
            for value in values:
                if value.isdigit():
                    entries[value] = int(value)
                if value not in entries:
                    raise Error("%s: %s is not one of %s" % (name, value, form.args[index][2]))
                rows.append("{ %d, %#x, %#x, %s }" % (index, mask, entries[value] & mask, tail))
        return self.array("form", "forms", rows), len(rows)

    def calls(self, arch, table):
        rows = []
        for number, name in sorted(table.items()):
            if (name, arch) in self.definitions.calls:
                rows.append('    [%d] = { "%s", %s, %d },\n' % ((number, name) + self.forms(name, arch)))
            else:
                rows.append('    [%d] = { "%s", NULL, 0 },\n' % (number, name))
        self.out.write("\nstatic const struct call calls_%s[] = {\n%s};\n" % (arch, "".join(rows)))


def main(argv):
    if len(argv) != 3:
        raise Error("usage: gen-syscalls.py QEMU_SOURCE_DIR OUTPUT.h")
    definitions = Definitions(os.path.dirname(os.path.abspath(__file__)))
    tables = {arch: read_table(argv[1], arch) for arch in ARCHES}
    known = {name for table in tables.values() for name in table.values()}
    for name in sorted({name for name, _ in definitions.calls} - known):
        # Only a warning: another QEMU may have a name less.
        print("gen-syscalls.py: no architecture has %s" % name, file=sys.stderr)
    # Nothing half-written may look newer than what it is made from.
    part = argv[2] + ".part"
    try:
        with open(part, "w", encoding="utf-8") as out:
            writer = Writer(definitions, out)
            writer.kinds()
            for arch in ARCHES:
                headers = uapi.Headers(arch)
                writer.sets(arch, headers)
                writer.structs(arch, headers)
                writer.calls(arch, tables[arch])
            out.write("\n#endif\n")
        os.replace(part, argv[2])
    except OSError as error:
        raise Error("cannot write %s: %s" % (argv[2], error.strerror)) from error


if __name__ == "__main__":
    try:
        main(sys.argv)
    except Error as failure:
        sys.exit("gen-syscalls.py: %s" % failure)
