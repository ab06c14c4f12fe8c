# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random sequences of A64 user-mode instructions, as assembly for gas.

Reserved registers keep addresses valid: x28 points to the boundary between the two
scratch pages, x27 is an index from 0 to 63, x26 a base that is set before each use,
sp a stack of its own.  Everything else is fair game, and state flows from one
sequence into the next.  Left out: pointer authentication, whose keys are random.
"""

import sve
from sequences import SINGLES, Sequences

INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
               0xffffffff, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 0x5555555555555555]
HALVES = [0, 0x8000, 1, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0x7bff, 0x0400]
DOUBLES = [0, 1 << 63, 1, 0x000fffffffffffff, 0x0010000000000000, 0x3ff0000000000000,
           0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001,
           0x7fefffffffffffff, 0x41dfffffffc00000, 0x43e0000000000000, 0x400921fb54442d18,
           0x36a0000000000000, 0x3810000000000000]
CC = "eq ne cs cc mi pl vs vc hi ls ge lt gt le".split()
ALL = "8b 16b 4h 8h 2s 4s 2d".split()
NO_D = "8b 16b 4h 8h 2s 4s".split()
FLOATS = "4h 8h 2s 4s 2d".split()

# Name: arrangements of "op v, v, v".
THREE = {
    "add sub cmeq cmge cmgt cmhi cmhs cmtst sshl ushl srshl urshl sqadd uqadd sqsub uqsub sqshl "
    "uqshl sqrshl uqrshl addp zip1 zip2 uzp1 uzp2 trn1 trn2": ALL,
    "mul mla mls smax smin umax umin smaxp sminp umaxp uminp shadd uhadd shsub uhsub srhadd "
    "urhadd saba uaba sabd uabd": NO_D,
    "and orr eor bic orn bsl bit bif pmul": ["8b", "16b"],
    "sqdmulh sqrdmulh sqrdmlah sqrdmlsh": "4h 8h 2s 4s".split(),
    "fadd fsub fmul fdiv fmla fmls fmax fmin fmaxnm fminnm fmulx fabd fcmeq fcmge fcmgt facge "
    "facgt faddp fmaxp fminp fmaxnmp fminnmp frecps frsqrts": FLOATS,
}
TWO = {
    "abs neg sqabs sqneg suqadd usqadd": ALL,
    "cls clz saddlp": NO_D,
    "cnt not rbit": ["8b", "16b"],
    "rev64": NO_D, "rev32": "8b 16b 4h 8h".split(), "rev16": ["8b", "16b"],
    "fabs fneg fsqrt frintn frintm frintp frintz frinta frintx frinti fcvtns fcvtnu fcvtms "
    "fcvtmu fcvtps fcvtpu fcvtzs fcvtzu fcvtas fcvtau scvtf ucvtf frecpe frsqrte": FLOATS,
    "urecpe ursqrte": ["2s", "4s"],
}
WIDE = {"8b": "8h", "16b": "8h", "4h": "4s", "8h": "4s", "2s": "2d", "4s": "2d"}
BITS = {"b": 8, "h": 16, "s": 32, "d": 64}


def flat(table):
    return [(op, arrangements) for ops, arrangements in table.items() for op in ops.split()]


class Generator(Sequences):
    def __init__(self, random, scalable=False):
        super().__init__(random)
        self.flushes = 0
        self.three = flat(THREE)
        self.two = flat(TWO)
        self.makers = [
            (8, self.shifted), (4, self.extended), (6, self.immediate), (4, self.carry),
            (5, self.condition), (7, self.bitfield), (5, self.unary), (6, self.multiply),
            (3, self.divide), (3, self.wide_move), (3, self.crc), (9, self.load), (4, self.indexed),
            (4, self.pair), (4, self.ordered), (3, self.exclusive), (7, self.atomic),
            (3, self.jump), (2, self.system), (7, self.scalar), (4, self.convert), (4, self.compare),
            (12, self.vector3), (6, self.vector2), (6, self.vector_shift), (5, self.vector_move),
            (4, self.vector_long), (4, self.vector_element), (6, self.vector_memory),
            (3, self.across), (3, self.crypto), (2, self.status),
        ]
        self.scalable = sve.Scalable(self) if scalable else None

    # ---- Operands ----

    def reg(self, size="x"):
        if self.r.random() < 0.04:
            return size + "zr"
        return f"{size}{self.r.randrange(26)}"

    def dst(self, size="x"):
        return f"{size}{self.r.randrange(26)}"

    def size(self):
        return self.pick("wx")

    def v(self):
        return f"v{self.r.randrange(32)}"

    def f(self, kind):
        return f"{kind}{self.r.randrange(32)}"

    def base(self):
        """Sets x26 somewhere, often so that an access crosses the pages."""
        offset = self.r.randrange(-16, 3) if self.r.random() < 0.4 else self.r.randrange(-600, 600)
        self.emit(f"{'add' if offset >= 0 else 'sub'} x26, x28, #{abs(offset)}")

    def aligned(self, bytes_):
        self.emit(f"add x26, x28, #{self.r.randrange(0, 512 // bytes_) * bytes_}")

    def bitmask(self, bits):
        """An immediate that logical instructions can have."""
        element = self.pick([e for e in (2, 4, 8, 16, 32, 64) if e <= bits])
        ones = self.r.randrange(1, element)
        value = (1 << ones) - 1
        turn = self.r.randrange(element)
        value = (value >> turn | value << (element - turn)) & ((1 << element) - 1)
        out = 0
        for i in range(0, bits, element):
            out |= value << i
        return out

    # ---- Integers ----

    def shifted(self):
        s = self.size()
        logical = self.r.random() < 0.5
        op = self.pick("and ands orr eor bic bics orn eon".split() if logical else
                       "add adds sub subs".split())
        shift = self.pick("lsl lsr asr ror".split() if logical else "lsl lsr asr".split())
        self.emit(f"{op} {self.reg(s)}, {self.reg(s)}, {self.reg(s)}, {shift} "
                  f"#{self.r.randrange(32 if s == 'w' else 64)}")

    def extended(self):
        s = self.size()
        op = self.pick("add adds sub subs".split())
        extend = self.pick("uxtb uxth uxtw sxtb sxth sxtw".split() + (["uxtx", "sxtx"] if s == "x" else []))
        index = self.reg("x" if extend[-1] == "x" else "w")
        self.emit(f"{op} {self.dst(s)}, {self.dst(s)}, {index}, {extend} #{self.r.randrange(5)}")

    def immediate(self):
        s = self.size()
        if self.r.random() < 0.5:
            shift = self.pick(["", ", lsl #12"])
            self.emit(f"{self.pick('add adds sub subs'.split())} {self.dst(s)}, {self.dst(s)}, "
                      f"#{self.r.randrange(4096)}{shift}")
        else:
            self.emit(f"{self.pick('and ands orr eor'.split())} {self.dst(s)}, {self.reg(s)}, "
                      f"#{self.bitmask(32 if s == 'w' else 64):#x}")

    def carry(self):
        s = self.size()
        op = self.pick("adc adcs sbc sbcs ngc ngcs".split())
        operands = [self.reg(s) for _ in range(2 if op.startswith("ngc") else 3)]
        self.emit(f"{op} {', '.join(operands)}")

    def condition(self):
        s = self.size()
        cc = self.pick(CC)
        form = self.r.randrange(3)
        if form == 0:
            self.emit(f"{self.pick('csel csinc csinv csneg'.split())} {self.reg(s)}, {self.reg(s)}, "
                      f"{self.reg(s)}, {cc}")
        elif form == 1:
            self.emit(f"{self.pick(['ccmp', 'ccmn'])} {self.reg(s)}, "
                      f"{self.pick([self.reg(s), f'#{self.r.randrange(32)}'])}, "
                      f"#{self.r.randrange(16)}, {cc}")
        else:
            self.emit(f"{self.pick(['cset', 'csetm'])} {self.reg(s)}, {cc}")

    def bitfield(self):
        s = self.size()
        width = 32 if s == "w" else 64
        form = self.r.randrange(3)
        if form == 0:
            # gas takes the general form by these names only where it is no alias's.
            lsb = self.r.randrange(width)
            count = self.r.randrange(1, width - lsb + 1)
            op = self.pick("bfi sbfiz ubfiz bfxil sbfx ubfx bfc".split())
            source = "" if op == "bfc" else f", {self.reg(s)}"
            self.emit(f"{op} {self.dst(s)}{source}, #{lsb}, #{count}")
        elif form == 1:
            self.emit(f"extr {self.reg(s)}, {self.reg(s)}, {self.reg(s)}, #{self.r.randrange(width)}")
        else:
            op = self.pick("lsl lsr asr ror".split())
            self.emit(f"{op} {self.reg(s)}, {self.reg(s)}, "
                      f"{self.pick([self.reg(s), f'#{self.r.randrange(width)}'])}")

    def unary(self):
        s = self.size()
        op = self.pick("rbit rev rev16 clz cls".split() + (["rev32"] if s == "x" else []))
        self.emit(f"{op} {self.reg(s)}, {self.reg(s)}")
        if self.r.random() < 0.3:
            self.emit(f"{self.pick('sxtb sxth sxtw'.split())} {self.reg('x')}, {self.reg('w')}")

    def multiply(self):
        s = self.size()
        form = self.r.randrange(3)
        if form == 0:
            self.emit(f"{self.pick(['madd', 'msub'])} {self.reg(s)}, {self.reg(s)}, {self.reg(s)}, "
                      f"{self.reg(s)}")
        elif form == 1:
            self.emit(f"{self.pick('smaddl smsubl umaddl umsubl'.split())} {self.reg()}, "
                      f"{self.reg('w')}, {self.reg('w')}, {self.reg()}")
        else:
            self.emit(f"{self.pick(['smulh', 'umulh'])} {self.reg()}, {self.reg()}, {self.reg()}")

    def divide(self):
        s = self.size()
        self.emit(f"{self.pick(['udiv', 'sdiv'])} {self.reg(s)}, {self.reg(s)}, {self.reg(s)}")

    def wide_move(self):
        s = self.size()
        shift = self.r.randrange(2 if s == "w" else 4) * 16
        self.emit(f"{self.pick('movz movn movk'.split())} {self.dst(s)}, "
                  f"#{self.r.getrandbits(16)}, lsl #{shift}")

    def crc(self):
        op, s = self.pick([("b", "w"), ("h", "w"), ("w", "w"), ("x", "x")])
        self.emit(f"crc32{self.pick(['', 'c'])}{op} {self.reg('w')}, {self.reg('w')}, {self.reg(s)}")

    # ---- Memory ----

    def load(self):
        op, s, scale = self.pick([
            ("ldr", "x", 3), ("ldr", "w", 2), ("ldrb", "w", 0), ("ldrh", "w", 1), ("ldrsb", "w", 0),
            ("ldrsb", "x", 0), ("ldrsh", "w", 1), ("ldrsh", "x", 1), ("ldrsw", "x", 2),
            ("str", "x", 3), ("str", "w", 2), ("strb", "w", 0), ("strh", "w", 1), ("str", "x", 3),
            ("ldr", "q", 4), ("str", "q", 4), ("ldr", "d", 3), ("str", "s", 2), ("ldr", "h", 1),
            ("str", "b", 0)])
        data = self.f(s) if s in "qdshb" else self.reg(s)
        form = self.r.randrange(4)
        if form == 0:
            self.emit(f"{op} {data}, [x28, #{self.r.randrange(60) << scale}]")
        elif form == 1:
            name = op.replace("ldr", "ldur").replace("str", "stur")
            self.emit(f"{name} {data}, [x28, #{self.r.randrange(-256, 256) if self.r.random() < 0.5 else self.r.randrange(-16, 2)}]")
        elif form == 2:
            index, extend = self.pick([("x27", "lsl"), ("w27", "uxtw"), ("w27", "sxtw"), ("x27", "sxtx")])
            amount = self.pick([0, scale])
            if extend == "lsl" and amount == 0:
                self.emit(f"{op} {data}, [x28, x27]")
            else:
                self.emit(f"{op} {data}, [x28, {index}, {extend} #{amount}]")
        elif op in ("ldr", "ldrsw") and s in "xwq" and self.r.random() < 0.5:
            self.emit(f"{op} {data}, constants + {self.r.randrange(16) * 4}")
        else:
            self.base()
            self.emit(f"{op} {data}, [x26]")

    def indexed(self):
        self.base()
        op, s = self.pick([("ldr", "x"), ("ldr", "w"), ("ldrb", "w"), ("ldrsh", "x"), ("ldrsw", "x"),
                           ("str", "x"), ("str", "w"), ("strh", "w"), ("strb", "w"), ("ldr", "q"),
                           ("str", "q"), ("str", "d")])
        data = self.f(s) if s in "qd" else self.reg(s)
        offset = self.r.randrange(-200, 200)
        self.emit(self.pick([f"{op} {data}, [x26, #{offset}]!", f"{op} {data}, [x26], #{offset}"]))

    def pair(self):
        self.base()
        s, bytes_ = self.pick([("x", 8), ("w", 4), ("q", 16), ("d", 8), ("s", 4)])
        a, b = self.r.sample(range(26), 2)
        op = self.pick("ldp stp ldnp stnp".split())
        if s == "x" and self.r.random() < 0.2:
            op, bytes_ = "ldpsw", 4
        offset = self.r.randrange(-16, 16) * bytes_
        forms = [f"[x26, #{offset}]"]
        if op in ("ldp", "stp", "ldpsw"):
            forms += [f"[x26, #{offset}]!", f"[x26], #{offset}"]
        self.emit(f"{op} {s}{a}, {s}{b}, {self.pick(forms)}")

    def ordered(self):
        op, s, bytes_ = self.pick([("ldar", "x", 8), ("ldar", "w", 4), ("ldarb", "w", 1),
                                   ("ldarh", "w", 2), ("stlr", "x", 8), ("stlr", "w", 4),
                                   ("stlrb", "w", 1), ("stlrh", "w", 2), ("ldapr", "x", 8),
                                   ("ldaprb", "w", 1)])
        self.aligned(bytes_)
        self.emit(f"{op} {self.reg(s)}, [x26]")
        if self.r.random() < 0.2:
            self.emit(self.pick(["dmb ish", "dsb sy", "isb", "prfm pldl1keep, [x26]"]))

    def exclusive(self):
        s, suffix, bytes_ = self.pick([("x", "", 8), ("w", "", 4), ("w", "b", 1), ("w", "h", 2)])
        a, b, c = self.r.sample(range(26), 3)
        if not suffix and self.r.random() < 0.4:
            d, e = self.r.sample([n for n in range(26) if n not in (a, b, c)], 2)
            self.aligned(2 * bytes_)
            self.emit(f"ld{self.pick(['', 'a'])}xp {s}{a}, {s}{b}, [x26]",
                      f"st{self.pick(['', 'l'])}xp w{c}, {s}{d}, {s}{e}, [x26]")
            return
        self.aligned(bytes_)
        self.emit(f"ld{self.pick(['', 'a'])}xr{suffix} {s}{a}, [x26]",
                  f"st{self.pick(['', 'l'])}xr{suffix} w{b}, {s}{c}, [x26]")

    def atomic(self):
        s, suffix, bytes_ = self.pick([("x", "", 8), ("w", "", 4), ("w", "b", 1), ("w", "h", 2)])
        order = self.pick(["", "a", "l", "al"])
        self.aligned(bytes_)
        form = self.r.randrange(4)
        if form == 0:
            a, b = self.r.sample(range(26), 2)
            if self.r.random() < 0.5:
                self.emit(f"ldr{suffix} {s}{a}, [x26]")
            self.emit(f"cas{order}{suffix} {s}{a}, {s}{b}, [x26]")
        elif form == 1 and not suffix:
            a, b = self.r.sample(range(0, 26, 2), 2)
            self.aligned(2 * bytes_)
            if self.r.random() < 0.5:
                self.emit(f"ldp {s}{a}, {s}{a + 1}, [x26]")
            self.emit(f"casp{order} {s}{a}, {s}{a + 1}, {s}{b}, {s}{b + 1}, [x26]")
        elif form == 2:
            self.emit(f"swp{order}{suffix} {self.reg(s)}, {self.reg(s)}, [x26]")
        else:
            op = self.pick("add clr eor set smax smin umax umin".split())
            if order in ("", "l") and self.r.random() < 0.3:
                self.emit(f"st{op}{order}{suffix} {self.reg(s)}, [x26]")
            else:
                self.emit(f"ld{op}{order}{suffix} {self.reg(s)}, {self.reg(s)}, [x26]")

    def jump(self):
        self.label += 1
        here = f".Lj{self.label}"
        form = self.r.randrange(5)
        if form == 0:
            self.emit(f"b.{self.pick(CC)} {here}")
        elif form == 1:
            self.emit(f"{self.pick(['cbz', 'cbnz'])} {self.reg(self.size())}, {here}")
        elif form == 2:
            self.emit(f"{self.pick(['tbz', 'tbnz'])} {self.reg()}, #{self.r.randrange(64)}, {here}")
        elif form == 3:
            self.emit(f"bl {here}f", f"b {here}", f"{here}f:", "ret")
        else:
            self.emit(f"adr x0, {here}", "br x0")
        if form < 3:
            self.shifted()
        self.emit(here + ":")

    def system(self):
        self.emit(self.pick([f"mrs {self.reg()}, nzcv", f"msr nzcv, {self.reg()}", "cfinv",
                             f"rmif {self.reg()}, #{self.r.randrange(64)}, #{self.r.randrange(16)}",
                             f"setf8 {self.reg('w')}", f"mrs {self.reg()}, fpcr",
                             f"mrs {self.reg()}, fpsr"]))

    def status(self):
        """Rounding, flushing to zero, default NaN; and exceptions seen so far."""
        value = self.r.randrange(4) << 22 | self.pick([0, 0, 1 << 24, 1 << 25])
        if self.r.random() < 0.3:
            self.emit("msr fpsr, xzr")
            return
        self.flushes = value >> 24 & 1
        self.emit(f"ldr x0, ={value}", "msr fpcr, x0")

    # ---- Floating point ----

    def scalar(self):
        k = self.pick("hsdsd")
        form = self.r.randrange(4)
        if form == 0:
            op = self.pick("fadd fsub fmul fnmul fdiv fmax fmin fmaxnm fminnm fmulx fabd frecps "
                           "frsqrts fcmeq fcmge fcmgt facge facgt".split())
            self.emit(f"{op} {self.f(k)}, {self.f(k)}, {self.f(k)}")
        elif form == 1:
            self.emit(f"{self.pick('fmadd fmsub fnmadd fnmsub'.split())} {self.f(k)}, {self.f(k)}, "
                      f"{self.f(k)}, {self.f(k)}")
        elif form == 2:
            op = self.pick("fabs fneg fsqrt frintn frintp frintm frintz frinta frintx frinti fmov "
                           "frecpe frsqrte frecpx".split())
            self.emit(f"{op} {self.f(k)}, {self.f(k)}")
        else:
            self.emit(f"fmov {self.f(k)}, #{self.pick(['1.0', '-2.0', '0.5', '31.0', '-0.125'])}")

    def compare(self):
        k = self.pick("hsd")
        form = self.r.randrange(3)
        if form == 0:
            self.emit(f"{self.pick(['fcmp', 'fcmpe'])} {self.f(k)}, {self.pick([self.f(k), '#0.0'])}")
        elif form == 1:
            self.emit(f"{self.pick(['fccmp', 'fccmpe'])} {self.f(k)}, {self.f(k)}, "
                      f"#{self.r.randrange(16)}, {self.pick(CC)}")
        else:
            self.emit(f"fcsel {self.f(k)}, {self.f(k)}, {self.f(k)}, {self.pick(CC)}")

    def convert(self):
        k, s = self.pick("hsd"), self.size()
        form = self.r.randrange(5)
        if form == 0:
            op = self.pick("fcvtns fcvtnu fcvtps fcvtpu fcvtms fcvtmu fcvtzs fcvtzu fcvtas fcvtau".split())
            self.emit(f"{op} {self.dst(s)}, {self.f(k)}")
        elif form == 1:
            self.emit(f"{self.pick(['scvtf', 'ucvtf'])} {self.f(k)}, {self.reg(s)}")
        elif form == 2:
            bits = self.r.randrange(1, 33 if s == "w" else 65)
            self.emit(self.pick([f"fcvtzs {self.dst(s)}, {self.f(k)}, #{bits}",
                                 f"ucvtf {self.f(k)}, {self.dst(s)}, #{bits}"]))
        elif form == 3:
            a, b = self.r.sample("hsd", 2)
            self.emit(f"fcvt {self.f(a)}, {self.f(b)}")
        else:
            self.emit(self.pick([f"fmov {self.f('d')}, {self.reg()}", f"fmov {self.reg()}, {self.f('d')}",
                                 f"fmov {self.reg('w')}, {self.f('s')}", f"fmov {self.f('s')}, {self.reg('w')}",
                                 f"fmov {self.v()}.d[1], {self.reg()}", f"fmov {self.reg()}, {self.v()}.d[1]"]))
            # Releases before 10.0 take a denormal for exact that they flush to zero.
            if not self.flushes:
                self.emit(f"fjcvtzs {self.dst('w')}, {self.f('d')}")

    # ---- Vectors ----

    def vector3(self):
        op, arrangements = self.pick(self.three)
        a = self.pick(arrangements)
        self.emit(f"{op} {self.v()}.{a}, {self.v()}.{a}, {self.v()}.{a}")

    def vector2(self):
        op, arrangements = self.pick(self.two)
        a = self.pick(arrangements)
        if op == "saddlp":
            wide = {"8b": "4h", "16b": "8h", "4h": "2s", "8h": "4s", "2s": "1d", "4s": "2d"}[a]
            self.emit(f"{self.pick('saddlp uaddlp sadalp uadalp'.split())} {self.v()}.{wide}, {self.v()}.{a}")
            return
        if op in ("scvtf", "ucvtf", "fcvtzs") and self.r.random() < 0.3:
            self.emit(f"{op} {self.v()}.{a}, {self.v()}.{a}, #{self.r.randrange(1, BITS[a[-1]] + 1)}")
            return
        self.emit(f"{op} {self.v()}.{a}, {self.v()}.{a}")
        if self.r.random() < 0.3:
            a = self.pick(ALL)
            self.emit(f"{self.pick('cmeq cmge cmgt cmle cmlt'.split())} {self.v()}.{a}, {self.v()}.{a}, #0")

    def vector_shift(self):
        a = self.pick(ALL)
        bits = BITS[a[-1]]
        form = self.r.randrange(4)
        if form == 0:
            op = self.pick("shl sli sqshl uqshl sqshlu".split())
            self.emit(f"{op} {self.v()}.{a}, {self.v()}.{a}, #{self.r.randrange(bits)}")
        elif form == 1:
            op = self.pick("sshr ushr ssra usra srshr urshr srsra ursra sri".split())
            self.emit(f"{op} {self.v()}.{a}, {self.v()}.{a}, #{self.r.randrange(1, bits + 1)}")
        elif form == 2:
            a = self.pick("8b 4h 2s".split())
            bits = BITS[a[-1]]
            if self.r.random() < 0.5:
                self.emit(f"{self.pick(['sshll', 'ushll'])} {self.v()}.{WIDE[a]}, {self.v()}.{a}, "
                          f"#{self.r.randrange(bits)}")
            else:
                op = self.pick("shrn rshrn sqshrn uqshrn sqshrun sqrshrn uqrshrn sqrshrun".split())
                self.emit(f"{op} {self.v()}.{a}, {self.v()}.{WIDE[a]}, #{self.r.randrange(1, bits + 1)}")
        else:
            a = self.pick("8b 16b 4h 8h 2s 4s".split())
            high = "2" if a in ("16b", "8h", "4s") else ""
            self.emit(f"{self.pick('xtn sqxtn uqxtn sqxtun'.split())}{high} {self.v()}.{a}, "
                      f"{self.v()}.{WIDE[a]}")

    def vector_move(self):
        kind = self.pick("bhsd")
        count = 128 // BITS[kind]
        i, j = self.r.randrange(count), self.r.randrange(count)
        s = "x" if kind == "d" else "w"
        a = self.pick([a for a in ALL if a[-1] == kind])
        options = [
            f"dup {self.v()}.{a}, {self.v()}.{kind}[{i}]", f"dup {self.v()}.{a}, {self.reg(s)}",
            f"ins {self.v()}.{kind}[{i}], {self.v()}.{kind}[{j}]",
            f"ins {self.v()}.{kind}[{i}], {self.reg(s)}",
            f"umov {self.reg(s)}, {self.v()}.{kind}[{i}]",
            f"ext {self.v()}.16b, {self.v()}.16b, {self.v()}.16b, #{self.r.randrange(16)}",
            f"mov {self.f(kind)}, {self.v()}.{kind}[{i}]",
            f"movi {self.v()}.{self.pick(['8b', '16b'])}, #{self.r.randrange(256)}",
            f"{self.pick('movi mvni orr bic'.split())} {self.v()}.{self.pick(['2s', '4s'])}, "
            f"#{self.r.randrange(256)}, lsl #{self.r.randrange(4) * 8}",
            f"movi {self.v()}.2d, #{self.pick(['0xff00ff00ff00ff00', '0', '0xffffffffffffffff'])}",
            f"fmov {self.v()}.{self.pick(['2s', '4s', '2d'])}, #1.5",
        ]
        if kind in "bh":
            options.append(f"smov {self.reg('w')}, {self.v()}.{kind}[{i}]")
        if kind != "d":
            options.append(f"smov {self.reg('x')}, {self.v()}.{kind}[{i}]")
        first = self.r.randrange(32)
        regs = ", ".join(f"v{(first + k) % 32}.16b" for k in range(self.r.randrange(1, 5)))
        options.append(f"{self.pick(['tbl', 'tbx'])} {self.v()}.{self.pick(['8b', '16b'])}, "
                       f"{{{regs}}}, {self.v()}.{{}}")
        line = self.pick(options)
        if line.endswith("{}"):
            line = line[:-2] + line.split(",")[0].split(".")[1]
        self.emit(line)

    def vector_long(self):
        a = self.pick(NO_D)
        high = "2" if a in ("16b", "8h", "4s") else ""
        form = self.r.randrange(4)
        if form == 0:
            op = self.pick("saddl uaddl ssubl usubl smull umull smlal umlal smlsl umlsl sabdl uabdl "
                           "sabal uabal".split())
            self.emit(f"{op}{high} {self.v()}.{WIDE[a]}, {self.v()}.{a}, {self.v()}.{a}")
        elif form == 1:
            op = self.pick("saddw uaddw ssubw usubw".split())
            self.emit(f"{op}{high} {self.v()}.{WIDE[a]}, {self.v()}.{WIDE[a]}, {self.v()}.{a}")
        elif form == 2:
            op = self.pick("addhn subhn raddhn rsubhn".split())
            self.emit(f"{op}{high} {self.v()}.{a}, {self.v()}.{WIDE[a]}, {self.v()}.{WIDE[a]}")
        else:
            a = self.pick("4h 8h 2s 4s".split())
            high = "2" if a in ("8h", "4s") else ""
            self.emit(f"{self.pick('sqdmull sqdmlal sqdmlsl'.split())}{high} {self.v()}.{WIDE[a]}, "
                      f"{self.v()}.{a}, {self.v()}.{a}")

    def vector_element(self):
        a = self.pick("4h 8h 2s 4s".split())
        kind = a[-1]
        v = f"v{self.r.randrange(16)}.{kind}[{self.r.randrange(128 // BITS[kind])}]"
        form = self.r.randrange(4)
        if form == 0:
            self.emit(f"{self.pick('mul mla mls sqdmulh sqrdmulh'.split())} {self.v()}.{a}, {self.v()}.{a}, {v}")
        elif form == 1:
            self.emit(f"{self.pick('fmul fmla fmls fmulx'.split())} {self.v()}.{a}, {self.v()}.{a}, {v}")
        elif form == 2:
            high = "2" if a in ("8h", "4s") else ""
            self.emit(f"{self.pick('smull umull smlal umlsl sqdmull'.split())}{high} {self.v()}.{WIDE[a]}, "
                      f"{self.v()}.{a}, {v}")
        else:
            a = self.pick(["8b", "16b"])
            out = {"8b": "2s", "16b": "4s"}[a]
            self.emit(f"{self.pick(['sdot', 'udot'])} {self.v()}.{out}, {self.v()}.{a}, {self.v()}.{a}")

    def vector_memory(self):
        self.base()
        count = self.r.randrange(1, 5)
        first = self.r.randrange(32)
        kind = self.pick("bhsd")
        way = self.pick(["ld", "st"])
        form = self.r.randrange(4)
        post = self.r.random() < 0.4
        if form == 0:
            a = self.pick(ALL + ([] if count > 1 else ["1d"]))
            regs = ", ".join(f"v{(first + k) % 32}.{a}" for k in range(count))
            bytes_ = count * (16 if a in ("16b", "8h", "4s", "2d") else 8)
            op = f"{way}{self.pick([1, count])} {{{regs}}}"
        elif form == 1:
            regs = ", ".join(f"v{(first + k) % 32}.{kind}" for k in range(count))
            bytes_ = count * BITS[kind] // 8
            op = f"{way}{count} {{{regs}}}[{self.r.randrange(128 // BITS[kind])}]"
        elif form == 2:
            a = self.pick(ALL)
            regs = ", ".join(f"v{(first + k) % 32}.{a}" for k in range(count))
            bytes_ = count * BITS[a[-1]] // 8
            op = f"ld{count}r {{{regs}}}"
        else:
            self.emit(f"and x26, x28, #0xffffffffffffffc0", "dc zva, x26")
            return
        self.emit(f"{op}, [x26]" + (self.pick([f", #{bytes_}", ", x27"]) if post else ""))

    def across(self):
        a = self.pick("8b 16b 4h 8h 4s".split())
        kind = a[-1]
        form = self.r.randrange(3)
        if form == 0:
            self.emit(f"{self.pick('addv smaxv sminv umaxv uminv'.split())} {self.f(kind)}, {self.v()}.{a}")
        elif form == 1:
            wide = {"b": "h", "h": "s", "s": "d"}[kind]
            self.emit(f"{self.pick(['saddlv', 'uaddlv'])} {self.f(wide)}, {self.v()}.{a}")
        else:
            a, kind = self.pick([("4s", "s"), ("8h", "h"), ("4h", "h")])
            self.emit(f"{self.pick('fmaxv fminv fmaxnmv fminnmv'.split())} {self.f(kind)}, {self.v()}.{a}")

    def crypto(self):
        op = self.pick("aese aesd aesmc aesimc sha1h sha1c sha1m sha1p sha1su0 sha1su1 sha256h sha256h2 "
                       "sha256su0 sha256su1 pmull pmull2".split())
        v = [self.v() for _ in range(3)]
        n = [f"{x[1:]}" for x in v]
        self.emit({
            "aese": f"aese {v[0]}.16b, {v[1]}.16b", "aesd": f"aesd {v[0]}.16b, {v[1]}.16b",
            "aesmc": f"aesmc {v[0]}.16b, {v[1]}.16b", "aesimc": f"aesimc {v[0]}.16b, {v[1]}.16b",
            "sha1h": f"sha1h s{n[0]}, s{n[1]}", "sha1su1": f"sha1su1 {v[0]}.4s, {v[1]}.4s",
            "sha1su0": f"sha1su0 {v[0]}.4s, {v[1]}.4s, {v[2]}.4s",
            "sha256h": f"sha256h q{n[0]}, q{n[1]}, {v[2]}.4s",
            "sha256h2": f"sha256h2 q{n[0]}, q{n[1]}, {v[2]}.4s",
            "sha256su0": f"sha256su0 {v[0]}.4s, {v[1]}.4s",
            "sha256su1": f"sha256su1 {v[0]}.4s, {v[1]}.4s, {v[2]}.4s",
            "pmull": f"pmull {v[0]}.1q, {v[1]}.1d, {v[2]}.1d",
            "pmull2": f"pmull2 {v[0]}.1q, {v[1]}.2d, {v[2]}.2d",
        }.get(op, f"{op} q{n[0]}, s{n[1]}, {v[2]}.4s"))

    # ---- Sequences ----

    def sequence(self, number):
        self.emit(f"seq_{number}:", f"mov x27, #{self.r.randrange(64)}")
        for _ in range(3):
            value = self.pick(INTERESTING) if self.r.random() < 0.5 else self.r.getrandbits(64)
            register = self.dst()
            self.emit(f"movz {register}, #{value & 0xffff:#x}",
                      *(f"movk {register}, #{value >> k & 0xffff:#x}, lsl #{k}"
                        for k in (16, 32, 48) if value >> k & 0xffff))
        for _ in range(2):
            # x25 is the address of random vectors until it is overwritten.
            self.emit("ldr x25, =vectors",
                      f"ldr q{self.r.randrange(32)}, [x25, #{self.r.randrange(127) * 16}]")
        self.call_some(self.makers, 5, 12)
        # Constants in reach, behind a way around them.
        if number % 100 == 99:
            self.label += 1
            self.emit(f"b .Lj{self.label}", ".ltorg", f".Lj{self.label}:")

    def program(self, count):
        features = "+fp16fml+sve2+sve2-bitperm" if self.scalable else ""
        self.emit(f".arch armv8.5-a+crypto+fp16{features}", '.section .note.GNU-stack, "", %progbits', ".text",
                  ".globl _start", "_start:", "ldr x9, =stack_top", "mov sp, x9", "ldr x28, =middle",
                  "ldr x25, =vectors", "msr fpcr, xzr", "msr fpsr, xzr", "msr nzcv, xzr",
                  *(f"mov x{i}, #{i}" for i in list(range(25)) + [27, 29, 30]), "mov x26, x28",
                  *(f"ldr q{i}, [x25, #{i * 16}]" for i in range(32)))
        # Literal loads reach a megabyte.
        for number in range(count):
            if number % 1000 == 0:
                self.emit(f"b .Lconstants{number}", ".balign 4", f"constants_{number}:",
                          *(f".long {self.r.getrandbits(32)}" for _ in range(24)),
                          f".Lconstants{number}:", f".set constants, constants_{number}")
            self.sequence(number)
        self.emit("end:", "mov x0, #7", "mov x8, #94", "svc #0", ".ltorg")
        self.data([(0.15, 2, lambda: self.pick(HALVES)), (0.35, 4, lambda: self.pick(SINGLES)),
                   (0.5, 8, lambda: self.pick(DOUBLES)), (0.65, 4, self.single),
                   (0.8, 8, self.double), (1, 8, lambda: self.r.getrandbits(64))])
        self.emit("fence:")
        return self.text()
