/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86_64 guests: registers, lazy flags, helpers. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "lt-target.h"
#include "stream.h"

#define GLOBAL(field, reg, bytes, flag)                                                  \
    {                                                                                    \
        offsetof(CPUX86State, field), reg, bytes, flag                                   \
    }

static const LtGlobal globals[] = {
    GLOBAL(regs[R_EAX], 0, 8, false),
    GLOBAL(regs[R_ECX], 1, 8, false),
    GLOBAL(regs[R_EDX], 2, 8, false),
    GLOBAL(regs[R_EBX], 3, 8, false),
    GLOBAL(regs[R_ESP], 4, 8, false),
    GLOBAL(regs[R_EBP], 5, 8, false),
    GLOBAL(regs[R_ESI], 6, 8, false),
    GLOBAL(regs[R_EDI], 7, 8, false),
    GLOBAL(regs[8], 8, 8, false),
    GLOBAL(regs[9], 9, 8, false),
    GLOBAL(regs[10], 10, 8, false),
    GLOBAL(regs[11], 11, 8, false),
    GLOBAL(regs[12], 12, 8, false),
    GLOBAL(regs[13], 13, 8, false),
    GLOBAL(regs[14], 14, 8, false),
    GLOBAL(regs[15], 15, 8, false),
    GLOBAL(segs[R_FS].base, 18, 8, false),
    GLOBAL(segs[R_GS].base, 19, 8, false),
    GLOBAL(cc_op, LTI_X86_CC_OP, 4, true),
    GLOBAL(cc_dst, LTI_X86_CC_DST, 8, true),
    GLOBAL(cc_src, LTI_X86_CC_SRC, 8, true),
    GLOBAL(cc_src2, LTI_X86_CC_SRC2, 8, true),
};

static void collect(CPUArchState *env, uint64_t *values, bool inside)
{
    for (int i = 0; i < 16; i++) {
        values[i] = env->regs[i];
    }
    values[16] = env->eip;
    values[17] = 0;
    values[18] = env->segs[R_FS].base;
    values[19] = env->segs[R_GS].base;
    if (inside) {
        values[LTI_X86_CC_OP] = env->cc_op;
        values[LTI_X86_CC_DST] = env->cc_dst;
        values[LTI_X86_CC_SRC] = env->cc_src;
        values[LTI_X86_CC_SRC2] = env->cc_src2;
        values[LTI_X86_DF] = (int64_t)env->df;
    } else {
        /* As x86_cpu_exec_enter() will set them up. */
        values[LTI_X86_CC_OP] = CC_OP_EFLAGS;
        values[LTI_X86_CC_DST] = env->cc_dst;
        values[LTI_X86_CC_SRC] = env->eflags & (CC_O | CC_S | CC_Z | CC_A | CC_P | CC_C);
        values[LTI_X86_CC_SRC2] = env->cc_src2;
        values[LTI_X86_DF] = env->eflags & DF_MASK ? (uint64_t)-1 : 1;
    }
    values[LTI_X86_EFLAGS] = env->eflags & ~(uint64_t)(RF_MASK | DF_MASK | CC_O | CC_S |
                                                       CC_Z | CC_A | CC_P | CC_C);
}

/* Skips legacy and REX prefixes; returns the index of the opcode. */
static unsigned skip_prefixes(const uint8_t *code, unsigned size)
{
    unsigned i = 0;
    while (i < size && (code[i] == 0x66 || code[i] == 0x67 || code[i] == 0xf2 ||
                        code[i] == 0xf3 || code[i] == 0xf0 || code[i] == 0x2e ||
                        code[i] == 0x36 || code[i] == 0x3e || code[i] == 0x26 ||
                        code[i] == 0x64 || code[i] == 0x65 || (code[i] & 0xf0) == 0x40)) {
        i++;
    }
    return i;
}

/* Instructions that read flags and write none (Intel's manual, volume 2):
 * QEMU may compute the flags for them and store the result. */
static bool keeps_flags(const uint8_t *code, unsigned size)
{
    unsigned i = skip_prefixes(code, size);
    uint8_t op, next;

    if (i >= size) {
        return false;
    }
    op = code[i];
    next = i + 1 < size ? code[i + 1] : 0;
    if ((op & 0xf0) == 0x70 || (op >= 0xe0 && op <= 0xe3)) {
        return true; /* jcc, loopcc, jcxz */
    }
    if (op == 0x9c || op == 0x9f) {
        return true; /* pushf, lahf */
    }
    if (op == 0x0f) { /* cmovcc, jcc, setcc; syscall; cpuid */
        return (next & 0xf0) == 0x40 || (next & 0xf0) == 0x80 || (next & 0xf0) == 0x90 ||
               next == 0x05 || next == 0xa2;
    }
    if (op == 0xda || op == 0xdb) { /* fcmovcc */
        return next >= 0xc0 && next < 0xe0;
    }
    return false;
}

static bool repeats(const uint8_t *code, unsigned size)
{
    unsigned i = skip_prefixes(code, size);
    bool rep = false;

    for (unsigned k = 0; k < i; k++) {
        rep |= code[k] == 0xf2 || code[k] == 0xf3;
    }
    if (!rep || i >= size) {
        return false;
    }
    return (code[i] >= 0xa4 && code[i] <= 0xa7) || (code[i] >= 0xaa && code[i] <= 0xaf) ||
           (code[i] >= 0x6c && code[i] <= 0x6f);
}

#define R(n) (UINT64_C(1) << (n))

/* Helpers by name, exact or (ending in '*') by prefix.  Names are those of
 * target/i386/helper.h. */
static const struct {
    const char *name;
    LtEffect effect;
} helpers[] = {
    {"divb_AL", {true, true, true, R(0)}},
    {"idivb_AL", {true, true, true, R(0)}},
    {"divw_AX", {true, true, true, R(0) | R(2)}},
    {"idivw_AX", {true, true, true, R(0) | R(2)}},
    {"divl_EAX", {true, true, true, R(0) | R(2)}},
    {"idivl_EAX", {true, true, true, R(0) | R(2)}},
    {"divq_EAX", {true, true, true, R(0) | R(2)}},
    {"idivq_EAX", {true, true, true, R(0) | R(2)}},
    {"cpuid", {true, true, false, R(0) | R(1) | R(2) | R(3)}},
    {"rdtsc", {true, true, false, R(0) | R(2)}},
    {"read_eflags", {true, true, false, 0}},
    {"rdrand", {true, true, true, 0}},
    {"fcomi_ST0_FT0", {true, true, true, 0}},
    {"fucomi_ST0_FT0", {true, true, true, 0}},
    {"comiss", {true, true, true, 0}},
    {"comisd", {true, true, true, 0}},
    {"ucomiss", {true, true, true, 0}},
    {"ucomisd", {true, true, true, 0}},
    {"ptest_*", {true, true, true, 0}},
    {"vtestps_*", {true, true, true, 0}},
    {"vtestpd_*", {true, true, true, 0}},
    {"pcmpestri_*", {true, true, true, R(1)}},
    {"pcmpistri_*", {true, true, true, R(1)}},
    {"pcmpestrm_*", {true, true, true, 0}},
    {"pcmpistrm_*", {true, true, true, 0}},
    {"maskmov_*", {true, true, false, 0}},
    {"vpmaskmov*", {true, true, false, 0}},
    {"vpgather*", {true, true, false, 0}},
    {"ldmxcsr", {true, true, false, 0}},
    {"update_mxcsr", {true, false, false, 0}},
    {"enter_mmx", {true, false, false, 0}},
    {"emms", {true, false, false, 0}},
    /* x87 with memory. */
    {"fldt_ST0", {true, true, false, 0}},
    {"fstt_ST0", {true, true, false, 0}},
    {"fbld_ST0", {true, true, false, 0}},
    {"fbst_ST0", {true, true, false, 0}},
    {"fstenv", {true, true, false, 0}},
    {"fldenv", {true, true, false, 0}},
    {"fsave", {true, true, false, 0}},
    {"frstor", {true, true, false, 0}},
    {"fwait", {true, true, false, 0}},
    {"fxsave", {true, true, false, 0}},
    {"fxrstor", {true, true, false, 0}},
    {"flush_page", {true, true, false, 0}},
    /* Not known to the last register, but known to set flags. */
    {"write_eflags", {false, true, true, 0}},
    {"iret_protected", {false, true, true, 0}},
    {"lsl", {true, true, true, 0}},
    {"lar", {true, true, true, 0}},
    {"verr", {true, true, true, 0}},
    {"verw", {true, true, true, 0}},
    /* The rest of x87 and SSE works on its own registers. */
    {"f*", {true, false, false, 0}},
    {"cvt*", {true, false, false, 0}},
    {"sqrt*", {true, false, false, 0}},
    {"addss", {true, false, false, 0}},
    {"addsd", {true, false, false, 0}},
    {"subss", {true, false, false, 0}},
    {"subsd", {true, false, false, 0}},
    {"mulss", {true, false, false, 0}},
    {"mulsd", {true, false, false, 0}},
    {"divss", {true, false, false, 0}},
    {"divsd", {true, false, false, 0}},
    {"minss", {true, false, false, 0}},
    {"minsd", {true, false, false, 0}},
    {"maxss", {true, false, false, 0}},
    {"maxsd", {true, false, false, 0}},
    {"cmp*", {true, false, false, 0}},
    {"rsqrtss", {true, false, false, 0}},
    {"rcpss", {true, false, false, 0}},
    {"crc32", {true, false, false, 0}},
    {"sha1*", {true, false, false, 0}},
    {"sha256*", {true, false, false, 0}},
    {"extrq_*", {true, false, false, 0}},
    {"insertq_*", {true, false, false, 0}},
};

static LtEffect effect(const char *helper)
{
    size_t size = strlen(helper);

    for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
        const char *name = helpers[i].name;
        size_t n = strlen(name);
        if (name[n - 1] == '*' ? strncmp(helper, name, n - 1) == 0
                               : strcmp(helper, name) == 0) {
            return helpers[i].effect;
        }
    }
    if (size > 4 && (strcmp(helper + size - 4, "_xmm") == 0 ||
                     strcmp(helper + size - 4, "_ymm") == 0 ||
                     strcmp(helper + size - 4, "_mmx") == 0)) {
        return (LtEffect){.known = true};
    }
    return (LtEffect){.memory = true};
}

static bool completes(const char *helper, const uint64_t *args, unsigned count)
{
    if (strcmp(helper, "raise_exception") == 0) {
        return count > 0 && args[0] >= EXCP_INTERRUPT;
    }
    return strcmp(helper, "icebp") != 0;
}

static void cc_map(uint8_t *map, unsigned size)
{
    static const struct {
        int qemu;
        uint8_t kind;
    } groups[] = {
        {CC_OP_MULB, LTI_CC_MUL},     {CC_OP_ADDB, LTI_CC_ADD},
        {CC_OP_ADCB, LTI_CC_ADC},     {CC_OP_SUBB, LTI_CC_SUB},
        {CC_OP_SBBB, LTI_CC_SBB},     {CC_OP_LOGICB, LTI_CC_LOGIC},
        {CC_OP_INCB, LTI_CC_INC},     {CC_OP_DECB, LTI_CC_DEC},
        {CC_OP_SHLB, LTI_CC_SHL},     {CC_OP_SARB, LTI_CC_SAR},
        {CC_OP_BMILGB, LTI_CC_BMILG}, {CC_OP_BLSIB, LTI_CC_BLSI},
    };

    memset(map, LTI_CC_UNKNOWN, size);
    map[CC_OP_EFLAGS] = LTI_CC_EFLAGS;
    map[CC_OP_ADCX] = LTI_CC_ADCX;
    map[CC_OP_ADOX] = LTI_CC_ADOX;
    map[CC_OP_ADCOX] = LTI_CC_ADCOX;
    map[CC_OP_POPCNT] = LTI_CC_POPCNT;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        for (int k = 0; k < 4; k++) {
            map[groups[i].qemu + k] = groups[i].kind | k;
        }
    }
}

/* QEMU's user-mode system calls leave rcx and r11 as they were; a processor
 * puts the return address and the flags there (the manual's SYSCALL). */
static uint64_t enter_syscall(CPUArchState *env)
{
    uint64_t pc = env->eip - 2; /* behind the instruction already */
    uint8_t code[2];

    if (cpu_memory_rw_debug(env_cpu(env), pc, code, 2, false) == 0 && code[0] == 0x0f &&
        code[1] == 0x05) {
        env->regs[R_ECX] = env->eip;
        env->regs[11] = env->eflags & ~(uint64_t)RF_MASK;
    }
    return pc;
}

static uint64_t pc_of(const CPUArchState *env)
{
    return env->eip;
}

const LtTarget lt_target = {
    .name = "x86_64",
    .arch = 1,
    .pc = pc_of,
    .reg_count = LTI_X86_REGS,
    .globals = globals,
    .global_count = ARRAY_SIZE(globals),
    .cc_op = LTI_X86_CC_OP,
    .flags_reg = 17,
    .cc_dynamic = CC_OP_DYNAMIC,
    .df_offset = offsetof(CPUX86State, df),
    .df_reg = LTI_X86_DF,
    .repeat_offset = offsetof(CPUX86State, regs[R_ECX]),
    .collect = collect,
    .keeps_flags = keeps_flags,
    .repeats = repeats,
    .effect = effect,
    .completes = completes,
    .cc_map = cc_map,
    .enter_syscall = enter_syscall,
};
