/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flags registers: on an x86_64 host, against what the processor itself makes of
 * the same operation; nzcv against what the Arm manual says of sums and
 * differences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flags.h"
#include "stream.h"

#define CF UINT64_C(0x001)
#define PF UINT64_C(0x004)
#define AF UINT64_C(0x010)
#define ZF UINT64_C(0x040)
#define SF UINT64_C(0x080)
#define OF UINT64_C(0x800)
#define ALL (CF | PF | AF | ZF | SF | OF)

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t mask_of(unsigned bits)
{
    return UINT64_MAX >> (64 - bits);
}

/* Random, but often near an end of the range or with few bits. */
static uint64_t operand(unsigned bits)
{
    uint64_t value = random64();

    switch (value >> 60) {
    case 0:
        return (value & 15) & mask_of(bits);
    case 1:
        return (UINT64_C(0) - (value & 15)) & mask_of(bits);
    case 2:
        return ((UINT64_C(1) << (bits - 1)) + (value & 7) - 4) & mask_of(bits);
    case 3:
        return UINT64_C(1) << (value & 63) & mask_of(bits);
    case 4:
        return value & 0xff & mask_of(bits);
    default:
        return value & mask_of(bits);
    }
}

/* What stands above a narrow value in its register: anything. */
static uint64_t dirty(uint64_t value, unsigned bits)
{
    return (value & mask_of(bits)) | (random64() & ~mask_of(bits));
}

#ifdef __x86_64__

/* ---- The processor ---- */

/* The stack pointer moves over the red zone, by instructions that leave flags
 * alone, before the flags are pushed. */
#define OVER_RED_ZONE "lea -128(%%rsp), %%rsp\n\t"
#define TAKE_FLAGS "\n\tpushfq\n\tpop %[f]\n\tlea 128(%%rsp), %%rsp"
#define SET_CARRY "addb $-1, %b[c]\n\t"

enum operation {
    OP_ADD,
    OP_ADC,
    OP_SUB,
    OP_SBB,
    OP_CMP,
    OP_AND,
    OP_OR,
    OP_XOR,
    OP_TEST,
    OP_INC,
    OP_DEC,
    OP_NEG,
    OP_SHL,
    OP_SHR,
    OP_SAR,
    OP_SHL1,
    OP_SHR1,
    OP_SAR1,
    OP_COUNT
};

#define TWO(text)                                                                        \
    __asm__ volatile(OVER_RED_ZONE SET_CARRY text " %[b], %[a]" TAKE_FLAGS               \
                     : [a] "+q"(a), [c] "+q"(carry), [f] "=&r"(flags)                    \
                     : [b] "q"(b)                                                        \
                     : "cc", "memory")
#define ONE(text)                                                                        \
    __asm__ volatile(OVER_RED_ZONE SET_CARRY text " %[a]" TAKE_FLAGS                     \
                     : [a] "+q"(a), [c] "+q"(carry), [f] "=&r"(flags)                    \
                     :                                                                   \
                     : "cc", "memory")
#define SHIFT(text)                                                                      \
    __asm__ volatile(OVER_RED_ZONE SET_CARRY text " %%cl, %[a]" TAKE_FLAGS               \
                     : [a] "+q"(a), [c] "+q"(carry), [f] "=&r"(flags)                    \
                     : "c"(b)                                                            \
                     : "cc", "memory")

/* Executes one operation; gives the result in *result and returns the flags. */
#define DEFINE_NATIVE(bits)                                                              \
    static uint64_t native##bits(enum operation op, uint64_t left, uint64_t right,       \
                                 uint8_t carry, uint64_t *result)                        \
    {                                                                                    \
        uint##bits##_t a = (uint##bits##_t)left, b = (uint##bits##_t)right;              \
        uint64_t flags = 0;                                                              \
                                                                                         \
        switch (op) {                                                                    \
        case OP_ADD:                                                                     \
            TWO("add");                                                                  \
            break;                                                                       \
        case OP_ADC:                                                                     \
            TWO("adc");                                                                  \
            break;                                                                       \
        case OP_SUB:                                                                     \
            TWO("sub");                                                                  \
            break;                                                                       \
        case OP_SBB:                                                                     \
            TWO("sbb");                                                                  \
            break;                                                                       \
        case OP_CMP:                                                                     \
            TWO("cmp");                                                                  \
            a = (uint##bits##_t)(a - b);                                                 \
            break;                                                                       \
        case OP_AND:                                                                     \
            TWO("and");                                                                  \
            break;                                                                       \
        case OP_OR:                                                                      \
            TWO("or");                                                                   \
            break;                                                                       \
        case OP_XOR:                                                                     \
            TWO("xor");                                                                  \
            break;                                                                       \
        case OP_TEST:                                                                    \
            TWO("test");                                                                 \
            a = a & b;                                                                   \
            break;                                                                       \
        case OP_INC:                                                                     \
            ONE("inc");                                                                  \
            break;                                                                       \
        case OP_DEC:                                                                     \
            ONE("dec");                                                                  \
            break;                                                                       \
        case OP_NEG:                                                                     \
            ONE("neg");                                                                  \
            break;                                                                       \
        case OP_SHL:                                                                     \
            SHIFT("shl");                                                                \
            break;                                                                       \
        case OP_SHR:                                                                     \
            SHIFT("shr");                                                                \
            break;                                                                       \
        case OP_SAR:                                                                     \
            SHIFT("sar");                                                                \
            break;                                                                       \
        case OP_SHL1:                                                                    \
            ONE("shl $1,");                                                              \
            break;                                                                       \
        case OP_SHR1:                                                                    \
            ONE("shr $1,");                                                              \
            break;                                                                       \
        default:                                                                         \
            ONE("sar $1,");                                                              \
            break;                                                                       \
        }                                                                                \
        *result = a;                                                                     \
        return flags & ALL;                                                              \
    }

DEFINE_NATIVE(8)
DEFINE_NATIVE(16)
DEFINE_NATIVE(32)
DEFINE_NATIVE(64)

static uint64_t native(enum operation op, unsigned bits, uint64_t left, uint64_t right,
                       uint8_t carry, uint64_t *result)
{
    return bits == 8    ? native8(op, left, right, carry, result)
           : bits == 16 ? native16(op, left, right, carry, result)
           : bits == 32 ? native32(op, left, right, carry, result)
                        : native64(op, left, right, carry, result);
}

/* ---- Comparing ---- */

static const uint64_t edges[] = {
    0,
    1,
    2,
    0xf,
    0x10,
    0x7e,
    0x7f,
    0x80,
    0x81,
    0xfe,
    0xff,
    0x100,
    0x7ffe,
    0x7fff,
    0x8000,
    0x8001,
    0xfffe,
    0xffff,
    0x10000,
    0x7ffffffe,
    0x7fffffff,
    0x80000000,
    0x80000001,
    0xfffffffe,
    0xffffffff,
    1ull << 32,
    INT64_MAX,
    UINT64_C(1) << 63,
    (UINT64_C(1) << 63) + 1,
    UINT64_MAX - 1,
    UINT64_MAX,
};
#define EDGES (sizeof edges / sizeof *edges)

static void compare(const char *what, unsigned bits, uint64_t a, uint64_t b,
                    unsigned carry, uint64_t got, uint64_t want, uint64_t defined)
{
    if ((got & defined) != (want & defined)) {
        fail_msg("%s of %u bits: %#llx, %#llx, carry %u: flags %#llx, the processor has "
                 "%#llx",
                 what, bits, (unsigned long long)a, (unsigned long long)b, carry,
                 (unsigned long long)(got & defined),
                 (unsigned long long)(want & defined));
    }
    /* And never a flag that is none of the six. */
    assert_int_equal(got & ~ALL, 0);
}

static uint64_t sign_extended(uint64_t value, unsigned bits)
{
    return (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits));
}

/* Runs one operation both ways, with what QEMU keeps of it. */
static void check(enum operation op, unsigned log, uint64_t a, uint64_t b, unsigned carry)
{
    static const char *const names[] = {"add", "adc", "sub",  "sbb",   "cmp",   "and",
                                        "or",  "xor", "test", "inc",   "dec",   "neg",
                                        "shl", "shr", "sar",  "shl 1", "shr 1", "sar 1"};
    unsigned bits = 8u << log, count = 1;
    uint64_t mask = mask_of(bits), want, result, got, defined = ALL, kept;
    uint8_t cc;

    a &= mask;
    b &= mask;
    if (op == OP_SHL || op == OP_SHR || op == OP_SAR) {
        count = (unsigned)b & (bits == 64 ? 63 : 31);
        if (count == 0) {
            return; /* leaves the flags alone */
        }
    }
    want = native(op, bits, a, b, (uint8_t)carry, &result);
    switch (op) {
    case OP_ADD:
        cc = LTI_CC_ADD;
        kept = dirty(b, bits);
        break;
    case OP_ADC:
        cc = LTI_CC_ADC;
        kept = dirty(b, bits);
        break;
    case OP_SUB:
    case OP_CMP:
        cc = LTI_CC_SUB;
        kept = dirty(b, bits);
        break;
    case OP_SBB:
        cc = LTI_CC_SBB;
        kept = dirty(b, bits);
        break;
    case OP_AND:
    case OP_OR:
    case OP_XOR:
    case OP_TEST:
        cc = LTI_CC_LOGIC;
        kept = random64();
        defined &= ~AF;
        break;
    case OP_INC:
        cc = LTI_CC_INC;
        kept = carry;
        break;
    case OP_DEC:
        cc = LTI_CC_DEC;
        kept = carry;
        break;
    case OP_NEG:
        cc = LTI_CC_SUB;
        kept = dirty(a, bits);
        break;
    default:
        /* Kept is the value before its last bit is shifted out. */
        defined &= ~AF;
        if (count != 1) {
            defined &= ~OF;
        }
        if (op == OP_SHL || op == OP_SHL1) {
            cc = LTI_CC_SHL;
            kept = dirty(a << (count - 1), bits);
        } else {
            cc = LTI_CC_SAR;
            kept = op == OP_SHR || op == OP_SHR1
                       ? a >> (count - 1)
                       : (uint64_t)((int64_t)sign_extended(a, bits) >> (count - 1));
        }
        if (count >= bits && (op == OP_SHL || op == OP_SHR)) {
            defined &= ~CF;
        }
        break;
    }
    got = lti_x86_arithmetic_flags((uint8_t)(cc | log), dirty(result, bits), kept,
                                   op == OP_ADC || op == OP_SBB ? dirty(carry, bits)
                                                                : random64());
    compare(names[op], bits, a, b, carry, got, want, defined);
}

static void test_edges(void **state)
{
    (void)state;
    for (enum operation op = 0; op < OP_COUNT; op++) {
        for (unsigned log = 0; log < 4; log++) {
            for (size_t i = 0; i < EDGES; i++) {
                for (size_t k = 0; k < EDGES; k++) {
                    check(op, log, edges[i], edges[k], 0);
                    check(op, log, edges[i], edges[k], 1);
                }
            }
        }
    }
}

/* All pairs of bytes. */
static void test_bytes(void **state)
{
    (void)state;
    for (enum operation op = 0; op < OP_COUNT; op++) {
        for (unsigned a = 0; a < 256; a++) {
            for (unsigned b = 0; b < 256; b++) {
                check(op, 0, a, b, 0);
                check(op, 0, a, b, 1);
            }
        }
    }
}

static void test_random(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        unsigned log = i & 3;

        check((enum operation)(random64() % OP_COUNT), log, operand(8u << log),
              operand(8u << log), (unsigned)(random64() >> 40 & 1));
    }
}

/* ---- Products ---- */

/* The flags and the low half of the product; `is_signed`: imul. */
static uint64_t native_product(bool is_signed, unsigned bits, uint64_t a, uint64_t b,
                               uint64_t *low, uint64_t *high)
{
    uint64_t rax = a, rdx = 0, flags;

#define PRODUCT(text, modifier)                                                          \
    __asm__ volatile(OVER_RED_ZONE text " %" modifier "[b]" TAKE_FLAGS                   \
                     : "+a"(rax), "+d"(rdx), [f] "=&r"(flags)                            \
                     : [b] "r"(b)                                                        \
                     : "cc", "memory")
    if (bits == 8) {
        if (is_signed) {
            PRODUCT("imulb", "b");
        } else {
            PRODUCT("mulb", "b");
        }
        rdx = rax >> 8 & 0xff;
    } else if (bits == 16) {
        if (is_signed) {
            PRODUCT("imulw", "w");
        } else {
            PRODUCT("mulw", "w");
        }
    } else if (bits == 32) {
        if (is_signed) {
            PRODUCT("imull", "k");
        } else {
            PRODUCT("mull", "k");
        }
    } else if (is_signed) {
        PRODUCT("imulq", "q");
    } else {
        PRODUCT("mulq", "q");
    }
#undef PRODUCT
    *low = rax & mask_of(bits);
    *high = rdx & mask_of(bits);
    return flags & ALL;
}

static void check_product(bool is_signed, unsigned log, uint64_t a, uint64_t b)
{
    unsigned bits = 8u << log;
    uint64_t low, high, want, kept;

    a &= mask_of(bits);
    b &= mask_of(bits);
    want = native_product(is_signed, bits, a, b, &low, &high);
    /* Kept is the high half, less what the low half's sign makes of it. */
    kept = is_signed ? high - (sign_extended(low, bits) >> 63 ? mask_of(bits) : 0) : high;
    compare(is_signed ? "imul" : "mul", bits, a, b, 0,
            lti_x86_arithmetic_flags((uint8_t)(LTI_CC_MUL | log), dirty(low, bits), kept,
                                     random64()),
            want, CF | OF);
    /* It may stand anywhere in the kept word. */
    compare("mul above its size", bits, a, b, 0,
            lti_x86_arithmetic_flags((uint8_t)(LTI_CC_MUL | log), low,
                                     kept ? UINT64_C(1) << 63 : 0, 0),
            want, CF | OF);
}

static void test_products(void **state)
{
    (void)state;
    for (unsigned log = 0; log < 4; log++) {
        for (size_t i = 0; i < EDGES; i++) {
            for (size_t k = 0; k < EDGES; k++) {
                check_product(false, log, edges[i], edges[k]);
                check_product(true, log, edges[i], edges[k]);
            }
        }
        for (unsigned i = 0; i < 40000; i++) {
            check_product(i & 1, log, operand(8u << log), operand(8u << log));
        }
    }
}

/* ---- Bit manipulation ---- */

#define BMI(text, type)                                                                  \
    do {                                                                                 \
        type from_ = (type)a, to_;                                                       \
        __asm__ volatile(OVER_RED_ZONE text " %[a], %[r]" TAKE_FLAGS                     \
                         : [r] "=&r"(to_), [f] "=&r"(flags)                              \
                         : [a] "r"(from_)                                                \
                         : "cc", "memory");                                              \
        result = to_;                                                                    \
    } while (0)
#define BMI2(text, type)                                                                 \
    do {                                                                                 \
        type from_ = (type)a, with_ = (type)b, to_;                                      \
        __asm__ volatile(OVER_RED_ZONE text TAKE_FLAGS                                   \
                         : [r] "=&r"(to_), [f] "=&r"(flags)                              \
                         : [a] "r"(from_), [b] "r"(with_)                                \
                         : "cc", "memory");                                              \
        result = to_;                                                                    \
    } while (0)

static void check_bmi(unsigned log, uint64_t a, uint64_t b)
{
    unsigned bits = 8u << log;
    const uint64_t defined = CF | ZF | SF | OF;
    uint64_t flags, result;
    bool wide = log == 3;

    a &= mask_of(bits);
#define CHECK(name, cc, defined_flags)                                                   \
    compare(name, bits, a, b, 0,                                                         \
            lti_x86_arithmetic_flags((uint8_t)((cc) | log), dirty(result, bits),         \
                                     dirty(a, bits), random64()),                        \
            flags &ALL, defined_flags)
    if (wide) {
        BMI("blsr", uint64_t);
    } else {
        BMI("blsr", uint32_t);
    }
    CHECK("blsr", LTI_CC_BMILG, defined);
    if (wide) {
        BMI("blsmsk", uint64_t);
    } else {
        BMI("blsmsk", uint32_t);
    }
    CHECK("blsmsk", LTI_CC_BMILG, defined & ~ZF);
    if (wide) {
        BMI("blsi", uint64_t);
    } else {
        BMI("blsi", uint32_t);
    }
    CHECK("blsi", LTI_CC_BLSI, defined);
    if (wide) {
        BMI("tzcnt", uint64_t);
    } else {
        BMI("tzcnt", uint32_t);
    }
    CHECK("tzcnt", LTI_CC_BMILG, CF | ZF);
    if (wide) {
        BMI2("andn %[b], %[a], %[r]", uint64_t);
    } else {
        BMI2("andn %[b], %[a], %[r]", uint32_t);
    }
    CHECK("andn", LTI_CC_LOGIC, defined);
#undef CHECK
}

static void test_bmi(void **state)
{
    (void)state;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("bmi")) {
        skip();
    }
    for (unsigned log = 2; log < 4; log++) {
        for (size_t i = 0; i < EDGES; i++) {
            for (size_t k = 0; k < EDGES; k++) {
                check_bmi(log, edges[i], edges[k]);
            }
        }
        for (unsigned i = 0; i < 50000; i++) {
            check_bmi(log, operand(8u << log), operand(8u << log));
        }
    }
}

static void check_popcnt(unsigned log, uint64_t a)
{
    unsigned bits = 8u << log;
    uint64_t flags, result;

    a &= mask_of(bits);
    if (log == 1) {
        BMI("popcnt", uint16_t);
    } else if (log == 2) {
        BMI("popcnt", uint32_t);
    } else {
        BMI("popcnt", uint64_t);
    }
    compare("popcnt", bits, a, 0, 0,
            lti_x86_arithmetic_flags((uint8_t)(LTI_CC_POPCNT | log), result, random64(),
                                     random64()),
            flags & ALL, ALL);
}

static void test_popcnt(void **state)
{
    (void)state;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("popcnt")) {
        skip();
    }
    for (unsigned log = 1; log < 4; log++) {
        for (size_t i = 0; i < EDGES; i++) {
            check_popcnt(log, edges[i]);
        }
        for (unsigned i = 0; i < 20000; i++) {
            check_popcnt(log, operand(8u << log));
        }
    }
}

/* adcx and adox: one flag each, kept apart from the others. */
static void test_adx(void **state)
{
    (void)state;
    __builtin_cpu_init();
    unsigned regs[4];
    __asm__ volatile("cpuid"
                     : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(7), "c"(0));
    if (!(regs[1] >> 19 & 1)) {
        skip();
    }
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t a = operand(64), b = operand(64), before = random64() & ALL, r, x, o;
        uint64_t start = before | 2;

        r = a;
        __asm__ volatile(OVER_RED_ZONE "push %[s]\n\tpopfq\n\tadcx %[b], %[r]" TAKE_FLAGS
                         : [r] "+&r"(r), [f] "=&r"(x)
                         : [b] "r"(b), [s] "r"(start)
                         : "cc", "memory");
        compare("adcx", 64, a, b, before & CF,
                lti_x86_arithmetic_flags(LTI_CC_ADCX | 3, x & CF,
                                         before | random64() << 12, random64()),
                x & ALL, ALL);
        __asm__ volatile(OVER_RED_ZONE "push %[s]\n\tpopfq\n\tadox %[b], %[r]" TAKE_FLAGS
                         : [r] "+&r"(r), [f] "=&r"(o)
                         : [b] "r"(b), [s] "r"(start)
                         : "cc", "memory");
        compare("adox", 64, a, b, before & OF,
                lti_x86_arithmetic_flags(LTI_CC_ADOX | 3, random64(), before, !!(o & OF)),
                o & ALL, ALL);
        compare("adcx and adox", 64, a, b, 0,
                lti_x86_arithmetic_flags(LTI_CC_ADCOX | 3, x & CF, before, !!(o & OF)),
                (before & ~(CF | OF)) | (x & CF) | (o & OF), ALL);
    }
}

#endif /* __x86_64__ */

/* ---- What needs no processor ---- */

static void test_eflags(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t flags = random64();

        for (uint8_t size = 0; size < 4; size++) {
            assert_int_equal(lti_x86_arithmetic_flags(LTI_CC_EFLAGS | size, random64(),
                                                      flags, random64()),
                             flags & ALL);
        }
    }
    /* A kind that there is not has no flags. */
    for (unsigned cc = LTI_CC_UNKNOWN; cc < 256; cc++) {
        assert_int_equal(lti_x86_arithmetic_flags((uint8_t)cc, 1, 2, 3), 0);
    }
}

static void test_rflags(void **state)
{
    uint64_t regs[LTI_MAX_REGS] = {0};
    uint8_t cc_map[128];

    (void)state;
    memset(cc_map, LTI_CC_UNKNOWN, sizeof cc_map);
    cc_map[9] = LTI_CC_SUB | 2;
    cc_map[127] = LTI_CC_EFLAGS;
    regs[LTI_X86_DF] = 1;
    regs[LTI_X86_EFLAGS] = 0x202;
    regs[LTI_X86_CC_OP] = 9;
    regs[LTI_X86_CC_DST] = 0xffffffff00000000; /* 5 - 5 */
    regs[LTI_X86_CC_SRC] = 5;
    assert_int_equal(lti_x86_rflags(regs, cc_map), 0x202 | ZF | PF);
    regs[LTI_X86_DF] = UINT64_MAX;
    assert_int_equal(lti_x86_rflags(regs, cc_map), 0x602 | ZF | PF);
    regs[LTI_X86_CC_OP] = 127;
    regs[LTI_X86_CC_SRC] = CF | SF;
    assert_int_equal(lti_x86_rflags(regs, cc_map), 0x602 | CF | SF);
    regs[LTI_X86_CC_OP] = UINT64_MAX; /* no index of its own: never out of the map */
    assert_int_equal(lti_x86_rflags(regs, cc_map), 0x602 | CF | SF);
    regs[LTI_X86_CC_OP] = 1;
    assert_int_equal(lti_x86_rflags(regs, cc_map), 0x602);
}

/* AddWithCarry() of the Arm manual: the flags from exact sums. */
static uint64_t add_with_carry(uint64_t x, uint64_t y, unsigned carry, unsigned bits,
                               uint64_t *result)
{
    unsigned __int128 sum = (unsigned __int128)x + y + carry;
    __int128 exact = (__int128)(int64_t)(x << (64 - bits)) + (int64_t)(y << (64 - bits));
    __int128 one = (__int128)1 << (64 - bits), limit = (__int128)1 << 63;

    exact += carry * one;
    *result = (uint64_t)sum & mask_of(bits);
    return (*result >> (bits - 1)) << 31 | (uint64_t)(*result == 0) << 30 |
           (uint64_t)(sum >> bits != 0) << 29 |
           (uint64_t)(exact >= limit || exact < -limit) << 28;
}

static void test_nzcv(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        unsigned bits = i & 1 ? 64 : 32, carry = i >> 1 & 1;
        uint64_t x = operand(bits), y = operand(bits), result, want, sign;
        uint64_t regs[LTI_MAX_REGS];

        if (i & 4) {
            y = ~y & mask_of(bits); /* a difference */
        }
        want = add_with_carry(x, y, carry, bits, &result);
        sign = (result ^ x) & ~(x ^ y);
        memset(regs, 0xa5, sizeof regs);
        /* QEMU keeps 32-bit words; what is above them is anything. */
        regs[LTI_A64_NF] = dirty(bits == 64 ? result >> 32 : result, 32);
        regs[LTI_A64_ZF] =
            dirty(bits == 64 ? (result >> 32 | (uint32_t)result) : result, 32);
        regs[LTI_A64_CF] = want >> 29 & 1;
        regs[LTI_A64_VF] = dirty(bits == 64 ? sign >> 32 : sign, 32);
        if (lti_a64_nzcv(regs) != want) {
            fail_msg("%#llx + %#llx + %u, %u bits: %#llx, not %#llx",
                     (unsigned long long)x, (unsigned long long)y, carry, bits,
                     (unsigned long long)lti_a64_nzcv(regs), (unsigned long long)want);
        }
    }
}

/* The bits are those of Intel's manual, volume 1, 10.2.3, and of Arm's at FPSR. */
static void test_float(void **state)
{
    uint64_t x86[LTI_MAX_REGS] = {0}, a64[LTI_MAX_REGS] = {0};
    static const struct {
        uint32_t flag, mxcsr, fpsr;
    } cases[] = {
        {0, 0, 0},
        {LTI_FLOAT_INVALID, 0x01, 0x01},
        {LTI_FLOAT_DIVBYZERO, 0x04, 0x02},
        {LTI_FLOAT_OVERFLOW, 0x08, 0x04},
        {LTI_FLOAT_UNDERFLOW, 0x10, 0x08},
        {LTI_FLOAT_INEXACT, 0x20, 0x10},
        {LTI_FLOAT_OUTPUT_FLUSHED, 0x30, 0x08},
        {LTI_FLOAT_INPUT_FLUSHED, 0, 0},
        {LTI_FLOAT_INPUT_USED, 0, 0},
        {LTI_FLOAT_INVALID | LTI_FLOAT_INEXACT | 0x2000, 0x21, 0x11},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        x86[LTI_X86_MXCSR] = 0x1f80;
        x86[LTI_X86_FLOAT] = cases[i].flag;
        assert_int_equal(lti_x86_mxcsr(x86), 0x1f80 | cases[i].mxcsr);
        a64[LTI_A64_FPCR] = 0;
        a64[LTI_A64_FLOAT] = cases[i].flag;
        a64[LTI_A64_FLOAT_F16] = 0;
        assert_int_equal(lti_a64_fpsr(a64), cases[i].fpsr);
        a64[LTI_A64_FLOAT] = 0;
        a64[LTI_A64_FLOAT_F16] = cases[i].flag;
        assert_int_equal(lti_a64_fpsr(a64), cases[i].fpsr);
    }
    /* A denormal operand: with FZ if it was flushed, with AH if it was used, and not in
     * half precision. */
    a64[LTI_A64_FLOAT_F16] = LTI_FLOAT_INPUT_FLUSHED | LTI_FLOAT_INPUT_USED;
    a64[LTI_A64_FPCR] = 1 << 24;
    assert_int_equal(lti_a64_fpsr(a64), 0);
    a64[LTI_A64_FLOAT] = LTI_FLOAT_INPUT_FLUSHED;
    assert_int_equal(lti_a64_fpsr(a64), 0x80);
    a64[LTI_A64_FPCR] = 1 << 24 | 1 << 1;
    assert_int_equal(lti_a64_fpsr(a64), 0);
    a64[LTI_A64_FLOAT] = LTI_FLOAT_INPUT_USED | LTI_FLOAT_OUTPUT_FLUSHED;
    assert_int_equal(lti_a64_fpsr(a64), 0x98);
    /* What was there before stays; QC is there if a word is not 0. */
    a64[LTI_A64_FLOAT] = 0;
    a64[LTI_A64_FPSR] = 0x10;
    a64[LTI_A64_QC + 1] = UINT64_C(1) << 40;
    assert_int_equal(lti_a64_fpsr(a64), 0x08000010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float),
#ifdef __x86_64__
        cmocka_unit_test(test_edges),  cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_random), cmocka_unit_test(test_products),
        cmocka_unit_test(test_bmi),    cmocka_unit_test(test_popcnt),
        cmocka_unit_test(test_adx),
#endif
        cmocka_unit_test(test_eflags), cmocka_unit_test(test_rflags),
        cmocka_unit_test(test_nzcv),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
