# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random SVE and SVE2 instructions, as assembly for gas, for the sequences of aarch64.py:
x28 and x26 as there; `fence` is the end of memory, behind which first-fault loads fault.

A form is what stands below, with names of operands in braces: D, Z, Y, X are vector
registers, the same one where it is named twice; P, Q, R predicates; G a governing one;
t the element's type, w the type of twice that size, n of half; I, J numbers of the
form's own range.  Each form is followed by the types that it has.
"""

INTEGER = """
add sub subr mul smax smin umax umin sabd uabd smulh umulh asr lsl lsr asrr lslr lsrr
and orr eor bic sqadd uqadd sqsub uqsub shadd uhadd srhadd urhadd shsub uhsub srshl urshl
sqshl uqshl sqrshl uqrshl suqadd usqadd addp smaxp sminp umaxp uminp
""".split()

FORMS = [
    ("{op} {D}.{t}, {G}/m, {D}.{t}, {Z}.{t}", "bhsd", INTEGER),
    ("{op} {D}.{t}, {G}/m, {D}.{t}, {Z}.{t}", "sd", "sdiv udiv sdivr udivr".split()),
    ("{op} {D}.{t}, {G}/m, {D}.{t}, {Z}.d", "bhs", "asr lsl lsr".split()),
    ("{op} {D}.{t}, {G}/m, {D}.{t}, #{I}", "bhsd", "asr lsr srshr urshr asrd".split(), (1, 8)),
    ("{op} {D}.{t}, {G}/m, {D}.{t}, #{I}", "bhsd", "lsl sqshl uqshl sqshlu".split(), (0, 7)),
    ("{op} {D}.{t}, {Z}.{t}, {Y}.{t}", "bhsd",
     "add sub mul smulh umulh sqadd uqadd sqsub uqsub zip1 zip2 uzp1 uzp2 trn1 trn2 tbl tbx "
     "sqdmulh sqrdmulh bdep bext bgrp eorbt eortb".split()),
    ("{op} {D}.{t}, {Z}.{t}, {Y}.d", "bhs", "asr lsl lsr".split()),
    ("{op} {D}.{t}, {Z}.{t}, #{I}", "bhsd", "asr lsr".split(), (1, 8)),
    ("{op} {D}.{t}, {Z}.{t}, #{I}", "bhsd", "lsl sli".split(), (0, 7)),
    ("{op} {D}.{t}, {Z}.{t}, #{I}", "bhsd", "sri ssra usra srsra ursra".split(), (1, 8)),
    ("{op} {D}.d, {Z}.d, {Y}.d", "d", "and orr eor bic".split()),
    ("{op} {D}.d, {D}.d, {Z}.d, {Y}.d", "d", "bsl bsl1n bsl2n nbsl eor3 bcax".split()),
    ("xar {D}.{t}, {D}.{t}, {Z}.{t}, #{I}", "bhsd", None, (1, 8)),
    ("{op} {D}.{t}, {D}.{t}, #{I}", "bhsd", "add sub subr sqadd uqadd sqsub uqsub".split(), (0, 255)),
    ("{op} {D}.{t}, {D}.{t}, #{I}", "bhsd", "smax smin mul".split(), (-128, 127)),
    ("{op} {D}.{t}, {D}.{t}, #{I}", "bhsd", "umax umin".split(), (0, 255)),
    ("{op} {D}.d, {D}.d, #{M:#x}", "d", "and orr eor".split()),
    ("dupm {D}.d, #{M:#x}", "d"),
    ("{op} {D}.{t}, {G}/m, {Z}.{t}, {Y}.{t}", "bhsd", "mla mls mad msb".split()),
    ("{op} {D}.{t}, {G}/m, {Z}.{t}", "bhsd", "abs neg cls clz cnt cnot not sqabs sqneg rbit".split()),
    ("sxtb {D}.{t}, {G}/m, {Z}.{t}", "hsd"), ("uxtb {D}.{t}, {G}/m, {Z}.{t}", "hsd"),
    ("sxth {D}.{t}, {G}/m, {Z}.{t}", "sd"), ("uxtw {D}.d, {G}/m, {Z}.d", "d"),
    ("revb {D}.{t}, {G}/m, {Z}.{t}", "hsd"), ("revh {D}.{t}, {G}/m, {Z}.{t}", "sd"),
    ("revw {D}.d, {G}/m, {Z}.d", "d"),
    ("rev {D}.{t}, {Z}.{t}", "bhsd"), ("sunpklo {D}.{w}, {Z}.{t}", "bhs"),
    ("uunpkhi {D}.{w}, {Z}.{t}", "bhs"), ("insr {D}.{t}, {x}", "bhsd"), ("insr {D}.{t}, {F}", "bhsd"),
    ("dup {D}.{t}, {x}", "bhsd"), ("dup {D}.{t}, {Z}.{t}[{I}]", "bhsd", None, (0, 7)),
    ("dup {D}.{t}, #{I}", "bhsd", None, (-128, 127)), ("fdup {D}.{t}, #1.5", "hsd"),
    ("cpy {D}.{t}, {G}/m, #{I}", "bhsd", None, (-128, 127)),
    ("cpy {D}.{t}, {G}/z, #{I}", "bhsd", None, (-128, 127)),
    ("cpy {D}.{t}, {G}/m, {x}", "bhsd"), ("cpy {D}.{t}, {G}/m, {F}", "bhsd"),
    ("fcpy {D}.{t}, {G}/m, #0.25", "hsd"), ("sel {D}.{t}, {Q}, {Z}.{t}, {Y}.{t}", "bhsd"),
    ("splice {D}.{t}, {G}, {D}.{t}, {Z}.{t}", "bhsd"), ("compact {D}.{t}, {G}, {Z}.{t}", "sd"),
    ("ext {D}.b, {D}.b, {Z}.b, #{I}", "b", None, (0, 255)),
    ("movprfx {D}, {Z}\nadd {D}.{t}, {G}/m, {D}.{t}, {Y}.{t}", "bhsd"),
    ("movprfx {D}.{t}, {G}/z, {Z}.{t}\nlsl {D}.{t}, {G}/m, {D}.{t}, {Y}.{t}", "bhsd"),
    ("index {D}.{t}, #{I}, #{J}", "bhsd", None, (-16, 15)), ("index {D}.{t}, {x}, #{I}", "bhsd", None, (-16, 15)),
    ("index {D}.{t}, #{I}, {x}", "bhsd", None, (-16, 15)), ("index {D}.{t}, {x}, {x2}", "bhsd"),
    ("{op} {D}.{t}, {Z}.{t}, {Y}.{t}", "hsd",
     "fadd fsub fmul ftsmul frecps frsqrts".split()),
    ("{op} {D}.{t}, {G}/m, {D}.{t}, {Z}.{t}", "hsd",
     "fadd fsub fsubr fmul fdiv fdivr fmax fmin fmaxnm fminnm fabd fmulx fscale faddp fmaxp fminp "
     "fmaxnmp fminnmp".split()),
    ("{op} {D}.{t}, {G}/m, {Z}.{t}, {Y}.{t}", "hsd",
     "fmla fmls fnmla fnmls fmad fmsb fnmad fnmsb".split()),
    ("{op} {D}.{t}, {G}/m, {Z}.{t}", "hsd",
     "fabs fneg fsqrt frintn frintm frintp frintz frinta frintx frinti frecpx flogb".split()),
    ("{op} {D}.{t}, {Z}.{t}", "hsd", "frecpe frsqrte fexpa".split()),
    ("ftmad {D}.{t}, {D}.{t}, {Z}.{t}, #{I}", "hsd", None, (0, 7)),
    ("ftssel {D}.{t}, {Z}.{t}, {Y}.{t}", "hsd"),
    ("{op} {D}.{t}, {G}/m, {D}.{t}, #0.5", "hsd", "fadd fsub fsubr fmul".split()),
    ("{op} {D}.{t}, {G}/m, {D}.{t}, #1.0", "hsd", "fmax fmin fmaxnm fminnm".split()),
    ("fcadd {D}.{t}, {G}/m, {D}.{t}, {Z}.{t}, #90", "hsd"),
    ("fcmla {D}.{t}, {G}/m, {Z}.{t}, {Y}.{t}, #180", "hsd"),
    ("{op} {D}.{t}, {G}/m, {Z}.{t}", "hsd", "scvtf ucvtf fcvtzs fcvtzu".split()),
    ("fcvt {D}.s, {G}/m, {Z}.h", "s"), ("fcvt {D}.h, {G}/m, {Z}.d", "s"), ("fcvt {D}.d, {G}/m, {Z}.s", "s"),
    ("scvtf {D}.d, {G}/m, {Z}.s", "s"), ("fcvtzs {D}.s, {G}/m, {Z}.d", "s"),
    ("fcvtnt {D}.s, {G}/m, {Z}.d", "s"), ("fcvtlt {D}.d, {G}/m, {Z}.s", "s"),
    ("{op} {P}.{t}, {G}/z, {Z}.{t}, {Y}.{t}", "bhsd",
     "cmpeq cmpne cmpge cmpgt cmphi cmphs".split()),
    ("{op} {P}.{t}, {G}/z, {Z}.{t}, {Y}.d", "bhs", "cmpeq cmpne cmplt cmple cmplo cmpls".split()),
    ("{op} {P}.{t}, {G}/z, {Z}.{t}, #{I}", "bhsd", "cmpeq cmpne cmpge cmpgt cmplt cmple".split(), (-16, 15)),
    ("{op} {P}.{t}, {G}/z, {Z}.{t}, #{I}", "bhsd", "cmphi cmphs cmplo cmpls".split(), (0, 127)),
    ("{op} {P}.{t}, {G}/z, {Z}.{t}, {Y}.{t}", "bh", "match nmatch".split()),
    ("{op} {P}.{t}, {G}/z, {Z}.{t}, {Y}.{t}", "hsd", "fcmeq fcmne fcmge fcmgt fcmuo facge facgt".split()),
    ("{op} {P}.{t}, {G}/z, {Z}.{t}, #0.0", "hsd", "fcmeq fcmne fcmge fcmgt fcmlt fcmle".split()),
    ("{op} {P}.b, {Q}/z, {R}.b, {S}.b", "b",
     "and orr eor bic orn nor nand ands orrs eors bics orns nors nands".split()),
    ("sel {P}.b, {Q}, {R}.b, {S}.b", "b"),
    ("{op} {P}.b, {Q}/z, {R}.b, {S}.b", "b", "brkpa brkpb brkpas brkpbs".split()),
    ("{op} {P}.b, {Q}/z, {R}.b", "b", "brka brkb brkas brkbs".split()),
    ("{op} {P}.b, {Q}/m, {R}.b", "b", "brka brkb".split()),
    ("{op} {P}.b, {Q}/z, {R}.b, {P}.b", "b", "brkn brkns".split()),
    ("{op} {P}.{t}, {Q}.{t}, {R}.{t}", "bhsd", "zip1 zip2 uzp1 uzp2 trn1 trn2".split()),
    ("rev {P}.{t}, {Q}.{t}", "bhsd"), ("punpklo {P}.h, {Q}.b", "b"), ("punpkhi {P}.h, {Q}.b", "b"),
    ("{op} {P}.{t}, {a}", "bhsd", "ptrue ptrues".split()), ("pfalse {P}.b", "b"),
    ("pfirst {P}.b, {Q}, {P}.b", "b"), ("pnext {P}.{t}, {Q}, {P}.{t}", "bhsd"), ("ptest {Q}, {R}.b", "b"),
    ("setffr\nrdffr {P}.b", "b"), ("wrffr {Q}.b\nrdffrs {P}.b, {R}/z", "b"), ("rdffr {P}.b, {Q}/z", "b"),
    ("{op} {P}.{t}, {x64}, {y64}", "bhsd",
     "whilelt whilele whilelo whilels whilegt whilege whilehi whilehs whilewr whilerw".split()),
    ("{op} {P}.{t}, {x32}, {y32}", "bhsd", "whilelt whilele whilelo whilels whilegt whilege".split()),
    ("cterm{c} {x64}, {y64}", "b"),
    ("cntp {x64}, {Q}, {R}.{t}", "bhsd"), ("{op} {x64}, {Q}.{t}", "bhsd", "incp decp sqincp uqdecp".split()),
    ("{op} {D}.{t}, {Q}.{t}", "hsd", "incp decp sqincp uqincp sqdecp".split()),
    ("cnt{m} {x64}, {a}, mul #{I}", "bhsd", None, (1, 16)),
    ("{op}{m} {x64}, {a}, mul #{I}", "bhsd", "inc dec sqinc uqinc sqdec uqdec".split(), (1, 16)),
    ("{op}{m} {D}.{t}, {a}, mul #{I}", "hsd", "inc dec sqinc uqinc sqdec uqdec".split(), (1, 16)),
    ("rdvl {x64}, #{I}", "b", None, (-32, 31)), ("addvl {x64}, {y64}, #{I}", "b", None, (-32, 31)),
    ("addpl {x64}, {y64}, #{I}", "b", None, (-32, 31)),
    ("{op} {Fd}, {G}, {Z}.{t}", "bhs", "saddv uaddv".split()),
    ("{op} {F}, {G}, {Z}.{t}", "bhsd", "smaxv sminv umaxv uminv andv orv eorv".split()),
    ("{op} {F}, {G}, {Z}.{t}", "hsd", "faddv fmaxv fminv fmaxnmv fminnmv".split()),
    ("fadda {F1}, {G}, {F1}, {Z}.{t}", "hsd"),
    ("{op} {x}, {G}, {Z}.{t}", "bhsd", "lasta lastb".split()),
    ("{op} {F}, {G}, {Z}.{t}", "bhsd", "lasta lastb".split()),
    ("{op} {x}, {G}, {x}, {Z}.{t}", "bhsd", "clasta clastb".split()),
    ("{op} {F1}, {G}, {F1}, {Z}.{t}", "bhsd", "clasta clastb".split()),
    ("{op} {D}.{t}, {G}, {D}.{t}, {Z}.{t}", "bhsd", "clasta clastb".split()),
    ("adr {D}.{t}, [{Z}.{t}, {Y}.{t}, lsl #2]", "sd"), ("adr {D}.d, [{Z}.d, {Y}.d, sxtw #3]", "d"),
    ("{op} {D}.{w}, {Z}.{t}, {Y}.{t}", "bhs",
     "saddlb saddlt uaddlb ssublb usublt sabdlb uabdlt smullb umullt sqdmullb saddlbt ssubltb".split()),
    ("{op} {D}.{w}, {Z}.{t}, {Y}.{t}", "bhs",
     "smlalb smlalt umlalb umlslt sqdmlalb sqdmlslt sqdmlalbt sabalb uabalt".split()),
    ("{op} {D}.{w}, {Z}.{w}, {Y}.{t}", "bhs", "saddwb saddwt uaddwb ssubwt usubwb".split()),
    ("{op} {D}.{t}, {Z}.{w}, {Y}.{w}", "bhs", "addhnb addhnt raddhnb subhnt rsubhnb".split()),
    ("{op} {D}.{t}, {Z}.{w}, #{I}", "bhs",
     "shrnb shrnt rshrnb sqshrnb sqshrnt uqshrnb sqshrunb sqrshrnt".split(), (1, 8)),
    ("{op} {D}.{t}, {Z}.{w}", "bhs", "sqxtnb sqxtnt uqxtnb sqxtunt".split()),
    ("{op} {D}.{w}, {Z}.{t}, #{I}", "bhs", "sshllb sshllt ushllb ushllt".split(), (0, 7)),
    ("{op} {D}.{w}, {G}/m, {Z}.{t}", "bhs", "sadalp uadalp".split()),
    ("{op} {D}.{t}, {Z}.{t}, {Y}.{t}", "bhsd", "saba uaba sqrdmlah sqrdmlsh".split()),
    ("cadd {D}.{t}, {D}.{t}, {Z}.{t}, #90", "bhsd"), ("sqcadd {D}.{t}, {D}.{t}, {Z}.{t}, #270", "bhsd"),
    ("cmla {D}.{t}, {Z}.{t}, {Y}.{t}, #90", "bhsd"), ("sqrdcmlah {D}.{t}, {Z}.{t}, {Y}.{t}, #180", "bhsd"),
    ("cdot {D}.s, {Z}.b, {Y}.b, #90", "s"), ("sdot {D}.s, {Z}.b, {Y}.b", "s"), ("udot {D}.d, {Z}.h, {Y}.h", "s"),
    ("adclb {D}.{t}, {Z}.{t}, {Y}.{t}", "sd"), ("sbclt {D}.{t}, {Z}.{t}, {Y}.{t}", "sd"),
    ("pmul {D}.b, {Z}.b, {Y}.b", "b"), ("pmullb {D}.h, {Z}.b, {Y}.b", "b"), ("pmullt {D}.d, {Z}.s, {Y}.s", "b"),
    ("histseg {D}.b, {Z}.b, {Y}.b", "b"), ("histcnt {D}.{t}, {G}/z, {Z}.{t}, {Y}.{t}", "sd"),
    ("urecpe {D}.s, {G}/m, {Z}.s", "s"), ("ursqrte {D}.s, {G}/m, {Z}.s", "s"),
    ("mla {D}.s, {Z}.s, z3.s[2]", "s"), ("fmla {D}.d, {Z}.d, z5.d[1]", "s"), ("fmul {D}.h, {Z}.h, z7.h[5]", "s"),
    ("sqdmulh {D}.s, {Z}.s, z2.s[3]", "s"), ("smullb {D}.d, {Z}.s, z4.s[1]", "s"),
    ("fmlal2 v6.4s, v{I}.4h, v{J}.4h", "s", None, (0, 31)), ("fmlsl v6.2s, v{I}.2h, v{J}.2h", "s", None, (0, 31)),
    ("fmlalb {D}.s, {Z}.h, {Y}.h", "s"), ("fmlslt {D}.s, {Z}.h, {Y}.h", "s"),
    ("tbl {D}.{t}, {{z4.{t}, z5.{t}}}, {Z}.{t}", "bhsd"),
]

NEXT = {"b": "h", "h": "s", "s": "d", "d": "d"}
SIZE = {"b": 1, "h": 2, "s": 4, "d": 8}
COUNTS = "pow2 vl1 vl2 vl3 vl5 vl8 vl16 vl64 mul4 mul3 all".split()


class Scalable:
    """Adds to a Generator of aarch64.py, whose operands and choices it uses."""

    def __init__(self, generator):
        self.g = generator
        generator.makers += [(90, self.form), (12, self.contiguous), (8, self.structures),
                             (6, self.registers), (10, self.gather), (6, self.first_fault),
                             (6, self.replicate), (8, self.governing)]

    def z(self):
        return f"z{self.g.r.randrange(32)}"

    def p(self, count=16):
        return f"p{self.g.r.randrange(count)}"

    def form(self):
        g = self.g
        text, types, *rest = g.pick(FORMS)
        t = g.pick(types)
        low, high = rest[1] if len(rest) > 1 else (0, 0)
        number = g.r.randrange(32)
        wide = "x" if t == "d" else "w"
        names = {
            "op": g.pick(rest[0]) if rest and rest[0] else "", "t": t, "w": NEXT[t], "m": "w" if t == "s" else t,
            "D": self.z(), "Z": self.z(), "Y": self.z(), "G": self.p(8), "P": self.p(), "Q": self.p(),
            "R": self.p(), "S": self.p(), "I": g.r.randint(low, high), "J": g.r.randint(low, high),
            "M": g.bitmask(64), "x": g.dst(wide), "x2": g.dst(wide), "x64": g.dst(), "y64": g.dst(),
            "x32": g.dst("w"), "y32": g.dst("w"), "F": f"{t}{g.r.randrange(32)}",
            "F1": f"{t}{number}", "Fd": f"d{number}", "a": g.pick(COUNTS), "c": g.pick(["eq", "ne"]),
        }
        # What is shifted must not be the prefix's source as well.
        if text.startswith("movprfx"):
            names["D"], names["Z"], names["Y"] = (f"z{n}" for n in g.r.sample(range(32), 3))
        # An element number that every length has.
        if "[{I}]" in text:
            names["I"] %= 16 // SIZE[t]
        g.emit(*text.format(**names).split("\n"))

    def governing(self):
        """A predicate that is neither empty nor full."""
        g = self.g
        t = g.pick("bhsd")
        g.emit(g.pick([f"ptrue {self.p(8)}.{t}, {g.pick(COUNTS)}",
                       f"cmpgt {self.p(8)}.{t}, {self.p(8)}/z, {self.z()}.{t}, #{g.r.randrange(-16, 16)}",
                       f"cmphi {self.p(8)}.{t}, {self.p(8)}/z, {self.z()}.{t}, {self.z()}.{t}",
                       f"ptrue {self.p(8)}.b"]))

    def address(self, multiple=1):
        """[x26 ...], a contiguous access's."""
        self.g.base()
        k = self.g.r.randrange(-1, 2) * multiple
        return f"[x26, #{k}, mul vl]" if k and self.g.r.random() < 0.6 else "[x26]"

    def contiguous(self):
        g = self.g
        memory = g.pick("bhwd")
        size = SIZE[{"w": "s"}.get(memory, memory)]
        t = g.pick([t for t in "bhsd" if SIZE[t] >= size])
        if g.r.random() < 0.5:
            sign = "s" if SIZE[t] > size and g.r.random() < 0.5 else ""
            g.emit(f"ld1{sign}{memory} {{{self.z()}.{t}}}, {self.p(8)}/z, {self.address()}"
                   if g.r.random() < 0.7 else
                   f"ldnt1{memory} {{{self.z()}.{'s' if memory == 'w' else memory}}}, {self.p(8)}/z, "
                   f"{self.address()}")
        elif g.r.random() < 0.7:
            g.emit(f"st1{memory} {{{self.z()}.{t}}}, {self.p(8)}, {self.address()}")
        else:
            g.base()
            shift = {"b": "", "h": ", lsl #1", "w": ", lsl #2", "d": ", lsl #3"}[memory]
            g.emit(f"st1{memory} {{{self.z()}.{t}}}, {self.p(8)}, [x26, x27{shift}]")

    def structures(self):
        g = self.g
        memory = g.pick("bhwd")
        t = "s" if memory == "w" else memory
        count, first = g.r.randrange(2, 5), g.r.randrange(32)
        regs = ", ".join(f"z{(first + k) % 32}.{t}" for k in range(count))
        load = g.r.random() < 0.5
        g.emit(f"{'ld' if load else 'st'}{count}{memory} {{{regs}}}, {self.p(8)}{'/z' if load else ''}, "
               f"{self.address(count)}")

    def registers(self):
        g = self.g
        g.base()
        k = g.r.randrange(-4, 5)
        g.emit(f"{g.pick(['ldr', 'str'])} {g.pick([self.z(), self.p()])}, [x26, #{k}, mul vl]")

    def replicate(self):
        g = self.g
        memory = g.pick("bhwd")
        size = SIZE[{"w": "s"}.get(memory, memory)]
        t = g.pick([t for t in "bhsd" if SIZE[t] >= size])
        g.base()
        g.emit(g.pick([f"ld1r{memory} {{{self.z()}.{t}}}, {self.p(8)}/z, [x26, #{g.r.randrange(64) * size}]",
                       f"ld1rq{memory} {{{self.z()}.{'s' if memory == 'w' else memory}}}, {self.p(8)}/z, "
                       f"[x26, #{g.r.randrange(-8, 8) * 16}]"]))

    def gather(self):
        """Gathering loads and scattering stores; offsets may be the same."""
        g = self.g
        memory = g.pick("bhwd")
        size = SIZE[{"w": "s"}.get(memory, memory)]
        t = "d" if memory == "d" else g.pick("sd")
        offsets, value = (f"z{n}" for n in g.r.sample(range(32), 2))
        if g.r.random() < 0.2:
            value = offsets
        g.base()
        scaled = size > 1 and g.r.random() < 0.4
        g.emit(f"and {offsets}.{t}, {offsets}.{t}, #{0x7f if scaled else 0x1ff:#x}")
        load = g.r.random() < 0.5
        sign = "s" if load and SIZE[t] > size and g.r.random() < 0.4 else ""
        op = f"{'ld' if load else 'st'}1{sign}{memory} {{{value}.{t}}}, {self.p(8)}{'/z' if load else ''}"
        if g.r.random() < 0.3:
            base = self.z()
            while base in (offsets, value):
                base = self.z()
            g.emit(f"dup {base}.{t}, {'w' if t == 's' else 'x'}26",
                   f"add {offsets}.{t}, {offsets}.{t}, {base}.{t}")
            if g.r.random() < 0.5:
                g.emit(f"{op}, [{offsets}.{t}, #{g.r.randrange(8) * size}]")
            else:
                nt = "ldnt1" if load else "stnt1"
                g.emit(f"{nt}{sign}{op.split(' ', 1)[0][3 + len(sign):]} {op.split(' ', 1)[1]}, [{offsets}.{t}]")
            return
        shift = size.bit_length() - 1
        if t == "s" or g.r.random() < 0.4:
            extend = g.pick(["uxtw", "sxtw"]) + (f" #{shift}" if scaled else "")
            g.emit(f"{op}, [x26, {offsets}.{t}, {extend}]")
        else:
            g.emit(f"{op}, [x26, {offsets}.{t}{f', lsl #{shift}' if scaled else ''}]")

    def first_fault(self):
        """Loads at the end of memory: the first element is there, others may not be."""
        g = self.g
        memory = g.pick("bhwd")
        size = SIZE[{"w": "s"}.get(memory, memory)]
        t = g.pick([t for t in "bhsd" if SIZE[t] >= size])
        g.emit("setffr" if g.r.random() < 0.6 else f"wrffr {self.p()}.b", "ldr x25, =fence")
        kind = g.r.randrange(3)
        behind = g.r.randrange(1, 100) * size
        if kind == 0:
            g.emit(f"sub x25, x25, #{256 * 8 + behind}", f"ldff1{memory} {{{self.z()}.{t}}}, {self.p(8)}/z, [x25, xzr"
                   f"{'' if size == 1 else f', lsl #{size.bit_length() - 1}'}]")
            pred = self.p(8)
            g.emit("ldr x25, =fence", f"sub x25, x25, #{behind}", f"ptrue {pred}.{t}",
                   f"ldff1{memory} {{{self.z()}.{t}}}, {pred}/z, [x25]")
        elif kind == 1:
            g.emit(f"sub x25, x25, #{behind}", f"ldnf1{memory} {{{self.z()}.{t}}}, {self.p(8)}/z, [x25]")
        else:
            pred, z = self.p(8), self.z()
            t = "d" if memory == "d" else g.pick("sd")
            g.emit(f"sub x25, x25, #{64 + size}", f"ptrue {pred}.{t}",
                   f"index {z}.{t}, #0, #{g.r.randrange(1, 16)}",
                   f"ldff1{memory} {{{self.z()}.{t}}}, {pred}/z, [x25, {z}.{t}{', uxtw' if t == 's' else ''}]")
        g.emit(f"rdffr {self.p()}.b", "setffr")
