# SPDX-License-Identifier: GPL-2.0-or-later
"""What generators of all architectures share: chance, lines of assembly, and data."""

SINGLES = [0, 0x80000000, 1, 0x807fffff, 0x00800000, 0x3f800000, 0xbf800000, 0x7f800000,
           0xff800000, 0x7fc00000, 0x7f800001, 0x7f7fffff, 0x4b000001, 0x4effffff,
           0x5f000000, 0xcf000000, 0x3fc00000, 0xc0490fdb, 0x33800000]


class Sequences:
    def __init__(self, random):
        self.r = random
        self.lines = []
        self.label = 0

    def pick(self, items):
        return items[self.r.randrange(len(items))]

    def emit(self, *lines):
        self.lines.extend(lines)

    def call_some(self, weighted, shortest, longest):
        """Calls as many of (weight, function) as chance says."""
        weights = [weight for weight, _ in weighted]
        for maker in self.r.choices([maker for _, maker in weighted], weights,
                                    k=self.r.randrange(shortest, longest + 1)):
            maker()

    # ---- Data ----

    def single(self):
        """Of moderate size, so that sums are not one of the two."""
        return 0x3f800000 + (self.r.randrange(-20, 20) << 23) + self.r.getrandbits(23)

    def double(self):
        return (1023 + self.r.randrange(-60, 60)) << 52 | self.r.getrandbits(52)

    def vectors(self, kinds):
        """Bytes for vector registers, integers and floats of every class: of kinds with
        (how likely it is this one or one before, bytes, function that gives one)."""
        out = []
        while len(out) < 2048:
            kind = self.r.random()
            size, value = next((size, make()) for most, size, make in kinds if kind < most)
            out += list(value.to_bytes(size, "little"))
        return out[:2048]

    def data(self, kinds, *more):
        """The vectors, and scratch pages with a stack in the second one."""
        data = self.vectors(kinds)
        self.emit(".section .rodata", ".balign 64", "vectors:",
                  *(".byte " + ",".join(map(str, data[i:i + 32])) for i in range(0, 2048, 32)),
                  *more, ".data", ".balign 4096", "scratch:")
        for _ in range(256):
            self.emit(".byte " + ",".join(str(self.r.getrandbits(8)) for _ in range(32)))
        self.emit(".set middle, scratch + 4096", ".skip 2048", "stack_top:", ".skip 2048")

    def text(self):
        return "\n".join(self.lines) + "\n"
