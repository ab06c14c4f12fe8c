# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random sequences of x86_64 user-mode instructions, as assembly for gas.

Reserved registers keep addresses valid: rbx points to the boundary between the two
scratch pages, r14 is an index from 0 to 63, rsp a stack of its own.  Everything
else is fair game, and state flows from one sequence into the next.
"""

from sequences import SINGLES, Sequences

FEATURES = ("mmx sse sse2 pni ssse3 sse4_1 sse4_2 popcnt movbe abm bmi1 bmi2 adx avx avx2 "
            "fma f16c aes pclmulqdq sha_ni cx16 x87").split()

GP = {
    64: "rax rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13".split(),
    32: "eax ecx edx esi edi ebp r8d r9d r10d r11d r12d r13d".split(),
    16: "ax cx dx si di bp r8w r9w r10w r11w r12w r13w".split(),
    8: "al cl dl sil dil bpl r8b r9b r10b r11b r12b r13b".split(),
}
HIGH = "al cl dl ah ch dh".split()
PTR = {8: "byte", 16: "word", 32: "dword", 64: "qword", 80: "tbyte", 128: "xmmword",
       256: "ymmword"}
CC = "o no b ae e ne be a s ns p np l ge le g".split()
INTERESTING = [0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
               0x80000000, 0xffffffff, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
               0x5555555555555555, 0xaaaaaaaaaaaaaaaa]
DOUBLES = [0, 1 << 63, 1, 0x000fffffffffffff, 0x0010000000000000, 0x3ff0000000000000,
           0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
           0x7ff8000000000000, 0x7ff0000000000001, 0x7fefffffffffffff,
           0x41dfffffffc00000, 0x41e0000000000000, 0x43e0000000000000,
           0xc3e0000000000000, 0x3ff8000000000000, 0x400921fb54442d18,
           0x36a0000000000000, 0x3810000000000000, 0x47efffffe0000000]

# What has the form "op x, x/m128", with its three-operand twin "vop x, x, x/m".
INT = {
    "sse2": """paddb paddw paddd paddq psubb psubw psubd psubq paddsb paddsw paddusb paddusw
        psubsb psubsw psubusb psubusw pmullw pmulhw pmulhuw pmuludq pmaddwd psadbw pavgb pavgw
        pminub pmaxub pminsw pmaxsw pand pandn por pxor pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw
        pcmpgtd punpcklbw punpcklwd punpckldq punpckhbw punpckhwd punpckhdq packsswb packssdw
        packuswb""",
    "ssse3": """pshufb phaddw phaddd phaddsw phsubw phsubd phsubsw pmaddubsw pmulhrsw psignb
        psignw psignd""",
}
INT_XMM = {
    "sse2": "punpcklqdq punpckhqdq",
    "sse4_1": """pmulld pmuldq pminsb pmaxsb pminuw pmaxuw pminud pmaxud pminsd pmaxsd packusdw
        pcmpeqq""",
    "sse4_2": "pcmpgtq",
}
SHIFTS = "psllw pslld psllq psrlw psrld psrlq psraw psrad".split()
FLOAT = {
    "sse2": """addps addpd subps subpd mulps mulpd divps divpd minps minpd maxps maxpd andps
        andpd andnps andnpd orps orpd xorps xorpd unpcklps unpcklpd unpckhps unpckhpd""",
    "pni": "haddps haddpd hsubps hsubpd addsubps addsubpd",
}
SCALAR = """addss addsd subss subsd mulss mulsd divss divsd minss minsd maxss maxsd""".split()
UNARY = {
    "sse2": "sqrtps sqrtpd cvtdq2ps cvtps2dq cvttps2dq cvtpd2ps cvtpd2dq cvttpd2dq",
    "pni": "movshdup movsldup",
    "ssse3": "pabsb pabsw pabsd",
}
WIDENING = {"pmovsxbw": 64, "pmovsxbd": 32, "pmovsxbq": 16, "pmovsxwd": 64, "pmovsxwq": 32,
            "pmovsxdq": 64, "pmovzxbw": 64, "pmovzxbd": 32, "pmovzxbq": 16, "pmovzxwd": 64,
            "pmovzxwq": 32, "pmovzxdq": 64}
IMMEDIATE = {
    "sse2": "shufps:255 shufpd:3 cmpps:7 cmppd:7",
    "ssse3": "palignr:40",
    "sse4_1": "blendps:15 blendpd:3 pblendw:255 dpps:255 mpsadbw:63",
}



def words(table, features):
    return [w for feature, text in table.items() if feature in features for w in text.split()]


class Generator(Sequences):
    def __init__(self, random, features):
        super().__init__(random)
        self.features = set(features)
        self.flushes = False
        self.makers = []
        for weight, needs, maker in self.table():
            if all(n in self.features for n in needs.split()):
                self.makers.append((weight, maker))
        self.int2 = words(INT, self.features)
        self.int_xmm = words(INT_XMM, self.features)
        self.float2 = words(FLOAT, self.features)
        self.unary = words(UNARY, self.features)
        self.immediate = [w.split(":") for w in words(IMMEDIATE, self.features)]

    # ---- Operands ----

    def displacement(self, bits, aligned=False):
        """From rbx; often close to the boundary of the pages."""
        if aligned:
            step = bits // 8
            return self.r.randrange(-512 // step, 512 // step) * step
        if self.r.random() < 0.4:
            return self.r.randrange(-bits // 8 - 1, 3)
        return self.r.randrange(-700, 700)

    def address(self, bits, aligned=False, rex=True):
        d = self.displacement(bits, aligned)
        form = self.r.random()
        if aligned or not rex or form < 0.5:
            return f"[rbx {d:+d}]"
        if form < 0.75:
            return f"[rbx + r14*{self.pick([1, 2, 4, 8])} {d:+d}]"
        if form < 0.9:
            return f"[rip + middle {d:+d}]"
        return f"[ebx + r14d*{self.pick([1, 2, 4, 8])} {d:+d}]"

    def mem(self, bits, aligned=False, rex=True):
        return f"{PTR[bits]} ptr {self.address(bits, aligned, rex)}"

    def reg(self, bits):
        return self.pick(GP[bits])

    def rm(self, bits):
        return self.mem(bits) if self.r.random() < 0.35 else self.reg(bits)

    def size(self, smallest=8):
        return self.pick([s for s in (8, 16, 32, 64, 32, 64) if s >= smallest])

    def imm(self, bits):
        """One that the instruction can have: sign-extended from 32 bits."""
        value = self.pick(INTERESTING) if self.r.random() < 0.5 else self.r.getrandbits(64)
        if self.r.random() < 0.4:
            value = self.r.randrange(-128, 128)
        width = min(bits, 32)
        value &= (1 << width) - 1
        return value - (1 << width) if value >> (width - 1) else value

    def x(self):
        return f"xmm{self.r.randrange(16)}"

    def y(self):
        return f"ymm{self.r.randrange(16)}"

    def mm(self):
        return f"mm{self.r.randrange(8)}"

    def xm(self, bits=128, aligned=True):
        return self.mem(bits, aligned and bits == 128) if self.r.random() < 0.3 else self.x()

    def wide(self):
        """Prefix and size of an AVX operand."""
        return self.pick([("xmm", 128), ("ymm", 256)])

    def v(self, kind):
        return f"{kind}{self.r.randrange(16)}"

    def vm(self, kind, bits):
        return self.mem(bits) if self.r.random() < 0.3 else self.v(kind)

    # ---- Kinds of instructions ----

    def table(self):
        return [
            (12, "", self.alu), (3, "", self.alu_high), (4, "", self.unary_alu),
            (4, "", self.move), (3, "", self.extend), (8, "", self.shift),
            (3, "", self.double_shift), (5, "", self.multiply), (3, "", self.divide),
            (5, "", self.bit_test), (3, "", self.bit_scan), (3, "", self.conditional),
            (3, "", self.exchange), (4, "", self.locked), (4, "", self.string),
            (4, "", self.stack), (3, "", self.flags), (3, "", self.convert), (3, "", self.lea),
            (3, "", self.jump), (2, "cx16", self.exchange16), (2, "movbe", self.movbe),
            (2, "sse4_2", self.crc32), (2, "popcnt", self.popcnt), (2, "abm", self.lzcnt),
            (4, "bmi1", self.bmi1), (4, "bmi2", self.bmi2), (3, "adx", self.adx),
            (8, "sse2", self.sse_int), (3, "sse2", self.sse_shift), (7, "sse2", self.sse_float),
            (4, "sse2", self.sse_scalar), (4, "sse2", self.sse_unary),
            (4, "sse2", self.sse_move), (4, "sse2", self.sse_gp), (4, "sse2", self.sse_imm),
            (3, "sse4_1", self.sse41), (2, "sse4_2", self.sse42), (2, "aes", self.aes),
            (1, "pclmulqdq", self.clmul), (1, "sha_ni", self.sha), (4, "mmx", self.mmx),
            (8, "avx avx2", self.avx_int), (7, "avx avx2", self.avx_float),
            (6, "avx avx2", self.avx_move), (5, "avx2", self.avx2), (5, "fma", self.fma),
            (2, "f16c", self.f16c), (5, "x87", self.x87),
        ]

    def alu(self):
        op = self.pick("add or adc sbb and sub xor cmp test".split())
        bits = self.size()
        form = self.r.randrange(3)
        if form == 0:
            self.emit(f"{op} {self.rm(bits)}, {self.imm(bits)}")
        elif form == 1:
            self.emit(f"{op} {self.rm(bits)}, {self.reg(bits)}")
        elif op == "test":
            self.emit(f"test {self.reg(bits)}, {self.reg(bits)}")
        else:
            self.emit(f"{op} {self.reg(bits)}, {self.rm(bits)}")

    def alu_high(self):
        op = self.pick("add or adc sbb and sub xor cmp mov xchg test".split())
        a, b = self.pick(HIGH), self.pick(HIGH)
        form = self.r.randrange(4)
        if form == 0:
            self.emit(f"{self.pick('inc dec neg not'.split())} {a}")
        elif form == 1:
            self.emit(f"{op} {a}, {self.mem(8, rex=False)}" if op != "test"
                      else f"test {self.mem(8, rex=False)}, {a}")
        elif form == 2:
            self.emit(f"{self.pick('shl shr sar rol ror rcl rcr'.split())} {a}, "
                      f"{self.pick(['cl', str(self.r.randrange(32))])}")
        else:
            self.emit(f"{op} {a}, {b}")

    def unary_alu(self):
        self.emit(f"{self.pick('inc dec neg not'.split())} {self.rm(self.size())}")

    def move(self):
        bits = self.size()
        form = self.r.randrange(5)
        if form == 0:
            self.emit(f"mov {self.mem(bits)}, {self.reg(bits)}")
        elif form == 1:
            self.emit(f"mov {self.reg(bits)}, {self.rm(bits)}")
        elif form == 2:
            self.emit(f"mov {self.rm(bits)}, {self.imm(bits)}")
        elif form == 3:
            self.emit(f"movabs {self.reg(64)}, {self.pick(INTERESTING)}")
        else:
            self.emit(f"xchg {self.reg(bits)}, {self.reg(bits)}")

    def extend(self):
        to = self.size(16)
        if to == 64 and self.r.random() < 0.3:
            self.emit(f"movsxd {self.reg(64)}, {self.rm(32)}")
            return
        source = 8 if to == 16 else self.pick([8, 16])
        self.emit(f"{self.pick(['movsx', 'movzx'])} {self.reg(to)}, {self.rm(source)}")

    def shift(self):
        op = self.pick("shl shr sar rol ror rcl rcr".split())
        bits = self.size()
        count = self.pick([1, "cl", self.r.randrange(8), self.r.randrange(32),
                           self.r.randrange(256), bits - 1, bits])
        if count == "cl" and self.r.random() < 0.5:
            self.emit(f"mov cl, {self.pick([0, 1, bits - 1, bits, bits + 1, 31, 32, 63, 64])}")
        self.emit(f"{op} {self.rm(bits)}, {count}")

    def double_shift(self):
        bits = self.size(16)
        # Beyond the width of 16 bits, the result is undefined.
        count = self.r.randrange(17 if bits == 16 else 256)
        if self.r.random() < 0.5:
            self.emit(f"mov cl, {count}")
            count = "cl"
        self.emit(f"{self.pick(['shld', 'shrd'])} {self.rm(bits)}, {self.reg(bits)}, {count}")

    def multiply(self):
        bits = self.size()
        form = self.r.randrange(3)
        if form == 0 or bits == 8:
            self.emit(f"{self.pick(['mul', 'imul'])} {self.rm(bits)}")
        elif form == 1:
            self.emit(f"imul {self.reg(bits)}, {self.rm(bits)}")
        else:
            self.emit(f"imul {self.reg(bits)}, {self.rm(bits)}, {self.imm(bits)}")

    def divide(self):
        bits = self.size()
        divisor = self.pick([r for r in GP[bits] if r not in ("rax", "rdx", "eax", "edx", "ax",
                                                             "dx", "al", "dl")])
        # Neither by 0 nor with a quotient that does not fit.
        if self.r.random() < 0.5:
            self.emit(f"or {divisor}, 1", "movzx eax, al" if bits == 8 else
                      f"xor {GP[bits][2]}, {GP[bits][2]}", f"div {divisor}")
            return
        self.emit(f"or {divisor}, 1", f"btr {GP[max(bits, 16)][GP[bits].index(divisor)]}, {bits - 1}",
                  {8: "cbw", 16: "cwd", 32: "cdq", 64: "cqo"}[bits], f"idiv {divisor}")

    def bit_test(self):
        op = self.pick("bt bts btr btc".split())
        bits = self.size(16)
        form = self.r.randrange(4)
        if form == 0:
            self.emit(f"{op} {self.rm(bits)}, {self.r.randrange(256)}")
        elif form == 1:
            self.emit(f"{op} {self.mem(bits)}, {dict(zip((16, 32, 64), 'r14w r14d r14'.split()))[bits]}")
        elif form == 2:
            self.emit(f"movsx {GP[bits][6]}, cl", f"{op} {self.mem(bits)}, {GP[bits][6]}")
        else:
            self.emit(f"{op} {self.reg(bits)}, {self.reg(bits)}")

    def bit_scan(self):
        bits = self.size(16)
        self.emit(f"{self.pick(['bsf', 'bsr'])} {self.reg(bits)}, {self.rm(bits)}")

    def conditional(self):
        cc = self.pick(CC)
        if self.r.random() < 0.5:
            self.emit(f"set{cc} {self.rm(8)}")
        else:
            bits = self.size(16)
            self.emit(f"cmov{cc} {self.reg(bits)}, {self.rm(bits)}")

    def exchange(self):
        bits = self.size()
        op = self.pick(["xadd", "cmpxchg", "xchg"])
        if op == "cmpxchg" and self.r.random() < 0.5:
            self.emit(f"mov {GP[bits][0]}, {self.mem(bits)}")
        self.emit(f"{op} {self.rm(bits)}, {self.reg(bits)}")

    def locked(self):
        bits = self.size()
        form = self.r.randrange(5)
        if form == 0:
            self.emit(f"lock {self.pick('add or adc sbb and sub xor'.split())} {self.mem(bits)}, "
                      f"{self.pick([self.reg(bits), self.imm(bits)])}")
        elif form == 1:
            self.emit(f"lock {self.pick('inc dec neg not'.split())} {self.mem(bits)}")
        elif form == 2:
            self.emit(f"lock xadd {self.mem(bits)}, {self.reg(bits)}")
        elif form == 3:
            at = self.address(bits)
            if self.r.random() < 0.6:
                self.emit(f"mov {GP[bits][0]}, {PTR[bits]} ptr {at}")
            self.emit(f"lock cmpxchg {PTR[bits]} ptr {at}, {self.reg(bits)}")
        else:
            bits = self.size(16)
            self.emit(f"lock {self.pick('bts btr btc'.split())} {self.mem(bits)}, "
                      f"{self.r.randrange(64)}")

    def exchange16(self):
        bits = self.pick([64, 128])
        at = self.address(bits, aligned=True)
        name = {64: "cmpxchg8b qword ptr", 128: "cmpxchg16b xmmword ptr"}[bits]
        if self.r.random() < 0.5:
            a, d = ("eax", "edx") if bits == 64 else ("rax", "rdx")
            other = at.replace("[rbx", f"[rbx + {bits // 16}")
            self.emit(f"mov {a}, {at}", f"mov {d}, {other}")
        # ebx is a part of what is stored; the stack keeps it out of the way.
        self.emit(f"{self.pick(['', 'lock '])}{name} {at}")

    def string(self):
        op = self.pick("movs stos lods scas cmps".split())
        suffix = self.pick("bwdq")
        width = {"b": 1, "w": 2, "d": 4, "q": 8}[suffix]
        backwards = self.r.random() < 0.3
        self.emit(f"lea rsi, {self.address(64)}", f"lea rdi, {self.address(64)}")
        prefix = self.pick({"movs": ["", "rep "], "stos": ["", "rep "], "lods": ["", "rep "],
                            "scas": ["", "repe ", "repne "], "cmps": ["", "repe ", "repne "]}[op])
        if prefix:
            self.emit(f"mov ecx, {self.pick([0, 1, 2, self.r.randrange(40 // width + 2)])}")
        if op == "movs" and self.r.random() < 0.3:
            self.emit(f"lea rdi, [rsi {self.r.randrange(-width, width + 1):+d}]")
        if backwards:
            self.emit("std")
        self.emit(f"{prefix}{op}{suffix}")
        if backwards:
            self.emit("cld")

    def stack(self):
        form = self.r.randrange(8)
        if form == 0:
            self.emit(f"push {self.reg(64)}", f"pop {self.rm(64)}")
        elif form == 1:
            self.emit(f"push {self.reg(16)}", f"pop {self.rm(16)}")
        elif form == 2:
            self.emit(f"push {self.imm(32)}", f"pop {self.reg(64)}")
        elif form == 3:
            self.emit(f"push {self.mem(64)}", f"pop {self.mem(64)}")
        elif form == 4:
            self.emit(f"enter {self.r.randrange(64)}, 0", "leave")
        elif form == 5:
            # With outer frames: what they copy lies below rbp.
            self.emit("lea rbp, [rsp - 64]", f"enter {self.r.randrange(64)}, {self.r.randrange(4)}",
                      "leave", "lea rsp, [rip + stack_top]")
        elif form == 6:
            # Everything but the trap flag and what the kernel owns.
            self.emit("push " + str(self.pick([0x2, 0x8d7, 0x202, 0x246, 0xc93 & ~0x400])), "popfq")
        else:
            self.emit("pushfq", f"pop {self.reg(64)}")

    def flags(self):
        op = self.pick("clc stc cmc lahf sahf".split())
        self.emit(op)

    def convert(self):
        self.emit(self.pick("cbw cwde cdqe cwd cdq cqo".split()) if self.r.random() < 0.7 else
                  f"bswap {self.reg(self.pick([32, 64]))}")

    def lea(self):
        bits = self.size(16)
        index = self.pick(GP[64])
        self.emit(f"lea {self.reg(bits)}, [{self.reg(64)} + {index}*{self.pick([1, 2, 4, 8])} "
                  f"{self.r.randrange(-1 << 31, 1 << 31):+d}]")

    def jump(self):
        self.label += 1
        here = f".Lj{self.label}"
        form = self.r.randrange(4)
        if form == 0:
            self.emit(f"{self.pick(['jrcxz', 'jecxz'])} {here}")
            self.alu()
        elif form == 1:
            self.emit(f"call {here}f", f"jmp {here}", f"{here}f:")
            self.alu()
            self.emit("ret")
        elif form == 2:
            self.emit(f"mov ecx, {self.r.randrange(1, 5)}", f"{here}b:", "add rax, rcx",
                      f"{self.pick(['loop', 'loope', 'loopne'])} {here}b")
        else:
            self.emit(f"j{self.pick(CC)} {here}")
            self.alu()
        self.emit(here + ":")

    def movbe(self):
        bits = self.size(16)
        self.emit(self.pick([f"movbe {self.reg(bits)}, {self.mem(bits)}",
                             f"movbe {self.mem(bits)}, {self.reg(bits)}"]))

    def crc32(self):
        bits = self.size()
        self.emit(f"crc32 {self.reg(64 if bits == 64 else self.pick([32, 64]) if bits == 8 else 32)}, "
                  f"{self.rm(bits)}")

    def popcnt(self):
        bits = self.size(16)
        self.emit(f"popcnt {self.reg(bits)}, {self.rm(bits)}")

    def lzcnt(self):
        bits = self.size(16)
        self.emit(f"lzcnt {self.reg(bits)}, {self.rm(bits)}")

    def bmi1(self):
        bits = self.size(32)
        op = self.pick("andn bextr blsi blsr blsmsk tzcnt".split())
        if op == "tzcnt":
            bits = self.size(16)
        r, rm = self.reg(bits), self.rm(bits)
        self.emit({"andn": f"andn {r}, {self.reg(bits)}, {rm}",
                   "bextr": f"bextr {r}, {rm}, {self.reg(bits)}"}.get(op, f"{op} {r}, {rm}"))

    def bmi2(self):
        bits = self.size(32)
        op = self.pick("bzhi mulx pdep pext rorx sarx shlx shrx".split())
        r, s, rm = self.reg(bits), self.reg(bits), self.rm(bits)
        self.emit({"mulx": f"mulx {r}, {s}, {rm}", "pdep": f"pdep {r}, {s}, {rm}",
                   "pext": f"pext {r}, {s}, {rm}",
                   "rorx": f"rorx {r}, {rm}, {self.r.randrange(256)}"}.get(
                       op, f"{op} {r}, {rm}, {s}"))

    def adx(self):
        bits = self.size(32)
        self.emit(f"{self.pick(['adcx', 'adox'])} {self.reg(bits)}, {self.rm(bits)}")

    # ---- SSE ----

    def sse_int(self):
        self.emit(f"{self.pick(self.int2 + self.int_xmm)} {self.x()}, {self.xm()}")

    def sse_shift(self):
        if self.r.random() < 0.5:
            self.emit(f"{self.pick(SHIFTS + ['pslldq', 'psrldq'])} {self.x()}, "
                      f"{self.pick([self.r.randrange(20), self.r.randrange(70)])}")
        else:
            # A count of more than the width is likely in a whole register.
            count = self.x()
            self.emit(f"movd {count}, r14d", f"{self.pick(SHIFTS)} {self.x()}, {count}")

    def sse_float(self):
        self.emit(f"{self.pick(self.float2)} {self.x()}, {self.xm()}")

    def sse_scalar(self):
        op = self.pick(SCALAR + "sqrtss sqrtsd cvtss2sd cvtsd2ss comiss comisd ucomiss ucomisd"
                       .split())
        double = op in ("cvtsd2ss",) or op.endswith("sd") and op != "cvtss2sd"
        self.emit(f"{op} {self.x()}, {self.xm(64 if double else 32)}")

    def sse_unary(self):
        op = self.pick(self.unary)
        self.emit(f"{op} {self.x()}, {self.xm()}")

    def sse_move(self):
        form = self.r.randrange(10)
        if form == 0:
            self.emit(f"{self.pick('movdqu movups movupd'.split())} {self.mem(128)}, {self.x()}")
        elif form == 1:
            self.emit(f"{self.pick('movdqu movups movupd'.split())} {self.x()}, {self.mem(128)}")
        elif form == 2:
            self.emit(f"{self.pick('movdqa movaps movapd movntdq movntps'.split())} "
                      f"{self.mem(128, True)}, {self.x()}")
        elif form == 3:
            op, bits = self.pick([("movq", 64), ("movd", 32), ("movss", 32), ("movsd", 64)])
            self.emit(self.pick([f"{op} {self.x()}, {self.mem(bits)}",
                                 f"{op} {self.mem(bits)}, {self.x()}"]))
        elif form == 4:
            op = self.pick("movlps movhps movlpd movhpd".split())
            self.emit(self.pick([f"{op} {self.x()}, {self.mem(64)}",
                                 f"{op} {self.mem(64)}, {self.x()}"]))
        elif form == 5:
            self.emit(f"{self.pick('movhlps movlhps movss movsd movq movdqa movaps'.split())} "
                      f"{self.x()}, {self.x()}")
        elif form == 6:
            self.emit(f"cvtdq2pd {self.x()}, {self.xm(64)}")
        elif form == 7:
            self.emit(f"cvtps2pd {self.x()}, {self.xm(64)}")
        elif form == 8 and "pni" in self.features:
            self.emit(self.pick([f"movddup {self.x()}, {self.xm(64)}",
                                 f"lddqu {self.x()}, {self.mem(128)}"]))
        else:
            self.emit(f"lea rdi, {self.address(128)}", f"maskmovdqu {self.x()}, {self.x()}")

    def sse_gp(self):
        form = self.r.randrange(7)
        bits = self.pick([32, 64])
        if form == 0:
            self.emit(f"{self.pick(['cvtsi2ss', 'cvtsi2sd'])} {self.x()}, {self.rm(bits)}")
        elif form == 1:
            op, width = self.pick([("cvtss2si", 32), ("cvtsd2si", 64), ("cvttss2si", 32),
                                   ("cvttsd2si", 64)])
            self.emit(f"{op} {self.reg(bits)}, {self.xm(width)}")
        elif form == 2:
            self.emit(f"{'movd' if bits == 32 else 'movq'} {self.x()}, {self.reg(bits)}")
        elif form == 3:
            self.emit(f"{'movd' if bits == 32 else 'movq'} {self.reg(bits)}, {self.x()}")
        elif form == 4:
            self.emit(f"{self.pick('pmovmskb movmskps movmskpd'.split())} {self.reg(32)}, {self.x()}")
        elif form == 5:
            self.emit(f"pinsrw {self.x()}, {self.pick([self.reg(32), self.mem(16)])}, "
                      f"{self.r.randrange(256)}")
        else:
            self.emit(f"pextrw {self.reg(32)}, {self.x()}, {self.r.randrange(256)}")

    def sse_imm(self):
        if self.r.random() < 0.4:
            self.emit(f"{self.pick('pshufd pshuflw pshufhw'.split())} {self.x()}, {self.xm()}, "
                      f"{self.r.randrange(256)}")
            return
        if self.r.random() < 0.3:
            op, bits = self.pick([("cmpss", 32), ("cmpsd", 64)])
            self.emit(f"{op} {self.x()}, {self.xm(bits)}, {self.r.randrange(8)}")
            return
        op, limit = self.pick(self.immediate)
        self.emit(f"{op} {self.x()}, {self.xm()}, {self.r.randrange(int(limit) + 1)}")

    def sse41(self):
        form = self.r.randrange(9)
        imm = self.r.randrange(256)
        if form == 0:
            op = self.pick(list(WIDENING))
            self.emit(f"{op} {self.x()}, {self.xm(WIDENING[op])}")
        elif form == 1:
            self.emit(f"{self.pick('pblendvb blendvps blendvpd'.split())} {self.x()}, {self.xm()}, xmm0")
        elif form == 2:
            op, bits = self.pick([("roundps", 128), ("roundpd", 128), ("roundss", 32),
                                  ("roundsd", 64)])
            self.emit(f"{op} {self.x()}, {self.xm(bits)}, {self.r.randrange(16)}")
        elif form == 3:
            op, reg, bits = self.pick([("pinsrb", 32, 8), ("pinsrd", 32, 32), ("pinsrq", 64, 64)])
            self.emit(f"{op} {self.x()}, {self.pick([self.reg(reg), self.mem(bits)])}, {imm}")
        elif form == 4:
            op, reg, bits = self.pick([("pextrb", 32, 8), ("pextrd", 32, 32), ("pextrq", 64, 64),
                                       ("extractps", 32, 32), ("pextrw", 32, 16)])
            self.emit(f"{op} {self.pick([self.reg(reg), self.mem(bits)])}, {self.x()}, {imm}")
        elif form == 5:
            self.emit(f"insertps {self.x()}, {self.xm(32)}, {imm}")
        elif form == 6:
            self.emit(f"ptest {self.x()}, {self.xm()}")
        elif form == 7:
            self.emit(f"phminposuw {self.x()}, {self.xm()}")
        else:
            self.emit(f"dppd {self.x()}, {self.xm()}, {imm}")

    def sse42(self):
        # The other bits of the immediate are reserved.
        self.emit(f"{self.pick('pcmpestri pcmpestrm pcmpistri pcmpistrm'.split())} {self.x()}, "
                  f"{self.xm()}, {self.r.randrange(128)}")

    def aes(self):
        op = self.pick("aesenc aesenclast aesdec aesdeclast aesimc aeskeygenassist".split())
        imm = f", {self.r.randrange(256)}" if op == "aeskeygenassist" else ""
        self.emit(f"{op} {self.x()}, {self.xm()}{imm}")

    def clmul(self):
        self.emit(f"pclmulqdq {self.x()}, {self.xm()}, {self.pick([0, 1, 16, 17])}")

    def sha(self):
        op = self.pick("sha1nexte sha1msg1 sha1msg2 sha256msg1 sha256msg2 sha1rnds4 sha256rnds2"
                       .split())
        more = {"sha1rnds4": f", {self.r.randrange(4)}", "sha256rnds2": ", xmm0"}.get(op, "")
        self.emit(f"{op} {self.x()}, {self.xm()}{more}")

    def mmx(self):
        form = self.r.randrange(7)
        source = self.mem(64) if self.r.random() < 0.3 else self.mm()
        if form < 3:
            op = self.pick(self.int2)
            self.emit(f"{op} {self.mm()}, " + (self.mm() if self.r.random() < 0.7 else
                                               self.mem(32 if op.startswith("punpckl") else 64)))
        elif form == 3:
            self.emit(self.pick([f"movq {self.mm()}, {source}", f"movq {self.mem(64)}, {self.mm()}",
                                 f"movd {self.mm()}, {self.reg(32)}",
                                 f"movq {self.reg(64)}, {self.mm()}"]))
        elif form == 4:
            self.emit(f"{self.pick(SHIFTS)} {self.mm()}, {self.r.randrange(70)}")
        elif form == 5:
            self.emit(f"pshufw {self.mm()}, {source}, {self.r.randrange(256)}",
                      f"pmovmskb {self.reg(32)}, {self.mm()}")
        else:
            self.emit(f"movq2dq {self.x()}, {self.mm()}", f"movdq2q {self.mm()}, {self.x()}",
                      f"cvtps2pi {self.mm()}, {self.xm(64)}",
                      f"cvtpi2ps {self.x()}, {source}")
        if self.r.random() < 0.2:
            self.emit("emms")

    # ---- AVX ----

    def avx_int(self):
        kind, bits = self.wide()
        if self.r.random() < 0.2:
            op = self.pick(SHIFTS)
            self.emit(f"v{op} {self.v(kind)}, {self.v(kind)}, "
                      f"{self.pick([self.r.randrange(70), self.xm()])}")
            return
        self.emit(f"v{self.pick(self.int2 + self.int_xmm)} {self.v(kind)}, {self.v(kind)}, "
                  f"{self.vm(kind, bits)}")

    def avx_float(self):
        kind, bits = self.wide()
        form = self.r.randrange(7)
        if form < 2:
            self.emit(f"v{self.pick(self.float2)} {self.v(kind)}, {self.v(kind)}, "
                      f"{self.vm(kind, bits)}")
        elif form == 2:
            op = self.pick(SCALAR)
            self.emit(f"v{op} {self.x()}, {self.x()}, {self.xm(64 if op.endswith('d') else 32)}")
        elif form == 3:
            op = self.pick([o for o in self.unary if not o.startswith("cvtpd") and
                            not o.startswith("cvttpd")])
            self.emit(f"v{op} {self.v(kind)}, {self.vm(kind, bits)}")
        elif form == 4:
            op = self.pick("cvtpd2ps cvtpd2dq cvttpd2dq".split())
            self.emit(f"v{op} {self.x()}, {self.v(kind)}")
        elif form == 5:
            self.emit(f"vcmp{self.pick(['ps', 'pd'])} {self.v(kind)}, {self.v(kind)}, "
                      f"{self.vm(kind, bits)}, {self.r.randrange(32)}")
        else:
            op, limit = self.pick([i for i in self.immediate if not i[0].startswith("cmp")])
            self.emit(f"v{op} {self.v(kind)}, {self.v(kind)}, {self.vm(kind, bits)}, "
                      f"{self.r.randrange(int(limit) + 1)}")

    def avx_move(self):
        kind, bits = self.wide()
        imm = self.r.randrange(256)
        self.emit(self.pick([
            f"vmovdqu {self.mem(bits)}, {self.v(kind)}",
            f"vmovups {self.v(kind)}, {self.mem(bits)}",
            f"vmovdqa {self.v(kind)}, {self.v(kind)}",
            f"vmovq {self.x()}, {self.xm(64)}",
            f"vmovd {self.x()}, {self.rm(32)}",
            f"vmovss {self.x()}, {self.x()}, {self.x()}",
            f"vmovsd {self.mem(64)}, {self.x()}",
            f"vmovhps {self.x()}, {self.x()}, {self.mem(64)}",
            f"vmovlpd {self.x()}, {self.x()}, {self.mem(64)}",
            f"vmovlhps {self.x()}, {self.x()}, {self.x()}",
            f"vbroadcastss {self.v(kind)}, {self.mem(32)}",
            f"vbroadcastsd {self.y()}, {self.mem(64)}",
            f"vbroadcastf128 {self.y()}, {self.mem(128)}",
            f"vinsertf128 {self.y()}, {self.y()}, {self.xm()}, {imm}",
            f"vextractf128 {self.xm()}, {self.y()}, {imm}",
            f"vperm2f128 {self.y()}, {self.y()}, {self.vm('ymm', 256)}, {imm}",
            f"vpermilps {self.v(kind)}, {self.v(kind)}, {self.vm(kind, bits)}",
            f"vpermilpd {self.v(kind)}, {self.vm(kind, bits)}, {imm}",
            f"vtestps {self.v(kind)}, {self.vm(kind, bits)}",
            f"vptest {self.v(kind)}, {self.vm(kind, bits)}",
            f"vblendvps {self.v(kind)}, {self.v(kind)}, {self.vm(kind, bits)}, {self.v(kind)}",
            f"vmaskmovps {self.v(kind)}, {self.v(kind)}, {self.mem(bits)}",
            f"vmaskmovpd {self.mem(bits)}, {self.v(kind)}, {self.v(kind)}",
            f"vpmovmskb {self.reg(32)}, {self.v(kind)}",
            f"vmovmskps {self.reg(32)}, {self.v(kind)}",
            f"vpinsrd {self.x()}, {self.x()}, {self.rm(32)}, {imm}",
            f"vpextrq {self.rm(64)}, {self.x()}, {imm}",
            f"vroundps {self.v(kind)}, {self.vm(kind, bits)}, {imm & 15}",
            f"vcvtps2pd {self.y()}, {self.x()}",
            f"vcvtdq2pd {self.y()}, {self.x()}",
            f"vucomisd {self.x()}, {self.xm(64)}",
            f"vcvtsi2sd {self.x()}, {self.x()}, {self.reg(64)}",
            f"vcvttss2si {self.reg(64)}, {self.x()}",
            "vzeroupper",
            f"vmovddup {self.v(kind)}, {self.v(kind)}",
        ]))

    def avx2(self):
        kind, bits = self.wide()
        imm = self.r.randrange(256)
        op = self.pick(list(WIDENING))
        a, b, c = self.r.sample(range(16), 3)
        self.emit(*self.pick([
            [f"vpbroadcast{s} {self.v(kind)}, {self.xm(n)}"]
            for s, n in (("b", 8), ("w", 16), ("d", 32), ("q", 64))] + [
            [f"vperm{self.pick(['d', 'ps'])} {self.y()}, {self.y()}, {self.vm('ymm', 256)}"],
            [f"vperm{self.pick(['q', 'pd'])} {self.y()}, {self.vm('ymm', 256)}, {imm}"],
            [f"vpsllv{self.pick('dq')} {self.v(kind)}, {self.v(kind)}, {self.vm(kind, bits)}"],
            [f"vpsrlv{self.pick('dq')} {self.v(kind)}, {self.v(kind)}, {self.vm(kind, bits)}"],
            [f"vpsravd {self.v(kind)}, {self.v(kind)}, {self.vm(kind, bits)}"],
            [f"vpblendd {self.v(kind)}, {self.v(kind)}, {self.vm(kind, bits)}, {imm}"],
            [f"vpmaskmov{self.pick('dq')} {self.v(kind)}, {self.v(kind)}, {self.mem(bits)}"],
            [f"vpmaskmov{self.pick('dq')} {self.mem(bits)}, {self.v(kind)}, {self.v(kind)}"],
            [f"vinserti128 {self.y()}, {self.y()}, {self.xm()}, {imm}"],
            [f"vextracti128 {self.xm()}, {self.y()}, {imm}"],
            [f"vperm2i128 {self.y()}, {self.y()}, {self.vm('ymm', 256)}, {imm}"],
            [f"v{op} {self.y()}, {self.x()}"],
            [f"vpblendvb {self.v(kind)}, {self.v(kind)}, {self.vm(kind, bits)}, {self.v(kind)}"],
            [f"vpslldq {self.v(kind)}, {self.v(kind)}, {self.r.randrange(20)}"],
            [f"vpshufd {self.v(kind)}, {self.vm(kind, bits)}, {imm}"],
            # Indices from a table of small ones.
            [f"vmovdqu {kind}{b}, {PTR[bits]} ptr [rip + indices]",
             f"vgatherdps {kind}{a}, [rbx + {kind}{b}*4], {kind}{c}"],
            [f"vmovdqu {kind}{b}, {PTR[bits]} ptr [rip + indices]",
             f"vpgatherdd {kind}{a}, [rbx + {kind}{b}*2 + 3], {kind}{c}"],
            [f"vmovdqu {kind}{b}, {PTR[bits]} ptr [rip + indices]",
             f"vpgatherdq {kind}{a}, [rbx + xmm{b} - 20], {kind}{c}"],
        ]))

    def fma(self):
        op = self.pick("fmadd fmsub fnmadd fnmsub fmaddsub fmsubadd".split())
        order = self.pick("132 213 231".split())
        if op in ("fmaddsub", "fmsubadd") or self.r.random() < 0.6:
            kind, bits = self.wide()
            self.emit(f"v{op}{order}{self.pick(['ps', 'pd'])} {self.v(kind)}, {self.v(kind)}, "
                      f"{self.vm(kind, bits)}")
        else:
            suffix, bits = self.pick([("ss", 32), ("sd", 64)])
            self.emit(f"v{op}{order}{suffix} {self.x()}, {self.x()}, {self.xm(bits)}")

    def f16c(self):
        kind, bits = self.wide()
        # Flushing to zero is not for half precision, but in QEMU 10.0 it is.
        if self.flushes:
            return
        if self.r.random() < 0.5:
            self.emit(f"vcvtph2ps {self.v(kind)}, {self.xm(bits // 2)}")
        else:
            self.emit(f"vcvtps2ph {self.xm(bits // 2)}, {self.v(kind)}, {self.r.randrange(8)}")

    # ---- x87 ----

    def x87(self):
        """From an empty stack to an empty stack, with what is in memory."""
        self.emit("fninit")
        if self.r.random() < 0.3:
            self.emit(f"mov word ptr [rbx], {self.pick([0x37f, 0x27f, 0x77f, 0xb7f, 0xf7f, 0x7f])}",
                      "fldcw word ptr [rbx]")
        depth = 0
        for _ in range(self.r.randrange(2, 7)):
            if depth < 2 or depth < 6 and self.r.random() < 0.4:
                self.emit(self.pick([
                    f"fld {self.mem(32)}", f"fld {self.mem(64)}", f"fild {self.mem(16)}",
                    f"fild {self.mem(32)}", f"fild {self.mem(64)}", "fld1", "fldz",
                    f"fld st({self.r.randrange(depth)})" if depth else "fld1"]))
                depth += 1
                continue
            other = self.r.randrange(1, depth)
            form = self.r.randrange(6)
            if form == 0:
                self.emit(f"{self.pick('fadd fsub fsubr fmul fdiv fdivr'.split())} "
                          f"{self.pick([f'st, st({other})', f'st({other}), st'])}")
            elif form == 1:
                self.emit(f"{self.pick('fadd fsub fsubr fmul fdiv fdivr'.split())} "
                          f"{self.mem(self.pick([32, 64]))}")
            elif form == 2:
                self.emit(f"{self.pick('faddp fsubp fsubrp fmulp fdivp fdivrp'.split())} "
                          f"st({other}), st")
                depth -= 1
            elif form == 3:
                self.emit(self.pick(["fchs", "fabs", "fsqrt", "frndint", f"fxch st({other})",
                                     f"fst st({other})"]))
            elif form == 4:
                self.emit(f"{self.pick(['fcomi', 'fucomi'])} st, st({other})")
            else:
                self.emit(f"fcmov{self.pick('b e be u nb ne nbe nu'.split())} st, st({other})")
        while depth:
            self.emit(self.pick([f"fstp {self.mem(80)}", f"fstp {self.mem(64)}",
                                 f"fstp {self.mem(32)}", f"fistp {self.mem(64)}",
                                 f"fistp {self.mem(32)}", f"fistp {self.mem(16)}"]))
            depth -= 1

    # ---- Sequences ----

    def sequence(self, number):
        self.emit(f"seq_{number}:", "lea rbx, [rip + middle]", "lea rsp, [rip + stack_top]",
                  f"mov r14d, {self.r.randrange(64)}")
        for _ in range(4):
            value = self.pick(INTERESTING) if self.r.random() < 0.5 else self.r.getrandbits(64)
            self.emit(f"movabs {self.reg(64)}, {value}")
        if "avx" in self.features:
            for _ in range(3):
                self.emit(f"vmovdqu {self.y()}, ymmword ptr [rip + vectors + {self.r.randrange(2000)}]")
        else:
            for _ in range(3):
                self.emit(f"movdqu {self.x()}, xmmword ptr [rip + vectors + {self.r.randrange(2000)}]")
        self.emit(f"mov rax, qword ptr [rip + vectors + {self.r.randrange(2000)}]",
                  f"mov qword ptr [rbx {self.displacement(64):+d}], rax")
        if self.r.random() < 0.2:
            # Rounding, flushing to zero, denormals are zero; all exceptions masked.
            value = 0x1f80 | self.r.randrange(4) << 13 | self.pick([0, 0, 0x8000, 0x40, 0x8040])
            self.flushes = value & 0x8040 != 0
            self.emit(f"mov dword ptr [rbx], {value}", "ldmxcsr dword ptr [rbx]")
        self.call_some(self.makers, 4, 11)

    def program(self, count):
        self.emit(".intel_syntax noprefix", '.section .note.GNU-stack, "", @progbits', ".text",
                  ".globl _start", "_start:", "cld", "fninit", "xor eax, eax",
                  *(f"xor {r}, {r}" for r in GP[32]), "cmp eax, eax",
                  "lea rsp, [rip + stack_top]", "lea rbx, [rip + middle]",
                  "mov dword ptr [rbx], 0x1f80", "ldmxcsr dword ptr [rbx]")
        wide = "ymm" if "avx" in self.features else "xmm"
        for i in range(16):
            self.emit(f"{'v' if wide == 'ymm' else ''}movdqu {wide}{i}, [rip + vectors + {i * 32}]")
        for i in range(8):
            self.emit(f"fld1")
        self.emit("fninit")
        for number in range(count):
            self.sequence(number)
        # Not exit status 0, which other ends could have.
        self.emit("end:", "mov edi, 7", "mov eax, 231", "syscall")
        self.data([(0.35, 4, lambda: self.pick(SINGLES)), (0.6, 8, lambda: self.pick(DOUBLES)),
                   (0.75, 4, self.single),
                   (0.9, 8, lambda: self.double() | self.r.getrandbits(1) << 63),
                   (1, 8, lambda: self.r.getrandbits(64))],
                  ".skip 64", "indices:", ".long 0, 1, 5, -3, 40, -60, 7, 100")
        return self.text()
