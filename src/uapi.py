# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel's headers say: values of constants, layouts of structures.

The C compiler reads the headers of a guest architecture, whose macros it takes
on, and what it makes of each expression is found in its assembly output; nothing
is linked or run.  Only the sizes of C's types must be those of the guest, which
they are on all 64-bit Linux.
"""

import concurrent.futures
import fnmatch
import os
import re
import subprocess

# Where the headers are.  x86_64: where the compiler looks anyway.  Debian 12 has all
# of another architecture's in one folder, Debian 13 the kernel's in the others.
INCLUDE = {"x86_64": [],
           "aarch64": ["/usr/aarch64-linux-gnu/include", "/usr/include/aarch64-linux-gnu",
                       "/usr/include"]}
PACKAGES = {"x86_64": "linux-libc-dev", "aarch64": "libc6-dev-arm64-cross"}
MACROS = {"x86_64": [],
          "aarch64": ["-U__x86_64__", "-U__x86_64", "-U__amd64__", "-U__amd64",
                      "-D__aarch64__", "-D__AARCH64EL__", "-D__ARM_ARCH=8"]}
SCAN = ("linux", "asm-generic", "sound", "drm", "mtd", "scsi", "misc", "video", "rdma",
        "xen")


NO_HEADER = "No such file or directory"


class Error(Exception):
    """A sentence about what is wrong with an input file."""


class Headers:
    """The headers of one architecture."""

    def __init__(self, arch):
        self.compiler = os.environ.get("CC", "cc").split()
        self.options = ["-x", "c", "-std=gnu11", "-w", "-O0", "-fno-pie",
                        "-D_GNU_SOURCE"] + MACROS[arch]
        folders = [folder for folder in INCLUDE[arch] if os.path.isdir(folder)]
        self.folder = next((folder for folder in folders or ["/usr/include"]
                            if os.path.isdir(os.path.join(folder, "linux"))), None)
        self.values = {}  # (headers, expression) -> value or None
        self.texts = {}   # headers -> names in them
        if not self.folder or (folders and not any(
                os.path.exists(os.path.join(folder, "asm", "fcntl.h"))
                for folder in folders)):
            raise Error("the kernel's headers for %s are missing (Debian's %s has them)"
                        % (arch, PACKAGES[arch]))
        if folders:
            own = self.run(["-print-file-name=include"], "").stdout.strip()
            self.options += ["-nostdinc", "-isystem", own]
            for folder in folders:
                self.options += ["-isystem", folder]

    def run(self, options, text):
        try:
            return subprocess.run(self.compiler + options, input=text, check=False,
                                  capture_output=True, encoding="utf-8",
                                  env=dict(os.environ, LC_ALL="C"))
        except OSError as error:
            raise Error("cannot run %s: %s" % (self.compiler[0], error.strerror)) from error

    @staticmethod
    def includes(headers):
        return "".join("#include <%s>\n" % name for name in headers)

    def names(self, headers, pattern):
        """The constants in the headers whose names match the pattern."""
        if headers not in self.texts:
            text = self.includes(headers)
            macros = self.run(self.options + ["-E", "-dM", "-"], text)
            plain = self.run(self.options + ["-E", "-P", "-"], text)
            if (macros.returncode or plain.returncode) and NO_HEADER not in macros.stderr:
                raise Error("%s: %s" % (", ".join(headers), macros.stderr.strip()))
            found = set(re.findall(r"^#define (\w+) .", macros.stdout, re.MULTILINE))
            for body in re.findall(r"\benum\b[^{;]*\{([^}]*)\}", plain.stdout):
                found.update(re.findall(r"\b[A-Z]\w+", body))
            self.texts[headers] = found
        return sorted(fnmatch.filter(self.texts[headers], pattern))

    def learn(self, headers, expressions):
        """Finds values, to be asked for with value()."""
        left = [e for e in expressions if (headers, e) not in self.values]
        for expression in left:
            self.values[headers, expression] = None
        for _ in range(12):
            if not left:
                return
            text = (self.includes(headers) + "#define LTI(n, e) __asm__ volatile("
                    '"\\n@@ " #n " %c0 %c1" :: "i"((int)((unsigned long long)(e) >> 32)), '
                    '"i"((int)(unsigned long long)(e)))\n')
            text += "void lti(void) {\n"
            first = text.count("\n") + 1
            text += "".join("LTI(%d, %s);\n" % pair for pair in enumerate(left)) + "}\n"
            done = self.run(self.options + ["-S", "-o", "-", "-"], text)
            if done.returncode == 0:
                for n, high, low in re.findall(r"^@@ (\d+) (-?\d+) (-?\d+)", done.stdout,
                                               re.MULTILINE):
                    self.values[headers, left[int(n)]] = (
                        (int(high) & 0xffffffff) << 32 | (int(low) & 0xffffffff))
                return
            bad = {int(line) - first
                   for line in re.findall(r"^<stdin>:(\d+):\d+: (?:error|note)",
                                          done.stderr, re.MULTILINE)}
            good = [e for n, e in enumerate(left) if n not in bad]
            if NO_HEADER in done.stderr:
                return  # older than what it describes
            if len(good) == len(left):
                raise Error("%s: %s" % (", ".join(headers), done.stderr.strip()[:400]))
            left = good
        raise Error("%s: what does the compiler want?" % ", ".join(headers))

    def value(self, headers, expression):
        """A value, or None if the headers do not have it."""
        return self.values[headers, expression]

    def ioctls(self):
        """Requests of all drivers: {value: [name]}."""
        files = []
        for top in SCAN:
            for path, _, names in os.walk(os.path.join(self.folder, top)):
                for name in sorted(names):
                    files.append(os.path.relpath(os.path.join(path, name),
                                                 self.folder))
        found = {}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for values in pool.map(self.ioctls_of, sorted(files)):
                for name, value in values:
                    found.setdefault(value, set()).add(name)
        return {value: sorted(names) for value, names in found.items()}

    def ioctls_of(self, header):
        try:
            with open(os.path.join(self.folder, header), encoding="utf-8") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError):
            return []
        names = re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+\(?_IOW?R?\(", text,
                           re.MULTILINE)
        names += re.findall(r"^[ \t]*#[ \t]*define[ \t]+((?:KVM|VHOST|VIDIOC|SNDRV|DRM)_\w+)"
                            r"[ \t]+\w*_IOW?R?\(", text, re.MULTILINE)
        names = sorted(set(names))
        if not names:
            return []
        headers = ("stddef.h", "linux/types.h", "linux/ioctl.h", header)
        try:
            self.learn(headers, names)
        except Error:
            return []  # a header that does not stand alone
        pairs = [(name, self.value(headers, name)) for name in names]
        return [(name, value) for name, value in pairs if value is not None]
